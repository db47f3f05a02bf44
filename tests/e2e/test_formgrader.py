"""An instructor in nbgrader's formgrader, on a gradebook that we wrote: what they see, and that what they give is kept.

Screenshots of every step go to build/screenshots/.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the author extra)")

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import tiny_course as tiny  # noqa: E402

from autograder.grading.gradebook import GradebookWriter  # noqa: E402
from tools import programs  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SCREENSHOTS = ROOT / "build" / "screenshots"
BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CONFIG = """
c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "course"
c.CourseDirectory.source_directory = "build/source"
c.CourseDirectory.autograded_directory = "build/autograded"
c.CourseDirectory.submitted_directory = "build/submitted"
c.CourseDirectory.db_url = {url!r}
c.FormgradeExtension.debug = False
"""
STUDENTS = [
    tiny.result("ann", earned={"check-add-large": 0.5}),
    tiny.result("zoë, o'brien", earned={"check-add-small": 0}),
    tiny.result("bob", outcome="flagged", reasons=("a record too many",), essay="<img src=x onerror=alert(1)> Sums."),
]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder with a gradebook of three graded students; gives the folder and the gradebook's URL."""
    root = tmp_path_factory.mktemp("course")
    tiny.write_source(root / "build" / "source")
    url = f"sqlite:///{root}/build/gradebook.db"
    with GradebookWriter(url, "course", root / "build/source", root / "build/autograded") as writer:
        for result in STUDENTS:
            writer.record(result)
    (root / "nbgrader_config.py").write_text(CONFIG.format(root=str(root), url=url), encoding="utf-8")
    return root, url


@pytest.fixture(scope="module")
def formgrader(course):
    """A Jupyter server on the course; gives formgrader's address, token included."""
    root, _ = course
    token = secrets.token_hex(8)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "JUPYTER_CONFIG_DIR": str(root / "config"),
        "JUPYTER_RUNTIME_DIR": str(root / "runtime"),
        "JUPYTER_DATA_DIR": str(root / "data"),
        "IPYTHONDIR": str(root / "ipython"),
        "JUPYTER_TOKEN": token,
    }
    with (root / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter_server",
                "--allow-root",
                "--no-browser",
                "--ServerApp.port_retries=0",
                f"--ServerApp.port={port}",
                f"--ServerApp.root_dir={root}",
                "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
            ],
            cwd=root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                said = (root / "server.log").read_text(encoding="utf-8")
                assert server.poll() is None and time.monotonic() < deadline, said
                time.sleep(0.3)
        yield address, token
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def page(formgrader):
    """A browser page that has logged in, and asks nothing but this server."""
    address, token = formgrader
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=programs.find("chromium"), args=BROWSER)
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(30_000)
        page.route(lambda url: not url.startswith(address), lambda route: route.abort())
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(f"{address}/api?token={token}")
        yield page
        browser.close()
        assert not dialogs, "an essay ran a script"


def shot(page, name: str) -> None:
    page.screenshot(path=SCREENSHOTS / f"formgrader-{name}.png", full_page=True)


def test_formgrader_shows_the_assignment_and_how_many_handed_in(page, formgrader):
    page.goto(f"{formgrader[0]}/formgrader")
    row = page.locator("tr", has=page.get_by_text(tiny.ASSIGNMENT, exact=True))
    row.wait_for()
    shot(page, "1-assignments")
    page.goto(f"{formgrader[0]}/formgrader/gradebook")
    page.get_by_role("link", name=tiny.ASSIGNMENT).wait_for()
    shot(page, "2-gradebook")


def test_formgrader_shows_every_student_with_their_points(page, formgrader):
    page.goto(f"{formgrader[0]}/formgrader/manage_students")
    for result in STUDENTS:
        row = page.locator("tr", has=page.get_by_text(result.student, exact=True))
        row.wait_for()
        sync_api.expect(row).to_contain_text(f"{result.points:g} / 7")
    shot(page, "3-students")
    page.goto(f"{formgrader[0]}/formgrader/gradebook/{tiny.ASSIGNMENT}/{tiny.NOTEBOOK}")
    page.get_by_role("link", name="Submission #1").wait_for()
    sync_api.expect(page.get_by_role("link", name="Submission #")).to_have_count(len(STUDENTS))
    shot(page, "4-submissions")


def test_an_instructor_gives_an_essay_points_and_a_comment_and_the_gradebook_holds_them(page, formgrader, course):
    from nbgrader.api import Gradebook

    root, url = course
    with Gradebook(url, "course") as book:
        key = book.find_submission_notebook(tiny.NOTEBOOK, tiny.ASSIGNMENT, "ann").id
    page.goto(f"{formgrader[0]}/formgrader/submissions/{key}/")
    page.get_by_text("✗ add: large numbers").wait_for()
    page.wait_for_function("formgrader.grades.loaded && formgrader.comments.loaded")  # what is typed earlier is lost
    assert page.locator("#check-add-large").get_attribute("placeholder") == "0.5"
    points = page.locator(f"#{tiny.ESSAY}")
    assert "needs_manual_grade" in (points.get_attribute("class") or "")
    points.fill("2.5")
    with page.expect_response(lambda r: "/api/grade/" in r.url and r.request.method == "PUT"):
        points.press("Tab")
    comment = page.locator(f"#{tiny.ESSAY}-comment")
    comment.fill("Well put; say why sets have no order.")
    with page.expect_response(lambda r: "/api/comment/" in r.url and r.request.method == "PUT"):
        comment.press("Tab")
    page.wait_for_timeout(500)
    shot(page, "5-essay")
    with Gradebook(url, "course") as book:
        grade = book.find_grade(tiny.ESSAY, tiny.NOTEBOOK, tiny.ASSIGNMENT, "ann")
        assert (grade.manual_score, grade.needs_manual_grade) == (2.5, False)
        words = book.find_comment(tiny.ESSAY, tiny.NOTEBOOK, tiny.ASSIGNMENT, "ann").comment
        assert words == "Well put; say why sets have no order."
        assert book.find_submission(tiny.ASSIGNMENT, "ann").score == 5.0


def test_a_regrade_beside_an_open_formgrader_keeps_what_the_instructor_gave(page, formgrader, course):
    root, url = course
    with GradebookWriter(url, "course", root / "build/source", root / "build/autograded") as writer:
        writer.record(tiny.result("ann"))
        marks = writer.marks("ann", tiny.ASSIGNMENT, tiny.NOTEBOOK)
        assert marks.marks[tiny.ESSAY].score == 2.5
        assert marks.comments[tiny.ESSAY].startswith("Well put")
    page.goto(f"{formgrader[0]}/formgrader/manage_students")
    row = page.locator("tr", has=page.get_by_text("ann", exact=True))
    row.wait_for()
    sync_api.expect(row).to_contain_text("6.5 / 7")
    shot(page, "6-after-regrade")


def test_a_flagged_submission_says_why_and_its_essay_runs_nothing(page, formgrader, course):
    from nbgrader.api import Gradebook

    with Gradebook(course[1], "course") as book:
        key = book.find_submission_notebook(tiny.NOTEBOOK, tiny.ASSIGNMENT, "bob").id
    page.goto(f"{formgrader[0]}/formgrader/submissions/{key}/")
    page.get_by_text("a record too many").wait_for()
    page.get_by_text("onerror=alert(1)").wait_for()
    shot(page, "7-flagged")
