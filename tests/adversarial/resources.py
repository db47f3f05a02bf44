"""Exits, signals, loops, sleeps, memory, forks, threads, descriptors, disk and output: each costs its exercise alone."""

from __future__ import annotations

from tests.adversarial.cases import Case, answers, costs, foiled

TIMES_OUT = {
    "a loop": "while True: pass",
    "a sleep": "time.sleep(3600)",
    "a loop that catches everything": "while True:\n    try:\n        while True: time.sleep(0.01)\n    except BaseException: pass",
    "a loop in C": "sum(range(10**13))",
    "signals ignored, then a loop": "for n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass",
    "a process that stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "a wait for a thread that never ends": "t = threading.Thread(target=time.sleep, args=(3600,))\nt.start()\nt.join()",
    "a lock taken twice": "l = threading.Lock()\nl.acquire()\nl.acquire()",
    "a wait for a signal": "signal.pause()",
    "a read that never ends": "os.read(os.pipe()[0], 1)",
    "endless printing": "while True: print('x' * 100000)",
    "endless writing to its output": "while True: os.write(1, b'x' * 100000)",
    "a fork bomb": "while True:\n    try:\n        if os.fork() == 0:\n            time.sleep(3600)\n            os._exit(0)\n    except OSError: pass",
    "children that fork children": "def grow(depth):\n    for n in range(3):\n        try:\n            if os.fork() == 0:\n                if depth: grow(depth - 1)\n                time.sleep(3600)\n                os._exit(0)\n        except OSError: pass\n"
    "grow(4)\nwhile True: time.sleep(1)",
    "a busy crowd": "for n in range(6):\n    if os.fork() == 0:\n        while True: pass\nwhile True: pass",
    "a value that never stops growing when it is read": "l = []\nl += [l] * 50\nreturn l",
    "a slow regular expression": "import re\nreturn re.match('(a+)+$', 'a' * 60 + 'b')",
    "another program in its place": "os.execv('/bin/sleep', ['sleep', '3600'])",
}
DIES = {
    "os._exit(0)": "os._exit(0)",
    "os._exit after closing everything": "os.closerange(0, 4096)\nos._exit(0)",
    "abort": "os.abort()",
    "a null pointer": "ctypes.string_at(0)",
    "SIGKILL to itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGKILL to its group": "os.killpg(0, signal.SIGKILL)",
    "SIGSEGV to itself": "os.kill(os.getpid(), signal.SIGSEGV)",
    "SIGTERM to itself": "os.kill(os.getpid(), signal.SIGTERM)",
    "an alarm": "signal.setitimer(signal.ITIMER_REAL, 0.1)\ntime.sleep(3)",
    "files without end": "n = 0\nwhile True:\n    open(f'/box/{n}', 'w').close()\n    n += 1",
    "a thread that ends the process": "threading.Timer(0.1, os._exit, (0,)).start()\ntime.sleep(3)",
}
FAILS = {
    "sys.exit": "sys.exit()",
    "SystemExit(0)": "raise SystemExit(0)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "an exception outside Exception": "class Mine(BaseException): pass\nraise Mine",
    "SIGINT to itself": "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(1)",
    "recursion without end": "return halve(x)",
    "a list of ten thousand million": "return [0] * 10**10",
    "a string of a hundred gigabytes": "return 'x' * 10**11",
    "a tensor of a hundred gigabytes": "import torch\nreturn torch.empty(25 * 10**9)",
    "memory asked for in steps and not used": "import numpy as np\nreturn [np.zeros(1 << 25) for n in range(40)]",
    "shared memory of ten gigabytes": "import mmap\nreturn mmap.mmap(-1, 10 << 30)",
    "no descriptors left": "held = []\nwhile len(held) < 10000: held.append(os.open('/dev/null', os.O_RDONLY))",
    "no threads left": "for n in range(1000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "no processes left": "for n in range(500):\n    if os.fork() == 0:\n        time.sleep(60)\n        os._exit(0)",
    "a file larger than the disk": "open('/box/big', 'wb').write(bytes(@DISK@ + 1000000))",
    "a StopIteration": "raise StopIteration",
    "an exception with a message of 100 MB": "raise ValueError('x' * 100_000_000)",
    "an exception with half a surrogate pair": "raise ValueError('\\ud800 \\x00 \\x1b[2J')",
    "an exception that has itself as its cause": "e = ValueError('x')\ne.__cause__ = e.__context__ = e\nraise e",
    "a group of a thousand exceptions": "raise ExceptionGroup('x', [ValueError(n) for n in range(1000)])",
}
RUN_OUT_OF_MEMORY = {
    "children that use memory together": "for n in range(6):\n    if os.fork() == 0:\n        held = bytearray(@MEMORY@ // 4)\n        for i in range(0, len(held), 4096): held[i] = 1\n        time.sleep(3600)\n        os._exit(0)\ntime.sleep(3600)",
    "children in sessions of their own that use memory": "for n in range(6):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            held = bytearray(@MEMORY@ // 4)\n            for i in range(0, len(held), 4096): held[i] = 1\n"
    "            time.sleep(3600)\n        os._exit(0)\ntime.sleep(3600)",
    "maps that children share": "import mmap\nfor n in range(6):\n    held = mmap.mmap(-1, @MEMORY@ // 4)\n    for i in range(0, len(held), 4096): held[i] = 1\n    if os.fork() > 0:\n        time.sleep(3600)\n        os._exit(0)\n    held2 = held",
}

LIMITED = {
    "forks until it may not": "children = []\ntry:\n    while len(children) < 300:\n        pid = os.fork()\n        if pid == 0:\n            time.sleep(60)\n            os._exit(0)\n        children.append(pid)\nexcept OSError:\n    pass\n"
    "if not 8 <= len(children) <= @PROCESSES@: done.append(f'{len(children)} processes')\nfor pid in children:\n    os.kill(pid, 9)\n    os.waitpid(pid, 0)",
    "starts threads until it may not": "import threading\nstop = threading.Event()\nthreads = []\ntry:\n    while len(threads) < 300:\n        t = threading.Thread(target=stop.wait)\n        t.start()\n        threads.append(t)\nexcept RuntimeError:\n    pass\nstop.set()\n"
    "if not 8 <= len(threads) <= @PROCESSES@: done.append(f'{len(threads)} threads')",
    "opens files until it may not": "held = []\ntry:\n    while len(held) < 5000: held.append(os.open('/dev/null', os.O_RDONLY))\nexcept OSError:\n    pass\nif not 8 <= len(held) <= @FILES@: done.append(f'{len(held)} files')\nfor fd in held: os.close(fd)",
    "fills every corner of the disk": "written = 0\nfor corner in ('/box', '/dev/shm', '/tmp', '/var/tmp', '/run'):\n    try:\n        for n in range(60):\n            with open(f'{corner}/big-{n}', 'wb') as f: written += f.write(bytes(@DISK@ // 20))\n    except OSError:\n        pass\n"
    "if written > 2 * @DISK@: done.append(f'{written} bytes')\nif written < @DISK@ // 2: done.append('hardly any disk')",
    "keeps shared memory that no process has mapped": "library = ctypes.CDLL(None, use_errno=True)\nlibrary.shmat.restype = ctypes.c_void_p\nlibrary.shmdt.argtypes = (ctypes.c_void_p,)\nkept, size = [], @MEMORY@ // 16\ntry:\n    while len(kept) < 24:\n"
    "        number = library.shmget(0, size, 0o1600)\n        if number < 0: raise OSError(ctypes.get_errno(), 'shmget')\n        place = library.shmat(number, None, 0)\n        if place in (None, 2**64 - 1): raise OSError(ctypes.get_errno(), 'shmat')\n"
    "        ctypes.memset(place, 1, size)\n        library.shmdt(place)\n        kept.append(number)\nexcept OSError:\n    pass\nif len(kept) > 16: done.append(f'{len(kept)} segments, {len(kept) * size} bytes')",
    "grows a file by seeking": "def grow():\n    with open('/box/sparse', 'wb') as f: f.truncate(@DISK@ * 100)\nattempt('sparse', grow)",
    "kills everything it may": "try:\n    os.kill(-1, signal.SIGKILL)\nexcept OSError:\n    pass",
    "kills the first process of the room": "if os.getpid() != 1:\n    try:\n        os.kill(1, signal.SIGKILL)\n    except OSError:\n        pass\n    time.sleep(0.2)",
    "writes 50 MB to its outputs": "for n in range(500):\n    os.write(1, b'x' * 100000)\n    os.write(2, b'x' * 100000)",
    "makes links in a circle and deep folders": "os.symlink('/box/a', '/box/b')\nos.symlink('/box/b', '/box/a')\ntry:\n    for n in range(300):\n        os.mkdir('d' * 200)\n        os.chdir('d' * 200)\nexcept OSError:\n    pass\nos.chdir('/box')",
    "leaves its outputs closed": "for fd in (0, 1, 2): os.close(fd)",
}  # fmt: skip


def _several() -> list[Case]:
    loop = "import time, os\ndef {name}(x):\n    {body}"
    return [
        answers(
            "each exercise loops",
            statuses=dict.fromkeys(("softplus", "halve", "root"), "timed out"),
            **{name: loop.format(name=name, body="while True: pass") for name in ("softplus", "halve", "root")},
        ),
        answers(
            "each exercise dies",
            statuses=dict.fromkeys(("softplus", "halve", "root"), "died"),
            **{name: loop.format(name=name, body="os._exit(1)") for name in ("softplus", "halve", "root")},
        ),
        answers(
            "one loops, one dies, one fails",
            statuses={"softplus": "timed out", "halve": "died", "root": "failed"},
            softplus="def softplus(x):\n    while True: pass",
            halve="import os\ndef halve(x):\n    os.abort()",
            root="def root(x):\n    return x",
        ),
        answers("an answer's cell that never ends", statuses={"halve": "timed out"}, halve="def halve(x):\n    return x / 2\nwhile True: pass"),
        answers("an answer's cell that ends the process", statuses={"halve": "died"}, halve="def halve(x):\n    return x / 2\nimport os; os._exit(0)"),
        answers("an answer's cell that exits politely", halve="def halve(x):\n    return x / 2\nimport sys; sys.exit(0)"),
        answers("twenty cells of their own that end the process", added=("import os; os._exit(0)",) * 20),
        answers("two cells of their own that end the process as root is checked", added=("import os, threading; threading.Timer(0.0, os._exit, (0,)).start(); import time; time.sleep(2)",) * 2, before="root"),
    ]  # fmt: skip


CASES = [
    *(costs(f"{name}: times out", "timed out", body) for name, body in TIMES_OUT.items()),
    *(costs(f"{name}: dies", "died", body) for name, body in DIES.items()),
    *(costs(f"{name}: fails", "failed", body) for name, body in FAILS.items()),
    *(costs(f"{name}: out of memory", "out of memory", body) for name, body in RUN_OUT_OF_MEMORY.items()),
    *(foiled(name, attack) for name, attack in LIMITED.items()),
    *_several(),
]
