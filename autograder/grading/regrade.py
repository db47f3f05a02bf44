"""Who would change: a new result against what the gradebook holds.

A result is new (the gradebook has none), the same, handed in again (other bytes than those graded before), or changed:
the same work, or work that the journal does not know, is worth something else now. Changed ones wait for a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nbgrader.api import Assignment, Grade, GradeCell, Notebook, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import select

from autograder.grading.database import database_errors, open_gradebook
from autograder.grading.exam import Exam
from autograder.grading.result import Result
from autograder.grading.verdicts import safe_name

Key = tuple[str, str, str]  # student as the gradebook writes it, assignment, notebook


@dataclass(frozen=True)
class Change:
    """One student's notebook and its automatic points before and after. checks: what differs, in words."""

    student: str
    assignment: str
    notebook: str
    before: float
    after: float
    checks: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True)
class Held:
    """A gradebook before a run. points: automatic ones by check. worth: each notebook's checks and their points."""

    points: dict[Key, dict[str, float]] = field(default_factory=dict)
    worth: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)


def read_held(db: str, course_id: str, assignments: Iterable[str]) -> Held:
    """What the gradebook holds of these assignments. Raises GradebookError."""
    names = list(assignments)
    book = open_gradebook(db, course_id)
    held = Held()
    try:
        with database_errors("cannot read the grades"):
            cells = (
                select(Assignment.name, Notebook.name, GradeCell.name, GradeCell.max_score)
                .join(Notebook, Notebook.assignment_id == Assignment.id)
                .join(GradeCell, GradeCell.notebook_id == Notebook.id)
                .where(Assignment.name.in_(names), GradeCell.cell_type == "code")
            )
            for assignment, notebook, check, worth in book.db.execute(cells):
                held.worth.setdefault((assignment, notebook), {})[check] = worth
            grades = (
                select(SubmittedAssignment.student_id, Assignment.name, Notebook.name, GradeCell.name, Grade.auto_score)
                .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
                .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
                .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
                .join(GradeCell, Grade.cell_id == GradeCell.id)
                .where(Assignment.name.in_(names), GradeCell.cell_type == "code", Grade.auto_score.is_not(None))
            )
            for student, assignment, notebook, check, points in book.db.execute(grades):
                held.points.setdefault((student, assignment, notebook), {})[check] = points
    finally:
        book.close()
    return held


def key_in(result: Result) -> Key:
    """Where the gradebook holds it."""
    return safe_name(result.student), result.assignment, result.notebook


def change(result: Result, held: Held) -> Change | None:
    """How the result differs from what the gradebook holds; None where it does not, or holds nothing.

    A check under a new name counts as the same where the points stay. A refused result takes no points away.
    """
    before = held.points.get(key_in(result))
    if not before or result.outcome == "refused":
        return None
    after = {check.grade_id: check.points for check in result.checks}
    titles = {check.grade_id: check.title for check in result.checks}
    differ = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    if not differ and sum(before.values()) == sum(after.values()):
        return None
    words = [f"{titles[name]}: {before[name]:g} → {after[name]:g}" for name in after if name in differ]
    words += [f"{titles[name]}: new, {after[name]:g}" for name in after if name not in before]
    words += [f"{name}: {before[name]:g} → gone" for name in sorted(before.keys() - after.keys())]
    return Change(
        result.student, result.assignment, result.notebook, sum(before.values()), sum(after.values()), tuple(words)
    )


def reshaped(exams: Iterable[Exam], held: Held) -> set[str]:
    """The assignments whose checks, or what they are worth, differ from the gradebook's, with points already given.

    Taking such an assignment over changes students who are not in this run.
    """
    graded = {(assignment, notebook) for _, assignment, notebook in held.points}
    return {
        exam.notebook.module
        for exam in exams
        if (place := (exam.notebook.module, exam.notebook.name)) in graded and held.worth.get(place) != _worth(exam)
    }


def left_out(exams: Iterable[Exam], held: Held, present: set[Key]) -> list[Change]:
    """The students who lose points of checks that are gone without being graded again: they are not in this run."""
    changes = []
    worth = {(exam.notebook.module, exam.notebook.name): _worth(exam) for exam in exams}
    for key, points in sorted(held.points.items()):
        lost = [name for name in points if name not in worth.get(key[1:], points) and points[name]]
        if lost and key not in present:
            before = sum(points.values())
            words = tuple(f"{name}: {points[name]:g} → gone" for name in sorted(lost))
            after = before - sum(points[name] for name in lost)
            changes.append(Change(*key, before, after, words, "not handed in this time"))
    return changes


def _worth(exam: Exam) -> dict[str, float]:
    return {place.id: float(place.cell.meta["points"]) for place in exam.of_kind("check")}
