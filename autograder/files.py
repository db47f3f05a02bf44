"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.course import CourseError


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
