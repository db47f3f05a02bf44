"""A class through the grader: the journal, the workers, and what a person is asked before grades change."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from dataclasses import replace

import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from mini_course import COURSE, answered, write_course  # noqa: E402
from nbgrader.api import Gradebook  # noqa: E402
from quick_grade import quick  # noqa: E402

from autograder.build import build  # noqa: E402
from autograder.course import CourseError, load_course  # noqa: E402
from autograder.grading import batch, remote, table  # noqa: E402
from autograder.grading.batch import Work, grade_all, grade_folder, local  # noqa: E402
from autograder.grading.codec import CodecError, from_text, to_text  # noqa: E402
from autograder.grading.exam import Exam, prepare  # noqa: E402
from autograder.grading.intake import find  # noqa: E402
from autograder.grading.journal import Journal, grader_version, key_of  # noqa: E402
from autograder.grading.result import OUTCOMES, STATUSES, CheckResult, Result  # noqa: E402
from autograder.limits import Limits  # noqa: E402

MODULE, NOTEBOOK = "01-sums", "softplus"
RIGHT = {
    "softplus": "def softplus(x):\n    return torch.logaddexp(x, torch.zeros_like(x))",
    "halve": "def halve(x):\n    return x / 2",
}


# ---------------------------------------------------------------- results as text

words = st.text() | st.just("\udcff")  # file names may hold bytes that are no text
numbers = st.floats(allow_nan=False)
checks = st.builds(CheckResult, words, words, words, numbers, numbers, st.sampled_from(STATUSES), words)
results = st.builds(
    Result,
    words,
    words,
    words,
    st.sampled_from(OUTCOMES),
    st.lists(checks, max_size=3).map(tuple),
    st.lists(words, max_size=3).map(tuple),
    words,
    numbers,
)


@given(results)
def test_a_result_survives_the_journal(result):
    text = to_text(result)
    assert "\n" not in text
    assert text.isascii()
    back = from_text(Result, text)
    assert back == result
    assert back.seconds == result.seconds


@given(results, st.data())
def test_a_text_that_is_no_result_is_refused(result, data):
    text = to_text(result)
    broken = text[: data.draw(st.integers(0, len(text) - 1))]
    with pytest.raises(CodecError):
        from_text(Result, broken)


@pytest.mark.parametrize("text", ["{}", "[]", "3", '{"student": 3}', "\0", "[" * 100_000])
def test_json_of_another_shape_is_no_result(text):
    with pytest.raises(CodecError):
        from_text(Result, text)


# ---------------------------------------------------------------- the journal

def test_a_damaged_or_half_written_entry_counts_as_missing(tmp_path):
    journal = Journal(tmp_path)
    journal.add("ab12", to_text(Result("s", "a", "n", "graded")))
    path = tmp_path / "ab" / "ab12.json"
    whole = path.read_bytes()
    assert journal.find("ab12") == Result("s", "a", "n", "graded")
    for damaged in (b"", whole[:-1], whole[:40], whole.replace(b"graded", b"passed"), b"\0" * len(whole)):
        path.write_bytes(damaged)
        assert journal.find("ab12") is None
    assert journal.find("cd34") is None


def test_two_graders_do_not_work_in_one_folder_at_once(tmp_path):
    other = pytest.raises(CourseError, match="another `course grade` is at work")
    with Journal(tmp_path).locked(), other, Journal(tmp_path).locked():
        pass
    with Journal(tmp_path).locked():
        pass


# ---------------------------------------------------------------- a class

def copy(course, released):
    """How a person hands in: `hand_in("ann", halve="def …")`."""

    def hand_in(student, when="", **answers):
        path = course.root / "in" / student / MODULE / f"{NOTEBOOK}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(answered(released, **answers)), encoding="utf-8")
        if when:
            (path.parent / "timestamp.txt").write_text(when, encoding="utf-8")
        return path

    return hand_in


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    course = write_course(tmp_path_factory.mktemp("exam"))
    return prepare(course, course.notebooks[0])


@pytest.fixture
def course(tmp_path):
    made = write_course(tmp_path / "course")
    build(made)
    return made


@pytest.fixture
def hand_in(course):
    return copy(course, course.released(course.notebooks[0]).read_bytes())


@pytest.fixture
def quickly(monkeypatch):
    """Grading and reference solutions take no time; returns the students that were graded."""
    graded = []

    def grade_apart(*arguments):
        graded.append(arguments[3])
        return quick(*arguments)

    monkeypatch.setattr(batch, "grade_apart", grade_apart)
    monkeypatch.setattr("autograder.grading.exam.expect", lambda *arguments: {})
    return graded


@pytest.fixture
def run(course, quickly, capsys, monkeypatch):
    """Grades what was handed in; returns the exit code and what was printed, a line a line."""
    monkeypatch.setattr(table.console, "_width", 200)

    def run(**options):
        code = grade_folder(load_course(course.root), course.root / "in", sandbox=False, **options)
        return code, capsys.readouterr().out

    return run


def book(course):
    return Gradebook(f"sqlite:///{course.root}/build/gradebook.db", course.id)


def scores(course):
    """Everybody's points, those by hand included, before penalties."""
    with book(course) as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(MODULE)}


def fix(course, **changes):
    """Change the source of the course as an author would, and build."""
    path = course.source(course.notebooks[0])
    text = path.read_text(encoding="utf-8")
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    build(course)


HALF = "def halve(x):\n    return x / 2  # passes 3.5"
BOTH = "def halve(x):\n    return x / 2.0  # passes 3.5 3.0"
NONE = "def halve(x):\n    return x  # passes nothing"
FIXED = {"halve": ("halve(7.0), 3.5", "halve(6.0), 3.0")}
RENAMED = {"halve": ("halve: half of it", "halve: one half of it"), "values": ("halve(7.0), 3.5", "halve(6.0), 3.0")}


@pytest.mark.slow
def test_what_is_in_the_journal_is_not_graded_again(run, hand_in, quickly, course):
    for student in ("ann", "bob", "cy"):
        hand_in(student, halve=HALF)
    assert run()[0] == 0
    assert sorted(quickly) == ["ann", "bob", "cy"]
    before = (course.root / "build/grades.csv").read_bytes()
    hand_in("dee", halve=NONE)
    assert run()[0] == 0
    assert quickly[3:] == ["dee"]
    assert run(again=True)[0] == 0
    assert sorted(quickly[4:]) == ["ann", "bob", "cy", "dee"]
    assert scores(course) == {"ann": 1, "bob": 1, "cy": 1, "dee": 0}
    assert set(before.splitlines()) < set((course.root / "build/grades.csv").read_bytes().splitlines())


def test_a_key_tells_apart_all_that_decides_a_grade(exam):
    def key(data=b"x", student="ann", exam=exam, limits=None, sandbox=True):
        return key_of(data, student, exam, limits or Limits(), sandbox)

    assert key() == key()
    others = [
        key(data=b"y"),
        key(student="bob"),
        key(exam=replace(exam, instructor_json=b"{}")),
        key(limits=Limits(check_seconds=11)),
        key(sandbox=False),
    ]
    assert len({key(), *others}) == 6


def test_an_exam_survives_the_way_to_a_worker(exam):
    back = from_text(Exam, to_text(exam))
    assert to_text(back) == to_text(exam)
    assert replace(back, expectations={}) == replace(exam, expectations={})


@pytest.mark.slow
def test_a_fixed_check_shows_who_changes_and_waits_for_a_yes(run, hand_in, course):
    hand_in("ann", halve=HALF)
    hand_in("bob", halve=BOTH)
    run()
    before = (course.root / "build/grades.csv").read_bytes()
    page = course.root / "build/feedback/ann" / MODULE / f"{NOTEBOOK}.html"
    seen = page.read_bytes()
    fix(course, **FIXED)
    hand_in("cy", halve=BOTH)
    code, said = run()
    assert code == 1
    row = next(line for line in said.splitlines() if "1 → 0" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["ann", NOTEBOOK, "1", "0", "halve: half of it: 1 → 0"]
    assert "grades that would change: 1. Nothing of them was written" in said
    assert "--yes" in said
    assert scores(course) == {"ann": 1, "bob": 1, "cy": 1}, "who is new is in"
    assert (course.root / "build/grades.csv").read_bytes() == before
    assert page.read_bytes() == seen
    assert run()[0] == 1, "it asks until somebody says yes"
    code, said = run(yes=True)
    assert (code, "1 → 0" in said) == (0, True)
    assert scores(course) == {"ann": 0, "bob": 1, "cy": 1}
    assert page.read_bytes() != seen
    code, said = run()
    assert (code, "changed" in said) == (0, False)


@pytest.mark.slow
def test_points_by_hand_and_late_penalties_survive_a_regrade(run, hand_in, course):
    text = COURSE.replace('title = "Sums"', 'title = "Sums"\ndue = 2026-01-01T00:00:00Z')
    (course.root / "course.toml").write_text(text + "\n[late]\npercent_per_day = 10\n", encoding="utf-8")
    hand_in("ann", "2026-01-01 12:00:00 UTC", halve=HALF)
    hand_in("bob", "2025-12-31 12:00:00 UTC", halve=HALF)
    run()
    with book(course) as gradebook:
        for student in ("ann", "bob"):
            for grade in gradebook.find_submission_notebook(NOTEBOOK, MODULE, student).grades:
                if grade.cell.cell_type == "markdown":
                    grade.manual_score, grade.needs_manual_grade = 2.0, False
                elif "large" in grade.cell.name and student == "bob":
                    grade.manual_score, grade.extra_credit = 1.5, 0.25
        gradebook.db.commit()
    assert scores(course) == {"ann": 3, "bob": 4.75}
    fix(course, **FIXED)
    assert run()[0] == 1
    assert scores(course) == {"ann": 3, "bob": 4.75}
    assert run(yes=True)[0] == 0
    assert scores(course) == {"ann": 2, "bob": 3.75}
    with book(course) as gradebook:
        assert gradebook.find_submission(MODULE, "ann").late_submission_penalty == pytest.approx(0.2)
        assert not gradebook.find_submission(MODULE, "bob").late_submission_penalty


@pytest.mark.slow
def test_a_penalty_follows_points_given_by_hand_to_who_is_not_in_the_run(run, hand_in, course):
    text = COURSE.replace('title = "Sums"', 'title = "Sums"\ndue = 2026-01-01T00:00:00Z')
    (course.root / "course.toml").write_text(text + "\n[late]\npercent_per_day = 10\n", encoding="utf-8")
    away = hand_in("ann", "2026-01-01 12:00:00 UTC", halve=HALF)
    hand_in("bob", "2025-12-31 12:00:00 UTC", halve=HALF)
    run()
    with book(course) as gradebook:
        for grade in gradebook.find_submission_notebook(NOTEBOOK, MODULE, "ann").grades:
            if grade.cell.cell_type == "markdown":
                grade.manual_score, grade.needs_manual_grade = 2.0, False
        gradebook.db.commit()
    away.unlink()
    run()
    with book(course) as gradebook:
        assert gradebook.find_submission(MODULE, "ann").late_submission_penalty == pytest.approx(0.3)


@pytest.mark.slow
def test_canvass_own_number_of_a_student_reaches_canvass_table(run, hand_in, course):
    made = hand_in("ann", halve=HALF)
    made.rename(course.root / "in" / f"lovelaceada_4711_90210_{NOTEBOOK}.ipynb")
    made.parent.rmdir()
    made.parent.parent.rmdir()
    assert run()[0] == 0
    rows = (course.root / "build/grades-canvas.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[0].startswith("Student,ID,")
    assert rows[2].split(",")[1] == "4711"


@pytest.mark.slow
def test_other_work_of_a_student_is_committed_without_asking(run, hand_in, course):
    hand_in("ann", halve=HALF)
    run()
    hand_in("ann", halve=NONE)
    code, said = run()
    assert (code, "1 handed in again" in said) == (0, True)
    assert scores(course) == {"ann": 0}


@pytest.mark.slow
def test_points_that_the_journal_does_not_know_are_not_overwritten_without_asking(run, hand_in, course):
    hand_in("ann", halve=HALF)
    run()
    for path in (course.root / "build/journal").rglob("*.json"):
        path.unlink()
    hand_in("ann", halve=NONE)
    assert run()[0] == 1
    assert scores(course) == {"ann": 1}


@pytest.mark.slow
def test_a_renamed_check_takes_no_points_from_anybody_without_asking(run, hand_in, course):
    hand_in("ann", halve=HALF)
    away = hand_in("bob", halve=BOTH)
    run()
    away.unlink()
    hand_in("cy", halve=BOTH)
    fix(course, **RENAMED)
    code, said = run()
    assert (code, "not handed in this time" in said) == (1, True)
    assert scores(course) == {"ann": 1, "bob": 1}, "the assignment stays as it is, for newcomers too"
    assert run(yes=True)[0] == 0
    assert scores(course) == {"ann": 0, "bob": 0, "cy": 1}


@pytest.mark.slow
def test_a_check_that_only_has_another_name_is_taken_over(run, hand_in, course):
    hand_in("ann", halve=HALF)
    run()
    fix(course, halve=RENAMED["halve"])
    hand_in("bob", halve=HALF)
    assert run()[0] == 0
    assert scores(course) == {"ann": 1, "bob": 1}


@pytest.mark.slow
def test_a_refused_file_takes_no_points_away(run, hand_in, course):
    path = hand_in("ann", halve=HALF)
    run()
    path.write_text("{", encoding="utf-8")
    code, said = run()
    assert (code, "refused" in said) == (0, True)
    assert scores(course) == {"ann": 1}


@pytest.mark.slow
def test_the_grader_failing_on_one_submission_costs_that_one_only(run, hand_in, course, monkeypatch):
    for student in ("ann", "bob", "cy"):
        hand_in(student, halve=HALF)
    working = batch.grade_apart

    def failing(*arguments):
        if arguments[3] == "bob":
            raise remote.Broken("the process that graded it ended")
        return working(*arguments)

    monkeypatch.setattr(batch, "grade_apart", failing)
    code, said = run()
    assert (code, scores(course)) == (0, {"ann": 1, "cy": 1})
    assert "bob/softplus.ipynb: refused: could not be graded, which is not the student's fault" in said
    monkeypatch.setattr(batch, "grade_apart", working)
    run()
    assert scores(course) == {"ann": 1, "bob": 1, "cy": 1}


# ---------------------------------------------------------------- for real

@pytest.fixture(scope="module")
def many(exam, tmp_path_factory):
    """A class: right, wrong, crashing, forbidden and broken work."""
    course = write_course(tmp_path_factory.mktemp("many"))
    build(course)
    hand_in = copy(course, exam.released_json)
    answers = [
        RIGHT,
        {},
        RIGHT | {"halve": "def halve(x):\n    import os\n    os._exit(1)"},
        RIGHT | {"softplus": "def softplus(x):\n    return F.softplus(x)"},
        RIGHT | {"softplus": "def softplus(x):\n    raise ValueError(sorted({str(n) for n in range(9)}))"},
        RIGHT | {"halve": "def halve(x):\n    return x // 2"},
    ]
    for number, answer in enumerate(answers):
        hand_in(f"student-{number}", **answer)
    hand_in("truncated").write_text("{", encoding="utf-8")
    return course, find(course, course.root / "in")


def graded(submissions, exam, workers, journal=None):
    with local(workers) as executor:
        found = list(grade_all(submissions, Work({NOTEBOOK: exam}), executor, journal))
    return sorted((one.result for one in found), key=lambda result: result.student)


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_order_and_workers_do_not_matter(many, exam):
    _, submissions = many
    first = graded(submissions, exam, 1)
    assert [result.points for result in first] == [4, 0, 3, 1, 1, 3, 0]
    for workers in (2, 3):
        shuffled = random.Random(workers).sample(submissions, len(submissions))
        assert graded(shuffled, exam, workers) == first


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_a_worker_that_is_killed_costs_nothing(many, exam):
    _, submissions = many
    expected = graded(submissions, exam, 2)
    with local(2) as executor:
        run = grade_all(submissions, Work({NOTEBOOK: exam}), executor)
        found = [next(run).result]
        for child in list(remote._children):
            os.kill(child._process.pid, signal.SIGKILL)
        found += [one.result for one in run]
    assert sorted(found, key=lambda result: result.student) == expected


def alive(pid):
    """Whether the process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_an_interrupted_run_leaves_no_worker_behind(exam, many, tmp_path):
    course, _ = many
    hand_in = copy(replace(course, root=tmp_path), exam.released_json)
    path = hand_in("loop", halve="def halve(x):\n    while True: pass")
    submission = replace(find(course, path)[0], notebook=replace(course.notebooks[0], limits=Limits(check_seconds=100)))
    with pytest.raises(KeyboardInterrupt), local(1) as executor:
        threading.Timer(8, signal.raise_signal, [signal.SIGINT]).start()
        list(grade_all([submission], Work({NOTEBOOK: exam}), executor))
    assert not remote._children
    time.sleep(1)
    ours = [child for child in os.listdir("/proc") if child.isdigit() and alive(child) and _is_remote(child)]
    assert not ours


def _is_remote(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as line:
            return b"autograder.grading.remote" in line.read() and _parent(pid) == os.getpid()
    except OSError:
        return False


def _parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])


def test_a_worker_with_another_version_refuses(exam):
    with pytest.raises(CourseError, match="another version of the course"):
        remote.grade_apart("another", remote.pack(exam), b"{}", "ann", Limits(), True)
    assert len(grader_version()) == 64
