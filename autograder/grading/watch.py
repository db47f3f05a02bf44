"""How much memory a room uses, over all its processes, and whether its first one still runs."""

from __future__ import annotations

import contextlib
import os
import resource

PAGE = resource.getpagesize()
EVERY = 0.1  # seconds between two looks


class Watch:
    """Watches the process `joined` and everything that grew from it or lives under the room's first process.

    descriptor: readable once `joined` has ended. limit: bytes of anonymous and shared memory, pages that several
    processes share counted in shares: what the warm server holds weighs a little, its forks hardly more.
    """

    def __init__(self, first: int, joined: int, limit: int) -> None:
        self._roots, self._limit = (first, joined), limit
        self._next = 0.0
        self.descriptor = os.pidfd_open(joined)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.descriptor)

    def too_large(self, now: float) -> bool:
        """Does the room use more than it may? Looks at most every tenth of a second."""
        if now < self._next:
            return False
        self._next = now + EVERY
        processes = self._processes()
        if sum(map(_resident, processes)) < self._limit:
            return False  # cheap, and counts too much rather than too little
        return sum(map(_own, processes)) > self._limit

    def _processes(self) -> list[int]:
        found: list[int] = []
        waiting = list(dict.fromkeys(self._roots))
        while waiting:
            process = waiting.pop()
            found.append(process)
            with contextlib.suppress(OSError):
                for thread in os.listdir(f"/proc/{process}/task"):
                    with open(f"/proc/{process}/task/{thread}/children", encoding="ascii") as children:
                        waiting += [int(child) for child in children.read().split() if int(child) not in found]
        return found


def _resident(process: int) -> int:
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _own(process: int) -> int:
    """Bytes of anonymous and shared memory, pages that several processes share counted in shares."""
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as rollup:
            fields = dict(line.split(":") for line in rollup.read().splitlines()[1:])
    except (OSError, ValueError):
        return _resident(process)
    return sum(int(fields[name].split()[0]) * 1024 for name in ("Pss_Anon", "Pss_Shmem", "SwapPss") if name in fields)
