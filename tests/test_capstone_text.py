"""From a text to tokens: no character is lost, the files are made once, and made anew when they have to be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_capstone import made_up_text

from internals.capstone.config import DataConfig
from internals.capstone.parts import load_parts
from internals.capstone.stop import Stop
from internals.capstone.text import CharacterTokenizer, encode_bpe, prepare_tokens, read_text

CHARACTERS, BPE = DataConfig(), DataConfig(tokens="bpe", merges=30)


@pytest.fixture(scope="module")
def parts():
    return load_parts(bpe=True)


@pytest.mark.parametrize("config", [CHARACTERS, BPE], ids=["characters", "bpe"])
def test_both_splits_together_are_the_text(config, parts, tmp_path):
    text = made_up_text() + "naïve 🎉 日本"
    tokens = prepare_tokens(text, config, tmp_path, 16, parts)
    first, last = (tokens.tokenizer.decode(split.tolist()) for split in (tokens.train, tokens.validation))
    assert first + last == text
    assert len(last) == tokens.characters == len(text) - int(len(text) * 0.9)
    assert tokens.train.dtype == torch.uint16
    assert tokens.vocab_size == (len(set(text)) if config is CHARACTERS else 286)


@given(st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_chunks_merged_once_give_the_ids_of_the_tokenizer(text):
    parts = load_parts(bpe=True)
    tokenizer = parts.BPETokenizer(parts.train_bpe(made_up_text(200), 30))
    assert encode_bpe(text, tokenizer, parts.GPT2_SPLIT) == tokenizer.encode(text)


@given(st.text(min_size=1))
def test_characters_come_back_from_their_ids(text):
    tokenizer = CharacterTokenizer(sorted(set(text)))
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_byte_pairs_are_learnt_from_the_training_split_alone(parts, tmp_path):
    text = "ab " * 600 + "xyz" * 66
    tokens = prepare_tokens(text, DataConfig(tokens="bpe", merges=50), tmp_path, 4, parts)
    assert not any(b"xy" in token for token in tokens.tokenizer.ranks)


def test_tokens_are_made_once_and_renewed_when_text_or_settings_change(parts, tmp_path):
    def made(text: str, config: DataConfig) -> int:
        prepare_tokens(text, config, tmp_path, 16, parts)
        return (tmp_path / "tokens.bin").stat().st_mtime_ns

    text = made_up_text()
    first = made(text, CHARACTERS)
    assert made(text, CHARACTERS) == first
    second = made(text.replace("the", "The"), CHARACTERS)
    assert second != first
    assert made(text, BPE) != second


@pytest.mark.parametrize("damage", ["cut", "garbage", "missing"])
def test_damaged_files_are_made_anew(damage, parts, tmp_path):
    text = made_up_text()
    whole = prepare_tokens(text, CHARACTERS, tmp_path, 16, parts).train.clone()
    path = tmp_path / ("tokens.json" if damage == "garbage" else "tokens.bin")
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"{}" if damage == "garbage" else path.read_bytes()[:100])
    assert torch.equal(prepare_tokens(text, CHARACTERS, tmp_path, 16, parts).train, whole)


def test_the_file_holds_sixteen_bits_a_token(parts, tmp_path):
    text = made_up_text()
    prepare_tokens(text, CHARACTERS, tmp_path, 16, parts)
    ids = np.fromfile(tmp_path / "tokens.bin", dtype=np.uint16)
    vocabulary = sorted(set(text))
    assert "".join(vocabulary[i] for i in ids) == text


def test_a_text_that_cannot_be_trained_on_is_one_line(parts, tmp_path):
    with pytest.raises(Stop, match="too short: 9 training tokens for a model that sees 16"):
        prepare_tokens("0123456789", CHARACTERS, tmp_path, 16, parts)
    (tmp_path / "latin.txt").write_bytes("naïve".encode("latin-1"))
    with pytest.raises(Stop, match="not UTF-8 text .byte 2 is 0xef."):
        read_text(tmp_path / "latin.txt")
    with pytest.raises(Stop, match="cannot be read"):
        read_text(tmp_path)


def test_more_characters_than_sixteen_bits_can_number_point_to_byte_pairs(parts, tmp_path):
    text = "".join(map(chr, [*range(0x20, 0xD800), *range(0xE000, 0x20000)]))
    with pytest.raises(Stop, match="data.tokens=bpe"):
        prepare_tokens(text, CHARACTERS, tmp_path, 16, parts)
