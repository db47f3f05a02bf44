"""Take chosen files out of a wheel, a source distribution or a Debian package, trusting none of them.

No link is followed or made, no path leads out of the folder, nothing is run, and no more bytes are written than the
registry allows.
"""

from __future__ import annotations

import errno
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from autograder.archives import BROKEN, ENCRYPTED, METHODS, kind_of, leads_out, name_of
from autograder.data.registry import Package, Unavailable

CHUNK = 1 << 20
AR_MAGIC, AR_HEADER = b"!<arch>\n", 60
DEBIAN_DATA = re.compile(rb"data\.tar\.(xz|gz|bz2)")


def unpack(archive: Path, package: Package, folder: Path, limit: int) -> int:
    """Write the package's chosen files below `folder`; returns their bytes, at most `limit`. Raises Unavailable."""
    written = 0
    try:
        for name, file in _members(archive, package):
            written += keep(package, name, file, folder, limit - written)
    except FileExistsError as error:
        raise Unavailable(f"{archive.name}: holds {Path(error.filename).name} twice") from None
    except (tarfile.TarError, lzma.LZMAError, gzip.BadGzipFile, *BROKEN) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unavailable(f"{archive.name}: damaged ({reason})") from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # a full disk, say
            raise
        raise Unavailable(f"{archive.name}: damaged (a member lies outside of it)") from None
    return written


def keep(package: Package, name: str, file: IO[bytes], folder: Path, limit: int) -> int:
    """Write one file below the folder; returns its bytes. Raises Unavailable for more than `limit`."""
    if package.gunzip:
        name, file = name.removesuffix(".gz"), gzip.GzipFile(fileobj=file)  # type: ignore[assignment]
    target, written = folder / name, 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as out:
        while chunk := file.read(CHUNK):
            written += len(chunk)
            if written > limit:
                raise Unavailable(f"{package.file}: unpacks to more bytes than datasets/registry.toml says")
            out.write(chunk)
    return written


def chosen(package: Package, name: str) -> str | None:
    """The path below the package's root of a member to take, None for one to leave."""
    if package.root:
        if not name.startswith(package.root + "/"):
            return None
        name = name.removeprefix(package.root + "/")
    return name if any(_pattern(pattern).fullmatch(name) for pattern in package.pick) else None


def _pattern(pattern: str) -> re.Pattern[str]:
    """`**/` is any number of folders, `*` anything within a name."""
    parts = re.split(r"(\*\*/|\*)", pattern)
    return re.compile("".join({"**/": "(?:.*/)?", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts))


def _members(archive: Path, package: Package) -> Iterator[tuple[str, IO[bytes]]]:
    """Each chosen file, by its path below the root."""
    if package.kind == "wheel":
        with zipfile.ZipFile(archive) as opened:
            yield from _of_zip(archive, package, opened)
    elif package.kind == "deb":
        with archive.open("rb") as file:
            inner = _debian_data(archive, file)
            with tarfile.open(fileobj=inner, mode="r:*") as tar:
                yield from _of_tar(archive, package, tar)
    elif package.kind == "sdist":
        with tarfile.open(archive, mode="r:*") as tar:
            yield from _of_tar(archive, package, tar)
    else:
        with archive.open("rb") as file:
            yield package.pick[0], file


def _of_zip(archive: Path, package: Package, opened: zipfile.ZipFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in opened.infolist():
        name = name_of(member)
        target = chosen(package, name)
        if target is None or name.endswith("/"):
            continue
        if leads_out(name) or kind_of(member) != "file":
            raise Unavailable(f"{archive.name}: {name!r}: not an ordinary file inside the package")
        if member.flag_bits & ENCRYPTED or member.compress_type not in METHODS:
            raise Unavailable(f"{archive.name}: {name!r}: packed in a way that no package is")
        with opened.open(member) as file:
            yield target, file


def _of_tar(archive: Path, package: Package, tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        name = member.name.removeprefix("./")
        target = chosen(package, name)
        if target is None or member.isdir():
            continue
        file = tar.extractfile(member) if member.isreg() else None
        if leads_out(name) or file is None:
            raise Unavailable(f"{archive.name}: {name!r}: not an ordinary file inside the package")
        yield target, file


def _debian_data(archive: Path, file: IO[bytes]) -> IO[bytes]:
    """The archive of files inside a Debian package, which is an `ar` of three members (deb(5))."""
    if file.read(len(AR_MAGIC)) != AR_MAGIC:
        raise Unavailable(f"{archive.name}: not a Debian package")
    while len(header := file.read(AR_HEADER)) == AR_HEADER:
        name, size = header[:16].rstrip(b" /"), int(header[48:58])
        if DEBIAN_DATA.fullmatch(name):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, io.SEEK_CUR)
    raise Unavailable(f"{archive.name}: holds no data.tar in a form that Python reads")
