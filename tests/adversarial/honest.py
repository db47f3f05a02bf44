"""Honest work in unusual clothes: none of it may lose a point."""

from __future__ import annotations

import json

from tests.adversarial.cases import Case, answers, edited, to_bytes

LINES = "    return torch.logaddexp(x, torch.zeros_like(x))"


def _outputs(notebook: dict) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 1_000_000}}]
            cell["execution_count"] = 10**6


def _essay(notebook: dict) -> None:
    next(c for c in notebook["cells"] if c["id"].startswith("essay"))["source"] = (
        "Because <script>alert(1)</script> $x$ \u2028 [a](javascript:alert(1))"
    )


CASES = [
    Case("the instructor's own notebook", lambda world: world["instructor"]),
    Case(
        "the untouched notebook",
        lambda world: world["released"],
        statuses=dict.fromkeys(("softplus", "halve", "root"), "not attempted"),
        says="not written yet",
    ),
    answers("a plain solution"),
    answers(
        "one exercise left as it was",
        statuses={"root": "not attempted"},
        root="def root(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
    ),
    answers(
        "half right",
        statuses={"softplus": "failed"},
        points=4,
        softplus="def softplus(x):\n    return torch.where(x > 1.5, torch.logaddexp(x, torch.zeros_like(x)), x * 0)",
    ),
    answers(
        "overflow, found by the hidden test",
        statuses={"softplus": "failed"},
        says="right on the inputs shown, wrong on others",
        softplus="def softplus(x):\n    return torch.log(1 + torch.exp(x))",
    ),
    answers(
        "lambdas and partials",
        softplus="softplus = lambda x: torch.logaddexp(x, torch.zeros_like(x))",
        halve="import functools, operator\nhalve = functools.partial(lambda by, x: operator.truediv(x, by), 2)",
    ),
    answers(
        "a class that can be called",
        softplus=f"class Softplus:\n    def __call__(self, x):\n    {LINES}\nsoftplus = Softplus()",
        halve="class halve(float):\n    def __new__(cls, x):\n        return x / 2",
    ),
    answers(
        "doubles, NumPy numbers, gradients",
        softplus="def softplus(x):\n    return torch.logaddexp(x.double(), torch.zeros_like(x).double()).requires_grad_()",
        halve="import numpy as np\ndef halve(x):\n    return np.float64(x) / 2",
        root="import torch\ndef root(x):\n    if x < 0:\n        raise type('Mine', (ValueError,), {})('no')\n    return torch.tensor(x).sqrt()",
    ),
    answers(
        "views that are not contiguous",
        softplus="def softplus(x):\n    y = torch.logaddexp(x, torch.zeros_like(x))\n    return torch.stack([y, y], -1).expand(2, *y.shape, 2)[0, ..., 1]",
    ),
    answers(
        "a lot of printing and warnings",
        softplus="import sys, warnings, logging\ndef softplus(x):\n    print('x' * 3_000_000)\n    sys.stderr.write('e' * 3_000_000)\n"
        f"    warnings.warn('careful')\n    logging.error('oh')\n{LINES}",
        halve="import os\ndef halve(x):\n    os.write(1, b'o' * 100000)\n    os.write(2, b'e' * 100000)\n    os.system('echo loud; echo louder >&2')\n    return x / 2",
    ),
    answers(
        "a progress bar and a plot",
        softplus="import sys, matplotlib.pyplot as plt\ndef softplus(x):\n    for n in range(1000):\n        print(f'\\r{n}', end='', file=sys.stderr, flush=True)\n"
        f"    plt.plot([1, 2])\n    plt.show()\n{LINES}",
    ),
    answers(
        "rich display",
        halve="from IPython.display import HTML, display, clear_output\ndef halve(x):\n    display(HTML('<b>x</b>'), {'a': 1})\n    clear_output(wait=True)\n    return x / 2",
    ),
    answers(
        "magics and shell lines",
        softplus=f"%%time\ndef softplus(x):\n{LINES}",
        halve="%matplotlib inline\n!true\nlisting = !ls\ndef halve(x):\n    return x / 2\nhalve?",
    ),
    answers(
        "helpers in cells of their own, one of which fails",
        added=("1 / 0", "def half_of(x):\n    return x / 2", "this is not Python", "raise NotImplementedError()"),
        halve="def halve(x):\n    return half_of(x)",
    ),
    answers("a cell of their own that never ends", added=("while True: pass",)),
    answers("cells of their own that leave", added=("import sys; sys.exit(3)", "exit()", "quit()", "import os; os._exit(1)")),
    answers("a cell of their own that asks", added=("name = input('who? ')", "import getpass; getpass.getpass()", "breakpoint()")),
    answers("names of the checks used for other things", added=("check = None", "x = 5", "secret_big = 3", "F = None", "del F")),
    answers(
        "state of the libraries changed",
        added=(
            "import os, random, warnings, logging, numpy as np, torch\ntorch.manual_seed(7)\nrandom.seed(7)\nnp.random.seed(7)\nnp.seterr(all='raise')\n"
            "warnings.simplefilter('error')\nlogging.basicConfig(level=1)\ntorch.set_grad_enabled(False)\ntorch.set_num_threads(2)\n"
            "torch.set_printoptions(precision=1)\nos.chdir('/')",
        ),
    ),
    answers("lines of Windows", softplus=f"def softplus(x):\r\n{LINES}\r\n", halve="def halve(x):\r\n\treturn x / 2\r\n"),
    answers(
        "other alphabets",
        halve="# ½ を返す, \U0001f600 – ‮abc\ndef halve(x):\n    größe, π = x, 2\n    return größe / π",
    ),
    answers("annotations from the future", halve="from __future__ import annotations\ndef halve(x: Nowhere) -> Nothing:\n    return x / 2"),
    answers(
        "decorators and caches",
        halve="import functools, contextlib, time\ndef timed(f):\n    @functools.wraps(f)\n    def g(*a):\n        begin = time.perf_counter()\n        try:\n"
        "            return f(*a)\n        finally:\n            print(time.perf_counter() - begin)\n    return g\n@timed\n@functools.lru_cache\ndef halve(x):\n    return x / 2",
    ),
    answers("an event loop", halve="import asyncio\nasync def later(x):\n    await asyncio.sleep(0.01)\n    return x / 2\ndef halve(x):\n    return asyncio.run(later(x))"),
    answers("a top-level await", halve="import asyncio\nawait asyncio.sleep(0.01)\ndef halve(x):\n    return x / 2"),
    answers("deep recursion", halve="import sys\nsys.setrecursionlimit(20000)\ndef down(n):\n    return 0 if n == 0 else 1 + down(n - 1)\ndef halve(x):\n    return x / 2 + 5000 - down(5000)"),
    answers("threads", halve="from concurrent.futures import ThreadPoolExecutor\ndef halve(x):\n    with ThreadPoolExecutor(8) as pool:\n        return sum(pool.map(lambda n: x / 16, range(8)))"),
    answers(
        "processes",
        halve="import multiprocessing\ndef part(x):\n    return x / 8\ndef halve(x):\n    with multiprocessing.get_context('fork').Pool(4) as pool:\n        return sum(pool.map(part, [x] * 4))",
    ),
    answers("another program", halve="import subprocess\ndef halve(x):\n    return float(subprocess.run(['/bin/sh', '-c', 'cat'], input=str(x), text=True, capture_output=True).stdout) / 2"),
    answers(
        "files of their own",
        halve="import tempfile, pathlib\ndef halve(x):\n    with tempfile.TemporaryDirectory() as d:\n        p = pathlib.Path(d, 'x.txt')\n        p.write_text(str(x))\n        pathlib.Path.home().joinpath('y').write_text('y')\n        return float(p.read_text()) / 2",
    ),
    answers("slow but in time", halve="import time\ndef halve(x):\n    time.sleep(0.8)\n    return x / 2"),
    answers("a few hundred megabytes", halve="import torch\ndef halve(x):\n    big = torch.ones(70_000_000)\n    return x / 2 * float(big[-1])"),
    answers("another default type", added=("torch.set_default_dtype(torch.float64)",), before="root"),
    answers("several attempts in one cell", halve="def halve(x):\n    return x\ndef halve(x):\n    raise NotImplementedError()\ndef halve(x):\n    return x / 2"),
    answers("an answer that checks itself", halve="def halve(x):\n    return x / 2\nassert halve(2) == 1\nprint(check.close(halve(4.0), 2.0))"),
    edited("outputs of 1 MB a cell", _outputs),
    edited("an essay with a script in it", _essay),
    Case("a byte order mark", lambda world: b"\xef\xbb\xbf" + world["instructor"]),
    Case("the notebook on one line, its keys sorted", lambda world: to_bytes(json.loads(world["instructor"]))),
]
