"""A write to one device with all that belongs to it: its page, the unlocking, the bits to be kept.

The requests of one write follow each other on the bus with nothing in between. Whatever fails
before the one that acts has left the device as it was. What some devices want after it, a command
to take the value or to keep it, is told apart when it fails: `NotConfirmedError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from device_profiles.model_location import Location, Table
from device_profiles.model_section import ModbusSection
from device_profiles.model_upkeep import Page, RawWrite
from device_profiles.registers import DataType, register_count
from device_profiles.write_request import WriteRequest, lay
from edge_agent.modbus.errors import (
    ACKNOWLEDGE,
    DeviceBusyError,
    GarbledError,
    ModbusError,
    NotConfirmedError,
)
from edge_agent.modbus.polled import PolledDevice
from edge_agent.modbus.requests import Request, read_request, write_request

Execute = Callable[[PolledDevice, Request], Awaitable[Sequence[int]]]
"""Sends a request to a device; raises `ModbusError`."""

_NONE: Final = -1


class Connected(Protocol):
    """What tells one connection from the next: `edge_agent.modbus.connection.KeptConnection`."""

    @property
    def connects(self) -> int:
        """How often a connection was made."""


class Pages:
    """Which page each device shows, as far as that is known.

    A device that was lost, or whose connection was, may have begun anew: its page is chosen again.

    Args:
        connection: counts connections.
    """

    def __init__(self, connection: Connected) -> None:
        self._connection = connection
        self._known: dict[str, tuple[PolledDevice, int, int, int]] = {}

    async def select(self, polled: PolledDevice, page: int | None, execute: Execute) -> None:
        """Let a device show a page; None: what is asked for stands on every page.

        Raises:
            ModbusError: it could not be selected; nothing is known of the page any more.
        """
        section = polled.profile.modbus
        if page is None or section.page is None:
            return
        wanted = (polled, polled.returns, self._connection.connects, page)
        if polled.health.failures == 0 and self._known.get(polled.id) == wanted:
            return
        self._known.pop(polled.id, None)
        await execute(polled, page_request(polled.unit_id, section, section.page, page))
        self._known[polled.id] = wanted

    def forget(self, polled: PolledDevice) -> None:
        """Let nothing be known of a device's page."""
        self._known.pop(polled.id, None)


def page_request(unit: int, section: ModbusSection, chooser: Page, page: int) -> Request:
    """Return the write that lets a device show a page."""
    data_type = DataType(chooser.data_type)
    address = section.wire_address(Table.HOLDING, chooser.address)
    place = Location(
        table=Table.HOLDING,
        address=address,
        count=register_count(data_type),
        data_type=data_type,
        byte_order=section.defaults.letters(data_type, None),
        scale=1.0,
        offset=0.0,
    )
    values, _ = lay(place, page, None)
    return write_request(unit, chooser.function, address=address, values=values)


def raw_request(unit: int, section: ModbusSection, write: RawWrite) -> Request:
    """Return the request of a write that the profile gives word by word."""
    address = section.wire_address(write.table, write.address)
    return write_request(unit, write.function, address=address, values=write.words)


async def carry_out(
    polled: PolledDevice,
    plan: WriteRequest,
    *,
    pages: Pages,
    execute: Execute,
    on_acting: Callable[[], None],
) -> Sequence[int]:
    """Write: select the page, read what is to be kept, unlock, and then act.

    Args:
        polled: the device.
        plan: what to write.
        pages: what is known of its page.
        execute: sends.
        on_acting: called just before the request that acts is sent.

    Raises:
        NotConfirmedError: what must follow the write failed.
        ModbusError: one of the requests up to the write failed.
    """
    section = polled.profile.modbus
    await pages.select(polled, plan.page, execute)
    if plan.reads_first:
        plan = plan.over(await _held(polled, plan, execute))
    if plan.unlock:
        for step in section.unlock:
            await execute(polled, raw_request(polled.unit_id, section, step))
    request = write_request(polled.unit_id, plan.function, address=plan.address, values=plan.values)
    on_acting()
    reply = await execute(polled, request)
    for step in plan.then:
        try:
            await execute(polled, raw_request(polled.unit_id, section, step))
        except ModbusError as error:
            if isinstance(error, DeviceBusyError) and error.code == ACKNOWLEDGE:
                continue  # it is doing what it was told
            raise NotConfirmedError(f"written, but then: {error}", place=error.place) from error
    return reply


async def _held(polled: PolledDevice, plan: WriteRequest, execute: Execute) -> Sequence[int]:
    """Return what the registers hold now."""
    request = read_request(polled.unit_id, plan.table, address=plan.address, count=len(plan.values))
    try:
        return await execute(polled, request)
    except GarbledError:  # once more when noise spoilt the answer
        return await execute(polled, request)


__all__ = ["Execute", "ModbusError", "Pages", "carry_out", "raw_request"]
