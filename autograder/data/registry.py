"""What `datasets/registry.toml` lists: each set of files, the packages it comes from, and what its files must be."""

from __future__ import annotations

import difflib
import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import CourseError

KINDS = ("wheel", "sdist", "deb", "download")
PLACES = (  # of the registry: in an installed copy, then in a checkout
    Path(__file__).with_name("registry.toml"),
    Path(__file__).resolve().parents[2] / "datasets" / "registry.toml",
)


class DataError(CourseError):
    """Something about data that a person has to mend. IPython shows its one line in place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"data: {self}"]


class Unavailable(DataError):
    """The files are neither in the cache nor can they be fetched; the text says why and what to do."""


@dataclass(frozen=True)
class Package:
    """One pinned file of a package registry, and what to take out of it.

    kind: one of KINDS ("download": not a package, one file at a public address).   package: its name there.
    file: its file name.   size: its bytes.   root: the folder inside that holds the files.   pick: the files to take,
    as patterns below root (`**/` any folders, `*` any name).   gunzip: whether to keep them without their `.gz`.
    urls: public addresses of the same file.
    """

    kind: str
    package: str
    version: str
    file: str
    size: int
    sha256: str
    root: str = ""
    pick: tuple[str, ...] = ()
    gunzip: bool = False
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One key. files, unpacked: how many files it has in the cache, and their bytes.

    manifest: SHA-256 of the list of those files with their hashes (see `autograder.data.manifest`).
    instead: packages that hold the same files, for where the first cannot be had.
    fallback: what is generated where the files cannot be had at all, "" for nothing.
    """

    key: str
    title: str
    licence: str
    origin: str
    notebooks: tuple[str, ...]
    files: int
    unpacked: int
    manifest: str
    packages: tuple[Package, ...]
    instead: tuple[Package, ...] = ()
    fallback: str = ""

    @property
    def download(self) -> int:
        """Bytes to fetch."""
        return sum(package.size for package in self.packages)


@functools.cache
def entries(path: Path | None = None) -> dict[str, Entry]:
    """Every entry by key, in the file's order. Raises DataError for a file that cannot be used."""
    path = path or next((place for place in PLACES if place.is_file()), PLACES[-1])
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; install the course again") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: not TOML: {error}") from None
    return {key: _entry(path, key, values) for key, values in table.items()}


def find(key: str) -> Entry:
    """The entry of a key. Raises DataError, which suggests the nearest key."""
    known = entries()
    if key in known:
        return known[key]
    near = difflib.get_close_matches(str(key), known, n=1)
    suggestion = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    raise DataError(f"nothing is called {key!r}; {suggestion}")


def _entry(path: Path, key: str, values: dict) -> Entry:
    try:
        packages = tuple(map(_package, values["package"]))
        instead = tuple(map(_package, values.get("instead", ())))
        rest = {name: value for name, value in values.items() if name not in ("package", "instead")}
        rest["notebooks"] = tuple(rest["notebooks"])
        entry = Entry(key=key, packages=packages, instead=instead, **rest)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: [{key}]: {error} is missing or malformed; see the entries beside it") from None
    for package in (*packages, *instead):
        if package.kind not in KINDS:
            raise DataError(f"{path}: [{key}]: kind {package.kind!r}: expected one of {', '.join(KINDS)}")
    return entry


def _package(values: dict) -> Package:
    fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return Package(**fields)
