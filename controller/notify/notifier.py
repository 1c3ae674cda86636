"""The notifier: one drainer per channel, woken by whoever commits outbox rows."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from campus_wire.errors import TransientError
from controller.alarms import AlarmBook
from controller.notify import outbox
from controller.notify.channel import Channel
from controller.notify.drainer import Drainer, OnSent
from controller.notify.muting import Mute
from controller.notify.outbox import Row
from controller.notify.texts import Style
from controller.state.database import Database

_log: Final = logging.getLogger(__name__)
_CLOSE_S: Final = 5.0
_TIDY_S: Final = 3_600.0


def _nobody(_channel: str, _row: Row, _accepted_ns: int) -> None:
    pass


class Notifier:
    """Delivers what stands in the outbox, at least once each.

    Args:
        database: where the outbox is.
        book: for the alarm that a channel does not deliver.
        channels: where notices go; it closes them at the end.
        style: how notices are put into words.
        clock_ns: the wall clock.
        jitter: returns numbers in [0, 1), to spread retries.
        mutes: the mutes of now.
        on_sent: told of each accepted notice, for counting and measuring.
    """

    def __init__(
        self,
        *,
        database: Database,
        book: AlarmBook,
        channels: Sequence[Channel],
        style: Style,
        clock_ns: Callable[[], int] = time.time_ns,
        jitter: Callable[[], float] = random.random,
        mutes: Callable[[], Sequence[Mute]] = tuple,
        on_sent: OnSent = _nobody,
    ) -> None:
        self._database = database
        self._clock_ns = clock_ns
        self._channels = tuple(channels)
        self._drainers = [
            Drainer(
                channel,
                database=database,
                book=book,
                style=style,
                clock_ns=clock_ns,
                jitter=jitter,
                mutes=mutes,
                on_sent=on_sent,
                on_rows=self.wake,
            )
            for channel in self._channels
        ]

    def wake(self) -> None:
        """Look into the outbox now; to be called, in the event loop, after each commit to it."""
        for drainer in self._drainers:
            drainer.wake()

    async def run(self) -> None:
        """Deliver for ever."""
        ids = [channel.id for channel in self._channels]
        lost = await self._database.write(lambda one: outbox.bury_unknown(one, ids))
        if lost:
            _log.error("%d notices waited for channels that are not configured any more", lost)
        async with asyncio.TaskGroup() as tasks:
            for channel, drainer in zip(self._channels, self._drainers, strict=True):
                tasks.create_task(drainer.run(), name=f"notify-{channel.id}")
            tasks.create_task(self._tidy(), name="notify-tidy")

    async def _tidy(self) -> None:
        """Delete what ended long ago, for ever; one bounded transaction after the other."""
        while True:
            try:
                gone = await self._database.write(
                    lambda one: outbox.forget_old(one, self._clock_ns())
                )
            except TransientError as error:
                _log.warning("old notices are not deleted yet: %s", error)
                gone = 0
            if gone < outbox.FORGOTTEN_AT_ONCE:
                await asyncio.sleep(_TIDY_S)

    async def close(self) -> None:
        """Close the channels."""
        async with asyncio.timeout(_CLOSE_S):
            for channel in self._channels:
                await channel.close()
