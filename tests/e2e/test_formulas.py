"""An instructor grades without a network: formgrader sets its formulas with the server's own MathJax."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from autograder.grading.gradebook import GradebookWriter
from tests import tiny_course as tiny
from tests.e2e.browsing import Server, picture, serve
from tools.lab import FIRST_PAGE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONFIG = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "tiny"
c.CourseDirectory.source_directory = "build/source"
c.CourseDirectory.autograded_directory = "build/autograded"
c.CourseDirectory.db_url = {url!r}
"""


@pytest.fixture
def instructors_lab(tmp_path: Path) -> Iterator[Server]:
    """`make formgrader` on a course of one notebook that holds a formula, with one submission."""
    root = tmp_path / "course"
    tiny.write_source(root / "build" / "source")
    url = f"sqlite:///{root}/build/gradebook.db"
    with GradebookWriter(url, "tiny", root / "build" / "source", root / "build" / "autograded") as writer:
        writer.record(tiny.result("a-student"))
    (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root), url=url), encoding="utf-8")
    yield from serve("instructor", root, tmp_path)


def test_a_formula_is_set_in_formgrader_without_a_network(page: Page, instructors_lab: Server) -> None:
    page.goto(instructors_lab.page(FIRST_PAGE["instructor"]))  # its login must be good for every page
    expect(page.locator("table")).to_contain_text(tiny.ASSIGNMENT)
    page.goto(f"{instructors_lab.address}/formgrader/gradebook/{tiny.ASSIGNMENT}/{tiny.NOTEBOOK}")
    expect(page.locator("table")).to_contain_text("Submission #1")
    page.get_by_role("link", name="Submission #1").click()
    expect(page.locator(".MathJax").first).to_be_visible()
    page.wait_for_function("MathJax.isReady && !MathJax.Hub.queue.pending && !MathJax.Hub.queue.running")
    page.wait_for_function("document.fonts.status === 'loaded'")
    assert "STIX" in page.locator(".MathJax .mi").first.evaluate("element => getComputedStyle(element).fontFamily")
    assert "$" not in page.locator("body").inner_text()
    picture(page, "formgrader-formula")
