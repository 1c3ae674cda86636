"""An API over a real state database and a real DuckDB file; only the broker is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from campus_rules.model import AlarmClass, Severity
from campus_rules.signals import TransitionKind
from campus_wire.batch import Batch, Sample, blocks_of
from controller import auth
from controller.alarms import AlarmBook
from controller.api.app import create_app
from controller.auth import Role
from controller.commands import Commands
from controller.config import CommandSettings, ControllerConfig
from controller.frames import CatalogTable
from controller.inventory import Inventory
from controller.ledgers import Ledgers
from controller.metrics import Metrics
from controller.outcome import About, Outcome, RuleTransition
from controller.services import Readiness, Services
from controller.state.database import Database
from controller.telemetry.duckdb_store import DuckDBStore
from tests.controller.core.samples import EPOCH, NOW_NS, SECOND, catalog, label

GATEWAY = "demo-school-1"
ROWS = 60
READY = Readiness(broker=True, store=True, state=True)


class Everyone:
    """A channel that is told of everything."""

    id = "ops"
    severities = ("critical", "warning", "info")


@dataclass
class Api:
    """A client for each role, and what stands behind the API."""

    services: Services
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    woken: int = 0
    readiness: Readiness = READY

    @property
    def viewer(self) -> httpx.AsyncClient:
        return self.clients["viewer"]

    @property
    def operator(self) -> httpx.AsyncClient:
        return self.clients["operator"]

    @property
    def admin(self) -> httpx.AsyncClient:
        return self.clients["admin"]

    @property
    def nobody(self) -> httpx.AsyncClient:
        return self.clients["nobody"]

    async def raise_alarm(self, instance: str = f"{GATEWAY}/th-0/temperature") -> str:
        """Raise an alarm of a rule; return its id."""
        about = About(
            rule="room-hot",
            instance=instance,
            severity=Severity.WARNING,
            alarm_class=AlarmClass.COMFORT,
            name=label("too hot"),
            consequence=label("tired"),
            action=label("cool"),
            gateway=GATEWAY,
            school="sunrise",
            building="b1",
            area="r101",
            device="th-0",
            point="temperature",
            school_name=label("Sunrise"),
            area_names=(label("Building 1"), label("Room 101")),
            unit="°C",
            limit=30.0,
        )
        change = RuleTransition(about, TransitionKind.RAISED, NOW_NS, NOW_NS, 31.5)
        outcome = Outcome(transitions=(change,))
        book = self.services.alarms
        await self.services.database.write(lambda c: book.record(c, outcome, NOW_NS))
        found = (await self.viewer.get("/api/v1/alarms")).json()["alarms"]
        return str(next(alarm["id"] for alarm in found if alarm["rule"] == "room-hot"))


async def _published(_topic: str, _payload: bytes) -> None:
    """Nobody listens: these tests look at what is written down."""


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    config = ControllerConfig.model_validate({"broker": {"host": "127.0.0.1"}})
    database, inventory = Database(f"sqlite:///{tmp_path / 'state.db'}"), Inventory()
    store = DuckDBStore(tmp_path / "telemetry.duckdb")
    await database.start()
    await store.start()
    table = CatalogTable.of(catalog(GATEWAY))
    inventory.add(table, present=True)
    samples = [
        Sample(0, (0, 1), NOW_NS + row * SECOND, (20.0 + row, None if row == 5 else 50.0), quality)
        for row in range(ROWS)
        for quality in [(0, 65 if row == 5 else 0)]
    ]
    frames = table.frames_of(Batch(EPOCH, 1, table.revision, blocks_of(samples)))
    for frame in frames:
        inventory.observe(frame)
    await store.write(frames)
    made = Api(
        Services(
            config=config,
            database=database,
            inventory=inventory,
            ledgers=Ledgers(),
            store=store,
            alarms=AlarmBook([Everyone()]),
            commands=Commands(
                database=database,
                inventory=inventory,
                publish=_published,
                secret=b"s" * 32,
                settings=CommandSettings(),
                clock_ns=lambda: NOW_NS,
            ),
            metrics=Metrics(),
            readiness=lambda: made.readiness,
            wake_notifier=lambda: setattr(made, "woken", made.woken + 1),
            clock_ns=lambda: NOW_NS,
        )
    )
    app = create_app(made.services)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    for role in Role:
        name = f"{role} of the tests"
        _, token = await database.write(
            lambda c, name=name, role=role: auth.create(c, name, role, now_ns=NOW_NS, who="test")  # type: ignore[misc]
        )
        headers = {"Authorization": f"Bearer {token}"}
        made.clients[role] = httpx.AsyncClient(
            transport=transport, base_url="http://api", headers=headers
        )
    made.clients["nobody"] = httpx.AsyncClient(transport=transport, base_url="http://api")
    yield made
    for client in made.clients.values():
        await client.aclose()
    await store.close()
    await database.close()
