"""Tables and lines in the terminal: answers tried, a student's own checks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from autograder.course import Course, CourseError, Notebook
from autograder.extras import is_panel

if TYPE_CHECKING:
    from autograder.answers import Trial
    from autograder.grading.exam import Exam
    from autograder.machine import Finding

console = Console()


def show_answers(course: Course, notebook: Notebook, verbose: bool = False) -> int:
    """Try a notebook's answers and print a table; returns 1 where any misbehaves."""
    return int(any(trial.problem for trial in answers_shown(course, notebook, verbose)))


def answers_shown(
    course: Course, notebook: Notebook, verbose: bool = False, exam: Exam | None = None
) -> list[Trial]:
    """The same; returns what came of each. exam: the notebook's, where it is at hand."""
    from autograder.answers import try_answers

    trials: list[Trial] = []
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(f"{notebook.name}: the reference solution", total=None)
        for total, trial in try_answers(course, notebook, exam=exam):
            trials.append(trial)
            progress.update(bar, description=f"{notebook.name}: answers", total=total, completed=len(trials))
    table = Table(title=f"{notebook.module}/{notebook.name}")
    for column in ("exercise", "wrong", "right", "unsolved", "reference"):
        table.add_column(column)
    kinds = ("wrong", "right", "unsolved", "reference")
    for exercise in dict.fromkeys(t.answer.exercise for t in trials):
        good = Counter(t.answer.kind for t in trials if t.answer.exercise == exercise and not t.problem)
        count = Counter(t.answer.kind for t in trials if t.answer.exercise == exercise)
        table.add_row(exercise, *(f"{good[kind]} of {count[kind]}" for kind in kinds))
    console.print(table)
    shown = [t for t in trials if t.problem or verbose]
    for trial in shown:
        answer = trial.answer
        place = f"{course.answers(notebook).relative_to(course.root)}:{answer.line}: " if answer.line else ""
        console.print(
            f"{place}{answer.kind} answer to {answer.exercise}, {answer.name!r}: {trial.problem or 'behaves'}",
            style="red" if trial.problem else "green",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        console.print(trial.message, highlight=False, markup=False, soft_wrap=True)
    bad = sum(bool(t.problem) for t in trials)
    console.print(
        f"{len(trials) - bad} of {len(trials)} answers behave", style="red" if bad else "green", highlight=False
    )
    return trials


def show_findings(findings: list[Finding]) -> int:
    """Print what `course doctor` found; returns 1 where grading cannot work."""
    marks = {"good": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}
    for finding in findings:
        mark, style = marks[finding.level]
        means = f": {finding.means}" if finding.means else ""
        line = f"{mark} {finding.subject:<12} {finding.fact}{means}"
        console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
    return 1 if any(finding.level == "bad" for finding in findings) else 0


def show_checks(path: Path) -> int:
    """Run a notebook's code cells and print each check's line; returns 1 where a check fails. Raises CourseError.

    This runs the student's own notebook on their own machine, with their rights, as Jupyter would.
    """
    from autograder.grading.engine import Engine
    from autograder.grading.submission import Refused, read
    from autograder.parts.places import work_in

    work_in(path.parent)
    try:
        cells = read(path.read_bytes())
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from None
    except Refused as refusal:
        raise CourseError(f"{path}: {refusal}") from None
    demos = _demos(path)
    engine = Engine()
    titles, failed = [], 0
    code = [(n, c) for n, c in enumerate(cells) if c.kind == "code" and n not in demos and not is_panel(c.source)]
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(path.name, total=len(code))
        for _, cell in code:
            title = _title(cell.source)
            problem = engine.quiet_cell(cell.source)
            if title:
                titles.append(title)
                failed += problem is not None
                progress.console.print(
                    problem["text"] if problem else f"✓ {title}",
                    style="red" if problem else "green",
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )
            elif problem and not problem["text"].startswith("not written yet"):
                first = cell.source.strip().partition("\n")[0]
                progress.console.print(
                    f"✗ the cell that begins `{first[:60]}` did not run\n  {problem['text']}",
                    style="red",
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )
            progress.advance(bar)
    if not titles:
        raise CourseError(f"{path}: no checks in it; is it a notebook of the course?")
    console.print(f"{len(titles) - failed} of {len(titles)} checks pass", highlight=False)
    return 1 if failed else 0


def _title(source: str) -> str:
    """The title of a check cell, or ""."""
    first = source.lstrip().partition("\n")[0]
    if not first.startswith("with check("):
        return ""
    try:
        return str(json.JSONDecoder().raw_decode(first.removeprefix("with check("))[0])
    except ValueError:
        return ""


def _demos(path: Path) -> set[int]:
    """The positions of demo cells, which take time and prove nothing."""
    cells = json.loads(path.read_text(encoding="utf-8-sig")).get("cells", [])
    return {number for number, cell in enumerate(cells) if "demo" in (cell.get("metadata") or {}).get("tags", ())}
