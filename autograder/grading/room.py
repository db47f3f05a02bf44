"""Run one job where a student's code may run, hear its reports, and keep it within its limits.

With a sandbox the job runs in a fresh bubblewrap room that a fork of the warm server enters, see
`autograder.grading.warm`; without one, in a plain process with the rights of whoever grades. Both talk the same way.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from autograder.course import CourseError
from autograder.grading.walls import environment
from autograder.grading.watch import Watch
from autograder.limits import Limits

MAX_REPORT_BYTES = 64_000_000  # of one submission
MAX_LINE_BYTES = 16_000_000  # of one report; see engine.MAX_RECORD_BYTES
START_SECONDS = 60  # importing torch is not a student's fault
TICK = 0.05
Receive = Callable[[dict, bool], None]  # a report, and whether it came in its turn


@dataclass(frozen=True)
class Ended:
    """How a job ended. how: "finished", "timed out", "out of memory" or "died". step: where, "" when finished."""

    how: str
    step: str = ""


def run_job(job: dict, limits: Limits, receive: Receive, sandbox: bool = True) -> Ended:
    """Run a job and hand every step's report to `receive` as it comes; returns how it ended.

    Reports come from a student's reach: `receive` must believe nothing. Raises CourseError where no job can be run.
    """
    if sandbox:
        from autograder.grading.warm import run_warm

        return run_warm(job, limits, receive)
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder.grading.engine"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment(), "PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/")},
        start_new_session=True,
    )
    assert process.stdin and process.stdout
    with process.stdin as source, process.stdout as reports:
        try:
            watch = Watch(process.pid, process.pid, limits.memory)
            return converse(source.fileno(), reports.fileno(), job, limits, receive, watch)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Script:
    """What a room may say, in this order: of each step that it begins, then what came of it; at last, that it is done.

    A student's process holds the pen. So what is said out of turn changes nothing, and is passed on as out of turn.
    """

    def __init__(self, job: dict, receive: Receive) -> None:
        self._steps = iter([step["id"] for step in job["steps"]])
        self._next: str | None = next(self._steps, None)
        self._receive = receive
        self.step = "start"  # where the room is: "start" before the first step
        self._running = False

    @property
    def begun(self) -> bool:
        return self.step != "start"

    def hear(self, report: dict) -> str:
        """Take one report; returns "begins" for a step that does, "done" at the end, otherwise ""."""
        if isinstance(report.get("start"), str) and report["start"] == self._next and not self._running:
            self.step, self._next, self._running = report["start"], next(self._steps, None), True
            return "begins"
        if "id" in report:
            in_turn = self._running and report["id"] == self.step
            self._running = self._running and not in_turn
            self._receive(report, in_turn)
        elif "end" in report and self._next is None and not self._running:
            return "done"
        elif "broken" in report and not self.begun:
            raise CourseError(f"a room cannot be entered: {str(report['broken'])[:300]}")
        return ""


def converse(write: int, read: int, job: dict, limits: Limits, receive: Receive, watch: Watch) -> Ended:
    """Send the job, receive the reports, watch time and memory. Leaves both descriptors open, what runs running."""
    os.set_blocking(write, False)
    os.set_blocking(read, False)
    script, lines, unsent = Script(job, receive), Lines(), json.dumps(job).encode()
    begun = time.monotonic()
    step_deadline = last = begun + START_SECONDS
    with selectors.DefaultSelector() as selector, watch:
        selector.register(read, selectors.EVENT_READ)
        selector.register(write, selectors.EVENT_WRITE)
        selector.register(watch.descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(timeout=TICK)}
            if write in ready:
                unsent = _send(write, unsent)
                if not unsent:
                    selector.unregister(write)
                    _hang_up(write)
            data = _receive(read) if read in ready or watch.descriptor in ready else None
            for line in lines.add(data or b""):
                first = not script.begun
                heard = script.hear(_parse(line))
                if heard == "done":
                    return Ended("finished")
                if heard == "begins":
                    last = time.monotonic() + limits.total_seconds if first else last
                    step_deadline = time.monotonic() + limits.check_seconds
            if lines.too_much or watch.descriptor in ready or data == b"":
                if not script.begun:
                    raise CourseError("the process that should run the notebook ended before it began")
                return Ended("died", script.step)
            now = time.monotonic()
            if now > min(last, step_deadline):
                if not script.begun:
                    raise CourseError(f"a notebook did not begin within {START_SECONDS} seconds: is the machine busy?")
                return Ended("timed out", script.step)
            if watch.too_large(now):
                return Ended("out of memory", script.step)


class Lines:
    """Whole lines of what comes in pieces, each byte looked at once."""

    def __init__(self) -> None:
        self._unended: list[bytes] = []
        self._line = self._all = 0

    def add(self, data: bytes) -> list[bytes]:
        """The lines that this piece ends."""
        *lines, rest = data.split(b"\n")
        self._all += len(data)
        if lines:
            lines[0] = b"".join((*self._unended, lines[0]))
            self._unended, self._line = [], 0
        self._unended.append(rest)
        self._line += len(rest)
        return lines

    @property
    def too_much(self) -> bool:
        """More than any honest room says, in all or without an end of line."""
        return self._all > MAX_REPORT_BYTES or self._line > MAX_LINE_BYTES


def _hang_up(write: int) -> None:
    """Close our end of the job's pipe while its owner still holds the number: nothing else may take it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, write)
    os.close(nowhere)


def _send(write: int, job: bytes) -> bytes:
    try:
        return job[os.write(write, job) :]
    except BlockingIOError:
        return job
    except BrokenPipeError:
        return b""


def _receive(read: int) -> bytes | None:
    """What there is to read; b"" at the end, None where there is nothing yet."""
    try:
        return os.read(read, 1 << 20)
    except BlockingIOError:
        return None


def _parse(line: bytes) -> dict:
    """A report, or {} for a line that is none."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}
