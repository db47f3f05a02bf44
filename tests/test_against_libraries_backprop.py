"""backprop's engine against torch.autograd, in float64, to 1e-6, and unbroadcast against sum_to_size."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from internals.backprop import MLP, Value, backward, gradient_check, train_step, unbroadcast

TOLERANCE = {"atol": 1e-6, "rtol": 1e-6}
numbers = st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3)  # away from relu's corner and from division by zero
recipes = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=25)


def follow(recipe, leaves):
    """A random computation, the same for Values and tensors: each step takes two of the numbers made so far."""
    made = list(leaves)
    for operation, i, j in recipe:
        a, b = made[i % len(made)], made[j % len(made)]
        made.append(
            [
                lambda a, b: a + b,
                lambda a, b: a * b,
                lambda a, b: (a * 0.5).tanh() * b,
                lambda a, b: a.tanh() ** 2 + b,
                lambda a, b: (a.tanh() - b.tanh()).exp(),
                lambda a, b: a.relu() + b * 0.5,
                lambda a, b: a - b,
                lambda a, b: a.tanh() / (b.exp() + 1),
                lambda a, b: 1 - a * 0.25,
                lambda a, b: (a**2 + 1) ** -0.5 * b,
            ][operation](a, b).tanh()
        )
    return sum(made[1:], made[0])


@given(st.lists(numbers, min_size=1, max_size=4), recipes)
@settings(deadline=None, max_examples=200)
def test_the_derivatives_of_any_computation_are_pytorchs(start, recipe):
    leaves = [Value(x) for x in start]
    result = follow(recipe, leaves)
    backward(result)
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in start]
    expected = follow(recipe, tensors)
    expected.backward()
    np.testing.assert_allclose(result.data, expected.item(), **TOLERANCE)
    np.testing.assert_allclose([v.grad for v in leaves], [t.grad.item() for t in tensors], **TOLERANCE)


def test_a_second_backward_adds_to_the_leaves_as_pytorchs_does():
    x, t = Value(0.75), torch.tensor(0.75, dtype=torch.float64, requires_grad=True)
    ours, theirs = (x * x).tanh() * x, (t * t).tanh() * t
    for _ in range(3):
        backward(ours)
        theirs.backward(retain_graph=True)
    np.testing.assert_allclose(x.grad, t.grad.item(), **TOLERANCE)


def test_at_its_corner_relu_has_pytorchs_slope():
    t = torch.tensor(0.0, requires_grad=True)
    t.relu().backward()
    assert Value(0.0).relu().slopes == (t.grad.item(),)


def torchs(network, sizes):
    """nn.Sequential with the parameters of our network, in float64."""
    layers = []
    for n_in, n_out in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(n_in, n_out, dtype=torch.float64), nn.Tanh()]
    theirs, ours = nn.Sequential(*layers[:-1]), [p.data for p in network.parameters()]
    nn.utils.vector_to_parameters(torch.tensor(ours, dtype=torch.float64), theirs.parameters())
    return theirs


@pytest.mark.parametrize("sizes", [[1, 1], [3, 2], [1, 4, 1], [2, 5, 3], [3, 4, 1, 2], [2, 3, 3, 3, 2]])
@pytest.mark.parametrize("examples", [1, 5])
def test_a_network_and_its_training_are_pytorchs(sizes, examples):
    network = MLP(sizes, seed=7)
    theirs = torchs(network, sizes)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(0)
    xs, ys = (torch.randn(examples, n, generator=generator, dtype=torch.float64) for n in (sizes[0], sizes[-1]))
    for _ in range(20):
        ours = train_step(network, xs.tolist(), ys.tolist(), 0.1)
        loss = F.mse_loss(theirs(xs), ys)
        optimizer.zero_grad()
        loss.backward()
        np.testing.assert_allclose(ours, loss.item(), **TOLERANCE)
        gradients = torch.cat([p.grad.flatten() for p in theirs.parameters()])
        np.testing.assert_allclose([p.grad for p in network.parameters()], gradients.numpy(), **TOLERANCE)
        optimizer.step()


def test_networks_differ_by_their_seed_alone():
    first, again, other = (MLP([2, 3, 1], seed=seed).parameters() for seed in (1, 1, 2))
    assert [p.data for p in first] == [p.data for p in again] != [p.data for p in other]


def test_the_gradient_check_finds_a_wrong_slope_and_nothing_else():
    def good(x, y):
        return (x * y).tanh() + x.exp() / (y**2 + 1)

    def bad(x, y):
        wrong = Value(x.data * y.data, (x, y), (y.data, 1.01 * x.data))
        return wrong.tanh() + x.exp() / (y**2 + 1)

    assert gradient_check(good, [0.5, -0.75]) < 1e-9
    assert gradient_check(bad, [0.5, -0.75]) > 1e-3


@given(st.lists(st.sampled_from([1, 2, 3]), max_size=4), st.data())
@settings(deadline=None)
def test_unbroadcasting_is_pytorchs_sum_to_size(whole, data):
    shape = tuple(data.draw(st.sampled_from([1, n])) for n in whole[data.draw(st.integers(0, len(whole))) :])
    gradient = torch.randn(whole, generator=torch.Generator().manual_seed(math.prod(whole)), dtype=torch.float64)
    result = unbroadcast(gradient.numpy(), shape)
    assert result.shape == shape
    np.testing.assert_allclose(result, gradient.sum_to_size(shape).numpy(), atol=1e-12)


@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (4, 1), (4, 3), (2, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unbroadcasting_gives_autograds_gradient_of_a_broadcast_sum(shape, dtype):
    generator = torch.Generator().manual_seed(0)
    small = torch.randn(shape, generator=generator, dtype=dtype, requires_grad=True)
    weight = torch.randn(2, 4, 3, generator=generator, dtype=dtype)
    (torch.zeros(2, 4, 3, dtype=dtype) + small).mul(weight).sum().backward()
    result = unbroadcast(weight.numpy(), shape)
    assert result.dtype == weight.numpy().dtype
    np.testing.assert_allclose(result, small.grad.numpy(), atol=1e-5 if dtype == torch.float32 else 1e-12)
