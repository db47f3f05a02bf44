"""What one submission may use; a notebook's `limits` in course.toml changes single ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

UNITS = {"memory_mb": ("memory", 1 << 20), "disk_mb": ("disk", 1_000_000)}  # as course.toml has them


@dataclass(frozen=True)
class Limits:
    """Seconds of wall time, bytes, counts. What a submission prints goes nowhere and is not counted."""

    check_seconds: float = 10
    total_seconds: float = 120
    memory: int = 2 << 30
    processes: int = 64
    files: int = 256
    disk: int = 100_000_000


def read_limits(table: Mapping[str, Any]) -> Limits:
    """The limits of a table such as {check_seconds = 20, memory_mb = 4096}. Raises ValueError that names the key."""
    known = {field.name for field in fields(Limits)} - {name for name, _ in UNITS.values()} | set(UNITS)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"limits.{key}: no such limit; there are {', '.join(sorted(known))}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ValueError(f"limits.{key} = {value!r}: expected a number above 0")
        name, unit = UNITS.get(key, (key, 1))
        values[name] = value if name.endswith("_seconds") else int(value * unit)
    return Limits(**values)
