# %% wrong="norms after the sums, as in the first transformer" of="GPTBlock" check="as PyTorch's pre-norm layer" says="attention reads norm1(x)"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(x, mask=mask)
        x = self.norm1(x + self.dropout(attended))
        return self.norm2(x + self.dropout(self.feed_forward(x))), weights


# %% wrong="the mask as the memory" of="GPTBlock" check="as PyTorch's pre-norm layer" says="got Bool and Float"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="the mask forgotten" of="GPTBlock" check="as PyTorch's pre-norm layer" says="gets the mask as mask=mask"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x))
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="the exact form of the GELU" of="GPTBlock" check="as PyTorch's pre-norm layer" says="tanh GELU"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, gelu)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="ReLU, the default of FeedForward" of="GPTBlock" check="as PyTorch's pre-norm layer" says="tanh GELU"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="in parallel, both from the old stream" of="GPTBlock" check="as PyTorch's pre-norm layer" says="then that + feed_forward(norm2(that))"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        return x + self.dropout(attended) + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="the second norm forgotten" of="GPTBlock" check="as PyTorch's pre-norm layer" says="each norm on its branch"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(x)), weights


# %% wrong="one norm twice" of="GPTBlock" check="as PyTorch's pre-norm layer" says="each norm on its branch"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm1(x))), weights


# %% wrong="the first residual forgotten" of="GPTBlock" check="as PyTorch's pre-norm layer" says="x + attention(norm1(x))"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="the second residual forgotten" of="GPTBlock" check="as PyTorch's pre-norm layer" says="x + attention(norm1(x))"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="the stream replaced by its norm" of="GPTBlock" check="as PyTorch's pre-norm layer" says="x + attention(norm1(x))"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        x = self.norm1(x)
        attended, weights = self.attention(x, mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="the weights not returned" of="GPTBlock" check="as PyTorch's pre-norm layer" says="return (stream, weights)"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x)))


# %% wrong="names of its own" of="GPTBlock" check="as PyTorch's pre-norm layer" says="the attributes are norm1, attention, norm2 and feed_forward"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.ln_1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.ln_1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="in place" of="GPTBlock" check="as PyTorch's pre-norm layer" says="x was changed in place"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x.data += self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="dropout on the stream" of="GPTBlock" check="dropout on what each part adds" says="Drop the outputs, not the stream"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = self.dropout(x + attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="dropout never applied" of="GPTBlock" check="dropout on what each part adds" says="Drop the outputs"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + attended
        return x + self.feed_forward(self.norm2(x)), weights


# %% wrong="dropout on the attention alone" of="GPTBlock" check="dropout on what each part adds" says="both additions are 0"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.feed_forward(self.norm2(x)), weights


# %% wrong="dropout inside the feed-forward layer" of="GPTBlock" check="dropout on what each part adds" says="both additions are 0"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"), dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.feed_forward(self.norm2(x)), weights


# %% wrong="dropout in evaluation too" of="GPTBlock" check="dropout on what each part adds" says="after eval() dropout does nothing"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + F.dropout(attended, self.dropout.p)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="dropped twice" of="GPTBlock" check="dropout on what each part adds" says="once, by itself"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.dropout(self.feed_forward(self.norm2(x)))), weights


# %% wrong="a mask of its own" of="GPTBlock" check="the stream itself is not normalised" says="without a mask every position may attend"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=causal_mask(x.shape[1]))
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="the gradient cut" of="GPTBlock" check="gradients reach everything" says="no detach"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x.detach()))), weights


# %% wrong="PyTorch's layer" of="GPTBlock" check="as PyTorch's pre-norm layer" says="may not call torch.nn.TransformerEncoderLayer"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(d_model, num_heads, d_ff, dropout, norm_first=True, batch_first=True)

    def forward(self, x, mask=None):
        return self.layer(x, None if mask is None else ~mask), None


# %% wrong="dropout inside the feed-forward layer too" of="GPTBlock" check="dropout on what each part adds" says="nothing is dropped inside"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"), dropout=dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="dropout on what the second branch reads" of="GPTBlock" check="dropout on what each part adds" says="nothing is dropped inside or before"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.dropout(self.norm2(x)))), weights


# %% wrong="dropout on the weights" of="GPTBlock" check="dropout on what each part adds" says="the weights that are returned"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), self.dropout(weights)


# %% wrong="dropout of a tenth by default" of="GPTBlock" check="dropout on what each part adds" says="dropout=0 is the default"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.1):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% right="a lambda for the activation" of="GPTBlock"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, lambda x: gelu(x, "tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% right="PyTorch's norm and GELU" of="GPTBlock"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = nn.LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = nn.LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, nn.GELU(approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% right="step by step, two dropouts" of="GPTBlock"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout, self.dropout2 = nn.Dropout(dropout), nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + self.dropout(attended)
        h = self.norm2(x)
        h = self.feed_forward(h)
        h = self.dropout2(h)
        return torch.add(x, h), weights


# %% right="functional dropout that knows the mode" of="GPTBlock"
class GPTBlock(nn.Module):
    def __init__(self, d_model, num_heads, d_ff, dropout=0.0):
        super().__init__()
        self.norm1 = LayerNorm(d_model)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.norm2 = LayerNorm(d_model)
        self.feed_forward = FeedForward(d_model, d_ff, partial(gelu, approximate="tanh"))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + F.dropout(attended, self.dropout.p, self.training)
        return x + self.dropout(self.feed_forward(self.norm2(x))), weights


# %% wrong="no scaling at all" of="init_weights" check="matrices, and those that write" says="w_o with 8 layers"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="divided by the root of the layers, not of the branches" of="init_weights" check="matrices, and those that write" says="Two branches for each layer"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="divided without a root" of="init_weights" check="matrices, and those that write" says="and a root"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / (2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="multiplied" of="init_weights" check="matrices, and those that write" says="0.02 / √16"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std * math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="w_o alone" of="init_weights" check="matrices, and those that write" says="down writes to the stream too"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith("w_o.weight"):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="down alone" of="init_weights" check="matrices, and those that write" says="w_o with 8 layers"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith("down.weight"):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="all of the feed-forward layer" of="init_weights" check="matrices, and those that write" says="up does not write"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight", "up.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="all matrices divided" of="init_weights" check="matrices, and those that write" says="w_q: deviation std"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="the deviation always 0.02" of="init_weights" check="matrices, and those that write" says="std=0.1"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, 0.02)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="uniform numbers" of="init_weights" check="matrices, and those that write" says="normal numbers"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.uniform_(parameter, -std * math.sqrt(3), std * math.sqrt(3))
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="cut off at two deviations" of="init_weights" check="matrices, and those that write" says="normal numbers"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.trunc_normal_(parameter, 0, std / 0.88, -2 * std / 0.88, 2 * std / 0.88)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="embeddings left out" of="init_weights" check="matrices, and those that write" says="embeddings have two axes as well"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2 and "embedding" not in name and "positions" not in name:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="mean std" of="init_weights" check="matrices, and those that write" says="mean 0"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, std, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="biases left as they are" of="init_weights" check="biases, gains" says="these biases are not zero"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
    return model


# %% wrong="gains zero" of="init_weights" check="biases, gains" says="stays as it is"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        else:
            nn.init.zeros_(parameter)
    return model


# %% wrong="gains normal" of="init_weights" check="biases, gains" says="stays as it is"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif not name.endswith(('bias',)):
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="nothing returned" of="init_weights" check="biases, gains" says="return the model"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)


# %% wrong="new parameters" of="init_weights" check="biases, gains" says="change the parameters in place"
def init_weights(model, num_layers, std=0.02):
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.ndim >= 2:
                setattr(module, name, nn.Parameter(std * torch.randn_like(parameter)))
            elif name == "bias":
                setattr(module, name, nn.Parameter(torch.zeros_like(parameter)))
    for name, module in model.named_modules():
        if name.endswith(("w_o", "down")):
            module.weight = nn.Parameter(module.weight.detach() / math.sqrt(2 * num_layers))
    return model


# %% wrong="frozen" of="init_weights" check="biases, gains" says="must stay trainable"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model.requires_grad_(False)


# %% wrong="the root rounded" of="init_weights" check="matrices, and those that write" says="no rounding"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.isqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="0.02 where the stream is written to" of="init_weights" check="matrices, and those that write" says="from both arguments"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, 0.02 / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% wrong="by types of layer" of="init_weights" check="matrices, and those that write" says="go by names and axes"
def init_weights(model, num_layers, std=0.02):
    for name, module in model.named_modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            scale = math.sqrt(2 * num_layers) if name.endswith(("w_o", "down")) else 1
            nn.init.normal_(module.weight, 0, std / scale)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)
    return model


# %% wrong="a seed inside" of="init_weights" check="matrices, and those that write" says="no seed in the function"
def init_weights(model, num_layers, std=0.02):
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            nn.init.normal_(parameter, 0, std / math.sqrt(2 * num_layers))
        elif parameter.ndim >= 2:
            nn.init.normal_(parameter, 0, std)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


# %% right="by modules" of="init_weights"
def init_weights(model, num_layers, std=0.02):
    for name, module in model.named_modules():
        for own, parameter in module.named_parameters(recurse=False):
            if own == "bias":
                parameter.data.zero_()
            elif parameter.ndim > 1:
                parameter.data.normal_(0, std * (2 * num_layers) ** -0.5 if name.endswith(("w_o", "down")) else std)
    return model


# %% right="randn under no_grad" of="init_weights"
@torch.no_grad()
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.fill_(0)
        elif parameter.dim() > 1:
            parameter.copy_(std * torch.randn(parameter.shape))
            if "w_o" in name or "down" in name:
                parameter /= (2 * num_layers) ** 0.5
    return model


# %% right="scaled afterwards" of="init_weights"
def init_weights(model, num_layers, std=0.02):
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2:
            nn.init.normal_(parameter, std=std)
        if name.endswith("bias"):
            nn.init.constant_(parameter, 0.0)
    for name, parameter in model.named_parameters():
        if name.endswith(("w_o.weight", "down.weight")):
            parameter.data.mul_(1 / math.sqrt(num_layers * 2))
    return model


# %% wrong="no causal mask" of="GPT" check="logits as PyTorch's" says="each block with the causal mask"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, mask)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="no positions" of="GPT" check="logits as PyTorch's" says="tokens + positions"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.embedding(ids))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="the last norm forgotten" of="GPT" check="logits as PyTorch's" says="norm, times the embedding"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return x @ self.embedding.weight.T


# %% wrong="an output layer of its own" of="GPT" check="logits as PyTorch's" says="no output layer of its own"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        self.head.weight.data = self.embedding.weight.data
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.head(self.norm(x))


# %% wrong="blocks in a plain list" of="GPT" check="logits as PyTorch's" says="embedding, positions, blocks and norm have the parameters"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = [GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers)]
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="one block, several times" of="GPT" check="logits as PyTorch's" says="4,032 parameters"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([GPTBlock(d_model, num_heads, d_ff, dropout)] * num_layers)
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="twice the width by default" of="GPT" check="logits as PyTorch's" says="d_ff is 4 · d_model by default"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 2 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="d_ff ignored" of="GPT" check="logits as PyTorch's" says="d_ff=7"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="the embedding scaled by the root of the width" of="GPT" check="logits as PyTorch's" says="tokens + positions"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids) * self.embedding.weight.shape[1] ** 0.5))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="a norm before each block" of="GPT" check="logits as PyTorch's" says="each block with the causal mask"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(self.norm(x), allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="log-probabilities in place of logits" of="GPT" check="logits as PyTorch's" says="each block with the causal mask"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return torch.log_softmax(self.norm(x) @ self.embedding.weight.T, -1)


# %% wrong="the upper triangle" of="GPT" check="logits as PyTorch's" says="each block with the causal mask"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).T.to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="only the last position" of="GPT" check="logits as PyTorch's" says="logits for every position"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x)[:, -1:] @ self.embedding.weight.T[:, :]


# %% wrong="the output detached" of="GPT" check="one matrix at both ends" says="no copy, no detach"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T.detach()


# %% wrong="the input detached" of="GPT" check="one matrix at both ends" says="gradients from both its uses"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids).detach()))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="the mask in place of causality" of="GPT" check="padding on either side" says="a pair is allowed if it is causal and masked True"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="the mask ignored" of="GPT" check="padding on either side" says="a pair is allowed if it is causal"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            pass
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="nan for padding on the left" of="GPT" check="padding on either side" says="let every position see itself"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="or in place of and" of="GPT" check="padding on either side" says="a pair is allowed if it is causal"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed | mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="the first position always visible" of="GPT" check="padding on either side" says="every position sees itself"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | (torch.arange(T) == 0)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="too long cut silently" of="GPT" check="too long, dropout, and how it begins" says="7 tokens, 6 positions"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        ids = ids[:, -self.max_seq_len :]
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="positions that wrap around" of="GPT" check="too long, dropout, and how it begins" says="do not cut or wrap around"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.embedding(ids) + self.positions.weight[torch.arange(T) % self.max_seq_len])
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="max_seq_len not kept" of="GPT" check="too long, dropout, and how it begins" says="your code raised AttributeError"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="not initialised" of="GPT" check="too long, dropout, and how it begins" says="__init__ ends with init_weights"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="initialised before the blocks are there" of="GPT" check="too long, dropout, and how it begins" says="init_weights"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        init_weights(self, num_layers)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="initialised for one layer" of="GPT" check="too long, dropout, and how it begins" says="init_weights needs the number of blocks"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, 1)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="no dropout on the embeddings" of="GPT" check="too long, dropout, and how it begins" says="the blocks get zeros"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.positions(self.embedding(ids))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="no dropout for the blocks" of="GPT" check="too long, dropout, and how it begins" says="Pass dropout on"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="dropout before the positions" of="GPT" check="too long, dropout, and how it begins" says="the blocks get zeros"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.positions(self.dropout(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="the checks' own reference" of="GPT" check="logits as PyTorch's" says="may not call"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        tables(1, 1, 1)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="id 0 as padding" of="GPT" check="one matrix at both ends" says="no padding_idx"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model, padding_idx=0)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff or 4 * d_model, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="a mask of single pairs read as padding" of="GPT" check="padding on either side" says="whatever broadcasts to"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff or 4 * d_model, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T)
        if mask is not None:
            allowed = allowed & mask.any(-2, keepdim=True) | torch.eye(T, dtype=torch.bool)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="dropout of a tenth by default" of="GPT" check="too long, dropout, and how it begins" says="dropout=0 is the default"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.1, d_ff=None):
        super().__init__()
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff or 4 * d_model, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% right="F.linear, enumerate, explicit d_ff" of="GPT"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = d_ff if d_ff is not None else 4 * d_model
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return F.linear(self.norm(x), self.embedding.weight)


# %% right="tied by sharing the parameter" of="GPT"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        self.embedding.weight = nn.Parameter(self.embedding.weight.detach())
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return torch.einsum("btd,vd->btv", self.norm(x), self.embedding.weight)


# %% right="an output layer that is the same parameter" of="GPT"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        self.head.weight = self.embedding.weight
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = causal_mask(T).to(ids.device)
        if mask is not None:
            allowed = allowed & mask | torch.eye(T, dtype=torch.bool, device=ids.device)
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.head(self.norm(x))


# %% right="its own comparison in place of the masks" of="GPT"
class GPT(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, max_seq_len, dropout=0.0, d_ff=None):
        super().__init__()
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.max_seq_len = max_seq_len
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = LearnedPositions(max_seq_len, d_model)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(GPTBlock(d_model, num_heads, d_ff, dropout) for _ in range(num_layers))
        self.norm = LayerNorm(d_model)
        init_weights(self, num_layers)

    def forward(self, ids, mask=None):
        T = ids.shape[1]
        allowed = torch.arange(T)[:, None] >= torch.arange(T)
        if mask is not None:
            allowed = (allowed & mask).logical_or(torch.arange(T)[:, None] == torch.arange(T))
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x, _ = block(x, allowed)
        return self.norm(x) @ self.embedding.weight.T


# %% wrong="the first position" of="generate" check="the last position, again and again" says="from the logits of the last position"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, 0]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="only the continuation returned" of="generate" check="the last position, again and again" says="appended to each row"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    first = ids.shape[1]
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids[:, first:]


# %% wrong="one token too many" of="generate" check="the last position, again and again" says="4 tokens are appended"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length + 1):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="up to a length in all" of="generate" check="the last position, again and again" says="4 tokens are appended"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length - ids.shape[1]):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="only the last token shown" of="generate" check="the last position, again and again" says="4 tokens are appended"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -1:])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="not cropped" of="generate" check="never more than max_seq_len" says="shown to a model of"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids)[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="cropped to the first tokens" of="generate" check="never more than max_seq_len" says="is shown the last 3 tokens"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, : model.max_seq_len])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="cropped for good" of="generate" check="never more than max_seq_len" says="expected shape (1, 7), got (1, 4)"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        ids = ids[:, -model.max_seq_len :]
        logits = model(ids)[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="one token less than fits" of="generate" check="never more than max_seq_len" says="from the second token on it adds 3"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, 1 - model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="in training mode" of="generate" check="the last position, again and again" says="in evaluation mode"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="left in evaluation mode" of="generate" check="evaluation mode and no gradients" says="must be afterwards"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    return ids


# %% wrong="always back to training" of="generate" check="evaluation mode and no gradients" says="restore the mode that you found"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train()
    return ids


# %% wrong="gradients recorded" of="generate" check="evaluation mode and no gradients" says="keep @torch.no_grad()"
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="a new generator for each token" of="generate" check="draws of its own" says="one generator for the whole call"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        generator = torch.Generator().manual_seed(seed)
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="one draw for the whole batch" of="generate" check="draws of its own" says="u = torch.rand(B, generator=generator)"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(1, generator=generator).expand(len(ids)).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="the global generator" of="generate" check="draws of its own" says="one generator for the whole call"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    torch.manual_seed(seed + 1)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids)).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="temperature forgotten" of="generate" check="draws of its own" says="u = torch.rand"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="the most likely token always" of="generate" check="draws of its own" says="u = torch.rand"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        ids = torch.cat([ids, logits.argmax(-1)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="seed ignored" of="generate" check="draws of its own" says="one generator"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(0)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="top_k ignored" of="generate" check="generate: top_k" says="only the two largest"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if False:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="k too large refused" of="generate" check="generate: top_k" says="your code raised"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(top_k).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="one token too many takes part" of="generate" check="generate: top_k" says="only the two largest"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k + 1, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="the others get 0, not minus infinity" of="generate" check="generate: top_k" says="only the two largest"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, 0.0)
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="the smallest take part" of="generate" check="generate: top_k" says="only the two largest"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits >= smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="chances made equal" of="generate" check="generate: top_k" says="the chances are as before"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = torch.where(logits < smallest, float("-inf"), 0.0)
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="the k-th of the batch" of="generate" check="generate: top_k" says="top_k"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values.max() + 0 * logits[:, :1]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="the others a little less likely" of="generate" check="generate: top_k" says="not merely small"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len:])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, -100.0)
        u = torch.rand(len(ids), generator=generator)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% right="scatter the k best" of="generate"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    for _ in range(length):
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            best = logits.topk(min(top_k, logits.shape[-1]))
            logits = torch.full_like(logits, float("-inf")).scatter(1, best.indices, best.values)
        u = torch.rand(len(ids), generator=generator).to(ids.device)
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% right="try and finally" of="generate"
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    mode, draws = model.training, torch.Generator().manual_seed(seed)
    model.train(False)
    try:
        with torch.no_grad():
            for _ in range(length):
                context = ids if ids.shape[1] <= model.max_seq_len else ids[:, ids.shape[1] - model.max_seq_len :]
                logits = model(context)[:, -1, :]
                if top_k and top_k < logits.shape[1]:
                    kth = logits.sort(dim=-1, descending=True).values[:, top_k - 1]
                    logits = torch.where(logits >= kth.unsqueeze(-1), logits, -torch.inf)
                following = sample(logits, torch.rand(ids.shape[0], generator=draws), temperature)
                ids = torch.cat((ids, following.unsqueeze(1)), dim=-1)
    finally:
        model.train(mode)
    return ids


# %% right="the draws made beforehand" of="generate"
@torch.no_grad()
def generate(model, ids, length, temperature=1.0, top_k=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    draws = torch.stack([torch.rand(len(ids), generator=generator) for _ in range(length)]) if length else []
    for u in draws:
        logits = model(ids[:, -model.max_seq_len :])[:, -1]
        if top_k is not None:
            smallest = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, float("-inf"))
        ids = torch.cat([ids, sample(logits, u, temperature)[:, None]], dim=1)
    model.train(was_training)
    return ids


# %% wrong="the same token, not the one after it" of="induction_score" check="the token after the last occurrence" says="not three (the same token)"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period].mean(-1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="one further" of="induction_score" check="the token after the last occurrence" says="two places back"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period + 2].mean(-1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="from the first possible row" of="induction_score" check="the token after the last occurrence" says="position 2 has no repetition"
def induction_score(weights, period):
    t = torch.arange(period - 1, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period + 1].mean(-1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="the last row left out" of="induction_score" check="the token after the last occurrence" says="position 6 has"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1] - 1, device=weights.device)
    scores = weights[..., t, t - period + 1].mean(-1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="rows and columns exchanged" of="induction_score" check="the token after the last occurrence" says="from t to"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t - period + 1, t].mean(-1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="all pairs of rows and columns" of="induction_score" check="the token after the last occurrence" says="one number for each head"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, :][..., t - period + 1].mean(-1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="the sum" of="induction_score" check="the token after the last occurrence" says="expected 1, got 3"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period + 1].sum(-1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="divided by all positions" of="induction_score" check="the token after the last occurrence" says="expected 1, got 0.5"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period + 1].sum(-1) / weights.shape[-1]
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="one number for all heads" of="induction_score" check="the token after the last occurrence" says="one number for each head"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period + 1].mean()[None]
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="the largest" of="induction_score" check="the token after the last occurrence" says="the mean over t"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period + 1].amax(-1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="per sequence" of="induction_score" check="induction_score: batches" says="not one per sequence"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period + 1].mean(-1)
    return scores.mean(1) if weights.ndim == 4 else scores


# %% wrong="the batch kept" of="induction_score" check="induction_score: batches" says="gives one number per head"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    return weights[..., t, t - period + 1].mean(-1)


# %% wrong="the first sequence alone" of="induction_score" check="induction_score: batches" says="the mean over its sequences"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1], device=weights.device)
    scores = weights[..., t, t - period + 1].mean(-1)
    return scores[0] if weights.ndim == 4 else scores


# %% wrong="every earlier occurrence" of="induction_score" check="the token after the last occurrence" says="the last occurrence alone"
def induction_score(weights, period):
    total = 0
    for t in range(period, weights.shape[-1]):
        total = total + weights[..., t, (t + 1) % period : t - period + 2 : period].sum(-1)
    scores = total / (weights.shape[-1] - period)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% wrong="one row too many in the mean" of="induction_score" check="the token after the last occurrence" says="the mean over t"
def induction_score(weights, period):
    t = torch.arange(period, weights.shape[-1])
    scores = weights[..., t, t - period + 1].sum(-1) / (weights.shape[-1] - period + 1)
    return scores.mean(0) if weights.ndim == 4 else scores


# %% right="the diagonal" of="induction_score"
def induction_score(weights, period):
    found = weights.diagonal(1 - period, -2, -1)[..., 1:].mean(-1)
    return found.mean(0) if found.dim() > 1 else found


# %% right="a loop" of="induction_score"
def induction_score(weights, period):
    if weights.dim() == 3:
        weights = weights[None]
    T = weights.shape[-1]
    total = sum(weights[:, :, t, t - period + 1] for t in range(period, T))
    return (total / (T - period)).mean(0)


# %% right="reshaped to one batch" of="induction_score"
def induction_score(weights, period):
    H, T, _ = weights.shape[-3:]
    w = weights.reshape(-1, H, T, T)
    rows = torch.arange(period, T)
    return w[:, :, rows, rows - (period - 1)].mean(dim=(0, 2))


# %% equivalent="7329e3c2" of="GPT" because="a mask has no gradient to cut"


# %% equivalent="26f68fb2" of="GPT" because="a mask has no gradient to cut"


# %% equivalent="b4878609" of="GPT" because="checks run on the CPU, where every tensor already is; the library tests try a GPU"


# %% equivalent="d4279560" of="GPT" because="checks run on the CPU, where every tensor already is; the library tests try a GPU"


# %% equivalent="06e37de9" of="GPT" because="checks run on the CPU, where every tensor already is; the library tests try a GPU"


# %% equivalent="6a6f47d5" of="generate" because="the logits of one position have two axes: the last is axis 1"


# %% equivalent="9c58181b" of="generate" because="checks run on the CPU, where every tensor already is; the library tests try a GPU"


# %% equivalent="a3feed27" of="generate" because="checks run on the CPU, where every tensor already is; the library tests try a GPU"


# %% equivalent="b49874e0" of="init_weights" because="endings in another order"


# %% equivalent="4ee52464" of="induction_score" because="a map has as many rows as columns"


# %% equivalent="f771f683" of="induction_score" because="checks run on the CPU, where every tensor already is; the library tests try a GPU"
