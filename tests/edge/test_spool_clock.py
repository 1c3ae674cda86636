"""Samples from before the first sync: held, marked, corrected once and never again."""

from pathlib import Path

from campus_wire.batch import decode_batch
from campus_wire.catalog import SampleClass
from campus_wire.messages import (
    ClockState,
)
from edge_agent.clock import BUILD_NS, guess_origin_ns
from edge_agent.spool.records import Rank, Stamp
from tests.edge.kit import (
    BOOT,
    MS,
    T0_NS,
    Clocks,
    S,
    draft,
    open_store,
    waiting,
)

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


def test_two_boots_without_a_sync_do_not_take_each_others_times(tmp_path: Path) -> None:
    """A store tells the samples of a device apart by their time alone."""
    times_ns: list[int] = []
    for boot in ("boot-1", "boot-2"):
        clocks = Clocks(wall_ns=30 * S, monotonic_ns=30 * S)  # 1970 again
        store = open_store(tmp_path / "spool.db", clocks=clocks, boot=boot)
        guess_ns = guess_origin_ns(
            wall_ns=clocks.wall_ns,
            monotonic_ns=clocks.monotonic_ns,
            last_time_ns=store.last_time_ns(),
        )
        origin_ns = store.begin_boot(guess_ns)
        start_ns = origin_ns + clocks.monotonic_ns
        stamp = Stamp(ClockState.UNSYNCED, boot, origin_ns)
        store.commit([draft(5, start_ns=start_ns, stamp=stamp)])
        times_ns += [start_ns + number * S for number in range(5)]
        store.close()

    assert min(times_ns) >= BUILD_NS
    assert len(set(times_ns)) == 10


def test_a_wall_clock_years_ahead_is_no_base_for_later_guesses(tmp_path: Path) -> None:
    clocks = Clocks(wall_ns=T0_NS + 10 * 365 * 86_400 * S)
    store = open_store(tmp_path / "spool.db", clocks=clocks)
    stamp = unsynced(clocks, guess_ns=clocks.wall_ns)
    store.begin_boot(stamp.origin_ns)
    store.commit([draft(1, start_ns=clocks.wall_ns, stamp=stamp)])

    assert store.last_time_ns() == 0
    store.close()
