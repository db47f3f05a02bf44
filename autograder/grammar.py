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
from dataclasses import dataclass

from autograder.statements import (
    GrammarError,
    binds,
    call_of,
    expectations_of,
    flatten,
    loads,
    own,
    refuse_form,
    values_of,
    verb_of,
)
from autograder.weight import is_input, is_weighty

BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"


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


def split(source: str, scope: Scope) -> Split:
    """Split one check cell. Raises GrammarError."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise GrammarError(error.lineno or 1, f"not Python: {error.msg}") from None
    statements = list(flatten(tree.body))
    for statement in statements:
        refuse_form(statement)
    verbs = [s for s in statements if verb_of(s)]
    if not verbs:
        raise GrammarError(1, "nothing is checked: call a verb, check.close(value, expected, hint=…)")
    _refuse_names(statements, scope)
    keep = _Slice(statements, verbs, scope)
    keep.refuse_leaks()
    unseen = {name: made for name, made in keep.bindings.items() if name not in keep.needed}
    if not any(is_weighty(expectation, unseen) for v in verbs for expectation in _weighed(v)):
        raise GrammarError(
            verbs[0].lineno,
            "every expectation could be read off the inputs or their shapes: compare at least "
            "one value with a library call or a literal table",
        )
    hidden = _hidden_lines(source)
    sites = tuple(Site(verb_of(v), v.lineno, v.lineno in hidden) for v in verbs)
    if all(site.hidden for site in sites):
        raise GrammarError(
            1, "the visible part checks nothing: a hidden check only repeats a visible one on other inputs"
        )
    return Split(_probe(tree, verbs, keep.kept), _whole(tree, verbs), sites)


def _weighed(statement: ast.stmt) -> list[ast.expr]:
    call = call_of(statement)
    return call.args[1:2] if verb_of(statement) in ("close", "equal", "below", "above") else []


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
        while (
            more := set().union(*(loads(*own(s)) for s in self.plain if binds(s) & self.needed)) & locals_ - self.needed
        ):
            self.needed |= more
        self.reached = self.touched.union(*(loads(*own(s)) & locals_ for s in touching))
        self.kept = [s for s in self.plain if s in touching or binds(s) & self.needed or self._prepares(s)]

    def _prepares(self, s: ast.stmt) -> bool:
        """A bare call on inputs of the student's side, such as x.requires_grad_()."""
        if not isinstance(s, ast.Expr) or not loads(s.value) & self.needed:
            return False
        if not (is_input(s.value) and loads(s.value) & set(self.bindings) <= self.needed):
            raise GrammarError(
                s.lineno,
                "this call works on an input that the student's side uses too: give the expected side "
                "an input of its own, made by the same check.randn(…, seed=…)",
            )
        return True

    def refuse_leaks(self) -> None:
        for v in self.verbs:
            for value in values_of(v):
                if not loads(value) & self.reached:
                    raise GrammarError(
                        v.lineno, "the first value must come from the student's code; the expectation comes second"
                    )
            if mine := sorted(loads(*expectations_of(v)) & self.touched):
                raise GrammarError(
                    v.lineno,
                    f"the expected value is made from the student's {mine[0]}: use a library or a literal "
                    "(or check.same for two of the student's values)",
                )
        dropped = [s for s in self.plain if s not in self.kept and not isinstance(s, ast.With | ast.For)]
        expecting = set().union(*(loads(*expectations_of(v)) for v in self.verbs), *(loads(*own(s)) for s in dropped))
        while more := {n for name in expecting for b in self.bindings.get(name, ()) for n in loads(b)} - expecting:
            expecting |= more
        for s in self.kept:
            for name in sorted(binds(s) - self.needed - self.touched):
                raise GrammarError(
                    s.lineno, f"{name} is bound beside what the student's side needs: give it a statement of its own"
                )
            shared = sorted(binds(s) & expecting - self.touched)
            if shared and not (is_input(own(s)[0]) or isinstance(s, ast.For)):
                raise GrammarError(
                    s.lineno,
                    f"{shared[0]} serves the student's side and the expected side, so it must be a plain "
                    "input: check.randn(…, seed=1) and kin, a number, a string, a flat list",
                )


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
        call_of(verb).keywords.append(_site(number))
    text = ast.unparse(tree)
    for verb in verbs:
        call_of(verb).keywords.pop()
    return text


def _probe(tree: ast.Module, verbs: list[ast.stmt], kept: list[ast.stmt]) -> str:
    numbers = {id(verb): number for number, verb in enumerate(verbs)}
    kept_ids = {id(s) for s in kept}

    def keep(body: list[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for s in body:
            if id(s) in numbers:
                call = call_of(s)
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
