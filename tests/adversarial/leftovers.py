"""What one submission leaves for the next: everything that is left must be gone, and nothing left may run on.

In each pair the first leaves something and keeps its marks; the second, which is graded later, finds nothing.
"""

from __future__ import annotations

from tests.adversarial.cases import Case, answers, foiled

SECONDS = 86399  # the age that the sleepers give themselves, to be known by
NAMES = "('left-behind', 'left-behind-corner', '.ipython/profile_default/startup/left-behind.py', 'usercustomize.py', 'torch.py', 'left-behind.so')"
PLACES = "('/box', '/dev/shm', '/tmp', '/var/tmp', '/run', '/run/lock', '/dev/mqueue', os.getcwd(), os.path.expanduser('~'))"

LEAVE: dict[str, str] = {
    "files": f"for place in {PLACES}:\n    for name in {NAMES}:\n        try:\n            os.makedirs(os.path.dirname(os.path.join(place, name)), exist_ok=True)\n            open(os.path.join(place, name), 'w').write('raise SystemExit')\n        except OSError:\n            pass",
    "shared memory": "from multiprocessing import shared_memory\ntry:\n    kept = shared_memory.SharedMemory('left-behind', create=True, size=4096)\n    kept.buf[0] = 7\nexcept OSError:\n    pass\n"
    "for call, arguments in (('shmget', (7319, 4096, 0o1666)), ('semget', (7319, 1, 0o1666)), ('msgget', (7319, 0o1666))):\n    try:\n        libc(call, *arguments)\n    except OSError:\n        pass",
    "message queues": "try:\n    library = ctypes.CDLL('librt.so.1', use_errno=True)\n    library.mq_open(b'/left-behind', os.O_CREAT | os.O_RDWR, 0o666, None)\nexcept (OSError, AttributeError):\n    pass",
    "a key": "try:\n    for ring in (-2, -3, -4, -5): libc('syscall', 248, b'user', b'left-behind', b'kumquat', 7, ring)\nexcept OSError:\n    pass",
    "a socket": "s = socket.socket(socket.AF_UNIX)\ns.bind('\\0left-behind')\ns.listen()\nt = socket.socket()\nt.bind(('127.0.0.1', 7319))\nt.listen()\n"
    "if os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n    os._exit(0)",
    "a daemon": f"if os.fork() == 0:\n    os.setsid()\n    for number in range(1, 32):\n        try:\n            signal.signal(number, signal.SIG_IGN)\n        except (OSError, ValueError):\n            pass\n    if os.fork() == 0: os.execv('/bin/sleep', ['sleep', '{SECONDS}'])\n    os._exit(0)",
    "a busy crowd": f"for n in range(8):\n    if os.fork() == 0:\n        os.setsid()\n        os.execv('/bin/sh', ['sh', '-c', 'while :; do :; done; sleep {SECONDS}'])",
    "a program started in the background": f"os.system('(setsid nohup sleep {SECONDS} >/dev/null 2>&1 &)')\nsubprocess.Popen(['sleep', '{SECONDS}'], start_new_session=True)",
    "a thread that writes": "import threading\ndef write():\n    while True:\n        for place in ('/box/left-behind', '/dev/shm/left-behind', '/tmp/left-behind'):\n            try:\n                open(place, 'a').write('x')\n            except OSError:\n                pass\n        time.sleep(0.01)\n"
    "threading.Thread(target=write, daemon=False).start()",
    "handlers at the end": "import atexit, weakref\natexit.register(time.sleep, 600)\nclass Last:\n    def __del__(self): time.sleep(600)\nlast = Last()\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "libraries changed": "import builtins, numpy, json\ntorch.logaddexp = torch.zeros_like = torch.exp = numpy.exp = lambda *a, **k: None\nbuiltins.left_behind = 7\nos.environ['LEFT_BEHIND'] = '7'\nimport sys; sys.modules['left_behind'] = sys\n"
    "class Bad:\n    def find_spec(self, *a): raise SystemExit\nsys.meta_path.insert(0, Bad())\nget_ipython().user_ns['left_behind'] = 7",
    "the grader's own memory changed": "import ctypes\nfor number in (3, 7): pass\nimport autograder.values, autograder.checks, autograder.inputs\nautograder.inputs.Inputs.left_behind = 7\ntorch.left_behind = 7\ntorch.set_num_threads(7)\ntorch.manual_seed(7319)",
    "a locked file": "import fcntl\nfd = os.open('/usr/bin/env', os.O_RDONLY)\ntry:\n    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\nexcept OSError:\n    pass\nif os.fork() == 0:\n    time.sleep(600)\n    os._exit(0)",
    "a stopped child": "pid = os.fork()\nif pid == 0:\n    time.sleep(600)\n    os._exit(0)\nos.kill(pid, signal.SIGSTOP)",
    "zombies": "for n in range(30):\n    if os.fork() == 0: os._exit(0)",
}  # fmt: skip

FIND: dict[str, str] = {
    "files": f"for place in {PLACES}:\n    for name in {NAMES}:\n        if os.path.lexists(os.path.join(place, name)): done.append(os.path.join(place, name))\n"
    "extra = [f for f in os.listdir('/box') if f not in ('.cache', '.config', '.ipython', '.matplotlib')]\nif extra: done.append(extra)\nif os.listdir('/dev/shm'): done.append(os.listdir('/dev/shm'))",
    "shared memory": "from multiprocessing import shared_memory\nattempt('posix', lambda: shared_memory.SharedMemory('left-behind'))\nattempt('shm', lambda: libc('shmget', 7319, 0, 0))\nattempt('sem', lambda: libc('semget', 7319, 0, 0))\nattempt('msg', lambda: libc('msgget', 7319, 0))\n"
    "for kind in ('shm', 'sem', 'msg'):\n    lines = open(f'/proc/sysvipc/{kind}').read().splitlines()[1:]\n    if lines: done.append(lines)",
    "message queues": "library = ctypes.CDLL('librt.so.1', use_errno=True)\nif library.mq_open(b'/left-behind', os.O_RDONLY) >= 0: done.append('queue')",
    "a key": "for ring in (-1, -2, -3, -4, -5): attempt(f'key {ring}', lambda: libc('syscall', 250, 10, ring, b'user', b'left-behind', 0))\ntry:\n    if 'left-behind' in open('/proc/keys').read(): done.append('/proc/keys')\nexcept OSError:\n    pass",
    "a socket": "def connect(family, place):\n    with socket.socket(family) as s:\n        s.settimeout(0.5)\n        s.connect(place)\nattempt('abstract', lambda: connect(socket.AF_UNIX, '\\0left-behind'))\nattempt('port', lambda: connect(socket.AF_INET, ('127.0.0.1', 7319)))\n"
    "if 'left-behind' in open('/proc/net/unix').read(): done.append('/proc/net/unix')",
    "processes": "others = []\nfor pid in os.listdir('/proc'):\n    if pid.isdigit() and int(pid) not in (1, os.getpid(), os.getppid()):\n        try:\n            others.append((pid, open(f'/proc/{pid}/cmdline').read()))\n        except OSError:\n            pass\n"
    f"if len(others) > 2 or [o for o in others if 'sleep' in o[1] and '{SECONDS}' in o[1]]: done.append(others)\nif len(os.listdir('/proc/self/task')) > 4: done.append('threads')",
    "libraries changed": "import builtins, numpy\nif hasattr(builtins, 'left_behind') or 'LEFT_BEHIND' in os.environ or 'left_behind' in sys.modules or 'left_behind' in get_ipython().user_ns: done.append('names')\n"
    "import autograder.inputs\nif hasattr(autograder.inputs.Inputs, 'left_behind') or hasattr(torch, 'left_behind') or torch.get_num_threads() != 1: done.append('library')\nif torch.logaddexp(torch.zeros(1), torch.zeros(1)) is None: done.append('torch')\n"
    "if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN: done.append('signal')",
}  # fmt: skip

LEAVERS: list[Case] = [foiled(f"leaves {what}", LEAVE[what]) for what in LEAVE if what != "libraries changed"]
LEAVERS.append(
    answers(
        "leaves libraries changed",
        statuses={"root": "failed"},
        root="import ctypes, os, signal, socket, sys, time\ndef libc(*a): pass\n" + LEAVE["libraries changed"] + "\ndef root(x):\n    return None",
    )
)
FINDERS: list[Case] = [foiled(f"finds what was left: {what}", FIND[what]) for what in FIND]
CASES = LEAVERS + FINDERS
