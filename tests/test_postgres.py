"""A class graded into a real PostgreSQL server, which this file starts and stops, and read back by nbgrader."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader (the student extra)")
pytest.importorskip("psycopg", reason="needs psycopg (the postgres extra)")

from nbgrader.api import Gradebook  # noqa: E402
from sqlalchemy import create_engine, text  # noqa: E402
from sqlalchemy.engine import URL, make_url  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
import test_gradebook as on_sqlite  # noqa: E402
import test_policy as late_on_sqlite  # noqa: E402
import tiny_course as tiny  # noqa: E402

from autograder.grading.gradebook import GradebookError, GradebookWriter  # noqa: E402
from autograder.grading.lms import write_canvas_csv  # noqa: E402

PASSWORD = "p@ss: %41/word"  # what has to be quoted in a URL
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin")


def program(name: str) -> str | None:
    """PostgreSQL's server programs; Debian keeps them off the PATH."""
    kept = sorted(path for place in PLACES for path in Path("/").glob(f"{place[1:]}/{name}"))
    return shutil.which(name) or (str(kept[-1]) if kept else None)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (program("initdb") and program("postgres")),
        reason="postgresql is not installed (a gradebook for many instructors is tried on it): "
        "sudo apt-get install postgresql",
    ),
]


@dataclass(frozen=True)
class Server:
    """A running server. url: of its first database."""

    url: URL

    def database(self, name: str, template: str = "template1") -> str:
        """Make a database; returns its URL."""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        engine.dispose()
        return self.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def unprivileged() -> dict[str, int | str]:
    """What makes a child process not root, which PostgreSQL refuses to be; nothing where we are not."""
    if os.geteuid():
        return {}
    names = [entry.pw_name for entry in pwd.getpwall() if entry.pw_name in ("postgres", "nobody")]
    entry = pwd.getpwnam(max(names))
    return {"user": entry.pw_uid, "group": entry.pw_gid}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of our own on a free port, without any of this machine's; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))  # pytest's own folder is closed to the unprivileged user
    who = unprivileged()
    password = home / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    if who:
        for path in (home, password):
            os.chown(path, int(who["user"]), int(who["group"]))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = {"cwd": home, "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}, "extra_groups": [] if who else None, **who}
    started = None
    try:
        subprocess.run(
            [program("initdb"), "-D", str(home / "data"), "-U", "teacher", "-A", "scram-sha-256",
             "--pwfile", str(password), "-E", "UTF8", "--no-sync"],
            check=True, capture_output=True, timeout=120, **run,
        )
        started = subprocess.Popen(
            [program("postgres"), "-D", str(home / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
             "-c", f"unix_socket_directories={home}", "-c", "fsync=off"],
            stdout=subprocess.DEVNULL, stderr=(home / "log").open("wb"), **run,
        )
        url = URL.create("postgresql+psycopg", "teacher", PASSWORD, "127.0.0.1", port, "postgres")
        _wait(url, started, home / "log")
        yield Server(url)
    finally:
        if started is not None:
            started.send_signal(signal.SIGINT)  # closes the connections that are open
            started.wait(timeout=60)
        shutil.rmtree(home, ignore_errors=True)


def _wait(url: URL, started: subprocess.Popen, log: Path) -> None:
    engine = create_engine(url)
    for _ in range(300):
        assert started.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            engine.connect().close()
            break
        except Exception:  # not listening yet
            time.sleep(0.1)
    else:
        pytest.fail(f"PostgreSQL does not answer: {log.read_text(errors='replace')[-2000:]}")
    engine.dispose()


@pytest.fixture(scope="module")
def empty_gradebook(server: Server) -> str:
    """A new gradebook, once, with nothing of ours on the PATH; its database is the template of the others'."""
    url = server.database("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "/usr/bin:/bin")  # nbgrader starts `alembic` by name
        GradebookWriter(url, "course").close()
    return "empty"


class Room(on_sqlite.Room):
    """The same course folder, on a database of the server's."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self._url = root, url
        tiny.write_source(root / "source")

    @property
    def url(self) -> str:
        return self._url


@pytest.fixture
def room(tmp_path: Path, server: Server, empty_gradebook: str) -> Room:
    return Room(tmp_path, server.database(f"db_{time.monotonic_ns()}", empty_gradebook))


def test_a_new_gradebook_is_of_the_schema_that_sqlite_has(server, empty_gradebook, tmp_path):
    GradebookWriter(f"sqlite:///{tmp_path}/gradebook.db", "course").close()
    versions = []
    for url in (server.url.set(database=empty_gradebook), make_url(f"sqlite:///{tmp_path}/gradebook.db")):
        engine = create_engine(url)
        with engine.connect() as connection:
            versions.append(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
        engine.dispose()
    assert versions[0] == versions[1] != ""


SAME = [
    on_sqlite.test_points_in_the_gradebook_equal_the_results,
    on_sqlite.test_a_regrade_keeps_points_and_comments_given_by_hand,
    on_sqlite.test_a_changed_essay_keeps_its_points_and_asks_for_a_person_again,
    on_sqlite.test_points_given_by_hand_on_a_check_outlive_a_regrade_and_ask_again_when_the_verdict_changes,
    on_sqlite.test_grading_twice_changes_nothing,
    on_sqlite.test_more_students_than_a_batch_are_all_recorded,
    on_sqlite.test_a_flagged_result_is_recorded_and_formgrader_shows_why,
    on_sqlite.test_a_refused_result_makes_the_student_known_and_leaves_earlier_points,
    on_sqlite.test_a_late_submission_pays_the_penalty_of_nbgraders_plugin,
    on_sqlite.test_registering_an_unchanged_assignment_again_keeps_every_grade,
    on_sqlite.test_changed_points_reach_the_gradebook_and_keep_the_grades,
    on_sqlite.test_a_reworded_check_is_carried_over_with_the_submissions,
    on_sqlite.test_a_cell_with_points_given_by_hand_is_never_dropped,
    on_sqlite.test_a_second_notebook_of_an_assignment_joins_the_submissions,
    on_sqlite.test_nbgraders_own_tools_read_the_database,
    on_sqlite.test_an_interrupted_run_keeps_what_it_recorded,
    late_on_sqlite.test_recording_applies_the_policy_and_a_regrade_keeps_it,
    late_on_sqlite.test_an_extension_moves_the_due_date_of_one_student,
    late_on_sqlite.test_points_given_by_hand_later_are_reduced_when_penalties_are_renewed,
    late_on_sqlite.test_a_notebook_recorded_later_brings_its_time_to_the_others,
    late_on_sqlite.test_the_marks_of_a_class_are_those_of_each_student,
]


@pytest.mark.parametrize("test", SAME, ids=lambda test: test.__name__.removeprefix("test_"))
def test_what_holds_on_sqlite_holds_here(room, test):
    test(room)


def test_students_have_any_name(room):
    """PostgreSQL keeps lengths and characters that SQLite does not look at."""
    names = [*on_sqlite.ODD_NAMES, *on_sqlite.UNSAFE_NAMES, "é" * 120, "李" * 80]
    room.record(*(tiny.result(name) for name in names))
    with Gradebook(room.url, "course") as book:
        assert {student.id for student in book.students} == {on_sqlite.safe_name(name) for name in names}
        assert len(book.students) == len(names)


def test_an_export_is_what_sqlite_gives(room, tmp_path, empty_gradebook):
    results = [tiny.result(f"s{i:02}", earned={"check-add-large": i % 3 / 2}) for i in range(30)]
    room.record(*results)
    room.grade_by_hand("s03", 2.5, "well put")
    other = tmp_path / "sqlite"
    other.mkdir()
    url = f"sqlite:///{other}/gradebook.db"
    GradebookWriter(url, "course").close()
    beside = Room(other, url)
    beside.record(*results)
    beside.grade_by_hand("s03", 2.5, "well put")
    for name, place in (("postgres", room), ("sqlite", beside)):
        with place.open() as writer:
            write_canvas_csv(results, tmp_path / f"{name}.csv", writer)
    assert (tmp_path / "postgres.csv").read_bytes() == (tmp_path / "sqlite.csv").read_bytes()


def test_a_wrong_password_is_one_line_without_it(room):
    wrong = make_url(room.url).set(password="not-the-secret").render_as_string(hide_password=False)
    with pytest.raises(GradebookError, match="cannot open the gradebook") as caught:
        GradebookWriter(wrong, "course")
    assert "\n" not in str(caught.value)
    assert "not-the-secret" not in str(caught.value)


def test_a_database_that_is_not_there_is_one_line(room):
    with pytest.raises(GradebookError, match="does not exist"):
        GradebookWriter(make_url(room.url).set(database="nowhere").render_as_string(hide_password=False), "course")
