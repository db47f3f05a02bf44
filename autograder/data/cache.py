"""Where fetched files are kept: one folder a key, which is there complete or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.data import manifest
from autograder.data.registry import Entry, Package, Unavailable
from autograder.files import cache_folder

PARTIAL = ".partial"  # folder of downloads under way, of unpacking under way, and of locks


def root() -> Path:
    """COURSE_DATA where it is set, else the folder that the platform keeps caches in."""
    chosen = os.environ.get("COURSE_DATA")
    if chosen:
        return Path(chosen).expanduser()
    return cache_folder() / "data"


def folder(entry: Entry) -> Path:
    """Where its files stand. The name changes with what they must be: an older set is never taken for a newer one."""
    return root() / f"{entry.key}-{entry.manifest[:12]}"


def make_room(path: Path) -> None:
    """Make the folder that a file is to stand in. Raises Unavailable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(error) from None


def archive(package: Package) -> Path:
    """Where a package's file is fetched to, whole or in part."""
    return root() / PARTIAL / "files" / f"{package.sha256[:12]}-{Path(package.file).name}"


def unwritable(error: OSError) -> Unavailable:
    """What to say where the cache takes no files."""
    reason = error.strerror or error
    return Unavailable(f"{root()}: cannot be written ({reason}); set COURSE_DATA to a folder with room")


def holds(entry: Entry) -> bool:
    """Whether the files are there, by names and sizes. `problems` also reads them."""
    here, text = folder(entry), manifest.read(folder(entry))
    if manifest.digest(text) != entry.manifest:
        return False
    try:
        return all((here / name).stat().st_size == size for _, size, name in manifest.lines(text))
    except OSError:
        return False


def problems(entry: Entry) -> list[str]:
    """What is wrong with an entry's files, a line each; they are read and hashed."""
    here, text = folder(entry), manifest.read(folder(entry))
    if manifest.digest(text) != entry.manifest:
        return [f"{here}: its list of files is missing or changed"]
    found = []
    for sha256, _, name in manifest.lines(text):
        path = here / name
        try:
            if manifest.sha256_of(path) != sha256:
                found.append(f"{path}: changed since it was fetched")
        except OSError as error:
            found.append(f"{path}: {error.strerror}")
    return found


@contextlib.contextmanager
def filling(entry: Entry) -> Iterator[Path]:
    """An empty folder that becomes the entry's when the block ends well, and vanishes when it does not.

    The caller is `alone`. Raises Unavailable where what was put there is not what the registry says.
    """
    parent = root() / PARTIAL / "unpack" / entry.key
    make_room(parent / "any")
    for leftover in parent.iterdir():  # of a process that was killed: the caller holds the lock
        shutil.rmtree(leftover, ignore_errors=True)
    new = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield new
        text = manifest.listing(new)
        if manifest.digest(text) != entry.manifest:
            raise Unavailable("its files are not those that datasets/registry.toml names; nothing was kept")
        (new / manifest.NAME).write_text(text, encoding="utf-8")
        target = folder(entry)
        if target.exists():  # damaged, or `holds` would have spared us the way here
            target.rename(new.with_name(new.name + "-old"))
        new.rename(target)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextlib.contextmanager
def alone(entry: Entry, waiting: str) -> Iterator[None]:
    """Keep other processes from fetching the same entry; print `waiting` where one is at it. A killed one lets go."""
    from filelock import FileLock, Timeout

    file = root() / PARTIAL / "locks" / f"{entry.key}.lock"
    make_room(file)
    lock = FileLock(file)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(waiting)
            lock.acquire()
    except OSError as error:
        raise unwritable(error) from None
    try:
        yield
    finally:
        lock.release()


def traces(entry: Entry) -> list[Path]:
    """What there is of an entry: its files, older sets of its key, and what was under way."""
    sets = [path for path in root().glob(f"{entry.key}-*") if _is_set_of(entry.key, path.name)]
    under_way = [archive(package) for package in (*entry.packages, *entry.instead)]
    return [path for path in (*sets, root() / PARTIAL / "unpack" / entry.key, *under_way) if path.exists()]


def clear(entry: Entry) -> int:
    """Remove an entry's traces; returns the bytes freed. The caller is `alone`. Raises Unavailable."""
    freed = 0
    for path in traces(entry):
        inside = [item for item in (path, *path.rglob("*")) if item.is_file()]
        freed += sum(item.stat().st_size for item in inside)
        try:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            raise unwritable(error) from None
    return freed


def _is_set_of(key: str, name: str) -> bool:
    """Whether a folder's name is this key and twelve hexadecimal digits: `gpt2-…` is not `gpt2-vocabulary-…`."""
    tail = name.removeprefix(f"{key}-")
    return len(tail) == 12 and set(tail) <= set("0123456789abcdef")
