"""The student's own code: where it runs. As in their notebook, and never after the answer that needs it."""

from __future__ import annotations

import builtins
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

from autograder.grading.exam import Place
from autograder.grading.python_text import definitions, needs, same_code, statements

if TYPE_CHECKING:
    from autograder.grading.recover import Work

MAX_ROUNDS = 50  # of what a helper needs in turn
MAX_STATEMENTS = 2_000  # of added code that is looked through for helpers
DEFINITIONS_ONLY = ("def ", "class ", "async def ", "import ", "from ", "@")


def collect(work: Work, changed: dict[int, Place]) -> None:
    """Fill in `added`: the code cells that belong to no place, and what was added to cells that are put back."""
    index = {place.id: n for n, place in enumerate(work.exam.places)}
    at: list[tuple[int, str]] = []  # (index of the place after which it runs, source), in the student's order
    anchors = _unmoved(work, index)
    here = -1
    for number, cell in enumerate(work.cells):
        here = anchors.get(number, here)
        if number in changed:
            at += [(index[changed[number].id], text) for text in _new_in(work, cell.source, changed[number])]
        elif number not in work.owner and cell.kind == "code":
            at.append((here, cell.source))
    if changed:
        names = dict.fromkeys(_title(place) for place in changed.values())
        work.result.notes.append(f"changed cells, the originals count: {', '.join(names)}")
    at += _needed_earlier(work, at)
    for n, source in at:
        work.result.added.setdefault(work.exam.places[n].id if n >= 0 else "", []).append(source)


def _title(place: Place) -> str:
    return place.cell.name if place.kind == "check" else place.id


def _unmoved(work: Work, index: dict[str, int]) -> dict[int, int]:
    """The cells that stand in the order of their places, most of them: a longest increasing run. cell → place."""
    pairs = [(number, index[name]) for number, name in sorted(work.owner.items())]
    tails: list[int] = []  # of the best run of each length: its last place, and the pair that ends it
    ends: list[int] = []
    before: list[int] = []
    for n, (_, place) in enumerate(pairs):
        length = bisect_left(tails, place)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1], ends[length : length + 1] = [place], [n]
    kept = {}
    n = ends[-1] if ends else -1
    while n >= 0:
        kept[pairs[n][0]] = pairs[n][1]
        n = before[n]
    return kept


def _new_in(work: Work, source: str, place: Place) -> list[str]:
    """The statements added to a cell that is put back: definitions and imports of names new to the course."""
    if len(statements(source)) > MAX_STATEMENTS:
        return []
    known = {name for p in work.exam.places if p.kind != "text" for name in definitions(p.instructor)} | {"check"}
    original = statements(place.instructor) + statements(place.released)
    kept = []
    for text in statements(source):
        only_defines = place.kind == "given" or text.lstrip().startswith(DEFINITIONS_ONLY)
        names = definitions(text)
        if only_defines and names and not names & known and not any(same_code(text, other) for other in original):
            kept.append(text)
    return ["\n".join(kept)] if kept else []


def _needed_earlier(work: Work, at: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Helpers that an answer needs and that stand after its check: their statements, to run before the answer."""
    places, answers = work.exam.places, work.result.answers
    bound: set[str] = {*dir(builtins), "get_ipython", "display", "In", "Out"}
    for place in places:
        if place.kind in ("given", "exercise"):
            bound |= definitions(place.instructor)
    early: list[tuple[int, str]] = []
    if sum(len(statements(source)) for _, source in at) > MAX_STATEMENTS:
        return early
    for n, place in enumerate(places):
        if place.kind != "exercise" or place.id not in answers:
            continue
        check = next((m for m in range(n, len(places)) if _checks(places[m], place)), len(places))
        have = bound | _names(source for where, source in [*at, *early] if where < check)
        have |= _names(answers[p.id] for p in places[:check] if p.kind == "exercise" and p.id in answers)
        later = [text for where, source in at if where >= check for text in statements(source)]
        later += [t for p in places[check:] if p.kind == "exercise" for t in statements(answers.get(p.id, ""))]
        needed = _closure(set(needs(answers[place.id])) - have, later, have)
        if needed:
            early.append((n - 1, "\n".join(needed)))
            names = ", ".join(sorted(needs(answers[place.id]) & _names(needed)))
            work.result.notes.append(f"{place.cell.name}: it uses {names}, defined further down; that ran first")
    return early


def _closure(wanted: set[str], statements_later: list[str], have: set[str]) -> list[str]:
    """The statements that bind the wanted names, and what those need in turn, in order."""
    taken: set[int] = set()
    for _ in range(MAX_ROUNDS):
        new = {n for n, text in enumerate(statements_later) if n not in taken and definitions(text) & wanted}
        if not new:
            break
        taken |= new
        wanted |= {name for n in new for name in needs(statements_later[n])} - have
    return [statements_later[n] for n in sorted(taken)]


def _checks(place: Place, exercise: Place) -> bool:
    return place.kind == "check" and place.cell.exercise == exercise.cell.name


def _names(sources: Iterable[str]) -> set[str]:
    return {name for source in sources for name in definitions(source)}
