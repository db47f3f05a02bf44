"""Vocabularies of trained models, and texts to try them on, without the libraries that usually read them.

    from internals.vocabularies import load_gpt2, load_sentencepiece, load_wordpiece
    ranks = load_gpt2()                # {b"!": 0, …, b" gazed": 50255}

Where the files cannot be had, a small stand-in made of a few sentences takes their place, and a line says so.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from autograder import data

__all__ = ["Piece", "load_gpt2", "load_languages", "load_sentencepiece", "load_text", "load_wordpiece",
           "read_sentencepiece", "read_wordpiece"]  # fmt: skip

STAND_IN = {  # the same two sentences, written for this course
    "en_Latn": "The small boat comes home in the evening. On the shore the children count its red and white sails and "
    "wave to the people on board.",
    "es_Latn": "El pequeño barco vuelve a casa por la tarde. En la orilla los niños cuentan sus velas rojas y blancas "
    "y saludan a la gente de a bordo.",
    "de_Latn": "Das kleine Boot kommt am Abend nach Hause. Am Ufer zählen die Kinder seine roten und weißen Segel und "
    "winken den Leuten an Bord.",
    "el_Grek": "Η μικρή βάρκα γυρίζει σπίτι το βράδυ. Στην ακτή τα παιδιά μετρούν τα κόκκινα και τα λευκά πανιά της "
    "και χαιρετούν τους ανθρώπους.",
}


class Piece(NamedTuple):
    """An entry of a SentencePiece model; its id is its place in the list.

    score: log probability (unigram), or minus the rank of the merge (byte pairs). kind: "normal", "unknown",
    "control", "user-defined", "byte" or "unused".
    """

    text: str
    score: float
    kind: str


# ---- the files


def read_wordpiece(folder: Path) -> dict[str, int]:
    """Piece to id, from the tokenizer.json of a BERT-like model. Raises OSError, KeyError."""
    return json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]


def read_sentencepiece(path: Path) -> list[Piece]:
    """The pieces of a SentencePiece model, in the order of their ids. Raises OSError, ValueError for another file.

    A model is a protocol buffer; field 1 repeats the message SentencePiece: 1 piece, 2 score, 3 type
    (sentencepiece_model.proto).
    """
    kinds = {1: "normal", 2: "unknown", 3: "control", 4: "user-defined", 5: "unused", 6: "byte"}
    pieces = []
    for number, message in _fields(path.read_bytes()):
        if number == 1:
            fields = {1: b"", 2: b"\0\0\0\0", 3: 1, **dict(_fields(message))}
            pieces.append(Piece(fields[1].decode(), struct.unpack("<f", fields[2])[0], kinds[fields[3]]))
    if not pieces:
        raise ValueError(f"{path}: not a SentencePiece model (no pieces in it)")
    return pieces


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a protocol buffer: int for varints, bytes for the others, unread."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        wire = key & 7
        if wire == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(wire)
        if size is None:
            size = varint()
        yield key >> 3, message[at : at + size]
        at += size


# ---- by key, with a stand-in


def load_gpt2() -> dict[bytes, int]:
    """GPT-2's byte pairs by rank: 50,256 byte strings, the 256 single bytes first in an order of their own."""
    try:
        return data.load("gpt2-vocabulary")
    except data.Unavailable as problem:
        _say(problem)
        tokens = [bytes([b]) for b in range(256)]
        return {token: rank for rank, token in enumerate(dict.fromkeys(tokens + [p.encode() for p in _prefixes(" ")]))}


def load_wordpiece() -> dict[str, int]:
    """The WordPiece vocabulary of BERT, as MiniLM uses it: 30,522 pieces, `##` before those that continue a word."""
    try:
        return read_wordpiece(data.path("minilm"))
    except data.Unavailable as problem:
        _say(problem)
        pieces = _prefixes("", lower=True)
        letters = sorted(set("".join(pieces)))
        words = ["[UNK]", *letters, *(f"##{c}" for c in letters), *pieces]
        return {piece: i for i, piece in enumerate(dict.fromkeys(words))}


def load_sentencepiece() -> list[Piece]:
    """The 32,000 pieces of Mistral 7B's SentencePiece model: byte pairs of characters, bytes as a fall-back."""
    try:
        return read_sentencepiece(data.load("sentencepiece-vocabulary"))
    except data.Unavailable as problem:
        _say(problem)
        pieces = _prefixes("▁")
        words = dict.fromkeys(sorted(set("".join(pieces))) + pieces)
        return [
            Piece("<unk>", 0.0, "unknown"),
            *(Piece(f"<0x{b:02X}>", 0.0, "byte") for b in range(256)),
            *(Piece(word, -float(i), "normal") for i, word in enumerate(words)),
        ]


def load_text() -> str:
    """English to train on: Shakespeare's plays, about 5 million characters; else Python's help texts, a tenth of it."""
    try:
        return data.load("shakespeare")
    except data.Unavailable as problem:
        from pydoc_data.topics import topics

        print(f"{problem}\nPython's help texts stand in for the plays.")
        return "\n".join(topics.values())


def load_languages() -> dict[str, str]:
    """Tag (`en_Latn`) to a sample of that language in that script; else two sentences in four languages."""
    try:
        return data.load("languages")
    except data.Unavailable as problem:
        print(f"{problem}\nTwo sentences in four languages stand in: too little to compare languages by.")
        return dict(STAND_IN)


def _say(problem: data.Unavailable) -> None:
    print(f"{problem}\nA vocabulary made of a few sentences stands in: what it shows means little.")


def _prefixes(space: str, lower: bool = False) -> list[str]:
    """Every beginning of every word of the stand-in texts, so that merging from the left reaches each, shortest first.

    space: what stands before a word.
    """
    words = " ".join(STAND_IN.values()).replace(".", " .").replace(",", " ,").split()
    spaced = [space + (word.lower() if lower else word) for word in words]
    return sorted({word[:end] for word in spaced for end in range(1, len(word) + 1)}, key=lambda p: (len(p), p))
