"""Asking devices: once more when noise spoils an answer, in halves when they refuse.

Every answer is measured, and what devices refuse is learnt from.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from campus_wire.quality import Quality
from device_profiles.decoding import Columns
from device_profiles.planning import ReadRequest
from device_profiles.reading import TextReading
from edge_agent.modbus.connection import Requester
from edge_agent.modbus.errors import (
    DeviceExceptionError,
    GarbledError,
    ModbusError,
    NoAnswerError,
    NotConnectedError,
)
from edge_agent.modbus.learned_store import LearnedStore
from edge_agent.modbus.learning import PROBES_MAX, REFUSALS, Search, find_out, find_size
from edge_agent.modbus.plan import Part
from edge_agent.modbus.polled import PolledDevice
from edge_agent.modbus.requests import Request, read_request
from edge_agent.modbus.writes import Pages
from edge_agent.ports import EdgeClock

_log: Final = logging.getLogger(__name__)

ILLEGAL_FUNCTION: Final = 1

OnTexts = Callable[[PolledDevice, Sequence[TextReading]], None]
Found = dict[str, tuple[float | None, Quality]]
"""Values and qualities by the names of points."""


class Asker:
    """Asks the devices of one bus.

    Args:
        bus_id: what to call it in the log.
        client: the connection.
        clock: measures how long answers take.
        store: keeps what is learnt.
        urgent: how many urgent requests wait.
        serve_urgent: serves them.
        pages: what is known of the pages that devices show.
        on_texts: takes what devices say in words.
    """

    def __init__(
        self,
        bus_id: str,
        client: Requester,
        *,
        clock: EdgeClock,
        store: LearnedStore,
        urgent: Callable[[], int],
        serve_urgent: Callable[[], Awaitable[None]],
        pages: Pages,
        on_texts: OnTexts,
    ) -> None:
        self._id = bus_id
        self._client = client
        self._clock = clock
        self._store = store
        self.urgent = urgent
        self.serve_urgent = serve_urgent
        self._pages = pages
        self._on_texts = on_texts

    def now_s(self) -> float:
        """Return the time of the schedule."""
        return self._clock.monotonic_ns() / 1e9

    async def ask(self, polled: PolledDevice, part: Part) -> Columns:
        """Ask once, and once more when noise spoilt the answer."""
        if part.page is not None:
            await self._pages.select(polled, part.page, self.execute)
        started_ns = self._clock.monotonic_ns()
        try:
            raw = await self.execute(polled, part.request)
        except GarbledError:
            if not self._client.connected:
                raise
            started_ns = self._clock.monotonic_ns()
            raw = await self.execute(polled, part.request)
        took_s = (self._clock.monotonic_ns() - started_ns) / 1e9
        columns = part.decode(raw)
        if part.texts is not None:
            self._on_texts(polled, part.texts(raw))
        if not part.proven:
            part.proven = True
            if polled.learned.answered(part.asked):
                self._learnt(polled)
        if polled.turnaround.note(took_s, part.registers):
            polled.tune()
        return columns

    async def execute(self, polled: PolledDevice, request: Request) -> Sequence[int]:
        """Send any request to a device. Raises ModbusError."""
        if polled.timeout_s is None:
            return await self._client.execute(request)
        return await self._client.execute(request, polled.timeout_s)

    # --- refusals, and what is learnt from them -------------------------------------------------

    async def refused(
        self, polled: PolledDevice, part: Part, error: DeviceExceptionError
    ) -> Columns:
        """Find out what of a refused request the device does have."""
        now_s = self.now_s()
        if error.code not in REFUSALS:
            if error.code == ILLEGAL_FUNCTION:
                part.health.failed(error.quality, now_s)
            else:
                part.health.answered()
            return part.bad(error.quality)
        part.proven = False
        search = find_out(part.asked, polled.learned, polled.places(part.asked))
        found = await self._search(polled, part, search)
        if not found:
            part.health.failed(error.quality, now_s)
        return _columns(part, found, error.quality)

    async def unanswered(
        self, polled: PolledDevice, part: Part, error: ModbusError
    ) -> Columns | None:
        """Judge a request without good answer, of a device that lives.

        Return its values if it was only too large, else None.
        """
        if isinstance(error, NotConnectedError):
            return None
        part.health.failed(error.quality, self.now_s())
        is_suspect = (
            isinstance(error, NoAnswerError)
            and part.health.failures > 1
            and not part.proven
            and part.asked.count > polled.learned.size(part.asked.table).answered
        )
        if not is_suspect:
            return None
        search = find_size(part.asked, polled.learned, polled.places(part.asked))
        found = await self._search(polled, part, search)
        if len(found) < len(part.points):
            return None
        part.health.answered()
        return _columns(part, found, error.quality)

    async def _search(self, polled: PolledDevice, part: Part, search: Search) -> Found:
        """Ask what the search wants to be asked; return the values that were found by it."""
        found: Found = {}
        before = polled.learned.limits
        try:
            asked = next(search)
            for _ in range(PROBES_MAX):
                if self.urgent():
                    await self.serve_urgent()
                asked = search.send(await self._probe(polled, asked, found))
        except StopIteration:
            pass
        except ModbusError as error:
            _log.debug("%s went silent while it was being found out: %s", polled.id, error)
        search.close()
        if polled.learned.limits != before:
            _log.info(
                "%s on bus %s refuses %d of %s from %d on; %d of %d points answer",
                *(polled.id, self._id, part.asked.count, part.asked.table, part.asked.address),
                *(len(found), len(part.points)),
            )
            self._learnt(polled)
        return found

    async def _probe(self, polled: PolledDevice, asked: ReadRequest, found: Found) -> bool:
        """Ask for a piece. Raises ModbusError where that tells nothing."""
        try:
            if not asked.points:
                table, address = asked.table, asked.address
                await self._pages.select(polled, asked.page, self.execute)
                await self.execute(
                    polled,
                    read_request(polled.unit_id, table, address=address, count=asked.count),
                )
                return True
            piece = polled.part_of(asked)
            values, qualities = await self.ask(polled, piece)
        except DeviceExceptionError as error:
            if error.code not in REFUSALS:
                raise
            return False
        found.update(zip(piece.points, zip(values, qualities, strict=True), strict=True))
        return True

    def _learnt(self, polled: PolledDevice) -> None:
        polled.relearn()
        self._store.keep(polled.id, polled.learned)


def _columns(part: Part, found: Found, rest: Quality) -> Columns:
    """Return what was found of a part in its order, and no value for the rest."""
    judged = [found.get(name, (None, rest)) for name in part.points]
    return [value for value, _ in judged], tuple(quality for _, quality in judged)
