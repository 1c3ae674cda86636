"""As much of Protocol Buffers as a Sparkplug payload takes, both ways.

https://protobuf.dev/programming-guides/encoding/; numbers of fields are those of
`sparkplug_b.proto` in the Sparkplug 3.0.0 specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def whole(field: int, number: int) -> bytes:
    """A whole number or truth value."""
    return varint(field << 3 | _VARINT) + varint(number)


def chunk(field: int, data: bytes | str) -> bytes:
    """A text, bytes, or a message inside."""
    encoded = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | _BYTES) + varint(len(encoded)) + encoded


def double(field: int, number: float) -> bytes:
    """A number of 64 bits."""
    return varint(field << 3 | _FIXED64) + struct.pack("<d", number)


def single(field: int, number: float) -> bytes:
    """A number of 32 bits."""
    return varint(field << 3 | _FIXED32) + struct.pack("<f", number)


def fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Field by field: its number and what it holds.

    Raises:
        ValueError: it is cut off, or of a kind that is not known.
    """
    at = 0
    while at < len(data):
        key, at = _varint_at(data, at)
        kind = key & 7
        value: int | float | bytes
        if kind == _VARINT:
            value, at = _varint_at(data, at)
        elif kind == _FIXED64 and at + 8 <= len(data):
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif kind == _FIXED32 and at + 4 <= len(data):
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        elif kind == _BYTES:
            size, at = _varint_at(data, at)
            value, at = data[at : at + size], at + size
            if at > len(data):
                raise ValueError("a field is cut off")
        else:
            raise ValueError("a field is cut off or of an unknown kind")
        yield key >> 3, value


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a number is cut off")
