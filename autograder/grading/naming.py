"""Whose file is this, and which notebook should it be? Read from its name and its folders alone.

Known are nbgrader's folders, what Moodle, Canvas and Blackboard make of a class's files, folders named after students,
and flat files STUDENT_NOTEBOOK.ipynb. Browsers, systems and Colab rename copies; what they add is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

# Moodle: `Full Name_12345_assignsubmission_file_/x.ipynb`, since 4.1 without the last `_`, or flat, all in one name.
MOODLE = re.compile(r"(?P<student>.+)_(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL)
# Canvas: `lastnamefirstname_LATE_USERID_ATTACHMENT_x-1.ipynb`; anonymous: `anon_a1b2C_ATTACHMENT_x.ipynb`.
CANVAS = re.compile(r"(?P<student>[^\W_]\w*?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<order>\d+)_(?P<file>.+)", re.DOTALL)
CANVAS_ANONYMOUS = re.compile(r"(?P<late>LATE_)?anon_(?P<id>[A-Za-z0-9]+)_(?P<order>\d+)_(?P<file>.+)", re.DOTALL)
# Blackboard, and the example of nbgrader's manual: `Assignment_username_attempt_2016-01-30-15-30-10_x.ipynb`.
BLACKBOARD = re.compile(
    r".*?_?(?P<student>[^_]+)_attempt_(?P<order>\d{4}(?:-\d+){5})(?:_(?P<file>.+)|(?P<bare>\.\w+))", re.DOTALL
)
EXTENSION = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # browsers add .txt or .json to JSON
BEFORE = re.compile(
    r"^(copy (\((?P<number>\d+)\) )?of|kopie von|kopie van|copie de|c[oó]pia de|copia di)\s+", re.IGNORECASE
)
AFTER = re.compile(
    r"(\s*\((?P<a>\d+)\)|\s*-\s*copy(\s*\((?P<b>\d+)\)|(?P<c>\d+))?|[\s_]+copy(\s*(?P<d>\d+))?|[-\s](?P<e>\d{1,3}))$",
    re.IGNORECASE,
)
SEPARATORS = "_-+. "


@dataclass(frozen=True)
class Named:
    """What a path says. student: "" where it names none. lms_id: the LMS's number for the student or the submission.

    file: the file's own name, as the student gave it. notebook: the course's notebook of that name, "" for none.
    renamed: a copy's mark had to be taken off for that. late: the LMS says so. order: a later copy's is larger.
    """

    student: str
    file: str
    notebook: str = ""
    renamed: bool = False
    late: bool = False
    lms_id: str = ""
    lms: str = ""
    order: tuple[str, int] = ("", 0)


def is_notebook(file: str) -> bool:
    """Is it called one? Bytes may say otherwise."""
    return EXTENSION.search(file) is not None


def original(file: str, names: Collection[str]) -> tuple[str, str, int]:
    """(notebook or "", the file's stem with the marks of copies taken off, the copy's number: 0 for the original)."""
    stem, number = EXTENSION.sub("", file).strip(), 0
    by_key = {_key(name): name for name in names}
    for _ in range(5):
        if _key(stem) in by_key:
            return by_key[_key(stem)], stem, number
        if match := BEFORE.match(stem):
            stem, number = stem[match.end() :], max(number, int(match["number"] or 1))
        elif match := AFTER.search(stem):
            digits = next((d for d in match.group("a", "b", "c", "d", "e") if d), "1")
            stem, number = stem[: match.start()].strip(), max(number, min(int(digits), 10**6))
        else:
            break
    return "", stem, number


def _key(stem: str) -> str:
    return re.sub(r"[\s_-]+", "_", stem).lower()


def named(parts: tuple[str, ...], modules: Collection[str], names: Collection[str]) -> Named:
    """What the path of one file says. modules and names: the course's folders and notebooks. Never raises."""
    *folders, file = parts
    for folder in reversed(folders):
        if match := MOODLE.fullmatch(folder):
            return _finish(match["student"], file, names, lms="Moodle", lms_id=match["id"])
    if len(folders) >= 2 and folders[-1] in modules:
        return _finish(folders[-2], file, names)
    if match := MOODLE.fullmatch(file):
        return _finish(match["student"], match["file"] or "", names, lms="Moodle", lms_id=match["id"])
    if match := CANVAS_ANONYMOUS.fullmatch(file):
        who, late = f"anon_{match['id']}", bool(match["late"])
        return _finish(who, match["file"], names, lms="Canvas", lms_id=match["id"], late=late, attempt=match["order"])
    if match := CANVAS.fullmatch(file):
        who, late = f"{match['student']}_{match['id']}", bool(match["late"])
        return _finish(who, match["file"], names, lms="Canvas", lms_id=match["id"], late=late, attempt=match["order"])
    if match := BLACKBOARD.fullmatch(file):
        own = match["file"] or match["bare"]
        return _finish(match["student"], own, names, lms="Blackboard", attempt=match["order"])
    if folders:
        return _finish(folders[0], file, names)
    return flat(file, modules, names)


def _finish(
    student: str,
    file: str,
    names: Collection[str],
    lms: str = "",
    lms_id: str = "",
    late: bool = False,
    attempt: str = "",
) -> Named:
    notebook, stem, number = original(file, names)
    renamed = bool(notebook) and (number > 0 or stem != notebook) and not (lms == "Canvas" and CANVAS_COPY.search(file))
    return Named(student.strip(), file, notebook, renamed, late, lms_id, lms, (attempt.rjust(20, "0"), number))


CANVAS_COPY = re.compile(r"^[^\s()]+-\d{1,3}\.ipynb$")  # Canvas itself numbers what is handed in again


def flat(file: str, modules: Collection[str], names: Collection[str]) -> Named:
    """A file in no student's folder: STUDENT_NOTEBOOK.ipynb, NOTEBOOK_STUDENT.ipynb or STUDENT.ipynb."""
    notebook, stem, number = original(file, names)
    if notebook:
        return Named("", file, notebook, number > 0 or stem != notebook, order=("", number))
    for name in sorted(names, key=len, reverse=True):
        pattern = r"[_\s-]".join(map(re.escape, name.split("_")))
        for form in (rf"(?P<student>.+?)[_\-+. ]+{pattern}", rf"{pattern}[_\-+. ]+(?P<student>.+)"):
            if match := re.fullmatch(form, stem, re.IGNORECASE | re.DOTALL):
                student = match["student"].strip(SEPARATORS)
                for module in modules:
                    student = student.removesuffix(module).removeprefix(module).strip(SEPARATORS) or student
                if student:
                    return Named(student, file, name, number > 0, order=("", number))
    return Named(stem, file, order=("", number))
