"""What the parts of a running controller lend to its HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.alarms import AlarmBook
from controller.commands import Commands
from controller.config import ControllerConfig
from controller.inventory import Inventory
from controller.ledgers import Ledgers
from controller.metrics import Metrics
from controller.state.database import Database
from controller.telemetry.base import TelemetryStore


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether each part that telemetry passes works; `ready` when all do."""

    broker: bool
    store: bool
    state: bool

    @property
    def ready(self) -> bool:
        """Whether samples flow all the way."""
        return self.broker and self.store and self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything an API may use.

    Alarms, tokens, gaps and audit are functions of a connection (`controller.alarms`,
    `controller.auth`, `controller.audit`), which `database` runs.
    """

    config: ControllerConfig
    database: Database
    inventory: Inventory
    ledgers: Ledgers
    store: TelemetryStore
    commands: Commands
    metrics: Metrics
    alarms: AlarmBook
    readiness: Callable[[], Readiness]
    wake_notifier: Callable[[], None]
    """To be called after a transaction that added to the outbox."""
    clock_ns: Callable[[], int]
