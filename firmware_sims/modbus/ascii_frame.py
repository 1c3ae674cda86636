"""ASCII envelopes: a colon, two hexadecimal characters a byte, checksum, line end.

Source: MODBUS over Serial Line Specification and Implementation Guide V1.02, section 2.5.2 and
appendix B (LRC: two's complement of the sum of all bytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from firmware_sims.modbus.rtu_frame import Heard

_LINE_MAX: Final = 513
_PAIRS_MIN: Final = 3


def lrc8(data: bytes) -> bytes:
    """The checksum of a frame's bytes."""
    return bytes((-sum(data) & 0xFF,))


def make_frame(unit_id: int, pdu: bytes) -> bytes:
    """Wrap an answer."""
    body = bytes((unit_id,)) + pdu
    return b":" + (body + lrc8(body)).hex().upper().encode() + b"\r\n"


class AsciiReader:
    """Finds requests in what a line carries."""

    def __init__(self) -> None:
        self._buffer = b""

    def clear(self) -> None:
        """Forget the beginning of a request."""
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Heard]:
        """Yield the requests that are whole now; lines that are none are passed over."""
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
            heard = _heard(line)
            if heard is not None:
                yield heard
        # a colon begins anew, whatever was before (section 2.5.2.1)
        begin = self._buffer.rfind(b":")
        self._buffer = self._buffer[begin:] if begin >= 0 else b""
        if len(self._buffer) > _LINE_MAX:
            self._buffer = b""


def _heard(line: bytes) -> Heard | None:
    begin = line.rfind(b":")
    if begin < 0 or not line.endswith(b"\r\n"):
        return None
    try:
        frame = bytes.fromhex(line[begin + 1 : -2].decode("ascii"))
    except ValueError:
        return None
    if len(frame) < _PAIRS_MIN or lrc8(frame[:-1]) != frame[-1:]:
        return None
    return Heard(frame[0], frame[1:-1], len(line) - begin)
