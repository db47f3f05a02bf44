# %% wrong="a mere view" of="split_heads" check="before the sequence" says="first (B, T, H, d), then exchange"
def split_heads(x, num_heads):
    B, T, D = x.shape
    return x.view(B, num_heads, T, D // num_heads)


# %% wrong="the axes not exchanged" of="split_heads" check="before the sequence" says="expected shape (1, 3, 2, 4)"
def split_heads(x, num_heads):
    B, T, D = x.shape
    return x.view(B, T, num_heads, D // num_heads)


# %% wrong="the width cut first into d, then H" of="split_heads" check="before the sequence" says="the first 4 numbers"
def split_heads(x, num_heads):
    B, T, D = x.shape
    return x.view(B, T, D // num_heads, num_heads).permute(0, 3, 1, 2)


# %% wrong="heads and width confused" of="split_heads" check="before the sequence" says="expected shape (1, 3, 2, 4)"
def split_heads(x, num_heads):
    B, T, D = x.shape
    return x.view(B, T, D // num_heads, num_heads).transpose(1, 2)


# %% wrong="the sequence cut instead of the width" of="split_heads" check="any batch" says="your code raised"
def split_heads(x, num_heads):
    B, T, D = x.shape
    return x.view(B, num_heads, T // num_heads, D)


# %% wrong="heads in front of the batch" of="split_heads" check="before the sequence" says="expected shape (1, 3, 2, 4)"
def split_heads(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1))


# %% wrong="heads last but one from chunks" of="split_heads" check="before the sequence" says="(B, H, T, d)"
def split_heads(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=2)


# %% wrong="a fixed width" of="split_heads" check="any batch" says="your code raised"
def split_heads(x, num_heads):
    B, T, D = x.shape
    return x.view(B, T, num_heads, 4).transpose(1, 2)


# %% wrong="batch and heads as one axis" of="split_heads" check="before the sequence" says="expected shape"
def split_heads(x, num_heads):
    B, T, D = x.shape
    return x.view(B, T, num_heads, D // num_heads).transpose(1, 2).reshape(B * num_heads, T, -1)


# %% wrong="the sequence reversed" of="split_heads" check="before the sequence" says="at [0, 0, 0, 0] expected 0, got 12"
def split_heads(x, num_heads):
    B, T, D = x.shape
    return x.flip(1).view(B, T, num_heads, D // num_heads).transpose(1, 2)


# %% right="chunks stacked" of="split_heads"
def split_heads(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


# %% right="unflatten and movedim" of="split_heads"
def split_heads(x, num_heads):
    return x.unflatten(-1, (num_heads, -1)).movedim(2, 1).contiguous()


# %% right="one index at a time" of="split_heads"
def split_heads(x, num_heads):
    B, T, D = x.shape
    d = D // num_heads
    return torch.stack([torch.stack([x[b, :, h * d : (h + 1) * d] for h in range(num_heads)]) for b in range(B)])


# %% right="reshape and swapaxes, for arrays as well" of="split_heads"
def split_heads(x, num_heads):
    return x.reshape(x.shape[0], x.shape[1], num_heads, -1).swapaxes(1, 2)


# %% right="an index computed" of="split_heads"
def split_heads(x, num_heads):
    B, T, D = x.shape
    columns = torch.arange(D).reshape(num_heads, 1, -1)
    return x[:, torch.arange(T)[None, :, None], columns]


# %% wrong="a mere reshape" of="merge_heads" check="end to end" says="exchange H and T before you join"
def merge_heads(x):
    B, H, T, d = x.shape
    return x.reshape(B, T, H * d)


# %% wrong="view after transpose" of="merge_heads" check="end to end" says="your code raised RuntimeError: view size"
def merge_heads(x):
    B, H, T, d = x.shape
    return x.transpose(1, 2).view(B, T, H * d)


# %% wrong="features of all heads interleaved" of="merge_heads" check="end to end" says="row 0 is token 0 of head 0"
def merge_heads(x):
    B, H, T, d = x.shape
    return x.permute(0, 2, 3, 1).reshape(B, T, H * d)


# %% wrong="the heads not joined" of="merge_heads" check="end to end" says="expected shape (1, 2, 12), got (1, 2, 3, 4)"
def merge_heads(x):
    return x.transpose(1, 2)


# %% wrong="heads added up" of="merge_heads" check="end to end" says="expected shape (1, 2, 12), got (1, 2, 4)"
def merge_heads(x):
    return x.sum(dim=1)


# %% wrong="heads averaged" of="merge_heads" check="any batch" says="expected shape (2, 5, 12), got (2, 5, 4)"
def merge_heads(x):
    return x.double().mean(dim=1)


# %% wrong="tokens in the wrong place" of="merge_heads" check="end to end" says="expected shape (1, 2, 12), got (1, 3, 8)"
def merge_heads(x):
    return x.flatten(2)


# %% wrong="the last axes exchanged" of="merge_heads" check="end to end" says="expected shape (1, 2, 12)"
def merge_heads(x):
    B, H, T, d = x.shape
    return x.transpose(2, 3).reshape(B, -1, T * H)


# %% wrong="a fixed width" of="merge_heads" check="any batch" says="your code raised RuntimeError: shape"
def merge_heads(x):
    return x.transpose(1, 2).reshape(len(x), -1, 12)


# %% right="flatten" of="merge_heads"
def merge_heads(x):
    return x.transpose(1, 2).flatten(2)


# %% right="heads concatenated" of="merge_heads"
def merge_heads(x):
    return torch.cat([x[:, h] for h in range(x.shape[1])], dim=-1)


# %% right="contiguous and view" of="merge_heads"
def merge_heads(x):
    return x.permute(0, 2, 1, 3).contiguous().view(len(x), x.size(2), -1)


# %% right="a loop that fills" of="merge_heads"
def merge_heads(x):
    B, H, T, d = x.shape
    rows = torch.empty(B, T, H * d, dtype=x.dtype)
    for h in range(H):
        rows[..., h * d : (h + 1) * d] = x[:, h]
    return rows


# %% wrong="split before projecting" of="MultiHeadAttention" check="as PyTorch's" says="your code raised RuntimeError"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = self.w_q(split_heads(x, self.num_heads))
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="every head projects its own slice" of="MultiHeadAttention" check="whole embedding" says="head 0 does not see the last features of x"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        d, parts = x.shape[-1] // self.num_heads, []
        for layer, source in ((self.w_q, x), (self.w_k, memory), (self.w_v, memory)):
            heads = []
            for h in range(self.num_heads):
                s = slice(h * d, (h + 1) * d)
                bias = None if layer.bias is None else layer.bias[s]
                heads.append(F.linear(source[..., s], layer.weight[s, s], bias))
            parts.append(torch.stack(heads, dim=1))
        out, weights = scaled_dot_product_attention(*parts, None if mask is None else mask.unsqueeze(-3))
        return self.w_o(merge_heads(out)), weights


# %% wrong="w_o forgotten" of="MultiHeadAttention" check="as PyTorch's" says="w_o comes last"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return merge_heads(out), weights


# %% wrong="not merged" of="MultiHeadAttention" check="as PyTorch's" says="your code raised RuntimeError"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(out), weights


# %% wrong="merged by reshape" of="MultiHeadAttention" check="as PyTorch's" says="the weights are right, out is not"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(out.reshape(x.shape)), weights


# %% wrong="split by view" of="MultiHeadAttention" check="as PyTorch's" says="the weights differ"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = self.w_q(x).view(len(x), self.num_heads, x.shape[1], -1)
        k = self.w_k(memory).view(len(x), self.num_heads, memory.shape[1], -1)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="queries and keys exchanged" of="MultiHeadAttention" check="as PyTorch's" says="queries from w_q, keys from w_k"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_k(x), self.num_heads)
        k = split_heads(self.w_q(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="values from w_k" of="MultiHeadAttention" check="as PyTorch's" says="values from w_v"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_k(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="values not projected" of="MultiHeadAttention" check="as PyTorch's" says="values from w_v"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(memory, self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="scaled by the whole width" of="MultiHeadAttention" check="as PyTorch's" says="divided by √d"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads) / self.num_heads ** 0.5
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="one head" of="MultiHeadAttention" check="as PyTorch's" says="expected shape (2, 3, 5, 5)"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), 1)
        k = split_heads(self.w_k(memory), 1)
        v = split_heads(self.w_v(memory), 1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="weights averaged over the heads" of="MultiHeadAttention" check="as PyTorch's" says="weights have an axis for the heads"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights.mean(1)


# %% wrong="only the output" of="MultiHeadAttention" check="as PyTorch's" says="return (out, weights)"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="weights first" of="MultiHeadAttention" check="as PyTorch's" says="return (out, weights)"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return weights, self.w_o(merge_heads(out))


# %% wrong="mask ignored" of="MultiHeadAttention" check="a mask holds" says="True = may attend"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v)
        return self.w_o(merge_heads(out)), weights


# %% wrong="mask inverted" of="MultiHeadAttention" check="a mask holds" says="True = may attend"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = ~mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="mask handed on as it is" of="MultiHeadAttention" check="a mask holds" says="before the last two"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            pass
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="an axis for heads after the first" of="MultiHeadAttention" check="a mask holds" says="the same for all sequences and heads"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask[:, None]
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="an axis in the second place from the end" of="MultiHeadAttention" check="a mask holds" says="the same for all sequences and heads"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-2)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="memory ignored" of="MultiHeadAttention" check="x may read a memory" says="keys from memory"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="values from x" of="MultiHeadAttention" check="x may read a memory" says="values are made from memory"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(x), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="queries from memory" of="MultiHeadAttention" check="x may read a memory" says="queries are made from x"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(memory), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="memory looks at x" of="MultiHeadAttention" check="x may read a memory" says="keys from memory"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory, x = x, x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="weights detached" of="MultiHeadAttention" check="gradients reach" says="without .detach()"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        out = weights.detach() @ v
        return self.w_o(merge_heads(out)), weights


# %% wrong="under no_grad" of="MultiHeadAttention" check="gradients reach" says="your code raised RuntimeError"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        with torch.no_grad():
            memory = x if memory is None else memory
            q = split_heads(self.w_q(x), self.num_heads)
            k = split_heads(self.w_k(memory), self.num_heads)
            v = split_heads(self.w_v(memory), self.num_heads)
            if mask is not None:
                mask = mask.unsqueeze(-3)
            out, weights = scaled_dot_product_attention(q, k, v, mask)
            return self.w_o(merge_heads(out)), weights


# %% wrong="the forbidden call" of="MultiHeadAttention" check="as PyTorch's" says="may not call torch.nn.functional.scaled_dot_product_attention"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(memory), self.num_heads)
        v = split_heads(self.w_v(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = F.scaled_dot_product_attention(q, k, v, attn_mask=mask), None
        return self.w_o(merge_heads(out)), weights


# %% wrong="our comparison called" of="MultiHeadAttention" check="as PyTorch's" says="may not call pytorch_attention"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        return pytorch_attention(x, memory, self.num_heads, bias=self.w_q.bias is not None, mask=mask)


# %% right="a loop over the heads" of="MultiHeadAttention"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        d, outs, tables = x.shape[-1] // self.num_heads, [], []
        q, k, v = self.w_q(x), self.w_k(memory), self.w_v(memory)
        for h in range(self.num_heads):
            part = slice(h * d, (h + 1) * d)
            out, weights = scaled_dot_product_attention(q[..., part], k[..., part], v[..., part], mask)
            outs.append(out)
            tables.append(weights)
        return self.w_o(torch.cat(outs, dim=-1)), torch.stack(tables, dim=1)


# %% right="einsum throughout" of="MultiHeadAttention"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        B, n, D = x.shape
        H = self.num_heads
        q = self.w_q(x).view(B, n, H, D // H)
        k, v = (w(memory).view(B, memory.shape[1], H, D // H) for w in (self.w_k, self.w_v))
        scores = torch.einsum("bnhd,bmhd->bhnm", q, k) / (D // H) ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask[..., None, :, :], float("-inf"))
        weights = scores.softmax(-1)
        return self.w_o(torch.einsum("bhnm,bmhd->bnhd", weights, v).reshape(B, n, D)), weights


# %% right="heads in the batch" of="MultiHeadAttention"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        H = self.num_heads
        q, k, v = (split_heads(y, H).flatten(0, 1) for y in (self.w_q(x), self.w_k(memory), self.w_v(memory)))
        if mask is not None:
            mask = mask.expand(len(x), x.shape[1], memory.shape[1]).repeat_interleave(H, dim=0)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out.unflatten(0, (-1, H)))), weights.unflatten(0, (-1, H))


# %% right="the heads' shares of w_o added up, a list for the result made a tuple" of="MultiHeadAttention"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        H, d = self.num_heads, x.shape[-1] // self.num_heads
        q, k, v = (split_heads(y, H) for y in (self.w_q(x), self.w_k(memory), self.w_v(memory)))
        if mask is not None and mask.dim() == 3:
            mask = mask[:, None]
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        total = 0 if self.w_o.bias is None else self.w_o.bias
        for h in range(H):
            total = total + out[:, h] @ self.w_o.weight[:, h * d : (h + 1) * d].T
        pair = [total, weights]
        return tuple(pair)


# %% right="one product for queries, keys and values" of="MultiHeadAttention"
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads, bias=True):
        super().__init__()
        self.num_heads = num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        both = torch.cat([x, memory], dim=1)
        weight = torch.cat([self.w_q.weight, self.w_k.weight, self.w_v.weight])
        bias = None if self.w_q.bias is None else torch.cat([self.w_q.bias, self.w_k.bias, self.w_v.bias])
        q, k, v = (split_heads(y, self.num_heads) for y in F.linear(both, weight, bias).chunk(3, dim=-1))
        n = x.shape[1]
        allowed = mask if mask is None else mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q[:, :, :n], k[:, :, n:], v[:, :, n:], allowed)
        return self.w_o(merge_heads(out)), weights


# %% wrong="keys and values as wide as queries" of="GroupedQueryAttention" check="narrower" says="w_k: 2 heads of width 12 / 6 = 2"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = d_model
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="width divided by the KV heads" of="GroupedQueryAttention" check="narrower" says="expected shape (4, 12), got (6, 12)"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = d_model // num_kv_heads
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="one KV head whatever is asked" of="GroupedQueryAttention" check="narrower" says="expected shape (4, 12), got (2, 12)"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = d_model // num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="values left wide" of="GroupedQueryAttention" check="narrower" says="w_v: 2 heads"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, d_model, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="w_k turned round" of="GroupedQueryAttention" check="narrower" says="expected shape (4, 12), got (12, 4)"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(kv_width, d_model, bias=False)
        self.w_v = nn.Linear(kv_width, d_model, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="with biases" of="GroupedQueryAttention" check="narrower" says="no biases"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model)
        self.w_k = nn.Linear(d_model, kv_width)
        self.w_v = nn.Linear(d_model, kv_width)
        self.w_o = nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="another name" of="GroupedQueryAttention" check="narrower" says="has no attribute 'w_k'"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.k_proj = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="super().__init__ forgotten" of="GroupedQueryAttention" check="narrower" says="before Module.__init__() call"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="heads in turn" of="GroupedQueryAttention" check="neighbouring" says="0 0 0 1 1 1, not 0 1 0 1 0 1"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat(1, group, 1, 1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat(1, group, 1, 1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="values in turn" of="GroupedQueryAttention" check="neighbouring" says="values shared in the same order"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat(1, group, 1, 1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="only the first KV head used" of="GroupedQueryAttention" check="neighbouring" says="3, 4, 5 read KV head 1"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads)[:, :1]
        v = split_heads(self.w_v(x), self.num_kv_heads)[:, :1]
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="keys not repeated" of="GroupedQueryAttention" check="neighbouring" says="your code raised RuntimeError"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="repeated along the sequence" of="GroupedQueryAttention" check="neighbouring" says="your code raised RuntimeError"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=2)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=2)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="keys averaged into one head" of="GroupedQueryAttention" check="neighbouring" says="read KV head 0"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).mean(1, keepdim=True)
        v = split_heads(self.w_v(x), self.num_kv_heads).mean(1, keepdim=True)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="w_o forgotten" of="GroupedQueryAttention" check="neighbouring" says="w_o comes last"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return merge_heads(out), weights


# %% wrong="queries split into KV heads" of="GroupedQueryAttention" check="neighbouring" says="your code raised RuntimeError"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_kv_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="two KV heads at most" of="GroupedQueryAttention" check="from multi-query" says="your code raised"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // 2
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), 2).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), 2).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="mask ignored" of="GroupedQueryAttention" check="a mask holds" says="True = may attend"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v)
        return self.w_o(merge_heads(out)), weights


# %% wrong="mask handed on as it is" of="GroupedQueryAttention" check="a mask holds" says="unsqueeze(-3), as before"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            pass
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="mask inverted" of="GroupedQueryAttention" check="a mask holds" says="True = may attend"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = ~mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="always causal" of="GroupedQueryAttention" check="neighbouring" says="read KV head 0"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        mask = causal_mask(x.shape[1]) if mask is None else mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="keys detached" of="GroupedQueryAttention" check="gradients reach" says="without .detach()"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        v = split_heads(self.w_v(x), self.num_kv_heads).repeat_interleave(group, dim=1)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        k = k.detach()
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="the forbidden call" of="GroupedQueryAttention" check="neighbouring" says="may not call torch.nn.functional"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        weights = None
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
        return self.w_o(merge_heads(out)), weights


# %% right="the queries of a group as an axis of their own" of="GroupedQueryAttention"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        B, T, D = x.shape
        G, r = self.num_kv_heads, self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads).unflatten(1, (G, r))
        k, v = (split_heads(w(x), G).unsqueeze(2) for w in (self.w_k, self.w_v))
        allowed = mask if mask is None else mask[..., None, None, :, :]
        scores = q @ k.transpose(-2, -1) / (D // self.num_heads) ** 0.5
        if allowed is not None:
            scores = scores.masked_fill(~allowed, float("-inf"))
        weights = scores.softmax(-1)
        return self.w_o(merge_heads((weights @ v).flatten(1, 2))), weights.flatten(1, 2)


# %% right="heads picked by index" of="GroupedQueryAttention"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads)[:, torch.arange(self.num_heads) // group]
        v = split_heads(self.w_v(x), self.num_kv_heads)[:, torch.arange(self.num_heads) // group]
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% right="expand and flatten" of="GroupedQueryAttention"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = num_kv_heads * (d_model // num_heads)
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        group = self.num_heads // self.num_kv_heads
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads).unsqueeze(2).expand(-1, -1, group, -1, -1).flatten(1, 2)
        v = split_heads(self.w_v(x), self.num_kv_heads).unsqueeze(2).expand(-1, -1, group, -1, -1).flatten(1, 2)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% right="a loop over the query heads" of="GroupedQueryAttention"
class GroupedQueryAttention(nn.Module):
    def __init__(self, d_model, num_heads, num_kv_heads):
        super().__init__()
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        kv_width = d_model * num_kv_heads // num_heads
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, kv_width, bias=False)
        self.w_v = nn.Linear(d_model, kv_width, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, mask=None):
        q = split_heads(self.w_q(x), self.num_heads)
        k, v = split_heads(self.w_k(x), self.num_kv_heads), split_heads(self.w_v(x), self.num_kv_heads)
        pairs = []
        for h in range(self.num_heads):
            g = h * self.num_kv_heads // self.num_heads
            pairs.append(scaled_dot_product_attention(q[:, h], k[:, g], v[:, g], mask))
        outs, tables = zip(*pairs, strict=True)
        return self.w_o(torch.cat(outs, dim=-1)), torch.stack(tables, dim=1)


# %% wrong="keys only" of="kv_cache_bytes" check="all layers" says="a key and a value"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return num_layers * num_kv_heads * head_width * num_tokens * num_sequences * bytes_per_number


# %% wrong="queries too" of="kv_cache_bytes" check="all layers" says="a key and a value"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return 3 * num_layers * num_kv_heads * head_width * num_tokens * num_sequences * bytes_per_number


# %% wrong="one layer" of="kv_cache_bytes" check="all layers" says="expected 4620, got 1540"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return 2 * num_kv_heads * head_width * num_tokens * num_sequences * bytes_per_number


# %% wrong="numbers, not bytes" of="kv_cache_bytes" check="all layers" says="numbers of 2 bytes"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return 2 * num_layers * num_kv_heads * head_width * num_tokens * num_sequences


# %% wrong="bits" of="kv_cache_bytes" check="all layers" says="expected 2, got 16"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return 16 * num_layers * num_kv_heads * head_width * num_tokens * num_sequences * bytes_per_number


# %% wrong="32-bit floats unless told otherwise" of="kv_cache_bytes" check="all layers" says="16-bit floats unless told"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=4):
    return 2 * num_layers * num_kv_heads * head_width * num_tokens * num_sequences * bytes_per_number


# %% wrong="the size of the weights' tables" of="kv_cache_bytes" check="all layers" says="expected 4620"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return 2 * num_layers * num_kv_heads * head_width * num_tokens**2 * num_sequences * bytes_per_number


# %% wrong="one sequence" of="kv_cache_bytes" check="several sequences" says="13 sequences need 13 times"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return 2 * num_layers * num_kv_heads * head_width * num_tokens * bytes_per_number


# %% wrong="always two bytes" of="kv_cache_bytes" check="several sequences" says="32-bit floats take 4 bytes"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return 2 * num_layers * num_kv_heads * head_width * num_tokens * num_sequences * 2


# %% wrong="in mebibytes" of="kv_cache_bytes" check="all layers" says="expected the integer 2"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    return 2 * num_layers * num_kv_heads * head_width * num_tokens * num_sequences * bytes_per_number / 2**20


# %% right="keys plus values" of="kv_cache_bytes"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    keys = values = num_sequences * num_tokens * num_kv_heads * head_width * bytes_per_number
    return (keys + values) * num_layers


# %% right="math.prod" of="kv_cache_bytes"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    import math

    return math.prod((2, num_layers, num_kv_heads, head_width, num_tokens, num_sequences, bytes_per_number))


# %% right="counted on tensors that take no memory" of="kv_cache_bytes"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    size = (num_layers, 2, num_sequences, num_kv_heads, num_tokens, head_width)
    return torch.empty(size, device="meta").numel() * bytes_per_number


# %% right="layer by layer, a float that is whole" of="kv_cache_bytes"
def kv_cache_bytes(num_layers, num_kv_heads, head_width, num_tokens, num_sequences=1, bytes_per_number=2):
    total = 0.0
    for _layer in range(num_layers):
        total += 2 * num_sequences * num_tokens * num_kv_heads * head_width * bytes_per_number
    return total
