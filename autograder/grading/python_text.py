"""What a cell of Python text defines and needs, read without running it. Nothing here raises for any text."""

from __future__ import annotations

import ast
import functools
import re
import textwrap
import warnings

from autograder.source import bound, reads

MAX_PARSED = 100_000  # characters; what is longer is judged by its text
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError, AttributeError, TypeError)
MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
RUNS_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun")
DEFINITION = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def squeeze(text: str) -> str:
    """The text with every run of white space as one blank."""
    return " ".join(text.split())


@functools.lru_cache(maxsize=16)  # trees are large
def parse(source: str) -> ast.Module | None:
    """Its syntax tree, magics and shell lines put aside; None where it is not Python."""
    if len(source) > MAX_PARSED or is_foreign(source):
        return None
    for text in (source, textwrap.dedent(source), MAGIC.sub(r"\1pass", source)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
        except UNPARSABLE:
            continue
    return None


def is_foreign(source: str) -> bool:
    """Does a cell magic hand its text to something else than this Python?"""
    first = source.lstrip().partition("\n")[0].split()
    return bool(first) and first[0].startswith("%%") and first[0] not in RUNS_PYTHON


@functools.cache
def definitions(source: str) -> frozenset[str]:
    """The names that a cell binds at its top level; what cannot be parsed is searched for `def` and `class`."""
    tree = parse(source)
    if tree is None:
        return frozenset() if is_foreign(source) else frozenset(DEFINITION.findall(source))
    try:
        return frozenset(bound(tree))
    except UNPARSABLE:
        return frozenset(DEFINITION.findall(source))


def forget() -> None:
    """Empty the caches: what one submission fills them with is of no use to the next."""
    for cached in (parse, definitions, needs, _plain):
        cached.cache_clear()


def defines(source: str, name: str) -> bool:
    """Does a cell bind this name at its top level?"""
    return name in source and name in definitions(source)


@functools.cache
def needs(source: str) -> frozenset[str]:
    """The names that a cell reads, in its functions too; none where it cannot be parsed."""
    tree = parse(source)
    try:
        return frozenset(reads(tree)) if tree else frozenset()
    except UNPARSABLE:
        return frozenset()


def statements(source: str) -> list[str]:
    """The lines of each top-level statement, decorators with it; none where it cannot be parsed."""
    tree, lines = parse(source), source.split("\n")
    spans: dict[tuple[int, int | None], None] = {}
    for node in tree.body if tree else ():
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        spans[start - 1, node.end_lineno] = None  # once, where several stand on a line
    return [textwrap.dedent("\n".join(lines[start:end])) for start, end in spans]


def without(source: str, names: frozenset[str]) -> str:
    """The cell less the functions and classes of these names."""
    tree, lines = parse(source), source.split("\n")
    for node in reversed(tree.body if tree else []):
        if isinstance(node, Defined) and node.name in names:
            start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            del lines[start - 1 : node.end_lineno]
    return "\n".join(lines)


def same_code(one: str, other: str) -> bool:
    """Do they differ in layout and comments at most?"""
    if squeeze(one) == squeeze(other):
        return True
    try:
        return _plain(one) == _plain(other) != ""
    except UNPARSABLE:
        return False


@functools.cache
def _plain(source: str) -> str:
    """A cell's tree as text, blanks inside its strings squeezed: an editor may strip a docstring's. "": no Python."""
    tree = parse(source)
    return squeeze(ast.dump(tree)) if tree else ""


def renamed_from(source: str, stub: str, name: str, taken: frozenset[str]) -> str:
    """The one function or class of a cell that can only be `name` under another name; "" where none or several can.

    taken: names of exercises. What the stub defines beside `name` keeps its own name too.
    """
    wanted = next((n for n in _defined(stub) if n.name == name), None)
    found = [n for n in _defined(source) if n.name not in taken | {n.name for n in _defined(stub)}]
    if wanted is None:
        return ""
    found = [n for n in found if isinstance(n, ast.ClassDef) == isinstance(wanted, ast.ClassDef)]
    alike = [n for n in found if _arguments(n) == _arguments(wanted)]
    fitting = found if len(found) == 1 else alike
    return fitting[0].name if len(fitting) == 1 else ""


def _defined(source: str) -> list[Defined]:
    tree = parse(source)
    return [node for node in tree.body if isinstance(node, Defined)] if tree else []


def _arguments(node: Defined) -> list[str]:
    if isinstance(node, ast.ClassDef):
        return sorted(n.name for n in node.body if isinstance(n, Defined))
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def continues(first: str, second: str) -> bool:
    """Are these the two halves of one cell, cut inside a function or a class?"""
    if parse(first + "\n" + second) is None or is_foreign(second):
        return False
    head = parse(first)
    line = next((line for line in second.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    if not line[:1].isspace():
        return head is None and parse(second) is None
    if head is None:
        return True
    last = head.body[-1] if head.body else None
    if isinstance(last, ast.ClassDef):
        return True
    return isinstance(last, Defined) and not any(isinstance(node, ast.Return | ast.Raise) for node in ast.walk(last))
