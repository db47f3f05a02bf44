"""The course that the adversarial suite is graded in: three exercises, hidden tests, words that must not reach a room."""

from __future__ import annotations

# Words that stand only where no student's process may look. A searcher writes them as regular expressions with a
# bracket in them ("quokk[a]"), so that it does not find itself.
IN_THE_SOLUTION, IN_A_HINT, IN_A_HIDDEN_HINT = "quokka-4417", "bandicoot-9023", "potoroo-5568"
IN_OTHER_WORK, IN_THE_CANARY, IN_THE_ENVIRONMENT = "kumquat-7319", "heron-2217", "egret-6604"
SECRETS = (IN_THE_SOLUTION, IN_A_HINT, IN_A_HIDDEN_HINT, IN_OTHER_WORK, IN_THE_CANARY, IN_THE_ENVIRONMENT)

HINTS = """
# %% [markdown]
# ## Exercise
# <details><summary>Hint 1</summary>a</details>
# <details><summary>Hint 2</summary>b</details>
# <details><summary>Hint 3</summary>c</details>
"""

SOURCE = f'''
# %% [markdown]
# # Three exercises

# %%
import torch
import torch.nn.functional as F

from autograder import check
{HINTS}
# %% exercise="softplus" minutes=3 level=1 forbid="torch.nn.functional.softplus"
def softplus(x):
    """log(1 + e^x)."""
    ### BEGIN SOLUTION
    return torch.log1p(torch.exp(-x.abs())) + x.clamp(min=0)  # {IN_THE_SOLUTION}
    ### END SOLUTION

# %% check="softplus: the values" points=1
x = check.randn(3, 4, seed=1)
check.close(softplus(x), F.softplus(x), hint="log of one plus e to the x: {IN_A_HINT}")
### BEGIN HIDDEN TESTS
secret_big = check.randn(5, seed=2) * 100
check.close(softplus(secret_big), F.softplus(secret_big), hint="{IN_A_HIDDEN_HINT}")
### END HIDDEN TESTS

# %% check="softplus: large inputs" points=2
check.close(softplus(torch.tensor([1000.0, 2.0])), torch.tensor([1000.0, 2.126928]), hint="do not overflow")
{HINTS}
# %% exercise="halve" minutes=1 level=1
def halve(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION

# %% check="halve: half of it" points=1
check.close(halve(7.0), 3.5, hint="divide by two")
### BEGIN HIDDEN TESTS
check.close(halve(13.0), 6.5, hint="divide by two, always")
### END HIDDEN TESTS
{HINTS}
# %% exercise="root" minutes=1 level=1
def root(x):
    ### BEGIN SOLUTION
    if x < 0:
        raise ValueError("no real root")
    return x ** 0.5
    ### END SOLUTION

# %% check="root: the root" points=1
check.raises(lambda: root(-1.0), ValueError, hint="a negative number has none")
check.close(root(2.25), 1.5, hint="a power of one half")
### BEGIN HIDDEN TESTS
check.close(root(0.0625), 0.25, hint="a power of one half, always")
### END HIDDEN TESTS

# %% [markdown]
# Why?

# %% [markdown] essay="why" points=3
# A model answer that students never see.

# %% demo="plot" alt="a line"
y = softplus(check.arange(5).float())
print(y)
'''.lstrip()

RIGHT = {
    "softplus": f"def softplus(x):\n    return torch.logaddexp(x, torch.zeros_like(x))  # {IN_OTHER_WORK}",
    "halve": "def halve(x):\n    return x / 2",
    "root": "def root(x):\n    if x < 0:\n        raise ValueError('negative')\n    return x ** 0.5",
}
FULL = {"softplus": 3.0, "halve": 1.0, "root": 1.0}
