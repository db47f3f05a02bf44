"""What a student sees: the released notebook in the JupyterLab of `make lab`, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from autograder.course import load_course
from tests.e2e.browsing import ROOT, Server, picture, run, write
from tools.sample_submissions import first_wrong_answer, read, solutions

pytestmark = pytest.mark.browser

COURSE = load_course(ROOT)
ENTRY = COURSE.notebooks[0]


def open_notebook(page: Page, server: Server) -> None:
    page.goto(server.page(f"/lab/tree/{ENTRY.module}/{ENTRY.name}.ipynb"))
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    cells = len(read(COURSE.released(ENTRY))["cells"])
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(cells)


def code_cell(page: Page, words: str) -> Locator:
    """The first code cell whose source holds these words."""
    return page.locator(".jp-Notebook .jp-CodeCell").filter(has=page.locator(".cm-content", has_text=words)).first


def test_a_student_writes_an_exercise_and_is_told_how_it_went(page: Page, students_lab: Server) -> None:
    marks, mistake = first_wrong_answer(COURSE.answers(ENTRY))
    answer = solutions(read(COURSE.instructor(ENTRY)))[marks["of"]]

    open_notebook(page, students_lab)
    expect(page.locator(".jp-Notebook h1").first).to_contain_text(ENTRY.title)
    for cell in given_cells_before(page, marks["of"]):
        assert "Error" not in run(page, cell)
    exercise = page.locator(".jp-Notebook .jp-CodeCell").nth(place_of(marks["of"]))
    checked = code_cell(page, f'with check("{marks["of"]}: ')

    run(page, exercise)
    said = run(page, checked)
    assert said.startswith("✗ ") and f"not written yet: {marks['of']}" in said
    assert "Traceback" not in said
    show(page, checked, "1-not-written-yet")

    caught = check_titled(page, marks)
    write(page, exercise, mistake)
    run(page, exercise)
    said = run(page, caught)
    assert said.startswith("✗ ") and marks["says"] in said and "hint: " in said
    assert "Traceback" not in said
    show(page, caught, "2-wrong")

    write(page, exercise, answer)
    run(page, exercise)
    for cell in (checked, caught):
        said = run(page, cell)
        assert re.fullmatch(rf"✓ {marks['of']}: [^\n]+", said.strip())
    show(page, caught, "3-right")


def place_of(exercise: str) -> int:
    """Which of the released notebook's code cells holds an exercise, a function or a class."""
    cells = [cell for cell in read(COURSE.released(ENTRY))["cells"] if cell["cell_type"] == "code"]
    heads = (f"def {exercise}(", f"class {exercise}:", f"class {exercise}(")
    return next(number for number, cell in enumerate(cells) if "".join(cell["source"]).startswith(heads))


def given_cells_before(page: Page, exercise: str) -> list[Locator]:
    """The code cells that stand before the exercise's own: imports and helpers."""
    return [page.locator(".jp-Notebook .jp-CodeCell").nth(number) for number in range(place_of(exercise))]


def check_titled(page: Page, marks: dict[str, str]) -> Locator:
    """The exercise's check whose title holds the words that the answers file names it by."""
    for cell in page.locator(".jp-Notebook .jp-CodeCell").all():
        title = cell.locator(".cm-content").inner_text().partition("\n")[0]
        if title.startswith(f'with check("{marks["of"]}:') and marks["check"] in title:
            return cell
    raise AssertionError(f"no check of {marks['of']} has the words {marks['check']!r} in its title")


def show(page: Page, cell: Locator, name: str) -> None:
    cell.scroll_into_view_if_needed()
    picture(page, name)


def test_a_student_can_neither_change_nor_delete_a_check(page: Page, students_lab: Server) -> None:
    open_notebook(page, students_lab)
    cell = code_cell(page, 'with check("')
    before = cell.locator(".cm-content").inner_text()
    write(page, cell, "pass")
    assert cell.locator(".cm-content").inner_text() == before
    count = page.locator(".jp-Notebook .jp-Cell").count()
    page.keyboard.press("Escape")
    page.keyboard.press("D")
    page.keyboard.press("D")
    page.wait_for_timeout(500)
    assert page.locator(".jp-Notebook .jp-Cell").count() == count


def test_students_have_the_validate_button_and_no_instructors_panels(page: Page, students_lab: Server) -> None:
    open_notebook(page, students_lab)
    expect(page.get_by_role("button", name="Validate")).to_be_visible()
    expect(page.locator(".jp-toast-message, .Toastify__toast")).to_have_count(0)  # neither news nor updates
    page.get_by_role("menuitem", name="View").click()
    expect(page.locator(".lm-Menu").first).to_be_visible()
    for panel in ("Formgrader", "Create Assignment", "Assignment List", "Courses"):
        expect(page.get_by_text(panel, exact=True)).to_have_count(0)


@pytest.mark.slow
def test_the_validate_button_names_the_checks_that_fail(page: Page, students_lab: Server) -> None:
    open_notebook(page, students_lab)
    page.get_by_role("button", name="Validate").click()
    dialog = page.get_by_role("dialog").filter(has_text="Validation Results")
    expect(dialog).to_contain_text("failed")
    picture(page, "4-validate")
    said = dialog.inner_text()
    assert "not written yet" in said
    assert "Traceback" not in said
