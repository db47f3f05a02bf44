"""Writing, mounting and rising outside the room's own folder."""

from __future__ import annotations

from tests.adversarial.cases import foiled

CASES = [
    foiled(
        "writes, deletes and changes files of the host",
        "for place in ('@CANARY@', '/proc/1/root@CANARY@', '/proc/self/root@CANARY@', '/proc/self/cwd/../../..@CANARY@'):\n"
        "    attempt('new ' + place, lambda: open(place + '/left-behind', 'w').close())\n    attempt('append ' + place, lambda: open(place + '/data.txt', 'a').write('x'))\n"
        "    attempt('mode ' + place, lambda: os.chmod(place + '/data.txt', 0o777))\n    attempt('delete ' + place, lambda: os.unlink(place + '/data.txt'))\n    attempt('folder ' + place, lambda: os.rename(place, place + '-left-behind'))",
        bites=True,
    ),
    foiled(
        "changes the interpreter through /proc/self/exe",
        "for place in ('/proc/self/exe', '/proc/1/exe', sys.executable, os.__file__, os.path.realpath(sys.executable), torch.__file__, '/bin/sh'):\n"
        "    attempt('mode ' + place, lambda: os.chmod(place, 0o4777))\n    attempt('time ' + place, lambda: os.utime(place, (0, 0)))\n    attempt('owner ' + place, lambda: os.chown(place, os.getuid(), os.getgid()))\n"
        "    attempt('open ' + place, lambda: open(place, 'r+b'))\n    attempt('truncate ' + place, lambda: os.truncate(place, 0))\n    attempt('attribute ' + place, lambda: os.setxattr(place, 'user.x', b'1'))\n"
        "    attempt('delete ' + place, lambda: os.unlink(place))\n"
        "def through_descriptor():\n    fd = os.open('/proc/self/exe', os.O_RDONLY)\n    os.fchmod(fd, 0o4777)\nattempt('descriptor', through_descriptor)",
    ),
    foiled(
        "poisons what later rooms import",
        "import autograder, numpy, site\nfor folder in (os.path.dirname(os.__file__), *site.getsitepackages(), os.path.dirname(autograder.__file__), os.path.dirname(numpy.__file__), '/course', '/usr/lib/python3', *filter(None, sys.path)):\n"
        "    for name in ('left-behind.pth', 'usercustomize.py', 'sitecustomize.py', '__pycache__/x.pyc'):\n        attempt(folder, lambda: open(os.path.join(folder, name), 'w').close())",
    ),
    foiled(
        "finds a corner to write in beside the sized ones",
        "corners, tried = [], 0\nfor folder, folders, _ in os.walk('/', onerror=lambda error: None):\n    folders[:] = [f for f in folders if os.path.join(folder, f) not in ('/proc', '/sys', '/usr') and not os.path.islink(os.path.join(folder, f))]\n"
        "    tried += 1\n    try:\n        os.close(os.open(os.path.join(folder, 'left-behind-corner'), os.O_CREAT | os.O_WRONLY))\n        corners.append(folder)\n    except OSError:\n        pass\n"
        "assert tried > 20, tried\nfor corner in corners:\n    space = os.statvfs(corner)\n    if space.f_blocks * space.f_frsize > @DISK@ + 65536: done.append(f'{corner} has no limit')\n"
        "if not set(corners) <= {'/box', '/dev/shm'} and [c for c in corners if not c.startswith(('/box/', '/dev/shm/')) and c not in ('/box', '/dev/shm')]: done.append(corners)",
    ),
    foiled("writes into /tmp and its kin", "for place in ('/tmp', '/var/tmp', '/run', '/run/lock', '/run/user', '/mnt', '/home', '/root', '/opt', '/srv', '/etc', '/', '/dev', '/dev/mqueue', '/sys/fs/cgroup'):\n    attempt(place, lambda: open(place + '/left-behind', 'w').close())"),
    foiled(
        "writes the kernel's settings",
        "for name in ('vm/swappiness', 'kernel/core_pattern', 'kernel/hostname', 'kernel/ns_last_pid', 'kernel/pid_max', 'kernel/modprobe', 'vm/drop_caches', 'vm/overcommit_memory', 'fs/file-max', 'net/ipv4/ip_forward', 'user/max_user_namespaces', 'kernel/shmmax', 'fs/mqueue/queues_max'):\n"
        "    path = '/proc/sys/' + name\n    try:\n        before = open(path).read()\n    except OSError:\n        before = '1'\n    attempt(name, lambda: os.write(os.open(path, os.O_WRONLY), before.encode()))\n"
        "for path, text in (('/proc/sysrq-trigger', 'h'), ('/proc/self/oom_score_adj', '-1000'), ('/proc/self/uid_map', '0 0 1'), ('/proc/1/oom_score_adj', '1000')):\n"
        "    def write():\n        with open(path, 'w') as f: f.write(text)\n    attempt(path, write)",
    ),
    foiled(
        "mounts",
        "attempt('tmpfs', lambda: libc('mount', b'none', b'/box', b'tmpfs', 0, None))\nattempt('bind', lambda: libc('mount', b'/', b'/box', None, 4096, None))\nattempt('remount /', lambda: libc('mount', None, b'/', None, 32, None))\n"
        "attempt('remount /usr', lambda: libc('mount', None, b'/usr', None, 32 | 4096, None))\nattempt('unmount', lambda: libc('umount2', b'/proc', 2))\nattempt('fsopen', lambda: libc('syscall', 430, b'tmpfs', 0))\n"
        "attempt('open_tree', lambda: libc('syscall', 428, -100, b'/', 1))\nattempt('pivot_root', lambda: libc('syscall', 155, b'/box', b'/box'))\nattempt('chroot', lambda: os.chroot('/box'))",
    ),
    foiled(
        "opens namespaces of its own",
        "for name, flag in (('user', 0x10000000), ('mount', 0x20000), ('net', 0x40000000), ('pid', 0x20000000), ('ipc', 0x8000000), ('uts', 0x4000000), ('cgroup', 0x2000000), ('time', 0x80)):\n"
        "    pid = os.fork()\n    if pid == 0:\n        os._exit(7 if ctypes.CDLL(None).unshare(flag) == 0 else 0)\n    if os.waitpid(pid, 0)[1]: done.append('unshare ' + name)\n"
        "    pid = os.fork()\n    if pid == 0:\n        os._exit(7 if ctypes.CDLL(None).unshare(flag | 0x10000000) == 0 else 0)\n    if os.waitpid(pid, 0)[1]: done.append('unshare user and ' + name)\n"
        "for program in (['bwrap', '--unshare-all', '--ro-bind', '/', '/', 'true'], ['bwrap', '--bind', '/', '/', 'true'], ['unshare', '-Ur', 'true'], ['unshare', '-m', 'true']):\n"
        "    try:\n        if subprocess.run(program, capture_output=True, timeout=5).returncode == 0: done.append(program)\n    except FileNotFoundError:\n        pass",
    ),
    foiled(
        "clones into a new user namespace",
        "def clone(flags):\n    pid = ctypes.CDLL(None, use_errno=True).syscall(56, flags | 17, 0, 0, 0, 0)\n    if pid == 0: os._exit(0)\n    if pid < 0: raise OSError(ctypes.get_errno(), 'clone')\n    os.waitpid(pid, 0)\n    return pid\n"
        "clone(0)\nfor flags in (0x10000000, 0x10020000, 0x50000000, 0x20000): attempt(hex(flags), lambda: clone(flags))\n"
        "class Args(ctypes.Structure):\n    _fields_ = [(n, ctypes.c_uint64) for n in 'flags pidfd child_tid parent_tid exit_signal stack stack_size tls set_tid set_tid_size cgroup'.split()]\n"
        "def clone3():\n    arguments = Args(flags=0x10000000, exit_signal=17)\n    pid = ctypes.CDLL(None, use_errno=True).syscall(435, ctypes.byref(arguments), ctypes.sizeof(arguments))\n    if pid == 0: os._exit(0)\n"
        "    if pid < 0: raise OSError(ctypes.get_errno(), 'clone3')\n    os.waitpid(pid, 0)\nattempt('clone3', clone3)",
    ),
    foiled(
        "enters other namespaces",
        "for pid in ('1', str(os.getppid())):\n    for kind in ('user', 'mnt', 'pid', 'net', 'ipc', 'uts'):\n        def enter():\n            libc('setns', os.open(f'/proc/{pid}/ns/{kind}', os.O_RDONLY), 0)\n        attempt(f'{pid} {kind}', enter)",
    ),
    foiled(
        "becomes somebody else",
        "for uid in (0, 1, 1000, 65534):\n    if uid != os.getuid():\n        attempt(f'setuid {uid}', lambda: os.setuid(uid))\n        attempt(f'setresuid {uid}', lambda: os.setresuid(uid, uid, uid))\n        attempt(f'setgid {uid}', lambda: os.setgid(uid))\n"
        "attempt('groups', lambda: os.setgroups([0, 4, 27]))\nattempt('no longer no_new_privs', lambda: libc('prctl', 38, 0, 0, 0, 0))\n"
        "class Header(ctypes.Structure): _fields_ = [('version', ctypes.c_uint32), ('pid', ctypes.c_int)]\n"
        "attempt('capset', lambda: libc('capset', ctypes.byref(Header(0x20080522, 0)), ctypes.byref((ctypes.c_uint32 * 6)(*[0xffffffff] * 6))))\n"
        "for line in open('/proc/self/status').read().splitlines():\n    if line.startswith('Cap') and int(line.split()[1], 16): done.append(line)\n    if line.startswith('NoNewPrivs') and line.split()[1] != '1': done.append(line)\n"
        "    if line.startswith('Seccomp:') and line.split()[1] != '2': done.append(line)\n    if line.startswith('Groups') and {'0'} & set(line.split()[1:]): done.append(line)\nif 0 in os.getresuid() + os.getresgid(): done.append('root')",
    ),
    foiled(
        "uses the set-uid programs of the system",
        "for program in (['su', '-c', 'id -u'], ['sudo', '-n', 'id', '-u'], ['mount', '-t', 'tmpfs', 'none', '/box'], ['newuidmap', str(os.getpid()), '0', '0', '1']):\n"
        "    try:\n        ended = subprocess.run(program, capture_output=True, timeout=0.7, stdin=subprocess.DEVNULL)\n    except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):\n        continue\n"
        "    if ended.returncode == 0: done.append(program)",
    ),
    foiled(
        "makes devices and set-uid files",
        "attempt('block device', lambda: os.mknod('/box/disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0)))\nattempt('memory', lambda: os.mknod('/box/mem', 0o600 | stat.S_IFCHR, os.makedev(1, 1)))\n"
        "import shutil\nshutil.copy('/usr/bin/id', '/box/id')\nos.chmod('/box/id', 0o6755)\nif subprocess.run(['/box/id', '-u'], capture_output=True, text=True).stdout.strip() == '0': done.append('set-uid')\n"
        "done += [d for d in os.listdir('/dev') if d not in 'null zero full random urandom tty pts ptmx shm fd stdin stdout stderr console core mqueue'.split()]",
    ),
    foiled(
        "follows links out of the room",
        "os.symlink('@CANARY@', '/box/way-out')\nos.symlink('/proc/1/root', '/box/root')\nattempt('link', lambda: open('/box/way-out/left-behind', 'w').close())\nattempt('root', lambda: open('/box/root@CANARY@/left-behind', 'w').close())\n"
        "attempt('hard link', lambda: os.link(os.path.realpath(sys.executable), '/box/python'))\nattempt('hard link of exe', lambda: libc('linkat', -100, b'/proc/self/exe', -100, b'/box/exe', 0x400))",
    ),
    foiled(
        "signals and traces processes of the host",
        "for number in (0, signal.SIGTERM, signal.SIGKILL):\n    attempt(f'canary {number}', lambda: os.kill(@PID@, number))\n    attempt(f'canary group {number}', lambda: os.killpg(@PID@, number))\n"
        "attempt('canary traced', lambda: libc('ptrace', 16, @PID@, 0, 0))\nattempt('canary limits', lambda: __import__('resource').prlimit(@PID@, 0, (1, 1)))\nattempt('canary nice', lambda: os.setpriority(os.PRIO_PROCESS, @PID@, 19))\nattempt('pidfd', lambda: os.pidfd_open(@PID@))\n"
        "for pid in {os.getppid()} - {0, 1}:\n    attempt(f'parent {pid}', lambda: os.kill(pid, 0))\n"  # its own first process hears no signal from inside
        "for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):\n    try:\n        os.kill(1, number)\n    except OSError:\n        pass\ntime.sleep(0.2)",
    ),
    foiled(
        "kills the server through its process group",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\nfor number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):\n    os.kill(0, number)\n    os.killpg(os.getpgrp(), number)\n"
        "    try:\n        os.killpg(os.getsid(0), number)\n    except OSError:\n        pass\n"
        "for group in range(2, 400):\n    attempt_group = lambda: os.killpg(group, signal.SIGTERM)\n    try:\n        attempt_group()\n    except OSError:\n        pass\nattempt('another group', lambda: os.setpgid(0, 1))",
    ),
    foiled(
        "raises its limits and its priority",
        "import resource\nfor kind in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):\n    soft, hard = resource.getrlimit(kind)\n    if hard == resource.RLIM_INFINITY: done.append(f'{kind} has no limit')\n"
        "    try:\n        resource.setrlimit(kind, (hard + 1, hard + 1))\n        done.append(f'limit {kind}')\n    except (ValueError, OSError):\n        pass\n"
        "attempt('nice', lambda: os.nice(-5) or 'nicer')\nattempt('real time', lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10)) or 'fifo')\nattempt('clock', lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()))\nattempt('name', lambda: socket.sethostname('left-behind'))",
    ),
    foiled("asks for system calls that no notebook needs", "for name, number in dict(memfd_create=319, io_uring_setup=425, bpf=321, perf_event_open=298, userfaultfd=323, keyctl=250, kexec_load=246, init_module=175, process_vm_readv=310, memfd_secret=447).items():\n    attempt(name, lambda: libc('syscall', number, 0, 0, 0, 0, 0, 0))"),
]  # fmt: skip
