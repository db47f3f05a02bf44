"""The files of trained models as plain tensors, settings and a tokenizer; and small random models in their stead.

Weights come out under transformers' names, as float32. `internals.real_models` runs them.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["Parts", "random_minilm", "random_smollm2", "read_minilm", "read_smollm2"]

Encode = Callable[[str], tuple[list[int], list[str]]]  # text to token ids, and to the tokens as they read
Parts = tuple[dict[str, Tensor], dict, Encode]  # weights by name, settings, tokenizer


# ---- MiniLM: safetensors, and the tokenizers library's own format


def read_minilm(folder: Path) -> Parts:
    """The sentence encoder from its folder: `BertModel`'s weights."""
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = load_file(folder / "model.safetensors")
    del weights["embeddings.position_ids"]  # 0, 1, 2, …: no weight
    return weights, config, _wordpiece(folder / "tokenizer.json")


def _wordpiece(path: Path) -> Encode:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def encode(text: str) -> tuple[list[int], list[str]]:
        encoded = tokenizer.encode(text)
        return encoded.ids, encoded.tokens

    return encode


# ---- SmolLM2: GGUF, which holds weights, settings, vocabulary and merges


def read_smollm2(path: Path) -> Parts:
    """The language model from its GGUF file: `LlamaForCausalLM`'s weights, the output layer tied to the embeddings."""
    from gguf import GGUFReader, dequantize

    class Reader(GGUFReader):
        """Reads from a plain view of the mapped file: a memmap's own slicing would take most of the time."""

        def __setattr__(self, name, value):
            super().__setattr__(name, np.asarray(value) if name == "data" else value)

    reader = Reader(path)

    def field(name: str):
        return reader.fields[name].contents()

    config = _smollm2_config(field)
    weights = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32))
        if tensor.name.endswith(("attn_q.weight", "attn_k.weight")):
            values = half_split(values, config["head_dim"])
        weights[_transformers_name(tensor.name)] = values
    encode = _byte_pairs(*(field(f"tokenizer.ggml.{name}") for name in ("tokens", "token_type", "merges")))
    return weights, config, encode


GGUF_NAMES = {  # llama.cpp's name of a part: transformers'
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _transformers_name(name: str) -> str:
    """`blk.3.attn_q.weight` to `model.layers.3.self_attn.q_proj.weight`."""
    *block, part, kind = name.split(".")
    return ".".join([*(("model.layers", block[1]) if block else ()), GGUF_NAMES[part], kind])


def half_split(weight: Tensor, d: int) -> Tensor:
    """Reorder the rows of a query or key matrix, (H d, D).

    GGUF stores the two features that rotate together in adjacent rows, 2i and 2i + 1 of a head; Llama's code, and
    `_rotate`, pair i with i + d / 2.
    """
    pairs = weight.unflatten(0, (-1, d // 2, 2))  # (H, d / 2, 2, D)
    return pairs.transpose(1, 2).reshape(weight.shape)


def _smollm2_config(field: Callable[[str], float]) -> dict:
    """GGUF's header in transformers' words."""
    heads, width = field("llama.attention.head_count"), field("llama.embedding_length")
    return {
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": width,
        "intermediate_size": field("llama.feed_forward_length"),
        "num_hidden_layers": field("llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": field("llama.attention.head_count_kv"),
        "head_dim": width // heads,
        "vocab_size": field("llama.vocab_size"),
        "max_position_embeddings": field("llama.context_length"),
        "rms_norm_eps": float(f"{field('llama.attention.layer_norm_rms_epsilon'):.6g}"),  # written as float32
        "rope_theta": field("llama.rope.freq_base"),
        "tie_word_embeddings": True,
        "bos_token_id": field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
    }


def _byte_pairs(vocabulary: list[str], kinds: list[int], merges: list[str]) -> Encode:
    """GPT-2's byte-level byte-pair encoding, with every digit a token of its own; kind 3 marks special tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[tuple(pair.split(" ")) for pair in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(vocabulary, kinds, strict=True) if kind == 3]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])

    def encode(text: str) -> tuple[list[int], list[str]]:
        encoded = tokenizer.encode(text)
        pieces = [tokenizer.decode([i], skip_special_tokens=False) for i in encoded.ids]
        # Part of a character is no text: shown as the vocabulary spells its bytes.
        shown = [raw if "\ufffd" in piece else piece for piece, raw in zip(pieces, encoded.tokens, strict=True)]
        return encoded.ids, shown

    return encode


# ---- random models of the same structure: as many layers and heads, narrow


def random_minilm() -> Parts:
    """What stands in for `read_minilm`: 6 layers of 12 heads, width 48."""
    width, inner, words = 48, 96, 512
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
        "vocab_size": words,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }
    shapes = {
        "embeddings.word_embeddings.weight": (words, width),
        "embeddings.position_embeddings.weight": (512, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        **_linear("embeddings.LayerNorm", width),
    }
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}"
        for part in ("query", "key", "value"):
            shapes |= _linear(f"{layer}.attention.self.{part}", width, width)
        shapes |= _linear(f"{layer}.attention.output.dense", width, width)
        shapes |= _linear(f"{layer}.attention.output.LayerNorm", width)
        shapes |= _linear(f"{layer}.intermediate.dense", inner, width)
        shapes |= _linear(f"{layer}.output.dense", width, inner)
        shapes |= _linear(f"{layer}.output.LayerNorm", width)
    return _random(shapes), config, _words(words, lower=True, around=("[CLS]", "[SEP]"))


def random_smollm2() -> Parts:
    """What stands in for `read_smollm2`: 30 layers of 9 heads over 3 keys and values, width 72."""
    heads, kv_heads, d, inner, words = 9, 3, 8, 96, 512
    width = heads * d
    config = {
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": 30,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": d,
        "vocab_size": words,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100_000.0,
        "tie_word_embeddings": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    shapes = {"model.embed_tokens.weight": (words, width), "model.norm.weight": (width,)}
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}"
        shapes |= {
            f"{layer}.input_layernorm.weight": (width,),
            f"{layer}.self_attn.q_proj.weight": (width, width),
            f"{layer}.self_attn.k_proj.weight": (kv_heads * d, width),
            f"{layer}.self_attn.v_proj.weight": (kv_heads * d, width),
            f"{layer}.self_attn.o_proj.weight": (width, width),
            f"{layer}.post_attention_layernorm.weight": (width,),
            f"{layer}.mlp.gate_proj.weight": (inner, width),
            f"{layer}.mlp.up_proj.weight": (inner, width),
            f"{layer}.mlp.down_proj.weight": (width, inner),
        }
    return _random(shapes), config, _words(words)


def _linear(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    """A weight, and a bias as long as its first axis."""
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _random(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Matrices that keep the size of what they multiply, norms near one, biases near zero; the same every time."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator)
        if len(shape) == 2:
            weights[name] = values if "embed" in name else values * shape[1] ** -0.5
        else:
            weights[name] = 0.1 * values + (1.0 if name.endswith("weight") else 0.0)
    return weights


def _words(size: int, lower: bool = False, around: tuple[str, ...] = ()) -> Encode:
    """Words and marks for tokens; an id comes from a token's own letters."""

    def encode(text: str) -> tuple[list[int], list[str]]:
        tokens = re.findall(r" ?\w+| ?[^\w\s]" if not lower else r"\w+|[^\w\s]", text.lower() if lower else text)
        tokens = [*around[:1], *tokens, *around[1:]]
        return [zlib.crc32(token.encode()) % size for token in tokens], tokens

    return encode
