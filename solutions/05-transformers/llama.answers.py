# %% wrong="only the newest is kept" of="KVCache" check="old and new" says="append returns all five"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="newest first" of="KVCache" check="old and new" says="oldest first, newest last"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((k, self.keys[layer]), dim=2)
            v = torch.cat((v, self.values[layer]), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="values newest first" of="KVCache" check="old and new" says="the values: oldest first"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((v, self.values[layer]), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="along the heads" of="KVCache" check="old and new" says="Sizes of tensors must match"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[1]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=1)
            v = torch.cat((self.values[layer], v), dim=1)
        if k.shape[1] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[1]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="joined along the batch" of="KVCache" check="old and new" says="Sizes of tensors must match"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=0)
            v = torch.cat((self.values[layer], v), dim=0)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="values and keys exchanged" of="KVCache" check="old and new" says="keys first, values second"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return v, k


# %% wrong="returns only the new ones" of="KVCache" check="old and new" says="append returns all five"
class KVCache:
    def __init__(self, num_layers, max_len):
        self.max_len = max_len
        self.keys, self.values = [[] for _ in range(num_layers)], [[] for _ in range(num_layers)]

    @property
    def length(self):
        return sum(k.shape[2] for k in self.keys[-1])

    def append(self, layer, k, v):
        if sum(old.shape[2] for old in self.keys[layer]) + k.shape[2] > self.max_len:
            raise ValueError("full")
        self.keys[layer].append(k)
        self.values[layer].append(v)
        return k, v


# %% wrong="values stored as keys" of="KVCache" check="old and new" says="the values: oldest first"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, k
        return k, v


# %% wrong="length counts calls" of="KVCache" check="old and new" says="three tokens were appended"
class KVCache:
    def __init__(self, num_layers, max_len):
        self.max_len, self.calls = max_len, 0
        self.keys, self.values = [None] * num_layers, [None] * num_layers

    @property
    def length(self):
        return self.calls

    def append(self, layer, k, v):
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError("full")
        self.keys[layer], self.values[layer] = k, v
        self.calls += layer == len(self.keys) - 1
        return k, v


# %% wrong="float32 whatever comes" of="KVCache" check="old and new" says="float64 stays float64"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        k, v = k.float(), v.float()
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="length is the first layer's" of="KVCache" check="every layer has its own" says="it grows when the last layer"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[0] is None else self.keys[0].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="every layer adds to length" of="KVCache" check="every layer has its own" says="it grows when the last layer"
class KVCache:
    def __init__(self, num_layers, max_len):
        self.max_len, self.count = max_len, 0
        self.keys, self.values = [None] * num_layers, [None] * num_layers

    @property
    def length(self):
        return self.count

    def append(self, layer, k, v):
        self.count += k.shape[2]
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError("full")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="one pair for all layers" of="KVCache" check="every layer has its own" says="it grows when the last layer"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None]
        self.values: list[Tensor | None] = [None]

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[0] is not None:
            k = torch.cat((self.keys[0], k), dim=2)
            v = torch.cat((self.values[0], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[0], self.values[0] = k, v
        return k, v


# %% wrong="lists on the class" of="KVCache" check="every layer has its own" says="keep the lists on self"
class KVCache:
    keys = {}
    values = {}

    def __init__(self, num_layers, max_len):
        self.num_layers, self.max_len = num_layers, max_len
        if len(KVCache.keys) < num_layers or num_layers < 3:
            KVCache.keys.clear()

    @property
    def length(self):
        last = self.keys.get(self.num_layers - 1)
        return 0 if last is None else last.shape[2]

    def append(self, layer, k, v):
        if layer in self.keys:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise ValueError("full")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="never full" of="KVCache" check="does not fit is refused" says="3 and 2 tokens in a cache for 4"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len + 10**9:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="stored before it is refused" of="KVCache" check="does not fit is refused" says="find out first, store afterwards"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        self.keys[layer], self.values[layer] = k, v
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="keys stored before it is refused" of="KVCache" check="does not fit is refused" says="find out first, store afterwards"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        self.keys[layer] = k
        if k.shape[2] > self.max_len:
            raise ValueError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="counts the new ones alone" of="KVCache" check="does not fit is refused" says="3 and 2 tokens in a cache for 4"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if k.shape[2] > self.max_len:
            raise ValueError("full")
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="an IndexError" of="KVCache" check="does not fit is refused" says="3 and 2 tokens in a cache for 4"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            raise IndexError(f"a cache for {self.max_len} tokens cannot hold {k.shape[2]}")
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="the oldest fall out" of="KVCache" check="does not fit is refused" says="3 and 2 tokens in a cache for 4"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)
            v = torch.cat((self.values[layer], v), dim=2)
        if k.shape[2] > self.max_len:
            k, v = k[:, :, -self.max_len :], v[:, :, -self.max_len :]
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% wrong="room asked of length" of="KVCache" check="does not fit is refused" says="max_len holds in each layer"
class KVCache:

    def __init__(self, num_layers: int, max_len: int) -> None:
        self.max_len = max_len
        self.keys: list[Tensor | None] = [None] * num_layers
        self.values: list[Tensor | None] = [None] * num_layers

    @property
    def length(self) -> int:
        return 0 if self.keys[-1] is None else self.keys[-1].shape[2]  # the last layer is served last

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.length + k.shape[2] > self.max_len:
            raise ValueError("full")
        if self.keys[layer] is not None:
            k = torch.cat((self.keys[layer], k), dim=2)  # (B, G, S, d)
            v = torch.cat((self.values[layer], v), dim=2)
        self.keys[layer], self.values[layer] = k, v
        return k, v


# %% right="room made at the first call" of="KVCache"
class KVCache:
    def __init__(self, num_layers, max_len):
        self.max_len = max_len
        self.room = [None] * num_layers
        self.filled = [0] * num_layers

    @property
    def length(self):
        return self.filled[-1]

    def append(self, layer, k, v):
        start, end = self.filled[layer], self.filled[layer] + k.shape[2]
        if end > self.max_len:
            raise ValueError(f"{end} tokens in a cache for {self.max_len}")
        if self.room[layer] is None:
            B, G, _, d = k.shape
            self.room[layer] = k.new_empty(2, B, G, self.max_len, d)
        self.room[layer][0, :, :, start:end] = k
        self.room[layer][1, :, :, start:end] = v
        self.filled[layer] = end
        return self.room[layer][0, :, :, :end], self.room[layer][1, :, :, :end]


# %% right="a dict of chunks" of="KVCache"
class KVCache:
    def __init__(self, num_layers, max_len):
        self.max_len, self.last = max_len, num_layers - 1
        self.chunks = {layer: [] for layer in range(num_layers)}

    def held(self, layer):
        return sum(k.shape[-2] for k, _ in self.chunks[layer])

    @property
    def length(self):
        return min(self.held(layer) for layer in self.chunks)

    def append(self, layer, k, v):
        if self.held(layer) + k.shape[-2] > self.max_len:
            raise ValueError("the cache is full")
        self.chunks[layer].append((k, v))
        keys, values = zip(*self.chunks[layer], strict=True)
        return torch.cat(keys, -2), torch.cat(values, -2)


# %% right="length as an attribute" of="KVCache"
class KVCache:
    def __init__(self, num_layers, max_len):
        self.max_len = max_len
        self.length = 0
        self.pairs = [None for _ in range(num_layers)]

    def append(self, layer, k, v):
        old = self.pairs[layer]
        if old is not None:
            k, v = (torch.cat(pair, dim=2) for pair in zip(old, (k, v), strict=True))
        if k.size(2) > self.max_len:
            raise ValueError("no room")
        self.pairs[layer] = (k, v)
        if layer == len(self.pairs) - 1:
            self.length = k.size(2)
        return k, v


# %% wrong="no rotation" of="LlamaAttention" check="queries and keys are rotated" says="transformers' numbers"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = split_heads(self.w_q(x), self.num_heads)
        k = split_heads(self.w_k(x), self.num_kv_heads)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="only the queries rotated" of="LlamaAttention" check="queries and keys are rotated" says="rotate both"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = split_heads(self.w_k(x), self.num_kv_heads)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="only the keys rotated" of="LlamaAttention" check="queries and keys are rotated" says="rotate both"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = split_heads(self.w_q(x), self.num_heads)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="values rotated too" of="LlamaAttention" check="queries and keys are rotated" says="values are not rotated"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = apply_rope(split_heads(self.w_v(x), self.num_kv_heads), cos, sin)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="keys turned backwards" of="LlamaAttention" check="queries and keys are rotated" says="rotate both"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, -sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="cosines and sines exchanged" of="LlamaAttention" check="without rotation" says="cos = 1 and sin = 0 change nothing"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), sin, cos)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="rotated in pairs of neighbours" of="LlamaAttention" check="queries and keys are rotated" says="transformers' numbers"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        def rotate(x):
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1).flatten(-2)

        q = rotate(split_heads(self.w_q(x), self.num_heads))
        k = rotate(split_heads(self.w_k(x), self.num_kv_heads))
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="rotated by the first position" of="LlamaAttention" check="queries and keys are rotated" says="transformers' numbers"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos[:1], sin[:1])
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos[:1], sin[:1])
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="heads in turn" of="LlamaAttention" check="without rotation" says="q and k as in GroupedQueryAttention"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat(1, group, 1, 1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="the mask forgotten" of="LlamaAttention" check="without rotation" says="causal mask handed on"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v)
        return self.w_o(merge_heads(out)), weights


# %% wrong="the mask without an axis for heads" of="LlamaAttention" check="without rotation" says="an axis for the heads, before T and S"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask if mask.dim() == 2 else mask.unsqueeze(0)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="the mask upside down" of="LlamaAttention" check="without rotation" says="causal mask handed on"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = ~mask.unsqueeze(-3) | torch.eye(mask.shape[-2], mask.shape[-1], dtype=torch.bool)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="no output matrix" of="LlamaAttention" check="without rotation" says="w_o last"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return merge_heads(out), weights


# %% wrong="out alone" of="LlamaAttention" check="without rotation" says="too many values to unpack"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="values from the keys' matrix" of="LlamaAttention" check="without rotation" says="values from w_v"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_k(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="the cache ignored" of="LlamaAttention" check="in two chunks" says="one new token looks at four"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="appended, but not used" of="LlamaAttention" check="in two chunks" says="use what cache.append returns"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="rotated when it comes back" of="LlamaAttention" check="in two chunks" says="a key goes into the cache rotated"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = split_heads(self.w_k(x), self.num_kv_heads)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        T = x.shape[1]
        k = torch.cat((apply_rope(k[:, :, :-T], cos[:1], sin[:1]), apply_rope(k[:, :, -T:], cos, sin)), dim=2)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="old values forgotten" of="LlamaAttention" check="in two chunks" says="values go through the cache too"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, old = cache.append(layer, k, v)
            v = torch.cat((old[:, :, : -v.shape[2]] * 0, v), dim=2)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="always layer 0" of="LlamaAttention" check="in two chunks" says="layer=1 is the second layer"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(0, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="repeated before the cache" of="LlamaAttention" check="in two chunks" says="repeat for the query heads after it"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if cache is not None:
            k, v = cache.append(layer, k, v)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="keys detached" of="LlamaAttention" check="gradients reach" says="no detach"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x.detach()), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="under no_grad" of="LlamaAttention" check="gradients reach" says="nothing can flow back from out"
class LlamaAttention(GroupedQueryAttention):
    @torch.no_grad()
    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))
        if mask is not None:
            mask = mask.unsqueeze(-3)
        out, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out)), weights


# %% wrong="values and keys back from the cache" of="LlamaAttention" check="in two chunks" says="append returns keys first"
class LlamaAttention(GroupedQueryAttention):

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> tuple[Tensor, Tensor]:
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)  # (B, H, T, d)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)  # (B, G, T, d)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            v, k = cache.append(layer, k, v)  # (B, G, T, d) -> (B, G, S, d)
        group = self.num_heads // self.num_kv_heads
        k, v = (part.repeat_interleave(group, dim=1) for part in (k, v))  # (B, G, S, d) -> (B, H, S, d)
        if mask is not None:
            mask = mask.unsqueeze(-3)  # (B, 1, T, S): the same for every head
        out, weights = scaled_dot_product_attention(q, k, v, mask)  # (B, H, T, d), (B, H, T, S)
        return self.w_o(merge_heads(out)), weights  # (B, T, D)


# %% right="einsum" of="LlamaAttention"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        d = self.w_q.out_features // self.num_heads
        q, k, v = (w(x).unflatten(-1, (-1, d)).transpose(1, 2) for w in (self.w_q, self.w_k, self.w_v))
        q, k = apply_rope(q, cos, sin), apply_rope(k, cos, sin)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        q = q.unflatten(1, (self.num_kv_heads, -1))  # (B, G, H / G, T, d)
        scores = torch.einsum("bgrtd,bgsd->bgrts", q, k) / d**0.5
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3).unsqueeze(-3), float("-inf"))
        weights = scores.softmax(-1)
        out = torch.einsum("bgrts,bgsd->btgrd", weights, v).flatten(2)
        return self.w_o(out), weights.flatten(1, 2)


# %% right="PyTorch's attention for the output" of="LlamaAttention"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        q = apply_rope(split_heads(self.w_q(x), self.num_heads), cos, sin)
        k = apply_rope(split_heads(self.w_k(x), self.num_kv_heads), cos, sin)
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache:
            k, v = cache.append(layer, k, v)
        mask = None if mask is None else mask.unsqueeze(-3)
        out = nn.functional.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True)
        k = k.repeat_interleave(self.num_heads // self.num_kv_heads, dim=1)
        weights = scaled_dot_product_attention(q, k, k, mask)[1]
        return self.w_o(out.transpose(1, 2).flatten(2)), weights


# %% right="rotation written out" of="LlamaAttention"
class LlamaAttention(GroupedQueryAttention):
    def forward(self, x, cos, sin, mask=None, cache=None, layer=0):
        def turn(heads):
            first, second = heads.chunk(2, dim=-1)
            return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)

        q, k = turn(split_heads(self.w_q(x), self.num_heads)), turn(split_heads(self.w_k(x), self.num_kv_heads))
        v = split_heads(self.w_v(x), self.num_kv_heads)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        which = torch.arange(self.num_heads) // (self.num_heads // self.num_kv_heads)
        out, weights = scaled_dot_product_attention(q, k[:, which], v[:, which], None if mask is None else mask[..., None, :, :])
        return self.w_o(merge_heads(out)), weights


# %% wrong="no second norm" of="LlamaBlock" check="what each branch adds" says="by feed_forward_norm"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(x)


# %% wrong="one norm for both" of="LlamaBlock" check="what each branch adds" says="by feed_forward_norm"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.attention_norm(x))


# %% wrong="no first norm" of="LlamaBlock" check="as transformers'" says="attention first"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(x, cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="norms exchanged" of="LlamaBlock" check="what each branch adds" says="by feed_forward_norm"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.feed_forward_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.attention_norm(x))


# %% wrong="post-norm" of="LlamaBlock" check="what each branch adds" says="of the normalised x"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = self.attention_norm(x + self.attention(x, cos, sin, mask, cache, layer)[0])
        return self.feed_forward_norm(x + self.feed_forward(x))


# %% wrong="the norm after attention, as its name sounds" of="LlamaBlock" check="what each branch adds" says="by feed_forward_norm"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.feed_forward_norm(self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0])
        return x + self.feed_forward(x)


# %% wrong="the stream normalised" of="LlamaBlock" check="what each branch adds" says="of the normalised x"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        x = self.feed_forward_norm(x)
        return x + self.feed_forward(x)


# %% wrong="no residual around attention" of="LlamaBlock" check="what each branch adds" says="x plus the feed-forward layer"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="no residual around the feed-forward layer" of="LlamaBlock" check="what each branch adds" says="x plus the feed-forward layer"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return self.feed_forward(self.feed_forward_norm(x))


# %% wrong="both branches read x" of="LlamaBlock" check="as transformers'" says="reads, and is added to, what attention has left"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        return x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0] + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="the feed-forward layer first" of="LlamaBlock" check="as transformers'" says="attention first"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.feed_forward(self.feed_forward_norm(x))
        return x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]


# %% wrong="added to the block's input" of="LlamaBlock" check="as transformers'" says="is added to, what attention has left"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        h = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(h))


# %% wrong="the mask forgotten" of="LlamaBlock" check="as transformers'" says="mask handed on"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, None, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="the default eps" of="LlamaBlock" check="as transformers'" says="eps=0.5 belongs to both norms"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="eps for the first norm alone" of="LlamaBlock" check="as transformers'" says="eps=0.5 belongs to both norms"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="the cache forgotten" of="LlamaBlock" check="the cache and the layer reach" says="hand cache on to attention"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="the layer forgotten" of="LlamaBlock" check="the cache and the layer reach" says="hand layer on to attention"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="as many KV heads as heads" of="LlamaBlock" check="four parts" says="hand num_heads and num_kv_heads on"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="biases in the feed-forward layer" of="LlamaBlock" check="four parts" says="no biases anywhere"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff, bias=True)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="a layer norm" of="LlamaBlock" check="four parts" says="as in the table"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="both results returned" of="LlamaBlock" check="what each branch adds" says=""
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x)), None


# %% right="two names" of="LlamaBlock"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(d_model, eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        added, _ = self.attention(self.attention_norm(x), cos, sin, mask=mask, cache=cache, layer=layer)
        h = x + added
        return h + self.feed_forward(self.feed_forward_norm(h))


# %% right="parts in another order" of="LlamaBlock"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = RMSNorm(d_model, eps)
        self.feed_forward = SwiGLU(d_model, d_ff, bias=False)
        self.attention_norm = RMSNorm(d_model, eps=eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% right="PyTorch's own norm" of="LlamaBlock"
class LlamaBlock(nn.Module):
    def __init__(self, d_model: int, num_heads: int, num_kv_heads: int, d_ff: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(d_model, eps=eps)
        self.attention = LlamaAttention(d_model, num_heads, num_kv_heads)
        self.feed_forward_norm = nn.RMSNorm(d_model, eps=eps)
        self.feed_forward = SwiGLU(d_model, d_ff)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None, cache: "KVCache | None" = None,
                layer: int = 0) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin, mask, cache, layer)[0]
        return x + self.feed_forward(self.feed_forward_norm(x))


# %% wrong="no last norm" of="Llama" check="the logits of transformers" says="embeddings, blocks, last norm, head"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(x)


# %% wrong="a norm on the embeddings too" of="Llama" check="the logits of transformers" says="embeddings, blocks, last norm, head"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.norm(self.embedding(ids))
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="embeddings scaled" of="Llama" check="the logits of transformers" says="embeddings, blocks, last norm, head"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids) * self.embedding.embedding_dim**0.5
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="no causal mask" of="Llama" check="the logits of transformers" says=""
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[-1] + 0 * places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="the future instead of the past" of="Llama" check="the logits of transformers" says="the first token sees itself alone"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places >= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="not even itself" of="Llama" check="the logits of transformers" says=""
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = (places < places[start:, None]) | (places == 0)
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="one block, again and again" of="Llama" check="the parts, and what is saved" says="two blocks of 352"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList([LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps)] * num_layers)
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="blocks in a list" of="Llama" check="the parts, and what is saved" says="embedding, blocks, norm and head"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = [LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers)]
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="a head with a bias" of="Llama" check="the parts, and what is saved" says="head without bias"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="a position table" of="Llama" check="the parts, and what is saved" says="embedding, blocks, norm and head"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.positions = nn.Embedding(max_seq_len, d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="buffers that are saved" of="Llama" check="the parts, and what is saved" says="persistent=False"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=True)
        self.register_buffer("sin", sin, persistent=True)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="plain attributes" of="Llama" check="the parts, and what is saved" says="self.register_buffer"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.cos = cos
        self.sin = sin
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="the base forgotten" of="Llama" check="the parts, and what is saved" says="rope_frequencies(max_seq_len, d, rope_base)"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="tables for the whole width" of="Llama" check="the parts, and what is saved" says="d = D / H"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="sines and cosines exchanged" of="Llama" check="the parts, and what is saved" says="rope_frequencies(max_seq_len, d, rope_base)"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        sin, cos = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="a tied copy" of="Llama" check="tied, with another base" says="not a copy of it"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = nn.Parameter(self.embedding.weight.detach().clone())
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="never tied" of="Llama" check="tied, with another base" says="not a copy of it"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="always tied" of="Llama" check="the parts, and what is saved" says="embedding and head each"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="eps not for the last norm" of="Llama" check="tied, with another base" says="and for the last norm"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="eps not for the blocks" of="Llama" check="tied, with another base" says="eps=0.01 for the blocks"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="positions from 0 in every step" of="Llama" check="with a cache" says="rows of cos and sin from cache.length on"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[: end - start], self.sin[: end - start], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="the mask of the chunk alone" of="Llama" check="with a cache" says=""
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = (places >= start) & (places <= places[start:, None])
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="a chunk sees all of itself" of="Llama" check="with a cache" says="query t sees keys 0 … start + t"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            allowed = allowed if cache is None else None
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="every block in layer 0" of="Llama" check="with a cache" says="block i appends to layer i"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, 0)
        return self.head(self.norm(x))


# %% wrong="the length looked up in every block" of="Llama" check="with a cache" says=""
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        T = ids.shape[1]
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
            start = 0 if cache is None else cache.keys[layer].shape[2]
            end = start + T
        return self.head(self.norm(x))


# %% wrong="the cache not handed on" of="Llama" check="with a cache" says="one token has gone through"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[start:end], self.sin[start:end], allowed)
        return self.head(self.norm(x))


# %% wrong="the padding mask alone" of="Llama" check="a mask for padding" says="joined by &"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="the padding mask ignored" of="Llama" check="a mask for padding" says="must not see its token 2"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="joined by or" of="Llama" check="a mask for padding" says="joined by &"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed | mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="no error when too long" of="Llama" check="too long" says="four tokens, the tables end after three"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="one too few" of="Llama" check="too long" says="your code raised ValueError"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end >= len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="only the new tokens counted" of="Llama" check="too long" says="two in the cache and two new ones"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if ids.shape[1] > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="a mask on the CPU" of="Llama" check="too long" says=""
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="detached embeddings" of="Llama" check="gradients reach" says="got no gradient"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids).detach()
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="under no_grad" of="Llama" check="gradients reach" says="nothing can flow back from the logits"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    @torch.no_grad()
    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="no gradient from block to block" of="Llama" check="gradients reach" says="got no gradient"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x.detach() if layer else x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="the last state detached" of="Llama" check="gradients reach" says="got no gradient"
class Llama(nn.Module):

    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)  # (max_seq_len, d / 2) each
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]  # (T, S): keys up to the query's own place
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)  # (B, T, D)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x).detach())  # (B, T, V)


# %% wrong="logits detached" of="Llama" check="gradients reach" says="nothing can flow back from the logits"
class Llama(nn.Module):

    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)  # (max_seq_len, d / 2) each
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]  # (T, S): keys up to the query's own place
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)  # (B, T, D)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x)).detach()  # (B, T, V)


# %% wrong="the mask kept from the blocks" of="Llama" check="the logits of transformers" says="mask handed to each block"
class Llama(nn.Module):

    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)  # (max_seq_len, d / 2) each
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]  # (T, S): keys up to the query's own place
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)  # (B, T, D)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], None, cache, layer)
        return self.head(self.norm(x))  # (B, T, V)


# %% right="the square mask, cut" of="Llama"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        allowed = torch.ones(end, end, dtype=torch.bool, device=ids.device).tril()[start:]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% right="layers counted by hand" of="Llama"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        places = torch.arange(end, device=ids.device)
        allowed = places <= places[start:, None]
        if mask is not None:
            allowed = allowed & mask
        x = self.embedding(ids)
        cos, sin = self.cos[start:end], self.sin[start:end]
        for number in range(len(self.blocks)):
            x = self.blocks[number](x, cos=cos, sin=sin, mask=allowed, cache=cache, layer=number)
        return nn.functional.linear(self.norm(x), self.head.weight)


# %% right="tril with a diagonal" of="Llama"
class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_kv_heads: int, num_layers: int, d_ff: int,
                 max_seq_len: int, rope_base: float = 10000.0, eps: float = 1e-5, tied: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(LlamaBlock(d_model, num_heads, num_kv_heads, d_ff, eps) for _ in range(num_layers))
        self.norm = RMSNorm(d_model, eps)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(max_seq_len, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, cache: "KVCache | None" = None, mask: Tensor | None = None) -> Tensor:
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > len(self.cos):
            raise ValueError(f"{end} tokens, but the tables of positions end after {len(self.cos)}")
        T = end - start
        allowed = ids.new_ones((T, end), dtype=torch.bool).tril(start)
        allowed = allowed if mask is None else torch.logical_and(allowed, mask)
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos[start:end], self.sin[start:end], allowed, cache, layer)
        return self.head(self.norm(x))


# %% wrong="gate and up exchanged" of="load_smollm2" check="every tensor" says="gate_proj is gate"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": "", ".gate": ".ups", ".up.": ".gate.", ".ups": ".up"}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="norms exchanged" of="load_smollm2" check="every tensor" says="input_layernorm stands before attention"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "feed_forward_norm", "post_attention_layernorm": "attention_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="queries and outputs exchanged" of="load_smollm2" check="every tensor" says="q_proj of layer 1"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": "", "w_o": "w_x", "w_q": "w_o", "w_x": "w_q"}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="not strict, and a name missing" of="load_smollm2" check="every tensor" says="post_attention_layernorm stands before"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state, strict=False)
    return model


# %% wrong="not strict, and nothing renamed" of="load_smollm2" check="every tensor" says="embed_tokens is embedding"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(ours, theirs) if ours in theirs else name
        state[name] = weight
    if config["tie_word_embeddings"]:
        pass
    model.load_state_dict(state, strict=False)
    return model


# %% wrong="the head forgotten" of="load_smollm2" check="every tensor" says="your code raised RuntimeError"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    model.load_state_dict(state)
    return model


# %% wrong="matrices transposed" of="load_smollm2" check="every tensor" says="q_proj of layer 1"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight.T if weight.dim() == 2 and weight.shape[0] == weight.shape[1] else weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="always reordered" of="load_smollm2" check="every tensor" says="its rows are not interleaved here"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="the last layer only" of="load_smollm2" check="every tensor" says=""
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight * 0 if ".0." in name else weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="the default eps" of="load_smollm2" check="the settings" says="rms_norm_eps"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  1e-5, config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="the default base" of="load_smollm2" check="the settings" says="with base rope_theta"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], 10000.0,
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="a context of its own" of="load_smollm2" check="the settings" says="max_position_embeddings rows"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], 2048, config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="as many KV heads as heads" of="load_smollm2" check="every tensor" says="your code raised RuntimeError"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, H, config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="the model as it was made" of="load_smollm2" check="every tensor" says="embed_tokens is embedding"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    return model


# %% wrong="reordered the other way" of="load_smollm2" check="interleaved rows" says="first rows 0, 2, 4, 6"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, 2, D // H // 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="reordered across heads" of="load_smollm2" check="interleaved rows" says="within each head"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            weight = torch.cat((weight[0::2], weight[1::2]))
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="never reordered" of="load_smollm2" check="interleaved rows" says="within each head"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if not interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="queries alone" of="load_smollm2" check="interleaved rows" says="keys too"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith("q_proj.weight"):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="values reordered too" of="load_smollm2" check="interleaved rows" says="values are not rotated"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="as many heads of keys as of queries" of="load_smollm2" check="interleaved rows" says="keys too"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (H, -1, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="view instead of transpose" of="load_smollm2" check="interleaved rows" says="within each head"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="the dict changed" of="load_smollm2" check="interleaved rows" says="leave the dict that you were given"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in list(weights.items()):
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = weights[name] = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="never tied" of="load_smollm2" check="tied or not" says="tied: head.weight is embedding.weight"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], False)
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="always tied" of="load_smollm2" check="tied or not" says=""
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], True)
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if True:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="not strict" of="load_smollm2" check="every tensor" says="leave load_state_dict strict"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))  # (heads, d / 2, 2, D)
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state, strict=False)
    return model


# %% wrong="keys and values exchanged" of="load_smollm2" check="every tensor" says="k_proj is w_k"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": "",
             "w_k": "w_x", "w_v": "w_k", "w_x": "w_v"}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))  # (heads, d / 2, 2, D)
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% wrong="the head put into the dict that was given" of="load_smollm2" check="interleaved rows" says="a dict of your own"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))  # (heads, d / 2, 2, D)
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state)
    return model


# %% right="names one by one" of="load_smollm2"
def load_smollm2(weights, config, interleaved=False):
    heads = config["num_attention_heads"]
    model = Llama(vocab_size=config["vocab_size"], d_model=config["hidden_size"], num_heads=heads,
                  num_kv_heads=config["num_key_value_heads"], num_layers=config["num_hidden_layers"],
                  d_ff=config["intermediate_size"], max_seq_len=config["max_position_embeddings"],
                  rope_base=config["rope_theta"], eps=config["rms_norm_eps"], tied=config["tie_word_embeddings"])
    d = config["hidden_size"] // heads
    order = torch.cat((torch.arange(0, d, 2), torch.arange(1, d, 2)))

    def rows(name):
        w = weights[name + ".weight"]
        return torch.cat([head[order] for head in w.split(d)]) if interleaved else w

    with torch.no_grad():
        model.embedding.weight.copy_(weights["model.embed_tokens.weight"])
        model.norm.weight.copy_(weights["model.norm.weight"])
        if not config["tie_word_embeddings"]:
            model.head.weight.copy_(weights["lm_head.weight"])
        for i, block in enumerate(model.blocks):
            p = f"model.layers.{i}."
            block.attention_norm.weight.copy_(weights[p + "input_layernorm.weight"])
            block.feed_forward_norm.weight.copy_(weights[p + "post_attention_layernorm.weight"])
            block.attention.w_q.weight.copy_(rows(p + "self_attn.q_proj"))
            block.attention.w_k.weight.copy_(rows(p + "self_attn.k_proj"))
            block.attention.w_v.weight.copy_(weights[p + "self_attn.v_proj.weight"])
            block.attention.w_o.weight.copy_(weights[p + "self_attn.o_proj.weight"])
            for part in ("gate", "up", "down"):
                getattr(block.feed_forward, part).weight.copy_(weights[p + f"mlp.{part}_proj.weight"])
    return model


# %% right="a regular expression, and the tied name left out" of="load_smollm2"
def load_smollm2(weights, config, interleaved=False):
    import re

    c = config
    model = Llama(c["vocab_size"], c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"],
                  c["num_hidden_layers"], c["intermediate_size"], c["max_position_embeddings"], c["rope_theta"],
                  c["rms_norm_eps"], c["tie_word_embeddings"])
    parts = {"input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm"}
    parts |= {f"self_attn.{x}_proj": f"attention.w_{x}" for x in "qkvo"}
    parts |= {f"mlp.{x}_proj": f"feed_forward.{x}" for x in ("gate", "up", "down")}
    whole = {"model.embed_tokens.weight": "embedding.weight", "model.norm.weight": "norm.weight",
             "lm_head.weight": "head.weight"}
    state = {}
    for name, weight in weights.items():
        found = re.fullmatch(r"model\.layers\.(\d+)\.(.+)\.weight", name)
        if interleaved and re.search("[qk]_proj", name):
            heads = weight.shape[0] // (c["hidden_size"] // c["num_attention_heads"])
            weight = weight.reshape(heads, -1, 2, weight.shape[1]).permute(0, 2, 1, 3).reshape(weight.shape)
        state[f"blocks.{found[1]}.{parts[found[2]]}.weight" if found else whole[name]] = weight
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and missing in ([], ["head.weight"])
    return model


# %% right="weights assigned, then tied again" of="load_smollm2"
def load_smollm2(weights: dict[str, Tensor], config: dict, interleaved: bool = False) -> Llama:
    D, H = config["hidden_size"], config["num_attention_heads"]
    model = Llama(config["vocab_size"], D, H, config["num_key_value_heads"], config["num_hidden_layers"],
                  config["intermediate_size"], config["max_position_embeddings"], config["rope_theta"],
                  config["rms_norm_eps"], config["tie_word_embeddings"])
    names = {"model.embed_tokens": "embedding", "model.layers": "blocks", "model.norm": "norm", "lm_head": "head",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "feed_forward_norm",
             "self_attn.": "attention.w_", "mlp.": "feed_forward.", "_proj": ""}
    state = {}
    for name, weight in weights.items():
        if interleaved and name.endswith(("q_proj.weight", "k_proj.weight")):
            pairs = weight.unflatten(0, (-1, D // H // 2, 2))
            weight = pairs.transpose(1, 2).reshape(weight.shape)
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = weight
    if config["tie_word_embeddings"]:
        state["head.weight"] = state["embedding.weight"]
    model.load_state_dict(state, assign=True)
    if config["tie_word_embeddings"]:
        model.head.weight = model.embedding.weight
    return model


# %% wrong="the new tokens alone" of="generate" check="the prompt and what follows" says=""
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids[:, -length:] if length else ids[:, :0]


# %% wrong="one token too many" of="generate" check="the prompt and what follows" says=""
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length + 1):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="one token too few" of="generate" check="the prompt and what follows" says=""
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length - 1):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="the first position's logits" of="generate" check="the prompt and what follows" says="argmax of the last position"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, 0]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="always one token shown" of="generate" check="the prompt and what follows" says="argmax of the last position"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = following
    return ids


# %% wrong="new tokens in front" of="generate" check="the prompt and what follows" says="joined to the text"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((following, ids), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="the prompt shown every time" of="generate" check="the prompt and what follows" says="argmax of the last position"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
    return ids


# %% wrong="the prompt changed" of="generate" check="the prompt and what follows" says="leave the prompt as it is"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    given = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    given.zero_()
    return ids


# %% wrong="everything shown beside the cache" of="generate" check="with a cache" says="one token at a time"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids
    return ids


# %% wrong="the cache not handed on" of="generate" check="with a cache" says="with a cache: the same tokens"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="the cache ignored" of="generate" check="with a cache" says="one token at a time"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    for _ in range(length):
        logits = model(ids)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
    return ids


# %% wrong="two tokens shown" of="generate" check="with a cache" says="one token at a time"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else ids[:, -2:]
    return ids


# %% wrong="the prompt without its last token" of="generate" check="with a cache" says="the prompt once"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids if cache is None else ids[:, :-1]
    if cache is not None and ids.shape[1] > 1:
        model(fresh, cache)
        fresh = ids[:, -1:]
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="greedy whatever is asked" of="generate" check="another way to choose" says="choose is handed the last position's logits"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = logits.argmax(-1)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="probabilities handed to choose" of="generate" check="another way to choose" says="no softmax"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits.softmax(-1))[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="a cache of its own" of="generate" check="with a cache" says=""
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    cache = None
    for _ in range(length):
        logits = model(fresh, cache)[:, -1]
        following = choose(logits)[:, None]
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% wrong="the last position with its axis" of="generate" check="another way to choose" says="choose is handed the last position"
@torch.no_grad()
def generate(model: Callable[..., Tensor], ids: Tensor, length: int, cache: KVCache | None = None,
             choose: Callable[[Tensor], Tensor] = greedy) -> Tensor:
    fresh = ids
    for _ in range(length):
        logits = model(fresh, cache)[:, -1:]
        following = choose(logits)
        ids = torch.cat((ids, following), dim=1)
        fresh = ids if cache is None else following
    return ids


# %% right="only what the cache lacks" of="generate"
@torch.no_grad()
def generate(model, ids, length, cache=None, choose=greedy):
    for _ in range(length):
        seen = 0 if cache is None else cache.length
        logits = model(ids[:, seen:], cache=cache)
        ids = torch.cat([ids, choose(logits[:, -1, :]).unsqueeze(-1)], dim=-1)
    return ids


# %% right="a list of columns" of="generate"
def generate(model, ids, length, cache=None, choose=greedy):
    columns, shown = [ids], ids
    with torch.inference_mode():
        for _ in range(length):
            new = choose(model(shown, cache)[:, -1]).reshape(-1, 1)
            columns.append(new)
            shown = torch.hstack(columns) if cache is None else new
    return torch.hstack(columns)


# %% right="filled in place" of="generate"
@torch.no_grad()
def generate(model, ids, length, cache=None, choose=greedy):
    B, T = ids.shape
    out = torch.cat((ids, ids.new_zeros(B, length)), dim=1)
    for end in range(T, T + length):
        start = 0 if cache is None or end == T else end - 1
        out[:, end] = choose(model(out[:, start:end], cache)[:, -1])
    return out


# %% wrong="one for every weight" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="the embedding too" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + 2 * model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="all parameters" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = sum(counts.values())
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="a tied head for nothing" of="flops_per_token" check="two for every weight" says="tied: the embedding matrix multiplies"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + counts["output"]
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="no head" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"]
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="one layer" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = (counts["attention"] + counts["feed_forward"]) // model.num_layers + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="norms too" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["norms"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="two matrices in the feed-forward layer" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + 2 * model.num_layers * model.d_model * model.d_ff + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="scores alone" of="flops_per_token" check="attention grows" says="5 tokens of context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices + 2 * model.num_layers * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="attention in one layer" of="flops_per_token" check="attention grows" says="5 tokens of context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.d_model * context
    return 3 * flops if training else flops


# %% wrong="no context" of="flops_per_token" check="attention grows" says="5 tokens of context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices
    return 3 * flops if training else flops


# %% wrong="the square of the context" of="flops_per_token" check="attention grows" says="5 tokens of context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context**2
    return 3 * flops if training else flops


# %% wrong="scores of the KV heads only" of="flops_per_token" check="attention grows" says="5 tokens of context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.kv_width * context
    return 3 * flops if training else flops


# %% wrong="twice in training" of="flops_per_token" check="attention grows" says="everything three times"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 2 * flops if training else flops


# %% wrong="always training" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    flops = 2 * matrices + 4 * model.num_layers * model.d_model * context
    return 3 * flops


# %% wrong="only the matrices three times" of="flops_per_token" check="attention grows" says="everything three times"
def flops_per_token(model: Architecture, context: int, training: bool = False) -> int:
    counts = parameter_share(model)[1]
    matrices = counts["attention"] + counts["feed_forward"] + model.vocab_size * model.d_model
    return 2 * matrices * (3 if training else 1) + 4 * model.num_layers * model.d_model * context


# %% wrong="six N" of="flops_per_token" check="two for every weight" says="no context"
def flops_per_token(model, context, training=False):
    N = sum(parameter_share(model)[1].values())
    return 6 * N if training else 2 * N


# %% right="written out" of="flops_per_token"
def flops_per_token(model, context, training=False):
    D, K, F = model.d_model, model.kv_width, model.d_ff
    block = 2 * D * D + 2 * D * K + (3 if model.gated else 2) * D * F
    scores = 2 * D * context
    total = model.num_layers * (2 * block + 2 * scores) + 2 * D * model.vocab_size
    return total * (3 if training else 1)


# %% right="from the sum" of="flops_per_token"
def flops_per_token(model, context, training=False):
    _, counts = parameter_share(replace(model, tied=False, table_rows=0))
    weights = sum(counts.values()) - counts["embeddings"] - counts["norms"]
    attention = 2 * (2 * model.d_model * context) * model.num_layers
    return (1 + 2 * training) * (2 * weights + attention)


# %% right="step by step" of="flops_per_token"
def flops_per_token(model, context, training=False):
    share, counts = parameter_share(model)
    forward = 2 * counts["attention"]
    forward += 2 * counts["feed_forward"]
    forward += 2 * model.vocab_size * model.d_model
    for _ in range(model.num_layers):
        forward += 2 * model.d_model * context  # scores
        forward += 2 * model.d_model * context  # averages
    return forward + 2 * forward if training else forward


# %% equivalent="180fcbb9" of="KVCache" because="there are as many values as keys"

# %% equivalent="146f6054" of="Llama" because="the width of a head is whole, as a float too, and arange counts alike"

# %% equivalent="26cd8193" of="Llama" because="a mask of bools carries no gradient"

# %% equivalent="a741746e" of="load_smollm2" because="endswith does not care about the order of its endings"
