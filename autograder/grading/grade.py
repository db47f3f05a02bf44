"""Grade one submission: bytes in, a Result out. No database, no shared folder."""

from __future__ import annotations

import ast
import json
import time

from autograder.checks import failure
from autograder.forbidden import imported, used
from autograder.grading.exam import Exam, Place, step
from autograder.grading.judge import Verdict, decide
from autograder.grading.result import CheckResult, Result, readable
from autograder.grading.room import run_job
from autograder.grading.submission import Graft, Refused, graft, read
from autograder.limits import Limits
from autograder.source import bound

LOST = {  # how a room ended early, in the student's terms
    "timed out": "it did not finish in time: does every loop end?",
    "out of memory": "it used more memory than a submission may: is something large kept, or copied again and again?",
    "died": "it ended the process: is something called that exits, or that crashes?",
}
MAX_ROOMS = 40  # a submission whose every check kills its room still ends


def grade(data: bytes, student: str, exam: Exam, limits: Limits | None = None, sandbox: bool = True) -> Result:
    """Grade one submitted notebook. Whatever is wrong with it ends in the Result, nothing is raised for it.

    limits: what it may use, None for the notebook's own in course.toml. Raises CourseError where no room can be had.
    """
    begun = time.monotonic()
    notebook = exam.notebook
    try:
        grafted = graft(read(data), exam)
    except Refused as refusal:
        return Result(
            student,
            notebook.module,
            notebook.name,
            "refused",
            reasons=(str(refusal),),
            seconds=time.monotonic() - begun,
        )
    verdicts = _not_attempted(grafted, exam) | forbidden_verdicts(grafted, exam)
    flags = list(grafted.flags)
    verdicts |= _run(grafted, exam, set(verdicts), limits or notebook.limits, sandbox, flags)
    flags += [f"{name}: {verdict.flag}" for name, verdict in verdicts.items() if verdict.flag]
    flags = list(dict.fromkeys(flags))
    checks = tuple(_result(place, verdicts[place.id]) for place in exam.of_kind("check"))
    return Result(
        student,
        notebook.module,
        notebook.name,
        "flagged" if flags else "graded",
        checks,
        (*flags, *grafted.notes),
        _notebook(grafted, exam),
        time.monotonic() - begun,
    )


def _result(place: Place, verdict: Verdict) -> CheckResult:
    points = float(place.cell.meta["points"])
    earned = points if verdict.status == "passed" else 0.0
    message = readable(verdict.message)
    return CheckResult(place.id, place.cell.name, place.cell.exercise, earned, points, verdict.status, message)


def steps_of(grafted: Graft, exam: Exam) -> list[dict]:
    """The room's job: given cells, answers and added cells in order, checks as probes; no demos, no essays."""
    steps = [_added(number, source) for number, source in enumerate(grafted.added.get("", ()))]
    for place in exam.places:
        if place.kind == "given":
            steps.append(step(place, place.cell.source))
        elif place.kind == "exercise":
            steps.append(step(place, grafted.answers.get(place.id, place.released)))
        elif place.kind == "check":
            steps.append(step(place, exam.splits[place.id].probe))
        steps += [
            _added(f"{place.id}-{number}", source) for number, source in enumerate(grafted.added.get(place.id, ()))
        ]
    return steps


def _added(number: object, source: str) -> dict:
    return {"kind": "cell", "id": f"added-{number}", "exercise": "", "source": source}


def _run(
    grafted: Graft, exam: Exam, decided: set[str], limits: Limits, sandbox: bool, flags: list[str]
) -> dict[str, Verdict]:
    """Run the job, in a new room after each one that ended early, without the step that ended it."""
    reports: dict[str, dict] = {}
    lost: dict[str, str] = {}  # step id → timed out, died
    steps = [s for s in steps_of(grafted, exam) if s["id"] not in decided]
    known = {s["id"] for s in steps}

    def receive(report: dict, in_turn: bool) -> None:
        name = report["id"]
        if in_turn:
            reports[name] = report
            return
        named = isinstance(name, str) and name in known
        flags.append(f"{name if named else 'what no check asked for'}: reported by the room out of turn")
        if named and name in reports and name in checks:
            reports[name] = {"id": name, "records": None}  # said twice, and one of the two is forged: neither counts

    checks = {s["id"] for s in steps if s["kind"] == "check"}
    for _ in range(MAX_ROOMS):
        todo = [s for s in steps if s["id"] not in lost and not (s["kind"] == "check" and s["id"] in reports)]
        if not any(s["kind"] == "check" for s in todo):
            break
        ended = run_job(
            {
                "role": "student",
                "lent": exam.lent,
                "steps": [{key: s[key] for key in ("kind", "id", "exercise", "source")} for s in todo],
            },
            limits,
            receive,
            sandbox,
        )
        if ended.how == "finished":
            break
        lost[ended.step] = ended.how
        exercise = next(s["exercise"] for s in steps if s["id"] == ended.step)
        if exercise and (ended.how == "timed out" or ended.step not in checks):
            lost |= {  # its other checks would end the same way
                s["id"]: ended.how
                for s in steps
                if s["kind"] == "check" and s["exercise"] == exercise and s["id"] not in reports
            }
    return {
        place.id: _verdict(place, exam, reports, lost, grafted) for place in exam.of_kind("check") if place.id in checks
    }


def _verdict(place: Place, exam: Exam, reports: dict[str, dict], lost: dict[str, str], grafted: Graft) -> Verdict:
    answer = next(p for p in exam.of_kind("exercise") if p.cell.name == place.cell.exercise)
    title = place.cell.name
    for name in (place.id, answer.id):
        if name in lost and place.id not in reports:
            return Verdict(lost[name], failure(title, LOST[lost[name]]))
    report = reports.get(place.id)
    if report is None:
        return Verdict("died", failure(title, "the process ended before this check ran"))
    error = reports.get(answer.id, {}).get("error")
    came = report.get("error")
    if isinstance(error, dict) and isinstance(came, dict) and came.get("types") and "NameError" in came["types"]:
        report = {**report, "error": error}  # the cell that should define it did not run: say that instead
    return decide(title, exam.expectations[place.id], report)


def _not_attempted(grafted: Graft, exam: Exam) -> dict[str, Verdict]:
    """The checks of exercises that nobody touched; none where cells were added, for those may hold the answer."""
    if any(grafted.added.values()):
        return {}
    untouched = {place.cell.name for place in exam.of_kind("exercise") if not grafted.attempted(place)}
    words = "not written yet: {} still raises NotImplementedError"
    return {
        place.id: Verdict("not attempted", failure(place.cell.name, words.format(place.cell.exercise)))
        for place in exam.of_kind("check")
        if place.cell.exercise in untouched
    }


def forbidden_verdicts(grafted: Graft, exam: Exam) -> dict[str, Verdict]:
    """The checks of exercises whose answer calls what is forbidden, itself or through what the student added."""
    added = [tree for sources in grafted.added.values() for source in sources if (tree := _tree(source))]
    imports = dict(exam.imports)
    for tree in added:
        imports |= imported(tree)
    verdicts: dict[str, Verdict] = {}
    for place in exam.of_kind("exercise"):
        tree = _tree(grafted.answers.get(place.id, "")) if place.cell.forbid else None
        if tree is None:
            continue
        reached = ast.Module([*tree.body, *_reached(tree, added)], [])
        for name in used(reached, imports, place.cell.forbid)[:1]:
            reason = f"{place.cell.name} may not call {name}: write it yourself"
            for check in exam.of_kind("check"):
                if check.cell.exercise == place.cell.name:
                    verdicts[check.id] = Verdict("failed", failure(check.cell.name, reason))
    return verdicts


def _tree(source: str) -> ast.Module | None:
    """A cell's syntax tree as IPython would run it, magics and shell lines included; None for one that cannot run."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _reached(answer: ast.Module, added: list[ast.Module]) -> list[ast.stmt]:
    """The statements of added cells that an answer's names lead to, directly or through each other."""
    statements = [(bound(ast.Module([s], [])), s) for tree in added for s in tree.body]
    reached: list[ast.stmt] = []
    waiting: list[ast.AST] = [answer]
    while waiting:
        names = {node.id for node in ast.walk(waiting.pop()) if isinstance(node, ast.Name)}
        more = [s for binds, s in statements if binds & names and s not in reached]
        reached += more
        waiting += more
    return reached


def _notebook(grafted: Graft, exam: Exam) -> str:
    """The pristine instructor notebook with the answers in their places and the added cells between."""
    notebook = json.loads(exam.instructor_json)
    cells = [_added_cell(f"added-{n}", source) for n, source in enumerate(grafted.added.get("", ()))]
    for place, cell in zip(exam.places, notebook["cells"], strict=True):
        if place.kind in ("exercise", "essay"):
            cell["source"] = grafted.answers.get(place.id, place.released)
        cells.append(cell)
        cells += [
            _added_cell(f"added-{place.id}-{n}"[-64:], source)
            for n, source in enumerate(grafted.added.get(place.id, ()))
        ]
    notebook["cells"] = cells
    return json.dumps(notebook, ensure_ascii=False)


def _added_cell(name: str, source: str) -> dict:
    return {"cell_type": "code", "id": name, "metadata": {}, "source": source, "execution_count": None, "outputs": []}
