# %% [markdown]
# # The capstone
#
# ## What you will build
#
# A language model of your own parts, and the run that trains it. `CausalSelfAttention` puts your heads, your rotary
# positions and your norms together; `Decoder` is the whole model, with the weights it begins with; `build_optimizer`
# decides which weights Muon moves and which AdamW; `choose_precision` picks the number format for the machine;
# `split_loss` measures honestly; `model_flops` counts the work; and `train_decoder` is the run, which can be stopped
# and taken up again. These seven are the heart of a program that comes with the course, `python -m internals.capstone`:
# it trains the same model on a laptop in minutes, or on a row of GPUs, and it takes your parts with `--parts mine`. At
# the end of this notebook it trains a model with them in front of you, and you write a report. About two hours.
#
# ## When it was invented, and why it matters
#
# Nothing in this model is newer than a few years, and nothing is exotic. The order norm, attention, add, norm,
# feed-forward, add is GPT-2's (Radford et al. 2019). SwiGLU (Shazeer 2020), rotary positions (Su et al. 2021) and
# RMSNorm (Zhang and Sennrich 2019) came together in Llama (Touvron et al. 2023, §2.2).
# Normalising queries and keys was proposed for translation between languages with little text (Henry et al. 2020), and
# came back when Dehghani et al. (2023, §2) trained a vision transformer of 22 billion parameters, whose attention would
# otherwise have diverged. Muon was found in a public contest for training a small GPT fastest (Jordan et al. 2024).
# What is hard is not any part: it is that all of them must be right at once, and that a program with one of them wrong
# still runs, and its loss still falls.
#
# ## Prerequisites
#
# *The training loop*, above all `train`, `Batches`, `language_loss` and checkpoints; attention and heads
# (*scaled_dot_product*, *multi_head*), rotary positions (*positional_encoding*), `SwiGLU` (*feed_forward*), `RMSNorm`
# and `PreNormBlock` (*layer_norm_comparison*), `AdamW` and `Muon` (*optimizers*). Whatever you have not solved is lent.
#
# Letters: `B` sequences in a batch, `T` tokens in a sequence, `D` the width of the model, `H` heads of width `d` = D /
# H, `F` the width of the hidden layer, `L` layers, `V` tokens in the vocabulary, `N` tokens in a text.

# %%
import contextlib
import io
import math
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from autograder import check
from autograder.parts.feed_forward import SwiGLU
from autograder.parts.language_models import count_ngrams, interpolated_probability, ngram_probability
from autograder.parts.layer_norm_comparison import PreNormBlock, RMSNorm
from autograder.parts.multi_head import merge_heads, split_heads
from autograder.parts.optimizers import AdamW, Muon
from autograder.parts.positional_encoding import apply_rope, rope_frequencies
from autograder.parts.scaled_dot_product import causal_mask, scaled_dot_product_attention
from autograder.parts.training_loop import Batches, LivePlot, LossScaler, flops_per_token, language_loss
from autograder.parts.training_loop import train as train_loop

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · Attention, as it is built today
#
# Three things are new in comparison with `MultiHeadAttention`. There are no biases. Queries and keys are turned by
# `apply_rope`, so that their product depends on their distance; values are not. And before they are turned, the query
# and the key of each head are normalised by an `RMSNorm` of the head's width. A query then has length √d, or what its
# gain makes of it, however large the weights become, and a score can never run away:
#
# $$q = \operatorname{rope}(\operatorname{norm}_q(x W_q)), \quad k = \operatorname{rope}(\operatorname{norm}_k(x W_k)),
# \quad \text{out} = \operatorname{softmax}\!\left(\frac{q k^\top}{\sqrt d} + \text{causal}\right) x W_v \; W_o$$
#
# The order matters: a norm with a gain for each feature, applied after the turn, would treat the same pair of features
# differently at every angle, and the score would no longer depend on the distance alone.
#
# There are two ways to compute the middle. Your `scaled_dot_product_attention` forms all T × T weights. PyTorch's
# `F.scaled_dot_product_attention(q, k, v, is_causal=True)` gives the same numbers without ever holding them (on a GPU
# by the method of Dao et al. 2022). The attribute `fused` says which is used: the fast one to train with, yours to
# check it by, and to show that you know what it does.
#
# **`CausalSelfAttention(d_model, num_heads, fused=True)`**; `__init__` is given, you write `forward`.
# ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `w_q`, `w_k`, `w_v`, `w_o` | `nn.Linear(D, D, bias=False)` | the projections; `w_o` starts at zero |
# | `q_norm`, `k_norm` | `RMSNorm(d)`, d = D / H | one norm for the queries of all heads, one for the keys |
# | `x` | (B, T, D) | the tokens |
# | `cos`, `sin` | (T, d / 2) each | from `rope_frequencies`, for `apply_rope(x, cos, sin)` |
# | queries, keys, values | (B, H, T, d) | by `split_heads(x, num_heads)`; back by `merge_heads` |
# | result | (B, T, D) | the tokens after attention and `w_o`, nothing added |
#
# <details><summary>Hint 1</summary>For queries and keys the order is: project, split into heads, normalise, turn. For
# values: project, split.</details>
# <details><summary>Hint 2</summary>The norm works along the last axis, which is the width of a head only after the
# split.</details>
# <details><summary>Hint 3</summary>In the other branch the mask is <code>causal_mask(T).to(x.device)</code>, (T, T),
# and <code>scaled_dot_product_attention(q, k, v, mask)</code> returns two things, of which you need the
# first.</details>

# %% exercise="CausalSelfAttention" minutes=15 level=3 forbid="attention_by_hand,model_by_hand"
class CausalSelfAttention(nn.Module):
    """Attention from each token to itself and those before, with rotary positions and normalised queries and keys.

    Parameters, without biases: w_q, w_k, w_v, w_o: nn.Linear(D, D); q_norm, k_norm: RMSNorm of a head's width d,
    shared by the heads. w_o starts at zero. fused: whether PyTorch's attention does the middle, or the course's part.
    Queries and keys normalised: Henry et al. 2020
    """

    def __init__(self, d_model: int, num_heads: int, fused: bool = True) -> None:
        super().__init__()
        self.num_heads, self.fused = num_heads, fused
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, d_model, bias=False)
        self.w_v = nn.Linear(d_model, d_model, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)
        self.q_norm = RMSNorm(d_model // num_heads)
        self.k_norm = RMSNorm(d_model // num_heads)
        nn.init.zeros_(self.w_o.weight)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x: (B, T, D). cos, sin: (T, d / 2). Returns (B, T, D)."""
        ### BEGIN SOLUTION
        v = split_heads(self.w_v(x), self.num_heads)  # (B, H, T, d)
        q = apply_rope(self.q_norm(split_heads(self.w_q(x), self.num_heads)), cos, sin)  # (B, H, T, d)
        k = apply_rope(self.k_norm(split_heads(self.w_k(x), self.num_heads)), cos, sin)  # (B, H, T, d)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, d)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)  # (T, T)
            out, _ = scaled_dot_product_attention(q, k, v, mask)  # (B, H, T, d)
        return self.w_o(merge_heads(out))  # (B, T, D)
        ### END SOLUTION


# %%
# Given: the same by hand, slowly, in float64: heads by slices, positions by complex numbers, a query at a time.
class Named:
    """Weights by name, which `check.fill` sets to the same numbers as those of a module with the same names."""

    def __init__(self, shapes):
        self.weights = {name: torch.zeros(shape) for name, shape in shapes.items()}

    def named_parameters(self):
        return self.weights.items()


def attention_shapes(width, heads, prefix=""):
    """The names and shapes of the weights of a CausalSelfAttention."""
    shapes = {f"{prefix}{name}.weight": (width, width) for name in ("w_q", "w_k", "w_v", "w_o")}
    return shapes | {f"{prefix}{name}.weight": (width // heads,) for name in ("q_norm", "k_norm")}


def rms_by_hand(x, gain):
    """RMSNorm, by PyTorch."""
    return F.rms_norm(x, x.shape[-1:], gain, eps=1e-6)


def attend_by_hand(x, weights, heads, prefix="", base=10000.0):
    """Attention of one sequence (T, D) with these weights, in float64."""
    width, outputs = x.shape[1] // heads, []
    turns = base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)  # (d / 2,)
    turns = torch.polar(torch.ones(len(x), width // 2).double(), torch.arange(len(x))[:, None] * turns)
    w_q, w_k, w_v, w_o, q_norm, k_norm = (weights[f"{prefix}{name}.weight"] for name in
                                          ("w_q", "w_k", "w_v", "w_o", "q_norm", "k_norm"))
    for head in range(heads):
        rows, turned = slice(head * width, (head + 1) * width), []
        for matrix, gain in ((w_q, q_norm), (w_k, k_norm)):
            y = rms_by_hand(x @ matrix[rows].T, gain)
            turned.append(torch.complex(y[:, : width // 2], y[:, width // 2 :]) * turns)
        scores = (turned[0][:, None] * turned[1].conj()).real.sum(-1) / math.sqrt(width)  # (T, T)
        values = x @ w_v[rows].T  # (T, d)
        outputs.append(torch.stack([scores[t, : t + 1].softmax(-1) @ values[: t + 1] for t in range(len(x))]))
    return torch.cat(outputs, -1) @ w_o.T


def attention_by_hand(x, heads, base=10000.0):
    """What a CausalSelfAttention filled by `check.fill` makes of x (B, T, D)."""
    weights = check.fill(Named(attention_shapes(x.shape[2], heads))).weights
    weights = {name: weight.double() for name, weight in weights.items()}
    return torch.stack([attend_by_hand(row.double(), weights, heads, base=base) for row in x])


class Products(TorchDispatchMode):
    """While this is open, notes the dtype that each matrix product really works in, under autocast too."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        kind = "attention" if "scaled_dot_product" in name else "product" if name in ("mm", "bmm", "addmm") else ""
        if kind:
            self.seen.setdefault(kind, set()).add(str(args[-1 if name == "addmm" else 0].dtype).removeprefix("torch."))
        return func(*args, **(kwargs or {}))


def device_after(attention):
    """Where the result of an attention (12, 2) is, if it and its inputs are on "meta", which stands for a GPU."""
    inputs = [torch.empty(shape, device="meta") for shape in ((1, 7, 12), (7, 3), (7, 3))]
    try:
        return attention.to("meta")(*inputs).device.type
    except RuntimeError as problem:
        return f"RuntimeError: {problem}"


def products_of(dtype, module, *inputs):
    """Which dtypes a module's products work in, under autocast to dtype: {"product": […], "attention": […]}."""
    with Products() as products, torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
        module(*inputs)
    return {kind: sorted(found) for kind, found in sorted(products.seen.items())}


# %% check="CausalSelfAttention: heads with normalised, turned queries and keys" points=3
attention = check.fill(CausalSelfAttention(12, 2))
cos, sin = rope_frequencies(7, 6)
out = attention(check.randn(3, 7, 12, seed=1), cos, sin)
check.shape(out, (3, 7, 12), hint="(B, T, D) goes in and comes out: merge_heads, then w_o")
check.close(out[:, 0], attention_by_hand(check.randn(3, 7, 12, seed=1), 2)[:, 0].float(),
            hint="the first token sees itself alone: w_o(w_v(x)). Values are neither normalised nor turned")
check.close(out, attention_by_hand(check.randn(3, 7, 12, seed=1), 2).float(),
            hint="the first token is right, later ones are not: split, then q_norm and k_norm, then turn; causal")
short, turned = CausalSelfAttention(8, 2), rope_frequencies(5, 4, 100.0)
short_out = check.fill(short)(check.randn(2, 5, 8, seed=2), turned[0], turned[1])
check.close(short_out, attention_by_hand(check.randn(2, 5, 8, seed=2), 2, 100.0).float(),
            hint="2 heads of width 4 and another base: use the cos and sin that are handed in")
### BEGIN HIDDEN TESTS
wide = check.fill(CausalSelfAttention(24, 3))
cos3, sin3 = rope_frequencies(11, 8)
check.close(wide(check.randn(1, 11, 24, seed=3), cos3, sin3),
            attention_by_hand(check.randn(1, 11, 24, seed=3), 3).float(), hint="3 heads of width 8")
### END HIDDEN TESTS

# %% check="CausalSelfAttention: the course's attention gives the same" points=2
plain = check.fill(CausalSelfAttention(12, 2, fused=False))
cos2, sin2 = rope_frequencies(7, 6)
plain_out = plain(check.randn(3, 7, 12, seed=1), cos2, sin2)
check.close(plain_out, attention_by_hand(check.randn(3, 7, 12, seed=1), 2).float(),
            hint="with fused=False: scaled_dot_product_attention(q, k, v, mask) with the causal mask, first result")
check.equal(products_of(torch.float32, plain, check.randn(1, 7, 12, seed=1), cos2, sin2),
            {"product": ["float32"]}, hint="fused=False must not call PyTorch's fused attention")
fast = CausalSelfAttention(12, 2, fused=True)
check.equal(products_of(torch.float32, fast, check.randn(1, 7, 12, seed=1), cos2, sin2),
            {"attention": ["float32"], "product": ["float32"]},
            hint="fused=True calls F.scaled_dot_product_attention(q, k, v, is_causal=True)")
check.equal(device_after(CausalSelfAttention(12, 2, fused=False)), "meta",
            hint="what you make in forward must be where x is, on a GPU too: causal_mask(T).to(x.device)")

# %% check="CausalSelfAttention: under autocast its products are in 16 bits" points=2
half, whole = CausalSelfAttention(12, 2), CausalSelfAttention(12, 2, fused=False)
cos4, sin4 = rope_frequencies(7, 6)
check.equal(products_of(torch.bfloat16, half, check.randn(1, 7, 12, seed=4), cos4, sin4),
            {"attention": ["bfloat16"], "product": ["bfloat16"]},
            hint="products must work in the 16 bits of autocast, attention's too: leave dtypes to autocast")
check.equal(products_of(torch.bfloat16, whole, check.randn(1, 7, 12, seed=4), cos4, sin4),
            {"product": ["bfloat16"]}, hint="with fused=False too")
double = check.fill(CausalSelfAttention(12, 2)).double()
cos5, sin5 = rope_frequencies(7, 6)
exact = double(check.randn(3, 7, 12, seed=1).double(), cos5, sin5)
check.dtype(exact, torch.float64, hint="float64 goes in and must come out: bring nothing to a dtype by name")
check.close(exact.float(), attention_by_hand(check.randn(3, 7, 12, seed=1), 2).float(), hint="the same in float64")

# %% [markdown]
# What is the norm of queries and keys good for? We multiply `w_q` and `w_k` by a factor, as an optimizer might do over
# a long run, and look at the largest share of attention that a token gives to one token, on average: 1 means that the
# softmax has become a hard choice, through which no gradient flows. **Before you run the next cell:** what will the
# curve with the norm look like?

# %% demo="qk-norm" alt="Mean largest weight against the factor: rises towards 1 without the norm, level with it."
def sharpest(factor, normalised):
    """The largest weight of each query, averaged, in an attention whose w_q and w_k are multiplied by factor."""
    torch.manual_seed(0)
    layer = CausalSelfAttention(128, 4, fused=False)
    if not normalised:
        layer.q_norm = layer.k_norm = nn.Identity()
    with torch.no_grad():
        layer.w_q.weight *= factor
        layer.w_k.weight *= factor
        q, k = (split_heads(project(tokens_128), 4) for project in (layer.w_q, layer.w_k))
        q, k = apply_rope(layer.q_norm(q), *table), apply_rope(layer.k_norm(k), *table)
        _, weights = scaled_dot_product_attention(q, k, k, causal_mask(64))
    return weights[..., 32:, :].amax(-1).mean().item()


tokens_128, table = torch.randn(4, 64, 128, generator=torch.Generator().manual_seed(1)), rope_frequencies(64, 32)
factors = [2.0**power for power in range(6)]
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for normalised, style in ((False, "o--"), (True, "s-")):
    ax.plot(factors, [sharpest(f, normalised) for f in factors], style, color="black",
            label="queries and keys normalised" if normalised else "as they come")
ax.set(title="Growing weights, and how hard attention chooses", xlabel="w_q and w_k times", xscale="log",
       ylabel="largest weight of a query (mean)", ylim=(0, 1.05), xticks=factors)
ax.set_xticklabels([f"{f:.0f}" for f in factors])
ax.legend()
plt.show()

# %% [markdown]
# Without the norm a factor of 8 makes a query give 0.92 of its attention to a single token, on average, and a factor of
# 32 more than 0.99. With it the factor cancels, and the curve is flat at 0.12. How sharply a head looks is then decided
# by two gains, which the optimizer can move deliberately, and not by the accident of how large two matrices have
# become.
#
# ## 2 · The decoder
#
# A block is your `PreNormBlock` twice, around attention and around `SwiGLU`. It is given, because you have built both
# halves; note what it does to the last matrix of the feed-forward layer.

# %% tags=["export"]
class Block(nn.Module):
    """One layer: x + attention(norm(x)), then x + feed_forward(norm(x)). Both branches start at zero.

    Attributes: attention, a PreNormBlock around CausalSelfAttention; feed_forward, one around SwiGLU.
    """

    def __init__(self, d_model: int, num_heads: int, d_ff: int, fused: bool = True) -> None:
        super().__init__()
        feed_forward = SwiGLU(d_model, d_ff)
        nn.init.zeros_(feed_forward.down.weight)
        self.attention = PreNormBlock(d_model, CausalSelfAttention(d_model, num_heads, fused), RMSNorm)
        self.feed_forward = PreNormBlock(d_model, feed_forward, RMSNorm)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x: (B, T, D). cos, sin: (T, d / 2). Returns (B, T, D)."""
        return self.feed_forward(self.attention(x, cos, sin))


# %% [markdown]
# The model around the blocks is short: look each token up, send it through the blocks, normalise, and score every token
# of the vocabulary. What it *begins* with decides how the first hundred steps go:
#
# - Every branch ends in a matrix of zeros, `w_o` and `down`. At the first step each block passes the stream through
#   unchanged, and the depth of the model does no harm yet.
# - The head is zero too, so that every token is equally likely and the first loss is $\log V$, exactly. A first loss
#   above that is the cheapest sign of an error there is.
# - The embedding is normal with deviation 1, the size that the norms keep the stream at.
# - If the head *is* the embedding (`tied`), zeros are not possible. It is then normal with deviation 0.02. As the
#   blocks change nothing at first, each token gives itself a score of about $0.02\,D$, and the first loss lies above
#   $\log V$: a little for D = 128 (4.41 against 4.26, for 71 tokens), far for D = 384 (7.63).
#
# Angles of the rotary positions are computed once for `length` tokens, and kept as buffers: they move to the GPU with
# the model, and `persistent=False` keeps them out of checkpoints.
#
# **`Decoder(vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
# fused=True)`**; the first lines of `__init__` are given. ★★★☆☆ · 20 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `ids` | (B, T), int64, T ≤ `length` | the tokens |
# | `embedding` | `nn.Embedding(V, D)` | normal, deviation 1, or 0.02 if `tied` |
# | `blocks` | `nn.ModuleList` of `num_layers` | `Block(d_model, num_heads, d_ff, fused)` |
# | `norm` | `RMSNorm(D)` | behind the last block |
# | `head` | `nn.Linear(D, V, bias=False)` | zeros; if `tied`, its weight *is* `embedding.weight`, the same parameter |
# | `cos`, `sin` | (length, d / 2) | buffers, not persistent, of `rope_frequencies(length, d, rope_base)` |
# | result | (B, T, V) | logits of the token after each |
#
# <details><summary>Hint 1</summary>Four modules in <code>__init__</code>, then their first weights, then two buffers.
# In <code>forward</code>: embedding, a loop over the blocks, norm, head.</details>
# <details><summary>Hint 2</summary><code>self.register_buffer("cos", cos, persistent=False)</code>. A block needs the
# angles of the first T positions only: <code>self.cos[:T]</code>.</details>
# <details><summary>Hint 3</summary><code>nn.init.normal_(weight, std=…)</code>, <code>nn.init.zeros_(weight)</code>,
# and <code>self.head.weight = self.embedding.weight</code>. The width of a head is <code>d_model //
# num_heads</code>.</details>

# %% exercise="Decoder" minutes=20 level=3 forbid="model_by_hand,attention_by_hand"
class Decoder(nn.Module):
    """A language model: the embedding of each token, the blocks, a norm, and a score for each next token.

    d_ff: two thirds of 4 · d_model, rounded up to a multiple of 8, if None. The head's weight is the embedding's where
    tied. Attributes: length, embedding, blocks, norm, head, cos, sin.
    """

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, length: int,
                 d_ff: int | None = None, tied: bool = False, rope_base: float = 10000.0, fused: bool = True) -> None:
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)  # every token equally likely: the first loss is log V
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)  # (length, d / 2) each
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        ### END SOLUTION

    def forward(self, ids: Tensor) -> Tensor:
        """ids: (B, T), int64, T at most `length`. Returns the logits of each next token, (B, T, V)."""
        ### BEGIN SOLUTION
        T = ids.shape[1]
        x = self.embedding(ids)  # (B, T, D)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))  # (B, T, V)
        ### END SOLUTION


# %%
# Given: the whole model by hand, in float64, and what to look at in a new one.
def model_by_hand(ids, vocab_size, width, heads, layers, d_ff, tied=False, base=10000.0):
    """Logits (B, T, V) of a Decoder filled by `check.fill`."""
    shapes = {"embedding.weight": (vocab_size, width), "norm.weight": (width,)}
    shapes |= {} if tied else {"head.weight": (vocab_size, width)}
    for layer in range(layers):
        first, second = f"blocks.{layer}.attention.", f"blocks.{layer}.feed_forward."
        shapes |= attention_shapes(width, heads, f"{first}sublayer.")
        shapes |= {f"{first}norm.weight": (width,), f"{second}norm.weight": (width,)}
        shapes |= {f"{second}sublayer.{name}.weight": (d_ff, width) for name in ("gate", "up")}
        shapes |= {f"{second}sublayer.down.weight": (width, d_ff)}
    weights = {name: weight.double() for name, weight in check.fill(Named(shapes)).weights.items()}
    rows = []
    for row in ids:
        x = weights["embedding.weight"][row]
        for layer in range(layers):
            first, second = f"blocks.{layer}.attention.", f"blocks.{layer}.feed_forward."
            normed = rms_by_hand(x, weights[f"{first}norm.weight"])
            x = x + attend_by_hand(normed, weights, heads, f"{first}sublayer.", base)
            normed = rms_by_hand(x, weights[f"{second}norm.weight"])
            gate, up, down = (weights[f"{second}sublayer.{name}.weight"] for name in ("gate", "up", "down"))
            x = x + (F.silu(normed @ gate.T) * (normed @ up.T)) @ down.T
        head = weights["embedding.weight" if tied else "head.weight"]
        rows.append(rms_by_hand(x, weights["norm.weight"]) @ head.T)
    return torch.stack(rows)


def fill_tied(model):
    """check.fill, with the numbers of "embedding.weight" in the table, whichever of its two names came first."""
    check.fill(model)
    table = check.fill(Named({"embedding.weight": model.embedding.weight.shape})).weights["embedding.weight"]
    with torch.no_grad():
        model.embedding.weight.copy_(table)
    return model


def beginning_of(model):
    """Deviation of the embedding, largest logit, and how far the blocks change the stream, before any training."""
    with torch.no_grad():
        ids = torch.arange(8)[None] % model.embedding.num_embeddings
        x = model.embedding(ids)
        y = x
        for block in model.blocks:
            y = block(y, model.cos[:8], model.sin[:8])
        return [model.embedding.weight.std().item(), model(ids).abs().max().item(), (y - x).abs().max().item()]


def shapes_of(module):
    """The names and shapes of a module's parameters."""
    return {name: list(parameter.shape) for name, parameter in module.named_parameters()}


def buffers_of(model):
    """The names and shapes of a module's buffers, and which of them a checkpoint would hold."""
    shapes = {name: list(buffer.shape) for name, buffer in sorted(model.named_buffers())}
    return shapes | {"saved": [name for name in model.state_dict() if name in shapes]}


def dtypes_of(model, ids, dtype):
    """Under autocast: the dtype of what each kind of module returns, of the logits' loss, and of the gradients."""
    seen = {}
    hooks = [module.register_forward_hook(
        lambda module, inputs, out: seen.setdefault(type(module).__name__, set()).add(str(out.dtype)[6:]))
        for module in model.modules()]
    loss = language_loss(model, ids[:, :-1], ids[:, 1:], dtype)
    loss.backward()
    for hook in hooks:
        hook.remove()
    seen["gradients"] = {str(p.grad.dtype)[6:] for p in model.parameters()}
    wanted = ("Linear", "RMSNorm", "Block", "gradients")
    return {name: sorted(seen[name]) for name in wanted} | {"loss": str(loss.dtype)[6:]}


# %% check="Decoder: the logits of the whole model" points=3
model = check.fill(Decoder(11, 12, 2, 3, 9))
logits = model(check.randint(0, 11, (2, 9), seed=1))
check.shape(logits, (2, 9, 11), hint="logits are (B, T, V), one row for each token")
check.close(logits, model_by_hand(check.randint(0, 11, (2, 9), seed=1), 11, 12, 2, 3, 32).float(), atol=1e-4,
            hint="embedding, every block once and in order, the last norm, the head; parameters named as in the table")
other = check.fill(Decoder(7, 8, 2, 2, 16, d_ff=40, rope_base=50.0, fused=False))
check.close(other(check.randint(0, 7, (3, 5), seed=2)),
            model_by_hand(check.randint(0, 7, (3, 5), seed=2), 7, 8, 2, 2, 40, False, 50.0).float(), atol=1e-4,
            hint="5 tokens of at most 16, d_ff = 40, base 50: cos[:T]; rope_frequencies(length, D / H, rope_base)")
check.equal(products_of(torch.float32, other, check.randint(0, 7, (3, 5), seed=2)), {"product": ["float32"]},
            hint="fused=False must reach every block")
check.equal(products_of(torch.float32, model, check.randint(0, 11, (2, 9), seed=1)),
            {"attention": ["float32"], "product": ["float32"]}, hint="fused=True, the default, must reach every block")
### BEGIN HIDDEN TESTS
one = fill_tied(Decoder(5, 16, 2, 1, 4, tied=True))
check.close(one(check.randint(0, 5, (2, 4), seed=3)),
            model_by_hand(check.randint(0, 5, (2, 4), seed=3), 5, 16, 2, 1, 48, True).float(), atol=1e-4,
            hint="one block, tied: the head's weight is the embedding's")
### END HIDDEN TESTS

# %% check="Decoder: what it begins with" points=2
fresh = Decoder(50, 64, 4, 2, 8)
deviation, largest, change = beginning_of(fresh)
check.close(deviation, 1.0, atol=0.06, hint="the embedding is normal with deviation 1")
check.equal([largest, change, 4], [0.0, 0.0, 4],
            hint="in order: the largest logit is 0: a head of zeros; the blocks change nothing: keep Block's zeros")
check.close(language_loss(fresh, check.randint(0, 50, (2, 8), seed=4), check.randint(0, 50, (2, 8), seed=5)).detach(),
            math.log(50), hint="the first loss is that of a uniform guess, log V")
fresh_tied = Decoder(50, 64, 4, 2, 8, tied=True)
tied_deviation, _, _ = beginning_of(fresh_tied)
check.close(tied_deviation, 0.02, atol=0.0015, rtol=0, hint="tied: deviation 0.02, not zeros, and not 1")

# %% check="Decoder: parameters and buffers" points=2
two, tied = Decoder(11, 16, 2, 1, 8, d_ff=24), Decoder(11, 16, 2, 2, 8, tied=True)
check.equal(sorted(shapes_of(two)),
            ["blocks.0.attention.norm.weight", "blocks.0.attention.sublayer.k_norm.weight",
             "blocks.0.attention.sublayer.q_norm.weight", "blocks.0.attention.sublayer.w_k.weight",
             "blocks.0.attention.sublayer.w_o.weight", "blocks.0.attention.sublayer.w_q.weight",
             "blocks.0.attention.sublayer.w_v.weight", "blocks.0.feed_forward.norm.weight",
             "blocks.0.feed_forward.sublayer.down.weight", "blocks.0.feed_forward.sublayer.gate.weight",
             "blocks.0.feed_forward.sublayer.up.weight", "embedding.weight", "head.weight", "norm.weight"],
            hint="embedding, blocks (an nn.ModuleList), norm, head without bias, and nothing else that is learnt")
check.equal([sum(p.numel() for p in tied.parameters()), tied.head.weight is tied.embedding.weight, 3],
            [6944, True, 3], hint="tied: head.weight and embedding.weight are one parameter, counted once")
check.equal(buffers_of(two), {"cos": [8, 4], "sin": [8, 4], "saved": []},
            hint="cos and sin are buffers, (length, d / 2), and are not saved: register_buffer(…, persistent=False)")
check.equal(dtypes_of(tied, check.randint(0, 11, (2, 8), seed=6), torch.bfloat16),
            {"Linear": ["bfloat16"], "RMSNorm": ["float32"], "Block": ["float32"], "gradients": ["float32"],
             "loss": "float32"},
            hint="under autocast: products in 16 bits; norms, the stream between blocks, loss and gradients in float32")

# %% [markdown]
# The trainer has four configurations, from a laptop's to an H100's. The next cell builds each on the device "meta",
# where tensors have shapes and no numbers, so that even the largest takes no memory. **Before you run it:** in which of
# them does the embedding make up the largest share of the parameters?

# %% demo="sizes" alt="Bars for four configurations: shares of embedding, attention, feed-forward and head."
from internals.capstone.config import load_config

KINDS = {"embedding": "embedding", "sublayer.w_": "attention", "feed_forward.sublayer": "feed-forward", "head": "head"}


def parameters_by_kind(name, vocab_size):
    """How many parameters of each kind the model of a configuration has."""
    shape = load_config(name).model
    with torch.device("meta"):
        big = Decoder(vocab_size, shape.d_model, shape.heads, shape.layers, shape.length)
    counts = dict.fromkeys(KINDS.values(), 0)
    for parameter_name, parameter in big.named_parameters():
        for part, kind in KINDS.items():
            counts[kind] += parameter.numel() * (part in parameter_name)
    return counts


sizes = {name: parameters_by_kind(name, size) for name, size in
         {"cpu": 71, "t4": 71, "a100": 8192, "h100": 8192}.items()}
figure, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
left = np.zeros(4)
for kind, shade, hatch in zip(KINDS.values(), ("0.85", "0.3", "0.6", "1.0"), ("", "", "", "//"), strict=True):
    widths = np.array([100 * counts[kind] / sum(counts.values()) for counts in sizes.values()])
    ax.barh(list(sizes), widths, left=left, color=shade, hatch=hatch, edgecolor="black", label=kind)
    left += widths
ax.invert_yaxis()
ax.set(title="Where the parameters are", xlabel="share of the parameters [%]", ylabel="configuration", xlim=(0, 100))
ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.22))
plt.show()
for name, counts in sizes.items():
    print(f"{name:5} {sum(counts.values()) / 1e6:7.2f} M parameters, embedding {counts['embedding'] / 1e6:.2f} M")

# %% [markdown]
# A vocabulary of characters, 71 in our text, costs nothing; one of 8,192 byte pairs takes a noticeable share even of
# the large models, most in `a100`: 6%, and the head as much again. Elsewhere it is always the same: the feed-forward
# layers hold two parameters for each one of attention (8 D² to 4 D²).
#
# ## 3 · Two optimizers that step as one
#
# Muon makes the singular values of an update equal, which has a meaning for a matrix that maps a stream to a stream. It
# has none for a table of embeddings, of which a batch touches a few rows, nor for a vector of gains. So the
# work is divided (Jordan et al. 2024):
#
# | weights | optimizer | weight decay |
# |---|---|---|
# | matrices inside `model.blocks` (two axes) | `Muon` | yes |
# | embedding and head (two axes) | `AdamW` | yes |
# | gains of norms, wherever they are (one axis) | `AdamW` | no |
#
# With `kind="adamw"`, AdamW moves all of them, and decays whatever has two axes. Whatever the kind, every parameter is
# moved by exactly one optimizer, in one group; a tied head *is* the embedding and must not come twice, or it would take
# two steps. Two given helpers: `Together` makes several optimizers look like one, and `make_adamw` takes PyTorch's
# fused AdamW on a GPU (the same numbers in one kernel instead of ten for each tensor), and yours elsewhere.

# %% tags=["export"]
class Together:
    """Several optimizers that step as one. Each group remembers its first learning rate as "peak_lr"."""

    def __init__(self, *optimizers) -> None:
        self.optimizers = optimizers
        for group in self.param_groups:
            group.setdefault("peak_lr", group["lr"])

    @property
    def param_groups(self) -> list[dict]:
        """The groups of all."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    @property
    def state(self) -> dict:
        """What each parameter's update remembers, of all."""
        return {p: memory for optimizer in self.optimizers for p, memory in optimizer.state.items()}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for optimizer in self.optimizers:
            optimizer.step()

    def scale_lr(self, factor: float) -> None:
        """Set each learning rate to `factor` times its peak."""
        for group in self.param_groups:
            group["lr"] = factor * group["peak_lr"]

    def state_dict(self) -> dict:
        """For a checkpoint."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, saved: dict) -> None:
        """Take up again where `state_dict` was called."""
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)


def make_adamw(groups: list[dict], lr: float, betas: tuple[float, float]):
    """AdamW with eps 1e-8: PyTorch's fused one for parameters on a GPU, the course's elsewhere."""
    if any(p.is_cuda for group in groups for p in group["params"]):
        return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=1e-8, fused=True)
    return AdamW(groups, lr=lr, betas=betas, eps=1e-8)


# %% [markdown]
# **`build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
# weight_decay=0.1)`** ★★★☆☆ · 15 minutes
#
# | | | meaning |
# |---|---|---|
# | `model` | a `Decoder` | or any module with `blocks` and `parameters()` |
# | `kind` | "muon" or "adamw" | the division above, or AdamW for all |
# | `muon_lr`, `muon_momentum`, `weight_decay` | floats | `Muon(params, lr, momentum, weight_decay)` |
# | `adamw_lr`, `betas`, `weight_decay` | floats | `make_adamw(groups, lr, betas)`; a group is a dict with `"params"` and `"weight_decay"` |
# | result | `Together` | of Muon and AdamW, in this order, or of AdamW alone. AdamW has two groups: decayed, and not |
#
# <details><summary>Hint 1</summary>First the list of Muon's matrices, empty for <code>"adamw"</code>. Then the list of
# all other parameters of the model. Then divide that one by the number of axes.</details>
# <details><summary>Hint 2</summary><code>p in matrices</code> compares tensors number by number, and fails. Compare
# identities: <code>taken = {id(p) for p in matrices}</code>.</details>
# <details><summary>Hint 3</summary>An optimizer without parameters is no use: return
# <code>Together(others)</code> where there are no matrices, else <code>Together(Muon(…), others)</code>.
# <code>model.parameters()</code> yields a shared parameter once.</details>

# %% exercise="build_optimizer" minutes=15 level=3
def build_optimizer(model: nn.Module, kind: str = "muon", muon_lr: float = 0.02, muon_momentum: float = 0.95,
                    adamw_lr: float = 0.004, betas: tuple[float, float] = (0.9, 0.95),
                    weight_decay: float = 0.1) -> Together:
    """Muon for the matrices of the blocks and AdamW for embedding, head and norms; or AdamW for all.

    kind: "muon" or "adamw". Weight decay for whatever has two axes, none for norms. Every parameter is in one group.
    """
    ### BEGIN SOLUTION
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)
    ### END SOLUTION


# %%
# Given: a stand-in for a model, and who moves what in it.
class Toy(nn.Module):
    """Something with an embedding, blocks, a norm and a head; nothing in it computes."""

    def __init__(self, tied=False):
        super().__init__()
        self.embedding, self.norm, self.head = nn.Embedding(5, 4), RMSNorm(4), nn.Linear(4, 5, bias=False)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({"norm": RMSNorm(4), "up": nn.Linear(4, 6, bias=False)}) for _ in range(2))
        if tied:
            self.head.weight = self.embedding.weight


def moved_by(optimizer, model):
    """Parameter → who moves it, with which rate and decay. A parameter in several groups has several entries."""
    names = {id(p): name for name, p in model.named_parameters()}
    found = {}
    for one in optimizer.optimizers:
        for group in one.param_groups:
            for p in group["params"]:
                entry = f"{type(one).__name__} lr {group['lr']:g} decay {group['weight_decay']:g}"
                found.setdefault(names[id(p)], []).append(entry)
    return {name: " and ".join(entries) for name, entries in sorted(found.items())}


def settings_of(optimizer):
    """The momentum of Muon's groups and the betas of AdamW's."""
    return [[type(one).__name__, group.get("momentum"), group.get("betas")]
            for one in optimizer.optimizers for group in one.param_groups]


# %% check="build_optimizer: Muon for the matrices of the blocks, AdamW for the rest" points=3
toy = Toy()
check.equal(moved_by(build_optimizer(toy), toy),
            {"blocks.0.norm.weight": "AdamW lr 0.004 decay 0", "blocks.0.up.weight": "Muon lr 0.02 decay 0.1",
             "blocks.1.norm.weight": "AdamW lr 0.004 decay 0", "blocks.1.up.weight": "Muon lr 0.02 decay 0.1",
             "embedding.weight": "AdamW lr 0.004 decay 0.1", "head.weight": "AdamW lr 0.004 decay 0.1",
             "norm.weight": "AdamW lr 0.004 decay 0"},
            hint="Muon: matrices of model.blocks. AdamW: embedding, head with decay, norms without. Each once")
changed = build_optimizer(toy, muon_lr=0.3, muon_momentum=0.7, adamw_lr=0.05, betas=(0.8, 0.6), weight_decay=0.5)
check.equal(moved_by(changed, toy)["blocks.1.up.weight"], "Muon lr 0.3 decay 0.5",
            hint="muon_lr and weight_decay go to Muon")
check.equal(moved_by(changed, toy)["head.weight"], "AdamW lr 0.05 decay 0.5", hint="adamw_lr and weight_decay: AdamW")
check.equal(settings_of(changed), [["Muon", 0.7, None], ["AdamW", None, (0.8, 0.6)], ["AdamW", None, (0.8, 0.6)]],
            hint="muon_momentum goes to Muon, betas to AdamW; Muon first, and AdamW has two groups")
### BEGIN HIDDEN TESTS
deep = Decoder(7, 8, 2, 1, 4)
check.equal(moved_by(build_optimizer(deep, weight_decay=0.25), deep)["blocks.0.attention.sublayer.q_norm.weight"],
            "AdamW lr 0.004 decay 0", hint="the norms of queries and keys are vectors: AdamW, no decay")
check.equal(moved_by(build_optimizer(deep, weight_decay=0.25), deep)["blocks.0.feed_forward.sublayer.down.weight"],
            "Muon lr 0.02 decay 0.25", hint="every matrix of a block is Muon's")
### END HIDDEN TESTS

# %% check="build_optimizer: AdamW for all, and a tied head once" points=2
alone = Toy()
check.equal(moved_by(build_optimizer(alone, "adamw", adamw_lr=0.01), alone),
            {"blocks.0.norm.weight": "AdamW lr 0.01 decay 0", "blocks.0.up.weight": "AdamW lr 0.01 decay 0.1",
             "blocks.1.norm.weight": "AdamW lr 0.01 decay 0", "blocks.1.up.weight": "AdamW lr 0.01 decay 0.1",
             "embedding.weight": "AdamW lr 0.01 decay 0.1", "head.weight": "AdamW lr 0.01 decay 0.1",
             "norm.weight": "AdamW lr 0.01 decay 0"},
            hint='kind="adamw": all parameters, those with two axes decayed')
check.equal(len(build_optimizer(alone, "adamw").optimizers), 1, hint="AdamW alone: Together of one optimizer")
shared = Toy(tied=True)
check.equal(moved_by(build_optimizer(shared), shared)["embedding.weight"], "AdamW lr 0.004 decay 0.1",
            hint="the tied head is the embedding: it may be in one group only, once")
check.equal(moved_by(build_optimizer(shared, "adamw"), shared)["embedding.weight"], "AdamW lr 0.004 decay 0.1",
            hint="the tied head is the embedding: it may be in one group only, once")

# %% [markdown]
# A small model on the plays of Shakespeare, with each of the two. The text is cut to 1,115,394 characters, the
# length of a much used excerpt, so that our numbers are of the size of others'. **Before you run the next cell:**
# what do you expect of the first twenty steps, and of the hundredth?

# %% demo="two-optimizers" alt="Loss over 150 steps: the curve with Muon falls below the one with AdamW alone."
from internals.vocabularies import load_text

plays = load_text()[:1_115_394]
alphabet = sorted(set(plays))
numbers = {character: number for number, character in enumerate(alphabet)}
plays_ids = torch.tensor([numbers[character] for character in plays])
cut = int(0.9 * len(plays_ids))
read, kept_back = plays_ids[:cut], plays_ids[cut:]
curves, small_models = {}, {}
for kind in ("adamw", "muon"):
    torch.manual_seed(0)
    small = Decoder(len(alphabet), 64, 2, 2, 32)
    optimizer = build_optimizer(small, kind, adamw_lr=0.006)
    curves[kind] = train_loop(small, Batches(read, 16, 32), optimizer, 150, warmup=15)
    small_models[kind] = small
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for (kind, losses), style in zip(curves.items(), ("--", "-"), strict=True):
    ax.plot(range(5, 146), np.convolve(losses, np.ones(10) / 10, "valid"), style, color="black",
            label={"adamw": "AdamW alone", "muon": "Muon and AdamW"}[kind])
ax.axhline(math.log(len(alphabet)), color="0.6", linestyle=":", label="log V, a uniform guess")
ax.set(title="Two optimizers, the same model and batches", xlabel="step", ylabel="loss, mean of 10 steps [nats]")
ax.legend()
plt.show()
for kind, losses in curves.items():
    print(f"{kind:6} first {losses[0]:.4f}, last 20 {np.mean(losses[-20:]):.3f}; log V = {math.log(len(alphabet)):.4f}")

# %% [markdown]
# Both begin at log V, as they should. Over the last twenty steps the mean is 2.25 with AdamW alone and 2.12 with Muon.
# It is one seed and one learning rate for each, so take it as a hint; a longer comparison follows at the end.
#
# ## 4 · In which precision?
#
# Tensor cores multiply matrices in 16 bits many times faster than float32 units do. Which 16 bits depends on the card.
# From compute capability 8.0 on (Ampere, A100, 2020) there is bfloat16, which has the range of float32 and needs
# nothing else. Before (Volta and Turing: V100, T4) there is float16, which needs your `LossScaler`. On a CPU, float32:
# at the width of our laptop model bfloat16 is *slower* there (115 ms against 97 for the model alone, measured on one
# core), and faster only from a width of 384 on.

# %% tags=["export"]
FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# %% [markdown]
# **`choose_precision(capability, wanted="auto")`** ★☆☆☆☆ · 8 minutes
#
# | | | meaning |
# |---|---|---|
# | `capability` | (major, minor) or None | the card's, as `torch.cuda.get_device_capability()` gives it; None for a CPU |
# | `wanted` | "auto", "float32", "bfloat16" or "float16" | "auto": by the rule above |
# | result | `torch.dtype` | what the matrix products are to be computed in |
# | bfloat16 wanted, capability below (8, 0) | `ValueError` | PyTorch would emulate it, slowly. On a CPU it is allowed |
#
# <details><summary>Hint 1</summary>Settle "auto" first: which of the three names does it mean here? Then the rest is
# the same as for a name that was asked for.</details>
# <details><summary>Hint 2</summary>Tuples compare like words in a dictionary: <code>(7, 5) &lt; (8, 0)</code>. Compare
# whole tuples, not the second numbers.</details>
# <details><summary>Hint 3</summary><code>old = capability is not None and capability &lt; (8, 0)</code> answers two of
# the questions. <code>FORMATS[wanted]</code> is the dtype.</details>

# %% exercise="choose_precision" minutes=8 level=1
def choose_precision(capability: tuple[int, int] | None, wanted: str = "auto") -> torch.dtype:
    """The dtype of the matrix products: bfloat16 from compute capability 8.0 on, float16 before, float32 on a CPU.

    capability: of the card, None for a CPU. wanted: "auto", or a name in FORMATS, which is then what is returned.
    Raises ValueError for bfloat16 on a card that has none.
    """
    ### BEGIN SOLUTION
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]
    ### END SOLUTION


# %%
# Given: what is chosen for several cards.
def chosen(choose, wanted="auto"):
    """The dtype's name for a CPU, V100, T4, A100, L4, H100 and a B200."""
    cards = (None, (7, 0), (7, 5), (8, 0), (8, 9), (9, 0), (10, 0))
    return [str(choose(card, wanted) if wanted != "auto" else choose(card)).removeprefix("torch.") for card in cards]


# %% check="choose_precision: what the card has" points=2
check.equal(chosen(choose_precision), ["float32", "float16", "float16", "bfloat16", "bfloat16", "bfloat16", "bfloat16"],
            hint="auto for CPU, 7.0, 7.5, 8.0, 8.9, 9.0, 10.0: float32 on a CPU, bfloat16 from (8, 0) on, else float16")
check.equal(chosen(choose_precision, "float32"), ["float32"] * 7, hint="float32 where it is wanted")
check.equal(chosen(choose_precision, "float16")[:4], ["float16"] * 4, hint="float16 where it is wanted")
check.equal(str(choose_precision(None, "bfloat16")), "torch.bfloat16", hint="bfloat16 may be wanted on a CPU")
check.equal(str(choose_precision((8, 6), "bfloat16")), "torch.bfloat16", hint="bfloat16 is there from (8, 0) on")
check.raises(lambda: choose_precision((7, 5), "bfloat16"), ValueError,
             hint="a T4, compute capability 7.5, has no bfloat16: raise ValueError when it is asked for by name")
### BEGIN HIDDEN TESTS
check.raises(lambda: choose_precision((6, 1), "bfloat16"), ValueError, hint="a card of capability 6.1 has none either")
check.equal(str(choose_precision((12, 0))), "torch.bfloat16", hint="12.0 is later than 8.0")
### END HIDDEN TESTS

# %% [markdown]
# Asking for a precision is one thing, getting it another. `Products`, given in section 1, sits below autocast and
# writes down what the products really get. **Before you run the next cell:** the model's weights are float32
# throughout. In which dtype are its products, its norms, its gradients, when bfloat16 is asked for?

# %% demo="precision" alt="A table: asked for, products, attention, norms, gradients and loss, in three precisions."
sentence = read[:33][None]
print(f"{'asked for':10} {'products':10} {'attention':10} {'norms':9} {'stream':9} {'gradients':10} {'loss is':>8}")
for name, dtype in FORMATS.items():
    found = products_of(dtype, small_models["muon"], sentence[:, :-1])
    kinds = dtypes_of(small_models["muon"], sentence, dtype)
    with torch.no_grad():
        value = language_loss(small_models["muon"], sentence[:, :-1], sentence[:, 1:], dtype).item()
    print(f"{name:10} {found['product'][0]:10} {found['attention'][0]:10} {kinds['RMSNorm'][0]:9} "
          f"{kinds['Block'][0]:9} {kinds['gradients'][0]:10} {value:8.4f}")
if torch.cuda.is_available():
    card = torch.cuda.get_device_name()
    print(f"here: {card}, capability {torch.cuda.get_device_capability()}: "
          f"{choose_precision(torch.cuda.get_device_capability())}")
else:
    print(f"here: no GPU, so {choose_precision(None)}")

# %% [markdown]
# Products and attention follow what was asked for; norms, the stream, gradients and the loss stay in float32. Queries
# and keys leave their norms in float32, and autocast brings them back to 16 bits for the product. That is the whole of
# mixed precision: one context manager, around the model alone.
#
# ## 5 · A loss that can be compared
#
# The loss of a training batch is noisy, and it is measured on text that the model is learning. What two people can
# compare is the mean over a *whole* validation split. Cut it into windows of `length` tokens that do not overlap, let
# the model predict the next token at every place, and average over all tokens, each counted once. N tokens have N - 1
# predictions: the first token has nothing before it. The last window is usually shorter, and a mean over windows would
# give its tokens too much weight, so sum over tokens and divide once:
#
# $$\text{loss} = \frac{1}{N - 1} \sum_{t=1}^{N-1} -\log p(x_t \mid \text{what stands before it in its window})$$
#
# **`split_loss(model, ids, length, batch_size, dtype=torch.float32)`** ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `model` | (B, T) → (B, T, V) | left in the mode it is in; no gradients are kept |
# | `ids` | (N,), any integer dtype, on the CPU, N ≥ 2 | the split; perhaps memory-mapped: convert pieces, not the whole |
# | windows | inputs `ids[s : s + length]`, targets one further | s = 0, length, 2 · length, …; the last may be shorter |
# | `batch_size` | int | at most so many windows go through the model at once; the result does not depend on it |
# | `dtype` | `torch.dtype` | of the products, for `language_loss(model, inputs, targets, dtype)`, which returns a *mean* |
# | result | float | nats per token |
#
# <details><summary>Hint 1</summary>Take the split in stretches of <code>batch_size · length</code> predictions. Every
# stretch is a rectangle of full windows, and only the last has something left over.</details>
# <details><summary>Hint 2</summary>A stretch of n + 1 ids has n predictions: inputs are all but the last, targets all
# but the first. Of them <code>n // length * length</code> fit a <code>.view(-1, length)</code>; the rest is one row.
# Skip what is empty.</details>
# <details><summary>Hint 3</summary><code>total += language_loss(…).item() * targets.numel()</code>: a mean times its
# number is a sum. Ids become int64 by <code>.long()</code> and go to <code>next(model.parameters()).device</code>. The
# decorator <code>@torch.no_grad()</code> is given.</details>

# %% exercise="split_loss" minutes=15 level=3 forbid="losses_by_hand"
@torch.no_grad()
def split_loss(model: nn.Module, ids: Tensor, length: int, batch_size: int,
               dtype: torch.dtype = torch.float32) -> float:
    """Mean loss in nats over every token of a split but the first, each counted once.

    ids: (N,), N >= 2. Cut into windows of `length` that do not overlap: a token sees what came before it in its window.
    model: ids (B, T) → logits (B, T, V), B at most batch_size. dtype: of the matrix products, by autocast.
    """
    ### BEGIN SOLUTION
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length  # predictions in windows of full length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)
    ### END SOLUTION


# %%
# Given: a model that knows the place of a token in its window, and what it was asked.
class Watched(nn.Module):
    """Logits from the token and its place in the window; notes the shape of each call, and what it ran under."""

    def __init__(self, vocab_size=7, length=16):
        super().__init__()
        self.token, self.place = nn.Parameter(torch.empty(vocab_size, vocab_size)), nn.Parameter(torch.empty(length, 7))
        check.fill(self)
        self.calls = []

    def forward(self, ids):  # (B, T) -> (B, T, V)
        self.calls.append([*ids.shape, str(ids.dtype), torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")])
        return 2 * self.token[ids] + 2 * self.place[: ids.shape[1]]


def losses_by_hand(ids, length):
    """The mean loss of a new Watched, a token at a time."""
    model, losses = Watched(), []
    with torch.no_grad():
        for t in range(1, len(ids)):
            start = (t - 1) // length * length
            losses.append(F.cross_entropy(model(ids[None, start:t])[0, -1], ids[t]).item())
    return float(np.mean(losses))


class Elsewhere(Watched):
    """On the device "meta", which stands for a GPU; asked for logits, it notes where the ids are, and stops."""

    def forward(self, ids):
        self.calls.append(ids.device.type)
        raise InterruptedError


def device_of(split):
    """The device of the ids that a model on the device "meta" is given."""
    model = Elsewhere().to("meta")
    with contextlib.suppress(InterruptedError):
        split(model, torch.zeros(20, dtype=torch.int64), 8, 2)
    return model.calls[0] if model.calls else "the model was not called"


def calls_of(split, ids, length, batch_size, dtype=torch.float32):
    """What the model was asked: most rows, longest row, rows in all, dtypes, gradients ever, autocast always, mode."""
    model = Watched().train()
    split(model, ids, length, batch_size, dtype)
    rows, widths, dtypes, grads, coarse = (list(column) for column in zip(*model.calls, strict=True))
    return [max(rows), max(widths), sum(rows), sorted(set(dtypes)), any(grads), all(coarse), model.training]


# %% check="split_loss: every token once, in windows" points=3
watched = Watched()
check.close(split_loss(watched, check.randint(0, 7, (33,), seed=1), 8, 2),
            losses_by_hand(check.randint(0, 7, (33,), seed=1), 8),
            hint="33 tokens have 32 predictions, in 4 windows of 8: ids[s : s + 8] and one further, s = 0, 8, 16, 24")
check.close(split_loss(watched, check.randint(0, 7, (38,), seed=2), 8, 2),
            losses_by_hand(check.randint(0, 7, (38,), seed=2), 8),
            hint="38 tokens: 4 windows of 8, and one of 5 predictions; not a mean of means: sum, divide by 37")
check.close(torch.tensor([split_loss(watched, check.randint(0, 7, (n,), seed=n), 8, 2) for n in range(34, 43)]),
            torch.tensor([losses_by_hand(check.randint(0, 7, (n,), seed=n), 8) for n in range(34, 43)]),
            hint="splits of 34, 35, … 42 tokens: whatever is left over, from 1 to 8 predictions, must be counted")
check.close(split_loss(watched, check.randint(0, 7, (6,), seed=3), 8, 4),
            losses_by_hand(check.randint(0, 7, (6,), seed=3), 8),
            hint="a split shorter than a window is one short window")
check.close(split_loss(watched, check.randint(0, 7, (50,), seed=4), 8, 100),
            losses_by_hand(check.randint(0, 7, (50,), seed=4), 8),
            hint="more room in a batch than windows: the result does not depend on batch_size")
### BEGIN HIDDEN TESTS
check.close(split_loss(watched, check.randint(0, 7, (90,), seed=5), 16, 3),
            losses_by_hand(check.randint(0, 7, (90,), seed=5), 16),
            hint="90 tokens in windows of 16, 3 at once")
check.close(split_loss(watched, check.randint(0, 7, (18,), seed=6), 16, 1),
            losses_by_hand(check.randint(0, 7, (18,), seed=6), 16),
            hint="18 tokens: a window of 16, and one prediction left over")
### END HIDDEN TESTS

# %% check="split_loss: in batches, without gradients, in the precision asked for" points=2
check.equal(calls_of(split_loss, check.randint(0, 7, (45,), seed=7).to(torch.int32), 8, 2),
            [2, 8, 6, ["torch.int64"], False, False, True],
            hint="in order: windows at once; their length; windows in all; ids int64; gradients; autocast; mode kept")
check.equal(calls_of(split_loss, check.randint(0, 7, (45,), seed=7), 8, 4, torch.bfloat16)[4:], [False, True, True],
            hint="dtype=torch.bfloat16: hand it on to language_loss")
check.equal(str(type(split_loss(Watched(), check.randint(0, 7, (45,), seed=7), 8, 4))), "<class 'float'>",
            hint="return a plain float, not a tensor: .item()")
check.equal(device_of(split_loss), "meta", hint="the ids go to the model's device: next(model.parameters()).device")

# %% [markdown]
# How far off is the loss of a single batch? We take the small model of section 3 and compare 200 batches of 16 windows
# from the validation text with the whole split. **Before you run the next cell:** two models differ by 0.02 nats. Would
# a batch tell them apart?

# %% demo="one-batch" alt="Histogram of the losses of single batches around the line of the whole split's loss."
judged = small_models["muon"].eval()
whole_split = split_loss(judged, kept_back, 32, 64)
draws = Batches(kept_back, 16, 32, seed=5)
with torch.no_grad():
    singles = [language_loss(judged, *draws.next_batch()).item() for _ in range(200)]
figure, ax = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
ax.hist(singles, bins=25, color="0.75", edgecolor="black")
ax.axvline(whole_split, color="black", linewidth=2, label=f"whole split: {whole_split:.3f}")
ax.set(title="200 batches of 512 tokens", xlabel="loss of the batch [nats per token]", ylabel="batches")
ax.legend()
plt.show()
print(f"whole split of {len(kept_back):,} tokens: {whole_split:.4f}; batches: mean {np.mean(singles):.4f}, "
      f"deviation {np.std(singles):.4f}")

# %% [markdown]
# A single batch is off by 0.06 nats, one deviation, so it cannot see a difference of 0.02. The whole split is 218 times
# as long, so chance moves it about fifteen times less; and for two models on the *same* split most of even that
# cancels.
#
# ## 6 · How much work is a token?
#
# The training loop's notebook counted: a weight that takes part in a matrix product costs 6 operations per token, 2 in
# the forward pass and 4 in the backward pass, and attention adds $12\,L\,D\,T$ for its scores and mixtures. Divided by
# time and by the peak of the machine, this says how well the machine is used. Your `flops_per_token(num_weights,
# num_layers, d_model, length)` has the formula. What is left is to count the right weights.
#
# **`model_flops(model)`** ★★☆☆☆ · 7 minutes
#
# | | | meaning |
# |---|---|---|
# | `model` | a `Decoder` | has `embedding`, `blocks`, `head`, `length` |
# | counted | weights with two axes | an embedding is looked up, not multiplied; gains of norms multiply, but not as a matrix product |
# | a tied head | counted once | the table is looked up at the bottom *and* multiplied at the top |
# | result | a number | operations for one token in a window of `model.length`, forward and backward |
#
# <details><summary>Hint 1</summary>Add up <code>numel()</code> of the parameters with two axes. Which of them is no
# product?</details>
# <details><summary>Hint 2</summary>Subtract the embedding, unless it is the head as well:
# <code>model.head.weight is model.embedding.weight</code>.</details>
# <details><summary>Hint 3</summary>L is <code>len(model.blocks)</code>, D is
# <code>model.embedding.embedding_dim</code>, T is <code>model.length</code>.</details>

# %% exercise="model_flops" minutes=7 level=2
def model_flops(model: nn.Module) -> float:
    """Operations of a forward and a backward pass of a Decoder for one token. Chowdhery et al. 2022, Appendix B

    Counts matrix products, attention's with all `length` tokens: the half that is masked too, as is usual.
    """
    ### BEGIN SOLUTION
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length)
    ### END SOLUTION


# %% check="model_flops: six for each weight in a product, and attention on top" points=2
check.equal(int(model_flops(Decoder(11, 16, 2, 3, 8, d_ff=24))), 44832,
            hint="3 (4 · 16² + 3 · 16 · 24) + 11 · 16 weights, times 6; and 12 · 3 · 16 · 8. No embedding, no norms")
check.equal(int(model_flops(Decoder(11, 16, 2, 3, 8, d_ff=24, tied=True))), 44832,
            hint="a tied table is multiplied by at the top: count it once")
check.equal(int(model_flops(Decoder(31, 8, 4, 2, 16))), 14544,
            hint="2 layers of (4 · 8 · 8 + 3 · 8 · 24), head 31 · 8, and 12 · 2 · 8 · 16")
### BEGIN HIDDEN TESTS
check.equal(int(model_flops(Decoder(65, 128, 4, 1, 64))), 1334016, hint="one layer of the laptop's width")
### END HIDDEN TESTS

# %% [markdown]
# Is the formula right? PyTorch can count what a program really multiplies. **Before you run the next cell:** at which
# length of the window does attention cost as much as all the weights, for the laptop's model?

# %% demo="flops" alt="Operations per token against window length: level for weights, rising for attention."
from torch.utils.flop_counter import FlopCounterMode

lengths = [16, 64, 256, 1024, 4096]
measured = []
for span in lengths[:3]:
    counted = Decoder(len(alphabet), 128, 4, 4, span, fused=False)
    with FlopCounterMode(display=False) as counter:
        language_loss(counted, read[None, :span], read[None, 1 : span + 1]).backward()
    measured.append(counter.get_total_flops() / span)
with torch.device("meta"):
    formula = [model_flops(Decoder(len(alphabet), 128, 4, 4, span)) for span in lengths]
fixed = formula[0] - 12 * 4 * 128 * lengths[0]
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
ax.plot(lengths, formula, "-", color="black", label="model_flops")
ax.plot(lengths, [fixed] * 5, ":", color="black", label="weights alone")
ax.plot(lengths, [f - fixed for f in formula], "--", color="0.5", label="attention alone")
ax.plot(lengths[:3], measured, "o", color="black", label="counted by PyTorch")
ax.set(title="The laptop's model", xlabel="tokens in a window, T", ylabel="operations per token", xscale="log",
       yscale="log")
ax.legend()
plt.show()
for span, by_formula, by_torch in zip(lengths, formula, measured, strict=False):
    print(f"T = {span:4}: formula {by_formula:,.0f}, PyTorch counts {by_torch:,.0f}, ratio {by_torch / by_formula:.4f}")
print(f"attention costs as much as the weights at T = {fixed / (12 * 4 * 128):.0f}")

# %% [markdown]
# The formula is exact, to the last operation. At our 64 tokens attention is 8% of the work; the two are equal at 781
# tokens, which is why long windows need other ideas.
#
# ## 7 · The run
#
# Everything is there. `train_decoder` puts it together, in the order in which a run is *reproducible*: the seed, then
# the model, whose random weights depend on it; the optimizer; the batches, with a generator of their own; the scaler,
# if and only if the format needs one; your `train`, which steps, saves and resumes; and the loss on the whole
# validation split, in evaluation mode.
#
# Your training loop is here called `train_loop`: `train_loop(model, batches, optimizer, steps, warmup=…, dtype=…,
# scaler=…, log=…, path=…, every=…, resume=…)` returns the losses of the steps that it took. Its other settings keep
# their defaults: a cosine schedule, gradients clipped to norm 1.
#
# **`train_decoder(tokens, validation, shape, rates, steps, …)`** ★★★☆☆ · 20 minutes
#
# | | | meaning |
# |---|---|---|
# | `tokens`, `validation` | (N,), (M,), integers | the two splits, on the CPU |
# | `shape` | dict | arguments of `Decoder`, by name; `shape["length"]` is the windows' length too |
# | `rates` | dict | further arguments of `build_optimizer`, by name; may be empty |
# | `steps`, `batch_size`, `warmup` | ints | the budget: `batch_size` windows a step, also at most so many at once when evaluating |
# | `seed` | int | of `torch.manual_seed`, called first, and of `Batches` |
# | `dtype` | `torch.dtype` | of the products, in training and in evaluation; `LossScaler()` for float16 only, else None |
# | `device` | str | where the model is; move it before the optimizer is built |
# | `log`, `path`, `every`, `resume` | as in `train` | handed on |
# | result | (`Decoder`, list, float) | the model in evaluation mode, the losses of `train_loop`, the loss on the whole of `validation` |
#
# <details><summary>Hint 1</summary>Seven lines, in the order of the paragraph above. Nothing is computed here that an
# earlier part does not compute.</details>
# <details><summary>Hint 2</summary><code>Decoder(**shape)</code> hands a dict on as named arguments;
# <code>.to(device)</code> returns the model. <code>Batches(tokens, batch_size, length, seed)</code>.</details>
# <details><summary>Hint 3</summary><code>model.eval()</code> returns the model too. A resumed run takes the seed,
# builds everything anew, and lets <code>train_loop(…, resume=True)</code> overwrite it with the state of the
# file.</details>

# %% exercise="train_decoder" minutes=20 level=3
def train_decoder(tokens: Tensor, validation: Tensor, shape: dict, rates: dict, steps: int, batch_size: int = 12,
                  warmup: int = 0, seed: int = 0, dtype: torch.dtype = torch.float32, device: str = "cpu", log=None,
                  path: str | Path | None = None, every: int = 0,
                  resume: bool = False) -> tuple[Decoder, list[float], float]:
    """Train a Decoder for a budget, or go on with a run that was stopped.

    shape: arguments of Decoder. rates: of build_optimizer. log, path, every, resume: as in the training loop.
    Returns the model in evaluation mode, the losses of the steps taken, and the loss on the validation split.
    """
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)
    ### END SOLUTION


# %%
# Given: a tiny language, a tiny model, and runs of it.
def echo_text(count, seed):
    """Words of two letters out of four, said twice: "ab:ab;", so that half of the tokens can be known for certain.

    Tokens: 0 to 3 the letters, 4 the colon, 5 the semicolon. Returns (count,), int64.
    """
    words = torch.randint(4, (count // 6 + 1, 2), generator=torch.Generator().manual_seed(seed))
    colons, ends = torch.full((len(words), 1), 4), torch.full((len(words), 1), 5)
    return torch.cat([words, colons, words, ends], dim=1).flatten()[:count]


SHAPE = {"vocab_size": 6, "d_model": 32, "num_heads": 2, "num_layers": 2, "length": 24}
RATES = {"muon_lr": 0.05, "adamw_lr": 0.02}


def short_run(run, steps=6, seed=0, **settings):
    """A run of a few steps; its losses and validation loss, its learning rates, and all weights at the end."""
    rates = []
    model, losses, loss = run(echo_text(2000, 1), echo_text(300, 2), SHAPE, RATES, steps, batch_size=4, seed=seed,
                              log=lambda record: rates.append(record["lr"]), **settings)
    return losses, loss, rates, torch.cat([p.detach().flatten() for p in model.parameters()]), model


def batches_of(run, seed):
    """The first batch that a short run's model reads, as a list, and the most windows it is given in evaluation."""
    seen = {True: [], False: []}
    hook = torch.nn.modules.module.register_module_forward_hook(
        lambda module, inputs, out: seen[module.training].append(inputs[0]) if type(module) is nn.Embedding else None)
    try:
        short_run(run, 1, seed)
    finally:
        hook.remove()
    return [seen[True][0].tolist() if seen[True] else "no batch", max(map(len, seen[False]), default=0)]


def stopped_and_resumed(run, at, dtype=torch.float32):
    """Stop a run of 8 steps behind step `at`, saved every 2; go on: steps that were left, same losses, same weights."""
    path = Path(tempfile.mkdtemp()) / "run.pt"

    def stop(record):
        if record["step"] == at + 1:
            raise InterruptedError

    torch.manual_seed(101)  # as if each run were in a program of its own
    whole, loss, _, weights, _ = short_run(run, 8, warmup=2, dtype=dtype)
    torch.manual_seed(102)
    with contextlib.suppress(InterruptedError):
        run(echo_text(2000, 1), echo_text(300, 2), SHAPE, RATES, 8, batch_size=4, warmup=2, dtype=dtype, path=path,
            every=2, log=stop)
    torch.manual_seed(103)
    rest, again, _, after, _ = short_run(run, 8, warmup=2, path=path, every=2, resume=True, dtype=dtype)
    return [len(rest), rest == whole[-len(rest):] and again == loss, torch.equal(after, weights)]


def formats_of(run, dtype):
    """Dtypes that linear layers return in training and in evaluation; those of the saved weights; is there a scaler?"""
    seen, path = {True: set(), False: set()}, Path(tempfile.mkdtemp()) / "run.pt"

    def note(module, inputs, out):
        if isinstance(module, nn.Linear):
            seen[module.training].add(str(out.dtype).removeprefix("torch."))

    hook = torch.nn.modules.module.register_module_forward_hook(note)
    try:
        short_run(run, 2, dtype=dtype, path=path)
    finally:
        hook.remove()
    saved = torch.load(path, weights_only=True)
    weights = sorted({str(weight.dtype).removeprefix("torch.") for weight in saved["model"].values()})
    return [sorted(seen[True]), sorted(seen[False]), weights, "no scaler" if saved["scaler"] is None else "scaler"]


# %% check="train_decoder: the loss that this budget reaches" points=4
trained, losses, validation_loss = train_decoder(echo_text(3400, 1), echo_text(600, 2), SHAPE, RATES, 100,
                                                 batch_size=16, warmup=10)
check.equal(len(losses), 100, hint="the second result is what train_loop returns: the losses of 100 steps")
check.close(losses[0], 1.791759, hint="the first loss is log 6: nothing is learnt yet, six tokens are equally likely")
check.below(validation_loss, 0.84,
            hint="too high: a right run gets to 0.53 to 0.68. Are shape, rates, batch_size and warmup handed on?")
check.above(validation_loss, 0.45,
            hint="lower than 0.46, the entropy of this text: the model sees what it should predict")
check.above(split_loss(trained, echo_text(300, 3), 24, 8), 0.45, hint="the first result is the trained model")
check.below(split_loss(trained, echo_text(300, 3), 24, 8), 0.9, hint="the first result is the trained model")

# %% check="train_decoder: a run that can be repeated" points=2
first, first_loss, first_rates, first_weights, first_model = short_run(train_decoder, warmup=3)
third, third_loss, _, _, third_model = short_run(train_decoder, seed=1, warmup=3)
second, second_loss, _, second_weights, _ = short_run(train_decoder, warmup=3)
check.equal([first == second, first_loss == second_loss, torch.equal(first_weights, second_weights), 6],
            [True, True, True, 6], hint="the same seed, and the runs differ: torch.manual_seed(seed), Batches(…, seed)")
check.equal([first[1] == third[1], first_loss == third_loss, 6], [False, False, 6],
            hint="seeds 0 and 1 gave the same run: the seed goes to torch.manual_seed and to Batches")
check.above((first_model.embedding.weight - third_model.embedding.weight).detach().std(), 0.7,
            hint="seeds 0 and 1 began with the same weights: torch.manual_seed(seed), before the model is made")
for its_seed in (0, 1):
    first_batch, most = batches_of(train_decoder, its_seed)
    check.equal(first_batch, Batches(echo_text(2000, 1), 4, 24, its_seed).next_batch()[0].tolist(),
                hint="the first batch is not that of Batches(tokens, batch_size, shape['length'], seed)")
    check.below(most, 5, hint="batch_size=4: at most 4 windows at once in evaluation too: hand it on to split_loss")
check.close(torch.tensor(first_rates) / 0.05, torch.tensor([1 / 3, 2 / 3, 1.0, 1.0, 0.75, 0.25]),
            hint="learning rates as shares of Muon's 0.05: warmup=3 of 6 steps, then a cosine: hand on warmup and log")
check.equal([first_model.training, first_model.length, len(first_model.blocks)],
            [False, 24, 2], hint="the model comes back in evaluation mode, and has the shape asked for")
check.same(first_loss, split_loss(first_model, echo_text(300, 2), 24, 4), atol=1e-6, rtol=1e-6,
           hint="the last result is the split_loss of the validation tokens, in windows of shape['length']")
check.raises(lambda: short_run(train_decoder, 1, device="no such device"), RuntimeError,
             hint="device is not looked at: the model goes there, .to(device), before the optimizer is built")

# %% check="train_decoder: stopped and resumed, it is the same run" points=3
check.equal(stopped_and_resumed(train_decoder, 4), [4, True, True],
            hint="in order: 4 steps are left; their losses; the weights, to the bit. Hand on path, every, resume")
check.equal(stopped_and_resumed(train_decoder, 6, torch.float16), [2, True, True],
            hint="in float16 the scaler is saved and resumed too")
### BEGIN HIDDEN TESTS
check.equal(stopped_and_resumed(train_decoder, 2), [6, True, True], hint="stopped behind step 2 of 8")
### END HIDDEN TESTS

# %% check="train_decoder: the precision asked for is the one used" points=2
check.equal(formats_of(train_decoder, torch.bfloat16), [["bfloat16"], ["bfloat16"], ["float32"], "no scaler"],
            hint="in order: products in training; in evaluation, after model.eval(); saved weights; no scaler")
check.equal(formats_of(train_decoder, torch.float32), [["float32"], ["float32"], ["float32"], "no scaler"],
            hint="for float32: no autocast, no scaler")
check.equal(formats_of(train_decoder, torch.float16), [["float16"], ["float16"], ["float32"], "scaler"],
            hint="for float16: products in float16, and a LossScaler(), which is in the checkpoint")

# %% [markdown]
# Now stop a run in front of our eyes: 60 steps on the plays, the plug pulled behind step 35. Checkpoints are written
# every 10 steps. **Before you run the next cell:** at which step does the second run begin, and will the two curves lie
# on each other where both exist?

# %% demo="resume" alt="An uninterrupted curve with a resumed run's dots exactly on it, from step 31 on."
shape = {"vocab_size": len(alphabet), "d_model": 64, "num_heads": 2, "num_layers": 2, "length": 32}
folder = Path(tempfile.mkdtemp())


def pull_the_plug(record):
    """What happens at night."""
    if record["step"] == 36:
        raise InterruptedError("power cut behind step 35")


_, straight, straight_loss = train_decoder(read, kept_back[:20_000], shape, {}, 60, warmup=10)
try:
    train_decoder(read, kept_back[:20_000], shape, {}, 60, warmup=10, path=folder / "run.pt", every=10,
                  log=pull_the_plug)
except InterruptedError as problem:
    print(problem)
_, resumed, resumed_loss = train_decoder(read, kept_back[:20_000], shape, {}, 60, warmup=10, path=folder / "run.pt",
                                         every=10, resume=True)
begins = 60 - len(resumed)
print(f"the second run begins behind step {begins}; validation loss {straight_loss:.6f} and {resumed_loss:.6f}; "
      f"largest difference of the losses {max(abs(a - b) for a, b in zip(straight[begins:], resumed, strict=True))}")
figure, ax = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
ax.plot(range(1, 61), straight, color="0.6", linewidth=3, label="not interrupted")
ax.plot(range(begins + 1, 61), resumed, "k.", markersize=5, label="resumed from step 30")
ax.axvline(35, color="black", linestyle=":", label="power cut")
ax.set(title="The same run, to the last bit", xlabel="step", ylabel="loss [nats]")
ax.legend()
plt.show()

# %% [markdown]
# Five steps are lost and done again, with the same batches and the same results: the difference is not small, it is
# zero.
#
# ## 8 · Your model
#
# The trainer takes `Decoder`, `build_optimizer`, `choose_precision`, `split_loss` and `model_flops` from this notebook,
# and steps, batches and checkpoints from your training loop. Around them it has what a run of days needs besides:
# settings in a file and on the command line, texts of any size by memory map, byte pairs (your tokenizer), several
# GPUs, `torch.compile`, and an answer to a full disk, a damaged file, Ctrl-C. Read it in `internals/capstone/`; it is
# short. `train_decoder` is its `train` without all that.
#
# First the table: whose parts is this made of?

# %% demo="whose" alt="A table of the parts that this notebook imported, and whose each is."
import autograder.parts

autograder.parts.whose()
print("and from this notebook: CausalSelfAttention, Decoder, build_optimizer, choose_precision, split_loss, "
      "model_flops, train_decoder")

# %% [markdown]
# A part is yours if your notebook lies beside this one and its checks pass there; "ours" says why not. Nothing is wrong
# with a borrowed part, but a report should say so, and the model card does.
#
# What must the model beat? The n-gram models of *language_models*, counted on the same text: add-α with four
# characters, and Witten and Bell's interpolation with five. They know nothing but counts, and they are hard to beat for
# a small network in a short time.

# %% demo="n-grams" alt="Two numbers: the loss of the four-gram and of the five-gram on the validation text."
def count_loss(order, probability):
    """Nats per character of an n-gram model on the characters of the validation text but the first."""
    known, total = {}, 0.0
    for i in range(1, len(ending)):
        key = ending[max(0, i - order + 1) : i + 1]
        if key not in known:
            known[key] = -math.log(probability(key[:-1], key[-1]))
        total += known[key]
    return total / (len(ending) - 1)


beginning, ending = plays[:cut], plays[cut:]
counts = count_ngrams(beginning, 5)  # histories of every length up to four
baselines = {
    "four-gram, add-α": count_loss(4, lambda h, c: ngram_probability(counts, h, c, 0.03, len(alphabet))),
    "five-gram, Witten–Bell": count_loss(5, lambda h, c: interpolated_probability(counts, h, c, len(alphabet))),
}
for name, loss in baselines.items():
    print(f"{name:24} {loss:.4f} nats per character")

# %% [markdown]
# And now the run: the configuration `cpu`, 0.8 million parameters, for 700 of its 2,000 steps, about two minutes on one
# quiet core. On a GPU the cell chooses the larger configuration of a T4 or, where bfloat16 is to be had, the same model
# in bfloat16, and takes 1,000 steps. **Before you run it:** the model will have read 700 × 768 tokens, half of the text
# once. Will it beat the n-grams?

# %% demo="the-run" alt="The loss while it falls, drawn anew during the run; then a line for each evaluation."
from internals.capstone.parts import load_parts
from internals.capstone.train import train as run_trainer

(folder / "plays.txt").write_text(plays, encoding="utf-8")
here = {"Decoder": Decoder, "build_optimizer": build_optimizer, "choose_precision": choose_precision,
        "split_loss": split_loss, "model_flops": model_flops}
with contextlib.redirect_stdout(io.StringIO()):  # the table once more
    mine = load_parts("autograder.parts", own=here)
if torch.cuda.is_available():
    configuration = load_config("t4", ["train.steps=1000", "train.evaluate_every=250", "machine.compile=false"])
else:
    configuration = load_config("cpu", ["train.steps=700", "train.evaluate_every=175", "train.log_every=25",
                                        "machine.threads=1"])
plot = LivePlot(configuration.train.steps, every=25)
result = run_trainer(configuration, folder / "mine", folder / "plays.txt", parts=mine, watch=plot)

# %% [markdown]
# In this picture a point is the mean of 25 steps, not "each step", and the running mean, which is made for single steps,
# lags far behind: go by the grey line. The log has everything that happened, a line of JSON for each event.

# %% demo="against-n-grams" alt="Training and validation loss over the steps, and level lines for two n-gram models."
from internals.capstone.log import Log

records = Log(folder / "mine" / "log.jsonl").records()
training = [(r["step"], r["loss"]) for r in records if "loss" in r]
evaluations = [r for r in records if "validation_loss" in r]
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.plot(*zip(*training, strict=True), color="0.6", label="training")
ax.plot([r["step"] for r in evaluations], [r["validation_loss"] for r in evaluations], "ko-",
        label="validation, whole split")
for (name, loss), style in zip(baselines.items(), ("--", ":"), strict=True):
    ax.axhline(loss, color="black", linestyle=style, linewidth=1, label=f"{name}: {loss:.2f}")
ax.set(title="Your transformer against counting", xlabel="step", ylabel="loss [nats per character]", ylim=(1.2, 3.2))
ax.legend()
plt.show()
print(f"validation loss {result.validation_loss:.4f}, {result.tokens_per_second:,.0f} tokens/s, "
      f"utilisation {'unknown' if result.utilisation is None else f'{result.utilisation:.0%}'}")

# %% [markdown]
# On a CPU, where our run took these 700 steps, the whole split came to 2.01, 1.87, 1.77 and 1.70 nats per character at
# the four evaluations. Between steps 525 and 700 it passes the four-gram (1.75); the five-gram (1.67) is still ahead.
# Counting is a strong opponent for as little reading as this, and 2,000 steps are needed to leave it behind.
#
# The training loss at the end is lower, about 1.45, although the model has read half as many characters as there are.
# This is not learning by heart. The first nine tenths of our text are comedies for the most part, the last tenth is
# histories, and three in five of its speeches are by people who have not spoken before: it is another kind of text.
#
# What has it learnt, and in which order? Move the slider through the samples that were written at each evaluation,
# always from the same random numbers. (Where there are no sliders: `show_sample(0)` in a new cell.)

# %% demo="samples" alt="A slider over the evaluations; below it the text that the model wrote then."
def show_sample(number):
    """What the model wrote at an evaluation."""
    record = evaluations[number]
    print(f"step {record['step']}, validation loss {record['validation_loss']:.3f}\n{record['sample'].strip()}")


try:
    from ipywidgets import IntSlider, interact

    interact(show_sample, number=IntSlider(len(evaluations) - 1, min=0, max=len(evaluations) - 1))
except ImportError:
    for number in range(len(evaluations)):
        show_sample(number)

# %% [markdown]
# Does it use its context? `split_loss` averages over all places of a window. The next cell does not average: it shows
# the loss at each place, from the first token, which is predicted from one token alone, to the sixty-fourth. **Before
# you run it:** how far back do you think this model really looks?

# %% demo="by-place" alt="Loss against tokens seen, doubling: falls from 2.6 to 1.7 over four tokens, then slowly."
form = configuration.model
place = "cuda" if torch.cuda.is_available() else "cpu"
best = Decoder(len(alphabet), form.d_model, form.heads, form.layers, form.length).to(place)
best.load_state_dict(torch.load(folder / "mine" / "best.pt", map_location="cpu", weights_only=True)["model"])
best.eval()
rows = kept_back[: (len(kept_back) - 1) // form.length * form.length + 1].to(place)
inputs, targets = rows[:-1].view(-1, form.length), rows[1:].view(-1, form.length)
with torch.no_grad():
    by_place = torch.cat([F.cross_entropy(best(i).mT, t, reduction="none")
                          for i, t in zip(inputs.split(64), targets.split(64), strict=True)]).mean(0)  # (T,)
edges = [2**power for power in range(int(math.log2(form.length)))]
groups = [(low, by_place[low - 1 : 2 * low - 1].mean().item()) for low in edges]
figure, ax = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
ax.plot(*zip(*groups, strict=True), "o-", color="black")
ax.set(title="More to read, less to guess", xlabel="tokens seen, from this number to its double", xscale="log",
       ylabel="loss [nats per character]", xticks=edges)
ax.set_xticklabels(map(str, edges))
plt.show()
print("; ".join(f"from {low}: {loss:.2f}" for low, loss in groups))

# %% [markdown]
# From our run: 2.65 from one character, 2.04 from two or three, 1.70 from four to seven, and then hardly less, 1.66
# from 32 and more. After 700 steps this model is a good counter of short stretches, like the n-grams that it is
# compared with; what a transformer is for, using what stood far back, it has not begun to learn. Look again after a
# longer run.
#
# At the end of a run the trainer writes a model card (Mitchell et al. 2019): what was trained, on what, by whose parts,
# how well it does, and what it is not good for.

# %% demo="card" alt="The model card of the run, as text: results, data and machine, limits, a sample, settings, parts."
print((folder / "mine" / "model_card.md").read_text(encoding="utf-8"))

# %% [markdown]
# ### How to go on
#
# In a terminal, in the folder of the course. `--parts mine` takes your notebooks' parts, as far as their checks pass;
# `--resume` goes on with a run; `--set` changes any setting.
#
# | where | command | what to expect |
# |---|---|---|
# | a laptop | `python -m internals.capstone --config cpu --parts mine` | 2,000 steps in about five minutes on a quiet core |
# | one T4, free on Colab | `python -m internals.capstone --config t4 --parts mine` | 10.7 M parameters, float16 with loss scaling; sized for a quarter of an hour, not measured on a T4 by us |
# | an A100 or H100 | `python -m internals.capstone --config a100 --text FILE` | bfloat16, byte pairs; bring a text of a gigabyte or so |
# | eight GPUs | `torchrun --nproc-per-node 8 -m internals.capstone --config h100 --text FILE` | each batch shared out; the same losses as on one |
#
# What 2,000 steps of `cpu` are worth, measured by us on an excerpt of 1,115,394 characters (Karpathy's "tiny
# Shakespeare", another edition of some of these plays, so that numbers differ a little from those above):
#
# | model | validation loss, nats per character |
# |---|---|
# | your decoder, Muon and AdamW | 1.58 |
# | your decoder, AdamW alone | 1.66 |
# | five-gram, Witten–Bell | 1.67 |
# | four-gram, add-α | 1.78 |
#
# The next cell is optional. If you change `False` to `True`, it trains for all 2,000 steps, about five minutes on a
# quiet core. The schedule of the learning rate depends on the number of steps, so it starts anew and does not resume.
# It should pass the five-gram clearly; we ran it on the excerpt of the table only.

# %% demo="long-run" alt="Nothing, unless switched on: then the lines of a run of 2,000 steps."
if False:  # about five minutes
    long_configuration = load_config("cpu", ["machine.threads=1"])
    long_result = run_trainer(long_configuration, folder / "long", folder / "plays.txt", parts=mine,
                              watch=LivePlot(2000, every=50))
    print(f"{long_result.validation_loss:.4f}")

# %% [markdown]
# Whoever wants more: the notebooks on supervised fine-tuning and on preference optimization, which come later, take a
# trained model and make it follow instructions, and then you can chat with it.
#
# ## Recap
#
# - Queries and keys are normalised per head, then turned; values neither. Everything ends in zeros at first, so the
#   first loss is log V.
# - Muon for matrices inside the blocks, AdamW for tables and gains, no decay for gains, and a tied table once.
# - bfloat16 from compute capability 8.0 on, float16 with a scaler before, float32 on a CPU; measure what you got.
# - A loss to compare is the mean over every token of a whole split.
# - Six operations for each weight in a product, and $12\,L\,D\,T$ for attention.
# - Seed, model, optimizer, batches, scaler, loop, evaluation: then a run can be stopped, resumed and repeated to the
#   bit.

# %% [markdown]
# ## The report
#
# Train a model of your own with the trainer, and change *one* thing: the width, the optimizer, the length of the
# window, the tokens, the text, the schedule, the initialisation, whatever you are curious about. Run the unchanged
# model with the same budget and two seeds or more, so that you know how much chance alone does. Then write one to two
# pages. The report is graded by hand, and must contain:
#
# 1. **Setting** (1 point). Which text, how many tokens, which configuration and what of it you changed; machine,
#    precision *actually used*, steps, seconds; whose parts.
# 2. **Loss** (2 points). Validation loss of both models on the whole split, with the spread over seeds, next to a
#    baseline that needs no network; a plot of loss against steps, or against time if the change makes steps cheaper or
#    dearer.
# 3. **What the change did, and why you think so** (2 points). First what you expected, then what came; is the
#    difference larger than chance? A change that did nothing is as good a result as any, if it is shown.
# 4. **Samples** (1 point). Two or three, not only the best; what in them is right, and what is wrong.
# 5. **Limits** (2 points). What the numbers do not show; what you would do with ten times the budget, and what that
#    would cost.

# %% [markdown] essay="report" points=8
# *Model report, shortened.* **Setting.** The 38 plays cut to 1,115,394 characters, the first nine tenths to train on,
# 65 or so kinds of character. Configuration `cpu` (width 128, 4 layers, 4 heads, 64 characters), 700 steps of 12 × 64
# tokens; changed: `optimizer.kind=adamw` instead of Muon for the matrices of the blocks. One core, float32 (measured:
# every product in float32), about two minutes a run; all parts mine but the tokenizer. *(1: text, budget, change,
# machine, measured precision and parts are all there.)*
#
# **Loss.** On the whole validation split: with Muon the mean and the spread of three seeds, with AdamW likewise, beside
# the five-gram counted on the same text; plot of both, three thin lines each. *(2: whole split; seeds and their spread;
# a baseline; a plot.)*
#
# **What the change did.** I expected AdamW to be a little worse and faster per step, because Muon multiplies matrices
# five rounds for each update. The difference after the same steps is several times the spread over seeds, so it is not
# chance. But AdamW's steps are cheaper, and in the same *time* it takes more of them: at equal time the difference
# shrinks, and I show that plot too. I did not search learning rates for AdamW again, so part of the difference may be
# tuning. *(2: an expectation; a comparison with chance; a confound that is named.)*
#
# **Samples.** Names in capitals, colons and line breaks are right after 175 steps; most words exist after 700; no
# sentence means anything, and speakers answer nobody. The AdamW model writes more words that do not exist. *(1: several
# samples, described, not only praised.)*
#
# **Limits.** One text, one size, one budget: whether Muon's lead lasts for larger models is not shown. The validation
# text is histories where most of the training text is comedies, with other people in it: part of the loss is that, and
# not the model. With ten times the budget I would train the T4 configuration for 2,000 steps, with the operations
# counted by `model_flops`, and three seeds of each. *(2: limits that follow from this setting, and a next step with its
# cost.)*

# %% [markdown]
# ## Sources
#
# - Radford, Wu, Child, Luan, Amodei, Sutskever 2019. *Language Models are Unsupervised Multitask Learners.* §2.3: the
#   order of norms.
# - Zhang, Sennrich 2019. *Root Mean Square Layer Normalization.* arXiv 1910.07467. Shazeer 2020. *GLU Variants Improve
#   Transformer.* arXiv 2002.05202. Su et al. 2021. *RoFormer.* arXiv 2104.09864.
# - Chowdhery et al. 2022. *PaLM.* arXiv 2204.02311, Appendix B: operations per token and utilisation. Touvron et al.
#   2023. *LLaMA.* arXiv 2302.13971, §2.2.
# - Henry, Dachapally, Pawar, Chen 2020. *Query-Key Normalization for Transformers.* arXiv 2010.04245. Dehghani et al.
#   2023. *Scaling Vision Transformers to 22 Billion Parameters.* arXiv 2302.05442, §2. Qwen3 (2025) normalises queries
#   and keys as we do.
# - Dao, Fu, Ermon, Rudra, Ré 2022. *FlashAttention.* arXiv 2205.14135.
# - Jordan, Jin, Boza, You, Cesista, Newhouse, Bernstein 2024. *Muon: An optimizer for hidden layers in neural
#   networks.*
# - Micikevicius et al. 2018. *Mixed Precision Training.* arXiv 1710.03740.
# - Mitchell et al. 2019. *Model Cards for Model Reporting.* arXiv 1810.03993.
# - PyTorch documentation of `torch.amp`, `scaled_dot_product_attention` and `torch.utils.flop_counter`.
