"""One write to one device, asked for by a person: what `probe --write` sends, after asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from device_profiles.errors import WriteRefusedError
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint, Table
from device_profiles.model_upkeep import RawWrite
from device_profiles.planning import plan_reads
from device_profiles.writing import WriteRequest, allowed_write, plan_write, write_factors
from edge_agent.config import SerialModbus, TcpModbus
from edge_agent.finding.places import line_of
from edge_agent.finding.probing import probe_profile
from edge_agent.modbus.build import make_client
from edge_agent.modbus.client import ModbusClient
from edge_agent.modbus.errors import GarbledError
from edge_agent.modbus.requests import read_request, write_request


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """A write that the profile allows."""

    point: ModbusPoint
    value: float

    @property
    def unit(self) -> str:
        """The point's unit."""
        return self.point.unit


def planned_write(profile: ModbusProfile, name: str, value: float) -> PlannedWrite:
    """Return the write of a value.

    Raises:
        WriteRefusedError: the profile does not allow it.
    """
    point = profile.find(name)
    if point is None:
        raise WriteRefusedError("unknown_point", f"{profile.id} has no point {name}")
    allowed_write(profile, point, value)
    return PlannedWrite(point, value)


async def send_write(
    link: SerialModbus | TcpModbus, profile: ModbusProfile, unit: int, planned: PlannedWrite
) -> None:
    """Send it, with the writes that belong to it (page, unlocking, what must follow).

    Raises:
        ModbusError: the device did not take it.
        WriteRefusedError: a factor that it needs could not be read.
    """
    known = await _factors(link, profile, unit, planned.point)
    request = plan_write(profile, planned.point, planned.value, known=known)
    client = make_client(link, [profile])
    await client.connect()
    try:
        await _read_first(client, profile, unit, planned.point)
        await _prepare(client, profile, unit, request)
        if request.reads_first:
            read = read_request(unit, "holding", address=request.address, count=len(request.values))
            held = await client.execute(read)
            if len(held) != len(request.values):
                raise GarbledError("an answer of another length than asked for")
            request = request.over(held)
        await _write(client, unit, request.function, request.address, request.values)
        await _send_raw(client, profile, unit, request.then)
    finally:
        client.close()


async def _read_first(
    client: ModbusClient, profile: ModbusProfile, unit: int, point: ModbusPoint
) -> None:
    """Read something before writing: is it there, and does the line echo?

    The answer to a single write is the request itself, so an echo can only be told by a read.
    """
    fixed = [
        one
        for one in (point, *profile.points)
        if one.read is not None and one.read.page is None and not one.read.block
    ]
    for wanted in plan_reads(profile, fixed[:1]):
        read = read_request(unit, wanted.table, address=wanted.address, count=wanted.count)
        await client.execute(read)


async def _factors(
    link: SerialModbus | TcpModbus, profile: ModbusProfile, unit: int, point: ModbusPoint
) -> dict[str, float]:
    names = write_factors(point)
    if not names:
        return {}
    line = line_of(link, [profile])
    await line.open()
    try:
        result = await probe_profile(line, unit, profile, timeout_s=link.timeout_s, only=names)
    finally:
        line.close()
    tried = (result.outcome.value_of(name) for name in names)
    return {one.point: one.value for one in tried if one is not None and one.value is not None}


async def _prepare(
    client: ModbusClient, profile: ModbusProfile, unit: int, request: WriteRequest
) -> None:
    section = profile.modbus
    if request.page is not None and section.page is not None:
        page = section.page
        table_address = section.wire_address(Table.HOLDING, page.address)
        wide = page.data_type == "uint32"
        words = (request.page >> 16, request.page & 0xFFFF) if wide else (request.page,)
        await _write(client, unit, page.function, table_address, words)
    if request.unlock:
        await _send_raw(client, profile, unit, section.unlock)


async def _send_raw(
    client: ModbusClient, profile: ModbusProfile, unit: int, writes: Sequence[RawWrite]
) -> None:
    for one in writes:
        address = profile.modbus.wire_address(one.table, one.address)
        await _write(client, unit, one.function, address, one.words)


async def _write(
    client: ModbusClient, unit: int, function: int, address: int, values: tuple[int, ...]
) -> None:
    await client.execute(write_request(unit, function, address=address, values=values))
