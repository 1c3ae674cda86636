"""What a device was found to refuse: its largest request, and addresses it does not have (pure).

A device that refuses a request as a whole (exceptions 2 and 3) has most of what was asked for: one
register of it is missing, or a hole that was read over, or there were too many. `find_out` asks for
halves until it is known which; their answers are values like any others.

The largest request is then between the largest that was answered and the smallest that was refused.
Plans try the middle of the two until there is nothing between, or nothing to win.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from device_profiles.model_modbus import ModbusPoint, Table
from device_profiles.planning import AddressRange, ReadLimits, ReadRequest

REFUSALS: Final = frozenset({2, 3})
"""Illegal data address, illegal data value: what devices say to requests they will not serve."""
PROBES_MAX: Final = 40
"""Requests spent at a time on finding out; what is not known then is gone on with next time."""
RANGES_MAX: Final = 200
"""More places than this are not kept apart: the device is then read without holes."""

Search = Generator[ReadRequest, bool, None]
"""Yields what to ask for; is sent whether it was answered."""


@dataclass(slots=True)
class Size:
    """The largest request of one kind of table, in registers or bits."""

    answered: int = 0
    """The largest that was answered."""
    refused: int | None = None
    """The smallest that was refused for its size."""

    @property
    def limit(self) -> int | None:
        """Return the largest request that plans may have; None: as large as the profile says."""
        if self.refused is None:
            return None
        return max((self.answered + self.refused) // 2, self.answered, 1)


class Learned:
    """What was learnt of one device.

    `identity` says what it was learnt of: model and firmware. Another identity begins anew.
    """

    __slots__ = ("bits", "identity", "refused", "words")

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.words = Size()
        self.bits = Size()
        self.refused: tuple[AddressRange, ...] = ()

    @property
    def limits(self) -> ReadLimits:
        """What plans have to keep to."""
        return ReadLimits(self.words.limit, self.bits.limit, self.refused)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing worth keeping."""
        return not self.refused and self.words.refused is None and self.bits.refused is None

    def size(self, table: Table) -> Size:
        """Return what is known of the largest request of a table."""
        return self.bits if table.holds_bits else self.words

    def answered(self, asked: ReadRequest) -> bool:
        """Note that a request was answered; True when plans may change by it."""
        size = self.size(asked.table)
        larger = asked.count > size.answered
        if larger:
            size.answered = asked.count
            if size.refused is not None and size.refused <= asked.count:
                size.refused = None  # refused for another reason then, or the device has changed
        first, last = asked.address, asked.address + asked.count - 1
        kept = tuple(
            one
            for one in self.refused
            if one.table is not asked.table or one.last < first or one.first > last
        )
        freed = len(kept) < len(self.refused)
        self.refused = kept
        return freed or (larger and size.refused is not None)

    def refuses(self, table: Table, first: int, last: int) -> None:
        """Note that no request may hold these addresses."""
        found = AddressRange(table, first, last)
        if found not in self.refused:
            self.refused = (*self.refused, found)[-RANGES_MAX:]

    def too_large(self, asked: ReadRequest) -> None:
        """Note that a request was refused for its size alone."""
        size = self.size(asked.table)
        size.answered = min(size.answered, asked.count - 1)
        size.refused = asked.count if size.refused is None else min(size.refused, asked.count)


def find_out(refused: ReadRequest, learned: Learned, places: Places) -> Search:
    """Find out why a request was refused, and note it in `learned`.

    Args:
        refused: the request; it had been asked for as it is.
        learned: is told what was found. Answers are noted there by whoever asks.
        places: where points lie on the wire.
    """
    cut = _cut(refused, places)
    if cut is None:
        learned.refuses(refused.table, refused.address, refused.address + refused.count - 1)
        return
    halves, hole = cut
    left, right = halves
    left_answered = yield left
    right_answered = yield right
    if not left_answered:
        yield from find_out(left, learned, places)
    if not right_answered:
        yield from find_out(right, learned, places)
    if not (left_answered and right_answered):
        return
    is_small = refused.count <= learned.size(refused.table).answered
    if hole is None and is_small:
        learned.refuses(right.table, right.address, right.address - 1)  # a seam
    elif hole is not None and (is_small or not (yield hole)):
        learned.refuses(hole.table, hole.address, hole.address + hole.count - 1)
    else:
        learned.too_large(refused)


def find_size(unanswered: ReadRequest, learned: Learned, places: Places) -> Search:
    """Find out whether a request stayed without answer for its size, and note that if so.

    Silence may mean anything, so it is asked once in two pieces, and only two answers are a proof.
    """
    cut = _cut(unanswered, places)
    if cut is None:
        return
    halves, _ = cut
    for half in halves:
        if not (yield half):
            return
    learned.too_large(unanswered)


class Places:
    """Where the points of requests lie: first address and the one after the last."""

    __slots__ = ("_spans",)

    def __init__(self, spans: dict[str, tuple[int, int]]) -> None:
        self._spans = spans

    def span(self, point: ModbusPoint) -> tuple[int, int]:
        """Return where a point begins, and the address after its end."""
        return self._spans[point.name]


_Cut = tuple[tuple[ReadRequest, ReadRequest], ReadRequest | None]


def _cut(asked: ReadRequest, places: Places) -> _Cut | None:
    """Cut a request in two between points; at its widest hole if it has one, else in the middle.

    Return the pieces and the hole between them; None where no cut can be made.
    """
    best: tuple[int, float, int, int] | None = None
    spans = [places.span(point) for point in asked.points]
    middle = asked.address + asked.count / 2
    end = spans[0][1]
    for at, (first, after) in enumerate(spans[1:], start=1):
        if first >= end:
            cut = (first - end, -abs(first - middle), at, end)
            best = cut if best is None else max(best, cut)
        end = max(end, after)
    if best is None:
        return None
    width, _, at, left_end = best
    right_start = left_end + width
    left = _piece(asked, asked.points[:at], asked.address, left_end)
    right = _piece(asked, asked.points[at:], right_start, asked.address + asked.count)
    return (left, right), _piece(asked, (), left_end, right_start) if width else None


def _piece(
    asked: ReadRequest, points: tuple[ModbusPoint, ...], first: int, after: int
) -> ReadRequest:
    return ReadRequest(asked.table, first, after - first, points, asked.page, asked.interval_s)
