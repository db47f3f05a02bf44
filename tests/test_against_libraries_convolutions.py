"""convolutions' parts against torch.nn.functional and torch.nn: values, gradients, statistics and running averages."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from internals.convolutions import ResidualBlock, conv2d, dropout, max_pool2d, receptive_field

EXACT = {torch.float32: {"atol": 1e-5, "rtol": 1e-5}, torch.float64: {"atol": 1e-10, "rtol": 1e-10}}
KERNELS = [(1, 1), (3, 3), (2, 5), (4, 1), (1, 3), (5, 4)]


def numbers(*size, seed, dtype=torch.float64):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding", [0, 1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", KERNELS)
def test_conv2d_is_torchs(kernel, stride, padding, bias, dtype):
    x, w = numbers(2, 3, 9, 7, seed=1, dtype=dtype), numbers(4, 3, *kernel, seed=2, dtype=dtype) / 4
    b = numbers(4, seed=3, dtype=dtype) if bias else None
    out = conv2d(x, w, b, stride, padding)
    assert out.dtype == dtype
    torch.testing.assert_close(out, F.conv2d(x, w, b, stride, padding), **EXACT[dtype])


@pytest.mark.parametrize(("kernel", "stride", "padding"), [((3, 3), 1, 1), ((2, 5), 2, 0), ((4, 1), 3, 2)])
def test_conv2ds_gradients_are_torchs(kernel, stride, padding):
    def inputs():
        made = numbers(2, 3, 8, 6, seed=4), numbers(5, 3, *kernel, seed=5), numbers(5, seed=6)
        return [tensor.requires_grad_() for tensor in made]

    ours, theirs = inputs(), inputs()
    conv2d(*ours, stride=stride, padding=padding).pow(3).sum().backward()
    F.conv2d(*theirs, stride=stride, padding=padding).pow(3).sum().backward()
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own.grad, other.grad, **EXACT[torch.float64])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(*[st.integers(1, 3)] * 3, *[st.integers(1, 9)] * 2),
    kernel=st.tuples(*[st.integers(1, 4)] * 2),
    stride=st.integers(1, 4),
    padding=st.integers(2, 4),
)
def test_conv2d_is_torchs_for_any_sizes(sizes, kernel, stride, padding):
    """A padding of 2 on each side leaves room for every kernel here, whatever the picture."""
    batch, channels, outputs, height, width = sizes
    x, w = numbers(batch, channels, height, width, seed=7), numbers(outputs, channels, *kernel, seed=8)
    torch.testing.assert_close(
        conv2d(x, w, None, stride, padding), F.conv2d(x, w, None, stride, padding), **EXACT[torch.float64]
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(1, None, 0), (2, None, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (5, 2, 2), (4, None, 2), (4, 5, 1)],
)
def test_max_pool2d_is_torchs_with_its_gradient(kernel, stride, padding, dtype):
    ours, theirs = ((numbers(2, 3, 9, 7, seed=9, dtype=dtype) - 3).requires_grad_() for _ in range(2))
    own, other = max_pool2d(ours, kernel, stride, padding), F.max_pool2d(theirs, kernel, stride, padding)
    assert torch.equal(own, other)
    own.square().sum().backward()
    other.square().sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, **EXACT[dtype])


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.75])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dropouts_statistics_are_torchs(p, dtype):
    """The share of zeros, the one other value, and the first two moments: within five standard errors."""
    size = 400_000
    torch.manual_seed(0)
    for out in (
        dropout(torch.ones(size, dtype=dtype), p, generator=torch.Generator().manual_seed(10)),
        F.dropout(torch.ones(size, dtype=dtype), p),
    ):
        assert out.dtype == dtype
        torch.testing.assert_close(out[out != 0].unique(), torch.tensor([1 / (1 - p)], dtype=dtype))
        assert abs((out == 0).double().mean().item() - p) <= 5 * (p * (1 - p) / size) ** 0.5
        assert abs(out.double().mean().item() - 1) <= 5 * (p / (1 - p) / size) ** 0.5 + 1e-6
        assert out.double().var().item() == pytest.approx(p / (1 - p), rel=0.03, abs=1e-9)


def test_dropout_is_the_identity_when_the_network_is_used_and_draws_nothing():
    generator = torch.Generator().manual_seed(11)
    state, x = generator.get_state(), numbers(3, 4, seed=12)
    assert torch.equal(dropout(x, 0.9, False, generator), x)
    assert torch.equal(generator.get_state(), state)


def reference_block(block, inside, outside, stride, norm):
    """The basic block of He et al. 2016, of torch's own layers, with the weights of ours."""
    make = nn.BatchNorm2d if norm else nn.Identity
    layers = {
        "conv1": nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
        "bn1": make(outside),
        "conv2": nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
        "bn2": make(outside),
    }
    if stride != 1 or inside != outside:
        layers["shortcut"] = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), make(outside))
    model = nn.ModuleDict(layers).double()
    model.load_state_dict(block.state_dict())

    def forward(x):
        main = nn.Sequential(model["conv1"], model["bn1"], nn.ReLU(), model["conv2"], model["bn2"])
        return F.relu(main(x) + (model["shortcut"](x) if "shortcut" in model else x))

    return model, forward


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize(("inside", "outside", "stride"), [(3, 3, 1), (3, 5, 1), (4, 4, 2), (2, 6, 2), (3, 2, 3)])
def test_residual_block_is_the_basic_block(inside, outside, stride, norm):
    """Outputs, gradients and running averages over three steps of training; then outputs in use."""
    torch.manual_seed(0)
    block = ResidualBlock(inside, outside, stride, norm).double()
    for p in block.parameters():
        nn.init.normal_(p, 0.3, 0.7)
    model, forward = reference_block(block, inside, outside, stride, norm)
    for step in range(3):
        x = numbers(4, inside, 7, 6, seed=20 + step)
        own, other = block(x), forward(x)
        torch.testing.assert_close(own, other, **EXACT[torch.float64])
        own.square().sum().backward()
        other.square().sum().backward()
        for (name, p), (other_name, q) in zip(block.named_parameters(), model.named_parameters(), strict=True):
            assert name == other_name
            torch.testing.assert_close(p.grad, q.grad, **EXACT[torch.float64])
    block.eval()
    model.eval()
    for name, value in block.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name], **EXACT[torch.float64])
    x = numbers(2, inside, 5, 9, seed=30)
    torch.testing.assert_close(block(x), forward(x), **EXACT[torch.float64])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=5))
def test_receptive_field_is_what_the_gradient_reaches(layers):
    """Filters of ones: one output's gradient is positive on exactly so many pixels, where no stride leaves gaps."""
    side = receptive_field(layers)
    x = torch.ones(1, 1, 1, side, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride in layers:
        y = F.conv2d(y, torch.ones(1, 1, 1, kernel, dtype=torch.float64), stride=(1, stride))
    assert y.shape[-1] == 1  # the field fits once, so one pixel less would be too few
    y.sum().backward()
    assert x.grad[0, 0, 0, 0] > 0
    assert x.grad[0, 0, 0, -1] > 0
