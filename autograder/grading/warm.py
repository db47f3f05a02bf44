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
from dataclasses import asdict
from pathlib import Path

from autograder.course import CourseError
from autograder.grading.room import Ended, Receive, converse
from autograder.grading.walls import environment, outer_room
from autograder.grading.watch import Watch
from autograder.limits import Limits

PACKAGES = str(Path(__file__).resolve().parents[2])
COMMAND = f"import sys; sys.path.insert(0, {PACKAGES!r}); from autograder.grading.server import main; main()"

SECONDS = 180  # to start: torch on a slow disk


class WarmServer:
    """One server process and its socket. Runs one job at a time."""

    def __init__(self) -> None:
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
            try:
                ready = self._socket.recv(4096)
            except TimeoutError:
                ready = b""
            if not ready:
                self.close()
                errors.seek(0)
                lines = errors.read().decode(errors="replace").strip().splitlines()
                raise CourseError(f"the warm server does not start: {lines[-1][:300] if lines else 'it said nothing'}")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, job: dict, limits: Limits, receive: Receive) -> Ended:
        """Run a job in a fresh room. Raises CourseError where no room opens; the server is of no more use then."""
        job_read, job_write = os.pipe()
        report_read, report_write = os.pipe()
        try:
            request = json.dumps({"limits": asdict(limits)}).encode()
            socket.send_fds(self._socket, [request], [job_read, report_write])
            os.close(job_read)
            os.close(report_write)
            job_read = report_write = -1
            opened = json.loads(self._socket.recv(4096) or b"{}")
            if "joined" not in opened:
                raise CourseError(f"a room cannot be opened: {opened.get('error', 'the warm server ended')}")
            watch = Watch(opened["first"], opened["joined"], limits.memory)
            try:
                return converse(job_write, report_read, job, limits, receive, watch)
            finally:
                self._socket.send(b'{"close": true}')
                self._socket.recv(4096)
        except (OSError, ValueError) as error:
            self.close()
            raise CourseError(f"the warm server was lost: {error}") from None
        finally:
            for descriptor in (job_read, job_write, report_read, report_write):
                if descriptor >= 0:
                    os.close(descriptor)

    def close(self) -> None:
        """End the server; a room that is open dies with it."""
        with contextlib.suppress(OSError):
            self._socket.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_server: WarmServer | None = None


def server() -> WarmServer:
    """This process's server, started at first use and ended with the process. Raises CourseError."""
    global _server
    if _server is None or not _server.alive:
        _server = WarmServer()
    return _server


@atexit.register
def stop() -> None:
    """End this process's server, if it has one."""
    if _server is not None:
        _server.close()
