"""Grade the whole suite in one batch, as whoever runs this, and write down what came: `python -m tests.adversarial.driver WORLD OUT`.

WORLD is JSON: where the canaries are. OUT gets JSON: per submission its outcome, statuses, points and words, or what
was raised; and the seconds that the batch took. The course is written, built and prepared here, in a folder of this
user's own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from autograder.grading.exam import Exam, prepare
from autograder.grading.grade import grade
from autograder.grading.result import Result
from autograder.grading.room import Limits
from tests.adversarial import broken, cheats, forging, honest, leftovers, metadata, network, prying, resources, writing
from tests.adversarial.cases import Case
from tests.adversarial.course import IN_THE_ENVIRONMENT, SOURCE
from tests.mini_course import write_course

REPOSITORY = Path(__file__).resolve().parents[2]
LIMITS = Limits(check_seconds=6, total_seconds=20, memory=768 << 20, processes=48, files=128, disk=20_000_000)
FAMILIES = {
    "honest": honest.CASES,
    "broken": broken.CASES,
    "metadata": metadata.CASES,
    "cheats": cheats.CASES,
    "prying": prying.CASES,
    "writing": writing.CASES,
    "resources": resources.CASES,
    "network": network.CASES,
    "forging": forging.CASES,
    "leftovers": leftovers.CASES,
}
BATCH_SECONDS = 600  # for the whole suite on two cores; it must end, whatever is in it


def in_order() -> list[Case]:
    """What leaves something first, what looks for it last, the rest between with honest work spread over it."""
    rest = [case for name in FAMILIES if name not in ("honest", "leftovers") for case in FAMILIES[name]]
    every = max(1, len(rest) // len(honest.CASES))
    mixed: list[Case] = []
    waiting = list(honest.CASES)
    for number, case in enumerate(rest):
        if number % every == 0 and waiting:
            mixed.append(waiting.pop(0))
        mixed.append(case)
    return [*leftovers.LEAVERS, *mixed, *waiting, *leftovers.FINDERS]


def world_of(exam: Exam, root: Path, canaries: dict) -> dict:
    """What a submission may aim at: see `fill`."""
    checks = {place.cell.exercise + "_check": place.id for place in exam.of_kind("check")}
    return {
        **canaries,
        **checks,
        "released": exam.released_json,
        "instructor": exam.instructor_json,
        "root": str(root),
        "repository": str(REPOSITORY),
        "home": os.path.expanduser("~"),
        "disk": LIMITS.disk,
        "memory": LIMITS.memory,
        "processes": LIMITS.processes,
        "files": LIMITS.files,
    }


_exams: list[Exam] = []


def begin(exam: Exam) -> None:
    _exams.append(exam)


def grade_one(name: str, data: bytes, sandbox: bool) -> Result:
    return grade(data, name, _exams[0], LIMITS, sandbox)


def plain(result: Result) -> dict:
    return {
        "outcome": result.outcome,
        "exercises": result.exercises(),
        "points": result.points,
        "max_points": result.max_points,
        "words": [*(check.message for check in result.checks), *result.reasons],
        "notebook": result.notebook_json,
        "seconds": result.seconds,
    }


def run(canaries: dict, names: list[str] | None = None, workers: int = 2, sandbox: bool = True, seconds: float = BATCH_SECONDS) -> dict:
    """Grade the suite, or the submissions of these names, in a pool; what was raised stands in a result's place.

    A batch that does not end in time is ended by killing its workers: what was not graded then says BrokenProcessPool."""
    os.environ["ADVERSARIAL_CANARY"] = IN_THE_ENVIRONMENT
    with tempfile.TemporaryDirectory(prefix="adversarial-course-") as folder:
        course = write_course(Path(folder), SOURCE)
        exam = prepare(course, course.notebooks[0])
        world = world_of(exam, Path(folder), canaries)
        chosen = [case for case in in_order() if names is None or case.name in names]
        begun = time.monotonic()
        results = {}
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, begin, (exam,)) as pool:
            late = threading.Timer(seconds, lambda: [worker.kill() for worker in list(pool._processes.values())])
            late.start()
            futures = {case.name: pool.submit(grade_one, case.name, case.make(world), sandbox) for case in chosen}
            for name, future in futures.items():
                try:
                    results[name] = plain(future.result())
                except BaseException as error:
                    results[name] = {"raised": f"{type(error).__name__}: {error}"[:500]}
            late.cancel()
        return {"uid": os.getuid(), "seconds": time.monotonic() - begun, "results": results}


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    came = run(options["canaries"], options.get("names"), options.get("workers", 2), options.get("sandbox", True), options.get("seconds", BATCH_SECONDS))
    Path(sys.argv[2]).write_text(json.dumps(came), encoding="utf-8")
