"""What a model has learnt: its loss on the whole validation split, and what it writes."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@torch.no_grad()
def split_loss(model: nn.Module, ids: Tensor, length: int, batch_size: int, dtype: torch.dtype) -> float:
    """Mean loss in nats over every token of a split but the first, each counted once.

    ids: (N,). Cut into windows of `length` that do not overlap: a token sees what came before it in its window.
    model: ids (B, T) → logits (B, T, V).
    """
    device = next(model.parameters()).device
    total, count = 0.0, 0
    for inputs, targets in windows(ids, length, batch_size):
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = model(inputs.to(device))  # (B, T, V)
        loss = F.cross_entropy(logits.flatten(0, 1).float(), targets.to(device).flatten(), reduction="sum")
        total, count = total + loss.item(), count + targets.numel()
    return total / count


def windows(ids: Tensor, length: int, batch_size: int):
    """Inputs and targets (B, T), int64, that go once over a sequence of ids; the last window may be shorter."""
    ids = ids.long()
    whole = (len(ids) - 1) // length  # windows of full length
    inputs, targets = (part[: whole * length].view(whole, length) for part in (ids[:-1], ids[1:]))
    yield from zip(inputs.split(batch_size), targets.split(batch_size), strict=True) if whole else ()
    if rest := (len(ids) - 1) % length:
        yield ids[-rest - 1 : -1][None], ids[-rest:][None]


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
