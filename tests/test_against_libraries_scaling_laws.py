"""scaling_laws' parts against numpy and PyTorch (and SciPy where it is installed), closed forms against searches, and
published figures recomputed."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from internals.scaling_laws import (
    LAWS,
    RUNS,
    chinchilla_loss,
    chinchilla_optimal,
    exact_match,
    fit_chinchilla,
    fit_power_law,
    huber,
    log_power_law,
    training_cost,
    training_flops,
)
from internals.training_loop import PEAK_FLOPS, flops_per_token

TOLERANCES = {torch.float32: {"atol": 1e-5, "rtol": 1e-4}, torch.float64: {"atol": 1e-10, "rtol": 1e-9}}
SIZES = [3e3, 6e3, 1.3e4, 2.7e4, 5.6e4]


def constants_of(name):
    return [LAWS[name][key] for key in ("A", "B", "alpha", "beta")]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Fits as small as these gain nothing from more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# ---- huber


@pytest.mark.parametrize("dtype", TOLERANCES)
@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20), st.floats(1e-3, 5))
@settings(max_examples=60, deadline=None)
def test_huber_and_its_gradient_are_pytorchs_huber_loss(dtype, values, delta):
    ours = torch.tensor(values, dtype=dtype, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    mine, library = huber(ours, delta), F.huber_loss(theirs, torch.zeros_like(theirs), reduction="none", delta=delta)
    torch.testing.assert_close(mine, library, **TOLERANCES[dtype])
    mine.sum().backward()
    library.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, **TOLERANCES[dtype])


def test_huber_of_a_huge_delta_is_half_a_square_and_its_default_is_a_thousandth():
    r = torch.randn(3, 4, dtype=torch.float64)
    torch.testing.assert_close(huber(r, 100.0), r**2 / 2)
    torch.testing.assert_close(huber(r), F.huber_loss(r, torch.zeros_like(r), reduction="none", delta=1e-3))


def test_huber_has_a_finite_gradient_at_zero_and_at_delta():
    r = torch.tensor([0.0, 0.5, -0.5], requires_grad=True)
    huber(r, 0.5).sum().backward()
    torch.testing.assert_close(r.grad, torch.tensor([0.0, 0.5, -0.5]))


# ---- log_power_law


@pytest.mark.parametrize("dtype", TOLERANCES)
@given(st.floats(-3, 3), st.floats(-3, 15), st.floats(0, 2))
@settings(max_examples=60, deadline=None)
def test_the_law_in_logarithms_is_numpys_logarithm_of_the_law(dtype, e, a, alpha):
    sizes = np.geomspace(10, 1e10, 7)
    expected = np.log(np.exp(e) + np.exp(a) / sizes**alpha)
    value = log_power_law(torch.tensor(np.log(sizes), dtype=dtype), *torch.tensor([e, a, alpha], dtype=dtype))
    torch.testing.assert_close(value, torch.tensor(expected, dtype=dtype), **TOLERANCES[dtype])


def test_the_gradient_of_the_law_in_logarithms_is_the_one_found_by_differences():
    log_n = torch.linspace(1, 20, 6, dtype=torch.float64)
    point = torch.tensor([0.5, 4.0, 0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: log_power_law(log_n, *p), point)


@pytest.mark.parametrize("e,a", [(0.0, 2000.0), (2000.0, 0.0), (-2000.0, -1900.0)])
def test_the_law_in_logarithms_is_finite_where_exponentials_are_not(e, a):
    point = torch.tensor([e, a, 0.5], dtype=torch.float64, requires_grad=True)
    value = log_power_law(torch.tensor([2.0, 10.0], dtype=torch.float64), *point)
    value.sum().backward()
    assert torch.isfinite(value).all() and torch.isfinite(point.grad).all()


# ---- fit_power_law


def nested_search(sizes, losses):
    """Least squares in logarithms without gradients: for each E and alpha on a grid that is refined, the best A."""
    x, y = np.log(sizes), np.log(losses)

    def value(E, alpha):
        low, high = -10.0, 40.0
        for _ in range(60):  # golden section would save calls; thirds are clear
            one, two = low + (high - low) / 3, high - (high - low) / 3
            f = [np.sum((np.log(E + np.exp(a - alpha * x)) - y) ** 2) for a in (one, two)]
            low, high = (low, two) if f[0] < f[1] else (one, high)
        return f[0], low

    centre, width = (0.5 * min(losses), 0.75), (0.5 * min(losses), 0.74)
    for _ in range(14):
        grid = [(E, alpha) for E in np.linspace(centre[0] - width[0], centre[0] + width[0], 7) if 0 < E < min(losses)
                for alpha in np.linspace(centre[1] - width[1], centre[1] + width[1], 7) if alpha > 0]
        centre = min(grid, key=lambda g: value(*g)[0])
        width = (width[0] / 2, width[1] / 2)
    return {"E": centre[0], "A": math.exp(value(*centre)[1]), "alpha": centre[1]}


@pytest.mark.slow
def test_with_a_huge_delta_the_fit_is_the_least_squares_of_a_search_without_gradients():
    noise = np.exp(0.01 * np.random.default_rng(0).standard_normal(9))
    sizes = np.geomspace(1e3, 1e6, 9)
    losses = (1.5 + 60 / sizes**0.45) * noise
    ours, theirs = fit_power_law(sizes.tolist(), losses.tolist(), delta=100.0), nested_search(sizes, losses)
    assert ours == pytest.approx(theirs, rel=0.02)


def test_with_a_huge_delta_the_fit_is_scipys_curve_fit():
    from scipy import optimize

    sizes = np.geomspace(1e3, 1e6, 9)
    losses = (1.5 + 60 / sizes**0.45) * np.exp(0.01 * np.random.default_rng(0).standard_normal(9))
    theirs, _ = optimize.curve_fit(lambda x, e, a, alpha: np.logaddexp(e, a - alpha * x), np.log(sizes),
                                   np.log(losses), p0=(0.3, 4, 0.5))
    ours = fit_power_law(sizes.tolist(), losses.tolist(), delta=100.0)
    assert (ours["E"], ours["A"], ours["alpha"]) == pytest.approx(
        (math.exp(theirs[0]), math.exp(theirs[1]), theirs[2]), rel=1e-3)


@given(st.floats(0.5, 3), st.floats(20, 500), st.floats(0.25, 0.8))
@settings(max_examples=4, deadline=None)
def test_the_fit_finds_any_law_behind_exact_losses(E, A, alpha):
    found = fit_power_law(SIZES, [E + A / n**alpha for n in SIZES])
    assert found == pytest.approx({"E": E, "A": A, "alpha": alpha}, rel=0.02)


def test_the_order_of_the_runs_and_the_kind_of_the_numbers_do_not_matter():
    losses = [1.7 + 40 / n**0.4 for n in SIZES]
    first = fit_power_law([int(n) for n in SIZES], losses)
    other = fit_power_law(torch.tensor(SIZES[::-1]), torch.tensor(losses[::-1], dtype=torch.float64))
    assert first == pytest.approx(other, rel=1e-3)


# ---- chinchilla


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("budget", [1e18, 5.76e23, 3.8e25])
def test_the_closed_form_is_where_a_search_along_the_budget_finds_the_minimum(name, budget):
    N, D = chinchilla_optimal(budget, *constants_of(name))
    assert pytest.approx(budget) == 6 * N * D
    sizes = np.geomspace(N / 10, N * 10, 20_001)
    best = sizes[np.argmin(chinchilla_loss(sizes, budget / 6 / sizes, **LAWS[name]))]
    assert pytest.approx(best, rel=1e-3) == N


@given(st.floats(1, 1e4), st.floats(1, 1e4), st.floats(0.1, 1), st.floats(0.1, 1), st.floats(1e10, 1e26))
@settings(max_examples=60, deadline=None)
def test_at_the_optimum_neither_more_size_nor_more_data_gains(A, B, alpha, beta, budget):
    N, D = chinchilla_optimal(budget, A, B, alpha, beta)
    assert alpha * A / N**alpha == pytest.approx(beta * B / D**beta, rel=1e-6)


def test_the_constants_of_the_tex_source_give_table_a3_within_a_fifth():
    """Hoffmann et al. 2022, Table A3, Approach 3: tokens at which a size is the best one."""
    A, B, alpha, beta = constants_of("Hoffmann 2022, TeX source")
    for size, tokens in ((1e9, 27.1e9), (10e9, 410.1e9), (67e9, 4.1e12)):
        best = (beta * B / (alpha * A) * size**alpha) ** (1 / beta)
        N, D = chinchilla_optimal(6 * size * best, A, B, alpha, beta)
        assert pytest.approx((size, best), rel=1e-9) == (N, D)
        assert best == pytest.approx(tokens, rel=0.2)


def test_the_refitted_law_recommends_about_twenty_tokens_for_each_parameter_of_chinchilla():
    N, D = chinchilla_optimal(6 * 70e9 * 1.4e12, *constants_of("Besiroglu 2024"))
    assert 15 < D / N < 25 and pytest.approx(70e9, rel=0.1) == N


@pytest.mark.slow
def test_the_fit_of_five_constants_recovers_a_law_from_exact_losses():
    random = np.random.default_rng(3)
    sizes, tokens = 10 ** random.uniform(7, 10, 40), 10 ** random.uniform(9, 11.5, 40)
    found = fit_chinchilla(sizes, tokens, chinchilla_loss(sizes, tokens, **LAWS["Besiroglu 2024"]))
    assert found == pytest.approx(LAWS["Besiroglu 2024"], rel=0.03)


# ---- operations and cost


def test_training_flops_are_tokens_times_the_flops_of_a_token():
    assert training_flops(123.0, 45.0, 3, 8, 16) == pytest.approx(45 * flops_per_token(123, 3, 8, 16))
    assert training_flops(7, 11) == 462


def test_the_published_totals_of_three_runs_come_out():
    for name, total in (("GPT-3 175B", 3.14e23), ("Llama 3 405B", 3.8e25)):
        assert training_flops(*RUNS[name][:2]) == pytest.approx(total, rel=5e-3)
    for N, D, layers, width, length in RUNS.values():
        share = training_flops(N, D, layers, width, length) / training_flops(N, D) - 1
        assert share == pytest.approx(length / (6 * width), rel=0.1)


def test_the_bill_of_llama_is_the_published_one():
    """Touvron et al. 2023, Table 15: 1,022,362 A100-hours and 449 MWh; §2.4: 380 tokens a second on each GPU."""
    flops, hours = training_flops(*RUNS["LLaMA 65B"][:2]), 1_022_362
    share = flops / PEAK_FLOPS["A100"] / 3600 / hours
    bill = training_cost(flops, PEAK_FLOPS["A100"], share, 1.5, 400)
    assert bill["gpu_hours"] == pytest.approx(hours) and bill["dollars"] == pytest.approx(1.5 * hours)
    assert bill["kwh"] == pytest.approx(449e3, rel=0.01)
    assert RUNS["LLaMA 65B"][1] / 380 / 3600 == pytest.approx(hours, rel=0.01)


# ---- exact match


@given(st.integers(1, 5), st.integers(1, 9), st.integers(0, 10**6), st.data())
@settings(max_examples=60, deadline=None)
def test_exact_match_is_a_convolution_that_reaches_its_length(rows, T, seed, data):
    k = data.draw(st.integers(1, T))
    right = torch.rand(rows, T, generator=torch.Generator().manual_seed(seed)) < 0.7
    sums = F.conv1d(right[:, None].double(), torch.ones(1, 1, k, dtype=torch.float64))
    assert exact_match(right, k) == pytest.approx((sums == k).double().mean().item(), abs=1e-6)


def test_where_errors_are_independent_exact_match_is_the_power():
    right = torch.rand(2000, 200, generator=torch.Generator().manual_seed(0)) < 0.8
    for k in (1, 3, 6):
        assert exact_match(right, k) == pytest.approx(0.8**k, rel=0.02)


# ---- on a GPU


@pytest.mark.cuda
def test_on_a_gpu_the_parts_give_the_same():
    log_n, point = torch.linspace(1, 20, 9), torch.tensor([0.5, 4.0, 0.3])
    torch.testing.assert_close(log_power_law(log_n.cuda(), *point.cuda()).cpu(), log_power_law(log_n, *point),
                               atol=1e-4, rtol=1e-4)
    r = torch.randn(50)
    torch.testing.assert_close(huber(r.cuda(), 0.5).cpu(), huber(r, 0.5), atol=1e-4, rtol=1e-4)
    right = torch.rand(20, 30) < 0.8
    assert exact_match(right.cuda(), 3) == pytest.approx(exact_match(right, 3), abs=1e-4)
