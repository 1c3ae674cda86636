"""From processed frames to durable ones: a bounded queue in front of the telemetry store.

While the store is down, what waits here stays and is tried again; what no longer fits is dropped
without an ack and comes again from its gateway. What the store refuses is taken apart until the
culprit is alone, in three attempts: all together, frame by frame, sample by sample; a store that
names the culprits itself spares the last two.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from campus_wire.supervise import Backoff
from controller.dedupe import Interval
from controller.errors import (
    SamplesRejectedError,
    StoreRejectedError,
    StoreUnavailableError,
)
from controller.frames import Frame

_log: Final = logging.getLogger(__name__)
_BACKOFF: Final = Backoff(first_s=0.25, cap_s=15.0)


@dataclass(frozen=True, slots=True, eq=False)
class StoreItem:
    """What is left to store of one batch: its frames, which hold `values` values.

    `first` and `last` are those of the whole batch, `intervals` those of the samples here.
    """

    gateway: str
    epoch: str
    first: int
    last: int
    intervals: tuple[Interval, ...]
    frames: tuple[Frame, ...]
    values: int
    urgent: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Rejected:
    """Samples the store will never take."""

    item: StoreItem
    frame: Frame
    reason: str
    message: str


class FrameWriter(Protocol):
    """The part of a telemetry store that is used here."""

    async def write(self, frames: Sequence[Frame]) -> None:
        """Return when all is durable.

        Raises:
            StoreUnavailableError: try the same again.
            StoreRejectedError: some of it was refused for good; the rest may have been taken.
        """


class WriteObserver(Protocol):
    """Is told what became of items."""

    def stored(self, items: Sequence[StoreItem], *, took_s: float) -> None:
        """These are durable, but for what `rejected` was told of."""

    def rejected(self, rejected: Rejected) -> None:
        """These samples are not, and never will be."""

    def unavailable(self, error: StoreUnavailableError) -> None:
        """A write was not confirmed and will be tried again."""


class StoreQueue:
    """Writes items in groups, several at a time.

    Args:
        store: Where to.
        write_values: Values in one write, at most (one item more).
        writes_in_flight: Writes at the same time.
        pending_values_max: Values reserved, waiting or being written; beyond, `reserve` refuses.
        chance: The source of the jitter.
    """

    def __init__(
        self,
        store: FrameWriter,
        *,
        write_values: int,
        writes_in_flight: int,
        pending_values_max: int,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._write_values = write_values
        self._writes_in_flight = writes_in_flight
        self._pending_values_max = pending_values_max
        self._chance = chance
        self._items: deque[StoreItem] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._failures = 0
        self.pending_values = 0
        self.is_available = True

    def reserve(self, values: int) -> bool:
        """Keep room for an item that will be `put` later, and say so, or say that there is none."""
        if self.pending_values and self.pending_values + values > self._pending_values_max:
            return False
        self.pending_values += values
        self._idle.clear()
        return True

    def put(self, item: StoreItem) -> None:
        """Take an item that room was reserved for."""
        if item.urgent:
            self._items.appendleft(item)
        else:
            self._items.append(item)
        self._arrived.set()

    async def run(self, observer: WriteObserver) -> None:
        """Write for ever; `observer` is told what became of each item."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._writes_in_flight):
                group.create_task(self._work(observer), name=f"store writer {number}")

    async def drained(self) -> None:
        """Wait until nothing waits or is being written."""
        await self._idle.wait()

    async def _work(self, observer: WriteObserver) -> None:
        while True:
            while not self._items:
                self._arrived.clear()
                await self._arrived.wait()
            items = list(self._take())
            started_s = time.monotonic()
            try:
                await self._write_until_done(items, observer)
            finally:
                self._release(items)
            observer.stored(items, took_s=time.monotonic() - started_s)

    def _take(self) -> Iterator[StoreItem]:
        values = 0
        while self._items and values < self._write_values:
            item = self._items.popleft()
            values += item.values
            yield item

    def _release(self, items: Sequence[StoreItem]) -> None:
        self.pending_values -= sum(item.values for item in items)
        if not self.pending_values:
            self._idle.set()

    async def _write_until_done(self, items: Sequence[StoreItem], observer: WriteObserver) -> None:
        parts = [(item, frame) for item in items for frame in item.frames]
        frames = [frame for _, frame in parts]
        try:
            await self._write(frames, observer)
        except SamplesRejectedError as error:
            _log.warning("the store refuses samples (%s): %s", error.reason, error)
            for index, row, said in error.samples:
                item, frame = parts[index]
                observer.rejected(Rejected(item, _sample(frame, row), error.reason, said))
        except StoreRejectedError as error:
            _log.warning("the store refuses %d frames (%s): %s", len(frames), error.reason, error)
            for item in items:
                await self._write_apart(item, observer)

    async def _write_apart(self, item: StoreItem, observer: WriteObserver) -> None:
        for frame in item.frames:
            try:
                await self._write([frame], observer)
            except StoreRejectedError:
                await self._write_samples(item, frame, observer)

    async def _write_samples(self, item: StoreItem, frame: Frame, observer: WriteObserver) -> None:
        for row in range(frame.sample_count):
            sample = _sample(frame, row)
            try:
                await self._write([sample], observer)
            except StoreRejectedError as error:
                observer.rejected(Rejected(item, sample, error.reason, error.message))

    async def _write(self, frames: Sequence[Frame], observer: WriteObserver) -> None:
        while True:
            try:
                await self._store.write(frames)
            except StoreUnavailableError as error:
                await self._wait(error, observer)
            else:
                self._failures = 0
                if not self.is_available:
                    self.is_available = True
                    _log.info("the store takes data again")
                return

    async def _wait(self, error: StoreUnavailableError, observer: WriteObserver) -> None:
        if self.is_available:
            self.is_available = False
            _log.warning("the store is unavailable (%s): %s; trying again", error.reason, error)
        self._failures += 1
        observer.unavailable(error)
        await asyncio.sleep(_BACKOFF.delay_s(self._failures, self._chance()))


def _sample(frame: Frame, row: int) -> Frame:
    return frame.select(np.arange(frame.sample_count) == row)
