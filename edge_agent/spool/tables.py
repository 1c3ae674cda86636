"""All tables of one open spool, and its transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from edge_agent.spool.batches import BatchTable
from edge_agent.spool.boots import BootTable
from edge_agent.spool.file import SpoolFile, translated
from edge_agent.spool.gaps import GapTable
from edge_agent.spool.messages import CommandTable, MessageTable
from edge_agent.spool.records import SpoolLimits


class Tables:
    """The tables of one file.

    Args:
        file: an open spool.
        limits: its bounds.
        boot: the boot that runs now.
    """

    def __init__(self, file: SpoolFile, *, limits: SpoolLimits, boot: str) -> None:
        self.connection: apsw.Connection = file.connection
        self.epoch = file.epoch
        self.boots = BootTable(self.connection)
        self.batches = BatchTable(self.connection, boot=boot, true_origin=self.boots.true_origin)
        self.gaps = GapTable(self.connection, epoch=file.epoch, gaps_max=limits.gaps_max)
        self.messages = MessageTable(self.connection, messages_max=limits.messages_max)
        self.commands = CommandTable(self.connection, commands_max=limits.commands_max)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of it or nothing; on the disk when it returns.

        Raises:
            SpoolFullError, SpoolUnusableError: nothing was done.
        """
        count = self.batches.count
        with translated():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                self.batches.count = count
                # SQLite may have rolled back by itself (https://sqlite.org/lang_transaction.html)
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def next_seq(self) -> int:
        """Return the number of the next sample."""
        return int(self.connection.execute("SELECT next_seq FROM life").get)

    def last_time_ns(self) -> int:
        """Return the latest time of a sample taken with a synced clock, or 0."""
        return int(self.connection.execute("SELECT last_time_ns FROM life").get)

    def note_life(self, *, next_seq: int, time_ns: int) -> None:
        """Note which number comes next, and the time."""
        self.connection.execute(
            "UPDATE life SET next_seq = ?, last_time_ns = max(last_time_ns, ?)",
            (next_seq, time_ns),
        )

    # --- catalogs ------------------------------------------------------------------------------

    def put_catalog(self, revision: str, payload: bytes, *, in_use: str | None = None) -> None:
        """Keep a catalog, and forget those that no batch speaks of any more, but for one in use."""
        self.connection.execute(
            "INSERT OR REPLACE INTO catalogs(revision, payload) VALUES(?, ?)", (revision, payload)
        )
        self.connection.execute(
            "DELETE FROM catalogs WHERE revision NOT IN (?, ?)"
            " AND revision NOT IN (SELECT catalog FROM batches)",
            (revision, in_use or revision),
        )

    def catalog(self, revision: str) -> bytes | None:
        """Return the payload of a catalog, or None."""
        row = self.connection.execute(
            "SELECT payload FROM catalogs WHERE revision = ?", (revision,)
        ).fetchone()
        return None if row is None else bytes(row[0])

    # --- quarantine ----------------------------------------------------------------------------

    def quarantine(
        self, first: int, last: int, *, reason: str, time_ns: int, payload: bytes, keep: int
    ) -> None:
        """Keep a refused payload for people to look at, the newest few only."""
        self.connection.execute(
            "INSERT INTO quarantine(first, last, reason, time_ns, payload) VALUES(?, ?, ?, ?, ?)",
            (first, last, reason, time_ns, payload),
        )
        self.connection.execute(
            "DELETE FROM quarantine WHERE n <= (SELECT max(n) FROM quarantine) - ?", (keep,)
        )

    def forget_quarantined(self) -> bool:
        """Drop some of the oldest refused payloads for want of room; False when there are none."""
        self.connection.execute(
            "DELETE FROM quarantine WHERE n IN (SELECT n FROM quarantine ORDER BY n LIMIT 16)"
        )
        return self.connection.changes() > 0
