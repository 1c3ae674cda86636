"""The ledgers of all gateways and epochs in memory, and the way to and from the state."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from controller.dedupe import EpochLedger, Intervals
from controller.state.dialect import upsert
from controller.state.schema import ranges

EPOCHS_MAX: Final = 32
"""Epochs remembered per gateway. A gateway has a few in its life, one per spool; forgetting an old
one costs nothing but storing its samples once more over themselves."""


class Ledgers:
    """One ledger per gateway and epoch."""

    def __init__(self) -> None:
        self._gateways: dict[str, OrderedDict[str, EpochLedger]] = {}

    def of(self, gateway: str, epoch: str) -> EpochLedger:
        """Return the ledger of an epoch, an empty one when it is new."""
        epochs = self._gateways.setdefault(gateway, OrderedDict())
        ledger = epochs.get(epoch)
        if ledger is None:
            ledger = epochs[epoch] = EpochLedger()
            if len(epochs) > EPOCHS_MAX:
                self._forget_oldest(epochs)
        epochs.move_to_end(epoch)
        return ledger

    def epochs(self, gateway: str) -> Mapping[str, EpochLedger]:
        """Return the ledgers of a gateway by epoch, the one heard of last at the end."""
        return self._gateways.get(gateway, OrderedDict())

    def take_changes(self, now_ns: int, *, lagging: bool) -> list[dict[str, Any]]:
        """Return the rows of all ledgers that changed since the last call.

        With `lagging`, also of those to which nothing happened but that samples became durable.
        """
        rows = []
        for gateway, epochs in self._gateways.items():
            for epoch, ledger in epochs.items():
                if ledger.changed or (lagging and ledger.lags):
                    ledger.changed = ledger.lags = False
                    rows.append(_row(gateway, epoch, ledger, now_ns))
        return rows

    def load(self, connection: Connection) -> None:
        """Read all ledgers from the state."""
        for row in connection.execute(select(ranges).order_by(ranges.c.updated_ns)):
            ledger = self.of(row.gateway, row.epoch)
            ledger.processed = Intervals.load(row.processed)
            ledger.stored = Intervals.load(row.stored)
            ledger.refused = Intervals.load(row.refused)

    @staticmethod
    def _forget_oldest(epochs: OrderedDict[str, EpochLedger]) -> None:
        for epoch, ledger in epochs.items():
            if not ledger.changed and not ledger.lags and not len(ledger.pending):
                del epochs[epoch]
                return


def save(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write rows of `Ledgers.take_changes`."""
    upsert(connection, ranges, rows, keys=("gateway", "epoch"))


def _row(gateway: str, epoch: str, ledger: EpochLedger, now_ns: int) -> dict[str, Any]:
    return {
        "gateway": gateway,
        "epoch": epoch,
        "processed": ledger.processed.dump(),
        "stored": ledger.stored.dump(),
        "refused": ledger.refused.dump(),
        "updated_ns": now_ns,
    }
