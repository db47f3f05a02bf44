# %% [markdown]
# # Scaled dot-product attention
#
# ## What you will build
#
# Six short functions which together are the mechanism at the centre of every transformer: a stable `softmax`, the
# scores between queries and keys, `scaled_dot_product_attention` itself, the two masks that say who may look at whom,
# and `cross_attention`, which lets one sequence read another. First in NumPy, where nothing is hidden, then in
# PyTorch, checked against PyTorch's own attention. About an hour.
#
# ## When it was invented, and why it matters
#
# In 2014 a neural translator was two recurrent networks. The first read the sentence and left *one* vector of fixed
# size; the second wrote the translation from that vector alone. Bahdanau et al. (2014, §1) suspected that this vector
# was a bottleneck: their baseline got worse as sentences got longer (§5.1, Figure 2). Their remedy was to keep one
# vector per source word and to let the decoder, before each word that it writes, take a *weighted average* of them,
# with weights it computes on the spot (§3.1). That weighted average is attention.
#
# Bahdanau et al. computed each weight with a small neural network. Luong et al. (2015, §3.1) showed that a plain dot
# product can do the job. Vaswani et al. (2017, §3.2.1) divided the dot product by $\sqrt{d_k}$ and then built a whole
# model from it, without recurrence. This is equation 1 of their paper, and the subject of this notebook:
#
# $$\text{Attention}(Q, K, V) = \text{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V$$
#
# ## Prerequisites
#
# Matrix products and broadcasting in NumPy and PyTorch; what a gradient is (01, *backprop*); what "predict the next
# token" means (02, *language_models*).
#
# Letters: `B` sequences in a batch, `H` heads, `n` queries, `m` keys, `d_k` the width of a query and of a key, `d_v`
# the width of a value. In self-attention n = m = `T`, the length of the sequence. `...` stands for any leading axes,
# none included.

# %%
import math
import time
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder import check

sns.set_theme(style="whitegrid", context="notebook")

# %%
# Given: the one plot that this notebook draws again and again.
def heatmap(panel, shares, rows, columns, heading):
    """Draw shares (n, m) on a panel: one row per query, one column per key, darker = larger, from 0 to 1."""
    sns.heatmap(np.asarray(shares), ax=panel, vmin=0, vmax=1, cmap="Greys", annot=True, fmt=".2f", square=True,
                cbar=False, linewidths=1, linecolor="lightgrey", annot_kws={"size": 10},
                xticklabels=columns, yticklabels=rows)
    for number in panel.texts:
        number.set_color("white" if float(number.get_text()) > 0.6 else "black")
    panel.set_title(heading)
    panel.set_xlabel("key (looked at)", labelpad=8)
    panel.set_ylabel("query (looking)", labelpad=8)
    panel.tick_params(axis="both", labelrotation=0)


# %% [markdown]
# ## 1 · Weights that sum to one
#
# A Python dictionary compares a query with its keys and returns the value of the one key that is *equal*. Attention
# is the same lookup made soft: it compares the query with every key, gives every key a number (its *score*), and
# returns a mixture of *all* the values, most of it from the keys that scored best. A score may be any number,
# positive or negative. To mix values we need weights: none negative, together 1. Softmax turns the one into the
# other:
#
# $$\text{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$
#
# As written it breaks. The largest number in float32 is about $3.4 \cdot 10^{38}$, so $e^{89}$ is already infinite,
# and infinity divided by infinity is `nan`. The repair costs nothing: subtracting the same number from every $x_i$
# multiplies numerator and denominator by the same factor, so the result stays as it is. Subtract the largest, and no
# exponent is above 0.
#
# One entry deserves attention: a score of $-\infty$ becomes a weight of exactly $e^{-\infty} = 0$. Section 3 forbids
# keys in this way.
#
# **`softmax(x, axis=-1)`**, in NumPy. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | any, floats | scores, not to be changed; may hold `-inf`, but along `axis` at least one entry is finite |
# | `axis` | int | the axis along which the result sums to one, possibly negative |
# | result | shape of `x` | the weights |
#
# Write the formula out: the softmax functions of SciPy and PyTorch are not allowed here.
#
# <details><summary>Hint 1</summary>For a single vector it is three steps: subtract the maximum, take exponentials,
# divide by their sum. Write that first.</details>
# <details><summary>Hint 2</summary>With more than one axis, each row needs its own maximum and its own sum. NumPy's
# <code>max</code> and <code>sum</code> take an <code>axis</code>.</details>
# <details><summary>Hint 3</summary>The maximum of a (3, 5) array along its last axis has shape (3,), which does not
# broadcast against (3, 5). With <code>keepdims=True</code> it has shape (3, 1), which does.</details>

# %% exercise="softmax" minutes=10 level=2 forbid="scipy.special.softmax, torch.softmax, torch.Tensor.softmax, torch.nn.functional.softmax"
def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """Turn scores into weights: positive or zero, summing to one along `axis`.

    x: floats of any shape; may hold -inf, but not everywhere along `axis`. Left unchanged. Returns the shape of x.
    """
    ### BEGIN SOLUTION
    exponentials = np.exp(x - x.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)
    ### END SOLUTION


# %% check="softmax: exponentials, each divided by the sum of its row" points=1
x = check.randn(3, 5, seed=1).numpy()
expected = torch.softmax(check.randn(3, 5, seed=1), dim=-1).numpy()
weights = softmax(x)
check.close(weights.sum(-1), np.ones(3), hint="each row must sum to 1: divide by the sums along the last axis")
check.close(weights, expected, hint="the rows sum to 1, but the shares are others: e^x divided by the sum of the e^x")
check.equal(x, check.randn(3, 5, seed=1).numpy(), hint="x was changed in place: write x - m, which is new, not x -= m")
### BEGIN HIDDEN TESTS
y = check.randn(7, seed=2).double().numpy()
expected_y = torch.softmax(check.randn(7, seed=2).double(), dim=-1).numpy()
check.close(softmax(y), expected_y, hint="a plain vector of float64 works too")
### END HIDDEN TESTS

# %% check="softmax: along any axis" points=1
x = check.randn(2, 3, 4, seed=3)
check.close(softmax(x.clone().numpy(), axis=0), torch.softmax(x, dim=0).numpy(),
            hint="with axis=0 the sums along the first axis are 1: hand axis on to the maximum and the sum")
check.close(softmax(x.clone().numpy(), axis=1), torch.softmax(x, dim=1).numpy(),
            hint="with axis=1 the sums along the middle axis are 1: hand axis on to the maximum and the sum")
### BEGIN HIDDEN TESTS
check.close(softmax(x.clone().numpy(), axis=-1), torch.softmax(x, dim=-1).numpy(), hint="axis=-1 is the last axis")
check.close(softmax(x.clone().numpy(), axis=-2), torch.softmax(x, dim=-2).numpy(), hint="axis=-2 is the last but one")
### END HIDDEN TESTS

# %% check="softmax: large scores do not overflow" points=2
x = check.randn(3, 5, seed=4) + 1000 * check.arange(-1, 2).view(3, 1)
check.close(softmax(x.clone().numpy()), torch.softmax(x, dim=-1).numpy(),
            hint="rows around -1000, 0 and 1000: from each row subtract its own maximum, then take exponentials")
### BEGIN HIDDEN TESTS
y = 300 * check.randn(4, 6, seed=5)
check.close(softmax(y.clone().numpy(), axis=0), torch.softmax(y, dim=0).numpy(),
            hint="scores of several hundred, axis=0: subtract the maximum along the axis that you sum over")
### END HIDDEN TESTS

# %% check="softmax: a score of -inf becomes a weight of zero" points=1
x = check.arange(4).float().log().numpy()  # log 0 = -inf, log 1, log 2, log 3; and e^(log c) = c
check.close(softmax(x), np.array([0, 1 / 6, 2 / 6, 3 / 6]),
            hint="weights of 0, 1, 2 and 3 sixths. -inf is no special case if what you subtract is finite: the maximum")
### BEGIN HIDDEN TESTS
y = check.randint(0, 3, (5, 8), seed=1).float().log().numpy()
expected_y = torch.softmax(check.randint(0, 3, (5, 8), seed=1).float().log(), dim=-1).numpy()
check.close(softmax(y), expected_y, hint="rows with some -inf: what you subtract must be finite: the maximum")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** the four scores are 0, 1, 2 and 3. If we multiply all of them by 4, do the weights
# stay as they are, become more equal, or less equal? And if we multiply by a quarter?

# %% demo="softmax-scale" alt="Bars: the softmax of 0, 1, 2, 3 is nearly even when scaled by 0.25, one-sided by 4."
figure, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True, layout="constrained")
for ax, factor in zip(axes, (0.25, 1, 4), strict=True):
    bars = ax.bar(["0", "1", "2", "3"], softmax(factor * np.arange(4.0)), color="0.45")
    ax.bar_label(bars, fmt="%.2f")
    ax.set(title=f"softmax({factor} · x)", xlabel="score x", ylim=(0, 1.1))
    ax.grid(axis="x", visible=False)
axes[0].set_ylabel("weight")
plt.show()

# %% [markdown]
# Adding the same number to all scores leaves the weights as they are; multiplying the scores does not. Large scores
# make softmax choose one entry, small scores make it average. The divisor has a name, *temperature*: softmax(x / τ).
# The slider below turns it. Find the τ at which the largest weight is one half. Where do the weights go as τ
# approaches 0, and as τ grows?

# %% demo="temperature" alt="Bars: the softmax of 0, 1, 2, 3 at the temperature set by a slider."
def draw_temperature(temperature=1.0):
    figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
    bars = ax.bar(["0", "1", "2", "3"], softmax(np.arange(4.0) / temperature), color="0.45")
    ax.bar_label(bars, fmt="%.2f")
    ax.set(title=f"softmax(x / τ), τ = {temperature:.2f}", xlabel="score x", ylabel="weight", ylim=(0, 1.1))
    ax.grid(axis="x", visible=False)
    plt.show()


try:
    from ipywidgets import FloatLogSlider, interact

    interact(draw_temperature, temperature=FloatLogSlider(1.0, base=10, min=-1, max=1.5, step=0.05, description="τ"))
except ImportError:
    print("pip install ipywidgets gives this picture a slider; without it, call draw_temperature(0.5) in a new cell.")
    draw_temperature(1.0)

# %% [markdown]
# ## 2 · Scores: how well does a key fit a query?
#
# Each query $q$ and each key $k$ is a vector of width $d_k$. Their score is the dot product $q \cdot k$: large when
# the two point the same way, 0 when they have nothing to do with each other, negative when they point apart. All
# scores at once are one matrix product.
#
# Then comes the division. Suppose the components of $q$ and $k$ are independent, with mean 0 and variance 1. Each
# product $q_i k_i$ then has mean 0 and variance 1, and the sum of $d_k$ of them has variance $d_k$: its typical size
# is $\sqrt{d_k}$ (Vaswani et al. 2017, §3.2.1, footnote 4). So wide vectors give large scores, and you have just seen
# what softmax does with large scores. Dividing by $\sqrt{d_k}$ brings the typical size back to 1, whatever the width:
#
# $$S = \frac{Q K^\top}{\sqrt{d_k}}$$
#
# **`attention_scores(q, k)`**, in NumPy. ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `q` | (..., n, d_k) | queries |
# | `k` | (..., m, d_k) | keys, with the same leading axes |
# | result | (..., n, m) | `scores[..., i, j]` says how well key j fits query i |
#
# <details><summary>Hint 1</summary>For two matrices, which of the two has to be transposed so that the widths d_k
# meet and (n, m) remains?</details>
# <details><summary>Hint 2</summary><code>k.T</code> reverses <i>all</i> axes, the batch too. Here only the last two
# change places, and <code>@</code> then takes care of all leading axes.</details>
# <details><summary>Hint 3</summary><code>np.swapaxes(k, -1, -2)</code> swaps the last two axes;
# <code>q.shape[-1]</code> is d_k.</details>

# %% exercise="attention_scores" minutes=5 level=1
def attention_scores(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Score every key for every query: dot products divided by the square root of their width.

    q: (..., n, d_k)   k: (..., m, d_k)   returns (..., n, m).   Vaswani et al. 2017, §3.2.1
    """
    ### BEGIN SOLUTION
    return q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])  # (..., n, m)
    ### END SOLUTION


# %% check="attention_scores: one row per query, one column per key" points=1
q = check.randn(3, 6, seed=11)
k = check.randn(5, 6, seed=12)
best = (q @ k.T).argmax(-1).numpy()
scores = attention_scores(q.numpy(), k.numpy())
check.shape(scores, (3, 5), hint="3 queries and 5 keys give 3 rows and 5 columns: queries times transposed keys")
check.equal(scores.argmax(-1), best,
            hint="whatever the scale, the best key of each query has the largest dot product: [i, j] is q_i · k_j")
### BEGIN HIDDEN TESTS
q2 = check.randn(4, 3, seed=13)
k2 = check.randn(9, 3, seed=14)
best2 = (q2 @ k2.T).argmax(-1).numpy()
check.equal(attention_scores(q2.numpy(), k2.numpy()).argmax(-1), best2,
            hint="4 queries and 9 keys of width 3: entry [i, j] is the dot product of query i and key j")
### END HIDDEN TESTS

# %% check="attention_scores: divided by the square root of d_k" points=2
scores = attention_scores(np.ones((2, 16)), np.ones((3, 16)))  # each dot product is 16, d_k is 16
check.close(scores, np.full((2, 3), 4.0),
            hint="16: not scaled. 1: divided by d_k, not its root. d_k is the width, not the number of queries or keys")
q = check.randn(3, 6, seed=15)
k = check.randn(5, 6, seed=16)
expected = (torch.einsum("nd,md->nm", q, k) / 6**0.5).numpy()
check.close(attention_scores(q.numpy(), k.numpy()), expected, hint="dot products over the square root of d_k (here 6)")
### BEGIN HIDDEN TESTS
q2 = check.randn(7, 10, seed=17)
k2 = check.randn(2, 10, seed=18)
expected2 = (torch.einsum("nd,md->nm", q2, k2) / 10**0.5).numpy()
check.close(attention_scores(q2.numpy(), k2.numpy()), expected2,
            hint="dot products, divided by the square root of d_k (here 10): read d_k off the shape of q")
### END HIDDEN TESTS

# %% check="attention_scores: leading axes stay where they are" points=1
q = check.randn(2, 3, 4, 6, seed=19)
k = check.randn(2, 3, 5, 6, seed=20)
expected = (torch.einsum("bhnd,bhmd->bhnm", q, k) / 6**0.5).numpy()
scores = attention_scores(q.numpy(), k.numpy())
check.shape(scores, (2, 3, 4, 5), hint="2 sequences, 3 heads, 4 queries, 5 keys: swap only the last two axes of k")
check.close(scores, expected,
            hint="each sequence and head keeps to its own keys: swap only the last two axes; d_k is the last axis")
### BEGIN HIDDEN TESTS
q2 = check.randn(5, 2, 8, seed=21)
k2 = check.randn(5, 3, 8, seed=22)
expected2 = (torch.einsum("bnd,bmd->bnm", q2, k2) / 8**0.5).numpy()
check.close(attention_scores(q2.numpy(), k2.numpy()), expected2,
            hint="one leading axis: swap only the last two axes of k; d_k is the last axis of q")
### END HIDDEN TESTS

# %% [markdown]
# ### Attention, by hand
#
# Scores, weights, and one more product: the weights times the values. Here are three keys, each with a value that is
# a point in the plane, so that the result can be drawn. The first query resembles key 0; the second resembles keys 1
# and 2 alike.
#
# **Before you run the next cell:** where will the two outputs lie? Can an output ever leave the triangle of the
# values?

# %% demo="weighted-average" alt="Both outputs lie inside the triangle of the three values."
keys = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])  # (m, d_k) = (3, 2)
values = np.array([[0.0, 0.0], [4.0, 0.0], [2.0, 3.0]])  # (m, d_v) = (3, 2)
queries = np.array([[2.0, 0.0], [0.0, 2.0]])  # (n, d_k) = (2, 2)

scores = attention_scores(queries, keys)  # (n, m) = (2, 3)
weights = softmax(scores)  # (n, m) = (2, 3), rows sum to one
outputs = weights @ values  # (n, d_v) = (2, 2)
print("scores", scores.round(2), "weights", weights.round(2), "outputs", outputs.round(2), sep="\n")

figure, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
ax.fill(*values.T, color="0.93")
ax.scatter(*values.T, s=120, color="black", zorder=3)
for j, point in enumerate(values):
    ax.annotate(f"value {j}", point, xytext=(0, -20 if j < 2 else 12), textcoords="offset points", ha="center")
for i, (point, marker) in enumerate(zip(outputs, ("s", "^"), strict=True)):
    ax.scatter(*point, s=120, marker=marker, facecolor="white", edgecolor="black", linewidth=2, zorder=3)
    ax.annotate(f"output of query {i}\nweights {', '.join(f'{w:.2f}' for w in weights[i])}", point,
                xytext=(12, 4), textcoords="offset points", fontsize=10)
ax.set(title="An output is a weighted average of the values", xlabel="first component of the value",
       ylabel="second component of the value", xlim=(-0.7, 5.2), ylim=(-0.7, 3.7))
plt.show()

# %% [markdown]
# Weights that are not negative and sum to one can only mix: an output never leaves the triangle. Attention *moves*
# information from the values to the query's place; it creates none. (What does is the feed-forward layer of module
# 04.)
#
# ### What the square root is for
#
# Vaswani et al. (2017, §3.2.1) *suspect* that without the division softmax ends up where its gradients are extremely
# small. Let us measure it. We draw queries and 16 keys with components of mean 0 and variance 1, score them, and look
# at two numbers: the largest of the 16 weights, and how much the weights move when the scores do (the norm of the 16
# × 16 matrix of derivatives $\partial w_i / \partial s_j = w_i (\delta_{ij} - w_j)$, where $\delta_{ij}$ is 1 if i =
# j, else 0). If that is zero, no gradient comes back through the softmax and the queries and keys stop learning.
#
# **Before you run the next cell:** there are three ways to treat the dot products: leave them, divide by
# $\sqrt{d_k}$, divide by $d_k$. What does each do to the largest weight when $d_k$ grows?

# %% demo="saturation" alt="Against d_k: only division by its root keeps both weight and derivative level."
generator = torch.Generator().manual_seed(0)
widths = [2**i for i in range(1, 11)]
scalings = {"q·k": lambda d: 1, "q·k / √d_k": lambda d: d**0.5, "q·k / d_k": lambda d: d}
largest, slope, mean_slope = ({name: [] for name in scalings} for _ in range(3))
for d in widths:
    query, key = torch.randn(1000, 1, d, generator=generator), torch.randn(1000, 16, d, generator=generator)
    for name, divisor in scalings.items():
        w = torch.softmax((query @ key.mT).squeeze(1).double() / divisor(d), dim=-1)  # (1000, 16)
        jacobian = torch.diag_embed(w) - w[:, :, None] * w[:, None, :]  # (1000, 16, 16), d weight_i / d score_j
        norms = jacobian.flatten(1).norm(dim=1)  # (1000,)
        largest[name].append(w.amax(-1).mean())
        slope[name].append(norms.median())
        mean_slope[name].append(norms.mean())

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for name, style, color in zip(scalings, ("o-", "s--", "^:"), ("black", "0.35", "0.55"), strict=True):
    axes[0].semilogx(widths, largest[name], style, color=color, label=name)
    axes[1].loglog(widths, slope[name], style, color=color, label=name)
axes[0].axhline(1 / 16, color="0.7", linewidth=1)
axes[0].text(2, 1 / 16 - 0.045, "all 16 keys alike", fontsize=9)
axes[0].set(title="Does one key take everything?", xlabel="width d_k", ylabel="largest weight (mean)", ylim=(0, 1.02))
axes[1].set(title="Can it still learn?", xlabel="width d_k", ylabel="size of ∂weights/∂scores (median)")
for ax in axes:
    ax.set_xticks(widths, [str(d) for d in widths])
    ax.minorticks_off()
axes[0].legend(title="scores")
plt.show()
for name in scalings:
    print(f"d_k = 1024, {name:11}: largest weight {largest[name][-1]:.3f}, "
          f"derivative {slope[name][-1]:.1e} (median), {mean_slope[name][-1]:.1e} (mean)")

# %% [markdown]
# Without the division, at d_k = 1024 one key takes 97% of the weight, and for a typical query the derivative is four
# orders of magnitude smaller than at d_k = 2. Look at the printed *mean*, though: it falls far less, to about a
# seventh, because a few queries happen to have two keys nearly tied and those still learn. "Vanishing" is true of
# most queries, not of all.
#
# Dividing by $d_k$ keeps the derivative alive, but the weights all become 1/16: the query can no longer choose. Only
# the root keeps both numbers where they were, at every width.
#
# All of this is about vectors whose components have variance 1, as at the start of training. A trained model may grow
# its queries and keys and be as decided as it likes. The scale makes sure that it does not *start* out stuck.

# %% [markdown]
# ## 3 · Scaled dot-product attention
#
# Now the same in PyTorch, with two things added: gradients, which come by themselves if you use PyTorch operations,
# and a *mask*. A mask is a table of permissions: `mask[i, j]` is True where query i may attend to key j. A forbidden
# pair must get a weight of exactly zero while the other weights of its row still sum to one. So the mask has to act
# before the softmax (Vaswani et al. 2017, §3.2.3): which score leads to the weight 0?
#
# **`scaled_dot_product_attention(q, k, v, mask=None)`** returns a tuple `(out, weights)`. ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `q` | (..., n, d_k) | queries |
# | `k` | (..., m, d_k) | keys |
# | `v` | (..., m, d_v) | values; d_v need not equal d_k |
# | `mask` | bool, broadcastable to (..., n, m), or None | True = may attend. Every row has at least one True |
# | `out` | (..., n, d_v) | for each query, the average of the values under its weights |
# | `weights` | (..., n, m) | each row sums to one |
#
# The leading axes are the same in `q`, `k` and `v`; there may be none, one (batch) or two (batch and heads). No input
# is changed, and gradients reach `q`, `k` and `v` from both results, masked or not. `torch.softmax` is allowed; it is
# stable, as yours is. PyTorch's finished `F.scaled_dot_product_attention` is not: the checks compare you with it.
#
# <details><summary>Hint 1</summary>Without a mask it is the three lines of "Attention, by hand". Write these, run the
# first two checks, then add the mask.</details>
# <details><summary>Hint 2</summary>Before the softmax, replace each forbidden score by minus infinity. Which entries
# does <code>~mask</code> pick?</details>
# <details><summary>Hint 3</summary><code>scores.masked_fill(condition, value)</code> returns a copy with
# <code>value</code> wherever the condition is True, and broadcasts the condition. <code>k.transpose(-2, -1)</code>
# swaps the last two axes.</details>

# %% exercise="scaled_dot_product_attention" minutes=15 level=3 forbid="torch.nn.functional.scaled_dot_product_attention"
def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Attend from each query to all keys that the mask allows.

    q: (..., n, d_k)   k: (..., m, d_k)   v: (..., m, d_v)   mask: bool, broadcastable to (..., n, m), True = may
    attend, at least one True in each row. Returns out (..., n, d_v) and weights (..., n, m).
    Vaswani et al. 2017, eq. 1
    """
    ### BEGIN SOLUTION
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (..., n, m)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights  # (..., n, d_v), (..., n, m)
    ### END SOLUTION


# %% check="scaled_dot_product_attention: weights are a softmax over the keys" points=1
q = check.randn(2, 5, 8, seed=31)
k = check.randn(2, 7, 8, seed=32)
v = check.randn(2, 7, 3, seed=33)
expected = torch.softmax(torch.einsum("bnd,bmd->bnm", q, k) / 8 ** 0.5, dim=-1)
out, weights = scaled_dot_product_attention(q, k, v)
check.shape(weights, (2, 5, 7), hint="return (out, weights); weights have a row per query, a column per key")
check.close(weights.sum(-1), torch.ones(2, 5), hint="each row must sum to 1: softmax over the keys, the last axis")
check.close(weights, expected, hint="the rows sum to 1, but the shares are others: softmax of q·k over the root of d_k")
### BEGIN HIDDEN TESTS
q2 = 20 * check.randn(4, 6, seed=34)
k2 = 20 * check.randn(3, 6, seed=35)
v2 = check.randn(3, 9, seed=36)
expected2 = torch.softmax(torch.einsum("nd,md->nm", q2, k2) / 6 ** 0.5, dim=-1)
out2, weights2 = scaled_dot_product_attention(q2, k2, v2)
check.close(weights2, expected2, atol=1e-3, hint="scores in the hundreds: do your exponentials overflow?")
### END HIDDEN TESTS

# %% check="scaled_dot_product_attention: out averages the values" points=1
q = check.randn(2, 5, 8, seed=37)
k = check.randn(2, 7, 8, seed=38)
v = check.randn(2, 7, 3, seed=39)
expected = F.scaled_dot_product_attention(q, k, v)
out, weights = scaled_dot_product_attention(q, k, v)
check.shape(out, (2, 5, 3), hint="return (out, weights), in this order; out is weights (n, m) times values (m, d_v)")
check.close(out, expected, hint="out differs from PyTorch's attention: weights times values, of scaled scores")
check.equal(q, check.randn(2, 5, 8, seed=37), hint="q was changed in place (by /= or mul_, say): make a new tensor")
### BEGIN HIDDEN TESTS
q2 = check.randn(3, 4, 16, seed=40)
k2 = check.randn(3, 6, 16, seed=41)
v2 = check.randn(3, 6, 5, seed=42)
expected2 = F.scaled_dot_product_attention(q2, k2, v2)
out2, weights2 = scaled_dot_product_attention(q2, k2, v2)
check.close(out2, expected2, hint="out differs from PyTorch's attention on other sizes: read sizes off the shapes")
### END HIDDEN TESTS

# %% check="scaled_dot_product_attention: a masked key gets no weight, the others share it" points=2
q = 8 * check.randn(2, 5, 8, seed=43)
k = check.randn(2, 7, 8, seed=44)
v = check.randn(2, 7, 3, seed=45)
mask = check.randint(0, 2, (5, 7), seed=41).bool()
expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
out, weights = scaled_dot_product_attention(q, k, v, mask)
check.finite(weights, hint="0 times infinity is nan: put -inf in the place of forbidden scores, do not multiply")
check.close(weights.sum(-1), torch.ones(2, 5),
            hint="the allowed weights no longer sum to 1: mask the scores before the softmax, not the weights after it")
check.close((weights * mask).sum(-1), torch.ones(2, 5),
            hint="a forbidden key gets weight. True means may attend: -inf goes where it is False (0 is too high)")
check.close(out, expected, hint="the weights add up, but out differs from PyTorch's attention with the same mask")
### BEGIN HIDDEN TESTS
q2 = 8 * check.randn(3, 4, 6, seed=47)
k2 = 8 * check.randn(3, 9, 6, seed=48)
v2 = check.randn(3, 9, 5, seed=49)
mask2 = check.randint(0, 2, (3, 4, 9), seed=41).bool()
expected2 = F.scaled_dot_product_attention(q2, k2, v2, attn_mask=mask2)
out2, weights2 = scaled_dot_product_attention(q2, k2, v2, mask=mask2)
check.close((weights2 * mask2).sum(-1), torch.ones(3, 4),
            hint="scores of over a hundred, and a forbidden key gets weight: only -inf lies below every score")
check.close(out2, expected2, atol=1e-3, hint="out differs from PyTorch's attention with the same mask, (3, 4, 9)")
### END HIDDEN TESTS

# %% check="scaled_dot_product_attention: batch and heads, masks that broadcast" points=1
q = check.randn(2, 3, 5, 8, seed=51)
k = check.randn(2, 3, 7, 8, seed=52)
v = check.randn(2, 3, 7, 4, seed=53)
mask = check.randint(0, 2, (2, 1, 1, 7), seed=40).bool()
expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
out, weights = scaled_dot_product_attention(q, k, v, mask)
check.shape(weights, (2, 3, 5, 7), hint="2 sequences, 3 heads, 5 queries, 7 keys: count the axes from the end (-1, -2)")
check.close(out, expected, hint="a mask (2, 1, 1, 7) holds for all heads and queries: let PyTorch broadcast it")
### BEGIN HIDDEN TESTS
q2 = check.randn(2, 3, 4, 6, seed=59)
k2 = check.randn(2, 3, 7, 6, seed=60)
v2 = check.randn(2, 3, 7, 5, seed=61)
mask2 = check.randint(0, 2, (4, 7), seed=43).bool()
expected2 = F.scaled_dot_product_attention(q2, k2, v2, attn_mask=mask2)
out2, weights2 = scaled_dot_product_attention(q2, k2, v2, mask2)
check.close(out2, expected2, hint="a mask (4, 7) holds for every sequence and head: let PyTorch broadcast it")
### END HIDDEN TESTS

# %% check="scaled_dot_product_attention: gradients reach q, k and v" points=1
q = check.randn(5, 8, seed=56).requires_grad_()
k = check.randn(7, 8, seed=57).requires_grad_()
v = check.randn(7, 3, seed=58).requires_grad_()
out, weights = scaled_dot_product_attention(q, k, v)
out.pow(2).sum().backward()
q2 = check.randn(5, 8, seed=56).requires_grad_()
k2 = check.randn(7, 8, seed=57).requires_grad_()
v2 = check.randn(7, 3, seed=58).requires_grad_()
F.scaled_dot_product_attention(q2, k2, v2).pow(2).sum().backward()
check.close(v.grad, v2.grad, hint="the gradient of v is missing or wrong: PyTorch throughout, no .detach() or .data")
check.close(k.grad, k2.grad, hint="the gradient of k is missing or wrong: PyTorch throughout, no .detach() or .data")
check.close(q.grad, q2.grad, hint="the gradient of q is missing or wrong: PyTorch throughout, no .detach() or .data")
### BEGIN HIDDEN TESTS
mask = check.randint(0, 2, (5, 7), seed=41).bool()
q3 = check.randn(5, 8, seed=64).requires_grad_()
k3 = check.randn(7, 8, seed=65).requires_grad_()
v3 = check.randn(7, 3, seed=66).requires_grad_()
out3, weights3 = scaled_dot_product_attention(q3, k3, v3, mask)
(out3.pow(2).sum() + weights3.pow(2).sum()).backward()
q4 = check.randn(5, 8, seed=64).requires_grad_()
k4 = check.randn(7, 8, seed=65).requires_grad_()
v4 = check.randn(7, 3, seed=66).requires_grad_()
expected4 = torch.softmax((q4 @ k4.mT / 8 ** 0.5).masked_fill(~mask, float("-inf")), dim=-1)
((expected4 @ v4).pow(2).sum() + expected4.pow(2).sum()).backward()
check.close(v3.grad, v4.grad, hint="with a mask the gradient of v is missing or wrong")
check.close(k3.grad, k4.grad, hint="with a mask, or through the weights, the gradient of k is missing or wrong")
check.close(q3.grad, q4.grad, hint="with a mask, or through the weights, the gradient of q is missing or wrong")
### END HIDDEN TESTS

# %% [markdown]
# ### Six words looking at each other
#
# In *self*-attention queries, keys and values all come from the same sequence, through three matrices that a model
# learns: `Q = X W_q`, `K = X W_k`, `V = X W_v`. A word can thus look for one thing (its query) and offer another (its
# key).
#
# Below, the words' features and both matrices are **set by hand**, so that you can see why each weight is what it is.
# Nothing here was learned (a trained encoder follows below, and its heads in *multi_head*). Each word offers its
# features as its key. `LOOKS_FOR` says what each feature makes a word look for.

# %%
# Given: a sentence, features and matrices, all of them set by hand.
WORDS = ["The", "cat", "sat", "on", "the", "mat"]
KINDS = ["article", "noun", "animate", "place", "verb", "preposition"]
IS = {"the": ["article"], "cat": ["noun", "animate"], "sat": ["verb"], "on": ["preposition"], "mat": ["noun", "place"]}
LOOKS_FOR = {"article": ["noun"],  # which noun do I belong to?
             "verb": ["animate", "preposition"],  # who does it, and where? (the preposition knows)
             "preposition": ["place"],  # which place do I lead to?
             "animate": ["verb"],  # what do I do?
             "place": ["preposition"]}  # how do others relate to me?

FEATURES = torch.tensor([[float(kind in IS[word.lower()]) for kind in KINDS] for word in WORDS])  # (T, D) = (6, 6)
W_K = torch.eye(6)  # (D, d_k): offer your features as they are
W_Q = 8 * torch.tensor([[float(kind in LOOKS_FOR.get(own, [])) for kind in KINDS] for own in KINDS])  # (D, d_k)

# %% [markdown]
# **Before you run the next cell:** whom does *sat* look at? And one trap: *The* and *the* belong to different nouns.
# Will their rows differ?

# %% demo="sentence" alt="Heatmap: sat looks at cat and on, on at mat, cat at sat; both articles have the same row."
out, weights = scaled_dot_product_attention(FEATURES @ W_Q, FEATURES @ W_K, FEATURES)
figure, ax = plt.subplots(figsize=(6, 5.4), layout="constrained")
heatmap(ax, weights, WORDS, WORDS, "Who looks at whom (features and matrices set by hand)")
plt.show()

# %% [markdown]
# *sat* finds who sits, and *on*, which knows where. The two articles, though, have identical rows, half *cat*, half
# *mat*: they have the same features, therefore the same query, and nothing in the formula knows where in the sentence
# a word stands. Shuffle the words and the rows and columns are shuffled with them, no more. Attention reads a *set*;
# the order has to be added (notebook *positional_encoding*).
#
# A caution for later, when you look at heads of real models: a weight says how much of a value was mixed in, not why
# the model answered as it did. How far the one explains the other is disputed (Jain and Wallace 2019; Wiegreffe and
# Pinter 2019).

# %% [markdown]
# ### One word, two meanings: a trained encoder
#
# What is the mixing good for? *Bank* has one entry in a vocabulary, hence one vector to begin with, whether it stands
# by a river or in a city. Only its neighbours can tell, and attention is the one place where a token's vector takes
# something in from its neighbours.
#
# The next cell reads six sentences with all-MiniLM-L6-v2, a trained encoder of six layers (BERT's architecture, 12
# heads; 91 MB, fetched once). In three of them the bank is a river's, in three it holds money. It compares the six
# vectors of *bank* with each other by their cosine, before the first layer and after the last.
#
# **Before you run it:** what do you expect on the left, where the vectors differ in nothing but their position in the
# sentence? And will all three river banks find each other on the right? One of the six sentences gives its *bank*
# little to go by.

# %% demo="bank" alt="Bars: bank looks at river. Heatmaps of cosines: all near 1 before, two groups after, with an exception."
from internals.real_models import load_minilm

minilm = load_minilm()
SENTENCES = {"river": "We sat on the bank of the river.", "boat": "The boat reached the other bank.",
             "willows": "Willows grow along the muddy bank.", "account": "She opened an account at the bank.",
             "rates": "The bank raised its interest rates.", "teller": "He works as a teller in a bank."}
layers = []
for sentence in SENTENCES.values():
    tokens, states = minilm.hidden_states(sentence)  # (layers + 1, n, width)
    layers.append(F.normalize(states[:, tokens.index("bank")], dim=-1))  # (layers + 1, width)
vectors = torch.stack(layers, dim=1)  # (layers + 1, 6, width)
cosines = vectors @ vectors.mT  # (layers + 1, 6, 6)
figure, axes = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained", width_ratios=[0.8, 1, 1])
tokens, maps = minilm.attention_maps(SENTENCES["river"])  # (layers, heads, n, n)
axes[0].barh(range(len(tokens)), maps[0, :, tokens.index("bank")].mean(dim=0), color="0.4")
axes[0].set_yticks(range(len(tokens)), tokens)
axes[0].invert_yaxis()
axes[0].set(title="layer 1, mean of 12 heads: where bank looks", xlabel="weight", ylabel="key (looked at)")
for ax, when, table in zip(axes[1:], ("before the first layer", "after the last"), (cosines[0], cosines[-1]),
                           strict=True):
    sns.heatmap(table.numpy(), ax=ax, vmin=0.6, vmax=1, cmap="Greys", annot=True, fmt=".2f", square=True, cbar=False,
                linewidths=1, linecolor="lightgrey", xticklabels=SENTENCES, yticklabels=SENTENCES)
    ax.set_title(f"cosine of bank with bank, {when}")
    ax.tick_params(axis="both", labelrotation=0, labelsize=9)
plt.show()
same = [cosines[-1][a, b] for a in range(6) for b in range(a) if (a < 3) == (b < 3)]
other = [cosines[-1][a, b] for a in range(6) for b in range(a) if (a < 3) != (b < 3)]
print(f"after the last layer, mean cosine: same meaning {np.mean(same):.2f}, other meaning {np.mean(other):.2f}")

# %% [markdown]
# Before the first layer all banks are alike but for their positions. After the last, those of the same meaning are
# closer to each other than to the others, on average: what *bank* looked at, in the first layer *river* more than any
# other word, has moved its vector. But look at *boat*: *the other bank* lies nearer to the money than to the willows.
# A boat may reach a city, and the model has nothing but these six words. What attention mixes in is only ever as
# telling as what is there.

# %% [markdown]
# ## 4 · A mask for the future
#
# A language model is trained on every position of a text at once: position t predicts token t + 1. The answer is
# right there in the input, one place further on. If position t could look ahead it would learn to copy instead of to
# predict. So query t may attend to keys 0 … t, itself included (it has no better source about the token it stands
# on).
#
# **Before you go on:** rows are queries, columns are keys. Which corner of the matrix is forbidden?
#
# **`causal_mask(T)`** returns the allowed pairs. ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `T` | int, ≥ 1 | length of the sequence |
# | result | (T, T), bool | `mask[t, s]` is True where query t may attend to key s |
#
# <details><summary>Hint 1</summary>Which comparison between t and s says "s is not later than t"?</details>
# <details><summary>Hint 2</summary>Either compare <code>torch.arange(T)</code> as a column with itself as a row, or
# look for a PyTorch function that keeps one triangle of a matrix.</details>
# <details><summary>Hint 3</summary><code>torch.tril</code> keeps the lower triangle, diagonal included. The result
# must be bool: start from a matrix of True, or compare.</details>

# %% exercise="causal_mask" minutes=5 level=1
def causal_mask(T: int) -> Tensor:
    """Allow each position to attend to itself and to what came before.

    Returns (T, T) bool; mask[t, s] is True where query t may attend to key s, that is s <= t.
    """
    ### BEGIN SOLUTION
    return torch.ones(T, T, dtype=torch.bool).tril()
    ### END SOLUTION


# %% check="causal_mask: a query sees itself and the past, nothing later" points=1
check.equal(causal_mask(4), torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]).bool(),
            hint="rows are queries, columns are keys: keep the lower triangle, diagonal included")
### BEGIN HIDDEN TESTS
check.equal(causal_mask(1), torch.tensor([[1]]).bool(), hint="a sequence of one token sees itself")
check.equal(causal_mask(7), torch.ones(7, 7).tril().bool(), hint="the lower triangle, diagonal included, for any T")
### END HIDDEN TESTS

# %% check="causal_mask: PyTorch's attention understands it" points=1
q = check.randn(2, 6, 8, seed=61)
k = check.randn(2, 6, 8, seed=62)
v = check.randn(2, 6, 3, seed=63)
check.dtype(causal_mask(6), torch.bool, hint="True and False, not 1.0 and 0.0: a mask of floats is added to the scores")
check.close(F.scaled_dot_product_attention(q, k, v, attn_mask=causal_mask(6)),
            F.scaled_dot_product_attention(q, k, v, is_causal=True),
            hint="with your mask, PyTorch's attention must do what is_causal=True does: query t sees keys 0 to t")

# %% [markdown]
# **Before you run the next cell:** the same six words, now with the mask. What is the first row? What becomes of
# *on*, which looks for a place, and of the second *the*, which looks for a noun?

# %% demo="causal-sentence" alt="Two heatmaps, without and with the causal mask, which empties the upper triangle."
figure, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
_, everything = scaled_dot_product_attention(FEATURES @ W_Q, FEATURES @ W_K, FEATURES)
_, past = scaled_dot_product_attention(FEATURES @ W_Q, FEATURES @ W_K, FEATURES, causal_mask(6))
heatmap(axes[0], everything, WORDS, WORDS, "every word sees every word")
heatmap(axes[1], past, WORDS, WORDS, "every word sees itself and the past")
plt.show()

# %% [markdown]
# *The* has only itself. *on* finds no place among *The cat sat on*, all its scores are equal, and it takes an even
# average. The second *the* is led astray: its own noun lies in the future, so it settles for *cat*. In a causal model
# information flows forward only: it is *mat* that must look back at *on* and *the*. And the two articles now have
# different rows, since they have different pasts.
#
# ### Not only for training
#
# It is tempting to think that at inference the mask is superfluous: a model that writes token by token has no future
# to hide. But a *prompt* is there all at once, and is processed all at once, because that is fast. Position 3 of a
# prompt of 12 tokens could see positions 4 … 11. In training it never did. The next cell compares one pass over a
# prompt of 12 random vectors with reading it one vector at a time, once without and once with the mask (mean of 200
# prompts).
#
# **Before you run it:** without the mask, is the error largest at the first or at the last position?

# %% demo="prompt" alt="Lines by position: without a mask all outputs but the last are off, with it none."
generator = torch.Generator().manual_seed(1)
prompts = torch.randn(200, 12, 8, generator=generator)  # (B, T, D), queries, keys and values alike
steps = []
for t in range(12):
    seen = prompts[:, : t + 1]  # (B, t + 1, D)
    steps.append(scaled_dot_product_attention(seen[:, -1:], seen, seen)[0])  # (B, 1, D)
step_by_step = torch.cat(steps, dim=1)  # (B, T, D)
distance = {}
for name, allowed in (("without mask", None), ("with causal mask", causal_mask(12))):
    at_once, _ = scaled_dot_product_attention(prompts, prompts, prompts, allowed)  # (B, T, D)
    distance[name] = (at_once - step_by_step).norm(dim=-1).mean(0)  # (T,)

figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for (name, measured), style, color in zip(distance.items(), ("o-", "s--"), ("black", "0.5"), strict=True):
    ax.plot(range(12), measured, style, color=color, label=name)
ax.set(title="One pass over a prompt, against reading it step by step", xlabel="position in the prompt",
       ylabel="distance of the outputs", xticks=range(12))
ax.legend()
plt.show()
print("largest mean distance:", ", ".join(f"{name} {measured.max():.1e}" for name, measured in distance.items()))

# %% [markdown]
# With the mask the difference is rounding error. Without it, every position but the last comes out as something the
# model has never seen in training. When the model then writes on, one token at a time, it keeps the prompt's keys and
# values in a cache; the new query is the last one, it may see everything, and for that single row no mask is needed.

# %% [markdown]
# ## 5 · A mask for the padding
#
# Sentences in a batch have different lengths, but a tensor is a box. So short ones are filled up with a *padding*
# token that means nothing. It has a vector all the same, hence a key and a value, and unless we forbid it, it gets
# weight.
#
# A padded *key* is forbidden for every query of its sequence, so the mask needs no axis for queries: a 1 is enough,
# and broadcasting does the rest.
#
# **`padding_mask(lengths, max_len)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `lengths` | (B,), integers, 1 ≤ length ≤ max_len | how many real tokens each sequence has; padding follows them |
# | `max_len` | int | the length to which all are padded |
# | result | (B, 1, max_len), bool | `mask[b, 0, s]` is True where position s of sequence b is a real token |
#
# <details><summary>Hint 1</summary>A sequence of length 3 has its real tokens at positions 0, 1 and 2. Which
# comparison between position and length is that?</details>
# <details><summary>Hint 2</summary>Compare the positions <code>torch.arange(max_len)</code>, shape (max_len,), with
# the lengths, shaped so that each gets its own row.</details>
# <details><summary>Hint 3</summary><code>lengths[:, None, None]</code> has shape (B, 1, 1); compared with (max_len,)
# it gives (B, 1, max_len).</details>

# %% exercise="padding_mask" minutes=10 level=2
def padding_mask(lengths: Tensor, max_len: int) -> Tensor:
    """Allow attention to real tokens, forbid it to the padding after them.

    lengths: (B,) integers from 1 to max_len. Returns (B, 1, max_len) bool, True = real token; the 1 is for the queries.
    """
    ### BEGIN SOLUTION
    positions = torch.arange(max_len, device=lengths.device)  # (max_len,)
    return positions < lengths[:, None, None]  # (B, 1, max_len)
    ### END SOLUTION


# %% check="padding_mask: True for real tokens, False for padding" points=1
lengths = torch.tensor([3, 1, 5])
check.equal(padding_mask(lengths, 5).reshape(3, 5),
            torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]]).bool(),
            hint="length 3: positions 0, 1 and 2 are real and True, position 3 is the first of the padding")
### BEGIN HIDDEN TESTS
shorter = torch.tensor([2, 4])
check.equal(padding_mask(shorter, 6).reshape(2, 6), torch.tensor([[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0]]).bool(),
            hint="max_len may exceed the longest sequence: position s is real where s < length")
### END HIDDEN TESTS

# %% check="padding_mask: one row for all queries, and & with a causal mask" points=1
lengths = torch.tensor([2, 4, 3])
check.shape(padding_mask(lengths, 4), (3, 1, 4), hint="(B, 1, max_len): one row per sequence, shared by its queries")
check.equal(padding_mask(lengths, 4) & torch.ones(4, 4).bool().tril(),
            torch.tensor([[[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]],
                          [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]],
                          [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]]]).bool(),
            hint="allowed: a real token that is not in the future. Padded columns are False in every row")
### BEGIN HIDDEN TESTS
check.shape(padding_mask(torch.tensor([1, 6]), 7), (2, 1, 7), hint="(B, 1, max_len), here with B = 2 and max_len = 7")
### END HIDDEN TESTS

# %% check="padding_mask: a padded key is as good as absent" points=1
q = check.randn(2, 3, 8, seed=71)
k = check.randn(2, 7, 8, seed=72)
v = check.randn(2, 7, 5, seed=73)
lengths = torch.tensor([4, 6])
out = F.scaled_dot_product_attention(q, k, v, attn_mask=padding_mask(lengths, 7))
check.close(out[0], F.scaled_dot_product_attention(q[0], k[0, :4], v[0, :4]),
            hint="sequence 0 has 4 real tokens: with the mask, only its first 4 keys and values may count")
check.close(out[1], F.scaled_dot_product_attention(q[1], k[1, :6], v[1, :6]),
            hint="sequence 1 has 6 real tokens: with the mask, only its first 6 keys and values may count")

# %% [markdown]
# Two permissions combine with "and": `causal_mask(T) & padding_mask(lengths, T)` has shape (B, T, T). **Before you
# run the next cell:** six positions, four real tokens. How does the last row of the combined mask look, and does it
# matter?

# %% demo="masks" alt="Three grids: lower triangle; first four columns; both, the triangle cut after column 3."
combined = causal_mask(6) & padding_mask(torch.tensor([4, 6]), 6)  # (B, T, T) = (2, 6, 6)
padding = padding_mask(torch.tensor([4]), 6)[0].expand(6, 6)
pictures = {"causal_mask(6)": causal_mask(6), "padding_mask, length 4": padding, "both, with &": combined[0]}
figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.8), sharey=True, layout="constrained")
for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
    sns.heatmap(picture.float().numpy(), ax=ax, cmap="Greys", vmin=0, vmax=1.4, square=True, cbar=False, linewidths=1,
                linecolor="lightgrey")
    ax.set(title=title, xlabel="key position s")
    ax.tick_params(axis="y", labelrotation=0)
axes[0].set_ylabel("query position t")
figure.suptitle("dark = may attend")
plt.show()

# %% [markdown]
# Rows 4 and 5 belong to padding tokens. They still produce an output, which nobody uses: the loss leaves those
# positions out. But they are not empty, and that matters: a row without any True would be a softmax over nothing but
# $-\infty$, which is `nan`. With padding on the right, position 0 is real and visible to all, so no row is ever
# empty. With padding on the *left* the first rows of `causal & padding` are empty; that is a classic source of `nan`
# in batched generation.
#
# Libraries do not agree on what True means. In `F.scaled_dot_product_attention`, as here, True may attend; in
# `nn.MultiheadAttention` True is *forbidden*. With more than one head the scores are (B, H, n, m), and (B, 1, m)
# would be lined up as (1, B, 1, m), batch against heads: write `mask[:, None]` then, (B, 1, 1, m).

# %% [markdown]
# ## 6 · Cross-attention: one sequence reads another
#
# Attention began in translation, where the two sequences differ: the decoder, writing Spanish, looks things up in
# what the encoder made of the English sentence. Queries come from the sequence that is being written (`x`), keys and
# values from the one that is being read (`memory`). Nothing else changes (Vaswani et al. 2017, §3.2.3, the first of
# the three uses). The same mechanism lets a caption read an image and speech recognition read audio.
#
# $$Q = X W_q \qquad K = M W_k \qquad V = M W_v$$
#
# **`cross_attention(x, memory, w_q, w_k, w_v, mask=None)`** returns a tuple `(out, weights)`. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, n, D) | the sequence that looks |
# | `memory` | (B, m, D_mem) | the sequence that is looked at |
# | `w_q` | (D, d_k) | makes queries |
# | `w_k` | (D_mem, d_k) | makes keys |
# | `w_v` | (D_mem, d_v) | makes values |
# | `mask` | bool, broadcastable to (B, n, m), or None | True = may attend. Every row has at least one True |
# | `out` | (B, n, d_v) | |
# | `weights` | (B, n, m) | |
#
# You may call your own `scaled_dot_product_attention`, but not PyTorch's.
#
# <details><summary>Hint 1</summary>Follow the shapes: which of the two inputs has the width that each of the three
# matrices expects?</details>
# <details><summary>Hint 2</summary>Make queries, keys and values with one matrix product each. All the rest you have
# written already, the mask included.</details>
# <details><summary>Hint 3</summary>Keys and values both come from <code>memory</code>. The division by the square
# root of d_k, the width after <code>w_q</code>, happens inside <code>scaled_dot_product_attention</code>; do not
# repeat it.</details>

# %% exercise="cross_attention" minutes=10 level=2 forbid="torch.nn.functional.scaled_dot_product_attention"
def cross_attention(x: Tensor, memory: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor,
                    mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Let every position of x attend to the positions of memory.

    x: (B, n, D)   memory: (B, m, D_mem)   w_q: (D, d_k)   w_k: (D_mem, d_k)   w_v: (D_mem, d_v)
    mask: bool, broadcastable to (B, n, m), True = may attend. Returns out (B, n, d_v) and weights (B, n, m).
    Vaswani et al. 2017, §3.2.3
    """
    ### BEGIN SOLUTION
    q = x @ w_q  # (B, n, d_k)
    k = memory @ w_k  # (B, m, d_k)
    v = memory @ w_v  # (B, m, d_v)
    return scaled_dot_product_attention(q, k, v, mask)
    ### END SOLUTION


# %% check="cross_attention: x asks, memory answers" points=2
x = check.randn(2, 4, 6, seed=81)
memory = check.randn(2, 4, 6, seed=82)
w_q = check.randn(6, 3, seed=83)
w_k = check.randn(6, 3, seed=84)
w_v = check.randn(6, 5, seed=85)
expected_weights = torch.softmax((x @ w_q) @ (memory @ w_k).mT / 3 ** 0.5, dim=-1)
expected = F.scaled_dot_product_attention(x @ w_q, memory @ w_k, memory @ w_v)
out, weights = cross_attention(x, memory, w_q, w_k, w_v)
check.close(weights, expected_weights,
            hint="queries are made from x, keys from memory; scores are divided once by the root of d_k (here 3)")
check.close(out, expected, hint="the weights are right, out is not: values are made from memory, with w_v")
### BEGIN HIDDEN TESTS
x2 = check.randn(3, 5, 4, seed=86)
memory2 = check.randn(3, 5, 4, seed=87)
u_q = check.randn(4, 7, seed=88)
u_k = check.randn(4, 7, seed=89)
u_v = check.randn(4, 2, seed=90)
expected2 = F.scaled_dot_product_attention(x2 @ u_q, memory2 @ u_k, memory2 @ u_v)
out2, weights2 = cross_attention(x2, memory2, u_q, u_k, u_v)
check.close(out2, expected2, hint="queries are made from x, keys and values from memory; scores over the root of d_k")
### END HIDDEN TESTS

# %% check="cross_attention: the two sequences may differ in length and width" points=1
x = check.randn(2, 3, 6, seed=91)
memory = check.randn(2, 5, 4, seed=92)
w_q = check.randn(6, 8, seed=93)
w_k = check.randn(4, 8, seed=94)
w_v = check.randn(4, 7, seed=95)
expected = F.scaled_dot_product_attention(x @ w_q, memory @ w_k, memory @ w_v)
out, weights = cross_attention(x, memory, w_q, w_k, w_v)
check.shape(weights, (2, 3, 5), hint="3 positions of x look at 5 positions of memory")
check.shape(out, (2, 3, 7), hint="one output for each of the 3 positions of x, as wide as a value")
check.close(out, expected, hint="out differs from PyTorch's attention with x @ w_q, memory @ w_k and memory @ w_v")

# %% check="cross_attention: the mask hides positions of memory" points=1
x = check.randn(2, 3, 6, seed=96)
memory = check.randn(2, 5, 4, seed=97)
w_q = check.randn(6, 8, seed=98)
w_k = check.randn(4, 8, seed=99)
w_v = check.randn(4, 7, seed=100)
mask = check.randint(0, 2, (2, 1, 5), seed=40).bool()
expected = F.scaled_dot_product_attention(x @ w_q, memory @ w_k, memory @ w_v, attn_mask=mask)
out, weights = cross_attention(x, memory, w_q, w_k, w_v, mask)
check.close((weights * mask).sum(-1), torch.ones(2, 3), hint="a hidden position gets weight: hand on the mask as is")
check.close(out, expected, hint="out differs from PyTorch's attention with the same mask: True means may attend")
### BEGIN HIDDEN TESTS
mask2 = check.randint(0, 2, (2, 3, 5), seed=56).bool()
expected2 = F.scaled_dot_product_attention(x @ w_q, memory @ w_k, memory @ w_v, attn_mask=mask2)
out2, weights2 = cross_attention(x, memory, w_q, w_k, w_v, mask=mask2)
check.close(out2, expected2, hint="a mask (B, n, m) may differ from query to query: hand it on as it is")
### END HIDDEN TESTS

# %% [markdown]
# An English sentence and its Spanish translation, *I saw the red house* and *vi la casa roja*. Again the matrices are
# **set by hand**: `w_q` lists, for each Spanish word, the English words that it needs. A trained model has to find
# such a table by itself; Bahdanau et al. (2014, §5.2.1, Figure 3) show the ones that theirs found.
#
# **Before you run the next cell:** translation keeps most words in order, so most weight lies near the diagonal.
# Which two rows will leave it? And which row needs two English words, because Spanish writes *I* into the verb?

# %% demo="translation" alt="Heatmap: vi reads I and saw, la reads the; casa and roja cross over to house and red."
english, spanish = ["I", "saw", "the", "red", "house"], ["vi", "la", "casa", "roja"]
table = torch.tensor([[1.0, 1, 0, 0, 0],  # vi:   I, saw
                      [0, 0, 1, 0, 0],  # la:   the
                      [0, 0, 0, 0, 1],  # casa: house
                      [0, 0, 0, 1, 0]])  # roja: red
out, weights = cross_attention(torch.eye(4)[None], torch.eye(5)[None], 8 * table, torch.eye(5), torch.eye(5))
figure, ax = plt.subplots(figsize=(6, 4.6), layout="constrained")
heatmap(ax, weights[0], spanish, english, "Spanish words reading an English sentence (set by hand)")
plt.show()

# %% [markdown]
# ## What it costs
#
# The weights are a matrix of n × m numbers, for every head, layer and sequence. Vaswani et al. (2017, Table 1) put
# the cost of a self-attention layer at $O(n^2 \cdot d)$. Here your NumPy functions run on longer and longer sequences
# of width 64, and we measure seconds and the peak of memory.
#
# **Before you run the next cell:** from n = 512 to n = 4,096 the sequence becomes 8 times as long. By which factor
# should time and memory grow?

# %% demo="quadratic" alt="Log-log charts of time and memory against length, beside lines of slope 2."
generator = np.random.default_rng(0)
sizes, seconds, peaks = [], [], []
for n in (256, 512, 1024, 2048, 4096):
    X = generator.standard_normal((n, 64), dtype=np.float32)  # (n, d)
    tracemalloc.start()  # NumPy reports its arrays to it
    softmax(attention_scores(X, X)) @ X
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    runs = []
    while len(runs) < 2 or (len(runs) < 100 and sum(runs) < 0.5):
        start = time.perf_counter()
        softmax(attention_scores(X, X)) @ X
        runs.append(time.perf_counter() - start)
    sizes.append(n)
    seconds.append(min(runs))
    peaks.append(peak)
    print(f"n = {n:5}: {min(runs):8.4f} s, peak {peak:7.1f} MiB, of which the weights {n * n * 4 / 2**20:5.1f} MiB")
    if min(runs) > 2 and n < 4096:
        print("stopped here: longer sequences would take too long")
        break

sizes = np.array(sizes)
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
axes[1].loglog(sizes, 4 * sizes**2 / 2**20, "^:", color="0.5", label="the weights alone, 4 n² bytes")
titles = ("Time grows about as n²", "Memory grows as n²")
units = ("time of one call [s]", "peak memory [MiB]")
for ax, measured, title, unit in zip(axes, (seconds, peaks), titles, units, strict=True):
    ax.loglog(sizes, measured, "o-", color="black", label="measured")
    slope_two = measured[-1] * (sizes / sizes[-1]) ** 2
    ax.loglog(sizes, slope_two, "--", color="0.4", linewidth=3, alpha=0.6, label="slope 2: n²")
    ax.set(title=title, xlabel="sequence length n [tokens]", ylabel=unit)
    ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
    ax.minorticks_off()
    ax.legend()
plt.show()

# %% [markdown]
# Memory follows the n² line: 8 times the length, 64 times the bytes. The peak is a multiple of the weights alone,
# because scores, exponentials and weights exist side by side for a moment. Time follows it less exactly, and
# differently on every machine: in our runs on an idle machine it grew somewhat *faster* than n², since small matrices
# fit into the processor's caches and large ones do not; on a busy machine the short calls suffer most and the line
# bends at its lower end.
#
# Doubling the context quadruples the bill, and most of module 07 is about not paying it: *long_context* computes
# fewer pairs, *flash_attention* computes all of them exactly without ever keeping the n × n matrix.

# %% [markdown]
# ## Recap
#
# - Attention is a soft dictionary lookup: scores from queries and keys, weights from a softmax over the *keys*,
#   output = weighted average of the *values*.
# - Softmax ignores a shift and reacts to scale. The first gives stability (subtract the maximum), the second is why
#   scores are divided by $\sqrt{d_k}$.
# - A mask acts on scores, before the softmax: $-\infty$ in, exactly 0 out, and the rest still sums to one.
# - Causal masks belong to training *and* to reading a prompt. Padding masks hide keys. They combine with `&`.
# - Self-attention and cross-attention are one function with different inputs. Without positions, it reads a set.
# - Time and memory grow with n².
#
# Next: *multi_head*, where several of these run side by side and look for different things.

# %% [markdown]
# ## A question in words
#
# A friend trains a model whose queries and keys have width 256, and has forgotten the division by $\sqrt{d_k}$. The
# loss falls very slowly at first. The friend proposes to divide by $d_k$ instead, "to be on the safe side".
#
# In six to ten sentences: (a) what happens between the scores and the gradient in the friend's model, and why does it
# get worse with the width? (b) Why is $\sqrt{d_k}$ the right divisor, and what is assumed? (c) What would dividing by
# $d_k$ do at the start of training, and could the model recover from it by learning?

# %% [markdown] essay="why-scale" points=3
# **(a)** Each score is a sum of 256 products. With components of mean 0 and variance 1 it has variance 256, so scores
# typically differ by about 16. Softmax of such scores is nearly one-hot: the best key takes almost all the weight.
# Its derivative, $w_i(\delta_{ij} - w_j)$, is then close to zero for most queries, since every $w$ is near 0 or 1.
# Hardly any gradient reaches W_q and W_k, so they cannot correct a choice that was random to begin with. The wider
# the vectors, the larger the scores, the smaller the gradient. *(1 point: variance or size of scores grows with d_k,
# softmax saturates, its derivative vanishes.)*
#
# **(b)** Variances of independent terms add, so the variance is $d_k$ and the standard deviation $\sqrt{d_k}$.
# Dividing by the standard deviation gives scores of variance 1 at any width. Assumed: components that are
# independent, with mean 0 and variance 1, which is roughly so at initialisation and need not be so later. *(1 point:
# variance d_k, hence deviation √d_k; names the assumption.)*
#
# **(c)** The scores' standard deviation would be $16/256 = 1/16$: all weights nearly equal, every output nearly the
# plain average of the values, whatever the query. The derivative does not vanish in the softmax, so the model can
# recover: it only has to make W_q and W_k larger, but it must first grow them by a factor of 16 in the product, which
# takes time. *(1 point: near-uniform weights; recovery possible by growing the weights, since a constant factor can
# be learned.)*

# %% [markdown]
# ## Sources
#
# - Bahdanau, Cho, Bengio 2014. *Neural Machine Translation by Jointly Learning to Align and Translate.* ICLR 2015,
#   arXiv 1409.0473. §1 the bottleneck, §3.1 attention, §5.2 alignments and long sentences.
# - Luong, Pham, Manning 2015. *Effective Approaches to Attention-based Neural Machine Translation.* EMNLP 2015, arXiv
#   1508.04025. §3.1 the dot product as a score.
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin 2017. *Attention Is All You Need.* NeurIPS
#   2017, arXiv 1706.03762. §3.2.1 the formula and the scale, §3.2.3 masks and cross-attention, Table 1 cost.
# - Jain, Wallace 2019. *Attention is not Explanation.* NAACL 2019, arXiv 1902.10186.
# - Wiegreffe, Pinter 2019. *Attention is not not Explanation.* EMNLP 2019, arXiv 1908.04626.
# - PyTorch documentation of `torch.nn.functional.scaled_dot_product_attention` and `torch.nn.MultiheadAttention`:
#   what True means in a mask.
