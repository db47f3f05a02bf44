"""What grading one submission ends in: plain data, no behaviour beyond sums.

Everything downstream (gradebook, feedback, tables, CSV) reads these and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

OUTCOMES = ("graded", "flagged", "refused")
MAX_WORDS = 4000
STATUSES = ("passed", "failed", "not attempted", "timed out", "out of memory", "died")


def readable(text: str) -> str:
    """Words that came from a student's process, fit for a terminal, a page and a database: no control characters, no
    half surrogate pairs, no end in sight."""
    text = text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + " …"
    odd = "\N{REPLACEMENT CHARACTER}"
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else odd for c in text)


@dataclass(frozen=True)
class CheckResult:
    """One check of one submission.

    points: earned, 0 <= points <= max_points. message: what the student is shown, never a value of a hidden check; the
    one line of a pass, or the lines of a failure. status: one of STATUSES.
    """

    grade_id: str
    title: str
    exercise: str
    points: float
    max_points: float
    status: str
    message: str


@dataclass(frozen=True)
class Result:
    """One submitted notebook, graded.

    outcome: one of OUTCOMES. reasons: why it was flagged or refused, and what was recovered, each in one line.
    notebook_json: the pristine instructor notebook with this student's answers grafted in and no outputs
    ("" when refused): what nbgrader's autograded folder gets once the verdicts are written in.
    """

    student: str
    assignment: str
    notebook: str
    outcome: str
    checks: tuple[CheckResult, ...] = ()
    reasons: tuple[str, ...] = ()
    notebook_json: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def points(self) -> float:
        return sum(check.points for check in self.checks)

    @property
    def max_points(self) -> float:
        return sum(check.max_points for check in self.checks)

    def exercises(self) -> dict[str, str]:
        """Each exercise's status: passed when all its checks are, else the status of the first check that is not."""
        statuses: dict[str, str] = {}
        for check in self.checks:
            if statuses.get(check.exercise, "passed") == "passed":
                statuses[check.exercise] = check.status
        return statuses
