# %% [markdown]
# # GPT
#
# ## What you will build
#
# A decoder-only transformer from the parts you have: `GPTBlock`, pre-norm attention and feed-forward; `init_weights`,
# GPT-2's way to begin; `GPT`, the whole model with its tied embedding; and `generate`, which lets it write. You train
# it on Shakespeare and hold the result against the n-grams and the recurrent network of *language_models*. Then you
# watch a two-layer model learn something that no n-gram can do: to pick up the rules of a sequence while it reads it.
# `induction_score` finds the heads that do it, in your model and in a real one. About an hour and a quarter.
#
# ## When it was invented, and why it matters
#
# The transformer of Vaswani et al. (2017) translated: an encoder read, a decoder wrote. Liu et al. (2018) threw the
# encoder away and put source and target into one sequence. Radford et al. (2018) trained such a decoder on books, to
# predict the next token and nothing else, and then fine-tuned it for a dozen tasks: GPT. Its successor GPT-2 (Radford
# et al. 2019) moved the norms to the front of each sublayer, put one more after the last block (§2.3), and was not
# fine-tuned at all: tasks were asked for in plain text. GPT-3 (Brown et al. 2020) kept the architecture but
# for sparser attention in every second layer (§2.1), was a hundred times larger, and read a few solved examples in its
# prompt. Nearly all language models since then are decoders of this kind, with parts exchanged; the notebook *llama*
# exchanges them.
#
# A figure to be careful with: "GPT-3 was trained on 10,000 V100s" is repeated in many notes. The paper says V100s, of a
# "high-bandwidth cluster" at Microsoft (§2.3), and gives no number. Microsoft announced in May 2020 that the
# supercomputer it had built for OpenAI had 10,000 GPUs, and did not say which, nor what ran on it. An article by Nvidia
# put the two statements one after the other; Patterson et al. (2021, appendix A) took 10,000 from there for a table,
# adding that for their calculation any number would do. So it may be right, and nobody who knows has said it.
#
# ## Prerequisites
#
# *multi_head*, *positional_encoding*, *feed_forward* and *layer_norm_comparison*: the parts. *language_models*: nats
# per character, the held-out text, `sample`. *optimizers*: `AdamW`, `schedule`, `clip_grad_norm`.
#
# Letters: `B` sequences in a batch, `T` tokens in each, `D` the width (`d_model`), `H` heads, `F` the width of the
# feed-forward layer's hidden units, `L` blocks, `V` the number of different tokens.

# %%
import math
import re
import time
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.feed_forward import FeedForward, gelu
from autograder.parts.language_models import sample
from autograder.parts.layer_norm_comparison import LayerNorm
from autograder.parts.multi_head import MultiHeadAttention
from autograder.parts.optimizers import AdamW, clip_grad_norm, decay_groups, schedule
from autograder.parts.positional_encoding import LearnedPositions
from autograder.parts.scaled_dot_product import causal_mask

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# The next cell is for the checks. `check.fill` sets parameters from their names and shapes alone, so PyTorch's own
# layers get the same numbers as yours if yours have the names that the exercises ask for. You need not read it.

# %%
# Given: PyTorch's own blocks, to compare with.
def block_parts(d_model, d_ff):
    """The parameters of one block under the names of the exercise."""
    return nn.ModuleDict({
        "norm1": nn.LayerNorm(d_model),
        "attention": nn.ModuleDict({name: nn.Linear(d_model, d_model) for name in ("w_q", "w_k", "w_v", "w_o")}),
        "norm2": nn.LayerNorm(d_model),
        "feed_forward": nn.ModuleDict({"up": nn.Linear(d_model, d_ff), "down": nn.Linear(d_ff, d_model)}),
    })


def block_and_table(d_model, d_ff, rows, name="embedding"):
    """The parameters of one block, and a table of so many rows beside it."""
    return nn.ModuleDict({name: nn.Embedding(rows, d_model), "block": block_parts(d_model, d_ff)})


def pytorch_layer(x, parts, num_heads, mask):
    """One pre-norm nn.TransformerEncoderLayer with these parameters. mask: (T, T) or (B, T, T), True = may attend."""
    d_model, d_ff = x.shape[-1], parts["feed_forward"]["up"].out_features
    layer = nn.TransformerEncoderLayer(d_model, num_heads, d_ff, 0.0, partial(F.gelu, approximate="tanh"),
                                       batch_first=True, norm_first=True)
    q, k, v, o = (parts["attention"][name] for name in ("w_q", "w_k", "w_v", "w_o"))
    layer.self_attn.in_proj_weight = nn.Parameter(torch.cat([q.weight, k.weight, v.weight]).detach())
    layer.self_attn.in_proj_bias = nn.Parameter(torch.cat([q.bias, k.bias, v.bias]).detach())
    layer.self_attn.out_proj, layer.norm1, layer.norm2 = o, parts["norm1"], parts["norm2"]
    layer.linear1, layer.linear2 = parts["feed_forward"]["up"], parts["feed_forward"]["down"]
    forbidden = ~mask.expand(len(x), *mask.shape[-2:]).repeat_interleave(num_heads, dim=0)  # True = forbidden there
    normed = layer.norm1(x)
    weights = layer.self_attn(normed, normed, normed, attn_mask=forbidden, average_attn_weights=False)[1]
    return layer(x, src_mask=forbidden), weights


def pytorch_block(x, num_heads, d_ff, mask):
    """A block with the numbers that check.fill gives to a GPTBlock. Returns out and weights."""
    return pytorch_layer(x, check.fill(block_parts(x.shape[-1], d_ff)), num_heads, mask)


def pytorch_stack(x, num_heads, d_ff, num_layers, mask):
    """The blocks and the last norm of a GPT, with the numbers that check.fill gives them."""
    parts = check.fill(nn.ModuleDict({
        "blocks": nn.ModuleList(block_parts(x.shape[-1], d_ff) for _ in range(num_layers)),
        "norm": nn.LayerNorm(x.shape[-1])}))
    for block in parts["blocks"]:
        x, _ = pytorch_layer(x, block, num_heads, mask)
    return parts["norm"](x)


def tables(vocab_size, d_model, max_seq_len):
    """The two tables of a GPT, with the numbers that check.fill gives them: (V, D) and (max_seq_len, D)."""
    both = check.fill(nn.ModuleDict({"embedding": nn.Embedding(vocab_size, d_model),
                                     "positions": nn.Embedding(max_seq_len, d_model)}))
    return both["embedding"].weight, both["positions"].weight


# %% [markdown]
# ## 1 · A block
#
# Attention moves information between tokens, the feed-forward layer works on each token by itself, and each *adds*
# its result to what is there. What the additions run along is called the residual stream: T vectors of width D, which
# every part reads and to which every part adds. GPT (2018) normalised the stream after each addition, as the first
# transformer did. GPT-2 normalises only what a part reads (Radford et al. 2019, §2.3), so that the stream itself runs
# through all blocks untouched:
#
# $$x \leftarrow x + \text{drop}(\text{attention}(\text{norm}_1(x))) \qquad
# x \leftarrow x + \text{drop}(\text{feedforward}(\text{norm}_2(x)))$$
#
# The second line reads the *new* x: a token's feed-forward layer knows what its attention has just brought.
#
# **`GPTBlock(d_model, num_heads, d_ff, dropout=0.0)`**, an `nn.Module`. ★★★☆☆ · 15 minutes
#
# | attribute | what it is |
# |---|---|
# | `norm1`, `norm2` | your `LayerNorm`, width `d_model` |
# | `attention` | your `MultiHeadAttention`, width `d_model`, `num_heads` heads |
# | `feed_forward` | your `FeedForward`, `d_model` to `d_ff` and back, with the **tanh form** of your `gelu`, as in GPT-2 |
# | `dropout` | `nn.Dropout(dropout)`, on the output of each of the two, before it is added; nowhere else |
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, T, D) | the stream; not to be changed in place |
# | `mask` | bool, broadcastable to (B, T, T), or None | True = may attend; goes to the attention as it is |
# | result | (B, T, D) and (B, H, T, T) | the stream behind the block, and the attention's weights |
#
# The block does not make a causal mask by itself; the model makes one for all its blocks. Gradients pass through both
# results. PyTorch's transformer layers, and the functions of the cell above that wrap them, may not be called here or
# in `GPT`: they are what yours is compared with.
#
# <details><summary>Hint 1</summary>Draw the stream as a straight line from left to right. Two branches leave it and
# come back. What is on each branch, in which order?</details>
# <details><summary>Hint 2</summary>The activation that <code>FeedForward</code> wants is a function of one tensor, and
# <code>gelu</code> takes two arguments: <code>partial(gelu, approximate="tanh")</code> fixes one of
# them.</details>
# <details><summary>Hint 3</summary><code>self.attention</code> returns two things, and its second positional argument
# is a memory, not the mask: write <code>mask=mask</code>. The same <code>nn.Dropout</code> can be called
# twice.</details>

# %% exercise="GPTBlock" minutes=15 level=3 forbid="torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer, torch.nn.TransformerEncoder, pytorch_layer, pytorch_block, pytorch_stack"
class GPTBlock(nn.Module):
    """Pre-norm attention and pre-norm feed-forward, each added to the stream.

    Attributes: norm1, attention, norm2, feed_forward (tanh form of the GELU), dropout (on the output of each).
    Radford et al. 2019, §2.3
    """

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)
        ### END SOLUTION

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Add to the stream what attention and feed-forward have to say.

        x: (B, T, D). mask: bool, broadcastable to (B, T, T), True = may attend.
        Returns the stream (B, T, D) and the weights (B, H, T, T).
        """
        ### BEGIN SOLUTION
        attended, weights = self.attention(self.norm1(x), mask=mask)  # (B, T, D), (B, H, T, T)
        x = x + self.dropout(attended)  # (B, T, D)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights  # (B, T, D)
        ### END SOLUTION


# %% check="GPTBlock: as PyTorch's pre-norm layer" points=2
block = check.fill(GPTBlock(12, 3, 20)).eval()
x = 2 * check.randn(2, 5, 12, seed=1)
lower = check.arange(5).view(5, 1) >= check.arange(5).view(1, 5)
expected, expected_weights = pytorch_block(2 * check.randn(2, 5, 12, seed=1), 3, 20, torch.ones(5, 5).tril().bool())
check.equal(sorted(name for name, parameter in block.named_parameters()),
            ["attention.w_k.bias", "attention.w_k.weight", "attention.w_o.bias", "attention.w_o.weight",
             "attention.w_q.bias", "attention.w_q.weight", "attention.w_v.bias", "attention.w_v.weight",
             "feed_forward.down.bias", "feed_forward.down.weight", "feed_forward.up.bias", "feed_forward.up.weight",
             "norm1.bias", "norm1.weight", "norm2.bias", "norm2.weight"],
            hint="the attributes are norm1, attention, norm2 and feed_forward, made of your own parts, with biases")
out, weights = block(x, lower)
check.shape(weights, (2, 3, 5, 5), hint="return (stream, weights): the weights are the attention's second result")
check.close(weights, expected_weights,
            hint="the weights differ: attention reads norm1(x), and gets the mask as mask=mask")
check.close(out, expected, atol=1e-4,
            hint="x + attention(norm1(x)), then that + feed_forward(norm2(that)): each norm on its branch, tanh GELU")
check.equal(x, 2 * check.randn(2, 5, 12, seed=1), hint="x was changed in place (+=): make a new tensor")
### BEGIN HIDDEN TESTS
block2 = check.fill(GPTBlock(10, 2, 7)).eval()
x2 = check.randn(3, 4, 10, seed=2)
expected2, expected_weights2 = pytorch_block(check.randn(3, 4, 10, seed=2), 2, 7, torch.ones(4, 4).bool())
out2, weights2 = block2(x2)
check.close(weights2, expected_weights2, hint="without a mask every position may attend to every other")
check.close(out2, expected2, atol=1e-4, hint="2 heads, d_ff = 7, no mask: sizes from the arguments")
### END HIDDEN TESTS

# %% check="GPTBlock: the stream itself is not normalised" points=1
block = check.fill(GPTBlock(8, 2, 16))
x = 50 * check.randn(2, 3, 8, seed=3) + 20
expected, expected_weights = pytorch_block(50 * check.randn(2, 3, 8, seed=3) + 20, 2, 16, torch.ones(3, 3).bool())
check.close(block(x)[1], expected_weights, atol=1e-4,
            hint="without a mask every position may attend to every other: the block makes none by itself")
check.close(block(x)[0], expected, atol=1e-3,
            hint="a large x must come out large: add to x itself, not to norm(x), and put no norm after the sum")
double = check.fill(GPTBlock(8, 2, 16).double())
check.close(double(50 * check.randn(2, 3, 8, seed=3).double())[0],
            pytorch_block(50 * check.randn(2, 3, 8, seed=3), 2, 16, torch.ones(3, 3).bool())[0], atol=1e-3,
            hint="a block moved to float64 by .double() works in float64")

# %% check="GPTBlock: dropout on what each part adds" points=2
block = check.fill(GPTBlock(8, 2, 16, dropout=1.0))  # all of it, so that nothing is left to chance
x = check.randn(2, 3, 8, seed=4)
check.close(block(x)[0], 1 * check.randn(2, 3, 8, seed=4),
            hint="training with dropout=1: both additions are 0, so x comes out. Drop the outputs, not the stream")
expected, expected_weights = pytorch_block(check.randn(2, 3, 8, seed=4), 2, 16, torch.ones(3, 3).bool())
check.close(block(x)[1], expected_weights, atol=1e-4,
            hint="the weights that are returned are the attention's own: dropout is for the two outputs, nowhere else")
check.close(block.eval()(x)[0], expected, atol=1e-4, hint="after eval() dropout does nothing: nn.Dropout knows")
usual = check.fill(GPTBlock(8, 2, 16))
check.close(usual(x)[0], expected, atol=1e-4, hint="dropout=0 is the default, and drops nothing in training either")
half = check.fill(GPTBlock(64, 2, 64, dropout=0.5))
change = half(check.randn(8, 50, 64, seed=5))[0] - check.randn(8, 50, 64, seed=5)
check.close((change == 0).float().mean().item(), 0.25, atol=0.02,
            hint="at dropout=0.5 a quarter of the numbers gets neither addition: drop each output, once, by itself")
one = check.fill(GPTBlock(64, 2, 64, dropout=0.5))  # one branch alone: a number gets nothing, or twice what eval() adds
nn.init.zeros_(one.attention.w_o.weight)
nn.init.zeros_(one.attention.w_o.bias)
added = one.train()(check.randn(2, 9, 64, seed=7))[0] - check.randn(2, 9, 64, seed=7)
whole = one.eval()(check.randn(2, 9, 64, seed=7))[0] - check.randn(2, 9, 64, seed=7)
check.close((added * (added - 2 * whole)).abs().max().item(), 0.0, atol=1e-3,
            hint="dropout=0.5: feed_forward(norm2(x)) is dropped as a whole, after it; nothing is dropped inside or before")

# %% check="GPTBlock: gradients reach everything" points=1
block = check.fill(GPTBlock(6, 2, 8))
x = check.randn(2, 4, 6, seed=6).requires_grad_()
out, weights = block(x, check.arange(4).view(4, 1) >= check.arange(4).view(1, 4))
(out.pow(2).sum() + 9 * weights.pow(2).sum()).backward()
y = check.randn(2, 4, 6, seed=6).requires_grad_()
theirs, their_weights = pytorch_block(y, 2, 8, torch.ones(4, 4).tril().bool())
(theirs.pow(2).sum() + 9 * their_weights.pow(2).sum()).backward()
check.close(x.grad, y.grad, atol=1e-3, rtol=1e-3, hint="the gradient for x differs: no detach, no .data")
check.equal([name for name, parameter in block.named_parameters() if parameter.grad is None], [] * 1,
            hint="these parameters get no gradient: is each part used?")

# %% [markdown]
# ## 2 · How to begin
#
# Each block adds twice to the stream, so a model of L blocks adds N = 2 L times. If what is added has variance c each
# time, and the additions know nothing of each other, the variance at the end has grown by N c: the deeper the model,
# the larger its stream, before it has learnt anything. GPT-2 therefore begins with normal weights of deviation 0.02,
# biases of zero, and one exception for "the accumulation on the residual path": the weights of the layers that write to
# the stream are divided by √N (Radford et al. 2019, §2.3; the 0.02 is in its code). N additions of variance c / N
# make c again, whatever the depth.
#
# Which layers write to the stream? The last matrix of each branch: the attention's `w_o`, and the feed-forward layer's
# `down`.
#
# **`init_weights(model, num_layers, std=0.02)`** ★★☆☆☆ · 10 minutes
#
# | parameters | become |
# |---|---|
# | whose name ends with `w_o.weight` or `down.weight` | normal, mean 0, deviation `std / √(2 · num_layers)` |
# | all others with two or more axes (matrices, embeddings, positions) | normal, mean 0, deviation `std` |
# | whose name ends with `bias` | 0 |
# | the rest (the `weight` of a norm has one axis) | stay as they are |
#
# In place, from PyTorch's global generator, so that `torch.manual_seed` decides; returns the model.
#
# <details><summary>Hint 1</summary><code>model.named_parameters()</code> gives pairs of a name such as
# <code>blocks.3.attention.w_o.weight</code> and a tensor. Both decide which row of the table it is.</details>
# <details><summary>Hint 2</summary><code>name.endswith((…, …))</code> takes several endings at once.
# <code>parameter.ndim</code> counts axes.</details>
# <details><summary>Hint 3</summary><code>nn.init.normal_(parameter, 0, deviation)</code> and
# <code>nn.init.zeros_(parameter)</code> work in place and leave no trace in the gradient.</details>

# %% exercise="init_weights" minutes=10 level=2
def init_weights(model: nn.Module, num_layers: int, std: float = 0.02) -> nn.Module:
    """Begin as GPT-2: normal weights, smaller where a branch writes to the residual stream; biases zero.

    Branches end in w_o and down, 2 · num_layers of them. In place; the gains of norms stay. Returns the model.
    Radford et al. 2019, §2.3
    """
    ### BEGIN SOLUTION
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model
    ### END SOLUTION


# %% check="init_weights: matrices, and those that write to the stream" points=2
model = check.fill(block_and_table(96, 384, 400))
init_weights(model, 8)
check.close(model["block"]["attention"]["w_q"].weight.std().item(), 0.02, rtol=0.05,
            hint="w_q: deviation std, 0.02 by default")
check.close(model["block"]["feed_forward"]["up"].weight.std().item(), 0.02, rtol=0.05,
            hint="up does not write to the stream: deviation std")
check.close(model["embedding"].weight.std().item(), 0.02, rtol=0.05,
            hint="embeddings have two axes as well: deviation std")
check.close(model["block"]["attention"]["w_o"].weight.std().item(), 0.005, rtol=0.05, atol=1e-6,
            hint="w_o with 8 layers: 0.02 / √16 = 0.005. Two branches for each layer, and a root")
check.close(model["block"]["feed_forward"]["down"].weight.std().item(), 0.005, rtol=0.05, atol=1e-6,
            hint="down writes to the stream too: 0.02 / √16 = 0.005")
check.close(model["block"]["feed_forward"]["up"].weight.mean().item(), 0.0, atol=5e-4, hint="mean 0")
check.close(model["block"]["feed_forward"]["down"].weight.mean().item(), 0.0, atol=5e-4,
            hint="mean 0 where the stream is written to, too")
check.above(model["block"]["feed_forward"]["up"].weight.abs().max().item() / 0.02, 3.3,
            hint="normal numbers, neither uniform nor cut off")
other = init_weights(check.fill(block_and_table(80, 200, 20)), 3, std=0.1)
check.close(other["block"]["attention"]["w_v"].weight.std().item(), 0.1, rtol=0.05,
            hint="std=0.1: the deviation is the argument's, 0.02 only its default")
check.close(other["block"]["attention"]["w_o"].weight.std().item(), 0.1 / 6 ** 0.5, rtol=0.05,
            hint="std=0.1 and 3 layers: w_o gets 0.1 / √6 = 0.0408, from both arguments and with no rounding")
places = init_weights(check.fill(LearnedPositions(60, 80)), 3, std=0.1)
check.close(places.weight.std().item(), 0.1, rtol=0.05,
            hint="LearnedPositions holds a bare parameter, in no nn.Embedding: go by names and axes, not by types of layer")
again = init_weights(check.fill(LearnedPositions(60, 80)), 3, std=0.1)
check.above((places.weight - again.weight).abs().max().item(), 0.05,
            hint="two calls in a row gave the same numbers: no seed in the function, PyTorch's global generator decides")
### BEGIN HIDDEN TESTS
model2 = check.fill(block_and_table(80, 200, 300, "positions"))
init_weights(model2, 2, std=0.1)
check.close(model2["positions"].weight.std().item(), 0.1, rtol=0.05, hint="std=0.1: the table of positions")
check.close(model2["block"]["attention"]["w_v"].weight.std().item(), 0.1, rtol=0.05, hint="std=0.1: w_v")
check.close(model2["block"]["attention"]["w_o"].weight.std().item(), 0.05, rtol=0.05,
            hint="std=0.1, 2 layers: 0.1 / √4")
check.close(model2["block"]["feed_forward"]["down"].weight.std().item(), 0.05, rtol=0.05,
            hint="std=0.1, 2 layers: 0.1 / √4")
cube = check.fill(nn.Bilinear(20, 30, 40))
init_weights(cube, 2)
check.close(cube.weight.std().item(), 0.02, rtol=0.05, hint="two or more axes: a weight with three is normal too")
### END HIDDEN TESTS

# %% check="init_weights: biases, gains, and the model itself" points=1
model = check.fill(block_and_table(6, 10, 4))
gain = check.fill(block_and_table(6, 10, 4))["block"]["norm1"].weight.detach()
kept = model["block"]["attention"]["w_k"].weight
returned = init_weights(model, 3)
check.equal([name for name, p in model.named_parameters() if name.endswith("bias") and p.abs().sum() > 0], [] * 1,
            hint="these biases are not zero")
check.close(model["block"]["norm1"].weight, 1 * gain, hint="the weight of a norm has one axis and stays as it is")
check.equal(returned is model, True, hint="return the model")
check.equal(model["block"]["attention"]["w_k"].weight is kept, True,
            hint="change the parameters in place: an optimizer may hold them already")
check.equal([p.requires_grad and p.is_leaf for p in model.parameters()], [True] * 17,
            hint="the parameters must stay trainable leaves: nn.init, or torch.no_grad()")

# %% [markdown]
# **Before you run the next cell:** 24 blocks of width 256, fresh from `init_weights`, with and without the division.
# The size of the stream is measured behind every block. By what factor will it grow, roughly, in the two cases?

# %% demo="stream" alt="Left: undivided the stream grows to 0.7, divided to 0.09. Right: only undivided depth counts."
def sizes_of_stream(num_layers, scaled, std=0.02, d_model=256):
    """Root mean square of the stream before the first block and behind each: (num_layers + 1,)."""
    torch.manual_seed(0)
    blocks = nn.ModuleList(GPTBlock(d_model, 4, 4 * d_model) for _ in range(num_layers))
    init_weights(blocks, num_layers if scaled else 0.5, std)  # 2 · 0.5 = 1: divided by 1
    x = std * torch.randn(2, 32, d_model)
    found, mask = [x.pow(2).mean().sqrt().item()], causal_mask(32)
    with torch.no_grad():
        for block in blocks:
            x, _ = block(x, mask)
            found.append(x.pow(2).mean().sqrt().item())
    return np.array(found)


figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
depths = (2, 4, 8, 16, 24)
for scaled, style, color, name in ((False, "s--", "0.5", "not divided"), (True, "o-", "black", "divided by √(2 L)")):
    sizes = sizes_of_stream(24, scaled)
    axes[0].plot(sizes, style, color=color, label=name, markersize=4)
    last = [sizes_of_stream(depth, scaled)[-1] for depth in depths]
    axes[1].loglog(depths, last, style, color=color, label=name)
    print(f"{name:17} 24 blocks: {sizes[0]:.3f} → {sizes[-1]:.3f}; behind the last of 2 blocks {last[0]:.3f}, "
          f"of 24 {last[-1]:.3f}")
axes[0].set(title="Through a model of 24 blocks", xlabel="blocks passed", ylabel="size of the stream (RMS)")
axes[1].set(title="Behind the last block, by depth", xlabel="blocks in the model, L", ylabel="size of the stream (RMS)")
axes[1].set_xticks(depths, list(map(str, depths)))
axes[1].set_yticks([0.1, 0.2, 0.4, 0.8], ["0.1", "0.2", "0.4", "0.8"])
axes[1].set_ylim(0.06, 1)
axes[1].minorticks_off()
for ax in axes:
    ax.legend()
plt.show()

# %% [markdown]
# Not divided, the stream grows from 0.02 to 0.70 over 24 blocks, like a root: additions that know nothing of each other
# add their variances. And the deeper the model, the larger the end. Divided, every model ends at about 0.09, whether it
# has 2 blocks or 24. (It still grows, because what the branches add is larger than an embedding of 0.02. What no longer
# matters is the depth.)
#
# ## 3 · The model
#
# From token ids to logits:
#
# $$x = \text{drop}(E_{\text{id}} + P_t) \qquad x \leftarrow \text{block}_l(x)\ \text{ for } l = 1 \dots L
# \qquad \text{logits} = \text{norm}(x)\, E^\top$$
#
# The output layer is the embedding once more. E turns an id into a vector; its transpose asks how well a vector fits
# each id. Press and Wolf (2017) showed that one matrix can do both, and GPT and GPT-2 *tie* the two. At GPT-2's size
# that saves 38.6 million parameters of what would be 163 million.
#
# Training reads whole sequences at once, so position t must not see t + 1: a causal mask, made once for all blocks.
# Sequences in a batch can be of different lengths. Then a second mask says which positions are real, and both must
# allow a pair. One detail: with padding on the *left*, a padded position may see nothing at all, and the softmax of a
# row without any allowed entry is `nan`, which spreads. So every position may see itself, padding or not:
#
# $$\text{may attend}(t, s) \;=\; \big(s \le t \;\text{ and }\; \text{mask}(t, s)\big) \;\text{ or }\; s = t$$
#
# **`GPT(vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None)`**, an `nn.Module`.
# `d_ff=None` means 4 · `d_model`. ★★★★☆ · 20 minutes
#
# | attribute | what it is |
# |---|---|
# | `max_seq_len` | the number, for others to read |
# | `embedding` | `nn.Embedding(vocab_size, d_model)`, used at both ends |
# | `positions` | your `LearnedPositions(max_seq_len, d_model)`: called with (…, T, D), it adds a vector for each position, and raises ValueError beyond max_seq_len |
# | `dropout` | `nn.Dropout(dropout)`, on the sum of the two; the blocks have their own, at the same rate |
# | `blocks` | `nn.ModuleList` of `num_layers` blocks `GPTBlock` |
# | `norm` | `LayerNorm(d_model)`, after the last block |
#
# At its end `__init__` calls `init_weights(self, num_layers)`. There is no bias at the output, and no other parameter.
#
# | | shape | meaning |
# |---|---|---|
# | `ids` | (B, T), int64 | token ids |
# | `mask` | bool, broadcastable to (B, T, T), or None | True = may attend, besides causality; `padding_mask` makes (B, 1, T) |
# | result | (B, T, V) | row t: the logits of token t + 1 |
#
# Positions count from the first column, padding or not. Every mask must be on the device of `ids`, or the model will
# not run on a GPU.
#
# <details><summary>Hint 1</summary><code>__init__</code> is the table from top to bottom. In <code>forward</code>,
# write the shape beside each line; first without <code>mask</code>.</details>
# <details><summary>Hint 2</summary><code>causal_mask(T).to(ids.device)</code>, and <code>&amp;</code> for "and",
# <code>|</code> for "or". <code>torch.eye(T, dtype=torch.bool, device=ids.device)</code> is true where s = t. A block
# returns two things.</details>
# <details><summary>Hint 3</summary>A plain Python list hides its modules from PyTorch, <code>nn.ModuleList</code> does
# not. For the logits multiply by <code>self.embedding.weight.T</code>, or call <code>F.linear</code>; a copy of the
# weights would not be tied.</details>

# %% exercise="GPT" minutes=20 level=4 forbid="torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer, torch.nn.TransformerEncoder, pytorch_layer, pytorch_block, pytorch_stack, tables"
class GPT(nn.Module):
    """A decoder-only transformer: predicts each next token from those before it.

    Attributes: max_seq_len, embedding (also the output layer), positions, dropout, blocks, norm. d_ff: 4 · d_model if
    None. Radford et al. 2019, §2.3
    """

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, max_seq_len: int,
                 dropout: float = 0.0, d_ff: int | None = None) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)
        ### END SOLUTION

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (B, T, V) of the token after each position of ids (B, T), which sees itself and what is before it.

        mask: bool, broadcastable to (B, T, T), True = may attend, besides causality; every position may see itself.
        Raises ValueError if T > max_seq_len.
        """
        ### BEGIN SOLUTION
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)  # (T, T)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)  # (B, T, T)
        x = self.dropout(self.positions(self.embedding(ids)))  # (B, T, D)
        for block in self.blocks:
            x, _ = block(x, allowed)  # (B, T, D)
        return self.norm(x) @ self.embedding.weight.T  # (B, T, V)
        ### END SOLUTION


# %% check="GPT: logits as PyTorch's" points=2
model = check.fill(GPT(11, 12, 3, 2, 9)).eval()
ids = check.randint(0, 11, (2, 6), seed=11)
rows, places = tables(11, 12, 9)
x = F.embedding(check.randint(0, 11, (2, 6), seed=11), rows) + places[:6]
expected = F.linear(pytorch_stack(x, 3, 48, 2, torch.ones(6, 6).tril().bool()), rows)
check.equal(sorted({name.split(".")[0] for name, parameter in model.named_parameters()}),
            ["blocks", "embedding", "norm", "positions"],
            hint="embedding, positions, blocks and norm have the parameters, and there is no output layer of its own")
check.equal(sum(p.numel() for p in model.parameters()), 4032,
            hint="4,032 parameters at this size: d_ff is 4 · d_model by default, and nothing is stored twice")
check.shape(model(ids), (2, 6, 11), hint="(B, T, V): logits for every position")
check.close(model(ids), expected, atol=1e-3,
            hint="tokens + positions, each block with the causal mask, norm, times the embedding transposed")
narrow = check.fill(GPT(11, 12, 3, 2, 9, d_ff=7)).eval()
check.equal(sum(p.numel() for p in narrow.parameters()), 1982,
            hint="d_ff=7: the argument is for the blocks, 4 · d_model only where it is None")
expected_narrow = F.linear(pytorch_stack(x, 3, 7, 2, torch.ones(6, 6).tril().bool()), rows)
check.close(narrow(ids), expected_narrow, atol=1e-3, hint="d_ff=7, all else as before")
### BEGIN HIDDEN TESTS
model2 = check.fill(GPT(7, 10, 2, 3, 5, d_ff=6)).eval()
ids2 = check.randint(0, 7, (3, 5), seed=12)
rows2, places2 = tables(7, 10, 5)
x2 = F.embedding(check.randint(0, 7, (3, 5), seed=12), rows2) + places2
expected2 = F.linear(pytorch_stack(x2, 2, 6, 3, torch.ones(5, 5).tril().bool()), rows2)
check.close(model2(ids2), expected2, atol=1e-3, hint="3 blocks, d_ff = 6, the longest sequence that fits")
### END HIDDEN TESTS

# %% check="GPT: no position sees a later one" points=1
model = check.fill(GPT(11, 12, 3, 2, 9)).eval()
one = torch.tensor([[3, 1, 4, 1, 5, 9, 2]])
other = torch.tensor([[3, 1, 4, 8, 8, 8, 8]])
rows, places = tables(11, 12, 9)
x = F.embedding(torch.tensor([[3, 1, 4]]), rows) + places[:3]
expected = F.linear(pytorch_stack(x, 3, 48, 2, torch.ones(3, 3).tril().bool()), rows)
check.close(model(one)[:, :3], expected, atol=1e-3,
            hint="the first three logits change with the tokens after them: each block needs the causal mask")
check.same(model(one)[:, :3], model(other)[:, :3], atol=1e-4,
            hint="a causal mask in every block, not only in the first")

# %% check="GPT: one matrix at both ends" points=1
model = check.fill(GPT(9, 6, 2, 1, 8))
loss = F.cross_entropy(model(check.randint(0, 9, (2, 5), seed=23)).flatten(0, 1), check.randint(0, 9, (10,), seed=14))
loss.backward()
rows, places = tables(9, 6, 8)
x = F.embedding(check.randint(0, 9, (2, 5), seed=23), rows) + places[:5]
theirs = F.linear(pytorch_stack(x, 2, 24, 1, torch.ones(5, 5).tril().bool()), rows).flatten(0, 1)
F.cross_entropy(theirs, check.randint(0, 9, (10,), seed=14)).backward()
check.close(model.embedding.weight.grad, rows.grad, atol=1e-4, rtol=1e-3,
            hint="embedding: gradients from both its uses (no copy, no detach), for id 0 as for any other (no padding_idx)")
check.close(model.positions.weight.grad, places.grad, atol=1e-4, rtol=1e-3,
            hint="positions that were used get a gradient, the others 0: add self.positions once, to the embedding")

# %% check="GPT: padding on either side" points=2
model = check.fill(GPT(11, 12, 3, 2, 9))
ids = check.randint(0, 11, (2, 6), seed=15)
right = torch.tensor([[[True, True, True, True, False, False]], [[True, True, True, True, True, True]]])
left = torch.tensor([[[False, False, True, True, True, True]], [[False, True, True, True, True, True]]])
rows, places = tables(11, 12, 9)
x = F.embedding(check.randint(0, 11, (2, 6), seed=15), rows) + places[:6]
both = torch.ones(6, 6).tril().bool() & torch.tensor([[[1, 1, 1, 1, 0, 0]], [[1, 1, 1, 1, 1, 1]]]).bool()
expected = F.linear(pytorch_stack(x, 3, 48, 2, both | torch.eye(6).bool()), rows)
out = model(ids, left)
check.finite(out, hint="nan: with padding on the left a position may see nothing; let every position see itself")
check.close(model(ids, right), expected, atol=1e-3,
            hint="a mask (B, 1, T): a pair is allowed if it is causal and masked True, and every position sees itself")
both_left = torch.ones(6, 6).tril().bool() & torch.tensor([[[0, 0, 1, 1, 1, 1]], [[0, 1, 1, 1, 1, 1]]]).bool()
expected_left = F.linear(pytorch_stack(x, 3, 48, 2, both_left | torch.eye(6).bool()), rows)
check.close(out, expected_left, atol=1e-3, hint="padding on the left: causal & mask | eye, in this order")
pairs = check.randint(0, 2, (6, 6), seed=19).bool()
both_pairs = torch.ones(6, 6).tril().bool() & check.randint(0, 2, (6, 6), seed=19).bool() | torch.eye(6).bool()
expected_pairs = F.linear(pytorch_stack(x, 3, 48, 2, both_pairs), rows)
check.close(model(ids, pairs), expected_pairs, atol=1e-3,
            hint="a mask (T, T) of single pairs: whatever broadcasts to (B, T, T) is a mask, used as it is")
### BEGIN HIDDEN TESTS
grid = check.randint(0, 2, (2, 6, 6), seed=16).bool()
both_grid = torch.ones(6, 6).tril().bool() & grid | torch.eye(6).bool()
expected_grid = F.linear(pytorch_stack(x, 3, 48, 2, both_grid), rows)
check.close(model(ids, grid), expected_grid, atol=1e-3, hint="a mask (B, T, T) works too, besides causality")
### END HIDDEN TESTS

# %% check="GPT: too long, dropout, and how it begins" points=2
model = GPT(120, 64, 2, 2, 6, dropout=1.0)
check.equal(model.max_seq_len, 6, hint="keep max_seq_len as an attribute")
check.raises(lambda: model(check.randint(0, 9, (1, 7), seed=17)), ValueError,
             hint="7 tokens, 6 positions: LearnedPositions raises ValueError; do not cut or wrap around")
check.close(model.embedding.weight.std().item(), 0.02, rtol=0.1,
            hint="__init__ ends with init_weights(self, num_layers)")
check.close(model.blocks[0].feed_forward.down.weight.std().item(), 0.01, rtol=0.1, atol=1e-4,
            hint="init_weights needs the number of blocks: 0.02 / √4 = 0.01 with two")
check.fill(model)
ids = check.randint(0, 120, (2, 5), seed=18)
rows, places = tables(120, 64, 6)
nothing = pytorch_stack(torch.zeros(2, 5, 64), 2, 256, 0, torch.ones(5, 5).bool())
check.close(model(ids), F.linear(nothing, rows), atol=1e-3,
            hint="dropout=1: the blocks get zeros and add zeros; the last norm's bias is left. Pass dropout on")
x = F.embedding(check.randint(0, 120, (2, 5), seed=18), rows) + places[:5]
expected = F.linear(pytorch_stack(x, 2, 256, 2, torch.ones(5, 5).tril().bool()), rows)
check.close(model.eval()(ids), expected, atol=2e-3, hint="after eval() nothing is dropped")
check.close(check.fill(GPT(120, 64, 2, 2, 6))(ids), expected, atol=2e-3,
            hint="dropout=0 is the default, and drops nothing in training either")

# %% [markdown]
# GPT-2 came in four sizes. The next cell builds them on PyTorch's "meta" device, where tensors have a shape and no
# memory, and counts.
#
# **Before you run it:** the paper's table 2 says 117M for the smallest. What does your model say?

# %% demo="sizes" alt="No picture: parameters of the four GPT-2 sizes, tied and untied; the smallest has 124 million."
for name, width, heads, depth in (("small", 768, 12, 12), ("medium", 1024, 16, 24), ("large", 1280, 20, 36),
                                  ("XL", 1600, 25, 48)):
    with torch.device("meta"):
        gpt2 = GPT(50257, width, heads, depth, 1024)
    total, table = sum(p.numel() for p in gpt2.parameters()), gpt2.embedding.weight.numel()
    print(f"GPT-2 {name:7} {depth} blocks of width {width:4}: {total:13,} parameters; an output layer of its own would "
          f"add {table:10,} ({table / total:.0%})")

# %% [markdown]
# 124 million. The paper's 117M is a miscount; the README of its code says so, and the code calls the model 124M. An
# output layer of its own would add a third to the small model and a twentieth to the largest: the vocabulary does not
# grow with the model, and the larger Llamas do without tying.
#
# ## 4 · Writing
#
# To write, ask for the logits of the *last* position, draw a token, append it, and ask again. Four things are easily
# forgotten. A model in training mode drops units while it writes. Gradients that nobody needs fill the memory. The
# text grows beyond `max_seq_len`: then only the last `max_seq_len` tokens are shown to the model. And everything is
# done for a whole batch, each sequence with a draw of its own.
#
# The draw is your `sample(logits, u, temperature)` from *language_models*, which turns a uniform number u into a token.
# `top_k` (Fan et al. 2018) is one more knob: only the k most likely tokens take part.
#
# **`generate(model, ids, length, temperature=1.0, top_k=None, seed=0)`** ★★★☆☆ · 15 minutes
#
# | | type | meaning |
# |---|---|---|
# | `model` | `nn.Module` with `max_seq_len` | (B, t) ids → (B, t, V) logits, for t up to `max_seq_len` |
# | `ids` | (B, t), int64 | the beginnings, t ≥ 1; perhaps longer than `max_seq_len` |
# | `length` | int | how many tokens to append |
# | `temperature` | float, above 0 | handed to `sample` |
# | `top_k` | int or None | the logits of all but the k largest become −inf, before `sample`; k of V or more: all take part; of equal logits at the edge either may |
# | `seed` | int | makes one `torch.Generator().manual_seed(seed)`; for each new token `torch.rand(B, generator=…)` is the u of the batch, on the CPU, then moved to the device of `ids` |
# | result | (B, t + length), int64 | the beginnings, continued |
#
# While it runs the model is in evaluation mode and no gradients are recorded. Afterwards the model is in the mode in
# which it was.
#
# <details><summary>Hint 1</summary>A loop over <code>length</code>: crop, logits of the last position, top-k, draw,
# append. Around it what must be set before and restored after.</details>
# <details><summary>Hint 2</summary><code>@torch.no_grad()</code> is there already. <code>model.training</code> tells
# the mode, <code>model.eval()</code> and <code>model.train(mode)</code> set it. <code>ids[:, -n:]</code> is the last n
# tokens, or all if there are fewer.</details>
# <details><summary>Hint 3</summary><code>logits.topk(k).values[:, -1:]</code> is the k-th largest of each row;
# <code>masked_fill</code> what is below it. <code>topk</code> complains if k is larger than V.</details>

# %% exercise="generate" minutes=15 level=3
@torch.no_grad()
def generate(model: nn.Module, ids: Tensor, length: int, temperature: float = 1.0, top_k: int | None = None,
             seed: int = 0) -> Tensor:
    """Continue each sequence of a batch by `length` tokens, drawn one after the other.

    model: (B, t) → logits (B, t, V), t <= model.max_seq_len; run in evaluation mode, its mode is restored.
    ids: (B, t).
    top_k: only the k most likely tokens take part. Returns (B, t + length); the same for the same seed.
    """
    ### BEGIN SOLUTION
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]  # (B, V)
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]  # (B, 1)
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)  # (B,)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)  # (B, t + 1)
    model.train(was_training)
    return ids
    ### END SOLUTION


# %% [markdown]
# The checks use two models that are easy to foresee. `Counting` predicts, with certainty, the last token plus the
# number of tokens that it was shown; in training mode it predicts nothing. `Pairs` is a table of logits for each last
# token.

# %%
# Given: two models whose predictions can be worked out by hand.
class Counting(nn.Module):
    def __init__(self, vocab_size, max_seq_len):
        super().__init__()
        self.vocab_size, self.max_seq_len = vocab_size, max_seq_len
        self.scale, self.dropout, self.graphs = nn.Parameter(torch.tensor(100.0)), nn.Dropout(1.0), 0

    def forward(self, ids):
        if ids.shape[1] > self.max_seq_len:
            raise ValueError(f"{ids.shape[1]} tokens shown to a model of {self.max_seq_len} positions")
        places = torch.arange(1, ids.shape[1] + 1)
        logits = self.dropout(self.scale * F.one_hot((ids + places) % self.vocab_size, self.vocab_size))
        self.graphs += logits.requires_grad
        return logits


class Pairs(nn.Module):
    def __init__(self, logits, max_seq_len):
        super().__init__()
        self.logits, self.max_seq_len = logits, max_seq_len

    def forward(self, ids):
        return self.logits[ids]


# %% check="generate: the last position, again and again" points=2
model = Counting(10, 8)
out = generate(model, torch.tensor([[1, 2], [7, 5]]), 4)
check.equal(out, torch.tensor([[1, 2, 4, 7, 1, 6], [7, 5, 7, 0, 4, 9]]),
            hint="4 tokens are appended to each row, each from the logits of the last position, in evaluation mode")
check.dtype(out, torch.int64, hint="ids are int64")
check.equal(generate(model, torch.tensor([[3]]), 0), torch.tensor([[3]]), hint="length=0 appends nothing")
### BEGIN HIDDEN TESTS
check.equal(generate(Counting(7, 20), torch.tensor([[0], [3], [6]]), 5),
            torch.tensor([[0, 1, 3, 6, 3, 1], [3, 4, 6, 2, 6, 4], [6, 0, 2, 5, 2, 0]]),
            hint="a batch of three, a vocabulary of 7, five tokens appended")
### END HIDDEN TESTS

# %% check="generate: never more than max_seq_len tokens are shown" points=1
model = Counting(10, 3)
check.equal(generate(model, torch.tensor([[1, 1]]), 5), torch.tensor([[1, 1, 3, 6, 9, 2, 5]]),
            hint="a model of 3 positions is shown the last 3 tokens: from the second token on it adds 3")
check.equal(generate(model, torch.tensor([[4, 8, 1, 5, 2]]), 2), torch.tensor([[4, 8, 1, 5, 2, 5, 8]]),
            hint="a beginning of 5 tokens is cropped for a model of 3, and returned whole")

# %% check="generate: evaluation mode and no gradients, then as before" points=2
model = Counting(10, 8).train()
out = generate(model, torch.tensor([[1, 2]]), 3)
check.equal(out, torch.tensor([[1, 2, 4, 7, 1]]), hint="in training mode dropout is at work: call model.eval() first")
check.equal(model.training, 1 == 1, hint="the model was in training mode before, and must be afterwards")
check.equal(model.graphs, 3 - 3, hint="gradients were recorded: keep @torch.no_grad() above the function")
quiet = Counting(10, 8).eval()
out2 = generate(quiet, torch.tensor([[1, 2]]), 3)
check.equal(quiet.training, 1 == 2, hint="a model in evaluation mode stays there: restore the mode that you found")

# %% check="generate: draws of its own for each row, by seed and temperature" points=2
logits = 2 * check.randn(6, 6, seed=21)
begin = torch.tensor([[0], [0], [3]])
out = generate(Pairs(logits, 50), begin, 6, temperature=0.7, seed=5)
rows = 2 * check.randn(6, 6, seed=21)
u = check.rand(6, 3, seed=5)  # the numbers of six torch.rand(3, generator=…) in a row
expected = torch.tensor([[0], [0], [3]])
for step in range(6):
    expected = torch.cat([expected, sample(rows[expected[:, -1]], u[step], 0.7)[:, None]], dim=1)
check.equal(out, expected,
            hint="for each token u = torch.rand(B, generator=generator), one generator for the whole call")
check.same(generate(Pairs(logits, 50), begin, 6, temperature=0.7, seed=5), out, hint="the same seed, the same text")
### BEGIN HIDDEN TESTS
out2 = generate(Pairs(logits, 50), begin, 5, temperature=2.5, seed=9)
u2 = check.rand(5, 3, seed=9)
expected2 = torch.tensor([[0], [0], [3]])
for step in range(5):
    expected2 = torch.cat([expected2, sample(rows[expected2[:, -1]], u2[step], 2.5)[:, None]], dim=1)
check.equal(out2, expected2, hint="temperature 2.5 and another seed")
default = generate(Pairs(logits, 50), begin, 5)
u3 = check.rand(5, 3, seed=0)
expected3 = torch.tensor([[0], [0], [3]])
for step in range(5):
    expected3 = torch.cat([expected3, sample(rows[expected3[:, -1]], u3[step])[:, None]], dim=1)
check.equal(default, expected3, hint="defaults: temperature 1, all tokens, seed 0")
### END HIDDEN TESTS

# %% check="generate: top_k" points=2
logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]]).repeat(4, 1)
begin = torch.zeros(200, 1, dtype=torch.int64)
check.equal(generate(Pairs(logits, 9), begin, 8, temperature=5.0, top_k=2)[:, 1:].unique(), torch.tensor([2, 3]),
            hint="top_k=2: only the two largest logits take part, here tokens 2 and 3")
check.equal(generate(Pairs(logits, 9), begin, 4, temperature=900.0, top_k=1)[:, 1:].unique(), torch.tensor([3]),
            hint="top_k=1 takes the most likely token at any temperature: all other logits become −inf, not merely small")
check.equal(generate(Pairs(logits, 9), begin, 8, temperature=5.0, top_k=9)[:, 1:].unique(), torch.tensor([0, 1, 2, 3]),
            hint="top_k larger than the vocabulary: all take part, and no error")
check.equal(generate(Pairs(logits, 9), begin, 8, temperature=5.0, top_k=4)[:, 1:].unique(), torch.tensor([0, 1, 2, 3]),
            hint="top_k=4 of 4: all take part")
mean = generate(Pairs(logits, 9), begin, 8, temperature=5.0, top_k=2)[:, 1:].float().mean()
check.close(mean.item(), 2.55, atol=0.04,
            hint="among those that take part the chances are as before: softmax(logits / temperature)")

# %% [markdown]
# ## 5 · Shakespeare
#
# The text of *language_models* in the same three parts: a million characters to learn from, and a held-out part for
# the comparison. There, the recurrent network reached 1.70 nats per character in half a minute, the add-α 5-gram
# 1.67, and the Witten–Bell 5-gram 1.54. Yours gets the same half minute.
#
# The training batch needs no padding: any stretch of T + 1 characters will do, T to read and, one place later, T to
# predict. So plain cross-entropy is right here, and `language_model_loss` with its default `pad_id=0` would be
# *wrong*: id 0 is a real character.
#
# To judge, every character but the first of each piece is predicted once. A window of T characters that starts afresh
# sees nothing before its first character. So the windows overlap by half, and only the second half of each is counted
# (all of it in the first window of a piece): each character is predicted with at least T / 2 characters to look at.

# %% tags=["export"]
def text_batch(ids: Tensor, num: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw stretches of a long text: (num, length) to read, and the same one token later to predict.

    ids: (N,), N > length, on any device. generator: on the CPU.
    """
    starts = torch.randint(len(ids) - length, (num, 1), generator=generator)  # (num, 1)
    stretches = ids[(starts + torch.arange(length + 1)).to(ids.device)]  # (num, length + 1)
    return stretches[:, :-1], stretches[:, 1:]


@torch.no_grad()
def text_loss(model: nn.Module, pieces: list[Tensor], batch: int = 64) -> float:
    """Nats per token over all tokens of all pieces but each piece's first, in windows that overlap by half.

    pieces: (N_i,) each, on the model's device. A token sees at least max_seq_len / 2 others, or all there are.
    """
    T, stride = model.max_seq_len, model.max_seq_len // 2
    inputs, targets = [], []
    for piece in pieces:
        for start in range(0, max(1, len(piece) - 1 - stride), stride):
            window = piece[start : start + T + 1]
            target = F.pad(window[1:], (0, T - len(window) + 1), value=-100)  # -100: not counted
            target[: T - stride if start else 0] = -100  # counted in the window before
            inputs.append(F.pad(window[:-1], (0, T - len(window) + 1)))
            targets.append(target)
    was_training, total, count = model.training, 0.0, 0
    model.eval()
    for ids, target in zip(torch.stack(inputs).split(batch), torch.stack(targets).split(batch), strict=True):
        total += F.cross_entropy(model(ids).flatten(0, 1).float(), target.flatten(), reduction="sum").item()
        count += (target != -100).sum().item()
    model.train(was_training)
    return total / count


# %% demo="text" alt="No picture: the sizes of the parts of the text."
from internals.vocabularies import load_text


def pieces_of(text, size):
    """Cut a text between speeches into pieces of at least so many characters, without the marks of Markdown."""
    text = re.sub(r"[*_#\\]|[ ]+(?=\n)|(?<=\n) +", "", text)
    pieces = [""]
    for speech in text.split("\n\n"):
        if len(pieces[-1]) >= size:
            pieces.append("")
        pieces[-1] += speech.strip() + "\n\n"
    return pieces


pieces = pieces_of(load_text(), 5000)
pieces = pieces[:: max(1, len(pieces) // 240)][:240]  # the same split as in language_models
alphabet = sorted(set("".join(pieces)))
V, id_of = len(alphabet), {c: i for i, c in enumerate(alphabet)}
encoded = [torch.tensor([id_of[c] for c in piece]) for piece in pieces]
training_ids = torch.cat([piece for i, piece in enumerate(encoded) if i % 6 != 5])
held_out = encoded[5::12]
print(f"{len(training_ids):,} characters to learn from, {sum(map(len, held_out)):,} held out in "
      f"{len(held_out)} pieces; {V} different ones, no padding: id 0 is {alphabet[0]!r}")


def text_of(ids):
    return "".join(alphabet[i] for i in ids)


# %% [markdown]
# One thing is *not* taken from GPT-2: the deviation of 0.02. It was chosen for widths from 768 on, where a row of D
# such numbers has length 0.02 √768 = 0.55. Ours has width 64, and 0.02 √64 is 0.16: the model would begin with nearly
# nothing, and spend a good part of our half minute on leaving that. 0.1 is about right for this width; a cell below
# shows what the choice is worth.
#
# **Before you run the next cell** (about half a minute)**:** two blocks, 109,000 parameters, 700 steps of 16 × 64
# characters. That is less than one pass over the text. Where will it come in, among 1.54, 1.67 and 1.70?

# %% demo="train" alt="Line: the loss falls to about 1.9 nats; dashed lines of n-grams and the RNN stay below it."
T, BATCH, STEPS = 64, 16, 700
torch.manual_seed(0)
gpt = GPT(V, 64, 4, 2, T)
init_weights(gpt, 2, std=0.1)
generator = torch.Generator().manual_seed(0)
optimizer = AdamW(decay_groups(gpt, 0.1), lr=0.01, betas=(0.9, 0.95))
losses, judged, written, start = [], {}, {}, time.process_time()
opening = torch.tensor([[id_of["\n"]] * 2])
for step in range(STEPS + 1):
    if step in (0, 50, 200, 450, STEPS):
        judged[step] = text_loss(gpt, held_out[::4] if step < STEPS else held_out)
        written[step] = text_of(generate(gpt, opening, 120 if step < STEPS else 360, 0.8, seed=1)[0, 2:].tolist())
    optimizer.scale_lr(schedule(step, "cosine", warmup=50, total=STEPS))
    ids, targets = text_batch(training_ids, BATCH, T, generator)
    loss = F.cross_entropy(gpt(ids).flatten(0, 1), targets.flatten())
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm(gpt.parameters(), 1.0)
    optimizer.step()
    losses.append(loss.item())
seconds = time.process_time() - start
figure, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
ax.plot(losses, color="0.8", linewidth=1, label="one batch each")
ax.plot(range(24, len(losses)), np.convolve(losses, np.ones(25) / 25, mode="valid"), color="black",
        label="mean of the last 25")
ax.plot(list(judged), list(judged.values()), "D", color="0.3", markersize=7, label="held-out text")
for value, name, style in ((1.70, "RNN", "-."), (1.67, "add-α 5-gram", ":"), (1.54, "Witten–Bell 5-gram", "--")):
    ax.axhline(value, color="0.4", linestyle=style, linewidth=1.2, label=f"{name}, {value:.2f}")
ax.set(title=f"GPT, {sum(p.numel() for p in gpt.parameters()):,} parameters, {seconds:.0f} s of processor time",
       xlabel="step", ylabel="loss [nats per character]", ylim=(1.4, 4.3))
ax.legend(loc="upper right", ncols=2, fontsize=10)
plt.show()
print(f"held-out loss {judged[STEPS]:.3f} nats per character; read {STEPS * BATCH * T / len(training_ids):.2f} times "
      f"the training text")
for step, text in written.items():
    print(f"\n--- after {step} steps\n{text}")

# %% [markdown]
# About 1.89: behind all three. The model has read two thirds of the text, once. A table of counts of single characters
# scores 3.31 on the held-out text, one of pairs 2.50 and one of triples 2.00, a moment after it has seen them; the model
# passed these marks within 50 steps, within 200, and at about 450. In 700 steps it has found words, speakers and lines,
# and its spelling is its own. The recurrent network, at the same budget, was ahead with 1.70. Nothing here says that
# transformers are better at everything; they are better at using *more*.
#
# What is each part worth at about this budget? The next cell is switched off. Two seeds each, 900 steps, on the held-out
# text:
#
# | | nats per character, two seeds | |
# |---|---|---|
# | as above, but 900 steps | 1.823, 1.828 | |
# | an output layer of its own | 1.830, 1.850 | 4,480 parameters more, and no gain |
# | branches not divided by √(2 L) | 1.907, 1.905 | at two blocks already |
# | deviation 0.02 in place of 0.1 | 1.953, 1.964 | what suits width 768 does not suit 64 |
# | no positions | 2.324, 2.324 | only the causal mask tells what came before what |

# %% demo="ablation" alt="Switched off; when on, lines of text: held-out loss of five variants, two seeds each."
ABLATION = False  # True: about five minutes


def variant(name, seed):
    """A GPT with one thing changed, freshly started."""
    torch.manual_seed(seed)
    model = init_weights(GPT(V, 64, 4, 2, T), 0.5 if name == "not divided" else 2, 0.02 if name == "0.02" else 0.1)
    if name == "no positions":
        model.positions.weight.requires_grad_(False).zero_()
    if name == "own output":
        head = nn.Parameter(0.1 * torch.randn(V, 64))
        model.register_parameter("head", head)
        model.register_forward_hook(lambda model, inputs, logits: model.last @ head.T)
        model.norm.register_forward_hook(lambda norm, inputs, out: setattr(model, "last", out))
    return model


if ABLATION:
    for name in ("as above", "own output", "not divided", "0.02", "no positions"):
        for seed in (0, 1):
            model, generator = variant(name, seed), torch.Generator().manual_seed(seed)
            optimizer = AdamW(decay_groups(model, 0.1), lr=0.01, betas=(0.9, 0.95))
            for step in range(900):
                optimizer.scale_lr(schedule(step, "cosine", warmup=50, total=900))
                ids, targets = text_batch(training_ids, BATCH, T, generator)
                loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
                optimizer.zero_grad()
                loss.backward()
                clip_grad_norm(model.parameters(), 1.0)
                optimizer.step()
            print(f"{name:14} seed {seed}: {text_loss(model, held_out):.3f} nats per character")
else:
    print("switched off: set ABLATION = True to train ten models for about five minutes")

# %% [markdown]
#
# Turn the knobs: what do 0.2 and 1.5 do to the text, and what does a small k at a high temperature? (Without sliders:
# `show_text(0.2, 5)` in a new cell.)

# %% demo="temperature" alt="Text of the model and its next-character chances, temperature and top_k set by sliders."
def show_text(temperature=0.8, top_k=None):
    begin = torch.tensor([[id_of.get(c, 0) for c in "\n\nThe king"]])
    k = V if top_k is None else top_k
    with torch.no_grad():
        logits = gpt.eval()(begin)[0, -1]
    chances = torch.softmax(logits.where(logits >= logits.topk(min(k, V)).values[-1], -torch.inf) / temperature, dim=-1)
    best = chances.argsort(descending=True)[: min(12, k)].tolist()
    figure, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
    bars = ax.bar([alphabet[i].replace("\n", "↵").replace(" ", "␣").replace("$", r"\$") for i in best], chances[best],
                  color="0.45")
    ax.bar_label(bars, fmt="%.2f", fontsize=9)
    ax.set(title=f"after “The king”, temperature {temperature:.1f}, top_k {k}", xlabel="next character",
           ylabel="probability", ylim=(0, 1.15))
    ax.grid(axis="x", visible=False)
    plt.show()
    print(text_of(generate(gpt, begin, 200, temperature, k, seed=1)[0, 2:].tolist()))


try:
    from ipywidgets import FloatSlider, IntSlider, interact

    interact(show_text, temperature=FloatSlider(0.8, min=0.1, max=2.5, step=0.1, continuous_update=False),
             top_k=IntSlider(V, min=1, max=V, continuous_update=False))
except ImportError:
    print("pip install ipywidgets gives this text sliders; without them, call show_text(0.2, 5) in a new cell.")
    show_text()

# %% [markdown]
# ### With more of everything
#
# What is missing is not in the architecture. The next cell, switched off, trains a GPT of 10.8 million parameters on
# the same million characters, on a GPU if there is one.
#
# **Before you switch it on:** will it pass 1.54? And will more steps always help?

# %% demo="longer" alt="Switched off; when on, a line: held-out loss falls below the n-grams, then rises again."
LONGER = False  # True: under 3 minutes on an H200, hours on a CPU

if LONGER:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    large = GPT(V, 384, 6, 6, 256, dropout=0.2).to(device)
    generator, total = torch.Generator().manual_seed(0), 2500
    optimizer = AdamW(decay_groups(large, 0.1), lr=1e-3, betas=(0.9, 0.99))
    curve, held_there = {}, [piece.to(device) for piece in held_out]
    for step in range(total + 1):
        optimizer.scale_lr(schedule(step, "cosine", warmup=100, total=total, floor=0.1))
        ids, targets = text_batch(training_ids.to(device), 64, 256, generator)
        with torch.autocast(device, torch.bfloat16):
            loss = F.cross_entropy(large(ids).flatten(0, 1).float(), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm(large.parameters(), 1.0)
        optimizer.step()
        if step % 250 == 0:
            curve[step] = text_loss(large, held_there)
            print(f"step {step:5}: training batch {loss.item():.3f}, held-out {curve[step]:.3f} nats per character")
    figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
    ax.plot(list(curve), list(curve.values()), "o-", color="black", label="held-out text")
    ax.axhline(1.54, color="0.4", linestyle="--", label="Witten–Bell 5-gram")
    ax.set(title="A GPT a hundred times larger, on the same text", xlabel="step", ylabel="loss [nats per character]")
    ax.legend()
    plt.show()
    print(text_of(generate(large, opening.to(device), 400, 0.8, seed=1)[0].tolist()))
else:
    print("switched off: set LONGER = True to train 10.8 million parameters (a GPU is needed in practice)")

# %% [markdown]
# On an H200 it took under three minutes: 1.60 after 500 steps, 1.456 after 750, **1.359 after 1,500**, a hundred
# seconds in; then it rises again, to 1.415 after 2,500, while the loss on the training batches goes on falling, to
# 0.98. A million characters are little for ten million parameters, and the model begins to learn them by heart. At its
# best it is far below every n-gram, and writes, after 1,250 steps:
#
#     MARK ANTONY
#     The messenger that you for love him he
#     fortune should give him speak and father so for him.
#
#     BRUTUS
#     Your reason that your royal enemy, to my liege.
#
# So with a hundred times the parameters and about 3,400 times the arithmetic the order is reversed, as
# *language_models* foretold.
#
# ## 6 · Learning while reading
#
# An n-gram knows what its counts say. If a text invents a name, *Dumbledorf*, and writes it again three lines below,
# the n-gram is as surprised the second time as the first. A transformer need not be: it can look back at what followed
# *Dumb* a moment ago. A head that does this is called an **induction head** (Elhage et al. 2021; Olsson et al. 2022):
# in a sequence … A B … A it attends from the second A to the B, the token *after* the earlier A, and copies it.
#
# One layer cannot do it. What a position offers to be found by (its key) is made from its own token and place alone,
# and B's key knows nothing of the A before it. With two layers there is a way. A head of layer 0 attends to the
# previous token and writes into B's stream "an A came before me". In layer 1 the query "I am an A" finds that. Two
# heads in two layers, one building on the other.
#
# How do we recognise one? Show the model random tokens that repeat with a period of P. At position t, the same token
# stood at t − P, and what followed it at t − P + 1. The **induction score** of a head is the weight it gives to exactly
# that position, averaged over all t that have a repetition to look back to, that is t ≥ P:
#
# $$\text{score} = \frac{1}{T - P} \sum_{t = P}^{T - 1} \text{weights}[t,\; t - P + 1]$$
#
# **`induction_score(weights, period)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `weights` | (H, T, T) or (B, H, T, T) | attention weights on a sequence that repeats itself after P tokens |
# | `period` | int, 1 ≤ P < T | P |
# | result | (H,) | the score of each head; with a batch the mean over its sequences |
#
# <details><summary>Hint 1</summary>The entries of one head lie on a diagonal of its (T, T) map. Which one? And where
# does it begin: is position P − 1 part of it?</details>
# <details><summary>Hint 2</summary><code>torch.arange(period, T)</code> gives the rows; the columns follow from
# them. Indexing with two tensors, <code>weights[..., rows, columns]</code>, picks pairs.</details>
# <details><summary>Hint 3</summary>After that the last axis runs over t: <code>.mean(-1)</code>. If a batch axis is
# left before the heads, take the mean over it too.</details>

# %% exercise="induction_score" minutes=10 level=2
def induction_score(weights: Tensor, period: int) -> Tensor:
    """How much each head attends from a repeated token to the one after its last occurrence, on average.

    weights: (H, T, T) or (B, H, T, T), on a sequence that repeats after `period` tokens, 1 <= period < T. Looks from
    each position t >= period to t - period + 1. Returns (H,).   After Olsson et al. 2022
    """
    ### BEGIN SOLUTION
    t = torch.arange(period, weights.shape[-1], device=weights.device)  # (T - P,)
    scores = weights[..., t, t - period + 1].mean(-1)  # (H,) or (B, H)
    return scores.mean(0) if weights.ndim == 4 else scores
    ### END SOLUTION


# %% check="induction_score: the token after the last occurrence" points=2
places = check.arange(6)
perfect = (places[:, None] - 3 + 1 == places).float()  # looks 2 back everywhere, from position 2 on
previous = (places[:, None] - 1 == places).float()
itself = torch.eye(6)
exact = induction_score(torch.stack([perfect, previous, itself]), 3)
check.shape(exact, (3,), hint="one number for each head")
check.close(exact, torch.tensor([1.0, 0.0, 0.0]),
            hint="period 3: from t to t − 3 + 1, two places back, not three (the same token) and not one; the mean over t")
check.close(induction_score(torch.stack([perfect, previous, itself]), 2), torch.tensor([0.0, 1.0, 0.0]),
            hint="period 2: from t to t − 1; the mean over the rows t ≥ 2, the last occurrence alone")
check.close(induction_score(torch.stack([perfect, previous, itself]), 1), torch.tensor([0.0, 0.0, 1.0]),
            hint="period 1: from t to t itself, the last occurrence alone; earlier ones do not count")
w = check.rand(2, 7, 7, seed=31)
expected = torch.stack([check.rand(2, 7, 7, seed=31)[:, t, t - 2] for t in (3, 4, 5, 6)]).mean(0)
check.close(induction_score(w, 3), expected,
            hint="the mean over t = 3, 4, 5, 6: position 2 has no repetition to look back to, position 6 has")
### BEGIN HIDDEN TESTS
w2 = check.rand(3, 9, 9, seed=32)
expected2 = torch.stack([check.rand(3, 9, 9, seed=32)[:, t, t - 4] for t in (5, 6, 7, 8)]).mean(0)
check.close(induction_score(w2, 5), expected2, hint="period 5 of 9 tokens: rows 5 to 8, columns 1 to 4")
check.close(induction_score(w2, 8), check.rand(3, 9, 9, seed=32)[:, 8, 1], hint="period 8 of 9 tokens: one row is left")
### END HIDDEN TESTS

# %% check="induction_score: batches" points=1
w = check.rand(4, 2, 6, 6, seed=33)
expected = torch.stack([check.rand(4, 2, 6, 6, seed=33)[:, :, t, t - 1] for t in (2, 3, 4, 5)]).mean((0, 1))
check.shape(induction_score(w, 2), (2,), hint="(B, H, T, T) gives one number per head, not one per sequence")
check.close(induction_score(w, 2), expected, hint="with a batch: the mean over its sequences and over t")
w2 = check.rand(3, 3, 5, 5, seed=34)
expected2 = torch.stack([check.rand(3, 3, 5, 5, seed=34)[:, :, t, t - 3] for t in (4,)]).mean((0, 1))
check.close(induction_score(w2, 4), expected2, hint="3 sequences, 3 heads: the heads stay, the sequences are averaged")

# %% [markdown]
# To see the maps of a model we let each block hand over a copy of its second result. PyTorch's *hooks* do that without
# a change to the model.

# %% tags=["export"]
@torch.no_grad()
def attention_maps(model: GPT, ids: Tensor) -> Tensor:
    """The attention weights of every block and head. ids: (B, T). Returns (L, B, H, T, T)."""
    maps, was_training = [], model.training
    hooks = [block.register_forward_hook(lambda block, inputs, outputs: maps.append(outputs[1]))
             for block in model.blocks]
    model.eval()
    model(ids)
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return torch.stack(maps)


# %% [markdown]
# ### A language made anew for every sequence
#
# What to train on? Sequences that repeat themselves, each in its own way, so that nothing can be learnt by heart. Each
# sequence has a table of its own, drawn at random: what follows token a. Reading on by a table, one soon comes back to
# a token that was there, and from there on everything repeats. One step in ten is random instead, and leads to another
# part of the table. A model that reads such a sequence has to find out the table on the way.
#
# (Plain periodic sequences look simpler, and we tried them first. With periods from 16 to 24 a two-layer model learns
# them without any induction head: its layer-0 heads attend 15 and 16 places back, whatever is there, and a head of
# layer 1 makes up the rest: 0 places for period 16, 8 for period 24. A loss near zero does not say
# *how* it was reached. A second help: the heads of the last block begin with `w_o` equal to `w_v` transposed, so that
# they write back what they look at. Without it the same thing happens, but when is left to chance: with some draws
# before step 400, with seed 0 not by step 450.)

# %% tags=["export"]
def repeating_batch(num: int, length: int, vocab_size: int, generator: torch.Generator,
                    chance: float = 0.1) -> tuple[Tensor, Tensor]:
    """Sequences that follow a random table of successors each, except for a `chance` of a random token at any step.

    Returns ids (num, length), int64, and known (num, length) bool: whether the token follows from what was read before
    it, that is, the table was followed, and this entry of it had been followed before in the same sequence.
    """
    table = torch.randint(vocab_size, (num, vocab_size), generator=generator)  # what follows each token
    ids = torch.randint(vocab_size, (num, length), generator=generator)
    jumps = torch.rand(num, length, generator=generator) < chance
    known, seen = torch.zeros(num, length, dtype=torch.bool), torch.zeros(num, vocab_size, dtype=torch.bool)
    rows = torch.arange(num)
    for t in range(1, length):
        before = ids[:, t - 1]
        ids[:, t] = torch.where(jumps[:, t], ids[:, t], table[rows, before])
        known[:, t] = seen[rows, before] & ~jumps[:, t]
        seen[rows, before] |= ~jumps[:, t]
    return ids, known


# %% demo="language" alt="Lines of tokens; those that follow from what was read before are marked by brackets."
ids, known = repeating_batch(4, 32, 16, torch.Generator().manual_seed(2))
for row, marks in zip(ids.tolist(), known.tolist(), strict=True):
    print("".join(f"[{'abcdefghijklmnop'[i]}]" if mark else f" {'abcdefghijklmnop'[i]} "
                  for i, mark in zip(row, marks, strict=True)))
print(f"in brackets: can be known from the sequence itself, {known.float().mean():.0%} here")

# %% [markdown]
# **Before you run the next cell** (about 15 seconds)**:** a model of two blocks and one of a single block learn this
# language. How will the loss on the tokens in brackets fall: steadily, or all at once? How far will the single block
# get?

# %% demo="phase" alt="Left: with two blocks the loss on known tokens drops, with one it stays. Right: scores rise."
LETTERS, LENGTH, PROBE = 16, 32, 12
probe = torch.rand(64, LETTERS, generator=torch.Generator().manual_seed(9)).argsort(1)[:, :PROBE]  # no token twice
probe = probe.repeat(1, 3)[:, :LENGTH]  # plain repeats with period 12: nothing that the models are trained on


def previous_score(weights):
    """How much each head attends to the token before, on average: (H,)."""
    return weights.diagonal(-1, -2, -1).mean((0, -1))


def beginner(num_layers, seed=0):
    """A small GPT whose last block begins with heads that copy what they look at: w_o is w_v transposed."""
    torch.manual_seed(seed)
    model = init_weights(GPT(LETTERS, 64, 2, num_layers, LENGTH, d_ff=32), num_layers, std=0.125)
    last = model.blocks[-1].attention
    last.w_o.weight.data.copy_(last.w_v.weight.T)
    return model


def learn(num_layers, steps=300, seed=0, every=10):
    """Train on the language. Returns the model and, every so many steps, its losses and scores."""
    model = beginner(num_layers, seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = AdamW(decay_groups(model, 0.0), lr=0.004, betas=(0.9, 0.95))
    log, new_losses, known_losses = [], [], []
    for step in range(steps + 1):
        ids, known = repeating_batch(48, LENGTH, LETTERS, generator)
        losses = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(48, -1)
        known_losses.append(losses.detach()[known[:, 1:]].mean().item())
        new_losses.append(losses.detach()[~known[:, 1:]].mean().item())
        if step % every == 0:
            maps = attention_maps(model, probe)  # (L, B, H, T, T)
            log.append((step, np.mean(known_losses[-every:]), np.mean(new_losses[-every:]),
                        torch.stack([induction_score(layer, PROBE) for layer in maps]).numpy(),
                        torch.stack([previous_score(layer) for layer in maps]).numpy()))
        optimizer.scale_lr(schedule(step, "constant", warmup=50))
        optimizer.zero_grad()
        losses.mean().backward()
        clip_grad_norm(model.parameters(), 1.0)
        optimizer.step()
    return model, log


start = time.process_time()
two, log_two = learn(2)
one, log_one = learn(1)
print(f"{time.process_time() - start:.0f} s of processor time")
figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
for log, style, name in ((log_two, "-", "2 blocks"), (log_one, "--", "1 block")):
    steps = [entry[0] for entry in log]
    axes[0].plot(steps, [entry[1] for entry in log], style, color="black", label=f"known tokens, {name}")
    axes[0].plot(steps, [entry[2] for entry in log], style, color="0.65", label=f"other tokens, {name}")
axes[0].axhline(math.log(LETTERS), color="0.5", linestyle=":", label="guessing, ln 16")
axes[0].set(title="Loss while training", xlabel="step", ylabel="loss [nats per token]", ylim=(0, None))
steps = [entry[0] for entry in log_two]
for head in range(2):
    axes[1].plot(steps, [entry[4][0, head] for entry in log_two], "o--" if head else "o-", color="0.6", markersize=4,
                 label=f"previous token, layer 0 head {head}")
    axes[1].plot(steps, [entry[3][1, head] for entry in log_two], "s-" if head else "D-", color="black", markersize=4,
                 label=f"induction, layer 1 head {head}")
axes[1].plot(steps, [max(entry[3][0]) for entry in log_one], ":", color="0.3", label="induction, 1 block, best head")
axes[1].set(title=f"Scores of heads, on plain repeats of period {PROBE}", xlabel="step", ylabel="mean attention weight",
            ylim=(-0.02, 1))
axes[0].legend(fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.67))
axes[1].legend(fontsize=8, loc="upper left")
plt.show()
for name, log in (("2 blocks", log_two), ("1 block", log_one)):
    step, known_loss, new_loss, induction, before = log[-1]
    print(f"{name:8} after {step} steps: known {known_loss:.2f}, others {new_loss:.2f} nats; induction scores "
          f"{induction.round(2)}, previous-token scores {before.round(2)}".replace("\n", ""))

# %% [markdown]
# Both models first learn which tokens a sequence uses at all: a loop of a few tokens makes those likely, and one
# block is enough for that. There it stays, at 1.4 nats. With two blocks, between steps 60 and 110, the loss on known
# tokens falls from 1.7 to 0.4 nats, and in the same steps the scores rise: the previous-token heads of layer 0 a little
# earlier and slowly, the induction heads of layer 1 at once, from 0.05 to 0.6. Olsson et al. (2022) found such a *phase
# change* in models of all sizes, early in training. Neither half is of use without the other, which is why nothing
# seems to happen for a while. The other tokens cost 0.4 to 0.5 nats more than ln 16 in both models: where a model is sure
# of a successor and the table is not followed, it pays for that.
#
# And the probe, plain repeats of twelve different tokens, was never trained on.
#
# **Before you run the next cell:** it shows the maps of both layers on a plain repeat: twelve of the sixteen letters in
# a shuffled order, again and again, 32 places in all. Where will the dark lines lie?

# %% demo="maps" alt="Left: layer 0, a dark line one below the diagonal. Right: layer 1, lines 11 and 23 below it."
maps = attention_maps(two, probe[:1])[:, 0]  # (L, H, T, T)
heads = (previous_score(maps[0][None]).argmax().item(), induction_score(maps[1], PROBE).argmax().item())
letters = ["abcdefghijklmnop"[i] for i in probe[0].tolist()]
figure, axes = plt.subplots(1, 2, figsize=(12, 5.6), layout="constrained")
for layer, (ax, head) in enumerate(zip(axes, heads, strict=True)):
    sns.heatmap(maps[layer, head].numpy(), ax=ax, cmap="Greys", vmin=0, vmax=1, square=True, xticklabels=letters,
                yticklabels=letters, cbar_kws={"label": "attention weight", "shrink": 0.7})
    ax.set(title=f"layer {layer}, head {head}", xlabel="looked at (key)", ylabel="looking (query)")
    ax.tick_params(labelsize=8, rotation=0)
plt.show()

# %% [markdown]
# Layer 0 looks one place back, whatever is there. Layer 1 rests on the first token as long as nothing has repeated, and
# then switches: from the second *m* on, each letter looks at the letter that followed it the last time. In the third
# round there are two earlier occurrences, and the head divides its weight between them, so its score, which counts only
# the last one, stays below 1.
#
# ### What does it generalise to?
#
# Every sequence of the training had a table of its own, so nothing of the test sequences has been learnt by heart. But
# how far does the rule itself reach? Three tests, on plain repeats: other periods than the probe's; the last four
# tokens of the alphabet, to which a third model is never introduced; and positions beyond those seen in training.
#
# **Before you run the next cell:** which of the three will fail?

# %% demo="generalise" alt="Bars: low for all periods and for new positions at the end; high on these alone; huge for new tokens."
def repeat_loss(model, tokens, period, length=LENGTH, num=64):
    """Nats per token on plain repeats, counting only tokens that were read before with what followed them."""
    order = torch.rand(num, len(tokens), generator=torch.Generator().manual_seed(4)).argsort(1)[:, :period]
    ids = torch.tensor(tokens)[order].repeat(1, length // period + 1)[:, :length]
    with torch.no_grad():
        losses = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")  # (num, T - 1)
    return losses[:, period:].mean().item()


def learn_with_gaps(steps=300, unused=4, trained_length=24):
    """As `learn(2)`, but the last `unused` tokens and the positions from `trained_length` on never occur."""
    model = beginner(2)
    generator = torch.Generator().manual_seed(0)
    optimizer = AdamW(decay_groups(model, 0.0), lr=0.004, betas=(0.9, 0.95))
    for step in range(steps + 1):
        ids, _ = repeating_batch(48, trained_length, LETTERS - unused, generator)
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.scale_lr(schedule(step, "constant", warmup=50))
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm(model.parameters(), 1.0)
        optimizer.step()
    return model


gaps = learn_with_gaps()
common, unused = list(range(LETTERS - 4)), list(range(LETTERS - 4, LETTERS))
results = {f"period {period}": repeat_loss(two, list(range(LETTERS)), period) for period in (3, 6, 12, 16)}
results["gaps: nothing unusual"] = repeat_loss(gaps, common, 4, 24)
results["gaps: tokens never trained"] = repeat_loss(gaps, unused, 4, 24)
results["gaps: 8 positions more"] = repeat_loss(gaps, common, 4, 32)
gaps.positions.weight.data = gaps.positions.weight.data.roll(8, 0)  # the eight that were never trained come first
results["gaps: these 8 positions alone"] = repeat_loss(gaps, common, 4, 8)
figure, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
bars = ax.barh(list(results), list(results.values()), color=["0.3"] * 4 + ["0.6"] * 4)
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.axvline(math.log(LETTERS), color="0.4", linestyle=":", label="guessing, ln 16")
ax.invert_yaxis()
ax.set(title="Plain repeats, which no model was trained on", xlabel="loss [nats per repeated token]",
       xlim=(0, 1.15 * max(results.values())))
ax.grid(axis="y", visible=False)
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# Periods make no difference: 0.12 to 0.16 nats for 3, 6, 12 and 16. New positions at the end of a sequence do none
# either, which may surprise, since their vectors are still the random ones of the start. But a query at a new place
# needs only its own token, and the places that it looks back to were mostly written at trained positions. A sequence
# that lies on the eight new positions alone fails, with 3.5 nats, more than guessing: the heads of layer 0 that look
# one place back go by the positions, and nobody has taught them these.
#
# Tokens that never occurred fail completely: 14.7 nats, far worse than guessing. The rule is general for what it has
# been trained on: the model has never been rewarded for telling these tokens apart, and in every softmax it has been
# taught not to say them, through the same tied vectors by which it would have to recognise them. What was learnt in
# context is the table. *How* to learn it, with which vectors, was learnt by the weights.
#
# ### In a real model
#
# SmolLM2 is no GPT-2 (its parts are the subject of *llama*), but it too is a decoder. Show it 24 random tokens twice,
# which make no sense in any language, and rank its 270 heads by your `induction_score`.
#
# **Before you run the next cell:** how many of 270? And in which layers: the first, the middle, the last?

# %% demo="real" alt="Grid of 30 layers by 9 heads: a few dark cells, high induction scores, most in the middle layers."
from internals.real_models import llama_forward, load_smollm2

smollm2 = load_smollm2()
scores, before, after = [], [], []
with torch.no_grad():
    for seed in range(3):
        random_ids = torch.randint(1000, min(20_000, smollm2.config["vocab_size"]) - 1, (24,),
                                   generator=torch.Generator().manual_seed(seed)).repeat(2)
        states, maps = llama_forward(smollm2.weights, smollm2.config, random_ids)  # maps: (L, H, 48, 48)
        scores.append(torch.stack([induction_score(layer, 24) for layer in maps]))
        logits = states[-1] @ smollm2.weights["model.embed_tokens.weight"].T
        losses = F.cross_entropy(logits[:-1], random_ids[1:], reduction="none")  # (47,)
        before.append(losses[:23].mean().item())
        after.append(losses[24:].mean().item())
scores = torch.stack(scores).mean(0)  # (L, H)
figure, ax = plt.subplots(figsize=(11, 3.4), layout="constrained")
sns.heatmap(scores.T.numpy(), ax=ax, cmap="Greys", vmin=0, vmax=1, cbar_kws={"label": "induction score"})
ax.set(title="SmolLM2 on 24 random tokens, twice", xlabel="layer", ylabel="head")
plt.show()
ranked = scores.flatten().argsort(descending=True)[:8].tolist()
H_real = scores.shape[1]
print("highest: " + ", ".join(f"layer {i // H_real} head {i % H_real}: {scores.flatten()[i]:.2f}" for i in ranked))
print(f"{(scores > 0.3).sum()} of {scores.numel()} heads above 0.3; uniform attention would give about "
      f"{np.mean([1 / (t + 1) for t in range(24, 48)]):.2f}")
print(f"loss on the tokens the first time {np.mean(before):.1f} nats, the second time {np.mean(after):.1f}")

# %% [markdown]
# Twelve of 270 heads give more than 0.3 of their weight to one place of up to 48, ten times as much as chance. None of
# them lies below layer 17, of 30: what they build on has to be there before. Three of the strongest, heads 3, 4 and 5
# of layer 17, share one head of keys and values (9 query heads, 3 KV heads; *multi_head*). And the effect can be seen
# in the loss: 14.2 nats for each random token the first time, 2.5 the second time. It is not likely that
# this string stood in any training text. (If random weights stand in, scores are those of chance.)
#
# ### In-context learning
#
# Brown et al. (2020) made this the title of their paper: language models are *few-shot learners*. GPT-3 is shown a few
# examples of a task in its prompt, with solutions, then a new one without; no weight is changed. Its context is 2,048
# tokens, for the prompt *and* what the model writes to it together, so the examples have to share that room with
# everything else (§2: between 10 and 100 examples fit). How much of that ability rests on induction heads is an open
# question. Olsson et al. (2022) argue that they are behind much of it, with causal evidence for small attention-only
# models, and correlations for large ones: in their models the phase change of the induction heads coincides with a
# sudden gain in the loss of late tokens over early ones. What you have seen is the smallest example: a model that
# learns a table it has never met, from a few dozen tokens, without a step of an optimizer.
#
# Turn the knobs: all heads of the two-layer model on one sequence of its own language. (Without sliders: `draw_head(0,
# 1)`.)

# %% demo="head-slider" alt="A map of attention of one head, chosen by sliders, on a sequence of the made-up language."
own_ids, own_known = repeating_batch(1, LENGTH, LETTERS, torch.Generator().manual_seed(5))
own_maps = attention_maps(two, own_ids)[:, 0]  # (L, H, T, T)


def draw_head(layer=1, head=0):
    names = [f"[{'abcdefghijklmnop'[i]}]" if mark else "abcdefghijklmnop"[i]
             for i, mark in zip(own_ids[0].tolist(), own_known[0].tolist(), strict=True)]
    figure, ax = plt.subplots(figsize=(7.5, 6.4), layout="constrained")
    sns.heatmap(own_maps[layer, head].numpy(), ax=ax, cmap="Greys", vmin=0, vmax=1, square=True, xticklabels=names,
                yticklabels=names, cbar_kws={"label": "attention weight", "shrink": 0.7})
    ax.set(title=f"layer {layer}, head {head}", xlabel="looked at (key)", ylabel="looking (query)")
    ax.tick_params(labelsize=7, rotation=0)
    plt.show()


try:
    from ipywidgets import IntSlider, interact

    interact(draw_head, layer=IntSlider(1, min=0, max=1, continuous_update=False),
             head=IntSlider(0, min=0, max=1, continuous_update=False))
except ImportError:
    print("pip install ipywidgets gives this picture sliders; without them, call draw_head(0, 1) in a new cell.")
    draw_head()

# %% [markdown]
# ## Recap
#
# - A GPT is an embedding, positions, L pre-norm blocks under one causal mask, a last norm, and the embedding once
#   more. GPT-2 small has 124 million parameters.
# - Every branch adds to the residual stream; dividing its last matrix by √(2 L) keeps the stream's size at the start
#   independent of depth. The 0.02 belongs to the width that it was chosen for.
# - Writing means: last position, draw, append; evaluation mode, no gradients, never more than max_seq_len tokens.
# - At equal small budgets counting beats this network as it beat the recurrent one. With more compute the order is
#   reversed, until the network has learnt its million characters by heart.
# - Two layers can find out a rule while they read it: a head that looks one token back, and one that looks for what
#   came after. One layer cannot.
# - A low loss does not tell the mechanism. Look, and use sequences on which the mechanisms differ.
#
# Next: *llama*, the same architecture with other parts, and a model of that kind that speaks.

# %% [markdown]
# ## A question in words
#
# A friend trains a two-layer GPT on sequences of random tokens that repeat with a period of exactly 20. The loss on the
# second half falls to nearly zero within minutes, and so does that of a one-layer model. "So much for the theory," says
# the friend, "one layer is enough for induction heads. My score proves it: a head of the first layer has 0.97."
#
# In six to ten sentences: (a) What has the one-layer model learnt, and why is the score so high? (b) Which sequences
# would you test both models on, and what do you expect of each? (c) Why can a head of a first layer not find "the token
# after the last occurrence of this one", and what does a second layer change?

# %% [markdown] essay="one-layer" points=3
# **(a)** With a fixed period the next token always stands 19 places back. A head of one layer can attend there by
# position alone, whatever the tokens are: query and key contain the positions. The score averages the weight at t − P +
# 1, and on sequences of period 20 that is this very place, so it cannot tell a head that looks at a fixed distance from
# one that looks for a token. *(1 point: fixed distance, position only; the score cannot tell the two apart at this
# period.)*
#
# **(b)** Repeats of other periods, say 7 and 13, or a period that changes within the sequence. The one-layer model
# keeps looking 19 back and fails, its score at the new period near zero. A model with an induction head finds the
# earlier occurrence wherever it is, and its score stays high for every period; if the two-layer model fails as well, it
# too has learnt the distance, which is likely, since nothing in its training asked for more. *(1 point: another or
# random period; an expectation for each model.)*
#
# **(c)** In the first layer the key of a position is made of its own token and place. "The token after an A" is a fact
# about the position *before*, and nothing of that has been written there yet. A head of the first layer can write it:
# it attends to the previous token and adds its identity to the stream. Then a key of the second layer can contain it,
# and a query made from the present token can match. *(1 point: first-layer keys know only their own token and position;
# previous-token head, then match.)*

# %% [markdown]
# ## Sources
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin 2017. *Attention Is All You Need.* NeurIPS
#   2017, arXiv 1706.03762.
# - Liu, Saleh, Pot, Goodrich, Sepassi, Kaiser, Shazeer 2018. *Generating Wikipedia by Summarizing Long Sequences.* ICLR
#   2018, arXiv 1801.10198. A decoder alone.
# - Radford, Narasimhan, Salimans, Sutskever 2018. *Improving Language Understanding by Generative Pre-Training.* GPT.
# - Radford, Wu, Child, Luan, Amodei, Sutskever 2019. *Language Models are Unsupervised Multitask Learners.* GPT-2; §2.3
#   norms, initialisation, sizes. The miscount: README of the repository openai/gpt-2.
# - Press, Wolf 2017. *Using the Output Embedding to Improve Language Models.* EACL 2017, arXiv 1608.05859. Tying.
# - Fan, Lewis, Dauphin 2018. *Hierarchical Neural Story Generation.* ACL 2018, arXiv 1805.04833. Top-k sampling.
# - Brown et al. 2020. *Language Models are Few-Shot Learners.* NeurIPS 2020, arXiv 2005.14165. §2 few-shot, §2.1
#   context, §2.3 training.
# - Elhage et al. 2021. *A Mathematical Framework for Transformer Circuits.* Transformer Circuits Thread. One and two
#   layers, the residual stream, induction heads.
# - Olsson et al. 2022. *In-context Learning and Induction Heads.* Transformer Circuits Thread, arXiv 2209.11895.
# - Patterson et al. 2021. *Carbon Emissions and Large Neural Network Training.* arXiv 2104.10350. Appendix A: where
#   their 10,000 comes from.
# - Langston 2020. *Microsoft announces new supercomputer, lays out vision for future AI work.* Microsoft, 19 May 2020.
