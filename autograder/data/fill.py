"""Bring a key's files into the cache: from a package that is installed here already, else fetched and unpacked."""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from pathlib import Path

from autograder.data import cache
from autograder.data.fetch import fetch
from autograder.data.progress import Report, progress
from autograder.data.registry import Entry, Package, Unavailable
from autograder.data.unpack import chosen, keep, unpack


def fill(entry: Entry) -> None:
    """Make the cache hold an entry. Raises Unavailable, with the reason and what to do."""
    try:
        with cache.alone(entry, f"{entry.key}: another process is fetching it; waiting"):
            if not cache.holds(entry) and not _copied(entry):  # that other process may have done it
                _fetched(entry)
    except Unavailable as problem:
        raise Unavailable(
            f"{entry.key} ({entry.title}) is not here and cannot be fetched: {problem}. "
            f"Where there is a network: course data fetch {entry.key}"
        ) from None
    except OSError as error:
        raise cache.unwritable(error) from None


def _copied(entry: Entry) -> bool:
    """Take the files from installed packages, where those hold just what the registry says."""
    try:
        with cache.filling(entry) as folder:
            for package in entry.packages:
                _copy(package, folder, entry.unpacked)
    except (Unavailable, FileNotFoundError, EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return True


def _copy(package: Package, folder: Path, limit: int) -> None:
    """Copy the chosen files of an installed package. Raises FileNotFoundError where it is not installed."""
    root = _installed_root(package)
    names = {path: f"{package.root}/{path.relative_to(root).as_posix()}" for path in root.rglob("*") if path.is_file()}
    for path, name in names.items():
        if target := chosen(package, name):
            with path.open("rb") as file:
                keep(package, target, file, folder, limit)


def _installed_root(package: Package) -> Path:
    """Where the package's root stands when it is installed. Nothing is imported. Raises FileNotFoundError."""
    if package.kind == "deb":
        root = Path("/", package.root)
    else:  # a source distribution has one folder, named with its version, around everything
        parts = Path(package.root).parts[1 if package.kind == "sdist" else 0 :]
        spec = importlib.util.find_spec(parts[0]) if parts else None
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError(package.package)
        root = Path(spec.submodule_search_locations[0], *parts[1:])
    if not root.is_dir():
        raise FileNotFoundError(root)
    return root


def _fetched(entry: Entry) -> None:
    """Fetch and unpack; where the first packages cannot be had, those that hold the same files instead."""
    ways = [packages for packages in (entry.packages, entry.instead) if packages]
    reasons = []
    for packages in ways:
        try:
            with progress(entry.key, packages) as reports, cache.filling(entry) as folder:
                archives = _collect(entry, packages, reports, folder)
        except Unavailable as problem:
            reasons.append(str(problem))
        else:
            for archive in archives:
                archive.unlink(missing_ok=True)
            return
    raise Unavailable("; ".join(dict.fromkeys(reasons)))


def _collect(entry: Entry, packages: tuple[Package, ...], reports: list[Report], folder: Path) -> list[Path]:
    """Everything into the folder; returns the packages' files, for the caller to remove."""
    room, archives = entry.unpacked, []
    for package, report in zip(packages, reports, strict=True):
        archives.append(fetch(package, report))
        room -= unpack(archives[-1], package, folder, room)
    return archives
