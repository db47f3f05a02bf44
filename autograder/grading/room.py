"""Where a student's code runs: a bubblewrap room without network and without other people's work.

One room per submission, opened by `run_job`, gone when it returns: killing its first process kills all in it. The
room sees the system and the interpreter read-only, the check library, and a small private folder; nothing of the
gradebook, of solutions, of expected values or of other submissions.
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
from dataclasses import asdict, dataclass

from autograder.course import CourseError
from autograder.grading.walls import COURSE, POWERLESS, Limits, RoomUsers, bubblewrap

__all__ = ["Ended", "Limits", "run_job"]

MAX_REPORT_BYTES = 64_000_000  # of one submission


@dataclass(frozen=True)
class Ended:
    """How a room ended. how: "finished", "timed out" or "died". step: the step it was in, "" when finished."""

    how: str
    step: str = ""


ENTER = f"import sys; sys.path.insert(0, {COURSE!r}); from autograder.grading.enter import main; main()"


def run_job(job: dict, limits: Limits, receive: Callable[[dict], None], sandbox: bool = True) -> Ended:
    """Run a job in a fresh room and hand every report to `receive` as it comes; returns how the room ended.

    Reports come from a student's reach: `receive` must believe nothing. sandbox=False runs the same without a room.
    """
    with RoomUsers() as users:
        if sandbox:
            argv = bubblewrap([sys.executable, "-I", "-c", ENTER], users, limits)
            uid = POWERLESS if users.descriptors else None
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=users.descriptors,
            )
        else:
            uid = None
            process = subprocess.Popen(
                [sys.executable, "-m", "autograder.grading.enter"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
    try:
        return _converse(process, json.dumps({**job, "limits": asdict(limits), "uid": uid}).encode(), limits, receive)
    finally:
        _end(process, sandbox)


def _end(process: subprocess.Popen, sandbox: bool) -> None:
    if sandbox:
        process.kill()  # --die-with-parent takes the whole room along
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _converse(process: subprocess.Popen, job: bytes, limits: Limits, receive: Callable[[dict], None]) -> Ended:
    assert process.stdin and process.stdout
    try:
        process.stdin.write(job)
        process.stdin.close()
    except BrokenPipeError:
        return Ended("died", "start")
    process.stdin = None
    output = process.stdout.fileno()
    os.set_blocking(output, False)
    step, waiting, received = "start", b"", 0
    begun = time.monotonic()
    step_begun = begun + 60  # importing torch is not a student's fault
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            deadline = min(begun + limits.total_seconds, step_begun + limits.check_seconds)
            if time.monotonic() > deadline:
                return Ended("timed out", step)
            if not selector.select(timeout=max(0.0, deadline - time.monotonic())):
                continue
            data = os.read(output, 1 << 20)
            if not data and step == "start":
                raise CourseError("a room does not start; `course doctor` or running with --no-sandbox may say more")
            if not data:
                return Ended("died", step) if step else Ended("finished")
            received += len(data)
            if received > MAX_REPORT_BYTES:
                return Ended("died", step)
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                report = _parse(line)
                if "start" in report:
                    step, step_begun = str(report["start"])[:100], time.monotonic()
                elif "id" in report:
                    receive(report)
                elif "end" in report:
                    step = ""


def _parse(line: bytes) -> dict:
    """A report, or {} for a line that is none."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}
