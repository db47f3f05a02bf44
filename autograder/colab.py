"""A notebook on Google Colab: what it lacks is installed, what the machine has is said, and work is kept in Drive.

Each notebook's first cell calls `start`. Nothing here runs anywhere else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from pathlib import Path

from autograder.files import write_atomically

DRIVE = Path("/content/drive")
FOLDER = "MyDrive/transformer-internals"  # in Drive: MODULE/NOTEBOOK.ipynb, as in work/ elsewhere
PACKAGE = "transformer-internals"
SECONDS_TO_ANSWER = 20  # that the page of the notebook is given to send it
SECONDS_BETWEEN_COPIES = 60
GET_A_GPU = (
    "No GPU. What this notebook trains is faster with one: Runtime → Change runtime type → T4 GPU, free of charge; "
    "then run it from the top."
)


def start(notebook: str, gpu: bool = False, drive: bool = False) -> None:
    """Make Colab's machine ready for a notebook, and say in a few lines what it found.

    notebook: "module/name". gpu: whether the notebook gains from one. drive: keep the work in the reader's Drive, a
    copy of the notebook after its checks, at most one a minute.
    """
    install_missing()
    card = gpu_name()
    print(f"GPU: {card}" if card else GET_A_GPU if gpu else "No GPU, and this notebook needs none.")
    if drive:
        keep_in_drive(notebook)


def gpu_name() -> str:
    """The GPU's name as the driver says it; "" without one."""
    if not shutil.which("nvidia-smi"):
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    asked = subprocess.run(command, capture_output=True, text=True)
    return asked.stdout.strip().partition("\n")[0] if asked.returncode == 0 else ""


def install_missing() -> None:
    """Install what the course needs and Colab has not; every package that is there stays in its version.

    One whose version the course does not know yet is named in a line, and left alone.
    """
    from packaging.requirements import Requirement  # matplotlib brings it

    missing = []
    for need in map(Requirement, requires(PACKAGE) or ()):
        if need.marker and not need.marker.evaluate({"extra": ""}):
            continue
        try:
            has = version(need.name)
        except PackageNotFoundError:
            missing.append(str(need).partition(";")[0])
            continue
        if not need.specifier.contains(has, prereleases=True):
            print(f"{need.name} is {has} here; the course was tried with {need.specifier}: if a cell fails, try that.")
    if not missing:
        return
    here = "\n".join(f"{d.metadata['Name']}=={d.version}" for d in distributions() if d.metadata["Name"])
    pins = Path(tempfile.mkdtemp()) / "here.txt"
    pins.write_text(here, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(pins), *missing]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
        print(f"pip could not install {', '.join(missing)}: {last}")


def keep_in_drive(notebook: str) -> None:
    """Work in the reader's Drive from here on: they are asked for leave by Colab itself.

    The notebook's folder there becomes the current one, so that whatever a notebook writes is kept, and the parts of
    earlier notebooks are found.
    """
    from google.colab import drive

    try:
        drive.mount(str(DRIVE))
    except Exception as error:  # refused, or no answer: Colab raises ValueError and more
        print(f"Drive was not opened ({error}); work on, and use File → Save a copy in Drive.")
        return
    path = DRIVE / FOLDER / f"{notebook}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    os.chdir(path.parent)
    print(f"Kept in your Drive as {path.relative_to(DRIVE)}, after its checks; `colab.save()` does it at once.")
    if path.exists():
        print(
            "There is a copy from before: to go on with it, open it from Drive instead. It is not overwritten: once "
            "something is written here and saved, the older one has its date in its name."
        )
    _after_checks(path)


def save(path: Path | None = None) -> Path | None:
    """Write the notebook as it stands in the browser into Drive; the path, or None where the page does not answer.

    A copy from another sitting is set aside first, its date in its name; it stays where it is while it alone holds
    answers.
    """
    from google.colab import _message

    path = path or _saved_path
    if path is None:
        print("Tick KEEP_IN_DRIVE in the first cell, run it, and save again.")
        return None
    try:
        answer = _message.blocking_request("get_ipynb", request="", timeout_sec=SECONDS_TO_ANSWER)
    except Exception:  # the page is closed, or busy: Colab's own errors have no common class
        answer = None
    if not answer or "ipynb" not in answer:
        print("The page did not answer, nothing is saved: try again, or use File → Save a copy in Drive.")
        return None
    content = json.dumps(answer["ipynb"], ensure_ascii=False, indent=1) + "\n"
    older = path not in _written and path.exists()
    if older and holds_answers(path.read_bytes()) and not holds_answers(content.encode()):
        print("Not saved: nothing is written here yet, and the copy in your Drive has answers. Open that one instead.")
        return None
    set_aside(path)
    write_atomically(path, content)
    _written.add(path)
    return path


def holds_answers(notebook: bytes) -> bool:
    """Whether an exercise or an essay of it is written, wholly or in part; true of what cannot be read."""
    from autograder.grading.cells import Refused
    from autograder.work.cells import cells_of

    try:
        cells = cells_of(notebook)[1]
    except Refused:
        return True
    return any(cell.kind in ("exercise", "essay") and not cell.as_released for cell in cells)


def set_aside(path: Path) -> Path | None:
    """Rename a file that this sitting did not write, its date in its name; the new path."""
    if path in _written or not path.exists():
        return None
    when = datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d-%H%M%S")
    older = path.with_name(f"{path.stem}-{when}.ipynb")
    path.replace(older)
    return older


_saved_path: Path | None = None
_written: set[Path] = set()  # by this kernel
_last: Callable | None = None


def _after_checks(path: Path) -> None:
    """Save after check cells, at most once in SECONDS_BETWEEN_COPIES."""
    global _saved_path, _last
    _saved_path = path
    shell = sys.modules["IPython"].get_ipython()
    if shell is None:
        return
    saved = 0.0

    def after(result) -> None:
        nonlocal saved
        cell = getattr(getattr(result, "info", None), "raw_cell", "") or ""
        if cell.lstrip().startswith("with check(") and time.monotonic() - saved > SECONDS_BETWEEN_COPIES:
            saved = time.monotonic()
            save(path)

    if _last is not None:
        shell.events.unregister("post_run_cell", _last)
    shell.events.register("post_run_cell", after)
    _last = after
