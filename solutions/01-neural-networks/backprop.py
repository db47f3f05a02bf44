# %% [markdown]
# # Backpropagation
#
# ## What you will build
#
# The engine that trains every network of this course, from plain Python numbers: `Value`, a number that remembers how
# it was made; `backward`, which finds the derivative of one result with respect to everything it was made of;
# `gradient_check`, which checks it; a small network, `MLP`; and `train_step`, the loop's body. Then one function
# for NumPy arrays, `unbroadcast`, with which the same `backward` works on arrays. At the end PyTorch computes the same
# gradients. The exercises take about an hour and a quarter, the experiments between them as long as you like.
#
# ## When it was invented, and why it matters
#
# A network is a function with very many knobs. To learn is to turn every knob a little in the direction that makes an
# error smaller, so we need, for each knob, the derivative of the error. Trying them one by one costs one evaluation of
# the network for each knob; GPT-3 has 175 billion.
#
# The way out is to apply the chain rule *backwards*, from the error to the knobs, and to keep what several knobs
# share. Linnainmaa described this in 1970 for rounding errors of any program (published in English in 1976).
# Rumelhart, Hinton and Williams (1986) used it to train networks with hidden units, and showed that these units come
# to stand for useful features of the task. The name they gave it, back-propagation, stayed. The more general name is
# *reverse-mode automatic differentiation* (Baydin et al. 2018, §3.2): it works for any program made of steps whose
# derivatives are known, and costs a small multiple of running the program once, however many knobs there are. You
# will measure that.
#
# ## Prerequisites
#
# Python classes, and what the methods `__add__` and `__mul__` do; functions that call themselves; sets; the
# derivative of a function of one number; matrix products and broadcasting in NumPy for section 7. Nothing of this
# course: it begins here.

# %%
import math
import random
import time
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F

from autograder import check

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the tensors here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · The chain rule by hand
#
# One neuron, one example, four steps. They are the same four for the largest model.
#
# 1. **Forward pass**: compute the output from the input. Ours is $o = \tanh(w x + b)$.
# 2. **Loss**: one number that says how wrong it is, here $L = (o - y)^2$.
# 3. **Backward pass**: the derivative of the loss with respect to every parameter, here $\partial L / \partial w$ and
#    $\partial L / \partial b$.
# 4. **Update**: move each parameter a little against its derivative.
#
# For the third, cut the computation into steps so small that we know each derivative by heart:
#
# $$p = w x \qquad s = p + b \qquad o = \tanh s \qquad e = o - y \qquad L = e^2$$
#
# The chain rule says: to get the derivative of L with respect to a number, take the derivative of L with respect to the
# result that was made from it, and multiply by the slope of that one step. So begin at the end, with
# $\partial L/\partial L = 1$, and walk back:
#
# $$\frac{\partial L}{\partial e} = 2e \qquad
# \frac{\partial L}{\partial o} = \frac{\partial L}{\partial e} \cdot 1 \qquad
# \frac{\partial L}{\partial s} = \frac{\partial L}{\partial o} \cdot (1 - o^2) \qquad
# \frac{\partial L}{\partial b} = \frac{\partial L}{\partial s} \cdot 1 \qquad
# \frac{\partial L}{\partial w} = \frac{\partial L}{\partial s} \cdot x$$
#
# Every line uses the line before. Nothing is computed twice: $\partial L/\partial s$ serves both w and b.
#
# **Before you run the next cell:** with $w = 0.5$, $x = 2$, $b = -0.5$ and a target $y = 1$ the output is too small.
# Will $\partial L/\partial w$ be positive or negative? And which is larger in size, the derivative for w or for b? The
# cell also turns each knob by a thousandth and looks: this is the definition of a derivative, and our referee.

# %% demo="by-hand" alt="Lines of numbers: the chain rule's derivatives agree with small turns of w and b."
def neuron_loss(w, b, x=2.0, y=1.0):
    return (math.tanh(w * x + b) - y) ** 2


w, x, b, y = 0.5, 2.0, -0.5, 1.0
p = w * x
s = p + b
o = math.tanh(s)
e = o - y
L = e**2
dL_de = 2 * e
dL_do = dL_de * 1
dL_ds = dL_do * (1 - o**2)
dL_db = dL_ds * 1
dL_dw = dL_ds * x
print(f"forward:  p {p:.4f}   s {s:.4f}   o {o:.4f}   e {e:.4f}   L {L:.4f}")
print(f"backward: ∂L/∂e {dL_de:.4f}   ∂L/∂o {dL_do:.4f}   ∂L/∂s {dL_ds:.4f}   ∂L/∂b {dL_db:.4f}   ∂L/∂w {dL_dw:.4f}")
for name, change, slope in (("w", neuron_loss(w + 0.001, b) - L, dL_dw), ("b", neuron_loss(w, b + 0.001) - L, dL_db)):
    print(f"turning {name} by 0.001 changes L by {change:.6f}; a thousandth of ∂L/∂{name} is {slope / 1000:.6f}")

# %% [markdown]
# Both derivatives are negative: increase w or b, and the loss falls. The one for w is twice as large, because x is 2.
# That is all there is to backpropagation, but for numbers that are used twice (section 3). What follows makes a
# computer do it, for a computation of any size.

# %% [markdown]
# ## 2 · A number that remembers
#
# While the forward pass runs, each operation knows two things that the backward pass will need: which numbers it was
# made from (its *parents*) and how steeply the result changes with each of them (its *slopes*, one per parent). So let
# the result write both down. For $z = x \cdot y$ the parents are $(x, y)$ and the slopes
# $(\partial z/\partial x, \partial z/\partial y) = (y, x)$, as numbers.
#
# Six operations are enough for this notebook. Here are the first two as an example of how to read the table; the
# slopes are yours to find for the rest.
#
# | operation | `data` of the result | `parents` | `slopes` |
# |---|---|---|---|
# | `x + y` | x + y | (x, y) | (1, 1) |
# | `x * y` | x · y | (x, y) | (y, x) |
# | `x ** n`, n a plain number, not 0 | xⁿ | (x,) | one number |
# | `x.tanh()` | tanh x | (x,) | one number |
# | `x.exp()` | eˣ | (x,) | one number |
# | `x.relu()` | x if x > 0, else 0 | (x,) | one number |
#
# What of a function with a corner? relu has slope 0 on the left and 1 on the right; at exactly 0 it has none. We take 0
# there, as PyTorch does. It happens too rarely to matter.
#
# **`Value`**: you write six methods. Each returns a new `Value(data, parents, slopes)`, the parents being the very
# objects it was made from, in the order of the table, and the slopes a tuple of plain floats, computed now from
# `.data`: no Values in it. `other` may be a `Value` or a plain number; `Value.of(other)` makes a `Value` of either.
# `tanh` must work for numbers of any size. The rest (minus, division, numbers on the left) is given, made of your `+`,
# `*` and `**`. ★★☆☆☆ · 15 minutes
#
# <details><summary>Hint 1</summary>Each method is one or two lines. Compute the result from <code>self.data</code>,
# then ask: if <code>self.data</code> grew by a tiny ε, by how many ε would the result grow?</details>
# <details><summary>Hint 2</summary>Slopes are plain floats, computed now from <code>.data</code>, not formulas for
# later. For <code>tanh</code> and <code>exp</code> the slope can be written with the result itself; section 1 has one
# of them.</details>
# <details><summary>Hint 3</summary>The slope of xⁿ is n times x to the power n − 1. <code>math.tanh</code> and
# <code>math.exp</code> exist. A tuple of one is written <code>(self,)</code>, with the comma.</details>

# %% exercise="Value" minutes=15 level=2
class Value:
    """A number that remembers what it was made from.

    data: float. grad: float, the derivative of a result with respect to this number, once `backward` has found it.
    parents: the Values it was made from. slopes: for each parent, the derivative of this number with respect to it.
    """

    def __init__(self, data: float, parents: tuple["Value", ...] = (), slopes: tuple[float, ...] = ()) -> None:
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    @staticmethod
    def of(number: "Value | float") -> "Value":
        """A Value as it is, a plain number as a Value without parents."""
        return number if isinstance(number, Value) else Value(number)

    def __add__(self, other: "Value | float") -> "Value":
        """self + other."""
        ### BEGIN SOLUTION
        other = Value.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
        ### END SOLUTION

    def __mul__(self, other: "Value | float") -> "Value":
        """self · other."""
        ### BEGIN SOLUTION
        other = Value.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))
        ### END SOLUTION

    def __pow__(self, exponent: float) -> "Value":
        """self to the power of a plain number other than 0."""
        ### BEGIN SOLUTION
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))
        ### END SOLUTION

    def tanh(self) -> "Value":
        """The hyperbolic tangent, between -1 and 1."""
        ### BEGIN SOLUTION
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t**2,))
        ### END SOLUTION

    def exp(self) -> "Value":
        """e to the power of self."""
        ### BEGIN SOLUTION
        e = math.exp(self.data)
        return Value(e, (self,), (e,))
        ### END SOLUTION

    def relu(self) -> "Value":
        """self where positive, else 0; the slope at 0 is 0."""
        ### BEGIN SOLUTION
        positive = self.data > 0
        return Value(self.data if positive else 0.0, (self,), (1.0 if positive else 0.0,))
        ### END SOLUTION

    def __radd__(self, other: float) -> "Value":
        return self + other

    def __rmul__(self, other: float) -> "Value":
        return self * other

    def __neg__(self) -> "Value":
        return self * -1.0

    def __sub__(self, other: "Value | float") -> "Value":
        return self + -Value.of(other)

    def __rsub__(self, other: float) -> "Value":
        return -self + other

    def __truediv__(self, other: "Value | float") -> "Value":
        return self * Value.of(other) ** -1.0

    def __rtruediv__(self, other: float) -> "Value":
        return self**-1.0 * other

    def __repr__(self) -> str:
        return f"Value({self.data:.4f}, grad {self.grad:.4f})"


# %% check="Value: a sum and a product remember their parents and slopes" points=1
x = Value(3.0)
y = Value(-2.0)
check.close((x + y).data, 1.0, hint="3 + (-2): add the .data of both")
check.close((x * y).data, -6.0, hint="3 · (-2): multiply the .data of both")
check.close((x + y).slopes, (1.0, 1.0), hint="a sum grows as fast as each of its parents: both slopes are 1")
check.close((x * y).slopes, (-2.0, 3.0), hint="z = x·y: the slope towards x is y.data, towards y x.data, both floats")
z = x * y
s = x + y
check.equal([z.parents[0] is x, z.parents[1] is y, s.parents[0] is x, s.parents[1] is y], [True, True, True, True],
            hint="parents are the very objects self and other, in this order, not copies of them")
### BEGIN HIDDEN TESTS
u = Value(0.5)
v = Value(4.0)
check.close([(u + v).data, (u * v).data], [4.5, 2.0], hint="0.5 + 4 and 0.5 · 4")
check.close((u * v).slopes, (4.0, 0.5), hint="the slope towards each parent is the other's data")
check.close((u + v).slopes, (1.0, 1.0), hint="the slopes of a sum are 1 and 1, whatever the numbers")
### END HIDDEN TESTS

# %% check="Value: powers, tanh and exp, with their slopes" points=2
x = Value(3.0)
check.close([(x ** 2).data, *(x ** 2).slopes], [9.0, 6.0], hint="x² at 3 is 9, its slope 2x is 6: n times x to the n-1")
check.close([(x ** -1).data, *(x ** -1).slopes], [1 / 3, -1 / 9], hint="1/x at 3: the slope is -1 times x to the -2")
h = Value(0.5)
check.close([h.tanh().data, *h.tanh().slopes], [0.46211716, 0.78644773],
            hint="tanh(0.5), and its slope 1 - tanh²: the square is that of the result, not of x")
check.close([h.exp().data, *h.exp().slopes], [1.64872127, 1.64872127], hint="e^0.5; the slope of e^x is e^x itself")
check.equal([(x ** 2).parents[0] is x, h.tanh().parents[0] is h, h.exp().parents[0] is h], [True, True, True],
            hint="each has one parent, the object self: (self,)")
check.close(Value(1000.0).tanh().data, 1.0, atol=1e-6, hint="tanh(1000) is 1: e^1000 overflows, so use math.tanh")
### BEGIN HIDDEN TESTS
m = Value(-1.25)
check.close([(m ** 3).data, *(m ** 3).slopes], [-1.953125, 4.6875], hint="x³ at -1.25 and its slope 3x²")
check.close([(Value(4.0) ** 0.5).data, *(Value(4.0) ** 0.5).slopes], [2.0, 0.25], hint="√4 and its slope: n is 0.5")
check.close([m.tanh().data, *m.tanh().slopes], [-0.84828364, 0.28041487], hint="tanh(-1.25) and its slope 1 - tanh²")
check.close([m.exp().data, *m.exp().slopes], [0.2865048, 0.2865048], hint="e^-1.25, and the same as slope")
check.close(Value(-1000.0).tanh().data, -1.0, atol=1e-6, hint="tanh(-1000) is -1: use math.tanh")
### END HIDDEN TESTS

# %% check="Value: relu lets the positive through" points=1
p = Value(2.5)
n = Value(-2.5)
zero = Value(0.0)
check.close([p.relu().data, *p.relu().slopes], [2.5, 1.0], hint="a positive number passes as it is, with slope 1")
check.close([n.relu().data, *n.relu().slopes], [0.0, 0.0], hint="a negative number becomes 0 and stays 0: slope 0")
check.close([zero.relu().data, *zero.relu().slopes], [0.0, 0.0], hint="at exactly 0 the slope is taken to be 0")
### BEGIN HIDDEN TESTS
q = Value(0.125)
check.close([q.relu().data, *q.relu().slopes], [0.125, 1.0], hint="0.125 is positive: it passes, slope 1")
check.equal(q.relu().parents[0] is q, True, hint="the parent is the object self: (self,)")
### END HIDDEN TESTS

# %% check="Value: plain numbers are welcome" points=1
x = Value(3.0)
check.close([(x + 2).data, (2 + x).data, (x * 4).data, (4 * x).data], [5.0, 5.0, 12.0, 12.0],
            hint="make a Value of a plain number first: other = Value.of(other)")
check.close([(x - 5).data, (5 - x).data, (x / 2).data, (6 / x).data], [-2.0, 2.0, 1.5, 2.0],
            hint="minus and division are given, made of your +, * and **: one of these is wrong, or refuses a number")
check.close((x * 4).slopes, (4.0, 3.0), hint="a plain number becomes a parent too: two parents, two slopes")
### BEGIN HIDDEN TESTS
y = Value(-2.0)
check.close([(y + 0.5).data, (0.5 * y).data, (1 - y).data, (1 / y).data], [-1.5, -1.0, 3.0, -0.5],
            hint="plain numbers on either side of y = -2")
### END HIDDEN TESTS

# %% [markdown]
# ### What has a derivative, and what has none
#
# Backpropagation needs two things of each step: a slope at nearly every point, and on some good part of them a slope
# other than 0, which says where to go. tanh, exp and relu have both. Rounding has the first and not the second: between
# its jumps it is flat. So are a choice by `argmax` and a loss that counts wrong answers. A token drawn at random is not
# even a function of the parameters. This is why networks are trained on a smooth stand-in (a squared error, or the
# cross-entropy of the next notebook) even where what we care about is the number of mistakes.
#
# **Before you run the next cell:** it draws four functions and, below each, its slope. Which of the four lower panels
# tells a parameter nothing about where to go?

# %% demo="slopes" alt="Curves of tanh, exp, relu and a step, and below their slopes: the step's slope is zero throughout."
grid = np.linspace(-3, 3, 241)
panels = {"tanh": lambda v: v.tanh(), "exp": lambda v: v.exp(), "relu": lambda v: v.relu()}
figure, axes = plt.subplots(2, 4, figsize=(12, 5), sharex=True, layout="constrained")
for column, (name, apply) in zip(axes.T, panels.items(), strict=False):
    results = [apply(Value(number)) for number in grid]
    column[0].plot(grid, [result.data for result in results], color="black")
    column[1].plot(grid, [result.slopes[0] for result in results], color="black")
    column[0].set_title(name)
axes[0, 3].plot(grid, np.where(grid > 0, 1.0, 0.0), color="black")
axes[1, 3].plot(grid, 0 * grid, color="black")
axes[0, 3].set_title("step: 1 if x > 0, else 0")
for ax in axes[1]:
    ax.set(xlabel="x", ylim=(-0.3, 3.2))
for ax in axes[0]:
    ax.set_ylim(-1.3, 3.2)
axes[0, 0].set_ylabel("f(x)")
axes[1, 0].set_ylabel("slope of f at x")
plt.show()

# %% [markdown]
# The step's. Its slope is 0 wherever it exists, so every derivative that passes through it is multiplied by 0. relu is
# flat on one half only; a neuron that is negative for *all* inputs learns nothing either, and is called dead. tanh has
# a gentler form of the same trouble at its ends, where the slope is close to 0: it *saturates*.

# %% [markdown]
# ## 3 · Backward
#
# The Values of a computation are its *nodes*; with an arrow from each parent to what was made of it they form its
# *graph*. Everything is written down; now walk it back. Start with $\partial L/\partial L = 1$ and let each node hand
# to each of its parents its own derivative times the slope:
#
# $$\texttt{parent.grad} \mathrel{+}= \texttt{slope} \cdot \texttt{node.grad}$$
#
# Why `+=`? A number may be used in several places, and the loss then changes through all of them. The chain rule for
# several paths says: add them up. Even $x \cdot x$ is such a case; its parents are $(x, x)$.
#
# Why the order matters: a node may hand on its derivative only when it is complete, that is, when *everything made
# from it* has had its turn. An order in which each node comes after all its parents is called *topological*; it is the
# order in which the forward pass made them. Walk it in reverse, from the loss. To find one, visit a node's parents
# first, then append the node itself; and visit nothing twice. (Going back along every path separately gives the same
# derivatives, but twenty steps that each use their parent twice have $2^{20}$ paths.) A function that calls itself may
# go about a thousand calls deep in Python, which is deep enough here.
#
# **`backward(loss)`** returns nothing; it sets `grad` of `loss` and of every node that `loss` was made from.
# ★★★★☆ · 15 minutes
#
# | | | `grad` after `backward(loss)` |
# |---|---|---|
# | `loss` | a Value with parents | 1.0 |
# | a node with parents, in between | | ∂loss/∂node, whatever its `grad` was before |
# | a leaf, a Value without parents | | what its `grad` was before, **plus** ∂loss/∂leaf |
#
# The last row is PyTorch's rule too (documentation of `torch.autograd.backward`: it accumulates in the leaves). It is
# useful, since the derivatives of a large batch can be collected in several smaller ones; and it is the reason why
# every training loop begins by setting gradients to zero.
#
# <details><summary>Hint 1</summary>Two stages. First make a list of all nodes, parents before children. Then go through
# it in reverse and apply the formula to each node's parents.</details>
# <details><summary>Hint 2</summary>For the list, write an inner function <code>visit(node)</code>: if the node was seen
# before, return; remember it; visit each parent; append the node. Remember nodes in a set.</details>
# <details><summary>Hint 3</summary>Between the two stages, set the <code>grad</code> of every listed node that has
# parents to 0, then that of the loss to 1. <code>zip(node.parents, node.slopes)</code> pairs them up, also where a
# parent occurs twice.</details>

# %% exercise="backward" minutes=15 level=4
def backward(loss: Value) -> None:
    """Find the derivative of loss with respect to every node it was made from, and store it in `grad`.

    A leaf (a node without parents) adds it to the `grad` it has; other nodes start anew. Rumelhart et al. 1986
    """
    ### BEGIN SOLUTION
    order, seen = [], set()  # parents before children

    def visit(node: Value) -> None:
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    for node in order:
        if node.parents:
            node.grad = 0.0
    loss.grad = 1.0
    for node in reversed(order):
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            parent.grad += slope * node.grad
    ### END SOLUTION


# %%
# Given: functions that work on your Values and on PyTorch's tensors alike, so that the two can be compared.
def tangled(a, b, c):
    """Uses most of its steps twice. a, b, c: numbers, Values or tensors of shape (); b and c not 0."""
    d = a * b + c
    e = (d * a).tanh() + d**2
    f = (b / c - e * 0.1).exp()
    return f * e + d * (3 - e) - (d * c).relu() / b


def leave_grad(number, *nodes):
    """Give nodes a grad, as if an earlier backward had left it there."""
    for node in nodes:
        node.grad = number


def watched_doublings(steps):
    """A leaf, the node after so many doublings, and a list that grows whenever a node is asked for its parents."""
    asked = []

    class Watched(Value):
        @property
        def parents(self):
            asked.append(self)
            return self.known

        @parents.setter
        def parents(self, parents):
            self.known = parents

    leaf = node = Watched(1.0)
    for _ in range(steps):
        node = Watched(2 * node.data, (node, node), (1.0, 1.0))
    return leaf, node, asked


# %% check="backward: along a chain the slopes multiply" points=1
w = Value(0.5)
b = Value(-0.5)
o = (w * 2.0 + b).tanh()
loss = (o - 1.0) ** 2
backward(loss)
check.close(loss.grad, 1.0,
            hint="set the grad of the loss to 1, after the others are set to 0 and before you walk back")
check.close([w.grad, b.grad], [-1.69206697, -0.84603348], atol=1e-6,
            hint="section 1's example: a parent gets slope times the node's grad. 0? Walk from the loss to the leaves")
check.close(o.grad, -1.07576569, atol=1e-6, hint="nodes in between get a grad too: for o it is 2(o - 1)")
### BEGIN HIDDEN TESTS
v = Value(1.5)
q = (v ** 2).exp() * 0.25
backward(q)
check.close(v.grad, 7.11580188, atol=1e-6, hint="the slope of e^(v²)/4 at 1.5: three slopes multiplied")
### END HIDDEN TESTS

# %% check="backward: where a number is used twice, the paths add up" points=2
x = Value(3.0)
backward(x * x + x)
check.close(x.grad, 7.0, hint="x² + x at 3 has slope 2·3 + 1: add to grad with +=, for each time a parent occurs")
y = Value(2.0)
a = y * 3.0
backward(a * (a + y))
check.close(a.grad, 14.0, hint="a·(a + y) with y = 2, a = 6: both uses of a count, a + a + y")
check.close(y.grad, 48.0,
            hint="a handed on its grad too early, or more than once: each node once, in reverse topological order")
z = Value(2.0)
c = z * 3.0
backward((c + z) * c)
check.close(z.grad, 48.0, hint="the same with the factors exchanged: the order of parents must not matter")
### BEGIN HIDDEN TESTS
t = Value(2.0)
u = t ** 2
r = (u + t) * u + u * t
backward(r)
check.close([t.grad, u.grad], [56.0, 12.0], hint="u is used three times: it hands on its grad only after all three")
### END HIDDEN TESTS

# %% check="backward: as torch.autograd" points=2
a = Value(0.5)
b = Value(-1.25)
c = Value(0.75)
backward(tangled(a, b, c))
leaves = torch.tensor([0.5, -1.25, 0.75], dtype=torch.float64, requires_grad=True)
tangled(*leaves).backward()
check.close([a.grad, b.grad, c.grad], leaves.grad.tolist(), atol=1e-6, rtol=1e-6,
            hint="the derivatives of tangled(a, b, c) differ from PyTorch's: sum over all paths, each node once")
### BEGIN HIDDEN TESTS
numbers = check.randn(3, seed=3).double().tolist()
values = [Value(number) for number in numbers]
backward(tangled(*values))
leaves2 = check.randn(3, seed=3).double().requires_grad_()
tangled(*leaves2).backward()
check.close([value.grad for value in values], leaves2.grad.tolist(), atol=1e-6, rtol=1e-6,
            hint="other numbers: the derivatives of tangled differ from PyTorch's")
more = check.randn(3, seed=8).double().tolist()
values3 = [Value(number) for number in more]
backward(tangled(*values3) ** 2 + values3[0] * values3[2])
leaves3 = check.randn(3, seed=8).double().requires_grad_()
(tangled(*leaves3) ** 2 + leaves3[0] * leaves3[2]).backward()
check.close([value.grad for value in values3], leaves3.grad.tolist(), atol=1e-6, rtol=1e-6,
            hint="a longer computation: the derivatives differ from PyTorch's")
### END HIDDEN TESTS

# %% check="backward: every node once, not every path" points=1
first, last, asked = watched_doublings(14)
backward(last)
check.close(first.grad, 16384.0, hint="14 doublings: the derivative is 2 to the 14")
check.below(len(asked), 1000, hint="15 nodes were asked for parents once for each of 16,384 paths: visit a node once")

# %% check="backward: leaves add up, nodes in between start anew" points=1
x = Value(3.0)
middle = x * 2.0
loss = middle ** 2
backward(loss)
backward(loss)
check.close(x.grad, 48.0,
            hint="each backward adds 24 to x. 72: middle kept its old grad, set it to 0 first. 24: x was reset")
check.close(middle.grad, 12.0, hint="middle is no leaf: its grad is 12 after each backward, set it to 0 at the start")
backward(x * 5.0)
check.close(x.grad, 53.0, hint="another loss, with slope 5 at x: it adds to what x has collected")
### BEGIN HIDDEN TESTS
y = Value(-1.0)
half = y * 0.5
top = half * half
leave_grad(10.0, y)
leave_grad(99.0, half, top)
backward(top)
check.close([y.grad, half.grad, top.grad], [9.5, -1.0, 1.0],
            hint="whatever grads stood there before: leaves keep them and add, all others are set anew, the loss to 1")
### END HIDDEN TESTS

# %% [markdown]
# ### The graph of one neuron
#
# The same neuron as in section 1, now with your two pieces. In each box stand the number from the forward pass and,
# below it, the derivative of the loss from your backward pass; on each arrow the slope.
#
# **Before you run the next cell:** guess first. Which box gets the largest derivative in size, either way?

# %% demo="graph" alt="The graph of a neuron: boxes with data and grad, arrows with slopes, from w, x and b to the loss L."
w, x, b = Value(0.5), Value(2.0), Value(-0.5)
p = w * x
s = p + b
o = s.tanh()
e = o + -1.0
L = e**2
backward(L)
places = {"w": (w, 0, 2), "x": (x, 0, 1), "b": (b, 0, 0), "p = w·x": (p, 1, 1.5), "s = p + b": (s, 2, 1),
          "o = tanh s": (o, 3, 1), "e = o − y": (e, 4, 1), "L = e²": (L, 5, 1)}
figure, ax = plt.subplots(figsize=(12, 4), layout="constrained")
for name, (node, column, height) in places.items():
    ax.text(column, height, f"{name}\ndata {node.data:.3f}\ngrad {node.grad:.3f}", ha="center", va="center",
            fontsize=11, bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "black"}, zorder=3)
    for parent, slope in zip(node.parents, node.slopes, strict=True):
        for other, left, low in places.values():
            if other is parent:
                ax.annotate("", (column - 0.33, height), (left + 0.33, low),
                            arrowprops={"arrowstyle": "->", "color": "0.3"})
                raised = (low + height) / 2 + (0.14 if low == height else 0)  # its line would look like a minus sign
                ax.text((left + column) / 2, raised, f"{slope:.3f}", ha="center", va="center", fontsize=10,
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
ax.set(xlim=(-0.5, 5.5), ylim=(-0.5, 2.5), title="Forward: left to right. Backward: right to left, times the slopes")
ax.axis("off")
plt.show()

# %% [markdown]
# The numbers are those that you saw in section 1. The largest is that of w, because its slope is x = 2. Nobody derived
# a formula for the whole: each box knows its own slopes and nothing else. That is why the same ten lines work for a
# network of any shape, and why a new operation costs one method and no change to `backward`.

# %% [markdown]
# ## 4 · Trust, but verify
#
# A wrong slope raises no error. The network trains all the same, only worse, and nobody knows why. So whoever writes a
# backward pass checks it against the definition of a derivative: turn one input a little up, a little down, and look
# at the difference (*central differences*).
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(\dots, x_i + h, \dots) - f(\dots, x_i - h, \dots)}{2h}$$
#
# Why both sides? By Taylor's theorem the error of the one-sided quotient shrinks like h, that of the central one like
# h². And why not a tiny h? Numbers have about 16 digits; subtracting two nearly equal ones leaves only the last few.
#
# **`gradient_check(f, inputs, step=1e-5)`** runs `f` on Values, finds its derivatives a with `backward` and n with
# central differences, and returns the largest error over all inputs, as a float:
#
# $$\max_i \frac{|a_i - n_i|}{\max(1, |a_i|, |n_i|)}$$
#
# Derivatives up to 1 are thus compared absolutely, larger ones relatively. ★★★☆☆ · 10 minutes
#
# | | | |
# |---|---|---|
# | `f` | function | takes as many Values as there are inputs, `f(x, y, …)`, and returns one |
# | `inputs` | list of floats | where to check, not to be changed |
# | `step` | float | h |
# | result | float | about $10^{-9}$ where all is well |
#
# <details><summary>Hint 1</summary>First the derivatives by your engine: make a list of new Values, call
# <code>f(*values)</code>, run <code>backward</code> on the result.</details>
# <details><summary>Hint 2</summary>Then, for each i, evaluate f twice on new Values: once with <code>inputs[i]</code>
# raised by h, once with it lowered, all the others as they are. Only <code>.data</code> of the results is
# needed.</details>
# <details><summary>Hint 3</summary>A copy with one number changed: <code>[*inputs[:i], inputs[i] + step,
# *inputs[i + 1:]]</code>. Keep the largest error seen so far.</details>

# %% exercise="gradient_check" minutes=10 level=3
def gradient_check(f: Callable[..., Value], inputs: list[float], step: float = 1e-5) -> float:
    """The largest error of `backward` on f at the inputs, compared with central differences.

    f: takes len(inputs) Values, returns a Value. The error of a derivative a against the difference quotient n is
    |a - n| / max(1, |a|, |n|).
    """
    ### BEGIN SOLUTION
    values = [Value(number) for number in inputs]
    backward(f(*values))
    errors = []
    for i, value in enumerate(values):
        higher, lower = (
            f(*[Value(number + h * (i == j)) for j, number in enumerate(inputs)]).data for h in (step, -step)
        )
        quotient = (higher - lower) / (2 * step)
        errors.append(abs(value.grad - quotient) / max(1.0, abs(value.grad), abs(quotient)))
    return max(errors)
    ### END SOLUTION


# %%
# Given: functions to check.
def cube(x):
    return x**3


def forged(*slopes):
    """The function (x² + y² + …) / 2, with these slopes written down instead of the true ones, which are x, y, …"""
    def half_the_squares(*values):
        return Value(sum(value.data**2 for value in values) / 2, values, slopes)

    return half_the_squares


# %% check="gradient_check: small where the derivatives are right" points=1
check.below(gradient_check(tangled, [0.5, -1.25, 0.75]), 1e-7, hint="(f(x + h) - f(x - h)) / (2h), both in brackets")
check.below(gradient_check(forged(4.0, -2.0), [4.0, -2.0]), 1e-7, hint="the slopes are right here, in both inputs")
check.close(gradient_check(cube, [0.25], step=0.1), 0.01, atol=1e-7,
            hint="x³, step 0.1: off by h² = 0.01. 0: use abs; 1e-10: use step; 0.05: divide by at least 1")
### BEGIN HIDDEN TESTS
check.close(gradient_check(cube, [-0.5], step=0.2), 0.04, atol=1e-7, hint="x³ with step 0.2: off by h² = 0.04")
check.close(gradient_check(cube, [3.0], step=0.5), 0.25 / 27.25, atol=1e-7, hint="27 against 27.25, relative")
check.below(gradient_check(tangled, [1.5, 0.8, -2.0]), 1e-7, hint="tangled is right: its error must be tiny")
### END HIDDEN TESTS

# %% check="gradient_check: says how far off a wrong slope is" points=2
check.close(gradient_check(forged(3.0), [6.0]), 0.5, hint="the slope should be 6 and is 3: |3 - 6| / max(1, 3, 6)")
check.close(gradient_check(forged(8.0), [2.0]), 0.75, hint="the slope should be 2 and is 8: |8 - 2| / max(1, 8, 2)")
check.close(gradient_check(forged(0.25), [0.5]), 0.25, hint="below 1 the error is absolute: |0.25 - 0.5| / max(1, …)")
check.close(gradient_check(forged(-3.0), [-6.0]), 0.5, hint="the sizes of negative slopes count: use abs")
### BEGIN HIDDEN TESTS
check.close(gradient_check(forged(-8.0), [-2.0]), 0.75, hint="-8 instead of -2: |-8 + 2| / max(1, 8, 2)")
check.close(gradient_check(forged(-0.25), [0.5]), 0.75, hint="-0.25 instead of 0.5: below 1 the error is absolute")
### END HIDDEN TESTS

# %% check="gradient_check: looks at every input" points=1
check.close(gradient_check(forged(4.0, 1.0, 2.0), [4.0, 2.0, 2.0]), 0.5,
            hint="three inputs, the second is wrong (1 for 2): turn one input at a time, report the largest error")
check.close(gradient_check(forged(1.0, 3.0, 4.0), [4.0, 4.0, 4.0]), 0.75, hint="errors 0.75, 0.25 and 0: the largest")
point = [4.0, 2.0, 2.0]
gradient_check(forged(4.0, 2.0, 2.0), point)
check.equal(point, [4.0, 2.0, 2.0], hint="inputs was changed: turn a number in a copy of the list")
### BEGIN HIDDEN TESTS
check.close(gradient_check(forged(4.0, 3.0, 2.0, 1.0), [4.0, 4.0, 4.0, 4.0]), 0.75, hint="errors 0, 0.25, 0.5, 0.75")
check.close(gradient_check(forged(3.0, -1.0), [4.0, 2.0]), 1.5, hint="errors 0.25 and 3/2: an error may exceed 1")
### END HIDDEN TESTS

# %% [markdown]
# How small should the step be? The next cell measures the error of both kinds of difference for the derivative of $e^x$
# at 1, against your `backward`.
#
# **Before you run it:** make h ten times smaller. How much better does each get, and will it go on for ever?

# %% demo="step-size" alt="Error against step, log-log: falls with slope 1 or 2, then rises again as the step shrinks."
point = Value(1.0)
backward(point.exp())
steps = 10.0 ** np.arange(-14, 0.25, 0.25)
one_sided = [abs((math.exp(1 + h) - math.exp(1)) / h - point.grad) for h in steps]
central = [abs((math.exp(1 + h) - math.exp(1 - h)) / (2 * h) - point.grad) for h in steps]
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.loglog(steps, one_sided, "s--", color="0.55", markersize=4, label="one-sided")
ax.loglog(steps, central, "o-", color="black", markersize=4, label="central")
ax.axvline(1e-5, color="0.7", linewidth=1)
ax.set(title="The error of a difference quotient", xlabel="step h", ylabel="error of the derivative of eˣ at 1")
ax.legend()
plt.show()

# %% [markdown]
# On the right the mathematics decides: with an h ten times smaller, one-sided differences get ten times better, central
# ones a hundred times. On the left the
# rounding of floating-point numbers does, and the error grows again. The best central step lies near $10^{-5}$, the
# default above. (PyTorch's `torch.autograd.gradcheck` does the same thing for tensors; its documentation warns that its
# defaults are meant for double precision. Do you see why?)
#
# Could we train with differences alone and spare ourselves the engine? Count: n inputs cost 2n evaluations, one
# backward pass gives all n. The next cell times both on a sum
# over products of neighbours.
#
# **Before you run it:** by which factor do the two differ at n = 256?

# %% demo="cost-of-gradients" alt="Log-log chart: time by differences grows as n squared, by backward as n."
def chain_of_products(*values):
    return sum(((left * right).tanh() for left, right in zip(values, values[1:], strict=False)), Value(0.0))


counts, by_forward, by_backward, by_differences = [4, 16, 64, 256], [], [], []
for n in counts:
    numbers = [math.sin(i) for i in range(n)]
    forward_time = backward_time = difference_time = math.inf
    for _ in range(5):
        start = time.perf_counter()
        result = chain_of_products(*[Value(number) for number in numbers])
        middle = time.perf_counter()
        backward(result)
        end = time.perf_counter()
        forward_time, backward_time = min(forward_time, middle - start), min(backward_time, end - start)
    start = time.perf_counter()
    for i in range(n):
        for h in (1e-5, -1e-5):
            chain_of_products(*[Value(number + h * (i == j)) for j, number in enumerate(numbers)])
    difference_time = time.perf_counter() - start
    by_forward.append(forward_time)
    by_backward.append(backward_time)
    by_differences.append(difference_time)
    print(f"n = {n:3}: forward and backward take {backward_time / forward_time:.1f} times the forward pass alone, "
          f"differences {difference_time / backward_time:.0f} times as long as both")
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.loglog(counts, by_differences, "s--", color="0.5", label="central differences, one input at a time")
ax.loglog(counts, by_backward, "o-", color="black", label="forward and backward: all derivatives at once")
ax.loglog(counts, by_forward, "^:", color="0.5", label="forward pass alone")
ax.set(title="What all derivatives of one result cost", xlabel="number of inputs n", ylabel="time [s]")
ax.set_xticks(counts, [str(n) for n in counts])
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# The black line runs parallel to the dotted one: the gradient costs a small multiple of the function, whatever n is. By
# differences it takes 2n evaluations: at n = 256, hundreds of times as long, as the last printed line says.
# Differences are for checking, on a few numbers; the engine is for training.

# %% [markdown]
# ## 5 · A network
#
# A *unit* takes a weighted sum of its inputs, adds a bias, and bends the result with tanh. A *layer* is a row of units
# that read the same inputs. A multi-layer perceptron (MLP) is a stack of layers, each reading the one before:
#
# $$a^{(0)} = x \qquad a^{(l+1)}_j = \tanh\Big(b^{(l)}_j + \sum_i W^{(l)}_{ji}\, a^{(l)}_i\Big)$$
#
# The last layer goes without tanh, so that the output is not shut in between −1 and 1. Without tanh in the others the
# stack would collapse: a weighted sum of weighted sums is a weighted sum.
#
# **`MLP(sizes, seed=0)`**: `MLP([1, 4, 1])` has one input, one hidden layer of four units, one output. `__init__` and
# `parameters` are given; you write `__call__(x)`, the forward pass. ★★★☆☆ · 10 minutes
#
# | | type | meaning |
# |---|---|---|
# | `self.weights[l][j][i]` | Value | leads from $a^{(l)}_i$ to $a^{(l+1)}_j$ ($a^{(0)}$ is the input): a row for each j |
# | `self.biases[l][j]` | Value | of that unit j |
# | `x` | list of n_in floats or Values | the inputs |
# | result | list of n_out Values | the outputs, a list even if there is only one |
#
# <details><summary>Hint 1</summary>Keep a list of activations, at first <code>x</code>. For each layer make the next
# list from it, one entry for each row of weights.</details>
# <details><summary>Hint 2</summary>An entry is the bias plus the sum of weight times activation over the row. Bend it
# with <code>.tanh()</code> unless this is the last layer.</details>
# <details><summary>Hint 3</summary><code>sum(products, start)</code> begins with <code>start</code>, a good place for
# the bias. The last layer is the one with number <code>len(self.weights) - 1</code>.</details>

# %% exercise="MLP" minutes=10 level=3 forbid="torch_mlp"
class MLP:
    """Fully connected layers of Values, tanh after each but the last.

    sizes: the widths, the input's first. weights[l][j][i] leads from number i of a(l) to unit j of a(l + 1);
    biases[l][j] belongs to that unit j. Rumelhart et al. 1986
    """

    def __init__(self, sizes: list[int], seed: int = 0) -> None:
        draw = random.Random(seed)
        self.weights, self.biases = [], []
        for n_in, n_out in zip(sizes, sizes[1:], strict=False):
            rows = [[Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_in)] for _ in range(n_out)]
            self.weights.append(rows)
            self.biases.append([Value(draw.gauss(0, n_in**-0.5)) for _ in range(n_out)])

    def parameters(self) -> list[Value]:
        """Layer by layer: all weights, row after row, then the biases."""
        layers = zip(self.weights, self.biases, strict=True)
        return [parameter for rows, biases in layers for row in [*rows, biases] for parameter in row]

    def __call__(self, x: list[float] | list[Value]) -> list[Value]:
        """The outputs for one example x."""
        ### BEGIN SOLUTION
        for layer, (rows, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = [
                sum((weight * a for weight, a in zip(row, x, strict=True)), bias)
                for row, bias in zip(rows, biases, strict=True)
            ]
            if layer < len(self.weights) - 1:
                x = [unit.tanh() for unit in x]
        return x
        ### END SOLUTION


# %%
# Given: numbers for a network's parameters, and PyTorch's network and training to compare with.
def set_parameters(network, numbers):
    """Give the network's parameters these numbers, in the order of network.parameters(). Returns the network."""
    for parameter, number in zip(network.parameters(), numbers, strict=True):
        parameter.data = number
    return network


def torch_mlp(sizes, parameters, x):
    """The same network in PyTorch. parameters: (P,), in the order of MLP.parameters(). x: (N, n_in) to (N, n_out)."""
    start = 0
    for layer, (n_in, n_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        weight = parameters[start : start + n_out * n_in].view(n_out, n_in)
        bias = parameters[start + n_out * n_in : start + n_out * (n_in + 1)]
        start += n_out * (n_in + 1)
        x = F.linear(x, weight, bias)  # (N, n_out)
        if layer < len(sizes) - 2:
            x = torch.tanh(x)
    return x


def torch_training(sizes, parameters, xs, ys, learning_rate, steps):
    """The same training in PyTorch, in float64. Returns the loss before each step and the parameters after the last."""
    xs, ys = torch.tensor(xs, dtype=torch.float64), torch.tensor(ys, dtype=torch.float64)
    losses = []
    for _ in range(steps):
        parameters = parameters.detach().requires_grad_()
        loss = F.mse_loss(torch_mlp(sizes, parameters, xs), ys)
        loss.backward()
        parameters = parameters - learning_rate * parameters.grad
        losses.append(loss.item())
    return losses, parameters.detach()


# %% check="MLP: one output for each unit of the last layer" points=1
numbers = check.randn(26, seed=21).double()
network = set_parameters(MLP([3, 4, 2]), numbers.tolist())
out = network([0.5, -1.0, 2.0])
check.equal(len(out), 2, hint="a list with one Value for each unit of the last layer, here 2")
expected = torch_mlp([3, 4, 2], numbers, torch.tensor([[0.5, -1.0, 2.0]]).double())
check.close([o.data for o in out], expected[0].tolist(), atol=1e-6, rtol=1e-6,
            hint="bias plus weights times inputs; tanh after the hidden layer, none after the last")
check.equal(len(MLP([3, 1])([0.5, -1.0, 2.0])), 1, hint="a list even if there is only one output")
### BEGIN HIDDEN TESTS
numbers2 = check.randn(13, seed=22).double()
network2 = set_parameters(MLP([2, 3, 1]), numbers2.tolist())
expected2 = torch_mlp([2, 3, 1], numbers2, torch.tensor([[-0.75, 1.5]]).double())
check.close([o.data for o in network2([-0.75, 1.5])], expected2[0].tolist(), atol=1e-6, rtol=1e-6,
            hint="2 inputs, 3 hidden units, 1 output: a list of one Value")
### END HIDDEN TESTS

# %% check="MLP: any number of layers" points=1
numbers = check.randn(41, seed=23).double()
network = set_parameters(MLP([2, 3, 4, 2, 2]), numbers.tolist())
expected = torch_mlp([2, 3, 4, 2, 2], numbers, torch.tensor([[1.0, -0.5]]).double())
check.close([o.data for o in network([1.0, -0.5])], expected[0].tolist(), atol=1e-6, rtol=1e-6,
            hint="three hidden layers: tanh after each of them, none after the last layer")
linear_numbers = check.randn(8, seed=24).double()
linear = set_parameters(MLP([3, 2]), linear_numbers.tolist())
expected_linear = torch_mlp([3, 2], linear_numbers, torch.tensor([[1.0, 2.0, -1.0]]).double())
check.close([o.data for o in linear([1.0, 2.0, -1.0])], expected_linear[0].tolist(), atol=1e-6, rtol=1e-6,
            hint="a network of one layer has no hidden units and no tanh")
### BEGIN HIDDEN TESTS
deep_numbers = check.randn(22, seed=25).double()
deep = set_parameters(MLP([1, 5, 1, 3]), deep_numbers.tolist())
expected_deep = torch_mlp([1, 5, 1, 3], deep_numbers, torch.tensor([[0.75]]).double())
check.close([o.data for o in deep([0.75])], expected_deep[0].tolist(), atol=1e-6, rtol=1e-6,
            hint="two hidden layers of 5 and 1 units: tanh after both")
### END HIDDEN TESTS

# %% check="MLP: gradients reach every parameter and the inputs" points=1
numbers = check.randn(26, seed=26).double()
network = set_parameters(MLP([3, 4, 2]), numbers.tolist())
point = [Value(0.5), Value(-1.0), Value(2.0)]
first, second = network(point)
backward(first * second + first)
leaves = check.randn(26, seed=26).double().requires_grad_()
inputs = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64, requires_grad=True)
theirs = torch_mlp([3, 4, 2], leaves, inputs)
(theirs[0, 0] * theirs[0, 1] + theirs[0, 0]).backward()
check.close([p.grad for p in network.parameters()], leaves.grad.tolist(), atol=1e-6, rtol=1e-6,
            hint="use the Values themselves, not their .data: a parameter that left the graph gets no gradient")
check.close([v.grad for v in point], inputs.grad[0].tolist(), atol=1e-6, rtol=1e-6,
            hint="x may hold Values: the inputs get gradients too")

# %% [markdown]
# Your own tools can vouch for the network: `gradient_check` turns every parameter of an untrained one and compares.

# %% demo="check-network" alt="A line of text: the largest error over all parameters of a network is tiny."
def network_loss(*parameters):
    network = MLP([2, 4, 1])
    network.weights = [[parameters[0:2], parameters[2:4], parameters[4:6], parameters[6:8]], [parameters[12:16]]]
    network.biases = [parameters[8:12], parameters[16:]]
    return (network([0.5, -1.0])[0] - 0.25) ** 2


start = [parameter.data for parameter in MLP([2, 4, 1], seed=1).parameters()]
print(f"{len(start)} parameters, largest error of backward: {gradient_check(network_loss, start):.1e}")

# %% [markdown]
# ## 6 · The four steps
#
# Now the body of every training loop. The loss is the *mean squared error*, the average of $(o - y)^2$ over all outputs
# of all examples:
#
# $$L = \frac{1}{N \cdot n_{out}} \sum_{k=1}^{N} \sum_{j=1}^{n_{out}} \big(o_j(x_k) - y_{kj}\big)^2
# \qquad\qquad \theta \leftarrow \theta - \eta\, \frac{\partial L}{\partial \theta}$$
#
# The second formula is the update, for every parameter θ, with a *learning rate* η. The gradient points where the loss
# rises fastest, hence the minus. This is gradient descent; better updates are the subject of *optimizers*.
#
# **`train_step(network, xs, ys, learning_rate)`** takes one step, in place, and returns the loss. ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `network` | | has `parameters()`, and maps a list of n_in numbers to a list of n_out Values |
# | `xs` | N lists of n_in floats | the inputs |
# | `ys` | N lists of n_out floats | the targets |
# | `learning_rate` | float | η |
# | result | float | the loss *before* the update |
#
# Parameters are leaves: their `grad` still holds whatever was there before the step, and `backward` adds to it. Change
# the `data` of the parameters; do not put new Values in their places.
#
# <details><summary>Hint 1</summary>Forward pass: a list of all squared errors, over examples and outputs. Loss: their
# sum divided by their number. Then two more steps, and something before them.</details>
# <details><summary>Hint 2</summary>Before <code>backward</code>, set the <code>grad</code> of every parameter to zero.
# Otherwise the second step walks along the sum of two gradients.</details>
# <details><summary>Hint 3</summary><code>sum(errors)</code> works on Values, because 0 + Value is given. The update is
# <code>parameter.data -= …</code>; the loss to return is <code>loss.data</code>, a plain number, computed before
# it.</details>

# %% exercise="train_step" minutes=10 level=3 forbid="torch_training, torch_mlp"
def train_step(network: MLP, xs: list[list[float]], ys: list[list[float]], learning_rate: float) -> float:
    """One step of gradient descent on the mean squared error. Returns the loss before the update.

    xs: N lists of n_in floats. ys: N lists of n_out floats. Changes the data and the grad of the parameters.
    """
    ### BEGIN SOLUTION
    outputs = [network(x) for x in xs]
    errors = [(o - t) ** 2 for out, y in zip(outputs, ys, strict=True) for o, t in zip(out, y, strict=True)]
    loss = sum(errors) / len(errors)
    for parameter in network.parameters():
        parameter.grad = 0.0
    backward(loss)
    for parameter in network.parameters():
        parameter.data -= learning_rate * parameter.grad
    return loss.data
    ### END SOLUTION


# %% check="train_step: returns the mean squared error before the update" points=1
xs = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]]
ys = [[1.0, 0.0], [-1.0, 2.0], [0.5, 0.5]]
numbers = check.randn(17, seed=31).double()
loss = train_step(set_parameters(MLP([2, 3, 2]), numbers.tolist()), [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]],
                  [[1.0, 0.0], [-1.0, 2.0], [0.5, 0.5]], 0.25)
losses, _ = torch_training([2, 3, 2], numbers, xs, ys, 0.25, 1)
check.close(loss, losses[0], atol=1e-6, rtol=1e-6,
            hint="the mean over all 6 outputs (3 examples, 2 each), before the update, as a number: loss.data")
### BEGIN HIDDEN TESTS
numbers2 = check.randn(5, seed=32).double()
loss2 = train_step(set_parameters(MLP([4, 1]), numbers2.tolist()), [[1.0, 2.0, -1.0, 0.5], [0.0, 1.0, 1.0, -2.0]],
                   [[0.5], [-1.0]], 1.0)
losses2, _ = torch_training([4, 1], numbers2, [[1.0, 2.0, -1.0, 0.5], [0.0, 1.0, 1.0, -2.0]], [[0.5], [-1.0]], 1.0, 1)
check.close(loss2, losses2[0], atol=1e-6, rtol=1e-6, hint="2 examples with one output each: the mean of 2 squares")
### END HIDDEN TESTS

# %% check="train_step: walks against the gradient" points=2
numbers = check.randn(17, seed=33).double()
network = set_parameters(MLP([2, 3, 2]), numbers.tolist())
train_step(network, [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]], [[1.0, 0.0], [-1.0, 2.0], [0.5, 0.5]], 0.25)
_, expected = torch_training([2, 3, 2], numbers, [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]],
                             [[1.0, 0.0], [-1.0, 2.0], [0.5, 0.5]], 0.25, 1)
check.close([p.data for p in network.parameters()], expected.tolist(), atol=1e-6, rtol=1e-6,
            hint="from .data take learning rate times grad, of the mean error. Nothing moved? grad was zeroed too late")
### BEGIN HIDDEN TESTS
numbers2 = check.randn(10, seed=34).double()
network2 = set_parameters(MLP([1, 3, 1]), numbers2.tolist())
train_step(network2, [[0.5], [-1.0], [2.0], [0.0]], [[1.0], [0.25], [-1.0], [0.5]], 0.03125)
_, expected2 = torch_training([1, 3, 1], numbers2, [[0.5], [-1.0], [2.0], [0.0]], [[1.0], [0.25], [-1.0], [0.5]],
                              0.03125, 1)
check.close([p.data for p in network2.parameters()], expected2.tolist(), atol=1e-6, rtol=1e-6,
            hint="4 examples, a smaller learning rate: parameter minus learning rate times gradient")
### END HIDDEN TESTS

# %% check="train_step: every step starts with gradients of zero" points=1
numbers = check.randn(10, seed=35).double()
network = set_parameters(MLP([1, 3, 1]), numbers.tolist())
leave_grad(5.0, *network.parameters())
losses = []
for _ in range(4):
    losses.append(train_step(network, [[0.5], [-1.0], [2.0]], [[1.0], [0.25], [-1.0]], 0.125))
expected_losses, expected = torch_training([1, 3, 1], numbers, [[0.5], [-1.0], [2.0]], [[1.0], [0.25], [-1.0]],
                                           0.125, 4)
check.close(losses[0], expected_losses[0], atol=1e-6, rtol=1e-6,
            hint="the loss before the first update: the mean over 3 outputs")
check.close(losses, expected_losses, atol=1e-6, rtol=1e-6,
            hint="right at first, then not: old gradients were still in there (before the first step, grad was 5)")
check.close([p.data for p in network.parameters()], expected.tolist(), atol=1e-6, rtol=1e-6,
            hint="after four steps the parameters differ from PyTorch's: set every grad to 0 before backward")
### BEGIN HIDDEN TESTS
network2 = set_parameters(MLP([1, 3, 1]), numbers.tolist())
leave_grad(100.0, *network2.parameters())
train_step(network2, [[0.5], [-1.0], [2.0]], [[1.0], [0.25], [-1.0]], 0.125)
_, expected2 = torch_training([1, 3, 1], numbers, [[0.5], [-1.0], [2.0]], [[1.0], [0.25], [-1.0]], 0.125, 1)
check.close([p.data for p in network2.parameters()], expected2.tolist(), atol=1e-6, rtol=1e-6,
            hint="gradients left over from before the step count: set every grad to 0 before backward")
### END HIDDEN TESTS

# %% [markdown]
# ### How large a step?
#
# The gradient says which way, for a tiny step. How far you may walk along it, it does not say. The next cell trains the
# same network of four hidden units, from the same start, to follow a sine at 17 points, with four learning rates.
#
# **Before you run it:** one is far too small, one is far too large. What will the loss of the latter do: fall slowly,
# stay, swing, or grow without end?

# %% demo="learning-rates" alt="Loss against step for four rates: slow, right, swinging, and off the top of the chart."
xs = [[x] for x in np.linspace(-3, 3, 17).tolist()]
ys = [[math.sin(x)] for (x,) in xs]


def trained(rate, steps):
    """A network trained with your train_step, and its losses; stops when they have become absurd."""
    network, losses = MLP([1, 4, 1], seed=4), []
    while len(losses) < steps and (not losses or losses[-1] < 1e4):
        losses.append(train_step(network, xs, ys, rate))
    return network, losses


figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
for rate, style, color in ((0.003, ":", "black"), (0.3, "-", "black"), (0.5, "-", "0.65"), (0.7, "--", "0.4")):
    _, losses = trained(rate, 250)
    ax.semilogy(losses, style, color=color, linewidth=2, label=f"η = {rate}")
    print(f"η = {rate}: the loss is {losses[0]:.3g} at first, {losses[-1]:.3g} after {len(losses)} steps")
ax.set(title="One network, one start, four learning rates", xlabel="step", ylabel="mean squared error",
       ylim=(1e-3, 1e3))
ax.legend(loc="upper right")
plt.show()

# %% [markdown]
# The smallest rate goes the right way, a hundred times too slowly. 0.3 falls steadily. 0.5 follows the same path at
# first, then overshoots: near the bottom the valley is narrow, and a step that is too long lands on the other wall,
# higher up. It swings and makes no progress. At 0.7 each step overshoots by more than it gains; the loss grows
# without end. So the largest useful rate is set by the *steepest curve* of the loss, not by how far there is to go,
# and it lies close to disaster: here all of this lies between 0.3 and 0.7.
#
# Turn the knob yourself; each setting trains for 100 steps. Where, roughly, does the fall stop getting faster and the
# swinging begin? (Without sliders, call `draw_rate(0.4)` in a new cell.)

# %% demo="learning-rate-slider" alt="Left the loss of 100 steps at the slider's rate, right the fitted curve over the sine."
def draw_rate(rate=0.3):
    network, losses = trained(rate, 100)
    fine = np.linspace(-3, 3, 61)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    axes[0].semilogy(losses, color="black")
    axes[0].set(title=f"η = {rate:.3f}", xlabel="step", ylabel="mean squared error")
    axes[1].plot(fine, np.sin(fine), color="0.6", linewidth=4, label="sine")
    axes[1].plot(fine, [network([x])[0].data for x in fine.tolist()], "--", color="black", label="network")
    axes[1].set(title=f"after {len(losses)} steps", xlabel="x", ylabel="output", ylim=(-2, 2))
    axes[1].legend()
    plt.show()


try:
    from ipywidgets import FloatLogSlider, interact

    interact(draw_rate, rate=FloatLogSlider(0.3, base=10, min=-3, max=0, step=0.05, description="η",
                                            continuous_update=False))
except ImportError:
    print("pip install ipywidgets gives this picture a slider.")
    draw_rate()

# %% [markdown]
# ## 7 · The same idea for arrays
#
# Your network makes an object for every single number. That is instructive, and slow. Real libraries make a node of a
# whole array: one matrix product is one node with two parents. The backward pass is yours, unchanged; only "slope times
# grad" becomes, for each operation, a small rule. For $C = A B$ and $G = \partial L/\partial C$, for example, A
# receives $G B^\top$ and B receives $A^\top G$.
#
# One thing is new: broadcasting. In `X @ W + b` the bias, shape (D,), is added to every row of a batch, (N, D). So each
# of its numbers is used N times, and where a number is used several times, the paths add up. The gradient that arrives
# has shape (N, D), that of the result; what b needs has shape (D,), its own: the sum over the rows.
#
# In general NumPy lines shapes up from the right, puts missing axes in front, and stretches axes of length 1. Backward
# undoes both: **sum over the axes that were put in front, and over those that were stretched**.
#
# **`unbroadcast(gradient, shape)`** ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `gradient` | any, float array | the gradient with respect to the broadcast array |
# | `shape` | tuple of ints | the shape before broadcasting; may be `()`, a single number |
# | result | `shape`; for `()` a NumPy number will do | the gradient with respect to the array itself |
#
# Nothing to do where the shapes agree already. `gradient` is not changed. PyTorch's `sum_to_size`, which does this, is
# not allowed.
#
# <details><summary>Hint 1</summary>Two steps, front axes first: how many more axes does <code>gradient</code> have than
# <code>shape</code>? Sum over that many from the front.</details>
# <details><summary>Hint 2</summary>Now both have the same number of axes. Sum over every axis which is 1 in
# <code>shape</code>, and keep it as an axis of length 1.</details>
# <details><summary>Hint 3</summary><code>array.sum(axis=(0, 1))</code> takes a tuple of axes, also an empty one;
# <code>keepdims=True</code> leaves them in the shape with length 1.</details>

# %% exercise="unbroadcast" minutes=10 level=3 forbid="torch.Tensor.sum_to_size"
def unbroadcast(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum a gradient over the axes along which an array of this shape was broadcast.

    gradient: the gradient with respect to the broadcast array. Returns the gradient with respect to the array itself.
    """
    ### BEGIN SOLUTION
    added = gradient.ndim - len(shape)
    gradient = gradient.sum(axis=tuple(range(added)))  # the axes that broadcasting put in front
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1)
    return gradient.sum(axis=stretched, keepdims=True)
    ### END SOLUTION


# %% check="unbroadcast: sums over axes put in front" points=1
g = check.randn(4, 3, seed=41).double()
check.shape(unbroadcast(g.numpy(), (3,)), (3,), hint="a bias (3,) was added to 4 rows: its gradient is (3,)")
check.close(unbroadcast(g.numpy(), (3,)), g.sum(0).numpy(), hint="each number was used once per row: sum over the rows")
h = check.randn(2, 4, 3, seed=42).double()
check.close(unbroadcast(h.numpy(), (3,)), h.sum((0, 1)).numpy(), hint="two axes stand in front of (3,): sum over both")
check.close(unbroadcast(h.numpy(), (4, 3)), h.sum(0).numpy(), hint="one axis stands in front of (4, 3): sum over it")
### BEGIN HIDDEN TESTS
k = check.randn(3, 3, 3, seed=43).double()
check.close(unbroadcast(k.numpy(), (3,)), k.sum_to_size(3).numpy(), hint="shapes line up from the right")
check.close(unbroadcast(k.numpy(), (3, 3)), k.sum_to_size(3, 3).numpy(), hint="axes are put in front, never behind")
### END HIDDEN TESTS

# %% check="unbroadcast: sums over axes that were stretched" points=1
g = check.randn(4, 3, seed=44).double()
check.shape(unbroadcast(g.numpy(), (4, 1)), (4, 1), hint="(4, 1) was stretched to (4, 3): keep the axis")
check.close(unbroadcast(g.numpy(), (4, 1)), g.sum(1, keepdim=True).numpy(), hint="sum over the axis that is 1 in shape")
check.close(unbroadcast(g.numpy(), (1, 3)), g.sum(0, keepdim=True).numpy(), hint="sum over the axis that is 1 in shape")
h = check.randn(2, 4, 3, seed=45).double()
check.close(unbroadcast(h.numpy(), (1, 4, 1)), h.sum((0, 2), keepdim=True).numpy(), hint="two were stretched here")
### BEGIN HIDDEN TESTS
k = check.randn(5, 2, 4, 3, seed=46).double()
check.close(unbroadcast(k.numpy(), (5, 1, 1, 3)), k.sum_to_size(5, 1, 1, 3).numpy(), hint="two axes were stretched")
check.close(unbroadcast(k.numpy(), (1, 1, 1, 1)), k.sum_to_size(1, 1, 1, 1).numpy(), hint="all axes were stretched")
### END HIDDEN TESTS

# %% check="unbroadcast: both at once, or nothing" points=1
given = check.randn(2, 4, 3, seed=47).double().numpy()
summed = unbroadcast(given, (4, 1))
check.close(given, check.randn(2, 4, 3, seed=47).double().numpy(), hint="gradient was changed: make a new array")
h = check.randn(2, 4, 3, seed=47).double()
check.close(unbroadcast(h.numpy(), (4, 1)), h.sum_to_size(4, 1).numpy(),
            hint="an axis was put in front and the last stretched: sum the front away first, then axes count as in shape")
check.close(unbroadcast(h.numpy(), (1, 3)), h.sum_to_size(1, 3).numpy(), hint="(1, 3) from (2, 4, 3): two sums")
check.close(unbroadcast(h.numpy(), ()), h.sum().item(), hint="a single number was used everywhere: sum over everything")
check.close(unbroadcast(h.numpy(), (2, 4, 3)), check.randn(2, 4, 3, seed=47).double().numpy(),
            hint="nothing was broadcast: the gradient as it is")
### BEGIN HIDDEN TESTS
k = check.randn(2, 1, 3, seed=48).double()
check.close(unbroadcast(k.numpy(), (1, 3)), k.sum_to_size(1, 3).numpy(), hint="an axis of 1 may have been 1 all along")
check.close(unbroadcast(k.numpy(), (1, 1)), k.sum_to_size(1, 1).numpy(), hint="(1, 1) from (2, 1, 3)")
check.close(unbroadcast(k.numpy(), (2, 1, 3)), check.randn(2, 1, 3, seed=48).double().numpy(), hint="nothing to do")
### END HIDDEN TESTS

# %% [markdown]
# ### An engine for arrays, with your backward
#
# Here is `Value` once more, for arrays: `Array`. It has `data`, `grad`, `parents` and `slopes`; a slope is a `Rule`,
# and "slope times grad" applies it. So **your `backward` runs on it as it is**. Read the rules; each is one line, and
# your `unbroadcast` is in two of them.

# %% demo="array-engine" alt="Lines of text: gradients of an array network agree with PyTorch's."
class Rule:
    """The slope of an array operation: rule * g is what a parent receives when the result's gradient is g."""

    __array_ufunc__ = None  # NumPy leaves g * rule to us as well

    def __init__(self, apply):
        self.apply = apply

    def __mul__(self, g):
        return self.apply(g)

    __rmul__ = __mul__


class Array:
    """A NumPy array that remembers how it was made."""

    def __init__(self, data, parents=(), rules=()):
        self.data, self.grad = np.asarray(data, dtype=np.float64), 0.0
        self.parents, self.slopes = parents, tuple(Rule(rule) for rule in rules)

    def __add__(self, other):
        return Array(self.data + other.data, (self, other), (
            lambda g: unbroadcast(g, self.data.shape),
            lambda g: unbroadcast(g, other.data.shape)))

    def __matmul__(self, other):
        return Array(self.data @ other.data, (self, other), (
            lambda g: g @ other.data.T,
            lambda g: self.data.T @ g))

    def tanh(self):
        t = np.tanh(self.data)
        return Array(t, (self,), (lambda g: g * (1 - t**2),))

    def mean_squared_error(self, target):
        difference = self.data - target
        return Array(np.mean(difference**2), (self,), (lambda g: g * 2 * difference / difference.size,))


def array_loss(parameters, x, y):
    """The loss of a network with one hidden layer; parameters: W1 (n_in, h), b1 (h,), W2 (h, n_out), b2 (n_out,)."""
    w1, b1, w2, b2 = parameters
    return ((Array(x) @ w1 + b1).tanh() @ w2 + b2).mean_squared_error(y)


draw = np.random.default_rng(0)
parameters = [Array(draw.standard_normal(shape)) for shape in ((3, 5), (5,), (5, 2), (2,))]
x, y = draw.standard_normal((7, 3)), draw.standard_normal((7, 2))  # (N, n_in), (N, n_out)
backward(array_loss(parameters, x, y))
tensors = [torch.tensor(p.data, requires_grad=True) for p in parameters]
hidden = torch.tanh(torch.tensor(x) @ tensors[0] + tensors[1])  # (N, h)
F.mse_loss(hidden @ tensors[2] + tensors[3], torch.tensor(y)).backward()
for name, p, tensor in zip(("W1", "b1", "W2", "b2"), parameters, tensors, strict=True):
    apart = np.abs(p.grad - tensor.grad.numpy()).max()
    print(f"{name}: gradient of shape {p.grad.shape}, at most {apart:.1e} from PyTorch's")

# %% [markdown]
# ### What a network can represent, and what it learns
#
# One hidden layer, given enough units, can come as close as you like to any continuous function on a bounded interval
# (Cybenko 1989 for sigmoids such as tanh; Hornik, Stinchcombe and White 1989): a *universal approximator*. That is a
# statement about what weights *exist*. It says neither how many units it takes nor whether gradient descent finds them.
#
# The next cell fits a sine, one and a half periods, with 1, 4 and 32 hidden units, each from five random starts, with
# the array engine. To tell the two questions apart, it then keeps each trained hidden layer and solves for the *best
# possible* weights of the last layer, a least-squares problem: these weights exist, whether descent finds them or not.
#
# **Before you run it:** tanh only ever rises. What is the best that a network with a single hidden unit can do? And
# will the five starts of the network with 4 units end alike?

# %% demo="universal" alt="Fits of a sine with 1, 4, 32 hidden units; errors learned and with the last layer solved."
x = np.linspace(-1, 1, 64)[:, None]  # (N, 1)
y = np.sin(1.5 * np.pi * x)  # (N, 1)


def fit(units, seed, steps=1500, rate=0.1):
    """Train a network with so many hidden units from a random start.

    Returns its outputs (N, 1), its loss, and the loss if its last layer is then solved for exactly.
    """
    draw = np.random.default_rng(seed)
    parameters = [Array(draw.normal(0, 2, (1, units))), Array(draw.normal(0, 1, units)),
                  Array(draw.normal(0, units**-0.5, (units, 1))), Array(np.zeros(1))]
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = 0.0
        backward(array_loss(parameters, x, y))
        for parameter in parameters:
            parameter.data = parameter.data - rate * parameter.grad
    w1, b1, w2, b2 = (parameter.data for parameter in parameters)
    hidden = np.tanh(x @ w1 + b1)  # (N, units)
    output = hidden @ w2 + b2  # (N, 1)
    columns = np.hstack([hidden, np.ones_like(x)])  # (N, units + 1)
    solved = columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    return output, np.mean((output - y) ** 2), np.mean((solved - y) ** 2)


fits = {units: [fit(units, seed) for seed in range(5)] for units in (1, 4, 32)}
figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
for column, (ax, (units, results)) in enumerate(zip(axes, fits.items(), strict=False)):
    ax.plot(x, y, color="0.75", linewidth=5, label="sine")
    for number, (output, _, _) in enumerate(results):
        ax.plot(x, output, "--", color="black", linewidth=1, label="five starts" if number == 0 else None)
    ax.set(title=f"{units} hidden unit{'s' * (units > 1)}", xlabel="x", ylim=(-2, 2))
    learned, solved = [loss for _, loss, _ in results], [loss for _, _, loss in results]
    axes[3].semilogy([column - 0.1] * 5, learned, "o", color="black", fillstyle="none")
    axes[3].semilogy([column + 0.1] * 5, solved, "x", color="0.4")
    print(f"{units:2} hidden units: learned " + ", ".join(f"{loss:.2g}" for loss in learned)
          + "; last layer solved " + ", ".join(f"{loss:.2g}" for loss in solved))
axes[0].set_ylabel("output")
axes[0].legend(loc="upper left", fontsize=9)
axes[3].plot([], [], "o", color="black", fillstyle="none", label="learned")
axes[3].plot([], [], "x", color="0.4", label="last layer solved")
axes[3].set(title="what each start reached", xlabel="hidden units", ylabel="mean squared error", xlim=(-0.5, 2.5))
axes[3].set_xticks(range(3), list(map(str, fits)))
axes[3].legend(fontsize=9)
plt.show()

# %% [markdown]
# One tanh rises or falls once, and the sine turns twice: no weights help, and the five starts give up in different
# ways. Four units are enough to see the shape, and no two starts end alike.
#
# With 32 units gradient descent does hardly better than with four: errors of a few thousandths. Is the network too
# small? The crosses say no. With the very same hidden units, other weights in the last layer bring the error down to
# nothing but rounding. They exist; plain gradient descent would need a very long time to find them, for the reason
# that you saw above: the rate must suit the steepest direction, and along the flattest ones it then hardly moves.
# What can be represented and what is learned are two questions. The next notebook, *optimizers*, is about the second.

# %% [markdown]
# ## 8 · The same network in PyTorch
#
# You have written, in small, what `torch.autograd` is. The words map one to one:
#
# | yours | PyTorch |
# |---|---|
# | `Value`, `Array` | a tensor with `requires_grad=True` |
# | `parents` and `slopes` | `tensor.grad_fn` and its `next_functions`, and what they saved |
# | `backward(loss)` | `loss.backward()` |
# | `parameter.grad = 0.0` for all | `optimizer.zero_grad()` |
# | `parameter.data -= …` for all | `optimizer.step()` |
# | `gradient_check` | `torch.autograd.gradcheck` |
#
# The next cell trains one network, 16 hidden units on 33 points of a sine, three times from the same start: on your
# Values, on arrays, and in PyTorch, all with 64-bit numbers. It compares the losses and takes the time.
#
# **Before you run it:** will the three curves agree to the last digit? And is PyTorch the fastest for so small a
# network?

# %% demo="three-engines" alt="Left: three loss curves on top of each other. Right: time of a step, Values far slower."
sizes, rate, steps = [1, 16, 1], 0.1, 40
xs = [[x] for x in np.linspace(-3, 3, 33).tolist()]
ys = [[math.sin(x)] for (x,) in xs]
x, y = np.array(xs), np.array(ys)  # (N, 1)
network = MLP(sizes, seed=3)
numbers = torch.tensor([p.data for p in network.parameters()], dtype=torch.float64)  # (P,): W1, b1, W2, b2
arrays = [Array(numbers[:16].numpy()[None]), Array(numbers[16:32].numpy()),
          Array(numbers[32:48].numpy()[:, None]), Array(numbers[48:].numpy())]


def array_step():
    for parameter in arrays:
        parameter.grad = 0.0
    loss = array_loss(arrays, x, y)
    backward(loss)
    for parameter in arrays:
        parameter.data = parameter.data - rate * parameter.grad
    return float(loss.data)


curves, seconds = {}, {}
start = time.perf_counter()
curves["Value"] = [train_step(network, xs, ys, rate) for _ in range(steps)]
seconds["Value"] = (time.perf_counter() - start) / steps
start = time.perf_counter()
curves["Array"] = [array_step() for _ in range(steps)]
seconds["Array"] = (time.perf_counter() - start) / steps
start = time.perf_counter()
curves["PyTorch"], _ = torch_training(sizes, numbers, xs, ys, rate, steps)
seconds["PyTorch"] = (time.perf_counter() - start) / steps

figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
for (name, curve), style, color, width in zip(curves.items(), ("-", "--", ":"), ("0.75", "0.4", "black"), (6, 3, 2),
                                              strict=True):
    axes[0].semilogy(curve, style, color=color, linewidth=width, label=name)
    apart = max(abs(one - other) for one, other in zip(curve, curves["PyTorch"], strict=True))
    print(f"{name:8} {1000 * seconds[name]:7.2f} ms a step, losses at most {apart:.1e} from PyTorch's")
axes[0].set(title="The same losses, step by step", xlabel="step", ylabel="mean squared error")
axes[0].legend()
bars = axes[1].bar(list(seconds), [1000 * value for value in seconds.values()], color="0.45")
axes[1].bar_label(bars, fmt="%.2f")
axes[1].set(title="What a step costs", yscale="log", ylabel="time of a step [ms]")
axes[1].grid(axis="x", visible=False)
axes[1].margins(y=0.1)
plt.show()

# %% [markdown]
# Three engines, one gradient: the losses agree to the last digit or two of a 64-bit number. Your Values are tens of
# times slower than arrays, because Python handles thousands of objects for each step. For so small a network PyTorch
# is no faster than the few lines of NumPy: nearly all of its time goes into starting each operation, not into
# arithmetic. It pays off when a single operation is large, and on a GPU. Its autograd follows the same plan as yours;
# what it adds is a few hundred operations with their rules, memory management, and devices.
#
# From here on the course uses PyTorch for its gradients. You know what it does.

# %% [markdown]
# ## Recap
#
# - Training is four steps, repeated: forward pass, loss, backward pass, update. And gradients are set to zero before
#   the backward pass, because leaves collect them.
# - In the forward pass each node notes its parents and its slopes; in the backward pass each hands to its parents its
#   own derivative times the slope.
# - Paths add up (`+=`), and a node hands on only when it is complete: reverse topological order, each node once.
# - One backward pass gives the derivatives for all inputs at a small multiple of the forward pass. Differences cost two
#   evaluations per input; they are for checking.
# - What is flat (rounding, counting, `argmax`) gives gradients of zero: train on a smooth stand-in.
# - Broadcasting uses a number many times; its gradient is the sum over the axes that were added or stretched.
# - That a network can represent a function does not mean that gradient descent finds it.
#
# Next: *optimizers*, which make more of the same gradients.

# %% [markdown]
# ## A question in words
#
# A friend has written an engine like yours and reports three things. First, "my `backward` needs no list of nodes: it
# calls itself for each parent, with the derivative along this path, and adds". Second, "I train on the number of wrong
# answers, since that is what I care about; the loss does not move". Third, "as I do not trust my slopes, I get all
# gradients by central differences; my network is small, 10,000 parameters, so that is fine".
#
# In six to ten sentences: (a) is the first engine right, and what does it cost? Give an example. (b) Why does the loss
# not move, and what should the friend do instead? (c) What does the third habit cost for each step, compared with one
# backward pass, and how would you use differences instead?

# %% [markdown] essay="three-reports" points=3
# **(a)** The derivatives are right: the chain rule says that the derivative is the sum over all paths of the product of
# the slopes, and that is what this recursion computes. But it walks every path. If twenty steps each use their
# predecessor twice (x + x, again and again), there are $2^{20}$, about a million paths through 21 nodes. In a deep
# network with many units per layer the number of paths is the product of the widths. Going through the nodes in reverse
# topological order, each collects the sum of all paths behind it first and hands it on once. *(1 point: right, but
# exponential; order lets each node be visited once.)*
#
# **(b)** The number of wrong answers does not change when a parameter is turned by a tiny amount; it is flat except for
# jumps. So its slope is zero wherever it exists, every gradient behind it is zero, and no parameter moves. The friend
# should train on a smooth loss that is small when the answers are right (squared error, cross-entropy), and report the
# number of wrong answers beside it. *(1 point: slope zero almost everywhere; smooth stand-in.)*
#
# **(c)** Central differences need two forward passes per parameter, 20,000 for a step; forward and backward together
# cost a few forward passes, so a step takes several thousand times as long. It is also less exact, because of the step
# and of rounding. Use differences once, in a test: a small network, a few inputs, double precision, compare with
# backward, then train with backward. *(1 point: 2 × 10,000 evaluations against a small constant; differences as a
# check.)*

# %% [markdown]
# ## Sources
#
# - Rumelhart, Hinton, Williams 1986. *Learning representations by back-propagating errors.* Nature 323, 533–536.
# - Linnainmaa 1976. *Taylor expansion of the accumulated rounding error.* BIT 16, 146–160; after his master's thesis,
#   University of Helsinki 1970.
# - Baydin, Pearlmutter, Radul, Siskind 2018. *Automatic Differentiation in Machine Learning: a Survey.* JMLR 18 (153).
#   §2 what it is not, §3.2 reverse mode and its cost.
# - Cybenko 1989. *Approximation by Superpositions of a Sigmoidal Function.* Mathematics of Control, Signals, and
#   Systems 2, 303–314.
# - Hornik, Stinchcombe, White 1989. *Multilayer feedforward networks are universal approximators.* Neural Networks 2,
#   359–366.
# - Brown et al. 2020. *Language Models are Few-Shot Learners.* NeurIPS 2020, arXiv 2005.14165. §2.1 the 175 billion
#   parameters of GPT-3.
# - PyTorch documentation: *Autograd mechanics* (graph, slopes at corners), `torch.autograd.backward` (leaves
#   accumulate), `torch.autograd.gradcheck`.
