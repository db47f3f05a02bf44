"""The same submissions through `nbgrader autograde` and through `course grade`, in turn, in one run.

    python benchmarks/grading.py --ours 200 --nbgrader 20

In a temporary folder, from the sources of this course: each gets one call for all its submissions. A submission is the
reference solution, written into the released notebook, with the student's number in a comment, so that no two are the
same. Ours includes gradebook, feedback pages, tables and the class report. "The checks alone" is the same job in forks
of a warm process, without a room, a judge or a gradebook. Demo cells are taken out of the course first: nbgrader would
run them, the course does not. Both start from an empty gradebook that exists already (making one takes nbgrader
seconds, once a course). Prints seconds a submission and the ratio, and writes benchmarks/results/grading.json.
"""

from __future__ import annotations

import argparse
import contextlib
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
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "grading.json"
MODULE, NOTEBOOK = "03-attention", "scaled_dot_product"
MARK = b"def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:"
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

    core: seconds of core time, of every process that the call started, rooms included; None where no cgroup can be made
    to count it (a parent is not told what ran in a room that is torn down). memory: bytes at the peak, counted alike.
    """

    submissions: int
    wall: float
    load: float
    core: float | None = None
    memory: int | None = None
    shares: dict[str, float] = field(default_factory=dict)


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


KINDS = {  # part of a process's command line → what it is
    "autograder.cli": "the grader: reads, writes gradebook, feedback, report",
    "autograder.grading.remote": "its workers: recover, judge",
    "autograder.grading.engine": "the reference solution",
}
REST = "warm servers and rooms: imports once, bubblewrap, entering, the checks themselves"


class Meter:
    """Counts the core time and memory of a call in a cgroup of its own, version 1 or 2, where one can be made.

    Also who used it, as far as a look every tenth of a second tells; all others are in `REST`.
    """

    def __init__(self) -> None:
        base = Path("/sys/fs/cgroup")
        self._version = 2 if (base / "cgroup.controllers").exists() else 1
        folders = [base] if self._version == 2 else [base / "cpuacct", base / "memory"]
        self._groups = [folder / f"grading-benchmark-{os.getpid()}" for folder in folders]
        self._old = folders

    def __enter__(self) -> Meter:
        try:
            for group in self._groups:
                group.mkdir()
                (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            self._leave()
            self._groups = []
        self._seen: dict[tuple[int, str], float] = {}
        self._over = threading.Event()
        self._looker = threading.Thread(target=self._look, daemon=True)
        self._looker.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._looker.join()
        self._leave()

    def _look(self) -> None:
        while not self._over.wait(0.1) and self._groups:
            for process in (self._groups[0] / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError, StopIteration):
                    line = Path("/proc", process, "cmdline").read_text(errors="replace")
                    kind = next(name for part, name in KINDS.items() if part in line)
                    times = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[11:13]
                    self._seen[int(process), kind] = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def shares(self) -> dict[str, float]:
        """Seconds of core time by kind of process; {} where they could not be counted."""
        total = self.core()
        if total is None:
            return {}
        shares = dict.fromkeys(KINDS.values(), 0.0)
        for (_, kind), seconds in self._seen.items():
            shares[kind] += seconds
        return shares | {REST: total - sum(shares.values())}

    def _leave(self) -> None:
        for old, group in zip(self._old, self._groups, strict=False):
            with contextlib.suppress(OSError):
                (old / "cgroup.procs").write_text(str(os.getpid()))
                group.rmdir()

    def core(self) -> float | None:
        """Seconds of core time so far."""
        if not self._groups:
            return None
        if self._version == 1:
            return int((self._groups[0] / "cpuacct.usage").read_text()) / 1e9
        fields = dict(line.split() for line in (self._groups[0] / "cpu.stat").read_text().splitlines())
        return int(fields["usage_usec"]) / 1e6

    def memory(self) -> int | None:
        """The largest number of bytes so far."""
        if not self._groups:
            return None
        name = "memory.max_usage_in_bytes" if self._version == 1 else "memory.peak"
        path = self._groups[-1] / name
        return int(path.read_text()) if path.exists() else None


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
        path.write_bytes(content.replace(MARK, MARK + f"\\n\",\n    \"    # student {number:04}".encode(), 1))


def timed(submissions: int, call: object, *arguments: object) -> Timing:
    """What the call took."""
    load, start = os.getloadavg()[0], time.monotonic()
    with Meter() as meter:
        call(*arguments)  # type: ignore[operator]
        wall = time.monotonic() - start
        return Timing(submissions, wall, load, meter.core(), meter.memory(), meter.shares())


def checks_alone(root: Path, count: int) -> Timing:
    """The reference's job, in forks of a process that has imported everything: what no grader can do without."""
    from autograder.course import load_course
    from autograder.grading.exam import prepare
    from autograder.grading.grade import steps_of
    from autograder.grading.server import warm_up
    from autograder.grading.submission import graft, read

    course = load_course(root)
    exam = prepare(course, course.find(NOTEBOOK))
    job = {"role": "student", "steps": steps_of(graft(read(reference(root)), exam), exam)}
    kept = dict(os.environ)
    engine = warm_up()
    os.environ.update(kept)

    def fork_all() -> None:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                from autograder.grading.engine import run

                silence = os.open(os.devnull, os.O_RDWR)
                os.dup2(silence, 1)
                os.dup2(silence, 2)
                run(job, json.dumps, engine)
                os._exit(0)
            if os.waitpid(child, 0)[1] != 0:
                raise Failed("the checks alone do not run")

    return timed(count, fork_all)


def points(db: Path) -> set[float]:
    """The scores of all submissions in a gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{db}") as book:
        return {submission.score for submission in book.assignment_submissions(MODULE)}


def measure(ours: int, theirs: int, rounds: int) -> dict[str, list[Timing]]:
    """Time both, in turn, `rounds` times. Raises Failed where one fails or the two give different points."""
    timings: dict[str, list[Timing]] = {"nbgrader": [], "course": [], "checks alone": []}
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
            timings["checks alone"].append(checks_alone(root, min(ours, 50)))
            given = points(root / "nbgrader" / "gradebook.db"), points(root / "build" / "gradebook.db")
            if given[0] != given[1] or len(given[0]) != 1:
                raise Failed(f"the two do not agree on the points: nbgrader {given[0]}, course {given[1]}")
    return timings


def each(timings: list[Timing]) -> float:
    """Seconds a submission: the median of the rounds."""
    return statistics.median(timing.wall / timing.submissions for timing in timings)


def cores(timings: list[Timing]) -> float | None:
    """Core-seconds a submission: the median of the rounds; None where they could not be counted."""
    counted = [timing.core / timing.submissions for timing in timings if timing.core is not None]
    return round(statistics.median(counted), 4) if counted else None


def summary(timings: dict[str, list[Timing]]) -> dict[str, object]:
    """The result as it is kept: figures, and what they were measured on. No name of a machine or a person."""
    figures = {
        name: {
            "seconds_each": round(each(calls), 4),
            "core_seconds_each": cores(calls),
            "calls": [asdict(call) for call in calls],
        }
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
    parser.add_argument("--ours", type=int, default=200, metavar="N", help="for course grade (default: 200)")
    parser.add_argument("--nbgrader", type=int, default=20, metavar="M", help="for nbgrader (default: 20)")
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
        core, memory = cores(calls), calls[-1].memory
        counted = f", {core:.3f} core-seconds" if core else ""
        peak = f", {memory / 2**20:.0f} MiB at the peak" if memory else ""
        print(f"{name:>12}: {each(calls):.3f} s a submission{counted}{peak}")
    ours, alone = cores(timings["course"]), cores(timings["checks alone"])
    if ours and alone:
        print(f"      beyond: {ours - alone:.3f} core-seconds a submission beyond the checks alone")
    for kind, seconds in timings["course"][-1].shares.items():
        print(f"{seconds / arguments.ours:14.3f} core-seconds a submission: {kind}")
    print(f"       ratio: {result['ratio']}, on {os.cpu_count()} cores")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
