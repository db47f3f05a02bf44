"""Try exercises of a student's notebook against their checks, in a process that may hang, crash or be killed.

    → {"label": …, "exercises": [{"name", "source", "checks": [[title, source], …]}, …]} on stdin
    ← a line {"begun": true}, then for each exercise a line {"name": …, "reason": "" where it passes} a check, in order
"""

from __future__ import annotations

import contextlib
import json
import linecache
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

SECONDS = 20.0  # for one exercise with its checks
START_SECONDS = 60.0  # for the process, and to import torch
TRIED = "AUTOGRADER_PARTS_TRIED"  # the notebooks whose parts are being tried, this process's own among them
ROOT = str(Path(__file__).resolve().parents[2])


def verdicts(
    notebook: str, label: str, folder: Path, exercises: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, list[str]]]:
    """Each exercise's name, and of each of its checks why it does not pass, "" where it does.

    An exercise that ends its process, or takes too long, costs its own checks from there on and nothing else.
    """
    waiting = list(exercises)
    while waiting:
        with _process(notebook, folder) as process:
            lines = _lines(process, {"label": label, "exercises": waiting})
            if not isinstance(_next(lines, START_SECONDS), dict):
                why = "yours could not be tried: no second Python could be started"
                yield from ((exercise["name"], [why] * len(exercise["checks"])) for exercise in waiting)
                return
            ended = False
            while waiting and not ended:
                exercise = waiting.pop(0)
                reasons, why = _reasons(lines, exercise["name"], len(exercise["checks"]))
                ended = bool(why)
                yield exercise["name"], [*reasons, *[why] * (len(exercise["checks"]) - len(reasons))]


def _reasons(lines: queue.SimpleQueue[str], name: str, checks: int) -> tuple[list[str], str]:
    """What is reported of one exercise, and why there is no more of it: "" where it is complete."""
    reasons: list[str] = []
    deadline = time.monotonic() + SECONDS
    while len(reasons) < checks:
        report = _next(lines, max(0.0, deadline - time.monotonic()))
        if report == "late":
            return reasons, f"yours does not end within {SECONDS:.0f} s"
        if not isinstance(report, dict) or report.get("name") != name:
            return reasons, "yours ends its process: does it exit, or crash?"
        reasons.append(str(report.get("reason")))
    return reasons, ""


@contextlib.contextmanager
def _process(notebook: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    tried = ",".join(filter(None, [os.environ.get(TRIED), notebook]))
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), ROOT])
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder.parts.trial"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "Agg", TRIED: tried},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


def _lines(process: subprocess.Popen[str], job: dict[str, Any]) -> queue.SimpleQueue[str]:
    """What the process says, a line at a time; "" once it has ended."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    assert process.stdin and process.stdout
    source, reports = process.stdin, process.stdout

    def talk() -> None:
        with contextlib.suppress(OSError, ValueError):
            source.write(json.dumps(job))
            source.close()
            for line in reports:
                lines.put(line)
        lines.put("")

    threading.Thread(target=talk, daemon=True).start()
    return lines


def _next(lines: queue.SimpleQueue[str], seconds: float) -> dict[str, Any] | str:
    """The next report; "late" where none comes in time, "ended" where none can come."""
    try:
        line = lines.get(timeout=seconds)
        report = json.loads(line) if line else "ended"
    except queue.Empty:
        return "late"
    except ValueError:
        return "ended"
    return report if isinstance(report, dict) else "ended"


def try_exercise(source: str, checks: Sequence[Sequence[str]], label: str) -> Iterator[str]:
    """Run what an exercise rests on, then its checks; of each, why it does not pass, "" where it does."""
    module = sys.modules["__main__"] = types.ModuleType("__main__")  # as in a notebook: messages name the line
    try:
        fill(module, source, label)
    except Exception as error:
        yield from [f"yours does not run: {_words(error)}"] * len(checks)
        return
    for title, check in checks:
        yield _try_check(module, title, check)


def _try_check(module: types.ModuleType, title: str, check: str) -> str:
    from autograder.checks import CheckFailed

    try:
        exec(compile(check, "<check>", "exec", dont_inherit=True), module.__dict__)
    except CheckFailed as failed:
        name, _, promise = title.partition(":")
        if failed.reason.startswith("not written yet"):
            missing = failed.reason.removeprefix("not written yet: ").partition(" ")[0]
            return "yours is not written yet" if missing == name else f"yours needs {missing}, not written yet"
        return f"yours does not pass yet: '{promise.strip()}'"
    except Exception as error:
        return f"yours does not pass yet: {_words(error)}"
    return ""


def fill(module: types.ModuleType, source: str, label: str, before: str = "") -> None:
    """Run a program in a module; its lines can be looked up under the label, as `inspect` and tracebacks do.

    before: what ran in the module already, whole lines: it stays above.
    """
    text = before + source
    linecache.cache[label] = (len(text), None, text.splitlines(keepends=True), label)
    module.__file__ = label
    try:
        exec(compile("\n" * before.count("\n") + source, label, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as error:
        raise RuntimeError("it exits") from error


def _words(error: BaseException) -> str:
    """An exception in one short line."""
    if isinstance(error, SyntaxError):
        return f"it is not Python: {error.msg}"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__


def main() -> None:
    """The process: one job on stdin, reports on stdout; what the notebook prints goes nowhere."""
    channel: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
    job = json.loads(sys.stdin.buffer.read())
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    with contextlib.suppress(ImportError):
        import torch

        torch.set_num_threads(1)

    def send(report: dict[str, Any]) -> None:
        channel.write(json.dumps(report) + "\n")
        channel.flush()

    send({"begun": True})
    for exercise in job["exercises"]:
        for reason in try_exercise(exercise["source"], exercise["checks"], job["label"]):
            send({"name": exercise["name"], "reason": reason})
    os._exit(0)


if __name__ == "__main__":
    main()
