"""Serial ports by names that stay: `/dev/serial/by-id/…`, made by udev from vendor and number.

Numbers such as ttyUSB0 are given out in the order in which adapters are found, so that after a
reboot another line may have them, and its devices would be read as those of this one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from edge_agent.config import EdgeConfig, SerialModbus

BY_ID: Final = Path("/dev/serial/by-id")


class PortWarning(NamedTuple):
    """A port that may be another one tomorrow."""

    bus: str
    port: str
    by_id: str

    def __str__(self) -> str:
        return (
            f"bus {self.bus}: {self.port} may be another line after a reboot; "
            f"write port: {self.by_id}"
        )


class SamePort(NamedTuple):
    """Two buses whose names lead to one port: positions in `buses`."""

    bus: int
    first: int


def stable_names(folder: Path = BY_ID) -> dict[str, str]:
    """Return the stable name of each port that has one, by the port it leads to."""
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return {}
    return {os.path.realpath(link): str(link) for link in reversed(links)}


def port_warnings(config: EdgeConfig, *, folder: Path = BY_ID) -> list[PortWarning]:
    """Return the buses that name a port by its number, though it has a name that stays."""
    names = stable_names(folder)
    return [
        PortWarning(bus_id, port, names[port])
        for bus_id, port in ((config.buses[at].id, port) for at, port in _serial(config))
        if port in names
    ]


def same_ports(config: EdgeConfig) -> list[SamePort]:
    """Return the buses whose port is that of an earlier one by another name."""
    seen: dict[str, tuple[int, str]] = {}
    found = []
    for at, port in _serial(config):
        real = os.path.realpath(port)
        first, name = seen.setdefault(real, (at, port))
        if first != at and name != port:
            found.append(SamePort(at, first))
    return found


def _serial(config: EdgeConfig) -> Iterator[tuple[int, str]]:
    for at, bus in enumerate(config.buses):
        if isinstance(bus.modbus, SerialModbus):
            yield at, bus.modbus.port
