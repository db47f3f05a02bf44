"""What this machine has for a student of the course, and what that means: one line a fact, each with a plain verdict.

    from autograder import machine
    machine.check()          on the start page

Of grading and its sandbox, `course doctor` says what an instructor needs to know.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import shutil
from dataclasses import dataclass
from html import escape
from pathlib import Path

from autograder.files import cache_folder

MARKS = {"good": "✓", "note": "·", "bad": "✗"}
GIB = 2**30
ENOUGH_MEMORY, LITTLE_MEMORY = 4.0, 2.0  # GiB: a kernel with torch takes 0.25, SmolLM2's weights 0.5 more
ENOUGH_DISK, LITTLE_DISK = 2.0, 0.5  # GiB: the models that notebooks fetch, and room for checkpoints


@dataclass(frozen=True)
class Finding:
    """One fact. level: good, note, or bad (it will not work). means: what follows."""

    level: str
    subject: str
    fact: str
    means: str = ""

    def __str__(self) -> str:
        return f"{MARKS[self.level]} {self.subject:<11} {self.fact}{f': {self.means}' if self.means else ''}"


class Findings:
    """What was found, as text, and as HTML where Jupyter asks for that."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        bad = sum(finding.level == "bad" for finding in findings)
        self.verdict = f"{bad} to mend before you begin." if bad else "This machine is fit for the course."

    def __repr__(self) -> str:
        return "\n".join([*map(str, self.findings), "", self.verdict])

    def _repr_html_(self) -> str:
        colours = {"good": "#2e8b57", "note": "inherit", "bad": "#c0392b"}
        cell = '<td style="text-align:left;padding:.1em .9em .1em 0;background:transparent;{}">{}</td>'
        rows = [
            "<tr>"
            + cell.format(f"color:{colours[finding.level]};font-weight:600", MARKS[finding.level])
            + "".join(cell.format("", escape(words)) for words in (finding.subject, finding.fact, finding.means))
            + "</tr>"
            for finding in self.findings
        ]
        return f'<table style="border:none;font-size:inherit">{"".join(rows)}</table><b>{escape(self.verdict)}</b>'


def check() -> Findings:
    """Look at this machine. Takes the two seconds that importing torch takes."""
    return Findings([_python(), _torch(), *_packages(), _cores(), _memory(), _gpu(), _disk()])


def cores() -> int:
    """How many cores this process may use."""
    with contextlib.suppress(AttributeError, OSError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int | None:
    """How many bytes of memory this process may use: the machine's, or its container's where that is less."""
    found = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            found.append(int(Path(path).read_text(encoding="utf-8")))
    return min(found, default=None)


def least(package: str) -> str:
    """The lowest version that the installed course declares it needs; "" where it does not say."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for line in importlib.metadata.requires("transformer-internals") or ():
            if match := re.match(rf"{re.escape(package)}>=([0-9.]+)", line):
                return match.group(1)
    return ""


def numbers(version: str) -> list[int]:
    """A version as numbers to compare: its first two."""
    return [int(part) for part in re.findall(r"\d+", version)[:2]]


def _python() -> Finding:
    return Finding("good", "Python", platform.python_version())  # an older one could not have read this file


def _torch() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("bad", "PyTorch", f"does not load ({error})", "close JupyterLab and run `make lab` again")
    version, needed = str(torch.__version__), least("torch")
    if needed and numbers(version) < numbers(needed):
        return Finding("bad", "PyTorch", version, f"the course needs {needed} or later: run `make lab` again")
    return Finding("good", "PyTorch", version)


def _packages() -> list[Finding]:
    """What notebooks cannot do without, and JupyterLab, which other places have no need of."""
    versions, missing = [], []
    for name in ("numpy", "matplotlib", "ipywidgets", "jupyterlab"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            if name != "jupyterlab":
                missing.append(name)
    if missing:
        return [Finding("bad", "packages", f"no {', '.join(missing)}", "close JupyterLab and run `make lab` again")]
    return [Finding("good", "packages", ", ".join(versions))]


def _cores() -> Finding:
    number = cores()
    if number < 2:
        return Finding("note", "cores", "1", "enough; what trains takes about twice the minutes written beside it")
    return Finding("good", "cores", str(number), "the minutes written beside what trains are for two")


def _memory() -> Finding:
    size = memory()
    if size is None:
        return Finding("note", "memory", "unknown here", f"{ENOUGH_MEMORY:.0f} GiB are plenty")
    fact = f"{size / GIB:.1f} GiB"
    if size < LITTLE_MEMORY * GIB:
        return Finding("bad", "memory", fact, f"too little for the later notebooks: {ENOUGH_MEMORY:.0f} GiB are plenty")
    if size < ENOUGH_MEMORY * GIB:
        return Finding("note", "memory", fact, "enough for one notebook at a time: shut down kernels you have left")
    return Finding("good", "memory", fact, "enough")


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("note", "GPU", "unknown without PyTorch")
    if torch.cuda.is_available():
        return Finding("good", "GPU", torch.cuda.get_device_name(), "no exercise needs it; the capstone trains faster")
    mps = getattr(torch.backends, "mps", None)
    if mps is not None and mps.is_available():
        return Finding("good", "GPU", "Apple's", "no exercise needs it")
    return Finding("note", "GPU", "none", "no exercise needs one")


def _disk() -> Finding:
    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    try:
        free = min(shutil.disk_usage(place).free for place in (folder, Path.cwd()))
    except OSError as error:
        return Finding("note", "free disk", f"unknown ({error.strerror})")
    fact = f"{free / GIB:.1f} GiB"
    if free < LITTLE_DISK * GIB:
        return Finding("bad", "free disk", fact, "your work may not be saved: make room")
    if free < ENOUGH_DISK * GIB:
        return Finding("note", "free disk", fact, f"models that notebooks fetch want up to {ENOUGH_DISK:.0f} GiB")
    return Finding("good", "free disk", fact, "enough")
