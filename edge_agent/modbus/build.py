"""From a bus of the configuration to a `ModbusBus`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from device_profiles.model import ModbusProfile
from edge_agent.config import BusConfig, SerialModbus, TcpModbus
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.bus import ModbusBus
from edge_agent.modbus.client import ModbusClient
from edge_agent.modbus.framing import MbapFraming, RtuFraming
from edge_agent.modbus.links import Link, SerialLink, TcpLink
from edge_agent.modbus.plan import ReadPlanner
from edge_agent.ports import EdgeClock, SampleSink

REQUEST_CHARACTERS: Final = 13
"""A read request, and what its reply carries beside registers: 8 and 5 characters."""
TURNAROUND_S: Final = 0.005
"""What a quick device takes to answer; JUMO documents 5 to 35 ms."""
BRIDGE_ON_TCP: Final = 32
"""A request more costs a round trip, a register more next to nothing."""
BRIDGE_MAX: Final = 120


def make_bus(
    config: BusConfig,
    devices: Sequence[ModbusDevice],
    *,
    sink: SampleSink,
    clock: EdgeClock,
    planner: ReadPlanner | None = None,
) -> ModbusBus:
    """Return the bus with its connection, not yet opened; many buses share one planner."""
    link = config.modbus
    bridge = link.bridge_registers
    return ModbusBus(
        config.id,
        make_client(link, [device.profile for device in devices]),
        devices,
        sink=sink,
        clock=clock,
        planner=planner,
        bridge_registers=best_bridge(make_link(link)) if bridge is None else bridge,
        reopens=isinstance(link, TcpModbus),
    )


def make_client(link: SerialModbus | TcpModbus, profiles: Sequence[ModbusProfile]) -> ModbusClient:
    """Return a client with the pauses that the most demanding device on the bus needs."""
    sections = [profile.modbus for profile in profiles]
    return ModbusClient(
        make_link(link),
        MbapFraming if link.transport == "tcp" else RtuFraming,
        timeout_s=link.timeout_s,
        connect_timeout_s=link.connect_timeout_s if isinstance(link, TcpModbus) else 3.0,
        pause_s=max([link.pause_s, *(one.pause_between_requests_s for one in sections)]),
        settle_s=max([0.0, *(one.pause_after_connect_s for one in sections)]),
    )


def make_link(link: SerialModbus | TcpModbus) -> Link:
    """Return what carries the bytes."""
    if isinstance(link, TcpModbus):
        return TcpLink(link.host, link.port)
    return SerialLink(
        link.port,
        baud_rate=link.baud_rate,
        parity=link.parity,
        stop_bits=link.stop_bits,
        data_bits=link.data_bits,
    )


def best_bridge(link: Link) -> int:
    """Return the widest hole, in registers, that costs less time than another request.

    Another request costs 13 characters, two silences and a turnaround; a register two characters.
    """
    if not link.character_s:
        return BRIDGE_ON_TCP
    request_s = REQUEST_CHARACTERS * link.character_s + 2 * link.silence_s + TURNAROUND_S
    return min(int(request_s / (2 * link.character_s)), BRIDGE_MAX)
