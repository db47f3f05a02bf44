"""A bar while something large is fetched; small things come in silence."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from autograder.data.registry import Package

LARGE = 5_000_000  # bytes

Report = Callable[[int], None]  # is told how many bytes there are now


@contextlib.contextmanager
def progress(key: str, packages: tuple[Package, ...]) -> Iterator[list[Report]]:
    """For each package a function that is told how many of its bytes there are."""
    total = sum(package.size for package in packages)
    if total < LARGE:
        yield [lambda there: None for _ in packages]
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    done = [0] * len(packages)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(key, total=total)

        def report(index: int, there: int) -> None:
            done[index] = there
            bar.update(task, completed=sum(done))

        yield [lambda there, index=index: report(index, there) for index in range(len(done))]  # type: ignore[misc]
