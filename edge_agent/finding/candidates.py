"""Profiles prepared for being compared with a device (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint, Table
from device_profiles.planning import plan_reads
from edge_agent.finding.plausibility import Spot

_WINDOW_REGISTERS: Final = 12
_WINDOWS_PER_PROFILE: Final = 5
_SINGLES_PER_TABLE: Final = 12
"""Single values that are looked at to tell which addresses a device has at all."""
_SPOTS_MAX: Final = 400
_REFUSED: Final = -4.0
_SILENT: Final = -2.0
_REFUSED_OUTSIDE: Final = 0.6
ILLEGAL_FUNCTION: Final = 1
BUSY: Final = frozenset({5, 6})


@dataclass(frozen=True, slots=True)
class Wanted:
    """One read, on the wire."""

    table: Table
    address: int
    count: int

    @property
    def text(self) -> str:
        """`input 1-2`."""
        last = self.address + self.count - 1
        return f"{self.table} {self.address}" + (f"-{last}" if self.count > 1 else "")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one read brought: words, a refusal (with its code), or silence."""

    asked: Wanted
    words: tuple[int, ...] | None = None
    code: int = 0


class Candidate:
    """A profile, prepared for being looked at."""

    def __init__(self, profile: ModbusProfile) -> None:
        self.profile = profile
        self.has_sunspec = profile.modbus.sunspec is not None
        self.models = {
            model
            for point in profile.points
            if point.read is not None
            for model in point.read.block
        }
        """SunSpec models that its points stand in."""
        readable = [
            point for point in profile.points if _is_fixed(point, has_sunspec=self.has_sunspec)
        ]
        self.spots: dict[Table, list[Spot]] = {}
        self.mapped: dict[Table, set[int]] = {}
        self._at: dict[Table, dict[int, list[Spot]]] = {}
        for point in readable[:_SPOTS_MAX]:
            place = profile.read_location(point)
            spot = Spot(profile, point, place)
            self.spots.setdefault(place.table, []).append(spot)
            self.mapped.setdefault(place.table, set()).update(range(spot.first, spot.end))
            own = self._at.setdefault(place.table, {})
            for address in range(spot.first, spot.end):
                own.setdefault(address, []).append(spot)
        self.windows = _windows(profile, self.spots)
        self.singles = [
            Wanted(spot.table, spot.first, spot.count)
            for some in self.spots.values()
            for spot in some[:_SINGLES_PER_TABLE]
            if not profile.modbus.is_forbidden(spot.table, spot.first, spot.end - 1)
        ]

    def covers(self, asked: Wanted) -> bool:
        """Say whether the map has every address of a read.

        Who gives one value at a time has whole values only, and refuses halves of them.
        """
        if self.profile.modbus.one_request_per_field:
            return any(
                (spot.first, spot.count) == (asked.address, asked.count)
                for spot in self.spots.get(asked.table, ())
            )
        mapped = self.mapped.get(asked.table)
        return mapped is not None and mapped.issuperset(
            range(asked.address, asked.address + asked.count)
        )

    def about(self, table: Table, addresses: Iterable[int]) -> list[Spot]:
        """Return the points that have any of these addresses."""
        at = self._at.get(table, {})
        return list(dict.fromkeys(spot for one in addresses for spot in at.get(one, ())))

    def bits_of_refusal(self, seen: Seen, share: float) -> float:
        """Return what it says that a read was refused, or not answered.

        Args:
            seen: the read.
            share: of reads that this device refuses; who refuses nearly all tells little by it.
        """
        if seen.code in BUSY:
            return 0.0
        inside = self.covers(seen.asked)
        if seen.code == ILLEGAL_FUNCTION:
            inside = seen.asked.table in self.mapped
        elif not seen.code:
            return _SILENT if inside else 0.0
        return _REFUSED if inside else min(_REFUSED_OUTSIDE, -math.log2(share))


def _is_fixed(point: ModbusPoint, *, has_sunspec: bool) -> bool:
    """Say whether a point stands at an address of its own that can be read without writing."""
    read = point.read
    if read is None:
        return False
    return read.page is None and not read.block and not has_sunspec


def _windows(profile: ModbusProfile, spots: Mapping[Table, Sequence[Spot]]) -> list[Wanted]:
    """Return the few reads that say most about a profile."""
    told: list[tuple[float, Wanted]] = []
    for table, some in spots.items():
        by_point = {spot.point.name: spot for spot in some}
        requests = plan_reads(profile, [spot.point for spot in some])
        for request in requests:
            inside = [by_point[point.name] for point in request.points if point.name in by_point]
            told += [_told(table, group) for group in _chunks(inside, bits=table.holds_bits)]
    told.sort(key=lambda one: -one[0])
    return [wanted for _, wanted in told[:_WINDOWS_PER_PROFILE]]


def _chunks(spots: Sequence[Spot], *, bits: bool) -> Iterable[list[Spot]]:
    most = _WINDOW_REGISTERS * (16 if bits else 1)
    group: list[Spot] = []
    for spot in sorted(spots, key=lambda one: (one.first, one.end)):
        if group and spot.end - group[0].first > most:
            yield group
            group = []
        group.append(spot)
    if group:
        yield group


def _told(table: Table, group: Sequence[Spot]) -> tuple[float, Wanted]:
    first = min(spot.first for spot in group)
    end = max(spot.end for spot in group)
    surprise = sum(spot.surprise for spot in group) + 0.1
    return surprise, Wanted(table, first, end - first)
