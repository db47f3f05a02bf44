"""Grades as learning platforms import them: a column per assignment, a row per student.

**Canvas** (Grades → Import). The head is Student, ID, SIS User ID, SIS Login ID, Section, then the assignments; a row
"Points Possible" follows. Canvas finds a student by ID (its own number), else by SIS user or login ID, else by name; an
assignment by its title, and offers to make one where there is none.

**Moodle** (Grades → Import → CSV file). Any head; columns are mapped on the next page: Username from `Username` (or
another identifier), each assignment to its grade item, and its feedback column to that item's feedback: both, or Moodle
clears the points. Moodle refuses the whole file for one student that it does not know, and gives a row whose identifier
is empty to the student before; so an identifier column that cannot be filled for everybody is left out.

Names, e-mail addresses and LMS numbers come from nbgrader (`nbgrader db student add`); what identifies a student
otherwise is the name of their folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.exports import number, write_table
from autograder.grading.gradebook import GradebookWriter, Marks, Person
from autograder.grading.result import Result
from autograder.grading.verdicts import safe_name

NOBODY = "?"  # whose a file is that says no name
NO_GRADE = "-"  # as Moodle writes it; an empty cell of a new grade item is an error there


@dataclass(frozen=True)
class _Class:
    """What both platforms get. scores: by student and assignment, absent where there is nothing to count."""

    people: list[Person]
    possible: dict[str, float]
    scores: dict[tuple[str, str], float]
    remarks: dict[tuple[str, str], str]


def write_canvas_csv(results: Iterable[Result], path: Path, gradebook: GradebookWriter | None = None) -> None:
    """Write what Canvas imports: every student of the results, with the assignments that these are about.

    With a gradebook a score holds all of the student's notebooks of the assignment, points given by hand included, less
    the late penalty; without, what the results say. Nothing to count, such as a refused notebook alone, is an empty
    cell. Raises CourseError where the file cannot be written.
    """
    table = _gather(list(results), gradebook)
    rows = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *table.possible],
        ["    Points Possible", "", "", "", "", *map(number, table.possible.values())],
    ]
    for person in table.people:
        name = ", ".join(filter(None, (person.last_name, person.first_name))) or person.key
        scores = (table.scores.get((person.key, assignment)) for assignment in table.possible)
        rows.append([
            name, person.lms_id if person.lms_id.isdecimal() else "", "", person.key, "",
            *("" if score is None else number(score) for score in scores),
        ])
    write_table(rows, path)


def write_moodle_csv(results: Iterable[Result], path: Path, gradebook: GradebookWriter | None = None) -> None:
    """Write what Moodle imports; scores as for Canvas, and a word of feedback on each. Raises CourseError."""
    table = _gather(list(results), gradebook)
    identifiers = {
        "Username": [person.key for person in table.people],
        "First name": [person.first_name for person in table.people],
        "Last name": [person.last_name for person in table.people],
        "ID number": [person.lms_id for person in table.people],
        "Email address": [person.email for person in table.people],
    }
    known = {name: values for name, values in identifiers.items() if name == "Username" or all(values)}
    head = [column for name in table.possible for column in (f"{name} (points)", f"{name} (feedback)")]
    rows = [[*known, *head]]
    for index, person in enumerate(table.people):
        row = [values[index] for values in known.values()]
        for assignment in table.possible:
            score = table.scores.get((person.key, assignment))
            row += [NO_GRADE if score is None else number(score), table.remarks.get((person.key, assignment), "")]
        rows.append(row)
    write_table(rows, path)


def _gather(results: list[Result], gradebook: GradebookWriter | None) -> _Class:
    results = sorted(results, key=lambda result: (result.student, result.assignment, result.notebook))
    students = list(dict.fromkeys(result.student for result in results if result.student != NOBODY))
    people = gradebook.people() if gradebook else {}
    table = _Class([_person(name, people) for name in students], {}, {}, {})
    graded = sorted({result.assignment for result in results if result.outcome != "refused"})
    for assignment in graded:
        here = [result for result in results if result.assignment == assignment and result.student != NOBODY]
        marks = gradebook.class_marks(assignment) if gradebook else {}
        most = {result.notebook: result.max_points for result in here if result.outcome != "refused"}
        most |= {name: found.max_score for notebooks in marks.values() for name, found in notebooks.items()}
        table.possible[assignment] = sum(most.values())
        handed_in: dict[str, list[Result]] = {student: [] for student in students}
        for result in here:
            handed_in[result.student].append(result)
        for student, mine in handed_in.items():
            _add(table, student, assignment, mine, marks.get(safe_name(student), {}))
    return table


def _person(student: str, people: dict[str, Person]) -> Person:
    known = people.get(safe_name(student), Person(student))
    return Person(student, known.first_name, known.last_name, known.email, known.lms_id)


def _add(table: _Class, student: str, assignment: str, results: list[Result], marks: dict[str, Marks]) -> None:
    """Add the student's score and remark for one assignment."""
    graded = [result for result in results if result.outcome != "refused"]
    if marks:
        table.scores[student, assignment] = sum(found.score for found in marks.values())
    elif graded:
        table.scores[student, assignment] = sum(result.points for result in graded)
    counted = {result.notebook for result in graded}  # another file for the same notebook may have been refused
    refused = [result for result in results if result.notebook not in counted]
    words = [f"{result.notebook}: not graded: {'; '.join(result.reasons)}" for result in refused]
    for result in graded:
        missed = [f"{name} {status}" for name, status in result.exercises().items() if status != "passed"]
        words.append(f"{result.notebook}: {', '.join(missed) if missed else 'every exercise passed'}")
    late = sum(found.late_penalty for found in marks.values())
    pending = sum(mark.max_score for found in marks.values() for mark in found.marks.values() if mark.pending)
    words += [f"{number(late)} points taken off for handing in late"] if late else []
    words += [f"{number(pending)} points are still to be given by hand"] if pending else []
    # Moodle shows feedback as HTML, and a reason may quote what a student wrote.
    table.remarks[student, assignment] = ". ".join(words).replace("<", "‹").replace(">", "›").replace("&", "＆")
