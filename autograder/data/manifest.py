"""The list that says what a set of files is: one line a file, `SHA-256 size path`, sorted by path.

Its own SHA-256 stands in the registry, so that one short number vouches for seven files or seven hundred.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = ".manifest"  # kept beside the files in the cache


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing(folder: Path) -> str:
    """The manifest of every file below a folder, its own excepted."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    found.pop(NAME, None)
    return "".join(f"{sha256_of(path)} {path.stat().st_size} {name}\n" for name, path in sorted(found.items()))


def digest(text: str) -> str:
    """What the registry holds of a manifest."""
    return hashlib.sha256(text.encode()).hexdigest()


def read(folder: Path) -> str:
    """The manifest that was written when the folder was filled, "" where there is none."""
    try:
        return (folder / NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def lines(text: str) -> list[tuple[str, int, str]]:
    """Hash, size and path of each file."""
    rows = (line.split(" ", 2) for line in text.splitlines())
    return [(sha256, int(size), name) for sha256, size, name in rows]
