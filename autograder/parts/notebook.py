"""A student's notebook, read: what each exercise rests on, and the course's checks of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autograder.extras import is_panel
from autograder.grading.cells import Refused, Submitted, read
from autograder.grading.python_text import definitions, forget, squeeze
from autograder.parts.slices import Statement, cut, names_read, read_statements

CHECK = "with check("


@dataclass(frozen=True)
class Check:
    """One check cell. title: "exercise: what holds"."""

    title: str
    source: str

    @property
    def exercise(self) -> str:
        return self.title.partition(":")[0].strip()

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that it reads; none where it is not Python: then it fails."""
        try:
            return names_read(self.source)
        except (SyntaxError, ValueError, RecursionError):
            return frozenset()


class StudentsNotebook:
    """path: the student's. released: the course's own copy, whose checks count; None where there is none: theirs do.

    Raises Refused where the student's file is no notebook.
    """

    def __init__(self, path: Path, released: Path | None) -> None:
        theirs = _read(path)
        ours = _read(released) if released else theirs
        self.path = path
        self._course = [cell for cell in ours if cell.kind == "code"]
        self.checks = [Check(title, c.source) for c in self._course if (title := title_of(c.source))]
        self.exercises = list(dict.fromkeys(check.exercise for check in self.checks))
        self.statements = read_statements(_of_student(theirs))
        mine = frozenset().union(*(s.binds for s in self.statements))
        given = [c.source for c in self._course if not set(c.ids) & {*self.exercises} and not _is_apart(c)]
        lost = [s for s in read_statements(given) if not s.binds & mine] if released else []
        self.statements = lost + self.statements  # given cells that the student deleted
        self._as_given = {squeeze(s.source) for s in read_statements(_of_student(ours))} if released else set()
        forget()

    @cached_property
    def homes(self) -> dict[str, str]:
        """Every name that an exercise's cell defines → the exercise."""
        found = {
            name: exercise
            for cell in self._course
            for exercise in set(cell.ids) & {*self.exercises}
            for name in definitions(cell.source)
        }
        return found | {exercise: exercise for exercise in self.exercises}

    def checks_of(self, exercise: str) -> list[Check]:
        """Its checks, in order."""
        return [check for check in self.checks if check.exercise == exercise]

    def written(self, exercise: str) -> bool:
        """Whether the student wrote anything into it: a definition of one of its names is not as it was given."""
        names = {name for name, home in self.homes.items() if home == exercise}
        return any(s.binds & names and squeeze(s.source) not in self._as_given for s in self.statements)

    def slice_of(self, names: Sequence[str]) -> list[Statement]:
        """What these names rest on."""
        return cut(self.statements, names)

    def tried_with(self, exercise: str, names: Sequence[str]) -> list[Statement]:
        """What an exercise and its checks rest on."""
        reads = frozenset().union(*(check.reads for check in self.checks_of(exercise)))
        return cut(self.statements, {exercise, *names, *reads})


def title_of(source: str) -> str:
    """The title of a check cell, "" for any other cell."""
    start = source.find(CHECK)
    if start < 0 or source[:start].strip():
        return ""
    try:
        return str(json.JSONDecoder().raw_decode(source[start + len(CHECK) :])[0])
    except ValueError:
        return ""


def _read(path: Path) -> list[Submitted]:
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise Refused(f"it cannot be read: {error.strerror}") from None


def _is_apart(cell: Submitted) -> bool:
    """A check, a demo or the panel at the end, on which nothing rests."""
    return CHECK in cell.source or is_panel(cell.source) or any(name.startswith("demo-") for name in cell.ids)


def _of_student(cells: list[Submitted]) -> list[str]:
    return [cell.source for cell in cells if cell.kind == "code" and not _is_apart(cell)]
