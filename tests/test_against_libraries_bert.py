"""bert's parts against transformers' BERT, with the same weights; and the real MiniLM in them."""

import random
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)

from autograder import check, data
from internals.bert import (
    BertEmbeddings,
    BertEncoder,
    SequenceClassifier,
    SpanClassifier,
    TokenClassifier,
    bert_from,
    best_span,
    embed,
    mean_pooling,
    minilm_encoder,
    pad,
    rename_weights,
)

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}
SIZES = {
    "vocab_size": 29,
    "hidden_size": 12,
    "num_attention_heads": 3,
    "num_hidden_layers": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}


def settings_of(dropout=0.0, **changes):
    return BertConfig(
        **SIZES | changes, hidden_dropout_prob=dropout, attention_probs_dropout_prob=0.0, attn_implementation="eager"
    )


def same_encoders(dtype=torch.float32, config=None):
    """transformers' BertModel with random weights, and a BertEncoder with the same."""
    config = config or settings_of()
    theirs = check.fill(BertModel(config)).to(dtype)
    ours = BertEncoder(
        config.vocab_size,
        config.hidden_size,
        config.num_attention_heads,
        config.num_hidden_layers,
        config.intermediate_size,
        config.max_position_embeddings,
        config.type_vocab_size,
        dropout=config.hidden_dropout_prob,
    ).to(dtype)
    ours.load_state_dict(rename_weights(theirs.state_dict()))
    return ours, theirs


def a_batch(B=4, T=9, seed=0, vocab_size=29):
    """ids, token types and a mask of padding at the end. No 0: transformers gives [PAD] no gradient, padded or not."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, vocab_size, (B, T), generator=generator)
    types = torch.randint(0, 2, (B, T), generator=generator)
    lengths = torch.randint(1, T + 1, (B, 1), generator=generator)
    return ids, types, torch.arange(T) < lengths


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("mode", ["train", "eval"])
@given(B=st.integers(1, 4), T=st.integers(1, 16), seed=st.integers(0, 99), typed=st.booleans(), padded=st.booleans())
@settings(deadline=None, max_examples=15)
def test_the_encoder_equals_transformers_bert_with_and_without_padding_and_types(
    dtype, mode, B, T, seed, typed, padded
):
    ours, theirs = same_encoders(dtype)
    ids, types, mask = a_batch(B, T, seed)
    types, mask = types if typed else None, mask if padded else None
    getattr(ours, mode)(), getattr(theirs, mode)()
    out = ours(ids, types, mask)
    expected = theirs(ids, attention_mask=None if mask is None else mask.long(), token_type_ids=types).last_hidden_state
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
    assert out.dtype is dtype
    torch.testing.assert_close(out[real], expected[real], atol=TOLERANCE[dtype], rtol=1e-5)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_gradients_of_every_parameter_equal_transformers(dtype):
    ours, theirs = same_encoders(dtype)
    ids, types, mask = a_batch()
    for model, out in (
        (ours, ours(ids, types, mask)),
        (theirs, theirs(ids, attention_mask=mask.long(), token_type_ids=types).last_hidden_state),
    ):
        model.zero_grad()
        (out[mask] ** 3).sum().backward()
    expected = rename_weights({name: p.grad for name, p in theirs.named_parameters()})
    mine = dict(ours.named_parameters())
    assert set(expected) == set(mine)
    for name, grad in expected.items():
        if name.endswith("w_k.bias"):  # a bias of the keys shifts all scores of a query alike: its gradient is 0
            continue
        scale = grad.abs().max().clamp(min=1)
        torch.testing.assert_close(mine[name].grad / scale, grad / scale, atol=TOLERANCE[dtype], rtol=1e-4)


@pytest.mark.parametrize("T", [1, 7, 16])
def test_embeddings_equal_transformers(T):
    ours, theirs = same_encoders(torch.float64)
    ids, types, _ = a_batch(3, T)
    torch.testing.assert_close(ours.embeddings(ids, types), theirs.embeddings(ids, token_type_ids=types))
    torch.testing.assert_close(ours.embeddings(ids), theirs.embeddings(ids))


def test_a_text_longer_than_the_positions_is_a_value_error():
    with pytest.raises(ValueError, match="17 tokens"):
        same_encoders()[0](torch.zeros(1, 17, dtype=torch.long))


def test_dropout_falls_where_it_does_in_transformers():
    """With all attention dropout off, the same numbers are drawn in the same order."""
    ours, theirs = same_encoders(config=settings_of(dropout=0.3))
    ids, types, mask = a_batch()
    torch.manual_seed(0)
    out = ours.train()(ids, types, mask)
    torch.manual_seed(0)
    expected = theirs.train()(ids, attention_mask=mask.long(), token_type_ids=types).last_hidden_state
    torch.testing.assert_close(out[mask], expected[mask], atol=1e-4, rtol=1e-5)


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=15)
def test_what_stands_in_the_padding_changes_nothing(seed):
    ours, _ = same_encoders(torch.float64)
    ids, types, mask = a_batch(seed=seed)
    other = torch.where(mask, ids, 29 - ids)
    torch.testing.assert_close(ours(ids, types, mask)[mask], ours(other, types, mask)[mask])
    pooled, again = (mean_pooling(ours(x, types, mask), mask) for x in (ids, other))
    torch.testing.assert_close(pooled, again)


def test_every_token_reaches_every_other():
    ours, _ = same_encoders(torch.float64)
    ids, *_ = a_batch(1, 6)
    x = ours.embeddings(ids).detach().requires_grad_()
    for t in range(6):
        y = x
        for layer in ours.layers:
            y = layer(y)
        grad = torch.autograd.grad(y[0, t].pow(2).sum(), x)[0]
        assert (grad[0].abs().sum(-1) > 1e-6).all()


@pytest.mark.parametrize("layers", [1, 2, 12])
def test_renaming_covers_every_tensor_and_loads_strictly(layers):
    config = settings_of(num_hidden_layers=layers)
    theirs = BertModel(config)
    state = theirs.state_dict()
    before = dict(state)
    renamed = rename_weights(state)
    assert len(renamed) == len(state) - 2 and list(state) == list(before)
    assert {id(t) for t in renamed.values()} <= {id(t) for t in before.values()}
    same_encoders(config=config)


@pytest.mark.parametrize("num_types", [2, 3])
def test_bert_from_reads_sizes_off_the_configuration(num_types):
    config = settings_of(type_vocab_size=num_types)
    theirs = check.fill(BertModel(config)).eval()
    ours = bert_from(theirs.state_dict(), config.to_dict())
    ids, types, mask = a_batch()
    expected = theirs(ids, attention_mask=mask.long(), token_type_ids=types).last_hidden_state
    assert not ours.training
    torch.testing.assert_close(ours(ids, types, mask)[mask], expected[mask], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name,parameters", [("base", 109_482_240), ("large", 335_141_888)])
def test_berts_published_sizes_come_out(name, parameters):
    """Devlin et al. 2019, §3: 110M and 340M, rounded; transformers' own counts."""
    sizes = {
        "base": {"hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12, "intermediate_size": 3072},
        "large": {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 24, "intermediate_size": 4096},
    }[name]
    with torch.device("meta"):
        theirs = BertModel(BertConfig(**sizes))
        ours = BertEncoder(
            30522,
            sizes["hidden_size"],
            sizes["num_attention_heads"],
            sizes["num_hidden_layers"],
            sizes["intermediate_size"],
        )
        pooler = torch.nn.Linear(sizes["hidden_size"], sizes["hidden_size"])
    total = sum(p.numel() for module in (ours, pooler) for p in module.parameters())
    assert total == sum(p.numel() for p in theirs.parameters()) == parameters


# ---- heads


def with_encoder(head, theirs):
    """Load the weights of transformers' model into a head of ours around its encoder."""
    head.encoder.load_state_dict(
        rename_weights({n: p for n, p in theirs.bert.state_dict().items() if "pooler" not in n})
    )
    return head


def an_encoder():
    return BertEncoder(29, 12, 3, 3, 20, 16)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_sequence_classifier_equals_transformers(dtype, mode):
    theirs = check.fill(BertForSequenceClassification(settings_of(num_labels=5))).to(dtype)
    ours = with_encoder(SequenceClassifier(an_encoder(), 5).to(dtype), theirs)
    ours.pooler.load_state_dict(theirs.bert.pooler.dense.state_dict())
    ours.classifier.load_state_dict(theirs.classifier.state_dict())
    ids, types, mask = a_batch()
    getattr(ours, mode)(), getattr(theirs, mode)()
    labels = torch.tensor([0, 4, 2, 1])
    expected = theirs(ids, attention_mask=mask.long(), token_type_ids=types, labels=labels)
    logits = ours(ids, types, mask)
    torch.testing.assert_close(logits, expected.logits, atol=TOLERANCE[dtype], rtol=1e-5)
    F.cross_entropy(logits, labels).backward()
    expected.loss.backward()
    torch.testing.assert_close(
        ours.pooler.weight.grad, theirs.bert.pooler.dense.weight.grad, atol=TOLERANCE[dtype], rtol=1e-4
    )
    torch.testing.assert_close(
        ours.encoder.embeddings.words.weight.grad,
        theirs.bert.embeddings.word_embeddings.weight.grad,
        atol=TOLERANCE[dtype],
        rtol=1e-4,
    )


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_token_classifier_and_its_loss_equal_transformers(dtype, mode):
    theirs = check.fill(BertForTokenClassification(settings_of(num_labels=5))).to(dtype)
    ours = with_encoder(TokenClassifier(an_encoder(), 5).to(dtype), theirs)
    ours.classifier.load_state_dict(theirs.classifier.state_dict())
    ids, types, mask = a_batch()
    getattr(ours, mode)(), getattr(theirs, mode)()
    labels = torch.randint(0, 5, ids.shape, generator=torch.Generator().manual_seed(1))
    labels[~mask] = -100
    labels[:, 0] = -100
    labels[0, 1] = 3
    expected = theirs(ids, attention_mask=mask.long(), token_type_ids=types, labels=labels)
    logits = ours(ids, types, mask)
    loss = ours.loss(logits, labels)
    torch.testing.assert_close(logits[mask], expected.logits[mask], atol=TOLERANCE[dtype], rtol=1e-5)
    torch.testing.assert_close(loss, expected.loss, atol=TOLERANCE[dtype], rtol=1e-5)
    loss.backward()
    expected.loss.backward()
    torch.testing.assert_close(
        ours.classifier.weight.grad, theirs.classifier.weight.grad, atol=TOLERANCE[dtype], rtol=1e-4
    )


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_span_classifier_equals_transformers(dtype, mode):
    theirs = check.fill(BertForQuestionAnswering(settings_of())).to(dtype)
    ours = with_encoder(SpanClassifier(an_encoder()).to(dtype), theirs)
    ours.span.load_state_dict(theirs.qa_outputs.state_dict())
    ids, types, mask = a_batch()
    getattr(ours, mode)(), getattr(theirs, mode)()
    expected = theirs(ids, attention_mask=mask.long(), token_type_ids=types)
    start, end = ours(ids, types, mask)
    torch.testing.assert_close(start[mask], expected.start_logits[mask], atol=TOLERANCE[dtype], rtol=1e-5)
    torch.testing.assert_close(end[mask], expected.end_logits[mask], atol=TOLERANCE[dtype], rtol=1e-5)


def by_brute_force(start, end, allowed, max_length):
    spans = [
        (s, e)
        for s in range(len(start))
        for e in range(s, min(len(start), s + max_length))
        if allowed[s] and allowed[e]
    ]
    return max(spans, key=lambda span: (start[span[0]] + end[span[1]]).item())


@given(T=st.integers(1, 20), seed=st.integers(0, 10_000), max_length=st.integers(1, 25), open_all=st.booleans())
@settings(deadline=None, max_examples=200)
def test_the_best_span_is_the_one_that_brute_force_finds(T, seed, max_length, open_all):
    generator = torch.Generator().manual_seed(seed)
    start, end = 5 * torch.randn(2, T, generator=generator, dtype=torch.float64)
    allowed = torch.rand(T, generator=generator) < 0.6
    allowed[seed % T] = True
    if open_all:
        allowed = torch.ones(T, dtype=torch.bool)
    expected = by_brute_force(start, end, allowed, max_length)
    assert best_span(start, end, None if open_all else allowed, max_length) == expected
    assert all(type(place) is int for place in best_span(start, end, allowed, max_length))


@given(
    B=st.integers(1, 5),
    T=st.integers(1, 7),
    D=st.integers(1, 5),
    seed=st.integers(0, 999),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
@settings(deadline=None)
def test_mean_pooling_is_numpys_masked_mean(B, T, D, seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(B, T, D, generator=generator).to(dtype)
    mask = torch.rand(B, T, generator=generator) < 0.5
    mask[:, seed % T] = True
    hidden = np.broadcast_to(~mask.numpy()[..., None], states.shape)
    expected = np.ma.array(states.numpy(), mask=hidden).mean(axis=1).filled(np.nan)
    out = mean_pooling(states, mask)
    assert out.dtype is dtype
    torch.testing.assert_close(out, torch.from_numpy(expected).to(dtype))


def test_half_precision_stays_half_precision():
    states, mask = torch.randn(2, 3, 4, dtype=torch.bfloat16), torch.ones(2, 3, dtype=torch.bool)
    assert mean_pooling(states, mask).dtype is torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = an_encoder()(*a_batch())
    assert out.isfinite().all()


def test_padding_makes_a_rectangle_and_says_what_is_real():
    ids, mask = pad([[5, 6], [7], [8, 9, 0]], pad_id=3)
    assert ids.tolist() == [[5, 6, 3], [7, 3, 3], [8, 9, 0]]
    assert mask.tolist() == [[True, True, False], [True, False, False], [True, True, True]]


def test_texts_are_embedded_in_their_order_whatever_the_batch():
    encoder = check.fill(an_encoder()).double().eval()
    dice = random.Random(0)
    texts = [" ".join("x" * dice.randint(1, 28) for _ in range(dice.randint(1, 14))) for _ in range(23)]
    encode = lambda text: [len(word) for word in text.split()]  # noqa: E731
    rows = embed(encoder, encode, texts, batch_size=4)
    alone = torch.cat([embed(encoder, encode, [text]) for text in texts])
    torch.testing.assert_close(rows, alone)
    torch.testing.assert_close(rows.norm(dim=-1), torch.ones(23, dtype=torch.float64))
    assert not rows.requires_grad


# ---- the real one, and what stands in for it


def transformers_sentence_vectors(weights, config, sequences):
    """BertModel, mean over the attention mask, normalised: as sentence-transformers does it."""
    values = {name: value for name, value in config.items() if name not in ("model_type", "architectures")}
    theirs = BertModel(BertConfig(**values), add_pooling_layer=False).eval()
    theirs.load_state_dict({n: w for n, w in weights.items() if not n.startswith("pooler")}, strict=True)
    rows = []
    for start in range(0, len(sequences), 20):
        chunk = sequences[start : start + 20]
        longest = max(len(s) for s in chunk)
        ids = torch.tensor([s + [0] * (longest - len(s)) for s in chunk])
        attention = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in chunk])
        with torch.no_grad():
            states = theirs(ids, attention_mask=attention).last_hidden_state
        weight = attention.unsqueeze(-1).expand(states.size()).float()
        rows.append(F.normalize((states * weight).sum(1) / weight.sum(1).clamp(min=1e-9), p=2, dim=1))
    return torch.cat(rows)


def assert_reproduces(texts):
    from internals.real_models import load_minilm

    real = load_minilm()
    encoder, encode = minilm_encoder()
    ours = embed(encoder, encode, texts, batch_size=32)
    theirs = transformers_sentence_vectors(real.weights, real.config, [real.ids(text) for text in texts])
    cosines = (ours * theirs).sum(-1)
    assert cosines.min() >= 0.9999 and (ours - theirs).abs().max() < 1e-4


def test_the_stand_in_gives_transformers_sentence_vectors(monkeypatch, capsys):
    def nothing(key):
        raise data.Unavailable(f"{key} is not here")

    monkeypatch.setattr(data, "load", nothing)
    assert_reproduces(["The cat sat.", "A much longer text about nothing at all, which needs no padding.", "Why?"])
    assert "random model" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.network("minilm", "languages")
def test_minilms_sentence_vectors_come_out_for_200_sentences_in_many_languages():
    texts = []
    for name, text in data.load("languages").items():
        first = text.strip().splitlines()[0][:60].strip()
        if first and len(texts) < 190 and (not texts or name[0] != "z"):
            texts.append(first)
    texts += [
        "The cat sat on the mat.",
        "Wo ist der Bahnhof?",
        "¿Dónde está la estación?",
        "Где находится вокзал?",
        "駅はどこですか",
        "أين المحطة؟",
        "x",
        "naïve café 2024!",
        "A " * 60,
        "One. Two. Three.",
    ]
    assert len(texts) == 200
    assert_reproduces(texts)


@pytest.mark.network("minilm")
def test_minilm_finds_a_paraphrase_and_not_the_shared_words():
    encoder, encode = minilm_encoder()
    query, *others = embed(
        encoder,
        encode,
        [
            "A cat is sleeping on the sofa.",
            "A kitten naps on the couch.",
            "A cat is a kind of whip.",
            "The stock market fell.",
        ],
    )
    scores = [float(query @ other) for other in others]
    assert scores[0] == max(scores) and scores[0] > 0.6


@pytest.mark.cuda
def test_all_parts_give_the_same_on_a_gpu():
    ids, types, mask = a_batch()
    encoder = check.fill(an_encoder())
    heads = [
        encoder,
        *(
            check.fill(make(an_encoder()))
            for make in (partial(SequenceClassifier, num_labels=5), partial(TokenClassifier, num_labels=5))
        ),
    ]
    for head in heads:
        expected = head(ids, types, mask)
        out = head.cuda()(ids.cuda(), types.cuda(), mask.cuda())
        assert out.is_cuda
        torch.testing.assert_close(out.cpu(), expected, atol=1e-4, rtol=1e-4)
        without = head(ids.cuda())
        assert without.is_cuda
    states = torch.randn(4, 9, 12)
    torch.testing.assert_close(mean_pooling(states.cuda(), mask.cuda()).cpu(), mean_pooling(states, mask))
    start, end = torch.randn(2, 30)
    allowed = torch.arange(30) > 9
    assert best_span(start.cuda(), end.cuda(), allowed.cuda(), 5) == best_span(start, end, allowed, 5)
    spans = check.fill(SpanClassifier(an_encoder()))
    for out, expected in zip(
        spans.cuda()(ids.cuda(), types.cuda(), mask.cuda()), spans.cpu()(ids, types, mask), strict=True
    ):
        torch.testing.assert_close(out.cpu(), expected, atol=1e-4, rtol=1e-4)
    encode = lambda text: [len(word) for word in text.split()]  # noqa: E731
    rows = embed(encoder.cuda(), encode, ["a bb ccc", "dddd"])
    assert rows.is_cuda
    torch.testing.assert_close(rows.cpu(), embed(encoder.cpu(), encode, ["a bb ccc", "dddd"]), atol=1e-4, rtol=1e-4)
    loss = heads[2].loss(heads[2].cuda()(ids.cuda()), types.cuda())
    assert loss.is_cuda
    table = BertEmbeddings(29, 12).cuda()
    assert table(ids.cuda()).is_cuda
