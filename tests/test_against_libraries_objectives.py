"""objectives' parts against transformers' collators and contrastive losses, and against T5's masks written anew."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import CLIPConfig, CLIPModel, DataCollatorForLanguageModeling, PreTrainedTokenizerFast
from transformers.models.clip.modeling_clip import image_text_contrastive_loss

from internals.objectives import (
    causal_lm_batch,
    clip_loss,
    info_nce,
    masked_lm_batch,
    noise_mask,
    recall_at_k,
    span_corruption,
)

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-9}
PAD, CLS, SEP, MASK, VOCABULARY = 0, 1, 2, 3, 400
texts = st.lists(st.lists(st.integers(4, 30), min_size=1, max_size=9), min_size=1, max_size=6)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def normal(*size, seed=0, dtype=torch.float32):
    return torch.randn(*size, generator=seeded(seed)).to(dtype)


def tokenizer(**special):
    words = {"[PAD]": PAD, "[CLS]": CLS, "[SEP]": SEP, "[MASK]": MASK, **{f"w{i}": i for i in range(4, VOCABULARY)}}
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", **special}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words, unk_token="[PAD]")), **names)


# ---- what comes next


@given(texts)
@settings(deadline=None, max_examples=60)
def test_causal_labels_are_those_that_transformers_gets_by_shifting_when_padding_has_a_number_of_its_own(sequences):
    collate = DataCollatorForLanguageModeling(tokenizer(), mlm=False)
    theirs = collate([{"input_ids": [*sequence, SEP]} for sequence in sequences])
    inputs, labels = causal_lm_batch(sequences, eos_id=SEP, pad_id=PAD)
    torch.testing.assert_close(labels, theirs["labels"][:, 1:])
    real = labels != -100
    torch.testing.assert_close(inputs[real], theirs["input_ids"][:, :-1][real])
    assert (inputs[~real] == PAD).all()


def test_transformers_collator_loses_the_ends_where_they_share_padding_s_number_and_ours_keeps_them():
    sequences = [[5, 6, 7], [8]]
    theirs = DataCollatorForLanguageModeling(tokenizer(eos_token="[PAD]"), mlm=False)(
        [{"input_ids": [*sequence, PAD]} for sequence in sequences]
    )
    assert (theirs["labels"] == PAD).sum() == 0
    assert (causal_lm_batch(sequences, eos_id=PAD, pad_id=PAD)[1] == PAD).sum() == 2


@given(texts, st.integers(0, 30))
@settings(deadline=None, max_examples=60)
def test_every_text_has_as_many_causal_labels_as_tokens_and_its_last_is_the_end_whatever_its_number(sequences, end):
    _, labels = causal_lm_batch(sequences, eos_id=end, pad_id=end)
    for row, sequence in zip(labels.tolist(), sequences, strict=True):
        assert row == sequence[1:] + [end] + [-100] * (len(row) - len(sequence))


# ---- what stood here


def shares(ids, inputs, labels, special):
    chosen = labels != -100
    masked, same = (inputs == MASK)[chosen].float().mean(), (inputs == ids)[chosen].float().mean()
    return torch.stack([chosen[~special].float().mean(), masked, same, 1 - masked - same])


def masked_text(seed, shape=(300, 300)):
    ids = torch.randint(4, VOCABULARY, shape, generator=seeded(seed))
    ids[:, 0], ids[:, -1] = CLS, PAD
    ids[:, -2] = SEP
    return ids, ids < MASK


@pytest.mark.parametrize("rate", [0.15, 0.4])
def test_masks_have_the_statistics_of_transformers_collator(rate):
    ids, special = masked_text(1)
    collate = DataCollatorForLanguageModeling(tokenizer(), mlm_probability=rate, seed=1)
    theirs = collate([{"input_ids": row.tolist(), "special_tokens_mask": s.int().tolist()}
                      for row, s in zip(ids, special, strict=True)])  # fmt: skip
    inputs, labels = masked_lm_batch(ids, special, MASK, VOCABULARY, seeded(2), rate)
    expected = shares(ids, theirs["input_ids"], theirs["labels"], special)
    torch.testing.assert_close(shares(ids, inputs, labels, special), expected, atol=0.02, rtol=0.0)
    torch.testing.assert_close(shares(ids, inputs, labels, special), torch.tensor([rate, 0.8, 0.1, 0.1]), atol=0.02,
                               rtol=0.0)  # fmt: skip
    for batch in ((inputs, labels), (theirs["input_ids"], theirs["labels"])):
        assert ((batch[1] == -100) | (batch[1] == ids)).all() and (batch[1][special] == -100).all()
        assert torch.equal(batch[0][batch[1] == -100], ids[batch[1] == -100])


def test_special_tokens_are_those_that_transformers_spares_too():
    ids, special = masked_text(3, (4, 12))
    known = torch.tensor([tokenizer().get_special_tokens_mask(row, already_has_special_tokens=True)
                          for row in ids.tolist()]).bool()  # fmt: skip
    assert torch.equal(known, special)
    inputs, labels = masked_lm_batch(ids, known, MASK, VOCABULARY, seeded(0), rate=1.0)
    assert torch.equal(labels != -100, ~known) and torch.equal(inputs[known], ids[known])


def test_random_tokens_are_spread_evenly_over_the_vocabulary():
    ids, special = torch.full((400, 500), 7), torch.zeros(400, 500, dtype=torch.bool)
    inputs, labels = masked_lm_batch(ids, special, 99, 20, seeded(4), rate=1.0)
    counts = torch.bincount(inputs[(inputs != 99) & (inputs != 7)], minlength=20)
    kept = counts[torch.arange(20) != 7].float()
    assert len(counts) == 20 and (kept / kept.mean() - 1).abs().max() < 0.2


@given(st.integers(0, 1000), st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_the_same_seed_gives_the_same_masks_and_leaves_the_text_alone(seed, rate):
    ids, special = masked_text(5, (3, 9))
    kept = ids.clone()
    one = masked_lm_batch(ids, special, MASK, VOCABULARY, seeded(seed), rate)
    two = masked_lm_batch(ids, special, MASK, VOCABULARY, seeded(seed), rate)
    assert all(map(torch.equal, one, two)) and torch.equal(ids, kept)


# ---- where to cut


def t5_mask(length, density, mean, chance):
    """The mask of Raffel et al. 2020, written anew with NumPy from its description: pieces by shuffled first tokens."""
    noise = min(max(int(np.round(length * density)), 1), length - 1)
    spans = max(int(np.round(min(noise, length - noise) / mean)), 1)

    def pieces(total):
        first = np.arange(total - 1) < spans - 1
        chance.shuffle(first)
        return np.bincount(np.cumsum(np.concatenate([[0], first])), minlength=spans)

    mask = []
    for visible, hidden in zip(pieces(length - noise), pieces(noise), strict=True):
        mask += [False] * visible + [True] * hidden
    return mask


def summary(mask):
    starts = sum(b and not a for a, b in zip([False, *mask], mask, strict=False))
    return len(mask), sum(mask), starts, mask[0], mask[-1]


@given(st.integers(2, 600), st.floats(0.01, 0.99), st.floats(1, 10), st.integers(0, 100))
@settings(deadline=None, max_examples=200)
def test_masks_have_t5s_numbers_of_hidden_tokens_and_spans(length, rate, mean, seed):
    expected = t5_mask(length, rate, mean, np.random.default_rng(seed))
    assert summary(noise_mask(length, seeded(seed), rate, mean).tolist()) == summary(expected)


def test_masks_are_spread_like_t5s_and_all_equally_likely():
    chance, generator, draws = np.random.default_rng(0), seeded(0), 8000
    ours = Counter(tuple(noise_mask(11, generator, 0.45, 1.67).tolist()) for _ in range(draws))
    theirs = Counter(tuple(t5_mask(11, 0.45, 1.67, chance)) for _ in range(draws))
    ways = math.comb(4, 2) * math.comb(5, 2)
    assert set(ours) == set(theirs) and len(ours) == ways
    for counts in (ours, theirs):
        statistic = sum((n - draws / ways) ** 2 / (draws / ways) for n in counts.values())
        assert statistic < 59 + 6 * math.sqrt(2 * 59)  # χ² with 59 degrees of freedom


def test_pieces_are_all_the_choices_of_gaps():
    masks = {tuple(noise_mask(8, generator, 0.5, 2.0).tolist()) for generator in [seeded(1)] for _ in range(400)}
    expected = set()
    for (a,), (b,) in ((p, q) for p in combinations((1, 2, 3), 1) for q in combinations((1, 2, 3), 1)):
        expected.add((False,) * a + (True,) * b + (False,) * (4 - a) + (True,) * (4 - b))
    assert masks == expected


# ---- what was cut out


def put_together(inputs, targets, sentinel):
    """Undo the cut, from its description: each sentinel of the inputs stands for what follows it in the targets."""
    spans, number = [], 0
    for token in targets:
        if token == sentinel - number:
            spans.append([])
            number += 1
        else:
            spans[-1].append(token)
    assert spans[-1] == []
    text, number = [], 0
    for token in inputs:
        if token == sentinel - number:
            text += spans[number]
            number += 1
        else:
            text.append(token)
    assert number == len(spans) - 1
    return text


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=40))
@settings(deadline=None, max_examples=200)
def test_inputs_and_targets_give_the_text_back_and_have_the_promised_lengths(pairs):
    ids, hidden = torch.tensor([i for i, _ in pairs]), torch.tensor([h for _, h in pairs])
    inputs, targets = span_corruption(ids, hidden, 1000)
    assert put_together(inputs.tolist(), targets.tolist(), 1000) == ids.tolist()
    _, n, s, *_ = summary(hidden.tolist())
    assert len(inputs) == len(ids) - n + s and len(targets) == n + s + 1
    assert inputs.dtype is targets.dtype is torch.int64


def test_the_example_of_the_paper():
    """Raffel et al. 2020, Figure 2: the words of its sentence by number, X, Y and Z as 99, 98 and 97."""
    hidden = torch.tensor([0, 0, 1, 1, 0, 0, 0, 0, 1, 0]).bool()
    inputs, targets = span_corruption(torch.arange(10), hidden, 99)
    assert inputs.tolist() == [0, 1, 99, 4, 5, 6, 7, 98, 9] and targets.tolist() == [99, 2, 3, 98, 8, 97]


@given(st.integers(2, 200), st.integers(0, 50))
@settings(deadline=None, max_examples=60)
def test_masks_and_cuts_fit_together(length, seed):
    ids = torch.arange(length)
    inputs, targets = span_corruption(ids, noise_mask(length, seeded(seed)), 32099)
    assert put_together(inputs.tolist(), targets.tolist(), 32099) == ids.tolist()


# ---- contrastive losses


def with_gradients(loss, *tensors):
    return loss, torch.autograd.grad(loss, tensors)


@given(st.integers(1, 7), st.integers(2, 9), st.floats(-3, 4.6), st.sampled_from(list(TOLERANCE)))
@settings(deadline=None, max_examples=60)
def test_clip_loss_is_transformers_with_its_gradients(n, width, scale, dtype):
    images, texts = 3 * normal(n, width, seed=1, dtype=dtype), normal(n, width, seed=2, dtype=dtype)
    scale = torch.tensor(scale, dtype=dtype)
    variables = [x.requires_grad_() for x in (images, texts, scale)]
    similarity = scale.exp() * F.normalize(texts, dim=-1) @ F.normalize(images, dim=-1).T
    theirs = with_gradients(image_text_contrastive_loss(similarity), *variables)
    ours = with_gradients(clip_loss(images, texts, scale), *variables)
    atol = TOLERANCE[dtype] * 30 if dtype is torch.float32 else TOLERANCE[dtype]
    torch.testing.assert_close(ours, theirs, atol=atol, rtol=1e-4 if dtype is torch.float32 else 1e-9)


def small_clip():
    text = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 40,
            "max_position_embeddings": 10, "bos_token_id": 0, "eos_token_id": 39}  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 8, "patch_size": 4}  # fmt: skip
    torch.manual_seed(0)
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).eval()


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_clip_loss_is_that_of_a_whole_clip_model(dtype):
    model = small_clip().to(dtype)
    ids = torch.randint(1, 39, (5, 10), generator=seeded(1))
    ids[:, -1] = 39
    out = model(input_ids=ids, pixel_values=normal(5, 3, 8, 8, dtype=dtype), return_loss=True)
    ours = clip_loss(out.image_embeds, out.text_embeds, model.logit_scale)
    torch.testing.assert_close(ours, out.loss, atol=TOLERANCE[dtype], rtol=1e-5)
    theirs = torch.autograd.grad(out.loss, model.logit_scale, retain_graph=True)
    torch.testing.assert_close(
        torch.autograd.grad(ours, model.logit_scale), theirs, atol=10 * TOLERANCE[dtype], rtol=1e-4
    )


@pytest.mark.parametrize("value", [4.7, 6.0, 88.0, 1e4])
def test_beyond_the_limit_the_scale_is_100_and_its_gradient_0(value):
    images, texts = normal(4, 6, seed=1), normal(4, 6, seed=2)
    scale = torch.tensor(value).requires_grad_()
    loss = clip_loss(images, texts, scale)
    expected = image_text_contrastive_loss(100 * F.normalize(texts, dim=-1) @ F.normalize(images, dim=-1).T)
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-4)
    assert torch.autograd.grad(loss, scale)[0] == 0


@given(st.integers(1, 6), st.integers(0, 5), st.integers(1, 8), st.floats(0.02, 5), st.sampled_from(list(TOLERANCE)))
@settings(deadline=None, max_examples=60)
def test_info_nce_is_a_cross_entropy_of_cosines_with_its_gradients(n, extra, width, temperature, dtype):
    queries, keys = normal(n, width, seed=3, dtype=dtype), 2 * normal(n + extra, width, seed=4, dtype=dtype)
    temperature = torch.tensor(temperature, dtype=dtype)
    variables = [x.requires_grad_() for x in (queries, keys, temperature)]
    cosine = F.cosine_similarity(queries[:, None], keys[None], dim=-1)
    theirs = with_gradients(F.cross_entropy(cosine / temperature, torch.arange(n)), *variables)
    ours = with_gradients(info_nce(queries, keys, temperature), *variables)
    loose = dtype is torch.float32
    torch.testing.assert_close(ours, theirs, atol=1e-3 if loose else 1e-8, rtol=1e-3 if loose else 1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("temperature", [1e-3, 1.0, 100.0])
def test_info_nce_and_its_gradient_are_finite_at_any_temperature_in_any_precision(dtype, temperature):
    queries = (1e3 * normal(16, 8, seed=5)).to(dtype).requires_grad_()
    loss = info_nce(queries, normal(16, 8, seed=6).to(dtype), temperature)
    loss.backward()
    assert loss.isfinite() and queries.grad.isfinite().all()


def test_info_nce_in_mixed_precision_is_near_that_in_float32():
    queries, keys = normal(32, 16, seed=7), normal(32, 16, seed=8)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = info_nce(queries, keys)
    torch.testing.assert_close(mixed.float(), info_nce(queries, keys), atol=0.1, rtol=0.05)


@given(st.integers(1, 8), st.integers(0, 5), st.integers(0, 100))
@settings(deadline=None, max_examples=60)
def test_recall_is_that_of_sorting_where_nothing_is_tied(n, extra, seed):
    similarities = normal(n, n + extra, seed=seed, dtype=torch.float64)
    best = similarities.argsort(dim=1, descending=True)
    for k in range(1, n + extra + 1):
        expected = (best[:, :k] == torch.arange(n)[:, None]).any(1).float().mean().item()
        assert recall_at_k(similarities, k) == pytest.approx(expected)


@pytest.mark.cuda
def test_parts_give_the_same_on_a_gpu():
    ids, special = masked_text(9, (8, 40))
    here = masked_lm_batch(ids, special, MASK, VOCABULARY, seeded(1))
    there = masked_lm_batch(ids.cuda(), special.cuda(), MASK, VOCABULARY, seeded(1))
    assert all(torch.equal(a, b.cpu()) for a, b in zip(here, there, strict=True))
    hidden = noise_mask(40, seeded(2))
    cut = span_corruption(ids[0].cuda(), hidden.cuda(), 999)
    assert all(torch.equal(a, b.cpu()) for a, b in zip(span_corruption(ids[0], hidden, 999), cut, strict=True))
    images, texts, scale = normal(9, 6, seed=1), normal(9, 6, seed=2), torch.tensor(2.5)
    torch.testing.assert_close(clip_loss(images.cuda(), texts.cuda(), scale.cuda()).cpu(),
                               clip_loss(images, texts, scale), atol=1e-4, rtol=1e-4)  # fmt: skip
    torch.testing.assert_close(
        info_nce(images.cuda(), texts.cuda()).cpu(), info_nce(images, texts), atol=1e-4, rtol=1e-4
    )
    table = images @ texts.T
    assert recall_at_k(table.cuda(), 3) == recall_at_k(table, 3)
