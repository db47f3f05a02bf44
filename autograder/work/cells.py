"""Cells of a notebook as a student's and the course's copy hold them: whose they are, and whether they were changed.

The course's cells vouch for themselves. The id of text and of given code is a hash of it, and nbgrader's checksum in
the metadata of the others is one too: a cell is as it was released, in whatever version, where its hash still holds.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from autograder.extras import is_panel
from autograder.grading.cells import Refused, read
from autograder.grading.python_text import squeeze
from autograder.parts.notebook import title_of
from autograder.source import Cell

BY_CONTENT = re.compile(r"(?:text|given)-([0-9a-f]{12})(?:-\d+)?")


@dataclass(frozen=True)
class Held:
    """One cell. raw: its JSON. ids: every name by which it may be known. source: its text."""

    raw: dict[str, Any]
    ids: tuple[str, ...]
    source: str

    @property
    def marks(self) -> dict[str, Any]:
        """nbgrader's metadata."""
        metadata = self.raw.get("metadata")
        found = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def squeezed(self) -> str:
        return squeeze(self.source)

    @property
    def checksum(self) -> str:
        """The hash of what was released in its place; its id, where that is one."""
        if is_panel(self.source):
            return self.squeezed
        return str(self.marks.get("checksum") or next((i for i in self.ids if BY_CONTENT.fullmatch(i)), ""))

    @property
    def as_released(self) -> bool:
        """Whether it still holds what some version of the course released."""
        if is_panel(self.source):
            return True
        if self.marks.get("checksum"):
            return self.marks["checksum"] == nbgraders_checksum(self)
        matches = [match for name in self.ids if (match := BY_CONTENT.fullmatch(name))]
        return any(hashlib.sha256(self.source.encode()).hexdigest().startswith(m.group(1)) for m in matches)

    @property
    def kind(self) -> str:
        """text, given, exercise, check, essay, demo or panel: as the course's cells are called in their source."""
        if is_panel(self.source):
            return "panel"
        code = self.raw.get("cell_type") == "code"
        if self.marks.get("solution"):
            return "exercise" if code else "essay"
        if self.marks.get("grade"):
            return "check"
        if not code:
            return "text"
        return "demo" if any(name.startswith("demo-") for name in self.ids) else "given"

    def as_cell(self) -> Cell:
        """As the source of a notebook has it."""
        names = {"exercise": self.ids[0] if self.ids else "", "check": title_of(self.source)}
        return Cell(self.kind, names.get(self.kind, ""), self.source, 0)


def cells_of(data: bytes) -> tuple[dict[str, Any], list[Held]]:
    """A notebook file's JSON, and its cells. Raises Refused for what is no notebook, or one of an old format."""
    as_read = read(data)
    try:
        book = json.loads(data.decode("utf-8-sig"))
        if book["nbformat"] != 4:
            raise KeyError("nbformat")
        raw = [cell for cell in book["cells"] if isinstance(cell, dict)]
        return book, [Held(cell, one.ids, one.source) for cell, one in zip(raw, as_read, strict=True)]
    except (ValueError, KeyError, TypeError):
        raise Refused("it is saved in a format of long ago; open it in JupyterLab and save it") from None


def is_behind(student: bytes, released: bytes) -> bool:
    """Whether the course's copy has cells of a version that the student's has not. Raises Refused."""
    theirs = {cell.checksum for cell in cells_of(student)[1]}
    return any(cell.checksum not in theirs for cell in cells_of(released)[1])


def nbgraders_checksum(cell: Held) -> str:
    """What nbgrader's `compute_checksum` gives, without nbgrader."""
    marks = cell.marks
    grade, solution = bool(marks.get("grade")), bool(marks.get("solution"))
    locked = not solution and (grade or bool(marks.get("locked")))
    parts = [cell.source, cell.raw.get("cell_type"), grade, solution, locked, marks.get("grade_id")]
    if grade:
        parts.append(float(marks.get("points", 0)))
    return hashlib.md5("".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()
