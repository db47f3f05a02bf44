"""A fresh clone of the course and `make` in it, with empty caches, and a watch on what each step takes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.browsing import ROOT

TOKEN = "a-token-for-this-walk"
SETUP_SECONDS = 900
GIT = ("git", "-c", "advice.detachedHead=false", "-c", "user.name=A", "-c", "user.email=a@example.org")


class Watch:
    """What each step took, in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.note(name, time.monotonic() - started)

    def note(self, name: str, seconds: float) -> None:
        self.steps.append((name, seconds))
        print(f"{seconds:7.1f} s  {name}", flush=True)

    @property
    def total(self) -> float:
        return sum(seconds for _, seconds in self.steps)


class Fresh:
    """A clone in `scratch`. origin: what is cloned; where none is given, a copy of this checkout as it lies here.

    upstream: that copy, where a next version can be made; None where an origin was given.
    """

    def __init__(self, scratch: Path, watch: Watch | None = None, origin: str = "") -> None:
        self.scratch, self.watch, self.folder = scratch, watch or Watch(), scratch / "course"
        self.upstream = None if origin else copy_of_this(scratch / "upstream")
        with self.watch.step("git clone"):
            subprocess.run([*GIT, "clone", "--quiet", origin or str(self.upstream), str(self.folder)], check=True)

    def surroundings(self) -> dict[str, str]:
        """An environment with nothing of this checkout or of its user in it."""
        inside = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        known = {name: value for name, value in os.environ.items() if name not in inside}
        fresh = {"XDG_CACHE_HOME": "cache", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_CONFIG_DIR": "config",
                 "JUPYTER_DATA_DIR": "data", "IPYTHONDIR": "ipython"}  # fmt: skip
        return known | {name: str(self.scratch / folder) for name, folder in fresh.items()}

    def run(self, *command: str) -> str:
        """Run a command in the clone; what it prints. `course` is the clone's own."""
        if command[0] == "course":
            command = (str(self.folder / ".venv" / "bin" / "course"), *command[1:])
        done = subprocess.run(command, cwd=self.folder, env=self.surroundings(), capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def make(self, target: str) -> Iterator[str]:
        """`make lab` or `make formgrader`; gives the address that it opens. The watch notes what it does."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        arguments = f"--no-browser --ServerApp.ip=127.0.0.1 --ServerApp.port={port} --IdentityProvider.token={TOKEN}"
        process = subprocess.Popen(
            ["make", target, f"LAB_ARGS={arguments}"],
            cwd=self.folder,
            env=self.surroundings(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said: list[tuple[float, str]] = [(time.monotonic(), f"make {target}: starts\n")]
        threading.Thread(target=lambda: [said.append((time.monotonic(), line)) for line in process.stdout or ()]).start()
        try:
            try:
                wait_for(address, process, said)
            finally:  # what the time went on is worth knowing most where it was too long
                for name, seconds in stages(said, time.monotonic()):
                    self.watch.note(f"make {target}: {name}", seconds)
            yield f"{address}/?token={TOKEN}"
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def copy_of_this(folder: Path) -> Path:
    """A repository with this checkout as it lies here, what is not committed included."""
    subprocess.run([*GIT, "clone", "--quiet", str(ROOT), str(folder)], check=True)
    changes = subprocess.run(["git", "diff", "--binary", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    if changes:
        subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=folder, input=changes, check=True)
    ask = ["git", "ls-files", "--others", "--exclude-standard", "-z"]
    for name in subprocess.run(ask, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and not (ROOT / name).is_symlink() and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    commit(folder, "as it lies here")
    return folder


def commit(folder: Path, message: str) -> None:
    """Commit all that has changed in a repository."""
    subprocess.run([*GIT, "add", "--all"], cwd=folder, check=True)
    subprocess.run([*GIT, "commit", "--quiet", "--allow-empty", "--message", message], cwd=folder, check=True)


def wait_for(address: str, process: subprocess.Popen[str], said: list[tuple[float, str]]) -> None:
    deadline = time.monotonic() + SETUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=2).close()
            return
        time.sleep(0.2)
    raise AssertionError("JupyterLab did not start:\n" + "".join(line for _, line in said[-30:]))


STAGES = {
    "creating .venv": "creates .venv",
    "installing the packages": "downloads and installs the packages",
    "installed in": "builds the notebooks, lays out work/",
    "new in work/": "starts JupyterLab",
}


def stages(said: list[tuple[float, str]], end: float) -> Iterator[tuple[str, float]]:
    """What `make` did, by the lines that it printed, and how long each took."""
    begun, now = said[0][0], "finds Python"
    for moment, line in said:
        stage = next((name for words, name in STAGES.items() if line.startswith(words)), now)
        if stage != now:
            yield now, moment - begun
            begun, now = moment, stage
    yield now, end - begun
