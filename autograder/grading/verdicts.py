"""The judge's verdicts as notebook outputs, and safe names to keep them under.

nbgrader reads a score from a cell's outputs: an error is zero, an `execute_result` that is a number is that many
points, anything else is full marks. So the verdict on each check is written as the outputs of its cell, and what a
person sees in formgrader is what the gradebook counts.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.utils import compute_checksum, is_solution

from autograder.grading.result import CheckResult, Result

NOTE_ID = "grading-note"
_UNSAFE = re.compile(r"[/\\<>\x00-\x1f\x7f\ud800-\udfff]")  # <>: formgrader does not escape names
_INVISIBLE = "\u200b"  # a space of no width


class VerdictError(ValueError):
    """A result that does not fit its notebook: the message says which check."""


def safe_name(name: str) -> str:
    """The name as one path component that is also a gradebook key of at most 128 characters.

    Most names come back as they are, accents, commas and quotes included: nbgrader finds a student's folder by the
    student's key, so the two must agree. What cannot be a folder's name is replaced, with a hash to stay distinct.
    """
    clean = _UNSAFE.sub("_", name).strip()
    if clean == name and clean and not clean.startswith(".") and len(clean) <= 128 and len(clean.encode()) <= 240:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    short = clean.lstrip(".").encode()[:100].decode(errors="ignore").strip()
    return f"{short or 'student'}-{digest}"


def parse(notebook_json: str) -> NotebookNode:
    """The notebook as nbformat's nodes. Not validated: grading made it, and validating takes 20 times as long."""
    notebook = nbformat.from_dict(json.loads(notebook_json))
    for cell in notebook.cells:
        if not isinstance(cell.source, str):  # nbformat allows a list of lines on disk
            cell.source = "".join(cell.source)
    return notebook


def nbgrader_of(cell: NotebookNode) -> dict[str, Any]:
    """The cell's nbgrader metadata, {} where it has none."""
    return dict(cell.metadata.get("nbgrader", {}))


def is_check(cell: NotebookNode) -> bool:
    """Whether the cell is graded by machine: a code cell worth points that is not itself an answer."""
    meta = nbgrader_of(cell)
    return cell.cell_type == "code" and bool(meta.get("grade")) and not meta.get("solution")


def outputs_of(check: CheckResult) -> list[NotebookNode]:
    """The check's verdict as outputs that nbgrader reads as exactly `check.points`."""
    message = check.message.rstrip("\n")
    said = {"output_type": "stream", "name": "stdout", "text": message + "\n"}
    if check.status == "passed" and check.points >= check.max_points:
        outputs: list[dict[str, Any]] = [said]
    elif check.points <= 0:
        lines = message.split("\n")
        outputs = [{"output_type": "error", "ename": check.status, "evalue": lines[0], "traceback": lines}]
    else:
        part = {"text/plain": repr(float(check.points))}
        outputs = [said, {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": part}]
    # by from_dict, since nbformat's new_output validates each at half a millisecond
    return [nbformat.from_dict(output) for output in outputs]


def write_verdicts(notebook: NotebookNode, result: Result) -> None:
    """Put each check's verdict into its cell, in place, and clear every other output.

    Raises VerdictError unless checks and check cells match one to one, points included: a check cell without an output
    would count as full marks.
    """
    verdicts = {check.grade_id: check for check in result.checks}
    where = f"{result.student}/{result.assignment}/{result.notebook}"
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if not is_check(cell):
            continue
        meta = nbgrader_of(cell)
        check = verdicts.pop(meta["grade_id"], None)
        if check is None:
            raise VerdictError(f"{where}: no verdict for check {meta['grade_id']}; grade it again")
        if float(meta["points"]) != float(check.max_points):
            raise VerdictError(
                f"{where}: check {check.grade_id} is worth {meta['points']} points in the notebook and "
                f"{check.max_points} in the result; build the course and grade again"
            )
        cell.outputs = outputs_of(check)
    if verdicts:
        raise VerdictError(f"{where}: verdict for a check that is not in the notebook: {', '.join(sorted(verdicts))}")


def inert(markdown: str) -> str:
    """A student's Markdown that reads the same and whose HTML, entities and script links do nothing.

    formgrader renders an essay's HTML unchanged, on the origin of the instructor's Jupyter server: a script in an essay
    would run with the instructor's rights. Applying it twice changes nothing.
    """
    text = re.sub(r"<(?=[a-zA-Z/!?])|&(?=[#a-zA-Z])", lambda found: found[0] + _INVISIBLE, markdown)
    parts = text.split(":")
    for index, part in enumerate(parts[:-1]):
        if re.sub(r"[\x00-\x20\\]", "", part[-60:]).lower().endswith(("javascript", "vbscript", "data")):
            parts[index] = part + _INVISIBLE
    return ":".join(parts)


def add_note(notebook: NotebookNode, heading: str, lines: tuple[str, ...]) -> None:
    """Put a markdown cell on top, which nbgrader shows and otherwise ignores. The lines are shown as plain text."""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    source = f"<b>{html.escape(heading)}</b><ul>{items}</ul>"
    note = nbformat.from_dict({"cell_type": "markdown", "id": NOTE_ID, "metadata": {}, "source": source})
    notebook.cells.insert(0, note)


def answered(cell: NotebookNode) -> bool:
    """Whether the cell differs from the released one, whose checksum its metadata holds."""
    meta = cell.metadata.nbgrader
    return "checksum" not in meta or meta["checksum"] != compute_checksum(cell)


def answers_in(notebook: NotebookNode) -> dict[str, str]:
    """The answers by grade id, essays as the autograded folder holds them."""
    return {
        nbgrader_of(cell)["grade_id"]: cell.source if cell.cell_type == "code" else inert(cell.source)
        for cell in notebook.cells if is_solution(cell)
    }


def answers_at(path: Path) -> dict[str, str]:
    """The answers in the graded notebook that stood here before, {} where there is none to read."""
    try:
        return answers_in(parse(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, AttributeError):
        return {}
