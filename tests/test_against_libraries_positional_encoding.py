"""The positional encodings against transformers' T5, Llama, BLOOM and MPT, with the same inputs and weights."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, T5Config
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor
from transformers.models.t5.modeling_t5 import T5Attention

from internals.positional_encoding import (
    LearnedPositions,
    T5RelativeBias,
    alibi_bias,
    alibi_slopes,
    apply_rope,
    relative_position_bucket,
    rope_frequencies,
    sinusoidal_encoding,
)
from internals.scaled_dot_product import causal_mask, scaled_dot_product_attention

head_counts = st.integers(1, 130)
lengths = st.integers(1, 40)


def normal(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_buckets, max_distance", [(32, 128), (32, 64), (8, 20), (16, 24), (14, 50), (64, 256)])
def test_buckets_are_t5s_at_every_distance(bidirectional, num_buckets, max_distance):
    r = torch.arange(-3 * max_distance, 3 * max_distance + 1).view(-1, 1)
    ours = relative_position_bucket(r, bidirectional, num_buckets, max_distance)
    theirs = T5Attention._relative_position_bucket(r, bidirectional, num_buckets, max_distance)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("is_decoder", [False, True])
@pytest.mark.parametrize("heads, n, m", [(1, 1, 1), (4, 7, 7), (8, 3, 200), (12, 150, 20)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_bias_is_t5s_with_the_same_weights(is_decoder, heads, n, m, dtype):
    config = T5Config(num_heads=heads, d_model=16, d_kv=4, is_decoder=is_decoder)
    reference = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).to(dtype)
    reference.relative_attention_bias.weight.data = normal(32, heads).to(dtype)
    bias = T5RelativeBias(heads, bidirectional=not is_decoder).to(dtype)
    bias.load_state_dict(reference.relative_attention_bias.state_dict())  # {"weight": …}: the same name and shape
    assert torch.equal(bias(n, m)[None], reference.compute_bias(n, m))


def llama_rotary(d, base, T):
    """transformers' rotation for positions 0 … T - 1: cos and sin, (1, T, d) each."""
    config = LlamaConfig(
        hidden_size=4 * d,
        num_attention_heads=4,
        head_dim=d,
        rope_parameters={"rope_type": "default", "rope_theta": base},
    )
    return LlamaRotaryEmbedding(config)(torch.zeros(1), torch.arange(T)[None])


@pytest.mark.parametrize("d, base, T", [(2, 10000.0, 5), (8, 10000.0, 300), (64, 10000.0, 50), (128, 500000.0, 2000)])
def test_cosines_and_sines_are_llamas(d, base, T):
    cos, sin = rope_frequencies(T, d, base)
    their_cos, their_sin = llama_rotary(d, base, T)
    # An angle of 2000 radians is rounded to 1e-4 in float32, whatever the order of operations.
    atol = max(1e-5, 2e-7 * T)
    torch.testing.assert_close(cos.repeat(1, 2)[None], their_cos, atol=atol, rtol=0)
    torch.testing.assert_close(sin.repeat(1, 2)[None], their_sin, atol=atol, rtol=0)


@given(st.integers(1, 3), st.integers(1, 4), lengths, st.sampled_from([2, 8, 64]), st.integers(0, 99))
@settings(deadline=None)
def test_the_rotation_is_llamas(B, H, T, d, seed):
    q, k = normal(B, H, T, d, seed=seed), normal(B, H, T, d, seed=seed + 1)
    cos, sin = rope_frequencies(T, d)
    rotated_q, rotated_k = apply_rotary_pos_emb(q, k, *llama_rotary(d, 10000.0, T))
    torch.testing.assert_close(apply_rope(q, cos, sin), rotated_q, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(apply_rope(k, cos, sin), rotated_k, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("dtype, atol", [(torch.float16, 4e-3), (torch.bfloat16, 4e-2), (torch.float64, 1e-5)])
def test_the_rotation_keeps_the_type(dtype, atol):
    x = normal(2, 3, 9, 16).to(dtype)
    out = apply_rope(x, *rope_frequencies(9, 16))
    assert out.dtype == dtype
    theirs, _ = apply_rotary_pos_emb(x, x, *(part.to(dtype) for part in llama_rotary(16, 10000.0, 9)))
    torch.testing.assert_close(out, theirs, atol=atol, rtol=1e-2)


@given(st.integers(0, 500), st.integers(0, 50), st.integers(0, 99))
@settings(deadline=None)
def test_rope_scores_depend_only_on_distance(shift, distance, seed):
    """Su et al. 2021, eq. 16: <R_m q, R_n k> is a function of m - n."""
    q, k = normal(1, 32, seed=seed).double(), normal(1, 32, seed=seed + 1).double()
    cos, sin = (part.double() for part in rope_frequencies(552, 32))

    def score(t, s):
        return apply_rope(q, cos[t : t + 1], sin[t : t + 1]) @ apply_rope(k, cos[s : s + 1], sin[s : s + 1]).T

    torch.testing.assert_close(score(shift + distance, shift), score(distance, 0), atol=1e-3, rtol=1e-4)


@given(head_counts)
@settings(deadline=None)
def test_slopes_are_blooms_and_mpts_for_any_head_count(heads):
    slopes = alibi_slopes(heads)
    bloom = build_alibi_tensor(torch.ones(1, 2), heads, torch.float32)[:, 0, 1]  # slope times position 1
    mpt = -build_mpt_alibi_tensor(heads, 2)[:, 0, 0]  # minus slope, one before the last
    torch.testing.assert_close(slopes, bloom, atol=1e-7, rtol=1e-5)
    torch.testing.assert_close(slopes, mpt, atol=1e-7, rtol=1e-5)


@given(head_counts, lengths, st.integers(0, 99))
@settings(deadline=None)
def test_attention_under_our_bias_is_blooms_and_mpts(heads, T, seed):
    """Both add the same row to every query, ours minus the distance: softmax does not see the difference."""
    scores = normal(heads, T, T, seed=seed)

    def weights(bias):
        return torch.softmax((scores + bias).masked_fill(~causal_mask(T), -math.inf), dim=-1)

    ours = weights(alibi_bias(alibi_slopes(heads), T))
    for theirs in (build_alibi_tensor(torch.ones(1, T), heads, torch.float32), build_mpt_alibi_tensor(heads, T)):
        torch.testing.assert_close(ours, weights(theirs), atol=1e-5, rtol=1e-4)


@given(lengths, st.sampled_from([2, 6, 64]))
@settings(deadline=None)
def test_sinusoids_are_the_papers_formula(T, D):
    P = sinusoidal_encoding(T, D)
    assert P.shape == (T, D) and P.dtype == torch.float32
    for t in (0, T // 2, T - 1):
        for i in range(D // 2):
            angle = t / 10000 ** (2 * i / D)
            assert P[t, 2 * i] == pytest.approx(math.sin(angle), abs=1e-5)
            assert P[t, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-5)


def test_sinusoids_and_rotation_share_their_angles():
    cos, sin = rope_frequencies(50, 16)
    assert torch.equal(sinusoidal_encoding(50, 16), torch.stack((sin, cos), dim=-1).flatten(-2))


def test_a_learned_table_ends():
    positions = LearnedPositions(5, 4)
    x = normal(2, 5, 4)
    torch.testing.assert_close(positions(x), x + positions.weight)
    with pytest.raises(ValueError, match="6 tokens.*after 5"):
        positions(normal(2, 6, 4))


@given(st.permutations(range(6)), st.integers(0, 99))
@settings(deadline=None)
def test_attention_without_positions_is_permutation_equivariant(order, seed):
    q, k, v = (normal(6, 4, seed=seed + i) for i in range(3))
    out, _ = scaled_dot_product_attention(q, k, v)
    shuffled, _ = scaled_dot_product_attention(q[order], k[order], v[order])
    torch.testing.assert_close(shuffled, out[order], atol=1e-6, rtol=1e-5)


@pytest.mark.cuda
def test_encodings_follow_their_weights_to_a_gpu():
    assert T5RelativeBias(4).cuda()(3, 5).is_cuda
    assert LearnedPositions(5, 4).cuda()(normal(2, 5, 4).cuda()).is_cuda
    assert alibi_bias(alibi_slopes(4).cuda(), 5).is_cuda
