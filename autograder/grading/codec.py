"""Dataclasses to JSON text and back, by their field types: how results and exams are kept and sent. Never pickle.

Types: str, int, float, bool, None, bytes, Path, unions with None, tuples, lists, frozensets, dicts with text keys,
dataclasses of these, and `Any`, which holds a plain value (`autograder.values`).
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from autograder.values import BadRecord, from_json, to_json

T = TypeVar("T")


class CodecError(ValueError):
    """The text is not what `to_text` wrote for this type; the message says where."""


def to_text(value: Any) -> str:
    """A dataclass as one line of ASCII JSON; lone surrogates of odd file names survive."""
    return json.dumps(_encode(value, type(value)), separators=(",", ":"))


def from_text(kind: type[T], text: str | bytes) -> T:
    """The value that `to_text` wrote. Raises CodecError for anything else."""
    try:
        return _decode(json.loads(text), kind, kind.__name__)
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, CodecError) else CodecError(f"not JSON: {error}") from None


@functools.cache
def _fields(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.init}


def _optional(hint: Any) -> Any:
    """X of `X | None`; None for other types."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        inner = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        if len(inner) == 1:
            return inner[0]
        raise TypeError(f"no codec for {hint}")
    return None


def _encode(value: Any, hint: Any) -> Any:
    if hint in (str, int, float, bool):
        return value
    if hint is bytes:
        return base64.b64encode(value).decode()
    if isinstance(hint, type) and issubclass(hint, Path):
        return str(value)
    if (inner := _optional(hint)) is not None:
        return None if value is None else _encode(value, inner)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return {name: _encode(getattr(value, name), kind) for name, kind in _fields(hint).items()}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and arguments[1:] != (...,):
        return [_encode(item, kind) for item, kind in zip(value, arguments, strict=True)]
    if origin in (tuple, list):
        return [_encode(item, arguments[0]) for item in value]
    if origin is frozenset:
        return [_encode(item, arguments[0]) for item in sorted(value)]
    if origin is dict and arguments[0] is str:
        return {key: _encode(item, arguments[1]) for key, item in value.items()}
    if hint in (Any, dict):
        return to_json(value)
    raise TypeError(f"no codec for {hint}")


def _decode(node: Any, hint: Any, where: str) -> Any:
    if hint in (str, int, bool, float):
        if type(node) is not hint and not (hint is float and type(node) is int):
            raise CodecError(f"{where}: expected {hint.__name__}, got {type(node).__name__}")
        return node
    if hint is bytes:
        return base64.b64decode(_decode(node, str, where), validate=True)
    if isinstance(hint, type) and issubclass(hint, Path):
        return Path(_decode(node, str, where))
    if (inner := _optional(hint)) is not None:
        return None if node is None else _decode(node, inner, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        fields = _fields(hint)
        if not isinstance(node, dict) or node.keys() != fields.keys():
            raise CodecError(f"{where}: the fields of another version")
        return hint(**{name: _decode(node[name], kind, f"{where}.{name}") for name, kind in fields.items()})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (tuple, list, frozenset):
        if not isinstance(node, list):
            raise CodecError(f"{where}: expected a list")
        if origin is tuple and arguments[1:] != (...,):
            if len(node) != len(arguments):
                raise CodecError(f"{where}: expected {len(arguments)} entries")
            return tuple(_decode(item, kind, where) for item, kind in zip(node, arguments, strict=True))
        return origin(_decode(item, arguments[0], where) for item in node)
    if origin is dict and arguments[0] is str:
        if not isinstance(node, dict):
            raise CodecError(f"{where}: expected an object")
        return {key: _decode(item, arguments[1], f"{where}.{key}") for key, item in node.items()}
    if hint in (Any, dict):
        try:
            return from_json(node)
        except BadRecord as problem:
            raise CodecError(f"{where}: {problem}") from None
    raise TypeError(f"no codec for {hint}")
