"""The norms and the blocks against torch.nn and transformers' Llama and T5, with the same inputs and weights."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRMSNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

from autograder import check
from internals.layer_norm_comparison import (
    BatchNorm,
    LayerNorm,
    PostNormBlock,
    PreNormBlock,
    RMSNorm,
    layer_norm_backward,
    rms_norm_backward,
)
from internals.multi_head import MultiHeadAttention

sizes = st.integers(1, 6)
epsilons = st.sampled_from([1e-6, 1e-5, 1e-3, 0.5])
dtypes = st.sampled_from([torch.float32, torch.float64])
TOLERANCE = {torch.float32: {"atol": 1e-5, "rtol": 1e-5}, torch.float64: {"atol": 1e-10, "rtol": 1e-10}}


def normal(*size, seed=0, dtype=torch.float32):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def outputs_and_gradients(layer, x):
    """What a layer makes of x, and the gradients of x and of every parameter by name for a loss that is not linear."""
    x = x.clone().requires_grad_()
    out = layer(x)
    names, parameters = zip(*layer.named_parameters(), strict=True)
    gradients = torch.autograd.grad(out.pow(3).sum(), (x, *parameters))
    return {"out": out.detach(), **dict(zip(("x", *names), gradients, strict=True))}


def assert_same(ours, theirs, x):
    tolerance, expected = TOLERANCE[x.dtype], outputs_and_gradients(theirs, x)
    # The gradients are sums over all tokens: float32 is held to what it can keep.
    loose = {name: {"atol": 1e-4, "rtol": 1e-4} for name in expected if x.dtype == torch.float32 and name != "out"}
    for name, value in outputs_and_gradients(ours, x).items():
        torch.testing.assert_close(value, expected[name], **loose.get(name, tolerance), msg=lambda m, n=name: f"{n}: {m}")


@given(sizes, sizes, st.integers(2, 9), epsilons, dtypes)
@settings(deadline=None, max_examples=60)
def test_layer_norm_is_pytorchs_with_its_gradients(B, T, D, eps, dtype):
    ours, theirs = (check.fill(kind(D, eps=eps)).to(dtype) for kind in (LayerNorm, nn.LayerNorm))
    for x in (3 * normal(B, T, D, dtype=dtype) + 1, normal(T, D, seed=1, dtype=dtype), normal(D, seed=2, dtype=dtype)):
        assert_same(ours, theirs, x)


@given(sizes, sizes, sizes, epsilons, dtypes)
@settings(deadline=None, max_examples=60)
def test_rms_norm_is_pytorchs_with_its_gradients(B, T, D, eps, dtype):
    ours, theirs = (check.fill(kind(D, eps=eps)).to(dtype) for kind in (RMSNorm, nn.RMSNorm))
    for x in (3 * normal(B, T, D, dtype=dtype) + 1, normal(T, D, seed=1, dtype=dtype), normal(D, seed=2, dtype=dtype)):
        assert_same(ours, theirs, x)


@pytest.mark.parametrize("kind", [LlamaRMSNorm, T5LayerNorm])
@pytest.mark.parametrize("eps", [1e-6, 1e-5])
def test_rms_norm_is_llamas_and_t5s(kind, eps):
    ours, theirs = check.fill(RMSNorm(12, eps)), check.fill(kind(12, eps))
    for scale in (1e-3, 1.0, 100.0):
        assert_same(ours, theirs, scale * normal(2, 5, 12))


@given(st.integers(2, 6), sizes, sizes, epsilons, st.sampled_from([0.1, 0.01, 0.5]), dtypes)
@settings(deadline=None, max_examples=60)
def test_batch_norm_is_pytorchs_in_training_and_in_evaluation(B, T, D, eps, momentum, dtype):
    ours = check.fill(BatchNorm(D, eps, momentum)).to(dtype)
    rows, sequences = (check.fill(nn.BatchNorm1d(D, eps, momentum)).to(dtype) for _ in range(2))
    again = check.fill(BatchNorm(D, eps, momentum)).to(dtype)

    def across(x):  # PyTorch has the features before the sequence
        return sequences(x.mT).mT

    for batch in range(3):
        x = 2 * normal(B, D, seed=batch, dtype=dtype) + batch
        torch.testing.assert_close(ours(x), rows(x), **TOLERANCE[dtype])
        y = normal(B, T, D, seed=10 + batch, dtype=dtype) - batch
        torch.testing.assert_close(again(y), across(y), **TOLERANCE[dtype])
    for mine, theirs in ((ours, rows), (again, sequences)):
        torch.testing.assert_close(mine.running_mean, theirs.running_mean, **TOLERANCE[dtype])
        torch.testing.assert_close(mine.running_var, theirs.running_var, **TOLERANCE[dtype])
        mine.eval(), theirs.eval()
    x, y = normal(1, D, seed=20, dtype=dtype), normal(B, T, D, seed=21, dtype=dtype)
    torch.testing.assert_close(ours(x), rows(x), **TOLERANCE[dtype])
    torch.testing.assert_close(again(y), across(y), **TOLERANCE[dtype])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batch_norms_gradients_are_pytorchs(training, dtype):
    ours, theirs = (check.fill(kind(5)).to(dtype).train(training) for kind in (BatchNorm, nn.BatchNorm1d))
    assert_same(ours, theirs, 2 * normal(7, 5, dtype=dtype) + 1)


def test_a_saved_batch_norm_of_pytorch_loads_into_ours():
    theirs = check.fill(nn.BatchNorm1d(5))
    theirs(normal(7, 5))
    ours = BatchNorm(5)
    saved = {name: value for name, value in theirs.state_dict().items() if name != "num_batches_tracked"}
    ours.load_state_dict(saved)
    torch.testing.assert_close(ours.eval()(normal(3, 5, seed=1)), theirs.eval()(normal(3, 5, seed=1)))


@given(sizes, sizes, st.integers(2, 9), epsilons)
@settings(deadline=None)
def test_layer_norms_hand_made_gradients_are_autograds(B, T, D, eps):
    g, x = normal(B, T, D, dtype=torch.float64), 3 * normal(B, T, D, seed=1, dtype=torch.float64) - 1
    weight, bias = normal(D, seed=2, dtype=torch.float64), normal(D, seed=3, dtype=torch.float64)
    inputs = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
    expected = torch.autograd.grad(F.layer_norm(inputs[0], (D,), *inputs[1:], eps), inputs, g)
    for ours, theirs in zip(layer_norm_backward(g, x, weight, eps), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-10)


@given(sizes, sizes, sizes, epsilons)
@settings(deadline=None)
def test_rms_norms_hand_made_gradients_are_autograds(B, T, D, eps):
    g, x = normal(B, T, D, dtype=torch.float64), 3 * normal(B, T, D, seed=1, dtype=torch.float64) - 1
    weight = normal(D, seed=2, dtype=torch.float64)
    inputs = [tensor.clone().requires_grad_() for tensor in (x, weight)]
    expected = torch.autograd.grad(F.rms_norm(inputs[0], (D,), inputs[1], eps), inputs, g)
    for ours, theirs in zip(rms_norm_backward(g, x, weight, eps), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-10)


class SelfAttention(nn.Module):
    """Our attention with the weights of PyTorch's, and its output alone."""

    def __init__(self, theirs):
        super().__init__()
        self.ours = MultiHeadAttention(theirs.embed_dim, theirs.num_heads)
        for name, weight, bias in zip("qkv", theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True):
            getattr(self.ours, f"w_{name}").load_state_dict({"weight": weight, "bias": bias})
        self.ours.w_o.load_state_dict(theirs.out_proj.state_dict())

    def forward(self, x, mask=None):
        return self.ours(x, mask=mask)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("block", "norm_first"), [(PreNormBlock, True), (PostNormBlock, False)])
def test_two_blocks_are_pytorchs_encoder_layer(block, norm_first, dtype):
    torch.manual_seed(0)
    theirs = nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, norm_first=norm_first, batch_first=True).train()
    check.fill(theirs.norm1), check.fill(theirs.norm2)
    attention = block(12, SelfAttention(theirs.self_attn))
    feed_forward = block(12, nn.Sequential(theirs.linear1, nn.ReLU(), theirs.linear2))
    attention.norm.load_state_dict(theirs.norm1.state_dict())
    feed_forward.norm.load_state_dict(theirs.norm2.state_dict())
    for module in (attention, feed_forward, theirs):
        module.to(dtype)
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    x = [normal(2, 5, 12, dtype=dtype).requires_grad_() for _ in range(2)]
    ours, expected = feed_forward(attention(x[0], mask=mask)), theirs(x[1], src_mask=~mask)
    torch.testing.assert_close(ours, expected, **TOLERANCE[dtype])
    (gradient,), (expected_gradient,) = (torch.autograd.grad(y.pow(3).sum(), z) for y, z in zip((ours, expected), x, strict=True))
    torch.testing.assert_close(gradient, expected_gradient, atol=1e-4, rtol=1e-4)


def test_llamas_layer_is_two_pre_norm_blocks_whatever_its_norms_are_called():
    config = LlamaConfig(hidden_size=12, intermediate_size=20, num_attention_heads=3, attn_implementation="eager")
    torch.manual_seed(0)
    theirs = LlamaDecoderLayer(config, layer_idx=0).eval()
    for norm in (theirs.input_layernorm, theirs.post_attention_layernorm):
        check.fill(norm)

    def attention(x, **others):
        return theirs.self_attn(x, **others)[0]

    first = PreNormBlock(12, attention, RMSNorm)
    second = PreNormBlock(12, theirs.mlp, RMSNorm)
    first.norm.load_state_dict(theirs.input_layernorm.state_dict())
    second.norm.load_state_dict(theirs.post_attention_layernorm.state_dict())
    x, unrotated = normal(2, 5, 12), (torch.ones(2, 5, 4), torch.zeros(2, 5, 4))
    mask = torch.full((5, 5), torch.finfo(torch.float32).min).triu(1)[None, None]
    others = {"position_embeddings": unrotated, "attention_mask": mask}
    expected = theirs(x, **others)
    expected = expected[0] if isinstance(expected, tuple) else expected
    torch.testing.assert_close(second(first(x, **others)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.cuda
def test_the_norms_give_the_same_on_a_gpu():
    x = 3 * normal(4, 33, 64) + 1
    for kind in (BatchNorm, LayerNorm, RMSNorm):
        layer = check.fill(kind(64))
        torch.testing.assert_close(layer(x), check.fill(kind(64)).cuda()(x.cuda()).cpu(), atol=1e-4, rtol=1e-4)
