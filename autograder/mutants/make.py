"""The mutants of one exercise, from the source of its cell: in a fixed order, all different, under stable ids.

Only what a student writes is changed, the lines between the solution's markers, without annotations and f-strings.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import hashlib
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.mutants import arithmetic, calls, indices, statements
from autograder.mutants.library import library_mutants
from autograder.mutants.normal import normal
from autograder.mutants.scope import Scope
from autograder.source import BEGIN_SOLUTION, END_SOLUTION

OPERATORS = (*arithmetic.OPERATORS, *calls.OPERATORS, *indices.OPERATORS, *statements.OPERATORS)


@dataclass(frozen=True)
class Mutant:
    """A reference solution with one change.

    id: eight hexadecimal digits of the exercise, the operator and the changed text: it stays as it is while other
    exercises, and other lines of this one, are edited. line: of the change, from 1 within the cell. before, after: the
    changed lines, stripped.
    """

    id: str
    exercise: str
    operator: str
    line: int
    before: str
    after: str
    source: str


def make_mutants(exercise: str, source: str, gradients: bool = False) -> list[Mutant]:
    """Every mutant of an exercise cell's source, by line. gradients: whether its checks look at gradients.

    Raises CourseError where the mutation library is missing, SyntaxError where the source is not Python.
    """
    seen = {normal(ast.parse(source))}
    counts: Counter[str] = Counter()
    mutants = []
    for operator, changed in _changes(source, gradients):
        try:
            form = normal(ast.parse(changed))
        except SyntaxError:
            continue
        if form in seen:
            continue
        seen.add(form)
        line, before, after = _difference(source, changed)
        key = "\0".join((exercise, operator, before, after))
        counts[key] += 1
        digest = hashlib.sha256(f"{key}\0{counts[key]}".encode()).hexdigest()[:8]
        mutants.append(Mutant(digest, exercise, operator, line, before, after, changed))
    return sorted(mutants, key=lambda m: m.line)


def _changes(source: str, gradients: bool) -> Iterator[tuple[str, str]]:
    """Operator and changed source, not all of it Python, some of it the same twice."""
    text = _Text(source)
    scope = Scope(ast.parse(source), gradients)
    nodes = [node for node in _preorder(scope.tree, scope) if hasattr(node, "lineno") and text.solved(node.lineno)]
    outside = [text.span(node) for node in ast.walk(scope.tree) if _is_left_alone(node, scope)]

    def wanted(line: int, column: int) -> bool:
        place = text.starts[line - 1] + column
        return text.solved(line) and not any(begin <= place < end for begin, end in outside)

    yield from library_mutants(source, wanted)
    for node in nodes:
        for operator in OPERATORS:
            for name, other in operator(node, scope):
                yield name, text.replaced(node, other)


def _preorder(node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """Nodes in the order of the text, each before its parts, without what is left alone."""
    for child in ast.iter_child_nodes(node):
        if not _is_left_alone(child, scope):
            yield child
            yield from _preorder(child, scope)


def _is_left_alone(node: ast.AST, scope: Scope) -> bool:
    """Annotations, decorators, f-strings and docstrings."""
    parent = scope.parents.get(node)
    if isinstance(node, ast.JoinedStr) or isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    annotations = (getattr(parent, "annotation", None), getattr(parent, "returns", None))
    return node in annotations or node in getattr(parent, "decorator_list", ())


class _Text:
    """The source as text, for replacing the text of single nodes."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.splitlines(keepends=True)
        self.starts = [sum(map(len, self.lines[:number])) for number in range(len(self.lines) + 1)]
        marks = [line.strip() for line in self.lines]
        self._solved = set()
        within = False
        for number, mark in enumerate(marks, start=1):
            within = (within or mark == BEGIN_SOLUTION) and mark != END_SOLUTION
            if within:
                self._solved.add(number)

    def solved(self, line: int) -> bool:
        """Whether a line is one that students write."""
        return line in self._solved

    def _offset(self, line: int, column: int) -> int:
        """The place in the text; columns of syntax trees count bytes."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node begins and ends in the text."""
        begin = self._offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]
        return begin, self._offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def replaced(self, node: ast.AST, other: ast.AST | list[ast.stmt]) -> str:
        """The source with another expression, or other statements, in a node's place; in parentheses where needed."""
        begin, end = self.span(node)
        head, tail = self.source[:begin], self.source[end:]
        if isinstance(other, list):
            indent = " " * node.col_offset  # type: ignore[attr-defined]
            return head + textwrap.indent(self._statements(other), indent).lstrip() + tail
        text = self._expression(other)
        if head.endswith("(") and tail.startswith(")"):  # no parentheses where they were needed only for what was there
            with contextlib.suppress(SyntaxError):
                if _same(head[:-1] + text + tail[1:], head + text + tail):
                    return head[:-1] + text + tail[1:]
        safe = f"{head}({text}){tail}"
        try:
            return head + text + tail if _same(head + text + tail, safe) else safe
        except SyntaxError:
            return safe

    def _expression(self, node: ast.AST) -> str:
        """The node as it stands in the source, or as Python writes it."""
        if getattr(node, "end_lineno", None):
            begin, end = self.span(node)
            return self.source[begin:end]
        return ast.unparse(node)

    def _statements(self, body: list[ast.stmt]) -> str:
        if all(getattr(statement, "end_lineno", None) for statement in body):
            begin, end = self.span(body[0])[0], self.span(body[-1])[1]
            return textwrap.dedent(" " * body[0].col_offset + self.source[begin:end])
        return "\n".join(map(ast.unparse, body))


def _same(one: str, other: str) -> bool:
    return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


def _difference(source: str, changed: str) -> tuple[int, str, str]:
    """The first changed line, and the changed lines before and after, stripped."""
    old, new = source.splitlines(), changed.splitlines()
    blocks = [b for b in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if b[0] != "equal"]
    first, last = blocks[0], blocks[-1]
    before, after = old[first[1] : last[2]], new[first[3] : last[4]]
    return first[1] + 1, _stripped(before), _stripped(after)


def _stripped(lines: list[str]) -> str:
    return "\n".join(line.strip() for line in lines)
