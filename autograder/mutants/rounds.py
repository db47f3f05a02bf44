"""Answers and mutants of many notebooks: of those that changed, of a sample of the rest, or of all."""

from __future__ import annotations

import math
import random
import secrets
from collections.abc import Sequence
from pathlib import Path

from autograder.course import Course, Notebook
from autograder.grading.exam import prepare
from autograder.mutants import record
from autograder.mutants.show import mutants_shown, verdict
from autograder.show import answers_shown, console

SAMPLE = 0.1  # of the notebooks that have not changed


def record_all(course: Course, notebooks: Sequence[Notebook]) -> int:
    """Try all of these notebooks and write their records and the table; returns 1 where one misbehaves."""
    results = [_try(course, notebook, keep=True) for notebook in notebooks]
    _say_written(course, [path for _, paths in results for path in paths] + record.write_table(course))
    return max((code for code, _ in results), default=0)


def try_changed(course: Course, seed: int | None = None) -> int:
    """Try the notebooks whose record does not hold, and a random tenth of the others, at least one.

    The former get a new record. Of the latter the record must say what came out. Returns 1 where one misbehaves.
    """
    seed = secrets.randbelow(10**6) if seed is None else seed
    problems = {notebook: record.problem(course, notebook) for notebook in course.notebooks}
    rest = [notebook for notebook, problem in problems.items() if not problem]
    sample = random.Random(seed).sample(rest, min(len(rest), math.ceil(SAMPLE * len(rest))))
    for notebook, problem in problems.items():
        if problem:
            console.print(f"{notebook.module}/{notebook.name}: {problem}", highlight=False, soft_wrap=True)
    if sample:
        names = ", ".join(notebook.name for notebook in sample)
        console.print(
            f"unchanged, tried all the same: {names} (--seed {seed} draws them again)", highlight=False, soft_wrap=True
        )
    results = [_try(course, notebook, keep=True) for notebook, problem in problems.items() if problem]
    results += [_try(course, notebook, keep=False) for notebook in sample]
    _say_written(course, [path for _, paths in results for path in paths] + record.write_table(course))
    return max((code for code, _ in results), default=0)


def _try(course: Course, notebook: Notebook, keep: bool) -> tuple[int, list[Path]]:
    """Exit code and files written. keep: write the record; else compare with it."""
    exam = prepare(course, notebook)
    trials = answers_shown(course, notebook, exam=exam)
    outcomes = mutants_shown(course, notebook, exam=exam)
    if any(trial.problem for trial in trials) or verdict(outcomes):
        return 1, []  # without a record it will be tried again
    rows = record.summary(exam, trials, outcomes)
    if keep:
        return 0, record.write(course, notebook, record.Record(record.fingerprint(course, notebook), rows))
    found = record.read(course, notebook)
    if found is None or found.counts != record.Record("", rows).counts:
        console.print(
            f"{record.path_of(course, notebook).relative_to(course.root)}: says something else than what came out just "
            "now; run make mutants, and look at what changed",
            style="red",
            highlight=False,
            soft_wrap=True,
        )
        return 1, []
    return 0, []


def _say_written(course: Course, paths: list[Path]) -> None:
    for path in paths:
        console.print(f"{path.relative_to(course.root)}: renewed; commit it", style="yellow", highlight=False)
