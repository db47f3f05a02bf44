"""python tests/fake_cuda.py: the capstone's step on CUDA tensors that hold no numbers, with a CUDA build of PyTorch.

FakeTensorMode keeps devices and dtypes as a card would, autocast included, and raises where devices mix. A card is not
needed; without one PyTorch's engine refuses to run the backward pass on such tensors, and gradients are put in their
places instead (`test_capstone_devices` runs it on the meta device). Raises AssertionError for what is wrong.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from tiny_capstone import tiny
from torch._subclasses.fake_tensor import FakeTensorMode

from internals.capstone.parts import load_parts
from internals.capstone.train import make_model, make_optimizer

V = 11


def step(kind: str, attention: str, dtype: torch.dtype) -> None:
    """One training step with that optimizer, attention and precision; asserts where everything is, and in what."""
    parts, seen = load_parts(), {}
    with torch.device("cuda"):
        model = make_model(tiny(f"model.attention={attention}"), V, parts)
        ids = torch.ones(4, 16, dtype=torch.int64)
    optimizer = make_optimizer(model, tiny(f"optimizer.kind={kind}").optimizer, parts)
    for name, module in model.named_modules():
        module.register_forward_hook(lambda module, args, out, name=name: seen.update({name: out}))
    with autocast(dtype):
        logits = model(ids)
        loss = F.cross_entropy(logits.flatten(0, 1), ids.flatten())
    assert logits.device.type == loss.device.type == "cuda" and logits.shape == (4, 16, V)
    for name in ("attention.sublayer.w_q", "attention.sublayer", "feed_forward.sublayer"):
        assert seen[f"blocks.0.{name}"].dtype == dtype, name
    assert seen["head"].dtype == dtype
    for name in ("norm", "blocks.1", "blocks.0.attention.norm", "blocks.0.attention.sublayer.q_norm"):
        assert seen[name].dtype == torch.float32, name
    assert loss.dtype == torch.float32
    if torch.cuda.is_available():
        loss.backward()
    else:
        for p in model.parameters():
            p.grad = torch.empty_like(p)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    memories = [value for one in optimizer.optimizers for memory in one.state.values() for value in memory.values()]
    tensors = [*model.parameters(), *(v for v in memories if isinstance(v, torch.Tensor) and v.ndim)]
    assert {(t.device.type, t.dtype) for t in tensors} == {("cuda", torch.float32)}


@contextlib.contextmanager
def autocast(dtype: torch.dtype) -> Iterator[None]:
    """What `torch.autocast("cuda", dtype)` switches on, which that leaves off where there is no card."""
    torch.set_autocast_dtype("cuda", dtype)
    torch.set_autocast_enabled("cuda", dtype != torch.float32)
    try:
        yield
    finally:
        torch.set_autocast_enabled("cuda", False)
        torch.clear_autocast_cache()


def a_tensor_left_on_the_cpu_is_noticed() -> None:
    with torch.device("cuda"):
        model = make_model(tiny(), V, load_parts())
        ids = torch.ones(4, 16, dtype=torch.int64)
    model.cos = model.cos.new_ones(model.cos.shape, device="cpu")
    try:
        model(ids)
    except RuntimeError as problem:
        assert "device" in str(problem)
    else:
        raise AssertionError("two devices mixed without a word")


def main() -> None:
    assert torch.version.cuda, "this build of PyTorch has no CUDA"
    every = list(itertools.product(("muon", "adamw"), ("fused", "course"), (torch.float32, torch.float16, torch.bfloat16)))
    for kind, attention, dtype in every:
        with FakeTensorMode():
            step(kind, attention, dtype)
    with FakeTensorMode():
        a_tensor_left_on_the_cpu_is_noticed()
    print(f"{len(every)} steps on fake CUDA tensors, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
