"""What goes into the spool and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.messages import ClockState
from campus_wire.topics import Up


class Rank(IntEnum):
    """Classes in the order in which a backlog travels; the spool stores this number."""

    SAFETY = 0
    NORMAL = 1
    SLOW = 2


RANKS: Final = {
    SampleClass.SAFETY: Rank.SAFETY,
    SampleClass.NORMAL: Rank.NORMAL,
    SampleClass.SLOW: Rank.SLOW,
}
EVICTION_ORDER: Final = (Rank.NORMAL, Rank.SLOW, Rank.SAFETY)
"""What goes first when room is short. Slow samples are few, and some are a day's only one."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """How the times of some samples were made.

    `origin_ns` is the wall time at which the monotonic clock would have stood at zero: while not
    synced a guess, so that adding the difference to the true one re-stamps the samples.
    """

    state: ClockState
    boot: str
    origin_ns: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A closed batch on its way to the disk; it gets its sequence numbers there."""

    samples: Sequence[Sample]
    sample_class: SampleClass
    stamp: Stamp
    catalog: str


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch in the spool: sequence numbers of its first and last sample, and its payload."""

    first: int
    last: int
    rank: Rank
    payload: bytes
    catalog: str
    is_open: bool = False
    """Its times may still be corrected: publish only what `Spool.seal` returns for it."""
    is_held: bool = False
    """Waits for the first clock sync, not to be published yet."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """An event or receipt in the spool."""

    id: str
    kind: Up
    payload: bytes


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """How full the spool is, as of its last commit."""

    batches: int = 0
    messages: int = 0
    used_bytes: int = 0
    next_seq: int = 1
    evicted_samples: int = 0
    lost_samples: int = 0
    """Never written, for want of room or because the disk failed; named in a gap."""
    refused_samples: int = 0


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """The bounds of a spool; the defaults are for what a configuration does not say."""

    max_bytes: int
    disk_reserve_bytes: int = 0
    hold_ns: int = 600 * 1_000_000_000
    messages_max: int = 20_000
    gaps_max: int = 2_000
    quarantine_max: int = 200
    commands_max: int = 10_000
