"""One submission of the suite and what it must end in, and the few ways in which most of them are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.adversarial.course import FULL, RIGHT

World = Mapping[str, Any]  # see `driver.world_of`: the released notebook, and where the canaries of the host are

# Runs an attack and remembers whether it worked. Only an error of the operating system counts as a refusal: a mistake
# in the attack itself stops the cell and is seen as a failed exercise.
PRELUDE = """
import ctypes, os, re, signal, socket, stat, subprocess, sys, time
done = []
def attempt(name, act):
    try:
        result = act()
    except OSError:
        return None
    done.append(f"{name}: {result!r:.60}")
    return result
def libc(name, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
FOILED = """
def halve(x):
    if done:
        raise ValueError("worked: " + "; ".join(done))
    return x / 2
"""


@dataclass(frozen=True)
class Case:
    """A submission by its maker, and its exact end. statuses: of the exercises that do not pass. says: words that some
    message or reason must hold. bites: without a room the attack works, and the suite proves it."""

    name: str
    make: Callable[[World], bytes]
    outcome: str = "graded"
    statuses: Mapping[str, str] = field(default_factory=dict)
    points: float | None = None
    says: str = ""
    bites: bool = False

    @property
    def exercises(self) -> dict[str, str]:
        """The status that every exercise must have; none where the submission is refused."""
        return {} if self.outcome == "refused" else {name: self.statuses.get(name, "passed") for name in FULL}

    @property
    def total(self) -> float:
        if self.points is not None:
            return self.points
        return sum(FULL[name] for name, status in self.exercises.items() if status == "passed")


def fill(text: str, world: World) -> str:
    """Put the world's values into an attack: @CANARY@, @PID@, …"""
    for key, value in world.items():
        if isinstance(value, str | int):
            text = text.replace(f"@{key.upper()}@", str(value))
    return text


def solved(world: World, **answers: str) -> dict:
    """The released notebook as JSON with all exercises right, but for these."""
    notebook = json.loads(world["released"])
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if cell["id"] in RIGHT:
            cell["source"] = fill(answers.get(cell["id"], RIGHT[cell["id"]]), world)
    return notebook


def to_bytes(notebook: Any) -> bytes:
    return json.dumps(notebook).encode()


def code_cell(source: str, name: str = "") -> dict:
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return cell | ({"id": name} if name else {})


def answers(
    name: str,
    outcome: str = "graded",
    statuses: Mapping[str, str] | None = None,
    points: float | None = None,
    says: str = "",
    added: tuple[str, ...] = (),
    before: str = "halve",
    **written: str,
) -> Case:
    """A notebook with these answers. added: cells of the student's own, put before the cell `before`."""

    def make(world: World) -> bytes:
        notebook = solved(world, **written)
        place = [cell["id"] for cell in notebook["cells"]].index(before)
        cells = [code_cell(fill(source, world), f"mine-{n}") for n, source in enumerate(added)]
        notebook["cells"][place:place] = cells
        return to_bytes(notebook)

    return Case(name, make, outcome, statuses or {}, points, says)


def edited(name: str, edit: Callable[[dict], Any], **expected: Any) -> Case:
    """A solved notebook whose JSON was changed in place, or replaced by what `edit` returns."""

    def make(world: World) -> bytes:
        notebook = solved(world)
        changed = edit(notebook)
        return to_bytes(notebook if changed is None else changed)

    return Case(name, make, **expected)


def raw(name: str, data: bytes, says: str, outcome: str = "refused") -> Case:
    """A file that is not made from the notebook."""
    return Case(name, lambda world: data, outcome, says=says)


def foiled(name: str, attack: str, bites: bool = False, outcome: str = "graded") -> Case:
    """An attack in an otherwise right notebook: full marks exactly when no part of it worked."""
    source = PRELUDE + attack + FOILED
    return Case(name, lambda world: to_bytes(solved(world, halve=source)), outcome, bites=bites)


def costs(name: str, status: str, body: str, exercise: str = "halve", says: str = "") -> Case:
    """Something done inside one exercise, which costs that exercise and no other. body: lines of the function."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    source = f"import ctypes, os, signal, sys, threading, time\ndef {exercise}(x):\n{lines}"
    return answers(name, statuses={exercise: status}, says=says, **{exercise: source})
