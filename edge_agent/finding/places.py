"""Where a device to try is: from flags, or from `edge.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from device_profiles.model import ModbusProfile
from edge_agent.config import EdgeConfig, SerialModbus, TcpModbus
from edge_agent.finding.envelopes import Envelope
from edge_agent.finding.hosts import DEFAULT_PORT, endpoints
from edge_agent.finding.line import Line
from edge_agent.modbus.build import make_link

_ENVELOPES: Final[dict[str, Envelope]] = {
    "rtu": "rtu",
    "rtu_over_tcp": "rtu",
    "ascii": "ascii",
    "ascii_over_tcp": "ascii",
    "tcp": "tcp",
}


@dataclass(frozen=True, slots=True)
class LinkFlags:
    """What a person says of a link."""

    port: str | None = None
    host: str | None = None
    baud: int | None = None
    parity: str | None = None
    stop_bits: int | None = None
    data_bits: int | None = None
    timeout_s: float = 1.0
    ascii_framing: bool = False
    rtu_over_tcp: bool = False


def link_of(flags: LinkFlags, profile: ModbusProfile | None) -> SerialModbus | TcpModbus:
    """Return the link that flags describe; the profile's factory settings fill in the rest.

    Raises:
        ValueError: they describe none.
    """
    if (flags.port is None) == (flags.host is None):
        raise ValueError("give --port, --host, or --config with a device")
    if flags.host is not None:
        [endpoint, *others] = endpoints([flags.host], [DEFAULT_PORT])
        if others:
            raise ValueError(f"{flags.host} names {len(others) + 1} endpoints; one is needed")
        return TcpModbus(
            transport="rtu_over_tcp" if flags.rtu_over_tcp else "tcp",
            host=endpoint.host,
            port=endpoint.port,
            timeout_s=flags.timeout_s,
        )
    factory = profile.modbus.link if profile is not None else None
    parity = flags.parity or (factory.parity if factory else "N")
    stop_bits = flags.stop_bits or (factory.stop_bits if factory else 1)
    data_bits = flags.data_bits or (factory.data_bits if factory else 8)
    if parity not in ("N", "E", "O") or stop_bits not in (1, 2) or data_bits not in (7, 8):
        raise ValueError("parity is N, E or O; stop bits are 1 or 2; data bits 7 or 8")
    return SerialModbus(
        transport="ascii" if flags.ascii_framing else "rtu",
        port=flags.port or "",
        baud_rate=flags.baud or (factory.baud_rate if factory else 9_600),
        parity=cast("Literal['N', 'E', 'O']", parity),
        stop_bits=cast("Literal[1, 2]", stop_bits),
        data_bits=cast("Literal[7, 8]", data_bits),
        timeout_s=flags.timeout_s,
    )


def line_of(link: SerialModbus | TcpModbus, profiles: Iterable[ModbusProfile] = ()) -> Line:
    """Return the line of a link, not yet opened, with the pauses that the profiles ask for."""
    sections = [profile.modbus for profile in profiles]
    return Line(
        make_link(link),
        _ENVELOPES[link.transport],
        connect_timeout_s=link.connect_timeout_s if isinstance(link, TcpModbus) else 3.0,
        pause_s=max([link.pause_s, *(one.pause_between_requests_s for one in sections)]),
        settle_s=max([0.0, *(one.pause_after_connect_s for one in sections)]),
    )


@dataclass(frozen=True, slots=True)
class Configured:
    """One Modbus device of a configuration."""

    id: str
    unit_id: int
    profile: ModbusProfile
    bus: str
    link: SerialModbus | TcpModbus


def configured_devices(path: Path) -> tuple[list[Configured], Path | None]:
    """Return the Modbus devices of `edge.yaml`, and its folder of profiles.

    Raises:
        ConfigFileError: it has mistakes.
    """
    from edge_agent.config_check import load_config  # noqa: PLC0415

    loaded = load_config(path)
    config: EdgeConfig = loaded.config
    found = []
    for bus in config.buses:
        for device in bus.devices:
            profile = loaded.library.get(device.profile)
            assert isinstance(profile, ModbusProfile), "the check saw to that"
            found.append(Configured(device.id, device.unit_id, profile, bus.id, bus.modbus))
    return found, config.profiles
