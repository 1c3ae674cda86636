"""The 20 points of the devices in the edge benchmarks: an electricity meter's usual mix."""

from __future__ import annotations

from typing import Any

from pymodbus.client.mixin import ModbusClientMixin

_TYPE = ModbusClientMixin.DATATYPE

# name, unit, how many, type, registers each, scale
_GROUPS = (
    ("voltage", "V", 3, "uint16", 1, 0.1),
    ("current", "A", 3, "uint32", 2, 0.001),
    ("active_power", "W", 3, "int32", 2, 0.1),
    ("power_factor", "", 3, "int16", 1, 0.001),
    ("frequency", "Hz", 1, "uint16", 1, 0.01),
    ("temperature", "°C", 3, "int16", 1, 0.1),
    ("active_energy", "kWh", 4, "uint32", 2, 0.01),
)


def _points() -> list[tuple[str, str, int, str, int, float]]:
    points = []
    address = 0
    for name, unit, many, kind, registers, scale in _GROUPS:
        for number in range(1, many + 1):
            points.append((f"{name}_{number}", unit, address, kind, registers, scale))
            address += registers
    return points


POINTS = _points()
NAIVE_POINTS = [
    (name, address, registers, getattr(_TYPE, kind.upper()), scale)
    for name, _, address, kind, registers, scale in POINTS
]


def profile() -> dict[str, Any]:
    """The same points as a profile."""
    label = {"zh": "电表", "en": "meter"}
    return {
        "id": "benchmark-meter",
        "vendor": "none",
        "model": "benchmark",
        "category": "electricity_meter",
        "labels": label,
        "evidence": "bench",
        "sources": [{"ref": "benchmarks/edge_points.py", "kind": "made up"}],
        "protocol": "modbus",
        "modbus": {"address_base": 0},
        "points": [
            {
                "name": name,
                "unit": unit,
                "labels": label,
                "read": {
                    "input_type": "holding",
                    "address": address,
                    "data_type": kind,
                    "scale": scale,
                },
            }
            for name, unit, address, kind, _, scale in POINTS
        ],
    }
