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
START_SECONDS = 60  # importing torch is not a student's fault
TICK = 0.05


@dataclass(frozen=True)
class Ended:
    """How a job ended. how: "finished", "timed out", "out of memory" or "died". step: where, "" when finished."""

    how: str
    step: str = ""


def run_job(job: dict, limits: Limits, receive: Callable[[dict], None], sandbox: bool = True) -> Ended:
    """Run a job and hand every report to `receive` as it comes; returns how it ended.

    Reports come from a student's reach: `receive` must believe nothing. Raises CourseError where no job can be run.
    """
    if sandbox:
        from autograder.grading.warm import server

        return server().run(job, limits, receive)
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
            return converse(source.fileno(), reports.fileno(), json.dumps(job).encode(), limits, receive, watch)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def converse(write: int, read: int, job: bytes, limits: Limits, receive: Callable[[dict], None], watch: Watch) -> Ended:
    """Send the job, receive the reports, watch time and memory. Leaves both descriptors open, what runs running."""
    os.set_blocking(write, False)
    os.set_blocking(read, False)
    step, begun, waiting, received, ended = "start", time.monotonic(), b"", 0, False
    step_deadline = last = begun + START_SECONDS
    with selectors.DefaultSelector() as selector, watch:
        selector.register(read, selectors.EVENT_READ)
        selector.register(write, selectors.EVENT_WRITE)
        selector.register(watch.descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(timeout=TICK)}
            if write in ready:
                job = _send(write, job)
                if not job:
                    selector.unregister(write)
                    _hang_up(write)
            data = _receive(read) if read in ready or watch.descriptor in ready else None
            for line in (parts := (waiting + (data or b"")).split(b"\n"))[:-1]:
                report = _parse(line)
                if "start" in report and report["start"] != "start":
                    if step == "start":  # once: no report of a student's moves it again
                        last = time.monotonic() + limits.total_seconds
                    step, step_deadline = str(report["start"])[:100], time.monotonic() + limits.check_seconds
                elif "id" in report:
                    receive(report)
                elif "end" in report:
                    ended = True
                elif "broken" in report and step == "start":
                    raise CourseError(f"a room cannot be entered: {str(report['broken'])[:300]}")
            waiting = parts[-1]
            received += len(data or b"")
            if ended:
                return Ended("finished")
            if received > MAX_REPORT_BYTES or watch.descriptor in ready or data == b"":
                if step == "start":
                    raise CourseError("the process that should run the notebook ended before it began")
                return Ended("died", step)
            now = time.monotonic()
            if now > min(last, step_deadline):
                return Ended("timed out", step)
            if watch.too_large(now):
                return Ended("out of memory", step)


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
