"""One process or several under `torchrun`: the same run, with each batch shared out among them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from internals.capstone.stop import Stop


@dataclass(frozen=True)
class Processes:
    """rank: this process's number of `count`. local_rank: its number on this computer."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Rank 0 alone prints and writes files."""
        return self.rank == 0

    def mean(self, numbers: list[float], device: torch.device) -> list[float]:
        """The mean over the processes of a few numbers that each has."""
        if self.count == 1:
            return numbers
        together = torch.tensor(numbers, device=device)
        dist.all_reduce(together)
        return (together / self.count).tolist()

    def wait(self) -> None:
        """Until every process is here."""
        if self.count > 1:
            dist.barrier()


def find_processes() -> Processes:
    """What torchrun has written into the environment; one process where it has not."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return Processes()
    return Processes(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_RANK", 0)))


def join(processes: Processes, device: torch.device) -> None:
    """Connect the processes: NCCL between GPUs, gloo between CPUs."""
    if processes.count > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")


def leave() -> None:
    """Take the connection down, where there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def share(model: nn.Module, kind: str, processes: Processes, device: torch.device) -> nn.Module:
    """The model to train with. kind "ddp": a copy in each process, gradients averaged. "fsdp": weights shared out too.

    Gradients are averaged after every backward pass, also between batches that a step accumulates. fsdp changes the
    model's parameters in place: build the optimizer after it.
    """
    if processes.count == 1:
        return model
    if kind == "ddp":
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (processes.count,))
    for block in model.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


class SharedBatches:
    """The batches of a run: every process draws the same, takes its own rows, and sends them to its device.

    So N processes see what one would see, and a run may go on with another number of processes.
    """

    def __init__(self, batches, processes: Processes, device: torch.device) -> None:
        self.batches, self.processes, self.device = batches, processes, device

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """This process's inputs and targets, (B / count, T) each, int64, on the device."""
        return tuple(self._mine(rows) for rows in self.batches.next_batch())

    def _mine(self, rows: Tensor) -> Tensor:
        size = len(rows) // self.processes.count
        rows = rows[self.processes.rank * size :][:size].contiguous()
        if self.device.type == "cuda":  # pinned memory is copied while the CPU goes on
            rows = rows.pin_memory()
        return rows.to(self.device, torch.int64, non_blocking=True)

    def state_dict(self) -> dict:
        """For a checkpoint."""
        return self.batches.state_dict()

    def load_state_dict(self, saved: dict) -> None:
        """Take up again where `state_dict` was called."""
        self.batches.load_state_dict(saved)


def check_share(batch_size: int, processes: Processes) -> None:
    """Raise Stop where a batch cannot be shared out evenly."""
    if batch_size % processes.count:
        raise Stop(f"train.batch_size = {batch_size} cannot be shared out evenly among {processes.count} processes", 2)


# ---- whole tensors of shared-out ones (FSDP's are DTensors: each process holds some rows)


def whole(tree: Any) -> Any:
    """The same nested dicts and lists with every shared-out tensor gathered. All processes must call it."""
    if isinstance(tree, dict):
        return {key: whole(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(whole(value) for value in tree)
    return tree.full_tensor() if hasattr(tree, "full_tensor") else tree


def shared_like(tree: Any, pattern: Any) -> Any:
    """The same nested dicts and lists with every tensor shared out as in the pattern, a tree of the same form."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(tree, dict):
        return {key: shared_like(value, pattern[key]) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(map(shared_like, tree, pattern))
    if isinstance(pattern, DTensor):
        return distribute_tensor(tree.to(pattern.device), pattern.device_mesh, pattern.placements)
    return tree
