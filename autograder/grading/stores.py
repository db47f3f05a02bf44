"""The files of a folder or of a zip, without trusting either: nothing is written to disk, no link is followed.

A store is listed once; each file is read when it is needed, by a small picklable object that any process can call.
"""

from __future__ import annotations

import functools
import os
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.archives import BROKEN, ENCRYPTED, METHODS, kind_of, leads_out, name_of
from autograder.course import CourseError
from autograder.grading.submission import MAX_BYTES, TOO_LARGE, Refused

MAX_ENTRIES = 50_000
MAX_TOTAL = 50_000_000_000  # bytes, unpacked; they are never in memory or on disk together
MAX_NAME = 1000  # characters of a path
MAX_RATIO, RATIO_FROM = 250, 5_000_000  # a notebook that packs better than this is no notebook
ZIP_START = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True)
class Entry:
    """One file of a store. parts: its path below the store, the file's name last. when: seconds since 1970.

    read: its bytes; raises Refused. problem: why it must not be read, "" for none.
    """

    parts: tuple[str, ...]
    when: float
    read: Callable[[], bytes]
    problem: str = ""


@dataclass(frozen=True)
class FileBytes:
    """Reads one ordinary file, at most MAX_BYTES of it."""

    path: Path

    def __call__(self) -> bytes:
        """Raises Refused."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            with open(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Refused("not an ordinary file; hand in the notebook itself")
                data = file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise Refused(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if len(data) > MAX_BYTES:
            raise Refused(TOO_LARGE)
        return data


@dataclass(frozen=True)
class MemberBytes:
    """Reads one member of a zip, at most MAX_BYTES of it. index: its position, as names may repeat."""

    archive: Path
    index: int

    def __call__(self) -> bytes:
        """Raises Refused."""
        try:
            stamp = self.archive.stat()
            opened = _opened(self.archive, stamp.st_mtime_ns, stamp.st_size)
            with opened.open(opened.infolist()[self.index]) as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Refused(f"cannot be read from {self.archive.name}: {error.strerror or error}") from None
        except BROKEN as error:
            raise Refused(f"damaged in {self.archive.name} ({error}); hand it in again") from None
        if len(data) > MAX_BYTES:
            raise Refused(TOO_LARGE)
        return data


@functools.lru_cache(maxsize=2)
def _opened(path: Path, _changed: int, _size: int) -> zipfile.ZipFile:
    """A zip stays open between its members: its directory is read once a process."""
    return zipfile.ZipFile(path)


def is_zip(path: Path) -> bool:
    """By its name or its first bytes. False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return path.suffix.lower() == ".zip" or file.read(4) in ZIP_START
    except OSError:
        return False


def entries(path: Path) -> list[Entry]:
    """Every file below a folder, in a zip, or the one file itself, in order. Raises CourseError."""
    if path.is_dir():
        found = _of_folder(path)
    elif not path.exists():
        raise CourseError(f"{path}: no such folder, zip or notebook")
    elif is_zip(path):
        found = _of_zip(path)
    elif path.is_file():
        return [Entry((shown(path.name),), path.stat().st_mtime, FileBytes(path.resolve()))]
    else:
        raise CourseError(f"{path}: not a folder, a zip or a notebook")
    listed = []
    for entry in found:
        if not any(part.startswith(".") or part == "__MACOSX" for part in entry.parts):
            listed.append(entry)
        if len(listed) > MAX_ENTRIES:
            raise CourseError(f"{path}: more than {MAX_ENTRIES:,} files; grade it in parts")
    return sorted(listed, key=lambda entry: entry.parts)


def _of_folder(root: Path) -> Iterator[Entry]:
    def refuse(error: OSError) -> None:
        raise CourseError(f"{error.filename}: cannot be read: {error.strerror}")

    for folder, folders, files in os.walk(root, onerror=refuse):
        here = Path(folder)
        for name in [*(name for name in folders if (here / name).is_symlink()), *files]:
            path = here / name
            parts = tuple(shown(part) for part in path.relative_to(root).parts)
            try:
                status = path.lstat()
            except OSError:
                continue  # gone since it was listed
            problem = ""
            if stat.S_ISLNK(status.st_mode):
                problem = "a link, not followed; put the file itself there"
            elif not stat.S_ISREG(status.st_mode):
                problem = "not an ordinary file; put the notebook itself there"
            yield Entry(parts, status.st_mtime, FileBytes(path.resolve() if not problem else path), problem)


def _of_zip(path: Path) -> Iterator[Entry]:
    try:
        stamp = path.stat()
        members = _opened(path.resolve(), stamp.st_mtime_ns, stamp.st_size).infolist()
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror or error}") from None
    except BROKEN as error:
        raise CourseError(f"{path}: not a zip that can be opened ({error}); download it again") from None
    if len(members) > MAX_ENTRIES:
        raise CourseError(f"{path}: more than {MAX_ENTRIES:,} files; grade it in parts")
    if sum(member.file_size for member in members) > MAX_TOTAL:
        raise CourseError(f"{path}: unpacks to more than {MAX_TOTAL // 10**9} GB; grade it in parts")
    for index, member in enumerate(members):
        name = name_of(member)
        if name.endswith("/"):
            continue
        parts = tuple(shown(part) for part in name[:MAX_NAME].split("/") if part not in ("", "."))
        problem = _problem(member, name)
        if ".." in parts:
            parts = tuple(part for part in parts if part != "..")
        try:
            when = datetime(*member.date_time, tzinfo=UTC).timestamp()
        except (ValueError, TypeError, OverflowError):
            when = 0.0
        yield Entry(parts or ("?",), when, MemberBytes(path.resolve(), index), problem)


def _problem(member: zipfile.ZipInfo, name: str) -> str:
    """Why a member must not be unpacked, "" for none."""
    kind = kind_of(member)
    if kind == "link":
        return "a link, not followed; hand in the file itself"
    if kind != "file":
        return "not an ordinary file; hand in the notebook itself"
    if leads_out(name):
        return "its path leads out of the zip; hand in the notebook itself"
    if member.flag_bits & ENCRYPTED:
        return "protected by a password; hand it in without one"
    if member.compress_type not in METHODS:
        return "packed in an uncommon way; zip it again, as any system does by default"
    if member.file_size > MAX_BYTES:
        return TOO_LARGE
    if len(name) > MAX_NAME:
        return "its name is too long; hand it in under a shorter one"
    ratio = member.file_size // max(member.compress_size, 1)
    if member.file_size > RATIO_FROM and ratio > MAX_RATIO:
        return f"packed {ratio:,} times smaller, as no notebook is; clear the outputs and hand it in again"
    return ""


def shown(name: str) -> str:
    """A name as it can be printed and stored: one line, one spelling of each accent, odd bytes written out."""
    name = unicodedata.normalize("NFC", name)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
