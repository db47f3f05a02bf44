"""What was handed in: from nbgrader's folders, a flat folder, a Moodle or Canvas zip, or one file, as one list.

Nothing that a person handed in vanishes: a file that cannot be graded is in the list, with the reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.course import START_PAGE, Course, CourseError, Notebook
from autograder.grading.naming import Named, is_notebook, named
from autograder.grading.recognise import Recogniser
from autograder.grading.stores import Entry, entries, is_zip
from autograder.grading.submission import Refused, read

SAME_TIME = 2.0  # seconds: a zip's dates are no finer, and copying a folder takes a moment
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?( \S+)?")
EXPECTED = "expected FOLDER/STUDENT/MODULE/NOTEBOOK.ipynb, STUDENT_NOTEBOOK.ipynb, or a zip from Moodle or Canvas"


@dataclass(frozen=True)
class Handed:
    """One file that somebody handed in. Picklable: any process can read it.

    notebook: None where it fits none of the course. name: its path, to print. read: its bytes; raises Refused.
    notes: what a person should know and need not do anything about. problem: why it cannot be graded, "" where it can.
    timestamp: when it was handed in, as nbgrader's timestamp.txt says, "" where nobody says. late: the LMS says so.
    lms_id: Canvas's own number for the student, "" where there is none; Moodle's is another for each assignment.
    """

    student: str
    notebook: Notebook | None
    name: str
    read: Callable[[], bytes]
    notes: tuple[str, ...] = ()
    problem: str = ""
    timestamp: str = ""
    late: bool = False
    lms_id: str = ""


@dataclass
class _Found:
    """A file on its way to being Handed."""

    entry: Entry
    said: Named
    notebook: Notebook | None = None
    notes: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def name(self) -> str:
        return "/".join(self.entry.parts)


def find(course: Course, path: Path) -> list[Handed]:
    """Everything handed in below a folder, in a zip, or as one file: by student, then in the course's order.

    Of several files for one notebook of one student the latest counts. Raises CourseError where there is nothing.
    """
    files = _lift(course, path, entries(path))
    modules, names = {n.module for n in course.notebooks}, {n.name for n in course.notebooks}
    found = [_Found(entry, named(entry.parts, modules, names)) for entry in files]
    _tell_namesakes_apart(found)
    recogniser = Recogniser(course)
    notebooks = [f for f in found if _counts_as_notebook(f)]
    for one in notebooks:
        _identify(one, recogniser)
    stamps = {f.entry.parts[:-1]: _timestamp(f.entry) for f in found if f.entry.parts[-1] == "timestamp.txt"}
    others = [f for f in found if not _counts_as_notebook(f)]
    others = _without_a_notebook(others, {f.said.student for f in notebooks})
    order = {notebook: number for number, notebook in enumerate(course.notebooks)}
    kept = sorted(
        [*_latest_only(notebooks), *others],
        key=lambda f: (f.said.student, order[f.notebook] if f.notebook else len(order), f.name),
    )
    if not kept:
        raise CourseError(f"{path}: no submissions; {EXPECTED}")
    return [
        Handed(
            f.said.student or "?",
            f.notebook,
            f.name,
            f.entry.read,
            tuple(f.notes),
            f.problem,
            stamps.get(f.entry.parts[:-1], ""),
            f.said.late,
            f.said.lms_id if f.said.lms == "Canvas" else "",
        )
        for f in kept
    ]


def _lift(course: Course, path: Path, found: list[Entry]) -> list[Entry]:
    """Paths that begin at the student: the folders above a single file added, a folder around all of them taken off."""
    modules, names = {n.module for n in course.notebooks}, {n.name for n in course.notebooks}
    if not path.is_dir() and not is_zip(path) and is_notebook(found[0].parts[-1]):
        if named(found[0].parts, modules, names).student:
            return found
        above = path.resolve().parent
        folders = (above.parent.name, above.name) if above.name in modules else (above.name,)
        return [replace(found[0], parts=(*folders, found[0].parts[-1]))]
    tops = {entry.parts[0] for entry in found}
    if len(tops) == 1 and all(len(entry.parts) > 1 for entry in found):
        inner = [replace(entry, parts=entry.parts[1:]) for entry in found]
        students = [named(e.parts, modules, names) for e in inner if is_notebook(e.parts[-1])]
        if any(e.parts[0] in modules for e in inner) or not all(s.student for s in students):
            return found
        certain = all(s.notebook or s.lms for s in students)
        if students and (certain or len(students) > 1 and not path.is_dir()):
            return inner
    return found


def _counts_as_notebook(found: _Found) -> bool:
    file = found.entry.parts[-1]
    return is_notebook(file) and file != START_PAGE or bool(found.entry.problem)


def _tell_namesakes_apart(found: list[_Found]) -> None:
    """Moodle numbers people anew for each assignment, so the number is part of a name only where it must be."""
    numbers: dict[str, set[str]] = defaultdict(set)
    for one in found:
        if one.said.lms == "Moodle":
            numbers[one.said.student].add(one.said.lms_id)
    for one in found:
        if one.said.lms == "Moodle" and len(numbers[one.said.student]) > 1:
            one.said = replace(one.said, student=f"{one.said.student}_{one.said.lms_id}")


def _identify(found: _Found, recogniser: Recogniser) -> None:
    """Fill in the notebook, and a note or a problem where the name alone does not say."""
    if found.said.late:
        found.notes.append(f"late, says {found.said.lms}")
    if not found.said.student:
        found.problem = "whose is it? put it into a folder named after the student"
    by_name = next((n for n in recogniser.notebooks if n.name == found.said.notebook), None)
    found.notebook = by_name
    if found.entry.problem:
        found.problem = found.entry.problem
        return
    try:
        data = found.entry.read()
    except Refused as refusal:
        found.problem = str(refusal)
        return
    fitting = [by_name] if by_name and recogniser.surely(data, by_name) else []
    unreadable = ""
    if not fitting:
        fitting, unreadable = recogniser.recognise(data)
    if by_name in fitting or by_name and not fitting:  # what fits nothing is graded by its name, and refused there
        if found.said.renamed:
            found.notes.append(f"graded as {found.said.notebook}, the only notebook that fits; renamed by a browser?")
    elif len(fitting) == 1:
        found.notebook = fitting[0]
        if found.said.notebook or found.said.student and not _is_only_the_student(found):
            found.notes.append(f"graded as {fitting[0].name}, the only notebook whose cells it holds")
    elif fitting:
        found.problem = f"could be {' or '.join(n.name for n in fitting)}; name the file after its notebook"
    else:
        found.problem = unreadable or "it holds no cell of the course's notebooks; hand in the notebook itself"


def _is_only_the_student(found: _Found) -> bool:
    """STUDENT.ipynb in a flat folder says nothing of a notebook, and need not."""
    return len(found.entry.parts) == 1 and not found.said.lms and found.said.file.startswith(found.said.student)


def _latest_only(found: list[_Found]) -> list[_Found]:
    """One file for each student and notebook: the latest that can be read, with a note of those left out."""
    kept = [f for f in found if f.problem or not f.notebook]
    groups: dict[tuple[str, str], list[_Found]] = defaultdict(list)
    for one in found:
        if one.notebook and not one.problem:
            groups[one.said.student, one.notebook.name].append(one)
    for group in groups.values():
        newest = max(one.entry.when for one in group)

        def age(one: _Found, newest: float = newest) -> tuple:
            when = one.entry.when
            return newest if newest - when <= SAME_TIME else when, one.said.order, _natural(one.name)

        group.sort(key=age)
        latest = group[-1]
        if len(group) > 1:
            latest = _last_readable(group)
            left_out = ", ".join(one.name for one in group if one is not latest)
            latest.notes.append(f"the latest of {len(group)} files for this notebook; left out: {left_out}")
        kept.append(latest)
    return kept


def _last_readable(group: list[_Found]) -> _Found:
    for one in reversed(group):
        try:
            read(one.entry.read())
        except Refused:
            continue
        return one
    return group[-1]


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key by which `x-10` is later than `x-2`."""
    return [(1, int(p), "") if p.isdecimal() and len(p) < 20 else (0, 0, p) for p in re.split(r"(\d+)", name)]


def _without_a_notebook(others: list[_Found], known: set[str]) -> list[_Found]:
    """Zips among the files, and one entry for each student who handed in other things only."""
    kept: list[_Found] = []
    things: dict[str, list[_Found]] = defaultdict(list)
    for one in others:
        if one.entry.parts[-1].lower().endswith(".zip"):
            one.problem = "a zip among the files is not opened; unpack it, or ask for the notebook itself"
            kept.append(one)
        elif one.said.student and one.entry.parts[-1] != "timestamp.txt":
            things[one.said.student].append(one)
    zipped = {one.said.student for one in kept}
    for student, files in things.items():
        in_a_place = files[0].said.lms or len(files[0].entry.parts) > 1
        if student not in known | zipped and in_a_place:
            files[0].problem = "no notebook was handed in; hand in the .ipynb file itself"
            kept.append(files[0])
    return kept


def _timestamp(entry: Entry) -> str:
    """When nbgrader collected it, "" where the file does not say."""
    try:
        text = entry.read()[:100].decode("utf-8").strip()
    except (Refused, UnicodeDecodeError):
        return ""
    return text if TIMESTAMP.fullmatch(text) else ""
