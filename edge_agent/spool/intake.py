"""Into the spool: numbers, encoding, room, eviction, and the account of what was lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from campus_wire.batch import Batch, blocks_of, encode_batch
from campus_wire.errors import MalformedError
from campus_wire.messages import ClockState
from edge_agent.errors import SpoolError, SpoolFullError
from edge_agent.spool.ranges import Range, merged
from edge_agent.spool.records import RANKS, Draft, Rank, SpoolLimits, StoredBatch
from edge_agent.spool.room import Room, pages_for
from edge_agent.spool.tables import Tables

_log: Final = logging.getLogger(__name__)

_LOST_MAX: Final = 1_000
_GUESSED_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LostSamples:
    """Samples that could not be written, and why."""

    first: int
    last: int
    reason: str


class Intake:
    """Writes batches; what does not fit or cannot be written becomes a gap.

    Args:
        tables: of the open spool.
        room: of the same.
        limits: its bounds.
        wall_ns: for the time of a gap.
        monotonic_ns: for how long batches are held.
    """

    def __init__(
        self,
        tables: Tables,
        room: Room,
        *,
        limits: SpoolLimits,
        wall_ns: Callable[[], int],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self._tables = tables
        self._room = room
        self._limits = limits
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._lost: list[LostSamples] = []
        self.next_seq = tables.next_seq()
        self.evicted_samples = 0
        self.lost_samples = 0

    def commit(self, drafts: Sequence[Draft]) -> list[StoredBatch]:
        """Number, encode and write batches; return those that are on the disk now.

        Raises:
            SpoolUnusableError: none is, and their samples are lost.
        """
        encoded = [(draft, self._encoded(draft)) for draft in drafts]
        pairs = [(draft, batch) for draft, batch in encoded if batch is not None]
        try:
            return self._write(pairs)
        except SpoolFullError:
            return [stored for pair in pairs for stored in self._turn_over(pair)]
        except SpoolError as error:
            for _, batch in pairs:
                self.lose((batch.first, batch.last), f"disk_{error.reason}")
            raise

    def skip(self, count: int, reason: str) -> None:
        """Account for samples that never came as far as a batch."""
        self.lose(self._take_numbers(count), reason)

    def lose(self, lost: Range, reason: str) -> None:
        """Remember a gap until it can be recorded."""
        first, last = lost
        self.lost_samples += last - first + 1
        before = self._lost[-1] if self._lost else None
        adjoins = before is not None and before.last + 1 == first
        if before is not None and adjoins and before.reason == reason:
            self._lost[-1] = LostSamples(before.first, last, reason)
        elif before is not None and len(self._lost) >= _LOST_MAX:
            self._lost[-1] = LostSamples(before.first, last, before.reason)
        else:
            self._lost.append(LostSamples(first, last, reason))

    def record_lost(self) -> None:
        """Write the gaps that wait; inside a transaction of its own."""
        if not self._lost:
            return
        with self._tables.transaction():
            self._add_lost(self._lost)
            self._tables.note_life(next_seq=self.next_seq, time_ns=0)
        self._lost = []

    def _encoded(self, draft: Draft) -> StoredBatch | None:
        first, last = self._take_numbers(len(draft.samples))
        is_open = draft.stamp.state is ClockState.UNSYNCED
        batch = Batch(
            epoch=self._tables.epoch,
            first=first,
            catalog=draft.catalog,
            blocks=blocks_of(draft.samples),
            sample_class=draft.sample_class,
            clock=draft.stamp.state,
            boot=draft.stamp.boot if is_open else None,
        )
        try:
            payload = encode_batch(batch)
        except (ValueError, MalformedError) as error:
            # The pipeline lets nothing of that kind through, so this is a mistake of the program;
            # it must not take the batches around it along.
            _log.error("samples %d to %d cannot be encoded: %s", first, last, error)
            self.lose((first, last), "unencodable")
            return None
        rank = RANKS[draft.sample_class]
        is_held = is_open and rank is not Rank.SAFETY and self._limits.hold_ns > 0
        return StoredBatch(
            first, last, rank, payload, draft.catalog, is_open=is_open, is_held=is_held
        )

    def _take_numbers(self, count: int) -> Range:
        first = self.next_seq
        self.next_seq += count
        return first, first + count - 1

    def _write(self, pairs: Sequence[tuple[Draft, StoredBatch]]) -> list[StoredBatch]:
        """Write what fits in one transaction."""
        written: list[StoredBatch] = []
        lost = list(self._lost)
        evicted: list[Range] = []
        with self._tables.transaction():
            for draft, batch in pairs:
                if self._make_room(batch, evicted):
                    self._insert(draft, batch)
                    written.append(batch)
                else:
                    lost.append(LostSamples(batch.first, batch.last, "spool_full"))
            self._add_evicted(evicted)
            self._add_lost(lost)
            latest_ns = _latest_ns(pairs, wall_ns=self._wall_ns())
            self._tables.note_life(next_seq=self.next_seq, time_ns=latest_ns)
        self._lost = []
        self.evicted_samples += sum(last - first + 1 for first, last in evicted)
        self.lost_samples += sum(
            one.last - one.first + 1 for one in lost if one.reason == "spool_full"
        )
        return written

    def _turn_over(self, pair: tuple[Draft, StoredBatch]) -> list[StoredBatch]:
        """The disk is full whatever the cap says: replace the oldest within what the file has."""
        _, batch = pair
        try:
            evicted: list[Range] = []
            with self._tables.transaction():
                evicted += self._tables.batches.evict(batch.rank) or []
                self._add_evicted(evicted)
            self.evicted_samples += sum(last - first + 1 for first, last in evicted)
            return self._write([pair])
        except SpoolError as error:
            self.lose((batch.first, batch.last), f"disk_{error.reason}")
            return []

    def _make_room(self, batch: StoredBatch, evicted: list[Range]) -> bool:
        pages = pages_for(len(batch.payload))
        while not self._room.fits(pages):
            if self._tables.forget_quarantined():
                continue
            lost = self._tables.batches.evict(batch.rank)
            if lost is None:
                return False
            evicted += lost
        return True

    def _insert(self, draft: Draft, batch: StoredBatch) -> None:
        held_until_ns = self._monotonic_ns() + self._limits.hold_ns if batch.is_held else None
        self._tables.batches.insert(batch, draft.stamp if batch.is_open else None, held_until_ns)

    def _add_evicted(self, evicted: Sequence[Range]) -> None:
        for first, last in merged(evicted):
            self._tables.gaps.add(first, last, reason="evicted", time_ns=self._wall_ns())

    def _add_lost(self, lost: Sequence[LostSamples]) -> None:
        for one in lost:
            self._tables.gaps.add(one.first, one.last, reason=one.reason, time_ns=self._wall_ns())


def _latest_ns(pairs: Sequence[tuple[Draft, StoredBatch]], *, wall_ns: int) -> int:
    """Return the time that the next guess at the time must lie behind.

    Unsynced times that come from the wall clock do not count: it may be years ahead. Those ahead of
    it come from an earlier guess, and a next boot that began there again would take their place.
    """
    times = [
        draft.samples[-1].time_ns
        for draft, batch in pairs
        if not batch.is_open or draft.samples[-1].time_ns > wall_ns + _GUESSED_NS
    ]
    return max(times, default=0)
