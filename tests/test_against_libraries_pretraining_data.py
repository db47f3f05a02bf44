"""pretraining_data's parts against networkx, nltk, PyTorch and transformers, against a second way to write them, and
against what probability says of them."""

import math
import random
from collections import Counter

import networkx
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.util import ngrams
from torch import nn
from torch.nn.attention.flex_attention import create_mask
from transformers import LlamaConfig, LlamaForCausalLM

from internals.pretraining_data import (
    PRIME,
    STOP_WORDS,
    candidate_pairs,
    contamination,
    deduplicate,
    document_mask,
    fingerprints,
    hash_family,
    jaccard,
    minhash_signature,
    normalise,
    pack_sequences,
    quality_filter,
    shingles,
)

WORDS = [
    "the",
    "and",
    "horse",
    "with",
    "#",
    "...",
    "a…",
    "42",
    "7x",
    "- b",
    "•",
    "*",
    "Be",
    "réunion",
    "supercalifragile",
]
texts = st.lists(st.sampled_from([*WORDS, "\n", "\n", "\n\n"]), max_size=120).map(" ".join)
few_words = st.lists(st.sampled_from("abcd"), max_size=30).map(" ".join)
documents = st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=1, max_size=8)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tensors as small as these gain nothing from more, and lose much where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# ---- the filter


def rules_one_by_one(text):
    """The rules again, each as a generator of one verdict, counted with fractions of whole numbers."""
    tokens = text.split()
    rows = [row for row in (raw.strip() for raw in text.split("\n")) if row]
    n, letters = len(tokens), sum(len(token) for token in tokens)
    if n < 50 or n > 100_000:
        yield "words"
    if n and (letters < 3 * n or letters > 10 * n):
        yield "word length"
    counts = Counter(text.replace("...", "…"))
    if 10 * counts["#"] > n or 10 * counts["…"] > n:
        yield "symbols"
    if 10 * sum(row[0] in "•-*" for row in rows) > 9 * len(rows):
        yield "bullets"
    if 10 * sum(row.replace("...", "…")[-1] == "…" for row in rows) > 3 * len(rows):
        yield "ellipses"
    if 5 * sum(token.lower() != token.upper() for token in tokens) < 4 * n:
        yield "letters"
    if len({token.lower() for token in tokens} & {"the", "be", "to", "of", "and", "that", "have", "with"}) < 2:
        yield "stop words"


@given(texts, st.integers(1, 3))
@settings(deadline=None, max_examples=300)
def test_the_filter_agrees_with_a_second_way_to_write_it(text, times):
    text = "\n".join([text] * times)
    assert quality_filter(text) == list(rules_one_by_one(text))


@given(texts)
@settings(deadline=None)
def test_white_space_at_the_ends_and_empty_lines_change_no_verdict(text):
    assert quality_filter("\n \n" + text.replace("\n", "  \n\n ") + "\t\n") == quality_filter(text)


def test_the_stop_words_are_the_eight_of_gopher():
    assert {"the", "be", "to", "of", "and", "that", "have", "with"} == STOP_WORDS


# ---- shingles


@given(few_words, st.integers(1, 6))
@settings(deadline=None)
def test_shingles_are_nltks_ngrams_and_of_a_shorter_text_all_its_words(text, n):
    words = normalise(text)
    expected = {" ".join(gram) for gram in ngrams(words, n)} if len(words) >= n else {" ".join(words)} - {""}
    assert shingles(text, n) == expected


@given(st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_jaccard_is_one_minus_nltks_distance_and_zero_for_two_empty_sets(one, other):
    from nltk.metrics import jaccard_distance

    if one or other:
        assert math.isclose(jaccard(one, other), 1 - jaccard_distance(one, other), abs_tol=1e-12)
    else:
        assert jaccard(one, other) == 0


# ---- signatures


@given(st.lists(st.integers(0, PRIME - 1), max_size=40), st.integers(1, 12), st.integers(0, 9))
@settings(deadline=None)
def test_a_signature_is_what_pythons_integers_give(hashes, k, seed):
    a, b = hash_family(k, seed)
    expected = [min(((int(i) * x + int(j)) % PRIME for x in hashes), default=PRIME) for i, j in zip(a, b, strict=True)]
    signature = minhash_signature(np.array(hashes, dtype=np.int64), a, b)
    assert signature.tolist() == expected and signature.dtype == np.int64


@given(st.lists(st.integers(0, PRIME - 1)), st.lists(st.integers(0, PRIME - 1)), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_signature_of_a_union_is_the_smaller_of_two_and_order_does_not_matter(one, other, shuffler):
    family = hash_family(16)
    both = one + other + one
    shuffler.shuffle(both)
    signature = minhash_signature(np.array(both, dtype=np.int64), *family)
    parts = [minhash_signature(np.array(part, dtype=np.int64), *family) for part in (one, other)]
    np.testing.assert_array_equal(signature, np.minimum(*parts))


def test_the_largest_product_of_the_family_fits_in_int64():
    assert (PRIME - 1) ** 2 + PRIME - 1 < 2**63
    assert all(PRIME % divisor for divisor in range(2, 50_000))  # prime: its root is below 46,341
    a, b = hash_family(100_000, seed=3)
    assert a.min() >= 1 and a.max() < PRIME and b.min() >= 0 and b.max() < PRIME
    x = fingerprints({str(i) for i in range(10_000)})
    assert x.min() >= 0 and x.max() < PRIME and len(set(x.tolist())) > 9_990


@pytest.mark.parametrize("shared", [0, 10, 50, 90, 100])
def test_agreement_estimates_jaccard_within_its_standard_error(shared):
    """k = 4,000 functions, 4.5 standard errors: by chance it would fail once in a hundred thousand times."""
    rest = 100 - shared
    both, mine, yours = (
        {f"{name} {i}" for i in range(size)} for name, size in (("both", shared), ("one", rest), ("other", rest))
    )
    one, other = both | mine, both | yours
    s, k = jaccard(one, other), 4000
    family = hash_family(k, seed=1)
    estimate = np.mean(minhash_signature(fingerprints(one), *family) == minhash_signature(fingerprints(other), *family))
    assert abs(estimate - s) <= 4.5 * math.sqrt(s * (1 - s) / k)


# ---- bands


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 12),
    st.integers(1, 3),
    st.integers(0, 2**31),
)
@settings(deadline=None)
def test_candidates_are_the_pairs_that_agree_in_a_band(bands, rows, count, kinds, seed):
    table = np.random.default_rng(seed).integers(0, kinds + 1, size=(count, bands * rows))
    cut = table.reshape(count, bands, rows)
    expected = {(i, j) for i in range(count) for j in range(i + 1, count) if (cut[i] == cut[j]).all(1).any()}
    assert candidate_pairs(table, bands) == expected


@given(st.integers(0, 2**31))
@settings(deadline=None, max_examples=20)
def test_renumbering_the_documents_renumbers_the_pairs(seed):
    rng = np.random.default_rng(seed)
    table, order = rng.integers(0, 3, size=(20, 12)), rng.permutation(20)
    moved = {tuple(sorted((int(order[i]), int(order[j])))) for i, j in candidate_pairs(table[order], 4)}
    assert moved == candidate_pairs(table, 4)


@pytest.mark.parametrize(("bands", "rows"), [(14, 8), (20, 5), (5, 20)])
@pytest.mark.parametrize("s", [0.5, 0.75, 0.9])
def test_the_share_of_candidates_lies_on_the_s_curve(bands, rows, s):
    """2,000 pairs of signatures whose numbers agree with probability s; 4.5 standard errors."""
    rng, pairs = np.random.default_rng(7), 2000
    one = rng.integers(0, 2**40, size=(pairs, bands * rows))
    other = np.where(rng.random(one.shape) < s, one, rng.integers(2**40, 2**41, size=one.shape))
    found = candidate_pairs(np.concatenate([one, other]), bands)
    p = 1 - (1 - s**rows) ** bands
    assert abs(len(found) / pairs - p) <= 4.5 * math.sqrt(p * (1 - p) / pairs) + 1e-12
    assert all(j == i + pairs for i, j in found)


# ---- groups


pairs_of_twenty = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(pairs_of_twenty)
@settings(deadline=None)
def test_exactly_the_first_of_each_connected_component_is_kept(pairs):
    graph = networkx.Graph(pairs)
    graph.add_nodes_from(range(20))
    assert deduplicate(20, pairs) == sorted(min(group) for group in networkx.connected_components(graph))


@given(pairs_of_twenty, st.randoms(use_true_random=False))
def test_neither_the_order_of_pairs_nor_their_direction_matters(pairs, shuffler):
    other = [(j, i) if shuffler.random() < 0.5 else (i, j) for i, j in pairs]
    shuffler.shuffle(other)
    assert deduplicate(20, iter(other)) == deduplicate(20, pairs)


def test_a_random_graph_of_twenty_thousand_documents_has_networkxs_components():
    graph = networkx.gnm_random_graph(20_000, 15_000, seed=5)
    assert deduplicate(20_000, graph.edges) == sorted(min(group) for group in networkx.connected_components(graph))


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_of_fifty_thousand_is_one_group(backwards):
    chain = [(i, i + 1) for i in range(49_999)]
    assert deduplicate(50_000, chain[::-1] if backwards else chain) == [0]


def test_of_planted_copies_and_edited_copies_one_each_is_kept():
    """Random words, copies as they are, and copies with one word of 200 changed: every group is found, nothing else."""
    chooser = random.Random(3)
    vocabulary = [f"w{i}" for i in range(2000)]
    originals = [[chooser.choice(vocabulary) for _ in range(200)] for _ in range(60)]
    edited = [[*words[:100], "edited", *words[101:]] for words in originals[:30]]
    heap = [" ".join(words) for words in [*originals, *originals[:20], *edited]]
    sets = [shingles(text) for text in heap]
    signatures = np.stack([minhash_signature(fingerprints(items), *hash_family(112)) for items in sets])
    pairs = {(i, j) for i, j in candidate_pairs(signatures, 14) if jaccard(sets[i], sets[j]) >= 0.8}
    assert deduplicate(len(heap), pairs) == list(range(60))


@pytest.mark.network("shakespeare")
def test_every_copied_scene_of_shakespeare_is_found():
    from autograder import data

    words = data.load("shakespeare").split()
    scenes = [" ".join(words[i : i + 300]) for i in range(0, 300 * 200, 300)]
    heap = scenes + [scene.upper().replace(",", ";") for scene in scenes[::4]]
    sets = [shingles(text) for text in heap]
    signatures = np.stack([minhash_signature(fingerprints(items), *hash_family(112)) for items in sets])
    pairs = {(i, j) for i, j in candidate_pairs(signatures, 14) if jaccard(sets[i], sets[j]) >= 0.8}
    assert pairs == {(4 * i, 200 + i) for i in range(50)} and deduplicate(len(heap), pairs) == list(range(200))


# ---- contamination


@given(st.lists(few_words, max_size=4), st.lists(few_words, min_size=1, max_size=4), st.integers(1, 5))
@settings(deadline=None)
def test_contamination_is_the_share_of_nltks_ngrams_that_some_document_holds(heap, examples, n):
    seen = {gram for text in heap for gram in ngrams(normalise(text), n)}
    expected = []
    for example in examples:
        grams = set(ngrams(normalise(example), n))
        expected.append(len(grams & seen) / len(grams) if grams else None)
    assert contamination(iter(heap), examples, n) == expected


@given(few_words, few_words, few_words)
@settings(deadline=None)
def test_more_training_text_never_makes_an_example_cleaner(example, first, second):
    less, more = contamination([first], [example], 2), contamination([first, second], [example], 2)
    assert less == more == [None] or less[0] <= more[0]


# ---- rows


@given(documents, st.integers(1, 9), st.integers(0, 4), st.integers(0, 4))
@settings(deadline=None, max_examples=200)
def test_packing_loses_nothing_repeats_nothing_and_can_be_undone(heap, length, end_id, pad_id):
    packed = pack_sequences(heap, length, end_id, pad_id)
    total = sum(len(document) + 1 for document in heap)
    assert all(part.shape == (-(-total // length), length) and part.dtype == torch.int64 for part in packed)
    tokens, numbers = packed.tokens.flatten(), packed.documents.flatten()
    assert (numbers[:total] >= 0).all() and (numbers[total:] == -1).all() and (tokens[total:] == pad_id).all()
    assert [tokens[numbers == i].tolist() for i in range(len(heap))] == [[*document, end_id] for document in heap]


@given(documents, st.integers(1, 9))
@settings(deadline=None, max_examples=200)
def test_targets_and_positions_follow_from_whose_the_neighbours_are(heap, length):
    packed = pack_sequences(heap, length, end_id=2, pad_id=1)
    for tokens, targets, numbers, positions in zip(*(part.tolist() for part in packed), strict=True):
        for t in range(length):
            goes_on = t + 1 < length and numbers[t + 1] == numbers[t] != -1
            assert targets[t] == (tokens[t + 1] if goes_on else -100)
            assert positions[t] == (positions[t - 1] + 1 if t and numbers[t - 1] == numbers[t] else 0)


@given(documents, st.integers(1, 9))
@settings(deadline=None)
def test_the_mask_is_flex_attentions_and_made_of_triangles(heap, length):
    numbers = pack_sequences(heap, length, end_id=2).documents
    mask = document_mask(numbers)

    def same_and_not_later(b, h, q, k):
        return (numbers[b, q] == numbers[b, k]) & (q >= k)

    expected = create_mask(same_and_not_later, len(numbers), None, length, length, device="cpu")[:, 0]
    assert torch.equal(mask, expected)
    triangles = [
        torch.block_diag(*(torch.ones(n, n).tril() for n in row.unique_consecutive(return_counts=True)[1].tolist()))
        for row in numbers
    ]
    assert torch.equal(mask, torch.stack(triangles).bool())


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_attention_over_packed_rows_is_that_of_each_document_alone_with_its_gradients(dtype, atol):
    generator = torch.Generator().manual_seed(1)
    numbers = pack_sequences([[0] * n for n in (5, 1, 9, 0, 3, 2)], 8, end_id=2).documents
    B, T = numbers.shape
    packed = [torch.randn(B, T, 4, generator=generator).to(dtype).requires_grad_() for _ in range(3)]
    alone = [x.detach().clone().requires_grad_() for x in packed]
    out = F.scaled_dot_product_attention(*packed, document_mask(numbers))
    pieces = torch.empty_like(out)
    for row in range(B):
        for number in numbers[row].unique():
            mine = numbers[row] == number
            pieces[row, mine] = F.scaled_dot_product_attention(*(x[row, mine] for x in alone), is_causal=True)
    torch.testing.assert_close(out, pieces, atol=atol, rtol=1e-5)
    out.pow(2).sum().backward()
    pieces.pow(2).sum().backward()
    for one, other in zip(packed, alone, strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=10 * atol, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_transformers_llama_gives_packed_documents_the_loss_of_each_alone(dtype):
    """Documents that end where rows end: then packing changes neither a logit nor the loss."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=11,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config).to(dtype).eval()
    heap = [[5, 3, 8], [1, 2, 3, 4, 6], [7], [9, 9, 1, 4, 2, 10, 3, 5]]
    packed = pack_sequences(heap, 12, end_id=0, pad_id=0)
    mask = torch.zeros(len(packed.tokens), 1, 12, 12, dtype=dtype)
    mask.masked_fill_(~document_mask(packed.documents)[:, None], torch.finfo(dtype).min)
    logits = model(input_ids=packed.tokens, attention_mask=mask, position_ids=packed.positions).logits
    total, tolerance = 0.0, 1e-5 if dtype is torch.float32 else 1e-10
    for number, document in enumerate(heap):
        ids = torch.tensor([[*document, 0]])
        alone = model(input_ids=ids).logits[0]
        torch.testing.assert_close(logits[packed.documents == number], alone, atol=tolerance, rtol=1e-4)
        total = total + F.cross_entropy(alone[:-1], ids[0, 1:], reduction="sum")
    loss = F.cross_entropy(logits.flatten(0, 1), packed.targets.flatten(), reduction="sum")
    torch.testing.assert_close(loss, total, atol=100 * tolerance, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_pytorchs_encoder_layer_keeps_packed_documents_apart_in_training_and_in_evaluation(training):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True).train(training)
    numbers = pack_sequences([[1] * 3, [1] * 6, [1]], 13, end_id=2).documents
    x = torch.randn(1, 13, 8)
    with torch.no_grad():
        out = layer(x, src_mask=~document_mask(numbers)[0])
        for number in numbers.unique():
            mine = numbers[0] == number
            length = int(mine.sum())
            future = torch.ones(length, length, dtype=torch.bool).triu(1)
            torch.testing.assert_close(out[:, mine], layer(x[:, mine], src_mask=future), atol=1e-5, rtol=1e-4)


@pytest.mark.cuda
def test_rows_and_masks_are_the_same_on_a_gpu():
    packed = pack_sequences([[1, 2, 3], [4], [5, 6, 7, 8, 9, 1, 2]], 6, end_id=0)
    mask = document_mask(packed.documents.cuda())
    assert mask.device.type == "cuda" and torch.equal(mask.cpu(), document_mask(packed.documents))
    q, k, v = torch.randn(3, *packed.tokens.shape, 8, generator=torch.Generator().manual_seed(2))
    out = F.scaled_dot_product_attention(q.cuda(), k.cuda(), v.cuda(), mask)
    expected = F.scaled_dot_product_attention(q, k, v, document_mask(packed.documents))
    torch.testing.assert_close(out.cpu(), expected, atol=1e-4, rtol=1e-4)
