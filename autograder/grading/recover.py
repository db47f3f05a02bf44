"""Find a submission's answers by their ids, else by their content and order, and say what was guessed.

The pristine notebook's cells are *places*. First the cells that still read as released claim theirs, then answers are
found, then changed cells by their ids. What is left is the student's own: their code runs, in an order that works.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from autograder.extras import is_panel
from autograder.frame import unticked
from autograder.grading.cells import Refused, Submitted
from autograder.grading.exam import Exam, Place
from autograder.grading.python_text import (
    continues,
    defines,
    definitions,
    forget,
    parse,
    renamed_from,
    same_code,
    squeeze,
    without,
)


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
        answer = self.answers.get(place.id, place.released)
        if place.kind == "essay":
            return squeeze(answer) != squeeze(place.released)
        return not same_code(answer, place.released)


@dataclass
class Work:
    """A graft in the making. owner: a cell's number → the id of the place it belongs to. ids: those the exam knows."""

    cells: list[Submitted]
    exam: Exam
    result: Graft = field(default_factory=Graft)
    owner: dict[int, str] = field(default_factory=dict)
    chosen: dict[str, int] = field(default_factory=dict)  # place of an answer → the cell that holds it
    lost: list[str] = field(default_factory=list)  # exercises found by definition, their marks gone
    marked: set[str] = field(default_factory=set)  # the exam's ids that stand on any cell

    def __post_init__(self) -> None:
        known = {place.id for place in self.exam.places}
        self.cells = [
            replace(c, source=unticked(c.source), ids=tuple(i for i in c.ids if i in known)) for c in self.cells
        ]
        self.cells = [c for c in self.cells if (c.source.strip() or c.ids) and not is_panel(c.source)]
        self.marked = {name for cell in self.cells for name in cell.ids}
        self.exercises = {place.cell.name: place for place in self.exam.of_kind("exercise")}
        self.names = frozenset(self.exercises)

    def free(self, *kinds: str) -> list[int]:
        """The cells that nothing claims yet, of these kinds."""
        return [n for n, cell in enumerate(self.cells) if n not in self.owner and cell.kind in kinds]

    def first_check(self, place: Place) -> int:
        """Where the first check of an exercise stands in the submission; its end where none does."""
        checks = {p.id for p in self.exam.of_kind("check") if p.cell.exercise == place.cell.name}
        by_text = [n for n, owner in self.owner.items() if owner in checks]
        by_id = [n for n, cell in enumerate(self.cells) if checks & set(cell.ids) and n not in self.owner]
        return min(by_text or by_id, default=len(self.cells))


def graft(cells: list[Submitted], exam: Exam) -> Graft:
    """Find each answer, by its id and else by its content, and the student's own cells. Raises Refused."""
    try:
        return _graft(Work(cells, exam))
    finally:
        forget()


def _graft(work: Work) -> Graft:
    from autograder.grading.added import collect
    from autograder.grading.essays import claim_essays

    exam = work.exam
    joined = _join_split(work)
    _claim_by_text(work)
    for place in exam.of_kind("exercise"):
        _claim_exercise(work, place)
    changed = _claim_by_id(work)
    claim_essays(work)
    if not work.owner:
        raise Refused(f"nothing in it belongs to {exam.notebook.name}; hand in that notebook")
    _tell(work, joined)
    collect(work, changed)
    return work.result


def _join_split(work: Work) -> list[int]:
    """Put the halves of cells together that were cut inside a function. Returns the numbers of the joined cells."""
    cells: list[Submitted] = []
    joined: list[int] = []
    as_released = work.exam.released_texts
    for cell in work.cells:
        last = cells[-1] if cells else None
        fits = last and last.kind == cell.kind == "code" and squeeze(cell.source) not in as_released
        if last and fits and continues(last.source, cell.source):
            cells[-1] = replace(last, source=f"{last.source}\n{cell.source}", ids=last.ids or cell.ids)
            joined.append(len(cells) - 1)
        else:
            cells.append(cell)
    work.cells = cells
    return list(dict.fromkeys(joined))


def _claim_by_text(work: Work) -> None:
    """Cells that read as released belong to their places, whatever their marks say."""
    for number, cell in enumerate(work.cells):
        if name := work.exam.by_text.get(squeeze(cell.source)):
            work.owner[number] = name


def _part(work: Work, number: int, name: str) -> str:
    """What a cell says of one exercise: the cell, less the answers to others that stand in it too."""
    source = work.cells[number].source
    others = frozenset(other for other in work.names - {name} if other in source) & definitions(source)
    return without(source, others) if others and defines(source, name) else source


def _claim_exercise(work: Work, place: Place) -> None:
    name, result = place.cell.name, work.result
    answers = set(work.chosen.values())
    code = [n for n, cell in enumerate(work.cells) if cell.kind == "code" and (n not in work.owner or n in answers)]
    marked = [n for n, cell in enumerate(work.cells) if place.id in cell.ids and (n not in work.owner or n in answers)]
    defining = [n for n in code if defines(work.cells[n].source, name)]
    written = [n for n in defining if not same_code(_part(work, n, name), place.released)]
    own = [n for n in marked if n in written]
    elsewhere = [n for n in written if n not in marked]
    if own:
        number = own[-1]
        if len({squeeze(work.cells[n].source) for n in own}) > 1:
            result.flags.append(f"{name}: {len(own)} cells are marked as its answer; the last one written counts")
    elif elsewhere:
        number = _as_run(work, place, elsewhere)
        several = len({squeeze(_part(work, n, name)) for n in elsewhere}) > 1
        if any(n in defining for n in marked):
            result.notes.append(f"{name}: its own cell is unsolved; the student's definition in another cell counts")
        elif number not in answers:
            work.lost.append(name)
        if several:
            which = "the last one" if number == elsewhere[-1] else "the last one before its check"
            result.flags.append(f"{name}: defined in {len(elsewhere)} cells; {which} counts")
    elif (found := _retyped(work, place, marked)) is not None:
        number = found
        result.flags.append(f"{name}: its cell was turned into a {work.cells[number].kind} cell; read as code")
    elif _take_renamed(work, place, marked):
        return
    elif marked or defining:
        number = (defining or marked)[-1]  # unsolved, emptied, or it no longer defines the name: graded as it stands
        if number not in defining and work.cells[number].source.strip():
            result.notes.append(f"{name}: its cell does not define {name}; graded as it stands")
    else:
        return
    _give(work, place, number, _part(work, number, name))
    for n in marked:
        text = work.cells[n].source
        if n in defining or not text.strip() or same_code(text, place.released) or work.cells[n].kind != "code":
            work.owner.setdefault(n, place.id)  # its copies are not the student's own cells
    for n in defining:
        if n not in written:
            work.owner.setdefault(n, place.id)


def _give(work: Work, place: Place, number: int, source: str) -> None:
    others = [p.cell.name for p in work.exercises.values() if work.chosen.get(p.id) == number]
    if others:
        work.result.flags.append(f"{place.cell.name}: answered in one cell with {', '.join(others)}")
    work.owner.setdefault(number, place.id)
    work.chosen[place.id] = number
    work.result.answers[place.id] = source


def _as_run(work: Work, place: Place, numbers: list[int]) -> int:
    """Which of several definitions the notebook's own check meets: the last one before it; else the last of all."""
    before = [n for n in numbers if n < work.first_check(place)]
    return (before or numbers)[-1]


def _retyped(work: Work, place: Place, marked: list[int]) -> int | None:
    """The markdown or raw cell that is Python and defines the name, and nothing else does."""
    name, cells = place.cell.name, work.cells
    text = [n for n in work.free("markdown", "raw") if name in cells[n].source and parse(cells[n].source)]
    text = [n for n in text if defines(cells[n].source, name) and not same_code(cells[n].source, place.released)]
    own = [n for n in text if n in marked]
    return own[-1] if own else text[0] if len(text) == 1 else None


def _take_renamed(work: Work, place: Place, marked: list[int]) -> bool:
    """Take an answer whose function has another name: in its own cell, or the one new cell where an answer belongs."""
    name = place.cell.name
    for number in [n for n in marked if n not in work.owner] or _where_it_belongs(work, place):
        source = work.cells[number].source
        if other := renamed_from(source, place.released, name, work.names):
            work.result.flags.append(f"{name}: the answer is called {other}; graded under the name {name}")
            _give(work, place, number, f"{source}\n\n{name} = {other}")
            return True
    return False


def _where_it_belongs(work: Work, place: Place) -> list[int]:
    """The one new code cell between an exercise's statement and its first check, as a list."""
    statement = work.exam.places[work.exam.places.index(place) - 1].id
    starts = [n for n, owner in work.owner.items() if owner == statement]
    end = work.first_check(place)
    if not starts or end == len(work.cells):
        return []
    between = [
        n for n in work.free("code") if max(starts) < n < end and not definitions(work.cells[n].source) & work.names
    ]
    return between if len(between) == 1 else []


def _claim_by_id(work: Work) -> dict[int, Place]:
    """Cells that bear the mark or the title of a place that nothing else claims: changed, the original counts."""
    taken = set(work.owner.values())
    places = {p.id: p for p in work.exam.places if p.kind not in ("exercise", "essay") and p.id not in taken}
    changed: dict[int, Place] = {}
    for number in work.free("code", "markdown", "raw"):
        cell, checks = work.cells[number], [p for p in places.values() if p.kind == "check"]
        titles = [p.id for p in checks if p.cell.name in cell.source] if "check(" in cell.source else []
        for name in (*cell.ids, *titles):
            if name in places and number not in work.owner:
                work.owner[number] = name
                place = places.pop(name)
                if place.kind != "text" and not same_code(cell.source, place.released):
                    changed[number] = place
    return changed


def _tell(work: Work, joined: Iterable[int]) -> None:
    """The flags that concern the whole submission."""
    result, names = work.result, {p.id: p.cell.name for p in work.exercises.values()}
    split = [names[name] for name, number in work.chosen.items() if number in set(joined) and name in names]
    if split:
        result.flags.append(f"{', '.join(split)}: the answer was split over several cells; joined")
    if result.answers and not work.marked:
        result.flags.append(
            "all marks were lost (copied into a new notebook?); the answers were found by their definitions"
        )
    elif work.lost:
        result.flags.append(
            f"{', '.join(work.lost)}: the answer's marks were lost or stand on another cell; found by its definition"
        )
    missing = [place.cell.name for place in work.exercises.values() if place.id not in result.answers]
    if missing:
        result.flags.append(f"no answer cell for {', '.join(missing)}: deleted or renamed?")
