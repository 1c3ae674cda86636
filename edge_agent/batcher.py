"""Samples into batches: one open batch for each class.

A batch closes at 500 values and one second after its first sample. A safety-class batch closes at
the end of the current round of the event loop, so that what arrives together travels together; and
while the spool is busy writing it stays open until that is done, for it would wait there anyway.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from edge_agent.spool.records import Draft, Stamp

_log: Final = logging.getLogger(__name__)

_MS: Final = 1_000_000
_AHEAD_NS_MAX: Final = 1_000 * _MS


class BatchSink(Protocol):
    """Takes closed batches: the spool."""

    @property
    def is_busy(self) -> bool:
        """Whether batches are being written; it then calls `Batcher.flush_safety` when done."""

    def put(self, draft: Draft) -> None:
        """Take a batch. Never blocks."""

    def skip(self, count: int, reason: str) -> None:
        """Account for samples that cannot be kept."""


class StampClock(Protocol):
    """Tells how times are made."""

    @property
    def stamp(self) -> Stamp:
        """How times are made now."""

    def now_ns(self) -> int:
        """Wall time."""


class Handle(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Call it off."""


class Loop(Protocol):
    """What is needed of an event loop."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Handle:
        """Call back after `delay` seconds."""

    def call_soon(self, callback: Callable[..., object], *args: object) -> Handle:
        """Call back in the next round."""


@dataclass(slots=True)
class _Open:
    """A batch that still takes samples."""

    stamp: Stamp
    samples: list[Sample] = field(default_factory=list)
    values: int = 0
    timer: Handle | None = None


class Batcher:
    """Collects samples and hands closed batches on.

    Args:
        sink: where closed batches go.
        clock: tells how the samples' times were made.
        catalog: the revision that samples speak of.
        devices: how many devices the catalog has.
        values_max: a batch closes at so many values.
        age_s: and so long after its first sample.
        loop: by default the running one.
    """

    def __init__(
        self,
        sink: BatchSink,
        clock: StampClock,
        *,
        catalog: str,
        devices: int,
        values_max: int = 500,
        age_s: float = 1.0,
        loop: Loop | None = None,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._catalog = catalog
        self._values_max = values_max
        self._age_s = age_s
        self._loop: Loop = loop if loop is not None else asyncio.get_running_loop()
        self._open: dict[SampleClass, _Open] = {}
        self._last_ns = [0] * devices
        self._stamp = clock.stamp
        self._too_fast: set[int] = set()

    def add(self, samples: Sequence[Sample], sample_class: SampleClass) -> None:
        """Take samples of one class."""
        stamp = self._clock.stamp
        if stamp is not self._stamp:
            self._change_stamp(stamp)
        for sample in samples:
            in_order = self._in_order(sample)
            if in_order is not None:
                self._put(in_order, sample_class)

    def add_dated(self, samples: Sequence[Sample], sample_class: SampleClass) -> None:
        """Take samples with times of their own, as they are: they may lie before others."""
        stamp = self._clock.stamp
        if stamp is not self._stamp:
            self._change_stamp(stamp)
        for sample in samples:
            self._put(sample, sample_class)

    def _put(self, sample: Sample, sample_class: SampleClass) -> None:
        batch = self._open.get(sample_class)
        if batch is None:
            batch = self._begin(sample_class)
        batch.samples.append(sample)
        batch.values += len(sample.values)
        if batch.values >= self._values_max:
            self._close(sample_class)

    def flush(self) -> None:
        """Close every open batch."""
        for sample_class in list(self._open):
            self._close(sample_class)

    def rebind(self, catalog: str, was: Sequence[int | None]) -> None:
        """Close every open batch and go on with another catalog.

        Args:
            catalog: its revision.
            was: for each of its devices the place in the catalog until now, None for a new one.
        """
        self.flush()
        self._catalog = catalog
        self._last_ns = [0 if old is None else self._last_ns[old] for old in was]
        self._too_fast = {new for new, old in enumerate(was) if old in self._too_fast}

    def flush_safety(self) -> None:
        """Close the safety batch if there is one: the spool has time for it now."""
        self._close(SampleClass.SAFETY)

    def _change_stamp(self, stamp: Stamp) -> None:
        self.flush()
        self._stamp = stamp
        # After a step back, times may begin again: else they would stand still for as long.
        now_ns = self._clock.now_ns()
        self._last_ns = [min(last_ns, now_ns - _MS) for last_ns in self._last_ns]

    def _in_order(self, sample: Sample) -> Sample | None:
        """Give the sample a time in whole ms after the device's last one.

        A store tells the samples of one device apart by their time alone.
        """
        last_ns = self._last_ns[sample.device]
        time_ns = sample.time_ns - sample.time_ns % _MS
        if time_ns <= last_ns:
            if last_ns - time_ns > _AHEAD_NS_MAX:
                self._say_too_fast(sample.device)
                self._sink.skip(1, "too_fast")
                return None
            time_ns = last_ns + _MS
        self._last_ns[sample.device] = time_ns
        if time_ns == sample.time_ns:
            return sample
        return Sample(sample.device, sample.points, time_ns, sample.values, sample.qualities)

    def _say_too_fast(self, device: int) -> None:
        if device not in self._too_fast:
            self._too_fast.add(device)
            _log.warning("device %d sends over 1000 samples a second: some are dropped", device)

    def _begin(self, sample_class: SampleClass) -> _Open:
        batch = self._open[sample_class] = _Open(self._stamp)
        if sample_class is SampleClass.SAFETY:
            batch.timer = self._loop.call_soon(self._round_over)
        else:
            batch.timer = self._loop.call_later(self._age_s, self._close, sample_class)
        return batch

    def _round_over(self) -> None:
        if not self._sink.is_busy:
            self.flush_safety()

    def _close(self, sample_class: SampleClass) -> None:
        batch = self._open.pop(sample_class, None)
        if batch is None:
            return
        if batch.timer is not None:
            batch.timer.cancel()
        self._sink.put(Draft(batch.samples, sample_class, batch.stamp, self._catalog))
