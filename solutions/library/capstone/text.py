"""From a text to tokens on disk: made once, memory-mapped, made anew when the text or the settings change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from internals.capstone.config import DataConfig
from internals.capstone.parts import Parts
from internals.capstone.stop import Stop

FORMAT = 1  # of the two files; part of the fingerprint


class CharacterTokenizer:
    """One id for each distinct character. vocabulary: the characters; a character's id is its place."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = list(vocabulary)
        self.ids = {character: i for i, character in enumerate(self.vocabulary)}

    def encode(self, text: str) -> list[int]:
        """The id of each character. Raises KeyError for one that is not in the vocabulary."""
        return [self.ids[character] for character in text]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids."""
        return "".join(self.vocabulary[i] for i in ids)


@dataclass(frozen=True)
class Tokens:
    """A text as ids. train (N,), validation (M,): uint16, memory-mapped. characters: of the validation text."""

    train: Tensor
    validation: Tensor
    tokenizer: object
    vocab_size: int
    characters: int
    fingerprint: str


def read_text(path: Path | None) -> tuple[str, str]:
    """The text and where it comes from, for the model card. None: the course's `shakespeare`."""
    if path is None:
        from autograder import data

        try:
            return data.load("shakespeare"), "38 plays by Shakespeare (autograder.data's key shakespeare)"
        except (data.Unavailable, data.DataError) as error:
            raise Stop(f"{error} Or give a text of your own: --text FILE") from None
    try:
        return path.read_bytes().decode("utf-8"), path.name
    except UnicodeDecodeError as error:
        raise Stop(f"{path}: not UTF-8 text (byte {error.start:,} is {error.object[error.start]:#04x})") from None
    except OSError as error:
        raise Stop(f"{path}: cannot be read: {error.strerror}") from None


def prepare_tokens(text: str, config: DataConfig, folder: Path, length: int, parts: Parts) -> Tokens:
    """The text's tokens from `folder`/tokens.bin and tokens.json; written first where they are not of this text.

    The last `config.validation` of the characters are the validation split. length: the model's; both splits must be
    longer. Raises Stop with one line.
    """
    fingerprint = fingerprint_of(text, config)
    if not _fresh(folder, fingerprint):
        _write(text, config, folder, fingerprint, parts)
    tokens = _read(folder, config, parts)
    for name, split in (("training", tokens.train), ("validation", tokens.validation)):
        if len(split) <= length + 1:
            raise Stop(f"the text is too short: {len(split):,} {name} tokens for a model that sees {length:,} at once")
    return tokens


def fingerprint_of(text: str, config: DataConfig) -> str:
    """Differs for texts, or settings, that give other tokens."""
    settings = json.dumps([FORMAT, config.tokens, config.merges, config.validation])
    return hashlib.sha256(settings.encode() + text.encode()).hexdigest()


def known_fingerprint(folder: Path) -> str | None:
    """That of the tokens in a folder; None where there are none."""
    try:
        return json.loads((folder / "tokens.json").read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fresh(folder: Path, fingerprint: str) -> bool:
    try:
        about = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
        size = 2 * (about["train"] + about["validation"])
        return about["fingerprint"] == fingerprint and (folder / "tokens.bin").stat().st_size == size
    except (OSError, ValueError, KeyError, TypeError):
        return False  # never made, or damaged: made anew


def _write(text: str, config: DataConfig, folder: Path, fingerprint: str, parts: Parts) -> None:
    cut = int(len(text) * (1 - config.validation))
    first, last = text[:cut], text[cut:]
    if config.tokens == "bpe":
        ranks = parts.train_bpe(first, config.merges)  # never sees the validation split
        vocabulary = [token.decode("latin-1") for token in ranks]
        splits = [encode_bpe(split, parts.BPETokenizer(ranks), parts.GPT2_SPLIT) for split in (first, last)]
    else:
        vocabulary = sorted(set(text))
        tokenizer = CharacterTokenizer(vocabulary)
        splits = [tokenizer.encode(split) for split in (first, last)]
    if len(vocabulary) > 2**16:
        raise Stop(f"the text has {len(vocabulary):,} tokens, more than 16 bits can number: set data.tokens=bpe")
    about = {
        "fingerprint": fingerprint,
        "train": len(splits[0]),
        "validation": len(splits[1]),
        "validation_characters": len(last),
        "vocabulary": vocabulary,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokens.json").unlink(missing_ok=True)  # written last: it vouches for the other file
        with (folder / "tokens.bin").open("wb") as file:
            for split in splits:
                np.asarray(split, dtype=np.uint16).tofile(file)
        (folder / "tokens.json").write_text(json.dumps(about), encoding="utf-8")
    except OSError as error:
        raise Stop(f"{folder}: the tokens cannot be written: {error.strerror or error}") from None


def encode_bpe(text: str, tokenizer, split) -> list[int]:
    """Ids of a text, as `tokenizer.encode` gives them, with each distinct chunk merged once."""
    known: dict[str, list[int]] = {}
    ids: list[int] = []
    for chunk in split.findall(text):
        if chunk not in known:
            known[chunk] = tokenizer.encode_bytes(chunk.encode())
        ids += known[chunk]
    return ids


def _read(folder: Path, config: DataConfig, parts: Parts) -> Tokens:
    about = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
    # Mode "c": the file is never changed, and torch gets memory that it may believe to be writable.
    mapped = np.memmap(folder / "tokens.bin", dtype=np.uint16, mode="c")
    ids = torch.from_numpy(mapped)
    vocabulary = about["vocabulary"]
    if config.tokens == "bpe":
        tokenizer = parts.BPETokenizer({token.encode("latin-1"): i for i, token in enumerate(vocabulary)})
    else:
        tokenizer = CharacterTokenizer(vocabulary)
    return Tokens(
        train=ids[: about["train"]],
        validation=ids[about["train"] :],
        tokenizer=tokenizer,
        vocab_size=len(vocabulary),
        characters=about["validation_characters"],
        fingerprint=about["fingerprint"],
    )
