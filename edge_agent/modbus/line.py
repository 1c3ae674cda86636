"""The receiving end of one connection."""

from __future__ import annotations

import asyncio
from typing import Final

from edge_agent.modbus.errors import GarbledError, ModbusError, NotConnectedError
from edge_agent.modbus.fine_timer import FineTimer
from edge_agent.modbus.framing import Framing
from edge_agent.modbus.links import Link, not_connected
from edge_agent.modbus.requests import Request

_STALE_S: Final = 1.0
"""An answer read so long after its time was up lay here while this process stood still."""


class Line(asyncio.Protocol):
    """One connection: one waiter at a time for one reply.

    Args:
        link: what is connected to, for messages.
        framing: of this connection alone.
    """

    __slots__ = (
        *("_due_at", "_last_byte_at", "_link", "_patience_s", "_request", "_timer", "framing"),
        *(
            "has_answered",
            "has_hung_up",
            "loop",
            "overdue",
            "transport",
            "waiter",
            "was_ended_here",
        ),
    )

    def __init__(self, link: Link, framing: Framing) -> None:
        self._link = link
        self.loop = asyncio.get_running_loop()
        self._last_byte_at = 0.0
        self._due_at = 0.0
        self._patience_s = 0.0
        self._request: Request | None = None
        self._timer: FineTimer | None = None
        self.framing = framing
        self.transport: asyncio.Transport | None = None
        self.waiter: asyncio.Future[bytes] | None = None
        self.overdue: dict[tuple[int, int], tuple[Request, float]] = {}
        """By unit and function the request that had no answer in its time, and until when one may
        still be on its way."""
        self.has_answered = False
        self.has_hung_up = False
        self.was_ended_here = False

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return self.transport is not None

    @property
    def may_reopen(self) -> bool:
        """Whether it ended in peace: the other end had answered before, or this one hung up."""
        is_peace = (self.has_answered or self.has_hung_up) and not self.was_ended_here
        return self.transport is None and is_peace

    def send(self, request: Request, *, within_s: float) -> asyncio.Future[bytes]:
        """Send a request; its reply's PDU or a `ModbusError` comes by the future."""
        assert self.transport is not None
        assert self.waiter is None, "one request at a time"
        self.waiter = self.loop.create_future()
        self._request = request
        self._due_at = self.loop.time() + within_s + _STALE_S
        self._patience_s = within_s
        self.transport.write(self.framing.begin(request))
        return self.waiter

    def expire(self, patience_s: float) -> None:
        """End the request under way: its time is up, and as much again for a late answer."""
        if self._request is not None:
            self._is_overdue(self._request, self.loop.time() + patience_s)
        self._finish(self.framing.give_up())

    def _is_overdue(self, request: Request, until: float) -> None:
        self.overdue[request.unit, request.function] = request, until

    async def let_pass(self, request: Request) -> None:
        """Wait while a late answer could pass for the one to this request."""
        now = self.loop.time()
        self.overdue = {key: one for key, one in self.overdue.items() if one[1] > now}
        overdue, until = self.overdue.get((request.unit, request.function), (request, now))
        if self.framing.confuses(overdue, request):
            del self.overdue[request.unit, request.function]
            await asyncio.sleep(until - now)

    async def silence(self, silence_s: float, *, at_most_s: float) -> None:
        """Wait until nothing was heard for `silence_s`; go on all the same after `at_most_s`."""
        give_up_at = self.loop.time() + at_most_s
        while True:
            now = self.loop.time()
            rest_s = self._last_byte_at + silence_s - now
            if rest_s <= 0 or now >= give_up_at:
                return
            await self._pause(rest_s)

    async def _pause(self, seconds: float) -> None:
        if not self._link.character_s:
            await asyncio.sleep(seconds)
            return
        if self._timer is None:
            self._timer = FineTimer()
        await self._timer.wait(seconds)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.close()

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        now = self.loop.time()
        gap_s, self._last_byte_at = now - self._last_byte_at, now
        if self.waiter is not None and now > self._due_at:
            self.expire(0.0)  # else an old value would get the time of now
        if gap_s > self.framing.gap_max_s:
            self.framing.pause()
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
                if self.overdue:
                    self._doubt(now)
                self.waiter.set_result(pdu)

    def _doubt(self, now: float) -> None:
        """Expect another answer if this may be the late one to the same question asked before."""
        request = self._request
        if request is None:
            return
        _, until = self.overdue.get((request.unit, request.function), (request, 0.0))
        if until > now:
            # sent so long ago, and answered as late as the first was
            self._is_overdue(request, self._due_at - _STALE_S + self._patience_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection has ended."""
        self.transport = None
        self._stop_timer()
        # A reset in place of a goodbye is how many small devices close.
        self._finish(not_connected(self._link, exc))

    def _finish(self, error: ModbusError) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)

    def hang_up(self) -> None:
        """Close the connection in peace; the next request may open it again."""
        self._stop_timer()
        transport, self.transport = self.transport, None
        if transport is not None:
            self.has_hung_up = True
            transport.close()

    def close(self) -> None:
        """Close the connection at once."""
        self.was_ended_here = True
        self._stop_timer()
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()
            self._finish(NotConnectedError("closed", place=self._link.place))
