"""Where a student's notebooks stand: beside the running one, in its sibling folder, or in the course's work/."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from autograder.course import CourseError, find_root
from autograder.parts.virtual import LIBRARY

COURSES = ("modules", "build", "solutions")  # folders of a checkout that hold no student's work, and use none
_folder: Path | None = None


def work_in(folder: Path) -> None:
    """Look for notebooks from this folder on, instead of the current one."""
    global _folder
    _folder = folder.resolve()


def folder() -> Path:
    """The folder of the notebook that runs: Jupyter makes it the current one."""
    return _folder or Path.cwd()


def modules() -> dict[str, str]:
    """The course's notebooks in teaching order, with the module that each belongs to."""
    return dict(getattr(importlib.import_module(LIBRARY), "NOTEBOOKS", {}))


def checkout() -> Path | None:
    """The copy of the course that is worked in, or that this package is part of; None for an installed package."""
    for start in (folder(), Path(__file__)):
        try:
            return find_root(start)
        except (CourseError, OSError):
            continue
    return None


def released(notebook: str) -> Path | None:
    """The notebook as the course released it, where a checkout has it."""
    root = checkout()
    path = root / "modules" / modules()[notebook] / f"{notebook}.ipynb" if root else None
    return path if path and path.is_file() else None


def students(notebook: str) -> Path | None:
    """The student's copy of a notebook; None where there is none, or where the course's own copies run."""
    root = checkout()
    if root and _is_courses(folder().resolve(), root):
        return None
    for path in _candidates(notebook, root):
        whole = path.resolve()
        if whole.is_file() and not (root and _is_courses(whole, root)):
            return whole
    return None


def _is_courses(path: Path, root: Path) -> bool:
    return any(path.is_relative_to(root / name) for name in COURSES)


def _candidates(notebook: str, root: Path | None) -> Iterator[Path]:
    here, module, name = folder(), modules()[notebook], f"{notebook}.ipynb"
    yield here / name
    yield here.parent / module / name
    for above in (here, here / "work", *([root / "work"] if root else [])):
        yield above / module / name


def running() -> str:
    """The name of the notebook that runs in this kernel, where Jupyter says so; else ""."""
    return Path(os.environ.get("JPY_SESSION_NAME", "")).name.removesuffix(".ipynb")


def on_colab() -> bool:
    """Colab keeps notebooks in the browser's drive: none is on the kernel's disk."""
    return "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules
