"""Results into nbgrader's gradebook, so that formgrader, feedback and every other nbgrader tool read them.

Per result: the graded notebook in the autograded folder, with the verdicts as outputs, and in the database what
nbgrader's SaveAutoGrades and AssignLatePenalties would have put there. Points are read back from the outputs by
nbgrader's own rule, so the page and the database cannot disagree. Points and comments given by hand are never touched.

One connection serves a whole class, and work is committed in batches: nbgrader's preprocessors open a database and
commit once per cell, which costs more than grading does.
"""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path
from types import TracebackType

from nbformat.notebooknode import NotebookNode
from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import determine_grade, is_solution, parse_utc
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from traitlets.config import Config

from autograder.files import write_atomically
from autograder.grading import scores
from autograder.grading.database import GradebookError, database_errors, open_gradebook
from autograder.grading.policy import LatePolicy
from autograder.grading.registration import Layout, complete, register
from autograder.grading.result import Result
from autograder.grading.scores import Mark, Marks, Person
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

__all__ = ["NO_RESPONSE", "GradebookError", "GradebookWriter", "Mark", "Marks", "Person"]

NO_RESPONSE = "No response."  # nbgrader's comment on an untouched answer
BATCH, SECONDS = 50, 2.0  # commit after so many records, or so long: a formgrader open beside us must not wait


class GradebookWriter:
    """Writes a course's results; use it as a context manager. Not for use from several threads.

    db_url: as nbgrader takes it (`sqlite:///build/gradebook.db`, `postgresql://…`). late: course.toml's policy and due
    dates. config: traitlets configuration, of which AssignLatePenalties and its plugin are read where there is no
    policy. Raises GradebookError when the database cannot be opened.
    """

    def __init__(
        self,
        db_url: str,
        course_id: str,
        source_root: Path = Path("build/source"),
        autograded_root: Path = Path("build/autograded"),
        config: Config | None = None,
        late: LatePolicy | None = None,
    ) -> None:
        self._due = late.due if late else {}
        self.source_root, self.autograded_root = Path(source_root), Path(autograded_root)
        self._book = open_gradebook(db_url, course_id)
        # Nothing is flushed before a commit, so the database is locked for milliseconds; rows stay usable after one.
        self._session: Session = sessionmaker(bind=self._book.engine, autoflush=False, expire_on_commit=False)()
        self._layouts: dict[str, dict[str, Layout]] = {}
        self._assignment_ids: dict[str, str] = {}
        self._students: dict[str, Student] = {}
        self._submissions: dict[tuple[str, str], SubmittedAssignment] = {}
        self._late = AssignLatePenalties(config=Config(late.settings()) if late else config or Config())
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
            row = self._book.find_assignment(assignment)
            if assignment in self._due:  # else what nbgrader's own tools set stays
                row.duedate = parse_utc(self._due[assignment])
                self._book.db.commit()
            self._assignment_ids[assignment] = row.id
            self._book.db.remove()

    def record(self, result: Result, timestamp: datetime.datetime | str | None = None) -> bool:
        """Write one result; returns whether the gradebook now holds its points.

        A refused result only makes the student known: points of an earlier submission stay. timestamp: when the
        student's notebooks of the assignment were handed in, the same for each (UTC where it has no zone); None keeps
        what is known. Raises GradebookError for a result that does not
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
            # The time is the submission's: a new one concerns all of its notebooks.
            for row in [submitted] if timestamp is None else submitted.assignment.notebooks:
                scores.save_penalty(self._session, row, self._late.plugin_inst)
            for cell in notebook.cells:
                if cell.cell_type == "markdown" and is_solution(cell):
                    cell.source = inert(cell.source)
            if result.outcome == "flagged":
                submitted.flagged = True
                add_note(notebook, "Flagged by the grader: please look", result.reasons)
            write_atomically(path, json.dumps(notebook, ensure_ascii=False, sort_keys=True) + "\n")
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
        layouts, key = self._layouts.get(assignment, {}), (safe_name(student), assignment)
        if notebook not in layouts:
            return Marks()
        if key not in self._submissions:  # else the database may not have it yet
            found = scores.class_marks(self._session, self._assignment_ids[assignment], layouts, key[0])
            return found.get(key[0], {}).get(notebook, Marks())
        rows = {row.notebook_id: row for row in self._submissions[key].notebooks}
        row = rows.get(layouts[notebook].notebook_id)
        return Marks() if row is None else scores.marks_of(row, layouts[notebook])

    def class_marks(self, assignment: str) -> dict[str, dict[str, Marks]]:
        """Every submission of the assignment, by `safe_name` of the student and notebook, with a few queries in all."""
        self.commit()
        if assignment not in self._layouts:
            self.add_assignment(assignment)
        with database_errors(f"cannot read the grades of {assignment}"):
            return scores.class_marks(self._session, self._assignment_ids[assignment], self._layouts[assignment])

    def people(self) -> dict[str, Person]:
        """Who the students are, by `safe_name`, as far as `nbgrader db student` was told."""
        self.commit()
        with database_errors("cannot read the students"):
            return scores.people_in(self._session)

    def introduce(self, student: str, lms_id: str) -> None:
        """Note the learning platform's own number for a student, which exports need; what is known stays."""
        with database_errors(f"cannot record {student}"):
            row = self._student(safe_name(student))
            row.lms_user_id = row.lms_user_id or lms_id or None
            self._written()

    def renew_penalties(self, assignment: str) -> int:
        """Set every late penalty anew, after points given by hand, an extension or a changed policy.

        Returns how many changed. `record` does this for what it records.
        """
        if assignment not in self._layouts:
            self.add_assignment(assignment)
        with database_errors(f"cannot set the late penalties of {assignment}"):
            changed = scores.renew_penalties(self._session, self._assignment_ids[assignment], self._late.plugin_inst)
        self.commit()
        return changed

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
