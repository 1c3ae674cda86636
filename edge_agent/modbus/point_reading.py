"""Reading one point now, with all that it is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from campus_wire.quality import Quality
from device_profiles.decoding import Columns, Reading
from device_profiles.model_modbus import ModbusPoint
from device_profiles.references import inputs_of
from edge_agent.modbus.plan import Part
from edge_agent.modbus.polled import PolledDevice

Ask = Callable[[Part], Awaitable[Columns]]
"""Asks for a part of a device; raises `ModbusError`."""


async def read_point(polled: PolledDevice, point: ModbusPoint, ask: Ask) -> Reading:
    """Return what a point shows now; inputs that are read rarely are taken as remembered.

    Raises:
        ModbusError: a request failed.
    """
    if not inputs_of(point):
        return await _read_alone(polled, point, ask)
    from device_profiles.combining import Combiner  # noqa: PLC0415

    profile = polled.profile
    combiner = Combiner.of(profile, [point])
    assert combiner is not None, f"{point.name} is made of others"
    known: dict[str, Reading] = {}
    for name in combiner.needs:
        input_ = profile.find(name)
        assert input_ is not None, "a plain profile has the inputs of its points"
        known[name] = polled.remembered(name) or await _read_alone(polled, input_, ask)
    [reading] = combiner.combine(known)
    return reading


async def read_factors(polled: PolledDevice, names: tuple[str, ...], ask: Ask) -> dict[str, float]:
    """Return the values of points that a write needs to know; those without value are left out.

    Raises:
        ModbusError: a request failed.
    """
    values = {}
    for name in names:
        point = polled.profile.find(name)
        if point is None:
            continue
        reading = await read_point(polled, point, ask)
        if reading.value is not None:
            values[name] = reading.value
    return values


async def _read_alone(polled: PolledDevice, point: ModbusPoint, ask: Ask) -> Reading:
    part = polled.part_for(point)
    values, qualities = await ask(part)
    if not values:
        return Reading(point.name, None, Quality.UNDECODABLE)
    return Reading(point.name, values[0], qualities[0])
