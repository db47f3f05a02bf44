"""`course progress`: the same as the panel and the start page, in the terminal, with nothing left untried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from autograder.course import Course, CourseError, Notebook
from autograder.outline import NoOutline, outlines
from autograder.parts import places
from autograder.parts.yours import Yours
from autograder.progress.measure import standing
from autograder.progress.views import View, course_view, following, notebook_view, standings


def show(course: Course, notebooks: Sequence[Notebook], work: Path) -> int:
    """Print these notebooks, exercise by exercise; the table of all where none is given. Raises CourseError."""
    if not work.is_dir():
        raise CourseError(f"{work}: no such folder; `make lab` lays out your notebooks in work/")
    places.work_in(work)
    try:
        for view in _views(notebooks):
            print(view)
    except NoOutline as problem:
        raise CourseError(str(problem)) from None
    return 0


def _views(notebooks: Sequence[Notebook]) -> list[View]:
    every = outlines()
    if missing := [one.name for one in notebooks if one.name not in every]:
        raise NoOutline(f"the course's outline has no {missing[0]}: run `course build`")
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(notebooks) or len(every))

        def trying(name: str) -> bool:
            bar.update(task, description=name, advance=1)
            return True

        if not notebooks:
            return [course_view(standings(trying))]
        yours = Yours()
        return [
            notebook_view(standing(every[one.name], yours), following(every, one.name))
            for one in notebooks
            if trying(one.name)
        ]
