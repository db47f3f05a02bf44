"""What the checks of one notebook say: as they ran in this kernel, else tried on what the file holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.grading.cells import Refused
from autograder.outline import Exercise, Outline
from autograder.parts import places
from autograder.parts.yours import UNKNOWN, Yours
from autograder.work.cells import is_behind

NOT_WRITTEN = "not written yet"


@dataclass(frozen=True)
class Standing:
    """Where a student stands in one notebook. reasons: title of each check → why it does not pass, "" where it does.

    saved: when the file was last saved, None where there is none, or where it was not looked at. live: how many checks
    ran in this kernel. problem: why the file says nothing, "" where it does. behind: the course has released another
    version since.
    """

    outline: Outline
    reasons: dict[str, str]
    saved: float | None = None
    live: int = 0
    problem: str = ""
    behind: bool = False

    def reason(self, exercise: Exercise) -> str:
        """Why an exercise is not passed, "" where it is."""
        return next((why for title in exercise.checks if (why := self.reasons[title])), "")

    def points_of(self, exercise: Exercise) -> int:
        """What its checks give now."""
        return sum(points for title, points in exercise.checks.items() if not self.reasons[title])

    @property
    def passed(self) -> list[Exercise]:
        """The exercises whose checks all pass."""
        return [exercise for exercise in self.outline.exercises if not self.reason(exercise)]

    @property
    def points(self) -> int:
        """What its checks give now, all together."""
        return sum(self.points_of(exercise) for exercise in self.outline.exercises)

    @property
    def minutes_left(self) -> int:
        """The author's estimate for the notebook, in proportion to that for the exercises not passed yet."""
        every = sum(exercise.minutes for exercise in self.outline.exercises)
        done = sum(exercise.minutes for exercise in self.passed)
        return round(self.outline.minutes * (every - done) / every) if every else 0

    @property
    def finished(self) -> bool:
        return len(self.passed) == len(self.outline.exercises)

    @property
    def begun(self) -> bool:
        """Whether anything is written."""
        return any(reason != NOT_WRITTEN for reason in self.reasons.values())

    @property
    def unknown(self) -> bool:
        """Whether some of it was left untried."""
        return UNKNOWN in self.reasons.values()


def standing(outline: Outline, yours: Yours, seen: dict[str, bool] | None = None) -> Standing:
    """Where the student stands. seen: the checks that ran in this kernel, whose word goes before the file's."""
    seen = {t: ok for exercise in outline.exercises for t in exercise.checks if (ok := (seen or {}).get(t)) is not None}
    open_ = {exercise.name for exercise in outline.exercises if not exercise.checks.keys() <= seen.keys()}
    reasons = {title: NOT_WRITTEN for exercise in outline.exercises for title in exercise.checks}
    file = _File()
    if open_:
        file = _on_disk(outline, yours, open_)
        reasons |= {title: why for title, why in file.reasons.items() if title in reasons}
    reasons |= {title: "" if ok else f"did not pass: '{_promise(title)}'" for title, ok in seen.items()}
    return Standing(outline, reasons, file.saved, len(seen), file.problem, file.behind)


@dataclass(frozen=True)
class _File:
    """What a student's file says, as `Standing` has it."""

    reasons: dict[str, str] = field(default_factory=dict)
    saved: float | None = None
    problem: str = ""
    behind: bool = False


def _on_disk(outline: Outline, yours: Yours, exercises: set[str]) -> _File:
    """What the checks of these exercises say of the student's file."""
    path = places.students(outline.name)
    if path is None:
        return _File()
    try:
        saved = path.stat().st_mtime
        found = yours.checks(outline.name, path, exercises)
        released = places.released(outline.name)
        behind = released is not None and is_behind(path.read_bytes(), released.read_bytes())
    except Refused as refusal:
        return _File(problem=str(refusal))
    except OSError as error:
        return _File(problem=f"cannot be read: {error.strerror}")
    reasons = {title: _words(why) for of_checks in found.values() for title, why in of_checks.items()}
    return _File(reasons, saved, "", behind)


def _promise(title: str) -> str:
    return title.partition(":")[2].strip()


def _words(reason: str) -> str:
    """A verdict on a part, as the table of one's own exercises says it."""
    return reason.removeprefix("yours ").removeprefix("is ")
