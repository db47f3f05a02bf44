"""Published, every notebook has a badge and a first cell for Colab; and grades as before."""

import copy
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mini_course import answered, write_course

from autograder.build import build, stale
from autograder.cli import main
from autograder.course import CourseError, load_course
from autograder.grading.exam import prepare
from autograder.grading.grade import grade
from autograder.publish import address, publish
from tools.sample_submissions import colab_pasted, colab_round_trip, to_bytes

PLACE = "https://github.com/owner/name"
HALVE = "def halve(x):\n    return x / 2"


@pytest.fixture
def course(tmp_path):
    made = write_course(tmp_path)
    path = tmp_path / "course.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('title = "Mini"\n', 'title = "Mini"\nrepository = ""  # where\n', 1), encoding="utf-8")
    build(made)
    return load_course(tmp_path)


def cells(course) -> list[dict]:
    return json.loads(course.released(course.notebooks[0]).read_text(encoding="utf-8"))["cells"]


def text(course) -> str:
    return course.released(course.notebooks[0]).read_text(encoding="utf-8")


def test_before_it_is_published_a_notebook_says_nothing_of_colab(course) -> None:
    assert "colab" not in text(course).lower()


def test_published_every_notebook_has_the_badge_and_the_first_cell(course) -> None:
    before = cells(course)
    publish(course, "owner/name")
    course = load_course(course.root)
    assert course.repository == PLACE
    after = cells(course)
    assert "".join(after[0]["source"]).splitlines()[2] == (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        "(https://colab.research.google.com/github/owner/name/blob/main/modules/01-sums/softplus.ipynb)"
    )
    first = next(cell for cell in after if cell["cell_type"] == "code")
    assert f'"git+{PLACE}"' in "".join(first["source"])
    assert 'colab.start("01-sums/softplus", gpu=False, drive=KEEP_IN_DRIVE)' in "".join(first["source"])
    assert [cell["source"] for cell in after if cell is not first][1:] == [cell["source"] for cell in before][1:]
    assert stale(course) == []


def test_publishing_twice_changes_nothing_more(course) -> None:
    assert publish(course, PLACE)
    assert publish(load_course(course.root), PLACE + ".git") == []


def test_what_else_stands_in_the_line_is_kept(course) -> None:
    publish(course, PLACE)
    assert f'repository = "{PLACE}"  # where\n' in (course.root / "course.toml").read_text(encoding="utf-8")


def test_a_course_without_the_line_is_told_to_add_it(tmp_path) -> None:
    with pytest.raises(CourseError, match="has no line repository"):
        publish(write_course(tmp_path), PLACE)


def test_elsewhere_than_on_github_there_is_no_badge_but_the_first_cell(course) -> None:
    publish(course, "https://git.example.org/owner/name")
    course = load_course(course.root)
    assert "colab-badge" not in text(course) and "git+https://git.example.org/owner/name" in text(course)


def test_the_first_cell_does_nothing_where_there_is_no_colab(course) -> None:
    publish(course, PLACE)
    source = "".join(next(cell for cell in cells(load_course(course.root)) if cell["cell_type"] == "code")["source"])
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def ticked(notebook: dict) -> dict:
    """The notebook with the box in its first cell ticked, as Colab writes it into the source."""
    notebook = copy.deepcopy(notebook)
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert first["metadata"].get("editable", True)
    source = "".join(first["source"])
    assert "KEEP_IN_DRIVE = False  # @param" in source
    first["source"] = [source.replace("KEEP_IN_DRIVE = False", "KEEP_IN_DRIVE = True")]
    return notebook


def test_saved_by_colab_a_published_notebook_grades_as_any_other(course) -> None:
    released = course.released(course.notebooks[0]).read_bytes()
    publish(course, PLACE)
    course = load_course(course.root)
    exam = prepare(course, course.notebooks[0])
    published = answered(course.released(course.notebooks[0]).read_bytes(), halve=HALVE)
    older = answered(released, halve=HALVE)  # handed out before the course was published
    handed_in = [published, colab_round_trip(published), colab_pasted(published), older, colab_pasted(older)]
    for notebook in [*handed_in, ticked(published), colab_round_trip(ticked(published))]:
        result = grade(to_bytes(notebook), "someone", exam, sandbox=False)
        assert not any("changed" in reason for reason in result.reasons)
        statuses = {(check.exercise, check.status) for check in result.checks}
        assert statuses == {("softplus", "not attempted"), ("halve", "passed")}


@pytest.mark.parametrize(
    "said",
    ["owner/name", PLACE, PLACE + "/", PLACE + ".git", "git@github.com:owner/name.git", " owner/name "],
)
def test_an_address_may_be_written_in_many_ways(said: str) -> None:
    assert address(said) == PLACE


@given(st.text(max_size=40))
def test_an_address_is_one_that_git_and_a_string_in_python_take_or_is_refused_in_a_line(said: str) -> None:
    try:
        made = address(said)
    except CourseError as problem:
        assert "like https://github.com/OWNER/NAME" in str(problem)
    else:
        assert made.startswith(("https://", "file://")) and not set(made) & set(" \"'\\\n{}")
        assert address(made) == made


def test_a_bad_address_is_one_line_and_changes_nothing(course, monkeypatch, capsys) -> None:
    monkeypatch.chdir(course.root)
    before = (course.root / "course.toml").read_bytes()
    assert main(["publish", "--repository", "ftp://x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (course.root / "course.toml").read_bytes() == before
