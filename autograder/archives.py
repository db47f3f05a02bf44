"""What must be asked of an archive's members before any is read. Shared by submissions and by data packages."""

from __future__ import annotations

import contextlib
import stat
import struct
import zipfile
import zlib

BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, LookupError, RuntimeError, OverflowError)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # LZMA may ask for gigabytes before its first byte
UTF8_NAMES, ENCRYPTED = 0x800, 0x1


def name_of(member: zipfile.ZipInfo) -> str:
    """Its path with `/`. Names are UTF-8 in practice even where the zip forgets to say so."""
    name = member.filename
    if not member.flag_bits & UTF8_NAMES:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def leads_out(name: str) -> bool:
    """Whether a path with `/` is absolute, has a drive, or climbs above where it starts."""
    return name.startswith("/") or name[1:2] == ":" or ".." in name.split("/")


def kind_of(member: zipfile.ZipInfo) -> str:
    """ "file", "link" or "other" (a device, a pipe), by the mode that Unix tools note."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    return {0: "file", stat.S_IFREG: "file", stat.S_IFLNK: "link"}.get(kind, "other")
