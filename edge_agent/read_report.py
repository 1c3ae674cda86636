"""Showing what devices said: as a table, or as JSON."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

from campus_wire.quality import Quality, label
from device_profiles.model import ModbusProfile
from device_profiles.model_point import Point
from edge_agent.device_reading import DeviceResult, PointReading, Target


def terminal_language() -> Literal["zh", "en"]:
    """Return the language that the terminal is set to; English when in doubt."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "zh" if locale.lower().startswith("zh") else "en"


def plain(result: DeviceResult) -> dict[str, Any]:
    """Return a result as JSON has it."""
    target = result.target
    return {
        "device": target.name,
        "profile": target.profile.id,
        "unit_id": target.unit_id,
        "points": [
            {
                "point": reading.point,
                "value": reading.value if reading.text is None else reading.text,
                "unit": _point(target, reading).unit,
                "quality": reading.quality.name.lower(),
                "raw": list(reading.raw),
                "place": reading.place,
                "problem": reading.problem or None,
            }
            for reading in result.readings
        ],
    }


def _point(target: Target, reading: PointReading) -> Point:
    point = target.profile.find(reading.point)
    assert point is not None, "only points of the profile are read"
    return point


def offset_text(profile: ModbusProfile) -> str:
    """Return by how much a device's addresses are moved, or nothing."""
    offset = profile.modbus.address_offset
    if not offset:
        return ""
    if isinstance(offset, int):
        return f" addresses {offset:+d}"
    return " addresses " + ", ".join(f"{table} {by:+d}" for table, by in offset.items())


def print_results(results: Sequence[DeviceResult], language: str) -> None:
    """Print one table for each device."""
    from rich.console import Console  # noqa: PLC0415  (not needed for --json)
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    for result in results:
        target = result.target
        title = f"{target.name}  {target.profile.labels[language]}  unit {target.unit_id}"
        title += offset_text(target.profile)
        table = Table(title=title, title_justify="left")
        for column in ("point", "", "value", "quality", "raw", "from"):
            table.add_column(column, overflow="fold")
        for reading in result.readings:
            point = _point(target, reading)
            quality = label(reading.quality, language)
            table.add_row(
                reading.point,
                point.labels[language],
                _value_text(point, reading, language),
                quality if reading.quality is Quality.GOOD else f"[red]{quality}[/red]",
                " ".join(f"{number:04X}" for number in reading.raw),
                reading.place,
            )
        console.print(table)
        for problem in dict.fromkeys(one.problem for one in result.readings if one.problem):
            console.print(f"[red]{problem}[/red]")


def _value_text(point: Point, reading: PointReading, language: str) -> str:
    if reading.text is not None:
        return reading.text
    if reading.value is None:
        return "-"
    state = point.states.get(int(reading.value)) if point.states else None
    if state is not None:
        return f"{reading.value:g} {state[language]}"
    return f"{reading.value:.10g} {point.unit}".rstrip()
