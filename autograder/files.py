"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.course import CourseError


def cache_folder() -> Path:
    """Where the course keeps on this machine what it can find out or fetch again."""
    xdg = os.environ.get("XDG_CACHE_HOME")
    if xdg and Path(xdg).is_absolute():  # as the XDG specification asks
        base = Path(xdg)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path.home() / ".cache"
    return base / "transformer-internals"


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write the content to the path, text as UTF-8. A reader, or a restart, sees the old file or the new one.

    Raises CourseError where it cannot be written; the old file is still there then.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        with atomic_file(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise CourseError(f"{path}: cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary file beside the path; it takes the path when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
