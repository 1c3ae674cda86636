"""From a bus of the configuration to a `ModbusBus`."""

from __future__ import annotations

from collections.abc import Sequence

from device_profiles.model import ModbusProfile
from edge_agent.config import BusConfig, SerialModbus, TcpModbus
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.bus import ModbusBus
from edge_agent.modbus.client import ModbusClient
from edge_agent.modbus.learned_store import LearnedStore
from edge_agent.modbus.lines import framing_of
from edge_agent.modbus.links import Link, SerialLink, TcpLink
from edge_agent.modbus.plan import ReadPlanner
from edge_agent.modbus.turnaround import LineCost
from edge_agent.ports import EdgeClock, EventSink, MaySet, SampleSink


def make_bus(
    config: BusConfig,
    devices: Sequence[ModbusDevice],
    *,
    sink: SampleSink,
    clock: EdgeClock,
    planner: ReadPlanner | None = None,
    store: LearnedStore | None = None,
    events: EventSink | None = None,
    may_set: MaySet | None = None,
) -> ModbusBus:
    """Return the bus with its connection, not yet opened; many buses share planner and store."""
    link = config.modbus
    profiles = [device.profile for device in devices]
    return ModbusBus(
        config.id,
        make_client(link, profiles),
        devices,
        sink=sink,
        clock=clock,
        planner=planner,
        store=store,
        events=events,
        may_set=may_set,
        line=line_cost(link, profiles),
        timeout_s=link.timeout_s,
        bridge_registers=link.bridge_registers,
        reopens=isinstance(link, TcpModbus),
    )


def make_client(link: SerialModbus | TcpModbus, profiles: Sequence[ModbusProfile]) -> ModbusClient:
    """Return a client with the pauses that the most demanding device on the bus needs."""
    sections = [profile.modbus for profile in profiles]
    return ModbusClient(
        make_link(link),
        framing_of(link),
        timeout_s=link.timeout_s,
        connect_timeout_s=link.connect_timeout_s if isinstance(link, TcpModbus) else 3.0,
        pause_s=_pause_s(link, profiles),
        settle_s=max([0.0, *(one.pause_after_connect_s for one in sections)]),
        hangs_up=any(one.close_connection_after_poll for one in sections),
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


def line_cost(link: SerialModbus | TcpModbus, profiles: Sequence[ModbusProfile]) -> LineCost:
    """Return what is known beforehand of the time that requests take."""
    line = make_link(link)
    characters = 2 if link.transport == "ascii" else 1  # for each byte
    return LineCost(characters * line.character_s, line.silence_s, _pause_s(link, profiles))


def _pause_s(link: SerialModbus | TcpModbus, profiles: Sequence[ModbusProfile]) -> float:
    pauses_s = [profile.modbus.pause_between_requests_s for profile in profiles]
    return max([link.pause_s, *pauses_s])
