"""What an exercise's answer must not call, found in its syntax tree: in the notebook and when grading."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
import types
from collections.abc import Iterable, Mapping
from typing import Any


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain of names, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""


def imported(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for, in full: {"F": "torch.nn.functional", "sdpa": "torch.nn.functional.…"}."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def used(tree: ast.AST, imports: Mapping[str, str], forbid: Iterable[str]) -> list[str]:
    """The forbidden names that a tree mentions, in the words of `forbid`; imports inside the tree count too.

    `torch.Tensor.softmax` forbids the method on any object, `softmax` alone the name wherever it is imported from.
    """
    known = {**imports, **imported(tree)}
    mentioned, methods = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            methods.add(node.attr)
        name = dotted(node) if isinstance(node, ast.Name | ast.Attribute) else ""
        if name:
            head, dot, rest = name.partition(".")
            mentioned.add(known.get(head, head) + dot + rest)
    mentioned |= set(imported(tree).values())
    return [
        name
        for name in forbid
        if name in mentioned or name.startswith("torch.Tensor.") and name.rpartition(".")[2] in methods
    ]


def uses(function: Any, names: Mapping[str, Any], forbid: Iterable[str]) -> list[str]:
    """The same for a live function or class of a notebook and the notebook's own functions that it calls.

    names: the notebook's globals. A function whose source cannot be found is let pass: grading reads the cells instead.
    """
    found: list[str] = []
    targets = [(name, _find(name)) for name in forbid]
    imports = {name: full for name, value in names.items() if (full := _full_name(value))}
    imports |= {
        name: full
        for name, value in names.items()
        for full, target in targets
        if target is not None and value is target
    }
    waiting, seen = [function], set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen or getattr(current, "__module__", None) != names.get("__name__", "__main__"):
            continue
        seen.add(id(current))
        if isinstance(current, type):  # inspect does not find the source of a notebook's class, but that of its methods
            waiting += [*current.__bases__, *map(_unwrap, vars(current).values())]
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(current)))
        except (OSError, TypeError, SyntaxError):
            continue
        found += used(tree, imports, forbid)
        loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        waiting += [names[name] for name in sorted(loaded) if isinstance(names.get(name), types.FunctionType | type)]
    return list(dict.fromkeys(found))


def _unwrap(member: Any) -> Any:
    """The function behind a method, whatever decorates it."""
    return getattr(member, "__func__", None) or getattr(member, "fget", None) or member


def _find(name: str) -> Any:
    """The object behind a dotted name, if its module is loaded: a compiled function does not know where it lives."""
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, None)


def _full_name(value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, types.FunctionType | type) and value.__module__ not in ("__main__", builtins.__name__):
        return f"{value.__module__}.{value.__qualname__}"
    return ""
