"""What benchmarks/capstone.py measured keeps what is promised, and the README says nothing else."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULT = json.loads((ROOT / "benchmarks" / "results" / "capstone.json").read_text(encoding="utf-8"))
MODELS = RESULT["models"]
TINY_SHAKESPEARE = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"  # the file's SHA-256


def test_the_whole_benchmark_was_run() -> None:
    assert RESULT["text_sha256"] == TINY_SHAKESPEARE
    assert (RESULT["steps"], RESULT["tokens_per_step"]) == (2000, 12 * 64)
    assert {kind: len(facts["losses"]) for kind, facts in MODELS.items()} == {
        "muon": 3, "adamw": 3, "encoder": 3, "four-gram": 1, "five-gram": 1
    }  # fmt: skip


def test_every_seed_keeps_the_promise() -> None:
    assert MODELS["muon"]["worst"] <= 1.62
    assert MODELS["adamw"]["worst"] <= 1.70
    assert MODELS["muon"]["parameters"] == MODELS["adamw"]["parameters"] < 850_000


def test_the_capstone_is_better_than_what_it_is_compared_with() -> None:
    assert MODELS["muon"]["worst"] < MODELS["five-gram"]["loss"]
    assert MODELS["adamw"]["worst"] < min(MODELS["encoder"]["losses"] + [MODELS["four-gram"]["loss"]])


def test_the_readme_says_what_was_measured() -> None:
    said = {kind: f"{facts['loss']:.2f}" for kind, facts in MODELS.items()}
    spread = max(MODELS[kind]["spread"] for kind in ("muon", "adamw"))
    words = (
        f"{said['muon']} nats a character with Muon, {said['adamw']} with AdamW alone, three seeds within {spread:.3f}; "
        f"`nn.TransformerEncoder` of the same size {said['encoder']}, four-gram {said['four-gram']}, "
        f"five-gram {said['five-gram']}"
    )
    assert words in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_notebook_says_what_was_measured() -> None:
    notebook = (ROOT / "solutions" / "10-capstone" / "capstone.py").read_text(encoding="utf-8")
    names = {"muon": "your decoder, Muon and AdamW", "adamw": "your decoder, AdamW alone",
             "five-gram": "five-gram, Witten–Bell", "four-gram": "four-gram, add-α"}  # fmt: skip
    for kind, name in names.items():
        assert f"# | {name} | {MODELS[kind]['loss']:.2f} |" in notebook
