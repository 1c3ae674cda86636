"""The journey of everything gateways send, steps 5 and 6.

    messages ─▶ decode, dedupe ─▶ rules ─▶ one transaction ─▶ store ─▶ ack

One task does all of it up to the transaction, so everything of one gateway happens in order. A
transaction takes what has come since the last one: a lone batch goes through at once, under load
many share one. While it is being written, and while the store writes, the next ones come in.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from campus_wire.inbox import Received
from campus_wire.messages import Command
from campus_wire.supervise import Backoff
from controller import command_rows
from controller.acks import AckSender
from controller.commands import CommandRequest, Commands
from controller.config import IngestSettings
from controller.errors import RefusedError, StateBusyError
from controller.ingest_group import Group, gateway_row, record
from controller.ingest_messages import MessageReader
from controller.ingest_store import StoreQueue
from controller.inventory import GatewayRecord, Inventory
from controller.ledgers import Ledgers
from controller.metrics import Metrics
from controller.outcome import CommandIntent, LateData, Outcome
from controller.rule_engine import RuleEngine
from controller.state.database import Database

_log: Final = logging.getLogger(__name__)
_WAITING_MAX: Final = 2_000
"""Messages between the session's inbox and the decoder; beyond, the inbox fills (and overflows)."""
_IDLE_S: Final = 0.5
"""While nothing comes: how often timers are looked at and stored ranges are written down."""
_SEEN_EVERY_NS: Final = 10_000_000_000
"""How far `last_seen_ns` in the state may lag behind."""
_LAG_NS: Final = 2_000_000_000
"""How far the stored ranges in the state may lag behind."""
_BACKOFF: Final = Backoff(first_s=0.1, cap_s=5.0)

RecordOutcome = Callable[[Connection, Outcome, int], object]
OnLate = Callable[[Sequence[LateData], int], None]


def _ignore_late(_late: Sequence[LateData], _now_ns: int) -> None:
    """Nobody wants to know."""


class Ingest:
    """Turns messages into transactions.

    Args:
        reader: Decodes and joins.
        rules: The rule engine.
        record_outcome: Writes an outcome within a transaction (`alarms.record`).
        queue: Where frames go after their transaction.
        on_recorded: Called after a transaction with transitions in it, to wake the notifier.
        on_late: Told of samples that came too late for rules, and when.
        clock_ns: The wall clock.
    """

    def __init__(
        self,
        *,
        database: Database,
        inventory: Inventory,
        ledgers: Ledgers,
        reader: MessageReader,
        rules: RuleEngine,
        record_outcome: RecordOutcome,
        queue: StoreQueue,
        acks: AckSender,
        commands: Commands,
        metrics: Metrics,
        settings: IngestSettings,
        on_recorded: Callable[[], None],
        clock_ns: Callable[[], int],
        on_late: OnLate = _ignore_late,
    ) -> None:
        self._database = database
        self._on_late = on_late
        self._evaluated_ns = 0
        self._inventory = inventory
        self._ledgers = ledgers
        self._reader = reader
        self._rules = rules
        self._record_outcome = record_outcome
        self._queue = queue
        self._acks = acks
        self._commands = commands
        self._metrics = metrics
        self._settings = settings
        self._on_recorded = on_recorded
        self._clock_ns = clock_ns
        self._waiting: deque[Received] = deque()
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._finished = asyncio.Event()
        self.is_state_available = True
        self._seen_written_ns: dict[str, int] = {}
        self._refused_said: dict[str, str] = {}
        self._lag_written_ns = 0
        self._group: Group | None = None

    async def receive(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001  # the session's signature
        """Take a message; waits while too many wait already."""
        while len(self._waiting) >= _WAITING_MAX:
            self._has_room.clear()
            await self._has_room.wait()
        self._waiting.append(Received(topic, payload, retained))
        self._arrived.set()

    def add_outcome(self, outcome: Outcome) -> None:
        """Record an outcome that no message brought, at once."""
        group = self._open_group()
        group.outcomes.append(outcome)
        group.urgent = True
        self._arrived.set()

    async def finish(self) -> None:
        """Return when everything received so far is in the state and on its way to the store."""
        group = self._open_group()
        group.urgent = group.is_last = True
        self._finished.clear()
        self._arrived.set()
        await self._finished.wait()

    def add_to_next(self, change: Callable[[Group], None]) -> None:
        """Put something into the next transaction."""
        change(self._open_group())

    async def run(self) -> None:
        """Work for ever."""
        committed_s = time.monotonic()
        while True:
            await self._collect(committed_s + self._settings.linger_s)
            group, self._group = self._open_group(), None
            await self._finish(group)
            committed_s = time.monotonic()
            if not self._waiting and self._group is None:
                self._finished.set()

    # --- collecting ----------------------------------------------------------------------------

    def _open_group(self) -> Group:
        if self._group is None:
            self._group = Group(self._clock_ns())
        return self._group

    async def _collect(self, linger_until_s: float) -> None:
        """Read messages until there is reason for a transaction."""
        group = self._open_group()
        idle_until_s = time.monotonic() + self._idle_s()
        while True:
            self._read_waiting(group)
            now_s = time.monotonic()
            is_full = group.values >= self._settings.group_values
            has_work = not group.is_empty or group.batches
            if is_full or group.urgent or (has_work and now_s >= linger_until_s):
                return
            until_s = linger_until_s if has_work else idle_until_s
            if now_s >= until_s:
                return
            self._arrived.clear()
            if self._waiting:
                continue
            try:
                async with asyncio.timeout(until_s - now_s):
                    await self._arrived.wait()
            except TimeoutError:
                pass

    def _idle_s(self) -> float:
        wake_ns = self._rules.next_wake_ns()
        if wake_ns is None:
            return _IDLE_S
        return min(_IDLE_S, max(0.0, (wake_ns - self._clock_ns()) / 1e9))

    def _read_waiting(self, group: Group) -> None:
        group.now_ns = self._clock_ns()
        while self._waiting and group.values < self._settings.group_values:
            self._reader.read(self._waiting.popleft(), group)
        self._has_room.set()

    # --- one transaction -----------------------------------------------------------------------

    async def _finish(self, group: Group) -> None:
        started_s = time.perf_counter()
        self._evaluate(group)
        evaluated_s = time.perf_counter()
        outcome = sum(group.outcomes, start=Outcome())
        commands = self._prepare_commands(outcome.commands)
        lagging = group.is_last or group.now_ns - self._lag_written_ns > _LAG_NS
        if lagging:
            self._lag_written_ns = group.now_ns
        ranges = self._ledgers.take_changes(group.now_ns, lagging=lagging)
        gateways = self._take_gateways(group)
        if ranges or gateways or commands or not group.is_empty or not outcome.is_empty:
            await self._commit(group, outcome, commands, ranges=ranges, gateways=gateways)
        self._after_commit(group, outcome, commands)
        if group.batches:
            self._metrics.rules_s.observe(evaluated_s - started_s)
            self._metrics.commit_s.observe(time.perf_counter() - evaluated_s)

    def _evaluate(self, group: Group) -> None:
        now_ns = group.now_ns
        outcomes = []
        if group.frames:
            outcomes.append(self._rules.evaluate(group.frames, now_ns=now_ns))
            for frame in group.frames:
                self._inventory.observe(frame)
        wake_ns = self._rules.next_wake_ns()
        was_set_back = now_ns < self._evaluated_ns  # or the next tick would be an hour away
        if wake_ns is not None and (wake_ns <= now_ns or was_set_back):
            outcomes.append(self._rules.tick(now_ns=now_ns))
        self._evaluated_ns = now_ns
        group.outcomes += [outcome for outcome in outcomes if not outcome.is_empty]

    def _prepare_commands(self, intents: Sequence[CommandIntent]) -> list[Command]:
        prepared = []
        for intent in intents:
            request = CommandRequest(
                gateway=intent.gateway,
                device=intent.device,
                point=intent.point,
                value=intent.value,
                by=f"rule:{intent.rule}",
            )
            try:
                prepared.append(self._commands.prepare(request))
            except RefusedError as error:
                self._say_refused(intent, error)
        return prepared

    def _say_refused(self, intent: CommandIntent, error: RefusedError) -> None:
        self._metrics.refused.labels(error.reason).inc()
        key = f"{intent.rule} {intent.instance}"
        if self._refused_said.get(key) != error.reason:
            self._refused_said[key] = error.reason
            _log.warning("rule %s cannot command (%s): %s", key, error.reason, error)

    def _take_gateways(self, group: Group) -> list[dict[str, Any]]:
        known = filter(self._inventory.has_gateway, group.gateways)
        sent = (self._inventory.gateway(name) for name in known)
        due = [one for one in sent if self._is_due(one)]
        for one in due:
            one.changed = False
            self._seen_written_ns[one.gateway] = one.last_seen_ns
        return [gateway_row(one) for one in due]

    def _is_due(self, gateway: GatewayRecord) -> bool:
        written_ns = self._seen_written_ns.get(gateway.gateway, 0)
        return gateway.changed or gateway.last_seen_ns - written_ns > _SEEN_EVERY_NS

    async def _commit(
        self,
        group: Group,
        outcome: Outcome,
        commands: list[Command],
        *,
        ranges: list[dict[str, Any]],
        gateways: list[dict[str, Any]],
    ) -> None:
        def work(connection: Connection) -> None:
            record(connection, group, ranges=ranges, gateway_rows=gateways, now_ns=group.now_ns)
            if not outcome.is_empty:
                self._record_outcome(connection, outcome, group.now_ns)
            for command in commands:
                command_rows.add(connection, command)

        failures = 0
        while True:
            try:
                await self._database.write(work)
            except StateBusyError as error:
                # The rules have moved on, so this very transaction must succeed before another.
                failures += 1
                if self.is_state_available:
                    self.is_state_available = False
                    _log.warning("the state database is not writable: %s; trying again", error)
                await asyncio.sleep(_BACKOFF.delay_s(failures, random.random()))  # noqa: S311  # jitter
            else:
                self.is_state_available = True
                return

    def _after_commit(self, group: Group, outcome: Outcome, commands: list[Command]) -> None:
        for item in group.items:
            self._queue.put(item)
        for refusal in group.refusals:
            self._acks.refused(refusal.gateway, refusal.epoch, refusal.intervals, refusal.reason)
        for gateway, message_id in group.message_ids:
            self._acks.messages(gateway, self._inventory.gateway(gateway).epoch, [message_id])
        self._commands.note_receipts(group.receipts)
        if commands:
            self._commands.accept(commands)
        if outcome.transitions:
            self._on_recorded()
        if outcome.late:
            self._on_late(outcome.late, group.now_ns)
        self._count(group, outcome)

    def _count(self, group: Group, outcome: Outcome) -> None:
        if group.batches:
            self._metrics.batches.inc(group.batches)
            self._metrics.samples_fresh.inc(sum(frame.sample_count for frame in group.frames))
        for transition in outcome.transitions:
            self._metrics.transitions.labels(str(transition.kind)).inc()
        if group.frames:
            newest_ns = max(int(frame.time_ns[-1]) for frame in group.frames)
            self._metrics.lag_s.set((group.now_ns - newest_ns) / 1e9)
