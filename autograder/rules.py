"""What the build refuses in a source, with file and line, before anything is written."""

from __future__ import annotations

from pathlib import Path

from autograder.grammar import BEGIN_HIDDEN, END_HIDDEN, GrammarError, Scope, Split, split
from autograder.source import (
    BEGIN_SOLUTION,
    END_SOLUTION,
    Cell,
    SourceError,
    bound,
    read_cells,
    reads,
    scope_of,
    tree_of,
)

HINTS = 3


def checked_cells(path: Path) -> list[Cell]:
    """The cells of a source that keeps every rule. Raises SourceError for the first that does not."""
    cells = read_cells(path)
    _refuse_duplicates(path, cells)
    for position, cell in enumerate(cells):
        _refuse_markers(path, cell)
        if cell.kind == "exercise":
            _refuse_exercise(path, cells, position)
        elif cell.kind == "check":
            _refuse_check(path, cells, position)
        elif cell.kind == "demo" and not cell.meta["alt"].strip():
            raise SourceError(path, cell.line, 'a demo without alt text: say what the picture shows, alt="…"')
        elif cell.kind == "essay" and (position == 0 or cells[position - 1].kind != "text"):
            raise SourceError(
                path, cell.line, "an essay's question stands in the markdown cell above it; there is none"
            )
    _refuse_demo_names(path, cells)
    split_checks(path, cells)
    return cells


def split_checks(path: Path, cells: list[Cell]) -> dict[str, Split]:
    """Every check's split, by grade id. Raises SourceError where a check is outside the grammar."""
    demo = scope_of(path, cells).demo
    splits = {}
    for position, cell in enumerate(cells):
        if cell.kind == "check":
            before = scope_of(path, cells[:position])
            try:
                splits[cell.grade_id] = split(cell.source, Scope(before.student, before.given, demo))
            except GrammarError as error:
                raise SourceError(path, cell.line + error.line - 1, error.rule) from None
    return splits


def _refuse_duplicates(path: Path, cells: list[Cell]) -> None:
    lines: dict[tuple[str, str], int] = {}
    for cell in cells:
        if cell.kind in ("exercise", "check", "essay", "demo"):
            if (cell.kind, cell.name) in lines:
                raise SourceError(
                    path,
                    cell.line,
                    f"a second {cell.kind} named {cell.name!r}; the first is at line {lines[cell.kind, cell.name]}",
                )
            lines[cell.kind, cell.name] = cell.line


def _refuse_markers(path: Path, cell: Cell) -> None:
    """Solution markers pair up inside exercises, hidden ones inside checks, and stand nowhere else."""
    for begin, end, kind in ((BEGIN_SOLUTION, END_SOLUTION, "exercise"), (BEGIN_HIDDEN, END_HIDDEN, "check")):
        found = [
            (number, begin if begin in line else end)
            for number, line in enumerate(cell.source.splitlines())
            if begin in line or end in line
        ]
        for place, (number, marker) in enumerate(found):
            if cell.kind != kind:
                raise SourceError(
                    path,
                    cell.line + number,
                    f"`{marker}` outside {'an exercise' if kind == 'exercise' else 'a check'} cell would be released",
                )
            if marker != (begin, end)[place % 2]:
                raise SourceError(path, cell.line + number, f"`{marker}` without its pair")
        if len(found) % 2:
            raise SourceError(path, cell.line + found[-1][0], f"`{begin}` without its pair")


def _refuse_exercise(path: Path, cells: list[Cell], position: int) -> None:
    cell = cells[position]
    if BEGIN_SOLUTION not in cell.source:
        raise SourceError(
            path,
            cell.line,
            f"exercise {cell.name} has no `{BEGIN_SOLUTION}`: nothing would be left for students to write",
        )
    if cell.name not in bound(tree_of(path, cell)):
        raise SourceError(path, cell.line, f"exercise {cell.name} does not define {cell.name}")
    if not any(c.kind == "check" and c.exercise == cell.name for c in cells[position:]):
        raise SourceError(path, cell.line, f"exercise {cell.name} has no check after it")
    statement = cells[position - 1].source if position and cells[position - 1].kind == "text" else ""
    hints = statement.count("<details>")
    if hints != HINTS:
        raise SourceError(
            path,
            cell.line,
            f"exercise {cell.name} has {hints} hints in the markdown cell above it, expected {HINTS}: "
            "<details><summary>Hint 1</summary>…</details>",
        )


def _refuse_check(path: Path, cells: list[Cell], position: int) -> None:
    cell = cells[position]
    title = cell.name.partition(":")[2].strip()
    if not title:
        raise SourceError(
            path,
            cell.line,
            f'check {cell.name!r}: name the exercise and one property, check="softmax: rows sum to one"',
        )
    if not any(c.kind == "exercise" and c.name == cell.exercise for c in cells[:position]):
        raise SourceError(
            path, cell.line, f"check {cell.name!r} is for {cell.exercise!r}, but no exercise before it has that name"
        )


def _refuse_demo_names(path: Path, cells: list[Cell]) -> None:
    """Given and exercise cells run when grading, demo cells do not."""
    demo = scope_of(path, cells).demo
    for cell in cells:
        if cell.kind in ("given", "exercise"):
            tree = tree_of(path, cell)
            for name in sorted((reads(tree) & demo) - bound(tree)):
                raise SourceError(
                    path, cell.line, f"{name} is bound only in a demo cell, which is skipped when grading"
                )
