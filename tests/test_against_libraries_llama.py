"""llama's parts against transformers' Llama, with the same weights, and against PyTorch's own count of operations."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention as TheirAttention
from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRMSNorm, LlamaRotaryEmbedding

from autograder import check
from internals.feed_forward import Architecture, parameter_share
from internals.layer_norm_comparison import RMSNorm
from internals.llama import (
    KVCache,
    Llama,
    LlamaAttention,
    LlamaBlock,
    flops_per_token,
    generate,
    load_smollm2,
)
from internals.multi_head import kv_cache_bytes
from internals.positional_encoding import rope_frequencies
from internals.real_models import load_smollm2 as open_smollm2

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}
# vocabulary, width, heads, KV heads, layers, hidden width, base of RoPE, eps, tied
SHAPES = {
    "grouped": (23, 24, 6, 2, 3, 40, 10000.0, 1e-5, False),
    "multi-query, tied": (17, 16, 4, 1, 2, 24, 500.0, 1e-6, True),
    "multi-head": (29, 12, 3, 3, 4, 30, 100000.0, 1e-2, False),
    "deep, grouped, tied": (31, 32, 8, 4, 30, 20, 10000.0, 1e-5, True),
}
TEN = ["The capital of France is", "The opposite of hot is", "One, two, three,", "Once upon a time, there was a",
       "Water freezes at zero degrees", "def add(a, b):\n    return", "The sun rises in the", "2 + 2 =",
       "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n", "naïve 🎉 日本"]  # fmt: skip


def settings_of(vocab, width, heads, kv_heads, layers, hidden, base, eps, tied):
    """transformers' settings, as `load_smollm2` reads them."""
    return {"vocab_size": vocab, "hidden_size": width, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
            "num_hidden_layers": layers, "intermediate_size": hidden, "max_position_embeddings": 64,
            "rope_theta": base, "rms_norm_eps": eps, "tie_word_embeddings": tied}  # fmt: skip


def their_llama(config):
    """transformers' model with these settings and random weights."""
    config = {name: value for name, value in config.items() if name != "model_type"}
    base = config.pop("rope_theta")
    rope = {"rope_type": "default", "rope_theta": base}
    return LlamaForCausalLM(LlamaConfig(**config, rope_parameters=rope, attn_implementation="sdpa"))


def exact(theirs):
    """Let transformers' norms compute in the type of their input: as they are, they compute in float32."""
    for part in theirs.modules():
        if isinstance(part, LlamaRMSNorm):
            part.forward = partial(rms_norm, part)
    return theirs


def rms_norm(part, x):
    return torch.nn.functional.rms_norm(x, x.shape[-1:], part.weight, part.variance_epsilon)


def pair(name, dtype=torch.float32):
    """Our model, loaded from transformers' weights, and theirs."""
    torch.manual_seed(0)
    config = settings_of(*SHAPES[name])
    theirs = their_llama(config)
    for parameter in theirs.parameters():  # norms too, and no matrix near zero
        torch.nn.init.normal_(parameter, mean=float(parameter.dim() == 1), std=0.3)
    ours = load_smollm2({n: p for n, p in theirs.state_dict().items() if not (n == "lm_head.weight" and config["tie_word_embeddings"])}, config)  # fmt: skip # noqa: E501
    ours, theirs = ours.to(dtype), exact(theirs.to(dtype).eval())
    their_cos, their_sin = theirs.model.rotary_emb(torch.zeros(1, dtype=dtype), torch.arange(64)[None])
    d = ours.cos.shape[1]
    torch.testing.assert_close(ours.cos, their_cos[0, :, :d], atol=2e-5, rtol=0)  # angles are computed in float32
    ours.cos, ours.sin = their_cos[0, :, :d], their_sin[0, :, :d]  # the last digits of an angle are not the question
    return ours, theirs


def some_ids(vocab, B, T, seed=0):
    return torch.randint(vocab, (B, T), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("training", [False, True])
def test_logits_and_gradients_are_transformers_in_training_and_in_evaluation(name, dtype, training):
    ours, theirs = pair(name, dtype)
    ours.train(training), theirs.train(training)
    ids = some_ids(SHAPES[name][0], 3, 11)
    logits, expected = ours(ids), theirs(ids).logits
    torch.testing.assert_close(logits, expected, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
    logits.log_softmax(-1)[..., 0].sum().backward()
    expected.log_softmax(-1)[..., 0].sum().backward()
    both = [
        (ours.embedding.weight, theirs.model.embed_tokens.weight),
        (ours.blocks[0].attention.w_k.weight, theirs.model.layers[0].self_attn.k_proj.weight),
        (ours.blocks[-1].feed_forward.down.weight, theirs.model.layers[-1].mlp.down_proj.weight),
        (ours.blocks[0].feed_forward_norm.weight, theirs.model.layers[0].post_attention_layernorm.weight),
        (ours.head.weight, theirs.lm_head.weight),
    ]
    for mine, other in both:
        scale = other.grad.abs().max()
        torch.testing.assert_close(mine.grad / scale, other.grad / scale, atol=TOLERANCE[dtype], rtol=0)


@pytest.mark.parametrize("name", SHAPES)
def test_every_layer_puts_out_what_transformers_layer_does(name):
    ours, theirs = pair(name, torch.float64)
    ids = some_ids(SHAPES[name][0], 2, 9)
    states = []
    for block in ours.blocks:
        block.register_forward_hook(lambda module, inputs, output: states.append(output))
    ours(ids)
    expected = theirs(ids, output_hidden_states=True).hidden_states
    for mine, other in zip(states[:-1], expected[1:-1], strict=True):
        torch.testing.assert_close(mine, other, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(ours.norm(states[-1]), expected[-1], atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_padding_is_masked_as_by_transformers_attention_mask(name, dtype):
    ours, theirs = pair(name, dtype)
    ids = some_ids(SHAPES[name][0], 3, 8)
    real = torch.ones(3, 8, dtype=torch.bool)
    real[1, 5:], real[2, 3], real[2, 7] = False, False, False  # at the end, and in the middle
    logits, expected = ours(ids, mask=real[:, None]), theirs(ids, attention_mask=real.long()).logits
    torch.testing.assert_close(logits[real], expected[real], atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
    changed = torch.where(real, ids, (ids + 1) % SHAPES[name][0])
    torch.testing.assert_close(ours(changed, mask=real[:, None])[real], logits[real], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_a_cache_step_by_step_gives_transformers_logits_and_keys(name, dtype):
    ours, theirs = pair(name, dtype)
    ids = some_ids(SHAPES[name][0], 2, 10)
    cache, their_cache = KVCache(len(ours.blocks), 10), DynamicCache()
    with torch.no_grad():
        whole = ours(ids)
        for start, end in ((0, 4), (4, 5), (5, 6), (6, 10)):
            logits = ours(ids[:, start:end], cache)
            expected = theirs(ids[:, start:end], past_key_values=their_cache, use_cache=True).logits
            torch.testing.assert_close(logits, expected, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
            torch.testing.assert_close(logits, whole[:, start:end], atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
            assert cache.length == end
        nothing = whole.new_zeros(2, SHAPES[name][3], 0, SHAPES[name][1] // SHAPES[name][2])
        for layer, theirs_of_layer in enumerate(their_cache.layers):
            keys, values = cache.append(layer, nothing, nothing)
            torch.testing.assert_close(keys, theirs_of_layer.keys, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
            torch.testing.assert_close(values, theirs_of_layer.values, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_any_cut_into_chunks_gives_the_same_logits(chunks, seed):
    model = check.fill(Llama(13, 16, 4, 2, 2, 10, 40)).double()
    ids, cache = some_ids(13, 2, sum(chunks), seed), KVCache(2, 40)
    with torch.no_grad():
        pieces = [model(part, cache) for part in ids.split(chunks, dim=1)]
        torch.testing.assert_close(torch.cat(pieces, dim=1), model(ids), atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("name", SHAPES)
def test_greedy_tokens_are_transformers_with_and_without_a_cache(name):
    ours, theirs = pair(name)
    ids = some_ids(SHAPES[name][0], 2, 5)
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False,
                               eos_token_id=None, pad_token_id=None)  # fmt: skip
    assert generate(ours, ids, 20).equal(expected)
    assert generate(ours, ids, 20, KVCache(len(ours.blocks), 24)).equal(expected)  # the last token is not read
    with pytest.raises(ValueError, match="cannot hold"):
        generate(ours, ids, 20, KVCache(len(ours.blocks), 23))


@pytest.mark.parametrize("heads, kv_heads", [(6, 2), (4, 1), (3, 3)])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_attention_and_block_are_transformers(heads, kv_heads, dtype):
    width, T, hidden = 4 * heads, 7, 10
    config = LlamaConfig(hidden_size=width, num_attention_heads=heads, num_key_value_heads=kv_heads, rms_norm_eps=1e-5,
                         intermediate_size=hidden, attn_implementation="eager" if dtype is torch.float32 else "sdpa")  # fmt: skip
    ours, theirs = check.fill(LlamaBlock(width, heads, kv_heads, hidden)), LlamaDecoderLayer(config, 0)
    names = {"q_proj": "w_q", "k_proj": "w_k", "v_proj": "w_v", "o_proj": "w_o"}
    for other, mine in names.items():
        getattr(theirs.self_attn, other).load_state_dict(getattr(ours.attention, mine).state_dict())
    for part in ("gate", "up", "down"):
        getattr(theirs.mlp, f"{part}_proj").load_state_dict(getattr(ours.feed_forward, part).state_dict())
    theirs.input_layernorm.load_state_dict(ours.attention_norm.state_dict())
    theirs.post_attention_layernorm.load_state_dict(ours.feed_forward_norm.state_dict())
    ours, theirs = ours.to(dtype), exact(theirs.to(dtype))
    x = check.randn(2, T, width, seed=1).to(dtype)
    rotation = LlamaRotaryEmbedding(config)(x, torch.arange(T)[None])
    cos, sin = (table[0, :, :2] for table in rotation)
    causal = torch.ones(T, T, dtype=torch.bool).tril()
    additive = torch.zeros(1, 1, T, T, dtype=dtype).masked_fill(~causal, float("-inf"))
    expected = theirs(x, attention_mask=additive, position_embeddings=rotation)
    expected = expected[0] if isinstance(expected, tuple) else expected
    torch.testing.assert_close(ours(x, cos, sin, causal), expected, atol=TOLERANCE[dtype], rtol=0)
    attention: TheirAttention = theirs.self_attn
    their_out, their_weights = attention(x, position_embeddings=rotation, attention_mask=additive)
    out, weights = ours.attention(x, cos, sin, causal)
    assert type(ours.attention) is LlamaAttention
    torch.testing.assert_close(out, their_out, atol=TOLERANCE[dtype], rtol=0)
    if their_weights is not None:
        torch.testing.assert_close(weights, their_weights, atol=TOLERANCE[dtype], rtol=0)


@pytest.mark.parametrize("name", SHAPES)
def test_interleaved_rows_load_to_the_same_model(name):
    """llama.cpp's converter stores row j of half h of a head as row 2 j + h."""
    config = settings_of(*SHAPES[name])
    theirs = their_llama(config).state_dict()
    d = config["hidden_size"] // config["num_attention_heads"]
    stored = {n: w.unflatten(0, (-1, 2, d // 2)).transpose(1, 2).reshape(w.shape)
              if n.endswith(("q_proj.weight", "k_proj.weight")) else w for n, w in theirs.items()}  # fmt: skip
    plain, reordered = load_smollm2(theirs, config), load_smollm2(stored, config, interleaved=True)
    for (first, weight), (second, other) in zip(
        plain.state_dict().items(), reordered.state_dict().items(), strict=True
    ):
        assert first == second and weight.equal(other)
    assert not load_smollm2(stored, config).blocks[0].attention.w_q.weight.equal(plain.blocks[0].attention.w_q.weight)


def test_a_new_model_has_small_matrices_gains_of_one_and_tables_that_are_not_saved():
    model = Llama(1000, 64, 4, 2, 2, 160, 128, tied=True)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            assert parameter.eq(1).all(), name
        else:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.1), name
    assert model.head.weight is model.embedding.weight
    assert not {"cos", "sin"} & set(model.state_dict())
    assert model.cos.shape == model.sin.shape == (128, 8) and model.cos.dtype is torch.float32
    assert model.cos.equal(rope_frequencies(128, 16)[0])


def test_what_is_too_long_is_refused_and_leaves_the_cache_as_it_was():
    model, cache = Llama(11, 8, 2, 1, 2, 6, 5), KVCache(2, 9)
    model(some_ids(11, 1, 3), cache)
    with pytest.raises(ValueError, match="6 tokens"):
        model(some_ids(11, 1, 3), cache)
    assert cache.length == 3 and model(some_ids(11, 1, 2), cache).shape == (1, 2, 11)
    small = KVCache(2, 2)
    with pytest.raises(ValueError, match="cannot hold 3"):
        model(some_ids(11, 1, 3), small)
    assert small.length == 0


def test_generation_keeps_no_graph():
    model, cache = check.fill(Llama(11, 8, 2, 1, 2, 6, 20)), KVCache(2, 20)
    generate(model, some_ids(11, 1, 3), 4, cache)
    assert not any(keys.requires_grad for keys in (*cache.keys, *cache.values))


LLAMAS = {
    "Llama 3 8B": (128256, 4096, 32, 8, 32, 14336, False),
    "SmolLM2 135M": (49152, 576, 9, 3, 30, 1536, True),
}


@pytest.mark.parametrize("name", LLAMAS)
def test_our_class_has_as_many_parameters_as_transformers_and_as_parameter_share_counts(name):
    vocab, width, heads, kv_heads, layers, hidden, tied = LLAMAS[name]
    with torch.device("meta"):
        ours = Llama(vocab, width, heads, kv_heads, layers, hidden, 8, tied=tied)
        theirs = their_llama(settings_of(vocab, width, heads, kv_heads, layers, hidden, 10000.0, 1e-5, tied))
    counted = sum(p.numel() for p in ours.parameters())
    assert counted == sum(p.numel() for p in theirs.parameters())
    architecture = Architecture(vocab, width, layers, hidden, kv_heads * width // heads, gated=True, bias=False,
                                tied=tied)  # fmt: skip
    assert counted == sum(parameter_share(architecture)[1].values())
    assert sum(isinstance(part, RMSNorm) for part in ours.modules()) == 2 * layers + 1


def test_llama_3_8b_has_the_numbers_of_the_audit():
    model = Architecture(128256, 4096, 32, 14336, 1024, gated=True, bias=False, tied=False)
    counts = parameter_share(model)[1]
    assert {name: round(count / 1e9, 2) for name, count in counts.items()} == {
        "embeddings": 0.53, "attention": 1.34, "feed_forward": 5.64, "norms": 0.0, "output": 0.53}  # fmt: skip
    assert sum(counts.values()) == 8_030_261_248
    assert round(flops_per_token(model, 0) / 1e9, 1) == 15.0
    assert round(flops_per_token(model, 0, training=True) / 1e9, 1) == 45.0
    assert kv_cache_bytes(32, 8, 128, 1) == 128 * 1024


@given(
    st.sampled_from([(4, 1), (4, 2), (3, 3)]), st.integers(1, 3), st.integers(1, 9), st.integers(0, 9), st.booleans()
)
@settings(deadline=None, max_examples=25)
def test_pytorch_counts_as_many_operations_in_a_forward_pass(heads, layers, T, cached, tied):
    H, G = heads
    model, cache = Llama(13, 4 * H, H, G, layers, 10, 40, tied=tied), KVCache(layers, 40)
    architecture = Architecture(13, 4 * H, layers, 10, 4 * G, gated=True, bias=False, tied=tied)
    if cached:
        model(some_ids(13, 2, cached), cache)
    with FlopCounterMode(display=False) as counter:
        model(some_ids(13, 2, T), cache)
    assert counter.get_total_flops() == 2 * T * flops_per_token(architecture, cached + T)


def test_pytorch_counts_three_times_as_many_operations_in_training():
    model, architecture = Llama(13, 16, 4, 2, 2, 10, 40), Architecture(13, 16, 2, 10, 8, gated=True, bias=False)
    with FlopCounterMode(display=False) as counter:
        model(some_ids(13, 2, 7)).sum().backward()
    assert counter.get_total_flops() == 2 * 7 * flops_per_token(architecture, 7, training=True)


def test_under_autocast_logits_are_near_those_in_float32_and_the_angles_stay_exact():
    model, ids = check.fill(Llama(13, 16, 4, 2, 2, 10, 40)), some_ids(13, 2, 9)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(ids)
    assert logits.dtype is torch.bfloat16 and model.cos.dtype is torch.float32
    torch.testing.assert_close(logits.float(), model(ids), atol=0.1, rtol=0.1)


@pytest.mark.cuda
def test_on_a_gpu_logits_gradients_and_tokens_are_the_same():
    here, there = (check.fill(Llama(23, 24, 6, 2, 3, 40, 64)) for _ in range(2))
    there = there.to("cuda")
    ids, real = some_ids(23, 2, 12), torch.ones(2, 1, 12, dtype=torch.bool)
    real[1, 0, 9:] = False
    out, other = here(ids, mask=real), there(ids.cuda(), mask=real.cuda())
    torch.testing.assert_close(other.cpu(), out, atol=1e-4, rtol=1e-4)
    out.pow(2).mean().backward()
    other.pow(2).mean().backward()
    for mine, theirs in zip(here.parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(theirs.grad.cpu(), mine.grad, atol=1e-4, rtol=1e-3)
    expected = generate(here, ids, 10)
    assert generate(there, ids.cuda(), 10, KVCache(3, 30)).cpu().equal(expected)
    with torch.autocast("cuda", torch.bfloat16):
        mixed, cache = there(ids.cuda()), KVCache(3, 30)
        stepped = torch.cat([there(part.cuda(), cache) for part in ids.split(5, dim=1)], dim=1)
    torch.testing.assert_close(mixed.float().cpu(), here(ids), atol=0.2, rtol=0.2)
    torch.testing.assert_close(stepped.float(), mixed.float(), atol=0.2, rtol=0.2)


# ---- the real one


@pytest.mark.slow
@pytest.mark.network("smollm2")
def test_smollm2_in_our_class_is_transformers_on_ten_prompts_and_knows_a_capital():
    smollm2 = open_smollm2()
    assert smollm2.real
    ours, theirs = load_smollm2(smollm2.weights, smollm2.config), their_llama(smollm2.config).eval()
    missing, unexpected = theirs.load_state_dict(smollm2.weights, strict=False)
    assert unexpected == [] and missing == ["lm_head.weight"]
    theirs.tie_weights()
    with torch.no_grad():
        for prompt in TEN:
            ids = torch.tensor([smollm2.ids(prompt)])
            torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-3, rtol=0)
        ids = torch.tensor([smollm2.ids("The capital of France is")])
        assert [ours(ids)[0, -1].argmax().item()] == smollm2.ids(" Paris")
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False,
                               eos_token_id=None, pad_token_id=None)  # fmt: skip
    assert generate(ours, ids, 16).equal(expected)
    assert generate(ours, ids, 16, KVCache(30, 64)).equal(expected)
