"""Ranges of samples that will never arrive, each with its reason: the events of kind `gap`.

Kept until the controller has acked them. A gap that grows gets a new id, so that an ack for what it
was before never drops what it has become.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import apsw

from campus_wire.ids import is_uuid
from campus_wire.messages import Event, encode
from campus_wire.topics import Up
from edge_agent.spool.records import StoredMessage


class GapTable:
    """The table `gaps`; every call runs inside the caller's transaction."""

    def __init__(self, connection: apsw.Connection, *, epoch: str, gaps_max: int) -> None:
        self._connection = connection
        self._epoch = epoch
        self._gaps_max = gaps_max

    def add(self, first: int, last: int, *, reason: str, time_ns: int) -> None:
        """Record that the samples `first` to `last` are gone."""
        neighbour = self._connection.execute(
            "SELECT n, first FROM gaps WHERE last = ? AND reason = ? AND epoch IS NULL"
            " ORDER BY n DESC LIMIT 1",
            (first - 1, reason),
        ).fetchone()
        if neighbour is not None:
            self._connection.execute(
                "UPDATE gaps SET id = ?, last = ? WHERE n = ?", (_new_id(), last, neighbour[0])
            )
            return
        self._connection.execute(
            "INSERT INTO gaps(id, first, last, reason, time_ns) VALUES(?, ?, ?, ?, ?)",
            (_new_id(), first, last, reason, time_ns),
        )
        self._keep_few()

    def add_unknown(self, epoch: str | None, *, reason: str, time_ns: int) -> None:
        """Record that samples of another epoch are gone, nobody can say how many."""
        self._connection.execute(
            "INSERT INTO gaps(id, epoch, reason, time_ns) VALUES(?, ?, ?, ?)",
            (_new_id(), epoch or "", reason, time_ns),
        )

    def _keep_few(self) -> None:
        """Join the two closest in order when there are too many.

        Months without the controller must not fill the spool with gaps. The joined one also spans
        samples that are not lost; those still travel, and `widened` says so.
        """
        count = self.count()
        if count <= self._gaps_max:
            return
        rows: list[tuple[int, int, int]] = self._connection.execute(  # type: ignore[assignment]
            "SELECT n, first, last FROM gaps WHERE first IS NOT NULL ORDER BY first LIMIT 2"
        ).fetchall()
        if len(rows) < 2:
            return
        (kept, first, last), (dropped, _, other_last) = rows
        self._connection.execute("DELETE FROM gaps WHERE n = ?", (dropped,))
        self._connection.execute(
            "UPDATE gaps SET id = ?, first = ?, last = ?, widened = 1 WHERE n = ?",
            (_new_id(), first, max(last, other_last), kept),
        )

    def count(self) -> int:
        """How many are not acked."""
        return int(self._connection.execute("SELECT count(*) FROM gaps").get)

    def ack(self, ids: Iterable[str]) -> None:
        """Forget gaps that the controller has recorded."""
        self._connection.executemany("DELETE FROM gaps WHERE id = ?", [(one,) for one in ids])

    def unacked(self, limit: int) -> list[StoredMessage]:
        """Return the oldest as events."""
        rows = self._connection.execute(
            "SELECT id, first, last, epoch, reason, time_ns, widened FROM gaps ORDER BY n LIMIT ?",
            (limit,),
        )
        return [self._message(row) for row in rows]

    def _message(self, row: tuple[Any, ...]) -> StoredMessage:
        gap_id, first, last, epoch, reason, time_ns, widened = row
        of_epoch = self._epoch if epoch is None else epoch
        attributes: dict[str, bool | int | float | str | None] = {"reason": reason}
        if is_uuid(of_epoch):
            attributes["epoch"] = of_epoch
        if first is not None and last is not None:
            attributes |= {"first": first, "last": last}
        if widened:
            attributes["widened"] = True
        event = Event(id=gap_id, time_ns=time_ns, kind="gap", attributes=attributes)
        return StoredMessage(gap_id, Up.EVENT, encode(event))


def _new_id() -> str:
    return str(uuid.uuid4())
