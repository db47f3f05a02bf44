"""From nothing to a graded class, an essay by hand and its feedback."""

from pathlib import Path

import pytest

from tests.e2e import instructor
from tests.e2e.fresh import Fresh

pytestmark = [pytest.mark.browser, pytest.mark.bubblewrap, pytest.mark.slow]


def test_an_instructor_grades_a_class_from_a_fresh_clone(tmp_path: Path) -> None:
    instructor.walk(Fresh(tmp_path))
