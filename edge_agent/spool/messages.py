"""Events and receipts that the controller has not acked yet, and what it has executed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import apsw

from campus_wire.messages import Event, Receipt, encode
from campus_wire.topics import Up
from edge_agent.spool.records import StoredMessage

_DROPPED_AT_ONCE = 500


class MessageTable:
    """The table `messages`; every call runs inside the caller's transaction."""

    def __init__(self, connection: apsw.Connection, *, messages_max: int) -> None:
        self._connection = connection
        self._messages_max = messages_max

    def add(self, message_id: str, kind: Up, payload: bytes) -> None:
        """Keep a message until it is acked; keeping it twice changes nothing."""
        self._connection.execute(
            "INSERT OR IGNORE INTO messages(id, kind, payload) VALUES(?, ?, ?)",
            (message_id, str(kind), payload),
        )

    def keep_few(self, time_ns: int) -> int:
        """Drop the oldest events when there are too many, and say so in one event.

        Receipts are never dropped: there is at most one for each command of the ledger.
        """
        if self.count() <= self._messages_max:
            return 0
        self._connection.execute(
            "DELETE FROM messages WHERE n IN"
            " (SELECT n FROM messages WHERE kind = ? ORDER BY n LIMIT ?)",
            (str(Up.EVENT), _DROPPED_AT_ONCE),
        )
        dropped = self._connection.changes()
        event = Event(
            id=str(uuid.uuid4()),
            time_ns=time_ns,
            kind="events_dropped",
            attributes={"count": dropped},
        )
        self.add(event.id, Up.EVENT, encode(event))
        return dropped

    def count(self) -> int:
        """How many are not acked."""
        return int(self._connection.execute("SELECT count(*) FROM messages").get)

    def ack(self, ids: Iterable[str]) -> None:
        """Forget messages that the controller has."""
        self._connection.executemany("DELETE FROM messages WHERE id = ?", [(one,) for one in ids])

    def unacked(self, limit: int) -> list[StoredMessage]:
        """Return the oldest, receipts first: somebody waits for them."""
        rows = self._connection.execute(
            "SELECT id, kind, payload FROM messages ORDER BY kind = ? DESC, n LIMIT ?",
            (str(Up.RECEIPT), limit),
        )
        return [StoredMessage(row[0], Up(row[1]), row[2]) for row in rows]


class CommandTable:
    """The table `commands`: which ids were executed, so that none is executed twice."""

    def __init__(self, connection: apsw.Connection, *, commands_max: int) -> None:
        self._connection = connection
        self._commands_max = commands_max

    def claim(self, command_id: str, *, expires_ns: int, run: str) -> bool:
        """Note a command as begun by `run`, one life of the process; False if it is known."""
        self._connection.execute(
            "INSERT OR IGNORE INTO commands(id, expires_ns, run) VALUES(?, ?, ?)",
            (command_id, expires_ns, run),
        )
        is_new = self._connection.changes() == 1
        if is_new:
            self._forget_oldest()
        return is_new

    def _forget_oldest(self) -> None:
        # A forgotten id has long expired, so its command is refused for that.
        self._connection.execute(
            "DELETE FROM commands WHERE receipt IS NOT NULL AND rowid IN"
            " (SELECT rowid FROM commands ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
            (self._commands_max,),
        )

    def finish(self, command_id: str, receipt: Receipt, payload: bytes) -> None:
        """Note how a command ended."""
        self._connection.execute(
            "UPDATE commands SET message = ?, receipt = ? WHERE id = ?",
            (receipt.id, payload, command_id),
        )

    def unfinished(self, run: str) -> tuple[str, ...]:
        """Return the ids begun in an earlier life of the process and never finished."""
        rows = self._connection.execute(
            "SELECT id FROM commands WHERE receipt IS NULL AND run != ?", (run,)
        )
        return tuple(row[0] for row in rows)

    def receipt(self, command_id: str) -> tuple[str, bytes] | None:
        """Return id and payload of a finished command's receipt."""
        row = self._connection.execute(
            "SELECT message, receipt FROM commands WHERE id = ? AND receipt IS NOT NULL",
            (command_id,),
        ).fetchone()
        return None if row is None else (row[0], row[1])
