"""Inputs of checks: the same on every machine and in every order, because each has a generator of its own."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Inputs:
    """Makers of tensors and of weights. torch is imported by the first call, not before."""

    def randn(self, *size: int, seed: int) -> torch.Tensor:
        """Standard normal, float32, shape `size`."""
        import torch

        return torch.randn(*size, generator=torch.Generator().manual_seed(seed))

    def rand(self, *size: int, seed: int) -> torch.Tensor:
        """Uniform on [0, 1), float32, shape `size`."""
        import torch

        return torch.rand(*size, generator=torch.Generator().manual_seed(seed))

    def randint(self, low: int, high: int, size: tuple[int, ...], seed: int) -> torch.Tensor:
        """Integers, low <= n < high, int64, shape `size`."""
        import torch

        return torch.randint(low, high, size, generator=torch.Generator().manual_seed(seed))

    def arange(self, *bounds: float) -> torch.Tensor:
        """torch.arange: [start,] end [, step]."""
        import torch

        return torch.arange(*bounds)

    def fill(self, module: torch.nn.Module) -> torch.nn.Module:
        """Set every parameter from its name and shape alone; returns the module.

        Matrices are normal with variance 1 / (size of the last axis), vectors normal with deviation 0.5, so that a
        norm's gain or a bias that is left out shows.
        """
        import torch

        with torch.no_grad():
            for name, parameter in module.named_parameters():
                seed = zlib.crc32(f"{name} {tuple(parameter.shape)}".encode())
                scale = parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.5
                values = self.randn(*parameter.shape, seed=seed) * scale
                parameter.copy_(values.to(parameter.dtype))
        return module
