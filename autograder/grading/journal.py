"""What has been graded, on disk as soon as it is known: a grader that is killed goes on where it was.

One file a result, written whole or not at all and flushed to the disk, named by a hash of everything that decides the
result: the submission's bytes, whose it is, the exam, the limits and the grader itself. A file that does not match its
checksum counts as missing.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from autograder.course import CourseError
from autograder.files import atomic_file, write_atomically
from autograder.grading.codec import CodecError, from_text
from autograder.grading.exam import Exam
from autograder.grading.result import Result
from autograder.limits import Limits

LIBRARIES = ("torch", "numpy", "ipython")  # whose versions can move a value


@functools.cache
def grader_version() -> str:
    """A hash of the grader's own code and of the libraries that grades depend on."""
    package = Path(__file__).resolve().parents[1]
    parts = [platform.python_version()]
    parts += [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    parts += [f"{path.relative_to(package)} {digest(path.read_bytes())}" for path in sorted(package.rglob("*.py"))]
    return digest("\n".join(parts).encode())


def digest(data: bytes) -> str:
    """A hash of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def key_of(data: bytes, student: str, exam: Exam, limits: Limits, sandbox: bool) -> str:
    """The name of a submission's result: same name, same grade."""
    parts = {
        "submission": digest(data),
        "student": student,
        "notebook": [exam.notebook.module, exam.notebook.name],
        "exam": exam.version,
        "limits": asdict(limits),
        "sandbox": sandbox,
        "grader": grader_version(),
    }
    return digest(json.dumps(parts, sort_keys=True).encode())


class Journal:
    """The results of a course, by key. folder: build/journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one grader writes at a time. Raises CourseError while another one does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w", encoding="ascii") as lock:  # released by the system when we are killed
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CourseError(f"{self.folder}: another `course grade` is at work here; wait for it") from None
            yield

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def find(self, key: str) -> Result | None:
        """The result under this key, or None: never graded, or the file is damaged."""
        content = _read(self._path(key))
        try:
            return None if content is None else from_text(Result, content)
        except CodecError:
            return None

    def add(self, key: str, text: str) -> None:
        """Keep a result (as `codec.to_text` wrote it). It is on the disk when this returns. Raises CourseError."""
        _write(self._path(key), text.encode("ascii"))

    def committed(self, db: str) -> dict[str, str]:
        """Whose points the gradebook holds: `place_of` the result → hash of the submission's bytes."""
        content = _read(self._committed_path(db))
        return {} if content is None else json.loads(content)

    def set_committed(self, db: str, places: dict[str, str]) -> None:
        """Write what `committed` reads, once the gradebook itself is on the disk. Raises CourseError."""
        _write(self._committed_path(db), json.dumps(places, indent=0, sort_keys=True).encode("ascii"))

    def keep_before(self, root: Path, name: str) -> None:
        """Keep the file root/name as it is until `forget_before`: what it says next is not committed yet."""
        kept = self.folder / "before" / digest(name.encode())
        if not kept.exists() and (root / name).exists():
            write_atomically(kept, json.dumps(name).encode("ascii") + b"\n" + (root / name).read_bytes())

    def restore_before(self, root: Path) -> None:
        """Put back the files that a killed run had changed: the gradebook compares new work with them."""
        for kept in (self.folder / "before").glob("[0-9a-f]*"):
            name, _, content = kept.read_bytes().partition(b"\n")
            write_atomically(root / json.loads(name), content)

    def forget_before(self) -> None:
        """The gradebook has everything."""
        for kept in (self.folder / "before").glob("[0-9a-f]*"):
            kept.unlink()

    def _committed_path(self, db: str) -> Path:
        return self.folder / f"committed-{digest(db.encode())[:16]}.json"


def place_of(result: Result) -> str:
    """The name of a submission, whatever was handed in: one string for student, assignment and notebook."""
    return json.dumps([result.student, result.assignment, result.notebook])


def sweep(build: Path) -> None:
    """Remove what a killed grader left half written below build/. Only while no other one is at work."""
    folders = (build / name for name in ("journal", "feedback", "autograded"))
    for partial in (*build.glob(".*.partial"), *(p for folder in folders for p in folder.rglob(".*.partial"))):
        partial.unlink(missing_ok=True)


def _read(path: Path) -> bytes | None:
    """A file's content after its checksum, or None where it is missing or does not match."""
    try:
        checksum, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if digest(content).encode() == checksum else None


def _write(path: Path, content: bytes) -> None:
    try:
        with atomic_file(path) as partial, open(partial, "wb") as file:
            file.write(digest(content).encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name too
        finally:
            os.close(folder)
    except OSError as error:
        raise CourseError(f"{path}: cannot be written: {error.strerror}") from None
