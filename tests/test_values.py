"""Plain values: exact types in, the same value out of JSON, and nothing but a BadRecord for nonsense."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.values import DTYPES, Array, BadRecord, Other, Raised, describe, from_json, to_json

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
arrays = st.sampled_from([np.dtype(name) for name in DTYPES]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0))
)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
json_trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["array", "list", "dict", "int", "raised", "torch", "float32"]),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def identical(a, b):
    """Same types, same values; NaN is itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Array):
        same = (a.library, a.dtype, a.shape, a.device, a.requires_grad) == (
            b.library,
            b.dtype,
            b.shape,
            b.device,
            b.requires_grad,
        )
        return same and a.data.dtype == b.data.dtype and a.data.tobytes() == b.data.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(identical(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) == list(b) and all(identical(a[key], b[key]) for key in a)
    return a == b or (a != a and b != b)


@given(values)
def test_a_value_survives_json(value):
    plain = describe(value)
    assert identical(from_json(json.loads(json.dumps(to_json(plain)))), plain)


@given(json_trees)
def test_a_forged_tree_is_a_plain_value_or_a_bad_record(tree):
    try:
        value = from_json(tree)
    except BadRecord:
        return
    assert identical(from_json(to_json(value)), value)


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.complex64]
)
def test_a_tensor_keeps_its_numbers(dtype):
    tensor = (torch.arange(6).reshape(2, 3) % 2).to(dtype).requires_grad_(dtype.is_floating_point)
    plain = describe(tensor)
    assert (plain.library, plain.dtype, plain.shape) == ("torch", str(dtype).removeprefix("torch."), (2, 3))
    assert plain.requires_grad == dtype.is_floating_point
    np.testing.assert_array_equal(plain.data.astype(complex).real, [[0, 1, 0], [1, 0, 1]])


def test_a_view_is_described_as_its_values():
    np.testing.assert_array_equal(describe(torch.arange(6).reshape(2, 3).T).data, [[0, 3], [1, 4], [2, 5]])


class Agreeable:
    def __eq__(self, other):
        return True

    __class__ = torch.Tensor
    shape, dtype = (2, 3), torch.float32


class Subclass(torch.Tensor):
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Agreeable(), Other("Agreeable", "")),
        (torch.zeros(2).as_subclass(Subclass), Other("Subclass", "torch.Tensor")),
        (torch.eye(2).to_sparse(), Other("a sparse_coo tensor", "torch.Tensor")),
        (np.array(["a"]), Other("an array of dtype str32", "numpy.ndarray")),
        (np.ma.masked_array([1]), Other("numpy.ma.MaskedArray", "numpy.ndarray")),
    ],
)
def test_what_only_looks_like_a_tensor_is_other(value, expected):
    described = describe(value)
    assert isinstance(described, Other)
    assert described.of == expected.of
    assert expected.type.split(".")[-1] in described.type


def test_an_error_is_described_by_all_its_classes():
    assert describe(KeyError("x")) == Raised(("KeyError", "LookupError", "Exception", "BaseException"), "'x'")


def test_a_parameter_is_a_tensor_and_a_meta_tensor_has_no_values():
    assert describe(torch.nn.Parameter(torch.zeros(2))).requires_grad
    assert describe(torch.zeros(2, device="meta")).data is None


@pytest.mark.parametrize(
    "tree",
    [
        ["array", "torch", "float32", [2], "cpu", False, "float32", "AAAA"],  # 3 bytes are not two floats
        ["array", "torch", "float32", [-1], "cpu", False, "float32", ""],
        ["array", "torch", "object", [1], "cpu", False, "object", "AAAAAAAAAAA="],
        ["array", "torch", "bool", [1], "cpu", False, "bool", "Bw=="],
        ["int", "0x" + "f" * 2000],
        ["int", 3],
        ["float", "spam"],
        ["list", "ab"],
        ["dict", [[["list", []], ["none"]]]],
        [],
        "x",
        None,
    ],
)
def test_malformed_records_are_refused(tree):
    with pytest.raises(BadRecord):
        from_json(tree)
