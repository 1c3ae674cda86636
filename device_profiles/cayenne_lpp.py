"""Cayenne Low Power Payload: channel, type and data, one after the other, big-endian.

The types are those of myDevices' table (https://docs.mydevices.com/docs/lorawan/cayenne-lpp), whose
numbers are those of IPSO objects less 3200, and the further ones of the library that devices are
built with (ElectronicCats/CayenneLPP:src/CayenneLPP.h). Names follow The Things Stack's decoder.
"""

from __future__ import annotations

from typing import Any, Final

from device_profiles.scaling import Linear

_Part = tuple[str, int, bool, Linear]


def _part(name: str, size: int, scale: float = 1.0, *, signed: bool = False) -> _Part:
    return name, size, signed, Linear.of(scale, 0.0)


def _xyz(scale: float) -> tuple[_Part, ...]:
    return tuple(_part(axis, 2, scale, signed=True) for axis in ("_x", "_y", "_z"))


_TYPES: Final[dict[int, tuple[str, tuple[_Part, ...]]]] = {
    0: ("digital_in", (_part("", 1),)),
    1: ("digital_out", (_part("", 1),)),
    2: ("analog_in", (_part("", 2, 0.01, signed=True),)),
    3: ("analog_out", (_part("", 2, 0.01, signed=True),)),
    100: ("generic_sensor", (_part("", 4),)),
    101: ("luminosity", (_part("", 2),)),
    102: ("presence", (_part("", 1),)),
    103: ("temperature", (_part("", 2, 0.1, signed=True),)),
    104: ("relative_humidity", (_part("", 1, 0.5),)),
    113: ("accelerometer", _xyz(0.001)),
    115: ("barometric_pressure", (_part("", 2, 0.1),)),
    116: ("voltage", (_part("", 2, 0.01),)),
    117: ("current", (_part("", 2, 0.001),)),
    118: ("frequency", (_part("", 4),)),
    120: ("percentage", (_part("", 1),)),
    121: ("altitude", (_part("", 2, signed=True),)),
    125: ("concentration", (_part("", 2),)),
    128: ("power", (_part("", 2),)),
    130: ("distance", (_part("", 4, 0.001),)),
    131: ("energy", (_part("", 4, 0.001),)),
    132: ("direction", (_part("", 2),)),
    133: ("unix_time", (_part("", 4),)),
    134: ("gyrometer", _xyz(0.01)),
    135: ("colour", (_part("_red", 1), _part("_green", 1), _part("_blue", 1))),
    136: (
        "gps",
        (
            _part("_latitude", 3, 0.0001, signed=True),
            _part("_longitude", 3, 0.0001, signed=True),
            _part("_altitude", 3, 0.01, signed=True),
        ),
    ),
    142: ("switch", (_part("", 1),)),
}


def decode_lpp(data: bytes) -> dict[str, Any]:
    """Return the values by names such as `temperature_1`: the type and the channel.

    At a type it does not know, or half a record, it stops: what came before counts.
    """
    found: dict[str, Any] = {}
    at = 0
    while at + 2 <= len(data):
        channel, known = data[at], _TYPES.get(data[at + 1])
        at += 2
        if known is None:
            break
        name, parts = known
        if at + sum(size for _, size, _, _ in parts) > len(data):
            break
        for part, size, signed, linear in parts:
            raw = int.from_bytes(data[at : at + size], "big", signed=signed)
            found[f"{name}_{channel}{part}"] = linear.of_int(raw)
            at += size
    return found
