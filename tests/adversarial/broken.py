"""Files that are damaged, are something else, or were made to break their reader."""

from __future__ import annotations

import gzip
import json

from tests.adversarial.cases import Case, World, answers, code_cell, edited, raw, solved, to_bytes


def cut(world: World) -> bytes:
    whole = to_bytes(solved(world))
    return whole[: len(whole) * 2 // 3]


def _strange_cells(notebook: dict) -> None:
    notebook["cells"][0:0] = [
        None, 7, "text", [], {}, {"cell_type": 7}, {"cell_type": "code", "source": {"a": 1}}, {"cell_type": "code", "source": 3},
        {"cell_type": "code", "source": [1, None, {}]}, {"cell_type": "markdown", "source": None, "metadata": "x"},
        {"cell_type": "raw", "id": ["a"], "metadata": {"nbgrader": {"grade_id": {"a": 1}}}, "source": ""},
    ]  # fmt: skip


def _many_cells(notebook: dict) -> None:
    notebook["cells"] += [code_cell("") for _ in range(3_000)]


def _far_too_many_cells(notebook: dict) -> None:
    notebook["cells"] += [code_cell("") for _ in range(20_000)]


def _long_lists(notebook: dict) -> None:
    for cell in notebook["cells"]:
        cell["source"] = list(cell["source"])  # one character an item


UNPARSABLE = {
    "not Python": "def halve(x:\n    return",
    "parentheses without end": "def halve(x):\n    return " + "(" * 50_000,
    "nested too deeply to compile": "def halve(x):\n    return " + "-" * 100_000 + "x",
    "blocks nested too deeply": "def halve(x):\n" + "".join(" " * (n + 1) + "if x:\n" for n in range(200)),
    "a number of a hundred thousand digits": "def halve(x):\n    return x / " + "2" * 100_000,
}

CASES = [
    raw("an empty file", b"", "empty"),
    raw("white space", b" \r\n\t\n", "empty"),
    raw("a word", b"hello", "not JSON"),
    raw("a zip archive", b"PK\x03\x04\x14\x00\xff\xfe" + b"\x9c" * 400, "unpack it"),
    raw("a compressed notebook", gzip.compress(b"{}" * 100), "unpack it"),
    raw("UTF-16", '{"cells": []}'.encode("utf-16"), "hand in"),
    raw("a page that says Log in", b"<!DOCTYPE html><html><body>Log in</body></html>", "web page"),
    raw("a script", b"def halve(x):\n    return x / 2\n", "not JSON"),
    raw("a list", b"[]", "no cells"),
    raw("a number", b"3", "no cells"),
    raw("cells that are a number", b'{"cells": 3}', "no cells"),
    raw("no cells", json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}).encode(), "hand in"),
    raw("nested without end", b'{"cells":' * 100_000, "not a notebook"),
    raw("lists without end", b"[" * 5_000_000, "not a notebook"),
    raw("a merge conflict", b'<<<<<<< HEAD\n{"cells": []}\n=======\n{"cells": []}\n>>>>>>> theirs\n', "not JSON"),
    raw("a number of a million digits as the file", b"1" * 1_000_000, "not"),
    raw("more than 100 MB", b" " * 100_000_001 + b"{}", "MB"),
    Case("the first two thirds of a notebook", cut, "refused", says="truncated"),
    Case("another notebook", lambda world: to_bytes({"cells": [code_cell("x = 1"), code_cell("print(x)")]}), "refused", says="hand in"),
    edited("cells that are no cells, before the real ones", _strange_cells, outcome="graded"),
    edited("three thousand empty cells", _many_cells),
    edited("twenty thousand empty cells", _far_too_many_cells),
    edited("text in lists of single characters", _long_lists),
    *(answers(name, statuses={"halve": "failed"}, halve=source) for name, source in UNPARSABLE.items()),
    answers("attributes without end", statuses={"halve": "died"}, halve="def halve(x):\n    return x" + ".a" * 50_000),
    answers("a null character", halve="def halve(x):\n    return '\0' and x / 2"),
    answers("half a surrogate pair", halve="def halve(x):\n    return '\ud800' and x / 2"),
    answers("an empty answer", statuses={"halve": "failed"}, halve=""),
    answers("only a comment", statuses={"halve": "failed"}, halve="# I do not know"),
]  # fmt: skip
