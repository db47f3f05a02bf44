"""How a process of the warm server becomes a student's: into the room, every right given up, limits set.

The order matters, and each step is there for an attack that worked without it: see the adversarial suite. Only after
the last step is the submission read, from a pipe that the server itself never reads.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import time
from typing import Any, NoReturn

PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, LAST_CAPABILITY = 4, 24, 38, 63
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
LINUX_CAPABILITY_VERSION_3 = 0x20080522
DISKS, MAX_FILES, LOOK = ("/box", "/dev/shm"), 20_000, 0.1  # LOOK: seconds between two
JOB, REPORT = 3, 4  # descriptors of a student's process
REFUSED_CALLS = (
    # memory and namespaces that no limit counts
    "memfd_create", "memfd_secret", "unshare", "setns", "pivot_root", "chroot", "userfaultfd",
    "mount", "umount2", "mount_setattr", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick",
    "shmget", "shmat", "semget", "msgget",
    # other processes, the kernel's keys, asynchronous rings that pass filters by
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "keyctl", "add_key", "request_key",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open",
    # the machine
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff",
    "settimeofday", "clock_settime", "adjtimex", "quotactl", "acct", "syslog", "sethostname", "setdomainname",
)  # fmt: skip
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def system_calls() -> Any:
    """A filter of the system calls that no notebook needs; made before forking, loaded after. Raises ImportError."""
    import errno

    import pyseccomp

    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in REFUSED_CALLS:
        try:
            rules.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
        except (OSError, ValueError, RuntimeError):  # a call that this kernel's libseccomp does not know
            continue
    user = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER)
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), "clone", user)
    vsock = pyseccomp.Arg(0, pyseccomp.EQ, 40)  # AF_VSOCK, which no network namespace covers
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), "socket", vsock)
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")  # its flags cannot be seen by a filter; libc falls back
    return rules


def join(first: int, job: int, report: int) -> None:
    """Enter the room whose first process is `first`; returns in a process that is wholly inside. Call in a fork."""
    os.setsid()  # not in the server's process group
    door = os.pidfd_open(first)
    job, report, door = (fcntl.fcntl(descriptor, fcntl.F_DUPFD, 100) for descriptor in (job, report, door))
    os.closerange(0, 100)
    os.closerange(max(job, report, door) + 1, 1 << 16)
    _checked(_libc.setns(door, NAMESPACES))
    os.close(door)
    if inside := os.fork():  # only a child is in the room's pid namespace
        _wait(inside)
    os.chdir("/box")
    while os.open("/dev/null", os.O_RDWR) < 2:  # what the notebook reads and prints
        pass
    os.dup2(job, JOB, inheritable=False)
    os.dup2(report, REPORT, inheritable=False)
    os.closerange(REPORT + 1, 1 << 16)


def _wait(inside: int) -> NoReturn:
    """Stay outside until the first process inside has ended; end it where the room's disks hold too many files.

    Their number costs the kernel memory that no process owns, and bubblewrap cannot limit it.
    """
    while True:
        done, status = os.waitpid(inside, os.WNOHANG)
        if done:
            os._exit(os.waitstatus_to_exitcode(status) & 255)
        if sum(disk.f_files - disk.f_ffree for disk in map(os.statvfs, DISKS)) > MAX_FILES:
            os.kill(inside, signal.SIGKILL)
        time.sleep(LOOK)


def give_up_rights(uid: int | None) -> None:
    """Become a user that owns nothing, without capabilities, for good. uid: None where the room made us that user."""
    for capability in range(LAST_CAPABILITY + 1):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))
    _checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def set_limits(limits: dict) -> None:
    """rlimits: memory beyond what the interpreter and torch map already, processes, open files, file size, no dumps."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        base = int(statm.read().split()[0]) * resource.getpagesize()
    wanted = {
        resource.RLIMIT_AS: base + limits["memory"],
        resource.RLIMIT_NPROC: limits["processes"],
        resource.RLIMIT_NOFILE: limits["files"],
        resource.RLIMIT_FSIZE: limits["disk"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
