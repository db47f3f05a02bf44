"""From nothing to a first exercise that passes: within five minutes, downloads included."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.first_exercise import walk_from_clone, walk_here

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_student_finds_from_the_start_page_to_a_passing_exercise_and_sees_it_counted(tmp_path: Path) -> None:
    walk_here(tmp_path)


def test_from_a_fresh_clone_the_first_exercise_passes_within_five_minutes(tmp_path: Path) -> None:
    watch = walk_from_clone(tmp_path)
    assert watch.total < 300, watch.steps
