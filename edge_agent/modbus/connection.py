"""A bus's connection: made anew with patience, lost and back said once each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from campus_wire.supervise import Backoff, Chance
from edge_agent.modbus.errors import ModbusError, NoAnswerError, NotConnectedError
from edge_agent.modbus.requests import Request

_log: Final = logging.getLogger(__name__)

SILENCES_UNTIL_RECONNECT: Final = 3
"""So many unanswered requests in a row may mean a half-open connection: a new one is made."""
RECONNECT: Final = Backoff(first_s=0.5, cap_s=30.0)


class Requester(Protocol):
    """What a bus needs of its connection: `ModbusClient`, or a test's own."""

    @property
    def connected(self) -> bool:
        """Whether a request can be sent."""

    async def connect(self) -> None:
        """Open a new connection. Raises NotConnectedError."""

    async def execute(self, request: Request, timeout_s: float | None = None) -> Sequence[int]:
        """Send a request and return what its reply holds. Raises ModbusError.

        `timeout_s` is how long this device may take to answer; None: as long as any.
        """

    def close(self) -> None:
        """Close the connection."""


class KeptConnection:
    """Decides when to connect.

    Args:
        bus_id: what to call it in the log.
        client: the connection itself.
        reopens: whether a connection on which nobody answers is made anew.
        chance: the source of jitter.
    """

    def __init__(self, bus_id: str, client: Requester, *, reopens: bool, chance: Chance) -> None:
        self._bus_id = bus_id
        self._client = client
        self._reopens = reopens
        self._chance = chance
        self._failures = 0
        self._next_try_s = 0.0
        self._down_said = False
        self._silences = 0
        self.connects = 0
        """How often a connection was made."""

    async def is_up(self, now_s: float) -> bool:
        """Say whether there is a connection, after trying to make one if it is time to."""
        if self._client.connected:
            return True
        if now_s < self._next_try_s:
            return False
        # Counted as failed until somebody answers: an endpoint may accept and then reset.
        self._failures += 1
        self._next_try_s = now_s + RECONNECT.delay_s(self._failures, self._chance())
        try:
            await self.open()
        except NotConnectedError as error:
            self.say_down(error)
            return False
        return True

    async def open(self) -> None:
        """Connect, whatever the time. Raises NotConnectedError."""
        await self._client.connect()
        self.connects += 1
        if self._down_said:
            self._down_said = False
            _log.info("bus %s is connected again", self._bus_id)

    def say_down(self, error: ModbusError) -> None:
        """Note that there is no connection."""
        if not self._down_said:
            self._down_said = True
            _log.warning("bus %s is not connected: %s", self._bus_id, error)

    def proved_alive(self) -> None:
        """Note that somebody answered."""
        self._silences = 0
        self._failures = 0
        self._next_try_s = 0.0

    def met_silence(self, failure: ModbusError) -> None:
        """Note a request without good answer; too many in a row close the connection."""
        self._silences += isinstance(failure, NoAnswerError)
        if self._reopens and self._silences >= SILENCES_UNTIL_RECONNECT:
            self._silences = 0
            self._client.close()
