"""What the course consists of, for its students' side: `internals/outline.json`, which the build writes.

It is part of the installed package, so that it is at hand where no checkout is, on Colab for one.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import Course, Notebook
from autograder.source import Cell

FILE = "outline.json"


@dataclass(frozen=True)
class Exercise:
    """One exercise. checks: title → points, in order."""

    name: str
    minutes: int
    checks: dict[str, int]


@dataclass(frozen=True)
class Outline:
    """One notebook. minutes: the author's estimate for all of it, reading included. essays: slug → points, by hand."""

    name: str
    module: str
    title: str
    minutes: int
    exercises: tuple[Exercise, ...]
    essays: dict[str, int]

    @property
    def points(self) -> int:
        """What its checks give at most."""
        return sum(sum(exercise.checks.values()) for exercise in self.exercises)


class NoOutline(Exception):
    """There is none here; its text is one line."""


def entry(notebook: Notebook, cells: Sequence[Cell]) -> dict[str, Any]:
    """A notebook's part of the file."""
    exercises = [
        {
            "name": cell.name,
            "minutes": cell.meta["minutes"],
            "checks": {c.name: c.meta["points"] for c in cells if c.kind == "check" and c.exercise == cell.name},
        }
        for cell in cells
        if cell.kind == "exercise"
    ]
    essays = {cell.name: cell.meta["points"] for cell in cells if cell.kind == "essay"}
    return {
        "name": notebook.name,
        "module": notebook.module,
        "title": notebook.title,
        "minutes": notebook.minutes,
        "exercises": exercises,
        "essays": essays,
    }


def outline_path(course: Course) -> Path:
    """Where the build writes it."""
    return course.root / "internals" / FILE


def to_bytes(entries: Sequence[dict[str, Any]]) -> bytes:
    """The file."""
    return (json.dumps(list(entries), ensure_ascii=False, indent=1) + "\n").encode()


def outlines() -> dict[str, Outline]:
    """The notebooks in teaching order, by name. Raises NoOutline."""
    try:
        package = importlib.import_module("internals")
        data = json.loads((Path(package.__file__ or "").parent / FILE).read_text(encoding="utf-8"))
        return {one["name"]: _outline(one) for one in data}
    except (ImportError, OSError, ValueError, KeyError, TypeError):
        raise NoOutline("the course's outline is not here: run `course build`, or install the course again") from None


def _outline(data: dict[str, Any]) -> Outline:
    exercises = tuple(Exercise(one["name"], one["minutes"], dict(one["checks"])) for one in data["exercises"])
    return Outline(data["name"], data["module"], data["title"], data["minutes"], exercises, dict(data["essays"]))
