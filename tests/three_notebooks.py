"""The course of `mini_course` and two notebooks more: `mish` is built on a part of `softplus`, `gate` on one of `mish`.

A fourth, `cube`, comes first and lends nothing to anybody.
"""

from __future__ import annotations

from pathlib import Path

import mini_course

from autograder.course import Course, load_course

HINTS = "\n".join(f"# <details><summary>Hint {n}</summary>a</details>" for n in (1, 2, 3))
ENTRY = """
[[module.notebook]]
name = "{0}"
title = "{0}"
minutes = 5
"""
COURSE = (
    mini_course.COURSE.replace("[[module.notebook]]", ENTRY.format("cube") + "[[module.notebook]]", 1)
    + '[[module]]\nname = "02-more"\ntitle = "More"\n'
    + ENTRY.format("mish")
    + ENTRY.format("gate")
)
SOURCES = {
    "01-sums/cube": f'''
# %%
import torch

from autograder import check

# %% [markdown]
{HINTS}

# %% exercise="cube" minutes=1 level=1
def cube(x):
    ### BEGIN SOLUTION
    return x ** 3
    ### END SOLUTION

# %% check="cube: three times" points=1
check.close(cube(torch.tensor([2.0, 5.0])), torch.tensor([8.0, 125.0]), hint="x times x times x")
''',
    "02-more/mish": f'''
# %%
import torch
import torch.nn.functional as F

from autograder import check
from autograder.parts.softplus import softplus

# %% [markdown]
{HINTS}

# %% exercise="mish" minutes=3 level=1 forbid="torch.nn.functional.mish, torch.nn.functional.softplus"
def mish(x):
    """x tanh(softplus(x))."""
    ### BEGIN SOLUTION
    return x * torch.tanh(softplus(x))
    ### END SOLUTION

# %% check="mish: the values" points=1
x = check.randn(3, 4, seed=1)
check.close(mish(x), F.mish(x), hint="x times the tanh of its softplus")

# %% check="mish: from its parts" points=1
x = check.randn(3, 4, seed=2)
check.close(mish(x), x * torch.tanh(softplus(x)), hint="x times the tanh of its softplus")

# %% [markdown]
{HINTS}

# %% exercise="double_mish" minutes=3 level=1
def double_mish(x):
    ### BEGIN SOLUTION
    return mish(mish(x))
    ### END SOLUTION

# %% check="double_mish: twice" points=1
x = check.randn(3, 4, seed=1)
check.close(double_mish(x), F.mish(F.mish(x)), hint="mish of mish")
''',
    "02-more/gate": f'''
# %%
import torch

from autograder import check
from autograder.parts.mish import mish

# %% [markdown]
{HINTS}

# %% exercise="gate" minutes=3 level=1
def gate(x, y):
    ### BEGIN SOLUTION
    return mish(x) * y
    ### END SOLUTION

# %% check="gate: the product" points=1
x = check.randn(4, seed=1)
y = check.randn(4, seed=2)
check.close(gate(x, y), torch.nn.functional.mish(x) * y, hint="mish of x, times y")
''',
}
ANSWERS = """
# %% wrong="relu" of="mish" check="the values" says="tanh"
def mish(x):
    return x.relu()

# %% wrong="no tanh" of="mish" check="the values" says="tanh"
def mish(x):
    return x * softplus(x)

# %% wrong="no x" of="mish" check="the values" says="tanh"
def mish(x):
    return torch.tanh(softplus(x))

# %% wrong="library" of="mish" check="the values" says="may not call"
def mish(x):
    return F.mish(x)

# %% right="other order" of="mish"
def mish(x):
    return softplus(x).tanh() * x

# %% right="without the part" of="mish"
def mish(x):
    return x * torch.logaddexp(x, torch.zeros_like(x)).tanh()

# %% wrong="once" of="double_mish" check="twice" says="mish of mish"
def double_mish(x):
    return mish(x)

# %% wrong="two times" of="double_mish" check="twice" says="mish of mish"
def double_mish(x):
    return 2 * mish(x)

# %% wrong="thrice" of="double_mish" check="twice" says="mish of mish"
def double_mish(x):
    return mish(mish(mish(x)))

# %% wrong="square" of="double_mish" check="twice" says="mish of mish"
def double_mish(x):
    return mish(x) ** 2

# %% right="two steps" of="double_mish"
def double_mish(x):
    y = mish(x)
    return mish(y)

# %% right="loop" of="double_mish"
def double_mish(x):
    for _ in range(2):
        x = mish(x)
    return x
""".lstrip()


def write_course(root: Path) -> Course:
    """Write the course's files below root; nothing is built yet."""
    mini_course.write_course(root)
    (root / "course.toml").write_text(COURSE, encoding="utf-8")
    for name, source in SOURCES.items():
        path = root / "solutions" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.lstrip(), encoding="utf-8")
    (root / "solutions" / "02-more" / "mish.answers.py").write_text(ANSWERS, encoding="utf-8")
    return load_course(root)
