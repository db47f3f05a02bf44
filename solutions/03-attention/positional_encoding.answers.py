# %% wrong="sines first, then cosines" of="sinusoidal_encoding" check="take turns" says="sin(t), cos(t), sin(t / 100)"
def sinusoidal_encoding(T, D):
    angles = torch.arange(T)[:, None] * 10000 ** (-torch.arange(0, D, 2) / D)
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


# %% wrong="cosine in the even columns" of="sinusoidal_encoding" check="take turns" says="Position 0 is 0, 1, 0, 1"
def sinusoidal_encoding(T, D):
    angles = torch.arange(T)[:, None] * 10000 ** (-torch.arange(0, D, 2) / D)
    return torch.stack((angles.cos(), angles.sin()), dim=-1).flatten(-2)


# %% wrong="exponent i / D" of="sinusoidal_encoding" check="fall geometrically" says="the exponent is 2i / D"
def sinusoidal_encoding(T, D):
    angles = torch.arange(T)[:, None] * 10000 ** (-torch.arange(D // 2) / D)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


# %% wrong="a frequency of its own for each column" of="sinusoidal_encoding" check="take turns" says="sin(t), cos(t)"
def sinusoidal_encoding(T, D):
    angles = torch.arange(T)[:, None] * 10000 ** (-torch.arange(D) / D)
    angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    return angles


# %% wrong="last frequency is 1 / 10000" of="sinusoidal_encoding" check="fall geometrically" says="10000^(-2/6)"
def sinusoidal_encoding(T, D):
    angles = torch.arange(T)[:, None] * 10000 ** (-torch.arange(D // 2) / (D / 2 - 1))
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


# %% wrong="frequencies that rise" of="sinusoidal_encoding" check="fall geometrically" says="the exponent is 2i / D"
def sinusoidal_encoding(T, D):
    angles = torch.arange(T)[:, None] * 10000 ** (torch.arange(0, D, 2) / D)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


# %% wrong="positions from 1" of="sinusoidal_encoding" check="take turns" says="Position 0 is 0, 1, 0, 1"
def sinusoidal_encoding(T, D):
    angles = torch.arange(1, T + 1)[:, None] * 10000 ** (-torch.arange(0, D, 2) / D)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


# %% wrong="transposed" of="sinusoidal_encoding" check="take turns" says="expected shape (3, 4), got (4, 3)"
def sinusoidal_encoding(T, D):
    angles = torch.arange(T)[:, None] * 10000 ** (-torch.arange(0, D, 2) / D)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).T


# %% wrong="base 1000" of="sinusoidal_encoding" check="fall geometrically" says="10000^(-2/6)"
def sinusoidal_encoding(T, D):
    angles = torch.arange(T)[:, None] * 1000 ** (-torch.arange(0, D, 2) / D)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


# %% right="written into the columns" of="sinusoidal_encoding"
def sinusoidal_encoding(T, D):
    P = torch.empty(T, D)
    angles = torch.outer(torch.arange(T).float(), torch.exp(torch.arange(0, D, 2) * (-math.log(10000) / D)))
    P[:, 0::2] = torch.sin(angles)
    P[:, 1::2] = torch.cos(angles)
    return P


# %% right="loops" of="sinusoidal_encoding"
def sinusoidal_encoding(T, D):
    rows = []
    for t in range(T):
        row = []
        for i in range(D // 2):
            angle = t / 10000 ** (2 * i / D)
            row += [math.sin(angle), math.cos(angle)]
        rows.append(row)
    return torch.tensor(rows)


# %% right="cosine as a shifted sine" of="sinusoidal_encoding"
def sinusoidal_encoding(T, D):
    column = torch.arange(D)
    frequency = 10000.0 ** (-(column - column % 2).double() / D)
    return torch.sin(torch.arange(T).double()[:, None] * frequency + (column % 2) * math.pi / 2).float()


# %% right="with NumPy" of="sinusoidal_encoding"
def sinusoidal_encoding(T, D):
    turned = np.exp(1j * np.outer(np.arange(T), 1e4 ** (-np.arange(0, D, 2) / D)))
    return torch.from_numpy(np.stack((turned.imag, turned.real), -1).reshape(T, D).astype(np.float32))


# %% wrong="added to the features, row 0 only" of="LearnedPositions" check="row t is added" says="row t at position t"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, D))

    def forward(self, x):
        if x.shape[-2] > len(self.weight):
            raise ValueError("too long")
        return x + self.weight[0]


# %% wrong="T read off the last axis" of="LearnedPositions" check="row t is added" says="your code raised"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, D))

    def forward(self, x):
        if x.shape[-1] > len(self.weight):
            raise ValueError("too long")
        return x + self.weight[: x.shape[-1]]


# %% wrong="T read off the second axis" of="LearnedPositions" check="row t is added" says="got"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, D))

    def forward(self, x):
        if x.shape[1] > len(self.weight):
            raise ValueError("too long")
        return x + self.weight[: x.shape[1]].mean(0)


# %% wrong="a plain tensor" of="LearnedPositions" check="it learns" says="is weight an nn.Parameter?"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = 0.02 * torch.randn(max_len, D)

    def forward(self, x):
        if x.shape[-2] > len(self.weight):
            raise ValueError("too long")
        return (x + self.weight[: x.shape[-2]]).requires_grad_()


# %% wrong="noise of deviation 1" of="LearnedPositions" check="it learns" says="torch.randn(…) times 0.02"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(max_len, D))

    def forward(self, x):
        if x.shape[-2] > len(self.weight):
            raise ValueError("too long")
        return x + self.weight[: x.shape[-2]]


# %% wrong="begins as zeros" of="LearnedPositions" check="it learns" says="not with zeros"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(max_len, D))

    def forward(self, x):
        if x.shape[-2] > len(self.weight):
            raise ValueError("too long")
        return x + self.weight[: x.shape[-2]]


# %% wrong="another name" of="LearnedPositions" check="row t is added" says="the one parameter is called weight"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.table = nn.Parameter(0.02 * torch.randn(max_len, D))

    def forward(self, x):
        if x.shape[-2] > len(self.table):
            raise ValueError("too long")
        return x + self.table[: x.shape[-2]]


# %% wrong="broadcasting left to complain" of="LearnedPositions" check="no row after" says="expected ValueError, got RuntimeError"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, D))

    def forward(self, x):
        return x + self.weight[: x.shape[-2]]


# %% wrong="the full length refused" of="LearnedPositions" check="no row after" says="your code raised ValueError"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, D))

    def forward(self, x):
        if x.shape[-2] >= len(self.weight):
            raise ValueError("too long")
        return x + self.weight[: x.shape[-2]]


# %% wrong="added in place" of="LearnedPositions" check="row t is added" says="x was changed in place"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, D))

    def forward(self, x):
        if x.shape[-2] > len(self.weight):
            raise ValueError("too long")
        x.data += self.weight.data[: x.shape[-2]]
        return x + 0 * self.weight.sum()


# %% wrong="only the positions returned" of="LearnedPositions" check="row t is added" says="expected shape (2, 5, 4)"
class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(max_len, D))

    def forward(self, x):
        if x.shape[-2] > len(self.weight):
            raise ValueError("too long")
        return self.weight[: x.shape[-2]]


# %% right="an embedding's weight" of="LearnedPositions"
class LearnedPositions(nn.Embedding):
    def __init__(self, max_len, D):
        super().__init__(max_len, D)
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x):
        places = torch.arange(x.size(-2))
        if len(places) > self.num_embeddings:
            raise ValueError(f"{len(places)} tokens are more than {self.num_embeddings}")
        return x + super().forward(places)


# %% right="looked up, in an error of its own" of="LearnedPositions"
class TooLong(ValueError):
    pass


class LearnedPositions(nn.Module):
    def __init__(self, max_len, D):
        super().__init__()
        self.max_len = max_len
        self.weight = nn.Parameter(torch.empty(max_len, D))
        nn.init.trunc_normal_(self.weight, std=0.02)

    def forward(self, x):
        length = x.shape[-2]
        if not length <= self.max_len:
            raise TooLong(length)
        return x + F.embedding(torch.arange(length), self.weight)


# %% wrong="sign of r turned round" of="relative_position_bucket" check="near distances" says="r is negative in the past"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset = 0
    if bidirectional:
        num_buckets //= 2
        offset = (relative_position < 0) * num_buckets
        distance = relative_position.abs()
    else:
        distance = relative_position.clamp(min=0)
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    far = exact + (growth * (num_buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far).clamp(max=num_buckets - 1)


# %% wrong="future by its distance" of="relative_position_bucket" check="ignores the future" says="counts as 0, not as |r|"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset = 0
    if bidirectional:
        num_buckets //= 2
        offset = (relative_position > 0) * num_buckets
    distance = relative_position.abs()
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    far = exact + (growth * (num_buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far).clamp(max=num_buckets - 1)


# %% wrong="linear buckets" of="relative_position_bucket" check="far distances" says="floor(log share * (N - E))"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset, distance = 0, (-relative_position).clamp(min=0)
    if bidirectional:
        num_buckets //= 2
        offset, distance = (relative_position > 0) * num_buckets, relative_position.abs()
    exact = num_buckets // 2
    share = (distance - exact) / (max_distance - exact)
    far = exact + (share * (num_buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far).clamp(max=num_buckets - 1)


# %% wrong="no last bucket" of="relative_position_bucket" check="far distances" says="at most N - 1"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset, distance = 0, (-relative_position).clamp(min=0)
    if bidirectional:
        num_buckets //= 2
        offset, distance = (relative_position > 0) * num_buckets, relative_position.abs()
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    return offset + torch.where(distance < exact, distance, exact + (growth * (num_buckets - exact)).long())


# %% wrong="rounded to the nearest" of="relative_position_bucket" check="far distances" says="E + floor"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset, distance = 0, (-relative_position).clamp(min=0)
    if bidirectional:
        num_buckets //= 2
        offset, distance = (relative_position > 0) * num_buckets, relative_position.abs()
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    far = exact + (growth * (num_buckets - exact)).round().long()
    return offset + torch.where(distance < exact, distance, far).clamp(max=num_buckets - 1)


# %% wrong="buckets not halved" of="relative_position_bucket" check="both directions" says="4-7 for r > 0"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset, distance = 0, (-relative_position).clamp(min=0)
    if bidirectional:
        offset, distance = (relative_position > 0) * (num_buckets // 2), relative_position.abs()
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    far = exact + (growth * (num_buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far).clamp(max=num_buckets - 1)


# %% wrong="the query's own place in the second half" of="relative_position_bucket" check="both directions" says="r <= 0"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset, distance = 0, (-relative_position).clamp(min=0)
    if bidirectional:
        num_buckets //= 2
        offset, distance = (relative_position >= 0) * num_buckets, relative_position.abs()
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    far = exact + (growth * (num_buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far).clamp(max=num_buckets - 1)


# %% wrong="logarithm of the distance, not of its share" of="relative_position_bucket" check="far distances" says="log share"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset, distance = 0, (-relative_position).clamp(min=0)
    if bidirectional:
        num_buckets //= 2
        offset, distance = (relative_position > 0) * num_buckets, relative_position.abs()
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=1).float()) / math.log(max_distance)
    far = exact + (growth * (num_buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far).clamp(max=num_buckets - 1)


# %% wrong="settings ignored" of="relative_position_bucket" check="far distances" says="see the table"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    num_buckets, max_distance = 32, 128
    offset, distance = 0, (-relative_position).clamp(min=0)
    if bidirectional:
        num_buckets //= 2
        offset, distance = (relative_position > 0) * num_buckets, relative_position.abs()
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)
    far = exact + (growth * (num_buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far).clamp(max=num_buckets - 1)


# %% right="the two cases with torch.where" of="relative_position_bucket"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    offset = 0
    if bidirectional:
        num_buckets = num_buckets // 2
        offset = torch.where(relative_position > 0, num_buckets, 0)
        distance = torch.abs(relative_position)
    else:
        distance = -torch.minimum(relative_position, torch.zeros_like(relative_position))
    exact = num_buckets // 2
    far = exact + (torch.log(distance.float() / exact) / math.log(max_distance / exact) * (num_buckets - exact)).long()
    return offset + torch.where(distance < exact, distance, far.clamp(max=num_buckets - 1))


# %% right="one number at a time" of="relative_position_bucket"
def bucket_of(r, bidirectional, N, max_distance):
    first = 0
    if bidirectional:
        N //= 2
        first = N if r > 0 else 0
        distance = abs(r)
    else:
        distance = max(-r, 0)
    E = N // 2
    if distance < E:
        return first + distance
    return first + min(E + math.floor(math.log(distance / E) / math.log(max_distance / E) * (N - E)), N - 1)


def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    numbers = [bucket_of(int(r), bidirectional, num_buckets, max_distance) for r in relative_position.flatten()]
    return torch.tensor(numbers).view(relative_position.shape)


# %% right="in float64, base 2, int32" of="relative_position_bucket"
def relative_position_bucket(relative_position, bidirectional=True, num_buckets=32, max_distance=128):
    r = relative_position.double()
    N = num_buckets // 2 if bidirectional else num_buckets
    distance = r.abs() if bidirectional else torch.relu(-r)
    E = N // 2
    steps = torch.floor((N - E) * torch.log2(distance.clamp(min=1) / E) / math.log2(max_distance / E))
    bucket = torch.where(distance < E, distance, torch.clamp(E + steps, max=N - 1))
    return (bucket + (N * (r > 0) if bidirectional else 0)).int()


# %% wrong="heads last" of="T5RelativeBias" check="heads first" says="expected shape (3, 5, 2)"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.settings = (bidirectional, num_buckets, max_distance)
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))

    def forward(self, n, m):
        return self.weight[relative_position_bucket(torch.arange(m) - torch.arange(n)[:, None], *self.settings)]


# %% wrong="query minus key" of="T5RelativeBias" check="heads first" says="query 4 looks 4 back at key 0"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.settings = (bidirectional, num_buckets, max_distance)
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))

    def forward(self, n, m):
        buckets = relative_position_bucket(torch.arange(n)[:, None] - torch.arange(m), *self.settings)
        return self.weight[buckets].permute(2, 0, 1)


# %% wrong="keys in rows" of="T5RelativeBias" check="heads first" says="(num_heads, n, m)"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.settings = (bidirectional, num_buckets, max_distance)
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))

    def forward(self, n, m):
        buckets = relative_position_bucket(torch.arange(m) - torch.arange(n)[:, None], *self.settings)
        return self.weight[buckets].permute(2, 1, 0)


# %% wrong="settings not handed on" of="T5RelativeBias" check="hands its settings" says="hand all three settings on"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))

    def forward(self, n, m):
        buckets = relative_position_bucket(torch.arange(m) - torch.arange(n)[:, None])
        return self.weight[buckets % len(self.weight)].permute(2, 0, 1)


# %% wrong="max_distance not handed on" of="T5RelativeBias" check="heads first" says="query 4 looks 4 back"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.settings = (bidirectional, num_buckets)
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))

    def forward(self, n, m):
        buckets = relative_position_bucket(torch.arange(m) - torch.arange(n)[:, None], *self.settings)
        return self.weight[buckets].permute(2, 0, 1)


# %% wrong="random to begin with" of="T5RelativeBias" check="zeros to begin with" says="(num_buckets, num_heads), zeros"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.settings = (bidirectional, num_buckets, max_distance)
        self.weight = nn.Parameter(torch.randn(num_buckets, num_heads))

    def forward(self, n, m):
        buckets = relative_position_bucket(torch.arange(m) - torch.arange(n)[:, None], *self.settings)
        return self.weight[buckets].permute(2, 0, 1)


# %% wrong="one bias for all heads" of="T5RelativeBias" check="heads first" says="weight[bucket of s - t, h]"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.settings = (bidirectional, num_buckets, max_distance)
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))

    def forward(self, n, m):
        buckets = relative_position_bucket(torch.arange(m) - torch.arange(n)[:, None], *self.settings)
        return self.weight[buckets][..., 0].expand(self.weight.shape[1], n, m)


# %% wrong="detached" of="T5RelativeBias" check="zeros to begin with" says="your code raised RuntimeError"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.settings = (bidirectional, num_buckets, max_distance)
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))

    def forward(self, n, m):
        buckets = relative_position_bucket(torch.arange(m) - torch.arange(n)[:, None], *self.settings)
        return self.weight.data[buckets].permute(2, 0, 1)


# %% right="an embedding" of="T5RelativeBias"
class T5RelativeBias(nn.Embedding):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__(num_buckets, num_heads)
        nn.init.zeros_(self.weight)
        self.rule = {"bidirectional": bidirectional, "num_buckets": num_buckets, "max_distance": max_distance}

    def forward(self, n, m):
        r = torch.arange(m)[None, :] - torch.arange(n)[:, None]
        return torch.einsum("nmh->hnm", super().forward(relative_position_bucket(r, **self.rule)))


# %% right="one-hot times weight" of="T5RelativeBias"
class T5RelativeBias(nn.Module):
    def __init__(self, num_heads, bidirectional=True, num_buckets=32, max_distance=128):
        super().__init__()
        self.bidirectional, self.num_buckets, self.max_distance = bidirectional, num_buckets, max_distance
        self.weight = nn.Parameter(torch.zeros(num_buckets, num_heads))

    def forward(self, n, m):
        r = torch.arange(m).repeat(n, 1) - torch.arange(n).repeat(m, 1).T
        buckets = relative_position_bucket(r, self.bidirectional, self.num_buckets, self.max_distance)
        return (F.one_hot(buckets, self.num_buckets).float() @ self.weight).movedim(-1, 0)


# %% wrong="sin first" of="rope_frequencies" check="position times frequency" says="cos comes first"
def rope_frequencies(T, d, base=10000.0):
    angles = torch.arange(T)[:, None] * base ** (-torch.arange(0, d, 2) / d)
    return angles.sin(), angles.cos()


# %% wrong="the base ignored" of="rope_frequencies" check="the base sets" says="base 16, d = 4"
def rope_frequencies(T, d, base=10000.0):
    angles = torch.arange(T)[:, None] * 10000 ** (-torch.arange(0, d, 2) / d)
    return angles.cos(), angles.sin()


# %% wrong="exponent i / d" of="rope_frequencies" check="position times frequency" says="The exponent is -2i / d"
def rope_frequencies(T, d, base=10000.0):
    angles = torch.arange(T)[:, None] * base ** (-torch.arange(d // 2) / d)
    return angles.cos(), angles.sin()


# %% wrong="repeated to the full width" of="rope_frequencies" check="position times frequency" says="expected shape (3, 2)"
def rope_frequencies(T, d, base=10000.0):
    angles = torch.arange(T)[:, None] * base ** (-torch.arange(0, d, 2) / d).repeat(2)
    return angles.cos(), angles.sin()


# %% wrong="positions from 1" of="rope_frequencies" check="position times frequency" says="row t: cos(t)"
def rope_frequencies(T, d, base=10000.0):
    angles = torch.arange(1, T + 1)[:, None] * base ** (-torch.arange(0, d, 2) / d)
    return angles.cos(), angles.sin()


# %% wrong="the angles themselves" of="rope_frequencies" check="position times frequency" says="expected"
def rope_frequencies(T, d, base=10000.0):
    angles = torch.arange(T)[:, None] * base ** (-torch.arange(0, d, 2) / d)
    return angles, angles


# %% wrong="clockwise" of="rope_frequencies" check="position times frequency" says="row t: sin(t)"
def rope_frequencies(T, d, base=10000.0):
    angles = -torch.arange(T)[:, None] * base ** (-torch.arange(0, d, 2) / d)
    return angles.cos(), angles.sin()


# %% right="outer product and polar" of="rope_frequencies"
def rope_frequencies(T, d, base=10000.0):
    angles = torch.outer(torch.arange(T).float(), 1.0 / base ** (torch.arange(0, d, 2).float() / d))
    turned = torch.polar(torch.ones_like(angles), angles)
    return turned.real, turned.imag


# %% right="by the exponential, in float64" of="rope_frequencies"
def rope_frequencies(T, d, base=10000.0):
    i = torch.arange(d // 2, dtype=torch.float64)
    angles = torch.einsum("t,i->ti", torch.arange(T, dtype=torch.float64), torch.exp(-2 * i / d * math.log(base)))
    return torch.cos(angles), torch.sin(angles)


# %% right="out of the sinusoids, where the base is theirs" of="rope_frequencies"
def rope_frequencies(T, d, base=10000.0):
    if base == 10000:
        P = sinusoidal_encoding(T, d)
        return P[:, 1::2], P[:, 0::2]
    angles = torch.arange(T)[:, None] / base ** (torch.arange(0, d, 2) / d)
    return angles.cos(), angles.sin()


# %% wrong="turns in the type of x" of="apply_rope" check="the type of x is kept" says="turn in float32"
def apply_rope(x, cos, sin):
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1)


# %% wrong="neighbours are paired" of="apply_rope" check="form a pair" says="are (1, 3) and (2, 4)"
def apply_rope(x, cos, sin):
    x1, x2 = x[..., 0::2], x[..., 1::2]
    return torch.stack((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1).flatten(-2).to(x.dtype)


# %% wrong="the other way round" of="apply_rope" check="form a pair" says="takes (x, y) to (-y, x)"
def apply_rope(x, cos, sin):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x1 * cos + x2 * sin, x2 * cos - x1 * sin), dim=-1).to(x.dtype)


# %% wrong="two minuses" of="apply_rope" check="form a pair" says="takes (x, y) to (-y, x)"
def apply_rope(x, cos, sin):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x1 * cos - x2 * sin, x2 * cos - x1 * sin), dim=-1).to(x.dtype)


# %% wrong="no rotation, only a cosine" of="apply_rope" check="form a pair" says="takes (x, y) to (-y, x)"
def apply_rope(x, cos, sin):
    return (x * torch.cat((cos, cos), dim=-1)).to(x.dtype)


# %% wrong="halves joined in the wrong order" of="apply_rope" check="form a pair" says="takes (x, y) to (-y, x)"
def apply_rope(x, cos, sin):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x2 * cos + x1 * sin, x1 * cos - x2 * sin), dim=-1).to(x.dtype)


# %% wrong="cut along the first axis of a batch" of="apply_rope" check="every head and sequence" says="your code raised"
def apply_rope(x, cos, sin):
    x1, x2 = x.chunk(2, dim=1 if x.dim() == 2 else 2)
    if x.dim() == 2:
        return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1).to(x.dtype)
    return torch.cat((x1, x2), dim=-1)


# %% wrong="float32 returned" of="apply_rope" check="the type of x" says="expected dtype float16, got float32"
def apply_rope(x, cos, sin):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1)


# %% wrong="in place" of="apply_rope" check="form a pair" says="x was changed in place"
def apply_rope(x, cos, sin):
    x1, x2 = x.chunk(2, dim=-1)
    y1, y2 = x1 * cos - x2 * sin, x2 * cos + x1 * sin
    x1.copy_(y1)
    x2.copy_(y2)
    return x.clone()


# %% wrong="the first half overwritten too early" of="apply_rope" check="form a pair" says="takes (x, y) to (-y, x)"
def apply_rope(x, cos, sin):
    half = x.shape[-1] // 2
    y = x.float().clone()
    y[..., :half] = y[..., :half] * cos - y[..., half:] * sin
    y[..., half:] = y[..., half:] * cos + y[..., :half] * sin
    return y.to(x.dtype)


# %% right="x cos + rotated half sin" of="apply_rope"
def rotate_half(x):
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


def apply_rope(x, cos, sin):
    return (x * cos.repeat(1, 2) + rotate_half(x) * sin.repeat(1, 2)).type_as(x)


# %% right="complex numbers" of="apply_rope"
def apply_rope(x, cos, sin):
    half = x.size(-1) // 2
    y = torch.complex(x[..., :half].float(), x[..., half:].float()) * torch.complex(cos, sin)
    return torch.cat((y.real, y.imag), -1).to(x.dtype)


# %% right="a matrix for each plane" of="apply_rope"
def apply_rope(x, cos, sin):
    planes = torch.stack(x.float().split(x.shape[-1] // 2, dim=-1), dim=-1)  # (..., T, d / 2, 2)
    turn = torch.stack((torch.stack((cos, -sin), -1), torch.stack((sin, cos), -1)), -2)  # (T, d / 2, 2, 2)
    y = torch.einsum("tiab,...tib->...tia", turn, planes)
    return torch.cat((y[..., 0], y[..., 1]), dim=-1).to(x.dtype)


# %% wrong="1/2, 1/4, … for every H" of="alibi_slopes" check="powers of two" says="the last slope is 2^-8"
def alibi_slopes(num_heads):
    return 2.0 ** -torch.arange(1, num_heads + 1)


# %% wrong="the formula for all head counts" of="alibi_slopes" check="any number" says="the four slopes of 4 heads"
def alibi_slopes(num_heads):
    return 2 ** (-8 / num_heads * torch.arange(1, num_heads + 1))


# %% wrong="from 2^0" of="alibi_slopes" check="powers of two" says="8 heads: 1/2, 1/4"
def alibi_slopes(num_heads):
    return 2 ** (-8 / num_heads * torch.arange(num_heads))


# %% wrong="the first of the next power of two" of="alibi_slopes" check="any number" says="the four slopes of 4 heads"
def alibi_slopes(num_heads):
    power = 2 ** math.ceil(math.log2(num_heads))
    return 2 ** (-8 / power * torch.arange(1, power + 1))[:num_heads]


# %% wrong="negative" of="alibi_slopes" check="powers of two" says="positive, steepest first"
def alibi_slopes(num_heads):
    power = 2 ** math.floor(math.log2(num_heads))
    steps = torch.cat((torch.arange(1, power + 1), torch.arange(num_heads - power) + 0.5))
    return -(2 ** (-8 / power * steps))


# %% wrong="flattest first" of="alibi_slopes" check="powers of two" says="steepest first"
def alibi_slopes(num_heads):
    power = 2 ** math.floor(math.log2(num_heads))
    steps = torch.cat((torch.arange(1, power + 1), torch.arange(num_heads - power) + 0.5))
    return (2 ** (-8 / power * steps)).flip(0)


# %% wrong="sorted" of="alibi_slopes" check="any number" says="then the values half-way"
def alibi_slopes(num_heads):
    power = 2 ** math.floor(math.log2(num_heads))
    steps = torch.cat((torch.arange(1, power + 1), torch.arange(num_heads - power) + 0.5))
    return 2 ** (-8 / power * steps.sort().values)


# %% wrong="filled up from the flattest" of="alibi_slopes" check="any number" says="steepest first: 1/2, 1/8"
def alibi_slopes(num_heads):
    power = 2 ** math.floor(math.log2(num_heads))
    between = (torch.arange(power) + 0.5)[2 * power - num_heads :]
    return 2 ** (-8 / power * torch.cat((torch.arange(1, power + 1), between)))


# %% right="recursion: every other one of twice as many" of="alibi_slopes"
def alibi_slopes(num_heads):
    if num_heads & (num_heads - 1) == 0:
        return torch.tensor([2 ** (-8 * h / num_heads) for h in range(1, num_heads + 1)])
    power = 1 << (num_heads.bit_length() - 1)
    return torch.cat((alibi_slopes(power), alibi_slopes(2 * power)[0::2][: num_heads - power]))


# %% right="twice the greatest power, reordered" of="alibi_slopes"
def alibi_slopes(num_heads):
    power = 1
    while 2 * power <= num_heads:
        power *= 2
    series = torch.pow(2.0, -4 / power * torch.arange(1, 2 * power + 1))
    return torch.cat((series[1::2], series[0::2]))[:num_heads]


# %% right="a list, head by head" of="alibi_slopes"
def alibi_slopes(num_heads):
    p = 2 ** int(math.log2(num_heads))
    slopes = [1 / 2 ** (8 * h / p) for h in range(1, p + 1)]
    slopes += [1 / 2 ** (8 * (j - 0.5) / p) for j in range(1, num_heads - p + 1)]
    return torch.tensor(slopes)


# %% wrong="a reward for distance" of="alibi_bias" check="minus slope" says="one slope less for each step"
def alibi_bias(slopes, T):
    t = torch.arange(T)
    return slopes[:, None, None] * (t[:, None] - t).abs()


# %% wrong="the sign of the direction kept" of="alibi_bias" check="minus slope" says="0 on the diagonal"
def alibi_bias(slopes, T):
    t = torch.arange(T)
    return -slopes[:, None, None] * (t[:, None] - t)


# %% wrong="BLOOM's rows" of="alibi_bias" check="minus slope" says="0 on the diagonal"
def alibi_bias(slopes, T):
    return (slopes[:, None, None] * torch.arange(T)).expand(-1, T, T)


# %% wrong="heads last" of="alibi_bias" check="minus slope" says="expected shape (2, 3, 3), got (3, 3, 2)"
def alibi_bias(slopes, T):
    t = torch.arange(T)
    return -(t[:, None] - t).abs()[..., None] * slopes


# %% wrong="the future forbidden" of="alibi_bias" check="minus slope" says="got -inf"
def alibi_bias(slopes, T):
    t = torch.arange(T)
    bias = -slopes[:, None, None] * (t[:, None] - t).abs()
    return bias.masked_fill(t > t[:, None], float("-inf"))


# %% wrong="squared distance" of="alibi_bias" check="minus slope" says="one slope less for each step"
def alibi_bias(slopes, T):
    t = torch.arange(T)
    return -slopes[:, None, None] * (t[:, None] - t) ** 2


# %% wrong="distance from the end of the text" of="alibi_bias" check="minus slope" says="0 on the diagonal"
def alibi_bias(slopes, T):
    return -slopes[:, None, None] * torch.arange(T).flip(0).expand(T, T)


# %% wrong="the diagonal at distance 1" of="alibi_bias" check="minus slope" says="0 on the diagonal"
def alibi_bias(slopes, T):
    t = torch.arange(T)
    return -slopes[:, None, None] * ((t[:, None] - t).abs() + 1)


# %% right="einsum" of="alibi_bias"
def alibi_bias(slopes, T):
    t = torch.arange(T, dtype=torch.float32)
    return torch.einsum("h,ts->hts", -slopes, torch.cdist(t[:, None], t[:, None], p=1))


# %% right="smaller minus larger" of="alibi_bias"
def alibi_bias(slopes, T):
    column, row = torch.meshgrid(torch.arange(T), torch.arange(T), indexing="ij")
    return slopes.view(-1, 1, 1) * (torch.minimum(column, row) - torch.maximum(column, row))


# %% right="loops" of="alibi_bias"
def alibi_bias(slopes, T):
    bias = torch.zeros(len(slopes), T, T)
    for h, slope in enumerate(slopes.tolist()):
        for t in range(T):
            for s in range(T):
                bias[h, t, s] = -slope * abs(t - s)
    return bias


# %% equivalent="off by one@torch.arange(0, D - 1, 2)" of="sinusoidal_encoding" because="D is even: the last step, D - 2, is below D - 1 too"


# %% equivalent="off by one@torch.arange(0, d - 1, 2)" of="rope_frequencies" because="d is even: the last step, d - 2, is below d - 1 too"


# %% equivalent="result transposed@.mT" of="alibi_bias" because="the matrix of distances is symmetric"

# %% survivor="argument dropped@torch.arange(T)" of="alibi_bias" because="needs slopes on a GPU, which a check cannot ask for"
