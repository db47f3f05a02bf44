"""Parts when grading: the course's own, of the notebooks that this one imports, and nothing else of `internals`.

`lending(sources)` makes `internals` a package of just these modules, which exist as text alone: a student's process
gets them with its job. It is the same for the reference solution, for `course answers`, in a room and without one.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from autograder.parts.virtual import LIBRARY, Part, lent_by, of_library


class Lent:
    """Lends the course's parts, in silence, of these notebooks alone."""

    quiet = True

    def __init__(self, notebooks: frozenset[str]) -> None:
        self._notebooks = notebooks

    def refuse(self, notebook: str) -> str:
        return "" if notebook in self._notebooks else "the course's notebook does not import its parts"

    def parts(self, notebook: str, names: Sequence[str]) -> list[Part]:
        reason = "as always when grading"
        return [Part(name, notebook, "", of_library(notebook, name), False, reason) for name in names]


class Library(MetaPathFinder, InspectLoader):
    """Finds `internals` and these modules of it, and hides whatever else may be installed under that name."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = {f"{LIBRARY}.{name}": source for name, source in sources.items()}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname == LIBRARY:
            return ModuleSpec(fullname, self, is_package=True)
        if not fullname.startswith(f"{LIBRARY}."):
            return None
        if fullname not in self._sources:
            raise ModuleNotFoundError(f"{fullname}: the course's notebook does not import it", name=fullname)
        return ModuleSpec(fullname, self, origin=f"<{fullname}>")

    def is_package(self, fullname: str) -> bool:
        return fullname == LIBRARY

    def get_source(self, fullname: str) -> str:
        return self._sources.get(fullname, "")

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        module.__file__ = f"<{name}>"  # what a traceback shows; its lines come from get_source
        exec(compile(self.get_source(name), module.__file__, "exec", dont_inherit=True), module.__dict__)


@contextmanager
def lending(sources: Mapping[str, str]) -> Iterator[None]:
    """While this is open, `internals` holds these modules (name → source) and `autograder.parts` lends from them."""
    finder, installed = Library(sources), _forget()
    sys.meta_path.insert(0, finder)
    try:
        with lent_by(Lent(frozenset(sources))):
            yield
    finally:
        sys.meta_path.remove(finder)
        _forget()
        sys.modules.update(installed)


def _forget() -> dict[str, types.ModuleType]:
    """Take `internals` out of sys.modules; returns what was there."""
    names = [name for name in sys.modules if name == LIBRARY or name.startswith(f"{LIBRARY}.")]
    return {name: sys.modules.pop(name) for name in names}
