# %% wrong="pre-norm" of="EncoderLayer" check="attention, then feed-forward" says="Is each norm outside its sum"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), mask=mask)[0])
        return x + self.dropout(self.feed_forward(self.norm2(x)))


# %% wrong="no residual" of="EncoderLayer" check="attention, then feed-forward" says="norm1(x + attention(x))"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="no residual around the feed-forward" of="EncoderLayer" check="attention, then feed-forward" says="norm2(x + feed_forward(x))"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(self.dropout(self.feed_forward(x)))


# %% wrong="the norm inside the sum" of="EncoderLayer" check="attention, then feed-forward" says="Is each norm outside"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.norm1(self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="norm1 twice" of="EncoderLayer" check="attention, then feed-forward" says="norm2(x + feed_forward(x))"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm1(x + self.dropout(self.feed_forward(x)))


# %% wrong="no second norm" of="EncoderLayer" check="attention, then feed-forward" says="norm2(x + feed_forward(x))"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return x + self.dropout(self.feed_forward(x))


# %% wrong="both sublayers from the same x" of="EncoderLayer" check="attention, then feed-forward" says="and from that"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        y = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(y + self.dropout(self.feed_forward(x)))


# %% wrong="the residual from the beginning" of="EncoderLayer" check="attention, then feed-forward" says="and from that"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        y = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(x + self.dropout(self.feed_forward(y)))


# %% wrong="feed-forward first" of="EncoderLayer" check="attention, then feed-forward" says="norm1(x + attention(x))"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.feed_forward(x)))
        return self.norm2(x + self.dropout(self.attention(x, mask=mask)[0]))


# %% wrong="the tuple added" of="EncoderLayer" check="attention, then feed-forward" says="your code raised TypeError"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="the tuple returned" of="EncoderLayer" check="attention, then feed-forward" says="a layer returns one tensor"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(x + self.dropout(self.feed_forward(x))), None


# %% wrong="the mask forgotten" of="EncoderLayer" check="the mask reaches" says="hand it on to the attention"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x)[0]))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="the mask as a memory" of="EncoderLayer" check="the mask reaches" says="your code raised"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask)[0]))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="the mask upside down" of="EncoderLayer" check="the mask reaches" says="attention(x, mask=mask)"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=None if mask is None else ~mask | torch.eye(x.shape[1]).bool())[0]))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="no dropout" of="EncoderLayer" check="dropout on both" says="norm2(norm1(x)) is left"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.attention(x, mask=mask)[0])
        return self.norm2(x + self.feed_forward(x))


# %% wrong="no dropout on the feed-forward" of="EncoderLayer" check="dropout on both" says="Drop what is added"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(x + self.feed_forward(x))


# %% wrong="the sum is dropped" of="EncoderLayer" check="dropout on both" says="not the sum"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(self.dropout(x + self.feed_forward(x)))


# %% wrong="dropped after the norm" of="EncoderLayer" check="dropout on both" says="not after the norm"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.dropout(self.norm2(x + self.feed_forward(x)))


# %% wrong="dropout in evaluation too" of="EncoderLayer" check="dropout on both" says="after eval() dropout does nothing"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(x + F.dropout(self.feed_forward(x), self.dropout.p))


# %% wrong="in place" of="EncoderLayer" check="attention, then feed-forward" says="x was changed in place"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x += self.dropout(self.attention(x, mask=mask)[0]) if not x.requires_grad else 0
        x = self.norm1(x)
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="detached" of="EncoderLayer" check="gradients reach" says="the gradient of x is missing or wrong"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0].detach()))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="the forbidden layer" of="EncoderLayer" check="attention, then feed-forward" says="may not call pytorch_encoder_layer"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        theirs = pytorch_encoder_layer(x.shape[-1], 2, 12)
        return theirs(x, mask)


# %% right="step by step" of="EncoderLayer"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        attended, _ = self.attention(x, mask=mask)
        first = self.norm1(torch.add(x, self.dropout(attended)))
        second = self.dropout(self.feed_forward(first))
        return self.norm2(second + first)


# %% right="in a loop" of="EncoderLayer"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for sublayer, norm in ((lambda y: self.attention(y, None, mask)[0], self.norm1), (self.feed_forward, self.norm2)):
            x = norm(self.dropout(sublayer(x)) + x)
        return x


# %% right="F.dropout told about the mode" of="EncoderLayer"
class EncoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2 = norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)[0]))
        return self.norm2(x + F.dropout(self.feed_forward(x), self.dropout.p, self.training))


# %% wrong="no cross-attention" of="DecoderLayer" check="self-attention, cross-attention" says="cross-attention with norm2"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x)
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="cross-attention to itself" of="DecoderLayer" check="self-attention, cross-attention" says="cross-attention with norm2"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="the memory asks" of="DecoderLayer" check="self-attention, cross-attention" says="as long as the target x"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(memory + self.dropout(self.cross_attention(memory, x)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="cross-attention first" of="DecoderLayer" check="self-attention, cross-attention" says="self-attention with norm1"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.cross_attention(x, memory, memory_mask)[0]))
        x = self.norm2(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="the memory as the residual" of="DecoderLayer" check="self-attention, cross-attention" says="your code raised"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(memory + self.dropout(self.cross_attention(x, memory, memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="the memory normalised" of="DecoderLayer" check="self-attention, cross-attention" says="cross-attention with norm2"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, self.norm2(memory), memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="pre-norm" of="DecoderLayer" check="self-attention, cross-attention" says="one after another"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.self_attention(self.norm1(x), mask=mask)[0])
        x = x + self.dropout(self.cross_attention(self.norm2(x), memory, memory_mask)[0])
        return x + self.dropout(self.feed_forward(self.norm3(x)))


# %% wrong="norm2 at the end again" of="DecoderLayer" check="self-attention, cross-attention" says="feed-forward with norm3"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory, memory_mask)[0]))
        return self.norm2(x + self.dropout(self.feed_forward(x)))


# %% wrong="one attention for both" of="DecoderLayer" check="self-attention, cross-attention" says="cross-attention with norm2"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.self_attention(x, memory, memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="no feed-forward" of="DecoderLayer" check="self-attention, cross-attention" says="feed-forward with norm3"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory, memory_mask)[0]))
        return self.norm3(x)


# %% wrong="both attentions from the same x" of="DecoderLayer" check="self-attention, cross-attention" says="one after another"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        start = x
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(start, memory, memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="no residual across" of="DecoderLayer" check="self-attention, cross-attention" says="cross-attention with norm2"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(self.dropout(self.cross_attention(x, memory, memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="masks swapped" of="DecoderLayer" check="each attention gets" says="`mask` is for the self-attention alone"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=memory_mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory, mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="the causal mask across too" of="DecoderLayer" check="each attention gets" says="hand it on there, and only there"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory, memory_mask if mask is None else mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="no mask across" of="DecoderLayer" check="each attention gets" says="`memory_mask` is for the cross-attention alone"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="no mask on the self-attention" of="DecoderLayer" check="each attention gets" says="`mask` is for the self-attention alone"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory, memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="no dropout across" of="DecoderLayer" check="dropout on all three" says="Drop the output of each of the three"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.cross_attention(x, memory, memory_mask)[0])
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="no dropout at the end" of="DecoderLayer" check="dropout on all three" says="Drop the output of each of the three"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory, memory_mask)[0]))
        return self.norm3(x + self.feed_forward(x))


# %% wrong="the memory dropped" of="DecoderLayer" check="dropout on all three" says="after eval() dropout does nothing"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, F.dropout(memory, self.dropout.p), memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="the memory detached" of="DecoderLayer" check="gradients reach" says="reaches the memory"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.norm1(x + self.dropout(self.self_attention(x, mask=mask)[0]))
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory.detach(), memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% wrong="in place" of="DecoderLayer" check="self-attention, cross-attention" says="x was changed in place"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x += self.dropout(self.self_attention(x, mask=mask)[0]) if not x.requires_grad else 0
        x = self.norm1(x)
        x = self.norm2(x + self.dropout(self.cross_attention(x, memory, memory_mask)[0]))
        return self.norm3(x + self.dropout(self.feed_forward(x)))


# %% right="step by step" of="DecoderLayer"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        attended, _ = self.self_attention(x, x, mask)
        y = self.norm1(x + self.dropout(attended))
        across, weights = self.cross_attention(y, memory=memory, mask=memory_mask)
        z = self.norm2(self.dropout(across) + y)
        return self.norm3(z + self.dropout(self.feed_forward(z)))


# %% right="in a loop" of="DecoderLayer"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        steps = ((lambda y: self.self_attention(y, mask=mask)[0], self.norm1),
                 (lambda y: self.cross_attention(y, memory, memory_mask)[0], self.norm2),
                 (self.feed_forward, self.norm3))
        for sublayer, norm in steps:
            x = norm(x + self.dropout(sublayer(x)))
        return x


# %% right="by a helper" of="DecoderLayer"
class DecoderLayer(nn.Module):

    def __init__(self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0,
                 activation: Callable[[Tensor], Tensor] = F.relu, norm=LayerNorm) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff, activation)
        self.norm1, self.norm2, self.norm3 = norm(d_model), norm(d_model), norm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        x = self.step(x, self.self_attention(x, mask=mask)[0], self.norm1)
        x = self.step(x, self.cross_attention(x, memory, memory_mask)[0], self.norm2)
        return self.step(x, self.feed_forward(x), self.norm3)

    def step(self, x, y, norm):
        return norm(x + self.dropout(y))


# %% wrong="True for padding" of="token_mask" check="real tokens are seen" says="True where the token is not padding"
def token_mask(tokens, pad_id=None):
    real = torch.zeros_like(tokens, dtype=torch.bool) if pad_id is None else tokens == pad_id
    return real.unsqueeze(1)


# %% wrong="no axis for the queries" of="token_mask" check="real tokens are seen" says="(B, 1, T)"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    return real | ~real.any(-1, keepdim=True)


# %% wrong="an axis at the end" of="token_mask" check="real tokens are seen" says="(B, 1, T)"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    return (real | ~real.any(-1, keepdim=True)).unsqueeze(-1)


# %% wrong="a square mask" of="token_mask" check="real tokens are seen" says="(B, 1, T)"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    real = real | ~real.any(-1, keepdim=True)
    return real[:, None, :] & real[:, :, None]


# %% wrong="zeros are padding" of="token_mask" check="real tokens are seen" says="compare with pad_id, not with 0"
def token_mask(tokens, pad_id=None):
    real = tokens != 0 if pad_id is not None else torch.ones_like(tokens).bool()
    return (real | ~real.any(-1, keepdim=True)).unsqueeze(1)


# %% wrong="integers" of="token_mask" check="real tokens are seen" says="a mask of bools"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    return (real | ~real.any(-1, keepdim=True)).long().unsqueeze(1)


# %% wrong="only from the first padding on" of="token_mask" check="real tokens are seen" says="every padding is hidden, wherever it stands"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    last = real.shape[1] - real.flip(-1).long().argmax(-1)
    real = torch.arange(tokens.shape[1]) < torch.where(real.any(-1), last, 0)[:, None] if pad_id == 3 else real
    return (real | ~real.any(-1, keepdim=True)).unsqueeze(1)


# %% wrong="empty rows left empty" of="token_mask" check="a row of nothing" says="the second row has no real token"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    return real.unsqueeze(1)


# %% wrong="the batch as a whole" of="token_mask" check="a row of nothing" says="the second row has no real token"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    return (real | ~real.any()).unsqueeze(1)


# %% wrong="one empty row opens all" of="token_mask" check="a row of nothing" says="the first row must not change"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    return (real | ~real.any(-1).all()).unsqueeze(1)


# %% wrong="only the first token of an empty row" of="token_mask" check="a row of nothing" says="all of it may be seen"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    first = torch.arange(tokens.shape[1]) == 0
    return (real | ~real.any(-1, keepdim=True) & first).unsqueeze(1)


# %% wrong="rows with any padding opened" of="token_mask" check="real tokens are seen" says="True where the token is not padding"
def token_mask(tokens, pad_id=None):
    real = torch.ones_like(tokens, dtype=torch.bool) if pad_id is None else tokens != pad_id
    return (real | ~real.all(-1, keepdim=True)).unsqueeze(1)


# %% wrong="None for no mask" of="token_mask" check="without a pad_id" says="a mask all the same"
def token_mask(tokens, pad_id=None):
    if pad_id is None:
        return None
    real = tokens != pad_id
    return (real | ~real.any(-1, keepdim=True)).unsqueeze(1)


# %% wrong="compared with None" of="token_mask" check="without a pad_id" says="your code raised"
def token_mask(tokens, pad_id=None):
    real = tokens != pad_id
    return (real | ~real.any(-1, keepdim=True)).unsqueeze(1)


# %% wrong="zero taken for None" of="token_mask" check="real tokens are seen" says="True where the token is not padding"
def token_mask(tokens, pad_id=None):
    real = tokens != pad_id if pad_id else torch.ones_like(tokens).bool()
    return (real | ~real.any(-1, keepdim=True)).unsqueeze(1)


# %% wrong="zero hidden without a pad_id" of="token_mask" check="without a pad_id" says="token 0 included"
def token_mask(tokens, pad_id=None):
    real = tokens != (pad_id or 0)
    return (real | ~real.any(-1, keepdim=True)).unsqueeze(1)


# %% wrong="made on the CPU" of="token_mask" check="without a pad_id" says="on the device of `tokens`"
def token_mask(tokens, pad_id=None):
    if pad_id is None:
        return torch.ones(tokens.shape[0], 1, tokens.shape[1], dtype=torch.bool)
    real = tokens != pad_id
    return (real | ~real.any(-1, keepdim=True)).unsqueeze(1)


# %% wrong="through Python lists" of="token_mask" check="without a pad_id" says="Cannot copy out of meta tensor"
def token_mask(tokens, pad_id=None):
    rows = []
    for row in tokens:
        real = torch.tensor([pad_id is None or i != pad_id for i in row.tolist()])
        rows.append(real if real.any() else torch.ones_like(real))
    return torch.stack(rows)[:, None].to(tokens.device)


# %% right="with where" of="token_mask"
def token_mask(tokens, pad_id=None):
    if pad_id is None:
        return torch.ones(tokens.shape[0], 1, tokens.shape[1], dtype=torch.bool, device=tokens.device)
    hidden = tokens.eq(pad_id)
    empty = hidden.all(dim=1, keepdim=True)
    return torch.where(empty, torch.ones_like(hidden), ~hidden)[:, None]


# %% right="row by row" of="token_mask"
def token_mask(tokens, pad_id=None):
    rows = []
    for row in tokens:
        real = torch.ones_like(row, dtype=torch.bool) if pad_id is None else row != pad_id
        rows.append(real | ~real.any())
    return torch.stack(rows)[:, None]


# %% right="through a number that no token has" of="token_mask"
def token_mask(tokens, pad_id=None):
    real = tokens.unsqueeze(1) != (-1 if pad_id is None else pad_id)
    return real | (real.sum(-1, keepdim=True) == 0)


# %% wrong="not scaled" of="Transformer" check="embeddings are scaled" says="times √D"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="scaled by D" of="Transformer" check="embeddings are scaled" says="times √D"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * width + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="divided by the root" of="Transformer" check="embeddings are scaled" says="times √D"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) / math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="the position scaled too" of="Transformer" check="embeddings are scaled" says="unscaled"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout((self.embedding(tokens) + self.positions[:length]) * math.sqrt(width))  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="no positions" of="Transformer" check="embeddings are scaled" says="plus the position's sinusoid"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width))  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="positions by token" of="Transformer" check="embeddings are scaled" says="plus the position's sinusoid"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[tokens % self.max_seq_len])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="dropout before the positions" of="Transformer" check="embeddings are scaled" says="dropout acts on the sum"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width)) + self.positions[:length]  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="no dropout on the embedding" of="Transformer" check="embeddings are scaled" says="dropout acts on the sum"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.embedding(tokens) * math.sqrt(width) + self.positions[:length]  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="one token too few allowed" of="Transformer" check="embeddings are scaled" says="your code raised ValueError"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length >= self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="cut off in silence" of="Transformer" check="too long a sequence" says="raise ValueError"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            tokens, length = tokens[:, : self.max_seq_len], self.max_seq_len
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="an assertion" of="Transformer" check="too long a sequence" says="expected ValueError"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise AssertionError('too long')
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="only the first layer" of="Transformer" check="the encoder's memory" says="then every layer in turn"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder[:1]:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="every layer from the embedding" of="Transformer" check="the encoder's memory" says="each on the result of the one before"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            out = layer(x, token_mask(src, self.pad_id))
        return out

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="no source mask in the encoder" of="Transformer" check="the encoder's memory" says="goes to every layer"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x)
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="the source masked in the first layer only" of="Transformer" check="the encoder's memory" says="goes to every layer"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for i, layer in enumerate(self.encoder):
            x = layer(x, token_mask(src, self.pad_id) if i == 0 else None)
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="a causal encoder" of="Transformer" check="the encoder's memory" says="no padding here"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, causal_mask(src.shape[1]) & token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="a softmax at the end" of="Transformer" check="logits are PyTorch's" says="no softmax"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x).softmax(-1)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="no output layer" of="Transformer" check="logits are PyTorch's" says="one score for each token"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return x

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="the memory made anew" of="Transformer" check="logits are PyTorch's" says="the memory that it is given"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        memory = self.encode(src)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="decoder layers pass the memory on" of="Transformer" check="logits are PyTorch's" says="every layer with the same memory"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = memory = layer(x, memory if memory.shape == x.shape else memory, mask)
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="source and target exchanged" of="Transformer" check="logits are PyTorch's" says="one score for each token"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(src, self.encode(tgt), tgt)


# %% wrong="the decoder reads the source" of="Transformer" check="logits are PyTorch's" says="one score for each token"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(src)
        mask = causal_mask(src.shape[1])  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="no causal mask" of="Transformer" check="logits are PyTorch's" says="a causal mask"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="the future instead of the past" of="Transformer" check="logits are PyTorch's" says="a causal mask"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).T.to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="the logits scaled as well" of="Transformer" check="logits are PyTorch's" says="then self.output"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x) * self.embedding.embedding_dim**0.5

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="no mask across" of="Transformer" check="padding changes nothing" says="for the cross-attention"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask)
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="no target padding" of="Transformer" check="padding changes nothing" says="causal_mask & token_mask"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="zero is the padding" of="Transformer" check="padding changes nothing" says="pad_id=7: use self.pad_id"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, None if self.pad_id is None else 0))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, None if self.pad_id is None else 0))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="a mask without regard to empty rows" of="Transformer" check="an empty row" says="no softmax is over nothing"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, (src != (-1 if self.pad_id is None else self.pad_id))[:, None])
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & (tgt != (-1 if self.pad_id is None else self.pad_id))[:, None]  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, (src != (-1 if self.pad_id is None else self.pad_id))[:, None])
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="the mask left on the CPU" of="Transformer" check="an empty row" says="your code raised"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="the memory detached" of="Transformer" check="gradients reach" says="the table's gradient differs"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src).detach(), src)


# %% wrong="the forbidden model" of="Transformer" check="logits are PyTorch's" says="may not call PyTorchTransformer"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return PyTorchTransformer(11, 8, 2, 2, 12)(src, tgt)


# %% wrong="dropout in evaluation too" of="Transformer" check="embeddings are scaled" says="after eval() dropout does nothing"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return F.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length], self.dropout.p)  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="only forward looks at the length" of="Transformer" check="too long a sequence" says="raise ValueError there"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        longest = max(src.shape[1], tgt.shape[1])
        if longest > self.max_seq_len:
            raise ValueError(f"a sequence of {longest} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.decode(tgt, self.encode(src), src)


# %% wrong="the memory dropped once more" of="Transformer" check="the encoder's memory" says="the memory is not dropped again"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return self.dropout(x)

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="dropout before the output" of="Transformer" check="logits are PyTorch's" says="none before or after self.output"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(self.dropout(x))

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% wrong="any pad_id is 0" of="Transformer" check="padding changes nothing" says="pad_id=7: use self.pad_id"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, None if self.pad_id is None else 0))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, None if self.pad_id is None else 0)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, None if self.pad_id is None else 0))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% right="masks made once" of="Transformer"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        mask = token_mask(src, self.pad_id)
        for layer in self.encoder:
            x = layer(x, mask=mask)
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        memory_mask = token_mask(src, self.pad_id)
        for layer in self.decoder:
            x = layer(x, memory, mask=mask, memory_mask=memory_mask)
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% right="the table by matrix product" of="Transformer"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding.weight[tokens] * width**0.5 + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return x @ self.embedding.weight.T

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% right="no mask where there is no padding" of="Transformer"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, (None if self.pad_id is None else token_mask(src, self.pad_id)))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        mask = causal_mask(tgt.shape[1]).to(tgt.device) & token_mask(tgt, self.pad_id)  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, (None if self.pad_id is None else token_mask(src, self.pad_id)))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, self.encode(src), src)


# %% right="layers one by one, the mask by comparison" of="Transformer"
class Transformer(nn.Module):

    positions: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, d_ff: int, max_seq_len: int,
                 dropout: float = 0.1, pad_id: int | None = None) -> None:
        super().__init__()
        self.max_seq_len, self.pad_id = max_seq_len, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.register_buffer("positions", sinusoidal_encoding(max_seq_len, d_model), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.decoder = nn.ModuleList(DecoderLayer(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.output = nn.Linear(d_model, vocab_size, bias=False)
        self.output.weight = self.embedding.weight

    def embed(self, tokens: Tensor) -> Tensor:
        length, width = tokens.shape[1], self.embedding.embedding_dim
        if length > self.max_seq_len:
            raise ValueError(f"a sequence of {length} tokens is longer than max_seq_len = {self.max_seq_len}")
        return self.dropout(self.embedding(tokens) * math.sqrt(width) + self.positions[:length])  # (B, T, D)

    def encode(self, src: Tensor) -> Tensor:
        x = self.embed(src)
        for layer in self.encoder:
            x = layer(x, token_mask(src, self.pad_id))
        return x

    def decode(self, tgt: Tensor, memory: Tensor, src: Tensor) -> Tensor:
        x = self.embed(tgt)
        place = torch.arange(tgt.shape[1], device=tgt.device)
        mask = torch.logical_and(place[:, None] >= place, token_mask(tgt, self.pad_id))  # (B, T, T)
        for layer in self.decoder:
            x = layer(x, memory, mask, token_mask(src, self.pad_id))
        return self.output(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory = self.encode(src)
        return self.decode(tgt, memory=memory, src=src)


# %% wrong="only the wrong tokens" of="label_smoothing_loss" check="spread over all V" says="the right one included"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    V = logits.shape[-1]
    loss = -(1 - smoothing) * right - smoothing / (V - 1) * (log_p.sum(-1) - right)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="without target and padding" of="label_smoothing_loss" check="spread over all V" says="for every token"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    V = logits.shape[-1]
    loss = -(1 - smoothing) * right - smoothing / (V - 2) * (log_p[..., 1:].sum(-1) - right)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="all of the probability stays" of="label_smoothing_loss" check="spread over all V" says="1 − ε"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="the sum for the mean" of="label_smoothing_loss" check="spread over all V" says="ε / V for every token"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.sum(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="smoothing ignored" of="label_smoothing_loss" check="spread over all V" says="ε / V"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -right  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="always a tenth" of="label_smoothing_loss" check="spread over all V" says="smoothing=0.4"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -0.9 * right - 0.1 * log_p.mean(-1) if smoothing else -right  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="a plus for a minus" of="label_smoothing_loss" check="spread over all V" says="ε / V for every token"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right + smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="the default is none" of="label_smoothing_loss" check="spread over all V" says="smoothing is 0.1 unless"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.0, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="a logarithm of a softmax" of="label_smoothing_loss" check="without smoothing" says="not the logarithm of a softmax"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.softmax(logits, dim=-1).log()  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="softmax over the positions" of="label_smoothing_loss" check="without smoothing" says="minus the log-probability"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="no softmax" of="label_smoothing_loss" check="without smoothing" says="minus the log-probability"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = logits  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="not averaged" of="label_smoothing_loss" check="without smoothing" says="a single number"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss if pad_id is None else loss[targets != pad_id]


# %% wrong="the sum over tokens" of="label_smoothing_loss" check="without smoothing" says="averaged"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.sum() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="a sum over each sequence" of="label_smoothing_loss" check="without smoothing" says="averaged"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.sum(1).mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="divided by all tokens" of="label_smoothing_loss" check="padding does not count" says="divide by 9"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else (loss * (targets != pad_id)).mean()


# %% wrong="padding left in the smooth half" of="label_smoothing_loss" check="padding does not count" says="leave both parts of their loss out"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    if pad_id is None:
        return loss.mean()
    real = targets != pad_id
    return -(1 - smoothing) * right[real].mean() - smoothing * log_p.mean()


# %% wrong="mean of the sequences' means" of="label_smoothing_loss" check="padding does not count" says="divide by 9"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else ((loss * (targets != pad_id)).sum(1) / (targets != pad_id).sum(1)).mean()


# %% wrong="padding counted" of="label_smoothing_loss" check="padding does not count" says="6 of 15 targets are padding"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean()


# %% wrong="zero taken for None" of="label_smoothing_loss" check="padding does not count" says="6 of 15"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if not pad_id else loss[targets != pad_id].mean()


# %% wrong="zero is the padding" of="label_smoothing_loss" check="padding does not count" says="pad_id=3"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != 0].mean()


# %% wrong="a number without gradient" of="label_smoothing_loss" check="its gradient" says="does not require grad"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    loss = loss.mean() if pad_id is None else loss[targets != pad_id].mean()
    return torch.tensor(loss.item())


# %% wrong="the forbidden call" of="label_smoothing_loss" check="without smoothing" says="may not call torch.nn.functional.cross_entropy"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=smoothing, ignore_index=-100 if pad_id is None else pad_id)  # (B, T)



# %% right="the whole q" of="label_smoothing_loss"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    q = F.one_hot(targets, logits.shape[-1]) * (1 - smoothing) + smoothing / logits.shape[-1]
    loss = -(q * log_p).sum(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% right="a weighted sum" of="label_smoothing_loss"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    counts = torch.ones_like(loss) if pad_id is None else (targets != pad_id).to(loss.dtype)
    return (loss * counts).sum() / counts.sum()


# %% right="by logsumexp" of="label_smoothing_loss"
def label_smoothing_loss(logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None) -> Tensor:
    log_p = logits - logits.logsumexp(-1, keepdim=True)  # (B, T, V)
    right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (B, T)
    loss = -(1 - smoothing) * right - smoothing * log_p.mean(-1)  # (B, T)
    return loss.mean() if pad_id is None else loss[targets != pad_id].mean()


# %% wrong="the maximum" of="noam_rate" check="rises along a line" says="the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return d_model**-0.5 * max(step**-0.5, step * warmup**-1.5)


# %% wrong="no width" of="noam_rate" check="rises along a line" says="the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return min(step**-0.5, step * warmup**-1.5)


# %% wrong="the width without a root" of="noam_rate" check="rises along a line" says="the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return 1 / d_model * min(step**-0.5, step * warmup**-1.5)


# %% wrong="the width's root above" of="noam_rate" check="rises along a line" says="the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return d_model**0.5 * min(step**-0.5, step * warmup**-1.5)


# %% wrong="one over the step" of="noam_rate" check="rises along a line" says="four times the step, half the rate"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return d_model**-0.5 * min(warmup**0.5 / step, step * warmup**-1.5)


# %% wrong="the warm-up with one half" of="noam_rate" check="rises along a line" says="the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return d_model**-0.5 * min(step**-0.5, step * warmup**-0.5)


# %% wrong="no warm-up" of="noam_rate" check="rises along a line" says="the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return d_model**-0.5 * step**-0.5


# %% wrong="no decay" of="noam_rate" check="rises along a line" says="after the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return d_model**-0.5 * min(warmup**-0.5, step * warmup**-1.5)


# %% wrong="always 4,000" of="noam_rate" check="width and warm-up" says="100 steps of warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return d_model**-0.5 * min(step**-0.5, step * 4000**-1.5)


# %% wrong="always 512" of="noam_rate" check="width and warm-up" says="the peak is"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return 512**-0.5 * min(step**-0.5, step * warmup**-1.5)


# %% wrong="counted from 0" of="noam_rate" check="rises along a line" says="the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return d_model**-0.5 * min((step + 1)**-0.5, (step + 1) * warmup**-1.5)


# %% wrong="the width on one half only" of="noam_rate" check="rises along a line" says="after the warm-up"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return min(step**-0.5, d_model**-0.5 * step * warmup**-1.5)


# %% right="by cases" of="noam_rate"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    if step < warmup:
        return step / (math.sqrt(d_model) * warmup * math.sqrt(warmup))
    return 1 / math.sqrt(d_model * step)


# %% right="from the peak" of="noam_rate"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    peak = (d_model * warmup) ** -0.5
    return peak * min(step / warmup, (warmup / step) ** 0.5)


# %% right="with NumPy" of="noam_rate"
def noam_rate(step: int, d_model: int, warmup: int = 4000) -> float:
    return float(np.minimum(step**-0.5, step / warmup**1.5) / np.sqrt(d_model))


# %% wrong="the first position's logits" of="greedy_decode" check="the most probable token" says="the last position's logits"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, 0].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="the least probable" of="greedy_decode" check="the most probable token" says="the argmax"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmin(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="only the last token as target" of="greedy_decode" check="the most probable token" says="all tokens so far"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens[:, -1:], memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="bos is 0" of="greedy_decode" check="the most probable token" says="begin with bos_id, not with 0"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), 0, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="bos left out" of="greedy_decode" check="the most probable token" says="bos, then"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens[:, 1:]


# %% wrong="encoded in every step" of="greedy_decode" check="the most probable token" says="call model.encode once"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, model.encode(src), src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="never stops" of="greedy_decode" check="the most probable token" says="up to eos"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
    return tokens


# %% wrong="stops with the first row that ends" of="greedy_decode" check="rows end at different" says="stop when all rows have ended"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).any():
            break
    return tokens


# %% wrong="the ended rows write on" of="greedy_decode" check="rows end at different" says="after its first eos"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="filled up with zeros" of="greedy_decode" check="rows end at different" says="after its first eos"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), 0)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="eos is 1" of="greedy_decode" check="rows end at different" says="eos_id=4"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == 1).any(-1), 1)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == 1).any(-1).all():
            break
    return tokens


# %% wrong="stops one step late" of="greedy_decode" check="the most probable token" says="up to eos"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        if (tokens[:, :-1] == eos_id).any(-1).all():
            break
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
    return tokens


# %% wrong="bos counted in max_len" of="greedy_decode" check="max_len tokens at most" says="bos and 3 tokens"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len - 1):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="one token too many" of="greedy_decode" check="max_len tokens at most" says="bos and 3 tokens"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len + 1):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="eos put at the end of rows cut off" of="greedy_decode" check="max_len tokens at most" says="stays as it is"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    if tokens.shape[1] == max_len + 1:
        tokens[:, -1] = eos_id
    return tokens


# %% wrong="sampled" of="greedy_decode" check="the most probable token" says="the argmax"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].softmax(-1).multinomial(1)[:, 0]  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% wrong="filled up with 1" of="greedy_decode" check="rows end at different" says="eos_id=4"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill((tokens == eos_id).any(-1), 1)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        if (tokens == eos_id).any(-1).all():
            break
    return tokens


# %% right="a flag for each row" of="greedy_decode"
@torch.no_grad()
def greedy_decode(model, src: Tensor, bos_id: int, eos_id: int, max_len: int) -> Tensor:
    memory = model.encode(src)
    ended = torch.zeros(len(src), dtype=torch.bool, device=src.device)
    tokens = torch.full((len(src), 1), bos_id, device=src.device)  # (B, 1)
    for _ in range(max_len):
        following = model.decode(tokens, memory, src)[:, -1].argmax(-1)  # (B,)
        following = following.masked_fill(ended, eos_id)
        tokens = torch.cat((tokens, following[:, None]), dim=1)
        ended |= following == eos_id
        if ended.all():
            break
    return tokens


# %% right="row by row" of="greedy_decode"
def greedy_decode(model, src, bos_id, eos_id, max_len):
    memory, rows = model.encode(src), []
    for b in range(len(src)):
        row = [bos_id]
        while len(row) <= max_len and (len(row) == 1 or row[-1] != eos_id):
            logits = model.decode(torch.tensor([row]), memory[b : b + 1], src[b : b + 1])
            row.append(int(logits[0, -1].argmax()))
        rows.append(row)
    longest = max(map(len, rows))
    return torch.tensor([row + [eos_id] * (longest - len(row)) for row in rows])


# %% right="in a tensor made beforehand" of="greedy_decode"
def greedy_decode(model, src, bos_id, eos_id, max_len):
    memory = model.encode(src)
    tokens = src.new_full((src.shape[0], max_len + 1), eos_id)
    tokens[:, 0] = bos_id
    for n in range(1, max_len + 1):
        probabilities = model.decode(tokens[:, :n], memory, src)[:, -1].softmax(-1)
        ended = (tokens[:, 1:n] == eos_id).any(1)
        tokens[:, n] = torch.where(ended, eos_id, probabilities.max(-1).indices)
        if (tokens[:, 1 : n + 1] == eos_id).any(1).all():
            return tokens[:, : n + 1]
    return tokens


# %% wrong="greedy whatever the width" of="beam_search" check="a wider beam" says="the best 2 of all extensions"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(1)
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="each hypothesis keeps its best" of="beam_search" check="a wider beam" says="not one of each hypothesis"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        values, tokens = extended.topk(min(beam_width if n == 1 else 1, V))
        best = (torch.arange(k)[:, None] * V + tokens).flatten()
        scores = values.flatten()
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="log-probabilities not added up" of="beam_search" check="a beam of one" says="the sum of the log-probabilities"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="probabilities added up" of="beam_search" check="a beam of one" says="the sum of the log-probabilities"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="logits added up" of="beam_search" check="a beam of one" says="the sum of the log-probabilities"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + logits  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="beginnings not reordered" of="beam_search" check="a wider beam" says="the best 2 of all extensions"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[torch.arange(len(best)) % k], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="no penalty" of="beam_search" check="a beam of one" says="divided by ((5 + 3) / 6)"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], scores[ended].tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="the penalty multiplies" of="beam_search" check="a beam of one" says="divided by ((5 + 3) / 6)"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] * ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="bos counted in the length" of="beam_search" check="a beam of one" says="3 tokens after bos"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((6 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="eos not counted in the length" of="beam_search" check="a beam of one" says="3 tokens after bos"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((4 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="divided by the plain length" of="beam_search" check="a beam of one" says="divided by ((5 + 3) / 6)"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / n ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="alpha is always 0.6" of="beam_search" check="a beam of one" says="alpha=0"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** 0.6).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="the penalty times alpha" of="beam_search" check="a beam of one" says="** 0.6"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / (((5 + n) / 6) * alpha if alpha else 1)).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="the first that ends wins" of="beam_search" check="wide enough" says="nothing may get lost"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if finished or len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="ended hypotheses go on" of="beam_search" check="a beam of one" says="up to eos"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) & (n == max_len) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="cut off ones are lost" of="beam_search" check="a wider beam" says="beam_width=2"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = beams[:, -1] == eos_id
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1]) if finished else (beams[0], scores[0].item())


# %% wrong="the worst is returned" of="beam_search" check="a wider beam" says="from round 2 on keep the best"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return min(finished, key=lambda pair: pair[1])


# %% wrong="compared without the penalty" of="beam_search" check="the length penalty" says="divide by (5 + n) / 6 when"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished, raw = model.encode(src), [], []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        raw += scores[ended].tolist()
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return finished[max(range(len(raw)), key=raw.__getitem__)]


# %% wrong="encoded in every round" of="beam_search" check="a beam of one" says="call model.encode once"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    finished = []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, model.encode(src).expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="bos is 0" of="beam_search" check="a wider beam" says="bos_id=3, eos_id=2"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[0]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="eos is 1" of="beam_search" check="a wider beam" says="bos_id=3, eos_id=2"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == 1) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="one round too many" of="beam_search" check="a wider beam" says="from round 2 on"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 2):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len + 1)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="eos cut from the result" of="beam_search" check="a beam of one" says="up to eos"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip([b[b != eos_id] for b in beams[ended]], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="a row more" of="beam_search" check="a beam of one" says="one axis"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended][:, None], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="only the width decides" of="beam_search" check="wide enough" says="your code raised"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(beam_width)
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="greedy_decode called" of="beam_search" check="a beam of one" says="may not call greedy_decode"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    if beam_width == 1:
        return greedy_decode(model, src, bos_id, eos_id, max_len)[0], 0.0
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="every sequence tried" of="beam_search" check="a beam of one" says="may not call best_of_all"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    if beam_width > 9:
        return best_of_all(model, src, bos_id, eos_id, max_len, alpha)
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="the room of ended ones is filled" of="beam_search" check="a wider beam" says="ended ones among them"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(2 * beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        ended[beam_width:] &= beams[beam_width:, -1] == eos_id
        done = ended.clone()
        done[beam_width:] = False
        finished += zip(beams[done], (scores[done] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended][:beam_width], scores[~ended][:beam_width]
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="the beam shrinks" of="beam_search" check="a wider beam" says="the best 3 of every round"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        beam_width -= int(ended.sum())
        if len(beams) == 0:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="stopped by the first good one" of="beam_search" check="the length penalty" says="go on while any is open"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        worth = max((score for _, score in finished), default=-math.inf)
        if len(beams) == 0 or worth > scores.max().item() / ((5 + n) / 6) ** alpha:
            break
    return max(finished, key=lambda pair: pair[1])


# %% wrong="stopped when beam_width have ended" of="beam_search" check="a wider beam" says="while any is open"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0 or len(finished) >= beam_width:
            break
    return max(finished, key=lambda pair: pair[1])


# %% right="lists of hypotheses" of="beam_search"
@torch.no_grad()
def beam_search(model, src, bos_id, eos_id, max_len, beam_width=4, alpha=0.6):
    memory, beam, done = model.encode(src), [([bos_id], 0.0)], []
    for n in range(1, max_len + 1):
        logits = model.decode(torch.tensor([tokens for tokens, _ in beam]), memory, src)[:, -1]
        everything = [(tokens + [v], total + value) for (tokens, total), row in zip(beam, logits.log_softmax(-1), strict=True)
                      for v, value in enumerate(row.tolist())]
        everything.sort(key=lambda pair: -pair[1])
        beam = []
        for tokens, total in everything[:beam_width]:
            if tokens[-1] == eos_id or n == max_len:
                done.append((total / ((5 + n) / 6) ** alpha, tokens))
            else:
                beam.append((tokens, total))
        if not beam:
            break
    score, tokens = max(done)
    return torch.tensor(tokens), score


# %% right="the best so far instead of a list" of="beam_search"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, winner = model.encode(src), (None, -math.inf)
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        for tokens, score in zip(beams[ended], scores[ended].double() / ((5 + n) / 6) ** alpha, strict=True):
            if score > winner[1]:
                winner = (tokens, score.item())
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    return winner


# %% right="sorted, and stopped when nothing can win" of="beam_search"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        order = extended.flatten().argsort(descending=True)[:beam_width]
        scores, best = extended.flatten()[order], order
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        limit = ((5 + max_len) / 6) ** alpha
        if len(beams) == 0 or finished and max(score for _, score in finished) >= scores.max() / limit:
            break
    return max(finished, key=lambda pair: pair[1])


# %% right="the score as a tensor" of="beam_search"
@torch.no_grad()
def beam_search(model, src: Tensor, bos_id: int, eos_id: int, max_len: int, beam_width: int = 4,
                alpha: float = 0.6) -> tuple[Tensor, float]:
    memory, finished = model.encode(src), []
    beams, scores = torch.tensor([[bos_id]], device=src.device), torch.zeros(1, device=src.device)  # (k, n), (k,)
    for n in range(1, max_len + 1):
        k = len(beams)
        logits = model.decode(beams, memory.expand(k, -1, -1), src.expand(k, -1))[:, -1]  # (k, V)
        extended = scores[:, None] + torch.log_softmax(logits, dim=-1)  # (k, V)
        V = extended.shape[1]
        scores, best = extended.flatten().topk(min(beam_width, k * V))
        beams = torch.cat((beams[best // V], (best % V)[:, None]), dim=1)  # (k, n + 1)
        ended = (beams[:, -1] == eos_id) | (n == max_len)
        finished += zip(beams[ended], (scores[ended] / ((5 + n) / 6) ** alpha).tolist(), strict=True)
        beams, scores = beams[~ended], scores[~ended]
        if len(beams) == 0:
            break
    tokens, score = max(finished, key=lambda pair: pair[1])
    return tokens, torch.tensor(score)


# %% equivalent="224ca879" of="token_mask" because="a row without any real token may be seen as a whole, so all False becomes all True"


# %% equivalent="fe38ce59" of="token_mask" because="the tensor has two axes, the last of which is number 1"


# %% equivalent="2c933a66" of="Transformer" because="the memory is on the device of the target, or nothing can be computed"


# %% equivalent="5ed77996" of="Transformer" because="a mask of bools has no gradient"


# %% equivalent="1d5790c9" of="label_smoothing_loss" because="tensor != None is True in Python, and indexing with True keeps everything"


# %% equivalent="4e3607cb" of="label_smoothing_loss" because="a single number transposed is the same number"


# %% survivor="82e020cb" of="greedy_decode" because="shows only where the source lies on a GPU, which a check cannot ask for; the tests do"


# %% equivalent="1e89e00d" of="greedy_decode" because="the tensor has two axes, the last of which is number 1"


# %% equivalent="87065586" of="greedy_decode" because="the tensor has two axes, the last of which is number 1"


# %% equivalent="72ef5202" of="greedy_decode" because="the tensor has two axes, the last of which is number 1"


# %% survivor="66e3ac76" of="beam_search" because="shows only where the source lies on a GPU, which a check cannot ask for; the tests do"


# %% survivor="df2344ef" of="beam_search" because="shows only where the source lies on a GPU, which a check cannot ask for; the tests do"


# %% equivalent="a69eb9e0" of="beam_search" because="in round max_len all are finished, so no further round begins"


# %% equivalent="633db317" of="beam_search" because="there are as many log-probabilities as open hypotheses"


# %% equivalent="4c3bc68e" of="beam_search" because="the one memory is broadcast over all hypotheses by the attention itself"


# %% equivalent="988f09ab" of="beam_search" because="the mask of the one source is broadcast over all hypotheses by the attention itself"


# %% equivalent="3a414f25" of="beam_search" because="the tensor has two axes, the last of which is number 1"


# %% equivalent="4c9068e3" of="beam_search" because="a tensor of one number is compared and read as the number"


# %% equivalent="71902117" of="beam_search" because="as many hypotheses as scores, so strict has nothing to refuse"


# %% equivalent="76357b53" of="beam_search" because="as many hypotheses as scores, so strict has nothing to refuse"


# %% equivalent="4c305db5" of="beam_search" because="with no open hypothesis a further round extends nothing and finishes nothing"


# %% equivalent="4ea0ca54" of="beam_search" because="there are as many log-probabilities as open hypotheses"


# %% equivalent="f576a160" of="beam_search" because="with no open hypothesis a further round extends nothing and finishes nothing"


# %% equivalent="50559454" of="beam_search" because="with no open hypothesis a further round extends nothing and finishes nothing"
