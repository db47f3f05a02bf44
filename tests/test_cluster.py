"""Grading on a Dask cluster: a real scheduler and two workers on this machine, one of them killed half way."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="needs Dask (the cluster extra)")
pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")

from mini_course import answered, write_course  # noqa: E402

from autograder.build import build  # noqa: E402
from autograder.course import CourseError  # noqa: E402
from autograder.grading.batch import Work, grade_all, local  # noqa: E402
from autograder.grading.cluster import cluster  # noqa: E402
from autograder.grading.exam import prepare  # noqa: E402
from autograder.grading.intake import find  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
MODULE, NOTEBOOK = "01-sums", "softplus"
SETTINGS = {"DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "False"}  # half the work is on each when one is killed


def start(*command: str) -> subprocess.Popen:
    environment = os.environ | SETTINGS | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-m", "distributed.cli." + command[0], *command[1:], "--no-dashboard"]
    return subprocess.Popen(
        arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def end(process: subprocess.Popen) -> None:
    """Kill it and, for a worker, the nanny that would start it again."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr:
        process.stderr.close()


@pytest.fixture
def address():
    """A scheduler's address."""
    process = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    try:
        assert process.stderr
        for line in process.stderr:
            if found := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
                yield found[1]
                break
        else:
            pytest.fail("the scheduler does not start")
    finally:
        end(process)


@pytest.fixture
def workers(address):
    """Two workers with two threads each, as Dask starts them: below a nanny, daemonic."""
    processes = [
        start("dask_worker", address, "--nthreads", "2", "--name", name, "--memory-limit", "0") for name in ("one", "two")
    ]
    yield processes
    for process in processes:
        end(process)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class of 16, of whom some fail, crash, or hand in something else."""
    made = write_course(tmp_path_factory.mktemp("course"))
    build(made)
    released = made.released(made.notebooks[0]).read_bytes()
    bodies = ["return x / 2", "return x // 2", "raise ValueError(x)", "import os\n    os._exit(1)"]
    for number in range(16):
        path = made.root / "in" / f"student-{number:02}" / MODULE / f"{NOTEBOOK}.ipynb"
        path.parent.mkdir(parents=True)
        notebook = answered(released, halve=f"def halve(x):\n    {bodies[number % 4]}  # {number}")
        path.write_text(json.dumps(notebook) if number != 5 else "{", encoding="utf-8")
    return made


def by_student(graded):
    return sorted((one.result for one in graded), key=lambda result: result.student)


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_a_cluster_grades_as_this_machine_does_though_a_worker_is_killed_half_way(course, address, workers):
    work = Work({NOTEBOOK: prepare(course, course.notebooks[0])})
    submissions = find(course, course.root / "in")
    with local(2) as executor:
        expected = by_student(grade_all(submissions, work, executor))
    assert {result.points for result in expected} == {0, 1}
    with cluster(address, seconds=60) as executor:
        run = grade_all(submissions, work, executor)
        found = [next(run) for _ in range(len(submissions) // 2)]
        end(workers[0])
        found += run
    assert by_student(found) == expected
    assert workers[1].poll() is None


@pytest.mark.slow
def test_a_killed_worker_takes_its_children_along(course, address, workers):
    work = Work({NOTEBOOK: prepare(course, course.notebooks[0])}, sandbox=False)
    with cluster(address, seconds=60) as executor:
        list(grade_all(find(course, course.root / "in")[:4], work, executor))
        before = children()
        assert before
        for process in workers:
            end(process)
    for _ in range(50):
        if not before & children():
            break
        time.sleep(0.2)
    assert not before & children()


def children() -> set[str]:
    """The grading processes on this machine, but those of this test's own process."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"autograder.grading.remote" in (folder / "cmdline").read_bytes():
                found.add(folder.name)
        except OSError:
            pass
    return found


def test_no_scheduler_is_said_in_one_line():
    with pytest.raises(CourseError, match="no Dask scheduler answers there") as error, cluster("tcp://127.0.0.1:9", 1):
        pass
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_no_worker_is_said_in_one_line(address):
    with pytest.raises(CourseError, match="the scheduler has no workers"), cluster(address, 2):
        pass
