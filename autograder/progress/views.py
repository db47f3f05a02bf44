"""What a student is shown of it: text that any terminal shows, and the same as HTML where Jupyter asks for that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from html import escape

from autograder.outline import NoOutline, Outline, outlines
from autograder.parts import places
from autograder.parts.yours import UNKNOWN, Yours
from autograder.progress import session
from autograder.progress.measure import NOT_WRITTEN, Standing, standing

BUDGET = 20.0  # seconds that the start page may take to try what is not known yet
BOX = "border:1px solid rgba(128,128,128,.4);border-radius:6px;padding:.7em 1em;max-width:52em;line-height:1.5"
BAR = "height:8px;border-radius:4px;background:rgba(128,128,128,.25);margin:.4em 0"
FULL = "height:8px;border-radius:4px;background:#2e8b57;width:{share:.0%}"
CELL = "text-align:{side};padding:.1em .9em .1em 0;background:transparent;vertical-align:top"
SMALL = "font-size:85%;opacity:.75;margin-top:.4em"


class View:
    """Something shown: text, and HTML."""

    def __init__(self, text: str, html: str) -> None:
        self.text, self.html = text, html

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def panel_of(name: str) -> View:
    """The panel of one notebook, or one line that says why there is none."""
    try:
        every = outlines()
        if name not in every:
            raise NoOutline(f"the course has no notebook {name}")
    except NoOutline as problem:
        return View(str(problem), f"<p>{escape(str(problem))}</p>")
    return notebook_view(standing(every[name], Yours(), session.seen()), following(every, name))


def course_of() -> View:
    """The table of all notebooks, or one line that says why there is none."""
    end = time.monotonic() + BUDGET
    try:
        return course_view(standings(lambda _: time.monotonic() < end))
    except NoOutline as problem:
        return View(str(problem), f"<p>{escape(str(problem))}</p>")


def standings(may_try: Callable[[str], bool]) -> list[Standing]:
    """Every notebook's, in order. may_try: asked before each, by name; what it forbids to try is looked up.

    Raises NoOutline.
    """
    tries, knows = Yours(), Yours(tries=False)
    return [standing(outline, tries if may_try(outline.name) else knows) for outline in outlines().values()]


def following(every: dict[str, Outline], name: str) -> Outline | None:
    """The notebook after this one."""
    names = list(every)
    after = names[names.index(name) + 1 :]
    return every[after[0]] if after else None


def notebook_view(at: Standing, after: Outline | None) -> View:
    """One notebook, exercise by exercise."""
    outline = at.outline
    head = f"{outline.title}: {len(at.passed)} of {count(len(outline.exercises), 'exercise')}"
    facts = [f"{at.points} of {count(outline.points, 'point')} from checks"]
    if outline.essays:
        facts.append(f"{sum(outline.essays.values())} more are given by hand")
    facts.append(f"about {count(at.minutes_left, 'minute')} left" if at.minutes_left else "nothing left to do")
    rows = [
        (
            mark(at.reason(exercise)),
            exercise.name,
            f"{at.points_of(exercise)} of {sum(exercise.checks.values())}",
            f"{exercise.minutes} min" if at.reason(exercise) else "",
            at.reason(exercise),
        )
        for exercise in outline.exercises
    ]
    link = f"../{after.module}/{after.name}.ipynb" if after and places.students(after.name) else ""
    ending = [(f"Next notebook: {after.name}, {after.minutes} minutes", link)] if after else []
    share = at.points / outline.points if outline.points else 1.0
    return _view(head, share, " · ".join(facts), rows, "llrrl", ending, measured(at))


def measured(at: Standing) -> str:
    """What the numbers rest on, and from when."""
    checks = sum(len(exercise.checks) for exercise in at.outline.exercises)
    said = []
    if at.live:
        said.append(f"{at.live} of {count(checks, 'check')} ran in this session and count as they went.")
    rest = "The others were" if at.live else "The checks were"
    if at.problem:
        said.append(f"The saved notebook says nothing: {at.problem}.")
    elif at.saved is not None:
        said.append(f"{rest} tried on the notebook as saved {when(at.saved)}; what is not saved yet does not count.")
    elif at.live < checks:
        where = " (on Colab none is)" if places.on_colab() else ""
        said.append(f"No saved copy of this notebook was found{where}: only checks that ran in this session count.")
    return " ".join(said)


def course_view(all_: Sequence[Standing]) -> View:
    """Every notebook in a line."""
    exercises = [len(at.outline.exercises) for at in all_]
    passed = sum(len(at.passed) for at in all_)
    points, most = sum(at.points for at in all_), sum(at.outline.points for at in all_)
    head = f"Your course: {passed} of {count(sum(exercises), 'exercise')}"
    left = hours(sum(at.minutes_left for at in all_))
    facts = f"{points} of {count(most, 'point')} from checks · about {left} left"
    rows = [
        (
            "✓" if at.finished else "…" if at.unknown else "✗" if at.problem else "·",
            at.outline.name,
            f"{len(at.passed)} of {len(at.outline.exercises)}",
            f"{at.points} of {at.outline.points}",
            f"{at.minutes_left} min" if at.minutes_left else "",
            at.problem or about(at),
        )
        for at in all_
    ]
    links = ["", *(f"{at.outline.module}/{at.outline.name}.ipynb" if at.saved is not None else "" for at in all_)]
    after = next((at for at in all_ if not at.finished), None)
    ending = []
    if after:
        link = f"{after.outline.module}/{after.outline.name}.ipynb" if after.saved is not None else ""
        ending.append((f"Next: {after.outline.name}, {after.minutes_left} minutes left", link))
    notes = ["The checks were tried on the notebooks as saved; times left are the authors' estimates."]
    if any(at.unknown for at in all_):
        notes.append("… not tried yet, to keep you waiting no longer: show this again, or run `course progress`.")
    if behind := sum(at.behind for at in all_):
        notes.append(f"A new version of {count(behind, 'notebook')} is there: `course update` brings it in.")
    heads = ("", "notebook", "exercises", "points", "left", "")
    return _view(head, points / most if most else 1.0, facts, [heads, *rows], "llrrrl", ending, " ".join(notes), links)


def about(at: Standing) -> str:
    """What there is to say of a student's file."""
    if at.saved is None:
        return "not in your folder"
    return f"saved {when(at.saved)}" if at.begun else "not begun"


def mark(reason: str) -> str:
    """One sign for an exercise."""
    return {"": "✓", NOT_WRITTEN: "·", UNKNOWN: "…"}.get(reason, "✗")


def count(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def hours(minutes: int) -> str:
    """A length of time for people."""
    return count(minutes, "minute") if minutes < 120 else f"{minutes / 60:.0f} hours"


def when(moment: float) -> str:
    """A moment on the clock of this machine; with the day, where that is not today."""
    then = time.localtime(moment)
    return time.strftime("at %H:%M" if then[:3] == time.localtime()[:3] else "on %d %B %Y at %H:%M", then)


def _view(
    head: str,
    share: float,
    facts: str,
    rows: Sequence[tuple[str, ...]],
    sides: str,
    ending: Iterable[tuple[str, str]],
    note: str,
    links: Sequence[str] = (),
) -> View:
    """A box: a headline, a bar, facts, a table, lines (each with the file it opens, or ""), what was measured."""
    wide = [max((len(row[n]) for row in rows), default=0) for n in range(len(sides))]
    lines = [
        "  ".join(c.rjust(w) if side == "r" else c.ljust(w) for c, w, side in zip(row, wide, sides, strict=True))
        for row in rows
    ]
    last = [words for words, _ in ending]
    text = "\n".join(line.rstrip() for line in [head, facts, "", *lines, "", *last, note] if line or lines)
    cells = []
    for number, row in enumerate(rows):
        shown = [escape(cell) for cell in row]
        shown[1] = _linked(shown[1], links[number]) if links else f"<code>{shown[1]}</code>"
        style = [CELL.format(side="right" if side == "r" else "left") for side in sides]
        cells.append("<tr>" + "".join(f'<td style="{s}">{c}</td>' for s, c in zip(style, shown, strict=True)) + "</tr>")
    html = (
        f'<div style="{BOX}"><div style="font-weight:600">{escape(head)}</div>'
        f'<div style="{BAR}"><div style="{FULL.format(share=share)}"></div></div><div>{escape(facts)}</div>'
        f'<table style="margin:.5em 0;border:none;font-size:inherit">{"".join(cells)}</table>'
        + "".join(f"<div>{_linked(escape(words), link)}</div>" for words, link in ending)
        + f'<div style="{SMALL}">{escape(note)}</div></div>'
    )
    return View(text, html)


def _linked(html: str, link: str) -> str:
    return f'<a href="{escape(link)}">{html}</a>' if link else html
