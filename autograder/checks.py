"""What check cells call: compare a student's value with what is expected, and say what is wrong in their terms.

    with check("causal_mask: a query sees itself and the past, nothing later"):
        check.equal(causal_mask(4), torch.ones(4, 4).tril().bool(), hint="keep the lower triangle, diagonal included")

In a notebook a verb compares on the spot. When a class is graded the same cells are split, see `autograder.grammar`:
`autograder.grading.engine` records the student's values, and `autograder.grading.judge` compares them.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

from autograder import compare
from autograder.forbidden import uses
from autograder.inputs import Inputs
from autograder.values import Raised, describe, describe_error

VERBS: dict[str, tuple[int, int]] = {
    # verb: how many of the student's values it takes, and how many expectations
    "close": (1, 1),
    "equal": (1, 1),
    "below": (1, 1),
    "above": (1, 1),
    "shape": (1, 1),
    "dtype": (1, 1),
    "finite": (1, 0),
    "same": (2, 0),
    "raises": (1, 1),
}
MAKERS = ("randn", "rand", "randint", "arange", "fill")
GREEN, RED, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"


class CheckFailed(AssertionError):
    """A check that did not pass. Its text is all that the student is shown."""

    def __init__(self, reason: str, hint: str = "", title: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint, self.title = reason, hint, title

    def __str__(self) -> str:
        return failure(self.title, self.reason, self.hint)

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython (7 and later) shows instead of a traceback."""
        first, *rest = str(self).splitlines()
        return [f"{RED}{first}{PLAIN}", *rest]


def success(title: str) -> str:
    """The one line of a check that passed."""
    return f"✓ {title}"


def failure(title: str, reason: str, hint: str = "") -> str:
    """The lines of a check that failed."""
    lines = [f"✗ {title}"] if title else []
    return "\n".join([*lines, f"  {reason}", *([f"  hint: {hint}"] if hint else [])])


def explain_error(error: BaseException, exercise: str) -> str:
    """What an exception from a student's code comes to: one line, with the line of their code that raised it."""
    raised = describe_error(error)
    if raised.types[0] == "NotImplementedError" and not raised.message:
        return f"not written yet: {_place(error)[0] or exercise} still raises NotImplementedError"
    if isinstance(error, SyntaxError):
        return f"your code is not Python: {error.msg} (line {error.lineno} of the cell)"
    function, line, text = _place(error)
    where = f"   (line {line} of {function}: `{text}`)" if text else f"   (in {function})" if function else ""
    message = f": {raised.message.splitlines()[0][:200]}" if raised.message.strip() else ""
    return f"your code raised {raised.types[0]}{message}{where}"


def _place(error: BaseException) -> tuple[str, int, str]:
    """The innermost function of the notebook in a traceback: its name, the line within it, the text of that line."""
    found = ("", 0, "")
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if trace.tb_frame.f_globals.get("__name__") == "__main__" and not code.co_name.startswith("<"):
            text = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            name = code.co_qualname.replace(".<locals>", "")  # a method with its class
            found = (name, trace.tb_lineno - code.co_firstlineno + 1, text)
        trace = trace.tb_next
    return found


def attempt(call: Callable[[], Any]) -> Any:
    """What a call returns, or the exception it raises, as a plain value: the subject of `raises`."""
    try:
        return describe(call())
    except Exception as error:
        return describe_error(error)


class Running:
    """One check while it runs, as `with check(title):` opens it.

    Its end prints one line, or raises CheckFailed in place of whatever went wrong. What the student's code writes to
    stderr meanwhile goes to stdout: nbgrader would give zero for a warning.
    """

    def __init__(self, title: str, forbid: Iterable[str]) -> None:
        self.title, self.forbid = title, tuple(forbid)
        self._stderr = contextlib.redirect_stderr(sys.stdout)

    def __enter__(self) -> None:
        self._stderr.__enter__()
        if self.forbid:
            try:
                self._refuse_forbidden(sys._getframe(1).f_globals)
            except CheckFailed:
                self._stderr.__exit__(None, None, None)
                raise

    def _refuse_forbidden(self, names: dict[str, Any]) -> None:
        exercise = self.title.partition(":")[0]
        for name in uses(names.get(exercise), names, self.forbid):
            raise CheckFailed(f"{exercise} may not call {name}: write it yourself", title=self.title)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self._stderr.__exit__(None, None, None)
        if error is None:
            colored = "ipykernel" in sys.modules or sys.stdout.isatty()
            print(f"{GREEN}{success(self.title)}{PLAIN}" if colored else success(self.title))
        elif isinstance(error, CheckFailed):
            error.title = self.title
        elif isinstance(error, Exception | SystemExit):
            raise CheckFailed(explain_error(error, self.title.partition(":")[0]), title=self.title) from None


class Check(Inputs):
    """The verbs, comparing on the spot. `value` is the student's; each raises CheckFailed with one clear line."""

    def __call__(self, title: str, forbid: Iterable[str] = ()) -> Running:
        """Open a check. title: "exercise: what holds". forbid: dotted names which the exercise may not call."""
        return Running(title, forbid)

    def close(self, value: Any, expected: Any, atol: float = 1e-5, rtol: float = 1e-4, hint: str = "") -> None:
        """|value - expected| <= atol + rtol * |expected|, everywhere; shapes equal; float64 for float32 is welcome."""
        _decide(compare.close(describe(value), describe(expected), atol, rtol), hint)

    def equal(self, value: Any, expected: Any, hint: str = "") -> None:
        """Exactly equal: bools, integers, text, lists, tensors of those."""
        _decide(compare.equal(describe(value), describe(expected)), hint)

    def below(self, value: Any, bound: float, hint: str = "") -> None:
        """A number under the bound."""
        _decide(compare.below(describe(value), describe(bound)), hint)

    def above(self, value: Any, bound: float, hint: str = "") -> None:
        """A number over the bound."""
        _decide(compare.above(describe(value), describe(bound)), hint)

    def shape(self, value: Any, expected: tuple[int, ...], hint: str = "") -> None:
        """The shape of a tensor or an array."""
        _decide(compare.shape(describe(value), tuple(expected)), hint)

    def dtype(self, value: Any, expected: Any, hint: str = "") -> None:
        """The dtype of a tensor or an array. expected: torch.float32, np.float64, "bool", …"""
        _decide(compare.dtype(describe(value), dtype_name(expected)), hint)

    def finite(self, value: Any, hint: str = "") -> None:
        """No NaN, no infinity."""
        _decide(compare.finite(describe(value)), hint)

    def same(self, value: Any, other: Any, atol: float = 1e-5, rtol: float = 1e-4, hint: str = "") -> None:
        """Two of the student's own values agree."""
        _decide(compare.same(describe(value), describe(other), atol, rtol), hint)

    def raises(self, call: Callable[[], Any], expected: type[BaseException], hint: str = "") -> None:
        """The call raises the expected exception, or one derived from it."""
        outcome = attempt(call)
        if isinstance(outcome, Raised) and outcome.types[0] == "NotImplementedError":
            raise NotImplementedError
        _decide(compare.raises(outcome, expected.__name__), hint)


def dtype_name(dtype: Any) -> str:
    """The name of a dtype however it is given: torch.float32, np.float32, np.dtype("float32") or "float32"."""
    text = getattr(dtype, "__name__", None) or getattr(dtype, "name", None) or str(dtype)
    return str(text).removeprefix("torch.")


def _decide(problem: str | None, hint: str) -> None:
    if problem:
        raise CheckFailed(problem, hint)


check = Check()
