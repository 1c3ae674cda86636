"""Sparkplug B payloads as data: metrics with names, aliases, values and properties.

Sparkplug 3.0.0, chapter 6 and appendix A (`sparkplug_b.proto`):
https://sparkplug.eclipse.org/specification/version/3.0/documents/sparkplug-specification-3.0.0.pdf.
Data sets, templates, property sets within properties, bytes and arrays are passed over: a metric of
such a type has no value here, and its type says why.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from device_profiles.errors import MessageRefusedError
from device_profiles.sparkplug.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    WireFormatError,
    read_fields,
    write_blob,
    write_double,
    write_float,
    write_varint,
)

PAYLOAD_BYTES_MAX: Final = 1024 * 1024
METRICS_MAX: Final = 10_000
PROPERTIES_MAX: Final = 64
NAME_CHARS_MAX: Final = 400

Value = bool | int | float | str


class DataType(IntEnum):
    """What a metric holds (table 15 of the specification, chapter 6.4.16)."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15


_BITS: Final[dict[int, int]] = {
    DataType.INT8: 8,
    DataType.INT16: 16,
    DataType.INT32: 32,
    DataType.INT64: 64,
    DataType.UINT8: 8,
    DataType.UINT16: 16,
    DataType.UINT32: 32,
    DataType.UINT64: 64,
    DataType.DATE_TIME: 64,
}
_SIGNED: Final[frozenset[int]] = frozenset(
    {DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64}
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of an edge node or device."""

    name: str = ""
    """Empty where only the alias is sent."""
    alias: int | None = None
    timestamp_ms: int | None = None
    """Since 1970, UTC."""
    datatype: int = 0
    """0 where it was told at birth."""
    value: Value | None = None
    """None when the metric is null, or of a type that is passed over."""
    is_null: bool = False
    is_historical: bool = False
    properties: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payload:
    """One Sparkplug message's content."""

    timestamp_ms: int | None = None
    seq: int | None = None
    metrics: tuple[Metric, ...] = ()


def decode_payload(data: bytes, *, place: str = "") -> Payload:
    """Return what a payload says.

    Args:
        data: as it was published.
        place: its topic, for the error.

    Raises:
        MessageRefusedError: it is no Sparkplug payload (reason `sparkplug`), or too large.
    """
    if len(data) > PAYLOAD_BYTES_MAX:
        message = f"{len(data)} bytes, where {PAYLOAD_BYTES_MAX} are allowed"
        raise MessageRefusedError("too_large", message, place=place)
    try:
        return _payload(data)
    except (WireFormatError, UnicodeDecodeError) as error:
        message = f"is no Sparkplug B payload: {error}"
        raise MessageRefusedError("sparkplug", message, place=place) from None


def _payload(data: bytes) -> Payload:
    timestamp = seq = None
    metrics: list[Metric] = []
    for one in read_fields(data):
        if one.number == 1:
            timestamp = _whole(one)
        elif one.number == 2:
            if len(metrics) >= METRICS_MAX:
                raise WireFormatError(f"holds more than {METRICS_MAX} metrics")
            metrics.append(_metric(_inner(one)))
        elif one.number == 3:
            seq = _whole(one)
    return Payload(timestamp, seq, tuple(metrics))


def _metric(data: bytes) -> Metric:
    fields = {one.number: one for one in read_fields(data)}  # of a field sent twice the last counts
    datatype = _whole(fields[4]) if 4 in fields else 0
    properties = _properties(_inner(fields[9])) if 9 in fields else {}
    return Metric(
        name=_text(fields[1]) if 1 in fields else "",
        alias=_whole(fields[2]) if 2 in fields else None,
        timestamp_ms=_whole(fields[3]) if 3 in fields else None,
        datatype=datatype,
        value=_value(fields, first=10, datatype=datatype),
        is_null=7 in fields and bool(_whole(fields[7])),
        is_historical=5 in fields and bool(_whole(fields[5])),
        properties=properties,
    )


def _value(fields: Mapping[int, Field], *, first: int, datatype: int) -> Value | None:
    """Return the value among the fields `first` (int) to `first + 5` (string)."""
    for offset, reader in enumerate(_READERS):
        one = fields.get(first + offset)
        if one is not None:
            value = reader(one)
            return typed(value, datatype) if type(value) is int else value
    return None


def typed(value: int, datatype: int) -> int:
    """Return a whole number as its type has it: makers differ in how they write negative ones.

    >>> typed(0xFFFF_FFFE, DataType.INT8), typed(0xFE, DataType.INT8), typed(0xFE, DataType.UINT8)
    (-2, -2, 254)
    """
    bits = _BITS.get(datatype)
    if bits is None:
        return value
    value &= (1 << bits) - 1
    is_negative = datatype in _SIGNED and value >> (bits - 1)
    return value - (1 << bits) if is_negative else value


def _properties(data: bytes) -> dict[str, Value]:
    keys: list[str] = []
    values: list[Value | None] = []
    for one in read_fields(data):
        if one.number == 1:
            keys.append(_text(one))
        elif one.number == 2:
            inner = {part.number: part for part in read_fields(_inner(one))}
            datatype = _whole(inner[1]) if 1 in inner else 0
            values.append(_value(inner, first=3, datatype=datatype))
        if len(keys) > PROPERTIES_MAX or len(values) > PROPERTIES_MAX:
            raise WireFormatError(f"holds more than {PROPERTIES_MAX} properties")
    pairs = zip(keys, values, strict=False)
    return {key: value for key, value in pairs if value is not None}


def _whole(one: Field) -> int:
    if one.kind != VARINT or not isinstance(one.value, int):
        raise WireFormatError(f"field {one.number} is no whole number")
    return one.value


def _flag(one: Field) -> bool:
    return bool(_whole(one))


def _inner(one: Field) -> bytes:
    if one.kind != BYTES or not isinstance(one.value, bytes):
        raise WireFormatError(f"field {one.number} holds no bytes")
    return one.value


def _text(one: Field) -> str:
    data = _inner(one)
    if one.number == 1 and len(data) > 4 * NAME_CHARS_MAX:
        raise WireFormatError("has too long a name")
    return data.decode()


def _float(one: Field) -> float:
    if one.kind != FIXED32 or not isinstance(one.value, bytes):
        raise WireFormatError(f"field {one.number} is no 32-bit number")
    value: float = struct.unpack("<f", one.value)[0]
    return value


def _double(one: Field) -> float:
    if one.kind != FIXED64 or not isinstance(one.value, bytes):
        raise WireFormatError(f"field {one.number} is no 64-bit number")
    value: float = struct.unpack("<d", one.value)[0]
    return value


_READERS: Final[tuple[Callable[[Field], Value], ...]] = (
    *(_whole, _whole, _float, _double, _flag, _text),
)

# --- writing -------------------------------------------------------------------------------------


def encode_payload(payload: Payload) -> bytes:
    """Return a payload as it is published."""
    parts = [] if payload.timestamp_ms is None else [write_varint(1, payload.timestamp_ms)]
    parts += [write_blob(2, _written(metric)) for metric in payload.metrics]
    if payload.seq is not None:
        parts.append(write_varint(3, payload.seq))
    return b"".join(parts)


def _written(metric: Metric) -> bytes:
    parts = [write_blob(1, metric.name.encode())] if metric.name else []
    if metric.alias is not None:
        parts.append(write_varint(2, metric.alias))
    if metric.timestamp_ms is not None:
        parts.append(write_varint(3, metric.timestamp_ms))
    if metric.datatype:
        parts.append(write_varint(4, metric.datatype))
    if metric.is_historical:
        parts.append(write_varint(5, 1))
    if metric.is_null:
        parts.append(write_varint(7, 1))
    if metric.properties:
        parts.append(write_blob(9, _written_properties(metric.properties)))
    if metric.value is not None and not metric.is_null:
        parts.append(_written_value(metric.value, metric.datatype, first=10))
    return b"".join(parts)


def _written_properties(properties: Mapping[str, Value]) -> bytes:
    keys = [write_blob(1, key.encode()) for key in properties]
    values: Iterable[bytes] = (
        write_blob(2, write_varint(1, kind) + _written_value(value, kind, first=3))
        for value, kind in ((value, _kind_of(value)) for value in properties.values())
    )
    return b"".join((*keys, *values))


def _kind_of(value: Value) -> DataType:
    if isinstance(value, bool):
        return DataType.BOOLEAN
    if isinstance(value, int):
        return DataType.INT64
    return DataType.DOUBLE if isinstance(value, float) else DataType.STRING


def _written_value(value: Value, datatype: int, *, first: int) -> bytes:
    if isinstance(value, str):
        return write_blob(first + 5, value.encode())
    if isinstance(value, bool) or datatype == DataType.BOOLEAN:
        return write_varint(first + 4, int(value))
    if datatype == DataType.FLOAT:
        return write_float(first + 2, value)
    if datatype == DataType.DOUBLE or isinstance(value, float):
        return write_double(first + 3, value)
    if datatype in (DataType.INT64, DataType.UINT64, DataType.DATE_TIME, DataType.UNKNOWN):
        return write_varint(first + 1, value)
    return write_varint(first, value & 0xFFFF_FFFF)  # two's complement in 32 bits
