"""The tests of the tests, tested: an answer that misbehaves is named, one that behaves is not."""

import pytest
from mini_course import ANSWERS, SOURCE, write_course

from autograder.answers import try_answers
from autograder.cli import main
from autograder.course import CourseError

pytestmark = pytest.mark.slow


def problems(course):
    return {trial.answer.name: trial.problem for _, trial in try_answers(course, course.notebooks[0]) if trial.problem}


def test_answers_that_behave_have_no_problem(tmp_path):
    assert problems(write_course(tmp_path)) == {}


def test_answers_that_misbehave_are_named_with_the_reason(tmp_path):
    answers = (
        ANSWERS.replace("    return torch.log(1 + torch.exp(x))", "    return torch.logaddexp(x, torch.zeros_like(x))")
        .replace('says="log of one"', 'says="log of two"')
        .replace("    return x * 0.5", "    return x * 0.6")
        .replace("    return x // 2", "    while True: pass")
        .replace("    return x * 2\n", "    import os; os._exit(0)\n")
    )
    import autograder.answers as module

    limit, module.SECONDS = module.SECONDS, 5
    try:
        found = problems(write_course(tmp_path, answers=answers))
    finally:
        module.SECONDS = limit
    assert found == {
        "overflow": "passes the check that should catch it, `large inputs`",
        "relu": "its message does not say `log of two`",
        "times": "fails a check",
        "integers": "did not finish in 5 s",
        "twice": "ended the process",
    }


def test_a_check_that_cannot_fail_is_found_by_the_unsolved_notebook(tmp_path):
    source = SOURCE.replace(
        'check.close(halve(7.0), 3.5, hint="divide by two")',
        'with contextlib.suppress(Exception):\n    check.close(halve(7.0), 3.5, hint="divide by two")',
    ).replace("# %%\nimport torch\n", "# %%\nimport contextlib\n\nimport torch\n")
    found = problems(write_course(tmp_path, source))
    assert found["unsolved"].startswith(("the unsolved notebook passes", "notebook and grading disagree"))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            '# %% wrong="integers" of="halve" check="half of it" says="got 3"\ndef halve(x):\n    return x // 2\n',
            "",
            "halve has 3 wrong answers; write at least 4",
        ),
        (
            '# %% right="times" of="halve"\ndef halve(x):\n    return x * 0.5\n',
            "",
            "halve has 1 right answers; write at least 2",
        ),
        (
            'of="halve" check="half of it" says="got 3"',
            'of="third" check="half of it" says="got 3"',
            "no exercise 'third'",
        ),
        ('check="half of it" says="got 3"', 'check="a third" says="got 3"', "exactly one check of halve"),
        ('check="half of it" says="got 3"', 'check="half of it"', "takes check, of, says, wrong"),
    ],
)
def test_an_answers_file_that_breaks_a_rule_is_refused(before, after, words, tmp_path):
    assert before in ANSWERS
    course = write_course(tmp_path, answers=ANSWERS.replace(before, after))
    with pytest.raises(CourseError, match="softplus.answers.py") as caught:
        problems(course)
    assert words in str(caught.value)


def test_the_reference_must_pass_its_own_checks(tmp_path):
    course = write_course(tmp_path, SOURCE.replace("return x / 2", "return x / 3"))
    with pytest.raises(CourseError, match="does not pass its own check"):
        problems(course)


def test_the_command_prints_a_table_and_ends_with_an_exit_code(tmp_path, capsys, monkeypatch):
    write_course(tmp_path, answers=ANSWERS.replace("    return x * 0.5", "    return x * 0.6"))
    monkeypatch.chdir(tmp_path)
    assert main(["answers"]) == 1
    out = capsys.readouterr().out
    assert "15 of 16 answers behave" in out and "'times': fails a check" in out
    assert main(["answers", "nowhere"]) == 2
    assert "no such notebook; course.toml has softplus" in capsys.readouterr().err
