"""Reading a device once, for a person to look at: values with what the device sent for them.

By reading requests only. What tells variants, counts and SunSpec models apart is read first; what
was refused is asked for again in halves, and a device that is busy a few times more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from campus_wire.quality import Quality
from device_profiles.combining import Combiner
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint, Table
from device_profiles.model_point import Point
from device_profiles.planning import plan_reads
from device_profiles.references import inputs_of
from device_profiles.register_dump import RegisterDump
from device_profiles.resolving import introduction
from device_profiles.sunspec_walk import SunSpecWalk
from device_profiles.trying import Outcome, Tried, resolved_by, try_registers
from edge_agent.config import SerialModbus, TcpModbus
from edge_agent.modbus.client import ModbusClient
from edge_agent.modbus.errors import (
    REFUSED,
    DeviceBusyError,
    DeviceExceptionError,
    ModbusError,
    NoAnswerError,
    NotConnectedError,
)
from edge_agent.modbus.requests import read_request

_BUSY_TRIES: Final = 5
_BUSY_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class PointReading:
    """One point: its value and quality, and the registers or bits it came from."""

    point: str
    value: float | None
    quality: Quality
    raw: tuple[int, ...] = ()
    place: str = ""
    """`holding 80` or `input 1-2`, as addresses on the wire; empty for what is made of others."""
    problem: str = ""
    """Why there is no value, where the quality does not say enough."""
    text: str | None = None
    """What the point says in words."""


@dataclass(frozen=True, slots=True)
class Target:
    """One device to read."""

    name: str
    profile: ModbusProfile
    points: tuple[Point, ...]
    unit_id: int
    link: SerialModbus | TcpModbus


@dataclass(frozen=True, slots=True)
class DeviceResult:
    """What one device said."""

    target: Target
    readings: tuple[PointReading, ...]

    @property
    def is_good(self) -> bool:
        """Whether every value is good."""
        return all(reading.quality is Quality.GOOD for reading in self.readings)


class NeedsWritingError(ModbusError):
    """The point stands on a page that only writing selects."""

    slug = "page"
    quality = Quality.NEVER_READ


async def read_once(
    client: ModbusClient, profile: ModbusProfile, points: Sequence[ModbusPoint], *, unit_id: int
) -> list[PointReading]:
    """Read points of a device, in few requests; a failure is a reading of bad quality.

    After silence, or without connection, the requests that are left are not tried. Points that this
    very device does not have (another variant, a block that is not there) are left out.
    """
    asking = _Asking(client, unit_id, profile.modbus.response_timeout_s)
    plain = await _introduced(asking, profile)
    names = {point.name for point in points}
    wanted = [point for point in plain.points if point.name in names]
    numbers = [point for point in wanted if point.is_readable and not point.is_text]
    combiner = Combiner.of(plain, numbers)
    asked = names if combiner is None else names.union(combiner.needs)
    await asking.read(plain, [point for point in plain.points if point.name in asked])
    outcome = try_registers(profile, asking.dump)
    order = {point.name: at for at, point in enumerate(points)}
    readings = [_reading(plain, point, outcome, asking.failures) for point in wanted]
    return sorted(readings, key=lambda reading: order[reading.point])


async def _introduced(asking: _Asking, profile: ModbusProfile) -> ModbusProfile:
    """Return the profile of this very device, after asking what tells devices apart."""
    first = introduction(profile)
    if first is None:
        return profile
    if first.walks_sunspec and profile.modbus.sunspec is not None:
        walk = SunSpecWalk(profile.modbus.sunspec)
        while (place := walk.next()) is not None:
            raw = await asking.ask(*place)
            walk.feed(None if isinstance(raw, ModbusError) else raw)
    begun, _ = resolved_by(profile, asking.dump)
    await asking.read(begun, [point for point in begun.points if point.name in first.points])
    plain, _ = resolved_by(profile, asking.dump)
    return plain


class _Asking:
    """The requests to one device, until it falls silent."""

    def __init__(self, client: ModbusClient, unit_id: int, timeout_s: float | None) -> None:
        self.dump = RegisterDump()
        self.failures: dict[str, ModbusError] = {}
        self._client = client
        self._unit_id = unit_id
        self._timeout_s = timeout_s
        self._ended: ModbusError | None = None

    async def read(self, profile: ModbusProfile, points: Sequence[ModbusPoint]) -> None:
        """Read points into the dump; why some cannot be read is in `failures`."""
        readable = []
        for point in points:
            if point.read is not None and point.read.page is not None:
                self.failures[point.name] = NeedsWritingError("on a page that writing selects")
            elif point.read is not None:
                readable.append(point)
        for request in plan_reads(profile, readable):
            raw = await self.ask(request.table, request.address, request.count)
            if not isinstance(raw, ModbusError):
                continue
            refused = isinstance(raw, DeviceExceptionError) and raw.code in REFUSED
            if refused and len(request.points) > 1:
                half = len(request.points) // 2
                await self.read(profile, request.points[:half])
                await self.read(profile, request.points[half:])
            else:
                self.failures |= {point.name: raw for point in request.points}

    async def ask(self, table: Table, address: int, count: int) -> Sequence[int] | ModbusError:
        """Return registers or bits, or why there are none."""
        if self._ended is not None:
            return self._ended
        try:
            raw = await self._execute(table, address, count)
        except ModbusError as error:
            if isinstance(error, NoAnswerError | NotConnectedError):
                self._ended = error
            return error
        self.dump.add(table, address, raw)
        return raw

    async def _execute(self, table: Table, address: int, count: int) -> Sequence[int]:
        if not self._client.connected:
            await self._client.connect()
        request = read_request(self._unit_id, table, address=address, count=count)
        for _ in range(_BUSY_TRIES):
            try:
                return await self._client.execute(request, self._timeout_s)
            except DeviceBusyError:
                await asyncio.sleep(_BUSY_PAUSE_S)
        return await self._client.execute(request, self._timeout_s)


def _reading(
    profile: ModbusProfile, point: ModbusPoint, outcome: Outcome, failures: dict[str, ModbusError]
) -> PointReading:
    tried, text = outcome.value_of(point.name), outcome.text_of(point.name)
    place, raw = _place(profile, point), _raw(tried)
    if text is not None:
        return PointReading(point.name, None, Quality.GOOD, raw, place, text=text)
    if tried is not None:
        return PointReading(point.name, tried.value, tried.quality, raw, place)
    sources = (point.name, *inputs_of(point))
    failure = next((failures[name] for name in sources if name in failures), None)
    if failure is not None:
        return PointReading(point.name, None, failure.quality, place=place, problem=str(failure))
    missing = next((one.reason for one in outcome.undecoded if one.point == point.name), "")
    return PointReading(point.name, None, Quality.UNDECODABLE, place=place, problem=missing)


def _raw(tried: Tried | None) -> tuple[int, ...]:
    return tried.origin.raw if tried is not None and tried.origin is not None else ()


def _place(profile: ModbusProfile, point: ModbusPoint) -> str:
    if point.read is None:
        return ""
    location = profile.read_location(point)
    last = location.address + location.count - 1
    span = f"-{last}" if last > location.address else ""
    return f"{location.table} {location.address}{span}"
