"""System programs that the course uses: found, installed where this process may, else named in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """commands: any one of these on PATH will do. why: what stays off without it. packages: by package manager."""

    commands: tuple[str, ...]
    why: str
    packages: dict[str, str]


PROGRAMS = {
    "bubblewrap": Program(
        ("bwrap",),
        "grading runs students' code in its sandbox",
        dict.fromkeys(("apt-get", "dnf", "apk", "pacman", "zypper"), "bubblewrap"),
    ),
    "chromium": Program(
        ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
        "only the browser tests need it",
        dict.fromkeys(("apt-get", "dnf", "apk", "pacman", "zypper"), "chromium"),
    ),
    "postgresql": Program(
        ("pg_ctlcluster", "initdb"),  # Debian keeps the server's own commands off the PATH
        "only the tests of a gradebook in PostgreSQL need it",
        {"apt-get": "postgresql", "dnf": "postgresql-server", "apk": "postgresql", "pacman": "postgresql",
         "zypper": "postgresql-server"},
    ),
    "venv": Program(
        (),  # a module, not a command: asked for when creating the environment has failed
        "the environment in .venv is made with it",
        {"apt-get": "python3-venv"},
    ),
}

INSTALL = {
    "apt-get": ("apt-get", "install", "--yes", "--no-install-recommends"),
    "dnf": ("dnf", "install", "--assumeyes"),
    "apk": ("apk", "add"),
    "pacman": ("pacman", "--sync", "--refresh", "--noconfirm"),
    "zypper": ("zypper", "--non-interactive", "install"),
}


def find(name: str) -> str | None:
    """The path of the program's command, or None."""
    return next((path for command in PROGRAMS[name].commands if (path := shutil.which(command))), None)


def manager(name: str) -> str | None:
    """The package manager of this machine that has the program, or None."""
    return next((tool for tool in PROGRAMS[name].packages if shutil.which(tool)), None)


def advice(name: str) -> str:
    """One line: what is missing, what for, and how to get it."""
    tool = manager(name)
    how = f"sudo {' '.join((*INSTALL[tool], PROGRAMS[name].packages[tool]))}" if tool else "see your system's packages"
    return f"{name} is not installed ({PROGRAMS[name].why}): {how}"


def ensure(name: str) -> bool:
    """True if the program is there, installing it first where this process is root; else says one line."""
    if find(name):
        return True
    tool = manager(name)
    if tool and hasattr(os, "geteuid") and os.geteuid() == 0:
        print(f"installing {name} with {tool} …", flush=True)
        if install(tool, PROGRAMS[name].packages[tool]) and (find(name) or not PROGRAMS[name].commands):
            return True
    print(advice(name), flush=True)
    return False


def install(tool: str, package: str) -> bool:
    """Install one package, its output kept for the one case in which it matters."""
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = [[*INSTALL[tool], package]]
    if tool == "apt-get":
        commands.insert(0, ["apt-get", "update"])
    for command in commands:
        done = subprocess.run(command, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        print(f"{' '.join(commands[-1])} failed: {(done.stderr.strip() or done.stdout.strip())[-300:]}", flush=True)
    return done.returncode == 0
