"""What every sample passes through: made sound, shown to the interlocks, put into a batch."""

from __future__ import annotations

from collections.abc import Sequence

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.limits import VALUE_ABS_MAX
from campus_wire.quality import Grade, Quality, grade
from edge_agent.batcher import Batcher
from edge_agent.ports import SampleObserver


class Pipeline:
    """The `SampleSink` of all sources.

    Args:
        batcher: collects for the spool.
    """

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._observers: list[SampleObserver] = []
        self.samples = 0
        self.values = 0

    def show_to(self, observer: SampleObserver) -> None:
        """Let `observer` see each sample at once, before it is on its way."""
        self._observers.append(observer)

    def accept(self, samples: Sequence[Sample], sample_class: SampleClass) -> None:
        """Take samples of one class."""
        sound = [sample if is_sound(sample) else mended(sample) for sample in samples]
        self.samples += len(sound)
        self.values += sum([len(sample.values) for sample in sound])
        for observer in self._observers:
            observer.observe(sound)
        self._batcher.add(sound, sample_class)


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
