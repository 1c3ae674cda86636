"""One connection on which only reading requests go out, and everything that comes back is kept.

The agent's own client (`edge_agent.modbus.client`) lets nothing pass but the right answer; finding
and diagnosing need the wrong ones, too, and when the first byte came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_agent.finding.asks import Ask
from edge_agent.finding.envelopes import (
    Envelope,
    Outcome,
    Understood,
    is_whole,
    rtu_frames,
    understand,
    wrap,
)
from edge_agent.modbus.errors import NotConnectedError
from edge_agent.modbus.links import LIBRARY_ERRORS, Link, not_connected

_CHUNK_GAP_S: Final = 0.03
"""USB adapters hand bytes over in lumps 16 ms apart; so long a hole does not end an answer."""
_NOISE_BYTES_MAX: Final = 1_024
_HEARD_BYTES_MAX: Final = 600
"""Two of the longest answers: what is kept to find late ones in."""

_Whole = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it."""

    ask: Ask
    understood: Understood
    raw: bytes
    """All that came, as it came."""
    first_byte_s: float | None
    """From the request's last byte on the wire to the first one back; None: nothing came."""
    took_s: float
    """From the request's begin until this was known."""

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        return self.understood.outcome

    @property
    def pdu(self) -> bytes:
        """The answer's function code and data, or nothing."""
        return self.understood.pdu

    @property
    def is_somebody(self) -> bool:
        """Whether the unit that was asked is there."""
        return self.outcome in (Outcome.ANSWERED, Outcome.REFUSED)


@dataclass(slots=True)
class Traffic:
    """What went over a connection."""

    requests: int = 0
    silent: int = 0
    """Requests that nobody answered in time."""
    bytes_sent: int = 0
    bytes_received: int = 0
    waited_in_vain_s: float = 0.0
    """The time-outs of the silent ones."""

    def add(self, other: Traffic) -> None:
        """Count another connection's in."""
        self.requests += other.requests
        self.silent += other.silent
        self.bytes_sent += other.bytes_sent
        self.bytes_received += other.bytes_received
        self.waited_in_vain_s += other.waited_in_vain_s


class Line:
    """A connection to a bus; one request at a time.

    Args:
        link: where the bus is.
        envelope: how requests are wrapped.
        connect_timeout_s: how long connecting may take.
        pause_s: silence kept before each request, beside what the line itself needs.
        settle_s: pause after connecting, for devices that are not ready at once.
    """

    def __init__(
        self,
        link: Link,
        envelope: Envelope,
        *,
        connect_timeout_s: float = 3.0,
        pause_s: float = 0.0,
        settle_s: float = 0.0,
    ) -> None:
        self.link = link
        self.envelope: Envelope = envelope
        self.traffic = Traffic()
        self._connect_timeout_s = connect_timeout_s
        self._silence_s = link.silence_s + pause_s
        self._settle_s = settle_s
        self._receiver: _Receiver | None = None
        self._transaction = 0
        self._heard = b""

    @property
    def connected(self) -> bool:
        """Whether a request can be sent."""
        return self._receiver is not None and self._receiver.transport is not None

    async def open(self) -> None:
        """Connect.

        Raises:
            NotConnectedError: it cannot be opened, or not in time.
        """
        self.close()
        receiver = _Receiver()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                receiver.transport = await self.link.open(receiver)
        except LIBRARY_ERRORS as error:
            raise not_connected(self.link, error) from error
        self._receiver = receiver
        await asyncio.sleep(self._settle_s)

    def close(self) -> None:
        """Close the connection, if there is one."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None and receiver.transport is not None:
            receiver.transport.abort()

    def wire_s(self, ask: Ask) -> float:
        """Return how long a request takes on the wire, with the silence before it."""
        characters = len(wrap(self.envelope, ask))
        return characters * self.link.character_s + self._silence_s

    async def ask(self, ask: Ask, *, timeout_s: float, linger_s: float = 0.0) -> Exchange:
        """Send a request and wait for what comes.

        Args:
            ask: the request.
            timeout_s: how long to wait for the first byte, counted from the request's last.
            linger_s: how long to listen on after the answer, for a second one.

        Raises:
            NotConnectedError: there is no connection, or it broke.
        """
        receiver = self._receiver
        if receiver is None or receiver.transport is None:
            raise NotConnectedError("not connected", place=self.link.place)
        await receiver.wait_silence(self._silence_s, at_most_s=timeout_s)
        self._transaction = self._transaction % 0xFFFF + 1
        transaction = self._transaction
        sent = wrap(self.envelope, ask, transaction)
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        on_wire_s = len(sent) * self.link.character_s
        self._begin(receiver)
        receiver.transport.write(sent)

        def whole(raw: bytes) -> bool:
            return is_whole(self.envelope, ask, sent, raw, transaction=transaction)

        gap_s = _CHUNK_GAP_S + 4 * self.link.character_s
        await receiver.listen(
            whole,
            first_by_s=begun_s + on_wire_s + self._silence_s + timeout_s,
            gap_s=gap_s,
            echo_bytes=sent if self.envelope != "tcp" else b"",
        )
        if linger_s and receiver.raw:
            await asyncio.sleep(linger_s)
        raw = bytes(receiver.raw)
        if receiver.lost and not raw:
            raise NotConnectedError("the other end closed", place=self.link.place)
        self._count(sent, raw, timeout_s)
        understood = understand(self.envelope, ask, sent, raw, transaction=transaction)
        first_s = receiver.first_byte_at
        waited = None if first_s is None else max(0.0, first_s - begun_s - on_wire_s)
        return Exchange(ask, understood, raw, waited, loop.time() - begun_s)

    async def listen(self, for_s: float) -> bytes:
        """Return what is heard without asking.

        Raises:
            NotConnectedError: there is no connection.
        """
        receiver = self._receiver
        if receiver is None:
            raise NotConnectedError("not connected", place=self.link.place)
        self._begin(receiver)
        await asyncio.sleep(for_s)
        return bytes(receiver.raw)

    def speakers(self) -> set[int]:
        """Return the units of the RTU answers heard since this was last asked.

        They may have come at any time: as an answer, beside one, or between two requests.
        """
        if self.envelope != "rtu" or self._receiver is None:
            return set()
        self._begin(self._receiver)
        frames = rtu_frames(self._heard)
        units = {self._heard[start] for start, _ in frames}
        if frames:
            self._heard = self._heard[frames[-1][1] :]
        return units

    def _begin(self, receiver: _Receiver) -> None:
        self._heard = (self._heard + receiver.raw)[-_HEARD_BYTES_MAX:]
        receiver.begin()

    def _count(self, sent: bytes, raw: bytes, timeout_s: float) -> None:
        traffic = self.traffic
        traffic.requests += 1
        traffic.bytes_sent += len(sent)
        traffic.bytes_received += len(raw)
        if not raw:
            traffic.silent += 1
            traffic.waited_in_vain_s += timeout_s


class _Receiver(asyncio.Protocol):
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.raw = bytearray()
        self.first_byte_at: float | None = None
        self.lost = False
        self._last_byte_at = 0.0
        self._came = asyncio.Event()

    def begin(self) -> None:
        self.raw.clear()
        self.first_byte_at = None

    async def wait_silence(self, silence_s: float, *, at_most_s: float) -> None:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + at_most_s
        while (rest_s := self._last_byte_at + silence_s - loop.time()) > 0:
            if loop.time() >= give_up_at:
                return
            await asyncio.sleep(rest_s)

    async def listen(
        self, whole: _Whole, *, first_by_s: float, gap_s: float, echo_bytes: bytes
    ) -> None:
        """Return when the answer is whole, when nothing came in time, or nothing more comes."""
        loop = asyncio.get_running_loop()
        while not self.lost and len(self.raw) < _NOISE_BYTES_MAX:
            # Noise, or another unit's late answer, may come before the answer itself.
            only_echo = echo_bytes.startswith(bytes(self.raw))
            due_s = first_by_s if only_echo else max(first_by_s, self._last_byte_at + gap_s)
            self._came.clear()
            try:
                async with asyncio.timeout_at(due_s):
                    await self._came.wait()
            except TimeoutError:
                if loop.time() >= due_s:
                    return
            if whole(bytes(self.raw)):
                return

    def data_received(self, data: bytes) -> None:
        self._last_byte_at = asyncio.get_running_loop().time()
        if self.first_byte_at is None:
            self.first_byte_at = self._last_byte_at
        self.raw += data
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self.transport = None
        self.lost = True
        self._came.set()
