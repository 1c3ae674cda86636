"""Batches on disk: one row a batch, its payload as it will travel."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable
from typing import Any, Final

import apsw

from campus_wire.errors import MalformedError
from edge_agent.spool.ranges import Range, covers, merged, overlap, without
from edge_agent.spool.records import EVICTION_ORDER, Rank, Stamp, StoredBatch
from edge_agent.spool.restamp import restamp

_log: Final = logging.getLogger(__name__)

Origin = Callable[[str], int | None]
"""Boot id → its true origin, once a sync has shown it."""

_SELECT: Final = (
    "SELECT first, last, rank, payload, catalog, crc, open_boot, held_until_ns FROM batches"
)
_EVICTED_AT_ONCE: Final = 16


class BatchTable:
    """The tables `batches` and `covered`; every call runs inside the caller's transaction.

    Args:
        connection: an open spool.
        boot: the boot that runs now.
        true_origin: tells what is known of a boot's clock.
    """

    def __init__(self, connection: apsw.Connection, *, boot: str, true_origin: Origin) -> None:
        self._connection = connection
        self._boot = boot
        self._true_origin = true_origin
        self.damaged: list[Range] = []
        """Batches found not to match their checksum; the caller turns them into gaps."""
        self.count = int(connection.execute("SELECT count(*) FROM batches").get)
        """How many there are; counted along, because counting takes long in a full spool."""

    # --- in ------------------------------------------------------------------------------------

    def insert(self, batch: StoredBatch, stamp: Stamp | None, held_until_ns: int | None) -> None:
        """Add a batch; with a stamp its times may still be corrected."""
        self._connection.execute(
            "INSERT INTO batches(first, last, rank, catalog, crc, open_boot, open_origin_ns,"
            " held_until_ns, payload) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.first,
                batch.last,
                int(batch.rank),
                batch.catalog,
                _checksum(batch.first, batch.last, batch.payload),
                stamp.boot if stamp is not None else None,
                stamp.origin_ns if stamp is not None else None,
                held_until_ns,
                batch.payload,
            ),
        )
        self.count += 1

    # --- out -----------------------------------------------------------------------------------

    def backlog(self, rank: Rank, *, after: int, limit: int, now_ns: int) -> list[StoredBatch]:
        """Return the oldest batches of a class that begin after a sequence number.

        Ends before the first that is still held.

        Args:
            rank: the class.
            after: a sequence number, 0 for the very oldest.
            limit: how many at most.
            now_ns: monotonic.
        """
        rows = self._connection.execute(
            _SELECT + " WHERE rank = ? AND first > ? ORDER BY first LIMIT ?",
            (int(rank), after, limit),
        ).fetchall()
        found: list[StoredBatch] = []
        for row in rows:
            batch = self._batch(row, now_ns)
            if batch is None:
                continue
            if batch.is_held:
                break
            found.append(batch)
        return found

    def get(self, first: int, *, now_ns: int) -> StoredBatch | None:
        """Return one batch by its first sequence number; None when it is gone."""
        row = self._connection.execute(_SELECT + " WHERE first = ?", (first,)).fetchone()
        return None if row is None else self._batch(row, now_ns)

    def _batch(self, row: tuple[Any, ...], now_ns: int) -> StoredBatch | None:
        first, last, rank, payload, catalog, crc, open_boot, held_until_ns = row
        if crc != _checksum(first, last, payload):
            _log.error("samples %d to %d in the spool are damaged; set aside", first, last)
            self.damaged.append((first, last))
            return None
        held = (
            open_boot == self._boot
            and held_until_ns is not None
            and now_ns < held_until_ns
            and self._true_origin(open_boot) is None
        )
        return StoredBatch(
            first=first,
            last=last,
            rank=Rank(rank),
            payload=payload,
            catalog=catalog,
            is_open=open_boot is not None,
            is_held=held,
        )

    def seal(self, batch: StoredBatch) -> StoredBatch:
        """Fix the times of a batch for ever and return it: it may be published now.

        Once published it must never change, or the controller could store one sample twice, with
        two times.
        """
        row = self._connection.execute(
            "SELECT open_boot, open_origin_ns FROM batches WHERE first = ?", (batch.first,)
        ).fetchone()
        if row is None or row[0] is None:
            return batch
        origin_ns = self._true_origin(row[0])
        payload = batch.payload
        if origin_ns is not None:
            payload = _restamped(batch, origin_ns - row[1])
        self._connection.execute(
            "UPDATE batches SET open_boot = NULL, open_origin_ns = NULL, held_until_ns = NULL,"
            " payload = ?, crc = ? WHERE first = ?",
            (payload, _checksum(batch.first, batch.last, payload), batch.first),
        )
        return StoredBatch(batch.first, batch.last, batch.rank, payload, batch.catalog)

    # --- gone ----------------------------------------------------------------------------------

    def cover(self, first: int, last: int) -> list[Range]:
        """Take these samples as dealt with; delete every batch of which no other is left.

        Returns the numbers among them that were still in the spool.
        """
        touched = self._touched(first, last)
        dealt: list[Range] = []
        for batch_first, batch_last in touched:
            whole = (batch_first, batch_last)
            part = overlap(whole, (first, last))
            if part is None:
                continue
            before = self._covered(batch_first)
            dealt += without(part, before)
            if covers([*before, part], whole):
                self.delete(batch_first)
            else:
                self._set_covered(batch_first, merged([*before, part]))
        return dealt

    def _touched(self, first: int, last: int) -> list[Range]:
        edge = self._connection.execute(
            "SELECT first FROM batches WHERE first <= ? ORDER BY first DESC LIMIT 1", (first,)
        ).fetchone()
        rows = self._connection.execute(
            "SELECT first, last FROM batches WHERE first BETWEEN ? AND ? AND last >= ?",
            (edge[0] if edge is not None else first, last, first),
        )
        return [(row[0], row[1]) for row in rows]

    def _covered(self, batch: int) -> list[Range]:
        rows = self._connection.execute(
            "SELECT first, last FROM covered WHERE batch = ? ORDER BY first", (batch,)
        )
        return [(row[0], row[1]) for row in rows]

    def _set_covered(self, batch: int, ranges: list[Range]) -> None:
        self._connection.execute("DELETE FROM covered WHERE batch = ?", (batch,))
        self._connection.executemany(
            "INSERT INTO covered(batch, first, last) VALUES(?, ?, ?)",
            [(batch, first, last) for first, last in ranges],
        )

    def delete(self, first: int) -> None:
        """Remove one batch."""
        self._connection.execute("DELETE FROM batches WHERE first = ?", (first,))
        self.count -= self._connection.changes()
        self._connection.execute("DELETE FROM covered WHERE batch = ?", (first,))

    def evict(self, worst: Rank) -> list[Range] | None:
        """Remove some of the oldest batches of the least important class there is.

        Args:
            worst: the most important class that may be touched.

        Returns the numbers that are lost by it; None when there is nothing to remove.
        """
        for rank in EVICTION_ORDER[: EVICTION_ORDER.index(worst) + 1]:
            rows: list[Range] = self._connection.execute(  # type: ignore[assignment]
                "SELECT first, last FROM batches WHERE rank = ? ORDER BY first LIMIT ?",
                (int(rank), _EVICTED_AT_ONCE),
            ).fetchall()
            lost: list[Range] = []
            for first, last in rows:
                lost += without((first, last), self._covered(first))
                self.delete(first)
            if rows:
                return lost
        return None

    def payloads(self, first: int, last: int) -> list[tuple[int, int, bytes]]:
        """Return first, last and payload of the batches that hold any of these samples."""
        return [(one, other, self._payload(one)) for one, other in self._touched(first, last)]

    def _payload(self, first: int) -> bytes:
        return bytes(
            self._connection.execute("SELECT payload FROM batches WHERE first = ?", (first,)).get
        )


def _checksum(first: int, last: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(b"%d-%d" % (first, last)))


def _restamped(batch: StoredBatch, shift_ns: int) -> bytes:
    try:
        return restamp(batch.payload, shift_ns=shift_ns)
    except MalformedError as error:
        # It travels as it is, and the controller refuses it with the reason.
        _log.error("samples from %d cannot be re-stamped: %s", batch.first, error)
        return batch.payload
