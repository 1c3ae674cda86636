"""One connection to one bus: a request out, its reply or a `ModbusError` back.

pymodbus drives serial ports. Encoding requests and matching replies to them is done here, stricter
and cheaper than its own client does it: docs/decisions/010-modbus-client.md, 012-edge-memory.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from edge_agent.modbus.errors import GarbledError, ModbusError, NotConnectedError
from edge_agent.modbus.framing import Framing
from edge_agent.modbus.links import LIBRARY_ERRORS, Link, not_connected
from edge_agent.modbus.requests import Request, unpack_reply

_STALE_S: Final = 1.0
"""An answer read so long after its time was up lay here while this process stood still."""


class ModbusClient:
    """Speaks to the units behind one link, one request at a time.

    Args:
        link: where the bus is.
        framing: makes the framing of a new connection.
        timeout_s: how long a device may take before it answers; the time the bytes themselves
            need on a serial line comes on top.
        connect_timeout_s: how long connecting may take.
        pause_s: silence kept before each request, on top of what the line itself needs.
        settle_s: pause after connecting, for devices that are not ready at once.
    """

    def __init__(
        self,
        link: Link,
        framing: Callable[[], Framing],
        *,
        timeout_s: float,
        connect_timeout_s: float = 5.0,
        pause_s: float = 0.0,
        settle_s: float = 0.0,
    ) -> None:
        self.link = link
        self._framing = framing
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._silence_s = link.silence_s + pause_s
        self._settle_s = settle_s
        self._line: _Line | None = None

    @property
    def connected(self) -> bool:
        """Whether a request can be sent."""
        return self._line is not None and self._line.transport is not None

    async def connect(self) -> None:
        """Open a new connection, closing the old one.

        Raises:
            NotConnectedError: it cannot be opened, or not in time.
        """
        self.close()
        line = _Line(self.link, self._framing())
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                line.transport = await self.link.open(line)
        except LIBRARY_ERRORS as error:
            raise not_connected(self.link, error) from error
        self._line = line
        if self._settle_s:
            await asyncio.sleep(self._settle_s)

    def close(self) -> None:
        """Close the connection, if there is one."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    async def execute(self, request: Request) -> Sequence[int]:
        """Send a request; return the registers or bits of its reply, nothing for a write.

        Raises:
            ModbusError: of the kind that tells what happened; see `edge_agent.modbus.errors`.
        """
        line = self._line
        if line is None or line.transport is None:
            raise NotConnectedError("not connected", place=self.link.place)
        link = self.link
        if self._silence_s:
            await line.silence(self._silence_s, at_most_s=self._timeout_s + self._silence_s)
            if line.transport is None:
                raise NotConnectedError("not connected", place=link.place)
        wire_s = link.character_s * (len(request.pdu) + 3 + line.framing.reply_bytes(request))
        reply = line.send(request, within_s=self._timeout_s + wire_s)
        # What asyncio.timeout does, at a third of its cost: this runs for every request.
        timer = line.loop.call_later(self._timeout_s + wire_s, line.expire)
        try:
            pdu = await reply
        except LIBRARY_ERRORS as error:
            raise not_connected(link, error) from error
        finally:
            timer.cancel()
            line.waiter = None
        return unpack_reply(request, pdu)


class _Line(asyncio.Protocol):
    """The receiving end of one connection."""

    __slots__ = ("_due_at", "_last_byte_at", "_link", "framing", "loop", "transport", "waiter")

    def __init__(self, link: Link, framing: Framing) -> None:
        self._link = link
        self.loop = asyncio.get_running_loop()
        self._last_byte_at = 0.0
        self._due_at = 0.0
        self.framing = framing
        self.transport: asyncio.Transport | None = None
        self.waiter: asyncio.Future[bytes] | None = None

    def send(self, request: Request, *, within_s: float) -> asyncio.Future[bytes]:
        assert self.transport is not None
        assert self.waiter is None, "one request at a time"
        self.waiter = self.loop.create_future()
        self._due_at = self.loop.time() + within_s + _STALE_S
        self.transport.write(self.framing.begin(request))
        return self.waiter

    def expire(self) -> None:
        """End the request under way: its time is up."""
        self._finish(self.framing.give_up())

    async def silence(self, silence_s: float, *, at_most_s: float) -> None:
        """Wait until nothing was heard for `silence_s`; go on all the same after `at_most_s`."""
        give_up_at = self.loop.time() + at_most_s
        while True:
            now = self.loop.time()
            rest_s = self._last_byte_at + silence_s - now
            if rest_s <= 0 or now >= give_up_at:
                return
            await asyncio.sleep(rest_s)

    def data_received(self, data: bytes) -> None:
        self._last_byte_at = self.loop.time()
        if self._last_byte_at > self._due_at and self.waiter is not None:
            self.expire()  # else an old value would get the time of now
        try:
            pdu = self.framing.receive(data)
        except GarbledError as error:
            # Where the next frame begins is unknown: only a new connection is sure to be in step.
            self._finish(error)
            self.close()
        except ModbusError as error:
            self._finish(error)
        else:
            if pdu is not None and self.waiter is not None and not self.waiter.done():
                self.waiter.set_result(pdu)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._finish(not_connected(self._link, exc))

    def _finish(self, error: ModbusError) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)

    def close(self) -> None:
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()
            self._finish(NotConnectedError("closed", place=self._link.place))
