"""Everything about one notebook that grading needs and that is the same for the whole class."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from autograder.borrowing import lent, refuse_borrowing
from autograder.build import instructor_cells, release, to_bytes
from autograder.course import Course, Notebook
from autograder.forbidden import imported
from autograder.frame import framed
from autograder.grading.judge import Expectation, Runner, expect, run_apart
from autograder.grading.python_text import squeeze
from autograder.grammar import Scope, Split
from autograder.rules import checked_cells, split_checks
from autograder.source import BEGIN_SOLUTION, END_SOLUTION, Cell, scope_of

__all__ = ["Exam", "Place", "prepare"]


@dataclass(frozen=True)
class Place:
    """One cell of the pristine notebook: the source's, and its text in the instructor's and the student's copy."""

    cell: Cell
    id: str
    instructor: str
    released: str

    @property
    def kind(self) -> str:
        return self.cell.kind


@dataclass(frozen=True)
class Exam:
    """One notebook, ready to grade any number of submissions. expectations: per check, by grade id.

    lent: the modules of `internals` that it imports through `autograder.parts`, and theirs: name → source.
    """

    notebook: Notebook
    source: Path
    places: tuple[Place, ...]
    splits: dict[str, Split]
    scope: Scope
    expectations: dict[str, list[Expectation]]
    instructor_json: bytes
    released_json: bytes
    lent: dict[str, str] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> Iterator[Place]:
        """The cells of these kinds, in order."""
        return (place for place in self.places if place.kind in kinds)

    @cached_property
    def imports(self) -> dict[str, str]:
        """What the given cells import: name → dotted name."""
        trees = (ast.parse(place.cell.source) for place in self.of_kind("given"))
        return {name: dotted for tree in trees for name, dotted in imported(tree).items()}

    @cached_property
    def by_text(self) -> dict[str, str]:
        """Cells by their text, blanks squeezed, in either copy: → grade id. Without those that are answered."""
        fixed = [place for place in self.places if place.kind not in ("exercise", "essay")]
        return {squeeze(text): place.id for place in fixed for text in (place.instructor, place.released)}

    @cached_property
    def released_texts(self) -> frozenset[str]:
        """The text of every released cell, blanks squeezed."""
        return frozenset(squeeze(place.released) for place in self.places)

    @property
    def version(self) -> str:
        """A hash of all that decides a grade."""
        return hashlib.sha256(self.instructor_json + json.dumps(self.lent, sort_keys=True).encode()).hexdigest()[:16]


def places_of(path: Path, cells: list[Cell]) -> tuple[tuple[Place, ...], bytes, bytes]:
    """The cells of a source with both their texts, and both notebooks."""
    instructor = to_bytes(instructor_cells(path, cells))
    released = release(instructor)
    pairs = zip(cells, json.loads(instructor)["cells"], json.loads(released)["cells"], strict=True)
    places = tuple(
        Place(cell, ours["id"], "".join(ours["source"]), "".join(theirs["source"])) for cell, ours, theirs in pairs
    )
    return places, instructor, released


def reference_steps(places: tuple[Place, ...]) -> list[dict]:
    """The job of the reference solution: every code cell but the demos, checks as the judge runs them."""
    return [
        step(place, place.cell.source if place.kind == "check" else _without_markers(place.cell.source))
        for place in places
        if place.kind in ("given", "exercise", "check")
    ]


def step(place: Place, source: str) -> dict:
    """One step of a job, for `autograder.grading.engine`."""
    if place.kind == "check":
        return {
            "kind": "check",
            "id": place.id,
            "exercise": place.cell.exercise,
            "title": place.cell.name,
            "source": source,
        }
    return {"kind": "cell", "id": place.id, "exercise": place.cell.name, "source": source}


def _without_markers(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if line.strip() not in (BEGIN_SOLUTION, END_SOLUTION))


def prepare(course: Course, notebook: Notebook, run: Runner = run_apart) -> Exam:
    """Read a notebook's source and run its reference solution once, as `expect` does. Raises CourseError."""
    path = course.source(notebook)
    cells = checked_cells(path)
    refuse_borrowing(course, notebook, cells)
    cells = framed(course, notebook, cells)
    places, instructor, released = places_of(path, cells)
    splits = split_checks(path, cells)
    modules = lent(course, notebook, cells)
    expectations = expect(reference_steps(places), splits, modules, run)
    return Exam(notebook, path, places, splits, scope_of(path, cells), expectations, instructor, released, modules)
