"""How far a student is, read from their notebooks and nowhere else.

    progress.panel("multi_head")    at the end of each notebook: its exercises
    progress.course()               on the start page: every notebook

What counts is what checks say. A check that ran in this kernel counts as it went. Of every other check the answer is
tried as the notebook holds it on the disk, in a process of its own, and the verdict kept by the hash of all that
decides it. Outputs saved in a notebook are not believed: a "✓" stays there when the answer above it is changed.
"""

from __future__ import annotations

from autograder.progress.session import listen

__all__ = ["course", "panel"]


def panel(notebook: str) -> object:
    """How far this notebook is, as something that Jupyter shows as HTML and anything else as text. Never raises."""
    from autograder.progress.views import panel_of

    return panel_of(notebook)


def course() -> object:
    """How far the whole course is, likewise. What it has not got to within 20 seconds, it says so and leaves."""
    from autograder.progress.views import course_of

    return course_of()


listen()
