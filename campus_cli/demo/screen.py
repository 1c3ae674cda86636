"""The demo's live page: rooms and gases as they are, what happened, who uses what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from campus_cli.demo.api_client import ApiClient
from campus_cli.demo.processes import Usage
from campus_cli.demo.story import Story

Json = dict[str, Any]
SHOWN: Final = {
    "th-101": ("temperature", "relative_humidity"),
    "co2-101": ("co2",),
    "ac-101": ("power_on", "temperature_setpoint"),
    "light-101": ("illuminance",),
    "energy-101": ("active_power",),
    "door-101": ("open",),
    "gas-1": ("concentration",),
    "relay-1": ("relay_1", "relay_2"),
    "leak-store-1": ("leak_detected",),
    "weather-lab-1": ("temperature",),
}
"""Points by device: one of each kind of device, so that the page fits a screen."""


async def read_page(api: ApiClient) -> list[Json]:
    """Return the devices of the page with their points."""
    found = await api.get("/devices", limit=1000)
    wanted = [device for device in found["devices"] if device["id"] in SHOWN]
    return [await api.get(f"/gateways/{one['gateway']}/devices/{one['id']}") for one in wanted]


def page(
    devices: list[Json], story: Story, usage: Mapping[str, Usage], values_stored: float
) -> RenderableType:
    """Return the live page."""
    table = Table("device 设备", "point 测点", "value 值", "quality 质量", expand=True)
    for device in devices:
        for point in device["points"]:
            if point["name"] in SHOWN[device["id"]]:
                table.add_row(
                    f"{device['name']['zh']} {device['name']['en']}",
                    f"{point['label']['zh']} {point['label']['en']}",
                    _shown(point),
                    f"{point['quality_label']['zh']} {point['quality_label']['en']}",
                    style="red" if point["quality"] else "",
                )
    told = Table.grid(padding=(0, 1))
    for chapter in story.chapters:
        told.add_row(f"[dim]{chapter.at_s:5.1f} s[/]", chapter.text)
    memory = "  ".join(f"{name} {one.rss_mb:.0f} MB" for name, one in usage.items())
    foot = f"{values_stored:,.0f} values stored · {memory}"
    title = f"朝阳小学 Sunrise Primary School · {story.now_s:.0f} s"
    return Panel(Group(table, told, f"[dim]{foot}[/]"), title=title)


def _shown(point: Json) -> str:
    if point["state"]:
        return f"{point['state']['zh']} {point['state']['en']}"
    return "–" if point["value"] is None else f"{point['value']:g} {point['unit']}".strip()
