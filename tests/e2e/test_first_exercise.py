"""From nothing to a first exercise that passes. How long it took is in benchmarks/results/first_exercise.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import later_days
from tests.e2e.browsing import ROOT
from tests.e2e.first_exercise import walk_from_clone, walk_here

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_student_finds_from_the_start_page_to_a_passing_exercise_and_sees_it_counted(tmp_path: Path) -> None:
    walk_here(tmp_path)


def test_a_fresh_clone_leads_there_too_and_a_later_version_of_the_course_keeps_what_was_written(tmp_path: Path) -> None:
    later_days.walk(walk_from_clone(tmp_path))


def test_measured_on_a_machine_that_does_nothing_else_it_takes_less_than_five_minutes_as_the_readme_says() -> None:
    runs = json.loads((ROOT / "benchmarks" / "results" / "first_exercise.json").read_text(encoding="utf-8"))
    totals = [run["total"] for run in runs]
    installs = [next(s["seconds"] for s in run["steps"] if "downloads and installs" in s["step"]) for run in runs]
    assert not any(run["here"] for run in runs) and max(totals) < 300
    words = (
        f"{min(totals):.0f} to {max(totals):.0f} s in {len(runs)} runs, {min(installs):.0f} to {max(installs):.0f} of "
        "them for downloading and installing packages"
    )
    assert words in (ROOT / "README.md").read_text(encoding="utf-8")
