"""Looking for expected values, solutions and other people's work: on disk, in memory, in descriptors, in other processes."""

from __future__ import annotations

from tests.adversarial.cases import FOILED, PRELUDE, Case, World, answers, foiled, solved, to_bytes
from tests.adversarial.course import IN_OTHER_WORK, RIGHT

# The words of tests.adversarial.course.SECRETS, written so that a searcher does not find itself.
WORDS = 'rb"quokk[a]-4417|bandicoo[t]-9023|potoro[o]-5568|hero[n]-2217|egre[t]-6604"'
# This one every honest submission of the batch holds, so one of them was graded before on the same server.
OTHERS = 'rb"kumqua[t]-7319"'

SCAN = """
planted = b"-".join([b"numbat", b"3301"])
def scan(words, process):
    found, pages, words = [], 0, words + rb"|numba[t]-3301"
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "rb", 0) as memory:
        for line in maps.read().splitlines():
            fields = line.split()
            start, end = (int(number, 16) for number in fields[0].split("-"))
            private = len(fields) < 6 or fields[5].startswith(("[heap", "[stack", "[anon", "/memfd", "/dev"))
            if not fields[1].startswith("r") or not private:
                continue
            for place in range(start, end, 1 << 24):
                try:
                    memory.seek(place)
                    data = memory.read(min(1 << 24, end - place))
                except (OSError, OverflowError, ValueError):
                    continue
                for word in words.split(b"|"):  # singly: then each is searched for by its first letters, which is fast
                    found += re.findall(word, data)
                pages += len(data)
                del data
    if process == "self" and (pages < 10_000_000 or planted not in found):
        raise AssertionError(f"in {pages} bytes not even the planted word was found: this search is broken")
    return [word for word in found if word != planted]
"""

def _without_marker(world: World) -> bytes:
    """The searcher's own answers do not hold the word that it searches for."""
    attack = PRELUDE + SCAN + f"\ndone += scan({OTHERS}, 'self')" + FOILED
    return to_bytes(solved(world, softplus=RIGHT["softplus"].replace(IN_OTHER_WORK, ""), halve=attack))


CASES = [
    foiled(
        "reads files of the host",
        "for place in ('@CANARY@/secret.txt', '@CANARY@/other-student.ipynb', '@ROOT@', '@ROOT@/course.toml', '@ROOT@/solutions/01-sums/softplus.py',\n"
        "              '@REPOSITORY@/course.toml', '@REPOSITORY@/solutions', '@HOME@/.bashrc', '/etc/shadow', '/etc/hosts', '/root/.ssh', '/var/log', '/var/lib', '/home', '/sys/class/net',\n"
        "              '/sys/kernel', '/proc/kcore', '/proc/kmsg', '/dev/mem', '/dev/kmsg', '/dev/vda', '/dev/sda', '/run/docker.sock', '/run/systemd'):\n"
        "    attempt(place, lambda: open(place, 'rb').read(1) if not os.path.isdir(place) else os.listdir(place))",
        bites=True,
    ),
    foiled(
        "reads files of the host through other processes' roots",
        "for pid in [p for p in os.listdir('/proc') if p.isdigit()]:\n    for way in ('root', 'cwd'):\n        attempt(f'{pid} {way}', lambda: open(f'/proc/{pid}/{way}@CANARY@/secret.txt').read())\n"
        "        attempt(f'{pid} {way} up', lambda: open(f'/proc/{pid}/{way}/../../../../..@CANARY@/secret.txt').read())",
    ),
    foiled(
        "searches all files that the room shows",
        f"words = re.compile({WORDS})\nskip = ('/usr', '/proc', '/sys', '/lib', '/dev', '/etc/alternatives', sys.prefix, sys.base_prefix)\n"
        "for folder, folders, files in os.walk('/', onerror=lambda error: None):\n    folders[:] = [f for f in folders if not os.path.join(folder, f).startswith(skip)]\n"
        "    for name in files:\n        path = os.path.join(folder, name)\n        try:\n            with open(path, 'rb') as f:\n                found = words.findall(f.read(1 << 22))\n"
        "        except OSError:\n            continue\n        if found: done.append(f'{path}: {found}')",
    ),
    foiled(
        "looks for notebooks, gradebooks and answers in the course's package",
        "for place in ('/course', '/box', '/tmp', '/srv', '/work', '/home', '/mnt', '/opt', '/var'):\n    for folder, folders, files in os.walk(place):\n        folders[:] = [f for f in folders if not f'{folder}/{f}'.startswith((sys.prefix, sys.base_prefix))]\n"
        "        done += [f'{folder}/{f}' for f in files if f.endswith(('.ipynb', '.db', '.answers.py', 'gradebook.csv', '.zip'))]",
    ),
    foiled("searches its own memory for expectations", f"{SCAN}\ndone += scan({WORDS}, 'self')"),
    Case("searches its own memory for earlier submissions", _without_marker),
    foiled(
        "searches the memory of other processes",
        f"{SCAN}\nfor pid in [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]:\n    try:\n        done += scan({WORDS}, pid)\n    except OSError:\n        pass",
    ),
    foiled(
        "searches every object and every frame",
        f"import gc\nwords = re.compile({WORDS}.decode())\nframe = sys._getframe()\nwhile frame:\n    for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):\n"
        "        try:\n            done += words.findall(repr(value)[:1000000])\n        except Exception:\n            pass\n    frame = frame.f_back\n"
        "for thing in gc.get_objects():\n    if type(thing) in (dict, list, tuple):\n        for value in (thing.values() if type(thing) is dict else thing):\n            if type(value) is str: done += words.findall(value)",
    ),
    foiled(
        "looks at the names and files of other processes",
        "for pid in [p for p in os.listdir('/proc') if p.isdigit()]:\n    try:\n        line = open(f'/proc/{pid}/cmdline', 'rb').read()\n    except OSError:\n        continue\n"
        "    if re.search(rb'86[4]00|pytes[t]|adversaria[l]|canar[y]', line): done.append(line)\n"
        "    if int(pid) != os.getpid():\n        for fd in attempt_list(f'/proc/{pid}/fd'):\n            attempt(f'{pid} {fd}', lambda: os.open(f'/proc/{pid}/fd/{fd}', os.O_RDONLY | os.O_NONBLOCK))\n".replace(
            "attempt_list(f'/proc/{pid}/fd')", "(os.listdir(f'/proc/{pid}/fd') if os.access(f'/proc/{pid}/fd', os.R_OK) else [])"
        ),
    ),
    foiled(
        "reads the environment of the grader",
        f"words = re.compile({WORDS})\ndone += words.findall(repr(dict(os.environ)).encode())\ndone += [k for k in os.environ if k.startswith(('PYTEST', 'GITHUB', 'SSH', 'AWS'))]\n"
        "for pid in [p for p in os.listdir('/proc') if p.isdigit()]:\n    try:\n        done += words.findall(open(f'/proc/{pid}/environ', 'rb').read())\n    except OSError:\n        pass\n"
        "ctypes.CDLL(None).getenv.restype = ctypes.c_char_p\nif ctypes.CDLL(None).getenv(b'ADVERSARIAL_CANARY'): done.append('getenv')",
    ),
    foiled(
        "uses inherited descriptors",
        "kinds = {}\nfor fd in range(3, 4096):\n    try:\n        kinds[fd] = os.readlink(f'/proc/self/fd/{fd}')\n    except OSError:\n        pass\n"
        "pipes = [fd for fd, kind in kinds.items() if kind.startswith('pipe:')]\n"
        "done += [f'{fd}: {kind}' for fd, kind in kinds.items() if fd not in pipes and not kind.startswith(('/dev/null', '/box', '/usr/share', '/proc/'))]\n"
        "if len(pipes) > 2: done.append(f'pipes {pipes}')\nfor fd in pipes:\n    os.set_blocking(fd, False)\n    try:\n        data = os.read(fd, 100)\n    except OSError:\n        data = b''\n"
        "    os.set_blocking(fd, True)\n    if data: done.append(f'{fd}: {data}')\n"
        "for fd in kinds:\n    attempt(f'openat {fd}', lambda: os.open('../../../..@CANARY@/secret.txt', os.O_RDONLY, dir_fd=fd))",
    ),
    foiled(
        "traces and reads other processes",
        "for pid in {1, os.getppid(), *(int(p) for p in os.listdir('/proc') if p.isdigit())} - {0, os.getpid()}:\n    attempt(f'attach {pid}', lambda: libc('ptrace', 16, pid, 0, 0))\n"
        "    attempt(f'mem {pid}', lambda: os.close(os.open(f'/proc/{pid}/mem', os.O_RDWR)))\n    attempt(f'syscall {pid}', lambda: open(f'/proc/{pid}/syscall').read())",
    ),
    foiled("takes descriptors of other processes", "for pid in {1, os.getppid()} - {0}:\n    for fd in range(8):\n        attempt(f'{pid} {fd}', lambda: libc('syscall', 438, os.pidfd_open(pid), fd, 0))"),
    foiled("asks the kernel's key rings", "for ring in (-1, -2, -3, -4, -5):\n    attempt(f'ring {ring}', lambda: libc('syscall', 250, 0, ring, 1))\nattempt('add', lambda: libc('syscall', 248, b'user', b'left-behind', b'x', 1, -4))"),
    answers(
        "asks the check object for its expectations",
        halve=(
            "import re\nnames = []\ndef dig(thing, depth=0):\n    for name in dir(thing):\n        try:\n            value = getattr(thing, name)\n        except Exception:\n            continue\n"
            "        names.append(repr(value)[:2000])\n        if depth < 2 and not name.startswith('__'): dig(value, depth + 1)\ndef halve(x):\n    dig(check)\n"
            "    assert not [n for n in names if re.search('divide by tw[o]|bandicoo[t]', n)]\n    return x / 2"
        ),
    ),
]
