# %% [markdown]
# # Data for pretraining
#
# ## What you will build
#
# The way from a heap of texts to the rows of tokens that a model is trained on. `quality_filter` throws out what is not
# prose; `shingles`, `minhash_signature` and `candidate_pairs` find texts that are nearly the same without comparing all
# with all, and `deduplicate` keeps one of each kind; `contamination` finds test questions that have slipped into the
# training text; `pack_sequences` and `document_mask` fill rows of a fixed length with documents of any length, and keep
# them from reading each other. You try all of it on Shakespeare's plays and on the files of the Python that runs this
# notebook, where you find duplicates nobody planted, and you measure what duplicates do to a model. About an hour and a
# half.
#
# ## When it was invented, and why it matters
#
# In 1997 the search engine AltaVista knew 30 million pages, and a good part of them were copies of each other. Broder
# (1997) found a way to see it from a few hundred bytes a page, and with others sorted all of them into groups (Broder
# et al. 1997). The idea went into every search engine, and came back when language models began to be trained on the
# web. For GPT-3 the documents were deduplicated with the same method (Brown et al. 2020, Appendix A), and test
# questions were searched for in them (Appendix C). Rae et al. (2021, Appendix A) wrote down simple rules by which a
# page is thrown out; they are still in use. Lee et al. (2022) looked into four data sets that everybody used. In one
# of them a single sentence of 61 words stood more than 60,000 times. Models trained on deduplicated text recited their
# training text ten times less often.
#
# A model learns what its data say, as often as they say it.
#
# ## Prerequisites
#
# What a language model is, its loss in nats, and how text becomes tokens (*language_models*, *tokenization*). The last
# two sections speak of attention masks (*scaled_dot_product*).
#
# Letters: `n` words in a shingle, `k` hash functions, `b` bands of `r` values each, `N` documents; `B` rows of `T`
# tokens in a packed batch.

# %%
import ast
import re
import sysconfig
import time
import tracemalloc
import zlib
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check

sns.set_theme(style="whitegrid", context="notebook")
torch.set_num_threads(1)  # the models here are small: one thread is about as fast, and far steadier

# %% [markdown]
# ## 1 · A massive corpus
#
# The notes on how a model was trained like to say "a massive corpus". How much is that? Here are some published
# numbers. GPT-3 was trained on 300 billion tokens (Brown et al. 2020, §2.2), the largest Llama 3 on 15.6 trillion
# (Llama Team 2024, §3). FineWeb, which anybody may download, has 15 trillion (Penedo et al. 2024), taken from 96
# crawls of the web, and each of those was 200 to 400 TiB of pages before anything was thrown away. The Pile (Gao et
# al. 2020), put together from 22 sources, has 825 GiB, which at four bytes a token would be some 220 billion tokens.
#
# A grown-up reads 238 words of English a minute (Brysbaert 2019, a summary of 190 studies). With the rule of thumb that
# a token is three quarters of a word, one can compute how long one would have to read.
#
# **Before you run the next cell:** one person reads day and night. How long for the plays of Shakespeare? For GPT-3's
# tokens? For Llama 3's?

# %% demo="massive" alt="Bars: Shakespeare 1.8 million tokens, GPT-3 300 billion, Llama 3 15.6 trillion."
from autograder.parts.tokenization import BPETokenizer
from internals.vocabularies import load_gpt2, load_text

plays = load_text()
gpt2 = BPETokenizer(load_gpt2(), {"<|endoftext|>": 50256})
sample_of_plays = plays[: len(plays) // 25]
sample_tokens = len(gpt2.encode(sample_of_plays))
bytes_per_token = len(sample_of_plays.encode()) / sample_tokens
print(f"the plays: {bytes_per_token:.2f} bytes and {len(sample_of_plays.split()) / sample_tokens:.2f} words per token")
CORPORA = {"Shakespeare's plays": len(plays.encode()) / bytes_per_token, "GPT-3 (2020)": 300e9, "FineWeb (2024)": 15e12,
           "Llama 3 (2024)": 15.6e12}
figure, ax = plt.subplots(figsize=(9, 2.9), layout="constrained")
ax.barh(list(CORPORA), list(CORPORA.values()), color="0.6")
for name, tokens in CORPORA.items():
    years = tokens * 0.75 / 238 / (60 * 24 * 365)
    ax.text(tokens * 1.3, name, f"{years * 365:.1f} days" if years < 1 else f"{years:,.0f} years", va="center")
ax.set(title="Tokens, and the time to read them day and night", xscale="log", xlim=(1e5, 1e16), xlabel="tokens")
ax.invert_yaxis()
ax.grid(visible=False, axis="y")
plt.show()

# %% [markdown]
# Four days for all of Shakespeare, and ninety thousand years for Llama 3. (The three quarters are a rule for plain
# modern English. The plays, with their verse, names and Markdown, have half a word to a token.)
#
# Nobody has read what the models read, and nobody can. Whatever is wrong with it must be found by programs.
#
# Our own heap is small, and mixed as the web is. The next cell collects four kinds of documents: *scenes*, a third of
# all scenes of the plays; *docstrings*, every documentation string in the source files of Python's standard library,
# which were parsed and not imported; *code*, the source files themselves; and *tables*, the files that list the
# characters of some hundred encodings, line by line.

# %% demo="heap" alt="Lines: for each of four kinds, how many documents and words it has, and how one begins."
def docstrings_of(path):
    """Every docstring in a source file, which is parsed and not run."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return []
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, holders))
    return [docstring for docstring in found if docstring]


library = Path(sysconfig.get_paths()["stdlib"])
PACKAGES = ("asyncio", "collections", "concurrent", "email", "http", "importlib", "logging", "multiprocessing",
            "unittest", "urllib", "xml")
modules = sorted(library.glob("*.py"))
sources = modules + sorted(path for package in PACKAGES for path in (library / package).rglob("*.py"))
HEAP = {"scenes": re.split(r"^### ", plays, flags=re.MULTILINE)[1::3],
        "docstrings": [docstring for path in sources for docstring in docstrings_of(path)],
        "code": [path.read_text(encoding="utf-8", errors="replace") for path in modules],
        "tables": [path.read_text(encoding="utf-8", errors="replace")
                   for path in sorted((library / "encodings").glob("*.py"))]}
for kind, texts in HEAP.items():
    print(f"{kind:10} {len(texts):6,} documents, {sum(len(text.split()) for text in texts):8,} words; one of them: "
          f"{' '.join(texts[len(texts) // 2].split())[:50]}…")

# %% [markdown]
# ## 2 · Rules for a page
#
# Most of the web is not prose: menus, lists of links, tables, fragments of code, pages that say "page not found". Rae
# et al. (2021, Appendix A), who trained Gopher, threw out every page that breaks one of a few rules. The rules need no
# model and no labels, and each can be explained in a sentence. They do not say in every detail how to count; the table
# does.

# %% tags=["export"]
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}  # Rae et al. 2021, Appendix A


# %% [markdown]
# A *word* is what stands between white space (`text.split()`). A *line* is a line of the text without white space at
# its ends; lines that are then empty do not count.
#
# | rule | a text breaks it if |
# |---|---|
# | `"words"` | it has fewer than 50 words or more than 100,000 |
# | `"word length"` | the mean length of its words is below 3 characters or above 10 |
# | `"symbols"` | there are more than 0.1 hash signs `#` for each word, or more than 0.1 ellipses (`...` and `…`, as `text.count` finds them, together) |
# | `"bullets"` | more than 90% of its lines begin with a bullet: `•`, `-` or `*` |
# | `"ellipses"` | more than 30% of its lines end with an ellipsis, `...` or `…` |
# | `"letters"` | fewer than 80% of its words have a letter in them (`str.isalpha`) |
# | `"stop words"` | fewer than two *different* ones of its words, in lower case, are among `STOP_WORDS` |
#
# A text without words breaks `"words"` and `"stop words"` and no other rule: there is nothing to take a mean or a share
# of.
#
# **`quality_filter(text)`** returns the names of the rules that a text breaks, in the order of the table; an empty list
# means that it is kept. ★★☆☆☆ · 10 minutes
#
# | | type | meaning |
# |---|---|---|
# | `text` | str | any text, the empty one included |
# | result | list of str | names from the table |
#
# <details><summary>Hint 1</summary>Compute words, lines and a few counts first. Then each rule is one comparison. A
# dict from the name of a rule to a bool keeps its order.</details>
# <details><summary>Hint 2</summary><code>text.splitlines()</code>, then <code>strip</code>.
# <code>line.startswith(("•", "-", "*"))</code> takes a tuple. A word has a letter if
# <code>any(c.isalpha() for c in word)</code>.</details>
# <details><summary>Hint 3</summary>Only the mean length needs a division, and so a look at whether there are words.
# Every other share can be compared without one: more than 90% of the lines is <code>bullets > 0.9 * len(lines)</code>.
# Two different stop words: the size of an intersection of sets.</details>

# %% exercise="quality_filter" minutes=10 level=2
def quality_filter(text: str) -> list[str]:
    """The names of Gopher's rules that a text breaks, in this order; none if it is to be kept.

    "words", "word length", "symbols", "bullets", "ellipses", "letters", "stop words".   Rae et al. 2021, Appendix A
    """
    ### BEGIN SOLUTION
    words, lines = text.split(), [line.strip() for line in text.splitlines() if line.strip()]
    count = len(words)
    ellipses = text.count("...") + text.count("…")
    broken = {
        "words": not 50 <= count <= 100_000,
        "word length": count > 0 and not 3 <= sum(map(len, words)) / count <= 10,
        "symbols": max(text.count("#"), ellipses) > 0.1 * count,
        "bullets": sum(line.startswith(("•", "-", "*")) for line in lines) > 0.9 * len(lines),
        "ellipses": sum(line.endswith(("...", "…")) for line in lines) > 0.3 * len(lines),
        "letters": sum(any(c.isalpha() for c in word) for word in words) < 0.8 * count,
        "stop words": len(STOP_WORDS & {word.lower() for word in words}) < 2,
    }
    return [rule for rule, is_broken in broken.items() if is_broken]
    ### END SOLUTION


# %% check="quality_filter: neither too short nor too long" points=2
good = "the horse and a hound "
check.equal(quality_filter(good * 9 + "the horse and a"), ["words"],
            hint="49 words: a text of fewer than 50 words is too short")
check.equal(quality_filter(good * 10), [], hint="50 words of plain prose are enough, and break no rule")
check.equal(quality_filter(good * 20_000), [], hint="100,000 words are not too many yet")
check.equal(quality_filter(good * 20_000 + "more"), ["words"], hint="100,001 words are too many")
check.equal(quality_filter("the cat and a dog " * 20), ["word length"],
            hint="the mean length of these words is 2.6: below 3")
check.equal(quality_filter("a"), ["words", "word length", "stop words"],
            hint="every rule is looked at, also after one is broken: a single word has a mean length too, 1")
check.equal(quality_filter("the cat and dog " * 20), [], hint="a mean length of exactly 3 is allowed")
check.equal(quality_filter("abcdefghijklmnopqr the abcdefghijklmnopqr and " * 20), ["word length"],
            hint="the mean length of these words is 10.5: above 10")
check.equal(quality_filter("abcdefghijklmnopq the abcdefghijklmnopq and " * 20), [],
            hint="a mean length of exactly 10 is allowed; white space is no part of a word")
check.equal(quality_filter("abcdefghijklmnopq\nthe\nabcdefghijklmnopq\nand\n" * 20), [],
            hint="a mean length of exactly 10 again: ends of lines are no part of a word either")
check.equal(quality_filter(""), ["words", "stop words"],
            hint="the empty text: two rules broken, no division by zero; and 0 is not more than 0.1 times 0")
### BEGIN HIDDEN TESTS
check.equal(quality_filter(" \n\t\n "), ["words", "stop words"], hint="white space alone is a text without words")
check.equal(quality_filter("the\thorse\nand a hound  \n" * 10), [], hint="words are what stands between white space")
check.equal(quality_filter("the horse and a hound"), ["words"], hint="five words are too few, and good prose otherwise")
### END HIDDEN TESTS

# %% check="quality_filter: symbols, bullets and ellipses" points=2
check.equal(quality_filter("the horse and a hound " * 9 + "# " * 5), [],
            hint="5 hash signs and 50 words: exactly 0.1 for each word, which is allowed")
check.equal(quality_filter("the horse and a hound " * 12 + "# " * 7), ["symbols"],
            hint="7 hash signs and 67 words: more than 0.1 for each word")
check.equal(quality_filter("the horse#1 and a hound " * 10), ["symbols"],
            hint="hash signs inside of words count too: text.count")
check.equal(quality_filter("the ##horse and a hound " * 4 + "the horse and a hound " * 6), ["symbols"],
            hint="8 hash signs in 4 words: the signs are counted, not the words that have one")
check.equal(quality_filter("the horse... and a hound " * 10), ["symbols"],
            hint="10 ellipses and 50 words. (The one line does not end with an ellipsis.)")
check.equal(quality_filter("the horse...or and a hound " * 10), ["symbols"],
            hint="ellipses inside of words count too: text.count")
check.equal(quality_filter("the horse… and a hound... " * 4 + "the horse and a hound " * 6), ["symbols"],
            hint="4 times … and 4 times ... are 8 ellipses together")
check.equal(quality_filter("the horse#1 and a hound... " * 4 + "the horse and a hound " * 6), [],
            hint="4 hash signs and 4 ellipses, 50 words: each alone is below 0.1; the two are not added up")
check.equal(quality_filter("- the horse and a hound are here\n" * 10), ["bullets"],
            hint="every line begins with a bullet")
check.equal(quality_filter("  * the horse and a hound are here\n  \n" * 10), ["bullets"],
            hint="white space before a bullet, and empty lines, do not matter")
check.equal(quality_filter("-the horse and the hound are here\n" * 10), ["bullets"],
            hint="a bullet needs no space after it")
check.equal(quality_filter("• the horse and a hound are here\n" * 9 + "the horse and a hound"), [],
            hint="9 lines of 10 begin with a bullet: 90%, which is allowed")
check.equal(quality_filter("the horse and a hound and the cat and a dog...\n" * 4 + "the horse and a hound here\n" * 9),
            ["ellipses"], hint="4 lines of 13 end with an ellipsis: more than 30%")
check.equal(quality_filter("the horse and a hound and the cat and a dog…  \n" * 3 + "the horse and a hound here\n" * 7),
            [], hint="3 lines of 10 end with an ellipsis: 30%, which is allowed")
check.equal(quality_filter("the horse and a hound and the cat and a dog…  \n\n" * 5), ["ellipses"],
            hint="white space after an ellipsis, and empty lines, do not matter; … is an ellipsis")
check.equal(quality_filter("the horse and a hound and the cat and a dog.\n" * 5), [],
            hint="a full stop at the end of a line is no ellipsis")
### BEGIN HIDDEN TESTS
check.equal(quality_filter("• the horse and a hound are here\n" * 19 + "the horse and a hound"), ["bullets"],
            hint="19 lines of 20 begin with a bullet: 95%")
check.equal(quality_filter("the horse… and a hound " * 10), ["symbols"], hint="… is an ellipsis too")
check.equal(quality_filter("the horse and a hound - are here\n" * 10), [],
            hint="a bullet is one only at the beginning of a line")
### END HIDDEN TESTS

# %% check="quality_filter: letters and stop words" points=1
check.equal(quality_filter("the horse and a hound " * 8 + "12 " * 10), [],
            hint="40 of 50 words have a letter: 80%, which is allowed")
check.equal(quality_filter("the horse and a hound " * 8 + "123 " * 11), ["letters"],
            hint="40 of 51 words have a letter: fewer than 80%")
check.equal(quality_filter("the horse2 and д2 дом2 " * 10), [],
            hint="one letter in a word is enough, and it may be of any alphabet: isalpha, for each character")
check.equal(quality_filter("horse hound river bridge " * 20), ["stop words"], hint="no stop word at all")
check.equal(quality_filter("the horse, hound river bridge " * 20), ["stop words"],
            hint="twenty times the same stop word: two different ones are asked for")
check.equal(quality_filter("The horse hound river bridge And " * 20), [],
            hint="The and And are stop words too: lower()")
check.equal(quality_filter("other theme android range being " * 20), ["stop words"],
            hint="a stop word is a whole word: the in other does not count")
check.equal(quality_filter("the horse hound river bridge and, " * 20), ["stop words"],
            hint="a word is what stands between white space: and with its comma is not the stop word and")
### BEGIN HIDDEN TESTS
check.equal(quality_filter("that horse hound river bridge with " * 20), [], hint="that and with are stop words")
check.equal(quality_filter("be have horse hound river bridge " * 20), [], hint="be and have are stop words")
check.equal(quality_filter("of to horse hound river bridge " * 20), [], hint="of and to are stop words")
### END HIDDEN TESTS

# %% check="quality_filter: every broken rule, in the order of the table" points=1
check.equal(quality_filter("# 1 2...\n" * 3), ["words", "word length", "symbols", "ellipses", "letters", "stop words"],
            hint="all rules that are broken, in the order of the table: do not stop at the first")
check.equal(quality_filter("- 1\n" * 60), ["word length", "bullets", "letters", "stop words"],
            hint="all rules that are broken, in the order of the table")
### BEGIN HIDDEN TESTS
check.equal(quality_filter("* #...\n" * 10),
            ["words", "word length", "symbols", "bullets", "ellipses", "letters", "stop words"],
            hint="this text breaks all seven")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** scenes, docstrings, code, tables. Of which kind is most thrown out, and by which
# rule? Which kind should be thrown out, and is not?

# %% demo="rules-by-kind" alt="Too short hits 82% of docstrings; symbols and letters most tables; code hardly anything."
RULES = ["words", "word length", "symbols", "bullets", "ellipses", "letters", "stop words"]
verdicts = {kind: [quality_filter(text) for text in texts] for kind, texts in HEAP.items()}
shares = np.array([[100 * np.mean([rule in broken for broken in found]) for rule in RULES]
                   for found in verdicts.values()])
figure, ax = plt.subplots(figsize=(9, 3), layout="constrained")
sns.heatmap(shares, annot=True, fmt=".0f", cmap="Greys", vmin=0, vmax=100, xticklabels=RULES,
            yticklabels=list(HEAP), linewidths=1, linecolor="lightgrey", ax=ax,
            cbar_kws={"label": "share of documents [%]"})
ax.set(title="Which rule is broken by which kind of document", xlabel="rule", ylabel="")
ax.tick_params(axis="both", labelrotation=0)
plt.show()
KEPT = {kind: [text for text, broken in zip(texts, verdicts[kind], strict=True) if not broken]
        for kind, texts in HEAP.items()}
for kind, texts in HEAP.items():
    words, words_kept = (sum(len(text.split()) for text in some) for some in (texts, KEPT[kind]))
    print(f"{kind:10} kept: {len(KEPT[kind]) / len(texts):4.0%} of the documents, "
          f"{words_kept / words:4.0%} of the words")

# %% [markdown]
# Four docstrings of five are too short; what is left of them holds more than half of their words. Of the tables 94%
# are thrown out, for hash signs, for words without letters, for the lack of a *the*. Seven comparisons do that.
# (Counted with Python 3.11; other versions differ by a few documents.)
#
# And the code stays, five files of six. A rule that knows stop words and word lengths cannot tell a commented program
# from an essay. Whether that is good depends on what the model is for. Every rule is a decision about what the model
# will be like, and thresholds that were set by looking at English web pages say little about other texts: the
# scenes that are lost are the short ones. Today a model that was trained to grade pages often judges after the
# rules have done so (Penedo et al. 2024, on FineWeb-Edu).
#
# ## 3 · When are two texts the same?
#
# Two files with the same bytes are easily found. But copies on the web differ in a date, a menu, a corrected letter. We
# need a *degree* of likeness. Broder (1997) takes every stretch of n words of a text, a *shingle*; shingles overlap
# like those on a roof. A text is then a set A of shingles, and two texts are as alike as their sets are (*Jaccard
# similarity*):
#
# $$J(A, B) = \frac{|A \cap B|}{|A \cup B|}$$
#
# It is 1 for equal sets, and 0 for sets that have nothing in common. So that a comma or a capital does not matter, a
# text is reduced to its words in lower case first: `normalise` is given.

# %% tags=["export"]
def normalise(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"\w+", text.lower())


def jaccard(one: set, other: set) -> float:
    """The share of what two sets hold that both hold; 0 for two empty sets."""
    return len(one & other) / len(one | other) if one or other else 0.0


# %% [markdown]
# **`shingles(text, n=5)`** ★☆☆☆☆ · 5 minutes
#
# | | type | meaning |
# |---|---|---|
# | `text` | str | to be taken apart by `normalise(text)`, a list of words |
# | `n` | int, 1 or more | words in a shingle |
# | result | set of str | every stretch of n words, joined by single spaces |
#
# A text of fewer than n words is one shingle, of all its words, so that short texts can be found again too. A text
# without words has no shingles: the empty set.
#
# <details><summary>Hint 1</summary>How many places are there where a stretch of n words can begin? And what becomes of
# that number in a short text?</details>
# <details><summary>Hint 2</summary>A slice that reaches over the end of a list is cut off there.
# <code>" ".join(words[i : i + n])</code> is a shingle.</details>
# <details><summary>Hint 3</summary><code>range(max(1, len(words) - n + 1))</code> has at least one place. Only the text
# without words needs a case of its own.</details>

# %% exercise="shingles" minutes=5 level=1
def shingles(text: str, n: int = 5) -> set[str]:
    """All stretches of n words of a text, normalised and joined by spaces; a shorter text is one shingle.

    Broder 1997, §2
    """
    ### BEGIN SOLUTION
    words = normalise(text)
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set()
    ### END SOLUTION


# %% check="shingles: every stretch of n words, once" points=2
check.equal(sorted(shingles("one two three four five six seven")),
            ["one two three four five", "three four five six seven", "two three four five six"],
            hint="seven words have three stretches of five (n=5 is the default); the last one ends with the last word")
check.equal(sorted(shingles("a b a b a b", n=2)), ["a b", "b a"], hint="a set holds each shingle once")
check.equal(sorted(shingles("To be,  or NOT\nto be!", n=3)), ["be or not", "not to be", "or not to", "to be or"],
            hint="normalise(text) takes away capitals, punctuation and white space; join by one space")
check.equal(sorted(shingles("x y z", n=1)), ["x", "y", "z"], hint="n = 1: single words")
check.equal(type(shingles("a b c d e f")).__name__, "set", hint="return a set of texts")
### BEGIN HIDDEN TESTS
check.equal(sorted(shingles("It's 12 o'clock", 4)), ["it s 12 o", "s 12 o clock"],
            hint="words are what normalise returns, and n may be given by place")
check.equal(sorted(shingles("a b c d e f g h", n=7)), ["a b c d e f g", "b c d e f g h"], hint="n = 7, eight words")
### END HIDDEN TESTS

# %% check="shingles: short texts and empty ones" points=1
check.equal(sorted(shingles("one two three four five")), ["one two three four five"], hint="n words: one shingle")
check.equal(sorted(shingles("Page not found", n=5)), ["page not found"],
            hint="fewer than n words: one shingle, of all the words")
check.equal(sorted(shingles("...", n=2)), [], hint="no words, no shingles: the empty set, not a set with an empty text")
### BEGIN HIDDEN TESTS
check.equal(sorted(shingles("Hello", n=3)), ["hello"], hint="a text of one word is one shingle")
check.equal(type(shingles("", n=3)).__name__, "set", hint="{} is an empty dict: set() is the empty set")
### END HIDDEN TESTS

# %% [markdown]
# What n should one take? The next cell compares pieces of 150 words from the plays: with a copy of themselves in which
# one word in twenty has been replaced by another word of the plays, and with the piece that follows in the play.
#
# **Before you run it:** draw the two curves, for n from 1 to 10.

# %% demo="shingle-width" alt="Jaccard falls with n: copies from 0.92 to 0.45, other pieces from 0.17 to 0."
def edited(words, share, rng):
    """A copy in which each word is replaced, with this probability, by a random word of the plays."""
    hits = rng.random(len(words)) < share
    others = rng.integers(len(play_words), size=len(words))
    return [play_words[other] if hit else word for word, hit, other in zip(words, hits, others, strict=True)]


play_words = plays.split()
pieces = [play_words[i : i + 150] for i in range(0, 150 * 1000, 150)]
rng = np.random.default_rng(0)
some = range(0, 200, 2)
widths = range(1, 11)
curves = {"copy, 1 word in 20 replaced": [(" ".join(pieces[i]), " ".join(edited(pieces[i], 0.05, rng))) for i in some],
          "next piece of the play": [(" ".join(pieces[i]), " ".join(pieces[i + 1])) for i in some]}
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for (name, pairs), style in zip(curves.items(), ("o-", "s--"), strict=True):
    means = [np.mean([jaccard(shingles(x, n), shingles(y, n)) for x, y in pairs]) for n in widths]
    ax.plot(widths, means, style, color="black", label=name, fillstyle="none")
    print(f"{name:28}", *(f"n={n}: {mean:.2f}" for n, mean in zip(widths, means, strict=True) if n in (1, 3, 5, 10)))
ax.plot(widths, [0.95**n / (2 - 0.95**n) for n in widths], color="0.6", linewidth=4, zorder=0,
        label="0.95ⁿ / (2 − 0.95ⁿ)")
ax.set(title="Likeness depends on the width of the shingles", xlabel="words in a shingle, n",
       ylabel="Jaccard similarity (mean)", ylim=(0, 1))
ax.legend()
plt.show()

# %% [markdown]
# Single words make any two pieces a little alike. From n = 3 on different pieces have next to nothing in common, and
# each changed word costs a copy n shingles. If a share q of the words is changed, a shingle survives with probability
# $u = (1-q)^n$, and the two sets share u of their 1 + 1 − u parts: that is the grey curve, $u / (2 - u)$. So **a
# similarity of 0.63 in 5-shingles means: one word in twenty has been changed.** FineWeb and Lee et al. (2022) take n =
# 5, and call texts duplicates from about 0.75 or 0.8 on, which is about one word in thirty or forty.
#
# ## 4 · A signature of a few hundred numbers
#
# A set of shingles is as large as its text, and comparing sets is slow. Broder's idea: give every shingle a random
# number and remember only **the smallest number of each set**. The smallest number of the union A ∪ B belongs to one of
# its shingles, each of them with equal chance. If that shingle lies in both sets, both have the same smallest number;
# if not, they differ. Hence
#
# $$P\big(\min h(A) = \min h(B)\big) = J(A, B).$$
#
# One number says equal or not. Take k numberings instead, and the share of equal minima is an estimate of J with
# standard error $\sqrt{J(1-J)/k}$, however long the texts are.
#
# The numbers come from hash functions, so that the same shingle gets the same number on every machine. First one hash
# (CRC-32, reduced modulo p) turns each shingle into an integer x below the prime $p = 2^{31} - 1$. Then k functions out
# of a *universal family* (Carter and Wegman 1979) number them in k ways:
#
# $$h_i(x) = (a_i x + b_i) \bmod p \qquad\qquad \text{signature}_i = \min_{x \in A} h_i(x)$$
#
# with $1 \le a_i < p$ and $0 \le b_i < p$. These are not quite random numberings (Broder et al. 2000), and good enough.
# **The prime is chosen with care**: $a_i x + b_i$ is below $2^{62}$, which an int64 can hold. All 32 bits of CRC-32
# would need a prime above $2^{32}$; then it could be over $2^{63}$, and NumPy would wrap around to negative numbers
# and say nothing.

# %% tags=["export"]
PRIME = 2**31 - 1


def fingerprints(items: set[str]) -> np.ndarray:
    """One number from 0 to PRIME - 1 for each text of a set, (m,) int64: CRC-32 modulo PRIME, the same everywhere."""
    return np.array([zlib.crc32(item.encode()) % PRIME for item in items], dtype=np.int64)


def hash_family(k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients a (1 to PRIME - 1) and b (0 to PRIME - 1) of k hash functions, (k,) int64 each."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, PRIME, size=k), rng.integers(0, PRIME, size=k)


# %% [markdown]
# **`minhash_signature(hashes, a, b)`** ★★☆☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `hashes` | (m,), NumPy int64, from 0 to `PRIME` − 1 | one number for each shingle, in any order; may be empty. Not to be changed |
# | `a`, `b` | (k,), NumPy int64 each | from `hash_family(k)` |
# | result | (k,), NumPy int64 | the smallest of $h_i(x)$ over all x, for each i; `PRIME` for each i if there are no hashes |
#
# <details><summary>Hint 1</summary>All k numberings of all m hashes are a table of k rows and m columns. Which axis is
# the minimum taken over?</details>
# <details><summary>Hint 2</summary><code>a[:, None]</code> is a column, and a column times a row is a table. Take the
# remainder before the minimum: the order of the numbers is another one after it.</details>
# <details><summary>Hint 3</summary>The method <code>min</code> of an array takes <code>initial=…</code>, a value that
# takes part in the comparison, and is what remains where there is nothing to compare.</details>

# %% exercise="minhash_signature" minutes=10 level=2 forbid="signature_by_hand"
def minhash_signature(hashes: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest (a x + b) mod PRIME over all hashes x, for each of k hash functions.

    hashes: (m,) int64, from 0 to PRIME - 1. a, b: (k,) int64, as `hash_family` gives them. Returns (k,) int64; PRIME
    everywhere if there are no hashes.   Broder 1997; Carter and Wegman 1979
    """
    ### BEGIN SOLUTION
    values = (a[:, None] * hashes + b[:, None]) % PRIME  # (k, m), without overflow: below 2**62 before the remainder
    return values.min(axis=1, initial=PRIME)
    ### END SOLUTION


# %%
# Given: the same with Python's integers, which never overflow.
def signature_by_hand(hashes, a, b):
    """A signature, number by number."""
    return np.array([min((int(i) * int(x) + int(j)) % PRIME for x in hashes) for i, j in zip(a, b, strict=True)])


def hashes_of(length, seed):
    """Random hashes, (length,)."""
    return np.random.default_rng(seed).integers(0, PRIME, size=length)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """The share of equal numbers in two signatures: an estimate of the Jaccard similarity."""
    return float((one == other).mean())


# %% check="minhash_signature: the smallest number of each numbering" points=2
signature = minhash_signature(np.array([10, 3, 7]), np.array([1, 2, 5, 1]), np.array([0, 4, 1, 2147483640]))
check.equal(signature, np.array([3, 10, 16, 0]),
            hint="for each i the minimum of (a_i x + b_i) mod PRIME: 4 numberings here, of 3 hashes each")
large = minhash_signature(hashes_of(50, 1), *hash_family(8, seed=2))
check.shape(large, (8,), hint="one number for each of the k hash functions: the minimum is over the hashes")
check.equal(large, signature_by_hand(hashes_of(50, 1), *hash_family(8, seed=2)),
            hint="large numbers: int64 throughout (no floats, no int32), the remainder first, then the minimum")
top = minhash_signature(np.array([2147483646, 2147483645]), np.array([2147483646]), np.array([2147483646]))
check.equal(top, np.array([0]), hint="the largest numbers there are: a x + b still fits in int64")
check.dtype(large, np.int64, hint="int64, as the hashes are")
### BEGIN HIDDEN TESTS
more = minhash_signature(hashes_of(7, 3), *hash_family(20, seed=4))
check.equal(more, signature_by_hand(hashes_of(7, 3), *hash_family(20, seed=4)), hint="more functions than hashes")
one = minhash_signature(hashes_of(1, 5), *hash_family(3, seed=6))
check.equal(one, signature_by_hand(hashes_of(1, 5), *hash_family(3, seed=6)), hint="a single hash is the minimum")
### END HIDDEN TESTS

# %% check="minhash_signature: nothing to number, and nothing spoiled" points=1
nothing = minhash_signature(np.array([], dtype=np.int64), *hash_family(4))
check.equal(nothing, np.array([2147483647] * 4), hint="without hashes: PRIME for each function, larger than any number")
mine = hashes_of(30, 7)
twice = minhash_signature(mine, *hash_family(5))
check.equal(mine, hashes_of(30, 7), hint="hashes was changed in place: make a new array")
check.equal(twice, signature_by_hand(hashes_of(30, 7), *hash_family(5)), hint="the family decides: five functions")
### BEGIN HIDDEN TESTS
empty = minhash_signature(np.array([], dtype=np.int64), *hash_family(2, seed=9))
check.equal(empty, np.array([2147483647, 2147483647]), hint="without hashes, two functions")
### END HIDDEN TESTS

# %% [markdown]
# Five hundred pieces of the plays, each with a copy in which up to 12% of the words have been replaced. Your signatures
# estimate how alike the two are; the sets themselves say how alike they are. The grey bands hold two standard errors to
# either side.
#
# **Before you run the next cell:** how many of the five hundred should lie outside of the band? By which factor does it
# get narrower from 16 to 256 functions?

# %% demo="estimates" alt="Estimated against exact similarity: wide with 16 functions, four times narrower with 256."
rng = np.random.default_rng(1)
planted = list(zip(pieces[:500], rng.uniform(0, 0.12, 500), strict=True))
texts = [" ".join(piece) for piece in pieces] + [" ".join(edited(piece, share, rng)) for piece, share in planted]
sets = [shingles(text) for text in texts]  # 1,000 pieces, then the copies of the first 500
began = time.perf_counter()
signatures = np.stack([minhash_signature(fingerprints(items), *hash_family(640)) for items in sets])  # (N, k)
print(f"{len(texts):,} signatures of 640 numbers in {time.perf_counter() - began:.1f} s")
exact = np.array([jaccard(sets[i], sets[1000 + i]) for i in range(500)])
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
line = np.linspace(0, 1, 101)
for ax, k in zip(axes, (16, 256), strict=True):
    estimated = np.array([agreement(signatures[i, :k], signatures[1000 + i, :k]) for i in range(500)])
    error = np.sqrt(line * (1 - line) / k)
    ax.fill_between(line, line - 2 * error, line + 2 * error, color="0.85")
    ax.plot(exact, estimated, ".", color="black", markersize=3)
    inside = np.abs(estimated - exact) <= 2 * np.sqrt(exact * (1 - exact) / k) + 1e-9
    ax.set(title=f"k = {k}: {inside.mean():.0%} inside of two standard errors", xlabel="exact Jaccard similarity",
           xlim=(0, 1), ylim=(0, 1))
axes[0].set_ylabel("share of equal numbers")
plt.show()

# %% [markdown]
# The estimate is right on average, whatever the similarity, and sixteen times as many functions make it four times as
# sharp. A signature of 256 numbers takes one kilobyte (each fits in four bytes), for a page or for a book.
#
# ## 5 · Not all pairs
#
# Signatures are quickly compared, but N documents have N²/2 pairs. For a billion pages that is half a billion billion.
# Only pairs that *might* be alike should be looked at.
#
# Cut each signature into b *bands* of r numbers, k = b · r. Two documents are a **candidate pair** if they agree in at
# least one whole band. That needs no comparing: sort the documents into buckets by the contents of a band, and all that
# meet in a bucket are candidates. (This is locality-sensitive hashing, after Indyk and Motwani 1998; bands are
# explained in Leskovec, Rajaraman and Ullman 2020, §3.4.) With similarity s one number agrees with probability s, a
# whole band with $s^r$, no band at all with $(1-s^r)^b$, so
#
# $$P(\text{candidate}) = 1 - (1 - s^r)^b.$$
#
# It is a curve in the shape of an S. Its steep part lies near $s = (1/b)^{1/r}$, and you place it by choosing b and r.
#
# **`candidate_pairs(signatures, bands)`** ★★★☆☆ · 10 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `signatures` | (N, k), NumPy int64 | one signature per document |
# | `bands` | int | b; k is a multiple of it. Band 0 is the first k/b columns, and so on |
# | result | set of tuples (i, j), int, i < j | every pair that agrees in all columns of at least one band |
#
# A band of one document is compared with *the same* band of another, never with a different one. All pairs of documents
# must not be gone through: a check measures the time.
#
# <details><summary>Hint 1</summary>For each band a dict of its own: from the contents of the band to the list of
# documents that have it.</details>
# <details><summary>Hint 2</summary><code>np.split(signatures, bands, axis=1)</code> cuts the columns. An array cannot
# be a key; <code>row.tobytes()</code> or <code>tuple(row.tolist())</code> can.</details>
# <details><summary>Hint 3</summary>A <code>defaultdict(list)</code> is handy for buckets. A bucket of three documents
# gives three pairs. Documents come in order of their number, so in each bucket the first of a pair is the
# smaller.</details>

# %% exercise="candidate_pairs" minutes=10 level=3 forbid="pairs_by_comparing_all"
def candidate_pairs(signatures: np.ndarray, bands: int) -> set[tuple[int, int]]:
    """Pairs of documents whose signatures agree in at least one whole band, found by buckets.

    signatures: (N, k), k a multiple of bands. Returns a set of (i, j), i < j.
    Indyk and Motwani 1998; Leskovec, Rajaraman and Ullman 2020, §3.4
    """
    ### BEGIN SOLUTION
    pairs = set()
    for band in np.split(signatures, bands, axis=1):  # (N, r)
        buckets = defaultdict(list)
        for i, row in enumerate(band):
            buckets[row.tobytes()].append(i)
        for members in buckets.values():
            pairs.update((i, j) for at, i in enumerate(members) for j in members[at + 1 :])
    return pairs
    ### END SOLUTION


# %%
# Given: the same by comparing all with all, and a stop-watch.
def pairs_by_comparing_all(signatures, bands):
    """Candidate pairs, sorted; slowly."""
    cut = signatures.reshape(len(signatures), bands, -1)  # (N, b, r)
    return [(i, j) for i in range(len(cut)) for j in range(i + 1, len(cut)) if (cut[i] == cut[j]).all(-1).any()]


def seconds_for(function, documents):
    """The time that a candidate_pairs takes for so many documents that have nothing in common, in seconds."""
    signatures = np.arange(documents * 16).reshape(documents, 16)
    began = time.process_time()
    function(signatures, 4)
    return time.process_time() - began


# %% check="candidate_pairs: agreement in one whole band" points=2
found = candidate_pairs(np.array([[1, 2, 3, 4], [1, 2, 5, 6], [7, 2, 3, 4], [1, 9, 9, 4]]), 2)
check.equal(sorted(found), [(0, 1), (0, 2)],
            hint="0 and 1 agree in the first band, 0 and 2 in the second; one number of a band is not enough")
crossed = candidate_pairs(np.array([[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [8, 8, 3, 4]]), 2)
check.equal(sorted(crossed), [(0, 3)],
            hint="the first band of one and the second of another do not meet; and the order within a band counts")
alike = candidate_pairs(np.array([[1, 2], [8, 9], [1, 2], [1, 2]]), 1)
check.equal(sorted(alike), [(0, 2), (0, 3), (2, 3)], hint="three documents in a bucket are three pairs, i < j in each")
table = check.randint(0, 3, (40, 12), seed=5).numpy()
check.equal(sorted(candidate_pairs(table, 4)), pairs_by_comparing_all(table, 4),
            hint="4 bands of 3 numbers: pairs that agree in all three of some band, each pair once")
check.equal(sorted(candidate_pairs(table, 6)), pairs_by_comparing_all(table, 6), hint="6 bands of 2 numbers")
digits = candidate_pairs(np.array([[12, 3], [1, 23], [12, 3]]), 1)
check.equal(sorted(digits), [(0, 2)], hint="numbers run together are not a key: 12 and 3 are not 1 and 23")
cut_off = candidate_pairs(np.array([[1, 2], [257, 2], [65537, 2]]), 1)
check.equal(sorted(cut_off), [], hint="the whole numbers are the key, not their last byte or two")
check.equal(type(candidate_pairs(table, 4)).__name__, "set", hint="return a set, so that no pair comes twice")
### BEGIN HIDDEN TESTS
wide = check.randint(0, 4, (60, 8), seed=6).numpy()
check.equal(sorted(candidate_pairs(wide, 8)), pairs_by_comparing_all(wide, 8), hint="8 bands of a single number")
few = check.randint(0, 2, (50, 6), seed=7).numpy()
check.equal(sorted(candidate_pairs(few, 1)), pairs_by_comparing_all(few, 1), hint="one band: the whole signature")
### END HIDDEN TESTS

# %% check="candidate_pairs: without going through all pairs" points=1
check.below(seconds_for(candidate_pairs, 1000), 0.1,
            hint="1,000 documents without anything in common took too long: buckets, not a loop over all pairs")
check.equal(sorted(candidate_pairs(np.array([[5, 5, 5], [6, 6, 6]]), 3)), [], hint="no band in common: no pairs")
check.equal(sorted(candidate_pairs(np.array([[5, 6, 7], [5, 1, 2], [5, 6, 3]]), 3)), [(0, 1), (0, 2), (1, 2)],
            hint="quick, and complete: a pair that agrees in two bands is in the set once")

# %% [markdown]
# The 500 pairs from above once more. The line is the formula; each circle is the share of pairs of about that
# similarity that *your* function finds. FineWeb uses 14 bands of 8, Lee et al. (2022, Appendix A) 450 bands of 20.
#
# **Before you turn the knobs:** which way does the curve move with more bands, and which way with more numbers in a
# band? Find a setting that finds nearly all pairs above 0.8 and hardly any below 0.5. (Without sliders:
# `draw_bands(14, 8)` in a new cell.)

# %% demo="bands-slider" alt="The S-shaped curve of becoming a candidate, with measured shares and two sliders."
def draw_bands(bands=14, rows=8):
    """The probability of becoming a candidate, by formula and as measured on the 500 planted pairs."""
    cut = np.concatenate([signatures[:500, : bands * rows], signatures[1000:, : bands * rows]])
    found = candidate_pairs(cut, bands)
    hit = np.array([(i, i + 500) in found for i in range(500)])
    figure, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
    line = np.linspace(0, 1, 201)
    ax.plot(line, 1 - (1 - line**rows) ** bands, color="black", label="1 − (1 − sʳ)ᵇ")
    bins = np.linspace(0.2, 1, 17)
    which = np.digitize(exact, bins)
    groups = [which == g for g in range(1, len(bins) + 1) if (which == g).sum() >= 5]
    ax.plot([exact[g].mean() for g in groups], [hit[g].mean() for g in groups], "o", color="black", fillstyle="none",
            label="share of planted pairs found")
    step = (1 / bands) ** (1 / rows)
    ax.axvline(step, color="0.6", linestyle=":", label=f"(1/b)^(1/r) = {step:.2f}")
    ax.set(title=f"{bands} bands of {rows} numbers: a signature of {bands * rows}", xlabel="Jaccard similarity s",
           ylabel="probability of a candidate", xlim=(0, 1.02), ylim=(-0.03, 1.03))
    ax.legend(loc="upper left")
    plt.show()


try:
    from ipywidgets import IntSlider, interact

    interact(draw_bands, bands=IntSlider(14, min=1, max=40, continuous_update=False),
             rows=IntSlider(8, min=1, max=16, continuous_update=False))
except ImportError:
    print("pip install ipywidgets gives this picture sliders; without them, call draw_bands(14, 8) in a new cell.")
    draw_bands()

# %% [markdown]
# More bands: more chances to agree, and the curve moves left. More numbers in a band: agreement gets harder, and it
# moves right and becomes steeper. Sharpness costs numbers: Lee's 9,000 make a nearly vertical step at 0.74, and
# FineWeb's 112 a gentle one at 0.72. At s = 0.75 the latter misses 23% of the pairs.
#
# The formula speaks of pairs that are alike. What it costs depends on all the others. The next cell takes all 1,500
# texts, computes the exact similarity of every pair, calls a pair *alike* from 0.75 on, and divides the same 112
# numbers in eight ways. *Recall* is the share of alike pairs that are candidates; *precision* is the share of
# candidates that are alike.
#
# **Before you run it:** which of the two would you rather lose?

# %% demo="recall" alt="Recall falls and precision rises with the numbers in a band; they cross near 8 to 14 per band."
owners = defaultdict(list)
for i, items in enumerate(sets):
    for item in items:
        owners[item].append(i)
common = Counter((i, j) for members in owners.values() for at, i in enumerate(members) for j in members[at + 1 :])
similarity = {(i, j): shared / (len(sets[i]) + len(sets[j]) - shared) for (i, j), shared in common.items()}
alike = {pair for pair, s in similarity.items() if s >= 0.75}
print(f"{len(texts) * (len(texts) - 1) // 2:,} pairs, {len(similarity):,} share a shingle, {len(alike)} are alike")
rows_in_a_band, measured = [1, 2, 4, 7, 8, 14, 28, 56], []
for rows in rows_in_a_band:
    candidates = candidate_pairs(signatures[:, :112], 112 // rows)
    good = len(candidates & alike)
    measured.append((good / len(alike), good / len(candidates)))
    print(f"{112 // rows:3} bands of {rows:2}: {len(candidates):5,} candidates, recall {measured[-1][0]:.2f}, "
          f"precision {measured[-1][1]:.2f}")
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for name, values, style in zip(("recall", "precision"), zip(*measured, strict=True), ("o-", "s--"), strict=True):
    ax.plot(rows_in_a_band, values, style, color="black", fillstyle="none", label=name)
ax.set(title="One signature of 112 numbers, cut in eight ways", xlabel="numbers in a band", ylabel="share",
       xscale="log", ylim=(0, 1.05))
ax.set_xticks(rows_in_a_band, [str(rows) for rows in rows_in_a_band])
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# A false candidate costs one comparison, and a missed pair stays in the data for good: so one takes a setting with high
# recall, and computes for each candidate how alike the two really are. With 14 bands of 8 there were 188 pairs to look
# at, of more than a million, and 6 of 142 were missed.
#
# ## 6 · One of each
#
# A copies B, and B copies C. Pairs must become *groups*, and one document of each group stays. A group is everything
# that is connected by pairs, directly or over others: a connected component of the graph whose edges are the pairs.
#
# The classic way to find them is *union–find*. Every document begins as its own parent. Following parents upwards from
# a document leads to the *root* of its group. For each pair, find the two roots and make one the parent of the other.
# At the end each root stands for a group. If the root with the smaller number always becomes the parent, the root is
# the first document of its group, the one we keep.
#
# **`deduplicate(count, pairs)`** ★★☆☆☆ · 10 minutes
#
# | | type | meaning |
# |---|---|---|
# | `count` | int | documents are numbered 0 … count − 1 |
# | `pairs` | any iterable of (i, j), each read once | documents that are alike; in any order, i and j too, and repeated at will |
# | result | list of int, ascending | the first document of every group; one that is in no pair is a group by itself |
#
# <details><summary>Hint 1</summary>It is not enough to drop the second of each pair: with (0, 2) and (1, 2) that drops
# 2 and keeps 0 and 1, which belong together.</details>
# <details><summary>Hint 2</summary><code>parent = list(range(count))</code>. From i go to <code>parent[i]</code> until
# you stand on one that is its own parent. Use a loop: a chain may be longer than Python's recursion is deep.</details>
# <details><summary>Hint 3</summary><code>parent[max(roots)] = min(roots)</code> joins two groups. Setting
# <code>parent[i] = parent[parent[i]]</code> on the way up keeps the ways short.</details>

# %% exercise="deduplicate" minutes=10 level=2 forbid="kept_by_flooding"
def deduplicate(count: int, pairs) -> list[int]:
    """Which of `count` documents to keep: the first of every group that pairs connect, directly or over others.

    pairs: iterable of (i, j). Returns ascending numbers.
    """
    ### BEGIN SOLUTION
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        first, second = sorted((root(i), root(j)))
        parent[second] = first
    return [i for i in range(count) if parent[i] == i]
    ### END SOLUTION


# %%
# Given: the same by walking from document to document, and pairs to try it on.
def kept_by_flooding(count, pairs):
    """The first of every connected component."""
    neighbours, seen, kept = defaultdict(list), set(), []
    for i, j in pairs:
        neighbours[i].append(j)
        neighbours[j].append(i)
    for start in range(count):
        if start not in seen:
            kept.append(start)
            waiting = [start]
            while waiting:
                i = waiting.pop()
                if i not in seen:
                    seen.add(i)
                    waiting += neighbours[i]
    return kept


def random_pairs(count, number, seed):
    """So many pairs of different documents, as a list."""
    rng = np.random.default_rng(seed)
    return [tuple(rng.choice(count, 2, replace=False).tolist()) for _ in range(number)]


def chain_of(length, *, backwards):
    """Pairs of neighbours, from the front or from the back, and the first with the last."""
    pairs = [(i, i + 1) for i in range(length - 1)]
    return [*(pairs[::-1] if backwards else pairs), (0, length - 1)]


# %% check="deduplicate: the first of every group" points=2
check.equal(deduplicate(5, [(1, 3)]), [0, 1, 2, 4], hint="1 and 3 are alike: keep 1, and all that are in no pair")
check.equal(deduplicate(4, [(0, 2), (1, 2)]), [0, 3], hint="0, 1 and 2 are one group, connected by 2: keep 0 alone")
check.equal(deduplicate(6, [(4, 5), (2, 4), (3, 5)]), [0, 1, 2],
            hint="groups grow together: 2, 3, 4 and 5 are one group, whose first is 2")
check.equal(deduplicate(5, {(3, 1), (4, 3)}), [0, 1, 2], hint="a pair may have its larger number first; any iterable")
check.equal(deduplicate(4, iter([(0, 1), (1, 0), (0, 1), (2, 3)])), [0, 2],
            hint="pairs may repeat, and pairs is read once")
check.equal(deduplicate(3, [(0, 1), (1, 2), (0, 2)]), [0], hint="a pair inside of a group changes nothing")
check.equal(deduplicate(200, random_pairs(200, 150, seed=3)), kept_by_flooding(200, random_pairs(200, 150, seed=3)),
            hint="150 random pairs among 200: follow parents up to the root, for both, before joining")
### BEGIN HIDDEN TESTS
check.equal(deduplicate(60, random_pairs(60, 35, seed=2)), kept_by_flooding(60, random_pairs(60, 35, seed=2)),
            hint="35 random pairs among 60")
check.equal(deduplicate(40, random_pairs(40, 30, seed=1)), kept_by_flooding(40, random_pairs(40, 30, seed=1)),
            hint="30 random pairs among 40")
check.equal(deduplicate(3, []), [0, 1, 2], hint="no pairs: all are kept")
### END HIDDEN TESTS

# %% check="deduplicate: long chains" points=1
check.equal(deduplicate(5000, chain_of(4000, backwards=False))[:3], [0, 4000, 4001],
            hint="each is like the next: one group, however long. Use a loop, not recursion")
check.equal(deduplicate(5000, chain_of(4000, backwards=True))[:3], [0, 4000, 4001],
            hint="the same chain from its other end: use a loop to find the root, not recursion")
### BEGIN HIDDEN TESTS
check.equal(deduplicate(3001, chain_of(3000, backwards=True)), [0, 3000], hint="a chain of 3,000, from the back")
### END HIDDEN TESTS

# %% [markdown]
# All of it together, on what the filter has left of our heap: shingles, signatures, candidates in 14 bands of 8, the
# exact similarity of each candidate pair (at least 0.8), groups. No duplicates have been planted here.
#
# **Before you run the next cell:** will there be any, in the standard library of a language that is looked after with
# such care?

# %% demo="pipeline" alt="Lines: documents before and after, candidates and duplicates, and some that were removed."
def near_duplicates(texts, threshold=0.8, bands=14, rows=8):
    """Pairs of texts that are alike, and how many candidates were looked at."""
    sets = [shingles(text) for text in texts]
    signatures = np.stack([minhash_signature(fingerprints(items), *hash_family(bands * rows)) for items in sets])
    candidates = candidate_pairs(signatures, bands)
    return {(i, j) for i, j in candidates if jaccard(sets[i], sets[j]) >= threshold}, len(candidates)


documents = [text for texts in KEPT.values() for text in texts]
began = time.perf_counter()
pairs, looked_at = near_duplicates(documents)
kept = deduplicate(len(documents), pairs)
print(f"{len(documents):,} documents, {looked_at} candidate pairs, {len(pairs)} alike, {len(documents) - len(kept)} "
      f"removed, {time.perf_counter() - began:.1f} s. Among them:")
for i, j in sorted(pairs)[:8]:
    same = "the same words" if normalise(documents[i]) == normalise(documents[j]) else "nearly the same"
    print(f"   {' '.join(documents[i].split())[:70]}…   {same}")
short = [text for text in HEAP["docstrings"] if len(normalise(text)) >= 5]
everything = deduplicate(len(short), near_duplicates(short)[0])
print(f"all docstrings of five words or more: {len(short):,}, {1 - len(everything) / len(short):.1%} removed")

# %% [markdown]
# There are: classes that exist twice, because one stands in for a version in C; methods copied from one class to the
# next and changed by a word. They make up 1.4% of what the filter left, and 4.4% of all docstrings. Lee et al. (2022,
# Table 2) found 3% of C4, and 14% of a collection of news, to be near-duplicates.
#
# Groups have a danger. In the next cell a text of 300 words is passed on forty times, and each time three of them are
# changed, one in a hundred. **Before you run it:** how many of the forty-one versions does `deduplicate` keep, at a
# threshold of 0.8?

# %% demo="whispers" alt="Similarity of 41 versions: a dark diagonal that fades; first and last share almost nothing."
rng = np.random.default_rng(3)
versions = [play_words[60_000:60_300]]
for _ in range(40):
    words = list(versions[-1])
    for place in rng.choice(300, 3, replace=False):
        words[place] = play_words[rng.integers(len(play_words))]
    versions.append(words)
version_sets = [shingles(" ".join(words)) for words in versions]
likeness = np.array([[jaccard(one, other) for other in version_sets] for one in version_sets])
linked = [(i, j) for i in range(41) for j in range(i) if likeness[i, j] >= 0.8]
figure, ax = plt.subplots(figsize=(5.2, 4.2), layout="constrained")
image = ax.imshow(likeness, cmap="Greys", vmin=0, vmax=1)
ax.set(title="How alike the versions are", xlabel="version", ylabel="version")
ax.grid(visible=False)
figure.colorbar(image, label="Jaccard similarity")
plt.show()
print(f"kept: {deduplicate(41, linked)}; similarity of neighbours at least {np.diag(likeness, 1).min():.2f}, "
      f"of the first and the last {likeness[0, -1]:.2f}")

# %% [markdown]
# One. Each version is like its neighbours, so all are one group, and the last is thrown out because of a first one
# with which it has little in common. Being alike is not transitive, and groups act as if it were. On the web such
# chains can arise from templates: shop pages, weather reports. One can look for a centre of each group instead, or
# accept the loss.
#
# ### What duplicates do
#
# Now the reason for all this. A small model (Bengio et al. 2003: the 16 characters before, embedded side by side, two
# hidden layers) is trained twice, with the same number of steps. The text is 300,000 characters of scenes. Into it go
# passages of 200 characters from other scenes, 6 of each sort: some stand there once, some twice, four times, up to 128
# times. The second run sees each of them once, as after deduplication. Measured are the loss on each sort of passage,
# the loss on passages that the model has never seen, and how much of a passage the model *recites*: it gets the first
# 32 characters and continues with the most likely one each time, until it is wrong.
#
# **Before you run the next cell** (about a quarter of a minute)**:** how many copies does it take until the model knows
# a passage by heart? And is the loss on unseen text better or worse with the duplicates?

# %% demo="memorised" alt="Left: loss falls with the copies. Right: at 128 copies nine tenths are recited."
CONTEXT, PASSAGE, EACH = 16, 200, 6
COPIES = [1, 2, 4, 8, 16, 32, 64, 128]
clean = [re.sub(r"[*_#\\]|[ ]+(?=\n)|(?<=\n) +", "", scene) for scene in HEAP["scenes"]]
alphabet = {character: number for number, character in enumerate(sorted(set("".join(clean))))}
order = np.random.default_rng(0).permutation(len(clean))
ids = torch.tensor([alphabet[character] for i in order for character in clean[i]])
unique, rest = ids[:300_000], ids[300_000:]
unseen = rest[:PASSAGE * 100].view(100, PASSAGE)
passages = rest[PASSAGE * 100 :][: len(COPIES) * EACH * PASSAGE].view(len(COPIES), EACH, PASSAGE)


class NextCharacter(nn.Module):
    """Logits for the next character, from the CONTEXT before it."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(alphabet), 16)
        self.layers = nn.Sequential(nn.Linear(16 * CONTEXT, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(),
                                    nn.Linear(256, len(alphabet)))

    def forward(self, x):  # (B, CONTEXT) -> (B, V)
        return self.layers(self.embedding(x).flatten(1))


def train_on(stream, steps=1000, batch=256, rate=0.003):
    """A model trained on random places of a stream of characters."""
    torch.manual_seed(0)
    model, generator = NextCharacter(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, fused=True)
    falling = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        windows = stream[torch.randint(len(stream) - CONTEXT, (batch, 1), generator=generator)
                         + torch.arange(CONTEXT + 1)]
        optimizer.zero_grad()
        F.cross_entropy(model(windows[:, :-1]), windows[:, -1]).backward()
        optimizer.step()
        falling.step()
    return model


@torch.no_grad()
def losses_on(model, texts):
    """The mean loss on each of several texts, (number,)."""
    windows = texts.unfold(1, CONTEXT + 1, 1)  # (number, places, CONTEXT + 1)
    logits = model(windows[..., :-1].flatten(0, 1))
    return F.cross_entropy(logits, windows[..., -1].flatten(), reduction="none").view(windows.shape[:2]).mean(1)


@torch.no_grad()
def recited(model, texts, start=32):
    """How many characters after the first 32 the model gets right in a row, as a share, mean over texts."""
    said = texts[:, :start]
    while said.shape[1] < texts.shape[1]:
        said = torch.cat([said, model(said[:, -CONTEXT:]).argmax(-1, keepdim=True)], dim=1)
    right = (said == texts)[:, start:].int().cumprod(1).sum(1)
    return right.float().mean().item() / (texts.shape[1] - start)


began, models = time.perf_counter(), {}
for name, with_copies in (("with duplicates", True), ("deduplicated", False)):
    planted_text = [text.repeat(copies if with_copies else 1) for copies, group in zip(COPIES, passages, strict=True)
                    for text in group]
    stream = torch.cat([unique, *planted_text])
    models[name] = train_on(stream)
    print(f"{name:16} {len(stream):7,} characters; loss on unseen passages "
          f"{losses_on(models[name], unseen).mean():.3f} nats per character")
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
for (name, model), style in zip(models.items(), ("o-", "s--"), strict=True):
    by_copies = [losses_on(model, group).mean().item() for group in passages]
    by_heart = [recited(model, group) for group in passages]
    axes[0].plot(COPIES, by_copies, style, color="black", fillstyle="none", label=name)
    axes[1].plot(COPIES, [100 * share for share in by_heart], style, color="black", fillstyle="none", label=name)
    print(f"{name:16} loss by copies:", *(f"{loss:.2f}" for loss in by_copies), "  recited:",
          *(f"{share:.0%}" for share in by_heart))
axes[0].axhline(losses_on(models["with duplicates"], unseen).mean(), color="0.6", linestyle=":",
                label="unseen, with duplicates")
axes[0].set(title="Loss on a passage", ylabel="loss [nats per character]", ylim=(0, None))
axes[1].set(title="Known by heart", ylabel="recited of 168 characters [%]")
for ax in axes:
    ax.set(xlabel="copies in the training text", xscale="log")
    ax.set_xticks(COPIES, [str(copies) for copies in COPIES])
    ax.minorticks_off()
axes[0].legend(fontsize=10)
plt.show()
print(f"{time.perf_counter() - began:.0f} s")

# %% [markdown]
# A passage that stood there up to eight times is hardly recited at all. With 32 copies the model gets 11% of it right
# before its first mistake, with 64 copies 72%, with 128 copies 92%. From eight copies to 32 each doubling takes off
# more than half a nat, until little is left. Carlini et al. (2023) found in models of up to 6 billion parameters that
# the share that is recited grows with the logarithm of the number of copies. No single copy was special. The model
# knows by heart what it read often, be it a licence or a telephone number.
#
# And it pays for that elsewhere: 2.31 nats per character on unseen passages, against 1.98 without duplicates, for the
# same number of steps. (With another seed 2.31 and 2.00.) Half of what the first model read was text that it had read
# before. That is far more than in a real corpus, and so is the damage. But Hernandez et al. (2022) report that an 800M
# model was as good as one of half its size after 0.1% of the data had been repeated a hundred times.
#
# ## 7 · Has it seen the test?
#
# If a question of the test stands in the training text, its score says nothing. Brown et al. (2020, Appendix C)
# searched the training text of GPT-3 for stretches of 13 words that also stand in a test, with words in lower case and
# without punctuation: those of `normalise`. They took out what they found before training, or meant to: a bug left part
# of it in, the model was too expensive to train again, and so the paper reports for each test how much of it was
# *dirty*, and what the score is without.
#
# Similarity is the wrong measure here. A question of 30 words inside of a book of 100,000 has a Jaccard similarity of
# next to nothing with it. What matters is *containment* (Broder 1997): the share of the question's shingles that the
# text has.
#
# **`contamination(documents, examples, n=13)`** ★★☆☆☆ · 10 minutes
#
# | | type | meaning |
# |---|---|---|
# | `documents` | iterable of str | the training text, far larger than memory: go through it once, and keep nothing of a document but what some example has too (a check measures the memory) |
# | `examples` | list of str | the test |
# | `n` | int | words in a stretch |
# | result | list of float or None | for each example the share of its *different* n-word stretches that stand in at least one document; None for an example of fewer than n words |
#
# An example that is too short cannot be judged in this way. A 0 would say that it is clean; None says that nobody
# knows.
#
# <details><summary>Hint 1</summary>Your <code>shingles</code> does most of it. Which set is small enough to be kept,
# all shingles of the examples or all shingles of the documents?</details>
# <details><summary>Hint 2</summary>First the shingles of each example, then their union, then one loop over the
# documents that collects what is found of it: <code>found |= wanted & shingles(document, n)</code>.</details>
# <details><summary>Hint 3</summary><code>shingles</code> makes one shorter shingle of a short text. So ask
# <code>len(normalise(example)) < n</code> before you compute a share.</details>

# %% exercise="contamination" minutes=10 level=2
def contamination(documents, examples: list[str], n: int = 13) -> list[float | None]:
    """The share of each example's n-word stretches that occur in the training text; None where it is too short.

    documents: iterable of texts, read once. examples: list of texts.   Brown et al. 2020, Appendix C
    """
    ### BEGIN SOLUTION
    grams = [shingles(example, n) for example in examples]
    wanted, found = set().union(*grams), set()
    for document in documents:
        found |= wanted & shingles(document, n)
    return [None if len(normalise(example)) < n else len(mine & found) / len(mine)
            for example, mine in zip(examples, grams, strict=True)]
    ### END SOLUTION


# %%
# Given: texts of random letters.
def random_texts(count, length, seed, letters=4):
    """So many texts of so many words, each word one of a few letters."""
    rng = np.random.default_rng(seed)
    return [" ".join("abcdefgh"[i] for i in rng.integers(letters, size=length)) for _ in range(count)]


def shares_by_hand(documents, examples, n):
    """Contamination, stretch by stretch, of texts whose words are single small letters."""
    shares = []
    for example in examples:
        stretches = {example[i : i + 2 * n - 1] for i in range(0, len(example) - 2 * n + 2, 2)}
        shares.append(sum(any(s in document for document in documents) for s in stretches) / len(stretches))
    return shares


def memory_for(function, documents):
    """The most memory that a contamination holds at once while it reads so many documents of 300 words, in MB."""
    tracemalloc.start()
    try:
        function((" ".join(f"{number}x{i}" for i in range(300)) for number in range(documents)), ["0x7 0x8 0x9"], 3)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


# %% check="contamination: the share of an example that the documents hold" points=2
book = "It was the best of times, it was the worst of times, it was the age of wisdom"
check.close(contamination([book], ["The worst of TIMES it was", "the worst of all times was", "a cat on the mat"], n=3),
            [1.0, 0.25, 0.0], hint="4 stretches of 3 words each: all, one and none of them stand in the book")
check.close(contamination(["a b c", "d e f g"], ["a b c d e f g"], n=3), [0.6],
            hint="c d e and b c d stand in no document: stretches do not reach from one document into the next")
check.close(contamination(["x y z"], ["a a a a a b"], n=2), [0.0], hint="nothing in common is 0")
check.close(contamination(["Concat the catalogue"], ["cat the cat"], n=3), [0.0],
            hint="stretches are of whole words: cat the cat is only a piece of the text concat the catalogue")
check.close(contamination(["a a"], ["a a a a a b"], n=2), [0.5],
            hint="the example has two different stretches, a a and a b: each counts once")
check.close(contamination(iter(["p q r s", "t u v"]), ["p q r s t u", "q r s t"], n=3), [0.5, 0.5],
            hint="documents can be read once only: gather what you need in one go, for all examples")
check.close(contamination(random_texts(5, 60, seed=1), random_texts(6, 20, seed=2), n=4),
            shares_by_hand(random_texts(5, 60, seed=1), random_texts(6, 20, seed=2), 4),
            hint="random letters, n = 4: found stretches among different stretches, for each example")
check.close(contamination(["a b c d e f g h i j k l m n"], ["b c d e f g h i j k l m n o"]), [0.5],
            hint="n is 13 by default: 14 words have two stretches")
### BEGIN HIDDEN TESTS
check.close(contamination(random_texts(9, 50, seed=3), random_texts(7, 30, seed=4), n=5),
            shares_by_hand(random_texts(9, 50, seed=3), random_texts(7, 30, seed=4), 5), hint="random letters, n = 5")
check.close(contamination([], ["a b c d"], n=2), [0.0], hint="without documents nothing is contaminated")
check.close(contamination(["one two three"], ["One, two. Three!"], n=3), [1.0], hint="an example of exactly n words")
### END HIDDEN TESTS

# %% check="contamination: too short to be judged" points=1
check.equal(contamination(["a b c d e"], ["a b", "a b c", "", "x y z"], n=3), [None, 1.0, None, 0.0],
            hint="fewer than n words: None, neither 0 nor 1. Count the words that normalise returns")
check.equal(contamination(["yes", "no and no"], ["Yes", "no, and - no!", "yes - no"], n=3), [None, 1.0, None],
            hint="a document of the same few words does not make a short example dirty; punctuation is no word")
### BEGIN HIDDEN TESTS
check.equal(contamination(["a b c d e f g h i j k l"], ["a b c d e f g h i j k l"]), [None],
            hint="12 words, and n = 13 by default: None")
### END HIDDEN TESTS

# %% check="contamination: a training text larger than memory" points=1
check.below(memory_for(contamination, 300), 0.3,
            hint="memory grows with the documents: keep none, and only those stretches that some example has too")
check.close(contamination((text for text in ["a b c d", "b c d e"]), ["a b c", "b c e"], n=3), [1.0, 0.0],
            hint="documents may come one by one; a stretch of an example counts once, in however many it stands")

# %% [markdown]
# A test of 300 passages of 40 words, from plays that are not in the training text. A hundred of them are planted in the
# training text as they are; a hundred with one word in ten changed, as an absent-minded person might copy them; a
# hundred are left out. An example is *flagged* if any of its stretches is found, as in Brown et al.
#
# **Before you run the next cell:** n = 13 finds all exact copies. How many of the changed ones? And what would be wrong
# with n = 3?

# %% demo="contaminated" alt="Flagged by n: exact copies always, changed ones up to 10, clean ones up to 4."
rng = np.random.default_rng(4)
at = 3 * len(play_words) // 4
tested = [play_words[at + 100 * i : at + 100 * i + 40] for i in range(300)]
background = [" ".join(play_words[i : i + 2000]) for i in range(0, at - 2000, 2000)]


def every_tenth_changed(words):
    """A copy in which one word in each ten is another one."""
    return [play_words[rng.integers(len(play_words))] if i % 10 == 5 else word for i, word in enumerate(words)]


leaks = [" ".join(words) for words in tested[:100] + [every_tenth_changed(words) for words in tested[100:200]]]
examples = [" ".join(words) for words in tested]
lengths, flagged = [2, 3, 4, 5, 6, 8, 9, 10, 13, 16, 20], []
for n in lengths:
    shares = np.array(contamination(background[::4] + leaks, examples, n))
    flagged.append((shares > 0).reshape(3, 100).mean(1))
flagged = np.array(flagged)
figure, ax = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
for column, (name, style) in enumerate((("planted as it is", "o-"), ("planted, every tenth word changed", "s--"),
                                        ("not planted", "^:"))):
    ax.plot(lengths, 100 * flagged[:, column], style, color="black", fillstyle="none", label=name)
    print(f"{name:34}", *(f"n={n}: {share:.0%}" for n, share in zip(lengths, flagged[:, column], strict=True)))
ax.axvline(13, color="0.7", linewidth=6, zorder=0)
ax.set_xticks(lengths)
ax.set(title="What a search for n words finds", xlabel="words in a stretch, n (grey: GPT-3's 13)",
       ylabel="examples flagged [%]")
ax.legend()
plt.show()

# %% [markdown]
# Of the changed copies a search for 13 words finds 3 in a hundred, in which the other word happened to be the one
# that had stood there. (The 57% at n = 10 have an apostrophe or a hyphen, which makes two words of one.) Whoever
# changes one word in ten, or translates a question, is not found. And with n = 3 nearly every passage is called
# dirty, planted or not: three words in a row belong to everybody. Here anything from 6 to 9 would tell the two apart.
# But our training text has not even two hundred thousand words, and by chance more coincides in a million times as
# many. Brown et al. (2020, Appendix C) took 13 for removal and, for their report, between 8 and 13 according to the
# length of the examples.
#
# ## 8 · Rows without holes
#
# A model is trained on rows of T tokens, and documents have any length. Padding each to the longest wastes most of the
# batch, and cutting them at T loses text. GPT-3 did it otherwise (Brown et al. 2020, Appendix B): put all documents end
# to end, with a token for *end of text* after each, and cut the long ribbon into rows of T. Every place does work.
#
# Then a row may hold the end of one document, another whole, and the beginning of a third. Four things must be known of
# each place:
#
# | | at each place |
# |---|---|
# | `tokens` | the token; after the last document, `pad_id` until the row is full |
# | `targets` | the token that follows *in the same document and the same row*, else −100. The target of a document's last token is its `end_id`. The `end_id` itself, padding and the last place of a row have the target −100 |
# | `documents` | the number of the document, 0, 1, …; its end-of-text token belongs to it. Padding: −1 |
# | `positions` | 0, 1, 2, … from where the document begins *in this row*, so also from 0 where a row continues a document of the row before. Padding counts as a document of its own |
#
# −100 is the number that PyTorch's cross-entropy passes over. What follows the end of a document is the beginning of
# another, picked at random: nothing to be learnt. And positions must start again in each row because a model has only
# so many of them.

# %% tags=["export"]
class Packed(NamedTuple):
    """Rows of documents: four tensors (B, T), int64. See `pack_sequences`."""

    tokens: Tensor
    targets: Tensor
    documents: Tensor
    positions: Tensor


# %% [markdown]
# **`pack_sequences(documents, length, end_id, pad_id=0)`** ★★★☆☆ · 15 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `documents` | list of lists of int | token ids, which may be any numbers, `end_id` and `pad_id` among them; a document may be empty, and there is at least one. Not to be changed |
# | `length` | int | T |
# | result | `Packed` of four tensors (B, T), int64 | B is the smallest number of rows that hold everything |
#
# <details><summary>Hint 1</summary>Build two flat lists first: tokens, and the number of the document that each belongs
# to. Then fill up to a multiple of T. Do not decide by the tokens what is padding and what is an end: decide by the
# document numbers.</details>
# <details><summary>Hint 2</summary><code>-len(flat) % length</code> is what is missing. A document begins in a row at
# column 0 and wherever the number differs from the one on its left. The target is the token on the right if the number
# on the right is the same, and not −1.</details>
# <details><summary>Hint 3</summary>Positions: the column minus the column of the last beginning, and
# <code>cummax</code> along a row of <code>column * begins</code> gives that one (it returns values and indices). Or a
# loop over the row that counts.</details>

# %% exercise="pack_sequences" minutes=15 level=3 forbid="packed_by_hand"
def pack_sequences(documents: list[list[int]], length: int, end_id: int, pad_id: int = 0) -> Packed:
    """Put documents end to end, an end_id after each, and cut the ribbon into rows of `length` tokens.

    Returns (B, length) int64 each: tokens; targets, the next token of the same document in the row, else -100;
    documents, the number of each token's document, -1 for padding; positions, from 0 where a document begins in a row.
    Brown et al. 2020, Appendix B
    """
    ### BEGIN SOLUTION
    flat = [(token, number) for number, document in enumerate(documents) for token in (*document, end_id)]
    flat += [(pad_id, -1)] * (-len(flat) % length)
    tokens, numbers = torch.tensor(flat).view(-1, length, 2).unbind(-1)  # (B, T) each
    same = numbers[:, 1:] == numbers[:, :-1]  # (B, T - 1): is the right neighbour of the same document?
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = torch.where(same & (numbers[:, 1:] >= 0), tokens[:, 1:], -100)
    columns = torch.arange(length)
    begins = columns.repeat(len(tokens), 1)
    begins[:, 1:] *= ~same
    return Packed(tokens, targets, numbers, columns - begins.cummax(dim=1).values)
    ### END SOLUTION


# %%
# Given: the same place by place, and documents to pack.
def packed_by_hand(documents, length, end_id, pad_id=0):
    """Four lists of rows."""
    ribbon = [(token, number) for number, document in enumerate(documents) for token in [*document, end_id]]
    while len(ribbon) % length:
        ribbon.append((pad_id, -1))
    rows = [ribbon[i : i + length] for i in range(0, len(ribbon), length)]
    tokens, targets, numbers, positions = [], [], [], []
    for row in rows:
        tokens.append([token for token, _ in row])
        numbers.append([number for _, number in row])
        following = [*row[1:], (None, None)]
        targets.append([nxt if other == number and number != -1 else -100
                        for (_, number), (nxt, other) in zip(row, following, strict=True)])
        places = []
        for column, (_, number) in enumerate(row):
            places.append(places[-1] + 1 if column and row[column - 1][1] == number else 0)
        positions.append(places)
    return [torch.tensor(part) for part in (tokens, targets, numbers, positions)]


def random_documents(lengths, seed, vocab_size=5):
    """Documents of these lengths; ids from 0 on, so that ends and padding look like any other token."""
    rng = np.random.default_rng(seed)
    return [rng.integers(vocab_size, size=length).tolist() for length in lengths]


# %% check="pack_sequences: no token lost, none twice" points=2
packed = pack_sequences([[11, 12, 13], [21], [31, 32, 33, 34, 35]], length=4, end_id=9, pad_id=7)
check.equal(packed.tokens, torch.tensor([[11, 12, 13, 9], [21, 9, 31, 32], [33, 34, 35, 9]]),
            hint="end to end, a 9 after each document, cut every 4 tokens; 12 tokens fill three rows, none is padding")
padded = pack_sequences([[11, 12], [21, 22, 23, 24]], length=5, end_id=9, pad_id=7)
check.equal(padded.tokens, torch.tensor([[11, 12, 9, 21, 22], [23, 24, 9, 7, 7]]),
            hint="the last row is filled up with pad_id; the end of the last document is not forgotten")
check.equal(pack_sequences([[5], [], [6]], length=3, end_id=9).tokens, torch.tensor([[5, 9, 9], [6, 9, 0]]),
            hint="an empty document is its end alone; pad_id is 0 by default")
for part in packed:
    check.dtype(part, torch.int64, hint="int64, all four tensors")
check.equal(list(packed._fields), ["tokens", "targets", "documents", "positions"],
            hint="return Packed(tokens, targets, documents, positions)")
check.equal(pack_sequences(random_documents([7, 1, 12, 0, 3], 1), 6, 3).tokens,
            packed_by_hand(random_documents([7, 1, 12, 0, 3], 1), 6, 3)[0], hint="28 tokens in rows of 6")
mine = [[5, 6], [7]]
pack_sequences(mine, length=3, end_id=9)
check.equal(mine, [[5, 6], [7]], hint="documents was changed: put the ends into a list of your own")
### BEGIN HIDDEN TESTS
check.equal(pack_sequences(random_documents([20, 2, 2], 2), 4, 1, 2).tokens,
            packed_by_hand(random_documents([20, 2, 2], 2), 4, 1, 2)[0], hint="a document longer than several rows")
check.equal(pack_sequences([[1, 2, 3]], 4, 8).tokens, torch.tensor([[1, 2, 3, 8]]), hint="one document, one full row")
### END HIDDEN TESTS

# %% check="pack_sequences: whose token is it?" points=1
packed = pack_sequences([[11, 12, 13], [21], [31, 32, 33, 34]], length=4, end_id=9, pad_id=9)
check.equal(packed.documents, torch.tensor([[0, 0, 0, 0], [1, 1, 2, 2], [2, 2, 2, -1]]),
            hint="0, 1, 2, …; an end belongs to the document before it; padding is −1, even if it looks like an end")
check.equal(pack_sequences(random_documents([7, 1, 12, 0, 3], 3), 6, 0).documents,
            packed_by_hand(random_documents([7, 1, 12, 0, 3], 3), 6, 0)[2],
            hint="tokens may look like end_id or pad_id: the numbers come from where a token was, not from what it is")
### BEGIN HIDDEN TESTS
check.equal(pack_sequences(random_documents([3, 3, 9, 1], 4), 5, 2).documents,
            packed_by_hand(random_documents([3, 3, 9, 1], 4), 5, 2)[2], hint="documents of several lengths, T = 5")
### END HIDDEN TESTS

# %% check="pack_sequences: targets stay in their document" points=2
packed = pack_sequences([[11, 12, 13], [21], [31, 32]], length=4, end_id=9, pad_id=7)
check.equal(packed.targets[0], torch.tensor([12, 13, 9, -100]),
            hint="the next token; after the last one the end, which has to be learnt; after the end nothing: −100")
check.equal(packed.targets, torch.tensor([[12, 13, 9, -100], [9, -100, 32, -100], [-100, -100, -100, -100]]),
            hint="−100 for an end, for the last place of a row, whatever comes there, and for padding")
check.equal(pack_sequences(random_documents([7, 1, 12, 0, 3], 5), 6, 2, 2).targets,
            packed_by_hand(random_documents([7, 1, 12, 0, 3], 5), 6, 2, 2)[1],
            hint="tokens that look like end_id or pad_id are targets like any other: decide by document numbers")
check.equal(pack_sequences([[5], [6]], length=7, end_id=9, pad_id=1).targets,
            torch.tensor([[9, -100, 9, -100, -100, -100, -100]]), hint="padding is never a target, nor has it one")
### BEGIN HIDDEN TESTS
check.equal(pack_sequences(random_documents([4, 15, 2, 2], 6), 8, 0).targets,
            packed_by_hand(random_documents([4, 15, 2, 2], 6), 8, 0)[1], hint="end_id and pad_id are both 0")
check.dtype(pack_sequences([[1]], 3, 2).targets, torch.int64, hint="int64")
### END HIDDEN TESTS

# %% check="pack_sequences: positions start again" points=1
packed = pack_sequences([[11, 12], [21], [31, 32, 33, 34, 35, 36]], length=6, end_id=9)
check.equal(packed.positions, torch.tensor([[0, 1, 2, 0, 1, 0], [0, 1, 2, 3, 4, 5]]),
            hint="from 0 at each document, and from 0 where a row goes on with one: no position of T or more")
check.equal(pack_sequences([[5], [6]], length=7, end_id=9).positions, torch.tensor([[0, 1, 0, 1, 0, 1, 2]]),
            hint="padding counts like a document of its own")
check.equal(pack_sequences(random_documents([7, 1, 12, 0, 3], 7), 6, 1).positions,
            packed_by_hand(random_documents([7, 1, 12, 0, 3], 7), 6, 1)[3], hint="documents of several lengths, T = 6")
### BEGIN HIDDEN TESTS
check.equal(pack_sequences(random_documents([2, 30, 0, 0, 5], 8), 7, 1).positions,
            packed_by_hand(random_documents([2, 30, 0, 0, 5], 8), 7, 1)[3], hint="long and empty documents, T = 7")
check.dtype(pack_sequences([[1]], 3, 2).positions, torch.int64, hint="int64")
### END HIDDEN TESTS

# %% [markdown]
# The docstrings that the filter has left, in GPT-2's tokens. Three ways to make batches of 16: pad every document to
# the longest of all; shuffle, and pad to the longest of each batch; sort by length first, so that neighbours are of a
# size, and pad to the longest of each batch. And a fourth: pack.
#
# **Before you run the next cell:** which share of the tokens that the model computes on is padding, for each of the
# four?

# %% demo="waste" alt="Padding to the longest of all 90%, of a shuffled batch 71%, of a sorted batch 8%, packed 0.02%."
rng = np.random.default_rng(5)
encoded = [gpt2.encode(text) for text in KEPT["docstrings"]]
sizes = rng.permutation([len(tokens) + 1 for tokens in encoded])  # with the end of text


def padding_share(sizes, batch=16):
    """The share of padding in batches of neighbours, each padded to its longest."""
    batches = [sizes[i : i + batch] for i in range(0, len(sizes), batch)]
    return 1 - sum(map(sum, batches)) / sum(len(some) * max(some) for some in batches)


rows = pack_sequences(encoded, length=512, end_id=50256)
ways = {"longest of all": padding_share(sizes, len(sizes)), "longest of a batch, shuffled": padding_share(sizes),
        "longest of a batch, sorted": padding_share(sorted(sizes)),
        "packed, T = 512": (rows.documents == -1).float().mean().item()}
figure, ax = plt.subplots(figsize=(8.5, 2.6), layout="constrained")
ax.barh(list(ways), [100 * share for share in ways.values()], color="0.6")
for name, share in ways.items():
    ax.text(100 * share + 1, name, f"{share:.2%}" if share < 0.01 else f"{share:.0%}", va="center")
ax.set(title=f"{len(sizes):,} docstrings of {min(sizes)} to {max(sizes):,} tokens", xlim=(0, 100),
       xlabel="padding [% of all tokens in the batches]")
ax.invert_yaxis()
ax.grid(visible=False, axis="y")
plt.show()
lost = (rows.targets == -100).float().mean().item()
print(f"packed into {len(rows.tokens)} rows; {lost:.2%} of the places have no target, "
      f"{(rows.documents[:, 1:] != rows.documents[:, :-1]).any(1).float().mean():.0%} of the rows hold several")

# %% [markdown]
# Ninety per cent of the work for nothing, if all are padded to the longest; 71% in shuffled batches, since one long
# document in sixteen is enough to spoil a batch. Sorting gets that down to 8%, and then short documents always come
# together, and batches are no longer drawn at random. Packing wastes the rest of the last row. What it costs instead is
# in the last line: 0.7% of the places have no target, the ends of documents and of rows, and nearly every row mixes
# documents.
#
# ## 9 · Strangers in a row
#
# With a causal mask alone the tokens of a document attend to whatever stood before it in the row: strangers. GPT-3 let
# them, and left it to the model to learn what the end of a text means. Llama 3 forbids it by a mask, and reports that
# this made little difference in ordinary pretraining but was important for very long sequences (Llama Team 2024, §3.2).
#
# A token may attend to itself and to what stands before it *in its own document*: a causal mask within blocks.
#
# **`document_mask(documents)`** ★★☆☆☆ · 5 minutes
#
# | | shape | meaning |
# |---|---|---|
# | `documents` | (B, T), int64 | as `pack_sequences` returns them |
# | result | (B, T, T), bool, on the device of `documents` | `mask[b, t, s]` is True where place *t* of row *b* may attend to place *s* |
#
# Padding attends to padding, as if it were a document: a row of a mask without any True would make the softmax divide
# by zero.
#
# <details><summary>Hint 1</summary>Two conditions at once: the same document, and not later.</details>
# <details><summary>Hint 2</summary><code>documents[:, :, None] == documents[:, None, :]</code> compares each place of a
# row with each place of the same row.</details>
# <details><summary>Hint 3</summary>The method <code>tril()</code> works on the last two axes, on tensors of bools
# too.</details>

# %% exercise="document_mask" minutes=5 level=2
def document_mask(documents: Tensor) -> Tensor:
    """Which places may attend to which: (B, T, T) bool, the same document and not later.

    documents: (B, T), the number of each token's document.   Llama Team 2024, §3.2
    """
    ### BEGIN SOLUTION
    return (documents[:, :, None] == documents[:, None, :]).tril()
    ### END SOLUTION


# %%
# Given: each document by itself, without any packing.
def attend_alone(q, k, v, documents):
    """Causal attention within each stretch of equal numbers, stretch by stretch. q, k, v: (B, T, D)."""
    out = torch.empty_like(v)
    for row, numbers in enumerate(documents):
        for number in numbers.unique():
            mine = numbers == number
            out[row, mine] = F.scaled_dot_product_attention(q[row, mine], k[row, mine], v[row, mine], is_causal=True)
    return out


# %% check="document_mask: the same document, and not later" points=2
mask = document_mask(torch.tensor([[0, 0, 1, 1, -1]]))
check.equal(mask, torch.tensor([[[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]]])
            .bool(), hint="a triangle for each document: rows are queries, columns are keys; padding sees padding")
both = document_mask(torch.tensor([[3, 3, 3], [3, 4, 5]]))
check.equal(both.int(), torch.tensor([[[1, 0, 0], [1, 1, 0], [1, 1, 1]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]]).int(),
            hint="each row of the batch has a mask of its own")
check.dtype(mask, torch.bool, hint="a mask of bools: True where a token may attend")
q, k, v = check.randn(2, 6, 4, seed=11), check.randn(2, 6, 4, seed=12), check.randn(2, 6, 3, seed=13)
packed_mask = document_mask(torch.tensor([[0, 0, 0, 1, 1, 2], [2, 2, 3, 3, -1, -1]]))
attended = F.scaled_dot_product_attention(q, k, v, packed_mask)
check.close(attended, attend_alone(q, k, v, torch.tensor([[0, 0, 0, 1, 1, 2], [2, 2, 3, 3, -1, -1]])), atol=1e-6,
            hint="attention over a packed row must give what each document gives alone")
### BEGIN HIDDEN TESTS
check.equal(document_mask(torch.tensor([[7, 7, 8, -1], [0, 1, 1, 1], [5, 5, 5, 5]])).sum((1, 2)),
            torch.tensor([5, 7, 10]), hint="three rows: so many pairs may attend")
check.shape(document_mask(torch.tensor([[0, 1, 1], [1, 1, 2]])), (2, 3, 3), hint="(B, T, T)")
### END HIDDEN TESTS

# %% [markdown]
# **Before you run the next cell:** the first two rows of the packed docstrings, 512 tokens each. What share of the
# pairs of a causal mask is left, in these two and over all rows?

# %% demo="block-mask" alt="Two masks: dark triangles along the diagonal, one for each document in the row."
figure, axes = plt.subplots(1, 2, figsize=(8.5, 4.2), sharey=True, layout="constrained")
masks = document_mask(rows.documents)
for ax, row in zip(axes, (0, 1), strict=True):
    ax.imshow(masks[row], cmap="Greys", interpolation="nearest")
    ax.set(title=f"row {row}: {len(rows.documents[row].unique())} documents", xlabel="key, place in the row")
    ax.grid(visible=False)
axes[0].set_ylabel("query, place in the row")
plt.show()
full = 512 * 513 / 2
print(f"of the pairs of a causal mask {masks.sum().item() / (full * len(masks)):.0%} are left, "
      f"over all {len(masks)} rows")

# %% [markdown]
# Less than half of the pairs are left, and the longer the rows, the fewer. That saves time only if the program skips
# what is masked, as kernels for rows of several documents do (*flash_attention*); `F.scaled_dot_product_attention` with
# a mask computes all of them and throws half away.
#
# ## Recap
#
# - A massive corpus is more than anybody can read in a thousand lives. Its faults are found by programs, or not at all.
# - Seven comparisons throw out most of what is not prose. Each is also a decision, and code passes them.
# - Two texts are as alike as their sets of shingles. The smallest of random numbers is the same in two sets with just
#   that probability; k of them are a signature, with error $\sqrt{J(1-J)/k}$. Numbers stay below $2^{62}$, so
#   that none overflows in silence.
# - Bands turn signatures into candidates without going through all pairs: $1-(1-s^r)^b$. Take a setting with high
#   recall, then check each candidate.
# - Groups keep one document each, and may swallow chains of documents whose ends have little in common.
# - What stands in the data a hundred times is learnt by heart, and the loss on everything else pays for it.
# - A search for 13 words finds test questions that were copied word for word, and misses those with one word in ten
#   changed.
# - Packing leaves no holes; document numbers tell targets, positions and mask where a document ends.
#
# ## A question in words
#
# A friend has collected 40 million web pages, deduplicated them by comparing SHA-256 sums of the files, and trained a
# model. It scores 71% on a test of questions from old exams, whereas other models of its size score 55%; on a new exam
# of this year it scores 54%. In conversation it likes to continue with the same licence text, word for word. "The model
# is fine," the friend says. "I searched for 50-word stretches of the test in the data and found none. And the batches
# are packed, with an end-of-text token, as in GPT-3."
#
# In eight to twelve sentences: (a) Why has the licence text survived, what would have found it, and with which
# settings? (b) What do the three scores suggest, why does the search prove little, and what would you do? (c) What does
# packing without a document mask let the model do, and would you expect a mask to change the scores?

# %% [markdown] essay="forty-million-pages" points=3
# **(a)** Files that differ in one byte, such as a date or a header, have different sums, so exact hashing removes
# almost none of the pages that carry the same licence. Near-duplicates are found by MinHash over shingles of about 5
# words, with bands such as 14 × 8 whose steep part lies a little below the similarity that counts as a duplicate (0.75
# or 0.8), and an exact check of the candidates. If the licence is only part of otherwise different pages, documents are
# not alike as a whole; then repeated stretches or lines must be found and removed. A passage that stands in the data
# hundreds of times is learnt by heart. *(1 point: exact against near duplicates; sensible settings or the limit of
# whole documents.)*
#
# **(b)** 71 against 55 on old exams and 54 on a new one suggests that the old questions were in the training text.
# Stretches of 50 words miss every question that is shorter than that, which must be reported as "cannot be judged" and
# not as clean, and every copy with a word changed in each stretch; shorter ones, 8 to 13 words after normalisation,
# find more. Report the scores for flagged and clean questions separately, remove what is found from the data and train
# again if one can, and trust the new exam. *(1 point: contamination, why 50 is too long, one sensible step.)*
#
# **(c)** Without the mask a token attends to unrelated documents that stand before it in its row, and has to learn to
# disregard them after the end-of-text token. It costs some attention and some noise; Llama 3's authors saw little
# difference at ordinary lengths and an important one for very long sequences. The suspicious score has another cause,
# so a mask would hardly change it. *(1 point: what is attended to, and that it is not the explanation.)*

# %% [markdown]
# ## Sources
#
# - Broder 1997. *On the Resemblance and Containment of Documents.* Compression and Complexity of Sequences. Shingles,
#   resemblance (Jaccard similarity), containment, AltaVista.
# - Broder, Charikar, Frieze, Mitzenmacher 2000. *Min-Wise Independent Permutations.* Journal of Computer and System
#   Sciences 60. Carter, Wegman 1979. *Universal Classes of Hash Functions.* Same journal, 18.
# - Broder, Glassman, Manasse, Zweig 1997. *Syntactic Clustering of the Web.* Computer Networks and ISDN Systems 29.
# - Indyk, Motwani 1998. *Approximate Nearest Neighbors: Towards Removing the Curse of Dimensionality.* STOC. Leskovec,
#   Rajaraman, Ullman 2020. *Mining of Massive Datasets*, 3rd edition, §3.4: bands.
# - Brown et al. 2020. *Language Models are Few-Shot Learners.* arXiv 2005.14165. §2.2 and Appendix A the data, Appendix
#   B packing, Appendix C contamination.
# - Rae et al. 2021. *Scaling Language Models: Methods, Analysis & Insights from Training Gopher.* arXiv 2112.11446,
#   Appendix A: the rules.
# - Lee, Ippolito, Nystrom, Zhang, Eck, Callison-Burch, Carlini 2022. *Deduplicating Training Data Makes Language Models
#   Better.* ACL, arXiv 2107.06499. Table 2 duplicates, Appendix A settings.
# - Carlini, Ippolito, Jagielski, Lee, Tramèr, Zhang 2023. *Quantifying Memorization Across Neural Language Models.*
#   ICLR, arXiv 2202.07646. Hernandez et al. 2022. *Scaling Laws and Interpretability of Learning from Repeated Data.*
#   arXiv 2205.10487.
# - Penedo et al. 2024. *The FineWeb Datasets.* NeurIPS, arXiv 2406.17557. Llama Team 2024. *The Llama 3 Herd of
#   Models.* arXiv 2407.21783, §3. Gao et al. 2020. *The Pile.* arXiv 2101.00027.
# - Brysbaert 2019. *How many words do we read per minute?* Journal of Memory and Language 109. Bengio, Ducharme,
#   Vincent, Jauvin 2003. *A Neural Probabilistic Language Model.* JMLR 3.
