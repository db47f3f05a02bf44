"""The class report: one HTML file for the instructor, which needs no network and runs nothing.

Per exercise how many passed, failed, were stopped or did not try, and the message that most students saw; how points
are distributed; who was flagged or refused and why. It shows no code and no answer; text that a student may have
written is escaped.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import jinja2

from autograder.course import Course
from autograder.files import write_atomically
from autograder.grading.result import STATUSES, Result
from autograder.grading.scores import Marks

MarksOf = Callable[[str, str, str], Marks]  # student, assignment, notebook → what the gradebook says

# Shown from left to right, from dark to light, so that the order and the shade say the same in greyscale.
SHARES = {
    "passed": ("passed",), "failed": ("failed",), "timed out": ("timed out",),
    "out of memory or died": ("out of memory", "died"), "not attempted": ("not attempted",),
}
assert {status for statuses in SHARES.values() for status in statuses} == set(STATUSES)
TENTHS = 10
MOST_LINES, MOST_SHOWN = 8, 600  # of a message: a student's exception may be long


@dataclass(frozen=True)
class Share:
    """One part of an exercise's bar. percent: of the graded submissions."""

    name: str
    tone: str
    count: int
    percent: float


@dataclass(frozen=True)
class Exercise:
    """One exercise: its shares in the order of SHARES, and the commonest message of those that failed.

    count: how many saw that message, of `failed` who did not pass and tried.
    """

    name: str
    shares: tuple[Share, ...]
    message: str
    count: int
    failed: int


@dataclass(frozen=True)
class Column:
    """One bar of a histogram; label: the range of percent that it counts. height: of the highest, in percent."""

    label: str
    count: int
    height: float


@dataclass(frozen=True)
class Part:
    """One notebook. mean, median: in percent of the points. most: points possible. by_hand: the gradebook was asked.

    awaiting: how many submissions have something that a person has yet to grade, None where nobody knows.
    """

    title: str
    place: str
    graded: int
    refused: int
    exercises: tuple[Exercise, ...]
    histogram: tuple[Column, ...]
    mean: float
    median: float
    most: float
    by_hand: bool
    awaiting: int | None


def write_report(course: Course, results: Iterable[Result], path: Path, marks: MarksOf | None = None) -> None:
    """Write the report on these results, whole or not at all.

    marks: what the gradebook says (`GradebookWriter.marks`), so that points given by hand and late penalties are in the
    scores and the page says what a person has yet to grade. Raises CourseError where the file cannot be written.
    """
    write_atomically(path, page(course, results, marks))


def page(course: Course, results: Iterable[Result], marks: MarksOf | None = None) -> str:
    """The report's HTML."""
    rows = sorted(results, key=lambda result: (result.student, result.assignment, result.notebook))
    titles = {(notebook.module, notebook.name): notebook.title for notebook in course.notebooks}
    places = {(row.assignment, row.notebook): None for row in rows}
    known = [place for place in titles if place in places]
    parts = []
    for place in [*known, *sorted(place for place in places if place not in titles)]:
        here = [row for row in rows if (row.assignment, row.notebook) == place]
        parts.append(_part(titles.get(place, place[1]), "/".join(place), here, marks))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True,
    )
    environment.filters["points"] = lambda value: f"{round(value, 2):g}"
    environment.filters["plain"] = _plain
    awaiting = [part.awaiting for part in parts if part.awaiting is not None]
    return environment.get_template("report.html.j2").render(
        title=course.title, parts=parts, students=len({row.student for row in rows}),
        counts={name: sum(row.outcome == name for row in rows) for name in ("graded", "flagged", "refused")},
        total=len(rows), awaiting=sum(awaiting) if awaiting else None,
        look=[row for row in rows if row.outcome in ("flagged", "refused")],
        legend=[(name, f"tone-{index}") for index, name in enumerate(SHARES)],
    )


def _part(title: str, place: str, rows: list[Result], marks: MarksOf | None) -> Part:
    graded = [row for row in rows if row.outcome != "refused"]
    known = [marks(row.student, row.assignment, row.notebook) if marks else Marks() for row in graded]
    scores = [_score(row, found) for row, found in zip(graded, known, strict=True)]
    names = dict.fromkeys(name for row in graded for name in row.exercises())
    percents = [100 * score / most if most else 0.0 for score, most in scores]
    waiting = sum(any(mark.pending for mark in found.marks.values()) for found in known)
    return Part(
        title=title, place=place, graded=len(graded), refused=len(rows) - len(graded),
        exercises=tuple(_exercise(name, graded) for name in names),
        histogram=_histogram(percents),
        mean=statistics.fmean(percents) if percents else 0.0,
        median=statistics.median(percents) if percents else 0.0,
        most=max((most for _, most in scores), default=0.0),
        by_hand=any(found.marks for found in known), awaiting=waiting if marks else None,
    )


def _score(row: Result, marks: Marks) -> tuple[float, float]:
    """Points and the most possible; what a person has yet to grade counts in neither."""
    settled = [mark for mark in marks.marks.values() if not mark.pending]
    if not settled:
        return row.points, row.max_points
    score = sum(mark.score for mark in settled) - marks.late_penalty
    return max(0.0, score), sum(mark.max_score for mark in settled)


def _exercise(name: str, rows: list[Result]) -> Exercise:
    statuses = Counter(row.exercises().get(name, "not attempted") for row in rows)
    shares = []
    for index, (share, members) in enumerate(SHARES.items()):
        count = sum(statuses[status] for status in members)
        shares.append(Share(share, f"tone-{index}", count, 100 * count / len(rows)))
    # One message a student: the first check that did not pass, which is the one to mend first.
    firsts = []
    for row in rows:
        for check in row.checks:
            if check.exercise == name and check.status not in ("passed", "not attempted"):
                firsts.append(check.message)
                break
    alike = Counter(_kind(message) for message in firsts)
    if not alike:
        return Exercise(name, tuple(shares), "", 0, 0)
    kind, count = min(alike.items(), key=lambda item: (-item[1], item[0]))
    shown = Counter(message for message in firsts if _kind(message) == kind)
    message, _ = min(shown.items(), key=lambda item: (-item[1], item[0]))
    return Exercise(name, tuple(shares), message, count, len(firsts))


def _kind(message: str) -> str:
    """What messages about the same mistake have in common: all but the numbers and the values that came."""
    return re.sub(r"-?\d[\d.,e+-]*|\[[^\]]*\]|(?<=got ).*", "#", message)


def _histogram(percents: list[float]) -> tuple[Column, ...]:
    counts = Counter(min(int(max(percent, 0.0) // (100 / TENTHS)), TENTHS - 1) for percent in percents)
    highest = max(counts.values(), default=0)
    width = 100 // TENTHS
    return tuple(
        Column(f"{tenth * width}–{(tenth + 1) * width}", counts[tenth], 100 * counts[tenth] / highest if highest else 0)
        for tenth in range(TENTHS)
    )


def _plain(text: str) -> str:
    """The text without what a terminal or a browser would act on, cut to a length that people read."""
    text = text.encode("utf-8", "backslashreplace").decode()
    lines = ["".join(c for c in line if c.isprintable()) for line in re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()]
    cut = "\n".join(lines[:MOST_LINES])
    return cut[:MOST_SHOWN] + " …" if len(cut) > MOST_SHOWN or len(lines) > MOST_LINES else cut


