# %% wrong="no exponential" of="softmax" check="exponentials" says="the shares are others"
def softmax(x, axis=-1):
    return x / x.sum(axis=axis, keepdims=True)


# %% wrong="divided by the sum of the whole array" of="softmax" check="exponentials" says="each row must sum to 1"
def softmax(x, axis=-1):
    e = np.exp(x - x.max())
    return e / e.sum()


# %% wrong="normalised down the columns" of="softmax" check="exponentials" says="sums along the last axis"
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


# %% wrong="axis ignored" of="softmax" check="any axis" says="hand axis on"
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# %% wrong="maximum along axis, sum along the last" of="softmax" check="any axis" says="hand axis on"
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# %% wrong="nothing subtracted" of="softmax" check="overflow" says="subtract its own maximum"
def softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


# %% wrong="maximum of the whole array subtracted" of="softmax" check="overflow" says="from each row subtract its own"
def softmax(x, axis=-1):
    e = np.exp(x - np.max(x))
    return e / e.sum(axis=axis, keepdims=True)


# %% wrong="scores clipped" of="softmax" check="overflow" says="from each row subtract its own maximum"
def softmax(x, axis=-1):
    e = np.exp(np.clip(x, -50, 50))
    return e / e.sum(axis=axis, keepdims=True)


# %% wrong="mean subtracted" of="softmax" check="-inf" says="if what you subtract is finite"
def softmax(x, axis=-1):
    e = np.exp(x - x.mean(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


# %% wrong="minimum subtracted" of="softmax" check="-inf" says="if what you subtract is finite: the maximum"
def softmax(x, axis=-1):
    e = np.exp(x - x.min(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


# %% wrong="input overwritten" of="softmax" check="exponentials" says="x was changed in place"
def softmax(x, axis=-1):
    x -= x.max(axis=axis, keepdims=True)
    np.exp(x, out=x)
    return x / x.sum(axis=axis, keepdims=True)


# %% wrong="keepdims forgotten" of="softmax" check="exponentials" says="could not be broadcast together"
def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis))
    return e / e.sum(axis=axis)


# %% wrong="log of the result" of="softmax" check="exponentials" says="each row must sum to 1"
def softmax(x, axis=-1):
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


# %% wrong="the forbidden call" of="softmax" check="exponentials" says="may not call torch.softmax"
def softmax(x, axis=-1):
    return torch.softmax(torch.from_numpy(x), dim=axis).numpy()


# %% wrong="the forbidden method" of="softmax" check="any axis" says="may not call torch.Tensor.softmax"
def softmax(x, axis=-1):
    return torch.from_numpy(x).softmax(axis).numpy()


# %% right="minus log-sum-exp" of="softmax"
def softmax(x, axis=-1):
    top = np.max(x, axis=axis, keepdims=True)
    return np.exp(x - top - np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)))


# %% right="row by row with apply_along_axis" of="softmax"
def softmax(x, axis=-1):
    def one(row):
        e = np.exp(row - max(row))
        return e / sum(e)

    return np.apply_along_axis(one, axis, x)


# %% right="axis moved to the end and back" of="softmax"
def softmax(x, axis=-1):
    rows = np.moveaxis(x, axis, -1)
    e = np.exp(rows - rows.max(-1)[..., None])
    return np.moveaxis(e / e.sum(-1)[..., None], -1, axis)


# %% right="in float64, in place on a copy" of="softmax"
def softmax(x, axis=-1):
    y = x.astype(np.float64)
    y -= y.max(axis=axis, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)
    return y


# %% right="-inf treated as a case of its own, with a helper" of="softmax"
def stable_exponentials(x, axis):
    return np.where(np.isneginf(x), 0, np.exp(x - np.max(x, axis, keepdims=True)))


def softmax(x, axis=-1):
    e = stable_exponentials(x, axis)
    return e * (1 / np.sum(e, axis, keepdims=True))


# %% wrong="not scaled" of="attention_scores" check="square root" says="16: not scaled"
def attention_scores(q, k):
    return q @ np.swapaxes(k, -1, -2)


# %% wrong="divided by d_k" of="attention_scores" check="square root" says="1: divided by d_k, not its root"
def attention_scores(q, k):
    return q @ np.swapaxes(k, -1, -2) / q.shape[-1]


# %% wrong="divided by the root of the number of keys" of="attention_scores" check="square root" says="d_k is the width"
def attention_scores(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(k.shape[-2])


# %% wrong="multiplied by the root" of="attention_scores" check="square root" says="expected 4, got 64"
def attention_scores(q, k):
    return q @ np.swapaxes(k, -1, -2) * np.sqrt(q.shape[-1])


# %% wrong="d_k read off the first axis" of="attention_scores" check="leading axes" says="d_k is the last axis"
def attention_scores(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[1])


# %% wrong="keys in the rows" of="attention_scores" check="one row per query" says="expected shape (3, 5), got (5, 3)"
def attention_scores(q, k):
    return k @ np.swapaxes(q, -1, -2) / np.sqrt(q.shape[-1])


# %% wrong="all axes reversed by .T" of="attention_scores" check="leading axes" says="your code raised ValueError"
def attention_scores(q, k):
    return q @ k.T / np.sqrt(q.shape[-1])


# %% wrong="distances instead of products" of="attention_scores" check="one row per query" says="largest dot product"
def attention_scores(q, k):
    return -np.linalg.norm(q[..., :, None, :] - k[..., None, :, :], axis=-1) / np.sqrt(q.shape[-1])


# %% wrong="keys scaled to length one" of="attention_scores" check="one row per query" says="largest dot product"
def attention_scores(q, k):
    k = k / np.linalg.norm(k, axis=-1, keepdims=True)
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])


# %% right="einsum" of="attention_scores"
def attention_scores(q, k):
    return np.einsum("...nd,...md->...nm", q, k) / np.sqrt(k.shape[-1])


# %% right="queries and keys each divided by the fourth root" of="attention_scores"
def attention_scores(q, k):
    width = q.shape[-1] ** 0.25
    return np.matmul(q / width, (k / width).swapaxes(-2, -1))


# %% right="broadcast product and sum" of="attention_scores"
def attention_scores(q, k):
    return (q[..., :, np.newaxis, :] * k[..., np.newaxis, :, :]).sum(-1) * q.shape[-1] ** -0.5


# %% right="loops, in float64" of="attention_scores"
def attention_scores(q, k):
    scores = np.zeros(q.shape[:-1] + (k.shape[-2],))
    for index in np.ndindex(*scores.shape):
        *lead, i, j = index
        scores[index] = np.dot(q[(*lead, i)], k[(*lead, j)]) / math.sqrt(q.shape[-1])
    return scores


# %% wrong="softmax over the queries" of="scaled_dot_product_attention" check="over the keys" says="the last axis"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-2)
    return weights @ v, weights


# %% wrong="scale missing" of="scaled_dot_product_attention" check="softmax over the keys" says="over the root of d_k"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="divided by d_k" of="scaled_dot_product_attention" check="softmax over the keys" says="over the root of d_k"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / q.shape[-1]
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="scaled by the width of v" of="scaled_dot_product_attention" check="out averages" says="weights times values"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(v.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="scaled after the softmax" of="scaled_dot_product_attention" check="over the keys" says="must sum to 1"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1) / math.sqrt(q.shape[-1])
    return weights @ v, weights


# %% wrong="mask inverted" of="scaled_dot_product_attention" check="a masked key" says="True means may attend"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="masked after the softmax" of="scaled_dot_product_attention" check="a masked key" says="before the softmax"
def scaled_dot_product_attention(q, k, v, mask=None):
    weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0)
    return weights @ v, weights


# %% wrong="forbidden scores set to 0" of="scaled_dot_product_attention" check="a masked key" says="0 is too high"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores * mask
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="too small a penalty" of="scaled_dot_product_attention" check="a masked key" says="forbidden key gets weight"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -10.0)
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="infinity multiplied in" of="scaled_dot_product_attention" check="a masked key" says="0 times infinity"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores + (1 - mask.float()) * float("-inf")
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="mask ignored" of="scaled_dot_product_attention" check="a masked key" says="a forbidden key gets weight"
def scaled_dot_product_attention(q, k, v, mask=None):
    weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1)
    return weights @ v, weights


# %% wrong="weights masked, out not" of="scaled_dot_product_attention" check="a masked key" says="but out differs"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    out = torch.softmax(scores, dim=-1) @ v
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return out, torch.softmax(scores, dim=-1)


# %% wrong="weights first" of="scaled_dot_product_attention" check="softmax over the keys" says="return (out, weights)"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights, weights @ v


# %% wrong="only the output" of="scaled_dot_product_attention" check="out averages" says="return (out, weights)"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1) @ v


# %% wrong="axes from the front" of="scaled_dot_product_attention" check="batch and heads" says="your code raised"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="the mask of the first only" of="scaled_dot_product_attention" check="batch and heads" says="broadcast it"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        while mask.dim() > 2:
            mask = mask[0]
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="q scaled in place" of="scaled_dot_product_attention" check="out averages" says="q was changed in place"
def scaled_dot_product_attention(q, k, v, mask=None):
    if q.requires_grad:
        q = q.clone()
    q /= math.sqrt(q.shape[-1])
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ v, weights


# %% wrong="weights detached" of="scaled_dot_product_attention" check="gradients reach" says="gradient of k is missing"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1).detach()
    return weights @ v, weights


# %% wrong="by way of NumPy" of="scaled_dot_product_attention" check="gradients reach" says="Can't call numpy()"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = attention_scores(q.numpy(), k.numpy())
    if mask is not None:
        scores = np.where(mask.numpy(), scores, -np.inf)
    weights = torch.from_numpy(softmax(scores).astype(np.float32))
    return weights @ v, weights


# %% wrong="overflowing exponentials" of="scaled_dot_product_attention" check="softmax over the keys" says="overflow"
def scaled_dot_product_attention(q, k, v, mask=None):
    e = torch.exp(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]))
    if mask is not None:
        e = e * mask
    weights = e / e.sum(-1, keepdim=True)
    return weights @ v, weights


# %% wrong="the forbidden call" of="scaled_dot_product_attention" check="out averages" says="may not call"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask), torch.softmax(scores, dim=-1)


# %% right="einsum and torch.where" of="scaled_dot_product_attention"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = torch.einsum("...nd,...md->...nm", q, k) * q.size(-1) ** -0.5
    if mask is not None:
        scores = torch.where(mask, scores, -torch.inf)
    weights = F.softmax(scores, -1)
    return torch.einsum("...nm,...mv->...nv", weights, v), weights


# %% right="a mask that is added" of="scaled_dot_product_attention"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores + torch.zeros(mask.shape).masked_fill(mask.logical_not(), -math.inf)
    weights = scores.softmax(-1)
    return weights.matmul(v), weights


# %% right="the lowest finite number, filled in place" of="scaled_dot_product_attention"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = torch.matmul(q, k.transpose(-1, -2)).div_(math.sqrt(k.shape[-1]))
    if mask is not None:
        scores.masked_fill_(~mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1)
    return torch.matmul(weights, v), weights


# %% right="exponentials by hand, in float64" of="scaled_dot_product_attention"
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = (q.double() / math.sqrt(q.shape[-1])) @ k.double().transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(mask == False, float("-inf"))  # noqa: E712
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    weights = e / e.sum(-1, keepdim=True)
    return weights @ v.double(), weights


# %% right="a loop over queries, a named tuple" of="scaled_dot_product_attention"
from typing import NamedTuple


class Attended(NamedTuple):
    out: torch.Tensor
    weights: torch.Tensor


def scaled_dot_product_attention(q, k, v, mask=None):
    allowed = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool) if mask is None else mask
    allowed = allowed.expand(*q.shape[:-1], k.shape[-2])
    rows = []
    for i in range(q.shape[-2]):
        scores = (q[..., i : i + 1, :] * k).sum(-1) / math.sqrt(q.shape[-1])
        rows.append(torch.softmax(scores.masked_fill(~allowed[..., i, :], -math.inf), dim=-1))
    weights = torch.stack(rows, dim=-2)
    return Attended(weights @ v, weights)


# %% wrong="the upper triangle" of="causal_mask" check="nothing later" says="keep the lower triangle"
def causal_mask(T):
    return torch.ones(T, T, dtype=torch.bool).triu()


# %% wrong="what is forbidden" of="causal_mask" check="nothing later" says="keep the lower triangle"
def causal_mask(T):
    return torch.triu(torch.ones(T, T), diagonal=1).bool()


# %% wrong="diagonal left out" of="causal_mask" check="nothing later" says="diagonal included"
def causal_mask(T):
    return torch.ones(T, T).tril(-1).bool()


# %% wrong="one step into the future" of="causal_mask" check="nothing later" says="at [0, 1] expected False, got True"
def causal_mask(T):
    return torch.ones(T, T).tril(1).bool()


# %% wrong="floats" of="causal_mask" check="understands it" says="not 1.0 and 0.0"
def causal_mask(T):
    return torch.tril(torch.ones(T, T))


# %% wrong="zeros and minus infinities" of="causal_mask" check="understands it" says="True and False"
def causal_mask(T):
    return torch.full((T, T), float("-inf")).triu(1)


# %% wrong="everything allowed" of="causal_mask" check="nothing later" says="keep the lower triangle"
def causal_mask(T):
    return torch.ones(T, T, dtype=torch.bool)


# %% wrong="an array" of="causal_mask" check="nothing later" says="expected a torch.Tensor, got a numpy.ndarray"
def causal_mask(T):
    return np.tril(np.ones((T, T), dtype=bool))


# %% wrong="a fixed size" of="causal_mask" check="nothing later" says="expected shape"
def causal_mask(T):
    return torch.ones(4, 4).tril().bool()


# %% right="positions compared" of="causal_mask"
def causal_mask(T):
    positions = torch.arange(T)
    return positions[None, :] <= positions[:, None]


# %% right="the upper triangle negated" of="causal_mask"
def causal_mask(T):
    return ~torch.triu(torch.ones(T, T), diagonal=1).bool()


# %% right="tril_indices" of="causal_mask"
def causal_mask(T):
    mask = torch.zeros(T, T, dtype=torch.bool)
    rows, columns = torch.tril_indices(T, T)
    mask[rows, columns] = True
    return mask


# %% right="a list comprehension" of="causal_mask"
def causal_mask(T):
    return torch.tensor([[s <= t for s in range(T)] for t in range(T)])


# %% wrong="one token too many" of="padding_mask" check="True for real tokens" says="3 is the first of the padding"
def padding_mask(lengths, max_len):
    return torch.arange(max_len) <= lengths[:, None, None]


# %% wrong="one token too few" of="padding_mask" check="True for real tokens" says="positions 0, 1 and 2 are real"
def padding_mask(lengths, max_len):
    return torch.arange(max_len) < lengths[:, None, None] - 1


# %% wrong="True for padding" of="padding_mask" check="True for real tokens" says="are real and True"
def padding_mask(lengths, max_len):
    return torch.arange(max_len) >= lengths[:, None, None]


# %% wrong="no axis for the queries" of="padding_mask" check="one row" says="expected shape (3, 1, 4), got (3, 4)"
def padding_mask(lengths, max_len):
    return torch.arange(max_len) < lengths[:, None]


# %% wrong="a column" of="padding_mask" check="one row" says="expected shape (3, 1, 4), got (3, 4, 1)"
def padding_mask(lengths, max_len):
    return (torch.arange(max_len) < lengths[:, None])[:, :, None]


# %% wrong="a full table for each sequence" of="padding_mask" check="one row" says="shared by its queries"
def padding_mask(lengths, max_len):
    return (torch.arange(max_len) < lengths[:, None, None]).expand(-1, max_len, -1)


# %% wrong="padding on the left" of="padding_mask" check="as good as absent" says="only its first 4 keys"
def padding_mask(lengths, max_len):
    return torch.arange(max_len) >= max_len - lengths[:, None, None]


# %% wrong="as long as the longest, not max_len" of="padding_mask" check="True for real tokens" says="your code raised"
def padding_mask(lengths, max_len):
    return torch.arange(int(lengths.max())) < lengths[:, None, None]


# %% wrong="floats" of="padding_mask" check="True for real tokens" says="expected dtype bool, got float32"
def padding_mask(lengths, max_len):
    return (torch.arange(max_len) < lengths[:, None, None]).float()


# %% right="a loop over the sequences" of="padding_mask"
def padding_mask(lengths, max_len):
    mask = torch.zeros(len(lengths), 1, max_len, dtype=torch.bool)
    for b, length in enumerate(lengths):
        mask[b, 0, :length] = True
    return mask


# %% right="a list comprehension" of="padding_mask"
def padding_mask(lengths, max_len):
    return torch.tensor([[[s < length for s in range(max_len)]] for length in lengths.tolist()])


# %% right="an axis put in afterwards" of="padding_mask"
def padding_mask(lengths, max_len):
    positions = torch.arange(max_len).expand(len(lengths), max_len)
    return positions.lt(lengths.view(-1, 1)).unsqueeze(1)


# %% right="ones counted up" of="padding_mask"
def padding_mask(lengths, max_len):
    return ~(torch.ones(len(lengths), 1, max_len).cumsum(-1) > lengths.view(-1, 1, 1))


# %% wrong="queries from memory" of="cross_attention" check="x asks" says="queries are made from x, keys from memory"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    return scaled_dot_product_attention(memory @ w_q, x @ w_k, x @ w_v, mask)


# %% wrong="keys from x" of="cross_attention" check="x asks" says="keys from memory"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    return scaled_dot_product_attention(x @ w_q, x @ w_k, memory @ w_v, mask)


# %% wrong="values from x" of="cross_attention" check="x asks" says="values are made from memory"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    return scaled_dot_product_attention(x @ w_q, memory @ w_k, x @ w_v, mask)


# %% wrong="self-attention" of="cross_attention" check="may differ in length" says="your code raised RuntimeError"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    return scaled_dot_product_attention(x @ w_q, x @ w_k, x @ w_v, mask)


# %% wrong="mask dropped" of="cross_attention" check="the mask hides" says="hand on the mask"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    return scaled_dot_product_attention(x @ w_q, memory @ w_k, memory @ w_v)


# %% wrong="mask inverted" of="cross_attention" check="the mask hides" says="a hidden position gets weight"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    return scaled_dot_product_attention(x @ w_q, memory @ w_k, memory @ w_v, None if mask is None else ~mask)


# %% wrong="scaled twice" of="cross_attention" check="x asks" says="divided once by the root of d_k"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    return scaled_dot_product_attention(x @ w_q / math.sqrt(w_q.shape[-1]), memory @ w_k, memory @ w_v, mask)


# %% wrong="scaled by the width of x" of="cross_attention" check="x asks" says="the root of d_k"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    scores = (x @ w_q) @ (memory @ w_k).transpose(-2, -1) / math.sqrt(x.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ (memory @ w_v), weights


# %% wrong="keys and values exchanged" of="cross_attention" check="differ in length" says="your code raised"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    return scaled_dot_product_attention(x @ w_q, memory @ w_v, memory @ w_k, mask)


# %% right="everything written out" of="cross_attention"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    q, k, v = x.matmul(w_q), memory.matmul(w_k), memory.matmul(w_v)
    scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(w_q.shape[1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=2)
    return torch.bmm(weights, v), weights


# %% right="einsum, mask by name" of="cross_attention"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    q = torch.einsum("bnd,dk->bnk", x, w_q)
    k, v = (torch.einsum("bmd,dk->bmk", memory, w) for w in (w_k, w_v))
    return scaled_dot_product_attention(q, k, v, mask=mask)


# %% right="linear layers, averaging before projecting" of="cross_attention"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    mixed, weights = scaled_dot_product_attention(F.linear(x, w_q.T), F.linear(memory, w_k.T), memory, mask)
    return mixed @ w_v, weights


# %% right="a loop over the batch, a list made into a tuple" of="cross_attention"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    allowed = [None] * len(x) if mask is None else mask.expand(len(x), -1, -1)
    triples = zip(x, memory, allowed, strict=True)
    pairs = [scaled_dot_product_attention(a @ w_q, m @ w_k, m @ w_v, ok) for a, m, ok in triples]
    return tuple([torch.stack(parts) for parts in zip(*pairs, strict=True)])


# %% right="keys and values from one product, in float64" of="cross_attention"
def cross_attention(x, memory, w_q, w_k, w_v, mask=None):
    both = memory.double() @ torch.cat([w_k, w_v], dim=1).double()
    k, v = both.split([w_k.shape[1], w_v.shape[1]], dim=-1)
    return scaled_dot_product_attention(x.double() @ w_q.double(), k, v, mask)


# %% equivalent="11f5de11" of="attention_scores" because="q and k are equally wide: both last axes are d_k"
# math.sqrt(k.shape[-1])

# %% equivalent="480c4988" of="scaled_dot_product_attention" because="q and k are equally wide: both last axes are d_k"
# math.sqrt(k.shape[-1])

# %% survivor="a7a80b0e" of="padding_mask" because="shows only where lengths lie on another device than the CPU; checks run without one"
# torch.arange(max_len)
