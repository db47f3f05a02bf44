"""The panel at the end of a released notebook, which is no part of the exercises. For Colab's cell see `frame`.

It stands in `modules/` alone. Sources, instructor notebooks, records of mutants and grades know nothing of it: it has
no mark of nbgrader's, and grading and `course check` leave it out.
"""

from __future__ import annotations

import json
import re

PANEL_ID = "course-progress"
PANEL = """# How far you are in this notebook: run this cell.
from autograder import progress

progress.panel("{name}")"""
_PANEL = re.compile(r'from autograder import progress progress\.panel\("\w+"\)')


def panel_cell(name: str) -> dict:
    """The cell that ends the released notebook of this name."""
    return {
        "cell_type": "code",
        "id": PANEL_ID,
        "metadata": {"deletable": False, "editable": False, "tags": ["progress"]},
        "source": PANEL.format(name=name).splitlines(keepends=True),
        "execution_count": None,
        "outputs": [],
    }


def with_panel(released: bytes, name: str) -> list[dict]:
    """The cells of a released notebook with the panel at the end."""
    cells = [*json.loads(released)["cells"], panel_cell(name)]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def is_panel(source: str) -> bool:
    """Whether a cell is a panel and nothing else: what a student wrote into it, or below it, is theirs."""
    if "progress.panel(" not in source:
        return False
    lines = [line for line in source.splitlines() if not line.lstrip().startswith("#")]
    return bool(_PANEL.fullmatch(" ".join(" ".join(lines).split())))
