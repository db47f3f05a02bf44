"""A student's way from a fresh clone to the first exercise that passes, walked in a real browser, with a watch.

    .venv/bin/python -m tests.e2e.first_exercise            a fresh clone, its own .venv, everything downloaded anew
    .venv/bin/python -m tests.e2e.first_exercise --here     on this checkout's .venv: what a second day is like
    .venv/bin/python -m tests.e2e.first_exercise --json benchmarks/results/first_exercise.json

Clone, `make lab`, the start page and its two cells, the link to the first notebook, the reference solution pasted into
the first exercise, its checks, the panel at the end, the start page again. Prints what each step took. Reading and
thinking take no time here.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from autograder.course import load_course
from autograder.outline import outlines
from tests.e2e.browsing import ROOT, browser_page, picture, run, serve, write
from tests.e2e.fresh import Fresh, Watch
from tools import lab
from tools.sample_submissions import exercises, grade_id, read, solutions

COURSE = load_course(ROOT)
ENTRY = COURSE.notebooks[0]


def walk(page: Page, first_page: str, watch: Watch) -> None:
    """From the address that `make lab` opens to the first exercise passed and counted."""
    released, every = read(COURSE.released(ENTRY)), outlines()
    name = grade_id(next(iter(exercises(released))))
    answer = solutions(read(COURSE.instructor(ENTRY)))[name]
    with watch.step("JupyterLab shows the start page"):
        page.goto(first_page)
        expect(shown(page).locator("h1").first).to_contain_text("start here")
        expect(page.locator(".jp-Notebook-ExecutionIndicator").first).to_be_visible()
    with watch.step("it checks the machine (starts a kernel, imports torch)"):
        assert "fit for the course" in run(page, cell(page, "machine.check()"))
    with watch.step("it says how far one is"):
        total = sum(len(outline.exercises) for outline in every.values())
        assert f"0 of {total} exercises" in run(page, cell(page, "progress.course()"))
        cell(page, "machine.check()").scroll_into_view_if_needed()
        picture(page, "start-page")
    with watch.step(f"its link opens {ENTRY.name}"):
        shown(page).locator(f'.jp-RenderedMarkdown a[href*="{ENTRY.name}.ipynb"]').first.click()
        expect(shown(page).locator("h1").first).to_contain_text(ENTRY.title)
        expect(shown(page).locator(".jp-Cell")).to_have_count(len(released["cells"]))
    code = [c for c in released["cells"] if c["cell_type"] == "code"]
    place = next(n for n, c in enumerate(code) if grade_id(c) == name)
    with watch.step(f"the {place} cells before the first exercise run"):
        for number in range(place):
            assert "Error" not in run(page, nth(page, number))
    with watch.step(f"{name} is written, and its checks pass"):
        write(page, nth(page, place), answer)
        run(page, nth(page, place))
        checks = [n for n, c in enumerate(code) if "".join(c["source"]).startswith(f'with check("{name}:')]
        for number in checks:
            assert re.fullmatch(rf"✓ {name}: [^\n]+", run(page, nth(page, number)).strip())
    with watch.step("the panel at the end counts it"):
        said = run(page, nth(page, len(code) - 1))
        assert f"{ENTRY.title}: 1 of {len(every[ENTRY.name].exercises)} exercises" in said, said
        nth(page, len(code) - 1).scroll_into_view_if_needed()
        picture(page, "panel")
    with watch.step("saved, the start page counts it too"):
        page.keyboard.press("Control+S")
        expect(page.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0)
        page.locator(".lm-TabBar-tab", has_text="start.ipynb").click()
        expect(shown(page).locator("h1").first).to_contain_text("start here")
        said = run(page, cell(page, "progress.course()"))
        assert f"1 of {total} exercises" in said, said
        picture(page, "start-page-after")


def shown(page: Page) -> Locator:
    """The notebook in front."""
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def cell(page: Page, words: str) -> Locator:
    """The first code cell of it that holds these words."""
    return shown(page).locator(".jp-CodeCell").filter(has=page.locator(".cm-content", has_text=words)).first


def nth(page: Page, number: int) -> Locator:
    return shown(page).locator(".jp-CodeCell").nth(number)


def walk_here(scratch: Path) -> Watch:
    """On this checkout's environment, in a folder laid out anew."""
    watch = Watch()
    work = scratch / "work"
    shutil.copytree(ROOT / "modules", work)
    with browser_page("first-exercise") as page:
        started = time.monotonic()
        for server in serve("student", work, scratch):
            watch.note("JupyterLab starts", time.monotonic() - started)
            walk(page, server.page(lab.FIRST_PAGE["student"]), watch)
    return watch


def walk_from_clone(scratch: Path, origin: str = "") -> Fresh:
    """In a clone of the origin; of this checkout, with what is not committed in it, where none is given."""
    clone = Fresh(scratch, origin=origin)
    with clone.make("lab") as address, browser_page("first-exercise") as page:
        walk(page, address, clone.watch)
    return clone


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.first_exercise", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--here", action="store_true", help="on this checkout's environment, nothing installed")
    parser.add_argument("--clone", metavar="URL", default="", help="clone this, not this checkout")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add what each step took to the runs in it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        watch = walk_here(scratch) if options.here else walk_from_clone(scratch, options.clone).watch
    if options.json:
        steps = [{"step": name, "seconds": round(seconds, 1)} for name, seconds in watch.steps]
        about = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "here": options.here}
        runs = json.loads(options.json.read_text(encoding="utf-8")) if options.json.exists() else []
        runs.append(about | {"total": round(watch.total, 1), "steps": steps})
        options.json.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{watch.total:7.1f} s  in all; pictures in {(ROOT / 'build' / 'screenshots').relative_to(ROOT)}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
