"""Which sample numbers of an epoch have been processed, stored or refused: sets of intervals.

Pure. Processed (seen by the rules) and stored (durable) differ while the store is down: what comes
again then is only stored, not evaluated again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import orjson

Interval = tuple[int, int]
"""First and last number, both included."""

INTERVALS_MAX: Final = 5_000
"""Holes one epoch may have; a gateway makes a handful, also while it drains a backlog."""


class Intervals:
    """A set of integers as disjoint intervals that do not touch, in ascending order."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in intervals:
            self.add(first, last)

    def __iter__(self) -> Iterator[Interval]:
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        """How many intervals."""
        return len(self._firsts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Intervals):
            return NotImplemented
        return self._firsts == other._firsts and self._lasts == other._lasts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Intervals({list(self)})"

    @property
    def last(self) -> int:
        """The greatest member, 0 when empty."""
        return self._lasts[-1] if self._lasts else 0

    @property
    def count(self) -> int:
        """How many members."""
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    def add(self, first: int, last: int) -> None:
        """Add all numbers from `first` to `last`."""
        # Everything that overlaps or touches first..last becomes one interval with it.
        left = bisect_left(self._lasts, first - 1)
        right = bisect_right(self._firsts, last + 1)
        if left < right:
            first = min(first, self._firsts[left])
            last = max(last, self._lasts[right - 1])
        self._firsts[left:right] = [first]
        self._lasts[left:right] = [last]

    def remove(self, first: int, last: int) -> None:
        """Take out all numbers from `first` to `last`."""
        left = bisect_left(self._lasts, first)
        right = bisect_right(self._firsts, last)
        if left >= right:
            return
        ends = [
            (low, high)
            for low, high in (
                (self._firsts[left], first - 1),
                (last + 1, self._lasts[right - 1]),
            )
            if low <= high
        ]
        self._firsts[left:right] = [low for low, _ in ends]
        self._lasts[left:right] = [high for _, high in ends]

    def covers(self, first: int, last: int) -> bool:
        """Say whether every number from `first` to `last` is a member."""
        at = bisect_right(self._firsts, first) - 1
        return at >= 0 and self._lasts[at] >= last

    def missing(self, first: int, last: int) -> list[Interval]:
        """Return what lies between `first` and `last` and is no member, in ascending order."""
        holes = []
        at = bisect_left(self._lasts, first)
        for low, high in zip(self._firsts[at:], self._lasts[at:], strict=True):
            if low > last:
                break
            if low > first:
                holes.append((first, low - 1))
            first = max(first, high + 1)
        if first <= last:
            holes.append((first, last))
        return holes

    def within(self, first: int, last: int) -> list[Interval]:
        """Return the members between `first` and `last`, as intervals in ascending order."""
        at = bisect_left(self._lasts, first)
        found = []
        for low, high in zip(self._firsts[at:], self._lasts[at:], strict=True):
            if low > last:
                break
            found.append((max(low, first), min(high, last)))
        return found

    def dump(self) -> str:
        """Return the JSON text that `load` reads: `[[first, last], …]`."""
        return orjson.dumps(list(self)).decode()

    @classmethod
    def load(cls, text: str) -> Intervals:
        """Read what `dump` wrote."""
        return cls((first, last) for first, last in orjson.loads(text))


@dataclass(slots=True)
class EpochLedger:
    """What became of the samples of one gateway's epoch.

    `refused` is part of `processed` and never of `stored`; `pending` is on its way to the store
    and is not kept across a restart.
    """

    processed: Intervals = field(default_factory=Intervals)
    stored: Intervals = field(default_factory=Intervals)
    refused: Intervals = field(default_factory=Intervals)
    pending: Intervals = field(default_factory=Intervals)
    changed: bool = False
    """Something has to be written down before it is acted on."""
    lags: bool = False
    """Something was stored since the last writing; forgetting that costs one more storing."""

    @property
    def is_fragmented(self) -> bool:
        """Whether it has too many holes to keep one more."""
        return max(len(self.processed), len(self.stored), len(self.refused)) >= INTERVALS_MAX

    def fresh(self, first: int, last: int) -> list[Interval]:
        """Return what the rules have not seen."""
        return self.processed.missing(first, last)

    def unstored(self, first: int, last: int) -> list[Interval]:
        """Return what is neither durable, nor refused, nor on its way to the store."""
        return [
            hole
            for unstored in self.stored.missing(first, last)
            for accepted in self.refused.missing(*unstored)
            for hole in self.pending.missing(*accepted)
        ]

    def is_settled(self, first: int, last: int) -> bool:
        """Say whether all of it is durable or refused, so that it can be acked."""
        return all(self.refused.covers(*hole) for hole in self.stored.missing(first, last))

    def mark_processed(self, first: int, last: int) -> None:
        """Note that the rules have seen this."""
        self.processed.add(first, last)
        self.changed = True

    def mark_refused(self, first: int, last: int) -> None:
        """Note that this will never be stored."""
        self.processed.add(first, last)
        self.refused.add(first, last)
        self.pending.remove(first, last)
        self.changed = True

    def mark_pending(self, first: int, last: int) -> None:
        """Note that this is on its way to the store."""
        self.pending.add(first, last)

    def mark_stored(self, first: int, last: int) -> None:
        """Note that this is durable."""
        self.stored.add(first, last)
        self.pending.remove(first, last)
        self.lags = True

    def drop_pending(self, first: int, last: int) -> None:
        """Note that this did not reach the store and will have to come again."""
        self.pending.remove(first, last)

    def forget_oldest(self) -> None:
        """Make room where there are too many holes: forget the lowest numbers.

        What comes again of them is stored once more, which changes nothing in the store.
        """
        for numbers in (self.processed, self.stored, self.refused):
            while len(numbers) >= INTERVALS_MAX:
                first, last = next(iter(numbers))
                numbers.remove(first, last)
        self.changed = True

    def holes(self) -> list[Interval]:
        """Return the numbers below the greatest seen that have not arrived."""
        return self.processed.missing(1, self.processed.last)
