# %% [markdown]
# # T5, and sharing weights
#
# ## What you will build
#
# T5, the encoder–decoder in which every task is text in, text out: `T5Attention`, which does not divide by √d;
# `t5_init`, which is why it need not; `T5Block`, `T5Stack` and `T5`, with one table of relative positions for all
# layers of a stack; `shift_right`, which makes the decoder's inputs; and `share_layers`, with which a model of six
# layers keeps the weights of one. About an hour and a quarter. You train a T5 that obeys three commands, measure what
# sharing costs and what it saves, and find out on two small tasks when an encoder, a decoder or both are the right
# choice.
#
# ## When it was invented, and why it matters
#
# By 2019 there were encoders (BERT), decoders (GPT) and encoder–decoders, each pre-trained in its own way on its own
# text, and nobody could say which difference mattered. Raffel et al. (2020) put them all into one frame and changed one
# thing at a time. The frame is *text to text*: translating, classifying and answering are all "read this text, write
# that text". The model that came out of it, T5, is nearly the transformer of Vaswani et al. (2017), with a number of
# simplifications (§2.1) that others took up later: no biases, no mean in the norm, positions as a bias on the scores.
#
# In the same season Lan et al. (2020) asked the opposite of "how much larger?": ALBERT is BERT with *one* layer,
# applied twelve times. And Lewis et al. (2020) published BART, an encoder–decoder too, which kept what T5 left out. All
# three are still in use, and the question that they pose, who may look at what, and which weights are really needed, is
# asked anew with each architecture.
#
# ## Prerequisites
#
# *transformer_full* (encoder, decoder, cross-attention), *positional_encoding* (T5's buckets), *layer_norm_comparison*
# (`RMSNorm`, pre-norm), *feed_forward*. Parts that come back here: `split_heads`, `merge_heads`, `causal_mask`,
# `T5RelativeBias`, `RMSNorm`, `FeedForward`, `gelu`.
#
# Letters: `B` sequences in a batch, `T` tokens, `D` the width of the model (`d_model`), `H` heads, `d` the width of a
# head (`d_kv`), `F` the width of the hidden layer (`d_ff`), `V` tokens in the vocabulary. Where two sequences meet
# there are `n` queries and `m` keys.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.feed_forward import FeedForward, gelu
from autograder.parts.layer_norm_comparison import RMSNorm
from autograder.parts.multi_head import merge_heads, split_heads
from autograder.parts.positional_encoding import T5RelativeBias
from autograder.parts.scaled_dot_product import causal_mask

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · Text in, text out
#
# BERT has a head for classification, one for tagging, one for answers cut out of a text. T5 has none. What it should do
# stands at the beginning of its input, as text, and what it answers is text, a class or even a number included
# (Raffel et al. 2020, §2.4). One model, one loss, one way to decode.
#
# Even pre-training has this form. *Span corruption* (§3.1.4, §3.3.4) cuts a few short spans out of a text and puts a
# *sentinel*, a token of its own, in the place of each; the target is what was cut out, each piece behind its sentinel.
# You write it in the notebook *objectives*; here is one example.
#
# **Before you run the next cell:** BART's pre-training also hides spans, but its target is the whole text. Which of
# the two has more to write?

# %% demo="span-corruption" alt="Three rows of word boxes: text, input with two sentinels, target with the cut words."
LINE = "Shall I compare thee to a summer's day ? Thou art more lovely"
TEXT = LINE.split()
CUT = [(2, 4), (8, 9)]  # from, to (exclusive)
source, target, at = [], [], 0
for number, (start, end) in enumerate(CUT):
    source += [*TEXT[at:start], f"<{number}>"]
    target += [f"<{number}>", *TEXT[start:end]]
    at = end
source += TEXT[at:]
target += [f"<{len(CUT)}>"]
figure, ax = plt.subplots(figsize=(11.5, 2.6), layout="constrained")
for row, (name, words) in enumerate({"text": TEXT, "input": source, "T5's target": target}.items()):
    ax.text(-0.2, -row, name, ha="right", va="center")
    x = 0.0
    for word in words:
        width = 0.35 + 0.16 * len(word)
        special = word.startswith("<")
        ax.text(x + width / 2, -row, word, ha="center", va="center", color="white" if special else "black", fontsize=11,
                bbox={"boxstyle": "square,pad=0.25", "facecolor": "0.35" if special else "white", "edgecolor": "0.6"})
        x += width + 0.1
ax.set(xlim=(-2, 13), ylim=(-2.6, 0.6), title="Span corruption: what is cut out is the target")
ax.axis("off")
plt.show()
print(f"{len(TEXT)} words in the text; T5 writes {len(target)} tokens, BART would write all {len(TEXT)}")

# %% [markdown]
# T5's targets are short, which makes training cheap; the authors give that as their reason (§3.1.4).
#
# ## 2 · Attention without the division
#
# Four things are different in T5's attention (Raffel et al. 2020, §2.1, and the authors' code in Mesh TensorFlow):
#
# - **No biases** in any linear layer.
# - **A head may have any width.** In the largest T5, D = 1024, and there are 128 heads of width 128 (§3.7): the
#   projections go from 1,024 up to 16,384 numbers, and `w_o` back.
# - **Positions are a bias on the scores**, one number for each head, query and key. Nothing is added to the embeddings.
# - **The scores are not divided by √d.** Why not is the next section.
#
# $$\text{weights}_h = \operatorname{softmax}\left(Q_h K_h^\top + b_h\right)$$
#
# **`T5Attention(d_model, d_kv, num_heads, dropout=0.0)`**, an `nn.Module`. `__init__` is given: `w_q`, `w_k`, `w_v`
# from D to H·d, `w_o` from H·d to D, and `dropout`, an `nn.Dropout`. You write
# `forward(x, memory=None, mask=None, bias=None)`, which returns a tuple `(out, weights)`. ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, n, D) | the sequence that looks |
# | `memory` | (B, m, D), or None | the sequence that is looked at; None: `x` itself |
# | `mask` | bool, (n, m), (B, 1, m) or (B, n, m), or None | True = may attend, for all heads alike |
# | `bias` | (H, n, m), or None | added to the scores, in every sequence alike |
# | `out` | (B, n, D) | made with the weights *after* dropout |
# | `weights` | (B, H, n, m) | *before* dropout: each row sums to 1 |
#
# A mask has at least one True in each row. `scaled_dot_product_attention` of the earlier notebook divides by √d and
# takes no bias, so write the scores yourself; PyTorch's is not allowed. The next cell uses it to check you.


# %%
# Given: PyTorch's attention with scale 1, to compare with; and a way to see where dropout acts.
def reference_attention(x, memory, d_kv, num_heads, mask=None, bias=None, kept=None):
    """PyTorch's own, with the weights that check.fill gives to w_q, w_k, w_v and w_o.

    x: (B, n, D)   memory: (B, m, D)   mask: bool, (n, m), (B, 1, m) or (B, n, m)   bias: (H, n, m).
    kept: (m,), how much of each key's weight is left after dropout; None: all.
    Returns out (B, n, D) and weights (B, H, n, m).
    """
    (B, n, D), m, inner = x.shape, memory.shape[1], num_heads * d_kv
    sizes = {"w_q": (D, inner), "w_k": (D, inner), "w_v": (D, inner), "w_o": (inner, D)}
    layers = check.fill(nn.ModuleDict({name: nn.Linear(*size, bias=False) for name, size in sizes.items()}))
    q, k, v = (layers[name](y).view(B, -1, num_heads, d_kv).transpose(1, 2)
               for name, y in (("w_q", x), ("w_k", memory), ("w_v", memory)))
    added = torch.zeros(B, num_heads, n, m) + (0 if bias is None else bias)
    if mask is not None:
        added = added.masked_fill(~mask.expand(B, n, m)[:, None], float("-inf"))
    left = v if kept is None else v * kept[:, None]  # fewer weights or smaller values, the sum is the same
    out = F.scaled_dot_product_attention(q, k, left, added, scale=1.0)
    weights = F.scaled_dot_product_attention(q, k, torch.eye(m).expand(B, num_heads, m, m), added, scale=1.0)
    return layers["w_o"](out.transpose(1, 2).flatten(2)), weights


class Fade(nn.Module):
    """Stands in for dropout in checks: entry i of the last axis is divided by i + 1, the first one stays."""

    p = 0.0  # who calls F.dropout with this share, and not the module, changes nothing

    def forward(self, x):
        return x / torch.arange(1, x.shape[-1] + 1)


def fading(module):
    """The same module with every nn.Dropout in it replaced by Fade: nothing is random, and one sees where it acts."""
    for part in list(module.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, nn.Dropout):
                setattr(part, name, Fade())
    return module


def tenfold(module):
    """The same module with all its parameters multiplied by ten, so that one sees which of them are filled anew."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(10)
    return module


# %% [markdown]
# `fading` is used by checks about dropout: in its place stands a module that divides entry i of the last axis by i + 1.
# It shows where you call `self.dropout`, and on what. Call the module, not `F.dropout`.
#
# <details><summary>Hint 1</summary>It is <code>MultiHeadAttention</code> with the inner function written out. Project,
# split, score, weigh, merge, mix; write the shape beside each line.</details>
# <details><summary>Hint 2</summary>The scores are (B, H, n, m). A bias (H, n, m) fits by itself. A mask (n, m) or
# (B, n, m) needs an axis for the heads, before the last two.</details>
# <details><summary>Hint 3</summary>Add the bias first, then fill with minus infinity where the mask is False, then
# softmax over the last axis. Dropout goes onto the weights, only on their way to the values.</details>

# %% exercise="T5Attention" minutes=15 level=3 forbid="torch.nn.MultiheadAttention, torch.nn.functional.multi_head_attention_forward, torch.nn.functional.scaled_dot_product_attention, reference_attention"
class T5Attention(nn.Module):
    """Multi-head attention without biases and without the division by √d, and with a bias for positions.

    Parameters: w_q, w_k, w_v: nn.Linear(d_model, num_heads · d_kv), w_o: nn.Linear(num_heads · d_kv, d_model), all
    without bias. dropout: share of the weights set to zero in training.   Raffel et al. 2020, §2.1
    """

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Let every position of x attend to the positions of memory (None: of x), in every head.

        x: (B, n, D)   memory: (B, m, D)   mask: bool, broadcastable to (B, n, m), True = may attend, for all heads.
        bias: (H, n, m), added to the scores. Returns out (B, n, D) and the weights before dropout (B, H, n, m).
        """
        ### BEGIN SOLUTION
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)
        ### END SOLUTION


# %% check="T5Attention: scores without division, heads of any width" points=2
layer = check.fill(T5Attention(12, 5, 3))  # 3 heads of width 5, and 15 is not 12
x = check.randn(2, 4, 12, seed=1)
expected, expected_weights = reference_attention(x, x, 5, 3)
out, weights = layer(x)
check.shape(weights, (2, 3, 4, 4), hint="return (out, weights); weights have an axis for the heads: (B, H, n, m)")
check.close(weights, expected_weights,
            hint="the weights differ: q from w_q, k from w_k, split, softmax of q·k over the keys, no √d anywhere")
check.shape(out, (2, 4, 12), hint="out is as wide as x: merge the heads, then w_o")
check.close(out, expected, hint="the weights are right, out is not: values from w_v, merged, and w_o comes last")
### BEGIN HIDDEN TESTS
layer2 = check.fill(T5Attention(6, 4, 5))
x2 = check.randn(3, 2, 6, seed=2)
expected2, expected_weights2 = reference_attention(x2, x2, 4, 5)
out2, weights2 = layer2(x2)
check.close(weights2, expected_weights2, hint="5 heads of width 4, D = 6: softmax(q·k) over the keys, no √d anywhere")
check.close(out2, expected2, hint="5 heads of width 4, D = 6: values from w_v, merged, then w_o")
### END HIDDEN TESTS

# %% check="T5Attention: a bias for each head" points=1
layer = check.fill(T5Attention(12, 5, 3))
x = check.randn(3, 3, 12, seed=3)  # 3 sequences, 3 tokens, 3 heads: a bias in the wrong place raises no error
bias = 2 * check.randn(3, 3, 3, seed=4)
expected, expected_weights = reference_attention(x, x, 5, 3, bias=bias)
out, weights = layer(x, bias=bias)
check.close(weights, expected_weights,
            hint="bias (H, n, m) is added to the scores (B, H, n, m) before the softmax, the same in every sequence")
check.close(out, expected, hint="with a bias the weights are right, but out is not")
### BEGIN HIDDEN TESTS
bias2 = check.randn(3, 3, 3, seed=5)
expected2, expected_weights2 = reference_attention(x, x, 5, 3, bias=bias2)
out2, weights2 = layer(x, bias=bias2)
check.close(weights2, expected_weights2, hint="the bias is added as it is, in its place: head, query, key")
check.close(out2, expected2, hint="with a bias the weights are right, but out is not")
### END HIDDEN TESTS

# %% check="T5Attention: a mask holds for every head, whatever the bias" points=2
layer = check.fill(T5Attention(12, 5, 3))
x = check.randn(3, 3, 12, seed=6)
bias = 20 * check.randn(3, 3, 3, seed=7) - 200  # all alike less: it changes nothing, unless a mask is only −100
causal = check.arange(3).view(3, 1) >= check.arange(3).view(1, 3)
expected, expected_weights = reference_attention(x, x, 5, 3, mask=torch.ones(3, 3).tril().bool(), bias=bias)
out, weights = layer(x, mask=causal, bias=bias)
check.finite(weights, hint="nan: fill with float('-inf') where the mask is False; do not multiply by it")
check.close(weights, expected_weights,
            hint="a mask (n, m) and a large bias: what is forbidden gets weight 0 exactly, so mask with minus infinity")
check.close(out, expected, hint="with mask and bias the weights are right, but out is not")
real = check.randint(0, 2, (3, 1, 3), seed=2).bool()
expected_padded, expected_padded_weights = reference_attention(x, x, 5, 3, mask=real)
padded, padded_weights = layer(x, mask=real)
check.close(padded_weights, expected_padded_weights,
            hint="a mask (B, 1, m) belongs to sequences: give it an axis for the heads, before the last two")
check.close(padded, expected_padded, hint="with a padding mask the weights are right, but out is not")
### BEGIN HIDDEN TESTS
layer2 = check.fill(T5Attention(8, 3, 4))
x2 = check.randn(4, 6, 8, seed=8)
mask2 = check.randint(0, 2, (4, 6, 6), seed=5).bool()
bias2 = check.randn(4, 6, 6, seed=9)
expected2, expected_weights2 = reference_attention(x2, x2, 3, 4, mask=mask2, bias=bias2)
out2, weights2 = layer2(x2, mask=mask2, bias=bias2)
check.close(weights2, expected_weights2, hint="a mask (B, n, m) belongs to sequences, not to heads; the bias to heads")
check.close(out2, expected2, hint="with a mask (B, n, m) and a bias the weights are right, but out is not")
### END HIDDEN TESTS

# %% check="T5Attention: x may read a memory" points=1
layer = check.fill(T5Attention(12, 5, 3))
x = check.randn(2, 4, 12, seed=10)
alike = check.randn(2, 4, 12, seed=11)  # as long as x: nothing but the numbers tells the two apart
expected_alike, expected_alike_weights = reference_attention(x, alike, 5, 3)
out_alike, weights_alike = layer(x, alike)
check.close(weights_alike, expected_alike_weights, hint="queries are made from x, keys from memory")
check.close(out_alike, expected_alike, hint="the weights are right, out is not: values are made from memory")
memory = check.randn(2, 7, 12, seed=12)
expected, expected_weights = reference_attention(x, memory, 5, 3)
out, weights = layer(x, memory=memory)
check.close(weights, expected_weights, hint="4 positions of x look at 7 of memory: queries from x, keys from memory")
check.close(out, expected, hint="the weights are right, out is not: values are made from memory")
### BEGIN HIDDEN TESTS
mask2 = check.randint(0, 2, (2, 1, 7), seed=2).bool()
bias2 = check.randn(3, 4, 7, seed=13)
expected2, expected_weights2 = reference_attention(x, memory, 5, 3, mask=mask2, bias=bias2)
out2, weights2 = layer(x, memory, mask2, bias2)
check.close(weights2, expected_weights2, hint="a memory, a mask and a bias: scores, plus bias, then the mask")
check.close(out2, expected2, hint="a memory, a mask and a bias: values from memory")
### END HIDDEN TESTS

# %% check="T5Attention: dropout falls on the weights" points=1
layer = fading(check.fill(T5Attention(12, 5, 3)))  # every call of self.dropout fades
x = check.randn(2, 4, 12, seed=14)
faded, expected_weights = reference_attention(x, x, 5, 3, kept=1 / torch.arange(1, 5))
out, weights = layer(x)
check.close(weights, expected_weights, hint="return the weights as they were before dropout: rows that sum to 1")
check.close(out, faded, hint="self.dropout acts once, on the weights, before they meet the values")
gone = check.fill(T5Attention(12, 5, 3, dropout=1.0))
out_gone, weights_gone = gone(x)
check.close(weights_gone, expected_weights, hint="dropout 1: the returned weights are those before dropout")
check.close(out_gone, torch.zeros(2, 4, 12), hint="dropout 1, in training: no value gets through")
### BEGIN HIDDEN TESTS
expected, _ = reference_attention(x, x, 5, 3)
eval_out, eval_weights = gone.eval()(x)
check.close(eval_out, expected, hint="in evaluation nothing is dropped: call self.dropout, which knows")
### END HIDDEN TESTS

# %% check="T5Attention: gradients reach the input, the memory and the bias" points=1
layer = check.fill(T5Attention(12, 5, 3))
x = check.randn(2, 4, 12, seed=15).requires_grad_()
memory = check.randn(2, 6, 12, seed=16).requires_grad_()
bias = check.randn(3, 4, 6, seed=17).requires_grad_()
seen = check.randint(0, 2, (2, 1, 6), seed=2).bool()
out, weights = layer(x, memory, mask=seen, bias=bias)
(out.pow(2).sum() + weights.pow(2).sum()).backward()
x_again = check.randn(2, 4, 12, seed=15).requires_grad_()
memory_again = check.randn(2, 6, 12, seed=16).requires_grad_()
bias_again = check.randn(3, 4, 6, seed=17).requires_grad_()
expected, expected_weights = reference_attention(x_again, memory_again, 5, 3, mask=seen, bias=bias_again)
(expected.pow(2).sum() + expected_weights.pow(2).sum()).backward()
check.close(bias.grad, bias_again.grad, atol=1e-4, hint="the gradient of the bias is wrong: no .detach(), no .data")
check.close(x.grad, x_again.grad, atol=1e-4, hint="the gradient of x is wrong: PyTorch throughout, without .detach()")
check.close(memory.grad, memory_again.grad, atol=1e-4, hint="the gradient of memory is wrong: through keys and values")

# %% [markdown]
# One head, three biases: before the bias, the scores are the same each time.
#
# **Before you run the next cell:** the three biases below are 0, minus the distance, and 3 for the key before. What do
# the three maps look like?

# %% demo="bias-on-scores" alt="Three attention maps from the same scores: by content, near the diagonal, one before."
T = 8
layer = check.fill(T5Attention(12, 4, 1))
x = torch.randn(1, T, 12, generator=torch.Generator().manual_seed(3)) / 1.5
relative = torch.arange(T) - torch.arange(T)[:, None]  # (n, m), key minus query
biases = {"bias 0": torch.zeros(1, T, T), "bias −|distance|": -relative.abs()[None].float(),
          "bias 3 for the key before": 3.0 * (relative == -1)[None]}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
for ax, (title, bias) in zip(axes, biases.items(), strict=True):
    with torch.no_grad():
        _, weights = layer(x, bias=bias)
    sns.heatmap(weights[0, 0].numpy(), ax=ax, vmin=0, vmax=1, cmap="Greys", cbar=ax is axes[-1], linewidths=0.5,
                linecolor="lightgrey", cbar_kws={"label": "weight"})
    ax.set(title=title, xlabel="key (looked at)", ylabel="query (looking)")
plt.show()

# %% [markdown]
# A bias *prefers*, it does not command: in the maps on the right, content still shows through. That is the difference
# between a bias and a mask.
#
# ## 3 · Where the √d went
#
# Vaswani et al. (2017, §3.2.1) divide the scores by √d because the dot product of two vectors of d independent
# numbers of variance 1 has variance d, and a softmax of such scores is nearly a hard choice at the start, with hardly a
# gradient. T5's authors keep the argument and move the division: instead of dividing every score at every step, they
# start with smaller queries. With inputs of variance 1, a matrix with n inputs whose entries have deviation $n^{-1/2}$
# gives outputs of variance 1. So:
#
# | | deviation at the start | outputs |
# |---|---|---|
# | any linear layer with n inputs | $n^{-1/2}$ | variance 1 |
# | `w_q` of a `T5Attention` | $(D\, d)^{-1/2}$ | variance 1/d, so that the *scores* have variance 1 |
# | an embedding | 1 | variance 1 |
#
# It is written in one place only, the code: Mesh TensorFlow's `attention.py` calls it `fold_scaling_into_initializer`,
# and transformers' T5 has the same numbers for attention, feed-forward layers and the embedding in `_init_weights`.
#
# **`t5_init(module, generator=None)`** ★★☆☆☆ · 10 minutes
#
# | | | meaning |
# |---|---|---|
# | `module` | `nn.Module` | may be a layer alone, a `T5Attention`, or anything that contains some |
# | `generator` | `torch.Generator` or None | where the normal numbers come from; None: PyTorch's global one |
# | result | | the same module, its parameters filled *in place* |
#
# Normal numbers of mean 0 for the weight of every `nn.Linear` and `nn.Embedding`, with the deviations of the table.
# Everything else (the gains of norms, the table of `T5RelativeBias`) stays as it is. Parameters stay trainable, and
# neither gradients nor dtype change.
#
# <details><summary>Hint 1</summary><code>module.modules()</code> goes through the module itself and all in it. Two
# questions for each: is it a linear layer or an embedding, and is it a <code>T5Attention</code>?</details>
# <details><summary>Hint 2</summary><code>nn.init.normal_(weight, std=…, generator=…)</code> fills in place. A linear
# layer knows its <code>in_features</code>; d is <code>w_q.out_features</code> divided by the number of heads.</details>
# <details><summary>Hint 3</summary>An attention comes before its four layers in <code>modules()</code>. If you treat
# <code>w_q</code> when you meet the attention, the general rule writes over it afterwards: use two loops, the
# second under <code>torch.no_grad()</code>.</details>

# %% exercise="t5_init" minutes=10 level=2
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    """Start as T5 does: every output has variance 1, but queries 1 / d, so that scores need no division.

    module: any; weights of nn.Linear and nn.Embedding in it are filled in place, w_q of each T5Attention with smaller
    numbers. Returns the module.   Raffel et al. 2020; Mesh TensorFlow, fold_scaling_into_initializer
    """
    ### BEGIN SOLUTION
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module
    ### END SOLUTION


# %% check="t5_init: queries start smaller by √d" points=2
layer = t5_init(tenfold(check.fill(T5Attention(256, 16, 8))), generator=torch.Generator().manual_seed(1))
check.close(layer.w_q.weight.std().detach(), torch.tensor(1 / 64), rtol=0.03,
            hint="w_q: D = 256, d = 16, 8 heads: deviation (256 · 16) ** -0.5 = 1/64; d is the width of one head")
check.close(layer.w_k.weight.std().detach(), torch.tensor(1 / 16), rtol=0.03,
            hint="w_k: 256 inputs, deviation 256 ** -0.5 = 1/16; only w_q is smaller")
check.close(layer.w_v.weight.std().detach(), torch.tensor(1 / 16), rtol=0.03, hint="w_v: 256 inputs, deviation 1/16")
check.close(layer.w_o.weight.std().detach(), torch.tensor(128**-0.5), rtol=0.03,
            hint="w_o has H · d = 128 inputs: deviation 128 ** -0.5 = 0.088")
inner = check.fill(nn.ModuleList([T5Attention(64, 100, 2)]))
nested = t5_init(tenfold(check.fill(nn.ModuleList([inner, check.fill(T5Attention(64, 100, 2))]))),
                 generator=torch.Generator().manual_seed(7))
check.close(nested[0][0].w_q.weight.std().detach(), torch.tensor(1 / 80), rtol=0.03,
            hint="inside another module too, however deep: module.modules(); D = 64, d = 100: 1/80")
check.close(nested[1].w_q.weight.std().detach(), torch.tensor(1 / 80), rtol=0.03,
            hint="every T5Attention in the module, not the first alone")
### BEGIN HIDDEN TESTS
other = tenfold(check.fill(nn.ModuleList([T5Attention(100, 64, 4)])))
layer2 = t5_init(other, generator=torch.Generator().manual_seed(2))
check.close(layer2[0].w_q.weight.std().detach(), torch.tensor(1 / 80), rtol=0.03,
            hint="inside another module too; D = 100, d = 64: (100 · 64) ** -0.5 = 1/80")
check.close(layer2[0].w_o.weight.std().detach(), torch.tensor(1 / 16), rtol=0.03, hint="w_o: 256 inputs, 1/16")
### END HIDDEN TESTS

# %% check="t5_init: other layers, and what stays" points=1
embedding, layer = tenfold(check.fill(nn.Embedding(200, 50))), tenfold(check.fill(FeedForward(64, 400, bias=False)))
others = check.fill(nn.ModuleList([RMSNorm(4), T5RelativeBias(2, num_buckets=2), check.fill(nn.Linear(3, 5))]))
unchanged = check.fill(nn.ModuleList([RMSNorm(4), T5RelativeBias(2, num_buckets=2), check.fill(nn.Linear(3, 5))]))
t5_init(embedding, generator=torch.Generator().manual_seed(3))
t5_init(layer, generator=torch.Generator().manual_seed(3))
t5_init(others, generator=torch.Generator().manual_seed(3))
check.close(embedding.weight.std().detach(), torch.tensor(1.0), rtol=0.03,
            hint="embeddings: deviation 1, and in place: fill the module itself, no copy")
check.close(layer.up.weight.std().detach(), torch.tensor(0.125), rtol=0.03, hint="64 inputs: deviation 1/8")
check.close(layer.down.weight.std().detach(), torch.tensor(0.05), rtol=0.03, hint="400 inputs: deviation 1/20")
check.close(others[0].weight.detach(), unchanged[0].weight.detach(), hint="the gain of a norm stays as it is")
check.close(others[1].weight.detach(), unchanged[1].weight.detach(),
            hint="the table of T5RelativeBias stays as it is")
check.close(others[2].bias.detach(), unchanged[2].bias.detach(),
            hint="weights alone are filled: where a linear layer has a bias, it stays as it is")
### BEGIN HIDDEN TESTS
alone = t5_init(tenfold(check.fill(nn.Linear(25, 800))), generator=torch.Generator().manual_seed(4))
check.close(alone.weight.std().detach(), torch.tensor(0.2), rtol=0.03, hint="a linear layer alone: 25 inputs, 1/5")
check.close(alone.weight.mean().detach(), torch.tensor(0.0), atol=0.006, hint="mean 0")
### END HIDDEN TESTS

# %% check="t5_init: normal, in place, from the generator" points=1
layer = check.fill(T5Attention(64, 8, 16))
again = check.fill(T5Attention(64, 8, 16))
kept = layer.w_k.weight
returned = t5_init(layer, generator=torch.Generator().manual_seed(5))
returned_again = t5_init(again, torch.Generator().manual_seed(5))
check.close((layer.w_k.weight.abs() > 0.25).double().mean(), torch.tensor(0.0455).double(), atol=0.012,
            hint="normal numbers, deviation 1/8: about one in 22 is more than two deviations away. Filled in place?")
check.same(layer.w_q.weight.detach(), returned.w_q.weight.detach(), hint="return the module itself")
check.same(kept.detach(), layer.w_k.weight.detach(),
           hint="fill the parameter in place, make no new one: an optimiser may hold it already")
check.close((layer.w_k.weight * layer.w_v.weight).mean().detach(), torch.tensor(0.0), atol=0.001,
            hint="w_k and w_v got the same numbers: one generator for all layers, never seeded again")
check.same(layer.w_q.weight.detach(), again.w_q.weight.detach(),
           hint="the same generator, the same numbers: hand it on")
rows, rows_again = check.fill(nn.Embedding(5, 4)), check.fill(nn.Embedding(5, 4))
t5_init(rows, generator=torch.Generator().manual_seed(6))
t5_init(rows_again, generator=torch.Generator().manual_seed(6))
check.same(rows.weight.detach(), rows_again.weight.detach(),
           hint="embeddings too: the same generator, the same numbers")
check.equal([p.requires_grad for p in layer.parameters()], [True, True, True, True], hint="parameters stay trainable")
wide = t5_init(check.fill(nn.Linear(100, 400)).double())
check.dtype(wide.weight, torch.float64, hint="the dtype of a parameter stays")
check.close(wide.weight.std().detach(), torch.tensor(0.1).double(), rtol=0.03, hint="in float64, without a generator")
### BEGIN HIDDEN TESTS
check.same(returned_again.w_o.weight.detach(), returned.w_o.weight.detach(), hint="hand the generator on, every time")
free = t5_init(tenfold(check.fill(nn.Linear(100, 400))).double())
check.close(free.weight.std().detach(), torch.tensor(0.1).double(), rtol=0.03,
            hint="without a generator, and in float64")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** on the left, the variance of the scores at the start, for heads of width 16 to 256,
# in three ways: T5's; all matrices alike and no division; all alike and divided by √d. Which curves lie on each other?
#
# And if two of them start alike, do they also *learn* alike? On the right, one step of Adam with a learning rate of
# 0.001 is made on `w_q` alone, and the mean change of a score is drawn.

# %% demo="score-variance" alt="Left: T5's and divided scores have variance 1. Right: T5's move more, growing with d."
widths, D = [16, 32, 64, 128, 256], 256
starts, moves = {"T5": [], "alike": [], "alike, divided by √d": []}, {"T5": [], "alike, divided by √d": []}
for d in widths:
    generator = torch.Generator().manual_seed(d)
    x = torch.randn(2, 64, D, generator=generator)  # inputs of variance 1
    for name in starts:
        layer = t5_init(T5Attention(D, d, 2), generator)
        if name != "T5":
            layer.w_q.weight.data *= d**0.5  # as every other matrix
        scale = d**-0.5 if "divided" in name else 1.0

        def scores(layer=layer, scale=scale, x=x):
            return scale * split_heads(layer.w_q(x), 2) @ split_heads(layer.w_k(x), 2).mT  # (B, H, n, m)

        before = scores()
        starts[name].append(before.var().item())
        if name in moves:
            (before * torch.randn(before.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
            torch.optim.Adam([layer.w_q.weight], lr=0.001).step()
            moves[name].append((scores() - before).abs().mean().item())
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
styles = {"T5": ("o-", "black"), "alike": ("^:", "0.35"), "alike, divided by √d": ("s--", "0.55")}
for ax, values in zip(axes, (starts, moves), strict=True):
    for name, numbers in values.items():
        ax.loglog(widths, numbers, styles[name][0], color=styles[name][1], label=name, base=2)
    ax.set_xticks(widths, [str(d) for d in widths])
    ax.set_xlabel("width of a head, d")
    ax.minorticks_off()
    ax.legend()
axes[0].set(title="At the start", ylabel="variance of the scores")
axes[1].set(title="One step of Adam on w_q", ylabel="mean change of a score")
plt.show()
print("variance: ", {name: [f"{v:.1f}" for v in numbers] for name, numbers in starts.items()})
print("change:   ", {name: [f"{v:.2f}" for v in numbers] for name, numbers in moves.items()})

# %% [markdown]
# At the start, T5's way and the division are the same thing: variance 1 at every width. Without either, the variance
# is d. But they do not learn alike. Adam changes each entry by about the learning rate, whatever its size; entries that
# are √d times smaller are changed relatively more, and T5's scores move √d times as far in one step.
#
# T5 was trained with Adafactor (Raffel et al. 2020, §3.1.2), whose steps are relative to the size of what they change
# (Shazeer and Stern 2018, §8). There the two ways are nearly equal again. Initialisation, architecture and optimiser
# belong together: whoever takes one of them alone should look at what the others did for it. You will meet this once
# more below, in the table of positions.
#
# ## 4 · The block
#
# A block of T5 is the pre-norm block of *layer_norm_comparison* with three differences: `RMSNorm` instead of
# `LayerNorm` (the paper calls it a simplified layer norm, rescaled only and without an additive bias, §2.1), no biases,
# and dropout on the output of each sublayer before it is added.
#
# $$x \leftarrow x + \text{dropout}(\text{attention}(\text{norm}(x))) \qquad
# x \leftarrow x + \text{dropout}(\text{cross}(\text{norm}(x), \text{memory})) \qquad
# x \leftarrow x + \text{dropout}(\text{ff}(\text{norm}(x)))$$
#
# The one in the middle exists in the decoder alone. The position bias goes into self-attention and **not into
# cross-attention**: the distance between the fifth word of a German sentence and the fifth of its English translation
# says little, and output and input do not even count from a common origin. What the decoder reads of the input, it must
# find by content. (The encoder's output does carry order: its self-attention put it there.)
#
# The feed-forward layer is a plain one with a ReLU in the first T5, and a gated one in version 1.1, which the next cell
# gives you: SwiGLU with a GELU for the SiLU (Shazeer 2020).

# %% tags=["export"]
class GatedGELU(nn.Module):
    """The feed-forward layer of T5 1.1: hidden units are products of a gate and a content, the gate through a GELU.

    Parameters: gate, up: nn.Linear(d_model, d_ff), down: nn.Linear(d_ff, d_model), no biases. Shazeer 2020, eq. 6
    """

    def __init__(self, d_model: int, d_ff: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.gate = nn.Linear(d_model, d_ff, bias=False)
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., D). Returns (..., D)."""
        hidden = gelu(self.gate(x), approximate="tanh") * self.up(x)  # (..., F)
        return self.down(self.dropout(hidden))  # (..., D)


# %% [markdown]
# **`T5Block(d_model, d_kv, num_heads, d_ff, decoder=False, dropout=0.0, gated=False)`**, an `nn.Module`. `__init__` is
# given. You write `forward(x, memory=None, mask=None, memory_mask=None, bias=None)`. ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, n, D) | the stream |
# | `memory` | (B, m, D), or None | the encoder's output; only a decoder's block reads it |
# | `mask` | bool, broadcastable to (B, n, n), or None | for self-attention |
# | `memory_mask` | bool, broadcastable to (B, n, m), or None | for cross-attention |
# | `bias` | (H, n, n), or None | for self-attention alone |
# | result | (B, n, D) | `x` is not changed in place |
#
# The parts: `attention_norm`, `attention`; in a decoder's block `cross_norm`, `cross_attention`; `feed_forward_norm`,
# `feed_forward`; one `dropout` that serves all sublayers; and `decoder`, True or False.
#
# <details><summary>Hint 1</summary>Three times (or twice) the same sentence: the stream, plus dropout of a sublayer of
# a norm of the stream.</details>
# <details><summary>Hint 2</summary>Your attention returns a pair; the block needs its first part. The memory is not
# normalised here: it comes out of the encoder's final norm.</details>
# <details><summary>Hint 3</summary><code>mask</code> and <code>bias</code> go to <code>attention</code>,
# <code>memory</code> and <code>memory_mask</code> to <code>cross_attention</code>.</details>

# %% exercise="T5Block" minutes=10 level=3
class T5Block(nn.Module):
    """Self-attention, in a decoder cross-attention, and feed-forward, each normed before and added to the stream.

    decoder: with cross-attention. gated: GatedGELU (T5 1.1) for the plain feed-forward layer with a ReLU.
    Raffel et al. 2020, §2.1
    """

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """x: (B, n, D)   memory: (B, m, D)   mask: broadcastable to (B, n, n)   memory_mask: to (B, n, m).

        bias: (H, n, n), for self-attention alone. Returns (B, n, D).
        """
        ### BEGIN SOLUTION
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        ### END SOLUTION


# %% check="T5Block: an encoder's block" points=2
block = check.fill(T5Block(6, 4, 2, 10))
x = check.randn(1, 4, 6, seed=21)
out = block(x)
check.shape(out, (1, 4, 6), hint="the result has the shape of x: attention returns a pair, take its first part")
check.close(out[0, :, :3], torch.tensor([
            [-0.55048, -1.38345, -0.57045],
            [1.69988, 0.79148, -0.23551],
            [-1.25672, 1.84449, -0.44322],
            [0.64985, 0.07318, 1.76580]]),
            atol=1e-4,
            hint="x + attention(attention_norm(x)), then + feed_forward(feed_forward_norm(x)): norms in the branches")
check.equal(x, check.randn(1, 4, 6, seed=21), hint="x was changed in place: x = x + …, not x += …")
check.same(block(x, check.randn(1, 4, 6, seed=20)), out,
           hint="an encoder's block does not read a memory, even if there is one: ask self.decoder")
### BEGIN HIDDEN TESTS
gated = check.fill(T5Block(6, 4, 2, 10, gated=True))
check.close(gated(x)[0, :, :3], torch.tensor([
            [-0.14141, -1.11877, 0.13027],
            [1.30092, 0.96545, -0.16652],
            [-1.66725, 2.01692, -0.28227],
            [0.53906, 0.10421, 1.68456]]),
            atol=1e-4, hint="with gated=True: call self.feed_forward, whatever it is")
### END HIDDEN TESTS

# %% check="T5Block: a decoder's block reads the memory" points=2
block = check.fill(T5Block(6, 4, 2, 10, decoder=True))
x, memory = check.randn(1, 4, 6, seed=22), check.randn(1, 4, 6, seed=23)
check.close(block(x, memory)[0, :, :3], torch.tensor([
            [0.62863, -1.40775, -0.21539],
            [2.54929, 0.11796, -0.32831],
            [-0.09483, -0.61791, 0.51461],
            [2.09283, 0.22098, -0.79320]]),
            atol=1e-4,
            hint="self-attention, then cross_attention(cross_norm(x), memory), then feed-forward; memory as it is")
### BEGIN HIDDEN TESTS
longer = check.randn(1, 7, 6, seed=24)
check.close(block(x, longer)[0, :, :3], torch.tensor([
            [0.67351, 0.13761, -0.19543],
            [2.71018, 1.55063, -0.66934],
            [-0.26680, 0.37893, 0.48406],
            [2.28215, 1.46203, -1.11927]]),
            atol=1e-4, hint="a memory of 7 tokens: queries from x, keys and values from memory")
### END HIDDEN TESTS

# %% check="T5Block: masks and bias in their places" points=2
block = check.fill(T5Block(6, 4, 2, 10, decoder=True))
x, memory = check.randn(2, 4, 6, seed=25), check.randn(2, 4, 6, seed=26)
causal = check.arange(4).view(4, 1) >= check.arange(4).view(1, 4)
real = check.arange(4).view(1, 1, 4) < torch.tensor([4, 2]).view(2, 1, 1)
bias = check.randn(2, 4, 4, seed=27)
check.close(block(x, memory, mask=causal)[1, :, :3], torch.tensor([
            [1.19111, 1.95803, -2.36124],
            [2.53397, -0.91032, -0.33702],
            [2.87275, 1.08650, -1.04229],
            [3.65482, 0.84591, 0.34523]]),
            atol=1e-4, hint="mask is for self-attention, and for it alone")
check.close(block(x, memory, memory_mask=real)[1, :, :3], torch.tensor([
            [1.68810, 2.28136, -2.94733],
            [3.01858, -0.45976, -1.02076],
            [2.64435, 0.92850, -1.88562],
            [4.20858, 1.39501, -0.33761]]),
            atol=1e-4, hint="memory_mask is for cross-attention, and for it alone")
check.close(block(x, memory, bias=bias)[1, :, :3], torch.tensor([
            [1.23326, 1.94210, -2.43463],
            [2.55224, -0.98885, -0.35065],
            [2.86651, 1.14113, -1.21047],
            [3.66884, 0.86543, 0.31553]]),
            atol=1e-4, hint="bias goes into self-attention and not into cross-attention")
### BEGIN HIDDEN TESTS
check.close(block(x, memory, causal, real, bias)[1, :, :3], torch.tensor([
            [1.67868, 2.40578, -2.84121],
            [2.96752, -0.56961, -0.92951],
            [2.64159, 1.03948, -2.04721],
            [4.21704, 1.41112, -0.37061]]),
            atol=1e-4, hint="all at once, by position: x, memory, mask, memory_mask, bias")
encoder_block = check.fill(T5Block(6, 4, 2, 10))
check.close(encoder_block(x, mask=real, bias=bias)[1, :, :3], torch.tensor([
            [0.60411, 0.96080, -1.91811],
            [1.88270, -1.97705, -0.10272],
            [1.80439, 0.13091, -0.68476],
            [3.08323, 0.05177, 0.64457]]),
            atol=1e-4, hint="an encoder's block takes mask and bias too")
### END HIDDEN TESTS

# %% check="T5Block: dropout on what is added, not on the stream" points=1
block = fading(check.fill(T5Block(6, 4, 2, 10, decoder=True)))  # every call of a dropout fades
x, memory = check.randn(1, 4, 6, seed=28), check.randn(1, 4, 6, seed=29)
check.close(block(x, memory)[0, :, :3], torch.tensor([
            [1.28295, -0.85903, 0.60807],
            [-1.92071, -0.21657, -0.01502],
            [-0.12715, -0.48475, -0.26386],
            [-0.74553, 0.35807, 0.66713]]),
            atol=1e-4, hint="self.dropout acts on the output of each sublayer, before it is added; not on x")
gone = check.fill(T5Block(6, 4, 2, 10, decoder=True, dropout=1.0))
check.close(gone(x, memory), check.randn(1, 4, 6, seed=28), hint="dropout 1, in training: nothing is added, x remains")
### BEGIN HIDDEN TESTS
encoder_block = fading(check.fill(T5Block(6, 4, 2, 10)))
check.close(encoder_block(x)[0, :, :3], torch.tensor([
            [1.40896, -0.77238, 0.57510],
            [-1.74664, -0.20466, -0.05966],
            [0.04202, -0.42326, -0.30320],
            [-0.59938, 0.37825, 0.61739]]),
            atol=1e-4, hint="in the encoder's block too: dropout on the output of each sublayer")
### END HIDDEN TESTS

# %% check="T5Block: gradients reach the stream and the memory" points=1
block = check.fill(T5Block(6, 4, 2, 10, decoder=True))
x = check.randn(1, 3, 6, seed=30).requires_grad_()
memory = check.randn(1, 2, 6, seed=31).requires_grad_()
block(x, memory).pow(2).sum().backward()
check.close(x.grad, torch.tensor([
            [-2.77804, 2.78806, 0.01532, -4.15498, 5.91117, -0.56610],
            [2.51257, 2.12270, 2.63637, -3.05468, 2.65961, 0.12528],
            [2.63951, 1.20557, 0.45904, 1.56665, 5.62867, 1.28388]]).view(1, 3, 6),
            atol=2e-3, hint="the gradient of x is wrong: no .detach(), no .data, residuals and norms in their places")
check.close(memory.grad, torch.tensor([
            [0.34263, 0.47139, -4.62918, -1.73815, 1.39495, 7.53127],
            [-0.26908, 4.52061, -10.69190, -3.59833, 5.36334, 6.80700]]).view(1, 2, 6),
            atol=2e-3, hint="the gradient of memory is wrong: it passes through keys and values of cross-attention")

# %% [markdown]
# ### What T5 changed, and what BART did not
#
# BART (Lewis et al. 2020, §2.1) appeared in the same month and is an encoder–decoder as well. Apart from a GELU it is
# the transformer of 2017 with BERT's habits. Side by side:
#
# | | Vaswani et al. 2017 | BART | T5 | T5 1.1 |
# |---|---|---|---|---|
# | positions | sinusoids, added | learned, added, for input and output each | bias on the scores | bias on the scores |
# | norm | LayerNorm, after the addition | LayerNorm, after the addition | RMSNorm, before the sublayer | the same |
# | norm of the embeddings | no | LayerNorm | no | no |
# | final norm of a stack | no | no | RMSNorm | RMSNorm |
# | biases in linear layers | yes | yes | no | no |
# | scores divided by √d | yes | yes | no (in the initialisation) | no |
# | feed-forward | ReLU | GELU | ReLU | gated GELU |
# | output layer | the embedding | the embedding | the embedding, × D^−½ | its own, unscaled |
# | pre-training | – | noise of several kinds; writes the whole text | span corruption; writes the spans | the same |
#
# Every entry for BART and T5 is checked against the two models' code by a test of this course.
#
# ## 5 · The stack: one table for all layers
#
# A stack is dropout on the embeddings, the blocks, a final norm, and dropout again. What is new is what the layers
# *share*: the bias of positions is made once, from one table of 32 buckets × H heads, and handed to every layer (Raffel
# et al. 2020, §2.1). Compare it with a table of learned positions, 512 × D: T5-base, with 12 heads, knows all it knows
# of positions from 2 · 32 · 12 = 768 numbers.
#
# The encoder's table is bidirectional, half of the buckets for keys before and half for keys after the query. In the
# decoder nothing comes after, and all buckets serve the past.
#
# **`T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, decoder=False, dropout=0.0, gated=False)`**, an `nn.Module`.
# `__init__` is given: `relative`, a `T5RelativeBias` (`relative(n, m)` is the bias (H, n, m) of n queries and m keys);
# `layers`, an `nn.ModuleList` of blocks; `norm`; `dropout`; `decoder`. You write
# `forward(x, memory=None, mask=None, memory_mask=None)`. ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, T, D) | embeddings, floats on any device |
# | `memory`, `memory_mask` | (B, m, D); bool, broadcastable to (B, T, m) | as in `T5Block`, for every layer |
# | `mask` | bool, broadcastable to (B, T, T), or None | what self-attention may see |
# | result | (B, T, D) | after the final norm and dropout |
#
# **In a decoder no position sees a later one**, whatever `mask` says: there, self-attention may see what the causal
# mask *and* `mask` (if there is one) allow. An encoder adds nothing to `mask`.
#
# <details><summary>Hint 1</summary>In order: the bias from <code>self.relative</code>, for T queries and T keys; in a
# decoder the causal mask; dropout; the layers in a loop; norm; dropout.</details>
# <details><summary>Hint 2</summary>Both masks say True = may attend: a pair is allowed where both are True,
# <code>mask & causal</code>.</details>
# <details><summary>Hint 3</summary><code>causal_mask(T)</code> is made on the CPU. <code>.to(x.device)</code> brings it
# to where x is.</details>

# %% exercise="T5Stack" minutes=10 level=3
class T5Stack(nn.Module):
    """The layers of an encoder or of a decoder, with one relative bias for all of them, and a final norm.

    Attributes: relative, layers, norm, dropout, decoder.   Raffel et al. 2020, §2.1
    """

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        """x: (B, T, D)   memory: (B, m, D)   mask: bool, broadcastable to (B, T, T)   memory_mask: to (B, T, m).

        In a decoder no position sees a later one, whatever the mask says. Returns (B, T, D).
        """
        ### BEGIN SOLUTION
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))
        ### END SOLUTION


# %% check="T5Stack: an encoder of several layers" points=2
stack = check.fill(T5Stack(6, 4, 2, 3, 10))
x = check.randn(1, 4, 6, seed=41)
check.close(stack(x)[0, :, :3], torch.tensor([
            [0.00579, -0.10380, -0.27354],
            [0.00085, -0.72864, -0.16792],
            [0.00490, -0.18948, 0.20363],
            [0.00279, -0.55496, -0.17488]]),
            atol=2e-4,
            hint="every layer gets the bias of self.relative(T, T); no causal mask in an encoder; the norm at the end")
check.same(stack(x, check.randn(1, 3, 6, seed=40)), stack(x),
           hint="a memory makes no decoder: whether there is a causal mask, self.decoder says")
### BEGIN HIDDEN TESTS
gated = check.fill(T5Stack(6, 4, 2, 2, 10, gated=True))
longer = check.randn(2, 5, 6, seed=42)
check.close(gated(longer)[1, :, :3], torch.tensor([
            [0.00462, -0.50220, -0.22251],
            [0.00827, 0.28454, 0.01346],
            [-0.00755, 0.34845, 0.02102],
            [0.01236, -0.36636, 0.22889],
            [-0.00298, 0.42183, -0.06507]]),
            atol=2e-4, hint="two layers, two sequences of 5 tokens: T is x.shape[1]")
### END HIDDEN TESTS

# %% check="T5Stack: a decoder sees the memory and no future" points=2
stack = check.fill(T5Stack(6, 4, 2, 2, 10, decoder=True))
x, memory = check.randn(1, 4, 6, seed=43), check.randn(1, 3, 6, seed=44)
out = stack(x, memory)
check.close(out[0, :, :3], torch.tensor([
            [-0.00154, 0.82286, 0.21413],
            [-0.00841, 0.85457, -0.09563],
            [-0.00736, 0.95581, 0.07397],
            [0.00364, -0.25350, -0.16320]]),
            atol=2e-4, hint="in a decoder: the causal mask for self-attention, memory for every layer")
shorter = stack(x[:, :2], memory)
check.same(out[:, :2], shorter, atol=1e-4,
           hint="what comes later changes what came before: the causal mask, in every layer")
### BEGIN HIDDEN TESTS
check.close(shorter[0, :, :3], torch.tensor([
            [-0.00154, 0.82286, 0.21413],
            [-0.00841, 0.85457, -0.09563]]), atol=2e-4, hint="two tokens: T is x.shape[1]")
### END HIDDEN TESTS

# %% check="T5Stack: masks" points=2
encoder = check.fill(T5Stack(6, 4, 2, 2, 10))
decoder = check.fill(T5Stack(6, 4, 2, 2, 10, decoder=True))
x, memory = check.randn(2, 4, 6, seed=45), check.randn(2, 3, 6, seed=46)
real = check.arange(4).view(1, 1, 4) < torch.tensor([4, 2]).view(2, 1, 1)  # padding at the end
gap = check.arange(4).view(1, 1, 4) != torch.tensor([9, 1]).view(2, 1, 1)  # in sequence 1, token 1 is hidden
visible = check.arange(3).view(1, 1, 3) < torch.tensor([3, 2]).view(2, 1, 1)
check.close(encoder(x, mask=real)[1, :, :3], torch.tensor([
            [-0.00691, 0.77505, 0.16010],
            [0.00541, 1.02265, -0.14136],
            [0.01472, 0.00861, -0.01832],
            [-0.00910, 0.27963, 0.27906]]),
            atol=2e-4, hint="an encoder: mask goes to every layer as it is")
check.close(decoder(x, memory, memory_mask=visible)[1, :, :3], torch.tensor([
            [-0.00973, 0.91233, 0.13041],
            [0.00614, 0.92905, -0.06637],
            [0.01430, 0.17227, 0.03272],
            [-0.01224, 0.30410, 0.13083]]),
            atol=2e-4, hint="memory_mask goes to every layer, for cross-attention")
check.close(decoder(x, memory, gap)[1, :, :3], torch.tensor([
            [-0.00865, 0.97694, 0.14232],
            [0.00359, 0.97406, -0.04243],
            [0.01191, 0.28252, 0.01881],
            [-0.01290, 0.58808, 0.15359]]),
            atol=2e-4, hint="a decoder with a mask: allowed is what the causal mask and the mask allow, mask & causal")
### BEGIN HIDDEN TESTS
check.close(decoder(x, memory, gap, visible)[1, :, :3], torch.tensor([
            [-0.00973, 0.91233, 0.13041],
            [0.00485, 0.98248, -0.05434],
            [0.01393, 0.21325, 0.03634],
            [-0.01328, 0.40096, 0.11959]]),
            atol=2e-4, hint="by position: x, memory, mask, memory_mask")
### END HIDDEN TESTS

# %% check="T5Stack: dropout at the beginning and at the end" points=1
stack = fading(check.fill(T5Stack(6, 4, 2, 2, 10)))  # every call of a dropout fades
x = check.randn(1, 3, 6, seed=47)
check.close(stack(x)[0, :, :3], torch.tensor([
            [0.01270, 0.32971, 0.04807],
            [-0.01501, 0.15480, -0.05554],
            [0.01627, -0.39761, 0.01464]]),
            atol=2e-4, hint="self.dropout twice: on x before the first layer, and on the result of the norm")
### BEGIN HIDDEN TESTS
gone = check.fill(T5Stack(6, 4, 2, 2, 10, dropout=1.0))
check.close(gone(x), torch.zeros(1, 3, 6), hint="dropout 1, in training: nothing is left")
quiet = gone.eval()
check.close(quiet(x)[0, :, :3], torch.tensor([
            [0.01000, 0.32581, 0.07488],
            [0.00775, -0.12179, -0.07023],
            [0.01348, -0.53406, 0.00619]]), atol=2e-4, hint="in evaluation nothing is dropped")
### END HIDDEN TESTS

# %% check="T5Stack: gradients reach the table, the stream and the memory" points=1
stack = check.fill(T5Stack(6, 4, 2, 2, 10, decoder=True))
x = check.randn(1, 3, 6, seed=48).requires_grad_()
memory = check.randn(1, 2, 6, seed=49).requires_grad_()
(10 * stack(x, memory)).pow(2).sum().backward()
check.close(stack.relative.weight.grad, torch.cat((torch.tensor([
            [-11.43044, -6.97794],
            [0.54414, -0.28318],
            [10.88631, 7.26112]]), torch.zeros(29, 2))), atol=5e-3,
            hint="the table of positions is learnt, from every layer: no .detach() and no no_grad around self.relative")
check.close(x.grad, torch.tensor([
            [8.13714, -26.34088, 19.11145, -5.19415, -8.89082, -37.06184],
            [-3.81505, 26.44412, 12.65514, -55.17777, -3.53543, -17.67481],
            [-19.35956, -1.88175, 46.52818, -76.19965, -13.72226, -6.45860]]).view(1, 3, 6), atol=5e-3,
            hint="the gradient of x is wrong: no .detach(), no .data")
check.close(memory.grad, torch.tensor([
            [42.26678, 75.38115, -51.41372, -43.57468, 81.40952, -23.10216],
            [-7.46458, -37.59085, -46.25057, -26.89538, 75.57108, -56.71198]]).view(1, 2, 6), atol=5e-3,
            hint="the gradient of memory is wrong: it comes from every layer")

# %% [markdown]
# ## 6 · What the decoder reads
#
# In training the decoder gets the right answer, one place late: at each position it has read what comes before and
# must say what comes next. T5 has no token for "begin"; the decoder starts with the padding token, id 0. Labels that do
# not count in the loss are marked −100, the number that `F.cross_entropy` ignores by default; but −100 is no row of an
# embedding, so in the *inputs* padding stands there.
#
# **`shift_right(labels, pad_id=0)`** ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `labels` | (B, m), integers | token ids, and −100 where nothing is to be predicted; not to be changed |
# | `pad_id` | int | what the decoder starts with, and what replaces −100 |
# | result | (B, m), integers | position 0: `pad_id`; position t: label t − 1 |
#
# <details><summary>Hint 1</summary>The last label is never an input.</details>
# <details><summary>Hint 2</summary>A column of <code>pad_id</code> in front of all labels but the last;
# <code>torch.full_like</code> keeps dtype and device.</details>
# <details><summary>Hint 3</summary><code>masked_fill</code> (without underscore) makes a new tensor. Only −100 is to be
# replaced, not every negative number.</details>

# %% exercise="shift_right" minutes=5 level=1
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    """The decoder's inputs for these labels: one place later, starting with the padding token.

    labels: (B, m) integers, −100 where nothing is to be predicted. Returns (B, m), dtype and device of labels.
    """
    ### BEGIN SOLUTION
    start = torch.full_like(labels[:, :1], pad_id)  # (B, 1)
    shifted = torch.cat((start, labels[:, :-1]), dim=1)  # (B, m)
    return shifted.masked_fill(shifted == -100, pad_id)
    ### END SOLUTION


# %% check="shift_right: one place later, padding first" points=1
labels = torch.tensor([[5, 6, 7, 1], [8, 1, 9, 2]])
shifted = shift_right(labels)
check.equal(shifted, torch.tensor([[0, 5, 6, 7], [0, 8, 1, 9]]),
            hint="position 0 is pad_id, position t is label t − 1; the last label is no input")
check.equal(labels, torch.tensor([[5, 6, 7, 1], [8, 1, 9, 2]]), hint="labels were changed in place: make a new tensor")
check.equal(shift_right(labels, pad_id=3), torch.tensor([[3, 5, 6, 7], [3, 8, 1, 9]]), hint="start with pad_id")
narrow = shift_right(torch.tensor([[4, 5], [6, 7], [8, 9]], dtype=torch.int32))
check.dtype(narrow, torch.int32, hint="the dtype of the labels")
check.equal(narrow.tolist(), [[0, 4], [0, 6], [0, 8]], hint="three sequences of two labels")
### BEGIN HIDDEN TESTS
check.equal(shift_right(torch.tensor([[4]])), torch.tensor([[0]]), hint="a single label: the input is pad_id alone")
short = shift_right(torch.tensor([[4, 5]], dtype=torch.int32))
check.dtype(short, torch.int32, hint="the dtype of the labels")
check.equal(short.tolist(), [[0, 4]], hint="one place later, padding first")
### END HIDDEN TESTS

# %% check="shift_right: what is not predicted becomes padding" points=1
ignored = torch.tensor([[5, 6, -100, -100], [8, -100, 9, -100]])
filled = shift_right(ignored)
check.equal(filled, torch.tensor([[0, 5, 6, 0], [0, 8, 0, 9]]), hint="−100 becomes pad_id in the inputs")
check.equal(ignored, torch.tensor([[5, 6, -100, -100], [8, -100, 9, -100]]),
            hint="labels keep their −100: make a new tensor")
check.equal(shift_right(ignored, 7), torch.tensor([[7, 5, 6, 7], [7, 8, 7, 9]]), hint="−100 becomes pad_id, not 0")
check.equal(shift_right(torch.tensor([[-1, -100, 3, 4]])), torch.tensor([[0, -1, 0, 3]]),
            hint="−100 is replaced, no other number")
### BEGIN HIDDEN TESTS
check.equal(shift_right(torch.tensor([[-100, -100, 3], [-1, -7, 2]])), torch.tensor([[0, 0, 0], [0, -1, -7]]),
            hint="−100 is replaced, no other number")
### END HIDDEN TESTS

# %% [markdown]
# ## 7 · T5
#
# One embedding serves encoder, decoder and output layer. At the output it is used the other way round, as D × V: the
# logit of a token is the product of the decoder's state with that token's embedding. The final norm makes the state's
# entries about 1 in size, the embeddings start with variance 1, so the product would have variance D: with D = 512,
# logits of ±23, a model that is sure of itself before it has seen anything. Hence the last number of T5,
#
# $$\text{logits} = D^{-1/2}\; x\, E^\top.$$
#
# T5 1.1 has an output layer of its own and does not scale.
#
# **`T5(vocab_size, d_model=512, d_kv=64, num_heads=8, num_layers=6, d_ff=2048, dropout=0.1, gated=False, tied=True,
# pad_id=0)`**, an `nn.Module`; the defaults are T5-small's. `__init__` is given: `embedding`; `encoder` and `decoder`,
# two stacks; `head`, None where `tied`, else an `nn.Linear` from D to V without bias. You write three methods.
# ★★★★☆ · 15 minutes
#
# | method | takes | returns |
# |---|---|---|
# | `encode(src)` | ids (B, n) | memory (B, n, D), and `src != pad_id`, bool (B, 1, n); None if `pad_id` is None |
# | `decode(tgt, memory, memory_mask=None)` | ids (B, m), and what `encode` returns | logits (B, m, V) |
# | `forward(src, tgt)` | ids (B, n), ids (B, m) | logits (B, m, V) |
#
# `tgt` are decoder *inputs*, as `shift_right` makes them. Padding in `src` is hidden from the encoder's self-attention
# and from cross-attention. Padding in `tgt` needs no mask: it begins the sequence on purpose, and at the end the causal
# mask keeps it from all positions that count. A sequence in `src` has at least one real token.
#
# <details><summary>Hint 1</summary><code>encode</code> embeds, makes the mask and calls <code>encoder</code>;
# <code>decode</code> embeds, calls <code>decoder</code>, and makes logits; <code>forward</code> calls the
# two.</details>
# <details><summary>Hint 2</summary><code>src != self.pad_id</code> is (B, n); a mask for attention is (B, 1, n), the 1
# for the queries.</details>
# <details><summary>Hint 3</summary>Tied: the state times <code>d_model ** -0.5</code>, times
# <code>self.embedding.weight.T</code>. Untied: <code>self.head</code>, and no scale.</details>

# %% exercise="T5" minutes=15 level=4
class T5(nn.Module):
    """Text in, text out: an encoder, a decoder, and one embedding for both and for the output.

    tied: the output layer is the embedding, scaled; else head, unscaled. pad_id: hidden in src; None: nothing is.
    gated=True, tied=False: T5 1.1.   Raffel et al. 2020
    """

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        """src: ids (B, n). Returns memory (B, n, D) and its mask (B, 1, n), src != pad_id; None if pad_id is None."""
        ### BEGIN SOLUTION
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask
        ### END SOLUTION

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        """tgt: ids (B, m), what the decoder reads. memory, memory_mask: from encode. Returns logits (B, m, V)."""
        ### BEGIN SOLUTION
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)
        ### END SOLUTION

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        """src: ids (B, n)   tgt: ids (B, m). Returns logits (B, m, V)."""
        ### BEGIN SOLUTION
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)
        ### END SOLUTION


# %% check="T5: logits of the tied model, scaled" points=2
model = check.fill(T5(7, 6, 4, 2, 2, 10, dropout=0.0))
src, tgt = torch.tensor([[3, 5, 4, 1]]), torch.tensor([[0, 2, 6]])
logits = model(src, tgt)
check.shape(logits, (1, 3, 7), hint="a logit for each of the 7 tokens at each of the 3 positions of tgt")
check.finite(logits, hint="nan: nothing allowed in a row; the mask is True where src is not pad_id, and tgt has none")
check.close(logits[0], torch.tensor([
            [-0.14379, -0.08808, -0.09572, -0.05242, -0.24000, -0.09632, 0.02592],
            [-0.06751, 0.04255, -0.13911, -0.05338, -0.15856, -0.20104, 0.08869],
            [-0.06671, -0.05948, -0.05091, -0.04810, -0.09282, -0.07152, -0.05300]]),
            atol=2e-4,
            hint="decoder(embedding(tgt), memory) · D ** -0.5, times the embedding; memory = encoder(embedding(src))")
### BEGIN HIDDEN TESTS
check.close(model(tgt, src)[0, :2, :4], torch.tensor([
            [-0.13828, 0.00529, -0.12770, -0.06160],
            [0.07408, 0.10846, -0.10174, -0.03551]]), atol=2e-4,
            hint="src goes to the encoder, tgt to the decoder; a padding token in src is hidden")
### END HIDDEN TESTS

# %% check="T5: padding in src is hidden" points=2
model = check.fill(T5(7, 6, 4, 2, 2, 10, dropout=0.0))
src, tgt = torch.tensor([[3, 5, 4, 1], [2, 6, 0, 0]]), torch.tensor([[0, 2, 6], [0, 4, 1]])
memory, memory_mask = model.encode(src)
check.equal(memory_mask, torch.tensor([[[True, True, True, True]], [[True, True, False, False]]]),
            hint="encode returns (memory, mask); the mask is (B, 1, n), True where src is not pad_id")
check.close(memory[1, :2, :3], torch.tensor([
            [0.50849, 0.01515, 0.25363],
            [-1.07017, -0.02284, 0.28242]]),
            atol=2e-4, hint="padding is hidden from the encoder's self-attention")
check.close(model(src, tgt)[1, :, :4], torch.tensor([
            [-0.16608, -0.08552, -0.10024, -0.06254],
            [-0.11171, -0.06770, -0.04720, -0.06238],
            [-0.15598, -0.15285, -0.02493, -0.05967]]),
            atol=2e-4, hint="and from cross-attention: hand the mask to the decoder as memory_mask")
third = check.fill(T5(7, 6, 4, 2, 2, 10, dropout=0.0, pad_id=3))
check.close(third(torch.tensor([[3, 5, 4, 1], [2, 6, 3, 0]]), tgt)[1, :, :4], torch.tensor([
            [-0.15132, -0.08134, -0.10757, -0.07034],
            [-0.07480, -0.03827, -0.05830, -0.05890],
            [-0.09396, -0.09725, -0.04375, -0.05797]]), atol=2e-4, hint="hidden is self.pad_id, here 3, not 0")
open_model = check.fill(T5(7, 6, 4, 2, 2, 10, dropout=0.0, pad_id=None))
open_memory, no_mask = open_model.encode(src)
check.equal(no_mask, None, hint="pad_id None: no mask")
### BEGIN HIDDEN TESTS
other = check.fill(T5(7, 6, 4, 2, 2, 10, dropout=0.0, pad_id=6))
check.close(other(src, tgt)[1, :, :4], torch.tensor([
            [-0.13493, -0.06791, -0.11404, -0.06801],
            [-0.06775, -0.03086, -0.05829, -0.05722],
            [-0.07798, -0.08434, -0.04616, -0.05453]]), atol=2e-4, hint="hidden is self.pad_id, here 6, not 0")
nothing = check.fill(T5(7, 6, 4, 2, 2, 10, dropout=0.0, pad_id=None))
unmasked_memory, unmasked = nothing.encode(src)
check.equal(unmasked, None, hint="pad_id None: no mask")
check.close(nothing(src, tgt)[1, :, :4], torch.tensor([
            [-0.13530, -0.07081, -0.11045, -0.06985],
            [-0.06319, -0.02806, -0.06443, -0.05833],
            [-0.07534, -0.08016, -0.05044, -0.05663]]), atol=2e-4, hint="pad_id None: nothing is hidden")
### END HIDDEN TESTS

# %% check="T5: decode writes on from what was encoded" points=1
model = check.fill(T5(7, 6, 4, 2, 2, 10, dropout=0.0))
src = torch.tensor([[3, 5, 4, 1], [2, 6, 0, 0]])
memory, memory_mask = model.encode(src)
check.close(model.decode(torch.tensor([[0], [0]]), memory, memory_mask)[:, 0, :4], torch.tensor([
            [-0.14379, -0.08808, -0.09572, -0.05242],
            [-0.16608, -0.08552, -0.10024, -0.06254]]),
            atol=2e-4, hint="decode(tgt, memory, memory_mask): the first step of writing, tgt = pad_id")
check.close(model.decode(torch.tensor([[0, 4, 1], [0, 2, 6]]), memory)[:, 2, :4], torch.tensor([
            [-0.14243, -0.14900, -0.02994, -0.05959],
            [-0.07790, -0.05713, -0.05849, -0.04696]]),
            atol=2e-4, hint="memory_mask None: all of the memory is seen")
check.same(model.decode(torch.tensor([[0, 2, 6], [0, 4, 1]]), memory, memory_mask),
           model(src, torch.tensor([[0, 2, 6], [0, 4, 1]])), hint="forward is encode, then decode")
### BEGIN HIDDEN TESTS
check.close(model.decode(torch.tensor([[0], [0]]), memory)[:, 0, :4], torch.tensor([
            [-0.14379, -0.08808, -0.09572, -0.05242],
            [-0.12472, -0.07359, -0.09657, -0.04117]]),
            atol=2e-4, hint="memory_mask None: all of the memory is seen")
### END HIDDEN TESTS

# %% check="T5: 1.1 has a head of its own, unscaled" points=1
model = check.fill(T5(7, 6, 4, 2, 2, 10, dropout=0.0, gated=True, tied=False))
src, tgt = torch.tensor([[3, 5, 4, 1]]), torch.tensor([[0, 2, 6]])
logits = model(src, tgt)
check.close(logits[0], torch.tensor([
            [-0.26191, -0.12258, -0.52230, -0.07843, -0.26437, -0.29380, -0.55079],
            [-0.05755, 0.12490, -0.44501, -0.17543, -0.14170, -0.20595, -0.24038],
            [0.05751, 0.08930, -0.14556, -0.09662, -0.06993, 0.01564, -0.11211]]),
            atol=2e-4, hint="where head is not None: logits = head(x), without D ** -0.5")
logits.pow(2).mean().backward()
check.close(model.head.weight.grad, torch.tensor([
            [-0.02053, -0.00032, -0.00054, 0.00278, -0.00524, 0.00050],
            [0.00154, 0.00059, 0.00126, -0.00443, -0.00264, 0.00029],
            [-0.06778, -0.00276, -0.00548, 0.02214, -0.01076, 0.00069],
            [-0.01878, -0.00107, -0.00218, 0.00842, -0.00166, 0.00002],
            [-0.02881, -0.00111, -0.00221, 0.00907, -0.00573, 0.00033],
            [-0.03322, -0.00101, -0.00193, 0.00815, -0.00565, 0.00052],
            [-0.05576, -0.00201, -0.00397, 0.01646, -0.01194, 0.00073]]),
            atol=1e-3, hint="the gradient of the head is wrong: no .detach()")
untied = check.fill(T5(7, 6, 4, 2, 1, 10, dropout=0.0, tied=False))
check.close(untied(src, tgt)[0, :, :4], torch.tensor([
            [-0.38099, -0.21340, -0.55407, -0.01058],
            [-0.07441, 0.15025, -0.49519, -0.19571],
            [0.02639, 0.06089, -0.19939, -0.10638]]),
            atol=2e-4, hint="a head of its own and no gates: whether there is a head, self.head says")
### BEGIN HIDDEN TESTS
plain = check.fill(T5(5, 8, 3, 2, 1, 6, dropout=0.0, tied=False))
check.close(plain(tgt % 5, src % 5)[0], torch.tensor([
            [-0.31706, -0.01107, -0.05223, -0.67038, -0.05725],
            [1.05718, 0.02641, -0.55359, -0.01953, -0.11196],
            [0.11646, -0.03911, -0.41852, -0.39484, 0.34667],
            [-0.72348, 0.29963, 0.16853, -0.51122, 0.82872]]), atol=2e-4, hint="untied, ReLU: head(x)")
### END HIDDEN TESTS

# %% check="T5: the loss, and the gradient of the shared embedding" points=1
model = check.fill(T5(7, 6, 4, 2, 1, 10, dropout=0.0))
labels = torch.tensor([[2, 6, 1], [4, 1, -100]])
decoder_inputs = torch.tensor([[0, 2, 6], [0, 4, 1]])
logits = model(torch.tensor([[3, 5, 4, 1], [2, 6, 0, 0]]), decoder_inputs)
loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
loss.backward()
check.close(loss, torch.tensor(1.93271), atol=1e-4, hint="the loss differs: logits of the right size, D ** -0.5")
check.close(model.embedding.weight.grad[:, :3], torch.tensor([
            [0.02498, 0.00513, -0.00392],
            [-0.02463, -0.00246, -0.02720],
            [-0.05370, -0.02825, 0.04186],
            [0.10004, 0.00076, -0.02117],
            [-0.02147, -0.00080, -0.00503],
            [0.02841, 0.00207, -0.00412],
            [-0.00649, 0.00349, 0.00449]]), atol=1e-4,
            hint="the embedding has three tasks, input of both stacks and output, and all three add to its gradient")

# %% [markdown]
# ### Three commands
#
# The first token of the input says what is to be done with the letters after it: `sort` them, sort them `down`, or
# write the largest, `max`. The third is a classification, but the model has no head for that: it writes a letter, and
# then stops. The next cell trains one T5 of 2 + 2 layers and width 32 on all three, started with your `t5_init`, for
# 320 steps (about five seconds).
#
# **Before you run it:** the words have 3 to 8 letters. Which of the commands will be learnt first?

# %%
# Given: the letters, and how the models of this notebook are trained.
LETTERS = "abcdefghijklmnop"
COMMANDS = ["sort", "down", "max"]
TOKENS = ["_", ".", *LETTERS, *COMMANDS]  # padding 0, end 1, letters from 2, commands from 18


def commands(count, generator, longest=8):
    """Inputs (count, 9), labels (count, 9) with −100 after the end, and the number of each line's command."""
    letters = torch.rand(count, len(LETTERS), generator=generator).argsort(1)[:, :longest]  # none twice in a word
    lengths = torch.randint(3, longest + 1, (count,), generator=generator)
    command = torch.randint(len(COMMANDS), (count,), generator=generator)
    place = torch.arange(longest + 1)
    real = place[:longest] < lengths[:, None]
    up = letters.masked_fill(~real, 99).sort(1).values
    down = letters.masked_fill(~real, -9).sort(1, descending=True).values
    answers = torch.stack((up, down, down))[command, torch.arange(count)]  # max: the first of down
    stop = torch.where(command == 2, 1, lengths)[:, None]
    labels = torch.cat((answers + 2, answers[:, :1]), dim=1)
    labels = labels.masked_fill(place == stop, 1).masked_fill(place > stop, -100)
    return torch.cat((18 + command[:, None], (letters + 2).masked_fill(~real, 0)), dim=1), labels, command


def fit(model, batch_loss, steps, lr=0.005, positions=1.0):
    """Train with Adam: 30 steps of warm-up, full rate until half-way, then down to 0. Returns losses, ms per step.

    positions: the factor on the learning rate of the T5RelativeBias tables.
    """
    tables = [p for name, p in model.named_parameters() if "relative" in name]
    others = [p for name, p in model.named_parameters() if "relative" not in name]
    groups = [{"params": others, "factor": 1.0}, {"params": tables, "factor": positions}]
    optimizer = torch.optim.Adam(groups, fused=True)
    losses, begin = [], time.process_time()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * group["factor"] * min(1, (step + 1) / 30, 2 * (1 - step / steps))
        loss = batch_loss(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, 1000 * (time.process_time() - begin) / steps


# %% demo="commands" alt="Lines: share of words right against steps, max first, then sort and down, to nearly 1."
torch.manual_seed(0)
generator, progress = torch.Generator().manual_seed(0), []
obedient = t5_init(T5(len(TOKENS), d_model=32, d_kv=16, num_heads=2, num_layers=2, d_ff=64, dropout=0.0))
held_out = commands(600, torch.Generator().manual_seed(1))


def command_loss(model):
    src, labels, _ = commands(32, generator)
    if len(progress) * 40 == command_loss.step:
        progress.append(shares_right(model))
    command_loss.step += 1
    return F.cross_entropy(model(src, shift_right(labels)).flatten(0, 1), labels.flatten())


@torch.no_grad()
def shares_right(model):
    """The share of held-out answers in which every letter and the end are right, for each command."""
    src, labels, command = held_out
    right = ((model(src, shift_right(labels)).argmax(-1) == labels) | (labels == -100)).all(1)
    return [right[command == number].float().mean().item() for number in range(len(COMMANDS))]


@torch.no_grad()
def write(model, src, longest=9):
    """Greedy decoding: append the likeliest token until the end."""
    memory, mask = model.encode(src)
    tgt = torch.zeros(len(src), 1, dtype=torch.long)
    for _ in range(longest):
        tgt = torch.cat((tgt, model.decode(tgt, memory, mask)[:, -1:].argmax(-1)), dim=1)
    return ["".join(TOKENS[i] for i in row[1:]).split(".")[0] for row in tgt.tolist()]


command_loss.step = 0
losses, per_step = fit(obedient, command_loss, steps=320)
progress.append(shares_right(obedient))
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, shares, style in zip(COMMANDS, zip(*progress, strict=True), ("o-", "s--", "^:"), strict=True):
    ax.plot(range(0, 321, 40), shares, style, color="0.2", label=name)
ax.set(title="One T5, three commands", xlabel="steps", ylabel="share of answers right", ylim=(-0.03, 1.05))
ax.legend()
plt.show()
words = ["fcka", "phomba", "ngd"]
asked = [[18 + command, *(2 + LETTERS.index(c) for c in word)] for word in words for command in range(3)]
src = torch.tensor([row + [0] * (9 - len(row)) for row in asked])
for row, answer in zip(asked, write(obedient, src), strict=True):
    print(f"{TOKENS[row[0]]:>5}: {''.join(TOKENS[i] for i in row[1:]):8} → {answer}")

# %% [markdown]
# The class comes first, the two sequences together after it. By the end one model obeys all three, with a few mistakes
# left in the longer answers, and decides from the first token what it is asked for. (The share is the one that greedy
# decoding reaches: if the likeliest token is right at every position with the right answer before it, greedy decoding
# writes exactly that.)
#
# Others took the frame at its word. FLAN (Wei et al. 2022) and T0 (Sanh et al. 2022; a T5) train one model on many
# tasks, each phrased as an instruction, and find that it follows instructions for tasks that it was never trained on.
#
# ## 8 · Sharing layers
#
# Do twelve layers need twelve sets of weights? ALBERT (Lan et al. 2020, §3.1) applies *one* block twelve times. The
# depth and the work are the same; attention and feed-forward parameters are a twelfth. A middle way is there too:
# groups of neighbouring layers, each with its own block.
#
# Backpropagation needs no new rule for it. A block that is used in several places gets the sum of the gradients of all
# those places, as any variable that is used twice.
#
# **`share_layers(layers, num_groups=1)`** ★★☆☆☆ · 5 minutes
#
# | | | meaning |
# |---|---|---|
# | `layers` | `nn.ModuleList` of N modules | not to be changed |
# | `num_groups` | int | how many different modules remain; N must be a multiple of it, else `ValueError` |
# | result | a new `nn.ModuleList` of N entries | N / num_groups neighbours share *the first of them*, itself, no copy |
#
# With 6 layers and 2 groups the result is layer 0, 0, 0, 3, 3, 3.
#
# <details><summary>Hint 1</summary>An <code>nn.ModuleList</code> may contain the same module several times;
# <code>parameters()</code> counts it once.</details>
# <details><summary>Hint 2</summary>A group has N / num_groups layers. Which is the first of the group to which layer i
# belongs?</details>
# <details><summary>Hint 3</summary>Integer division and multiplication by the group's size rounds i down to the
# beginning of its group.</details>

# %% exercise="share_layers" minutes=5 level=2
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    """As many layers as before, but neighbours share one: num_groups different modules are left.

    layers: N modules; raises ValueError unless num_groups divides N. Every group uses its first layer, the same object.
    Returns a new nn.ModuleList of N entries.   Lan et al. 2020, §3.1
    """
    ### BEGIN SOLUTION
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.ModuleList(layers[i // size * size] for i in range(len(layers)))
    ### END SOLUTION


# %% check="share_layers: the same depth, fewer modules" points=2
layers = check.fill(nn.ModuleList([FeedForward(1, i + 2, bias=False) for i in range(6)]))  # layer i: d_ff = i + 2
shared = share_layers(layers)
check.equal([layer.up.out_features for layer in shared], [2, 2, 2, 2, 2, 2],
            hint="num_groups=1: six entries, all of them the first layer")
check.equal(type(shared).__name__, "ModuleList", hint="an nn.ModuleList: a plain list hides its parameters")
check.equal(sum(p.numel() for p in shared.parameters()), 4,
            hint="the same object six times, not copies of it")
check.equal([entry is layers[0] for entry in shared], [True] * 6,
            hint="the first layer itself, not a copy of it, in all six places")
check.equal([layer.up.out_features for layer in layers], [2, 3, 4, 5, 6, 7],
            hint="the list that was given stays as it was")
check.equal([layer.up.out_features for layer in share_layers(layers, 2)], [2, 2, 2, 5, 5, 5],
            hint="2 groups of 3 neighbours: layers 0, 0, 0, 3, 3, 3")
### BEGIN HIDDEN TESTS
check.equal([layer.up.out_features for layer in share_layers(layers, num_groups=3)], [2, 2, 4, 4, 6, 6],
            hint="3 groups of 2 neighbours: layers 0, 0, 2, 2, 4, 4")
check.equal([layer.up.out_features for layer in share_layers(layers, 6)], [2, 3, 4, 5, 6, 7],
            hint="6 groups: nothing is shared")
check.equal(sum(p.numel() for p in share_layers(layers, 3).parameters()), 24,
            hint="3 groups: layers 0, 2 and 4, once each")
### END HIDDEN TESTS

# %% check="share_layers: groups that do not fit" points=1
layers = check.fill(nn.ModuleList([FeedForward(1, i + 2, bias=False) for i in range(6)]))
check.raises(lambda: share_layers(layers, 4), ValueError,
             hint="6 layers cannot be cut into 4 equal groups: raise ValueError")
check.equal(len(share_layers(layers, 3)), 6, hint="6 layers and 3 groups do fit: six entries")
### BEGIN HIDDEN TESTS
check.raises(lambda: share_layers(layers, 5), ValueError, hint="6 layers cannot be cut into 5 equal groups")
check.raises(lambda: share_layers(layers, 12), ValueError, hint="12 groups of half a layer: raise ValueError")
### END HIDDEN TESTS

# %% check="share_layers: what is shared gets the gradients of all its places" points=1
first, second = check.fill(nn.Linear(4, 4, bias=False)), check.fill(nn.Linear(4, 4, bias=False))
shared = share_layers(check.fill(nn.ModuleList([first, second, check.fill(nn.Linear(4, 4, bias=False))])))
x = check.randn(5, 4, seed=61)
(shared[2](shared[1](shared[0](x).tanh()).tanh())).pow(2).sum().backward()
once = check.fill(nn.ModuleList([check.fill(nn.Linear(4, 4, bias=False))]))
w1 = once[0].weight.detach().clone().requires_grad_()  # three copies of the same numbers
w2 = once[0].weight.detach().clone().requires_grad_()
w3 = once[0].weight.detach().clone().requires_grad_()
x_again = check.randn(5, 4, seed=61)
(((x_again @ w1.T).tanh() @ w2.T).tanh() @ w3.T).pow(2).sum().backward()
check.close(shared[0].weight.grad, w1.grad + w2.grad + w3.grad, atol=1e-4,
            hint="the three entries are one object: its gradient is the sum over its three places")

# %% [markdown]
# ALBERT saves in a second place (§3.1): an embedding needs a row for every token, V × D numbers, 23 million for V =
# 30,000 and D = 768. If a token's row has only E = 128 numbers, and one matrix E × D widens them, V·E + E·D are enough.
#
# **Before you run the next cell:** BERT-base has about 109 million parameters. Which of the two ideas saves more?

# %% demo="albert-counts" alt="Bars of parameters: BERT 109 million, factorised 90, shared 31, both (ALBERT) 11."
V, D, E, LAYERS, PLACES = 30_000, 768, 128, 12, 512 + 2  # rows for positions and two segments beside the tokens
block = 4 * (D * D + D) + 2 * 4 * D * D + 4 * D + D + 4 * D  # attention, feed-forward, two norms; with biases
plain, narrow = (V + PLACES) * D + 2 * D, (V + PLACES) * E + 2 * E + E * D + D  # the embeddings, and their norm
counts = {"BERT-base": (plain, LAYERS * block), "embedding factorised": (narrow, LAYERS * block),
          "layers shared": (plain, block), "both: ALBERT-base": (narrow, block)}
figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
for number, (embedding, layers) in enumerate(counts.values()):
    ax.barh(number, embedding / 1e6, color="0.75", label="embeddings" if number == 0 else None)
    bar = ax.barh(number, layers / 1e6, left=embedding / 1e6, color="0.35", label="layers" if number == 0 else None)
    ax.bar_label(bar, labels=[f" {(embedding + layers) / 1e6:.1f}"])
ax.set_yticks(range(4), counts)
ax.invert_yaxis()
ax.set(title="Where ALBERT's parameters went", xlabel="parameters [millions]", xlim=(0, 125))
ax.grid(axis="y", visible=False)
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# Sharing saves far more; together they leave a tenth of BERT. What does it cost? Lan et al. (2020, Table 4) measured,
# for models of width 768 with E = 768, an average over their tasks of 82.3 with 108 million parameters and 79.8 with 31
# million, all layers shared. Most of the loss comes from sharing the feed-forward layers.
#
# ### The contest
#
# A task for which depth helps: 10 random numbers from 0 to 15; for each of them say how many of the others are smaller
# (its rank). An encoder with fully visible attention, width 32 and 6 layers. Four contestants, three seeds each, 160
# steps:
#
# 1. six layers, each with its own weights;
# 2. six layers, one set of weights (ALBERT);
# 3. six layers with weights of their own, but *narrower*, such that there are as many parameters as in 2;
# 4. one layer: the same weights as in 2, used once.
#
# **Before you run the next cell** (about a quarter of a minute)**:** put the four in order, by loss and by time.

# %% demo="sharing" alt="Left: loss, own weights best, shared second, narrow and single worse. Right: time per step."
NUMBERS, LONG = 16, 10


class Ranker(nn.Module):
    """Numbers (B, T) to logits (B, T, T): how many of the others are smaller."""

    def __init__(self, d_model, d_kv, num_layers, num_groups, d_ff):
        super().__init__()
        self.embedding, self.head = nn.Embedding(NUMBERS, d_model), nn.Linear(d_model, LONG, bias=False)
        self.stack = T5Stack(d_model, d_kv, 2, num_layers, d_ff)
        self.stack.layers = share_layers(self.stack.layers, num_groups)

    def forward(self, x):
        return self.head(self.stack(self.embedding(x)))


def rank_loss(model, count, generator):
    x = torch.randint(NUMBERS, (count, LONG), generator=generator)
    return F.cross_entropy(model(x).flatten(0, 1), (x[:, :, None] > x[:, None]).sum(-1).flatten())


contestants = {"6 layers": (32, 16, 6, 6, 64), "6 layers, shared": (32, 16, 6, 1, 64),
               "6 narrow layers": (13, 7, 6, 6, 27), "1 layer": (32, 16, 1, 1, 64)}
found = {}
for name, sizes in contestants.items():
    outcomes = []
    for seed in range(3):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        model = t5_init(Ranker(*sizes))
        _, per_step = fit(model, lambda model, generator=generator: rank_loss(model, 32, generator), steps=160)
        with torch.no_grad():
            outcomes.append((rank_loss(model, 1000, torch.Generator().manual_seed(99)).item(), per_step))
    found[name] = list(zip(*outcomes, strict=True))
    count = sum(p.numel() for p in model.parameters())
    print(f"{name:17}: {count:6,} parameters, held-out loss {np.mean(found[name][0]):.2f} "
          f"({min(found[name][0]):.2f} to {max(found[name][0]):.2f}), {np.median(found[name][1]):4.1f} ms per step")
figure, axes = plt.subplots(1, 2, figsize=(11, 3.4), sharey=True, layout="constrained")
for row, (losses, times) in enumerate(found.values()):
    axes[0].plot(losses, [row] * 3, "o", color="0.2", markersize=8, alpha=0.7)
    axes[1].barh(row, np.median(times), color="0.6")
axes[0].set_yticks(range(len(found)), found)
axes[0].invert_yaxis()
axes[0].set(title="Held-out loss, three seeds", xlabel="loss [nats]", xlim=(0, None))
axes[1].set(title="Time", xlabel="time per step [ms]")
axes[1].grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# In our run the means were 0.16, 0.31, 0.42 and 0.84 nats. Three things can be read off.
#
# - **Depth is not the same as parameters.** The block that is applied six times has a loss well under half of that of
#   the block that is applied once, and not one weight more.
# - **Weights of their own are better still**, by a factor of two here. Sharing has a price.
# - **For the same number of weights, sharing did better on average** than narrowing, but the luckiest of the three
#   narrow models was as good as the shared ones. One task, three seeds: a hint, no law.
#
# And time? Sharing saves next to none. All six layers are computed forwards and backwards, whoever owns the weights;
# only the optimiser has less to do. (The narrow model has less than a quarter of the arithmetic and is not much faster,
# because at this size a step is mostly the cost of calling operations. In a large model it would be several times as
# fast.) What sharing saves is memory: weights, their gradients, the optimiser's two numbers for each, and what machines
# that train together have to send each other. ALBERT-xxlarge has fewer parameters than BERT-large and is slower (Lan et
# al. 2020, §5).
#
# ## 9 · Encoder, decoder, or both?
#
# Architectures differ first of all in *who may see what*. Raffel et al. (2020, §3.2.1, Figures 3 and 4) sort them by
# three masks for a sequence that consists of an input and, after it, an answer:
#
# - **fully visible**: everyone sees everyone. An encoder.
# - **causal**: everyone sees the past. A decoder, or *language model*: it reads the input as if it had to write it.
# - **causal with a prefix**: the input is fully visible, the answer causal. One stack does what an encoder and a
#   decoder do in two.
#
# The next cell gives the third mask; the one after it draws all three. (Without a slider: `draw_masks(3)` in a new
# cell.)


# %%
# Given: the mask of a prefix language model.
def prefix_mask(prefix, T):
    """bool (T, T): causal, but the first `prefix` positions are seen by all. prefix 0: causal; T: fully visible."""
    return causal_mask(T) | (torch.arange(T) < prefix)


# %% demo="masks" alt="Three masks of 9 by 9: all dark, a lower triangle, a triangle with the first columns dark."
def draw_masks(prefix=5):
    T = 9
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), layout="constrained")
    kinds = {"fully visible (encoder)": T, "causal (decoder)": 0, f"causal with a prefix of {prefix}": prefix}
    for ax, (title, length) in zip(axes, kinds.items(), strict=True):
        sns.heatmap(prefix_mask(length, T).numpy(), ax=ax, vmin=0, vmax=1.6, cmap="Greys", cbar=False, linewidths=1)
        ax.set(title=title, xlabel="key (looked at)", ylabel="query (looking)")
        if ax is not axes[0]:
            ax.axvline(prefix, color="black", linestyle="--", linewidth=1.5)
            ax.axhline(prefix, color="black", linestyle="--", linewidth=1.5)
    figure.suptitle("dark = may attend; dashed: where the input ends and the answer begins")
    plt.show()


try:
    from ipywidgets import IntSlider, interact

    interact(draw_masks, prefix=IntSlider(5, min=1, max=8, continuous_update=False, description="input"))
except ImportError:
    print("pip install ipywidgets gives this picture a slider; without it, call draw_masks(3) in a new cell.")
    draw_masks()

# %% [markdown]
# ### Two tasks that are mirror images
#
# The input is 10 different letters. **Right**: write those letters that are larger than everything *after* them, in
# their order. **Left**: those that are larger than everything *before* them. For `c f a e b d` that is `f e d` and `c
# f`. For a reader who sees all of the input the two are equally hard. For one who reads from left to right, whether a
# letter belongs to the answer is known at once in *left*, and only later in *right*.
#
# Three contestants with equally many parameters (42,000), all made of your parts:
#
# - a *language model*: one stack of 5 layers, causal;
# - a *prefix language model*: the same stack, another mask;
# - an *encoder–decoder*: `T5` with 2 + 2 layers (cross-attention makes up for the fifth).
#
# The loss counts the answer only. One more thing is set by hand: the tables of relative positions learn 40 times as
# fast as the rest; what happens otherwise stands below the picture.
#
# **Before you run the next cell** (about a quarter of a minute)**:** six numbers. Which one is the odd one out?

# %% demo="who-may-see-what" alt="Bars: on the task left all three are good, on right the causal model falls behind."
END, BEGIN, LONG = len(LETTERS), len(LETTERS) + 1, 10


def leaders(side, count, generator):
    """Letters (count, LONG), and those larger than all after (right) or before (left) them: labels with −100."""
    letters = torch.rand(count, len(LETTERS), generator=generator).argsort(1)[:, :LONG]
    others = torch.ones(LONG, LONG, dtype=torch.bool)
    others = others.triu(1) if side == "right" else others.tril(-1)  # [i, j]: j counts against i
    leads = ~((letters[:, None] > letters[:, :, None]) & others).any(-1)
    place, found = torch.arange(LONG + 1), leads.sum(1, keepdim=True)
    order = (~leads).int().sort(dim=1, stable=True).indices  # those that lead first, in their order
    labels = torch.cat((letters.gather(1, order), letters[:, :1]), dim=1)
    return letters, labels.masked_fill(place == found, END).masked_fill(place > found, -100)


class OneStack(nn.Module):
    """Input and answer in one sequence, through one stack. prefix: how many positions are seen by all."""

    def __init__(self, prefix):
        super().__init__()
        self.prefix, self.embedding = prefix, nn.Embedding(len(LETTERS) + 2, 32)
        self.stack = T5Stack(32, 16, 2, 5, 64)

    def forward(self, src, tgt):  # (B, n), (B, m) -> (B, m, V)
        ids = torch.cat((src, tgt), dim=1)
        x = self.stack(self.embedding(ids), mask=prefix_mask(self.prefix, ids.shape[1]))
        return x[:, src.shape[1] :] * 32**-0.5 @ self.embedding.weight.T


def leader_loss(model, side, generator):
    src, labels = leaders(side, 32, generator)
    return F.cross_entropy(model(src, shift_right(labels, BEGIN)).flatten(0, 1), labels.flatten())


def train_leaders(make, side, seed, positions=40.0, steps=200):
    """Returns the model, the share of held-out answers that are right from beginning to end, and ms per step."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = t5_init(make())
    _, per_step = fit(model, lambda model: leader_loss(model, side, generator), steps, positions=positions)
    src, labels = leaders(side, 1000, torch.Generator().manual_seed(99))
    with torch.no_grad():
        right = (model(src, shift_right(labels, BEGIN)).argmax(-1) == labels) | (labels == -100)
    return model, right.all(1).float().mean().item(), per_step


makers = {"language model": lambda: OneStack(0), "prefix language model": lambda: OneStack(LONG),
          "encoder–decoder": lambda: T5(len(LETTERS) + 2, 32, 16, 2, 2, 64, dropout=0.0, pad_id=None)}
SEEDS = 1  # 2: a quarter of a minute more
trained, figure_data = {}, {}
for name, make in makers.items():
    for side in ("left", "right"):
        shares, times = [], []
        for seed in reversed(range(SEEDS)):  # the model of seed 0 is kept
            trained[name, side], share, per_step = train_leaders(make, side, seed)
            shares.append(share)
            times.append(per_step)
        figure_data[name, side] = np.mean(shares)
        print(f"{name:22} {side:5}: right from beginning to end {', '.join(f'{s:.2f}' for s in shares)}; "
              f"{sum(p.numel() for p in trained[name, side].parameters()):,} parameters, {min(times):.1f} ms per step")
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
for side, offset, color in (("left", -0.2, "0.75"), ("right", 0.2, "0.35")):
    shares = [figure_data[name, side] for name in makers]
    bars = ax.bar(np.arange(3) + offset, shares, width=0.38, color=color, label=side)
    ax.bar_label(bars, fmt="%.2f", label_type="center", color="white" if side == "right" else "black")
ax.set_xticks(range(3), makers)
ax.set(title="Answers right from beginning to end", ylabel="share right", ylim=(0, 1.05))
ax.grid(axis="x", visible=False)
figure.legend(title="larger than all on the", loc="outside right upper")
plt.show()

# %% [markdown]
# The language model on *right*. On *left* it is the best of the three (0.98), on *right* by far the worst (0.61): while
# it reads a letter it cannot know what follows, so all the comparing is left to the few positions at which it writes.
# The prefix model differs from it in nothing but the mask of the input, and gets 0.83. The encoder–decoder is about
# equal at both, 0.85 and 0.82. (The tasks are not perfect mirror images: answers are written from left to right in
# both.) Another seed shows the same, with other numbers: in the order of the picture 0.97 and 0.47, 0.97 and 0.74, 0.86
# and 0.75.
#
# Three remarks, so that you do not read more into it than there is.
#
# - *Right* is not beyond a causal model. With 300 steps instead of 200 (one seed) the three got 0.82, 0.96 and 0.97. A
#   mask makes things easy or hard to learn; rarely impossible.
# - On *left*, and at equal steps, the causal model learns fastest. Its mask tells it the order of the letters for
#   nothing; the others have to learn from scratch in which direction to look.
# - That is what the factor of 40 is for. The tables begin at 0 and must reach numbers like 4, while Adam moves each
#   entry by about the learning rate. With the factor 1, all else equal, we measured 0.97 on *left* and 0.39 on *right*
#   for the language model, but 0.20 and 0.09 for the prefix model, and 0.08 and 0.07 for the encoder–decoder: the order
#   of the three is turned round. A comparison of architectures is always a comparison of how they were trained.
#
# The encoder–decoder needs a little less time per step, although it has as many parameters: each token passes through
# half of them only.
#
# What did the tables learn? Each line below is one head of the encoder–decoder.
#
# **Before you run the next cell:** in which direction must the encoder look to answer *right*? (Without sliders:
# `draw_tables("left")` in a new cell.)

# %% demo="learnt-biases" alt="Lines of bias by distance: the encoder's heads favour keys after the query for right."
def draw_tables(side="right"):
    model, reach = trained["encoder–decoder", side], LONG - 1
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    with torch.no_grad():
        encoder = model.encoder.relative(LONG, LONG)  # (H, n, m)
        decoder = model.decoder.relative(LONG, LONG)
    distances = range(-reach, reach + 1)
    for head, style in enumerate(("o-", "s--")):
        across = [encoder[head].diagonal(distance)[0].item() for distance in distances]  # key minus query
        axes[0].plot(distances, across, style, color="0.2", markersize=5, label=f"head {head}")
        axes[1].plot(range(-reach, 1), decoder[head, -1], style, color="0.2", markersize=5, label=f"head {head}")
    axes[0].axvline(0, color="0.6", linewidth=1)
    axes[0].set_xticks(range(-9, 10, 3))
    axes[0].set(title=f"encoder, task {side}", ylabel="bias")
    axes[1].set(title=f"decoder, task {side}", ylabel="bias")
    for ax in axes:
        ax.set_xlabel("position of the key minus position of the query")
        ax.legend()
    plt.show()


try:
    from ipywidgets import interact

    interact(draw_tables, side=["right", "left"])
except ImportError:
    print("pip install ipywidgets gives this picture a choice; without it, call draw_tables('left') in a new cell.")
    draw_tables()

# %% [markdown]
# For *right* both heads of the encoder learn a step. In head 0 keys after the query get a bias of 2 to 6, keys before it
# −6 to −7. Between them lies a factor of more than e⁸ ≈ 3,000 in the weights: the head has built itself a mask that
# looks to the right. Head 1 does the same more softly, with 1 to 7 and −2 to −5. For *left* the steps go the other way.
# All layers share these numbers, so all of them look in that direction. In the decoder they stay smaller, between −4
# and 3: the causal mask gives its order already. (There, distance 9 stayed at exactly 0: no answer in training was long
# enough to use its bucket. In the encoder distances 8 and 9 share a bucket, as distances from 8 on share wider and
# wider ones.)
#
# ### When to use which
#
# | | reads the input | writes | use it where | known ones |
# |---|---|---|---|---|
# | encoder | in both directions | a vector per token | the answer is a class, a tag, a vector | BERT, ALBERT |
# | decoder | from left to right | as long as it likes | text is continued; every token is a lesson | GPT, Llama |
# | both | in both directions, once | as long as it likes | one text becomes another: translation, summary | T5, BART |
#
# In Raffel et al.'s comparison (2020, Table 2, denoising objective) the encoder–decoder was best, 83.3 on GLUE against
# 81.8 for the prefix language model and 74.7 for the causal one. It has twice the parameters of those at about the same
# work, since each token passes through half of them; with encoder and decoder *sharing* their layers, and so no more
# parameters than the others, it kept 82.8. That the field has since settled on plain decoders is not refuted by this
# table, nor explained: at scale other things weigh more, among them that every token of a text is a lesson, and that
# one model continues whatever it is given.

# %% [markdown]
# ## Recap
#
# - Text to text: the task is part of the input, the answer is text, and no task needs a head.
# - T5's attention has no biases and no √d; heads may have any width; positions are a bias on the scores, from one table
#   for all layers of a stack, and there is none in cross-attention.
# - The √d sits in the initialisation of `w_q`, the √D of the tied output in a factor. At the start that is the same as
#   dividing; under Adam it does not learn the same way.
# - Sharing layers saves memory, not time. It loses against the same depth with weights of its own, and wins against a
#   narrower model with as many parameters, in our contest.
# - A mask decides what a reader can know. Where the answer depends on what comes later, an input that is read in both
#   directions helps.
#
# Next: *pretraining_data*, what such models are fed.

# %% [markdown]
# ## A question in words
#
# A team must serve a model on phones: it reads a message of up to 200 tokens and writes a summary of ten. Memory for
# weights is scarce. Somebody proposes: "We take a decoder of 12 layers, share all its layers as ALBERT does, which
# makes it twelve times smaller and so twelve times faster. Instead of dividing by √d, which costs time, we train it
# with Adam and T5's attention."
#
# In six to ten sentences: (a) What is right and what is wrong about "smaller and so faster"? (b) Would you take a
# decoder, a prefix decoder or an encoder–decoder, and why? (c) What do you say about the division?

# %% [markdown] essay="phone" points=3
# **(a)** Sharing leaves one set of weights for the layers, so their memory shrinks to a twelfth; the embedding does not
# shrink with it and may now be the larger part (factorise it). All twelve layers are still computed: the work and the
# keys and values that are kept stay the same, and time does too, save what the smaller weights spare in memory traffic.
# And quality suffers against unshared layers. *(1 point: memory yes, time no, because the depth is computed in full.)*
#
# **(b)** The whole message is there before the first word is written, so it should be read in both directions: a mask
# that lets the input see itself, or an encoder. An encoder–decoder passes the 200 tokens through the encoder once and
# each of the ten written tokens through the decoder alone, about half of the layers each; a prefix decoder has one
# stack for both, which fits the wish to share. A causal decoder can work, but each token of the message is represented
# without knowing what follows. *(1 point: input fully visible, with a reason that fits the task.)*
#
# **(c)** The division costs next to nothing beside the matrix products, so nothing is saved. Folded into the start it
# gives the same scores at step 0, but Adam moves small entries by the same amount as large ones: the scores change √d
# times as much per step, so learning rate or warm-up for `w_q` would have to be chosen anew. T5 used Adafactor with
# relative steps. *(1 point: same start, different learning under Adam; or: no time is saved and why it may harm.)*

# %% [markdown]
# ## Sources
#
# - Raffel, Shazeer, Roberts, Lee, Narang, Matena, Zhou, Li, Liu 2020. *Exploring the Limits of Transfer Learning with a
#   Unified Text-to-Text Transformer.* JMLR 21, arXiv 1910.10683. §2.1 the model, §2.4 text to text, §3.1.2 Adafactor,
#   §3.1.4 and §3.3.4 span corruption, §3.2 architectures (Figures 3 and 4, Table 2), §3.7 sizes.
# - Mesh TensorFlow, `mesh_tensorflow/transformer/attention.py`: `fold_scaling_into_initializer`. The t5 repository's
#   notes on released checkpoints: version 1.1.
# - Lan, Chen, Goodman, Gimpel, Sharma, Soricut 2020. *ALBERT: A Lite BERT for Self-supervised Learning of Language
#   Representations.* ICLR 2020, arXiv 1909.11942. §3.1 the two ideas, Table 4 what sharing costs.
# - Lewis, Liu, Goyal, Ghazvininejad, Mohamed, Levy, Stoyanov, Zettlemoyer 2020. *BART: Denoising Sequence-to-Sequence
#   Pre-training for Natural Language Generation, Translation, and Comprehension.* ACL 2020, arXiv 1910.13461. §2.
# - Vaswani et al. 2017. *Attention Is All You Need.* NeurIPS 2017, arXiv 1706.03762. §3.2.1 the division.
# - Shazeer, Stern 2018. *Adafactor: Adaptive Learning Rates with Sublinear Memory Cost.* ICML 2018, arXiv 1804.04235.
#   §8.
# - Shazeer 2020. *GLU Variants Improve Transformer.* arXiv 2002.05202. The feed-forward layer of T5 1.1.
# - Wei et al. 2022. *Finetuned Language Models Are Zero-Shot Learners.* ICLR 2022, arXiv 2109.01652. FLAN. Sanh et al.
#   2022. *Multitask Prompted Training Enables Zero-Shot Task Generalization.* ICLR 2022, arXiv 2110.08207. T0.
# - transformers' T5, BART and ALBERT: the tests of this notebook.
