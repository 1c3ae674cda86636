"""What is known about the clock of each boot of the machine: boot id → origin."""

from __future__ import annotations

import apsw

_BOOTS_MAX = 50


class BootTable:
    """The table `boots`; every call runs inside the caller's transaction.

    An origin is the wall time at which the boot's monotonic clock would have stood at zero.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def begin(self, boot: str, *, guess_ns: int) -> int:
        """Return the origin to stamp with until the clock is synced.

        Every start of the agent within one boot uses the same, so that its samples stay in order.
        """
        self._connection.execute(
            "INSERT OR IGNORE INTO boots(boot, origin_ns, seen_ns) VALUES(?, ?, ?)",
            (boot, guess_ns, guess_ns),
        )
        self._connection.execute(
            "DELETE FROM boots WHERE boot NOT IN"
            " (SELECT boot FROM boots ORDER BY seen_ns DESC LIMIT ?) AND boot != ?"
            " AND boot NOT IN (SELECT open_boot FROM batches WHERE open_boot IS NOT NULL)",
            (_BOOTS_MAX, boot),
        )
        origin_ns = self._connection.execute(
            "SELECT coalesce(true_origin_ns, origin_ns) FROM boots WHERE boot = ?", (boot,)
        ).get
        return int(origin_ns)

    def set_true_origin(self, boot: str, origin_ns: int) -> None:
        """Note what the last sync has shown."""
        self._connection.execute(
            "UPDATE boots SET true_origin_ns = ? WHERE boot = ?",
            (origin_ns, boot),
        )

    def true_origin(self, boot: str) -> int | None:
        """Return the origin that a sync has shown, or None."""
        row = self._connection.execute(
            "SELECT true_origin_ns FROM boots WHERE boot = ?", (boot,)
        ).fetchone()
        return None if row is None or row[0] is None else int(row[0])
