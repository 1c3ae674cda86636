"""What the spool keeps, lets go of, and says about it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from campus_wire.catalog import SampleClass
from campus_wire.messages import (
    Ack,
    Event,
    Outcome,
    Receipt,
    Refusal,
)
from campus_wire.topics import Up
from edge_agent.spool.records import Rank, SpoolLimits
from edge_agent.spool.store import SpoolStore
from tests.edge.kit import (
    T0_NS,
    ack_of,
    draft,
    events,
    fat_draft,
    gaps,
    open_store,
    waiting,
)

COMMAND = "33333333-3333-4333-8333-333333333333"
MESSAGE = "44444444-4444-4444-8444-444444444444"
ALL = 10_000


def receipt(message_id: str = MESSAGE) -> Receipt:
    return Receipt(id=message_id, command=COMMAND, outcome=Outcome.SUCCEEDED, time_ns=T0_NS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SpoolStore]:
    opened = open_store(tmp_path / "spool.db")
    yield opened
    opened.close()


# --- acks --------------------------------------------------------------------------------------


def test_an_ack_frees_only_the_batches_it_covers(store: SpoolStore) -> None:
    store.commit([draft(3), draft(3), draft(3)])

    store.ack([ack_of(store.epoch, (4, 6))])

    assert waiting(store) == [1, 7]


def test_a_batch_acked_in_part_stays_until_the_rest_is_acked(store: SpoolStore) -> None:
    store.commit([draft(5)])

    store.ack([ack_of(store.epoch, (1, 2))])
    store.ack([ack_of(store.epoch, (4, 5))])
    assert waiting(store) == [1]
    store.ack([ack_of(store.epoch, (3, 3))])

    assert waiting(store) == []


def test_acks_for_another_epoch_or_for_the_future_free_nothing(store: SpoolStore) -> None:
    store.commit([draft(5)])

    foreign = store.ack([ack_of("99999999-9999-4999-8999-999999999999", (1, 5))])
    store.ack([ack_of(store.epoch, (1, 6))])

    assert foreign == 1
    assert waiting(store) == [1]


def test_a_refused_batch_is_set_aside_with_a_gap_that_says_why(store: SpoolStore) -> None:
    store.commit([draft(3), draft(3)])

    store.ack([ack_of(store.epoch, refused=[Refusal(first=1, last=3, reason="catalog_mismatch")])])

    assert waiting(store) == [4]
    assert gaps(store) == [(1, 3, "refused_catalog_mismatch")]
    assert store.counts().refused_samples == 3


def test_a_gap_survives_a_restart_until_it_is_acked(tmp_path: Path) -> None:
    store = open_store(tmp_path / "spool.db")
    store.commit([draft(3)])
    store.ack([ack_of(store.epoch, refused=[Refusal(first=1, last=3, reason="schema")])])
    store.close()

    store = open_store(tmp_path / "spool.db")
    [gap] = events(store)
    assert gap.attributes["epoch"] == store.epoch
    store.ack([Ack(epoch=store.epoch, messages=(gap.id,))])

    assert events(store) == []
    store.close()


def test_numbers_go_on_after_a_restart_even_when_everything_was_acked(tmp_path: Path) -> None:
    store = open_store(tmp_path / "spool.db")
    store.commit([draft(7)])
    store.ack([ack_of(store.epoch, (1, 7))])
    epoch = store.epoch
    store.close()

    store = open_store(tmp_path / "spool.db")

    assert store.epoch == epoch
    assert store.commit([draft(1)])[0].first == 8
    store.close()


# --- room --------------------------------------------------------------------------------------


def test_at_the_cap_the_oldest_normal_goes_first_and_safety_stays(tmp_path: Path) -> None:
    store = open_store(tmp_path / "spool.db", limits=SpoolLimits(max_bytes=512 * 1024))
    for number in range(3):
        store.commit([fat_draft(number, sample_class=SampleClass.SAFETY)])
        store.commit([fat_draft(number + 100, sample_class=SampleClass.SLOW)])
    for number in range(300):
        store.commit([fat_draft(number + 1000)])

    assert waiting(store, Rank.SAFETY) == [1, 501, 1001]
    assert waiting(store, Rank.SLOW) == [251, 751, 1251]
    left = waiting(store)
    assert gaps(store) == [(1501, left[0] - 1, "evicted")]
    assert left[-1] == 1 + 250 * 305
    store.close()


def test_normal_samples_never_push_out_safety(tmp_path: Path) -> None:
    store = open_store(tmp_path / "spool.db", limits=SpoolLimits(max_bytes=256 * 1024))
    for number in range(200):
        store.commit([fat_draft(number, sample_class=SampleClass.SAFETY)])
    before = waiting(store, Rank.SAFETY)

    for number in range(50):
        store.commit([fat_draft(1000 + number)])

    assert waiting(store, Rank.SAFETY) == before
    assert len(waiting(store)) < 50
    store.close()


def test_the_file_stops_growing_at_the_disk_reserve(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    too_much = disk.f_bavail * disk.f_frsize + 1024**3
    limits = SpoolLimits(max_bytes=64 * 1024 * 1024, disk_reserve_bytes=too_much)
    store = open_store(tmp_path / "spool.db", limits=limits)
    for number in range(500):
        store.commit([fat_draft(number)])

    assert (tmp_path / "spool.db").stat().st_size < 2 * 1024 * 1024
    assert waiting(store)[-1] == 1 + 499 * 250
    assert gaps(store)[0][2] == "evicted"
    store.close()


def test_many_gaps_are_joined_into_few(tmp_path: Path) -> None:
    limits = SpoolLimits(max_bytes=8 * 1024 * 1024, gaps_max=10)
    store = open_store(tmp_path / "spool.db", limits=limits)
    store.commit([draft(1) for _ in range(100)])
    for number in range(1, 100, 2):
        refusal = Refusal(first=number, last=number, reason="schema")
        store.ack([ack_of(store.epoch, refused=[refusal])])

    found = gaps(store)
    assert len(found) <= 11
    lost = {n for first, last, _ in found for n in range(int(str(first)), int(str(last)) + 1)}
    assert lost >= set(range(1, 100, 2))
    assert any(event.attributes.get("widened") for event in events(store))
    store.close()


def test_samples_that_never_became_a_batch_are_a_gap(store: SpoolStore) -> None:
    store.commit([draft(2)])
    store.skip(5, "disk_slow")
    store.commit([draft(1)])

    assert waiting(store) == [1, 8]
    assert gaps(store) == [(3, 7, "disk_slow")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB; needs root."""
    target = tmp_path / "disk"
    target.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(target)], check=True, timeout=30
    )
    yield target
    subprocess.run(["umount", "-l", str(target)], check=True, timeout=30)


@pytest.mark.integration
def test_a_disk_that_others_fill_up_loses_samples_by_name_and_recovers(small_disk: Path) -> None:
    store = open_store(small_disk / "spool.db", limits=SpoolLimits(max_bytes=64 * 1024 * 1024))
    store.commit([fat_draft(1)])
    ballast = small_disk / "somebody-elses"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    for number in range(2, 600):
        store.commit([fat_draft(number)])
    ballast.unlink()
    last = store.commit([fat_draft(700)])

    assert last
    numbers = {n for first in waiting(store) for n in range(first, first + 250)}
    lost = {
        n
        for first, last_lost, _ in gaps(store)
        for n in range(int(str(first)), int(str(last_lost)) + 1)
    }
    assert numbers | lost == set(range(1, last[0].last + 1))
    assert not numbers & lost
    store.close()


# --- commands, events, catalogs ----------------------------------------------------------------


def test_a_command_is_claimed_once_even_across_restarts(tmp_path: Path) -> None:
    store = open_store(tmp_path / "spool.db", run="run-1")
    assert store.claim(COMMAND, T0_NS)
    assert not store.claim(COMMAND, T0_NS)
    assert store.unfinished() == ()
    store.close()

    store = open_store(tmp_path / "spool.db", run="run-2")
    assert not store.claim(COMMAND, T0_NS)
    assert store.unfinished() == (COMMAND,)
    store.finish(COMMAND, receipt())

    assert store.unfinished() == ()
    assert [one.kind for one in store.messages(ALL)] == [Up.RECEIPT]
    store.close()


def test_a_receipt_can_be_asked_for_again_after_its_ack(store: SpoolStore) -> None:
    store.claim(COMMAND, T0_NS)
    store.finish(COMMAND, receipt())
    store.ack([Ack(epoch=store.epoch, messages=(MESSAGE,))])
    assert store.messages(ALL) == []

    assert store.repeat_receipt(COMMAND)

    assert [one.id for one in store.messages(ALL)] == [MESSAGE]
    assert not store.repeat_receipt(MESSAGE)


def test_too_many_events_are_dropped_and_counted_but_no_receipt(tmp_path: Path) -> None:
    limits = SpoolLimits(max_bytes=8 * 1024 * 1024, messages_max=600)
    store = open_store(tmp_path / "spool.db", limits=limits)
    store.reply(receipt())
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(700)]
    for one in ids:
        store.post([Event(id=one, time_ns=T0_NS, kind="badge")])

    found = events(store)
    dropped = sum(
        int(str(one.attributes["count"])) for one in found if one.kind == "events_dropped"
    )
    assert dropped + sum(one.kind == "badge" for one in found) == 700
    assert store.messages(1)[0].kind is Up.RECEIPT
    store.close()


def test_the_catalog_of_batches_still_open_is_kept(store: SpoolStore) -> None:
    store.put_catalog("a" * 16, b"old")
    store.put_catalog("b" * 16, b"new", in_use="a" * 16)
    store.commit([draft(1, catalog="a" * 16)])
    assert store.catalog("a" * 16) == b"old"
    store.ack([ack_of(store.epoch, (1, 1))])
    store.put_catalog("c" * 16, b"newer", in_use="b" * 16)
    assert store.catalog("a" * 16) is None
    assert store.catalog("b" * 16) == b"new"


def test_a_catalog_is_kept_while_batches_speak_of_it(store: SpoolStore) -> None:
    store.put_catalog("a" * 16, b"old")
    store.commit([draft(1, catalog="a" * 16)])
    store.put_catalog("b" * 16, b"new")
    assert store.catalog("a" * 16) == b"old"

    store.ack([ack_of(store.epoch, (1, 1))])
    store.put_catalog("b" * 16, b"new")

    assert store.catalog("a" * 16) is None
    assert store.catalog("b" * 16) == b"new"
