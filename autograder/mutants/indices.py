"""Axes, indices, slices, shapes and the letters of einsum."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.mutants.scope import Changed, Operator, Scope, name_of, off_by_one, swapped


def subscripts(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """x[i] → x; x[:, None] → x[None, :]; x[:n] → x[n:], x[:n + 1], x[:]."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    if not ast.unparse(node.value).endswith(".shape"):  # the shape for a size only raises
        yield "index dropped", node.value
    items = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]

    def with_items(changed: list[ast.expr]) -> ast.Subscript:
        many = len(changed) > 1
        return ast.Subscript(node.value, ast.Tuple(changed, ast.Load()) if many else changed[0], ast.Load())

    for number, item in enumerate(items):
        for name, other in _index(item):
            yield name, with_items([*items[:number], other, *items[number + 1 :]])
    for first in range(len(items) - 1):
        yield "axes swapped", with_items(swapped(items, first))
    if len(items) > 2:
        yield "axes swapped", with_items([items[-1], *items[1:-1], items[0]])
    for number, item in enumerate(items):
        if len(items) > 1 and isinstance(item, ast.Constant) and item.value in (None, ...):
            yield "axis dropped", with_items([*items[:number], *items[number + 1 :]])


def _index(item: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(item, ast.Slice):
        if not isinstance(item, ast.Tuple | ast.List):
            yield from (("off by one", other) for other in off_by_one(item))
        return
    lower, upper, step = item.lower, item.upper, item.step
    if lower:
        yield "bound dropped", ast.Slice(None, upper, step)
        yield from (("off by one", ast.Slice(other, upper, step)) for other in off_by_one(lower))
    if upper:
        yield "bound dropped", ast.Slice(lower, None, step)
        yield from (("off by one", ast.Slice(lower, other, step)) for other in off_by_one(upper))
    if bool(lower) != bool(upper):
        yield "bound swapped", ast.Slice(upper, lower, step)
    if step:
        yield "bound dropped", ast.Slice(lower, upper, None)


def tuples(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """(a, b) → (b, a): axes of a shape, results, what is unpacked."""
    if isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        if isinstance(scope.parents[node], ast.Subscript) or any(isinstance(item, ast.Starred) for item in node.elts):
            return
        for first in range(len(node.elts) - 1):
            yield "order swapped", type(node)(swapped(node.elts, first), ast.Load())


def unpacking(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """B, T, D = x.shape → T, B, D = x.shape."""
    if not isinstance(node, ast.Assign) or isinstance(node.value, ast.Tuple):
        return
    names = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else []
    for first in range(len(names) - 1):
        if not any(isinstance(item, ast.Starred) for item in names[first : first + 2]):
            target = ast.Tuple(swapped(names, first), ast.Store())
            yield "order swapped", [ast.Assign([target], node.value, lineno=0)]


def einsum(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """einsum("nd,md->nm") → "nd,md->mn", and the letters of one operand in the other's order."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and "->" in node.value):
        return
    call = scope.parents[node]
    if isinstance(call, ast.Call) and name_of(call) == "einsum":
        head, _, tail = node.value.rpartition("->")
        parts = [*head.split(","), tail.strip()]
        for number, part in enumerate(parts):
            letters = part.strip()
            for first in range(len(letters) - 1):
                if letters[first].isalpha() and letters[first + 1].isalpha():
                    turned = letters[:first] + letters[first + 1] + letters[first] + letters[first + 2 :]
                    changed = [*parts[:number], turned, *parts[number + 1 :]]
                    yield "axes swapped", ast.Constant(",".join(changed[:-1]) + "->" + changed[-1])


OPERATORS: tuple[Operator, ...] = (subscripts, tuples, unpacking, einsum)
