"""One batch: from its payload to frames for the rules and for the store.

Pure but for the ledger and catalog it is handed: time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from campus_wire.batch import Batch
from campus_wire.catalog import SampleClass
from controller.dedupe import EpochLedger, Interval
from controller.frames import BoolArray, CatalogTable, Frame, IntArray
from controller.ingest_store import StoreItem


@dataclass(frozen=True, slots=True)
class TimeBounds:
    """Sample times outside are refused: a clock that far off is not a clock."""

    earliest_ns: int
    latest_ns: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Samples that are refused for good, and why."""

    intervals: tuple[Interval, ...]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """What a batch brings that is new."""

    fresh: tuple[Frame, ...]
    """What the rules have not seen."""
    item: StoreItem | None
    """What is not on its way to the store yet."""
    refused: tuple[Refused, ...]


def join(batch: Batch, table: CatalogTable, ledger: EpochLedger, *, bounds: TimeBounds) -> Joined:
    """Join a batch to its catalog and take out what is known or refused. Changes nothing.

    Raises:
        MalformedError: the batch does not fit its catalog (reason `catalog_mismatch`).
    """
    frames = table.frames_of(batch)
    kept, refused = _split_by_time(frames, bounds)
    fresh_intervals = ledger.fresh(batch.first, batch.last)
    unstored = ledger.unstored(batch.first, batch.last)
    item = _store_item(batch, table.gateway, kept, intervals=unstored)
    fresh = tuple(_only(kept, fresh_intervals, first=batch.first, last=batch.last))
    return Joined(fresh=fresh, item=item, refused=tuple(refused))


def _store_item(
    batch: Batch, gateway: str, frames: Sequence[Frame], *, intervals: Sequence[Interval]
) -> StoreItem | None:
    to_store = tuple(_only(frames, intervals, first=batch.first, last=batch.last))
    if not to_store:
        return None
    return StoreItem(
        gateway=gateway,
        epoch=batch.epoch,
        first=batch.first,
        last=batch.last,
        intervals=_intervals(to_store, intervals),
        frames=to_store,
        values=sum(frame.value_count for frame in to_store),
        urgent=batch.sample_class is SampleClass.SAFETY,
    )


def _intervals(frames: Sequence[Frame], whole: Sequence[Interval]) -> tuple[Interval, ...]:
    """Return which samples the frames hold: those of `whole`, less what was refused."""
    if sum(frame.sample_count for frame in frames) == sum(
        last - first + 1 for first, last in whole
    ):
        return tuple(whole)
    return tuple(runs(np.concatenate([frame.seq for frame in frames])))


def _split_by_time(
    frames: Sequence[Frame], bounds: TimeBounds
) -> tuple[list[Frame], list[Refused]]:
    kept: list[Frame] = []
    refused: list[Refused] = []
    for frame in frames:
        low, high = frame.time_ns.min(), frame.time_ns.max()
        if low >= bounds.earliest_ns and high <= bounds.latest_ns:
            kept.append(frame)
            continue
        before, ahead = frame.time_ns < bounds.earliest_ns, frame.time_ns > bounds.latest_ns
        for bad, reason in ((before, "time_before_build"), (ahead, "time_ahead")):
            if bad.any():
                refused.append(Refused(tuple(runs(frame.seq[bad])), reason))
        good = ~(before | ahead)
        if good.any():
            kept.append(frame.select(good))
    return kept, refused


def _only(
    frames: Iterable[Frame], intervals: Sequence[Interval], *, first: int, last: int
) -> Iterable[Frame]:
    if list(intervals) == [(first, last)]:
        yield from frames
        return
    for frame in frames:
        keep = _members(frame.seq, intervals)
        if keep.all():
            yield frame
        elif keep.any():
            yield frame.select(keep)


def _members(numbers: IntArray, intervals: Sequence[Interval]) -> BoolArray:
    members = np.zeros(len(numbers), dtype=bool)
    for first, last in intervals:
        members |= (numbers >= first) & (numbers <= last)
    return members


def runs(numbers: IntArray) -> list[Interval]:
    """Return the intervals that ascending numbers make."""
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    firsts = numbers[np.concatenate([[0], breaks + 1])]
    lasts = numbers[np.concatenate([breaks, [len(numbers) - 1]])]
    return [(int(a), int(b)) for a, b in zip(firsts, lasts, strict=True)]
