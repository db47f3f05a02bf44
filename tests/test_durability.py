"""A grader that is killed with SIGKILL at any moment, and started again, ends as one that was not.

The class has graded work with points given by hand, newcomers, and people who hand in again. Most moments are tried
with `quick_grade` in place of grading itself, which nothing here depends on; some for real, in rooms.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")

from mini_course import answered, write_course  # noqa: E402
from nbgrader.api import Gradebook  # noqa: E402

from autograder.build import build  # noqa: E402

pytestmark = pytest.mark.slow
MODULE, NOTEBOOK = "01-sums", "softplus"
TESTS = Path(__file__).resolve().parent
MOMENTS = [
    "before-grading:1",
    "after-grading:2",
    "in-journal-write:1",
    "in-journal-write:5",
    "after-journal:1",
    "after-journal:3",
    "after-journal:4",
    "in-file-write:2",
    "in-file-write:9",
    "after-file-write:4",
    "after-record:1",
    "after-record:4",
    "before-commit:2",
    "in-sql-commit:1",
    "after-commit:2",
    "after-feedback:3",
    "after-feedback:6",
    "before-noting:1",
    "after-noting:1",
    "before-table:1",
    "after-table:1",
    "before-report:1",
]
GOOD = "def halve(x):\n    return x / 2  # passes 3.5"
BAD = "def halve(x):\n    return x  # passes nothing"
SOFTPLUS = "def softplus(x):\n    return torch.logaddexp(x, torch.zeros_like(x))  # passes big 1000.0"
HAND = {"ann": 2.0, "bob": 1.5}  # points given by hand on the essay


@functools.cache
def nursery() -> subprocess.Popen:
    """The process that forks graders."""
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    process = subprocess.Popen(
        [sys.executable, str(TESTS / "kill_at.py")],
        env=os.environ | {"PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )
    atexit.register(process.kill)
    return process


def grade(root: Path, moment: str = "never:1", real: bool = False, wait: float | None = None) -> int:
    """One run of the grader; returns its exit code, or minus a signal. wait: kill it after so many seconds."""
    there = nursery()
    assert there.stdin and there.stdout
    print(root, *moment.split(":"), real, file=there.stdin)
    grader = int(there.stdout.readline())
    if wait is not None:
        time.sleep(wait)
        with contextlib.suppress(ProcessLookupError):
            os.kill(grader, signal.SIGKILL)
    code = int(there.stdout.readline())
    assert code in (0, -signal.SIGKILL), (root / "output.txt").read_text(encoding="utf-8")
    return code


def write(root: Path, released: bytes, student: str, essay: str = "", **answers: str) -> None:
    notebook = answered(released, **answers)
    for cell in notebook["cells"]:
        if essay and cell["id"] == "essay-why":
            cell["source"] = essay
    path = root / "in" / student / MODULE / f"{NOTEBOOK}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture(scope="module")
def halfway(tmp_path_factory) -> Path:
    """A course with three graded people, two of them by hand too; then two come and two hand in again."""
    root = tmp_path_factory.mktemp("halfway")
    course = write_course(root)
    build(course)
    released = course.released(course.notebooks[0]).read_bytes()
    write(root, released, "ann", "Because.", halve=GOOD)
    write(root, released, "bob", "So.", halve=BAD)
    write(root, released, "cy", halve=GOOD)
    assert grade(root) == 0
    with Gradebook(f"sqlite:///{root}/build/gradebook.db") as book:
        for student, points in HAND.items():
            for mark in book.find_submission_notebook(NOTEBOOK, MODULE, student).grades:
                if mark.cell.cell_type == "markdown":
                    mark.manual_score, mark.needs_manual_grade = points, False
        book.db.commit()
    write(root, released, "bob", "So, and therefore.", halve=GOOD, softplus=SOFTPLUS)
    write(root, released, "cy", halve=BAD)
    write(root, released, "dee", "Why not?", halve=GOOD, softplus=SOFTPLUS)
    write(root, released, "eve", halve=BAD)
    (root / "in" / "eve" / MODULE / "other.ipynb").write_text("{", encoding="utf-8")
    return root


def rows(database: Path) -> list[tuple]:
    """All grades in the gradebook, and how many of everything there are."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        grades = connection.execute(
            "SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score, grade.manual_score, "
            "grade.needs_manual_grade FROM grade JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id "
            "JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id "
            "JOIN base_cell ON grade.cell_id = base_cell.id ORDER BY 1, 2"
        ).fetchall()
        tables = ("student", "assignment", "notebook", "base_cell", "submitted_assignment", "submitted_notebook", "comment")
        counts = [(name, connection.execute(f"SELECT count(*) FROM {name}").fetchone()) for name in tables]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return [*grades, *counts]


def state(root: Path) -> dict[str, object]:
    """Everything that a run leaves: the gradebook's rows and each file's content."""
    build_folder = root / "build"
    left: dict[str, object] = {"gradebook": rows(build_folder / "gradebook.db")}
    for path in sorted(build_folder.rglob("*")):
        name = str(path.relative_to(build_folder))
        if path.is_file() and path.name not in ("gradebook.db", "lock") and not name.startswith("journal/"):
            left[name] = path.read_bytes()
    left["journal"] = sorted(path.name for path in (build_folder / "journal").rglob("*") if path.is_file())
    return left


@pytest.fixture(scope="module")
def uninterrupted(halfway, tmp_path_factory) -> dict[str, object]:
    root = tmp_path_factory.mktemp("whole") / "course"
    shutil.copytree(halfway, root)
    assert grade(root) == 0
    return whole(state(root), halfway)


def whole(left: dict[str, object], halfway: Path) -> dict[str, object]:
    """The state, seen to be complete. The journal's names of files depend on nothing but their content."""
    assert not [name for name in left if "partial" in name or name.endswith("-journal")]
    assert "grades.csv" in left
    return left


def test_the_uninterrupted_run_is_what_it_should_be(uninterrupted):
    grades = {(row[0], row[1]): row[2:] for row in uninterrupted["gradebook"] if len(row) == 5}
    assert {student for student, _ in grades} == {"ann", "bob", "cy", "dee", "eve"}
    halve = {student: row[0] for (student, name), row in grades.items() if "halve" in name}
    assert halve == {"ann": 1, "bob": 1, "cy": 0, "dee": 1, "eve": 0}
    by_hand = {student: row[1] for (student, _), row in grades.items() if row[1] is not None}
    assert by_hand == HAND
    pending = {student for (student, name), row in grades.items() if row[2] and name == "essay-why"}
    assert pending == {"bob", "dee"}, "bob's essay has changed since a person graded it"


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_a_named_moment_and_started_again(moment, halfway, uninterrupted, tmp_path):
    root = tmp_path / "course"
    shutil.copytree(halfway, root)
    assert grade(root, moment) == -signal.SIGKILL, "the moment comes"
    assert grade(root) == 0
    assert whole(state(root), halfway) == uninterrupted


def test_killed_again_and_again_at_seeded_times(halfway, uninterrupted, tmp_path):
    """Ten kills of one course's grader, at times spread over the whole of a run, before it may finish."""
    root, clock = tmp_path / "course", random.Random(3)
    shutil.copytree(halfway, root)
    shutil.copytree(halfway, tmp_path / "timed")
    begun = time.monotonic()
    assert grade(tmp_path / "timed") == 0
    length = time.monotonic() - begun
    for number in range(10):
        grade(root, wait=length * (number + clock.random()) / 10)
    assert grade(root) == 0
    assert whole(state(root), halfway) == uninterrupted


@pytest.mark.bubblewrap
def test_killed_twice_while_grading_for_real(halfway, tmp_path):
    killed, uninterrupted = tmp_path / "killed", tmp_path / "whole"
    for root in (killed, uninterrupted):
        shutil.copytree(halfway, root)
        shutil.rmtree(root / "build" / "journal")  # what quick_grade said is no result of the grader's
        (root / "build" / "gradebook.db").unlink()
    for moment in ("after-journal:2", "after-record:4"):
        assert grade(killed, moment, real=True) == -signal.SIGKILL
    assert [grade(root, real=True) for root in (killed, uninterrupted)] == [0, 0]
    assert state(killed) == state(uninterrupted)
