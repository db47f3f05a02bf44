"""Where a student's code runs: a bubblewrap room without network and without other people's work.

One room per submission, opened by `run_job`, gone when it returns: killing its first process kills all in it. The
room sees the system and the interpreter read-only, the check library, and a small private folder; nothing of the
gradebook, of solutions, of expected values or of other submissions.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.course import CourseError

POWERLESS = 60001  # a uid that owns no file
CLONE_NEWUSER = 0x10000000
MAX_REPORT_BYTES = 64_000_000  # of one submission
COURSE = "/course"  # where the check library stands in a room
REFUSAL = (
    "no sandbox: {reason}. Students' code would run with your rights; install bubblewrap (for Debian and Ubuntu: "
    "apt-get install bubblewrap), or accept the risk with --no-sandbox"
)


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Seconds of wall time, bytes, counts."""

    check_seconds: float = 10
    total_seconds: float = 120
    memory: int = 2 << 30
    processes: int = 64
    files: int = 256
    disk: int = 100_000_000


@dataclass(frozen=True)
class Ended:
    """How a room ended. how: "finished", "timed out" or "died". step: the step it was in, "" when finished."""

    how: str
    step: str = ""


def sandbox_problem() -> str:
    """Why no room can be opened on this machine, or "" when one can. Tries one for real."""
    if sys.platform != "linux":
        return "bubblewrap needs Linux"
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed"
    try:
        with _Users() as users:
            probe = subprocess.run(
                _argv(["/usr/bin/env", "true"], users),
                pass_fds=users.descriptors,
                capture_output=True,
                text=True,
                timeout=30,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"user namespaces are not available ({error})"
    return f"bubblewrap cannot open a room ({probe.stderr.strip()[:200]})" if probe.returncode else ""


def require_sandbox() -> None:
    """Raises CourseError with one line that says what to install or which flag accepts the risk."""
    if problem := sandbox_problem():
        raise CourseError(REFUSAL.format(reason=problem))


class _Users:
    """A user namespace for the room when we are root: it maps root, to furnish the room, and POWERLESS, to live in it.

    An ordinary user cannot map a second id and needs none: in the room they are POWERLESS themselves.
    """

    def __enter__(self) -> _Users:
        self.descriptors: tuple[int, ...] = ()
        if os.geteuid() == 0:
            self.descriptors = (_user_namespace(),)
        return self

    def __exit__(self, *error: object) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


def _user_namespace() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    ready, tell = os.pipe()
    wait, done = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(tell, b"1" if libc.unshare(CLONE_NEWUSER) == 0 else b"0")
            os.read(wait, 1)
        finally:
            os._exit(0)
    try:
        if os.read(ready, 1) != b"1":
            raise OSError("unshare(CLONE_NEWUSER) was refused")
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{kind}").write_text(f"0 0 1\n{POWERLESS} {POWERLESS} 1\n")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY)
    finally:
        os.write(done, b"1")
        os.waitpid(child, 0)
        for pipe in (ready, tell, wait, done):
            os.close(pipe)


def _argv(command: list[str], users: _Users, limits: Limits | None = None) -> list[str]:
    """bubblewrap's command line for a room that runs `command`."""
    limits = limits or Limits()
    if users.descriptors:
        who = [
            "--userns",
            str(users.descriptors[0]),
            "--cap-drop",
            "ALL",
            "--cap-add",
            "CAP_SETUID",
            "--cap-add",
            "CAP_SETGID",
        ]
    else:
        who = [
            "--unshare-user",
            "--disable-userns",
            "--uid",
            str(POWERLESS),
            "--gid",
            str(POWERLESS),
            "--cap-drop",
            "ALL",
        ]
    argv = [
        "bwrap",
        *who,
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--ro-bind",
        "/usr",
        "/usr",
    ]
    for link in ("bin", "lib", "lib64", "sbin"):
        path = Path("/", link)
        if path.is_symlink():
            argv += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            argv += ["--ro-bind", str(path), str(path)]
    prefixes = sorted({prefix for prefix in (sys.prefix, sys.base_prefix) if not prefix.startswith("/usr/")})
    parents = {parent for place in (*prefixes, f"{COURSE}/autograder", "/etc/passwd") for parent in Path(place).parents}
    for parent in sorted(parents - {Path("/"), Path("/usr")}):
        argv += ["--perms", "0755", "--dir", str(parent)]  # bubblewrap's own would be closed to the room's user
    for name in ("ld.so.cache", "localtime", "alternatives"):
        argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for prefix in prefixes:
        argv += ["--ro-bind", prefix, prefix]
    library = Path(__file__).resolve().parents[1]
    argv += ["--ro-bind", str(library), f"{COURSE}/autograder"]
    finished = importlib.util.find_spec("internals")
    for location in (finished.submodule_search_locations or ()) if finished else ():
        if any(Path(location).is_relative_to(prefix) for prefix in prefixes):
            argv += ["--tmpfs", location]  # an installed course has the solutions in site-packages
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/box",
        "TMPDIR": "/box",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        **{name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ},
    }
    for name, value in environment.items():
        argv += ["--setenv", name, value]
    return [
        *argv,
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--perms",
        "1777",
        "--size",
        str(limits.disk),
        "--tmpfs",
        "/box",
        "--perms",
        "1777",
        "--size",
        str(limits.disk),
        "--tmpfs",
        "/dev/shm",
        "--remount-ro",
        "/dev",
        "--remount-ro",
        "/",
        "--chdir",
        "/box",
        "--",
        *command,
    ]


ENTER = f"import sys; sys.path.insert(0, {COURSE!r}); from autograder.grading.enter import main; main()"


def run_job(job: dict, limits: Limits, receive: Callable[[dict], None], sandbox: bool = True) -> Ended:
    """Run a job in a fresh room and hand every report to `receive` as it comes; returns how the room ended.

    Reports come from a student's reach: `receive` must believe nothing. sandbox=False runs the same without a room.
    """
    with _Users() as users:
        if sandbox:
            argv = _argv([sys.executable, "-I", "-c", ENTER], users, limits)
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
