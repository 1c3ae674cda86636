"""What a person sees of a running school."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from firmware_sims.device import ModbusDevice
from firmware_sims.running import RunningSchool
from firmware_sims.world.clock import WorldClock

REFRESH_S = 0.5
_ROWS_MAX = 24
_VALUES_MAX = 4


def plan_table(school: RunningSchool) -> Table:
    """Buses and brokers with their addresses."""
    table = Table(title=f"{school.plan.file.school.name.zh} · {school.plan.file.school.name.en}")
    for heading in ("gateway", "bus", "address", "devices"):
        table.add_column(heading)
    for bus in school.plan.buses:
        endpoint = school.endpoints.get(bus.entry.id)
        address = (
            f"tcp {endpoint.host}:{endpoint.port}"
            if endpoint is not None
            else f"rtu {school.lines[bus.entry.id].device_path}"
        )
        table.add_row(bus.gateway, bus.entry.id, address, str(len(bus.devices)))
    for source, publisher in zip(school.plan.sources, school.publishers, strict=True):
        address = publisher.settings.address
        table.add_row(source.gateway, source.entry.id, address, str(len(source.devices)))
    return table


async def show_live(school: RunningSchool, console: Console) -> None:
    """Show the devices until cancelled."""
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            live.update(Group(plan_table(school), _devices(school), _line(school)))
            await asyncio.sleep(REFRESH_S)


def summary(school: RunningSchool) -> Text:
    """One line at the end."""
    return Text("ended: ") + _line(school)


def _line(school: RunningSchool) -> Text:
    truth = school.truth
    clock = WorldClock(school.plan.file.start, school.plan.file.compression)
    local = clock.local(school.elapsed_s())
    return Text(
        f"{school.elapsed_s():.0f} s · in the school {local:%A %H:%M} · "
        f"{truth.readings:,} readings · {truth.values:,} values · {truth.writes} writes"
    )


def _devices(school: RunningSchool) -> Table:
    table = Table()
    for heading in ("device", "profile", "shows", "faults"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    entries = list(school.plan.devices())
    for entry in entries[:_ROWS_MAX]:
        device = school.device(entry.id)
        if isinstance(device, ModbusDevice):
            device.refresh(school.elapsed_s())
        table.add_row(
            entry.id,
            entry.profile,
            _values(device.shown),
            Text(", ".join(device.faults.active()), style="red"),
        )
    if len(entries) > _ROWS_MAX:
        table.add_row(f"and {len(entries) - _ROWS_MAX} more", "", "", "")
    return table


def _values(shown: Mapping[str, float | None]) -> str:
    first = list(shown.items())[:_VALUES_MAX]
    return "  ".join(f"{name} {'—' if x is None else f'{x:g}'}" for name, x in first)
