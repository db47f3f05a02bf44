"""The operators of cosmic-ray that fit a solution of a few lines, by the names under which its documentation has them.

Its replacements of every arithmetic and comparison operator by every other are left out but for those that a person
writes by mistake: `a << b` for `a + b` raises on tensors, and a mutant that raises proves little about a check.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from autograder.course import CourseError

BINARY = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "FloorDiv_Div", "Mod_FloorDiv",
          "BitAnd_BitOr", "BitOr_BitAnd", "BitXor_BitOr")  # fmt: skip
BOUNDARY = ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")
TURNED = ("Lt_Gt", "Gt_Lt", "LtE_GtE", "GtE_LtE")
EQUAL = ("Lt_Eq", "LtE_Eq", "Gt_Eq", "GtE_Eq")
NEGATED = ("Lt_GtE", "GtE_Lt", "Gt_LtE", "LtE_Gt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")
CHOSEN: dict[str, tuple[str, ...]] = {  # our word for it: cosmic-ray's operators
    "number": ("NumberReplacer",),
    "true or false": ("ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    "and or or": ("ReplaceAndWithOr", "ReplaceOrWithAnd"),
    "operator": tuple(f"ReplaceBinaryOperator_{name}" for name in BINARY),
    "boundary": tuple(f"ReplaceComparisonOperator_{name}" for name in BOUNDARY),
    "comparison turned": tuple(f"ReplaceComparisonOperator_{name}" for name in TURNED),
    "equal only": tuple(f"ReplaceComparisonOperator_{name}" for name in EQUAL),
    "comparison negated": tuple(f"ReplaceComparisonOperator_{name}" for name in NEGATED),
    "condition negated": ("AddNot",),
    "sign dropped": ("ReplaceUnaryOperator_Delete_USub",),
    "inversion dropped": ("ReplaceUnaryOperator_Delete_Invert", "ReplaceUnaryOperator_Delete_Not"),
    "loop": ("ZeroIterationForLoop", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
}
LARGE = 1000  # one more or less of these is no mistake that anyone makes; `arithmetic` doubles them


def library_mutants(source: str, wanted: Callable[[int, int], bool]) -> Iterator[tuple[str, str]]:
    """Each operator's name and the changed source, where `wanted(line, column)`: line from 1, column from 0.

    Raises CourseError where cosmic-ray is not installed.
    """
    ast_nodes, get_ast, mutate_code, provider = _cosmic_ray()
    nodes = list(ast_nodes(get_ast(source)))
    for name, operators in CHOSEN.items():
        for key in operators:
            operator = provider[key]()
            places = [(node, start) for node in nodes for start, _ in operator.mutation_positions(node)]
            for occurrence, (node, start) in enumerate(places):
                if wanted(*start) and not (name == "number" and _not_small_integer(node.value)):
                    changed = mutate_code(source, operator, occurrence)
                    if changed is not None:
                        yield name, _tidy(changed, start) if name == "number" else changed


def _tidy(changed: str, start: tuple[int, int]) -> str:
    """Without the blank that cosmic-ray puts before a number: `dim=-2`, not `dim=- 2`."""
    lines = changed.splitlines(keepends=True)
    line, column = lines[start[0] - 1], start[1]
    lines[start[0] - 1] = line[:column] + line[column:].removeprefix(" ")
    return "".join(lines)


def _not_small_integer(text: str) -> bool:
    return not text.isdecimal() or int(text) >= LARGE


@functools.cache
def _cosmic_ray() -> tuple:
    try:
        from cosmic_ray.ast import ast_nodes, get_ast
        from cosmic_ray.mutating import mutate_code
        from cosmic_ray.operators.provider import OperatorProvider
    except ImportError:
        raise CourseError("cosmic-ray is not installed; mutants need the author's packages: make test") from None
    return ast_nodes, get_ast, mutate_code, OperatorProvider()
