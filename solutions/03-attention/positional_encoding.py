# %% [markdown]
# # Positional encoding
#
# ## What you will build
#
# Eight short pieces, which make up the five ways in which well-known transformers learn where a token stands: the
# sinusoids of the first transformer, the learned table of BERT and GPT-2, the bucketed bias of T5, the rotation (RoPE)
# of Llama, and the linear bias (ALiBi) of BLOOM. First you see that without any of them attention cannot tell a
# sentence from the same words shuffled. At the end all five, and a model without any, are trained on short sequences
# and tested on long ones. About 75 minutes.
#
# ## When it was invented, and why it matters
#
# A recurrent network reads one token after the other, so order comes for free. Vaswani et al. (2017, §3.5) gave up
# recurrence and had to put the order back: they added a fixed pattern of sines and cosines to the embeddings. A
# learned table worked as well (their Table 3, row E). Shaw et al. (2018) argued that what matters in language is not
# "place 17" but "two places before", and gave attention a vector for each *distance*. Raffel et al. (2020, §2.1)
# reduced that vector to one number, added to the score: T5. Su et al. (2021) rotate queries and keys, and Llama
# (Touvron et al. 2023, §2.2) and many models since do as they did. Press et al. (2022) asked what happens when a
# model meets a text longer than any in its training, and answered with a penalty that grows with distance.
#
# That question has stayed open. The last section measures it, and module 07 (*long_context*) takes it up again.
#
# ## Prerequisites
#
# Scaled dot-product attention and the causal mask (*scaled_dot_product*); what a head is (*multi_head*). Sine and
# cosine; that a rotation by an angle $a$ takes $(x, y)$ to $(x\cos a - y\sin a,\; y\cos a + x\sin a)$.
#
# Letters: `B` sequences in a batch, `H` heads, `T` the length of a sequence, `D` the width of the model, `d` the width
# of one head, `t` the position of a query and `s` that of a key. Positions count from 0.

# %%
import math
import time

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.scaled_dot_product import causal_mask, scaled_dot_product_attention

sns.set_theme(style="whitegrid", context="notebook")


# %%
# Given: a picture of a matrix of queries and keys.
def grid(panel, values, heading, ticks, **options):
    """Draw values (T, T) on a panel: a row per query, a column per key, darker = larger. ticks: labels or a step."""
    sns.heatmap(np.asarray(values), ax=panel, cmap="Greys", square=True, xticklabels=ticks, yticklabels=ticks,
                **options)
    panel.set(title=heading, xlabel="key", ylabel="query")
    panel.tick_params(axis="both", labelrotation=0)


# %% [markdown]
# ## 1 · Attention reads a set
#
# *the dog bit a man* and *a man bit the dog* are made of the same five words. Does self-attention, with any weights
# whatever, notice the difference?
#
# Write the sequence as a matrix $X$, one row per token, and shuffle its rows with a permutation matrix $P$: the
# shuffled sequence is $PX$. Each query, key and value is computed from its own token alone, so they are shuffled the
# same way: $PQ$, $PK$, $PV$. The scores become $PQ\,(PK)^\top = P\,(QK^\top)\,P^\top$: the same numbers, rows and
# columns shuffled. Softmax treats each row by itself and does not care in which order a row's entries stand, so the
# weights $W$ become $P\,W P^\top$. And then
#
# $$(P\,W P^\top)\,(PV) = P\,W\,(P^\top P)\,V = P\,(WV), \qquad \text{since } P^\top P = I.$$
#
# The output is the old output, shuffled. Every token gets *exactly* the vector that it had before, wherever it stands.
# This is called **permutation equivariance**. Several heads, a feed-forward layer and a norm change nothing: each
# works token by token. A whole encoder without positions reads a bag of words.
#
# **Before you run the next cell:** what does *dog* look at in the first sentence, where it bites, and in the second,
# where it is bitten?

# %% demo="equivariance" alt="Two heatmaps of weights for two orders of five words: the same numbers, shuffled."
generator = torch.Generator().manual_seed(3)
first, second = ["the", "dog", "bit", "a", "man"], ["a", "man", "bit", "the", "dog"]
order = [first.index(word) for word in second]
X = torch.randn(5, 16, generator=generator)  # (T, D): an embedding for each word, nothing about places
W_q, W_k, W_v = (torch.randn(16, 16, generator=generator) / 3 for _ in range(3))  # (D, d)


def self_attention(X, mask=None):
    return scaled_dot_product_attention(X @ W_q, X @ W_k, X @ W_v, mask)


out, weights = self_attention(X)
shuffled_out, shuffled_weights = self_attention(X[order])
figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.6), layout="constrained")
for ax, shares, words in zip(axes, (weights, shuffled_weights), (first, second), strict=True):
    grid(ax, shares, " ".join(words), words, vmin=0, vmax=1, annot=True, fmt=".2f", cbar=False)
plt.show()
print(f"largest difference of a word's output between the sentences: {(shuffled_out - out[order]).abs().max():.0e}")
causal_out, causal_shuffled = self_attention(X, causal_mask(5))[0], self_attention(X[order], causal_mask(5))[0]
print(f"the same with a causal mask: {(causal_shuffled - causal_out[order]).abs().max():.1f}")

# %% [markdown]
# Find the row *dog* in both pictures: the numbers are the same, under the same words. What remains is rounding.
#
# The last printed line holds a surprise. A *causal mask* does know places: the token at position t sees t + 1 keys, so
# words are no longer exchangeable. A decoder could learn its positions from that alone, and decoders without any
# encoding do (Haviv et al. 2022). At the end of this notebook one of them takes part in the contest.
#
# There are three places at which to tell a model about positions:
#
# 1. **in the input:** add a vector that depends on the position to each embedding (sections 2 and 3);
# 2. **in the scores:** add a number that depends on the distance to $q \cdot k$ (sections 4 and 6);
# 3. **in between:** turn the queries and keys themselves (section 5).

# %% [markdown]
# ## 2 · Sinusoids: a clock with many hands
#
# How would you write the number t with D numbers between −1 and 1, so that neighbours look alike and no two positions
# are the same? A clock does it with hands of different speed: the second hand tells near moments apart, the hour hand
# far ones. Vaswani et al. (2017, §3.5) take D / 2 hands. Hand i turns by the angle $\omega_i$ at each step, and is
# written down as its sine and its cosine, side by side:
#
# $$P_{t,\,2i} = \sin(\omega_i t) \qquad P_{t,\,2i+1} = \cos(\omega_i t) \qquad \omega_i = 10000^{-2i/D}
# \qquad i = 0, \dots, \tfrac{D}{2} - 1$$
#
# The first hand needs $2\pi \approx 6.3$ positions for a turn, the last almost $2\pi \cdot 10000$.
#
# **`sinusoidal_encoding(T, D)`** returns the encoding of positions 0 … T − 1. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `T` | int | number of positions |
# | `D` | int, even | width of the model |
# | result | (T, D), float32 | row t is to be added to the embedding at position t |
#
# <details><summary>Hint 1</summary>First the D / 2 frequencies as one vector, then all angles as a matrix (T, D / 2):
# which product of a column and a row is that?</details>
# <details><summary>Hint 2</summary><code>torch.arange(0, D, 2)</code> is 0, 2, 4, …: the 2i of the formula. The angles
# are <code>torch.arange(T)[:, None] * frequencies</code>.</details>
# <details><summary>Hint 3</summary>Sines go to the even columns, cosines to the odd ones. Either write into
# <code>P[:, 0::2]</code> and <code>P[:, 1::2]</code> of an empty matrix, or stack the two in a new last axis and
# flatten it.</details>

# %% exercise="sinusoidal_encoding" minutes=10 level=2
def sinusoidal_encoding(T: int, D: int) -> Tensor:
    """Encode positions 0 … T - 1 as sines (even columns) and cosines (odd columns) of D / 2 frequencies.

    D: even. Returns (T, D) float32.   Vaswani et al. 2017, §3.5
    """
    ### BEGIN SOLUTION
    frequencies = 10000 ** (-torch.arange(0, D, 2) / D)  # (D / 2,), radians per position
    angles = torch.arange(T)[:, None] * frequencies  # (T, D / 2)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)  # (T, D)
    ### END SOLUTION


# %% check="sinusoidal_encoding: sine and cosine take turns" points=1
check.shape(sinusoidal_encoding(3, 4), (3, 4), hint="one row per position, one column per feature: (T, D)")
check.close(sinusoidal_encoding(3, 4), torch.tensor([[0, 1, 0, 1], [0.841471, 0.540302, 0.0099998, 0.99995],
                                                     [0.909297, -0.416147, 0.0199987, 0.9998]]),
            hint="row t: sin(t), cos(t), sin(t / 100), cos(t / 100). Position 0 is 0, 1, 0, 1")
check.dtype(sinusoidal_encoding(3, 4), torch.float32, hint="float32, like the embeddings that it is added to")
### BEGIN HIDDEN TESTS
angles = torch.outer(check.arange(5).float(), torch.tensor([1.0, 0.1, 0.01, 0.001]))
expected = torch.zeros(5, 8)
expected[:, 0::2] = torch.sin(angles)
expected[:, 1::2] = torch.cos(angles)
check.close(sinusoidal_encoding(5, 8), expected, hint="T = 5, D = 8: sines in even columns, cosines in odd ones")
### END HIDDEN TESTS

# %% check="sinusoidal_encoding: frequencies fall geometrically from 1 towards 1 / 10000" points=1
P = sinusoidal_encoding(40, 6)
check.close(P[:, 0], torch.sin(check.arange(40)), atol=1e-4, hint="columns 0 and 1 have the frequency 1: sin t, cos t")
check.close(P[:, 2], torch.sin(check.arange(40) / 10000 ** (2 / 6)), atol=1e-4,
            hint="D = 6: columns 2 and 3 have i = 1 and the frequency 10000^(-2/6): the exponent is 2i / D")
check.close(P[:, 5], torch.cos(check.arange(40) / 10000 ** (4 / 6)), atol=1e-4,
            hint="D = 6: columns 4 and 5 have i = 2 and the frequency 10000^(-4/6): the exponent is 2i / D")
### BEGIN HIDDEN TESTS
far = sinusoidal_encoding(1500, 4)
check.close(far[1499], torch.tensor([-0.444221, -0.895917, 0.657852, -0.753147]), atol=1e-3,
            hint="position 1499, D = 4: sin and cos of 1499 and of 14.99; is the base 10000?")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** the left picture is your matrix. The right one shows the dot product of the rows of
# two positions, against how far they are apart. Will the three curves, for three different positions t, differ?

# %% demo="sinusoids" alt="Waves that get longer to the right; dot products of rows, three curves that coincide."
P = sinusoidal_encoding(200, 64)  # (T, D)
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
sns.heatmap(P[:64], ax=axes[0], cmap="Greys", xticklabels=8, yticklabels=8, cbar_kws={"label": "value"})
axes[0].set(title="Each column pair is a hand of the clock", xlabel="feature", ylabel="position t")
axes[0].tick_params(axis="y", labelrotation=0)
offsets = range(-50, 51)
for t, style, color, width in ((60, "-", "0.75", 6), (100, "-", "0.4", 3), (140, ":", "black", 1.5)):
    products = [float(P[t] @ P[t + k]) for k in offsets]
    axes[1].plot(offsets, products, style, color=color, linewidth=width, label=f"t = {t}")
axes[1].set(title="P[t] · P[t + k] depends on k alone", xlabel="offset k [positions]", ylabel="dot product")
axes[1].legend()
plt.show()

# %% [markdown]
# The curves coincide: $\sum_i \sin\omega_i t \,\sin\omega_i(t+k) + \cos\omega_i t\,\cos\omega_i(t+k) = \sum_i
# \cos\omega_i k$. Going k positions further turns every hand by a fixed angle, whatever t is; that is why the authors
# hoped that the model could learn to attend by *relative* position, and perhaps to lengths it has never seen. Keep
# that hope in mind for section 7. It has a weak spot: the model does not use $P_t \cdot P_s$. It uses $(x_t + P_t)\,W_q
# W_k^\top (x_s + P_s)^\top$, words and positions mixed, and nothing there forces the result to depend on the distance
# alone.

# %% [markdown]
# ## 3 · A learned table
#
# The other way needs no idea at all: one vector per position, learned like every other weight. BERT and GPT-2 do this.
# The price is a last position. BERT's table has 512 rows (Devlin et al. 2019), GPT-2's 1,024; a token after the last
# row has none. And a row that training seldom reaches stays close to the random numbers that it began as.
#
# **`LearnedPositions(max_len, D)`**, an `nn.Module`. ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `weight` | `nn.Parameter`, (max_len, D) | row t belongs to position t; begins as normal noise, deviation 0.02 |
# | `forward(x)`: `x` | (..., T, D) | embeddings |
# | result | (..., T, D) | row t of `weight` added at position t |
#
# `forward` raises a `ValueError` that says what is wrong when T is greater than max_len.
#
# <details><summary>Hint 1</summary>Which rows of the table does a sequence of length T need? Do all sequences of a
# batch need the same?</details>
# <details><summary>Hint 2</summary><code>nn.Parameter(...)</code> around a tensor tells the module that it is a
# weight. T is the last axis of <code>x</code> but one.</details>
# <details><summary>Hint 3</summary>A slice <code>[:T]</code> does not complain when T is too large: compare first,
# then <code>raise ValueError(f"…")</code>. (T, D) added to (B, T, D) broadcasts.</details>

# %% exercise="LearnedPositions" minutes=5 level=1
class LearnedPositions(nn.Module):
    """Add a learned vector to each position.

    weight: (max_len, D), normal with standard deviation 0.02.   Devlin et al. 2019, §3; Radford et al. 2019
    """

    def __init__(self, max_len: int, D: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, D))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., T, D). Returns x with row t of the table added at position t. Raises ValueError if T > max_len."""
        ### BEGIN SOLUTION
        length, longest = x.shape[-2], self.weight.shape[0]
        if length > longest:
            raise ValueError(f"a sequence of {length} tokens, but the table of positions ends after {longest}")
        return x + self.weight[:length]
        ### END SOLUTION


# %% check="LearnedPositions: row t is added at position t" points=1
positions = check.fill(LearnedPositions(7, 4))
check.equal(sorted(dict(positions.named_parameters())), ["weight"],
            hint="the one parameter is called weight: without nn.Parameter around it, it is neither trained nor saved")
check.shape(positions.weight, (7, 4), hint="self.weight = nn.Parameter(…), a row for each of the max_len positions")
x = check.randn(2, 5, 4, seed=1)
expected = x + check.fill(nn.Embedding(7, 4)).weight[:5]
out = positions(x)
check.close(out, expected,
            hint="5 tokens: the first 5 rows of weight are added, row t at position t, to both sequences alike")
check.equal(x, check.randn(2, 5, 4, seed=1), hint="x was changed in place: write x + …, which is new, not x += …")
### BEGIN HIDDEN TESTS
y = check.randn(3, 2, 6, 5, seed=2)
check.close(check.fill(LearnedPositions(6, 5))(y), y + check.fill(nn.Embedding(6, 5)).weight,
            hint="T may be as great as max_len, and there may be several leading axes: T is the last axis but one")
z = check.randn(1, 3, seed=3)
check.close(check.fill(LearnedPositions(4, 3))(z), z + check.fill(nn.Embedding(4, 3)).weight[:1],
            hint="a sequence of one token without a batch axis gets row 0")
### END HIDDEN TESTS

# %% check="LearnedPositions: it learns, from small noise" points=1
positions = LearnedPositions(64, 32)
check.below(positions.weight.std().item(), 0.03, hint="begin with standard deviation 0.02: torch.randn(…) times 0.02")
check.above(positions.weight.std().item(), 0.01, hint="begin with noise of standard deviation 0.02, not with zeros")
x = check.randn(3, 2, 32, seed=4)
out = positions(x)
(out * x).sum().backward()
check.close(positions.weight.grad, torch.cat((x.sum(0), torch.zeros(62, 32))),
            hint="rows 0 and 1 get gradient from all 3 sequences, the others none: is weight an nn.Parameter?")

# %% check="LearnedPositions: no row after the last" points=1
positions = LearnedPositions(4, 3)
check.raises(lambda: positions(check.randn(2, 5, 3, seed=5)), ValueError,
             hint="5 tokens, 4 rows: raise ValueError and say so, do not leave it to broadcasting to fail")
check.close(check.fill(LearnedPositions(4, 3))(check.randn(2, 4, 3, seed=6)),
            check.randn(2, 4, 3, seed=6) + check.fill(nn.Embedding(4, 3)).weight,
            hint="exactly max_len tokens are allowed: compare with >, not >=")
### BEGIN HIDDEN TESTS
check.raises(lambda: LearnedPositions(1, 3)(check.randn(2, 3, seed=7)), ValueError,
             hint="a table of one row cannot serve two tokens: compare T with max_len yourself")
### END HIDDEN TESTS

# %% [markdown]
# What does such a table look like when it has been trained? MiniLM, a small relative of BERT, has one of 512 rows.
# Nobody told it that position 7 comes after position 6.
#
# **Before you run the next cell:** if the rows had stayed random, how similar would two of them be? What do you expect
# instead?

# %% demo="learned-table" alt="Cosines of learned rows: a dark diagonal, stripes along it; they fall in waves."
from internals.real_models import load_minilm

model = load_minilm()
table = F.normalize(model.weights["embeddings.position_embeddings.weight"], dim=-1)  # (max_len, D), rows of length 1
similarity = table @ table.T  # (max_len, max_len), cosines
shown = min(128, len(table))
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
sns.heatmap(similarity[:shown, :shown], ax=axes[0], cmap="Greys", vmin=-0.2, vmax=1, square=True, xticklabels=32,
            yticklabels=32, cbar_kws={"label": "cosine"})
axes[0].set(title=f"The first {shown} rows with each other", xlabel="position", ylabel="position")
axes[0].tick_params(axis="y", labelrotation=0)
gaps = range(1, min(61, len(table)))
axes[1].plot(gaps, [float(similarity.diagonal(gap).mean()) for gap in gaps], color="black")
axes[1].axhline(0, color="0.7", linewidth=1)
axes[1].set(title="How alike two rows are" + ("" if model.real else " (random weights)"),
            xlabel="distance of the two positions", ylabel="mean cosine")
plt.show()

# %% [markdown]
# Random rows of this width have a cosine of about 0. (Where the real weights cannot be had, random ones stand in, and
# that is what you see.) In the trained table neighbours resemble each other, and the stripes run along the diagonals:
# how alike two rows are depends mostly on how far apart they stand. There are even waves, with a period of about six
# positions. Nobody told the model that positions lie on a line; it was of use, so it was learned.

# %% [markdown]
# ## 4 · Only the distance counts: T5's buckets
#
# *the dog* is an article and its noun wherever in the text it stands. Both encodings so far have to learn that anew
# for every place. A *relative* encoding is told the distance, and acts where two tokens meet, in their score:
#
# $$\text{score}_{t,s} = q_t \cdot k_s + b_{\text{bucket}(s - t)}$$
#
# (T5 itself leaves out the division by $\sqrt{d}$; in section 7 we keep it and add the bias after it.) One learned
# number b per distance and head would do, but distances never end. T5 (Raffel et al. 2020, §2.1) therefore sorts
# distances into 32 *buckets*: near ones get a bucket each, far ones share buckets that get wider and wider, and the
# last takes all that is farther than about a hundred tokens. Whether the dog is one token away or two matters; whether
# 95 or 96, hardly.
#
# The exact rule stands only in the authors' code. Let $r = s - t$ (negative: the key lies in the past).
#
# - **One direction** (a decoder): there are $N$ = `num_buckets` buckets; the distance is $\delta = -r$, and 0 for
#   keys in the future, which the causal mask hides anyway.
# - **Both directions** (an encoder): half of the buckets each, $N$ = `num_buckets` / 2, and $\delta = |r|$. Keys
#   *after* the query ($r > 0$) get the second half: add $N$ to the bucket.
#
# Of the $N$ buckets, the first half, $E = \lfloor N / 2 \rfloor$, are exact. The others grow geometrically, so that one
# more would begin at `max_distance`:
#
# $$\text{bucket}(\delta) = \begin{cases} \delta & \delta < E \\[2pt] \min\!\left(E + \left\lfloor \dfrac{\ln(\delta /
# E)}{\ln(\text{max\_distance} / E)}\,(N - E) \right\rfloor,\; N - 1\right) & \delta \ge E \end{cases}$$
#
# For `num_buckets=8`, `max_distance=20`, one direction, so N = 8 and E = 4:
#
# | δ | 0 | 1 | 2 | 3 | 4, 5 | 6, 7, 8 | 9 … 13 | 14 and more |
# |---|---|---|---|---|---|---|---|---|
# | bucket | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
#
# **`relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128)`**
# ★★★★☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `relative_position` | any, integers | r = key position − query position |
# | `bidirectional` | bool | both directions, or the past only |
# | result | shape of `relative_position`, integers | from 0 to num_buckets − 1 |
#
# <details><summary>Hint 1</summary>Write the case of one direction first, for a tensor of distances δ, and test it
# against the table above. Both directions are then two lines more: halve the number of buckets, and add the half
# where r &gt; 0.</details>
# <details><summary>Hint 2</summary>ln 0 is −∞, and both branches of a <code>torch.where</code> are computed
# everywhere. So raise δ to at least E before you take the logarithm: <code>δ.clamp(min=E)</code>. Then the logarithm
# is 0 for all small δ.</details>
# <details><summary>Hint 3</summary><code>torch.log</code> of δ / E over <code>math.log(max_distance / E)</code>,
# times N − E; <code>.long()</code> rounds positive numbers down. Last, <code>clamp(max=N - 1)</code>. <code>(r &gt;
# 0) * N</code> is N where r is positive and 0 elsewhere.</details>

# %% exercise="relative_position_bucket" minutes=15 level=4
def relative_position_bucket(relative_position: Tensor, bidirectional: bool = True, num_buckets: int = 32,
                             max_distance: int = 128) -> Tensor:
    """Sort relative positions into buckets: one each for near ones, logarithmically wider ones up to max_distance.

    relative_position: integers of any shape, key position minus query position. Returns buckets of the same shape, from
    0 to num_buckets - 1. Unless bidirectional, all keys after the query share bucket 0.   Raffel et al. 2020, §2.1
    """
    ### BEGIN SOLUTION
    offset, distance = 0, (-relative_position).clamp(min=0)
    if bidirectional:
        num_buckets //= 2
        offset, distance = (relative_position > 0) * num_buckets, relative_position.abs()
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)  # 0 where distance <= exact
    bucket = distance.clamp(max=exact) + (growth * (num_buckets - exact)).long()
    return offset + bucket.clamp(max=num_buckets - 1)
    ### END SOLUTION


# %% check="relative_position_bucket: near distances have buckets of their own" points=1
past = -check.arange(4)
check.equal(relative_position_bucket(past, bidirectional=False, num_buckets=8, max_distance=20),
            torch.tensor([0, 1, 2, 3]), hint="keys 0, 1, 2, 3 back: r is negative in the past, the distance is -r")
### BEGIN HIDDEN TESTS
nearby = -check.arange(7)
check.equal(relative_position_bucket(nearby, bidirectional=False, num_buckets=14, max_distance=50),
            torch.tensor([0, 1, 2, 3, 4, 5, 6]), hint="14 buckets in one direction: the first 7 are exact")
### END HIDDEN TESTS

# %% check="relative_position_bucket: far distances share buckets that grow" points=2
far = -torch.tensor([4, 5, 6, 8, 9, 13, 14, 19, 20, 21, 500])
check.equal(relative_position_bucket(far, bidirectional=False, num_buckets=8, max_distance=20),
            torch.tensor([4, 4, 5, 5, 6, 6, 7, 7, 7, 7, 7]),
            hint="distances 4, 5, 6, 8, 9, 13, 14, … see the table: E + floor(log share * (N - E)), at most N - 1")
### BEGIN HIDDEN TESTS
further = -torch.tensor([7, 9, 10, 12, 13, 16, 17, 21, 22, 28, 29, 37, 38, 90])
check.equal(relative_position_bucket(further, bidirectional=False, num_buckets=14, max_distance=50),
            torch.tensor([7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13]),
            hint="14 buckets up to distance 50, one direction")
odd = -torch.tensor([6, 7, 8, 9, 11, 12, 14, 15, 30, 31, 39, 40, 60])
check.equal(relative_position_bucket(odd, bidirectional=False, num_buckets=15, max_distance=50),
            torch.tensor([6, 7, 7, 8, 8, 9, 9, 10, 12, 13, 13, 14, 14]),
            hint="15 buckets: E = 7 are exact, N - E = 8 are not")
### END HIDDEN TESTS

# %% check="relative_position_bucket: one direction ignores the future" points=1
r = check.arange(-3, 4)
check.equal(relative_position_bucket(r, bidirectional=False, num_buckets=8, max_distance=20),
            torch.tensor([3, 2, 1, 0, 0, 0, 0]), hint="r > 0 lies in the future: its distance counts as 0, not as |r|")
### BEGIN HIDDEN TESTS
ahead = torch.tensor([[1, 40], [-1, 700]])
check.equal(relative_position_bucket(ahead, bidirectional=False), torch.tensor([[0, 0], [1, 0]]),
            hint="whatever lies in the future goes to bucket 0; the shape stays as it is")
### END HIDDEN TESTS

# %% check="relative_position_bucket: both directions share the buckets" points=1
r = check.arange(-3, 4)
check.equal(relative_position_bucket(r, num_buckets=8, max_distance=20), torch.tensor([2, 2, 1, 0, 5, 6, 6]),
            hint="8 buckets: 0-3 for r <= 0, 4-7 for r > 0. Now N = 4, so only distances 0 and 1 are exact")
### BEGIN HIDDEN TESTS
wide = torch.tensor([[-4, -6, -7, -30], [4, 6, 7, 30]])
check.equal(relative_position_bucket(wide, num_buckets=8, max_distance=20), torch.tensor([[2, 2, 3, 3], [6, 6, 7, 7]]),
            hint="8 buckets, both directions, up to distance 20: N = 4 and E = 2 for each direction")
### END HIDDEN TESTS

# %% check="relative_position_bucket: T5's own numbers, 32 buckets up to 128" points=1
r = torch.tensor([-7, -8, -12, -90, -91, -1000, 7, 8, 12, 90, 91, 1000])
check.equal(relative_position_bucket(r), torch.tensor([7, 8, 9, 14, 15, 15, 23, 24, 25, 30, 31, 31]),
            hint="by default both directions, 32 buckets, max_distance 128: N = 16 and E = 8")
### BEGIN HIDDEN TESTS
decoder = torch.tensor([-15, -16, -31, -64, -112, -113, -4000])
check.equal(relative_position_bucket(decoder, bidirectional=False), torch.tensor([15, 16, 21, 26, 30, 31, 31]),
            hint="a decoder with 32 buckets up to 128: N = 32 and E = 16")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** on the left the rule for T5's own numbers, with the distance on a logarithmic axis.
# Where is it a straight line there, and where not? The right picture is a table of buckets for an encoder with 16
# buckets. Which two corners must differ, although the distance is the same?

# %% demo="buckets" alt="A staircase of bucket against distance; a grid of buckets, constant along each diagonal."
distances = torch.arange(1, 400)
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for both, name, style in ((False, "one direction", "-"), (True, "both directions, the past", "--")):
    axes[0].step(distances, relative_position_bucket(-distances, both), style, where="post", color="black", label=name)
axes[0].axvline(128, color="0.6", linestyle=":")
axes[0].text(120, 1, "max_distance", fontsize=10, ha="right")
axes[0].set(title="Far distances share a bucket", xlabel="distance of the key [tokens back]", ylabel="bucket",
            xscale="log")
axes[0].set_xticks([1, 2, 4, 8, 16, 32, 64, 128, 256], ["1", "2", "4", "8", "16", "32", "64", "128", "256"])
axes[0].minorticks_off()
axes[0].legend()
places = torch.arange(24)
buckets = relative_position_bucket(places - places[:, None], num_buckets=16, max_distance=24)
grid(axes[1], buckets, "Buckets of an encoder (16, up to 24)", ticks=4, cbar_kws={"label": "bucket"})
plt.show()

# %% [markdown]
# ### The bias
#
# A bucket is a number without meaning. The model learns what to make of it: one number for each bucket *and head*, so
# that one head may look at the previous token and another at everything far away. T5 shares these numbers among all
# layers.
#
# **`T5RelativeBias(num_heads, bidirectional=True, num_buckets=32, max_distance=128)`**, an `nn.Module`.
# ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `weight` | `nn.Parameter`, (num_buckets, num_heads) | the bias of each bucket for each head; begins as zeros |
# | `forward(n, m)`: `n`, `m` | int | queries stand at positions 0 … n − 1, keys at 0 … m − 1 |
# | result | (num_heads, n, m) | `[h, t, s]` is added to head h's score of query t and key s |
#
# <details><summary>Hint 1</summary>Three steps: all relative positions as a matrix (n, m), their buckets, and for each
# bucket its row of <code>weight</code>.</details>
# <details><summary>Hint 2</summary>r = s − t, with keys along the columns: a row <code>torch.arange(m)</code> minus a
# column made from <code>torch.arange(n)</code>. Hand the module's own settings on to
# <code>relative_position_bucket</code>.</details>
# <details><summary>Hint 3</summary><code>self.weight[buckets]</code> looks up a row for each entry and has the shape
# (n, m, num_heads); <code>permute</code> brings the heads to the front.</details>

# %% exercise="T5RelativeBias" minutes=10 level=2
class T5RelativeBias(nn.Module):
    """A learned bias for each head and bucket of relative positions, to be added to the scores.

    weight: (num_buckets, num_heads), zeros to begin with.   Raffel et al. 2020, §2.1
    """

    def __init__(self, num_heads: int, bidirectional: bool = True, num_buckets: int = 32,
                 max_distance: int = 128) -> None:
        super().__init__()
        self.bidirectional, self.num_buckets, self.max_distance = bidirectional, num_buckets, max_distance
        ### BEGIN SOLUTION
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))
        ### END SOLUTION

    def forward(self, n: int, m: int) -> Tensor:
        """The biases (num_heads, n, m) between queries at positions 0 … n - 1 and keys at 0 … m - 1."""
        ### BEGIN SOLUTION
        relative = torch.arange(m) - torch.arange(n)[:, None]  # (n, m), key minus query
        buckets = relative_position_bucket(relative, self.bidirectional, self.num_buckets, self.max_distance)
        return self.weight[buckets].permute(2, 0, 1)  # (n, m, num_heads) -> (num_heads, n, m)
        ### END SOLUTION


# %% check="T5RelativeBias: a row of weight for each bucket, zeros to begin with" points=1
check.equal(sorted(dict(T5RelativeBias(3).named_parameters())), ["weight"],
            hint="the one parameter is called weight: without nn.Parameter around it, it is neither trained nor saved")
check.equal(T5RelativeBias(3).weight, torch.zeros(32, 3),
            hint="self.weight: nn.Parameter, (num_buckets, num_heads), zeros")
bias = T5RelativeBias(5, bidirectional=False, num_buckets=4, max_distance=8)
bias(2, 3).sum().backward()
check.close(bias.weight.grad, torch.tensor([5.0, 1.0, 0.0, 0.0]).view(4, 1).expand(4, 5),
            hint="2 queries, 3 keys, one direction: bucket 0 occurs 5 times, bucket 1 once; is weight an nn.Parameter?")

# %% check="T5RelativeBias: heads first, queries in rows, keys in columns" points=2
bias = check.fill(T5RelativeBias(3, bidirectional=False, num_buckets=4, max_distance=8))
buckets = torch.tensor([[0, 0], [1, 0], [2, 1], [2, 2], [3, 2]])  # of 5 queries and 2 keys
expected = F.embedding(buckets, check.fill(nn.Embedding(4, 3)).weight).permute(2, 0, 1)
check.shape(bias(5, 2), (3, 5, 2), hint="3 heads, 5 queries, 2 keys: (num_heads, n, m)")
check.close(bias(5, 2), expected,
            hint="query 4 looks 4 back at key 0: bucket 3. [h, t, s] is weight[bucket of s - t, h]")
### BEGIN HIDDEN TESTS
wide = check.fill(T5RelativeBias(2, bidirectional=True, num_buckets=4, max_distance=8))
table = torch.tensor([[0, 3, 3, 3, 3], [1, 0, 3, 3, 3]])
expected_wide = F.embedding(table, check.fill(nn.Embedding(4, 2)).weight).permute(2, 0, 1)
check.close(wide(2, 5), expected_wide, hint="both directions, 4 buckets: 0 and 1 for the past, 2 and 3 for the future")
### END HIDDEN TESTS

# %% check="T5RelativeBias: hands its settings on" points=1
wide = check.fill(T5RelativeBias(2, bidirectional=False, num_buckets=40, max_distance=50))
places = torch.tensor([28, 22, 15, 0])  # buckets of query 30 and keys 0, 8, 15 and 30
expected_wide = F.embedding(places, check.fill(nn.Embedding(40, 2)).weight).permute(1, 0)
check.close(wide(31, 31)[:, 30, [0, 8, 15, 30]], expected_wide,
            hint="40 buckets up to 50, one direction: hand all three settings on to relative_position_bucket")
### BEGIN HIDDEN TESTS
decoder = check.fill(T5RelativeBias(2, bidirectional=False, num_buckets=8, max_distance=20))
past = torch.tensor([7, 6, 6, 3, 0])  # buckets of query 14 and keys 0, 1, 5, 11, 14
expected_past = F.embedding(past, check.fill(nn.Embedding(8, 2)).weight).permute(1, 0)
check.close(decoder(15, 15)[:, 14, [0, 1, 5, 11, 14]], expected_past,
            hint="one direction, 8 buckets up to 20: hand bidirectional, num_buckets and max_distance on")
bias = check.fill(T5RelativeBias(2))
ends = torch.tensor([0, 24, 30, 31])  # buckets of r = 0, 8, 90 and 91 with T5's own settings
expected = F.embedding(ends, check.fill(nn.Embedding(32, 2)).weight).permute(1, 0)
check.close(bias(1, 92)[:, 0, [0, 8, 90, 91]], expected,
            hint="by default 32 buckets, both directions, up to 128: hand all three on to relative_position_bucket")
### END HIDDEN TESTS

# %% [markdown]
# A bias of zeros shows nothing yet. After section 7 has trained one, you will see what its heads made of it.

# %% [markdown]
# ## 5 · RoPE: turn the query, turn the key
#
# Su et al. (2021) asked for a way to put the position into $q$ and $k$ *separately*, as cheap as an absolute encoding,
# such that their dot product nevertheless knows only the distance. In the plane there is one: turn the query by the
# angle $t\,\theta$, the key by $s\,\theta$. The dot product depends on lengths and on the angle between the two, and
# that angle changes by $(t - s)\,\theta$. Where both stand, in absolute terms, has cancelled out (their eq. 16, with
# $R_t$ for the rotation by $t\,\theta$):
#
# $$(R_t\,q) \cdot (R_s\,k) = q \cdot (R_{s-t}\,k)$$
#
# A head has d features, so take them as d / 2 planes and turn each at a speed of its own. The speeds are those of the
# clock in section 2, with a `base` that one can choose:
#
# $$\theta_i = \text{base}^{-2i/d} \qquad i = 0, \dots, \tfrac{d}{2} - 1$$
#
# The base is 10,000 in the paper and in the first Llama; Llama 3 uses 500,000 (Grattafiori et al. 2024, §3.2) to slow
# the hands down for longer texts. Nothing is learned.
#
# **`rope_frequencies(T, d, base=10000.0)`** returns a tuple `(cos, sin)`. ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `T` | int | number of positions |
# | `d` | int, even | width of a *head* |
# | `cos`, `sin` | (T, d / 2), float32 | cosine and sine of the angle $t\,\theta_i$, for position t and pair i |
#
# <details><summary>Hint 1</summary>You have written almost all of it in section 2. What is different in the result?
# </details>
# <details><summary>Hint 2</summary>The angles once more: a column of positions times a row of d / 2 frequencies.
# </details>
# <details><summary>Hint 3</summary><code>base ** (-torch.arange(0, d, 2) / d)</code> are the frequencies; return
# <code>angles.cos(), angles.sin()</code>, in this order.</details>

# %% exercise="rope_frequencies" minutes=5 level=1
def rope_frequencies(T: int, d: int, base: float = 10000.0) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every position's angle for every pair of features.

    d: width of a head, even. Returns cos and sin, (T, d / 2) float32 each: of the angle t * base^(-2i / d).
    Su et al. 2021, §3.2.2
    """
    ### BEGIN SOLUTION
    frequencies = base ** (-torch.arange(0, d, 2) / d)  # (d / 2,), radians per position
    angles = torch.arange(T)[:, None] * frequencies  # (T, d / 2)
    return angles.cos(), angles.sin()
    ### END SOLUTION


# %% check="rope_frequencies: cosines and sines of position times frequency" points=1
cos, sin = rope_frequencies(3, 4)
check.close(cos, torch.tensor([[1, 1], [0.540302, 0.99995], [-0.416147, 0.9998]]),
            hint="cos comes first; row t: cos(t), cos(t / 100). The exponent is -2i / d")
check.close(sin, torch.tensor([[0, 0], [0.841471, 0.0099998], [0.909297, 0.0199987]]),
            hint="row t: sin(t), sin(t / 100). Position 0 is not turned: its sines are 0")
### BEGIN HIDDEN TESTS
cos8, sin8 = rope_frequencies(6, 8)
angles = torch.outer(check.arange(6).float(), torch.tensor([1.0, 0.1, 0.01, 0.001]))
check.close(cos8, torch.cos(angles), hint="T = 6, d = 8: four frequencies, 1, 0.1, 0.01 and 0.001")
check.close(sin8, torch.sin(angles), hint="T = 6, d = 8: four frequencies, 1, 0.1, 0.01 and 0.001")
### END HIDDEN TESTS

# %% check="rope_frequencies: the base sets the speed" points=1
cos, sin = rope_frequencies(5, 4, base=16.0)
check.close(cos, torch.cos(torch.outer(check.arange(5), torch.tensor([1.0, 0.25]))),
            hint="base 16, d = 4: the frequencies are 16^0 = 1 and 16^(-1/2) = 0.25")
check.close(sin, torch.sin(torch.outer(check.arange(5), torch.tensor([1.0, 0.25]))),
            hint="base 16, d = 4: the frequencies are 16^0 = 1 and 16^(-1/2) = 0.25")
### BEGIN HIDDEN TESTS
far_cos, far_sin = rope_frequencies(1500, 4)
check.close(far_cos[1499], torch.tensor([-0.895917, -0.753147]), atol=1e-3,
            hint="position 1499: is the base 10000 by default?")
check.close(far_sin[1499], torch.tensor([-0.444221, 0.657852]), atol=1e-3,
            hint="position 1499: is the base 10000 by default?")
### END HIDDEN TESTS

# %% [markdown]
# ### The rotation
#
# Which features form a plane? The paper takes neighbours, 2i and 2i + 1. Llama, as in the transformers library, takes
# feature i and feature **i + d / 2**: the first half of the vector against the second. The two differ by the order of
# features only, so a model can be trained with either; but weights trained with one and read with the other are
# garbage, and that is a bug people really meet when they convert models. We build Llama's. For each pair
# $(x_i,\, x_{i+d/2})$ with the angle $a = t\,\theta_i$:
#
# $$x'_i = x_i \cos a - x_{i+d/2} \sin a \qquad x'_{i+d/2} = x_{i+d/2} \cos a + x_i \sin a$$
#
# Queries and keys are turned, values are not: the position decides how much of a token is read, not what is read.
#
# **`apply_rope(x, cos, sin)`** ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (..., T, d), often (B, H, T, d) | queries or keys, not to be changed |
# | `cos`, `sin` | (T, d / 2) | from `rope_frequencies`, float32 |
# | result | shape and dtype of `x` | each vector turned by its position's angles |
#
# Large models keep `x` in float16 or bfloat16. Then turn in float32 and convert at the end.
#
# <details><summary>Hint 1</summary>Cut x into its two halves along the last axis. Each of the two formulas above is
# then one line for all pairs at once.</details>
# <details><summary>Hint 2</summary><code>x1, x2 = x.chunk(2, dim=-1)</code>. (..., T, d / 2) times (T, d / 2)
# broadcasts by itself; and a float16 tensor times a float32 tensor is float32.</details>
# <details><summary>Hint 3</summary><code>torch.cat((…, …), dim=-1)</code> puts the halves together again;
# <code>.to(x.dtype)</code> gives the type back. Mind which of the two formulas has the minus.</details>

# %% exercise="apply_rope" minutes=10 level=3
def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs of features by an angle proportional to position.

    x: (..., T, d), d even. cos, sin: (T, d / 2), from `rope_frequencies`. Feature i is paired with i + d / 2 (Llama's
    layout; the paper pairs 2i with 2i + 1). Computes in float32. Returns (..., T, d), dtype of x.
    Su et al. 2021, eq. 34
    """
    ### BEGIN SOLUTION
    x1, x2 = x.chunk(2, dim=-1)  # (..., T, d / 2) each
    return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1).to(x.dtype)
    ### END SOLUTION


# %% check="apply_rope: feature i and feature i + d/2 form a pair" points=2
x = check.arange(1, 5).float().view(1, 4)  # 1, 2, 3, 4 at a single position
quarter = apply_rope(x, torch.zeros(1, 2), torch.ones(1, 2))
check.equal(x, torch.tensor([[1.0, 2.0, 3.0, 4.0]]), hint="x was changed in place: make a new tensor")
check.close(quarter, torch.tensor([[-3.0, -4.0, 1.0, 2.0]]),
            hint="a quarter turn takes (x, y) to (-y, x); the pairs of 1, 2, 3, 4 are (1, 3) and (2, 4)")
mixed = apply_rope(x, torch.tensor([[0.6, 0.0]]), torch.tensor([[0.8, 1.0]]))
check.close(mixed, torch.tensor([[-1.8, -4.0, 2.6, 2.0]]),
            hint="pair (1, 3) by cos 0.6, sin 0.8: (0.6 - 2.4, 1.8 + 0.8); pair (2, 4) by a quarter turn")
### BEGIN HIDDEN TESTS
y = check.randn(3, 6, seed=1)
angles = check.randn(3, 3, seed=2)
turned = torch.complex(y[:, :3], y[:, 3:]) * torch.polar(torch.ones(3, 3), angles)
check.close(apply_rope(y, angles.cos(), angles.sin()), torch.cat((turned.real, turned.imag), -1),
            hint="three positions, d = 6: (x cos a - y sin a, y cos a + x sin a) for the pairs (i, i + 3)")
### END HIDDEN TESTS

# %% check="apply_rope: every head and sequence by its own position" points=1
x = check.randn(2, 3, 5, 4, seed=3)
angles = check.randn(5, 2, seed=4)
turned = torch.complex(x[..., :2], x[..., 2:]) * torch.polar(torch.ones(5, 2), angles)
out = apply_rope(x, angles.cos(), angles.sin())
check.shape(out, (2, 3, 5, 4), hint="(B, H, T, d) in, (B, H, T, d) out: cut and join along the last axis")
check.close(out, torch.cat((turned.real, turned.imag), -1),
            hint="2 sequences, 3 heads, 5 positions: row t of cos and sin belongs to position t, the last axis but one")

# %% check="apply_rope: scores know the distance only" points=1
angles = 0.3 * check.arange(6).view(6, 1)
q = torch.tensor([[1.0, 0.0]]).expand(6, 2)  # the same vector at six positions
scores = apply_rope(q, angles.cos(), angles.sin()) @ apply_rope(q, angles.cos(), angles.sin()).T
check.close(scores, torch.cos(0.3 * (check.arange(6).view(6, 1) - check.arange(6))),
            hint="equal unit vectors at positions t and s have the score cos(0.3 (t - s)): a rotation keeps lengths")
### BEGIN HIDDEN TESTS
turns = check.arange(7).view(7, 1) * check.rand(1, 4, seed=5)
a = check.randn(1, 8, seed=6).expand(7, 8)
b = check.randn(1, 8, seed=7).expand(7, 8)
table = apply_rope(a, turns.cos(), turns.sin()) @ apply_rope(b, turns.cos(), turns.sin()).T
check.same(table[1:, 1:], table[:-1, :-1], hint="a query and a key one place further on must have the same score")
along = torch.polar(torch.ones(7, 4), turns) * torch.complex(a[:, :4], a[:, 4:])
beside = torch.polar(torch.ones(7, 4), turns) * torch.complex(b[:, :4], b[:, 4:])
check.close(table, (along @ beside.conj().T).real, atol=1e-4, hint="scores of turned queries and turned keys")
### END HIDDEN TESTS

# %% check="apply_rope: the type of x is kept" points=1
x = check.randn(2, 3, 4, seed=8)
angles = check.randn(3, 2, seed=9)
turned = torch.complex(x[..., :2], x[..., 2:]) * torch.polar(torch.ones(3, 2), angles)
half = apply_rope(x.half(), angles.cos(), angles.sin())
check.dtype(half, torch.float16, hint="x in float16, result in float16: convert at the end with .to(x.dtype)")
check.close(half, torch.cat((turned.real, turned.imag), -1).half(), atol=4e-3, hint="the same rotation, in float16")
near = torch.tensor([[100.0, 99.0]]).bfloat16()  # 100 cos a - 99 sin a loses most of its digits in bfloat16
eighth = apply_rope(near, torch.full((1, 1), 0.70710678), torch.full((1, 1), 0.70710678))
check.close(eighth, torch.tensor([[0.70710678, 140.71425]]).bfloat16(), hint="turn in float32, convert only the result")

# %% [markdown]
# Here is one vector at positions 0 … 7, in three planes of different speed.
#
# **Before you run the next cell:** in the slowest plane the eight arrows nearly lie on each other. What does that
# plane know about position 3 and position 4, and what about position 3 and position 60?

# %% demo="rotation" alt="Three planes, eight arrows each: fanned out over a whole turn, 86 and 18 degrees."
cos, sin = rope_frequencies(8, 6, base=100.0)  # (T, d / 2) = (8, 3)
turned = apply_rope(torch.tensor([1.0, 1, 1, 0, 0, 0]).expand(8, 6), cos, sin)  # (T, d)
figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for i, ax in enumerate(axes):
    for t, (x, y) in enumerate(turned[:, [i, i + 3]].tolist()):
        ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": str(0.7 * t / 7), "linewidth": 1.5})
        if i < 2 or t in (0, 7):  # in the slowest plane the other numbers would cover each other
            ax.annotate(str(t), (1.12 * x, 1.12 * y), ha="center", va="center", fontsize=10)
    degrees = math.degrees(100.0 ** (-2 * i / 6))
    ax.set(title=f"features {i} and {i + 3}: {degrees:.0f}° a step", xlabel=f"feature {i}", ylabel=f"feature {i + 3}",
           xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
figure.suptitle("One vector at positions 0 to 7 (base 100)")
plt.show()

# %% [markdown]
# The slow plane hardly tells 3 from 4, but it tells 3 from 60; the fast one tells 3 from 4, and has been round nine
# times by 60.
#
# Now the promise itself, with two arrows in one plane. Move both sliders by the same amount, and the score stays; move
# one, and it changes.

# %% demo="distance-slider" alt="A query arrow and a key arrow in the plane; the angle between them sets the score."
def draw_pair(query_position=5, key_position=2):
    cos, sin = rope_frequencies(41, 2)  # a single plane that turns by 1 radian, 57 degrees, a step
    turned = apply_rope(torch.tensor([1.0, 0.0]).expand(41, 2), cos, sin)
    q, k = turned[query_position].tolist(), turned[key_position].tolist()
    figure, ax = plt.subplots(figsize=(4.2, 4.2), layout="constrained")
    for (x, y), name, color, style in ((q, "q", "black", "-"), (k, "k", "0.5", "--")):
        arrow = {"arrowstyle": "->", "color": color, "linewidth": 3, "linestyle": style}
        ax.annotate("", (x, y), (0, 0), arrowprops=arrow)
        ax.annotate(name, (1.13 * x, 1.13 * y), ha="center", va="center", color=color)
    ax.set(title=f"t − s = {query_position - key_position}: score {q[0] * k[0] + q[1] * k[1]:+.2f}",
           xlabel="feature 0", ylabel="feature 1", xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal",
           xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    plt.show()


try:
    from ipywidgets import IntSlider, interact

    interact(draw_pair, query_position=IntSlider(5, min=0, max=40, description="query at t"),
             key_position=IntSlider(2, min=0, max=40, description="key at s"))
except ImportError:
    print("pip install ipywidgets gives this picture sliders; without it, call draw_pair(6, 3) in a new cell.")
    draw_pair()

# %% [markdown]
# Last, a whole head: 24 positions, the *same* word at each of them, random W_q and W_k. Whatever differs between two
# scores is due to positions alone. On the left sinusoids are added to the word, on the right query and key are
# rotated.
#
# **Before you run the next cell:** if scores depend only on the distance, what do you see along each diagonal?

# %% demo="distance-only" alt="Scores of a word with itself: patchy with sinusoids, constant diagonals with RoPE."
generator = torch.Generator().manual_seed(0)
word = torch.randn(32, generator=generator).expand(24, 32)  # (T, D): the same word everywhere
W_q, W_k = (torch.randn(32, 32, generator=generator) / 32**0.5 for _ in range(2))  # (D, d)
placed = word + sinusoidal_encoding(24, 32)
cos, sin = rope_frequencies(24, 32)
q, k = apply_rope(word @ W_q, cos, sin), apply_rope(word @ W_k, cos, sin)  # (T, d)
scores = {"sinusoids added to the input": (placed @ W_q) @ (placed @ W_k).T / 32**0.5,
          "queries and keys rotated (RoPE)": q @ k.T / 32**0.5}
figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
for ax, (name, values) in zip(axes, scores.items(), strict=True):
    spread = max(float(values.diagonal(k).max() - values.diagonal(k).min()) for k in range(-22, 23))
    grid(ax, values, f"{name}\nlargest difference along a diagonal: {spread:.1g}", ticks=4,
         cbar_kws={"label": "score"})
plt.show()

# %% [markdown]
# Along each diagonal t − s is the same, and with RoPE so is the score, up to rounding. Note what this does *not* say:
# scores that depend only on distance still depend on it in a way that the model has learned at the distances it has
# seen.

# %% [markdown]
# ## 6 · ALiBi: a penalty for distance
#
# Press et al. (2022, §3) do without learned numbers and without angles. From each score they subtract the distance,
# times a slope that belongs to the head:
#
# $$\text{score}_{t,s} = q_t \cdot k_s - m_h\,|t - s|$$
#
# A steep head sees only what is near; a flat head sees far. For 8 heads the slopes are ½, ¼, …, 1/256. In general,
# with $H$ heads and $H$ a power of two, they form a geometric series that ends at $2^{-8}$:
#
# $$m_h = 2^{-8h/H} \qquad h = 1, \dots, H$$
#
# For other head counts the authors' code does this, and BLOOM's 112 heads follow it: take $p$, the greatest power of
# two that is not above $H$, and its $p$ slopes; then fill up with values half-way between two steps (in the exponent;
# the first lies half a step before $m_1$), from the steepest on:
#
# $$m_h = 2^{-8h/p} \quad (h = 1, \dots, p) \qquad \text{then} \qquad
# m_{p+j} = 2^{-8(j - \frac12)/p} \quad (j = 1, \dots, H - p)$$
#
# For 6 heads, p = 4: ¼, 1/16, 1/64, 1/256, and then ½ and ⅛.
#
# **`alibi_slopes(num_heads)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `num_heads` | int, ≥ 1 | H, not only powers of two |
# | result | (num_heads,), float32 | the slopes, positive, in the order above |
#
# <details><summary>Hint 1</summary>Which h (or j − ½) stands in the exponent of each head? Make that one vector; the
# rest is a power of two.</details>
# <details><summary>Hint 2</summary><code>math.log2</code> and <code>math.floor</code> give the greatest power of two
# not above H. For H = 6 the steps are 1, 2, 3, 4, ½, 1½.</details>
# <details><summary>Hint 3</summary><code>torch.arange(1, p + 1)</code> and <code>torch.arange(H - p) + 0.5</code>,
# joined with <code>torch.cat</code>; then <code>2 ** (-8 / p * steps)</code>.</details>

# %% exercise="alibi_slopes" minutes=10 level=2
def alibi_slopes(num_heads: int) -> Tensor:
    """The slope of each head: a geometric series down to 2^-8, filled up half-way where num_heads is no power of two.

    Returns (num_heads,) float32, positive.   Press et al. 2022, §3; other head counts as in the authors' code
    """
    ### BEGIN SOLUTION
    power = 2 ** math.floor(math.log2(num_heads))  # the greatest power of two that is not above num_heads
    steps = torch.cat((torch.arange(1, power + 1), torch.arange(num_heads - power) + 0.5))  # (num_heads,)
    return 2 ** (-8 / power * steps)
    ### END SOLUTION


# %% check="alibi_slopes: a geometric series for powers of two" points=1
check.close(alibi_slopes(8), torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]), atol=1e-6,
            hint="8 heads: 1/2, 1/4, … 1/256, positive, steepest first")
check.close(alibi_slopes(4), torch.tensor([1 / 4, 1 / 16, 1 / 64, 1 / 256]), atol=1e-6,
            hint="4 heads: the exponents are -2, -4, -6, -8; the last slope is 2^-8 for every H")
### BEGIN HIDDEN TESTS
check.close(alibi_slopes(1), torch.tensor([1 / 256]), atol=1e-6, hint="a single head has the slope 2^-8")
check.close(alibi_slopes(2), torch.tensor([1 / 16, 1 / 256]), atol=1e-6, hint="2 heads: 2^-4 and 2^-8")
check.close(alibi_slopes(16), torch.pow(2.0, -torch.arange(1, 17) / 2), atol=1e-6, hint="16 heads: 2^(-h/2)")
### END HIDDEN TESTS

# %% check="alibi_slopes: any number of heads" points=2
check.close(alibi_slopes(6), torch.tensor([1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]), atol=1e-6,
            hint="6 heads: the four slopes of 4 heads, then the values half-way, steepest first: 1/2, 1/8")
check.close(alibi_slopes(3), torch.tensor([1 / 16, 1 / 256, 1 / 4]), atol=1e-6,
            hint="3 heads: the two slopes of 2 heads, then one value half-way: 2^-2")
### BEGIN HIDDEN TESTS
twelve = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.5, 1.5, 2.5, 3.5])
check.close(alibi_slopes(12), torch.pow(2.0, -twelve), atol=1e-6, hint="12 heads: those of 8, then 2^-0.5, 2^-1.5, …")
seven = torch.tensor([2.0, 4.0, 6.0, 8.0, 1.0, 3.0, 5.0])
check.close(alibi_slopes(7), torch.pow(2.0, -seven), atol=1e-6, hint="7 heads: those of 4, then 2^-1, 2^-3, 2^-5")
### END HIDDEN TESTS

# %% [markdown]
# ### The bias
#
# Distances between all positions, times the slopes, with a minus. Both directions are treated alike; a decoder hides
# the future with its mask.
#
# **`alibi_bias(slopes, T)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `slopes` | (H,) | from `alibi_slopes` |
# | `T` | int | length of the sequence |
# | result | (H, T, T), float32 | `[h, t, s]` is `-slopes[h]` times the distance of t and s, to be added to the scores |
#
# <details><summary>Hint 1</summary>All distances are one matrix (T, T), the same for all heads.</details>
# <details><summary>Hint 2</summary>A column of positions minus a row of positions, then <code>.abs()</code>.</details>
# <details><summary>Hint 3</summary><code>slopes[:, None, None]</code> has the shape (H, 1, 1) and broadcasts against
# (T, T).</details>

# %% exercise="alibi_bias" minutes=5 level=2
def alibi_bias(slopes: Tensor, T: int) -> Tensor:
    """A penalty for distance, to be added to the scores: -slope * |t - s|.

    slopes: (H,). Returns (H, T, T).   Press et al. 2022, §3
    """
    ### BEGIN SOLUTION
    places = torch.arange(T, device=slopes.device)
    distances = (places[:, None] - places).abs()  # (T, T)
    return -slopes[:, None, None] * distances
    ### END SOLUTION


# %% check="alibi_bias: minus slope times distance" points=2
slopes = torch.tensor([1.0, 0.25])
check.close(alibi_bias(slopes, 3), torch.tensor([[[0.0, -1.0, -2.0], [-1.0, 0.0, -1.0], [-2.0, -1.0, 0.0]],
                                                 [[0.0, -0.25, -0.5], [-0.25, 0.0, -0.25], [-0.5, -0.25, 0.0]]]),
            hint="one matrix (T, T) per head: 0 on the diagonal, one slope less for each step away from it")
### BEGIN HIDDEN TESTS
steep = torch.tensor([0.5, 2.0, 3.0])
gaps = torch.tensor([[0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 1.0, 2.0], [2.0, 1.0, 0.0, 1.0], [3.0, 2.0, 1.0, 0.0]])
check.close(alibi_bias(steep, 4), torch.einsum("h,ts->hts", -steep, gaps), hint="three heads, T = 4: (H, T, T)")
### END HIDDEN TESTS

# %% check="alibi_bias: the attention that a causal model gets" points=1
slopes = torch.tensor([0.5, 0.125, 2.0])
bias = alibi_bias(slopes, 6)
weights = torch.softmax(bias.masked_fill(~torch.ones(6, 6).tril().bool(), float("-inf")), -1)
rows = slopes.view(3, 1, 1) * check.arange(6)  # what BLOOM adds: slope times the key's position, in every row
expected = torch.softmax(rows.expand(3, 6, 6).masked_fill(~torch.ones(6, 6).tril().bool(), float("-inf")), -1)
check.close(weights, expected,
            hint="of keys that score alike, the nearest must get the most: the bias falls with distance")

# %% [markdown]
# The last check compares your bias with what BLOOM adds: slope times the *key's position*, the same row for every
# query. Why does it give the same attention? Because softmax ignores a shift: $-m\,(t - s) = m s - m t$, and $m t$ is
# the same for all keys of a row.
#
# **Before you run the next cell:** suppose all keys score alike, so that only the bias decides. Over how many tokens
# does the steepest of 8 heads spread its weight, and over how many the flattest?

# %% demo="alibi" alt="Three grids of bias from steep to flat; the weights of eight heads against the distance."
slopes = alibi_slopes(8)
bias = alibi_bias(slopes, 64)  # (H, T, T)
weights = torch.softmax(bias.masked_fill(~causal_mask(64), float("-inf")), dim=-1)
figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained", width_ratios=(1, 1.28, 1.4))
for ax, head in zip(axes, (2, 4), strict=False):
    grid(ax, bias[head], f"head {head + 1}, slope 1/{round(1 / float(slopes[head]))}", ticks=16, vmin=-8, vmax=0,
         cbar=head == 4, cbar_kws={"label": "bias"})
for head, style in ((0, "-"), (2, "--"), (4, "-."), (7, ":")):
    axes[2].loglog(range(1, 65), weights[head, -1].flip(0), style, color="black", linewidth=1 + head / 4,
                   label=f"1/{round(1 / float(slopes[head]))}")
axes[2].set(title="Weights when all keys score alike", xlabel="distance + 1 [tokens]",
            ylabel="weight of the last query", ylim=(1e-4, 1))
axes[2].set_xticks([1, 2, 4, 8, 16, 32, 64], ["1", "2", "4", "8", "16", "32", "64"])
axes[2].minorticks_off()
axes[2].legend(title="slope", ncols=2, loc="upper right")
plt.show()

# %% [markdown]
# | | where it enters | learned | what a score can know | after the training length |
# |---|---|---|---|---|
# | sinusoids | added to the input | no | both positions | patterns never seen |
# | learned table | added to the input | yes | both positions | no rows, or untrained ones |
# | T5 bias | added to scores | per bucket and head | distance, coarsely | last bucket goes on |
# | RoPE | turns q and k | no | distance | angles never seen |
# | ALiBi | added to scores | no | distance | the penalty goes on growing |

# %% [markdown]
# ## 7 · Train short, test long
#
# Now the contest of Press et al. (2022), in miniature: a model sees sequences up to a certain length in training;
# what does it do with longer ones? The task is to copy. The model reads n random symbols out of 16 and a separator,
# and then has to write the same n symbols:
#
#     c a f f b | c a f f b
#
# Predicting each symbol from the true ones before it, a model can solve this by looking for the place where it last
# saw what it has just written, and taking what came next. This needs two layers: one that tells each token what its
# predecessor was, one that looks the pair up. (Elhage et al. 2021 call the couple an *induction head*; you meet it
# again in *gpt*.) Both need positions.
#
# The model below has these two layers of causal attention and nothing else. Training draws n from 3 to 12; testing
# goes up to 48. The sixth contestant gets no encoding at all.
#
# Our `scaled_dot_product_attention` has no place for a bias; PyTorch's takes one: an `attn_mask` of floats is *added*
# to the scores, and −∞ forbids.

# %%
# Given: the contestants.
torch.set_num_threads(1)  # the matrices are tiny: more threads would only get in each other's way
ENCODINGS = ["none", "sinusoidal", "learned", "T5 bias", "RoPE", "ALiBi"]
SYMBOLS, WIDTH, HEADS, LONGEST = 16, 64, 4, 96  # the separator is one more symbol, number 16


class CopyModel(nn.Module):
    """Two layers of causal attention, no feed-forward. tokens (B, T) -> logits (B, T, SYMBOLS)."""

    def __init__(self, encoding):
        super().__init__()
        self.encoding = encoding
        self.embed = nn.Embedding(SYMBOLS + 1, WIDTH)
        nn.init.normal_(self.embed.weight, std=0.5)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.qkv = nn.ModuleList(nn.Linear(WIDTH, 3 * WIDTH, bias=False) for _ in range(2))
        self.out = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        self.head = nn.Linear(WIDTH, SYMBOLS)
        if encoding == "learned":
            self.positions = LearnedPositions(LONGEST, WIDTH)
        if encoding == "T5 bias":
            self.relative = T5RelativeBias(HEADS, bidirectional=False, num_buckets=16, max_distance=20)

    def forward(self, tokens):
        B, T = tokens.shape
        x = self.embed(tokens)  # (B, T, D)
        if self.encoding == "sinusoidal":
            x = x + sinusoidal_encoding(T, WIDTH)
        if self.encoding == "learned":
            x = self.positions(x)
        bias = torch.zeros(T, T).masked_fill(~causal_mask(T), float("-inf"))  # (T, T)
        if self.encoding == "T5 bias":
            bias = bias + self.relative(T, T)  # (H, T, T)
        if self.encoding == "ALiBi":
            bias = bias + alibi_bias(alibi_slopes(HEADS), T)  # (H, T, T)
        cos, sin = rope_frequencies(T, WIDTH // HEADS)
        for norm, qkv, out in zip(self.norms, self.qkv, self.out, strict=False):
            q, k, v = qkv(norm(x)).view(B, T, 3, HEADS, -1).permute(2, 0, 3, 1, 4)  # (B, H, T, d) each
            if self.encoding == "RoPE":
                q, k = apply_rope(q, cos, sin), apply_rope(k, cos, sin)
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)  # (B, H, T, d)
            x = x + out(mixed.transpose(1, 2).flatten(2))
        return self.head(self.norms[-1](x))


def copy_batch(n, B, generator):
    """B sequences to copy: inputs (B, 2 n), and the symbols (B, n) to be predicted at the last n positions."""
    symbols = torch.randint(SYMBOLS, (B, n), generator=generator)
    tokens = torch.cat((symbols, torch.full((B, 1), SYMBOLS), symbols), dim=1)
    return tokens[:, :-1], symbols


# %% [markdown]
# **Before you run the next cell**, write down your order of the six at n = 24, twice the longest in training. It takes
# about half a minute.

# %% demo="train-short-test-long" alt="Accuracy against length: beyond 12 all fall but ALiBi, RoPE to guessing."
STEPS, LENGTHS = 400, (3, 6, 9, 12, 14, 16, 20, 24, 32, 40, 48)
models, accuracy, began = {}, {}, time.perf_counter()
for encoding in ENCODINGS:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = CopyModel(encoding)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=STEPS, pct_start=0.1)
    for _ in range(STEPS):
        n = int(torch.randint(3, 13, (), generator=generator))
        tokens, symbols = copy_batch(n, 32, generator)
        loss = F.cross_entropy(model(tokens)[:, n:].flatten(0, 1), symbols.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    fresh = torch.Generator().manual_seed(99)
    with torch.no_grad():
        for n in LENGTHS:
            tokens, symbols = copy_batch(n, 100, fresh)
            accuracy[encoding, n] = float((model(tokens)[:, n:].argmax(-1) == symbols).float().mean())
    models[encoding] = model

figure, ax = plt.subplots(figsize=(9, 4.6), layout="constrained")
ax.axvspan(3, 12, color="0.93")
ax.text(3.2, 1.03, "trained here", fontsize=10, color="0.3")
ax.axhline(1 / SYMBOLS, color="0.6", linewidth=1)
ax.text(3.2, 1 / SYMBOLS + 0.015, "guessing", fontsize=10, color="0.3")
styles = dict(zip(ENCODINGS, ("x:", "v--", "D--", "s-", "^-", "o-"), strict=True))
shades = dict(zip(ENCODINGS, ("0.6", "0.6", "0.4", "0.3", "0.5", "0"), strict=True))
for encoding in ENCODINGS:
    ax.plot(LENGTHS, [accuracy[encoding, n] for n in LENGTHS], styles[encoding], color=shades[encoding], label=encoding)
ax.set(title="Trained short, tested long", xlabel="symbols to copy, n", ylabel="share of symbols right", ylim=(0, 1.1),
       xticks=LENGTHS)
ax.legend(loc="upper right", ncols=2, fontsize=10)
plt.show()
print(f"{STEPS} steps each, {time.perf_counter() - began:.0f} s in all;  n:", *(f"{n:>4}" for n in (6, 12, 16, 24, 48)))
for encoding in ENCODINGS:
    print(f"{encoding:>40}", *(f"{accuracy[encoding, n]:.2f}" for n in (6, 12, 16, 24, 48)))

# %% [markdown]
# Read it from left to right.
#
# **Up to 12** five of the six copy well. *none* has not got that far: it must first make positions out of the mask,
# and the budget ran out. Its line says little about length.
#
# **Beyond 12** the picture changes at once.
#
# - *ALiBi* hardly notices. One step further away is one slope less, near or far, seen or unseen.
# - *T5* loses about a third by n = 14, then little by little. The last picture of this section shows what its heads
#   have learned to avoid.
# - *Sinusoidal* and *learned* keep about a third. The rows of the table from 24 on are the noise that they began as.
#   The sinusoids of new positions are just as strange to the model: the hope of section 2 is not fulfilled here.
# - *RoPE* falls to the level of guessing, although its scores depend only on the distance, and then half recovers at
#   n = 32.
#
# The odd one is worth a closer look. To copy n symbols, a token looks n places back, which in training was 3 to 12. Let
# us test the trained RoPE model at *every* n up to 72.
#
# **Before you run the next cell:** the planes of its heads need 6.3, 19.9, 62.8, … positions for a turn. What would you
# see if the heads told their target mostly by one of them?

# %% demo="rope-echo" alt="RoPE's accuracy against n: after 12 it drops, with echoes near 31, 51 and 70."
with torch.no_grad():
    fresh, every_n, share = torch.Generator().manual_seed(7), range(3, 73), []
    for n in every_n:
        tokens, symbols = copy_batch(n, 20, fresh)
        share.append(float((models["RoPE"](tokens)[:, n:].argmax(-1) == symbols).float().mean()))
turn = 2 * math.pi * 10000 ** (2 / 16)  # positions for a full turn of plane 1, of 8
figure, ax = plt.subplots(figsize=(9, 3.4), layout="constrained")
ax.axvspan(3, 12, color="0.93")
ax.text(3.2, 1.03, "trained here", fontsize=10, color="0.3")
for k in (0, 1, 2, 3):
    ax.axvline(11 + k * turn, color="0.5", linestyle=":")
ax.plot(every_n, share, ".-", color="black")
ax.set(title=f"Echoes: dotted lines are {turn:.1f} apart, a turn of plane 1", xlabel="symbols to copy, n",
       ylabel="share of symbols right", ylim=(0, 1.1), xticks=range(0, 73, 6))
plt.show()

# %% [markdown]
# The model finds its target again near 31, 51 and 70: echoes, one turn of plane 1 apart. Half a turn away, around 20
# and 40, it is lost. Distance 20 is not even new: training sequences had up to 24 tokens. It was *seen* there, but
# never of *use*, and the heads learned to look 3 to 12 places back by an angle that returns. "Depends only on the
# distance" has not become "works at any distance".
#
# At distances above 23, the greatest in training, a second trouble begins. The next cell shows how far each of the 8
# planes of a head has turned at distance 23, the greatest in training, and at 47, the greatest for n = 24.
#
# **Before you run it:** how many planes have made a full turn in training, so that whatever comes later, they have seen
# the angle before?

# %% demo="angles-seen" alt="Bars per plane: two turned fully in training, the others meet new angles at distance 47."
frequencies = 10000.0 ** (-torch.arange(0, 16, 2) / 16)  # radians per position, of the 8 planes
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
planes = np.arange(8)
bars = ((23, -0.2, "0.25", "seen in training"), (47, 0.2, "0.75", "the greatest for n = 24"))
for distance, shift, color, what in bars:
    ax.barh(planes + shift, torch.rad2deg(distance * frequencies), height=0.38, color=color,
            label=f"at distance {distance}: {what}")
ax.axvline(360, color="black", linestyle="--")
ax.text(375, 7.2, "a full turn", fontsize=10)
ax.set(title="Angles that a RoPE head has seen, and those it meets", xlabel="angle [degrees]", ylabel="plane i",
       xscale="log", yticks=planes)
ax.set_xticks([1, 10, 100, 360, 1000], ["1", "10", "100", "360", "1,000"])
ax.minorticks_off()
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
ax.legend(fontsize=10)
plt.show()

# %% [markdown]
# Two planes have been all around; the other six meet angles that no training sequence contained. The model has never
# had a reason to behave well there. What people do about it, slowing the hands down so that a longer text fits into
# the angles already seen (Chen et al. 2023, and others since), is a subject of *long_context*.
#
# And what did T5's heads make of their buckets?

# %% demo="learned-bias" alt="T5's biases of four heads: a peak at distance 1, lower from 13 on, constant from 18 on."
with torch.no_grad():
    learned_bias = models["T5 bias"].relative(48, 48)[:, -1].flip(-1)  # (H, distance), of the last query
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
for head, style in enumerate(("o-", "s--", "^-.", "D:")):
    ax.plot(range(48), learned_bias[head], style, color=str(0.18 * head), markersize=4, label=f"head {head + 1}")
ax.axvline(23, color="0.5", linestyle=":")
ax.text(23.5, float(learned_bias.min()), "longest distance in training", fontsize=10)
ax.set(title="T5: biases after training", xlabel="distance of the key [tokens back]", ylabel="bias")
ax.legend(ncols=2)
plt.show()

# %% [markdown]
# All began as zeros. Now every head likes distance 1, the predecessor. The targets lay 3 to 12 places back; from 13 on
# the biases are lower, head 4's by far: nothing there was ever worth a look. Again seen, but of no use, and it is what
# fails at n = 14. The last bucket begins at 18; from there on all is constant. ALiBi cannot learn to like or to avoid a
# distance, and so cannot be misled by what it has not seen.
#
# ### What one cannot conclude
#
# - **Not that ALiBi is best.** This is one task, two layers, 400 steps. A task that
#   has to fetch one word from far away would suffer from the same penalty. Kazemnejad et al. (2023) compared the same
#   schemes on reasoning and mathematical tasks, with larger decoders, and found another order: no encoding at all
#   came out first, and ALiBi and RoPE were not well suited to greater lengths.
# - **Not even the order at this task.** T5 is still learning when we stop: with three times the steps it got 85% of
#   the symbols right at n = 24 instead of 61%. That part of its gap is slowness, not length. Change `STEPS` in a copy
#   of the cell and see who moves.
# - **Not that RoPE is a poor choice.** Within the training length it was among the best here, and models are trained,
#   or trained further, at the lengths at which they are used. What you saw is that depending only on the distance is
#   one thing, and working at unseen distances is another.
# - **Not much from one seed.** With three, the shares at n = 24 were .85 to .88 for ALiBi, .60 to .68 for T5, .36 to
#   .41 for the learned table, .32 to .37 for none, .30 to .35 for sinusoids, .07 to .12 for RoPE. The large gaps are
#   real here; the order of the three in the middle is not.

# %% [markdown]
# ## Recap
#
# - Attention without positions is permutation equivariant: shuffle the input, and the output is shuffled, no more. A
#   causal mask breaks this a little.
# - Absolute encodings are added to the input. Sinusoids need no learning; a learned table ends.
# - Relative encodings act on scores: T5 learns a number per bucket and head, ALiBi takes a fixed slope. Adding the
#   same to a whole row changes nothing.
# - RoPE turns queries and keys, each by its own position, and the score sees only the difference. Halves or
#   neighbours: ask which layout a set of weights was made for.
# - Depending only on the distance does not make a model work at distances that it has not seen, or never had a use for.
#   Test that.
#
# Next: *feed_forward*, the half of a transformer block that does not look around.

# %% [markdown]
# ## A question in words
#
# A friend has a model with RoPE, base 10,000, trained on texts of up to 2,048 tokens. "Its scores depend only on the
# distance," says the friend, "so I can give it 8,000 tokens right away." The result is gibberish.
#
# In six to ten sentences: (a) what does the property that the friend quotes say, and what does it not say? (b) Which
# planes of a head meet angles that training never showed, the fast or the slow ones, and why not the others? (c) Would
# the friend have been better off with ALiBi, and what would that have cost?

# %% [markdown] essay="rope-length" points=3
# **(a)** It says that a query at t and a key at s get the score that any other pair with the same content and the same
# t − s would get: the place in the text has cancelled out. It says nothing about how the score depends on t − s. The
# model has learned that from distances up to 2,047, and at greater ones nothing was ever asked of it. *(1 point: equal
# distances give equal scores; unseen distances remain unseen.)*
#
# **(b)** The slow ones. A plane with frequency θ needs 2π/θ positions for a turn. Fast planes have been around many
# times within 2,048 positions, so a greater distance gives an angle that they know (which says little about the
# distance, but is nothing new). Planes that need more than 2,048 positions for a turn have seen a part of it only;
# beyond, cosines and sines take combinations of values that the weights were never trained on, and scores come out
# anyhow. *(1 point: slow planes; a turn not completed in training; fast ones repeat.)*
#
# **(c)** Probably, as far as not breaking goes: the penalty grows by the same slope for every further token, so
# unseen distances continue what was seen, and far keys simply fade. The cost is the fading itself: a steep head sees
# next to nothing beyond some tens of tokens, whatever stands there, so the model reads 8,000 tokens mostly as if the
# last ones were all; the slopes are fixed and not learned. *(1 point: continues smoothly; but far tokens lose weight
# whatever they say, so it need not make use of the length.)*

# %% [markdown]
# ## Sources
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin 2017. *Attention Is All You Need.* NeurIPS
#   2017, arXiv 1706.03762. §3.5 sinusoids, Table 3 row E a learned table instead.
# - Shaw, Uszkoreit, Vaswani 2018. *Self-Attention with Relative Position Representations.* NAACL 2018, arXiv
#   1803.02155.
# - Devlin, Chang, Lee, Toutanova 2019. *BERT.* NAACL 2019, arXiv 1810.04805. Radford, Wu, Child, Luan, Amodei,
#   Sutskever 2019. *Language Models are Unsupervised Multitask Learners* (GPT-2). Learned tables of 512 and 1,024
#   rows.
# - Raffel, Shazeer, Roberts, Lee, Narang, Matena, Zhou, Li, Liu 2020. *Exploring the Limits of Transfer Learning with
#   a Unified Text-to-Text Transformer* (T5). JMLR 21, arXiv 1910.10683. §2.1 the bias; the rule of its buckets is in
#   the authors' code, and in transformers' `T5Attention`.
# - Su, Lu, Pan, Murtadha, Wen, Liu 2021. *RoFormer: Enhanced Transformer with Rotary Position Embedding.* arXiv
#   2104.09864. §3.2.2 the general form, eq. 16 and 34.
# - Press, Smith, Lewis 2022. *Train Short, Test Long: Attention with Linear Biases Enables Input Length
#   Extrapolation* (ALiBi). ICLR 2022, arXiv 2108.12409. §3 bias and slopes; other head counts in the authors' code.
# - BigScience Workshop 2022. *BLOOM: A 176B-Parameter Open-Access Multilingual Language Model.* arXiv 2211.05100.
# - Touvron et al. 2023. *LLaMA.* arXiv 2302.13971, §2.2. Grattafiori et al. 2024. *The Llama 3 Herd of Models.* arXiv
#   2407.21783, §3.2: a base of 500,000.
# - Haviv, Ram, Press, Izsak, Levy 2022. *Transformer Language Models without Positional Encodings Still Learn
#   Positional Information.* Findings of EMNLP 2022, arXiv 2203.16634.
# - Kazemnejad, Padhi, Natesan Ramamurthy, Das, Reddy 2023. *The Impact of Positional Encoding on Length
#   Generalization in Transformers.* NeurIPS 2023, arXiv 2305.19466.
# - Elhage et al. 2021. *A Mathematical Framework for Transformer Circuits.* Induction heads.
# - Chen, Wong, Chen, Tian 2023. *Extending Context Window of Large Language Models via Positional Interpolation.*
#   arXiv 2306.15595.
