"""Read what a student handed in, find their answers, and graft them onto the pristine notebook.

Only answers, essays and cells that the student added are taken; whatever else was done to the file cannot matter.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field

from autograder.grading.exam import Exam, Place

MAX_BYTES = 100_000_000


class Refused(Exception):
    """Not gradable. Its text says why, in words that the student can act on."""


@dataclass(frozen=True)
class Submitted:
    """One cell of a submission. ids: every name by which it may be known, nbgrader's first."""

    kind: str
    source: str
    ids: tuple[str, ...]


@dataclass
class Graft:
    """A submission's answers in the places of the pristine notebook.

    answers: by grade id of exercise or essay. added: by the id of the place after which the cells stood ("": the top).
    flags: why a person should look. notes: what was put right without needing one.
    """

    answers: dict[str, str] = field(default_factory=dict)
    added: dict[str, list[str]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def attempted(self, place: Place) -> bool:
        """Did the student write anything in this exercise or essay?"""
        return self.answers.get(place.id, place.released).strip() != place.released.strip()


def read(data: bytes) -> list[Submitted]:
    """The cells of a notebook of nbformat 3 or 4. Raises Refused."""
    if not data.strip():
        raise Refused("the file is empty; hand it in again")
    if len(data) > MAX_BYTES:
        raise Refused(f"the file is larger than {MAX_BYTES // 1_000_000} MB; clear the outputs and hand it in again")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Refused(
            f"not a notebook (not UTF-8 text at byte {error.start:,}); hand in the .ipynb file itself"
        ) from None
    except json.JSONDecodeError as error:
        whole = data.lstrip()[:1] == b"{"
        cut = whole and error.pos >= len(error.doc.rstrip()) - 1 or "Unterminated" in error.msg
        why = f"truncated after {len(data):,} bytes" if cut else f"not JSON at line {error.lineno}"
        raise Refused(f"not a notebook ({why}); save the notebook and hand it in again") from None
    except RecursionError:
        raise Refused("not a notebook (nested too deeply); save the notebook and hand it in again") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):
        cells = [cell for sheet in notebook["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells", ())]
    if not isinstance(cells, list):
        raise Refused("not a notebook (it has no cells); hand in the .ipynb file itself")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def _cell(cell: dict) -> Submitted:
    source = cell.get("source", cell.get("input", ""))
    source = "".join(part for part in source if isinstance(part, str)) if isinstance(source, list) else source
    metadata = _dict(cell.get("metadata"))
    marks = _dict(metadata.get("nbgrader"))
    ids = (marks.get("grade_id"), cell.get("id"), metadata.get("id"))
    return Submitted(
        str(cell.get("cell_type", "code")),
        source.replace("\r\n", "\n") if isinstance(source, str) else "",
        tuple(name for name in ids if isinstance(name, str)),
    )


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def graft(cells: list[Submitted], exam: Exam) -> Graft:
    """Find each answer, by its id and else by its content, and the student's own cells. Raises Refused."""
    result = Graft()
    owner: dict[int, str] = {}  # position in the submission → id of the place it fills
    by_text = {_squeeze(place.released): place.id for place in exam.places}
    for place in exam.of_kind("exercise"):
        _find_exercise(place, cells, result, owner)
    if not any(place.id in cell.ids for place in exam.places for cell in cells) and result.answers:
        result.flags[:] = [
            "all marks were lost (copied into a new notebook?); the answers were found by their definitions"
        ]
    for number, cell in enumerate(cells):
        if number not in owner:
            known = [
                name
                for name in cell.ids
                if any(name == place.id and place.kind not in ("exercise", "essay") for place in exam.places)
            ]
            same = by_text.get(_squeeze(cell.source))
            if same or known:
                owner[number] = same or known[0]
    for place in exam.of_kind("essay"):
        _find_essay(place, cells, exam, result, owner)
    if not any(owner.get(number) for number in range(len(cells))):
        raise Refused(f"nothing in it belongs to {exam.notebook.name}; hand in that notebook")
    missing = [place.cell.name for place in exam.of_kind("exercise") if place.id not in result.answers]
    if missing:
        result.flags.append(f"no answer cell for {', '.join(missing)}: deleted or renamed?")
    _collect_added(cells, exam, result, owner)
    return result


def _squeeze(source: str) -> str:
    return re.sub(r"\s+", " ", source).strip()


def defines(source: str, name: str) -> bool:
    """Does a cell define this name at its top level? Decided by its text where it is not Python."""
    try:
        tree = ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return re.search(rf"^(def|class)\s+{re.escape(name)}\b", source, re.MULTILINE) is not None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and node.name == name:
            return True
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return True
    return False


def _find_exercise(place: Place, cells: list[Submitted], result: Graft, owner: dict[int, str]) -> None:
    name = place.cell.name
    code = [n for n, cell in enumerate(cells) if cell.kind == "code" and n not in owner]
    marked = [n for n in code if place.id in cells[n].ids]
    defining = [n for n in code if defines(cells[n].source, name)]
    stub = _squeeze(place.released)
    written = [n for n in defining if _squeeze(cells[n].source) != stub]
    own = [n for n in marked if n in defining]
    if own and (len(own) == 1 or len({cells[n].source for n in own}) == 1):
        chosen = own[0]
        if chosen not in written and len(written) == 1 and not cells[written[0]].ids:
            result.notes.append(
                f"{name}: the marked cell is unsolved, the student's definition in another cell counts as it runs after"
            )
    elif own:
        chosen = next((n for n in reversed(own) if n in written), own[-1])
        result.flags.append(f"{name}: {len(own)} cells are marked as its answer; the last one written counts")
    elif written or defining:
        chosen = (written or defining)[-1]
        how = "its marks were lost" if not marked else "its marks stand on another cell"
        result.flags.append(
            f"{name}: {how}, found by its definition" + (f" (the last of {len(written)})" if len(written) > 1 else "")
        )
    elif len(marked) == 1:
        chosen = marked[0]  # emptied, or it no longer defines the name: graded as it stands
    else:
        return
    owner[chosen] = place.id
    for n in own:
        owner.setdefault(n, place.id)  # its copies are not the student's own cells
    result.answers[place.id] = cells[chosen].source


def _find_essay(place: Place, cells: list[Submitted], exam: Exam, result: Graft, owner: dict[int, str]) -> None:
    marked = [n for n, cell in enumerate(cells) if place.id in cell.ids and n not in owner]
    if marked:
        owner[marked[-1]] = place.id
        result.answers[place.id] = cells[marked[-1]].source
        return
    position = exam.places.index(place)
    question = exam.places[position - 1].id
    following = [n for n in sorted(owner) if owner[n] == question]
    if (
        following
        and following[-1] + 1 < len(cells)
        and following[-1] + 1 not in owner
        and cells[following[-1] + 1].kind == "markdown"
    ):
        n = following[-1] + 1
        owner[n] = place.id
        result.answers[place.id] = cells[n].source


def _collect_added(cells: list[Submitted], exam: Exam, result: Graft, owner: dict[int, str]) -> None:
    """The code cells that belong to no place, after the place before them; a changed check or given cell is dropped."""
    after = ""
    texts = {place.id: (_squeeze(place.released), _squeeze(place.instructor)) for place in exam.places}
    kinds = {place.id: place.kind for place in exam.places}
    for number, cell in enumerate(cells):
        place = owner.get(number)
        if place:
            after = place
            if kinds[place] in ("check", "given") and _squeeze(cell.source) not in texts[place]:
                result.notes.append(f"{place}: this cell was changed; the original counts")
        elif cell.kind == "code" and cell.source.strip():
            result.added.setdefault(after, []).append(cell.source)
