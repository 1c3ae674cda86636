"""What a person sees."""

import asyncio
import io
from pathlib import Path

from rich.console import Console

from firmware_sims.district import load_plan
from firmware_sims.faults import FaultKind
from firmware_sims.screen import plan_table, show_live, summary
from tests.sims.schools import DEMO, running_district


def console() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=140, height=60, force_terminal=True), text


async def test_the_live_table_shows_devices_values_and_faults(tmp_path: Path) -> None:
    screen, text = console()
    async with running_district(load_plan(DEMO), tmp_path) as district:
        district.begin_fault("th-101", FaultKind.LATE)
        task = asyncio.create_task(show_live(district, screen))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    shown = text.getvalue()
    for part in ("th-101", "xy-md02", "relative_humidity", "late", "more", "Monday 08:05"):
        assert part in shown, part


async def test_the_plan_names_every_bus_with_its_address(tmp_path: Path) -> None:
    screen, text = console()
    async with running_district(load_plan(DEMO), tmp_path) as district:
        [school] = district.schools
        screen.print(plan_table(school), summary(district))
        ports = [endpoint.port for endpoint in school.endpoints.values()]

    shown = text.getvalue()
    assert all(f":{port}" in shown for port in ports)
    assert "line-2" in shown
    assert "zigbee-lab" in shown
    assert "0 readings" in shown
