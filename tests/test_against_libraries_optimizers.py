"""optimizers' parts against torch.optim, its schedulers, clip_grad_norm_ and initialisers, in float64.

Every walk is 100 steps of a network with six trained tensors of different shapes, two frozen ones and one that joins
at step 20, compared at every step, to 1e-6. `test_a_setting_that_is_swapped_or_lost_shows` says that this would see a
mistake: it makes each one with PyTorch's own optimizers.
"""

import math
from functools import partial
from io import BytesIO

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from internals.optimizers import (
    SGD,
    Adam,
    AdamW,
    Muon,
    clip_grad_norm,
    cross_entropy,
    decay_groups,
    kaiming_init,
    orthogonalize,
    schedule,
)

STEPS = 100
PEAK = 0.05
EXACT = {"atol": 1e-6, "rtol": 0.0}
LR = torch.optim.lr_scheduler
SETTINGS = [
    (SGD, torch.optim.SGD, {"lr": 0.03}),
    (SGD, torch.optim.SGD, {"lr": 0.01, "momentum": 0.37, "weight_decay": 0.7}),
    (SGD, torch.optim.SGD, {"lr": 0.004, "momentum": 0.99}),
    (Adam, torch.optim.Adam, {}),
    (Adam, torch.optim.Adam, {"lr": 0.05, "betas": (0.2, 0.55), "eps": 0.3, "weight_decay": 1.3}),
    (Adam, torch.optim.Adam, {"lr": 0.02, "betas": (0.97, 0.6), "eps": 1e-3}),
    (Adam, torch.optim.Adam, {"lr": 0.02, "betas": (0.0, 0.999), "eps": 1e-12, "weight_decay": 0.01}),
    (AdamW, torch.optim.AdamW, {}),
    (AdamW, torch.optim.AdamW, {"lr": 0.05, "betas": (0.2, 0.55), "eps": 0.3, "weight_decay": 1.3}),
    (AdamW, torch.optim.AdamW, {"lr": 0.02, "betas": (0.97, 0.6), "eps": 1e-3, "weight_decay": 4.0}),
]
# Settings, and the same with one of them swapped with another, shared or left out.
MISTAKES = [
    (torch.optim.SGD, {"lr": 0.01, "momentum": 0.37, "weight_decay": 0.7}, change)
    for change in ({"momentum": 0.0}, {"weight_decay": 0.0}, {"dampening": 0.37}, {"nesterov": True})
] + [
    (optimizer, {"lr": 0.05, "betas": (0.2, 0.55), "eps": 0.3, "weight_decay": 1.3}, change)
    for optimizer in (torch.optim.Adam, torch.optim.AdamW)
    for change in (
        {"betas": (0.55, 0.2)},
        {"betas": (0.2, 0.2)},
        {"eps": 1e-8},
        {"weight_decay": 0.0},
        {"decoupled_weight_decay": optimizer is torch.optim.Adam},
        {"amsgrad": True},
    )
]
SCHEDULES = {
    "constant": ({}, lambda o, w: LR.ConstantLR(o, 1.0, 1)),
    "cosine": ({"total": 90, "floor": 0.07}, lambda o, w: LR.CosineAnnealingLR(o, 90 - w, eta_min=0.07 * PEAK)),
    "step": ({"every": 13, "gamma": 0.4}, lambda o, w: LR.StepLR(o, 13, 0.4)),
    "exponential": ({"gamma": 0.93}, lambda o, w: LR.ExponentialLR(o, 0.93)),
}
SCHEDULED = [
    (SGD, torch.optim.SGD, {"momentum": 0.6, "weight_decay": 0.3}),
    (Adam, torch.optim.Adam, {"betas": (0.5, 0.8), "eps": 1e-3, "weight_decay": 0.3}),
    (AdamW, torch.optim.AdamW, {"betas": (0.8, 0.5), "eps": 1e-3, "weight_decay": 2.0}),
]


def network():
    """Several shapes, one layer frozen, one parameter that joins later; float64, the same each time."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.LayerNorm(7), nn.Linear(7, 7), nn.Tanh(), nn.Linear(7, 3))
    model[3].requires_grad_(False)
    return model.double()


def walk(model, optimizer, before_step=lambda step: None):
    """Train for 100 steps with gradients of very different sizes. Returns all parameters after each, (100, 118)."""
    generator, seen = torch.Generator().manual_seed(1), []
    for step in range(STEPS):
        x = torch.randn(6, 5, generator=generator, dtype=torch.float64) * 10 ** (step % 5 - 3)
        y = torch.randint(0, 3, (6,), generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        if step < 20:
            model[5].bias.grad = None
        before_step(step)
        optimizer.step()
        seen.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    return torch.stack(seen)


@pytest.mark.parametrize(("ours", "theirs", "options"), SETTINGS)
def test_a_hundred_steps_equal_pytorchs_in_one_group(ours, theirs, options):
    one, other = network(), network()
    torch.testing.assert_close(
        walk(one, ours(one.parameters(), **options)), walk(other, theirs(other.parameters(), **options)), **EXACT
    )


@pytest.mark.parametrize(("ours", "theirs", "options"), SETTINGS)
def test_a_hundred_steps_equal_pytorchs_in_groups_with_settings_of_their_own(ours, theirs, options):
    def groups(model):
        matrices, vectors = decay_groups(model, 0.45)
        return [{**matrices, "lr": 0.013}, vectors]

    one, other = network(), network()
    torch.testing.assert_close(
        walk(one, ours(groups(one), **{"lr": 0.03, **options})),
        walk(other, theirs(groups(other), **{"lr": 0.03, **options})),
        **EXACT,
    )


@pytest.mark.parametrize(("theirs", "options", "change"), MISTAKES)
def test_a_setting_that_is_swapped_or_lost_shows(theirs, options, change):
    def made(model, **changed):
        optimizer = theirs(model.parameters(), **options)
        for group in optimizer.param_groups:
            group.update(changed)
        return optimizer

    one, other = network(), network()
    assert (walk(one, made(one)) - walk(other, made(other, **change))).abs().max() > 1e-3


@pytest.mark.parametrize(("ours", "theirs", "options"), SCHEDULED)
@pytest.mark.parametrize("warmup", [0, 9])
@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_hundred_steps_under_a_schedule_and_clipping_equal_pytorchs(kind, warmup, ours, theirs, options):
    """PyTorch's schedulers as they are chained: each rate made of the one before."""
    settings_of_schedule, make = SCHEDULES[kind]
    one, other = network(), network()
    mine, reference = ours(one.parameters(), lr=PEAK, **options), theirs(other.parameters(), lr=PEAK, **options)
    scheduler = make(reference, warmup)  # PyTorch's floor is a rate, ours a factor
    if warmup:
        rise = LR.LinearLR(reference, 1 / warmup, total_iters=warmup - 1)
        scheduler = LR.SequentialLR(reference, [rise, scheduler], [warmup])

    def ours_before(step):
        mine.scale_lr(schedule(step, kind, warmup=warmup, **settings_of_schedule))
        clip_grad_norm(one.parameters(), 0.2)

    def theirs_before(step):
        if kind == "cosine" and step > 90:  # PyTorch's cosine rises again
            reference.param_groups[0]["lr"] = 0.07 * PEAK
        elif step:
            scheduler.step()
        nn.utils.clip_grad_norm_(other.parameters(), 0.2)

    torch.testing.assert_close(walk(one, mine, ours_before), walk(other, reference, theirs_before), **EXACT)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_hundred_factors_equal_pytorchs_closed_forms(kind):
    options, make = SCHEDULES[kind]
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=PEAK)
    scheduler, rates = make(optimizer, 0), []
    for step in range(STEPS):
        scheduler.last_epoch = min(step, 90) if kind == "cosine" else step  # PyTorch's cosine rises again
        rates += scheduler._get_closed_form_lr()
    assert [PEAK * schedule(step, kind, **options) for step in range(STEPS)] == pytest.approx(rates, abs=1e-12)


def test_a_schedule_scales_every_group_from_its_own_rate():
    def groups(model):
        matrices, vectors = decay_groups(model, 0.45)
        return [{**matrices, "lr": 0.013}, vectors]

    one, other = network(), network()
    mine, theirs = AdamW(groups(one), lr=0.03, eps=1e-3), torch.optim.AdamW(groups(other), lr=0.03, eps=1e-3)
    scheduler = LR.LambdaLR(theirs, lambda step: schedule(step, "cosine", warmup=5, total=80, floor=0.1))
    mine_walk = walk(one, mine, lambda step: mine.scale_lr(schedule(step, "cosine", warmup=5, total=80, floor=0.1)))
    torch.testing.assert_close(mine_walk, walk(other, theirs, lambda step: step and scheduler.step()), **EXACT)


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1e-3, 1.0, 50.0, 1e4]), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_cross_entropy_and_its_gradient_equal_pytorchs(n, classes, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    one = (scale * torch.randn(n, classes, generator=generator, dtype=torch.float64)).requires_grad_()
    other = one.detach().clone().requires_grad_()
    targets = torch.randint(0, classes, (n,), generator=generator)
    mine, theirs = cross_entropy(one, targets), F.cross_entropy(other, targets)
    mine.backward()
    theirs.backward()
    torch.testing.assert_close(mine, theirs, atol=1e-9, rtol=1e-12)
    torch.testing.assert_close(one.grad, other.grad, atol=1e-12, rtol=1e-9)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.floats(1e-8, 1e8), st.floats(1e-6, 1e6))
@settings(deadline=None, max_examples=60)
def test_clipping_equals_pytorchs(sizes, scale, limit):
    def made():
        generator = torch.Generator().manual_seed(len(sizes))
        params = [torch.zeros(size, 2, dtype=torch.float64) for size in sizes] + [torch.zeros(3)]
        for p in params[:-1]:
            p.grad = scale * torch.randn(p.shape, generator=generator, dtype=torch.float64)
        return params

    one, other = made(), made()
    torch.testing.assert_close(clip_grad_norm(iter(one), limit), nn.utils.clip_grad_norm_(other, limit))
    for p, q in zip(one, other, strict=True):
        assert p.grad is q.grad is None or torch.allclose(p.grad, q.grad, atol=0, rtol=1e-9)


@pytest.mark.parametrize("size", [(40, 30), (8, 5, 3), (6, 4, 3, 2)])
@pytest.mark.parametrize(("name", "gain"), [("relu", 2**0.5), ("linear", 1.0), ("tanh", 5 / 3)])
def test_kaiming_init_draws_pytorchs_numbers(size, name, gain):
    mine = kaiming_init(torch.empty(size, dtype=torch.float64), gain, torch.Generator().manual_seed(3))
    theirs = torch.empty(size, dtype=torch.float64)
    nn.init.kaiming_normal_(theirs, nonlinearity=name, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(mine, theirs)


def test_orthogonalize_brings_singular_values_between_06_and_13():
    """Jordan et al. 2024; of a matrix that is not badly conditioned."""
    values = torch.linalg.svdvals(orthogonalize(torch.randn(12, 30, generator=torch.Generator().manual_seed(0))))
    assert values.min() > 0.6 and values.max() < 1.3


def polynomial_by_svd(matrix, *_):
    """Muon's five rounds (Jordan et al. 2024) on the singular values themselves, in the precision of the matrix."""
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    s = s / (s.square().sum().sqrt() + 1e-7)
    for _round in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u @ torch.diag(s) @ v


def muon_walk(optimizer_class, steps, **options):
    """Matrices (6, 3), (3, 6), (5, 5) and a frozen (2, 2), the third joining at step 10: (steps, 65), float64."""
    generator, places = torch.Generator().manual_seed(4), []
    params = [torch.randn(size, generator=generator, dtype=torch.float64) for size in ((6, 3), (3, 6), (5, 5), (2, 2))]
    optimizer = optimizer_class(params, **options)
    for step in range(steps):
        for number, p in enumerate(params[:3]):
            gradient = 10.0 ** (step % 4 - 2) * torch.randn(p.shape, generator=generator, dtype=torch.float64)
            p.grad = None if number == 2 and step < 10 else gradient
        optimizer.step()
        places.append(torch.cat([p.flatten() for p in params]))
    return torch.stack(places)


MUONS = [{}, {"lr": 0.3, "momentum": 0.7, "weight_decay": 0.2}, {"lr": 0.05, "momentum": 0.3, "weight_decay": 3.0}]


@pytest.mark.parametrize("options", MUONS)
def test_a_hundred_steps_of_muon_equal_pytorchs_with_an_exact_orthogonalization(options, monkeypatch):
    """PyTorch rounds that part to bfloat16 whatever the parameters are; everything else of its step is compared."""
    monkeypatch.setattr(torch.optim._muon, "_zeropower_via_newtonschulz", polynomial_by_svd)
    ours = {"lr": 0.02, "weight_decay": 0.0, **options}
    torch.testing.assert_close(muon_walk(Muon, STEPS, **ours), muon_walk(torch.optim.Muon, STEPS, **ours), **EXACT)


def test_muon_equals_pytorchs_within_its_bfloat16():
    options = {"lr": 0.3, "momentum": 0.7, "weight_decay": 0.2}
    one, other = muon_walk(Muon, 10, **options), muon_walk(torch.optim.Muon, 10, **options)
    torch.testing.assert_close(one, other, atol=0.05, rtol=0.0)


def test_schedule_stays_at_its_floor():
    assert [schedule(step, "cosine", total=10, floor=0.25) for step in (10, 11, 15, 20, 10**6)] == [0.25] * 5
    assert math.isclose(schedule(5, "cosine", total=10), 0.5)


@pytest.mark.parametrize("make", [partial(SGD, lr=0.01, momentum=0.9), Adam, AdamW, Muon])
@given(stop=st.integers(0, 7))
@settings(deadline=None, max_examples=8)
def test_an_optimizer_saved_and_loaded_goes_on_as_if_it_had_never_stopped(make, stop):
    def start():
        torch.manual_seed(0)
        model = nn.Linear(4, 3, bias=False)
        return model, make([{"params": model.parameters(), "weight_decay": 0.1}])

    def go_on(model, optimizer, steps):
        for step in steps:
            optimizer.scale_lr(1 / (1 + step))
            x = torch.randn(5, 4, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()

    whole, optimizer = start()
    go_on(whole, optimizer, range(8))
    first, before = start()
    go_on(first, before, range(stop))
    file = BytesIO()
    torch.save([first.state_dict(), before.state_dict()], file)
    weights, memory = torch.load(BytesIO(file.getvalue()), weights_only=True)
    second, after = start()
    second.load_state_dict(weights)
    after.load_state_dict(memory)
    go_on(second, after, range(stop, 8))
    assert torch.equal(second.weight, whole.weight)
