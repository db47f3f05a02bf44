"""The tests of the tests: every wrong answer must fail the right check in the right words, every right one pass all.

`solutions/…/NAME.answers.py` holds them, in the same percent format:

    # %% wrong="softmax over the queries" of="softmax" check="rows sum to one" says="last dimension"
    # %% right="with einsum" of="softmax"

Each is tried both ways: as a notebook runs it, and as a class is graded (probe and judge); the two must agree.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any, TypeVar

from autograder.course import Course, CourseError, Notebook
from autograder.grading.engine import Engine
from autograder.grading.exam import Exam, Place, prepare, reference_steps
from autograder.grading.grade import forbidden_verdicts
from autograder.grading.judge import decide
from autograder.grading.submission import Graft
from autograder.mutants.excuses import excuse_of
from autograder.parts.lent import lending
from autograder.source import EXCUSES, Cell, SourceError, read_cells

T = TypeVar("T")
MIN_WRONG, MIN_RIGHT = 4, 2
SECONDS = 60  # an answer that takes longer counts as one that does not end


@dataclass(frozen=True)
class Answer:
    """One way to answer an exercise. kind: wrong, right, unsolved or reference. check, says: what a wrong one meets."""

    kind: str
    name: str
    exercise: str
    source: str
    check: str = ""
    says: str = ""
    line: int = 0


@dataclass(frozen=True)
class Trial:
    """What became of an answer. problem: what is wrong with it, "" when it behaves."""

    answer: Answer
    problem: str
    message: str


def read_answers(path: Path, exam: Exam) -> list[Answer]:
    """The answers of a file, and each exercise's unsolved and reference answer. Raises SourceError, CourseError."""
    if not path.exists():
        raise CourseError(
            f"{path}: missing; give each exercise at least {MIN_WRONG} wrong and {MIN_RIGHT} right answers"
        )
    exercises = {place.cell.name: place for place in exam.of_kind("exercise")}
    cells = read_cells(path)
    for cell in cells:
        if cell.kind in EXCUSES:
            excuse_of(path, cell, set(exercises))
    answers = [_answer(path, cell, exercises, exam) for cell in cells if cell.kind not in EXCUSES]
    for name, place in exercises.items():
        for kind, least in (("wrong", MIN_WRONG), ("right", MIN_RIGHT)):
            count = sum(a.kind == kind and a.exercise == name for a in answers)
            if count < least:
                raise CourseError(f"{path}: {name} has {count} {kind} answers; write at least {least}")
        answers += [
            Answer("unsolved", "unsolved", name, place.released),
            Answer("reference", "reference", name, place.cell.source),
        ]
    order = list(exercises)
    return sorted(answers, key=lambda a: order.index(a.exercise))


def _answer(path: Path, cell: Cell, exercises: dict[str, Place], exam: Exam) -> Answer:
    if cell.kind not in ("wrong", "right"):
        kinds = 'wrong="…" of="…" check="…" says="…", right="…" of="…" or equivalent="…" of="…" because="…"'
        raise SourceError(path, cell.line, f"expected {kinds}")
    wanted = {"wrong", "of", "check", "says"} if cell.kind == "wrong" else {"right", "of"}
    if set(cell.meta) != wanted:
        raise SourceError(path, cell.line - 1, f"a {cell.kind} answer takes {', '.join(sorted(wanted))}")
    name, title = cell.meta["of"], cell.meta.get("check", "")
    if name not in exercises:
        raise SourceError(path, cell.line - 1, f"no exercise {name!r}; there are {', '.join(exercises)}")
    if title and sum(title in c.cell.name for c in exam.of_kind("check") if c.cell.exercise == name) != 1:
        raise SourceError(
            path, cell.line - 1, f"check={title!r} must be found in the title of exactly one check of {name}"
        )
    return Answer(cell.kind, cell.name, name, cell.source, title, cell.meta.get("says", ""), cell.line - 1)


def try_answers(
    course: Course, notebook: Notebook, workers: int | None = None, exam: Exam | None = None
) -> Iterator[tuple[int, Trial]]:
    """Try every answer of a notebook; yields how many there are with each trial, as they end.

    exam: the notebook's, where it is at hand. Raises CourseError.
    """
    exam = exam or prepare(course, notebook)
    answers = read_answers(course.answers(notebook), exam)
    engine = Engine()
    with lending(exam.lent):
        for step in reference_steps(exam.places):
            if step["kind"] == "cell":
                engine.cell(step["source"])
        for answer, outcome in fan_out(
            answers, lambda answer: _both_ways(answer, exam, engine), workers or os.cpu_count() or 1
        ):
            yield len(answers), _trial(answer, outcome)


def _both_ways(answer: Answer, exam: Exam, engine: Engine) -> dict[str, tuple[str, str]]:
    """Each check's message in a notebook and when grading ("" where it passes), by title; for a process of its own."""
    place = next(p for p in exam.of_kind("exercise") if p.cell.name == answer.exercise)
    checks = [p for p in exam.of_kind("check") if p.cell.exercise == answer.exercise]
    forbidden = forbidden_verdicts(Graft(answers={place.id: answer.source}), exam)
    failed = engine.cell(answer.source)
    messages = {}
    for check in checks:
        shown = engine.cell(check.instructor)
        if check.id in forbidden:
            verdict = forbidden[check.id]
        else:
            records, error = engine.check(check.cell.exercise, exam.splits[check.id].probe)
            verdict = decide(check.cell.name, exam.expectations[check.id], {"records": records, "error": error})
        notebook = (shown["text"] if shown else "") or ("the cell does not run" if failed and not shown else "")
        messages[check.cell.name] = (notebook, "" if verdict.status == "passed" else verdict.message)
    return messages


def _trial(answer: Answer, outcome: Any) -> Trial:
    if isinstance(outcome, str):
        behaves = answer.kind == "wrong" and answer.says == "did not finish"
        return Trial(answer, "" if behaves else outcome, outcome)
    disagree = [title for title, (shown, graded) in outcome.items() if bool(shown) != bool(graded)]
    if disagree:
        shown, graded = outcome[disagree[0]]
        return Trial(answer, f"notebook and grading disagree about `{disagree[0]}`", shown or graded)
    failures = {title: shown for title, (shown, _) in outcome.items() if shown}
    first = next(iter(failures.values()), "")
    if answer.kind in ("right", "reference"):
        return Trial(answer, "fails a check" if failures else "", first)
    if answer.kind == "unsolved":
        passing = [title for title in outcome if title not in failures]
        return Trial(answer, f"the unsolved notebook passes `{passing[0]}`" if passing else "", first)
    caught = next((text for title, text in failures.items() if answer.check in title), "")
    if not caught:
        return Trial(answer, f"passes the check that should catch it, `{answer.check}`", first)
    return Trial(answer, "" if answer.says in caught else f"its message does not say `{answer.says}`", caught)


def fan_out(tasks: list[T], work: Callable[[T], Any], workers: int) -> Iterator[tuple[T, Any]]:
    """Each task in a forked process, so that none sees what another left behind; a text stands for no result."""
    fork = multiprocessing.get_context("fork")
    waiting = list(reversed(tasks))
    running: dict[connection.Connection, tuple] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            task = waiting.pop()
            ours, theirs = fork.Pipe(duplex=False)
            process = fork.Process(target=_work, args=(work, task, theirs), daemon=True)
            process.start()
            theirs.close()
            running[ours] = (task, process, time.monotonic() + SECONDS)
        ready = connection.wait(list(running), timeout=0.2)
        for pipe, (task, process, deadline) in list(running.items()):
            if pipe in ready:
                try:
                    outcome = pipe.recv()
                except EOFError:
                    process.join()
                    late = process.exitcode == -getattr(signal, "SIGXCPU", 0)
                    outcome = "did not finish in its time of computing" if late else "ended the process"
            elif time.monotonic() > deadline:
                outcome = f"did not finish in {SECONDS} s"
            else:
                continue
            process.kill()
            process.join()
            pipe.close()
            del running[pipe]
            yield task, outcome


def _work(work: Callable[[T], Any], task: T, pipe: connection.Connection) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    pipe.send(work(task))
    pipe.close()
