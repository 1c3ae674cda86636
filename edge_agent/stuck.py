"""Sensors that have died with a value on their lips: the same number for too long is no reading.

Only points whose device says after how long (`stuck_after_s` in `edge.yaml`): a setpoint may stand
still for a year, a thermometer with two decimals not for six hours. The value is then bad with
quality STUCK, for interlocks too, until another number comes. Time is that of the monotonic clock:
the wall clock's first sync or a step of it makes no sensor stuck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from campus_wire.batch import Sample
from campus_wire.quality import Quality
from edge_agent.reporting import ReportedDevice


@dataclass(slots=True)
class _Watch:
    """One watched point: its number, and since when it has been that."""

    after_ns: int
    value: float | None = None
    since_ns: int = 0

    def is_stuck(self, value: float, now_ns: int) -> bool:
        """Say whether a good value has been the same for too long."""
        if value != self.value:
            self.value, self.since_ns = value, now_ns
        return now_ns - self.since_ns >= self.after_ns


class StuckWatch:
    """Turns values that have stood still for too long into bad ones.

    Args:
        devices: all devices; those that do not ask for it pass untouched.
        monotonic_ns: time since some moment, never stepped.
    """

    def __init__(self, devices: Iterable[ReportedDevice], monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._points: dict[str, dict[str, _Watch]] = {}
        self._by_index: dict[int, dict[int, _Watch]] = {}
        self.use(devices)

    def use(self, devices: Iterable[ReportedDevice]) -> None:
        """Take the devices of a new configuration; how long values have stood still is kept."""
        before, self._points, self._by_index = self._points, {}, {}
        for device in devices:
            if device.config.stuck_after_s:
                known = before.get(device.config.id, {})
                watches = {
                    name: _kept(known.get(name), after_s)
                    for name, after_s in device.config.stuck_after_s.items()
                }
                self._points[device.config.id] = watches
                self._by_index[device.index] = {
                    device.point_indices[name]: watch for name, watch in watches.items()
                }

    def judged(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return the samples, with what is stuck made bad."""
        if not self._by_index:
            return samples
        now_ns = self._monotonic_ns()
        return [self._sample(sample, now_ns) for sample in samples]

    def _sample(self, sample: Sample, now_ns: int) -> Sample:
        watches = self._by_index.get(sample.device)
        if watches is None:
            return sample
        stuck = []
        for at, (index, value) in enumerate(zip(sample.points, sample.values, strict=True)):
            watch = watches.get(index)
            if watch is not None and value is not None and watch.is_stuck(value, now_ns):
                stuck.append(at)
        return _without(sample, stuck) if stuck else sample


def _kept(known: _Watch | None, after_s: float) -> _Watch:
    fresh = _Watch(round(after_s * 1e9))
    if known is not None:
        fresh.value, fresh.since_ns = known.value, known.since_ns
    return fresh


def _without(sample: Sample, positions: Sequence[int]) -> Sample:
    values, qualities = list(sample.values), list(sample.qualities)
    for at in positions:
        values[at], qualities[at] = None, Quality.STUCK
    return Sample(sample.device, sample.points, sample.time_ns, tuple(values), tuple(qualities))
