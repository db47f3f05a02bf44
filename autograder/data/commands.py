"""What `course data` does: list, fetch, verify, clear. Each returns the command's exit code."""

from __future__ import annotations

from collections.abc import Callable

from autograder.data import cache
from autograder.data.registry import DataError, Entry, entries, find


def listed(keys: list[str]) -> int:
    """A table of every key, and where the cache is."""
    from rich.console import Console
    from rich.table import Table

    table = Table("key", "what it is", "to fetch", "licence", "cached", box=None, header_style="bold", pad_edge=False)
    table.columns[0].no_wrap = True
    table.columns[2].justify = table.columns[4].justify = "right"
    for entry in entries().values():
        cached = megabytes(entry.unpacked) if cache.holds(entry) else "–"
        table.add_row(entry.key, entry.title, megabytes(entry.download), entry.licence, cached)
    console = Console()
    console.print(table)
    console.print(f"\ncache: {cache.root()}", soft_wrap=True)
    return 0


def fetched(keys: list[str]) -> int:
    """Fetch keys, "all" for every one; a line each."""
    from autograder.data.fill import fill

    failed = 0
    for entry in entries().values() if keys == ["all"] else [find(key) for key in keys]:
        try:
            if not cache.holds(entry):
                fill(entry)
            print(f"{entry.key}: in {cache.folder(entry)}")
        except DataError as problem:
            print(problem)
            failed += 1
    return 1 if failed else 0


def verified(keys: list[str]) -> int:
    """Hash the files of keys, of all that are in the cache where none is given; a line each."""
    chosen = [find(key) for key in keys] or [entry for entry in entries().values() if cache.folder(entry).exists()]
    if not chosen:
        print(f"nothing is in the cache, {cache.root()}")
    bad = 0
    for entry in chosen:
        problems = cache.problems(entry) if cache.folder(entry).exists() else ["not in the cache"]
        bad += bool(problems)
        print(f"{entry.key}: {'; '.join(problems) or 'good'}")
    if bad:
        print("mend it with: course data clear KEY, then course data fetch KEY")
    return 1 if bad else 0


def cleared(keys: list[str]) -> int:
    """Remove keys from the cache, every one where none is given; says how much room that made."""
    chosen: list[Entry] = [find(key) for key in keys] or list(entries().values())
    freed = 0
    for entry in chosen:
        if cache.traces(entry):
            with cache.alone(entry, f"{entry.key}: another process is fetching it; waiting"):
                freed += cache.clear(entry)
    print(f"{megabytes(freed)} freed in {cache.root()}")
    return 0


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e6:.0f} MB" if size >= 10_000_000 else f"{size / 1e6:.1f} MB"


RUN: dict[str, Callable[[list[str]], int]] = {"list": listed, "fetch": fetched, "verify": verified, "clear": cleared}
