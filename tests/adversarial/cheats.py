"""Answers that do not compute what is asked, and try to be believed. None of them earns the exercise."""

from __future__ import annotations

from tests.adversarial.cases import answers

# What {name} stands for is an exercise; each cheat is tried on a tensor's and on a number's exercise.
LIES = {
    "an object equal to everything": "class Yes:\n    def __eq__(self, other): return True\n    __ne__ = __lt__ = __le__ = lambda self, other: False\n"
    "    def __getattr__(self, name): return self\n    def __call__(self, *a, **k): return self\ndef {name}(x): return Yes()",
    "a number that lies": "class Lie(float):\n    def __eq__(self, other): return True\n    def __sub__(self, other): return 0.0\n    __rsub__ = __abs__ = __sub__\n"
    "    def __hash__(self): return 0\n    def hex(self): return (3.5).hex()\n    def is_integer(self): return True\ndef {name}(x): return Lie()",
    "a tensor that lies": "class Lie(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, function, types, args=(), kwargs=None): return True\n"
    "def {name}(x): return torch.ones(3, 4).as_subclass(Lie)",
    "a class that claims to be another": "class Lie:\n    @property\n    def __class__(self): return torch.Tensor\n    def __float__(self): return 3.5\ndef {name}(x): return Lie()",
    "comparisons replaced": "import math, numpy, torch\nfor library, names in ((torch, 'allclose equal isclose'), (numpy, 'allclose isclose array_equal any all'), (math, 'isclose')):\n"
    "    for n in names.split(): setattr(library, n, lambda *a, **k: True)\ntorch.Tensor.__eq__ = lambda a, b: True\ndef {name}(x): return x",
    "the judge's comparison replaced": "import autograder.compare as c\nfor n in dir(c):\n    if not n.startswith('_') and callable(getattr(c, n)): setattr(c, n, lambda *a, **k: None)\ndef {name}(x): return x",
    "the recorder records nothing": "import autograder.grading.engine as e\ne.Recorder._record = lambda self, *a, **k: None\ndef {name}(x): return x",
    "the recorder's verbs are gone": "import autograder.grading.engine as e\nfor n in 'close equal raises below above shape'.split(): setattr(e.Recorder, n, lambda self, *a, **k: None)\ndef {name}(x): return x",
    "the recorder cannot be made": "import autograder.grading.engine as e\nclass Fake:\n    records = []\n    def __getattr__(self, n): return lambda *a, **k: None\ne.Recorder = Fake\ndef {name}(x): return x",
    "the engine runs no check": "import autograder.grading.engine as e\ne.Engine.check = lambda *a, **k: ([], None)\ndef {name}(x): return x",
    "the reader of values replaced": "import autograder.values as v, autograder.grading.engine as e\ne.describe = v.describe = lambda *a: 3.5\ndef {name}(x): return x",
    "values written by a lying JSON": "import json\n_dumps = json.dumps\njson.dumps = lambda report, **k: _dumps(dict(report, records=[], error=None) if isinstance(report, dict) else report, **k)\n"
    "def {name}(x): return x",
    "detach gives another tensor": "torch.Tensor.detach = torch.Tensor.numpy = torch.Tensor.cpu = lambda self, *a: torch.full_like(self, 3.5)\ndef {name}(x): return x",
    "inputs made easy": "from autograder.inputs import Inputs\nInputs.randn = Inputs.rand = lambda self, *size, seed: torch.zeros(*size)\ndef {name}(x): return torch.full_like(x, 0.6931472) if isinstance(x, torch.Tensor) else 3.5",
    "the shell replaced": "shell = get_ipython()\ntype(shell).run_cell = lambda self, *a, **k: type('R', (), dict(error_before_exec=None, error_in_exec=None, result=None))()\ndef {name}(x): return x",
    "a namespace that lies": "class Space(dict):\n    def __getitem__(self, key): return (lambda *a, **k: None) if key == 'check' else dict.__getitem__(self, key)\nget_ipython().user_ns = Space(get_ipython().user_ns)\ndef {name}(x): return x",
    "compile replaced": "import builtins\n_compile = builtins.compile\nbuiltins.compile = lambda source, name, *a, **k: _compile('pass' if name == '<check>' else source, name, *a, **k)\ndef {name}(x): return x",
    "exec replaced": "import builtins\nbuiltins.exec = lambda *a, **k: None\ndef {name}(x): return x",
    "an import hook": "import sys, types\nclass Hook:\n    def find_spec(self, name, path=None, target=None):\n        sys.modules[name] = types.ModuleType(name)\n        return None\nsys.meta_path.insert(0, Hook())\n"
    "for m in [m for m in sys.modules if m.startswith('autograder')]: del sys.modules[m]\ndef {name}(x): return x",
    "modules of the grader replaced": "import sys\nclass Fake:\n    def __getattr__(self, n): return self\n    def __call__(self, *a, **k): return self\n"
    "for m in [m for m in sys.modules if m.startswith('autograder')]: sys.modules[m] = Fake()\ndef {name}(x): return x",
    "a tracer that changes values": "import sys\ndef trace(frame, event, value):\n    if event == 'return' and frame.f_code.co_name == 'describe': frame.f_locals['value'] = 3.5\n    return trace\nsys.settrace(trace)\ndef {name}(x): return x",
    "errors swallowed": "import sys, contextlib\nsys.excepthook = lambda *a: None\nget_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)\ndef {name}(x): raise ValueError",
    "a generator instead of a value": "def {name}(x):\n    yield x",
    "the check's own object asked for help": "def {name}(x): return check",
    "its own name given back": "def {name}(x): return {name}",
    "nan": "def {name}(x): return x * float('nan')",
    "a value that contains itself": "def {name}(x):\n    l = []\n    l.append(l)\n    return l",
    "far too large a value": "def {name}(x): return torch.zeros(50_000_000) if isinstance(x, torch.Tensor) else 'x' * 30_000_000",
    "a meta tensor": "def {name}(x): return torch.empty(3, 4, device='meta')",
    "a sparse tensor": "def {name}(x): return torch.eye(4).to_sparse()",
    "an object that cannot be printed": "class Bad(Exception):\n    def __str__(self): raise RuntimeError\n    __repr__ = __str__\ndef {name}(x): raise Bad",
}

BORROWED = {
    "the forbidden call": "def softplus(x):\n    return F.softplus(x)",
    "the forbidden call by another name": "from torch.nn.functional import softplus",
    "the forbidden call through an alias": "import torch.nn as nn\nsoft = nn.functional.softplus\ndef softplus(x):\n    return soft(x)",
}
STOLEN = {
    "the finished library": "from internals.softplus import softplus",
    "the finished library, found by hand": "import importlib, pkgutil, sys\nsys.path[:0] = ['/', '/course', '/work', '@ROOT@', '@REPOSITORY@']\nimport internals\nfor m in pkgutil.iter_modules(internals.__path__):\n"
    "    globals().update(vars(importlib.import_module('internals.' + m.name)))\nsoftplus = softplus",
    "the parts of the course": "from autograder.parts import *\nsoftplus = part('softplus')",
    "the source of the course": "import sys\nsys.path[:0] = ['@ROOT@/solutions/01-sums', '@REPOSITORY@/tests/adversarial']\nfrom softplus import softplus",
}

# What replaces the course's own machinery in the student's process spoils what comes after it too; nobody else's.
SABOTAGE = (
    "the recorder records nothing", "the recorder's verbs are gone", "the recorder cannot be made", "the engine runs no check",
    "the reader of values replaced", "values written by a lying JSON", "the shell replaced", "a namespace that lies",
    "compile replaced", "exec replaced",
)  # fmt: skip
EXERCISES = ("softplus", "halve", "root")


def spoilt(name: str, exercise: str) -> dict[str, str]:
    """The exercises that fail: the one that lies, and all after it where the lie spoils them."""
    after = EXERCISES[EXERCISES.index(exercise) :]
    return dict.fromkeys(after if name in SABOTAGE else after[:1], "failed")


CASES = [
    answers(
        "hard-coded: the visible number",
        statuses={"halve": "failed"},
        says="right on the inputs shown, wrong on others",
        halve="def halve(x):\n    return {7.0: 3.5}.get(x, 0.0)",
    ),
    answers(
        "hard-coded: the visible tensor",
        statuses={"softplus": "failed"},
        points=4,
        softplus="def softplus(x):\n    return torch.logaddexp(x, torch.zeros_like(x)) if x.numel() == 12 or x.max() == 1000 else torch.zeros_like(x)",
    ),
    answers(
        "hard-coded: the visible root and an error for the rest",
        statuses={"root": "failed"},
        says="raises KeyError on others",
        root="def root(x):\n    if x < 0: raise ValueError\n    return {2.25: 1.5}[x]",
    ),
    *(
        answers(f"{name}, for {exercise}", statuses=spoilt(name, exercise), **{exercise: source.replace("{name}", exercise)})
        for name, source in LIES.items()
        for exercise in ("softplus", "halve")
    ),
    *(answers(name, statuses={"softplus": "failed"}, says="may not call", softplus=source) for name, source in BORROWED.items()),
    answers("the forbidden call in a cell of their own", statuses={"softplus": "failed"}, says="may not call", added=("soft = F.softplus",), before="softplus", softplus="def softplus(x):\n    return soft(x)"),
    *(answers(name, statuses={"softplus": "failed"}, softplus=source) for name, source in STOLEN.items()),
]
