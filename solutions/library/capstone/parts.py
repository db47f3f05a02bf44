"""The parts that the trainer is assembled from: the course's, or the student's own, by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from internals.capstone.stop import Stop

PARTS = {  # name → the notebook that it comes from
    "Decoder": "capstone",
    "build_optimizer": "capstone",
    "choose_precision": "capstone",
    "split_loss": "capstone",
    "model_flops": "capstone",
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
    "language_loss": "training_loop",
    "flops_per_token": "training_loop",
}
INSIDE = {  # what two of them are made of: as the capstone's notebook imports it, whoever wrote that
    "Decoder": (
        "causal_mask",
        "scaled_dot_product_attention",
        "split_heads",
        "merge_heads",
        "rope_frequencies",
        "apply_rope",
        "SwiGLU",
        "RMSNorm",
        "PreNormBlock",
    ),
    "build_optimizer": ("AdamW", "Muon"),
    "split_loss": ("language_loss",),
    "model_flops": ("flops_per_token",),
}
BPE_PARTS = {"GPT2_SPLIT": "tokenization", "train_bpe": "tokenization", "BPETokenizer": "tokenization"}


class Parts(SimpleNamespace):
    """The parts as attributes: `parts.RMSNorm`. owners: for the model card, a part's name → whose it is, in words."""

    owners: dict[str, str]


def load_parts(package: str = "internals", bpe: bool = False, own: Mapping[str, Any] | None = None) -> Parts:
    """Every part, from `internals` (the course's) or `autograder.parts` (yours where you have solved it).

    bpe: the tokenizer's too; it needs the package regex. own: parts by name that are handed in, as the capstone's
    notebook does with what is written in it. Raises Stop where one is missing.
    """
    own = own or {}
    wanted = PARTS | (BPE_PARTS if bpe else {})
    try:
        found = {
            name: own[name] if name in own else getattr(importlib.import_module(f"{package}.{home}"), name)
            for name, home in wanted.items()
        }
    except (ImportError, AttributeError) as error:
        raise Stop(f"a part is missing: {error}") from None
    owners = dict.fromkeys(wanted, "the course's")
    if package == "autograder.parts":
        from autograder.parts import whose

        known = whose()
        owners |= {part.name: str(part) for part in known if part.name in wanted}
        theirs = {part.name for part in known if part.yours} | set(own)
        for outer, inner in INSIDE.items():
            if outer not in theirs:  # the course's, made of the course's
                owners |= dict.fromkeys(inner, f"the course's, inside its {outer}")
    return Parts(**found, owners=owners | dict.fromkeys(own, "from the notebook that ran this"))
