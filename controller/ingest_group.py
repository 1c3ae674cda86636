"""What one transaction of the ingest is made of: everything that came since the last one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select

from campus_wire.messages import Event, Receipt
from controller import command_rows
from controller.dedupe import Interval
from controller.frames import CatalogTable, Frame
from controller.ingest_store import StoreItem
from controller.inventory import GatewayRecord
from controller.ledgers import save
from controller.outcome import Outcome
from controller.state.dialect import insert_new, upsert
from controller.state.schema import catalogs, events, gaps, gateways, quarantine

QUARANTINE_ROWS_MAX: Final = 1_000
QUARANTINE_BYTES_MAX: Final = 16 * 1024
"""Of each payload its first bytes are kept."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples that will never be stored. `first` and `last` are 0 where nobody knows which."""

    gateway: str
    epoch: str
    first: int
    last: int
    reason: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A payload that could not be used."""

    gateway: str
    kind: str
    reason: str
    message: str
    payload: bytes
    time_ns: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """An ack that refuses, sent after the commit."""

    gateway: str
    epoch: str
    intervals: tuple[Interval, ...]
    reason: str


@dataclass(slots=True, eq=False)
class Group:
    """Messages decoded and joined, in the order they came; the last of them at `now_ns`."""

    now_ns: int
    frames: list[Frame] = field(default_factory=list)
    """Fresh samples, for the rules."""
    items: list[StoreItem] = field(default_factory=list)
    """Samples to store, after the commit."""
    events: list[tuple[str, Event]] = field(default_factory=list)
    receipts: list[tuple[str, Receipt]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    catalogs: list[CatalogTable] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    message_ids: list[tuple[str, str]] = field(default_factory=list)
    """(gateway, id) of the events and receipts to ack after the commit."""
    outcomes: list[Outcome] = field(default_factory=list)
    """What the rules made of new catalogs, of `frames` and of time."""
    gateways: set[str] = field(default_factory=set)
    """Those that sent something."""
    batches: int = 0
    values: int = 0
    urgent: bool = False
    """It must not wait for more."""
    is_last: bool = False
    """Nothing may be left for later transactions."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write beside ranges and gateways."""
        return not (
            self.items
            or self.outcomes
            or self.events
            or self.receipts
            or self.gaps
            or self.catalogs
            or self.quarantined
            or self.refusals
        )


def record(
    connection: Connection,
    group: Group,
    *,
    ranges: list[dict[str, Any]],
    gateway_rows: list[dict[str, Any]],
    now_ns: int,
) -> None:
    """Write all of a group but what the rules made of it, in the caller's transaction."""
    _add_catalogs(connection, group.catalogs, now_ns)
    _add_events(connection, group.events, now_ns)
    for gap in group.gaps:
        _add_gap(connection, gap)
    for gateway, receipt in group.receipts:
        command_rows.apply_receipt(connection, gateway, receipt, received_ns=now_ns)
    _add_quarantined(connection, group.quarantined)
    save(connection, ranges)
    upsert(connection, gateways, gateway_rows, keys=("gateway",))


def gateway_row(record: GatewayRecord) -> dict[str, Any]:
    """Return the row of a gateway."""
    return {
        "gateway": record.gateway,
        "school": record.school,
        "boot": record.boot,
        "epoch": record.epoch,
        "state": record.state,
        "state_since_ns": record.state_since_ns,
        "last_seen_ns": record.last_seen_ns,
        "catalog": record.catalog,
        "body": "{}" if record.status is None else record.status.model_dump_json(),
    }


def _add_catalogs(connection: Connection, tables: list[CatalogTable], now_ns: int) -> None:
    rows = [
        {
            "gateway": table.gateway,
            "revision": table.revision,
            "body": table.catalog.document,
            "first_seen_ns": now_ns,
        }
        for table in tables
    ]
    insert_new(connection, catalogs, rows)


def _add_events(connection: Connection, received: list[tuple[str, Event]], now_ns: int) -> None:
    rows = [
        {
            "id": event.id,
            "gateway": gateway,
            "device": event.device,
            "kind": event.kind,
            "time_ns": event.time_ns,
            "received_ns": now_ns,
            "body": event.model_dump_json(include={"attributes"}),
        }
        for gateway, event in received
    ]
    insert_new(connection, events, rows)


def _add_gap(connection: Connection, gap: Gap) -> None:
    # A gap that grew comes again as a wider one, which takes the place of what it covers.
    connection.execute(
        delete(gaps).where(
            gaps.c.gateway == gap.gateway,
            gaps.c.epoch == gap.epoch,
            gaps.c.reason == gap.reason,
            gaps.c.first >= gap.first,
            gaps.c.last <= gap.last,
        )
    )
    row = {
        "gateway": gap.gateway,
        "epoch": gap.epoch,
        "first": gap.first,
        "last": gap.last,
        "reason": gap.reason,
        "time_ns": gap.time_ns,
    }
    insert_new(connection, gaps, [row])


def _add_quarantined(connection: Connection, found: list[Quarantined]) -> None:
    if not found:
        return
    rows = [
        {
            "gateway": one.gateway,
            "kind": one.kind,
            "reason": one.reason,
            "message": one.message[:1000],
            "payload": one.payload[:QUARANTINE_BYTES_MAX],
            "payload_bytes": len(one.payload),
            "time_ns": one.time_ns,
        }
        for one in found[-QUARANTINE_ROWS_MAX:]
    ]
    insert_new(connection, quarantine, rows)
    newest = connection.scalar(select(func.max(quarantine.c.id))) or 0
    connection.execute(delete(quarantine).where(quarantine.c.id <= newest - QUARANTINE_ROWS_MAX))
