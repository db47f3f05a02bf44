"""Survivors that an answers file accounts for, each with its reason in writing.

    # %% equivalent="ac33e0e3" of="padding_mask" because="arange(n - 0) is arange(n)"
    # %% survivor="other name@k.shape[-1]" of="attention_scores" because="q and k are equally wide"

equivalent: no input tells it from the reference, so it does not count. survivor: some input would, but no check can or
should ask for it; it counts as not killed. The key is a mutant's id, or operator@text with the text found in its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.grading.exam import Exam
from autograder.mutants.make import Mutant
from autograder.source import EXCUSES, Cell, SourceError, read_cells


@dataclass(frozen=True)
class Excuse:
    """kind: equivalent or survivor. line: of the cell's marker in the answers file."""

    kind: str
    key: str
    exercise: str
    because: str
    line: int

    def fits(self, mutant: Mutant) -> bool:
        """Whether this is the mutant that is meant."""
        if mutant.exercise != self.exercise:
            return False
        operator, at, text = self.key.partition("@")
        if not at:
            return mutant.id == self.key
        return mutant.operator == operator.strip() and "".join(text.split()) in "".join(mutant.after.split())


def match(excuses: list[Excuse], mutant: Mutant) -> Excuse | None:
    """The excuse for a mutant that survived, None where nobody has written one."""
    return next((excuse for excuse in excuses if excuse.fits(mutant)), None)


def read_excuses(path: Path, exam: Exam) -> list[Excuse]:
    """The excuses of an answers file, [] where there is no file. Raises SourceError with file and line."""
    if not path.exists():
        return []
    exercises = {place.cell.name for place in exam.of_kind("exercise")}
    return [excuse_of(path, cell, exercises) for cell in read_cells(path) if cell.kind in EXCUSES]


def excuse_of(path: Path, cell: Cell, exercises: set[str]) -> Excuse:
    """The excuse that a cell is. Raises SourceError with file and line."""
    line = cell.line - 1
    if set(cell.meta) != {cell.kind, "of", "because"}:
        raise SourceError(path, line, f'an excuse is {cell.kind}="id or operator@text" of="exercise" because="reason"')
    if cell.meta["of"] not in exercises:
        raise SourceError(path, line, f"no exercise {cell.meta['of']!r}; there are {', '.join(sorted(exercises))}")
    if not str(cell.meta["because"]).strip():
        raise SourceError(path, line, 'because="": write why no check can tell this mutant from the reference')
    key = str(cell.meta[cell.kind]).strip()
    if not key or "@" in key and not key.partition("@")[2].strip():
        raise SourceError(path, line, f'{cell.kind}="{key}": name a mutant by its id, or by operator@text of its line')
    return Excuse(cell.kind, key, cell.meta["of"], cell.meta["because"], line)
