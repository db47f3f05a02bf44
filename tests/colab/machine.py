"""A machine of Colab's, as near as one comes: its package versions in a bare environment, its own package a stand-in.

With COLAB_EXACT=1 (`make colab-exact`) it has Colab's Python and Colab's own torch; else Python and torch are the ones
at hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.course import Course, load_course
from autograder.publish import publish
from tools.environment import binaries
from tools.sample_submissions import read

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("pins.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = [Requirement(line) for line in PROJECT["dependencies"]]
EXACT = os.environ.get("COLAB_EXACT") == "1"
COLABS_PYTHON = "3.13"
FOR_3_13 = {"pandas": "2.2.3"}  # the list is older than Colab's 3.13: the first version with wheels for it


def colab_versions() -> dict[str, str]:
    """Name to version of what Colab has preinstalled."""
    pairs = (line.split("==") for line in pin_lines())
    return {canonicalize_name(name): number for name, number in pairs}


def pin_lines() -> list[str]:
    return [line for line in PINS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def publish_copy(root: Path) -> Course:
    """A copy of the course in a new folder, published where git finds it: that folder of this machine."""
    shutil.copytree(ROOT, root, ignore=left_behind)
    publish(load_course(root), f"file://{root}")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "--quiet"], ["add", "--force", "."], [*who, "commit", "--quiet", "--message", "publish"]):
        run(["git", "-C", str(root), *words])
    return load_course(root)


def left_behind(folder: str, names: list[str]) -> set[str]:
    """What is not published of a checkout's folder: hidden files, caches, and what git ignores at the root."""
    generated = {"build", "work"} if Path(folder) == ROOT else set()
    return {name for name in names if name.startswith(".") or name == "__pycache__" or name in generated}


def colab_python(scratch: Path) -> Path:
    """The Python of a bare environment on Colab's versions, without the course.

    Its packages are kept in build/, by what they were made from. What the course needs and Colab lacks is installed
    beforehand too: without the versions pinned here its newest ones would come.
    """
    base, pins, wheels = sys.executable, pin_lines(), []
    if EXACT:
        pins = [line for line in pins if line.partition("==")[0] not in FOR_3_13]
        pins += [f"{name}=={number}" for name, number in FOR_3_13.items()]
        wheels = ["--only-binary", ":all:"]
        base = os.environ.get("COLAB_PYTHON") or shutil.which(f"python{COLABS_PYTHON}") or ""
        if not base:
            pytest.fail(f"no Python {COLABS_PYTHON} here: name one in COLAB_PYTHON", pytrace=False)
    else:
        torch = version("torch").partition("+")[0]
        pins = [f"torch=={torch}" if line.startswith("torch==") else line for line in pins]
    constraints = scratch / "constraints.txt"
    constraints.write_text("\n".join(pins) + "\n", encoding="utf-8")
    key = hashlib.sha256(repr((base, pins, [str(r) for r in DEPENDENCIES], sys.version)).encode()).hexdigest()[:12]
    folder = ROOT / "build" / "colab" / key
    python = binaries(folder) / "python"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if not (folder / "complete").exists():
        run([base, "-m", "venv", "--clear", str(folder)])
        run([*pip, "install", "--no-compile", *wheels, "--constraint", str(constraints), *map(str, DEPENDENCIES)])
        (folder / "complete").touch()
    run([*pip, "uninstall", "--yes", PROJECT["name"]])
    return python


def first_cell(course: Course) -> str:
    """The first code cell of the first released notebook."""
    cells = read(course.released(course.notebooks[0]))["cells"]
    return "".join(next(c for c in cells if c["cell_type"] == "code")["source"])


def write_kernel(folder: Path, python: Path) -> Path:
    """A kernel called "colab" that runs this Python, in a folder for JUPYTER_PATH."""
    kernel = folder / "kernels" / "colab"
    kernel.mkdir(parents=True)
    arguments = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": arguments, "display_name": "Colab", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return folder


def run(command: list[str], **environment: str) -> str:
    """Run to success; the output, or a failure that shows it."""
    done = subprocess.run(command, capture_output=True, text=True, env=outside() | environment, cwd="/")
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def outside() -> dict[str, str]:
    """An environment without this checkout in it."""
    inside = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in inside}
