"""Each mutant against the checks of its exercise, as a class is graded: the probe records, the judge compares.

The reference notebook has run in this process; each mutant runs in a fork of it, which costs some milliseconds, and has
limits of its own. A mutant is killed by a check that does not pass, for whatever reason: the first one ends the trial.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from autograder.answers import fan_out
from autograder.course import Course, CourseError, Notebook
from autograder.grading.engine import Engine
from autograder.grading.exam import Exam, Place, prepare, reference_steps
from autograder.grading.judge import decide
from autograder.mutants.excuses import Excuse, match, read_excuses
from autograder.mutants.make import Mutant, make_mutants
from autograder.parts.lent import lending
from autograder.source import bound, reads, tree_of

LEAST_SHARE = 0.97  # of a notebook's mutants, equivalents aside
CPU_SECONDS = 3  # that a mutant may compute, and ten times what the reference takes
MEMORY = 4 << 30  # bytes that it may take beyond what this process has
GRADIENTS = ("backward", ".grad", "requires_grad")


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant. how: survived, failed (a value was wrong), raised, timed out or died.

    check: the title of the check that killed it, message: what that check says; both "" for a survivor. excuse: why it
    may survive.
    """

    mutant: Mutant
    how: str
    check: str = ""
    message: str = ""
    excuse: Excuse | None = None

    @property
    def killed(self) -> bool:
        return self.how != "survived"

    @property
    def equivalent(self) -> bool:
        return self.excuse is not None and self.excuse.kind == "equivalent"


def mutants_of(exam: Exam, place: Place) -> list[Mutant]:
    """The mutants of one exercise of a notebook."""
    checks = [p for p in exam.of_kind("check") if p.cell.exercise == place.cell.name]
    gradients = any(word in check.cell.source for check in checks for word in GRADIENTS)
    return make_mutants(place.cell.name, place.cell.source, gradients)


def try_mutants(
    course: Course, notebook: Notebook, only: str = "", workers: int | None = None, exam: Exam | None = None
) -> Iterator[tuple[int, Outcome]]:
    """Try every mutant of a notebook; yields how many there are with each outcome, as they end.

    only: one exercise. exam: the notebook's, where it is at hand. Raises CourseError: a broken source, a reference that
    fails, an excuse without its survivor.
    """
    exam = exam or prepare(course, notebook)
    excuses = read_excuses(course.answers(notebook), exam)
    places = [p for p in exam.of_kind("exercise") if only in ("", p.cell.name)]
    if not places:
        names = ", ".join(p.cell.name for p in exam.of_kind("exercise"))
        raise CourseError(f"{exam.source}: no exercise {only!r}; there are {names}")
    tasks = [(place, mutant) for place in places for mutant in mutants_of(exam, place)]
    survivors: list[Mutant] = []
    with lending(exam.lent):
        engine = warm(exam)
        seconds = {place.id: _limit(exam, place, engine) for place in places}
        work = partial(_try, exam, engine, seconds)
        for (_, mutant), outcome in fan_out(tasks, work, workers or os.cpu_count() or 1):
            how, check, message = outcome if isinstance(outcome, tuple) else (_ended(outcome), "", outcome)
            if how == "survived":
                survivors.append(mutant)
            excuse = match(excuses, mutant) if how == "survived" else None
            yield len(tasks), Outcome(mutant, how, check, message, excuse)
    for excuse in excuses:
        if only in ("", excuse.exercise) and not any(excuse.fits(mutant) for mutant in survivors):
            raise CourseError(
                f"{course.answers(notebook)}:{excuse.line}: no surviving mutant of {excuse.exercise} is "
                f"{excuse.key!r} (any more); delete this cell"
            )


def share(outcomes: list[Outcome]) -> float:
    """The killed mutants among all that are not equivalent; 1 where there is none."""
    counted = [outcome for outcome in outcomes if not outcome.equivalent]
    return sum(outcome.killed for outcome in counted) / len(counted) if counted else 1.0


def warm(exam: Exam) -> Engine:
    """A shell in which the reference notebook has run, with one thread: what comes of more does not survive a fork."""
    import torch

    torch.set_num_threads(1)
    engine = Engine()
    for step in reference_steps(exam.places):
        if step["kind"] == "cell":
            engine.quiet_cell(step["source"])
    return engine


def after(exam: Exam, place: Place) -> list[Place]:
    """What runs after an answer: given cells that use it, directly or through each other, and its checks."""
    names = bound(tree_of(exam.source, place.cell))
    begun, places = False, []
    for later in exam.places:
        if begun and later.kind == "given":
            tree = tree_of(exam.source, later.cell)
            if reads(tree) & names:
                names |= bound(tree)
                places.append(later)
        elif later.kind == "check" and later.cell.exercise == place.cell.name:
            places.append(later)
        begun = begun or later is place
    return places


def _run(exam: Exam, engine: Engine, place: Place, source: str) -> tuple[str, str, str]:
    """How an answer fares: survived, failed or raised; the check and its message."""
    engine.cell(source)
    for later in after(exam, place):
        if later.kind == "given":
            engine.cell(later.cell.source)
            continue
        records, error = engine.check(later.cell.exercise, exam.splits[later.id].probe)
        verdict = decide(later.cell.name, exam.expectations[later.id], {"records": records, "error": error})
        if verdict.status != "passed":
            return "raised" if error else "failed", later.cell.name, verdict.message
    return "survived", "", ""


def _try(exam: Exam, engine: Engine, seconds: dict[str, float], task: tuple[Place, Mutant]) -> tuple[str, str, str]:
    place, mutant = task
    _set_limits(seconds[place.id])
    return _run(exam, engine, place, mutant.source)


def _limit(exam: Exam, place: Place, engine: Engine) -> float:
    """The seconds of computing that an exercise's mutant may take. Raises CourseError where the reference fails."""
    begun = time.process_time()
    how, _, message = _run(exam, engine, place, place.cell.source)
    if how != "survived":
        raise CourseError(f"{exam.source}: the reference solution of {place.cell.name} fails:\n{message}")
    return CPU_SECONDS + 10 * (time.process_time() - begun)


def _set_limits(seconds: float) -> None:
    """Limits for this process: a kill after the seconds of computing, a MemoryError beyond the memory."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        whole = math.ceil(seconds)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
        with open("/proc/self/statm", encoding="ascii") as pages:
            most = int(pages.read().split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _ended(words: Any) -> str:
    return "timed out" if "did not finish" in words else "died"
