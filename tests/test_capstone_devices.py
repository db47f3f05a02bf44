"""Without a GPU, what would go wrong on one is still seen: tensors on another device, and the wrong precision.

A build of torch without CUDA aborts on fake CUDA tensors (FakeTensorMode) as soon as a gradient is recorded or a tensor
is sliced, so there the meta device stands in for the card: its tensors have a shape and a dtype, no numbers, and do not
mix with the CPU's; and precision is seen under the CPU's autocast. With a CUDA build, `make colab-exact`'s for one, the
same is seen on fake CUDA tensors under CUDA's autocast.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tiny_capstone import tiny

from internals.capstone.config import MachineConfig
from internals.capstone.machine import choose_machine
from internals.capstone.parts import load_parts
from internals.capstone.stop import Stop
from internals.capstone.train import make_model, make_optimizer

V = 11


def ids(device: str = "meta") -> torch.Tensor:
    return torch.ones(4, 16, dtype=torch.int64, device=device)


@pytest.mark.parametrize("attention", ["fused", "course"])
@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_whole_step_on_another_device_stays_there(kind, attention):
    parts = load_parts()
    model = make_model(tiny(f"model.attention={attention}"), V, parts).to("meta")
    optimizer = make_optimizer(model, tiny(f"optimizer.kind={kind}").optimizer, parts)
    logits = model(ids())
    assert logits.device.type == "meta" and logits.shape == (4, 16, V)
    F.cross_entropy(logits.flatten(0, 1), ids().flatten()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    assert {(p.device.type, p.dtype) for p in model.parameters()} == {("meta", torch.float32)}
    assert all(p.grad.device.type == "meta" and p.grad.shape == p.shape for p in model.parameters())
    memories = [value for one in optimizer.optimizers for memory in one.state.values() for value in memory.values()]
    assert {v.device.type for v in memories if isinstance(v, torch.Tensor) and v.ndim} == {"meta"}


@pytest.mark.slow
@pytest.mark.skipif(torch.version.cuda is None, reason="PyTorch is built without CUDA here")
def test_with_a_cuda_build_a_step_stays_on_fake_cuda_tensors_in_the_right_precision():
    root = Path(__file__).resolve().parents[1]
    known = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    done = subprocess.run([sys.executable, "tests/fake_cuda.py"], cwd=root, env=known, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("12 steps on fake CUDA tensors")


def test_a_tensor_left_on_the_cpu_would_be_noticed():
    model = make_model(tiny(), V, load_parts()).to("meta")
    model.cos = model.cos.new_ones(model.cos.shape, device="cpu")
    with pytest.raises(RuntimeError, match="device"):
        model(ids())


@pytest.mark.parametrize("attention", ["fused", "course"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_products_are_in_low_precision_and_norms_stream_and_gradients_in_float32(dtype, attention):
    parts = load_parts()
    model = make_model(tiny(f"model.attention={attention}"), V, parts)
    seen = {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda module, args, out, name=name: seen.update({name: out}))
    with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
        logits = model(ids("cpu"))
    logits.float().square().mean().backward()
    for name in (
        "blocks.0.attention.sublayer.w_q",
        "blocks.0.attention.sublayer",
        "blocks.1.feed_forward.sublayer",
        "head",
    ):
        assert seen[name].dtype == dtype, name
    for name in ("norm", "blocks.1", "blocks.0.attention.norm", "blocks.0.attention.sublayer.q_norm"):
        assert seen[name].dtype == torch.float32, name
    assert {p.grad.dtype for p in model.parameters()} == {torch.float32}


def test_without_a_card_auto_means_float32_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    machine = choose_machine(MachineConfig())
    assert (machine.device.type, machine.dtype, machine.scales_loss) == ("cpu", torch.float32, False)
    assert choose_machine(MachineConfig(precision="float16")).scales_loss
    with pytest.raises(Stop, match="sees no CUDA GPU") as stop:
        choose_machine(MachineConfig(device="cuda"))
    assert stop.value.code == 2


@pytest.mark.parametrize(
    ("capability", "expected"), [((9, 0), torch.bfloat16), ((8, 0), torch.bfloat16), ((7, 5), torch.float16)]
)
def test_a_card_s_precision_follows_its_capability(capability, expected, monkeypatch):
    for name, value in {"is_available": True, "get_device_capability": capability, "get_device_name": "A card"}.items():
        monkeypatch.setattr(torch.cuda, name, lambda *args, value=value: value)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    before = torch.get_float32_matmul_precision()
    machine = choose_machine(MachineConfig(), local_rank=3)
    assert (machine.dtype, machine.device.index, machine.scales_loss) == (expected, 3, expected == torch.float16)
    assert torch.get_float32_matmul_precision() == "high"
    assert choose_machine(MachineConfig(tf32=False)).dtype == expected
    assert torch.get_float32_matmul_precision() == "highest"
    torch.set_float32_matmul_precision(before)
    torch.backends.cudnn.allow_tf32 = True
    if capability < (8, 0):
        with pytest.raises(Stop, match="use float16"):
            choose_machine(MachineConfig(precision="bfloat16"))
