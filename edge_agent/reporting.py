"""What need not be told: values that have hardly changed since they were told last.

Only points whose device asks for it (`report` in `edge.yaml`), and never those of class safety. A
value passes when it moved by the deadband, when its quality changed, or when nothing was told for
the longest silence. What passes is the newest measurement with the time it was taken: an old value
with a new time would make a dead sensor look alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from campus_wire.batch import Sample
from edge_agent.config import DeviceConfig, ReportConfig


class ReportedDevice(Protocol):
    """What is needed of a device: `edge_agent.inventory.InventoryDevice`."""

    @property
    def index(self) -> int:
        """Its position in the catalog."""

    @property
    def config(self) -> DeviceConfig:
        """Its part of the configuration."""

    @property
    def point_indices(self) -> Mapping[str, int]:
        """The positions of its points in the catalog."""


@dataclass(slots=True)
class _Told:
    """What was told last of one point."""

    value: float | None
    quality: int
    time_ns: int


@dataclass(slots=True)
class _Point:
    """One point with a deadband, and what was told of it."""

    deadband: float
    deadband_share: float
    silence_ns: int
    told: _Told | None = None

    @classmethod
    def of(cls, config: ReportConfig) -> _Point:
        return cls(
            deadband=config.deadband or 0.0,
            deadband_share=(config.deadband_percent or 0.0) / 100,
            silence_ns=round(config.longest_silence_s * 1e9),
        )

    def is_news(self, value: float | None, quality: int, time_ns: int) -> bool:
        """Say whether a measurement is worth telling; what is counts as told."""
        if self.told is not None and not self._differs(self.told, value, quality, time_ns):
            return False
        self.told = _Told(value, quality, time_ns)
        return True

    def _differs(self, told: _Told, value: float | None, quality: int, time_ns: int) -> bool:
        if quality != told.quality or abs(time_ns - told.time_ns) >= self.silence_ns:
            return True
        if value is None or told.value is None:
            return value is not told.value
        moved = abs(value - told.value)
        return moved > 0 and moved >= max(self.deadband, self.deadband_share * abs(told.value))


class Reporter:
    """Leaves out what need not be told, point by point.

    Args:
        devices: all devices; those that do not ask for it pass untouched.
    """

    def __init__(self, devices: Iterable[ReportedDevice]) -> None:
        self._points: dict[str, dict[str, _Point]] = {}
        self._by_index: dict[int, dict[int, _Point]] = {}
        self.left_out = 0
        self.use(devices)

    def use(self, devices: Iterable[ReportedDevice]) -> None:
        """Take the devices of a new configuration; what was told of unchanged points stays told."""
        before, self._points, self._by_index = self._points, {}, {}
        for device in devices:
            if device.config.report:
                known = before.get(device.config.id, {})
                points = {
                    name: _kept(known.get(name), config)
                    for name, config in device.config.report.items()
                }
                self._points[device.config.id] = points
                self._by_index[device.index] = {
                    device.point_indices[name]: point for name, point in points.items()
                }

    def news(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return what is to be told of these samples, in their order."""
        if not self._by_index:
            return samples
        told = [self._part(sample) for sample in samples]
        return [sample for sample in told if sample is not None]

    def _part(self, sample: Sample) -> Sample | None:
        points = self._by_index.get(sample.device)
        if points is None:
            return sample
        rows = zip(sample.points, sample.values, sample.qualities, strict=True)
        kept = [
            at
            for at, (index, value, quality) in enumerate(rows)
            if (point := points.get(index)) is None or point.is_news(value, quality, sample.time_ns)
        ]
        self.left_out += len(sample.points) - len(kept)
        if len(kept) == len(sample.points):
            return sample
        return _only(sample, kept) if kept else None


def _kept(known: _Point | None, config: ReportConfig) -> _Point:
    fresh = _Point.of(config)
    if known is not None:
        fresh.told = known.told
    return fresh


def _only(sample: Sample, positions: Sequence[int]) -> Sample:
    return Sample(
        sample.device,
        tuple([sample.points[at] for at in positions]),
        sample.time_ns,
        tuple([sample.values[at] for at in positions]),
        tuple([sample.qualities[at] for at in positions]),
    )
