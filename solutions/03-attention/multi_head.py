# %% [markdown]
# # Multi-head attention
#
# ## What you will build
#
# Attention as every transformer uses it: several heads side by side. Two functions that cut a tensor into heads and
# join it again, `split_heads` and `merge_heads`; the layer of the original transformer, `MultiHeadAttention`; the
# variant in which heads share keys and values, as in Llama, `GroupedQueryAttention`; and `kv_cache_bytes`, which says
# why they share. About an hour. On the way you train a small model with 1, 2, 4 and 8 heads, remove heads from it,
# and look at what the heads of two real models do.
#
# ## When it was invented, and why it matters
#
# Multi-head attention is as old as the transformer: Vaswani et al. (2017, §3.2.2) run 8 attention functions in
# parallel, each with matrices of its own, and give the reason in one sentence: with a single head, averaging gets in
# the way of attending to several things at once. In their ablation (Table 3, rows A) one head of full width translates
# 0.9 BLEU worse than the best setting, and too many narrow heads are worse again.
#
# Two years later Shazeer (2019) found that what makes *writing* slow is not the arithmetic but the keys and values,
# which have to be fetched from memory again for every token, and let all heads share one set of them (*multi-query
# attention*). Ainslie et al. (2023) took the middle way, a few sets, each shared by a group of heads (*grouped-query
# attention*). Llama 3 8B has 32 query heads and 8 sets of keys and values (Grattafiori et al. 2024, Table 3).
#
# ## Prerequisites
#
# *scaled_dot_product*, of which two functions come back here: `scaled_dot_product_attention(q, k, v, mask=None)`, which
# returns `(out, weights)` and takes any leading axes, and `causal_mask(T)`. `nn.Module` and `nn.Linear` in PyTorch.
#
# Letters: `B` sequences in a batch, `T` tokens in a sequence, `D` the width of an embedding, `H` heads, `d` = D / H the
# width of a head. Where two sequences meet there are `n` queries and `m` keys.

# %%
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
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier


# %%
# Given: the one plot that this notebook draws again and again.
def heatmap(panel, table, rows, columns, heading, top=1.0, numbers=True):
    """Draw a table of numbers from 0 to top on a panel: one row per row, darker = larger."""
    sns.heatmap(np.asarray(table), ax=panel, vmin=0, vmax=top, cmap="Greys", annot=numbers, fmt=".2f", cbar=False,
                linewidths=0.5, linecolor="lightgrey", annot_kws={"size": 9}, xticklabels=columns, yticklabels=rows)
    for number in panel.texts:
        number.set_color("white" if float(number.get_text()) > 0.6 * top else "black")
    panel.grid(False)
    panel.set_title(heading)
    panel.tick_params(axis="y", labelrotation=0)


# %% [markdown]
# ## 1 · One head takes one average
#
# *The cat chased the dog*, or *the dog chased the cat*? To know which, the verb has to look at two words. A head can
# do that: half its weight on the word before, half on the word after. But its output is the *average* of the two
# values, and an average does not remember which half came from where.
#
# Below, a word's value says which word it is, in three numbers, and its key says at which place it stands. The queries
# are **set by hand**. One head looks at both neighbours; two heads look at one each, and their outputs are laid end to
# end.
#
# **Before you run the next cell:** which of the two can tell the sentences apart?

# %% demo="who-chased-whom" alt="Bars: one head gives both sentences the same output, two heads give different ones."
IDENTITY = {"cat": [1.0, 0, 0], "chased": [0, 1.0, 0], "dog": [0, 0, 1.0]}
PLACE = torch.eye(3)
before, after = torch.tensor([[9.0, 0, 0]]), torch.tensor([[0, 0, 9.0]])  # what the verb's query asks for: a place
figure, axes = plt.subplots(1, 2, figsize=(11, 3.2), sharey=True, layout="constrained")
for words, offset, color in ((["cat", "chased", "dog"], -0.2, "0.25"), (["dog", "chased", "cat"], 0.2, "0.7")):
    values = torch.tensor([IDENTITY[word] for word in words])  # (T, 3)
    both, _ = scaled_dot_product_attention(before + after, PLACE, values)  # (1, 3)
    first, _ = scaled_dot_product_attention(before, PLACE, values)
    second, _ = scaled_dot_product_attention(after, PLACE, values)
    for ax, out in zip(axes, (both[0], torch.cat([first[0], second[0]])), strict=True):
        ax.bar(np.arange(len(out)) + offset, out, width=0.38, color=color, label=" ".join(words))
axes[0].set(title="one head: before and after together", ylabel="output at chased", xlabel="feature of the output")
axes[1].set(title="two heads: one before, one after", xlabel="feature of the output, head 0 then head 1")
for ax, labels in zip(axes, (list(IDENTITY), 2 * list(IDENTITY)), strict=True):
    ax.set_xticks(range(len(labels)), labels)
    ax.grid(axis="x", visible=False)
axes[0].legend(title="sentence")
plt.show()

# %% [markdown]
# One head gives half *cat*, half *dog* for either sentence: who chased whom cannot be read off this output, by whatever
# layer comes next. Two heads keep the two answers apart.
#
# So give each head its own three matrices, run them side by side, lay the results end to end and mix them with one
# more matrix (Vaswani et al. 2017, §3.2.2):
#
# $$\text{head}_i = \text{Attention}(X W^Q_i,\; X W^K_i,\; X W^V_i) \qquad
# \text{MultiHead}(X) = [\text{head}_1; \dots; \text{head}_H]\, W^O$$
#
# $W^Q_i$, $W^K_i$ and $W^V_i$ have shape (D, d): each reads **all** D features of a token and makes d of them. To keep
# the work the same whatever the number of heads, d = D / H.
#
# In code nobody loops over heads. The H matrices (D, d) stand side by side in one matrix (D, D); one product makes
# the queries of all heads at once, H blocks of d numbers in a row. What is left to do is to cut that row into heads.

# %% [markdown]
# ## 2 · Cutting into heads
#
# After the projection each token has a row of H·d numbers: first the d of head 0, then the d of head 1, and so on.
# `scaled_dot_product_attention` works on the last two axes and leaves all others alone, so the head has to become an
# axis *before* the sequence: (B, H, T, d).
#
# There is a trap. `x.view(B, H, T, d)` has the right shape and the wrong contents: it cuts the memory in order, and
# in memory all numbers of token 0 come before those of token 1.
#
# **`split_heads(x, num_heads)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, T, H·d) | each token's row holds head 0's d numbers, then head 1's, … |
# | `num_heads` | int | H; divides the width |
# | result | (B, H, T, d) | `result[b, h, t]` is the row of d numbers of head h for token t |
#
# <details><summary>Hint 1</summary>Two steps. First give the last axis its structure: a row of H·d numbers is a table
# of H rows and d columns. Which shape is that?</details>
# <details><summary>Hint 2</summary>From (B, T, H, d) to (B, H, T, d) two axes change places. That is no reshape:
# every number gets other indices.</details>
# <details><summary>Hint 3</summary><code>view</code> (or <code>reshape</code>, or <code>unflatten</code>) cuts one
# axis into two neighbouring ones; <code>transpose(1, 2)</code> exchanges two axes.</details>

# %% exercise="split_heads" minutes=10 level=2
def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Cut the last axis into heads and put the heads before the sequence.

    x: (B, T, H·d), H = num_heads. Returns (B, H, T, d).
    """
    ### BEGIN SOLUTION
    B, T, D = x.shape
    return x.view(B, T, num_heads, D // num_heads).transpose(1, 2)  # (B, T, H, d) -> (B, H, T, d)
    ### END SOLUTION


# %% check="split_heads: heads become an axis before the sequence" points=1
x = check.arange(24).view(1, 2, 12)  # two tokens, 0 … 11 and 12 … 23
check.shape(split_heads(x, 3), (1, 3, 2, 4), hint="2 tokens, 3 heads of width 4: (B, H, T, d) = (1, 3, 2, 4)")
check.equal(split_heads(x, 3),
            torch.tensor([[[[0, 1, 2, 3], [12, 13, 14, 15]],
                           [[4, 5, 6, 7], [16, 17, 18, 19]],
                           [[8, 9, 10, 11], [20, 21, 22, 23]]]]),
            hint="head 0 takes the first 4 numbers of every token: first (B, T, H, d), then exchange T and H")
### BEGIN HIDDEN TESTS
check.equal(split_heads(check.arange(12).view(1, 3, 4), 2),
            torch.tensor([[[[0, 1], [4, 5], [8, 9]], [[2, 3], [6, 7], [10, 11]]]]),
            hint="3 tokens, 2 heads of width 2: head 0 takes the first half of every token's row")
### END HIDDEN TESTS

# %% check="split_heads: any batch, length and number of heads" points=1
x = check.randn(2, 5, 12, seed=1)
check.close(split_heads(x, 6), torch.stack(x.split(2, dim=-1), dim=1),
            hint="6 heads of width 2: read B, T and the width off x, never a fixed number")
check.close(split_heads(x, 1), torch.stack(x.split(12, dim=-1), dim=1),
            hint="a single head keeps the whole row: shape (2, 1, 5, 12)")
### BEGIN HIDDEN TESTS
y = check.randn(3, 7, 20, seed=2)
check.close(split_heads(y, 4), torch.stack(y.split(5, dim=-1), dim=1), hint="3 sequences, 7 tokens, 4 heads of width 5")
z = check.randn(4, 1, 6, seed=3)
check.close(split_heads(z, 3), torch.stack(z.split(2, dim=-1), dim=1), hint="a single token works too: (4, 3, 1, 2)")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** three tokens, two heads of width 2, every number labelled with its token and
# feature. On the right is what the tempting `x.view(B, H, T, d)` makes of it. Which tokens does its head 0 hold?

# %% demo="split" alt="Tables of labels: your split keeps one token per row, a mere view mixes tokens up."
labels = np.array([[f"token {t}\nfeature {f}" for f in range(4)] for t in range(3)])
tokens = torch.arange(3.0).repeat_interleave(4).view(1, 3, 4)  # every number is the number of its token
order = torch.arange(12).view(1, 3, 4)
panels = {"x: (T, D) = (3, 4)": order[0]}
panels |= {f"split_heads: head {h}": split_heads(order, 2)[0, h] for h in range(2)}
panels |= {f"x.view(B, H, T, d): head {h}": order.view(1, 2, 3, 2)[0, h] for h in range(2)}
figure, axes = plt.subplots(1, 5, figsize=(13, 3), width_ratios=[2, 1, 1, 1, 1], layout="constrained")
for ax, (title, indices) in zip(axes, panels.items(), strict=True):
    sns.heatmap(tokens.flatten()[indices].numpy(), ax=ax, annot=labels.flatten()[indices.numpy()], fmt="", vmin=-1,
                vmax=4, cmap="Greys", cbar=False, linewidths=2, annot_kws={"size": 8}, xticklabels=False,
                yticklabels=[f"row {t}" for t in range(3)])
    ax.set_title(title, fontsize=10)
    ax.tick_params(axis="y", labelrotation=0)
plt.show()

# %% [markdown]
# With `view` alone, head 0 holds all of token 0 and half of token 1, in three rows as if they were three tokens. The
# shapes are right, nothing complains, and the model trains badly for ever after. Shapes alone do not prove a
# reshape right; numbers that you can recognise do. Keep this trick: `torch.arange` through every reshape that you
# write.

# %% [markdown]
# ## 3 · And joining them again
#
# Each head returns (T, d). The next layer wants one row of D numbers per token again, head 0's first: the exact
# reverse.
#
# **`merge_heads(x)`** ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, H, T, d) | what the heads return |
# | result | (B, T, H·d) | each token's row: head 0's d numbers, then head 1's, … |
#
# <details><summary>Hint 1</summary>Undo the two steps of <code>split_heads</code>, the last one first.</details>
# <details><summary>Hint 2</summary>First bring H and d next to each other, (B, T, H, d). Only neighbouring axes can be
# joined into one.</details>
# <details><summary>Hint 3</summary>After a transpose the numbers no longer lie in memory in the order of their axes;
# <code>view</code> refuses that. <code>reshape</code> copies where it has to; so does <code>flatten</code>.</details>

# %% exercise="merge_heads" minutes=5 level=1
def merge_heads(x: Tensor) -> Tensor:
    """Lay the heads of each token end to end: the reverse of `split_heads`.

    x: (B, H, T, d). Returns (B, T, H·d).
    """
    ### BEGIN SOLUTION
    B, H, T, d = x.shape
    return x.transpose(1, 2).reshape(B, T, H * d)  # (B, H, T, d) -> (B, T, H, d) -> (B, T, H·d)
    ### END SOLUTION


# %% check="merge_heads: each token's row holds its heads, end to end" points=1
x = check.arange(24).view(1, 3, 2, 4)  # three heads, two tokens
check.shape(merge_heads(x), (1, 2, 12), hint="2 tokens, 3 heads of width 4 give 2 rows of 12")
check.equal(merge_heads(x),
            torch.tensor([[[0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19], [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23]]]),
            hint="row 0 is token 0 of head 0, then of head 1, then of head 2: exchange H and T before you join")
### BEGIN HIDDEN TESTS
check.equal(merge_heads(check.arange(12).view(1, 2, 3, 2)),
            torch.tensor([[[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]]),
            hint="2 heads, 3 tokens of width 2: each row holds its token's two numbers of both heads")
### END HIDDEN TESTS

# %% check="merge_heads: any batch, length and number of heads" points=1
x = check.randn(2, 3, 5, 4, seed=4)
check.close(merge_heads(x), torch.cat(x.unbind(dim=1), dim=-1),
            hint="2 sequences, 3 heads, 5 tokens, width 4: the heads of each token end to end")
check.same(split_heads(merge_heads(x), 3), split_heads(torch.cat(x.unbind(dim=1), dim=-1), 3),
           hint="split_heads undoes merge_heads")
### BEGIN HIDDEN TESTS
y = check.randn(3, 1, 7, 6, seed=5)
check.close(merge_heads(y), torch.cat(y.unbind(dim=1), dim=-1), hint="a single head works too: (3, 7, 6)")
z = check.randn(4, 5, 2, 3, seed=6)
check.close(merge_heads(z), torch.cat(z.unbind(dim=1), dim=-1), hint="5 heads, 2 tokens, width 3: read sizes off x")
### END HIDDEN TESTS

# %% [markdown]
# ### The same in einops
#
# Many codebases write such steps with the library einops (Rogozhnikov 2022), in which a reshape is a sentence: the
# axes before the arrow, the axes after it, and brackets around axes that share one. The reader sees the layout, and a
# wrong one is hard to write by accident. The next cell compares, if einops is installed; this course does not need
# it.

# %% demo="einops" alt="Lines of text: einops gives the same as split_heads and merge_heads."
x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))
split, merge = "b t (h d) -> b h t d", "b h t d -> b t (h d)"
print(f'split_heads(x, 3)   is   rearrange(x, "{split}", h=3)')
print(f'merge_heads(y)      is   rearrange(y, "{merge}")')
try:
    from einops import rearrange

    print("einops agrees:", torch.equal(split_heads(x, 3), rearrange(x, split, h=3)),
          torch.equal(merge_heads(split_heads(x, 3)), rearrange(split_heads(x, 3), merge)))
except ImportError:
    print("pip install einops, and this cell compares them.")

# %% [markdown]
# ## 4 · Multi-head attention
#
# All pieces are there. Project the whole embedding with `w_q`, `w_k` and `w_v`; split; attend; merge; mix with `w_o`.
#
# A sentence that is often read wrongly: "the embedding is split into heads". It is not. What is split is the *result
# of the projection*. Each of its numbers was made from all D features of the token, so every head reads the whole
# embedding, through matrices of its own. Cutting the embedding first would give each head a fixed slice of the
# features, blind to the rest; a check below is about exactly that.
#
# The checks compare your layer with PyTorch's own, which the next cell calls. You need not understand its every line;
# two things are worth knowing. `check.fill` sets parameters from their names and shapes alone, so two layers whose
# parameters are called `w_q`, `w_k`, `w_v` and `w_o` get the same numbers. And there is a `~` in it: **in PyTorch's
# multi-head attention a boolean mask means the opposite of ours**. There, True is *forbidden*; here, as in
# `F.scaled_dot_product_attention`, True *may attend*. A picture after the exercise shows what happens if you forget.

# %%
# Given: PyTorch's multi-head attention, to compare with.
def pytorch_attention(x, memory, num_heads, num_kv_heads=None, bias=True, mask=None):
    """PyTorch's own, with the weights that check.fill gives to w_q, w_k, w_v and w_o.

    x: (B, n, D)   memory: (B, m, D)   mask: bool, broadcastable to (B, n, m), True = may attend, as ours.
    Returns out (B, n, D) and weights (B, H, n, m).
    """
    (B, n, D), m, d = x.shape, memory.shape[1], x.shape[2] // num_heads
    widths = {"w_q": D, "w_k": (num_kv_heads or num_heads) * d, "w_v": (num_kv_heads or num_heads) * d, "w_o": D}
    layers = check.fill(nn.ModuleDict({name: nn.Linear(D, width, bias=bias) for name, width in widths.items()}))
    same = torch.arange(D) // d * (num_kv_heads or num_heads) // num_heads * d + torch.arange(D) % d  # (D,)
    rows = {"w_q": slice(None), "w_k": same, "w_v": same}  # where heads share keys and values, PyTorch needs copies
    if mask is not None:
        mask = ~mask.expand(B, n, m).repeat_interleave(num_heads, dim=0)  # (B·H, n, m); PyTorch's True is forbidden
    out, weights = F.multi_head_attention_forward(
        x.transpose(0, 1), memory.transpose(0, 1), memory.transpose(0, 1), D, num_heads,
        torch.cat([layers[name].weight[index] for name, index in rows.items()]),
        torch.cat([layers[name].bias[index] for name, index in rows.items()]) if bias else None,
        None, None, False, 0.0, layers["w_o"].weight, layers["w_o"].bias, attn_mask=mask, average_attn_weights=False)
    return out.transpose(0, 1), weights


# %% [markdown]
# **`MultiHeadAttention(d_model, num_heads, bias=True)`**, an `nn.Module`. `__init__` is given: four linear layers
# `w_q`, `w_k`, `w_v` and `w_o`, each from D to D. You write `forward(x, memory=None, mask=None)`, which returns a tuple
# `(out, weights)`. ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `x` | (B, n, D) | the sequence that looks |
# | `memory` | (B, m, D), or None | the sequence that is looked at; None: `x` itself (self-attention) |
# | `mask` | bool, (n, m), (B, 1, m) or (B, n, m), or None | True = may attend, for all heads alike |
# | `out` | (B, n, D) | each position's heads, merged and mixed by `w_o` |
# | `weights` | (B, H, n, m) | each head's weights |
#
# The mask comes without an axis for the heads, as `causal_mask`, (n, m), and the last notebook's `padding_mask`,
# (B, 1, m), make it. The scores have one. Lining the two up is your job.
#
# Gradients pass through both results. Use your `split_heads` and `merge_heads`, and `scaled_dot_product_attention` from
# the last notebook; PyTorch's finished layers are not allowed.
#
# <details><summary>Hint 1</summary>Write the shape beside every line. (B, n, D) → project → split → attend → merge →
# project → (B, n, D). Begin without a mask and without a memory.</details>
# <details><summary>Hint 2</summary>Queries are made from <code>x</code>, keys and values from <code>memory</code>. All
# heads are attended to in one call: <code>scaled_dot_product_attention</code> takes any leading axes.</details>
# <details><summary>Hint 3</summary>The scores are (B, H, n, m). A mask (n, m) or (B, n, m) needs a 1 in the third place
# <i>from the end</i>: <code>mask.unsqueeze(-3)</code> does it for both.</details>

# %% exercise="MultiHeadAttention" minutes=15 level=3 forbid="torch.nn.MultiheadAttention, torch.nn.functional.multi_head_attention_forward, torch.nn.functional.scaled_dot_product_attention, pytorch_attention"
class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each with its own projections of the whole embedding.

    Parameters: w_q, w_k, w_v, w_o, each nn.Linear(d_model, d_model). Vaswani et al. 2017, §3.2.2
    """

    def __init__(self, d_model: int, num_heads: int, bias: bool = True) -> None:
        super().__init__()
        if d_model % num_heads:
            raise ValueError(f"{num_heads} heads do not divide a width of {d_model}")
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Let every position of x attend to the positions of memory (None: of x), in every head.

        x: (B, n, D)   memory: (B, m, D)   mask: bool, broadcastable to (B, n, m), True = may attend, for all heads.
        Returns out (B, n, D) and weights (B, H, n, m).
        """
        ### BEGIN SOLUTION
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        if mask is not None:
            mask = mask.unsqueeze(-3)  # (B, 1, n, m): the same for every head
        out, weights = scaled_dot_product_attention(q, k, v, mask)  # (B, H, n, d), (B, H, n, m)
        return self.w_o(merge_heads(out)), weights  # (B, n, D)
        ### END SOLUTION


# %% check="MultiHeadAttention: as PyTorch's" points=2
layer = check.fill(MultiHeadAttention(12, 3))
x = check.randn(2, 5, 12, seed=11)
expected, expected_weights = pytorch_attention(x, x, 3)
out, weights = layer(x)
check.shape(weights, (2, 3, 5, 5), hint="return (out, weights); weights have an axis for the heads: (B, H, n, m)")
check.close(weights, expected_weights,
            hint="the weights differ: queries from w_q, keys from w_k, split into heads, divided by √d = √4 = 2")
check.shape(out, (2, 5, 12), hint="out is as wide as x: merge the heads, then w_o")
check.close(out, expected, hint="the weights are right, out is not: values from w_v, merged, and w_o comes last")
### BEGIN HIDDEN TESTS
layer2 = check.fill(MultiHeadAttention(10, 5, bias=False))
x2 = check.randn(3, 4, 10, seed=12)
expected2, expected_weights2 = pytorch_attention(x2, x2, 5, bias=False)
out2, weights2 = layer2(x2)
check.close(weights2, expected_weights2, hint="5 heads of width 2, no biases: read sizes off the layer and x")
check.close(out2, expected2, hint="5 heads of width 2, no biases: values from w_v, merged, then w_o")
### END HIDDEN TESTS

# %% check="MultiHeadAttention: every head reads the whole embedding" points=1
layer = check.fill(MultiHeadAttention(12, 3, bias=False))
x = torch.cat([torch.zeros(2, 5, 8), 4 * check.randn(2, 5, 4, seed=13)], dim=-1)  # only the last 4 of 12 features
x_again = torch.cat([torch.zeros(2, 5, 8), 4 * check.randn(2, 5, 4, seed=13)], dim=-1)
expected, expected_weights = pytorch_attention(x_again, x_again, 3, bias=False)
out, weights = layer(x)
check.close(weights[:, 0], expected_weights[:, 0],
            hint="head 0 does not see the last features of x: project the whole x with w_q, then split the result")
check.close(out, expected,
            hint="head 0's weights are right, out is not: values from the whole x, split, merged, w_o last")

# %% check="MultiHeadAttention: a mask holds for every head" points=2
layer = check.fill(MultiHeadAttention(12, 3))
x = check.randn(3, 3, 12, seed=14)  # 3 sequences, 3 tokens, 3 heads: a mask in the wrong place raises no error
causal = check.arange(3).view(3, 1) >= check.arange(3).view(1, 3)
expected, expected_weights = pytorch_attention(x, x, 3, mask=torch.ones(3, 3).tril().bool())
out, weights = layer(x, mask=causal)
check.close(weights, expected_weights,
            hint="a mask (n, m): is it passed on, True = may attend, and the same for all sequences and heads?")
check.close(out, expected, hint="with a causal mask the weights are right, but out is not")
real = check.randint(0, 2, (3, 1, 3), seed=2).bool()
expected_padded, expected_padded_weights = pytorch_attention(x, x, 3, mask=real)
padded, padded_weights = layer(x, mask=real)
check.close(padded_weights, expected_padded_weights,
            hint="a mask (B, 1, m) belongs to sequences: give it an axis for the heads, before the last two")
check.close(padded, expected_padded, hint="with a padding mask the weights are right, but out is not")
### BEGIN HIDDEN TESTS
layer2 = check.fill(MultiHeadAttention(8, 4))
x2 = check.randn(4, 6, 8, seed=15)
mask2 = check.randint(0, 2, (4, 6, 6), seed=5).bool()
expected2, expected_weights2 = pytorch_attention(x2, x2, 4, mask=mask2)
out2, weights2 = layer2(x2, mask=mask2)
check.close(weights2, expected_weights2, hint="a mask (B, n, m) belongs to sequences, not to heads")
check.close(out2, expected2, hint="with a mask (B, n, m) the weights are right, but out is not")
### END HIDDEN TESTS

# %% check="MultiHeadAttention: x may read a memory" points=1
layer = check.fill(MultiHeadAttention(12, 3))
x = check.randn(2, 4, 12, seed=16)
alike = check.randn(2, 4, 12, seed=18)  # as long as x: nothing but the numbers tells the two apart
expected_alike, expected_alike_weights = pytorch_attention(x, alike, 3)
out_alike, weights_alike = layer(x, alike)
check.close(weights_alike, expected_alike_weights, hint="queries are made from x, keys from memory")
check.close(out_alike, expected_alike, hint="the weights are right, out is not: values are made from memory")
memory = check.randn(2, 7, 12, seed=17)
expected, expected_weights = pytorch_attention(x, memory, 3)
out, weights = layer(x, memory)
check.shape(weights, (2, 3, 4, 7), hint="4 positions of x look at 7 of memory: queries from x, keys from memory")
check.close(weights, expected_weights, hint="queries are made from x, keys from memory")
check.close(out, expected, hint="the weights are right, out is not: values are made from memory")
### BEGIN HIDDEN TESTS
memory2 = check.randn(2, 4, 12, seed=18)
mask2 = check.randint(0, 2, (2, 1, 4), seed=2).bool()
expected2, expected_weights2 = pytorch_attention(x, memory2, 3, mask=mask2)
out2, weights2 = layer(x, memory2, mask2)
check.close(weights2, expected_weights2, hint="a memory as long as x and a mask: keys from memory, mask for all heads")
check.close(out2, expected2, hint="a memory as long as x: values from memory")
### END HIDDEN TESTS

# %% check="MultiHeadAttention: gradients reach the input" points=1
layer = check.fill(MultiHeadAttention(12, 3))
x = check.randn(2, 5, 12, seed=19).requires_grad_()
out, weights = layer(x)
(out.pow(2).sum() + weights.pow(2).sum()).backward()
x_again = check.randn(2, 5, 12, seed=19).requires_grad_()
expected, expected_weights = pytorch_attention(x_again, x_again, 3)
(expected.pow(2).sum() + expected_weights.pow(2).sum()).backward()
check.close(x.grad, x_again.grad, atol=1e-4, hint="the gradient of x is wrong: PyTorch throughout, without .detach()")

# %% [markdown]
# ### The same mask, two meanings
#
# **Before you run the next cell:** `causal_mask(6)` goes to `nn.MultiheadAttention` as it is, and then negated. What
# does token 0 see in the first case, and what is left for token 5?

# %% demo="opposite-masks" alt="Three tables: yours sees the past, PyTorch's the future, negated the past."
x = torch.randn(1, 6, 8, generator=torch.Generator().manual_seed(0))
ours, theirs = check.fill(MultiHeadAttention(8, 2)), nn.MultiheadAttention(8, 2, batch_first=True)
theirs.in_proj_weight.data = torch.cat([ours.w_q.weight, ours.w_k.weight, ours.w_v.weight])  # the same weights
theirs.in_proj_bias.data = torch.cat([ours.w_q.bias, ours.w_k.bias, ours.w_v.bias])
mask = causal_mask(6)
with torch.no_grad():
    tables = {"yours, mask=causal_mask(6)": ours(x, mask=mask)[1][0].mean(0),  # (n, m), mean of the two heads
              "PyTorch's, attn_mask=causal_mask(6)": theirs(x, x, x, attn_mask=mask)[1][0],
              "PyTorch's, attn_mask=~causal_mask(6)": theirs(x, x, x, attn_mask=~mask)[1][0]}
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for ax, (title, table) in zip(axes, tables.items(), strict=True):
    heatmap(ax, table, range(6), range(6), title)
    ax.set(xlabel="key (looked at)", ylabel="query (looking)")
    if table.isnan().any():
        ax.text(3, 5.5, "nan", ha="center", va="center")
figure.suptitle("attention weights, mean of two heads, the same parameters in all three")
plt.show()

# %% [markdown]
# Given our mask, PyTorch's layer sees the future and only the future. Token 5 has no future, so all of its scores are
# $-\infty$ and its row is `nan`. That at least is noticed. A padding mask may give no `nan` at all, only a model that
# reads the padding and nothing else. The rule is in the documentation of each function, and differs from one to the
# next: read it there, or try it on a picture like this.
#
# ### Whole embeddings, not slices
#
# How much does each head react to each of the 12 features? The next cell differentiates every head's weights with
# respect to the features: on the left for your layer, on the right for a wrong one that cuts the embedding first and
# gives each head its slice.
#
# **Before you run it:** how will the right picture look?

# %% demo="whole-embedding" alt="Heatmaps: in your layer every head reacts to all features, in the wrong one to four."
layer = check.fill(MultiHeadAttention(12, 3, bias=False))
x = torch.randn(20, 5, 12, generator=torch.Generator().manual_seed(0)).requires_grad_()  # (B, T, D)
_, whole = layer(x)  # (B, H, T, T)
slices = split_heads(x, 3)  # (B, H, T, d): the embedding itself, cut
w_q, w_k = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)) / 2  # (H, d, d) each
_, sliced = scaled_dot_product_attention(slices @ w_q, slices @ w_k, slices)
figure, axes = plt.subplots(1, 2, figsize=(11, 2.4), sharey=True, layout="constrained")
for ax, weights, title in zip(axes, (whole, sliced), ("project, then split (yours)", "split, then project (wrong)"),
                              strict=True):
    reaction = torch.stack([torch.autograd.grad(weights[:, h].pow(2).sum(), x, retain_graph=True)[0].abs().mean((0, 1))
                            for h in range(3)])  # (H, D)
    heatmap(ax, reaction / reaction.max(), [f"head {h}" for h in range(3)], range(12), title)
    ax.set_xlabel("feature of the embedding")
figure.suptitle("how strongly a head's weights react to a feature (largest = 1)")
plt.show()

# %% [markdown]
# ### How many heads does a task need?
#
# A small task in which the answer can be known beforehand. The model reads 12 random tokens and must say at every
# position *which tokens stood 1, 2, 3 and 4 places before* (the sequence is a ring). Four different places, each with
# its own answer. The model: embeddings of token and place, **your layer**, and one linear layer; width 32 in all cases,
# so all four have the same number of parameters. Only the number of heads differs.
#
# **Before you run the next cell** (about ten seconds)**:** what can one head achieve? And will 8 be better than 4?

# %% demo="how-many-heads" alt="Bars: one head answers 2 in 5 questions, two about 3 in 4, four and eight answer all."
TOKENS, PLACES, BACK = 8, 12, 4


class LookBack(nn.Module):
    """Say which token stood 1, 2, 3 and 4 places before each position."""

    def __init__(self, num_heads, width=32):
        super().__init__()
        self.token, self.place = nn.Embedding(TOKENS, width), nn.Embedding(PLACES, width)
        self.attention = MultiHeadAttention(width, num_heads)
        self.answer = nn.Linear(width, BACK * TOKENS)

    def forward(self, ids):  # (B, T) -> logits (B, T, BACK, TOKENS), weights (B, H, T, T)
        out, weights = self.attention(self.token(ids) + self.place.weight)
        return self.answer(out).unflatten(-1, (BACK, TOKENS)), weights


def questions(count, generator):
    """ids (count, T) and the tokens 1 … 4 places before each, (count, T, BACK)."""
    ids = torch.randint(TOKENS, (count, PLACES), generator=generator)
    return ids, torch.stack([ids.roll(back, dims=1) for back in range(1, BACK + 1)], dim=-1)


def share_right(model):
    """The share of right answers on 500 fresh sequences, for each distance: (BACK,)."""
    ids, wanted = questions(500, torch.Generator().manual_seed(1))
    with torch.no_grad():
        return (model(ids)[0].argmax(-1) == wanted).float().mean((0, 1))


models = {}
for num_heads in (1, 2, 4, 8):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = models[num_heads] = LookBack(num_heads)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        ids, wanted = questions(64, generator)
        loss = F.cross_entropy(model(ids)[0].flatten(0, 2), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{num_heads} heads of width {32 // num_heads:2}: {parameters:,} parameters, loss {loss.item():.3f}")

figure, ax = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
bars = ax.bar([str(h) for h in models], [share_right(model).mean() for model in models.values()], color="0.45")
ax.bar_label(bars, fmt="%.2f")
ax.axhline(1 / TOKENS, color="black", linestyle="--", linewidth=1)
ax.text(3.48, 1 / TOKENS + 0.02, "guessing", ha="left")
ax.set(title="Four places to look at: accuracy by number of heads", xlabel="number of heads, the width being 32",
       ylabel="share of right answers", ylim=(0, 1.1), xlim=(-0.5, 4.15))
ax.grid(axis="x", visible=False)
plt.show()

# %% [markdown]
# One head serves one place and does little better than guess at the others. Two heads do better than two places: a head
# that puts *unequal* shares on two places lets the next layer tell them apart, after a fashion. Four heads solve it
# in our run, and eight have nothing to add: the width is the same, each head is half as wide. What several heads give
# is not more numbers but *more averages at the same time*.
#
# ### Taking heads away
#
# $[\text{head}_1; \dots; \text{head}_H]\, W^O$ is a sum: head i times the d rows of $W^O$ that meet it. (In
# `w_o.weight`, which PyTorch stores transposed, these are the columns `i·d : (i + 1)·d`.) Set those to zero, and the
# head is gone, exactly, without touching any other.
#
# **Before you run the next cell:** which answers does the model with four heads lose when head 0 is removed? All of
# them a little, or one of them completely? And the model with eight?

# %% demo="prune-small" alt="Two tables of accuracy: of four heads each serves one place; of eight, several are spare."
def without(weight, head, width):
    """A copy of w_o's weight (D, H·d) in which a head counts for nothing."""
    copy = weight.detach().clone()
    copy[:, head * width : (head + 1) * width] = 0
    return copy


figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for ax, num_heads in zip(axes, (4, 8), strict=True):
    model, w_o = models[num_heads], models[num_heads].attention.w_o
    original, rows = w_o.weight.data, []
    for head in range(num_heads):
        w_o.weight.data = without(original, head, 32 // num_heads)
        rows.append(share_right(model))
        w_o.weight.data = original
    heatmap(ax, torch.stack(rows), [f"without {head}" for head in range(num_heads)], range(1, BACK + 1),
            f"{num_heads} heads, one removed: share right")
    ax.set(xlabel="asked: the token so many places back", ylabel="removed head")
plt.show()

# %% [markdown]
# Read the rows: with four heads, in our run, each removal costs one distance and leaves the others whole. The heads
# have divided the work among themselves; nobody told them to. With eight, some distances are shared by two heads, so
# that a removal costs less, and some heads are not needed at all.
#
# Real models are more like the eight. Michel et al. (2019, §3.2) removed the heads of a trained translation model one
# at a time: most removals made no significant difference to its BLEU score, and many layers could live with a single
# head (§3.3). Voita et al. (2019), who let training decide which heads to drop, found that those with a recognisable
# task are the last to go.

# %% [markdown]
# ### Your layer in a real model
#
# MiniLM (all-MiniLM-L6-v2) is a sentence encoder with 6 layers of 12 heads and width 384. The attention of each of its
# layers is exactly the class that you have just written. The first run fetches the model, 80 MB; without a network a
# small random model of the same structure stands in, and the cell says so.
#
# The next cell puts the weights of MiniLM's first layer into your class, gives it the embeddings of a sentence, and
# compares its attention weights with the model's own.

# %% demo="your-layer-in-minilm" alt="One line: the largest difference from the model's own attention."
from internals.real_models import load_minilm, load_smollm2

minilm = load_minilm()
tokens, states = minilm.hidden_states("The cat sat on the mat.")  # (layers + 1, n, D)
layer = MultiHeadAttention(minilm.config["hidden_size"], minilm.config["num_attention_heads"])
for mine, theirs in (("w_q", "self.query"), ("w_k", "self.key"), ("w_v", "self.value"), ("w_o", "output.dense")):
    for part in ("weight", "bias"):
        getattr(getattr(layer, mine), part).data = minilm.weights[f"encoder.layer.0.attention.{theirs}.{part}"]
with torch.no_grad():
    _, weights = layer(states[:1])  # (1, H, n, n)
difference = (weights[0] - minilm.attention_maps("The cat sat on the mat.")[1][0]).abs().max().item()
print(f"{len(tokens)} tokens, {weights.shape[1]} heads; largest difference of an attention weight: {difference:.1e}")

# %% [markdown]
# ### What real heads look at
#
# Clark et al. (2019, §3) looked through BERT's 144 heads and found some simple habits: many look at the delimiters
# `[CLS]` and `[SEP]`, some at the previous or the next token. Let us count. For every head of MiniLM (6 × 12) and of
# SmolLM2, a language model of Llama's kind (30 × 9; another 90 MB), the next cell averages over a few sentences how
# much weight goes
#
# - from a token to the one **before** it,
# - from a word to **the same word** elsewhere in the sentence,
# - to the **delimiters** `[CLS]` and `[SEP]`; SmolLM2 has none, so there we count its **first token**, whatever it is.
#
# **Before you run it:** which of the three will get the most weight, averaged over all heads?

# %% demo="census" alt="Six tables, layers by heads: a few heads for previous and same token, many for delimiters."
SENTENCES = ["Every morning the old man took the dog to the river, and the dog slept there.",
             "We bought a house near the river because the house was cheap and the river was quiet.",
             "My sister gave the book to her friend, but her friend had read the book.",
             "Now the cat sat on the mat, and the mat was warm."]
smollm2 = load_smollm2()


def habits(model, causal):
    """Shares of weight to the previous token, the same word, the delimiters: (3, layers, heads)."""
    found = []
    for sentence in SENTENCES:
        tokens, maps = model.attention_maps(sentence)  # (layers, heads, n, n)
        inner = maps[:, :, 1:] if causal else maps[:, :, 1:-1]  # as queries, no delimiters
        words = np.array([token.strip().lower() for token in tokens])
        same = (words[:, None] == words) & np.char.isalpha(words) & ~np.eye(len(words), dtype=bool)
        same[:, 0] = False  # where SmolLM2's first token is a word, it gets weight for another reason
        same = torch.from_numpy(np.tril(same) if causal else same)  # (n, n)
        previous = maps.diagonal(-1, 2, 3)[..., 1:].mean(-1)  # without token 1, whose previous one is the delimiter
        again = (maps * same).sum(-1)[..., same.any(1)].mean(-1)
        delimiters = inner[..., 0] if causal else inner[..., 0] + inner[..., -1]
        found.append(torch.stack([previous, again, delimiters.mean(-1)]))
    return torch.stack(found).mean(0)


HABITS = {"MiniLM": ("the token before", "the same word", "delimiters"),
          "SmolLM2": ("the token before", "the same word", "the first token")}
census = {"MiniLM": habits(minilm, causal=False), "SmolLM2": habits(smollm2, causal=True)}
figure, axes = plt.subplots(2, 3, figsize=(11, 8), height_ratios=[1, 2], layout="constrained")
for row, (name, shares) in zip(axes, census.items(), strict=True):
    for ax, share, habit in zip(row, shares, HABITS[name], strict=True):
        heatmap(ax, share, "auto", "auto", f"{name}: {habit}", numbers=False)
        ax.set_xlabel("head")
        top = share.argmax().item()
        print(f"{name:8} {habit:17} all heads {share.mean().item():.2f}, "
              f"most in layer {top // share.shape[1]}, head {top % share.shape[1]}: {share.max().item():.2f}")
    row[0].set_ylabel("layer")
figure.suptitle("average weight (white 0, black 1)")
plt.show()

# %% [markdown]
# About half of all weight goes to the delimiters in MiniLM, and about half to the first token in SmolLM2, which has no
# delimiters, although that token is an ordinary word. Weights must sum to 1, so a head that has nothing to say in this
# sentence must put them somewhere. Clark et al. (2019, §3.2) read the delimiters as such a "no operation"; Xiao et al.
# (2023) found that causal models use the first token, which every query can see, and call it an *attention sink*. A few
# heads do nothing but look one token back: look at layer 0, head 2 of MiniLM. Only a handful care about the same word.
#
# Here are the strongest heads of each kind at work, on *The cat sat on the mat*; for the same word we need a sentence
# that repeats one, so the middle column has more words.
#
# **Before you run the next cell:** what will the middle heads do at the words that occur only once?

# %% demo="strongest-heads" alt="Six attention maps: previous token, same word, delimiter or first token."
def draw_head(ax, model, text, number, head, heading=""):
    """The attention map of one head on a text."""
    tokens, maps = model.attention_maps(text)
    labels = [token.strip() for token in tokens]
    heatmap(ax, maps[number, head], labels, labels, f"{heading}layer {number}, head {head}", numbers=False)
    ax.tick_params(axis="x", labelrotation=60)


figure, axes = plt.subplots(2, 3, figsize=(11, 7.6), layout="constrained")
for row, model, (name, shares) in zip(axes, (minilm, smollm2), census.items(), strict=True):
    for ax, share, habit in zip(row, shares, HABITS[name], strict=True):
        number, head = divmod(share.argmax().item(), share.shape[1])
        text = "Now the cat sat on the mat, and the mat was warm" if "same" in habit else "The cat sat on the mat"
        draw_head(ax, model, text, number, head, f"{name}: {habit}\n")
    row[0].set_ylabel("query (looking)")
for ax in axes[1]:
    ax.set_xlabel("key (looked at)")
plt.show()

# %% [markdown]
# The heads of the middle column find the other *mat*; at a word that occurs once they rest on `[CLS]`, on the first
# token, on an article or on the word itself. Most of what you see in the map of a single short sentence is a head that
# has nothing to do there. That is why the census above looks only at words that do occur twice.
#
# And all the others: turn the knobs. (Without sliders, call `draw_model("MiniLM", 3, 1)` in a new cell, and give it
# another `text`.) Look for the head that finds the *next* token. Do neighbouring heads of a layer look alike?

# %% demo="every-head" alt="The attention map of the model, layer and head set by menus and sliders."
def draw_model(model="MiniLM", layer=0, head=2, text="The cat sat on the mat"):
    chosen = {"MiniLM": minilm, "SmolLM2": smollm2}[model]
    number = min(layer, chosen.config["num_hidden_layers"] - 1)
    head = min(head, chosen.config["num_attention_heads"] - 1)
    figure, ax = plt.subplots(figsize=(5.4, 4.8), layout="constrained")
    draw_head(ax, chosen, text, number, head, f"{model}: ")
    ax.set(xlabel="key (looked at)", ylabel="query (looking)")
    plt.show()


try:
    from ipywidgets import Dropdown, IntSlider, Text, interact

    interact(draw_model, model=Dropdown(options=["MiniLM", "SmolLM2"]), layer=IntSlider(0, min=0, max=29),
             head=IntSlider(2, min=0, max=11), text=Text("The cat sat on the mat", continuous_update=False))
except ImportError:
    print("pip install ipywidgets gives this picture sliders.")
    draw_model()

# %% [markdown]
# ### Does a head know what "it" is?
#
# *The cat did not jump over the wall because it was too tired.* Change the last word to *high*, and *it* is no longer
# the cat. Levesque et al. (2012) proposed such pairs of sentences, which differ in one word, as a test of
# understanding.
#
# In each model, the next cell takes the head that puts most weight from *it* on *cat*, and compares that row of its map
# in the two sentences. From MiniLM it also takes the head whose row changes most.
#
# **Before you run it:** SmolLM2 is causal. Can its *it* differ between the two sentences at all?

# %% demo="pronoun" alt="Bars: one MiniLM head moves weight from cat to wall when tired becomes high, SmolLM2 cannot."
PAIR = {"tired": "The cat did not jump over the wall because it was too tired.",
        "high": "The cat did not jump over the wall because it was too high."}


def from_it(model):
    """Every head's weights from "it" to what comes up to it, (2, layers, heads, m), one per sentence; the m tokens."""
    tokens, maps = zip(*(model.attention_maps(sentence) for sentence in PAIR.values()), strict=True)
    words = [token.strip().lower() for token in tokens[0]]
    it = words.index("it") if "it" in words else len(words) // 2  # a random model has other tokens
    return torch.stack([each[:, :, it, : it + 1] for each in maps]), words[: it + 1]


figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), sharey=True, layout="constrained")
for ax, (name, model, choice) in zip(axes, (("MiniLM", minilm, "strongest"), ("MiniLM", minilm, "changes most"),
                                            ("SmolLM2", smollm2, "strongest")), strict=True):
    rows, words = from_it(model)
    cat = words.index("cat") if "cat" in words else 1
    score = rows[0, :, :, cat] if choice == "strongest" else (rows[0] - rows[1]).abs().sum(-1)  # (layers, heads)
    number, head = divmod(score.argmax().item(), score.shape[1])
    for row, word, offset, color in zip(rows[:, number, head], PAIR, (-0.2, 0.2), ("0.25", "0.7"), strict=True):
        ax.bar(np.arange(len(row)) + offset, row, width=0.4, color=color, label=f"… too {word}")
    ax.set(title=f"{name}, {choice}: layer {number}, head {head}", xlabel="key (looked at)")
    ax.set_xticks(range(len(words)), words, rotation=60)
    ax.grid(axis="x", visible=False)
    apart = (rows[0] - rows[1])[number, head].abs().max()
    print(f"{name:8} layer {number:2}, head {head:2}: the two rows differ by {apart:.2f}")
axes[0].set_ylabel("weight from it")
axes[2].legend(title="sentence")
plt.show()

# %% [markdown]
# In MiniLM, which reads the whole sentence, the head that looks hardest at *cat* does so in both sentences. Another one
# moves a good part of its weight from *cat* to *wall* when *tired* becomes *high*. In SmolLM2 the two rows are equal:
# when it reads *it*, the word that decides has not come yet. Whatever a causal model makes of the pronoun, it must make
# later, at *tired* or at the full stop.
#
# Does that head of MiniLM therefore understand pronouns? Try `draw_model("MiniLM", 3, 1, text=…)` with *The trophy did
# not fit in the suitcase because it was too big* and with *small*: in our run it stayed with the trophy both times. It
# was picked from 72 heads *because* it changed on this one pair, and such a choice proves little. Clark et al. (2019,
# §4.3) test heads on a whole annotated corpus, and against simple rules such as "the nearest earlier mention".
#
# ### Pruning a real model
#
# Remove each of MiniLM's 72 heads in turn, as above, and see how far the embedding of a sentence moves. (The
# embedding is the average of the last layer's states; similar sentences have embeddings with a cosine near 1.) Then
# remove more and more heads, in the order that the first table suggests, and, for comparison, in random order.
#
# **Before you run the next cell:** how many of the 72 can go before the cosine with the full model falls below 0.9?

# %% demo="prune-minilm" alt="A table of each head's effect and curves: the least important dozens go almost unnoticed."
def embeddings():
    """MiniLM's embeddings of three sentences, of length one: (3, D)."""
    return F.normalize(torch.stack([minilm.hidden_states(s)[1][-1].mean(0) for s in SENTENCES[:3]]), dim=-1)


def cosine_without(heads):
    """The mean cosine between the full model's embeddings and those without the given (layer, head) pairs."""
    saved = {}
    for number, head in heads:
        name = f"encoder.layer.{number}.attention.output.dense.weight"
        saved.setdefault(name, minilm.weights[name])
        minilm.weights[name] = without(minilm.weights[name], head, width)
    cosine = (embeddings() * full).sum(-1).mean().item()
    minilm.weights.update(saved)
    return cosine


layers, heads = minilm.config["num_hidden_layers"], minilm.config["num_attention_heads"]
width, full = minilm.config["hidden_size"] // heads, embeddings()
pairs = [(number, head) for number in range(layers) for head in range(heads)]
moved = torch.tensor([1 - cosine_without([pair]) for pair in pairs])  # (72,)
ranked = [pairs[i] for i in moved.argsort().tolist()]
shuffled = [pairs[i] for i in torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0)).tolist()]
counts = range(0, len(pairs) + 1, max(1, len(pairs) // 12))
figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
heatmap(axes[0], moved.view(layers, heads), "auto", "auto", "one head removed: 1 − cosine with the full model",
        top=moved.max().item(), numbers=False)
axes[0].set(xlabel="head", ylabel="layer")
for order, name, style, color in ((ranked, "least effect first", "o-", "black"),
                                  (shuffled, "random order", "s--", "0.5")):
    axes[1].plot(counts, [cosine_without(order[:count]) for count in counts], style, color=color, label=name)
axes[1].axhline(0.9, color="0.4", linestyle=":")
axes[1].set(title="many heads removed", xlabel=f"heads removed, of {len(pairs)}", ylabel="cosine with the full model")
axes[1].legend()
plt.show()
print(f"one head removed, 1 − cosine: largest {moved.max().item():.3f}, median {moved.median().item():.4f}")

# %% [markdown]
# Removed one by one, most heads are hardly missed: the median moves the embedding by a few thousandths. In our run
# about thirty of the 72 could go together before the cosine fell below 0.9, if chosen by their effect; chosen at
# random, about ten. The heads that matter most are in the last layer, where no later layer can make up for them.
#
# Two cautions. A head's effect alone is not its effect among others: where two heads do the same, either can go, but
# not both. And zeros in $W^O$ save no time; for that the head's rows and columns have to be cut out of all four
# matrices.

# %% [markdown]
# ## 5 · Fewer keys and values: grouped queries
#
# A model that writes, token by token, needs for every new one the keys and values of all tokens before it. In a causal
# model they never change, since no token sees a later one, so they are kept: the *KV cache* (you build one in module
# 05, *llama*). Each new token's work is then small, one row of scores, but the whole cache has to be fetched from
# memory for it. Shazeer (2019, §2.4.1 and §3) counts both, and proposes the cut: *queries* need many heads, keys and
# values do not.
#
# Grouped-query attention has H query heads and G ≤ H heads for keys and values, so that H / G neighbouring query
# heads share one. Query head h reads KV head $\lfloor h / (H / G) \rfloor$: with H = 6 and G = 2, query heads 0, 1, 2
# read KV head 0 and query heads 3, 4, 5 read KV head 1 (Ainslie et al. 2023, §2.2, Figure 2).
#
# - G = H: multi-head attention, as before.
# - G = 1: *multi-query attention*.
# - between: *grouped-query attention*. Llama 3 8B has D = 4096, H = 32 and d = 128; its `w_k` and `w_v` go from 4096 to
#   1024. Some texts call this multi-query attention. It is not: 1024 / 128 = 8 KV heads.
#
# **`GroupedQueryAttention(d_model, num_heads, num_kv_heads)`**, an `nn.Module`. You write `__init__` and `forward(x,
# mask=None)`, which returns `(out, weights)`; gradients pass through both. No biases, as in Llama. Keep the
# numbers of heads that `forward` needs; whether they divide each other you need not check. ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `num_kv_heads` | int | G; divides `num_heads`, which divides `d_model` |
# | `w_q`, `w_o` | `nn.Linear` without bias | from D to H·d, and from H·d to D; d = D / H |
# | `w_k`, `w_v` | `nn.Linear` without bias | from D to G·d |
# | `x` | (B, T, D) | |
# | `mask` | bool, (T, T), (B, 1, T) or (B, T, T), or None | True = may attend, for all heads alike |
# | `out` | (B, T, D) | each position's heads, merged and mixed by `w_o` |
# | `weights` | (B, H, T, T) | one table for each *query* head |
#
# <details><summary>Hint 1</summary>The width of a head is the same for queries, keys and values, or there would be no
# dot product. Only the number of heads differs. So how wide are the outputs of <code>w_k</code> and
# <code>w_v</code>?</details>
# <details><summary>Hint 2</summary>Split q into H heads, k and v into G. Then repeat the heads of k and v until there
# are H of each, in the right order, and go on as in <code>MultiHeadAttention</code>.</details>
# <details><summary>Hint 3</summary>With G = 2 and H = 6 the order is 0 0 0 1 1 1, not 0 1 0 1 0 1. Of
# <code>Tensor.repeat</code> and <code>Tensor.repeat_interleave</code>, one does the first and one the
# second.</details>

# %% exercise="GroupedQueryAttention" minutes=15 level=3 forbid="torch.nn.MultiheadAttention, torch.nn.functional.multi_head_attention_forward, torch.nn.functional.scaled_dot_product_attention, pytorch_attention"
class GroupedQueryAttention(nn.Module):
    """Multi-head attention in which groups of query heads share a head of keys and values.

    Parameters, all without bias: w_q, w_o: nn.Linear(d_model, d_model); w_k, w_v: nn.Linear(d_model, num_kv_heads·d),
    where d = d_model / num_heads. One KV head is multi-query attention. Ainslie et al. 2023, §2.2
    """

    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)
        ### END SOLUTION

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Let the positions of x attend to each other.

        x: (B, T, D)   mask: bool, broadcastable to (B, T, T), True = may attend, for all heads.
        Returns out (B, T, D) and weights (B, H, T, T). Query head h reads KV head h // (num_heads / num_kv_heads).
        """
        ### BEGIN SOLUTION
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, T, d)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)  # (B, G, T, d) -> (B, H, T, d)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)  # (B, 1, T, T): the same for every head
        out, weights = scaled_dot_product_attention(q, k, v, mask)  # (B, H, T, d), (B, H, T, T)
        return self.w_o(merge_heads(out)), weights  # (B, T, D)
        ### END SOLUTION


# %% check="GroupedQueryAttention: keys and values are narrower" points=1
layer = GroupedQueryAttention(12, 6, 2)
check.shape(layer.w_q.weight, (12, 12), hint="w_q: 6 heads of width 2, from 12 to 12")
check.shape(layer.w_k.weight, (4, 12), hint="w_k: 2 heads of width 12 / 6 = 2, so from 12 to 4")
check.shape(layer.w_v.weight, (4, 12), hint="w_v: 2 heads of width 12 / 6 = 2, so from 12 to 4")
check.shape(layer.w_o.weight, (12, 12), hint="w_o: from 6 heads of width 2 to 12")
check.equal(sum(p.numel() for p in layer.parameters()), 384,
            hint="2 · 12 · 12 + 2 · 4 · 12 = 384 weights and no biases: nn.Linear(…, bias=False)")
### BEGIN HIDDEN TESTS
other = GroupedQueryAttention(20, 4, 1)
check.shape(other.w_k.weight, (5, 20), hint="one KV head of width 20 / 4 = 5")
check.equal(sum(p.numel() for p in other.parameters()), 1000, hint="2 · 20 · 20 + 2 · 5 · 20 weights and no biases")
### END HIDDEN TESTS

# %% check="GroupedQueryAttention: neighbouring query heads share keys and values" points=2
layer = check.fill(GroupedQueryAttention(12, 6, 2))
x = check.randn(3, 5, 12, seed=21)
expected, expected_weights = pytorch_attention(x, x, 6, num_kv_heads=2, bias=False)
out, weights = layer(x)
check.shape(weights, (3, 6, 5, 5), hint="return (out, weights), with weights for each of the 6 query heads")
check.close(weights, expected_weights,
            hint="query heads 0, 1, 2 read KV head 0, and 3, 4, 5 read KV head 1: 0 0 0 1 1 1, not 0 1 0 1 0 1")
check.close(out, expected, hint="the weights are right, out is not: values shared in the same order; w_o comes last")
### BEGIN HIDDEN TESTS
layer2 = check.fill(GroupedQueryAttention(24, 8, 4))
x2 = check.randn(2, 3, 24, seed=22)
expected2, expected_weights2 = pytorch_attention(x2, x2, 8, num_kv_heads=4, bias=False)
out2, weights2 = layer2(x2)
check.close(weights2, expected_weights2, hint="8 query heads, 4 KV heads: 0 0 1 1 2 2 3 3")
check.close(out2, expected2, hint="8 query heads, 4 KV heads: values are shared in the same order, 0 0 1 1 2 2 3 3")
### END HIDDEN TESTS

# %% check="GroupedQueryAttention: from multi-query to multi-head" points=1
one = check.fill(GroupedQueryAttention(12, 3, 1))
x = check.randn(2, 5, 12, seed=23)
expected, expected_weights = pytorch_attention(x, x, 3, num_kv_heads=1, bias=False)
check.close(one(x)[0], expected, hint="one KV head (multi-query): all 3 query heads read it")
every = check.fill(GroupedQueryAttention(12, 3, 3))
expected_every, expected_weights_every = pytorch_attention(x, x, 3, bias=False)
check.close(every(x)[0], expected_every, hint="as many KV heads as query heads: plain multi-head attention")

# %% check="GroupedQueryAttention: a mask holds for every head" points=1
layer = check.fill(GroupedQueryAttention(12, 6, 2))
x = check.randn(6, 6, 12, seed=24)  # 6 sequences, 6 tokens, 6 heads: a mask in the wrong place raises no error
causal = check.arange(6).view(6, 1) >= check.arange(6).view(1, 6)
expected, expected_weights = pytorch_attention(x, x, 6, num_kv_heads=2, bias=False, mask=torch.ones(6, 6).tril().bool())
check.close(layer(x, causal)[0], expected, hint="a mask (T, T) is for all sequences and heads. True = may attend")
real = check.randint(0, 2, (6, 1, 6), seed=1).bool()
expected2, expected_weights2 = pytorch_attention(x, x, 6, num_kv_heads=2, bias=False, mask=real)
check.close(layer(x, mask=real)[0], expected2, hint="a mask (B, 1, T) belongs to sequences: unsqueeze(-3), as before")
### BEGIN HIDDEN TESTS
every = check.randint(0, 2, (6, 6, 6), seed=5).bool()
expected3, expected_weights3 = pytorch_attention(x, x, 6, num_kv_heads=2, bias=False, mask=every)
check.close(layer(x, mask=every)[0], expected3, hint="a mask (B, T, T) belongs to sequences: unsqueeze(-3), as before")
### END HIDDEN TESTS

# %% check="GroupedQueryAttention: gradients reach the input" points=1
layer = check.fill(GroupedQueryAttention(12, 6, 2))
x = check.randn(2, 5, 12, seed=25).requires_grad_()
out, weights = layer(x)
(out.pow(2).sum() + weights.pow(2).sum()).backward()
x_again = check.randn(2, 5, 12, seed=25).requires_grad_()
expected, expected_weights = pytorch_attention(x_again, x_again, 6, num_kv_heads=2, bias=False)
(expected.pow(2).sum() + expected_weights.pow(2).sum()).backward()
check.close(x.grad, x_again.grad, atol=1e-4, hint="the gradient of x is wrong: PyTorch throughout, without .detach()")

# %% [markdown]
# In einops the repetition reads `repeat(k, "b g t d -> b (g r) t d", r=group)`; with the brackets the other way round,
# `(r g)`, it is the wrong order, 0 1 0 1 0 1.
#
# A wrong order raises no error, and if you train with it from the start it is as good as the right one. It matters when
# weights come from elsewhere. SmolLM2 has 9 query heads and 3 KV heads; the next cell asks it for the next word, once
# as it is, once with its query heads reading 0 1 2 0 1 2 0 1 2.
#
# **Before you run it:** three of the nine heads still read the right keys. What will the model make of it?

# %% demo="wrong-order" alt="Bars: with the wrong KV heads the probability of the right word drops to zero."
from dataclasses import replace

heads, kv_heads = smollm2.config["num_attention_heads"], smollm2.config["num_key_value_heads"]
order = torch.arange(heads).view(-1, kv_heads).T.flatten()  # 0 3 6 1 4 7 2 5 8: slot j now holds query head order[j]
changed = dict(smollm2.weights)
for name, weight in smollm2.weights.items():  # the model shares 0 0 0 1 1 1 2 2 2, so its query heads change seats
    if name.endswith("q_proj.weight"):
        changed[name] = weight.unflatten(0, (heads, -1))[order].flatten(0, 1)
    if name.endswith("o_proj.weight"):
        changed[name] = weight.unflatten(1, (heads, -1))[:, order].flatten(1, 2)
prompts = {"The capital of France is": " Paris", "The opposite of hot is": " cold", "One, two, three,": " four"}
variants = {"0 0 0 1 1 1 2 2 2": smollm2, "0 1 2 0 1 2 0 1 2": replace(smollm2, weights=changed)}
figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
for (name, model), offset, color in zip(variants.items(), (-0.2, 0.2), ("0.25", "0.7"), strict=True):
    chances = []
    for prompt, word in prompts.items():
        _, states = model.hidden_states(prompt)
        logits = states[-1, -1] @ model.weights["model.embed_tokens.weight"].T  # (vocabulary,)
        chances.append(logits.softmax(-1)[model.ids(prompt + word)[len(model.ids(prompt))]])
    bars = ax.bar(np.arange(len(prompts)) + offset, chances, width=0.38, color=color, label=name)
    ax.bar_label(bars, fmt="%.2f")
ax.set_xticks(range(len(prompts)), [f"{prompt} …{word}" for prompt, word in prompts.items()])
ax.set(title="SmolLM2 with its query heads reading the right and the wrong KV heads", ylabel="probability",
       ylim=(0, 1.1))
ax.grid(axis="x", visible=False)
ax.legend(title="KV head of each query head")
plt.show()

# %% [markdown]
# Nothing is left of the model, and no shape was wrong. Whoever loads weights into code of their own should compare the
# numbers that come out with the original's, layer by layer.
#
# ## 6 · What the cache costs
#
# Per token and layer, the cache holds one key and one value of width d for every KV head.
#
# **`kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2)`**
# ★☆☆☆☆ · 5 minutes
#
# | | meaning |
# |---|---|
# | `num_layers`, `num_kv_heads`, `head_width` | of the model; int |
# | `num_tokens` | how many tokens each sequence has so far |
# | `num_sequences` | how many sequences are being written at once |
# | `bytes_per_number` | 2 for 16-bit floats, 4 for 32-bit floats |
# | result | int, bytes |
#
# <details><summary>Hint 1</summary>Count the numbers for one token, one layer and one KV head first.</details>
# <details><summary>Hint 2</summary>Keys <i>and</i> values are kept. Queries are not: nobody asks for an old query
# again.</details>
# <details><summary>Hint 3</summary>The rest is a product of everything in the table.</details>

# %% exercise="kv_cache_bytes" minutes=5 level=1
def kv_cache_bytes(num_layers: int, num_kv_heads: int, head_width: int, num_tokens: int, num_sequences: int = 1,
                   bytes_per_number: int = 2) -> int:
    """The size of the keys and values that a model keeps while it writes, in bytes.

    num_tokens: tokens in each of the num_sequences sequences. bytes_per_number: 2 for float16 and bfloat16.
    """
    ### BEGIN SOLUTION
    numbers_per_token = 2 * num_layers * num_kv_heads * head_width  # 2: a key and a value
    return numbers_per_token * num_tokens * num_sequences * bytes_per_number
    ### END SOLUTION


# %% check="kv_cache_bytes: keys and values of all tokens in all layers" points=1
check.equal(kv_cache_bytes(1, 1, 1, 1, 1, 1), 2, hint="one layer, one head of width 1, one token: a key and a value")
check.equal(kv_cache_bytes(num_layers=3, num_kv_heads=5, head_width=7, num_tokens=11), 4620,
            hint="2 · 3 · 5 · 7 · 11 numbers of 2 bytes: 16-bit floats unless told otherwise, one sequence")
check.equal(kv_cache_bytes(32, 8, 128, 8192), 1073741824,
            hint="Llama 3 8B (32 layers, 8 KV heads of width 128) with 8,192 tokens: exactly 1 GiB, 2 ** 30")
### BEGIN HIDDEN TESTS
check.equal(kv_cache_bytes(30, 3, 64, 2048), 47185920, hint="SmolLM2, 30 layers, 3 KV heads of width 64: 45 MiB")
### END HIDDEN TESTS

# %% check="kv_cache_bytes: several sequences, other floats" points=1
check.equal(kv_cache_bytes(3, 5, 7, 11, num_sequences=13), 60060, hint="13 sequences need 13 times as much")
check.equal(kv_cache_bytes(3, 5, 7, 11, bytes_per_number=4), 9240, hint="32-bit floats take 4 bytes each")
### BEGIN HIDDEN TESTS
check.equal(kv_cache_bytes(12, 4, 32, 100, 8, 1), 2457600, hint="2 · 12 · 4 · 32 · 100 · 8 numbers of 1 byte")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** Llama 3 8B has 8.03 billion parameters, 16 GB in 16-bit floats. Suppose it had been
# built with plain multi-head attention. From how many tokens on would the cache of a *single* conversation be larger
# than the whole model?

# %% demo="cache" alt="Log-log lines: cache against tokens for 32, 8 and 1 KV heads; a level line marks the model."
tokens = 2 ** np.arange(10, 18)
kinds = {"multi-head, 32 KV heads": 32, "grouped-query, 8 KV heads (as built)": 8, "multi-query, 1 KV head": 1}
model_bytes = 2 * 8.03e9
figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
for (name, kv_heads), style, color in zip(kinds.items(), ("s--", "o-", "^:"), ("0.5", "black", "0.35"), strict=True):
    ax.loglog(tokens, [kv_cache_bytes(32, kv_heads, 128, int(n)) / 1e9 for n in tokens], style, color=color, label=name)
    per_token = kv_cache_bytes(32, kv_heads, 128, 1)
    print(f"{name:36}: {per_token / 1024:5.0f} KiB per token, {per_token * 131072 / 1e9:5.1f} GB at 131,072 tokens, "
          f"as large as the model after {model_bytes / per_token:9,.0f} tokens")
for name, kv_heads in kinds.items():
    print(f"{name:36}: {50 * kv_cache_bytes(32, kv_heads, 128, 8192) / 1e9:6.1f} GB for 50 sequences of 8,192 tokens")
ax.axhline(model_bytes / 1e9, color="black", linewidth=1)
ax.text(tokens[0], model_bytes / 1e9 * 1.15, "the model itself, 8.03 billion parameters of 2 bytes", fontsize=9)
ax.set(title="Cache of one sequence, Llama 3 8B, 16-bit floats", xlabel="tokens", ylabel="cache [GB]")
ax.set_xticks(tokens, [f"{n:,}" for n in tokens], rotation=30)
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# The cache is per conversation, the model is not: a server with 50 users of 8,192 tokens each holds the model once and
# 50 caches, with plain multi-head attention far more than one large GPU has (80 GB), with grouped queries not.
#
# ### Is it faster?
#
# "Grouped queries make inference 3 to 4 times faster" is often said. What is certain is the memory. The time depends on
# what a step spends on the cache, and on *how* the sharing is done: your layer copies every KV head H / G times before
# it attends, which gives back what was saved. It is right, and fine for training. A fast implementation lets the
# queries of a group meet the one head in memory: it gives q an axis for the group, (B, G, H / G, T, d), and
# k and v one of length 1, (B, G, 1, T, d), which copies nothing.
#
# The next cell measures the attention of one step of writing: one new query per head, a cache of 4,096 tokens, heads of
# width 128 as in Llama 3 8B, one layer, on one core.
#
# **Before you run it:** where would the lines be if time were proportional to the cache?

# %% demo="decode" alt="Lines: time of a step against KV heads, with copies nearly level, without them it falls."
def attend(q, k, v):
    """One query per head over a cache. q: (G, r, d), the r queries that share a head. k, v: (G, m, d)."""
    return torch.softmax(q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5, dim=-1) @ v


def best_of(call, repeats=4):
    """The shortest of several runs, in milliseconds."""
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return 1000 * min(spent)


H, m, d = 32, 4096, 128
kv_heads, generator = [32, 16, 8, 4, 2, 1], torch.Generator().manual_seed(0)
all_queries = torch.randn(H, d, generator=generator)
all_keys, all_values = torch.rand(H, m, d, generator=generator), torch.rand(H, m, d, generator=generator)
copied, shared = [], []
for G in kv_heads:
    q, k, v = all_queries.view(G, H // G, d), all_keys[:G], all_values[:G]
    copied.append(best_of(lambda q=q, k=k, v=v, r=H // G: attend(
        q.view(H, 1, d), k.repeat_interleave(r, dim=0), v.repeat_interleave(r, dim=0))))
    shared.append(best_of(lambda q=q, k=k, v=v: attend(q, k, v)))
    print(f"{G:2} KV heads, cache {8 * G * m * d / 2**20:4.0f} MiB: with copies {copied[-1]:6.1f} ms, "
          f"without {shared[-1]:6.1f} ms")
figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
ax.loglog(kv_heads, copied, "s--", color="0.5", label="each head copied H / G times (your layer)")
ax.loglog(kv_heads, shared, "o-", color="black", label="queries of a group share a head in place")
ax.loglog(kv_heads, shared[0] * np.array(kv_heads) / 32, ":", color="0.4", label="proportional to the cache")
ax.set(title="Attention of one step, 4,096 tokens in the cache", xlabel="KV heads (32 query heads)",
       ylabel="time [ms]")
ax.set_xticks(kv_heads, [str(G) for G in kv_heads])
ax.minorticks_off()
figure.legend(loc="outside lower center")
plt.show()

# %% [markdown]
# With copies nothing is gained, and the copying itself costs more than the attention. Without, the time falls with the
# cache, in our runs to about a third from 32 to 8 KV heads. And this is the attention alone: a step also reads all the
# weights of the model, which grouped queries shrink by less than a tenth. So with one short conversation there is
# little to gain, and with many long ones a lot. "3 to 4 times faster" is not a property of the method; say the
# machine, the batch, the context and the implementation with it.

# %% [markdown]
# ## Recap
#
# - One head takes one average. Several heads take several at once, each with its own projections of the **whole**
#   embedding; what is split is the result of the projection.
# - `view` cuts axes, `transpose` moves them. Try every reshape on `torch.arange`.
# - The number of heads changes neither the number of parameters nor, much, the work; it changes how many different
#   things a layer can look at.
# - $W^O$ adds the heads up. A head can be removed by setting its part of $W^O$ to zero, and many can.
# - A mask belongs to sequences, not to heads: (B, n, m) becomes (B, 1, n, m). In `nn.MultiheadAttention` True means
#   forbidden; here it means allowed.
# - Grouped queries share keys and values among neighbouring heads. That shrinks the cache by a factor of H / G; how
#   much time it saves depends on the implementation.
#
# Next: *positional_encoding*. The layer itself does not know where in a sentence a word stands.

# %% [markdown]
# ## A question in words
#
# A colleague wants to serve a model with H = 32 query heads, and has two plans to shrink its cache by a factor of 4:
# (i) keep 32 heads but make each a quarter as wide, d = D / 128, for queries, keys and values; (ii) keep the width and
# use 8 KV heads.
#
# In six to ten sentences: (a) what does each plan do to the number of scores, to their precision, and to the
# parameters? (b) What does plan (ii) take away from the heads, and what does it leave them? (c) The model is trained
# already, with 32 KV heads. How could you turn it into one with 8 without starting again, and why would you still have
# to train a little afterwards?

# %% [markdown] essay="fewer-or-narrower" points=3
# **(a)** Both plans keep 32 tables of n × m scores for each layer. In plan (i) each score is a dot product of vectors
# with a quarter of the components, so a head can tell fewer things apart: a query matches keys in a space of d / 4
# dimensions, and a value carries d / 4 numbers. All four matrices shrink to a quarter, unless the width is made up for
# elsewhere. In plan (ii) queries, keys and values keep their width; `w_q` and `w_o` stay as they are, `w_k` and `w_v`
# shrink to a quarter. *(1 point: the number of scores is the same in both; (i) makes every head poorer, (ii) not.)*
#
# **(b)** Four neighbouring heads must look things up in the same list of keys and take their values from the same
# list. They can no longer describe a token differently. They can still ask different questions: each has its own
# queries, hence its own weights, and its own part of $W^O$. *(1 point: keys and values shared, queries and weights
# remain each head's own.)*
#
# **(c)** Average the key matrices of each group of four heads into one, and the same for the values (Ainslie et al.
# 2023, §2.1, compare this with taking the first head or starting at random; averaging is best). The averaged keys are
# not the ones that any of the four heads' queries were trained with, so scores and outputs are off; some further
# training (5% of the original in their paper) lets queries and $W^O$ adapt to the shared keys and values. *(1 point: a
# sensible way to merge the heads, and the reason why the result is only near the original.)*

# %% [markdown]
# ## Sources
#
# - Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin 2017. *Attention Is All You Need.* NeurIPS
#   2017, arXiv 1706.03762. §3.2.2 multi-head attention, Table 3 rows A the number of heads.
# - Shazeer 2019. *Fast Transformer Decoding: One Write-Head is All You Need.* arXiv 1911.02150. §2.4.1 the cost of
#   writing token by token, §3 multi-query attention.
# - Ainslie, Lee-Thorp, de Jong, Zemlyanskiy, Lebrón, Sanghai 2023. *GQA: Training Generalized Multi-Query Transformer
#   Models from Multi-Head Checkpoints.* EMNLP 2023, arXiv 2305.13245. §2.1 merging heads, §2.2 groups.
# - Grattafiori et al. 2024. *The Llama 3 Herd of Models.* arXiv 2407.21783. Table 3 the sizes of the models.
# - Clark, Khandelwal, Levy, Manning 2019. *What Does BERT Look At? An Analysis of BERT's Attention.* BlackboxNLP 2019,
#   arXiv 1906.04341. §3.1 heads for the previous and the next token, §3.2 for delimiters, §4.3 for coreference.
# - Voita, Talbot, Moiseev, Sennrich, Titov 2019. *Analyzing Multi-Head Self-Attention: Specialized Heads Do the Heavy
#   Lifting, the Rest Can Be Pruned.* ACL 2019, arXiv 1905.09418.
# - Michel, Levy, Neubig 2019. *Are Sixteen Heads Really Better than One?* NeurIPS 2019, arXiv 1905.10650.
# - Levesque, Davis, Morgenstern 2012. *The Winograd Schema Challenge.* KR 2012. Pairs of sentences that differ in one
#   word, which decides what a pronoun means.
# - Xiao, Tian, Chen, Han, Lewis 2023. *Efficient Streaming Language Models with Attention Sinks.* ICLR 2024, arXiv
#   2309.17453.
# - Rogozhnikov 2022. *Einops: Clear and Reliable Tensor Manipulations with Einstein-like Notation.* ICLR 2022.
# - PyTorch documentation of `torch.nn.MultiheadAttention` and `torch.nn.functional.scaled_dot_product_attention`: what
#   True means in a mask.
