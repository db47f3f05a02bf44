"""The same submissions through `nbgrader autograde` and through `course grade`, in turn, in one run.

    python benchmarks/grading.py --ours 100 --nbgrader 10

In a temporary folder, from the sources of this course: each gets one call for all its submissions. A submission is the
reference solution, written into the released notebook. Demo cells are taken out of the course first: nbgrader would
run them, the course does not. Both start from an empty gradebook that exists already (making one takes nbgrader
seconds, once a course). Prints seconds a submission and the ratio, and writes benchmarks/results/grading.json.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "grading.json"
MODULE, NOTEBOOK = "03-attention", "scaled_dot_product"
PACKAGES = ("nbgrader", "nbconvert", "nbclient", "ipykernel", "torch", "numpy", "SQLAlchemy")

NBGRADER_CONFIG = """
from autograder.build import ESSAY_STUB
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.source_directory = "build/source"
c.CourseDirectory.release_directory = "nbgrader/release"
c.CourseDirectory.submitted_directory = {submitted!r}
c.CourseDirectory.autograded_directory = "nbgrader/autograded"
c.CourseDirectory.db_url = "sqlite:///{root}/nbgrader/gradebook.db"
c.ClearSolutions.text_stub = ESSAY_STUB
c.Execute.timeout = 300
"""


class Failed(RuntimeError):
    """A command that should have worked did not; the text ends with what it said."""


@dataclass(frozen=True)
class Timing:
    """One call. wall: seconds. load: how many processes wanted a core just before; near 0 on a quiet machine.

    Core time is left out: what ran in a room that is torn down is counted for no parent, so ours would look too good.
    """

    submissions: int
    wall: float
    load: float


def run(root: Path, *command: str, ok: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder with this interpreter's tools and this course's packages. Raises Failed."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(root / "jupyter"), "IPYTHONDIR": str(root / "ipython"),
        "MPLBACKEND": "Agg",
    }
    arguments = [sys.executable, *command]
    done = subprocess.run(arguments, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in ok:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")
    return done


def copy_course(root: Path, demos: bool = True) -> None:
    """Copy the course's sources to the folder, without their demo cells if told so, and build it there."""
    shutil.copy(ROOT / "course.toml", root)
    shutil.copytree(ROOT / "solutions", root / "solutions")
    if not demos:
        for path in root.glob("solutions/*/*.py"):
            text = path.read_text(encoding="utf-8")
            cells = re.split(r"(?m)^(?=# %%)", text)
            path.write_text("".join(c for c in cells if not re.match(r"# %%.*\bdemo=", c)), encoding="utf-8")
    run(root, "-m", "autograder.cli", "build")


def nbgrader_setup(root: Path, submitted: str) -> None:
    """Configure nbgrader for the built course, and let it fill its own gradebook from build/source."""
    import tomllib

    course_id = tomllib.loads((root / "course.toml").read_text(encoding="utf-8"))["course"]["id"]
    (root / "nbgrader").mkdir()
    config = NBGRADER_CONFIG.format(root=str(root), course_id=course_id, submitted=submitted)
    (root / "nbgrader_config.py").write_text(config, encoding="utf-8")
    run(root, "-m", "nbgrader", "generate_assignment", MODULE)


def autograde(root: Path, students: int | str = "*") -> None:
    """`nbgrader autograde` for everything in its submitted folder."""
    run(root, "-m", "nbgrader", "autograde", MODULE, f"--student={students}", "--force")


def course_grade(root: Path, folder: str) -> None:
    """`course grade` for everything in the folder."""
    run(root, "-m", "autograder.cli", "grade", folder)


def reference(root: Path) -> bytes:
    """The released notebook of the course in the folder, with the reference solution in it."""
    from autograder.course import load_course
    from tools.sample_submissions import fill, read, solutions, to_bytes

    course = load_course(root)
    notebook = course.find(NOTEBOOK)
    return to_bytes(fill(read(course.released(notebook)), solutions(read(course.instructor(notebook)))))


def hand_in(folder: Path, content: bytes, count: int) -> None:
    """So many students who hand in the same."""
    for number in range(count):
        path = folder / f"student-{number:04}" / MODULE / f"{NOTEBOOK}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)


def timed(submissions: int, call: object, *arguments: object) -> Timing:
    """What the call took."""
    load, start = os.getloadavg()[0], time.monotonic()
    call(*arguments)  # type: ignore[operator]
    return Timing(submissions, time.monotonic() - start, load)


def points(db: Path) -> set[float]:
    """The scores of all submissions in a gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{db}") as book:
        return {submission.score for submission in book.assignment_submissions(MODULE)}


def measure(ours: int, theirs: int, rounds: int) -> dict[str, list[Timing]]:
    """Time both, in turn, `rounds` times. Raises Failed where one fails or the two give different points."""
    timings: dict[str, list[Timing]] = {"nbgrader": [], "course": []}
    with tempfile.TemporaryDirectory(prefix="grading-benchmark-") as name:
        root = Path(name)
        copy_course(root, demos=False)
        content = reference(root)
        hand_in(root / "few", content, theirs)
        hand_in(root / "many", content, ours)
        nbgrader_setup(root, "few")
        clean = root / "clean.db"
        run(root, "-c", "from autograder.grading.gradebook import GradebookWriter as W; import sys; "
            "W(f'sqlite:///{sys.argv[1]}', 'course').close()", str(clean))
        prepared = root / "prepared.db"
        shutil.copy(root / "nbgrader" / "gradebook.db", prepared)
        for number in range(rounds):
            shutil.copy(prepared, root / "nbgrader" / "gradebook.db")
            shutil.copy(clean, root / "build" / "gradebook.db")
            for folder in ("nbgrader/autograded", "build/autograded", "build/feedback"):
                shutil.rmtree(root / folder, ignore_errors=True)
            print(f"round {number + 1}: {theirs} through nbgrader autograde …", flush=True)
            timings["nbgrader"].append(timed(theirs, autograde, root))
            print(f"round {number + 1}: {ours} through course grade …", flush=True)
            timings["course"].append(timed(ours, course_grade, root, "many"))
            given = points(root / "nbgrader" / "gradebook.db"), points(root / "build" / "gradebook.db")
            if given[0] != given[1] or len(given[0]) != 1:
                raise Failed(f"the two do not agree on the points: nbgrader {given[0]}, course {given[1]}")
    return timings


def each(timings: list[Timing]) -> float:
    """Seconds a submission: the median of the rounds."""
    return statistics.median(timing.wall / timing.submissions for timing in timings)


def summary(timings: dict[str, list[Timing]]) -> dict[str, object]:
    """The result as it is kept: figures, and what they were measured on. No name of a machine or a person."""
    figures = {
        name: {"seconds_each": round(each(calls), 4), "calls": [asdict(call) for call in calls]}
        for name, calls in timings.items()
    }
    return {
        "date": datetime.date.today().isoformat(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system(),
                    "processor": platform.machine()},
        "versions": {package: importlib.metadata.version(package) for package in PACKAGES},
        "notebook": f"{MODULE}/{NOTEBOOK}, demo cells removed",
        **figures,
        "ratio": round(each(timings["nbgrader"]) / each(timings["course"]), 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=int, default=40, metavar="N", help="submissions for course grade (default: 40)")
    parser.add_argument("--nbgrader", type=int, default=8, metavar="M", help="submissions for nbgrader (default: 8)")
    parser.add_argument("--rounds", type=int, default=1, help="how often, in turn; the median counts (default: 1)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    arguments = parser.parse_args()
    if min(arguments.ours, arguments.nbgrader, arguments.rounds) < 1:
        parser.error("every number has to be 1 or more")
    if os.getloadavg()[0] > 0.5:
        print(f"something else is running here (load {os.getloadavg()[0]:.1f}): these figures will not do")
    try:
        timings = measure(arguments.ours, arguments.nbgrader, arguments.rounds)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    result = summary(timings)
    for name, calls in timings.items():
        print(f"{name:>9}: {each(calls):.3f} s a submission")
    print(f"    ratio: {result['ratio']}, on {os.cpu_count()} cores")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
