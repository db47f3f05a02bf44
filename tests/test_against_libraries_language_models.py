"""language_models' parts against nltk.lm, PyTorch's layers and losses, and transformers' loss of causal models."""

import math
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.lm import Lidstone, WittenBellInterpolated
from nltk.util import everygrams
from torch import nn
from transformers.loss.loss_utils import ForCausalLMLoss

from autograder import check
from internals.language_models import (
    NeuralBigram,
    RNNCell,
    RNNLanguageModel,
    count_ngrams,
    generate,
    interpolated_probability,
    language_model_loss,
    ngram_probability,
    perplexity,
    sample,
)

TEXT = "how much wood would a woodchuck chuck if a woodchuck could chuck wood? as much wood as a woodchuck could."
HISTORIES = [
    "",
    "o",
    "oo",
    "woo",
    "chuc",
    "k c",
    "zoo",
    "?zo",
    "zz",
    "ould",
    "d.",
    "xyzz",
]  # the last ones partly unseen
TOKENS = sorted(set(TEXT)) + ["z"]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
sizes = st.integers(1, 6)


def normal(*size, seed=0, dtype=torch.float32):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed)).to(dtype)


def fitted(model, order):
    """nltk's, fitted to the same n-grams as `count_ngrams` takes: no padding at the ends. <UNK> is one of its V."""
    model.fit([list(everygrams(list(TEXT), max_len=order))], vocabulary_text=list(TEXT))
    return model


# ---- counts


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("alpha", [0.003, 0.5, 1.0, 7.0])
def test_additive_smoothing_is_nltks_lidstone(order, alpha):
    theirs, counts = fitted(Lidstone(alpha, order), order), count_ngrams(TEXT, order)
    for history in (h for h in HISTORIES if len(h) < order):
        for token in TOKENS:
            ours = ngram_probability(counts, history, token, alpha, len(theirs.vocab))
            assert ours == pytest.approx(theirs.score(token, tuple(history)), rel=0, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_witten_bell_is_nltks_with_the_uniform_distribution_below(order):
    """nltk's recursion ends at the unigrams' plain shares; with our unigrams in their place the two are the same."""
    theirs, counts = fitted(WittenBellInterpolated(order), order), count_ngrams(TEXT, order)
    V = len(theirs.vocab)
    shares = {token: theirs.score(token) for token in TOKENS}
    kinds, total = len(counts[""]), counts[""].total()
    for token, share in shares.items():
        ours = interpolated_probability(counts, "", token, V)
        assert ours == pytest.approx((total * share + kinds / V) / (total + kinds), rel=0, abs=1e-12)
    theirs.estimator.unigram_score = lambda token: interpolated_probability(counts, "", token, V)
    for history in (h for h in HISTORIES if len(h) < order):
        for token in TOKENS:
            ours = interpolated_probability(counts, history, token, V)
            score = theirs.score(token, tuple(history)) if token in TEXT else None
            if score is not None:
                assert ours == pytest.approx(score, rel=0, abs=1e-12)


@given(st.text("abcd", min_size=1, max_size=40), st.text("abcde", max_size=5), sizes)
@settings(deadline=None)
def test_probabilities_of_all_tokens_add_up_to_one_behind_any_history(text, history, order):
    counts = count_ngrams(text, order)
    assert sum(interpolated_probability(counts, history, w, 5) for w in "abcde") == pytest.approx(1, abs=1e-12)
    assert sum(ngram_probability(counts, history, w, 0.3, 5) for w in "abcde") == pytest.approx(1, abs=1e-12)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), sizes)
@settings(deadline=None)
def test_counts_are_those_of_nltks_everygrams(ids, order):
    ours = {(*h, w): n for h, followers in count_ngrams(tuple(ids), order).items() for w, n in followers.items()}
    assert ours == dict(Counter(everygrams(ids, max_len=order)))


# ---- losses


@given(sizes, st.integers(2, 9), st.integers(2, 8), st.integers(0, 10**6))
@settings(deadline=None)
def test_the_loss_is_that_of_pytorch_and_of_transformers_causal_models(B, T, V, seed):
    logits = normal(B, T, V, seed=seed, dtype=torch.float64).requires_grad_()
    ids = torch.randint(0, V, (B, T), generator=torch.Generator().manual_seed(seed))
    ids[0, 1] = 1  # a target that is not padding
    loss = language_model_loss(logits, ids, pad_id=0)
    expected = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], ignore_index=0)
    labels = ids.masked_fill(ids == 0, -100)
    theirs = ForCausalLMLoss(logits, labels, vocab_size=V)
    torch.testing.assert_close(loss, expected, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(loss.float(), theirs.float(), atol=1e-5, rtol=1e-5)  # theirs computes in float32
    (ours,) = torch.autograd.grad(loss, logits)
    (wanted,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(ours, wanted, atol=1e-12, rtol=1e-12)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 10**6))
@settings(deadline=None)
def test_perplexity_is_the_exponential_of_the_cross_entropy_of_all_tokens(lengths, seed):
    logits = [normal(n, 7, seed=seed + i, dtype=torch.float64) for i, n in enumerate(lengths)]
    ids = [torch.randint(0, 7, (n,), generator=torch.Generator().manual_seed(seed + i)) for i, n in enumerate(lengths)]
    pieces = [torch.log_softmax(a, -1).gather(1, b[:, None])[:, 0] for a, b in zip(logits, ids, strict=True)]
    expected = F.cross_entropy(torch.cat(logits), torch.cat(ids)).exp().item()
    value = perplexity(pieces)
    assert type(value) is float and value == pytest.approx(expected, rel=1e-10)


def test_a_token_of_probability_zero_makes_perplexity_infinite():
    assert perplexity([torch.tensor([0.5, 0.0]).log()]) == math.inf


# ---- networks


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("size", [(), (4,), (2, 3)])
def test_the_neural_bigram_is_an_embedding_and_a_linear_layer_and_a_product_with_one_hot_vectors(size, dtype):
    ours = check.fill(NeuralBigram(9, 4)).to(dtype)
    theirs = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9)).to(dtype)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    ids = torch.randint(0, 9, size, generator=torch.Generator().manual_seed(1))
    tolerance = {"atol": TOLERANCE[dtype], "rtol": TOLERANCE[dtype]}
    torch.testing.assert_close(ours(ids), theirs(ids), **tolerance)
    torch.testing.assert_close(ours(ids), ours.head(F.one_hot(ids, 9).to(dtype) @ ours.embedding), **tolerance)
    for model in (ours, theirs):
        model(ids).pow(2).sum().backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, **tolerance)


def pytorchs(cell, kind, **settings):
    """nn.RNNCell or nn.RNN with the weights of our cell; its second bias is zero."""
    theirs = kind(cell.w_x.in_features, cell.w_x.out_features, **settings).to(cell.w_x.weight.dtype)
    weights = [cell.w_x.weight, cell.w_h.weight, cell.w_x.bias, torch.zeros_like(cell.w_x.bias)]
    with torch.no_grad():
        for parameter, value in zip(theirs.parameters(), weights, strict=True):
            parameter.copy_(value)
    return theirs


@given(sizes, sizes, sizes, st.sampled_from(list(TOLERANCE)))
@settings(deadline=None)
def test_a_step_is_that_of_pytorchs_cell(B, D, H, dtype):
    ours = check.fill(RNNCell(D, H)).to(dtype)
    theirs = pytorchs(ours, nn.RNNCell)
    x, h = normal(B, D, seed=1, dtype=dtype), normal(B, H, seed=2, dtype=dtype)
    tolerance = {"atol": TOLERANCE[dtype], "rtol": TOLERANCE[dtype]}
    torch.testing.assert_close(ours(x, h), theirs(x, h), **tolerance)
    for cell in (ours, theirs):
        cell(x, h).pow(2).sum().backward()
    torch.testing.assert_close(ours.w_x.weight.grad, theirs.weight_ih.grad, **tolerance)
    torch.testing.assert_close(ours.w_h.weight.grad, theirs.weight_hh.grad, **tolerance)
    torch.testing.assert_close(ours.w_x.bias.grad, theirs.bias_ih.grad, **tolerance)


@given(sizes, st.integers(1, 20), st.sampled_from(list(TOLERANCE)), st.booleans())
@settings(deadline=None)
def test_a_sequence_of_steps_is_pytorchs_recurrent_layer(B, T, dtype, started):
    model = check.fill(RNNLanguageModel(11, 5, 7)).to(dtype)
    theirs = pytorchs(model.cell, nn.RNN, batch_first=True)
    ids = torch.randint(0, 11, (B, T), generator=torch.Generator().manual_seed(3))
    h = normal(B, 7, seed=4, dtype=dtype) if started else None
    states, last = theirs(model.embedding(ids), None if h is None else h[None])
    logits, state = model(ids, h)
    tolerance = {"atol": TOLERANCE[dtype], "rtol": TOLERANCE[dtype]}
    torch.testing.assert_close(logits, model.head(states), **tolerance)
    torch.testing.assert_close(state, last[0], **tolerance)
    logits.pow(2).sum().backward()
    ours = [model.cell.w_x.weight.grad.clone(), model.cell.w_h.weight.grad.clone()]
    model.head(states).pow(2).sum().backward()
    for mine, other in zip(ours, [theirs.weight_ih_l0.grad, theirs.weight_hh_l0.grad], strict=True):
        scale = other.abs().max().clamp(min=1)
        torch.testing.assert_close(mine / scale, other / scale, **tolerance)


def test_reading_in_two_halves_is_reading_at_once():
    model = check.fill(RNNLanguageModel(11, 5, 7)).double()
    ids = torch.randint(0, 11, (3, 12), generator=torch.Generator().manual_seed(5))
    first, state = model(ids[:, :5])
    second, last = model(ids[:, 5:], state)
    logits, at_once = model(ids)
    torch.testing.assert_close(torch.cat([first, second], dim=1), logits)
    torch.testing.assert_close(last, at_once)


# ---- drawing


def chi_square(draws, p):
    """Pearson's statistic of the draws' frequencies: on average the number of tokens minus one."""
    expected = p.double() * len(draws)
    return ((torch.bincount(draws, minlength=len(p)) - expected) ** 2 / expected).sum().item()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_have_the_shares_of_the_softmax_as_multinomials_have(temperature):
    logits, chance = normal(20, seed=6), torch.Generator().manual_seed(7)
    p, number = torch.softmax(logits / temperature, -1), 200_000
    ours = sample(logits.expand(number, 20), torch.rand(number, generator=chance), temperature)
    theirs = torch.multinomial(p, number, replacement=True, generator=chance)
    assert chi_square(theirs, p) < 50  # 19 degrees of freedom: over 50 once in 8,000 times
    assert chi_square(ours, p) < 50


@given(st.integers(1, 300), st.integers(0, 10**6), st.sampled_from([0.3, 1.0, 3.0]))
@settings(deadline=None)
def test_a_draw_is_a_token_of_positive_probability_even_at_both_ends(V, seed, temperature):
    logits = 5 * normal(V, seed=seed)
    logits[torch.rand(V, generator=torch.Generator().manual_seed(seed)) < 0.4] = -math.inf
    logits[seed % V] = 0
    ends = torch.tensor([0.0, 2.0**-149, 0.5, 1 - 2.0**-24])
    drawn = sample(logits.expand(4, V), ends, temperature)
    assert drawn.dtype == torch.int64 and drawn.max() < V
    assert torch.isfinite(logits[drawn]).all()
    p = torch.softmax(logits.double() / temperature, -1)
    assert drawn[2] == torch.searchsorted(p.cumsum(0), 0.5, right=True) or (p.cumsum(0) - 0.5).abs().min() < 1e-6


def test_generating_goes_on_from_the_beginning_and_is_the_same_for_the_same_seed():
    logits = normal(6, 6, seed=8)
    first = generate(lambda ids: logits[ids[-1]], torch.tensor([2, 3]), 30, seed=1)
    again = generate(lambda ids: logits[ids[-1]], torch.tensor([2, 3]), 30, seed=1)
    other = generate(lambda ids: logits[ids[-1]], torch.tensor([2, 3]), 30, seed=2)
    assert first.shape == (32,) and first[:2].tolist() == [2, 3]
    assert torch.equal(first, again) and not torch.equal(first, other)
