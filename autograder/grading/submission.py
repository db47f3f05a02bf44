"""Read what a student handed in, find their answers, and graft them onto the pristine notebook.

Only answers, essays and code that the student added are taken; whatever else was done to the file cannot matter.
"""

from autograder.grading.cells import MAX_BYTES, TOO_LARGE, Refused, Submitted, read
from autograder.grading.python_text import defines, definitions, forget, squeeze
from autograder.grading.recover import Graft, graft

__all__ = [
    "MAX_BYTES",
    "TOO_LARGE",
    "Graft",
    "Refused",
    "Submitted",
    "defines",
    "definitions",
    "forget",
    "graft",
    "read",
    "squeeze",
]
