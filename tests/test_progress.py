"""How far a student is: read from their notebooks, by running checks, told in text and HTML; never by a saved "✓"."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from mini_course import SOURCE, answered, write_course
from test_parts import HALVE, SOFTPLUS, Student

from autograder.build import build, start_page
from autograder.cli import main
from autograder.course import CourseError
from autograder.extras import PANEL, is_panel, panel_cell
from autograder.grading.exam import Exam, places_of
from autograder.grading.submission import graft, read
from autograder.grammar import Scope
from autograder.outline import Exercise, NoOutline, Outline, outlines
from autograder.parts import places
from autograder.parts.yours import UNKNOWN
from autograder.progress import measure, panel, session, views
from autograder.progress.measure import NOT_WRITTEN, Standing
from autograder.source import read_cells

slow = pytest.mark.slow
TINY = Outline(
    "tiny", "01-first", "A <tiny> one", 60,
    (Exercise("one", 10, {"one: a": 1, "one: b": 2}), Exercise("two", 20, {"two: a": 4})), {"why": 3},
)  # fmt: skip
AFTER = Outline("next", "02-second", "Next", 30, (Exercise("three", 5, {"three: a": 1}),), {})


def standing(one_a: str = "", one_b: str = "", two_a: str = "", **more: object) -> Standing:
    return Standing(TINY, {"one: a": one_a, "one: b": one_b, "two: a": two_a}, **more)  # type: ignore[arg-type]


# ---- the numbers


def test_points_go_by_checks_and_exercises_by_all_their_checks() -> None:
    half = standing(one_b="does not pass yet: 'b'")
    assert (half.points, [e.name for e in half.passed], half.finished) == (5, ["two"], False)
    assert half.minutes_left == 20, "a third of the exercises' minutes is left, so a third of the notebook's"
    assert standing().minutes_left == 0 and standing().finished
    assert standing(NOT_WRITTEN, NOT_WRITTEN, NOT_WRITTEN).minutes_left == 60
    assert standing(UNKNOWN).unknown and not standing(NOT_WRITTEN).unknown


def test_a_check_that_ran_in_this_session_goes_before_the_file(monkeypatch) -> None:
    asked = []

    class Saved:
        def checks(self, notebook, path, exercises):
            asked.append(set(exercises))
            return {"one": {"one: a": "", "one: b": ""}, "two": {"two: a": "yours is not written yet"}}

    monkeypatch.setattr(places, "students", lambda name: None)
    at = measure.standing(TINY, Saved(), {"one: a": False, "two: a": True, "other: x": True})  # type: ignore[arg-type]
    assert at.reasons == {"one: a": "did not pass: 'a'", "one: b": NOT_WRITTEN, "two: a": ""} and at.live == 2
    at = measure.standing(TINY, Saved(), dict.fromkeys(["one: a", "one: b", "two: a"], True))  # type: ignore[arg-type]
    assert at.finished and not asked, "nothing is tried when all is known"


# ---- what is shown


@pytest.fixture
def lone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No notebook of a student's is on the disk."""
    monkeypatch.setattr(places, "students", lambda name: None)


def test_the_panel_says_what_passed_what_is_left_and_what_comes_next(lone) -> None:
    at = standing(one_b="does not pass yet: 'b'", saved=0.0, live=1)
    text = repr(views.notebook_view(at, AFTER))
    assert text.splitlines()[:5] == [
        "A <tiny> one: 1 of 2 exercises",
        "5 of 7 points from checks · 3 more are given by hand · about 20 minutes left",
        "",
        "✗  one  1 of 3  10 min  does not pass yet: 'b'",
        "✓  two  4 of 4",
    ]
    assert "Next notebook: next, 30 minutes" in text
    assert "1 of 3 checks ran in this session and count as they went. The others were tried on the notebook" in text
    assert "1970" in text, "from when"


def test_the_html_says_the_same_and_escapes_what_it_shows(lone) -> None:
    view = views.notebook_view(standing(one_a="raised <b>", saved=0.0), AFTER)
    html = view._repr_html_()
    assert "A &lt;tiny&gt; one" in html and "raised &lt;b&gt;" in html and "<script" not in html
    for words in ("1 of 2 exercises", "about 20 minutes left", "Next notebook"):
        assert words in html


def test_without_a_file_the_panel_says_that_only_this_session_counts(monkeypatch) -> None:
    assert "only checks that ran in this session count" in repr(views.notebook_view(standing(NOT_WRITTEN), None))
    monkeypatch.setattr(places, "on_colab", lambda: True)
    assert "on Colab none is" in repr(views.notebook_view(standing(NOT_WRITTEN), None))


def test_the_courses_table_has_a_line_for_each_notebook_and_the_next_one() -> None:
    other = Standing(AFTER, {"three: a": UNKNOWN}, saved=0.0, behind=True)
    lines = repr(views.course_view([standing(saved=0.0), other])).splitlines()
    assert lines[0] == "Your course: 2 of 3 exercises"
    assert lines[4].split()[:5] == ["✓", "tiny", "2", "of", "2"] and lines[5].startswith("…  next")
    assert "Next: next, 30 minutes left" in lines
    assert "not tried yet" in lines[-1] and "new version of 1 notebook is there: `course update`" in lines[-1]


def test_nothing_to_show_is_one_line_and_no_traceback(monkeypatch) -> None:
    assert repr(panel("nonsense")) == "the course has no notebook nonsense"

    def none() -> None:
        raise NoOutline("there is none")

    monkeypatch.setattr(views, "outlines", none)
    assert repr(panel("backprop")) == repr(views.course_of()) == "there is none"


# ---- the panel's cell and the start page


def test_the_panel_ends_every_released_notebook_and_no_instructors(tmp_path) -> None:
    course = write_course(tmp_path)
    build(course)
    (notebook,) = course.notebooks
    last = json.loads(course.released(notebook).read_bytes())["cells"][-1]
    assert last == panel_cell("softplus") and "nbgrader" not in last["metadata"]
    assert b"progress.panel" not in course.instructor(notebook).read_bytes()


@pytest.mark.parametrize("more", ["\nx = 1", "\n\ndef softplus(x):\n    return x", "; x = 1", "\n%time 1"])
def test_what_is_written_into_the_panels_cell_is_the_students(more: str) -> None:
    source = PANEL.format(name="softplus")
    assert is_panel(source) and is_panel(source.replace("\n", "\r\n")) and is_panel(source.partition("\n")[2])
    assert not is_panel(source + more)


def test_grading_takes_the_panel_for_no_code_of_the_students(tmp_path) -> None:
    course = write_course(tmp_path)
    build(course)
    (notebook,) = course.notebooks
    found, instructor, released = places_of(course.source(notebook), read_cells(course.source(notebook)))
    exam = Exam(notebook, course.source(notebook), found, {}, Scope(*[frozenset()] * 3), {}, instructor, released)
    book = answered(course.released(notebook).read_bytes(), halve=HALVE)
    done = graft(read(json.dumps(book).encode()), exam)
    assert (done.added, done.flags, done.notes) == ({}, [], []) and done.answers["halve"] == HALVE
    for one in book["cells"]:
        one["metadata"], one["id"] = {}, "x"
    assert graft(read(json.dumps(book).encode()), exam).added == {}


def test_the_start_page_is_built_of_text_and_given_code_only(tmp_path) -> None:
    course = write_course(tmp_path)
    assert start_page(course) == {}
    source = tmp_path / "solutions" / "start.py"
    source.write_text("# %% [markdown]\n# # Start\n\n# %%\n1 + 1\n", encoding="utf-8")
    build(course)
    kinds = [cell["cell_type"] for cell in json.loads(course.start_page.read_bytes())["cells"]]
    assert kinds == ["markdown", "code"]
    source.write_text('# %% demo="x" alt="y"\n1\n', encoding="utf-8")
    with pytest.raises(CourseError, match=r"start.py:2: the start page holds text and given code only, no demo"):
        build(course)


def test_the_outline_says_what_the_sources_do(tmp_path, monkeypatch) -> None:
    build(write_course(tmp_path))
    written = json.loads((tmp_path / "internals" / "outline.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in written] == ["softplus"]
    assert written[0]["exercises"][1] == {"name": "halve", "minutes": 1, "checks": {"halve: half of it": 1}}
    assert written[0]["essays"] == {"why": 3}
    assert all(outline.exercises and outline.points for outline in outlines().values()), "the course's own"


# ---- the session

SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def run(source):
    shell.run_cell(source)
run("from autograder import check, progress")
run("from autograder import check")
seen = sys.modules["autograder.progress.session"].seen
CHECK = 'with check("f: doubles"):\\n    check.equal(f(2), 4)'
def note(): print(seen(), file=sys.stderr)
run(CHECK); note()
run("def f(x): return x + 3"); run(CHECK); note()
run("def f(x): return x * 2"); note()
run(CHECK); note()
run("print('with check(')"); run("def f(:"); note()
"""


def test_a_session_counts_a_check_until_its_exercise_is_defined_anew() -> None:
    done = subprocess.run([sys.executable, "-c", SHELL], capture_output=True, text=True, check=True)
    false, true = "{'f: doubles': False}", "{'f: doubles': True}"
    assert done.stderr.splitlines() == [false, false, "{}", true, true]
    assert session.seen() == {}, "no IPython here"


# ---- read from the disk


@pytest.fixture
def student(tmp_path):
    return Student(tmp_path)


PROGRESS = "from autograder import progress\nprint(progress.{})"


@slow
def test_progress_is_what_the_checks_say_of_the_saved_answers(student) -> None:
    wrong = "def halve(x):\n    return x * 2"
    path = student.save("softplus", softplus=SOFTPLUS, halve=wrong)
    told = student.run(PROGRESS.format("panel('softplus')"), "01-sums")
    assert told.startswith("Softplus: 1 of 2 exercises\n3 of 4 points")
    assert "✗  halve     0 of 1  1 min  does not pass yet: 'half of it'" in told
    book = json.loads(path.read_text())
    for one in book["cells"]:  # as if the check had passed before the answer was changed
        if one["source"] and "halve: half of it" in "".join(one["source"]):
            one["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "✓ halve: half of it\n"}]
    path.write_text(json.dumps(book))
    assert "1 of 2 exercises" in student.run(PROGRESS.format("panel('softplus')"), "01-sums")
    table = student.run(PROGRESS.format("course()"), "01-sums").splitlines()
    assert table[0] == "Your course: 1 of 6 exercises"
    assert any(line.startswith("·  gate") and line.endswith("not in your folder") for line in table)
    student.save("softplus", softplus=SOFTPLUS, halve=HALVE)
    again = "import autograder.parts.trial as trial\ntrial._process = None\n"
    assert "Softplus: 2 of 2 exercises" in student.run(PROGRESS.format("panel('softplus')"), "01-sums")
    assert "2 of 2" in student.run(again + PROGRESS.format("panel('softplus')"), "01-sums"), "known, so not tried"


@slow
def test_a_later_notebook_is_tried_with_the_students_own_earlier_parts_and_nothing_of_theirs_runs_here(student) -> None:
    student.save("softplus", softplus=SOFTPLUS)
    student.save("mish", mish="def mish(x):\n    return x * torch.tanh(softplus(x))")
    program = PROGRESS.format("panel('mish')") + "\nimport sys\nprint('torch' in sys.modules)"
    told = student.run(program)
    assert told.startswith("mish: 1 of 2 exercises") and told.splitlines()[-1] == "False"


@slow
def test_course_progress_reads_a_folder_and_refuses_one_that_is_not_there(student) -> None:
    student.save("softplus", halve=HALVE)
    program = f"from autograder.cli import main\nmain(['progress', 'softplus', '--work', {str(student.work)!r}])"
    assert "Softplus: 1 of 2 exercises" in student.run(program)
    broken = student.put("softplus", "{")
    assert "The saved notebook says nothing: not a notebook (truncated" in student.run(program)
    assert broken.read_text() == "{"


def test_course_progress_without_a_work_folder_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    write_course(tmp_path, SOURCE)
    monkeypatch.chdir(tmp_path)
    assert main(["progress"]) == 2
    said = capsys.readouterr().err
    assert said.endswith("no such folder; `make lab` lays out your notebooks in work/\n") and said.count("\n") == 1
