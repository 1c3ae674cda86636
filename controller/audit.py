"""The audit trail: an append-only table whose rows form a chain of hashes.

Each row's hash covers its content and the hash before it, so that an edited, removed or swapped row
breaks the chain from there on. A cut-off end shows only against a hash noted elsewhere: `head` is
what to note (the metrics and the log say it at each start).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, insert, select

from controller.state.schema import audit

START: Final = "0" * 64
_FIELD_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing somebody did."""

    time_ns: int
    who: str
    action: str
    target: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain found; `broken_at` is the id of the first row that does not fit."""

    rows: int
    head: str
    broken_at: int | None


def chain(previous: str, number: int, entry: Entry) -> str:
    """Return the hash of row `number`: SHA-256 over the hash before and the row as JSON."""
    fields = [number, entry.time_ns, entry.who, entry.action, entry.target, entry.detail]
    return hashlib.sha256(previous.encode() + orjson.dumps(fields)).hexdigest()


def append(
    connection: Connection,
    *,
    time_ns: int,
    who: str,
    action: str,
    target: str,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one row to the chain, in the caller's transaction."""
    last = connection.execute(
        select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)
    ).first()
    number, previous = (last.id + 1, last.hash) if last is not None else (1, START)
    text = orjson.dumps(detail or {}, option=orjson.OPT_SORT_KEYS).decode()
    entry = Entry(time_ns, who[:_FIELD_MAX], action, target[:_FIELD_MAX], text)
    connection.execute(
        insert(audit).values(
            id=number,
            time_ns=entry.time_ns,
            who=entry.who,
            action=entry.action,
            target=entry.target,
            detail=entry.detail,
            hash=chain(previous, number, entry),
        )
    )


def verify(connection: Connection) -> Verdict:
    """Walk the whole chain.

    Ids count from 1 without holes, so a removed row shows even where the hashes around it were
    made to fit.
    """
    previous, rows = START, 0
    for row in connection.execute(select(audit).order_by(audit.c.id)):
        rows += 1
        entry = Entry(row.time_ns, row.who, row.action, row.target, row.detail)
        if row.id != rows or row.hash != chain(previous, rows, entry):
            return Verdict(rows, previous, row.id)
        previous = row.hash
    return Verdict(rows, previous, None)
