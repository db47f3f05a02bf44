"""Grading in a process of its own: what the local workers and those of a cluster both call.

`grade_apart` takes bytes and text and returns text, so it can be sent anywhere; what it grades never travels as pickle.
It lends each call a child process that was started afresh, not forked, and lives on: with it lives a warm server. A
worker may be daemonic and have threads. A child that is lost costs the submission a second try, and nobody else
anything. The children of a process that is killed end with it: their input ends.

    → {"exam": digest, "sizes": [exam or 0, submission], "student": …, "limits": …, "sandbox": …}, exam, submission
    ← {"result": …} or {"stop": what a person has to mend} or {"broken": what went wrong with this one}
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import platform
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from autograder.course import CourseError
from autograder.grading.codec import from_text, to_text
from autograder.grading.exam import Exam
from autograder.grading.journal import grader_version
from autograder.grading.warm import adopt, server
from autograder.limits import Limits

TRIES = 2


class Broken(Exception):
    """The grader failed on one submission; the text says how."""


def pack(exam: Exam) -> bytes:
    """An exam as it travels: compressed JSON."""
    return zlib.compress(to_text(exam).encode("ascii"))


def grade_apart(version: str, exam: bytes, data: bytes, student: str, limits: Limits, sandbox: bool) -> str:
    """Grade one submission in a child of this process; returns the Result as `codec.to_text` writes it.

    version: the caller's `grader_version`. exam: from `pack`. Raises CourseError for what stops all grading (another
    version is installed here, no room can be opened), Broken for what went wrong with this submission alone.
    """
    if version != grader_version():
        raise CourseError(f"{platform.node()}: another version of the course or its libraries; install the same here")
    lost, epoch = "", _epoch
    for _ in range(TRIES):
        if epoch != _epoch:
            raise Broken("grading was stopped")
        child = _borrow(sandbox)
        try:
            answer = child.ask(exam, data, student, limits, sandbox)
        except OSError:
            lost = child.close()
            continue
        except BaseException:
            child.close()
            raise
        _give_back(child)
        if "stop" in answer:
            raise CourseError(answer["stop"])
        if "broken" in answer:
            raise Broken(answer["broken"])
        return str(answer["result"])
    raise Broken(f"the process that graded it ended, {TRIES} times{': ' if lost else ''}{lost}")


class _Child:
    """One grading process. Grades one submission at a time.

    twin: the socket of the warm server that it is to use, None where it may start its own.
    """

    def __init__(self, twin: socket.socket | None) -> None:
        packages = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([packages, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the child
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "autograder.grading.remote", *([str(twin.fileno())] if twin else [])],
            pass_fds=[twin.fileno()] if twin else [],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the grader, which then ends its children
        )
        self._known: set[str] = set()

    def ask(self, exam: bytes, data: bytes, student: str, limits: Limits, sandbox: bool) -> dict[str, Any]:
        """One submission there, one answer back. Raises OSError when the child is lost."""
        assert self._process.stdin and self._process.stdout
        digest = hashlib.sha256(exam).hexdigest()
        sent = b"" if digest in self._known else exam
        header = {
            "exam": digest,
            "sizes": [len(sent), len(data)],
            "student": student,
            "limits": asdict(limits),
            "sandbox": sandbox,
        }
        self._process.stdin.write(json.dumps(header).encode("ascii") + b"\n" + sent + data)
        self._process.stdin.flush()
        self._known.add(digest)
        answer = self._process.stdout.readline()
        if not answer.endswith(b"\n"):
            raise BrokenPipeError("the child ended")
        return json.loads(answer)

    def close(self) -> str:
        """End it; returns the last line that it wrote to stderr."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self._errors.close()
        with _lock:
            _children.discard(self)
        return lines[-1][:300] if lines else ""


_lock = threading.Lock()
_children: set[_Child] = set()
_idle: list[_Child] = []
_epoch = 0  # goes up when all children are ended: no call that is still under way may start another


def _borrow(sandbox: bool) -> _Child:
    with _lock:
        if _idle:
            return _idle.pop()
    with contextlib.ExitStack() as closing:
        twin = closing.enter_context(server().twin()) if sandbox else None  # importing torch once is enough
        child = _Child(twin)
    with _lock:
        _children.add(child)
    return child


def _give_back(child: _Child) -> None:
    with _lock:
        _idle.append(child)


@atexit.register
def close_children() -> None:
    """End every child of this process; what they are grading is lost."""
    global _epoch
    with _lock:
        _epoch += 1
        children = list(_children)
        _idle.clear()
    for child in children:
        child.close()


def close_idle() -> None:
    """End the children that grade nothing."""
    with _lock:
        children = list(_idle)
        _idle.clear()
    for child in children:
        child.close()


def main() -> None:
    """The child: requests on stdin, answers on stdout, until stdin ends."""
    if sys.argv[1:]:
        adopt(int(sys.argv[1]))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write among the answers
    waiting: queue.SimpleQueue[tuple[dict, bytes, bytes]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, waiting), daemon=True).start()
    exams: dict[str, Exam] = {}
    while True:
        header, exam, data = waiting.get()
        answers.write(json.dumps(_answer(header, exam, data, exams)).encode("ascii") + b"\n")
        answers.flush()


def _answer(header: dict, exam: bytes, data: bytes, exams: dict[str, Exam]) -> dict[str, str]:
    from autograder.grading.grade import grade

    try:
        if exam:
            exams[header["exam"]] = from_text(Exam, zlib.decompress(exam))
        limits = Limits(**header["limits"])
        return {"result": to_text(grade(data, header["student"], exams[header["exam"]], limits, header["sandbox"]))}
    except CourseError as error:
        return {"stop": str(error)}
    except Exception as error:
        return {"broken": f"{type(error).__name__}: {error}"[:300]}


def _read(requests: BinaryIO, waiting: queue.SimpleQueue) -> None:
    """Take requests; end the process at once when there are no more, whatever it is doing: nobody waits for it."""
    while line := requests.readline():
        header = json.loads(line)
        exam, data = (requests.read(size) for size in header["sizes"])
        if len(exam) + len(data) != sum(header["sizes"]):
            break
        waiting.put((header, exam, data))
    os._exit(0)


if __name__ == "__main__":
    main()
