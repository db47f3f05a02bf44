"""Is an expression of a check cell a plain input, and does an expectation weigh anything?

An expectation weighs something when the room can neither see it nor derive it from the inputs' shapes: a library call
on the inputs, a literal table. Zeros and ones, shapes, and the inputs themselves weigh nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from autograder.forbidden import dotted

MAKERS = ("randn", "rand", "randint", "arange", "fill")
SHAPED = ("ones", "zeros", "full", "empty", "eye", "ones_like", "zeros_like", "full_like", "empty_like")
TRANSPARENT = (
    "float",
    "double",
    "half",
    "bfloat16",
    "long",
    "int",
    "bool",
    "numpy",
    "clone",
    "detach",
    "to",
    "view",
    "reshape",
    "contiguous",
    "unsqueeze",
    "squeeze",
    "expand",
    "requires_grad_",
    "item",
    "tolist",
    "astype",
    "copy",
    "flatten",
    "transpose",
    "permute",
    "train",
    "eval",
)
GUESSABLE = (0, 1, -1, None, "")


def is_plain(node: ast.expr) -> bool:
    """A number, a string, a flat list or tuple of those, or range(…) of numbers."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        return is_plain(node.operand)
    if isinstance(node, ast.List | ast.Tuple):
        return all(isinstance(e, ast.Constant) or isinstance(e, ast.UnaryOp) and is_plain(e) for e in node.elts)
    return isinstance(node, ast.Call) and dotted(node.func) == "range" and all(is_plain(a) for a in node.args)


def is_input(node: ast.expr) -> bool:
    """What both sides of a check may share: plain literals, check.randn(…) and kin, methods and arithmetic on those.

    Names are let through: whatever they are bound to must be an input in turn.
    """
    if is_plain(node) or isinstance(node, ast.Name):
        return True
    if isinstance(node, ast.Tuple):  # q, k = check.randn(…), check.randn(…)
        return all(is_input(e) and not isinstance(e, ast.Tuple | ast.List) for e in node.elts)
    if isinstance(node, ast.Starred | ast.UnaryOp):
        return is_input(node.value if isinstance(node, ast.Starred) else node.operand)
    if isinstance(node, ast.BinOp):
        return is_input(node.left) and is_input(node.right)
    if isinstance(node, ast.Subscript):
        return is_input(node.value) and all(
            isinstance(n, ast.Constant | ast.Slice | ast.Tuple | ast.UnaryOp | ast.USub | ast.Load)
            for n in ast.walk(node.slice)
        )
    if isinstance(node, ast.Attribute):
        return (
            dotted(node).startswith(("torch.", "np."))
            and node.attr in ("float16", "float32", "float64", "bfloat16", "int32", "int64", "bool", "inf", "pi")
            or node.attr in ("mT", "T")
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        arguments = [*node.args, *(k.value for k in node.keywords)]
        made = dotted(node.func.value) == "check" and node.func.attr in MAKERS
        made |= dotted(node.func) in ("torch.tensor", "np.array", "torch.Size") and is_plain(node.args[0])
        method = node.func.attr in TRANSPARENT and is_input(node.func.value)
        return (made or method) and all(is_input(a) for a in arguments)
    return False


def is_weighty(node: ast.expr, bindings: Mapping[str, Sequence[ast.expr]], seen: frozenset[str] = frozenset()) -> bool:
    """Does an expectation hold something that the room can neither see nor derive from shapes?

    bindings: what the names that only the expected side uses are bound to; any other name is seen in the room.
    """

    def weighs(inner: ast.expr) -> bool:
        return is_weighty(inner, bindings, seen)

    if isinstance(node, ast.Constant):
        return not any(node.value is g or node.value == g for g in GUESSABLE)
    if isinstance(node, ast.Name):
        if node.id in seen or node.id not in bindings:
            return False
        return any(is_weighty(b, bindings, seen | {node.id}) for b in bindings[node.id])
    if isinstance(node, ast.List | ast.Tuple):
        values = {ast.dump(e) for e in ast.walk(node) if isinstance(e, ast.Constant)}
        return len(values) > 1 or any(weighs(e) for e in node.elts)
    if isinstance(node, ast.UnaryOp):
        return weighs(node.operand)
    if isinstance(node, ast.BinOp):
        names = any(isinstance(n, ast.Name) for n in ast.walk(node))
        return names or weighs(node.left) or weighs(node.right)
    if isinstance(node, ast.Attribute):
        return node.attr == "grad" or node.attr not in ("shape", "T", "mT", "dtype") and weighs(node.value)
    if isinstance(node, ast.Subscript):
        return weighs(node.value)
    if isinstance(node, ast.Call):
        name = dotted(node.func).rpartition(".")[2]
        arguments = [*node.args, *(k.value for k in node.keywords)]
        if dotted(node.func) == f"check.{name}":
            return False
        if isinstance(node.func, ast.Attribute) and name in ("", *TRANSPARENT) and node.func.attr in TRANSPARENT:
            return weighs(node.func.value)
        if name in SHAPED:
            return name.startswith("full") and any(weighs(a) for a in node.args[1:])
        if name in ("tensor", "array", "float", "int", "len", "tuple", "list", "from_numpy", "as_tensor"):
            return any(weighs(a) for a in arguments) or any(
                isinstance(n, ast.Call) and not is_input(n) for a in arguments for n in ast.walk(a)
            )
        return True
    return isinstance(node, ast.Compare | ast.ListComp | ast.Dict | ast.Set | ast.IfExp | ast.BoolOp | ast.JoinedStr)
