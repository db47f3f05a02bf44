"""Registering an assignment in nbgrader's gradebook: its notebooks and their cells, from the instructor notebooks.

nbgrader does this in `generate_assignment`, and refuses any change of cells once somebody has submitted. Rewording a
check changes its id, so here a changed notebook is carried over instead: new cells are added to every submission, and
cells that are gone are dropped, unless a person gave points or comments on them. Those are never dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    MissingEntry,
    Notebook,
    SolutionCell,
    SourceCell,
    SubmittedNotebook,
    TaskCell,
)
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
    SaveCells,
)
from nbgrader.utils import is_grade, is_locked, is_solution, is_task
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from autograder.build import ESSAY_STUB
from autograder.grading.database import GradebookError


@dataclass(frozen=True)
class Layout:
    """What the gradebook knows of one notebook. Cell ids and checksums by grade id; kinds are code or markdown."""

    notebook_id: str
    grades: dict[str, str]
    comments: dict[str, str]
    max_scores: dict[str, float]
    checksums: dict[str, str]


def register(gradebook: Gradebook, assignment: str, folder: Path) -> dict[str, Layout]:
    """Make the gradebook hold the assignment as the folder's notebooks have it; returns each notebook's layout by name.

    Does nothing that is done already. Raises GradebookError where there is no notebook, one is not valid, or cells with
    hand-given points or comments are gone from the source.
    """
    paths = sorted(path for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    if not paths:
        raise GradebookError(f"{folder}: no instructor notebooks; run `course build` first")
    try:
        gradebook.find_assignment(assignment)
    except MissingEntry:
        gradebook.add_assignment(assignment)
    layouts = {}
    for path in paths:
        layouts[path.stem] = _register_notebook(gradebook, assignment, path)
    _drop_notebooks(gradebook, assignment, set(layouts))
    return layouts


def prepare(path: Path) -> NotebookNode:
    """The instructor notebook as nbgrader keeps it: solutions cleared, hidden tests kept, checksums computed."""
    # What generate_assignment runs before it saves cells: the gradebook keeps hidden tests, and no solutions.
    steps = (LockCells(), ClearSolutions(text_stub=ESSAY_STUB), ClearOutput(), CheckCellMetadata(), ComputeChecksums())
    try:
        notebook = nbformat.read(path, as_version=4)
        for step in steps:
            notebook, _ = step.preprocess(notebook, {})
    except Exception as error:  # nbformat and nbgrader raise a dozen kinds; each means the same here
        what = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise GradebookError(f"{path}: not a valid instructor notebook ({what}); run `course build`") from error
    return notebook



def _register_notebook(gradebook: Gradebook, assignment: str, path: Path) -> Layout:
    source = prepare(path)
    wanted = _cells_of(source)
    row = _find_notebook(gradebook, assignment, path.stem)
    if row is None or _cells_in(row) != wanted or row.kernelspec != json.dumps(source.metadata.get("kernelspec", {})):
        if row is not None and row.submissions:
            _carry_over(gradebook.db(), row, wanted, path)
        gradebook.db.commit()  # SaveCells opens a connection of its own
        db_url = gradebook.engine.url.render_as_string(hide_password=False)
        names = {"notebook": path.stem, "assignment": assignment, "db_url": db_url}
        SaveCells().preprocess(source, {"nbgrader": names})
        gradebook.db.expire_all()
        row = gradebook.find_notebook(path.stem, assignment)
        _complete_submissions(gradebook.db(), row)
        gradebook.db.commit()
    return Layout(
        notebook_id=row.id,
        grades={cell.name: cell.id for cell in [*row.grade_cells, *row.task_cells]},
        comments={cell.name: cell.id for cell in [*row.solution_cells, *row.task_cells]},
        max_scores={cell.name: float(cell.max_score) for cell in [*row.grade_cells, *row.task_cells]},
        checksums={cell.name: cell.checksum for cell in row.source_cells},
    )


def _find_notebook(gradebook: Gradebook, assignment: str, name: str) -> Notebook | None:
    try:
        return gradebook.find_notebook(name, assignment)
    except MissingEntry:
        return None


_Cells = dict[tuple[str, str], Any]


def _cells_of(notebook: NotebookNode) -> _Cells:
    """Every cell that the gradebook keeps, by kind and grade id, with what it keeps of it."""
    cells: _Cells = {}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if is_grade(cell):
            cells["GradeCell", name] = (float(cell.metadata.nbgrader["points"]), cell.cell_type)
        if is_solution(cell):
            cells["SolutionCell", name] = None
        if is_task(cell):
            cells["TaskCell", name] = (float(cell.metadata.nbgrader["points"]), cell.cell_type)
        if is_grade(cell) or is_solution(cell) or is_locked(cell) or is_task(cell):
            checksum = cell.metadata.nbgrader.get("checksum")
            cells["SourceCell", name] = (cell.cell_type, is_locked(cell), cell.source, checksum)
    return cells


def _cells_in(row: Notebook) -> _Cells:
    """The same of the gradebook's own cells."""
    cells: _Cells = {("GradeCell", cell.name): (float(cell.max_score), cell.cell_type) for cell in row.grade_cells}
    cells |= {("SolutionCell", cell.name): None for cell in row.solution_cells}
    cells |= {("TaskCell", cell.name): (float(cell.max_score), cell.cell_type) for cell in row.task_cells}
    for cell in row.source_cells:
        cells["SourceCell", cell.name] = (cell.cell_type, cell.locked, cell.source, cell.checksum)
    return cells


def _carry_over(session: Session, row: Notebook, wanted: _Cells, path: Path) -> None:
    """Bring a notebook that has submissions to the wanted cells' names; SaveCells then fills in the rest."""
    present = _cells_in(row)
    gone = [cell for cell in row._base_cells if (type(cell).__name__, cell.name) not in wanted]
    held = _held_by_hand(session, [cell.id for cell in gone])
    if held:
        names = ", ".join(sorted({cell.name for cell in gone if cell.id in held}))
        raise GradebookError(
            f"{path}: {names} has points or comments given by hand and is gone from the notebook; "
            "put the cell back, or start a new gradebook"
        )
    for cell in gone:
        _delete_cell(session, cell)
    for source in list(row.source_cells):
        if ("SourceCell", source.name) not in wanted:
            session.delete(source)
    makers = {"GradeCell": GradeCell, "SolutionCell": SolutionCell, "TaskCell": TaskCell, "SourceCell": SourceCell}
    for kind, name in wanted.keys() - present.keys():
        details: dict[str, Any] = {}
        if kind in ("GradeCell", "TaskCell"):
            details = dict(zip(("max_score", "cell_type"), wanted[kind, name], strict=True))
        elif kind == "SourceCell":
            details = dict(zip(("cell_type", "locked", "source", "checksum"), wanted[kind, name], strict=True))
        session.add(makers[kind](name=name, notebook=row, **details))
    session.flush()


def _held_by_hand(session: Session, cell_ids: list[str]) -> set[str]:
    """Those of the cells on which a person gave points or a comment in any submission."""
    points = select(Grade.cell_id).where(
        Grade.cell_id.in_(cell_ids), or_(Grade.manual_score.is_not(None), Grade.extra_credit.is_not(None))
    )
    words = select(Comment.cell_id).where(Comment.cell_id.in_(cell_ids), Comment.manual_comment.is_not(None))
    return set(session.scalars(points)) | set(session.scalars(words))


def _delete_cell(session: Session, cell: BaseCell) -> None:
    for kind in (Grade, Comment):
        for row in session.scalars(select(kind).where(kind.cell_id == cell.id)):
            session.delete(row)
    session.flush()
    session.delete(cell)


def _complete_submissions(session: Session, row: Notebook) -> None:
    """Give every submission of the notebook a grade and a comment for each of its cells."""
    for submission in row.submissions:
        complete(session, submission, [c.id for c in [*row.grade_cells, *row.task_cells]],
                 [c.id for c in [*row.solution_cells, *row.task_cells]])


def complete(session: Session, submission: SubmittedNotebook, graded: Iterable[str], commented: Iterable[str]) -> None:
    """Add the grades and comments that the submission lacks: zero points, and nothing for a person to do.

    nbgrader treats a notebook that was not handed in the same way; recording one sets its grades right.
    """
    have = {grade.cell_id for grade in submission.grades} | {comment.cell_id for comment in submission.comments}
    for cell_id in graded:
        if cell_id not in have:
            session.add(Grade(cell_id=cell_id, notebook=submission, auto_score=0.0, needs_manual_grade=False))
    for cell_id in commented:
        if cell_id not in have:
            session.add(Comment(cell_id=cell_id, notebook=submission))


def _drop_notebooks(gradebook: Gradebook, assignment: str, names: set[str]) -> None:
    """Remove notebooks that the assignment no longer has; those with hand-given points or comments stay."""
    for row in list(gradebook.find_assignment(assignment).notebooks):
        if row.name not in names and not _held_by_hand(gradebook.db(), [cell.id for cell in row._base_cells]):
            gradebook.remove_notebook(row.name, assignment)
