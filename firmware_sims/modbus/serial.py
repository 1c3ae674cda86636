"""Modbus RTU on a serial line: a pseudo-terminal of its own, or a port that exists.

Source: MODBUS over Serial Line Specification and Implementation Guide V1.02, section 2.5.
"""

from __future__ import annotations

import asyncio
import os
import termios
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from firmware_sims.modbus.rtu_frame import (
    FRAME_MAX,
    character_time_s,
    crc16,
    make_frame,
    request_length,
    silent_interval_s,
)
from firmware_sims.modbus.service import UnitService

# What is left of a broken request is dropped when nothing follows it for this long. Far above 3.5
# characters, because a pseudo-terminal hands bytes over whenever the kernel finds time.
STALE_S = 0.1
TIMER_ERROR_S = 0.001_2  # epoll counts whole milliseconds


@dataclass(frozen=True, slots=True)
class LineTiming:
    """How long things take on the line.

    Args:
        baud_rate: the line's speed.
        real_byte_times: let bytes take the time that they need at `baud_rate`; otherwise they
            arrive at once.
        turnaround_s: from a request's last byte to its answer's first, beside the silence.
    """

    baud_rate: int = 9600
    real_byte_times: bool = False
    turnaround_s: float = 0.0

    def answer_delay_s(self, request_bytes: int, answer_bytes: int) -> float:
        """From the request's arrival at once to the end of its answer's last byte."""
        if not self.real_byte_times:
            return self.turnaround_s
        on_line_s = (request_bytes + answer_bytes) * character_time_s(self.baud_rate)
        return on_line_s + self.turnaround_s + 2 * silent_interval_s(self.baud_rate)


LINE_AT_ONCE = LineTiming()


class SerialLine:
    """Several units on one line.

    Args:
        link: where to put a symbolic link to the pseudo-terminal; replaced when it is one already.
        port: an existing port to open instead of making a pseudo-terminal.
    """

    def __init__(
        self,
        service: UnitService,
        *,
        link: Path | None = None,
        port: Path | None = None,
        timing: LineTiming = LINE_AT_ONCE,
    ) -> None:
        self.service = service
        self.link = link
        self.device_path = str(port) if port else ""
        self._port = port
        self._timing = timing
        self._fd = -1
        self._far_end = -1
        self._buffer = b""
        self._heard_s = 0.0

    async def start(self) -> None:
        """Open the line; afterwards `device_path` is where a client opens it.

        Raises:
            OSError: the port cannot be opened or the link not made.
        """
        if self._port is not None:
            self._fd = os.open(self._port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            _make_raw(self._fd, self._timing.baud_rate)
        else:
            self._fd, self._far_end = os.openpty()
            os.set_blocking(self._fd, False)
            # The far end stays open here, because a pseudo-terminal hangs up with its last user.
            _make_raw(self._far_end, self._timing.baud_rate)
            self.device_path = os.ttyname(self._far_end)
            self._make_link()
        asyncio.get_running_loop().add_reader(self._fd, self._on_readable)

    def _make_link(self) -> None:
        if self.link is None:
            return
        if self.link.is_symlink():
            self.link.unlink()
        self.link.symlink_to(self.device_path)
        self.device_path = str(self.link)

    async def stop(self) -> None:
        """Close the line and remove the link."""
        if self._fd < 0:
            return
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        if self._far_end >= 0:
            os.close(self._far_end)
            self._far_end = -1
        if self.link is not None and self.link.is_symlink():
            self.link.unlink()

    def _on_readable(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return
        now_s = time.monotonic()
        if now_s - self._heard_s > STALE_S:
            self._buffer = b""
        self._heard_s = now_s
        self._buffer += data
        self._take_requests()

    def _take_requests(self) -> None:
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
            self._handle(frame)

    def _handle(self, frame: bytes) -> None:
        unit_id, pdu = frame[0], frame[1:-2]
        if unit_id == 0:
            self.service.broadcast(pdu)
        else:
            self.service.handle(unit_id, pdu, make_frame, self._sender(len(frame)))

    def _sender(self, request_bytes: int) -> Callable[[bytes], None]:
        if self._timing.answer_delay_s(0, 0) <= 0:
            return self._send
        arrived_s = time.monotonic()

        def send(data: bytes) -> None:
            due_s = arrived_s + self._timing.answer_delay_s(request_bytes, len(data))
            wait_s = max(0.0, due_s - time.monotonic() - TIMER_ERROR_S)
            asyncio.get_running_loop().call_later(wait_s, self._send_at, due_s, data)

        return send

    def _send_at(self, due_s: float, data: bytes) -> None:
        # The loop's timers are too coarse for a line where a request takes 10 ms; the rest of the
        # wait, about a millisecond, is slept here.
        rest_s = due_s - time.monotonic()
        if rest_s > 0:
            time.sleep(rest_s)
        self._send(data)

    def _send(self, data: bytes) -> None:
        if self._fd < 0:
            return
        try:
            os.write(self._fd, data)
        except BlockingIOError:
            # Nobody reads and the kernel's buffer is full. A line without a listener loses bytes.
            return


def _make_raw(fd: int, baud_rate: int) -> None:
    tty.setraw(fd)
    speed = getattr(termios, f"B{baud_rate}", termios.B9600)
    attributes = termios.tcgetattr(fd)
    attributes[4] = attributes[5] = speed
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
