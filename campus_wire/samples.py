"""Samples, and the batches they travel in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from campus_wire.catalog import SampleClass


class ClockState(StrEnum):
    """How far the times of a gateway can be trusted."""

    SYNCED = "synced"
    RESTAMPED = "restamped"
    UNSYNCED = "unsynced"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one device said at one instant.

    `device` and `points` are positions in the catalog. A value is None exactly where it is bad.
    """

    device: int
    points: tuple[int, ...]
    time_ns: int
    values: tuple[float | None, ...]
    qualities: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Samples that carry the same points: n rows, `len(points)` columns of n values."""

    points: tuple[int, ...]
    devices: Sequence[int]
    times_ns: Sequence[int]
    columns: Sequence[Sequence[float | None]]
    flaws: Sequence[tuple[int, int, int]] = ()
    """(row, column, quality) of every value that is not good."""


@dataclass(frozen=True)
class Batch:
    """The unit of spool, publish and ack."""

    epoch: str
    first: int
    catalog: str
    blocks: tuple[Block, ...]
    sample_class: SampleClass = SampleClass.NORMAL
    clock: ClockState = ClockState.SYNCED
    boot: str | None = None
    """The boot the times were taken in; needed only while the clock is not synced."""

    @cached_property
    def count(self) -> int:
        """How many samples."""
        return sum(len(block.devices) for block in self.blocks)

    @property
    def last(self) -> int:
        """The sequence number of the last sample."""
        return self.first + self.count - 1

    @cached_property
    def value_count(self) -> int:
        """How many values, bad ones included."""
        return sum(len(block.devices) * len(block.points) for block in self.blocks)


def blocks_of(samples: Iterable[Sample]) -> tuple[Block, ...]:
    """Group samples by the points they carry, keeping their order within a group."""
    groups: dict[tuple[int, ...], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.points, []).append(sample)
    return tuple(_block(points, group) for points, group in groups.items())


def _block(points: tuple[int, ...], group: list[Sample]) -> Block:
    flaws = [
        (row, column, code)
        for row, sample in enumerate(group)
        for column, code in enumerate(sample.qualities)
        if code
    ]
    return Block(
        points=points,
        devices=[sample.device for sample in group],
        times_ns=[sample.time_ns for sample in group],
        columns=list(zip(*(sample.values for sample in group), strict=True)),
        flaws=flaws,
    )
