# %% wrong="no norm" of="CausalSelfAttention" check="heads with normalised, turned" says="split, then q_norm and k_norm"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(q, cos, sin)
        k = apply_rope(k, cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="one norm for both" of="CausalSelfAttention" check="heads with normalised, turned" says="q_norm and k_norm"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.q_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="turned before it is normalised" of="CausalSelfAttention" check="heads with normalised, turned" says="then turn"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = self.q_norm(apply_rope(q, cos, sin))
        k = self.k_norm(apply_rope(k, cos, sin))
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="not turned" of="CausalSelfAttention" check="heads with normalised, turned" says="then turn"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = self.q_norm(q)
        k = self.k_norm(k)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="only queries turned" of="CausalSelfAttention" check="heads with normalised, turned" says="then turn"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = self.k_norm(k)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="values turned too" of="CausalSelfAttention" check="heads with normalised, turned" says="then turn"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        v = apply_rope(v, cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="values normalised too" of="CausalSelfAttention" check="heads with normalised, turned" says="neither normalised nor turned"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        v = self.k_norm(v)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="the future is seen" of="CausalSelfAttention" check="heads with normalised, turned" says="w_o(w_v(x))"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=False)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="without w_o" of="CausalSelfAttention" check="heads with normalised, turned" says="w_o(w_v(x))"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return merge_heads(out)


# %% wrong="heads laid end to end by a view" of="CausalSelfAttention" check="heads with normalised, turned" says="w_o(w_v(x))"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(out.reshape(x.shape))


# %% wrong="heads not merged" of="CausalSelfAttention" check="heads with normalised, turned" says="your code raised RuntimeError"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(out)


# %% wrong="the input is added" of="CausalSelfAttention" check="heads with normalised, turned" says="w_o(w_v(x))"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return x + self.w_o(merge_heads(out))


# %% wrong="scores not scaled" of="CausalSelfAttention" check="heads with normalised, turned" says="split, then q_norm and k_norm"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="scaled twice" of="CausalSelfAttention" check="heads with normalised, turned" says="split, then q_norm and k_norm"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1 / q.shape[-1])
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="positions of its own" of="CausalSelfAttention" check="heads with normalised, turned" says="use the cos and sin that are handed in"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        cos, sin = rope_frequencies(x.shape[1], x.shape[2] // self.num_heads)
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="always fused" of="CausalSelfAttention" check="the course's attention gives the same" says="must not call PyTorch's fused attention"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if True:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="never fused" of="CausalSelfAttention" check="the course's attention gives the same" says="fused=True calls F.scaled"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if False:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="no mask in the other branch" of="CausalSelfAttention" check="the course's attention gives the same" says="with the causal mask"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            out, _ = scaled_dot_product_attention(q, k, v)
        return self.w_o(merge_heads(out))


# %% wrong="the mask upside down" of="CausalSelfAttention" check="the course's attention gives the same" says="with the causal mask"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).T
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="attention outside of autocast" of="CausalSelfAttention" check="under autocast" says="leave dtypes to autocast"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            with torch.autocast(x.device.type, enabled=False):
                out = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=True).to(v.dtype)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% wrong="the last product outside of autocast" of="CausalSelfAttention" check="under autocast" says="leave dtypes to autocast"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        with torch.autocast(x.device.type, enabled=False):
            return self.w_o(merge_heads(out).to(self.w_o.weight.dtype))


# %% wrong="everything in bfloat16" of="CausalSelfAttention" check="heads with normalised, turned" says="w_o(w_v(x))"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        q, k, v = q.bfloat16(), k.bfloat16(), v.bfloat16()
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out).float())


# %% right="a line for each of the three" of="CausalSelfAttention"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        B, T, D = x.shape
        q = self.w_q(x).view(B, T, self.num_heads, -1).transpose(1, 2)
        k = self.w_k(x).view(B, T, self.num_heads, -1).transpose(1, 2)
        v = self.w_v(x).view(B, T, self.num_heads, -1).transpose(1, 2)
        q, k = self.q_norm(q), self.k_norm(k)
        q, k = apply_rope(q, cos, sin).type_as(v), apply_rope(k, cos, sin).type_as(v)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            y = scaled_dot_product_attention(q, k, v, causal_mask(T).to(x.device))[0]
        return self.w_o(y.transpose(1, 2).reshape(B, T, D))


# %% right="an explicit mask for the fused attention" of="CausalSelfAttention"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=causal_mask(x.shape[1]).to(x.device))
        else:
            mask = causal_mask(x.shape[1]).to(x.device)
            out, _ = scaled_dot_product_attention(q, k, v, mask)
        return self.w_o(merge_heads(out))


# %% right="queries and keys in one go" of="CausalSelfAttention"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        v = split_heads(self.w_v(x), self.num_heads)
        q, k = (apply_rope(norm(split_heads(project(x), self.num_heads)), cos, sin).to(v.dtype)
                for project, norm in ((self.w_q, self.q_norm), (self.w_k, self.k_norm)))
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        attend = partial_fused if self.fused else scaled_dot_product_attention
        out = attend(q, k, v, mask)
        return self.w_o(merge_heads(out if self.fused else out[0]))


def partial_fused(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


# %% wrong="no norm at the end" of="Decoder" check="the logits of the whole model" says="the last norm"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(x)


# %% wrong="only the last block counts" of="Decoder" check="the logits of the whole model" says="every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            y = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(y))


# %% wrong="the blocks in reverse" of="Decoder" check="the logits of the whole model" says="every block once and in order"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in reversed(self.blocks):
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="one block, used by all layers" of="Decoder" check="the logits of the whole model" says="every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList([Block(d_model, num_heads, d_ff, fused)] * num_layers)
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="a residual around the blocks" of="Decoder" check="the logits of the whole model" says="every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = x + block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="the embedding scaled by the root of D" of="Decoder" check="the logits of the whole model" says="embedding, every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids) * math.sqrt(self.embedding.embedding_dim)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="angles of the whole model's width" of="Decoder" check="the logits of the whole model" says="your code raised RuntimeError"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="the base is forgotten" of="Decoder" check="the logits of the whole model" says="rope_frequencies(length, D / H, rope_base)"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="all angles for a short text" of="Decoder" check="the logits of the whole model" says="your code raised RuntimeError"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.head(self.norm(x))


# %% wrong="the last angles for a short text" of="Decoder" check="the logits of the whole model" says="embedding, every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T].flip(0), self.sin[:T].flip(0))
        return self.head(self.norm(x))


# %% wrong="cosine and sine exchanged" of="Decoder" check="the logits of the whole model" says="embedding, every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.sin[:T], self.cos[:T])
        return self.head(self.norm(x))


# %% wrong="fused is forgotten" of="Decoder" check="the logits of the whole model" says="fused=False must reach every block"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="d_ff is forgotten" of="Decoder" check="the logits of the whole model" says="5 tokens of at most 16, d_ff = 40"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, 8 * math.ceil(d_model / 3), fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="probabilities in place of logits" of="Decoder" check="the logits of the whole model" says="the head"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x)).log_softmax(-1)


# %% wrong="logits of the last token alone" of="Decoder" check="the logits of the whole model" says="one row for each token"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x[:, -1]))


# %% wrong="the head as it comes" of="Decoder" check="what it begins with" says="a head of zeros"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="a small embedding" of="Decoder" check="what it begins with" says="normal with deviation 1"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="a tied embedding of deviation 1" of="Decoder" check="what it begins with" says="tied: deviation 0.02"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="tied, and then zeros" of="Decoder" check="what it begins with" says="tied: deviation 0.02"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        if tied:
            self.head.weight = self.embedding.weight
        nn.init.zeros_(self.head.weight)
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="branches filled after all" of="Decoder" check="what it begins with" says="keep Block's zeros"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        for parameter in self.blocks.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="a head with a bias" of="Decoder" check="the logits of the whole model" says="the head"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="a copy of the table in place of the table" of="Decoder" check="parameters and buffers" says="are one parameter"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = nn.Parameter(self.embedding.weight.detach().clone())
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="angles are no buffers" of="Decoder" check="parameters and buffers" says="register_buffer(…, persistent=False)"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.cos, self.sin = cos, sin

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="angles are saved" of="Decoder" check="parameters and buffers" says="are not saved"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="a list of blocks that nobody finds" of="Decoder" check="the logits of the whole model" says="every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = [Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers)]
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="angles are learnt" of="Decoder" check="the logits of the whole model" says="embedding, every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.cos = nn.Parameter(cos)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% wrong="the stream in 16 bits" of="Decoder" check="parameters and buffers" says="under autocast"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
            x = x.bfloat16() if torch.is_autocast_enabled("cpu") else x
        return self.head(self.norm(x))


# %% wrong="only the model's first layer" of="Decoder" check="the logits of the whole model" says="every block once"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(1))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% right="shorter names, reduced loops" of="Decoder"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        for name, table in zip(("cos", "sin"), rope_frequencies(length, d_model // num_heads, rope_base), strict=True):
            self.register_buffer(name, table, persistent=False)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        self.norm = RMSNorm(d_model)
        self.blocks = nn.ModuleList([Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers)])
        self.embedding = nn.Embedding(vocab_size, d_model)
        with torch.no_grad():
            if tied:
                self.head.weight = self.embedding.weight
                self.embedding.weight.mul_(0.02)
            else:
                self.head.weight.zero_()

    def forward(self, ids):
        x = F.embedding(ids, self.embedding.weight)
        angles = self.cos[: ids.size(1)], self.sin[: ids.size(1)]
        for block in self.blocks:
            x = block(x, *angles)
        return F.linear(self.norm(x), self.head.weight)


# %% right="the tied table through the head" of="Decoder"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            nn.init.normal_(self.head.weight, std=0.02)
            self.embedding.weight = self.head.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))


# %% right="functools over the blocks" of="Decoder"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        depth = 0
        while depth < len(self.blocks):
            x = self.blocks[depth](x, self.cos[:T], self.sin[:T])
            depth += 1
        return self.head(self.norm(x))


# %% right="a buffer that is sliced by narrow" of="Decoder"
class Decoder(nn.Module):
    def __init__(self, vocab_size, d_model, num_heads, num_layers, length, d_ff=None, tied=False, rope_base=10000.0,
                 fused=True):
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, fused) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos.narrow(0, 0, T), self.sin.narrow(0, 0, T))
        return self.head(self.norm(x))


# %% wrong="Muon for every matrix" of="build_optimizer" check="Muon for the matrices of the blocks" says="Muon: matrices of model.blocks"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="Muon for the norms too" of="build_optimizer" check="Muon for the matrices of the blocks" says="norms without"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = list(model.blocks.parameters()) if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="both optimizers move the blocks" of="build_optimizer" check="Muon for the matrices of the blocks" says="Each once"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    rest = list(model.parameters())
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="norms are decayed" of="build_optimizer" check="Muon for the matrices of the blocks" says="norms without"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": weight_decay}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="nothing that AdamW moves is decayed" of="build_optimizer" check="Muon for the matrices of the blocks" says="embedding, head with decay"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": 0.0},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="the embedding is not decayed" of="build_optimizer" check="Muon for the matrices of the blocks" says="embedding, head with decay"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2 and p is not model.embedding.weight], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2 or p is model.embedding.weight], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="the last norm is forgotten" of="build_optimizer" check="Muon for the matrices of the blocks" says="norms without"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2 and p is not model.norm.weight], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="rates exchanged" of="build_optimizer" check="Muon for the matrices of the blocks" says="Muon: matrices of model.blocks"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, muon_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=adamw_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="Muon without decay" of="build_optimizer" check="Muon for the matrices of the blocks" says="Muon: matrices"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum), others)


# %% wrong="the momentum is forgotten" of="build_optimizer" check="Muon for the matrices of the blocks" says="muon_momentum goes to Muon"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, weight_decay=weight_decay), others)


# %% wrong="betas of its own" of="build_optimizer" check="Muon for the matrices of the blocks" says="betas to AdamW"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, (0.9, 0.95))
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="AdamW first" of="build_optimizer" check="Muon for the matrices of the blocks" says="Muon first"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(others, Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay))


# %% wrong="kind is not looked at" of="build_optimizer" check="AdamW for all, and a tied head once" says="all parameters, those with two axes decayed"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="an empty Muon beside AdamW" of="build_optimizer" check="AdamW for all, and a tied head once" says="Together of one optimizer"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="AdamW without decay of matrices in blocks" of="build_optimizer" check="AdamW for all, and a tied head once" says="those with two axes decayed"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    if kind == 'adamw':
        inner = {id(p) for p in model.blocks.parameters()}
        groups = [{"params": [p for p in rest if p.ndim == 2 and id(p) not in inner], "weight_decay": weight_decay},
                  {"params": [p for p in rest if p.ndim < 2 or id(p) in inner], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="embedding and head by name, so twice if tied" of="build_optimizer" check="AdamW for all, and a tied head once" says="in one group only, once"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    groups = [{"params": [model.embedding.weight, model.head.weight, *(p for p in rest if p.ndim >= 2 and p is not model.embedding.weight and p is not model.head.weight)], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% wrong="identity by equality" of="build_optimizer" check="Muon for the matrices of the blocks" says="your code raised"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    rest = [p for p in model.parameters() if p not in matrices]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% right="by name" of="build_optimizer"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    muon, decayed, plain = [], [], []
    for name, p in model.named_parameters():
        if p.ndim < 2:
            plain.append(p)
        elif kind == "muon" and name.startswith("blocks."):
            muon.append(p)
        else:
            decayed.append(p)
    adamw = make_adamw([{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}],
                       lr=adamw_lr, betas=betas)
    return Together(Muon(muon, muon_lr, muon_momentum, weight_decay), adamw) if muon else Together(adamw)


# %% right="by sets" of="build_optimizer"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    taken = set(matrices)
    rest = [p for p in model.parameters() if p not in taken]
    groups = [{"params": [p for p in rest if p.ndim >= 2], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}]
    others = make_adamw(groups, adamw_lr, betas)
    if not matrices:
        return Together(others)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay), others)


# %% right="early return" of="build_optimizer"
def build_optimizer(model, kind="muon", muon_lr=0.02, muon_momentum=0.95, adamw_lr=0.004, betas=(0.9, 0.95),
                    weight_decay=0.1):
    def groups(parameters):
        parameters = list(parameters)
        return [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
                {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0}]

    if kind == "adamw":
        return Together(make_adamw(groups(model.parameters()), adamw_lr, betas))
    matrices = {p: None for p in model.blocks.parameters() if p.dim() == 2}
    others = groups(p for p in model.parameters() if p not in matrices)
    return Together(Muon(matrices, lr=muon_lr, momentum=muon_momentum, weight_decay=weight_decay),
                    make_adamw(others, adamw_lr, betas))


# %% wrong="bfloat16 on a CPU too" of="choose_precision" check="what the card has" says="float32 on a CPU"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="float16 everywhere" of="choose_precision" check="what the card has" says="bfloat16 from (8, 0) on"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="bfloat16 everywhere" of="choose_precision" check="what the card has" says="your code raised ValueError"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="later than 8.0, not from it on" of="choose_precision" check="what the card has" says="bfloat16 from (8, 0) on"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability <= (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="from Hopper on" of="choose_precision" check="what the card has" says="bfloat16 from (8, 0) on"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (9, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="the second number decides" of="choose_precision" check="what the card has" says="bfloat16 from (8, 0) on"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability[1] < 8
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="compared as text" of="choose_precision" check="what the card has" says="bfloat16 from (8, 0) on"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and str(capability) < '(8, 0)'
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="what is wanted does not count" of="choose_precision" check="what the card has" says="float32 where it is wanted"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if True:
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="no error" of="choose_precision" check="what the card has" says="raise ValueError when it is asked for"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    return FORMATS[wanted]


# %% wrong="float16 in silence in place of an error" of="choose_precision" check="what the card has" says="raise ValueError when it is asked for"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        wanted = "float16"
    return FORMATS[wanted]


# %% wrong="another error" of="choose_precision" check="what the card has" says="expected ValueError"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise RuntimeError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="no bfloat16 on a CPU" of="choose_precision" check="what the card has" says="your code raised ValueError"
def choose_precision(capability, wanted="auto"):
    old = capability is None or capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="float16 is refused as well" of="choose_precision" check="what the card has" says="your code raised ValueError"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted != "float32" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% wrong="the name in place of the dtype" of="choose_precision" check="what the card has" says="bfloat16 may be wanted on a CPU"
def choose_precision(capability, wanted="auto"):
    old = capability is not None and capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return wanted


# %% wrong="None is compared" of="choose_precision" check="what the card has" says="your code raised TypeError"
def choose_precision(capability, wanted="auto"):
    old = capability < (8, 0)
    if wanted == "auto":
        wanted = "float32" if capability is None else "float16" if old else "bfloat16"
    if wanted == "bfloat16" and old:
        raise ValueError("bfloat16 needs compute capability 8.0 or later: use float16")
    return FORMATS[wanted]


# %% right="one case after the other" of="choose_precision"
def choose_precision(capability, wanted="auto"):
    if capability is None:
        return torch.float32 if wanted == "auto" else getattr(torch, wanted)
    major, minor = capability
    if wanted == "auto":
        return torch.bfloat16 if major >= 8 else torch.float16
    if wanted == "bfloat16" and major < 8:
        raise ValueError(f"no bfloat16 at {major}.{minor}")
    return getattr(torch, wanted)


# %% right="a card of capability None is as good as the newest" of="choose_precision"
def choose_precision(capability, wanted="auto"):
    modern = (capability or (99, 0)) >= (8, 0)
    automatic = "float32" if not capability else ("float16", "bfloat16")[modern]
    name = automatic if wanted == "auto" else wanted
    if name == "bfloat16" and not modern:
        raise ValueError
    return FORMATS[name]


# %% right="match" of="choose_precision"
def choose_precision(capability, wanted="auto"):
    match capability, wanted:
        case None, "auto":
            return torch.float32
        case (major, _), "auto":
            return torch.bfloat16 if major > 7 else torch.float16
        case (major, _), "bfloat16" if major < 8:
            raise ValueError("too old for bfloat16")
    return FORMATS[wanted]


# %% wrong="a mean of means" of="split_loss" check="every token once, in windows" says="not a mean of means"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    count = 0
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item()
                count += 1
    return total / count


# %% wrong="the short window is dropped" of="split_loss" check="every token once, in windows" says="4 windows of 8"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        for inputs, targets in (rows,):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="divided by all tokens" of="split_loss" check="every token once, in windows" says="33 tokens have 32 predictions"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / len(ids)


# %% wrong="targets are the inputs" of="split_loss" check="every token once, in windows" says="one further"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[:whole].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="windows share no token, so one prediction of each is lost" of="split_loss" check="every token once, in windows" says="one further"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch + 1):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="one window too long" of="split_loss" check="every token once, in windows" says="33 tokens have 32"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    length = length + 1
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="windows overlap by half" of="split_loss" check="every token once, in windows" says="33 tokens have 32"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, max(stretch // 2, 1)):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="in one long window" of="split_loss" check="every token once, in windows" says="your code raised"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    length = len(ids) - 1
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="the sum is returned" of="split_loss" check="every token once, in windows" says="33 tokens have 32"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total


# %% wrong="perplexity" of="split_loss" check="every token once, in windows" says="33 tokens have 32"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return math.exp(total / (len(ids) - 1))


# %% wrong="in bits" of="split_loss" check="every token once, in windows" says="33 tokens have 32"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / math.log(2) / (len(ids) - 1)


# %% wrong="a random batch" of="split_loss" check="every token once, in windows" says="33 tokens have 32"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    inputs, targets = Batches(ids, batch_size, length).next_batch()
    return language_loss(model, inputs, targets, dtype).item()
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="one window at a time" of="split_loss" check="in batches, without gradients" says="windows at once"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="all windows at once" of="split_loss" check="in batches, without gradients" says="windows at once"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, len(ids) // length * length + length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="with gradients" of="split_loss" check="in batches, without gradients" says="gradients"
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).detach().item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="ids as they are" of="split_loss" check="in batches, without gradients" says="your code raised"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="dtype is forgotten" of="split_loss" check="in batches, without gradients" says="hand it on to language_loss"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="the model is switched to evaluation" of="split_loss" check="in batches, without gradients" says="mode kept"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    model.eval()
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="a tensor is returned" of="split_loss" check="in batches, without gradients" says="return a plain float"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype) * targets.numel()
    return total / (len(ids) - 1)


# %% right="a window at a time, batched by hand" of="split_loss"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    device, losses, count = next(model.parameters()).device, [], 0
    starts = list(range(0, len(ids) - 1, length))
    full = [s for s in starts if s + length < len(ids)]
    for i in range(0, len(full), batch_size):
        windows = torch.stack([ids[s : s + length + 1].long() for s in full[i : i + batch_size]]).to(device)
        losses.append(language_loss(model, windows[:, :-1], windows[:, 1:], dtype).item() * len(windows) * length)
        count += len(windows) * length
    if len(full) < len(starts):
        window = ids[starts[-1] :].long()[None].to(device)
        losses.append(language_loss(model, window[:, :-1], window[:, 1:], dtype).item() * (window.shape[1] - 1))
        count += window.shape[1] - 1
    return sum(losses) / count


# %% right="unfold" of="split_loss"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    ids = ids.long()
    windows = list(ids.unfold(0, length + 1, length).split(batch_size)) if len(ids) > length else []
    rest = ids[(len(ids) - 1) // length * length :][None]
    pieces = windows + ([rest] if rest.shape[1] > 1 else [])
    device, total = next(model.parameters()).device, 0
    for piece in pieces:
        piece = piece.to(device)
        total += float(language_loss(model, piece[:, :-1], piece[:, 1:], dtype)) * piece[:, 1:].numel()
    return total / (len(ids) - 1)


# %% right="cross-entropy as a sum" of="split_loss"
@torch.no_grad()
def split_loss(model, ids, length, batch_size, dtype=torch.float32):
    total, n = 0.0, len(ids) - 1
    places = [(s, min(length, n - s)) for s in range(0, n, length)]
    while places:
        width = places[0][1]
        now = [s for s, w in places[:batch_size] if w == width]
        places = places[len(now) :]
        device = next(model.parameters()).device
        x = torch.stack([ids[s : s + width] for s in now]).long().to(device)
        y = torch.stack([ids[s + 1 : s + width + 1] for s in now]).long().to(device)
        with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
            logits = model(x)
        total += F.cross_entropy(logits.float().flatten(0, 1), y.flatten(), reduction="sum").item()
    return total / n


# %% wrong="the embedding counts" of="model_flops" check="six for each weight" says="No embedding"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        pass
    return flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length)


# %% wrong="the tied table is subtracted too" of="model_flops" check="six for each weight" says="count it once"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if True:
        weights -= model.embedding.weight.numel()
    return flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length)


# %% wrong="norms count" of="model_flops" check="six for each weight" says="no norms"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters())
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length)


# %% wrong="without the head" of="model_flops" check="six for each weight" says="11 · 16"
def model_flops(model):
    weights = sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        pass
    return flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length)


# %% wrong="the forward pass alone" of="model_flops" check="six for each weight" says="times 6"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return 1 / 3 * flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length)


# %% wrong="one layer's attention" of="model_flops" check="six for each weight" says="12 · 3 · 16 · 8"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return flops_per_token(weights, 1, model.embedding.embedding_dim, model.length)


# %% wrong="the width of the vocabulary" of="model_flops" check="six for each weight" says="12 · 3 · 16 · 8"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return flops_per_token(weights, len(model.blocks), model.embedding.num_embeddings, model.length)


# %% wrong="the length is forgotten" of="model_flops" check="six for each weight" says="12 · 3 · 16 · 8"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, 1)


# %% wrong="attention is forgotten" of="model_flops" check="six for each weight" says="12 · 3 · 16 · 8"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return 6 * weights


# %% wrong="for a whole window" of="model_flops" check="six for each weight" says="times 6"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return model.length * flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length)


# %% wrong="parameters, not operations" of="model_flops" check="six for each weight" says="times 6"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return weights


# %% wrong="half of attention is masked" of="model_flops" check="six for each weight" says="12 · 3 · 16 · 8"
def model_flops(model):
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length / 2)


# %% wrong="matrices, not their entries" of="model_flops" check="six for each weight" says="times 6"
def model_flops(model):
    weights = sum(len(p) for p in model.parameters() if p.ndim == 2)
    if model.head.weight is not model.embedding.weight:
        weights -= model.embedding.weight.numel()
    return flops_per_token(weights, len(model.blocks), model.embedding.embedding_dim, model.length)


# %% right="the formula itself" of="model_flops"
def model_flops(model):
    D, T, L = model.embedding.embedding_dim, model.length, len(model.blocks)
    inside = sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)
    return 6 * (inside + model.head.weight.numel()) + 12 * L * D * T


# %% right="by the linear layers" of="model_flops"
def model_flops(model):
    weights = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))
    return flops_per_token(weights, len(model.blocks), model.embedding.weight.shape[1], model.length)


# %% right="by name" of="model_flops"
def model_flops(model):
    weights = 0
    for name, p in model.named_parameters(remove_duplicate=False):
        if p.dim() > 1 and "embedding" not in name:
            weights += p.numel()
    D = model.norm.weight.numel()
    return int(flops_per_token(weights, len(model.blocks), D, model.length))


# %% wrong="rates are forgotten" of="train_decoder" check="the loss that this budget" says="too high"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="AdamW whatever is asked" of="train_decoder" check="the loss that this budget" says="too high"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **{**rates, "kind": "adamw"})
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="SGD" of="train_decoder" check="the loss that this budget" says="too high"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="not trained at all" of="train_decoder" check="the loss that this budget" says="the losses of 100 steps"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, 0, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="another model is returned" of="train_decoder" check="the loss that this budget" says="the first result is the trained model"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return Decoder(**shape).eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="half of the steps" of="train_decoder" check="the loss that this budget" says="the losses of 100 steps"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps // 2, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="the future is fed in" of="train_decoder" check="the loss that this budget" says="the model sees what it should predict"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    for block in model.blocks:
        block.attention.sublayer.forward = leaky(block.attention.sublayer)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


def leaky(layer):
    def forward(x, cos, sin):
        return layer.w_o(merge_heads(split_heads(layer.w_v(x.roll(-1, 1)), layer.num_heads)))

    return forward


# %% wrong="batches of one" of="train_decoder" check="the loss that this budget" says="too high"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, 1, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="the last training loss as the third result" of="train_decoder" check="a run that can be repeated" says="split_loss of the validation tokens"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, losses[-1]


# %% wrong="no seed" of="train_decoder" check="a run that can be repeated" says="the same seed, and the runs differ"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="the seed after the model" of="train_decoder" check="a run that can be repeated" says="the same seed, and the runs differ"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    model = Decoder(**shape).to(device)
    torch.manual_seed(seed)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="always seed 0 for the model, and for batches" of="train_decoder" check="a run that can be repeated" says="seeds 0 and 1 gave the same run"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(0)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"])
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="no warmup" of="train_decoder" check="a run that can be repeated" says="hand on warmup and log"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=0, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="a constant rate" of="train_decoder" check="a run that can be repeated" says="hand on warmup and log"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, kind="constant", dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="log is forgotten" of="train_decoder" check="a run that can be repeated" says="hand on warmup and log"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="left in training mode" of="train_decoder" check="a run that can be repeated" says="in evaluation mode"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model, losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="evaluated on what it was trained on" of="train_decoder" check="a run that can be repeated" says="split_loss of the validation tokens"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, tokens, shape["length"], batch_size, dtype)


# %% wrong="resume is forgotten" of="train_decoder" check="stopped and resumed" says="Hand on path, every, resume"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="every is forgotten" of="train_decoder" check="stopped and resumed" says="steps are left"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="path is forgotten" of="train_decoder" check="stopped and resumed" says="steps are left"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="a new sampler seed when resumed does no harm, a new rate does" of="train_decoder" check="stopped and resumed" says="their losses"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **({} if resume else rates))
    if resume:
        optimizer.load_state_dict = lambda saved: None
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="dtype is forgotten in training" of="train_decoder" check="the precision asked for" says="products in training"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="dtype is forgotten in evaluation" of="train_decoder" check="the precision asked for" says="in evaluation"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size)


# %% wrong="always a scaler" of="train_decoder" check="the precision asked for" says="no scaler"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler()
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="never a scaler" of="train_decoder" check="the precision asked for" says="a LossScaler()"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="a scaler for bfloat16" of="train_decoder" check="the precision asked for" says="no scaler"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype != torch.float32 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="evaluated in training mode" of="train_decoder" check="the precision asked for" says="after model.eval()"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    loss = split_loss(model, validation, shape["length"], batch_size, dtype)
    return model.eval(), losses, loss


# %% wrong="the model itself in 16 bits" of="train_decoder" check="the precision asked for" says="saved weights"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device, dtype)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% right="another order where it does not matter" of="train_decoder"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    batches = Batches(tokens, batch_size, shape["length"], seed=seed)
    scaler = None
    if dtype is torch.float16:
        scaler = LossScaler()
    torch.manual_seed(seed)
    model = Decoder(**shape)
    model.to(device)
    losses = train_loop(model, batches, build_optimizer(model, **rates), steps, warmup, dtype=dtype, scaler=scaler,
                        log=log, path=path, every=every, resume=resume)
    model.eval()
    loss = split_loss(model, validation, model.length, batch_size, dtype)
    return model, losses, loss


# %% right="settings in a dict" of="train_decoder"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.random.manual_seed(seed)
    with torch.device(device):
        model = Decoder(**shape)
    settings = {"warmup": warmup, "dtype": dtype, "log": log, "path": path, "every": every, "resume": resume}
    settings["scaler"] = {torch.float16: LossScaler}.get(dtype, lambda: None)()
    losses = train_loop(model, Batches(tokens, batch_size, model.length, seed), build_optimizer(model, **rates), steps,
                        **settings)
    return model.train(False), losses, split_loss(model, validation, model.length, batch_size, dtype=dtype)


# %% right="evaluated in smaller batches" of="train_decoder"
def train_decoder(tokens, validation, shape, rates, steps, batch_size=12, warmup=0, seed=0, dtype=torch.float32,
                  device="cpu", log=None, path=None, every=0, resume=False):
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], max(1, batch_size // 2), dtype)


# %% wrong="the mask stays on the CPU" of="CausalSelfAttention" check="the course's attention gives the same" says="must be where x is"
class CausalSelfAttention(CausalSelfAttention):
    def forward(self, x, cos, sin):
        q, k, v = (split_heads(project(x), self.num_heads) for project in (self.w_q, self.w_k, self.w_v))
        q = apply_rope(self.q_norm(q), cos, sin)
        k = apply_rope(self.k_norm(k), cos, sin)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            out, _ = scaled_dot_product_attention(q, k, v, causal_mask(x.shape[1]))
        return self.w_o(merge_heads(out))


# %% wrong="tied handed on as fused" of="Decoder" check="the logits of the whole model" says="fused=True, the default, must reach every block"
class Decoder(nn.Module):

    def __init__(self, vocab_size: int, d_model: int, num_heads: int, num_layers: int, length: int,
                 d_ff: int | None = None, tied: bool = False, rope_base: float = 10000.0, fused: bool = True) -> None:
        super().__init__()
        d_ff = 8 * math.ceil(d_model / 3) if d_ff is None else d_ff
        self.length = length
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(Block(d_model, num_heads, d_ff, tied) for _ in range(num_layers))
        self.norm = RMSNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02 if tied else 1.0)
        nn.init.zeros_(self.head.weight)  # every token equally likely: the first loss is log V
        if tied:
            self.head.weight = self.embedding.weight
        cos, sin = rope_frequencies(length, d_model // num_heads, rope_base)  # (length, d / 2) each
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        T = ids.shape[1]
        x = self.embedding(ids)  # (B, T, D)
        for block in self.blocks:
            x = block(x, self.cos[:T], self.sin[:T])
        return self.head(self.norm(x))  # (B, T, V)


# %% wrong="ids stay on the CPU" of="split_loss" check="in batches, without gradients" says="the ids go to the model's device"
@torch.no_grad()
def split_loss(model: nn.Module, ids: Tensor, length: int, batch_size: int,
               dtype: torch.dtype = torch.float32) -> float:
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long()
        whole = (len(piece) - 1) // length * length  # predictions in windows of full length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="one left over is dropped" of="split_loss" check="every token once, in windows" says="whatever is left over"
@torch.no_grad()
def split_loss(model: nn.Module, ids: Tensor, length: int, batch_size: int,
               dtype: torch.dtype = torch.float32) -> float:
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = (len(piece) - 1) // length * length  # predictions in windows of full length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel() > 1:
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="ids are counted for predictions" of="split_loss" check="every token once, in windows" says="your code raised RuntimeError"
@torch.no_grad()
def split_loss(model: nn.Module, ids: Tensor, length: int, batch_size: int,
               dtype: torch.dtype = torch.float32) -> float:
    device = next(model.parameters()).device
    total, stretch = 0.0, batch_size * length
    for start in range(0, len(ids) - 1, stretch):
        piece = ids[start : start + stretch + 1].long().to(device)
        whole = len(piece) // length * length  # predictions in windows of full length
        rows = (piece[:whole].view(-1, length), piece[1 : whole + 1].view(-1, length))
        rest = (piece[whole:-1][None], piece[whole + 1 :][None])
        for inputs, targets in (rows, rest):
            if targets.numel():
                total += language_loss(model, inputs, targets, dtype).item() * targets.numel()
    return total / (len(ids) - 1)


# %% wrong="the weights' seed is always 0" of="train_decoder" check="a run that can be repeated" says="began with the same weights"
def train_decoder(tokens: Tensor, validation: Tensor, shape: dict, rates: dict, steps: int, batch_size: int = 12,
                  warmup: int = 0, seed: int = 0, dtype: torch.dtype = torch.float32, device: str = "cpu", log=None,
                  path: str | Path | None = None, every: int = 0,
                  resume: bool = False) -> tuple[Decoder, list[float], float]:
    torch.manual_seed(0)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="the batches' seed is forgotten" of="train_decoder" check="a run that can be repeated" says="the first batch is not that of Batches"
def train_decoder(tokens: Tensor, validation: Tensor, shape: dict, rates: dict, steps: int, batch_size: int = 12,
                  warmup: int = 0, seed: int = 0, dtype: torch.dtype = torch.float32, device: str = "cpu", log=None,
                  path: str | Path | None = None, every: int = 0,
                  resume: bool = False) -> tuple[Decoder, list[float], float]:
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"])
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="batches of the default size" of="train_decoder" check="a run that can be repeated" says="the first batch is not that of Batches"
def train_decoder(tokens: Tensor, validation: Tensor, shape: dict, rates: dict, steps: int, batch_size: int = 12,
                  warmup: int = 0, seed: int = 0, dtype: torch.dtype = torch.float32, device: str = "cpu", log=None,
                  path: str | Path | None = None, every: int = 0,
                  resume: bool = False) -> tuple[Decoder, list[float], float]:
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, 12, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="batches of the validation text" of="train_decoder" check="a run that can be repeated" says="the first batch is not that of Batches"
def train_decoder(tokens: Tensor, validation: Tensor, shape: dict, rates: dict, steps: int, batch_size: int = 12,
                  warmup: int = 0, seed: int = 0, dtype: torch.dtype = torch.float32, device: str = "cpu", log=None,
                  path: str | Path | None = None, every: int = 0,
                  resume: bool = False) -> tuple[Decoder, list[float], float]:
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(validation, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="batch size and length exchanged" of="train_decoder" check="a run that can be repeated" says="the first batch is not that of Batches"
def train_decoder(tokens: Tensor, validation: Tensor, shape: dict, rates: dict, steps: int, batch_size: int = 12,
                  warmup: int = 0, seed: int = 0, dtype: torch.dtype = torch.float32, device: str = "cpu", log=None,
                  path: str | Path | None = None, every: int = 0,
                  resume: bool = False) -> tuple[Decoder, list[float], float]:
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, shape["length"], batch_size, seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% wrong="evaluated in batches of the default size" of="train_decoder" check="a run that can be repeated" says="at most 4 windows at once in evaluation"
def train_decoder(tokens: Tensor, validation: Tensor, shape: dict, rates: dict, steps: int, batch_size: int = 12,
                  warmup: int = 0, seed: int = 0, dtype: torch.dtype = torch.float32, device: str = "cpu", log=None,
                  path: str | Path | None = None, every: int = 0,
                  resume: bool = False) -> tuple[Decoder, list[float], float]:
    torch.manual_seed(seed)
    model = Decoder(**shape).to(device)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], 12, dtype)


# %% wrong="the device is forgotten" of="train_decoder" check="a run that can be repeated" says="device is not looked at"
def train_decoder(tokens: Tensor, validation: Tensor, shape: dict, rates: dict, steps: int, batch_size: int = 12,
                  warmup: int = 0, seed: int = 0, dtype: torch.dtype = torch.float32, device: str = "cpu", log=None,
                  path: str | Path | None = None, every: int = 0,
                  resume: bool = False) -> tuple[Decoder, list[float], float]:
    torch.manual_seed(seed)
    model = Decoder(**shape)
    optimizer = build_optimizer(model, **rates)
    batches = Batches(tokens, batch_size, shape["length"], seed)
    scaler = LossScaler() if dtype == torch.float16 else None
    losses = train_loop(model, batches, optimizer, steps, warmup=warmup, dtype=dtype, scaler=scaler, log=log, path=path,
                        every=every, resume=resume)
    return model.eval(), losses, split_loss(model, validation, shape["length"], batch_size, dtype)


# %% equivalent="3202c8c5" of="choose_precision" because="no card has a negative second number"


# %% equivalent="05b5b254" of="model_flops" because="layers, width and length enter as a product, in any order"


# %% equivalent="8d08e641" of="model_flops" because="layers, width and length enter as a product, in any order"


# %% equivalent="4df1d21e" of="build_optimizer" because="the order of the groups changes no update"


# %% equivalent="f1fe889e" of="build_optimizer" because="no parameter of a Decoder has three axes"


# %% equivalent="71e3be4c" of="build_optimizer" because="the set is empty if and only if the list is"


# %% equivalent="06947b8f" of="CausalSelfAttention" because="the angles are where the tokens are"


# %% equivalent="0ca09af6" of="Decoder" because="a whole number that is a float gives the same angles"


# %% equivalent="119dd752" of="split_loss" because="a stretch that begins at the last token has no prediction and is skipped"


# %% equivalent="6eb2592d" of="split_loss" because="a stretch that begins at or behind the last token has no prediction and is skipped"


# %% equivalent="319c5eb2" of="split_loss" because="language_loss flattens the targets"


# %% equivalent="9736ebea" of="split_loss" because="language_loss flattens the targets"


# %% equivalent="f32e446f" of="split_loss" because="language_loss flattens the targets, whose order a view keeps"


# %% equivalent="ba712053" of="split_loss" because="language_loss flattens the targets"


# %% equivalent="46af0bd2" of="split_loss" because="a sum in another order"
