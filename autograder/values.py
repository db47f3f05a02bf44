"""A value as it is, not as it claims to be: what a check compares, and how a value leaves the grading room.

`describe` reads a live object by its exact type into a plain value: None, bool, int, float, complex, str, bytes, lists,
tuples and dicts of those, `Array` for tensors and arrays, `Raised` for an exception, `Other` for anything else.
`to_json` and `from_json` carry plain values between processes: JSON, with raw array bytes in base64, never pickle.
"""

from __future__ import annotations

import base64
import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
MAX_DEPTH = 20
MAX_DIGITS = 1000
MAX_DIMENSIONS = 32
MAX_NAME = 300  # of a type


class BadRecord(ValueError):
    """A record that does not fit the schema; the message says where."""


@dataclass(frozen=True, eq=False)
class Array:
    """A tensor or an array. library: "torch" or "numpy". data: the values on the CPU, None where there are none (meta).

    dtype is the library's name for it; bfloat16 and the float8 family, which NumPy lacks, hold float32 data.
    """

    library: str
    dtype: str
    shape: tuple[int, ...]
    device: str
    requires_grad: bool
    data: np.ndarray | None

    @property
    def kind(self) -> str:
        """What a reader calls it."""
        return {"torch": "a torch.Tensor", "numpy": "a numpy.ndarray", "numpy scalar": "a NumPy number"}[self.library]


@dataclass(frozen=True)
class Raised:
    """An exception: the names of its classes, its own first, and its message."""

    types: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Other:
    """Anything else, by the name of its type. of: the plain type it derives from, if it derives from one."""

    type: str
    of: str = ""


def _full_name(kind: type) -> str:
    module = getattr(kind, "__module__", "")
    name = str(getattr(kind, "__qualname__", "object"))
    return (name if module in ("builtins", "__main__") else f"{module}.{name}")[:MAX_NAME]


def _numpy_of(tensor: Any, torch: Any) -> np.ndarray:
    """The values of a tensor on the CPU: exact, with the types that NumPy lacks widened to float32."""
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES:
        tensor = tensor.to(torch.float32)
    return np.array(tensor.contiguous().numpy(), copy=True)


def _describe_tensor(value: Any, torch: Any) -> Array | Other:
    if value.layout is not torch.strided or value.is_quantized:
        return Other(f"a {str(value.layout).removeprefix('torch.')} tensor", "torch.Tensor")
    data = None if value.device.type == "meta" else _numpy_of(value, torch)
    dtype = str(value.dtype).removeprefix("torch.")
    return Array("torch", dtype, tuple(map(int, value.shape)), str(value.device), bool(value.requires_grad), data)


def _describe_array(value: Any, library: str) -> Array | Other:
    if value.dtype.name not in DTYPES:
        return Other(f"an array of dtype {value.dtype.name}", "numpy.ndarray")
    data = np.array(value, copy=True, order="C")
    return Array(library, value.dtype.name, tuple(map(int, value.shape)), "cpu", False, data)


def describe(value: Any, depth: int = 0) -> Any:
    """The plain value of any object, decided by exact types alone: nothing the object defines is asked or believed.

    A named tuple counts as a tuple, a torch.nn.Parameter as a tensor; other subclasses are `Other`.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes):
        return value
    if depth > MAX_DEPTH:
        return Other("something nested too deeply")
    if kind is list:
        return [describe(item, depth + 1) for item in value]
    if (
        kind is tuple
        or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
        or kind.__module__ == "torch.return_types"
    ):
        return tuple(describe(item, depth + 1) for item in tuple.__iter__(value))
    if kind is dict:
        return {_key(key): describe(item, depth + 1) for key, item in value.items()}
    if kind is np.ndarray:
        return _describe_array(value, "numpy")
    if issubclass(kind, np.generic) and kind.__module__ == "numpy":
        return _describe_array(np.asarray(value), "numpy scalar")
    torch = sys.modules.get("torch")
    if torch is not None:
        if kind is torch.Tensor or kind is torch.nn.Parameter:
            return _describe_tensor(value, torch)
        if kind is torch.Size:
            return tuple(int(n) for n in tuple.__iter__(value))
        if issubclass(kind, torch.Tensor):
            return Other(_full_name(kind), "torch.Tensor")
    if issubclass(kind, BaseException):
        return describe_error(value)
    plain = next(
        (base for base in (np.ndarray, bool, int, float, str, list, tuple, dict) if issubclass(kind, base)), None
    )
    return Other(_full_name(kind), _full_name(plain) if plain else "")


def _key(key: Any) -> Any:
    return key if type(key) in (bool, int, float, str, bytes) else f"<{_full_name(type(key))}>"


def describe_error(error: BaseException) -> Raised:
    """An exception's class names, nearest first, and the first lines of its message."""
    try:
        message = str(error)
    except Exception:
        message = ""
    names = tuple(_full_name(kind).rpartition(".")[2] for kind in type(error).__mro__ if kind is not object)
    return Raised(names, message[:500])


def to_json(value: Any) -> Any:
    """A plain value as a JSON-ready tree: `[tag, …]` lists, so that no type is ever guessed."""
    if value is None:
        return ["none"]
    kind = type(value)
    if kind in (bool, str):
        return [kind.__name__, value]
    if kind is int:
        return ["int", hex(value)]
    if kind is float:
        return ["float", value.hex()]
    if kind is complex:
        return ["complex", value.real.hex(), value.imag.hex()]
    if kind is bytes:
        return ["bytes", base64.b64encode(value).decode()]
    if kind in (list, tuple):
        return [kind.__name__, [to_json(item) for item in value]]
    if kind is dict:
        return ["dict", [[to_json(key), to_json(item)] for key, item in value.items()]]
    if kind is Array:
        data = None if value.data is None else base64.b64encode(value.data.tobytes()).decode()
        stored = "" if value.data is None else value.data.dtype.name
        return ["array", value.library, value.dtype, list(value.shape), value.device, value.requires_grad, stored, data]
    if kind is Raised:
        return ["raised", list(value.types), value.message]
    if kind is Other:
        return ["other", value.type, value.of]
    raise TypeError(f"not a plain value: {kind.__name__}")


def from_json(node: Any, depth: int = 0) -> Any:
    """The plain value of a tree made by `to_json`.

    Trusts nothing: raises BadRecord for an unknown tag, a wrong type, a size that does not fit, or too deep a nesting.
    """
    if depth > MAX_DEPTH + 1:
        raise BadRecord("nested too deeply")
    if type(node) is not list or not node or type(node[0]) is not str:
        raise BadRecord("expected a [tag, …] list")
    tag, fields = node[0], node[1:]
    reader, types = _READERS.get(tag, (None, ()))
    if reader is None:
        raise BadRecord(f"unknown tag {tag[:20]!r}")
    if len(fields) != len(types) or any(
        type(f) is not t and t is not object for f, t in zip(fields, types, strict=True)
    ):
        raise BadRecord(f"{tag}: fields do not fit")
    try:
        return reader(fields, depth)
    except BadRecord:
        raise
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        raise BadRecord(f"{tag}: {str(error)[:80]}") from None


def _read_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadRecord("int: too many digits")
    return int(text, 16)


def _read_dict(pairs: list, depth: int) -> dict:
    if any(type(pair) is not list or len(pair) != 2 for pair in pairs):
        raise BadRecord("dict: expected pairs")
    keys = [from_json(key, MAX_DEPTH) for key, _ in pairs]
    if any(type(key) not in (bool, int, float, str, bytes) for key in keys):
        raise BadRecord("dict: a key that is not plain")
    return dict(zip(keys, (from_json(item, depth + 1) for _, item in pairs), strict=True))


def _read_array(fields: list, depth: int) -> Array:
    library, dtype, shape, device, requires_grad, stored, data = fields
    if library not in ("torch", "numpy", "numpy scalar") or len(dtype) > 40 or len(device) > 40:
        raise BadRecord("array: unknown library, dtype or device")
    if len(shape) > MAX_DIMENSIONS or any(type(n) is not int or n < 0 for n in shape):
        raise BadRecord("array: not a shape")
    if data is None:
        return Array(library, dtype, tuple(shape), device, requires_grad, None)
    if type(data) is not str or stored not in DTYPES or (dtype in DTYPES and stored != dtype):
        raise BadRecord("array: unknown data")
    raw = base64.b64decode(data, validate=True)
    if math.prod(shape) * np.dtype(stored).itemsize != len(raw):
        raise BadRecord("array: the bytes do not fill the shape")
    array = np.frombuffer(raw, dtype=np.dtype(stored)).reshape(shape)
    if stored == "bool" and raw.strip(b"\x00\x01"):
        raise BadRecord("array: a bool that is neither 0 nor 1")
    return Array(library, dtype, tuple(shape), device, requires_grad, array)


def _read_raised(fields: list, depth: int) -> Raised:
    if not fields[0] or not all(type(name) is str for name in fields[0]):
        raise BadRecord("raised: at least one name, all text")
    return Raised(tuple(fields[0]), fields[1])


def _read_other(fields: list, depth: int) -> Other:
    if max(map(len, fields)) > MAX_NAME:
        raise BadRecord("other: a name too long")
    return Other(*fields)


_READERS: dict[str, tuple[Any, tuple[type, ...]]] = {
    "none": (lambda fields, depth: None, ()),
    "bool": (lambda fields, depth: fields[0], (bool,)),
    "str": (lambda fields, depth: fields[0], (str,)),
    "int": (lambda fields, depth: _read_int(fields[0]), (str,)),
    "float": (lambda fields, depth: float.fromhex(fields[0]), (str,)),
    "complex": (lambda fields, depth: complex(float.fromhex(fields[0]), float.fromhex(fields[1])), (str, str)),
    "bytes": (lambda fields, depth: base64.b64decode(fields[0], validate=True), (str,)),
    "list": (lambda fields, depth: [from_json(item, depth + 1) for item in fields[0]], (list,)),
    "tuple": (lambda fields, depth: tuple(from_json(item, depth + 1) for item in fields[0]), (list,)),
    "dict": (lambda fields, depth: _read_dict(fields[0], depth), (list,)),
    "array": (_read_array, (str, str, list, str, bool, str, object)),
    "raised": (_read_raised, (list, str)),
    "other": (_read_other, (str, str)),
}
