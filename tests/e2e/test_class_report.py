"""The class report as a browser shows it: bars as wide as they should be, on any screen, and nothing asked of a network."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from autograder.course import Course, Notebook
from autograder.grading.report import write_report
from autograder.grading.result import STATUSES, Result
from tests import tiny_course as tiny
from tests.e2e.browsing import picture

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COURSE = Course(Path("."), "tiny", "Tiny", "", (Notebook(tiny.ASSIGNMENT, tiny.NOTEBOOK, "Adding", 5, ()),))


def a_class() -> list[Result]:
    """A student for each status of `double`, among as many who passed, one flagged and one refused."""
    results = []
    for number, status in enumerate(STATUSES * 2):
        result = tiny.result(f"s{number}")
        last = dataclasses.replace(result.checks[-1], status=status, points=0.0, message="✗ double\n  " + "wide " * 60)
        results.append(dataclasses.replace(result, checks=(*result.checks[:-1], last)))
    nasty = "<script>document.title = 'owned'</script>"
    return [*results, tiny.result(nasty, outcome="flagged", reasons=(nasty,)), tiny.result("x" * 128, outcome="refused")]


@pytest.mark.parametrize("width", [1280, 420])
def test_the_report_is_readable(page: Page, tmp_path: Path, width: int) -> None:
    write_report(COURSE, a_class(), tmp_path / "report.html")
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto((tmp_path / "report.html").as_uri())
    expect(page.locator("h1")).to_have_text("Class report")
    assert page.title() == "Class report · Tiny", "no script ran"
    for bar in page.locator(".bar").all():
        parts = [part.bounding_box()["width"] for part in bar.locator("span").all()]
        assert sum(parts) == pytest.approx(bar.bounding_box()["width"], abs=3)
        assert min(parts) > 5
    heights = [bar.bounding_box()["height"] for bar in page.locator(".columns i").all()]
    assert max(heights) > 80
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing runs out of the page"
    assert asked == [page.url]
    assert complaints == []
    picture(page, f"class-report-{width}")
