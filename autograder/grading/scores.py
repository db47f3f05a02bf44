"""What nbgrader's gradebook says a notebook, and a student, has earned: read with few queries, for a whole class.

nbgrader has the same sums as SQL columns, which cost several queries a student.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from nbgrader.api import Assignment, Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from autograder.grading.registration import Layout


@dataclass(frozen=True)
class Mark:
    """What one graded cell earned, hand-given points included. pending: a person has yet to grade it."""

    score: float
    max_score: float
    pending: bool


@dataclass(frozen=True)
class Marks:
    """What the gradebook says of one submitted notebook: marks and comments by grade id, and the late penalty."""

    marks: dict[str, Mark] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    late_penalty: float = 0.0

    @property
    def score(self) -> float:
        """The points, those given by hand included, less the late penalty."""
        return max(0.0, sum(mark.score for mark in self.marks.values()) - self.late_penalty)

    @property
    def max_score(self) -> float:
        return sum(mark.max_score for mark in self.marks.values())


@dataclass(frozen=True)
class Person:
    """Who a student is, as far as the gradebook knows. key: the student's name in results and folders."""

    key: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""


class LatePlugin(Protocol):
    """nbgrader's late submission plugins."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points to take off a score."""


def score_of(grade: Any) -> float:
    """nbgrader's rule for a grade's score, which it keeps in SQL: by hand, else automatic, plus extra credit."""
    earned = grade.manual_score if grade.manual_score is not None else grade.auto_score
    return 0.0 if earned is None else earned + (grade.extra_credit or 0.0)


def marks_of(submitted: SubmittedNotebook, layout: Layout) -> Marks:
    """The marks of one submitted notebook."""
    grades = {grade.cell_id: grade for grade in submitted.grades}
    comments = {comment.cell_id: comment for comment in submitted.comments}
    return Marks(
        {
            name: Mark(score_of(grades[cell_id]), layout.max_scores[name], bool(grades[cell_id].needs_manual_grade))
            for name, cell_id in layout.grades.items() if cell_id in grades
        },
        {
            name: comments[cell_id].manual_comment or comments[cell_id].auto_comment
            for name, cell_id in layout.comments.items()
            if cell_id in comments and (comments[cell_id].manual_comment or comments[cell_id].auto_comment)
        },
        submitted.late_submission_penalty or 0.0,
    )


def class_marks(
    session: Session, assignment_id: str, layouts: Mapping[str, Layout], student: str | None = None
) -> dict[str, dict[str, Marks]]:
    """Every submission of the assignment, or one student's, by student and notebook.

    Notebooks that were not handed in have zero. Reads what is committed or flushed.
    """
    names = {layout.notebook_id: name for name, layout in layouts.items()}
    cells = {
        cell_id: (name, grade_id) for name, layout in layouts.items() for grade_id, cell_id in layout.grades.items()
    }
    noted = {cell_id: grade_id for layout in layouts.values() for grade_id, cell_id in layout.comments.items()}
    submitted = _of(assignment_id, student, SubmittedNotebook.id)
    # Columns, not objects: each of nbgrader's objects brings its sums along, a subquery for each.
    handed_in = {
        row.id: (row.student_id, names[row.notebook_id], Marks(late_penalty=row.late_submission_penalty or 0.0))
        for row in session.execute(_of(assignment_id, student, SubmittedNotebook.id, SubmittedNotebook.notebook_id,
                                       SubmittedNotebook.late_submission_penalty, SubmittedAssignment.student_id))
        if row.notebook_id in names
    }
    grades = select(Grade.notebook_id, Grade.cell_id, Grade.manual_score, Grade.auto_score, Grade.extra_credit,
                    Grade.needs_manual_grade)
    for row in session.execute(grades.where(Grade.notebook_id.in_(submitted))):
        if row.notebook_id in handed_in and row.cell_id in cells:
            name, grade_id = cells[row.cell_id]
            mark = Mark(score_of(row), layouts[name].max_scores[grade_id], bool(row.needs_manual_grade))
            handed_in[row.notebook_id][2].marks[grade_id] = mark
    comments = select(Comment.notebook_id, Comment.cell_id, Comment.manual_comment, Comment.auto_comment)
    for row in session.execute(comments.where(Comment.notebook_id.in_(submitted))):
        said = row.manual_comment or row.auto_comment
        if said and row.notebook_id in handed_in and row.cell_id in noted:
            handed_in[row.notebook_id][2].comments[noted[row.cell_id]] = said
    found: dict[str, dict[str, Marks]] = {}
    for student, name, marks in handed_in.values():
        found.setdefault(student, {})[name] = marks
    return found


def _of(assignment_id: str, student: str | None, *columns: Any) -> Select[Any]:
    """These columns of the assignment's submitted notebooks, of all students or one."""
    chosen = (
        select(*columns)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .where(SubmittedAssignment.assignment_id == assignment_id)
    )
    return chosen if student is None else chosen.where(SubmittedAssignment.student_id == student)


def people_in(session: Session) -> dict[str, Person]:
    """Every student that the gradebook knows, by key."""
    columns = Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id
    return {row[0]: Person(*(value or "" for value in row)) for row in session.execute(select(*columns))}


def save_penalty(session: Session, submitted: SubmittedNotebook, plugin: LatePlugin) -> bool:
    """Set the late penalty as AssignLatePenalties does: never negative, never above the score. Says if it changed."""
    submission = submitted.assignment
    before, submitted.late_submission_penalty = submitted.late_submission_penalty, None
    due = session.get_one(Assignment, submission.assignment_id).duedate
    if submission.timestamp is not None and due is not None:
        late = (submission.timestamp - due - (submission.extension or datetime.timedelta())).total_seconds()
        if late > 0:
            score = sum(score_of(grade) for grade in submitted.grades)
            penalty = plugin.late_submission_penalty(submission.student_id, score, late)
            if penalty is not None:
                submitted.late_submission_penalty = min(max(penalty, 0.0), score)
    return (submitted.late_submission_penalty or 0.0) != (before or 0.0)


def renew_penalties(session: Session, assignment_id: str, plugin: LatePlugin) -> int:
    """Set the late penalty of every notebook of the assignment anew; returns how many changed."""
    submissions = session.scalars(
        select(SubmittedAssignment)
        .where(SubmittedAssignment.assignment_id == assignment_id, SubmittedAssignment.timestamp.is_not(None))
        .options(selectinload(SubmittedAssignment.notebooks).selectinload(SubmittedNotebook.grades))
    )
    return sum(save_penalty(session, row, plugin) for submission in submissions for row in submission.notebooks)
