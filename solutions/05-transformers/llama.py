# %% [markdown]
# # Llama
#
# ## What you will build
#
# A language model of today, and the proof that it is one: your own code will run SmolLM2, a trained model of Llama's
# architecture with 135 million parameters, from its file. You have built all of its parts in earlier notebooks. What
# is left is to put them together: `KVCache`, which remembers the keys and values of past tokens; `LlamaAttention`, with
# rotated queries and keys and the cache; `LlamaBlock` and `Llama`; `load_smollm2`, which brings trained weights in;
# `generate`; and `flops_per_token`, with which you audit what such a model costs. About 100 minutes.
#
# ## When it was invented, and why it matters
#
# LLaMA (Touvron et al. 2023) invented no part of itself. It took GPT's decoder and replaced what others had found
# something better for (§2.2): norms of the root mean square (Zhang and Sennrich 2019), a gated feed-forward layer
# (Shazeer 2020), rotated positions (Su et al. 2021). It trained longer than was usual, on public data only, and its
# weights became available. Llama 2 (2023, 34 and 70 billion parameters) and Llama 3 (2024, all sizes) added
# grouped-query attention (Ainslie et al. 2023). Since then *Llama* has been the name of an architecture more than of a
# model: many open models are Llamas in all but name, and SmolLM2 (Allal et al. 2025) is one in its file format too.
#
# | | GPT-2 | Llama |
# |---|---|---|
# | positions | a learned table, added to the embeddings | RoPE: queries and keys are rotated in every layer |
# | norm, before each part | LayerNorm, with gain and bias | RMSNorm, with a gain |
# | keys and values | one set for each head | one set for each group of heads (GQA) |
# | feed-forward | two matrices, GELU | three matrices, SwiGLU |
# | biases | in all matrices of the blocks, and in the norms | none |
# | output layer | the embedding matrix again | a matrix of its own; in small models the embedding again |
#
# ## Prerequisites
#
# *gpt* for the decoder as a whole. The parts, which come back here as you wrote them: `split_heads`, `merge_heads`,
# `GroupedQueryAttention` (*multi_head*), `rope_frequencies`, `apply_rope` (*positional_encoding*), `SwiGLU`,
# `parameter_share` (*feed_forward*), `RMSNorm` (*layer_norm_comparison*), `scaled_dot_product_attention`, `sample`
# (*language_models*).
#
# Letters: `B` sequences in a batch, `T` tokens that are new in this call, `S` tokens with those in the cache (S = T
# without one), `D` width, `H` query heads, `G` heads of keys and values, `d` = D / H width of a head, `F` width of the
# hidden layer, `V` words in the vocabulary.

# %%
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
from torch import Tensor, nn

from autograder import check
from autograder.parts.feed_forward import Architecture, SwiGLU, parameter_share
from autograder.parts.language_models import sample
from autograder.parts.layer_norm_comparison import RMSNorm
from autograder.parts.multi_head import GroupedQueryAttention, kv_cache_bytes, merge_heads, split_heads
from autograder.parts.positional_encoding import apply_rope, rope_frequencies
from autograder.parts.scaled_dot_product import scaled_dot_product_attention

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # one thread is steadier to measure; for speed alone, give PyTorch all cores

# %% [markdown]
# ## 1 · Do not compute it twice
#
# A decoder writes one token at a time. To write the next one it needs the keys and values of *all* tokens so far, in
# every layer. But those of earlier tokens do not change: the mask forbids them to look at what came later, so a new
# token makes no difference to them. Whoever runs the whole text through the model for each new token computes the same
# numbers again and again.
#
# **Before you run the next cell:** a prompt of 6 tokens, 10 more to write. How many times does a token go through the
# model without a memory, and how many times with one?

# %% demo="work" alt="Two grids of steps by tokens: without a cache a staircase is filled, with it a thin line."
PROMPT, NEW = 6, 10
steps, tokens = np.arange(NEW)[:, None], np.arange(PROMPT + NEW - 1)
grids = {"without a cache": tokens < PROMPT + steps,
         "with a cache": (tokens == PROMPT + steps - 1) | (steps == 0) & (tokens < PROMPT)}
figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), sharey=True, layout="constrained")
for ax, (name, grid) in zip(axes, grids.items(), strict=True):
    sns.heatmap(grid, ax=ax, cmap="Greys", vmin=0, vmax=1.6, cbar=False, linewidths=1, linecolor="lightgrey",
                yticklabels=range(1, NEW + 1))
    ax.set(title=f"{name}: {grid.sum()} tokens computed", xlabel="token (0 to 5: the prompt)")
    ax.tick_params(axis="both", labelrotation=0)
axes[0].set_ylabel("which new token is written")
plt.show()

# %% [markdown]
# The left picture grows with the square of the length, the right one in proportion to it. Two things are needed for
# the right one: a place to keep keys and values, and an attention that uses it.
#
# The place, first. One forward pass brings the new keys and values of T tokens (the whole prompt in the first pass, one
# token in the later ones) to each layer in turn, from the first to the last. Each layer adds its own and gets back all
# that it has, old and new. So a cache is one growing pair of tensors for each layer.
#
# **`KVCache(num_layers, max_len)`** ★★☆☆☆ · 15 minutes
#
# | | | meaning |
# |---|---|---|
# | `num_layers` | int | layers are numbered 0 … `num_layers` − 1 |
# | `max_len` | int | as many tokens fit, in each layer |
# | `append(layer, k, v)` | (B, G, T, d) each → two of (B, G, S, d) | adds the keys and values of T new tokens to those of `layer`, and returns all of that layer, oldest first |
# | `length` | int | the number of tokens that **every** layer holds (a property: read without brackets): 0 at first; while a pass is under way, as before it |
#
# `append` raises a `ValueError` if the tokens do not fit, and then leaves the cache as it was. B, G, d, dtype and
# device are those of the first `k` and `v`: the cache need not know them beforehand.
#
# Two ways are open to you: join old and new with `torch.cat`, which copies the old ones each time; or make room for
# `max_len` tokens at the first call and write into it, which takes the memory at once. Servers do neither and hand out
# the memory in small pages (Kwon et al. 2023).
#
# <details><summary>Hint 1</summary>Which two lists, with one entry for each layer, does the cache need? What stands in
# them before anything has come?</details>
# <details><summary>Hint 2</summary>Tokens are axis 2 of (B, G, T, d). Find out whether the new ones fit before anything
# is stored.</details>
# <details><summary>Hint 3</summary>In a pass the last layer is served last. So <code>length</code> is what the last
# layer holds: with <code>@property</code> it can be read off whenever it is asked for.</details>

# %% exercise="KVCache" minutes=15 level=2
class KVCache:
    """The keys and values of the tokens so far, for every layer of a model.

    max_len: as many tokens fit. length: how many every layer holds.   Pope et al. 2022, §2.1
    """

    def __init__(self, num_layers: int, max_len: int) -> None:
        ### BEGIN SOLUTION
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers
        ### END SOLUTION

    @property
    def length(self) -> int:
        """How many tokens every layer holds."""
        ### BEGIN SOLUTION
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]  # the last layer is served last
        ### END SOLUTION

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add keys and values of new tokens, (B, G, T, d) each, to a layer. Returns all of that layer, (B, G, S, d).

        Raises ValueError, and stores nothing, if they do not fit.
        """
        ### BEGIN SOLUTION
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)  # (B, G, S, d)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v
        ### END SOLUTION


# %% check="KVCache: old and new, in order" points=2
cache = KVCache(1, 10)
k, v = check.randn(2, 3, 5, 4, seed=1), check.randn(2, 3, 5, 4, seed=2)
check.equal(cache.length, 0, hint="an empty cache has length 0")
first_k, first_v = cache.append(0, k[:, :, :3], v[:, :, :3])
check.close(first_k, torch.stack(k[:, :, :3].unbind(2), dim=2),
            hint="the first chunk comes back as it is: keys first, values second")
check.close(first_v, torch.stack(v[:, :, :3].unbind(2), dim=2),
            hint="the values of the first chunk: append returns keys first, values second")
check.equal(cache.length, 3, hint="three tokens were appended to the only layer: axis 2 counts tokens")
cache.append(0, k[:, :, 3:4], v[:, :, 3:4])
all_k, all_v = cache.append(0, k[:, :, 4:], v[:, :, 4:])
check.shape(all_k, (2, 3, 5, 4), hint="3 tokens, then 1, then 1: append returns all five, along axis 2")
check.close(all_k, torch.cat([k[:, :, :2], k[:, :, 2:]], dim=2), hint="oldest first, newest last, along axis 2")
check.close(all_v, torch.cat([v[:, :, :2], v[:, :, 2:]], dim=2), hint="the values: oldest first, newest last")
exact = KVCache(1, 7)
k, v = check.randn(1, 2, 6, 3, seed=3).double() / 3, check.randn(1, 2, 6, 3, seed=4).double() / 3
exact.append(0, k[:, :, :1], v[:, :, :1])
all_k, all_v = exact.append(0, k[:, :, 1:], v[:, :, 1:])
check.close(all_k, torch.cat([k[:, :, :2], k[:, :, 2:]], dim=2), atol=1e-12, rtol=0,
            hint="float64 stays float64: take the dtype of k and v")
check.close(all_v, torch.cat([v[:, :, :2], v[:, :, 2:]], dim=2), atol=1e-12, rtol=0,
            hint="float64 stays float64: take the dtype of k and v")
### BEGIN HIDDEN TESTS
cache2 = KVCache(1, 7)
k2, v2 = check.randn(3, 1, 6, 2, seed=9), check.randn(3, 1, 6, 2, seed=10)
cache2.append(0, k2[:, :, :4], v2[:, :, :4])
all_k2, all_v2 = cache2.append(0, k2[:, :, 4:], v2[:, :, 4:])
check.close(all_k2, torch.cat([k2[:, :, :2], k2[:, :, 2:]], dim=2), hint="four keys, then two: oldest first")
check.close(all_v2, torch.cat([v2[:, :, :2], v2[:, :, 2:]], dim=2), hint="four values, then two: oldest first")
### END HIDDEN TESTS

# %% check="KVCache: every layer has its own, and length waits for the last" points=2
cache = KVCache(3, 10)
k, v = check.randn(1, 2, 4, 3, seed=5), check.randn(1, 2, 4, 3, seed=6)
lengths = []
for layer in (0, 1, 2):
    keys, values = cache.append(layer, k[:, :, :3] + layer, v[:, :, :3] - layer)
    lengths.append(cache.length)
check.equal(lengths, [0, 0, 3], hint="length is what every layer holds: it grows when the last layer has been served")
cache.append(0, k[:, :, 3:], v[:, :, 3:])
keys, values = cache.append(1, k[:, :, 3:], v[:, :, 3:])
check.equal(cache.length, 3, hint="in the middle of the second pass the last layer still holds 3 tokens")
check.close(keys, torch.cat([k[:, :, :3] + 1, k[:, :, 3:]], dim=2), hint="layer 1 returns what layer 1 was given")
check.close(values, torch.cat([v[:, :, :3] - 1, v[:, :, 3:]], dim=2), hint="layer 1 returns what layer 1 was given")
other = KVCache(3, 10)
check.equal([other.length, cache.length], [0, 3], hint="a new cache is empty: keep the lists on self, not on the class")
### BEGIN HIDDEN TESTS
keys, values = other.append(1, k[:, :, :2], v[:, :, :2])
check.close(keys, torch.stack(k[:, :, :2].unbind(2), dim=2), hint="two caches have nothing to do with each other")
deep = KVCache(3, 2)
keys, values = deep.append(2, k[:, :, :2], v[:, :, :2])
check.close(values, torch.stack(v[:, :, :2].unbind(2), dim=2), hint="three layers, with room for two tokens in each")
### END HIDDEN TESTS

# %% check="KVCache: what does not fit is refused and leaves no trace" points=1
cache = KVCache(1, 4)
k, v = check.randn(1, 2, 5, 3, seed=7), check.randn(1, 2, 5, 3, seed=8)
cache.append(0, k[:, :, :3], v[:, :, :3])
check.raises(lambda: cache.append(0, k[:, :, 3:], v[:, :, 3:]), ValueError, hint="3 and 2 tokens in a cache for 4")
check.equal(cache.length, 3, hint="after the refusal the cache is as before: find out first, store afterwards")
keys, values = cache.append(0, k[:, :, 3:4], v[:, :, 3:4])
check.close(keys, torch.cat([k[:, :, :2], k[:, :, 2:4]], dim=2), hint="one more does fit: max_len tokens are allowed")
check.close(values, torch.cat([v[:, :, :2], v[:, :, 2:4]], dim=2), hint="the values after a refusal: as before")
check.raises(lambda: KVCache(2, 4).append(0, k, v), ValueError, hint="5 tokens at once do not fit in an empty cache of 4")
half = KVCache(2, 4)
half.append(0, k[:, :, :3], v[:, :, :3])
check.raises(lambda: half.append(0, k[:, :, 3:], v[:, :, 3:]), ValueError,
             hint="max_len holds in each layer: layer 0 has 3 tokens, while the last, and so length, has none")
### BEGIN HIDDEN TESTS
check.raises(lambda: cache.append(0, k[:, :, :1], v[:, :, :1]), ValueError, hint="a full cache takes no more")
### END HIDDEN TESTS

# %% [markdown]
# ## 2 · Attention that rotates and remembers
#
# `GroupedQueryAttention` has the right matrices: `w_q`, `w_k`, `w_v`, `w_o`, no biases, G heads of keys and values.
# Three things are added.
#
# 1. **Rotation.** Queries and keys are rotated by their positions (`apply_rope`), head by head. Values are not: a value
#    is what is passed on, and where it came from is a matter of the scores.
# 2. **Memory.** The rotated keys and the values of the new tokens go into the cache, and all of them come back. A key is
#    rotated once, when it is new; its position never changes.
# 3. **A mask that is not square.** T queries look at S keys.
#
# The cache keeps G heads, not H. Repeating them for the query heads comes after it, or grouping saves nothing.

# %%
# Given: a cache without a memory, which notes the shapes of the keys that it is handed. For the checks.
class Notes:
    def __init__(self):
        self.shapes, self.length = [], 0

    def append(self, layer, k, v):
        self.shapes.append(list(k.shape))
        return k, v


# %% [markdown]
# **`LlamaAttention(d_model, num_heads, num_kv_heads)`**, a subclass of `GroupedQueryAttention`, whose `__init__` it
# keeps. You write `forward(x, cos, sin, mask=None, cache=None, layer=0)`. ★★★☆☆ · 20 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, T, D) | the new tokens |
# | `cos`, `sin` | (T, d / 2) | the rows of the tables that belong to the positions of these T tokens |
# | `mask` | bool, broadcastable to (B, T, S) | True = may attend, for all heads; None: everything may be attended to |
# | `cache` | `KVCache` or None | holds S − T tokens already |
# | `layer` | int | which layer of the cache is ours |
# | `out` | (B, T, D) | |
# | `weights` | (B, H, T, S) | returned beside `out` |
#
# `self.num_heads` and `self.num_kv_heads` are there. Query head h reads KV head h // (H / G).
#
# <details><summary>Hint 1</summary>Write the shapes down, line by line: (B, T, D), projected, split, rotated, (with a
# cache) S instead of T, repeated, attended, merged, projected. Which two of the three are rotated?</details>
# <details><summary>Hint 2</summary><code>apply_rope</code> works on (…, T, d): split into heads first, so that every
# head is rotated by itself. Then <code>cache.append</code>, then <code>repeat_interleave</code>.</details>
# <details><summary>Hint 3</summary>As in <code>GroupedQueryAttention</code>, the mask gets an axis for the heads,
# <code>mask.unsqueeze(-3)</code>, and <code>repeat_interleave(H // G, dim=1)</code> repeats each KV head for its
# neighbouring query heads.</details>

# %% exercise="LlamaAttention" minutes=20 level=3
class LlamaAttention(GroupedQueryAttention):
    """Grouped-query attention with rotated queries and keys, and a memory.

    Parameters as in GroupedQueryAttention: w_q, w_k, w_v, w_o, without biases. Touvron et al. 2023, §2.2
    """

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        """Let T new tokens attend to each other and, with a cache, to those in its given layer before them.

        x: (B, T, D)   cos, sin: (T, d / 2), for the positions of these tokens   mask: bool, broadcastable to (B, T, S),
        True = may attend. Returns out (B, T, D) and weights (B, H, T, S); S counts the new tokens and the cached ones.
        """
        ### BEGIN SOLUTION
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)  # (B, H, T, d)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)  # (B, G, T, d)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)  # (B, G, T, d) -> (B, G, S, d)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))  # (B, G, S, d) -> (B, H, S, d)
        if mask is not None:
            mask = mask.unsqueeze(-3)  # (B, 1, T, S): the same for every head
        out, weights = scaled_dot_product_attention(q, k, v, mask)  # (B, H, T, d), (B, H, T, S)
        return self.w_o(merge_heads(out)), weights  # (B, T, D)
        ### END SOLUTION


# %% check="LlamaAttention: without rotation, grouped-query attention" points=1
layer = check.fill(LlamaAttention(24, 6, 2))
theirs = check.fill(GroupedQueryAttention(24, 6, 2))
x = check.randn(3, 4, 24, seed=21)
expected, expected_weights = theirs(x, torch.ones(4, 4).tril().bool())
out, weights = layer(x, torch.ones(4, 2), torch.zeros(4, 2), torch.ones(4, 4).tril().bool())  # cos = 1, sin = 0
check.shape(weights, (3, 6, 4, 4), hint="return out and weights; the weights have an axis for the H query heads")
check.close(weights, expected_weights,
            hint="cos = 1 and sin = 0 change nothing: q and k as in GroupedQueryAttention, causal mask handed on")
check.close(out, expected, hint="the weights are right, out is not: values from w_v, repeated, merged, w_o last")
three = check.fill(LlamaAttention(12, 3, 1))  # 3 sequences, 3 tokens, 3 heads: a mask in the wrong place raises no error
x = check.randn(3, 3, 12, seed=25)
real = torch.tensor([1, 1, 0, 1, 0, 1, 1, 1, 1]).view(3, 1, 3).bool()
expected, expected_weights = check.fill(GroupedQueryAttention(12, 3, 1))(x, real)
out, weights = three(x, torch.ones(3, 2), torch.zeros(3, 2), real)
check.close(weights, expected_weights, hint="a mask (B, 1, S) belongs to sequences: an axis for the heads, before T and S")
### BEGIN HIDDEN TESTS
layer2 = check.fill(LlamaAttention(12, 3, 3))
x2 = check.randn(2, 5, 12, seed=22)
expected2, expected_weights2 = check.fill(GroupedQueryAttention(12, 3, 3))(x2)
out2, weights2 = layer2(x2, torch.ones(5, 2), torch.zeros(5, 2))
check.close(out2, expected2, hint="no mask, as many KV heads as query heads")
check.close(weights2, expected_weights2, hint="no mask: every position is attended to")
### END HIDDEN TESTS

# %% check="LlamaAttention: queries and keys are rotated, values are not" points=2
layer = check.fill(LlamaAttention(24, 6, 2))
x = check.randn(2, 4, 24, seed=23)
expected, expected_weights = check.fill(GroupedQueryAttention(24, 6, 2))(x)
out, weights = layer(x, torch.full((4, 2), 0.6), torch.full((4, 2), 0.8))  # the same angle at every position
check.close(weights, expected_weights,
            hint="turned by the same angle, q and k have the dot products they had: rotate both, each head by itself")
check.close(out, expected, hint="the weights are right, out is not: values are not rotated")
small = check.fill(LlamaAttention(8, 2, 1))
x = check.randn(1, 3, 8, seed=31)
cos, sin = rope_frequencies(3, 4, base=100.0)
out, weights = small(x, cos, sin, torch.ones(3, 3).tril().bool())
check.close(weights[0], torch.tensor([[[1, 0, 0], [0.71793, 0.28207, 0], [0.45423, 0.31377, 0.23200]],
                                      [[1, 0, 0], [0.49876, 0.50124, 0], [0.19710, 0.37089, 0.43201]]]), atol=2e-5,
            hint="transformers' numbers: both q and k rotated by cos and sin after the split, before the scores")
check.close(out[0], torch.tensor(
    [[0.63146, -0.06659, 0.00442, 0.04679, -0.18877, 0.07154, 1.24040, 0.69005],
     [0.49676, -0.84438, -0.17677, -1.05009, -1.40158, 0.80519, 2.60795, 1.26751],
     [0.17047, -0.98295, -0.13693, -1.61510, -1.30895, 0.54409, 2.63288, 0.86604]]), atol=2e-5,
            hint="transformers' numbers; the weights are right, out is not: values are not rotated, w_o comes last")
### BEGIN HIDDEN TESTS
x2 = check.randn(2, 5, 8, seed=32)
cos2, sin2 = rope_frequencies(5, 4, base=100.0)
out2, weights2 = small(x2, cos2, sin2, torch.ones(5, 5).tril().bool())
check.close(weights2[1, 1, 4], torch.tensor([0.19910, 0.12208, 0.24669, 0.22198, 0.21014]), atol=2e-5,
            hint="five tokens: each position has its own row of cos and sin")
### END HIDDEN TESTS

# %% check="LlamaAttention: in two chunks, through a cache" points=2
layer = check.fill(LlamaAttention(8, 2, 1))
x = check.randn(2, 5, 8, seed=32)
cos, sin = rope_frequencies(5, 4, base=100.0)
causal = torch.ones(5, 5).tril().bool()
cache = KVCache(2, 8)
layer(x[:, :3], cos[:3], sin[:3], causal[:3, :3], cache, 1)
out, weights = layer(x[:, 3:4], cos[3:4], sin[3:4], None, cache, 1)
check.shape(weights, (2, 2, 1, 4), hint="one new token looks at four: use what cache.append returns, old and new")
cache = KVCache(2, 8)
layer(x[:, :3], cos[:3], sin[:3], causal[:3, :3], cache, 1)
out, weights = layer(x[:, 3:], cos[3:], sin[3:], causal[3:], cache, 1)
check.close(weights[1, 1, 1], torch.tensor([0.19910, 0.12208, 0.24669, 0.22198, 0.21014]), atol=2e-5,
            hint="as in one pass: a key goes into the cache rotated, is not rotated again; append returns keys first")
check.close(out[1, 1], torch.tensor([-0.37917, -0.15423, 0.05566, -0.32813, -0.24478, 0.11238, -0.44904, -0.37979]),
            atol=2e-5, hint="the weights are right, out is not: values go through the cache too, unrotated")
check.equal(cache.length, 5, hint="layer=1 is the second layer of the cache: hand the number on, append once a pass")
notes = Notes()
layer(x, cos, sin, causal, notes, 1)
check.equal(notes.shapes, [[2, 1, 5, 4]], hint="the cache keeps the one KV head: repeat for the query heads after it")
### BEGIN HIDDEN TESTS
cache2 = KVCache(1, 8)
for t in range(5):
    out2, weights2 = layer(x[:, t : t + 1], cos[t : t + 1], sin[t : t + 1], None, cache2)
check.close(out2[1, 0], torch.tensor([-0.37917, -0.15423, 0.05566, -0.32813, -0.24478, 0.11238, -0.44904, -0.37979]),
            atol=2e-5, hint="token by token, without a mask: the newest token may look at everything before it")
### END HIDDEN TESTS

# %% check="LlamaAttention: gradients reach the input" points=1
x = check.randn(2, 4, 24, seed=24).requires_grad_()
y = check.randn(2, 4, 24, seed=24).requires_grad_()
out, weights = check.fill(LlamaAttention(24, 6, 2))(x, torch.full((4, 2), 0.6), torch.full((4, 2), 0.8))
check.equal(out.requires_grad, True, hint="nothing can flow back from out: no detach and no no_grad in forward")
(out.pow(2).sum() + weights.pow(2).sum()).backward()
expected, expected_weights = check.fill(GroupedQueryAttention(24, 6, 2))(y)
(expected.pow(2).sum() + expected_weights.pow(2).sum()).backward()
check.close(x.grad, y.grad, atol=1e-4, hint="the gradient of x is wrong: PyTorch throughout, no detach, no no_grad")

# %% [markdown]
# **Before you run the next cell:** the cache holds four tokens, and a chunk of three comes. Which weights must be zero,
# and where does the first row of the picture end?

# %% demo="chunk" alt="Heatmap of 3 queries by 7 keys: the four cached are open to all, the rest a small triangle."
layer, x = check.fill(LlamaAttention(8, 2, 1)), torch.randn(1, 7, 8, generator=torch.Generator().manual_seed(0))
cos, sin = rope_frequencies(7, 4)
causal, cache = torch.ones(7, 7).tril().bool(), KVCache(1, 7)
with torch.no_grad():
    layer(x[:, :4], cos[:4], sin[:4], causal[:4, :4], cache)
    _, weights = layer(x[:, 4:], cos[4:], sin[4:], causal[4:], cache)  # (1, H, 3, 7)
    _, whole = layer(x, cos, sin, causal)
figure, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
sns.heatmap(weights[0, 0], ax=ax, cmap="Greys", vmin=0, vmax=1, annot=True, fmt=".2f", cbar=False, linewidths=1,
            linecolor="lightgrey", yticklabels=[4, 5, 6])
ax.axvline(4, color="black", linewidth=2)
ax.set(title="weights of a chunk of three (left of the line: from the cache)", xlabel="key at position",
       ylabel="query at position")
ax.tick_params(axis="y", labelrotation=0)
plt.show()
print(f"largest difference from one pass over all seven: {(weights - whole[:, :, 4:]).abs().max():.0e}")

# %% [markdown]
# The mask of a chunk is the lower part of the square one. For a single token it is one row of True, so it could be left
# out; for a chunk it is needed.
#
# ## 3 · The block
#
# Two parts, each with a norm before it, each added to the stream (pre-norm: *layer_norm_comparison*):
#
# $$h = x + \text{Attention}(\text{RMSNorm}_1(x)) \qquad y = h + \text{SwiGLU}(\text{RMSNorm}_2(h))$$
#
# In transformers' code the two norms are called `input_layernorm` and `post_attention_layernorm`. The second name has
# misled many a note into a norm *after* the attention layer. It stands after attention in time, but what it normalises
# is the *input of the feed-forward layer*, and the stream itself is never normalised. We name the norms after what
# they serve.
#
# **`LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps=1e-5)`**, an `nn.Module`. You write `__init__` and
# `forward(x, cos, sin, mask=None, cache=None, layer=0)`, which returns (B, T, D) alone. ★★☆☆☆ · 10 minutes
#
# | attribute | what |
# |---|---|
# | `attention_norm` | `RMSNorm(d_model, eps)`, before attention |
# | `attention` | `LlamaAttention` |
# | `feed_forward_norm` | `RMSNorm(d_model, eps)`, before the feed-forward layer |
# | `feed_forward` | `SwiGLU(d_model, d_ff)` |
#
# <details><summary>Hint 1</summary><code>__init__</code> makes the four of the table. <code>forward</code> has two
# lines, one for each formula.</details>
# <details><summary>Hint 2</summary><code>LlamaAttention</code> returns two things, out and weights. The sum needs the
# first.</details>
# <details><summary>Hint 3</summary>The second line starts from h: both its norm and the sum. All of cos, sin, mask,
# cache and layer go to attention as they are.</details>

# %% exercise="LlamaBlock" minutes=10 level=2
class LlamaBlock(nn.Module):
    """A decoder block: attention and feed-forward layer, each normalised before and added afterwards.

    Parts: attention_norm, attention, feed_forward_norm, feed_forward; no biases. Touvron et al. 2023, §2.2
    """

    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)
        ### END SOLUTION

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        """x: (B, T, D); the rest is for `LlamaAttention`. Returns (B, T, D)."""
        ### BEGIN SOLUTION
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))
        ### END SOLUTION


# %% check="LlamaBlock: four parts and no biases" points=1
block = LlamaBlock(8, 2, 1, 6)
check.equal(sorted(dict(block.named_parameters())),
            ["attention.w_k.weight", "attention.w_o.weight", "attention.w_q.weight", "attention.w_v.weight",
             "attention_norm.weight", "feed_forward.down.weight", "feed_forward.gate.weight", "feed_forward.up.weight",
             "feed_forward_norm.weight"],
            hint="attention_norm, attention, feed_forward_norm, feed_forward, as in the table; no biases anywhere")
check.shape(block.attention.w_k.weight, (4, 8), hint="one KV head of width 4: hand num_heads and num_kv_heads on")
check.shape(block.feed_forward.up.weight, (6, 8), hint="d_ff is the width of the hidden layer, here 6")
### BEGIN HIDDEN TESTS
check.equal(sum(p.numel() for p in LlamaBlock(12, 3, 1, 7).parameters()), 660,
            hint="2 · 12 · 12 + 2 · 12 · 4 in attention, 3 · 12 · 7 in the feed-forward layer, 2 · 12 in the norms")
### END HIDDEN TESTS

# %% check="LlamaBlock: what each branch adds to the stream" points=1
block = check.fill(LlamaBlock(8, 2, 1, 6))
x = check.randn(1, 3, 8, seed=41)
cos, sin = rope_frequencies(3, 4, base=100.0)
block.attention.w_o.weight.data.zero_()  # attention is silent: the feed-forward branch alone
theirs = check.fill(nn.ModuleDict({"feed_forward": SwiGLU(8, 6), "feed_forward_norm": RMSNorm(8, 1e-5)}))
check.close(block(x, cos, sin), x + theirs["feed_forward"](theirs["feed_forward_norm"](x)),
            hint="with attention silenced: x plus the feed-forward layer of the normalised x, by feed_forward_norm")
block.feed_forward.down.weight.data.zero_()  # both are silent
check.close(block(x, cos, sin), torch.stack(x.unbind(1), dim=1),
            hint="with both branches silenced x passes unchanged: the stream itself is not normalised")

# %% check="LlamaBlock: as transformers'" points=2
block = check.fill(LlamaBlock(8, 2, 1, 6))
x = check.randn(1, 3, 8, seed=41)
cos, sin = rope_frequencies(3, 4, base=100.0)
out = block(x, cos, sin, torch.ones(3, 3).tril().bool())
check.close(out[0], torch.tensor([
    [0.12465, -0.30694, -1.46904, -0.16736, 0.63457, -1.91297, 0.45378, 1.87623],
    [-1.48039, -1.59996, -0.87104, 1.80586, 0.31965, 0.32867, 1.14085, -0.61329],
    [0.16326, 0.28932, 0.08586, -0.08067, -0.59038, 0.94745, -0.64386, 0.63643]]), atol=3e-5,
            hint="attention first; the feed-forward layer reads, and is added to, what attention has left; mask handed on")
wide = check.fill(LlamaBlock(8, 2, 1, 6, eps=0.5))
out = wide(x, cos, sin, torch.ones(3, 3).tril().bool())
check.close(out[0, 2], torch.tensor([0.19525, 0.26933, -0.08283, -0.07292, -0.57532, 1.00596, -0.71439, 0.58452]),
            atol=3e-5, hint="eps=0.5 belongs to both norms: RMSNorm(d_model, eps); the default of RMSNorm is another")
### BEGIN HIDDEN TESTS
cos2, sin2 = rope_frequencies(4, 4, base=100.0)
out2 = block(check.randn(2, 4, 8, seed=42), cos2, sin2, torch.ones(4, 4).tril().bool())
check.close(out2[1, 3], torch.tensor([-1.46136, -0.54387, 0.09235, 0.85803, 0.04602, 2.53505, -1.73120, 0.73244]),
            atol=3e-5, hint="two sequences of four tokens")
### END HIDDEN TESTS

# %% check="LlamaBlock: the cache and the layer reach attention" points=1
block = check.fill(LlamaBlock(8, 2, 1, 6))
x = check.randn(2, 4, 8, seed=42)
cos, sin = rope_frequencies(4, 4, base=100.0)
cache = KVCache(3, 8)
for t in range(4):
    out = block(x[:, t : t + 1], cos[t : t + 1], sin[t : t + 1], cache=cache, layer=2)
check.close(out[1, 0], torch.tensor([-1.46136, -0.54387, 0.09235, 0.85803, 0.04602, 2.53505, -1.73120, 0.73244]),
            atol=3e-5, hint="token by token through the cache: hand cache on to attention")
check.equal(cache.length, 4, hint="layer=2 is the last of three layers of the cache: hand layer on to attention")

# %% [markdown]
# ## 4 · The model
#
# Embeddings in, blocks, a last norm, and a matrix that turns a vector of width D into V logits. No table of positions is
# added anywhere: position is in the rotation. Two things need care.
#
# **Where are we?** Without a cache the T tokens stand at positions 0 … T − 1. With one they continue behind the cached
# ones: `start = cache.length`. The rows of cos and sin must be those of the true positions, and query t (at `start + t`)
# may look at all keys up to and including itself. Look the length up before the blocks run, for they change it.
#
# **What moves with the model?** The tables of cos and sin are no parameters, and need not be saved. They are *buffers*:
# `register_buffer(name, tensor, persistent=False)` lets them move to the GPU with the model and keeps them out of its
# file. Whatever you make in `forward` has to be made on the device of `ids`. (Keep the tables in float32. Train in
# bfloat16 with `torch.autocast`, which leaves them alone; `model.bfloat16()` would round the angles too.)
#
# A **tied** model uses the embedding matrix a second time as its output matrix: the same parameter under two names.
#
# **`Llama(vocab_size, d_model, num_heads, num_kv_heads, num_layers, d_ff, max_seq_len, rope_base=10000.0, eps=1e-5,
# tied=False)`**, an `nn.Module`. You write most of `__init__`, and `forward(ids, cache=None, mask=None)`.
# ★★★☆☆ · 20 minutes
#
# | attribute | what |
# |---|---|
# | `embedding` | `nn.Embedding(V, D)` |
# | `blocks` | `nn.ModuleList` of `num_layers` `LlamaBlock`s |
# | `norm` | `RMSNorm(d_model, eps)`, before the output |
# | `head` | `nn.Linear` from D to V without bias; if `tied`, `head.weight` **is** `embedding.weight` |
# | `cos`, `sin` | buffers, not persistent, (`max_seq_len`, d / 2), from `rope_frequencies` with base `rope_base` |
#
# | | shape | meaning |
# |---|---|---|
# | `ids` | (B, T), int64 | the new tokens |
# | `cache` | `KVCache` or None | the tokens before them; block number i uses layer i |
# | `mask` | bool, broadcastable to (B, T, S), or None | in addition to the causal rule, for padding: True = may attend; leave each query at least one key |
# | result | (B, T, V) | logits; row t is about the token after `ids[:, t]` |
#
# More than `max_seq_len` tokens, the cached ones counted, raise a `ValueError`. The last lines of `__init__`, which set
# all matrices to normal numbers with standard deviation 0.02, are given.
#
# <details><summary>Hint 1</summary>In <code>forward</code>, first find out where the new tokens begin and end:
# <code>start</code> and <code>end = start + T</code>. Rows of the tables, mask and error follow from these two.</details>
# <details><summary>Hint 2</summary>The causal rule for a chunk: <code>places = torch.arange(end, device=ids.device)</code>
# are the keys' places, and <code>places[start:, None]</code> those of the queries, as a column. Compare.</details>
# <details><summary>Hint 3</summary>Two masks are joined by <code>&</code>. <code>enumerate(self.blocks)</code> gives each
# block its number in the cache. Tying is an assignment: <code>self.head.weight = self.embedding.weight</code>.</details>

# %% exercise="Llama" minutes=20 level=3
class Llama(nn.Module):
    """A decoder-only language model: RMSNorm, rotated positions, grouped queries, SwiGLU, no biases.

    Parts: embedding, blocks, norm, head (its weight is the embedding's if tied). Buffers, kept in float32: cos, sin.
    Touvron et al. 2023, §2.2
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)  # (max_seq_len, d / 2) each
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        ### END SOLUTION
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        """Score every word as the next one, after each of T tokens that continue those in the cache.

        ids: (B, T), int64. mask: bool, broadcastable to (B, T, S), True = may attend, beside the causal rule. Returns
        logits (B, T, V). Raises ValueError if S, the new tokens and the cached ones, exceeds max_seq_len.
        """
        ### BEGIN SOLUTION
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]  # (T, S): keys up to the query's own place
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)  # (B, T, D)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))  # (B, T, V)
        ### END SOLUTION


# %% check="Llama: the parts, and what is saved" points=1
model = Llama(5, 8, 2, 1, 2, 6, max_seq_len=16, rope_base=100.0)
check.equal(sorted(name for name, part in model.named_children()), ["blocks", "embedding", "head", "norm"],
            hint="embedding, blocks, norm and head; cos and sin are buffers")
check.equal(sum(p.numel() for p in model.parameters()), 792,
            hint="5 · 8 in embedding and head each, two blocks of 352, 8 in the last norm; head without bias")
check.equal([len(model.state_dict()), "blocks.1.attention.w_q.weight" in model.state_dict()], [21, True],
            hint="two blocks of nine parameters, embedding, norm, head. cos and sin: register_buffer, persistent=False")
check.close(model.cos, rope_frequencies(16, 4, 100.0)[0], hint="rope_frequencies(max_seq_len, d, rope_base): d = D / H")
check.close(model.sin, rope_frequencies(16, 4, 100.0)[1], hint="the sines are a buffer of their own, model.sin")
check.equal(sorted(name for name, buffer in model.named_buffers()), ["cos", "sin"],
            hint="an ordinary attribute stays behind when the model moves to the GPU: self.register_buffer(…)")
### BEGIN HIDDEN TESTS
check.close(Llama(5, 12, 3, 3, 1, 6, 9).cos, rope_frequencies(9, 4)[0], hint="rope_base is 10000 unless given")
### END HIDDEN TESTS

# %% check="Llama: the logits of transformers' Llama" points=2
model = check.fill(Llama(5, 8, 2, 1, 2, 6, max_seq_len=32))
logits = model(torch.tensor([[4, 0, 3]]))
check.shape(logits, (1, 3, 5), hint="logits for every position and every word: (B, T, V)")
check.close(logits[0, 0], torch.tensor([0.34154, -0.25942, -0.49024, -0.13745, -0.34292]), atol=3e-5,
            hint="the first token sees itself alone: mask handed to each block? If so: embeddings, blocks, last norm, head?")
check.close(logits[0, 1:], torch.tensor([[-0.47503, -0.45918, -0.27083, -0.27158, 0.10127],
                                         [0.34910, -0.60553, -0.50310, 0.29998, 0.35853]]), atol=3e-5,
            hint="the first row is right, later ones are not: causal mask, True = may attend? cos and sin from row 0 on?")
### BEGIN HIDDEN TESTS
model2 = check.fill(Llama(9, 16, 4, 2, 2, 10, max_seq_len=32, rope_base=100.0))
logits2 = model2(torch.tensor([[4, 0, 3], [1, 7, 2]]))
check.close(logits2[0, 2], torch.tensor([-0.04186, 0.17322, -0.12671, 0.33135, 0.34278, -0.44429, 0.11624, 0.12689,
                                         0.90284]), atol=3e-5, hint="four query heads, two KV heads, base 100")
### END HIDDEN TESTS

# %% check="Llama: tied, with another base and another eps" points=1
model = check.fill(Llama(6, 12, 3, 3, 1, 7, max_seq_len=32, rope_base=50.0, eps=0.01, tied=True))
check.equal(sorted(name for name, parameter in model.named_parameters() if "blocks" not in name),
            ["embedding.weight", "norm.weight"], hint="tied: head.weight is embedding.weight itself, not a copy of it")
logits = model(torch.tensor([[5, 1, 2, 2]]))
check.close(logits[0, 0], torch.tensor([1.05418, 2.02004, 0.38376, 1.52938, -0.90814, 1.70167]), atol=5e-5,
            hint="the first position: tied output, and eps=0.01 for the blocks and for the last norm")
check.close(logits[0, 3], torch.tensor([0.10834, 1.21106, 0.28979, 0.52696, 0.23645, 0.63951]), atol=5e-5,
            hint="the last position: rope_base=50 goes to rope_frequencies, with d = D / H = 4")

# %% check="Llama: with a cache, in chunks and token by token" points=2
model = check.fill(Llama(5, 8, 2, 1, 2, 6, max_seq_len=32))
ids = torch.tensor([[4, 0, 3]])
cache = KVCache(2, 8)
model(ids[:, :1], cache)
check.equal(cache.length, 1, hint="one token has gone through: block i appends to layer i of the cache, once")
later = model(ids[:, 1:], cache)
check.close(later[0], torch.tensor([[-0.47503, -0.45918, -0.27083, -0.27158, 0.10127],
                                    [0.34910, -0.60553, -0.50310, 0.29998, 0.35853]]), atol=3e-5,
            hint="a chunk of two behind one: rows of cos and sin from cache.length on; query t sees keys 0 … start + t")
steps = KVCache(2, 8)
model(ids[:, :1], steps)
model(ids[:, 1:2], steps)
last = model(ids[:, 2:], steps)
check.close(last[0, 0], torch.tensor([0.34910, -0.60553, -0.50310, 0.29998, 0.35853]), atol=3e-5,
            hint="token by token: is cache.length looked up before the blocks run? A single token sees all before it")
### BEGIN HIDDEN TESTS
model2 = check.fill(Llama(6, 12, 3, 3, 1, 7, max_seq_len=32, rope_base=50.0, eps=0.01, tied=True))
cache2 = KVCache(1, 4)
model2(torch.tensor([[5, 1, 2]]), cache2)
check.close(model2(torch.tensor([[2]]), cache2)[0, 0],
            torch.tensor([0.10834, 1.21106, 0.28979, 0.52696, 0.23645, 0.63951]), atol=5e-5, hint="three, then one")
### END HIDDEN TESTS

# %% check="Llama: a mask for padding, beside the causal one" points=1
model = check.fill(Llama(5, 8, 2, 1, 2, 6, max_seq_len=32))
ids = torch.tensor([[4, 0, 3, 1], [2, 2, 1, 0]])
real = torch.tensor([1, 1, 1, 1, 1, 1, 0, 1]).view(2, 1, 4).bool()  # the third token of the second sequence is none
logits = model(ids, mask=real)
check.close(logits[0, 1:3], torch.tensor([[-0.47503, -0.45918, -0.27083, -0.27158, 0.10127],
                                          [0.34910, -0.60553, -0.50310, 0.29998, 0.35853]]), atol=3e-5,
            hint="the first sequence has no padding: the mask comes on top of the causal rule, joined by &")
check.close(logits[1, 3], torch.tensor([-0.96614, -0.40141, 0.10638, -0.13803, 0.59328]), atol=3e-5,
            hint="the second sequence must not see its token 2: hand the joined mask to every block")

# %% check="Llama: too long, and on which device" points=1
model = check.fill(Llama(5, 8, 2, 1, 2, 6, max_seq_len=3))
check.close(model(torch.tensor([[4, 0, 3]]))[0, 2], torch.tensor([0.34910, -0.60553, -0.50310, 0.29998, 0.35853]),
            atol=3e-5, hint="three tokens with max_seq_len=3 are not too long")
check.raises(lambda: model(torch.tensor([[4, 0, 3, 1]])), ValueError, hint="four tokens, the tables end after three")
cache = KVCache(2, 8)
model(torch.tensor([[4, 0]]), cache)
check.raises(lambda: model(torch.tensor([[3, 1]]), cache), ValueError, hint="two in the cache and two new ones are four")
check.equal(cache.length, 2, hint="refuse before the blocks run: the cache must be as it was")
elsewhere = Llama(5, 8, 2, 1, 2, 6, max_seq_len=8).to("meta")  # a device on which nothing is computed but shapes
check.equal(list(elsewhere(torch.tensor([[4, 0, 3]]).to("meta")).shape), [1, 3, 5],
            hint="make what you make in forward on the device of ids: torch.arange(…, device=ids.device)")

# %% check="Llama: gradients reach every layer" points=1
model = check.fill(Llama(5, 8, 2, 1, 2, 6, max_seq_len=32))
logits = model(torch.tensor([[4, 0, 3]]))
check.equal(logits.requires_grad, True,
            hint="nothing can flow back from the logits: no detach and no no_grad in forward")
logits.pow(2).sum().backward()
without = [name for name, parameter in model.named_parameters() if parameter.grad is None]
check.equal(", ".join(without), "",
            hint="parameters that got no gradient: is something detached on the way from them?")
grads = [model.blocks[0].attention.w_q.weight.grad.norm(), model.blocks[0].attention.w_k.weight.grad.norm(),
         model.blocks[0].attention.w_v.weight.grad.norm(), model.blocks[0].attention.w_o.weight.grad.norm()]
check.close(torch.stack(grads), torch.tensor([0.29982, 0.29401, 6.76527, 6.58066]), atol=1e-3,
            hint="gradients of the first block's attention: no detach and no no_grad in forward")
check.close(model.embedding.weight.grad.norm(), 8.66393, atol=1e-3,
            hint="the gradient of the embedding: no detach on the way from it")

# %% [markdown]
# ## 5 · A trained model in your class
#
# SmolLM2-135M-Instruct (Allal et al. 2025) was trained on 2 trillion tokens and fine-tuned to chat. The next cell opens
# its file, 98 MB on your disk (the first run fetches it). Without a network a small random model of the same structure
# stands in, and a line says so; then everything below still runs, and what it says means nothing.
#
# The file is of llama.cpp's format, GGUF. Most of its matrices are stored in 4 bits a number, and are unpacked to
# float32 here. The names are those of transformers' `LlamaForCausalLM`.

# %% demo="open" alt="A list of the settings, the names of the weights and their sizes in the file and in memory."
from internals.real_models import load_smollm2 as open_smollm2

smollm2 = open_smollm2()
WEIGHTS, CONFIG = smollm2.weights, smollm2.config
numbers = sum(weight.numel() for weight in WEIGHTS.values())
for name, value in CONFIG.items():
    print(f"{name:24} {value}")
for name in list(WEIGHTS)[:10]:
    print(f"{name:50} {tuple(WEIGHTS[name].shape)}")
print(f"{len(WEIGHTS)} tensors, {numbers:,} numbers: {4 * numbers / 1e6:.0f} MB as float32")

# %% [markdown]
# The tensors are all there; only the names differ, and one more thing.
#
# ### The rows of queries and keys
#
# RoPE turns pairs of features. Which two make a pair is a convention: the paper, and Meta's code, pair 2i with 2i + 1
# (*interleaved*); transformers, and your `apply_rope`, pair i with i + d / 2 (*half-split*). A dot product does not care
# about the order of features, as long as queries and keys have the same. But the rotation must find the right pairs. So
# whoever converts weights from one convention to the other reorders the *rows* of the query and key matrices, head by
# head, once and for all. GGUF files hold the rows interleaved.
#
# `internals.real_models`, which has opened the file for us, has put them in order already. For you to do it once
# yourself, the next cell takes queries and keys from the file again, untouched. On the left of the picture a head with
# d = 8; on the right the first head of SmolLM2's first key matrix, d = 64, each row of the file against the row of
# `WEIGHTS` that holds the same numbers.
#
# **Before you run it:** to which place does row 1 of the file belong?

# %% demo="rows" alt="Rows in the file against their places: even rows to the first half, odd rows to the second."
STORED = dict(WEIGHTS)  # the same, but the rows of queries and keys as in the file
if smollm2.real:
    from gguf import GGUFReader, dequantize

    from autograder import data

    reader = GGUFReader(data.load("smollm2"))
    for tensor in reader.tensors:
        if tensor.name.endswith(("attn_q.weight", "attn_k.weight")):  # blk.3.attn_q.weight
            _, number, part, _ = tensor.name.split(".")
            values = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
            STORED[f"model.layers.{number}.self_attn.{part[-1]}_proj.weight"] = values
else:
    for name, weight in WEIGHTS.items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            STORED[name] = weight.unflatten(0, (-1, 2, CONFIG["head_dim"] // 2)).transpose(1, 2).reshape(weight.shape)

name, d = "model.layers.0.self_attn.k_proj.weight", CONFIG["head_dim"]
same = (STORED[name][:d, None] == WEIGHTS[name][None, :d]).all(-1)  # (d, d): row of the file, row of ours
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), width_ratios=[1, 1.2], layout="constrained")
pairs = np.array([np.arange(8) // 2, np.arange(8) % 4]).T
members = np.array([[f"pair {pair}, {'first' if row % 2 == 0 else 'second'}" for row, pair in enumerate(pairs[:, 0])],
                    [f"pair {pair}, {'first' if row < 4 else 'second'}" for row, pair in enumerate(pairs[:, 1])]]).T
sns.heatmap(pairs, ax=axes[0], cmap="Greys", vmin=-0.5, vmax=6, annot=members, fmt="", cbar=False, linewidths=1,
            linecolor="white", xticklabels=["in the file", "needed"])
axes[0].set(title="a head with d = 8", ylabel="row of the head")
axes[0].tick_params(axis="y", labelrotation=0)
axes[1].plot(*same.nonzero().T, "o", color="black", markersize=4)
axes[1].set(title=f"SmolLM2, keys of layer 0, head 0, d = {d}", xlabel="row in the file", ylabel="row that it should be")
plt.show()

# %% [markdown]
# Partners are neighbours in the file and d / 2 apart in ours: even rows fill the first half of the head, odd rows the
# second.
#
# ### Loading
#
# | theirs | yours |
# |---|---|
# | `model.embed_tokens.weight` | `embedding.weight` |
# | `model.layers.3.input_layernorm.weight` | `blocks.3.attention_norm.weight` |
# | `model.layers.3.self_attn.q_proj.weight`, also `k_proj`, `v_proj`, `o_proj` | `blocks.3.attention.w_q.weight`, also `w_k`, `w_v`, `w_o` |
# | `model.layers.3.post_attention_layernorm.weight` | `blocks.3.feed_forward_norm.weight` |
# | `model.layers.3.mlp.gate_proj.weight`, also `up_proj`, `down_proj` | `blocks.3.feed_forward.gate.weight`, also `up`, `down` |
# | `model.norm.weight` | `norm.weight` |
# | `lm_head.weight`, only where not tied | `head.weight` |
#
# `Module.load_state_dict(state)` copies tensors by name into a model. It is *strict*: a name that is missing or unknown
# is an error, and so is a wrong shape. Keep it so. A tied model has `head.weight` in its `state_dict` too. (A check shows
# the first line of an error alone. To see which names `load_state_dict` misses or does not know, write
# `load_smollm2(small_weights(), SMALL)` in a cell of your own below the exercise.)

# %%
# Given: settings of a small model, and weights for it under transformers' names. For the checks.
SMALL = {"vocab_size": 11, "hidden_size": 16, "intermediate_size": 6, "num_hidden_layers": 2, "num_attention_heads": 2,
         "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 12, "rms_norm_eps": 0.01,
         "rope_theta": 100.0, "tie_word_embeddings": True}


def small_weights(tied=True):
    """Weights by transformers' names; matrices are (out, in)."""
    D, F = SMALL["hidden_size"], SMALL["intermediate_size"]
    shapes = {"model.embed_tokens": (11, D), "model.norm": (D,)} | ({} if tied else {"lm_head": (11, D)})
    for i in range(2):
        shapes |= {f"model.layers.{i}.{part}": shape for part, shape in {
            "input_layernorm": (D,), "self_attn.q_proj": (D, D), "self_attn.k_proj": (8, D),
            "self_attn.v_proj": (8, D), "self_attn.o_proj": (D, D), "post_attention_layernorm": (D,),
            "mlp.gate_proj": (F, D), "mlp.up_proj": (F, D), "mlp.down_proj": (D, F)}.items()}
    return {f"{name}.weight": check.randn(*shape, seed=i) / 2 for i, (name, shape) in enumerate(shapes.items())}


# %% [markdown]
# **`load_smollm2(weights, config, interleaved=False)`** ★★★☆☆ · 15 minutes
#
# | | | meaning |
# |---|---|---|
# | `weights` | dict from transformers' names to tensors | left as they are; if one is missing, an error |
# | `config` | dict | `vocab_size`, `hidden_size` (D), `num_attention_heads` (H), `num_key_value_heads` (G), `num_hidden_layers`, `intermediate_size` (F), `max_position_embeddings`, `rope_theta` (the base), `rms_norm_eps`, `tie_word_embeddings` |
# | `interleaved` | bool | True: the rows of the query and key matrices are stored interleaved, and have to be reordered |
# | result | `Llama` | with these weights and these settings |
#
# Interleaved, the rows of *one* head belong to the features 0, d/2, 1, d/2 + 1, 2, …: as (pair, first or second). Needed
# is 0, 1, 2, …, first all the firsts and then all the seconds.
#
# <details><summary>Hint 1</summary>Three steps: make a <code>Llama</code> from the settings; make a dict with your
# names; <code>load_state_dict</code>. For the names, a short dict of pieces and <code>str.replace</code> go a long
# way.</details>
# <details><summary>Hint 2</summary>Rows: <code>unflatten</code> axis 0, of H·d (or G·d) rows, into (heads, d / 2, 2).
# Which two axes have to change places before it is flattened again?</details>
# <details><summary>Hint 3</summary><code>weight.unflatten(0, (-1, d // 2, 2)).transpose(1, 2).reshape(weight.shape)</code>
# does it for queries and keys alike. If <code>model.norm</code> is replaced by <code>norm</code>, nothing else happens
# to be hit. Where tied, give the state a <code>"head.weight"</code> as well.</details>

# %% exercise="load_smollm2" minutes=15 level=3
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    """Make a Llama of a model's settings and weights, as transformers names them.

    weights: of `LlamaForCausalLM`, left unchanged. config: transformers' names. interleaved: the rows of query and key
    matrices are stored with the features 2i and 2i + 1 of a head as a pair, as in GGUF files, and are to be reordered.
    """
    ### BEGIN SOLUTION
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))  # (heads, d / 2, 2, D)
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model
    ### END SOLUTION


# %% check="load_smollm2: every tensor at its place" points=2
model = load_smollm2(small_weights(), SMALL)
check.close(model.embedding.weight, small_weights()["model.embed_tokens.weight"], hint="embed_tokens is embedding")
check.close(model.blocks[1].attention.w_q.weight, small_weights()["model.layers.1.self_attn.q_proj.weight"],
            hint="q_proj of layer 1 is blocks.1.attention.w_q, as it is: its rows are not interleaved here")
check.close(model.blocks[1].attention.w_k.weight, small_weights()["model.layers.1.self_attn.k_proj.weight"],
            hint="k_proj is w_k")
check.close(model.blocks[1].attention.w_v.weight, small_weights()["model.layers.1.self_attn.v_proj.weight"],
            hint="v_proj is w_v")
check.close(model.blocks[1].attention.w_o.weight, small_weights()["model.layers.1.self_attn.o_proj.weight"],
            hint="o_proj is w_o")
check.close(model.blocks[0].attention_norm.weight, small_weights()["model.layers.0.input_layernorm.weight"],
            hint="input_layernorm stands before attention: attention_norm")
check.close(model.blocks[0].feed_forward_norm.weight, small_weights()["model.layers.0.post_attention_layernorm.weight"],
            hint="post_attention_layernorm stands before the feed-forward layer: feed_forward_norm")
check.close(model.blocks[0].feed_forward.gate.weight, small_weights()["model.layers.0.mlp.gate_proj.weight"],
            hint="gate_proj is gate, up_proj is up")
check.close(model.norm.weight, small_weights()["model.norm.weight"], hint="model.norm is norm")
check.close(model.head.weight, small_weights()["model.embed_tokens.weight"], hint="tied: head is the embedding again")
short = {name: weight for name, weight in small_weights().items() if name != "model.layers.1.mlp.up_proj.weight"}
check.raises(lambda: load_smollm2(short, SMALL), Exception,
             hint="a tensor is missing, and the model keeps random numbers in its place: leave load_state_dict strict")

# %% check="load_smollm2: the settings, and the same logits" points=2
model = load_smollm2(small_weights(), SMALL)
check.equal([len(model.blocks), model.blocks[0].attention.num_heads, model.blocks[0].attention.num_kv_heads], [2, 2, 1],
            hint="num_hidden_layers, num_attention_heads and num_key_value_heads of config, in Llama's order")
check.close(model.cos, rope_frequencies(12, 8, 100.0)[0],
            hint="max_position_embeddings rows of width d / 2, with base rope_theta")
logits = model(torch.tensor([[3, 1, 4, 1, 5]]))
check.close(logits[0, 4], torch.tensor([0.30998, 1.06367, 0.46373, 0.01768, -0.05706, -0.88666, -0.76068, 1.01088,
                                        -1.06989, -0.75370, -1.10662]), atol=1e-4,
            hint="transformers' logits: rms_norm_eps and rope_theta of config, and every tensor in its place")
### BEGIN HIDDEN TESTS
again = {"max_position_embeddings": 30, "rms_norm_eps": 0.3, "rope_theta": 7.0}
logits2 = load_smollm2(small_weights(), SMALL | again)(torch.tensor([[9, 2, 6]]))
check.close(logits2[0, 2], torch.tensor([-0.72056, -1.76077, -0.71743, 0.41742, 0.23584, 1.02717, -0.34003, -1.66038,
                                         -0.25543, 0.26709, -0.00854]), atol=1e-4,
            hint="another eps and another base: take every setting from config")
### END HIDDEN TESTS

# %% check="load_smollm2: interleaved rows are reordered, head by head" points=2
stored = small_weights()
stored["model.layers.0.self_attn.q_proj.weight"] = check.arange(16.0).view(16, 1).expand(16, 16)
stored["model.layers.1.self_attn.k_proj.weight"] = check.arange(8.0).view(8, 1).expand(8, 16)
model = load_smollm2(stored, SMALL, interleaved=True)
check.equal(model.blocks[0].attention.w_q.weight[:, 0].tolist(),
            [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0, 8.0, 10.0, 12.0, 14.0, 9.0, 11.0, 13.0, 15.0],
            hint="row numbers of 2 heads with d = 8: within each head first rows 0, 2, 4, 6, then rows 1, 3, 5, 7")
check.equal(model.blocks[1].attention.w_k.weight[:, 0].tolist(), [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0],
            hint="keys too; their matrix has fewer heads, each of the same width d = hidden_size / num_attention_heads")
check.close(model.blocks[0].attention.w_v.weight, small_weights()["model.layers.0.self_attn.v_proj.weight"],
            hint="values are not rotated, so their rows stay as they are")
check.equal(stored["model.layers.1.self_attn.k_proj.weight"][:, 0].tolist(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            hint="leave the dict that you were given, and its tensors, as they are")
check.equal([len(stored), "head.weight" in stored, "lm_head.weight" in stored], [20, False, False],
            hint="leave the dict that you were given as it is: put the new names into a dict of your own")

# %% check="load_smollm2: tied or not" points=1
model = load_smollm2(small_weights(), SMALL)
check.equal(len(list(model.parameters())), 20, hint="tied: head.weight is embedding.weight, one parameter, not two")
own = load_smollm2(small_weights(tied=False), SMALL | {"tie_word_embeddings": False})
check.equal(len(list(own.parameters())), 21, hint="tie_word_embeddings is False: the head has a matrix of its own")
check.close(own.head.weight, small_weights(tied=False)["lm_head.weight"], hint="lm_head is head")
check.close(own(torch.tensor([[3, 1, 4]]))[0, 2], torch.tensor(
    [-1.25237, 0.24064, -1.75984, -0.07412, 1.37886, 0.45761, 0.78855, 1.40496, 0.43923, 1.01031, -0.91040]), atol=1e-4,
            hint="transformers' logits with a head of its own")

# %% [markdown]
# **Before you run the next cell:** what follows *The capital of France is*? And by how much may your logits differ from
# those of the course's own forward pass, which is tested against transformers? (The largest of them are about 30.)

# %% demo="paris" alt="Bars: the five likeliest next tokens; Paris leads with a probability of 0.77."
started = time.perf_counter()
model = load_smollm2(STORED, CONFIG, interleaved=True).eval()
print(f"made and filled in {time.perf_counter() - started:.1f} s")
if smollm2.real:
    from tokenizers import decoders

    VOCABULARY = reader.fields["tokenizer.ggml.tokens"].contents()


def text_of(ids):
    """Token ids as text."""
    return decoders.ByteLevel().decode([VOCABULARY[i] for i in ids]) if smollm2.real else " ".join(map(str, ids))


@torch.no_grad()
def next_probabilities(prompt):
    """The probability of every token after a prompt: (V,)."""
    return model(torch.tensor([smollm2.ids(prompt)]))[0, -1].softmax(-1)


chances, best = next_probabilities("The capital of France is").topk(5)
figure, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
ax.bar_label(ax.barh([repr(text_of([i])) for i in best.tolist()], chances, color="0.4"), fmt="%.3f", padding=3)
ax.invert_yaxis()
ax.set(title="The capital of France is …", xlabel="probability", xlim=(0, 1))
ax.grid(axis="y", visible=False)
plt.show()

PROMPTS = ["The capital of France is", "The opposite of hot is", "One, two, three,", "Once upon a time",
           "Water freezes at zero degrees", "def add(a, b):\n    return", "The sun rises in the", "2 + 2 =",
           "My name is Anna. I am pleased to meet you. Again, my name is", "naïve 🎉 日本"]
with torch.no_grad():
    for prompt in PROMPTS:
        states = smollm2.hidden_states(prompt)[1][-1]  # (n, D), after the last norm
        theirs = states @ WEIGHTS["model.embed_tokens.weight"].T
        ours = model(torch.tensor([smollm2.ids(prompt)]))[0]
        print(f"{prompt!r:64} next {text_of([ours[-1].argmax().item()])!r:12} logits up to {theirs.abs().max():4.1f}, "
              f"largest difference {(ours - theirs).abs().max():.0e}")

# %% [markdown]
# A model that somebody else has trained runs in code that you have written, to the last digits that float32 has.
#
# ### How it would have looked had one thing been wrong
#
# Everything below has the right shapes and raises no error. Each variant is measured in three ways: the probability of
# *Paris*; the mean surprise (cross-entropy in nats per token; lower is better) over a short text; and the largest
# difference of a logit from the course's own forward pass on this text.
#
# - *rows as in the file*: the reordering forgotten;
# - *base 10,000*: the usual base of RoPE, where this model has 100,000;
# - *every position 0*: what happens when each cached step starts again at position 0;
# - *values rotated too*;
# - *KV heads in turn*: query head h reads KV head h mod G, instead of h // (H / G);
# - *norms exchanged*: the two norms of each block;
# - *gate and up exchanged* in the feed-forward layer.
#
# **Before you run the next cell:** which of them are deadly? Would you have noticed each of them from *Paris* alone?

# %% demo="mistakes" alt="Bars for eight variants: three mistakes leave Paris likely; the logits betray every one."
PASSAGE = ("The old lighthouse stands on a rock above the bay. Every evening at six the keeper climbs the stairs, all "
           "one hundred and twelve of them, and lights the lamp. In summer the ships pass far out, and nobody needs "
           "the light. In winter the fog comes in from the sea, and then the keeper stays awake until morning.")
passage = torch.tensor([smollm2.ids(PASSAGE)])
PARIS = smollm2.ids(" Paris")[0]


true_logits = smollm2.hidden_states(PASSAGE)[1][-1] @ WEIGHTS["model.embed_tokens.weight"].T


@torch.no_grad()
def measure():
    """The probability of Paris; on the passage nats per token, and the largest difference of a logit."""
    logits = model(passage)[0]
    surprise = nn.functional.cross_entropy(logits[:-1], passage[0, 1:])
    paris = next_probabilities("The capital of France is")[PARIS]
    return paris.item(), surprise.item(), (logits - true_logits).abs().max().item()


def set_attention(change):
    """Set every block's query, key and output matrices to what change(name, weight) makes of the right ones."""
    for number, block in enumerate(model.blocks):
        for part in "qko":
            name = f"model.layers.{number}.self_attn.{part}_proj.weight"
            getattr(block.attention, f"w_{part}").weight.data.copy_(change(name, WEIGHTS[name]))


def exchange(first, second):
    """Let two parts of every block change places; again, and they are back."""
    for block in model.blocks:
        for owner in (block, block.feed_forward):
            if hasattr(owner, first):
                one, other = getattr(owner, first), getattr(owner, second)
                setattr(owner, first, other)
                setattr(owner, second, one)


def in_turn(name, weight):
    """Seat the query heads so that head h reads KV head h mod G."""
    H, G = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"]
    order = torch.arange(H).view(-1, G).T.flatten()
    if "q_proj" in name:
        return weight.unflatten(0, (H, -1))[order].flatten(0, 1)
    return weight.unflatten(1, (H, -1))[:, order].flatten(1, 2) if "o_proj" in name else weight


def rotate_values(module, inputs, output):
    """Rotate what w_v puts out, (B, T, G·d)."""
    v = split_heads(output, CONFIG["num_key_value_heads"])
    return merge_heads(apply_rope(v, model.cos[: v.shape[2]], model.sin[: v.shape[2]]))


right_cos, right_sin = model.cos.clone(), model.sin.clone()
found = {"right": measure()}
set_attention(lambda name, weight: STORED[name])
found["rows as in the file"] = measure()
set_attention(in_turn)
found["KV heads in turn"] = measure()
set_attention(lambda name, weight: weight)
model.cos, model.sin = rope_frequencies(len(right_cos), CONFIG["head_dim"], 10_000.0)
found["base 10,000"] = measure()
model.cos, model.sin = right_cos[:1].expand_as(right_cos), right_sin[:1].expand_as(right_sin)
found["every position 0"] = measure()
model.cos, model.sin = right_cos, right_sin
hooks = [block.attention.w_v.register_forward_hook(rotate_values) for block in model.blocks]
found["values rotated too"] = measure()
for hook in hooks:
    hook.remove()
for first, second in (("attention_norm", "feed_forward_norm"), ("gate", "up")):
    exchange(first, second)
    found["norms exchanged" if first != "gate" else "gate and up exchanged"] = measure()
    exchange(first, second)
assert measure() == found["right"]  # all is back in its place

found = dict(sorted(found.items(), key=lambda item: item[1][1]))  # by surprise
figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), sharey=True, layout="constrained")
for ax, column, title, label in ((axes[0], 0, "one famous prompt", "probability of Paris"),
                                 (axes[1], 1, f"a text of {passage.shape[1]} tokens", "surprise [nats per token]"),
                                 (axes[2], 2, "the same text", "largest difference of a logit")):
    bars = ax.barh(list(found), [values[column] for values in found.values()],
                   color=["0.2" if name == "right" else "0.65" for name in found])
    ax.bar_label(bars, fmt="%.2g" if column == 2 else "%.2f", padding=3)
    ax.set(title=title, xlabel=label)
    ax.margins(x=0.22)
    ax.grid(axis="y", visible=False)
axes[2].set(xscale="log", xlim=(1e-6, 2e4))
axes[0].invert_yaxis()
plt.show()

# %% [markdown]
# *Paris* is a poor test. With the base of another model, with the rows left in the file's order, even with rotated
# values it is hardly less likely than before: five tokens are a short way, and this fact seems to need little order. On
# a text the last two cost more than a nat per token. The wrong base costs a tenth of a nat even there. With every token
# at position 0 a quarter is left for *Paris*, and a text suffers badly; with heads, norms or gates mixed up there is no
# model any more.
#
# The logits betray every one of them. Right is below 10⁻⁴, wrong is 4 or more, with nothing in between. Whoever loads
# weights into new code should compare *numbers* with a trusted implementation, and never a single answer.
#
# ## 6 · Writing
#
# `generate` writes token by token. Without a cache it shows the model the whole text in each step. With a cache it shows
# it the prompt once, and from then on only the token that it has written last.

# %% tags=["export"]
# Given: the plainest way to choose.
def greedy(logits: Tensor) -> Tensor:
    """The likeliest token. logits: (B, V). Returns ids (B,)."""
    return logits.argmax(dim=-1)


# %%
# Given: a model to practise on. Its next token is the sum of all tokens so far, modulo 7; `shown` notes how many tokens
# it was shown in each call.
class Practice:
    def __init__(self):
        self.shown = []

    def __call__(self, ids, cache=None):
        self.shown.append(ids.shape[1])
        known = ids[:, None, :, None].float()  # (B, 1, T, 1)
        if cache is not None:
            known, _ = cache.append(0, known, known)  # (B, 1, S, 1)
        total = known[:, 0, :, 0].cumsum(1)[:, -ids.shape[1] :] % 7  # (B, T)
        return -((torch.arange(7) - total[..., None] - 0.25) ** 2)  # (B, T, 7)


# Given: an odd way to choose. It needs logits: probabilities are all above -5.
def near(logits):
    """How many tokens have a logit above -5. logits: (B, V). Returns ids (B,)."""
    return (logits > -5).sum(dim=1)


# %% [markdown]
# **`generate(model, ids, length, cache=None, choose=greedy)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `model` | called as `model(ids)` or `model(ids, cache)` | returns logits (B, T, V) |
# | `ids` | (B, T), int64 | the prompt, at least one token; left unchanged |
# | `length` | int | how many tokens to write |
# | `cache` | `KVCache`, empty, or None | None: show the whole text in each step |
# | `choose` | function from logits (B, V) to ids (B,) | `greedy`, above, unless given |
# | result | (B, T + `length`) | the prompt and what was written |
#
# <details><summary>Hint 1</summary>One loop serves both cases. In each round the model is shown either everything or
# what it has not seen yet.</details>
# <details><summary>Hint 2</summary>Only the logits of the last position matter: <code>[:, -1]</code>. The chosen ids,
# (B,), need an axis of length 1 before they can be joined to (B, T).</details>
# <details><summary>Hint 3</summary>Keep two tensors: <code>ids</code>, which grows, and <code>fresh</code>, which is
# shown: the prompt at first; then <code>ids</code> without a cache, the new column with one.</details>

# %% exercise="generate" minutes=10 level=2
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    """Continue a batch of sequences token by token.

    ids: (B, T), int64. cache: an empty one, or None to show the model the whole text in each step. choose: from logits
    (B, V) to ids (B,). Returns (B, T + length).
    """
    ### BEGIN SOLUTION
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]  # (B, V)
        following = choose(logits)[:, None]  # (B, 1)
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids
    ### END SOLUTION


# %% check="generate: the prompt and what follows" points=1
practice = Practice()
prompt = torch.tensor([[1, 2, 3], [0, 0, 5]])
out = generate(practice, prompt, 4)
check.equal(out, torch.tensor([[1, 2, 3, 6, 5, 3, 6], [0, 0, 5, 5, 3, 6, 5]]),
            hint="each new token is the argmax of the last position's logits, joined to the text")
check.equal(practice.shown, [3, 4, 5, 6], hint="without a cache the model is shown the whole text in each of 4 steps")
check.equal(prompt.tolist(), [[1, 2, 3], [0, 0, 5]], hint="leave the prompt as it is")
### BEGIN HIDDEN TESTS
check.equal(generate(Practice(), torch.tensor([[2]]), 3), torch.tensor([[2, 2, 4, 1]]), hint="a prompt of one token")
check.equal(generate(Practice(), torch.tensor([[2, 4]]), 0), torch.tensor([[2, 4]]), hint="length 0: the prompt alone")
### END HIDDEN TESTS

# %% check="generate: with a cache only the new token is shown" points=2
practice = Practice()
out = generate(practice, torch.tensor([[1, 2, 3], [0, 0, 5]]), 4, KVCache(1, 20))
check.equal(practice.shown, [3, 1, 1, 1], hint="the prompt once, then one token at a time; pass the cache to the model")
check.equal(out, torch.tensor([[1, 2, 3, 6, 5, 3, 6], [0, 0, 5, 5, 3, 6, 5]]), hint="with a cache: the same tokens")
### BEGIN HIDDEN TESTS
practice2 = Practice()
out2 = generate(practice2, torch.tensor([[2]]), 3, cache=KVCache(1, 4))
check.equal(practice2.shown, [1, 1, 1], hint="a prompt of one token with a cache")
check.equal(out2, torch.tensor([[2, 2, 4, 1]]), hint="a prompt of one token with a cache")
### END HIDDEN TESTS

# %% check="generate: another way to choose" points=1
out = generate(Practice(), torch.tensor([[1, 2, 3], [0, 1, 1]]), 3, choose=partial(torch.argmin, dim=1))
check.equal(out, torch.tensor([[1, 2, 3, 0, 0, 0], [0, 1, 1, 6, 6, 6]]),
            hint="choose is handed the last position's logits, (B, V), and returns the ids, (B,)")
out = generate(Practice(), torch.tensor([[1, 2, 3], [0, 1, 1]]), 3, choose=near)
check.equal(out, torch.tensor([[1, 2, 3, 2, 4, 3], [0, 1, 1, 4, 2, 4]]),
            hint="choose is handed logits as the model gives them: no softmax")
### BEGIN HIDDEN TESTS
out2 = generate(Practice(), torch.tensor([[2, 3]]), 2, KVCache(1, 9), choose=partial(torch.argmin, dim=-1))
check.equal(out2, torch.tensor([[2, 3, 0, 0]]), hint="choose and a cache together")
### END HIDDEN TESTS

# %% check="generate: your Llama, with and without a cache" points=1
llama = check.fill(Llama(9, 16, 4, 2, 2, 10, max_seq_len=32, rope_base=100.0))
out = generate(llama, torch.tensor([[4, 0, 3]]), 10)
check.equal(out, torch.tensor([[4, 0, 3, 8, 8, 6, 8, 6, 8, 2, 1, 6, 8]]), hint="transformers' tokens, greedy")
cached = generate(llama, torch.tensor([[4, 0, 3]]), 10, KVCache(2, 16))
check.same(cached, out, hint="with a cache the same tokens: each step shows one token, at its true position")

# %% [markdown]
# **Before you run the next cell:** 24 tokens from SmolLM2, once without and once with the cache. Will the tokens be
# identical? By what factor will the times differ?

# %% demo="identical" alt="The text written with and without a cache, whether identical, and the times and memory."
prompt = torch.tensor([smollm2.ids("The capital of France is")])
written, spent = {}, {}
for name, cache in (("without", None), ("with", KVCache(CONFIG["num_hidden_layers"], 64))):
    started = time.perf_counter()
    written[name] = generate(model, prompt, 24, cache)
    spent[name] = time.perf_counter() - started
print(text_of(written["with"][0].tolist()))
print(f"identical tokens: {torch.equal(written['without'], written['with'])}")
print(f"24 tokens: {spent['without']:.1f} s without, {spent['with']:.1f} s with the cache "
      f"({24 / spent['with']:.0f} tokens per second, {torch.get_num_threads()} thread): "
      f"{spent['without'] / spent['with']:.1f} times faster")
per_token = kv_cache_bytes(CONFIG["num_hidden_layers"], CONFIG["num_key_value_heads"], CONFIG["head_dim"], 1,
                           bytes_per_number=4)
print(f"weights {4 * sum(p.numel() for p in model.parameters()) / 1e6:.0f} MB in float32"
      + (f", {data.load('smollm2').stat().st_size / 1e6:.0f} MB in the file" if smollm2.real else "")
      + f"; cache {per_token / 1024:.0f} KiB per token, {per_token * 8192 / 1e6:.0f} MB for the full context of 8,192")
try:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"peak memory of this process so far: {peak / 1e9:.1f} GB, with PyTorch, the weights as read and as loaded")
except ImportError:  # Windows
    print("peak memory: not known on this system")

# %% [markdown]
# The tokens are identical, as they must be. The factor is modest because the text is short. It grows with the context:
#
# **Before you run the next cell:** draw both curves in your mind, up to 512 tokens.

# %% demo="speed" alt="Time of one token against context: recomputing grows, with the cache it stays nearly level."
@torch.no_grad()
def seconds(call, repeats):
    """The shortest of several runs."""
    spent = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        spent.append(time.perf_counter() - started)
    return min(spent)


contexts = [16, 64, 128, 256, 512]
text = torch.randint(0, CONFIG["vocab_size"], (1, 512), generator=torch.Generator().manual_seed(0))
cache, recomputed, cached = KVCache(CONFIG["num_hidden_layers"], 600), [], []
for n in contexts:
    with torch.no_grad():
        model(text[:, cache.length : n - 1], cache)  # fill up to one token less than n
        steps = []
        for _ in range(3):  # the cache grows by one each time: near enough to n
            started = time.perf_counter()
            model(text[:, :1], cache)
            steps.append(time.perf_counter() - started)
    cached.append(min(steps))
    recomputed.append(seconds(lambda n=n: model(text[:, :n]), 2 if n < 500 else 1))
    print(f"{n:4} tokens: {1000 * recomputed[-1]:6.0f} ms without, {1000 * cached[-1]:4.0f} ms with the cache, "
          f"{recomputed[-1] / cached[-1]:4.1f} times")
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.plot(contexts, recomputed, "s--", color="0.5", label="whole text again")
ax.plot(contexts, cached, "o-", color="black", label="one token and the cache")
ax.set(title="Time for one more token, SmolLM2", xlabel="context [tokens]", ylabel="time [s]", ylim=(0, None))
ax.legend()
plt.show()

# %% [markdown]
# In our run 2 times faster at 16 tokens, 19 times at 512. Recomputing grows at first in proportion to the context, then
# faster, as attention's share grows. With the cache nearly all of the time goes into reading the weights from memory,
# half a gigabyte for every token; the cache itself adds a fifth at 512 tokens. (Your layer copies keys and values twice
# on the way, once in `torch.cat` and once in `repeat_interleave`, which a faster implementation avoids.)
#
# ### Reading is cheaper than writing
#
# Even with the cache every pass reads all weights, be it for a single token or for a chunk of many. What does a
# larger chunk cost? The next cell measures chunks of 1, 2, 4, … tokens, each behind an empty cache. Reading a prompt
# (*prefill*) is one large chunk; writing (*decode*) is chunks of one.
#
# **Before you run it:** tokens per second in a chunk of 128, compared with chunks of one: the same, 4 times, 20 times?

# %% demo="prefill" alt="Tokens per second against the size of a chunk: rises steeply at first, then levels off."
sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256]
rates = [n / seconds(lambda n=n: model(text[:, :n], KVCache(CONFIG["num_hidden_layers"], n)), 3) for n in sizes]
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.loglog(sizes, rates, "o-", color="black", label="measured")
ax.loglog(sizes, rates[0] * np.array(sizes), ":", color="0.4", label="if a chunk took as long as one token")
ax.set(title="SmolLM2 reads a chunk", xlabel="tokens in the chunk", ylabel="tokens per second")
ax.set_xticks(sizes, [str(n) for n in sizes])
ax.set_yticks([10, 20, 50, 100, 200, 500, 1000, 2000], ["10", "20", "50", "100", "200", "500", "1,000", "2,000"])
ax.set_ylim(min(rates) / 1.5, 4 * max(rates))
ax.minorticks_off()
ax.legend()
plt.show()
print("tokens per second: " + ", ".join(f"{n}: {rate:.0f}" for n, rate in zip(sizes, rates, strict=True)))
print(f"chunks of 1: {rates[0] * 4 * numbers / 1e9:.1f} GB of weights read per second, "
      f"{rates[0] * 2 * numbers / 1e9:.0f} GFLOPs per second; "
      f"chunks of {sizes[-1]}: {rates[-1] * 2 * numbers / 1e9:.0f} GFLOPs per second")

# %% [markdown]
# In our run 16 tokens per second one by one and more than 360 in chunks of 128: over 20 times as many. A pass reads all
# weights from memory once, for one token as for a hundred. With one token the processor waits for the memory, and does
# two operations for each number that it has fetched; with a hundred it does two hundred, and is busy. So writing is
# limited by memory, reading by arithmetic (Pope et al. 2022), on a GPU even more than here. It is the reason why the
# providers of large models charge more for the tokens that a model writes than for those that it reads, and why servers
# let many conversations write at the same time: their tokens share one reading of the weights.
#
# ### Talking to it
#
# SmolLM2-Instruct was fine-tuned on conversations, written in a format of its own with special tokens: `<|im_start|>`,
# the speaker, a line break, the words, `<|im_end|>`. The tokenizer knows these, so the format is a matter of writing a
# string. The next cell asks the bare question, then asks in the format, and chooses greedily or with `sample` (from
# *language_models*).
#
# **Before you run the next cell:** what will the model do with a bare question?

# %% demo="chat" alt="Three continuations of a question: bare, in the chat format greedy, and sampled."
QUESTION = "Why is the sky blue?"
CHAT = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"


def sampler(temperature, seed):
    """A way to choose: draw from softmax(logits / temperature)."""
    generator = torch.Generator().manual_seed(seed)
    return lambda logits: sample(logits, torch.rand(len(logits), generator=generator), temperature)


for name, prompt, choose in (("bare, greedy", QUESTION, greedy), ("chat, greedy", CHAT, greedy),
                             ("chat, sampled", CHAT, sampler(1.0, 0))):
    ids = torch.tensor([smollm2.ids(prompt)])
    out = generate(model, ids, 32, KVCache(CONFIG["num_hidden_layers"], 128), choose)
    answer = text_of(out[0, ids.shape[1] :].tolist()).split("<|im_end|>")[0]
    print(f"{name:14} {answer!r}")

# %% [markdown]
# The bare question is over, as far as the model is concerned: its likeliest next token is `<|im_end|>`, and nothing is
# left to print. In the format it answers, fluently. Whether what it says is true is another matter: with 135 million
# parameters it gets the scattering roughly right when it is greedy, and puts metals into the sky when it is allowed to
# draw from its whole distribution. How to choose well is the subject of *decoding*, how a model comes to chat that of
# *sft*.
#
# ## 7 · An audit
#
# What does a model cost? A note that is widely copied describes "Llama 3" by the configuration 32 layers × 4096,
# feed-forward 14,336, vocabulary 128,256, 32 query heads and keys of width 1,024, and gets nearly every consequence
# wrong. Parameters you can count already: `parameter_share` from *feed_forward*, which takes an `Architecture`. The
# memory of the cache too: `kv_cache_bytes` from *multi_head*. What is missing is the work.
#
# A product of a vector with a matrix takes one multiplication and one addition for each number in the matrix: 2 FLOPs
# (*floating-point operations*) per weight and token. This holds for all matrices of attention and feed-forward layers
# and for the output matrix, tied or not. It does not hold for the embedding, where a row is looked up and nothing is
# multiplied.
#
# Attention's scores have no weights. Each of H heads takes a dot product of width d with every one of n keys, 2 n d
# FLOPs, and averages n values, as many again: together 4 n D in every layer, where n is the *context*, the number of
# tokens that are looked at. Norms, softmax, rotation and SiLU work on single numbers and are left out: they take a
# few hundredths of the work at most.
#
# Training runs backward as well. Each product y = xW needs two more for its gradients, one for x and one for W, of the
# same size. So a step of training takes three times the work of a forward pass (Kaplan et al. 2020, §2.1).
#
# **`flops_per_token(model, context, training=False)`** ★★☆☆☆ · 10 minutes
#
# | | | meaning |
# |---|---|---|
# | `model` | `Architecture` without biases | has `model.vocab_size`, `model.d_model`, `model.num_layers`; `parameter_share(model)` returns the share and the counts by part: `"embeddings"`, `"attention"`, `"feed_forward"`, `"norms"`, `"output"` (0 where tied) |
# | `context` | int | tokens that each query looks at |
# | `training` | bool | False: forward; True: forward and backward |
# | result | int | FLOPs for one token |
#
# <details><summary>Hint 1</summary>Two terms: one from the matrices, which does not depend on the context, and one from
# the scores and averages, which is proportional to it.</details>
# <details><summary>Hint 2</summary>The output matrix has V · D numbers whether it is tied or not, and multiplies in both
# cases. Of the counts you need two.</details>
# <details><summary>Hint 3</summary>2 · (attention + feed-forward + V · D) + 4 · layers · D · context, and three times
# that in training.</details>

# %% exercise="flops_per_token" minutes=10 level=2
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    """The work for one token in floating-point operations: matrices, and attention to `context` tokens.

    model: without biases. training: with the backward pass. Norms and activations are not counted.
    Kaplan et al. 2020, §2.1
    """
    ### BEGIN SOLUTION
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops
    ### END SOLUTION


# %% check="flops_per_token: two for every weight but the embedding" points=2
tiny = Architecture(vocab_size=11, d_model=4, num_layers=3, d_ff=10, kv_width=2, gated=True, bias=False, tied=False)
check.equal(flops_per_token(tiny, 0), 1096,
            hint="no context: 2 · (3 · 48 in attention + 3 · 120 in the feed-forward layers + 44 in the output matrix)")
check.equal(flops_per_token(replace(tiny, tied=True), 0), 1096,
            hint="tied: the embedding matrix multiplies as the output matrix, so the work is the same")
### BEGIN HIDDEN TESTS
check.equal(flops_per_token(Architecture(13, 6, 2, 7, 3, gated=False, bias=False), 0), 924,
            hint="not gated: 2 · (2 · 108 + 2 · 84 + 78)")
### END HIDDEN TESTS

# %% check="flops_per_token: attention grows with the context, training takes three times as much" points=2
tiny = Architecture(vocab_size=11, d_model=4, num_layers=3, d_ff=10, kv_width=2, gated=True, bias=False, tied=False)
check.equal(flops_per_token(tiny, 5), 1336, hint="5 tokens of context: 4 · 3 layers · 4 · 5 = 240 more than 1096")
check.equal(flops_per_token(tiny, 5, training=True), 4008, hint="training: everything three times")
check.equal(flops_per_token(replace(tiny, kv_width=4), 5), 1432,
            hint="fewer KV heads save weights, no scores: every query head computes its own")
### BEGIN HIDDEN TESTS
check.equal(flops_per_token(Architecture(13, 6, 2, 7, 3, gated=True, bias=False), 9, True), 4572,
            hint="3 · (2 · (2 · 108 + 2 · 126 + 78) + 4 · 2 · 6 · 9)")
### END HIDDEN TESTS

# %% [markdown]
# Is the formula true? PyTorch can count: `FlopCounterMode` adds up the matrix products that really take place. The next
# cell lets it count a pass of SmolLM2 through your class, and then builds Llama 3 8B in your class *on the device
# `meta`*, where tensors have shapes and no numbers, to count its parts.
#
# **Before you run it:** 32 × 4096, feed-forward 14,336, vocabulary 128,256: how many parameters? The note says about
# 70 billion.

# %% demo="audit" alt="Lines: counted and computed FLOPs agree; a table of what a copied note says and what is so."
from torch.utils.flop_counter import FlopCounterMode


def architecture(config):
    """What `parameter_share` and `flops_per_token` need, from transformers' settings."""
    kv_width = config["num_key_value_heads"] * config["hidden_size"] // config["num_attention_heads"]
    return Architecture(config["vocab_size"], config["hidden_size"], config["num_hidden_layers"],
                        config["intermediate_size"], kv_width, gated=True, bias=False,
                        tied=config["tie_word_embeddings"])


for n, cached in ((32, 0), (1, 31)):
    cache = KVCache(CONFIG["num_hidden_layers"], 64)
    with torch.no_grad():
        if cached:
            model(text[:, :cached], cache)
        with FlopCounterMode(display=False) as counter:
            model(text[:, :n], cache)
    print(f"{n:2} tokens behind {cached:2}: counted {counter.get_total_flops():,} FLOPs, "
          f"flops_per_token says {n * flops_per_token(architecture(CONFIG), n + cached):,}")

LLAMA3 = {"vocab_size": 128256, "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8,
          "num_hidden_layers": 32, "intermediate_size": 14336, "tie_word_embeddings": False}
llama3 = architecture(LLAMA3)
with torch.device("meta"):
    giant = Llama(128256, 4096, 32, 8, 32, 14336, max_seq_len=8192, rope_base=500_000.0)
parts = {"attention": [p for n, p in giant.named_parameters() if ".attention." in n],
         "feed_forward": [p for n, p in giant.named_parameters() if ".feed_forward." in n],
         "norms": [p for n, p in giant.named_parameters() if "norm" in n],
         "embeddings": [giant.embedding.weight], "output": [giant.head.weight]}
counts = parameter_share(llama3)[1]
print("\nLlama 3 8B, counted in your class, and by parameter_share:")
for name, tensors in parts.items():
    print(f"  {name:13} {sum(p.numel() for p in tensors):14,} {counts[name]:14,}")
total = sum(p.numel() for p in giant.parameters())
print(f"  {'all':13} {total:14,} {sum(counts.values()):14,}")
biases = 32 * (2 * (4096 + 1024) + 2 * 14336 + 4096)  # one for each output of the seven matrices of a block
w_k = giant.blocks[0].attention.w_k.weight
read = {(heads, sequences): 2 * total + kv_cache_bytes(32, heads, 128, 8192, sequences)  # in a step: weights and caches
        for heads in (8, 32) for sequences in (1, 64)}
rows = [("parameters", "about 70 billion", f"{total / 1e9:.2f} billion"),
        ("keys: 4096 → 1024", "multi-query", f"{w_k.shape[0] // 128} KV heads of width 128: grouped-query"),
        ("feed-forward", "two matrices, ReLU, biases", f"{len(list(giant.blocks[0].feed_forward.parameters()))} "
         f"matrices, SwiGLU, no biases"),
        ("leaving out biases saves", "3%", f"{biases / total:.2%}"),
        ("norms", "—", f"{sum(isinstance(m, RMSNorm) for m in giant.modules())} RMSNorms, two in a block and one last"),
        ("post_attention_layernorm", "normalises attention's output", "normalises the feed-forward layer's input"),
        ("forward, per token", "—", f"{flops_per_token(llama3, 0) / 1e9:.1f} GFLOPs, and "
         f"{(flops_per_token(llama3, 8192) - flops_per_token(llama3, 0)) / 1e9:.1f} more at 8,192 tokens of context"),
        ("training, per token", "—", f"{flops_per_token(llama3, 0, training=True) / 1e9:.1f} GFLOPs and more"),
        ("weights in 16 bits", "—", f"{2 * total / 1e9:.1f} GB"),
        ("8 KV heads instead of 32", "3–4 times faster", f"{read[32, 1] / read[8, 1]:.1f} times fewer bytes to read for a "
         f"token behind 8,192, {read[32, 64] / read[8, 64]:.1f} times for 64 sequences"),
        ("cache in 16 bits", "—", f"{kv_cache_bytes(32, 8, 128, 1) / 1024:.0f} KiB per token, "
         f"{kv_cache_bytes(32, 8, 128, 8192) / 2**30:.0f} GiB for 8,192")]
print(f"\n{'':26}{'the note':32}computed")
for row in rows:
    print(f"{row[0]:26}{row[1]:32}{row[2]}")

# %% [markdown]
# Formula and count agree to the last digit. (Our attention computes the masked half of its scores too, so in a chunk of
# 32 every token pays for 32; a good implementation skips that half.) And the note: 8.03 billion parameters, most of them
# in the feed-forward layers; 8 KV heads, which is neither multi-head nor multi-query; biases that would be a
# five-thousandth. A model with 70 billion is another one, with 80 layers of width 8,192 (Grattafiori et al. 2024, Table
# 3). SwiGLU's three matrices would have as many numbers as the usual two, of 4 × 4096, at 8/3 × 4096 = 10,923; with
# 14,336, which is 3.5 × 4096, Llama 3 takes nearly a third more. And no factor by which grouped queries speed up writing
# can be had without saying for how many sequences of which length: one reads mostly weights, many read mostly caches.
#
# "15 GFLOPs per token" holds for short contexts. **Before you run the next cell:** at which context does attention take
# as much work as all the matrices?

# %% demo="flops-by-context" alt="Lines: FLOPs per token, level for the matrices, rising for attention; they cross."
contexts = 2 ** np.arange(8, 18)
figure, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
for name, which, color in (("SmolLM2", architecture(CONFIG), "0.55"), ("Llama 3 8B", llama3, "black")):
    matrices = flops_per_token(which, 0)
    attention = np.array([flops_per_token(which, int(n)) - matrices for n in contexts])
    ax.loglog(contexts, np.full(len(contexts), matrices / 1e9), "-", color=color, label=f"{name}: matrices")
    ax.loglog(contexts, attention / 1e9, "o--", color=color, label=f"{name}: attention")
    print(f"{name}: attention takes as much as all matrices at a context of "
          f"{matrices * contexts[0] / attention[0]:,.0f} tokens")
ax.set(title="Work for one token", xlabel="context [tokens]", ylabel="GFLOPs")
ax.set_xticks(contexts, [f"{n:,}" for n in contexts], rotation=30)
ax.minorticks_off()
figure.legend(loc="outside right upper")
plt.show()

# %% [markdown]
# ### Weights are shared, caches are not
#
# A server keeps one copy of the weights and a cache for every conversation. Turn the knobs: from where on is there more
# cache than model? How many conversations fit on a GPU with 80 GB? (Without sliders, call `draw_memory(sequences=32)` in
# a new cell.)

# %% demo="memory-slider" alt="Memory against context: level weights, rising caches; model and sequences by knobs."
def draw_memory(name="Llama 3 8B", sequences=8, bits=16):
    config = {"Llama 3 8B": LLAMA3, "SmolLM2": CONFIG}[name]
    which, width = architecture(config), config["hidden_size"] // config["num_attention_heads"]
    weights = sum(parameter_share(which)[1].values()) * bits / 8e9
    contexts = np.arange(0, 131073, 4096)
    caches = np.array([kv_cache_bytes(which.num_layers, config["num_key_value_heads"], width, int(n), sequences,
                                      bits // 8) for n in contexts]) / 1e9
    figure, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
    ax.stackplot(contexts, np.full(len(contexts), weights), caches, colors=["0.45", "0.8"], labels=["weights", "caches"])
    if weights + caches[-1] > 40:
        ax.axhline(80, color="black", linestyle="--", linewidth=1, label="80 GB")
    crossing = weights / (caches[-1] / contexts[-1])
    ax.set(title=f"{name}, {sequences} sequences, {bits} bits: more cache than model from {crossing:,.0f} tokens on",
           xlabel="context of each sequence [tokens]", ylabel="memory [GB]", xlim=(0, contexts[-1]))
    ax.set_xticks(contexts[::8], [f"{n:,}" for n in contexts[::8]])
    ax.legend(loc="upper left")
    plt.show()


try:
    from ipywidgets import Dropdown, IntSlider, interact

    interact(draw_memory, name=Dropdown(options=["Llama 3 8B", "SmolLM2"], description="model"),
             sequences=IntSlider(8, min=1, max=64, continuous_update=False), bits=Dropdown(options=[16, 32], value=16))
except ImportError:
    print("pip install ipywidgets gives this picture sliders; without them, call draw_memory(sequences=32) in a new cell.")
    draw_memory()

# %% [markdown]
# In 16 bits the weights of Llama 3 8B take as much memory as about 122,500 tokens of cache, in one conversation or in
# many: with 8 of them that is 15,300 tokens each. On 80 GB there is room beside the weights for some 59 conversations of
# 8,192 tokens. Fewer bits shrink both alike.

# %% [markdown]
# ## Recap
#
# - A Llama is a GPT with four parts exchanged: RMSNorm, RoPE, grouped queries, SwiGLU; and without biases. The stream is
#   never normalised; each norm serves the part that follows it.
# - Keys and values of past tokens do not change, so they are kept. Keys are rotated once, by their true positions;
#   whoever forgets to continue the positions gets no error.
# - With a cache the tokens are identical and the time per token hardly grows. A chunk of many tokens is far cheaper per
#   token than chunks of one: reading is cheaper than writing.
# - Loading weights is renaming, and knowing the conventions. Compare logits, not a famous answer.
# - Count: 2 FLOPs for each weight but the embedding and token, plus 4 n D in every layer for attention; three times that
#   in training; weights once, a cache for every sequence.
#
# What the layers do on the way to *Paris* can be looked at, too: `model.head(model.norm(x))` turns the state after any
# block into logits (the *logit lens*). That is for *interpretability*.
#
# Next: *t5_and_sharing*, encoder and decoder again, with positions of another kind.

# %% [markdown]
# ## A question in words
#
# A colleague has ported a Llama to a new framework. "*The capital of France is* gives *Paris*, and the whole evaluation
# runs through without an error. It writes well for the first two hundred tokens; after that it begins to ramble. And
# with the cache switched on, writing is no faster than without."
#
# In six to ten sentences: (a) Why is *Paris* weak evidence, and what would you compare instead, with what? (b) Name two
# mistakes in the port that would fit the rambling, and say for each why short texts survive it. (c) Name a reason for
# which the cache might save no time although it works, and how you would find out.

# %% [markdown] essay="ported-llama" points=3
# **(a)** A frequent answer to a short prompt survives large errors: forgotten reordering of rows, a wrong base, even
# rotated values leave *Paris* on top in this notebook. Compare the numbers: logits, and if they differ the hidden
# states layer by layer, with those of a trusted implementation, same weights and same ids, on several prompts and a long
# one; the surprise on a long text as a summary. *(1 point: a single argmax hides errors; logits or states against a
# reference, on longer text.)*
#
# **(b)** A wrong base of RoPE: the angles of near tokens hardly differ from the right ones, those of far ones more and
# more. Rows of queries and keys in the wrong order: pairs turn at wrong speeds, which matters little while positions and
# angles are small. Positions that are not continued behind the cache, for instance when a long text is read in chunks
# and every chunk begins at 0; tables of cos and sin rounded to 16 bits, where large angles lose their precision; a
# cache that overwrites or drops its oldest tokens when it is full. *(1 point: two that fit, each with the reason why
# short texts survive.)*
#
# **(c)** Perhaps the whole text is still shown in each step beside the cache, or the cache is copied in full or repeated
# to all query heads in each step; or the context is short and the model small, so that reading the weights takes most of
# the time and a pass over a few tokens costs little more than one over a single token. Print the shape of what the
# model is shown in each step, and measure the time of a step against the context, with and without. *(1 point: a
# plausible reason and a measurement that would show it.)*

# %% [markdown]
# ## Sources
#
# - Touvron, Lavril, Izacard et al. 2023. *LLaMA: Open and Efficient Foundation Language Models.* arXiv 2302.13971. §2.2
#   the architecture, Table 2 the sizes.
# - Touvron, Martin, Stone et al. 2023. *Llama 2: Open Foundation and Fine-Tuned Chat Models.* arXiv 2307.09288. §2.2
#   grouped-query attention in the larger models.
# - Grattafiori et al. 2024. *The Llama 3 Herd of Models.* arXiv 2407.21783. §3.2 and Table 3: 8 KV heads, vocabulary of
#   128K tokens, RoPE base 500,000.
# - Allal et al. 2025. *SmolLM2: When Smol Goes Big. Data-Centric Training of a Small Language Model.* arXiv 2502.02737;
#   model card of SmolLM2-135M-Instruct (2 trillion tokens).
# - Zhang, Sennrich 2019. *Root Mean Square Layer Normalization.* NeurIPS 2019, arXiv 1910.07467.
# - Shazeer 2020. *GLU Variants Improve Transformer.* arXiv 2002.05202.
# - Su, Lu, Pan, Murtadha, Wen, Liu 2021. *RoFormer: Enhanced Transformer with Rotary Position Embedding.* arXiv
#   2104.09864. §3.4.2, eq. 34: pairs of neighbouring features.
# - Ainslie, Lee-Thorp, de Jong, Zemlyanskiy, Lebrón, Sanghai 2023. *GQA.* EMNLP 2023, arXiv 2305.13245.
# - Pope, Douglas, Chowdhery et al. 2022. *Efficiently Scaling Transformer Inference.* MLSys 2023, arXiv 2211.05102.
#   Prefill and decode, and what each is limited by.
# - Kwon, Li, Zhuang et al. 2023. *Efficient Memory Management for Large Language Model Serving with PagedAttention.* SOSP
#   2023, arXiv 2309.06180.
# - Kaplan, McCandlish, Henighan et al. 2020. *Scaling Laws for Neural Language Models.* arXiv 2001.08361. §2.1 and Table
#   1: counting parameters and compute.
# - llama.cpp's converter to GGUF and transformers' converter of Meta's weights: the order of rows, and that each undoes
#   the other.
