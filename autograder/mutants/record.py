"""What was tried on a notebook and what came of it, with a hash of all that decides it; and the table for readers.

The record stands beside the source, `solutions/…/NAME.tested.json`, and is committed: while its hash holds, the answers
and mutants need not be tried again. `solutions/MUTANTS.md` is made from all records.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from autograder.answers import Trial
from autograder.borrowing import lent
from autograder.course import Course, CourseError, Notebook
from autograder.files import write_atomically
from autograder.grading.exam import Exam
from autograder.mutants.trial import Outcome
from autograder.source import read_cells

PACKAGE = Path(__file__).resolve().parents[1]
# What decides whether an answer passes, and which mutants there are. Whole files, and functions of files that do more.
FILES = (
    "answers.py", "checks.py", "compare.py", "forbidden.py", "grammar.py", "inputs.py", "statements.py", "values.py",
    "weight.py", "grading/engine.py", "grading/judge.py", "mutants/arithmetic.py", "mutants/calls.py",
    "mutants/excuses.py", "mutants/indices.py", "mutants/library.py", "mutants/make.py", "mutants/normal.py",
    "mutants/scope.py", "mutants/statements.py", "mutants/trial.py",
)  # fmt: skip
FUNCTIONS = {
    "build.py": ("wrap_check",),
    "rules.py": ("split_checks",),
    "source.py": ("bound", "reads", "scope_of"),
    "grading/exam.py": ("reference_steps", "step", "_without_markers"),
    "grading/grade.py": ("forbidden_verdicts", "_tree", "_reached"),
}
LIBRARIES = ("torch", "numpy", "cosmic-ray")
COLUMNS = {"exercise": "exercise", "wrong": "wrong answers", "right": "right answers", "mutants": "mutants",
           "killed": "killed", "raised": "of these by an error", "equivalent": "equivalent",
           "survived": "survived, with a reason"}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One exercise: hand-written answers, all of which behave, and mutants.

    killed: by a value or by an error. raised: only the latter, timed out and died included. survived: less equivalents.
    """

    exercise: str
    wrong: int
    right: int
    mutants: int
    killed: int
    raised: int
    equivalent: int
    survived: int


@dataclass(frozen=True)
class Record:
    """What was found for one notebook. hash: of what was tried, see `fingerprint`."""

    hash: str
    rows: tuple[Row, ...]

    @property
    def counts(self) -> list[Row]:
        """The rows without `raised`: which error comes first may depend on the machine."""
        return [dataclasses.replace(row, raised=0) for row in self.rows]


def path_of(course: Course, notebook: Notebook) -> Path:
    """Where a notebook's record stands."""
    return course.source(notebook).with_suffix(".tested.json")


def fingerprint(course: Course, notebook: Notebook) -> str:
    """A hash of the notebook's code cells, its answers file, the parts of earlier notebooks that it imports, the code
    that decides, and the libraries' versions.

    Prose, demos and essays are left out, comments in the machinery are not. Raises CourseError for a source that cannot
    be read.
    """
    digest = hashlib.sha256()

    def add(*parts: str) -> None:
        digest.update(json.dumps(parts, ensure_ascii=False).encode())

    cells, answers = read_cells(course.source(notebook)), course.answers(notebook)
    for cell in (*cells, *(read_cells(answers) if answers.exists() else ())):
        if cell.kind not in ("text", "demo", "essay"):
            add(cell.kind, cell.name, json.dumps(cell.meta, sort_keys=True), cell.source)
    for name, source in lent(course, notebook, cells).items():
        add(name, source)
    for name in FILES:
        add(name, (PACKAGE / name).read_text(encoding="utf-8"))
    for name, functions in FUNCTIONS.items():
        add(name, *_functions(PACKAGE / name, functions))
    for name in LIBRARIES:
        add(name, _version(name))
    return digest.hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return version(package).partition("+")[0]  # +cpu and +cu130 are the same to us
    except PackageNotFoundError:
        return ""


def _functions(path: Path, names: tuple[str, ...]) -> list[str]:
    """The text of these functions, in the order of the file."""
    text = path.read_text(encoding="utf-8")
    found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name in names]
    return [ast.get_source_segment(text, node) or "" for node in found]


def summary(exam: Exam, trials: list[Trial], outcomes: list[Outcome]) -> tuple[Row, ...]:
    """A row for each exercise, in the order of the notebook."""
    rows = []
    for exercise in (place.cell.name for place in exam.of_kind("exercise")):
        kinds = Counter(trial.answer.kind for trial in trials if trial.answer.exercise == exercise)
        own = [outcome for outcome in outcomes if outcome.mutant.exercise == exercise]
        equivalent = sum(outcome.equivalent for outcome in own)
        killed = sum(outcome.killed for outcome in own)
        failed = sum(outcome.how == "failed" for outcome in own)
        left = len(own) - killed - equivalent
        counts = (kinds["wrong"], kinds["right"], len(own), killed, killed - failed, equivalent, left)
        rows.append(Row(exercise, *counts))
    return tuple(rows)


def read(course: Course, notebook: Notebook) -> Record | None:
    """A notebook's record, None where there is none or it cannot be read."""
    try:
        data = json.loads(path_of(course, notebook).read_text(encoding="utf-8"))
        return Record(data["hash"], tuple(Row(**row) for row in data["exercises"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(course: Course, notebook: Notebook, record: Record) -> list[Path]:
    """Write a record and the table; returns what has changed. Raises CourseError where it cannot."""
    data = {"hash": record.hash, "exercises": [dataclasses.asdict(row) for row in record.rows]}
    return _renew({path_of(course, notebook): json.dumps(data, indent=1) + "\n"})


def write_table(course: Course) -> list[Path]:
    """Write `solutions/MUTANTS.md` from all records; returns it where it has changed."""
    return _renew({course.root / "solutions" / "MUTANTS.md": table(course)})


def _renew(files: dict[Path, str]) -> list[Path]:
    changed = []
    for path, text in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_atomically(path, text)
            changed.append(path)
    return changed


def table(course: Course) -> str:
    """The records as Markdown, a table for each notebook."""
    lines = [
        "# What the checks catch",
        "",
        "Generated by `make mutants`. Wrong and right answers are written by hand, in the answers file beside each",
        "notebook's source; all of them behave. A mutant is the reference solution with one change, made by a program;",
        "it is killed when a check fails. An equivalent one computes the same as the reference; the answers file says",
        "why, for each.",
    ]
    for notebook in course.notebooks:
        record = read(course, notebook)
        lines += ["", f"## {notebook.module}/{notebook.name}", ""]
        if record is None:
            lines.append("Not tried yet.")
            continue
        rows = [dataclasses.asdict(row) for row in record.rows]
        total = {key: sum(row[key] for row in rows) for key in COLUMNS if key != "exercise"}
        share = total["killed"] / max(1, total["mutants"] - total["equivalent"])
        lines += ["| " + " | ".join(COLUMNS.values()) + " |", "|---" * len(COLUMNS) + "|"]
        lines += ["| " + " | ".join([f"`{row['exercise']}`", *(str(row[key]) for key in total)]) + " |" for row in rows]
        lines.append("| " + " | ".join(["all", *map(str, total.values())]) + " |")
        lines += ["", f"{share:.1%} of the mutants that are not equivalent are killed."]
    return "\n".join(lines) + "\n"


def problem(course: Course, notebook: Notebook) -> str:
    """Why a notebook must be tried again, "" where its record holds."""
    found = read(course, notebook)
    if found is None:
        return "not tried yet"
    try:
        return "" if found.hash == fingerprint(course, notebook) else "changed since it was last tried"
    except CourseError as error:
        return str(error)
