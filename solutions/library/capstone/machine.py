"""Where a run computes and in which precision, decided once."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import torch

from internals.capstone import choose_precision
from internals.capstone.config import MachineConfig
from internals.capstone.stop import Stop


@dataclass(frozen=True)
class Machine:
    """device: of this process. dtype: of the matrix products. name: the card's or the processor's.

    compile: whether the blocks are compiled.
    """

    device: torch.device
    dtype: torch.dtype
    name: str
    compile: bool

    @property
    def precision(self) -> str:
        """The dtype's name, and whether the blocks are compiled."""
        return str(self.dtype).removeprefix("torch.") + ", compiled" * self.compile

    @property
    def scales_loss(self) -> bool:
        """float16 loses small gradients below 6e-8: the loss is scaled up before the backward pass."""
        return self.dtype == torch.float16

    def peak_memory(self) -> int:
        """The most bytes that this process has held: on the card, or of the machine's memory."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        try:
            import resource
            import sys
        except ImportError:  # Windows
            return 0
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def choose_machine(config: MachineConfig, local_rank: int = 0, choose: Callable = choose_precision) -> Machine:
    """CUDA if there is a card; bfloat16 from compute capability 8 (Ampere) on, float16 before, float32 on a CPU.

    local_rank: which card of this computer is this process's. choose: the part choose_precision. Sets torch's threads
    and TF32. Raises Stop.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    has_cuda = torch.cuda.is_available()
    if config.device == "cuda" and not has_cuda:
        raise Stop("machine.device = 'cuda', but torch sees no CUDA GPU here: leave it at auto, or use cpu", 2)
    if config.device == "cpu" or not has_cuda:
        return Machine(torch.device("cpu"), choose(None, config.precision), processor_name(), config.compile)
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    torch.set_float32_matmul_precision("high" if config.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = config.tf32
    try:
        dtype = choose(torch.cuda.get_device_capability(device), config.precision)
    except ValueError:  # whoever wrote the part: the words are ours
        raise Stop("machine.precision = 'bfloat16' needs compute capability 8.0 or later: use float16", 2) from None
    compiles = config.compile and can_compile(device)
    return Machine(device, dtype, torch.cuda.get_device_name(device), compiles)


def can_compile(device: torch.device) -> bool:
    """Whether torch.compile has what it needs for a card: compute capability 7.0, Triton, and a C compiler."""
    found = any(shutil.which(name) for name in ("cc", "gcc", "clang")) and importlib.util.find_spec("triton")
    return bool(found) and torch.cuda.get_device_capability(device) >= (7, 0)


def processor_name() -> str:
    """The processor's model and the threads that torch uses, such as "AMD EPYC 7B13, 2 threads"."""
    import platform
    from pathlib import Path

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    threads = torch.get_num_threads()
    return f"{name}, {threads} thread{'s' * (threads != 1)}"
