"""What `course doctor` says, what limits a notebook may set, and that grading refuses a machine without a sandbox."""

import os

import pytest
from mini_course import COURSE, write_course

from autograder.cli import main
from autograder.course import CourseError, load_course
from autograder.grading.walls import require_sandbox, sandbox_problem
from autograder.limits import Limits, read_limits


def test_limits_change_only_what_is_named():
    limits = read_limits({"check_seconds": 30, "memory_mb": 512, "disk_mb": 5, "processes": 8})
    assert limits == Limits(check_seconds=30, memory=512 << 20, disk=5_000_000, processes=8)
    assert read_limits({}) == Limits(10, 120, 2 << 30, 64, 256, 100_000_000)


@pytest.mark.parametrize(("line", "words"), [
    ("limits = { seconds = 3 }", "limits.seconds: no such limit; there are check_seconds, disk_mb"),
    ("limits = { memory_mb = -1 }", "limits.memory_mb = -1: expected a number above 0"),
    ("limits = { files = true }", "limits.files = True: expected a number above 0"),
    ("limits = 3", "is missing or malformed"),
])  # fmt: skip
def test_a_bad_limit_is_one_line_that_names_the_file(line, words, tmp_path):
    write_course(tmp_path)
    (tmp_path / "course.toml").write_text(COURSE + line + "\n", encoding="utf-8")
    with pytest.raises(CourseError) as caught:
        load_course(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/course.toml: ") and words in str(caught.value)


@pytest.mark.parametrize("what", ["none", "broken"])
def test_without_a_sandbox_grading_refuses_in_one_line(what, tmp_path, monkeypatch, capsys):
    """bubblewrap not on PATH, or there but unable to open a room (as where user namespaces are forbidden)."""
    tools = tmp_path / "bin"
    tools.mkdir()
    if what == "broken":
        program = tools / "bwrap"
        program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/bin" if what == "broken" else str(tools))
    problem = sandbox_problem()
    assert ("Permission denied" if what == "broken" else "not installed") in problem
    with pytest.raises(CourseError, match="--no-sandbox"):
        require_sandbox()
    write_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    submission = tmp_path / "in" / "somebody" / "01-sums" / "softplus.ipynb"
    submission.parent.mkdir(parents=True)
    submission.write_text("{}")
    assert main(["grade", "in"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "apt-get install bubblewrap" in error and "--no-sandbox" in error
    assert not (tmp_path / "build" / "gradebook.db").exists()


@pytest.mark.slow
@pytest.mark.bubblewrap
def test_the_doctor_tries_a_room_for_real(tmp_path, monkeypatch, capsys):
    write_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("warm server  starts, and runs a notebook as a user without rights" in line for line in lines)
    assert any(line.startswith("✓ user") and ("root" if os.geteuid() == 0 else "ordinary") in line for line in lines)
    assert len(lines) <= 24
