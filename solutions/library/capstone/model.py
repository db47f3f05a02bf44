"""The model: a decoder assembled from the parts of earlier notebooks."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from internals.capstone.config import Config
from internals.capstone.parts import Parts


class CausalSelfAttention(nn.Module):
    """Attention from each token to itself and those before, with rotary positions and normalised queries and keys.

    Parameters, without biases: w_q, w_k, w_v, w_o: nn.Linear(D, D); q_norm, k_norm: RMSNorm of a head's width d,
    shared by the heads. w_o starts at zero. Queries and keys normalised: Henry et al. 2020
    """

    def __init__(self, config: Config, parts: Parts) -> None:
        super().__init__()
        D, self.num_heads = config.model.d_model, config.model.heads
        self.parts, self.attention = parts, config.model.attention
        self.w_q = nn.Linear(D, D, bias=False)
        self.w_k = nn.Linear(D, D, bias=False)
        self.w_v = nn.Linear(D, D, bias=False)
        self.w_o = nn.Linear(D, D, bias=False)
        self.q_norm = parts.RMSNorm(D // self.num_heads)
        self.k_norm = parts.RMSNorm(D // self.num_heads)
        nn.init.zeros_(self.w_o.weight)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x: (B, T, D). cos, sin: (T, d / 2). Returns (B, T, D)."""
        split, rope = self.parts.split_heads, self.parts.apply_rope
        v = split(self.w_v(x), self.num_heads)  # (B, H, T, d)
        q = rope(self.q_norm(split(self.w_q(x), self.num_heads)), cos, sin).to(v.dtype)  # (B, H, T, d)
        k = rope(self.k_norm(split(self.w_k(x), self.num_heads)), cos, sin).to(v.dtype)  # (B, H, T, d)
        if self.attention == "fused":
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, d)
        else:
            mask = self.parts.causal_mask(x.shape[1]).to(x.device)  # (T, T)
            out, _ = self.parts.scaled_dot_product_attention(q, k, v, mask)  # (B, H, T, d)
        return self.w_o(self.parts.merge_heads(out))  # (B, T, D)


class Block(nn.Module):
    """One layer: x + attention(norm(x)), then x + feed_forward(norm(x)). Both branches start at zero."""

    def __init__(self, config: Config, parts: Parts) -> None:
        super().__init__()
        D = config.model.d_model
        feed_forward = parts.SwiGLU(D, config.d_ff)
        nn.init.zeros_(feed_forward.down.weight)
        self.attention = parts.PreNormBlock(D, CausalSelfAttention(config, parts), parts.RMSNorm)
        self.feed_forward = parts.PreNormBlock(D, feed_forward, parts.RMSNorm)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """x: (B, T, D). cos, sin: (T, d / 2). Returns (B, T, D)."""
        return self.feed_forward(self.attention(x, cos, sin))


class Decoder(nn.Module):
    """A language model: the embedding of each token, the blocks, a norm, and a score for each next token.

    vocab_size: V. The head's weight is the embedding's where `config.model.tied`.
    """

    def __init__(self, config: Config, vocab_size: int, parts: Parts) -> None:
        super().__init__()
        D, d = config.model.d_model, config.model.d_model // config.model.heads
        self.length = config.model.length
        self.embedding = nn.Embedding(vocab_size, D)
        self.blocks = nn.ModuleList(Block(config, parts) for _ in range(config.model.layers))
        self.norm = parts.RMSNorm(D)
        self.head = nn.Linear(D, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if config.model.tied else 1.0)
        if config.model.tied:
            self.head.weight = self.embedding.weight
        else:
            nn.init.zeros_(self.head.weight)  # every token equally likely: the first loss is log V
        cos, sin = parts.rope_frequencies(self.length, d, config.model.rope_base)  # (length, d / 2) each
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """ids: (B, T), int64, T at most `length`. Returns the logits of each next token, (B, T, V)."""
        T = ids.shape[1]
        x = self.embedding(ids)  # (B, T, D)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))  # (B, T, V)
