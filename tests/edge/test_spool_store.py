"""What the spool keeps, lets go of, and says about it."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from campus_wire.batch import decode_batch
from campus_wire.catalog import SampleClass
from campus_wire.errors import PermanentError, TransientError
from campus_wire.messages import (
    Ack,
    ClockState,
    Event,
    Outcome,
    Receipt,
    Refusal,
    decode,
)
from campus_wire.topics import Up
from edge_agent.errors import SpoolError, SpoolLockedError
from edge_agent.spool.file import translated
from edge_agent.spool.records import Rank, SpoolLimits, Stamp
from edge_agent.spool.store import SpoolStore
from tests.edge.kit import (
    BOOT,
    MS,
    T0_NS,
    Clocks,
    S,
    ack_of,
    draft,
    fat_draft,
    open_store,
)

COMMAND = "33333333-3333-4333-8333-333333333333"
MESSAGE = "44444444-4444-4444-8444-444444444444"
ALL = 10_000


def events(store: SpoolStore) -> list[Event]:
    return [decode(Event, one.payload) for one in store.messages(ALL) if one.kind is Up.EVENT]


def gaps(store: SpoolStore) -> list[tuple[object, object, object]]:
    return [
        (event.attributes.get("first"), event.attributes.get("last"), event.attributes["reason"])
        for event in events(store)
        if event.kind == "gap"
    ]


def waiting(store: SpoolStore, rank: Rank = Rank.NORMAL) -> list[int]:
    return [batch.first for batch in store.backlog(rank, after=0, limit=ALL)]


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


# --- the clock ---------------------------------------------------------------------------------


def unsynced(clocks: Clocks, *, guess_ns: int) -> Stamp:
    return Stamp(ClockState.UNSYNCED, BOOT, guess_ns - clocks.monotonic_ns)


def test_unsynced_samples_wait_and_are_restamped_by_the_first_sync(tmp_path: Path) -> None:
    clocks = Clocks()
    store = open_store(tmp_path / "spool.db", clocks=clocks)
    wrong_ns = T0_NS - 3_600 * S
    stamp = unsynced(clocks, guess_ns=wrong_ns)
    store.begin_boot(stamp.origin_ns)
    [batch] = store.commit([draft(3, start_ns=wrong_ns, stamp=stamp)])
    assert batch.is_held
    assert waiting(store) == []

    store.set_true_origin(T0_NS - clocks.monotonic_ns)
    [ready] = store.backlog(Rank.NORMAL, after=0, limit=10)
    sealed = store.seal(ready.first)

    assert sealed is not None
    decoded = decode_batch(sealed.payload)
    assert decoded.clock is ClockState.RESTAMPED
    assert list(decoded.blocks[0].times_ns) == [T0_NS + n * 1000 * MS for n in range(3)]
    store.close()


def test_unsynced_samples_travel_marked_when_the_hold_is_over(tmp_path: Path) -> None:
    clocks = Clocks()
    store = open_store(tmp_path / "spool.db", clocks=clocks)
    stamp = unsynced(clocks, guess_ns=T0_NS)
    store.begin_boot(stamp.origin_ns)
    store.commit([draft(3, stamp=stamp)])

    clocks.advance(601)
    [first] = waiting(store)
    sealed = store.seal(first)

    assert sealed is not None
    assert decode_batch(sealed.payload).clock is ClockState.UNSYNCED
    assert decode_batch(sealed.payload).boot == BOOT
    store.close()


def test_unsynced_safety_samples_do_not_wait(tmp_path: Path) -> None:
    clocks = Clocks()
    store = open_store(tmp_path / "spool.db", clocks=clocks)
    stamp = unsynced(clocks, guess_ns=T0_NS)
    store.begin_boot(stamp.origin_ns)

    [batch] = store.commit([draft(1, stamp=stamp, sample_class=SampleClass.SAFETY)])

    assert batch.is_open
    assert not batch.is_held
    assert waiting(store, Rank.SAFETY) == [1]
    store.close()


def test_what_was_published_once_never_changes_its_times(tmp_path: Path) -> None:
    """Else a controller that stored it before would store the same sample twice."""
    clocks = Clocks()
    store = open_store(tmp_path / "spool.db", clocks=clocks)
    stamp = unsynced(clocks, guess_ns=T0_NS - 100 * S)
    store.begin_boot(stamp.origin_ns)
    store.commit([draft(1, stamp=stamp, sample_class=SampleClass.SAFETY)])
    published = store.seal(1)

    store.set_true_origin(T0_NS - clocks.monotonic_ns)
    again = store.seal(1)

    assert published is not None
    assert again is not None
    assert again.payload == published.payload
    store.close()


def test_samples_of_an_earlier_boot_travel_marked_at_once(tmp_path: Path) -> None:
    clocks = Clocks()
    store = open_store(tmp_path / "spool.db", clocks=clocks)
    stamp = unsynced(clocks, guess_ns=T0_NS)
    store.begin_boot(stamp.origin_ns)
    store.commit([draft(2, stamp=stamp)])
    store.close()

    later = open_store(
        tmp_path / "spool.db", clocks=clocks, boot="22222222-2222-4222-8222-222222222222"
    )

    assert waiting(later) == [1]
    later.close()


def test_every_start_within_one_boot_stamps_from_the_same_origin(tmp_path: Path) -> None:
    store = open_store(tmp_path / "spool.db")
    first = store.begin_boot(5 * S)
    store.close()
    store = open_store(tmp_path / "spool.db")

    assert store.begin_boot(9 * S) == first == 5 * S
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


def test_a_catalog_is_kept_while_batches_speak_of_it(store: SpoolStore) -> None:
    store.put_catalog("a" * 16, b"old")
    store.commit([draft(1, catalog="a" * 16)])
    store.put_catalog("b" * 16, b"new")
    assert store.catalog("a" * 16) == b"old"

    store.ack([ack_of(store.epoch, (1, 1))])
    store.put_catalog("b" * 16, b"new")

    assert store.catalog("a" * 16) is None
    assert store.catalog("b" * 16) == b"new"


# --- damage ------------------------------------------------------------------------------------


def damaged_files(folder: Path) -> list[Path]:
    return [one for one in folder.glob("spool.db.damaged-*") if not one.name.endswith("-wal")]


def test_a_damaged_file_is_set_aside_and_a_new_epoch_begins(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "spool.db"
    store = open_store(path)
    for number in range(50):
        store.commit([fat_draft(number)])
    epoch = store.epoch
    store.close()
    content = bytearray(path.read_bytes())
    for at in range(3 * 4096, len(content), 4096):
        content[at : at + 64] = b"\xff" * 64
    path.write_bytes(content)

    store = open_store(path)

    assert store.epoch != epoch
    assert store.commit([draft(1)])[0].first == 1
    assert gaps(store) == [(None, None, "spool_damaged")]
    assert events(store)[0].attributes["epoch"] == epoch
    assert len(damaged_files(tmp_path)) == 1
    assert "set aside" in caplog.text
    store.close()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500, b"SQLite format 3\0" + b"x"])
def test_whatever_stands_in_the_spools_place_the_agent_starts(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(content)

    store = open_store(path)

    assert store.commit([draft(2)])
    assert not store.in_memory
    store.close()


def test_only_the_last_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    for number in range(4):
        path.write_bytes(b"rubbish" * 1000)
        store = open_store(path, clocks=Clocks(wall_ns=T0_NS + number * S))
        store.close()

    assert len(damaged_files(tmp_path)) == 2


def test_a_flipped_bit_in_a_payload_makes_a_gap_and_no_wrong_value(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    store = open_store(path)
    store.commit([draft(3), draft(3)])
    store.close()
    raw = apsw.Connection(str(path))
    raw.execute("UPDATE batches SET payload = zeroblob(length(payload)) WHERE first = 1")
    raw.close()

    store = open_store(path)

    assert waiting(store) == [4]
    assert gaps(store) == [(1, 3, "spool_damaged")]
    store.close()


def test_without_a_usable_disk_samples_are_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")

    store = open_store(tmp_path / "file" / "spool.db")

    assert store.in_memory
    assert store.commit([draft(2)])
    assert "in memory only" in caplog.text
    store.close()


def test_a_second_agent_cannot_open_the_same_spool(tmp_path: Path) -> None:
    store = open_store(tmp_path / "spool.db")
    store.commit([draft(1)])

    with pytest.raises(SpoolLockedError) as caught:
        open_store(tmp_path / "spool.db")

    assert caught.value.reason == "locked"
    store.close()


def test_every_error_of_the_database_becomes_one_of_the_spools() -> None:
    kinds = [
        kind
        for kind in vars(apsw).values()
        if isinstance(kind, type) and issubclass(kind, apsw.Error)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        with pytest.raises(SpoolError) as caught, translated():
            raise kind("said by the database")
        assert isinstance(caught.value, TransientError | PermanentError)
        assert caught.value.reason


# --- power cuts --------------------------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
from tests.edge.kit import draft, open_store
store = open_store(Path(sys.argv[1]))
while True:
    for batch in store.commit([draft(3), draft(2)]):
        print(batch.first, batch.last, flush=True)
"""


@pytest.mark.integration
def test_nothing_that_was_committed_is_missing_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201
    committed: dict[int, int] = {}
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        time.sleep(chance.uniform(0.0, 0.2))
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().splitlines()
        child.wait(10)
        child.stdout.close()
        for line in lines:
            words = line.split()
            if len(words) == 2:
                committed[int(words[0])] = int(words[1])

    store = open_store(path)
    found = {batch.first: batch.last for batch in store.backlog(Rank.NORMAL, after=0, limit=10**6)}
    store.close()
    assert committed.items() <= found.items()
    numbers = [n for first, last in sorted(found.items()) for n in range(first, last + 1)]
    assert numbers == list(range(1, len(numbers) + 1))
