"""Points into few requests, at the least cost.

Points that touch or overlap share a request. Points at 1, 2, 3 and 5 give two requests, 1-3 and 5;
with `bridge_registers=1` they give one, 1-5, that reads register 4 in vain. Whether that pays is a
matter of baud rate and turnaround, so the caller says what one more request costs, in registers.

No request crosses a forbidden or refused range, splits a value, is larger than the device takes, or
mixes pages or polling intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, Literal

from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Location, ModbusPoint, Table

BITS_PER_REGISTER: Final = 16
"""A hole of bits costs as much bus time as one of registers that is 16 times shorter."""
_HAIR: Final = 1 / 64
"""Less than one bit, in registers: a hole as wide as the bridge is read over, a wider one not."""

_ORDER: Final = {table: index for index, table in enumerate(Table)}

Rhythm = float | Literal["once"] | None
"""A point's own polling interval in seconds; None: that of its device."""


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses on the wire, both included."""

    table: Table
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a device was found to refuse, beside what its profile says."""

    max_word_registers: int | None = None
    max_bit_registers: int | None = None
    refused: tuple[AddressRange, ...] = ()
    """Never read over; a point on such an address is asked for alone. An empty range, whose `last`
    lies before `first`, is a seam: no request runs over `first - 1` and `first`."""

    def largest(self, profile: ModbusProfile, table: Table) -> int:
        """Return the largest request of a table, in registers or bits."""
        section = profile.modbus
        if table.holds_bits:
            said, found = section.max_bit_registers_per_request, self.max_bit_registers
        else:
            said, found = section.max_word_registers_per_request, self.max_word_registers
        return said if found is None else min(said, found)


NO_LIMITS: Final = ReadLimits()


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One read: `count` registers (or bits) from `address` on the wire."""

    table: Table
    address: int
    count: int
    points: tuple[ModbusPoint, ...]
    """In the order of their addresses; all lie within the request."""
    page: int | None = None
    """To be selected before; None: there are no pages."""
    interval_s: Rhythm = None
    """None: as often as the device."""

    @property
    def function(self) -> int:
        """The function code: 1, 2, 3 or 4."""
        return self.table.read_function

    @property
    def registers(self) -> float:
        """What its reply carries, in registers."""
        return self.count / BITS_PER_REGISTER if self.table.holds_bits else float(self.count)


def plan_reads(
    profile: ModbusProfile,
    points: Iterable[ModbusPoint],
    *,
    bridge_registers: float = 0,
    limits: ReadLimits = NO_LIMITS,
) -> tuple[ReadRequest, ...]:
    """Return the requests that read these points, each point in exactly one of them.

    No other plan has a lower sum of `bridge_registers` for each request and one for each register
    (a sixteenth for each bit). Points that cannot be read are left out. Requests come by table,
    page, interval and address.

    Args:
        profile: whose limits and forbidden ranges hold.
        points: of that profile.
        bridge_registers: what one more request costs, in registers: the largest hole read over.
        limits: what the device was found to refuse.
    """
    placed = [
        _Placed(profile.read_location(point), point) for point in points if point.read is not None
    ]
    placed.sort(key=_Placed.order)
    requests: list[ReadRequest] = []
    for _, group in groupby(placed, key=_Placed.group):
        requests += _Shelf(profile, list(group), limits, bridge_registers).requests()
    return tuple(requests)


def plan_cost(requests: Iterable[ReadRequest], *, bridge_registers: float) -> float:
    """Return what a plan costs, in registers; what `plan_reads` makes as low as can be."""
    return sum(bridge_registers + one.registers for one in requests)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A point where it lives."""

    place: Location
    point: ModbusPoint

    @property
    def end(self) -> int:
        return self.place.address + self.place.count

    def group(self) -> tuple[int, int, float]:
        page = -1 if self.place.page is None else self.place.page
        rhythm = -1.0 if self.point.interval_s is None else self.point.interval_s
        return _ORDER[self.place.table], page, float("inf") if rhythm == "once" else rhythm

    def order(self) -> tuple[tuple[int, int, float], int, int]:
        return self.group(), self.place.address, self.place.count


class _Shelf:
    """The points of one table, page and interval, by address, and how they may be taken together.

    Cutting this order into runs loses nothing: where two requests' points interleave, a point can
    always change over to the other request without making either longer.
    """

    def __init__(
        self,
        profile: ModbusProfile,
        placed: Sequence[_Placed],
        limits: ReadLimits,
        bridge_registers: float,
    ) -> None:
        self._placed = placed
        self._table = table = placed[0].place.table
        self._largest = limits.largest(profile, table)
        self._alone = profile.modbus.one_request_per_field
        self._unit = 1 / BITS_PER_REGISTER if table.holds_bits else 1.0
        self._request = bridge_registers + _HAIR
        section = profile.modbus
        refused = [one for one in limits.refused if one.table is table]
        self._seams = [one.first for one in refused if one.last < one.first]
        self._blocked = [(one.first, one.last) for one in refused if one.last >= one.first]
        self._bad = [self._is_blocked(one.place.address, one.end) for one in placed]
        self._starts = [one.place.address for one in placed]
        self._ends = [one.end for one in placed]
        self._blocked += [
            (section.wire_address(table, one.first), section.wire_address(table, one.last))
            for one in section.forbidden
            if one.input_type is table
        ]
        pairs = zip([self._starts[0], *self._ends], self._starts, strict=False)
        self._joins = [self._may_join(end, address) for end, address in pairs]
        """Whether a run that ends with one value may go on with the next."""

    def requests(self) -> list[ReadRequest]:
        """Return the cheapest cut into requests (dynamic programming over its last request)."""
        count = len(self._placed)
        cost = [0.0] + [float("inf")] * count
        begun = [0] * (count + 1)
        for first in range(count):
            request = cost[first] + self._request
            for after, length in self._runs(first):
                sum_ = request + length * self._unit
                if sum_ <= cost[after] + _HAIR / 1024:  # of equal cuts the one with long beginnings
                    cost[after], begun[after] = sum_, first
        cuts = [count]
        while cuts[-1] > 0:
            cuts.append(begun[cuts[-1]])
        cuts.reverse()
        return [self._request_of(first, after) for first, after in pairwise(cuts)]

    def _runs(self, first: int) -> list[tuple[int, int]]:
        """Return every run from point `first` on: the index after its last, and its length."""
        starts, ends, bad, joins = self._starts, self._ends, self._bad, self._joins
        start, end = starts[first], ends[first]
        alone = self._alone or bad[first]
        runs = [(first + 1, end - start)]
        for at in range(first + 1, len(starts)):
            address, after = starts[at], ends[at]
            if alone or bad[at]:
                if address != start or after != end:
                    break
            else:
                # Where values lie within others, the last one does not tell where the run ends.
                joined = joins[at] if end == ends[at - 1] else self._may_join(end, address)
                end = max(end, after)
                if not joined or end - start > self._largest:
                    break
            runs.append((at + 1, end - start))
        return runs

    def _may_join(self, end: int, address: int) -> bool:
        return address < end or self._may_cross(end, address)

    def _may_cross(self, end: int, address: int) -> bool:
        return (
            (address - end) * self._unit <= self._request
            and not any(end <= seam <= address for seam in self._seams)
            and not (address > end and self._is_blocked(end, address))
        )

    def _is_blocked(self, first: int, after: int) -> bool:
        return any(low < after and high >= first for low, high in self._blocked)

    def _request_of(self, first: int, after: int) -> ReadRequest:
        run = self._placed[first:after]
        start = run[0].place.address
        count = max(one.end for one in run) - start
        points = tuple(one.point for one in run)
        return ReadRequest(
            self._table, start, count, points, run[0].place.page, points[0].interval_s
        )
