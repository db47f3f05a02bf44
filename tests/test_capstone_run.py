"""A run of the capstone goes on bit for bit where it stopped, and whatever ends it is one line that loses nothing."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_capstone import TINY, tiny, write_text

from internals.capstone import train as module
from internals.capstone.__main__ import main
from internals.capstone.log import Log
from internals.capstone.parts import load_parts
from internals.capstone.stop import Stop
from internals.capstone.train import train

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("text"))


def weights(folder: Path, name: str = "latest.pt") -> dict:
    return torch.load(folder / name, weights_only=True)["model"]


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def losses(folder: Path) -> list[float]:
    return [record["loss"] for record in Log(folder / "log.jsonl").records() if "loss" in record]


@pytest.fixture(scope="module")
def whole(text, tmp_path_factory):
    """A run of twelve steps that nothing stopped; the result and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    return train(tiny("train.steps=12", "train.evaluate_every=4"), folder, text), folder


def test_a_run_leaves_checkpoints_log_plot_card_and_result(whole):
    result, folder = whole
    left = {path.name for path in folder.iterdir()}
    assert left == {"latest.pt", "best.pt", "log.jsonl", "loss.png", "model_card.md", "result.json", "config.json",
                    "tokens.bin", "tokens.json"}  # fmt: skip
    records = Log(folder / "log.jsonl").records()
    assert [record["step"] for record in records if "loss" in record] == list(range(1, 13))
    measured = {record["step"]: record["validation_loss"] for record in records if "validation_loss" in record}
    assert list(measured) == [4, 8, 12]
    assert result.best == min(measured.values()) and measured[result.best_step] == result.best
    assert result.validation_loss == measured[12]
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((folder / "result.json").read_text())["steps"] == 12


def test_the_model_card_says_what_a_reader_needs(whole):
    result, folder = whole
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    for words in (f"{result.validation_loss:.4f} nats per token", f"{result.parameters:,}", "text.txt", "float32",
                  "12 steps × 64 tokens", "d_model = 16", "| `RMSNorm` | the course's |", "## Limits"):  # fmt: skip
        assert words in card


def test_a_run_learns(text, tmp_path):
    config = tiny("train.steps=120", "train.evaluate_every=120", "train.log_every=40", "optimizer.schedule=cosine")
    assert train(config, tmp_path, text).validation_loss < math.log(23) - 0.5


def test_with_byte_pairs_the_loss_is_given_per_character_too(text, tmp_path):
    result = train(tiny("data.tokens=bpe", "data.merges=20", "train.steps=3"), tmp_path, text)
    about = json.loads((tmp_path / "tokens.json").read_text())
    per_token = about["validation_characters"] / (about["validation"] - 1)
    assert per_token > 1.3 and len(about["vocabulary"]) == 276
    assert result.nats_per_character == pytest.approx(result.validation_loss / per_token)
    assert "| `train_bpe` | the course's |" in (tmp_path / "model_card.md").read_text(encoding="utf-8")


@given(st.integers(1, 11), st.sampled_from(["muon", "adamw"]), st.booleans())
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_a_run_goes_on_bit_for_bit_from_any_step(text, tmp_path_factory, step, kind, half):
    """In float32 and with float16's scaled loss; weights, losses and sample of one run in one go and one in two."""
    changes = (f"optimizer.kind={kind}", "train.accumulate=2", "train.log_every=1", "train.evaluate_every=100")
    changes += ("machine.precision=float16",) if half else ()
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    uninterrupted = train(tiny(*changes, "train.steps=12"), one, text)
    train(tiny(*changes, f"train.steps={step}"), two, text)
    resumed = train(tiny(*changes, "train.steps=12"), two, text, resume=True)
    assert losses(one) == losses(two)
    assert same(weights(one), weights(two))
    assert (resumed.validation_loss, resumed.sample) == (uninterrupted.validation_loss, uninterrupted.sample)


def test_a_finished_run_that_is_resumed_gives_the_same_result(whole, text):
    result, folder = whole
    again = train(tiny("train.steps=12", "train.evaluate_every=4"), folder, text, resume=True)
    assert (again.validation_loss, again.best, again.steps) == (result.validation_loss, result.best, 12)


# ---- what can go wrong


def test_a_forgotten_resume_loses_nothing(text, tmp_path):
    train(tiny(), tmp_path, text)
    before = {name: (tmp_path / name).read_bytes() for name in ("latest.pt", "best.pt", "log.jsonl")}
    train(tiny("train.seed=1"), tmp_path, text)
    assert {path.name: path.read_bytes() for path in (tmp_path / "before").iterdir()} == before
    assert len(losses(tmp_path)) == 6


@pytest.fixture
def begun(text, tmp_path):
    """The folder of a run that was saved at steps 3 and 6, of which 3 is made the best."""
    train(tiny(), tmp_path, text)
    log = Log(tmp_path / "log.jsonl")
    saved = torch.load(tmp_path / "latest.pt", weights_only=True)
    assert saved["step"] == log.records()[-1]["step"] == 6
    return tmp_path


def resume(folder: Path, text: Path, *changes: str) -> int:
    """The command, in this process; its exit code."""
    return main(
        [
            "--text",
            str(text),
            "--out",
            str(folder),
            "--resume",
            "--set",
            *TINY,
            "machine.device=cpu",
            "train.steps=9",
            *changes,
        ]
    )


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_a_damaged_checkpoint_gives_way_to_the_best(begun, text, capsys, keep):
    content = (begun / "latest.pt").read_bytes()
    (begun / "latest.pt").write_bytes(content[: int(keep if keep >= 1 or keep == 0 else keep * len(content))])
    assert resume(begun, text) == 0
    said = capsys.readouterr().out
    assert "latest.pt: damaged" in said and "going on from best.pt, step 6" in said
    assert "step      9/9" in said


def test_without_a_whole_checkpoint_one_line_says_so(begun, text, capsys):
    for name in ("latest.pt", "best.pt"):
        (begun / name).write_bytes(b"PK\x03\x04 not much")
    assert resume(begun, text) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "latest.pt: damaged" in said and "best.pt: damaged" in said and "without --resume" in said


def test_nothing_to_resume_is_one_line(tmp_path, text, capsys):
    assert resume(tmp_path, text) == 1
    assert "latest.pt: missing; best.pt: missing" in capsys.readouterr().err


def test_a_run_is_not_resumed_with_another_model(begun, text, capsys):
    assert resume(begun, text, "model.layers=3") == 2
    assert "model.layers was 2 and is 3 now" in capsys.readouterr().err


def test_a_run_is_not_resumed_with_another_text_or_damaged_settings(begun, tmp_path, text, capsys):
    other = tmp_path / "other.txt"
    other.write_text(text.read_text().replace("the", "tho"))
    assert resume(begun, other) == 2
    assert "it began with another text than other.txt" in capsys.readouterr().err
    (begun / "config.json").write_text("{")
    assert resume(begun, text) == 2
    assert "config.json: damaged" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoints(begun, text, capsys, monkeypatch):
    before = (begun / "latest.pt").read_bytes()
    parts = load_parts()
    step = parts.train_step
    parts.train_step = lambda *args: (float("nan") if step(*args) else 0, 1.0)
    monkeypatch.setattr("internals.capstone.parts.load_parts", lambda *args, **settings: parts)
    assert resume(begun, text) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    for words in ("step 7", "nan", "learning rate 0.006, 0.02", "optimizer.muon_lr", "warmup"):
        assert words in said
    assert (begun / "latest.pt").read_bytes() == before


def test_a_run_that_truly_diverges_stops(text, tmp_path):
    with pytest.raises(Stop, match="the loss is (nan|inf)"):
        train(tiny("optimizer.adamw_lr=1e38", "optimizer.kind=adamw", "train.steps=20", "train.evaluate_every=20"),
              tmp_path, text)  # fmt: skip


def test_too_little_memory_on_the_card_is_one_line_that_says_what_to_lower(text, tmp_path, monkeypatch):
    parts = load_parts()

    def fails(*args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    parts.train_step = fails
    with pytest.raises(Stop) as stop:
        train(tiny(), tmp_path, text, parts=parts)
    assert "\n" not in str(stop.value)
    assert "train.batch_size (4)" in str(stop.value) and "train.accumulate=2" in str(stop.value)


SMALL_FILES = """
import resource, sys
from internals.capstone.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))  # no file may grow larger: a full disk
sys.exit(main())
"""


def command(*arguments: str, program: tuple[str, ...] = ("-m", "internals.capstone")) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([sys.executable, *program, *arguments], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def test_a_full_disk_is_one_line_and_the_last_good_checkpoint_stays(begun, text):
    before = [(begun / name).read_bytes() for name in ("latest.pt", "best.pt")]
    assert len(before[0]) > 20_000
    process = command("--text", str(text), "--out", str(begun), "--resume", "--set", *TINY, "train.steps=9",
                      program=("-c", SMALL_FILES))  # fmt: skip
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert len(said.splitlines()) == 1 and "step 9: the checkpoint could not be written" in said
    assert "kept: latest.pt and best.pt" in said and "--resume" in said
    assert [(begun / name).read_bytes() for name in ("latest.pt", "best.pt")] == before
    assert not [path.name for path in begun.iterdir() if path.suffix in (".tmp", ".partial")]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("write failed\nenforce fail")])
def test_a_checkpoint_that_cannot_be_written_is_one_line_with_its_reason(text, tmp_path, error):
    parts = load_parts()

    def fails(*args):
        raise error

    parts.save_checkpoint = fails
    with pytest.raises(Stop) as stop:
        train(tiny(), tmp_path, text, parts=parts)
    assert "\n" not in str(stop.value) and "kept: none" in str(stop.value)
    assert ("No space left" if isinstance(error, OSError) else "write failed") in str(stop.value)


def test_ctrl_c_saves_and_the_run_goes_on_from_there(text, tmp_path):
    endless = ("--text", str(text), "--out", str(tmp_path), "--set", *TINY, "train.steps=100000",
               "train.evaluate_every=100000")  # fmt: skip
    process = command(*endless)
    for line in process.stdout:
        if line.startswith("step"):
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert len(said.splitlines()) == 1 and "stopped at step" in said and "--resume" in said
    step = torch.load(tmp_path / "latest.pt", weights_only=True)["step"]
    assert f"step {step:,}," in said
    result = train(tiny(f"train.steps={step + 2}", "train.evaluate_every=100000"), tmp_path, text, resume=True)
    assert result.steps == step + 2 and len(losses(tmp_path)) == step + 2


def test_ctrl_c_before_the_first_step_is_one_line_too(text, tmp_path, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "prepare_tokens", interrupted)
    assert main(["--text", str(text), "--out", str(tmp_path), "--set", *TINY]) == 130
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_handlers_of_signals_are_put_back(whole):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with module.Interruptions() as interruptions:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert interruptions.received == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_folder_that_cannot_be_written_is_one_line(text, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Stop, match="cannot be written"):
        train(tiny(), tmp_path / "taken", text)


def test_a_plot_or_card_that_cannot_be_written_is_one_line(text, tmp_path, monkeypatch):
    def fails(*args):
        raise OSError(28, "No space left on device", "loss.png")

    monkeypatch.setattr(module, "plot_losses", fails)
    with pytest.raises(Stop, match="loss.png: cannot be written: No space left on device; go on with --resume"):
        train(tiny(), tmp_path, text)
    assert (tmp_path / "latest.pt").exists()


def test_the_log_is_cut_to_where_a_run_goes_on_and_forgives_a_line_cut_short(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    for step in (1, 2, 3):
        log.add({"step": step, "loss": 1.0 / step, "validation_loss": 4.0 - step, "seconds": 2.0 * step})
    with log.path.open("a") as file:
        file.write('{"step": 4, "lo')
    assert [record["step"] for record in log.records()] == [1, 2, 3]
    log.cut(2)
    assert [record["step"] for record in log.records()] == [1, 2]
    assert (log.best(), log.seconds()) == (2.0, 4.0)
    assert Log(tmp_path / "none.jsonl").best() == math.inf


def test_memory_is_reported(whole):
    result, _ = whole
    assert 2**20 < result.peak_memory <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
