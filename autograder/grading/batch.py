"""Grade what a class handed in: on many workers, one writer for gradebook, feedback and grades.csv.

Each result is in the journal before it is anywhere else, so a run that is killed and started again ends as if nothing
had happened. Results do not depend on the order of the work or on who did it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import Progress

from autograder.course import Course, CourseError
from autograder.grading.codec import from_text
from autograder.grading.commit import Committer, Graded
from autograder.grading.exam import Exam, prepare
from autograder.grading.intake import Handed, find
from autograder.grading.journal import Journal, digest, grader_version, key_of, sweep
from autograder.grading.judge import run_apart, run_in_room
from autograder.grading.regrade import read_held
from autograder.grading.remote import close_children, grade_apart, pack
from autograder.grading.result import Result
from autograder.grading.submission import Refused
from autograder.grading.table import console, show
from autograder.grading.walls import require_sandbox

AT_ONCE = 256  # submissions that have been read and are with a worker, or wait for one


@dataclass(frozen=True)
class Work:
    """How to grade. exams: by the notebook's name. again: take nothing from the journal."""

    exams: dict[str, Exam]
    sandbox: bool = True
    again: bool = False


@contextmanager
def local(workers: int | None = None) -> Iterator[Executor]:
    """An executor with so many workers on this machine, each with a process of its own; None: one a core."""
    executor = ThreadPoolExecutor(workers or os.cpu_count())  # a thread a process: it waits for the process's answers
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        close_children()


def refused(handed: Handed, reason: str) -> Result:
    """The result of what cannot be graded."""
    notebook = handed.notebook
    module, name = (notebook.module, notebook.name) if notebook else ("", Path(handed.name).stem)
    return Result(handed.student, module, name, "refused", reasons=(*handed.notes, reason))


def grade_all(
    submissions: Sequence[Handed], work: Work, executor: Executor, journal: Journal | None = None
) -> Iterator[Graded]:
    """Every submission's result, as they are done; what the journal holds is not graded again.

    Raises CourseError where nothing can be graded: no room opens, the cluster is lost.
    """
    packed = {name: pack(exam) for name, exam in work.exams.items()}
    running: dict[Future[str], tuple[Handed, str, str]] = {}
    counted = {(handed.student, handed.notebook) for handed in submissions if handed.notebook and not handed.problem}
    try:
        for handed in submissions:
            notebook = handed.notebook
            if handed.problem or notebook is None:
                reason = handed.problem or "no notebook of the course has this name and folder; rename it"
                yield _graded(handed, refused(handed, reason), beside=(handed.student, notebook) in counted)
                continue
            try:
                data = handed.read()
            except Refused as refusal:
                yield _graded(handed, refused(handed, str(refusal)))
                continue
            exam, limits = work.exams[notebook.name], notebook.limits
            key = key_of(data, handed.student, exam, limits, work.sandbox)
            known = journal.find(key) if journal and not work.again else None
            if known:
                yield _graded(handed, _noted(known, handed), digest(data), key)
                continue
            future = executor.submit(
                grade_apart, grader_version(), packed[notebook.name], data, handed.student, limits, work.sandbox
            )
            running[future] = (handed, digest(data), key)
            while len(running) >= AT_ONCE:
                yield from _finished(running, journal)
        while running:
            yield from _finished(running, journal)
    except BaseException:
        for future in running:
            future.cancel()
        raise


def _graded(handed: Handed, result: Result, digest: str = "", key: str = "", beside: bool = False) -> Graded:
    return Graded(result, digest, key, handed.timestamp if digest else "", beside, handed.lms_id)


def _noted(result: Result, handed: Handed) -> Result:
    """The result with what was put right before it could be graded."""
    return replace(result, reasons=(*handed.notes, *result.reasons))


def _finished(running: dict[Future[str], tuple[Handed, str, str]], journal: Journal | None) -> Iterator[Graded]:
    """The results that are done by now, at least one, in the journal."""
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        handed, hashed, key = running.pop(future)
        try:
            text = future.result()
        except CourseError:
            raise
        except (CancelledError, OSError) as error:
            raise CourseError(f"the workers were lost ({type(error).__name__}); run again to go on from here") from None
        except Exception as error:  # this submission's alone, and not kept: another run tries again
            reason = f"could not be graded, which is not the student's fault: {error}; run again, or report it"
            yield _graded(handed, refused(handed, reason.replace("\n", " ")))
            continue
        if journal:
            journal.add(key, text)
        yield _graded(handed, _noted(from_text(Result, text), handed), hashed, key)


def grade_folder(
    course: Course,
    folder: Path,
    sandbox: bool = True,
    db: str | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    yes: bool = False,
    again: bool = False,
) -> int:
    """Grade what is in a folder or file into the gradebook, feedback pages and grades.csv, and print a table.

    cluster: a Dask scheduler's address, for workers elsewhere. yes: commit results that change a grade. again: grade
    anew what has been graded before. Returns 1 where changes wait for `yes`, else 0. Raises CourseError.
    """
    submissions = find(course, folder)
    if sandbox and not cluster:
        require_sandbox()
    build = course.root / "build"
    url = db or f"sqlite:///{build / 'gradebook.db'}"
    journal = Journal(build / "journal")
    with journal.locked(), Progress(console=console, transient=True) as progress:
        sweep(build)
        chosen = [n for n in course.notebooks if any(h.notebook == n and not h.problem for h in submissions)]
        run = run_in_room if sandbox and not cluster else run_apart
        exams = {n.name: prepare(course, n, run) for n in progress.track(chosen, description="reference solutions")}
        held = read_held(url, course.id, {n.module for n in chosen})
        work = Work(exams, sandbox, again)
        with Committer(course, url, exams, held, journal, yes) as committer, _workers(workers, cluster) as executor:
            bar = progress.add_task("submissions", total=len(submissions))
            for graded in grade_all(submissions, work, executor, journal):
                committer.take(graded)
                progress.advance(bar)
            committer.finish()
    show(committer, db or "build/gradebook.db")
    return 1 if committer.held_back else 0


def _workers(workers: int | None, address: str | None) -> AbstractContextManager[Executor]:
    if address is None:
        return local(workers)
    from autograder.grading.cluster import cluster

    return cluster(address)
