# %% wrong="divided by the root of d as ever" of="T5Attention" check="scores without division" says="no √d anywhere"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="the function of the earlier notebook" of="T5Attention" check="scores without division" says="no √d anywhere"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        from internals.scaled_dot_product import scaled_dot_product_attention

        _, weights = scaled_dot_product_attention(q, k, v, None if mask is None else mask.unsqueeze(-3))
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="softmax over the queries" of="T5Attention" check="scores without division" says="softmax of q·k over the keys"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-2)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="w_o forgotten" of="T5Attention" check="scores without division" says="merge the heads, then w_o"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return merge_heads(self.dropout(weights) @ v), weights


# %% wrong="merged by view" of="T5Attention" check="scores without division" says="values from w_v, merged, and w_o comes last"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o((self.dropout(weights) @ v).reshape(x.shape[0], x.shape[1], -1)), weights


# %% wrong="keys for values" of="T5Attention" check="scores without division" says="out is not: values from w_v"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="split by view" of="T5Attention" check="scores without division" says="split, softmax of q·k"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = self.w_q(x).view(x.shape[0], self.num_heads, x.shape[1], -1)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="only out returned" of="T5Attention" check="scores without division" says="return (out, weights)"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v))


# %% wrong="bias forgotten" of="T5Attention" check="a bias for each head" says="is added to the scores"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            pass
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="bias added after the softmax" of="T5Attention" check="a bias for each head" says="before the softmax"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores - (0 if bias is None else bias), dim=-1) + (0 if bias is None else bias)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="bias per sequence" of="T5Attention" check="a bias for each head" says="the same in every sequence"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias.unsqueeze(1)
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="bias turned round" of="T5Attention" check="a bias for each head" says="is added to the scores"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias.transpose(-2, -1)
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="the mean of the heads as bias" of="T5Attention" check="a bias for each head" says="is added to the scores"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias.mean(0)
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="mask the wrong way round" of="T5Attention" check="a mask holds for every head" says="mask"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="mask taken for the heads" of="T5Attention" check="a mask holds for every head" says="give it an axis for the heads"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="a mask that only subtracts ten" of="T5Attention" check="a mask holds for every head" says="minus infinity"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores - 10.0 * (~mask.unsqueeze(-3))
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="mask before the bias, overwritten" of="T5Attention" check="a mask holds for every head" says="minus infinity"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores * mask.unsqueeze(-3)
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="masked after the softmax" of="T5Attention" check="a mask holds for every head" says="minus infinity"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            pass
        weights = torch.softmax(scores, dim=-1)
        if mask is not None:
            weights = weights * mask.unsqueeze(-3)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="queries from memory" of="T5Attention" check="x may read a memory" says="queries are made from x"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(memory), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="values from x" of="T5Attention" check="x may read a memory" says="values are made from memory"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(x), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="memory ignored" of="T5Attention" check="x may read a memory" says="keys from memory"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="dropout on the output" of="T5Attention" check="dropout falls on the weights" says="self.dropout acts once"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.dropout(self.w_o(merge_heads(weights @ v))), weights


# %% wrong="no dropout" of="T5Attention" check="dropout falls on the weights" says="self.dropout acts once"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(weights @ v)), weights  # (B, n, D)


# %% wrong="dropped weights returned" of="T5Attention" check="dropout falls on the weights" says="as they were before dropout"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = self.dropout(torch.softmax(scores, dim=-1))
        return self.w_o(merge_heads(weights @ v)), weights  # (B, n, D)


# %% wrong="bias detached" of="T5Attention" check="gradients reach" says="no .detach()"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias.detach()
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="detached where there is a mask" of="T5Attention" check="gradients reach" says="gradient of"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.detach().masked_fill(~mask.unsqueeze(-3), float("-inf"))
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="keys detached" of="T5Attention" check="gradients reach" says="gradient of"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory.detach()), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="the reference called" of="T5Attention" check="scores without division" says="may not call reference_attention"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        return reference_attention(x, memory, self.w_q.out_features // self.num_heads, self.num_heads, mask, bias)


# %% wrong="minus a hundred in place of minus infinity" of="T5Attention" check="a mask holds for every head" says="mask with minus infinity"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), -100.0)  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% wrong="the function F.dropout" of="T5Attention" check="dropout falls on the weights" says="self.dropout acts once"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(F.dropout(weights, self.dropout.p, self.training) @ v)), weights  # (B, n, D)


# %% right="einsum" of="T5Attention"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = torch.einsum("bhnd,bhmd->bhnm", q, k)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(torch.einsum("bhnm,bhmd->bhnd", self.dropout(weights), v))), weights  # (B, n, D)


# %% right="a mask made a bias of minus infinity" of="T5Attention"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = q @ k.transpose(-2, -1)  # (B, H, n, m)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores + torch.zeros_like(scores).masked_fill(~mask.unsqueeze(-3), float("-inf"))
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% right="scaled and unscaled again" of="T5Attention"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)  # (B, H, n, d)
        k = split_heads(self.w_k(memory), self.num_heads)  # (B, H, m, d)
        v = split_heads(self.w_v(memory), self.num_heads)  # (B, H, m, d)
        scores = (q * q.shape[-1] ** 0.5) @ k.mT / q.shape[-1] ** 0.5
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), float("-inf"))  # the same for every head
        weights = torch.softmax(scores, dim=-1)
        return self.w_o(merge_heads(self.dropout(weights) @ v)), weights  # (B, n, D)


# %% right="a loop over the heads" of="T5Attention"
class T5Attention(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_k = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_v = nn.Linear(d_model, num_heads * d_kv, bias=False)
        self.w_o = nn.Linear(num_heads * d_kv, d_model, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x if memory is None else memory
        q, k, v = self.w_q(x), self.w_k(memory), self.w_v(memory)
        d, outs, maps = q.shape[-1] // self.num_heads, [], []
        for h in range(self.num_heads):
            part = slice(h * d, (h + 1) * d)
            scores = q[..., part] @ k[..., part].mT
            if bias is not None:
                scores = scores + bias[h]
            if mask is not None:
                scores = torch.where(mask, scores, float("-inf"))
            maps.append(scores.softmax(-1))
            outs.append(self.dropout(maps[-1]) @ v[..., part])
        return self.w_o(torch.cat(outs, -1)), torch.stack(maps, 1)


# %% wrong="w_q as all others" of="t5_init" check="queries start smaller" says="deviation (256 · 16)"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            part.w_q.weight *= 1.0
    return module


# %% wrong="divided by d, not its root" of="t5_init" check="queries start smaller" says="1/64"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-1
    return module


# %% wrong="the width of all heads" of="t5_init" check="queries start smaller" says="d is the width of one head"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="keys smaller too" of="t5_init" check="queries start smaller" says="only w_q is smaller"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
            part.w_k.weight *= d_kv**-0.5
    return module


# %% wrong="variance for deviation" of="t5_init" check="queries start smaller" says="1/"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=1 / part.in_features, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="outputs for inputs" of="t5_init" check="queries start smaller" says=""
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.out_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="the general rule written over it" of="t5_init" check="queries start smaller" says="deviation (256 · 16)"
@torch.no_grad()
def t5_init(module, generator=None):
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            nn.init.normal_(part.w_q.weight, std=(part.w_q.in_features * d_kv) ** -0.5, generator=generator)
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, generator=generator)
    return module


# %% wrong="children only" of="t5_init" check="queries start smaller" says="inside another module too"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in [module]:
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="embeddings as linear layers" of="t5_init" check="other layers" says="embeddings: deviation 1"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=part.embedding_dim**-0.5, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="norms filled too" of="t5_init" check="other layers" says="gain of a norm stays"
@torch.no_grad()
def t5_init(module, generator=None):
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=1.0 if parameter.shape[0] == 200 else parameter.shape[-1] ** -0.5, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            part.w_q.weight *= (part.w_q.out_features // part.num_heads) ** -0.5
    return module


# %% wrong="tables of positions filled too" of="t5_init" check="other layers" says="T5RelativeBias stays"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
        elif isinstance(part, T5RelativeBias):
            nn.init.normal_(part.weight, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="embeddings forgotten" of="t5_init" check="other layers" says="embeddings: deviation 1"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Bilinear):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="uniform of the same deviation" of="t5_init" check="normal, in place" says="normal numbers"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.uniform_(part.weight, -((3 / part.in_features) ** 0.5), (3 / part.in_features) ** 0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="embeddings from the global generator" of="t5_init" check="normal, in place" says="embeddings too"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="generator not handed on" of="t5_init" check="normal, in place" says="the same generator"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="nothing returned" of="t5_init" check="queries start smaller" says="NoneType"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return None


# %% wrong="a copy filled" of="t5_init" check="normal, in place" says="place"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    import copy

    module = copy.deepcopy(module)
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
    return module


# %% wrong="frozen afterwards" of="t5_init" check="normal, in place" says="stay trainable"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            d_kv = part.w_q.out_features // part.num_heads
            part.w_q.weight *= d_kv**-0.5
            part.w_q.weight.requires_grad_(False)
    return module


# %% wrong="the first attention alone" of="t5_init" check="queries start smaller" says="not the first alone"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            part.w_q.weight *= (part.w_q.out_features // part.num_heads) ** -0.5
            break
    return module


# %% wrong="biases set to zero" of="t5_init" check="other layers" says="it stays as it is"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
            if part.bias is not None:
                part.bias.zero_()
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            part.w_q.weight *= (part.w_q.out_features // part.num_heads) ** -0.5
    return module


# %% wrong="seeded again for every layer" of="t5_init" check="normal, in place" says="the same numbers"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    seed = 0 if generator is None else generator.initial_seed()
    for part in module.modules():
        generator = torch.Generator().manual_seed(seed)
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            part.w_q.weight *= (part.w_q.out_features // part.num_heads) ** -0.5
    return module


# %% wrong="new parameters" of="t5_init" check="normal, in place" says="in place"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            numbers = torch.randn(part.weight.shape, generator=generator, dtype=part.weight.dtype)
            part.weight = nn.Parameter(numbers * part.in_features**-0.5)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            part.w_q.weight *= (part.w_q.out_features // part.num_heads) ** -0.5
    return module


# %% wrong="float32 whatever was there" of="t5_init" check="normal, in place" says="dtype"
@torch.no_grad()
def t5_init(module: nn.Module, generator: torch.Generator | None = None) -> nn.Module:
    for part in module.modules():
        if isinstance(part, nn.Linear):
            part.weight.data = torch.randn(part.weight.shape, generator=generator) * part.in_features**-0.5
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0, generator=generator)
    for part in module.modules():
        if isinstance(part, T5Attention):
            part.w_q.weight *= (part.w_q.out_features // part.num_heads) ** -0.5
    return module


# %% right="deviations by name" of="t5_init"
def t5_init(module, generator=None):
    queries = {id(part.w_q): part.num_heads for part in module.modules() if isinstance(part, T5Attention)}
    for part in module.modules():
        if isinstance(part, nn.Linear):
            d_kv = part.out_features // queries[id(part)] if id(part) in queries else 1
            nn.init.normal_(part.weight, 0.0, (part.in_features * d_kv) ** -0.5, generator)
        if isinstance(part, nn.Embedding):
            part.weight.data.normal_(generator=generator)
    return module


# %% right="by apply" of="t5_init"
def t5_init(module, generator=None):
    def fill(part):
        with torch.no_grad():
            if isinstance(part, nn.Linear):
                part.weight.normal_(0, 1 / part.in_features**0.5, generator=generator)
            elif isinstance(part, nn.Embedding):
                part.weight.normal_(generator=generator)
            elif isinstance(part, T5Attention):  # apply comes to a module after its children
                part.w_q.weight.div_((part.w_q.out_features / part.num_heads) ** 0.5)

    return module.apply(fill)


# %% right="copied from randn" of="t5_init"
@torch.no_grad()
def t5_init(module, generator=None):
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Embedding)):
            scale = part.weight.shape[1] ** -0.5 if isinstance(part, nn.Linear) else 1
            part.weight.copy_(torch.randn(part.weight.shape, generator=generator) * scale)
    for part in filter(lambda p: isinstance(p, T5Attention), module.modules()):
        part.w_q.weight /= (part.w_q.weight.shape[0] // part.num_heads) ** 0.5
    return module


# %% wrong="norm after the addition" of="T5Block" check="an encoder's block" says="norms in the branches"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(x, mask=mask, bias=bias)
        x = self.attention_norm(x + self.dropout(out))
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="no residual at the feed-forward layer" of="T5Block" check="an encoder's block" says="+ feed_forward"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="no residual at attention" of="T5Block" check="an encoder's block" says="x + attention"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="norms exchanged" of="T5Block" check="an encoder's block" says="attention_norm(x)"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.feed_forward_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.attention_norm(x)))


# %% wrong="the stream normed as well" of="T5Block" check="an encoder's block" says="norms in the branches"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        x = self.attention_norm(x)
        out, _ = self.attention(x, mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="side by side" of="T5Block" check="an encoder's block" says="then + feed_forward"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        start = x
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(start)))


# %% wrong="feed-forward forgotten" of="T5Block" check="an encoder's block" says="feed_forward"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x


# %% wrong="the pair added" of="T5Block" check="an encoder's block" says="raised"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="in place" of="T5Block" check="an encoder's block" says="x was changed in place"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x.data += self.dropout(out).data
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="memory normed" of="T5Block" check="a decoder's block reads the memory" says="memory as it is"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), self.cross_norm(memory), mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="cross-attention left out" of="T5Block" check="a decoder's block reads the memory" says="cross_attention"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if False:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="cross-attention to itself" of="T5Block" check="a decoder's block reads the memory" says="cross_attention"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="cross-attention first" of="T5Block" check="a decoder's block reads the memory" says="self-attention, then"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="queries from the memory" of="T5Block" check="a decoder's block reads the memory" says="cross_attention(cross_norm(x), memory)"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(memory, self.cross_norm(x), mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="one norm for both attentions" of="T5Block" check="a decoder's block reads the memory" says="cross_norm"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.attention_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="mask forgotten" of="T5Block" check="masks and bias in their places" says="mask is for self-attention"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="the same mask for both" of="T5Block" check="masks and bias in their places" says="mask"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="memory_mask forgotten" of="T5Block" check="masks and bias in their places" says="memory_mask is for cross-attention"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="bias forgotten" of="T5Block" check="masks and bias in their places" says="bias goes into self-attention"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="bias in cross-attention too" of="T5Block" check="masks and bias in their places" says="not into cross-attention"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask, bias=bias)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="no dropout on the feed-forward output" of="T5Block" check="dropout on what is added" says="output of each sublayer"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="no dropout on attention" of="T5Block" check="dropout on what is added" says="output of each sublayer"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + out
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="no dropout on cross-attention" of="T5Block" check="dropout on what is added" says="output of each sublayer"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + out
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="dropout on the stream" of="T5Block" check="dropout on what is added" says="not on x"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return self.dropout(x + self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="memory detached" of="T5Block" check="gradients reach the stream" says="gradient of memory"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory.detach(), mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="stream detached in the branch" of="T5Block" check="gradients reach the stream" says="gradient of x"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x.detach())))


# %% wrong="a memory makes a decoder" of="T5Block" check="an encoder's block" says="cross_"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if memory is not None:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="dropout on the input of feed-forward" of="T5Block" check="dropout on what is added" says="output of each sublayer"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.feed_forward(self.dropout(self.feed_forward_norm(x)))


# %% right="a helper for the sentence" of="T5Block"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        def step(x, out):
            return x + self.dropout(out)

        x = step(x, self.attention(self.attention_norm(x), None, mask, bias)[0])
        if self.decoder:
            x = step(x, self.cross_attention(self.cross_norm(x), memory, memory_mask)[0])
        return step(x, self.feed_forward(self.feed_forward_norm(x)))


# %% right="asks for the parts" of="T5Block"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        out, _ = self.attention(self.attention_norm(x), mask=mask, bias=bias)
        x = x + self.dropout(out)
        if hasattr(self, "cross_attention"):
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% right="x given as its own memory, a clone kept" of="T5Block"
class T5Block(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, d_ff: int, decoder: bool = False, dropout: float = 0.0,
                 gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.attention_norm = RMSNorm(d_model, eps=1e-6)
        self.attention = T5Attention(d_model, d_kv, num_heads, dropout)
        if decoder:
            self.cross_norm = RMSNorm(d_model, eps=1e-6)
            self.cross_attention = T5Attention(d_model, d_kv, num_heads, dropout)
        self.feed_forward_norm = RMSNorm(d_model, eps=1e-6)
        if gated:
            self.feed_forward = GatedGELU(d_model, d_ff, dropout)
        else:
            self.feed_forward = FeedForward(d_model, d_ff, bias=False, dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        normed = self.attention_norm(x)
        x = x.clone()
        out, _ = self.attention(normed, normed, mask, bias)
        x = x + self.dropout(out)
        if self.decoder:
            out, _ = self.cross_attention(self.cross_norm(x), memory, mask=memory_mask)
            x = x + self.dropout(out)
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


# %% wrong="no bias" of="T5Stack" check="an encoder of several layers" says="every layer gets the bias"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask)
        return self.dropout(self.norm(x))


# %% wrong="bias for the first layer alone" of="T5Stack" check="an encoder of several layers" says="every layer gets the bias"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
            bias = None
        return self.dropout(self.norm(x))


# %% wrong="no final norm" of="T5Stack" check="an encoder of several layers" says="the norm at the end"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(x)


# %% wrong="norm after every layer" of="T5Stack" check="an encoder of several layers" says="the norm at the end"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = self.norm(layer(x, memory, mask, memory_mask, bias))
        return self.dropout(x)


# %% wrong="norm first" of="T5Stack" check="an encoder of several layers" says="the norm at the end"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(self.norm(x))
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(x)


# %% wrong="only the last layer" of="T5Stack" check="an encoder of several layers" says="every layer"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            y = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(y))


# %% wrong="causal everywhere" of="T5Stack" check="an encoder of several layers" says="no causal mask in an encoder"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if True:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="a fixed length" of="T5Stack" check="an encoder of several layers" says="raised"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = 32
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="batch for length" of="T5Stack" check="an encoder of several layers" says=""
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[0]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="no causal mask" of="T5Stack" check="a decoder sees the memory" says="the causal mask"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if False:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="the future instead of the past" of="T5Stack" check="a decoder sees the memory" says="causal mask"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).T.to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="memory for no layer" of="T5Stack" check="a decoder sees the memory" says=""
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, x, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="mask forgotten" of="T5Stack" check="masks" says="mask goes to every layer"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, causal_mask(T) if self.decoder else None, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="memory_mask forgotten" of="T5Stack" check="masks" says="memory_mask goes to every layer"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, None, bias)
        return self.dropout(self.norm(x))


# %% wrong="masks exchanged" of="T5Stack" check="masks" says="mask"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, memory_mask, mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="the mask replaces the causal one" of="T5Stack" check="masks" says="mask & causal"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="the causal mask replaces the mask" of="T5Stack" check="masks" says="mask & causal"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="or for and" of="T5Stack" check="masks" says="mask & causal"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask | causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="no dropout on the embeddings" of="T5Stack" check="dropout at the beginning" says="on x before the first layer"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="no dropout at the end" of="T5Stack" check="dropout at the beginning" says="result of the norm"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.norm(x)


# %% wrong="dropout between the layers" of="T5Stack" check="dropout at the beginning" says="self.dropout twice"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = self.dropout(layer(x, memory, mask, memory_mask, bias))
        return self.dropout(self.norm(x))


# %% wrong="dropout before the norm" of="T5Stack" check="dropout at the beginning" says="result of the norm"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.norm(self.dropout(x))


# %% wrong="causal where there is a memory" of="T5Stack" check="an encoder of several layers" says="a memory makes no decoder"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if memory is not None:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="bias detached" of="T5Stack" check="gradients reach the table" says="table of positions is learnt"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T).detach()  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="bias without gradient, made once" of="T5Stack" check="gradients reach the table" says="table of positions is learnt"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        with torch.no_grad():
            bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="stream detached" of="T5Stack" check="gradients reach the table" says="gradient of x"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x.detach())
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="memory detached after the first layer" of="T5Stack" check="gradients reach the table" says="gradient of memory"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
            memory = memory if memory is None else memory.detach()
        return self.dropout(self.norm(x))


# %% wrong="dropout before the norm as well" of="T5Stack" check="dropout at the beginning" says="self.dropout twice"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(self.dropout(x)))


# %% right="bias made for every layer anew" of="T5Stack"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias=self.relative(x.shape[1], x.shape[1]))
        return self.dropout(self.norm(x))


# %% right="a mask of ones to begin with" of="T5Stack"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal & (torch.ones_like(causal) if mask is None else mask)
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% right="by index, names given" of="T5Stack"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = causal_mask(T).to(x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for i in range(len(self.layers)):
            x = self.layers[i](x, memory=memory, bias=bias, memory_mask=memory_mask, mask=mask)
        return self.dropout(self.norm(x))


# %% right="causal by comparison" of="T5Stack"
class T5Stack(nn.Module):

    def __init__(self, d_model: int, d_kv: int, num_heads: int, num_layers: int, d_ff: int, decoder: bool = False,
                 dropout: float = 0.0, gated: bool = False) -> None:
        super().__init__()
        self.decoder = decoder
        self.relative = T5RelativeBias(num_heads, bidirectional=not decoder)
        self.layers = nn.ModuleList(
            T5Block(d_model, d_kv, num_heads, d_ff, decoder, dropout, gated) for _ in range(num_layers)
        )
        self.norm = RMSNorm(d_model, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None,
                memory_mask: Tensor | None = None) -> Tensor:
        T = x.shape[1]
        bias = self.relative(T, T)  # (H, T, T), for every layer
        if self.decoder:
            causal = torch.arange(T, device=x.device)[:, None] >= torch.arange(T, device=x.device)  # (T, T)
            mask = causal if mask is None else mask & causal
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.dropout(self.norm(x))


# %% wrong="shifted to the left" of="shift_right" check="one place later" says="position t is label t − 1"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    start = torch.full_like(labels[:, :1], pad_id)  # (B, 1)
    shifted = torch.cat((labels[:, 1:], start), dim=1)  # (B, m)
    return shifted.masked_fill(shifted == -100, pad_id)


# %% wrong="rolled" of="shift_right" check="one place later" says="position 0 is pad_id"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    shifted = labels.roll(1, dims=1)  # (B, m)
    return shifted.masked_fill(shifted == -100, pad_id)


# %% wrong="one longer" of="shift_right" check="one place later" says="the last label is no input"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    start = torch.full_like(labels[:, :1], pad_id)  # (B, 1)
    shifted = torch.cat((start, labels), dim=1)  # (B, m)
    return shifted.masked_fill(shifted == -100, pad_id)


# %% wrong="not shifted" of="shift_right" check="one place later" says="position 0 is pad_id"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    shifted = labels  # (B, m)
    return shifted.masked_fill(shifted == -100, pad_id)


# %% wrong="always begins with 0" of="shift_right" check="one place later" says="start with pad_id"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    start = torch.zeros_like(labels[:, :1])  # (B, 1)
    shifted = torch.cat((start, labels[:, :-1]), dim=1)  # (B, m)
    return shifted.masked_fill(shifted == -100, pad_id)


# %% wrong="begins with 1" of="shift_right" check="one place later" says="position 0 is pad_id"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    start = torch.full_like(labels[:, :1], pad_id + 1)  # (B, 1)
    shifted = torch.cat((start, labels[:, :-1]), dim=1)  # (B, m)
    return shifted.masked_fill(shifted == -100, pad_id)


# %% wrong="shifted in place" of="shift_right" check="one place later" says="labels were changed in place"
def shift_right(labels, pad_id=0):
    labels[:, 1:] = labels[:, :-1].clone()
    labels[:, 0] = pad_id
    return labels.masked_fill(labels == -100, pad_id)


# %% wrong="a new dtype" of="shift_right" check="one place later" says="the dtype of the labels"
def shift_right(labels, pad_id=0):
    rows = [[pad_id] + [pad_id if i == -100 else i for i in row[:-1]] for row in labels.tolist()]
    return torch.tensor(rows)


# %% wrong="minus 100 kept" of="shift_right" check="what is not predicted" says="−100 becomes pad_id"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    start = torch.full_like(labels[:, :1], pad_id)  # (B, 1)
    return torch.cat((start, labels[:, :-1]), dim=1)


# %% wrong="minus 100 becomes 0 whatever pad_id" of="shift_right" check="what is not predicted" says="not 0"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    start = torch.full_like(labels[:, :1], pad_id)  # (B, 1)
    shifted = torch.cat((start, labels[:, :-1]), dim=1)  # (B, m)
    return shifted.masked_fill(shifted == -100, 0)


# %% wrong="all negative numbers replaced" of="shift_right" check="what is not predicted" says="no other number"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    start = torch.full_like(labels[:, :1], pad_id)  # (B, 1)
    shifted = torch.cat((start, labels[:, :-1]), dim=1)  # (B, m)
    return shifted.masked_fill(shifted < 0, pad_id)


# %% wrong="replaced in the labels" of="shift_right" check="what is not predicted" says="labels keep their −100"
def shift_right(labels: Tensor, pad_id: int = 0) -> Tensor:
    labels.masked_fill_(labels == -100, pad_id)
    start = torch.full_like(labels[:, :1], pad_id)  # (B, 1)
    shifted = torch.cat((start, labels[:, :-1]), dim=1)  # (B, m)
    return shifted.masked_fill(shifted == -100, pad_id)


# %% right="by new_full" of="shift_right"
def shift_right(labels, pad_id=0):
    inputs = labels.new_full(labels.shape, pad_id)
    inputs[:, 1:] = labels[:, :-1]
    inputs[inputs == -100] = pad_id
    return inputs


# %% right="pad" of="shift_right"
def shift_right(labels, pad_id=0):
    clean = torch.where(labels == -100, torch.full_like(labels, pad_id), labels)
    return F.pad(clean[:, :-1], (1, 0), value=pad_id)


# %% right="rolled, first column written" of="shift_right"
def shift_right(labels, pad_id=0):
    inputs = labels.roll(1, dims=1)
    inputs[:, 0] = pad_id
    return inputs.masked_fill(inputs.eq(-100), pad_id)


# %% wrong="not scaled" of="T5" check="logits of the tied model" says="D ** -0.5"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="multiplied by the root" of="T5" check="logits of the tied model" says="D ** -0.5"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="divided by D" of="T5" check="logits of the tied model" says="D ** -0.5"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-1 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="embeddings scaled as in 2017" of="T5" check="logits of the tied model" says="embedding(tgt)"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.d_model**0.5 * self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="src and tgt exchanged" of="T5" check="logits of the tied model" says="a logit for each"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(tgt)
        return self.decode(src, memory, memory_mask)


# %% wrong="one stack for both" of="T5" check="logits of the tied model" says="memory = encoder(embedding(src))"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.decoder(self.embedding(src), self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="probabilities" of="T5" check="logits of the tied model" says="D ** -0.5"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return (x * self.d_model**-0.5 @ self.embedding.weight.T).softmax(-1)
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="a mask without the axis of queries" of="T5" check="padding in src is hidden" says="size of tensor"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else src != self.pad_id  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="padding seen by the encoder" of="T5" check="padding in src is hidden" says="hidden from the encoder's"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src)), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="padding seen by cross-attention" of="T5" check="padding in src is hidden" says="from cross-attention"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="True for padding" of="T5" check="padding in src is hidden" says="True where src is not pad_id"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src == self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="padding is always 0" of="T5" check="padding in src is hidden" says="hidden is self.pad_id"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != 0).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="pad_id None forgotten" of="T5" check="padding in src is hidden" says="pad_id None"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = (src != (self.pad_id or 0)).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="only the memory" of="T5" check="padding in src is hidden" says="encode"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        self.mask = mask
        return self.encoder(self.embedding(src), mask=mask)

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src), self.mask
        return self.decode(tgt, memory, memory_mask)


# %% wrong="padding in tgt hidden as in src" of="T5" check="logits of the tied model" says=""
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        seen = (tgt != self.pad_id).unsqueeze(1)
        x = self.decoder(self.embedding(tgt), memory, seen, memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="the mask kept from the last call" of="T5" check="decode writes on" says="all of the memory is seen"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        self.seen = mask
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=self.seen)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="head scaled too" of="T5" check="1.1 has a head" says="without D ** -0.5"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x * self.d_model**-0.5)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="always the embedding" of="T5" check="1.1 has a head" says="head(x)"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if True:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="output detached from the embedding" of="T5" check="the loss, and the gradient" says="all three add to its gradient"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.detach().T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="memory detached" of="T5" check="the loss, and the gradient" says="all three add to its gradient"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory.detach(), memory_mask)


# %% wrong="head detached" of="T5" check="1.1 has a head" says="gradient of the head"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x).detach() + 0 * x.sum()

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="a head only where there are gates" of="T5" check="1.1 has a head" says="self.head says"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if not isinstance(self.decoder.layers[0].feed_forward, GatedGELU):
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% right="by F.linear" of="T5"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return F.linear(x, self.embedding.weight) / self.d_model**0.5
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% right="decoder called in forward too" of="T5"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = None if self.pad_id is None else (src != self.pad_id).unsqueeze(1)  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return x * self.d_model**-0.5 @ self.embedding.weight.T
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        return self.decode(tgt, *self.encode(src))


# %% right="mask by ne, shape by view" of="T5"
class T5(nn.Module):

    def __init__(self, vocab_size: int, d_model: int = 512, d_kv: int = 64, num_heads: int = 8, num_layers: int = 6,
                 d_ff: int = 2048, dropout: float = 0.1, gated: bool = False, tied: bool = True,
                 pad_id: int | None = 0) -> None:
        super().__init__()
        self.d_model, self.pad_id = d_model, pad_id
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.encoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, False, dropout, gated)
        self.decoder = T5Stack(d_model, d_kv, num_heads, num_layers, d_ff, True, dropout, gated)
        self.head = None if tied else nn.Linear(d_model, vocab_size, bias=False)

    def encode(self, src: Tensor) -> tuple[Tensor, Tensor | None]:
        mask = src.ne(self.pad_id)[:, None, :] if self.pad_id is not None else None  # (B, 1, n)
        return self.encoder(self.embedding(src), mask=mask), mask

    def decode(self, tgt: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        x = self.decoder(self.embedding(tgt), memory, memory_mask=memory_mask)  # (B, m, D)
        if self.head is None:
            return torch.einsum("btd,vd->btv", x, self.embedding.weight) * self.d_model**-0.5
        return self.head(x)

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        memory, memory_mask = self.encode(src)
        return self.decode(tgt, memory, memory_mask)


# %% wrong="copies" of="share_layers" check="the same depth" says="not copies"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    import copy

    return nn.ModuleList(copy.deepcopy(layers[i // size * size]) for i in range(len(layers)))


# %% wrong="only the groups" of="share_layers" check="the same depth" says="six entries"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.ModuleList(layers[i * size] for i in range(num_groups))


# %% wrong="the first groups in turn" of="share_layers" check="the same depth" says="layers 0, 0, 0, 3, 3, 3"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.ModuleList(layers[i // size] for i in range(len(layers)))


# %% wrong="round and round" of="share_layers" check="the same depth" says="layers 0, 0, 0, 3, 3, 3"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    return nn.ModuleList(layers[i % num_groups] for i in range(len(layers)))


# %% wrong="the last of each group" of="share_layers" check="the same depth" says="all of them the first layer"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.ModuleList(layers[i // size * size + size - 1] for i in range(len(layers)))


# %% wrong="num_groups taken for the size" of="share_layers" check="the same depth" says="all of them the first layer"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = num_groups
    return nn.ModuleList(layers[i // size * size] for i in range(len(layers)))


# %% wrong="always one block" of="share_layers" check="the same depth" says="2 groups of 3"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    return nn.ModuleList(layers[0] for i in range(len(layers)))


# %% wrong="the given list changed" of="share_layers" check="the same depth" says="the list that was given"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    for i in range(len(layers)):
        layers[i] = layers[i // size * size]
    return nn.ModuleList(layers)


# %% wrong="no error" of="share_layers" check="groups that do not fit" says="raise ValueError"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    size = len(layers) // num_groups
    return nn.ModuleList(layers[i // size * size] for i in range(len(layers)))


# %% wrong="another error" of="share_layers" check="groups that do not fit" says="raise ValueError"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise KeyError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.ModuleList(layers[i // size * size] for i in range(len(layers)))


# %% wrong="an error only above the number of layers" of="share_layers" check="groups that do not fit" says="raise ValueError"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if num_groups > len(layers):
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.ModuleList(layers[i // size * size] for i in range(len(layers)))


# %% wrong="a plain list" of="share_layers" check="the same depth" says="an nn.ModuleList"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return [layers[i // size * size] for i in range(len(layers))]


# %% wrong="weights copied at the start" of="share_layers" check="gradients of all" says="one object"
def share_layers(layers, num_groups=1):
    if len(layers) % num_groups:
        raise ValueError("groups")
    size, made = len(layers) // num_groups, []

    class Frozen(nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.out_features, self.up, self.inner = 0, getattr(layer, "up", None), layer

        def forward(self, x):
            with torch.no_grad():
                copy = {name: value.clone() for name, value in self.inner.named_parameters()}
            return torch.func.functional_call(self.inner, copy, x)

        @property
        def weight(self):
            return self.inner.weight

    for i in range(len(layers)):
        made.append(layers[i] if i % size == 0 else Frozen(made[i // size * size]))
    return nn.ModuleList(made)


# %% wrong="a sequence of modules" of="share_layers" check="the same depth" says="an nn.ModuleList"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.Sequential(*[layers[i // size * size] for i in range(len(layers))])


# %% wrong="one copy, shared" of="share_layers" check="the same depth" says="the first layer itself"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    import copy

    size, copies = len(layers) // num_groups, copy.deepcopy(layers)
    return nn.ModuleList(copies[i // size * size] for i in range(len(layers)))


# %% right="nested loops" of="share_layers"
def share_layers(layers, num_groups=1):
    size, rest = divmod(len(layers), num_groups)
    if rest or not size:
        raise ValueError("groups must divide the layers")
    shared = nn.ModuleList()
    for first in range(0, len(layers), size):
        for _ in range(size):
            shared.append(layers[first])
    return shared


# %% right="repeat of a list" of="share_layers"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.ModuleList([layer for first in list(layers)[::size] for layer in [first] * size])


# %% right="index minus rest" of="share_layers"
def share_layers(layers: nn.ModuleList, num_groups: int = 1) -> nn.ModuleList:
    if len(layers) % num_groups:
        raise ValueError(f"{num_groups} groups do not divide {len(layers)} layers")
    size = len(layers) // num_groups
    return nn.ModuleList(layers[i - i % size] for i in range(len(layers)))


# %% equivalent="22fd2f6c" of="T5Attention" because="keys have four axes: 2 is -2"


# %% equivalent="f8a93f29" of="t5_init" because="1 is the default of std"


# %% equivalent="df41b685" of="t5_init" because="w_q has num_heads · d_kv outputs: the division leaves no rest"


# %% survivor="a7039c1b" of="T5Stack" because="needs x on a GPU, which a check cannot ask for"


# %% survivor="f0fe6332" of="T5Stack" because="needs x on a GPU, which a check cannot ask for"


# %% equivalent="920fd076" of="T5Stack" because="a mask of bools carries no gradient"
