"""A new version of a notebook with a student's answers in it: bytes in, bytes out, nothing run, nothing of theirs lost.

The student's copy is read cell by cell. What is as some version of the course released it gives way to the new version.
Answers go to their places, found by their marks, or, where those are lost, as grading finds them. Everything else, code
or text, is the student's own and stays where it was among the course's cells.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import Notebook
from autograder.grading.cells import Refused, read
from autograder.grading.exam import Exam, Place
from autograder.grading.submission import graft
from autograder.grammar import Scope
from autograder.parts.notebook import title_of
from autograder.work.cells import Held, cells_of

ANSWERED = ("exercise", "essay")
MARKS = ("nbgrader", "deletable", "editable", "alt")  # the course's metadata


@dataclass
class Merged:
    """What came of it. content: the file; changed: whether it differs from the student's in anything but outputs.

    Names of exercises: carried (answers brought over), restated and rechecked (the statement or a check is another
    now), new, gone (answered, but no longer in the notebook: kept as the student's own cells). replaced: titles of
    checks that the student had changed; the course's count.
    """

    content: bytes = b""
    changed: bool = False
    carried: list[str] = field(default_factory=list)
    restated: list[str] = field(default_factory=list)
    rechecked: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)


class Merge:
    """One student's notebook on its way into the new version."""

    def __init__(self, theirs: list[Held], ours: list[Held]) -> None:
        self.theirs, self.ours, self.result = theirs, ours, Merged()
        self.place = {name: n for n, cell in enumerate(ours) for name in cell.ids}
        self.by_text = {cell.squeezed: n for n, cell in enumerate(ours)}
        self.at = [self._place_of(cell) for cell in theirs]
        self.chosen: dict[int, Held] = {}  # place → the student's cell that stands in it
        self.own: list[int] = []  # cells that are the student's alone

    def _place_of(self, cell: Held) -> int | None:
        """Which of the new version's cells this one is, by its marks or as it reads."""
        known = next((self.place[name] for name in cell.ids if name in self.place), None)
        return self.by_text.get(cell.squeezed) if known is None else known

    def sort(self) -> None:
        """Decide of every cell of the student's whether it stays, and as what."""
        for number, (cell, place) in enumerate(zip(self.theirs, self.at, strict=True)):
            if place is None:
                if not cell.as_released:
                    self._leave(number, cell)
            elif not cell.as_released and cell.squeezed != self.ours[place].squeezed:
                self._change(number, cell, place)

    def _leave(self, number: int, cell: Held) -> None:
        """A changed cell that the new version has no place for, or one that never was the course's."""
        if cell.kind == "check" and (title := title_of(cell.source)):
            self.result.replaced.append(title)
            return
        if cell.kind == "exercise" and cell.marks:
            self.result.gone.append(cell.ids[0])
        self.own.append(number)

    def _change(self, number: int, cell: Held, place: int) -> None:
        """A changed cell whose place is there: an answer, or one of the course's that the student wrote into."""
        ours = self.ours[place]
        if ours.kind == "check" and title_of(cell.source):
            self.result.replaced.append(ours.as_cell().name)
        elif ours.kind in ANSWERED or ours.kind != "check" and cell.checksum == ours.checksum:
            if place in self.chosen:  # marked twice, by copying the cell: the last one counts, as when grading
                self.own.append(self.theirs.index(self.chosen[place]))
            self.chosen[place] = cell
        else:
            self.own.append(number)

    def find_lost(self, answers: dict[str, str]) -> None:
        """Put answers whose cells have lost their marks into their places. answers: as grading finds them, by id."""
        marked = {name for cell in self.theirs for name in cell.ids}
        for place, ours in enumerate(self.ours):
            text = answers.get(ours.ids[0], "") if ours.kind in ANSWERED and not marked & {*ours.ids} else ""
            number = next((n for n in self.own if self.theirs[n].source == text), None)
            if number is not None and text.strip():
                self.own.remove(number)
                self.chosen[place] = self.theirs[number]

    def cells(self) -> list[dict[str, Any]]:
        """The new notebook's cells."""
        before: dict[int, list[int]] = defaultdict(list)  # place → the student's own cells that stand before it
        for number in sorted(self.own):
            before[self._before(number)].append(number)
        used = {name for ours in self.ours for name in ours.ids}
        cells = []
        for place in range(len(self.ours) + 1):
            cells += [_as_own(self.theirs[number].raw, used) for number in before[place]]
            if place < len(self.ours):
                cells.append(self._filled(place))
        return cells

    def _before(self, number: int) -> int:
        """The place before which one of the student's own cells goes: as near to its neighbours as it was."""
        above = [self.at[n] for n in range(number - 1, -1, -1) if n not in self.own]
        below = [self.at[n] for n in range(number + 1, len(self.theirs)) if n not in self.own]
        if above and above[0] is not None:
            return above[0] + 1
        if below and below[0] is not None:
            return below[0]
        return next((place + 1 for place in above if place is not None), 0 if above or below else len(self.ours))

    def _filled(self, place: int) -> dict[str, Any]:
        """One of the new version's cells, with what the student wrote there, and outputs where it reads as it did."""
        ours, theirs = self.ours[place], self.chosen.get(place)
        cell = dict(ours.raw)
        if theirs:
            cell["source"] = theirs.raw.get("source", "")
            if "attachments" in theirs.raw:
                cell["attachments"] = theirs.raw["attachments"]
        here = next((c for c, at in zip(self.theirs, self.at, strict=True) if at == place), None) or theirs
        if here and here.raw.get("cell_type") == cell["cell_type"]:
            cell["metadata"] = {**here.raw.get("metadata", {}), **cell["metadata"]}
            if cell["cell_type"] == "code" and (theirs or here.squeezed == ours.squeezed):
                cell["outputs"] = (theirs or here).raw.get("outputs", [])
                cell["execution_count"] = (theirs or here).raw.get("execution_count")
        return cell


def _as_own(raw: dict[str, Any], used: set[str]) -> dict[str, Any]:
    """A cell of the student's without marks of the course, which would be another's now."""
    cell = {**raw, "metadata": {k: v for k, v in dict(raw.get("metadata") or {}).items() if k not in MARKS}}
    if not isinstance(cell.get("id"), str) or cell["id"] in used:
        cell["id"] = uuid.uuid4().hex[:12]
    used.add(cell["id"])
    return cell


def merge(student: bytes, released: bytes, notebook: Notebook) -> Merged:
    """Bring a student's copy to the version that is released now. Raises Refused where theirs is no notebook of it."""
    (new, ours), (old, theirs) = cells_of(released), cells_of(student)
    work = Merge(theirs, ours)
    if not any(place is not None for place in work.at):
        raise Refused("nothing in it belongs to this notebook")
    work.sort()
    if any(cell.kind == "exercise" and not {*cell.ids} & {i for t in theirs for i in t.ids} for cell in ours):
        work.find_lost(graft(read(student), _exam(notebook, ours)).answers)
    cells = work.cells()
    result = work.result
    _compare(work)
    result.changed = _meaning(cells) != _meaning([cell.raw for cell in theirs])
    metadata = {**new["metadata"], **(old["metadata"] if isinstance(old.get("metadata"), dict) else {})}
    book = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": max(5, new["nbformat_minor"])}
    result.content = (json.dumps(book, ensure_ascii=False, indent=1) + "\n").encode()
    return result


def _exam(notebook: Notebook, ours: list[Held]) -> Exam:
    """As much of it as finding answers needs."""
    places = tuple(
        Place(cell.as_cell(), cell.ids[0], cell.source, cell.source) for cell in ours if cell.kind != "panel"
    )
    return Exam(notebook, Path(f"{notebook.name}.ipynb"), places, {}, Scope(*[frozenset()] * 3), {}, b"", b"")


def _meaning(cells: list[dict[str, Any]]) -> list[Any]:
    """What of cells is more than how they looked when they last ran."""

    def text(cell: dict[str, Any]) -> str:
        source = cell.get("source", "")
        return "".join(source) if isinstance(source, list) else source

    return [(c.get("cell_type"), text(c), (c.get("metadata") or {}).get("nbgrader")) for c in cells]


def _compare(work: Merge) -> None:
    """Fill in what the student is told of exercises."""
    result = work.result
    known = {name: cell for cell in work.theirs for name in cell.ids}
    texts = {cell.squeezed for cell in work.theirs}
    for place, cell in enumerate(work.ours):
        if cell.kind == "exercise":
            name = cell.ids[0]
            if place in work.chosen:
                result.carried.append(name)
            if name not in known:
                if place not in work.chosen:
                    result.new.append(name)
                continue
            statement = _texts_above(work.ours, place)
            if any(t.ids[0] not in known and t.squeezed not in texts for t in statement):
                result.restated.append(name)
            elif known[name].checksum not in ("", cell.checksum):
                result.restated.append(name)
        if cell.kind == "check":
            exercise, before = cell.as_cell().exercise, known.get(cell.ids[0])
            other = before is None or before.checksum not in ("", cell.checksum)
            if other and exercise in known and exercise not in result.rechecked:
                result.rechecked.append(exercise)


def _texts_above(cells: list[Held], place: int) -> list[Held]:
    """The text cells directly above one."""
    found = []
    while place and cells[place - 1].kind == "text":
        place -= 1
        found.append(cells[place])
    return found
