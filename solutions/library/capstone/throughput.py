"""How fast training could be: the peak of the machine."""

from __future__ import annotations

import functools
import re
import time

import torch

from internals.capstone.machine import Machine
from internals.training_loop import PEAK_FLOPS

T4, A100, H100 = (PEAK_FLOPS[name] / 1e12 for name in ("T4", "A100", "H100 SXM"))  # of the notebook on the loop
# Dense products (no sparsity), in 10¹² FLOPs a second, at float16 or bfloat16 on tensor cores; at TF32; at float32.
# From NVIDIA's data sheets (T4 2019, V100 2020, A100 2021, L4 2023, H100 2023, H200 2024); where a sheet gives the
# figure with sparsity, half of it. The first that stands in a card's name counts, as whole words.
PEAKS = {
    "H200": (H100, 494, 67),
    "H100 PCIe": (756, 378, 51),
    "H100 NVL": (835, 417, 60),
    "H100": (H100, 494, 67),
    "A100": (A100, 156, 19.5),
    "L40S": (362, 183, 91.6),
    "L40": (181, 90.5, 90.5),
    "L4": (121, 60, 30.3),
    "V100-PCIE": (112, 14, 14),
    "V100": (125, 15.7, 15.7),
    "T4": (T4, 8.1, 8.1),
}


def peak_flops(machine: Machine, tf32: bool = False) -> float | None:
    """FLOPs a second that the machine could do in the run's precision; None for a card that is not in the table."""
    if machine.device.type == "cpu":
        return measured_peak(machine.dtype)
    for name, (half, tensor, single) in PEAKS.items():
        if re.search(rf"\b{name}\b", machine.name):
            return 1e12 * (half if machine.dtype != torch.float32 else tensor if tf32 else single)
    return None


@functools.cache
def measured_peak(dtype: torch.dtype, size: int = 1024, rounds: int = 10) -> float:
    """FLOPs a second of the best of a few products of square matrices: what this CPU can do with torch's threads."""
    a = torch.ones(size, size, dtype=dtype)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)
