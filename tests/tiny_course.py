"""A course of one small assignment, written by hand: what the build makes, without the build.

Instructor notebooks with nbgrader's schema 3 metadata, and results for them, for tests of what comes after grading.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.grading.result import CheckResult, Result

ASSIGNMENT, NOTEBOOK = "01-sums", "adding"
HIDDEN = "check.equal(add(20, 22), 42, hint='a secret hint')"
CHECKS = {  # grade id: (title, points)
    "check-add-small": ("add: small numbers", 1),
    "check-add-large": ("add: large numbers", 2),
    "check-double-twice": ("double: twice the number", 1),
}
ESSAY = "essay-why-add"


def _cell(kind: str, source: str, meta: dict[str, object] | None = None) -> NotebookNode:
    make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    cell = make(source, id=hashlib.sha256(source.encode()).hexdigest()[:12])
    if meta:
        points = {"points": meta.pop("points")} if "points" in meta else {}
        cell.metadata["nbgrader"] = {
            "schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False, **points, **meta,
        }
    return cell


def instructor_notebook(checks: dict[str, tuple[str, int]] = CHECKS) -> NotebookNode:
    """The notebook with solutions and hidden tests; `checks` changes titles and points, as an author would."""
    cells = [
        _cell("markdown", "# Adding\n\n$a + b$ is <i>commutative</i>."),
        _cell("code", "from autograder import check", {"locked": True, "grade_id": "given-imports"}),
    ]
    for exercise, body in (("add", "a + b"), ("double", "2 * a")):
        argument = "a, b" if exercise == "add" else "a"
        cells.append(_cell("markdown", f"## `{exercise}`\n\n<details><summary>Hint 1</summary>Count.</details>"))
        cells.append(_cell(
            "code",
            f"def {exercise}({argument}):\n    ### BEGIN SOLUTION\n    return {body}\n    ### END SOLUTION",
            {"solution": True, "grade_id": f"exercise-{exercise}"},
        ))
        for grade_id, (title, points) in checks.items():
            if title.startswith(exercise + ":"):
                call = "add(2, 2)" if exercise == "add" else "double(2)"
                source = f'with check("{title}"):  # {points} point\n    check.equal({call}, 4)'
                if exercise == "add":
                    source += f"\n    ### BEGIN HIDDEN TESTS\n    {HIDDEN}\n    ### END HIDDEN TESTS"
                meta = {"grade": True, "locked": True, "grade_id": grade_id, "points": points}
                cells.append(_cell("code", source, meta))
    cells.append(_cell("markdown", "Why does the order not matter?"))
    cells.append(_cell("markdown", "Model answer: because it does not.", {
        "grade": True, "solution": True, "grade_id": ESSAY, "points": 3,
    }))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.nbformat_minor = 5
    return notebook


def write_source(root: Path, notebook: NotebookNode | None = None) -> Path:
    """Write the instructor notebook under root/ASSIGNMENT; returns root, the writer's source_root."""
    folder = root / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook or instructor_notebook(), folder / f"{NOTEBOOK}.ipynb")
    return root


ANSWER = "def add(a, b):\n    return a + b"


def submitted(essay: str, answer: str = ANSWER, notebook: NotebookNode | None = None) -> str:
    """The instructor's notebook with a student's answers in it, as grafting leaves it; an essay of "" is untouched."""
    notebook = notebook or instructor_notebook()
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id == "exercise-add":
            cell.source = answer
        elif grade_id == "exercise-double":
            cell.source = "def double(a):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
        elif grade_id == ESSAY:
            cell.source = essay or "*Your answer here.*"
    return json.dumps(notebook)


def result(student: str = "student-1", essay: str = "Because sums are sets.", outcome: str = "graded",
           earned: dict[str, float] | None = None, reasons: tuple[str, ...] = (),
           checks: dict[str, tuple[str, int]] = CHECKS) -> Result:
    """A result for the notebook; `earned` gives points by grade id, the rest is passed in full."""
    verdicts = []
    for grade_id, (title, most) in checks.items():
        points = (earned or {}).get(grade_id, float(most))
        passed = points == most
        message = f"✓ {title}" if passed else f"✗ {title}\n  expected 4, got <5> & more\n  hint: count on your fingers"
        verdicts.append(CheckResult(grade_id, title, title.partition(":")[0], points, most,
                                    "passed" if passed else "failed", message))
    if outcome == "refused":
        reasons = reasons or ("not a notebook (truncated after 12 bytes)",)
        return Result(student, ASSIGNMENT, NOTEBOOK, outcome, (), reasons)
    text = submitted(essay, notebook=instructor_notebook(checks))
    return Result(student, ASSIGNMENT, NOTEBOOK, outcome, tuple(verdicts), reasons, text)
