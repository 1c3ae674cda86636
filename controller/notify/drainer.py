"""One channel's drainer: what is due in the outbox → mute → group → send → record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from campus_wire.errors import TransientError
from controller.alarms import AlarmBook
from controller.notify import outbox
from controller.notify.channel import Channel
from controller.notify.errors import DeliveryDelayedError, DeliveryRefusedError, NotifyError
from controller.notify.grouping import message_of, plan
from controller.notify.muting import Mute, muted_until_ns
from controller.notify.outbox import Row
from controller.notify.pacing import RETRY_AFTER_CAP_S, Bucket, retry_delay_s
from controller.notify.texts import Style
from controller.state.database import Database
from controller.system_alarms import undelivered

_log: Final = logging.getLogger(__name__)
_NS: Final = 1_000_000_000
_BATCH_MAX: Final = 64
_IN_FLIGHT_MAX: Final = 8
_IDLE_S: Final = 60.0
_STATE_RETRY_S: Final = 0.5
ALARM_AFTER_NS: Final = 600 * _NS
"""A channel that has failed for so long is an alarm on the others, long before letters are dead."""

OnSent = Callable[[str, Row, int], None]


@dataclass(slots=True)
class _Results:
    """What became of one round."""

    sent: list[Row] = field(default_factory=list)
    delayed: list[tuple[Row, NotifyError]] = field(default_factory=list)
    refused: list[tuple[Row, NotifyError]] = field(default_factory=list)
    broken: tuple[int, ...] = ()
    muted: list[tuple[Row, int]] = field(default_factory=list)


class Drainer:
    """Sends what waits for one channel.

    Args:
        channel: where to.
        database: where the outbox is.
        book: raises the alarm that the channel does not deliver.
        style: how notices are put into words.
        clock_ns: the wall clock.
        jitter: returns numbers in [0, 1).
        mutes: the mutes of now.
        on_sent: called with channel id, row and time for each accepted notice.
        on_rows: called when recording made new outbox rows, for other channels.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        database: Database,
        book: AlarmBook,
        style: Style,
        clock_ns: Callable[[], int],
        jitter: Callable[[], float],
        mutes: Callable[[], Sequence[Mute]],
        on_sent: OnSent,
        on_rows: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._database = database
        self._book = book
        self._style = style
        self._clock_ns = clock_ns
        self._jitter = jitter
        self._mutes = mutes
        self._on_sent = on_sent
        self._on_rows = on_rows
        self._woken = asyncio.Event()
        self._failures = 0
        self._failing_since_ns: int | None = None
        self._paused_until_ns = 0
        self._was_asked_to_rest = False
        self._may_be_alarmed = True  # until a success has cleared what an earlier process raised
        self._bucket: Bucket | None = None

    def wake(self) -> None:
        """Look into the outbox now."""
        self._woken.set()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            self._woken.clear()
            try:
                wait_s = await self._round()
            except TransientError as error:  # the state database is busy
                _log.warning("channel %s: the outbox cannot be read: %s", self._channel.id, error)
                wait_s = _STATE_RETRY_S
            if wait_s > 0:
                await self._sleep(wait_s)

    async def _sleep(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _round(self) -> float:
        """Send one batch; return how long nothing is to be done."""
        now_ns = self._clock_ns()
        rest_s = self._rest_s(now_ns)
        if rest_s and self._was_asked_to_rest:
            return rest_s
        # Whether the channel fails or only one notice, nobody can tell: so a new notice is tried
        # once even while the channel rests, and a channel that fails is tried with few.
        limit = _IN_FLIGHT_MAX if self._failures else _BATCH_MAX
        due = await self._database.read(
            lambda connection: outbox.due(
                connection, self._channel.id, now_ns=now_ns, limit=limit, untried_only=rest_s > 0
            )
        )
        if not due.rows and not due.broken:
            return rest_s or await self._until_next(now_ns)
        results = _Results(broken=due.broken)
        rows = self._unmuted(due.rows, results, now_ns)
        waits = await self._send_all(rows, results, now_ns)
        await self._record(results)
        return waits

    def _rest_s(self, now_ns: int) -> float:
        rest_s = (self._paused_until_ns - now_ns) / _NS
        # A longer rest was never meant: the clock was set back.
        return rest_s if 0 < rest_s <= RETRY_AFTER_CAP_S else 0.0

    async def _until_next(self, now_ns: int) -> float:
        next_ns = await self._database.read(
            lambda connection: outbox.next_try_ns(connection, self._channel.id)
        )
        if next_ns is None:
            return _IDLE_S
        # Never zero: what is due but not oldest of its alarm waits for the oldest.
        return min(_IDLE_S, max(0.01, (next_ns - now_ns) / _NS))

    def _unmuted(self, rows: Iterable[Row], results: _Results, now_ns: int) -> list[Row]:
        mutes = self._mutes()
        audible: list[Row] = []
        for row in rows:
            until_ns = muted_until_ns(row.notice, mutes, now_ns)
            if until_ns is None:
                audible.append(row)
            else:
                results.muted.append((row, until_ns))
        return audible

    async def _send_all(self, rows: list[Row], results: _Results, now_ns: int) -> float:
        """Send what the rate allows; return how long to wait for more of it."""
        rate = self._channel.rate
        if rate is not None:
            self._bucket = (self._bucket or Bucket.full(rate, now_ns)).at(now_ns)
        planned = plan(rows, self._bucket)
        self._bucket = planned.bucket
        gate = asyncio.Semaphore(_IN_FLIGHT_MAX)
        async with asyncio.TaskGroup() as tasks:
            for group in planned.groups:
                tasks.create_task(self._send(group, results, gate))
        if planned.groups or self._bucket is None:
            return 0.0
        return self._bucket.wait_s(safety=any(row.is_safety for row in rows)) if rows else 0.0

    async def _send(self, group: Sequence[Row], results: _Results, gate: asyncio.Semaphore) -> None:
        async with gate:
            message = message_of(group, self._style)
            try:
                await self._channel.send(message, now_ns=self._clock_ns())
            except DeliveryDelayedError as error:
                results.delayed += [(row, error) for row in group]
            except DeliveryRefusedError as error:
                results.refused += [(row, error) for row in group]
            else:
                accepted_ns = self._clock_ns()
                results.sent += group
                for row in group:
                    self._on_sent(self._channel.id, row, accepted_ns)

    # --- recording -------------------------------------------------------------------------------

    async def _record(self, results: _Results) -> None:
        now_ns = self._clock_ns()
        self._note_health(results, now_ns)
        expired = [(row, error) for row, error in results.delayed if row.is_expired(now_ns)]
        delayed = [one for one in results.delayed if one not in expired]
        dead = results.refused + expired
        raises = bool(dead or results.broken) or self._has_failed_long(now_ns)
        clears = bool(results.sent) and self._may_be_alarmed and not raises

        def work(connection: Connection) -> int:
            outbox.mark_sent(connection, [row.id for row in results.sent], now_ns)
            for row, until_ns in results.muted:
                outbox.postpone(connection, row.id, until_ns)
            for row, error in delayed:
                outbox.mark_failed(
                    connection, [row.id], next_try_ns=self._paused_until_ns, error=str(error)
                )
            for row, error in dead:
                outbox.mark_dead(connection, [row.id], str(error))
            outbox.mark_dead(connection, results.broken, "the row cannot be read")
            about = undelivered(self._channel.id)
            if raises:
                return self._book.raise_system(connection, about, now_ns)
            return self._book.clear_system(connection, about, now_ns) if clears else 0

        made = await self._write(work)
        self._may_be_alarmed = raises or (self._may_be_alarmed and not clears)
        for row, error in dead:
            _log.error("channel %s: notice %s is dead: %s", self._channel.id, row.key, error)
        if made:
            self._on_rows()

    async def _write(self, work: Callable[[Connection], int]) -> int:
        while True:
            try:
                return await self._database.write(work)
            except TransientError as error:
                # What was sent must be written down, or it would be sent again.
                _log.warning("channel %s: not written down yet: %s", self._channel.id, error)
                await asyncio.sleep(_STATE_RETRY_S)

    def _note_health(self, results: _Results, now_ns: int) -> None:
        if results.delayed:
            self._failures += 1
            if self._failing_since_ns is None:
                self._failing_since_ns = now_ns
                _log.warning("channel %s fails: %s", self._channel.id, results.delayed[0][1])
            asked_s = max((_retry_after_s(error) for _, error in results.delayed), default=0.0)
            delay_s = retry_delay_s(
                self._failures, jitter=self._jitter(), retry_after_s=asked_s or None
            )
            self._was_asked_to_rest = asked_s > 0
            self._paused_until_ns = now_ns + int(delay_s * _NS)
        elif results.sent:
            if self._failing_since_ns is not None:
                _log.info("channel %s delivers again", self._channel.id)
            self._failures = 0
            self._failing_since_ns = None
            self._paused_until_ns = 0

    def _has_failed_long(self, now_ns: int) -> bool:
        since_ns = self._failing_since_ns
        return since_ns is not None and now_ns - since_ns >= ALARM_AFTER_NS


def _retry_after_s(error: NotifyError) -> float:
    return (error.retry_after_s or 0.0) if isinstance(error, DeliveryDelayedError) else 0.0
