"""The first steps of a process in a room: take the job, give up rights, set limits, then run the notebook's cells."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import sys

PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, LAST_CAPABILITY = 38, 24, 63


def give_up_rights(uid: int | None) -> None:
    """Become a user that owns nothing, for good. uid: None where the room already is that user."""
    libc = ctypes.CDLL(None, use_errno=True)
    if uid is not None:
        for capability in range(LAST_CAPABILITY + 1):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def set_limits(limits: dict) -> None:
    """rlimits: memory beyond what the interpreter and torch map already, processes, open files, file size, no dumps."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        base = int(statm.read().split()[0]) * resource.getpagesize()
    for kind, value in (
        (resource.RLIMIT_AS, base + limits["memory"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_FSIZE, limits["disk"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def main() -> None:
    """A job on stdin, reports on stdout; what the notebook prints goes nowhere."""
    job = json.load(sys.stdin)
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)

    def send(report: dict) -> None:
        channel.write(json.dumps(report) + "\n")
        channel.flush()

    if "limits" in job:
        give_up_rights(job["uid"])
    import torch

    from autograder.grading.engine import run

    torch.set_num_threads(1)
    if "limits" in job:
        set_limits(job["limits"])
    with contextlib.suppress(BrokenPipeError):
        run(job, send)
        send({"end": True})
    os._exit(0)  # threads and exit handlers that the notebook left behind do not keep the room open


if __name__ == "__main__":
    main()
