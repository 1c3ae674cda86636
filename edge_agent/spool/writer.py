"""The spool for the event loop: one thread owns the file, so that no fsync holds up a poll.

What arrives while the thread writes goes into its next transaction, so a slow disk makes larger
transactions and not more waiting.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from campus_wire.catalog import SampleClass
from campus_wire.messages import Ack, Event, Receipt
from edge_agent.errors import SpoolClosedError, SpoolError, SpoolUnusableError
from edge_agent.spool.records import Draft, Rank, SpoolCounts, StoredBatch, StoredMessage
from edge_agent.spool.store import SpoolStore

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[], None]

_DRAFTS_MAX: Final = 64
"""Batches that wait for the disk; what comes on top is a gap with the reason `disk_slow`."""
_JOBS_MAX: Final = 10_000
_GATHER_S: Final = 0.05
"""How long ordinary batches and acks wait for others, to share a transaction."""


class Listener(Protocol):
    """Hears, in the event loop, what became of batches."""

    def on_stored(self, batches: Sequence[StoredBatch]) -> None:
        """These are on the disk."""

    def on_foreign_acks(self, count: int) -> None:
        """So many acks spoke of another epoch."""

    def on_message_stored(self) -> None:
        """An event or a receipt waits to be published."""


class Spool:
    """The spool's face towards the event loop.

    Args:
        open_store: opens the store; called in the spool's own thread.
        drafts_max: how many batches may wait for the disk.
    """

    def __init__(
        self, open_store: Callable[[], SpoolStore], *, drafts_max: int = _DRAFTS_MAX
    ) -> None:
        self._open_store = open_store
        self._drafts_max = drafts_max
        self._listeners: list[Listener] = []
        self._on_idle: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._drafts: deque[Draft] = deque()
        self._skipped: dict[str, int] = {}
        self._jobs: deque[tuple[Job, Callable[[BaseException], None]]] = deque()
        self._acks: list[Ack] = []
        self._events: list[Event] = []
        self._unwritten = 0
        self._is_writing = False
        self._is_closing = False
        self._is_failing = False
        self._store: SpoolStore | None = None
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._main, name="spool", daemon=True)
        self.counts = SpoolCounts()

    # --- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the file.

        Raises:
            SpoolLockedError: another agent has it open.
        """
        self._thread.start()
        await self._ready

    async def run(self) -> None:
        """Wait for the thread's end; passes on what no repair is known for."""
        await asyncio.shield(self._ended)

    async def settled(self) -> None:
        """Return when everything that waits now is written."""
        await self._do(lambda _: None)

    async def close(self) -> None:
        """Write what waits and close the file; doing it twice is harmless."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        await asyncio.shield(self._ended)
        self._thread.join()

    def listen(self, listener: Listener) -> None:
        """Tell `listener` from now on."""
        self._listeners.append(listener)

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Call back whenever nothing waits to be written any more."""
        self._on_idle.append(callback)

    @property
    def epoch(self) -> str:
        """The epoch of the open file."""
        assert self._store is not None, "the spool was not started"
        return self._store.epoch

    @property
    def in_memory(self) -> bool:
        """Whether the file could not be used."""
        assert self._store is not None, "the spool was not started"
        return self._store.in_memory

    @property
    def is_busy(self) -> bool:
        """Whether batches are being written."""
        return self._is_writing

    # --- in, without waiting -------------------------------------------------------------------

    def put(self, draft: Draft) -> None:
        """Take a closed batch; with too many waiting it becomes a gap. Never blocks."""
        if self._unwritten >= self._drafts_max:
            self.skip(len(draft.samples), "disk_slow")
            return
        self._unwritten += 1
        with self._changed:
            self._drafts.append(draft)
            self._changed.notify()

    def skip(self, count: int, reason: str) -> None:
        """Account for samples that cannot be kept; the next transaction records the gap."""
        with self._changed:
            self._skipped[reason] = self._skipped.get(reason, 0) + count
            self._changed.notify()

    def ack(self, ack: Ack) -> None:
        """Take an ack. One that cannot be carried out is lost: the batch is sent once more."""
        with self._changed:
            self._acks.append(ack)
            self._changed.notify()

    def post(self, event: Event) -> None:
        """Keep an event until it is acked."""
        with self._changed:
            if len(self._events) < _JOBS_MAX:
                self._events.append(event)
            self._changed.notify()

    # --- asked for -----------------------------------------------------------------------------

    async def backlog(self, rank: Rank, *, after: int, limit: int) -> list[StoredBatch]:
        """See `SpoolStore.backlog`."""
        return await self._do(lambda store: store.backlog(rank, after=after, limit=limit))

    async def seal(self, first: int) -> StoredBatch | None:
        """See `SpoolStore.seal`."""
        return await self._do(lambda store: store.seal(first))

    async def examine(self, first: int) -> bool:
        """See `SpoolStore.examine`."""
        return await self._do(lambda store: store.examine(first))

    async def messages(self, limit: int) -> list[StoredMessage]:
        """See `SpoolStore.messages`."""
        return await self._do(lambda store: store.messages(limit))

    async def begin_boot(self, guess_ns: Callable[[int], int]) -> int:
        """Return the origin to begin with; `guess_ns` gets the latest stored time."""
        return await self._do(lambda store: store.begin_boot(guess_ns(store.last_time_ns())))

    async def set_true_origin(self, origin_ns: int) -> None:
        """See `SpoolStore.set_true_origin`."""
        await self._do(lambda store: store.set_true_origin(origin_ns))

    async def put_catalog(
        self, revision: str, payload: bytes, *, in_use: str | None = None
    ) -> None:
        """See `SpoolStore.put_catalog`."""
        await self._do(lambda store: store.put_catalog(revision, payload, in_use=in_use))

    async def catalog(self, revision: str) -> bytes | None:
        """See `SpoolStore.catalog`."""
        return await self._do(lambda store: store.catalog(revision))

    async def claim(self, command_id: str, expires_ns: int) -> bool:
        """See `CommandLedger.claim`: without a note on the disk nothing may act."""
        try:
            return await self._do(lambda store: store.claim(command_id, expires_ns))
        except SpoolError as error:
            _log.error("command %s cannot be noted, so it does not act: %s", command_id, error)
            return False

    async def finish(self, command_id: str, receipt: Receipt) -> None:
        """See `CommandLedger.finish`."""
        await self._do_or_say(lambda store: store.finish(command_id, receipt), "the receipt")
        self._tell(lambda one: one.on_message_stored())

    async def reply(self, receipt: Receipt) -> None:
        """See `CommandLedger.reply`."""
        await self._do_or_say(lambda store: store.reply(receipt), "the receipt")
        self._tell(lambda one: one.on_message_stored())

    async def repeat_receipt(self, command_id: str) -> bool:
        """See `CommandLedger.repeat_receipt`."""
        try:
            found = await self._do(lambda store: store.repeat_receipt(command_id))
        except SpoolError as error:
            _log.error("the receipt of command %s cannot be read: %s", command_id, error)
            return False
        self._tell(lambda one: one.on_message_stored())
        return found

    async def unfinished(self) -> tuple[str, ...]:
        """See `CommandLedger.unfinished`."""
        try:
            return await self._do(lambda store: store.unfinished())
        except SpoolError as error:
            _log.error("interrupted commands cannot be read: %s", error)
            return ()

    async def _do_or_say(self, work: Callable[[SpoolStore], None], what: str) -> None:
        try:
            await self._do(work)
        except SpoolError as error:
            _log.error("%s cannot be kept: %s", what, error)

    async def _do(self, work: Callable[[SpoolStore], T]) -> T:
        future: asyncio.Future[T] = self._loop.create_future()

        def job() -> None:
            assert self._store is not None, "the spool was not started"
            result = work(self._store)
            self._call_loop(_resolve, future, result)

        def fail(error: BaseException) -> None:
            self._call_loop(_reject, future, error)

        with self._changed:
            if self._is_closing or len(self._jobs) >= _JOBS_MAX:
                raise SpoolClosedError("closed", "the spool is closed")
            self._jobs.append((job, fail))
            self._changed.notify()
        return await future

    # --- in the thread -------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            self._store = self._open_store()
            self.counts = self._store.counts()
        except BaseException as error:  # noqa: BLE001  (told to the one who waits)
            self._call_loop(_reject, self._ready, error)
            self._call_loop(_resolve, self._ended, None)
            return
        self._call_loop(_resolve, self._ready, None)
        try:
            while self._round(self._store):
                pass
            self._store.close()
        except BaseException as error:  # noqa: BLE001  (ends the process, in the event loop)
            self._call_loop(_reject, self._ended, error)
        else:
            self._call_loop(_resolve, self._ended, None)

    def _round(self, store: SpoolStore) -> bool:
        """Do everything that waits; False when that was the last time."""
        with self._changed:
            while not self._has_work() and not self._is_closing:
                self._changed.wait()
            self._changed.wait_for(self._is_urgent, timeout=_GATHER_S)
            is_last = self._is_closing
            drafts, self._drafts = list(self._drafts), deque()
            self._is_writing = bool(drafts)
            skipped, self._skipped = self._skipped, {}
            acks, self._acks = self._acks, []
            events, self._events = self._events, []
            jobs, self._jobs = self._jobs, deque()
        for reason, count in skipped.items():
            store.skip(count, reason)
        if drafts or skipped:
            self._write(store, drafts)
        if acks:
            self._take_acks(store, acks)
        if events:
            self._keep_events(store, events)
        for job, fail in jobs:
            try:
                job()
            except SpoolError as error:
                fail(error)
        self.counts = store.counts()
        return not is_last

    def _has_work(self) -> bool:
        return bool(self._drafts or self._jobs or self._acks or self._events or self._skipped)

    def _is_urgent(self) -> bool:
        """Say what cannot wait a moment for more: a transaction costs the same for many."""
        return bool(self._jobs or self._events or self._skipped or self._is_closing) or any(
            draft.sample_class is SampleClass.SAFETY for draft in self._drafts
        )

    def _write(self, store: SpoolStore, drafts: list[Draft]) -> None:
        stored: list[StoredBatch] = []
        try:
            stored = store.commit(drafts)
        except SpoolUnusableError as error:
            self._say_failing(error)
        else:
            if len(stored) == len(drafts):
                self._say_working()
        self._call_loop(self._written, stored, len(drafts))

    def _take_acks(self, store: SpoolStore, acks: list[Ack]) -> None:
        try:
            foreign = store.ack(acks)
        except SpoolError as error:
            self._say_failing(error)
            return
        if foreign:
            self._call_loop(self._tell, lambda one: one.on_foreign_acks(foreign))

    def _keep_events(self, store: SpoolStore, events: list[Event]) -> None:
        try:
            store.post(events)
        except SpoolError as error:
            self._say_failing(error)
            return
        self._call_loop(self._tell, lambda one: one.on_message_stored())

    def _say_failing(self, error: SpoolError) -> None:
        if not self._is_failing:
            self._is_failing = True
            _log.critical("the spool cannot write (%s): samples are being lost", error)

    def _say_working(self) -> None:
        if self._is_failing:
            self._is_failing = False
            _log.warning("the spool writes again; what was lost is recorded as a gap")

    # --- back in the event loop ----------------------------------------------------------------

    def _call_loop(self, callback: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:  # the loop is closed: nobody waits any more
            _log.debug("nobody waits for the spool any more")

    def _written(self, stored: list[StoredBatch], count: int) -> None:
        self._unwritten -= count
        self._is_writing = False
        if stored:
            self._tell(lambda one: one.on_stored(stored))
        for callback in self._on_idle:
            callback()

    def _tell(self, say: Callable[[Listener], None]) -> None:
        for listener in self._listeners:
            say(listener)


def _resolve(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _reject(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
