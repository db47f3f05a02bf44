"""The environment in .venv: created, filled from pyproject.toml under constraints.txt, and told about the course.

What was done is remembered in .venv/course-setup.json, so that a second call returns at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from tools import programs

LEVELS = ("student", "instructor", "author")  # extras in pyproject.toml, each holding the one before it
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class SetupError(Exception):
    """The environment cannot be made; the message is for the person at the terminal."""


def binaries(venv: Path) -> Path:
    return venv / ("Scripts" if os.name == "nt" else "bin")


def fingerprint(root: Path) -> str:
    """Changes when what would be installed changes: the packages, their pins, Python, the settings for Jupyter."""
    digest = hashlib.sha256(sys.version.encode() + str(root).encode() + str(has_gpu()).encode())
    settings = sorted(path for path in (root / "tools" / "jupyter").rglob("*") if path.is_file())
    for path in (root / "pyproject.toml", root / "constraints.txt", Path(__file__), *settings):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def ready(root: Path, level: str) -> bool:
    """Whether .venv already holds `level` (or more) of what the repository asks for now."""
    venv = root / ".venv"
    try:
        done = json.loads((venv / "course-setup.json").read_text(encoding="utf-8"))
        enough = LEVELS.index(done["level"]) >= LEVELS.index(level)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return enough and done["fingerprint"] == fingerprint(root) and (binaries(venv) / "python").exists()


def ensure(root: Path, level: str) -> None:
    """Make `root`/.venv hold `level`. Raises SetupError with what to do about it."""
    if ready(root, level):
        return
    venv, started = root / ".venv", time.monotonic()
    create(venv)
    constraints = ["--constraint", str(root / "constraints.txt")]
    print(f"installing the packages of pyproject.toml's `{level}` into .venv; minutes, the first time …", flush=True)
    # torch by itself: no other package may come from the index that is offered for it.
    pip(venv, "torch", *constraints, *torch_index())
    pip(venv, "--editable", f"{root}[{level}]", *constraints)
    shutil.copytree(root / "tools" / "jupyter" / "share", venv / "share", dirs_exist_ok=True)
    point_nbgrader(root)
    done = {"level": level, "fingerprint": fingerprint(root)}
    (venv / "course-setup.json").write_text(json.dumps(done), encoding="utf-8")
    print(f"installed in {time.monotonic() - started:.0f} s", flush=True)


def create(venv: Path) -> None:
    """A virtual environment of the Python that runs this; one made by another Python is made anew."""
    python = binaries(venv) / "python"
    ask = "import sys, pip; print(sys.version)"
    if python.exists():
        answer = subprocess.run([str(python), "-c", ask], capture_output=True, text=True)
        if answer.returncode == 0 and answer.stdout.strip() == sys.version:
            return
    print(f"creating .venv with Python {sys.version.split()[0]} …", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode and programs.ensure("venv"):
        made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        raise SetupError(f"cannot create .venv: {(made.stdout + made.stderr).strip()[-300:]}")


def has_gpu() -> bool:
    """An NVIDIA GPU that its driver lists."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return False
    try:
        listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout


def torch_index() -> list[str]:
    """pip's arguments that offer the CPU build of torch (a tenth of the size) where nothing could use the CUDA one.

    The index is asked first, once and briefly, so that its absence costs seconds: pip itself would retry for minutes.
    """
    if sys.platform != "linux" or has_gpu() or not answers(f"{CPU_INDEX}/torch/"):
        return []
    return ["--extra-index-url", CPU_INDEX]


def answers(url: str, seconds: float = 4) -> bool:
    """Whether the address answers in time, its name's look-up (which has no time limit of its own) included."""
    reached: list[bool] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds) as reply:
                reached.append(reply.status == 200)
        except (OSError, ValueError):
            reached.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return reached == [True]


def pip(venv: Path, *arguments: str) -> None:
    """`pip install` with one moving status line; its whole output is in .venv/install.log. Raises SetupError."""
    command = [str(binaries(venv) / "python"), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    started, width = time.monotonic(), shutil.get_terminal_size().columns - 1
    recent: list[str] = []
    with (venv / "install.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            recent = [*recent[-7:], line.strip()]
            if sys.stdout.isatty() and line.lstrip().startswith(("Collecting", "Downloading", "Installing")):
                status = f"  {time.monotonic() - started:3.0f} s  {line.strip()}"
                print(f"\r{status[:width]:<{width}}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r" + " " * width + "\r", end="", flush=True)
    if process.wait():
        lines = "\n  ".join(recent)
        raise SetupError(f"pip could not install the packages (all it said: .venv/install.log):\n  {lines}")


def point_nbgrader(root: Path) -> None:
    """Let every nbgrader tool in .venv find the course's configuration from whatever folder it is started in."""
    target = root / ".venv" / "etc" / "jupyter" / "nbgrader_config.py"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"# Written by make.\nload_subconfig({str(root / 'nbgrader_config.py')!r})\n", encoding="utf-8")
