"""What lateness costs, with us and with nbgrader's own tools; and what nbgrader's own feedback pages show."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")

sys.path.insert(0, str(Path(__file__).parent))
import tiny_course as tiny  # noqa: E402
from test_gradebook import empty_gradebook, room  # noqa: E402, F401

from autograder.course import CourseError  # noqa: E402
from autograder.grading.gradebook import GradebookWriter  # noqa: E402
from autograder.grading.policy import DAY, LatePolicy, load_policy  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
DUE = datetime.datetime(2030, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
COURSE = '[course]\nid = "tiny"\n[[module]]\nname = "01-sums"\ndue = 2030-01-01T12:00:00+02:00\n'
TEN_A_DAY = LatePolicy(15, 10, 25, {tiny.ASSIGNMENT: DUE})


def policy_of(tmp_path: Path, text: str) -> LatePolicy:
    (tmp_path / "course.toml").write_text(text, encoding="utf-8")
    return load_policy(tmp_path)


def test_the_policy_is_read_from_the_courses_file(tmp_path):
    late = "[late]\ngrace_minutes = 15\npercent_per_day = 10\nmax_percent = 25.0\n"
    assert policy_of(tmp_path, late + COURSE) == TEN_A_DAY
    assert policy_of(tmp_path, COURSE) == LatePolicy(due={tiny.ASSIGNMENT: DUE})
    assert policy_of(tmp_path, '[late]\npolicy = "none"\npercent_per_day = 10\n' + COURSE).penalty(10, DAY) == 0


def test_the_courses_own_policy_is_valid():
    load_policy(ROOT)


@pytest.mark.parametrize("seconds, percent", [
    (1, 0), (15 * 60, 0), (15 * 60 + 1, 10), (DAY, 10), (DAY + 15 * 60, 10), (DAY + 15 * 60 + 1, 20), (2.5 * DAY, 25), (400 * DAY, 25),
])
def test_a_day_begun_counts_whole_after_the_grace_and_up_to_the_most(seconds, percent):
    assert TEN_A_DAY.penalty(80, seconds) == pytest.approx(80 * percent / 100)


@pytest.mark.parametrize("text, words", [
    ("late = 3", "late must be a table"),
    ("[late]\npercent_per_day = -1", "percent_per_day = -1: must be a number from 0 to 100"),
    ("[late]\npercent_per_day = 101", "must be a number from 0 to 100"),
    ("[late]\npercent_per_day = nan", "must be a number from 0 to 100"),
    ("[late]\npercent_per_day = true", "must be a number from 0 to 100"),
    ('[late]\npercent_per_day = "10"', "must be a number from 0 to 100"),
    ("[late]\npercent_per_day = 1\ngrace_minutes = -5", "grace_minutes = -5: must be a number, 0 or more"),
    ("[late]\npercent_per_day = 1\ngrace_minutes = inf", "must be a number, 0 or more"),
    ("[late]\ngrace_minutes = 5", "needs percent_per_day"),
    ("[late]\npercent_a_day = 5", "has no percent_a_day; it has grace_minutes"),
    ('[late]\npolicy = "zero"', 'must be "percent" or "none"'),
    ('[[module]]\nname = "m"\ndue = "2030-01-01"', "due of m is 2030-01-01: must be a date, a time and a zone"),
    ('[[module]]\nname = "m"\ndue = 2030-01-01', "a zone"),
    ('[[module]]\nname = "m"\ndue = 2030-01-01T12:00:00', "a zone"),
    ("[late", "not TOML"),
])
def test_a_bad_value_is_one_line_that_names_it(tmp_path, text, words):
    with pytest.raises(CourseError) as caught:
        policy_of(tmp_path, text)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "course.toml"))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(CourseError, match="cannot be read"):
        load_policy(tmp_path)


def penalties(room, *students: str) -> list[float]:  # noqa: F811
    with room.book() as book:
        return [book.find_submission(tiny.ASSIGNMENT, name).late_submission_penalty for name in students]


def writer_of(room, late: LatePolicy | None = TEN_A_DAY) -> GradebookWriter:  # noqa: F811
    return GradebookWriter(room.url, "course", room.root / "source", room.root / "autograded", late=late)


def after(days: float) -> datetime.datetime:
    return DUE + datetime.timedelta(days=days)


def test_recording_applies_the_policy_and_a_regrade_keeps_it(room):  # noqa: F811
    with writer_of(room) as writer:
        for student, days in (("early", -1), ("late", 0.5), ("later", 1.5)):
            writer.record(tiny.result(student, earned={"check-add-large": 0}), after(days))
    assert penalties(room, "early", "late", "later") == [0, pytest.approx(0.2), pytest.approx(0.4)]
    with writer_of(room) as writer:
        writer.record(tiny.result("late"))
    assert penalties(room, "late") == [pytest.approx(0.4)], "10 percent of what is now 4 points"
    with room.book() as book:
        assert book.find_assignment(tiny.ASSIGNMENT).duedate == datetime.datetime(2030, 1, 1, 10), "UTC"
        assert book.find_submission(tiny.ASSIGNMENT, "late").score == 4.0


def test_an_extension_moves_the_due_date_of_one_student(room):  # noqa: F811
    with writer_of(room) as writer:
        writer.record(tiny.result("ann"), after(1.5))
    with room.book() as book:
        book.grant_extension(tiny.ASSIGNMENT, "ann", days=2)
    with writer_of(room) as writer:
        assert writer.renew_penalties(tiny.ASSIGNMENT) == 1
    assert penalties(room, "ann") == [0]


def test_points_given_by_hand_later_are_reduced_when_penalties_are_renewed(room):  # noqa: F811
    with writer_of(room) as writer:
        writer.record(tiny.result("ann"), after(0.5))
    room.grade_by_hand("ann", 3, "fine")
    with writer_of(room) as writer:
        assert writer.renew_penalties(tiny.ASSIGNMENT) == 1
        assert writer.renew_penalties(tiny.ASSIGNMENT) == 0
        assert writer.class_marks(tiny.ASSIGNMENT)["ann"][tiny.NOTEBOOK].score == pytest.approx(6.3)
    assert penalties(room, "ann") == [pytest.approx(0.7)]


def test_a_due_date_set_in_nbgrader_stays_where_the_course_names_none(room):  # noqa: F811
    room.record(tiny.result("ann"))
    with room.book() as book:
        book.update_or_create_assignment(tiny.ASSIGNMENT, duedate="2030-01-01 10:00 UTC")
    with writer_of(room, LatePolicy(percent_per_day=50)) as writer:
        writer.record(tiny.result("ann"), after(0.5))
    assert penalties(room, "ann") == [2.0]


def test_a_notebook_recorded_later_brings_its_time_to_the_others(room):  # noqa: F811
    """nbgrader keeps one time for all notebooks of an assignment; the order of grading must not matter."""
    import dataclasses

    folder = room.root / "source" / tiny.ASSIGNMENT
    (folder / "more.ipynb").write_bytes((folder / "adding.ipynb").read_bytes())
    with writer_of(room) as writer:
        writer.record(tiny.result("ann"), after(-1))
        writer.record(dataclasses.replace(tiny.result("ann"), notebook="more"), after(0.5))
    assert penalties(room, "ann") == [pytest.approx(0.8)]


def test_the_marks_of_a_class_are_those_of_each_student(room):  # noqa: F811
    with writer_of(room) as writer:
        for student in ("ann", "bob"):
            writer.record(tiny.result(student, earned={"check-add-small": 0}), after(0.5))
    room.grade_by_hand("ann", 2, "good")
    with writer_of(room) as writer:
        found = writer.class_marks(tiny.ASSIGNMENT)
        for student in ("ann", "bob"):
            assert found[student][tiny.NOTEBOOK] == writer.marks(student, tiny.ASSIGNMENT, tiny.NOTEBOOK)
    assert found["ann"][tiny.NOTEBOOK].comments[tiny.ESSAY] == "good"


# nbgrader's own tools


@pytest.fixture
def course(room):  # noqa: F811
    """A course folder with the repository's own nbgrader configuration, and one late submission in the gradebook."""
    root = room.root / "course"
    root.mkdir()
    late = "[late]\npercent_per_day = 25\n"
    (root / "course.toml").write_text(late + COURSE.replace('"tiny"', '"course"'), encoding="utf-8")
    config = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (root / "nbgrader_config.py").write_text(config, encoding="utf-8")
    tiny.write_source(root / "build" / "source")
    (room.root / "gradebook.db").rename(root / "build" / "gradebook.db")
    url = f"sqlite:///{root}/build/gradebook.db"
    with GradebookWriter(url, "course", root / "build/source", root / "build/autograded", late=load_policy(root)) as writer:
        writer.record(tiny.result("ann", earned={"check-add-small": 0}), after(1.5))
    return root


def nbgrader(root: Path, *arguments: str) -> str:
    """Run nbgrader there, with the machine's own configuration out of the way."""
    import os

    empty = {name: str(root / "none") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_CONFIG_PATH", "HOME")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=root, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, **empty, "PATH": path, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


@pytest.mark.slow
def test_nbgraders_own_feedback_shows_verdicts_and_no_hidden_check(course):
    nbgrader(course, "generate_feedback", tiny.ASSIGNMENT)
    page = (course / "build" / "feedback" / "ann" / tiny.ASSIGNMENT / f"{tiny.NOTEBOOK}.html").read_text(encoding="utf-8")
    assert "small numbers" in page and "count on your fingers" in page
    for words in ("HIDDEN TESTS", "a secret hint", "20, 22", "Model answer"):
        assert words not in page


@pytest.mark.slow
def test_nbgraders_own_feedback_outlives_markers_in_an_answer(course):
    import json

    path = course / "build" / "autograded" / "ann" / tiny.ASSIGNMENT / f"{tiny.NOTEBOOK}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "exercise-add":
            cell["source"] = "def add(a, b):\n    # BEGIN HIDDEN TESTS\n    return my_own_words"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    nbgrader(course, "generate_feedback", tiny.ASSIGNMENT)
    assert "my_own_words" in (course / "build/feedback/ann" / tiny.ASSIGNMENT / f"{tiny.NOTEBOOK}.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_nbgraders_own_autograder_takes_off_the_same(course):
    """The configuration gives AssignLatePenalties our plugin."""
    from nbgrader.api import Gradebook

    submitted = course / "build" / "submitted" / "ann" / tiny.ASSIGNMENT / f"{tiny.NOTEBOOK}.ipynb"
    submitted.parent.mkdir(parents=True)
    submitted.write_text(tiny.submitted("Because.", answer=tiny.ANSWER), encoding="utf-8")
    (submitted.parent / "timestamp.txt").write_text("2030-01-02 22:00:00 UTC", encoding="utf-8")
    nbgrader(course, "autograde", tiny.ASSIGNMENT, "--force")
    with Gradebook(f"sqlite:///{course}/build/gradebook.db", "course") as book:
        submission = book.find_submission(tiny.ASSIGNMENT, "ann")
        assert submission.total_seconds_late == 1.5 * DAY
        assert submission.late_submission_penalty == pytest.approx(submission.score * 0.5)
        assert submission.score > 0
