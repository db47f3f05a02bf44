"""Where the course is published, said once in course.toml; every link and every first cell is built from it."""

from __future__ import annotations

import re
from pathlib import Path

from autograder.build import build
from autograder.course import Course, CourseError, load_course
from autograder.files import write_atomically

LINE = re.compile(r'^(repository\s*=\s*)"[^"]*"', re.MULTILINE)
SHORT = re.compile(r"[\w.-]+/[\w.-]+")
BY_SSH = re.compile(r"git@([\w.-]+):(.+)")


def address(repository: str) -> str:
    """The public address for git of what a person may call a repository. Raises CourseError.

    "owner/name" is GitHub's; git@host:path becomes https, as a reader on Colab has no key.
    """
    text = repository.strip().rstrip("/").removesuffix(".git")
    if SHORT.fullmatch(text):
        return f"https://github.com/{text}"
    if found := BY_SSH.fullmatch(text):
        text = f"https://{found[1]}/{found[2]}"
    if not re.fullmatch(r"(https://[\w.-]+(:\d+)?|file://)/[\w./~-]+", text):
        raise CourseError(f"{repository}: no address to clone from; like https://github.com/OWNER/NAME, or OWNER/NAME")
    return text


def publish(course: Course, repository: str) -> list[Path]:
    """Write the address into course.toml and build every notebook with it; the paths changed. Raises CourseError."""
    wanted = address(repository)
    path = course.root / "course.toml"
    text = path.read_text(encoding="utf-8")
    changed, count = LINE.subn(lambda found: f'{found[1]}"{wanted}"', text, count=1)
    if count == 0:
        raise CourseError(f'{path}: has no line repository = "…" under [course]; add one')
    if changed == text:
        return build(course)
    write_atomically(path, changed)
    return [path, *build(load_course(course.root))]
