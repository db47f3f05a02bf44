"""A form of a tree in which mutants that only look different are the same."""

from __future__ import annotations

import ast

SYMMETRIC = ("transpose", "swapaxes", "swapdims")  # of their last two arguments
INVERSE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip


def normal(tree: ast.Module) -> str:
    """The tree as text: signs folded into numbers, keywords sorted, `.contiguous()` left out, `not a is b` turned, …"""
    return ast.dump(_Normal().visit(tree))


class _Normal(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> ast.AST:
        node = super().visit(node)
        for field in ("body", "orelse"):
            body = getattr(node, field, None)
            if isinstance(body, list) and not isinstance(node, ast.If):
                left = [statement for statement in body if not isinstance(statement, ast.Pass)]
                setattr(node, field, left)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """x = x is nothing."""
        self.generic_visit(node)
        same = len(node.targets) == 1 and ast.unparse(node.targets[0]) == ast.unparse(node.value)
        return ast.Pass() if same else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """An `if` over nothing is nothing; one over a literal is the branch it takes."""
        self.generic_visit(node)
        if all(isinstance(statement, ast.Pass) for statement in (*node.body, *node.orelse)):
            return ast.Pass()
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse or ast.Pass()
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Is | ast.IsNot):
            sides = (node.left, node.comparators[0])
            if all(isinstance(side, ast.Constant) for side in sides):
                return ast.Constant((sides[0].value is sides[1].value) == isinstance(node.ops[0], ast.Is))  # type: ignore[attr-defined]
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        inner = node.operand
        if isinstance(node.op, ast.USub):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, int | float):
                return ast.Constant(-inner.value)
            if isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.USub):
                return inner.operand
        if isinstance(node.op, ast.Not | ast.Invert) and isinstance(inner, ast.Compare) and len(inner.ops) == 1:
            other = INVERSE.get(type(inner.ops[0]))
            if other:
                return ast.Compare(inner.left, [other()], inner.comparators)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Sums and differences with 0, products and quotients with 1; (a + 1) - 1."""
        self.generic_visit(node)
        first, added = _shift(node)
        if added is not None and (inner := _shift(first))[1] is not None:
            return self.visit_BinOp(ast.BinOp(inner[0], ast.Add(), ast.Constant(added + inner[1])))
        if added is not None and added < 0:
            node = ast.BinOp(first, ast.Add(), ast.Constant(added))
        for value, neutral in ((node.right, True), (node.left, False)):
            if isinstance(value, ast.Constant) and type(value.value) in (int, float):
                if value.value == 0 and isinstance(node.op, ast.Add | ast.Sub if neutral else ast.Add):
                    return node.left if neutral else node.right
                if value.value == 1 and isinstance(node.op, ast.Mult | ast.Div | ast.Pow if neutral else ast.Mult):
                    return node.left if neutral else node.right
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "contiguous" and not node.args:
                return node.func.value
            inner = node.func.value
            if node.func.attr == "abs" and isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub):
                inner.left, inner.right = sorted((inner.left, inner.right), key=ast.dump)
            if node.func.attr in SYMMETRIC and len(node.args) >= 2:
                node.args[-2:] = sorted(node.args[-2:], key=ast.dump)
        node.keywords.sort(key=lambda keyword: keyword.arg or "")
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """x[0:n] is x[:n]."""
        self.generic_visit(node)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for item in items:
            if isinstance(item, ast.Slice) and isinstance(item.lower, ast.Constant) and item.lower.value == 0:
                item.lower = None
        return node


def _shift(node: ast.AST) -> tuple[ast.expr, int | None]:
    """a and 2 of `a + 2`, a and -2 of `a - 2`; None for other expressions."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        value = node.right.value if isinstance(node.right, ast.Constant) else None
        if isinstance(value, int) and not isinstance(value, bool):
            return node.left, value if isinstance(node.op, ast.Add) else -value
    return node, None  # type: ignore[return-value]
