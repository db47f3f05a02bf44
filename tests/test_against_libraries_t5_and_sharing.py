"""t5_and_sharing's parts against transformers' T5, BART and ALBERT, with the same weights."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertModel,
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertModel,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.models.t5.modeling_t5 import T5LayerNorm

from autograder import check
from internals.t5_and_sharing import (
    T5,
    T5Attention,
    T5Block,
    T5Stack,
    share_layers,
    shift_right,
    t5_init,
)

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-10}
VERSIONS = {"1.0": {"gated": False, "tied": True}, "1.1": {"gated": True, "tied": False}}
SIZES = {"vocab_size": 23, "d_model": 24, "d_kv": 5, "num_heads": 3, "num_layers": 3, "d_ff": 40}


def name_of(ours):
    """transformers' name for one of our parameters."""
    if ours in ("embedding.weight", "head.weight"):
        return {"embedding.weight": "shared.weight", "head.weight": "lm_head.weight"}[ours]
    stack, rest = ours.split(".", 1)
    last = 2 if stack == "decoder" else 1
    if rest == "relative.weight":
        return f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    if rest == "norm.weight":
        return f"{stack}.final_layer_norm.weight"
    _, number, part, *leaf = rest.split(".")
    leaf = leaf[0]
    places = {
        "attention_norm": "layer.0.layer_norm",
        "attention": f"layer.0.SelfAttention.{leaf[-1]}",
        "cross_norm": "layer.1.layer_norm",
        "cross_attention": f"layer.1.EncDecAttention.{leaf[-1]}",
        "feed_forward_norm": f"layer.{last}.layer_norm",
        "feed_forward": f"layer.{last}.DenseReluDense.{ {'up': 'wi', 'down': 'wo'}.get(leaf, leaf)}",
    }
    return f"{stack}.block.{number}.{places[part]}.weight"


def pair(version="1.0", dtype=torch.float32, dropout=0.0, **changes):
    """Our T5 and transformers', with the same weights."""
    sizes = SIZES | changes
    options = VERSIONS[version]
    ours = check.fill(T5(**sizes, dropout=dropout, **options)).to(dtype)
    config = T5Config(**sizes, dropout_rate=dropout, feed_forward_proj="gated-gelu" if options["gated"] else "relu",
                      tie_word_embeddings=options["tied"], decoder_start_token_id=0, attn_implementation="eager")  # fmt: skip
    assert config.scale_decoder_outputs is options["tied"]
    theirs = T5ForConditionalGeneration(config).to(dtype)
    if not options["tied"]:
        theirs.lm_head.weight = nn.Parameter(torch.empty_like(theirs.shared.weight))
    for norm in theirs.modules():
        if isinstance(norm, T5LayerNorm) and dtype is torch.float64:  # theirs takes the mean in float32 whatever comes
            norm.forward = lambda x, norm=norm: F.rms_norm(x, x.shape[-1:], norm.weight, norm.variance_epsilon)
    table = dict(theirs.named_parameters(remove_duplicate=False))
    used = set()
    with torch.no_grad():
        for name, value in ours.named_parameters():
            other = name_of(name)
            if options["gated"]:
                other = other.replace("DenseReluDense.gate", "DenseReluDense.wi_0").replace(".wi.", ".wi_1.")
            table[other].copy_(value)
            used.add(id(table[other]))
    assert used == {id(p) for p in theirs.parameters()}  # every parameter of theirs has one of ours
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    return ours, theirs


def batch(seed=0, B=3, n=11, m=7, vocab_size=23):
    """src and labels with padding at the end, 0 and −100."""
    generator = torch.Generator().manual_seed(seed)
    src = torch.randint(1, vocab_size, (B, n), generator=generator)
    labels = torch.randint(1, vocab_size, (B, m), generator=generator)
    for row, (a, b) in enumerate(zip(torch.randint(1, n + 1, (B,), generator=generator).tolist(),
                                     torch.randint(1, m + 1, (B,), generator=generator).tolist(), strict=True)):  # fmt: skip
        src[row, a:], labels[row, b:] = 0, -100
    return src, labels


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("training", [True, False])
def test_logits_and_loss_are_t5s(version, dtype, training):
    ours, theirs = pair(version, dtype)
    ours.train(training)
    theirs.train(training)
    src, labels = batch()
    expected = theirs(input_ids=src, attention_mask=src != 0, labels=labels)
    logits = ours(src, shift_right(labels))
    scale = expected.logits.abs().max().item()
    torch.testing.assert_close(logits, expected.logits, atol=TOLERANCE[dtype] * max(scale, 1), rtol=1e-5)
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(loss, expected.loss, atol=TOLERANCE[dtype] * 10, rtol=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_gradients_of_every_parameter_are_t5s(version, dtype):
    ours, theirs = pair(version, dtype)
    src, labels = batch(1)
    theirs(input_ids=src, attention_mask=src != 0, labels=labels).loss.backward()
    F.cross_entropy(ours(src, shift_right(labels)).flatten(0, 1), labels.flatten()).backward()
    table = dict(theirs.named_parameters(remove_duplicate=False))
    for name, value in ours.named_parameters():
        other = name_of(name)
        if version == "1.1":
            other = other.replace("DenseReluDense.gate", "DenseReluDense.wi_0").replace(".wi.", ".wi_1.")
        atol = 1e-5 if dtype is torch.float32 else 1e-10
        torch.testing.assert_close(value.grad, table[other].grad, atol=atol, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}")


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4), st.integers(1, 7), st.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_logits_are_t5s_at_any_length_and_any_width_of_a_head(n, m, num_heads, d_kv, seed):
    ours, theirs = pair(dtype=torch.float64, num_heads=num_heads, d_kv=d_kv, num_layers=2)
    src, labels = batch(seed, n=n, m=m)
    expected = theirs.eval()(input_ids=src, attention_mask=src != 0, labels=labels).logits
    torch.testing.assert_close(ours(src, shift_right(labels)), expected, atol=1e-9, rtol=1e-9)


def test_beyond_the_last_bucket_positions_are_t5s():
    ours, theirs = pair(dtype=torch.float64, num_layers=1)
    src, labels = batch(2, B=1, n=300, m=200)
    src[src == 0], labels[labels == -100] = 5, 6
    expected = theirs.eval()(input_ids=src, labels=labels).logits
    torch.testing.assert_close(ours(src, shift_right(labels)), expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_the_memory_is_t5s_where_nothing_is_padding(dtype):
    ours, theirs = pair(dtype=dtype)
    src, _ = batch(3)
    memory, mask = ours.encode(src)
    expected = theirs.eval().encoder(input_ids=src, attention_mask=src != 0).last_hidden_state
    real = mask[:, 0]
    torch.testing.assert_close(memory[real], expected[real], atol=10 * TOLERANCE[dtype], rtol=1e-5)
    unmasked = T5(**SIZES, dropout=0.0, pad_id=None).to(dtype)
    unmasked.load_state_dict(ours.state_dict())
    memory, mask = unmasked.encode(src)
    expected = theirs.encoder(input_ids=src).last_hidden_state
    assert mask is None
    torch.testing.assert_close(memory, expected, atol=10 * TOLERANCE[dtype], rtol=1e-5)


def test_dropout_acts_where_it_does_in_t5():
    """Every dropout module in both is replaced by a factor of 1.5, and the weights' dropout likewise."""

    class Factor(nn.Module):
        def forward(self, x):
            return 1.5 * x

    def with_factors(model):
        for part in list(model.modules()):
            for name, child in list(part.named_children()):
                if isinstance(child, nn.Dropout):
                    setattr(part, name, Factor())
        return model

    ours, theirs = pair(dtype=torch.float64)
    ours, theirs = with_factors(ours), with_factors(theirs)
    src, labels = batch(4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.functional, "dropout", lambda x, p=0.5, training=True, inplace=False: 1.5 * x)
        expected = theirs.train()(input_ids=src, attention_mask=src != 0, labels=labels).logits
        out = ours(src, shift_right(labels))
    torch.testing.assert_close(out, expected, atol=1e-9, rtol=1e-9)


@given(st.lists(st.lists(st.integers(0, 22) | st.just(-100), min_size=4, max_size=4), min_size=1, max_size=5))
def test_decoder_inputs_are_t5s(labels):
    theirs = T5ForConditionalGeneration.__new__(T5ForConditionalGeneration)
    nn.Module.__init__(theirs)
    theirs.config = T5Config(decoder_start_token_id=0)
    labels = torch.tensor(labels)
    assert torch.equal(shift_right(labels), theirs._shift_right(labels))


def test_the_model_starts_with_the_deviations_of_t5():
    sizes = SIZES | {"vocab_size": 2000, "d_model": 128, "d_kv": 32, "num_heads": 6, "num_layers": 1, "d_ff": 300}
    ours = t5_init(T5(**sizes), torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    theirs = T5ForConditionalGeneration(T5Config(**sizes))
    table = dict(theirs.named_parameters(remove_duplicate=False))
    for name, value in ours.named_parameters():
        if "norm" in name:
            assert torch.equal(value, table[name_of(name)])
        elif "relative" not in name:  # the course's tables start at zero
            assert value.std().item() == pytest.approx(table[name_of(name)].std().item(), rel=0.03), name


def test_scores_start_with_variance_one_at_any_width_of_a_head():
    for d_kv in (8, 64, 256):
        generator = torch.Generator().manual_seed(d_kv)
        layer = t5_init(T5Attention(256, d_kv, 2), generator)
        q, k = layer.w_q(torch.randn(500, 256, generator=generator)), layer.w_k(torch.randn(500, 256, generator=generator))
        assert (q[:, :d_kv] @ k[:, :d_kv].T).var().item() == pytest.approx(1, rel=0.15)


def test_tied_logits_start_with_variance_one():
    model = t5_init(T5(500, 128, 16, 4, 2, 256, dropout=0.0), torch.Generator().manual_seed(0))
    ids = torch.randint(1, 500, (4, 20), generator=torch.Generator().manual_seed(1))
    logits = model(ids, ids)
    own = logits.gather(-1, ids[..., None])  # the stream still holds the token's own embedding: that logit is larger
    others = logits.scatter(-1, ids[..., None], 0.0)
    assert others.std().item() == pytest.approx(1, rel=0.15) and own.mean() > others.mean()


def test_a_decoder_of_t5_never_sees_the_future_nor_a_hidden_token():
    stack = check.fill(T5Stack(8, 4, 2, 3, 16, decoder=True)).double()
    x, memory = (check.randn(2, 6, 8, seed=s).double() for s in (1, 2))
    changed = x.clone()
    changed[:, 4] += 1
    assert torch.equal(stack(x, memory)[:, :4], stack(changed, memory)[:, :4])
    seen = torch.arange(6)[None, None] < torch.tensor([6, 3])[:, None, None]
    other = memory.clone()
    other[1, 3:] += 1
    assert torch.equal(stack(x, memory, memory_mask=seen), stack(x, other, memory_mask=seen))


def test_a_block_of_an_encoder_has_no_cross_attention():
    names = {name.split(".")[0] for name, _ in T5Block(8, 4, 2, 16).named_parameters()}
    assert names == {"attention_norm", "attention", "feed_forward_norm", "feed_forward"}


def test_t5_small_has_60_million_parameters_as_transformers():
    with torch.device("meta"):
        ours, theirs = T5(32128), T5ForConditionalGeneration(T5Config())
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters()) == 60_506_624


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_layers_are_shared_in_alberts_order(groups):
    """Layer i of ALBERT uses the block of its group; ours names the group by its first layer."""
    config = AlbertConfig(num_hidden_layers=6, num_hidden_groups=groups, hidden_size=12, intermediate_size=8,
                          num_attention_heads=2, embedding_size=5, vocab_size=9)  # fmt: skip
    used = []
    theirs = AlbertModel(config, add_pooling_layer=False).eval()
    for number, group in enumerate(theirs.encoder.albert_layer_groups):
        group.register_forward_hook(lambda *_, number=number: used.append(number))
    theirs(torch.tensor([[1, 2, 3]]))
    layers = nn.ModuleList(nn.Linear(1, 1) for _ in range(6))
    shared = share_layers(layers, groups)
    first = [next(i for i, layer in enumerate(layers) if layer is own) for own in shared]
    assert first == [number * 6 // groups for number in used]


def test_a_shared_stack_gets_the_sum_of_its_layers_gradients():
    apart = check.fill(T5Stack(8, 4, 2, 3, 16)).double()
    for layer in apart.layers:
        layer.load_state_dict(apart.layers[0].state_dict())
    shared = T5Stack(8, 4, 2, 3, 16).double()
    shared.load_state_dict(apart.state_dict())
    shared.layers = share_layers(shared.layers)
    x = check.randn(2, 5, 8, seed=1).double()
    torch.testing.assert_close(apart(x), shared(x))
    apart(x).pow(3).sum().backward()
    shared(x).pow(3).sum().backward()
    for name, value in shared.layers[0].named_parameters():
        total = sum(dict(layer.named_parameters())[name].grad for layer in apart.layers)
        torch.testing.assert_close(value.grad, total, atol=1e-9, rtol=1e-9)


def test_the_counts_of_albert_and_bert_in_the_picture_are_transformers():
    V, D, E, LAYERS, PLACES = 30_000, 768, 128, 12, 512 + 2
    block = 4 * (D * D + D) + 2 * 4 * D * D + 4 * D + D + 4 * D
    plain, narrow = (V + PLACES) * D + 2 * D, (V + PLACES) * E + 2 * E + E * D + D
    with torch.device("meta"):
        bert = BertModel(BertConfig(vocab_size=V), add_pooling_layer=False)
        albert = AlbertModel(AlbertConfig(hidden_size=D, intermediate_size=4 * D, num_attention_heads=12), False)
    assert sum(p.numel() for p in bert.parameters()) == plain + LAYERS * block
    assert sum(p.numel() for p in albert.parameters()) == narrow + block


def test_what_the_table_says_of_bart_and_t5_is_so():
    config = BartConfig(vocab_size=20, d_model=8, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16,
                        encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=10)  # fmt: skip
    bart = BartForConditionalGeneration(config)
    layer = bart.model.encoder.layers[0]
    names = [name for name, _ in bart.named_parameters()]
    assert isinstance(bart.model.encoder.embed_positions, nn.Embedding)  # learned, for input and output each
    assert bart.model.encoder.embed_positions is not bart.model.decoder.embed_positions
    assert isinstance(bart.model.encoder.layernorm_embedding, nn.LayerNorm)
    assert not any("encoder.layer_norm" in name or "decoder.layer_norm" in name for name in names)  # no final norm
    assert layer.self_attn.q_proj.bias is not None and layer.fc1.bias is not None
    assert layer.self_attn.scaling == 4**-0.5 and config.activation_function == "gelu"
    assert bart.lm_head.weight is bart.model.shared.weight and not config.scale_embedding
    x = torch.randn(1, 3, 8, generator=torch.Generator().manual_seed(0))
    out = layer.eval()(x, None)  # post-norm: every token leaves with mean 0 and variance 1
    out = out[0] if isinstance(out, tuple) else out
    torch.testing.assert_close(out.mean(-1), torch.zeros(1, 3), atol=1e-5, rtol=0)

    t5 = T5ForConditionalGeneration(T5Config(**SIZES))
    assert not any("bias" in name and "relative" not in name for name, _ in t5.named_parameters())
    tables = [name for name, _ in t5.named_parameters() if "relative_attention_bias" in name]
    assert tables == [f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
                      for stack in ("encoder", "decoder")]  # fmt: skip
    assert t5.encoder.block[0].layer[0].SelfAttention.scaling == 1.0
    assert math.isclose(t5.encoder.final_layer_norm.variance_epsilon, 1e-6)


@pytest.mark.cuda
@pytest.mark.parametrize("version", VERSIONS)
def test_t5_gives_the_same_on_a_gpu(version):
    ours = check.fill(T5(**SIZES, dropout=0.0, **VERSIONS[version]))
    src, labels = batch(5)
    expected = ours(src, shift_right(labels))
    ours.cuda()
    logits = ours(src.cuda(), shift_right(labels.cuda()))
    torch.testing.assert_close(logits.cpu(), expected, atol=1e-3, rtol=1e-4)
    F.cross_entropy(logits.flatten(0, 1), labels.cuda().flatten()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())
    with torch.autocast("cuda", dtype=torch.bfloat16):
        half = ours(src.cuda(), shift_right(labels.cuda()))
    assert half.isfinite().all()
    shared = T5Stack(16, 4, 2, 4, 32).cuda()
    shared.layers = share_layers(shared.layers)
    assert t5_init(shared)(torch.randn(1, 5, 16, device="cuda")).isfinite().all()
