"""Grade a folder of submissions: in parallel, one room each; one writer for gradebook, feedback and grades.csv."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from autograder.course import Course, CourseError, Notebook
from autograder.grading.exam import Exam, prepare
from autograder.grading.exports import write_grades_csv
from autograder.grading.feedback import FeedbackWriter
from autograder.grading.grade import grade
from autograder.grading.gradebook import GradebookWriter
from autograder.grading.result import Result
from autograder.grading.verdicts import safe_name
from autograder.grading.walls import require_sandbox

console = Console()
STYLES = {"graded": "green", "flagged": "yellow", "refused": "red"}


@dataclass(frozen=True)
class Handed:
    """One file that somebody handed in. notebook: None where the file fits none of the course."""

    student: str
    path: Path
    notebook: Notebook | None


def find_submissions(course: Course, folder: Path) -> list[Handed]:
    """Every notebook below FOLDER/STUDENT/MODULE/, in order. Raises CourseError where there is none."""
    if not folder.is_dir():
        raise CourseError(f"{folder}: no such folder; it should hold one folder a student")
    by_place = {(n.module, n.name): n for n in course.notebooks}
    found = [
        Handed(path.parts[-3], path, by_place.get((path.parts[-2], path.stem)))
        for path in sorted(folder.glob("*/*/*.ipynb"))
    ]
    if not found:
        raise CourseError(f"{folder}: no submissions; expected {folder}/STUDENT/MODULE/NOTEBOOK.ipynb")
    return found


_exams: dict[str, Exam] = {}


def _begin(exams: dict[str, Exam]) -> None:
    _exams.update(exams)


def _grade(handed: Handed, sandbox: bool) -> Result:
    assert handed.notebook is not None
    try:
        data = handed.path.read_bytes()
    except OSError as error:
        return _refused(handed, f"cannot be read: {error.strerror}")
    return grade(data, handed.student, _exams[handed.notebook.name], sandbox=sandbox)


def _refused(handed: Handed, reason: str) -> Result:
    return Result(handed.student, handed.path.parts[-2], handed.path.stem, "refused", reasons=(reason,))


def grade_all(submissions: list[Handed], exams: dict[str, Exam], sandbox: bool = True) -> Iterator[Result]:
    """Every submission's result, as they are done. Raises CourseError where rooms cannot be opened."""
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), _begin, (exams,)) as pool:
        futures = [pool.submit(_grade, handed, sandbox) for handed in submissions if handed.notebook]
        yield from (
            _refused(handed, "no notebook of the course has this name and folder; rename it")
            for handed in submissions
            if not handed.notebook
        )
        try:
            yield from (future.result() for future in as_completed(futures))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def grade_folder(course: Course, folder: Path, sandbox: bool = True, db: str | None = None) -> int:
    """Grade a folder into the gradebook, feedback pages and grades.csv, and print a table. Raises CourseError."""
    submissions = find_submissions(course, folder)
    if sandbox:
        require_sandbox()
    build = course.root / "build"
    results: list[Result] = []
    with Progress(console=console, transient=True) as progress:
        chosen = [n for n in course.notebooks if any(h.notebook == n for h in submissions)]
        exams = {n.name: prepare(course, n) for n in progress.track(chosen, description="reference solutions")}
        writer = GradebookWriter(
            db or f"sqlite:///{build / 'gradebook.db'}", course.id, build / "source", build / "autograded"
        )
        with writer as gradebook:
            feedback = FeedbackWriter(gradebook)
            for module in dict.fromkeys(n.module for n in chosen):
                gradebook.add_assignment(module)
            bar = progress.add_task("submissions", total=len(submissions))
            for result in grade_all(submissions, exams, sandbox):
                if any((n.module, n.name) == (result.assignment, result.notebook) for n in chosen):
                    gradebook.record(result)
                page = build / "feedback" / safe_name(result.student) / result.assignment / f"{result.notebook}.html"
                feedback.write(result, None, page)
                results.append(result)
                progress.advance(bar)
    results.sort(key=lambda r: (r.student, r.assignment, r.notebook))
    write_grades_csv(results, build / "grades.csv")
    console.print(_table(results))
    for result in results:
        for line in to_know(result):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    for name, place in (
        ("gradebook", db or "build/gradebook.db"),
        ("feedback", "build/feedback/"),
        ("grades", "build/grades.csv"),
    ):
        console.print(f"{name}: {place}", highlight=False)
    return 0


def _table(results: list[Result]) -> Table:
    table = Table(title=f"{len(results)} submissions")
    for column in ("student", "notebook", "outcome", "points", "exercises passed"):
        table.add_column(column, overflow="fold")
    for result in results:
        exercises = result.exercises()
        passed = sum(status == "passed" for status in exercises.values())
        refused = result.outcome == "refused"
        table.add_row(
            escape(result.student),
            escape(result.notebook),
            f"[{STYLES[result.outcome]}]{result.outcome}",
            "" if refused else f"{result.points:g} of {result.max_points:g}",
            "" if refused else f"{passed} of {len(exercises)}",
        )
    return table


def to_know(result: Result) -> list[str]:
    """Why a person should look or what was put right, else what did not pass: lines beneath the table."""
    place = f"{result.student}/{result.notebook}.ipynb"
    if result.reasons:
        return [f"{place}: {result.outcome}: {reason}" for reason in result.reasons]
    by_status: dict[str, list[str]] = {}
    for name, status in result.exercises().items():
        by_status.setdefault(status, []).append(name)
    return [f"{place}: {status}: {', '.join(names)}" for status, names in by_status.items() if status != "passed"]
