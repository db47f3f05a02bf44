"""The walls of a room: bubblewrap's command line, the user that lives in it, and whether this machine can have one.

As root a room gets a user namespace that maps root, to furnish it, and one spare id that owns no file, to live in it.
An ordinary user cannot map a second id: there the warm server itself lives in an outer, read-only room.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from autograder.course import CourseError
from autograder.limits import Limits

POWERLESS = 60001
COURSE = "/course"  # where the check library stands in a room
IDLE = "/idle"  # what a room's first process runs
REFUSAL = (
    "no sandbox: {reason}. Students' code would run with your rights; install bubblewrap (for Debian and Ubuntu: "
    "apt-get install bubblewrap), or accept the risk with --no-sandbox"
)
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/box",
    "TMPDIR": "/box",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def environment() -> dict[str, str]:
    """All that a room, or the server that warms it up, knows of the host's environment."""
    kept = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # some processors need them for correct results
    return ENVIRONMENT | {name: os.environ[name] for name in kept if name in os.environ}


def prefixes() -> list[str]:
    """Where the interpreter and its packages are, outside /usr."""
    return sorted({prefix for prefix in (sys.prefix, sys.base_prefix) if not prefix.startswith("/usr/")})


def _system() -> list[str]:
    """The system and the interpreter, read-only, and the check library; no `internals`, wherever it is installed."""
    argv = ["--ro-bind", "/usr", "/usr"]
    for link in ("bin", "lib", "lib64", "sbin"):
        path = Path("/", link)
        if path.is_symlink():
            argv += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            argv += ["--ro-bind", str(path), str(path)]
    places = (*prefixes(), f"{COURSE}/autograder", "/etc/passwd")
    for parent in sorted({parent for place in places for parent in Path(place).parents} - {Path("/"), Path("/usr")}):
        argv += ["--perms", "0755", "--dir", str(parent)]  # bubblewrap's own would be closed to the room's user
    for name in ("ld.so.cache", "localtime", "alternatives"):
        argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for prefix in prefixes():
        argv += ["--ro-bind", prefix, prefix]
    argv += ["--ro-bind", str(Path(__file__).resolve().parents[1]), f"{COURSE}/autograder"]
    finished = importlib.util.find_spec("internals")
    for location in (finished.submodule_search_locations or ()) if finished else ():
        if any(Path(location).is_relative_to(prefix) for prefix in prefixes()):
            argv += ["--perms", "0755", "--tmpfs", location]  # an installed course has the solutions in site-packages
    return argv


def _room(limits: Limits) -> list[str]:
    """A room's bubblewrap options but for its user."""
    argv = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--hostname", "room"]
    argv += ["--die-with-parent", "--new-session", "--clearenv", *_system(), "--proc", "/proc", "--dev", "/dev"]
    for place, size in (("/box", limits.disk), ("/dev/shm", limits.disk // 2)):
        argv += ["--perms", "1777", "--size", str(size), "--tmpfs", place]
    for place in ("/proc", "/dev", "/"):
        argv += ["--remount-ro", place]
    return [*argv, "--chdir", "/box", "--as-pid-1"]


class Room:
    """A furnished room with an idle first process. first: its pid outside. Killing it kills everything inside.

    That process waits in a shell that can be run and not read: of such a program the kernel opens neither memory nor
    descriptors to others of the same user, and an ordinary user's room has only one.
    """

    def __init__(self, limits: Limits) -> None:
        read_info, write_info = os.pipe()
        read_gate, write_gate = os.pipe()
        read_ready, write_ready = os.pipe()
        shell = os.open("/bin/sh", os.O_RDONLY)
        try:
            user = ["--unshare-user", "--uid", str(POWERLESS), "--gid", str(POWERLESS)]
            if os.geteuid() == 0:  # wait for us to map root and the spare id
                user = ["--unshare-user", "--userns-block-fd", str(read_gate), "--uid", "0", "--gid", "0"]
            idle = ["--perms", "0111", "--file", str(shell), IDLE]
            argv = ["bwrap", *user, "--info-fd", str(write_info), *idle, *_room(limits), "--"]
            self._process = subprocess.Popen(
                [*argv, IDLE, "-c", "echo ready; exec >&-; read never"],
                pass_fds=(write_info, read_gate, shell),
                stdin=subprocess.PIPE,  # nothing is ever written there
                stdout=write_ready,
                stderr=subprocess.PIPE,
            )
            os.close(write_info)
            os.close(write_ready)
            write_info = write_ready = -1
            self.first = self._first(read_info)
            if os.geteuid() == 0:
                for kind in ("uid_map", "gid_map"):
                    Path(f"/proc/{self.first}/{kind}").write_text(f"0 0 1\n{POWERLESS} {POWERLESS} 1\n")
                os.write(write_gate, b"1")
            if not os.read(read_ready, 16):
                raise self._failure()
        finally:
            for descriptor in (read_info, write_info, read_gate, write_gate, read_ready, write_ready, shell):
                if descriptor >= 0:
                    os.close(descriptor)

    def _first(self, info: int) -> int:
        text = b""
        while b"}" not in text:
            part = os.read(info, 4096)
            if not part:
                raise self._failure()
            text += part
        return int(json.loads(text)["child-pid"])

    def _failure(self) -> OSError:
        self._process.kill()
        _, errors = self._process.communicate()
        return OSError(errors.decode(errors="replace").strip()[:300] or "bubblewrap ended")

    def close(self) -> None:
        """End the room and everything in it. Returns when all of it is gone."""
        self._process.kill()  # --die-with-parent takes the first process along, and that one the rest
        self._process.communicate()


def outer_room(command: list[str]) -> list[str]:
    """The command line of an ordinary user's warm server: the whole system read-only, a memory disk of its own."""
    return ["bwrap", "--unshare-user", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--tmpfs", "/dev/shm",
            "--bind", "/proc", "/proc",
            "--die-with-parent", "--", *command]  # fmt: skip


def sandbox_problem() -> str:
    """Why no room can be opened on this machine, or "" when one can. Tries one for real."""
    if sys.platform != "linux":
        return "bubblewrap needs Linux"
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed"
    try:
        import pyseccomp  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        return f"pyseccomp or its library libseccomp is not installed ({error})"
    try:
        Room(Limits()).close()
    except (OSError, ValueError) as error:
        return f"bubblewrap cannot open a room here ({error}); are user namespaces allowed?"
    return ""


def require_sandbox() -> None:
    """Raises CourseError with one line that says what to install or which flag accepts the risk."""
    if problem := sandbox_problem():
        raise CourseError(REFUSAL.format(reason=problem))
