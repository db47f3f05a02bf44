"""Grades as a table for people: CSV, one row per student and notebook. For learning platforms see lms.py."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from autograder.files import write_atomically
from autograder.grading.gradebook import GradebookWriter, Marks
from autograder.grading.result import CheckResult, Result
from autograder.grading.verdicts import safe_name

COLUMNS = ("student", "assignment", "notebook", "outcome", "points", "max_points")
TOTALS = ("points by hand", "points awaiting a person", "late penalty", "score", "max score")
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # spreadsheets in East Asian locales take the wide ones too


def write_grades_csv(results: Iterable[Result], path: Path, gradebook: GradebookWriter | None = None) -> None:
    """Write the results, refused ones included, sorted by student and notebook; whole or not at all.

    After COLUMNS comes a column per exercise with its status ("" where the notebook has no such exercise) and one with
    its points, then the reasons, joined by "; ". An exercise's column is its name, `notebook/exercise` where two
    notebooks share the name; its points stand in `NAME points`. With a gradebook, points that a person gave count, and
    TOTALS come before the reasons: what was given by hand on anything else (essays), how many points are still to be
    given, the late penalty, and the score after it. Raises CourseError where the file cannot be written.

    A text that a spreadsheet would take for a formula gets a leading quote. UTF-8 with a mark, which Excel needs.
    """
    rows = sorted(results, key=lambda result: (result.student, result.assignment, result.notebook))
    assignments = sorted({row.assignment for row in rows if row.outcome != "refused"})
    marks = {name: gradebook.class_marks(name) for name in assignments} if gradebook else {}
    columns = _exercise_columns(rows)
    names = list(dict.fromkeys(columns.values()))
    table: list[list[str]] = [
        [*COLUMNS, *names, *(f"{name} points" for name in names), *(TOTALS if gradebook else ()), "reasons"]
    ]
    for row in rows:
        refused = row.outcome == "refused"
        known = Marks() if refused else marks.get(row.assignment, {}).get(safe_name(row.student), {}).get(
            row.notebook, Marks()
        )
        statuses, points = {}, dict.fromkeys(names, 0.0)
        for name, status in row.exercises().items():
            statuses[columns[row.assignment, row.notebook, name]] = status
        for check in row.checks:
            points[columns[row.assignment, row.notebook, check.exercise]] += earned(check, known)
        table.append([
            row.student, row.assignment, row.notebook, row.outcome, number(row.points), number(row.max_points),
            *(statuses.get(name, "") for name in names),
            *(number(points[name]) if name in statuses else "" for name in names),
            *(_totals(row, known) if gradebook else ()), "; ".join(row.reasons),
        ])
    write_table(table, path, mark=True)


def earned(check: CheckResult, marks: Marks) -> float:
    """The check's points: those that the gradebook holds, where a person may have changed them, else the result's."""
    mark = marks.marks.get(check.grade_id)
    return check.points if mark is None else mark.score


def number(value: float) -> str:
    """A number of points: at most two decimals, which is what learning platforms keep, and no more than needed."""
    return f"{max(0.0, value):.2f}".rstrip("0").rstrip(".")


def write_table(table: Sequence[Sequence[str]], path: Path, mark: bool = False) -> None:
    """Write rows of text as CSV that no spreadsheet runs; mark: with a byte order mark. Raises CourseError."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[harmless(cell) for cell in row] for row in table])
    write_atomically(path, ("\ufeff" if mark else "") + text.getvalue())


def harmless(text: str) -> str:
    """The text as one line that no spreadsheet runs. Bytes of a file name that are no UTF-8 are shown escaped."""
    text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "")
    line = " ".join(text.splitlines())
    return "'" + line if line.lstrip().startswith(FORMULA) and line != "-" else line


def _totals(row: Result, marks: Marks) -> list[str]:
    if row.outcome == "refused" or not marks.marks:
        return [""] * len(TOTALS)
    checks = {check.grade_id for check in row.checks}
    others = [mark for name, mark in marks.marks.items() if name not in checks]
    awaiting = sum(mark.max_score for mark in marks.marks.values() if mark.pending)
    return [number(value) for value in (
        sum(mark.score for mark in others), awaiting, marks.late_penalty, marks.score, marks.max_score,
    )]


def _exercise_columns(results: list[Result]) -> dict[tuple[str, str, str], str]:
    """The column of each exercise, by assignment, notebook and exercise, in the order of the notebooks' checks."""
    places: dict[tuple[str, str, str], None] = {}
    for result in sorted(results, key=lambda result: (result.assignment, result.notebook)):
        for name in result.exercises():
            places[result.assignment, result.notebook, name] = None
    names = [name for _, _, name in places]
    return {
        place: place[2] if names.count(place[2]) == 1 else f"{place[1]}/{place[2]}"
        for place in places
    }
