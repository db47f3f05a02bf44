# %% wrong="no positions" of="BertEmbeddings" check="word, position and type are added and normalised" says="words[ids] + the first T rows of positions"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.token_types(token_types)))


# %% wrong="token types ignored" of="BertEmbeddings" check="word, position and type are added and normalised" says="add all three"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        return self.dropout(self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types.weight[0]))


# %% wrong="positions looked up by the ids" of="BertEmbeddings" check="word, position and type are added and normalised" says="the first T rows of positions"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.positions(ids % self.positions.num_embeddings) + self.token_types(token_types)))


# %% wrong="not normalised" of="BertEmbeddings" check="word, position and type are added and normalised" says="then norm once"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types))


# %% wrong="each normalised by itself" of="BertEmbeddings" check="word, position and type are added and normalised" says="then norm once"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids)) + self.norm(self.positions.weight[:T]) + self.norm(self.token_types(token_types)))


# %% wrong="only the words normalised" of="BertEmbeddings" check="word, position and type are added and normalised" says="then norm once"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids)) + self.positions.weight[:T] + self.token_types(token_types))


# %% wrong="positions count from one" of="BertEmbeddings" check="word, position and type are added and normalised" says="the first T rows of positions"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        places = (torch.arange(T) + 1) % self.positions.num_embeddings
        return self.dropout(self.norm(self.words(ids) + self.positions(places) + self.token_types(token_types)))


# %% wrong="positions along the batch" of="BertEmbeddings" check="word, position and type are added and normalised" says="the first T rows of positions"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        places = torch.arange(ids.shape[0])[:, None]
        return self.dropout(self.norm(self.words(ids) + self.positions(places) + self.token_types(token_types)))


# %% wrong="words scaled by the root of D" of="BertEmbeddings" check="word, position and type are added and normalised" says="add all three"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) * 6**0.5 + self.positions.weight[:T] + self.token_types(token_types)))


# %% wrong="a library norm without the learned gain" of="BertEmbeddings" check="word, position and type are added and normalised" says="then norm once"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        x = self.words(ids) + self.positions.weight[:T] + self.token_types(token_types)
        return self.dropout(F.layer_norm(x, x.shape[-1:], eps=1e-12))


# %% wrong="no types, nothing added" of="BertEmbeddings" check="without token types all are of type 0" says="row 0 of the table of types"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        x = self.words(ids) + self.positions.weight[:T]
        if token_types is not None:
            x = x + self.token_types(token_types)
        return self.dropout(self.norm(x))


# %% wrong="no types, type 1" of="BertEmbeddings" check="without token types all are of type 0" says="row 0 of the table of types"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.ones_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types)))


# %% wrong="types must be given" of="BertEmbeddings" check="without token types all are of type 0" says="your code raised"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        return self.dropout(self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types)))


# %% wrong="not refused" of="BertEmbeddings" check="a text that is too long is refused" says="raise ValueError yourself"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.positions(torch.arange(ids.shape[1])) + self.token_types(token_types)))


# %% wrong="cut off in silence" of="BertEmbeddings" check="a text that is too long is refused" says="raise ValueError yourself"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = self.positions.num_embeddings
        ids = ids[:, :T]
        token_types = torch.zeros_like(ids) if token_types is None else token_types[:, :T]
        return self.dropout(self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]] + self.token_types(token_types)))


# %% wrong="the longest refused, too" of="BertEmbeddings" check="without token types all are of type 0" says="your code raised ValueError"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest <= T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types)))


# %% wrong="the longest refused, one at least shorter" of="BertEmbeddings" check="a text that is too long is refused" says="your code raised ValueError"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if min(longest, 8) <= T and T != 8:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types)))


# %% wrong="no dropout" of="BertEmbeddings" check="dropout comes last" says="zeros come out"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types))


# %% wrong="dropout before the norm" of="BertEmbeddings" check="dropout comes last" says="the last step, after the norm"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.norm(self.dropout(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types)))


# %% wrong="dropout always" of="BertEmbeddings" check="dropout comes last" says="after eval() dropout does nothing"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return F.dropout(self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types)), self.dropout.p)


# %% wrong="positions without gradients" of="BertEmbeddings" check="gradients reach all three tables" says="positions are learned too"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.positions.weight.data[:T] + self.token_types(token_types)))


# %% wrong="tables read through .data" of="BertEmbeddings" check="gradients reach all three tables" says="no .data"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words.weight.data[ids] + self.positions.weight[:T] + self.token_types.weight.data[token_types]))


# %% wrong="types without gradients" of="BertEmbeddings" check="gradients reach all three tables" says="token types are learned too"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types).detach()))


# %% wrong="the batch refused, too" of="BertEmbeddings" check="a text that is too long is refused" says="your code raised ValueError"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < max(ids.shape):
            raise ValueError("too long")
        if token_types is None:
            token_types = torch.zeros_like(ids)
        return self.dropout(self.norm(self.words(ids) + self.positions.weight[:T] + self.token_types(token_types)))


# %% right="positions looked up by arange" of="BertEmbeddings"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        if ids.size(1) > len(self.positions.weight):
            raise ValueError(f"{ids.size(1)} tokens, {len(self.positions.weight)} positions")
        types = ids.new_zeros(ids.shape) if token_types is None else token_types
        places = torch.arange(ids.size(1), device=ids.device).unsqueeze(0).expand_as(ids)
        x = self.positions(places) + self.token_types(types) + self.words(ids)
        return self.dropout(self.norm(x))


# %% right="the type's row added where there are none" of="BertEmbeddings"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        types = self.token_types.weight[0] if token_types is None else F.embedding(token_types, self.token_types.weight)
        return self.dropout(self.norm(self.words.weight[ids] + self.positions.weight[None, :T] + types))


# %% right="in place on a tensor of one's own, functional norm" of="BertEmbeddings"
class BertEmbeddings(nn.Module):
    def __init__(self, vocab_size, d_model, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.words = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(max_len, d_model)
        self.token_types = nn.Embedding(num_types, d_model)
        self.norm = LayerNorm(d_model, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None):
        T = ids.shape[1]
        longest = self.positions.num_embeddings
        if longest < T:
            raise ValueError("too long")
        x = self.words(ids).clone()
        x += self.positions.weight[:T]
        x += self.token_types(token_types if token_types is not None else ids * 0)
        x = F.layer_norm(x, (x.shape[-1],), self.norm.weight, self.norm.bias, 1e-12)
        return F.dropout(x, self.dropout.p, self.training)


# %% wrong="one layer many times" of="BertEncoder" check="the layers are made as BERT's" says="all different, in an nn.ModuleList"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList([EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm)] * num_layers)

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="a plain list" of="BertEncoder" check="the layers are made as BERT's" says="in an nn.ModuleList"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = [EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers)]

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="one layer too few" of="BertEncoder" check="the layers are made as BERT's" says="num_layers layers, here 3"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(1, num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="the usual eps" of="BertEncoder" check="the layers are made as BERT's" says="BERT's eps, not the usual one"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = LayerNorm
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="dropout not handed on" of="BertEncoder" check="the layers are made as BERT's" says="hand dropout on to every layer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, 0.0, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="d_ff four times the width" of="BertEncoder" check="the layers are made as BERT's" says="embeddings of 138 parameters"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, 4 * d_model, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="ReLU" of="BertEncoder" check="as PyTorch's encoder layers" says="with your exact gelu"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, F.relu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="the approximate GELU" of="BertEncoder" check="as PyTorch's encoder layers" says="with your exact gelu"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, partial(gelu, approximate="tanh"), norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="a single head" of="BertEncoder" check="as PyTorch's encoder layers" says="4 layers, 3 heads"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, 2, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="a norm at the end" of="BertEncoder" check="as PyTorch's encoder layers" says="no norm at the end"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return F.layer_norm(x, x.shape[-1:])


# %% wrong="every layer reads the embeddings" of="BertEncoder" check="as PyTorch's encoder layers" says="each layer reads what the one before it put out"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            out = layer(x, mask)
        return out


# %% wrong="token types forgotten" of="BertEncoder" check="as PyTorch's encoder layers" says="hand token_types on"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="causal" of="BertEncoder" check="as PyTorch's encoder layers" says="one layer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        T = ids.shape[1]
        keys = torch.ones(1, T, T, dtype=torch.bool).tril()
        keys = keys if mask is None else keys & mask[:, None, :]
        for layer in self.layers:
            x = layer(x, keys)
        return x


# %% wrong="a residual around every layer" of="BertEncoder" check="as PyTorch's encoder layers" says="one layer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = x + layer(x, mask)
        return x


# %% wrong="layers in reverse" of="BertEncoder" check="as PyTorch's encoder layers" says="4 layers, 3 heads"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in reversed(self.layers):
            x = layer(x, mask)
        return x


# %% wrong="the last layer left out" of="BertEncoder" check="as PyTorch's encoder layers" says="one layer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers[:-1]:
            x = layer(x, mask)
        return x


# %% wrong="mask forgotten" of="BertEncoder" check="nobody looks at padding" says="for every layer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x)
        return x


# %% wrong="the mask as it is" of="BertEncoder" check="nobody looks at padding" says="your code raised"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        for layer in self.layers:
            x = layer(x, mask if mask is None or mask.dim() == 3 else mask.unsqueeze(0).unsqueeze(0))
        return x


# %% wrong="the mask along the wrong axis" of="BertEncoder" check="nobody looks at padding" says="True = may be looked at"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[None]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="queries forbidden" of="BertEncoder" check="nobody looks at padding" says="forbid keys, (B, 1, T), not queries"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, :, None]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="queries and keys forbidden" of="BertEncoder" check="nobody looks at padding" says="forbid keys, (B, 1, T), not queries"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, :, None] & mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="the opposite meaning" of="BertEncoder" check="nobody looks at padding" says="forbid keys"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else ~mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="only the first layer masked" of="BertEncoder" check="nobody looks at padding" says="for every layer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        for i, layer in enumerate(self.layers):
            x = layer(x, mask[:, None, :] if mask is not None and i == 0 else None)
        return x


# %% wrong="only the last layer masked" of="BertEncoder" check="nobody looks at padding" says="for every layer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        for i, layer in enumerate(self.layers):
            x = layer(x, mask[:, None, :] if mask is not None and i == len(self.layers) - 1 else None)
        return x


# %% wrong="padding taken for the token 0" of="BertEncoder" check="nobody looks at padding" says="for every layer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else (ids != 0)[:, None, :] | (torch.arange(ids.shape[1]) == 0)
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="detached embeddings" of="BertEncoder" check="gradients reach the words" says="no detach"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types).detach()
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% wrong="no gradients" of="BertEncoder" check="gradients reach the words" says="does not require grad"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        with torch.no_grad():
            x = self.embeddings(ids, token_types)
            mask = None if mask is None else mask[:, None, :]
            for layer in self.layers:
                x = layer(x, mask)
            return x


# %% wrong="PyTorch's own" of="BertEncoder" check="the layers are made as BERT's" says="may not call torch.nn.TransformerEncoderLayer"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(d_model, num_heads, d_ff, dropout, F.gelu, 1e-12, batch_first=True) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        mask = None if mask is None else mask[:, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


# %% right="a lambda for the norm, appended one by one" of="BertEncoder"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        self.layers = nn.ModuleList()
        for _ in range(num_layers):
            self.layers.append(EncoderLayer(d_model, num_heads, d_ff, dropout=dropout, activation=F.gelu,
                                            norm=lambda width: LayerNorm(width, eps=1e-12)))

    def forward(self, ids, token_types=None, mask=None):
        if mask is not None:
            mask = mask.unsqueeze(1)
        states = [self.embeddings(ids, token_types)]
        for layer in self.layers:
            states.append(layer(states[-1], mask=mask))
        return states[-1]


# %% right="PyTorch's norm" of="BertEncoder"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        self.layers = nn.ModuleList([EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, partial(nn.LayerNorm, eps=1e-12))
                                     for _ in range(num_layers)])

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types=token_types)
        real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
        for layer in self.layers:
            x = layer(x, real[:, None])
        return x


# %% right="a full table of queries and keys" of="BertEncoder"
class BertEncoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, d_ff, max_len=512, num_types=2, dropout=0.0):
        super().__init__()
        self.d_model = d_model
        self.embeddings = BertEmbeddings(vocab_size, d_model, max_len, num_types, dropout)
        norm = partial(LayerNorm, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(d_model, num_heads, d_ff, dropout, gelu, norm) for _ in range(num_layers))

    def forward(self, ids, token_types=None, mask=None):
        x = self.embeddings(ids, token_types)
        B, T = ids.shape
        allowed = None if mask is None else mask.view(B, 1, T).expand(B, T, T)
        for i in range(len(self.layers)):
            x = self.layers[i](x, allowed)
        return x


# %% wrong="the shorter name first" of="rename_weights" check="every name becomes yours" says="attention.output.… before output.…"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2",
             "attention.output.dense": "attention.w_o", "attention.output.LayerNorm": "norm1"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="the pooler kept" of="rename_weights" check="every name becomes yours" says="16 names of layer 0 and no pooler"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        renamed[name] = tensor
    return renamed


# %% wrong="the pooler kept under a name of ours" of="rename_weights" check="every name becomes yours" says="no pooler"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        renamed[name.replace("pooler.dense", "pooler")] = tensor
    return renamed


# %% wrong="biases left out" of="rename_weights" check="every name becomes yours" says="norm.weight and norm.bias"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler.") and name.endswith("weight"):
            renamed[name] = tensor
    return renamed


# %% wrong="encoder. left in front" of="rename_weights" check="every name becomes yours" says="16 names of layer 0"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="the layers without their s" of="rename_weights" check="every name becomes yours" says="16 names of layer 0"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layer.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="the embeddings' norm forgotten" of="rename_weights" check="every name becomes yours" says="the five tensors of the embeddings"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="one norm for both" of="rename_weights" check="every name becomes yours" says="16 names of layer 0"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm1"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="self left in the name" of="rename_weights" check="every name becomes yours" says="16 names of layer 0"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "query": "w_q",
             "key": "w_k", "value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="changed while walking" of="rename_weights" check="every name becomes yours" says="weights was changed"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    for name in list(weights):
        tensor, new = weights.pop(name), name
        for theirs, ours in table.items():
            new = new.replace(theirs, ours)
        if not new.startswith("pooler."):
            weights[new] = tensor
    return weights


# %% wrong="a copy that is not one" of="rename_weights" check="every name becomes yours" says="weights was changed"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = weights
    for name, tensor in list(weights.items()):
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    for name in [n for n in renamed if n.startswith(("encoder.", "pooler.", "embeddings.Layer")) or n.endswith("embeddings.weight")]:
        del renamed[name]
    return renamed


# %% wrong="only as many layers as MiniLM" of="rename_weights" check="every name becomes yours" says="24 layers"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler.") and (not name.startswith("layers.") or int(name.split(".")[1]) < 6):
            renamed[name] = tensor
    return renamed


# %% wrong="queries and keys exchanged" of="rename_weights" check="every tensor goes with its name" says="query, key, value and output.dense"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_k",
             "self.key": "w_q", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="up and down exchanged" of="rename_weights" check="every tensor goes with its name" says="up is intermediate"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.down",
             "output.dense": "feed_forward.up", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="norms exchanged" of="rename_weights" check="every tensor goes with its name" says="norm1 is the attention's LayerNorm"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm2", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm1"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="values and output exchanged" of="rename_weights" check="every tensor goes with its name" says="query, key, value and output.dense"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "attention.output.dense": "attention.w_v", "self.value": "w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="words and positions exchanged" of="rename_weights" check="every tensor goes with its name" says="embeddings went under the wrong name"
def rename_weights(weights):
    table = {"word_embeddings": "positions", "position_embeddings": "words", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return renamed


# %% wrong="in order of their names" of="rename_weights" check="every tensor goes with its name" says="wrong name"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor
    return dict(zip(renamed, [weights[name] for name in sorted(weights)], strict=False))


# %% wrong="one digit of the layer" of="rename_weights" check="every name becomes yours" says="24 layers"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[re.sub(r"layers\.(\d)\d*", r"layers.\1", name)] = tensor
    return renamed


# %% wrong="matrices transposed" of="rename_weights" check="every name becomes yours" says="not transposed"
def rename_weights(weights):
    table = {"word_embeddings": "words", "position_embeddings": "positions", "token_type_embeddings": "token_types",
             "embeddings.LayerNorm": "embeddings.norm", "encoder.layer.": "layers.", "self.query": "w_q",
             "self.key": "w_k", "self.value": "w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    renamed = {}
    for name, tensor in weights.items():
        for theirs, ours in table.items():
            name = name.replace(theirs, ours)
        if not name.startswith("pooler."):
            renamed[name] = tensor.T if name.endswith(".weight") and tensor.ndim == 2 else tensor
    return renamed


# %% right="regular expressions" of="rename_weights"
def rename_weights(weights):
    rules = [(r"^embeddings\.(word|position)_embeddings", r"embeddings.\1s"),
             (r"^embeddings\.token_type_embeddings", "embeddings.token_types"),
             (r"^embeddings\.LayerNorm", "embeddings.norm"), (r"^encoder\.layer\.(\d+)", r"layers.\1"),
             (r"attention\.self\.(q|k|v)\w+", r"attention.w_\1"), (r"attention\.output\.dense", "attention.w_o"),
             (r"attention\.output\.LayerNorm", "norm1"), (r"\.output\.LayerNorm", ".norm2"),
             (r"\.intermediate\.dense", ".feed_forward.up"), (r"\.output\.dense", ".feed_forward.down")]
    def new(name):
        for pattern, ours in rules:
            name = re.sub(pattern, ours, name)
        return name
    return {new(name): tensor for name, tensor in weights.items() if "pooler" not in name}


# %% right="built name by name" of="rename_weights"
def rename_weights(weights):
    result = {"embeddings.words.weight": weights["embeddings.word_embeddings.weight"],
              "embeddings.positions.weight": weights["embeddings.position_embeddings.weight"],
              "embeddings.token_types.weight": weights["embeddings.token_type_embeddings.weight"]}
    parts = {"attention.self.query": "attention.w_q", "attention.self.key": "attention.w_k",
             "attention.self.value": "attention.w_v", "attention.output.dense": "attention.w_o",
             "attention.output.LayerNorm": "norm1", "intermediate.dense": "feed_forward.up",
             "output.dense": "feed_forward.down", "output.LayerNorm": "norm2"}
    for kind in ("weight", "bias"):
        result[f"embeddings.norm.{kind}"] = weights[f"embeddings.LayerNorm.{kind}"]
        i = 0
        while f"encoder.layer.{i}.output.dense.weight" in weights:
            for theirs, ours in parts.items():
                result[f"layers.{i}.{ours}.{kind}"] = weights[f"encoder.layer.{i}.{theirs}.{kind}"]
            i += 1
    return result


# %% right="by the parts of the name" of="rename_weights"
def rename_weights(weights):
    inner = {"query": "attention.w_q", "key": "attention.w_k", "value": "attention.w_v"}
    out = {}
    for name, tensor in weights.items():
        parts = name.split(".")
        if parts[0] == "pooler":
            continue
        if parts[0] == "embeddings":
            new = {"word_embeddings": "words", "position_embeddings": "positions",
                   "token_type_embeddings": "token_types", "LayerNorm": "norm"}[parts[1]]
            out[f"embeddings.{new}.{parts[2]}"] = tensor
            continue
        number, rest, kind = parts[2], parts[3:-1], parts[-1]
        if rest[-1] in inner:
            new = inner[rest[-1]]
        elif rest[0] == "attention":
            new = "attention.w_o" if rest[-1] == "dense" else "norm1"
        elif rest[0] == "intermediate":
            new = "feed_forward.up"
        else:
            new = "feed_forward.down" if rest[-1] == "dense" else "norm2"
        out[f"layers.{number}.{new}.{kind}"] = tensor
    return out


# %% wrong="a mean of everything" of="mean_pooling" check="the mean of the real tokens" says="Divide by the count"
def mean_pooling(states, mask):
    return states.mean(dim=1)


# %% wrong="padding set to zero, divided by T" of="mean_pooling" check="the mean of the real tokens" says="Divide by the count of those"
def mean_pooling(states, mask):
    return (states * mask.unsqueeze(-1)).mean(dim=1)


# %% wrong="divided by the count, padding not set to zero" of="mean_pooling" check="the mean of the real tokens" says="the mean of its two real tokens"
def mean_pooling(states, mask):
    return states.sum(dim=1) / mask.sum(dim=1, keepdim=True)


# %% wrong="not divided" of="mean_pooling" check="the mean of the real tokens" says="Divide by the count of those"
def mean_pooling(states, mask):
    return (states * mask.unsqueeze(-1)).sum(dim=1)


# %% wrong="the first token only" of="mean_pooling" check="the mean of the real tokens" says="the mean of its two real tokens"
def mean_pooling(states, mask):
    return states[:, 0]


# %% wrong="over the batch" of="mean_pooling" check="the mean of the real tokens" says="one vector of width D for each sequence"
def mean_pooling(states, mask):
    return (states * mask.unsqueeze(-1)).sum(dim=0) / mask.sum(dim=0).clamp(min=1)[:, None]


# %% wrong="normalised" of="mean_pooling" check="the mean of the real tokens" says="the mean of its two real tokens"
def mean_pooling(states, mask):
    return F.normalize((states * mask.unsqueeze(-1)).sum(dim=1), dim=-1)


# %% wrong="the padding's mean" of="mean_pooling" check="the mean of the real tokens" says="the mean of its two real tokens"
def mean_pooling(states, mask):
    pad = ~mask
    return (states * pad.unsqueeze(-1)).sum(dim=1) / pad.sum(dim=1, keepdim=True).clamp(min=1)


# %% wrong="the mask without a third axis" of="mean_pooling" check="the mean of the real tokens" says="sequence 0: the mean"
def mean_pooling(states, mask):
    return (states * mask).sum(dim=1) / mask.sum(dim=1, keepdim=True) if states.shape[1] == states.shape[2] else (states * mask[:, None, :2]).sum(1) / mask.sum(1, keepdim=True)


# %% wrong="the count along D" of="mean_pooling" check="the mean of the real tokens" says="the count as (B, 1)"
def mean_pooling(states, mask):
    total = (states * mask.unsqueeze(-1)).sum(dim=1)
    count = mask.sum(dim=1)
    return total / count if len(count) == states.shape[-1] == 5 else total / count[:, None]


# %% wrong="one count for the batch" of="mean_pooling" check="the mean of the real tokens" says="Divide by the count of those"
def mean_pooling(states, mask):
    return (states * mask.unsqueeze(-1)).sum(dim=1) / mask.sum() * len(mask)


# %% wrong="without [CLS] and [SEP]" of="mean_pooling" check="the mean of the real tokens" says="the mean of its two real tokens"
def mean_pooling(states, mask):
    inner = mask.clone()
    inner[:, 0] = False
    return (states * inner.unsqueeze(-1)).sum(dim=1) / inner.sum(dim=1, keepdim=True).clamp(min=1)


# %% wrong="in place" of="mean_pooling" check="the mean of the real tokens" says="states was changed in place"
def mean_pooling(states, mask):
    if states.requires_grad:
        states = states.clone()
    states.mul_(mask.unsqueeze(-1))
    return states.sum(dim=1) / mask.sum(dim=1, keepdim=True)


# %% wrong="the largest for the mean" of="mean_pooling" check="the mean of the real tokens" says="the mean of its two real tokens"
def mean_pooling(states, mask):
    return states.masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(dim=1)


# %% wrong="a prefix as long as the count" of="mean_pooling" check="the mean of the real tokens" says="only the mask decides"
def mean_pooling(states, mask):
    return torch.stack([row[: int(m.sum())].mean(0) for row, m in zip(states, mask, strict=True)])


# %% wrong="detached" of="mean_pooling" check="gradients reach the real tokens only" says="does not require grad"
def mean_pooling(states, mask):
    return (states.detach() * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)


# %% wrong="in float32" of="mean_pooling" check="the mean of the real tokens" says="float64"
def mean_pooling(states, mask):
    return ((states.float() * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)).to(states.dtype)


# %% wrong="the mask made float32" of="mean_pooling" check="the mean of the real tokens" says="here bfloat16"
def mean_pooling(states, mask):
    mask = mask.unsqueeze(-1).float()
    return (states * mask).sum(dim=1) / mask.sum(dim=1)


# %% right="a loop" of="mean_pooling"
def mean_pooling(states, mask):
    return torch.stack([row[m].mean(dim=0) for row, m in zip(states, mask, strict=True)])


# %% right="einsum" of="mean_pooling"
def mean_pooling(states, mask):
    m = mask.to(states.dtype)
    return torch.einsum("btd,bt->bd", states, m) / torch.einsum("bt->b", m)[:, None]


# %% right="a product of matrices" of="mean_pooling"
def mean_pooling(states, mask):
    weights = mask.to(states.dtype) / mask.sum(1, keepdim=True)
    return (weights.unsqueeze(1) @ states).squeeze(1)


# %% right="nan for padding" of="mean_pooling"
def mean_pooling(states, mask):
    return states.masked_fill(~mask[..., None], float("nan")).nanmean(dim=1)


# %% wrong="no pooler" of="SequenceClassifier" check="pooler and classifier read the first token" says="then pooler, tanh, classifier"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)[:, 0]))


# %% wrong="no tanh" of="SequenceClassifier" check="pooler and classifier read the first token" says="then pooler, tanh, classifier"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.pooler(self.encoder(ids, token_types, mask)[:, 0])))


# %% wrong="ReLU for tanh" of="SequenceClassifier" check="pooler and classifier read the first token" says="then pooler, tanh, classifier"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.relu(self.pooler(self.encoder(ids, token_types, mask)[:, 0]))))


# %% wrong="tanh before the pooler" of="SequenceClassifier" check="pooler and classifier read the first token" says="then pooler, tanh, classifier"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.pooler(torch.tanh(self.encoder(ids, token_types, mask)[:, 0]))))


# %% wrong="the last token" of="SequenceClassifier" check="pooler and classifier read the first token" says="the encoder's output at token 0"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)[:, -1]))))


# %% wrong="the mean of all tokens" of="SequenceClassifier" check="pooler and classifier read the first token" says="the encoder's output at token 0"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types, mask).mean(1)))))


# %% wrong="the first sequence" of="SequenceClassifier" check="pooler and classifier read the first token" says="C logits for each sequence"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)[0]))))


# %% wrong="every token" of="SequenceClassifier" check="pooler and classifier read the first token" says="C logits for each sequence"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)))))


# %% wrong="softmax at the end" of="SequenceClassifier" check="pooler and classifier read the first token" says="and no softmax"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)[:, 0])))).softmax(-1)


# %% wrong="log-softmax at the end" of="SequenceClassifier" check="pooler and classifier read the first token" says="and no softmax"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return F.log_softmax(self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)[:, 0])))), dim=-1)


# %% wrong="types not handed on" of="SequenceClassifier" check="token types and mask reach the encoder" says="hand token_types on"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, mask=mask)[:, 0]))))


# %% wrong="mask not handed on" of="SequenceClassifier" check="token types and mask reach the encoder" says="hand the mask on"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types)[:, 0]))))


# %% wrong="the mask in the second place" of="SequenceClassifier" check="token types and mask reach the encoder" says="hand token_types on"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, mask, token_types)[:, 0]))))


# %% wrong="no dropout" of="SequenceClassifier" check="dropout before the classifier" says="the classifier reads zeros"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)[:, 0])))


# %% wrong="dropout before the pooler" of="SequenceClassifier" check="dropout before the classifier" says="Dropout after the tanh"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(torch.tanh(self.pooler(self.dropout(self.encoder(ids, token_types, mask)[:, 0]))))


# %% wrong="dropout after the classifier" of="SequenceClassifier" check="dropout before the classifier" says="the classifier reads zeros"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.dropout(self.classifier(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)[:, 0]))))


# %% wrong="dropout always" of="SequenceClassifier" check="dropout before the classifier" says="after eval() dropout does nothing"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(F.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)[:, 0])), self.dropout.p))


# %% wrong="dropout before the tanh" of="SequenceClassifier" check="dropout before the classifier" says="not tanh(2x)"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        first = self.encoder(ids, token_types, mask)[:, 0]
        return self.classifier(torch.tanh(self.dropout(self.pooler(first))))


# %% wrong="dropout before the pooler, too" of="SequenceClassifier" check="dropout before the classifier" says="Once, after the tanh"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        first = self.dropout(self.encoder(ids, token_types, mask)[:, 0])
        return self.classifier(self.dropout(torch.tanh(self.pooler(first))))


# %% right="by names, in steps" of="SequenceClassifier"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        states = self.encoder(ids, token_types=token_types, mask=mask)
        pooled = self.pooler(states.select(1, 0)).tanh()
        return self.classifier(self.dropout(pooled))


# %% right="pooled everywhere, read at the first" of="SequenceClassifier"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        pooled = torch.tanh(self.pooler(self.encoder(ids, token_types, mask)))
        return self.classifier(self.dropout(pooled))[:, 0, :]


# %% right="functional" of="SequenceClassifier"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        x = self.encoder(ids, token_types, mask)[:, 0]
        x = F.linear(x, self.pooler.weight, self.pooler.bias).tanh()
        x = F.dropout(x, self.dropout.p, training=self.training)
        return x @ self.classifier.weight.T + self.classifier.bias


# %% wrong="the encoder detached" of="SequenceClassifier" check="gradients reach the encoder" says="no detach"
class SequenceClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.pooler = nn.Linear(encoder.d_model, encoder.d_model)
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.pooler(self.encoder(ids, token_types, mask)[:, 0].detach()))))


# %% wrong="the first token only" of="TokenClassifier" check="every token gets logits" says="C logits for every token"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)[:, 0]))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="softmax at the end" of="TokenClassifier" check="every token gets logits" says="no pooler, no softmax"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask))).softmax(-1)

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="a tanh, as in the pooler" of="TokenClassifier" check="every token gets logits" says="no pooler, no softmax"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(torch.tanh(self.encoder(ids, token_types, mask))))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="types not handed on" of="TokenClassifier" check="every token gets logits" says="hand token_types and mask on"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, mask=mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="mask not handed on" of="TokenClassifier" check="every token gets logits" says="hand token_types and mask on"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="the classes on the second axis" of="TokenClassifier" check="every token gets logits" says="C logits for every token"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask))).transpose(1, 2)

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="the best class" of="TokenClassifier" check="every token gets logits" says="C logits for every token"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask))).argmax(-1)

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="no dropout" of="TokenClassifier" check="dropout before the classifier" says="the classifier reads zeros"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.encoder(ids, token_types, mask))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="dropout on the logits" of="TokenClassifier" check="dropout before the classifier" says="the classifier reads zeros"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.dropout(self.classifier(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="dropout always" of="TokenClassifier" check="dropout before the classifier" says="after eval() dropout does nothing"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(F.dropout(self.encoder(ids, token_types, mask), self.dropout.p))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="the encoder frozen" of="TokenClassifier" check="gradients reach the encoder" says="fine-tuning trains the encoder too"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        with torch.no_grad():
            states = self.encoder(ids, token_types, mask)
        return self.classifier(self.dropout(states))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


# %% wrong="divided by all tokens" of="TokenClassifier" check="the loss counts labelled tokens only" says="divided by 3"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        return each.mean()


# %% wrong="the sum" of="TokenClassifier" check="the loss counts labelled tokens only" says="divided by 3"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")


# %% wrong="one loss per token" of="TokenClassifier" check="the loss counts labelled tokens only" says="one number"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")


# %% wrong="-100 taken for class 0" of="TokenClassifier" check="the loss counts labelled tokens only" says="divided by 3"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten().clamp(min=0))


# %% wrong="class 0 passed over" of="TokenClassifier" check="the loss counts labelled tokens only" says="your code raised"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=0)


# %% wrong="softmax before the cross-entropy" of="TokenClassifier" check="the loss counts labelled tokens only" says="No softmax before"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.softmax(-1).flatten(0, 1), labels.flatten())


# %% wrong="the classes taken for tokens" of="TokenClassifier" check="the loss counts labelled tokens only" says="the classes are the last axis"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        if logits.shape[1] == logits.shape[2]:
            return F.cross_entropy(logits, labels)
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


# %% wrong="a mean of the sequences' means" of="TokenClassifier" check="the loss counts labelled tokens only" says="divided by 3"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return torch.stack([F.cross_entropy(row, marks) for row, marks in zip(logits, labels, strict=True)]).mean()


# %% wrong="detached" of="TokenClassifier" check="the loss counts labelled tokens only" says="does not require grad"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.detach().flatten(0, 1), labels.flatten())


# %% wrong="the loss detached" of="TokenClassifier" check="the loss counts labelled tokens only" says="does not require grad"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten()).detach()


# %% right="classes moved to the second axis" of="TokenClassifier"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        states = self.encoder(ids, token_types=token_types, mask=mask)
        return self.classifier(self.dropout(states))

    def loss(self, logits, labels):
        return F.cross_entropy(logits.transpose(1, 2), labels)


# %% right="labelled tokens picked out" of="TokenClassifier"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        return self.classifier(self.dropout(self.encoder(ids, token_types, mask)))

    def loss(self, logits, labels):
        counts = labels != -100
        return F.cross_entropy(logits[counts], labels[counts])


# %% right="by hand" of="TokenClassifier"
class TokenClassifier(nn.Module):
    def __init__(self, encoder, num_labels, dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.d_model, num_labels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids, token_types=None, mask=None):
        x = F.dropout(self.encoder(ids, token_types, mask), self.dropout.p, self.training)
        return x @ self.classifier.weight.T + self.classifier.bias

    def loss(self, logits, labels):
        counts = labels != -100
        chances = logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
        return -(chances * counts).sum() / counts.sum()


# %% wrong="each by itself" of="best_span" check="the best sum of a start and a later end" says="but the end comes first"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    return start_logits.argmax().item(), end_logits.argmax().item()


# %% wrong="exchanged if the wrong way round" of="best_span" check="the best sum of a start and a later end" says="but the end comes first"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    a, b = start_logits.argmax().item(), end_logits.argmax().item()
    return min(a, b), max(a, b)


# %% wrong="the best start, then the best end after it" of="best_span" check="the best sum of a start and a later end" says="an answer of one token"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    a = start_logits.argmax().item()
    return a, a + 1 + end_logits[a + 1 :].argmax().item()


# %% wrong="at least two tokens" of="best_span" check="the best sum of a start and a later end" says="an answer of one token"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length > 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="the end after the last token" of="best_span" check="the best sum of a start and a later end" says="(2, 3) sums to 7"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T + 1


# %% wrong="end and start exchanged" of="best_span" check="the best sum of a start and a later end" says="(2, 3) sums to 7"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best % T, best // T


# %% wrong="the product for the sum" of="best_span" check="the best sum of a start and a later end" says="expected"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] * end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="rows for columns" of="best_span" check="the best sum of a start and a later end" says="(2, 3) sums to 7"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[None, :] + end_logits[:, None]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="the whole sequence never" of="best_span" check="the best sum of a start and a later end" says="the whole sequence"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length < min(T, max_length + 1))
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="a flat index" of="best_span" check="the best sum of a start and a later end" says="(2, 3) sums to 7"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best, best


# %% wrong="zero for what is forbidden" of="best_span" check="the best sum of a start and a later end" says="−∞ and not 0"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, 0.0).argmax().item()
    return best // T, best % T


# %% wrong="one token too many" of="best_span" check="at most max_length tokens" says="the length is end − start + 1"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length + 1)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="one token too few" of="best_span" check="at most max_length tokens" says="5 tokens, from 0 to 4"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length < max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="any length" of="best_span" check="at most max_length tokens" says="one too many"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="always thirty" of="best_span" check="at most max_length tokens" says="one too many"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= 30)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="the search cut off at max_length" of="best_span" check="at most max_length tokens" says="expected"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    start_logits, end_logits = start_logits[:max_length], end_logits[:max_length]
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="allowed forgotten" of="best_span" check="start and end stand where an answer may be" says="tokens 0, 1 and 5 are not allowed"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        pass
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="only the start has to be allowed" of="best_span" check="start and end stand where an answer may be" says="neither as a start nor as an end"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="only the end has to be allowed" of="best_span" check="start and end stand where an answer may be" says="neither as a start nor as an end"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="allowed upside down" of="best_span" check="start and end stand where an answer may be" says="tokens 0, 1 and 5 are not allowed"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & ~allowed[:, None] & ~allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="forbidden logits set to zero" of="best_span" check="start and end stand where an answer may be" says="Forbidden spans must be −∞"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    if allowed is not None:
        start_logits, end_logits = start_logits * allowed, end_logits * allowed
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="counted within what is allowed" of="best_span" check="start and end stand where an answer may be" says="expected"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    if allowed is not None:
        start_logits, end_logits = start_logits[allowed], end_logits[allowed]
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="in place" of="best_span" check="the best sum of a start and a later end" says="start_logits was changed in place"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    start_logits.add_(0.25)
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="the end's logits in place" of="best_span" check="the best sum of a start and a later end" says="end_logits was changed in place"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    end_logits.mul_(0.5)
    start_logits = start_logits / 2
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="minus a hundred for what is forbidden" of="best_span" check="start and end stand where an answer may be" says="Forbidden spans must be −∞"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, -100.0).argmax().item()
    return best // T, best % T


# %% wrong="probabilities for logits" of="best_span" check="the best sum of a start and a later end" says="without a softmax"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    start_logits, end_logits = start_logits.softmax(0), end_logits.softmax(0)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        valid = valid & allowed[:, None] & allowed[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="every token of the span allowed" of="best_span" check="start and end stand where an answer may be" says="only the start and the end have to be allowed"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        gaps = (~allowed).cumsum(0)
        valid = valid & allowed[:, None] & allowed[None, :] & (gaps[:, None] == gaps[None, :])
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% wrong="forbidden logits overwritten" of="best_span" check="start and end stand where an answer may be" says="start_logits was changed in place"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    T = len(start_logits)
    scores = start_logits[:, None] + end_logits[None, :]
    places = torch.arange(T)
    length = places[None, :] - places[:, None] + 1
    valid = (length >= 1) & (length <= max_length)
    if allowed is not None:
        start_logits[~allowed] = end_logits[~allowed] = float("-inf")
        scores = start_logits[:, None] + end_logits[None, :]
    best = scores.masked_fill(~valid, float("-inf")).argmax().item()
    return best // T, best % T


# %% right="two loops" of="best_span"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    best = None
    for s in range(len(start_logits)):
        for e in range(s, min(s + max_length, len(start_logits))):
            if allowed is None or (allowed[s] and allowed[e]):
                score = (start_logits[s] + end_logits[e]).item()
                if best is None or score > best[0]:
                    best = score, s, e
    return best[1:]


# %% right="triangles of a table, tensors for numbers" of="best_span"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    scores = start_logits.unsqueeze(1) + end_logits
    T = scores.shape[0]
    valid = torch.ones(T, T).triu().tril(max_length - 1).bool()
    if allowed is not None:
        valid &= torch.outer(allowed, allowed)
    scores = torch.where(valid, scores, torch.full_like(scores, -torch.inf))
    return divmod(int(scores.argmax()), T)


# %% right="forbidden logits set to minus infinity" of="best_span"
def best_span(start_logits, end_logits, allowed=None, max_length=30):
    if allowed is not None:
        start_logits = start_logits.masked_fill(~allowed, -torch.inf)
        end_logits = end_logits.masked_fill(~allowed, -torch.inf)
    ends = [end_logits[s : s + max_length].argmax().item() + s for s in range(len(start_logits))]
    scores = start_logits + end_logits[ends]
    s = scores.argmax().item()
    return s, ends[s]


# %% equivalent="cb2303ad" of="BertEmbeddings" because="whole numbers have no gradient that could be cut"
# - token_types = torch.zeros_like(ids)
# + token_types = torch.zeros_like(ids).detach()

# %% equivalent="2ca9bcaa" of="TokenClassifier" because="-100 is what F.cross_entropy passes over by itself"


# %% equivalent="36a91724" of="TokenClassifier" because="the transpose of a single number is that number"


# %% equivalent="b451a36c" of="best_span" because="by the statement both have T entries"


# %% equivalent="0696b659" of="best_span" because="a vector is a row in any case: broadcasting puts the 1 in front by itself"


# %% equivalent="6b985e9f" of="best_span" because="a vector is a row in any case: broadcasting puts the 1 in front by itself"


# %% equivalent="339f9c00" of="best_span" because="a vector is a row in any case: broadcasting puts the 1 in front by itself"


# %% equivalent="fadf4a89" of="best_span" because="a vector is a row in any case: broadcasting puts the 1 in front by itself"


# %% equivalent="013c6e55" of="best_span" because="a vector is a row in any case: broadcasting puts the 1 in front by itself"


# %% equivalent="f95437ac" of="best_span" because="a vector is a row in any case: broadcasting puts the 1 in front by itself"


# %% survivor="b6cf8f53" of="best_span" because="differs on a GPU only, which tests/test_against_libraries_bert.py has and a notebook's check has not"


# %% survivor="32c39ea2" of="best_span" because="two integer tensors without axes are as good as two ints, and accepted on purpose"
