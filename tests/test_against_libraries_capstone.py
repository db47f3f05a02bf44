"""The capstone's parts against transformers' Qwen3, PyTorch's own count of operations, and plain loops."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen3Config, Qwen3ForCausalLM
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm

from internals.capstone import (
    CausalSelfAttention,
    Decoder,
    build_optimizer,
    choose_precision,
    model_flops,
    split_loss,
    train_decoder,
)
from internals.positional_encoding import rope_frequencies
from internals.training_loop import language_loss

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
# vocabulary, width, heads, layers, hidden width, base of RoPE, tied
SHAPES = {
    "plain": (23, 24, 6, 3, 40, 10000.0, False),
    "tied": (17, 16, 2, 2, 24, 500.0, True),
    "one head": (29, 12, 1, 4, 30, 100000.0, False),
}
NAMES = {  # ours → Qwen3's, inside a layer
    "attention.norm": "input_layernorm",
    "attention.sublayer.w_q": "self_attn.q_proj",
    "attention.sublayer.w_k": "self_attn.k_proj",
    "attention.sublayer.w_v": "self_attn.v_proj",
    "attention.sublayer.w_o": "self_attn.o_proj",
    "attention.sublayer.q_norm": "self_attn.q_norm",
    "attention.sublayer.k_norm": "self_attn.k_norm",
    "feed_forward.norm": "post_attention_layernorm",
    "feed_forward.sublayer.gate": "mlp.gate_proj",
    "feed_forward.sublayer.up": "mlp.up_proj",
    "feed_forward.sublayer.down": "mlp.down_proj",
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Models as small as these gain nothing from more, and lose much where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rms_norm(part, x):
    return F.rms_norm(x, x.shape[-1:], part.weight, part.variance_epsilon)


def their_name(name):
    """The name that Qwen3ForCausalLM has for a parameter of a Decoder."""
    if not name.startswith("blocks."):
        return {"embedding.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight",
                "head.weight": "lm_head.weight"}[name]  # fmt: skip
    _, layer, rest = name.split(".", 2)
    return f"model.layers.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def pair(name, dtype=torch.float32, fused=True):
    """A Decoder and a Qwen3 with the same random weights."""
    vocab, width, heads, layers, hidden, base, tied = SHAPES[name]
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=vocab, hidden_size=width, num_attention_heads=heads, num_key_value_heads=heads,
        num_hidden_layers=layers, intermediate_size=hidden, head_dim=width // heads, max_position_embeddings=64,
        rms_norm_eps=1e-6, tie_word_embeddings=tied, attention_bias=False, attn_implementation="sdpa",
        rope_parameters={"rope_type": "default", "rope_theta": base},
    )  # fmt: skip
    theirs = Qwen3ForCausalLM(config).eval()
    for parameter in theirs.parameters():  # norms too, and no matrix near zero
        nn.init.normal_(parameter, mean=float(parameter.dim() == 1), std=0.3)
    for part in theirs.modules():
        if isinstance(part, Qwen3RMSNorm):  # as it is, it computes in float32
            part.forward = partial(rms_norm, part)
    ours = Decoder(vocab, width, heads, layers, 64, d_ff=hidden, tied=tied, rope_base=base, fused=fused)
    weights = dict(theirs.named_parameters())
    with torch.no_grad():
        for ours_name, parameter in ours.named_parameters():
            parameter.copy_(weights[their_name(ours_name)])
    ours, theirs = ours.to(dtype), theirs.to(dtype)
    their_cos, their_sin = theirs.model.rotary_emb(torch.zeros(1, dtype=dtype), torch.arange(64)[None])
    d = ours.cos.shape[1]
    torch.testing.assert_close(ours.cos, their_cos[0, :, :d], atol=2e-5, rtol=0)  # angles are computed in float32
    ours.cos, ours.sin = their_cos[0, :, :d], their_sin[0, :, :d]  # the last digits of an angle are not the question
    return ours, theirs


def some_ids(vocab, B, T, seed=0):
    return torch.randint(vocab, (B, T), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_logits_and_gradients_are_qwen3_s_in_training_and_in_evaluation(name, dtype, fused, training):
    ours, theirs = pair(name, dtype, fused)
    ours.train(training), theirs.train(training)
    ids = some_ids(SHAPES[name][0], 3, 11)
    logits, expected = ours(ids), theirs(ids).logits
    tolerance = 1e-5 if dtype == torch.float32 else 1e-9
    torch.testing.assert_close(logits, expected, atol=tolerance * expected.abs().max().item(), rtol=TOLERANCE[dtype])
    logits.log_softmax(-1)[..., 0].sum().backward()
    expected.log_softmax(-1)[..., 0].sum().backward()
    weights = dict(theirs.named_parameters())
    for ours_name, parameter in ours.named_parameters():
        other = weights[their_name(ours_name)].grad
        scale = other.abs().max()
        torch.testing.assert_close(parameter.grad / scale, other / scale, atol=TOLERANCE[dtype], rtol=0)


@pytest.mark.parametrize("name", SHAPES)
def test_padding_behind_a_text_changes_nothing_before_it(name):
    """Qwen3 masks it; a causal model need not."""
    ours, theirs = pair(name, torch.float64)
    ids, mask = some_ids(SHAPES[name][0], 2, 12), torch.ones(2, 12, dtype=torch.long)
    mask[1, 7:] = 0
    expected = theirs(ids, attention_mask=mask).logits
    logits = ours(ids)
    torch.testing.assert_close(logits[0], expected[0], atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(logits[1, :7], expected[1, :7], atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(ours(ids[1:, :7])[0], expected[1, :7], atol=1e-9, rtol=1e-9)


@given(st.integers(1, 20), st.integers(1, 3), st.sampled_from([(8, 2), (12, 3), (6, 1)]))
@settings(max_examples=25, deadline=None)
def test_both_ways_of_attention_agree_and_see_only_the_past(T, B, shape):
    width, heads = shape
    torch.manual_seed(T)
    fused, formed = (CausalSelfAttention(width, heads, fused=way).double() for way in (True, False))
    for parameter in fused.parameters():
        nn.init.normal_(parameter)
    formed.load_state_dict(fused.state_dict())
    cos, sin = (table.double() for table in rope_frequencies(T, width // heads))
    x = torch.randn(B, T, width, dtype=torch.float64)
    torch.testing.assert_close(fused(x, cos, sin), formed(x, cos, sin))
    y = x.clone()
    y[:, T // 2] += 1
    same = torch.isclose(fused(x, cos, sin), fused(y, cos, sin), atol=1e-12, rtol=0).all(-1)[0]
    assert same[: T // 2].all()


@given(st.integers(2, 120), st.integers(1, 17), st.integers(1, 9), st.sampled_from([torch.int64, torch.uint16]))
@settings(max_examples=25, deadline=None)
def test_the_loss_of_a_split_is_that_of_a_loop_over_its_windows(count, length, batch_size, dtype):
    torch.manual_seed(1)
    model = Decoder(13, 8, 2, 1, 17).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    ids, losses = some_ids(13, 1, count, count)[0], []
    with torch.no_grad():
        for start in range(0, count - 1, length):
            inputs, targets = ids[start : start + length], ids[start + 1 : start + length + 1]
            losses.append(F.cross_entropy(model(inputs[None, : len(targets)])[0], targets, reduction="none"))
    expected = torch.cat(losses).mean().item()
    assert split_loss(model, ids.to(dtype), length, batch_size) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("T", [3, 16, 40])
def test_pytorch_counts_the_operations_that_model_flops_counts(tied, T):
    model = Decoder(13, 24, 3, 2, T, tied=tied, fused=False)
    with FlopCounterMode(display=False) as counter:
        language_loss(model, some_ids(13, 2, T), some_ids(13, 2, T, 1)).backward()
    assert counter.get_total_flops() == 2 * T * model_flops(model)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_step_is_that_of_pytorch_s_optimizers(kind, tied):
    def made():
        torch.manual_seed(3)
        model = Decoder(11, 16, 2, 1, 8, tied=tied)
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.2)
        return model

    ours, theirs = made(), made()
    inside = [p for p in theirs.blocks.parameters() if p.ndim == 2] if kind == "muon" else []
    rest = [p for p in theirs.parameters() if not any(p is q for q in inside)]
    others = torch.optim.AdamW(
        [{"params": [p for p in rest if p.ndim == 2]}, {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0}],
        lr=0.004, betas=(0.9, 0.95), weight_decay=0.1,
    )  # fmt: skip
    optimizers = [others]
    if inside:
        optimizers.append(torch.optim.Muon(inside, lr=0.02, momentum=0.95, weight_decay=0.1))
    mine = build_optimizer(ours, kind)
    for step in range(3):
        for model in (ours, theirs):
            model.zero_grad()
            language_loss(model, some_ids(11, 2, 8, step), some_ids(11, 2, 8, step + 9)).backward()
        mine.step()
        for optimizer in optimizers:
            optimizer.step()
    # PyTorch's Muon multiplies in bfloat16.
    tolerance = 5e-3 if inside else 1e-5
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=tolerance, rtol=1e-4, msg=name)


@pytest.mark.parametrize("capability", [(7, 0), (7, 5), (8, 0), (8, 6), (9, 0), (10, 0), (12, 1)])
def test_every_card_gets_sixteen_bits_and_a_cpu_thirty_two(capability):
    assert choose_precision(capability) == (torch.bfloat16 if capability[0] >= 8 else torch.float16)
    assert choose_precision(None) == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_resumed_run_is_the_uninterrupted_one(dtype, tmp_path):
    shape = {"vocab_size": 7, "d_model": 8, "num_heads": 2, "num_layers": 1, "length": 8}
    ids = some_ids(7, 1, 400)[0]
    run = partial(train_decoder, ids, ids[:50], shape, {}, 7, batch_size=3, warmup=2, dtype=dtype)

    def stop(record):
        if record["step"] == 5:
            raise InterruptedError

    whole, losses, loss = run()
    with pytest.raises(InterruptedError):
        run(path=tmp_path / "run.pt", every=1, log=stop)
    resumed, rest, again = run(path=tmp_path / "run.pt", every=1, resume=True)
    assert (rest, again) == (losses[4:], loss)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


@pytest.mark.cuda
@pytest.mark.parametrize("fused", [True, False])
def test_on_a_gpu_the_parts_give_the_same(fused):
    ours, _ = pair("plain", fused=fused)
    ids = some_ids(SHAPES["plain"][0], 3, 33)
    expected, loss = ours(ids), split_loss(ours, ids.flatten(), 16, 2)
    on_gpu = ours.cuda()
    torch.testing.assert_close(on_gpu(ids.cuda()).cpu(), expected, atol=1e-4, rtol=1e-4)
    assert split_loss(on_gpu, ids.flatten(), 16, 2) == pytest.approx(loss, abs=1e-4)
    assert choose_precision(torch.cuda.get_device_capability()) in (torch.float16, torch.bfloat16)


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_on_a_gpu_a_run_gives_the_losses_of_the_cpu(kind):
    shape = {"vocab_size": 7, "d_model": 16, "num_heads": 2, "num_layers": 2, "length": 8}
    ids = some_ids(7, 1, 400)[0]
    runs = [train_decoder(ids, ids[:50], shape, {"kind": kind}, 6, batch_size=3, device=place) for place in ("cpu", "cuda")]
    assert runs[1][1] == pytest.approx(runs[0][1], abs=5e-3)
    assert runs[1][2] == pytest.approx(runs[0][2], abs=5e-3)
