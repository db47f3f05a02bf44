"""python -m tools.sample_submissions FOLDER [NOTEBOOK ...]: a small class's submissions, made from the built notebooks.

One folder per kind of submission, named for what happened to it, in nbgrader's layout (student/assignment/notebook).
"""

from __future__ import annotations

import copy
import json
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from random import Random
from string import ascii_letters, digits

import jupytext

from autograder.course import Course, CourseError, load_course
from autograder.course import Notebook as Entry

Notebook = dict  # a notebook's JSON


def main() -> int:
    if len(sys.argv) < 2:
        print("usage: python -m tools.sample_submissions FOLDER [NOTEBOOK ...]", file=sys.stderr)
        return 2
    try:
        course = load_course()
        count = write_samples(course, Path(sys.argv[1]), [course.find(name) for name in sys.argv[2:]])
    except CourseError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{count} sample submissions in {sys.argv[1]}/")
    return 0


def write_samples(course: Course, folder: Path, notebooks: Sequence[Entry] = ()) -> int:
    """Write every kind of submission to these notebooks, all where none is given, in place of what `folder` held.

    Returns how many files.
    """
    if folder.exists():
        shutil.rmtree(folder)
    count = 0
    for entry in notebooks or course.notebooks:
        for student, content in samples(course, entry).items():
            target = folder / student / entry.module / f"{entry.name}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            count += 1
    return count


def samples(course: Course, entry: Entry) -> dict[str, bytes]:
    """The bytes that each student hands in for one notebook. Raises CourseError where the course is not built."""
    released, source = read(course.released(entry)), read(course.instructor(entry))
    reference = fill(released, solutions(source))
    names = [grade_id(cell) for cell in exercises(released)]
    marks, mistake = first_wrong_answer(course.answers(entry))
    name, whole = marks["of"], to_bytes(reference)
    if f"class {name}({name})" in mistake:  # it changes the reference's class, which stands above it then
        mistake = f"{solutions(source)[name]}\n\n\n{mistake}"
    return {
        "reference": whole,
        "partly-solved": to_bytes(fill(released, solutions(source), only=names[: len(names) // 2])),
        "untouched": to_bytes(released),
        "one-wrong-answer": to_bytes(fill(reference, {name: mistake})),
        "truncated-file": whole[: len(whole) // 2],
        "colab-round-trip": to_bytes(colab_round_trip(reference)),
        "colab-pasted": to_bytes(colab_pasted(reference)),
    }


def read(path: Path) -> Notebook:
    """A built notebook. Raises CourseError where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"{path}: {error.strerror}; run `course build` first") from None


def to_bytes(notebook: Notebook) -> bytes:
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()


def grade_id(cell: dict) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def answered(cell: dict) -> bool:
    """Whether a student writes in this cell."""
    return cell["metadata"].get("nbgrader", {}).get("solution", False)


def exercises(notebook: Notebook) -> Iterable[dict]:
    """The code cells that a student writes in."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and answered(cell)]


def solutions(source: Notebook) -> dict[str, str]:
    """What the instructor notebook answers, by grade id: exercises without the solution's markers, and essays."""
    answers = {}
    for cell in source["cells"]:
        if answered(cell):
            lines = "".join(cell["source"]).splitlines()
            answers[grade_id(cell)] = "\n".join(
                line for line in lines if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION")
            )
    return answers


def fill(notebook: Notebook, answers: dict[str, str], only: Collection[str] | None = None) -> Notebook:
    """A copy of the notebook with the answers in their cells (`only` those named)."""
    filled = copy.deepcopy(notebook)
    for cell in filled["cells"]:
        name = grade_id(cell)
        if answered(cell) and name in answers and (only is None or name in only):
            cell["source"] = answers[name].splitlines(keepends=True)
    return filled


def first_wrong_answer(path: Path) -> tuple[dict[str, str], str]:
    """The first mistake in the answers file: its marks (`of`, the exercise; `check`; `says`) and its text.

    Raises CourseError.
    """
    try:
        cells = jupytext.read(path, fmt="py:percent").cells
    except OSError as error:
        raise CourseError(f"{path}: {error.strerror}; an exercise's mistakes belong there") from None
    for cell in cells:
        if "wrong" in cell.metadata and "of" in cell.metadata:
            return dict(cell.metadata), cell.source
    raise CourseError(f'{path}: no cell `# %% wrong="…" of="…"`; write one per likely mistake')


def colab_round_trip(notebook: Notebook) -> Notebook:
    """Opened on Colab and saved there: cell ids stay and are repeated in the metadata, beside what Colab adds."""
    return _as_colab_saves(notebook, minor=5, cell=lambda cell: (cell["id"], cell["metadata"]))


def colab_pasted(notebook: Notebook) -> Notebook:
    """Its cells copied into a new Colab notebook: an older format without ids, and nbgrader's metadata is gone."""
    dice = Random(notebook["cells"][0]["id"])

    def fresh(cell: dict) -> tuple[str, dict]:
        return "".join(dice.choices(ascii_letters + digits, k=12)), {}

    return _as_colab_saves(notebook, minor=0, cell=fresh)


def _as_colab_saves(notebook: Notebook, minor: int, cell: Callable[[dict], tuple[str, dict]]) -> Notebook:
    """Colab's own metadata and order of keys; `cell` gives the id and the metadata that a cell keeps."""
    saved = []
    for original in notebook["cells"]:
        identifier, metadata = cell(original)
        entry = {"cell_type": original["cell_type"], "source": original["source"]}
        entry["metadata"] = {**metadata, "id": identifier}
        if minor >= 5:
            entry["id"] = identifier
        if original["cell_type"] == "code":
            entry |= {"execution_count": None, "outputs": []}
        saved.append(entry)
    kernel = {"name": "python3", "display_name": "Python 3"}
    metadata = {"colab": {"provenance": []}, "kernelspec": kernel, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": saved}


if __name__ == "__main__":
    sys.exit(main())
