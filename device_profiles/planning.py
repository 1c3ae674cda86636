"""Points into few requests.

Points that touch or overlap share a request. Points at 1, 2, 3 and 5 give two requests, 1–3 and 5;
with `bridge_registers=1` they give one, 1–5, that reads register 4 in vain. Whether that pays is a
matter of baud rate and turnaround, so the caller says how far a hole may be bridged.

No request crosses a forbidden range, splits a value, or is larger than the device takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Location, ModbusPoint, Table

BITS_PER_REGISTER: Final = 16
"""A hole of bits costs as much bus time as one of registers that is 16 times shorter."""

_ORDER: Final = {table: index for index, table in enumerate(Table)}


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One read: `count` registers (or bits) from `address` on the wire."""

    table: Table
    address: int
    count: int
    points: tuple[ModbusPoint, ...]
    """In the order of their addresses; all lie within the request."""

    @property
    def function(self) -> int:
        """The function code: 1, 2, 3 or 4."""
        return self.table.read_function


def plan_reads(
    profile: ModbusProfile, points: Iterable[ModbusPoint], *, bridge_registers: int = 0
) -> tuple[ReadRequest, ...]:
    """Return the requests that read these points, each point in exactly one of them.

    Points that cannot be read are left out. Requests come by table and address.

    Args:
        profile: whose limits and forbidden ranges hold.
        points: of that profile.
        bridge_registers: the largest hole, in registers, that is read over.
    """
    placed = [(profile.read_location(point), point) for point in points if point.is_readable]
    placed.sort(key=lambda one: (_ORDER[one[0].table], one[0].address, one[0].count))
    requests: list[_Open] = []
    for place, point in placed:
        if not requests or not requests[-1].takes(profile, place, bridge_registers):
            requests.append(_Open(place.table, place.address, place.address, []))
        requests[-1].add(place, point)
    return tuple(request.closed() for request in requests)


@dataclass(slots=True)
class _Open:
    """A request that may still grow; `end` is the address after its last."""

    table: Table
    address: int
    end: int
    points: list[ModbusPoint]

    def takes(self, profile: ModbusProfile, place: Location, bridge_registers: int) -> bool:
        section = profile.modbus
        if section.one_request_per_field:
            same = (place.address, place.count) == (self.address, self.end - self.address)
            return place.table is self.table and same
        if place.table is not self.table:
            return False
        bits = self.table.holds_bits
        bridge = bridge_registers * (BITS_PER_REGISTER if bits else 1)
        limit = (
            section.max_bit_registers_per_request
            if bits
            else section.max_word_registers_per_request
        )
        end = max(self.end, place.address + place.count)
        hole = place.address - self.end
        return (
            hole <= bridge
            and end - self.address <= limit
            and not (hole > 0 and section.is_forbidden(self.table, self.end, place.address - 1))
        )

    def add(self, place: Location, point: ModbusPoint) -> None:
        self.end = max(self.end, place.address + place.count)
        self.points.append(point)

    def closed(self) -> ReadRequest:
        count = self.end - self.address
        return ReadRequest(self.table, self.address, count, tuple(self.points))
