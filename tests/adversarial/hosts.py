"""What the suite watches on the host: canaries that a submission must not reach, and who grades."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.grading.walls import POWERLESS
from tests.adversarial.course import IN_OTHER_WORK, IN_THE_CANARY
from tests.adversarial.driver import BATCH_SECONDS, REPOSITORY
from tests.adversarial.leftovers import SECONDS

NOBODY = 65534


@contextlib.contextmanager
def canaries(uid: int) -> Iterator[dict[str, Any]]:
    """A folder that anybody may write, a process of this user and listeners: only the walls of a room keep them.

    Yields what the attacks aim at. Everything is gone afterwards.
    """
    folder = Path(tempfile.mkdtemp(prefix="adversarial-canary-"))
    try:
        for name, text in (("secret.txt", IN_THE_CANARY), ("other-student.ipynb", IN_OTHER_WORK), ("data.txt", "x")):
            (folder / name).write_text(text, encoding="utf-8")
        with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as path, socket.socket(socket.AF_UNIX) as abstract:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            path.bind(str(folder / "socket"))
            abstract.bind(f"\0adversarial-canary-{port}")
            for listener in (tcp, path, abstract):
                listener.listen(64)
            for file in folder.iterdir():
                file.chmod(0o666)
            folder.chmod(0o777)
            sleeper = subprocess.Popen(["sleep", "86400"], start_new_session=True, user=uid)
            try:
                yield {"canary": str(folder), "pid": sleeper.pid, "port": port}
            finally:
                alive = sleeper.poll() is None
                sleeper.kill()
                sleeper.wait()
            assert alive, "the canary process is dead"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def state(folder: str) -> dict[str, Any]:
    """All of the host that must be the same before and after a batch."""
    canary = {
        file.name: (file.stat().st_mode, file.stat().st_uid, None if file.is_socket() else hashlib.sha256(file.read_bytes()).hexdigest())
        for file in Path(folder).iterdir()
    }
    programs = {}
    for place in (os.path.realpath(sys.executable), os.__file__, "/bin/sh", str(REPOSITORY), str(REPOSITORY / "autograder")):
        status = os.stat(place)
        programs[place] = (status.st_mode, status.st_uid, status.st_size, status.st_mtime)
    return {
        "canary": canary,
        "programs": programs,
        "left behind": left_behind(),
        "shared memory": sorted(name for name in os.listdir("/dev/shm") if "left-behind" in name),
        "ipc": [Path("/proc/sysvipc", kind).read_text().count("7319 ") for kind in ("shm", "sem", "msg")],
        "swappiness": Path("/proc/sys/vm/swappiness").read_text(),
        "host name": socket.gethostname(),
    }


def left_behind() -> list[str]:
    """Files that an attack left at any place where it may have tried, and files of the powerless user."""
    found = []
    for place in ("/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/dev/mqueue", "/box", "/course", str(REPOSITORY), os.path.expanduser("~")):
        with contextlib.suppress(OSError):
            for entry in os.scandir(place):
                with contextlib.suppress(OSError):
                    if "left-behind" in entry.name or entry.stat(follow_symlinks=False).st_uid == POWERLESS:
                        found.append(entry.path)
    return found


def strays() -> list[str]:
    """Processes on the host that a submission started, or that belong to the user of the rooms, and that stay."""
    found = set(_suspects())
    for _ in range(40):  # another grader may be at work on this machine: its own come and go
        if not found:
            break
        time.sleep(0.5)
        found &= set(_suspects())
    return sorted(found)


def _suspects() -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                line = _line(process)
                ours = process.stat().st_uid == POWERLESS or str(SECONDS) in line or (line.startswith("bwrap") and "/course" in line)
                if ours and not _in_a_living_room(process):
                    found.append(f"{process.name}: {line}")
    return found


def _line(process: Path) -> str:
    return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _in_a_living_room(process: Path) -> bool:
    """Does a warm server that still runs stand above it? Then it belongs to another batch: ours has ended."""
    while True:
        parent = Path("/proc", (process / "stat").read_text().rpartition(")")[2].split()[1])
        if parent.name in ("0", "1"):
            return False
        if "autograder.grading.server" in _line(parent):
            return True
        process = parent


def command(who: str) -> list[str]:
    """What starts the driver as this user: as ourselves, or from root as an ordinary user.

    An interpreter below a home that is closed to others is shown to that user alone, by bubblewrap's bind mounts.
    """
    if who == "self":
        return [sys.executable]
    show: list[str] = []
    for place in sorted({sys.prefix, sys.base_prefix, str(REPOSITORY)}):
        closed = next((p for p in reversed(Path(place).parents) if not p.stat().st_mode & 0o005), None)
        if closed:
            show += ["--tmpfs", str(closed)] if str(closed) not in show else []
            between = [p for p in reversed(Path(place).parents) if closed in p.parents]
            for parent in between:  # bubblewrap would make them for root alone
                show += ["--perms", "0755", "--dir", str(parent)]
            show += ["--ro-bind", place, place]
    room = ["bwrap", "--dev-bind", "/", "/", *show, "--cap-add", "ALL", "--die-with-parent", "--"] if show else []
    return [*room, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable]


def why_not(who: str) -> str:
    """Why the suite cannot run as this user here, "" where it can."""
    if who == "self":
        return ""
    if os.geteuid() != 0:
        return "already run as an ordinary user"
    if not shutil.which("setpriv"):
        return "setpriv (util-linux), which starts a program as another user, is not installed"
    ask = "import autograder, torch, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
    tried = subprocess.run([*command(who), "-c", ask], cwd=REPOSITORY, capture_output=True, text=True, env=environment())
    return "" if tried.returncode == 0 else f"an ordinary user cannot run this interpreter: {tried.stderr.strip()[-200:]}"


def environment() -> dict[str, str]:
    """For the driver: this repository importable, and nothing written into it by another user."""
    home = tempfile.gettempdir()
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1", "HOME": home, "TMPDIR": tempfile.gettempdir()}


def drive(who: str, out: Path, targets: dict, **options: Any) -> dict:
    """Run the driver as this user; what it wrote, or a failure of the test with its last words."""
    done = subprocess.run(
        [*command(who), "-m", "tests.adversarial.driver", json.dumps({"canaries": targets, **options}), str(out)],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=BATCH_SECONDS + 180,
    )
    assert done.returncode == 0, f"the batch did not end well:\n{done.stderr[-3000:]}"
    return json.loads(out.read_text(encoding="utf-8"))


def who_is(who: str) -> int:
    return os.getuid() if who == "self" else NOBODY


def name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
