"""Which notices go as messages of their own, and which share one. Pure.

Where nothing limits a channel each notice is a message. Where a rate does, and more waits than may
go, the rest is merged into one digest. Safety notices draw on tokens that nobody else gets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from controller.notify.channel import Message
from controller.notify.outbox import Row
from controller.notify.pacing import Bucket
from controller.notify.texts import Style, render, render_digest


@dataclass(frozen=True, slots=True)
class Plan:
    """Groups of rows that each make one message, and the bucket after them."""

    groups: tuple[tuple[Row, ...], ...]
    bucket: Bucket | None


def plan(rows: Sequence[Row], bucket: Bucket | None) -> Plan:
    """Return what to send now; rows in no group have to wait for tokens."""
    if bucket is None:
        return Plan(tuple((row,) for row in rows), None)
    groups: list[tuple[Row, ...]] = []
    for safety in (True, False):
        lane = [row for row in rows if row.is_safety is safety]
        made = _fit(lane, bucket.available(safety=safety), merge_all=not safety)
        for _ in made:
            bucket = bucket.draw()
        groups += made
    return Plan(tuple(groups), bucket)


def message_of(rows: Sequence[Row], style: Style) -> Message:
    """Return the message that a group makes."""
    notices = tuple(row.notice for row in rows)
    if len(rows) == 1:
        return Message(rows[0].key, notices, render(notices[0], style))
    keys = "\n".join(row.key for row in rows)
    key = f"digest.{hashlib.sha256(keys.encode()).hexdigest()[:20]}"
    return Message(key, notices, render_digest(notices, style))


def _fit(rows: Sequence[Row], tokens: int, *, merge_all: bool) -> list[tuple[Row, ...]]:
    if len(rows) <= tokens:
        return [(row,) for row in rows]
    if tokens == 0:
        return []
    alone = 0 if merge_all else tokens - 1
    return [*((row,) for row in rows[:alone]), tuple(rows[alone:])]
