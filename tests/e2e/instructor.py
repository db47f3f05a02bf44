"""An instructor's first hour, from a fresh clone: sample submissions graded, an essay by hand, feedback and report.

    .venv/bin/python -m tests.e2e.instructor

`make grade` on the samples of one notebook, `make formgrader` in a real browser, points and a comment for an essay, and
`course grade` again, after which feedback and tables hold them.
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from autograder.course import load_course
from tests.e2e.browsing import ROOT, browser_page, picture
from tests.e2e.fresh import Fresh
from tools.sample_submissions import answered, exercises, grade_id, read, samples

COURSE = load_course(ROOT)
ENTRY = COURSE.find("scaled_dot_product")
COMMENT = "Clear. Say also what is assumed of the components."


def walk(clone: Fresh) -> None:
    students = list(samples(COURSE, ENTRY))
    with clone.watch.step("make grade: .venv, packages, seven submissions"):
        said = clone.run("make", "grade", f"SAMPLES={ENTRY.name}")
    print(said)
    build = clone.folder / "build"
    before = rows(build / "grades.csv")
    assert sorted(row["student"] for row in before) == sorted(students)
    assert {row["student"]: row["outcome"] for row in before}["truncated-file"] == "refused"
    shows = "formgrader shows the class, and an essay gets points and a comment"
    with clone.make("formgrader") as address, browser_page("instructor") as page, clone.watch.step(shows):
        grade_an_essay(page, address, len(students) - 1)
    with clone.watch.step("course grade again takes in what was given by hand"):
        clone.run("course", "grade", "build/samples")
    after = {row["student"]: row for row in rows(build / "grades.csv")}
    (graded,) = [row for row in after.values() if row["points by hand"] not in ("", "0")]
    assert graded["points by hand"] == "2"
    assert [row["points"] for row in before] == [after[row["student"]]["points"] for row in before]
    (page_of_theirs,) = (build / "feedback" / graded["student"]).rglob(f"{ENTRY.name}.html")
    with browser_page("instructor-pages") as page:
        page.goto(page_of_theirs.as_uri())
        expect(page.locator("body")).to_contain_text(COMMENT)
        picture(page, "instructor-feedback")
        page.goto((build / "report.html").as_uri())
        expect(page.locator("body")).to_contain_text(ENTRY.title)
        for cell in exercises(read(COURSE.released(ENTRY))):
            expect(page.locator("body")).to_contain_text(grade_id(cell))
        picture(page, "instructor-report")


def grade_an_essay(page: Page, address: str, submissions: int) -> None:
    """From the page that `make formgrader` opens, by its links, to two points for the first submission's essay."""
    (essay,) = [c for c in read(COURSE.released(ENTRY))["cells"] if answered(c) and c["cell_type"] == "markdown"]
    page.goto(address)
    page.get_by_role("link", name=ENTRY.module).click()
    page.get_by_role("link", name=ENTRY.name).click()
    expect(page.get_by_role("link", name=re.compile("Submission #"))).to_have_count(submissions)
    picture(page, "instructor-submissions")
    page.get_by_role("link", name="Submission #1").click()
    page.wait_for_function("window.formgrader?.grades?.loaded && formgrader.comments?.loaded")  # earlier, what is typed is lost
    for field, words, kind in (("", "2", "grade"), ("-comment", COMMENT, "comment")):
        place = page.locator(f"#{grade_id(essay)}{field}")
        place.fill(words)
        with page.expect_response(lambda r, kind=kind: f"/api/{kind}/" in r.url and r.request.method == "PUT"):
            place.press("Tab")
    page.locator(f"#{grade_id(essay)}").scroll_into_view_if_needed()
    picture(page, "instructor-essay")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        walk(Fresh(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
