"""Runs a notebook's cells in order and reports the values that its checks look at. This is what runs inside a room.

A job is JSON: {"role": "student" | "reference", "lent": {module of internals: source, …},
"steps": [{"kind": "cell" | "check", "id": …, "source": …}, …]}.
Reports are JSON, one a line: {"start": id} before each step and {"id": …, "records": […], "error": …} after it. A
student's checks are probes and record the student's values; the reference's are whole and record expectations too.
Nothing here decides anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from autograder.checks import CheckFailed, attempt, dtype_name, explain_error
from autograder.inputs import Inputs
from autograder.parts.lent import lending
from autograder.values import Array, describe, describe_error, to_json

MAX_RECORD_BYTES = 8_000_000  # of one check, as JSON
MAX_RECORDS = 10_000


class TooMuch(Exception):
    """A check's values are larger than any honest answer's."""


class Recorder(Inputs):
    """Stands where `check` stands in a notebook: writes down values instead of comparing them.

    records: {"site", "occurrence", "values"}, and for the reference "expected" and "options" (hint, atol, rtol).
    """

    def __init__(self) -> None:
        self.records: list[dict] = []
        self._counts: Counter[int] = Counter()
        self._bytes = 0

    def _record(self, site: int, values: list, expected: list, options: dict) -> None:
        record = {"site": site, "occurrence": self._counts[site], "values": [to_json(value) for value in values]}
        self._counts[site] += 1
        if options or expected:
            record |= {"expected": [to_json(value) for value in expected], "options": options}
        self._bytes += len(json.dumps(record["values"]))
        if self._bytes > MAX_RECORD_BYTES or len(self.records) >= MAX_RECORDS:
            raise TooMuch("the values of this check are larger than any answer's")
        self.records.append(record)

    def close(self, value: Any, *expected: Any, site: int, **options: Any) -> None:
        self._record(site, [describe(value)], [describe(e) for e in expected], options)

    equal = below = above = close

    def shape(self, value: Any, *expected: Any, site: int, **options: Any) -> None:
        self._record(site, [_without_data(describe(value))], [tuple(map(int, e)) for e in expected], options)

    def dtype(self, value: Any, *expected: Any, site: int, **options: Any) -> None:
        self._record(site, [_without_data(describe(value))], [dtype_name(e) for e in expected], options)

    def finite(self, value: Any, site: int, **options: Any) -> None:
        self._record(site, [describe(value)], [], options)

    def same(self, value: Any, other: Any, site: int, **options: Any) -> None:
        self._record(site, [describe(value), describe(other)], [], options)

    def raises(self, call: Callable[[], Any], *expected: type, site: int, **options: Any) -> None:
        self._record(site, [attempt(call)], [e.__name__ for e in expected], options)


def _without_data(value: Any) -> Any:
    """A check of a shape or a dtype has no use for the numbers."""
    if isinstance(value, Array):
        return Array(value.library, value.dtype, value.shape, value.device, value.requires_grad, None)
    return value


class Engine:
    """An IPython shell without history, display or colours: a notebook's cells run in it as they would in Jupyter."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        config = Config()
        config.HistoryManager.enabled = False
        self.shell = InteractiveShell(config=config)
        InteractiveShell.clear_instance()
        InteractiveShell._instance = self.shell  # type: ignore[assignment]  # what get_ipython() looks for
        for name in ("showtraceback", "showsyntaxerror", "enable_gui"):  # enable_gui: %matplotlib inline asks for it
            setattr(self.shell, name, lambda *args, **kwargs: None)

    def cell(self, source: str) -> dict | None:
        """Run a cell of the notebook; returns its error, described, or None. Errors are tolerated: checks decide."""
        result = self.shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        return None if error is None else _error(error, "this cell")

    def quiet_cell(self, source: str) -> dict | None:
        """The same, with what the cell prints thrown away."""
        with (
            open(os.devnull, "w", encoding="utf-8") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            return self.cell(source)

    def check(self, name: str, source: str) -> tuple[list[dict], dict | None]:
        """Run a check's probe in the notebook's namespace with `check` recording; returns its records and its error."""
        recorder, names = Recorder(), self.shell.user_ns
        own = names.get("check")
        names["check"] = recorder
        try:
            exec(compile(source, "<check>", "exec"), names)
            error = None
        except BaseException as raised:  # whatever a student's class derives from
            error = _error(raised, name.partition("-")[0])
        finally:
            names["check"] = own
        return recorder.records, error


def _error(error: BaseException, exercise: str) -> dict:
    text = str(error) if isinstance(error, CheckFailed) else explain_error(error, exercise)
    return {"types": list(describe_error(error).types), "text": text[:1000]}


def run(job: dict, send: Callable[[dict], None], engine: Engine | None = None) -> None:
    """Run every step of a job, reporting as it goes."""
    engine = engine or Engine()
    with lending(job.get("lent", {})):
        for step in job["steps"]:
            send({"start": step["id"]})
            if step["kind"] == "check":
                records, error = engine.check(step["exercise"], step["source"])
            else:
                records, error = [], engine.cell(step["source"])
            send({"id": step["id"], "records": records, "error": error})


def main() -> None:
    """A job on stdin, reports on stdout, without a room: for the reference solution and for --no-sandbox."""
    job = json.load(sys.stdin)
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)

    def send(report: dict) -> None:
        channel.write(json.dumps(report) + "\n")
        channel.flush()

    with contextlib.suppress(BrokenPipeError):
        run(job, send)
        send({"end": True})
    os._exit(0)  # threads and exit handlers that the notebook left behind keep nothing open


if __name__ == "__main__":
    main()
