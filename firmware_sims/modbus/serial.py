"""Modbus on a serial line: a pseudo-terminal of its own, or a port that exists.

Source: MODBUS over Serial Line Specification and Implementation Guide V1.02, section 2.5.
"""

from __future__ import annotations

import asyncio
import os
import termios
import time
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Literal

from firmware_sims.modbus import ascii_frame, rtu_frame
from firmware_sims.modbus.ascii_frame import AsciiReader
from firmware_sims.modbus.line_time import LineTime, LineTiming
from firmware_sims.modbus.rtu_frame import Heard, RtuReader
from firmware_sims.modbus.service import UnitService

__all__ = ["LINE_AT_ONCE", "Foreign", "LineTiming", "SerialLine"]

# What is left of a broken request is dropped when nothing follows it for this long. Far above 3.5
# characters, because a pseudo-terminal hands bytes over whenever the kernel finds time.
STALE_S = 0.1
TIMER_ERROR_S = 0.001_2  # epoll counts whole milliseconds
FOREIGN_PATIENCE_S = 0.02

LINE_AT_ONCE = LineTiming()
LIGHTS_OFF = b"\x06\x00\x10\x00\x00"
"""What a lighting panel may tell everybody: function 6, register 16, value 0."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Frames of somebody else on the line, to all and nobody.

    Args:
        every_s: how often.
        pdus: function and data, in turn.
    """

    every_s: float
    pdus: Sequence[bytes] = (LIGHTS_OFF,)


class SerialLine:
    """Several units on one line.

    Args:
        link: where to put a symbolic link to the pseudo-terminal; replaced when it is one already.
        port: an existing port to open instead of making a pseudo-terminal.
        timing: how long bytes and answers take.
        framing: of requests and answers.
        echo: who sends hears itself, as on two-wire lines whose receiver is never off.
        foreign: what else is heard on the line.
    """

    def __init__(
        self,
        service: UnitService,
        *,
        link: Path | None = None,
        port: Path | None = None,
        timing: LineTiming = LINE_AT_ONCE,
        framing: Literal["rtu", "ascii"] = "rtu",
        echo: bool = False,
        foreign: Foreign | None = None,
    ) -> None:
        self.service = service
        self.link = link
        self.device_path = str(port) if port else ""
        self._port = port
        self._timing = timing
        self._time = LineTime(timing)
        self._reader = RtuReader() if framing == "rtu" else AsciiReader()
        self._frame = rtu_frame.make_frame if framing == "rtu" else ascii_frame.make_frame
        self._echo = echo
        self._foreign = foreign
        self._foreign_pdus = cycle(foreign.pdus if foreign is not None else ())
        self._timers: set[asyncio.TimerHandle] = set()
        self._fd = -1
        self._far_end = -1
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
        if self._foreign is not None:
            self._at(time.monotonic() + self._foreign.every_s, self._speak_foreign)

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
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
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
            self._reader.clear()
        self._heard_s = now_s
        if self._echo:
            self._at(
                max(now_s, self._time.free_s) + len(data) * self._timing.byte_s, self._send, data
            )
        for heard in self._reader.feed(data):
            self._handle(heard, now_s)

    def _handle(self, heard: Heard, now_s: float) -> None:
        end_s = self._time.request_end_s(now_s, heard.size)
        if heard.unit_id == 0:
            self.service.broadcast(heard.pdu)
        else:
            self.service.handle(heard.unit_id, heard.pdu, self._frame, self._sender(end_s))

    def _sender(self, request_end_s: float) -> Callable[[bytes], None]:
        if self._timing.answer_delay_s(0, 0) <= 0 and not self._echo:
            return self._send

        def send(data: bytes) -> None:
            begin_s = self._time.answer_begin_s(time.monotonic(), request_end_s)
            for due_s, piece in self._time.pieces(begin_s, data):
                self._at(due_s, self._send, piece)

        return send

    def _speak_foreign(self) -> None:
        """Send a frame of somebody else's, who waits until the line is free as we all do."""
        assert self._foreign is not None
        now_s = time.monotonic()
        quiet_since_s = max(self._time.free_s, self._heard_s)
        if now_s < quiet_since_s + FOREIGN_PATIENCE_S:
            self._at(quiet_since_s + 2 * FOREIGN_PATIENCE_S, self._speak_foreign)
            return
        frame = self._frame(0, next(self._foreign_pdus))
        for due_s, piece in self._time.pieces(now_s, frame):
            self._at(due_s, self._send, piece)
        self._at(now_s + self._foreign.every_s, self._speak_foreign)

    def _at(self, due_s: float, call: Callable[..., None], *arguments: object) -> None:
        """Call at a time of the monotonic clock; at once when that is over."""
        wait_s = due_s - time.monotonic()
        if wait_s <= 0 and call is self._send:
            call(*arguments)
            return
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def act() -> None:
            # The loop's timers are too coarse for a line where a request takes 10 ms; the rest of
            # the wait, about a millisecond, is slept here.
            self._timers.discard(timer)
            rest_s = due_s - time.monotonic()
            if rest_s > 0:
                time.sleep(min(rest_s, TIMER_ERROR_S))
            call(*arguments)

        timer = loop.call_later(max(0.0, wait_s - TIMER_ERROR_S), act)
        self._timers.add(timer)

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
