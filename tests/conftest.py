"""What all tests share: the order (fast first), and what a machine without a system program leaves out, said aloud."""

from __future__ import annotations

import functools
import os
import signal
import subprocess

import pytest

from tools import programs

NEEDS = {"browser": "chromium", "bubblewrap": "bubblewrap"}  # marker: program


@functools.cache
def missing(program: str) -> str:
    """Why the program cannot be used here, in one line; "" where it can."""
    path = programs.find(program)
    if path is None:
        return programs.advice(program)
    if program == "bubblewrap":
        probe = [path, "--unshare-all", "--ro-bind", "/", "/", "true"]
        tried = subprocess.run(probe, capture_output=True, text=True)
        if tried.returncode:
            return f"bubblewrap cannot make a sandbox here: {tried.stderr.strip()}"
    return ""


@functools.cache
def has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@functools.cache
def unavailable(key: str) -> str:
    """Why a key of `autograder.data` cannot be had here, in one line; "" where it can. It is fetched into the cache."""
    from autograder import data

    try:
        data.path(key)
    except data.Unavailable as problem:
        return str(problem)
    return ""


def pytest_configure() -> None:
    # A shell's background job ignores Ctrl-C, and so would the tests that send it to themselves.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Stable, and the same in every worker: an error in a fast test is seen within seconds.
    items.sort(key=lambda item: ("slow" in item.keywords) + 2 * ("browser" in item.keywords))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, program in NEEDS.items():
        reason = missing(program) if marker in item.keywords else ""
        if reason and os.environ.get("COURSE_MISSING_PROGRAM") == "fail":
            pytest.fail(reason, pytrace=False)
        if reason:  # a contributor without the program can still run the rest; CI fails above
            pytest.skip(reason)
    for marker in item.iter_markers("network"):
        for key in marker.args:
            if reason := unavailable(key):  # a registry that is down is no fault of the course; the summary names it
                pytest.skip(reason)
    if "cuda" in item.keywords and not has_cuda():
        pytest.skip("no CUDA GPU here")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what did not run, and why, under one heading per reason."""
    by_reason: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        by_reason.setdefault(reason.removeprefix("Skipped: "), []).append(report.nodeid)
    for reason, names in by_reason.items():
        terminalreporter.write_line(f"{len(names)} not run: {reason}", yellow=True)
        for name in sorted(names):
            terminalreporter.write_line(f"  {name}")
