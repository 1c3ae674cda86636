"""The spool against a model of what must be in it, through acks, evictions and crashes."""

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from campus_wire.batch import decode_batch
from campus_wire.catalog import SampleClass
from campus_wire.messages import Ack, Event, Refusal, decode
from campus_wire.topics import Up
from edge_agent.spool.records import RANKS, Rank, SpoolLimits
from tests.edge.kit import ack_of, draft, fat_draft, open_store

CLASSES = strategies.sampled_from(list(SampleClass))
LIMITS = SpoolLimits(max_bytes=256 * 1024)
EVERYTHING = 100_000
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Thousands of commits are not to wait for a disk; what a power cut does is not tested here."""


class SpoolMachine(RuleBasedStateMachine):
    """`batches` is what was committed, `dealt` every sample that was acked or refused."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="spool-machine-", dir=MEMORY))
        self.generation = 0
        self.batches: dict[int, tuple[int, Rank]] = {}
        self.dealt: set[int] = set()
        self.refused: set[int] = set()
        self.acked_gaps: set[int] = set()
        self.fat = 0

    @initialize()
    def start(self) -> None:
        self.store = open_store(self.path, limits=LIMITS)
        self.epoch = self.store.epoch

    @property
    def path(self) -> Path:
        return self.root / str(self.generation) / "spool.db"

    @property
    def next_seq(self) -> int:
        return self.store.counts().next_seq

    # --- rules ---------------------------------------------------------------------------------

    @rule(counts=strategies.lists(strategies.integers(1, 20), min_size=1, max_size=4), kind=CLASSES)
    def commit(self, counts: list[int], kind: SampleClass) -> None:
        drafts = [draft(count, sample_class=kind) for count in counts]
        expected = self.next_seq
        stored = {batch.first: batch for batch in self.store.commit(drafts)}
        for count in counts:
            if expected in stored:  # else it was lost for want of room, which is a gap
                assert stored[expected].last == expected + count - 1
                self.batches[expected] = (expected + count - 1, RANKS[kind])
            expected += count
        assert self.next_seq == expected

    @rule(count=strategies.integers(5, 30), kind=CLASSES)
    def commit_much(self, count: int, kind: SampleClass) -> None:
        for _ in range(count):
            self.fat += 1
            for batch in self.store.commit([fat_draft(self.fat, samples=5, sample_class=kind)]):
                self.batches[batch.first] = (batch.last, RANKS[kind])
        self.check_order_of_eviction()

    @rule(data=strategies.data())
    def ack(self, data: Any) -> None:
        first, last = self.some_range(data)
        waiting = set(range(first, last + 1)) & self.waiting()
        self.store.ack([ack_of(self.epoch, (first, last))])
        self.dealt |= waiting

    @rule(data=strategies.data())
    def refuse(self, data: Any) -> None:
        first, last = self.some_range(data)
        refusal = Refusal(first=first, last=last, reason="schema")
        waiting = set(range(first, last + 1)) & self.waiting()
        self.store.ack([ack_of(self.epoch, refused=[refusal])])
        self.dealt |= waiting
        self.refused |= waiting

    @rule(data=strategies.data())
    def ack_of_another_epoch(self, data: Any) -> None:
        other = "99999999-9999-4999-8999-999999999999"
        assert self.store.ack([ack_of(other, self.some_range(data))]) == 1

    @rule()
    def ack_of_the_future(self) -> None:
        self.store.ack([ack_of(self.epoch, (1, self.next_seq + 1000))])

    @precondition(lambda self: self.gaps())
    @rule(data=strategies.data())
    def ack_a_gap(self, data: Any) -> None:
        gap = data.draw(strategies.sampled_from(self.gaps()))
        self.store.ack([Ack(epoch=self.epoch, messages=(gap.id,))])
        self.acked_gaps |= numbers_of(gap)

    @rule()
    def close_and_reopen(self) -> None:
        self.store.close()
        self.store = open_store(self.path, limits=LIMITS)

    @rule()
    def crash_and_reopen(self) -> None:
        """The files as they are at this moment, without an orderly end."""
        before = self.path.parent
        self.generation += 1
        shutil.copytree(before, self.path.parent)
        self.store.close()
        shutil.rmtree(before)
        self.store = open_store(self.path, limits=LIMITS)

    # --- what must hold ------------------------------------------------------------------------

    def some_range(self, data: Any) -> tuple[int, int]:
        top = max(self.next_seq - 1, 1)
        first = data.draw(strategies.integers(1, top))
        if self.batches and data.draw(strategies.booleans()):
            first = data.draw(strategies.sampled_from(sorted(self.batches)))
            return first, self.batches[first][0]
        last = data.draw(strategies.integers(first, min(top, first + 300)))
        return (first, last) if self.batches else (1, 1)

    def gaps(self) -> list[Event]:
        messages = self.store.messages(EVERYTHING)
        events = [decode(Event, one.payload) for one in messages if one.kind is Up.EVENT]
        return [event for event in events if event.kind == "gap"]

    def lost(self) -> set[int]:
        return set().union(*(numbers_of(gap) for gap in self.gaps())) | self.acked_gaps

    def kept(self) -> dict[int, tuple[int, Rank]]:
        return {
            batch.first: (batch.last, rank)
            for rank in Rank
            for batch in self.store.backlog(rank, after=0, limit=EVERYTHING)
        }

    def waiting(self) -> set[int]:
        """Samples that are in the spool and not dealt with."""
        kept = {
            number for first, (last, _) in self.kept().items() for number in range(first, last + 1)
        }
        return kept - self.dealt

    @invariant()
    def every_number_is_stored_dealt_with_or_a_gap(self) -> None:
        everything = set(range(1, self.next_seq))
        lost, waiting = self.lost(), self.waiting()
        assert everything == waiting | self.dealt | lost
        assert not waiting & lost
        assert not (self.dealt - self.refused) & lost
        assert self.refused <= lost

    @invariant()
    def a_batch_stays_until_all_of_it_is_dealt_with(self) -> None:
        kept = self.kept()
        for first, (last, rank) in self.batches.items():
            numbers = set(range(first, last + 1))
            gone = numbers <= self.dealt | self.lost()
            assert (first in kept) == (not gone)
            if first in kept:
                assert kept[first] == (last, rank)

    @invariant()
    def payloads_say_what_the_spool_says(self) -> None:
        for rank in Rank:
            for batch in self.store.backlog(rank, after=0, limit=3):
                decoded = decode_batch(batch.payload)
                assert (decoded.first, decoded.last) == (batch.first, batch.last)
                assert RANKS[decoded.sample_class] is rank
                assert decoded.epoch == self.epoch

    @invariant()
    def the_file_keeps_to_its_cap(self) -> None:
        assert self.path.stat().st_size <= LIMITS.max_bytes
        assert self.store.epoch == self.epoch

    def check_order_of_eviction(self) -> None:
        """Evicted so far: no younger than what is left of the class, and normal before safety."""
        kept, lost = self.kept(), self.lost() - self.refused
        for rank in Rank:
            evicted = [one for one, (_, of) in self.batches.items() if of is rank and one in lost]
            left = [one for one, (_, of) in kept.items() if of is rank]
            assert not evicted or not left or max(evicted) < min(left)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
        shutil.rmtree(self.root, ignore_errors=True)


def numbers_of(gap: Event) -> set[int]:
    first, last = gap.attributes["first"], gap.attributes["last"]
    assert isinstance(first, int)
    assert isinstance(last, int)
    return set(range(first, last + 1))


@pytest.mark.timeout(180)
def test_spool_against_the_model() -> None:
    logging.disable(logging.CRITICAL)  # thousands of refusals, all on purpose
    try:
        run_state_machine_as_test(
            SpoolMachine,
            settings=settings(
                max_examples=12,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        logging.disable(logging.NOTSET)
