"""feed_forward's parts against PyTorch and transformers, with the same weights; parameters counted on models that take
no memory."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
from transformers.models.llama.modeling_llama import LlamaMLP

from autograder import check
from internals.feed_forward import Architecture, FeedForward, SwiGLU, gelu, parameter_share, silu

sizes = st.integers(1, 6)
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
tanh_gelu = partial(gelu, approximate="tanh")
ACTIVATIONS = {
    "gelu": (gelu, F.gelu),
    "gelu, tanh": (tanh_gelu, partial(F.gelu, approximate="tanh")),
    "silu": (silu, F.silu),
}


def normal(*size, seed=0, dtype=torch.float32):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@given(x=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20))
@settings(deadline=None)
def test_activations_and_their_gradients_equal_pytorchs(name, dtype, atol, x):
    ours, theirs = ACTIVATIONS[name]
    mine = torch.tensor(x, dtype=dtype).requires_grad_()
    other = torch.tensor(x, dtype=dtype).requires_grad_()
    out, expected = ours(mine), theirs(other)
    torch.testing.assert_close(out, expected, atol=atol, rtol=1e-5)
    out.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(mine.grad, other.grad, atol=10 * atol, rtol=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_activations_of_any_finite_number_are_finite_as_are_their_gradients(name, dtype):
    ours, theirs = ACTIVATIONS[name]
    magnitudes = torch.tensor([0.0, 1e-30, 1e-3, 1.0, 10.0, 89.0, 1e3, 1e6, 1e10], dtype=dtype)
    x = torch.cat([magnitudes, -magnitudes]).requires_grad_()
    out = ours(x)
    out.sum().backward()
    assert out.isfinite().all() and x.grad.isfinite().all() and out.dtype is dtype
    torch.testing.assert_close(out, theirs(x), atol=1e-2 if dtype is torch.bfloat16 else 1e-6, rtol=1e-2)


def test_the_two_forms_of_gelu_differ_by_less_than_half_a_thousandth():
    x = torch.linspace(-10, 10, 100_001, dtype=torch.float64)
    assert 4e-4 < (gelu(x) - tanh_gelu(x)).abs().max() < 5e-4


@given(sizes, sizes, sizes, sizes, st.booleans(), st.sampled_from(list(TOLERANCE)), st.booleans())
@settings(deadline=None, max_examples=40)
def test_a_layer_is_the_feed_forward_half_of_pytorchs_encoder_layer(B, T, D, width, bias, dtype, bent):
    activation = F.gelu if bent else F.relu
    ours = check.fill(FeedForward(D, width, gelu if bent else F.relu, bias=bias)).to(dtype)
    theirs = nn.TransformerEncoderLayer(D, 1, width, dropout=0.0, activation=activation, bias=bias).to(dtype)
    theirs.linear1, theirs.linear2 = ours.up, ours.down
    x = normal(B, T, D, dtype=dtype)
    torch.testing.assert_close(ours(x), theirs._ff_block(x), atol=TOLERANCE[dtype], rtol=1e-5)


def test_dropout_acts_where_it_does_in_pytorchs_encoder_layer_which_drops_again_afterwards():
    ours = check.fill(FeedForward(8, 32, dropout=0.4))
    theirs = nn.TransformerEncoderLayer(8, 1, 32, dropout=0.4)
    theirs.linear1, theirs.linear2, theirs.dropout2 = ours.up, ours.down, nn.Identity()
    x = normal(3, 5, 8)
    torch.manual_seed(0)
    out = ours(x)
    torch.manual_seed(0)
    torch.testing.assert_close(out, theirs._ff_block(x))
    torch.testing.assert_close(ours.eval()(x), theirs.eval()._ff_block(x))


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_a_layer_with_the_tanh_form_is_gpt2s(dtype):
    config = GPT2Config(n_embd=12)
    ours = check.fill(FeedForward(12, 30, tanh_gelu)).to(dtype)
    theirs = GPT2MLP(30, config).to(dtype).eval()
    for mine, other in ((ours.up, theirs.c_fc), (ours.down, theirs.c_proj)):
        other.weight.data, other.bias.data = mine.weight.data.T, mine.bias.data  # its matrices are (in, out)
    x = 3 * normal(2, 7, 12, dtype=dtype)
    torch.testing.assert_close(ours(x), theirs(x), atol=TOLERANCE[dtype], rtol=1e-5)


@given(sizes, sizes, sizes, st.booleans(), st.sampled_from(list(TOLERANCE)))
@settings(deadline=None, max_examples=40)
def test_swiglu_is_llamas_with_its_gradients(T, D, width, bias, dtype):
    config = LlamaConfig(hidden_size=D, intermediate_size=width, mlp_bias=bias, num_attention_heads=1, head_dim=2)
    ours, theirs = check.fill(SwiGLU(D, width, bias=bias)).to(dtype), LlamaMLP(config).to(dtype)
    for name in ("gate", "up", "down"):
        getattr(theirs, f"{name}_proj").load_state_dict(getattr(ours, name).state_dict())
    x = 3 * normal(2, T, D, dtype=dtype)
    out, expected = ours(x), theirs(x)
    torch.testing.assert_close(out, expected, atol=TOLERANCE[dtype], rtol=1e-5)
    out.pow(2).sum().backward()
    expected.pow(2).sum().backward()
    for name in ("gate", "up", "down"):
        mine, other = getattr(ours, name).weight.grad, getattr(theirs, f"{name}_proj").weight.grad
        torch.testing.assert_close(mine, other, atol=1e-3 if dtype is torch.float32 else 1e-9, rtol=1e-4)


@pytest.mark.parametrize("make", [partial(FeedForward, activation=gelu), SwiGLU])
def test_no_token_hears_another(make):
    layer, x = check.fill(make(8, 24)), normal(2, 5, 8)
    changed = x.clone()
    changed[1, 3] += 1
    differs = (layer(changed) != layer(x)).any(-1)
    assert differs.tolist() == [[False] * 5, [False, False, False, True, False]]
    order = [4, 2, 0, 1, 3]
    assert torch.equal(layer(x[:, order]), layer(x)[:, order])


def count(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("layers", "width"), [(12, 768), (24, 1024), (36, 1280), (48, 1600)])
def test_counts_of_gpt2_equal_transformers(layers, width):
    with torch.device("meta"):
        theirs = GPT2LMHeadModel(GPT2Config(n_layer=layers, n_embd=width, n_head=width // 64))
    share, counts = parameter_share(Architecture(50257, width, layers, 4 * width, width, table_rows=1024))
    assert sum(counts.values()) == count(theirs)
    blocks = theirs.transformer.h
    assert counts["feed_forward"] == sum(count(block.mlp) for block in blocks)
    assert counts["attention"] == sum(count(block.attn) for block in blocks)
    assert share == counts["feed_forward"] / count(theirs)


@pytest.mark.parametrize(("layers", "width", "hidden"), [(12, 768, 3072), (24, 1024, 4096), (6, 384, 1536)])
def test_counts_of_bert_equal_transformers(layers, width, hidden):
    config = BertConfig(num_hidden_layers=layers, hidden_size=width, intermediate_size=hidden,
                        num_attention_heads=width // 32)  # fmt: skip
    with torch.device("meta"):
        theirs = BertModel(config, add_pooling_layer=False)
    _, counts = parameter_share(Architecture(30522, width, layers, hidden, width, table_rows=512 + 2))
    assert sum(counts.values()) == count(theirs)
    blocks = theirs.encoder.layer
    wide = sum(count(block.intermediate.dense) + count(block.output.dense) for block in blocks)
    assert counts["feed_forward"] == wide


LLAMAS = {
    "Llama 3 8B": (128256, 4096, 32, 14336, 32, 8, False),
    "SmolLM2 135M": (49152, 576, 30, 1536, 9, 3, True),
    "LLaMA 7B": (32000, 4096, 32, 11008, 32, 32, False),
}


@pytest.mark.parametrize("name", LLAMAS)
@pytest.mark.parametrize("biases", [False, True])
def test_counts_of_llamas_equal_transformers(name, biases):
    vocab_size, width, layers, hidden, heads, kv_heads, tied = LLAMAS[name]
    config = LlamaConfig(vocab_size=vocab_size, hidden_size=width, num_hidden_layers=layers, intermediate_size=hidden,
                         num_attention_heads=heads, num_key_value_heads=kv_heads, tie_word_embeddings=tied,
                         attention_bias=biases, mlp_bias=biases)  # fmt: skip
    with torch.device("meta"):
        theirs = LlamaForCausalLM(config)
    kv_width = kv_heads * width // heads
    _, counts = parameter_share(
        Architecture(vocab_size, width, layers, hidden, kv_width, gated=True, bias=biases, tied=tied)
    )
    norms = (2 * layers + 1) * width  # theirs never have a bias
    assert counts["norms"] == norms * (1 + biases)
    assert sum(counts.values()) == count(theirs) + biases * norms
    assert counts["feed_forward"] == sum(count(layer.mlp) for layer in theirs.model.layers)
    assert counts["attention"] == sum(count(layer.self_attn) for layer in theirs.model.layers)


def test_the_shares_are_46_52_and_70_percent_of_whole_models_and_two_thirds_of_a_block():
    models = {
        "GPT-2": Architecture(50257, 768, 12, 3072, 768, table_rows=1024),
        "BERT": Architecture(30522, 768, 12, 3072, 768, table_rows=514),
        "Llama 3 8B": Architecture(128256, 4096, 32, 14336, 1024, gated=True, bias=False, tied=False),
    }
    assert [f"{parameter_share(model)[0]:.0%}" for model in models.values()] == ["46%", "52%", "70%"]
    for name in ("GPT-2", "BERT"):
        counts = parameter_share(models[name])[1]
        assert counts["feed_forward"] / (counts["feed_forward"] + counts["attention"]) == pytest.approx(2 / 3, abs=1e-3)
    counts = parameter_share(models["Llama 3 8B"])[1]
    billions = [f"{counts[part] / 1e9:.2f}" for part in ("attention", "feed_forward", "embeddings", "output")]
    assert billions == ["1.34", "5.64", "0.53", "0.53"]


def test_eight_thirds_of_the_width_keeps_the_parameters():
    assert count(SwiGLU(96, 256)) == count(FeedForward(96, 384, bias=False))


@pytest.mark.cuda
@pytest.mark.parametrize("make", [partial(FeedForward, activation=gelu), SwiGLU])
def test_layers_give_the_same_on_a_gpu(make):
    layer, x = check.fill(make(32, 96)), normal(2, 17, 32)
    expected = layer(x)
    torch.testing.assert_close(layer.cuda()(x.cuda()).cpu(), expected, atol=1e-4, rtol=1e-4)
