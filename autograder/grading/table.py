"""What `course grade` prints when it is done: a table, what to know, who changes, and where everything is."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.grading.commit import Committer
from autograder.grading.database import url_shown
from autograder.grading.regrade import Change
from autograder.grading.result import Result

console = Console()
STYLES = {"graded": "green", "flagged": "yellow", "refused": "red"}
PLACES = {
    "feedback": "build/feedback/",
    "grades": "build/grades.csv, grades-canvas.csv, grades-moodle.csv",
    "report": "build/report.html",
}


def show(done: Committer, db: str) -> None:
    """Print a finished run."""
    console.print(_results(done.results))
    for result in done.results:
        for line in to_know(result):
            _say(line)
    for changes, title in ((done.again, "handed in again"), (done.changes, "changed grades")):
        if changes:
            console.print(_changes(changes, title))
    if done.held_back:
        _say(
            f"grades that would change: {len(done.changes)}. Nothing of them was written; tables and report are as "
            "they were. Run again with --yes to commit; points given by hand and late penalties stay."
        )
    for name, place in {"gradebook": url_shown(db) if "://" in db else db, **PLACES}.items():
        if not done.held_back or name in ("gradebook", "feedback"):
            _say(f"{name}: {place}")


def _say(line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _results(results: list[Result]) -> Table:
    table = Table(title=f"{len(results)} submissions")
    for column in ("student", "notebook", "outcome", "points", "exercises"):
        table.add_column(column, overflow="fold")
    for result in results:
        exercises = result.exercises()
        passed = sum(status == "passed" for status in exercises.values())
        refused = result.outcome == "refused"
        table.add_row(
            escape(result.student),
            escape(result.notebook),
            f"[{STYLES[result.outcome]}]{result.outcome}",
            "" if refused else f"{result.points:g} of {result.max_points:g}",
            "" if refused else f"{passed} of {len(exercises)}",
        )
    return table


def _changes(changes: list[Change], title: str) -> Table:
    """Who changes, and by how much: automatic points, before and after."""
    table = Table(title=f"{len(changes)} {title}")
    for column in ("student", "notebook", "before", "after", "which checks"):
        table.add_column(column, overflow="fold")
    for change in changes:
        why = [change.why] if change.why else []
        table.add_row(
            escape(change.student),
            escape(change.notebook),
            f"{change.before:g}",
            f"{change.after:g}",
            escape("\n".join([*why, *change.checks])),
        )
    return table


def to_know(result: Result) -> list[str]:
    """Why a person should look or what was put right, else what did not pass: lines beneath the table."""
    place = f"{result.student}/{result.notebook}.ipynb"
    if result.reasons:
        return [f"{place}: {result.outcome}: {reason}" for reason in result.reasons]
    by_status: dict[str, list[str]] = {}
    for name, status in result.exercises().items():
        by_status.setdefault(status, []).append(name)
    return [f"{place}: {status}: {', '.join(names)}" for status, names in by_status.items() if status != "passed"]
