"""Forged results: what a student's process can say on the channel through which its records leave the room."""

from __future__ import annotations

import json
from typing import Any

from tests.adversarial.cases import Case, answers

# A process of the room owns the writing end of the channel; nothing can hide it, so nothing said on it is believed.
CHANNEL = """
import fcntl, json, os, stat, sys, threading, time
def channel():
    for fd in range(3, 256):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode) and fcntl.fcntl(fd, fcntl.F_GETFL) & 3 == os.O_WRONLY:
                return fd
        except OSError:
            pass
    raise AssertionError("this attack no longer finds the channel")
def say(*reports):
    for report in reports:
        line = report if isinstance(report, bytes) else json.dumps(report).encode() + b"\\n"
        while line:
            line = line[os.write(channel(), line):]
channel()
"""


def number(value: float) -> list:
    return ["float", value.hex()]


def report(name: str, *values: Any, error: Any = None) -> dict:
    """What an honest room would say of a check: one record for each place where it looks at a value."""
    records = [{"site": site, "occurrence": 0, "values": [value]} for site, value in enumerate(values)]
    return {"id": name, "records": records, "error": error}


HALVE, ROOT = "@HALVE_CHECK@", "@ROOT_CHECK@"
GOOD = report(HALVE, number(3.5), number(6.5))
RAISED = ["raised", ["ValueError", "Exception", "BaseException"], "no"]
WRONG = "def halve(x):\n    return 0.0"
RIGHT = "def halve(x):\n    return x / 2"


def forged(name: str, cell: str, body: str, outcome: str = "graded", status: str = "failed", points: float | None = None) -> Case:
    """An answer whose cell runs `cell` and whose function runs `body`, with the channel at hand."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    source = f"{CHANNEL}{cell}\ndef halve(x):\n{lines}"
    return answers(name, outcome, {} if status == "passed" else {"halve": status}, points, halve=source)


def nasty(name: str, what: Any, check: str = HALVE) -> Case:
    """One report that no honest room sends, then silence: the check fails, and whoever reads it survives."""
    line = what if isinstance(what, bytes) else json.dumps(what).encode() + b"\n"
    exercise = "halve" if check == HALVE else "root"
    source = f"{CHANNEL}\ndef {exercise}(x):\n    say({line!r})\n    os._exit(0)"
    outcome = "flagged" if name == "places that do not exist" else "graded"
    return answers(f"a report with {name}", outcome, {exercise: "failed"}, **{exercise: source})


def records(*values: Any) -> dict:
    return {**report(HALVE, *values), "error": None}


NASTY = {
    "records that are a number": {"id": HALVE, "records": 5, "error": None},
    "records of numbers": {"id": HALVE, "records": [5], "error": None},
    "no records and an error that is a list": {"id": HALVE, "records": [], "error": [1]},
    "an error without words": {"id": HALVE, "records": [], "error": {"types": [], "text": 7}},
    "an error of numbers": {"id": HALVE, "records": [], "error": {"types": 5, "text": "x"}},
    "an error that is not written yet": {"id": HALVE, "records": [], "error": {"types": ["KeyError"], "text": "not written yet"}},
    "an error of a megabyte": {"id": HALVE, "records": [], "error": {"types": ["E" * 1_000_000], "text": "t" * 1_000_000}},
    "half a surrogate pair": {"id": HALVE, "records": [], "error": {"types": ["\ud800"], "text": "\ud800\x00\x1b[2J"}},
    "sites that are truth values": {"id": HALVE, "records": [{"site": True, "occurrence": False, "values": [number(3.5)]}], "error": None},
    "a negative site": {"id": HALVE, "records": [{"site": -1, "occurrence": 0, "values": [number(3.5)]}], "error": None},
    "one place twice": {**GOOD, "records": GOOD["records"] * 2},
    "places that do not exist": {**GOOD, "records": [*GOOD["records"], {"site": 99, "occurrence": 0, "values": [number(1.0)]}]},
    "the hidden place missing": report(HALVE, number(3.5)),
    "a guess at the hidden place": report(HALVE, number(3.5), number(3.5)),
    "three values in one place": {"id": HALVE, "records": [{"site": 0, "occurrence": 0, "values": [number(3.5)] * 3}], "error": None},
    "no value in one place": {"id": HALVE, "records": [{"site": 0, "occurrence": 0, "values": []}], "error": None},
    "nan": records(["float", "nan"], ["float", "nan"]),
    "infinity": records(["float", "inf"], ["float", "inf"]),
    "a number as text": records(["float", "3.5e400"], ["float", 3.5]),
    "an integer of a million digits": records(["int", "0x" + "f" * 1_000_000], number(6.5)),
    "an unknown tag": records(["pickle", "gASVAA=="], number(6.5)),
    "a tag that is a list": records([["float"], "3.5"], number(6.5)),
    "an array larger than its bytes": records(["array", "torch", "float32", [10**9, 10**9], "cpu", False, "float32", ""], number(6.5)),
    "an array of no bytes and an endless shape": records(["array", "torch", "float32", [0, 10**30], "cpu", False, "float32", ""], number(6.5)),
    "an array of negative shape": records(["array", "numpy", "float64", [-1, -1], "cpu", False, "float64", "AAAAAAAA8D8="], number(6.5)),
    "an array of objects": records(["array", "numpy", "object", [1], "cpu", False, "object", "AAAAAAAA8D8="], number(6.5)),
    "an array without data": records(["array", "torch", "float32", [], "cpu", False, "", None], number(6.5)),
    "a NumPy number with a shape": records(["array", "numpy scalar", "float64", [2], "cpu", False, "float64", "AAAAAAAA8D8AAAAAAADwPw=="], number(6.5)),
    "an unknown object": records(["other", "x" * 1_000_000, "y"], number(6.5)),
    "a dict with keys that are dicts": records(["dict", [[["dict", []], ["none"]]]], number(6.5)),
    "a value nested two hundred times": records(json.loads('["list",[' * 200 + '["none"]' + "]]" * 200), number(6.5)),
}  # fmt: skip

NASTY_ROOT = {
    "an exception without names": [["raised", [], ""], number(1.5), number(0.25)],
    "an exception whose names are numbers": [["raised", [1, 2], ""], number(1.5), number(0.25)],
    "an exception with every name": [["raised", ["Mine"] * 100_000, "x" * 1_000_000], number(1.5), number(0.25)],
}

BYE = "os._exit(0)"
SLOW_ROOT = "import time\ntime.sleep(0.8)\ndef root(x):\n    if x < 0: raise ValueError\n    return x ** 0.5"
TWICE = """
import autograder.grading.engine as e
record, said = e.Recorder._record, []
def twice(self, site, *a):
    record(self, site, *a)
    if site == 1 and not said:
        said.append(site)
        record(self, site, *a)
e.Recorder._record = twice
"""
CASES = [
    forged("right values said before the check runs", f"say({GOOD!r})", "return 0.0", "flagged"),
    forged("right values said while the check runs", "", f"say({GOOD!r})\nreturn 0.0", "flagged"),
    answers("right values said by a thread, as the last word", "flagged", {"halve": "failed"}, halve=f"{CHANNEL}\ndef halve(x):\n    threading.Timer(0.3, say, ({GOOD!r},)).start()\n    return 0.0", root=SLOW_ROOT),
    answers("right values said by a later cell", "flagged", {"halve": "failed"}, halve=WRONG, root=f"{CHANNEL}say({GOOD!r})\ndef root(x):\n    if x < 0: raise ValueError\n    return x ** 0.5"),
    answers("right values said for a later exercise", "flagged", {"root": "failed"}, halve=f"{CHANNEL}say({report(ROOT, RAISED, number(1.5), number(0.25))!r})\n{RIGHT}", root="def root(x):\n    return 0.0"),
    forged("a report of a check that does not exist", f"say({report('nonsense', number(1.0))!r})", "return x / 2", "flagged", "passed"),
    forged("a report of a check under an answer's name", f"say({report('root', number(1.0))!r})", "return x / 2", "flagged", "passed"),
    forged("the rest of the notebook run by a forked twin first", "", "pid = os.fork()\nif pid: os.waitpid(pid, 0)\nreturn x / 2", status="passed"),
    answers("a record too many", "flagged", {"halve": "failed"}, halve=TWICE + RIGHT),
    forged("lines that are no reports", "say(b'\\n', b'[]\\n', b'null\\n', b'3\\n', b'\\xff\\xfe\\n', b'{\\n', b'\"' + b'x' * 100000 + b'\"\\n', b'[' * 100000 + b'\\n', b'9' * 100000 + b'\\n', b'{\"a\": NaN}\\n')", "return x / 2", status="passed"),
    forged("a report that never ends its line", "", f"say(b'{{\"id\"')\n{BYE}", status="died"),
    forged("eighty megabytes of lines", "", "for n in range(80): say(b'x' * 999999 + b'\\n')\nreturn x / 2", status="died"),
    forged("eighty megabytes without a line", "", "for n in range(80): say(b'x' * 1000000)\nreturn x / 2", status="died"),
    forged("fifty thousand short lines", "", "for n in range(5): say(b'{}\\n' * 10000)\nreturn x / 2", status="passed"),
    forged("the end announced too early", "", f"say({{'end': True}})\n{BYE}", status="died"),
    forged("the end announced by a cell", f"say({{'end': True}})\n{BYE}", "return x / 2", status="died"),
    forged("the channel closed", "", "os.close(channel())\ntime.sleep(60)\nreturn x / 2", status="timed out"),
    forged("the channel replaced", "", "os.dup2(os.open('/dev/null', os.O_WRONLY), channel())\ntime.sleep(60)\nreturn x / 2", status="timed out"),
    forged("another beginning, then gone", "", f"say({{'start': 'start'}})\ntime.sleep(0.3)\n{BYE}", status="died"),
    forged("a room that claims to be broken", "", f"say({{'broken': 'no room'}})\n{BYE}", status="died"),
    forged("another beginning and a room that claims to be broken", "", f"say({{'start': 'start'}}, {{'broken': 'no room'}})\n{BYE}", status="died"),
    forged("a new beginning every moment, for more time", "", f"while True:\n    say({{'start': '{HALVE}'}})\n    time.sleep(0.1)", status="timed out"),
    forged("the very first beginning every moment, for time without end", "", f"while True:\n    say({{'start': 'start'}}, {{'start': '{HALVE}'}})\n    time.sleep(0.1)", status="timed out"),
    forged("a step that does not exist, then gone", "", f"say({{'start': 'nowhere'}})\n{BYE}", status="died"),
    forged("beginnings that are no text", "say({'start': None}, {'start': []}, {'start': {'a': 1}}, {'start': 3})", "return x / 2", status="passed"),
    forged("a descriptor handed to a child that outlives it", "", "if os.fork() == 0:\n    os.setsid()\n    time.sleep(3600)\n    os._exit(0)\nreturn x / 2", status="passed"),
    answers("an error that spoils the reading of another", "flagged", statuses={"halve": "failed"},
            halve=f"{CHANNEL}def halve(x):\n    say({{'id': 'halve', 'records': [], 'error': {{'types': ['NameError'], 'text': 'x'}}}}, {{'id': '{HALVE}', 'records': [], 'error': {{'types': 5, 'text': 'x'}}}})\n    os._exit(0)"),
    *(nasty(name, what) for name, what in NASTY.items()),
    *(nasty(name, report(ROOT, *values), ROOT) for name, values in NASTY_ROOT.items()),
]  # fmt: skip
