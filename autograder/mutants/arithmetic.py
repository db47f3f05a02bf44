"""Terms, factors, operands, signs, constants, results and gradients."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.forbidden import dotted
from autograder.mutants.library import LARGE
from autograder.mutants.scope import (
    LIBRARIES,
    Changed,
    Operator,
    Scope,
    is_constant,
    is_method,
    name_of,
    off_by_one,
)

ONE_SIDED = ast.Lt | ast.LtE | ast.Gt | ast.GtE
ORDERED = (ast.Sub, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv, ast.Mod)  # a op b is not b op a
SIGNED = ("exp", "exp2", "log", "sin", "tanh", "sigmoid", "softmax", "log_softmax", "silu", "gelu", "erf")
SMALL = 0.01


def drop_operand(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """a op b → a, and → b: the scale, the bias, the residual, the mask forgotten."""
    if isinstance(node, ast.BinOp):
        yield "operand dropped", node.left
        yield "operand dropped", node.right
    elif isinstance(node, ast.BoolOp):
        for skipped in range(len(node.values)):
            rest = [value for number, value in enumerate(node.values) if number != skipped]
            yield "operand dropped", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def swap_operands(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """a @ b → b @ a, a - b → b - a."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ORDERED):
        yield "operands swapped", ast.BinOp(node.right, node.op, node.left)


def matrix_product(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """a @ b → a * b."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield "operator", ast.BinOp(node.left, ast.Mult(), node.right)


def regroup(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """(a + b) * c → a + b * c: parentheses forgotten."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.Pow | ast.MatMult)):
        return
    if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Add | ast.Sub):
        inner = node.left
        yield "parentheses dropped", ast.BinOp(inner.left, inner.op, ast.BinOp(inner.right, node.op, node.right))
    if isinstance(node.right, ast.BinOp) and isinstance(node.right.op, ast.Add | ast.Sub):
        inner = node.right
        yield "parentheses dropped", ast.BinOp(ast.BinOp(node.left, node.op, inner.left), inner.op, inner.right)


def add_sign(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """exp(x) → exp(-x), of functions that treat the two signs differently."""
    if not isinstance(node, ast.Call) or name_of(node) not in SIGNED:
        return
    if isinstance(node.func, ast.Attribute) and is_method(node):
        method = ast.Attribute(ast.UnaryOp(ast.USub(), node.func.value), node.func.attr, ast.Load())
        yield "sign", ast.Call(method, node.args, node.keywords)
    elif node.args and not isinstance(node.args[0], ast.Starred):
        yield "sign", ast.Call(node.func, [ast.UnaryOp(ast.USub(), node.args[0]), *node.args[1:]], node.keywords)


def constants(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """Fractions and large numbers: doubled, and zero; an epsilon a hundred times as large. Infinity: the other one.

    Small whole numbers are one more and one less by cosmic-ray.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        value = node.value
        if isinstance(value, float) or value >= LARGE:
            yield "number", ast.Constant(value * (100 if 0 < value < SMALL else 2))
            yield "number", ast.Constant(0 * value)
    elif isinstance(node, ast.Constant) and node.value in ("-inf", "inf"):
        yield "sign", ast.Constant("inf" if node.value == "-inf" else "-inf")
    elif isinstance(node, ast.Call) and dotted(node.func) == "float" and isinstance(node.args[0], ast.Constant):
        if node.args[0].value in ("-inf", "inf"):
            yield "number", ast.Constant(0.0)
    elif isinstance(node, ast.Attribute) and dotted(node) in ("math.inf", "torch.inf", "np.inf"):
        yield "number", ast.Constant(0.0)


def compared(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """a < b → a < b - 1, and → a < b + 1."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ONE_SIDED):
        for other in off_by_one(node.comparators[0]):
            yield "off by one", ast.Compare(node.left, node.ops, [other])


def results(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """Each result with the other sign, inverted or transposed."""
    function = scope.function(node)
    if not (isinstance(node, ast.expr) and function and node in _returned(scope, node)):
        return
    if isinstance(node, ast.Tuple) or is_constant(node) or _own_call(node):
        return  # the result of an own function may be anything
    kind = ast.unparse(function.returns) if function.returns else ""
    truth = isinstance(node, ast.Compare | ast.BoolOp) or "bool" in ast.unparse(node)
    yield "result inverted" if truth else "sign", ast.UnaryOp(ast.Invert() if truth else ast.USub(), node)
    if truth and "Tensor" in kind:
        yield "dtype", ast.Call(ast.Attribute(node, "float", ast.Load()), [], [])
    if "Tensor" in kind or "ndarray" in kind:
        yield "result transposed", ast.Attribute(node, "mT", ast.Load())


def _returned(scope: Scope, node: ast.expr) -> list[ast.expr]:
    """The results that the node is among: those of the return statement around it."""
    parent = scope.parents[node]
    if isinstance(parent, ast.Tuple):
        return parent.elts if isinstance(scope.parents[parent], ast.Return) else []
    return [node] if isinstance(parent, ast.Return) else []


def _own_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def cut_gradient(node: ast.AST, scope: Scope) -> Iterator[Changed]:
    """A value computed on the way, or a result, detached from what it was computed from."""
    if not scope.gradients or not isinstance(node, ast.expr) or not isinstance(node, ast.BinOp | ast.Call | ast.Name):
        return
    parent = scope.parents[node]
    assigned = isinstance(parent, ast.Assign | ast.AugAssign) and node is parent.value
    if not _carries_gradient(node):
        return
    if not _own_call(node) and (assigned and not isinstance(node, ast.Name) or node in _returned(scope, node)):
        yield "gradient cut", ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])


def _carries_gradient(node: ast.AST) -> bool:
    """Whether a value other than a mask or whole numbers enters an expression."""
    if isinstance(node, ast.Call) and name_of(node) == "arange":
        return False
    if isinstance(node, ast.Name):
        return node.id not in LIBRARIES and "mask" not in node.id
    return any(_carries_gradient(child) for child in ast.iter_child_nodes(node))


OPERATORS: tuple[Operator, ...] = (
    drop_operand, swap_operands, matrix_product, regroup, add_sign, constants, compared, results,
    cut_gradient,
)  # fmt: skip
