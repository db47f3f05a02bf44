"""Decide what recorded values are worth. Never runs a student's code, never unpickles, never sees a room.

The reference solution runs once per notebook (`expect`) and leaves what each verb expects, in the order of execution;
`decide` compares one check's report with that.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autograder import compare
from autograder.checks import failure, success
from autograder.course import CourseError
from autograder.grammar import Site, Split
from autograder.limits import Limits
from autograder.values import BadRecord, Raised, from_json

Runner = Callable[[dict], tuple[list[dict], str]]  # a job → its reports, and what went wrong
TOO_MANY = "more values were recorded than this check looks at"
HIDDEN = "right on the inputs shown, wrong on others: does it do what the statement says for every input?"


@dataclass(frozen=True)
class Expectation:
    """What one call of a verb expects. expected and options: plain values."""

    site: int
    occurrence: int
    verb: str
    hidden: bool
    expected: Any
    options: dict


@dataclass(frozen=True)
class Verdict:
    """What one check comes to. status: as in `autograder.grading.result`. message: what the student is shown. flag: why
    a person should look, "" for no reason."""

    status: str
    message: str
    flag: str = ""


def reference_job(cells: list[dict], splits: dict[str, Split], lent: dict[str, str]) -> dict:
    """The job that runs the reference: cells as {"kind", "id", "exercise", "source"}, checks whole."""
    steps = [{**cell, "source": splits[cell["id"]].whole} if cell["kind"] == "check" else cell for cell in cells]
    return {"role": "reference", "lent": lent, "steps": steps}


def run_apart(job: dict, timeout: float = 600) -> tuple[list[dict], str]:
    """Run a job in a process of its own; returns its reports and the end of what it wrote to stderr."""
    process = subprocess.run(
        [sys.executable, "-m", "autograder.grading.engine"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return [json.loads(line) for line in process.stdout.splitlines()], process.stderr.strip()[-300:]


def run_in_room(job: dict) -> tuple[list[dict], str]:
    """The same in a room of the warm server, which has imported everything; apart where that does not work."""
    from autograder.grading.room import run_job

    reports: list[dict] = []
    generous = Limits(check_seconds=600, total_seconds=600, memory=16 << 30, disk=1 << 30)
    ended = run_job(job, generous, lambda report, in_turn: reports.append(report))
    return (reports, "") if ended.how == "finished" else run_apart(job)


def expect(
    cells: list[dict], splits: dict[str, Split], lent: dict[str, str], run: Runner = run_apart
) -> dict[str, list[Expectation]]:
    """Run the reference solution; returns each check's expectations in order of execution.

    lent: the modules of `internals` that it runs with. run: where, `run_apart` or `run_in_room`. Raises CourseError
    where a cell fails or the reference does not pass its own checks.
    """
    reports, errors = run(reference_job(cells, splits, lent))
    ended = {report["id"]: report for report in reports if "id" in report}
    expectations: dict[str, list[Expectation]] = {}
    for cell in cells:
        report = ended.get(cell["id"])
        if report is None or report["error"]:
            problem = report["error"]["text"] if report else f"the process ended: {errors}"
            raise CourseError(f"the reference solution fails in {cell['id']}: {problem}")
        if cell["kind"] == "check":
            sites = splits[cell["id"]].sites
            expectations[cell["id"]] = [_expectation(record, sites) for record in report["records"]]
            verdict = decide(cell["title"], expectations[cell["id"]], report)
            if verdict.status != "passed":
                raise CourseError(f"the reference solution does not pass its own check:\n{verdict.message}")
    return expectations


def _expectation(record: dict, sites: tuple[Site, ...]) -> Expectation:
    site = sites[record["site"]]
    expected = [from_json(node) for node in record.get("expected", ())]
    return Expectation(
        record["site"],
        record["occurrence"],
        site.verb,
        site.hidden,
        expected[0] if expected else None,
        record.get("options", {}),
    )


def decide(title: str, expectations: list[Expectation], report: dict) -> Verdict:
    """Compare one check's report with its expectations: the first thing that is wrong, in the words of the notebook."""
    try:
        came = _values(report)
    except BadRecord as problem:
        return Verdict("failed", failure(title, f"the recorded values cannot be read: {problem}"))
    error = report.get("error")
    for expectation in expectations:
        key = (expectation.site, expectation.occurrence)
        if key not in came:
            return _stopped(title, error, expectation.hidden)
        problem_line = _compare(expectation, came.pop(key))
        if problem_line == NOT_WRITTEN:
            return Verdict(
                "not attempted",
                failure(title, f"not written yet: {title.partition(':')[0]} still raises NotImplementedError"),
            )
        if problem_line:
            hint = expectation.options.get("hint", "")
            return Verdict(
                "failed", failure(title, HIDDEN) if expectation.hidden else failure(title, problem_line, hint)
            )
    if error:
        return _stopped(title, error, any(e.hidden for e in expectations))
    if came:
        return Verdict("failed", failure(title, TOO_MANY), TOO_MANY)
    return Verdict("passed", success(title))


NOT_WRITTEN = "not written yet"


def _stopped(title: str, error: Any, hidden: bool) -> Verdict:
    """A check that ended before all its values were there."""
    if not isinstance(error, dict):
        return Verdict("failed", failure(title, "the check did not run to its end"))
    types, text = error.get("types"), error.get("text")
    if not (isinstance(types, list) and types and isinstance(types[0], str) and isinstance(text, str)):
        return Verdict("failed", failure(title, "the check did not run to its end"))
    if types[0] == "NotImplementedError" and text.startswith(NOT_WRITTEN):
        return Verdict("not attempted", failure(title, text[:300]))
    if hidden:
        return Verdict("failed", failure(title, f"right on the inputs shown, raises {types[0][:60]} on others"))
    return Verdict("failed", failure(title, text[:1000]))


def _values(report: dict) -> dict[tuple[int, int], list]:
    """The recorded values by site and occurrence. Raises BadRecord for anything that does not fit the schema."""
    records = report.get("records")
    if not isinstance(records, list):
        raise BadRecord("no list of records")
    values: dict[tuple[int, int], list] = {}
    for record in records:
        if (
            not isinstance(record, dict)
            or type(record.get("site")) is not int
            or type(record.get("occurrence")) is not int
            or not isinstance(record.get("values"), list)
            or len(record["values"]) > 2
        ):
            raise BadRecord("a record without its place or values")
        key = (record["site"], record["occurrence"])
        if key in values:
            raise BadRecord("two records for one place")
        values[key] = [from_json(node) for node in record["values"]]
    return values


def _compare(expectation: Expectation, values: list) -> str | None:
    verb, expected = expectation.verb, expectation.expected
    tolerances = {key: value for key, value in expectation.options.items() if key in ("atol", "rtol")}
    if len(values) != (2 if verb == "same" else 1):
        return "the recorded values do not fit this check"
    if verb == "raises" and isinstance(values[0], Raised) and values[0].types[:1] == ("NotImplementedError",):
        return NOT_WRITTEN
    if verb in ("close", "same"):
        return getattr(compare, verb)(values[0], values[1] if verb == "same" else expected, **tolerances)
    return compare.finite(values[0]) if verb == "finite" else getattr(compare, verb)(values[0], expected)
