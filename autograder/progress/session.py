"""The checks that ran in this kernel, and how they went: noted as IPython tells, so that checks know nothing of it.

A check that ran before its exercise was last defined anew says nothing any more, and is not counted.
"""

from __future__ import annotations

import sys
from typing import Any

_ran: dict[str, tuple[bool, Any]] = {}  # title → whether it passed, and what the exercise's name stood for
_MISSING = object()


def listen() -> None:
    """Take note from now on, where IPython runs; once."""
    shell = _shell()
    if shell is not None and _note not in shell.events.callbacks.get("post_run_cell", ()):
        shell.events.register("post_run_cell", _note)


def seen() -> dict[str, bool]:
    """The title of each check that ran here and still holds good → whether it passed."""
    names = getattr(_shell(), "user_ns", {})
    return {
        title: passed for title, (passed, made) in _ran.items() if names.get(_exercise(title), _MISSING) is made
    }


def _shell() -> Any:
    """IPython's shell, None where there is none. IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _exercise(title: str) -> str:
    return title.partition(":")[0].strip()


def _note(result: Any) -> None:
    """What IPython calls after each cell."""
    source = getattr(getattr(result, "info", None), "raw_cell", None) or ""
    if "check(" not in source:
        return
    from autograder.parts.notebook import title_of

    if title := title_of(source):
        _ran[title] = bool(result.success), getattr(_shell(), "user_ns", {}).get(_exercise(title), _MISSING)
