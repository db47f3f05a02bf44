# %% [markdown]
# # Tokenization
#
# ## What you will build
#
# The four ways in which today's models cut text into the pieces that they read: `train_bpe` and `BPETokenizer`, the
# byte-level byte pairs of GPT-2; `wordpiece_encode`, BERT's greedy longest match; `unigram_encode`, which finds the
# most probable of all segmentations; and `sentencepiece_bpe_encode`, the byte pairs of Llama 2 and Mistral. With the
# vocabularies of the real models your functions give the very same ids as the libraries. About an hour and a half.
#
# ## When it was invented, and why it matters
#
# A network computes with numbers, so text has to become a list of integers first. Cut it into **characters**, and
# sequences are long: a model spends its steps on spelling. Cut it into **words**, and the list of words never ends: a
# name, a typing error or a compound that was not seen in training has no number and becomes *unknown*. Both were
# common until Sennrich, Haddow and Birch (2016, §3.2) borrowed a compression algorithm, byte-pair encoding (Gage
# 1994): start from characters, and again and again glue together the pair that is most frequent. Frequent words end
# up whole, rare ones as a few **subwords**, and nothing is unknown as long as its letters are not.
#
# WordPiece is four years older. Schuster and Nakajima (2012) made it for Japanese and Korean voice search: it glues
# the pair that makes the training text most likely, not the most frequent one. It came to BERT by way of Google's
# translator (Wu et al. 2016, §4.1; Devlin et al. 2019, §3). GPT-2 (Radford et al. 2019, §2.2) ran byte pairs on
# *bytes*, so that no text at all is unknown. Kudo (2018, §3.2) replaced the gluing by a probability for each piece,
# the *unigram* model. **SentencePiece** (Kudo and Richardson 2018) is a library, not one more algorithm, as one often
# reads: it does byte pairs or unigram, on Unicode characters rather than bytes, with bytes as an optional fall-back.
#
# The choice stays with a model for life. It decides what a context of 4,096 tokens holds, what a request costs in
# which language, and a good part of what models do badly: spelling, counting letters, arithmetic.
#
# ## Prerequisites
#
# Python's strings, bytes, lists, dictionaries and sets. No neural networks.
#
# Words used: a *token* is a piece of text that the model reads as one, a *vocabulary* lists all tokens, an *id* is a
# token's number, and a *chunk* is the stretch of text, about a word, within which byte pairs are merged.

# %%
import inspect
import math
import time
import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import regex
import seaborn as sns

from autograder import check

sns.set_theme(style="whitegrid", context="notebook")

# %%
# Given: the picture that this notebook draws again and again.
def draw_tokens(panel, rows, heading):
    """Draw each row's tokens as boxes, shaded in turn. rows: from a label to a list of strings; · is a space."""
    for y, tokens in enumerate(rows.values()):
        x = 0
        for i, token in enumerate(tokens):
            panel.barh(y, len(token), left=x, height=0.7, color=("0.93", "0.75")[i % 2], edgecolor="0.3")
            for place, character in enumerate(token.replace(" ", "·").replace("▁", "·")):
                panel.text(x + place + 0.5, y, character, ha="center", va="center", family="monospace", fontsize=10)
            x += len(token)
    panel.set_yticks(range(len(rows)), [f"{label}  ({len(tokens)})" for label, tokens in rows.items()])
    panel.invert_yaxis()
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.set(title=heading, xlabel="characters, as written (in brackets: number of boxes)")
    panel.grid(visible=False)


# %% [markdown]
# ## 1 · Merge a pair
#
# Everything in byte-pair encoding rests on one step: wherever two given tokens stand side by side, replace them by
# one. Go from left to right, and use no token twice: three *a* in a row hold the pair (a, a) once, not twice.
#
# $$[\text{b}, \text{a}, \text{a}, \text{a}] \;\xrightarrow{(\text{a},\,\text{a})}\; [\text{b}, \text{aa}, \text{a}]$$
#
# Tokens here are Python `bytes`, and gluing is `+`. The text *é* is two bytes in UTF-8, `b"\xc3\xa9"`; every text is
# a sequence of bytes, and there are only 256 different ones, so we start from a vocabulary in which nothing is unknown.
#
# **`merge_pair(tokens, pair)`** ★☆☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `tokens` | list of n `bytes` | the tokens of one chunk, not to be changed |
# | `pair` | tuple of two `bytes` | the two tokens to glue, in this order |
# | result | list of at most n `bytes` | a new list, merged from left to right |
#
# If a check here does not come back, a loop of yours does not end: interrupt it (the square in the toolbar) and see that
# every turn gets you further.
#
# <details><summary>Hint 1</summary>Walk through the list with an index of your own. When do you go on by one place,
# when by two?</details>
# <details><summary>Hint 2</summary>A <code>for</code> loop always goes on by one; in a <code>while</code>
# loop you say how far.</details>
# <details><summary>Hint 3</summary>At the end of the list there is no next token. A slice such as
# <code>tokens[i:i + 2]</code> is then shorter, and an index would raise an error. A slice is a list, a pair is a
# tuple: the two are never equal as they are.</details>

# %% exercise="merge_pair" minutes=5 level=1
def merge_pair(tokens: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Glue the two tokens of a pair wherever they stand side by side, from left to right.

    tokens: n tokens, left unchanged. Returns a new list of at most n tokens.   Sennrich et al. 2016, §3.2
    """
    ### BEGIN SOLUTION
    merged, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == pair:
            merged.append(pair[0] + pair[1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged
    ### END SOLUTION


# %% check="merge_pair: every occurrence becomes one token" points=1
tokens = [b"l", b"o", b"w", b" ", b"l", b"o"]
merged = merge_pair(tokens, (b"l", b"o"))
check.equal(merged, [b"lo", b"w", b" ", b"lo"],
            hint="l and o stand side by side twice: glue both. Nothing glued? A slice is a list, the pair a tuple")
check.equal(merge_pair([b"o", b"l", b"l", b"o"], (b"l", b"o")), [b"o", b"l", b"lo"],
            hint="only l followed by o is glued, not o followed by l")
check.equal(merge_pair([b"lo", b"w", b"er"], (b"lo", b"w")), [b"low", b"er"],
            hint="a token may be several bytes long: compare tokens, not bytes; and do not lose the last one, er")
check.equal(tokens, [b"l", b"o", b"w", b" ", b"l", b"o"], hint="tokens was changed: build a new list")
### BEGIN HIDDEN TESTS
check.equal(merge_pair([b"n", b"ew", b"est", b"n", b"ew"], (b"n", b"ew")), [b"new", b"est", b"new"],
            hint="n and ew become new, twice")
check.equal(merge_pair([b"ne", b"w"], (b"n", b"ew")), [b"ne", b"w"],
            hint="ne, w and n, ew spell the same, but they are other tokens: nothing to merge")
### END HIDDEN TESTS

# %% check="merge_pair: no token is used twice, none is lost" points=1
check.equal(merge_pair([b"a", b"a", b"a"], (b"a", b"a")), [b"aa", b"a"],
            hint="three a hold the pair once: after a merge go on behind it, and keep what is left over")
check.equal(merge_pair([b"x"], (b"x", b"x")), [b"x"], hint="a single token has no neighbour: it stays")
check.equal(merge_pair([b"b", b"a", b"a"], (b"b", b"b")), [b"b", b"a", b"a"], hint="the pair is not there: no change")
### BEGIN HIDDEN TESTS
check.equal(merge_pair([b"a", b"a", b"a", b"a", b"b", b"a"], (b"a", b"a")), [b"aa", b"aa", b"b", b"a"],
            hint="four a hold the pair twice; the last a stands alone")
check.equal(merge_pair([], (b"a", b"b")), [], hint="no tokens, no result")
### END HIDDEN TESTS

# %% [markdown]
# ## 2 · Count once, then keep the books
#
# To learn merges from a text we need to know, again and again, which pair is the most frequent. The plain way counts
# all pairs of the whole text before each merge: with thousands of merges and millions of characters that takes
# hours. Two observations make it fast.
#
# First, a text repeats itself. We cut it into *chunks*, never merge across their edges, and keep each distinct chunk
# once, with its frequency. GPT-2 cuts by a regular expression: a run of letters, of digits or of other marks, each
# with the one space before it; what is left of longer white space; and English endings such as *'ll*. So *dog.* and
# *dog!* share the token *dog* (Radford et al. 2019, §2.2, give this reason). This is the pattern; `\p{L}` is any
# letter and `\p{N}` any digit in any script.

# %% tags=["export"]
GPT2_SPLIT = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")


def count_pairs(words: list[list[bytes]],
                frequencies: list[int]) -> tuple[Counter, dict[tuple[bytes, bytes], set[int]]]:
    """Count every pair of neighbours, and note where it stands.

    words: the tokens of each distinct chunk. frequencies: how often each chunk stands in the text. Returns counts,
    from each pair to its number in the whole text, and places, from each pair to the indices of the chunks with it.
    """
    counts, places = Counter(), defaultdict(set)
    for i, tokens in enumerate(words):
        for pair in pairwise(tokens):
            counts[pair] += frequencies[i]
            places[pair].add(i)
    return counts, places


# %% demo="chunks" alt="Boxes: a sentence cut by GPT-2's pattern; spaces go with the word that follows."
sentences = ["We'll meet at 10:30, won't we?", "x = f(2024)    # done!"]
figure, ax = plt.subplots(figsize=(9, 2.2), layout="constrained")
draw_tokens(ax, {f"text {i}": GPT2_SPLIT.findall(s) for i, s in enumerate(sentences, 1)}, "GPT-2's chunks (· = space)")
plt.show()
counts, places = count_pairs([[b"h", b"u", b"g"], [b"p", b"u", b"g"], [b"h", b"u", b"g", b"s"]], [10, 5, 2])
for pair, count in counts.items():
    print(pair, "stands", count, "times, in the chunks", sorted(places[pair]))

# %% [markdown]
# Second, a merge changes only the chunks which hold the pair, usually few. For those we take the old pairs out of
# `counts` and enter the new ones, in `places` too; all other counts stay right as they are. That is `apply_merge`, the step that makes
# training fast.
#
# $$\text{count}_{\text{new}}(p) = \text{count}(p) + \sum_{i \,\in\, \text{places}(\text{pair})}
# \text{frequency}_i \cdot \left(n_i^{\text{after}}(p) - n_i^{\text{before}}(p)\right)$$
#
# Here $n_i(p)$ says how often the pair p stands in chunk i.
#
# **`apply_merge(pair, words, frequencies, counts, places)`** changes `words`, `counts` and `places` in place and
# returns nothing. ★★★☆☆ · 15 minutes
#
# | | type | meaning |
# |---|---|---|
# | `pair` | tuple of two `bytes` | the pair to merge; stands in at least one chunk |
# | `words` | list of W lists of `bytes` | the chunks as tokens; afterwards merged |
# | `frequencies` | list of W int | how often each chunk stands in the text |
# | `counts` | `Counter`, pair → int | as by `count_pairs`; afterwards what it would say now, without zeros |
# | `places` | `defaultdict(set)`, pair → set of int | afterwards lists all chunks of each pair, perhaps some more |
#
# "Perhaps some more": a chunk that has lost the pair to another merge may stay listed. Merging changes nothing there,
# and what you take out you put in again. Do not count all words again: the point is to touch only those in `places`.
#
# <details><summary>Hint 1</summary>For one chunk: which pairs does it have before the merge, which after? How much
# does each of them weigh in the count of the whole text?</details>
# <details><summary>Hint 2</summary>Take out every pair of the chunk as it was, merge, enter every pair of the chunk
# as it is. Pairs that did not change come back by themselves. <code>pairwise(tokens)</code> gives the pairs.</details>
# <details><summary>Hint 3</summary>Loop over <code>places.pop(pair)</code>: it also removes the entry. New pairs need
# an entry in <code>places</code> too. When a count has reached 0, <code>del counts[old]</code>.</details>

# %% exercise="apply_merge" minutes=15 level=3 forbid="count_pairs"
def apply_merge(pair: tuple[bytes, bytes], words: list[list[bytes]], frequencies: list[int], counts: Counter,
                places: dict[tuple[bytes, bytes], set[int]]) -> None:
    """Merge a pair in all words and bring the counts up to date, touching only the words that hold it.

    words: tokens of each distinct chunk. frequencies: of each chunk. counts, places: as `count_pairs` returns them.
    Changes words, counts and places in place. Pairs whose count falls to zero leave counts.
    """
    ### BEGIN SOLUTION
    for i in places.pop(pair):
        before, words[i] = words[i], merge_pair(words[i], pair)
        for old in pairwise(before):
            counts[old] -= frequencies[i]
            if counts[old] == 0:
                del counts[old]
        for new in pairwise(words[i]):
            counts[new] += frequencies[i]
            places[new].add(i)
    ### END SOLUTION


# %% check="apply_merge: the words hold the merged token" points=1
words = [[b"h", b"u", b"g"], [b"p", b"u", b"n"], [b"h", b"u", b"g", b"s"]]
frequencies = [10, 12, 5]
counts, places = count_pairs(words, frequencies)
apply_merge((b"u", b"g"), words, frequencies, counts, places)
check.equal(words, [[b"h", b"ug"], [b"p", b"u", b"n"], [b"h", b"ug", b"s"]],
            hint="u and g are glued in the first and the last chunk: put the merged list back into words[i]")
### BEGIN HIDDEN TESTS
words2 = [[b"a", b"a", b"a"], [b"b"], [b"a", b"a"]]
frequencies2 = [1, 2, 3]
counts2, places2 = count_pairs(words2, frequencies2)
apply_merge((b"a", b"a"), words2, frequencies2, counts2, places2)
check.equal(words2, [[b"aa", b"a"], [b"b"], [b"aa"]], hint="merge in every chunk that places lists")
### END HIDDEN TESTS

# %% check="apply_merge: the counts are those of a fresh count" points=2
words = [[b"h", b"u", b"g"], [b"p", b"u", b"g"], [b"p", b"u", b"n"], [b"h", b"u", b"g", b"s"]]
frequencies = [10, 5, 12, 3]
counts, places = count_pairs(words, frequencies)
apply_merge((b"u", b"g"), words, frequencies, counts, places)
check.equal(counts[b"h", b"ug"], 13, hint="h, ug is new: it stands in a chunk with frequency 10 and in one with 3")
check.equal(counts[b"p", b"u"], 12, hint="p, u is left only in the chunk p, u, n, which stands 12 times in the text")
check.equal(sorted(counts.items()),
            [((b"h", b"ug"), 13), ((b"p", b"u"), 12), ((b"p", b"ug"), 5), ((b"u", b"n"), 12), ((b"ug", b"s"), 3)],
            hint="take out all old pairs of a changed chunk, enter all new ones, drop those whose count is now 0")
words = [[b"b", b"a", b"n", b"a", b"n", b"a"], [b"b", b"a", b"n"], [b"a", b"b"]]
frequencies = [2, 3, 4]
counts, places = count_pairs(words, frequencies)
untouched = words[2]
apply_merge((b"n", b"a"), words, frequencies, counts, places)
check.equal(sorted(counts.items()),
            [((b"a", b"b"), 4), ((b"a", b"n"), 3), ((b"a", b"na"), 2), ((b"b", b"a"), 5), ((b"na", b"na"), 2)],
            hint="n, a stands twice in banana: every occurrence counts, before and after")
check.equal(words[2] is untouched, True, hint="a, b does not hold the pair: only the chunks in places[pair] are changed")
### BEGIN HIDDEN TESTS
words2 = [[b"a", b"a", b"a", b"a", b"a", b"b", b"a", b"a"], [b"b", b"a"]]
frequencies2 = [7, 2]
counts2, places2 = count_pairs(words2, frequencies2)
apply_merge((b"a", b"a"), words2, frequencies2, counts2, places2)
check.equal(sorted(counts2.items()),
            [((b"a", b"b"), 7), ((b"aa", b"a"), 7), ((b"aa", b"aa"), 7), ((b"b", b"a"), 2), ((b"b", b"aa"), 7)],
            hint="five a, b, two a: now aa aa a b aa. A pair that stands twice in a chunk counts twice")
### END HIDDEN TESTS

# %% check="apply_merge: new pairs can be merged in their turn" points=2
words = [[b"n", b"e", b"w"], [b"n", b"e", b"w", b"e", b"r"], [b"w", b"e"]]
frequencies = [4, 3, 6]
counts, places = count_pairs(words, frequencies)
apply_merge((b"e", b"w"), words, frequencies, counts, places)
check.equal(sorted(places.get((b"n", b"ew"), ())), [0, 1],
            hint="after e, w the pair n, ew exists: enter the chunk's index under each new pair in places")
apply_merge((b"n", b"ew"), words, frequencies, counts, places)
check.equal(words, [[b"new"], [b"new", b"e", b"r"], [b"w", b"e"]],
            hint="n, ew is merged in both chunks that places holds for it")
check.equal(sorted(counts.items()), [((b"e", b"r"), 3), ((b"new", b"e"), 3), ((b"w", b"e"), 6)],
            hint="two merges in a row: the counts must still be those of a fresh count")
### BEGIN HIDDEN TESTS
words2 = [[b"x", b"y", b"x", b"y", b"z"], [b"x", b"y", b"z"], [b"y", b"z", b"x"]]
frequencies2 = [2, 5, 3]
counts2, places2 = count_pairs(words2, frequencies2)
apply_merge((b"x", b"y"), words2, frequencies2, counts2, places2)
apply_merge((b"y", b"z"), words2, frequencies2, counts2, places2)
apply_merge((b"xy", b"z"), words2, frequencies2, counts2, places2)
check.equal(words2, [[b"xy", b"xyz"], [b"xyz"], [b"yz", b"x"]], hint="three merges in a row, some places out of date")
check.equal(sorted(counts2.items()), [((b"xy", b"xyz"), 2), ((b"yz", b"x"), 3)],
            hint="three merges in a row: what an out-of-date place takes out must come back")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** it makes 40 merges on texts of growing length, once with a fresh count before each
# merge and once with `apply_merge`. Where does the time of the second go?

# %% demo="incremental" alt="Lines: time per merge against length of text; updating is more than ten times faster."
from internals.vocabularies import load_text

def tokens_of(text):
    chunks = Counter(GPT2_SPLIT.findall(text))
    return [[bytes([b]) for b in chunk.encode()] for chunk in chunks], list(chunks.values())


play = load_text()
lengths, afresh, updated = (20_000, 80_000, 320_000), [], []
for length in lengths:
    words, frequencies = tokens_of(play[:length])
    start = time.perf_counter()
    for _ in range(40):
        counts, _ = count_pairs(words, frequencies)
        best = max(counts, key=counts.get)
        words = [merge_pair(tokens, best) for tokens in words]
    afresh.append((time.perf_counter() - start) / 40 * 1000)
    words, frequencies = tokens_of(play[:length])
    counts, places = count_pairs(words, frequencies)
    start = time.perf_counter()
    for _ in range(40):
        apply_merge(max(counts, key=counts.get), words, frequencies, counts, places)
    updated.append((time.perf_counter() - start) / 40 * 1000)
    print(f"{length:8,} characters, {len(words):6,} distinct chunks: {afresh[-1]:7.2f} ms a merge afresh, "
          f"{updated[-1]:6.2f} ms updated, {afresh[-1] / updated[-1]:.0f} times faster")
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.loglog(lengths, afresh, "s--", color="0.5", label="count all pairs before each merge")
ax.loglog(lengths, updated, "o-", color="black", label="apply_merge")
ax.set(title="Forty merges", xlabel="length of the text [characters]", ylabel="time of one merge [ms]")
ax.set_xticks(lengths, [f"{n:,}" for n in lengths])
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# Its time goes into the chunks that hold the pair. The first merges are the dearest, since frequent pairs stand in many
# chunks. Later ones touch ever fewer, while a fresh count never gets cheaper. So the gap is wider than this picture
# shows when you make thousands.
#
# ## 3 · Train
#
# Now the loop. Begin with the 256 bytes. Find the most frequent pair, give the glued token the next free id, apply the
# merge, repeat (Sennrich et al. 2016, Algorithm 1). The order of the merges is the order of the ids: that is all that
# training leaves behind.
#
# $$\text{best} = \arg\max_{\text{pair}} \text{count}(\text{pair}), \qquad
# \text{ranks}[\text{best}_0 + \text{best}_1] = 256, 257, 258, \dots$$
#
# Which pair wins a tie is a convention; ours is that the first in Python's order of tuples of bytes wins.
#
# **`train_bpe(text, num_merges)`** ★★★☆☆ · 15 minutes
#
# | | type | meaning |
# |---|---|---|
# | `text` | str | cut into chunks by `GPT2_SPLIT.findall`, each then encoded as UTF-8 |
# | `num_merges` | int | how many merges to learn; fewer if no pairs are left |
# | result | dict, `bytes` → int | `ranks`: the 256 single bytes in their order, 0 to 255, then each merged token |
#
# <details><summary>Hint 1</summary>Three parts: make words and frequencies, count once, and a loop that finds the
# best pair, notes it and applies it.</details>
# <details><summary>Hint 2</summary><code>Counter(GPT2_SPLIT.findall(text))</code> has each distinct chunk with its
# frequency. <code>bytes([b])</code> makes one byte from a number; iterating over <code>bytes</code> gives
# numbers.</details>
# <details><summary>Hint 3</summary>For the tie: among all pairs whose count is the maximum of the counts, take the
# <code>min</code>. The next id is <code>len(ranks)</code>. An empty <code>counts</code> ends the loop.</details>

# %% exercise="train_bpe" minutes=15 level=3
def train_bpe(text: str, num_merges: int) -> dict[bytes, int]:
    """Learn byte pairs: glue the most frequent pair of neighbours within chunks, again and again.

    text: cut by GPT2_SPLIT. num_merges: at most so many. Returns ranks: 256 single bytes, ids 0 to 255, then the
    merged tokens from 256 in the order in which they were learnt. Ties go to the pair that sorts first.
    Sennrich et al. 2016, Algorithm 1; on bytes: Radford et al. 2019, §2.2
    """
    ### BEGIN SOLUTION
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = [[bytes([b]) for b in chunk.encode()] for chunk in chunks]
    frequencies = list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    ranks = {bytes([b]): b for b in range(256)}
    while counts and len(ranks) < 256 + num_merges:
        highest = max(counts.values())
        best = min(pair for pair, count in counts.items() if count == highest)
        ranks[best[0] + best[1]] = len(ranks)
        apply_merge(best, words, frequencies, counts, places)
    return ranks
    ### END SOLUTION


# %% check="train_bpe: the most frequent pair first" points=2
check.equal(list(train_bpe("aa aa", 1))[256:], [b"aa"],
            hint="a, a stands twice. The keys of ranks are bytes: each byte of a chunk by itself, two of them glued by +")
text = "low low low low low newest newest widest now now now now now last last last new"
check.equal(list(train_bpe(text, 6))[256:], [b"ow", b" n", b" l", b"st", b" now", b" low"],
            hint="o, w stands 10 times (low, now), space and n 8 times. Count each chunk as often as it stands")
### BEGIN HIDDEN TESTS
check.equal(list(train_bpe("hug hug pug pug pug pug pun hugs", 5))[256:], [b"ug", b" p", b" pug", b"hug", b" hug"],
            hint="ug: 7 times; then space and p: 5 times. The space belongs to the word")
### END HIDDEN TESTS

# %% check="train_bpe: ids are 256 bytes, then the merges in order" points=1
ranks = train_bpe("aaababcaaabbc", 3)
check.equal(len(ranks), 259, hint="256 bytes and 3 merged tokens")
check.equal([ranks[b"\x00"], ranks[b"a"], ranks[b"\xff"]], [0, 97, 255], hint="the id of a single byte is the byte")
check.equal(list(ranks.items())[256:], [(b"aa", 256), (b"ab", 257), (b"aaab", 258)],
            hint="the first merge has the id 256, the next 257, and tokens of several bytes merge again")
### BEGIN HIDDEN TESTS
check.equal(list(train_bpe("go, go, go", 2).items())[254:],
            [(b"\xfe", 254), (b"\xff", 255), (b"go", 256), (b" go", 257)], hint="ids go on behind the bytes: 256, 257")
check.equal(len(train_bpe("aaababcaaabbc", 0)), 256, hint="no merges: the bytes alone")
### END HIDDEN TESTS

# %% check="train_bpe: ties go to the pair that sorts first" points=1
ranks = train_bpe("xy xy ba ba", 2)
check.equal(list(ranks)[256:], [b" b", b" ba"],
            hint="b, a and x, y stand twice; the pair that sorts first wins, and a space sorts before letters")
### BEGIN HIDDEN TESTS
check.equal(list(train_bpe("dc\nba\nfe", 3))[256:], [b"ba", b"dc", b"fe"], hint="all stand once: b, a sorts first")
### END HIDDEN TESTS

# %% check="train_bpe: within chunks, on bytes, until nothing is left" points=1
check.equal(list(train_bpe("he's she's it's 20/20/20/20/20", 3))[256:], [b"20", b"'s", b"he"],
            hint="20, a slash and 's are chunks of their own; merges never cross their edges: cut with GPT2_SPLIT.findall")
check.equal(list(train_bpe("né né né fée", 3))[256:], [b"\xc3\xa9", b"n\xc3\xa9", b" n\xc3\xa9"],
            hint="é is two bytes in UTF-8, and they are merged first: work on chunk.encode(), not on characters")
check.equal(len(train_bpe("go go", 50)), 258, hint="go, and go with its space: then no pair is left, stop")
### BEGIN HIDDEN TESTS
check.equal(list(train_bpe("a.b.c. a.b.c.", 99))[256:], [b" a"], hint="letters and full stops are chunks of their own")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** you train on Shakespeare. Which tokens come first: letters that stand together in
# English, whole words, or names of characters?

# %% demo="first-merges" alt="Lines: lengths of the first and of the last five hundred tokens; later tokens are longer."
half_million = play[:-12_000][:500_000]  # the end is kept for a test
start = time.perf_counter()
plays_ranks = train_bpe(half_million, 2000)
print(f"2,000 merges on {len(half_million):,} characters: {time.perf_counter() - start:.1f} s")
learnt = [token.decode(errors="replace").replace(" ", "·") for token in list(plays_ranks)[256:]]
for first in (0, 500, 1970):
    print(f"merges {first + 1:4} to {first + 30:4}:", " ".join(repr(t)[1:-1] for t in learnt[first:first + 30]))
figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
longest = max(map(len, learnt))
for part, style, color, name in ((learnt[:500], "o-", "black", "merges 1 to 500"),
                                 (learnt[-500:], "s--", "0.5", "merges 1,501 to 2,000")):
    ax.plot(range(1, longest + 1), [sum(len(t) == n for t in part) for n in range(1, longest + 1)], style,
            color=color, label=name)
ax.set(title="Later merges are longer", xlabel="length of the token [characters]", ylabel="number of tokens")
ax.legend()
plt.show()

# %% [markdown]
# Letters that often stand together come first, then short words with their space, and names late. Marks of typesetting
# come early where a text has them (`**` stands around names in the plays' files): byte pairs know frequency, not
# language. And now that an update is cheap, most of the time of a late merge goes into finding the maximum among tens
# of thousands of counts. Libraries keep the pairs in a heap for that; `heapq` would do it here.
#
# ## 4 · A tokenizer
#
# Training is over; now any text has to be encoded with the ranks. Each chunk starts as single bytes. Among all pairs
# of neighbours, look for the one whose glued bytes have the lowest rank, the merge learnt earliest, and glue it. If
# it stands in several places, take the leftmost. Repeat until no pair of neighbours is in the vocabulary.
#
# $$i^* = \arg\min_i \; \text{rank}(t_i + t_{i+1}), \qquad \text{rank}(t) = \infty \text{ if t is not in the ranks}$$
#
# Decoding looks up the bytes of every id and joins them. Join first, then read them as UTF-8: a single token may hold
# half a character. Bytes that are no valid UTF-8 are shown as `�`.
#
# **Special tokens** such as `<|endoftext|>` are not text but signals, between two documents for one. They have ids of
# their own. `encode` cuts them out first; no merge touches them.
#
# **`BPETokenizer(ranks, special_tokens=None)`**, a class; `__init__` is given. ★★★☆☆ · 20 minutes
#
# | method | takes | returns |
# |---|---|---|
# | `encode_bytes(chunk)` | `bytes`, any at all, valid UTF-8 or not | list of ids: one chunk, merged |
# | `encode(text)` | `str` | list of ids: special tokens cut out, the rest cut by `GPT2_SPLIT`, each chunk encoded |
# | `decode_bytes(ids)` | list of ids | `bytes`, joined |
# | `decode(ids)` | list of ids | `str`, invalid bytes replaced by `�` |
#
# `self.ranks` goes from bytes to id, `self.special_tokens` from str to id, `self.tokens` from id to bytes, special
# tokens included. No special token is the beginning of another. An id is whatever `ranks` says: in GPT-2's file
# the byte `b"a"` has the id 64.
#
# <details><summary>Hint 1</summary>Write <code>encode_bytes</code> first, with a loop that merges one pair at a time.
# What tells you that you are done?</details>
# <details><summary>Hint 2</summary><code>min(range(len(tokens) - 1), key=…)</code> gives the leftmost index with the
# smallest key. <code>self.ranks.get(left + right, math.inf)</code> is the key.
# <code>tokens[i:i + 2] = [glued]</code> replaces two entries by one.</details>
# <details><summary>Hint 3</summary><code>regex.split</code> with a pattern in brackets keeps what it cut at. Join
# the special tokens with <code>|</code>, each through <code>regex.escape</code>: theirs is a bar too. Without any
# special token there is nothing to cut. <code>bytes.decode(errors="replace")</code> never fails.</details>

# %% exercise="BPETokenizer" minutes=20 level=3
class BPETokenizer:
    """Byte-level byte pairs, as in GPT-2: any bytes in, ids out, and back without loss.

    ranks: bytes to id; holds every single byte. special_tokens: str to id, none the beginning of another.
    Radford et al. 2019, §2.2
    """

    def __init__(self, ranks: dict[bytes, int], special_tokens: dict[str, int] | None = None) -> None:
        self.ranks = ranks
        self.special_tokens = special_tokens or {}
        self.tokens = {i: token for token, i in ranks.items()}
        self.tokens.update({i: name.encode() for name, i in self.special_tokens.items()})

    def encode_bytes(self, chunk: bytes) -> list[int]:
        """Merge one chunk: the pair of lowest rank first, the leftmost of them. Returns its ids."""
        ### BEGIN SOLUTION
        tokens = [bytes([b]) for b in chunk]
        while len(tokens) > 1:
            i = min(range(len(tokens) - 1), key=lambda i: self.ranks.get(tokens[i] + tokens[i + 1], math.inf))
            glued = tokens[i] + tokens[i + 1]
            if glued not in self.ranks:
                break
            tokens[i : i + 2] = [glued]
        return [self.ranks[token] for token in tokens]
        ### END SOLUTION

    def encode(self, text: str) -> list[int]:
        """Ids of a text: special tokens are cut out first, the rest goes through GPT2_SPLIT."""
        ### BEGIN SOLUTION
        special = "|".join(regex.escape(name) for name in self.special_tokens)
        ids = []
        for part in regex.split(f"({special})", text) if special else [text]:
            if part in self.special_tokens:
                ids.append(self.special_tokens[part])
            else:
                ids += [i for chunk in GPT2_SPLIT.findall(part) for i in self.encode_bytes(chunk.encode())]
        return ids
        ### END SOLUTION

    def decode_bytes(self, ids: list[int]) -> bytes:
        """The bytes of all ids, joined."""
        ### BEGIN SOLUTION
        return b"".join(self.tokens[i] for i in ids)
        ### END SOLUTION

    def decode(self, ids: list[int]) -> str:
        """The text of all ids; bytes that are not valid UTF-8 become U+FFFD."""
        ### BEGIN SOLUTION
        return self.decode_bytes(ids).decode(errors="replace")
        ### END SOLUTION


# %% check="BPETokenizer: the lowest rank is merged first" points=2
ranks = {b"a": 7, b"b": 3, b"c": 5, b"bc": 10, b"ab": 11, b"bca": 12, b"aa": 13}
tokenizer = BPETokenizer(ranks)
check.equal(tokenizer.encode_bytes(b"abc"), [7, 10], hint="bc (10) comes before ab (11), though ab stands further left")
check.equal(tokenizer.encode_bytes(b"abca"), [7, 12], hint="bc first, and then bc and a: tokens merge again")
check.equal(tokenizer.encode_bytes(b"abab"), [11, 11], hint="ab twice; abab is not in the ranks: stop there")
check.equal(tokenizer.encode_bytes(b"cab"), [5, 11], hint="the ids are those of the ranks: c is 5, not its byte")
check.equal(tokenizer.encode_bytes(b"aaa"), [13, 7], hint="aa stands in two places: the leftmost is glued")
### BEGIN HIDDEN TESTS
ranks2 = {b"a": 0, b"b": 1, b"c": 2, b"d": 3, b"cd": 4, b"bc": 5, b"ab": 6, b"abcd": 7}
check.equal(BPETokenizer(ranks2).encode_bytes(b"abcd"), [7], hint="cd, then ab, then both together")
check.equal(BPETokenizer(ranks2).encode_bytes(b"abcdbca"), [7, 5, 0], hint="one merge at a time, the lowest rank first")
check.equal(BPETokenizer(ranks2).encode_bytes(b""), [], hint="no bytes, no ids")
check.equal(BPETokenizer(ranks2).encode_bytes(b"b"), [1], hint="a single byte is a token")
check.equal(BPETokenizer(ranks2).encode_bytes(b"cb"), [2, 1], hint="c, b is in no token: two single bytes")
### END HIDDEN TESTS

# %% check="BPETokenizer: text is cut into chunks first" points=2
ranks = {bytes([i]): i for i in range(256)} | {b"go": 256, b" go": 257, b"o ": 258, b", ": 259, b"12": 260}
tokenizer = BPETokenizer(ranks)
check.equal(tokenizer.encode("go go, 123"), [256, 257, 44, 32, 260, 51],
            hint="chunks: 'go', ' go', ',', ' 123'. No merge across an edge. No special tokens: cut nothing out")
check.equal(tokenizer.encode("\u00e9"), [195, 169], hint="é is two bytes in UTF-8: encode each chunk first")
check.equal(tokenizer.encode(""), [], hint="an empty text has no tokens")
### BEGIN HIDDEN TESTS
check.equal(tokenizer.encode("  gogo  12"), [32, 257, 256, 32, 32, 260],
            hint="the last of several spaces goes with the next word: use GPT2_SPLIT as it is")
### END HIDDEN TESTS

# %% check="BPETokenizer: special tokens stay whole" points=2
ranks = {bytes([i]): i for i in range(256)} | {b"en": 256, b"<|": 257}
tokenizer = BPETokenizer(ranks, {"<|end|>": 300, "[sep]": 301})
check.equal(tokenizer.encode("a<|end|>en"), [97, 300, 256],
            hint="<|end|> is one id. Escape its bars (regex.escape); put the pattern in ( ), so that split keeps it")
check.equal(tokenizer.encode("[sep]<|end|><|en"), [301, 300, 257, 256],
            hint="two special tokens side by side; a part of one is plain text")
check.equal(tokenizer.encode("sep |"), [115, 101, 112, 32, 124],
            hint="| and [ ] mean something to a regular expression: regex.escape the special tokens")
check.equal(tokenizer.decode([97, 300, 256]), "a<|end|>en", hint="a special token is decoded to its name")
### BEGIN HIDDEN TESTS
tokenizer2 = BPETokenizer(ranks, {"(x)": 400})
check.equal(tokenizer2.encode("x(x)x (x)"), [120, 400, 120, 32, 400], hint="(x) is one id, x alone is a letter")
check.equal(BPETokenizer(ranks).encode("<|end|>"), [257, 256, 100, 124, 62], hint="without special tokens all is text")
### END HIDDEN TESTS

# %% check="BPETokenizer: decoding joins bytes, then reads them" points=2
ranks = {bytes([i]): i for i in range(256)} | {b"\xa9\x20": 256, b"\xc3\xa9": 257}
tokenizer = BPETokenizer(ranks)
check.equal(tokenizer.decode([195, 256, 257]), "\u00e9 \u00e9",
            hint="half of é stands in one token, half in the next: join all bytes, then decode")
check.equal(tokenizer.decode_bytes([195, 97, 255]), b"\xc3a\xff", hint="bytes come back as they are, UTF-8 or not")
check.equal(tokenizer.decode([97, 255, 98]), "a\ufffdb", hint='a byte that is no UTF-8 is \ufffd: errors="replace"')
check.equal(tokenizer.encode_bytes(b"\xff\xc3\xa9\xc3"), [255, 257, 195], hint="any bytes may be encoded, UTF-8 or not")
### BEGIN HIDDEN TESTS
check.equal(tokenizer.decode([]), "", hint="no ids, no text")
check.equal(tokenizer.decode_bytes([240, 159, 257]), b"\xf0\x9f\xc3\xa9", hint="the bytes of each id, in order")
check.equal(tokenizer.decode([226, 130]), "\ufffd", hint="a character cut short at the end is one \ufffd")
### END HIDDEN TESTS

# %% [markdown]
# Your class now takes the ranks of the real GPT-2. (The repository's tests compare ten thousand lines in many
# scripts with OpenAI's *tiktoken*: the same ids, every one.)
#
# ### Characters, words or subwords?
#
# Now the question of the beginning, with numbers. Three vocabularies are taken from the same half million characters:
# all characters, all words (GPT-2's chunks), and your 2,000 merges. Then each has to cut a piece that it did not see.
#
# **Before you run the next cell:** what share of the *words* in the new piece will be unknown? Remember that the
# author is the same.

# %% demo="three-units" alt="Bars: characters give long sequences, words a huge vocabulary; subwords are in between."
unseen = play[-12_000:]
units = {"characters": (set(half_million), list(unseen)),
         "subwords": (set(plays_ranks), BPETokenizer(plays_ranks).encode(unseen)),
         "words": (set(GPT2_SPLIT.findall(half_million)), GPT2_SPLIT.findall(unseen))}
columns = {"size of the vocabulary": [len(known) for known, _ in units.values()],
           "tokens per 1,000 characters": [1000 * len(cut) / len(unseen) for _, cut in units.values()],
           "unknown tokens [%]": [100 * sum(t not in known and name != "subwords" for t in cut) / len(cut)
                                  for name, (known, cut) in units.items()]}
figure, axes = plt.subplots(1, 3, figsize=(10, 2.4), sharey=True, layout="constrained")
for ax, (heading, values) in zip(axes, columns.items(), strict=True):
    bars = ax.barh(list(units), values, color="0.45")
    ax.bar_label(bars, [f"{value:,.1f}" if "%" in heading else f"{value:,.0f}" for value in values], padding=3)
    ax.set(xlabel=heading, xlim=(0, 1.3 * max(values)))
    ax.locator_params(axis="x", nbins=4)
    ax.grid(axis="y", visible=False)
axes[0].invert_yaxis()
plt.show()

# %% [markdown]
# Characters make the sequence more than twice as long as subwords do. Words make it shorter still, but their
# vocabulary is several times as large, two thirds of it words that stand in the text once or twice, and it lacks some
# of every new page. Subwords lie between, and nothing is unknown.
#
# ### How large a vocabulary?
#
# More merges make a text shorter, and the table of embeddings longer. One training run answers for every size, since
# merges are learnt in order: a smaller vocabulary is the beginning of a larger one. The next cell encodes three texts
# with the first 0, 250, 500, 1,000 and 2,000 merges learnt on Shakespeare: a piece of Shakespeare that training did not
# see, Spanish, and Python code.
#
# **Before you run it:** which of the three profits least?

# %% demo="vocabulary-size" alt="Lines: tokens per character fall as the vocabulary grows, most for the plays."
from internals.vocabularies import load_languages

samples = load_languages()
texts = {"the plays, not trained on": unseen, "Python code": inspect.getsource(inspect)[20_000:32_000],
         "Spanish": samples["es_Latn"][:12_000]}
sizes = (256, 506, 756, 1256, 2256)
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for (name, text), style, color in zip(texts.items(), ("o-", "s--", "^:"), ("black", "0.35", "0.55"), strict=True):
    rates = []
    for size in sizes:
        tokenizer = BPETokenizer({token: i for token, i in plays_ranks.items() if i < size})
        rates.append(len(tokenizer.encode(text)) / len(text))
    ax.plot(sizes, rates, style, color=color, label=name)
    print(f"{name:26}: " + ", ".join(f"{rate:.2f}" for rate in rates) + " tokens per character")
ax.set(title="A larger vocabulary makes sequences shorter", xlabel="size of the vocabulary [tokens]",
       ylabel="tokens per character", ylim=(0, 1.1))
ax.legend()
plt.show()

# %% [markdown]
# Each doubling of the vocabulary saves less than the one before, while the embedding table doubles every time. And
# the saving goes to the kind of text that was trained on. The slider cuts one sentence with more and more merges.

# %% demo="merges" alt="Boxes: the same sentence cut by the first n merges; the slider sets n."
def draw_merges(merges=500):
    tokenizer = BPETokenizer({token: i for token, i in plays_ranks.items() if i < 256 + merges})
    rows = {}
    for sentence in ("To be, or not to be, that is the question", "The transformer reads tokens"):
        rows[sentence[:6] + " …"] = [tokenizer.decode([i]) for i in tokenizer.encode(sentence)]
    figure, ax = plt.subplots(figsize=(10, 2.2), layout="constrained")
    draw_tokens(ax, rows, f"{merges} merges, learnt on half a million characters")
    plt.show()


try:
    from ipywidgets import IntSlider, interact

    interact(draw_merges, merges=IntSlider(500, min=0, max=2000, step=50, description="merges"))
except ImportError:
    print("pip install ipywidgets gives this picture a slider; without it, call draw_merges(100) in a new cell.")
    draw_merges(500)

# %% [markdown]
# ## 5 · WordPiece: the longest piece that fits
#
# BERT's vocabulary was trained much as ours, by gluing, but it is *used* differently: no merges, no ranks. Text is
# cut into words and punctuation; then each word is eaten from the left, always by the longest piece in the vocabulary
# (*maximum matching*: Song et al. 2021, abstract). Pieces that continue a word are written with `##` before them, so
# that *able* at the beginning of a word and *##able* at its end are two tokens.
#
# $$\text{token}_k = \text{the longest } w_{s:e} \text{ (from the second on: } \#\#w_{s:e}\text{) in the vocabulary},
# \quad s = \text{end of token}_{k-1}$$
#
# If at some place nothing fits, not even a single letter, the *whole word* becomes `[UNK]`: BERT's published code
# keeps a word or loses it.
#
# **`wordpiece_encode(word, vocabulary, unknown="[UNK]", max_chars=100)`** ★★☆☆☆ · 10 minutes
#
# | | type | meaning |
# |---|---|---|
# | `word` | str of n ≥ 0 characters | one word, without spaces; an empty one has no pieces |
# | `vocabulary` | dict, str → id | the pieces |
# | `unknown` | str | the token for a word that cannot be cut |
# | `max_chars` | int | a longer word is unknown without trying, so that nobody can make it slow |
# | result | list of str | the pieces (look up ids yourself: `vocabulary[piece]`) |
#
# <details><summary>Hint 1</summary>Try it on paper: with <code>un</code>, <code>una</code>, <code>##able</code> and
# <code>##ble</code> in the vocabulary, which pieces has <i>unable</i>?</details>
# <details><summary>Hint 2</summary>Two loops: where does the piece start, and where does it end? The end begins at
# the end of the word and moves left.</details>
# <details><summary>Hint 3</summary>Never go back: if the greedy choice leads to a place where nothing fits, the word
# is unknown, even if another cut would have worked.</details>

# %% exercise="wordpiece_encode" minutes=10 level=2
def wordpiece_encode(word: str, vocabulary: dict[str, int], unknown: str = "[UNK]", max_chars: int = 100) -> list[str]:
    """Cut one word greedily into the longest pieces of the vocabulary, from left to right.

    vocabulary: pieces, "##" before those that continue a word. Returns the pieces, or [unknown] where at some place
    none fits or the word has more than max_chars characters.   Devlin et al. 2019, their code; Song et al. 2021
    """
    ### BEGIN SOLUTION
    if len(word) > max_chars:
        return [unknown]
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = [end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary]
        if not ends:
            return [unknown]
        pieces.append(prefix + word[start : ends[0]])
        start = ends[0]
    return pieces
    ### END SOLUTION


# %% check="wordpiece_encode: the longest piece that fits, from the left" points=2
vocabulary = {"un": 0, "una": 1, "##able": 2, "##ble": 3, "able": 5, "play": 6, "##ing": 7, "##i": 8, "##ng": 9}
check.equal(wordpiece_encode("unable", vocabulary), ["una", "##ble"], hint="una is longer than un, then ##ble")
check.equal(wordpiece_encode("playing", vocabulary), ["play", "##ing"], hint="##ing is longer than ##i")
check.equal(wordpiece_encode("able", vocabulary), ["able"], hint="a word that is in the vocabulary stays whole")
check.equal(wordpiece_encode("", vocabulary), [], hint="no letters, no pieces, and nothing unknown")
check.equal(wordpiece_encode("playable", vocabulary), ["play", "##able"],
            hint="behind the beginning of a word only pieces with ## fit: ##able, not able")
### BEGIN HIDDEN TESTS
vocabulary2 = {"a": 0, "##b": 1, "##bc": 2, "##c": 3, "ab": 4, "##d": 5, "##abc": 6}
check.equal(wordpiece_encode("abcbcd", vocabulary2), ["ab", "##c", "##bc", "##d"], hint="longest first, at each place")
check.equal(wordpiece_encode("a", vocabulary2), ["a"], hint="a word of one letter")
### END HIDDEN TESTS

# %% check="wordpiece_encode: a word is kept or lost as a whole" points=2
vocabulary = {"ab": 0, "a": 1, "##b": 2, "##cd": 3, "##bc": 4, "##d": 5, "c": 6}
check.equal(wordpiece_encode("abx", vocabulary), ["[UNK]"], hint="nothing fits x: the whole word becomes one [UNK]")
check.equal(wordpiece_encode("cab", vocabulary), ["[UNK]"],
            hint="inside a word only pieces with ## count: a and ab cannot continue c")
check.equal(wordpiece_encode("abc", vocabulary), ["[UNK]"],
            hint="greedy takes ab, and then ##c is missing; it never goes back to a, ##bc")
check.equal(wordpiece_encode("xyz", vocabulary, unknown="<unk>"), ["<unk>"], hint="unknown is a parameter")
### BEGIN HIDDEN TESTS
check.equal(wordpiece_encode("\u00fcab", vocabulary, "?"), ["?"], hint="the first letter fits nothing: unknown")
### END HIDDEN TESTS

# %% check="wordpiece_encode: very long words are not tried" points=1
vocabulary = {"a": 0, "##a": 1, "[UNK]": 2}
check.equal(wordpiece_encode("aaaa", vocabulary, max_chars=3), ["[UNK]"],
            hint="4 characters are more than max_chars, 3")
check.equal(wordpiece_encode("aaaa", vocabulary, max_chars=4), ["a", "##a", "##a", "##a"], hint="4 is no more than 4")
### BEGIN HIDDEN TESTS
check.equal(wordpiece_encode(101 * "a", vocabulary), ["[UNK]"], hint="unless told otherwise, over 100 is too long")
check.equal(len(wordpiece_encode(100 * "a", vocabulary)), 100, hint="100 characters are still tried")
check.equal(wordpiece_encode("aaaa", vocabulary, "?", 2), ["?"], hint="too long: the token for unknown, as given")
### END HIDDEN TESTS

# %% [markdown]
# Around it BERT needs a cutter for words. The one for its *uncased* models lower-cases, strips accents, drops control
# characters and sets every Chinese character and every punctuation mark apart. All of that is lost for good: the
# original text cannot be recovered from the ids.

# %% tags=["export"]
CHINESE = regex.compile("([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b81f"
                        "\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f])")
WORD_OR_MARK = regex.compile(r"[!-/:-@\[-`{-~\p{P}]|[^\s!-/:-@\[-`{-~\p{P}]+")


def bert_words(text: str) -> list[str]:
    """Cut a text into words and punctuation marks as BERT's uncased models do: lower case, no accents.

    Control characters are dropped, Chinese characters stand alone.   Devlin et al. 2019, their code
    """
    dropped = ("Cc", "Cf", "Co")
    kept = "".join(c for c in text if c in "\t\n\r" or unicodedata.category(c) not in dropped and c != "\ufffd")
    plain = unicodedata.normalize("NFD", CHINESE.sub(r" \1 ", kept))
    return WORD_OR_MARK.findall("".join(c.lower() for c in plain if unicodedata.category(c) != "Mn"))


# %% demo="wordpiece" alt="Boxes: BERT's pieces of five words; common words are whole, rare ones in pieces."
from internals.vocabularies import load_wordpiece

wordpieces = load_wordpiece()
words = ["playing", "transformers", "tokenization", "unbelievable", "Schadenfreude"]
figure, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
draw_tokens(ax, {word: wordpiece_encode(word.lower(), wordpieces) for word in words},
            "BERT's pieces (## continues a word)")
plt.show()
print(bert_words("Crème brûlée, d'accord? 東京"))

# %% [markdown]
# ## 6 · Unigram: the most probable cut
#
# Greedy and merging both decide step by step and never look back. Kudo (2018, §3.2) asks instead for the best cut of
# the whole text. Give every piece a probability; a cut is as probable as the product of its pieces, so logarithms
# add:
#
# $$\log p(\text{cut}) = \sum_k \log p(\text{piece}_k)$$
#
# A text of n characters has $2^{n-1}$ cuts, but we need not try them. The best cut of the first `end` characters ends
# with some piece `text[start:end]`, and before it comes the best cut of the first `start` characters, whatever
# follows. This is Viterbi's idea (1967):
#
# $$\text{best}[0] = 0, \qquad \text{best}[e] = \max_{s < e} \; \text{best}[s] + \log p(\text{text}_{s:e})$$
#
# Remember for each end where its last piece starts, and walk back from the end of the text. A single character that
# is no piece must be possible too, or some texts would have no cut: as in SentencePiece, its log probability is 10
# below that of the least probable piece. (Training starts from very many pieces, estimates their probabilities by
# expectation–maximization, and drops those that matter least; here they are given.)
#
# **`unigram_encode(text, log_probs)`** ★★★★☆ · 15 minutes
#
# | | type | meaning |
# |---|---|---|
# | `text` | str of n ≥ 0 characters | as in the vocabulary, spaces already written as ▁ |
# | `log_probs` | dict, str → float | log probability of each piece, not empty |
# | result | list of str | the pieces of the best cut, in order; joined they are the text |
#
# At every end, of two cuts that are exactly as good, the one whose *last* piece starts earlier wins.
#
# <details><summary>Hint 1</summary>Make two lists with n + 1 entries: the best score of every beginning of the text,
# and where the last piece of that best cut starts.</details>
# <details><summary>Hint 2</summary>For each end, from 1 to n, try every start before it. What is the score of a piece
# that is not in the vocabulary, if it has one character? If it has more?</details>
# <details><summary>Hint 3</summary>Begin with all scores but the first at <code>-math.inf</code>, and replace only
# when strictly better. Walking back gives the pieces from last to first.</details>

# %% exercise="unigram_encode" minutes=15 level=4
def unigram_encode(text: str, log_probs: dict[str, float]) -> list[str]:
    """Find the most probable cut of a text into pieces, by Viterbi's algorithm.

    log_probs: of each piece. A single character that is no piece scores 10 below the lowest of them. Returns the
    pieces in order. Ties go to the earlier start of the last piece.   Kudo 2018, §3.2
    """
    ### BEGIN SOLUTION
    unknown = min(log_probs.values()) - 10
    best = [0.0] + [-math.inf] * len(text)  # (n + 1): of the first `end` characters
    starts = [0] * (len(text) + 1)  # where the last piece of that cut starts
    for end in range(1, len(text) + 1):
        for start in range(end):
            piece = text[start:end]
            score = best[start] + log_probs.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score > best[end]:
                best[end], starts[end] = score, start
    pieces, end = [], len(text)
    while end > 0:
        pieces.insert(0, text[starts[end] : end])
        end = starts[end]
    return pieces
    ### END SOLUTION


# %% check="unigram_encode: the sum of the log probabilities is the largest" points=2
log_probs = {"h": -5.0, "u": -5.0, "g": -5.0, "s": -4.0, "hu": -4.5, "ug": -3.0, "hug": -6.5, "gs": -4.0, "ugs": -8.0}
check.equal(unigram_encode("hug", log_probs), ["hug"], hint="hug scores -6.5, h + ug -8, hu + g -9.5: add logarithms")
check.equal(unigram_encode("hugs", log_probs), ["hu", "gs"],
            hint="hu + gs: -8.5, hug + s: -10.5, so compare whole cuts. gs, hu? Walking back gives the last one first")
check.equal(unigram_encode("ugh", log_probs), ["ug", "h"], hint="ug + h: -8. u + g + h: -15")
### BEGIN HIDDEN TESTS
log_probs2 = {"a": -1.0, "b": -1.5, "ab": -2.0, "ba": -1.0, "aba": -3.5, "bab": -9.0}
check.equal(unigram_encode("abab", log_probs2), ["a", "ba", "b"], hint="a + ba + b: -3.5. ab + ab: -4")
check.equal(unigram_encode("baab", log_probs2), ["ba", "ab"], hint="ba + ab: -3")
check.equal(unigram_encode("b", log_probs2), ["b"], hint="a text of one character")
### END HIDDEN TESTS

# %% check="unigram_encode: joined, the pieces are the text" points=1
log_probs = {"\u2581": -3.0, "\u2581the": -2.0, "t": -6.0, "he": -5.0, "\u2581t": -4.0, "n": -4.5, "\u2581then": -9.0}
check.equal(unigram_encode("\u2581the\u2581then", log_probs), ["\u2581the", "\u2581the", "n"],
            hint="walk back from the end of the text to its beginning, and put the pieces in order")
check.equal(unigram_encode("", log_probs), [], hint="an empty text has no pieces")
### BEGIN HIDDEN TESTS
check.equal(unigram_encode("\u2581the\u2581then\u2581t", log_probs), ["\u2581the", "\u2581the", "n", "\u2581t"],
            hint="four pieces, from first to last")
### END HIDDEN TESTS

# %% check="unigram_encode: a character that is no piece costs 10 more than the rarest" points=2
log_probs = {"a": -1.0, "ab": -15.5, "c": -2.0, "cb": -9.0}
check.equal(unigram_encode("xyz", log_probs), ["x", "y", "z"], hint="unknown characters one by one, never as one piece")
check.equal(unigram_encode("axa", log_probs), ["a", "x", "a"], hint="x is no piece: it scores -15.5 - 10, and only alone")
check.equal(unigram_encode("ab", log_probs), ["ab"], hint="ab: -15.5. a and an unknown b: -1 - 25.5")
check.equal(unigram_encode("abc", {"ab": -6.0, "c": -6.0, "bc": -1.0}), ["ab", "c"],
            hint="ab + c: -12. a is no piece: -6 - 10, with bc -17")
check.equal(unigram_encode("abcdef", {"ab": -6.0, "cd": -6.0, "ef": -6.0, "bcdef": -1.0}), ["a", "bcdef"],
            hint="an unknown a and bcdef: -16 - 1. ab + cd + ef: -18")
### BEGIN HIDDEN TESTS
log_probs2 = {"a": -1.0, "ab": -14.5, "c": -3.0}
check.equal(unigram_encode("ab", log_probs2), ["ab"], hint="ab: -14.5. a and an unknown b: -1 - 24.5")
log_probs3 = {"a": -1.0, "bb": -12.0, "abb": -30.0}
check.equal(unigram_encode("bba", log_probs3), ["bb", "a"], hint="bb is a piece, a single b is not")
check.equal(unigram_encode("abb", log_probs3), ["a", "bb"], hint="a + bb: -13")
log_probs4 = {"bc": -6.0, "de": -6.0, "fg": -4.5, "cdefg": -1.0}
check.equal(unigram_encode("bcdefg", log_probs4), ["bc", "de", "fg"], hint="-16.5; an unknown b (-16) and cdefg: -17")
log_probs5 = {"bc": -6.0, "de": -6.0, "fg": -5.5, "cdefg": -1.0}
check.equal(unigram_encode("bcdefg", log_probs5), ["b", "cdefg"], hint="-17; bc, de and fg: -17.5")
### END HIDDEN TESTS

# %% check="unigram_encode: of equal cuts, the last piece that starts earlier" points=1
log_probs = {"a": -1.0, "b": -1.0, "c": -1.0, "ab": -2.0, "bc": -2.0, "abc": -4.0}
check.equal(unigram_encode("abc", log_probs), ["a", "bc"],
            hint="a + bc, ab + c and a + b + c all score -3: starts in rising order, replace only when strictly better")
### BEGIN HIDDEN TESTS
check.equal(unigram_encode("ab", log_probs), ["ab"],
            hint="ab and a + b both score -2: the last piece that starts at 0 wins")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** it lists *all* cuts of one word under a small made-up vocabulary, with the share
# of the probability that each has. Kudo (2018) trains translation models on cuts *drawn* from this distribution,
# so that a model sees a word in several spellings. Why might that help?

# %% demo="cuts" alt="Bars: the eight most probable cuts of a word; two of them have nearly all of the probability."
log_probs = dict.fromkeys("unhapies", -7.0)
log_probs |= {"un": -3.0, "happi": -5.0, "ness": -3.2, "happiness": -7.6, "unhapp": -8.5, "iness": -5.5, "hap": -5.0,
              "pi": -4.8, "ess": -4.6, "unh": -6.5, "app": -4.2}


def all_cuts(text):
    if not text:
        yield []
    for end in range(1, len(text) + 1):
        if text[:end] in log_probs:
            for rest in all_cuts(text[end:]):
                yield [text[:end], *rest]


scored = sorted(((sum(map(log_probs.get, cut)), cut) for cut in all_cuts("unhappiness")), reverse=True)
shares = np.exp([score for score, _ in scored])
shares /= shares.sum()
print(f"{len(scored)} cuts; the best by Viterbi:", unigram_encode("unhappiness", log_probs))
figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
bars = ax.barh([" | ".join(cut) for _, cut in scored[:8]][::-1], shares[:8][::-1], color="0.45")
ax.bar_label(bars, fmt="%.3f", padding=3)
ax.set(title="The eight most probable of all cuts", xlabel="share of the probability", xlim=(0, 1))
ax.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# Nearly all of the probability lies on two cuts, and the better of them is what `unigram_encode` returns. A model that
# only ever reads that one learns nothing about *happi* and *ness* from it. One that now and then reads the other sees
# what the words *happiness*, *sadness* and *happily* have in common. Kudo (2018, abstract) reports gains from it, above
# all where there is little training data or the text is of another kind.
#
# ## 7 · SentencePiece's byte pairs
#
# Languages like Japanese do not write spaces, so cutting at spaces first favours those that do. SentencePiece (Kudo
# and Richardson 2018, §3.1) treats the space as a character like any other, written `▁` (U+2581, no underscore), and
# Llama 2's and Mistral's models put one more before the text. Nothing is cut before merging, and decoding is simple:
# join, turn every ▁ into a space, and drop the first.
#
# Its byte pairs start from Unicode *characters*. The vocabulary holds a score for each piece, larger = merged earlier.
# As in section 4, glue the best pair of neighbours, again and again, until no two neighbours make a piece. What is no
# piece in the end, an emoji for example, falls back to its UTF-8 bytes, pieces written `<0xF0>`.
#
# $$i^* = \arg\max_i \; \text{score}(s_i + s_{i+1}) \qquad \text{score} = -\infty \text{ for what is no piece}$$
#
# **`sentencepiece_bpe_encode(text, scores)`** ★★★☆☆ · 15 minutes
#
# | | type | meaning |
# |---|---|---|
# | `text` | str | plain text with ordinary spaces |
# | `scores` | dict, str → float | score of each piece; the byte pieces are not among them |
# | result | list of str | pieces of `scores`, and `<0x00>` to `<0xFF>` for what is none |
#
# An empty text has no pieces. Of two pairs with the same score the left one is merged first.
#
# <details><summary>Hint 1</summary>It is <code>encode_bytes</code> again, with characters for bytes, the largest score
# for the lowest rank, and the whole text as one chunk.</details>
# <details><summary>Hint 2</summary>First the space before the text, then ▁ for all spaces, then
# <code>list(…)</code>. <code>max</code> with a key returns the first of equals.</details>
# <details><summary>Hint 3</summary>After merging, look at each symbol: is it in <code>scores</code>? If not, it is
# one character; <code>f"&lt;0x{b:02X}&gt;"</code> writes one byte <code>b</code> as two hexadecimal digits.</details>

# %% exercise="sentencepiece_bpe_encode" minutes=15 level=3
def sentencepiece_bpe_encode(text: str, scores: dict[str, float]) -> list[str]:
    """Byte pairs as SentencePiece does them: on characters, spaces as ▁, bytes for what is no piece.

    scores: of each piece, larger = merged earlier. Returns pieces; a character that is none becomes its UTF-8 bytes,
    written <0x00> to <0xFF>.   Kudo and Richardson 2018, §3
    """
    ### BEGIN SOLUTION
    symbols = list("▁" + text.replace(" ", "▁")) if text else []
    while len(symbols) > 1:
        i = max(range(len(symbols) - 1), key=lambda i: scores.get(symbols[i] + symbols[i + 1], -math.inf))
        glued = symbols[i] + symbols[i + 1]
        if glued not in scores:
            break
        symbols[i : i + 2] = [glued]
    pieces = []
    for symbol in symbols:
        pieces += [symbol] if symbol in scores else [f"<0x{b:02X}>" for b in symbol.encode()]
    return pieces
    ### END SOLUTION


# %% check="sentencepiece_bpe_encode: the largest score is merged first" points=2
scores = {"\u2581": -9.0, "a": -10.0, "b": -11.0, "c": -12.0, "bc": -1.0, "ab": -2.0, "\u2581a": -3.0,
          "\u2581abc": -4.0, "abc": -5.0}
check.equal(sentencepiece_bpe_encode("abc", scores), ["\u2581abc"],
            hint="bc (-1) before ab (-2) and \u2581a (-3): the largest first. Then \u2581a, then both")
check.equal(sentencepiece_bpe_encode("ab", scores), ["\u2581", "ab"],
            hint="ab (-2) before \u2581a (-3); \u2581ab is no piece")
check.equal(sentencepiece_bpe_encode("aab", scores), ["\u2581a", "ab"], hint="ab, then \u2581a: one merge at a time")
check.equal(sentencepiece_bpe_encode("aaa", {"\u2581": -9.0, "a": -10.0, "aa": -1.0}), ["\u2581", "aa", "a"],
            hint="aa stands in two places: the left one first")
### BEGIN HIDDEN TESTS
scores2 = {"\u2581": -7.0, "x": -8.0, "y": -9.0, "xx": -1.0, "\u2581x": -2.0, "xy": -3.0, "xxx": -4.0}
check.equal(sentencepiece_bpe_encode("xxxy", scores2), ["\u2581", "xx", "xy"],
            hint="xx stands in two places: the left one first")
check.equal(sentencepiece_bpe_encode("xxx", scores2), ["\u2581", "xxx"], hint="xx, then xx and x")
check.equal(sentencepiece_bpe_encode("yx", scores2), ["\u2581", "y", "x"], hint="no pair is a piece: single characters")
### END HIDDEN TESTS

# %% check="sentencepiece_bpe_encode: a space is a character, and one stands before the text" points=1
scores = {"\u2581": -9.0, "a": -10.0, "\u2581a": -1.0, "\u2581\u2581": -2.0, "a\u2581": -3.0}
check.equal(sentencepiece_bpe_encode("a a", scores), ["\u2581a", "\u2581a"],
            hint="\u2581a twice: the first stands before the text")
check.equal(sentencepiece_bpe_encode("a  ", scores), ["\u2581a", "\u2581\u2581"],
            hint="spaces at the end count too: nothing is stripped")
check.equal(sentencepiece_bpe_encode(" a", scores), ["\u2581", "\u2581a"],
            hint="one space before the text, whatever it begins with")
check.equal(sentencepiece_bpe_encode("", scores), [], hint="an empty text has no pieces, not even a space")
### BEGIN HIDDEN TESTS
check.equal(sentencepiece_bpe_encode(" ", scores), ["\u2581\u2581"], hint="a space, and one before it")
check.equal(sentencepiece_bpe_encode("aa a", scores), ["\u2581a", "a", "\u2581a"],
            hint="a, and then a space that goes with a")
### END HIDDEN TESTS

# %% check="sentencepiece_bpe_encode: what is no piece falls back to bytes" points=2
scores = {"\u2581": -9.0, "a": -10.0, "\u00e9": -11.0, "a\u00e9": -1.0}
check.equal(sentencepiece_bpe_encode("a\u00e9\u00fc", scores), ["\u2581", "a\u00e9", "<0xC3>", "<0xBC>"],
            hint="ü is no piece: its two bytes in UTF-8, C3 and BC. é is one, and stays")
check.equal(sentencepiece_bpe_encode("a\u00fc", {"\u2581": -9.0, "a": -10.0, "a\u00fc": -1.0}), ["\u2581", "a\u00fc"],
            hint="aü is a piece, though ü alone is none: bytes come after the merging")
check.equal(sentencepiece_bpe_encode("\n", scores), ["\u2581", "<0x0A>"],
            hint="a new line is one byte: two hexadecimal digits, 0A")
### BEGIN HIDDEN TESTS
check.equal(sentencepiece_bpe_encode("\U0001f642a", scores), ["\u2581", "<0xF0>", "<0x9F>", "<0x99>", "<0x82>", "a"],
            hint="an emoji is four bytes")
scores2 = {"b": -1.0, "bb": -2.0}
check.equal(sentencepiece_bpe_encode("bb ", scores2),
            ["<0xE2>", "<0x96>", "<0x81>", "bb", "<0xE2>", "<0x96>", "<0x81>"],
            hint="even \u2581 is three bytes where it is no piece")
### END HIDDEN TESTS

# %% [markdown]
# ### Three tokenizers, side by side
#
# Numbers, spaces, capitals and emoji, through the real vocabularies of GPT-2, BERT and Mistral 7B.
#
# **Before you run the next cell:** which of them can tell four spaces from one? Which cuts 1234567 into digits?

# %% demo="details" alt="Boxes: numbers, spaces and capitals as GPT-2, BERT and Mistral cut them."
from internals.vocabularies import load_gpt2, load_sentencepiece

gpt2 = BPETokenizer(load_gpt2(), {"<|endoftext|>": 50256})
mistral = {piece.text: piece.score for piece in load_sentencepiece() if piece.kind == "normal"}


def gpt2_tokens(text):
    return [gpt2.decode_bytes([i]).decode(errors="backslashreplace") for i in gpt2.encode(text)]


def bert_tokens(text):
    return [piece for word in bert_words(text) for piece in wordpiece_encode(word, wordpieces)]


def mistral_tokens(text):
    return sentencepiece_bpe_encode(text, mistral)


cutters = {"GPT-2": gpt2_tokens, "BERT": bert_tokens, "Mistral": mistral_tokens}
figure, axes = plt.subplots(3, 1, figsize=(10, 7), layout="constrained")
for ax, text in zip(axes, ("1234567 + 99 = 1234666", "    return Naïve", "HELLO Hello hello"), strict=True):
    draw_tokens(ax, {name: cut(text) for name, cut in cutters.items()}, repr(text))
plt.show()
emoji = {"smile": "\U0001f642", "thumb up, dark": "\U0001f44d\U0001f3ff", "flag of Kenya": "\U0001f1f0\U0001f1ea",
         "family of four": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"}
print(f"{'one emoji':16} code points " + " ".join(f"{name:>8}" for name in cutters) + "   (tokens)")
for name, text in emoji.items():
    print(f"{name:16} {len(text):11} " + " ".join(f"{len(cut(text)):8}" for cut in cutters.values()))

# %% [markdown]
# GPT-2 cuts a number wherever its training text happened to repeat digits, so the columns of a sum do not line up;
# Mistral writes every digit by itself. BERT forgets spaces and capitals, and puts `[UNK]` in the place of what it does
# not have. And one emoji on the screen can be a dozen tokens or more: several code points of up to four bytes each.
#
# ### Tokens per word, across languages
#
# The texts are mostly articles of the Universal Declaration of Human Rights. A word here is what stands between
# spaces; Chinese, Japanese and Thai write none, so they are left out on the left and counted by character on the
# right.
#
# **Before you run the next cell:** GPT-2 was trained on pages linked from Reddit, and those not in English were left
# out on purpose (Radford et al. 2019, §2.1 and §3.7). In which language of the list will it need the most tokens per
# word?

# %% demo="languages" alt="Bars: tokens per word and per character in sixteen languages for three vocabularies."
names = {"en_Latn": "English", "es_Latn": "Spanish", "de_Latn": "German", "fi_Latn": "Finnish", "tr_Latn": "Turkish",
         "vi_Latn": "Vietnamese", "sw_Latn": "Swahili", "ru_Cyrl": "Russian", "el_Grek": "Greek", "ar_Arab": "Arabic",
         "hi_Deva": "Hindi", "ta_Taml": "Tamil", "ko_Kore": "Korean", "zh_Hans": "Chinese", "ja_Jpan": "Japanese",
         "th_Thai": "Thai"}
names = {tag: name for tag, name in names.items() if tag in samples}
spaceless = ("zh_Hans", "ja_Jpan", "th_Thai")
lines = {tag: [line[:400] for line in samples[tag].splitlines()[:6]] for tag in names}
totals = {name: {tag: sum(len(cut(line)) for line in lines[tag]) for tag in names} for name, cut in cutters.items()}
figure, axes = plt.subplots(1, 2, figsize=(11, 6), layout="constrained", width_ratios=(3, 2))
spaced = [tag for tag in names if tag not in spaceless]
for ax, tags, unit in ((axes[0], spaced, "word"), (axes[1], list(names), "character")):
    for k, (name, hatch, color) in enumerate(zip(cutters, ("", "////", ""), ("0.15", "1.0", "0.65"), strict=True)):
        size = {tag: sum(len(line.split() if unit == "word" else line) for line in lines[tag]) for tag in tags}
        rates = [totals[name][tag] / size[tag] for tag in tags]
        ax.barh(np.arange(len(tags)) + 0.27 * (k - 1), rates, height=0.25, color=color, hatch=hatch, edgecolor="black",
                label=name)
        if unit == "word":
            print(f"{name:8}: " + ", ".join(f"{names[t]} {rate:.1f}" for t, rate in zip(tags, rates, strict=True)))
    ax.set_yticks(range(len(tags)), [names[tag] for tag in tags])
    ax.invert_yaxis()
    ax.set(title=f"Tokens per {unit}", xlabel=f"tokens per {unit}")
    ax.grid(axis="y", visible=False)
axes[1].axvline(1, color="black", linewidth=1)
axes[0].legend()
plt.show()

# %% [markdown]
# Two things mix here: some languages pack more into one word, and some scripts were rare in training. The right side
# tells them apart: with more than 1 token per character a vocabulary knows little of the script and spells much of it
# in bytes (BERT, which has no bytes, spells Korean in *jamo*, the parts of a syllable: its normalization takes them
# apart). BERT's low bars in some scripts are no success: a word that it cannot spell is *one* `[UNK]`, short and empty.
# Petrov et al. (2023) measured up to 15 times as many tokens for the same content. Users pay per token, and the
# context holds so much less.

# %% [markdown]
# ## Recap
#
# - Characters make sequences long, words make vocabularies endless; subwords lie between.
# - Byte pairs are *learnt* by frequency and *used* by rank. Updating counts, instead of counting again, is what makes
#   training feasible. On bytes, nothing is unknown and nothing is lost.
# - WordPiece takes the longest piece from the left, and loses a word as a whole. Unigram finds the best cut of all, by
#   Viterbi. SentencePiece is a library for byte pairs or unigram, on characters, with ▁ for spaces.
# - A token is not a character, nor a word, nor half of either. Decode only what is whole.
# - A vocabulary favours the texts that it was trained on.
#
# Next: *language_models*, which predict the next of these tokens.

# %% [markdown]
# ## A question in words
#
# A company takes GPT-2's byte-level tokenizer for a model that shall serve Tamil and English alike. "Nothing is ever
# unknown, so the tokenizer is fair", says the lead engineer. A user reports that the model cannot say how many
# letters *r* there are in *strawberry*.
#
# In six to ten sentences: (a) in what sense is the engineer right, and what does it nevertheless cost the users who
# write Tamil? (b) What does the tokenizer have to do with the letters of *strawberry*? (c) The company thinks of
# training a new vocabulary on equal parts of Tamil and English and of putting it under the finished model. What would
# have to change in the model, and what would improve?

# %% [markdown] essay="nothing-unknown" points=3
# **(a)** Every text is a sequence of bytes, all 256 bytes are tokens, and decoding returns exactly what was encoded.
# But merges were learnt from English: a Tamil letter is three bytes, and few merges exist for them, so a Tamil text
# becomes several times as many tokens as its English translation. Users pay more per sentence, wait longer, and fit
# less into the context; the model also has to put letters together from bytes before it can think about words. *(1
# point: lossless and complete, but many more tokens for the same content, with a consequence named.)*
#
# **(b)** The model never sees letters. It reads ids, one or a few for the whole word, and an id does not show how the
# token is spelt. It can only know the letters of a token as a fact learnt from elsewhere in the training text. With
# the word written letter by letter the task would be easy. *(1 point: input is token ids, spelling is not in them.)*
#
# **(c)** Ids are rows of the embedding table and columns of the output layer. With a new vocabulary the rows mean
# nothing any more, so both have to be made anew (averaged from the old tokens' embeddings, say) and the model has to be
# trained further, in both languages. Then Tamil texts would be shorter, hence cheaper and longer in the same context;
# English ones a little longer, since they share the table. It does not by itself make the model good at Tamil. *(1
# point: embeddings and output layer must be relearnt; shorter Tamil sequences, at some cost to English.)*

# %% [markdown]
# ## Sources
#
# - Gage 1994. *A New Algorithm for Data Compression.* The C Users Journal 12(2).
# - Schuster, Nakajima 2012. *Japanese and Korean Voice Search.* ICASSP 2012.
# - Sennrich, Haddow, Birch 2016. *Neural Machine Translation of Rare Words with Subword Units.* ACL 2016, arXiv
#   1508.07909. §3.2 byte pairs, Algorithm 1.
# - Wu et al. 2016. *Google's Neural Machine Translation System.* arXiv 1609.08144. §4.1 WordPiece.
# - Kudo 2018. *Subword Regularization: Improving Neural Network Translation Models with Multiple Subword Candidates.*
#   ACL 2018, arXiv 1804.10959. §3.2 unigram.
# - Kudo, Richardson 2018. *SentencePiece: A simple and language independent subword tokenizer and detokenizer for
#   Neural Text Processing.* EMNLP 2018 (demonstrations), arXiv 1808.06226. §3.1 spaces.
# - Devlin, Chang, Lee, Toutanova 2019. *BERT: Pre-training of Deep Bidirectional Transformers for Language
#   Understanding.* NAACL 2019, arXiv 1810.04805.
# - Radford, Wu, Child, Luan, Amodei, Sutskever 2019. *Language Models are Unsupervised Multitask Learners.* OpenAI.
#   §2.2 byte-level byte pairs.
# - Song, Salcianu, Song, Dopson, Zhou 2021. *Fast WordPiece Tokenization.* EMNLP 2021, arXiv 2012.15524.
# - Petrov, La Malfa, Torr, Bibi 2023. *Language Model Tokenizers Introduce Unfairness Between Languages.* NeurIPS
#   2023, arXiv 2305.15425.
# - Viterbi 1967. *Error Bounds for Convolutional Codes and an Asymptotically Optimum Decoding Algorithm.* IEEE
#   Transactions on Information Theory 13(2).
