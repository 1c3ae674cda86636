"""The outbox: notices that wait, were sent, or are dead. Functions for use within transactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from campus_rules.model import AlarmClass
from controller.errors import StateError
from controller.notify.notice import Notice, parse_notice
from controller.state.schema import outbox

PENDING: Final = "pending"
SENT: Final = "sent"
DEAD: Final = "dead"
LIFE_NS: Final = 24 * 3_600 * 1_000_000_000
"""What could not be delivered for so long is dead."""
KEPT_NS: Final = 90 * 86_400 * 1_000_000_000
"""Sent and dead notices stay for so long, for people to see."""
FORGOTTEN_AT_ONCE: Final = 1_000
_ERROR_CHARS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A notice that waits for one channel."""

    id: int
    key: str
    notice: Notice
    attempts: int
    created_ns: int

    @property
    def is_safety(self) -> bool:
        """Whether it goes by the reserved lane."""
        return self.notice.about.alarm_class is AlarmClass.SAFETY

    def is_expired(self, now_ns: int) -> bool:
        """Say whether it has waited too long."""
        return now_ns - self.created_ns >= LIFE_NS


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be sent now. `broken` are the ids of rows that cannot be read."""

    rows: tuple[Row, ...]
    broken: tuple[int, ...]


def due(
    connection: Connection, channel: str, *, now_ns: int, limit: int, untried_only: bool = False
) -> Due:
    """Return the notices to send now: the least tried first, so that none starves another.

    Of each alarm only the oldest that waits: nobody should read that an alarm is over before
    reading of the alarm.
    """
    waiting = (outbox.c.channel == channel) & (outbox.c.state == PENDING)
    older = outbox.alias()
    oldest = (
        select(func.min(older.c.id))
        .where(
            older.c.alarm == outbox.c.alarm,
            older.c.channel == channel,
            older.c.state == PENDING,
        )
        .scalar_subquery()
    )
    statement = (
        select(outbox)
        .where(waiting, outbox.c.next_try_ns <= now_ns, outbox.c.id == oldest)
        .order_by(outbox.c.attempts, outbox.c.id)
        .limit(limit)
    )
    if untried_only:
        statement = statement.where(outbox.c.attempts == 0)
    rows: list[Row] = []
    broken: list[int] = []
    for row in connection.execute(statement):
        try:
            notice = parse_notice(row.body)
        except StateError:
            broken.append(row.id)
        else:
            rows.append(Row(row.id, row.key, notice, row.attempts, row.created_ns))
    return Due(tuple(rows), tuple(broken))


def next_try_ns(connection: Connection, channel: str) -> int | None:
    """Return when the next notice of a channel is due, or None when none waits."""
    statement = select(func.min(outbox.c.next_try_ns)).where(
        outbox.c.channel == channel, outbox.c.state == PENDING
    )
    found: int | None = connection.execute(statement).scalar_one()
    return found


def mark_sent(connection: Connection, ids: Iterable[int], now_ns: int) -> None:
    """Write down that a channel accepted these."""
    values = {"state": SENT, "sent_ns": now_ns, "last_error": None}
    statement = update(outbox).where(outbox.c.id.in_(list(ids)))
    connection.execute(statement.values(attempts=outbox.c.attempts + 1, **values))


def mark_failed(
    connection: Connection, ids: Iterable[int], *, next_try_ns: int, error: str
) -> None:
    """Write down that these are to be tried again at `next_try_ns`."""
    values = {"next_try_ns": next_try_ns, "last_error": error[:_ERROR_CHARS_MAX]}
    statement = update(outbox).where(outbox.c.id.in_(list(ids)))
    connection.execute(statement.values(attempts=outbox.c.attempts + 1, **values))


def postpone(connection: Connection, row_id: int, next_try_ns: int) -> None:
    """Let a notice wait without counting an attempt."""
    statement = update(outbox).where(outbox.c.id == row_id)
    connection.execute(statement.values(next_try_ns=next_try_ns))


def mark_dead(connection: Connection, ids: Iterable[int], error: str) -> None:
    """Put these into the dead letters, where they stay for people to see."""
    values = {"state": DEAD, "last_error": error[:_ERROR_CHARS_MAX]}
    statement = update(outbox).where(outbox.c.id.in_(list(ids)))
    connection.execute(statement.values(attempts=outbox.c.attempts + 1, **values))


def bury_unknown(connection: Connection, channels: Sequence[str]) -> int:
    """Put what waits for channels that are no more into the dead letters; return how many."""
    waiting = (outbox.c.state == PENDING) & outbox.c.channel.not_in(list(channels))
    values = {"state": DEAD, "last_error": "the channel is not configured any more"}
    return connection.execute(update(outbox).where(waiting).values(**values)).rowcount


def forget_old(connection: Connection, now_ns: int) -> int:
    """Delete a bounded number of notices ended long ago; return how many.

    The alarm and its transitions stay: this is the letters, not the history.
    """
    old = (
        select(outbox.c.id)
        .where(outbox.c.state.in_([SENT, DEAD]), outbox.c.next_try_ns < now_ns - KEPT_NS)
        .limit(FORGOTTEN_AT_ONCE)
    )
    return connection.execute(delete(outbox).where(outbox.c.id.in_(old))).rowcount
