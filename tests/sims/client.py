"""A Modbus client for tests: sends what it is told and shows the bytes that come back."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from firmware_sims.codec import Encoding
from firmware_sims.device import DeviceParts, ModbusDevice
from firmware_sims.modbus.service import ServiceContext, UnitService
from firmware_sims.modbus.spoil import Framing
from firmware_sims.modbus.tcp import LONE_UNIT_IDS, Connections, TcpEndpoint
from firmware_sims.registers import RegisterPoint
from firmware_sims.truth import TruthLog

QUIET_S = 0.15


class StillClock:
    """Seconds of the run, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def mbap(transaction: int, unit_id: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit_id) + pdu


def read_pdu(function: int, address: int, count: int) -> bytes:
    return struct.pack(">BHH", function, address, count)


class TcpClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def receive(self) -> tuple[int, int, bytes]:
        """Transaction, unit and PDU of the next answer."""
        async with asyncio.timeout(5):
            header = await self._reader.readexactly(7)
            transaction, _, length, unit_id = struct.unpack(">HHHB", header)
            return transaction, unit_id, await self._reader.readexactly(length - 1)

    async def ask(self, unit_id: int, pdu: bytes) -> bytes:
        self.send(mbap(7, unit_id, pdu))
        transaction, unit, answer = await self.receive()
        assert (transaction, unit) == (7, unit_id)
        return answer

    async def everything(self, quiet_s: float = QUIET_S) -> bytes:
        """All bytes until none comes for a while."""
        data = b""
        while True:
            try:
                async with asyncio.timeout(quiet_s):
                    more = await self._reader.read(4096)
            except TimeoutError:
                return data
            if not more:
                return data
            data += more

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            try:
                return await self._reader.read(1) == b""
            except ConnectionError:
                return True

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[TcpClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = TcpClient(reader, writer)
    try:
        yield client
    finally:
        client.close()


@asynccontextmanager
async def endpoint(
    *devices: ModbusDevice,
    clock: StillClock | None = None,
    truth: TruthLog | None = None,
    turnaround_s: float = 0.0,
    answers_for_missing: bool = False,
    framing: Framing = "tcp",
    policy: Connections = "many",
) -> AsyncIterator[TcpEndpoint]:
    service = UnitService(
        devices,
        ServiceContext(clock or StillClock(), truth or TruthLog(None)),
        framing=framing,
        turnaround_s=turnaround_s,
        answers_for_missing=answers_for_missing,
        unit_ids_of_lone_device=LONE_UNIT_IDS,
    )
    server = TcpEndpoint(service, host="127.0.0.1", framing=framing, policy=policy)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class SerialClient:
    """One end of a serial line."""

    def __init__(self, path: str | Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def send(self, data: bytes) -> None:
        os.write(self._fd, data)

    async def receive(self, count: int, *, timeout_s: float = 5.0) -> bytes:
        """So many bytes, or what came until the time was over."""
        loop = asyncio.get_running_loop()
        data = b""
        deadline_s = loop.time() + timeout_s
        while len(data) < count and loop.time() < deadline_s:
            try:
                data += os.read(self._fd, count - len(data))
            except BlockingIOError:
                await asyncio.sleep(0.002)
        return data

    async def everything(self) -> bytes:
        return await self.receive(4096, timeout_s=QUIET_S)

    def close(self) -> None:
        os.close(self._fd)


def plain_device(
    unit_id: int = 1, *, count: int = 4, device_id: str = "device-1", writable: bool = False
) -> ModbusDevice:
    """Holding registers 0, 1, 2… that hold 100, 101, 102…"""
    points = [
        RegisterPoint(f"p{n}", "holding", n, Encoding(), writable=writable) for n in range(count)
    ]
    initial = {point.name: 100.0 + n for n, point in enumerate(points)}
    return ModbusDevice(device_id, unit_id, DeviceParts(points=points, initial=initial))
