"""The start page's look at the machine: a fact a line, a verdict in plain words, and no traceback from an odd one."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections import namedtuple

import pytest

from autograder import machine
from autograder.machine import GIB, Finding, Findings

Usage = namedtuple("Usage", "total used free")


def level(finding: Finding) -> str:
    return finding.level


def test_this_machine_is_looked_at_from_all_sides_and_fit() -> None:
    found = machine.check()
    subjects = ["Python", "PyTorch", "packages", "cores", "memory", "GPU", "free disk"]
    assert [finding.subject for finding in found.findings] == subjects
    assert repr(found).splitlines()[-1] == found.verdict
    assert all(str(finding) in repr(found) for finding in found.findings)
    assert "<script" not in found._repr_html_() and found._repr_html_().count("<tr>") == len(subjects)


@pytest.mark.parametrize(("gib", "expected"), [(1, "bad"), (3, "note"), (16, "good"), (None, "note")])
def test_memory_is_judged(gib: int | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory", lambda: gib and gib * GIB)
    assert level(machine._memory()) == expected


@pytest.mark.parametrize(("gib", "expected"), [(0.1, "bad"), (1, "note"), (50, "good")])
def test_free_disk_is_judged_where_it_is_least(gib: float, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([100 * GIB, int(gib * GIB)])
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(0, 0, next(free)))
    assert level(machine._disk()) == expected


def test_a_torch_that_is_too_old_or_does_not_load_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch, "__version__", "1.9.0+cu111")
    old = machine._torch()
    assert old.level == "bad" and "make lab" in old.means and machine.least("torch") in old.means
    monkeypatch.setitem(sys.modules, "torch", None)
    assert machine._torch().level == "bad"
    assert machine._gpu().level == "note"


def test_a_missing_package_is_named_and_jupyterlab_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in ("ipywidgets", "jupyterlab"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    (found,) = machine._packages()
    assert (found.level, found.fact) == ("bad", "no ipywidgets")


def test_the_verdict_counts_what_is_to_be_mended() -> None:
    assert Findings([Finding("good", "a", "1"), Finding("note", "b", "2")]).verdict.endswith("fit for the course.")
    assert Findings([Finding("bad", "a", "1"), Finding("bad", "b", "2")]).verdict.startswith("2 to mend")
