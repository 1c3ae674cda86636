"""Modbus TCP: the MBAP envelope on asyncio streams.

Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3 (transaction id,
protocol id 0, length of unit id and what follows, unit id).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

from firmware_sims.modbus.service import UnitService

_HEADER = struct.Struct(">HHHB")
_HEADER_BYTES = 7
LONE_UNIT_IDS = (0, 255)
"""What a client may put where the address alone names the device (guide, section 4.4.2.1)."""
LENGTH_MAX = 254  # unit id and 253 bytes of function code and data


class MbapProtocol(asyncio.Protocol):
    """One connection to an endpoint."""

    def __init__(self, service: UnitService, connections: set[asyncio.Transport]) -> None:
        self._service = service
        self._connections = connections
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self._transport)

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

    def _send(self, frame: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _framer(transaction: int) -> Callable[[int, bytes], bytes]:
    def frame(unit_id: int, pdu: bytes) -> bytes:
        return _HEADER.pack(transaction, 0, len(pdu) + 1, unit_id) + pdu

    return frame


class TcpEndpoint:
    """A listening port with one device, or a gateway with many units."""

    def __init__(self, service: UnitService, *, host: str, port: int = 0) -> None:
        self.host = host
        self.port = port
        self.service = service
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()

    async def start(self) -> None:
        """Listen; afterwards `port` is the real one.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: MbapProtocol(self.service, self._connections), self.host, self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
            for transport in list(self._connections):
                transport.abort()
            await self._server.wait_closed()
            self._server = None
