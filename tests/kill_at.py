"""Graders that kill themselves with SIGKILL at a named moment: forked from this process, which has imported all.

Moments are where the grader's own functions are called, wrapped here: before or after the COUNT-th call. Unless it is
to be real, the grading itself is `quick_grade`, and the reference solution is not run.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from pathlib import Path

from quick_grade import quick

from autograder.course import load_course
from autograder.grading import batch, commit, journal
from autograder.grading.feedback import FeedbackWriter
from autograder.grading.gradebook import GradebookWriter

MOMENTS = {  # name: where the function is, its name, killed before or after the call
    "before-grading": (batch, "grade_apart", "before"),
    "after-grading": (batch, "grade_apart", "after"),  # the result is not in the journal yet
    "in-journal-write": (journal.os, "fsync", "before"),
    "after-journal": (journal.Journal, "add", "after"),  # between result and commit
    "in-file-write": (Path, "replace", "before"),  # any file that is written: whole, but not in its place
    "after-file-write": (Path, "replace", "after"),
    "after-record": (GradebookWriter, "record", "after"),
    "before-commit": (GradebookWriter, "commit", "before"),
    "after-commit": (GradebookWriter, "commit", "after"),
    "after-feedback": (FeedbackWriter, "write", "after"),
    "before-noting": (journal.Journal, "set_committed", "before"),
    "after-noting": (journal.Journal, "set_committed", "after"),
    "before-table": (commit, "write_grades_csv", "before"),
    "after-table": (commit, "write_grades_csv", "after"),
    "before-report": (commit, "write_report", "before"),
}


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def arm(moment: str, count: int) -> None:
    """Wrap the moment's function."""
    place, name, when = MOMENTS[moment]
    call, numbers = getattr(place, name), itertools.count(1)  # calls come from two threads

    def wrapped(*arguments, **named):
        number = next(numbers)
        if number == count and when == "before":
            kill()
        result = call(*arguments, **named)
        if number == count:
            kill()
        return result

    setattr(place, name, wrapped)


def in_the_middle_of_sql(count: int) -> None:
    """Kill where the COUNT-th writing transaction has reached SQLite and is not committed."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    seen = []

    @event.listens_for(Engine, "commit")
    def committing(connection):
        if connection.exec_driver_sql("SELECT total_changes()").scalar():
            seen.append(0)
        if len(seen) == count:
            kill()


def grade(root: Path, moment: str, count: int, real: bool) -> None:
    """Grade the folder ROOT/in, armed. Ends the process."""
    if not real:
        batch.grade_apart = quick
        batch.prepare.__globals__["expect"] = lambda *arguments: {}
    if moment == "in-sql-commit":
        in_the_middle_of_sql(count)
    elif moment != "never":
        arm(moment, count)
    sys.exit(batch.grade_folder(load_course(root), root / "in", sandbox=real, workers=2))


def main() -> None:
    """Fork a grader for each line `ROOT MOMENT COUNT REAL`; answer with its process id, then with how it ended."""
    for line in sys.stdin:
        root, moment, count, real = line.split()
        child = os.fork()
        if child == 0:
            output = os.open(Path(root) / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            grade(Path(root), moment, int(count), real == "True")
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
