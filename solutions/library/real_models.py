"""Two trained models, small enough for a laptop, opened up: every weight by name, what each layer holds, where each
head looks.

    from internals.real_models import load_minilm, load_smollm2
    model = load_smollm2()
    tokens, maps = model.attention_maps("The cat sat on the mat")     # 6 words, (30, 9, 6, 6)

MiniLM (`load_minilm`) is an encoder of BERT's architecture, SmolLM2 (`load_smollm2`) a decoder of Llama's. The forward
passes are written out below in the order in which the papers tell them; they take one text at a time, without a batch
axis. Where the files cannot be had, a small random model of the same structure stands in, and a line says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder import data
from internals.model_files import Parts, random_minilm, random_smollm2, read_minilm, read_smollm2
from internals.scaled_dot_product import causal_mask, scaled_dot_product_attention

__all__ = ["RealModel", "load_minilm", "load_smollm2"]

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class RealModel:
    """A model's weights, and what it makes of a text of n tokens.

    weights: float32 tensors by transformers' names (`BertModel`, `LlamaForCausalLM`); matrices are (out, in).
    config: transformers' names.   encode: text to token ids and to the tokens as they read.
    real: False where random weights stand in.
    """

    weights: Weights
    config: dict
    encode: Callable[[str], tuple[list[int], list[str]]]
    real: bool

    def ids(self, text: str) -> list[int]:
        """The n token ids of a text, special tokens included."""
        return self.encode(text)[0]

    def tokens(self, text: str) -> list[str]:
        """The n tokens of a text as they read: `[CLS]`, `##ing` (MiniLM), ` cat` with its space (SmolLM2)."""
        return self.encode(text)[1]

    def hidden_states(self, text: str) -> tuple[list[str], Tensor]:
        """The tokens and (layers + 1, n, width): the embeddings, then what each layer puts out.

        As in transformers, SmolLM2's last entry is taken after the final norm. Its product with
        `weights["model.embed_tokens.weight"].T` is the logits, as the embeddings are tied.
        """
        tokens, states, _ = self._run(text)
        return tokens, states

    def attention_maps(self, text: str) -> tuple[list[str], Tensor]:
        """The tokens and (layers, heads, n, n): the weight that each query (row) gives each key (column)."""
        tokens, _, maps = self._run(text)
        return tokens, maps

    def _run(self, text: str) -> tuple[list[str], Tensor, Tensor]:
        ids, tokens = self.encode(text)
        longest = self.config["max_position_embeddings"]
        if not 0 < len(ids) <= longest:
            raise ValueError(f"the text has {len(ids)} tokens; the model takes 1 to {longest}")
        forward = bert_forward if self.config["model_type"] == "bert" else llama_forward
        with torch.no_grad():
            return tokens, *forward(self.weights, self.config, torch.tensor(ids))


# ---- the forward passes


def bert_forward(weights: Weights, config: dict, ids: Tensor) -> tuple[Tensor, Tensor]:
    """BERT's encoder, layer norm after each residual sum.   Devlin et al. 2019, after Vaswani et al. 2017, §3.1

    ids: (n,) integers. Returns hidden states (layers + 1, n, D) and attention maps (layers, heads, n, n).
    """
    heads = config["num_attention_heads"]

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(
            x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], config["layer_norm_eps"]
        )

    x = weights["embeddings.word_embeddings.weight"][ids]  # (n, D)
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = x + weights["embeddings.token_type_embeddings.weight"][0]  # every token belongs to the first segment
    x = norm(x, "embeddings.LayerNorm")
    states, maps = [x], []
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}"
        q, k, v = (_split(linear(x, f"{layer}.attention.self.{part}"), heads) for part in ("query", "key", "value"))
        out, attention = scaled_dot_product_attention(q, k, v)  # (H, n, D / H), (H, n, n)
        x = norm(x + linear(_merge(out), f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        inner = F.gelu(linear(x, f"{layer}.intermediate.dense"))  # (n, 4 D)
        x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        states.append(x)
        maps.append(attention)
    return torch.stack(states), torch.stack(maps)


def llama_forward(weights: Weights, config: dict, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Llama's decoder: RMSNorm before each part, rotated queries and keys, grouped heads, SwiGLU, no biases.

    Touvron et al. 2023, §2.2; grouped queries: Ainslie et al. 2023.
    ids: (n,) integers. Returns hidden states (layers + 1, n, D) and attention maps (layers, heads, n, n).
    """
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    mask = causal_mask(len(ids))
    cos, sin = _rotation(len(ids), config["head_dim"], config["rope_theta"])

    def norm(x: Tensor, name: str) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], weights[f"{name}.weight"], config["rms_norm_eps"])

    x = weights["model.embed_tokens.weight"][ids]  # (n, D)
    states, maps = [x], []
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}"

        def linear(x: Tensor, name: str, layer: str = layer) -> Tensor:
            return x @ weights[f"{layer}.{name}.weight"].T

        normed = norm(x, f"{layer}.input_layernorm")
        q = _rotate(_split(linear(normed, "self_attn.q_proj"), heads), cos, sin)  # (H, n, d)
        k = _rotate(_split(linear(normed, "self_attn.k_proj"), kv_heads), cos, sin)  # (H_kv, n, d)
        v = _split(linear(normed, "self_attn.v_proj"), kv_heads)
        k, v = (part.repeat_interleave(heads // kv_heads, dim=0) for part in (k, v))  # each serves H / H_kv queries
        out, attention = scaled_dot_product_attention(q, k, v, mask)
        x = x + linear(_merge(out), "self_attn.o_proj")
        normed = norm(x, f"{layer}.post_attention_layernorm")  # despite its name, the norm before the feed-forward part
        x = x + linear(F.silu(linear(normed, "mlp.gate_proj")) * linear(normed, "mlp.up_proj"), "mlp.down_proj")
        states.append(x)
        maps.append(attention)
    states[-1] = norm(x, "model.norm")
    return torch.stack(states), torch.stack(maps)


def _split(x: Tensor, heads: int) -> Tensor:
    """(n, H d) to (H, n, d): consecutive columns belong to one head."""
    return x.unflatten(-1, (heads, -1)).transpose(0, 1)


def _merge(x: Tensor) -> Tensor:
    """(H, n, d) to (n, H d), the reverse of `_split`."""
    return x.transpose(0, 1).flatten(-2)


def _rotation(n: int, d: int, base: float) -> tuple[Tensor, Tensor]:
    """cos and sin, (n, d) each, of every position's angle for every pair of features i and i + d / 2."""
    frequencies = base ** (-torch.arange(0, d, 2).float() / d)  # (d / 2,)
    angles = torch.outer(torch.arange(n).float(), frequencies).repeat(1, 2)  # (n, d)
    return angles.cos(), angles.sin()


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each pair of features by its position's angle; (..., n, d).   Su et al. 2021, eq. 34"""
    x1, x2 = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-x2, x1), dim=-1) * sin


# ---- the two models


def load_minilm() -> RealModel:
    """all-MiniLM-L6-v2: 6 layers of 12 heads, width 384."""
    return _load("minilm", read_minilm, random_minilm)


def load_smollm2() -> RealModel:
    """SmolLM2-135M-Instruct: 30 layers of 9 heads, three of which share their keys and values; width 576."""
    return _load("smollm2", read_smollm2, random_smollm2)


def _load(key: str, read: Callable[[Path], Parts], random: Callable[[], Parts]) -> RealModel:
    try:
        path = data.load(key)
    except data.Unavailable as problem:
        print(f"{problem}\nA small random model of the same structure stands in: what it shows means nothing.")
        return RealModel(*random(), real=False)
    return RealModel(*read(path), real=True)
