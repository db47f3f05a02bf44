"""Generated files brought up to date, and students' copies of them laid out."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tools.environment import SetupError, binaries

SOURCES = ("solutions", "autograder", "course.toml", "nbgrader_config.py")
PRODUCTS = ("modules", "internals", "build/source")


def state(root: Path) -> str:
    """A hash of what `course build` reads and writes: a changed source and a damaged product both show."""
    digest = hashlib.sha256()
    for name in (*SOURCES, *PRODUCTS):
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts:
                digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def ensure_built(root: Path) -> None:
    """Run `course build` unless nothing has changed since it last ran. Raises SetupError where it fails."""
    stamp = root / "build" / "built.sha256"
    if stamp.is_file() and (root / "build" / "source").is_dir() and stamp.read_text(encoding="utf-8") == state(root):
        return
    if subprocess.run([str(binaries(root / ".venv") / "course"), "build"], cwd=root).returncode:
        raise SetupError("the notebooks could not be built; what is wrong stands above")
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(state(root), encoding="utf-8")


def lay_out_work(root: Path) -> list[Path]:
    """Copy what work/ lacks of modules/. A file that is there stays as it is: it may hold a student's answers.

    Returns the new files, relative to work/.
    """
    modules, work = root / "modules", root / "work"
    new = []
    for source in sorted(modules.rglob("*")):
        name = source.relative_to(modules)
        if source.is_dir() or ".ipynb_checkpoints" in name.parts or (work / name).exists():
            continue
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        partial = work / name.parent / f".{name.name}.partial"
        shutil.copyfile(source, partial)
        partial.rename(work / name)  # a copy that was cut short must not pass for a student's file
        new.append(name)
    return new
