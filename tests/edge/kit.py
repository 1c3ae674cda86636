"""What the tests of the agent's core share: samples, stamps, a spool in a folder, a controller."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from campus_wire.batch import Batch, Sample, decode_batch
from campus_wire.catalog import Area, Catalog, Device, Label, Point, SampleClass, School
from campus_wire.messages import (
    Ack,
    ClockState,
    Event,
    Range,
    Receipt,
    Refusal,
    Status,
    decode,
    encode,
)
from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from campus_wire.topics import Down, Up, all_up, down, parse
from edge_agent.spool.records import Draft, Rank, SpoolLimits, Stamp
from edge_agent.spool.store import SpoolStore

BOOT = "11111111-1111-4111-8111-111111111111"
T0_NS = 1_790_000_000_000_000_000
MS = 1_000_000
S = 1_000_000_000
SYNCED = Stamp(ClockState.SYNCED, BOOT, 0)


def label(text: str) -> Label:
    return Label(zh=text, en=text)


def catalog_of(gateway: str, *, devices: int = 4) -> Catalog:
    """A room with devices of three points each: 0 and 1 normal, 2 safety."""
    names = (("temperature", "°C"), ("humidity", "%RH"), ("gas", "ppm"))
    return Catalog(
        gateway=gateway,
        school=School(id="sunrise", name=label("Sunrise")),
        areas=(Area(id="r1", kind="classroom", name=label("Room 1")),),
        points=tuple(
            Point.model_validate({"name": name, "unit": unit, "label": label(name)})
            for name, unit in names
        ),
        devices=tuple(
            Device(
                id=f"d{number}",
                name=label(f"d{number}"),
                profile="probe",
                category="climate",
                area="r1",
                interval_s=1,
                points=(0, 1, 2),
            )
            for number in range(devices)
        ),
    )


def sample(
    time_ns: int = T0_NS,
    *,
    device: int = 0,
    points: tuple[int, ...] = (0, 1),
    values: tuple[float | None, ...] = (21.5, 40.0),
) -> Sample:
    return Sample(device, points, time_ns, values, tuple([0] * len(values)))


def draft(
    count: int = 3,
    *,
    start_ns: int = T0_NS,
    sample_class: SampleClass = SampleClass.NORMAL,
    stamp: Stamp = SYNCED,
    catalog: str = "0123456789abcdef",
) -> Draft:
    samples = [sample(start_ns + number * 1000 * MS) for number in range(count)]
    return Draft(samples, sample_class, stamp, catalog)


def fat_draft(
    number: int, *, samples: int = 250, sample_class: SampleClass = SampleClass.NORMAL
) -> Draft:
    """A batch of 500 values and some 3 KB, whatever the compression does."""
    digits = [((number * 7919 + at * 104_729) % 1_000_003) / 997 for at in range(500)]
    width = 500 // samples
    made = [
        sample(
            T0_NS + (number * 1000 + at) * MS,
            points=tuple(range(width)),
            values=tuple(digits[at * width : (at + 1) * width]),
        )
        for at in range(samples)
    ]
    return Draft(made, sample_class, SYNCED, "0123456789abcdef")


@dataclass
class Clocks:
    """Two clocks that stand still until they are moved."""

    wall_ns: int = T0_NS
    monotonic_ns: int = 1000 * S

    def advance(self, seconds: float) -> None:
        self.wall_ns += round(seconds * S)
        self.monotonic_ns += round(seconds * S)


def open_store(
    path: Path,
    *,
    clocks: Clocks | None = None,
    limits: SpoolLimits | None = None,
    boot: str = BOOT,
    run: str = "run-1",
) -> SpoolStore:
    clocks = clocks if clocks is not None else Clocks()
    return SpoolStore(
        path,
        limits=limits if limits is not None else SpoolLimits(max_bytes=8 * 1024 * 1024),
        boot=boot,
        run=run,
        wall_ns=lambda: clocks.wall_ns,
        monotonic_ns=lambda: clocks.monotonic_ns,
    )


def ack_of(epoch: str, *ranges: tuple[int, int], refused: Sequence[Refusal] = ()) -> Ack:
    return Ack(
        epoch=epoch,
        stored=tuple(Range(first=first, last=last) for first, last in ranges),
        refused=tuple(refused),
    )


def events(store: SpoolStore) -> list[Event]:
    """The events that wait, gaps first."""
    waiting = store.messages(10_000)
    return [decode(Event, one.payload) for one in waiting if one.kind is Up.EVENT]


def gaps(store: SpoolStore) -> list[tuple[object, object, object]]:
    """First, last and reason of each gap."""
    return [
        (event.attributes.get("first"), event.attributes.get("last"), event.attributes["reason"])
        for event in events(store)
        if event.kind == "gap"
    ]


def waiting(store: SpoolStore, rank: Rank = Rank.NORMAL) -> list[int]:
    """The first number of each batch of a class."""
    return [batch.first for batch in store.backlog(rank, after=0, limit=10_000)]


async def eventually(
    condition: Callable[[], bool], what: str = "", *, timeout_s: float = 20.0
) -> None:
    """Wait until `condition` holds."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:g} s: {what}") from None


@dataclass
class FakeController:
    """Takes what one gateway publishes and, while `acks` is set, acks it."""

    settings: MqttSettings
    gateway: str
    acks: bool = True
    batches: list[tuple[str, Batch]] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    catalogs: list[tuple[bytes, bool]] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    _session: MqttSession | None = None

    async def run(self) -> None:
        self._session = MqttSession(
            self.settings,
            subscriptions=[(all_up(), 1)],
            will=None,
            on_message=self._on_message,
        )
        await self._session.run()

    @property
    def connected(self) -> bool:
        return self._session is not None and self._session.connected

    async def send(self, gateway: str, kind: Down, payload: bytes) -> None:
        assert self._session is not None
        await self._session.publish(down(gateway, kind), payload)

    async def ack(self, gateway: str, ack: Ack) -> None:
        await self.send(gateway, Down.ACK, encode(ack))

    async def _on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        address = parse(topic)
        if address.gateway != self.gateway:  # the broker serves other tests, too
            return
        match address.kind:
            case Up.BATCH:
                await self._batch(address.gateway, payload)
            case Up.STATUS:
                self.statuses.append(decode(Status, payload))
            case Up.EVENT:
                await self._event(address.gateway, payload)
            case Up.RECEIPT:
                await self._receipt(address.gateway, payload)
            case Up.CATALOG:
                self.catalogs.append((payload, retained))

    async def _batch(self, gateway: str, payload: bytes) -> None:
        batch = decode_batch(payload)
        self.batches.append((gateway, batch))
        self.order.append(batch.first)
        if self.acks:
            await self.ack(gateway, ack_of(batch.epoch, (batch.first, batch.last)))

    async def _event(self, gateway: str, payload: bytes) -> None:
        event = decode(Event, payload)
        self.events.append(event)
        if self.acks:
            await self._ack_message(gateway, event.id)

    async def _receipt(self, gateway: str, payload: bytes) -> None:
        receipt = decode(Receipt, payload)
        self.receipts.append(receipt)
        if self.acks:
            await self._ack_message(gateway, receipt.id)

    async def _ack_message(self, gateway: str, message_id: str) -> None:
        epoch = self.statuses[-1].epoch if self.statuses else None
        assert epoch is not None
        await self.ack(gateway, Ack(epoch=epoch, messages=(message_id,)))

    def seqs(self) -> list[int]:
        """Every sequence number received, in order, repeats included."""
        return list(
            itertools.chain.from_iterable(
                range(batch.first, batch.last + 1) for _, batch in self.batches
            )
        )
