"""A control group for each room where version 2 is writable: the kernel then keeps its memory and its processes.

Without one, rlimits and `autograder.grading.watch` keep the same limits, a tenth of a second late at worst. The group
is made by the grader, from outside; a student's process puts itself into it, by a descriptor, before it enters.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

from autograder.limits import Limits

MOUNTED = Path("/sys/fs/cgroup")
NEEDED = {"memory", "pids"}
_numbers = itertools.count()


def parent(mounted: Path = MOUNTED, own: Path = Path("/proc/self/cgroup")) -> Path | None:
    """The nearest group, from this process's own upwards, below which rooms can have groups; None where there is none.

    It must hand on both controllers, and be ours to write. A process can only move below a common parent that is
    writable too, which the search upwards keeps: no group above the first one that is not ours is tried.
    """
    try:
        line = next(line for line in own.read_text(encoding="ascii").splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    here = mounted / line.removeprefix("0::").lstrip("/")
    for group in (here, *here.parents):
        if not group.is_relative_to(mounted) or not os.access(group / "cgroup.procs", os.W_OK):
            return None
        with contextlib.suppress(OSError):
            if set((group / "cgroup.subtree_control").read_text(encoding="ascii").split()) >= NEEDED:
                return group if os.access(group, os.W_OK) else None
    return None


class Group:
    """One room's control group, gone when it is closed. Raises OSError where it cannot be made.

    descriptor: whoever writes b"0" there is in it from then on, with all that grows from them.
    """

    def __init__(self, above: Path, limits: Limits) -> None:
        self._path = above / f"room-{os.getpid()}-{next(_numbers)}"
        self._path.mkdir()
        try:
            self._set("memory.max", limits.memory)
            self._set("pids.max", limits.processes + 1)  # one more, outside, waits for the first inside
            for name, value in (("memory.swap.max", 0), ("memory.oom.group", 1)):
                with contextlib.suppress(OSError):  # a kernel without swap accounting
                    self._set(name, value)
            self.descriptor = os.open(self._path / "cgroup.procs", os.O_WRONLY)
        except OSError:
            self._path.rmdir()
            raise

    def _set(self, name: str, value: int) -> None:
        with open(self._path / name, "r+", encoding="ascii") as file:
            file.write(str(value))

    @property
    def out_of_memory(self) -> bool:
        """Has the kernel killed something in it for its memory?"""
        try:
            lines = (self._path / "memory.events").read_text(encoding="ascii").splitlines()
        except OSError:
            return False
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in lines)

    def close(self) -> None:
        """Kill what is left in it and remove it; a group that the kernel still holds is left behind, empty."""
        os.close(self.descriptor)
        with contextlib.suppress(OSError):
            self._set("cgroup.kill", 1)
        with contextlib.suppress(OSError):
            self._path.rmdir()


def group_for(limits: Limits) -> Group | None:
    """A group for a room, None where there can be none."""
    above = parent()
    if above is None:
        return None
    try:
        return Group(above, limits)
    except OSError:
        return None
