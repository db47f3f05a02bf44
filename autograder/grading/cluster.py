"""Grading on a Dask cluster: the workers of a scheduler, wherever they run (Slurm, Kubernetes, SSH).

Each worker needs the course installed, in the same version, and bubblewrap. A submission whose worker is lost is graded
by another.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress

from autograder.course import CourseError
from autograder.grading.remote import close_idle

SECONDS = 30  # to reach the scheduler, and for a first worker


@contextmanager
def cluster(address: str, seconds: float = SECONDS) -> Iterator[Executor]:
    """An executor whose work is done by the cluster at this address, such as tcp://login-node:8786.

    Raises CourseError where Dask is not installed, nothing answers, or there is no worker.
    """
    try:
        from distributed import Client
    except ImportError:
        message = "--cluster needs Dask; install it with: pip install 'transformer-internals[cluster]'"
        raise CourseError(message) from None
    try:
        client = Client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CourseError(f"{address}: no Dask scheduler answers there: {line}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=seconds)
        except TimeoutError:
            message = f"{address}: the scheduler has no workers; start some with: dask worker {address}"
            raise CourseError(message) from None
        with client.get_executor(pure=False) as executor:
            yield executor
        with suppress(Exception):  # the grades are there; at worst a worker keeps its warm process
            client.run(close_idle)
