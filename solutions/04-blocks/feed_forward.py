# %% [markdown]
# # The feed-forward layer
#
# ## What you will build
#
# The other half of a transformer block, the one that does not look around: two activations, `gelu` and `silu`; the
# `FeedForward` layer of the first transformer, of BERT and of GPT-2; `SwiGLU`, its successor in Llama; and
# `parameter_share`, which computes from a configuration how much of a model this half is. It is more than most people
# guess. Then you put the weights of two trained models into your classes and look at what single hidden units respond
# to. About an hour.
#
# ## When it was invented, and why it matters
#
# Attention averages. Whatever its weights, an output is a mixture of values that are there already. Vaswani et al.
# (2017, §3.3) therefore follow every attention layer by a small network of one hidden layer, which each token passes
# through by itself: up to four times the width, a ReLU, and down again. Its form has changed little since. Hendrycks
# and Gimpel (2016, §2) had proposed a smooth relative of the ReLU, the GELU, and GPT (Radford et al. 2018) and BERT
# (Devlin et al. 2019, Appendix A.2) took it. Dauphin et al. (2017) had let one half of a layer *gate* the other by
# multiplication; Shazeer (2020) tried such gates in the feed-forward layer of T5, found them better at equal size, and
# ended the paper without an explanation (§4). PaLM and LLaMA (Touvron et al. 2023, §2.2) adopted the variant called
# SwiGLU, and most language models have followed.
#
# A note that is widely copied gives Llama's feed-forward layer as $\text{ReLU}(xW_1 + b_1)W_2 + b_2$. At the end of
# this notebook you know three things that are wrong with it.
#
# ## Prerequisites
#
# What a hidden layer and a ReLU are (*backprop*); attention (*scaled_dot_product*, *multi_head*), to compare with.
#
# Letters: `B` sequences in a batch, `T` tokens, `D` the width of the model (`d_model`), `F` the width of the hidden
# layer (`d_ff`). `...` stands for any leading axes, none included.

# %%
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.multi_head import MultiHeadAttention
from autograder.parts.scaled_dot_product import causal_mask

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · What depth is worth without a bend
#
# A linear layer multiplies by a matrix. Two of them, one after the other, multiply by two matrices, and
#
# $$(x W_1)\, W_2 = x\, (W_1 W_2),$$
#
# which is *one* matrix, computed beforehand. Sixteen layers are one matrix too. The hidden layer in between may be as
# wide as you like: all its parameters buy nothing that D × D numbers could not do. What prevents the collapse is a
# function between the matrices that is not linear, applied to each hidden number by itself.
#
# **Before you run the next cell:** a point moves along a straight line through a space of 16 dimensions and is sent
# through 1, 4 and 16 layers of random weights. One coordinate of the result is drawn. What do you see without a ReLU
# between the layers, and what with one?

# %% demo="collapse" alt="Without ReLU a straight line at every depth, with ReLU a curve with more and more bends."
generator = torch.Generator().manual_seed(4)
matrices = [torch.randn(16, 16, generator=generator) * (2 / 16) ** 0.5 for _ in range(16)]
start, end = torch.randn(2, 16, generator=generator)
way = torch.linspace(-1, 1, 400)
line = start + 2 * way[:, None] * end  # (400, 16): points along a straight line
figure, axes = plt.subplots(2, 3, figsize=(11, 4.6), sharex=True, layout="constrained")
for row, (name, bend) in zip(axes, (("no bend", lambda x: x), ("a ReLU before each", torch.relu)), strict=True):
    for ax, depth in zip(row, (1, 4, 16), strict=True):
        x = line
        for W in matrices[:depth]:
            x = bend(x) @ W
        ax.plot(way, x[:, 0] / x[:, 0].abs().max(), color="black")
        ax.set_title(f"{'one matrix' if depth == 1 else f'{depth} matrices'}, {name}", fontsize=11)
    row[0].set_ylabel("one output (scaled)")
for ax in axes[1]:
    ax.set_xlabel("place along the line")
plt.show()
stack, product = line, torch.eye(16)
for W in matrices:
    stack, product = stack @ W, product @ W
difference = (stack - line @ product).abs().max() / stack.abs().max()
print(f"16 linear layers, {16 * 16 * 16:,} numbers, against their product, {16 * 16} numbers: "
      f"largest relative difference {difference:.0e}")

# %% [markdown]
# Without a ReLU, a straight line at every depth. With it, each layer folds what the layer before has folded. (The
# curve is made of straight pieces; each bend is a hidden unit switching on or off.)
#
# ## 2 · GELU
#
# The ReLU decides by the sign alone: it multiplies $x$ by 1 or by 0. Hendrycks and Gimpel (2016, §2) make the decision
# by chance: multiply by 1 with the probability that a standard normal number lies below $x$, else by 0. A large $x$ is
# almost surely kept, a very negative one almost surely dropped. The *expected* result is the activation, and nothing
# random is left in it:
#
# $$\text{GELU}(x) = x\, \Phi(x) \qquad \Phi(x) = \tfrac{1}{2}\left(1 + \operatorname{erf}\frac{x}{\sqrt{2}}\right)$$
#
# $\Phi$ is the distribution function of the normal distribution; the error function erf is in PyTorch. For those to
# whom speed is worth more than exactness the authors added approximations (§2), and GPT-2's published code uses this
# one:
#
# $$\text{GELU}(x) \approx \tfrac{1}{2}\, x \left(1 + \tanh\left[\sqrt{2/\pi}\,(x + 0.044715\, x^3)\right]\right)$$
#
# Both are in use. A model must be run with the one that it was trained with; which one that is stands in its
# configuration.
#
# **`gelu(x, approximate="none")`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | any, floats | not to be changed |
# | `approximate` | `"none"` or `"tanh"` | the first formula or the second |
# | result | shape and dtype of `x` | applied to each number by itself; gradients pass through |
#
# PyTorch's finished GELU is not allowed; the checks compare you with it.
#
# <details><summary>Hint 1</summary>Both formulas are x times a number between 0 and 1. Compute that number in two ways,
# and multiply once.</details>
# <details><summary>Hint 2</summary><code>torch.erf</code> and <code>torch.tanh</code> work on whole tensors and do not
# overflow. <code>math.erf</code> takes a single number and knows nothing of gradients.</details>
# <details><summary>Hint 3</summary>Write the constants as <code>math.sqrt(2)</code> and
# <code>math.sqrt(2 / math.pi)</code>, not as rounded decimals. In the second formula the cube is of x alone, and the
# root multiplies the whole bracket.</details>

# %% exercise="gelu" minutes=10 level=2 forbid="torch.nn.functional.gelu, torch.nn.GELU, torch.nn.modules.activation.GELU"
def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """x times the probability that a standard normal number is below x.

    x: floats of any shape. approximate: "none" for the exact form (BERT), "tanh" for the approximation (GPT-2).
    Returns the shape and dtype of x.   Hendrycks and Gimpel 2016, §2
    """
    ### BEGIN SOLUTION
    if approximate == "tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
    ### END SOLUTION


# %% check="gelu: x times the normal distribution function" points=1
x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
check.close(gelu(x), torch.tensor([-0.00404969, -0.15865525, 0.0, 0.84134475, 2.99595031]), atol=1e-3,
            hint="x times Φ(x), and Φ(1) = 0.841: erf of x / √2, plus 1, halved")
y = 2 * check.randn(3, 5, seed=1)
out = gelu(y)
check.close(out, F.gelu(2 * check.randn(3, 5, seed=1)), atol=2e-6, rtol=1e-5,
            hint="the default is the exact form, with erf; it differs from the one with tanh by up to 0.0005")
check.equal(y, 2 * check.randn(3, 5, seed=1), hint="y was changed in place: make a new tensor")
check.dtype(gelu(y.double()), torch.float64, hint="the result has the dtype of x: float64 in, float64 out")
check.dtype(gelu(y), torch.float32, hint="the result has the dtype of x: float32 in, float32 out")
### BEGIN HIDDEN TESTS
z = 3 * check.randn(2, 4, 3, seed=2).double()
check.close(gelu(z), F.gelu(3 * check.randn(2, 4, 3, seed=2).double()), atol=1e-10, rtol=1e-9,
            hint="float64: the constants to full precision, math.sqrt(2), and no detour through float32")
check.close(gelu(z, approximate="none"), F.gelu(3 * check.randn(2, 4, 3, seed=2).double()), atol=1e-10, rtol=1e-9,
            hint='approximate="none" is the exact form')
### END HIDDEN TESTS

# %% check="gelu: the approximation with tanh" points=1
x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
check.close(gelu(x, approximate="tanh"), torch.tensor([-0.00363752, -0.15880801, 0.0, 0.84119199, 2.99636248]),
            atol=1e-4, hint="half of x times (1 + tanh(√(2/π) · (x + 0.044715 x³))): the root multiplies the bracket")
y = 2 * check.randn(3, 5, seed=3)
out = gelu(y, "tanh")
check.close(out, F.gelu(2 * check.randn(3, 5, seed=3), approximate="tanh"), atol=2e-6, rtol=1e-5,
            hint="nearly right: math.sqrt(2 / math.pi), not a rounded decimal, and 0.044715 for the cube")
check.equal(y, 2 * check.randn(3, 5, seed=3), hint="y was changed in place: make a new tensor in this form too")
### BEGIN HIDDEN TESTS
z = 3 * check.randn(2, 4, 3, seed=4).double()
check.close(gelu(z, approximate="tanh"), F.gelu(3 * check.randn(2, 4, 3, seed=4).double(), approximate="tanh"),
            atol=1e-10, rtol=1e-9, hint="float64: write math.sqrt(2 / math.pi), not a rounded decimal")
### END HIDDEN TESTS

# %% check="gelu: large inputs, and a gradient everywhere" points=1
x = torch.tensor([-1000.0, -100.0, -2.0, 0.5, 100.0, 1000.0]).requires_grad_()
y = torch.tensor([-1000.0, -100.0, -2.0, 0.5, 100.0, 1000.0]).requires_grad_()
F.gelu(y).sum().backward()
out = gelu(x)
check.finite(out, hint="no exponentials of your own: torch.erf and torch.tanh do not overflow")
check.close(out, F.gelu(torch.tensor([-1000.0, -100.0, -2.0, 0.5, 100.0, 1000.0])), atol=1e-6,
            hint="far to the left the result is 0, far to the right it is x")
out.sum().backward()
check.close(x.grad, y.grad, hint="the slope is 0 far to the left and 1 far to the right. No detach, no NumPy, no loops")
x2 = torch.tensor([-1000.0, -100.0, -1.5, 0.25, 100.0, 1000.0]).requires_grad_()
y2 = torch.tensor([-1000.0, -100.0, -1.5, 0.25, 100.0, 1000.0]).requires_grad_()
F.gelu(y2, approximate="tanh").sum().backward()
out2 = gelu(x2, approximate="tanh")
check.finite(out2, hint="with tanh: torch.tanh does not overflow, a quotient of exponentials does")
out2.sum().backward()
check.close(x2.grad, y2.grad, hint="with tanh: the slope is 0 far to the left and 1 far to the right. No detach")
### BEGIN HIDDEN TESTS
x3 = (30 * check.randn(4, 6, seed=8)).requires_grad_()
y3 = (30 * check.randn(4, 6, seed=8)).requires_grad_()
F.gelu(y3, approximate="tanh").pow(2).sum().backward()
gelu(x3, approximate="tanh").pow(2).sum().backward()
check.close(x3.grad, y3.grad, atol=1e-4, hint="with tanh, inputs of some dozens: is the gradient finite, does it pass?")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** below zero the ReLU is 0. What is the GELU there? And how good is the
# approximation: should one worry?

# %% demo="gelu" alt="Left: GELU dips to minus 0.17 below zero. Right: the approximation is off by up to 0.0005."
x = torch.linspace(-4, 4, 801, dtype=torch.float64)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
axes[0].plot(x, torch.relu(x), "--", color="0.55", label="ReLU")
axes[0].plot(x, gelu(x), color="black", label="GELU, exact")
axes[0].plot(x, gelu(x) / x.where(x != 0, torch.nan), ":", color="0.35", label="Φ(x)")
axes[0].set(title="GELU is x times a soft switch", xlabel="x", ylabel="activation", ylim=(-0.4, 3))
axes[0].legend()
error = gelu(x, approximate="tanh") - gelu(x)
axes[1].plot(x, 1e4 * error, color="black")
axes[1].set(title="what the approximation is off by", xlabel="x", ylabel="tanh form − exact  [1 / 10,000]")
plt.show()
print(f"lowest value {gelu(x).min():.4f} at x = {x[gelu(x).argmin()]:.2f}; "
      f"largest error of the tanh form {error.abs().max():.1e}, at x = ±{x[error.abs().argmax()].abs():.2f}")

# %% [markdown]
# The GELU is not monotonic: it dips below zero and comes back. The approximation is off by less than 0.0005, which is
# little beside the values, and much beside the rounding of float32. Enough to make two implementations "nearly" agree
# and leave you searching for the difference.
#
# ## 3 · SiLU
#
# Replace the normal distribution function by the logistic one, $\sigma(x) = 1 / (1 + e^{-x})$, and nothing special is
# needed any more:
#
# $$\text{SiLU}(x) = x\, \sigma(x) = \frac{x}{1 + e^{-x}}$$
#
# Hendrycks and Gimpel (2016) mention it in passing and gave it its name. Elfwing et al. (2018) studied it,
# Ramachandran et al. (2017) found it in an automated search and called it Swish, with a factor: $x\,\sigma(\beta x)$.
# The two letters *Sw* in SwiGLU are from there.
#
# **`silu(x)`** ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | any, floats of any size | not to be changed |
# | result | shape and dtype of `x` | applied to each number by itself; values and gradients are finite |
#
# PyTorch's finished SiLU is not allowed. Its sigmoid is.
#
# <details><summary>Hint 1</summary>As with the GELU: x times a number between 0 and 1.</details>
# <details><summary>Hint 2</summary>If you write the quotient out, try x = −100 and look at the gradient: e^100 is
# infinite in float32, and infinity divided by infinity is <code>nan</code>.</details>
# <details><summary>Hint 3</summary><code>torch.sigmoid</code> takes care of both ends, gradient included.</details>

# %% exercise="silu" minutes=5 level=1 forbid="torch.nn.functional.silu, torch.nn.SiLU, torch.nn.modules.activation.SiLU"
def silu(x: Tensor) -> Tensor:
    """x times its sigmoid, finite with its gradient for any x.

    x: floats of any shape. Returns the shape and dtype of x.
    Hendrycks and Gimpel 2016; Ramachandran et al. 2017 (Swish with β = 1)
    """
    ### BEGIN SOLUTION
    return x * torch.sigmoid(x)
    ### END SOLUTION


# %% check="silu: x times its sigmoid" points=1
x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
check.close(silu(x), torch.tensor([-0.14227762, -0.26894142, 0.0, 0.73105858, 2.85772238]), atol=1e-6,
            hint="x times σ(x), and σ(1) = 1 / (1 + 1/e) = 0.731")
y = 3 * check.randn(3, 5, seed=5)
out = silu(y)
check.close(out, F.silu(3 * check.randn(3, 5, seed=5)), atol=2e-6, rtol=1e-5,
            hint="x times 1 / (1 + e^−x): check the sign of the exponent")
check.equal(y, 3 * check.randn(3, 5, seed=5), hint="y was changed in place: make a new tensor")
check.dtype(silu(y.double()), torch.float64, hint="the result has the dtype of x: float64 in, float64 out")
check.dtype(silu(y), torch.float32, hint="the result has the dtype of x: float32 in, float32 out")
### BEGIN HIDDEN TESTS
z = 3 * check.randn(2, 4, 3, seed=6).double()
check.close(silu(z), F.silu(3 * check.randn(2, 4, 3, seed=6).double()), atol=1e-10, rtol=1e-9,
            hint="float64 in, float64 out: x times its sigmoid, without a detour through float32")
### END HIDDEN TESTS

# %% check="silu: large inputs, and a gradient everywhere" points=1
x = torch.tensor([-1000.0, -100.0, -2.0, 0.5, 100.0, 1000.0]).requires_grad_()
y = torch.tensor([-1000.0, -100.0, -2.0, 0.5, 100.0, 1000.0]).requires_grad_()
F.silu(y).sum().backward()
out = silu(x)
check.finite(out, hint="infinity divided by infinity is nan: torch.sigmoid does not overflow, e^x / (1 + e^x) does")
check.close(out, F.silu(torch.tensor([-1000.0, -100.0, -2.0, 0.5, 100.0, 1000.0])), atol=1e-6,
            hint="far to the left the result is 0, far to the right it is x")
out.sum().backward()
check.close(x.grad, y.grad,
            hint="nan: e^100 overflowed in the gradient, torch.sigmoid does not. Else: no detach, no .data, no NumPy")
### BEGIN HIDDEN TESTS
x2 = (40 * check.randn(4, 6, seed=7)).requires_grad_()
y2 = (40 * check.randn(4, 6, seed=7)).requires_grad_()
F.silu(y2).pow(2).sum().backward()
silu(x2).pow(2).sum().backward()
check.close(x2.grad, y2.grad, atol=1e-4, hint="inputs of some dozens: is the gradient finite, does it pass through?")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** which of the three has a slope above 1 somewhere? Which can never again be corrected
# once it has ended up far to the left?

# %% demo="activations" alt="Left: ReLU, GELU, SiLU. Right: their slopes; the smooth ones exceed 1 in places."
x = torch.linspace(-6, 6, 601, dtype=torch.float64)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
curves = (("ReLU", torch.relu, "--", "0.55"), ("GELU", gelu, "-", "black"), ("SiLU", silu, "-.", "0.35"))
for name, function, style, color in curves:
    slope = torch.func.vmap(torch.func.grad(function))(x)
    axes[0].plot(x, function(x), style, color=color, label=name)
    axes[1].plot(x, slope, style, color=color, label=name)
    print(f"{name}: lowest value {function(x).min():6.3f}, steepest slope {slope.max():.3f}, "
          f"slope at x = −3: {slope[150]:.3f}")
axes[0].set(title="activations", xlabel="x", ylabel="f(x)", ylim=(-0.5, 4))
axes[1].set(title="their slopes", xlabel="x", ylabel="f′(x)")
axes[0].legend()
plt.show()

# %% [markdown]
# A unit whose ReLU is off for every input gets no gradient and stays off. The smooth ones let a little through, the
# SiLU more than the GELU; left of −6 there is next to nothing either.
#
# The slider turns β in $x\,\sigma(\beta x)$. Where does it become a straight line? Where a ReLU? At which β does it
# come closest to the GELU? (Hendrycks and Gimpel give 1.702, in §2.)

# %% demo="swish-slider" alt="x times the sigmoid of β x beside ReLU and GELU, with β set by a slider."
def draw_swish(beta=1.0):
    x = torch.linspace(-4, 4, 401, dtype=torch.float64)
    swish = x * torch.sigmoid(beta * x)
    figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    ax.plot(x, torch.relu(x), "--", color="0.6", label="ReLU")
    ax.plot(x, gelu(x), ":", color="0.3", linewidth=2.5, label="GELU")
    ax.plot(x, swish, color="black", label=f"x σ({beta:.2f} x)")
    ax.set(title=f"β = {beta:.2f}: largest distance from GELU {(swish - gelu(x)).abs().max():.3f}", xlabel="x",
           ylabel="activation", ylim=(-1, 4))
    ax.legend()
    plt.show()


try:
    from ipywidgets import FloatSlider, interact

    interact(draw_swish, beta=FloatSlider(1.0, min=0, max=8, step=0.05, description="β"))
except ImportError:
    print("pip install ipywidgets gives this picture a slider; without it, call draw_swish(1.7) in a new cell.")
    draw_swish(1.0)

# %% [markdown]
# ## 4 · The layer
#
# Up to a wider hidden layer, an activation, down again:
#
# $$\text{FFN}(x) = f(x W_1 + b_1)\, W_2 + b_2$$
#
# In the first transformer D = 512, F = 2048 and f = ReLU (Vaswani et al. 2017, §3.3); in BERT base and the smallest
# GPT-2 D = 768, F = 3072 and f = GELU. Four times the width has become a habit. x is the vector of *one* token. The
# same two matrices serve every token, one by one: nothing in the formula lets one token see another. The paper calls
# the layer *position-wise*, and remarks that it is the same as two convolutions of width 1.
#
# *Dropout* (Srivastava et al. 2014) sets a random share of numbers to zero in each step of training and scales the
# others up, so that their expectation stays; in evaluation it does nothing. `nn.Dropout` does all of this and follows
# `train()` and `eval()`. Here it acts on the hidden units, after the activation, as in T5 and in PyTorch's own layer.
# (Vaswani et al. drop from the *output* of the layer, §5.4; that is the block's business, in *transformer_full*.)
#
# The checks compare your layer with one put together from PyTorch's `nn.Linear`, which the next cell makes.
# `check.fill` sets parameters from their names and shapes alone, so layers with the same names get the same numbers.

# %%
# Given: linear layers to compare with.
def linear_layers(bias=True, **sizes):
    """Layers by name, with the weights that check.fill gives to these names: linear_layers(up=(6, 10))["up"](x)."""
    return check.fill(nn.ModuleDict({name: nn.Linear(*size, bias=bias) for name, size in sizes.items()}))


# %% [markdown]
# **`FeedForward(d_model, d_ff, activation=F.relu, bias=True, dropout=0.0)`**, an `nn.Module`. You write `__init__` and
# `forward(x)`. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `up` | `nn.Linear` from D to F, with or without `bias` | makes the F hidden units |
# | `down` | `nn.Linear` from F to D, with or without `bias` | |
# | `activation` | a function from tensors to tensors | `F.relu`, your `gelu`, … |
# | `dropout` | float, 0 to 1 | share of hidden units set to zero in training, after the activation |
# | `x` | (..., D) | |
# | result | (..., D) | |
#
# <details><summary>Hint 1</summary><code>__init__</code> makes two linear layers and keeps what <code>forward</code>
# needs. <code>forward</code> is the formula from the inside out.</details>
# <details><summary>Hint 2</summary><code>nn.Linear</code> works on the last axis, whatever comes before it: no reshape,
# no loop over tokens.</details>
# <details><summary>Hint 3</summary><code>self.dropout = nn.Dropout(dropout)</code> in <code>__init__</code>; in
# <code>forward</code> the order is up, activation, dropout, down.</details>

# %% exercise="FeedForward" minutes=10 level=2 forbid="torch.nn.TransformerEncoderLayer"
class FeedForward(nn.Module):
    """One hidden layer, applied to every token by itself.

    Parameters: up: nn.Linear(d_model, d_ff), down: nn.Linear(d_ff, d_model), both with or without bias. dropout: share
    of the hidden units set to zero in training.   Vaswani et al. 2017, §3.3
    """

    def __init__(self, d_model: int, d_ff: int, activation: Callable[[Tensor], Tensor] = F.relu, bias: bool = True,
                 dropout: float = 0.0) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation
        self.dropout = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., D). Returns (..., D)."""
        ### BEGIN SOLUTION
        hidden = self.dropout(self.activation(self.up(x)))  # (..., F)
        return self.down(hidden)  # (..., D)
        ### END SOLUTION


# %% check="FeedForward: two linear layers, up and down" points=1
layer = FeedForward(6, 10)
check.equal(sorted(dict(layer.named_parameters())), ["down.bias", "down.weight", "up.bias", "up.weight"],
            hint="self.up and self.down, each an nn.Linear, with a bias by default; nothing else has parameters")
check.shape(layer.up.weight, (10, 6), hint="up: nn.Linear(d_model, d_ff), here from 6 to 10")
check.shape(layer.down.weight, (6, 10), hint="down: nn.Linear(d_ff, d_model), here from 10 to 6")
check.equal(sum(p.numel() for p in FeedForward(6, 10, bias=False).parameters()), 120,
            hint="bias=False: 6 · 10 + 10 · 6 weights and nothing else; hand bias on to both layers")
### BEGIN HIDDEN TESTS
check.equal(sum(p.numel() for p in FeedForward(5, 7, bias=True).parameters()), 82,
            hint="5 · 7 + 7 + 7 · 5 + 5 parameters, biases included")
### END HIDDEN TESTS

# %% check="FeedForward: up, activation, down" points=2
layer = check.fill(FeedForward(6, 10)).eval()
theirs = linear_layers(up=(6, 10), down=(10, 6))
x = check.randn(2, 5, 6, seed=11)
out = layer(x)
check.shape(out, (2, 5, 6), hint="out is as wide as x")
check.close(out, theirs["down"](F.relu(theirs["up"](x))),
            hint="up, then the activation (a ReLU unless asked otherwise), then down, and no activation after it")
bent = check.fill(FeedForward(6, 10, activation=torch.tanh)).eval()
check.close(bent(x), theirs["down"](torch.tanh(theirs["up"](x))),
            hint="activation=torch.tanh: call the function that was handed to __init__")
### BEGIN HIDDEN TESTS
bare = check.fill(FeedForward(4, 9, activation=F.gelu, bias=False))
theirs2 = linear_layers(bias=False, up=(4, 9), down=(9, 4))
x2 = check.randn(3, 7, 4, seed=12)
check.close(bare(x2), theirs2["down"](F.gelu(theirs2["up"](x2))), hint="F.gelu, no biases: up, activation, down")
### END HIDDEN TESTS

# %% check="FeedForward: each token by itself" points=1
layer = check.fill(FeedForward(6, 10, activation=F.gelu)).eval()
theirs = linear_layers(up=(6, 10), down=(10, 6))
x = check.randn(2, 5, 6, seed=13)
alone = layer(check.randn(2, 5, 6, seed=13)[1, 3])  # one token, shape (6,)
check.shape(alone, (6,), hint="a single token has no other axes: leave all but the last one to nn.Linear")
check.close(alone, theirs["down"](F.gelu(theirs["up"](x[1, 3]))), hint="one token alone: up, activation, down")
check.close(layer(x)[1, 3], theirs["down"](F.gelu(theirs["up"](x[1, 3]))),
            hint="in company a token comes out as it does alone: do not mix, average or normalise over tokens")
### BEGIN HIDDEN TESTS
many = check.randn(2, 3, 4, 6, seed=14)
check.close(layer(many), theirs["down"](F.gelu(theirs["up"](many))), hint="any number of leading axes: only the last")
### END HIDDEN TESTS

# %% check="FeedForward: dropout takes hidden units, in training only" points=1
layer = check.fill(FeedForward(6, 10, dropout=1.0))  # all of them, so that nothing is left to chance
theirs = linear_layers(up=(6, 10), down=(10, 6))
x = check.randn(2, 5, 6, seed=15)
check.close(layer.train()(x), theirs["down"](torch.zeros(2, 5, 10)),
            hint="training with dropout=1: every hidden unit is 0, down's bias is left. Between activation and down")
check.close(layer.eval()(x), theirs["down"](F.relu(theirs["up"](x))),
            hint="after eval() dropout does nothing: nn.Dropout knows; F.dropout has to be told training=self.training")
check.close(check.fill(FeedForward(6, 10)).train()(x), theirs["down"](F.relu(theirs["up"](x))),
            hint="dropout=0, the default: nothing is dropped, in training either")
late = check.fill(FeedForward(6, 10, activation=torch.sigmoid, dropout=1.0))
check.close(late.train()(x), theirs["down"](torch.zeros(2, 5, 10)),
            hint="dropout comes after the activation: before it, a dropped unit would be σ(0) = 0.5 here, not 0")
half = FeedForward(8, 8, activation=torch.ones_like, bias=False, dropout=0.5)
nn.init.eye_(half.down.weight)  # so that the 8 hidden units come out as they are
check.close(half.train()(check.randn(50, 8, seed=17)).unique(), torch.tensor([0.0, 2.0]),
            hint="dropout=0.5: a hidden unit of 1 becomes 0 or 2, so that the mean stays 1: nn.Dropout does both")

# %% check="FeedForward: gradients reach the input and both layers" points=1
layer = check.fill(FeedForward(6, 10, activation=F.gelu))
theirs = linear_layers(up=(6, 10), down=(10, 6))
x = check.randn(2, 5, 6, seed=16).requires_grad_()
y = check.randn(2, 5, 6, seed=16).requires_grad_()
theirs["down"](F.gelu(theirs["up"](y))).pow(2).sum().backward()
layer(x).pow(2).sum().backward()
check.close(x.grad, y.grad, atol=1e-4, hint="the gradient of x is missing or wrong: no detach, no .data, no NumPy")
check.close(layer.up.weight.grad, theirs["up"].weight.grad, atol=1e-4, hint="no gradient, or a wrong one, reaches up")
check.close(layer.down.bias.grad, theirs["down"].bias.grad, atol=1e-4, hint="no gradient, or a wrong one, reaches down")

# %% [markdown]
# ### Features, never tokens
#
# Now the claim itself. Change one number at a time in the input, and see which outputs react: the derivative of every
# output with respect to every input. Summed up by tokens, it says which token hears which; within a token, which
# feature reacts to which.
#
# **Before you run the next cell:** on the left your multi-head attention, in the middle your feed-forward layer, six
# tokens each. On the right the features of a single token in the feed-forward layer. Which of the three pictures is a
# diagonal?

# %% demo="who-hears-whom" alt="Attention: all tokens react to all. Feed-forward: a diagonal; but all features mix."
WORDS = ["The", "cat", "sat", "on", "the", "mat"]
attention, layer = check.fill(MultiHeadAttention(8, 2)), check.fill(FeedForward(8, 32, gelu))
x = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))  # (T, D)
with torch.no_grad():
    among = torch.func.jacrev(lambda x: attention(x[None])[0][0])(x)  # (T, D, T, D): outputs by inputs
    alone = torch.func.jacrev(layer)(x)  # (T, D, T, D)
tables = (("attention: tokens", among.pow(2).sum((1, 3)).sqrt(), WORDS),
          ("feed-forward: tokens", alone.pow(2).sum((1, 3)).sqrt(), WORDS),
          ("feed-forward: features of cat", alone[1, :, 1].abs(), "auto"))
figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.2), layout="constrained")
for ax, (title, table, labels) in zip(axes, tables, strict=True):
    sns.heatmap((table / table.max()).numpy(), ax=ax, cmap="Greys", vmin=0, vmax=1, square=True, cbar=False,
                linewidths=1, linecolor="lightgrey", annot=table.shape[0] == 6, fmt=".2f", xticklabels=labels,
                yticklabels=labels)
    ax.set(title=title, xlabel="input that is changed")
    ax.tick_params(axis="both", labelrotation=0)
axes[0].set_ylabel("output that reacts")
figure.suptitle("size of the derivative (largest = 1)")
plt.show()
others = alone.masked_fill(torch.eye(6, dtype=torch.bool)[:, None, :, None], 0)
print(f"feed-forward, largest reaction of one token to another: {others.abs().max():.0f}, exactly")

# %% [markdown]
# The zeros are exact. All exchange between tokens happens in attention, all of it; the feed-forward layer works on what
# each token has got. That makes it convenient, too: in training, in reading a prompt and in writing token by token it
# does the same thing, needs no mask and no cache, and may treat the tokens in any order or on different machines
# (*mixture_of_experts* sends them to different layers).
#
# ### Your class in a real model
#
# MiniLM is an encoder of BERT's kind, with D = 384 and F = 1536. The next cell builds its first block from your
# `MultiHeadAttention` and your `FeedForward`, with MiniLM's weights, and compares the result with the model's own
# states. Three activations are tried.
#
# **Before you run it:** which activation is the right one, and how far off are the other two?

# %% demo="feed-forward-in-minilm" alt="Lines: the exact GELU agrees to rounding, the tanh form nearly, ReLU not."
from internals.real_models import load_minilm

minilm = load_minilm()
tokens, states = minilm.hidden_states("The cat sat on the mat.")  # (layers + 1, n, D)
D, F_MINILM = minilm.config["hidden_size"], minilm.config["intermediate_size"]


def take_over(module, names, prefix):
    """Put MiniLM's weights into a module of ours. names: our attribute to their name after the prefix."""
    for mine, theirs in names.items():
        getattr(module, mine).weight.data = minilm.weights[f"{prefix}.{theirs}.weight"]
        getattr(module, mine).bias.data = minilm.weights[f"{prefix}.{theirs}.bias"]
    return module


def norm(x, name):
    return F.layer_norm(x, (D,), minilm.weights[f"{name}.weight"], minilm.weights[f"{name}.bias"],
                        minilm.config["layer_norm_eps"])


block = "encoder.layer.0"
attention = take_over(MultiHeadAttention(D, minilm.config["num_attention_heads"]),
                      {"w_q": "self.query", "w_k": "self.key", "w_v": "self.value", "w_o": "output.dense"},
                      f"{block}.attention")
with torch.no_grad():
    x = norm(states[0] + attention(states[:1])[0][0], f"{block}.attention.output.LayerNorm")  # (n, D)
    for name, activation in (("ReLU", F.relu), ("GELU, tanh form", partial(gelu, approximate="tanh")),
                             ("GELU, exact", gelu)):
        layer = take_over(FeedForward(D, F_MINILM, activation), {"up": "intermediate.dense", "down": "output.dense"},
                          block)
        out = norm(x + layer(x), f"{block}.output.LayerNorm")
        print(f"{name:15}: largest difference from MiniLM's own state {(out - states[1]).abs().max():.1e}")

# %% [markdown]
# With the exact GELU the difference is rounding. The ReLU is off by nearly 1, as much as the numbers themselves. The
# tanh form is off by some hundred or a thousand times the rounding: not enough to notice in a sentence's embedding, but
# enough to tell which one a model was trained with.

# %% [markdown]
# ## 5 · SwiGLU: a hidden unit that multiplies
#
# In `FeedForward` a hidden unit computes one dot product with x and bends it. Dauphin et al. (2017) let a unit compute
# *two*, and multiply them: one is the content, the other a gate that says how much of it passes. With the SiLU in the
# gate and no biases this is SwiGLU (Shazeer 2020, §2):
#
# $$\text{SwiGLU}(x) = \big(\text{SiLU}(x W_{\text{gate}}) \odot x W_{\text{up}}\big)\, W_{\text{down}}$$
#
# ($\odot$ multiplies element by element.) There are three matrices now instead of two. For a fair comparison the hidden
# layer must shrink:
#
# $$3 \cdot D \cdot F' = 2 \cdot D \cdot 4D \quad\Rightarrow\quad F' = \tfrac{8}{3} D,$$
#
# two thirds of the habitual 4 D. Shazeer went from 3072 to 2048; LLaMA 7B has 11,008 for D = 4096, which is 8/3 rounded
# up to a multiple of 256. Llama 3 8B takes 14,336 = 3.5 D and so has a larger layer than a plain one with 4 D. The rule
# is a way to keep a comparison fair, not a law.
#
# **`SwiGLU(d_model, d_ff, bias=False)`**, an `nn.Module`. You write `__init__` and `forward(x)`. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `gate` | `nn.Linear` from D to F | goes through the SiLU |
# | `up` | `nn.Linear` from D to F | does not |
# | `down` | `nn.Linear` from F to D | |
# | `x` | (..., D) | |
# | result | (..., D) | |
#
# `bias` holds for all three layers. You may use your `silu`, or PyTorch's.
#
# <details><summary>Hint 1</summary>Both <code>gate</code> and <code>up</code> read x, side by side. Neither reads the
# other's output.</details>
# <details><summary>Hint 2</summary>The product of the two, element by element (<code>*</code>), is the hidden layer, of
# width F. One of them has been bent before, the other has not.</details>
# <details><summary>Hint 3</summary>The bent one is <code>gate</code>. <code>down</code> comes last, with no activation
# before or after it.</details>

# %% exercise="SwiGLU" minutes=10 level=2
class SwiGLU(nn.Module):
    """A feed-forward layer whose hidden units are products of a gate and a content.

    Parameters: gate, up: nn.Linear(d_model, d_ff), down: nn.Linear(d_ff, d_model), all with or all without bias.
    Shazeer 2020, eq. 6
    """

    def __init__(self, d_model: int, d_ff: int, bias: bool = False) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.gate = nn.Linear(d_model, d_ff, bias=bias)
        self.up = nn.Linear(d_model, d_ff, bias=bias)
        self.down = nn.Linear(d_ff, d_model, bias=bias)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., D). Returns (..., D)."""
        ### BEGIN SOLUTION
        hidden = silu(self.gate(x)) * self.up(x)  # (..., F)
        return self.down(hidden)  # (..., D)
        ### END SOLUTION


# %% check="SwiGLU: three matrices, no biases" points=1
layer = SwiGLU(6, 10)
check.equal(sorted(dict(layer.named_parameters())), ["down.weight", "gate.weight", "up.weight"],
            hint="self.gate, self.up and self.down, each an nn.Linear, without biases unless they are asked for")
check.shape(layer.gate.weight, (10, 6), hint="gate: nn.Linear(d_model, d_ff), here from 6 to 10")
check.shape(layer.up.weight, (10, 6), hint="up: nn.Linear(d_model, d_ff), here from 6 to 10")
check.shape(layer.down.weight, (6, 10), hint="down: nn.Linear(d_ff, d_model), here from 10 to 6")
check.equal(sum(p.numel() for p in SwiGLU(6, 10, bias=True).parameters()), 206,
            hint="bias=True: 3 · 6 · 10 weights and 10 + 10 + 6 biases; hand bias on to all three layers")
### BEGIN HIDDEN TESTS
check.equal(sum(p.numel() for p in SwiGLU(96, 256).parameters()), 73728,
            hint="8/3 of the width: 3 · 96 · 256 weights, as many as 2 · 96 · 384")
### END HIDDEN TESTS

# %% check="SwiGLU: the gate is bent, the content is not" points=2
layer = check.fill(SwiGLU(6, 10))
theirs = linear_layers(bias=False, gate=(6, 10), up=(6, 10), down=(10, 6))
x = 2 * check.randn(2, 5, 6, seed=21)
out = layer(x)
check.shape(out, (2, 5, 6), hint="out is as wide as x")
check.close(out, theirs["down"](F.silu(theirs["gate"](x)) * theirs["up"](x)),
            hint="SiLU of gate(x), times up(x) as it is, then down. Is it SiLU (not a sigmoid), on gate, not on up?")
check.close(layer(x[1, 3]), theirs["down"](F.silu(theirs["gate"](x[1, 3])) * theirs["up"](x[1, 3])),
            hint="a token alone, shape (6,): leave all but the last axis to nn.Linear")
### BEGIN HIDDEN TESTS
layer2 = check.fill(SwiGLU(4, 7, bias=True))
theirs2 = linear_layers(gate=(4, 7), up=(4, 7), down=(7, 4))
x2 = 2 * check.randn(3, 2, 5, 4, seed=22)
check.close(layer2(x2), theirs2["down"](F.silu(theirs2["gate"](x2)) * theirs2["up"](x2)),
            hint="with biases: SiLU of gate(x), times up(x), then down")
check.close(layer(check.randn(6, seed=23)),
            theirs["down"](F.silu(theirs["gate"](check.randn(6, seed=23))) * theirs["up"](check.randn(6, seed=23))),
            hint="a single token, shape (6,): leave all but the last axis to nn.Linear")
### END HIDDEN TESTS

# %% check="SwiGLU: gradients reach the input and all three layers" points=1
layer = check.fill(SwiGLU(6, 10))
theirs = linear_layers(bias=False, gate=(6, 10), up=(6, 10), down=(10, 6))
x = check.randn(2, 5, 6, seed=24).requires_grad_()
y = check.randn(2, 5, 6, seed=24).requires_grad_()
theirs["down"](F.silu(theirs["gate"](y)) * theirs["up"](y)).pow(2).sum().backward()
layer(x).pow(2).sum().backward()
check.close(x.grad, y.grad, atol=1e-4, hint="the gradient of x is missing or wrong: both gate and up pass it on")
check.close(layer.gate.weight.grad, theirs["gate"].weight.grad, atol=1e-4,
            hint="no gradient, or a wrong one, reaches gate: it is detached nowhere")
check.close(layer.up.weight.grad, theirs["up"].weight.grad, atol=1e-4, hint="no gradient, or a wrong one, reaches up")
check.close(layer.down.weight.grad, theirs["down"].weight.grad, atol=1e-4,
            hint="no gradient, or a wrong one, reaches down")

# %% [markdown]
# What can one hidden unit say? Suppose x has two features, *follows "the"* and *begins with a capital*. The next cell
# draws a ReLU unit and a SwiGLU unit as functions of the two, each with a direction of its own (the arrows).
#
# **Before you run it:** along which lines does a ReLU unit stay the same? Can a ReLU unit, or a SwiGLU unit, be large
# only where *both* features are?

# %% demo="units" alt="Contours: a ReLU unit is a ramp in one direction, a SwiGLU unit a curved product of two."
side = torch.linspace(-2, 2, 201)
plane = torch.stack(torch.meshgrid(side, side, indexing="xy"), dim=-1)  # (201, 201, 2)
gate_way, up_way = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
units = (("ReLU unit: a ramp", torch.relu(plane @ (gate_way + up_way)), (gate_way + up_way,)),
         ("SwiGLU unit: a product", silu(3 * plane @ gate_way) / 3 * (plane @ up_way), (gate_way, up_way)))
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for ax, (title, height, arrows) in zip(axes, units, strict=True):
    shades = ax.contourf(side, side, height, levels=np.arange(-4.25, 4.5, 0.5), cmap="Greys")
    ax.contour(side, side, height, levels=np.arange(-4.25, 4.5, 0.5), colors="0.4", linewidths=0.5)
    for arrow, name in zip(arrows, ("gate", "up") if len(arrows) == 2 else ("up",), strict=True):
        ax.annotate("", xytext=(0, 0), xy=tuple(arrow.tolist()),
                    arrowprops={"width": 2, "headwidth": 9, "color": "black"})
        ax.text(*(1.15 * arrow + torch.tensor([0.05, 0.0])).tolist(), name, fontsize=11,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    ax.set(title=title, xlabel="first feature", ylabel="second feature", aspect="equal")
    ax.grid(visible=False)
figure.colorbar(shades, ax=axes, label="activation of the unit", ticks=[-4, -2, 0, 2, 4])
plt.show()

# %% [markdown]
# A ReLU unit is a ramp: it adds its features up, so that a lot of one makes up for none of the other. (A negative bias
# moves the foot of the ramp away; enough of one feature alone still reaches it.) The SwiGLU unit on the right is off in
# nearly the whole left half, and in the right half it is a product, which grows with both features together and changes
# its sign with the second. "This *and* that", in a single unit.
#
# ### A contest at equal size
#
# Does it help? The model below predicts the next character of Shakespeare's plays from the eight before it, and is made
# of nothing but feed-forward layers: the eight embeddings are laid side by side as *one* vector of 96 numbers, so that
# mixing features mixes characters (Bengio et al. 2003 built the first neural language model in this way). Two layers,
# each added to its input; then one linear layer. The four contestants have the same number of parameters: F = 384 with
# two matrices, or 8/3 · 96 = 256 with three. Each is trained three times, with different first weights and different
# batches.
#
# **Before you run the next cell** (about half a minute)**:** order the four: no activation at all, ReLU, GELU, SwiGLU.
# And which of the differences will be larger than what the seed alone makes of it?

# %% demo="contest" alt="Held-out loss of three runs each: linear worst, ReLU and GELU close, SwiGLU lowest."
from internals.vocabularies import load_text

WIDTH, CONTEXT = 96, 8
text = re.sub(r"[*_#\\]|[ ]+(?=\n)|(?<=\n) +", "", load_text())  # without the marks of Markdown
alphabet = {character: number for number, character in enumerate(sorted(set(text)))}
ids = torch.tensor([alphabet[character] for character in text[:2_000_000]])
training, held_out = ids[: len(ids) * 9 // 10], ids[len(ids) * 9 // 10 :]
MAKERS = {"no activation": lambda: FeedForward(WIDTH, 4 * WIDTH, lambda x: x, bias=False),
          "ReLU": lambda: FeedForward(WIDTH, 4 * WIDTH, F.relu, bias=False),
          "GELU": lambda: FeedForward(WIDTH, 4 * WIDTH, gelu, bias=False),
          "SwiGLU": lambda: SwiGLU(WIDTH, 8 * WIDTH // 3)}


class NextCharacter(nn.Module):
    """Logits for the next character from the CONTEXT before it, by two feed-forward layers and nothing else."""

    length = CONTEXT

    def __init__(self, make):
        super().__init__()
        self.embedding = nn.Embedding(len(alphabet), WIDTH // CONTEXT)
        self.layers = nn.ModuleList([make(), make()])
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH) for _ in range(3)])  # the subject of the next notebook
        self.answer = nn.Linear(WIDTH, len(alphabet))

    def forward(self, ids):  # (B, CONTEXT) -> (B, 1, len(alphabet))
        x = self.embedding(ids).flatten(1)  # (B, WIDTH)
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = x + layer(norm(x))
        return self.answer(self.norms[-1](x))[:, None]


def loss_of(model, ids, count, generator):
    """The mean loss on stretches of a text: the model reads all characters but the last, and predicts the last ones."""
    starts = torch.randint(len(ids) - model.length, (count, 1), generator=generator)
    windows = ids[starts + torch.arange(model.length + 1)]  # (B, length + 1)
    logits = model(windows[:, :-1])  # (B, places, len(alphabet))
    return F.cross_entropy(logits.flatten(0, 1), windows[:, -logits.shape[1] :].flatten())


def train(build, seed, steps=250, rate=0.01, batch=256, test=20_000):
    """Train what build() makes. Returns its loss on held-out text, in nats per character, and its parameters."""
    torch.manual_seed(seed)
    generator, model = torch.Generator().manual_seed(seed), build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        loss = loss_of(model, training, batch, generator)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        loss = loss_of(model, held_out, test, torch.Generator().manual_seed(99))
    return loss.item(), sum(p.numel() for p in model.parameters())


began, losses = time.perf_counter(), {}
for name, make in MAKERS.items():
    runs, sizes = zip(*(train(partial(NextCharacter, make), seed) for seed in range(3)), strict=True)
    losses[name] = np.array(runs)
    print(f"{name:14}{sizes[0]:8,} parameters, held-out loss {losses[name].mean():.3f} nats, "
          f"from {min(runs):.3f} to {max(runs):.3f}")
print(f"{time.perf_counter() - began:.0f} s")
figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
for place, runs in enumerate(losses.values()):
    ax.plot(runs, [place] * len(runs), "o", color="black", fillstyle="none", markersize=9)
    ax.plot([runs.mean()], [place], "|", color="black", markersize=22)
ax.set(title="Same size, three seeds each", xlabel="loss on held-out text [nats per character]; bar: mean",
       yticks=range(len(losses)), yticklabels=list(losses), ylim=(len(losses) - 0.6, -0.4))
plt.show()

# %% [markdown]
# **No activation** is far behind: with the residual sums and all, this model can only add up what each of the eight
# places says by itself. (Norms bend a little, so it is not quite one matrix.)
#
# **SwiGLU** is ahead of GELU, and GELU a little ahead of ReLU; both differences are larger than the spread of the
# seeds. To predict a letter from eight, "t *and then* h" matters more than "t, and also an h": a task for products.
#
# So SwiGLU is better? In this model, yes, and at other learning rates too when we tried; the better the rate suited,
# the smaller was the lead.
#
# But a transformer has another way to bring characters together: attention. The next cell puts the same layers into a
# small one, with **your** `MultiHeadAttention` in front of each. It does nothing unless you set `LONGER = True`, and
# then takes about a quarter of an hour.

# %% demo="transformer-contest" alt="Nothing unless LONGER is set; then lines with the losses of three runs each."
LONGER = False  # True: 18 runs


class SmallTransformer(nn.Module):
    """Logits for the character after each of 64: two blocks of attention and a feed-forward layer."""

    length = 64

    def __init__(self, make):
        super().__init__()
        self.token, self.place = nn.Embedding(len(alphabet), WIDTH), nn.Embedding(self.length, WIDTH)
        self.attentions = nn.ModuleList([MultiHeadAttention(WIDTH, 4, bias=False) for _ in range(2)])
        self.layers = nn.ModuleList([make(), make()])
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH) for _ in range(5)])
        self.answer = nn.Linear(WIDTH, len(alphabet))

    def forward(self, ids):  # (B, T) -> (B, T, len(alphabet))
        x, mask = self.token(ids) + self.place.weight, causal_mask(self.length)
        for i in (0, 1):
            x = x + self.attentions[i](self.norms[2 * i](x), mask=mask)[0]
            x = x + self.layers[i](self.norms[2 * i + 1](x))
        return self.answer(self.norms[-1](x))


if LONGER:
    for steps in (250, 2000):
        for name in ("ReLU", "GELU", "SwiGLU"):
            build = partial(SmallTransformer, MAKERS[name])
            runs = [train(build, seed, steps, rate=0.003, batch=8, test=400)[0] for seed in range(3)]
            print(f"{steps:5} steps, {name:7}: held-out loss", *(f"{loss:.3f}" for loss in runs))

# %% [markdown]
# When we ran it, on held-out text in nats per character:
#
# | | ReLU | GELU | SwiGLU |
# |---|---|---|---|
# | 250 steps, three seeds | 2.507, 2.518, 2.521 | 2.500, 2.512, 2.518 | 2.503, 2.518, 2.519 |
# | 2,000 steps, three seeds | 1.851, 1.861, 1.871 | 1.828, 1.843, 1.847 | 1.846, 1.827, 1.820 |
#
# After 250 steps the seeds differ more than the activations do. After 2,000 ReLU is a little behind, in all three runs;
# GELU and SwiGLU cannot be told apart. The lead that was so clear above is gone, with the same layers and the same
# text.
#
# What one may conclude: a non-linearity is indispensable; a product helps where products are what is missing; whether
# GELU or SwiGLU is better cannot be said at this size. Shazeer (2020, §3) compared them in a T5 of 12 + 12 layers with
# D = 768, trained for far longer, and there gated layers came out ahead in held-out loss. That is evidence about such
# models, and ours is none against it.

# %% [markdown]
# ## 6 · How much of a model is this?
#
# Attention gives the transformer its name, but where are the parameters? Count them. The family that we need (BERT,
# GPT-2, Llama) is described by nine numbers and switches, and nothing else decides the count.

# %% tags=["export"]
@dataclass(frozen=True)
class Architecture:
    """What decides the number of parameters of a transformer that is all encoder or all decoder.

    vocab_size: tokens in the vocabulary.   d_model, num_layers, d_ff: width, blocks, width of the hidden layer.
    kv_width: width of all keys, and of all values; less than d_model where query heads share them.
    table_rows: rows of learned tables beside the vocabulary, for positions and segments.
    gated: three matrices in the feed-forward layer (SwiGLU), not two.
    bias: biases in all linear layers and norms of the blocks, and in the norm outside of them.
    tied: the output layer is the embedding once more, or there is none; else it has a matrix of its own.
    """

    vocab_size: int
    d_model: int
    num_layers: int
    d_ff: int
    kv_width: int
    table_rows: int = 0
    gated: bool = False
    bias: bool = True
    tied: bool = True


# %% [markdown]
# **`parameter_share(model)`** returns a tuple `(share, counts)`. ★★★☆☆ · 15 minutes
#
# | | type | meaning |
# |---|---|---|
# | `model` | `Architecture` | D = `d_model`, F = `d_ff`, K = `kv_width`, V = `vocab_size` |
# | `share` | float | feed-forward parameters, divided by all |
# | `counts` | dict of five integers | parameters of the whole model, by part, with the keys below |
#
# | key | matrices | biases, where `model.bias` |
# |---|---|---|
# | `"embeddings"` | V + `table_rows` rows of width D | none |
# | `"attention"` | in each layer: queries D × D, keys D × K, values D × K, output D × D | one for each output |
# | `"feed_forward"` | in each layer: `up` D × F, `down` F × D; `gate` D × F where `gated` | one for each output |
# | `"norms"` | two in each layer and one more outside; each has a gain, D numbers | D more for each norm |
# | `"output"` | V × D; 0 where `tied` | none |
#
# <details><summary>Hint 1</summary>Count one layer on paper first, with D = 4, F = 10, K = 2. Which of the four
# attention matrices have a D × K shape, and so K biases?</details>
# <details><summary>Hint 2</summary>A bool in Python counts as 0 or 1: <code>model.bias * (…)</code> adds the biases or
# nothing. The number of matrices that lead up to the hidden layer is <code>1 + model.gated</code>.</details>
# <details><summary>Hint 3</summary>Attention has 2 D (D + K) weights per layer and as many biases as its matrices have
# outputs, 2 (D + K); a gated feed-forward layer has 3 D F weights and F + F + D biases.</details>

# %% exercise="parameter_share" minutes=15 level=3
def parameter_share(model: Architecture) -> tuple[float, dict[str, int]]:
    """Count a model's parameters by part, and say which share of them the feed-forward layers are.

    Returns the share and the counts: embeddings, attention, feed_forward, norms, output; all layers together.
    """
    ### BEGIN SOLUTION
    D, K, layers = model.d_model, model.kv_width, model.num_layers
    ups = 1 + model.gated  # matrices from D to F
    counts = {
        "embeddings": (model.vocab_size + model.table_rows) * D,
        "attention": layers * (2 * D * (D + K) + model.bias * 2 * (D + K)),
        "feed_forward": layers * ((ups + 1) * D * model.d_ff + model.bias * (ups * model.d_ff + D)),
        "norms": (2 * layers + 1) * D * (1 + model.bias),
        "output": 0 if model.tied else model.vocab_size * D,
    }
    return counts["feed_forward"] / sum(counts.values()), counts
    ### END SOLUTION


# %% check="parameter_share: the feed-forward layers" points=2
plain = Architecture(vocab_size=11, d_model=4, num_layers=3, d_ff=10, kv_width=2, bias=False)
share, counts = parameter_share(plain)
check.equal(counts["feed_forward"], 240, hint="no biases: two matrices of 4 · 10 in each of 3 layers")
share, counts = parameter_share(replace(plain, gated=True))
check.equal(counts["feed_forward"], 360, hint="gated: three matrices of 4 · 10 in each of 3 layers")
share, counts = parameter_share(replace(plain, bias=True))
check.equal(counts["feed_forward"], 282, hint="biases: 10 for up and 4 for down in each of 3 layers, 42 more than 240")
share, counts = parameter_share(replace(plain, bias=True, gated=True))
check.equal(counts["feed_forward"], 432, hint="gated, with biases: 10 for gate, 10 for up, 4 for down in each layer")
### BEGIN HIDDEN TESTS
share, counts = parameter_share(replace(plain, gated=True, bias=True, num_layers=5))
check.equal(counts["feed_forward"], 720, hint="gated with biases: 10 for gate, 10 for up, 4 for down in each layer")
### END HIDDEN TESTS

# %% check="parameter_share: attention, with keys and values that may be narrower" points=1
plain = Architecture(vocab_size=11, d_model=6, num_layers=3, d_ff=10, kv_width=6, bias=False)
share, counts = parameter_share(plain)
check.equal(counts["attention"], 432, hint="four matrices of 6 · 6 in each of 3 layers")
share, counts = parameter_share(replace(plain, kv_width=2))
check.equal(counts["attention"], 288, hint="kv_width = 2: keys and values 6 · 2 each, queries and output 6 · 6 each")
share, counts = parameter_share(replace(plain, kv_width=2, bias=True))
check.equal(counts["attention"], 336, hint="biases: 6 for queries, 2 for keys, 2 for values, 6 for output, per layer")
### BEGIN HIDDEN TESTS
share, counts = parameter_share(replace(plain, d_model=8, kv_width=4, num_layers=2, bias=True))
check.equal(counts["attention"], 432, hint="width 8, kv_width 4, 2 layers: 2 · (2 · 64 + 2 · 32 + 8 + 4 + 4 + 8)")
### END HIDDEN TESTS

# %% check="parameter_share: embeddings, norms and the output layer" points=1
plain = Architecture(vocab_size=11, d_model=4, num_layers=3, d_ff=10, kv_width=4, bias=False)
share, counts = parameter_share(plain)
check.equal(sorted(counts), ["attention", "embeddings", "feed_forward", "norms", "output"],
            hint="five keys, spelled as in the table")
check.equal([counts["embeddings"], counts["norms"], counts["output"]], [44, 28, 0],
            hint="11 rows of 4; 2 · 3 + 1 norms with 4 gains each; a tied output layer costs nothing")
share, counts = parameter_share(replace(plain, table_rows=5, bias=True, tied=False))
check.equal([counts["embeddings"], counts["norms"], counts["output"]], [64, 56, 44],
            hint="5 more rows of 4; norms with 4 gains and 4 biases; an output layer of 11 · 4, without biases")
### BEGIN HIDDEN TESTS
share, counts = parameter_share(Architecture(13, 6, 2, 7, 3, table_rows=9, tied=False))
check.equal([counts["embeddings"], counts["norms"], counts["output"]], [132, 60, 78],
            hint="13 + 9 rows of 6; 5 norms of 6 + 6; an output layer of 13 · 6")
### END HIDDEN TESTS

# %% check="parameter_share: three models that exist" points=2
share, counts = parameter_share(Architecture(50257, 768, 12, 3072, 768, table_rows=1024))
check.equal(sum(counts.values()), 124439808, hint="GPT-2, the smallest, has 124,439,808 parameters")
check.close(share, 0.4554, atol=1e-4, rtol=0, hint="GPT-2: 56.7 of 124.4 million. The share is of all parameters")
share, counts = parameter_share(Architecture(30522, 768, 12, 3072, 768, table_rows=512 + 2))
check.equal(sum(counts.values()), 108891648, hint="BERT base, without its pooling layer, has 108,891,648 parameters")
share, counts = parameter_share(Architecture(128256, 4096, 32, 14336, 1024, gated=True, bias=False, tied=False))
check.equal(sum(counts.values()), 8030261248, hint="Llama 3 8B has 8,030,261,248 parameters")
check.close(share, 0.7019, atol=1e-4, rtol=0, hint="Llama 3 8B: 5.64 of 8.03 billion. The share is of all parameters")
### BEGIN HIDDEN TESTS
share, counts = parameter_share(Architecture(49152, 576, 30, 1536, 192, gated=True, bias=False))
check.equal(sum(counts.values()), 134515008, hint="SmolLM2-135M has 134,515,008 parameters")
check.close(share, 0.5920, atol=1e-4, rtol=0, hint="SmolLM2-135M: feed-forward parameters divided by all")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** GPT-2 comes in four sizes, 12, 24, 36 and 48 layers, with the same vocabulary. Does
# the feed-forward share rise or fall with size? Where does it end?

# %% demo="share" alt="Stacked bars: feed-forward is 31 to 70% of whole models, two thirds or more of their blocks."
GPT2 = Architecture(50257, 768, 12, 3072, 768, table_rows=1024)
LLAMA3_8B = Architecture(128256, 4096, 32, 14336, 1024, gated=True, bias=False, tied=False)
MODELS = {"GPT-2": GPT2,
          "GPT-2 medium": replace(GPT2, num_layers=24, d_model=1024, d_ff=4096, kv_width=1024),
          "GPT-2 large": replace(GPT2, num_layers=36, d_model=1280, d_ff=5120, kv_width=1280),
          "GPT-2 XL": replace(GPT2, num_layers=48, d_model=1600, d_ff=6400, kv_width=1600),
          "BERT base": Architecture(30522, 768, 12, 3072, 768, table_rows=512 + 2),
          "MiniLM": Architecture(30522, 384, 6, 1536, 384, table_rows=512 + 2),
          "SmolLM2 135M": Architecture(49152, 576, 30, 1536, 192, gated=True, bias=False),
          "Llama 3 8B": LLAMA3_8B}
figure, ax = plt.subplots(figsize=(10, 4.2), layout="constrained")
PARTS = {"feed_forward": "0.2", "attention": "0.55", "norms": "white", "embeddings": "0.75", "output": "0.88"}
for place, (name, model) in enumerate(MODELS.items()):
    share, counts = parameter_share(model)
    left, total = 0.0, sum(counts.values())
    for part, shade in PARTS.items():
        ax.barh(place, counts[part] / total, left=left, color=shade, edgecolor="0.3" if part == "norms" else "white", hatch="////" if part == "norms" else None,
                label=part.replace("_", "-") if place == 0 else None)
        left += counts[part] / total
    ax.text(share / 2, place, f"{share:.0%}", color="white", ha="center", va="center")
    block = counts["feed_forward"] / (counts["feed_forward"] + counts["attention"] + counts["norms"])
    print(f"{name:13}{total / 1e6:9,.1f} million parameters, feed-forward {counts['feed_forward'] / 1e6:8,.1f}: "
          f"{share:.1%} of the model, {block:.1%} of its blocks")
ax.set(title="Where the parameters are", xlabel="share of all parameters", yticks=range(len(MODELS)), xlim=(0, 1),
       yticklabels=list(MODELS))
ax.invert_yaxis()
ax.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.15), frameon=False)
plt.show()

# %% [markdown]
# "Two thirds of a transformer's parameters are feed-forward" is true of a *block* of GPT-2 or BERT: 2 · D · 4D against
# 4 · D · D. Of a whole small model it is about half, of MiniLM less than a third, because the vocabulary costs V · D,
# however few layers there are. The more layers there are, and the wider they are (a block grows as D², the vocabulary
# as D), the closer a model comes to the two thirds of its blocks. Llama 3 8B is beyond: its hidden layer is
# wider than 8/3 D, and grouped queries have made its attention smaller.
#
# And the biases? One reads that Llama saves about 3% of its parameters by having none. Count.
#
# **Before you run it:** a matrix has as many biases as it has outputs. What share can that be at all?

# %% demo="biases" alt="A line for each of three models: biases are a few hundredths to tenths of a percent."
for name in ("MiniLM", "GPT-2", "Llama 3 8B"):
    without, with_them = (sum(parameter_share(replace(MODELS[name], bias=bias))[1].values()) for bias in (False, True))
    print(f"{name:11} without biases {without:13,}, with biases {with_them:13,}: "
          f"biases are {(with_them - without) / with_them:.2%} of it")

# %% [markdown]
# Two hundredths of a percent for Llama 3 8B: a bias for each column of a matrix with thousands of rows. Whatever the
# reason for leaving biases out, it is not their number.

# %% [markdown]
# ## 7 · A memory of keys and values
#
# Write the layer as a sum over its hidden units. Row i of `up.weight` is a vector $k_i$, column i of `down.weight` a
# vector $v_i$, and, biases left out,
#
# $$\text{FFN}(x) = \sum_i f(x \cdot k_i)\; v_i .$$
#
# Compare attention, $\sum_j \text{softmax}(q \cdot k_j)\, v_j$. It is the same form: match x against keys, and add up
# values by how well they match. But here keys and values are *weights*: they do not come from the text that is being
# read, they were learned from all the texts of the training. Geva et al. (2021, §2) propose to read the layer as a
# memory. Their keys responded to patterns that people could name, shallow ones in the lower layers, such as a certain
# last word, more to do with meaning in the upper (§3); and in the upper layers, the value of a key tended to raise the
# probability of the token that came next where the key matched best (§4).
#
# Is that so in SmolLM2, a language model of Llama's kind (30 layers, D = 576, F = 1536)? Its units are SwiGLU's, so
# unit i matches with $\text{SiLU}(x \cdot g_i)\,(x \cdot u_i)$. We read a thousand tokens of Shakespeare with it, put
# its weights into **your `SwiGLU`**, and ask of every unit of every third layer:
#
# - how much of its activity (the sum of squares) falls on the 4 tokens, of a thousand, that excite it most?
# - does its value, times the embeddings, put the token that followed its best match among the top 1% of the vocabulary?
#
# Thousands of units will always include some that look as if they meant something. So both questions are also asked of
# a *control*: for the first, units with random weights of the same size, reading the same x; for the second, the token
# that followed *another* unit's best match.
#
# **Before you run the next cell** (a quarter of a minute)**:** in which layers do you expect the greatest difference?

# %% demo="memory" alt="Charts by layer: sharp units, most in layer 0, hardly any by chance; values foretell little."
from internals.real_models import llama_forward, load_smollm2

smollm2 = load_smollm2()
W, config = smollm2.weights, smollm2.config
LAYERS = range(0, config["num_hidden_layers"], 3)
passages = [text[start : start + 400] for start in range(20_000, len(text) - 1000, len(text) // 9)][:9]


def rms_norm(x, name):
    return F.rms_norm(x, x.shape[-1:], W[name], config["rms_norm_eps"])


def swiglu_of(number):
    """Layer `number` of SmolLM2 as a SwiGLU of ours."""
    layer = SwiGLU(config["hidden_size"], config["intermediate_size"])
    for name in ("gate", "up", "down"):
        getattr(layer, name).weight.data = W[f"model.layers.{number}.mlp.{name}_proj.weight"]
    return layer


def what_enters(states, maps, number):
    """What the feed-forward layer of block `number` is added to, and what it reads: (n, D) both."""
    block, heads = f"model.layers.{number}", config["num_attention_heads"]
    v = rms_norm(states[number], f"{block}.input_layernorm.weight") @ W[f"{block}.self_attn.v_proj.weight"].T
    v = v.unflatten(-1, (config["num_key_value_heads"], -1)).transpose(0, 1)
    v = v.repeat_interleave(heads // len(v), dim=0)  # (H, n, d)
    x = states[number] + (maps[number] @ v).transpose(0, 1).flatten(1) @ W[f"{block}.self_attn.o_proj.weight"].T
    return x, rms_norm(x, f"{block}.post_attention_layernorm.weight")


def sharpness(activity):
    """The share of each unit's activity (tokens, units) that falls on its 4 strongest tokens: (units,)."""
    return (activity**2).topk(4, dim=0).values.sum(0) / (activity**2).sum(0)


words, following, read = [], [], {number: [] for number in LAYERS}
with torch.no_grad():
    for passage in passages:
        ids_here, tokens_here = smollm2.encode(passage)
        states, maps = llama_forward(W, config, torch.tensor(ids_here))
        for number in LAYERS:
            x, normed = what_enters(states, maps, number)
            read[number].append(normed[1:-1])  # not the first token, which is a case of its own, nor the last
        words += [("".join(tokens_here[max(0, i - 4) : i]), tokens_here[i]) for i in range(1, len(ids_here) - 1)]
        following += ids_here[2:]
        if passage is passages[0]:
            x, normed = what_enters(states, maps, LAYERS[-2])
            error = (x + swiglu_of(LAYERS[-2])(normed) - states[LAYERS[-2] + 1])[1:].abs().max() / x[1:].abs().max()
    print(f"{len(words)} tokens; your SwiGLU against the state after layer {LAYERS[-2]}: relative error {error:.0e}")
    generator = torch.Generator().manual_seed(0)
    following, some = torch.tensor(following), torch.randint(config["vocab_size"], (1000,), generator=generator)
    embedding = W["model.embed_tokens.weight"]
    activity, noise, sharp, chance, foretold, foretold_other = {}, {}, [], [], [], []
    for number in LAYERS:
        layer, normed = swiglu_of(number), torch.cat(read[number])
        activity[number] = silu(layer.gate(normed)) * layer.up(normed)  # (tokens, F)
        sharp.append((sharpness(activity[number]) > 0.5).float().mean())
        gate, up = (torch.randn(m.weight.shape, generator=generator) * m.weight.std() for m in (layer.gate, layer.up))
        noise[number] = silu(normed @ gate.T) * (normed @ up.T)  # (tokens, F)
        chance.append((sharpness(noise[number]) > 0.5).float().mean())
        best = activity[number].abs().argmax(0)  # (F,): the token that excites each unit most
        sign = activity[number].gather(0, best[None])[0].sign()
        values = sign[:, None] * layer.down.weight.T * W["model.norm.weight"]  # (F, D), as the output layer reads them
        others = best[torch.randperm(len(best), generator=generator)]
        for found, places in ((foretold, best), (foretold_other, others)):
            score = (values * embedding[following[places]]).sum(-1, keepdim=True)  # (F, 1)
            found.append(((values @ embedding[some].T < score).float().mean(-1) > 0.99).float().mean())

figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
axes[0].plot(LAYERS, 100 * torch.stack(sharp), "o-", color="black", label="SmolLM2's units")
axes[0].plot(LAYERS, 100 * torch.stack(chance), "s--", color="0.55", label="random units")
axes[0].set(title="Keys: half of the activity on 4 tokens", xlabel="layer", ylabel="share of units [%]")
axes[1].plot(LAYERS, 100 * torch.stack(foretold), "o-", color="black", label="after its own best match")
axes[1].plot(LAYERS, 100 * torch.stack(foretold_other), "s--", color="0.55", label="after another unit's")
axes[1].set(title="Values: next token in the top 1%", xlabel="layer", ylabel="share of units [%]", ylim=(0, None))
for ax in axes:
    ax.legend(fontsize=10)
plt.show()

# %% [markdown]
# **Keys** (left). In layer 0 a sixth of the units spend more than half of their activity on 4 tokens of a thousand; in
# the middle of the model one to three in a hundred do, in the upper layers about four. Among random units there are
# none or one in a hundred: most of these are no accidents. Nor are they the rule. Most units, in every layer, respond
# a little to a lot.
#
# **Values** (right). Here the control does most of the work. One unit in ten foretells the next token, which sounds
# like a lot, but nearly as many foretell the token after *another* unit's best match: many values favour tokens that
# are frequent anyway. In most layers the two numbers lie within one or two points of each other (in layer 0 it is two
# and a half); measured by the control, the lead is clear only in the upper layers, from 21 on, where the first number
# is up to 1.8 times the second. This is where Geva et al. found it too (§4), but as an effect it is modest.
#
# What do sharp units respond to? The next cell lists, for layer 0 and for an upper one, the sharpest of those that four
# tokens excite about equally. **Before you run it:** in which layer will you understand more of them?

# %% demo="sharpest-units" alt="Lines: sharp units of two layers and their strongest tokens, give and gave in one."
def strongest(number, unit, count):
    """The tokens that excite a unit most: pairs of a context that ends in «token», and the activation."""
    column = activity[number][:, unit]
    return [(f"{words[i][0]}«{words[i][1]}»".replace("\n", "/"), column[i].item())
            for i in column.abs().topk(count).indices.tolist()]


def one_word(activity):
    """The share of units whose ten strongest tokens are the same word eight times or more."""
    names = [token.strip().lower() for _, token in words]
    number_of = {name: number for number, name in enumerate(names)}
    top = torch.tensor([number_of[name] for name in names])[activity.abs().topk(10, dim=0).indices]  # (10, F)
    return ((top[:, None] == top).sum(0).amax(0) >= 8).float().mean()


for number in (LAYERS[0], LAYERS[-2]):
    print(f"layer {number}, the sharpest units that four tokens excite alike:")
    first, *_, fourth = activity[number].abs().topk(4, dim=0).values  # (F,) each
    ranked = (sharpness(activity[number]) * (fourth > first / 2)).argsort(descending=True)
    for unit in ranked[:6].tolist():
        shown = "   ".join(f"«{context.split('«')[-1]} {value:.1f}" for context, value in strongest(number, unit, 6))
        print(f"  unit {unit:4} ({sharpness(activity[number])[unit]:.0%}): {shown}")
for number in (LAYERS[0], LAYERS[-2]):
    print(f"layer {number}, one word eight times among the ten strongest tokens: {one_word(activity[number]):.1%} "
          f"of the model's units, {one_word(noise[number]):.1%} of the random ones")

# %% [markdown]
# Layer 0: *give*, *gave* and *given* in one unit; *summer*, *day*, *seasons*, *autumn* and *moon* in another; hyphens;
# the letter M, large or small. Words of one family, and nothing about the text around them, as one would expect of a
# layer so near to the embeddings. In layer 24 there is *Ay*, and pieces that share a letter; most of the rest we could
# not name. Geva et al. report more meaning in the upper layers. They looked at the 25 best matches of a key in a
# model's whole training text (§3); ours are the best of a thousand tokens.
#
# The last two lines are a warning. Counting the units whose ten strongest tokens are nearly all *one word* seems a
# natural way to find units that stand for a word. By that count, in layer 0, the random units do better than the
# model's: all commas of a text have much the same x there, and whatever responds to one responds to all. In layer 24
# hardly any unit of either kind passes. Without a control, any picture of a single unit looks like a discovery.
#
# Turn the knobs: most units are of the nameless kind. (Without sliders: `draw_unit(0, 51)` in a new cell.)

# %% demo="unit-slider" alt="Bars: the twelve tokens in context that excite one hidden unit most, chosen by sliders."
def draw_unit(layer=0, unit=None):
    number = LAYERS[min(layer // 3, len(LAYERS) - 1)]
    unit = sharpness(activity[number]).argmax().item() if unit is None else min(unit, activity[number].shape[1] - 1)
    pairs = strongest(number, unit, 12)
    figure, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
    ax.barh(range(12), [value for _, value in pairs], color="0.4")
    ax.set_yticks(range(12), [context.replace("$", r"\$") for context, _ in pairs], fontsize=9)
    ax.invert_yaxis()
    ax.set(title=f"layer {number}, unit {unit}: {sharpness(activity[number])[unit]:.0%} of its activity on 4 tokens",
           xlabel="activation")
    plt.show()


try:
    from ipywidgets import IntSlider, interact

    first = sharpness(activity[0]).argmax().item()
    interact(draw_unit, layer=IntSlider(0, min=0, max=LAYERS[-1], step=3, continuous_update=False),
             unit=IntSlider(first, min=0, max=config["intermediate_size"] - 1, continuous_update=False))
except ImportError:
    print("pip install ipywidgets gives this picture sliders; without them, call draw_unit(0, 51) in a new cell.")
    draw_unit()

# %% [markdown]
# ## Recap
#
# - Without a bend between them, matrices multiply to one matrix: depth and width of the hidden layer are for nothing.
# - GELU and SiLU are x times a soft switch. GELU has two forms, which differ by up to 0.0005: use the one that a model
#   was trained with.
# - The feed-forward layer mixes features, never tokens, exactly. All exchange between tokens is attention's.
# - SwiGLU multiplies a gate and a content. It has three matrices, so at 8/3 D the count of a plain layer with 4 D is
#   kept.
# - Feed-forward is two thirds of a block of GPT-2 or BERT, about half of these whole models, and 70% of Llama 3 8B.
#   Biases are next to nothing.
# - Hidden units can be read as keys and values. Some respond to a word in all its forms. Ask what a random unit does
#   before you believe it of the next one.
#
# And the note on Llama, $\text{ReLU}(xW_1 + b_1)W_2 + b_2$? No ReLU but a SiLU, and only in the gate; three matrices,
# not two; no biases.
#
# Next: *layer_norm_comparison*, the small part that lets many of these layers be stacked.

# %% [markdown]
# ## A question in words
#
# A friend replaces the feed-forward layers of a GPT-2-like model, D = 768 and F = 3072 with GELU, by SwiGLU with the
# same F. The loss falls faster. "SwiGLU is better," says the friend, "and since the feed-forward layer sees all the
# tokens now through its gate, I shall leave out attention in every second block."
#
# In six to ten sentences: (a) What is wrong with the comparison, and what should F be? (b) After the repair the loss is
# still a little lower, in one run each. What else would you want to see before you agree? (c) What does the gate see,
# and what will happen in the blocks without attention?

# %% [markdown] essay="fair-gate" points=3
# **(a)** With the same F the SwiGLU layer has three matrices of 768 × 3072 instead of two, half as many parameters
# again and as much more work per token. A bigger model usually has a lower loss, whatever its activation. At equal size
# F is two thirds of 3072, that is 2048, or 8/3 · 768. *(1 point: 3 against 2 matrices; 2048.)*
#
# **(b)** Several seeds for each, and the spread: a difference that is smaller than what the seed makes of it says
# nothing. A learning rate chosen for each of the two by the same effort, because a rate that was tuned for GELU may not
# suit SwiGLU, or the other way round. Held-out text, and a run that is not over after the first minutes, since an early
# lead may vanish. *(1 point: seeds with spread, and at least one of learning rate, held-out loss, longer training.)*
#
# **(c)** The gate is computed from the same token's vector as everything else in the layer. It sees other tokens only
# as far as an earlier attention layer has mixed them into that vector; it mixes features, and no token hears another
# in it. A block without attention therefore adds depth to what each token does by itself, but moves no information. The
# model may still work, since other blocks do attend, but whatever needs two tokens to meet has half as many
# opportunities. *(1 point: the gate reads one token; information moves between tokens only in the blocks with
# attention.)*

# %% [markdown]
# ## Sources
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin 2017. *Attention Is All You Need.* NeurIPS
#   2017, arXiv 1706.03762. §3.3 the layer, §5.4 dropout.
# - Hendrycks, Gimpel 2016. *Gaussian Error Linear Units (GELUs).* arXiv 1606.08415. §2 the definition and two
#   approximations; the SiLU.
# - Elfwing, Uchibe, Doya 2018. *Sigmoid-Weighted Linear Units for Neural Network Function Approximation in
#   Reinforcement Learning.* Neural Networks 107, arXiv 1702.03118.
# - Ramachandran, Zoph, Le 2017. *Searching for Activation Functions.* arXiv 1710.05941. Swish.
# - Radford, Narasimhan, Salimans, Sutskever 2018. *Improving Language Understanding by Generative Pre-Training.*
#   Devlin, Chang, Lee, Toutanova 2019. *BERT.* NAACL 2019, arXiv 1810.04805, Appendix A.2: GELU.
# - Dauphin, Fan, Auli, Grangier 2017. *Language Modeling with Gated Convolutional Networks.* ICML 2017, arXiv
#   1612.08083. Gated linear units.
# - Shazeer 2020. *GLU Variants Improve Transformer.* arXiv 2002.05202. §2 SwiGLU and its width, §3 experiments, §4.
# - Chowdhery et al. 2022. *PaLM: Scaling Language Modeling with Pathways.* arXiv 2204.02311, §2: SwiGLU.
# - Touvron et al. 2023. *LLaMA.* arXiv 2302.13971, §2.2. Grattafiori et al. 2024. *The Llama 3 Herd of Models.* arXiv
#   2407.21783, §3.2: the widths of Llama 3 8B.
# - Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014. *Dropout.* JMLR 15.
# - Bengio, Ducharme, Vincent, Jauvin 2003. *A Neural Probabilistic Language Model.* JMLR 3.
# - Geva, Schuster, Berant, Levy 2021. *Transformer Feed-Forward Layers Are Key-Value Memories.* EMNLP 2021, arXiv
#   2012.14913. §2 keys and values, §3 what keys respond to, §4 what values promote.
# - PyTorch documentation of `torch.nn.functional.gelu`; transformers' configurations of GPT-2, BERT and Llama: which
#   form of GELU, and all widths of section 6.
