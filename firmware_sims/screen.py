"""What a person sees of a running school."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from device_profiles.categories import CATEGORIES
from firmware_sims.device import ModbusDevice
from firmware_sims.running import RunningSchool
from firmware_sims.running_district import RunningDistrict
from firmware_sims.world.clock import WorldClock

REFRESH_S = 0.5
_ROWS_MAX = 24
_VALUES_MAX = 4


def plan_table(school: RunningSchool) -> Table:
    """Buses and brokers with their addresses."""
    table = Table(title=f"{school.plan.file.school.name.zh} · {school.plan.file.school.name.en}")
    for heading in ("gateway", "bus", "address", "devices"):
        table.add_column(heading, overflow="fold")
    for one in bus_rows(school):
        table.add_row(one["gateway"], one["bus"], one["address"], one["devices"])
    return table


def bus_rows(school: RunningSchool) -> Iterator[dict[str, str]]:
    """Each bus and broker: gateway, bus, address and how many devices."""
    for bus in school.plan.buses:
        endpoint = school.endpoints.get(bus.entry.id)
        transport = bus.entry.modbus.transport
        address = (
            f"{transport} {endpoint.host}:{endpoint.port}"
            if endpoint is not None
            else f"{transport} {school.lines[bus.entry.id].device_path}"
        )
        yield _row(bus.gateway, bus.entry.id, address, len(bus.devices))
    for source, publisher in zip(school.plan.sources, school.publishers, strict=True):
        address = f"mqtt {publisher.settings.address}"
        yield _row(source.gateway, source.entry.id, address, len(source.devices))


def _row(gateway: str, bus: str, address: str, count: int) -> dict[str, str]:
    return {"gateway": gateway, "bus": bus, "address": address, "devices": str(count)}


def category_counts(schools: Iterable[RunningSchool]) -> dict[str, dict[str, int]]:
    """How many devices of each category each school has: by school, then by category."""
    return {
        school.plan.file.school.id: dict(sorted(Counter(school.world.categories.values()).items()))
        for school in schools
    }


def category_table(district: RunningDistrict) -> Table:
    """How many devices of each category there are in each school."""
    title = district.plan.title.name
    table = Table(title=f"{title.zh} · {title.en}")
    counts = category_counts(district.schools)
    table.add_column("category")
    for school in district.schools:
        name = school.plan.file.school.name
        table.add_column(f"{name.zh}\n{name.en}", justify="right")
    table.add_column("all", justify="right")
    for category in sorted({one for of_school in counts.values() for one in of_school}):
        numbers = [of_school.get(category, 0) for of_school in counts.values()]
        label = CATEGORIES[category]
        cells = [str(number or "") for number in numbers]
        table.add_row(f"{label.zh} {label.en}", *cells, str(sum(numbers)))
    sums = [sum(of_school.values()) for of_school in counts.values()]
    table.add_section()
    table.add_row("", *map(str, sums), str(sum(sums)))
    return table


async def show_live(district: RunningDistrict, console: Console) -> None:
    """Show the devices until cancelled: of a lone school each, else how much goes on."""
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            line = _line(district)
            if len(district.schools) == 1:
                [school] = district.schools
                live.update(Group(plan_table(school), _devices(school), line))
            else:
                live.update(line)
            await asyncio.sleep(REFRESH_S)


def summary(district: RunningDistrict) -> Text:
    """One line at the end."""
    return Text("ended: ") + _line(district)


def _line(district: RunningDistrict) -> Text:
    truth = district.truth
    school = district.schools[0]
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
