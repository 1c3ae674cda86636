"""Reading a device once, for a person to look at: values with what the device sent for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_point import Point
from edge_agent.config import SerialModbus, TcpModbus
from edge_agent.modbus.client import ModbusClient
from edge_agent.modbus.errors import ModbusError, NoAnswerError, NotConnectedError
from edge_agent.modbus.plan import Part, PlannedRead, ReadPlanner


@dataclass(frozen=True, slots=True)
class PointReading:
    """One point: its value and quality, and the registers or bits it came from."""

    point: str
    value: float | None
    quality: Quality
    raw: tuple[int, ...] = ()
    place: str = ""
    """`holding 80` or `input 1-2`, as addresses on the wire."""
    problem: str = ""
    """Why there is no value, where the quality does not say enough."""


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


async def read_once(
    client: ModbusClient, profile: ModbusProfile, points: Sequence[ModbusPoint], *, unit_id: int
) -> list[PointReading]:
    """Read points of a device, in few requests; a failure is a reading of bad quality.

    After silence, or without connection, the requests that are left are not tried.
    """
    readings: list[PointReading] = []
    failure: ModbusError | None = None
    if not client.connected:
        try:
            await client.connect()
        except NotConnectedError as error:
            failure = error
    for planned in ReadPlanner().plan(profile, points):
        if failure is not None:
            readings += _bad(profile, planned, failure)
            continue
        part = Part(unit_id, planned)
        try:
            raw = await client.execute(part.request)
        except ModbusError as error:
            readings += _bad(profile, planned, error)
            if isinstance(error, NoAnswerError | NotConnectedError):
                failure = error
        else:
            readings += _good(profile, planned, raw)
    order = {point.name: at for at, point in enumerate(points)}
    return sorted(readings, key=lambda reading: order[reading.point])


def _good(profile: ModbusProfile, planned: PlannedRead, raw: Sequence[int]) -> list[PointReading]:
    values, qualities = planned.decoder.decode(raw)
    readings = []
    for point, value, quality in zip(planned.asked.points, values, qualities, strict=True):
        location = profile.read_location(point)
        first = location.address - planned.asked.address
        sent = tuple(raw[first : first + location.count])
        readings.append(
            PointReading(point.name, value, Quality(quality), sent, _place(profile, point))
        )
    return readings


def _bad(profile: ModbusProfile, planned: PlannedRead, error: ModbusError) -> list[PointReading]:
    return [
        PointReading(
            point.name, None, error.quality, place=_place(profile, point), problem=str(error)
        )
        for point in planned.asked.points
    ]


def _place(profile: ModbusProfile, point: ModbusPoint) -> str:
    location = profile.read_location(point)
    last = location.address + location.count - 1
    span = f"-{last}" if last > location.address else ""
    return f"{location.table} {location.address}{span}"
