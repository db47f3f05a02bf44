"""`autograder.parts.NOTEBOOK`: modules without a file, whose names a lender resolves when they are imported."""

from __future__ import annotations

import dis
import importlib
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any, Protocol

PARTS, LIBRARY = "autograder.parts", "internals"


@dataclass(frozen=True)
class Part:
    """One part as it was lent. reason: why it is not the student's own, in words that follow "ours, "; "" if it is."""

    name: str
    notebook: str
    module: str
    value: Any
    yours: bool
    reason: str = ""

    def __str__(self) -> str:
        return f"yours, from {self.module}/{self.notebook}" if self.yours else f"ours, {self.reason}"


class Lender(Protocol):
    """Where parts come from. quiet: says nothing about it."""

    quiet: bool

    def refuse(self, notebook: str) -> str:
        """Why nothing of this notebook is lent, "" where something is."""

    def parts(self, notebook: str, names: Sequence[str]) -> list[Part]:
        """These parts, in this order. Raises AttributeError for a name that the notebook does not export."""


_lender: Lender | None = None
_known: dict[tuple[str, str], Part] = {}  # all that was lent in this process, in order


def lender() -> Lender:
    """Who lends now: unless told otherwise, what is on the disk comes first."""
    global _lender
    if _lender is None:
        from autograder.parts.yours import Yours

        _lender = Yours()
    return _lender


@contextmanager
def lent_by(other: Lender) -> Iterator[None]:
    """Let another one lend, to modules imported anew."""
    global _lender, _known
    before, kept, modules = _lender, _known, _forget(PARTS)
    _lender, _known = other, {}
    try:
        yield
    finally:
        _forget(PARTS)
        sys.modules.update(modules)
        _lender, _known = before, kept


def _forget(package: str) -> dict[str, types.ModuleType]:
    """Take the virtual modules of a package out of sys.modules; returns them."""
    found = {name: module for name, module in sys.modules.items() if name.startswith(f"{package}.")}
    found = {name: module for name, module in found.items() if isinstance(module, Parts)}
    for name in found:
        del sys.modules[name]
    return found


class Parts(types.ModuleType):
    """One notebook's parts."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{self.__name__} has no {name}")
        notebook = self.__name__.rpartition(".")[2]
        if reason := lender().refuse(notebook):  # a notebook that comes back to itself by way of another
            raise ModuleNotFoundError(f"{self.__name__}: {reason}", name=self.__name__)
        of_library(notebook, name)
        together = _imported_together(sys._getframe(1))
        names = [n for n in together if n in exports(notebook)] if name in together else [name]
        parts = lender().parts(notebook, names)
        if not lender().quiet:
            if name == names[0] and (together or (notebook, name) not in _known):
                print(describe(parts))
            _known.update({(notebook, part.name): part for part in parts})
        return next(part.value for part in parts if part.name == name)


def describe(parts: Sequence[Part]) -> str:
    """One line for one import: "softmax, causal_mask: yours, from 03-attention/scaled_dot_product; …"."""
    groups: dict[str, list[str]] = {}
    for part in parts:
        groups.setdefault(str(part), []).append(part.name)
    return "; ".join(f"{', '.join(names)}: {words}" for words, names in groups.items())


def whose() -> list[Part]:
    """Print and return the table of the parts imported so far: which are the student's, which the course's and why."""
    parts = [part for part in _known.values() if callable(part.value)]
    wide = max((len(part.name) for part in parts), default=0)
    for part in parts:
        print(f"{part.name:<{wide}}  {part}")
    print(f"{sum(part.yours for part in parts)} of {len(parts)} parts are yours")
    return parts


def _imported_together(frame: types.FrameType) -> tuple[str, ...]:
    """The names of the `from … import …` statement that a frame is at; () where it is at something else."""
    together: tuple[str, ...] = ()
    before: Any = None
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.opname == "IMPORT_NAME":
            together = before if isinstance(before, tuple) else ()
        if instruction.offset >= frame.f_lasti:
            return tuple(dict.fromkeys(together)) if instruction.opname == "IMPORT_FROM" else ()
        if instruction.opname not in ("CACHE", "EXTENDED_ARG"):
            before = instruction.argval
    return ()


class Finder(MetaPathFinder, Loader):
    """Finds `autograder.parts.NOTEBOOK` where no file has that name."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, notebook = fullname.rpartition(".")
        if package != PARTS:
            return None
        if reason := lender().refuse(notebook):
            raise ModuleNotFoundError(f"{fullname}: {reason}", name=fullname)
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> Parts:
        return Parts(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = label(module.__name__.rpartition(".")[2])


def label(notebook: str) -> str:
    """What stands for a file's name in the tracebacks of a notebook's parts."""
    return f"<your {notebook}.ipynb>"


def exports(notebook: str) -> list[str]:
    """The names of a notebook that can be lent."""
    return list(importlib.import_module(f"{LIBRARY}.{notebook}").__all__)


def of_library(notebook: str, name: str) -> Any:
    """The course's own part. Raises AttributeError for a name that the notebook does not export."""
    if name not in exports(notebook):
        raise AttributeError(f"{PARTS}.{notebook} has no {name}; there are {', '.join(exports(notebook))}")
    return getattr(sys.modules[f"{LIBRARY}.{notebook}"], name)


def install() -> None:
    """Put the finder behind all others: what has a file is found there."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
