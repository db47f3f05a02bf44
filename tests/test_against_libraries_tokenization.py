"""The encoders against tiktoken, tokenizers and sentencepiece with the same vocabularies: the same ids, line by line.

The lines are in every script of the language samples, with emoji, numbers, runs of spaces and control characters.
"""

import io
import json
import random
import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import data
from internals.tokenization import (
    GPT2_SPLIT,
    BPETokenizer,
    apply_merge,
    bert_words,
    count_pairs,
    merge_pair,
    sentencepiece_bpe_encode,
    train_bpe,
    unigram_encode,
    wordpiece_encode,
)
from internals.vocabularies import Piece, read_sentencepiece, read_wordpiece

LINES = 10_000
LONGEST = 60  # characters of a line
SPICE = ["\U0001f642", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1f0\U0001f1ea", "\u2764\ufe0f", "3.14159",
         "1234567", "  ", "     ", "\t", "\u00a0", "\u3000", "\u2028", "\u200b", "\ufeff", "\x00", "\x07", "\x1b[0m",
         "\x1c", "\x85", "\x7f", "e\u0301", "\ufb01", "I\u0307", "\u00df", "\u03a3", "\u2581", "<unk>", "<0x0A>", "##a",
         "[UNK", "'ll", "'S", "!!!", "\u4e2d\u6587", "\u0e01\u0e33", "\ufffd", "\u00bd", "\u2167"]  # fmt: skip


@pytest.fixture(scope="module")
def lines():
    """10,000 lines of at most 60 characters: pieces of all samples, every second one with something odd put in."""
    draw = random.Random(0)
    samples = [line for text in data.load("languages").values() for line in text.splitlines() if line.strip()]
    found = []
    while len(found) < LINES:
        line = draw.choice(samples)
        start = draw.randrange(len(line))
        line = line[start : start + draw.randint(1, LONGEST)]
        for _ in range(draw.choice([0, 1, 3])):
            place = draw.randint(0, len(line))
            line = line[:place] + draw.choice(SPICE) + line[place:]
        found.append(line)
    return found


def differences(lines, ours, theirs):
    return [(line, ours(line), theirs(line)) for line in lines if ours(line) != theirs(line)][:3]


# ---- byte pairs


@pytest.fixture(scope="module")
def gpt2():
    import tiktoken
    from tiktoken_ext.openai_public import r50k_pat_str

    ranks, special = data.load("gpt2-vocabulary"), {"<|endoftext|>": 50256}
    return BPETokenizer(ranks, special), tiktoken.Encoding(
        "gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens=special
    )


@pytest.mark.slow
@pytest.mark.network("gpt2-vocabulary", "languages")
def test_byte_pairs_give_tiktokens_ids_in_every_script(gpt2, lines):
    ours, theirs = gpt2
    assert not differences(lines, ours.encode, theirs.encode_ordinary)
    for line in lines[:1000]:
        assert ours.decode(ours.encode(line)) == line


@pytest.mark.network("gpt2-vocabulary")
def test_special_tokens_are_tiktokens(gpt2):
    ours, theirs = gpt2
    text = "one<|endoftext|><|endoftext|> two <|endoftext"
    assert ours.encode(text) == theirs.encode(text, allowed_special="all")
    assert BPETokenizer(ours.ranks).encode(text) == theirs.encode_ordinary(text)


@pytest.mark.slow
@pytest.mark.network("gpt2-vocabulary", "languages")
def test_bytes_that_are_no_utf8_give_tiktokens_ids(gpt2, lines):
    ours, theirs = gpt2
    draw, tokens = random.Random(1), list(ours.ranks)
    for number in range(LINES):
        broken = bytearray(b"".join(draw.choice(tokens) for _ in range(draw.randint(0, 6))) + lines[number].encode()[:20])
        for _ in range(draw.randint(1, 5)):
            broken.insert(draw.randint(0, len(broken)), draw.randrange(128, 256))
        chunk = bytes(broken)
        assert ours.encode_bytes(chunk) == theirs._encode_single_piece(chunk), chunk
        assert ours.decode_bytes(ours.encode_bytes(chunk)) == chunk


TRAINED = train_bpe("the cat sat on the mat, the cat was fat; été à la plage 2024 2025 " * 3, 60)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_bytes_come_back(chunk):
    tokenizer = BPETokenizer(TRAINED)
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(chunk)) == chunk


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_comes_back(text):
    tokenizer = BPETokenizer(TRAINED, {"<|end|>": 999})
    assert tokenizer.decode(tokenizer.encode(text)) == text


# ---- training


def by_counting_afresh(text, num_merges):
    """The definition: all pairs counted before each merge. Returns the merged tokens in order."""
    chunks = Counter(GPT2_SPLIT.findall(text))
    words = {chunk: [bytes([b]) for b in chunk.encode()] for chunk in chunks}
    learnt = []
    for _ in range(num_merges):
        counts = Counter()
        for chunk, tokens in words.items():
            for pair in pairwise(tokens):
                counts[pair] += chunks[chunk]
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        learnt.append(best[0] + best[1])
        words = {chunk: merge_pair(tokens, best) for chunk, tokens in words.items()}
    return learnt


@given(st.text(alphabet="aab \n1é.", max_size=60), st.integers(0, 12))
@settings(deadline=None)
def test_incremental_counts_learn_what_fresh_counts_learn(text, num_merges):
    ranks = train_bpe(text, num_merges)
    assert list(ranks)[256:] == by_counting_afresh(text, num_merges)
    assert list(ranks.values()) == list(range(len(ranks)))


@pytest.mark.network("shakespeare")
def test_a_text_is_encoded_as_training_left_it():
    """The merges of training, replayed by rank, end where training ended."""
    text = data.load("shakespeare")[:30_000]
    ranks = train_bpe(text, 300)
    tokenizer = BPETokenizer(ranks)
    for chunk in set(GPT2_SPLIT.findall(text)):
        tokens = [bytes([b]) for b in chunk.encode()]
        for token in list(ranks)[256:]:
            for cut in range(1, len(token)):
                tokens = merge_pair(tokens, (token[:cut], token[cut:])) if token in b"".join(tokens) else tokens
        assert tokenizer.encode_bytes(chunk.encode()) == [ranks[token] for token in tokens]


def merges_of_tokenizers(text, num_merges):
    """What the tokenizers library learns with GPT-2's chunks: pairs of bytes, in order."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + num_merges, initial_alphabet=alphabet, show_progress=False, min_frequency=1
    )
    theirs.train_from_iterator([text], trainer)
    # Each byte is written as one character (Radford et al. 2019, their code): itself where that is printable Latin-1,
    # else the next free one from 256 on.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    byte_of = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
    merges = json.loads(theirs.to_str())["model"]["merges"]
    return [tuple(bytes(byte_of[c] for c in part) for part in pair) for pair in merges]


@pytest.mark.slow
@pytest.mark.network("shakespeare")
def test_every_merge_that_tokenizers_learns_is_a_most_frequent_pair_by_our_books():
    """Ties aside, on which conventions differ, the merges are the same, and the counts stay right for a thousand."""
    text = data.load("shakespeare")[:200_000]
    chunks = Counter(GPT2_SPLIT.findall(text))
    words, frequencies = [[bytes([b]) for b in chunk.encode()] for chunk in chunks], list(chunks.values())
    counts, places = count_pairs(words, frequencies)
    theirs, before_a_tie = merges_of_tokenizers(text, 1000), None
    for number, pair in enumerate(theirs):
        highest = max(counts.values())
        assert counts[pair] == highest, (number, pair)
        if before_a_tie is None and list(counts.values()).count(highest) > 1:
            before_a_tie = number
        apply_merge(pair, words, frequencies, counts, places)
    assert counts == count_pairs(words, frequencies)[0]
    assert len(theirs) == 1000
    assert before_a_tie is not None and before_a_tie > 30
    ranks = train_bpe(text, before_a_tie)
    assert list(ranks)[256:] == [left + right for left, right in theirs[:before_a_tie]]


@pytest.mark.slow
@pytest.mark.network("shakespeare")
def test_incremental_counts_learn_what_fresh_counts_learn_from_a_play():
    text = data.load("shakespeare")[:100_000]
    assert list(train_bpe(text, 250))[256:] == by_counting_afresh(text, 250)


# ---- WordPiece


def is_newer_than_tokenizers(character):
    """Is it a mark or a punctuation mark by Unicode, but not yet by the older tables of the tokenizers library?

    They lack scripts that were encoded lately, Newa and Bhaiksuki among them.
    """
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    if unicodedata.category(character) == "Mn":
        return BertNormalizer().normalize_str("a" + character) != "a"
    return bool(regex.match(r"\p{P}", character)) and len(BertPreTokenizer().pre_tokenize_str("a" + character)) == 1


@pytest.mark.slow
@pytest.mark.network("minilm", "languages")
def test_wordpiece_gives_the_ids_of_tokenizers_in_every_script(lines):
    from tokenizers import Tokenizer

    folder = data.path("minilm")
    theirs, vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")), read_wordpiece(folder)
    theirs.no_padding()
    theirs.no_truncation()

    def ours(line):
        return [vocabulary[piece] for word in bert_words(line) for piece in wordpiece_encode(word, vocabulary)]

    newer = {c for c in set("".join(lines)) if is_newer_than_tokenizers(c)}
    assert sum(c in newer for line in lines for c in line) < 0.01 * sum(map(len, lines))
    lines = ["".join(" " if c in newer else c for c in line) for line in lines]
    assert not differences(lines, ours, lambda line: theirs.encode(line, add_special_tokens=False).ids)


# ---- SentencePiece


def ids_of(pieces, vocabulary):
    """Ids of pieces; neighbours that are unknown become one, as SentencePiece has them."""
    ids = {piece.text: i for i, piece in enumerate(vocabulary)}
    unknown = next(i for i, piece in enumerate(vocabulary) if piece.kind == "unknown")
    found = []
    for piece in pieces:
        i = ids.get(piece, unknown)
        if i != unknown or found[-1:] != [unknown]:
            found.append(i)
    return found


def normal(vocabulary):
    return {piece.text: piece.score for piece in vocabulary if piece.kind == "normal"}


@pytest.mark.slow
@pytest.mark.network("sentencepiece-vocabulary", "languages")
def test_byte_pairs_of_characters_give_sentencepieces_ids_in_every_script(lines):
    from sentencepiece import SentencePieceProcessor

    path = data.load("sentencepiece-vocabulary")
    theirs, vocabulary = SentencePieceProcessor(model_file=str(path)), read_sentencepiece(path)
    assert vocabulary == [
        Piece(theirs.id_to_piece(i), theirs.get_score(i), vocabulary[i].kind) for i in range(theirs.vocab_size())
    ]
    scores = normal(vocabulary)
    ids = {piece.text: i for i, piece in enumerate(vocabulary)}
    assert not differences(
        lines, lambda line: [ids[piece] for piece in sentencepiece_bpe_encode(line, scores)], theirs.encode
    )


@pytest.mark.slow
@pytest.mark.network("languages")
def test_unigram_gives_the_ids_of_a_model_that_sentencepiece_trained(lines, tmp_path):
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(line for line in lines if "\x00" not in line), model_writer=model, model_type="unigram",
        vocab_size=6000, character_coverage=0.995, normalization_rule_name="identity", remove_extra_whitespaces=False,
        num_threads=1, minloglevel=2,
    )  # fmt: skip
    path = tmp_path / "unigram.model"
    path.write_bytes(model.getvalue())
    theirs, vocabulary = SentencePieceProcessor(model_file=str(path)), read_sentencepiece(path)
    # In float32, as SentencePiece sums: the same pieces in another order are a tie that rounding decides.
    log_probs = {piece: np.float32(score) for piece, score in normal(vocabulary).items()}

    def ours(line):
        return ids_of(unigram_encode("▁" + line.replace(" ", "▁"), log_probs), vocabulary)

    assert not differences(lines, ours, theirs.encode)
    scripts = {unicodedata.name(c, "?").split()[0] for line in lines for c in line if c.isalpha()}
    assert len(scripts) > 50, "the lines are to hold many scripts"


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "other").write_bytes(b"\x10\x01")
    with pytest.raises(ValueError, match="not a SentencePiece model"):
        read_sentencepiece(tmp_path / "other")
