"""The grader's side of the warm server: starts it, lends it jobs, and starts another when it is lost."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

from autograder.course import CourseError
from autograder.grading.cgroup import group_for
from autograder.grading.room import Ended, Receive, converse
from autograder.grading.walls import environment, outer_room
from autograder.grading.watch import Watch
from autograder.limits import Limits

PACKAGES = str(Path(__file__).resolve().parents[2])
COMMAND = f"import sys; sys.path.insert(0, {PACKAGES!r}); from autograder.grading.server import main; main()"

SECONDS = 180  # to start: torch on a slow disk


class Lost(Exception):
    """The server ended while it was needed; the text says how it was noticed."""


class WarmServer:
    """One server process and its socket. Runs one job at a time.

    descriptor: the socket of a server that runs already, see `twin`; None starts one. Raises CourseError.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._process: subprocess.Popen | None = None
        self._closed = False
        if descriptor is None:
            self._start()
        else:
            self._socket = socket.socket(fileno=descriptor)
            self._socket.settimeout(SECONDS)
            self._ready(None)

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(SECONDS)
        command = [sys.executable, "-I", "-c", COMMAND, str(theirs.fileno())]
        if os.geteuid() != 0:
            command = outer_room(command)
        with tempfile.TemporaryFile() as errors, theirs:
            self._process = subprocess.Popen(
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment() | {"PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
            )
            theirs.close()
            self._ready(errors)

    def _ready(self, errors: IO[bytes] | None) -> None:
        try:
            ready = self._socket.recv(4096)
        except OSError:
            ready = b""
        if not ready:
            self.close()
            text = errors.read() if errors and not errors.seek(0) else b""
            lines = text.decode(errors="replace").strip().splitlines()
            raise CourseError(f"the warm server does not start: {lines[-1][:300] if lines else 'it said nothing'}")

    @property
    def alive(self) -> bool:
        """Is it of use, as far as is known?"""
        return not self._closed and (self._process is None or self._process.poll() is None)

    def twin(self) -> socket.socket:
        """The socket of another server, forked from this one in milliseconds; close it once it is handed on.

        Raises CourseError where this one is lost.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                socket.send_fds(self._socket, [b'{"twin": true}'], [theirs.fileno()])
            except OSError as error:
                ours.close()
                self.close()
                raise CourseError(f"the warm server was lost: {error}") from None
        return ours

    def run(self, job: dict, limits: Limits, receive: Receive) -> Ended:
        """Run a job in a fresh room. Raises CourseError where no room opens, Lost where the server has ended."""
        job_read, job_write = os.pipe()
        report_read, report_write = os.pipe()
        group = group_for(limits)
        try:
            request = json.dumps({"limits": asdict(limits)}).encode()
            given = [job_read, report_write, *([group.descriptor] if group else [])]
            socket.send_fds(self._socket, [request], given)
            os.close(job_read)
            os.close(report_write)
            job_read = report_write = -1
            opened = json.loads(self._socket.recv(4096) or b'{"ended": true}')
            if "ended" in opened:
                raise BrokenPipeError("it ended")
            if "error" in opened:
                raise CourseError(f"a room cannot be opened: {opened['error']}")
            watch = Watch(opened["first"], opened["joined"], limits.memory)
            try:
                ended = converse(job_write, report_read, job, limits, receive, watch)
                out_of_memory = ended.how == "died" and group is not None and group.out_of_memory
                return replace(ended, how="out of memory") if out_of_memory else ended
            finally:
                self._socket.send(b'{"close": true}')
                if not self._socket.recv(4096):
                    self._closed = True
        except (OSError, ValueError) as error:
            self.close()
            raise Lost(f"the warm server was lost: {error}") from None
        finally:
            if group:
                group.close()
            for descriptor in (job_read, job_write, report_read, report_write):
                if descriptor >= 0:
                    os.close(descriptor)

    def close(self) -> None:
        """End the server; a room that is open dies with it."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.close()
        if self._process is None:
            return
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_server: WarmServer | None = None
_starting = threading.Lock()


def server() -> WarmServer:
    """This process's server, started at first use and ended with the process. Raises CourseError."""
    global _server
    with _starting:
        if _server is None or not _server.alive:
            _server = WarmServer()
        return _server


def run_warm(job: dict, limits: Limits, receive: Receive) -> Ended:
    """Run a job in a fresh room of this process's server; with another server where that one is lost.

    Raises CourseError where no room opens or a second server is lost.
    """
    try:
        return server().run(job, limits, receive)
    except Lost:
        try:
            return server().run(job, limits, receive)
        except Lost as lost:
            raise CourseError(str(lost)) from None


def adopt(descriptor: int) -> None:
    """Make the twin behind this descriptor this process's server; where it is lost already, one is started at use."""
    global _server
    with contextlib.suppress(CourseError):
        _server = WarmServer(descriptor)


@atexit.register
def stop() -> None:
    """End this process's server, if it has one."""
    if _server is not None:
        _server.close()
