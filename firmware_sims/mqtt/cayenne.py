"""Cayenne Low Power Payload: channel, type and data, one after the other, big-endian.

Types and sizes: https://docs.mydevices.com/docs/lorawan/cayenne-lpp, whose numbers are those of
IPSO objects less 3200.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from firmware_sims.errors import UnsupportedPointError
from firmware_sims.mqtt.meaning import Raw

_Part = tuple[str, int, float, bool]


def _one(size: int, scale: float = 1.0, *, signed: bool = False) -> tuple[_Part, ...]:
    return (("", size, scale, signed),)


def _axes(scale: float) -> tuple[_Part, ...]:
    return tuple((axis, 2, scale, True) for axis in ("_x", "_y", "_z"))


_TYPES: Mapping[str, tuple[int, tuple[_Part, ...]]] = {
    "digital_in": (0, _one(1)),
    "digital_out": (1, _one(1)),
    "analog_in": (2, _one(2, 0.01, signed=True)),
    "analog_out": (3, _one(2, 0.01, signed=True)),
    "generic_sensor": (100, _one(4)),
    "luminosity": (101, _one(2)),
    "presence": (102, _one(1)),
    "temperature": (103, _one(2, 0.1, signed=True)),
    "relative_humidity": (104, _one(1, 0.5)),
    "accelerometer": (113, _axes(0.001)),
    "barometric_pressure": (115, _one(2, 0.1)),
    "voltage": (116, _one(2, 0.01)),
    "current": (117, _one(2, 0.001)),
    "frequency": (118, _one(4)),
    "percentage": (120, _one(1)),
    "altitude": (121, _one(2, signed=True)),
    "concentration": (125, _one(2)),
    "power": (128, _one(2)),
    "distance": (130, _one(4, 0.001)),
    "energy": (131, _one(4, 0.001)),
    "direction": (132, _one(2)),
    "unix_time": (133, _one(4)),
    "gyrometer": (134, _axes(0.01)),
    "colour": (135, tuple((one, 1, 1.0, False) for one in ("_red", "_green", "_blue"))),
    "gps": (
        136,
        (
            ("_latitude", 3, 0.0001, True),
            ("_longitude", 3, 0.0001, True),
            ("_altitude", 3, 0.01, True),
        ),
    ),
    "switch": (142, _one(1)),
}
_NAME = re.compile(r"([a-z_]+)_(\d+)(_[a-z]+)?")


def cayenne_frame(members: Mapping[str, Raw]) -> tuple[bytes, dict[str, Raw]]:
    """The frame that shows these members, and what they have become in it.

    Raises:
        UnsupportedPointError: a name is of no known type.
    """
    frame = b""
    found: dict[str, Raw] = {}
    for name in members:
        match = _NAME.fullmatch(name)
        if match is None or match[1] not in _TYPES:
            raise UnsupportedPointError("cayenne", f"{name} is of no known type")
        if name in found or members[name] is None:
            continue
        code, parts = _TYPES[match[1]]
        data = b""
        for part, size, scale, signed in parts:
            full = f"{match[1]}_{match[2]}{part}"
            raw = _clamped(members.get(full), scale, size, signed=signed)
            data += raw.to_bytes(size, "big", signed=signed)
            found[full] = round(raw * scale, 9)
        frame += bytes([int(match[2]), code]) + data
    return frame, {name: raw for name, raw in found.items() if name in members}


def _clamped(given: Raw, scale: float, size: int, *, signed: bool) -> int:
    raw = round(float(str(int(given) if isinstance(given, bool) else given or 0)) / scale)
    low = -(1 << (8 * size - 1)) if signed else 0
    high = (1 << (8 * size - (1 if signed else 0))) - 1
    return max(low, min(raw, high))
