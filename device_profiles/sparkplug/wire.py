"""Fields of a protocol buffer, read and written: varints, fixed widths, and bytes with a length.

https://protobuf.dev/programming-guides/encoding/. Groups, given up before Sparkplug began, are
refused. Why this is not left to the library: docs/decisions/036-sparkplug-wire.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_VARINT_BYTES_MAX: Final = 10
_UINT64: Final = (1 << 64) - 1


class WireFormatError(ValueError):
    """The bytes are no protocol buffer."""


class Field(NamedTuple):
    """One field: its number, how it is written, and what stands there."""

    number: int
    kind: int
    value: int | bytes
    """A number for `VARINT`; the bytes of it otherwise."""


def read_fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a message, in their order.

    Raises:
        WireFormatError: the bytes end too early, or are written in no known way.
    """
    at, end = 0, len(data)
    while at < end:
        tag, at = _read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise WireFormatError("has a field without a number")
        if kind == VARINT:
            whole, at = _read_varint(data, at)
            yield Field(number, kind, whole)
            continue
        if kind == BYTES:
            size, at = _read_varint(data, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise WireFormatError(f"has a field of the kind {kind}")
        if size > end - at:
            raise WireFormatError("ends within a field")
        yield Field(number, kind, data[at : at + size])
        at += size


_FIXED: Final = {FIXED32: 4, FIXED64: 8}


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[at : at + _VARINT_BYTES_MAX]:
        at += 1
        if byte < 0x80:
            return (value | byte << shift) & _UINT64, at
        value |= (byte & 0x7F) << shift
        shift += 7
    raise WireFormatError("ends within a number, or the number does not end")


def write_varint(number: int, value: int) -> bytes:
    """Return a field with a whole number; negative ones as two's complement in 64 bits."""
    return _varint(number << 3 | VARINT) + _varint(value & _UINT64)


def write_blob(number: int, value: bytes) -> bytes:
    """Return a field with bytes, a text in UTF-8 or a message."""
    return _varint(number << 3 | BYTES) + _varint(len(value)) + value


def write_float(number: int, value: float) -> bytes:
    """Return a field with a 32-bit number."""
    return _varint(number << 3 | FIXED32) + struct.pack("<f", value)


def write_double(number: int, value: float) -> bytes:
    """Return a field with a 64-bit number."""
    return _varint(number << 3 | FIXED64) + struct.pack("<d", value)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
