"""Each message of a gateway: decoded, checked, and put where the next transaction finds it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from campus_wire.batch import Batch, Claim, claim_of, decode_batch
from campus_wire.catalog import decode_catalog
from campus_wire.errors import MalformedError
from campus_wire.ids import is_uuid
from campus_wire.inbox import Received
from campus_wire.messages import Event, LinkState, Receipt, Status, decode
from campus_wire.samples import ClockState
from campus_wire.topics import Up, parse
from controller import gateway_clock, gateway_twins
from controller.acks import AckSender
from controller.dedupe import EpochLedger
from controller.frames import CatalogTable, Frame
from controller.gateway_clock import GatewayClocks
from controller.gateway_twins import GatewayTwins
from controller.ingest_batch import Joined, TimeBounds, join
from controller.ingest_group import Gap, Group, Quarantined, Refusal
from controller.ingest_held import Held
from controller.inventory import GatewayRecord, Inventory
from controller.ledgers import Ledgers
from controller.metrics import Metrics
from controller.outcome import Outcome

_log: Final = logging.getLogger(__name__)
_GAP: Final = "gap"


class CatalogListener(Protocol):
    """The part of the rule engine that follows the inventory."""

    def set_catalog(self, table: CatalogTable, *, now_ns: int) -> Outcome:
        """Take a gateway's present catalog over."""

    def hear_gateway(self, gateway: str, *, now_ns: int, returned: bool = False) -> None:
        """Note a sign of life."""


class MessageReader:
    """Reads messages into groups.

    Args:
        inventory: Catalogs and gateways; changed here.
        ledgers: What is known of each epoch; changed here.
        acks: For what can be answered at once.
        rules: Told of new catalogs.
        reserve: Keeps room in the store's queue for so many values, or says that there is none.
        held: Batches that wait for their catalog.
        metrics: Counts.
        ahead_ns: How far ahead of the wall clock a sample's time may lie.
        earliest_ns: Before when none may lie.
        clocks: Follows the gateways' clocks.
        twins: Finds gateways of which there are two.
    """

    def __init__(
        self,
        *,
        inventory: Inventory,
        ledgers: Ledgers,
        acks: AckSender,
        rules: CatalogListener,
        reserve: Callable[[int], bool],
        held: Held,
        metrics: Metrics,
        ahead_ns: int,
        earliest_ns: int,
        clocks: GatewayClocks | None = None,
        twins: GatewayTwins | None = None,
    ) -> None:
        self._inventory = inventory
        self._ledgers = ledgers
        self._acks = acks
        self._rules = rules
        self._reserve = reserve
        self._held = held
        self._metrics = metrics
        self._ahead_ns = ahead_ns
        self._earliest_ns = earliest_ns
        self._clocks = GatewayClocks() if clocks is None else clocks
        self._twins = GatewayTwins() if twins is None else twins
        self._said: dict[str, str] = {}

    def read(self, message: Received, group: Group) -> None:
        """Read one message, received at `group.now_ns`.

        What is wrong with it is counted and quarantined, never raised.
        """
        try:
            address = parse(message.topic)
        except MalformedError as error:
            self._metrics.refused.labels(error.reason).inc()
            return
        gateway, kind = address.gateway, str(address.kind)
        group.gateways.add(gateway)
        self._metrics.messages.labels(kind).inc()
        try:
            if kind == Up.BATCH:
                self._batch(gateway, message.payload, group)
            elif kind == Up.STATUS:
                self._status(gateway, message, group)
            elif kind == Up.CATALOG:
                self._catalog(gateway, message.payload, group)
            elif kind == Up.EVENT:
                self._event(gateway, message.payload, group)
            elif kind == Up.RECEIPT:
                self._receipt(gateway, message.payload, group)
        except MalformedError as error:
            self._quarantine(gateway, kind, error, message.payload, group=group)

    # --- batches -------------------------------------------------------------------------------

    def _batch(self, gateway: str, payload: bytes, group: Group) -> None:
        try:
            batch = decode_batch(payload)
        except MalformedError as error:
            claim = claim_of(payload)
            if claim is not None:
                self._refuse(gateway, claim, error.reason, group)
            raise
        self._metrics.batch_bytes.inc(len(payload))
        self._metrics.batch_values.inc(batch.value_count)
        record = self._heard(gateway, group.now_ns)
        record.epoch = batch.epoch
        ledger = self._ledgers.of(gateway, batch.epoch)
        if ledger.is_settled(batch.first, batch.last):
            self._metrics.repeated.inc()
            self._ack_settled(gateway, batch, ledger)
            return
        table = self._inventory.table(gateway, batch.catalog)
        if table is None:
            self._hold(gateway, batch, payload, now_ns=group.now_ns)
            return
        if ledger.is_fragmented:
            ledger.forget_oldest()
        bounds = TimeBounds(self._earliest_ns, group.now_ns + self._ahead_ns)
        try:
            joined = join(batch, table, ledger, bounds=bounds)
        except MalformedError as error:
            self._refuse(gateway, _span(batch), error.reason, group)
            raise
        self._take(gateway, batch, joined, group)

    def _take(self, gateway: str, batch: Batch, joined: Joined, group: Group) -> None:
        ledger = self._ledgers.of(gateway, batch.epoch)
        for refused in joined.refused:
            for first, last in refused.intervals:
                claim = Claim(batch.epoch, first, last)
                self._refuse(gateway, claim, refused.reason, group)
        ledger.mark_processed(batch.first, batch.last)
        group.frames += self._in_our_time(batch, gateway, joined.fresh)
        group.batches += 1
        group.values += batch.value_count
        item = joined.item
        if item is None:
            return
        group.urgent |= item.urgent
        if not self._reserve(item.values):
            self._metrics.dropped.labels("store_backlog").inc()
            return
        for first, last in item.intervals:
            ledger.mark_pending(first, last)
        group.items.append(item)

    def _in_our_time(self, batch: Batch, gateway: str, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Return frames for the rules: a leak counts although the gateway has no right time yet.

        The store gets the times as they came, marked.
        """
        if batch.clock is not ClockState.UNSYNCED:
            return frames
        shift_ns = self._clocks.shift_ns(gateway, batch.boot)
        if not shift_ns:
            return frames
        return [replace(frame, time_ns=frame.time_ns + shift_ns) for frame in frames]

    def _ack_settled(self, gateway: str, batch: Batch, ledger: EpochLedger) -> None:
        self._acks.stored(gateway, batch.epoch, ledger.stored.within(batch.first, batch.last))
        refused = ledger.refused.within(batch.first, batch.last)
        if refused:
            self._acks.refused(gateway, batch.epoch, refused, "refused_before")

    def _hold(self, gateway: str, batch: Batch, payload: bytes, *, now_ns: int) -> None:
        if self._held.add(gateway, batch, payload, now_ns=now_ns):
            self._acks.wants_catalog(gateway, batch.epoch, batch.catalog)

    def _refuse(self, gateway: str, span: Claim, reason: str, group: Group) -> None:
        """Refuse what of a span was not processed before: that is settled or on its way."""
        ledger = self._ledgers.of(gateway, span.epoch)
        holes = tuple(ledger.fresh(span.first, span.last))
        for low, high in holes:
            ledger.mark_refused(low, high)
            group.gaps.append(Gap(gateway, span.epoch, low, high, reason, group.now_ns))
        self._metrics.refused.labels(reason).inc()
        group.refusals.append(Refusal(gateway, span.epoch, holes, reason))

    # --- the rest ------------------------------------------------------------------------------

    def _catalog(self, gateway: str, payload: bytes, group: Group) -> None:
        revision, catalog = decode_catalog(payload)
        _same_gateway(gateway, catalog.gateway)
        record = self._inventory.gateway(gateway)
        table = self._inventory.table(gateway, revision)
        if table is None:
            table = CatalogTable.of(catalog, revision=revision)
            group.catalogs.append(table)
            self._inventory.add(table, present=False)
        status = record.status
        if status is None or status.catalog in {None, revision}:
            self._make_present(table, group)
        for held in self._held.take(gateway, revision):
            self.read(Received(_batch_topic(gateway), held, retained=False), group)

    def _make_present(self, table: CatalogTable, group: Group) -> None:
        present = self._inventory.present(table.gateway)
        if present is not None and present.revision == table.revision:
            return
        self._inventory.set_present(table.gateway, table.revision)
        group.outcomes.append(self._rules.set_catalog(table, now_ns=group.now_ns))

    def _status(self, gateway: str, message: Received, group: Group) -> None:
        status = decode(Status, message.payload)
        _same_gateway(gateway, status.gateway)
        record = self._inventory.gateway(gateway)
        is_online = status.state is LinkState.ONLINE
        if is_online and not message.retained:
            self._heard(gateway, group.now_ns)
            self._compare_clock(status, group)
            self._look_for_twin(status, group)
        returned = record.state != status.state or record.boot != status.boot
        if is_online and (returned or not message.retained):
            self._rules.hear_gateway(gateway, now_ns=group.now_ns, returned=returned)
        if record.state != status.state:
            record.state, record.state_since_ns = str(status.state), group.now_ns
        record.status, record.boot, record.clock = status, status.boot, status.clock
        record.epoch = status.epoch or record.epoch
        record.changed = True
        if status.catalog is not None:
            table = self._inventory.table(gateway, status.catalog)
            if table is not None:
                self._make_present(table, group)

    def _compare_clock(self, status: Status, group: Group) -> None:
        change = self._clocks.hear(status, now_ns=group.now_ns)
        if change is None:
            return
        _log.warning(
            "the clock of gateway %s is %s", change.gateway, "wrong" if change.wrong else "right"
        )
        table = self._inventory.present(change.gateway)
        group.outcomes.append(gateway_clock.outcome_of(change, table, now_ns=group.now_ns))

    def _look_for_twin(self, status: Status, group: Group) -> None:
        change = self._twins.hear(status, now_ns=group.now_ns)
        if change is None:
            return
        if change.twins:
            _log.warning("two agents run as gateway %s", change.gateway)
        table = self._inventory.present(change.gateway)
        group.outcomes.append(gateway_twins.outcome_of(change, table, now_ns=group.now_ns))

    def _event(self, gateway: str, payload: bytes, group: Group) -> None:
        event = decode(Event, payload)
        self._heard(gateway, group.now_ns)
        if event.kind == _GAP:
            found = _gap(gateway, event)
            group.gaps.append(found)
            if is_uuid(found.epoch) and found.first and not event.attributes.get("widened"):
                self._close_holes(found)
        group.events.append((gateway, event))
        group.message_ids.append((gateway, event.id))
        group.urgent = True

    def _close_holes(self, gap: Gap) -> None:
        """Wait no longer for what will never arrive, or holes would pile up for ever."""
        ledger = self._ledgers.of(gap.gateway, gap.epoch)
        for first, last in ledger.fresh(gap.first, gap.last):
            ledger.mark_refused(first, last)

    def _receipt(self, gateway: str, payload: bytes, group: Group) -> None:
        receipt = decode(Receipt, payload)
        self._heard(gateway, group.now_ns)
        group.receipts.append((gateway, receipt))
        group.message_ids.append((gateway, receipt.id))
        group.urgent = True

    def _heard(self, gateway: str, now_ns: int) -> GatewayRecord:
        record = self._inventory.gateway(gateway)
        record.last_seen_ns = now_ns
        return record

    def _quarantine(
        self, gateway: str, kind: str, error: MalformedError, payload: bytes, *, group: Group
    ) -> None:
        self._metrics.refused.labels(error.reason).inc()
        if self._said.get(gateway) != error.reason:
            self._said[gateway] = error.reason
            _log.warning("%s: %s refused (%s): %s", gateway, kind, error.reason, error)
        group.quarantined.append(
            Quarantined(gateway, kind, error.reason, str(error), payload, group.now_ns)
        )


def _span(batch: Batch) -> Claim:
    return Claim(batch.epoch, batch.first, batch.last)


def _batch_topic(gateway: str) -> str:
    return f"campus/1/up/{gateway}/batch"


def _same_gateway(topic: str, payload: str) -> None:
    if topic != payload:
        raise MalformedError("gateway_mismatch", f"{payload} on the topic of {topic}")


def _gap(gateway: str, event: Event) -> Gap:
    first, last = event.attributes.get("first"), event.attributes.get("last")
    known = type(first) is int and type(last) is int and 0 < first <= last
    return Gap(
        gateway=gateway,
        epoch=str(event.attributes.get("epoch") or ""),
        first=first if known and isinstance(first, int) else 0,
        last=last if known and isinstance(last, int) else 0,
        reason=str(event.attributes.get("reason") or "unknown")[:48],
        time_ns=event.time_ns,
    )
