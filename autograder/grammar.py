"""The small grammar of check cells, which lets one be split between the student's room and the judge.

`split(source, scope)` reads a check cell and returns a `Split`: the probe, which is what the room may see (statements
that touch the student's objects, what those need, and each verb's first argument), and the whole cell for the judge,
with every verb's place in it marked. Anything that cannot be split safely is refused with its line, the rule, and how
to write it instead; `autograder.weight` adds the rule that a check must rest on something the room cannot know.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autograder.checks import MAKERS, VERBS
from autograder.forbidden import dotted
from autograder.weight import is_input, is_plain, is_weighty

BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
RANDOM = ("torch.rand", "torch.randn", "torch.randint", "torch.randperm", "torch.normal", "torch.bernoulli", "torch.multinomial",
          "torch.rand_like", "torch.randn_like", "torch.manual_seed", "np.random", "numpy.random", "random")
STATEMENTS = "a check is made of assignments, for loops over literals, with blocks, calls and verbs"
REMEDIES = {
    ast.Assert: "no bare assert: use check.equal(value, expected, hint=…)",
    ast.If: "no branches: write the cases out", ast.Try: "no try: use check.raises(lambda: f(x), ValueError)",
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


@dataclass(frozen=True)
class Scope:
    """The names of a notebook that a check may use. student: what exercises bind, and what is made of that.

    given: what the other cells bind. demo: what only demo cells bind.
    """

    student: frozenset[str]
    given: frozenset[str]
    demo: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Site:
    """A verb's place in its cell."""

    verb: str
    line: int
    hidden: bool


@dataclass(frozen=True)
class Split:
    """A check cell, split. probe: what the room runs, `check.close(value, site=0)`. whole: what the judge runs once."""

    probe: str
    whole: str
    sites: tuple[Site, ...]


def check_call(node: ast.AST | None, names: Iterable[str]) -> str:
    """The name called when the node is `check.NAME(…)` with NAME among `names`, else ""."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
        return node.func.attr if isinstance(node.func.value, ast.Name) and node.func.value.id == "check" else ""
    return ""


def split(source: str, scope: Scope) -> Split:
    """Split one check cell. Raises GrammarError."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise GrammarError(error.lineno or 1, f"not Python: {error.msg}") from None
    statements = list(_flatten(tree.body))
    for statement in statements:
        _refuse_form(statement)
    verbs = [s for s in statements if verb_of(s)]
    if not verbs:
        raise GrammarError(1, "nothing is checked: call a verb, check.close(value, expected, hint=…)")
    _refuse_names(statements, scope)
    keep = _Slice(statements, verbs, scope)
    keep.refuse_leaks()
    unseen = {name: made for name, made in keep.bindings.items() if name not in keep.needed}
    if not any(is_weighty(expectation, unseen) for v in verbs for expectation in _weighed(v)):
        raise GrammarError(verbs[0].lineno, "every expectation could be read off the inputs or their shapes: compare at least "
                           "one value with a library call or a literal table")
    hidden = _hidden_lines(source)
    sites = tuple(Site(verb_of(v), v.lineno, v.lineno in hidden) for v in verbs)
    if all(site.hidden for site in sites):
        raise GrammarError(1, "the visible part checks nothing: a hidden check only repeats a visible one on other inputs")
    return Split(_probe(tree, verbs, keep.kept), _whole(tree, verbs), sites)


def verb_of(statement: ast.stmt) -> str:
    """The verb that a statement calls directly, or ""."""
    return check_call(statement.value, VERBS) if isinstance(statement, ast.Expr) else ""


def values_of(statement: ast.stmt) -> list[ast.expr]:
    """The arguments of a verb that belong to the student."""
    return _call(statement).args[:VERBS[verb_of(statement)][0]]


def expectations_of(statement: ast.stmt) -> list[ast.expr]:
    """The arguments of a verb that stay with the judge, its keywords among them."""
    call = _call(statement)
    return call.args[VERBS[verb_of(statement)][0]:] + [keyword.value for keyword in call.keywords]


def _weighed(statement: ast.stmt) -> list[ast.expr]:
    call = _call(statement)
    return call.args[1:2] if verb_of(statement) in ("close", "equal", "below", "above") else []


def _call(statement: ast.stmt) -> ast.Call:
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    return statement.value


def _flatten(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.For | ast.With):
            yield from _flatten(statement.body)


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


def binds(statement: ast.stmt) -> set[str]:
    """The names that a statement binds or writes into."""
    targets = [statement.target] if isinstance(statement, ast.For) else statement.targets if isinstance(statement, ast.Assign) else []
    return {n.id for target in targets for n in ast.walk(_root(target)) if isinstance(n, ast.Name)}


def _root(target: ast.expr) -> ast.expr:
    return target.value if isinstance(target, ast.Subscript) else target


def _refuse_form(s: ast.stmt) -> None:
    """The rules that one statement can break alone."""
    if not isinstance(s, ast.Assign | ast.Expr | ast.For | ast.With) or isinstance(s, ast.For) and s.orelse:
        raise GrammarError(s.lineno, REMEDIES.get(type(s), f"no {type(s).__name__.lower()} here: {STATEMENTS}"))
    if isinstance(s, ast.With) and any(item.optional_vars for item in s.items):
        raise GrammarError(s.lineno, "no `as` in a with block of a check")
    if isinstance(s, ast.Expr) and not isinstance(s.value, ast.Call):
        raise GrammarError(s.lineno, "an expression that does nothing: only calls stand alone")
    if isinstance(s, ast.For) and not (is_plain(s.iter) or isinstance(s.iter, ast.Name)):
        raise GrammarError(s.lineno, "loop over a flat literal or a range; where each case has its own answer, write the cases out")
    if isinstance(s, ast.Assign | ast.For):
        for target in s.targets if isinstance(s, ast.Assign) else [s.target]:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            if not all(isinstance(p, ast.Name) or isinstance(p, ast.Subscript) and isinstance(p.value, ast.Name) for p in parts):
                raise GrammarError(s.lineno, "assign to plain names")
    verb = verb_of(s)
    if verb:
        _refuse_verb(s, verb)
    parents = {child: parent for e in own(s) for parent in ast.walk(e) for child in ast.iter_child_nodes(parent)}
    for node in (n for e in own(s) for n in ast.walk(e)):
        if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield):
            raise GrammarError(s.lineno, f"no {type(node).__name__} in a check")
        if isinstance(node, ast.Lambda) and not (verb == "raises" and node is _call(s).args[0]):
            raise GrammarError(s.lineno, "no lambda but in check.raises(lambda: f(x), ValueError)")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.end_lineno != node.lineno:
            raise GrammarError(s.lineno, "no string over several lines: the build indents the cell")
        if isinstance(node, ast.Name) and node.id == "check":
            call = parents.get(parents.get(node))
            if not (check_call(call, MAKERS) or verb and call is s.value):  # type: ignore[attr-defined]
                raise GrammarError(s.lineno, "call verbs directly, as statements of their own: check.equal(f(x), 3)")
        name = dotted(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        if name in RANDOM and not isinstance(parents.get(node), ast.Attribute) or name.startswith(("np.random.", "random.")):
            raise GrammarError(s.lineno, f"{name}: nothing from global randomness: use check.randn(…, seed=1)")
        if isinstance(node, ast.Call) and dotted(node.func).startswith(("nn.", "torch.nn.")) and \
                dotted(node.func).rpartition(".")[2][:1].isupper() and not check_call(parents.get(node), ("fill",)):
            raise GrammarError(s.lineno, f"{dotted(node.func)}: modules get their weights from check.fill({dotted(node.func)}(…))")


def _refuse_verb(s: ast.stmt, verb: str) -> None:
    call, (ours, theirs) = _call(s), VERBS[verb]
    allowed = ("hint", "atol", "rtol") if verb in ("close", "same") else ("hint",)
    if len(call.args) != ours + theirs or any(isinstance(a, ast.Starred) for a in call.args):
        raise GrammarError(s.lineno, f"check.{verb} takes {ours + theirs} values by position, then {', '.join(allowed)} by name")
    if any(k.arg not in allowed for k in call.keywords):
        raise GrammarError(s.lineno, f"check.{verb} takes only {', '.join(allowed)} by name")
    if not any(k.arg == "hint" for k in call.keywords):
        raise GrammarError(s.lineno, f"check.{verb} without a hint: say which idea to think of again, hint=…")
    if verb == "raises" and not (isinstance(call.args[0], ast.Lambda) and not call.args[0].args.args):
        raise GrammarError(s.lineno, "check.raises takes a call behind a lambda: check.raises(lambda: f(x), ValueError)")


def _refuse_names(statements: list[ast.stmt], scope: Scope) -> None:
    """Every name comes from this cell, the exercises or the given cells, and none of those is bound anew."""
    known: set[str] = set()
    for s in statements:
        for name in sorted(loads(*own(s)) - known - scope.student - scope.given - set(dir(builtins))):
            where = "a demo cell, which is skipped when grading" if name in scope.demo else "no cell before this one"
            raise GrammarError(s.lineno, f"{name} comes from {where}: bind it in this check")
        for name in sorted(binds(s) & (scope.student | scope.given | {"check"})):
            raise GrammarError(s.lineno, f"{name} is a name of the notebook: call it something else here")
        known |= binds(s)


class _Slice:
    """Which statements the probe keeps, and the rules that keep answers out of it."""

    def __init__(self, statements: list[ast.stmt], verbs: list[ast.stmt], scope: Scope) -> None:
        self.verbs, self.plain = verbs, [s for s in statements if s not in verbs]
        self.bindings: dict[str, list[ast.expr]] = {}
        for s in self.plain:
            for name in binds(s):
                self.bindings.setdefault(name, []).append(own(s)[0])
        locals_ = set(self.bindings)
        self.touched = set(scope.student)
        while more := {n for s in self.plain if loads(*own(s)) & self.touched for n in binds(s)} - self.touched:
            self.touched |= more
        touching = [s for s in self.plain if loads(*own(s)) & self.touched]
        self.needed = set().union(*(loads(*values_of(v)) for v in verbs), *(loads(*own(s)) for s in touching)) & locals_
        while more := set().union(*(loads(*own(s)) for s in self.plain if binds(s) & self.needed)) & locals_ - self.needed:
            self.needed |= more
        self.reached = self.touched.union(*(loads(*own(s)) & locals_ for s in touching))
        self.kept = [s for s in self.plain if s in touching or binds(s) & self.needed or self._prepares(s)]

    def _prepares(self, s: ast.stmt) -> bool:
        """A bare call on inputs of the student's side, such as x.requires_grad_()."""
        if not isinstance(s, ast.Expr) or not loads(s.value) & self.needed:
            return False
        if not (is_input(s.value) and loads(s.value) & set(self.bindings) <= self.needed):
            raise GrammarError(s.lineno, "this call works on an input that the student's side uses too: give the expected side "
                               "an input of its own, made by the same check.randn(…, seed=…)")
        return True

    def refuse_leaks(self) -> None:
        for v in self.verbs:
            for value in values_of(v):
                if not loads(value) & self.reached:
                    raise GrammarError(v.lineno, "the first value must come from the student's code; the expectation comes second")
            if mine := sorted(loads(*expectations_of(v)) & self.touched):
                raise GrammarError(v.lineno, f"the expected value is made from the student's {mine[0]}: use a library or a literal "
                                   "(or check.same for two of the student's values)")
        dropped = [s for s in self.plain if s not in self.kept and not isinstance(s, ast.With | ast.For)]
        expecting = set().union(*(loads(*expectations_of(v)) for v in self.verbs), *(loads(*own(s)) for s in dropped))
        while more := {n for name in expecting for b in self.bindings.get(name, ()) for n in loads(b)} - expecting:
            expecting |= more
        for s in self.kept:
            for name in sorted(binds(s) - self.needed - self.touched):
                raise GrammarError(s.lineno, f"{name} is bound beside what the student's side needs: give it a statement of its own")
            shared = sorted(binds(s) & expecting - self.touched)
            if shared and not (is_input(own(s)[0]) or isinstance(s, ast.For)):
                raise GrammarError(s.lineno, f"{shared[0]} serves the student's side and the expected side, so it must be a plain "
                                   "input: check.randn(…, seed=1) and kin, a number, a string, a flat list")


def _hidden_lines(source: str) -> set[int]:
    hidden, inside = set(), False
    for number, line in enumerate(source.splitlines(), start=1):
        if BEGIN_HIDDEN in line or END_HIDDEN in line:
            inside = BEGIN_HIDDEN in line
        elif inside:
            hidden.add(number)
    return hidden


def _site(number: int) -> ast.keyword:
    return ast.keyword("site", ast.Constant(number))


def _whole(tree: ast.Module, verbs: list[ast.stmt]) -> str:
    for number, verb in enumerate(verbs):
        _call(verb).keywords.append(_site(number))
    text = ast.unparse(tree)
    for verb in verbs:
        _call(verb).keywords.pop()
    return text


def _probe(tree: ast.Module, verbs: list[ast.stmt], kept: list[ast.stmt]) -> str:
    numbers = {id(verb): number for number, verb in enumerate(verbs)}
    kept_ids = {id(s) for s in kept}

    def keep(body: list[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for s in body:
            if id(s) in numbers:
                call = _call(s)
                result.append(ast.Expr(ast.Call(call.func, values_of(s), [_site(numbers[id(s)])])))
            elif isinstance(s, ast.For | ast.With):
                inner = copy.copy(s)
                inner.body = keep(s.body)
                if inner.body:
                    result.append(inner)
            elif id(s) in kept_ids:
                result.append(s)
        return result

    return ast.unparse(ast.fix_missing_locations(ast.Module(keep(tree.body), [])))
