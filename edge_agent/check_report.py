"""What `campus edge check` prints of a configuration without mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from edge_agent.config import BusConfig, SerialModbus
from edge_agent.config_check import LoadedConfig
from edge_agent.inventory import AnyDevice, Inventory, build_inventory


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """One bus or local broker. Figures are per second and in seconds."""

    id: str
    kind: str
    place: str
    devices: int
    points: int
    values_per_s: float
    busy: float | None
    """Which part of a serial line's time the polls take, about; None where it does not matter."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """A configuration in figures."""

    gateway: str
    school: str
    catalog: str
    areas: int
    devices: int
    points: int
    interlocks: int
    takes_commands: bool
    sources: tuple[SourceSummary, ...]

    def plain(self) -> dict[str, object]:
        """Return it as JSON can say it."""
        return {"ok": True, **asdict(self)}


def report_on(loaded: LoadedConfig) -> CheckReport:
    """Return the figures of a configuration."""
    config = loaded.config
    inventory = build_inventory(config, loaded.library)
    sources = tuple(_summaries(loaded, inventory))
    return CheckReport(
        gateway=config.gateway,
        school=config.school.id,
        catalog=inventory.catalog.revision,
        areas=len(config.areas),
        devices=len(inventory.devices),
        points=sum(source.points for source in sources),
        interlocks=len(config.interlocks),
        takes_commands=config.uplink.command_key_file is not None,
        sources=sources,
    )


def _summaries(loaded: LoadedConfig, inventory: Inventory) -> Iterator[SourceSummary]:
    for bus in loaded.config.buses:
        devices = inventory.on_bus(bus.id)
        link = bus.modbus
        place = link.port if isinstance(link, SerialModbus) else f"{link.host}:{link.port}"
        yield SourceSummary(
            id=bus.id,
            kind=f"modbus {link.transport}",
            place=place,
            devices=len(devices),
            points=sum(len(device.readable) for device in devices),
            values_per_s=_values_per_s(devices),
            busy=_busy(bus, inventory),
        )
    for local in loaded.config.mqtt_sources:
        listeners = inventory.on_mqtt_source(local.id)
        yield SourceSummary(
            id=local.id,
            kind="mqtt",
            place=local.broker.address,
            devices=len(listeners),
            points=sum(len(device.readable) for device in listeners),
            values_per_s=_values_per_s(listeners),
            busy=None,
        )


def _values_per_s(devices: tuple[AnyDevice, ...]) -> float:
    rate = sum(len(device.readable) / device.config.interval_s for device in devices)
    return round(rate, 3)


def _busy(bus: BusConfig, inventory: Inventory) -> float | None:
    """Return which part of a serial line's time its polls take.

    One request of n registers takes 8 characters, the device's turnaround, 5 + 2n characters and
    two silences of 3.5 characters (Modbus over Serial Line V1.02, section 2.5).
    """
    link = bus.modbus
    if not isinstance(link, SerialModbus):
        return None
    from device_profiles.planning import plan_reads  # noqa: PLC0415
    from edge_agent.modbus.build import TURNAROUND_S, best_bridge, make_link  # noqa: PLC0415

    line = make_link(link)
    bridge = best_bridge(line) if link.bridge_registers is None else link.bridge_registers
    busy = 0.0
    for device in inventory.on_bus(bus.id):
        points = [point for point in device.profile.points if point in device.readable]
        for request in plan_reads(device.profile, points, bridge_registers=bridge):
            characters = 13 + 2 * request.count
            cycle_s = characters * line.character_s + 2 * line.silence_s + TURNAROUND_S
            busy += (cycle_s + link.pause_s) / device.config.interval_s
    return round(busy, 3)


def print_report(report: CheckReport) -> None:
    """Print it as a table."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=f"gateway {report.gateway}, school {report.school}")
    for heading in ("source", "kind", "where"):
        table.add_column(heading)
    for heading in ("devices", "points", "values/s", "line busy"):
        table.add_column(heading, justify="right")
    for source in report.sources:
        busy = "" if source.busy is None else f"{source.busy:.0%}"
        table.add_row(
            source.id,
            source.kind,
            source.place,
            str(source.devices),
            str(source.points),
            f"{source.values_per_s:g}",
            busy if source.busy is None or source.busy <= 1 else f"[red]{busy}[/red]",
        )
    console = Console()
    console.print(table)
    commands = "taken" if report.takes_commands else "refused (no command_key_file)"
    console.print(
        f"{report.devices} devices, {report.areas} areas, {report.interlocks} interlocks; "
        f"commands {commands}; catalog {report.catalog}"
    )
    for source in report.sources:
        if source.busy is not None and source.busy > 1:
            console.print(
                f"[red]{source.id} cannot be read as often as asked: polls take {source.busy:.0%} "
                "of the line's time; lengthen intervals, raise the baud rate or split the line"
            )
