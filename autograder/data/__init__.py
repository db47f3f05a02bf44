"""Texts, pictures and models by key: fetched once from a package registry, verified, then read offline.

    from autograder import data
    text = data.load("shakespeare")

What `load` returns:

| key | value |
|---|---|
| `shakespeare` | str: 38 plays, one after the other |
| `languages` | dict from tag (`en_Latn`, `ja_Jpan`) to a sample text in that language and script |
| `verses` | list of (English, Spanish); else dates: (written out, in figures) |
| `names` | dict of three lists, `female`, `male`, `surnames`, the most frequent first |
| `digits` | images (1797, 8, 8) uint8, 0 to 16, and labels (1797,) int64; else seven-segment digits |
| `fashion` | images (60000, 28, 28) uint8, 0 to 255, and labels (60000,) int64 to train, then to test; else digits |
| `emoji` | list of (64 × 64 RGB picture of Pillow's, name); else shapes with captions |
| `smollm2` | Path of the GGUF file |
| `minilm` | Path of a folder with `model.safetensors`, `tokenizer.json` and `config.json` |
| `gpt2-vocabulary` | dict from bytes to rank |
| `sentencepiece-vocabulary` | Path of the SentencePiece model |
| `reasoning` | Path of a folder that holds the package `reasoning_gym`, unpacked and not installed |
| `humaneval` | list of dicts: `task_id`, `prompt`, `canonical_solution`, `test`, `entry_point` |

"else" is what is generated where the files can be neither fetched nor found in the cache; `load` then says so.
`datasets/registry.toml` says where each key comes from, under what licence, and what its files must be.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autograder.data.registry import DataError, Unavailable

__all__ = ["DataError", "Unavailable", "load", "path"]


def load(key: str) -> Any:
    """What the key stands for, in the form that the table above says; fetched first where it is not in the cache.

    Where it cannot be had and the registry names a fall-back, that is generated, and a line says so. Raises
    Unavailable where there is none, DataError for an unknown key. Each is one line that says what to do.
    """
    from autograder.data.read import READERS
    from autograder.data.registry import find

    entry = find(key)
    try:
        folder = path(key)
    except Unavailable as problem:
        if not entry.fallback:
            raise
        from autograder.data.fallback import FALLBACKS

        print(f"{problem}\nIn its place: {entry.fallback}.")
        return FALLBACKS[key]()
    return READERS[key](folder)


def path(key: str) -> Path:
    """The folder with the key's files, fetched first where it is not in the cache. Raises Unavailable, DataError."""
    from autograder.data import cache
    from autograder.data.fill import fill
    from autograder.data.registry import find

    entry = find(key)
    if not cache.holds(entry):
        fill(entry)
    return cache.folder(entry)
