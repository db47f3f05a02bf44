"""What the build adds around a notebook's own cells: the badge that opens it on Colab, and the cell that installs it.

Both need to know where the course is published: `course publish` writes that into course.toml. Until then nothing is
added.
"""

from __future__ import annotations

import re
from dataclasses import replace

from autograder.course import Course, Notebook
from autograder.source import Cell

GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({})"
UNTICKED = 'KEEP_IN_DRIVE = False  # @param {type:"boolean"}'
SETUP = '''\
# On Colab, this installs the course in about a minute and changes none of Colab's packages. Elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    # Ticked, your notebooks are kept in your Google Drive, where later notebooks find the parts that you have built.
    {unticked}
    import importlib.util
    import subprocess

    if importlib.util.find_spec("autograder") is None:
        course = "git+{repository}"
        if subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", course]).returncode:
            sys.exit("The course could not be installed; pip says why, above. Run this cell again in a minute.")
        importlib.invalidate_caches()
    from autograder import colab

    colab.start("{module}/{name}", gpu={gpu}, drive=KEEP_IN_DRIVE)'''


def colab_link(course: Course, notebook: Notebook) -> str:
    """Where Colab opens the released notebook; "" where the course is not published on GitHub."""
    found = GITHUB.fullmatch(course.repository)
    path = course.released(notebook).relative_to(course.root).as_posix()
    return f"https://colab.research.google.com/github/{found[1]}/blob/main/{path}" if found else ""


def framed(course: Course, notebook: Notebook, cells: list[Cell]) -> list[Cell]:
    """The cells of a source, with the badge under the title and the setup before the first code."""
    if not course.repository:
        return cells
    cells = list(cells)
    if link := colab_link(course, notebook):
        title, _, rest = cells[0].source.partition("\n")
        cells[0] = replace(cells[0], source=f"{title}\n\n{BADGE.format(link)}\n{rest}")
    source = SETUP.format(
        unticked=UNTICKED, repository=course.repository, module=notebook.module, name=notebook.name, gpu=notebook.gpu
    )
    first = next(number for number, cell in enumerate(cells) if cell.kind != "text")
    cells.insert(first, Cell("given", "", source, cells[first].line, {"editable": True}))  # it has a box to tick
    return cells


def unticked(source: str) -> str:
    """A cell's source as it was released, should its box be ticked."""
    return source.replace(UNTICKED.replace("False", "True"), UNTICKED)
