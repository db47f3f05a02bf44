"""What a model writes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


@torch.no_grad()
def write_sample(
    model: nn.Module, tokenizer, sample: Callable, length: int, count: int, dtype: torch.dtype, prompt: str = "\n"
) -> str:
    """Let the model write `count` tokens behind a prompt; the same each time for the same weights.

    sample: the part, logits (V) and a number below 1 → an id. length: tokens that the model sees at once.
    """
    device = next(model.parameters()).device
    try:
        ids = tokenizer.encode(prompt)
    except KeyError:  # a text without line breaks
        ids = [0]
    for u in torch.rand(count, generator=torch.Generator().manual_seed(0)):
        seen = torch.tensor(ids[-length:], device=device)[None]  # (1, T)
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = model(seen)[0, -1].float()  # (V,)
        ids.append(int(sample(logits, u.to(device))))
    return tokenizer.decode(ids)
