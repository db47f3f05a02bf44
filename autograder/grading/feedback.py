"""One page per graded notebook for its student: points on top, then the notebook with the verdict at each check.

The page shows the notebook as it was released, with the student's answers: what nbgrader's own feedback shows too, the
code of hidden checks, is taken out first. It is one file that needs no network; formulas are typeset where MathJax can
be fetched, and readable TeX where not. Student text cannot run scripts in it.

nbgrader's exporter takes a third of a second a page. Here text that a class shares is converted once, by nbconvert's
own filters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from nbconvert.filters import strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme
from nbgrader.utils import is_grade, is_locked, is_solution
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.files import write_atomically
from autograder.grading.gradebook import NO_RESPONSE, GradebookWriter, Mark, Marks
from autograder.grading.result import CheckResult, Result
from autograder.grading.verdicts import is_check, nbgrader_of, parse

MATHJAX = "https://cdn.jsdelivr.net/npm/mathjax@3.2.2/es5/"
MOST_SHOWN = 20_000  # characters of one cell: a student may have pasted a data set
FLAGGED = "Your instructor will look at this notebook before the points are final."

_FORMATTER = HtmlFormatter(style="default", nobackground=True, wrapcode=True)


@dataclass(frozen=True)
class _Row:
    """One line of the score table. score: None while a person has yet to grade it. tone: good, bad or wait."""

    exercise: str
    title: str
    anchor: str
    status: str
    tone: str
    score: float | None
    max_score: float


class FeedbackWriter:
    """Writes feedback pages; make one for a whole class. gradebook: where points and comments given by hand are."""

    def __init__(self, gradebook: GradebookWriter | None = None) -> None:
        self._gradebook = gradebook
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent),
            autoescape=True, trim_blocks=True, lstrip_blocks=True,
        )
        environment.filters["points"] = lambda value: f"{round(value, 2):g}"
        self._template = environment.get_template("feedback.html.j2")

    def write(self, result: Result, released_notebook_json: str | None, path: Path) -> None:
        """Write the page for one result, whole or not at all.

        released_notebook_json: the released notebook with the student's answers in it; None makes it of the result's
        own (`released`). A refused result gets a page that says why.
        """
        write_atomically(path, self.page(result, released_notebook_json))

    def page(self, result: Result, released_notebook_json: str | None = None) -> str:
        """The page's HTML."""
        marks = Marks()
        if self._gradebook is not None and result.outcome != "refused":
            marks = self._gradebook.marks(result.student, result.assignment, result.notebook)
        rows: dict[str, _Row] = {check.grade_id: _check_row(check, marks) for check in result.checks}
        cells = []
        if result.outcome != "refused":
            messages = {check.grade_id: check.message for check in result.checks}
            for cell in _released_cells(released_notebook_json or result.notebook_json):
                shown = _cell(cell, rows, messages, marks)
                if shown:
                    cells.append(shown)
        settled = [row for row in rows.values() if row.score is not None]
        return self._template.render(
            student=result.student, assignment=result.assignment, notebook=result.notebook,
            refused=result.outcome == "refused",
            notes=(FLAGGED,) if result.outcome == "flagged" else result.reasons,
            rows=list(rows.values()), cells=cells,
            score=max(0.0, sum(row.score or 0.0 for row in settled) - marks.late_penalty),
            max_score=sum(row.max_score for row in settled),
            pending=sum(row.max_score for row in rows.values() if row.score is None),
            late_penalty=marks.late_penalty, code_css=_code_css(), mathjax=MATHJAX,
        )


def released(notebook: NotebookNode) -> NotebookNode:
    """The notebook without hidden tests and marking schemes, in place, by nbgrader's own preprocessors.

    Only cells that the course locks are searched: the markers in a student's answer are the student's own text.
    """
    steps = ClearHiddenTests(enforce_metadata=False), ClearMarkScheme(enforce_metadata=False)
    for index, cell in enumerate(notebook.cells):
        if is_locked(cell) or (is_grade(cell) and not is_solution(cell)):
            for step in steps:
                step.preprocess_cell(cell, {}, index)
    return notebook


def _released_cells(notebook_json: str) -> list[NotebookNode]:
    return list(released(parse(notebook_json)).cells)


def _check_row(check: CheckResult, marks: Marks) -> _Row:
    mark = marks.marks.get(check.grade_id, Mark(check.points, check.max_points, False))
    exercise, colon, words = check.title.partition(":")
    title = words.strip() if colon and exercise == check.exercise else check.title
    tone = "good" if mark.score >= mark.max_score else "bad"
    status = check.status
    if mark.score != check.points:
        status = "graded by hand"
    elif 0 < check.points < check.max_points:
        status = "in part"
    return _Row(check.exercise, title, check.grade_id, status, tone, mark.score, mark.max_score)


def _cell(cell: NotebookNode, rows: dict[str, _Row], messages: dict[str, str], marks: Marks) -> dict[str, Any] | None:
    """What the template shows of a cell, None for nothing. Essays add their row."""
    meta = nbgrader_of(cell)
    grade_id = meta.get("grade_id", "")
    comment = marks.comments.get(grade_id)
    shown: dict[str, Any] = {"anchor": grade_id, "comment": None if comment == NO_RESPONSE else comment}
    if is_check(cell) and grade_id in rows:
        return shown | {"kind": "check", "row": rows[grade_id], "message": strip_ansi(messages[grade_id]).rstrip(),
                        "html": _code(cell.source)}
    if cell.cell_type == "markdown" and is_grade(cell):
        rows[grade_id] = row = _essay_row(cell, marks)
        return shown | {"kind": "essay", "row": row, "html": _essay(_cut(cell.source))}
    if cell.cell_type == "markdown":
        attached = bool(cell.get("attachments"))
        return shown | {"kind": "text", "html": _text(cell.source) if not attached else _markdown(cell)}
    if cell.cell_type != "code" or not cell.source.strip():
        return None
    if is_locked(cell):
        demo = "demo" in cell.metadata.get("tags", [])
        return shown | {"kind": "given", "label": "demo" if demo else "given code", "html": _code(cell.source)}
    label = "your answer" if is_solution(cell) else "a cell that you added"
    return shown | {"kind": "answer", "label": label, "html": _code(_cut(cell.source))}


def _essay_row(cell: NotebookNode, marks: Marks) -> _Row:
    meta = nbgrader_of(cell)
    most = float(meta["points"])
    mark = marks.marks.get(meta["grade_id"], Mark(0.0, most, True))
    score: float | None = mark.score
    if mark.pending:
        status, tone, score = "to be graded by hand", "wait", None
    elif marks.comments.get(meta["grade_id"]) == NO_RESPONSE and not mark.score:
        status, tone = "not attempted", "bad"
    else:
        status, tone = "graded by hand", "good" if mark.score else "bad"
    return _Row("in words", "the question in words", meta["grade_id"], status, tone, score, mark.max_score)


def _cut(source: str) -> str:
    if len(source) <= MOST_SHOWN:
        return source
    return source[:MOST_SHOWN] + f"\n# … {len(source) - MOST_SHOWN:,} more characters, not shown here"


@lru_cache(maxsize=4096)
def _code(source: str) -> str:
    return str(highlight(source, PythonLexer(stripnl=False), _FORMATTER))


@lru_cache(maxsize=1)
def _code_css() -> str:
    return str(_FORMATTER.get_style_defs(".highlight"))


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown, with formulas in the delimiters that MathJax knows without being configured."""

    def inline_math(self, body: str) -> str:
        return rf"\({self.escape_html(body)}\)"

    def block_math(self, body: str) -> str:
        return rf"\[{self.escape_html(body)}\]"


def _render(source: str, attachments: dict[str, Any] | None = None, trusted: bool = True) -> str:
    renderer = _Renderer(
        escape=not trusted, allow_harmful_protocols=trusted, exclude_anchor_links=True, attachments=attachments or {},
    )
    return str(MarkdownWithMath(renderer=renderer).render(source))


@lru_cache(maxsize=1024)
def _text(source: str) -> str:
    return _render(source)


def _markdown(cell: NotebookNode) -> str:
    return _render(cell.source, cell.attachments)


@lru_cache(maxsize=1024)
def _essay(source: str) -> str:
    """A student's Markdown: its HTML is shown as text, its links lead nowhere that runs."""
    return _render(source, trusted=False)
