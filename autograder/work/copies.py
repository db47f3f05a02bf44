"""Dated copies of a student's files, in `work/copies/`, made before anything is written over them."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from autograder.files import write_atomically

FOLDER = "copies"


def keep_copy(work: Path, path: Path, content: bytes) -> Path:
    """Write what the file held to a new file named for the moment; returns it. Raises CourseError.

    It keeps the file's own date, so that of two files of one notebook the older is known.
    """
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    copy, number = work / FOLDER / f"{path.stem}-{stamp}{path.suffix}", 1
    while copy.exists():
        number += 1
        copy = copy.with_name(f"{path.stem}-{stamp}-{number}{path.suffix}")
    write_atomically(copy, content)
    with contextlib.suppress(OSError):
        known = path.stat()
        os.utime(copy, ns=(known.st_atime_ns, known.st_mtime_ns))
    return copy
