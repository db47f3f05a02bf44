"""Which of the course's notebooks is this? Answered by its cells, whatever the file is called."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from autograder.course import Course, CourseError, Notebook
from autograder.grading.submission import Refused, definitions, forget, read, squeeze
from autograder.source import read_cells


@dataclass(frozen=True)
class Marks:
    """What tells one notebook from the others: its cells' ids, its prose and code, the names its exercises define."""

    ids: frozenset[str]
    texts: frozenset[str]
    names: frozenset[str]


class Recogniser:
    """Reads the course's sources once. A source that cannot be read is known by its files' names alone."""

    def __init__(self, course: Course) -> None:
        self.notebooks = course.notebooks
        every: dict[Notebook, Marks] = {}
        for notebook in course.notebooks:
            try:
                cells = read_cells(course.source(notebook))
            except CourseError:
                continue
            every[notebook] = Marks(
                frozenset(cell.grade_id for cell in cells),
                frozenset(squeeze(cell.source) for cell in cells if cell.kind in ("text", "given")),
                frozenset(cell.name for cell in cells if cell.kind == "exercise"),
            )
        shared = Counter(mark for marks in every.values() for mark in marks.ids | marks.texts | marks.names)
        own = {mark for mark, count in shared.items() if count == 1 or len(every) == 1}
        self.marks = {n: Marks(marks.ids & own, marks.texts & own, marks.names & own) for n, marks in every.items()}

    def surely(self, data: bytes, notebook: Notebook) -> bool:
        """Does a file of this notebook's name hold one of its ids? A glance: nothing is parsed."""
        found = self.marks.get(notebook)
        return found is None or any(b'"%s"' % mark.encode() in data for mark in found.ids)

    def recognise(self, data: bytes) -> tuple[list[Notebook], str]:
        """The notebooks whose cells it holds most of (none, one, or as many as fit alike), and why it is unreadable."""
        try:
            cells = read(data)
        except Refused as refusal:
            return [], str(refusal)
        ids = {name for cell in cells for name in cell.ids}
        texts = {squeeze(cell.source) for cell in cells}
        points = {n: len(ids & marks.ids) + len(texts & marks.texts) for n, marks in self.marks.items()}
        if not any(points.values()):
            names = {name for cell in cells if cell.kind == "code" for name in definitions(cell.source)}
            points = {notebook: len(names & marks.names) for notebook, marks in self.marks.items()}
            forget()
        best = max(points.values(), default=0)
        return [notebook for notebook, count in points.items() if count == best and best], ""
