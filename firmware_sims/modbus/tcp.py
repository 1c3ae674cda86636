"""Modbus on TCP: in the MBAP envelope, or serial frames as simple converters send them.

Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3 (transaction id,
protocol id 0, length of unit id and what follows, unit id).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Literal, cast

from firmware_sims.modbus import ascii_frame, rtu_frame
from firmware_sims.modbus.ascii_frame import AsciiReader
from firmware_sims.modbus.rtu_frame import RtuReader
from firmware_sims.modbus.service import UnitService
from firmware_sims.modbus.spoil import Framing

_HEADER = struct.Struct(">HHHB")
_HEADER_BYTES = 7
LONE_UNIT_IDS = (0, 255)
"""What a client may put where the address alone names the device (guide, section 4.4.2.1)."""
LENGTH_MAX = 254  # unit id and 253 bytes of function code and data

Connections = Literal["many", "refuse", "replace"]
"""What becomes of a second connection: it is served, closed at once, or takes the first's place."""


class _Connection(asyncio.Protocol):
    """One connection to an endpoint."""

    def __init__(
        self, service: UnitService, connections: set[asyncio.Transport], policy: Connections
    ) -> None:
        self._service = service
        self._connections = connections
        self._policy = policy
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, if the endpoint takes another one."""
        made = cast("asyncio.Transport", transport)
        if self._policy == "refuse" and self._connections:
            made.abort()
            return
        if self._policy == "replace":
            for other in list(self._connections):
                other.abort()
        self._transport = made
        self._connections.add(made)
        self._service.connected()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        """Forget the connection; late answers find it gone."""
        if self._transport is not None:
            self._connections.discard(self._transport)
            self._transport = None

    def pause_writing(self) -> None:
        """Hear no more requests from a client that does not take its answers."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Hear requests again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _send(self, frame: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class MbapProtocol(_Connection):
    """A connection in Modbus TCP's own envelope."""

    _buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request; close the connection on what cannot be Modbus."""
        buffer = self._buffer + data if self._buffer else data
        at = 0
        while len(buffer) - at >= _HEADER_BYTES:
            transaction, protocol_id, length, unit_id = _HEADER.unpack_from(buffer, at)
            if protocol_id != 0 or not 2 <= length <= LENGTH_MAX:
                self._close()
                return
            end = at + 6 + length
            if len(buffer) < end:
                break
            pdu = buffer[at + _HEADER_BYTES : end]
            self._service.handle(unit_id, pdu, _framer(transaction), self._send)
            at = end
        self._buffer = buffer[at:]


class SerialFrameProtocol(_Connection):
    """A connection that carries the frames of a serial line."""

    def __init__(
        self,
        service: UnitService,
        connections: set[asyncio.Transport],
        policy: Connections,
        *,
        framing: Literal["rtu", "ascii"],
    ) -> None:
        super().__init__(service, connections, policy)
        self._reader = RtuReader() if framing == "rtu" else AsciiReader()
        self._frame = rtu_frame.make_frame if framing == "rtu" else ascii_frame.make_frame

    def data_received(self, data: bytes) -> None:
        """Answer every whole request; what is none is passed over, as on a line."""
        for unit_id, pdu, _ in self._reader.feed(data):
            if unit_id == 0:
                self._service.broadcast(pdu)
            else:
                self._service.handle(unit_id, pdu, self._frame, self._send)


def _framer(transaction: int) -> Callable[[int, bytes], bytes]:
    def frame(unit_id: int, pdu: bytes) -> bytes:
        return _HEADER.pack(transaction, 0, len(pdu) + 1, unit_id) + pdu

    return frame


class TcpEndpoint:
    """A listening port with one device, or a gateway with many units.

    Args:
        framing: `tcp` is Modbus TCP's own; `rtu` and `ascii` are serial frames sent as they are.
        policy: what becomes of a second connection.
    """

    def __init__(
        self,
        service: UnitService,
        *,
        host: str,
        port: int = 0,
        framing: Framing = "tcp",
        policy: Connections = "many",
    ) -> None:
        self.host = host
        self.port = port
        self.service = service
        self._framing = framing
        self._policy = policy
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()

    async def start(self) -> None:
        """Listen; afterwards `port` is the real one.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _connection(self) -> asyncio.Protocol:
        if self._framing == "tcp":
            return MbapProtocol(self.service, self._connections, self._policy)
        return SerialFrameProtocol(
            self.service, self._connections, self._policy, framing=self._framing
        )

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
            for transport in list(self._connections):
                transport.abort()
            await self._server.wait_closed()
            self._server = None
