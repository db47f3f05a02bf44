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
import contextlib
import datetime
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from autograder.course import load_course
from autograder.outline import outlines
from tests.e2e.browsing import FLAGS, PATIENCE, ROOT, picture, run, serve, write
from tools import lab, programs
from tools.sample_submissions import exercises, grade_id, read, solutions

TOKEN = "a-token-for-this-walk"
SETUP_SECONDS = 900
COURSE = load_course(ROOT)
ENTRY = COURSE.notebooks[0]


class Watch:
    """What each step took, in order."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.note(name, time.monotonic() - started)

    def note(self, name: str, seconds: float) -> None:
        self.steps.append((name, seconds))
        print(f"{seconds:7.1f} s  {name}", flush=True)

    @property
    def total(self) -> float:
        return sum(seconds for _, seconds in self.steps)


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


@contextlib.contextmanager
def browser_page() -> Iterator[Page]:
    """A page in headless Chromium; what it showed last is kept as a picture."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=programs.find("chromium"), args=list(FLAGS))
        page = chromium.new_page(viewport={"width": 1280, "height": 1000}, locale="en-GB")
        page.set_default_timeout(PATIENCE)
        try:
            yield page
        finally:
            picture(page, "last-first-exercise")
            chromium.close()


def walk_here(scratch: Path) -> Watch:
    """On this checkout's environment, in a folder laid out anew."""
    watch = Watch()
    work = scratch / "work"
    shutil.copytree(ROOT / "modules", work)
    with browser_page() as page:
        started = time.monotonic()
        for server in serve("student", work, scratch):
            watch.note("JupyterLab starts", time.monotonic() - started)
            walk(page, server.page(lab.FIRST_PAGE["student"]), watch)
    return watch


def walk_from_clone(scratch: Path, origin: str = "") -> Watch:
    """In a clone of the origin; of this checkout, with what is not committed in it, where none is given."""
    watch, clone = Watch(), scratch / "course"
    with watch.step("git clone"):
        subprocess.run(["git", "-c", "advice.detachedHead=false", "clone", "--quiet", origin or str(ROOT), str(clone)], check=True)
    if not origin:
        lay_over(clone)
    with make_lab(clone, scratch, watch) as first_page, browser_page() as page:
        walk(page, first_page, watch)
    return watch


def lay_over(clone: Path) -> None:
    """Bring what is not committed here into the clone."""
    changes = subprocess.run(["git", "diff", "--binary", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    if changes:
        subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=clone, input=changes, check=True)
    ask = ["git", "ls-files", "--others", "--exclude-standard", "-z"]
    for name in subprocess.run(ask, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and not (ROOT / name).is_symlink() and (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, clone / name)


@contextlib.contextmanager
def make_lab(clone: Path, scratch: Path, watch: Watch) -> Iterator[str]:
    """`make lab` in the clone, with empty caches; gives the address that it opens. The watch notes what it does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    arguments = f"--no-browser --ServerApp.ip=127.0.0.1 --ServerApp.port={port} --IdentityProvider.token={TOKEN}"
    inside = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    surroundings = {name: value for name, value in os.environ.items() if name not in inside}
    fresh = {"XDG_CACHE_HOME": "cache", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_CONFIG_DIR": "config",
             "JUPYTER_DATA_DIR": "data", "IPYTHONDIR": "ipython"}  # fmt: skip
    surroundings |= {name: str(scratch / folder) for name, folder in fresh.items()}
    process = subprocess.Popen(
        ["make", "lab", f"LAB_ARGS={arguments}"],
        cwd=clone,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said: list[tuple[float, str]] = [(time.monotonic(), "make lab: starts\n")]
    threading.Thread(target=lambda: [said.append((time.monotonic(), line)) for line in process.stdout or ()]).start()
    try:
        try:
            wait_for(address, process, said)
        finally:  # what the time went on is worth knowing most where it was too long
            for name, seconds in stages(said, time.monotonic()):
                watch.note(f"make lab: {name}", seconds)
        yield f"{address}/?token={TOKEN}"
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def wait_for(address: str, process: subprocess.Popen[str], said: list[tuple[float, str]]) -> None:
    deadline = time.monotonic() + SETUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=2).close()
            return
        time.sleep(0.2)
    raise AssertionError("make lab did not start JupyterLab:\n" + "".join(line for _, line in said[-30:]))


STAGES = {
    "creating .venv": "creates .venv",
    "installing the packages": "downloads and installs the packages",
    "installed in": "builds the notebooks, lays out work/",
    "new in work/": "starts JupyterLab",
}


def stages(said: list[tuple[float, str]], end: float) -> Iterator[tuple[str, float]]:
    """What `make lab` did, by the lines that it printed, and how long each took."""
    begun, now = said[0][0], "finds Python"
    for moment, line in said:
        stage = next((name for words, name in STAGES.items() if line.startswith(words)), now)
        if stage != now:
            yield now, moment - begun
            begun, now = moment, stage
    yield now, end - begun


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.first_exercise", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--here", action="store_true", help="on this checkout's environment, nothing installed")
    parser.add_argument("--clone", metavar="URL", default="", help="clone this, not this checkout")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what each step took there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        watch = walk_here(scratch) if options.here else walk_from_clone(scratch, options.clone)
    if options.json:
        about = {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "here": options.here}
        steps = [{"step": name, "seconds": round(seconds, 1)} for name, seconds in watch.steps]
        facts = about | {"total": round(watch.total, 1), "steps": steps}
        options.json.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{watch.total:7.1f} s  in all; pictures in {(ROOT / 'build' / 'screenshots').relative_to(ROOT)}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
