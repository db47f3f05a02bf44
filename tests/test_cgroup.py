"""Control groups of rooms, on a tree of plain files: what is looked for, written and read. A real one needs root on v2."""

import os
import subprocess

import pytest

from autograder.grading import cgroup
from autograder.limits import Limits

ROOT = os.geteuid() == 0


def tree(tmp_path, *groups):
    """A stand-in for /sys/fs/cgroup. groups: (path, controllers handed on)."""
    for name, controllers in groups:
        group = tmp_path / "mounted" / name
        group.mkdir(parents=True, exist_ok=True)
        (group / "cgroup.procs").write_text("")
        (group / "cgroup.subtree_control").write_text(controllers + "\n")
    return tmp_path / "mounted"


def own(tmp_path, text):
    path = tmp_path / "own"
    path.write_text(text)
    return path


def test_the_nearest_group_that_hands_on_both_controllers_is_taken(tmp_path):
    mounted = tree(tmp_path, ("", "cpu memory pids"), ("a", "memory pids"), ("a/b", "cpu"), ("a/b/c", ""))
    assert cgroup.parent(mounted, own(tmp_path, "0::/a/b/c\n")) == mounted / "a"
    assert cgroup.parent(mounted, own(tmp_path, "0::/\n")) == mounted


@pytest.mark.parametrize("text", ["", "9:name=systemd:/\n8:pids:/\n", "0::/gone\n", "0::/../..\n"])
def test_there_is_none_where_version_2_is_not_ours(tmp_path, text):
    mounted = tree(tmp_path, ("", "memory"))
    assert cgroup.parent(mounted, own(tmp_path, text)) is None


# What it tests is a file mode, which binds everybody but root.
@pytest.mark.skipif(ROOT, reason="root may write anything")
def test_no_group_above_one_that_is_not_ours_is_taken(tmp_path):
    mounted = tree(tmp_path, ("", "memory pids"), ("a", "memory"))
    (mounted / "a" / "cgroup.procs").chmod(0o444)
    assert cgroup.parent(mounted, own(tmp_path, "0::/a\n")) is None


def test_a_group_gets_the_limits_and_says_what_the_kernel_killed(tmp_path, monkeypatch):
    above = tmp_path
    make = os.mkdir

    def mkdir(path, mode=0o777, **options):  # the kernel fills a new group with files
        make(path, mode, **options)
        for name in ("memory.max", "pids.max", "memory.swap.max", "memory.oom.group", "cgroup.procs", "memory.events"):
            open(os.path.join(path, name), "w").close()

    monkeypatch.setattr(os, "mkdir", mkdir)
    group = cgroup.Group(above, Limits(memory=1 << 20, processes=7))
    monkeypatch.undo()
    path = next(above.iterdir())
    assert {name: (path / name).read_text() for name in ("memory.max", "pids.max", "memory.swap.max", "memory.oom.group")} == {
        "memory.max": str(1 << 20), "pids.max": "8", "memory.swap.max": "0", "memory.oom.group": "1"
    }  # fmt: skip
    assert os.write(group.descriptor, b"0") == 1
    assert not group.out_of_memory
    (path / "memory.events").write_text("low 0\noom 1\noom_kill 3\n")
    assert group.out_of_memory
    group.close()


def _mounted_v2():
    return cgroup.parent() is not None


# A group is the kernel's to make: nothing can stand in for it. The tests above cover the logic without one.
@pytest.mark.skipif(not _mounted_v2(), reason="no writable control groups of version 2 here")
def test_the_kernel_keeps_the_limits_of_a_real_group():
    group = cgroup.group_for(Limits(memory=64 << 20, processes=8))
    assert group is not None
    hog = "import os, sys; os.write(int(sys.argv[1]), b'0'); held = bytearray(256 << 20)"
    done = subprocess.run(["python3", "-c", hog, str(group.descriptor)], pass_fds=[group.descriptor], check=False)
    assert done.returncode < 0
    assert group.out_of_memory
    group.close()
