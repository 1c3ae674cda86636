"""Commands to Sparkplug nodes and devices: one metric in a payload."""

from __future__ import annotations

from typing import Final

import orjson

from device_profiles.errors import WriteRefusedError
from device_profiles.sparkplug.payload import DataType, Metric, Payload, encode_payload

_INTEGERS: Final = frozenset(range(DataType.INT8, DataType.FLOAT))


def encode_command(request: bytes, *, now_ms: int) -> bytes:
    """Return the payload of an NCMD or DCMD.

    Args:
        request: JSON that a profile's template makes: `name`, `datatype` (its number) and `value`.
        now_ms: the time now, in ms since 1970; a command has to carry it.

    Raises:
        WriteRefusedError: the value is not of that type (reason `unrepresentable`).
    """
    wanted = orjson.loads(request)
    name, datatype, value = wanted["name"], int(wanted["datatype"]), wanted["value"]
    if datatype == DataType.BOOLEAN:
        value = bool(value)
    elif datatype in _INTEGERS:
        if value != int(value):
            raise WriteRefusedError("unrepresentable", f"{value:g} is no whole number", place=name)
        value = int(value)
    elif datatype in (DataType.FLOAT, DataType.DOUBLE):
        value = float(value)
    metric = Metric(name, timestamp_ms=now_ms, datatype=datatype, value=value)
    return encode_payload(Payload(timestamp_ms=now_ms, metrics=(metric,)))
