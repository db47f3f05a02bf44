"""gpt's parts against transformers' GPT-2 with the same weights, and promises about padding, sampling and heads."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from autograder import check
from internals.gpt import (
    GPT,
    GPTBlock,
    attention_maps,
    generate,
    induction_score,
    init_weights,
    repeating_batch,
    text_batch,
    text_loss,
)
from internals.language_models import language_model_loss
from internals.scaled_dot_product import causal_mask, padding_mask

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}
V, D, H, L, T = 31, 24, 3, 3, 16


def ids_of(*size, seed=0, high=V):
    return torch.randint(high, size, generator=torch.Generator().manual_seed(seed))


def gpt2_like(model, dropout=0.0):
    """transformers' GPT-2 with this model's weights. Its Conv1D matrices are (in, out), ours (out, in)."""
    width, hidden = model.embedding.weight.shape[1], model.blocks[0].feed_forward.up.out_features
    config = GPT2Config(
        vocab_size=model.embedding.weight.shape[0], n_positions=model.max_seq_len, n_embd=width, n_inner=hidden,
        n_layer=len(model.blocks), n_head=model.blocks[0].attention.num_heads, resid_pdrop=dropout, embd_pdrop=dropout,
        attn_pdrop=0.0, attn_implementation="eager", bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(config)
    weights = {"transformer.wte.weight": model.embedding.weight, "transformer.wpe.weight": model.positions.weight,
               "transformer.ln_f.weight": model.norm.weight, "transformer.ln_f.bias": model.norm.bias,
               "lm_head.weight": model.embedding.weight}  # fmt: skip
    for i, block in enumerate(model.blocks):
        at, attention = f"transformer.h.{i}", block.attention
        for ours, name in ((block.norm1, "ln_1"), (block.norm2, "ln_2")):
            weights |= {f"{at}.{name}.weight": ours.weight, f"{at}.{name}.bias": ours.bias}
        for kind in ("weight", "bias"):
            joined = torch.cat([getattr(attention.get_submodule(n), kind) for n in ("w_q", "w_k", "w_v")])
            weights[f"{at}.attn.c_attn.{kind}"] = joined.T if kind == "weight" else joined
        linear = {"attn.c_proj": attention.w_o, "mlp.c_fc": block.feed_forward.up, "mlp.c_proj": block.feed_forward.down}
        for name, layer in linear.items():
            weights |= {f"{at}.{name}.weight": layer.weight.T, f"{at}.{name}.bias": layer.bias}
    missing, unexpected = theirs.load_state_dict({k: v.detach().clone() for k, v in weights.items()}, strict=False)
    assert not unexpected and all("attn.bias" in name or "masked_bias" in name for name in missing)
    return theirs.to(model.embedding.weight.dtype)


def filled(dtype=torch.float32, **options):
    return check.fill(GPT(V, D, H, L, T, **options)).to(dtype)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("d_ff", [None, 10])
def test_logits_equal_gpt2s_in_both_modes(dtype, training, d_ff):
    ours = filled(dtype, d_ff=d_ff).train(training)
    theirs = gpt2_like(ours).train(training)
    for length in (1, 7, T):
        ids = ids_of(2, length)
        torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=TOLERANCE[dtype], rtol=1e-5)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_attention_maps_equal_gpt2s(dtype):
    ours, ids = filled(dtype), ids_of(2, 9)
    theirs = gpt2_like(ours).eval()(ids, output_attentions=True).attentions
    torch.testing.assert_close(attention_maps(ours, ids), torch.stack(theirs), atol=TOLERANCE[dtype], rtol=1e-5)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_loss_and_all_gradients_equal_gpt2s(dtype):
    ours, ids = filled(dtype), ids_of(3, 11)
    theirs = gpt2_like(ours)
    loss = language_model_loss(ours(ids), ids, pad_id=-100)  # no padding here, and token 0 is a real one
    result = theirs(ids, labels=ids)  # its own loss is always computed in float32
    torch.testing.assert_close(loss.float(), result.loss, atol=1e-5, rtol=1e-6)
    expected = F.cross_entropy(result.logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    torch.testing.assert_close(loss, expected, atol=TOLERANCE[dtype], rtol=1e-6)
    loss.backward()
    expected.backward()
    mine, other = dict(ours.named_parameters()), dict(theirs.named_parameters())
    pairs = [("embedding.weight", "transformer.wte.weight"), ("positions.weight", "transformer.wpe.weight"),
             ("norm.weight", "transformer.ln_f.weight"), ("norm.bias", "transformer.ln_f.bias")]  # fmt: skip
    for i in range(L):
        pairs += [(f"blocks.{i}.norm1.weight", f"transformer.h.{i}.ln_1.weight"),
                  (f"blocks.{i}.norm2.bias", f"transformer.h.{i}.ln_2.bias"),
                  (f"blocks.{i}.attention.w_o.weight", f"transformer.h.{i}.attn.c_proj.weight"),
                  (f"blocks.{i}.feed_forward.up.weight", f"transformer.h.{i}.mlp.c_fc.weight"),
                  (f"blocks.{i}.feed_forward.down.bias", f"transformer.h.{i}.mlp.c_proj.bias")]  # fmt: skip
    for name, their_name in pairs:
        grad = other[their_name].grad
        turned = grad.T if "w_o" in name or "feed_forward" in name and grad.ndim == 2 else grad
        torch.testing.assert_close(mine[name].grad, turned, atol=10 * TOLERANCE[dtype], rtol=1e-4)
    for i in range(L):
        grads = [mine[f"blocks.{i}.attention.{n}.weight"].grad for n in ("w_q", "w_k", "w_v")]
        theirs_grad = other[f"transformer.h.{i}.attn.c_attn.weight"].grad.T
        torch.testing.assert_close(torch.cat(grads), theirs_grad, atol=10 * TOLERANCE[dtype], rtol=1e-4)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("side", ["left", "right"])
def test_real_positions_of_a_padded_batch_equal_gpt2s_with_the_same_positions(dtype, side):
    ours, ids, lengths = filled(dtype), ids_of(3, 10), torch.tensor([10, 4, 7])
    real = padding_mask(lengths, 10)[:, 0]
    real = real.flip(1) if side == "left" else real
    places = torch.arange(10).expand(3, 10)
    expected = gpt2_like(ours).eval()(ids, attention_mask=real.long(), position_ids=places).logits
    out = ours.eval()(ids, real[:, None])
    torch.testing.assert_close(out[real], expected[real], atol=TOLERANCE[dtype], rtol=1e-5)
    assert out.isfinite().all()


def test_padding_on_the_right_changes_nothing_for_the_tokens_before_it():
    model, ids = filled(torch.float64), ids_of(1, 6)
    padded = torch.cat([ids, ids_of(1, 5, seed=1)], dim=1)
    expected = model(ids)
    torch.testing.assert_close(model(padded)[:, :6], expected)
    torch.testing.assert_close(model(padded, padding_mask(torch.tensor([6]), 11))[:, :6], expected)


@given(st.integers(0, 9), st.integers(1, V - 1))
@settings(deadline=None, max_examples=20)
def test_a_changed_token_changes_no_logits_before_it_and_those_at_it(position, by):
    model, ids = filled(torch.float64), ids_of(2, 10)
    changed = ids.clone()
    changed[0, position] = (changed[0, position] + by) % V
    differs = (model(changed) != model(ids)).any(-1)
    assert not differs[1].any() and not differs[0, :position].any() and differs[0, position]


def test_a_gradient_reaches_no_later_position():
    model, ids = filled(torch.float64), ids_of(1, 8)
    x = model.embedding(ids).detach().requires_grad_()
    stream, mask = model.positions(x), causal_mask(8)
    for block in model.blocks:
        stream, _ = block(stream, mask)
    stream[0, 3].sum().backward()
    assert (x.grad[0, 4:] == 0).all() and (x.grad[0, :4] != 0).any(-1).all()


def test_dropout_has_gpt2s_rate_on_embeddings_and_on_each_branch():
    block = check.fill(GPTBlock(128, 2, 64, dropout=0.3))
    x = torch.randn(16, 20, 128, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    untouched = (block(x)[0] == x).float().mean()
    assert untouched == pytest.approx(0.09, abs=0.01)
    model = filled(dropout=0.2)
    torch.manual_seed(0)
    embedded = []
    model.blocks[0].register_forward_hook(lambda block, inputs, outputs: embedded.append(inputs[0]))
    model(ids_of(16, T))
    assert (embedded[0] == 0).float().mean() == pytest.approx(0.2, abs=0.02)


def test_one_step_of_training_with_dropout_differs_from_run_to_run_and_evaluation_does_not():
    model, ids = filled(dropout=0.5), ids_of(2, 8)
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))


@pytest.mark.parametrize(("layers", "width", "heads"), [(12, 768, 12), (24, 1024, 16), (36, 1280, 20), (48, 1600, 25)])
def test_parameter_counts_are_gpt2s(layers, width, heads):
    with torch.device("meta"):
        ours = GPT(50257, width, heads, layers, 1024)
        theirs = GPT2LMHeadModel(GPT2Config(n_layer=layers, n_embd=width, n_head=heads))
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())


def test_gpt2_small_has_124_million_parameters():
    with torch.device("meta"):
        model = GPT(50257, 768, 12, 12, 1024)
    assert sum(p.numel() for p in model.parameters()) == 124_439_808


def test_it_begins_as_gpt2_does():
    torch.manual_seed(0)
    ours = GPT(2000, 128, 4, 6, 64)
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=2000, n_embd=128, n_head=4, n_layer=6, n_positions=64))
    other = theirs.state_dict()
    for i, block in enumerate(ours.blocks):
        at = f"transformer.h.{i}"
        for mine, name in ((block.attention.w_o, "attn.c_proj"), (block.feed_forward.down, "mlp.c_proj"),
                           (block.feed_forward.up, "mlp.c_fc"), (block.attention.w_k, "attn.c_attn")):  # fmt: skip
            assert mine.weight.std().item() == pytest.approx(other[f"{at}.{name}.weight"].std().item(), rel=0.05)
            assert (mine.bias == 0).all() and (other[f"{at}.{name}.bias"] == 0).all()
    assert ours.embedding.weight.std().item() == pytest.approx(other["transformer.wte.weight"].std().item(), rel=0.02)
    assert ours.positions.weight.std().item() == pytest.approx(0.02, rel=0.05)


@given(st.integers(1, 40), st.floats(0.005, 0.5))
@settings(deadline=None, max_examples=20)
def test_any_depth_and_deviation_scale_the_branches_by_the_root(num_layers, std):
    torch.manual_seed(0)
    block = nn.ModuleList([GPTBlock(64, 2, 256)])
    assert init_weights(block, num_layers, std) is block
    for layer in (block[0].attention.w_o, block[0].feed_forward.down):
        assert layer.weight.std().item() == pytest.approx(std / math.sqrt(2 * num_layers), rel=0.08)
    assert block[0].feed_forward.up.weight.std().item() == pytest.approx(std, rel=0.08)


@pytest.mark.parametrize("start", [1, 5])
def test_greedy_continuation_equals_gpt2s(start):
    model, ids = filled(torch.float64), ids_of(2, start)
    theirs = gpt2_like(model).eval()
    length = T - start
    expected = theirs.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=length, do_sample=False,
                               eos_token_id=None, pad_token_id=0)  # fmt: skip
    assert torch.equal(generate(model, ids, length, top_k=1), expected)


@given(st.integers(1, 2 * T), st.integers(0, 8), st.integers(1, V + 5), st.integers(0, 1000), st.booleans())
@settings(deadline=None, max_examples=25)
def test_any_beginning_is_continued_by_allowed_tokens_and_the_mode_is_kept(start, length, k, seed, training):
    model = filled().train(training)
    ids = ids_of(3, start, seed=seed)
    out = generate(model, ids, length, temperature=1.5, top_k=k, seed=seed)
    assert out.shape == (3, start + length) and torch.equal(out[:, :start], ids) and model.training is training
    assert torch.equal(out, generate(model, ids, length, temperature=1.5, top_k=k, seed=seed))
    model.eval()
    with torch.no_grad():
        for t in range(start, start + length):
            logits = model(out[:, max(0, t - T) : t])[:, -1]
            rank = (logits > logits.gather(1, out[:, t : t + 1])).sum(1)
            assert (rank < k).all()


def test_sampled_tokens_have_the_shares_of_the_softmax():
    model = filled()
    ids = ids_of(1, 4).repeat(20_000, 1)
    drawn = generate(model, ids, 1, temperature=0.7)[:, -1]
    with torch.no_grad():
        expected = torch.softmax(model(ids[:1])[0, -1] / 0.7, dim=-1)
    shares = torch.bincount(drawn, minlength=V) / len(drawn)
    assert (shares - expected).abs().max() < 0.015


def test_text_batch_gives_each_target_one_place_after_its_input():
    ids = torch.arange(100)
    inputs, targets = text_batch(ids, 50, 7, torch.Generator().manual_seed(0))
    assert inputs.shape == targets.shape == (50, 7) and torch.equal(inputs + 1, targets)
    starts = text_batch(ids, 20_000, 7, torch.Generator().manual_seed(0))[0][:, 0]
    assert starts.min() == 0 and starts.max() == 92  # the last stretch ends with the text


@given(st.lists(st.integers(2, 60), min_size=1, max_size=4))
@settings(deadline=None, max_examples=25)
def test_text_loss_counts_each_token_once_with_enough_before_it(lengths):
    model = filled(torch.float64).eval()
    pieces = [ids_of(length, seed=i) for i, length in enumerate(lengths)]
    total, count = 0.0, 0
    with torch.no_grad():
        for piece in pieces:
            log_p = {}
            for start in range(0, max(1, len(piece) - 1 - T // 2), T // 2):
                window = piece[start : start + T + 1]
                logits = model(window[None, :-1])[0]
                for t in range(len(window) - 1):
                    if start == 0 or t >= T // 2:
                        assert start + t + 1 not in log_p
                        log_p[start + t + 1] = F.cross_entropy(logits[t], window[t + 1]).item()
            assert sorted(log_p) == list(range(1, len(piece)))
            total, count = total + sum(log_p.values()), count + len(log_p)
    assert text_loss(model, pieces) == pytest.approx(total / count)


@given(st.integers(1, 6), st.integers(2, 30), st.integers(2, 9), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_marked_tokens_of_the_language_follow_from_the_sequence_itself(num, length, vocab_size, seed):
    ids, known = repeating_batch(num, length, vocab_size, torch.Generator().manual_seed(seed), chance=0.0)
    for row, marks in zip(ids.tolist(), known.tolist(), strict=True):
        table = {}
        for t in range(1, length):
            assert marks[t] == (row[t - 1] in table)
            assert table.setdefault(row[t - 1], row[t]) == row[t]
    assert not known[:, 0].any()


def test_random_steps_of_the_language_are_never_marked():
    ids, known = repeating_batch(50, 40, 8, torch.Generator().manual_seed(0), chance=1.0)
    assert not known.any()
    shares = torch.bincount(ids.flatten(), minlength=8) / ids.numel()
    assert (shares - 1 / 8).abs().max() < 0.03


@given(st.integers(1, 5), st.integers(2, 12), st.data())
@settings(deadline=None, max_examples=40)
def test_the_score_is_the_mean_of_a_diagonal(heads, length, data):
    period = data.draw(st.integers(1, length - 1))
    weights = torch.rand(heads, length, length, generator=torch.Generator().manual_seed(length))
    expected = weights.diagonal(1 - period, -2, -1)[:, 1:].mean(-1)
    torch.testing.assert_close(induction_score(weights, period), expected)
    torch.testing.assert_close(induction_score(torch.stack([weights, 0 * weights]), period), expected / 2)


def test_hooks_leave_no_trace_on_the_model():
    model, ids = filled(dropout=0.5).train(), ids_of(2, 8)
    maps = attention_maps(model, ids)
    assert maps.shape == (L, 2, H, 8, 8) and model.training and not maps.requires_grad
    assert all(not block._forward_hooks for block in model.blocks)
    torch.testing.assert_close(maps.sum(-1), torch.ones(L, 2, H, 8))


@pytest.mark.slow
def test_two_layers_grow_an_induction_head_and_one_layer_does_not():
    scores = []
    probe = torch.rand(32, 16, generator=torch.Generator().manual_seed(9)).argsort(1)[:, :12].repeat(1, 3)[:, :32]
    for num_layers in (1, 2):
        torch.manual_seed(0)
        model = init_weights(GPT(16, 64, 2, num_layers, 32, d_ff=32), num_layers, 0.125)
        last = model.blocks[-1].attention  # heads that copy what they look at, as the notebook begins
        last.w_o.weight.data.copy_(last.w_v.weight.T)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.004, betas=(0.9, 0.95), weight_decay=0.0)
        generator = torch.Generator().manual_seed(0)
        for step in range(250):
            ids, _ = repeating_batch(48, 32, 16, generator)
            for group in optimizer.param_groups:
                group["lr"] = 0.004 * min(1, (step + 1) / 50)
            optimizer.zero_grad()
            F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        scores.append(induction_score(attention_maps(model, probe)[-1], 12).max().item())
    assert scores[0] < 0.2 and scores[1] > 0.5


@pytest.mark.cuda
def test_the_parts_give_the_same_on_a_gpu():
    model, ids = filled().eval(), ids_of(3, 10)
    real = padding_mask(torch.tensor([10, 4, 7]), 10).flip(2)
    expected, expected_maps = model(ids, real), attention_maps(model, ids)
    expected_text, expected_loss = generate(model, ids, 9, top_k=1), text_loss(model, [ids_of(50)])
    model = model.cuda()
    torch.testing.assert_close(model(ids.cuda(), real.cuda()).cpu(), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(attention_maps(model, ids.cuda()).cpu(), expected_maps, atol=1e-4, rtol=1e-4)
    assert torch.equal(generate(model, ids.cuda(), 9, top_k=1).cpu(), expected_text)
    assert text_loss(model, [ids_of(50).cuda()]) == pytest.approx(expected_loss, abs=1e-4)
    inputs, targets = text_batch(ids_of(200).cuda(), 4, 8, torch.Generator().manual_seed(0))
    with torch.autocast("cuda", torch.bfloat16):
        loss = F.cross_entropy(model.train()(inputs).flatten(0, 1).float(), targets.flatten())
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    scores = induction_score(attention_maps(model, ids.cuda())[0], 3)
    assert scores.device.type == "cuda" and scores.shape == (H,)
