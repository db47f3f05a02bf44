"""The log of a run, a line of JSON for each event, and the plot of its losses."""

from __future__ import annotations

import json
import math
from pathlib import Path

from internals.capstone.stop import Stop


class Log:
    """A file of JSON lines: {"step": 50, "loss": 2.4, …} while training, {"step": 500, "validation_loss": 1.9, …}."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, record: dict) -> None:
        """Append a record; it is on disk when this returns."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
        except OSError as error:
            raise Stop(f"{self.path}: cannot be written: {error.strerror}") from None

    def records(self) -> list[dict]:
        """All records. A last line that was cut off in the middle is left out."""
        found = []
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue
        return found

    def cut(self, step: int) -> None:
        """Drop what was logged after a step: a run goes on from there."""
        kept = Log(self.path.with_suffix(".partial"))
        kept.path.write_text("", encoding="utf-8")
        for record in self.records():
            if record["step"] <= step:
                kept.add(record)
        kept.path.replace(self.path)

    def best(self) -> float:
        """The lowest validation loss so far; infinite before the first."""
        return min((record["validation_loss"] for record in self.records() if "validation_loss" in record),
                   default=math.inf)  # fmt: skip

    def seconds(self) -> float:
        """How long the run has trained so far."""
        return max((record.get("seconds", 0.0) for record in self.records()), default=0.0)


def plot_losses(records: list[dict], path: Path, title: str) -> None:
    """Training and validation loss over the steps, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    training = [(record["step"], record["loss"]) for record in records if "loss" in record]
    validation = [(record["step"], record["validation_loss"]) for record in records if "validation_loss" in record]
    if training:
        axes.plot(*zip(*training, strict=True), color="0.6", linewidth=1, label="training, mean since the last point")
    if validation:
        axes.plot(*zip(*validation, strict=True), "ko-", markersize=4, label="validation, whole split")
    axes.set(xlabel="step", ylabel="loss (nats per token)", title=title)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
