"""From results to the gradebook, feedback pages and exports; changes of grades wait for a person's yes.

Whatever moment a run ends at, running again gives the same: recording twice is harmless, files are written whole, and
which bytes were graded is noted only once the gradebook has them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace

from nbgrader.utils import parse_utc

from autograder.course import Course, CourseError
from autograder.grading.exam import Exam
from autograder.grading.exports import write_grades_csv
from autograder.grading.feedback import FeedbackWriter
from autograder.grading.gradebook import GradebookWriter
from autograder.grading.journal import Journal, place_of
from autograder.grading.lms import write_canvas_csv, write_moodle_csv
from autograder.grading.policy import load_policy
from autograder.grading.regrade import Change, Held, Key, change, key_in, left_out, reshaped
from autograder.grading.report import write_report
from autograder.grading.result import Result
from autograder.grading.verdicts import safe_name


@dataclass(frozen=True)
class Graded:
    """A result on its way. digest: of the submission's bytes; key: in the journal; both "" where nothing was graded.

    timestamp: when it was handed in, "" where nobody says. beside: refused, and another file of the student's counts.
    lms_id: the learning platform's number for the student, "" where it told none.
    """

    result: Result
    digest: str = ""
    key: str = ""
    timestamp: str = ""
    beside: bool = False
    lms_id: str = ""

    def light(self) -> Graded:
        """The same without the notebook, which the journal holds: a class fits into memory."""
        return replace(self, result=replace(self.result, notebook_json=""))


class Committer:
    """Takes results as they come; use it as a context manager. results, changes and again are for showing afterwards.

    results: all, without notebooks. changes: what differs from the gradebook for the same work. again: what differs
    because other work was handed in. held_back: changes wait for `yes`, and nothing of them was written.
    """

    def __init__(
        self, course: Course, db: str, exams: dict[str, Exam], held: Held, journal: Journal, yes: bool = False
    ) -> None:
        self.results: list[Result] = []
        self.changes: list[Change] = []
        self.again: list[Change] = []
        self.held_back = False
        self._course, self._exams, self._held, self._journal = course, exams, held, journal
        self._yes = yes
        self._closed = set() if yes else reshaped(exams.values(), held)  # assignments that stay as they are for now
        self._waiting: list[Graded] = []
        self._places: set[Key] = set()  # where a result was taken that counts
        self._name = db.replace(str(course.root), "")  # the gradebook's, wherever the course is moved to
        self._committed = journal.committed(self._name)
        self._new: dict[str, str] = {}
        build = course.root / "build"
        self._build, self._autograded = build, build / "autograded"
        journal.restore_before(self._autograded)
        self._writer = GradebookWriter(db, course.id, build / "source", self._autograded, late=load_policy(course.root))
        self._feedback = FeedbackWriter(self._writer)

    def __enter__(self) -> Committer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._writer.__exit__(None, None, None)  # commits what was recorded, also when interrupted
        if kind is None:
            self._journal.forget_before()
        if self._new:
            self._journal.set_committed(self._name, self._committed | self._new)

    def take(self, graded: Graded) -> None:
        """Commit a result, or keep it back where it changes a grade. Raises CourseError."""
        result = graded.result
        differs = change(result, self._held)
        handed_in_again = self._committed.get(place_of(result), graded.digest) != graded.digest
        self.results.append(graded.light().result)
        self._places.add(key_in(result))
        if differs:
            (self.again if handed_in_again else self.changes).append(differs)
        if result.assignment in self._closed:
            self._waiting.append(graded.light())
        elif differs and not handed_in_again and not self._yes:
            self.held_back = True
        else:
            self._commit(graded)

    def finish(self) -> None:
        """Decide on what has waited for the rest, and write the exports unless changes wait. Raises CourseError."""
        self.changes += left_out(self._exams.values(), self._held, self._places)
        self.changes.sort(key=_order)
        self.again.sort(key=_order)
        self.results.sort(key=lambda result: (*_order(result), result.outcome, result.reasons))
        changed = {c.assignment for c in self.changes}
        self.held_back = bool(changed) and not self._yes
        for graded in self._waiting:
            if graded.result.assignment not in changed:
                self._commit(self._whole(graded))
        for module in {exam.notebook.module for exam in self._exams.values()} - (self._closed & changed):
            self._writer.add_assignment(module)
        if not self.held_back:
            self._export()

    def _whole(self, graded: Graded) -> Graded:
        if graded.result.outcome == "refused":
            return graded
        found = self._journal.find(graded.key)
        if found is None:
            raise CourseError(f"{self._journal.folder}: a result is gone from here; run again")
        return replace(graded, result=replace(graded.result, notebook_json=found.notebook_json))

    def _commit(self, graded: Graded) -> None:
        result = graded.result
        exam = self._exams.get(result.notebook)
        if exam and exam.notebook.module == result.assignment:
            name = f"{safe_name(result.student)}/{result.assignment}/{result.notebook}.ipynb"
            self._journal.keep_before(self._autograded, name)
            self._writer.record(result, _time(graded.timestamp))
            if graded.lms_id:
                self._writer.introduce(result.student, graded.lms_id)
        if result.outcome != "refused":
            self._new[place_of(result)] = graded.digest
        if not graded.beside:
            folder = self._build / "feedback" / safe_name(result.student) / result.assignment
            self._feedback.write(result, None, folder / f"{safe_name(result.notebook)}.html")

    def _export(self) -> None:
        for module in sorted({exam.notebook.module for exam in self._exams.values()}):
            self._writer.renew_penalties(module)  # points given by hand, an extension or the policy may have changed
        write_grades_csv(self.results, self._build / "grades.csv", self._writer)
        write_canvas_csv(self.results, self._build / "grades-canvas.csv", self._writer)
        write_moodle_csv(self.results, self._build / "grades-moodle.csv", self._writer)
        write_report(self._course, self.results, self._build / "report.html", self._writer.marks)


def _order(item: Result | Change) -> tuple[str, str, str]:
    return item.student, item.assignment, item.notebook


def _time(timestamp: str) -> datetime.datetime | None:
    """When it was handed in; None where the text is no time."""
    try:
        return parse_utc(timestamp) if timestamp else None
    except (ValueError, OverflowError):
        return None
