"""Grades as a table for people and learning platforms: CSV, one row per student and notebook."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from autograder.files import write_atomically
from autograder.grading.result import Result

COLUMNS = ("student", "assignment", "notebook", "outcome", "points", "max_points")
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # spreadsheets in East Asian locales take the wide ones too


def write_grades_csv(results: Iterable[Result], path: Path) -> None:
    """Write the results, refused ones included, sorted by student and notebook; whole or not at all.

    After COLUMNS comes a column per exercise with its status ("" where the notebook has no such exercise), then the
    reasons, joined by "; ". An exercise's column is its name, `notebook/exercise` where two notebooks share the name.
    A text that a spreadsheet would take for a formula gets a leading quote. UTF-8 with a mark, which Excel needs.
    """
    rows = sorted(results, key=lambda result: (result.student, result.assignment, result.notebook))
    columns = _exercise_columns(rows)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *map(_harmless, dict.fromkeys(columns.values())), "reasons"])
    for row in rows:
        statuses = {columns[row.assignment, row.notebook, name]: status for name, status in row.exercises().items()}
        writer.writerow([
            *map(_harmless, (row.student, row.assignment, row.notebook, row.outcome)),
            f"{row.points:g}", f"{row.max_points:g}",
            *(statuses.get(column, "") for column in dict.fromkeys(columns.values())),
            _harmless("; ".join(row.reasons)),
        ])
    write_atomically(path, "\ufeff" + table.getvalue())


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


def _harmless(text: str) -> str:
    """The text as one line that no spreadsheet runs. Bytes of a file name that are no UTF-8 are shown escaped."""
    text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "")
    line = " ".join(text.splitlines())
    return "'" + line if line.lstrip().startswith(FORMULA) else line
