"""One connection to one bus: a request out, its reply or a `ModbusError` back.

pymodbus drives serial ports. Encoding requests and matching replies to them is done here, stricter
and cheaper than its own client does it: docs/decisions/010-modbus-client.md, 012-edge-memory.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from edge_agent.modbus.errors import NotConnectedError
from edge_agent.modbus.framing import Framing
from edge_agent.modbus.line import Line
from edge_agent.modbus.links import LIBRARY_ERRORS, Link, not_connected
from edge_agent.modbus.requests import READ_FUNCTIONS, Request, unpack_reply

LINGER_S: Final = 0.05
"""Who does not keep its connection waits so long for a next request before it hangs up."""


class ModbusClient:
    """Speaks to the units behind one link, one request at a time.

    A device that closes the connection after its answers is no failure: the next request opens it
    again. Only one that closes before it has ever answered is not connected.

    Args:
        link: where the bus is.
        framing: makes the framing of a new connection.
        timeout_s: how long a device may take before it answers; the time the bytes themselves
            need on a serial line comes on top.
        connect_timeout_s: how long connecting may take.
        pause_s: silence kept before each request, on top of what the line itself needs.
        settle_s: pause after connecting, for devices that are not ready at once.
        hangs_up: whether to end the connection when nothing more is asked, for devices that
            others want to speak to as well.
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
        hangs_up: bool = False,
    ) -> None:
        self.link = link
        self._framing = framing
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._silence_s = link.silence_s + pause_s
        self._settle_s = settle_s
        self._hangs_up = hangs_up
        self._hanging_up: asyncio.TimerHandle | None = None
        self._line: Line | None = None

    @property
    def connected(self) -> bool:
        """Whether a request can be sent; it may have to open the connection again."""
        return self._line is not None and (self._line.is_open or self._line.may_reopen)

    async def connect(self) -> None:
        """Open a new connection, closing the old one.

        Raises:
            NotConnectedError: it cannot be opened, or not in time.
        """
        self.close()
        line = Line(self.link, self._framing())
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
        self._keep()
        line, self._line = self._line, None
        if line is not None:
            line.close()

    async def execute(self, request: Request, timeout_s: float | None = None) -> Sequence[int]:
        """Send a request; return the registers or bits of its reply, nothing for a write.

        Args:
            request: the request.
            timeout_s: how long this device may take to answer; by default as long as any.

        Raises:
            ModbusError: of the kind that tells what happened; see `edge_agent.modbus.errors`.
        """
        if timeout_s is None:
            timeout_s = self._timeout_s
        if self._hangs_up:
            self._keep()
        line = self._line
        if line is None or line.transport is None or not line.framing.in_step:
            line = await self._open_line()
        try:
            return await self._exchange(line, request, timeout_s)
        except NotConnectedError:
            if not line.may_reopen or request.function not in READ_FUNCTIONS:
                raise  # a write may have acted
        finally:
            if self._hangs_up:
                self._hang_up_soon()
        await self.connect()
        return await self._exchange(await self._open_line(), request, timeout_s)

    async def _open_line(self) -> Line:
        line = self._line
        if line is not None and (line.may_reopen or (line.is_open and not line.framing.in_step)):
            await self.connect()
            line = self._line
        if line is None or not line.is_open:
            raise NotConnectedError("not connected", place=self.link.place)
        return line

    async def _exchange(self, line: Line, request: Request, timeout_s: float) -> Sequence[int]:
        if line.overdue:
            await line.let_pass(request)
        if self._silence_s:
            await line.silence(self._silence_s, at_most_s=timeout_s + self._silence_s)
        if not line.is_open:
            raise NotConnectedError("not connected", place=self.link.place)
        within_s = timeout_s
        if self.link.character_s:
            within_s += self.link.character_s * line.framing.exchange_bytes(request)
        reply = line.send(request, within_s=within_s)
        # What asyncio.timeout does, at a third of its cost: this runs for every request.
        timer = line.loop.call_later(within_s, line.expire, timeout_s)
        try:
            pdu = await reply
        except LIBRARY_ERRORS as error:
            raise not_connected(self.link, error) from error
        finally:
            timer.cancel()
            line.waiter = None
        line.has_answered = True
        return unpack_reply(request, pdu)

    # --- hanging up -----------------------------------------------------------------------------

    def _keep(self) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
            self._hanging_up = None

    def _hang_up_soon(self) -> None:
        if self._line is not None:
            self._hanging_up = self._line.loop.call_later(LINGER_S, self._hang_up)

    def _hang_up(self) -> None:
        self._hanging_up = None
        if self._line is not None:
            self._line.hang_up()
