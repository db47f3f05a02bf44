"""A course of one short notebook in the source format, small enough to build, try and grade in a test."""

from __future__ import annotations

import json
from pathlib import Path

from autograder.course import Course, load_course

COURSE = """
[course]
id = "mini"
title = "Mini"
[[module]]
name = "01-sums"
title = "Sums"
[[module.notebook]]
name = "softplus"
title = "Softplus"
minutes = 5
"""

SOURCE = '''
# %% [markdown]
# # Softplus

# %%
import torch
import torch.nn.functional as F

from autograder import check

# %% [markdown]
# ## 1
# <details><summary>Hint 1</summary>a</details>
# <details><summary>Hint 2</summary>b</details>
# <details><summary>Hint 3</summary>c</details>

# %% exercise="softplus" minutes=3 level=1 forbid="torch.nn.functional.softplus"
def softplus(x):
    """log(1 + e^x)."""
    ### BEGIN SOLUTION
    return torch.log1p(torch.exp(-x.abs())) + x.clamp(min=0)
    ### END SOLUTION

# %% check="softplus: the values" points=1
x = check.randn(3, 4, seed=1)
check.close(softplus(x), F.softplus(x), hint="log of one plus e to the x")
### BEGIN HIDDEN TESTS
secret_big = check.randn(5, seed=2) * 100
check.close(softplus(secret_big), F.softplus(secret_big), hint="a secret hint")
### END HIDDEN TESTS

# %% check="softplus: large inputs" points=2
check.close(softplus(torch.tensor([1000.0, 2.0])), torch.tensor([1000.0, 2.126928]), hint="do not overflow")

# %% [markdown]
# ## 2
# <details><summary>Hint 1</summary>a</details>
# <details><summary>Hint 2</summary>b</details>
# <details><summary>Hint 3</summary>c</details>

# %% exercise="halve" minutes=1 level=1
def halve(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION

# %% check="halve: half of it" points=1
check.close(halve(7.0), 3.5, hint="divide by two")

# %% [markdown]
# Why?

# %% [markdown] essay="why" points=3
# A model answer that students never see.

# %% demo="plot" alt="a line"
y = softplus(check.arange(5).float())
print(y)
'''.lstrip()

ANSWERS = """
# %% wrong="overflow" of="softplus" check="large inputs" says="overflow"
def softplus(x):
    return torch.log(1 + torch.exp(x))

# %% wrong="relu" of="softplus" check="the values" says="log of one"
def softplus(x):
    return x.clamp(min=0)

# %% wrong="library" of="softplus" check="the values" says="may not call"
def softplus(x):
    return F.softplus(x)

# %% wrong="numpy" of="softplus" check="the values" says="expected a torch.Tensor"
def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x)).numpy()

# %% right="logaddexp" of="softplus"
def softplus(x):
    return torch.logaddexp(x, torch.zeros_like(x))

# %% right="double, and noisy" of="softplus"
import sys
import warnings
def softplus(x):
    print("hello")
    print("a progress bar", file=sys.stderr)
    warnings.warn("careful")
    return torch.logaddexp(x.double(), torch.zeros_like(x).double())

# %% wrong="twice" of="halve" check="half of it" says="expected 3.5, got 14"
def halve(x):
    return x * 2

# %% wrong="nothing returned" of="halve" check="half of it" says="got None (is a return"
def halve(x):
    x / 2

# %% wrong="integers" of="halve" check="half of it" says="got 3"
def halve(x):
    return x // 2

# %% wrong="raises" of="halve" check="half of it" says="division by zero   (line 2 of halve: `return x / 0`)"
def halve(x):
    return x / 0

# %% right="times" of="halve"
def halve(x):
    return x * 0.5

# %% right="lambda" of="halve"
halve = lambda x: x - x / 2
""".lstrip()


def write_course(root: Path, source: str = SOURCE, answers: str = ANSWERS) -> Course:
    """Write the course's files below root; nothing is built yet."""
    folder = root / "solutions" / "01-sums"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "course.toml").write_text(COURSE, encoding="utf-8")
    (folder / "softplus.py").write_text(source, encoding="utf-8")
    (folder / "softplus.answers.py").write_text(answers, encoding="utf-8")
    return load_course(root)


def answered(released: bytes, **answers: str) -> dict:
    """The released notebook as JSON with these exercises' cells written."""
    notebook = json.loads(released)
    for cell in notebook["cells"]:
        if cell["id"] in answers:
            cell["source"] = answers[cell["id"]]
    return notebook
