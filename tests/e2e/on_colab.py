"""Someone alone on Colab, from the first cell to an exercise that passes, is kept in Drive, and is graded.

    .venv/bin/python -m tests.e2e.on_colab

Colab's page and Drive are stand-ins: JupyterLab shows the published notebook, on a kernel with Colab's package versions
and nothing of the course, and `google.colab` answers with the notebook as it is saved.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, expect

from autograder.colab import FOLDER
from autograder.course import Course
from autograder.grading.exam import prepare
from autograder.grading.grade import grade
from tests.colab.fake_colab import write_fake_colab
from tests.colab.machine import PROJECT, colab_python, publish_copy, run, write_kernel
from tests.e2e.browsing import browser_page, picture, serve, write
from tests.e2e.browsing import run as run_cell
from tests.e2e.first_exercise import cell, nth, shown
from tests.e2e.fresh import Watch
from tools.sample_submissions import exercises, grade_id, read, solutions, to_bytes


def walk(published: Course, python: Path, scratch: Path) -> None:
    """With a published copy of the course, and Colab's Python."""
    watch, entry = Watch(), published.notebooks[0]
    in_drive = f"{FOLDER}/{entry.module}/{entry.name}.ipynb"
    run([str(python), "-m", "pip", "uninstall", "--quiet", "--yes", PROJECT["name"]])
    notebook = read(published.released(entry))
    notebook["metadata"]["kernelspec"] = {"name": "colab", "display_name": "Colab"}
    path = scratch / "content" / f"{entry.name}.ipynb"
    path.parent.mkdir()
    path.write_bytes(to_bytes(notebook))
    first, answer = next(iter(exercises(notebook))), solutions(read(published.instructor(entry)))
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    name, place = grade_id(first), code.index(first)
    checks = [n for n, c in enumerate(code) if "".join(c["source"]).startswith(f'with check("{name}:')]
    with colab_page(path, python, scratch) as (page, address):
        page.goto(address)
        expect(shown(page).locator("h1").first).to_contain_text(entry.title)
        expect(page.locator(".jp-Notebook-ExecutionIndicator").first).to_be_visible()
        with watch.step("the first cell installs the course, finds no GPU and opens Drive"):
            setup = "".join(code[0]["source"]).replace("KEEP_IN_DRIVE = False", "KEEP_IN_DRIVE = True")
            write(page, cell(page, "KEEP_IN_DRIVE"), setup)
            said = run_cell(page, nth(page, 0))
            assert re.search("No GPU|GPU: ", said) and f"Kept in your Drive as {in_drive}" in said, said
        picture(page, "colab-first-cell")
        with watch.step(f"{name} is written, and its checks pass"):
            for number in range(1, place):
                assert "Error" not in run_cell(page, nth(page, number))
            write(page, nth(page, place), answer[name])
            run_cell(page, nth(page, place))
            page.keyboard.press("Control+S")
            expect(page.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0)
            for number in checks:
                assert run_cell(page, nth(page, number)).strip().startswith(f"✓ {name}: ")
        with watch.step("the panel counts it"):
            assert f"1 of {len(list(exercises(notebook)))} exercises" in run_cell(page, nth(page, len(code) - 1))
        picture(page, "colab-panel")
    kept = scratch / "drive" / in_drive
    assert "".join(next(iter(exercises(read(kept))))["source"]) == answer[name]
    with watch.step("the copy in Drive, handed in, is graded"):
        result = grade(kept.read_bytes(), "somebody", prepare(published, entry))
        assert (result.outcome, result.reasons) == ("graded", ()), result.reasons
        assert [n for n, status in result.exercises().items() if status == "passed"] == [name]


@contextlib.contextmanager
def colab_page(path: Path, python: Path, scratch: Path) -> Iterator[tuple[Page, str]]:
    """A browser's page and the address where it shows the notebook, whose kernel takes itself for Colab's."""
    known = {
        "JUPYTER_PATH": str(write_kernel(scratch / "jupyter", python)),
        "PYTHONPATH": str(write_fake_colab(scratch / "fake")),
        "FAKE_PAGE": str(path),
        "FAKE_MOUNT": str(scratch / "drive"),
    }
    before = {name: os.environ.get(name) for name in known}
    os.environ.update(known)
    try:
        for server in serve("student", path.parent, scratch):
            with browser_page("colab") as page:
                yield page, server.page(f"/lab/tree/{path.name}")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        walk(publish_copy(scratch / "published"), colab_python(scratch), scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
