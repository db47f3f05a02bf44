"""The course as `course.toml` describes it, and where its files stand."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from autograder.limits import Limits, read_limits

START_PAGE = "start.ipynb"  # in modules/ and work/


class CourseError(Exception):
    """Something a person has to mend. Its text is one line: which file, what is wrong, what to do."""


@dataclass(frozen=True)
class Notebook:
    """One notebook. module is its folder, and its assignment in nbgrader. gpu: whether it gains from one."""

    module: str
    name: str
    title: str
    minutes: int
    prerequisites: tuple[str, ...]
    limits: Limits = Limits()  # what one submission may use
    gpu: bool = False


@dataclass(frozen=True)
class Course:
    """The course. root: the folder that holds course.toml. repository: its public address for git; "" before."""

    root: Path
    id: str
    title: str
    repository: str
    notebooks: tuple[Notebook, ...]

    def source(self, notebook: Notebook) -> Path:
        """The one text source of a notebook."""
        return self.root / "solutions" / notebook.module / f"{notebook.name}.py"

    def answers(self, notebook: Notebook) -> Path:
        """Right and wrong answers to its exercises."""
        return self.source(notebook).with_suffix(".answers.py")

    def released(self, notebook: Notebook) -> Path:
        """What students open."""
        return self.root / "modules" / notebook.module / f"{notebook.name}.ipynb"

    def instructor(self, notebook: Notebook) -> Path:
        """With solutions and hidden checks: what nbgrader takes as the source."""
        return self.root / "build" / "source" / notebook.module / f"{notebook.name}.ipynb"

    @property
    def work(self) -> Path:
        """Where `make lab` lays out a student's own notebooks."""
        return self.root / "work"

    @property
    def start_page(self) -> Path:
        """What `make lab` opens on; nobody hands it in."""
        return self.root / "modules" / START_PAGE

    def find(self, name: str) -> Notebook:
        """A notebook by its name, or by the path of any of its files. Raises CourseError."""
        stem = Path(name).name.removesuffix(".ipynb").removesuffix(".py").removesuffix(".answers")
        for notebook in self.notebooks:
            if notebook.name == stem:
                return notebook
        known = ", ".join(notebook.name for notebook in self.notebooks)
        raise CourseError(f"{name}: no such notebook; course.toml has {known}")


def find_root(start: Path | None = None) -> Path:
    """The nearest folder, from `start` upwards, that holds course.toml. Raises CourseError."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "course.toml").is_file():
            return folder
    raise CourseError(f"{here}: no course.toml here or above; run this inside a copy of the course")


def load_course(root: Path | None = None) -> Course:
    """Read course.toml. Raises CourseError for a missing or malformed file."""
    root = root or find_root()
    path = root / "course.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        notebooks = tuple(
            Notebook(
                module["name"],
                entry["name"],
                entry["title"],
                int(entry["minutes"]),
                tuple(entry.get("prerequisites", ())),
                read_limits(entry.get("limits", {})),
                bool(entry.get("gpu", False)),
            )
            for module in data["module"]
            for entry in module["notebook"]
        )
        course = data["course"]
        return Course(root, course["id"], course["title"], course.get("repository", ""), notebooks)
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path}: not TOML: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path}: {error} is missing or malformed; see the entries beside it") from None
    except ValueError as error:
        raise CourseError(f"{path}: {error}") from None
