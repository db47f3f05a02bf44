"""nbgrader itself, on the course as built, agrees with `course grade`: same notebooks, same points."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")

from nbgrader.api import Gradebook  # noqa: E402

from autograder.course import load_course  # noqa: E402
from benchmarks.grading import (  # noqa: E402
    MODULE,
    NOTEBOOK,
    autograde,
    copy_course,
    course_grade,
    nbgrader_setup,
    run,
)
from tools.sample_submissions import samples  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.bubblewrap]
# nbgrader cannot read the truncated file, which would stop its whole batch, and finds no answers without its metadata.
READABLE = ("reference", "partly-solved", "untouched", "one-wrong-answer", "colab-round-trip")


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """A copy of the course whose sample submissions went through both graders."""
    root = tmp_path_factory.mktemp("course")
    copy_course(root)
    course = load_course(root)
    content = samples(course, course.find(NOTEBOOK))
    for student in READABLE:
        path = root / "submitted" / student / MODULE / f"{NOTEBOOK}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(content[student])
    nbgrader_setup(root, "submitted")
    autograde(root)
    course_grade(root, "submitted")
    return root


def grades(database: Path) -> dict[str, dict[str, float | None]]:
    """Automatic points by student and cell."""
    with Gradebook(f"sqlite:///{database}") as book:
        return {
            student: {
                grade.name: grade.auto_score
                for grade in book.find_submission_notebook(NOTEBOOK, MODULE, student).grades
            }
            for student in READABLE
        }


def test_nbgrader_gives_the_reference_full_marks_and_the_unsolved_notebook_none(graded):
    with Gradebook(f"sqlite:///{graded}/nbgrader/gradebook.db") as book:
        reference = book.find_submission_notebook(NOTEBOOK, MODULE, "reference")
        assert reference.code_score == reference.max_code_score > 0
        assert reference.needs_manual_grade, "its essay waits for a person"
        assert book.find_submission_notebook(NOTEBOOK, MODULE, "untouched").score == 0


def test_both_graders_give_every_cell_the_same_points(graded):
    theirs, ours = grades(graded / "nbgrader" / "gradebook.db"), grades(graded / "build" / "gradebook.db")
    assert theirs["one-wrong-answer"] != theirs["reference"], "the wrong answer costs something"
    for student in READABLE:
        assert ours[student] == theirs[student], student


def test_the_gradebooks_agree_on_what_needs_a_person(graded):
    needs = []
    for database in ("nbgrader", "build"):
        with Gradebook(f"sqlite:///{graded}/{database}/gradebook.db") as book:
            needs.append({student: book.find_submission(MODULE, student).needs_manual_grade for student in READABLE})
    assert needs[0] == needs[1]


def validate(graded: Path, student: str) -> str:
    path = Path("submitted") / student / MODULE / f"{NOTEBOOK}.ipynb"
    done = run(graded, "-m", "nbgrader", "validate", str(path), ok=(0, 1))
    return done.stdout + done.stderr


def test_nbgrader_validate_passes_the_reference_and_fails_the_unsolved_notebook(graded):
    assert "Success! Your notebook passes all the tests" in validate(graded, "reference")
    assert "VALIDATION FAILED" in validate(graded, "untouched")


def test_with_the_courses_configuration_nbgrader_runs_no_demo(tmp_path):
    """A demo may train for minutes or hold a slider, and nbgrader gives each cell half a minute."""
    course, ran = load_course(), tmp_path / "ran"
    notebook = json.loads(samples(course, course.find(NOTEBOOK))["reference"])
    assert any("demo" in cell["metadata"].get("tags", []) for cell in notebook["cells"])
    source = [f"open({str(ran)!r}, 'w').close()"]
    last = {"cell_type": "code", "id": "last", "metadata": {"tags": ["demo"]}, "source": source, "outputs": []}
    notebook["cells"].append(last | {"execution_count": None})
    path = tmp_path / f"{NOTEBOOK}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    known = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path), "IPYTHONDIR": str(tmp_path), "MPLBACKEND": "Agg"}
    command = [sys.executable, "-m", "nbgrader", "validate", str(path)]
    done = subprocess.run(command, cwd=course.root, env=known, capture_output=True, text=True)
    assert "Success! Your notebook passes all the tests" in done.stdout, done.stdout + done.stderr
    assert not ran.exists()
