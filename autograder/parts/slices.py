"""The statements of a notebook that a name rests on: its definition, what that reads, what this reads in turn.

What is tried in a process of its own and what is then defined in the student's kernel is the same text, this slice.
Nothing here runs anything.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.grading.python_text import UNPARSABLE, definitions, parse, statements
from autograder.source import bound


@dataclass(frozen=True)
class Statement:
    """One top-level statement. changes: the names whose objects it writes into, as `table[0] = 1` does."""

    source: str
    binds: frozenset[str]
    reads: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()


def read_statements(cells: Iterable[str]) -> list[Statement]:
    """The statements of code cells in order; a cell that is not Python is one, of the names that it seems to define."""
    found: list[Statement] = []
    for source in cells:
        if parse(source) is None:
            found.append(Statement(source, definitions(source)))
        else:
            found += [s for text in statements(source) if (s := _statement(text))]
    return found


def _statement(text: str) -> Statement | None:
    """None for a line that only IPython understands: it binds nothing."""
    try:
        tree = ast.parse(text)
        return Statement(text, frozenset(bound(tree)), names_read(text), frozenset(_changes(tree)))
    except UNPARSABLE:
        return None


def names_read(program: str) -> frozenset[str]:
    """The names of the notebook that a program reads, in functions too. Raises what the compiler does.

    A class body reads a name of its own from outside until it has bound it: `norm = norm`.
    """

    def of(table: symtable.SymbolTable) -> set[str]:
        open_ = table.get_type() != "function"
        own = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (open_ or s.is_global())}
        return own.union(*(of(child) for child in table.get_children()))

    return frozenset(of(symtable.symtable(program, "<cell>", "exec")))


def _changes(tree: ast.Module) -> Iterable[str]:
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            while isinstance(target, ast.Subscript | ast.Attribute):
                target = target.value
                if isinstance(target, ast.Name):
                    yield target.id


def cut(every: Sequence[Statement], names: Iterable[str]) -> list[Statement]:
    """The statements that these names rest on, in order."""
    wanted = set(names) | {"*"}
    imported = frozenset().union(*(s.binds for s in every if s.source.startswith(("import ", "from "))))
    chosen: set[int] = set()
    while True:
        more = {
            n
            for n, s in enumerate(every)
            if n not in chosen and (s.binds & wanted or (s.changes - imported) & wanted)
        }
        if not more:
            return [every[n] for n in sorted(chosen)]
        chosen |= more
        wanted = wanted.union(*(every[n].reads for n in more))


def text_of(chosen: Iterable[Statement]) -> str:
    """The statements as one program."""
    return "\n\n".join(s.source for s in chosen) + "\n"
