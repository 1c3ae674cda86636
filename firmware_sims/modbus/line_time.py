"""When bytes are where on a serial line, in absolute times.

Source: MODBUS over Serial Line Specification and Implementation Guide V1.02, section 2.5.1: eleven
bits a character, and frames apart by 3.5 characters. A device can know that a request is over only
when that silence is; its own turnaround comes after. Thus a request for k registers keeps the line
for 8·Tc + T3.5 + T_turnaround + (5 + 2k)·Tc, and the next may begin T3.5 later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_sims.modbus.rtu_frame import character_time_s, silent_interval_s

PIECE_S = 0.008
"""Answers come in pieces of so long, as they do from a USB converter; their ends are exact."""


@dataclass(frozen=True, slots=True)
class LineTiming:
    """How long things take on the line.

    Args:
        baud_rate: the line's speed.
        real_byte_times: let bytes take the time that they need at `baud_rate`; otherwise they
            arrive at once.
        turnaround_s: from the end of a request to its answer's first byte, beside the silence.
    """

    baud_rate: int = 9600
    real_byte_times: bool = False
    turnaround_s: float = 0.0

    @property
    def byte_s(self) -> float:
        """What one byte takes."""
        return character_time_s(self.baud_rate) if self.real_byte_times else 0.0

    @property
    def silence_s(self) -> float:
        """What must lie between two frames."""
        return silent_interval_s(self.baud_rate) if self.real_byte_times else 0.0

    def answer_delay_s(self, request_bytes: int, answer_bytes: int) -> float:
        """From the request's first byte to its answer's last."""
        on_line_s = (request_bytes + answer_bytes) * self.byte_s
        return on_line_s + self.silence_s + self.turnaround_s


class LineTime:
    """The occupation of one line."""

    def __init__(self, timing: LineTiming) -> None:
        self.timing = timing
        self.free_s = 0.0
        """When the next frame may begin."""

    def request_end_s(self, now_s: float, size: int) -> float:
        """When a request that was handed over now has its last byte on the line."""
        end_s = max(now_s, self.free_s) + size * self.timing.byte_s
        self.free_s = end_s + self.timing.silence_s
        return end_s

    def answer_begin_s(self, now_s: float, request_end_s: float) -> float:
        """When an answer that is ready now has its first byte on the line."""
        timing = self.timing
        return max(now_s, request_end_s + timing.silence_s + timing.turnaround_s)

    def pieces(self, begin_s: float, data: bytes) -> Iterator[tuple[float, bytes]]:
        """When which bytes have arrived at the other end."""
        byte_s = self.timing.byte_s
        self.free_s = max(self.free_s, begin_s + len(data) * byte_s + self.timing.silence_s)
        size = len(data) if byte_s == 0 else max(1, int(PIECE_S / byte_s))
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            yield begin_s + (at + len(piece)) * byte_s, piece
