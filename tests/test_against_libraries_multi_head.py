"""multi_head's parts against nn.MultiheadAttention, transformers' Llama attention and einops, with the same weights."""

import einops
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import LlamaConfig, LlamaModel
from transformers.models.llama.modeling_llama import LlamaAttention

from autograder import check
from internals.multi_head import GroupedQueryAttention, MultiHeadAttention, kv_cache_bytes, merge_heads, split_heads
from internals.scaled_dot_product import causal_mask, padding_mask

sizes = st.integers(1, 5)
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def normal(*size, seed=0, dtype=torch.float32):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed)).to(dtype)


def random_mask(*size, seed):
    """Each query may attend to some key, the first at least."""
    mask = torch.rand(*size, generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[..., 0] = True
    return mask


def pytorchs(ours):
    """nn.MultiheadAttention with the weights of our layer."""
    theirs = nn.MultiheadAttention(
        ours.w_q.in_features, ours.num_heads, bias=ours.w_q.bias is not None, batch_first=True
    ).to(ours.w_q.weight.dtype)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.w_q.weight, ours.w_k.weight, ours.w_v.weight]))
        theirs.out_proj.weight.copy_(ours.w_o.weight)
        if ours.w_q.bias is not None:
            theirs.in_proj_bias.copy_(torch.cat([ours.w_q.bias, ours.w_k.bias, ours.w_v.bias]))
            theirs.out_proj.bias.copy_(ours.w_o.bias)
    return theirs


@given(sizes, sizes, sizes, st.sampled_from([1, 2, 3, 4]), sizes, st.booleans(), st.sampled_from(list(TOLERANCE)))
@settings(deadline=None, max_examples=60)
def test_multi_head_attention_equals_pytorchs_with_and_without_masks_and_a_memory(B, n, m, H, d, bias, dtype):
    ours = check.fill(MultiHeadAttention(H * d, H, bias=bias)).to(dtype)
    theirs, x = pytorchs(ours), normal(B, n, H * d, seed=1, dtype=dtype)
    for memory in (None, normal(B, m, H * d, seed=2, dtype=dtype)):
        keys = x if memory is None else memory
        length = keys.shape[1]
        for mask in (
            None,
            random_mask(n, length, seed=3),
            random_mask(B, 1, length, seed=4),
            random_mask(B, n, length, seed=5),
        ):
            forbidden = None if mask is None else ~mask.expand(B, n, length).repeat_interleave(H, dim=0)
            expected, expected_weights = theirs(x, keys, keys, attn_mask=forbidden, average_attn_weights=False)
            out, weights = ours(x, memory, mask)
            torch.testing.assert_close(out, expected, atol=TOLERANCE[dtype], rtol=1e-5)
            torch.testing.assert_close(weights, expected_weights, atol=TOLERANCE[dtype], rtol=1e-5)


def test_our_masks_are_pytorchs_negated():
    ours = check.fill(MultiHeadAttention(12, 3))
    theirs, x, real = pytorchs(ours), normal(2, 5, 12), padding_mask(torch.tensor([3, 5]), 5)
    expected, _ = theirs(x, x, x, attn_mask=~causal_mask(5), key_padding_mask=~real[:, 0])
    torch.testing.assert_close(ours(x, mask=causal_mask(5) & real)[0], expected, atol=1e-5, rtol=1e-5)


def test_gradients_of_all_parameters_equal_pytorchs():
    ours = check.fill(MultiHeadAttention(12, 3)).double()
    theirs, x = pytorchs(ours), normal(2, 5, 12, dtype=torch.float64)
    ours(x, mask=causal_mask(5))[0].pow(2).sum().backward()
    theirs(x, x, x, attn_mask=~causal_mask(5))[0].pow(2).sum().backward()
    expected = theirs.in_proj_weight.grad.chunk(3)
    for layer, gradient in zip((ours.w_q, ours.w_k, ours.w_v), expected, strict=True):
        torch.testing.assert_close(layer.weight.grad, gradient)
    torch.testing.assert_close(ours.w_o.weight.grad, theirs.out_proj.weight.grad)
    torch.testing.assert_close(ours.w_o.bias.grad, theirs.out_proj.bias.grad)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(("H", "G"), [(1, 1), (3, 1), (4, 4), (6, 2), (8, 4), (9, 3)])
def test_grouped_queries_equal_transformers_llama_attention_without_rotation(H, G, dtype):
    B, T, d = 2, 7, 4
    ours = check.fill(GroupedQueryAttention(H * d, H, G)).to(dtype)
    config = LlamaConfig(hidden_size=H * d, num_attention_heads=H, num_key_value_heads=G, attn_implementation="eager")
    theirs = LlamaAttention(config, layer_idx=0).to(dtype).eval()
    for letter in "qkvo":
        getattr(theirs, f"{letter}_proj").weight.data = getattr(ours, f"w_{letter}").weight.data
    x = normal(B, T, H * d, dtype=dtype)
    unrotated = torch.ones(B, T, d, dtype=dtype), torch.zeros(B, T, d, dtype=dtype)  # cos 1, sin 0
    for mask in (None, causal_mask(T), random_mask(B, T, T, seed=1), random_mask(B, 1, T, seed=2)):
        allowed = torch.ones(T, T, dtype=torch.bool) if mask is None else mask
        added = torch.zeros(B, T, T, dtype=dtype).masked_fill(~allowed, torch.finfo(dtype).min)[:, None]
        expected, expected_weights = theirs(x, position_embeddings=unrotated, attention_mask=added)
        out, weights = ours(x, mask)
        # Their softmax is in float32 whatever the dtype.
        torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(weights, expected_weights, atol=1e-6, rtol=1e-5)


@given(sizes, sizes, sizes, sizes)
@settings(deadline=None)
def test_splitting_and_merging_are_einops_rearrangements(B, T, H, d):
    x = normal(B, T, H * d)
    assert torch.equal(split_heads(x, H), einops.rearrange(x, "b t (h d) -> b h t d", h=H))
    y = normal(B, H, T, d)
    assert torch.equal(merge_heads(y), einops.rearrange(y, "b h t d -> b t (h d)"))
    assert torch.equal(merge_heads(split_heads(x, H)), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kv_heads", [6, 2, 1])
def test_the_cache_is_as_large_as_the_one_that_transformers_keeps(kv_heads, dtype):
    config = LlamaConfig(vocab_size=20, hidden_size=24, intermediate_size=8, num_hidden_layers=3, num_attention_heads=6,
                         num_key_value_heads=kv_heads)  # fmt: skip
    model = LlamaModel(config).to(dtype).eval()
    cache = model(torch.zeros(5, 11, dtype=torch.long), use_cache=True).past_key_values
    kept = sum(part.nbytes for layer in cache.layers for part in (layer.keys, layer.values))
    assert kv_cache_bytes(3, kv_heads, 4, 11, num_sequences=5, bytes_per_number=dtype.itemsize) == kept


def test_grouped_queries_are_multi_head_attention_whose_heads_share_key_and_value_matrices():
    grouped = check.fill(GroupedQueryAttention(12, 6, 2))
    plain = MultiHeadAttention(12, 6, bias=False)
    plain.w_q.weight.data, plain.w_o.weight.data = grouped.w_q.weight.data, grouped.w_o.weight.data
    for name in ("w_k", "w_v"):
        shared = getattr(grouped, name).weight.data.view(2, 2, 12)  # (G, d, D)
        getattr(plain, name).weight.data = shared.repeat_interleave(3, dim=0).reshape(12, 12)
    x = normal(2, 5, 12)
    torch.testing.assert_close(grouped(x)[0], plain(x)[0])


@pytest.mark.cuda
def test_grouped_queries_give_the_same_on_a_gpu():
    layer, x = check.fill(GroupedQueryAttention(32, 8, 2)), normal(2, 17, 32)
    expected = layer(x, causal_mask(17))[0]
    torch.testing.assert_close(layer.cuda()(x.cuda(), causal_mask(17).cuda())[0].cpu(), expected, atol=1e-4, rtol=1e-4)
