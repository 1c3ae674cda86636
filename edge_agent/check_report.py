"""What `campus edge check` prints of a configuration without mistakes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from campus_wire.catalog import SampleClass
from edge_agent.config import BusConfig, SerialModbus
from edge_agent.config_check import LoadedConfig
from edge_agent.inventory import AnyDevice, Inventory, ModbusDevice, build_inventory
from edge_agent.serial_ports import port_warnings

if TYPE_CHECKING:
    from rich.console import Console

    from edge_agent.modbus.budget import BusBudget, DeviceDemand

DEVICES_SHOWN: Final = 40
_RANKS: Final = {SampleClass.SAFETY: 0, SampleClass.NORMAL: 1, SampleClass.SLOW: 2}


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """One bus or local broker. Figures are per second and in seconds."""

    id: str
    kind: str
    place: str
    devices: int
    points: int
    values_per_s: float
    budget: BusBudget | None
    """What a Modbus bus will have to do; None for local brokers."""

    @property
    def busy(self) -> float | None:
        """Which part of the bus's time the polls take, about."""
        return None if self.budget is None else round(self.budget.load, 3)

    @property
    def fails(self) -> bool:
        """Whether not even safety devices can be read as often as asked."""
        return self.budget is not None and self.budget.verdict == "fails_safety"

    def plain(self) -> dict[str, object]:
        """Return it as JSON can say it."""
        return {**asdict(self), "busy": self.busy}


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
    warnings: tuple[str, ...] = ()
    """What works today and may not tomorrow, each with what to do."""
    waiting: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    """Devices whose addresses the configuration moves, and by how much."""
    """Devices that have not described themselves yet, and what waits for them."""

    @property
    def is_ok(self) -> bool:
        """Whether the agent should be run with it: safety devices can be read in time."""
        return not any(source.fails for source in self.sources)

    def plain(self) -> dict[str, object]:
        """Return it as JSON can say it."""
        sources = [source.plain() for source in self.sources]
        return {"ok": self.is_ok, **asdict(self), "sources": sources}


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
        warnings=tuple(str(one) for one in port_warnings(config)),
        waiting=tuple(str(one) for one in loaded.waiting),
        moved=tuple(_moved(inventory)),
    )


def _moved(inventory: Inventory) -> Iterator[str]:
    from edge_agent.read_report import offset_text  # noqa: PLC0415  (checking alone needs it)

    for device in inventory.modbus:
        if device.config.address_offset:
            yield f"{device.id}: unit {device.config.unit_id},{offset_text(device.profile)}"


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
            budget=budget_of(bus, devices),
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
            budget=None,
        )


def _values_per_s(devices: tuple[AnyDevice, ...]) -> float:
    rate = sum(len(device.readable) / device.config.interval_s for device in devices)
    return round(rate, 3)


def budget_of(bus: BusConfig, devices: Iterable[ModbusDevice]) -> BusBudget:
    """Return what a bus will have to do."""
    from edge_agent.modbus.budget import bus_budget  # noqa: PLC0415  (checking alone needs it)
    from edge_agent.modbus.build import line_cost  # noqa: PLC0415

    link = bus.modbus
    present = tuple(devices)
    line = line_cost(link, [device.profile for device in present])
    bridge = line.break_even() if link.bridge_registers is None else link.bridge_registers
    return bus_budget(
        [_demand(device, bridge) for device in present],
        line,
        timeout_s=link.timeout_s,
        baud_rate=link.baud_rate if isinstance(link, SerialModbus) else None,
    )


def _demand(device: ModbusDevice, bridge: int) -> DeviceDemand:
    from device_profiles.planning import plan_reads  # noqa: PLC0415
    from edge_agent.modbus.budget import DeviceDemand, ReadDemand  # noqa: PLC0415

    own_s = device.config.interval_s
    names = {point.name for point in device.readable}
    points = [point for point in device.profile.points if point.name in names]
    reads = []
    rank = 2
    for request in plan_reads(device.profile, points, bridge_registers=bridge):
        rhythm = request.interval_s
        interval_s = own_s if rhythm is None else math.inf if rhythm == "once" else rhythm
        reads.append(ReadDemand(request.registers, max(interval_s, own_s)))
        rank = min(rank, *(_RANKS[point.point_class] for point in request.points))
    return DeviceDemand(device.id, rank, own_s, tuple(reads))


def print_report(report: CheckReport) -> None:
    """Print it as a table."""
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
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
    for line in report.moved:
        console.print(line)
    for warning in (*report.warnings, *report.waiting):
        console.print(f"[yellow]{escape(warning)}[/yellow]")
    for source in report.sources:
        if source.budget is not None and (source.kind != "modbus tcp" or source.budget.load > 1):
            _print_budget(console, source.id, source.budget)


def _print_budget(console: Console, name: str, budget: BusBudget) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=f"{name}: all devices once in {budget.cycle_s:.2f} s")
    table.add_column("device")
    table.add_column("class")
    for heading in ("every", "requests", "registers", "one poll", "of the time"):
        table.add_column(heading, justify="right")
    for device in sorted(budget.devices, key=lambda one: -one.load)[:DEVICES_SHOWN]:
        late = device.id in budget.late
        table.add_row(
            f"[red]{device.id}[/red]" if late else device.id,
            device.point_class,
            f"{device.interval_s:g} s",
            str(device.requests),
            f"{device.registers:g}",
            f"{device.poll_s * 1000:.0f} ms",
            f"{device.load:.1%}",
        )
    console.print(table)
    left_out = len(budget.devices) - DEVICES_SHOWN
    if left_out > 0:
        console.print(f"and {left_out} devices that take less")
    parts = asdict(budget.shares)
    sum_ = sum(parts.values()) or 1.0
    shares = ", ".join(
        f"{what.replace('_', ' ')} {part / sum_:.0%}" for what, part in parts.items() if part
    )
    console.print(
        f"the time goes into {shares}; an absent device costs {budget.absent_s:.1f} s of its first "
        f"minute and {budget.absent_load:.1%} of the time later"
    )
    _print_verdict(console, name, budget)


def _print_verdict(console: Console, name: str, budget: BusBudget) -> None:
    if budget.verdict == "fits":
        return
    console.print(
        f"[red]{name} cannot be read as often as asked:[/red] polls take {budget.load:.0%} of its "
        "time"
    )
    if budget.verdict == "fails_safety":
        late = ", ".join(budget.late) or "all of them"
        console.print(f"[red]refused: intervals of safety devices cannot be met ({late})[/red]")
    else:
        _, normal, slow = budget.stretches
        console.print(
            f"intervals will stretch: normal devices x {normal:.2g}, slow ones x {slow:.2g}; "
            "safety devices are read in time"
        )
    for remedy in budget.remedies:
        console.print(f"  - {remedy}")
