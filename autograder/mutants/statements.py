"""Statements deleted, branches always or never taken, blocks taken out of their `with`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.mutants.scope import Changed, Operator, Scope, arguments


def delete(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """A statement forgotten. Not a return, and no name's first binding: without those it can only raise."""
    told = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    other = isinstance(node, ast.AugAssign | ast.Delete | ast.Raise | ast.Assert)
    if told or other or isinstance(node, ast.Assign) and _bound_before(node, scope):
        yield "statement deleted", [ast.Pass()]


def _bound_before(node: ast.Assign, scope: Scope) -> bool:
    function = scope.function(node)
    stored = [n for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    if any(isinstance(target, ast.Subscript) for target in node.targets):
        return True
    if not function or not stored or any(isinstance(target, ast.Attribute) for target in node.targets):
        return False
    before = {argument.arg for argument in arguments(function)}
    for child in ast.walk(function):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store) and child.lineno < node.lineno:
            before.add(child.id)
    return all(isinstance(name.ctx, ast.Load) or name.id in before for name in stored)


def branches(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """An `if` always taken, and never; a comprehension that leaves nothing out."""
    if isinstance(node, ast.If):
        yield "always", node.body
        yield "never", node.orelse or [ast.Pass()]
    elif isinstance(node, ast.IfExp):
        yield "always", node.body
        yield "never", node.orelse
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        for number, loop in enumerate(node.generators):
            if loop.ifs:
                without = ast.comprehension(loop.target, loop.iter, [], loop.is_async)
                loops = [*node.generators[:number], without, *node.generators[number + 1 :]]
                yield "always", type(node)(node.elt, loops)


def blocks(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """`with torch.no_grad():` and other blocks taken out of their `with`."""
    if isinstance(node, ast.With) and not any(item.optional_vars for item in node.items):
        yield "with dropped", node.body


def augmented(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """x += y → x -= y, and → x = y."""
    if isinstance(node, ast.AugAssign):
        other = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}.get(type(node.op))
        if other:
            yield "operator", [ast.AugAssign(node.target, other(), node.value)]
        yield "operator", [ast.Assign([node.target], node.value, lineno=0)]


OPERATORS: tuple[Operator, ...] = (delete, branches, blocks, augmented)
