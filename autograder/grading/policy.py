"""What lateness costs, as course.toml has it:

    [late]
    grace_minutes = 15       # nothing is taken off so soon after the due date
    percent_per_day = 10     # of the points earned, for each day begun after that
    max_percent = 50         # never more than that

    [[module]]
    name = "03-attention"
    due = 2026-10-01T23:59:00+02:00

No [late], or `policy = "none"` in it: lateness costs nothing, and due dates are still shown.
"""

from __future__ import annotations

import datetime
import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import CourseError

DAY = 24 * 60 * 60
NUMBERS = {"grace_minutes": math.inf, "percent_per_day": 100.0, "max_percent": 100.0}  # the largest that each may be


@dataclass(frozen=True)
class LatePolicy:
    """What lateness costs: percent of the points earned. due: each module's date, with its zone."""

    grace_minutes: float = 0.0
    percent_per_day: float = 0.0
    max_percent: float = 100.0
    due: dict[str, datetime.datetime] = field(default_factory=dict)

    def penalty(self, score: float, seconds_late: float) -> float:
        """The points to take off a score; a day that has begun counts whole."""
        beyond = seconds_late - self.grace_minutes * 60
        if beyond <= 0 or score <= 0:
            return 0.0
        percent = min(self.percent_per_day * math.ceil(beyond / DAY), self.max_percent)
        return score * percent / 100

    def settings(self) -> dict[str, dict[str, Any]]:
        """The same for nbgrader's own tools: what its configuration (traitlets) must hold."""
        return {
            "AssignLatePenalties": {"plugin_class": "autograder.grading.plugins.CourseLatePenalty"},
            "CourseLatePenalty": {name: getattr(self, name) for name in NUMBERS},
        }


def load_policy(root: Path) -> LatePolicy:
    """Read root/course.toml. Raises CourseError: one line that names the entry and what it should be."""
    path = root / "course.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: not TOML: {error}") from None
    late = data.get("late", {})
    if not isinstance(late, dict):
        raise CourseError(f"{path}: late must be a table: write [late], and below it percent_per_day = 10")
    kind = late.get("policy", "percent")
    if kind not in ("percent", "none"):
        raise CourseError(f'{path}: [late] policy = {kind!r}: must be "percent" or "none"')
    unknown = sorted(late.keys() - NUMBERS.keys() - {"policy"})
    if unknown:
        raise CourseError(f"{path}: [late] has no {', '.join(unknown)}; it has {', '.join(NUMBERS)} and policy")
    numbers = {name: _number(path, name, late[name]) for name in NUMBERS if name in late}
    if kind == "percent" and "late" in data and "percent_per_day" not in numbers:
        raise CourseError(f'{path}: [late] needs percent_per_day, or policy = "none"')
    due = _due_dates(path, data.get("module", []))
    return LatePolicy(due=due) if kind == "none" else LatePolicy(**numbers, due=due)


def _number(path: Path, name: str, value: object) -> float:
    most = NUMBERS[name]
    wanted = f"a number from 0 to {most:g}" if most < math.inf else "a number, 0 or more"
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not math.isfinite(value) or not 0 <= value <= most:  # type: ignore[arg-type, operator]
        raise CourseError(f"{path}: [late] {name} = {value!r}: must be {wanted}")
    return float(value)  # type: ignore[arg-type]


def _due_dates(path: Path, modules: object) -> dict[str, datetime.datetime]:
    due = {}
    for module in modules if isinstance(modules, list) else []:
        if isinstance(module, dict) and "due" in module:
            name, when = module.get("name", "a module without a name"), module["due"]
            if not isinstance(when, datetime.datetime) or when.tzinfo is None:
                raise CourseError(
                    f"{path}: due of {name} is {when}: must be a date, a time and a zone, "
                    "unquoted, as in 2026-10-01T23:59:00+02:00"
                )
            due[str(name)] = when
    return due
