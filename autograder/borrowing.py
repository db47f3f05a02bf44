"""Which parts of earlier notebooks a notebook imports, from its source: what the build refuses, what grading lends.

    from autograder.parts.scaled_dot_product import causal_mask        in a given cell

In a student's notebook `autograder.parts` decides whose part that is; in `internals/` and when grading it is ours.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.course import Course, CourseError, Notebook
from autograder.source import Cell, SourceError, read_cells, tree_of

PARTS, LIBRARY = "autograder.parts", "internals"
WRITE = f"write `from {PARTS}.NOTEBOOK import name` in a given cell"
_IMPORT = re.compile(rf"^(\s*from\s+){re.escape(PARTS)}\.(\w+)(\s+import\b)", re.MULTILINE)


def borrowed(tree: ast.AST) -> Iterator[tuple[ast.ImportFrom, str]]:
    """Every `from autograder.parts.X import …` of a tree, with X."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith(PARTS + "."):
            yield node, (node.module or "").removeprefix(PARTS + ".")


def as_library(source: str) -> str:
    """The same code with each of these imports from `internals`."""
    return _IMPORT.sub(rf"\1{LIBRARY}.\2\3", source)


def library_name(module: str | None) -> str | None:
    """The module of `internals` that stands for one of `autograder.parts`; any other module's own name."""
    return LIBRARY + module.removeprefix(PARTS) if module and module.startswith(PARTS + ".") else module


def refuse_borrowing(course: Course, notebook: Notebook, cells: list[Cell]) -> None:
    """Raises SourceError for an import of parts in another form, of a later notebook, or of a name it does not have."""
    path, names = course.source(notebook), [n.name for n in course.notebooks]
    earlier = names[: names.index(notebook.name)]
    for cell in cells:
        if cell.kind not in ("given", "exercise", "demo"):
            continue
        tree = tree_of(path, cell)
        for node in ast.walk(tree):
            if _other_form(node):
                raise SourceError(path, cell.line + node.lineno - 1, WRITE)  # type: ignore[attr-defined]
        for node, name in borrowed(tree):
            line = cell.line + node.lineno - 1
            if cell.kind == "exercise":
                raise SourceError(path, line, f"an answer imports parts of {name}: {WRITE}")
            if name not in earlier:
                where = "does not come earlier in course.toml" if name in names else "is no notebook of course.toml"
                raise SourceError(path, line, f"{PARTS}.{name}: {name} {where}")
            there = exported(_cells(course.source(course.find(name))))
            for alias in node.names:
                if alias.name not in there:
                    raise SourceError(
                        path, line, f"{PARTS}.{name} has no {alias.name}; there are {', '.join(sorted(there))}"
                    )


def _other_form(node: ast.AST) -> bool:
    """An import of parts that says no names: of a whole notebook, or of everything in it."""
    if isinstance(node, ast.Import):
        return any(alias.name.startswith(PARTS + ".") for alias in node.names)
    if isinstance(node, ast.ImportFrom) and not node.level:
        return node.module == PARTS or (
            (node.module or "").startswith(PARTS + ".") and any(a.name == "*" for a in node.names)
        )
    return False


def exported(cells: Sequence[Cell]) -> set[str]:
    """The names that a notebook's exercise and export cells define: what later notebooks may import of it."""
    from autograder.library import listing

    return set(listing(cells))


def lent(course: Course, notebook: Notebook, cells: Sequence[Cell]) -> dict[str, str]:
    """The modules of `internals` that the notebook runs with, by name, as source: those it imports, and theirs in turn.

    Never the notebook's own nor a later one's. Raises CourseError where it would need one.
    """
    from autograder.library import library_module

    path, names = course.source(notebook), [n.name for n in course.notebooks]
    earlier = names[: names.index(notebook.name)]
    waiting = [name for cell in cells if cell.kind == "given" for _, name in borrowed(tree_of(path, cell))]
    sources: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in sources:
            continue
        if name not in earlier:
            raise CourseError(f"{path}: rests on {name}, which does not come earlier in course.toml")
        other = course.find(name)
        sources[name] = library_module(course.source(other), other, _cells(course.source(other)))
        waiting += [
            (node.module or "").removeprefix(LIBRARY + ".")
            for node in ast.walk(ast.parse(sources[name]))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(LIBRARY + ".")
        ]
    return dict(sorted(sources.items()))


def _cells(path: Path) -> list[Cell]:
    try:
        stamp = path.stat()
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from None
    return _read(path, stamp.st_mtime_ns, stamp.st_size)


@functools.lru_cache(maxsize=64)
def _read(path: Path, changed: int, size: int) -> list[Cell]:
    return read_cells(path)
