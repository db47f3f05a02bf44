"""The class report. Results are made by hand, as tests/tiny_course.py makes them."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")

from bs4 import BeautifulSoup  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import tiny_course as tiny  # noqa: E402

from autograder.course import Course, CourseError, Notebook  # noqa: E402
from autograder.grading import report  # noqa: E402
from autograder.grading.result import STATUSES, Result  # noqa: E402
from autograder.grading.scores import Mark, Marks  # noqa: E402

COURSE = Course(Path("."), "tiny", "Tiny & small", "", (Notebook(tiny.ASSIGNMENT, tiny.NOTEBOOK, "Adding", 5, ()),))


def with_status(student: str, status: str, message: str = "✗ double: twice\n  expected 4, got 5") -> Result:
    """A result whose exercise `double` has this status; `add` is passed."""
    result = tiny.result(student)
    last = dataclasses.replace(result.checks[-1], status=status, points=0.0, message=message)
    return dataclasses.replace(result, checks=(*result.checks[:-1], last))


def soup(results: list[Result], marks: report.MarksOf | None = None) -> BeautifulSoup:
    return BeautifulSoup(report.page(COURSE, results, marks), "html.parser")


def rows_of(page: BeautifulSoup) -> dict[str, BeautifulSoup]:
    """Each exercise's cell, by name."""
    return {row.th.text: row.td for row in page.select("section tbody tr") if row.th}


def test_each_exercise_has_its_shares_in_numbers_and_as_a_bar_of_that_width():
    results = [tiny.result("a"), *(with_status(f"s{i}", status) for i, status in enumerate(STATUSES) if i)]
    cell = rows_of(soup([*results, tiny.result("b"), tiny.result("c")]))["double"]
    assert cell.select_one(".bar")["aria-label"] == (
        "passed 3, failed 1, timed out 1, out of memory or died 2, not attempted 1"
    )
    said = cell.select_one(".said").text
    assert "passed 3 (38 %)" in said and "not attempted 1 (12 %)" in said
    widths = [float(re.search(r"width: ([\d.]+)%", bar["style"])[1]) for bar in cell.select(".bar span")]
    assert widths == [37.5, 12.5, 12.5, 25.0, 12.5]
    assert [bar.text for bar in cell.select(".bar span")] == ["3", "1", "1", "2", "1"]


def test_every_status_of_a_result_has_a_share():
    assert sorted(status for group in report.SHARES.values() for status in group) == sorted(STATUSES)


def test_the_commonest_message_counts_students_and_sees_past_numbers():
    results = [
        with_status("a", "failed", "✗ double: twice\n  at [0, 1] expected 4, got 5\n  hint: two times"),
        with_status("b", "failed", "✗ double: twice\n  at [2, 1] expected 4, got nan\n  hint: two times"),
        with_status("c", "failed", "✗ double: twice\n  your code raised ValueError: no"),
        with_status("d", "not attempted", "✗ double: twice\n  not written yet"),
        tiny.result("e"),
    ]
    cell = rows_of(soup(results))["double"]
    assert cell.select_one(".many").text == "commonest message, 2 of 3:"
    assert "expected 4, got" in cell.select_one(".message").text
    assert "not written yet" not in cell.text


def test_a_passed_exercise_shows_no_message():
    assert not soup([tiny.result("a")]).select(".message")


def test_a_message_is_of_the_first_check_that_failed_of_each_student():
    result = tiny.result("a", earned={"check-add-small": 0, "check-add-large": 0})
    cell = rows_of(soup([result]))["add"]
    assert cell.select_one(".many").text == "commonest message, 1 of 1:"
    assert "small numbers" in cell.select_one(".message").text


def test_refused_notebooks_count_in_no_share_and_are_listed_with_the_reason():
    page = soup([tiny.result("a"), tiny.result("b", outcome="refused"), tiny.result("c", outcome="flagged", reasons=("look", "twice"))])
    assert rows_of(page)["add"].select_one(".bar")["aria-label"] == "passed 2"
    rows = [[cell.text for cell in row.select("td")] for row in page.select(".look tbody tr")]
    assert rows == [
        ["b", "01-sums/adding", "refused", "not a notebook (truncated after 12 bytes)"],
        ["c", "01-sums/adding", "flagged", "looktwice"],
    ]
    assert "2 graded, 1 refused and not counted below" in page.text


def test_the_histogram_counts_every_graded_notebook_once():
    earned = dict.fromkeys(tiny.CHECKS, 0)
    results = [tiny.result("full"), tiny.result("none", earned=earned), tiny.result("half", earned={"check-add-large": 0})]
    page = soup(results)
    columns = [column.text.strip() for column in page.select(".columns div")]
    assert columns == ["1", "", "", "", "", "1", "", "", "", "1"]
    assert "mean 50 %, median 50 % of 4 points" in page.text


def test_points_given_by_hand_count_and_what_awaits_a_person_does_not():
    def marks(student: str, assignment: str, notebook: str) -> Marks:
        checks = {name: Mark(float(points), float(points), False) for name, (_, points) in tiny.CHECKS.items()}
        essay = Mark(0.0, 3.0, True) if student == "waits" else Mark(1.0, 3.0, False)
        return Marks(checks | {tiny.ESSAY: essay}, late_penalty=2.5 if student == "late" else 0.0)

    page = soup([tiny.result("waits"), tiny.result("done"), tiny.result("late"), tiny.result("no", outcome="refused")], marks)
    assert [item.text.strip() for item in page.select(".numbers li")][-1] == "1 await grading by hand"
    columns = [column.text.strip() for column in page.select(".columns div")]
    assert columns == ["", "", "", "1", "", "", "", "1", "", "1"], "2.5 of 7, 5 of 7, 4 of 4"


def test_without_a_gradebook_the_report_says_nothing_of_grading_by_hand():
    page = soup([tiny.result("a")])
    assert "by hand" not in page.text


@pytest.mark.parametrize("results", [[], [tiny.result("a", outcome="refused")]])
def test_a_class_without_a_graded_notebook_has_a_report(results):
    page = soup(results)
    assert page.select_one("h1").text == "Class report"
    assert not page.select(".bar, .columns")


def test_nothing_that_a_student_wrote_runs_or_reaches_out():
    nasty = "<script>alert(1)</script><img src=x onerror=a>\x1b[31m\x07\u202e"
    html = report.page(COURSE, [
        with_status(nasty, "failed", f"✗ double: twice\n  your code raised ValueError: {nasty}"),
        tiny.result("\udcff<b>", outcome="flagged", reasons=(nasty,)),
    ])
    assert "<script" not in html and "<img" not in html and "\x1b" not in html and "\x07" not in html and "\u202e" not in html
    assert "default-src 'none'" in html and "http" not in html.replace("http-equiv", "")
    html.encode()


def test_a_message_without_end_is_cut():
    html = report.page(COURSE, [with_status("a", "failed", "✗ double: twice\n  " + "7" * 100_000 + "\n" * 1000)])
    assert len(html) < 20_000


def test_the_report_shows_no_code_and_no_hidden_check():
    html = report.page(COURSE, [tiny.result("a", earned={"check-add-small": 0})])
    for words in ("def add", "HIDDEN", "a secret hint", "20, 22", "Model answer", "Because sums"):
        assert words not in html


def test_notebooks_stand_in_the_order_of_the_course_and_unknown_ones_last():
    course = dataclasses.replace(COURSE, notebooks=(Notebook("02-b", "second", "B", 5, ()), *COURSE.notebooks))
    results = [dataclasses.replace(tiny.result("a"), assignment=a, notebook=n)
               for a, n in ((tiny.ASSIGNMENT, tiny.NOTEBOOK), ("02-b", "second"), ("00-odd", "odd"))]
    page = BeautifulSoup(report.page(course, results), "html.parser")
    assert [place.text for place in page.select(".place")] == ["02-b/second", "01-sums/adding", "00-odd/odd"]


def test_the_report_is_the_same_in_any_order_of_results():
    results = [with_status(f"s{i}", status, f"✗ double\n  got {i}") for i, status in enumerate(STATUSES * 3)]
    assert report.page(COURSE, results) == report.page(COURSE, results[::-1])


def test_the_report_is_written_whole_or_its_failure_is_one_line(tmp_path):
    report.write_report(COURSE, [tiny.result("a")], tmp_path / "deep" / "report.html")
    assert (tmp_path / "deep" / "report.html").read_text(encoding="utf-8").endswith("</html>")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CourseError, match="cannot be written"):
        report.write_report(COURSE, [], tmp_path / "file" / "report.html")
