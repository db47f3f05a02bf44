"""`course doctor`: what this machine supports, and what that means for grading. One line a fact."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess

from autograder.course import Course, CourseError
from autograder.grading.walls import sandbox_problem
from autograder.limits import Limits
from autograder.machine import Finding, cores, memory


def examine(course: Course) -> list[Finding]:
    """Look at this machine. Starts a warm server and a room for real, so it takes some seconds."""
    packages = [_package(name) for name in ("torch", "nbgrader", "jupyterlab")]
    rooms = [_sandbox(), *_warm(), _user(), _cgroup(), _size()]
    return [_python(), *packages, _gpu(), *rooms, _program("chromium", "browser tests"), _gradebook(course)]


def _python() -> Finding:
    return Finding("good", "Python", platform.python_version())


def _package(name: str) -> Finding:
    try:
        return Finding("good", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding("bad" if name != "jupyterlab" else "note", name, "not installed", "`make` installs it in .venv")


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("note", "GPU", "unknown without torch")
    if torch.cuda.is_available():
        return Finding("good", "GPU", torch.cuda.get_device_name(), "rooms have none: grading runs on the CPU")
    return Finding("note", "GPU", "none", "everything runs on the CPU; tests marked cuda are skipped")


def _sandbox() -> Finding:
    problem = sandbox_problem()
    if problem:
        return Finding("bad", "sandbox", problem, "`course grade` refuses unless told --no-sandbox")
    version = subprocess.run(["bwrap", "--version"], capture_output=True, text=True).stdout.strip()
    return Finding("good", "sandbox", f"{version} opens rooms here", "students' code sees no network and no other work")


def _warm() -> list[Finding]:
    """Run an empty notebook in a room, if there can be one."""
    if sandbox_problem():
        return []
    from autograder.grading.room import run_job

    reports: list[dict] = []
    probe = {"kind": "cell", "id": "probe", "exercise": "", "source": "import os; assert os.getuid() != 0"}
    try:
        ended = run_job({"role": "student", "steps": [probe]}, Limits(), lambda report, in_turn: reports.append(report))
    except CourseError as error:
        return [Finding("bad", "warm server", str(error), "`course grade` cannot start")]
    if ended.how != "finished" or not reports or reports[0]["error"]:
        return [Finding("bad", "warm server", f"a notebook of one cell {ended.how}", "`course grade` will not work")]
    return [Finding("good", "warm server", "starts, and runs a notebook as a user without rights")]


def _user() -> Finding:
    if not hasattr(os, "geteuid"):
        return Finding("bad", "user", "unknown", "grading needs Linux")
    if os.geteuid() == 0:
        return Finding("good", "user", "root", "a student's process gets an id that owns no file")
    return Finding("good", "user", "ordinary", "the warm server lives in a read-only room of its own")


def _cgroup() -> Finding:
    from autograder.grading.cgroup import MOUNTED, parent

    if group := parent():
        return Finding("good", "cgroups", f"v2, writable below {group}", "the kernel keeps each room's limits too")
    fact = "v2, not writable" if (MOUNTED / "cgroup.controllers").exists() else "no v2"
    return Finding("note", "cgroups", fact, "limits are kept by rlimits and a watchdog that sums each room's memory")


def _size() -> Finding:
    room, at_a_time, need = (memory() or 0) / 2**30, cores(), cores() * Limits().memory / 2**30
    fact = f"{at_a_time} cores, {room:.0f} GiB"
    if room < need:
        return Finding("note", "size", fact, f"rooms may use {need:.0f} GiB: fewer --workers")
    return Finding("good", "size", fact, f"{at_a_time} submissions are graded at a time")


def _program(name: str, use: str) -> Finding:
    found = shutil.which(name)
    return Finding("good", name, found) if found else Finding("note", name, "not installed", f"{use} are skipped")


def _gradebook(course: Course) -> Finding:
    path = course.root / "build" / "gradebook.db"
    folder = next(parent for parent in path.parents if parent.exists())
    if not os.access(folder, os.W_OK):
        return Finding("bad", "gradebook", f"{folder} is not writable", "choose another with --db")
    return Finding("good", "gradebook", str(path) + ("" if path.exists() else " (made at the first grading)"))
