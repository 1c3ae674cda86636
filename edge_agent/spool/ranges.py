"""Ranges of sequence numbers, both ends included (pure)."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return the same numbers as ranges in order that neither overlap nor touch."""
    result: list[Range] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def covers(ranges: Iterable[Range], whole: Range) -> bool:
    """Say whether the ranges together hold every number of `whole`."""
    return any(first <= whole[0] and whole[1] <= last for first, last in merged(ranges))


def overlap(one: Range, other: Range) -> Range | None:
    """Return the numbers in both, or None."""
    first, last = max(one[0], other[0]), min(one[1], other[1])
    return (first, last) if first <= last else None


def without(whole: Range, taken: Iterable[Range]) -> list[Range]:
    """Return the numbers of `whole` that are in none of `taken`."""
    result: list[Range] = []
    at = whole[0]
    for first, last in merged(taken):
        if last < at or first > whole[1]:
            continue
        if first > at:
            result.append((at, first - 1))
        at = last + 1
    if at <= whole[1]:
        result.append((at, whole[1]))
    return result
