"""Opening nbgrader's gradebook, and its errors in one line each."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from nbgrader.api import Gradebook
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from autograder.course import CourseError


class GradebookError(CourseError):
    """The gradebook cannot do what was asked: one line that says what is wrong and what to do."""


def open_gradebook(db_url: str, course_id: str) -> Gradebook:
    """nbgrader's gradebook, created where it does not exist. Raises GradebookError."""
    try:
        url = make_url(db_url)
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
        if url.drivername in ("postgres", "postgresql"):  # the driver that we install, whatever SQLAlchemy prefers
            url = url.set(drivername="postgresql+psycopg")
        with _interpreter_on_path():
            book = Gradebook(url.render_as_string(hide_password=False), course_id)
    except FileNotFoundError as error:
        raise GradebookError(f"{error.filename} not found: a new gradebook needs it; install nbgrader again") from error
    except ModuleNotFoundError as error:
        driver = "psycopg[binary]" if error.name == "psycopg" else error.name
        raise GradebookError(f"the gradebook {url_shown(db_url)} needs a driver: pip install '{driver}'") from error
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise GradebookError(f"cannot open the gradebook {url_shown(db_url)}: {_line(error)}") from error
    if book.engine.dialect.name == "sqlite":  # wait for a formgrader that is writing, longer than five seconds
        event.listen(book.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 30000"))
        book.engine.dispose()
    return book


@contextlib.contextmanager
def _interpreter_on_path() -> Iterator[None]:
    """nbgrader runs `alembic` by name for a new gradebook; it lies beside the interpreter, which may not be on PATH."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


@contextlib.contextmanager
def database_errors(what: str) -> Iterator[None]:
    """Turn the database's errors into a GradebookError that says what could not be done."""
    try:
        yield
    except SQLAlchemyError as error:
        raise GradebookError(f"gradebook: {what}: {_line(error)}") from error


def url_shown(db_url: str) -> str:
    """The URL without its password."""
    try:
        return make_url(db_url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "(not a database URL)"


def _line(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return (str(original).strip() or type(original).__name__).splitlines()[0]
