"""A JupyterLab as `make` starts it for each role, and a browser on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.browsing import FLAGS, PATIENCE, ROOT, Server, picture, serve
from tools import programs


@pytest.fixture
def students_lab(tmp_path: Path) -> Iterator[Server]:
    """`make lab` on a fresh copy of the released notebooks."""
    work = tmp_path / "work"
    shutil.copytree(ROOT / "modules", work)
    yield from serve("student", work, tmp_path)


@pytest.fixture(scope="module")  # not the session's: Playwright allows one at a time, and a module may bring its own
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=programs.find("chromium"), args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page; what it showed last is kept as a picture."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, locale="en-GB")
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    yield tab
    picture(tab, f"last-{request.node.name}")
    context.close()
