"""The capstone's model, optimizer and measures: assembled right, from whatever parts are handed in."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from tiny_capstone import tiny
from torch import nn

from internals.capstone import Decoder, split_loss
from internals.capstone.evaluate import write_sample
from internals.capstone.machine import Machine
from internals.capstone.parts import BPE_PARTS, INSIDE, PARTS, load_parts
from internals.capstone.rate import learning_rate
from internals.capstone.stop import Stop
from internals.capstone.text import CharacterTokenizer
from internals.capstone.throughput import measured_peak, peak_flops
from internals.capstone.train import make_model, make_optimizer

V = 11


@pytest.fixture
def parts():
    return load_parts()


def model(parts, *changes: str) -> Decoder:
    """A decoder with random weights in place of the zeros that branches and head start with."""
    torch.manual_seed(1)
    made = make_model(tiny(*changes), V, parts)
    for p in made.parameters():
        if p.ndim == 2 and not p.any():
            nn.init.normal_(p, std=0.1)
    return made


def ids(*shape: int) -> torch.Tensor:
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_fused_attention_equals_the_course_s_with_its_causal_mask(parts, dtype):
    fused, formed = (model(parts, f"model.attention={kind}").to(dtype) for kind in ("fused", "course"))
    formed.load_state_dict(fused.state_dict())
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    outputs = [made(ids(3, 13)) for made in (fused, formed)]
    torch.testing.assert_close(*outputs, atol=tolerance, rtol=tolerance)
    for out in outputs:
        out.square().mean().backward()
    for a, b in zip(fused.parameters(), formed.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=tolerance, rtol=tolerance)


def test_a_token_sees_itself_and_the_past_alone(parts):
    made, before = model(parts), ids(1, 16)
    after = before.clone()
    after[0, 9] = (after[0, 9] + 1) % V
    changed = (made(before) - made(after)).abs().amax(-1)[0] > 1e-6
    assert changed.tolist() == [t >= 9 for t in range(16)]


def test_only_distances_matter_so_that_a_prefix_of_the_positions_serves_a_shorter_text(parts):
    made = model(parts)
    torch.testing.assert_close(made(ids(2, 16))[:, :5], made(ids(2, 16)[:, :5]))


def test_the_first_loss_is_that_of_a_uniform_guess(parts):
    logits = make_model(tiny(), V, parts)(ids(2, 8))
    assert F.cross_entropy(logits.flatten(0, 1), ids(16)).item() == pytest.approx(math.log(V))


def test_branches_start_at_zero_and_nothing_has_a_bias(parts):
    made = make_model(tiny(), V, parts)
    x = torch.randn(2, 8, 16)
    assert torch.equal(made.blocks[0](x, made.cos[:8], made.sin[:8]), x)
    assert not any("bias" in name for name, _ in made.named_parameters())


def test_a_tied_head_is_the_embedding(parts):
    made = model(parts, "model.tied=true")
    assert made.head.weight is made.embedding.weight
    assert sum(p.numel() for p in model(parts).parameters()) - sum(p.numel() for p in made.parameters()) == V * 16


def test_every_part_that_is_listed_is_used(parts):
    assert set(PARTS) | set(BPE_PARTS) == set(load_parts(bpe=True).owners)
    assert not set(BPE_PARTS) & set(parts.owners)


def test_a_part_that_is_missing_is_one_line(monkeypatch):
    monkeypatch.delattr("internals.positional_encoding.apply_rope")
    with pytest.raises(Stop, match="a part is missing: .*apply_rope"):
        load_parts()


def test_parts_of_one_s_own_take_the_place_of_the_course_s():
    class MyDecoder(Decoder):
        pass

    parts = load_parts(own={"Decoder": MyDecoder})
    assert isinstance(model(parts), MyDecoder)
    assert parts.owners["Decoder"] == "from the notebook that ran this"
    assert parts.owners["RMSNorm"] == "the course's"


def test_what_a_borrowed_decoder_is_made_of_is_not_called_one_s_own():
    """Parts of yours that the capstone's notebook would import count only where its Decoder is yours too."""
    borrowed = load_parts("autograder.parts").owners
    assert {borrowed[name] for name in INSIDE["Decoder"]} == {"the course's, inside its Decoder"}
    mine = load_parts("autograder.parts", own={"Decoder": Decoder}).owners
    assert not any("inside its Decoder" in mine[name] for name in INSIDE["Decoder"])
    assert set().union(*INSIDE.values()) <= set(PARTS)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_every_weight_is_moved_by_one_optimizer(parts, kind):
    made = model(parts)
    optimizer = make_optimizer(made, tiny(f"optimizer.kind={kind}").optimizer, parts)
    moved = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(moved) == sorted(map(id, made.parameters()))
    if kind == "muon":
        (matrices,) = (one.param_groups[0]["params"] for one in optimizer.optimizers if isinstance(one, parts.Muon))
        assert {p.shape for p in matrices} == {(16, 16), (48, 16), (16, 48)} and len(matrices) == 2 * 7
    assert all(group["weight_decay"] == 0 for group in optimizer.param_groups if group["params"][0].ndim < 2)


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant"])
def test_the_learning_rate_warms_up_and_ends_at_its_floor(parts, kind):
    config = tiny("train.steps=100", "optimizer.warmup=10", "optimizer.floor=0.1", f"optimizer.schedule={kind}")
    factors = [learning_rate(step, config, parts) for step in range(101)]
    assert factors[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert factors[10] == pytest.approx(1.0)
    assert factors[100] == pytest.approx(1.0 if kind == "constant" else 0.1)
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_an_optimizer_goes_on_from_its_state(parts):
    made = [model(parts), model(parts)]
    optimizers = [make_optimizer(one, tiny().optimizer, parts) for one in made]

    def step(i: int, seed: int) -> None:
        gradient = torch.Generator().manual_seed(seed)
        for p in made[i].parameters():
            p.grad = torch.randn(p.shape, generator=gradient)
        optimizers[i].step()

    step(0, 1)
    made[1].load_state_dict(made[0].state_dict())
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    for i in (0, 1):
        step(i, 2)
    assert all(torch.equal(a, b) for a, b in zip(made[0].parameters(), made[1].parameters(), strict=True))


@pytest.mark.parametrize("count", [2, 16, 17, 18, 33, 100])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_evaluation_counts_every_token_once(count, batch_size):
    class Noting(nn.Module):
        """Gives the token t - 1 the lowest loss at t, and notes what it reads."""

        def __init__(self):
            super().__init__()
            self.scale, self.read = nn.Parameter(torch.tensor(9.0)), []

        def forward(self, ids):
            self.read += ids.flatten().tolist()
            return self.scale * F.one_hot(ids + 1, 101).float()

    noting = Noting()
    loss = split_loss(noting, torch.arange(count).to(torch.uint16), 16, batch_size)
    assert noting.read == list(range(count - 1))
    assert loss == pytest.approx(math.log(1 + 100 * math.exp(-9)), rel=1e-4)


def test_the_validation_loss_does_not_depend_on_how_windows_are_batched(parts):
    made, sequence = model(parts), ids(121)
    losses = [split_loss(made, sequence, 16, size, torch.float32) for size in (1, 5, 1000)]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-6)
    with torch.no_grad():
        rows = [made(sequence[s : s + 16][None]) for s in range(0, 112, 16)] + [made(sequence[112:120][None])]
        whole = F.cross_entropy(torch.cat([row[0] for row in rows]), sequence[1:])
    assert losses[0] == pytest.approx(whole.item(), rel=1e-5)


def test_a_sample_is_the_same_each_time_and_may_start_from_any_vocabulary(parts):
    made = model(parts)
    for vocabulary in ("\nabcdefghij", "abcdefghijk"):
        wrote = [write_sample(made, CharacterTokenizer(vocabulary), parts.sample, 16, 40, torch.float32) for _ in "ab"]
        assert wrote[0] == wrote[1] and len(wrote[0]) == 41


def test_flops_are_six_a_weight_and_attention_on_top(parts):
    per_layer = 4 * 16 * 16 + 3 * 16 * 48  # attention, feed-forward; norms are no products
    assert parts.model_flops(model(parts)) == 6 * (2 * per_layer + 16 * V) + 12 * 2 * 16 * 16


CARDS = {
    "NVIDIA H100 80GB HBM3": 989e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H200": 989e12,
    "NVIDIA A100-SXM4-40GB": 312e12,
    "NVIDIA L4": 121e12,
    "NVIDIA L40S": 362e12,
    "Tesla V100-SXM2-16GB": 125e12,
    "Tesla V100-PCIE-32GB": 112e12,
    "Tesla T4": 65e12,
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_s_peak_is_found_by_its_name(name):
    machine = Machine(torch.device("cuda", 0), torch.bfloat16, name, compile=False)
    assert peak_flops(machine) == CARDS[name]
    single = Machine(torch.device("cuda", 0), torch.float32, name, compile=False)
    assert peak_flops(single) <= peak_flops(single, tf32=True) < CARDS[name]


def test_a_card_that_nobody_listed_has_no_peak_and_a_cpu_is_measured():
    assert peak_flops(Machine(torch.device("cuda", 0), torch.float16, "NVIDIA T400 4GB", compile=False)) is None
    assert 0 < measured_peak(torch.float32, size=128, rounds=2) < 1e15
