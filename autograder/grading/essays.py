"""Find the answers in words. People write them into the cell, below it, or as a comment in code: all of it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.grading.exam import Place
from autograder.grading.python_text import parse, squeeze

if TYPE_CHECKING:
    from autograder.grading.recover import Work


def claim_essays(work: Work) -> None:
    """Give each essay the text of its own cells and of the new text cells that stand beside them."""
    for place in work.exam.of_kind("essay"):
        _claim(work, place)


def _claim(work: Work, place: Place) -> None:
    cells, slug = work.cells, place.cell.name
    marked = [n for n, cell in enumerate(cells) if place.id in cell.ids and n not in work.owner]
    question = work.exam.places[work.exam.places.index(place) - 1].id
    asked = [n for n, owner in work.owner.items() if owner == question]
    for n in marked:
        work.owner[n] = place.id
    near = _near(work, place, [*asked[-1:], *marked])
    own = list(dict.fromkeys(cells[n].source for n in marked if _written(cells[n].source, place)))
    beside = [cells[n].source for n in near if cells[n].kind != "code" and _written(cells[n].source, place)]
    if not own and not beside:
        typed = [n for n in near if cells[n].kind == "code" and parse(cells[n].source) is None]
        beside = [cells[n].source for n in typed]
        near = typed
    else:
        near = [n for n in near if cells[n].kind != "code"]
    for n in near:
        work.owner[n] = place.id
    if len(own) > 1:
        work.result.flags.append(f"essay {slug}: {len(own)} cells are marked as its answer; their texts are joined")
    if any(cells[n].kind == "code" for n in (*marked, *near)) and (own or beside):
        work.result.flags.append(f"essay {slug}: written into a code cell; read as text")
    if beside and marked:
        work.result.notes.append(f"essay {slug}: the new text cells beside its cell are part of the answer")
    if own or beside:
        work.result.answers[place.id] = "\n\n".join([*own, *beside])
    elif marked:
        work.result.answers[place.id] = cells[marked[-1]].source


def _near(work: Work, place: Place, anchors: list[int]) -> list[int]:
    """The unclaimed cells that follow the question or the answer's own cell, up to the next claimed one."""
    found: list[int] = []
    for anchor in anchors:
        for n in range(anchor + 1, len(work.cells)):
            if work.owner.get(n, place.id) != place.id:
                break
            if n not in work.owner and n not in found:
                found.append(n)
    return sorted(found)


def _written(source: str, place: Place) -> bool:
    return bool(source.strip()) and squeeze(source) != squeeze(place.released)
