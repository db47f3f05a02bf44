"""What `course reset` and `course update` do. Each returns the command's exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.course import Course, CourseError, Notebook
from autograder.files import write_atomically
from autograder.grading.cells import Refused
from autograder.work.copies import keep_copy
from autograder.work.merge import Merged, merge


def reset(course: Course, notebook: Notebook, work: Path) -> int:
    """Put the notebook back as it was released; what was there is kept as a dated copy. Raises CourseError."""
    released, path = _read(course.released(notebook)), _place(notebook, work)
    if released is None:
        raise CourseError(f"{course.released(notebook)}: not there; run `course build`")
    before = _read(path)
    if before == released:
        print(f"{_named(path, work)}: as released already")
        return 0
    copy = keep_copy(work, path, before) if before is not None else None
    write_atomically(path, released)
    print(f"{_named(path, work)}: as released again" + (f"; yours is kept in {_named(copy, work)}" if copy else ""))
    return 0


def update(course: Course, notebooks: Sequence[Notebook], work: Path) -> int:
    """Bring these notebooks, all where none is given, to the version released now; 1 where one was left as it is.

    Each file is replaced in one step, after a dated copy of it stands: stopped at any moment, it is the old or the new
    one, and running again goes on. Raises CourseError for what cannot be written.
    """
    left, said = 0, False
    start = [Notebook("", course.start_page.stem, "", 0, ())] if course.start_page.exists() else []
    for notebook in notebooks or [*start, *course.notebooks]:
        lines, bad = _update(course, notebook, work)
        left, said = left + bad, said or bool(lines)
        for line in lines:
            print(line)
    if not said:
        print("your notebooks are up to date")
    return 1 if left else 0


def _update(course: Course, notebook: Notebook, work: Path) -> tuple[list[str], bool]:
    """What to say of one notebook, and whether it was left as it is for a reason."""
    released, path = _read(course.released(notebook)), _place(notebook, work)
    if released is None:
        raise CourseError(f"{course.released(notebook)}: not there; run `course build`")
    before, name = _read(path), _named(path, work)
    if before is None:
        write_atomically(path, released)
        return [f"{name}: new"], False
    try:
        merged = merge(before, released, notebook)
    except Refused as refusal:
        return [f"{name}: left as it is: {refusal}"], True
    if not merged.changed:
        return [], False
    copy = keep_copy(work, path, before)
    if _read(path) != before:
        return [f"{name}: left as it is: it was saved just now; run `course update` again"], True
    write_atomically(path, merged.content)
    return [f"{name}: updated; yours is kept in {_named(copy, work)}", *(f"  {line}" for line in told(merged))], False


def told(merged: Merged) -> list[str]:
    """What changed for the student, in lines."""
    lines = []
    if merged.carried:
        lines.append(f"your answers are in it: {', '.join(merged.carried)}")
    if merged.restated:
        lines.append(f"the statement changed, read it again: {', '.join(merged.restated)}")
    if rechecked := [name for name in merged.rechecked if name not in merged.restated]:
        lines.append(f"the checks changed, run them again: {', '.join(rechecked)}")
    if merged.new:
        lines.append(f"new exercises: {', '.join(merged.new)}")
    if merged.gone:
        lines.append(f"no longer asked, your answers stay as cells of your own: {', '.join(merged.gone)}")
    if merged.replaced:
        lines.append(f"checks that you had changed are the course's again: {', '.join(merged.replaced)}")
    return lines


def _place(notebook: Notebook, work: Path) -> Path:
    return work / notebook.module / f"{notebook.name}.ipynb"


def _named(path: Path, work: Path) -> str:
    """A path as the student knows it: with the name of their folder."""
    return (Path(work.name) / path.relative_to(work)).as_posix()


def _read(path: Path) -> bytes | None:
    """The file's bytes, None where there is none. Raises CourseError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from None
