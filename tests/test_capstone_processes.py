"""Two real processes train what one process trains: the same batches, losses and weights, with DDP and with FSDP2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_capstone import TINY, tiny, write_text

from internals.capstone.log import Log
from internals.capstone.processes import Processes, SharedBatches, check_share, find_processes, shared_like, whole
from internals.capstone.stop import Stop
from internals.capstone.train import train

ROOT = Path(__file__).resolve().parents[1]
STEPS = ("train.accumulate=2", "train.evaluate_every=3")

PROGRAM = """
import os, sys
from pathlib import Path
import torch
from tiny_capstone import tiny
from internals.capstone.processes import leave
from internals.capstone.train import train

kind, text, folder = sys.argv[1:]
changes = ("train.accumulate=2", "train.evaluate_every=3", f"machine.parallel={kind}")
out = Path(folder)
train(tiny(*changes, "train.steps=3"), out, Path(text))
train(tiny(*changes, "train.steps=6"), out, Path(text), resume=True)
leave()
sys.stdout.flush()
os._exit(0)  # as the trainer's own __main__ does under torchrun, and for its reason
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The run in one process: its text and folder."""
    folder = tmp_path_factory.mktemp("one")
    text = write_text(tmp_path_factory.mktemp("text"))
    train(tiny(*STEPS), folder, text)
    return text, folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_processes_train_what_one_trains_and_resume(kind, one, tmp_path):
    text, alone = one
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*launch, str(program), kind, str(text), str(tmp_path / "two")], env=environment,
                          capture_output=True, text=True, timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("step      6/6") == 1, "the first process alone prints"
    expected, got = (
        [record.get("loss", record.get("validation_loss")) for record in Log(folder / "log.jsonl").records()]
        for folder in (alone, tmp_path / "two")
    )
    assert got == pytest.approx(expected, abs=2e-5)
    saved = [torch.load(folder / "latest.pt", weights_only=True) for folder in (alone, tmp_path / "two")]
    for name, weight in saved[0]["model"].items():
        torch.testing.assert_close(saved[1]["model"][name], weight, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_the_command_under_torchrun_prints_once_and_ends_well(one, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    asked = ["-m", "internals.capstone", "--text", str(one[0]), "--out", str(tmp_path), "--set", *TINY, *STEPS,
             "machine.device=cpu"]  # fmt: skip
    done = subprocess.run([*launch, *asked], env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
                          capture_output=True, text=True, timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("step      6/6") == 1 and (tmp_path / "model_card.md").is_file()


def test_shares_of_a_batch_are_the_batch():
    class Numbers:
        def next_batch(self):
            return torch.arange(24).view(6, 4), torch.arange(24).view(6, 4) + 1

    shares = [SharedBatches(Numbers(), Processes(rank, 3), torch.device("cpu")).next_batch() for rank in range(3)]
    for part, expected in zip(zip(*shares, strict=True), Numbers().next_batch(), strict=True):
        assert torch.equal(torch.cat(part), expected)


def test_a_batch_that_cannot_be_shared_out_is_refused():
    check_share(12, Processes(0, 3))
    with pytest.raises(Stop, match="12 cannot be shared out evenly among 5 processes"):
        check_share(12, Processes(0, 5))


def test_torchrun_s_environment_is_understood(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert find_processes() == Processes(0, 1, 0) and find_processes().first
    monkeypatch.setenv("RANK", "9")
    monkeypatch.setenv("WORLD_SIZE", "16")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert find_processes() == Processes(9, 16, 1) and not find_processes().first


def test_what_is_not_shared_out_stays_as_it_is():
    tree = {"a": [torch.ones(2), 3], "b": {"c": (1, "d")}}
    assert whole(tree)["a"][0] is tree["a"][0] and whole(tree)["b"] == tree["b"]
    assert shared_like(tree, tree)["a"][0] is tree["a"][0]
