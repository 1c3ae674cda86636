"""A described school with every repetition written out and every reference checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from campus_wire.config_file import load_yaml
from campus_wire.config_suggest import suggest
from campus_wire.ids import NAME_PATTERN
from firmware_sims.errors import SchoolError
from firmware_sims.repeat import expand
from firmware_sims.school_file import (
    AreaEntry,
    BusEntry,
    DeviceEntry,
    GatewayEntry,
    ModbusDeviceEntry,
    MqttDeviceEntry,
    MqttSourceEntry,
    SchoolFile,
    TcpLink,
)

UNITS_PER_BUS_MAX = 247


@dataclass(frozen=True, slots=True)
class BusPlan:
    """One bus; every device has its unit id."""

    gateway: str
    entry: BusEntry

    @property
    def devices(self) -> Sequence[ModbusDeviceEntry]:
        """Its devices."""
        return self.entry.devices


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """One broker with its devices."""

    gateway: str
    entry: MqttSourceEntry

    @property
    def devices(self) -> Sequence[MqttDeviceEntry]:
        """Its devices."""
        return self.entry.devices


@dataclass(frozen=True, slots=True)
class SchoolPlan:
    """What `campus sims run` brings up."""

    file: SchoolFile
    folder: Path
    areas: Sequence[AreaEntry]
    buses: Sequence[BusPlan]
    sources: Sequence[SourcePlan]

    def devices(self) -> Iterator[DeviceEntry]:
        """All devices, in the order of the file."""
        for bus in self.buses:
            yield from bus.devices
        for source in self.sources:
            yield from source.devices

    @property
    def profiles_folder(self) -> Path | None:
        """The folder of further profiles."""
        return None if self.file.profiles is None else self.folder / self.file.profiles


def load_school(path: Path) -> SchoolPlan:
    """Read a described school.

    Raises:
        ConfigFileError: the file has mistakes, with their lines.
        SchoolError: its entries do not fit together.
    """
    return plan_school(load_yaml(path, SchoolFile), path.parent)


def plan_school(file: SchoolFile, folder: Path) -> SchoolPlan:
    """Write out repetitions and check references.

    Raises:
        SchoolError: all that does not fit together.
    """
    areas = expand(file.areas)
    buses = [plan for gateway in file.gateways for plan in _buses(gateway)]
    sources = [plan for gateway in file.gateways for plan in _sources(gateway)]
    plan = SchoolPlan(file, folder, areas, buses, sources)
    mistakes = list(_mistakes(plan))
    if mistakes:
        raise SchoolError("school", "\n".join(mistakes), place=file.school.id)
    return plan


def _buses(gateway: GatewayEntry) -> Iterator[BusPlan]:
    ports: dict[int, int] = {}
    for entry in expand(gateway.buses):
        devices = tuple(_with_unit_ids(entry.id, expand(entry.devices)))
        modbus = entry.modbus
        if isinstance(modbus, TcpLink) and modbus.port:
            # a bus that is repeated takes one port after the other
            ports[modbus.port] = ports.get(modbus.port, -1) + 1
            port = modbus.port + ports[modbus.port]
            modbus = modbus.model_copy(update={"port": port})
        yield BusPlan(gateway.id, entry.model_copy(update={"devices": devices, "modbus": modbus}))


def _sources(gateway: GatewayEntry) -> Iterator[SourcePlan]:
    for entry in gateway.mqtt_sources:
        devices = tuple(expand(entry.devices))
        yield SourcePlan(gateway.id, entry.model_copy(update={"devices": devices}))


def _with_unit_ids(bus: str, devices: Sequence[ModbusDeviceEntry]) -> Iterator[ModbusDeviceEntry]:
    taken = {device.unit_id for device in devices}
    free = (unit for unit in range(1, UNITS_PER_BUS_MAX + 1) if unit not in taken)
    for device in devices:
        if device.unit_id is not None:
            yield device
            continue
        unit_id = next(free, None)
        if unit_id is None:
            raise SchoolError(
                "units", f"has more than {UNITS_PER_BUS_MAX} devices", place=f"bus {bus}"
            )
        yield device.model_copy(update={"unit_id": unit_id})


def _mistakes(plan: SchoolPlan) -> Iterator[str]:
    areas = [area.id for area in plan.areas]
    devices = [device.id for device in plan.devices()]
    yield from _bad_ids("area", areas)
    yield from _bad_ids("device", devices)
    yield from _bad_ids("gateway", [gateway.id for gateway in plan.file.gateways])
    yield from _bad_ids("bus", [bus.entry.id for bus in plan.buses])
    for area in plan.areas:
        if area.parent is not None:
            yield from _unknown(f"area {area.id}: parent", area.parent, areas)
    for device in plan.devices():
        yield from _unknown(f"device {device.id}: area", device.area, areas)
    for bus in plan.buses:
        units = [device.unit_id for device in bus.devices]
        if len(set(units)) < len(units):
            yield f"bus {bus.entry.id}: two devices have one unit_id"
    for fault in plan.file.faults:
        yield from _unknown("faults: device", fault.device, devices)
    for leak in plan.file.leaks:
        yield from _unknown("leaks: area", leak.area, areas)


def _bad_ids(what: str, ids: Sequence[str]) -> Iterator[str]:
    for one in ids:
        if re.fullmatch(NAME_PATTERN, one) is None:
            yield f"{what} {one!r} is no id; was a place in braces not filled?"
    for one in sorted({one for one in ids if ids.count(one) > 1}):
        yield f"{what} {one} is there twice"


def _unknown(where: str, name: str, known: Iterable[str]) -> Iterator[str]:
    names = list(known)
    if name not in names:
        meant = suggest(name, names)
        yield f"{where} {name} is not there" + (f"; did you mean {meant}?" if meant else "")
