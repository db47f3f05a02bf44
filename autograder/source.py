"""The source of a notebook: a Python file in jupytext's percent format, read into marked cells.

# %% exercise="causal_mask" minutes=5 level=1        forbid="torch.triu" where an answer must not call something
# %% check="causal_mask: nothing later" points=1
# %% [markdown] essay="why-scale" points=3
# %% demo="heads" alt="what the picture shows"
# %% tags=["export"]                                 given code that also goes to internals/
"""

from __future__ import annotations

import ast
import hashlib
import re
import symtable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import CourseError
from autograder.forbidden import imported
from autograder.grammar import Scope

KEYS: dict[str, dict[str, type]] = {
    "exercise": {"exercise": str, "minutes": int, "level": int, "forbid": str},
    "check": {"check": str, "points": int},
    "essay": {"essay": str, "points": int},
    "demo": {"demo": str, "alt": str},
    "given": {"tags": list},
}
LAYOUT = ("lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker")  # jupytext's own, dropped
OPTIONAL = {"forbid", "tags"}
EXCUSES = ("equivalent", "survivor")  # cells of an answers file that may be empty
MARKER = re.compile(r"^# %%(.*)$")
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"


class SourceError(CourseError):
    """A source file that cannot be built: file, line, what is wrong, what to do."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")


@dataclass(frozen=True)
class Cell:
    """One cell. kind: text, given, exercise, check, essay or demo. line: of its first source line in the file.

    name: the exercise's name, the check's title, the essay's or demo's slug, "" for text and given cells.
    """

    kind: str
    name: str
    source: str
    line: int
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def grade_id(self) -> str:
        """The id in nbgrader's metadata and in the notebook: words of the name, at most 64 characters."""
        if self.kind in ("text", "given"):
            return f"{self.kind}-{hashlib.sha256(self.source.encode()).hexdigest()[:12]}"
        prefix = "" if self.kind in ("exercise", "check") else f"{self.kind}-"
        return slug(prefix + self.name)

    @property
    def exercise(self) -> str:
        """The exercise that a check belongs to."""
        return self.name.partition(":")[0].strip()

    @property
    def forbid(self) -> tuple[str, ...]:
        """What an answer must not call."""
        return tuple(name.strip() for name in self.meta.get("forbid", "").split(",") if name.strip())


def slug(name: str) -> str:
    """Letters, digits, `_` and `-` only, at most 64 characters; what is cut is stood for by a hash."""
    text = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")
    return text if len(text) <= 64 else f"{text[:55].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def read_cells(path: Path) -> list[Cell]:
    """The cells of a source or an answers file's syntax. Raises SourceError, with the line."""
    import jupytext

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    lines = text.splitlines()
    markers = [
        (number, match.group(1).strip()) for number, line in enumerate(lines, start=1) if (match := MARKER.match(line))
    ]
    first = markers[0][0] if markers else len(lines) + 1
    if any(line.strip() for line in lines[: first - 1]):
        raise SourceError(path, 1, "text before the first `# %%`: begin the file with a cell")
    for number, words in markers:
        if not re.fullmatch(r"(\[markdown\])?\s*(\w+=.*)?", words):
            raise SourceError(
                path, number, f'bare words after `# %%`: {words!r}; write keys, exercise="name" minutes=5 level=1'
            )
    parsed = jupytext.reads(text, fmt="py:percent").cells
    if len(parsed) != len(markers):
        raise SourceError(path, first, f"{len(markers)} markers but {len(parsed)} cells: is a `# %%` inside a string?")
    cells = []
    for (number, _), cell in zip(markers, parsed, strict=True):
        if cell.source.strip() or any(kind in cell.metadata for kind in EXCUSES):
            cells.append(
                _cell(
                    path,
                    number,
                    cell.cell_type,
                    cell.source,
                    {key: value for key, value in cell.metadata.items() if key not in LAYOUT},
                )
            )
    return cells


def _cell(path: Path, line: int, cell_type: str, source: str, meta: dict[str, Any]) -> Cell:
    kind = next((k for k in ("wrong", "right", *EXCUSES, "exercise", "check", "essay", "demo") if k in meta), "")
    if kind in ("wrong", "right", *EXCUSES):
        return Cell(kind, str(meta[kind]), source, line + 1, meta)
    if not kind:
        kind = "text" if cell_type == "markdown" else "given"
    allowed = KEYS.get(kind, {})
    for key, value in meta.items():
        if key not in allowed:
            raise SourceError(path, line, f"unknown key {key}; a {kind} cell takes {', '.join(allowed) or 'none'}")
        if type(value) is not allowed[key]:
            raise SourceError(path, line, f"{key}={value!r}: expected {allowed[key].__name__}")
    for key in allowed:
        if key not in meta and key not in OPTIONAL:
            raise SourceError(path, line, f"{kind} cell without {key}=")
    if (cell_type == "markdown") != (kind in ("text", "essay")):
        raise SourceError(path, line, f"a {kind} cell must {'' if kind == 'essay' else 'not '}be [markdown]")
    if kind in ("check", "essay") and meta["points"] < 1:
        raise SourceError(path, line, "points must be at least 1")
    return Cell(kind, meta.get(kind, ""), source, line + 1, meta)


def tree_of(path: Path, cell: Cell) -> ast.Module:
    """A code cell's syntax tree, IPython's magics and shell lines blanked. Raises SourceError with the file's line."""
    text = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in cell.source.splitlines())
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise SourceError(path, cell.line + (error.lineno or 1) - 1, f"not Python: {error.msg}") from None


def bound(tree: ast.Module) -> set[str]:
    """The names that a cell binds at its top level, in loops and with blocks too."""
    names = set(imported(ast.Module([s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom)], [])))
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= set(imported(node))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        waiting += ast.iter_child_nodes(node)
    return names


def reads(tree: ast.Module) -> set[str]:
    """The names of the notebook that a cell reads, in function bodies too, less what is local there."""

    def of(table: symtable.SymbolTable) -> set[str]:
        top = table.get_type() == "module"
        own = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
        return own.union(*(of(child) for child in table.get_children()))

    return of(symtable.symtable(ast.unparse(tree), "cell", "exec"))


def scope_of(path: Path, cells: list[Cell]) -> Scope:
    """The names that check cells may use, by where they come from."""
    student: set[str] = set()
    given: set[str] = set()
    demo: set[str] = set()
    for cell in cells:
        if cell.kind == "exercise":
            student |= bound(tree_of(path, cell))
        elif cell.kind == "given":
            for statement in tree_of(path, cell).body:
                alone = ast.Module([statement], [])
                if reads(alone) & student:
                    student |= bound(alone)
                else:
                    given |= bound(alone)
        elif cell.kind == "demo":
            demo |= bound(tree_of(path, cell))
    return Scope(frozenset(student), frozenset(given - student), frozenset(demo - given - student))
