"""The picture in the README, taken anew: build/screenshots/notebook.png. Copy it to docs/ when the notebook changes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from autograder.course import load_course
from tests.e2e.browsing import ROOT, Server, picture
from tools.sample_submissions import fill, read, solutions, to_bytes

pytestmark = pytest.mark.browser

COURSE = load_course(ROOT)
ENTRY = COURSE.find("scaled_dot_product")
LAST = 'with check("causal_mask: PyTorch'


def test_a_solved_exercise_shows_its_checks_and_what_it_is_good_for(page: Page, students_lab: Server) -> None:
    solved = fill(read(COURSE.released(ENTRY)), solutions(read(COURSE.instructor(ENTRY))))
    (students_lab.folder / ENTRY.module / f"{ENTRY.name}.ipynb").write_bytes(to_bytes(solved))
    page.goto(students_lab.page(f"/lab/tree/{ENTRY.module}/{ENTRY.name}.ipynb"))
    page.set_viewport_size({"width": 1120, "height": 1240})
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    check = cells.filter(has=page.locator(".cm-content", has_text=LAST)).first
    expect(check.locator(".jp-OutputArea-output")).to_contain_text("✓")
    plot = page.locator(".jp-Notebook .jp-CodeCell").filter(has=page.locator(".cm-content", has_text="_, past =")).first
    expect(plot.locator("img")).to_be_visible()
    page.keyboard.press("Control+B")  # the list of files
    exercise = cells.filter(has=page.locator(".cm-content", has_text="def causal_mask")).first
    exercise.evaluate("cell => cell.scrollIntoView({block: 'start'})")
    expect(exercise).to_be_in_viewport()
    expect(plot.locator("img")).to_be_in_viewport()
    picture(page, "notebook")
