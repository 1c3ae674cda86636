"""A serial line on a pseudo-terminal with units that answer from a script."""

import asyncio
import os
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from tests.edge.finding.threads import in_thread
from tests.support.modbus_script import crc16

Unit = Callable[[bytes], bytes]
"""Takes a request's function code and data; gives the answer's, or nothing."""
Spoil = Callable[[bytes], bytes]
"""Makes of a whole answer what the line carries."""


def refuses(code: int = 2) -> Unit:
    return lambda pdu: bytes([pdu[0] | 0x80, code])


def registers(known: Mapping[int, int], *, function: int = 3, others: int = 2) -> Unit:
    """A device with these registers; it refuses the rest."""

    def answer(pdu: bytes) -> bytes:
        address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        words = [known.get(at) for at in range(address, address + count)]
        if pdu[0] != function:
            return bytes([pdu[0] | 0x80, 1])
        if None in words or len(pdu) != 5:
            return bytes([pdu[0] | 0x80, others])
        data = b"".join((word or 0).to_bytes(2, "big") for word in words)
        return bytes([pdu[0], len(data)]) + data

    return answer


def silent(_pdu: bytes) -> bytes:
    return b""


_SIZES = {17: 4, 43: 7}


class ScriptedLine:
    """The devices' end. `sent` keeps every request as it came: unit and PDU."""

    def __init__(
        self,
        units: Mapping[int, Unit],
        *,
        baud_rate: int | None = None,
        echo: bool = False,
        spoil: Mapping[int, Spoil] | None = None,
        delay_s: Mapping[int, float] | None = None,
    ) -> None:
        self.units = units
        self.sent: list[tuple[int, bytes]] = []
        self.path = ""
        self._baud_rate = baud_rate
        self._echo = echo
        self._spoil = spoil or {}
        self._delay_s = delay_s or {}
        self._near = self._far = -1
        self._buffer = b""

    def start(self) -> None:
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self._near, False)
        self.path = os.ttyname(self._far)
        asyncio.get_running_loop().add_reader(self._near, self._read)

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._near)
        os.close(self._near)
        os.close(self._far)

    def say(self, data: bytes) -> None:
        os.write(self._near, data)

    def _read(self) -> None:
        self._buffer += os.read(self._near, 4096)
        while True:
            frame = self._frame()
            if frame is None:
                return
            self.sent.append((frame[0], frame[1:-2]))
            if self._echo:
                self.say(frame)
            self._answer(frame[0], frame[1:-2])

    def _frame(self) -> bytes | None:
        """The next whole request; one whose checksum is wrong is dropped with all behind it."""
        size = _SIZES.get(self._buffer[1], 8) if len(self._buffer) > 1 else 8
        if len(self._buffer) < size:
            return None
        frame, self._buffer = self._buffer[:size], self._buffer[size:]
        if crc16(frame[:-2]) != frame[-2:]:
            self._buffer = b""
            return None
        return frame

    def _answer(self, unit: int, pdu: bytes) -> None:
        if not self._is_set_right() or unit not in self.units:
            return
        answer = self.units[unit](pdu)
        if not answer:
            return
        frame = bytes([unit]) + answer
        data = self._spoil.get(unit, bytes)(frame + crc16(frame))
        delay_s = self._delay_s.get(unit, 0.0)
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self.say, data)
        elif data:
            self.say(data)

    def _is_set_right(self) -> bool:
        """A device hears nothing when the line is set otherwise; a terminal shows its setting."""
        # A pseudo-terminal keeps the speed that was set, and no parity.
        speed = termios.tcgetattr(self._far)[4]
        return self._baud_rate is None or speed == getattr(termios, f"B{self._baud_rate}")


@asynccontextmanager
async def serving(line: ScriptedLine) -> AsyncIterator[ScriptedLine]:
    line.start()
    try:
        yield line
    finally:
        line.stop()


@contextmanager
def line_in_thread(line: ScriptedLine) -> Iterator[ScriptedLine]:
    """Serve from another thread, as the commands run a loop of their own."""
    with in_thread(lambda: serving(line)) as served:
        yield served
