"""A Modbus device that answers byte for byte what a test tells it to, over TCP or a serial line."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

Send = Callable[[bytes], None]
Script = Callable[[bytes, Send], Coroutine[None, None, None]]
"""Called with each request as it arrived, and a function that sends bytes back."""

CLOSE = b"<close>"
"""Sent by a script, it closes the connection; with a reset where TCP can."""


def mbap(request: bytes, pdu: bytes, *, tid: int | None = None, unit: int | None = None) -> bytes:
    """Return the TCP frame that answers `request` with `pdu`."""
    head = request[:2] if tid is None else tid.to_bytes(2, "big")
    return head + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + _unit(request[6], unit) + pdu


def rtu(request: bytes, pdu: bytes, *, unit: int | None = None) -> bytes:
    """Return the RTU frame that answers `request` with `pdu`."""
    frame = _unit(request[0], unit) + pdu
    return frame + crc16(frame)


def _unit(asked: int, unit: int | None) -> bytes:
    return bytes([asked if unit is None else unit])


def crc16(frame: bytes) -> bytes:
    """CRC-16/MODBUS, bit by bit as the standard describes it, low byte first."""
    crc = 0xFFFF
    for byte in frame:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def ascii_frame(unit_and_pdu: bytes) -> bytes:
    """Return the ASCII frame of a unit and its PDU."""
    checksum = (0x100 - sum(unit_and_pdu) % 0x100) % 0x100
    return b":" + (unit_and_pdu + bytes([checksum])).hex().upper().encode() + b"\r\n"


def registers(*values: int, function: int = 3) -> bytes:
    """Return the PDU that carries these registers."""
    data = b"".join(value.to_bytes(2, "big") for value in values)
    return bytes([function, len(data)]) + data


class ScriptedTcp:
    """A TCP endpoint; every chunk that arrives is one request."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.port = 0
        self.requests: list[bytes] = []
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)

        def send(data: bytes) -> None:
            if data is CLOSE:
                writer.transport.abort()
            else:
                writer.write(data)

        try:
            while request := await reader.read(512):
                self.requests.append(request)
                await self.script(request, send)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    def reset_all(self) -> None:
        """Break every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()


@asynccontextmanager
async def scripted_tcp(script: Script) -> AsyncIterator[ScriptedTcp]:
    """A scripted device on a free loopback port."""
    device = ScriptedTcp(script)
    server = await asyncio.start_server(device.serve, "127.0.0.1", 0)
    device.port = server.sockets[0].getsockname()[1]
    try:
        yield device
    finally:
        server.close()
        device.reset_all()
        await asyncio.sleep(0)


class ScriptedSerial:
    """The device's end of a serial line; requests are 8 bytes, as reads and single writes are."""

    def __init__(self, port: Path, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self._descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._buffer = b""
        self._running: set[asyncio.Task[None]] = set()
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def _read(self) -> None:
        self._buffer += os.read(self._descriptor, 512)
        while len(self._buffer) >= 8:
            request, self._buffer = self._buffer[:8], self._buffer[8:]
            self.requests.append(request)
            task = asyncio.create_task(self.script(request, self.send))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def send(self, data: bytes) -> None:
        os.write(self._descriptor, data)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        for task in self._running:
            task.cancel()


@asynccontextmanager
async def scripted_serial(port: Path, script: Script) -> AsyncIterator[ScriptedSerial]:
    """A scripted device on the far end of a serial line."""
    device = ScriptedSerial(port, script)
    try:
        yield device
    finally:
        device.close()
