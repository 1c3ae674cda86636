"""Counts what the devices showed against what the store holds.

A reading is one value of one point that a device handed out. A stored value belongs to the last
reading before it, when it carries the same number; times are rounded to milliseconds, so "before"
allows a little.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

EARLY_NS: Final = 5_000_000
AT_ONCE_NS: Final = 20_000_000
LATE_NS: Final = 2_000_000_000
_RELATIVE: Final = 1e-6
_NEVER_NS: Final = 2**63


class Value(NamedTuple):
    """A number and when, in nanoseconds since 1970."""

    time_ns: int
    number: float


Series = Mapping[tuple[str, str], Sequence[Value]]
"""Values in order of time, by device and point."""


@dataclass(frozen=True)
class Count:
    """`missing`: shown and not stored; `duplicated`: stored twice; `phantom`: never shown."""

    produced: int = 0
    stored: int = 0
    missing: int = 0
    duplicated: int = 0
    phantom: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.produced + other.produced,
            self.stored + other.stored,
            self.missing + other.missing,
            self.duplicated + other.duplicated,
            self.phantom + other.phantom,
        )


def read_truth(log: Path) -> dict[tuple[str, str], list[Value]]:
    """Read the simulators' truth log: what each device showed and when."""
    shown: dict[tuple[str, str], list[Value]] = {}
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            reading = json.loads(line)
            if "broken" in reading:
                continue  # a fault spoilt the answer on its way: there was nothing to read
            for point, number in reading.get("values", {}).items():
                if number is not None:
                    key = (reading["device"], point)
                    shown.setdefault(key, []).append(Value(reading["t"], number))
    for values in shown.values():
        values.sort()
    return shown


def count(shown: Series, stored: Series, *, since_ns: int = 0) -> Count:
    """Compare two sets of series.

    What was shown before `since_ns` counts only where it is stored: nobody may have listened yet.
    """
    keys = shown.keys() | stored.keys()
    counts = (_count_one(shown.get(key, ()), stored.get(key, ()), since_ns) for key in keys)
    return sum(counts, Count())


def _count_one(shown: Sequence[Value], stored: Sequence[Value], since_ns: int) -> Count:
    unique = _without_repeats(stored)
    missing = phantom = matched = 0
    rest = iter(unique)
    candidate = next(rest, None)
    for reading, following in pairwise([*shown, Value(_NEVER_NS, 0.0)]):
        while candidate is not None and candidate.time_ns < reading.time_ns - EARLY_NS:
            phantom += 1
            candidate = next(rest, None)
        if candidate is not None and _belongs(candidate, reading, following):
            matched += 1
            candidate = next(rest, None)
        elif reading.time_ns >= since_ns:
            missing += 1
    phantom += (candidate is not None) + sum(1 for _ in rest)
    return Count(matched + missing, len(unique), missing, len(stored) - len(unique), phantom)


def _without_repeats(stored: Iterable[Value]) -> list[Value]:
    return [*dict.fromkeys(stored)]


def _belongs(candidate: Value, reading: Value, following: Value) -> bool:
    close = abs(candidate.number - reading.number) <= _RELATIVE * max(1.0, abs(reading.number))
    # Readings that follow each other at once are stored in their order, each a little late.
    until_ns = max(following.time_ns - EARLY_NS, reading.time_ns + AT_ONCE_NS)
    until_ns = min(until_ns, reading.time_ns + LATE_NS)
    return close and reading.time_ns - EARLY_NS <= candidate.time_ns < until_ns


def read_sink(log: Path) -> dict[str, int]:
    """Read the sink's log: when it accepted each notice, in ns, by idempotency key."""
    if not log.exists():
        return {}
    with log.open(encoding="utf-8") as lines:
        return {accepted["key"]: accepted["t"] for accepted in map(json.loads, lines)}
