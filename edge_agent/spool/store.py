"""The spool itself, for one thread: each call is one transaction.

A batch whose commit returned is on the disk. It leaves upon an ack, or as a recorded gap, and in no
other way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from campus_wire.batch import decode_batch
from campus_wire.catalog import decode_catalog
from campus_wire.errors import MalformedError
from campus_wire.messages import Ack, Event, Receipt, decode, encode
from campus_wire.topics import Up
from edge_agent.errors import SpoolError
from edge_agent.spool.file import open_file, translated
from edge_agent.spool.intake import Intake
from edge_agent.spool.records import (
    Draft,
    Rank,
    SpoolCounts,
    SpoolLimits,
    StoredBatch,
    StoredMessage,
)
from edge_agent.spool.room import Room, pages_for
from edge_agent.spool.schema import PAGE_BYTES
from edge_agent.spool.tables import Tables

_log: Final = logging.getLogger(__name__)

_SLUG_CHARS_MAX: Final = 48


class SpoolStore:
    """One open spool. All calls come from one thread.

    Args:
        path: the file.
        limits: its bounds.
        boot: the id of the machine's boot.
        run: an id of this life of the process.
        wall_ns: tells the time of gaps.
        monotonic_ns: tells how long batches are held.

    Raises:
        SpoolLockedError: another agent has it open.
    """

    def __init__(
        self,
        path: Path,
        *,
        limits: SpoolLimits,
        boot: str,
        run: str,
        wall_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._limits = limits
        self._boot = boot
        self._run = run
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        file = open_file(path, max_bytes=limits.max_bytes, now_ns=wall_ns())
        self.epoch = file.epoch
        self.in_memory = file.in_memory
        self._tables = Tables(file, limits=limits, boot=boot)
        self._room = Room(
            file.connection,
            path,
            max_pages=file.max_pages,
            disk_reserve_bytes=limits.disk_reserve_bytes,
        )
        self._intake = Intake(
            self._tables, self._room, limits=limits, wall_ns=wall_ns, monotonic_ns=monotonic_ns
        )
        self._refused_samples = 0
        if file.set_aside is not None:
            with self._tables.transaction():
                self._tables.gaps.add_unknown(
                    file.damaged_epoch, reason="spool_damaged", time_ns=wall_ns()
                )

    def close(self) -> None:
        """Close the file, after a last try to record what was lost."""
        try:
            self._intake.record_lost()
        except SpoolError as error:
            _log.error("lost samples could not be recorded: %s", error)
        with translated():
            self._tables.connection.close()

    def counts(self) -> SpoolCounts:
        """Return how full it is."""
        with translated():
            return SpoolCounts(
                batches=self._tables.batches.count,
                messages=self._tables.messages.count() + self._tables.gaps.count(),
                used_bytes=self._room.used_pages * PAGE_BYTES,
                next_seq=self._intake.next_seq,
                evicted_samples=self._intake.evicted_samples,
                lost_samples=self._intake.lost_samples,
                refused_samples=self._refused_samples,
            )

    # --- batches -------------------------------------------------------------------------------

    def commit(self, drafts: Sequence[Draft]) -> list[StoredBatch]:
        """Write batches; return those that are on the disk now.

        Raises:
            SpoolUnusableError: none is; their samples are recorded as a gap later.
        """
        return self._intake.commit(drafts)

    def skip(self, count: int, reason: str) -> None:
        """Account for samples that never came as far as a batch; recorded by the next commit."""
        self._intake.skip(count, reason)

    def backlog(self, rank: Rank, *, after: int, limit: int) -> list[StoredBatch]:
        """Return the oldest batches of a class that may travel and begin after `after`."""
        with translated():
            batches = self._tables.batches
            found = batches.backlog(rank, after=after, limit=limit, now_ns=self._monotonic_ns())
        self._set_damaged_aside()
        return found

    def seal(self, first: int) -> StoredBatch | None:
        """Fix the times of a batch before it is published; None when it is gone.

        With the boot's true origin known they are corrected now, else they stay flagged.
        """
        with self._tables.transaction():
            batch = self._tables.batches.get(first, now_ns=self._monotonic_ns())
            sealed = None if batch is None else self._tables.batches.seal(batch)
        self._set_damaged_aside()
        return sealed

    def examine(self, first: int) -> bool:
        """Look at a batch that the controller ignores; one it can never take is set aside.

        A controller cannot refuse by number what it cannot read, so nobody else would end this.
        """
        with self._tables.transaction():
            batch = self._tables.batches.get(first, now_ns=self._monotonic_ns())
            reason = None if batch is None else self._flaw(batch)
            if batch is not None and reason is not None:
                self._refuse(batch.first, batch.last, reason)
        self._set_damaged_aside()
        return batch is not None and reason is None

    def _flaw(self, stored: StoredBatch) -> str | None:
        try:
            batch = decode_batch(stored.payload)
        except MalformedError:
            return "undecodable"
        said = (batch.epoch, batch.first, batch.last, batch.catalog)
        if said != (self.epoch, stored.first, stored.last, stored.catalog):
            return "undecodable"
        payload = self._tables.catalog(stored.catalog)
        try:
            is_known = payload is not None and decode_catalog(payload)[0] == stored.catalog
        except MalformedError:
            is_known = False
        return None if is_known else "catalog_lost"

    def _set_damaged_aside(self) -> None:
        batches = self._tables.batches
        if not batches.damaged:
            return
        with self._tables.transaction():
            for first, last in batches.damaged:
                self._refuse(first, last, "spool_damaged")
        batches.damaged.clear()

    # --- acks ----------------------------------------------------------------------------------

    def ack(self, acks: Sequence[Ack]) -> int:
        """Forget what the controller has; return how many acks spoke of another epoch.

        Numbers that were never given out are ignored, with the whole range that names them.
        """
        foreign = 0
        with self._tables.transaction():
            for ack in acks:
                # Ids of messages are unique in themselves, whatever the epoch.
                self._tables.messages.ack(ack.messages)
                self._tables.gaps.ack(ack.messages)
                if ack.epoch == self.epoch:
                    self._take_ranges(ack)
                else:
                    foreign += bool(ack.stored or ack.refused)
        return foreign

    def _take_ranges(self, ack: Ack) -> None:
        for part in ack.stored:
            if self._was_given_out(part.last):
                self._tables.batches.cover(part.first, part.last)
        for refusal in ack.refused:
            if self._was_given_out(refusal.last):
                reason = f"refused_{refusal.reason}"[:_SLUG_CHARS_MAX]
                self._refuse(refusal.first, refusal.last, reason)

    def _was_given_out(self, seq: int) -> bool:
        if seq < self._intake.next_seq:
            return True
        _log.warning(
            "the controller acked sample %d, but the last one is %d; ignored",
            seq,
            self._intake.next_seq - 1,
        )
        return False

    def _refuse(self, first: int, last: int, reason: str) -> None:
        """Set batches aside for good, with a gap; nothing vanishes silently."""
        now_ns = self._wall_ns()
        payloads = self._tables.batches.payloads(first, last)
        gone = self._tables.batches.cover(first, last)
        for batch_first, batch_last, payload in payloads:
            if self._room.fits(pages_for(len(payload))):
                self._tables.quarantine(
                    batch_first,
                    batch_last,
                    reason=reason,
                    time_ns=now_ns,
                    payload=payload,
                    keep=self._limits.quarantine_max,
                )
        for gone_first, gone_last in gone:
            self._refused_samples += gone_last - gone_first + 1
            self._tables.gaps.add(gone_first, gone_last, reason=reason, time_ns=now_ns)
            _log.error("samples %d to %d are refused: %s", gone_first, gone_last, reason)

    # --- events, receipts, commands ------------------------------------------------------------

    def post(self, events: Sequence[Event]) -> None:
        """Keep events until they are acked."""
        with self._tables.transaction():
            for event in events:
                self._tables.messages.add(event.id, Up.EVENT, encode(event))
            dropped = self._tables.messages.keep_few(self._wall_ns())
        if dropped:
            _log.error("%d events were dropped: too many wait for the controller", dropped)

    def messages(self, limit: int) -> list[StoredMessage]:
        """Return messages that are not acked: receipts, then gaps, then other events."""
        with translated():
            messages = self._sound(self._tables.messages.unacked(limit))
            gaps = self._tables.gaps.unacked(limit)
        receipts = [one for one in messages if one.kind is Up.RECEIPT]
        events = [one for one in messages if one.kind is not Up.RECEIPT]
        return [*receipts, *gaps, *events][:limit]

    def _sound(self, messages: Sequence[StoredMessage]) -> list[StoredMessage]:
        """Drop what was damaged on the disk: the controller would never ack it."""
        broken = [one for one in messages if not _is_readable(one)]
        if broken:
            _log.error("%d events or receipts in the spool are damaged; dropped", len(broken))
            with self._tables.transaction():
                self._tables.messages.ack(one.id for one in broken)
        return [one for one in messages if one not in broken]

    def claim(self, command_id: str, expires_ns: int) -> bool:
        """Note that a command is about to act; False when it was claimed before."""
        with self._tables.transaction():
            return self._tables.commands.claim(command_id, expires_ns=expires_ns, run=self._run)

    def finish(self, command_id: str, receipt: Receipt) -> None:
        """Note how a command ended and keep its receipt until it is acked."""
        payload = encode(receipt)
        with self._tables.transaction():
            self._tables.commands.finish(command_id, receipt, payload)
            self._tables.messages.add(receipt.id, Up.RECEIPT, payload)

    def reply(self, receipt: Receipt) -> None:
        """Keep a receipt until it is acked."""
        with self._tables.transaction():
            self._tables.messages.add(receipt.id, Up.RECEIPT, encode(receipt))

    def repeat_receipt(self, command_id: str) -> bool:
        """Keep the receipt of a finished command once more; False when there is none."""
        with self._tables.transaction():
            found = self._tables.commands.receipt(command_id)
            if found is not None:
                self._tables.messages.add(found[0], Up.RECEIPT, found[1])
        return found is not None

    def unfinished(self) -> tuple[str, ...]:
        """Return commands that an earlier life of the process began and never finished."""
        with translated():
            return self._tables.commands.unfinished(self._run)

    # --- clock and catalogs --------------------------------------------------------------------

    def begin_boot(self, guess_ns: int) -> int:
        """Return the origin to stamp this boot's samples with until the clock is synced.

        Args:
            guess_ns: from the wall clock as it stands.
        """
        with self._tables.transaction():
            return self._tables.boots.begin(self._boot, guess_ns=guess_ns)

    def set_true_origin(self, origin_ns: int) -> None:
        """Note this boot's origin as a sync has shown it."""
        with self._tables.transaction():
            self._tables.boots.set_true_origin(self._boot, origin_ns)

    def last_time_ns(self) -> int:
        """Return the latest time of a sample taken with a synced clock, or 0."""
        with translated():
            return self._tables.last_time_ns()

    def put_catalog(self, revision: str, payload: bytes, *, in_use: str | None = None) -> None:
        """Keep the catalog that the next batches speak of, and that of batches still open."""
        with self._tables.transaction():
            self._tables.put_catalog(revision, payload, in_use=in_use)

    def catalog(self, revision: str) -> bytes | None:
        """Return the payload of a catalog that batches speak of, or None."""
        with translated():
            return self._tables.catalog(revision)


def _is_readable(stored: StoredMessage) -> bool:
    try:
        if stored.kind is Up.RECEIPT:
            return decode(Receipt, stored.payload).id == stored.id
        return decode(Event, stored.payload).id == stored.id
    except MalformedError:
        return False
