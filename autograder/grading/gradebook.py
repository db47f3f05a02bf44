"""Results into nbgrader's gradebook, so that formgrader, feedback and every other nbgrader tool read them.

Per result: the graded notebook in the autograded folder, with the verdicts as outputs, and in the database what
nbgrader's SaveAutoGrades and AssignLatePenalties would have put there. Points are read back from the outputs by
nbgrader's own rule, so the page and the database cannot disagree. Points and comments given by hand are never touched.

One connection serves a whole class, and work is committed in batches: nbgrader's preprocessors open a database and
commit once per cell, which costs more than grading does.
"""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Assignment, Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import determine_grade, is_solution, parse_utc
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from traitlets.config import Config

from autograder.files import write_atomically
from autograder.grading.database import GradebookError, database_errors, open_gradebook
from autograder.grading.registration import Layout, complete, register
from autograder.grading.result import Result
from autograder.grading.verdicts import (
    VerdictError,
    add_note,
    answered,
    answers_at,
    answers_in,
    inert,
    nbgrader_of,
    parse,
    safe_name,
    write_verdicts,
)

__all__ = ["NO_RESPONSE", "GradebookError", "GradebookWriter", "Mark", "Marks"]

NO_RESPONSE = "No response."  # nbgrader's comment on an untouched answer
BATCH, SECONDS = 50, 2.0  # commit after so many records, or so long: a formgrader open beside us must not wait


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


class GradebookWriter:
    """Writes a course's results; use it as a context manager. Not for use from several threads.

    db_url: as nbgrader takes it (`sqlite:///build/gradebook.db`, `postgresql://…`). config: traitlets configuration, of
    which AssignLatePenalties and its plugin are read. Raises GradebookError when the database cannot be opened.
    """

    def __init__(
        self,
        db_url: str,
        course_id: str,
        source_root: Path = Path("build/source"),
        autograded_root: Path = Path("build/autograded"),
        config: Config | None = None,
    ) -> None:
        self.source_root, self.autograded_root = Path(source_root), Path(autograded_root)
        self._book = open_gradebook(db_url, course_id)
        # Nothing is flushed before a commit, so the database is locked for milliseconds; rows stay usable after one.
        self._session: Session = sessionmaker(bind=self._book.engine, autoflush=False, expire_on_commit=False)()
        self._layouts: dict[str, dict[str, Layout]] = {}
        self._assignment_ids: dict[str, str] = {}
        self._students: dict[str, Student] = {}
        self._submissions: dict[tuple[str, str], SubmittedAssignment] = {}
        self._late = AssignLatePenalties(config=config or Config())
        self._late.init_plugin()
        self._pending, self._since = 0, time.monotonic()

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.commit()  # what was recorded before an interruption is whole, and stays
        finally:
            self.close()

    def close(self) -> None:
        """Give the connection back; what is not committed is dropped."""
        self._session.close()
        self._book.close()

    def add_assignment(self, assignment: str) -> None:
        """Register the assignment from source_root/assignment/*.ipynb; cheap when nothing changed.

        Raises GradebookError, see `register`.
        """
        self.commit()
        with database_errors(f"cannot register {assignment}"):
            self._layouts[assignment] = register(self._book, assignment, self.source_root / assignment)
            self._assignment_ids[assignment] = self._book.find_assignment(assignment).id
            self._book.db.remove()

    def record(self, result: Result, timestamp: datetime.datetime | str | None = None) -> bool:
        """Write one result; returns whether the gradebook now holds its points.

        A refused result only makes the student known: points of an earlier submission stay. timestamp: when it was
        handed in (UTC where it has no zone); None keeps what is known. Raises GradebookError for a result that does not
        fit the registered notebook; nothing is written then.
        """
        if result.assignment not in self._layouts:
            self.add_assignment(result.assignment)
        layout = self._layouts[result.assignment].get(result.notebook)
        if layout is None:
            raise GradebookError(f"{result.student}: {result.assignment} has no notebook {result.notebook}")
        student = safe_name(result.student)
        with database_errors(f"cannot record {result.student}/{result.notebook}"):
            if result.outcome == "refused":
                self._student(student)
                self._written()
                return False
            notebook = self._with_verdicts(result, layout)
            path = self.autograded_root / student / result.assignment / f"{result.notebook}.ipynb"
            submitted = self._submitted(student, result, timestamp)
            self._save_grades(submitted, notebook, layout, path)
            self._save_penalty(submitted)
            for cell in notebook.cells:
                if cell.cell_type == "markdown" and is_solution(cell):
                    cell.source = inert(cell.source)
            if result.outcome == "flagged":
                submitted.flagged = True
                add_note(notebook, "Flagged by the grader: please look", result.reasons)
            write_atomically(path, nbformat.v4.writes_json(notebook, ensure_ascii=False) + "\n")
            self._written()
        return True

    def commit(self) -> None:
        """Make everything recorded so far permanent. Raises GradebookError, and drops the batch, where that fails."""
        with database_errors("cannot save the grades"):
            try:
                self._session.commit()
            except SQLAlchemyError:
                self._session.rollback()
                raise
            finally:
                self._session.expunge_all()  # else memory grows with the class, and other people's changes go unseen
                self._students.clear()
                self._submissions.clear()
                self._pending, self._since = 0, time.monotonic()

    def marks(self, student: str, assignment: str, notebook: str) -> Marks:
        """What the gradebook says of the student's notebook; empty where it holds none."""
        layout = self._layouts.get(assignment, {}).get(notebook)
        submission = self._submission(safe_name(student), assignment) if layout else None
        if layout is None or submission is None:
            return Marks()
        submitted = next((row for row in submission.notebooks if row.notebook_id == layout.notebook_id), None)
        if submitted is None:
            return Marks()
        grades = {grade.cell_id: grade for grade in submitted.grades}
        comments = {comment.cell_id: comment for comment in submitted.comments}
        return Marks(
            {
                name: Mark(_score(grades[cell_id]), layout.max_scores[name], bool(grades[cell_id].needs_manual_grade))
                for name, cell_id in layout.grades.items() if cell_id in grades
            },
            {
                name: comments[cell_id].manual_comment or comments[cell_id].auto_comment
                for name, cell_id in layout.comments.items()
                if cell_id in comments and (comments[cell_id].manual_comment or comments[cell_id].auto_comment)
            },
            submitted.late_submission_penalty or 0.0,
        )

    def _written(self) -> None:
        self._pending += 1
        if self._pending >= BATCH or time.monotonic() - self._since > SECONDS:
            self.commit()

    def _with_verdicts(self, result: Result, layout: Layout) -> NotebookNode:
        notebook = parse(result.notebook_json)
        for cell in notebook.cells:
            name = nbgrader_of(cell).get("grade_id")
            if name in layout.checksums:  # the released cell's: what tells an answer from an untouched cell
                cell.metadata.nbgrader["checksum"] = layout.checksums[name]
        try:
            write_verdicts(notebook, result)
        except VerdictError as error:
            raise GradebookError(str(error)) from error
        names = {meta["grade_id"] for meta in map(nbgrader_of, notebook.cells) if meta.get("grade") or meta.get("task")}
        if names != layout.grades.keys():
            odd = ", ".join(sorted(names ^ layout.grades.keys()))
            raise GradebookError(f"{result.student}/{result.notebook}: graded from another build than the gradebook's "
                                 f"({odd}); grade it again")
        return notebook

    def _student(self, student: str) -> Student:
        row = self._students.get(student) or self._session.get(Student, student)
        if row is None:
            row = Student(id=student)
            self._session.add(row)
        self._students[student] = row
        return row

    def _submission(self, student: str, assignment: str) -> SubmittedAssignment | None:
        """The student's submission. Those of this batch come from memory: the database does not have them yet."""
        key = student, assignment
        if key not in self._submissions:
            found = self._session.scalars(
                select(SubmittedAssignment).where(
                    SubmittedAssignment.student_id == student,
                    SubmittedAssignment.assignment_id == self._assignment_ids[assignment],
                )
            ).one_or_none()
            if found is None:
                return None
            self._submissions[key] = found
        return self._submissions[key]

    def _submitted(self, student: str, result: Result, timestamp: datetime.datetime | str | None) -> SubmittedNotebook:
        """The submitted notebook's row, created with the rest of the submission where it is missing."""
        submission = self._submission(student, result.assignment)
        if submission is None:
            assignment_id = self._assignment_ids[result.assignment]
            submission = SubmittedAssignment(assignment_id=assignment_id, student=self._student(student))
            self._session.add(submission)
            self._submissions[student, result.assignment] = submission
        if timestamp is not None:
            submission.timestamp = parse_utc(timestamp)
        rows = {row.notebook_id: row for row in submission.notebooks}
        for layout in self._layouts[result.assignment].values():
            if layout.notebook_id not in rows:
                row = SubmittedNotebook(notebook_id=layout.notebook_id, assignment=submission)
                rows[layout.notebook_id] = row
                complete(self._session, row, layout.grades.values(), layout.comments.values())
        return rows[self._layouts[result.assignment][result.notebook].notebook_id]

    def _save_grades(self, submitted: SubmittedNotebook, notebook: NotebookNode, layout: Layout, path: Path) -> None:
        """Automatic scores and comments as SaveAutoGrades gives them.

        One difference: work graded by hand goes back to "needs manual grading" only where it changed since. nbgrader
        asks for every essay again after each regrade.
        """
        grades = {grade.cell_id: grade for grade in submitted.grades}
        comments = {comment.cell_id: comment for comment in submitted.comments}
        by_hand = any(grade.manual_score is not None for grade in grades.values())
        before = answers_at(path) if by_hand else {}
        now = answers_in(notebook)
        for cell in notebook.cells:
            name = nbgrader_of(cell).get("grade_id")
            if name in layout.grades:
                grade: Grade = grades[layout.grades[name]]
                score, _ = determine_grade(cell)
                if grade.manual_score is None:
                    grade.needs_manual_grade = score is None
                elif grade.auto_score != score or (before.get(name) != now[name] if name in now else before != now):
                    grade.needs_manual_grade = True
                grade.auto_score = score
            if name in layout.comments and is_solution(cell):
                comment: Comment = comments[layout.comments[name]]
                comment.auto_comment = None if answered(cell) else NO_RESPONSE

    def _save_penalty(self, submitted: SubmittedNotebook) -> None:
        """The late penalty as AssignLatePenalties gives it: never negative, never more than the score."""
        submission = submitted.assignment
        submitted.late_submission_penalty = None
        due = self._session.get_one(Assignment, submission.assignment_id).duedate
        if submission.timestamp is None or due is None:
            return
        late = (submission.timestamp - due - (submission.extension or datetime.timedelta())).total_seconds()
        if late > 0:
            score = sum(_score(grade) for grade in submitted.grades)
            penalty = self._late.plugin_inst.late_submission_penalty(submission.student.id, score, late)
            if penalty is not None:
                submitted.late_submission_penalty = min(max(penalty, 0.0), score)


def _score(grade: Grade) -> float:
    """nbgrader's rule for a grade's score, which it keeps in SQL: by hand, else automatic, plus extra credit."""
    earned = grade.manual_score if grade.manual_score is not None else grade.auto_score
    return 0.0 if earned is None else earned + (grade.extra_credit or 0.0)
