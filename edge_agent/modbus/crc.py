"""The checksum of RTU frames (Modbus over Serial Line V1.02, section 6.2.2)."""

from __future__ import annotations

from typing import Final

_REFLECTED_POLYNOMIAL: Final = 0xA001


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_REFLECTED_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE: Final = tuple(map(_entry, range(256)))


def crc_of(frame: bytes) -> bytes:
    """Return the two bytes that follow a frame, the lower one first.

    >>> crc_of(bytes.fromhex("010300000001")).hex()
    '840a'
    """
    crc = 0xFFFF
    for byte in frame:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")
