"""Decide whether plain values agree, and say in one line where they do not.

Works on the values of `autograder.values` alone, so a student's notebook and the judge of a class decide by the same
code. Every function returns None when all is well, else the line that says what is wrong.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.values import Array, Other, Raised

NUMBERS = (int, float, complex)
KINDS = {"b": "bool", "i": "integer", "u": "integer", "f": "floating-point", "c": "complex"}


def close(value: Any, expected: Any, atol: float = 1e-5, rtol: float = 1e-4) -> str | None:
    """Equal within `atol + rtol * |expected|`; a wider floating-point type is welcome. NaN matches NaN."""
    return _differ(value, expected, lambda a, b: np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True))


def equal(value: Any, expected: Any) -> str | None:
    """Exactly equal; any width of the expected kind (bool, integer, …) is welcome."""
    return _differ(value, expected, lambda a, b: (a == b) | ((a != a) & (b != b)))


def below(value: Any, bound: Any) -> str | None:
    """A number strictly under the bound; NaN is not."""
    number, problem = _number(value)
    limit = _number(bound)[0]
    return problem or (None if number < limit else f"expected less than {show(limit)}, got {show(number)}")


def above(value: Any, bound: Any) -> str | None:
    """A number strictly over the bound; NaN is not."""
    number, problem = _number(value)
    limit = _number(bound)[0]
    return problem or (None if number > limit else f"expected more than {show(limit)}, got {show(number)}")


def shape(value: Any, expected: Any) -> str | None:
    """The shape of a tensor or an array, whatever it holds."""
    if not isinstance(value, Array):
        return f"expected a tensor or an array of shape {tuple(expected)}, got {name(value)}"
    return None if value.shape == tuple(expected) else f"expected shape {tuple(expected)}, got {value.shape}"


def dtype(value: Any, expected: Any) -> str | None:
    """The dtype of a tensor or an array, by its name."""
    if not isinstance(value, Array):
        return f"expected a tensor or an array of dtype {expected}, got {name(value)}"
    return None if value.dtype == expected else f"expected dtype {expected}, got {value.dtype}"


def finite(value: Any) -> str | None:
    """No NaN and no infinity in a number, a tensor or an array."""
    if isinstance(value, Array):
        if value.data is None:
            return f"the tensor is on {value.device} and holds no values"
        bad = ~np.isfinite(value.data)
        return f"{_first(bad, value.data)}{_count(bad)}" if bad.any() else None
    number, problem = _number(value)
    return problem or (None if np.isfinite(number) else f"expected a finite number, got {show(number)}")


def same(one: Any, other: Any, atol: float = 1e-5, rtol: float = 1e-4) -> str | None:
    """Two of the student's own values, equal within tolerance."""
    problem = close(one, other, atol, rtol)
    return problem and "these two should be the same: " + problem.replace("expected", "the second gives").replace(
        "got", "the first"
    )


def raises(value: Any, expected: str) -> str | None:
    """An exception of the expected class or of one derived from it; `value` is what the call gave or raised."""
    if not isinstance(value, Raised):
        return f"expected {expected} to be raised, but the call returned {name(value)}"
    return None if expected in value.types else f"expected {expected}, got {value.types[0]}: {value.message[:100]}"


def show(value: Any) -> str:
    """A value as a message prints it: six significant digits, long text cut."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    if isinstance(value, Array):
        return (
            show(value.data.item())
            if value.shape == () and value.data is not None
            else f"{value.kind} of shape {value.shape}"
        )
    if isinstance(value, Raised):
        return f"{value.types[0]}: {value.message[:60]}"
    if isinstance(value, Other):
        return name(value)
    text = str(value) if isinstance(value, np.generic) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def name(value: Any) -> str:
    """What kind of thing a value is, with its article."""
    if value is None:
        return "None (is a return, or a gradient, missing?)"
    if isinstance(value, Array):
        return value.kind
    if isinstance(value, Raised):
        return f"the exception {value.types[0]}"
    if isinstance(value, Other):
        return f"{value.type}, a subclass of {value.of}" if value.of else value.type
    article = "an" if type(value).__name__[0] in "aeiou" else "a"
    return f"{article} {type(value).__name__}" + (f" ({show(value)})" if isinstance(value, bool | int | float) else "")


def _number(value: Any) -> tuple[float, str | None]:
    """A real number and None, or NaN and what is wrong: numbers come as int, float, or an array of shape ()."""
    if type(value) in (int, float):
        return value, None
    if isinstance(value, Array):
        if value.shape != ():
            return math.nan, f"expected a number, got {value.kind} of shape {value.shape}"
        if value.requires_grad:
            return math.nan, "expected a number, got a tensor that requires grad: take its .item()"
        if value.data is None:
            return math.nan, f"expected a number, got a tensor on {value.device} that holds no values"
        if value.data.dtype.kind in "iuf":
            return value.data.item(), None
        return math.nan, f"expected a number, got {value.kind} of dtype {value.dtype}"
    return math.nan, f"expected a number, got {name(value)}"


def _differ(value: Any, expected: Any, agree: Any, at: str = "") -> str | None:
    """Compare by what is expected. `agree(a, b)` is elementwise over arrays; `at` is the path into nested values."""
    if isinstance(expected, Array) and expected.library != "numpy scalar":
        return _differ_array(value, expected, agree, at)
    if isinstance(expected, Array) or type(expected) in NUMBERS:
        return _differ_number(value, _number(expected)[0] if isinstance(expected, Array) else expected, agree, at)
    if isinstance(expected, list | tuple):
        if not isinstance(value, list | tuple):
            return f"{at}expected {name(expected)} of {len(expected)}, got {name(value)}"
        if len(value) != len(expected):
            return f"{at}expected {len(expected)} items, got {len(value)}"
        pairs = ((f"{at}item {i}: ", a, b) for i, (a, b) in enumerate(zip(value, expected, strict=True)))
        return next((line for where, a, b in pairs if (line := _differ(a, b, agree, where))), None)
    if isinstance(expected, dict):
        return _differ_dict(value, expected, agree, at)
    if type(value) is not type(expected):
        return f"{at}expected {show(expected)}, got {name(value)}"
    if value == expected:
        return None
    if isinstance(expected, str | bytes):
        first = next(
            (i for i, (a, b) in enumerate(zip(value, expected, strict=False)) if a != b), min(len(value), len(expected))
        )
        return f"{at}expected {show(expected)}, got {show(value)}   (they differ from position {first})"
    return f"{at}expected {show(expected)}, got {show(value)}"


def _differ_dict(value: Any, expected: dict, agree: Any, at: str) -> str | None:
    if not isinstance(value, dict):
        return f"{at}expected a dict, got {name(value)}"
    missing = [key for key in expected if key not in value]
    extra = [key for key in value if key not in expected]
    if missing or extra:
        key, verb = (missing[0], "is missing") if missing else (extra[0], "is not expected")
        return f"{at}key {show(key)} {verb}"
    pairs = ((f"{at}[{show(key)}]: ", value[key], item) for key, item in expected.items())
    return next((line for where, a, b in pairs if (line := _differ(a, b, agree, where))), None)


def _differ_number(value: Any, expected: Any, agree: Any, at: str) -> str | None:
    if type(value) is complex and type(expected) is complex:
        number, problem = value, None
    else:
        number, problem = _number(value)
    if problem:
        return at + problem
    if type(expected) is int and type(number) is float and not number.is_integer():
        return f"{at}expected the integer {expected}, got {show(number)}"
    return None if bool(agree(number, expected)) else f"{at}expected {show(expected)}, got {show(number)}"


def _differ_array(value: Any, expected: Array, agree: Any, at: str) -> str | None:
    if not isinstance(value, Array) or value.library != expected.library:
        return f"{at}expected {expected.kind}, got {name(value)}"
    if value.shape != expected.shape:
        return f"{at}expected shape {expected.shape}, got {value.shape}"
    if value.device != expected.device:
        return f"{at}expected a tensor on {expected.device}, got one on {value.device}"
    if value.data is None or expected.data is None:
        return f"{at}the tensor is on {value.device} and holds no values"
    if KINDS[value.data.dtype.kind] != KINDS[expected.data.dtype.kind]:
        return f"{at}expected dtype {expected.dtype}, got {value.dtype}"
    wrong = ~agree(_wide(value.data), _wide(expected.data))
    return f"{at}{_first(wrong, value.data, expected.data)}{_count(wrong)}" if np.any(wrong) else None


def _wide(data: np.ndarray) -> np.ndarray:
    """float64, so that half precision neither overflows nor rounds while it is compared."""
    return data.astype(np.float64) if data.dtype.kind == "f" else data


def _first(wrong: np.ndarray, value: np.ndarray, expected: np.ndarray | None = None) -> str:
    """Where the first wrong entry stands, and what it is."""
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
    got = value[index]
    place = f"at {list(index)} " if index else ""
    if expected is None:
        return f"{place}expected a finite number, got {show(got)}"
    if np.isnan(got) if got.dtype.kind in "fc" else False:
        return f"{place}expected {show(expected[index])}, got nan"
    return f"{place}expected {show(expected[index])}, got {show(got)}"


def _count(wrong: np.ndarray) -> str:
    return f"   ({int(wrong.sum())} of {wrong.size} entries differ)" if wrong.size > 1 else ""
