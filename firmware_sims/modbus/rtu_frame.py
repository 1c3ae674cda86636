"""RTU envelopes: unit id, function code and data, checksum.

Source: MODBUS over Serial Line Specification and Implementation Guide V1.02, section 2.5.1 and
appendix B (CRC: polynomial 0xA001, start 0xFFFF, low byte first).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

FRAME_MAX: Final = 256
BITS_PER_CHARACTER: Final = 11
_FIXED_LENGTHS = dict.fromkeys(range(1, 7), 8) | {7: 4, 8: 8, 11: 4, 12: 4, 17: 4, 22: 10, 43: 7}
_BYTE_COUNT_AT = {15: 6, 16: 6, 23: 10}


def _table_entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value


_TABLE: Final = tuple(_table_entry(value) for value in range(256))


def crc16(data: bytes) -> bytes:
    """The checksum of a frame's bytes, as it follows them on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def make_frame(unit_id: int, pdu: bytes) -> bytes:
    """Wrap an answer."""
    body = bytes((unit_id,)) + pdu
    return body + crc16(body)


def request_length(buffer: bytes) -> int | None:
    """The length of the request at the start of `buffer`; None when more bytes must come first.

    A function code that is not known gives the length of what is there: its frame ends with the
    silence on the line, which shows as the end of what was read at once.
    """
    if len(buffer) < 2:
        return None
    fixed = _FIXED_LENGTHS.get(buffer[1])
    if fixed is not None:
        return fixed
    at = _BYTE_COUNT_AT.get(buffer[1])
    if at is None:
        return len(buffer)
    return at + 3 + buffer[at] if len(buffer) > at else None


class Heard(NamedTuple):
    """One request as it came: to whom, what, and how many bytes it took on the line."""

    unit_id: int
    pdu: bytes
    size: int


class RtuReader:
    """Finds requests in what a line carries."""

    def __init__(self) -> None:
        self._buffer = b""

    def clear(self) -> None:
        """Forget the beginning of a request."""
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Heard]:
        """Yield the requests that are whole now; bytes that begin none are passed over."""
        self._buffer += data
        while (length := request_length(self._buffer)) is not None:
            if length > FRAME_MAX:
                self._buffer = self._buffer[1:]
                continue
            if len(self._buffer) < length:
                return
            frame = self._buffer[:length]
            if length < 4 or crc16(frame[:-2]) != frame[-2:]:
                self._buffer = self._buffer[1:]  # out of step: look for a request further on
                continue
            self._buffer = self._buffer[length:]
            yield Heard(frame[0], frame[1:-2], length)


def character_time_s(baud_rate: int) -> float:
    """Seconds that one byte takes on the line (11 bits, section 2.5.1)."""
    return BITS_PER_CHARACTER / baud_rate


def silent_interval_s(baud_rate: int) -> float:
    """The pause between frames: 3.5 characters, fixed above 19,200 baud (section 2.5.1.1)."""
    return 3.5 * character_time_s(baud_rate) if baud_rate <= 19_200 else 0.001_75
