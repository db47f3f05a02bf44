"""From one text source per notebook to everything generated: released and instructor notebooks, and `internals/`.

`outputs(course)` is pure: a mapping from path to bytes, the same bytes every time. `build` writes what differs, each
file in one step; `stale` names what differs. What students get goes through nbgrader's own preprocessors.
"""

from __future__ import annotations

import json
from pathlib import Path

from autograder.borrowing import refuse_borrowing
from autograder.course import Course, Notebook
from autograder.extras import with_panel
from autograder.files import write_atomically
from autograder.frame import framed
from autograder.grammar import BEGIN_HIDDEN, END_HIDDEN
from autograder.library import handwritten_file, library_module, package_init
from autograder.outline import entry, outline_path
from autograder.outline import to_bytes as outline_file
from autograder.rules import checked_cells
from autograder.source import Cell, SourceError, read_cells

INDENT = "    "
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
ESSAY_STUB = "*Your answer here.*"
LEFTOVERS = (
    "### BEGIN SOLUTION",
    "### END SOLUTION",
    BEGIN_HIDDEN,
    END_HIDDEN,
    "### BEGIN MARK SCHEME",
    "### END MARK SCHEME",
)


def wrap_check(cell: Cell, forbid: tuple[str, ...] = ()) -> str:
    """The body of a check cell inside `with check(title):`, as notebooks hold it."""
    points = f"{cell.meta['points']} point{'s' * (cell.meta['points'] != 1)}"
    title = json.dumps(cell.name, ensure_ascii=False)
    opening = f"with check({title}):  # {points}"
    if forbid:  # on a line of its own: it is long
        opening = f"with check({title},  # {points}\n{INDENT * 2}   forbid={json.dumps(list(forbid))}):"
    body = "\n".join(INDENT + line if line.strip() else line for line in cell.source.splitlines())
    return f"{opening}\n{body}"


def instructor_cells(path: Path, cells: list[Cell]) -> list[dict]:
    """Notebook cells with nbgrader's metadata (schema 3), solutions and hidden checks in place."""
    forbids = {cell.name: cell.forbid for cell in cells if cell.kind == "exercise"}
    result: list[dict] = []
    seen: dict[str, int] = {}
    for cell in cells:
        grade_id = cell.grade_id
        if grade_id in seen and cell.kind not in ("text", "given"):
            raise SourceError(
                path,
                cell.line,
                f"the name of this cell and of the one at line {seen[grade_id]} give the same id "
                f"{grade_id}: rename one",
            )
        if grade_id in seen:
            grade_id = f"{grade_id}-{len(seen)}"
        seen[grade_id] = cell.line
        metadata: dict = {}
        source = cell.source
        marks = {
            "schema_version": 3,
            "grade_id": grade_id,
            "grade": False,
            "solution": False,
            "locked": not cell.meta.get("editable"),
            "task": False,
        }
        if cell.kind == "exercise":
            marks |= {"solution": True, "locked": False}
        elif cell.kind == "check":
            source = wrap_check(cell, forbids.get(cell.exercise, ()))
            marks |= {"grade": True, "points": cell.meta["points"]}
        elif cell.kind == "essay":
            marks |= {"grade": True, "solution": True, "locked": False, "points": cell.meta["points"]}
        elif cell.kind == "demo":
            metadata |= {"tags": ["demo"], "alt": cell.meta["alt"]}
        if cell.kind != "text":
            metadata["nbgrader"] = marks
        code: dict = {"execution_count": None, "outputs": []} if cell.kind not in ("text", "essay") else {}
        result.append(
            {
                "cell_type": "code" if code else "markdown",
                "id": grade_id,
                "metadata": metadata,
                "source": source,
                **code,
            }
        )
    return result


def to_bytes(cells: list[dict]) -> bytes:
    """A notebook's file, byte for byte the same for the same cells."""
    notebook = {"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}
    notebook["cells"] = [{**cell, "source": cell["source"].splitlines(keepends=True)} for cell in cells]
    return (json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def release(instructor: bytes) -> bytes:
    """What students get of an instructor notebook: nbgrader's preprocessors, in the order of generate_assignment."""
    import nbformat
    from nbgrader import preprocessors as pp

    notebook = nbformat.reads(instructor.decode(), as_version=4)
    resources: dict = {"nbgrader": {}}
    for step in (
        pp.ClearSolutions(text_stub=ESSAY_STUB),
        pp.LockCells(),
        pp.ClearOutput(),
        pp.CheckCellMetadata(),
        pp.ComputeChecksums(),
        pp.ClearHiddenTests(),
        pp.ClearMarkScheme(),
        pp.ComputeChecksums(),
        pp.CheckCellMetadata(),
    ):
        notebook, resources = step.preprocess(notebook, resources)
    cells = [dict(cell) for cell in json.loads(nbformat.writes(notebook))["cells"]]
    return to_bytes([{**cell, "source": "".join(cell["source"])} for cell in cells])


def outputs(course: Course) -> dict[Path, bytes]:
    """Every generated file of the course. Raises CourseError for a source that breaks a rule."""
    files: dict[Path, bytes] = {course.root / "internals" / "__init__.py": package_init(course).encode()}
    for notebook in course.notebooks:
        files |= notebook_outputs(course, notebook)
    files[outline_path(course)] = outline_file([entry(n, read_cells(course.source(n))) for n in course.notebooks])
    files |= start_page(course)
    for path in _handwritten(course):
        target = course.root / "internals" / path.relative_to(course.root / "solutions" / "library")
        if target in files:
            both = target.relative_to(course.root).as_posix()
            name = path.parent.name if path.name == "__init__.py" else path.stem
            raise SourceError(path, 1, f"a notebook is called {name} too, and both would be {both}")
        files[target] = handwritten_file(path, course.root).encode()
    return files


def _handwritten(course: Course) -> list[Path]:
    """The library's files that belong to no notebook: modules, and packages with what they read beside their code."""
    library = course.root / "solutions" / "library"
    packages = [path.parent for path in library.glob("*/*.py")]
    inside = [path for package in set(packages) for kind in ("*.py", "*.toml") for path in package.rglob(kind)]
    return sorted([*library.glob("*.py"), *inside])


def notebook_outputs(course: Course, notebook: Notebook) -> dict[Path, bytes]:
    """The released notebook, the instructor notebook and the library module of one source."""
    path = course.source(notebook)
    cells = checked_cells(path)
    refuse_borrowing(course, notebook, cells)
    instructor = to_bytes(instructor_cells(path, framed(course, notebook, cells)))
    released = release(instructor)
    text = released.decode()
    for words in LEFTOVERS:
        if words in text:
            raise SourceError(
                path, 1, f"`{words}` is left in the released notebook: its pair is missing or stands in the wrong cell"
            )
    return {
        course.instructor(notebook): instructor,
        course.released(notebook): to_bytes(with_panel(released, notebook.name)),
        _library_path(course, notebook): library_module(path, notebook, cells).encode(),
    }


def start_page(course: Course) -> dict[Path, bytes]:
    """The page that `make lab` opens on, from solutions/start.py; nothing where a course has none."""
    source = course.root / "solutions" / "start.py"
    if not source.exists():
        return {}
    cells = []
    for cell in read_cells(source):
        if cell.kind not in ("text", "given"):
            raise SourceError(source, cell.line, f"the start page holds text and given code only, no {cell.kind}")
        code: dict = {} if cell.kind == "text" else {"execution_count": None, "outputs": []}
        kind = "code" if code else "markdown"
        cells.append({"cell_type": kind, "id": cell.grade_id, "metadata": {}, "source": cell.source, **code})
    return {course.start_page: to_bytes(cells)}


def _library_path(course: Course, notebook: Notebook) -> Path:
    """internals/NAME.py; internals/NAME/__init__.py where solutions/library/ has a package of that name."""
    library = course.root / "internals"
    if any((course.root / "solutions" / "library" / notebook.name).glob("*.py")):
        return library / notebook.name / "__init__.py"
    return library / f"{notebook.name}.py"


def stale(course: Course) -> list[str]:
    """What `build` would change, a line each."""
    wanted = outputs(course)
    lines = []
    for path, content in wanted.items():
        if path.is_relative_to(course.root / "build"):
            continue  # git-ignored: absent from a fresh clone
        name = path.relative_to(course.root)
        if not path.exists():
            lines.append(f"{name}: missing; run `course build`")
        elif path.read_bytes() != content:
            lines.append(f"{name}: stale or edited by hand; edit its source in solutions/ and run `course build`")
    return lines + [
        f"{path.relative_to(course.root)}: nothing builds it any more; run `course build`"
        for path in _orphans(course, wanted)
    ]


def build(course: Course) -> list[Path]:
    """Write every generated file that differs, remove what nothing builds any more; returns the paths changed."""
    wanted = outputs(course)
    changed = []
    for path, content in wanted.items():
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
            changed.append(path)
    for path in _orphans(course, wanted):
        path.unlink()
        changed.append(path)
    return changed


def _orphans(course: Course, wanted: dict[Path, bytes]) -> list[Path]:
    present = [
        *(course.root / "modules").rglob("*.ipynb"),
        *(path for kind in ("*.py", "*.toml") for path in (course.root / "internals").rglob(kind)),
        *(course.root / "build" / "source").rglob("*.ipynb"),
    ]
    return sorted(path for path in present if path not in wanted and ".ipynb_checkpoints" not in path.parts)
