"""What becomes of stored and rejected frames: ledgers, acks, quarantine, figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import orjson

from controller.acks import AckSender
from controller.errors import StoreUnavailableError
from controller.ingest_batch import runs
from controller.ingest_group import Gap, Group, Quarantined, Refusal
from controller.ingest_store import Rejected, StoreItem
from controller.ledgers import Ledgers
from controller.metrics import Metrics

_REASON: Final = "store_rejected"


class StoreOutcome:
    """Follows the store's queue (`ingest_store.WriteObserver`).

    Args:
        ledgers: Told what is durable.
        acks: Told what can be acked.
        add_to_next: Puts something into the next state transaction.
        metrics: Counts.
        clock_ns: The wall clock.
    """

    def __init__(
        self,
        *,
        ledgers: Ledgers,
        acks: AckSender,
        add_to_next: Callable[[Callable[[Group], None]], None],
        metrics: Metrics,
        clock_ns: Callable[[], int],
    ) -> None:
        self._ledgers = ledgers
        self._acks = acks
        self._add_to_next = add_to_next
        self._metrics = metrics
        self._clock_ns = clock_ns

    def stored(self, items: Sequence[StoreItem], *, took_s: float) -> None:
        """Note what is durable and ack it."""
        self._metrics.write_s.observe(took_s)
        self._metrics.store_up.set(1)
        for item in items:
            ledger = self._ledgers.of(item.gateway, item.epoch)
            for interval in item.intervals:
                ledger.drop_pending(*interval)
                for first, last in ledger.refused.missing(*interval):
                    ledger.mark_stored(first, last)
            durable = ledger.stored.within(item.first, item.last)
            self._acks.stored(item.gateway, item.epoch, durable)
        self._metrics.values_stored.inc(sum(item.values for item in items))

    def rejected(self, rejected: Rejected) -> None:
        """Refuse samples that the store will never take."""
        item, frame = rejected.item, rejected.frame
        ledger = self._ledgers.of(item.gateway, item.epoch)
        intervals = runs(frame.seq)
        now_ns = self._clock_ns()
        for first, last in intervals:
            ledger.mark_refused(first, last)
        self._metrics.refused.labels(rejected.reason).inc()
        payload = orjson.dumps(
            {
                "devices": [frame.devices[row].device for row in frame.device_row],
                "points": [point.name for point in frame.points],
                "times_ns": frame.time_ns.tolist(),
                "values": frame.values.tolist(),
            }
        )
        quarantined = Quarantined(
            item.gateway, "sample", rejected.reason, rejected.message, payload, now_ns
        )
        gaps = [Gap(item.gateway, item.epoch, a, b, _REASON, now_ns) for a, b in intervals]

        def change(group: Group) -> None:
            group.quarantined.append(quarantined)
            group.gaps += gaps
            group.refusals.append(Refusal(item.gateway, item.epoch, tuple(intervals), _REASON))

        self._add_to_next(change)

    def unavailable(self, error: StoreUnavailableError) -> None:
        """Count a write that was not confirmed."""
        self._metrics.store_up.set(0)
        self._metrics.store_failures.labels(error.reason).inc()
