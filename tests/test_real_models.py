"""Opened-up models against transformers, with the same weights: the real ones, and the random ones that stand in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autograder import data
from internals import model_files
from internals.real_models import RealModel, load_minilm, load_smollm2

TEXTS = ["The cat sat on the mat.", "The bank of the river, the bank on the corner: 2024!", "naïve 🎉 日本"]


def reference(model: RealModel):
    """transformers' model with the same settings and weights."""
    import transformers

    settings = {name: value for name, value in model.config.items() if name not in ("model_type", "architectures")}
    if model.config["model_type"] == "bert":
        config = transformers.BertConfig(**settings, attn_implementation="eager")
        built = transformers.BertModel(config, add_pooling_layer="pooler.dense.weight" in model.weights)
    else:
        base = settings.pop("rope_theta")
        config = transformers.LlamaConfig(
            **settings,
            rope_parameters={"rope_type": "default", "rope_theta": base},
            attention_bias=False,
            mlp_bias=False,
            attn_implementation="eager",
        )
        built = transformers.LlamaForCausalLM(config)
    missing, unexpected = built.load_state_dict(model.weights, strict=False)
    assert unexpected == [] and set(missing) <= {"lm_head.weight", "embeddings.position_ids"}
    built.tie_weights()
    return built.eval()


def assert_agrees(model: RealModel, other) -> None:
    for text in TEXTS:
        ids = model.ids(text)
        with torch.no_grad():
            out = other(torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
        tokens, states = model.hidden_states(text)
        again, maps = model.attention_maps(text)
        assert tokens == again == model.tokens(text) and len(tokens) == len(ids)
        scale = torch.cat(out.hidden_states).abs().amax(dim=(1, 2), keepdim=True).clamp(min=1)
        torch.testing.assert_close(states / scale, torch.cat(out.hidden_states) / scale, atol=1e-4, rtol=0)
        torch.testing.assert_close(maps, torch.cat(out.attentions), atol=1e-4, rtol=0)


@pytest.fixture
def offline(monkeypatch):
    def nothing(key):
        raise data.Unavailable(f"{key} is not here")

    monkeypatch.setattr(data, "load", nothing)


@pytest.mark.parametrize("load", [load_minilm, load_smollm2])
def test_a_stand_in_says_so_and_computes_what_transformers_computes(load, offline, capsys):
    model = load()
    assert not model.real
    assert "random model" in capsys.readouterr().out
    assert_agrees(model, reference(model))


@pytest.mark.parametrize("load", [load_minilm, load_smollm2])
def test_a_stand_in_is_the_same_every_time(load, offline):
    first, second = load(), load()
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)
    assert first.hidden_states("a b")[1].equal(second.hidden_states("a b")[1])


def test_stand_ins_have_as_many_layers_and_heads_as_the_real(offline):
    text = "The cat sat"
    tokens, maps = load_minilm().attention_maps(text)
    assert tokens == ["[CLS]", "the", "cat", "sat", "[SEP]"] and maps.shape == (6, 12, 5, 5)
    tokens, maps = load_smollm2().attention_maps(text)
    assert tokens == ["The", " cat", " sat"] and maps.shape == (30, 9, 3, 3)
    assert not maps.triu(1).any()
    torch.testing.assert_close(maps.sum(-1), torch.ones(30, 9, 3))


@pytest.mark.parametrize("text", ["", "word " * 600])
def test_a_text_that_the_model_cannot_take_is_one_line(text, offline):
    model = load_minilm() if text else load_smollm2()
    with pytest.raises(ValueError, match="the model takes 1 to"):
        model.hidden_states(text)


def test_half_split_undoes_the_permutation_of_ggufs_converter():
    """llama.cpp's converter stores row j of half h of a head as row 2 j + h."""
    heads, d, width = 3, 8, 5
    ours = torch.randn(heads * d, width, generator=torch.Generator().manual_seed(0))
    stored = ours.reshape(heads, 2, d // 2, width).swapaxes(1, 2).reshape(heads * d, width)
    assert not stored.equal(ours)
    assert model_files.half_split(stored, d).equal(ours)


@pytest.mark.parametrize("kind", ["Q4_1", "Q8_0", "F32"])
def test_each_kind_of_tensor_in_the_file_is_read_as_its_format_says(kind):
    """Q4_1: 32 values as d q + m, q of 4 bits, the first 16 in the low halves. Q8_0: 32 values as d q, q of 8 bits."""
    from gguf import GGMLQuantizationType, dequantize

    random = np.random.default_rng(0)
    if kind == "F32":
        stored = wanted = random.normal(size=(3, 64)).astype(np.float32)
    else:
        d, m = (random.normal(size=(3, 2, 1)).astype(np.float16) for _ in "dm")
        if kind == "Q4_1":
            q = random.integers(0, 16, (3, 2, 32)).astype(np.uint8)
            parts = [d.view(np.uint8), m.view(np.uint8), q[..., :16] | q[..., 16:] << 4]
            wanted = d.astype(np.float32) * q + m.astype(np.float32)
        else:
            q = random.integers(-128, 128, (3, 2, 32)).astype(np.int8)
            parts = [d.view(np.uint8), q.view(np.uint8)]
            wanted = d.astype(np.float32) * q
        stored, wanted = np.concatenate(parts, axis=-1).reshape(3, -1), wanted.reshape(3, 64)
    np.testing.assert_allclose(dequantize(stored, GGMLQuantizationType[kind]), wanted, rtol=1e-6)


# ---- the real ones


@pytest.mark.slow
@pytest.mark.network("minilm")
def test_minilm_computes_what_transformers_computes():
    model = load_minilm()
    assert model.real and all(weight.dtype == torch.float32 for weight in model.weights.values())
    assert_agrees(model, reference(model))
    assert model.tokens("unaffable") == ["[CLS]", "una", "##ffa", "##ble", "[SEP]"]


@pytest.mark.slow
@pytest.mark.network("smollm2")
def test_smollm2_computes_what_transformers_computes_and_knows_a_capital():
    model = load_smollm2()
    assert model.real and all(weight.dtype == torch.float32 for weight in model.weights.values())
    assert sum(weight.numel() for weight in model.weights.values()) == 134_515_008
    assert_agrees(model, reference(model))
    tokens, states = model.hidden_states("The capital of France is")
    assert tokens == ["The", " capital", " of", " France", " is"]
    logits = states[-1, -1] @ model.weights["model.embed_tokens.weight"].T
    assert model.ids(" Paris") == [int(logits.argmax())]


@pytest.mark.slow
@pytest.mark.network("smollm2")
def test_smollm2s_tokens_spell_the_text_and_keep_digits_and_specials_apart():
    model = load_smollm2()
    for text in ("In 2024 I've seen it.", "  two  spaces\n\tand a tab", "x = [1, 2]  # ok"):
        assert "".join(model.tokens(text)) == text
    assert model.tokens("2024") == list("2024")
    assert model.tokens("<|im_start|>user\n") == ["<|im_start|>", "user", "\n"]
    assert len(model.ids("🎉")) == len(model.tokens("🎉")) > 1
