"""Puts the controller together, runs it, and stops it in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psutil
from sqlalchemy import Connection, func, select

from campus_rules.load import AnyRule
from campus_wire.session import MqttSession
from campus_wire.supervise import Backoff, supervise
from campus_wire.topics import Up, all_up
from controller import auth
from controller.acks import AckSender
from controller.alarms import AlarmBook, count_open, load_states
from controller.api.app import create_app
from controller.api_server import ApiServer
from controller.commands import Commands
from controller.config import ControllerConfig
from controller.gateway_clock import GatewayClocks
from controller.gateway_twins import GatewayTwins
from controller.ingest import Ingest
from controller.ingest_held import Held
from controller.ingest_messages import MessageReader
from controller.ingest_outcome import StoreOutcome
from controller.ingest_store import StoreQueue
from controller.inventory import Inventory
from controller.late_data import LateDigests
from controller.late_data import outcome_of as digest_of
from controller.ledgers import Ledgers
from controller.liveness import Liveness, outcome_of
from controller.metrics import Metrics
from controller.notify.build import style_of
from controller.notify.channel import Channel
from controller.notify.notifier import Notifier
from controller.outcome import Outcome
from controller.restore import load_inventory
from controller.rule_engine import RuleEngine
from controller.rule_instances import rule_ids
from controller.services import Readiness, Services
from controller.state.database import Database
from controller.state.schema import outbox
from controller.telemetry.base import TelemetryStore

_log: Final = logging.getLogger(__name__)
_BACKOFF: Final = Backoff()
_SUBSCRIPTIONS: Final = [(all_up(kind), 0 if kind is Up.BATCH else 1) for kind in Up]
"""A batch that the broker drops comes again, as it has no ack; so it needs no PUBACK from here."""
_LIVENESS_S: Final = 3.0
_FIGURES_S: Final = 5.0
_GC_THRESHOLD: Final = (20_000, 20, 20)


class Controller:
    """One controller.

    Args:
        config: The whole configuration.
        store: The telemetry store, not started yet.
        rules: As loaded from the rule files.
        channels: Where notices go.
        secret: The district's secret.
        clock_ns: The wall clock.
    """

    def __init__(
        self,
        config: ControllerConfig,
        *,
        store: TelemetryStore,
        rules: Sequence[AnyRule],
        channels: Sequence[Channel],
        secret: bytes,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._config = config
        self._store = store
        self._rule_ids = rule_ids(rules)
        self._clock_ns = clock_ns
        self._is_store_started = False
        self.metrics = Metrics()
        self.database = Database(config.state.url, busy_timeout_s=config.state.busy_timeout_s)
        self.inventory = Inventory()
        self.ledgers = Ledgers()
        self._rules = RuleEngine(rules)
        self._book = AlarmBook(config.notices.channels)
        self._liveness = Liveness(config.liveness)
        self._clocks = GatewayClocks()
        self._twins = GatewayTwins()
        self._late = LateDigests()
        self._session = MqttSession(
            config.broker,
            subscriptions=_SUBSCRIPTIONS,
            will=None,
            on_message=self._on_message,
            on_up=self._on_up,
            on_down=self._on_down,
        )
        self._acks = AckSender(self._publish_ack, clock_ns=clock_ns)
        self.commands = Commands(
            database=self.database,
            inventory=self.inventory,
            publish=self._session.publish,
            secret=secret,
            settings=config.commands,
            clock_ns=clock_ns,
            on_ended=lambda outcome: self.metrics.commands.labels(str(outcome)).inc(),
        )
        self._notifier = Notifier(
            database=self.database,
            book=self._book,
            channels=channels,
            style=style_of(config.notices),
            clock_ns=clock_ns,
        )
        self._wire_ingest()

    def _wire_ingest(self) -> None:
        settings = self._config.ingest
        self._queue = StoreQueue(
            self._store,
            write_values=settings.write_values,
            writes_in_flight=settings.writes_in_flight,
            pending_values_max=settings.pending_values_max,
        )
        reader = MessageReader(
            inventory=self.inventory,
            ledgers=self.ledgers,
            acks=self._acks,
            rules=self._rules,
            reserve=self._queue.reserve,
            held=Held(
                bytes_max=settings.held_mb_max * 1024 * 1024,
                ask_every_ns=int(settings.catalog_wait_s * 1e9),
            ),
            metrics=self.metrics,
            ahead_ns=int(settings.ahead_s_max * 1e9),
            earliest_ns=int(settings.not_before.timestamp()) * 1_000_000_000,
            clocks=self._clocks,
            twins=self._twins,
        )
        self._ingest = Ingest(
            database=self.database,
            inventory=self.inventory,
            ledgers=self.ledgers,
            reader=reader,
            rules=self._rules,
            record_outcome=self._book.record,
            queue=self._queue,
            acks=self._acks,
            commands=self.commands,
            metrics=self.metrics,
            settings=settings,
            on_recorded=self._notifier.wake,
            clock_ns=self._clock_ns,
            on_late=lambda late, now_ns: self._late.add(late, now_ns=now_ns),
        )

    # --- start and stop ------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event, *, show_token: Callable[[str], None]) -> None:
        """Run until `stop` is set, then stop in order.

        Args:
            stop: Set by a signal.
            show_token: Shown the first token, when this is the first start.

        Raises:
            StateError: the state database cannot be used.
            ConfigError: the HTTP API cannot listen.
        """
        try:
            await self.database.claim()
            await self.database.start()
            with _without_gc():
                await self._load(show_token)
            api = self._api_server()
            _calm_gc()
            await self._serve(stop, api)
        finally:
            await self._notifier.close()
            await self._store.close()
            await self.database.close()

    async def _load(self, show_token: Callable[[str], None]) -> None:
        def read(connection: Connection) -> None:
            self.ledgers.load(connection)
            load_inventory(connection, self.inventory)
            states = load_states(connection)
            self._liveness.restore(states)
            self._clocks.restore(states)
            self._twins.restore(states, now_ns=self._clock_ns())
            self._rules.restore([one for one in states if one.rule in self._rule_ids])

        await self.database.read(read)
        await self.commands.start()
        now_ns = self._clock_ns()
        tables = self.inventory.presents()
        outcome = sum(
            (self._rules.set_catalog(table, now_ns=now_ns) for table in tables), start=Outcome()
        )

        def write(connection: Connection) -> str | None:
            self._book.record(connection, outcome, now_ns)
            self._book.retire(connection, self._rule_ids, now_ns)
            return auth.create_first(connection, now_ns=now_ns)

        token = await self.database.write(write)
        if token is not None:
            show_token(token)

    def _api_server(self) -> ApiServer | None:
        settings = self._config.api
        if settings is None:
            return None
        app = create_app(self.services(), request_timeout_s=settings.request_timeout_s)
        return ApiServer(app, settings, stop_timeout_s=self._config.stop_timeout_s)

    def services(self) -> Services:
        """Return what the API may use."""
        return Services(
            config=self._config,
            database=self.database,
            inventory=self.inventory,
            ledgers=self.ledgers,
            store=self._store,
            commands=self.commands,
            metrics=self.metrics,
            alarms=self._book,
            readiness=self.readiness,
            wake_notifier=self._notifier.wake,
            clock_ns=self._clock_ns,
        )

    def readiness(self) -> Readiness:
        """Return whether samples flow all the way."""
        return Readiness(
            broker=self._session.connected,
            store=self._queue.is_available and self._is_store_started,
            state=self._ingest.is_state_available,
        )

    async def _serve(self, stop: asyncio.Event, api: ApiServer | None) -> None:
        works: dict[str, Coroutine[Any, Any, None]] = {
            "store": self._run_store(),
            "ingest": self._ingest.run(),
            "acks": self._acks.run(),
            "commands": self.commands.run(),
            "notices": self._notifier.run(),
            "liveness": self._run_liveness(),
            "figures": self._run_figures(),
        }
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work, name=name) for name, work in works.items()]
            session = group.create_task(self._session.run(), name="broker")
            served = None if api is None else group.create_task(api.run(), name="api")
            _log.info("controller runs%s", "" if api is None else f"; API at {api.url}")
            await stop.wait()
            _log.info("stopping")
            if api is not None and served is not None:
                api.stop()
            await self._drain()
            for task in [session, *tasks]:
                task.cancel()

    async def _drain(self) -> None:
        """Let what has come in go its whole way, as far as that takes no longer than allowed."""
        try:
            async with asyncio.timeout(self._config.stop_timeout_s):
                await self._ingest.finish()
                await self._queue.drained()
                await self._acks.flush()
                await self._ingest.finish()
        except TimeoutError:
            _log.warning("stopping with work undone; gateways will send it again")

    async def _run_store(self) -> None:
        await supervise("telemetry store", self._start_store, backoff=_BACKOFF)
        outcome = StoreOutcome(
            ledgers=self.ledgers,
            acks=self._acks,
            add_to_next=self._ingest.add_to_next,
            metrics=self.metrics,
            clock_ns=self._clock_ns,
        )
        await self._queue.run(outcome)

    async def _start_store(self) -> None:
        await self._store.start()
        self._is_store_started = True

    # --- the broker ----------------------------------------------------------------------------

    async def _on_message(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
        await self._ingest.receive(topic, payload, retained)

    async def _on_up(self) -> None:
        self.metrics.broker_up.set(1)
        now_ns = self._clock_ns()
        self._liveness.begin(now_ns)
        self._rules.listen_anew(now_ns)

    async def _on_down(self) -> None:
        self.metrics.broker_up.set(0)
        self._liveness.end()

    async def _publish_ack(self, topic: str, payload: bytes) -> None:
        await self._session.publish(topic, payload, qos=0)

    # --- by the clock --------------------------------------------------------------------------

    async def _run_liveness(self) -> None:
        while True:
            await asyncio.sleep(_LIVENESS_S)
            now_ns = self._clock_ns()
            changes = self._liveness.check(self.inventory.gateways(), now_ns=now_ns)
            for change in changes:
                table = self.inventory.present(change.gateway)
                _log.warning(
                    "gateway %s is %s", change.gateway, "silent" if change.silent else "back"
                )
                self._ingest.add_outcome(outcome_of(change, table, now_ns=now_ns))
            for data in self._late.take_drained(now_ns=now_ns):
                table = self.inventory.present(data.gateway)
                self._ingest.add_outcome(digest_of(data, table, now_ns=now_ns))

    async def _run_figures(self) -> None:
        process = psutil.Process()
        while True:
            self.metrics.memory_bytes.set(process.memory_info().rss)
            self.metrics.store_pending.set(self._queue.pending_values)
            self.metrics.commands_open.set(self.commands.open_count)
            self._count_gateways()
            counts = await self.database.read(_outbox_counts)
            self.metrics.outbox_pending.set(counts.get("pending", 0))
            self.metrics.outbox_dead.set(counts.get("dead", 0))
            self._count_alarms(await self.database.read(count_open))
            await asyncio.sleep(_FIGURES_S)

    def _count_alarms(self, counts: dict[tuple[str, str], int]) -> None:
        self.metrics.alarms_open.clear()
        for (severity, state), count in counts.items():
            self.metrics.alarms_open.labels(severity, state).set(count)

    def _count_gateways(self) -> None:
        states = [record.state for record in self.inventory.gateways()]
        for state in ("online", "stopping", "offline", "unknown"):
            self.metrics.gateways.labels(state).set(states.count(state))


@contextmanager
def _without_gc() -> Iterator[None]:
    """Spare the collector what is all here to stay: it would take over half of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _calm_gc() -> None:
    """Spare the collector what lives for ever, and most looks at lists that die young."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)


def _outbox_counts(connection: Connection) -> dict[str, int]:
    statement = select(outbox.c.state, func.count().label("rows")).group_by(outbox.c.state)
    return {row.state: row.rows for row in connection.execute(statement)}
