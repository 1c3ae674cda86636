"""What a full spool had to drop reaches the controller by name; the rest is stored."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, select

from campus_wire.catalog import SampleClass, encode_catalog
from campus_wire.topics import Up
from controller.state.schema import gaps
from edge_agent.spool.records import RANKS, Rank, SpoolLimits
from edge_agent.spool.store import SpoolStore
from tests.controller.core.parts import Parts, running
from tests.edge.kit import catalog_of, fat_draft, open_store

GATEWAY = "gw-1"
CLASSES = (SampleClass.NORMAL, SampleClass.NORMAL, SampleClass.SAFETY, SampleClass.SLOW)
LIMITS = SpoolLimits(max_bytes=1024 * 1024)


def fill(store: SpoolStore, revision: str) -> dict[Rank, set[int]]:
    """Commit far more than there is room for; return the numbers given out by class."""
    given: dict[Rank, set[int]] = {rank: set() for rank in Rank}
    for number in range(600):
        sample_class = CLASSES[number % 4] if number % 40 < 4 else SampleClass.NORMAL
        draft = replace(fat_draft(number, sample_class=sample_class), catalog=revision)
        for stored in store.commit([draft]):
            given[RANKS[sample_class]] |= set(range(stored.first, stored.last + 1))
    return given


async def drain(store: SpoolStore, parts: Parts) -> None:
    """Send as an uplink does, and take the acks, until nothing is left."""
    for _ in range(100):
        batches = [
            one for rank in Rank for one in store.backlog(rank, after=0, limit=40) if one.payload
        ]
        messages = store.messages(200)
        if not batches and not messages:
            return
        for batch in reversed(batches):  # the order must not matter
            await parts.send(GATEWAY, Up.BATCH, batch.payload)
        for message in messages:
            await parts.send(GATEWAY, message.kind, message.payload)
        await parts.settle()
        store.ack([ack for _, ack in parts.sent.acks])
        parts.sent.acks.clear()
    raise AssertionError("the spool does not drain")


def recorded(connection: Connection) -> set[int]:
    rows = connection.execute(select(gaps)).all()
    assert {row.reason for row in rows} == {"evicted"}
    return {number for row in rows for number in range(row.first, row.last + 1)}


async def test_stored_and_recorded_gaps_make_up_every_number(tmp_path: Path) -> None:
    catalog = catalog_of(GATEWAY)
    store = open_store(tmp_path / "spool.db", limits=LIMITS)
    store.put_catalog(catalog.revision, encode_catalog(catalog))
    given = fill(store, catalog.revision)
    async with running(tmp_path) as parts:
        await parts.send_catalog(catalog)

        await drain(store, parts)

        ledger = parts.ledgers.of(GATEWAY, store.epoch)
        stored = {n for first, last in ledger.stored for n in range(first, last + 1)}
        lost = await parts.database.read(recorded)
    store.close()
    assert lost
    assert not stored & lost
    assert stored | lost == set(range(1, 600 * 250 + 1))
    assert given[Rank.SAFETY] <= stored
    assert given[Rank.SLOW] <= stored
    assert ledger.holes() == []
