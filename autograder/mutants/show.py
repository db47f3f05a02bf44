"""Tables and lines in the terminal: mutants tried, survivors with their difference."""

from __future__ import annotations

from pathlib import Path

from rich.progress import Progress
from rich.table import Table

from autograder.course import Course, Notebook
from autograder.grading.exam import Exam
from autograder.mutants.trial import LEAST_SHARE, Outcome, share, try_mutants
from autograder.show import console


def show_mutants(course: Course, notebook: Notebook, only: str = "", verbose: bool = False) -> int:
    """Try a notebook's mutants and print what came of them; returns what `verdict` says."""
    return verdict(mutants_shown(course, notebook, only, verbose))


def verdict(outcomes: list[Outcome]) -> int:
    """1 where too few mutants are killed or one survives without an excuse, else 0."""
    return int(share(outcomes) < LEAST_SHARE or any(not o.killed and not o.excuse for o in outcomes))


def mutants_shown(
    course: Course, notebook: Notebook, only: str = "", verbose: bool = False, exam: Exam | None = None
) -> list[Outcome]:
    """Try a notebook's mutants, of one exercise if named; print a table, the survivors (verbose: all) and the share."""
    outcomes: list[Outcome] = []
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(f"{notebook.name}: the reference solution", total=None)
        for total, outcome in try_mutants(course, notebook, only, exam=exam):
            outcomes.append(outcome)
            progress.update(bar, description=f"{notebook.name}: mutants", total=total, completed=len(outcomes))
    exercises = list(dict.fromkeys(outcome.mutant.exercise for outcome in outcomes))
    outcomes.sort(key=lambda o: (exercises.index(o.mutant.exercise), o.mutant.line, o.mutant.id))
    console.print(_table(f"{notebook.module}/{notebook.name}", exercises, outcomes))
    for outcome in outcomes:
        if verbose or not outcome.killed:
            _show_mutant(outcome, course.source(notebook).relative_to(course.root))
    killed, bare = share(outcomes), sum(not o.killed and not o.excuse for o in outcomes)
    words = f"{killed:.1%} of {len(outcomes)} mutants killed, equivalents aside"
    if killed < LEAST_SHARE:
        words += f"; at least {LEAST_SHARE:.0%} must be"
    if bare:
        words += f"; {bare} survive without a reason: make a check notice them, or say in the answers file why not"
    console.print(words, style="red" if verdict(outcomes) else "green", highlight=False, soft_wrap=True)
    return outcomes


def _table(title: str, exercises: list[str], outcomes: list[Outcome]) -> Table:
    table = Table(title=title, caption="killed by a wrong value or by an error; equal to the reference; alive")
    for column in ("exercise", "mutants", "value", "error", "equal", "alive"):
        table.add_column(column, justify="left" if column == "exercise" else "right", no_wrap=True)
    for exercise in exercises:
        own = [outcome for outcome in outcomes if outcome.mutant.exercise == exercise]
        killed, by_value = sum(o.killed for o in own), sum(o.how == "failed" for o in own)
        equal = sum(outcome.equivalent for outcome in own)
        counts = (len(own), by_value, killed - by_value, equal, len(own) - killed - equal)
        table.add_row(exercise, *map(str, counts))
    return table


def _show_mutant(outcome: Outcome, path: Path) -> None:
    mutant, excuse = outcome.mutant, outcome.excuse
    how = f"{outcome.how} by `{outcome.check}`" if outcome.check else outcome.how
    if excuse:
        how = f"{excuse.kind}: {excuse.because}"
    lines = [
        f"{path}, {mutant.exercise}: {mutant.operator}, {how}",
        *(f"  - {line}" for line in mutant.before.splitlines()),
        *(f"  + {line}" for line in mutant.after.splitlines()),
    ]
    if not outcome.killed and not excuse:
        lines.append(f'  # %% equivalent="{mutant.id}" of="{mutant.exercise}" because=""')
    style = "green" if outcome.killed else "yellow" if excuse else "red"
    console.print("\n".join(lines), style=style, highlight=False, markup=False, soft_wrap=True)
