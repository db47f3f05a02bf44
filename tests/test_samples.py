"""What a class hands in, to every notebook of the course, through the real grader: the submissions of `make grade`."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import load_course
from autograder.grading.exam import prepare
from autograder.grading.grade import grade
from tools.sample_submissions import exercises, first_wrong_answer, grade_id, read, samples

pytestmark = [pytest.mark.bubblewrap, pytest.mark.slow]
COURSE = load_course(Path(__file__).resolve().parents[1])


@pytest.mark.parametrize("entry", COURSE.notebooks, ids=lambda entry: entry.name)
def test_every_kind_of_submission_gets_what_it_deserves(entry) -> None:
    exam = prepare(COURSE, entry)
    results = {student: grade(content, student, exam) for student, content in samples(COURSE, entry).items()}
    names = [grade_id(cell) for cell in exercises(read(COURSE.released(entry)))]
    for student in ("reference", "colab-round-trip"):
        result = results.pop(student)
        assert (result.outcome, result.points, result.reasons) == ("graded", result.max_points, ()), student
        assert list(result.exercises()) == names
    untouched = results.pop("untouched")
    assert (untouched.outcome, untouched.points, untouched.reasons) == ("graded", 0, ())
    assert set(untouched.exercises().values()) == {"not attempted"}
    pasted = results.pop("colab-pasted")
    assert (pasted.outcome, pasted.points) == ("flagged", pasted.max_points)
    partly = results.pop("partly-solved")
    assert (partly.outcome, partly.reasons) == ("graded", ())
    done = len(names) // 2
    assert [partly.exercises()[name] for name in names[:done]] == ["passed"] * done
    assert "passed" not in [partly.exercises()[name] for name in names[done:]]
    wrong = results.pop("one-wrong-answer")
    marks, _ = first_wrong_answer(COURSE.answers(entry))
    assert (wrong.outcome, wrong.reasons) == ("graded", ())
    assert wrong.exercises()[marks["of"]] == "failed"
    assert any(marks["says"] in check.message for check in wrong.checks if check.exercise == marks["of"])
    truncated = results.pop("truncated-file")
    assert truncated.outcome == "refused" and "truncated" in truncated.reasons[0]
    assert not results, f"nothing is said of {', '.join(results)}"
