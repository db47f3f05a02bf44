"""Grades for learning platforms and spreadsheets. The course is tests/tiny_course.py; what Canvas and Moodle do with the
files is written down here from their importers."""

from __future__ import annotations

import csv
import dataclasses
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")

sys.path.insert(0, str(Path(__file__).parent))
import tiny_course as tiny  # noqa: E402
from test_gradebook import empty_gradebook, room  # noqa: E402, F401

from autograder.course import CourseError  # noqa: E402
from autograder.grading.exports import number, write_grades_csv  # noqa: E402
from autograder.grading.lms import write_canvas_csv, write_moodle_csv  # noqa: E402

NASTY = ['O\'Brien, "Pat"', "=cmd|' /C calc'!A0", "zoë;x", "李雷", "@SUM(A1)", "two\nlines", "\udcff", "x" * 300]


def table_of(path: Path, encoding: str = "utf-8") -> list[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))


def canvas_reads(path: Path) -> dict[str, dict[str, str]]:
    """Canvas's importer in short: its head, the row of points possible, then students by login; semicolons if more."""
    first = path.read_text(encoding="utf-8").split("\r\n")[:3]
    assert not all(line.count(";") == first[0].count(";") > first[0].count(",") for line in first)
    head, possible, *rows = table_of(path)
    assert "Student" in head[0] and "ID" in head[1] and len(head) > 3
    assert head[2:5] == ["SIS User ID", "SIS Login ID", "Section"], "Section is the last column before the assignments"
    assert "Points Possible" in possible[0]
    students = {row[3]: dict(zip(head[5:], row[5:], strict=True)) | {"name": row[0], "id": row[1]} for row in rows}
    return {"": dict(zip(head[5:], possible[5:], strict=True))} | students


def moodle_reads(path: Path) -> dict[str, dict[str, str]]:
    """Moodle's importer in short: no row without an identifier; a score is a number or "-"."""
    head, *rows = table_of(path)
    found = {}
    for row in rows:
        values = dict(zip(head, row, strict=True))
        assert all(row[: head.index(next(name for name in head if name.endswith("(points)")))]), "an empty identifier"
        for name, value in values.items():
            if name.endswith("(points)"):
                assert value == "-" or float(value) >= 0
        found[values["Username"]] = values
    return found


def test_canvas_gets_a_column_per_assignment_with_the_points_possible(tmp_path):
    second = dataclasses.replace(tiny.result("ann"), assignment="02-more")
    write_canvas_csv([
        tiny.result("ann", earned={"check-add-large": 0.5}), second, tiny.result("bob", outcome="refused"),
    ], tmp_path / "canvas.csv")
    read = canvas_reads(tmp_path / "canvas.csv")
    assert read[""] == {"01-sums": "4", "02-more": "4"}
    assert read["ann"] == {"01-sums": "2.5", "02-more": "4", "name": "ann", "id": ""}
    assert read["bob"] == {"01-sums": "", "02-more": "", "name": "bob", "id": ""}


def test_two_notebooks_of_an_assignment_are_one_score(tmp_path):
    more = dataclasses.replace(tiny.result("ann", earned={"check-add-small": 0}), notebook="more")
    results = [tiny.result("ann"), more, tiny.result("bob")]
    write_canvas_csv(results, tmp_path / "canvas.csv")
    read = canvas_reads(tmp_path / "canvas.csv")
    assert (read[""]["01-sums"], read["ann"]["01-sums"], read["bob"]["01-sums"]) == ("8", "7", "4")


def test_moodle_gets_points_and_feedback_for_every_student(tmp_path):
    write_moodle_csv([
        tiny.result("ann", earned={"check-add-large": 0.5}), tiny.result("bob", outcome="refused", reasons=("not a <b>notebook",)),
        tiny.result("cy", outcome="flagged", reasons=("reported twice",)),
    ], tmp_path / "moodle.csv")
    read = moodle_reads(tmp_path / "moodle.csv")
    assert list(read["ann"]) == ["Username", "01-sums (points)", "01-sums (feedback)"]
    assert (read["ann"]["01-sums (points)"], read["ann"]["01-sums (feedback)"]) == ("2.5", "adding: add failed")
    assert read["bob"]["01-sums (points)"] == "-", "no grade; an empty cell of a new item is an error in Moodle"
    assert read["bob"]["01-sums (feedback)"] == "adding: not graded: not a ‹b›notebook"
    assert "twice" not in read["cy"]["01-sums (feedback)"], "an accusation is for the instructor"


@pytest.mark.parametrize("write", [write_canvas_csv, write_moodle_csv])
def test_points_given_by_hand_and_late_penalties_are_in_the_score(room, tmp_path, write):  # noqa: F811
    results = [tiny.result("ann"), tiny.result("bob"), tiny.result("cy", outcome="refused")]
    room.record(*results)
    room.grade_by_hand("ann", 2.5, "well put")
    with room.book() as book:
        book.find_submission_notebook(tiny.NOTEBOOK, tiny.ASSIGNMENT, "ann").late_submission_penalty = 1.25
        book.db.commit()
    with room.open() as writer:
        write(results, tmp_path / "lms.csv", writer)
    if write is write_canvas_csv:
        read = canvas_reads(tmp_path / "lms.csv")
        assert [read[name]["01-sums"] for name in ("", "ann", "bob", "cy")] == ["7", "5.25", "4", ""]
    else:
        read = moodle_reads(tmp_path / "lms.csv")
        assert [read[name]["01-sums (points)"] for name in ("ann", "bob", "cy")] == ["5.25", "4", "-"]
        assert "1.25 points taken off for handing in late" in read["ann"]["01-sums (feedback)"]
        assert "3 points are still to be given by hand" in read["bob"]["01-sums (feedback)"]


def test_a_notebook_graded_on_another_day_stays_in_the_score(room, tmp_path):  # noqa: F811
    folder = room.root / "source" / tiny.ASSIGNMENT
    (folder / "more.ipynb").write_bytes((folder / "adding.ipynb").read_bytes())
    room.record(dataclasses.replace(tiny.result("ann"), notebook="more"))
    today = tiny.result("ann")
    with room.open() as writer:
        writer.record(today)
        write_canvas_csv([today], tmp_path / "canvas.csv", writer)
    read = canvas_reads(tmp_path / "canvas.csv")
    assert (read[""]["01-sums"], read["ann"]["01-sums"]) == ("14", "8")


def test_names_and_numbers_that_nbgrader_knows_help_the_platform_find_the_student(room, tmp_path):  # noqa: F811
    results = [tiny.result("ann"), tiny.result("bob")]
    room.record(*results)
    with room.book() as book:
        book.update_or_create_student("ann", first_name="Ann", last_name="O'Hara, Jr", email="a@x.edu", lms_user_id="4711")
        book.update_or_create_student("bob", first_name="Bob", last_name="Li", lms_user_id="12")
    with room.open() as writer:
        write_canvas_csv(results, tmp_path / "canvas.csv", writer)
        write_moodle_csv(results, tmp_path / "moodle.csv", writer)
    assert canvas_reads(tmp_path / "canvas.csv")["ann"] | {"01-sums": ""} == {"name": "O'Hara, Jr, Ann", "id": "4711", "01-sums": ""}
    head = table_of(tmp_path / "moodle.csv")[0]
    assert "ID number" in head
    assert "Email address" not in head, "Moodle would give bob's points to ann"


def test_the_number_that_canvas_gave_a_student_comes_back(room, tmp_path):  # noqa: F811
    with room.open() as writer:
        writer.introduce("ann", "4711")
        writer.record(tiny.result("ann"))
        writer.introduce("ann", "99")
        writer.introduce("bob", "")
        write_canvas_csv([tiny.result("ann"), tiny.result("bob")], tmp_path / "canvas.csv", writer)
    read = canvas_reads(tmp_path / "canvas.csv")
    assert (read["ann"]["id"], read["bob"]["id"]) == ("4711", "")


def test_a_file_that_names_nobody_is_in_no_platforms_table(tmp_path):
    """Moodle refuses the whole file for one student that it does not know."""
    results = [tiny.result("ann"), tiny.result("?", outcome="refused")]
    write_moodle_csv(results, tmp_path / "moodle.csv")
    write_canvas_csv(results, tmp_path / "canvas.csv")
    assert list(moodle_reads(tmp_path / "moodle.csv")) == ["ann"]
    assert list(canvas_reads(tmp_path / "canvas.csv")) == ["", "ann"]


def test_a_second_file_that_was_refused_says_nothing_beside_the_one_that_counts(tmp_path):
    write_moodle_csv([tiny.result("ann"), tiny.result("ann", outcome="refused")], tmp_path / "moodle.csv")
    assert moodle_reads(tmp_path / "moodle.csv")["ann"]["01-sums (feedback)"] == "adding: every exercise passed"


@pytest.mark.parametrize("write", [write_canvas_csv, write_moodle_csv, write_grades_csv])
def test_nasty_names_survive_and_run_nothing(room, tmp_path, write):  # noqa: F811
    results = [tiny.result(name) for name in NASTY]
    room.record(*results)
    with room.open() as writer:
        write(results, tmp_path / "lms.csv", writer)
    table = table_of(tmp_path / "lms.csv", "utf-8-sig")
    assert len({len(row) for row in table}) == 1
    cells = {cell for row in table for cell in row}
    assert {'O\'Brien, "Pat"', "'=cmd|' /C calc'!A0", "zoë;x", "李雷", "'@SUM(A1)", "two lines", "\\udcff", "x" * 300} <= cells
    assert not any(cell.lstrip().startswith(("=", "+", "@")) for cell in cells)
    if write is write_canvas_csv:
        assert all(values["01-sums"] == "4" for login, values in canvas_reads(tmp_path / "lms.csv").items() if login)


@pytest.mark.parametrize("write", [write_canvas_csv, write_moodle_csv])
def test_an_export_of_nobody_has_its_head(tmp_path, write):
    write([], tmp_path / "deep" / "lms.csv")
    assert table_of(tmp_path / "deep" / "lms.csv")[0][0] in ("Student", "Username")


@pytest.mark.parametrize("write", [write_canvas_csv, write_moodle_csv])
def test_an_export_that_cannot_be_written_is_one_line(tmp_path, write):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CourseError, match="cannot be written"):
        write([], tmp_path / "file" / "lms.csv")


@pytest.mark.parametrize("write", [write_canvas_csv, write_moodle_csv, write_grades_csv])
def test_an_export_is_the_same_in_any_order_of_results(tmp_path, write):
    results = [tiny.result(f"s{i}", earned={"check-add-large": i / 10}) for i in range(20)]
    write(results, tmp_path / "a.csv")
    write(results[::-1], tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@pytest.mark.parametrize("value, text", [(0.0, "0"), (10.0, "10"), (2.5, "2.5"), (1 / 3, "0.33"), (100.0, "100"), (-1e-9, "0"), (1e-20, "0")])
def test_points_are_written_as_people_and_platforms_read_them(value, text):
    assert number(value) == text


def test_the_table_has_points_per_exercise(room, tmp_path):  # noqa: F811
    results = [tiny.result("ann", earned={"check-add-small": 0}), tiny.result("bob", outcome="refused")]
    write_grades_csv(results, tmp_path / "plain.csv")
    head, ann, bob = table_of(tmp_path / "plain.csv", "utf-8-sig")
    plain = dict(zip(head, ann, strict=True))
    assert (plain["add"], plain["add points"], plain["double"], plain["double points"]) == ("failed", "2", "passed", "1")
    assert dict(zip(head, bob, strict=True))["add points"] == ""
    assert "score" not in plain


def test_the_table_has_what_a_person_gave_where_there_is_a_gradebook(room, tmp_path):  # noqa: F811
    results = [tiny.result("ann", earned={"check-add-large": 0}), tiny.result("bob"), tiny.result("cy", outcome="refused")]
    room.record(*results)
    room.grade_by_hand("ann", 2.5, "well put")
    room.grade_by_hand("ann", 1.0, None, cell="check-add-large")
    with room.open() as writer:
        write_grades_csv(results, tmp_path / "grades.csv", writer)
    head, *rows = table_of(tmp_path / "grades.csv", "utf-8-sig")
    ann, bob, cy = (dict(zip(head, row, strict=True)) for row in rows)
    assert (ann["points"], ann["add points"], ann["points by hand"], ann["score"], ann["max score"]) == ("2", "2", "2.5", "5.5", "7")
    assert (bob["points awaiting a person"], bob["score"]) == ("3", "4")
    assert (cy["score"], cy["points by hand"]) == ("", "")
