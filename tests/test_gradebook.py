"""Results in nbgrader's gradebook, on feedback pages and in the CSV. The course is tests/tiny_course.py."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")

from nbgrader.api import Gradebook  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import tiny_course as tiny  # noqa: E402

from autograder import build  # noqa: E402
from autograder.course import CourseError  # noqa: E402
from autograder.files import atomic_file  # noqa: E402
from autograder.grading.exports import write_grades_csv  # noqa: E402
from autograder.grading.feedback import FLAGGED, FeedbackWriter  # noqa: E402
from autograder.grading.gradebook import BATCH, GradebookError, GradebookWriter  # noqa: E402
from autograder.grading.verdicts import safe_name  # noqa: E402

ODD_NAMES = [
    "zoë", "李雷", "O'Brien, \"Pat\"", "a b+c", "x" * 128, "semi;colon|pipe", "[a-z]*", "{student_id}", "100%",
]
UNSAFE_NAMES = [
    "../up", "a/b", "<img src=x>", "..", ".hidden", "", "nul\0", "x" * 300, "back\\slash", "new\nline",
    "\udcff", " padded ",
]


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory):
    """A new database, once: nbgrader starts alembic for each, which takes seconds."""
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    GradebookWriter(f"sqlite:///{path}", "course").close()
    return path


class Room:
    """A course folder: `open()` gives a writer on it, `book()` nbgrader's own view of the same database."""

    def __init__(self, root: Path, database: Path) -> None:
        self.root = root
        tiny.write_source(root / "source")
        shutil.copy(database, root / "gradebook.db")

    @property
    def url(self) -> str:
        return f"sqlite:///{self.root}/gradebook.db"

    def open(self) -> GradebookWriter:
        return GradebookWriter(self.url, "course", self.root / "source", self.root / "autograded")

    def book(self) -> Gradebook:
        return Gradebook(self.url, "course")

    def record(self, *results) -> None:
        with self.open() as writer:
            for result in results:
                writer.record(result)

    def autograded(self, student: str) -> Path:
        return self.root / "autograded" / student / tiny.ASSIGNMENT / f"{tiny.NOTEBOOK}.ipynb"

    def grades(self, student: str) -> dict[str, tuple]:
        """(automatic, manual, needs a person) by grade id."""
        with self.book() as book:
            submission = book.find_submission_notebook(tiny.NOTEBOOK, tiny.ASSIGNMENT, student)
            return {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in submission.grades}

    def grade_by_hand(self, student: str, points: float | None, comment: str | None, cell: str = tiny.ESSAY) -> None:
        """What formgrader does when an instructor types points and a comment."""
        with self.book() as book:
            grade = book.find_grade(cell, tiny.NOTEBOOK, tiny.ASSIGNMENT, student)
            grade.manual_score, grade.needs_manual_grade = points, points is None
            if cell == tiny.ESSAY:
                book.find_comment(cell, tiny.NOTEBOOK, tiny.ASSIGNMENT, student).manual_comment = comment
            book.db.commit()


@pytest.fixture
def room(tmp_path, empty_gradebook):
    return Room(tmp_path, empty_gradebook)


def test_points_in_the_gradebook_equal_the_results(room):
    """Zero, partial and full points, in the database as nbgrader adds them up."""
    room.record(tiny.result("ann", earned={"check-add-small": 0, "check-add-large": 0.5}), tiny.result("bob"))
    assert room.grades("ann") == {
        "check-add-small": (0.0, None, False), "check-add-large": (0.5, None, False),
        "check-double-twice": (1.0, None, False), tiny.ESSAY: (None, None, True),
    }
    with room.book() as book:
        assert book.find_submission(tiny.ASSIGNMENT, "ann").score == 1.5
        assert book.find_submission(tiny.ASSIGNMENT, "bob").score == 4.0
        assert book.find_assignment(tiny.ASSIGNMENT).max_score == 7.0
        assert book.find_submission(tiny.ASSIGNMENT, "bob").needs_manual_grade


def test_the_autograded_notebook_says_what_the_gradebook_says(room):
    """nbgrader's rule, applied to the file, gives the points of the database; formgrader shows that file."""
    from nbgrader.utils import determine_grade

    result = tiny.result("ann", earned={"check-add-small": 0, "check-add-large": 1.25})
    room.record(result)
    notebook = nbformat.read(room.autograded("ann"), as_version=4)
    nbformat.validate(notebook)
    graded = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")}
    for check in result.checks:
        assert determine_grade(graded[check.grade_id]) == (check.points, check.max_points)
    failed = graded["check-add-small"].outputs
    assert [output.output_type for output in failed] == ["error"]
    assert "\n".join(failed[0].traceback) == result.checks[0].message
    assert graded["check-double-twice"].outputs[0].text == "✓ double: twice the number\n"


def test_an_essay_waits_for_a_person_and_an_untouched_one_does_not(room):
    room.record(tiny.result("ann"), tiny.result("bob", essay=""))
    assert room.grades("ann")[tiny.ESSAY] == (None, None, True)
    assert room.grades("bob")[tiny.ESSAY] == (0.0, None, False)
    with room.book() as book:
        assert book.find_comment(tiny.ESSAY, tiny.NOTEBOOK, tiny.ASSIGNMENT, "bob").comment == "No response."
        assert book.find_comment(tiny.ESSAY, tiny.NOTEBOOK, tiny.ASSIGNMENT, "ann").comment is None


def test_the_build_releases_an_essay_as_the_gradebook_expects_it():
    """An essay left as released must be known as untouched: both sides have to use the same words."""
    notebook = json.loads(build.release(nbformat.writes(tiny.instructor_notebook()).encode()))
    essay = next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == tiny.ESSAY)
    assert "".join(essay["source"]) == build.ESSAY_STUB


def test_a_regrade_keeps_points_and_comments_given_by_hand(room):
    room.record(tiny.result("ann", earned={"check-add-large": 0}))
    room.grade_by_hand("ann", 2.5, "well put")
    room.record(tiny.result("ann"))
    grades = room.grades("ann")
    assert grades[tiny.ESSAY] == (None, 2.5, False), "the essay did not change: nobody has to grade it again"
    assert grades["check-add-large"] == (2.0, None, False)
    with room.book() as book:
        assert book.find_comment(tiny.ESSAY, tiny.NOTEBOOK, tiny.ASSIGNMENT, "ann").comment == "well put"
        assert book.find_submission(tiny.ASSIGNMENT, "ann").score == 6.5


def test_a_changed_essay_keeps_its_points_and_asks_for_a_person_again(room):
    room.record(tiny.result("ann"))
    room.grade_by_hand("ann", 2.5, "well put")
    room.record(tiny.result("ann", essay="On second thought, no idea."))
    assert room.grades("ann")[tiny.ESSAY] == (None, 2.5, True)


def test_points_given_by_hand_on_a_check_outlive_a_regrade_and_ask_again_when_the_verdict_changes(room):
    room.record(tiny.result("ann", earned={"check-add-large": 0}))
    room.grade_by_hand("ann", 1.0, None, cell="check-add-large")
    room.record(tiny.result("ann", earned={"check-add-large": 0}))
    assert room.grades("ann")["check-add-large"] == (0.0, 1.0, False)
    room.record(tiny.result("ann"))
    assert room.grades("ann")["check-add-large"] == (2.0, 1.0, True)


def test_grading_twice_changes_nothing(room):
    results = [tiny.result("ann", earned={"check-add-large": 0.5}), tiny.result("bob", outcome="flagged")]
    room.record(*results)
    before = [room.grades(s) for s in ("ann", "bob")], room.autograded("ann").read_bytes()
    room.record(*results, *results)
    assert ([room.grades(s) for s in ("ann", "bob")], room.autograded("ann").read_bytes()) == before


def test_more_students_than_a_batch_are_all_recorded(room):
    room.record(*(tiny.result(f"s{i:03}") for i in range(BATCH + 3)))
    with room.book() as book:
        assert len(book.notebook_submissions(tiny.NOTEBOOK, tiny.ASSIGNMENT)) == BATCH + 3


def test_a_flagged_result_is_recorded_and_formgrader_shows_why(room):
    room.record(tiny.result("ann", outcome="flagged", reasons=("a record <b>too many</b>",)))
    with room.book() as book:
        assert book.find_submission_notebook(tiny.NOTEBOOK, tiny.ASSIGNMENT, "ann").flagged
        assert book.find_submission(tiny.ASSIGNMENT, "ann").score == 4.0
    note = nbformat.read(room.autograded("ann"), as_version=4).cells[0]
    assert note.cell_type == "markdown"
    assert "a record &lt;b&gt;too many&lt;/b&gt;" in note.source


def test_a_refused_result_makes_the_student_known_and_leaves_earlier_points(room):
    room.record(tiny.result("ann"), tiny.result("bob", outcome="refused"), tiny.result("ann", outcome="refused"))
    with room.book() as book:
        assert book.find_student("bob").id == "bob"
        assert book.find_submission(tiny.ASSIGNMENT, "ann").score == 4.0
    assert not room.autograded("bob").exists()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_students_have_any_name(room, name):
    room.record(tiny.result(name))
    assert safe_name(name) == name
    assert room.autograded(name).exists()
    assert room.grades(name)["check-add-large"][0] == 2.0


def test_a_name_that_is_no_folder_name_becomes_one_and_stays_distinct(room):
    room.record(*(tiny.result(name) for name in UNSAFE_NAMES))
    folders = {path.name for path in (room.root / "autograded").iterdir()}
    assert folders == {safe_name(name) for name in UNSAFE_NAMES}
    assert len(folders) == len(UNSAFE_NAMES)
    assert {path.name for path in room.root.iterdir()} == {"source", "autograded", "gradebook.db"}


def test_a_late_submission_pays_the_penalty_of_nbgraders_plugin(room):
    from traitlets.config import Config

    config = Config()
    config.LateSubmissionPlugin.penalty_method = "zero"
    room.record(tiny.result("ann"))
    with room.book() as book:
        book.update_or_create_assignment(tiny.ASSIGNMENT, duedate="2030-01-01 12:00 UTC")
    with GradebookWriter(room.url, "course", room.root / "source", room.root / "autograded", config) as writer:
        writer.record(tiny.result("ann"), timestamp="2030-01-01 13:00 UTC")
        writer.record(tiny.result("bob"), timestamp="2030-01-01 11:00 UTC")
    room.record(tiny.result("bob"))
    with room.book() as book:
        assert book.find_submission(tiny.ASSIGNMENT, "ann").late_submission_penalty == 4.0
        assert not book.find_submission(tiny.ASSIGNMENT, "bob").late_submission_penalty
        assert book.find_submission(tiny.ASSIGNMENT, "bob").timestamp is not None, "None keeps what is known"


HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!-- --><svg onload=alert(1)>", "</div><b onclick=a>",
    "[x](javascript:alert(1))", "[x](JaVa\tScript:alert(1))", "[x](&#106;avascript:alert(1))",
    "<javascript:alert(1)>", "[x]: javascript:alert(1)\n\n[x]", "![x](vbscript:a)", "[x](data:text/html,<b>)",
    "[x](<java\\script:alert(1)>)", "$<img src=x onerror=alert(1)>$", "```\n<script>\n```",
]


@pytest.mark.parametrize("essay", HOSTILE)
def test_an_essay_runs_nothing_in_formgrader(room, essay):
    """formgrader puts an essay's HTML on the instructor's own Jupyter origin, unchanged."""
    from bs4 import BeautifulSoup
    from nbconvert.filters import markdown2html

    room.record(tiny.result("ann", essay=essay))
    room.grade_by_hand("ann", 1, "odd")
    room.record(tiny.result("ann", essay=essay))
    assert room.grades("ann")[tiny.ESSAY] == (None, 1.0, False), "an unchanged essay, once made harmless"
    cells = nbformat.read(room.autograded("ann"), as_version=4).cells
    source = next(c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == tiny.ESSAY)
    assert source.replace("\u200b", "") == essay
    for element in BeautifulSoup(str(markdown2html(source)), "html.parser").find_all():
        assert element.name in ("p", "a", "img", "pre", "code", "span"), element.name
        assert not any(name.startswith("on") for name in element.attrs)
        for link in (element.get("href", ""), element.get("src", "")):
            assert not re.sub(r"[\x00-\x20]", "", link).lower().startswith(("javascript:", "vbscript:", "data:"))


# the source changes


def test_registering_an_unchanged_assignment_again_keeps_every_grade(room):
    room.record(tiny.result("ann"))
    room.grade_by_hand("ann", 3, "fine")
    before = room.grades("ann")
    with room.open() as writer:
        writer.add_assignment(tiny.ASSIGNMENT)
        writer.add_assignment(tiny.ASSIGNMENT)
    assert room.grades("ann") == before


def test_changed_points_reach_the_gradebook_and_keep_the_grades(room):
    room.record(tiny.result("ann"))
    room.grade_by_hand("ann", 3, "fine")
    before = room.grades("ann")
    checks = tiny.CHECKS | {"check-add-small": ("add: small numbers", 5)}
    tiny.write_source(room.root / "source", tiny.instructor_notebook(checks))
    with room.open() as writer:
        writer.add_assignment(tiny.ASSIGNMENT)
        assert room.grades("ann") == before
        writer.record(tiny.result("ann", checks=checks))
    with room.book() as book:
        assert book.find_assignment(tiny.ASSIGNMENT).max_score == 11.0
        assert book.find_submission(tiny.ASSIGNMENT, "ann").score == 5 + 2 + 1 + 3


def test_a_reworded_check_is_carried_over_with_the_submissions(room):
    """A check's id comes from its words; nbgrader itself refuses such a change once somebody has submitted."""
    room.record(tiny.result("ann"), tiny.result("bob"))
    room.grade_by_hand("ann", 3, "fine")
    checks = {("check-add-big" if k == "check-add-large" else k): v for k, v in tiny.CHECKS.items()}
    tiny.write_source(room.root / "source", tiny.instructor_notebook(checks))
    room.record(tiny.result("ann", checks=checks))
    assert room.grades("ann") == {
        "check-add-small": (1.0, None, False), "check-add-big": (2.0, None, False),
        "check-double-twice": (1.0, None, False), tiny.ESSAY: (None, 3.0, False),
    }
    assert room.grades("bob")["check-add-big"] == (0.0, None, False), "not graded again yet"
    with room.book() as book:
        assert book.find_assignment(tiny.ASSIGNMENT).max_score == 7.0


def test_a_cell_with_points_given_by_hand_is_never_dropped(room):
    room.record(tiny.result("ann"))
    room.grade_by_hand("ann", 3, "fine")
    notebook = tiny.instructor_notebook()
    notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") != tiny.ESSAY]
    tiny.write_source(room.root / "source", notebook)
    with room.open() as writer, pytest.raises(GradebookError, match=f"{tiny.ESSAY} has points or comments"):
        writer.add_assignment(tiny.ASSIGNMENT)
    assert room.grades("ann")[tiny.ESSAY] == (None, 3.0, False)


def test_a_second_notebook_of_an_assignment_joins_the_submissions(room):
    room.record(tiny.result("ann"))
    folder = room.root / "source" / tiny.ASSIGNMENT
    shutil.copy(folder / "adding.ipynb", folder / "more.ipynb")
    room.record(dataclasses.replace(tiny.result("ann"), notebook="more"), tiny.result("bob"))
    with room.book() as book:
        assert book.find_submission(tiny.ASSIGNMENT, "ann").score == 8.0
        absent = book.find_submission_notebook("more", tiny.ASSIGNMENT, "bob")
        assert absent.score == 0
        assert not absent.needs_manual_grade, "not handed in: nothing to grade by hand"


def test_nbgraders_own_tools_read_the_database(room):
    """SQLAlchemy's and alembic's versions included: `nbgrader db student list` on what we wrote."""
    import subprocess

    room.record(tiny.result("zoë"))
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "db", "student", "list", "--db", room.url],
        capture_output=True, text=True, cwd=room.root, timeout=120, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "zoë" in done.stdout


# what goes wrong


@pytest.mark.parametrize("spoil, words", [
    (lambda r: {"checks": r.checks[1:]}, "no verdict for check check-add-small"),
    (lambda r: {"checks": (*r.checks, dataclasses.replace(r.checks[0], grade_id="x"))}, "a check that is not"),
    (lambda r: {"checks": (dataclasses.replace(r.checks[0], max_points=9), *r.checks[1:])}, "worth 1 points .* and 9"),
    (lambda r: {"notebook": "other"}, "no notebook other"),
    (lambda r: {"assignment": "99-none"}, "no instructor notebooks"),
])
def test_a_result_that_does_not_fit_is_refused_whole(room, spoil, words):
    """A check cell without an output would count as full marks."""
    with room.open() as writer:
        with pytest.raises(GradebookError, match=words):
            writer.record(dataclasses.replace(tiny.result("ann"), **spoil(tiny.result("ann"))))
        writer.record(tiny.result("bob"))
    assert not room.autograded("ann").exists()
    assert room.grades("bob")["check-add-large"][0] == 2.0


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as partial:
        partial.write_text("half", encoding="utf-8")
        raise KeyboardInterrupt
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["page.html"]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CourseError, match="cannot be written"):
        write_grades_csv([], tmp_path / "file" / "grades.csv")


def test_an_interrupted_run_keeps_what_it_recorded(room):
    with pytest.raises(KeyboardInterrupt), room.open() as writer:
        writer.record(tiny.result("ann"))
        raise KeyboardInterrupt
    assert room.grades("ann")["check-add-large"][0] == 2.0


def test_a_gradebook_that_cannot_be_opened_is_one_line_without_the_password(tmp_path):
    for url in ("nonsense", f"sqlite:///{tmp_path}", "postgresql://me:secret@127.0.0.1:1/none"):
        with pytest.raises(GradebookError) as caught:
            GradebookWriter(url, "course")
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)


def test_a_new_gradebook_needs_nothing_on_the_path(tmp_path, monkeypatch):
    """nbgrader starts `alembic` by name."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    GradebookWriter(f"sqlite:///{tmp_path}/deep/folder/gradebook.db", "course").close()
    assert os.environ["PATH"] == "/usr/bin:/bin"


# feedback


def page_of(room, result) -> str:
    with room.open() as writer:
        writer.record(result)
        path = room.root / "feedback.html"
        FeedbackWriter(writer).write(result, None, path)
    return path.read_text(encoding="utf-8")


def test_feedback_shows_verdicts_points_and_answers_and_no_hidden_check(room):
    page = page_of(room, tiny.result("zoë", earned={"check-add-small": 0}))
    assert "3 of 4 points" in page and "3 more are graded by hand" in page
    assert "✗ add: small numbers" in page and "expected 4, got &lt;5&gt; &amp; more" in page
    assert "✓ double: twice the number" in page
    assert "return" in page and "commutative" in page and "zoë" in page
    for words in ("HIDDEN", "a secret hint", "20, 22", "Model answer"):
        assert words not in page


def test_feedback_shows_points_and_comments_given_by_hand(room):
    room.record(tiny.result("ann"))
    room.grade_by_hand("ann", 2.5, "well <put>")
    page = page_of(room, tiny.result("ann"))
    assert "6.5 of 7 points" in page
    assert "well &lt;put&gt;" in page
    assert "more are graded by hand" not in page


def test_feedback_runs_no_script_of_a_student(room):
    essay = "<script>b</script> and <img onerror=c>\n\nSee [this](javascript:d).\n\n![](x\" onerror=\"e)"
    page = page_of(room, tiny.result("<script>a</script>", essay=essay))
    assert page.count("<script") == 1, "MathJax alone"
    assert 'href="javascript:' not in page and "<img onerror" not in page and '" onerror="' not in page
    assert "script-src https://" in page


def test_feedback_is_readable_without_a_network(room):
    page = page_of(room, tiny.result("ann"))
    assert "<link" not in page and "@import" not in page and "url(" not in page
    assert r"\(a + b\)" in page, "a formula is TeX until MathJax typesets it"


def test_feedback_keeps_an_accusation_for_the_instructor(room):
    page = page_of(room, tiny.result("ann", outcome="flagged", reasons=("wrote to a file of the grader",)))
    assert FLAGGED in page and "wrote to a file" not in page


def test_feedback_of_a_refused_notebook_says_why(room):
    page = page_of(room, tiny.result("ann", outcome="refused", reasons=("not a notebook (truncated after 12 bytes)",)))
    assert "Not graded" in page and "truncated after 12 bytes" in page


def test_markers_in_a_students_own_code_neither_hide_nor_break_anything(room):
    answer = "def add(a, b):\n    # ### BEGIN HIDDEN TESTS\n    return a + b  # mine"
    result = dataclasses.replace(tiny.result("ann"), notebook_json=tiny.submitted("x", answer))
    assert "# mine" in page_of(room, result)


def test_feedback_cuts_a_cell_that_is_too_long_to_read(room):
    answer = "data = '" + "7" * 500_000 + "'"
    page = page_of(room, dataclasses.replace(tiny.result("ann"), notebook_json=tiny.submitted("x", answer)))
    assert len(page) < 100_000 and "more characters" in page


# the table


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_csv_has_a_row_per_notebook_refused_ones_included(tmp_path):
    write_grades_csv([
        tiny.result("zoë, \"z\"", earned={"check-add-small": 0, "check-add-large": 0.5}),
        tiny.result("bob", outcome="refused", reasons=("not a notebook", "ask again")),
        tiny.result("ann", outcome="flagged", reasons=("look",)),
    ], tmp_path / "grades.csv")
    ann, bob, zoe = rows_of(tmp_path / "grades.csv")
    assert (ann["outcome"], ann["points"], ann["reasons"]) == ("flagged", "4", "look")
    assert (bob["outcome"], bob["points"], bob["add"]) == ("refused", "0", "")
    assert bob["reasons"] == "not a notebook; ask again"
    assert zoe["student"] == 'zoë, "z"'
    assert (zoe["points"], zoe["max_points"], zoe["add"], zoe["double"]) == ("1.5", "4", "failed", "passed")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "＝1"])
def test_no_spreadsheet_runs_a_students_name(tmp_path, name):
    write_grades_csv([tiny.result(name, outcome="refused", reasons=(name,))], tmp_path / "grades.csv")
    (row,) = rows_of(tmp_path / "grades.csv")
    assert row["student"].startswith("'") and row["reasons"].startswith("'")


def test_exercises_of_two_notebooks_with_one_name_have_a_column_each(tmp_path):
    other = dataclasses.replace(tiny.result("ann", earned={"check-add-small": 0}), notebook="more")
    write_grades_csv([tiny.result("ann"), other], tmp_path / "grades.csv")
    first, second = rows_of(tmp_path / "grades.csv")
    assert (first["adding/add"], first["more/add"]) == ("passed", "")
    assert (second["adding/add"], second["more/add"]) == ("", "failed")


def test_a_csv_of_nobody_has_its_head(tmp_path):
    write_grades_csv([], tmp_path / "deep" / "grades.csv")
    assert rows_of(tmp_path / "deep" / "grades.csv") == []
