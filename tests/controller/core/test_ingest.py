"""From a message to the store, the state and the ack."""

from pathlib import Path

import pytest
from sqlalchemy import select

from campus_wire.catalog import SampleClass
from campus_wire.frames import unpack
from campus_wire.messages import Event, LinkState, Status, encode
from controller.config import IngestSettings
from controller.state.schema import events, gaps, quarantine
from tests.controller.core.parts import MemoryStore, running
from tests.controller.core.samples import EPOCH, NOW_NS, SECOND, batch, catalog, payload

GATEWAY = "gw-1"
CATALOG = catalog(GATEWAY)


async def test_a_batch_reaches_rules_and_store_and_is_acked(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(CATALOG)
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.settle()

        assert parts.rules.seen == [(GATEWAY, 1), (GATEWAY, 2), (GATEWAY, 3)]
        assert len(parts.store.rows) == 3
        assert parts.sent.stored(GATEWAY) == {1, 2, 3}
        assert parts.inventory.last(GATEWAY, "th-1", "temperature").value == 20.0


async def test_a_repeated_batch_is_acked_and_does_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(CATALOG)
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.settle()
        writes = parts.store.writes
        parts.sent.acks.clear()
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.settle()

        assert len(parts.rules.seen) == 3
        assert parts.store.writes == writes
        assert parts.sent.stored(GATEWAY) == {1, 2, 3}


async def test_without_its_catalog_a_batch_waits_and_asks(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.send(GATEWAY, "batch", payload(CATALOG, 4))
        await parts.settle()

        assert [ack.wants_catalog for _, ack in parts.sent.acks] == [CATALOG.revision]
        assert parts.sent.stored(GATEWAY) == set()

        await parts.send_catalog(CATALOG)
        await parts.settle()

        assert parts.sent.stored(GATEWAY) == {1, 2, 3, 4, 5, 6}


async def test_while_the_store_is_down_rules_go_on_and_nothing_is_acked(tmp_path: Path) -> None:
    store = MemoryStore()
    store.is_down = True
    async with running(tmp_path, store=store) as parts:
        await parts.send_catalog(CATALOG)
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.settle(store=False)

        assert len(parts.rules.seen) == 3
        assert parts.sent.acks == []

        store.is_down = False
        await parts.settle()

        assert parts.sent.stored(GATEWAY) == {1, 2, 3}
        assert len(parts.rules.seen) == 3


async def test_what_the_backlog_has_no_room_for_comes_again_only_to_be_stored(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    store.is_down = True
    settings = IngestSettings(linger_s=0.0, pending_values_max=10_000)
    async with running(tmp_path, store=store, settings=settings) as parts:
        await parts.send_catalog(CATALOG)
        firsts = range(1, 8_001, 2_000)
        for first in firsts:
            await parts.send(GATEWAY, "batch", payload(CATALOG, first, count=2_000))
        await parts.settle(store=False)

        assert len(parts.rules.seen) == 8_000
        assert parts.queue.pending_values <= 10_000

        store.is_down = False
        await parts.settle()
        assert len(store.rows) == 4_000
        for first in firsts:
            await parts.send(GATEWAY, "batch", payload(CATALOG, first, count=2_000))
        await parts.settle()

        assert len(store.rows) == 8_000
        assert len(parts.rules.seen) == 8_000
        assert parts.sent.stored(GATEWAY) == set(range(1, 8_001))


async def test_after_a_restart_what_was_processed_is_only_stored(tmp_path: Path) -> None:
    store = MemoryStore()
    store.is_down = True
    async with running(tmp_path, store=store) as parts:
        await parts.send_catalog(CATALOG)
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.settle(store=False)
    store.is_down = False
    async with running(tmp_path, store=store) as parts:
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.settle()

        assert parts.rules.seen == []
        assert len(store.rows) == 3
        assert parts.sent.stored(GATEWAY) == {1, 2, 3}


@pytest.mark.parametrize(
    ("time_ns", "reason"),
    [(NOW_NS + 3_000 * SECOND, "time_ahead"), (1_000 * SECOND, "time_before_build")],
)
async def test_samples_of_an_impossible_time_are_refused_and_recorded(
    tmp_path: Path, time_ns: int, reason: str
) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(CATALOG)
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1, time_ns=time_ns))
        await parts.send(GATEWAY, "batch", payload(CATALOG, 4))
        await parts.settle()

        assert parts.sent.refused(GATEWAY) == dict.fromkeys((1, 2, 3), reason)
        assert parts.sent.stored(GATEWAY) == {4, 5, 6}
        assert parts.rules.seen == [(GATEWAY, 4), (GATEWAY, 5), (GATEWAY, 6)]
        [gap] = await parts.database.read(lambda c: c.execute(select(gaps)).all())
        assert (gap.first, gap.last, gap.reason) == (1, 3, reason)


async def test_a_sample_the_store_never_takes_is_refused_alone(tmp_path: Path) -> None:
    store = MemoryStore()
    store.poison = lambda frame: 2 in frame.seq
    async with running(tmp_path, store=store) as parts:
        await parts.send_catalog(CATALOG)
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.send(GATEWAY, "batch", payload(CATALOG, 4))
        await parts.settle()

        assert parts.sent.stored(GATEWAY) == {1, 3, 4, 5, 6}
        assert parts.sent.refused(GATEWAY) == {2: "store_rejected"}
        [kept] = await parts.database.read(lambda c: c.execute(select(quarantine)).all())
        assert kept.kind == "sample"

        parts.sent.acks.clear()
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1))
        await parts.settle()

        assert parts.sent.stored(GATEWAY) == {1, 3}
        assert parts.sent.refused(GATEWAY) == {2: "refused_before"}


async def test_garbage_is_quarantined_and_the_next_batch_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(CATALOG)
        await parts.send(GATEWAY, "batch", b"\x00garbage")
        await parts.send(GATEWAY, "nonsense", b"{}")
        await parts.send(
            GATEWAY, "batch", unpack(payload(CATALOG, 1)).replace(b"20,20,20", b'"x",20,20')
        )
        await parts.send(GATEWAY, "batch", payload(CATALOG, 4))
        await parts.settle()

        assert parts.sent.stored(GATEWAY) == {4, 5, 6}
        assert parts.sent.refused(GATEWAY) == dict.fromkeys((1, 2, 3), "schema")
        rows = await parts.database.read(lambda c: c.execute(select(quarantine)).all())
        assert [row.reason for row in rows] == ["json", "schema"]


async def test_a_message_of_another_gateway_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(CATALOG)
        status = Status(gateway="gw-2", state=LinkState.ONLINE, time_ns=NOW_NS, boot=EPOCH)
        await parts.send(GATEWAY, "status", encode(status))
        await parts.settle()

        [row] = await parts.database.read(lambda c: c.execute(select(quarantine)).all())
        assert row.reason == "gateway_mismatch"
        assert not parts.inventory.has_gateway("gw-2")


async def test_events_are_kept_once_and_acked_by_id(tmp_path: Path) -> None:
    event = Event(
        id=EPOCH,
        time_ns=NOW_NS,
        kind="gap",
        attributes={"first": 5, "last": 9, "reason": "cap", "epoch": EPOCH},
    )
    async with running(tmp_path) as parts:
        for _ in range(2):
            await parts.send(GATEWAY, "event", encode(event))
            await parts.settle()

        assert [ack.messages for _, ack in parts.sent.acks] == [(EPOCH,), (EPOCH,)]
        kept = await parts.database.read(lambda c: c.execute(select(events)).all())
        gap = await parts.database.read(lambda c: c.execute(select(gaps)).all())
        assert [row.kind for row in kept] == ["gap"]
        assert [(row.first, row.last, row.reason) for row in gap] == [(5, 9, "cap")]


async def test_a_safety_batch_does_not_wait(tmp_path: Path) -> None:
    async with running(tmp_path, settings=IngestSettings(linger_s=1.0)) as parts:
        await parts.send_catalog(CATALOG)
        await parts.settle()
        urgent = batch(CATALOG, 1, sample_class=SampleClass.SAFETY)
        await parts.send(GATEWAY, "batch", payload(CATALOG, 4))
        await parts.send(GATEWAY, "batch", payload(CATALOG, 1, sample_class=SampleClass.SAFETY))
        for _ in range(200):  # turns of the loop, not time
            if len(parts.rules.seen) == 6:
                break
            await parts.database.read(lambda _connection: None)

        assert urgent.count == 3
        assert len(parts.rules.seen) == 6
