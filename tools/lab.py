"""python -m tools.lab {student|instructor} [JupyterLab's own arguments]: JupyterLab with that role's panels.

student: rooted at work/, opening its start page, nbgrader's Validate button and none of its other panels. instructor:
rooted at the repository, opening formgrader on the course's gradebook.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.environment import binaries

ROOT = Path(__file__).resolve().parent.parent
# The tab for manual grading: formgrader's first tab offers what `course build` and `course grade` do here.
FIRST_PAGE = {"student": "/lab/tree/start.ipynb", "instructor": "/formgrader/gradebook"}


def command(role: str, folder: Path, *extra: str) -> list[str]:
    """The command that opens JupyterLab for `role` in `folder`; run it with `surroundings(role)`."""
    arguments = [
        str(binaries(ROOT / ".venv") / "python"),
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url={FIRST_PAGE[role]}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")  # containers; JupyterLab refuses root unless told
    return [*arguments, *extra]


def surroundings(role: str) -> dict[str, str]:
    """The environment for that command: the role's settings, and .venv/bin first for what Jupyter itself starts."""
    path = os.pathsep.join(filter(None, (str(binaries(ROOT / ".venv")), os.environ.get("PATH"))))
    settings = os.pathsep.join(
        filter(None, (str(ROOT / "tools" / "jupyter" / role), os.environ.get("JUPYTER_CONFIG_PATH")))
    )
    return {**os.environ, "PATH": path, "JUPYTER_CONFIG_PATH": settings}


def main() -> None:
    role, *extra = sys.argv[1:] or ["student"]
    if role not in FIRST_PAGE:
        sys.exit(f"python -m tools.lab: no role {role}; there are {', '.join(FIRST_PAGE)}")
    folder = ROOT / "work" if role == "student" else ROOT
    arguments = command(role, folder, *extra)
    os.chdir(folder)
    os.execve(arguments[0], arguments, surroundings(role))


if __name__ == "__main__":
    main()
