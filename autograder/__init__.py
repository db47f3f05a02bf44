"""The package behind the course: checks in notebooks, and the `course` command that builds and grades them.

Notebooks use `from autograder import check`. Importing this package stays fast: torch is loaded by the first check
that needs it, and nothing here needs nbgrader or Jupyter.
"""

from autograder import progress
from autograder.checks import check

__all__ = ["check", "progress"]
