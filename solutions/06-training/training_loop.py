# %% [markdown]
# # The training loop
#
# ## What you will build
#
# The program around the model. `Batches` draws windows of text and knows where it is; `LossScaler` keeps small
# gradients alive in 16 bits; `accumulate_gradients` makes one large batch out of small ones; `train_step` puts the
# three together; `save_checkpoint` and `load_checkpoint` stop a run and take it up again so exactly that not one bit
# differs; `train` is the loop itself; and `Recompute` trades time for memory by forgetting activations on purpose. The
# same code runs on a CPU and on a GPU. About an hour and a half.
#
# ## When it was invented, and why it matters
#
# A model is trained for days by a loop of a dozen lines, and most of what goes wrong goes wrong there, silently. In
# 2018 Micikevicius et al. showed how to train in 16 bits without losing accuracy: keep the weights in 32, and multiply
# the loss (§3). Google's TPUs and, from 2020 on, NVIDIA's A100 brought another 16-bit format, bfloat16, which needs no
# such trick (Kalamkar et al. 2019). Chen et al. (2016) trained deep nets in little memory by throwing activations away
# and computing them twice. The report on OPT-175B (Zhang et al. 2022, §2.5) counts at least 35 restarts by hand in two
# months, and tells of a loss scale that crashed to 0. Whoever restarts that often needs a checkpoint that leaves
# nothing out.
#
# ## Prerequisites
#
# Optimizers, `schedule` and `clip_grad_norm` (*optimizers*); attention, the feed-forward layer and norms, of which the
# small model here is made (*multi_head*, *feed_forward*, *layer_norm_comparison*).
#
# Letters: `B` sequences in a batch, `T` tokens in a sequence, `V` tokens in the vocabulary, `D` the width of the model,
# `L` its layers, `N` tokens in a text (in section 9: weights of the model).

# %%
import contextlib
import io
import itertools
import json
import math
import os
import pickle
import tempfile
import time
import warnings
import weakref
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.feed_forward import FeedForward
from autograder.parts.layer_norm_comparison import PreNormBlock, RMSNorm
from autograder.parts.multi_head import MultiHeadAttention
from autograder.parts.optimizers import AdamW, clip_grad_norm, decay_groups, schedule
from autograder.parts.positional_encoding import LearnedPositions
from autograder.parts.scaled_dot_product import causal_mask

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · Windows of a text
#
# The model that we train predicts the next character, and is put together from parts that you have built. Read the next
# cell; nothing in it is new.

# %%
# Given: the small model of this notebook.
class CausalAttention(nn.Module):
    """Attention to the past, with dropout on what it adds."""

    def __init__(self, d_model, num_heads, dropout):
        super().__init__()
        self.heads, self.dropout = MultiHeadAttention(d_model, num_heads), nn.Dropout(dropout)

    def forward(self, x):  # (B, T, D) -> (B, T, D)
        return self.dropout(self.heads(x, mask=causal_mask(x.shape[1]).to(x.device))[0])


class SmallTransformer(nn.Module):
    """Logits for the token after each token: pre-norm blocks of attention and a feed-forward layer."""

    def __init__(self, vocab_size, d_model=64, num_heads=4, num_layers=2, max_len=64, dropout=0.0):
        super().__init__()
        self.token, self.positions = nn.Embedding(vocab_size, d_model), LearnedPositions(max_len, d_model)
        self.blocks = nn.ModuleList()
        for _ in range(num_layers):
            attention = CausalAttention(d_model, num_heads, dropout)
            layer = FeedForward(d_model, 4 * d_model, F.gelu, dropout=dropout)
            self.blocks.append(nn.Sequential(PreNormBlock(d_model, attention, RMSNorm),
                                             PreNormBlock(d_model, layer, RMSNorm)))
        self.norm, self.answer = RMSNorm(d_model), nn.Linear(d_model, vocab_size, bias=False)

    def forward(self, ids):  # (B, T) -> (B, T, V)
        x = self.positions(self.token(ids))  # (B, T, D)
        for block in self.blocks:
            x = block(x)
        return self.answer(self.norm(x))


# %% [markdown]
# A corpus is one long row of token numbers, often too long for memory: the operating system reads what is asked for
# (`np.memmap`), and a token takes two bytes, not eight. A batch is B windows of it, cut at random places. Each window
# is T + 1 tokens long, used twice: the first T are read, and the last T are what should be said.
#
# The random places come from a generator that belongs to the sampler alone. There are two reasons. A change elsewhere,
# such as one dropout layer more, must not change which text is read, or two runs cannot be compared. And what is
# to be saved must be somewhere: the state of this generator *is* the sampler's place in the run.
#
# **`Batches(tokens, batch_size, length, seed=0)`**; `__init__` is given, you write the rest. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `tokens` | (N,), any integer dtype, on the CPU | the text; not to be changed or copied as a whole |
# | `next_batch()` | two tensors (B, T), int64, on the CPU | inputs and targets; target *t* is the token after input *t* |
# | start of a window | 0 … N − T − 1 | each equally likely, drawn anew for every window, from `self.generator` |
# | `state_dict()` | dict | the generator's state, under the key `"generator"` |
# | `load_state_dict(state)` | | from then on the same batches as after `state_dict()` was called |
#
# <details><summary>Hint 1</summary>Draw B starts, cut B windows of T + 1 tokens, and take all but the last and all but
# the first of each. How many starts are there? The last window ends with the last token.</details>
# <details><summary>Hint 2</summary><code>torch.randint(high, (B,), generator=…)</code> excludes <code>high</code>. A
# column of starts plus a row of offsets is a table of places, and a tensor can be indexed with a table.</details>
# <details><summary>Hint 3</summary><code>.long()</code> makes int64. The generator has <code>get_state()</code>, a
# tensor of bytes that is a copy, and <code>set_state(…)</code>, which wants it on the CPU: add
# <code>.cpu()</code>.</details>

# %% exercise="Batches" minutes=10 level=2
class Batches:
    """Random windows of one long sequence of tokens, from a generator of its own.

    tokens: (N,) of any integer dtype, also memory-mapped: torch.from_numpy(np.memmap(…)).
    """

    def __init__(self, tokens: Tensor, batch_size: int, length: int, seed: int = 0) -> None:
        self.tokens, self.batch_size, self.length = tokens, batch_size, length
        self.generator = torch.Generator().manual_seed(seed)

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """Inputs and targets, (B, T) int64 each: windows whose starts 0 … N - T - 1 are all equally likely."""
        ### BEGIN SOLUTION
        starts = torch.randint(len(self.tokens) - self.length, (self.batch_size, 1), generator=self.generator)
        windows = self.tokens[starts + torch.arange(self.length + 1)].long()  # (B, T + 1)
        return windows[:, :-1], windows[:, 1:]
        ### END SOLUTION

    def state_dict(self) -> dict:
        """Where in its random sequence the sampler is: {"generator": a tensor of bytes}."""
        ### BEGIN SOLUTION
        return {"generator": self.generator.get_state()}
        ### END SOLUTION

    def load_state_dict(self, state: dict) -> None:
        """Go on where `state_dict` was called."""
        ### BEGIN SOLUTION
        self.generator.set_state(state["generator"].cpu())
        ### END SOLUTION


# %%
# Given: what to look at in a sampler.
def starts_of(batches, count):
    """Which first tokens occur in `count` batches, and the largest difference between two of their shares."""
    firsts = torch.cat([batches.next_batch()[0][:, 0] for _ in range(count)])
    values, counts = firsts.unique(return_counts=True)
    return values.tolist(), ((counts.max() - counts.min()) / len(firsts)).item()


def reads_a_long_text(sampler_class):
    """Does a sampler manage with a text of a million billion tokens? All are 0, and lie in two bytes; no copy fits."""
    try:
        sampler_class(torch.zeros(1, dtype=torch.int16).expand(10**15), batch_size=2, length=3).next_batch()
    except (RuntimeError, MemoryError):
        return False
    return True


def habits_of(sampler_class):
    """Is it so: same seed, same batch; other seed, same batch; global state left alone; global seed without effect?"""
    tokens = torch.arange(1000)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        before = torch.get_rng_state()
        one = sampler_class(tokens, 4, 5, seed=3).next_batch()[0]
        untouched = torch.equal(before, torch.get_rng_state())
        torch.manual_seed(2)
        again, other = (sampler_class(tokens, 4, 5, seed=seed).next_batch()[0] for seed in (3, 4))
        torch.manual_seed(1)
        third = sampler_class(tokens, 4, 5, seed=3).next_batch()[0]
    return [torch.equal(one, third), torch.equal(one, other), untouched, torch.equal(one, again)]


def kinds_of_state(sampler_class):
    """The type of each entry of a sampler's state."""
    state = sampler_class(torch.arange(9), 2, 3).state_dict()
    if not isinstance(state, dict):
        return type(state).__name__
    return {key: type(value).__name__ for key, value in state.items()}


def replays_of(sampler_class, drawn):
    """Draw, save (to a file and back), draw 3 batches. Does a new sampler repeat them, and the old one, taken back?"""
    tokens, file = torch.arange(1000), io.BytesIO()
    sampler, other = sampler_class(tokens, 4, 5, seed=3), sampler_class(tokens, 4, 5, seed=8)
    for _ in range(drawn):
        sampler.next_batch()
    state = sampler.state_dict()
    torch.save(state, file)
    file.seek(0)
    after = [sampler.next_batch()[0] for _ in range(3)]
    other.load_state_dict(torch.load(file, weights_only=True))
    sampler.load_state_dict(state)
    repeated = [[torch.equal(x, s.next_batch()[0]) for x in after] for s in (other, sampler)]
    return [sorted(state), *repeated, torch.equal(after[0], after[1])]


# %% check="Batches: windows of neighbours, and targets one further" points=2
batches = Batches(3 * check.arange(40), batch_size=4, length=5, seed=1)
inputs, targets = batches.next_batch()
check.shape(inputs, (4, 5), hint="inputs are (batch_size, length): windows of T + 1 tokens, without their last")
check.shape(targets, (4, 5), hint="targets are (batch_size, length): windows of T + 1 tokens, without their first")
check.equal(inputs - inputs[:, :1], torch.tensor([[0, 3, 6, 9, 12]] * 4),
            hint="each row is a stretch of neighbours: one start per row, plus 0, 1, …, T")
check.equal(targets - inputs, torch.full((4, 5), 3), hint="the target is the token after the input: shift by one")
check.above(len(set(inputs[:, 0].tolist())), 1.5, hint="each row of a batch has a start of its own")
small = Batches(check.arange(40).to(torch.int32), batch_size=2, length=7)
small_inputs, small_targets = small.next_batch()
check.dtype(small_inputs, torch.int64, hint="tokens may be int32 or smaller; inputs are int64 all the same: .long()")
check.dtype(small_targets, torch.int64, hint="tokens may be int32 or smaller; targets are int64 all the same: .long()")
check.equal(small_targets - small_inputs, torch.full((2, 7), 1), hint="with int32 tokens: target is the next token")
words = Batches(check.arange(300).to(torch.uint16), batch_size=3, length=4, seed=5)
word_inputs, word_targets = words.next_batch()
check.equal(word_targets - word_inputs, torch.full((3, 4), 1), hint="uint16 tokens, as in a memory-mapped file")
check.equal(reads_a_long_text(Batches), True,
            hint="convert the windows, not the whole text, which may be longer than memory: cut first, then .long()")
### BEGIN HIDDEN TESTS
bytes_ = Batches(check.arange(200).to(torch.uint8), batch_size=3, length=9, seed=5)
byte_inputs, byte_targets = bytes_.next_batch()
check.equal(byte_inputs - byte_inputs[:, :1], torch.tensor([[0, 1, 2, 3, 4, 5, 6, 7, 8]] * 3),
            hint="bytes as tokens: neighbours, as int64")
### END HIDDEN TESTS

# %% check="Batches: every start, each equally likely" points=1
starts, difference = starts_of(Batches(check.arange(9), batch_size=8, length=3, seed=2), 300)
check.equal(starts, [0, 1, 2, 3, 4, 5],
            hint="9 tokens, T = 3: windows of 4 start at 0 … 5, that is N − T places. randint excludes its upper bound")
check.below(difference, 0.05, hint="some starts occur more often than others: torch.randint over all of them")
crowded, _ = Batches(check.arange(9), batch_size=8, length=3).next_batch()
check.shape(crowded, (8, 3), hint="8 windows from 6 places: each start is drawn anew, and the same may come twice")
### BEGIN HIDDEN TESTS
only, _ = starts_of(Batches(check.arange(8), batch_size=2, length=7), 20)
check.equal(only, [0], hint="8 tokens, T = 7: there is one window, and it starts at 0")
### END HIDDEN TESTS

# %% check="Batches: a generator of its own, which can be saved" points=2
check.equal(habits_of(Batches), [True, False, True, True],
            hint="in order: same seed, same batch; another seed; global generator left alone; and without influence")
check.equal(kinds_of_state(Batches), {"generator": "Tensor"},
            hint='the state is a dict with one key, "generator", for the tensor that generator.get_state() gives')
check.equal(replays_of(Batches, 2), [["generator"], [True, True, True], [True, True, True], False],
            hint="in order: the keys; a new sampler repeats the batches; so does the old one; two in a row differ")
### BEGIN HIDDEN TESTS
check.equal(replays_of(Batches, 0), [["generator"], [True, True, True], [True, True, True], False],
            hint="saved before the first batch: get_state copies, set_state puts back")
### END HIDDEN TESTS

# %% [markdown]
# The text is the 38 plays of Shakespeare, character by character, kept in a file of two-byte numbers that is read by
# memory map. Where the plays cannot be fetched, a few generated sentences take their place. **Before you run the next
# cell:** the file holds two million tokens. How many *different* training windows of 33 does it have?

# %% demo="windows" alt="Two windows of the plays, and below each the same window one character further on."
from internals.vocabularies import load_text

text = load_text()[:2_000_000]
alphabet = sorted(set(text))
number_of = {character: number for number, character in enumerate(alphabet)}
folder = Path(tempfile.mkdtemp())
np.array([number_of[character] for character in text], dtype=np.uint16).tofile(folder / "plays.bin")
tokens = torch.from_numpy(np.memmap(folder / "plays.bin", dtype=np.uint16, mode="r+"))  # (N,): read when needed
VOCABULARY = len(alphabet)
inputs, targets = Batches(tokens, batch_size=2, length=32, seed=3).next_batch()
for row in range(2):
    for name, ids in (("input ", inputs[row]), ("target", targets[row])):
        print(name, repr("".join(alphabet[i] for i in ids.tolist())))
print(f"{len(tokens):,} tokens of {VOCABULARY} kinds in {len(tokens) * 2 / 1e6:.1f} MB; "
      f"{len(tokens) - 32:,} windows, which overlap")

# %% [markdown]
# Nearly as many windows as tokens, and no order in which one would have to go through them: at random, a place of the
# text is read about as often as chance has it. Large runs shuffle whole documents instead, so that nothing comes twice;
# then the place in the shuffled list is what a checkpoint needs, and the idea is the same.
#
# ## 2 · What 16 bits can hold
#
# A floating-point number is a sign, an exponent and a fraction: $\pm 1.f \times 2^e$. The bits of the exponent decide
# the *range*, those of the fraction the *precision*. Half precision has 5 and 10 of them, bfloat16 has 8 and 7: the
# range of float32, with a fraction cut short. **Before you run the next cell:** you add 0.001 to 1.0 a thousand times,
# keeping the sum in each of the formats. What comes out?

# %% demo="formats" alt="Relative gap against size: bf16 a long line, fp16 short, below it, bent up on the left."
FORMATS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
print(f"{'':9} {'largest':>9} {'smallest normal':>16} {'smallest':>9} {'gap at 1':>9} {'1/3 is':>12}   1 + 1000 ·",
      "0.001")
for name, dtype in FORMATS.items():
    info, total = torch.finfo(dtype), torch.ones((), dtype=dtype)
    for _ in range(1000):
        total += torch.tensor(0.001, dtype=dtype)
    tiny = info.tiny * info.eps  # the smallest subnormal number
    print(f"{name:9} {info.max:9.2g} {info.tiny:16.2g} {tiny:9.2g} {info.eps:9.2g} "
          f"{torch.tensor(1 / 3, dtype=dtype).item():12.8f}   {total.item():.4f}")
figure, ax = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
for (name, dtype), style in zip(FORMATS.items(), (":", "-", "--"), strict=True):
    info = torch.finfo(dtype)
    sizes = np.arange(max(math.log2(info.tiny * info.eps), -40), min(math.log2(info.max), 40) + 0.01)
    ax.plot(sizes, np.maximum(math.log2(info.eps), math.log2(info.tiny * info.eps) - sizes), style, color="black",
            label=name)
ax.set(title="Range is the length of a line, precision its depth", xlabel="size of the number [log₂]",
       ylabel="gap to the next number,\nas a share of the number [log₂]", xlim=(-40, 40))
ax.legend(loc="upper right")
plt.show()

# %% [markdown]
# In float16 the sum is off by one per cent, because each sum is rounded to a multiple of the gap at 1; in bfloat16 it
# never leaves 1: the gap there is 0.0078, and anything smaller than half of it is lost. A weight of size 1 that is
# changed by 0.001 at each step would never move. Hence the rule of Micikevicius et al. (2018, §3.1): *weights and
# optimizer in float32*, whatever the matrix products are computed in. `torch.autocast` does this: it hands 16-bit
# copies of the weights to matrix products, and leaves the weights alone.
#
# Range is the other matter, and the picture's. The line of float16 ends at $2^{16}$ on the right. On the left it bends
# up at $2^{-14}$, where numbers begin to have fewer digits, and ends at $2^{-24}$; what is smaller than half of that
# becomes zero. Where do gradients lie?
#
# The loss of this notebook is given. Autocast is switched on for the model alone; the loss is computed in float32,
# because a logarithm of a sum of exponentials over a whole vocabulary is no place to save bits. (float64 logits stay
# float64, for the checks.)

# %% tags=["export"]
def language_loss(model: nn.Module, inputs: Tensor, targets: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Mean cross-entropy of a language model, a scalar of float32 at least.

    inputs, targets: (B, T), on the model's device. dtype: what the matrix products of the model are computed in, by
    autocast; float32 leaves autocast off. model(inputs): logits (B, T, V).
    """
    coarse = contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(inputs.device.type, dtype=dtype)
    with coarse:
        logits = model(inputs)  # (B, T, V)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


# %% [markdown]
# The next cell trains the small model for 100 steps in float32 with a loop of PyTorch's parts, then collects every
# number that the backward pass sends through its linear layers, and the gradients of the weights too. **Before you run
# it:** what share of them would be zero in float16?

# %% demo="gradients" alt="Histogram of gradients in log2: a part lies left of 2^-25 and would be zero in float16."
def gradients_of_a_run(steps=100, batch_size=16, length=32):
    """The logarithms to base 2 of all gradients behind linear layers and of weights, after a short run in float32."""
    torch.manual_seed(0)
    model, batches = SmallTransformer(VOCABULARY), Batches(tokens, batch_size, length)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    for _ in range(steps):
        optimizer.zero_grad()
        language_loss(model, *batches.next_batch()).backward()
        optimizer.step()
    flowing = []
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.register_full_backward_hook(lambda _, into, out: flowing.append(out[0].flatten()))
    optimizer.zero_grad()
    language_loss(model, *batches.next_batch()).backward()
    kinds = {"activations": torch.cat(flowing), "weights": torch.cat([p.grad.flatten() for p in model.parameters()])}
    return {kind: g[g != 0].abs().log2() for kind, g in kinds.items()}


def draw_gradients(shift=0):
    """The histogram of the gradients after multiplication by 2^shift, with the limits of float16."""
    figure, ax = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
    bins = np.arange(-55, 36)
    for (kind, logs), fill in zip(logs_of_gradients.items(), (True, False), strict=True):
        ax.hist(logs.numpy() + shift, bins, weights=np.full(len(logs), 100 / len(logs)),
                histtype="stepfilled" if fill else "step", color="0.7" if fill else "black", label=kind)
        lost, over = (logs + shift < -25).float().mean(), (logs + shift >= 16).float().mean()
        low = ((logs + shift >= -25) & (logs + shift < -14)).float().mean()
        print(f"{kind:12} zero in float16: {lost:6.2%}   kept with fewer digits: {low:6.2%}   infinite: {over:6.2%}")
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    ax.axvspan(-55, -25, color="0.9", zorder=0)
    ax.axvspan(16, 36, color="0.9", zorder=0)
    ax.axvline(-14, color="0.4", linestyle=":")
    for place, words in ((-40, "zero"), (-19.5, "fewer\ndigits"), (1, "full precision"), (26, "infinite")):
        ax.text(place, ax.get_ylim()[1] * 0.97, words, ha="center", va="top", fontsize=10)
    ax.set(title=f"Gradients times 2^{shift}, and what float16 makes of them", xlabel="size of the gradient [log₂]",
           ylabel="share of all [%]", xlim=(-55, 36))
    ax.legend(loc="center right")
    plt.show()


logs_of_gradients = gradients_of_a_run()
draw_gradients()

# %% [markdown]
# Less than one per cent of what flows through this small model would become zero, but six sevenths lie left of the
# dotted line and lose digits. Hardly anything comes near the upper end. Micikevicius et al. (2018, §3.2 and Figure 3)
# show the same for a detector of objects in images: much of the range lies idle while many gradients fall out of it at
# the lower end. And ours is a kind case: the loss is a mean over 512 characters. A mean over half a million tokens, as
# in large runs, makes every gradient of an activation a thousand times smaller, and moves the grey hill ten places to
# the left.
#
# Multiply the loss by a number, and by the chain rule every gradient is multiplied by it: the whole histogram moves to
# the right. There is a lot of empty room there. Turn the knob: how far may it go, and how far does it have to? (Without
# sliders: `draw_gradients(10)` in a new cell.)

# %% demo="shift-slider" alt="The histogram of gradients with a slider that moves it to the right by powers of two."
try:
    from ipywidgets import IntSlider, interact

    interact(draw_gradients, shift=IntSlider(10, min=0, max=36, continuous_update=False))
except ImportError:
    print("pip install ipywidgets gives this picture a slider; without it, call draw_gradients(10) in a new cell.")
    draw_gradients(10)

# %% [markdown]
# ## 3 · A loss scaler
#
# So multiply the loss by a scale S before the backward pass, and divide the gradients by S after it, in float32, before
# anybody else looks at them. Micikevicius et al. (2018, §3.2) chose S by hand. Choosing is not necessary: too large a
# scale gives itself away by gradients that are infinite or not a number. Such a step is thrown away, which costs one
# batch, and S is halved. After many good steps in a row S is doubled, to find out whether there is room by now. The
# scale hovers below the largest that works.
#
# | after a step that was | scale | good steps in a row |
# |---|---|---|
# | not finite | S / 2 | 0 |
# | finite | S | one more |
# | finite, and the `growth_interval`-th in a row | 2 S | 0 again |
#
# These are the defaults of PyTorch's `GradScaler`, which the checks compare you with, and which you may not use. All
# scales are powers of two if the first one is, so that multiplying and dividing by them rounds nothing.
#
# **`LossScaler(scale=2.0**16, growth_interval=2000)`**; `__init__`, `state_dict` and `load_state_dict` are given, you
# write three methods. ★★★☆☆ · 15 minutes
#
# | | | meaning |
# |---|---|---|
# | `scale_loss(loss)` | scalar → scalar | the loss times the scale, for `backward` |
# | `unscale(params)` | any iterable of tensors → bool | divides every gradient by the scale *in place*; some parameters have none (`p.grad is None`). True if every number of every gradient is finite |
# | `update(finite)` | bool → None | keeps the table: changes `self.scale` and `self.good_steps` |
#
# <details><summary>Hint 1</summary>Each method is a line or a few. <code>update</code> has three cases, the rows of the
# table.</details>
# <details><summary>Hint 2</summary><code>g /= self.scale</code> changes a gradient in place; <code>p.grad = …</code>
# would be another tensor. <code>torch.isfinite(g).all()</code> knows infinities and nan.</details>
# <details><summary>Hint 3</summary>Divide <i>all</i> gradients, also when an early one is not finite: do not return
# out of the loop. In <code>update</code>, count first, then compare with <code>self.growth_interval</code>, and begin
# to count anew after growth as after an overflow.</details>

# %% exercise="LossScaler" minutes=15 level=3 forbid="torch.amp.GradScaler, torch.cuda.amp.GradScaler, torch.amp.grad_scaler.GradScaler, pytorch_scales"
class LossScaler:
    """Multiplies the loss so that small gradients survive 16 bits, and adapts the factor.   Micikevicius et al. 2018

    scale: the factor. growth_interval: after so many finite steps in a row it is doubled. good_steps: counts them.
    """

    def __init__(self, scale: float = 2.0**16, growth_interval: int = 2000) -> None:
        self.scale, self.growth_interval, self.good_steps = scale, growth_interval, 0

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss times the scale."""
        ### BEGIN SOLUTION
        return loss * self.scale
        ### END SOLUTION

    def unscale(self, params) -> bool:
        """Divide every gradient by the scale, in place. True if all their numbers are finite."""
        ### BEGIN SOLUTION
        grads = [p.grad for p in params if p.grad is not None]
        for g in grads:
            g /= self.scale
        return all(torch.isfinite(g).all().item() for g in grads)
        ### END SOLUTION

    def update(self, finite: bool) -> None:
        """Halve the scale after an overflow; double it after growth_interval finite steps in a row."""
        ### BEGIN SOLUTION
        self.good_steps = self.good_steps + 1 if finite else 0
        if not finite:
            self.scale /= 2
        elif self.good_steps == self.growth_interval:
            self.scale, self.good_steps = 2 * self.scale, 0
        ### END SOLUTION

    def state_dict(self) -> dict:
        """For a checkpoint."""
        return {"scale": self.scale, "good_steps": self.good_steps}

    def load_state_dict(self, state: dict) -> None:
        """Go on where `state_dict` was called."""
        self.scale, self.good_steps = state["scale"], state["good_steps"]


# %%
# Given: gradients to order, and PyTorch's scaler on a made-up history.
def with_gradients(*gradients):
    """Parameters that have these gradients; None: no gradient."""
    params = [nn.Parameter(torch.zeros(1 if g is None else len(g))) for g in gradients]
    for p, g in zip(params, gradients, strict=True):
        p.grad = None if g is None else torch.tensor(g)
    return params


def held_before(scaler):
    """A gradient, as somebody sees it who took hold of p.grad before it was unscaled."""
    params = with_gradients([8.0, -12.0])
    held = params[0].grad
    scaler.unscale(params)
    return held.tolist()


def loss_afterwards(scaler):
    """A loss of 3, after it was scaled."""
    loss = torch.tensor(3.0)
    scaler.scale_loss(loss)
    return loss.item()


def scales_of(scaler, history):
    """The scale after each step of a history such as "..x.": a point for a finite step, an x for an overflow."""
    scales = []
    for step in history:
        scaler.update(step == ".")
        scales.append(float(scaler.scale))
    return scales


def counts_of(scaler, history):
    """The good steps that are counted after each step of such a history."""
    counts = []
    for step in history:
        scaler.update(step == ".")
        counts.append(int(scaler.good_steps))
    return counts


def pytorch_scales(history, scale, growth_interval):
    """The same by torch.amp.GradScaler, which finds the overflows out for itself."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=growth_interval)
    p, scales = nn.Parameter(torch.ones(())), []
    optimizer = torch.optim.SGD([p], lr=0.0)
    for step in history:
        p.grad = None
        scaler.scale(p * (1.0 if step == "." else math.inf)).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
    return scales


def gradients_in(params):
    """All gradients, end to end; None counts for nothing."""
    return torch.cat([p.grad.flatten() for p in params if p.grad is not None])


# %% check="LossScaler: up by the scale before backward, down after it" points=2
scaler = LossScaler(scale=1024.0)
w = check.randn(3, 4, seed=10).requires_grad_()
scaler.scale_loss((w * check.randn(3, 4, seed=11)).sum()).backward()
check.close(w.grad, 1024 * check.randn(3, 4, seed=11), hint="scale_loss multiplies the loss by self.scale")
finite = scaler.unscale([w])
check.close(w.grad, check.randn(3, 4, seed=11), hint="unscale divides w.grad by the scale, in place")
check.close(held_before(LossScaler(scale=4.0)), [2.0, -3.0],
            hint="p.grad became another tensor; whoever holds the old one sees no change: p.grad /= …, in place")
params = with_gradients([4.0, 8.0], None, [-2.0])
finite_again = LossScaler(scale=4.0).unscale(iter(params))
check.close(gradients_in(params), torch.tensor([1.0, 2.0, -0.5]),
            hint="every gradient is divided, parameters without one are skipped; params may be an iterator")
check.equal([bool(finite), bool(finite_again)], [True, True], hint="unscale returns True where all is finite")
half = LossScaler(scale=0.5)
check.close(float(half.scale_loss(torch.tensor(3.0))), 1.5, hint="a scale below 1 is a scale like any other")
check.close(loss_afterwards(half), 3.0,
            hint="the loss itself was changed, and is still to be reported: loss * …, not loss *= …")
half.unscale(with_gradients([1.0, math.inf]))
check.equal(float(half.scale), 0.5, hint="scale_loss and unscale leave self.scale alone; update changes it")
### BEGIN HIDDEN TESTS
many = with_gradients(None, [64.0, 0.0, -32.0], [16.0], None)
LossScaler(scale=32.0).unscale(many)
check.close(gradients_in(many), torch.tensor([2.0, 0.0, -1.0, 0.5]), hint="a parameter without gradient comes first")
### END HIDDEN TESTS

# %% check="LossScaler: one number that is not finite is enough" points=1
found = [bool(LossScaler().unscale(with_gradients([1.0, math.inf], [2.0]))),
         bool(LossScaler().unscale(with_gradients([1.0, 1.0], [-math.inf]))),
         bool(LossScaler().unscale(with_gradients([1.0, math.nan], [2.0]))),
         bool(LossScaler(scale=1.0).unscale(with_gradients([3e38, 3e38], None)))]
check.equal(found, [False, False, False, True],
            hint="in order: infinity in the first parameter, minus infinity in the second, nan; large, each is finite")
half_bad = with_gradients([math.inf, 4.0], [8.0])
LossScaler(scale=4.0).unscale(half_bad)
check.close(gradients_in(half_bad), torch.tensor([math.inf, 1.0, 2.0]),
            hint="every gradient is divided, also those after one that is not finite")
### BEGIN HIDDEN TESTS
last = bool(LossScaler().unscale(with_gradients([1.0], [0.0], None, [0.0, 2.0, math.nan])))
check.equal([last, bool(LossScaler(2.0).unscale(with_gradients([0.0])))], [False, True],
            hint="a nan in the last of several parameters; a gradient of zeros is finite")
### END HIDDEN TESTS

# %% check="LossScaler: the scale goes up and down as PyTorch's" points=2
scales = scales_of(LossScaler(scale=8.0, growth_interval=3), "...x..x....")
check.equal(scales, pytorch_scales("...x..x....", 8.0, 3),
            hint="three finite steps in a row double the scale; an overflow halves it; both begin the count anew")
long_scales = scales_of(LossScaler(growth_interval=4), "xx" + "." * 13 + "x.......")
check.equal(long_scales, pytorch_scales("xx" + "." * 13 + "x.......", 2.0**16, 4),
            hint="the first scale is 2**16; growth every 4 finite steps in a row, for as long as none overflows")
check.equal(scales_of(LossScaler(scale=2.0, growth_interval=2), "xxx..x"), pytorch_scales("xxx..x", 2.0, 2),
            hint="the scale has no lower limit: it may fall below 1")
check.equal(counts_of(LossScaler(scale=8.0, growth_interval=3), "...x..x...."), [1, 2, 0, 0, 1, 2, 0, 1, 2, 0, 1],
            hint="the table's last column: self.good_steps is 0 again after a doubling and after a halving")
### BEGIN HIDDEN TESTS
other = LossScaler(scale=2.0**10, growth_interval=1)
check.equal(scales_of(other, ".x..xx...x."), pytorch_scales(".x..xx...x.", 2.0**10, 1),
            hint="growth_interval=1: every finite step doubles")
saved = LossScaler(scale=4.0, growth_interval=3)
saved.load_state_dict({"scale": 16.0, "good_steps": 2})
check.equal(scales_of(saved, "...."), [32.0, 32.0, 32.0, 64.0],
            hint="good_steps is the number of finite steps in a row so far: it is saved, and gone on from")
### END HIDDEN TESTS

# %% [markdown]
# ## 4 · One large batch from small ones
#
# A large batch may not fit into memory. It need not: the gradient of a mean is the mean of gradients, and PyTorch
# *adds* to `.grad` at each backward pass. Take M micro-batches of the same size, one after the other, and divide each
# loss by M:
#
# $$\nabla\,\frac{1}{M}\sum_{m=1}^{M} \ell_m \;=\; \sum_{m=1}^{M} \nabla\,\frac{\ell_m}{M}$$
#
# The activations of one micro-batch are freed by its backward pass, before the next one is read. That is the point of
# the exercise: whoever adds the losses up first and calls `backward` once gets the same gradient, and needs the memory
# of the large batch.
#
# **The same size**, because a mean of means is the mean of all only then. If one micro-batch has 10 real tokens beside
# its padding and the other 1,000, each of the 10 counts a hundred times as much. The cure is to sum the losses over
# real tokens, and to divide by the number of real tokens in the *whole* batch. `Batches` makes no padding.
#
# **`accumulate_gradients(model, micro_batches, dtype=torch.float32, scaler=None)`** ★★☆☆☆ · 10 minutes
#
# | | | meaning |
# |---|---|---|
# | `model` | `nn.Module` | its parameters' gradients are *added to*; nothing is set to zero here |
# | `micro_batches` | list of pairs of (B, T) | on the CPU; each goes to the device of the model's parameters when its turn comes |
# | `dtype` | `torch.dtype` | for `language_loss` |
# | `scaler` | `LossScaler` or None | `backward` starts from `scaler.scale_loss(…)`, if there is one |
# | result | scalar tensor, without a graph | the mean loss over all micro-batches, not scaled |
#
# <details><summary>Hint 1</summary>A loop over the micro-batches: loss, divide, backward, add to a total. The first
# parameter knows the device: <code>next(model.parameters()).device</code>.</details>
# <details><summary>Hint 2</summary>Two numbers come out of each micro-batch: what <code>backward</code> starts from,
# which may be scaled, and what is reported, which is not. Both are divided by
# <code>len(micro_batches)</code>.</details>
# <details><summary>Hint 3</summary><code>total = total + loss.detach()</code>. Without <code>detach</code> the total
# keeps the graphs alive. (<code>loss.item()</code> has no graph either, but is no tensor, and makes a GPU wait at
# every micro-batch.)</details>

# %% exercise="accumulate_gradients" minutes=10 level=2
def accumulate_gradients(model: nn.Module, micro_batches: list[tuple[Tensor, Tensor]],
                         dtype: torch.dtype = torch.float32, scaler: LossScaler | None = None) -> Tensor:
    """Add the gradients of the mean loss over all micro-batches to the parameters', one micro-batch at a time.

    micro_batches: pairs of inputs and targets, (B, T) each, all of one size. Returns the mean loss, unscaled, detached.
    """
    ### BEGIN SOLUTION
    device, total = next(model.parameters()).device, 0
    for inputs, targets in micro_batches:
        loss = language_loss(model, inputs.to(device), targets.to(device), dtype) / len(micro_batches)
        (loss if scaler is None else scaler.scale_loss(loss)).backward()
        total = total + loss.detach()
    return total
    ### END SOLUTION


# %%
# Given: a tiny model, batches for it, the gradients of one large batch by PyTorch, and a meter for saved activations.
def tiny(dropout=0.0):
    """A model of one layer for 11 tokens, filled by the names of its parameters."""
    return check.fill(SmallTransformer(11, d_model=8, num_heads=2, num_layers=1, max_len=6, dropout=dropout))


def micro(count, seed, batch_size=3, length=5):
    """`count` micro-batches of random tokens."""
    return list(check.randint(0, 11, (count, 2, batch_size, length), seed=seed).unbind())


def large_batch(model, micro_batches, dtype=torch.float32):
    """Loss and gradients, end to end, of all micro-batches as one batch."""
    inputs, targets = (torch.cat(parts) for parts in zip(*micro_batches, strict=True))
    loss = language_loss(model, inputs, targets, dtype)
    return loss.detach(), torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


def devices_after(accumulate, micro_batches):
    """Where inputs, loss and gradients are if the model is on the device "meta", which knows shapes and no numbers."""
    model, seen = tiny().to("meta"), set()
    model.register_forward_pre_hook(lambda _, inputs: seen.add(inputs[0].device.type))
    try:
        loss = accumulate(model, micro_batches)
    except RuntimeError as error:  # PyTorch's words where an operation meets tensors of two devices
        if "device" not in str(error):
            raise
        return ["two devices"] * 3
    return [*sorted(seen), loss.device.type, *{p.grad.device.type for p in model.parameters()}]


class SavedBytes(torch.autograd.graph.saved_tensors_hooks):
    """Counts the bytes that autograd keeps for the backward pass, parameters left out: `now`, and the `peak` so far.

    with SavedBytes(model) as meter: …. Tensors that share their storage are counted once.
    """

    def __init__(self, model=None):
        self.alive, self.now, self.peak = {}, 0, 0
        self.left_out = {p.untyped_storage().data_ptr() for p in (model.parameters() if model is not None else ())}
        super().__init__(self.pack, self.unpack)

    def __enter__(self):
        super().__enter__()
        return self

    def pack(self, tensor):
        """Called for each tensor that is saved; what it returns is kept in its place."""
        place, size = tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()
        kept = [tensor.detach() if tensor.is_leaf else tensor]
        if place not in self.left_out:
            users, _ = self.alive.get(place, (0, 0))
            self.alive[place] = (users + 1, size)
            self.now += 0 if users else size
            self.peak = max(self.peak, self.now)
            kept = Kept(kept)
            weakref.finalize(kept, self.forget, place)
        return kept

    def unpack(self, kept):
        """Called when the backward pass wants the tensor back."""
        return kept[0]

    def forget(self, place):
        """Called when the graph lets go of a tensor."""
        users, size = self.alive.pop(place)
        if users > 1:
            self.alive[place] = (users - 1, size)
        else:
            self.now -= size


class Kept(list):
    """A list that can be watched: the plain one cannot be referred to weakly."""


def peak_of(step, model, *args):
    """The most bytes that autograd keeps at once while step(model, *args) runs."""
    with SavedBytes(model) as meter:
        step(model, *args)
    return meter.peak


def pytorch_peak(model, inputs, targets):
    """The same for one forward and one backward pass by PyTorch."""
    with SavedBytes(model) as meter:
        language_loss(model, inputs, targets).backward()
    return meter.peak


# %% check="accumulate_gradients: the gradients and the loss of one large batch" points=2
model = tiny()
loss = accumulate_gradients(model, micro(4, seed=20))
expected_loss, expected = large_batch(tiny(), micro(4, seed=20))
check.close(float(loss), expected_loss.item(), atol=1e-5, rtol=1e-6,
            hint="the result is the mean loss over the micro-batches: the sum of loss / M")
check.close(gradients_in(model.parameters()), expected, atol=1e-6, rtol=1e-5,
            hint="four micro-batches must give the large batch's gradient, not four times it: divide each loss by 4")
check.shape(loss, (), hint="the result is a scalar tensor, not a plain number: loss.detach(), not loss.item()")
check.equal(loss.requires_grad, False, hint="the result needs no graph: detach")
again = accumulate_gradients(model, micro(4, seed=20))
_, expected_once = large_batch(tiny(), micro(4, seed=20))
check.close(gradients_in(model.parameters()), 2 * expected_once, atol=2e-6, rtol=1e-5,
            hint="gradients are added to what is there: nothing is set to zero here")
### BEGIN HIDDEN TESTS
wide = tiny().double()
wide_loss = accumulate_gradients(wide, micro(3, seed=21, batch_size=2, length=6))
expected_wide_loss, expected_wide = large_batch(tiny().double(), micro(3, seed=21, batch_size=2, length=6))
check.close(gradients_in(wide.parameters()), expected_wide, atol=1e-12, rtol=1e-10,
            hint="float64: no detour through float32")
check.close(wide_loss, expected_wide_loss, atol=1e-12, rtol=1e-10, hint="float64: the loss is not rounded either")
### END HIDDEN TESTS

# %% check="accumulate_gradients: memory for one micro-batch, on the model's device" points=1
needed = peak_of(accumulate_gradients, tiny(), micro(6, seed=22))
expected = pytorch_peak(tiny(), *micro(6, seed=22)[0])
check.below(needed, 1.5 * expected,
            hint="more is kept than one micro-batch needs: call backward inside the loop, and detach the loss")
check.equal([*devices_after(accumulate_gradients, micro(2, seed=26)), 1], ["meta", "meta", "meta", 1],
            hint="the model is on another device: bring inputs and targets there, next(model.parameters()).device")

# %% check="accumulate_gradients: autocast and the scaler reach the right places" points=2
model = tiny()
loss = accumulate_gradients(model, micro(2, seed=23), scaler=LossScaler(scale=64.0))
expected_loss, expected = large_batch(tiny(), micro(2, seed=23))
check.close(gradients_in(model.parameters()), 64 * expected, atol=1e-4, rtol=1e-4,
            hint="with a scaler, backward starts from scaler.scale_loss(loss): all gradients are 64 times as large")
check.close(float(loss), expected_loss.item(), hint="the loss that is returned is not scaled")
coarse = tiny()
coarse_loss = accumulate_gradients(coarse, micro(1, seed=24), dtype=torch.bfloat16)
expected_coarse_loss, expected_coarse = large_batch(tiny(), micro(1, seed=24), torch.bfloat16)
check.close(float(coarse_loss), expected_coarse_loss.item(), atol=1e-6, rtol=1e-6,
            hint="dtype=torch.bfloat16 is for language_loss; float32 gives another loss, in the third digit")
check.close(gradients_in(coarse.parameters()), expected_coarse, atol=1e-6, rtol=1e-5,
            hint="the gradients are those of a forward pass in bfloat16")
### BEGIN HIDDEN TESTS
both = tiny()
both_loss = accumulate_gradients(both, micro(1, seed=25), torch.bfloat16, LossScaler(scale=2.0))
expected_both_loss, expected_both = large_batch(tiny(), micro(1, seed=25), torch.bfloat16)
check.close(gradients_in(both.parameters()), 2 * expected_both, atol=1e-5, rtol=1e-3,
            hint="dtype and scaler by position, both at once")
check.close(float(both_loss), expected_both_loss.item(), atol=1e-6, rtol=1e-6, hint="bfloat16, and not scaled")
### END HIDDEN TESTS

# %% [markdown]
# Three runs on the same text: batches of 32; the same windows as 4 micro-batches of 8; and the classical mistake,
# a forgotten division. **Before you run the next cell:** with plain SGD, what does the third look like? And with
# AdamW, which divides every gradient by its own size?

# %% demo="accumulation" alt="SGD: 1×32 and 4×8 coincide, undivided diverges from them; AdamW: all three agree."
def run_in_parts(parts, make_optimizer, divide=True, steps=50):
    """The losses of a run whose batches of 32 windows are cut into parts."""
    torch.manual_seed(0)
    model, batches = SmallTransformer(VOCABULARY), Batches(tokens, 32, 32, seed=1)
    optimizer, losses = make_optimizer(model.parameters()), []
    for _ in range(steps):
        inputs, targets = batches.next_batch()
        pieces = list(zip(inputs.chunk(parts), targets.chunk(parts), strict=True))
        optimizer.zero_grad()
        losses.append(accumulate_gradients(model, pieces).item())
        if not divide:
            for p in model.parameters():
                p.grad *= parts
        optimizer.step()
    return torch.tensor(losses)


figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), sharey=True, layout="constrained")
for ax, name, make in ((axes[0], "SGD", partial(torch.optim.SGD, lr=0.3)),
                       (axes[1], "AdamW", partial(torch.optim.AdamW, lr=0.003))):
    whole, cut, wrong = (run_in_parts(1, make), run_in_parts(4, make), run_in_parts(4, make, divide=False))
    ax.plot(whole, color="0.7", linewidth=5, label="1 × 32")
    ax.plot(cut, color="black", linewidth=1, label="4 × 8")
    ax.plot(wrong, "--", color="0.35", label="4 × 8, not divided by 4")
    ax.set(title=name, xlabel="step", ylim=(2, 5.5))
    print(f"{name}: largest difference between 1 × 32 and 4 × 8: {(whole - cut).abs().max():.0e}; last 10 steps "
          f"{whole[-10:].mean():.3f}, {cut[-10:].mean():.3f}, and {wrong[-10:].mean():.3f} where not divided")
axes[0].set_ylabel("loss [nats per character]")
axes[0].legend()
plt.show()

# %% [markdown]
# The cut batch gives the curve of the whole one, up to rounding. Without the division, SGD takes steps four times as
# long; here that is too much, and the model dies: it ends at 4.37, the logarithm of 79, which is what guessing among
# all characters costs. Had the rate been lower, one would see only a run that learns as if at another rate. AdamW hides
# the mistake altogether, since it divides each gradient by its size. That makes it worse, not better: clipping, which
# looks at the norm, sees a gradient four times too long, and whoever changes the number of micro-batches changes the
# run without knowing why.
#
# ## 5 · One step
#
# Now one step in full. The order is what matters:
#
# 1. forget the old gradients;
# 2. draw M micro-batches and accumulate;
# 3. unscale, if there is a scaler;
# 4. clip, *after* unscaling: the length of a scaled gradient means nothing;
# 5. the optimizer's step, unless something is not finite: a single nan would spoil every weight it touches, and the
#    optimizer's memory for good;
# 6. tell the scaler.
#
# Without a scaler a step that is not finite is skipped too; nobody wants that update in bfloat16 either.
#
# **`train_step(model, batches, optimizer, accumulate=1, max_norm=1.0, dtype=torch.float32, scaler=None)`**
# ★★★☆☆ · 10 minutes
#
# | | | meaning |
# |---|---|---|
# | `batches` | has `next_batch()` | asked for `accumulate` micro-batches |
# | `optimizer` | the course's or PyTorch's | has `zero_grad()` and `step()` |
# | `max_norm` | float | for `clip_grad_norm` of the course, which returns the norm before it clips |
# | `dtype`, `scaler` | | handed on to `accumulate_gradients` |
# | result | two floats | the mean loss, and the norm before clipping (unscaled; nan or inf where the step was skipped) |
#
# PyTorch's finished clipping and scaler are not allowed. `clip_grad_norm` is imported above.
#
# <details><summary>Hint 1</summary>The six lines above are the program. <code>model.parameters()</code> is an iterator:
# if two of your lines need it, make a list first, or call it twice.</details>
# <details><summary>Hint 2</summary>One number that is not finite makes the norm nan or infinite: the norm decides about
# the step, with and without a scaler. The scaler is told what <code>unscale</code> returned.</details>
# <details><summary>Hint 3</summary><code>norm = clip_grad_norm(params, max_norm)</code>, then
# <code>if torch.isfinite(norm):</code>. <code>scaler.update</code> comes last, after every step, skipped or
# not. <code>.item()</code> makes a plain number of a scalar.</details>

# %% exercise="train_step" minutes=10 level=3 forbid="torch.amp.GradScaler, torch.cuda.amp.GradScaler, torch.amp.grad_scaler.GradScaler, torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad.clip_grad_norm_, torch.nn.utils.get_total_norm, torch.nn.utils.clip_grads_with_norm_, torch.nn.utils.clip_grad.get_total_norm, torch.nn.utils.clip_grad.clip_grads_with_norm_, pytorch_steps"
def train_step(model: nn.Module, batches, optimizer, accumulate: int = 1, max_norm: float = 1.0,
               dtype: torch.dtype = torch.float32, scaler: LossScaler | None = None) -> tuple[float, float]:
    """One step of the optimizer over `accumulate` micro-batches; skipped where the gradient is not finite.

    batches: next_batch() gives inputs and targets, (B, T) int64. dtype: of the model's matrix products, by autocast.
    Returns the mean loss and the norm of the gradient before clipping.
    """
    ### BEGIN SOLUTION
    params = list(model.parameters())
    optimizer.zero_grad()
    loss = accumulate_gradients(model, [batches.next_batch() for _ in range(accumulate)], dtype, scaler)
    if scaler is not None:
        finite = scaler.unscale(params)
    norm = clip_grad_norm(params, max_norm)
    if torch.isfinite(norm):
        optimizer.step()
    if scaler is not None:
        scaler.update(finite)
    return loss.item(), norm.item()
    ### END SOLUTION


# %%
# Given: a sampler that walks, a model that explodes, and the same steps by PyTorch.
class Walk:
    """Windows one after the other, from a text of random tokens; remembers its position."""

    def __init__(self, batch_size=3, length=5):
        self.tokens, self.shape, self.position = check.randint(0, 11, (2000,), seed=30), (batch_size, length), 0

    def next_batch(self):
        B, T = self.shape
        piece = self.tokens[self.position : self.position + B * T + 1]
        self.position = (self.position + B * T) % 1000
        return piece[:-1].view(B, T), piece[1:].view(B, T)

    def state_dict(self):
        return {"position": self.position}

    def load_state_dict(self, state):
        self.position = state["position"]


class Exploding(nn.Module):
    """A tiny model whose logits are multiplied by infinity; quietly: only the gradient on its way back."""

    def __init__(self, quietly=False):
        super().__init__()
        self.model, self.quietly = tiny(), quietly

    def forward(self, ids):
        logits = self.model(ids)
        if self.quietly:
            logits.register_hook(lambda grad: grad * math.inf)
        return logits if self.quietly else logits * math.inf


def sgd(model, lr=0.5):
    """PyTorch's SGD with momentum."""
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def weights_of(model):
    """All parameters, end to end."""
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def steps_of(step, model, count, *args, **settings):
    """What `count` calls of a train_step return, a row each, and the weights then. There are old gradients at first."""
    batches, optimizer = Walk(), sgd(model)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    rows = [[float(number) for number in step(model, batches, optimizer, *args, **settings)] for _ in range(count)]
    return torch.tensor(rows), weights_of(model)


def kinds_of(step):
    """The types of what a train_step returns."""
    model = tiny()
    result = step(model, Walk(), sgd(model))
    return [type(number).__name__ for number in result] if isinstance(result, tuple | list) else type(result).__name__


def pytorch_steps(model, count, accumulate=1, max_norm=1.0, scale=None, growth_interval=2000, dtype=torch.float32):
    """The same with PyTorch's scaler and clipping; also the scale at the end."""
    batches, optimizer, rows = Walk(), sgd(model), []
    scaler = torch.amp.GradScaler("cpu", init_scale=scale or 1.0, growth_interval=growth_interval,
                                  enabled=scale is not None)
    for _ in range(count):
        optimizer.zero_grad()
        inputs, targets = (torch.cat(parts) for parts in
                           zip(*(batches.next_batch() for _ in range(accumulate)), strict=True))
        loss = language_loss(model, inputs, targets, dtype)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        scaler.step(optimizer)
        scaler.update()
        rows.append([loss.item(), norm.item()])
    return torch.tensor(rows), weights_of(model), scaler.get_scale()


# %% check="train_step: forget, accumulate, clip, step" points=2
check.equal(kinds_of(train_step), ["float", "float"],
            hint="return two plain numbers, for a log to write down: the mean loss and the norm, each by .item()")
rows, weights = steps_of(train_step, tiny(), 1, max_norm=100.0)
expected_rows, expected, _ = pytorch_steps(tiny(), 1, max_norm=100.0)
check.shape(rows, (1, 2), hint="return two numbers: the mean loss, and the norm of the gradient")
check.close(rows[:, 0], expected_rows[:, 0], hint="the first number is the mean loss before the step")
check.close(rows[:, 1], expected_rows[:, 1],
            hint="the second number is the norm of this step's gradient: are old gradients forgotten first?")
check.close(weights, expected, hint="other weights after one step: zero_grad, accumulate, optimizer.step, once each")
clipped, clipped_weights = steps_of(train_step, tiny(), 4)
expected_clipped, expected_clipped_weights, _ = pytorch_steps(tiny(), 4)
check.close(clipped_weights, expected_clipped_weights, atol=1e-4, rtol=1e-3,
            hint="four steps, clipped to a norm of 1 (the default): clip between accumulate and step")
check.close(clipped[:, 1], expected_clipped[:, 1], atol=1e-4, rtol=1e-3,
            hint="the norm that is returned is the one before clipping")
coarse, _ = steps_of(train_step, tiny(), 1, dtype=torch.bfloat16)
expected_coarse, _, _ = pytorch_steps(tiny(), 1, dtype=torch.bfloat16)
check.close(coarse, expected_coarse, atol=1e-5, rtol=1e-5, hint="dtype is handed to accumulate_gradients")
### BEGIN HIDDEN TESTS
tight, tight_weights = steps_of(train_step, tiny(), 3, max_norm=0.2)
expected_tight, expected_tight_weights, _ = pytorch_steps(tiny(), 3, max_norm=0.2)
check.close(tight_weights, expected_tight_weights, atol=1e-4, rtol=1e-3, hint="max_norm=0.2 is handed to the clipping")
### END HIDDEN TESTS

# %% check="train_step: several micro-batches, one step" points=1
rows, weights = steps_of(train_step, tiny(), 2, accumulate=3)
expected_rows, expected, _ = pytorch_steps(tiny(), 2, accumulate=3)
check.close(rows, expected_rows, atol=1e-4, rtol=1e-3,
            hint="three micro-batches for each step: loss and norm are those of one batch, three times as large")
check.close(weights, expected, atol=1e-4, rtol=1e-3, hint="one optimizer step after three micro-batches, not three")
### BEGIN HIDDEN TESTS
coarse, coarse_weights = steps_of(train_step, tiny(), 1, 1, 1.0, torch.bfloat16)
expected_coarse, expected_coarse_weights, _ = pytorch_steps(tiny(), 1, dtype=torch.bfloat16)
check.close(coarse, expected_coarse, atol=1e-5, rtol=1e-5, hint="dtype=torch.bfloat16, by position, is handed on")
### END HIDDEN TESTS

# %% check="train_step: the scaler finds its scale, and no broken step is taken" points=2
moderate = LossScaler(scale=4096.0)
rows2, weights2 = steps_of(train_step, tiny(), 2, scaler=moderate)
expected_rows2, expected2, _ = pytorch_steps(tiny(), 2, scale=4096.0)
check.close(rows2[:, 1], expected_rows2[:, 1], atol=1e-4, rtol=1e-3,
            hint="norm too large: unscale before you clip. Too small: accumulate_gradients needs the scaler")
check.close(weights2, expected2, atol=1e-4, rtol=1e-3, hint="unscale, then clip, then step")
scaler = LossScaler(scale=2.0**24, growth_interval=3)
rows, weights = steps_of(train_step, tiny(), 14, dtype=torch.float16, scaler=scaler)
expected_rows, expected, expected_scale = pytorch_steps(tiny(), 14, scale=2.0**24, growth_interval=3,
                                                        dtype=torch.float16)
check.close(rows[:, 0], expected_rows[:, 0], atol=1e-3, rtol=1e-3,
            hint="from a scale far too large: steps that overflow are skipped, and the loss stays until one is taken")
check.close(weights, expected, atol=1e-3, rtol=1e-3,
            hint="other weights than PyTorch's after 14 steps: unscale, clip, then step only if all is finite")
check.close(float(scaler.scale), expected_scale, hint="tell the scaler after each step, skipped or not: update(finite)")

# %% check="train_step: nothing is spoiled without a scaler either" points=1
_, spoiled = steps_of(train_step, Exploding(), 2)
check.close(spoiled, weights_of(tiny()),
            hint="the gradient was not finite, yet the weights changed: step only if the norm is finite")
quiet_rows, spoiled_quietly = steps_of(train_step, Exploding(quietly=True), 2)
check.close(spoiled_quietly, weights_of(tiny()),
            hint="the loss was finite, the gradient was not, the weights changed: look at the norm, not at the loss")
check.equal(quiet_rows.isfinite().tolist(), [[True, False], [True, False]],
            hint="a skipped step returns its loss and its norm as they are: here the norm is inf or nan")

# %% [markdown]
# A stand-in for what happens on older GPUs: float16 on this CPU, with and without the scaler, beside float32, on the
# same text. The scaler starts at $2^{24}$ and may double after 15 good steps (PyTorch waits 2,000), so that you see it
# at work. To make the gradients as small as those of a larger model, the loss is divided by DIVISOR: think of it as
# a batch that much larger. **Before you run the next cell:** does the run without scaler fail loudly?

# %% demo="sixteen-bits" alt="Left: float16 without scaler stays behind. Right: the scale as a staircase with drops."
DIVISOR = 1024  # with 512 tokens in a batch: gradients as in a batch of half a million


class Tempered(nn.Module):
    """A model whose gradients arrive divided by DIVISOR, in the format that the logits have."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        logits = self.model(ids)
        return (logits / DIVISOR).detach() * (DIVISOR - 1) + logits / DIVISOR  # the logits; their gradient / DIVISOR


def short_run(dtype=torch.float32, scaler=None, steps=120, seed=0, wrap=lambda model: model, log=None):
    """The losses of a short run at a constant learning rate."""
    torch.manual_seed(seed)
    model, batches = wrap(SmallTransformer(VOCABULARY)), Batches(tokens, 16, 32, seed=seed)
    optimizer = AdamW(decay_groups(model, 0.01), lr=0.003, eps=1e-12)
    losses = []
    for _ in range(steps):
        losses.append(train_step(model, batches, optimizer, dtype=dtype, scaler=scaler, max_norm=math.inf)[0])
        if log is not None:
            log(scaler)
    return torch.tensor(losses)


def smooth(losses, width=10):
    """The mean of each stretch of `width` losses."""
    return np.convolve(losses, np.ones(width) / width, mode="valid")


scales, scaler = [], LossScaler(2.0**24, growth_interval=15)
runs = {"float32": short_run(wrap=Tempered), "float16": short_run(torch.float16, wrap=Tempered),
        "float16, scaled": short_run(torch.float16, scaler, wrap=Tempered, log=lambda s: scales.append(s.scale))}
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
for (name, losses), (style, color, width) in zip(runs.items(), (("-", "0.7", 5), ("--", "0.35", 1.5),
                                                                ("-", "black", 1.2)), strict=True):
    axes[0].plot(smooth(losses), style, color=color, linewidth=width, label=name)
axes[0].set(title="float16 needs the scaler", xlabel="step", ylabel="loss [nats per character]")
axes[0].legend()
axes[1].step(range(len(scales)), np.log2(scales), color="black", where="post")
axes[1].set(title="The scale looks for its place", xlabel="step", ylabel="scale [log₂]")
axes[1].yaxis.get_major_locator().set_params(integer=True)
plt.show()
print("last 20 steps:", ", ".join(f"{name} {losses[-20:].mean():.3f}" for name, losses in runs.items()))
print(sum(b < a for a, b in itertools.pairwise(scales)), "steps skipped")

# %% [markdown]
# It does not fail loudly. Without the scaler nothing is infinite and nothing stops; the loss falls, gets stuck at about
# 2.9, and an unsuspecting reader would blame the data or the learning rate. With the scaler the run cannot be told from
# float32. On the right, each rise after 15 good steps is a question, and each fall an answer that cost one batch. At
# PyTorch's 2,000 steps between questions that is cheap.
#
# And bfloat16, with the range of float32 and no scaler at all? **Before you run the next cell:** which difference will
# be larger, the one between bfloat16 and float32 on the same data, or the one between two seeds?

# %% demo="bfloat16" alt="Loss in bfloat16 and float32 for two seeds: the formats agree, the seeds differ more."
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
formats = {(seed, name): short_run(FORMATS[name], seed=seed) for seed in (0, 1) for name in ("float32", "bfloat16")}
for seed, color in ((0, "black"), (1, "0.6")):
    axes[0].plot(smooth(formats[seed, "float32"]), color=color, label=f"float32, seed {seed}")
    axes[0].plot(smooth(formats[seed, "bfloat16"]), "--", color=color, label=f"bfloat16, seed {seed}")
    axes[1].plot(smooth((formats[seed, "bfloat16"] - formats[seed, "float32"]).abs()), "--", color=color,
                 label=f"formats, seed {seed}")
axes[1].plot(smooth((formats[0, "float32"] - formats[1, "float32"]).abs()), color="black", label="seeds, float32")
axes[0].set(title="Two formats, two seeds", xlabel="step", ylabel="loss [nats per character]")
axes[1].set(title="What makes a difference", xlabel="step", ylabel="difference of losses", yscale="log")
for ax in axes:
    ax.legend(fontsize=10)
plt.show()
for seed in (0, 1):
    print(f"seed {seed}, last 20 steps: float32 {formats[seed, 'float32'][-20:].mean():.4f}, "
          f"bfloat16 {formats[seed, 'bfloat16'][-20:].mean():.4f}")

# %% [markdown]
# For some ninety steps the two formats agree to about three digits after the point; after that the difference begins to
# grow in one of the two runs, as it does sooner or later between any two runs that differ in the last bit. The seeds
# differ by hundreds of times more. At the end bfloat16 is neither better nor worse than float32 within what the seed
# alone does. This is a small model and a short run; Kalamkar et al. (2019) found the same
# for a range of large ones. Nothing had to be tuned, which is why bfloat16 is used wherever the hardware has it.
#
# ## 6 · Stopping, and going on
#
# A run is a function of its state: weights; the optimizer's memory; the sampler's place; the scaler's scale; the number
# of steps, from which the schedule computes the learning rate; and the state of PyTorch's generators, from which
# dropout draws. Save all of it, and the run that goes on is *the same run*, bit for bit. Leave one out, and it is
# another run, which usually looks nearly right.
#
# PyTorch has a generator for the CPU and one for each GPU. Two given functions read and set them all.

# %% tags=["export"]
def rng_state() -> dict:
    """The state of PyTorch's global generators: the CPU's, and those of all CUDA devices, if there are any."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def set_rng_state(state: dict) -> None:
    """Put PyTorch's global generators back to what `rng_state` returned."""
    torch.set_rng_state(state["cpu"].cpu())
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda"]])


# %% [markdown]
# The file must also be *whole*. If the power fails while a checkpoint is written, there is half a file, and if it was
# written over the last one, then there is nothing. So write to another file in the same folder, and rename it when it
# is complete: `os.replace(temporary, path)` either happens or does not happen. (It must be the same folder, or at least
# the same disk: only there is renaming a single act.)
#
# **`save_checkpoint(path, step, model, optimizer, batches, scaler=None)`** ★★★☆☆ · 10 minutes
#
# | | | meaning |
# |---|---|---|
# | `path` | str or `Path` | the file; it may exist, and is replaced only by a complete new one |
# | `step` | int | steps done so far |
# | `model`, `optimizer`, `batches`, `scaler` | each has `state_dict()` | `scaler` may be None |
# | the file | `torch.save` of a dict | keys `"step"`, `"model"`, `"optimizer"`, `"batches"`, `"scaler"` (None without one), `"rng"`; the values: `step`, four state dicts, and what `rng_state()` returns |
#
# Afterwards nothing else is left in the folder. `torch.load(path, weights_only=True)`, which refuses to run code from a
# file, must be able to read it; it can if you save state dicts, numbers and tensors, and no objects.
#
# <details><summary>Hint 1</summary>One dict of six entries, one <code>torch.save</code>, one
# <code>os.replace</code>.</details>
# <details><summary>Hint 2</summary><code>f"{path}.tmp"</code> is a name beside <code>path</code>, for text and for
# <code>Path</code> alike.</details>
# <details><summary>Hint 3</summary>Four of the entries are <code>something.state_dict()</code>, one is
# <code>rng_state()</code>. The scaler's is None if there is none.</details>

# %% exercise="save_checkpoint" minutes=10 level=3 forbid="write_by_hand"
def save_checkpoint(path: str | Path, step: int, model: nn.Module, optimizer, batches,
                    scaler: LossScaler | None = None) -> None:
    """Write everything that a run goes on from to a file, which is never seen half written.

    The file: a dict with the keys step, model, optimizer, batches, scaler (None without one) and rng.
    """
    ### BEGIN SOLUTION
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
             "batches": batches.state_dict(), "scaler": None if scaler is None else scaler.state_dict(),
             "rng": rng_state()}
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)
    ### END SOLUTION


# %%
# Given: runs by PyTorch's parts alone, with dropout, that are stopped and go on.
def parts_of_a_run(seed=40):
    """A model with dropout, its optimizer and its batches."""
    torch.manual_seed(seed)
    model = tiny(dropout=0.3)
    return model, torch.optim.AdamW(model.parameters(), lr=0.02), Walk()


def plain_steps(parts, count):
    """Train for `count` steps; returns the losses."""
    model, optimizer, batches = parts
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = language_loss(model, *batches.next_batch())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def straight(count, last):
    """The last losses of a run of `count` steps that nobody interrupts, and its weights."""
    parts = parts_of_a_run()
    losses = plain_steps(parts, count)
    return torch.tensor(losses[-last:]), weights_of(parts[0])


def write_by_hand(path, step, model, optimizer, batches, scaler=None):
    """A checkpoint as the statement describes it, without any care for power cuts."""
    parts = {"model": model, "optimizer": optimizer, "batches": batches, "scaler": scaler}
    torch.save({"step": step, "rng": rng_state()} | {k: p and p.state_dict() for k, p in parts.items()}, path)


def go_on_by_hand(path, count):
    """Read a checkpoint, put a new run into its state, and train on. Returns losses and weights."""
    saved, parts = torch.load(path, weights_only=True), parts_of_a_run(seed=41)
    for part, key in zip(parts, ("model", "optimizer", "batches"), strict=True):
        part.load_state_dict(saved[key])
    set_rng_state(saved["rng"])
    return torch.tensor(plain_steps(parts, count)), weights_of(parts[0])


def save_after(save, path, count, scaler=None):
    """Train for `count` steps, then call save."""
    parts = parts_of_a_run()
    plain_steps(parts, count)
    model, optimizer, batches = parts
    save(path, count, model, optimizer, batches, scaler)
    return path


def new_folder():
    """A new, empty folder."""
    return Path(tempfile.mkdtemp())


def power_cut(save, path):
    """The power fails in the middle of torch.save. Was there a second file beside path, and what does path hold now?"""
    places, real = [], torch.save

    def half(state, file, *args, **kwargs):
        file.write(b"half a file") if hasattr(file, "write") else Path(file).write_bytes(b"half a file")
        places.append(len(os.listdir(Path(path).parent)) > 1)
        raise InterruptedError

    torch.save = half
    try:
        with contextlib.suppress(InterruptedError):
            save_after(save, path, 2)
    finally:
        torch.save = real
    try:
        held = torch.load(path, weights_only=True)["step"]
    except Exception:
        held = "a broken file"
    return places, held


def held_by_a_second_name(save, path):
    """Give a checkpoint a second name in another folder, save over it. Which step does the second name lead to?"""
    second = new_folder() / "second.pt"
    os.link(path, second)
    save_after(save, path, 2)
    return torch.load(second, weights_only=True)["step"]


def gone_before_the_rename(save, path):
    """Save over a checkpoint. Was there no file at path when another one was about to be renamed?"""
    missing, real = [], (os.replace, os.rename)

    def watched(rename):
        def watching(source, target, **settings):
            missing.append(not os.path.exists(path))
            rename(source, target, **settings)
        return watching

    os.replace, os.rename = map(watched, real)
    try:
        save_after(save, path, 2)
    finally:
        os.replace, os.rename = real
    return any(missing)


# %% check="save_checkpoint: the file holds all that a run goes on from" points=2
path = save_after(save_checkpoint, new_folder() / "run.pt", 3)
check.equal(sorted(torch.load(path, weights_only=True)), ["batches", "model", "optimizer", "rng", "scaler", "step"],
            hint="the file holds a dict with six keys, also without a scaler")
check.equal(sorted(torch.load(path, weights_only=True)["rng"]), ["cpu", "cuda"],
            hint='"rng" is what rng_state() returns: the generators of all devices')
losses, weights = go_on_by_hand(path, 4)
expected_losses, expected = straight(7, last=4)
check.close(losses, expected_losses, atol=1e-6, rtol=1e-6,
            hint="the run that goes on is another one: are model, optimizer, batches and rng all in the file?")
check.close(weights, expected, atol=1e-6, rtol=1e-6, hint="the weights differ: is the optimizer's memory in the file?")
check.equal(torch.load(path, weights_only=True)["step"], 3, hint='"step" is the number that was handed in')
check.equal(str(torch.load(path, weights_only=True)["scaler"]), "None", hint='without a scaler, "scaler" is None')
other = save_after(save_checkpoint, str(new_folder() / "other.pt"), 1, LossScaler(scale=32.0))
check.equal(torch.load(other, weights_only=True)["scaler"], {"scale": 32.0, "good_steps": 0},
            hint='with a scaler, "scaler" is its state_dict(); path may be text')
### BEGIN HIDDEN TESTS
again = save_after(save_checkpoint, new_folder() / "again.pt", 1)
again_losses, again_weights = go_on_by_hand(again, 2)
expected_again_losses, expected_again = straight(3, last=2)
check.close(again_weights, expected_again, atol=1e-6, rtol=1e-6, hint="stopped after one step, and gone on")
### END HIDDEN TESTS

# %% check="save_checkpoint: a power cut leaves the last file whole" points=2
folder_ = new_folder()
old = save_after(save_checkpoint, folder_ / "run.pt", 1)
check.equal(sorted(os.listdir(folder_)), ["run.pt"], hint="when it is done, the temporary file is gone: os.replace")
places, held = power_cut(save_checkpoint, old)
check.equal(held, 1, hint="a power cut during torch.save, and the old file is gone: write another, then rename it")
check.equal(places, [True],
            hint="torch.save is called once, and writes to a temporary file that lies in the same folder")
check.equal(held_by_a_second_name(save_checkpoint, old), 1,
            hint="the new file was copied into the old one, which is not a single act: os.replace(temporary, path)")
check.equal(gone_before_the_rename(save_checkpoint, old), False,
            hint="the old file was removed first: for a moment there is none. os.replace puts the new in its place")
newer = save_after(save_checkpoint, old, 2)
check.equal(torch.load(newer, weights_only=True)["step"], 2, hint="a complete new file replaces the old one")

# %% [markdown]
# ### The way back
#
# A checkpoint from a GPU should be readable on a CPU and the other way round. So it is read with `map_location="cpu"`,
# and the model's `load_state_dict` copies into the parameters wherever they are. PyTorch's optimizers do likewise, the
# course's keep what they are given. Hence a given function, to be called afterwards:

# %% tags=["export"]
def move_memory(optimizer) -> None:
    """Bring every tensor in the optimizer's memory that has its parameter's shape to the parameter's device."""
    for p, memory in optimizer.state.items():
        for key, value in memory.items():
            if isinstance(value, Tensor) and value.shape == p.shape:
                memory[key] = value.to(p.device)


# %% [markdown]
# **`load_checkpoint(path, model, optimizer, batches, scaler=None)`** ★★☆☆☆ · 5 minutes
#
# | | | meaning |
# |---|---|---|
# | `path` | str or `Path` | what `save_checkpoint` wrote |
# | `model`, `optimizer`, `batches`, `scaler` | new ones, made as at the beginning of the run | each gets its state by `load_state_dict`; the scaler only if there is one |
# | result | int | the number of steps done |
#
# <details><summary>Hint 1</summary>Read the file once; then five states go to where they came from.</details>
# <details><summary>Hint 2</summary><code>torch.load(path, map_location="cpu", weights_only=True)</code>. The generators
# get their state by <code>set_rng_state</code>.</details>
# <details><summary>Hint 3</summary>Set the generators last: nothing after that may draw a random number. Then
# return the step.</details>

# %% exercise="load_checkpoint" minutes=5 level=2 forbid="go_on_by_hand"
def load_checkpoint(path: str | Path, model: nn.Module, optimizer, batches, scaler: LossScaler | None = None) -> int:
    """Put a run into the state that `save_checkpoint` wrote. Returns the number of steps done."""
    ### BEGIN SOLUTION
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    move_memory(optimizer)
    batches.load_state_dict(saved["batches"])
    if scaler is not None:
        scaler.load_state_dict(saved["scaler"])
    set_rng_state(saved["rng"])
    return saved["step"]
    ### END SOLUTION


# %%
# Given: a run that goes on by a load_checkpoint.
def go_on(load, path, count, scaler=None):
    """The step, and losses and weights of `count` more steps, in a new run that was put into a file's state."""
    model, optimizer, batches = parts_of_a_run(seed=42)
    step = load(path, model, optimizer, batches, scaler)
    losses = plain_steps((model, optimizer, batches), count)
    return step, torch.tensor(losses), weights_of(model)


def memory_devices(load, path):
    """Where the memory of the course's AdamW is, after loading, for a model on the device "meta"."""
    model, batches = tiny().to("meta"), Walk()
    optimizer = AdamW(model.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, that the numbers of the weights get lost on "meta"
        load(path, model, optimizer, batches)
    return sorted({m.device.type for memory in optimizer.state.values() for m in memory.values() if torch.is_tensor(m)})


def written_by_the_course():
    """A checkpoint after one step of the course's AdamW."""
    model, batches, path = tiny(), Walk(), new_folder() / "course.pt"
    optimizer = AdamW(model.parameters())
    train_step(model, batches, optimizer)
    write_by_hand(path, 1, model, optimizer, batches)
    return path


def with_an_object():
    """A checkpoint that holds an object of a class, which might run code when it is read."""
    path = save_after(write_by_hand, new_folder() / "object.pt", 1)
    torch.save(torch.load(path, weights_only=True) | {"note": Walk()}, path)
    return path


# %% check="load_checkpoint: goes on as if nothing had happened" points=2
path = save_after(write_by_hand, new_folder() / "run.pt", 4)
step, losses, weights = go_on(load_checkpoint, path, 3)
expected_losses, expected = straight(7, last=3)
check.equal(step, 4, hint="return the step that is in the file")
check.close(losses[0], expected_losses[0], atol=1e-6, rtol=1e-6,
            hint="the very first loss differs: are model, batches and the random generators put back?")
check.close(losses, expected_losses, atol=1e-6, rtol=1e-6,
            hint="the first loss is right, a later one is not: is the optimizer's memory put back?")
check.close(weights, expected, atol=1e-6, rtol=1e-6, hint="the losses are right, the weights at the end are not")
### BEGIN HIDDEN TESTS
early = save_after(write_by_hand, str(new_folder() / "early.pt"), 1)
early_step, early_losses, early_weights = go_on(load_checkpoint, early, 5)
expected_early_losses, expected_early = straight(6, last=5)
check.close(early_losses, expected_early_losses, atol=1e-6, rtol=1e-6, hint="stopped after one step, path as text")
check.equal(early_step, 1, hint="return the step that is in the file")
### END HIDDEN TESTS

# %% check="load_checkpoint: the scaler too, if there is one" points=1
used = LossScaler()
used.load_state_dict({"scale": 128.0, "good_steps": 3})
scaled = save_after(write_by_hand, new_folder() / "scaled.pt", 1, used)
fresh = LossScaler(scale=2.0, growth_interval=5)
scaled_step, _, _ = go_on(load_checkpoint, scaled, 1, fresh)
check.equal([float(fresh.scale), int(fresh.good_steps), int(fresh.growth_interval)], [128.0, 3, 5],
            hint="in order: scale, good_steps, growth_interval; scaler.load_state_dict takes two of them from the file")
unasked, _, _ = go_on(load_checkpoint, scaled, 1)
check.equal([scaled_step, unasked, 2], [1, 1, 2],
            hint="a file with a scaler's state must be readable without a scaler: skip it then")

# %% check="load_checkpoint: memory to the model's device, and no code from a file" points=1
check.equal([*memory_devices(load_checkpoint, written_by_the_course()), 1], ["meta", 1],
            hint="the model is on another device than the optimizer's memory: move_memory(optimizer) after loading")
check.raises(lambda: go_on(load_checkpoint, with_an_object(), 0), pickle.UnpicklingError,
             hint="the file holds an object, and was read all the same: torch.load(…, weights_only=True)")

# %% [markdown]
# A run of 160 steps with dropout, and the same run stopped after 80 and taken up again in four ways: with everything,
# and with one thing forgotten. **Before you run the next cell:** which of the omissions will show in the curve, and
# which only in the comparison?

# %% demo="forgotten" alt="Resumed run on top of the original; without optimizer memory a bump, others drift apart."
def parts_for_resume(seed=0):
    """Model with dropout, the course's AdamW and batches."""
    torch.manual_seed(seed)
    model = SmallTransformer(VOCABULARY, dropout=0.1)
    return model, AdamW(decay_groups(model, 0.01), lr=0.01), Batches(tokens, 16, 32, seed=5)


def go(parts, steps):
    model, optimizer, batches = parts
    return [train_step(model, batches, optimizer)[0] for _ in range(steps)]


run = parts_for_resume()
losses = go(run, 80)
save_checkpoint(folder / "half.pt", 80, *run)
losses = torch.tensor(losses + go(run, 80))
resumed = {}
for forgotten in ("nothing", "optimizer", "sampler", "generators"):
    model, optimizer, batches = parts_for_resume(seed=9)
    kept_rng, kept_place, nobody = rng_state(), batches.state_dict(), AdamW(decay_groups(model, 0.01), lr=0.01)
    load_checkpoint(folder / "half.pt", model, optimizer, batches)
    if forgotten == "sampler":
        batches.load_state_dict(kept_place)
    if forgotten == "generators":
        set_rng_state(kept_rng)
    resumed[forgotten] = torch.tensor(go((model, nobody if forgotten == "optimizer" else optimizer, batches), 80))
figure, axes = plt.subplots(1, 2, figsize=(11.5, 3.9), layout="constrained")
axes[0].plot(losses, color="0.75", linewidth=5, label="never stopped")
axes[0].plot(range(80, 160), resumed["nothing"], color="black", linewidth=1, label="resumed, with everything")
axes[0].plot(range(80, 160), resumed["optimizer"], "--", color="0.3", label="without the optimizer's memory")
axes[0].set(title="Two curves on top of each other, and a bump", xlabel="step", ylabel="loss [nats per character]",
            xlim=(60, 130), ylim=(2.1, 3.2))
axes[0].legend(fontsize=10)
for (forgotten, after), style in zip(list(resumed.items())[1:], ("--", ":", "-"), strict=True):
    axes[1].plot(range(80, 160), (after - losses[80:]).abs() + 1e-7, style, color="black", label=f"without {forgotten}")
axes[1].set(title="Distance from the run that never stopped", xlabel="step", ylabel="difference of losses",
            yscale="log")
axes[1].legend(fontsize=10)
plt.show()
for forgotten, after in resumed.items():
    print(f"{forgotten:10} forgotten: largest difference {(after - losses[80:]).abs().max():.2e}, "
          f"mean of the first 10 losses {after[:10].mean():.3f} against {losses[80:90].mean():.3f}")

# %% [markdown]
# With everything restored the difference is exactly 0. Without the optimizer's memory there is a bump for some twenty
# steps: AdamW begins with steps of full length in every coordinate, since its averages know nothing yet. The sampler
# and the generators show only on the right. The run without its sampler even looks *better* on the left, if one draws
# it: it reads the first batches a second time. That is the most treacherous of the three; a run that is resumed often
# would read the same few batches over and over. The generators change which numbers are dropped, and no more; that does
# no harm, except that the run cannot be repeated, and a failure cannot be looked for.
#
# ## 7 · The loop
#
# What is left is the loop, and with all its parts at hand it is short. At step $s$, counted from 0, every group's
# learning rate is its peak times `schedule(s, kind, warmup, total, floor)`: a function of the step alone, so that a
# resumed run needs no memory of it but the number. The given `scale_lr` sets it, for the course's optimizers and for
# PyTorch's.

# %% tags=["export"]
def scale_lr(optimizer, factor: float) -> None:
    """Set every group's learning rate to `factor` times its peak, which is the rate that it had at the first call."""
    for group in optimizer.param_groups:
        group["lr"] = factor * group.setdefault("peak_lr", group["lr"])


# %% [markdown]
# **`train(model, batches, optimizer, steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0,
# dtype=torch.float32, scaler=None, log=None, path=None, every=0, resume=False)`** ★★★☆☆ · 10 minutes
#
# | | | meaning |
# |---|---|---|
# | `steps` | int | of the whole run, also where it is resumed; the schedule's `total` |
# | `warmup`, `kind`, `floor` | | for `schedule` |
# | `accumulate`, `max_norm`, `dtype`, `scaler` | | for `train_step` |
# | `log` | function or None | called after each step with a dict: `"step"` (1 after the first), `"loss"`, `"norm"`, and `"lr"`, the first group's rate in that step |
# | `path`, `every` | file or None, int | after every `every` steps (0: never), and at the end, a checkpoint; after `log` |
# | `resume` | bool | begin from the file at `path`, if there is one |
# | result | list of floats | the losses of the steps that this call took |
#
# Before each step the model goes into training mode: a `log` that evaluates may have left it in the other.
#
# <details><summary>Hint 1</summary><code>step</code> begins at 0, or at what <code>load_checkpoint</code> returns; then
# <code>while step &lt; steps</code>.</details>
# <details><summary>Hint 2</summary>In the loop: rate, <code>model.train()</code>, step, count, log, checkpoint. The
# schedule gets the number of steps done <i>before</i> this one; log and checkpoint get the number after it.</details>
# <details><summary>Hint 3</summary><code>schedule(step, kind, warmup, steps, floor)</code>. A checkpoint is due if
# there is a path and <code>step == steps or (every and step % every == 0)</code>. Whether a file exists:
# <code>Path(path).exists()</code>.</details>

# %% exercise="train" minutes=10 level=3 forbid="torch.optim.lr_scheduler, torch.optim.lr_scheduler.LambdaLR, plain_training"
def train(model: nn.Module, batches, optimizer, steps: int, warmup: int = 0, kind: str = "cosine", floor: float = 0.0,
          accumulate: int = 1, max_norm: float = 1.0, dtype: torch.dtype = torch.float32,
          scaler: LossScaler | None = None, log=None, path: str | Path | None = None, every: int = 0,
          resume: bool = False) -> list[float]:
    """Train up to `steps` steps, from the checkpoint at path if resume is set and there is one.

    log: called after each step with {"step", "loss", "norm", "lr"}. A checkpoint after every `every` steps (0: none),
    and at the end. Returns the losses of the steps taken.
    """
    ### BEGIN SOLUTION
    found = resume and path is not None and Path(path).exists()
    step, losses = load_checkpoint(path, model, optimizer, batches, scaler) if found else 0, []
    while step < steps:
        scale_lr(optimizer, schedule(step, kind, warmup, steps, floor))
        model.train()
        loss, norm = train_step(model, batches, optimizer, accumulate, max_norm, dtype, scaler)
        losses.append(loss)
        step += 1
        if log is not None:
            log({"step": step, "loss": loss, "norm": norm, "lr": optimizer.param_groups[0]["lr"]})
        if path is not None and (step == steps or every and step % every == 0):
            save_checkpoint(path, step, model, optimizer, batches, scaler)
    return losses
    ### END SOLUTION


# %%
# Given: the same training by PyTorch's own loop, optimizer and scheduler, and runs that lose power.
def plain_training(steps, warmup=0, kind="cosine", floor=0.0, accumulate=1, max_norm=1.0):
    """Losses, rates and weights of a run with torch.optim.AdamW, LambdaLR and clip_grad_norm_."""
    model, optimizer, batches = parts_of_a_run()
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: schedule(s, kind, warmup, steps, floor))
    losses, rates = [], []
    for _ in range(steps):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(accumulate):
            loss = language_loss(model, *batches.next_batch()) / accumulate
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        losses.append(total)
    return torch.tensor(losses), torch.tensor(rates), weights_of(model)


class PowerCut(Exception):
    """What ends a run early here."""


class Diary:
    """A log that keeps its records, switches the model to evaluation, and cuts the power at step `at`."""

    def __init__(self, model, at=None):
        self.model, self.at, self.records = model, at, []

    def __call__(self, record):
        self.records.append(dict(record))
        self.model.eval()
        if record["step"] == self.at:
            raise PowerCut


def trained(train, steps, **settings):
    """Losses, records and weights of a run by a train function."""
    model, optimizer, batches = parts_of_a_run()
    diary = Diary(model)
    losses = train(model, batches, optimizer, steps, log=diary, **settings)
    return torch.tensor(losses), diary.records, weights_of(model)


def column(records, key):
    """One entry of each record."""
    return [float(record[key]) for record in records]


def interrupted(train, steps, at, **settings):
    """A run that loses power at step `at` and is started again, in a new process so to speak: losses and weights."""
    path = str(new_folder() / "run.pt")
    model, optimizer, batches = parts_of_a_run()
    with contextlib.suppress(PowerCut):
        train(model, batches, optimizer, steps, log=Diary(model, at), path=path, resume=True, **settings)
    model, optimizer, batches = parts_of_a_run(seed=43)
    losses = train(model, batches, optimizer, steps, path=path, resume=True, **settings)
    return torch.tensor(losses), weights_of(model), torch.load(path, weights_only=True)["step"]


def after_the_end(train):
    """A run of 3 steps, and the same call when it is finished: how many steps that takes, and the step in the file."""
    path, (model, optimizer, batches) = new_folder() / "run.pt", parts_of_a_run()
    train(model, batches, optimizer, 3, path=path)
    losses = train(model, batches, optimizer, 3, path=path, resume=True)
    return [len(losses), torch.load(path, weights_only=True)["step"]]


def scale_after_a_cut(train):
    """The scale after 6 steps that lose power at step 4, by a scaler that doubles every second step."""
    path, (model, optimizer, batches) = new_folder() / "run.pt", parts_of_a_run()
    scaler = LossScaler(scale=8.0, growth_interval=2)
    with contextlib.suppress(PowerCut):
        train(model, batches, optimizer, 6, log=Diary(model, 4), path=path, every=1, scaler=scaler)
    model, optimizer, batches = parts_of_a_run()
    scaler = LossScaler(scale=8.0, growth_interval=2)
    train(model, batches, optimizer, 6, path=path, resume=True, scaler=scaler)
    return float(scaler.scale)


def rates_of_two_groups(train):
    """The rates that are logged where biases and norms have a rate of their own; warmup over 2 of 3 steps."""
    model, _, batches = parts_of_a_run()
    matrices, others = (group["params"] for group in decay_groups(model, 0.0))
    optimizer = torch.optim.SGD([{"params": matrices, "lr": 0.4}, {"params": others, "lr": 0.1}], lr=0.1)
    diary = Diary(model)
    train(model, batches, optimizer, 3, warmup=2, kind="constant", log=diary)
    return column(diary.records, "lr")


def files_of(train, steps, **settings):
    """The steps at which a run had written a checkpoint by the time its next step was logged, and at the end."""
    path, seen = new_folder() / "run.pt", []

    def look(_=None):
        seen.append(torch.load(path, weights_only=True)["step"] if path.exists() else 0)

    model, optimizer, batches = parts_of_a_run()
    train(model, batches, optimizer, steps, log=look, path=path, **settings)
    look()
    return seen


# %% check="train: as PyTorch's loop with AdamW and a scheduler" points=2
losses, records, weights = trained(train, 9, warmup=3, floor=0.1)
expected_losses, expected_rates, expected = plain_training(9, warmup=3, floor=0.1)
check.close(losses, expected_losses, atol=1e-4, rtol=1e-3,
            hint="other losses than PyTorch's: is the rate set before each step, and the model in training mode?")
check.close(column(records, "lr"), expected_rates.tolist(), atol=1e-8, rtol=1e-5,
            hint='"lr" is the rate of the step just taken: schedule(step, kind, warmup, steps, floor) times the peak')
check.close(weights, expected, atol=1e-4, rtol=1e-3, hint="losses and rates are right, the weights at the end are not")
check.equal(column(records, "step"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            hint='log is called after every step; "step" is 1 after the first')
check.close(column(records, "loss"), expected_losses.tolist(), atol=1e-4, rtol=1e-3, hint='"loss": from train_step')
expected_rows, _, _ = pytorch_steps(parts_of_a_run()[0], 1)
check.close(column(records, "norm")[0], expected_rows[0, 1].item(), atol=1e-4, rtol=1e-3,
            hint='"norm" is the norm of the gradient, as train_step returned it')
_, level_records, _ = trained(train, 3, warmup=1, kind="constant")
_, expected_level, _ = plain_training(3, warmup=1, kind="constant")
check.close(column(level_records, "lr"), expected_level.tolist(), atol=1e-8, rtol=1e-5,
            hint="kind is handed to schedule")
### BEGIN HIDDEN TESTS
losses2, records2, weights2 = trained(train, 6, kind="constant", warmup=2, accumulate=2, max_norm=0.3)
expected_losses2, expected_rates2, expected2 = plain_training(6, kind="constant", warmup=2, accumulate=2, max_norm=0.3)
check.close(losses2, expected_losses2, atol=1e-4, rtol=1e-3, hint="kind, accumulate and max_norm are handed on")
check.close(weights2, expected2, atol=1e-4, rtol=1e-3, hint="kind, accumulate and max_norm are handed on")
check.close(column(records2, "lr"), expected_rates2.tolist(), atol=1e-8, rtol=1e-5, hint='kind="constant", then level')
bare, _, bare_weights = trained(train, 4)
expected_bare, _, expected_bare_weights = plain_training(4)
check.close(bare_weights, expected_bare_weights, atol=1e-4, rtol=1e-3, hint="without warmup, and with floor 0")
### END HIDDEN TESTS

# %% check="train: after a power cut it is the same run" points=2
losses, weights, step = interrupted(train, 8, at=5, warmup=2, every=2)
expected_losses, _, expected = plain_training(8, warmup=2)
check.equal(len(losses), 4, hint="the power fails at step 5, the last file is of step 4: four steps are left of the 8")
check.close(losses, expected_losses[4:], atol=1e-4, rtol=1e-3,
            hint="the resumed steps differ: resume, count on from the file's step, same schedule")
check.close(weights, expected, atol=1e-4, rtol=1e-3, hint="the weights at the end differ from the uninterrupted run's")
check.equal([step, 0], [8, 0], hint="at the end there is a checkpoint of the last step")
check.equal(after_the_end(train), [0, 3], hint="a finished run, resumed, takes no step, and its file stays of step 3")
### BEGIN HIDDEN TESTS
losses2, weights2, step2 = interrupted(train, 7, at=3, every=3, accumulate=2)
expected_losses2, _, expected2 = plain_training(7, accumulate=2)
check.equal(len(losses2), 7, hint="the power fails in the log of step 3, before its checkpoint: nothing was saved")
losses3, weights3, step3 = interrupted(train, 7, at=4, every=1)
expected_losses3, _, expected3 = plain_training(7)
check.close(losses3, expected_losses3[3:], atol=1e-4, rtol=1e-3, hint="a checkpoint at every step, cut at step 4")
### END HIDDEN TESTS

# %% check="train: checkpoints when they are due, options where they belong" points=1
check.equal(files_of(train, 7, every=3), [0, 0, 0, 3, 3, 3, 6, 7],
            hint="every=3 and 7 steps: checkpoints after 3 and 6, and after the last; each one after the log")
check.equal(files_of(train, 3), [0, 0, 0, 3], hint="every=0: a checkpoint at the end only")
scaler = LossScaler(scale=2.0**10, growth_interval=4)
scaled, _, _ = trained(train, 5, scaler=scaler)
check.equal([float(scaler.scale), int(scaler.good_steps)], [2048.0, 1], hint="the scaler is handed to train_step")
check.equal(scale_after_a_cut(train), 64.0, hint="the scaler is handed to save_checkpoint and to load_checkpoint too")
check.close(rates_of_two_groups(train), [0.2, 0.4, 0.4], hint='two groups: "lr" is the rate of the first')
_, _, clipped = trained(train, 3, accumulate=2, max_norm=0.3)
_, _, expected_clipped = plain_training(3, accumulate=2, max_norm=0.3)
check.close(clipped, expected_clipped, atol=1e-4, rtol=1e-3, hint="accumulate and max_norm are handed to train_step")
coarse, _, _ = trained(train, 2, dtype=torch.bfloat16)
expected_fine, _, _ = plain_training(2)
check.above((coarse - expected_fine).abs().max().item(), 1e-5, hint="dtype is handed to train_step")
nothing, _, _ = trained(train, 2, resume=True)
check.equal([len(nothing), 0], [2, 0], hint="resume without a path begins at step 0")
### BEGIN HIDDEN TESTS
untouched, _, _ = trained(train, 2, path=save_after(write_by_hand, new_folder() / "old.pt", 1))
check.equal([len(untouched), 0], [2, 0], hint="without resume the file at path is not read")
### END HIDDEN TESTS

# %% [markdown]
# ### Watching a run
#
# Numbers that nobody looks at are of no use, and numbers that are not kept cannot be compared. The next cell has two
# logs. `JsonLog` appends one line of JSON for each step to a file, which any program can read, also after a crash;
# where TensorBoard is installed it writes for it too. `LivePlot` draws while the run goes on, in a notebook, and prints
# now and then elsewhere. (Services such as Weights & Biases are logs too: if you have an account and are logged in,
# call `wandb.log(record)` in a function of your own. Nothing here calls it unasked.)

# %% tags=["export"]
class JsonLog:
    """A log for `train` that appends each record to a file, one line of JSON each; also to TensorBoard, if installed.

    every: write only each so many steps. Adds "seconds" since the start to each record.
    """

    def __init__(self, path: str | Path, every: int = 1) -> None:
        self.path, self.every, self.began = Path(path), every, time.perf_counter()
        try:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(self.path.with_suffix(""))
        except ImportError:
            self.board = None

    def __call__(self, record: dict) -> None:
        """Write one record."""
        if record["step"] % self.every == 0:
            record = {**record, "seconds": time.perf_counter() - self.began}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
            if self.board is not None:
                for key in record.keys() - {"step"}:
                    self.board.add_scalar(key, record[key], record["step"])


def read_log(path: str | Path) -> dict[str, list]:
    """The columns of a `JsonLog`. Where a step occurs twice, because a run was resumed, the later record counts."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    records = {record["step"]: record for record in map(json.loads, lines)}
    return {key: [records[step][key] for step in sorted(records)] for key in next(iter(records.values()), {})}


class LivePlot:
    """A log for `train` that draws the loss while it falls; outside of a notebook it prints a line instead.

    every: draw after so many steps. total: the number of steps, for the axis.
    """

    def __init__(self, total: int, every: int = 20) -> None:
        self.total, self.every, self.steps, self.losses, self.handle = total, every, [], [], None
        try:
            from IPython import get_ipython

            self.inside = "IPKernelApp" in getattr(get_ipython(), "config", {})
        except ImportError:
            self.inside = False

    def __call__(self, record: dict) -> None:
        """Take one record, and draw if it is time."""
        self.steps.append(record["step"])
        self.losses.append(record["loss"])
        if record["step"] % self.every == 0 or record["step"] == self.total:
            if self.inside:
                self.draw()
            else:
                print(f"step {record['step']:6} of {self.total}: loss {record['loss']:.3f}")

    def draw(self) -> None:
        """Draw, or draw anew in the same place."""
        from IPython.display import display
        from matplotlib import pyplot

        figure, ax = pyplot.subplots(figsize=(7.5, 3.2), layout="constrained")
        ax.plot(self.steps, self.losses, color="0.75", linewidth=1, label="each step")
        smooth, mean = [], self.losses[0]
        for loss in self.losses:
            mean = 0.9 * mean + 0.1 * loss
            smooth.append(mean)
        ax.plot(self.steps, smooth, color="black", label="running mean")
        ax.set(title=f"step {self.steps[-1]} of {self.total}", xlabel="step", ylabel="loss", xlim=(0, self.total))
        ax.legend()
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
        pyplot.close(figure)


# %% [markdown]
# Here is a run with all of it: warmup and cosine, clipping, bfloat16, a checkpoint every 100 steps, both logs. It runs
# on a GPU if there is one. **Before you run the next cell:** watch the picture grow. If you stop it half way (the
# square button) and run the cell again, where does it begin?

# %% demo="live" alt="The loss falls while it is drawn, quickly at first; then loss, norm and rate read from a file."
device = "cuda" if torch.cuda.is_available() else "cpu"
STEPS = 300
torch.manual_seed(0)
model = SmallTransformer(VOCABULARY, dropout=0.1).to(device)
optimizer, batches = AdamW(decay_groups(model, 0.1), lr=0.005), Batches(tokens, 16, 32, seed=0)
json_log, live = JsonLog(folder / "run.jsonl"), LivePlot(STEPS)


def both_logs(record):
    json_log(record)
    live(record)


train(model, batches, optimizer, STEPS, warmup=40, dtype=torch.bfloat16, log=both_logs, path=folder / "run.pt",
      every=100, resume=True)
records = read_log(folder / "run.jsonl")
figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
for ax, key, unit in zip(axes, ("loss", "norm", "lr"), ("loss [nats per character]", "norm before clipping",
                                                         "learning rate"), strict=True):
    ax.plot(records["step"], records[key], color="black", linewidth=1)
    ax.set(title=f'"{key}", as read from the file', xlabel="step", ylabel=unit)
plt.show()
last = ", ".join(f"{key} {values[-1]:.4g}" for key, values in records.items())
print(f"{len(records['step'])} records; the last: {last}")

# %% [markdown]
# The cell can be stopped at any time and run again: it goes on from the last multiple of 100 steps. The log then has
# some steps twice, and `read_log` keeps the later ones. Run it once more now that it is finished, and it takes no step
# at all.
#
# One caution. What a log does between two steps is part of the run: if it draws random numbers from the global
# generators (to write a sample, say), it must do so at the same steps after a resume, or put the generators back.
#
# ## 8 · Forget, and compute again
#
# What fills the memory of a training run is mostly activations: each layer keeps its intermediate results until the
# backward pass comes back for them. Chen et al. (2016, §4) keep only the inputs of *segments* of the network, and
# compute a segment a second time when the backward pass reaches it. With n layers in √n segments the memory is of order
# √n, for the price of one more forward pass.
#
# A `torch.autograd.Function` is a node of the graph with a forward and a backward pass written by hand. Its `forward`
# runs with recording switched off, so nothing inside is kept. Its `backward` gets the gradient of the output, and must
# return the gradients of the inputs, one for each argument of `forward`, None for what has none. In between, on `ctx`,
# you keep what is needed: tensors by `ctx.save_for_backward`, anything else as an attribute.
#
# To be exact, the second forward pass must be the same as the first: the same dropout, hence the same state of the
# generators; the same formats, hence the same autocast, which is off again by the time `backward` runs. And nobody
# outside should notice, so the generators go back to where they were.

# %% tags=["export"]
def autocast_now(device_type: str):
    """The autocast in force now: returns a function that opens the same one, as a context, at any later time."""
    return partial(torch.autocast, device_type, dtype=torch.get_autocast_dtype(device_type),
                   enabled=torch.is_autocast_enabled(device_type))


# %% [markdown]
# **`Recompute`**, a `torch.autograd.Function`, called as `Recompute.apply(function, *inputs)`. ★★★★★ · 20 minutes
#
# | | | meaning |
# |---|---|---|
# | `function` | callable | a module, say; it may have parameters, and draw random numbers |
# | `inputs` | tensors | at least one requires a gradient; integer tensors do not |
# | `forward(ctx, function, *inputs)` | → one tensor | `function(*inputs)`, with nothing kept but the inputs (by `ctx.save_for_backward`), `rng_state()` before it, and `autocast_now(device type of the first input)` |
# | `backward(ctx, grad)` | → tuple | None for `function`, then each input's gradient, None where it requires none |
#
# The parameters of `function` get their gradients too: they are added to `.grad` when you run a backward pass through
# the recomputed graph. `torch.utils.checkpoint` is not allowed.
#
# <details><summary>Hint 1</summary>In <code>backward</code>: copies of the inputs that begin a new graph; the old state
# of the generators; <code>function</code> once more, recording; the present state of the generators again; a backward
# pass through the small graph.</details>
# <details><summary>Hint 2</summary><code>x.detach().requires_grad_(x.requires_grad)</code> begins a new graph.
# Recording is switched on by <code>torch.enable_grad()</code>, the old autocast by <code>ctx.autocast()</code>, both in
# one <code>with</code>.</details>
# <details><summary>Hint 3</summary><code>torch.autograd.backward(output, grad)</code> fills <code>.grad</code> of the
# copies and of all parameters. Remember <code>rng_state()</code> in <code>forward</code> <i>before</i>
# <code>function</code> runs.</details>

# %% exercise="Recompute" minutes=20 level=5 forbid="torch.utils.checkpoint, torch.utils.checkpoint.checkpoint, torch.utils.checkpoint.checkpoint_sequential, torch.utils.checkpoint.CheckpointFunction"
class Recompute(torch.autograd.Function):
    """Apply a function without keeping its intermediate results; backward computes them again. Chen et al. 2016, §4"""

    @staticmethod
    def forward(ctx, function, *inputs: Tensor) -> Tensor:
        """function(*inputs), one tensor. Keeps the inputs, the generators' state, and which autocast was on."""
        ### BEGIN SOLUTION
        ctx.function, ctx.rng, ctx.autocast = function, rng_state(), autocast_now(inputs[0].device.type)
        ctx.save_for_backward(*inputs)
        return function(*inputs)
        ### END SOLUTION

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        """grad: of the output. Returns None for the function, then the inputs' gradients; parameters get theirs too."""
        ### BEGIN SOLUTION
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = rng_state()
        set_rng_state(ctx.rng)
        with torch.enable_grad(), ctx.autocast():
            output = ctx.function(*inputs)
        set_rng_state(now)
        torch.autograd.backward(output, grad)
        return None, *(x.grad for x in inputs)
        ### END SOLUTION


# %% tags=["export"]
def checkpointed(function, *inputs: Tensor) -> Tensor:
    """function(*inputs), one tensor, with activations computed again in the backward pass instead of kept.

    At least one input must require a gradient. Parameters of the function get their gradients as usual.
    """
    return Recompute.apply(function, *inputs)


# %%
# Given: a layer with dropout that counts its calls, run with and without keeping its activations.
class Counted(nn.Module):
    """Two linear layers with dropout between them; may scale by a second input."""

    def __init__(self, dropout=0.5):
        super().__init__()
        self.up, self.down, self.dropout, self.calls = nn.Linear(6, 24), nn.Linear(24, 6), nn.Dropout(dropout), 0

    def forward(self, x, factor=None):
        self.calls += 1
        out = self.down(self.dropout(torch.relu(self.up(x))))
        return out if factor is None else out * factor


def kept(function, *inputs):
    """The usual way: call the function, and let autograd keep what it likes."""
    return function(*inputs)


def gradients_by(apply, dtype=torch.float32, dropout=0.5, factor=None, twice=False):
    """A seeded forward and backward pass: output, gradients of the input and of all parameters, next random number."""
    torch.manual_seed(50)
    layer, x = check.fill(Counted(dropout)), check.randn(4, 6, seed=51).requires_grad_()
    inputs = (x,) if factor is None else (x, torch.tensor(factor))
    with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
        y = apply(layer, *inputs)
        out = apply(layer, y) if twice else y
    torch.rand(3)  # somebody else draws in between
    out.float().pow(2).sum().backward()
    return out.detach().float(), x.grad, gradients_in(layer.parameters()), torch.rand(2), layer.calls


def gradients_of_two(apply, first=True):
    """The gradients of two inputs that are multiplied; the first may require none, and is left out then."""
    inputs = check.randn(4, 6, seed=52).requires_grad_(first), check.randn(4, 6, seed=53).requires_grad_()
    apply(torch.mul, *inputs).pow(2).sum().backward()
    return [x.grad for x in inputs if x.requires_grad]


def numbers_on_ctx(apply):
    """How many tensors of floating-point numbers are attributes of ctx, by themselves or in a list, after forward."""
    out = apply(check.fill(Counted()), check.randn(4, 6, seed=51).requires_grad_())
    values = [v if isinstance(v, tuple | list) else [v] for v in getattr(out.grad_fn, "__dict__", {}).values()]
    return sum(torch.is_tensor(v) and v.is_floating_point() for group in values for v in group)


def kept_bytes(apply):
    """Bytes that autograd keeps after the forward pass of a layer whose input is (4, 6), parameters left out."""
    layer, x = check.fill(Counted()), check.randn(4, 6, seed=51).requires_grad_()
    with SavedBytes(layer) as meter:
        out = apply(layer, x)
    return meter.now if out is not None else 0


# %% check="Recompute: the same output and the same gradients" points=2
out, grad_x, grad_weights, _, calls = gradients_by(Recompute.apply, dropout=0.0)
expected_out, expected_x, expected_weights, _, _ = gradients_by(kept, dropout=0.0)
check.close(out, expected_out, hint="forward returns function(*inputs)")
check.close(grad_x, expected_x, hint="the input's gradient: backward through the recomputed output, starting from grad")
check.close(grad_weights, expected_weights, hint="parameters' gradients: torch.autograd.backward adds to their .grad")
check.equal([calls, 0], [2, 0], hint="the function is called twice: once in forward, once in backward")
out2, grad_x2, grad_weights2, _, _ = gradients_by(Recompute.apply, dropout=0.0, factor=3)
expected_out2, expected_x2, expected_weights2, _, _ = gradients_by(kept, dropout=0.0, factor=3)
check.close(grad_x2, expected_x2, hint="two inputs, the second of integers: return one entry for each")
check.close(grad_weights2, expected_weights2, hint="two inputs: the parameters' gradients differ")
out3, grad_x3, grad_weights3, _, _ = gradients_by(Recompute.apply, dropout=0.0, twice=True)
expected_out3, expected_x3, expected_weights3, _, _ = gradients_by(kept, dropout=0.0, twice=True)
check.close(grad_x3, expected_x3, hint="one after the other: what the second returns is what the first one gets")
check.close(grad_weights3, expected_weights3, hint="the same layer twice: gradients of both add up in .grad")
check.close(gradients_of_two(Recompute.apply), gradients_of_two(kept),
            hint="two inputs that require a gradient: return the .grad of each copy")
check.close(gradients_of_two(Recompute.apply, first=False), gradients_of_two(kept, first=False),
            hint="the first input requires no gradient, the second does: so with the copies, requires_grad_(…)")

# %% check="Recompute: keeps the inputs, and nothing else" points=1
check.equal([kept_bytes(Recompute.apply), 0], [96, 0],
            hint="4 · 6 numbers of 4 bytes: save the inputs by ctx.save_for_backward, and nothing that is computed")
check.equal([numbers_on_ctx(Recompute.apply), 0], [0, 0],
            hint="no tensor is an attribute of ctx: neither the inputs, which are saved, nor anything that is computed")

# %% check="Recompute: the same dropout, and nobody notices" points=2
out, grad_x, grad_weights, after, _ = gradients_by(Recompute.apply)
expected_out, expected_x, expected_weights, expected_after, _ = gradients_by(kept)
check.close(out, expected_out, hint="forward draws the dropout that it would draw anyway")
check.close(grad_x, expected_x,
            hint="other numbers were dropped the second time: rng_state() before the first call, set before the second")
check.close(grad_weights, expected_weights, hint="with dropout the parameters' gradients differ")
check.close(after, expected_after, hint="after backward the generators must stand where they stood before it")
### BEGIN HIDDEN TESTS
_, grad_x2, grad_weights2, after2, _ = gradients_by(Recompute.apply, twice=True)
_, expected_x2, expected_weights2, expected_after2, _ = gradients_by(kept, twice=True)
check.close(grad_x2, expected_x2, hint="two segments with dropout: each has a state of its own")
check.close(after2, expected_after2, hint="two segments: the generators stand where they stood before")
### END HIDDEN TESTS

# %% check="Recompute: the same autocast" points=1
out, grad_x, grad_weights, _, _ = gradients_by(Recompute.apply, torch.bfloat16)
expected_out, expected_x, expected_weights, _, _ = gradients_by(kept, torch.bfloat16)
check.close(out, expected_out, hint="forward runs under the autocast that is on")
check.close(grad_x, expected_x, atol=1e-6, rtol=1e-6,
            hint="in bfloat16 the gradients differ: recompute inside of `with ctx.autocast():`, remembered in forward")
check.close(grad_weights, expected_weights, atol=1e-6, rtol=1e-6, hint="in bfloat16 the parameters' gradients differ")

# %% [markdown]
# A model of 16 blocks. We measure the most bytes that autograd keeps at any one time during a forward and a backward
# pass (counted by hooks on what it saves, since PyTorch has no such meter for a CPU), and the time, for 1 to 16
# segments. **Before you run the next cell:** with 16 blocks, how many segments need the least memory? And the time?

# %% demo="segments" alt="Peak memory against segments: none and 1 alike, then halved by each doubling; time +30%."
def measured(segments, blocks=16, repeats=3):
    """Peak of the saved bytes, and seconds, of a forward and a backward pass; 0 segments: keep everything."""
    torch.manual_seed(0)
    deep = SmallTransformer(VOCABULARY, num_layers=blocks)
    x = torch.randn(8, 64, 64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    parts = [nn.Sequential(*deep.blocks)] if not segments else [
        nn.Sequential(*deep.blocks[i * blocks // segments : (i + 1) * blocks // segments]) for i in range(segments)]

    def both_passes():
        y = x
        for part in parts:
            y = checkpointed(part, y) if segments else part(y)
        y.pow(2).mean().backward()

    with SavedBytes(deep) as meter:
        both_passes()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        both_passes()
        times.append(time.process_time() - began)
    return meter.peak, min(times)


counts = [0, 1, 2, 4, 8, 16]
peaks, seconds = zip(*(measured(count) for count in counts), strict=True)
names = ["none", *map(str, counts[1:])]
figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
axes[0].bar(names, [peak / 1e6 for peak in peaks], color=["0.75"] + ["0.35"] * 5)
axes[0].set(title="Activations kept at once, 16 blocks", xlabel="segments", ylabel="peak [MB]")
axes[1].bar(names, [1000 * s for s in seconds], color=["0.75"] + ["0.35"] * 5)
axes[1].set(title="Forward and backward", xlabel="segments", ylabel="time [ms]")
plt.show()
for name, peak, s in zip(names, peaks, seconds, strict=True):
    print(f"{name:>4} segments: {peak / 1e6:6.1f} MB, {s / seconds[0]:.2f} times the time")

# %% [markdown]
# One segment saves nothing: when the backward pass comes, the whole network is recomputed at once. With every doubling
# the memory halves at first, and then less, because more inputs are kept; the time is a quarter to two fifths longer,
# about what one more forward pass costs. Where is the minimum at √16 = 4? It would be there if a block kept as
# much as its input. Ours keeps 22 times as much (scores and weights of attention, the hidden layer, norms), so that
# inputs are cheap, and the best is one segment per block. That is what large models do.
#
# ## 9 · How fast is fast?
#
# Tokens per second compare two runs of one model. To compare a run with what the hardware could do, count operations.
# A matrix product uses each weight once per token, for one multiplication and one addition, and the backward pass does
# twice as much: $6N$ per token, with $N$ the weights that take part in products. Attention adds its scores and
# mixtures, $12\,L\,D\,T$ if nothing is saved for the mask. What is divided by the peak of the hardware is called
# *model-FLOPs utilisation* (Chowdhery et al. 2022, Appendix B): operations that the model needs, not those that were
# done, so that recomputing activations does not count as work.

# %% tags=["export"]
PEAK_FLOPS = {  # dense products in 16 bits, per second, as the makers' data sheets give them
    "T4": 65e12,  # float16
    "A100": 312e12,  # bfloat16 and float16
    "H100 SXM": 989e12,  # bfloat16 and float16
}


def flops_per_token(num_weights: int, num_layers: int, d_model: int, length: int) -> float:
    """Operations of a forward and a backward pass for one token. Chowdhery et al. 2022, Appendix B

    num_weights: those used in matrix products: without the embedding's table, unless it is also the output layer.
    """
    return 6 * num_weights + 12 * num_layers * d_model * length


def model_flops_utilisation(tokens_per_second: float, flops_per_token: float, peak_flops: float) -> float:
    """The share of the hardware's peak that a model's own operations make up, 0 to 1."""
    return tokens_per_second * flops_per_token / peak_flops


# %% [markdown]
# Nobody publishes the peak of one thread of this CPU, so the next cell measures it: the fastest of several large
# products of square matrices in float32. **Before you run it:** which share of that does our small model reach, and
# what becomes of it if the batch grows?

# %% demo="utilisation" alt="Utilisation against tokens in a batch: rises from a few per cent and levels off."
def matrix_peak(size=768, repeats=8, device="cpu", dtype=torch.float32):
    """Operations per second of the fastest of several square matrix products."""
    a, best = torch.randn(size, size, device=device, dtype=dtype), math.inf
    for _ in range(repeats):
        began = time.perf_counter()
        a @ a
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def speed(batch_size, length=32, steps=4):
    """Tokens per second of training on one thread."""
    torch.manual_seed(0)
    model, batches = SmallTransformer(VOCABULARY), Batches(tokens, batch_size, length)
    optimizer, best = AdamW(model.parameters(), lr=0.001), math.inf
    for _ in range(steps):
        began = time.perf_counter()
        train_step(model, batches, optimizer)
        best = min(best, time.perf_counter() - began)
    return batch_size * length / best


peak = matrix_peak()
weights = sum(p.numel() for name, p in SmallTransformer(VOCABULARY).named_parameters()
              if p.ndim == 2 and not name.startswith(("token", "positions")))
cost = flops_per_token(weights, 2, 64, 32)
batch_sizes = [1, 4, 16, 64, 128]
speeds = [speed(size) for size in batch_sizes]
shares = [100 * model_flops_utilisation(s, cost, peak) for s in speeds]
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
ax.plot([32 * size for size in batch_sizes], shares, "o-", color="black")
ax.set(title="The same model in larger batches", xlabel="tokens in a batch", ylabel="model-FLOPs utilisation [%]",
       xscale="log", ylim=(0, None))
plt.show()
print(f"peak of one thread, measured: {peak / 1e9:.0f} GFLOPS; the model: {weights:,} weights in products, "
      f"{cost / 1e6:.2f} MFLOP per token")
for size, tokens_per_second, share in zip(batch_sizes, speeds, shares, strict=True):
    print(f"{32 * size:5} tokens a step: {tokens_per_second:9,.0f} tokens/s, utilisation {share:4.1f}%")
for name, flops in PEAK_FLOPS.items():
    print(f"{name:9} {flops / 1e12:4.0f} TFLOPS: at 40% of it, {0.4 * flops / (6 * 8e9):6,.0f} tokens/s of 8 B weights")

# %% [markdown]
# On a quiet machine we measured this: with one sequence of 32 characters nearly all the time goes into calling
# operations, and under 2% of the peak into products. Larger batches help up to about a fifth; then norms, softmax and
# the optimizer, which move numbers more than they multiply, take the rest. Yours will differ, and on a machine that
# others use at the same time the curve may even turn down: these are times by the clock. PaLM reached 46% on 6,144
# chips (Chowdhery et al. 2022, §4), with layers nearly three hundred times as wide.
#
# The last cell does nothing on a machine without a GPU. With one, it trains a larger model in the three formats and
# says what each is worth.

# %% demo="gpu" alt="Nothing without a GPU; with one, lines with loss and tokens per second in three formats."
if torch.cuda.is_available():
    for name, dtype in FORMATS.items():
        torch.manual_seed(0)
        model = SmallTransformer(VOCABULARY, d_model=512, num_heads=8, num_layers=6, max_len=256).cuda()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.0005, fused=True)
        batches, scaler = Batches(tokens, 32, 256), LossScaler() if dtype is torch.float16 else None
        train(model, batches, optimizer, 10, kind="constant", dtype=dtype, scaler=scaler)
        began = time.perf_counter()
        losses = train(model, batches, optimizer, 60, kind="constant", dtype=dtype, scaler=scaler)
        torch.cuda.synchronize()
        per_second = 60 * 32 * 256 / (time.perf_counter() - began)
        weights = sum(p.numel() for p in model.blocks.parameters()) + model.answer.weight.numel()
        share = model_flops_utilisation(per_second, flops_per_token(weights, 6, 512, 256),
                                        matrix_peak(8192, device="cuda", dtype=dtype))
        print(f"{name:9} loss {np.mean(losses[-10:]):.3f}, {per_second:10,.0f} tokens/s, utilisation {share:.0%} of a "
              f"large product's speed, {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most")
        torch.cuda.reset_peak_memory_stats()
else:
    print("No GPU here. On Colab: Runtime, Change runtime type, T4 GPU.")

# %% [markdown]
# ## Recap
#
# - A sampler with a generator of its own can be saved, and does not depend on what else is random.
# - float16 is short of range, bfloat16 of precision. Weights and optimizer stay in float32.
# - Multiply the loss, divide the gradients, skip what is not finite, and the scale finds its own place.
# - Divide by the number of micro-batches, call `backward` on each. Means of means need equal sizes.
# - Zero, accumulate, unscale, clip, step: in this order.
# - A run is a function of its state. Save weights, optimizer, sampler, scaler, step and generators, and rename the
#   finished file.
# - Activations can be computed twice instead of kept; dropout and autocast must be the same both times.
#
# Next: *scaling_laws*, how large a model should be for the budget that you have.

# %% [markdown]
# ## A question in words
#
# A friend trains on an old GPU in float16 with loss scaling. Memory is short, so the batch of 64 is made of 16
# micro-batches of 4 sequences each, padded to the longest, and the loss of each is the mean over its real tokens. Every
# night the job is stopped and resumed from a file with the weights, the step and the optimizer's state. The friend
# says: "Gradients are clipped to 1, but the clipping seems to act at every single step, and the loss jumps a little
# every morning. And my scale was 65,536 for a week and now falls and falls. I shall switch the scaler off."
#
# In eight to twelve sentences: (a) What may be wrong with the clipping, and with the accumulation? (b) What is missing
# in the file, and which of it explains a jump? (c) What does a scale that keeps falling say, and what happens if the
# scaler is switched off?

# %% [markdown] essay="old-gpu" points=3
# **(a)** The gradients are probably clipped while they are still multiplied by the scale: their norm is then 65,536
# times too large, and every step is clipped. Unscale first. The mean over the real tokens of each micro-batch, averaged
# over 16 of them, gives a token in a mostly padded micro-batch more weight than one in a full micro-batch; sum over
# tokens, and divide by the number of real tokens in all 16. *(1 point: unscale before clipping, and means of means.)*
#
# **(b)** The sampler's state, the generators' and the scaler's. Without the sampler's the run reads the beginning of
# the same sequence of batches every day: some text is seen each day, some never, and the loss jumps at the change from
# one to the other. Without the scaler's the scale begins at its first value again, and a few steps may be skipped each
# morning. The generators alone make another run, without a visible jump. *(1 point: all three are named, with a
# sensible account of what shows.)*
#
# **(c)** The scale is halved whenever a gradient is not finite. If it keeps falling, the gradients are not finite at
# any scale: activations overflow in the forward pass, or a nan has got into the weights or the data. The scaler is the
# messenger. Without it infinities and nan would go into the weights, unless the step checks for them; and once the
# cause is mended, small gradients would become zero in silence. Look for the layer in which the first number that is
# not finite appears; lower the learning rate, go back to an earlier checkpoint, or use bfloat16 where the hardware has
# it. *(1 point: the cause is elsewhere; what switching off does.)*

# %% [markdown]
# ## Sources
#
# - Micikevicius, Narang, Alben, Diamos, Elsen, Garcia, Ginsburg, Houston, Kuchaiev, Venkatesh, Wu 2018. *Mixed
#   Precision Training.* ICLR 2018, arXiv 1710.03740. §3.1 a copy of the weights in float32, §3.2 loss scaling.
# - Kalamkar et al. 2019. *A Study of BFLOAT16 for Deep Learning Training.* arXiv 1905.12322.
# - Chen, Xu, Zhang, Guestrin 2016. *Training Deep Nets with Sublinear Memory Cost.* arXiv 1604.06174.
# - Pascanu, Mikolov, Bengio 2012. *On the Difficulty of Training Recurrent Neural Networks.* arXiv 1211.5063: clipping.
# - Loshchilov, Hutter 2016. *SGDR.* arXiv 1608.03983: the cosine. Goyal et al. 2017. *Accurate, Large Minibatch SGD.*
#   arXiv 1706.02677, §2.2: warmup.
# - Zhang et al. 2022. *OPT: Open Pre-trained Transformer Language Models.* arXiv 2205.01068, §2.5: restarts.
# - Chowdhery et al. 2022. *PaLM.* arXiv 2204.02311, Appendix B: model-FLOPs utilisation.
# - NVIDIA's data sheets of T4, A100 and H100: peaks of dense 16-bit products. (H100's sheet gives the SXM version twice
#   as much, with a footnote: with sparsity.)
# - PyTorch documentation of `torch.amp`, `torch.utils.checkpoint` and `torch.autograd.Function`.
