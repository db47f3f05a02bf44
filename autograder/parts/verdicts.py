"""What was found out about a student's parts, kept by the hash of all that decides it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import platform
import time
from pathlib import Path

from autograder.files import cache_folder, write_atomically

DECIDING = ("checks.py", "compare.py", "forbidden.py", "inputs.py", "values.py", "parts/trial.py", "parts/slices.py")
LATE = "does not end"  # may be the machine's fault, so it is found out again
LATE_SECONDS = 600.0
MOST = 2000  # files
Reasons = dict[str, str]  # of an exercise: the title of each check → why it does not pass, "" where it does


def first(reasons: Reasons) -> str:
    """Why an exercise does not pass: its first reason; "" where all its checks pass."""
    return next(filter(None, reasons.values()), "")


@functools.cache
def _version() -> str:
    package = Path(__file__).resolve().parents[1]
    parts = [platform.python_version()]
    for name in ("torch", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            parts.append(f"{name} {importlib.metadata.version(name)}")
    parts += [hashlib.sha256((package / name).read_bytes()).hexdigest() for name in DECIDING]
    return "\n".join(parts)


def key_of(*parts: object) -> str:
    """The name of a verdict: same name, same verdict."""
    return hashlib.sha256(json.dumps([_version(), *parts]).encode()).hexdigest()


def _path(key: str) -> Path:
    return cache_folder() / "parts" / f"{key[:40]}.json"


def known(key: str) -> Reasons | None:
    """What was kept under this key; None where nothing is known, or no longer."""
    path = _path(key)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["reasons"]
        reasons = {str(title): str(reason) for title, reason in kept.items()}
        late = any(LATE in reason for reason in reasons.values())
        return None if late and time.time() - path.stat().st_mtime > LATE_SECONDS else reasons
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep(key: str, reasons: Reasons) -> None:
    """Remember it; a cache that cannot be written costs only time."""
    from autograder.course import CourseError

    path = _path(key)
    with contextlib.suppress(CourseError, OSError):
        write_atomically(path, json.dumps({"reasons": reasons}))
        files = list(path.parent.glob("*.json"))
        if len(files) > MOST:
            for old in sorted(files, key=lambda file: file.stat().st_mtime)[: MOST // 2]:
                old.unlink(missing_ok=True)
