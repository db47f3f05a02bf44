"""The finished parts against the libraries that the curriculum names, with the same inputs."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from internals.scaled_dot_product import (
    attention_scores,
    causal_mask,
    cross_attention,
    padding_mask,
    scaled_dot_product_attention,
    softmax,
)

sizes = st.integers(1, 6)


def normal(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


@given(st.lists(sizes, max_size=2), sizes, sizes, sizes, sizes, st.integers(0, 99), st.sampled_from([1.0, 30.0]))
@settings(deadline=None)
def test_attention_equals_torchs_with_and_without_a_mask(leading, n, m, d_k, d_v, seed, scale):
    q, k, v = (normal(*leading, *size, seed=seed + i) for i, size in enumerate([(n, d_k), (m, d_k), (m, d_v)]))
    mask = torch.rand(n, m, generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[:, 0] = True
    for allowed in (None, mask):
        out, weights = scaled_dot_product_attention(scale * q, k, v, allowed)
        torch.testing.assert_close(
            out, F.scaled_dot_product_attention(scale * q, k, v, attn_mask=allowed), atol=1e-5, rtol=1e-5
        )
        torch.testing.assert_close(weights.sum(-1), torch.ones(*leading, n))
        assert allowed is None or not weights[..., ~mask].any()


def test_the_causal_mask_is_torchs_is_causal():
    q = normal(2, 3, 9, 4)
    out, _ = scaled_dot_product_attention(q, q, q, causal_mask(9))
    torch.testing.assert_close(out, F.scaled_dot_product_attention(q, q, q, is_causal=True), atol=1e-5, rtol=1e-5)


def test_padding_changes_nothing_for_the_real_tokens():
    q, k, v = normal(2, 3, 4, seed=1), normal(2, 7, 4, seed=2), normal(2, 7, 5, seed=3)
    lengths = torch.tensor([4, 7])
    out, _ = scaled_dot_product_attention(q, k, v, padding_mask(lengths, 7))
    for row, length in enumerate(lengths):
        alone, _ = scaled_dot_product_attention(q[row], k[row, :length], v[row, :length])
        torch.testing.assert_close(out[row], alone, atol=1e-5, rtol=1e-5)


def test_cross_attention_equals_torchs_multi_head_attention_with_one_head():
    x, memory = normal(2, 3, 6, seed=1), normal(2, 5, 4, seed=2)
    w_q, w_k, w_v = normal(6, 6, seed=3), normal(4, 6, seed=4), normal(4, 6, seed=5)
    reference = torch.nn.MultiheadAttention(6, 1, bias=False, kdim=4, vdim=4, batch_first=True)
    with torch.no_grad():
        reference.q_proj_weight.copy_(w_q.T)
        reference.k_proj_weight.copy_(w_k.T)
        reference.v_proj_weight.copy_(w_v.T)
        reference.out_proj.weight.copy_(torch.eye(6))
        expected, expected_weights = reference(x, memory, memory)
    out, weights = cross_attention(x, memory, w_q, w_k, w_v)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(weights, expected_weights, atol=1e-5, rtol=1e-4)


@given(st.integers(0, 99), st.integers(-3, 2), st.sampled_from([1.0, 500.0]))
@settings(deadline=None)
def test_the_numpy_parts_equal_torch(seed, axis, scale):
    x = scale * normal(2, 3, 4, seed=seed)
    np.testing.assert_allclose(softmax(x.numpy(), axis), torch.softmax(x, axis).numpy(), atol=1e-6)
    q, k = normal(2, 5, 8, seed=seed), normal(2, 7, 8, seed=seed + 1)
    np.testing.assert_allclose(attention_scores(q.numpy(), k.numpy()), (q @ k.mT / 8**0.5).numpy(), atol=1e-5)


def test_gradients_equal_torchs():
    inputs = [normal(5, 8, seed=i).double().requires_grad_() for i in range(3)]
    theirs = [x.detach().clone().requires_grad_() for x in inputs]
    scaled_dot_product_attention(*inputs, causal_mask(5))[0].pow(2).sum().backward()
    F.scaled_dot_product_attention(*theirs, is_causal=True).pow(2).sum().backward()
    for ours, reference in zip(inputs, theirs, strict=True):
        torch.testing.assert_close(ours.grad, reference.grad)


@pytest.mark.cuda
def test_attention_equals_torchs_on_a_gpu():
    q, k, v = (normal(2, 4, 33, 16, seed=i).cuda() for i in range(3))
    out, _ = scaled_dot_product_attention(q, k, v, causal_mask(33).cuda())
    torch.testing.assert_close(out, F.scaled_dot_product_attention(q, k, v, is_causal=True), atol=1e-4, rtol=1e-4)
