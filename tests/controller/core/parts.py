"""The ingest without a broker: messages go in by hand, acks and rows come out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from campus_wire.catalog import Catalog, encode_catalog
from campus_wire.messages import Ack, decode
from controller.acks import AckSender
from controller.alarms import AlarmBook
from controller.commands import Commands
from controller.config import CommandSettings, IngestSettings
from controller.errors import StoreRejectedError, StoreUnavailableError
from controller.frames import Frame
from controller.ingest import Ingest
from controller.ingest_held import Held
from controller.ingest_messages import MessageReader
from controller.ingest_outcome import StoreOutcome
from controller.ingest_store import StoreQueue
from controller.inventory import Inventory
from controller.ledgers import Ledgers
from controller.metrics import Metrics
from controller.outcome import Outcome, StateChange
from controller.restore import load_inventory
from controller.rule_engine import RuleEngine
from controller.state.database import Database
from tests.controller.core.samples import NOW_NS

SECRET = b"s" * 32
Row = tuple[str, str, int]


class MemoryStore:
    """Keeps rows as a store would: the same sample written twice is there once."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int], tuple[float, ...]] = {}
        self.writes = 0
        self.is_down = False
        self.poison: Callable[[Frame], bool] = lambda _frame: False

    async def write(self, frames: Sequence[Frame]) -> None:
        await asyncio.sleep(0)
        self.writes += 1
        if self.is_down:
            raise StoreUnavailableError("refused", "nothing listens")
        if any(self.poison(frame) for frame in frames):
            raise StoreRejectedError("field_type", "cannot be stored")
        for frame in frames:
            for column, row in enumerate(frame.device_row):
                key = (frame.gateway, frame.devices[row].device, int(frame.time_ns[column]))
                self.rows[key] = tuple(frame.values[:, column])


@dataclass
class Sent:
    """What was published."""

    acks: list[tuple[str, Ack]] = field(default_factory=list)
    commands: list[tuple[str, bytes]] = field(default_factory=list)

    async def ack(self, topic: str, payload: bytes) -> None:
        self.acks.append((topic.split("/")[3], decode(Ack, payload)))

    async def command(self, topic: str, payload: bytes) -> None:
        self.commands.append((topic, payload))

    def stored(self, gateway: str) -> set[int]:
        return {
            number
            for name, ack in self.acks
            if name == gateway
            for one in ack.stored
            for number in range(one.first, one.last + 1)
        }

    def refused(self, gateway: str) -> dict[int, str]:
        return {
            number: one.reason
            for name, ack in self.acks
            if name == gateway
            for one in ack.refused
            for number in range(one.first, one.last + 1)
        }


class RecordingEngine(RuleEngine):
    """Remembers which samples the rules have seen."""

    def __init__(self) -> None:
        super().__init__(())
        self.seen: list[tuple[str, int]] = []
        self.evaluated: list[Callable[[Outcome], None]] = []
        """Called with each outcome."""
        self.marks: str | None = None
        """When set: a rule state for each sample is part of the outcome, under this name."""

    def evaluate(self, frames: Sequence[Frame], *, now_ns: int) -> Outcome:
        seen = [(frame.gateway, int(seq)) for frame in frames for seq in frame.seq]
        self.seen += seen
        outcome = super().evaluate(frames, now_ns=now_ns)
        for tell in self.evaluated:
            tell(outcome)
        if self.marks is None:
            return outcome
        marks = tuple(StateChange(self.marks, f"{name}/{seq}", "{}") for name, seq in seen)
        return outcome + Outcome(states=marks)


class Parts:
    """Everything between messages and acks, on a state database in `directory`."""

    def __init__(self, directory: Path, store: MemoryStore, settings: IngestSettings) -> None:
        self.now_ns = NOW_NS + 60_000_000_000
        self.store = store
        self.sent = Sent()
        self.rules = RecordingEngine()
        self.metrics = Metrics()
        self.inventory = Inventory()
        self.ledgers = Ledgers()
        self.database = Database(f"sqlite:///{directory / 'state.db'}")
        self.acks = AckSender(self.sent.ack, clock_ns=self._clock_ns, pause_s=0.0)
        self.queue = StoreQueue(
            store,
            write_values=settings.write_values,
            writes_in_flight=settings.writes_in_flight,
            pending_values_max=settings.pending_values_max,
            chance=lambda: 0.0,
        )
        self.commands = Commands(
            database=self.database,
            inventory=self.inventory,
            publish=self.sent.command,
            secret=SECRET,
            settings=CommandSettings(),
            clock_ns=self._clock_ns,
        )
        reader = MessageReader(
            inventory=self.inventory,
            ledgers=self.ledgers,
            acks=self.acks,
            rules=self.rules,
            reserve=self.queue.reserve,
            held=Held(bytes_max=1_000_000, ask_every_ns=10_000_000_000),
            metrics=self.metrics,
            ahead_ns=600_000_000_000,
            earliest_ns=NOW_NS - 30 * 86_400 * 1_000_000_000,
        )
        self.ingest = Ingest(
            database=self.database,
            inventory=self.inventory,
            ledgers=self.ledgers,
            reader=reader,
            rules=self.rules,
            record_outcome=AlarmBook().record,
            queue=self.queue,
            acks=self.acks,
            commands=self.commands,
            metrics=self.metrics,
            settings=settings,
            on_recorded=lambda: None,
            clock_ns=self._clock_ns,
        )

    def _clock_ns(self) -> int:
        return self.now_ns

    async def send(
        self, gateway: str, kind: str, payload: bytes, *, retained: bool = False
    ) -> None:
        await self.ingest.receive(f"campus/1/up/{gateway}/{kind}", payload, retained)

    async def send_catalog(self, catalog: Catalog) -> None:
        await self.send(catalog.gateway, "catalog", encode_catalog(catalog))

    async def settle(self, *, store: bool = True) -> None:
        """Wait until all that was sent has gone its way, and the acks are out."""
        await self.ingest.finish()
        if store:
            await self.queue.drained()
            await asyncio.sleep(0)
        await self.ingest.finish()
        await self.acks.flush()


@contextlib.asynccontextmanager
async def running(
    directory: Path,
    *,
    store: MemoryStore | None = None,
    settings: IngestSettings | None = None,
) -> AsyncIterator[Parts]:
    """Run the parts on whatever state `directory` holds."""
    parts = Parts(directory, store or MemoryStore(), settings or IngestSettings(linger_s=0.0))
    await parts.database.start()
    await parts.database.read(parts.ledgers.load)
    await parts.database.read(lambda c: load_inventory(c, parts.inventory))
    outcome = StoreOutcome(
        ledgers=parts.ledgers,
        acks=parts.acks,
        add_to_next=parts.ingest.add_to_next,
        metrics=parts.metrics,
        clock_ns=lambda: parts.now_ns,
    )
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(parts.ingest.run()),
            group.create_task(parts.queue.run(outcome)),
            group.create_task(parts.commands.run()),
        ]
        try:
            yield parts
        finally:
            for task in tasks:
                task.cancel()
    await parts.database.close()
