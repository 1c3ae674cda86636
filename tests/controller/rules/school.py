"""A small school of our own, its rules, and frames made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from campus_rules.load import AnyRule
from campus_rules.model import RuleSet
from campus_wire.catalog import Catalog, SampleClass
from campus_wire.config_file import parse_document
from controller.frames import CatalogTable, Frame, PointInfo

S: Final = 1_000_000_000
T0: Final = 1_760_000_000 * S

TEXTS: Final = """
    name: {zh: 名称, en: name}
    consequence: {zh: 后果, en: consequence}
    action: {zh: 措施, en: action}
"""

RULES: Final = f"""
rules:
  - id: nh3-high
    kind: threshold
    applies_to: {{categories: [gas-detector], points: [nh3]}}
    at_or_above: 25
    deadband: 5
    off_delay_s: 20
    severity: critical
    alarm_class: safety
{TEXTS}
  - id: room-hot
    kind: threshold
    applies_to: {{categories: [temperature-humidity], points: [temperature]}}
    above: 30
    deadband: 1
    on_delay_s: 60
    off_delay_s: 30
    severity: warning
    alarm_class: comfort
{TEXTS}
  - id: room-cold
    kind: threshold
    applies_to: {{categories: [temperature-humidity], points: [temperature]}}
    at_or_below: 16
    deadband: 1
    on_delay_s: 20
    severity: warning
    alarm_class: comfort
{TEXTS}
  - id: silent
    kind: no_data
    applies_to: {{}}
    intervals: 3
    pending_s: 30
    severity: warning
    alarm_class: diagnostic
{TEXTS}
  - id: classroom-climate
    kind: climate
    name: {{zh: 教室温度, en: Classroom climate}}
    applies_to: {{area_kinds: [classroom]}}
    sensor: {{categories: [temperature-humidity]}}
    actuator:
      categories: [air-conditioning]
      heat: {{mode: 4, setpoint: setpoint, power: 1}}
      cool: {{mode: 2, setpoint: setpoint, power: 1}}
      off: {{power: 0}}
    timetable:
      - {{days: [mon, tue, wed, thu, fri], from: "07:30", to: "17:30"}}
    occupied: {{heating_c: 20, cooling_c: 26}}
    unoccupied: {{heating_c: 12, cooling_c: 35}}
    on_sensor_lost: off
"""


def rules(text: str = RULES) -> tuple[AnyRule, ...]:
    """Read rules from a text."""
    return parse_document(text, RuleSet, path=Path("rules.yaml")).value.rules


def catalog(gateway: str = "gw-1", *, rooms: int = 2, without: Sequence[str] = ()) -> Catalog:
    """A chemical store with a gas detector, and rooms with a sensor and an air conditioner."""
    areas: list[dict[str, Any]] = [
        {"id": "b1", "kind": "building", "name": {"zh": "一号楼", "en": "Building 1"}},
        {
            "id": "chem",
            "parent": "b1",
            "kind": "chemical-store",
            "name": {"zh": "库", "en": "Chem"},
        },
    ]
    devices = [_device("gas-1", "gas-detector", "chem", [0, 1], interval_s=1.0)]
    for room in range(1, rooms + 1):
        area = f"r{room}"
        name = {"zh": f"{room}教室", "en": f"Room {room}"}
        areas.append({"id": area, "parent": "b1", "kind": "classroom", "name": name})
        devices.append(_device(f"th-{room}", "temperature-humidity", area, [2, 3]))
        devices.append(_device(f"ac-{room}", "air-conditioning", area, [4, 5, 6]))
    return Catalog.model_validate(
        {
            "gateway": gateway,
            "school": {"id": "sunrise", "name": {"zh": "朝阳小学", "en": "Sunrise Primary"}},
            "areas": areas,
            "points": [
                _point("nh3", "ppm", "氨气浓度", "Ammonia", SampleClass.SAFETY),
                _point("status", "", "状态", "Status"),
                _point("temperature", "°C", "温度", "Temperature"),
                _point("humidity", "%RH", "湿度", "Humidity"),
                _point("power", "", "开关", "Power"),
                _point("mode", "", "模式", "Mode"),
                _point("setpoint", "°C", "设定温度", "Set-point"),
            ],
            "devices": [device for device in devices if device["id"] not in without],
        }
    )


def _device(
    name: str, category: str, area: str, points: list[int], *, interval_s: float = 10.0
) -> dict[str, Any]:
    return {
        "id": name,
        "name": {"zh": f"设备{name}", "en": f"device {name}"},
        "profile": f"p-{category}",
        "category": category,
        "area": area,
        "interval_s": interval_s,
        "points": points,
    }


def _point(
    name: str, unit: str, zh: str, en: str, sample_class: SampleClass = SampleClass.NORMAL
) -> dict[str, Any]:
    label = {"zh": zh, "en": en}
    return {"name": name, "unit": unit, "label": label, "class": sample_class}


Row = tuple[str, int, Sequence[float | None]]
"""Device, time in ns, and the values of its points in order."""


class Maker:
    """Makes frames of one catalog, with the shared tuples that real frames have."""

    def __init__(self, table: CatalogTable) -> None:
        self.table = table
        self._points: dict[tuple[str, ...], tuple[PointInfo, ...]] = {}
        self._seq = 1

    def frame(
        self,
        points: Sequence[str],
        rows: Sequence[Row],
        *,
        flaws: Mapping[tuple[int, int], int] | None = None,
    ) -> Frame:
        """Make a frame; None becomes a bad value, `flaws` are (row, point) → quality."""
        by_name = {point.name: point for point in self.table.points}
        infos = self._points.setdefault(tuple(points), tuple(by_name[name] for name in points))
        index = {info.device: row for row, info in enumerate(self.table.devices)}
        values = np.array(
            [[np.nan if v is None else v for v in row[2]] for row in rows], dtype=np.float64
        ).T
        qualities = np.where(np.isnan(values), 64, 0).astype(np.uint8)
        for (row, point), code in (flaws or {}).items():
            qualities[point, row] = code
        first, self._seq = self._seq, self._seq + len(rows)
        return Frame(
            gateway=self.table.gateway,
            epoch="00000000-0000-4000-8000-000000000000",
            devices=self.table.devices,
            device_row=np.array([index[row[0]] for row in rows], dtype=np.int64),
            points=infos,
            point_columns=np.arange(len(points), dtype=np.int64),
            time_ns=np.array([row[1] for row in rows], dtype=np.int64),
            seq=np.arange(first, first + len(rows), dtype=np.int64),
            values=values,
            qualities=qualities if qualities.any() else None,
        )
