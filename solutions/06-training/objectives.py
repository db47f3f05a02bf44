# %% [markdown]
# # Objectives
#
# ## What you will build
#
# The questions that a model is asked while it learns. From running text: `causal_lm_batch` (what comes next?),
# `masked_lm_batch` (what stood here?), `noise_mask` and `span_corruption` (what was cut out?). From pairs: `info_nce`
# and `clip_loss` (which of these belongs to that?), and `recall_at_k`, which says how often the answer is right. Then
# one tiny transformer learns from the first three, and you see what each can do afterwards; and two small networks,
# one for pictures and one for words, learn to find emoji by names that they have not been trained on. About eighty
# minutes.
#
# ## When it was invented, and why it matters
#
# Nobody labels the texts or the pictures that large models learn from. The labels are parts of the data, held back.
# *Which* part is held back decides what the model becomes. GPT (Radford et al. 2018) predicts the next token, and can
# write. BERT (Devlin et al. 2019, §3.1) fills in hidden tokens, reads in both directions, and cannot. T5 (Raffel et al.
# 2020, §3.1.4) cuts out short spans and writes what was in them. Van den Oord et al. (2018, §2.3) let a model pick the
# one right partner out of many, which needs no words at all; CLIP (Radford et al. 2021) did this with 400 million
# pictures and their captions, in batches of 32,768, and could then name things in pictures without having been trained
# for any list of names.
#
# The architectures of these models differ little, as you know. The batches and the losses differ, and they are a few
# lines each. Those few lines are also where training goes wrong in silence: a label that is off by one, or counted
# where it should not be, raises no error.
#
# ## Prerequisites
#
# BERT and its masks (*bert*); cross-entropy, and that PyTorch's leaves out labels of −100 (*language_models*, *bert*).
# Section 5 uses blocks from *gpt*, which are lent to you if you have not built them.
#
# Letters: `B` sequences in a batch, `T` tokens, `V` words of the vocabulary, `N` pairs, `M` candidates, `D` the width.

# %%
import math
import random
import time

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check, data
from autograder.parts.gpt import GPTBlock, init_weights
from autograder.parts.layer_norm_comparison import LayerNorm
from autograder.parts.positional_encoding import LearnedPositions

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · What comes next
#
# A causal language model reads tokens $x_1 \dots x_n$ and is asked at *every* position for the token after it. So one
# text gives as many questions as it has tokens, all answered in one pass. Three decisions are left to whoever builds
# the batch:
#
# - **The shift.** The label at position t is the token at t + 1. Either the batch holds shifted labels, as here, or the
#   model shifts them itself, as in the library *transformers*, whose labels are the inputs once more. Doing both trains
#   a model to predict the token after the next; doing neither trains it to copy.
# - **The end.** Behind the last token of a text the answer is an *end* token. A model that was never asked this never
#   stops.
# - **Padding.** Short texts are filled up on the right. Filled places get the label −100, which cross-entropy leaves
#   out. No attention mask is needed: a real token sees only what is before it, and padding is not.
#
# There is a trap in the last two. GPT-2 has no token for padding, so people pad with the end token. Whoever then
# sets the label to −100 "wherever the input is padding", by its number, erases the ends as well, and the model talks on
# for ever. *transformers*' collator does this, and its issue 23530 is about it. Padding is a matter of **where**, not
# of **which token**.
#
# The next cell gives you `pad`, which you know from *bert*: it fills lists up to a rectangle.

# %% tags=["export"]
def pad(sequences: list[list[int]], pad_id: int = 0) -> tuple[Tensor, Tensor]:
    """Lists of ids as a rectangle: ids (B, T), filled up on the right, and mask (B, T), True = real token."""
    longest = max(len(sequence) for sequence in sequences)
    ids = torch.tensor([sequence + [pad_id] * (longest - len(sequence)) for sequence in sequences])
    mask = torch.tensor([[i < len(sequence) for i in range(longest)] for sequence in sequences])
    return ids, mask


# %% [markdown]
# **`causal_lm_batch(sequences, eos_id, pad_id=0)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `sequences` | list of B lists of ints | texts of any lengths, at least one token each; not to be changed |
# | `eos_id` | int | the end token. The texts come without it; it may be the same number as `pad_id` |
# | `inputs` | (B, T), int64 | T is the length of the longest text; on the right `pad_id` |
# | `labels` | (B, T), int64 | what comes next; behind the last token `eos_id`; −100 where `inputs` are padding |
#
# Returns the tuple `(inputs, labels)`. `pad` is given above.
#
# <details><summary>Hint 1</summary>Write down inputs and labels of the texts [5, 6, 7] and [8] on paper. How long is
# each row of labels before it is filled up?</details>
# <details><summary>Hint 2</summary>The labels of one text are its tokens without the first, and then the end: as many
# as the text has tokens.</details>
# <details><summary>Hint 3</summary>Labels can be padded like inputs, with another number: <code>pad</code> takes the
# number to pad with. Then nobody has to search for padding afterwards.</details>

# %% exercise="causal_lm_batch" minutes=10 level=2
def causal_lm_batch(sequences: list[list[int]], eos_id: int, pad_id: int = 0) -> tuple[Tensor, Tensor]:
    """Texts as a batch for a causal language model: at every token the question what comes next.

    sequences: B lists of token ids, at least one each, without the end token. eos_id may equal pad_id.
    Returns inputs (B, T), padded on the right, and labels (B, T): the next token, eos_id behind the last one, −100
    where inputs are padding.   Radford et al. 2018, eq. 1
    """
    ### BEGIN SOLUTION
    inputs, _ = pad(sequences, pad_id)  # (B, T)
    labels, _ = pad([sequence[1:] + [eos_id] for sequence in sequences], -100)  # (B, T)
    return inputs, labels
    ### END SOLUTION


# %% check="causal_lm_batch: the label is the token after" points=1
inputs, labels = causal_lm_batch([[5, 6, 7, 8], [9, 4, 3]], 2)
check.equal(inputs, torch.tensor([[5, 6, 7, 8], [9, 4, 3, 0]]),
            hint="inputs: the texts as they are, without the end token, the shorter one filled up on the right")
check.equal(labels[:, :2], torch.tensor([[6, 7], [4, 3]]), hint="the label at a token is the token after it")
check.equal(labels, torch.tensor([[6, 7, 8, 2], [4, 3, 2, -100]]),
            hint="labels: shifted by one, eos_id behind the last token, −100 under padding")
check.dtype(inputs, torch.int64, hint="token ids are integers")
check.dtype(labels, torch.int64, hint="labels are integers")
given_texts = [[5, 6], [7]]
causal_lm_batch(given_texts, 2)
check.equal(given_texts, [[5, 6], [7]], hint="the lists were changed: build new ones, no append to the caller's")
### BEGIN HIDDEN TESTS
one, one_label = causal_lm_batch([[7]], 9)
check.equal(one, torch.tensor([[7]]), hint="one text of one token: its row is that token")
check.equal(one_label, torch.tensor([[9]]), hint="one text of one token: behind it comes the end")
### END HIDDEN TESTS

# %% check="causal_lm_batch: padding is a place, not a number" points=2
same_inputs, same_labels = causal_lm_batch([[5, 6], [7, 8, 9, 4], [3]], 2, 2)
check.equal(same_inputs, torch.tensor([[5, 6, 2, 2], [7, 8, 9, 4], [3, 2, 2, 2]]), hint="here texts are padded with 2")
check.equal(same_labels, torch.tensor([[6, 2, -100, -100], [8, 9, 4, 2], [2, -100, -100, -100]]),
            hint="eos_id = pad_id = 2: each text keeps one label 2, for its end; only the places behind it get −100")
zero_inputs, zero_labels = causal_lm_batch([[0, 5, 0], [6]], eos_id=1)
check.equal(zero_labels, torch.tensor([[5, 0, 1], [1, -100, -100]]),
            hint="a text may hold the number pad_id as a token: −100 goes by the length of the text, not by the number")
tail_inputs, tail_labels = causal_lm_batch([[4, 3, 3], [5, 6, 7, 8]], eos_id=3, pad_id=3)
check.equal(tail_labels, torch.tensor([[3, 3, 3, -100], [6, 7, 8, 3]]),
            hint="tokens equal to eos_id and pad_id are tokens too: go by the length of the text")
### BEGIN HIDDEN TESTS
check.equal(tail_inputs, torch.tensor([[4, 3, 3, 3], [5, 6, 7, 8]]), hint="inputs are padded with pad_id")
only_inputs, only_labels = causal_lm_batch([[6, 0, 0, 0], [5]], eos_id=0)
check.equal(only_inputs, torch.tensor([[6, 0, 0, 0], [5, 0, 0, 0]]), hint="inputs are padded with pad_id")
check.equal(only_labels, torch.tensor([[0, 0, 0, 0], [0, -100, -100, -100]]), hint="a text of zeros is a text too")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** it prints the loss of three hopeless models on one batch: one that gives every token
# the same probability, one that copies its input, and one that always expects the end. Which label would make the
# copying model perfect?

# %% demo="causal-table" alt="Two texts as rows of inputs and labels, the end token as last label, dashes for padding."
WORDS = ["[PAD]", "[END]", "the", "bell", "rings", "bells", "ring", "."]
texts = [[2, 5, 6, 7], [2, 3, 4], [3]]
inputs_shown, labels_shown = causal_lm_batch(texts, eos_id=1)
for name, ids in (("inputs", inputs_shown), ("labels", labels_shown)):
    for row in ids.tolist():
        print(f"{name}  " + " ".join(f"{'–' if i == -100 else WORDS[i]:7}" for i in row))
even = torch.zeros(*inputs_shown.shape, len(WORDS))
copying = 8.0 * F.one_hot(inputs_shown, len(WORDS))
ending = even + 8.0 * F.one_hot(torch.tensor(1), len(WORDS))
for name, logits in (("all the same", even), ("copies", copying), ("always the end", ending)):
    loss = F.cross_entropy(logits.flatten(0, 1), labels_shown.flatten())
    print(f"{name:15} loss {loss:.2f} nats")

# %% [markdown]
# The first loss is ln 8 = 2.08, as for every model that knows nothing. The second is far worse: copying is what one
# gets with labels that were never shifted, where it would look perfect. A loss near zero after a few steps is a reason
# to look at the labels, not to celebrate.
#
# ## 2 · What stood here
#
# A masked language model sees the whole text, both sides, with a few tokens hidden, and is asked for those alone.
# BERT (Devlin et al. 2019, §3.1 and Appendix A.1) chooses 15% of the tokens. What the model *sees* in their place is
# decided by a second draw:
#
# | share of the chosen | the model sees |
# |---|---|
# | 80% | the token `[MASK]` |
# | 10% | a random token |
# | 10% | the token itself |
#
# Why not `[MASK]` always? Because no text that the model is used on contains a `[MASK]`. If only those places were ever
# asked about, then the vectors at all other places would be free to be anything. As it is, a visible token may be wrong
# or may be asked about, so the model has to know something at *every* place. In BERT's own ablation (Appendix C.2) the
# choice mattered little for fine-tuning, and more where the vectors were used as they are.
#
# The labels are the *original* tokens at the chosen places, all three kinds of them, and −100 elsewhere. Special tokens
# ([CLS], [SEP], padding) are never chosen. BERT drew once and kept the result; RoBERTa (Liu et al. 2019, §4.1) draws
# anew whenever it meets a text, and most have since. BERT also took a fixed number per text; now each token is
# chosen by a draw of its own, so that their number varies.
#
# **`masked_lm_batch(ids, special, mask_id, vocab_size, generator, rate=0.15)`** ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `ids` | (B, T), int64 | the texts; not to be changed |
# | `special` | (B, T), bool, on the device of `ids` | True = never chosen |
# | `mask_id` | int | the number of `[MASK]` |
# | `vocab_size` | int V | a random token is any of 0 … V − 1, each equally likely |
# | `generator` | `torch.Generator` on the CPU | where all random numbers come from, in whatever order you like |
# | `rate` | float | each token that is not special is chosen with this probability, by itself |
# | `inputs` | (B, T), int64 | what the model sees |
# | `labels` | (B, T), int64 | the original token where chosen, −100 elsewhere |
#
# Returns the tuple `(inputs, labels)`, on the device of `ids`. The generator lives on the CPU: draw there and move the
# result with `.to(ids.device)`. Every place gets draws of its own. The checks count shares over 120,000 tokens; a
# correct answer falls outside of their bounds about once in a million.
#
# <details><summary>Hint 1</summary>Two independent draws for each token: is it chosen, and if so, what becomes of it?
# The second one splits the line from 0 to 1 into three parts.</details>
# <details><summary>Hint 2</summary><code>torch.rand(ids.shape, generator=generator)</code> is uniform on [0, 1), so
# that <code>&lt; rate</code> is True with probability rate. Fix the labels from the original ids before anything is
# replaced.</details>
# <details><summary>Hint 3</summary>With <code>fate</code> the second draw: below 0.8 the mask; from 0.9 on a random
# token, <code>torch.where(condition, torch.randint(…), ids)</code>; in between nothing happens. Each condition needs
# <code>&amp; chosen</code>.</details>

# %% exercise="masked_lm_batch" minutes=15 level=3
def masked_lm_batch(ids: Tensor, special: Tensor, mask_id: int, vocab_size: int, generator: torch.Generator,
                    rate: float = 0.15) -> tuple[Tensor, Tensor]:
    """Texts as a batch for a masked language model: hide some tokens, ask for those.

    ids: (B, T) int64. special: (B, T) bool, True = never chosen. Every other token is chosen with probability rate;
    of the chosen, 80% become mask_id, 10% a random token of 0 … vocab_size − 1, 10% stay. generator: on the CPU.
    Returns inputs (B, T), and labels (B, T): the original token where chosen, else −100.
    Devlin et al. 2019, §3.1; drawn anew each time, as in Liu et al. 2019, §4.1
    """
    ### BEGIN SOLUTION
    draw, fate = torch.rand(2, *ids.shape, generator=generator).to(ids.device)  # (B, T) each
    words = torch.randint(vocab_size, ids.shape, generator=generator).to(ids.device)  # (B, T)
    chosen = (draw < rate) & ~special
    labels = ids.masked_fill(~chosen, -100)
    inputs = ids.masked_fill(chosen & (fate < 0.8), mask_id)
    inputs = torch.where(chosen & (fate >= 0.9), words, inputs)
    return inputs, labels
    ### END SOLUTION


# %%
# Given: what to look at in a masked batch.
def masked_trial(function, seed=0, vocab_size=1000, shape=(300, 400), **rate):
    """Mask a batch of random ids (B, T) with ids from 2 to vocab_size − 1, mask 1; the first column is special.

    Returns ids, inputs, labels.
    """
    ids = torch.randint(2, vocab_size, shape, generator=torch.Generator().manual_seed(100 + seed))
    special = torch.zeros(shape, dtype=torch.bool)
    special[:, 0] = True
    inputs, labels = function(ids.clone(), special, 1, vocab_size, torch.Generator().manual_seed(seed), **rate)
    return ids, inputs, labels


def shares_of(trial):
    """Shares: chosen of those allowed; then of the chosen: masked, another token, unchanged."""
    ids, inputs, labels = trial
    chosen = labels != -100
    masked, same = (inputs == 1)[chosen], (inputs == ids)[chosen]
    return [chosen[:, 1:].float().mean().item(), masked.float().mean().item(),
            (~masked & ~same).float().mean().item(), same.float().mean().item()]


def faults_of(trial):
    """How many: special tokens chosen; labels that are not the original; tokens changed without being chosen."""
    ids, inputs, labels = trial
    chosen = labels != -100
    return [chosen[:, 0].sum().item(), (labels != ids)[chosen].sum().item(), (inputs != ids)[~chosen].sum().item()]


def words_of(trial):
    """Which random tokens turn up, the mask's number aside; and how many rows are chosen alike, of all pairs."""
    ids, inputs, labels = trial
    chosen = labels != -100
    new = inputs[chosen & (inputs != ids) & (inputs != 1)].unique().tolist()
    return [new, len(chosen) - len(chosen.unique(dim=0)), chosen.shape[1] - chosen.unique(dim=1).shape[1]]


def own_draws_of(trial):
    """Is it so: in a row not all are masked or all kept, nor all random tokens alike; in a column; numbers vary?"""
    ids, inputs, labels = trial
    chosen = labels != -100
    masked, same = chosen & (inputs == 1), chosen & (inputs == ids)
    new = torch.where(chosen & ~masked & ~same, inputs, -1)
    found = []
    for axis in (1, 0):
        highest, lowest = new.amax(axis), new.masked_fill(new < 0, len(ids) * ids.numel()).amin(axis)
        found += [(masked.any(axis) & same.any(axis)).any().item(), (highest > lowest).any().item()]
    return [*found, len(chosen.sum(1).unique()) > 1]


def masking_habits(function):
    """Is it so: same seed, same batch; the next draw the same; global state left alone; ids left alone?"""
    ids, special = torch.arange(40).view(4, 10), torch.zeros(4, 10, dtype=torch.bool)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        before, generator = torch.get_rng_state(), torch.Generator().manual_seed(3)
        kept = ids.clone()
        one, two = (function(ids, special, 1, 50, generator, 0.5) for _ in range(2))
        alone = torch.equal(before, torch.get_rng_state())
        torch.manual_seed(2)
        again = function(kept.clone(), special, 1, 50, torch.Generator().manual_seed(3), 0.5)
    return [all(map(torch.equal, one, again)), torch.equal(one[1], two[1]), alone, torch.equal(ids, kept)]


# %% check="masked_lm_batch: only what is chosen changes, and its label is the original" points=1
trial = masked_trial(masked_lm_batch)
check.shape(trial[1], (300, 400), hint="inputs have the shape of ids")
check.dtype(trial[1], torch.int64, hint="inputs are token ids, int64")
check.dtype(trial[2], torch.int64, hint="labels are token ids or −100, int64")
check.equal(trial[2][:, 0], torch.full((300,), -100),
            hint="no special tokens chosen: their label is −100, like that of every token that is not chosen")
check.equal(faults_of(trial), [0, 0, 0],
            hint="in order: special tokens chosen; labels that are not the original; changed without being chosen")
check.equal(masking_habits(masked_lm_batch), [True, False, True, True],
            hint="in order: same seed, same batch; the next call differs; no global randomness; ids left alone")
### BEGIN HIDDEN TESTS
narrow_trial = masked_trial(masked_lm_batch, seed=4, vocab_size=30, shape=(7, 50), rate=0.9)
check.equal(faults_of(narrow_trial), [0, 0, 0], hint="a high rate: special tokens, labels, unchosen tokens as before")
### END HIDDEN TESTS

# %% check="masked_lm_batch: 15%, and of these 80, 10 and 10" points=2
trial = masked_trial(masked_lm_batch, seed=1)
check.close(shares_of(trial)[0], 0.15, atol=0.006, rtol=0.0,
            hint="the share of chosen tokens: those whose first draw is below rate, 0.15 by default")
check.close(shares_of(trial)[1:], [0.8, 0.1, 0.1], atol=0.015, rtol=0.0,
            hint="of the chosen, in order: masked, another token, unchanged. Each token draws: 0 … 0.8 … 0.9 … 1")
half = masked_trial(masked_lm_batch, seed=2, rate=0.5)
check.close(shares_of(half), [0.5, 0.8, 0.1, 0.1], atol=0.015, rtol=0.0,
            hint="rate = 0.5: half are chosen, and of these 80, 10 and 10% as before. Use a second, independent draw")
### BEGIN HIDDEN TESTS
check.equal(shares_of(masked_trial(masked_lm_batch, seed=3, rate=0.0))[0], 0.0, hint="rate = 0: nothing is chosen")
check.equal(shares_of(masked_trial(masked_lm_batch, seed=3, rate=1.0))[0], 1.0, hint="rate = 1: all are chosen")
### END HIDDEN TESTS

# %% check="masked_lm_batch: a draw of its own for every token" points=1
small = masked_trial(masked_lm_batch, seed=5, vocab_size=12, shape=(200, 60), rate=0.5)
check.equal(words_of(small), [[0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 0, 0],
            hint="in order: random tokens are any of 0 … V − 1; rows chosen alike; columns chosen alike")
check.equal(own_draws_of(small), [True, True, True, True, True],
            hint="in order: fates, random tokens differ within rows; the same within columns; how many in a row varies")
tiny = masked_trial(masked_lm_batch, seed=7, vocab_size=3, rate=0.5)
check.close(shares_of(tiny)[1:], [0.8333, 0.0333, 0.1333], atol=0.011, rtol=0.0,
            hint="V = 3, text of 2s: a random token is 0, the mask 1 or the 2 that stood there, each equally likely")
### BEGIN HIDDEN TESTS
wide = masked_trial(masked_lm_batch, seed=6, vocab_size=5, shape=(60, 200), rate=0.4)
check.equal(words_of(wide), [[0, 2, 3, 4], 0, 0], hint="a draw for each row and each column")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** a text of nine words is masked six times over. Will every word be asked about once?
# And if 15% of the tokens are chosen, what share does the model see changed?

# %% demo="masks" alt="A grid of six maskings of one sentence: few cells are masked, replaced or kept, most are plain."
SENTENCE = ["[CLS]", "the", "old", "bells", "of", "the", "town", "ring", "at", "noon", "[SEP]"]
names = ["[MASK]", *sorted(set(SENTENCE))]
sentence_ids = torch.tensor([[names.index(word) for word in SENTENCE]] * 6)
ends = torch.tensor([[word.startswith("[") for word in SENTENCE]] * 6)
seen, asked = masked_lm_batch(sentence_ids, ends, 0, len(names), torch.Generator().manual_seed(1), rate=0.3)
figure, ax = plt.subplots(figsize=(11, 3.4), layout="constrained")
shade = torch.where(asked == -100, 0.0, torch.where(seen == 0, 0.75, torch.where(seen == asked, 0.2, 0.45)))
ax.imshow(shade, cmap="Greys", vmin=0, vmax=1, aspect="auto")
for row in range(6):
    for place in range(len(SENTENCE)):
        ax.text(place, row, names[seen[row, place]], ha="center", va="center", fontsize=10,
                color="white" if shade[row, place] > 0.5 else "black",
                weight="bold" if asked[row, place] != -100 else "normal")
ax.set(title="What the model sees; it is asked about the shaded places (rate 0.3, to have some)", xlabel="place",
       ylabel="draw", xticks=range(len(SENTENCE)), yticks=range(6))
ax.grid(False)
plt.show()
chosen_once = 1 - 0.85 ** torch.tensor([1, 5, 10, 20])
print("chosen at least once after 1, 5, 10, 20 passes at 15%:", [f"{share:.0%}" for share in chosen_once.tolist()])

# %% [markdown]
# Dark is a mask, medium a random token, light an unchanged one that is asked about all the same. Of a text, 15% are
# asked about and only 13.5% (less the few random tokens that happen to be the original) look different. After five
# passes more than two fifths of the tokens have never been a question: the price of asking about few.
#
# ## 3 · Where to cut
#
# Span corruption hides runs of tokens instead of single ones. How many, and how long? Raffel et al. (2020, §3.1.4 and
# §3.3.4) give two numbers, the rate of hidden tokens and the mean length of a span, and settle on 15% and 3. Their code
# turns these into an exact *number* of hidden tokens $n$ and of spans $s$ for a text of $T$ tokens:
#
# $$n = \operatorname{round}(T \cdot \text{rate}), \text{ at least } 1, \text{ at most } T - 1 \qquad
#   s = \operatorname{round}\!\left(\frac{\min(n,\, T - n)}{\text{mean length}}\right), \text{ at least } 1$$
#
# Only the *places* are random. Cut the $n$ hidden tokens into $s$ pieces of at least one token, and the $T - n$ visible
# ones into $s$ pieces too, so that each way of cutting is equally likely. Then lay them out in turns: a visible piece,
# a hidden one, a visible one, and so on, ending with a hidden one. (With $\min(n, T - n)$ there is a token for every
# piece; at the usual rates it is $n$.)
#
# To cut $n$ tokens into $s$ pieces, choose $s - 1$ *different* ones of the $n - 1$ gaps between tokens:
#
#     tokens   ● ● ● | ● | ● ●       n = 6, cut behind token 3 and behind token 4: pieces of 3, 1 and 2
#
# **`noise_mask(length, generator, rate=0.15, mean_length=3.0)`** ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `length` | int, at least 2 | T, the number of tokens |
# | `generator` | `torch.Generator` on the CPU | where all random numbers come from, in whatever order you like |
# | `rate`, `mean_length` | floats | rate between 0 and 1, mean length at least 1 |
# | result | (T,), bool, on the CPU | True = hidden |
#
# Python's `round` is meant; no check depends on what it does with exact halves. The checks call your function a few
# thousand times, so a loop over tokens is fine, and a loop until something fits is not.
#
# <details><summary>Hint 1</summary>Three steps: the two numbers; the lengths of the pieces; the mask from the lengths.
# The second step is the same for hidden and for visible tokens: write a small function inside.</details>
# <details><summary>Hint 2</summary>Different gaps in random order are the first entries of
# <code>torch.randperm(n - 1, generator=generator)</code>. Sort them; with 0 in front and n behind, the differences of
# neighbours (<code>torch.diff</code>) are the lengths.</details>
# <details><summary>Hint 3</summary><code>torch.stack((visible, hidden), dim=1).flatten()</code> lays the lengths out in
# turns, and <code>repeat_interleave</code> repeats False and True as often as each says. Mind that randperm counts from
# 0, and gap 0 lies behind token 1.</details>

# %% exercise="noise_mask" minutes=15 level=3
def noise_mask(length: int, generator: torch.Generator, rate: float = 0.15, mean_length: float = 3.0) -> Tensor:
    """Which tokens of a text to hide: round(length · rate) of them, in spans of mean_length on average.

    length >= 2. Visible and hidden pieces take turns, a visible one first, a hidden one last; every way of cutting
    either into pieces of at least one token is equally likely. generator: on the CPU.
    Returns (length,) bool, True = hidden.   Raffel et al. 2020, §3.1.4, and their code
    """
    ### BEGIN SOLUTION
    hidden = min(max(round(length * rate), 1), length - 1)
    spans = max(round(min(hidden, length - hidden) / mean_length), 1)

    def pieces(total: int) -> Tensor:  # (spans,), positive, with this sum
        cuts = torch.randperm(total - 1, generator=generator)[: spans - 1].sort().values + 1
        return torch.diff(cuts, prepend=torch.tensor([0]), append=torch.tensor([total]))

    lengths = torch.stack((pieces(length - hidden), pieces(hidden)), dim=1).flatten()  # (2 · spans,)
    return torch.tensor([False, True]).repeat(spans).repeat_interleave(lengths)
    ### END SOLUTION


# %%
# Given: what to look at in masks of spans.
def runs_of(mask):
    """Lengths of the runs of equal values of a mask (T,), in order."""
    changes = [i for i in range(1, len(mask)) if mask[i] != mask[i - 1]]
    return [b - a for a, b in zip([0, *changes], [*changes, len(mask)], strict=True)]


def counts_of(function, length, **numbers):
    """Of 20 masks: the set of [length, hidden tokens, hidden spans, first is hidden, last is hidden], as a list."""
    generator, found = torch.Generator().manual_seed(length), []
    for _ in range(20):
        mask = function(length, generator, **numbers).tolist()
        spans = sum(b and not a for a, b in zip([False, *mask], mask, strict=False))
        found.append([len(mask), sum(mask), spans, mask[0], mask[-1]])
    return [list(row) for row in sorted(set(map(tuple, found)))]


def lengths_of(function):
    """12 tokens, 6 hidden, 3 spans, 2,000 masks: for each of the six runs the shares of lengths 1, 2, 3 and 4."""
    generator = torch.Generator().manual_seed(5)
    masks = [runs_of(function(12, generator, rate=0.5, mean_length=2.0).tolist()) for _ in range(2000)]
    return [[sum(runs[which : which + 1] == [n] for runs in masks) / len(masks) for n in (1, 2, 3, 4)]
            for which in range(6)]


def kinds_of(function):
    """How many different masks there are among 500 of 10 tokens, 5 hidden, 2 spans."""
    generator = torch.Generator().manual_seed(1)
    return len({tuple(function(10, generator, rate=0.5, mean_length=2.5).tolist()) for _ in range(500)})


def noise_habits(function):
    """Is it so: same seed, same mask; the next mask the same; global state left alone?"""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        before, generator = torch.get_rng_state(), torch.Generator().manual_seed(3)
        one, two = function(200, generator), function(200, generator)
        alone = torch.equal(before, torch.get_rng_state())
        torch.manual_seed(2)
        again = function(200, torch.Generator().manual_seed(3))
    return [torch.equal(one, again), torch.equal(one, two), alone]


# %% check="noise_mask: as many tokens and spans as the formulas say" points=2
mask = noise_mask(100, torch.Generator().manual_seed(1))
check.shape(mask, (100,), hint="one entry per token")
check.dtype(mask, torch.bool, hint="True = hidden: a mask of bools")
check.equal(counts_of(noise_mask, 100), [[100, 15, 5, False, True]],
            hint="20 masks, each [length, hidden, spans, first hidden, last hidden]: 15 tokens in 5 spans, hidden last")
check.equal(counts_of(noise_mask, 512), [[512, 77, 26, False, True]], hint="512 tokens: round(76.8) in round(77 / 3)")
check.equal(counts_of(noise_mask, 48), [[48, 7, 2, False, True]],
            hint="48 tokens: round(7.2) = 7 hidden, round(7 / 3) = 2 spans, both to the nearest number")
check.equal(counts_of(noise_mask, 64, rate=0.5, mean_length=4.0), [[64, 32, 8, False, True]],
            hint="rate 0.5 and mean length 4: 32 of 64 tokens in 8 spans")
check.equal(counts_of(noise_mask, 2), [[2, 1, 1, False, True]],
            hint="two tokens: at least 1 hidden, in at least 1 span")
check.equal(counts_of(noise_mask, 20, rate=0.99), [[20, 19, 1, False, True]],
            hint="a rate near 1: at most T − 1 tokens are hidden")
check.equal(counts_of(noise_mask, 20, rate=0.8, mean_length=1.0), [[20, 16, 4, False, True]],
            hint="16 hidden and 4 visible tokens make at most 4 spans: min(n, T − n) over the mean length")
check.equal(counts_of(noise_mask, 20, rate=0.8, mean_length=2.0), [[20, 16, 2, False, True]],
            hint="mean length 2, 16 hidden and 4 visible: round(min(16, 4) / 2) = 2 spans, the minimum inside")
### BEGIN HIDDEN TESTS
check.equal(counts_of(noise_mask, 311), [[311, 47, 16, False, True]], hint="311 tokens: round(46.65) in round(47 / 3)")
check.equal(counts_of(noise_mask, 12), [[12, 2, 1, False, True]], hint="12 tokens: 2 hidden, round(2 / 3) = 1 span")
check.equal(counts_of(noise_mask, 7, rate=0.4, mean_length=1.0), [[7, 3, 3, False, True]],
            hint="7 tokens: 3 spans of 1")
check.equal(counts_of(noise_mask, 3, rate=0.01), [[3, 1, 1, False, True]], hint="a rate near 0: 1 token all the same")
### END HIDDEN TESTS

# %% check="noise_mask: every way of cutting is equally likely" points=2
table = lengths_of(noise_mask)
check.close(table[1], [0.4, 0.3, 0.2, 0.1], atol=0.055, rtol=0.0,
            hint="6 tokens in 3 spans: 4, 3, 2 and 1 of 10 ways begin with 1, 2, 3 and 4. Cut at different random gaps")
check.close(table[5], [0.4, 0.3, 0.2, 0.1], atol=0.055, rtol=0.0,
            hint="the last span is as long as the first, on average: cut at different random gaps, all at once")
check.close(table[0], [0.4, 0.3, 0.2, 0.1], atol=0.055, rtol=0.0,
            hint="the visible pieces are cut at random too")
check.equal(kinds_of(noise_mask), 16,
            hint="4 ways to cut 5 hidden tokens times 4 ways to cut 5 visible ones: separate draws for both")
check.equal(noise_habits(noise_mask), [True, False, True],
            hint="in order: same seed, same mask; the next mask differs; no global randomness")
### BEGIN HIDDEN TESTS
check.close(table[3], [0.4, 0.3, 0.2, 0.1], atol=0.055, rtol=0.0, hint="the second span as well")
check.close(table[4], [0.4, 0.3, 0.2, 0.1], atol=0.055, rtol=0.0, hint="the third visible piece too")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** it counts how often each place of a text is hidden. A text of 100 tokens has 5
# spans, one of 20 has 1. Is the share 15% everywhere?

# %% demo="hidden-places" alt="Share hidden by place: flat in a long text but for its ends; a short one hides its end."
generator = torch.Generator().manual_seed(0)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained", sharey=True)
for ax, length in zip(axes, (100, 20), strict=True):
    share = torch.stack([noise_mask(length, generator) for _ in range(2000)]).float().mean(0)  # (T,)
    ax.plot(range(length), 100 * share, "-" if length == 100 else "o-", color="black")
    ax.axhline(15, color="0.6", linestyle="--")
    ax.set(title=f"{length} tokens", xlabel="place", ylim=(-3, 103))
axes[1].set_xticks(range(0, 20, 3))
axes[0].set_ylabel("hidden [% of 2,000 masks]")
axes[0].text(30, 20, "15%", color="0.4")
plt.show()

# %% [markdown]
# Not at all. The first token is never hidden and the last one always, because the pieces take turns and end with a
# hidden one; in between it is about 13%. And a text of 20 tokens, whose 3 hidden tokens make a single span, has one
# mask and no chance at all. In the stretches of 512 tokens that T5 was trained on, with 26 spans, this hardly matters.
# For short texts turn the mask by a random number of places, `mask.roll(…)`, as section 5 does.
#
# ## 4 · What was cut out
#
# Now cut. In the input each hidden span is replaced by *one* token, a **sentinel**, and every span has a sentinel of
# its own. The target lists what is missing: sentinel, hidden tokens, next sentinel, hidden tokens, … and at the end one
# more sentinel, which says that nothing follows (Raffel et al. 2020, §3.1.4, Figure 2).
#
# | | |
# |---|---|
# | text | the old **bells of** the town ring **at** noon |
# | inputs | the old ⟨0⟩ the town ring ⟨1⟩ noon |
# | targets | ⟨0⟩ bells of ⟨1⟩ at ⟨2⟩ |
#
# T5's sentinels are the last tokens of its vocabulary, counted *downwards*: ⟨0⟩, called `<extra_id_0>`, is number
# 32,099, ⟨1⟩ is 32,098. (In the authors' code a mask ends in a hidden span, and there the last sentinel of the figure
# is missing: the end token that follows says the same.)
#
# A masked model must know in advance how many tokens a gap has, since it sees that many masks. Here the input does
# not say: finding out is part of the answer.
#
# **`span_corruption(ids, hidden, first_sentinel)`** ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `ids` | (T,), int64 | a text, at least one token |
# | `hidden` | (T,), bool | True = cut out. *Any* mask: spans may begin or end the text, all or nothing may be hidden |
# | `first_sentinel` | int | the number of ⟨0⟩; ⟨k⟩ is `first_sentinel − k` |
# | `inputs` | (T − n + s,), int64 | the text, with one sentinel for each of the s spans |
# | `targets` | (n + s + 1,), int64 | each sentinel and what it stands for; one more sentinel at the end |
#
# n tokens are hidden. A span is a run of hidden tokens that cannot be longer: neighbours belong to one span. Returns
# the tuple `(inputs, targets)`, both int64 and on the device of `ids`.
#
# <details><summary>Hint 1</summary>A loop over the tokens will do. What has to happen at a hidden token whose left
# neighbour is not hidden (or does not exist), that does not happen at the others?</details>
# <details><summary>Hint 2</summary>Keep a counter of spans. At the start of a span its sentinel goes into both lists;
# after that, each token goes into exactly one of them.</details>
# <details><summary>Hint 3</summary>Without a loop: <code>start = hidden &amp; ~before</code>, where
# <code>before</code> is hidden moved one place to the right; <code>start.cumsum(0)</code> numbers the spans from 1.
# Keep <code>~hidden | start</code> for the inputs.</details>

# %% exercise="span_corruption" minutes=10 level=3
def span_corruption(ids: Tensor, hidden: Tensor, first_sentinel: int) -> tuple[Tensor, Tensor]:
    """Replace each hidden span by a sentinel, and list the spans behind theirs.

    ids: (T,) int64. hidden: (T,) bool, any mask. Sentinel k is first_sentinel − k. With n hidden tokens in s spans,
    returns inputs (T − n + s,) and targets (n + s + 1,), which end with sentinel s.   Raffel et al. 2020, §3.1.4
    """
    ### BEGIN SOLUTION
    before = torch.cat((torch.zeros_like(hidden[:1]), hidden[:-1]))  # (T,): is the left neighbour hidden?
    start = hidden & ~before  # (T,)
    sentinels = first_sentinel + 1 - start.cumsum(0)  # (T,), right wherever a span has begun
    inputs = torch.where(start, sentinels, ids)[~hidden | start]
    pairs = torch.stack((sentinels, ids), dim=1)  # (T, 2)
    targets = pairs[torch.stack((start, hidden), dim=1)]  # row by row: a span's sentinel, then its tokens
    return inputs, torch.cat((targets, first_sentinel - start.sum().view(1)))
    ### END SOLUTION


# %%
# Given: put together what belongs together.
def restored(parts, first_sentinel):
    """The text that inputs and targets (a pair) stand for, as a list: each sentinel of the inputs replaced."""
    inputs, targets = (part.tolist() for part in parts)
    low = min(i for i in targets if i <= first_sentinel and i >= first_sentinel - len(targets))
    spans, current = {}, None
    for token in targets:
        current = token if low <= token <= first_sentinel else current
        spans.setdefault(current, []).append(token)
    return [token for i in inputs for token in (spans[i][1:] if low <= i <= first_sentinel else [i])]


# %% check="span_corruption: a sentinel for each span, and the spans behind theirs" points=2
ids = check.arange(10, 20)
hidden = torch.tensor([0, 0, 1, 1, 0, 0, 0, 1, 0, 0]).bool()
inputs, targets = span_corruption(ids, hidden, 99)
check.equal(inputs, torch.tensor([10, 11, 99, 14, 15, 16, 98, 18, 19]),
            hint="one sentinel for a span of any length: 99 for the first, 98 for the second")
check.equal(targets, torch.tensor([99, 12, 13, 98, 17, 97]),
            hint="sentinel, its tokens, next sentinel, its tokens, and one more sentinel at the end")
check.dtype(inputs, torch.int64, hint="inputs are int64, as ids")
check.dtype(targets, torch.int64, hint="targets are int64, as ids")
check.equal(ids, torch.tensor([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]), hint="ids were changed: make new tensors")
check.equal(hidden, torch.tensor([0, 0, 1, 1, 0, 0, 0, 1, 0, 0]).bool(), hint="hidden was changed: leave it alone")
same_in, same_out = span_corruption(torch.tensor([4, 4, 4, 4, 4]), torch.tensor([0, 1, 0, 0, 1]).bool(), 50)
check.equal(same_in, torch.tensor([4, 50, 4, 4, 49]), hint="equal tokens: go by the mask, not by the values")
check.equal(same_out, torch.tensor([50, 4, 49, 4, 48]), hint="equal tokens: go by the mask, not by the values")
### BEGIN HIDDEN TESTS
far_in, far_out = span_corruption(check.arange(7), torch.tensor([0, 1, 0, 1, 0, 1, 0]).bool(), 32099)
check.equal(far_in, torch.tensor([0, 32099, 2, 32098, 4, 32097, 6]), hint="sentinels count downwards")
check.equal(far_out, torch.tensor([32099, 1, 32098, 3, 32097, 5, 32096]), hint="sentinels count downwards")
### END HIDDEN TESTS

# %% check="span_corruption: at the edges, nothing, and everything" points=1
edge_in, edge_out = span_corruption(check.arange(1, 7), torch.tensor([1, 1, 0, 0, 1, 1]).bool(), 40)
check.equal(edge_in, torch.tensor([40, 3, 4, 39]), hint="a span may begin or end the text")
check.equal(edge_out, torch.tensor([40, 1, 2, 39, 5, 6, 38]), hint="a span may begin or end the text; ⟨2⟩ ends it")
none_in, none_out = span_corruption(check.arange(1, 5), torch.zeros(4).bool(), 40)
check.equal(none_in, torch.tensor([1, 2, 3, 4]), hint="nothing hidden: the text stays as it is")
check.equal(none_out, torch.tensor([40]), hint="nothing hidden: the target is one sentinel, ⟨0⟩, for the end")
all_in, all_out = span_corruption(check.arange(1, 5), torch.ones(4).bool(), 40)
check.equal(all_in, torch.tensor([40]), hint="everything hidden: one span, one sentinel")
check.equal(all_out, torch.tensor([40, 1, 2, 3, 4, 39]), hint="everything hidden: the whole text behind ⟨0⟩, then ⟨1⟩")
### BEGIN HIDDEN TESTS
lone_in, lone_out = span_corruption(torch.tensor([7]), torch.tensor([True]), 9)
check.equal(lone_in, torch.tensor([9]), hint="a text of one token, hidden")
check.equal(lone_out, torch.tensor([9, 7, 8]), hint="a text of one token, hidden")
### END HIDDEN TESTS

# %% [markdown]
# Nothing may be lost: inputs and targets together give the text back. **Before you run the next cell:** how many tokens
# do inputs and targets have together, compared with the text, at 15% and spans of 3?

# %% demo="spans" alt="Lines: a text, its input with sentinels, its target; then tokens to read and to write."
LINE = "the old bells of the town ring at noon and the ships in the harbour answer with their horns"
text = LINE.split()
vocabulary = [*sorted(set(text)), *(f"⟨{k}⟩" for k in reversed(range(9)))]
text_ids = torch.tensor([vocabulary.index(word) for word in text])
cut = noise_mask(len(text), torch.Generator().manual_seed(6), rate=0.3, mean_length=2.0)
parts = span_corruption(text_ids, cut, len(vocabulary) - 1)
for name, ids in (("text", text_ids), ("inputs", parts[0]), ("targets", parts[1])):
    print(f"{name:8}", " ".join(vocabulary[i] for i in ids.tolist()))
print("given back:", restored(parts, len(vocabulary) - 1) == text_ids.tolist())
for rate, mean in ((0.15, 1.0), (0.15, 3.0), (0.5, 3.0), (0.5, 32.0)):
    parts = span_corruption(torch.arange(512), noise_mask(512, generator, rate, mean), 999)
    print(f"512 tokens, rate {rate:.0%}, mean length {mean:2.0f}: inputs {len(parts[0])}, targets {len(parts[1])}")

# %% [markdown]
# At 15% and 3 a text of 512 tokens becomes 461 tokens to read and 104 to write. The long part is read by the encoder in
# one go; the short one is what the decoder has to produce. With spans of length 1 there would be a sentinel for every
# hidden token, and 155 tokens to write: longer spans are cheaper. That was one reason for them (§3.3.4).

# %% [markdown]
# ## 5 · One model, three questions
#
# Now the comparison: the same text, the same number of steps, and *the same network*, two of GPT's blocks, each time
# from the same first weights. Only the batch differs, and with it the attention mask (Dong et al. 2019 trained one
# model with several such masks; the last one is what Raffel et al., §3.2.1, call a prefix language model):
#
# | question | a token sees | asked at |
# |---|---|---|
# | what comes next? | itself and what is before | every token |
# | what stood here? | everything | the chosen 15% |
# | what was cut out? | all of the inputs; of the targets what is before | every token of the targets |
#
# The text is a language so small that we know the best possible answers. A sentence is a number, an adjective, one of
# eight nouns and *its* verb, maybe a place: "two old bells ring near the harbour ." The noun can be told from the verb,
# but the verb comes later. From the words before it, it is one of eight. The number is either *one* or one of three
# others, which the ending of the noun gives away, again later.
#
# The cell below is given: the language, the network, and how inputs and targets are put end to end. For span corruption
# the rate is drawn from 15 and 40% for each sentence, with one gap in it (a mean length of 9), so that gaps of one to
# four tokens occur; and masks are turned at random, for the reason seen in section 3.

# %%
# Given: a small language.
VERB_OF = {"cat": "purr", "dog": "bark", "ship": "sail", "bell": "ring", "bird": "sing", "horse": "gallop",
           "star": "shine", "river": "flow"}
ADJECTIVES = ["red", "small", "old", "quiet", "grey", "proud"]
PLACES = ["in the garden", "on the hill", "near the harbour", "behind the wall"]
ROLES = ["number", "adjective", "noun", "verb"]


def sentence(chance):
    """One sentence as a list of words. chance: a random.Random."""
    noun, many = chance.choice(list(VERB_OF)), chance.random() < 0.5
    number = chance.choice(["two", "three", "five"]) if many else "one"
    words = [number, chance.choice(ADJECTIVES), noun + "s" * many, VERB_OF[noun] + "s" * (not many)]
    return words + (chance.choice(PLACES).split() if chance.random() < 0.5 else []) + ["."]


def is_sentence(words):
    """Could `sentence` have made this?"""
    if len(words) not in (5, 8) or words[0] not in ("one", "two", "three", "five") or words[1] not in ADJECTIVES:
        return False
    many = words[0] != "one"
    agrees = any(words[2:4] == [noun + "s" * many, verb + "s" * (not many)] for noun, verb in VERB_OF.items())
    return agrees and words[-1] == "." and (len(words) == 5 or " ".join(words[4:7]) in PLACES)


class Reader(nn.Module):
    """GPT without a mask of its own: who may see whom is said with each batch."""

    def __init__(self, vocab_size, d_model=48, num_heads=4, num_layers=2, max_len=24):
        super().__init__()
        self.embedding, self.positions = nn.Embedding(vocab_size, d_model), LearnedPositions(max_len, d_model)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, 4 * d_model) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, allowed):
        """ids: (B, T). allowed: (B, T, T) or (T, T) bool, True = may attend. Returns logits (B, T, V)."""
        x = self.positions(self.embedding(ids))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


def prefix_batch(pairs):
    """Pairs (inputs, targets) of 1-D tensors, end to end: ids (B, T), labels (B, T) for the targets, allowed."""
    joined = [torch.cat(pair)[:-1].tolist() for pair in pairs]
    labels = [[-100] * (len(x) - 1) + y.tolist() for x, y in pairs]
    ids, T = pad(joined)[0], max(map(len, joined))
    prefix = torch.tensor([[t < len(x) for t in range(T)] for x, _ in pairs])  # (B, T): seen by everyone
    return ids, pad(labels, -100)[0], prefix[:, None, :] | torch.ones(T, T).tril().bool()


# %% [markdown]
# **Before you run the next cell**, which trains all three (some twenty seconds): in one step, how many answers does
# each of them have to give? And a single word is hidden in a sentence, a number, an adjective, a noun or a verb. Who
# will find which?

# %% demo="three-objectives" alt="Bars per hidden word and model, with two ceilings; curves of nouns found in training."
chance = random.Random(0)
sentences = [sentence(chance) for _ in range(3000)]
LEXICON = ["[PAD]", "[MASK]", "[END]", *sorted({word for words in sentences for word in words}),
           "⟨3⟩", "⟨2⟩", "⟨1⟩", "⟨0⟩"]
PLAIN, TOP = len(LEXICON) - 4, len(LEXICON) - 1  # from PLAIN on there are sentinels; TOP is ⟨0⟩
coded = [[2] + [LEXICON.index(word) for word in words] for words in sentences]  # [END] also stands in front
training, heldout = coded[:-300], coded[-300:]


def everything(mask):
    """(B, T) real tokens to (B, T, T): everyone sees every real token."""
    return mask[:, None, :].expand(-1, mask.shape[1], -1)


def causal_question(texts, generator):
    inputs, labels = causal_lm_batch(texts, 2)
    return inputs, labels, torch.ones(inputs.shape[1], inputs.shape[1]).tril().bool()


def masked_question(texts, generator):
    ids, mask = pad(texts)
    return *masked_lm_batch(ids, ~mask | (ids == 2), 1, PLAIN, generator), everything(mask)


def span_question(texts, generator):
    pairs = []
    for ids in map(torch.tensor, texts):
        rate = (0.15, 0.4)[torch.randint(2, (), generator=generator)]
        turn = torch.randint(len(ids), (), generator=generator).item()
        pairs.append(span_corruption(ids, noise_mask(len(ids), generator, rate, 9.0).roll(turn), TOP))
    return prefix_batch(pairs)


@torch.no_grad()
def guesses(name, model, texts, place):
    """Logits (B, V) for the token at `place` of each text, by whatever way the model has been taught."""
    ids, mask = pad(texts)
    if name == "causal":
        return model(ids, torch.ones(ids.shape[1], ids.shape[1]).tril().bool())[:, place - 1]
    if name == "masked":
        ids[:, place] = 1
        return model(ids, everything(mask))[:, place]
    pairs = [span_corruption(torch.tensor(text), torch.arange(len(text)) == place, TOP) for text in texts]
    ids, _, allowed = prefix_batch(pairs)
    return model(ids, allowed)[torch.arange(len(texts)), torch.tensor([len(text) for text in texts])]


def found(name, model, role, texts=heldout):
    """How often the most probable word is the hidden one."""
    place = 1 + ROLES.index(role)
    hidden = torch.tensor([text[place] for text in texts])
    return (guesses(name, model, texts, place).argmax(-1) == hidden).float().mean().item()


def teach(question, name, steps=240, batch=64, rate=5e-3):
    """Train a Reader from the same first weights. Returns it, answers per text token, and what it found of nouns."""
    torch.manual_seed(0)
    model, generator = Reader(len(LEXICON)), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    answers = tokens = 0
    history = []
    for step in range(steps):
        if step % (steps // 8) == 0:
            history.append((tokens, found(name, model, "noun", heldout[:150])))
        texts = [training[i] for i in torch.randint(len(training), (batch,), generator=generator).tolist()]
        ids, labels, allowed = question(texts, generator)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 20) * (1 - 0.9 * step / steps)
        loss = F.cross_entropy(model(ids, allowed).flatten(0, 1), labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        answers, tokens = answers + (labels != -100).sum().item(), tokens + sum(map(len, texts))
    history.append((tokens, found(name, model, "noun", heldout[:150])))
    return model.eval(), answers / tokens, history


QUESTIONS = {"causal": causal_question, "masked": masked_question, "span": span_question}
models, figure = {}, plt.figure(figsize=(11.5, 4), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(3, 2))
for number, (name, question) in enumerate(QUESTIONS.items()):
    start = time.process_time()
    models[name], share, history = teach(question, name)
    scores = [found(name, models[name], role) for role in ROLES]
    print(f"{name:7} {share:4.0%} answers per token of text; {time.process_time() - start:.0f} s; found:",
          ", ".join(f"{role} {score:.2f}" for role, score in zip(ROLES, scores, strict=True)))
    shade = ("0.1", "0.5", "0.8")[number]
    left.bar(np.arange(4) + 0.26 * (number - 1), scores, 0.24, color=shade, edgecolor="black", label=name)
    read_so_far, nouns = zip(*history, strict=True)
    right.plot(np.array(read_so_far) / 1000, nouns, "os^"[number] + "-", color="black", markerfacecolor=shade,
               label=name)
for values, style, label in (((1 / 2, 1 / 6, 1 / 8, 1), ":", "best from the left"),
                             ((2 / 3, 1 / 6, 1, 1), "-", "best from both sides")):
    for place, value in enumerate(values):
        left.hlines(value, place - 0.45, place + 0.45, color="black", linestyle=style,
                    label=label if place == 0 else None)
left.set(title="One hidden word", xticks=range(4), ylabel="found [share of 300]", ylim=(0, 1.35))
left.set_xticklabels(ROLES)
left.legend(fontsize=9, ncols=2, loc="upper left")
right.set(title="Nouns found while learning", xlabel="tokens of text read [thousands]", ylabel="found [share of 150]",
          ylim=(-0.02, 1.05))
right.legend(fontsize=9)
plt.show()

# %% [markdown]
# Answers first: the causal model gives one per token, the masked model one per eight (13%; the end is never asked
# about), the span model one per two, sentinels included. (Its batches take the longest because they are cut text by
# text in Python. And if your functions draw their random numbers in another order than ours, all figures here differ a
# little from yours.)
#
# The causal model reaches the dotted lines, and cannot do better: what it needs comes later in the sentence. The verb
# follows from the noun before it, so it finds every verb; of the nouns it finds 14%, one in eight. The masked model
# reaches the solid lines, or nearly: every noun, because it sees the verb, and all the numbers that can be known. (The
# adjective follows from nothing. One in six is the best for everybody.)
#
# The right picture shows the price. The masked model has read 45,000 tokens before it does better than the causal one,
# since it has had 6,000 answers to learn from where the other has had 45,000. The span model is slower still and not
# done when we stop, at a third of the nouns and two thirds of the verbs. Its question is the hardest: find the gap that
# a sentinel stands for, find out how long it is, and then fill it. (T5 was trained on $2^{35}$ tokens even in its
# baseline, Raffel et al. 2020, §3.1.2. This is a toy, and says nothing of what is better in the end.)
#
# **Before you run the next cell:** does the causal model *know* that nouns belong to verbs? It can be asked in another
# way: put every word of the lexicon into the gap, and let the model say how probable the whole sentence is. And the
# reverse: can the other two write? Each gets two words and writes on.

# %% demo="other-ways" alt="Lines: what the causal model finds by whole sentences; what each model writes."
@torch.no_grad()
def by_whole_sentence(model, role, texts):
    """Fill the gap with the word that makes the whole text, the end included, most probable: PLAIN candidates."""
    right, place = 0, 1 + ROLES.index(role)
    for text in texts:
        tries = torch.tensor([text[:place] + [word] + text[place + 1 :] for word in range(PLAIN)])  # (PLAIN, T)
        inputs, labels, allowed = causal_question(tries.tolist(), None)
        log_p = torch.log_softmax(model(inputs, allowed), dim=-1).gather(-1, labels[..., None])[..., 0]
        right += log_p.sum(1).argmax().item() == text[place]
    return right / len(texts)


@torch.no_grad()
def write_on(name, model, beginnings, length=6, seed=0):
    """Continue each of the beginnings (B, 3) by `length` tokens, drawn one by one."""
    generator, ids = torch.Generator().manual_seed(seed), beginnings
    hint = torch.tensor([[TOP, TOP] if name == "span" else [1]] * len(ids))  # ⟨0⟩ for the gap and to begin the answer
    for _ in range(length):
        start = beginnings.shape[1]
        shown = {"causal": ids, "masked": torch.cat((ids, hint), 1),
                 "span": torch.cat((ids[:, :start], hint, ids[:, start:]), 1)}[name]
        T = shown.shape[1]
        allowed = torch.ones(T, T).bool() if name == "masked" else torch.ones(T, T).tril().bool()
        allowed[:, : start + 1] |= name == "span"
        p = torch.softmax(model(shown, allowed)[:, -1], dim=-1)
        ids = torch.cat((ids, torch.multinomial(p, 1, generator=generator)), 1)
    return ids


for role in ("number", "noun"):
    print(f"causal, by whole sentences: {role} {by_whole_sentence(models['causal'], role, heldout[:100]):.2f}")
beginnings = torch.tensor([text[:3] for text in heldout])
for name, model in models.items():
    written = [[LEXICON[i] for i in row[1:]] for row in write_on(name, model, beginnings).tolist()]
    written = [words[: words.index(".") + 1] if "." in words else words for words in written]
    print(f"{name:7} {sum(map(is_sentence, written)) / len(written):4.0%} sentences; for example:",
          " / ".join(" ".join(words) for words in written[:2]))

# %% [markdown]
# It knows. Asked by whole sentences, the causal model finds every noun and 63% of the numbers, as many as one can from
# both sides: a wrong noun costs it later, at the verb. It pays with a run for each candidate, 55 for one gap, where
# the masked model needs one run for all.
#
# And it writes: 96% of its continuations are sentences of the language. The masked model reaches 35%, word by word
# behind a mask at the end, a place where its training had nothing but full stops. The span model reaches 2%: it has
# hardly learned to fill gaps of one word, and never saw one of six. A model can do what it was asked to do, and what
# it was asked is a matter of a few lines.

# %% [markdown]
# ## 6 · Which of these belongs to that
#
# The three objectives so far ask for a *token*: a softmax over the vocabulary. What if the answer is a picture, a
# sound, a sentence? There is no list of all pictures to take a softmax over. Van den Oord et al. (2018, §2.3, eq. 4)
# take it over a few candidates instead: one is the right partner, the others are partners of somebody else. Where do
# the others come from? From the batch: N pairs give every query 1 right key and N − 1 wrong ones, for nothing.
#
# With unit vectors, so that the dot product is the cosine of the angle, and a *temperature* τ (van den Oord et al. use
# another score; cosine and τ are from Wu et al. 2018 and Chen et al. 2020, §2.1):
#
# $$s_{ij} = \frac{q_i \cdot k_j}{\lVert q_i \rVert\, \lVert k_j \rVert} \qquad
#   \mathcal{L} = -\frac{1}{N} \sum_{i=1}^{N} \ln \frac{e^{s_{ii} / \tau}}{\sum_{j=1}^{M} e^{s_{ij} / \tau}}$$
#
# It is a cross-entropy: row i is a question with M answers, and number i is right. There may be more keys than queries
# (M ≥ N): the extra ones are wrong for everybody. τ matters because a cosine lies between −1 and 1: without it, with
# 1,000 candidates, the right one could at best get a probability of $e^{1} / (e^{1} + 999\, e^{-1})$, which is 0.7%.
#
# **`info_nce(queries, keys, temperature=0.07)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `queries` | (N, D), floats | of any length, none zero; not to be changed |
# | `keys` | (M, D), M ≥ N | key i belongs to query i; those from N on to nobody. Of any length, none zero |
# | `temperature` | float or 0-dimensional tensor, > 0 | a tensor gets its gradient |
# | result | scalar | mean over the queries, in nats; gradients reach queries, keys and a tensor temperature |
#
# The temperature may be as small as 0.001: the loss has to stay finite, and so has its gradient.
#
# <details><summary>Hint 1</summary>Three lines: unit vectors, a table (N, M) of scores, a cross-entropy whose labels
# you know.</details>
# <details><summary>Hint 2</summary><code>F.normalize(x, dim=-1)</code> makes unit vectors. The label of row i is i:
# <code>torch.arange(N)</code>, on the device of the queries.</details>
# <details><summary>Hint 3</summary><code>F.cross_entropy(scores, labels)</code> works with logarithms throughout and
# does not overflow. <code>exp</code>, a quotient and <code>log</code> do: e^1000 is infinite.</details>

# %% exercise="info_nce" minutes=10 level=2
def info_nce(queries: Tensor, keys: Tensor, temperature: float | Tensor = 0.07) -> Tensor:
    """How surprising it is, in nats, that key i and no other belongs to query i.

    queries: (N, D). keys: (M, D), M >= N, key i for query i, the rest for nobody. The score is the cosine over the
    temperature. Returns the mean over the queries, a scalar.   van den Oord et al. 2018, eq. 4
    """
    ### BEGIN SOLUTION
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).T / temperature  # (N, M)
    return F.cross_entropy(scores, torch.arange(len(queries), device=queries.device))
    ### END SOLUTION


# %%
# Given: the formula in float64, with logsumexp, for the expected side of the checks.
def nce_by_formula(queries, keys, temperature):
    q, k = queries.double(), keys.double()
    cosine = torch.einsum("nd,md->nm", q / q.norm(dim=1, keepdim=True), k / k.norm(dim=1, keepdim=True))
    scores = cosine / temperature
    return (torch.logsumexp(scores, dim=1) - scores[:, : len(q)].diagonal()).mean()


# %% check="info_nce: the cross-entropy of picking one's own key" points=2
q, k = 3 * check.randn(4, 6, seed=1), check.randn(4, 6, seed=2)
q2, k2 = 3 * check.randn(4, 6, seed=1), check.randn(4, 6, seed=2)
loss = info_nce(q, k)
check.shape(loss, (), hint="one number: the mean over the queries")
check.close(info_nce(q, k, 0.5), nce_by_formula(q2, k2, 0.5), atol=1e-4,
            hint="unit vectors, all cosines over τ, softmax over the keys (the row), label i for row i, mean")
check.close(info_nce(q, k), nce_by_formula(q2, k2, 0.07), atol=1e-3, hint="the default temperature is 0.07")
check.close(info_nce(torch.eye(2), torch.eye(2), 1.0), 0.31326169, atol=1e-5,
            hint="two pairs at right angles, τ = 1: ln(1 + 1/e) = 0.3133; the right key is a candidate too")
many = check.randn(9, 6, seed=3)
check.close(info_nce(q, many, 0.3), nce_by_formula(3 * check.randn(4, 6, seed=1), check.randn(9, 6, seed=3), 0.3),
            atol=1e-4, hint="9 keys for 4 queries: the extra keys are candidates as well; labels are 0 … N − 1")
check.equal(q, 3 * check.randn(4, 6, seed=1), hint="queries were changed in place: make new tensors")
check.equal(k, check.randn(4, 6, seed=2), hint="keys were changed in place: make new tensors")
### BEGIN HIDDEN TESTS
a5, b7 = check.randn(5, 3, seed=4).double(), 4 * check.randn(7, 3, seed=5).double()
check.close(info_nce(a5, b7, 0.2), nce_by_formula(check.randn(5, 3, seed=4), 4 * check.randn(7, 3, seed=5), 0.2),
            atol=1e-9, rtol=1e-9, hint="float64 in, full precision out")
check.close(info_nce(check.randn(1, 3, seed=6), check.randn(1, 3, seed=7)), 0.0, hint="one pair: nothing to confuse")
### END HIDDEN TESTS

# %% check="info_nce: small temperatures, and gradients" points=2
far = info_nce(check.randn(5, 4, seed=8), check.randn(5, 4, seed=9), 0.001)
check.finite(far, hint="τ = 0.001: scores of ±1000, whose exponentials overflow. Use cross_entropy or logsumexp")
check.close(far, nce_by_formula(check.randn(5, 4, seed=8), check.randn(5, 4, seed=9), 0.001), atol=0.01,
            hint="τ = 0.001: the loss is large, and right all the same")
x, y = check.randn(4, 5, seed=10).requires_grad_(), check.randn(6, 5, seed=11).requires_grad_()
t = torch.tensor(0.2).requires_grad_()
x2, y2 = check.randn(4, 5, seed=10).requires_grad_(), check.randn(6, 5, seed=11).requires_grad_()
t2 = torch.tensor(0.2).requires_grad_()
info_nce(x, y, t).backward()
nce_by_formula(x2, y2, t2).backward()
check.close(x.grad, x2.grad, atol=1e-4, hint="the gradient of the queries, through the cosine: nothing detached")
check.close(y.grad, y2.grad, atol=1e-4, hint="the gradient of the keys, of the extra ones as well")
check.close(t.grad, t2.grad, atol=1e-3, hint="a tensor temperature gets a gradient: no float(), no item()")
### BEGIN HIDDEN TESTS
u, w = check.randn(4, 5, seed=12).requires_grad_(), check.randn(4, 5, seed=13).requires_grad_()
info_nce(u, w, 0.001).backward()
check.finite(u.grad, hint="τ = 0.001: the gradient is finite too")
### END HIDDEN TESTS

# %% [markdown]
# What does the loss measure? Van den Oord et al. (§2.3, Appendix A.1) show that the *mutual information* of the two
# partners, how many nats one tells about the other, is at least $\ln N - \mathcal{L}$. As no cross-entropy is
# negative, this estimate can never say more than $\ln N$, however much there is to know.
#
# To see it, take pairs whose mutual information is known. A point is drawn on a sphere, and its partner near it, with a
# density proportional to $e^{\kappa \cos\theta}$ (von Mises and Fisher's distribution). The best possible score is then
# $\kappa \cos\theta$: exactly your loss, without any training, at the temperature 1/κ. **Before you run the next
# cell:** the partners share 5.9 nats, enough to tell one out of 365. What will batches of 8 say?

# %% demo="bound" alt="Left: estimates rise under the line ln N, then level off. Right: the loss is least at 1/κ."
def neighbours(n, kappa, generator):
    """n points on the sphere, and a neighbour of each, by von Mises and Fisher's distribution: (n, 3) both."""
    x = F.normalize(torch.randn(n, 3, generator=generator, dtype=torch.float64), dim=-1)
    u = torch.rand(n, 1, generator=generator, dtype=torch.float64)
    cosine = 1 + torch.log(u + (1 - u) * math.exp(-2 * kappa)) / kappa
    side = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    side = F.normalize(side - (side * x).sum(-1, keepdim=True) * x, dim=-1)  # at a right angle to x
    return x, cosine * x + (1 - cosine**2).clamp(min=0).sqrt() * side


def information(kappa):
    """Mutual information of the two, in nats: the mean of κ cos θ less the logarithm of its normaliser."""
    mean = kappa / math.tanh(kappa) - 1
    return mean + math.log(kappa) - (kappa + math.log1p(-math.exp(-2 * kappa)) - math.log(2))


generator = torch.Generator().manual_seed(0)
sizes = [2, 8, 32, 128, 512, 2048]
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
axes[0].plot(sizes, np.log(sizes), color="0.6", linestyle="--", label="ln N")
for kappa, marker in ((500, "o"), (50, "s"), (5, "^")):
    found = []
    for size in sizes:
        losses = [info_nce(*neighbours(size, kappa, generator), 1 / kappa) for _ in range(max(1, 2048 // size))]
        found.append(math.log(size) - torch.stack(losses).mean().item())
    axes[0].plot(sizes, found, marker + "-", color="black", label=f"κ = {kappa}: {information(kappa):.2f} nats")
    axes[0].axhline(information(kappa), color="black", linestyle=":", linewidth=1)
    print(f"κ = {kappa:3}: {information(kappa):.2f} nats; estimates", [round(value, 2) for value in found])
axes[0].set(xscale="log", title="ln N − loss, with the best possible score", xlabel="N, pairs in a batch",
            ylabel="information [nats]", ylim=(0, 10.5))
axes[0].legend(fontsize=10)
temperatures = np.geomspace(0.002, 1, 25)
pairs = neighbours(256, 50, generator)
axes[1].plot(temperatures, [info_nce(*pairs, value).item() for value in temperatures], color="black")
axes[1].axvline(1 / 50, color="0.6", linestyle="--", label="1/κ = 0.02")
axes[1].axhline(math.log(256), color="0.6", linestyle=":", label="ln N: no idea")
axes[1].set(xscale="log", title="κ = 50, N = 256", xlabel="temperature", ylabel="loss [nats]", ylim=(0, 9))
axes[1].legend(fontsize=10)
plt.show()

# %% [markdown]
# Left: with 8 pairs the estimate is 2.07 where the partners share 5.9 nats, and 1.91 where they share 3.6; ln 8 is
# 2.08. Only when ln N is well above the information (the dotted line) does the estimate reach it. A task that is
# solved teaches nothing more: the more two partners have in common, the larger the batches have to be, or the harder
# the wrong candidates. That is one reason to want large batches, and it is a ceiling of the estimate, not of what the
# networks learn (Poole et al. 2019, §2.3, discuss it). Right: the loss is least at 1/κ. The temperature says how far
# apart partners are; too small is far worse than too large, for then every stranger that happens to be nearer is a
# disaster.
#
# Turn the knob: one query with its right key and eleven wrong ones. (Without a slider: `draw_row(0.02)`.)

# %% demo="temperature-slider" alt="Bars: twelve cosines, and what the softmax makes of them at a temperature."
COSINES = torch.tensor([0.62, 0.70, 0.55, 0.48, 0.31, 0.30, 0.12, 0.05, -0.08, -0.11, -0.27, -0.40])


def draw_row(temperature=0.07):
    probabilities = torch.softmax(COSINES / temperature, dim=0)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    for ax, values, name in ((axes[0], COSINES, "cosine"), (axes[1], probabilities, "probability")):
        ax.bar(range(12), values, color=["black"] + ["0.65"] * 11)
        ax.set(xlabel="key (0 is the right one)", ylabel=name, xticks=range(12))
    axes[1].set(ylim=(0, 1), title=f"τ = {temperature:.3f}: loss {-probabilities[0].log():.2f} nats")
    axes[0].set_title("one query, twelve keys")
    plt.show()


try:
    from ipywidgets import FloatLogSlider, interact

    interact(draw_row, temperature=FloatLogSlider(0.07, base=10, min=-2.5, max=0.5, step=0.05))
except ImportError:
    print("pip install ipywidgets gives this picture a slider; without it, call draw_row(0.02) in a new cell.")
    draw_row()

# %% [markdown]
# For one query, the gradient of the loss with respect to the score (cosine over τ) of a wrong key is the probability of
# that key. Hot, and all keys are pushed away a little; cold, and only the one key that beats the right one counts.
#
# ## 7 · CLIP's loss
#
# Which of the two partners asks? Radford et al. (2021, §2.3, Figure 3) let both: every picture looks for its text among
# the texts of the batch, every text for its picture, and the loss is the mean of the two.
#
# $$\mathcal{L} = \tfrac{1}{2}\left(\mathcal{L}_{\text{image} \to \text{text}}
#                                    + \mathcal{L}_{\text{text} \to \text{image}}\right)$$
#
# One table of scores serves both: rows for the one, columns for the other. And CLIP *learns* its temperature. What is
# stored and trained is the logarithm of the scale, $\ell = \ln(1/\tau)$, so that the scale $e^\ell$ stays positive
# whatever the optimiser does. It begins at 1/0.07 = 14.3, and is kept from exceeding 100, which the authors found
# necessary for stable training (§2.5).
#
# **`clip_loss(images, texts, logit_scale)`** ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `images` | (N, D), floats | vectors of any length, none zero |
# | `texts` | (N, D), floats | text i belongs to picture i |
# | `logit_scale` | 0-dimensional tensor | $\ell$, not to be changed; scores are cosines times $\min(e^\ell, 100)$ |
# | result | scalar | mean of both directions, in nats; gradients reach all three |
#
# `logit_scale` may be any number, 1,000 too: then the scale is 100, and its gradient is 0, not `nan`. Your `info_nce`
# may be used.
#
# <details><summary>Hint 1</summary>Scores times a scale are scores over a temperature of 1 / scale. Then either
# direction is a function you have.</details>
# <details><summary>Hint 2</summary>The other direction: the arguments exchanged. Then half of each.</details>
# <details><summary>Hint 3</summary>Limit before <code>exp</code>, not after it: <code>logit_scale.clamp(max=…)</code>.
# The exponential of 1,000 is infinite, and the gradient of a limited infinity is 0 · ∞, which is <code>nan</code>.
# </details>

# %% exercise="clip_loss" minutes=10 level=3
def clip_loss(images: Tensor, texts: Tensor, logit_scale: Tensor) -> Tensor:
    """The mean of two questions: which text belongs to this picture, and which picture to this text?

    images, texts: (N, D), row i of one belongs to row i of the other. logit_scale: 0-dimensional; scores are cosines
    times exp(logit_scale), at most 100. Returns a scalar.   Radford et al. 2021, Figure 3 and §2.5
    """
    ### BEGIN SOLUTION
    temperature = torch.exp(-logit_scale.clamp(max=math.log(100)))
    return (info_nce(images, texts, temperature) + info_nce(texts, images, temperature)) / 2
    ### END SOLUTION


# %%
# Given: Figure 3 of the paper in float64, for the expected side of the checks.
def clip_by_figure(images, texts, scale):
    a, b = images.double(), texts.double()
    a, b = a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)
    logits, labels = scale * a @ b.T, torch.arange(len(a))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


# %% check="clip_loss: both directions, half and half" points=2
a, b = 2 * check.randn(5, 4, seed=21), check.randn(5, 4, seed=22)
a2, b2 = 2 * check.randn(5, 4, seed=21), check.randn(5, 4, seed=22)
loss = clip_loss(a, b, torch.tensor(1.0))
check.shape(loss, (), hint="one number: the mean over the pairs and over both directions")
check.close(loss, clip_by_figure(a2, b2, 2.718281828), atol=1e-4,
            hint="cosines times e^ℓ; the loss of the rows and that of the columns, half of each")
check.close(clip_loss(a, b, torch.tensor(0.0)), clip_by_figure(a2, b2, 1.0), atol=1e-4,
            hint="ℓ = 0 is a scale of 1: the scale is exp(logit_scale), a factor, not a divisor")
check.close(clip_loss(torch.eye(2), torch.eye(2), torch.tensor(0.0)), 0.31326169, atol=1e-5,
            hint="two pairs at right angles at scale 1: ln(1 + 1/e) = 0.3133; the mean of the directions, not the sum")
check.equal(a, 2 * check.randn(5, 4, seed=21), hint="images were changed in place: make new tensors")
check.equal(b, check.randn(5, 4, seed=22), hint="texts were changed in place: make new tensors")
### BEGIN HIDDEN TESTS
c, d = check.randn(7, 3, seed=23).double(), 5 * check.randn(7, 3, seed=24).double()
check.close(clip_loss(c, d, torch.tensor(2.0).double()),
            clip_by_figure(check.randn(7, 3, seed=23), 5 * check.randn(7, 3, seed=24), 7.38905609893065),
            atol=1e-8, rtol=1e-8, hint="float64 in, full precision out")
### END HIDDEN TESTS

# %% check="clip_loss: a scale that learns, up to 100" points=2
x, y = check.randn(4, 6, seed=25).requires_grad_(), check.randn(4, 6, seed=26).requires_grad_()
scale = torch.tensor(1.5).requires_grad_()
x2, y2 = check.randn(4, 6, seed=25).requires_grad_(), check.randn(4, 6, seed=26).requires_grad_()
scale2 = torch.tensor(1.5).requires_grad_()
clip_loss(x, y, scale).backward()
clip_by_figure(x2, y2, torch.exp(scale2)).backward()
check.close(x.grad, x2.grad, atol=1e-4, hint="the gradient of the pictures, from both directions")
check.close(y.grad, y2.grad, atol=1e-4, hint="the gradient of the texts, from both directions")
check.close(scale.grad, scale2.grad, atol=1e-4, hint="the gradient of logit_scale: nothing detached, no item()")
u, w = check.randn(4, 6, seed=27), check.randn(4, 6, seed=28)
check.close(clip_loss(u, w, torch.tensor(4.5)),
            clip_by_figure(check.randn(4, 6, seed=27), check.randn(4, 6, seed=28), 90.0171313), atol=0.01,
            hint="a scale of e^4.5 = 90 is allowed: the limit is 100 for the scale, ln 100 = 4.6 for its logarithm")
check.close(clip_loss(u, w, torch.tensor(6.0)),
            clip_by_figure(check.randn(4, 6, seed=27), check.randn(4, 6, seed=28), 100.0), atol=0.01,
            hint="the scale is at most 100")
huge = torch.tensor(1000.0).requires_grad_()
clip_loss(u, w, huge).backward()
check.equal(huge, torch.tensor(1000.0), hint="logit_scale was changed: clamp without _ and without .data")
check.equal(huge.grad, torch.tensor(0.0), hint="ℓ = 1000: the gradient is 0. Limit ℓ before exp, or 0 · ∞ gives nan")
low = clip_loss(u, w, torch.tensor(-6.0))
check.close(low, clip_by_figure(check.randn(4, 6, seed=27), check.randn(4, 6, seed=28), 0.00247875218), atol=1e-4,
            hint="a scale below 1 is allowed: there is no lower limit")
### BEGIN HIDDEN TESTS
far = torch.tensor(5.0).requires_grad_()
clip_loss(u, w, far).backward()
check.equal(far.grad, torch.tensor(0.0), hint="above the limit logit_scale has no influence, so its gradient is 0")
### END HIDDEN TESTS

# %% [markdown]
# A limit inside the loss has a flaw: beyond it the gradient is 0, and the parameter cannot come back by itself.
# OpenCLIP's training code, for one, limits the parameter after each step instead. In our small runs it stays far below.
#
# ## 8 · Finding the right one
#
# How good is a trained pair of encoders? Let every query rank all keys by similarity, and count how often its own is
# among the first k: the *recall at k*. With chance alone it is k / M.
#
# Ties need a decision. If an encoder collapses and gives the same vector to everything, all similarities are equal.
# "How many are greater than mine? None, so I am first" would call that perfect. So: **whatever is equal counts as
# before**.
#
# **`recall_at_k(similarities, k)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `similarities` | (N, M), floats, M ≥ N | row i: query i with every key; key i is its own. Not to be changed |
# | `k` | int, 1 ≤ k ≤ M | |
# | result | float, or a tensor of one | share of queries for which fewer than k *other* keys are as similar or more |
#
# <details><summary>Hint 1</summary>Not a ranking: a count. How many keys of the row are at least as similar as the
# query's own?</details>
# <details><summary>Hint 2</summary>The own similarities are the diagonal, a column (N, 1) to compare each row
# with.</details>
# <details><summary>Hint 3</summary>The own key is always as similar as itself, so it is in the count: at most k, not
# fewer than k.</details>

# %% exercise="recall_at_k" minutes=5 level=2
def recall_at_k(similarities: Tensor, k: int) -> float:
    """The share of queries whose own key is among the k most similar ones; ties count against it.

    similarities: (N, M), M >= N; key i is query i's own. 1 <= k <= M.
    """
    ### BEGIN SOLUTION
    own = similarities.diagonal().unsqueeze(1)  # (N, 1)
    rank = (similarities >= own).sum(dim=1)  # (N,), 1 for the best
    return (rank <= k).float().mean().item()
    ### END SOLUTION


# %% check="recall_at_k: the share whose own key is among the k best" points=1
table = torch.tensor([[0.9, 0.1, 0.3, 0.2], [0.8, 0.5, 0.1, 0.6], [0.7, 0.4, 0.6, 0.5]])
first = recall_at_k(table, 1)
check.close(first, 0.33333333,
            hint="rows are queries: only the first query has its own key in the first place of its row")
check.equal(table, torch.tensor([[0.9, 0.1, 0.3, 0.2], [0.8, 0.5, 0.1, 0.6], [0.7, 0.4, 0.6, 0.5]]),
            hint="similarities were changed in place: leave the table as it is")
check.close(recall_at_k(table, 2), 0.66666667,
            hint="count in each row what is as similar or more: k = 2 finds two of three")
check.close(recall_at_k(table, 3), 1.0, hint="the second query's own key is the third of its row")
check.close(recall_at_k(-check.rand(40, 60, seed=1) + 2 * torch.eye(40, 60), 1), 1.0,
            hint="negative similarities, and more keys than queries: key i is at [i, i]")
### BEGIN HIDDEN TESTS
check.close(recall_at_k(torch.tensor([[0.1, 0.9], [0.2, 0.3]]), 1), 0.5, hint="rows, not columns")
check.close(recall_at_k(torch.tensor([[0.1, 0.9], [0.2, 0.3]]), 2), 1.0, hint="k = M: everybody is found")
### END HIDDEN TESTS

# %% check="recall_at_k: ties count against" points=1
check.close(recall_at_k(torch.ones(4, 5), 1), 0.0, hint="all alike: nobody is found; what is equal counts as before")
check.close(recall_at_k(torch.ones(4, 5), 4), 0.0, hint="all alike: the own key counts as the last of five")
check.close(recall_at_k(torch.ones(4, 5), 5), 1.0, hint="k = M: fewer than k others, so everybody is found")
check.close(recall_at_k(torch.tensor([[0.5, 0.5, 0.1], [0.2, 0.7, 0.7]]), 2), 1.0, hint="one other is equal: rank 2")
### BEGIN HIDDEN TESTS
check.close(recall_at_k(torch.tensor([[0.5, 0.5, 0.1], [0.2, 0.8, 0.7]]), 1), 0.5, hint="an equal key is before it")
### END HIDDEN TESTS

# %% [markdown]
# Now for emoji. The data are 1,390 pictures of a font with their Unicode names, "party popper" or "smiling cat face
# with open mouth" (where the font cannot be had: generated shapes with captions like "small red circle at the left").
# Letters, flags' letters and clock faces are left out, since they are told apart by details that 32 × 32 pixels do not
# show. Some are held back: neither picture nor name takes part in training. What can be hoped for is that their
# *words* have occurred in other names; where not one of them has, no model could find anything, and the emoji is not
# asked about.
#
# Given below: a convolutional network of three layers for pictures, for names the mean of learned vectors of the words
# with a small network behind it, a `logit_scale`, and a training loop. It is CLIP with everything but the idea taken
# away. The logarithm of the scale learns ten times as fast as the rest, or 300 steps would hardly move it.
#
# **Before you run it** (some ten seconds): the network sees about a thousand pictures in its whole life, and then has
# to find a new one by its name among 95. How often will it be first, and how often among the first ten?

# %% demo="emoji-training" alt="Curves over the steps: the loss falls, recall of held-out emoji rises; the temperature."
pictures = [(picture, name.replace("-", " ").split()) for picture, name in data.load("emoji")
            if not any(word in name for word in ("regional indicator", "cjk", "clock face", "squared", "letter"))]
order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0)).tolist()
number_heldout = min(143, len(pictures) // 5)
train_words = sorted({word for i in order[number_heldout:] for word in pictures[i][1]})
word_ids = {word: number for number, word in enumerate(train_words)}
pixels = torch.stack([torch.from_numpy(np.array(picture.resize((32, 32)))).permute(2, 0, 1)
                      for picture, _ in pictures]) / 127.5 - 1  # (n, 3, 32, 32)
train_set = order[number_heldout:]
asked_set = [i for i in order[:number_heldout] if any(word in word_ids for word in pictures[i][1])]


class PictureEncoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        sizes = [3, 24, 48, 96]
        layers = [(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU())
                  for a, b in zip(sizes, sizes[1:], strict=False)]
        self.layers = nn.Sequential(*(part for layer in layers for part in layer), nn.Flatten(), nn.Dropout(0.2))
        self.out = nn.Linear(96 * 4 * 4, width)

    def forward(self, x):
        """x: (N, 3, 32, 32). Returns (N, D)."""
        return self.out(self.layers(x))


class NameEncoder(nn.Module):
    def __init__(self, vocab_size, width):
        super().__init__()
        self.words = nn.EmbeddingBag(vocab_size, width, mode="mean")
        self.dropout = nn.Dropout(0.2)
        self.layers = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, names):
        """names: N lists of words; unknown ones are left out, one must be known. Returns (N, D)."""
        known = [[word_ids[word] for word in name if word in word_ids] for name in names]
        starts = torch.tensor([0, *map(len, known)])[:-1].cumsum(0)
        x = self.dropout(self.words(torch.tensor(sum(known, [])), starts))
        return x + self.layers(x)


@torch.no_grad()
def vectors(numbers):
    """Pictures and names of these emoji as unit vectors, (n, D) both."""
    see.eval(), read.eval()
    images, texts = see(pixels[numbers]), read([pictures[i][1] for i in numbers])
    see.train(), read.train()
    return F.normalize(images, dim=-1), F.normalize(texts, dim=-1)


torch.manual_seed(0)
see, read, logit_scale = PictureEncoder(64), NameEncoder(len(word_ids), 64), nn.Parameter(torch.tensor(1 / 0.07).log())
weights = [*see.parameters(), *read.parameters()]
optimizer = torch.optim.AdamW([{"params": weights, "weight_decay": 0.1, "factor": 1.0},
                               {"params": [logit_scale], "weight_decay": 0.0, "factor": 10.0}])
STEPS, BATCH, generator = 300, 64, torch.Generator().manual_seed(0)
losses, checks_made, start = [], [], time.process_time()
untrained = vectors(asked_set)
for step in range(STEPS + 1):
    if step % 30 == 0:
        images, texts = vectors(asked_set)
        checks_made.append((step, *(recall_at_k(texts @ images.T, k) for k in (1, 10)), logit_scale.exp().item()))
    if step == STEPS:
        break
    chosen = [train_set[i] for i in torch.randperm(len(train_set), generator=generator)[:BATCH].tolist()]
    dx, dy = torch.randint(1, 8, (2,), generator=generator).tolist()
    shifted = F.pad(pixels[chosen], (4, 4, 4, 4), value=1.0)[:, :, dy : dy + 32, dx : dx + 32]  # a white margin
    loss = clip_loss(see(shifted), read([pictures[i][1] for i in chosen]), logit_scale)
    for group in optimizer.param_groups:
        group["lr"] = 2e-3 * group["factor"] * min(1, (step + 1) / 30) * (1 + math.cos(math.pi * step / STEPS)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
images, texts = vectors(asked_set)
figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
axes[0].plot(losses, color="0.7", linewidth=1)
axes[0].plot(np.arange(9, STEPS), np.convolve(losses, np.ones(10) / 10, mode="valid"), color="black")
axes[0].axhline(math.log(BATCH), color="0.5", linestyle="--")
axes[0].set(title="loss, in training (dashed: ln N)", ylabel="loss [nats]", ylim=(0, None))
steps_made, first, tenth, scales = zip(*checks_made, strict=True)
axes[1].plot(steps_made, tenth, "o-", color="black", label="among the first 10")
axes[1].plot(steps_made, first, "s-", color="0.5", label="first")
axes[1].axhline(10 / len(asked_set), color="black", linestyle=":", linewidth=1)
axes[1].axhline(1 / len(asked_set), color="0.5", linestyle=":", linewidth=1)
axes[1].set(title="held-out names find their picture", ylabel="recall (dotted: chance)", ylim=(0, 1.45 * max(tenth)))
axes[1].legend(fontsize=9, loc="upper left")
axes[2].plot(steps_made, [1 / scale for scale in scales], "o-", color="black")
axes[2].set(title="temperature", ylabel="τ = 1 / scale")
for ax in axes:
    ax.set_xlabel("step")
plt.show()
print(f"{len(train_set)} emoji to learn from, {len(asked_set)} held out, {len(word_ids)} words; "
      f"{time.process_time() - start:.0f} s")
for name, numbers in (("held out", asked_set), ("as many trained ones", train_set[: len(asked_set)])):
    a, b = vectors(numbers)
    print(f"{name:21}", ", ".join(f"R@{k} {recall_at_k(b @ a.T, k):.2f} (chance {k / len(numbers):.2f})"
                                  for k in (1, 5, 10)))

# %% [markdown]
# Held-out names find their picture in first place in 8 of 100 cases, where chance is 1, and among the first ten in 35,
# where chance is 11. (95 queries are few: 0.35 is uncertain by 0.05.) Of the emoji it was trained on the network finds
# half at once and four in five among ten: most of what it has learned is *these* emoji. A thousand pairs are few for
# 1,267 words, most of which occur once. Where every word occurs often it is another matter: of the generated shapes,
# whose captions are put together from 21 words, it finds 73 of 100 at once after 40 steps.
#
# The temperature first rises, while the vectors know nothing and being sure is expensive, and falls as they learn. Look
# again at the right picture of section 6: it moves towards what the vectors deserve.
#
# **Before you run the next cell:** here are the similarities of 30 names with their 30 pictures, before and after. The
# right pairs lie on the diagonal. What do you expect to see besides the diagonal, if the names are sorted by their last
# word?

# %% demo="heat-map" alt="Two tables of cosines, names by pictures: noise before training, a darker diagonal after it."
some = sorted(range(len(asked_set)), key=lambda i: pictures[asked_set[i]][1][-1])[:: max(1, len(asked_set) // 30)][:30]
figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for ax, (a, b), name in zip(axes, (untrained, (images, texts)), ("before training", "after"), strict=True):
    table = b[some] @ a[some].T
    drawn = ax.imshow(table, cmap="Greys", vmin=table.min(), vmax=table.max())
    own = table.diagonal().mean()
    other = (table.sum() - table.trace()) / (table.numel() - len(table))
    ax.set_title(f"{name}: own {own:.2f}, others {other:.2f} on average", fontsize=11)
    ax.set(xlabel="picture", ylabel="name")
    ax.grid(False)
    figure.colorbar(drawn, ax=ax, shrink=0.8, label="cosine")
plt.show()

# %% [markdown]
# Before, the names have patterns of their own, which have nothing to do with the pictures: rows alike from left to
# right. Own pairs are as similar as others. After, own pairs have a mean cosine of 0.16, others of 0.01, and a few
# dark cells lie on the diagonal, but the most striking thing is a block: four rows which are exactly alike. Of those
# names one word alone is known, *face*, so they are one and the same question, and the dark columns are the faces.
# What a name encoder does not know it cannot ask for; real ones read pieces of words (*tokenization*).
#
# Last, ask for something. The text need not be the name of any emoji, as long as its words are known. This is what
# *zero-shot* means: the classes, or the queries, are thought up after the training. **Before you run the next cell:**
# it searches the held-out pictures. Which of these will work: a colour, an animal, a mood?

# %% demo="queries" alt="Six rows: a query in words, and the five held-out pictures that are nearest to it."
wanted = ["red heart", "cat face", "smiling face", "blue circle", "musical instrument", "black arrow"]
if not all(any(word in word_ids for word in query.split()) for query in wanted):
    wanted = ["small red circle", "large blue square", "green triangle", "red circle at the left", "square", "blue"]
with torch.no_grad():
    read.eval()
    asked_texts = F.normalize(read([query.split() for query in wanted]), dim=-1)
nearest = (asked_texts @ images.T).topk(5, dim=1)
figure, axes = plt.subplots(len(wanted), 5, figsize=(8.5, 9.5), layout="constrained")
for row, query in enumerate(wanted):
    for column in range(5):
        ax, i = axes[row, column], asked_set[nearest.indices[row, column]]
        ax.imshow(pictures[i][0])
        ax.set_title(f"{' '.join(pictures[i][1])[:26]}\n{nearest.values[row, column]:.2f}", fontsize=7)
        ax.set(xticks=[], yticks=[])
    axes[row, 0].set_ylabel(query, fontsize=10, rotation=0, ha="right", va="center")
plt.show()

# %% [markdown]
# *Red heart* finds the red heart, although Unicode calls it "black heart suit" (a suit of cards; black means filled
# in), and then red or reddish things, a brown heart among them. *Face* finds yellow faces, whatever stands before it: a
# fox and a lion are among the pictures, and the cat gets none of them; of five "smiling" ones, one smiles. *Black
# arrow* finds an arrow first. *Blue circle* finds two blue things and no circle; *musical instrument* fails. Some shape
# and colour, then, and a few frequent words: about what a thousand pictures can teach.
#
# ## Recap
#
# - An objective is a batch and a loss. The label says what is held back, the mask who may look, −100 what does not
#   count.
# - Causal: an answer at every token. Shift once. The end is a label; padding is not, even if it has the same number.
# - Masked: 15%, of these 80% `[MASK]`, 10% random, 10% as they were; labels are always the originals.
# - Span corruption: exact numbers of tokens and spans, random places, a sentinel for each span; nothing is lost.
# - One network learns all three, and each makes it answer something else well.
# - InfoNCE: pick the right one among the batch. It can never report more than ln N nats. The temperature says how far
#   apart partners are.
# - CLIP: both directions, and a scale that is learned through its logarithm, up to 100.
# - A metric needs a rule for ties, or a collapsed model wins.

# %% [markdown]
# ## A question in words
#
# A friend trains a small GPT on recipes. Tokens of padding and end share the number 0, and the labels are made by
# `labels[labels == 0] = -100` after the shift. The loss looks fine, but the model never stops writing. To repair it,
# the friend wants to switch to masked language modelling: "it sees both sides, so it must be the better model. And
# since it only has to answer 15% of the tokens, training will be six times as fast."
#
# In six to ten sentences: (a) Why does the model not stop, and what is the smallest repair? (b) What is wrong with "six
# times as fast"? (c) What will the masked model be able to do with recipes, and what not?

# %% [markdown] essay="recipes" points=3
# **(a)** The end tokens are labels 0 like the padding, so −100 erases both, and the model was never once asked to
# predict the end: it has no reason to give it any probability. Set −100 by place, from the lengths of the texts, not by
# the number; or give padding a number of its own. *(1 point: the end is never a target; −100 by place or a separate
# padding token.)*
#
# **(b)** The network still computes every token's vector in every layer, forwards and backwards: a step costs about
# the same, only the last softmax is taken at fewer places. What shrinks to 15% is the number of answers that a step
# learns from, so if anything more steps are needed, not fewer. *(1 point: same cost per step; fewer answers per step.)*
#
# **(c)** It can say which word fits a gap from both sides, and its vectors are good for classifying or searching
# recipes after fine-tuning. It does not give the probability of a text as a product of next tokens, has never seen a
# text that stops in the middle, and does not learn to continue one; and it has to be told how many tokens a gap has.
# *(1 point: good for gaps and representations; not for writing on.)*

# %% [markdown]
# ## Sources
#
# - Radford, Narasimhan, Salimans, Sutskever 2018. *Improving Language Understanding by Generative Pre-Training.* Eq. 1:
#   the next token.
# - Devlin, Chang, Lee, Toutanova 2019. *BERT.* NAACL 2019, arXiv 1810.04805. §3.1 and Appendix A.1 masking, C.2 what
#   its shares change.
# - Liu et al. 2019. *RoBERTa.* arXiv 1907.11692. §4.1 masks drawn anew.
# - Raffel et al. 2020. *Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer.* JMLR 21,
#   arXiv 1910.10683. §3.1.4 span corruption and Figure 2, §3.2.1 prefix language models, §3.3.4 lengths of spans. The
#   authors' code: `random_spans_noise_mask` in `t5/data/preprocessors.py`.
# - Dong et al. 2019. *Unified Language Model Pre-training for Natural Language Understanding and Generation.* NeurIPS
#   2019, arXiv 1905.03197. One model, several masks.
# - Gutmann, Hyvärinen 2010. *Noise-contrastive Estimation.* AISTATS 2010. Where the letters NCE come from.
# - van den Oord, Li, Vinyals 2018. *Representation Learning with Contrastive Predictive Coding.* arXiv 1807.03748. §2.3
#   InfoNCE and its bound.
# - Poole, Ozair, van den Oord, Alemi, Tucker 2019. *On Variational Bounds of Mutual Information.* ICML 2019, arXiv
#   1905.06922. The ceiling at ln N.
# - Wu, Xiong, Yu, Lin 2018. *Unsupervised Feature Learning via Non-parametric Instance Discrimination.* CVPR 2018,
#   arXiv 1805.01978. Unit vectors and a temperature of 0.07.
# - Chen, Kornblith, Norouzi, Hinton 2020. *A Simple Framework for Contrastive Learning of Visual Representations.* ICML
#   2020, arXiv 2002.05709. §2.1 cosine, temperature, negatives from the batch.
# - Radford et al. 2021. *Learning Transferable Visual Models From Natural Language Supervision.* ICML 2021, arXiv
#   2103.00020. §2.3 and Figure 3 the loss, §2.5 scale and batch.
# - transformers, issue 23530 on GitHub: end tokens lost with padding, in `DataCollatorForLanguageModeling`.
