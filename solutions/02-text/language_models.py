# %% [markdown]
# # Language models
#
# ## What you will build
#
# Models that predict the next token, from the oldest to the one that transformers replaced: `ngram_probability`, which
# counts and adds a little; `interpolated_probability`, which falls back on shorter histories (Witten–Bell);
# `NeuralBigram`, which turns characters into vectors; and `RNNCell`, a network with a memory. Around them the three
# tools that every later notebook needs: `perplexity`, which says how good a model is, `language_model_loss`, which
# trains it, and `sample`, which lets it write. At the end one table compares all models on the same text, and the
# newest does not win. About an hour and a half.
#
# ## When it was invented, and why it matters
#
# In 1913 Andrey Markov counted by hand how often a vowel follows a vowel in 20,000 letters of *Eugene Onegin*. Claude
# Shannon (1948, §3) let such counts write: with the letter frequencies of English, then with pairs, then with triples
# of letters his random texts look more and more like English. In 1951 he turned the question round and asked people to
# guess the next letter. From their guesses he put the information in English between 0.6 and 1.3 bits per letter.
#
# Counting ruled speech recognition and translation for decades; the art was in what to do about things never seen
# (Witten and Bell 1991; Chen and Goodman 1999). Bengio et al. (2003) gave each word a vector that is learnt, so that
# what is known about one word helps with its neighbours. Mikolov et al. (2010) took the recurrent network of Elman
# (1990), which has no fixed limit on how far back it may look, and beat the counts in speech recognition. The
# transformer changed the network and left the task as it was: GPT predicts the next token, and so do most models in
# the rest of this course.
#
# ## Prerequisites
#
# *tokenization*: text as a list of tokens. Dictionaries and `Counter`; indexing and broadcasting in PyTorch;
# `nn.Module`, `nn.Linear`, and that `loss.backward()` fills in gradients.
#
# Letters: `w` a token, `h` its *history*, the tokens before it, `V` the number of different tokens, `B` sequences in a
# batch, `T` tokens in a sequence, `D` the width of an embedding, `H` the width of a hidden state. Here a token is a
# character, unless we say otherwise.

# %%
import copy
import math
import re
import time
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check
from autograder.parts.tokenization import BPETokenizer, train_bpe

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ### The text
#
# A million characters of Shakespeare to learn from, taken from all over his 38 plays, and two smaller parts that no
# model may count or train on. The *development* part is for choices, such as the strength of a smoothing. The
# *held-out* part is for the final table, where every character is predicted but the first of each piece.

# %% demo="text" alt="No picture: the sizes of the three parts and the beginning of one piece."
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
pieces = pieces[:: max(1, len(pieces) // 240)][:240]  # from all over the plays, about 1.2 million characters
held_out, development = pieces[5::12], pieces[11::12]
training = "".join(piece for i, piece in enumerate(pieces) if i % 6 != 5)
alphabet = sorted(set("".join(pieces)))
V = len(alphabet)
for name, part in (("training", [training]), ("development", development), ("held-out", held_out)):
    print(f"{name:12}{sum(map(len, part)):10,} characters in {len(part):3} pieces")
print(f"{V} different characters: {''.join(alphabet)!r}\n\n{held_out[0][:220]}…")

# %% [markdown]
# ## 1 · Count
#
# The probability of a text is a product, one factor for each token given all tokens before it:
#
# $$p(w_1 \dots w_N) = \prod_{i=1}^{N} p(w_i \mid w_1 \dots w_{i-1})$$
#
# That is exact and of no use as it stands: nearly every long history occurs once and never again. An **n-gram model**
# looks only at the last n − 1 tokens. A 3-gram model knows two characters back, and its training is counting: c(h, w)
# says how often w stood behind the history h, and c(h) how often anything did.
#
# `count_ngrams` does the counting: for every history of up to `order` − 1 tokens it keeps a `Counter` of what followed.

# %% tags=["export"]
def count_ngrams(text: str | tuple, order: int) -> dict[str | tuple, Counter]:
    """Count what follows each history of 0 to order − 1 tokens.

    text: a str of characters, or a tuple of ids. Returns a dict from history (a slice of the text, "" or () the
    shortest) to a Counter of the tokens that followed it. A history that never occurred is not in it.
    """
    counts = {}
    for length in range(order):
        grams = Counter(text[i : i + length + 1] for i in range(len(text) - length))
        for gram, count in grams.items():
            counts.setdefault(gram[:-1], Counter())[gram[-1]] = count
    return counts


# %% demo="first-counts" alt="No picture: the counts of a nine-letter text by history."
for history, followers in count_ngrams("banana ba", 3).items():
    print(f"{history!r:5} → {dict(followers)}")

# %% [markdown]
# Dividing, c(h, w) / c(h), gives the shares that we saw, and a probability of 0 to everything else. One such character
# and the whole text has probability 0. So we act as if each of the V tokens had been seen α more times than it was,
# behind every history:
#
# $$p(w \mid h) = \frac{c(h, w) + \alpha}{c(h) + \alpha V}$$
#
# This is *additive smoothing*, or add-α; with α = 1 it is Laplace's rule of succession.
#
# **Before you go on:** what does the formula give behind a history that was never seen?
#
# **`ngram_probability(counts, history, token, alpha, vocab_size)`** ★★☆☆☆ · 10 minutes
#
# | | type | meaning |
# |---|---|---|
# | `counts` | dict, history → `Counter` | as `count_ngrams` returns it; not to be changed |
# | `history` | str, or tuple of ids | the tokens before, cut to length already; perhaps never seen, perhaps empty |
# | `token` | str of one character, or an id | the token whose probability is asked for |
# | `alpha` | float, above 0 | what is added to each count |
# | `vocab_size` | int | V |
# | result | float | the probability |
#
# <details><summary>Hint 1</summary>Two numbers are needed: how often this token followed the history, and how often
# any token did. Both are in one <code>Counter</code>.</details>
# <details><summary>Hint 2</summary>A <code>Counter</code> gives 0 for a key that it does not have. A plain
# <code>dict</code>, which <code>counts</code> is, raises <code>KeyError</code>: what should stand in for the
# <code>Counter</code> of a history never seen?</details>
# <details><summary>Hint 3</summary><code>counts.get(history, Counter())</code> looks up without adding an entry, and
# <code>.total()</code> is the sum of a <code>Counter</code>'s counts.</details>

# %% exercise="ngram_probability" minutes=10 level=2
def ngram_probability(counts: dict, history: str | tuple, token: str | int, alpha: float, vocab_size: int) -> float:
    """The add-α probability of a token behind a history: its count plus α, as a share of all counts plus α each.

    counts: as `count_ngrams` returns it, left unchanged. alpha > 0. A history never seen gives 1 / vocab_size.
    Chen and Goodman 1999, §2
    """
    ### BEGIN SOLUTION
    followers = counts.get(history, Counter())
    return (followers[token] + alpha) / (followers.total() + alpha * vocab_size)
    ### END SOLUTION


# %% check="ngram_probability: counts and a little more, as a share" points=2
few = count_ngrams("abracadabra", 3)
check.close(ngram_probability(few, "a", "b", 1.0, 5), 3 / 9,
            hint="behind a came b twice, c once, d once. With 1 added to each of 5: 3 out of 9")
check.close(ngram_probability(few, "", "a", 1.0, 5), 6 / 16,
            hint="behind the empty history stands every character: 11 in all, 5 of them a. With 1 added: 6 out of 16")
check.close(ngram_probability(few, "ab", "r", 0.5, 5), 2.5 / 4.5,
            hint="behind ab came r, twice: 2 + alpha above, and alpha times vocab_size below")
check.close(ngram_probability(few, "ra", "c", 0.5, 5), 1.5 / 3.5,
            hint="behind ra came c, once; behind a alone came four. Look up the whole history")
check.close(ngram_probability(count_ngrams((7, 3, 7, 3, 9), 2), (3,), 9, 2.0, 10), 3 / 22,
            hint="tuples of ids work as strings do")
### BEGIN HIDDEN TESTS
few2 = count_ngrams("she sells sea shells", 4)
check.close(ngram_probability(few2, "s", "h", 0.1, 30), 2.1 / 8,
            hint="behind s came h twice, in 5 places: 2 + 0.1 over 5 + 0.1 · 30")
check.close(ngram_probability(few2, "sh", "e", 0.01, 80), 2.01 / 2.8, hint="2 + 0.01 over 2 + 0.01 · 80")
few3 = count_ngrams((4, 1, 4, 1, 4, 2), 3)
check.close(ngram_probability(few3, (1, 4), 2, 0.5, 8), 1.5 / 6, hint="histories of two ids, vocab_size 8")
### END HIDDEN TESTS

# %% check="ngram_probability: what was never seen" points=2
few = count_ngrams("abracadabra", 3)
check.close(ngram_probability(few, "a", "r", 0.1, 5), 0.1 / 4.5,
            hint="r never came behind a: its count is 0, so alpha alone stands above the line")
unknown = ngram_probability(few, "zz", "a", 0.1, 5)
check.close(unknown, 0.2,
            hint="zz was never seen: nothing is known, so each of the 5 gets the same")
check.equal(sorted(few), ["", "a", "ab", "ac", "ad", "b", "br", "c", "ca", "d", "da", "r", "ra"],
            hint="counts has a new history: look up with .get(history, Counter()), not with setdefault")
check.equal(dict(few["a"]), {"b": 2, "c": 1, "d": 1}, hint="the counts themselves were changed: they are not yours")
### BEGIN HIDDEN TESTS
few2 = count_ngrams("to be or not to be", 4)
check.close(ngram_probability(few2, "qqq", "t", 0.003, 40), 0.025, hint="a history never seen: 1 / vocab_size")
check.close(ngram_probability(few2, " b", "o", 0.5, 40), 0.5 / 22,
            hint="o never came behind a space and b: alpha over what is there, 2 + 0.5 · 40")
### END HIDDEN TESTS

# %% [markdown]
# Here are the counts of the training text, and what they say about three histories.
#
# **Before you run the next cell:** what comes after *q*? After *th*? And after *the king*, of which the 6-gram model
# sees the last five characters?

# %% demo="followers" alt="Bars: after q almost always u; after th mostly e; after the king several characters."
start = time.perf_counter()
counts = count_ngrams(training, 6)
counting_seconds = time.perf_counter() - start
print(f"{len(counts):,} histories of up to five characters, counted in {counting_seconds:.1f} s")
figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), sharey=True, layout="constrained")
for ax, text in zip(axes, ("q", "th", "the king"), strict=True):
    history = text[-5:]
    shares = {w: ngram_probability(counts, history, w, 0.01, V) for w in alphabet}
    best = sorted(shares, key=shares.get, reverse=True)[:7]
    bars = ax.bar([repr(w)[1:-1].replace(" ", "␣") for w in best], [shares[w] for w in best], color="0.45")
    ax.bar_label(bars, fmt="%.2f", fontsize=9)
    ax.set(title=f"after “{text}”, seen {counts.get(history, Counter()).total():,} times", xlabel="next character",
           ylim=(0, 1.1))
    ax.grid(axis="x", visible=False)
axes[0].set_ylabel("probability (α = 0.01)")
plt.show()

# %% [markdown]
# ## 2 · How good is a model?
#
# A good model is not surprised by a text that it has not seen: it gives high probability to what is really there. The
# product of all those factors is a number too small for any computer, so we add logarithms instead, and divide by the
# number of tokens to make texts of different lengths comparable. The average of −log p is the **cross-entropy**, in
# *nats* per token for the natural logarithm, in *bits* with logarithms to base 2 (1 nat = 1 / ln 2 ≈ 1.44 bits). Its
# exponential is the **perplexity** (Jelinek et al. 1977):
#
# $$\text{perplexity} = \exp\left(-\frac{1}{N} \sum_{i=1}^{N} \ln p(w_i \mid h_i)\right)$$
#
# A model that hesitates between k tokens, all equally likely, has perplexity k. So perplexity is a number of choices:
# the lower the better, 1 at best, V for a model that knows nothing at all.
#
# Texts come in pieces of different lengths, as our held-out part does. The N of the formula is the number of tokens in
# *all* of them together. An easy mistake is to average one number per piece (or per batch, when the last is shorter):
# that gives the tokens of short pieces more weight than the others.
#
# **`perplexity(log_probs)`** ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `log_probs` | list of tensors (N₁,), (N₂,), … | for each piece of the text, ln p of each of its tokens |
# | result | float, a Python number | the perplexity of the whole text |
#
# <details><summary>Hint 1</summary>Where does the formula's N come from when there are two pieces, of 2 and of 100
# tokens?</details>
# <details><summary>Hint 2</summary>Add up everything, divide once by the number of all tokens, and mind the
# sign.</details>
# <details><summary>Hint 3</summary><code>torch.cat</code> lays the pieces end to end. <code>math.exp</code> of a tensor
# with one entry is a Python number.</details>

# %% exercise="perplexity" minutes=5 level=1
def perplexity(log_probs: list[Tensor]) -> float:
    """The exponential of the average surprise, over all tokens of all pieces.

    log_probs: for each piece the natural logarithms of its tokens' probabilities, (N_i,). Returns a float, 1 or more.
    Jelinek et al. 1977
    """
    ### BEGIN SOLUTION
    return math.exp(-torch.cat(log_probs).mean())
    ### END SOLUTION


# %% check="perplexity: the number of equally likely choices" points=1
certain = torch.tensor([0.25, 0.25, 0.25, 0.25, 0.25]).log()
check.close(perplexity([certain]), 4.0,
            hint="each token had probability 1/4, as if there were 4 choices: exp of minus the mean of the logarithms")
mixed = torch.tensor([0.5, 0.125]).log()
check.close(perplexity([mixed]), 4.0,
            hint="1/2 and 1/8: the mean of the logarithms is that of 1/4. Take the mean first, then exp of minus it")
check.equal(isinstance(perplexity([mixed]), float), True, hint="a Python number, not a tensor: math.exp, or .item()")
### BEGIN HIDDEN TESTS
other = -5 * check.rand(40, seed=1).double()
expected = math.exp((5 * check.rand(40, seed=1).double()).mean())
check.close(perplexity([other]), expected, hint="exp of minus the mean of all logarithms")
check.close(perplexity([torch.tensor([0.2]).log()]), 5.0, hint="a single token of probability 1/5")
### END HIDDEN TESTS

# %% check="perplexity: every token counts the same, in short pieces and in long ones" points=2
short = torch.tensor([0.125]).log()
long = torch.tensor([0.5, 0.5, 0.5]).log()
check.close(perplexity([short, long]), 2.8284271,
            hint="one token of 1/8 and three of 1/2: the mean over all four. Do not average one number per piece")
### BEGIN HIDDEN TESTS
first = -3 * check.rand(3, seed=2)
second = -1 * check.rand(50, seed=3)
third = -6 * check.rand(11, seed=4)
total = 3 * check.rand(3, seed=2).sum() + check.rand(50, seed=3).sum() + 6 * check.rand(11, seed=4).sum()
check.close(perplexity([first, second, third]), math.exp(total / 64), hint="64 tokens in three pieces: divide by 64, once")
### END HIDDEN TESTS

# %% [markdown]
# ### How much to add
#
# Now α can be chosen: the one with the lowest perplexity on the *development* part. Not on the training text, where the
# best α is always close to 0, since everything there has been seen. Not on the held-out text either: what was chosen
# on a text is no longer judged fairly by it.
#
# `evidence` looks up, for each character of a list of pieces (but the first of each, which has no history), what the
# formula needs; then NumPy applies it to all at once. The cell compares the result with your function.
#
# **Before you run the next cell:** the longer the history, the fewer characters have been seen behind it. Will the
# best α grow with the order or shrink? And will the longest history be the best?

# %% demo="alpha" alt="Lines: perplexity against α for six orders; each is a valley, the lowest of a middle order."
def evidence(pieces, order, counts):
    """For each token but the first of each piece: c(h, w), c(h), T(h) and the length of h, as four arrays (N,)."""
    rows, nothing = [], Counter()
    for text in pieces:
        for i in range(1, len(text)):
            history = text[max(0, i - order + 1) : i]
            followers = counts.get(history, nothing)
            rows.append((followers[text[i]], followers.total(), len(followers), len(history)))
    return np.array(rows, dtype=np.float64).T


def per_piece(values, pieces):
    """One value for each character but the first of each piece, as the list of tensors that `perplexity` takes."""
    return list(torch.from_numpy(values).split([len(piece) - 1 for piece in pieces]))


orders, alphas = range(1, 7), 10 ** np.arange(-3, 1.1, 0.25)
best_alpha, valleys = {}, {}
for order in orders:
    c_hw, c_h, _, _ = evidence(development, order, counts)
    valleys[order] = [perplexity(per_piece(np.log((c_hw + a) / (c_h + a * V)), development)) for a in alphas]
    best_alpha[order] = alphas[np.argmin(valleys[order])]
    theirs = [ngram_probability(counts, development[0][max(0, i - order + 1) : i], development[0][i], 0.1, V)
              for i in range(1, 1001)]
    gap = np.abs((c_hw[:1000] + 0.1) / (c_h[:1000] + 0.1 * V) - theirs).max()
    print(f"{order}-gram: best α {best_alpha[order]:7.4f}, perplexity {min(valleys[order]):6.2f}   "
          f"(farthest from ngram_probability on 1,000 characters: {gap:.0e})")
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for order, style in zip(orders, (":", "-.", "--", "-", "-", "-"), strict=True):
    color = str(0.75 - 0.15 * (order - 1)) if order < 6 else "0"
    ax.loglog(alphas, valleys[order], style, color=color, linewidth=1 + 0.3 * order, label=f"{order}-gram")
    ax.plot(best_alpha[order], min(valleys[order]), "o", color=color)
ax.set(title="How much to add (development part, dots: best)", xlabel="α", ylabel="perplexity per character")
ax.set_yticks([5, 10, 20, 40], ["5", "10", "20", "40"])
ax.minorticks_off()
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# Two things are wrong with adding. The longer the history, the smaller the counts, and the more the choice of α
# matters; and beyond a certain order longer histories make the model *worse*, although they know more. For a history
# that was seen once, α spreads what is left evenly over all V characters, *q* and *e* alike, as if nothing were known
# about English.
#
# ## 3 · Ask a shorter history
#
# But something is known. Behind *hilos* we may have seen nothing; behind *ilos*, *los* and *os* we have seen a lot. So
# mix: take the counts of the long history as far as they go, and give the rest to the next shorter one, and so on down
# to the empty history, and below that the uniform distribution 1/V. How much is the rest? Witten and Bell (1991,
# method C) look at how often a history brought something *new*. If T(h) different tokens followed it, then T(h) of its
# c(h) occurrences were surprises, so we expect another with probability T(h) / (c(h) + T(h)):
#
# $$p(w \mid h) = \frac{c(h, w) + T(h) \cdot p(w \mid h')}{c(h) + T(h)}$$
#
# h′ is h without its *oldest* token. A history that was never seen has c(h) = T(h) = 0, the formula would be 0 / 0,
# and it passes the question on: p(w | h) = p(w | h′). The empty history asks the uniform distribution, p(w | h′) = 1/V.
#
# **Before you go on:** after *q* there was almost only *u*. After a space came nearly every letter. Which of the two
# keeps more for the shorter history?
#
# **`interpolated_probability(counts, history, token, vocab_size)`** ★★★☆☆ · 15 minutes
#
# | | type | meaning |
# |---|---|---|
# | `counts` | dict, history → `Counter` | as `count_ngrams` returns it; not to be changed |
# | `history` | str, or tuple of ids | the tokens before, perhaps empty; longer than any in `counts`: never seen |
# | `token` | str of one character, or an id | the token whose probability is asked for |
# | `vocab_size` | int | V |
# | result | float | the probability |
#
# <details><summary>Hint 1</summary>A function may call itself. What does it need to know about h′ before it can answer
# for h, and where does the chain of questions end?</details>
# <details><summary>Hint 2</summary>Three steps: the probability under the shorter history (or 1/V if there is none);
# the followers of this history; the formula, unless there are no followers.</details>
# <details><summary>Hint 3</summary><code>history[1:]</code> leaves out the oldest token, of a string and of a tuple.
# T(h) is <code>len(followers)</code>, c(h) is <code>followers.total()</code>, and an empty <code>history</code> is
# false.</details>

# %% exercise="interpolated_probability" minutes=15 level=3
def interpolated_probability(counts: dict, history: str | tuple, token: str | int, vocab_size: int) -> float:
    """The Witten–Bell probability of a token behind a history: its counts, mixed with those of shorter histories.

    counts: as `count_ngrams` returns it, left unchanged. Below the empty history lies the uniform distribution.
    Witten and Bell 1991, method C; as a recursion: Chen and Goodman 1999, §2
    """
    ### BEGIN SOLUTION
    shorter = interpolated_probability(counts, history[1:], token, vocab_size) if history else 1 / vocab_size
    followers = counts.get(history, Counter())
    if not followers:
        return shorter
    return (followers[token] + len(followers) * shorter) / (followers.total() + len(followers))
    ### END SOLUTION


# %% check="interpolated_probability: the empty history rests on the uniform distribution" points=1
few = count_ngrams("abracadabra", 3)
check.close(interpolated_probability(few, "", "a", 5), 6 / 16,
            hint="11 characters, 5 of them a, 5 different: (5 + 5 · 1/5) / (11 + 5)")
check.close(interpolated_probability(few, "", "z", 10), 0.5 / 16,
            hint="z was never seen: (0 + 5 · 1/10) / (11 + 5). T is the number of different followers, not vocab_size")
### BEGIN HIDDEN TESTS
few2 = count_ngrams("she sells sea shells", 3)
check.close(interpolated_probability(few2, "", "s", 28), 87 / 364,
            hint="20 characters, 6 of them s, 6 different, the space among them: (6 + 6 / 28) / (20 + 6)")
### END HIDDEN TESTS

# %% check="interpolated_probability: counts mixed with the shorter history" points=2
few = count_ngrams("abracadabra", 3)
check.close(interpolated_probability(few, "a", "b", 5), 41 / 112,
            hint="behind a: 4 in all, b twice, 3 different. p(b) is 3/16, so (2 + 3 · 3/16) / (4 + 3)")
check.close(interpolated_probability(few, "da", "b", 5), 153 / 224,
            hint="behind da came b, once: (1 + 1 · p(b | a)) / (1 + 1). The shorter history is a: drop the oldest, d")
check.close(interpolated_probability(few, "a", "r", 5), 9 / 112,
            hint="r never came behind a, but it stands in the text: (0 + 3 · 3/16) / (4 + 3)")
ids_few = count_ngrams((1, 2, 3, 1, 4, 1, 5, 1, 2, 3, 1), 3)
check.close(interpolated_probability(ids_few, (5, 1), 2, 5), 153 / 224,
            hint="the same with ids for letters: histories are tuples, and the empty one is ()")
### BEGIN HIDDEN TESTS
few2 = count_ngrams("she sells sea shells", 4)
check.close(interpolated_probability(few2, "she", "l", 10), 0.4653846, atol=1e-6, rtol=0,
            hint="four histories in a row: she, he, e and the empty one, each mixed with the next")
check.close(interpolated_probability(few2, "ell", "s", 10), 0.9353276, atol=1e-6, rtol=0,
            hint="four histories in a row: ell, ll, l and the empty one, each mixed with the next")
few3 = count_ngrams((7, 3, 7, 3, 9), 2)
check.close(interpolated_probability(few3, (3,), 9, 10), 53 / 160, hint="tuples of ids work as strings do")
### END HIDDEN TESTS

# %% check="interpolated_probability: a history never seen passes the question on" points=2
few = count_ngrams("abracadabra", 3)
check.close(interpolated_probability(few, "za", "b", 5), 41 / 112,
            hint="za was never seen: its answer is that of a, unchanged")
check.close(interpolated_probability(few, "zz", "a", 5), 6 / 16,
            hint="neither zz nor z was seen: the answer is that of the empty history")
unknown = interpolated_probability(few, "abrz", "a", 5)
check.close(unknown, 6 / 16, hint="abrz, brz, rz and z: never seen, all four")
check.equal(len(few), 13, hint="counts has grown: look up with .get(history, Counter()), not with setdefault")
### BEGIN HIDDEN TESTS
few2 = count_ngrams("to be or not to be", 3)
check.close(interpolated_probability(few2, "xo ", "b", 20), 0.7546667, atol=1e-6, rtol=0,
            hint="xo and a space is longer than anything counted: ask o and a space")
### END HIDDEN TESTS

# %% check="interpolated_probability: all tokens together have probability one" points=1
few = count_ngrams("abracadabra", 3)
shares = [interpolated_probability(few, "ra", w, 7) for w in "abcdrxy"]
check.close(sum(shares), 1.0, hint="7 tokens, two of them never seen: what the counts leave must all reach the shorter")
check.close(shares, [0.0765306, 0.1792092, 0.5943878, 0.0943878, 0.0363520, 0.0095663, 0.0095663], atol=1e-6, rtol=0,
            hint="compare p(a | ra) = 0.0765 by hand, from the empty history (below it: 1/7) upwards, oldest token last")

# %% [markdown]
# Both kinds of smoothing, on the whole held-out part, with α as chosen on the development part. On the right, how
# often a model of that order meets a history that the training text did not have.
#
# **Before you run the next cell:** additive smoothing was best at a middle order. Will Witten–Bell's curve turn
# upwards too?

# %% demo="orders" alt="Lines: perplexity against order; add-α turns upwards, Witten–Bell stays below it."
def witten_bell(found_by_order, vocab_size):
    """From the evidence of the orders 1, 2, … to the probabilities of each order: the recursion, from below."""
    found, p = {}, 1 / vocab_size
    for order, (c_hw, c_h, kinds, length) in found_by_order.items():
        known = (c_h > 0) & (length == order - 1)  # near the beginning of a piece the history is shorter
        p = found[order] = np.where(known, (c_hw + kinds * p) / np.maximum(c_h + kinds, 1), p)
    return found


held_log_probs = {"uniform": np.full(sum(len(piece) - 1 for piece in held_out), -math.log(V))}
held_evidence = {order: evidence(held_out, order, counts) for order in orders}
unseen, smoothed = [], witten_bell(held_evidence, V)
for order, (c_hw, c_h, _, _) in held_evidence.items():
    held_log_probs[f"{order}-gram, add-α"] = np.log((c_hw + best_alpha[order]) / (c_h + best_alpha[order] * V))
    held_log_probs[f"{order}-gram, Witten–Bell"] = np.log(smoothed[order])
    unseen.append(100 * (c_h == 0).mean())
    yours = [interpolated_probability(counts, held_out[0][max(0, i - order + 1) : i], held_out[0][i], V)
             for i in range(1, 1001)]
    gap = np.abs(smoothed[order][:1000] - yours).max()
    print(f"{order}-gram: farthest from interpolated_probability on 1,000 characters: {gap:.0e}")
table = {name: perplexity(per_piece(values, held_out)) for name, values in held_log_probs.items()}
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained", width_ratios=(3, 2))
for kind, style, color in (("add-α", "s--", "0.5"), ("Witten–Bell", "o-", "black")):
    values = [table[f"{order}-gram, {kind}"] for order in orders]
    axes[0].semilogy(orders, values, style, color=color, label=kind)
    print(f"{kind:12}", "  ".join(f"{order}-gram {value:5.2f}" for order, value in zip(orders, values, strict=True)))
axes[0].set(title="Whole held-out part", xlabel="order n", ylabel="perplexity per character")
axes[0].set_yticks([4, 6, 10, 20], ["4", "6", "10", "20"])
axes[0].minorticks_off()
axes[0].legend()
bars = axes[1].bar(list(map(str, orders)), unseen, color="0.6")
axes[1].bar_label(bars, fmt="%.1f")
axes[1].set(title="History never seen in training", xlabel="order n", ylabel="held-out characters [%]",
            ylim=(0, 1.15 * max(unseen)))
axes[1].grid(axis="x", visible=False)
plt.show()

# %% [markdown]
# Witten–Bell is nowhere much worse and, where histories get long, far better, without a number to choose. It is not
# the last word: it trusts a history that it saw once rather too much, which is why its curve, too, flattens or turns
# in the end. Chen and Goodman (1999) compared many such recipes on many texts; their modified Kneser–Ney came out
# best. And the bars on the right grow with the order: the histories run out. That is the wall which all counting
# meets.
#
# ## 4 · Let it write
#
# A model that gives each next token a probability can also write: draw a token, put it behind the history, ask again.
# Shannon (1948, §3) drew by opening a book at a random page. We draw with a random number u, uniform between 0 and 1:
# lay the probabilities end to end as stretches from 0 to 1, and take the token into whose stretch u falls.
#
# $$F_i = \sum_{j \le i} p_j, \qquad \text{token } i \text{ is drawn if } F_{i-1} \le u < F_i, \quad F_{-1} = 0$$
#
# Networks return *logits*, any numbers whose softmax is the distribution. Dividing them by a *temperature* τ first
# makes the choice bolder (τ above 1: nearer to uniform) or more timid (τ below 1: nearer to always taking the best).
#
# One trap: sums of rounded numbers are rounded. The last F may be 0.9999998, and a u above it falls into nobody's
# stretch, once in millions of draws. Dividing by the last F makes it exactly 1. The other edge is in the inequality:
# a token of probability 0 has a stretch from F to the same F, and must never be drawn, not even by u = 0.
#
# **`sample(logits, u, temperature=1.0)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `logits` | (..., V) | scores of the tokens; may hold `-inf`, which means probability 0 |
# | `u` | (...) | uniform random numbers, 0 ≤ u < 1, one for each draw |
# | `temperature` | float, above 0 | what the logits are divided by |
# | result | (...), int64 | the drawn ids |
#
# Randomness comes from outside, so the same `u` always gives the same tokens: `torch.multinomial` draws numbers of
# its own and does not fit here.
#
# <details><summary>Hint 1</summary>How many of the F lie at or below u? Count them in a small example: three tokens
# with probabilities 0.2, 0.5 and 0.3, and u = 0.6.</details>
# <details><summary>Hint 2</summary><code>torch.softmax</code> of the divided logits, <code>cumsum</code> along the last
# axis, divide by its last entry, compare with u.</details>
# <details><summary>Hint 3</summary><code>u[..., None]</code> has shape (..., 1) and broadcasts against (..., V).
# <code>cdf[..., -1:]</code> keeps its axis. The sum of a bool tensor along an axis counts what is True, as
# int64.</details>

# %% exercise="sample" minutes=10 level=2
def sample(logits: Tensor, u: Tensor, temperature: float = 1.0) -> Tensor:
    """Draw one token from each softmax(logits / temperature), by inverting its cumulative distribution at u.

    logits: (..., V), -inf for what must not be drawn. u: (...), 0 <= u < 1. temperature > 0. Returns ids (...), int64.
    """
    ### BEGIN SOLUTION
    cdf = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)  # (..., V)
    cdf = cdf / cdf[..., -1:]
    return (cdf <= u[..., None]).sum(dim=-1)  # (...)
    ### END SOLUTION


# %% check="sample: the token into whose stretch u falls" points=2
logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(5, 3)
u = torch.tensor([0.1, 0.25, 0.6, 0.75, 0.95])
check.equal(sample(logits, u), torch.tensor([0, 1, 1, 2, 2]),
            hint="stretches from 0 to 0.2, to 0.7 and to 1: 0.1 falls into the first, 0.25 and 0.6 into the second")
check.equal(sample(torch.tensor([2.0, 2.0, 2.0, 2.0]), torch.tensor(0.6)), torch.tensor(2),
            hint="a single draw: logits (V,), u of shape (). Four equal stretches, and 0.6 lies in the third, number 2")
grid = torch.tensor([0.1, 0.3, 0.6, 0.8, 0.2, 0.9]).view(2, 3)
check.equal(sample(torch.zeros(2, 3, 4), grid), torch.tensor([0, 1, 2, 3, 0, 3]).view(2, 3),
            hint="logits (2, 3, 4), u (2, 3): a draw for each, along the last axis")
### BEGIN HIDDEN TESTS
logits2 = 2 * check.randn(3, 4, 6, seed=5)
u2 = check.rand(3, 4, seed=6)
steps = torch.softmax(2 * check.randn(3, 4, 6, seed=5).double(), dim=-1).cumsum(-1)
expected2 = torch.searchsorted(steps, check.rand(3, 4, seed=6).double()[..., None], right=True)[..., 0]
check.equal(sample(logits2, u2), expected2, hint="leading axes (3, 4): a draw for each, along the last axis alone")
### END HIDDEN TESTS

# %% check="sample: divided by the temperature" points=1
logits = torch.tensor([0.0, 1.0, 2.0, 3.0]).expand(4, 4)
u = torch.tensor([0.05, 0.15, 0.4, 0.7])
check.equal(sample(logits, u, temperature=0.5), torch.tensor([2, 3, 3, 3]),
            hint="at 0.5 the logits are 0, 2, 4 and 6: the last takes 0.86. Divide before the softmax")
check.equal(sample(logits, u, temperature=10.0), torch.tensor([0, 0, 1, 2]),
            hint="at 10 the four are nearly equal: about a quarter each. Divide, do not multiply")
### BEGIN HIDDEN TESTS
logits2 = 3 * check.randn(20, 7, seed=7)
u2 = check.rand(20, seed=8)
steps = torch.softmax(3 * check.randn(20, 7, seed=7).double() / 1.7, dim=-1).cumsum(-1)
expected2 = torch.searchsorted(steps, check.rand(20, seed=8).double()[:, None], right=True)[:, 0]
check.equal(sample(logits2, u2, 1.7), expected2, hint="softmax(logits / temperature), at temperature 1.7")
### END HIDDEN TESTS

# %% check="sample: both edges" points=2
edges = torch.tensor([0.0, 0.25, 0.5, 0.75])
check.equal(sample(torch.zeros(4, 4), edges), torch.tensor([0, 1, 2, 3]),
            hint="a u that is exactly F belongs to the next stretch: token i if F before it is <= u, and u < F")
banned = torch.tensor([-torch.inf, 1.0, -torch.inf, 1.0, -torch.inf])
check.equal(sample(banned.expand(3, 5), torch.tensor([0.0, 0.5, 0.99999994])), torch.tensor([1, 3, 3]),
            hint="a token of probability 0 was drawn: count the F that are <= u, and make the last F exactly 1")
many = torch.cat([torch.arange(10000) % 7.0, torch.tensor([-torch.inf])])
check.equal(sample(many, torch.tensor(0.99999994)), torch.tensor(9999),
            hint="sums are rounded, and the last F here is 0.9999987: divide all F by the last")
### BEGIN HIDDEN TESTS
for size in (41, 94, 164, 999, 5000):
    check.equal(sample(torch.zeros(size), torch.tensor(0.99999994)), torch.tensor(size - 1),
                hint="the largest u below 1 belongs to the last token: rounding leaves the last F off 1, divide by it")
### END HIDDEN TESTS

# %% check="sample: many draws have the shares of the softmax" points=1
draws = sample(torch.tensor([0.0, 0.5, -1.0, 1.0]).expand(20000, 4), check.rand(20000, seed=9))
shares = torch.softmax(torch.tensor([0.0, 0.5, -1.0, 1.0]), dim=-1)
check.close(torch.bincount(draws, minlength=4) / 20000, shares, atol=0.015,
            hint="20,000 draws do not have the shares of softmax(logits): each draw needs its own u")

# %% [markdown]
# `generate` repeats it: ask for logits, draw, append.

# %% tags=["export"]
def generate(next_logits, ids: Tensor, length: int, temperature: float = 1.0, seed: int = 0) -> Tensor:
    """Continue a sequence token by token.

    next_logits: function from the ids so far, (t,), to the logits of the next, (V,). ids: (t,), int64.
    Returns (t + length,), int64; the same for the same seed.
    """
    for u in torch.rand(length, generator=torch.Generator().manual_seed(seed)):
        following = sample(next_logits(ids), u, temperature)
        ids = torch.cat([ids, following.view(1)])
    return ids


# %% [markdown]
# **Before you run the next cell:** it repeats Shannon's experiment with our counts. From which order on can you read
# whole words? From which on could it be a play?

# %% demo="shannon" alt="No picture: random texts of the orders 0 to 6, more and more like a play."
def ngram_logits(order):
    """A function for `generate`: ids so far → logits of a Witten–Bell n-gram model; order 0 is uniform."""
    def next_logits(ids):
        history = "".join(alphabet[i] for i in ids[max(0, len(ids) - order + 1) :]) if order > 1 else ""
        return torch.tensor([math.log(interpolated_probability(counts, history, w, V)) if order else 0.0
                             for w in alphabet])
    return next_logits


opening = torch.tensor([alphabet.index(c) for c in "\n\n"])
for order in range(7):
    ids = generate(ngram_logits(order), opening, 180, seed=4)
    print(f"--- order {order}: {'all characters alike' if not order else f'{order}-gram'}")
    print("".join(alphabet[i] for i in ids[2:]), "\n")

# %% [markdown]
# A 6-gram writes words, names and the shape of a speech, and it has no idea what it is talking about: each character
# fits the five before it, and nothing else. Turn the temperature below: what happens to the 5-gram's text near 0, and
# what above 1.5?

# %% demo="temperature" alt="No picture: text of the 5-gram model at the temperature set by a slider."
def show_text(temperature=1.0):
    ids = generate(ngram_logits(5), opening, 250, temperature, seed=1)
    print(f"τ = {temperature:.2f}\n" + "".join(alphabet[i] for i in ids[2:]))


try:
    from ipywidgets import FloatSlider, interact

    interact(show_text, temperature=FloatSlider(1.0, min=0.1, max=2.5, step=0.1, description="τ",
                                                continuous_update=False))
except ImportError:
    print("pip install ipywidgets gives this text a slider; without it, call show_text(0.3) in a new cell.")
    show_text(1.0)

# %% [markdown]
# ## 5 · The loss that trains them all
#
# Counting is over; from here on models are networks, trained by gradients on the very cross-entropy by which they will
# be judged. A network reads a whole sequence of T tokens at once and returns T rows of logits. Row t has seen the
# tokens 0 to t, and predicts token **t + 1**. So the logits of all rows *but the last* meet the ids of all positions
# *but the first*:
#
# $$L = -\frac{1}{N}\sum_{b,\,t\,:\; w_{b,t+1} \ne \text{pad}} \ln\, \text{softmax}(\text{logits}_{b,t})_{\,w_{b,t+1}}$$
#
# Sequences of a batch have different lengths, and the short ones are filled up with a token that means nothing, the
# *padding*. Targets that are padding do not count, neither in the sum nor in N, the number of targets that remain.
# Otherwise a model would score well by predicting padding behind padding.
#
# If you forget the shift, the network is asked for the token it has just read. Its loss falls to nearly 0 in no time,
# and it has learnt to copy.
#
# **`language_model_loss(logits, ids, pad_id=0)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `logits` | (B, T, V) | row t predicts token t + 1; gradients flow back to it |
# | `ids` | (B, T), int64 | the tokens themselves, not yet shifted; `pad_id` where the sequence is over |
# | `pad_id` | int | the id of the padding |
# | result | (), a tensor | mean cross-entropy in nats, over all targets that are not padding (there is at least one) |
#
# Whether a place counts is decided by its target alone, not by the token that was read. `F.cross_entropy` is allowed.
#
# <details><summary>Hint 1</summary>Write down, for one sequence of four tokens, which row of logits meets which id.
# Which row is left over, and which id?</details>
# <details><summary>Hint 2</summary><code>logits[:, :-1]</code> and <code>ids[:, 1:]</code> belong together. Which of
# their entries must not count is decided by the target, not by the token that was read.</details>
# <details><summary>Hint 3</summary><code>F.cross_entropy</code> wants logits (N, V) and targets (N,): lay batch and
# time end to end with <code>flatten</code>. Its <code>ignore_index</code> leaves targets out of the mean.</details>

# %% exercise="language_model_loss" minutes=10 level=2
def language_model_loss(logits: Tensor, ids: Tensor, pad_id: int = 0) -> Tensor:
    """Mean cross-entropy, in nats, of each token given those before it; targets that are padding do not count.

    logits: (B, T, V), row t predicts token t + 1. ids: (B, T), int64. Returns a scalar.
    """
    ### BEGIN SOLUTION
    predictions = logits[:, :-1].flatten(0, 1)  # (B (T - 1), V)
    targets = ids[:, 1:].flatten()  # (B (T - 1),)
    return F.cross_entropy(predictions, targets, ignore_index=pad_id)
    ### END SOLUTION


# %% check="language_model_loss: each row of logits meets the next token" points=2
logits = check.randn(3, 5, 7, seed=11)
ids = check.randint(1, 7, (3, 5), seed=12)
expected = F.cross_entropy(check.randn(3, 5, 7, seed=11)[:, :4].reshape(12, 7),
                           check.randint(1, 7, (3, 5), seed=12)[:, 1:].reshape(12))
check.close(language_model_loss(logits, ids), expected,
            hint="row t of the logits predicts token t + 1: logits without the last row, ids without the first column")
### BEGIN HIDDEN TESTS
logits2 = 3 * check.randn(2, 9, 4, seed=13)
ids2 = check.randint(1, 4, (2, 9), seed=14)
expected2 = F.cross_entropy(3 * check.randn(2, 9, 4, seed=13)[:, :8].reshape(16, 4),
                            check.randint(1, 4, (2, 9), seed=14)[:, 1:].reshape(16))
check.close(language_model_loss(logits2, ids2), expected2, hint="the mean over all 16 targets of the batch")
### END HIDDEN TESTS

# %% check="language_model_loss: padding does not count" points=2
logits = check.randn(2, 6, 5, seed=15)
ids = torch.tensor([3, 1, 4, 1, 2, 4, 2, 3, 1, 0, 0, 0]).view(2, 6)
rows = torch.cat([check.randn(2, 6, 5, seed=15)[0, :5], check.randn(2, 6, 5, seed=15)[1, :2]])
expected = F.cross_entropy(rows, torch.tensor([1, 4, 1, 2, 4, 3, 1]))
check.close(language_model_loss(logits, ids), expected,
            hint="7 targets are real, 5 and 2: divide their sum by 7. What was read before a target does not matter")
fives = torch.tensor([5, 2, 0, 5, 5]).view(1, 5)
expected = F.cross_entropy(check.randn(1, 5, 6, seed=17)[0, :2], torch.tensor([2, 0]))
check.close(language_model_loss(check.randn(1, 5, 6, seed=17), fives, pad_id=5), expected,
            hint="here the padding is 5, and 0 is a token like any other: use pad_id")
### BEGIN HIDDEN TESTS
ids2 = torch.tensor([3, 1, 4, 1, 2, 4, 4, 4, 1, 0, 4, 4]).view(2, 6)
rows2 = torch.cat([check.randn(2, 6, 5, seed=15)[0, [0, 2, 3]], check.randn(2, 6, 5, seed=15)[1, [1, 2]]])
expected2 = F.cross_entropy(rows2, torch.tensor([1, 1, 2, 1, 0]))
check.close(language_model_loss(logits, ids2, pad_id=4), expected2,
            hint="here the padding is 4, at the beginning and at the end, and 0 is a token like any other")
### END HIDDEN TESTS

# %% check="language_model_loss: gradients reach the rows that predict something" points=1
logits = check.randn(2, 4, 5, seed=16).requires_grad_()
ids = torch.tensor([2, 4, 1, 3, 3, 2, 0, 0]).view(2, 4)
language_model_loss(logits, ids).backward()
wanted = check.randn(2, 4, 5, seed=16).requires_grad_()
F.cross_entropy(torch.cat([wanted[0, :3], wanted[1, :1]]), torch.tensor([4, 1, 3, 2])).backward()
check.close(logits.grad, wanted.grad,
            hint="the last row predicts nothing, nor do rows before padding: their gradient is 0, the others' is not")

# %% [markdown]
# ## 6 · Characters as vectors
#
# The simplest network with this task sees one token and predicts the next, as the 2-gram model does. It keeps a vector
# of D numbers for each token, its **embedding**, and a linear layer that makes V logits from it:
#
# $$\text{logits}(w) = W\, e_w + b$$
#
# Looking up row w of a table E (V, D) is the same as multiplying E by a *one-hot* vector, all zeros with a single 1 at
# place w. Nobody multiplies by all those zeros, but the product shows that the lookup is a linear layer like any
# other: it has a gradient, and that gradient reaches the rows of the tokens that were read, and no other row.
#
# A table of V × V counts knows nothing about *b* from what it saw of *p*. Here D is smaller than V: tokens with similar
# followers will be given similar vectors, since that is the cheapest way to predict both. That was the idea of Bengio
# et al. (2003, §1.1), for whole words.
#
# The checks compare your classes with PyTorch's. `check.fill` sets weights from the names and shapes of parameters
# alone, so attributes must be called as the statements say, and the next cell can make the same weights for PyTorch's
# side.

# %%
# Given: the weights that check.fill gives to a NeuralBigram and to an RNNCell, to compare with.
def bigram_weights(vocab_size, d_model):
    """embedding, (V, D), and head, nn.Linear(D, V)."""
    table = check.fill(nn.ParameterDict({"embedding": torch.zeros(vocab_size, d_model)}))
    return table["embedding"], check.fill(nn.ModuleDict({"head": nn.Linear(d_model, vocab_size)}))["head"]


def cell_weights(input_size, hidden_size):
    """w_x, nn.Linear(input_size, hidden_size), and w_h, nn.Linear(hidden_size, hidden_size) without bias."""
    layers = check.fill(nn.ModuleDict({"w_x": nn.Linear(input_size, hidden_size),
                                       "w_h": nn.Linear(hidden_size, hidden_size, bias=False)}))
    return layers["w_x"], layers["w_h"]


# %% [markdown]
# **`NeuralBigram(vocab_size, d_model)`**, an `nn.Module`. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `self.embedding` | `nn.Parameter`, (V, D) | one row per token; standard normal random numbers at the start |
# | `self.head` | `nn.Linear(D, V)` | makes logits from an embedding |
# | `forward(ids)` | (...) int64 → (..., V) | logits of the token behind each token |
#
# `nn.Embedding` and `F.embedding` are not allowed here: they are what you are writing.
#
# <details><summary>Hint 1</summary>What does a tensor of shape (V, D) give when it is indexed with a tensor of ids of
# shape (2, 3)?</details>
# <details><summary>Hint 2</summary>In <code>__init__</code>: <code>super().__init__()</code> first, then the two
# attributes. <code>forward</code> is one line: look up, then the linear layer.</details>
# <details><summary>Hint 3</summary><code>nn.Parameter(torch.randn(vocab_size, d_model))</code>, and
# <code>self.embedding[ids]</code>, which has shape (..., D).</details>

# %% exercise="NeuralBigram" minutes=10 level=2 forbid="torch.nn.Embedding, torch.nn.functional.embedding, torch.embedding, torch.nn.EmbeddingBag"
class NeuralBigram(nn.Module):
    """Predict the next token from the last one alone: a vector for each token, and a linear layer behind it.

    vocab_size: V. d_model: D. embedding: nn.Parameter (V, D). head: nn.Linear(D, V).
    After Bengio et al. 2003, eq. 1, with one word of context and no hidden layer
    """

    def __init__(self, vocab_size: int, d_model: int) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocab_size, d_model))
        self.head = nn.Linear(d_model, vocab_size)
        ### END SOLUTION

    def forward(self, ids: Tensor) -> Tensor:
        """ids: (...), int64. Returns the logits of the next token, (..., V)."""
        ### BEGIN SOLUTION
        return self.head(self.embedding[ids])
        ### END SOLUTION


# %% check="NeuralBigram: a lookup is a product with one-hot vectors" points=2
model = check.fill(NeuralBigram(7, 3))
ids = check.randint(0, 7, (2, 5), seed=21)
rows, head = bigram_weights(7, 3)
one_hot = F.one_hot(check.randint(0, 7, (2, 5), seed=21), 7).float()
expected = one_hot @ rows @ head.weight.T + head.bias
check.equal(sorted(name for name, parameter in model.named_parameters()), ["embedding", "head.bias", "head.weight"],
            hint="three parameters: embedding, an nn.Parameter, and the weight and bias of head")
check.shape(model(ids), (2, 5, 7), hint="ids (2, 5) and 7 different tokens: 7 logits for each place")
check.close(model(ids), expected, hint="logits are head(row of the embedding): row w of the table for the id w")
### BEGIN HIDDEN TESTS
model2 = check.fill(NeuralBigram(4, 9))
ids2 = check.randint(0, 4, (6,), seed=22)
rows2, head2 = bigram_weights(4, 9)
expected2 = head2(rows2[check.randint(0, 4, (6,), seed=22)])
check.close(model2(ids2), expected2, hint="D larger than V, and ids without a batch: (6,) gives (6, 4)")
### END HIDDEN TESTS

# %% check="NeuralBigram: only the rows that were read learn" points=1
model = check.fill(NeuralBigram(6, 4))
model(torch.tensor([2, 5, 2])).pow(2).sum().backward()
rows, head = bigram_weights(6, 4)
head(F.embedding(torch.tensor([2, 5, 2]), rows)).pow(2).sum().backward()
check.close(model.embedding.grad, rows.grad,
            hint="rows 2 and 5 were read, row 2 twice: its gradients add up, and all other rows get 0")
check.close(model.head.weight.grad, head.weight.grad, hint="the gradient of head is missing or wrong")

# %% check="NeuralBigram: different rows at the start" points=1
model = NeuralBigram(400, 50)
check.close(model.embedding.std().item(), 1.0, atol=0.1, hint="start from normal random numbers: torch.randn")
check.equal([len(p.shape) for p in model.parameters()], [2, 2, 1], hint="three parameters: the rows, and head's two")

# %% [markdown]
# **Before you run the next cell:** it trains a `NeuralBigram` on the training text with your loss. The 2-gram model
# that counts is the best that any model can do on its own training text if it sees one character only. Will the
# network reach it?

# %% demo="train-bigram" alt="Line: the training loss of the neural bigram falls towards the entropy of the counts."
character_ids = {c: i for i, c in enumerate(alphabet, start=1)}  # 0 is the padding
training_ids = torch.tensor([character_ids[c] for c in training])
held_ids = nn.utils.rnn.pad_sequence([torch.tensor([character_ids[c] for c in piece]) for piece in held_out],
                                     batch_first=True)  # (pieces, longest), filled up with 0


def token_log_probs(logits, ids):
    """ln p of each token but the first of each sequence, without padding: the list that `perplexity` takes."""
    chosen = torch.log_softmax(logits[:, :-1], dim=-1).gather(-1, ids[:, 1:, None])[..., 0]  # (B, T - 1)
    return [row[keep] for row, keep in zip(chosen, ids[:, 1:] != 0, strict=True)]


torch.manual_seed(0)
bigram = NeuralBigram(V + 1, 8)
optimizer = torch.optim.Adam(bigram.parameters(), lr=0.03)
windows = training_ids[: len(training_ids) // 128 * 128].view(-1, 128)
losses = []
start = time.perf_counter()
for _ in range(250):
    batch = windows[torch.randint(len(windows), (32,))]  # (B, T)
    loss = language_model_loss(bigram(batch), batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
bigram_seconds = time.perf_counter() - start
pairs = [(n, followers.total()) for h, followers in counts.items() if len(h) == 1 for n in followers.values()]
floor = -sum(n * math.log(n / total) for n, total in pairs) / sum(n for n, _ in pairs)
with torch.no_grad():
    logits = bigram(held_ids)
    table["neural bigram"] = perplexity(token_log_probs(logits, held_ids))
    print(f"held-out loss {language_model_loss(logits, held_ids):.4f} nats, its exponential "
          f"{language_model_loss(logits, held_ids).exp():.3f}; perplexity {table['neural bigram']:.3f}; "
          f"2-gram, Witten–Bell {table['2-gram, Witten–Bell']:.3f}")
figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.plot(losses, color="0.5", linewidth=1, label="neural bigram, one batch each")
ax.axhline(floor, color="black", linestyle="--", label="counted pairs, all of the training text")
ax.set(title="A bigram learnt by gradients approaches the one that is counted", xlabel="step",
       ylabel="loss [nats per character]", ylim=(2.2, 4.6))
ax.legend()
plt.show()

# %% [markdown]
# It comes close, with 8 numbers per character instead of V. Nothing has been gained in perplexity. What has been gained
# is in the table: here are its rows, 8 numbers each, projected onto the two directions in which they differ most (their
# first two principal components).
#
# **Before you run the next cell:** the model was told nothing about vowels, capitals or punctuation. Which characters
# will lie close together?

# %% demo="embeddings" alt="Scatter: small letters, capitals and punctuation form groups; vowels lie apart."
frequent = [c for c in alphabet if counts[""][c] >= 300]
rows = bigram.embedding.detach()[[character_ids[c] for c in frequent]]  # (n, D)
rows = rows - rows.mean(0)
_, sizes, directions = torch.linalg.svd(rows, full_matrices=False)
places = rows @ directions[:2].T  # (n, 2)
figure, ax = plt.subplots(figsize=(8.5, 6), layout="constrained")
for c, (x, y) in zip(frequent, places.tolist(), strict=True):
    box = {"boxstyle": "circle,pad=0.25", "facecolor": "0.85" if c in "aeiou" else "none",
           "edgecolor": "none" if c.isalpha() else "0.3"}
    ax.text(x, y, {" ": "␣", "\n": "↵"}.get(c, c), ha="center", va="center", bbox=box,
            color="0.4" if c.islower() and c not in "aeiou" else "black")
margin = 0.4
ax.set(title="Embeddings of the neural bigram (grey discs: vowels, circles: no letters)",
       xlabel="first principal component", ylabel="second principal component",
       xlim=(places[:, 0].min() - margin, places[:, 0].max() + margin),
       ylim=(places[:, 1].min() - margin, places[:, 1].max() + margin))
plt.show()
print(f"the two directions hold {100 * (sizes[:2] ** 2).sum() / (sizes**2).sum():.0f}% of the rows' variance")

# %% [markdown]
# On the plays the groups are plain: capitals, small letters and marks lie apart, and the capital vowels lie apart from
# the other capitals. Nobody named these kinds; they follow from what comes next. Two directions show less than half of
# what the rows hold, so some neighbours in the picture are none.
#
# ## 7 · A memory
#
# How can a network look further back than a fixed number of tokens? Elman (1990) let it read its own state. At each
# step the cell takes the embedding x of one token and the hidden state h that it left behind a step ago, and makes the
# next hidden state:
#
# $$h_t = \tanh(W_x\, x_t + W_h\, h_{t-1} + b)$$
#
# The same matrices at every step. In principle $h_t$ can depend on everything since the beginning, whatever the length
# of the text. The prediction is made from $h_t$ by a linear layer.
#
# **`RNNCell(input_size, hidden_size)`**, an `nn.Module`. ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `self.w_x` | `nn.Linear(input_size, hidden_size)` | reads the token; its bias is the b of the formula |
# | `self.w_h` | `nn.Linear(hidden_size, hidden_size, bias=False)` | reads the state |
# | `forward(x, h)` | (B, input_size), (B, hidden_size) → (B, hidden_size) | one step: the next state |
#
# PyTorch's own recurrent layers are not allowed here.
#
# <details><summary>Hint 1</summary>One step only: no loop over time, no list of states. What goes in, what comes
# out?</details>
# <details><summary>Hint 2</summary>Two linear layers, their sum, one non-linearity around the sum.</details>
# <details><summary>Hint 3</summary><code>torch.tanh</code>. A second bias, in <code>w_h</code>, would only be added to
# the first.</details>

# %% exercise="RNNCell" minutes=10 level=2 forbid="torch.nn.RNNCell, torch.nn.RNN, torch.rnn_tanh_cell, torch.rnn_tanh, torch.nn.modules.rnn"
class RNNCell(nn.Module):
    """One step of a recurrent network: the next state, from a token's embedding and the state before it.

    w_x: nn.Linear(input_size, hidden_size). w_h: nn.Linear(hidden_size, hidden_size, bias=False).
    Elman 1990; the formula as in `torch.nn.RNNCell`, with one bias instead of two
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        ### BEGIN SOLUTION
        super().__init__()
        self.w_x = nn.Linear(input_size, hidden_size)
        self.w_h = nn.Linear(hidden_size, hidden_size, bias=False)
        ### END SOLUTION

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """x: (B, input_size). h: (B, hidden_size). Returns the next state, (B, hidden_size)."""
        ### BEGIN SOLUTION
        return torch.tanh(self.w_x(x) + self.w_h(h))
        ### END SOLUTION


# %% check="RNNCell: one step, from token and state" points=2
cell = check.fill(RNNCell(5, 3))
x = check.randn(4, 5, seed=31)
h = check.randn(4, 3, seed=32)
w_x, w_h = cell_weights(5, 3)
expected = torch.rnn_tanh_cell(check.randn(4, 5, seed=31), check.randn(4, 3, seed=32), w_x.weight,
                               w_h.weight, w_x.bias, torch.zeros(3))
check.equal(sorted(name for name, parameter in cell.named_parameters()), ["w_h.weight", "w_x.bias", "w_x.weight"],
            hint="two linear layers, w_x with a bias and w_h without")
check.close(cell(x, h), expected,
            hint="tanh(W_x x + b + W_h h): one tanh around the sum")
### BEGIN HIDDEN TESTS
cell2 = check.fill(RNNCell(2, 6))
x2 = 2 * check.randn(3, 2, seed=33)
h2 = check.randn(3, 6, seed=34)
w_x2, w_h2 = cell_weights(2, 6)
sums2 = w_x2(2 * check.randn(3, 2, seed=33)) + w_h2(check.randn(3, 6, seed=34))
check.close(cell2(x2, h2), sums2.tanh(), hint="tanh(W_x x + b + W_h h), with 2 inputs and 6 hidden numbers")
### END HIDDEN TESTS

# %% check="RNNCell: the memory lasts, and learns, over several steps" points=1
cell = check.fill(RNNCell(4, 3))
first = check.randn(2, 4, seed=35).requires_grad_()
h = cell(first, torch.zeros(2, 3))
for _ in range(3):
    h = cell(check.randn(2, 4, seed=36), h)
h.pow(2).sum().backward()
w_x, w_h = cell_weights(4, 3)
first2 = check.randn(2, 4, seed=35).requires_grad_()
state = torch.rnn_tanh_cell(first2, torch.zeros(2, 3), w_x.weight, w_h.weight, w_x.bias, torch.zeros(3))
for _ in range(3):
    state = torch.rnn_tanh_cell(check.randn(2, 4, seed=36), state, w_x.weight, w_h.weight, w_x.bias, torch.zeros(3))
state.pow(2).sum().backward()
check.close(first.grad, first2.grad,
            hint="the first of four tokens gets another gradient. If one step is right: no .detach(), no .data")
check.close(cell.w_h.weight.grad, w_h.weight.grad, hint="the gradient of w_h adds up over all steps")

# %% [markdown]
# A language model of it: embed, step through the sequence, and make logits of every state. It starts from a random
# *orthogonal* $W_h$, which neither shrinks nor stretches a vector; we shall see what that is good for.

# %% tags=["export"]
class RNNLanguageModel(nn.Module):
    """Predict the next token from a state that has read all tokens so far.

    vocab_size: V. d_model: D, the width of an embedding. hidden_size: H.
    """

    def __init__(self, vocab_size: int, d_model: int, hidden_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.cell = RNNCell(d_model, hidden_size)
        self.head = nn.Linear(hidden_size, vocab_size)
        nn.init.orthogonal_(self.cell.w_h.weight)

    def states(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """x: (B, T, D), embedded tokens. h: (B, H), zeros if None. Returns the states behind each, (B, T, H)."""
        h = x.new_zeros(len(x), self.head.in_features) if h is None else h
        found = []
        for step in x.unbind(1):
            h = self.cell(step, h)
            found.append(h)
        return torch.stack(found, dim=1)

    def forward(self, ids: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """ids: (B, T). Returns logits (B, T, V) and the last state (B, H), from which the next call can go on."""
        states = self.states(self.embedding(ids), h)
        return self.head(states), states[:, -1]


# %% [markdown]
# Training cuts the text into 64 streams, which are read side by side, 24 characters at a time. The state goes on from
# one stretch to the next, the gradient does not: it is cut off at the stretch's beginning (*truncated backpropagation
# through time*, Williams and Peng 1990). About half a minute.

# %% demo="train-rnn" alt="Line: the loss of the recurrent network falls quickly, then ever more slowly."
torch.manual_seed(0)
rnn = RNNLanguageModel(V + 1, 64, 256)
untrained = copy.deepcopy(rnn)
STREAMS, STRETCH, STEPS = 64, 24, 800
streams = training_ids[: len(training_ids) // STREAMS * STREAMS].view(STREAMS, -1)
optimizer = torch.optim.AdamW(rnn.parameters(), lr=5e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=STEPS, pct_start=0.1)
losses, state, at = [], None, 0
start = time.perf_counter()
for _ in range(STEPS):
    if at + STRETCH > streams.shape[1]:
        state, at = None, 0
    batch = streams[:, at : at + STRETCH]  # (B, T)
    logits, state = rnn(batch, state)
    loss = language_model_loss(logits, batch)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(rnn.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    state, at = state.detach(), at + STRETCH
    losses.append(loss.item())
rnn_seconds = time.perf_counter() - start
with torch.no_grad():
    logits, _ = rnn(held_ids)
table["RNN"] = perplexity(token_log_probs(logits, held_ids))
smooth = np.convolve(losses, np.ones(25) / 25, mode="valid")
figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.plot(losses, color="0.8", linewidth=1, label="one batch each")
ax.plot(range(24, len(losses)), smooth, color="black", label="mean of the last 25")
ax.axhline(math.log(table["RNN"]), color="0.4", linestyle="--", label="held-out part, after training")
ax.set(title=f"Training the recurrent network, {rnn_seconds:.0f} s", xlabel="step", ylabel="loss [nats per character]",
       ylim=(1.5, 4.5))
ax.legend()
plt.show()
print(f"read {STEPS * STREAMS * STRETCH / len(training_ids):.1f} times the training text; held-out perplexity "
      f"{table['RNN']:.2f}\n\nIt writes:\n")
with torch.no_grad():
    ids = generate(lambda ids: rnn(ids[None])[0][0, -1], torch.tensor([character_ids["\n"]] * 2), 220, seed=4)
print("".join(["", *alphabet][i] for i in ids[2:]))

# %% [markdown]
# ### The table
#
# All models, on every character of the held-out part but the first of each piece.
#
# **Before you run the next cell:** where will the network stand?

# %% demo="table" alt="Dots: perplexities of all models, Witten–Bell n-grams lowest, the RNN between 3- and 5-grams."
kept = {"uniform": 0, "neural bigram": sum(p.numel() for p in bigram.parameters()),
        "RNN": sum(p.numel() for p in rnn.parameters())}
for order in orders:
    kept[f"{order}-gram, Witten–Bell"] = sum(len(f) for h, f in counts.items() if len(h) < order)
    kept[f"{order}-gram, add-α"] = sum(len(f) for h, f in counts.items() if len(h) == order - 1)
frame = pd.DataFrame({"nats": np.log(list(table.values())), "bits": np.log2(list(table.values())),
                      "perplexity": list(table.values()), "numbers kept": [kept[name] for name in table]},
                     index=list(table)).sort_values("perplexity", ascending=False)
print(frame.to_string(formatters={"nats": "{:.3f}".format, "bits": "{:.3f}".format, "perplexity": "{:.2f}".format,
                                  "numbers kept": "{:,}".format}))
print(f"\nseconds to train: all counts {counting_seconds:.0f}, neural bigram {bigram_seconds:.0f}, RNN {rnn_seconds:.0f}")
figure, ax = plt.subplots(figsize=(8, 4.6), layout="constrained")
for y, (name, row) in enumerate(frame.iterrows()):
    marker, color = ("D", "black") if not name[0].isdigit() else ("o", "0.25") if "Bell" in name else ("s", "0.65")
    ax.semilogx(row["perplexity"], y, marker, color=color, markersize=9)
    ax.text(row["perplexity"] * 1.06, y, f"{row['perplexity']:.2f}", va="center", fontsize=9)
ax.set_yticks(range(len(frame)), frame.index)
ax.set(title="Whole held-out part (squares: add-α, circles: Witten–Bell, diamonds: others)",
       xlabel="perplexity per character (lower is better)", xlim=(4, 100))
ax.set_xticks([4, 6, 10, 20, 40, 80], ["4", "6", "10", "20", "40", "80"])
ax.minorticks_off()
plt.show()

# %% [markdown]
# Counting wins. Given the same million characters and half a minute, the best Witten–Bell model has the lowest
# perplexity, it was trained in a few seconds, and the network is only about as good as counts of a lower order. It was
# so for a long time: n-grams were the state of the art for decades, and not because nobody had thought of networks.
# Three more measurements show why it did not stay so.
#
# ### How far back does each look?
#
# In principle the state remembers everything. Whether it *learns* to is decided by the gradient. Going back one step,
# the gradient is multiplied by $W_h^\top$ and by the derivative of tanh, which is at most 1. Over d steps that makes d
# such factors: if the largest singular value of $W_h$ is below 1 the product must shrink exponentially (Pascanu et al.
# 2013, §2.1), and if it is well above 1 it may explode, which is why we clip. Bengio et al. (1994) showed the dilemma
# behind it: a network that keeps a memory safe from noise is one whose gradient with respect to the distant past
# vanishes.
#
# On the left: how strongly the prediction of a character depends on the embedding of the character d places before it,
# as the norm of the gradient, for the network before and after training, and for one whose $W_h$ starts as
# `nn.Linear` makes it. On the right: perplexity at places of the held-out text when a model may see only the last k
# characters. (The network starts from an empty state there, which it is not used to: small k look worse than need be.)
#
# **Before you run the next cell:** a sentence of Shakespeare's has a hundred characters and more. How many of them does
# the network use?

# %% demo="distance" alt="Lines: gradients shrink with distance; the gain from seeing more characters ends early."
plain = copy.deepcopy(untrained)
torch.manual_seed(1)
plain.cell.w_h.reset_parameters()
LENGTH = 100
real = (held_ids[:, LENGTH:] != 0).sum(1)  # how many places of each piece have so many characters before them
chance = torch.Generator().manual_seed(0)
places = [(b, t) for b in range(len(held_ids)) for t in torch.randint(int(real[b]), (100,), generator=chance).tolist()]
excerpts = torch.stack([held_ids[b, t : t + LENGTH + 1] for b, t in places])  # (100 · pieces, LENGTH + 1)
before = np.cumsum([0] + [len(piece) - 1 for piece in held_out])  # where each piece begins in `smoothed`
targets = [before[b] + t + LENGTH - 1 for b, t in places]


def sensitivity(model):
    """Mean norm of the gradient of ln p(last character) with respect to the embedding d = 1, 2, … places before."""
    x = model.embedding(excerpts[::8, :-1]).detach().requires_grad_()  # (n, LENGTH, D)
    log_probs = torch.log_softmax(model.head(model.states(x)[:, -1]), dim=-1)
    log_probs.gather(1, excerpts[::8, -1:]).sum().backward()
    return x.grad.norm(dim=-1).mean(0).flip(0)  # (LENGTH,)


figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for name, model, style, color in (("nn.Linear's start", plain, ":", "0.5"),
                                  ("orthogonal start", untrained, "--", "0.4"), ("trained", rnn, "-", "black")):
    norms = sensitivity(model)
    largest = torch.linalg.svdvals(model.cell.w_h.weight.detach())[0]
    axes[0].semilogy(range(1, LENGTH + 1), norms / norms[0], style, color=color, linewidth=2, label=name)
    print(f"{name:18} largest singular value of W_h {largest:5.2f}; gradient at d = 10: {norms[9] / norms[0]:.0e} of "
          f"that at d = 1, at d = {STRETCH}: {norms[STRETCH - 1] / norms[0]:.0e}, at d = 50: {norms[49] / norms[0]:.0e}")
axes[0].set(title="Gradient against distance", xlabel="distance d [characters]", ylabel="norm, relative to d = 1",
            ylim=(1e-9, 3))
axes[0].legend()
reaches, seen = (1, 2, 3, 5, 8, 12, 20, 40, 100), []
with torch.no_grad():
    for k in reaches:
        states = rnn.states(rnn.embedding(excerpts[:, LENGTH - k : LENGTH]))  # (n, k, H)
        log_probs = torch.log_softmax(rnn.head(states[:, -1]), dim=-1)
        seen.append(perplexity([log_probs.gather(1, excerpts[:, -1:])[:, 0]]))
axes[1].loglog(reaches, seen, "D-", color="black", label="RNN")
counted = [perplexity([torch.from_numpy(np.log(smoothed[order][targets]))]) for order in orders[1:]]
axes[1].loglog(range(1, 6), counted, "o--", color="0.5", label="Witten–Bell")
axes[1].set(title=f"What seeing further back is worth ({len(places):,} places)", xlabel="characters that the model may see",
            ylabel="perplexity per character")
axes[1].set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
axes[1].set_yticks([5, 6, 8, 10, 15, 20, 30], ["5", "6", "8", "10", "15", "20", "30"])
axes[1].minorticks_off()
axes[1].legend()
plt.show()
print("RNN: " + ", ".join(f"{k}: {value:.2f}" for k, value in zip(reaches, seen, strict=True)))

# %% [markdown]
# That is why the network's sentences lose their thread. The state has room for a hundred characters, but the gradient
# that would teach it to use them has faded long before; we cut it off after 24 characters, and there was little left to
# cut. Seeing more than a dozen characters is worth next to nothing to this network. An orthogonal $W_h$ has singular
# values of exactly 1, so at the start only tanh takes something away; hence the given initialisation. After training
# the largest singular value is well above 1, and the gradient fades all the same: values below 1 are sufficient for
# fading, not necessary; most directions shrink, or end where tanh is flat.
#
# The long short-term memory of Hochreiter and Schmidhuber (1997) keeps a second state that is *added to* instead of
# multiplied, which carries gradients much further. Attention, in module 03, gives every token a direct way to every
# other, at distance 1.
#
# ### What more text is worth
#
# Now the n-grams. Witten–Bell models of all orders, counted on a part of the training text and then on more of it,
# judged on the development part.
#
# **Before you run the next cell:** which orders profit most from more text? And what happens to the number of counts?

# %% demo="more-text" alt="Lines: with more text all orders improve, the high ones most; the counts kept grow too."
shares_of_text, judged = (1 / 64, 1 / 16, 1 / 4, 1), development[::5]
lengths = [int(len(training) * share) for share in shares_of_text]
curves, kept_counts = {order: [] for order in orders}, []
for length in lengths:
    some = counts if length == len(training) else count_ngrams(training[:length], 6)
    for order, p in witten_bell({order: evidence(judged, order, some) for order in orders}, V).items():
        curves[order].append(perplexity(per_piece(np.log(p), judged)))
    kept_counts.append(sum(map(len, some.values())))
    best = min(orders, key=lambda order: curves[order][-1])
    print(f"{length:9,} characters: {kept_counts[-1]:8,} counts, best order {best}, perplexity {curves[best][-1]:.2f}")
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained", width_ratios=(3, 2))
for order, marker, color in zip(orders[1:], "vs^Do", ("0.75", "0.6", "0.45", "0.25", "0"), strict=True):
    axes[0].loglog(lengths, curves[order], marker + "-", color=color, label=f"{order}-gram")
axes[0].set(title="Witten–Bell, development part", xlabel="text counted [characters]",
            ylabel="perplexity per character")
axes[0].legend(loc="center left", bbox_to_anchor=(1, 0.5))
axes[0].set_yticks([5, 6, 8, 10, 12], ["5", "6", "8", "10", "12"])
axes[1].loglog(lengths, kept_counts, "s-", color="black", label="6-gram model")
axes[1].axhline(kept["RNN"], color="0.5", linestyle="--", label="RNN")
axes[1].set(title="Numbers to be kept", xlabel="text counted [characters]", ylabel="counts or parameters")
axes[1].set_yticks([50_000, 100_000, 200_000, 500_000], ["50,000", "100,000", "200,000", "500,000"])
axes[1].legend()
for ax in axes:
    ax.set_xticks(lengths, [f"{length:,}" for length in lengths], rotation=20)
    ax.minorticks_off()
plt.show()

# %% [markdown]
# More text helps long histories most, but each further character of history costs several times as much text, and the
# table of counts grows with it. What was learnt behind *the king* says nothing about *the queen*: two histories, two
# rows of the table. A network has a fixed number of weights that all histories share, which is why Bengio et al. (2003,
# §1) called it a way to fight the curse of dimensionality: similar tokens have similar vectors, so what is learnt about
# one is half known of the other.
#
# And it can use *time*. Counting is finished after one pass; there is nothing more to do. Our network could read the
# text little more than once in its half minute. Mikolov et al. (2010) let networks train for weeks and reported about
# half the perplexity of a state-of-the-art n-gram model for a mixture of several networks, with the training time as
# the price. The next cell, which is switched off, spends a quarter of an hour on the same million characters, with a
# wider network whose cell has gates (PyTorch's `nn.GRU`, a relative of the LSTM).
#
# **Before you switch it on:** after how many passes over the text will it overtake the best n-gram of the table?

# %% demo="longer" alt="Switched off; when on, a line: held-out loss of a gated network falls below the best n-gram's."
LONGER = False  # True: about 15 minutes on one core


class GatedLanguageModel(nn.Module):
    """embedding, dropout, one layer of gated recurrent units, dropout, logits."""

    def __init__(self, vocab_size, d_model, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.gru = nn.GRU(d_model, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, vocab_size)
        self.dropout = nn.Dropout(0.2)

    def forward(self, ids, h=None):
        states, h = self.gru(self.dropout(self.embedding(ids)), h)
        return self.head(self.dropout(states)), h


if LONGER:
    torch.manual_seed(0)
    gated, state, passes, curve = GatedLanguageModel(V + 1, 64, 384), None, 10, []
    windows = streams[:, : streams.shape[1] // 64 * 64].unflatten(1, (-1, 64)).unbind(1)  # each (STREAMS, 64)
    optimizer = torch.optim.AdamW(gated.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=passes * len(windows), pct_start=0.1)
    for done in range(passes):
        gated.train()
        for batch in windows:
            logits, state = gated(batch, state)
            loss = language_model_loss(logits, batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(gated.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            state = state.detach()
        gated.eval()
        with torch.no_grad():
            curve.append(perplexity(token_log_probs(gated(held_ids)[0], held_ids)))
        print(f"after {done + 1} passes: held-out perplexity {curve[-1]:.2f}")
    figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
    ax.plot(range(1, passes + 1), curve, "o-", color="black", label="gated network")
    best = min(value for name, value in table.items() if "gram," in name)
    ax.axhline(best, color="0.4", linestyle="--", label="best n-gram of the table")
    ax.set(title="The same million characters, read again and again", xlabel="passes over the training text",
           ylabel="perplexity per character")
    ax.legend()
    plt.show()
else:
    print("switched off: set LONGER = True to train for a quarter of an hour")

# %% [markdown]
# So: with little text and little time, count; with much of both, train.
#
# ### Perplexity per what?
#
# One more trap. All numbers above are per *character*. Published perplexities are mostly per word or per subword, and
# a token that is longer is harder to guess: more can come, and it says more. Below the same recipe, a Witten–Bell 3-gram
# on the same text, with your tokenizer from *tokenization* in front, after 0, 30 and 120 merges.
#
# **Before you run the next cell:** does the perplexity per token rise or fall with the number of merges? And the
# quality of the model?

# %% demo="per-what" alt="Bars: perplexity per token rises with the merges; nats per character do not rise."
sample_text = training[:150_000]
all_ranks = train_bpe(sample_text, 120)
merges, per_token, per_character = (0, 30, 120), [], []
for merged in merges:
    ranks = {token: rank for token, rank in all_ranks.items() if rank < 256 + merged}
    tokenizer = BPETokenizer(ranks)
    token_counts = count_ngrams(tuple(tokenizer.encode(sample_text)), 3)
    coded = [tuple(tokenizer.encode(piece)) for piece in held_out]
    log_p = np.log(witten_bell({n: evidence(coded, n, token_counts) for n in (1, 2, 3)}, len(ranks))[3])
    per_token.append(perplexity(per_piece(log_p, coded)))
    per_character.append(-log_p.sum() / sum(len(tokenizer.decode(ids[1:])) for ids in coded))
    print(f"{merged:3} merges: {sum(map(len, coded)):7,} tokens, perplexity {per_token[-1]:6.2f} per token; "
          f"{per_character[-1]:.3f} nats or {per_character[-1] / math.log(2):.3f} bits per character")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for ax, values, title, unit, form in ((axes[0], per_token, "Perplexity per token", "perplexity per token", "%.1f"),
                                      (axes[1], per_character, "The same, per character", "nats per character", "%.2f")):
    bars = ax.bar(list(map(str, merges)), values, color="0.5")
    ax.bar_label(bars, fmt=form)
    ax.set(title=title, xlabel="merges of the tokenizer", ylabel=unit, ylim=(0, 1.15 * max(values)))
    ax.grid(axis="x", visible=False)
plt.show()

# %% [markdown]
# The perplexity per token rises several times over, and yet with merges the models predict the text better than without
# (a 3-gram of longer tokens also sees further back). So a perplexity means something only together with the unit that
# it is counted in, and two models with different vocabularies cannot be compared by it. What can be compared is the
# total surprise over the same text, divided by something that no tokenizer changes: characters, or better bytes. *Bits
# per byte* comes back in 09, *evaluation*. Shannon's 0.6 to 1.3 bits per letter were for an alphabet of 27 signs,
# without capitals and punctuation, so they too are in another unit than ours.

# %% [markdown]
# ## Recap
#
# - A language model gives each next token a probability; the product is the probability of the text. To train, to
#   judge and to write are three uses of the same numbers.
# - Adding α treats all unseen tokens alike. Falling back on shorter histories uses what is known, and longer histories
#   stop doing harm.
# - Perplexity is the exponential of the mean surprise over all tokens, a number of choices, and it is counted per
#   token: compare it only for the same tokens of the same text.
# - Row t of the logits predicts token t + 1, and padding does not count.
# - An embedding is a row of a table, the product with a one-hot vector; its gradient reaches only the rows that were
#   read.
# - A recurrent network may remember everything and learns to remember little: its gradient fades with distance.
# - With little text and little time counting wins. Networks share what they learn and can use more of both.
#
# Next: *scaled_dot_product*, in module 03: a direct way from every token to every other.

# %% [markdown]
# ## A question in words
#
# A colleague must add a next-character predictor to a small device. There are two megabytes of the users' text, and
# training must take less than a minute on a laptop. "Everybody uses neural networks now", says the colleague, and
# proposes the recurrent network of this notebook, "because it has an unlimited memory".
#
# In six to ten sentences: (a) which model do you recommend, and which of the measurements above speak for it? (b) What
# is wrong with the argument of unlimited memory? (c) What would have to change, in data, time or model, for a network to
# be the better choice, and why does the n-gram not profit in the same way?

# %% [markdown] essay="count-or-train" points=3
# **(a)** A Witten–Bell n-gram of order 5 or 6, the order chosen on a development part. In the table it had the lowest
# perplexity on the whole held-out text, and it was counted in a few seconds, while the network, after a longer
# training, was only as good as a lower order. Its weak spot is the size of its table, hundreds of thousands of counts,
# which must fit into the device; rare ones can be left out. *(1 point: n-gram with smoothing that falls back, argued
# with perplexity on the same held-out text and with training time.)*
#
# **(b)** The state can depend on everything, but it learns to only as far as gradients carry. Going back one step
# multiplies the gradient by $W_h^\top$ and by derivatives of tanh below 1, so it shrinks exponentially; we saw it fade
# over a few dozen characters, and showing the network more than a dozen did not lower its perplexity. *(1 point:
# vanishing gradients, product of many factors; possible memory is not learnt memory.)*
#
# **(c)** More text and much more training time, or a model whose gradients reach further (LSTM, attention). A network's
# weights are shared by all histories, so each example teaches it about similar ones, and it can go over the text many
# times. An n-gram is finished after one pass; more text fills its table, but each further token of history multiplies
# the number of possible histories, most are never seen, and what it knows of one says nothing about a similar one. *(1
# point: names a change and why it favours shared parameters over separate counts.)*

# %% [markdown]
# ## Sources
#
# - Markov 1913. *An Example of Statistical Investigation of the Text "Eugene Onegin" Concerning the Connection of
#   Samples in Chains.* English translation: Science in Context 19(4), 2006.
# - Shannon 1948. *A Mathematical Theory of Communication.* Bell System Technical Journal 27. §3 the series of
#   approximations to English.
# - Shannon 1951. *Prediction and Entropy of Printed English.* Bell System Technical Journal 30.
# - Jelinek, Mercer, Bahl, Baker 1977. *Perplexity: a measure of the difficulty of speech recognition tasks.* Journal of
#   the Acoustical Society of America 62(S1).
# - Elman 1990. *Finding Structure in Time.* Cognitive Science 14(2).
# - Williams, Peng 1990. *An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network
#   Trajectories.* Neural Computation 2(4).
# - Witten, Bell 1991. *The Zero-Frequency Problem: Estimating the Probabilities of Novel Events in Adaptive Text
#   Compression.* IEEE Transactions on Information Theory 37(4). Method C.
# - Bengio, Simard, Frasconi 1994. *Learning Long-Term Dependencies with Gradient Descent Is Difficult.* IEEE
#   Transactions on Neural Networks 5(2).
# - Hochreiter, Schmidhuber 1997. *Long Short-Term Memory.* Neural Computation 9(8).
# - Chen, Goodman 1999. *An Empirical Study of Smoothing Techniques for Language Modeling.* Computer Speech and Language
#   13(4). §2 additive smoothing, and Witten–Bell as a recursion.
# - Bengio, Ducharme, Vincent, Jauvin 2003. *A Neural Probabilistic Language Model.* Journal of Machine Learning
#   Research 3.
# - Mikolov, Karafiát, Burget, Černocký, Khudanpur 2010. *Recurrent Neural Network Based Language Model.* Interspeech
#   2010.
# - Pascanu, Mikolov, Bengio 2013. *On the Difficulty of Training Recurrent Neural Networks.* ICML 2013, arXiv
#   1211.5063. §2.1 vanishing and exploding gradients.
