"""Checks at the end of frames that devices send over MQTT as they would over a serial line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import xor
from typing import Final

from device_profiles.errors import MessageRefusedError


def crc16_modbus(data: bytes) -> bytes:
    """Return the CRC as it travels, the low byte first (Modbus over Serial Line V1.02, 2.5.1.2).

    >>> crc16_modbus(bytes.fromhex("010300000002")).hex()
    'c40b'
    """
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def _sum8(data: bytes) -> bytes:
    return bytes([sum(data) & 0xFF])


def _xor8(data: bytes) -> bytes:
    return bytes([reduce(xor, data, 0)])


def _checked(make: Callable[[bytes], bytes], size: int) -> Callable[[bytes], bytes]:
    def check(data: bytes) -> bytes:
        """Return the frame without its check, or refuse it (`checksum`)."""
        if len(data) <= size or make(data[:-size]) != data[-size:]:
            raise MessageRefusedError("checksum", "its check does not fit")
        return data[:-size]

    return check


CHECKS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "crc16_modbus": _checked(crc16_modbus, 2),
    "sum8": _checked(_sum8, 1),
    "xor8": _checked(_xor8, 1),
}
"""By name: takes a frame, returns it without its check, raises MessageRefusedError."""
