"""On a GPU: `pytest -m cuda tests/test_capstone_gpu.py`. The same run as on the CPU, in each precision, and resumed."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_capstone import TINY, write_text

from internals.capstone.config import load_config
from internals.capstone.log import Log
from internals.capstone.stop import Stop
from internals.capstone.train import train

pytestmark = pytest.mark.cuda


def on_gpu(*changes: str):
    """The tiny configuration on the card, or where the changes say."""
    return load_config("cpu", [*TINY, "machine.device=cuda", *changes])


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("text"))


def losses(folder) -> list[float]:
    return [record["loss"] for record in Log(folder / "log.jsonl").records() if "loss" in record]


def test_float32_gives_the_losses_of_the_cpu(text, tmp_path):
    train(on_gpu("machine.device=cpu"), tmp_path / "cpu", text)
    train(on_gpu("machine.precision=float32", "machine.tf32=false"), tmp_path / "gpu", text)
    assert losses(tmp_path / "gpu") == pytest.approx(losses(tmp_path / "cpu"), abs=5e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_low_precision_learns_as_float32_does(precision, text, tmp_path):
    if precision == "bfloat16" and torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("bfloat16 needs compute capability 8.0")  # a T4 has 7.5: float16 is tried there
    changes = ("train.steps=60", "train.evaluate_every=60", "train.log_every=20")
    exact = train(on_gpu(*changes, "machine.precision=float32", "machine.tf32=false"), tmp_path / "exact", text)
    # Early steps of float16 are skipped until the scale fits, so that it may lag a little behind.
    low = train(on_gpu(*changes, f"machine.precision={precision}"), tmp_path / "low", text)
    assert low.validation_loss == pytest.approx(exact.validation_loss, abs=0.15)
    assert low.peak_memory > 0


def test_the_scaler_finds_a_scale_and_is_saved(text, tmp_path):
    train(on_gpu("machine.precision=float16", "train.steps=12", "train.evaluate_every=6"), tmp_path, text)
    saved = torch.load(tmp_path / "latest.pt", weights_only=True)
    scales = [value for value in saved["scaler"].values() if isinstance(value, int | float) and value > 1]
    assert scales and all(math.isfinite(loss) for loss in losses(tmp_path))


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_run_goes_on_where_it_stopped(kind, precision, text, tmp_path):
    changes = (f"optimizer.kind={kind}", f"machine.precision={precision}", "machine.tf32=false")
    train(on_gpu(*changes, "train.steps=9"), tmp_path / "one", text)
    train(on_gpu(*changes, "train.steps=3"), tmp_path / "two", text)
    resumed = train(on_gpu(*changes, "train.steps=9"), tmp_path / "two", text, resume=True)
    # Sums on a card may be taken in another order each time, so bits may differ; the losses do not.
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=5e-3)
    assert resumed.steps == 9


def test_a_run_of_the_card_does_not_go_on_on_the_cpu(text, tmp_path):
    train(on_gpu("machine.precision=float32"), tmp_path, text)
    with pytest.raises(Stop, match="go on where the run began"):
        train(on_gpu("machine.device=cpu", "train.steps=9"), tmp_path, text, resume=True)


def test_compiled_blocks_give_the_losses_of_plain_ones(text, tmp_path):
    pytest.importorskip("triton")
    for name, compiled in (("plain", "false"), ("compiled", "true")):
        train(
            on_gpu("machine.precision=float32", "machine.tf32=false", f"machine.compile={compiled}"),
            tmp_path / name,
            text,
        )
    assert losses(tmp_path / "compiled") == pytest.approx(losses(tmp_path / "plain"), abs=5e-3)


def test_too_large_a_batch_is_one_line(text, tmp_path):
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2**26 / total)  # 64 MiB: one activation of this batch takes 24
    try:
        with pytest.raises(Stop, match="too little memory: halve train.batch_size"):
            train(on_gpu("train.batch_size=8192", "machine.precision=float32"), tmp_path, text)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
