"""The warm server: imports torch and the check library once, then forks one process per submission into a fresh room.

It is started by `autograder.grading.warm` with a socket as its only tie to the grader, and holds no submission, no
expectation and no database: jobs reach a student's process through a pipe that is only passed on here.

    grader → {"limits": …} with two descriptors (job to read, reports to write), and a third where the room has a
             control group (the file to write itself into)                       → {"first": pid, "joined": pid}
    grader → {"close": true}                                                     → {"closed": true}
    grader → {"twin": true} with one descriptor: a fork of this server serves on that socket from now on
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import tempfile

import autograder
from autograder.grading.engine import Engine, run
from autograder.grading.enter import JOB, REPORT, give_up_rights, join, set_limits, system_calls
from autograder.grading.walls import COURSE, POWERLESS, Room, environment
from autograder.limits import Limits


def warm_up() -> Engine:
    """Import and use once what notebooks use, on one thread. Libraries' caches go to a folder that is gone after."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        os.environ.update(HOME=home, MPLCONFIGDIR=home, IPYTHONDIR=home, TMPDIR=home)
        return _warm_up()


def _warm_up() -> Engine:
    import matplotlib.pyplot
    import numpy
    import seaborn
    import torch

    torch.set_num_threads(1)
    x = torch.ones(4, 4, requires_grad=True)
    (torch.softmax(x @ x.mT, -1) @ x).pow(2).sum().backward()
    torch.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None]).detach().numpy()
    torch.randn(2, generator=torch.Generator().manual_seed(0))
    numpy.exp(numpy.ones(3)).sum()
    matplotlib.pyplot.close(matplotlib.pyplot.figure())
    seaborn.color_palette()
    engine = Engine()
    engine.cell("import math\nfrom autograder import check")
    engine.shell.reset(new_session=False)
    return engine


def serve(channel: socket.socket) -> None:
    """Open a room, send a fork into it, close it when told; one submission at a time, until the grader hangs up."""
    engine = warm_up()
    rules = system_calls()
    sys.path[:] = [COURSE, *(path for path in sys.path if "site-packages" in path or path.startswith(sys.base_prefix))]
    if len(os.listdir("/proc/self/task")) != 1:
        raise RuntimeError("the warm server has more than one thread and cannot be forked")
    gc.collect()
    gc.freeze()  # a fork that collects garbage would copy all of it
    channel.send(b'{"ready": true}')
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 65536, 3)
        if not message:
            return
        request = json.loads(message)
        if "twin" in request:
            if os.fork() == 0:
                channel.close()
                channel = socket.socket(fileno=descriptors[0])
                channel.send(b'{"ready": true}')
            else:
                os.close(descriptors[0])
            continue
        limits = request["limits"]
        try:
            room = Room(Limits(**limits))
        except OSError as error:
            channel.send(json.dumps({"error": str(error)}).encode())
            continue
        child = os.fork()
        if child == 0:
            student(room.first, descriptors, limits, engine, rules)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(json.dumps({"first": room.first, "joined": child}).encode())
        told = channel.recv(4096)  # {"close": true}, or nothing when the grader is gone
        room.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # it may not have entered yet
        os.waitpid(child, 0)
        if not told:
            return
        channel.send(b'{"closed": true}')


def student(first: int, descriptors: list[int], limits: dict, engine: Engine, rules: object) -> None:
    """Become the student's process, then run their notebook. Never returns."""
    try:
        job, report, *group = descriptors
        for descriptor in group:
            os.write(descriptor, b"0")
        join(first, job, report)
        autograder.__path__ = [f"{COURSE}/autograder"]  # modules that a notebook is the first to import are found here
        sys.path_importer_cache.clear()
        os.environ.clear()
        os.environ.update(environment())
        signal.set_wakeup_fd(-1)
        set_limits(limits)
        give_up_rights(POWERLESS if os.geteuid() == 0 else None)
        rules.load()  # type: ignore[attr-defined]
        work(engine)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            os.write(REPORT, (json.dumps({"broken": f"{type(error).__name__}: {error}"[:300]}) + "\n").encode())
    finally:
        os._exit(0)


def work(engine: Engine) -> None:
    """Read the job, run it, report."""
    with os.fdopen(JOB, "rb") as source:
        job = json.load(source)
    with os.fdopen(REPORT, "w", encoding="utf-8") as channel:

        def send(message: dict) -> None:
            channel.write(json.dumps(message) + "\n")
            channel.flush()

        run(job, send, engine)
        send({"end": True})


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's to handle
    serve(channel)


if __name__ == "__main__":
    main()
