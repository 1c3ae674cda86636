"""Catalogs, statuses, gaps: what changes the picture the controller has of a gateway."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from campus_wire.batch import encode_batch
from campus_wire.messages import Event, LinkState, Status, encode
from controller.dedupe import INTERVALS_MAX
from controller.ingest_held import Held
from controller.state.schema import gaps, gateways, quarantine
from tests.controller.core.parts import Parts, running
from tests.controller.core.samples import EPOCH, NOW_NS, batch, catalog, payload

GATEWAY = "gw-1"
OLD, NEW = catalog(GATEWAY, devices=2), catalog(GATEWAY, devices=3)


def status(state: LinkState = LinkState.ONLINE, *, revision: str | None = None) -> bytes:
    return encode(
        Status(
            gateway=GATEWAY,
            state=state,
            time_ns=NOW_NS,
            boot=EPOCH,
            epoch=EPOCH,
            catalog=revision,
        )
    )


def gap(number: int, first: int | None, last: int | None) -> bytes:
    attributes: dict[str, bool | int | float | str | None] = {"reason": "cap", "epoch": EPOCH}
    if first is not None:
        attributes |= {"first": first, "last": last}
    event_id = f"00000000-0000-4000-8000-{number:012d}"
    return encode(Event(id=event_id, time_ns=NOW_NS, kind="gap", attributes=attributes))


async def recorded_gaps(parts: Parts) -> list[tuple[int, int]]:
    rows = await parts.database.read(lambda c: c.execute(select(gaps)).all())
    return [(row.first, row.last) for row in rows]


async def test_a_backlog_speaks_in_the_catalog_of_its_day(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send(GATEWAY, "status", status(revision=NEW.revision))
        await parts.send_catalog(NEW)
        await parts.send(GATEWAY, "batch", payload(OLD, 1, count=2))
        await parts.settle()
        assert [ack.wants_catalog for _, ack in parts.sent.acks] == [OLD.revision]

        await parts.send_catalog(OLD)
        await parts.settle()

        assert parts.sent.stored(GATEWAY) == {1, 2}
        present = parts.inventory.present(GATEWAY)
        assert present is not None
        assert present.revision == NEW.revision


async def test_catalogs_and_gateways_survive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(OLD)
        await parts.send_catalog(NEW)
        await parts.send(GATEWAY, "status", status(revision=NEW.revision))
        await parts.settle()
    async with running(tmp_path) as parts:
        await parts.send(GATEWAY, "batch", payload(OLD, 1, count=2))
        await parts.send(GATEWAY, "batch", payload(NEW, 3, count=3))
        await parts.settle()

        assert parts.sent.stored(GATEWAY) == {1, 2, 3, 4, 5}
        present = parts.inventory.present(GATEWAY)
        assert present is not None
        assert present.revision == NEW.revision
        assert parts.inventory.gateway(GATEWAY).state == "online"


async def test_the_status_is_followed_and_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        for state in (LinkState.ONLINE, LinkState.OFFLINE):
            await parts.send(GATEWAY, "status", status(state))
            await parts.settle()
            [row] = await parts.database.read(lambda c: c.execute(select(gateways)).all())
            assert row.state == state


async def test_a_retained_status_is_no_sign_of_life(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send(GATEWAY, "status", status(), retained=True)
        await parts.settle()

        assert parts.inventory.gateway(GATEWAY).last_seen_ns == 0


async def test_a_gap_that_grew_replaces_what_it_covers(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send(GATEWAY, "event", gap(1, 5, 9))
        await parts.send(GATEWAY, "event", gap(2, 5, 20))
        await parts.send(GATEWAY, "event", gap(3, None, None))
        await parts.settle()

        assert await recorded_gaps(parts) == [(5, 20), (0, 0)]


async def test_a_batch_that_does_not_fit_its_catalog_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(OLD)
        foreign = replace(batch(NEW, 1, count=3), catalog=OLD.revision)
        await parts.send(GATEWAY, "batch", encode_batch(foreign))
        await parts.settle()

        assert set(parts.sent.refused(GATEWAY).values()) == {"catalog_mismatch"}
        assert await recorded_gaps(parts) == [(1, 3)]


async def test_the_quarantine_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.ingest_group.QUARANTINE_ROWS_MAX", 5)
    async with running(tmp_path) as parts:
        for number in range(12):
            await parts.send(GATEWAY, "batch", b"[garbage %d" % number)
            await parts.settle()

        rows = await parts.database.read(lambda c: c.execute(select(quarantine)).all())
        assert [row.payload for row in rows] == [b"[garbage %d" % number for number in range(7, 12)]


async def test_garbage_makes_no_gateway(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send("gw-unknown", "batch", b"garbage")
        await parts.settle()

        assert not parts.inventory.has_gateway("gw-unknown")


async def test_an_epoch_in_shreds_forgets_its_oldest_and_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(NEW)
        ledger = parts.ledgers.of(GATEWAY, EPOCH)
        for number in range(1, 2 * INTERVALS_MAX, 2):
            ledger.mark_processed(number, number)
            ledger.mark_stored(number, number)
        await parts.send(GATEWAY, "batch", payload(NEW, 4 * INTERVALS_MAX))
        await parts.send(GATEWAY, "batch", payload(NEW, 2))
        await parts.settle()

        last = 4 * INTERVALS_MAX
        assert parts.sent.stored(GATEWAY) == {2, 3, 4, last, last + 1, last + 2}
        assert len(ledger.stored) <= INTERVALS_MAX
        assert (last, last + 2) in ledger.stored


async def test_a_gap_closes_its_hole_but_a_widened_one_does_not(tmp_path: Path) -> None:
    async with running(tmp_path) as parts:
        await parts.send_catalog(NEW)
        await parts.send(GATEWAY, "batch", payload(NEW, 1))
        await parts.send(GATEWAY, "event", gap(1, 2, 10))
        wide = Event(
            id="00000000-0000-4000-8000-000000000002",
            time_ns=NOW_NS,
            kind="gap",
            attributes={"reason": "cap", "epoch": EPOCH, "first": 20, "last": 30, "widened": True},
        )
        await parts.send(GATEWAY, "event", encode(wide))
        await parts.send(GATEWAY, "batch", payload(NEW, 20))
        await parts.settle()

        ledger = parts.ledgers.of(GATEWAY, EPOCH)
        assert ledger.holes() == [(11, 19)]
        assert parts.sent.stored(GATEWAY) == {1, 2, 3, 20, 21, 22}
        assert ledger.is_settled(1, 10)


def test_held_batches_are_bounded_and_kept_once() -> None:
    held = Held(bytes_max=400, ask_every_ns=10)

    asked = [
        held.add(GATEWAY, batch(OLD, first), b"x" * 40, now_ns=now_ns)
        for now_ns, first in enumerate((1, 4, 7, 1, 4, 7))
    ]

    assert asked == [True, False, False, False, False, False]
    assert held.add(GATEWAY, batch(OLD, 1), b"x" * 40, now_ns=10)
    assert held.held_bytes == 80  # a quarter for one gateway
    assert held.take(GATEWAY, OLD.revision) == [b"x" * 40, b"x" * 40]
    assert held.held_bytes == 0
