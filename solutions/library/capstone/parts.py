"""The parts that the trainer is assembled from: the course's, or the student's own, by name."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

from internals.capstone.stop import Stop

PARTS = {  # name → the notebook that it comes from
    "causal_mask": "scaled_dot_product",
    "scaled_dot_product_attention": "scaled_dot_product",
    "split_heads": "multi_head",
    "merge_heads": "multi_head",
    "rope_frequencies": "positional_encoding",
    "apply_rope": "positional_encoding",
    "SwiGLU": "feed_forward",
    "RMSNorm": "layer_norm_comparison",
    "PreNormBlock": "layer_norm_comparison",
    "sample": "language_models",
    "AdamW": "optimizers",
    "Muon": "optimizers",
    "schedule": "optimizers",
    "Batches": "training_loop",
    "LossScaler": "training_loop",
    "train_step": "training_loop",
    "save_checkpoint": "training_loop",
    "load_checkpoint": "training_loop",
}
BPE_PARTS = {"GPT2_SPLIT": "tokenization", "train_bpe": "tokenization", "BPETokenizer": "tokenization"}


class Parts(SimpleNamespace):
    """The parts as attributes: `parts.RMSNorm`. owners: for the model card, a part's name → whose it is, in words."""

    owners: dict[str, str]


def load_parts(package: str = "internals", bpe: bool = False) -> Parts:
    """Every part, from `internals` (the course's) or `autograder.parts` (yours where you have solved it).

    bpe: the tokenizer's too; it needs the package regex. Raises Stop where one is missing.
    """
    wanted = PARTS | (BPE_PARTS if bpe else {})
    try:
        found = {name: getattr(importlib.import_module(f"{package}.{home}"), name) for name, home in wanted.items()}
    except (ImportError, AttributeError) as error:
        raise Stop(f"a part is missing: {error}") from None
    owners = dict.fromkeys(wanted, "the course's")
    if package == "autograder.parts":
        from autograder.parts import whose

        owners |= {part.name: str(part) for part in whose()}
    return Parts(**found, owners=owners)
