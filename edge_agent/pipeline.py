"""What every sample passes through: made sound, judged, shown to interlocks, put into a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.limits import VALUE_ABS_MAX
from campus_wire.quality import Grade, Quality, grade
from edge_agent.batcher import Batcher
from edge_agent.ports import SampleObserver
from edge_agent.reporting import ReportedDevice, Reporter
from edge_agent.stuck import StuckWatch


class Pipeline:
    """The `SampleSink` and `DatedSink` of all sources.

    Args:
        batcher: collects for the spool.
        devices: of the configuration; some may report by exception, or be watched for standing
            still.
        monotonic_ns: tells for how long.
    """

    def __init__(
        self,
        batcher: Batcher,
        devices: Iterable[ReportedDevice] = (),
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._batcher = batcher
        devices = tuple(devices)
        self._stuck = StuckWatch(devices, monotonic_ns)
        self._reporter = Reporter(devices)
        self._observers: list[SampleObserver] = []
        self.samples = 0
        self.values = 0

    def use(self, devices: Iterable[ReportedDevice]) -> None:
        """Take the devices of a new configuration, in the turn in which the batcher does."""
        devices = tuple(devices)
        self._stuck.use(devices)
        self._reporter.use(devices)

    def show_to(self, observer: SampleObserver) -> None:
        """Let `observer` see each sample at once, before it is on its way."""
        self._observers.append(observer)

    def accept(self, samples: Sequence[Sample], sample_class: SampleClass) -> None:
        """Take samples of one class."""
        sound = self._stuck.judged(self._sound(samples))
        for observer in self._observers:
            observer.observe(sound)
        if news := self._reporter.news(sound):
            self._batcher.add(news, sample_class)

    def accept_dated(
        self, samples: Sequence[Sample], sample_class: SampleClass, *, is_fresh: bool
    ) -> None:
        """Take samples that devices dated themselves; interlocks see only fresh ones."""
        sound = self._sound(samples)
        if is_fresh:
            sound = self._stuck.judged(sound)
            for observer in self._observers:
                observer.observe(sound)
            sound = self._reporter.news(sound)
        if sound:
            self._batcher.add_dated(sound, sample_class)

    def _sound(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        sound = [sample if is_sound(sample) else mended(sample) for sample in samples]
        self.samples += len(sound)
        self.values += sum([len(sample.values) for sample in sound])
        return sound


def is_sound(sample: Sample) -> bool:
    """Say whether a sample is all good and finite; a false one may still be in order."""
    if any(sample.qualities):
        return False
    for value in sample.values:
        # a chain of comparisons is false for NaN as well
        if value is None or not -VALUE_ABS_MAX <= value <= VALUE_ABS_MAX:
            return False
    return True


def mended(sample: Sample) -> Sample:
    """Return the sample with None exactly where the quality is bad, as the wire asks for (pure).

    A number that no batch may carry becomes a bad value: `undecodable` for NaN, `out_of_range` for
    what is too large. A value that is missing without a reason becomes plainly `bad`.
    """
    pairs = [_mended(*pair) for pair in zip(sample.values, sample.qualities, strict=True)]
    return Sample(
        sample.device,
        sample.points,
        sample.time_ns,
        tuple([value for value, _ in pairs]),
        tuple([quality for _, quality in pairs]),
    )


def _mended(value: float | None, quality: int) -> tuple[float | None, int]:
    if grade(quality) is Grade.BAD:
        return None, quality
    if value is None:
        return None, Quality.BAD
    if value != value:  # noqa: PLR0124  (NaN)
        return None, Quality.UNDECODABLE
    if abs(value) > VALUE_ABS_MAX:
        return None, Quality.OUT_OF_RANGE
    return value, quality
