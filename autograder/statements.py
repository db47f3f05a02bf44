"""The statements that a check cell may be made of, and what each reads and binds.

`refuse_form` holds the rules that one statement can break alone; `autograder.grammar` those about a cell as a whole.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from autograder.checks import MAKERS, VERBS
from autograder.forbidden import dotted
from autograder.weight import is_plain

RANDOM = (
    "torch.rand",
    "torch.randn",
    "torch.randint",
    "torch.randperm",
    "torch.normal",
    "torch.bernoulli",
    "torch.multinomial",
    "torch.rand_like",
    "torch.randn_like",
    "torch.manual_seed",
    "np.random",
    "numpy.random",
    "random",
)
STATEMENTS = "a check is made of assignments, for loops over literals, with blocks, calls and verbs"
REMEDIES = {
    ast.Assert: "no bare assert: use check.equal(value, expected, hint=…)",
    ast.If: "no branches: write the cases out",
    ast.Try: "no try: use check.raises(lambda: f(x), ValueError)",
    ast.Import: "no import: import in the first code cell of the notebook",
    ast.ImportFrom: "no import: import in the first code cell of the notebook",
    ast.FunctionDef: "no functions: write the statements out, or use a loop over literals",
    ast.While: "no while: use a for loop over a literal or a range",
    ast.AugAssign: "no augmented assignment: bind a new name",
}


class GrammarError(ValueError):
    """A check cell outside the grammar. line: counted from 1 within the cell."""

    def __init__(self, line: int, rule: str) -> None:
        super().__init__(rule)
        self.line, self.rule = line, rule


def check_call(node: ast.AST | None, names: Iterable[str]) -> str:
    """The name called when the node is `check.NAME(…)` with NAME among `names`, else ""."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
        return node.func.attr if isinstance(node.func.value, ast.Name) and node.func.value.id == "check" else ""
    return ""


def verb_of(statement: ast.stmt) -> str:
    """The verb that a statement calls directly, or ""."""
    return check_call(statement.value, VERBS) if isinstance(statement, ast.Expr) else ""


def call_of(statement: ast.stmt) -> ast.Call:
    """The call that a verb's statement is."""
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    return statement.value


def values_of(statement: ast.stmt) -> list[ast.expr]:
    """The arguments of a verb that belong to the student."""
    return call_of(statement).args[: VERBS[verb_of(statement)][0]]


def expectations_of(statement: ast.stmt) -> list[ast.expr]:
    """The arguments of a verb that stay with the judge, its keywords among them."""
    call = call_of(statement)
    return call.args[VERBS[verb_of(statement)][0] :] + [keyword.value for keyword in call.keywords]


def flatten(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement, those in loops and with blocks after their heads."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.For | ast.With):
            yield from flatten(statement.body)


def own(statement: ast.stmt) -> list[ast.expr]:
    """The expressions of a statement itself, not of its body."""
    if isinstance(statement, ast.For):
        return [statement.iter]
    if isinstance(statement, ast.With):
        return [item.context_expr for item in statement.items]
    if isinstance(statement, ast.Assign):
        return [statement.value, *(t for t in statement.targets if isinstance(t, ast.Subscript))]
    assert isinstance(statement, ast.Expr)
    return [statement.value]


def loads(*nodes: ast.AST) -> set[str]:
    """The names that expressions read, less those that comprehensions and lambdas bind themselves."""
    found: set[str] = set()
    for node in nodes:
        inner = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        inner |= {a.arg for n in ast.walk(node) if isinstance(n, ast.Lambda) for a in n.args.args}
        found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)} - inner
    return found - {"check"}


def _root(target: ast.expr) -> ast.expr:
    return target.value if isinstance(target, ast.Subscript) else target


def binds(statement: ast.stmt) -> set[str]:
    """The names that a statement binds or writes into."""
    targets = (
        [statement.target]
        if isinstance(statement, ast.For)
        else statement.targets
        if isinstance(statement, ast.Assign)
        else []
    )
    return {n.id for target in targets for n in ast.walk(_root(target)) if isinstance(n, ast.Name)}


def refuse_form(s: ast.stmt) -> None:
    """The rules that one statement can break alone."""
    if not isinstance(s, ast.Assign | ast.Expr | ast.For | ast.With) or isinstance(s, ast.For) and s.orelse:
        raise GrammarError(s.lineno, REMEDIES.get(type(s), f"no {type(s).__name__.lower()} here: {STATEMENTS}"))
    if isinstance(s, ast.With) and any(item.optional_vars for item in s.items):
        raise GrammarError(s.lineno, "no `as` in a with block of a check")
    if isinstance(s, ast.Expr) and not isinstance(s.value, ast.Call):
        raise GrammarError(s.lineno, "an expression that does nothing: only calls stand alone")
    if isinstance(s, ast.For) and not (is_plain(s.iter) or isinstance(s.iter, ast.Name)):
        raise GrammarError(
            s.lineno, "loop over a flat literal or a range; where each case has its own answer, write the cases out"
        )
    if isinstance(s, ast.Assign | ast.For):
        for target in s.targets if isinstance(s, ast.Assign) else [s.target]:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            if not all(
                isinstance(p, ast.Name) or isinstance(p, ast.Subscript) and isinstance(p.value, ast.Name) for p in parts
            ):
                raise GrammarError(s.lineno, "assign to plain names")
    verb = verb_of(s)
    if verb:
        _refuse_verb(s, verb)
    parents = {child: parent for e in own(s) for parent in ast.walk(e) for child in ast.iter_child_nodes(parent)}
    for node in (n for e in own(s) for n in ast.walk(e)):
        if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield):
            raise GrammarError(s.lineno, f"no {type(node).__name__} in a check")
        if isinstance(node, ast.Lambda) and not (verb == "raises" and node is call_of(s).args[0]):
            raise GrammarError(s.lineno, "no lambda but in check.raises(lambda: f(x), ValueError)")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.end_lineno != node.lineno:
            raise GrammarError(s.lineno, "no string over several lines: the build indents the cell")
        if isinstance(node, ast.Name) and node.id == "check":
            attribute = parents.get(node)
            call = parents.get(attribute) if attribute else None
            if not (check_call(call, MAKERS) or verb and call is call_of(s)):
                raise GrammarError(s.lineno, "call verbs directly, as statements of their own: check.equal(f(x), 3)")
        name = dotted(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        if (
            name in RANDOM
            and not isinstance(parents.get(node), ast.Attribute)
            or name.startswith(("np.random.", "random."))
        ):
            raise GrammarError(s.lineno, f"{name}: nothing from global randomness: use check.randn(…, seed=1)")
        if (
            isinstance(node, ast.Call)
            and dotted(node.func).startswith(("nn.", "torch.nn."))
            and dotted(node.func).rpartition(".")[2][:1].isupper()
            and not check_call(parents.get(node), ("fill",))
        ):
            raise GrammarError(
                s.lineno, f"{dotted(node.func)}: modules get their weights from check.fill({dotted(node.func)}(…))"
            )


def _refuse_verb(s: ast.stmt, verb: str) -> None:
    call, (ours, theirs) = call_of(s), VERBS[verb]
    allowed = ("hint", "atol", "rtol") if verb in ("close", "same") else ("hint",)
    if len(call.args) != ours + theirs or any(isinstance(a, ast.Starred) for a in call.args):
        raise GrammarError(
            s.lineno, f"check.{verb} takes {ours + theirs} values by position, then {', '.join(allowed)} by name"
        )
    if any(k.arg not in allowed for k in call.keywords):
        raise GrammarError(s.lineno, f"check.{verb} takes only {', '.join(allowed)} by name")
    if not any(k.arg == "hint" for k in call.keywords):
        raise GrammarError(s.lineno, f"check.{verb} without a hint: say which idea to think of again, hint=…")
    if verb == "raises" and not (isinstance(call.args[0], ast.Lambda) and not call.args[0].args.args):
        raise GrammarError(
            s.lineno, "check.raises takes a call behind a lambda: check.raises(lambda: f(x), ValueError)"
        )
