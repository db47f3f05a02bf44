"""How the learning rates go over a run."""

from __future__ import annotations

from internals.capstone.config import Config
from internals.capstone.parts import Parts


def learning_rate(step: int, config: Config, parts: Parts) -> float:
    """The factor on every peak learning rate at a step: a linear warmup, then a cosine, a line, or nothing."""
    chosen, total = config.optimizer, config.train.steps
    if chosen.schedule == "linear" and step >= chosen.warmup:
        progress = min((step - chosen.warmup) / (total - chosen.warmup), 1)
        return 1 - (1 - chosen.floor) * progress
    kind = "constant" if chosen.schedule == "linear" else chosen.schedule
    return parts.schedule(step, kind, warmup=chosen.warmup, total=total, floor=chosen.floor)
