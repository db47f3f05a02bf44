"""Calls and their arguments, names for one another, defaults for arguments."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from autograder.forbidden import dotted
from autograder.mutants.scope import (
    Changed,
    Operator,
    Scope,
    arguments,
    expression,
    is_constant,
    is_library,
    is_method,
    name_of,
    off_by_one,
    swapped,
    with_args,
)

# Dropping or swapping these changes nothing, or only ever raises.
MAKERS = ("ones", "zeros", "full", "empty", "eye", "arange", "linspace", "tensor", "array", "rand", "randn", "randint",
          "Generator", "Linear", "Parameter", "Embedding", "ModuleList", "Sequential", "range", "outer",
          "einsum")  # fmt: skip
KEPT = ("contiguous", "size", "dim", "numel", "append", "extend", "items", "keys", "values", "register_buffer",
        "where")  # fmt: skip
BARE = ("abs", "float", "int", "list", "sorted", "reversed", "round", "sum", "max", "min", "tuple", "set")
SYMMETRIC = ("transpose", "swapaxes", "swapdims", "maximum", "minimum", "max", "min", "isclose", "allclose", "dot",
             "gcd", "logaddexp", "add", "mul", "multiply", "getattr", "isinstance", "register_buffer")  # fmt: skip
SIZED = ("range", "arange", "ones", "zeros", "full", "eye", "empty", "linspace")
MORE = {  # what may be forgotten or put in too much
    "tril": ("1", "-1"), "triu": ("1", "-1"), "var": ("unbiased=False", "ddof=1"), "std": ("unbiased=False", "ddof=1"),
}  # fmt: skip
PAIRS = (
    "max min", "amax amin", "argmax argmin", "maximum minimum", "cummax cummin", "ones zeros", "ones_like zeros_like",
    "tril triu", "sum mean", "cumsum cumprod", "cos sin", "exp expm1", "log log1p", "log2 log", "sqrt square",
    "rsqrt sqrt", "softmax log_softmax", "sigmoid tanh", "relu gelu", "silu gelu", "all any", "floor ceil", "stack cat",
    "stack concatenate", "repeat_interleave repeat", "float long", "int8 int16", "randn rand", "var std", "norm sum",
    "hstack vstack", "ones_ zeros_", "clamp_min clamp_max", "logical_and logical_or", "eq ne", "lt le", "gt ge",
    "argsort sort", "add sub", "mul div", "unsqueeze squeeze", "softplus relu",
)  # fmt: skip
COUNTERPARTS: dict[str, str] = {}
for _pair in PAIRS:
    _one, _other = _pair.split()
    COUNTERPARTS.setdefault(_one, _other)
    COUNTERPARTS.setdefault(_other, _one)
WORDS = {"mean": "sum", "sum": "mean", "left": "right", "right": "left", "ij": "xy", "xy": "ij"}
DTYPES = {"bool": "float32", "int64": "float32", "long": "float32"}


def drop_call(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """x.f(…) → x, torch.f(x, …) → x, x.T → x: the transpose, the mask, the softmax, the root forgotten."""
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT", "H", "mH") and isinstance(node.ctx, ast.Load):
        yield "call dropped", node.value
    if not isinstance(node, ast.Call) or isinstance(scope.parents[node], ast.Expr) or name_of(node) in KEPT:
        return
    if isinstance(node.func, ast.Attribute) and is_method(node):
        if ast.unparse(node.func.value) not in ("self", "super()"):
            yield "call dropped", node.func.value
    elif node.args and not isinstance(node.args[0], ast.Starred | ast.Constant):
        known = name_of(node) not in MAKERS if isinstance(node.func, ast.Attribute) else name_of(node) in BARE
        if known:
            yield "call dropped", node.args[0]


def drop_argument(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """Each keyword argument, and the last positional one, left to its default."""
    if not isinstance(node, ast.Call):
        return
    for dropped in node.keywords:
        yield "argument dropped", ast.Call(node.func, node.args, [k for k in node.keywords if k is not dropped])
    if node.args and (len(node.args) > 1 or is_method(node)) and not (is_method(node) and name_of(node) in KEPT):
        yield "argument dropped", with_args(node, node.args[:-1])


def swap_arguments(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """f(a, b) → f(b, a), neighbours only; also of two keyword arguments' values."""
    if isinstance(node, ast.Call) and name_of(node) not in SYMMETRIC:
        for first in range(len(node.args) - 1):
            if not any(isinstance(arg, ast.Starred) for arg in node.args[first : first + 2]):
                yield "arguments swapped", with_args(node, swapped(node.args, first))


def add_argument(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """A diagonal beside the main one; the other way to count degrees of freedom."""
    if isinstance(node, ast.Call):
        named = {keyword.arg for keyword in node.keywords}
        for text in MORE.get(name_of(node), ()):
            more = expression(f"f({text})")
            assert isinstance(more, ast.Call)
            if more.args and len(node.args) < (1 if is_method(node) else 2) and "diagonal" not in named:
                yield "argument added", with_args(node, [*node.args, *more.args])
            if more.keywords and not named & {"unbiased", "correction", "ddof"}:
                yield "argument added", ast.Call(node.func, node.args, [*node.keywords, *more.keywords])


def sizes(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """range(n), arange(n), ones(n): one more, one less, from one on."""
    if not (isinstance(node, ast.Call) and name_of(node) in SIZED):
        return
    for number, argument in enumerate(node.args):
        for other in off_by_one(argument):
            yield "off by one", with_args(node, [*node.args[:number], other, *node.args[number + 1 :]])
    if name_of(node) in ("range", "arange") and len(node.args) == 1:
        yield "off by one", with_args(node, [ast.Constant(1), *node.args])


def counterparts(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """max for min, zeros for ones, triu for tril, mean for sum; another dtype; another reduction."""
    parent = scope.parents.get(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    if isinstance(node, ast.Attribute) and called and node.attr in COUNTERPARTS:
        other = COUNTERPARTS[node.attr]
        if dotted(node.value) != "math" or hasattr(math, other):
            yield "counterpart", ast.Attribute(node.value, other, node.ctx)
    elif isinstance(node, ast.Name) and called and node.id in ("max", "min", "all", "any"):
        yield "counterpart", ast.Name(COUNTERPARTS[node.id], node.ctx)
    elif isinstance(node, ast.Attribute) and node.attr in DTYPES and is_library(node.value) and not called:
        yield "dtype", ast.Attribute(node.value, DTYPES[node.attr], node.ctx)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in WORDS:
        yield "counterpart", ast.Constant(WORDS[node.value])


def defaults(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """A parameter that has a default: the default, whatever was asked for."""
    function = scope.function(node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and function:
        given = function.args.args[len(function.args.args) - len(function.args.defaults) :]
        pairs = [*zip(given, function.args.defaults, strict=True)]
        pairs += [(a, d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d]
        for argument, default in pairs:
            if argument.arg == node.id and is_constant(default):
                yield "default", default


def other_names(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """A parameter for the next one of the same type; a local name for the next one."""
    function = scope.function(node)
    if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and function):
        return
    parent = scope.parents[node]
    if isinstance(parent, ast.Call) and parent.func is node:
        return
    kinds = {a.arg: ast.unparse(a.annotation) if a.annotation else "" for a in arguments(function) if a.arg != "self"}
    if node.id in kinds:
        names = [name for name, kind in kinds.items() if kind == kinds[node.id]]
    elif isinstance(parent, ast.Attribute):
        return
    else:
        names = []
        for child in ast.walk(function):
            if not isinstance(child, ast.Name) or isinstance(child.ctx, ast.Load) or child.lineno >= node.lineno:
                continue
            if child.id not in (*kinds, *names):
                names.append(child.id)
    if node.id in names and len(names) > 1:
        yield "other name", ast.Name(names[(names.index(node.id) + 1) % len(names)], ast.Load())


OPERATORS: tuple[Operator, ...] = (
    drop_call, drop_argument, swap_arguments, add_argument, sizes, counterparts, defaults, other_names,
)  # fmt: skip
