"""transformer_full's parts against nn.Transformer and F.cross_entropy, with the same weights, and the searches against
trying every sequence."""

import itertools
import re
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder import check
from internals.scaled_dot_product import causal_mask, padding_mask
from internals.transformer_full import (
    DecoderLayer,
    EncoderLayer,
    Transformer,
    beam_search,
    greedy_decode,
    label_smoothing_loss,
    noam_rate,
    token_mask,
)

sizes = st.integers(1, 5)
dtypes = st.sampled_from([torch.float32, torch.float64])
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}
PAD, BOS, EOS = 0, 1, 2


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Models this small are several times slower on threads that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def normal(*size, seed=0, dtype=torch.float32):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed)).to(dtype)


def ids(*size, vocab_size=11, seed=0):
    return torch.randint(3, vocab_size, size, generator=torch.Generator().manual_seed(seed))


def padded(lengths, width, vocab_size=11, seed=0):
    tokens = ids(len(lengths), width, vocab_size=vocab_size, seed=seed)
    return tokens.masked_fill(torch.arange(width) >= torch.tensor(lengths)[:, None], PAD)


def load_attention(theirs, ours):
    theirs.in_proj_weight = nn.Parameter(torch.cat([ours.w_q.weight, ours.w_k.weight, ours.w_v.weight]).detach())
    theirs.in_proj_bias = nn.Parameter(torch.cat([ours.w_q.bias, ours.w_k.bias, ours.w_v.bias]).detach())
    theirs.out_proj.load_state_dict(ours.w_o.state_dict())


def load_layer(theirs, ours):
    """PyTorch's layer with the weights of ours."""
    decoder = isinstance(ours, DecoderLayer)
    load_attention(theirs.self_attn, ours.self_attention if decoder else ours.attention)
    theirs.linear1.load_state_dict(ours.feed_forward.up.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.down.state_dict())
    theirs.norm1.load_state_dict(ours.norm1.state_dict())
    theirs.norm2.load_state_dict(ours.norm2.state_dict())
    if decoder:
        load_attention(theirs.multihead_attn, ours.cross_attention)
        theirs.norm3.load_state_dict(ours.norm3.state_dict())
    return theirs


class Theirs(nn.Module):
    """nn.Transformer with the weights of ours. Without the norm that PyTorch adds after each of the two stacks."""

    def __init__(self, ours):
        super().__init__()
        D, H = ours.embedding.embedding_dim, ours.encoder[0].attention.num_heads
        width = ours.encoder[0].feed_forward.up.out_features
        self.stack = nn.Transformer(
            D, H, len(ours.encoder), len(ours.decoder), width, dropout=0.0, batch_first=True
        ).to(ours.embedding.weight.dtype)
        self.stack.encoder.norm = self.stack.decoder.norm = None
        self.stack.encoder.enable_nested_tensor = False
        for theirs, mine in zip(self.stack.encoder.layers, ours.encoder, strict=True):
            load_layer(theirs, mine)
        for theirs, mine in zip(self.stack.decoder.layers, ours.decoder, strict=True):
            load_layer(theirs, mine)
        self.table = nn.Parameter(ours.embedding.weight.detach().clone())
        self.register_buffer("positions", ours.positions)

    def forward(self, src, tgt):
        def embed(tokens):
            return self.table[tokens] * self.table.shape[1] ** 0.5 + self.positions[: tokens.shape[1]]

        out = self.stack(
            embed(src),
            embed(tgt),
            tgt_mask=~causal_mask(tgt.shape[1]),
            src_key_padding_mask=src == PAD,
            tgt_key_padding_mask=tgt == PAD,
            memory_key_padding_mask=src == PAD,
        )
        return out @ self.table.T


@given(sizes, sizes, st.sampled_from([1, 2, 4]), sizes, sizes, dtypes, st.booleans(), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=25)
def test_an_encoder_layer_is_pytorchs_with_masks_and_gradients(B, T, H, d, width, dtype, bent, causal, training):
    activation = F.gelu if bent else F.relu
    ours = check.fill(EncoderLayer(2 * H * d, H, width, activation=activation)).to(dtype).train(training)
    theirs = nn.TransformerEncoderLayer(2 * H * d, H, width, 0.0, activation, batch_first=True).to(dtype)
    load_layer(theirs, ours).train(training)
    x, y = (normal(B, T, 2 * H * d, seed=1, dtype=dtype).requires_grad_() for _ in range(2))
    real = padding_mask(torch.arange(B) % T + 1, T)
    mask = real & causal_mask(T) if causal else real
    out = ours(x, mask)
    expected = theirs(y, src_mask=~causal_mask(T) if causal else None, src_key_padding_mask=~real[:, 0])
    torch.testing.assert_close(out, expected, atol=TOLERANCE[dtype], rtol=1e-4)
    out.pow(3).sum().backward()
    expected.pow(3).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, atol=100 * TOLERANCE[dtype], rtol=1e-2)


@given(sizes, sizes, sizes, st.sampled_from([1, 2, 4]), sizes, dtypes, st.booleans(), st.booleans())
@settings(deadline=None, max_examples=25)
def test_a_decoder_layer_is_pytorchs_with_masks_and_gradients(B, T, S, H, width, dtype, bent, training):
    activation = F.gelu if bent else F.relu
    ours = check.fill(DecoderLayer(4 * H, H, width, activation=activation)).to(dtype).train(training)
    theirs = nn.TransformerDecoderLayer(4 * H, H, width, 0.0, activation, batch_first=True).to(dtype)
    load_layer(theirs, ours).train(training)
    x, y = (normal(B, T, 4 * H, seed=1, dtype=dtype).requires_grad_() for _ in range(2))
    memory, memory_again = (normal(B, S, 4 * H, seed=2, dtype=dtype).requires_grad_() for _ in range(2))
    real, real_memory = padding_mask(torch.arange(B) % T + 1, T), padding_mask(torch.arange(B) % S + 1, S)
    out = ours(x, memory, causal_mask(T) & real, real_memory)
    expected = theirs(y, memory_again, tgt_mask=~causal_mask(T), tgt_key_padding_mask=~real[:, 0],
                      memory_key_padding_mask=~real_memory[:, 0])  # fmt: skip
    torch.testing.assert_close(out, expected, atol=TOLERANCE[dtype], rtol=1e-4)
    out.pow(3).sum().backward()
    expected.pow(3).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, atol=100 * TOLERANCE[dtype], rtol=1e-2)
    torch.testing.assert_close(memory.grad, memory_again.grad, atol=100 * TOLERANCE[dtype], rtol=1e-2)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
def test_the_whole_model_is_pytorchs_with_padding_on_both_sides_and_gradients(dtype, training, layers):
    ours = check.fill(Transformer(11, 16, 4, layers, 24, max_seq_len=9, dropout=0.0, pad_id=PAD)).to(dtype)
    theirs = Theirs(ours.train(training)).train(training)
    src, tgt = padded([7, 3, 1], 7, seed=1), padded([2, 5, 4], 5, seed=2)
    real = (tgt != PAD)[..., None]
    out, expected = ours(src, tgt) * real, theirs(src, tgt) * real
    torch.testing.assert_close(out, expected, atol=TOLERANCE[dtype], rtol=1e-4)
    weight = normal(*out.shape, seed=3, dtype=dtype)
    (out * weight).sum().backward()
    (expected * weight).sum().backward()
    pairs = [(ours.embedding.weight, theirs.table)]
    for mine, other in zip([*ours.encoder, *ours.decoder],
                           [*theirs.stack.encoder.layers, *theirs.stack.decoder.layers], strict=True):  # fmt: skip
        pairs += [(mine.feed_forward.up.weight, other.linear1.weight), (mine.norm1.weight, other.norm1.weight)]
    for mine, other in pairs:
        torch.testing.assert_close(mine.grad, other.grad, atol=10 * TOLERANCE[dtype], rtol=1e-3)
    with torch.no_grad():  # without gradients PyTorch takes another path in evaluation
        torch.testing.assert_close(ours(src, tgt) * real, theirs(src, tgt) * real, atol=TOLERANCE[dtype], rtol=1e-4)


def test_pytorchs_norm_first_is_another_model():
    ours = check.fill(EncoderLayer(8, 2, 12))
    theirs = load_layer(nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=True, norm_first=True), ours)
    x = normal(2, 5, 8)
    assert (ours(x) - theirs(x)).abs().max() > 0.1


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_the_mask_of_tokens_is_the_mask_of_their_lengths(lengths):
    tokens = padded(lengths, 6)
    assert torch.equal(token_mask(tokens, PAD), padding_mask(torch.tensor(lengths), 6))
    assert token_mask(tokens).all() and token_mask(tokens).shape == (len(lengths), 1, 6)


def test_rows_of_nothing_but_padding_change_no_other_row_and_no_gradient():
    model = check.fill(Transformer(11, 16, 4, 2, 24, max_seq_len=9, dropout=0.0, pad_id=PAD))
    src, tgt = padded([5, 0, 3], 5, seed=1), padded([4, 3, 0], 4, seed=2)
    out = model(src, tgt)
    assert out.isfinite().all()
    torch.testing.assert_close(out[:1], model(src[:1], tgt[:1]))
    gradients = []
    for kept in (out[:1], model(src[:1], tgt[:1])):
        model.zero_grad()
        kept.pow(2).sum().backward()
        gradients.append(model.embedding.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_more_padding_changes_no_answer():
    model = check.fill(Transformer(11, 16, 4, 2, 24, max_seq_len=20, dropout=0.0, pad_id=PAD))
    src, tgt = padded([5, 2, 3], 5, seed=1), padded([4, 3, 1], 4, seed=2)
    wide = model(F.pad(src, (0, 9), value=PAD), F.pad(tgt, (0, 7), value=PAD))[:, :4]
    real = (tgt != PAD)[..., None]
    torch.testing.assert_close(wide * real, model(src, tgt) * real, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("t", [1, 4, 7])
def test_no_position_hears_a_later_one(t):
    model = check.fill(Transformer(11, 16, 4, 2, 24, max_seq_len=9, dropout=0.0, pad_id=PAD))
    src, tgt = ids(2, 6, seed=1), ids(2, 8, seed=2)
    changed = tgt.clone()
    changed[:, t:] = ids(2, 8 - t, seed=3)
    assert torch.equal(model(src, tgt)[:, :t], model(src, changed)[:, :t])


def test_dropout_acts_in_training_only_and_on_every_sublayer():
    model = check.fill(Transformer(11, 16, 4, 2, 24, max_seq_len=9, dropout=0.5))
    src, tgt = ids(2, 6), ids(2, 5)
    assert torch.equal(model.eval()(src, tgt), model(src, tgt))
    assert not torch.equal(model.train()(src, tgt), model(src, tgt))
    dropouts = [m for m in model.modules() if isinstance(m, nn.Dropout) and m.p == 0.5]
    assert len(dropouts) == 1 + 2 + 2


def test_the_output_layer_is_the_embedding_and_positions_are_not_saved():
    model = Transformer(11, 16, 4, 2, 24, max_seq_len=9)
    assert model.output.weight is model.embedding.weight
    assert "positions" not in model.state_dict() and not model.positions.requires_grad
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in set(model.parameters()))


@pytest.mark.parametrize(("S", "T"), [(10, 3), (3, 10)])
def test_a_sequence_that_is_too_long_is_refused_in_words(S, T):
    model = Transformer(11, 16, 4, 1, 24, max_seq_len=9)
    with pytest.raises(ValueError, match=r"10.*9"):
        model(ids(1, S), ids(1, T))


def test_the_base_model_of_the_paper_has_63_million_parameters_and_the_big_one_214():
    with torch.device("meta"):
        base = Transformer(37000, 512, 8, 6, 2048, max_seq_len=512)
        big = Transformer(37000, 1024, 16, 6, 4096, max_seq_len=512)
    assert sum(p.numel() for p in base.parameters()) == 63_082_496
    assert round(sum(p.numel() for p in big.parameters()) / 1e6) == 214


def test_nothing_in_the_model_is_made_on_a_device_of_its_own():
    with torch.device("meta"):
        model = Transformer(11, 16, 4, 2, 24, max_seq_len=9, pad_id=PAD)
    tokens = torch.zeros(2, 5, dtype=torch.long, device="meta")
    assert model(tokens, tokens).shape == (2, 5, 11)


@pytest.mark.parametrize("shape", [(32, 20), (1, 512)])
def test_a_small_model_returns_logits_for_every_target_token(shape):
    model = Transformer(vocab_size=100, d_model=32, num_heads=4, num_layers=2, d_ff=64, max_seq_len=512, dropout=0.1)
    with torch.no_grad():
        assert model(ids(*shape), ids(*shape)).shape == (*shape, 100)


@pytest.mark.slow
def test_the_quick_start_of_the_readme_prints_what_it_says(capsys):
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip() == code.strip().rpartition("# ")[2] == "(32, 512, 10000)"


@given(sizes, sizes, st.integers(2, 9), st.floats(0, 1), st.none() | st.integers(0, 1), dtypes)
@settings(deadline=None, max_examples=50)
def test_label_smoothing_is_pytorchs_with_its_gradient(B, T, V, smoothing, pad_id, dtype):
    logits, again = (3 * normal(B, T, V, seed=B, dtype=dtype) for _ in range(2))
    targets = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(T))
    targets[0, 0] = V - 1 if pad_id != V - 1 else 0  # one target at least counts
    loss = label_smoothing_loss(logits.requires_grad_(), targets, smoothing, pad_id)
    expected = F.cross_entropy(again.requires_grad_().flatten(0, 1), targets.flatten(), label_smoothing=smoothing,
                               ignore_index=-100 if pad_id is None else pad_id)  # fmt: skip
    torch.testing.assert_close(loss, expected, atol=TOLERANCE[dtype] / 10, rtol=1e-5)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(logits.grad, again.grad, atol=TOLERANCE[dtype] / 10, rtol=1e-4)


def test_the_smoothed_loss_cannot_get_below_the_entropy_of_its_target():
    V, smoothing = 37000, 0.1
    q = torch.full((V,), smoothing / V, dtype=torch.float64)
    q[0] += 1 - smoothing
    loss = label_smoothing_loss(q.log().view(1, 1, V), torch.zeros(1, 1, dtype=torch.long), smoothing)
    torch.testing.assert_close(loss, -(q * q.log()).sum())
    assert 1.3 < loss < 1.4


@given(st.integers(1, 200_000), st.sampled_from([64, 512, 1024]), st.integers(1, 10_000))
def test_the_rate_rises_by_equal_steps_to_its_peak_and_falls_with_the_root(step, D, warmup):
    peak = 1 / (D * warmup) ** 0.5
    assert noam_rate(warmup, D, warmup) == pytest.approx(peak)
    expected = peak * step / warmup if step <= warmup else peak * (warmup / step) ** 0.5
    assert noam_rate(step, D, warmup) == pytest.approx(expected)


def test_the_rate_works_as_a_schedule_of_pytorchs():
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: noam_rate(done + 1, 512))
    rates = []
    for _ in range(3):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates == [noam_rate(step, 512) for step in (1, 2, 3)]


def small_model(seed, vocab_size=5):
    torch.manual_seed(seed)
    model = Transformer(vocab_size, 8, 2, 1, 16, max_seq_len=12, dropout=0.0, pad_id=PAD).eval()
    with torch.no_grad():
        model.embedding.weight.mul_(2)  # surer of itself
    return model


def log_prob(model, src, tokens):
    """The log-probability of tokens (n + 1,) after the first."""
    with torch.no_grad():
        log_p = torch.log_softmax(model(src, tokens[None, :-1]), dim=-1)
    return log_p.gather(-1, tokens[None, 1:, None]).sum().item()


def every_sequence(vocab_size, max_len):
    """All that a search may return: up to eos, or cut off."""
    for n in range(1, max_len + 1):
        for body in itertools.product([v for v in range(vocab_size) if v != EOS], repeat=n - 1):
            last = range(vocab_size) if n == max_len else [EOS]
            yield from ((BOS, *body, v) for v in last)


@pytest.mark.parametrize("seed", range(3))
def test_a_beam_that_holds_everything_finds_the_best_of_all_sequences(seed):
    model, src = small_model(seed), torch.tensor([[3, 4, 3, 2]])
    log_p = {sequence: log_prob(model, src, torch.tensor(sequence)) for sequence in every_sequence(5, 3)}
    for alpha in (0.0, 0.6, 2.0):
        tokens, score = beam_search(model, src, BOS, EOS, 3, beam_width=5 * 4**2, alpha=alpha)
        scores = {sequence: p / ((4 + len(sequence)) / 6) ** alpha for sequence, p in log_p.items()}
        best = max(scores, key=scores.get)
        assert tuple(tokens.tolist()) == best
        assert score == pytest.approx(scores[best], abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy_whatever_the_penalty(seed):
    model, src = small_model(seed, vocab_size=7), torch.tensor([[3, 4, 6, 5]])
    greedy = greedy_decode(model, src, BOS, EOS, 8)[0]
    for alpha in (0.0, 1.0):
        tokens, score = beam_search(model, src, BOS, EOS, 8, beam_width=1, alpha=alpha)
        assert torch.equal(tokens, greedy)
        assert score == pytest.approx(log_prob(model, src, tokens) / ((4 + len(tokens)) / 6) ** alpha, abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_a_greedy_token_is_the_most_probable_one_given_those_before(seed):
    model, src = small_model(seed, vocab_size=9), padded([5, 3, 1], 5, vocab_size=9, seed=seed)
    tokens = greedy_decode(model, src, BOS, EOS, 7)
    with torch.no_grad():
        likeliest = model(src, tokens[:, :-1]).argmax(-1)
    ended = (tokens[:, :-1] == EOS).cumsum(-1) > 0
    assert torch.equal(tokens[:, 1:], likeliest.masked_fill(ended, EOS))
    assert (tokens[:, 0] == BOS).all() and (tokens.shape[1] == 8 or (tokens == EOS).any(-1).all())
    for row in range(3):  # rows do not depend on each other, nor on their padding
        alone = greedy_decode(model, src[row : row + 1, : (src[row] != PAD).sum()], BOS, EOS, 7)[0]
        assert torch.equal(alone, tokens[row, : len(alone)])


def test_the_searches_leave_no_gradients_behind():
    model, src = small_model(0), torch.tensor([[3, 4, 3]])
    assert not greedy_decode(model, src, BOS, EOS, 3).requires_grad
    assert isinstance(beam_search(model, src, BOS, EOS, 3)[1], float)


@pytest.mark.cuda
def test_everything_gives_the_same_on_a_gpu():
    model = check.fill(Transformer(30, 32, 4, 2, 64, max_seq_len=20, dropout=0.0, pad_id=PAD)).eval()
    src, tgt = padded([9, 4, 0], 9, 30, seed=1), padded([7, 3, 5], 7, 30, seed=2)
    one = src[:1]
    search = partial(beam_search, bos_id=BOS, eos_id=EOS, max_len=12)
    expected = model(src, tgt)
    expected_loss = label_smoothing_loss(expected, tgt, pad_id=PAD)
    expected_tokens, (expected_best, expected_score) = greedy_decode(model, src, BOS, EOS, 12), search(model, one)
    model = model.cuda()
    out = model(src.cuda(), tgt.cuda())
    torch.testing.assert_close(out.cpu(), expected, atol=1e-4, rtol=1e-4)
    loss = label_smoothing_loss(out, tgt.cuda(), pad_id=PAD)
    torch.testing.assert_close(loss.cpu(), expected_loss, atol=1e-4, rtol=1e-4)
    assert torch.equal(greedy_decode(model, src.cuda(), BOS, EOS, 12).cpu(), expected_tokens)
    best, score = search(model, one.cuda())
    assert torch.equal(best.cpu(), expected_best) and score == pytest.approx(expected_score, abs=1e-3)
    with torch.autocast("cuda", torch.bfloat16):
        assert model(src.cuda(), tgt.cuda()).isfinite().all()
