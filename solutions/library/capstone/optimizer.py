"""Which optimizer moves which weights, and how their learning rates go over the run."""

from __future__ import annotations

import torch
from torch import nn

from internals.capstone.config import Config, OptimizerConfig
from internals.capstone.parts import Parts
from internals.capstone.stop import Stop


class Together:
    """Several optimizers that step as one."""

    def __init__(self, *optimizers) -> None:
        self.optimizers = optimizers
        for group in self.param_groups:
            group.setdefault("peak_lr", group["lr"])

    @property
    def param_groups(self) -> list[dict]:
        """The groups of all."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    @property
    def state(self) -> dict:
        """What each parameter's update remembers, of all."""
        return {p: memory for optimizer in self.optimizers for p, memory in optimizer.state.items()}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for optimizer in self.optimizers:
            optimizer.step()

    def scale_lr(self, factor: float) -> None:
        """Set each learning rate to `factor` times its peak."""
        for group in self.param_groups:
            group["lr"] = factor * group["peak_lr"]

    def state_dict(self) -> dict:
        """For a checkpoint."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, saved: dict) -> None:
        """Take up again where `state_dict` was called. Raises Stop for what another AdamW saved."""
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            if state.keys() != optimizer.state_dict().keys():
                raise Stop("AdamW is torch's fused one on a GPU and the course's on a CPU: go on where the run began")
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)


def build_optimizer(model: nn.Module, config: OptimizerConfig, parts: Parts) -> Together:
    """Muon for the matrices of the blocks and AdamW for embedding, head and norms; or AdamW for all.

    On a GPU, AdamW is torch's fused one: the same numbers in one kernel instead of ten for each tensor.
    """
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if config.kind == "muon" else []
    taken = set(map(id, matrices))
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    settings = {"lr": config.adamw_lr, "betas": (config.beta1, config.beta2), "eps": 1e-8}
    on_gpu = rest[0].is_cuda
    others = torch.optim.AdamW(groups, fused=True, **settings) if on_gpu else parts.AdamW(groups, **settings)
    if not matrices:
        return Together(others)
    muon = parts.Muon(
        matrices, lr=config.muon_lr, momentum=config.muon_momentum, weight_decay=config.weight_decay
    )
    return Together(muon, others)


def learning_rate(step: int, config: Config, parts: Parts) -> float:
    """The factor on every peak learning rate at a step: a linear warmup, then a cosine, a line, or nothing."""
    chosen, total = config.optimizer, config.train.steps
    if chosen.schedule == "linear" and step >= chosen.warmup:
        progress = min((step - chosen.warmup) / (total - chosen.warmup), 1)
        return 1 - (1 - chosen.floor) * progress
    kind = "constant" if chosen.schedule == "linear" else chosen.schedule
    return parts.schedule(step, kind, warmup=chosen.warmup, total=total, floor=chosen.floor)
