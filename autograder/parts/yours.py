"""Parts in a student's notebook: their own where it is on disk and its checks pass there, else the course's."""

from __future__ import annotations

import ast
import importlib.util
import os
import types
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.borrowing import borrowed
from autograder.grading.cells import Refused
from autograder.parts import places, trial, verdicts
from autograder.parts.notebook import StudentsNotebook
from autograder.parts.slices import Statement, text_of
from autograder.parts.virtual import LIBRARY, PARTS, Part, label, of_library

GIVEN = "as given in the notebook"
UNKNOWN = "not tried yet"


@dataclass
class Made:
    """The module that holds a student's parts here; parts that share a helper or a class find the same one.

    done: the statements of the notebook that have run in it. text: they, in the order in which they ran.
    """

    book: StudentsNotebook
    module: types.ModuleType
    done: set[int]
    text: str = ""


class Yours:
    """Looks on the disk, tries what it finds in another process, and remembers what came of it.

    tries: False looks up what is known, and runs nothing.
    """

    quiet = False

    def __init__(self, tries: bool = True) -> None:
        self.tries = tries
        self._read: dict[tuple[Path, int, int], StudentsNotebook] = {}
        self._reasons: dict[str, verdicts.Reasons] = {}  # verdicts of this process
        self._made: dict[str, Made] = {}  # by notebook
        self._judged: list[str] = []  # the notebooks whose parts are being judged, each for the one before it

    def refuse(self, notebook: str) -> str:
        known = places.modules()
        if notebook not in known:
            return f"the course has no notebook of this name; there are {', '.join(known)}"
        own = [*os.environ.get(trial.TRIED, "").split(","), *self._judged, places.running()]
        if notebook in own:
            return "a notebook does not import its own parts, only those of earlier ones"
        return ""

    def parts(self, notebook: str, names: Sequence[str]) -> list[Part]:
        module = places.modules()[notebook]
        ours = {name: of_library(notebook, name) for name in names}
        path = places.students(notebook)
        if path is None:
            why = f"no {notebook}.ipynb of yours here"
            reasons = dict.fromkeys(names, f"{why} (on Colab nothing is on disk)" if places.on_colab() else why)
        else:
            reasons = self._judge(notebook, path, names)
        mine: dict[str, object] = {}
        good = [name for name in names if not reasons[name]]
        if path and good:
            try:
                made = self._make(notebook, self._open(notebook, path), good)
                mine = {name: getattr(made, name) for name in good}
            except Exception as error:
                lines = str(error).splitlines() or [""]
                reasons |= dict.fromkeys(good, f"yours does not run here: {type(error).__name__}: {lines[0][:120]}")
        return [
            Part(name, notebook, module, mine.get(name, ours[name]), name in mine, reasons[name]) for name in names
        ]

    def _open(self, notebook: str, path: Path) -> StudentsNotebook:
        """The notebook as it is on disk now. Raises Refused, OSError."""
        stamp = path.stat()
        key = (path, stamp.st_mtime_ns, stamp.st_size)
        if key not in self._read:
            self._read = {k: v for k, v in self._read.items() if k[0] != path}
            self._read[key] = StudentsNotebook(path, places.released(notebook))
        return self._read[key]

    def _judge(self, notebook: str, path: Path, names: Sequence[str]) -> dict[str, str]:
        """Why each name is not the student's own, "" where it is."""
        try:
            book = self._open(notebook, path)
        except Refused as refusal:
            return dict.fromkeys(names, f"yours cannot be read: {str(refusal).partition(';')[0]}")
        except OSError as error:
            return dict.fromkeys(names, f"yours cannot be read: {error.strerror}")
        homes = {name: book.homes.get(name, "") for name in names}
        found = self._verdicts(notebook, book, [home for home in homes.values() if home])
        reasons = {exercise: verdicts.first(of_checks) for exercise, of_checks in found.items()}
        defined = frozenset().union(*(s.binds for s in book.statements))
        missing = {name: f"your notebook does not define {name}" for name in homes if name not in defined}
        return {
            name: GIVEN if not home else missing.get(name) or reasons[home] for name, home in homes.items()
        }

    def checks(self, notebook: str, path: Path, exercises: Container[str]) -> dict[str, verdicts.Reasons]:
        """What its checks say of each of these exercises; those that are still as they were given are left out.

        Raises Refused, OSError.
        """
        book = self._open(notebook, path)
        written = [name for name in book.exercises if name in exercises and book.written(name)]
        return self._verdicts(notebook, book, written)

    def _verdicts(
        self, notebook: str, book: StudentsNotebook, exercises: Sequence[str]
    ) -> dict[str, verdicts.Reasons]:
        """Each exercise's verdict; those that nobody knows are tried."""
        self._judged.append(notebook)
        try:
            return self._tried(notebook, book, exercises)
        finally:
            self._judged.pop()

    def _tried(self, notebook: str, book: StudentsNotebook, exercises: Sequence[str]) -> dict[str, verdicts.Reasons]:
        keys: dict[str, str] = {}
        jobs = []
        for exercise in dict.fromkeys(exercises):
            chosen = book.tried_with(exercise, [n for n, home in book.homes.items() if home == exercise])
            source = text_of(chosen)
            checks = [[check.title, check.source] for check in book.checks_of(exercise)]
            keys[exercise] = verdicts.key_of(notebook, source, checks, self._rests_on(chosen))
            kept = self._reasons.get(keys[exercise], verdicts.known(keys[exercise]))
            if kept is None:
                jobs.append({"name": exercise, "source": source, "checks": checks})
            else:
                self._reasons[keys[exercise]] = kept
        if not self.tries:
            titles = {job["name"]: [title for title, _ in job["checks"]] for job in jobs}
            unknown = {name: dict.fromkeys(of_job, UNKNOWN) for name, of_job in titles.items()}
            return {exercise: unknown.get(exercise) or self._reasons[key] for exercise, key in keys.items()}
        for exercise, reasons in trial.verdicts(notebook, label(notebook), book.path.parent, jobs):
            titles_of = [check.title for check in book.checks_of(exercise)]
            self._reasons[keys[exercise]] = dict(zip(titles_of, reasons, strict=True))
            verdicts.keep(keys[exercise], self._reasons[keys[exercise]])
        return {exercise: self._reasons[key] for exercise, key in keys.items()}

    def _rests_on(self, chosen: Sequence[Statement]) -> list[str]:
        """The parts of yet earlier notebooks that a program imports: whose they are decides too. Settles them first."""
        found: list[str] = []
        for statement in chosen:
            if PARTS in statement.source:
                for node, notebook in borrowed(ast.parse(statement.source)):
                    names = [alias.name for alias in node.names]
                    if self.refuse(notebook):
                        continue
                    found += self._programs(notebook, names)
        return found

    def _programs(self, notebook: str, names: Sequence[str]) -> list[str]:
        """All the source that these parts are made of, the student's or the course's. Runs none of it here."""
        path = places.students(notebook)
        reasons = self._judge(notebook, path, names) if path else dict.fromkeys(names, "none of yours here")
        library = importlib.util.find_spec(f"{LIBRARY}.{notebook}")
        ours = Path(library.origin).read_text(encoding="utf-8") if library and library.origin else ""
        book = self._open(notebook, path) if path and not all(reasons.values()) else None
        return [ours if reasons[name] or not book else text_of(book.slice_of([name])) for name in names]

    def _make(self, notebook: str, book: StudentsNotebook, names: Sequence[str]) -> types.ModuleType:
        """The module with these names defined. Raises whatever the student's code does."""
        made = self._made.get(notebook)
        if made is None or made.book is not book:
            made = self._made[notebook] = Made(book, types.ModuleType(f"{PARTS}.{notebook}"), set())
        chosen = {id(statement) for statement in book.slice_of(names)}
        new = [n for n, s in enumerate(book.statements) if id(s) in chosen and n not in made.done]
        self.quiet, before = True, self.quiet  # of what it imports in turn
        try:
            source = text_of(book.statements[n] for n in new)
            trial.fill(made.module, source, label(notebook), made.text)
        finally:
            self.quiet = before
        made.done.update(new)
        made.text += source
        return made.module
