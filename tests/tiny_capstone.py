"""A run of the capstone small enough for a test: a text made here, and settings that train in a fraction of a second."""

from __future__ import annotations

import random
from pathlib import Path

from internals.capstone.config import Config, load_config

WORDS = ["the", "of", "and", "to", "in", "that", "was", "his", "he", "it", "with", "is", "for", "as", "had", "which"]
TINY = [
    "model.d_model=16",
    "model.layers=2",
    "model.heads=2",
    "model.length=16",
    "optimizer.warmup=2",
    "optimizer.schedule=constant",
    "train.steps=6",
    "train.batch_size=4",
    "train.log_every=1",
    "train.evaluate_every=3",
    "train.sample=8",
    "machine.threads=1",
]


def made_up_text(words: int = 3000) -> str:
    """Common words in random order, a few to a line."""
    draw = random.Random(0)
    return "".join(draw.choice(WORDS) + ("\n" if i % 7 == 6 else " ") for i in range(words))


def write_text(folder: Path) -> Path:
    path = folder / "text.txt"
    path.write_text(made_up_text(), encoding="utf-8")
    return path


def tiny(*changes: str) -> Config:
    """The configuration cpu, made tiny, on the CPU."""
    return load_config("cpu", [*TINY, "machine.device=cpu", *changes])
