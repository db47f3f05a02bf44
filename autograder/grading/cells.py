"""Read the bytes of a submitted notebook, of any format and age, into cells. Nothing is raised for them but Refused."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 100_000_000
MAX_CELLS = 5_000  # with something in them
MAX_PARTS = 5_000_000  # of its JSON: what takes a gigabyte of memory
MAX_CODE = 5_000_000  # characters
MAX_PICTURES, MAX_PICTURE = 20, 3_000_000  # of one cell; characters of base64
TOO_LARGE = f"the file is larger than {MAX_BYTES // 1_000_000} MB; clear the outputs and hand it in again"
DROPPED = frozenset({"outputs", "widgets"})  # never needed, and nearly all of a large file
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
AS_MARKDOWN = ("markdown", "heading", "html")
NOT_TEXT = {
    b"pk\x03\x04": "a zip, not a notebook (not UTF-8 text); unpack it and hand in the .ipynb file",
    b"%pdf": "a PDF, not a notebook; hand in the .ipynb file itself",
    b"\x1f\x8b": "a packed file, not a notebook (not UTF-8 text); unpack it and hand in the .ipynb file",
    b"<!doctype": "a web page, not a notebook (not JSON); hand in the .ipynb file itself",
    b"<html": "a web page, not a notebook (not JSON); hand in the .ipynb file itself",
}


class Refused(Exception):
    """Not gradable. Its text says why, in words that the student can act on."""


@dataclass(frozen=True)
class Submitted:
    """One cell. kind: code, markdown or raw. ids: every name by which it may be known, nbgrader's first."""

    kind: str
    source: str
    ids: tuple[str, ...]


def read(data: bytes) -> list[Submitted]:
    """The cells of a notebook of nbformat 3 or 4, its outputs dropped. Raises Refused, and nothing else."""
    if len(data) > MAX_BYTES:
        raise Refused(TOO_LARGE)
    start = data[:100].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start and not data.strip():
        raise Refused("the file is empty; hand it in again")
    for magic, words in NOT_TEXT.items():
        if start.lower().startswith(magic):
            raise Refused(words)
    if data.count(b"{") + data.count(b"[") > MAX_PARTS:
        raise Refused("not a notebook (of too many parts); clear the outputs and hand it in again")
    notebook = _json(_text(data), len(data))
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise Refused("not a notebook (it has no cells); hand in the .ipynb file itself")
    found = [_cell(cell) for cell in cells if isinstance(cell, dict)]
    written = sum(bool(cell.source.strip()) for cell in found)
    if written > MAX_CELLS:
        raise Refused(f"it has {written:,} cells, more than {MAX_CELLS:,}; hand in the course's notebook")
    if sum(len(cell.source) for cell in found if cell.kind == "code") > MAX_CODE:
        raise Refused(
            f"it holds more than {MAX_CODE // 10**6} MB of code; take pasted data out of it and hand it in again"
        )
    return found


def _text(data: bytes) -> str:
    """UTF-8, or UTF-16 as some editors save it; single damaged bytes cost themselves only."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
            raise Refused(
                f"not a notebook (not UTF-8 text at byte {error.start:,}); hand in the .ipynb file itself"
            ) from None
        return data.decode("utf-8-sig", errors="replace")


def _json(text: str, size: int) -> Any:
    try:
        # Numbers mean nothing here, and a long one is refused by Python with an error of its own.
        return json.loads(
            text, object_pairs_hook=_object, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing
        )
    except json.JSONDecodeError as error:
        begun = text.lstrip()[:1] == "{"
        cut = begun and error.pos >= len(error.doc.rstrip()) - 1 or "Unterminated" in error.msg
        why = f"truncated after {size:,} bytes" if cut else f"not JSON at line {error.lineno}"
        raise Refused(f"not a notebook ({why}); save the notebook and hand it in again") from None
    except (RecursionError, MemoryError):
        raise Refused("not a notebook (nested too deeply); save the notebook and hand it in again") from None


def _nothing(number: str) -> int:
    return 0


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key given twice the last counts, as for every reader of notebooks."""
    return {key: value for key, value in pairs if key not in DROPPED}


def _cell(cell: dict[str, Any]) -> Submitted:
    kind = cell.get("cell_type", "code")
    kind = "code" if kind == "code" else "markdown" if kind in AS_MARKDOWN else "raw"
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    source = clean(source) if isinstance(source, str) else ""
    metadata = _dict(cell.get("metadata"))
    marks = _dict(metadata.get("nbgrader"))
    ids = (marks.get("grade_id"), cell.get("id"), metadata.get("id"))
    if kind != "code":
        source = _with_pictures(source, _dict(cell.get("attachments")))
    return Submitted(kind, source, tuple(dict.fromkeys(clean(name) for name in ids if isinstance(name, str))))


def clean(text: str) -> str:
    """Text that any program can take: plain line ends, no halves of characters, no NUL."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _with_pictures(source: str, attachments: dict[str, Any]) -> str:
    """The text with its attached pictures inside it, as only text is taken from a cell."""
    for name, kinds in list(attachments.items())[:MAX_PICTURES]:
        for kind in PICTURES:
            data = _dict(kinds).get(kind)
            if isinstance(data, str) and len(data) <= MAX_PICTURE and re.fullmatch(r"[A-Za-z0-9+/=\s]+", data):
                inside = f"(data:{kind};base64,{''.join(data.split())})"
                source = source.replace(f"(attachment:{name})", inside, 1)
    return source


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
