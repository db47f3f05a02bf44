"""The walls of a room: bubblewrap's command line, the user that lives in it, and whether this machine can have one.

As root the room gets a user namespace that maps root, to furnish it, and one spare id, to live in it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from autograder.course import CourseError

POWERLESS = 60001  # a uid that owns no file
CLONE_NEWUSER = 0x10000000
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


def sandbox_problem() -> str:
    """Why no room can be opened on this machine, or "" when one can. Tries one for real."""
    if sys.platform != "linux":
        return "bubblewrap needs Linux"
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed"
    try:
        with RoomUsers() as users:
            probe = subprocess.run(
                bubblewrap(["/usr/bin/env", "true"], users),
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


class RoomUsers:
    """A user namespace for the room when we are root: it maps root, to furnish the room, and POWERLESS, to live in it.

    An ordinary user cannot map a second id and needs none: in the room they are POWERLESS themselves.
    """

    def __enter__(self) -> RoomUsers:
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


def bubblewrap(command: list[str], users: RoomUsers, limits: Limits | None = None) -> list[str]:
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
