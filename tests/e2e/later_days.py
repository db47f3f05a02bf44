"""A student's later days in a fresh clone: how far one is, a new version of the course, a notebook begun again.

    .venv/bin/python -m tests.e2e.later_days

Two exercises and a cell of one's own stand in the first notebook. The course publishes a version in which that notebook
is another one; `git pull` and `course update` bring it, and answers, own cell and what they count for are still there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from autograder.course import load_course
from autograder.outline import outlines
from tests.e2e.browsing import ROOT
from tests.e2e.fresh import Fresh, commit
from tools.sample_submissions import exercises, fill, grade_id, read, solutions, to_bytes

COURSE = load_course(ROOT)
ENTRY = COURSE.notebooks[0]
SENTENCE = "This sentence came with the next version."


def walk(clone: Fresh) -> None:
    """In a clone that `make lab` has made ready."""
    assert clone.upstream, "a next version needs a repository of one's own"
    work = clone.folder / "work"
    path = work / ENTRY.module / f"{ENTRY.name}.ipynb"
    total, here = sum(len(o.exercises) for o in outlines().values()), len(outlines()[ENTRY.name].exercises)
    released = read(COURSE.released(ENTRY))
    names = [grade_id(cell) for cell in exercises(released)]
    answers = solutions(read(COURSE.instructor(ENTRY)))
    mine = fill(released, answers, only=names[:2])
    mine["cells"].insert(4, {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": ["My own note."]})
    before = to_bytes(mine)
    path.write_bytes(before)
    with clone.watch.step("course progress counts what the notebook holds"):
        assert f"2 of {total} exercises" in clone.run("course", "progress")
    with clone.watch.step("course progress NOTEBOOK says it exercise by exercise"):
        said = clone.run("course", "progress", ENTRY.name)
        assert f"2 of {here} exercises" in said and all(name in said for name in names)
    next_version(clone.upstream)
    with clone.watch.step("git pull and course update"):
        clone.run("git", "pull", "--quiet")
        said = clone.run("course", "update")
        print(said)
        assert f"your answers are in it: {', '.join(names[:2])}" in said
    text = path.read_text(encoding="utf-8")
    assert SENTENCE in text and "My own note." in text and SENTENCE.encode() not in before
    held = {grade_id(cell): "".join(cell["source"]) for cell in exercises(read(path))}
    assert [held[name] for name in names[:2]] == [answers[name] for name in names[:2]]
    (copy,) = (work / "copies").iterdir()
    assert copy.read_bytes() == before
    with clone.watch.step("what is done still counts"):
        assert f"2 of {here} exercises" in clone.run("course", "progress", ENTRY.name)
    with clone.watch.step("course reset NOTEBOOK"):
        said = clone.run("course", "reset", ENTRY.name)
        print(said)
        assert "kept in work/copies/" in said
    assert path.read_bytes() == (clone.folder / "modules" / ENTRY.module / path.name).read_bytes()
    assert sorted(c.read_bytes() for c in (work / "copies").iterdir()) == sorted([before, text.encode()])
    assert f"0 of {here} exercises" in clone.run("course", "progress", ENTRY.name)


def next_version(upstream: Path) -> None:
    """A sentence more under the first notebook's title, built and committed."""
    source = upstream / COURSE.source(ENTRY).relative_to(ROOT)
    head, title, rest = source.read_text(encoding="utf-8").partition(f"# # {ENTRY.title}\n#\n")
    assert title
    source.write_text(f"{head}{title}# {SENTENCE}\n#\n{rest}", encoding="utf-8")
    command = [sys.executable, "-m", "autograder.cli", "build"]
    subprocess.run(command, cwd=upstream, env=os.environ | {"PYTHONPATH": str(upstream)}, check=True, capture_output=True)
    commit(upstream, "another version")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        clone = Fresh(Path(folder))
        with clone.make("lab"):  # opened and closed again
            pass
        walk(clone)
    return 0


if __name__ == "__main__":
    sys.exit(main())
