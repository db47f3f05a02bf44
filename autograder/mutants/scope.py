"""What an operator may know about the place it changes, and small helpers on syntax trees that all operators share."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from autograder.forbidden import dotted

LIBRARIES = ("torch", "np", "numpy", "math", "F", "nn", "nn.functional", "nn.init", "torch.nn", "torch.nn.functional",
             "torch.linalg", "np.linalg")  # fmt: skip
Changed = tuple[str, ast.AST | list[ast.stmt]]  # the operator's name, and what stands in the node's place
Operator = Callable[[ast.AST, "Scope"], Iterator[Changed]]


@dataclass
class Scope:
    """The tree of a cell. gradients: whether its checks look at gradients, so that cutting one matters."""

    tree: ast.Module
    gradients: bool = False
    parents: dict[ast.AST, ast.AST] = field(init=False)

    def __post_init__(self) -> None:
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def function(self, node: ast.AST) -> ast.FunctionDef | None:
        """The innermost named function around a node."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef):
                return node
        return None


def arguments(function: ast.FunctionDef) -> list[ast.arg]:
    """The parameters of a function that have names of their own, in order."""
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def name_of(call: ast.Call) -> str:
    """What is called, without what it is called on: `softmax` of torch.softmax(x), x.softmax() and softmax(x)."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)


def is_library(node: ast.expr) -> bool:
    """Whether the node names a library, as the `torch` of `torch.softmax`."""
    return dotted(node) in LIBRARIES


def is_method(call: ast.Call) -> bool:
    """Whether the call is x.f(…) with x a value."""
    return isinstance(call.func, ast.Attribute) and not is_library(call.func.value)


def is_constant(node: ast.AST) -> bool:
    """A literal, signed or not."""
    return isinstance(node, ast.Constant) or isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)


def with_args(call: ast.Call, args: list[ast.expr]) -> ast.Call:
    """The call with other positional arguments."""
    return ast.Call(call.func, args, call.keywords)


def swapped(items: list[ast.expr], first: int) -> list[ast.expr]:
    """The items with number `first` and the one after it in each other's place."""
    return [*items[:first], items[first + 1], items[first], *items[first + 2 :]]


def expression(text: str) -> ast.expr:
    """The tree of an expression."""
    return ast.parse(text, mode="eval").body


def off_by_one(node: ast.expr) -> Iterator[ast.expr]:
    """node + 1 and node - 1, for what is not a literal (those are cosmic-ray's)."""
    if not is_constant(node) and not isinstance(node, ast.Starred):
        yield ast.BinOp(node, ast.Add(), ast.Constant(1))
        yield ast.BinOp(node, ast.Sub(), ast.Constant(1))
