"""The vectorised pre-filter in front of the scalar evaluator.

Each series (a point of a device) has a quiet band, the values at which none of its rule instances
can change. A whole frame is compared with the bands at once; what lies outside, is not good, or
belongs to a series with a running timer is returned as hits. Time stamps that are not newer than
the series' last are dropped here, in the same way for all.

What was heard, and when, is kept as arrays too, so that no-data rules and climate rules need no
evaluation per value: a tick looks at the arrays.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from campus_rules.quiet_band import NONE, QuietBand
from controller.frames import BoolArray, DeviceInfo, FloatArray, Frame, IntArray, PointInfo

_NOBODY: Final = 0
"""Stands for a series or device that no rule watches."""
_BINDINGS_MAX: Final = 4_096
_FIRST_ROOM: Final = 1_024

_T = TypeVar("_T", bound=np.generic)


class Hit(NamedTuple):
    """A value the evaluator must see; `value` is NaN where it is bad."""

    series: int
    time_ns: int
    value: float
    quality: int


@dataclass(frozen=True, slots=True, eq=False)
class _Binding:
    """Where the rows of one point set find their series; kept per devices and points tuple."""

    devices: tuple[DeviceInfo, ...]
    points: tuple[PointInfo, ...]
    device_ids: IntArray  # (devices,)
    rows: IntArray  # (k,) the watched rows among the points
    series: IntArray  # (k, devices)
    tracked: bool  # whether values have to be remembered


class QuietFilter:
    """Bands and times of all watched series and devices."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str, str], int] = {}
        self._devices: dict[tuple[str, str], int] = {}
        self._tracked: set[int] = set()
        self._bindings: dict[tuple[int, int], _Binding] = {}
        self._untils: list[tuple[int, int]] = []
        """Heap of (time, series): when a band ends. An entry of an earlier band does no harm."""
        self._low: FloatArray = np.full(_FIRST_ROOM, -np.inf)
        self._high: FloatArray = np.full(_FIRST_ROOM, np.inf)
        self._last_ns: IntArray = np.full(_FIRST_ROOM, -1, dtype=np.int64)
        self.value: FloatArray = np.full(_FIRST_ROOM, np.nan)
        """(series,) the last good value of tracked series."""
        self.value_ns: IntArray = np.full(_FIRST_ROOM, -1, dtype=np.int64)
        """(series,) when the device said it."""
        self.known_ns: IntArray = np.full(_FIRST_ROOM, -1, dtype=np.int64)
        """(series,) when the last value that is not bad arrived, of tracked series."""
        self._device_last_ns: IntArray = np.full(_FIRST_ROOM, -1, dtype=np.int64)
        self.heard_ns: IntArray = np.full(_FIRST_ROOM, -1, dtype=np.int64)
        """(devices,) when the last sample with a value that is not bad arrived."""

    def add_series(self, gateway: str, device: str, point: str, *, tracked: bool) -> int:
        """Return the number of a watched series, new or not."""
        number = self._series.setdefault((gateway, device, point), len(self._series) + 1)
        if number >= len(self._low):
            self._low = _grown(self._low, -np.inf)
            self._high = _grown(self._high, np.inf)
            self._last_ns = _grown(self._last_ns, -1)
            self.value = _grown(self.value, np.nan)
            self.value_ns = _grown(self.value_ns, -1)
            self.known_ns = _grown(self.known_ns, -1)
        if tracked:
            self._tracked.add(number)
        self._bindings.clear()
        return number

    def add_device(self, gateway: str, device: str) -> int:
        """Return the number of a watched device, new or not."""
        number = self._devices.setdefault((gateway, device), len(self._devices) + 1)
        if number >= len(self.heard_ns):
            self._device_last_ns = _grown(self._device_last_ns, -1)
            self.heard_ns = _grown(self.heard_ns, -1)
        self._bindings.clear()
        return number

    def set_band(self, series: int, band: QuietBand) -> None:
        """Set which values of a series are quiet."""
        self._low[series] = band.low
        self._high[series] = band.high
        if band.until_ns is not None:
            heapq.heappush(self._untils, (band.until_ns, series))

    def grant_grace(self, series: Iterable[int], devices: Iterable[int], now_ns: int) -> None:
        """Take these as heard just now: their gateway was away, or listening begins."""
        self.known_ns[list(series)] = now_ns
        self.heard_ns[list(devices)] = now_ns

    def check(self, frame: Frame, *, now_ns: int, all_hit: bool = False) -> Iterator[Hit]:
        """Take in a frame and yield what the evaluator must see, each device's in order of time.

        Evaluate each hit before asking for the next one: where a device comes several times, what
        becomes of its earlier values decides which of its later ones are quiet.

        Args:
            frame: fresh samples only.
            now_ns: when they arrived.
            all_hit: yield every new value of a watched series, as if no value were quiet.
        """
        binding = self._binding(frame)
        for part in _one_sample_a_device(frame):
            self._expire_bands(part)
            self._hear_devices(part, binding, now_ns)
            if len(binding.rows):
                yield from self._check_series(part, binding, now_ns, all_hit=all_hit)

    def find_overtaken(self, frame: Frame) -> BoolArray:
        """Return (n,) whether a younger sample of the device was checked before."""
        devices = self._binding(frame).device_ids[frame.device_row]
        overtaken: BoolArray = frame.time_ns < self._device_last_ns[devices]
        overtaken &= devices != _NOBODY
        return overtaken

    def _expire_bands(self, frame: Frame) -> None:
        if self._untils:
            latest_ns = frame.time_ns.max()
            while self._untils and self._untils[0][0] <= latest_ns:
                _, series = heapq.heappop(self._untils)
                self.set_band(series, NONE)

    def _hear_devices(self, frame: Frame, binding: _Binding, now_ns: int) -> None:
        devices = binding.device_ids[frame.device_row]
        newer = frame.time_ns > self._device_last_ns[devices]
        if frame.qualities is not None:
            newer &= ~np.isnan(frame.values).all(axis=0)
        heard = devices[newer]
        self._device_last_ns[heard] = frame.time_ns[newer]
        self.heard_ns[heard] = now_ns

    def _check_series(
        self, frame: Frame, binding: _Binding, now_ns: int, *, all_hit: bool
    ) -> list[Hit]:
        rows = binding.rows
        whole = len(rows) == len(frame.points)
        values = frame.values if whole else frame.values[rows]
        series = binding.series.take(frame.device_row, axis=1)
        last_ns = self._last_ns.take(series)
        newer = frame.time_ns > last_ns
        self._last_ns[series] = np.maximum(last_ns, frame.time_ns)
        quiet = (values >= self._low.take(series)) & (values <= self._high.take(series))
        qualities = None
        if frame.qualities is not None:
            qualities = frame.qualities if whole else frame.qualities[rows]
            quiet &= qualities == 0
        if binding.tracked:
            known = newer & ~np.isnan(values)
            self.known_ns[series[known]] = now_ns
            good = known if qualities is None else known & (qualities == 0)
            which = series[good]
            self.value[which] = values[good]
            self.value_ns[which] = np.broadcast_to(frame.time_ns, good.shape)[good]
        found = newer if all_hit else newer & ~quiet
        if not found.any():
            return []
        return [
            Hit(
                int(series[row, column]),
                int(frame.time_ns[column]),
                float(values[row, column]),
                0 if qualities is None else int(qualities[row, column]),
            )
            for row, column in zip(*(axis.tolist() for axis in found.nonzero()), strict=True)
            if series[row, column] != _NOBODY
        ]

    def _binding(self, frame: Frame) -> _Binding:
        key = (id(frame.devices), id(frame.points))
        binding = self._bindings.get(key)
        if binding is None:
            if len(self._bindings) >= _BINDINGS_MAX:
                self._bindings.clear()
            binding = self._bind(frame)
            self._bindings[key] = binding  # keeps both tuples alive, so their ids stay theirs
        return binding

    def _bind(self, frame: Frame) -> _Binding:
        series = np.array(
            [
                [
                    self._series.get((one.gateway, one.device, point.name), _NOBODY)
                    for one in frame.devices
                ]
                for point in frame.points
            ],
            dtype=np.int64,
        )
        rows = np.flatnonzero((series != _NOBODY).any(axis=1))
        return _Binding(
            devices=frame.devices,
            points=frame.points,
            device_ids=np.array(
                [self._devices.get((one.gateway, one.device), _NOBODY) for one in frame.devices],
                dtype=np.int64,
            ),
            rows=rows,
            series=series[rows],
            tracked=not self._tracked.isdisjoint(series.ravel().tolist()),
        )


def _one_sample_a_device(frame: Frame) -> Iterator[Frame]:
    """Split a frame so that no part holds a device twice, earlier samples in earlier parts."""
    counts = np.bincount(frame.device_row)
    if counts.max(initial=0) <= 1:
        yield frame
        return
    order = np.lexsort((frame.time_ns, frame.device_row))
    starts = np.cumsum(counts) - counts
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) - starts[frame.device_row[order]]
    for number in range(int(turn.max()) + 1):
        yield frame.select(turn == number)


def _grown(array: NDArray[_T], fill: float) -> NDArray[_T]:
    return np.concatenate([array, np.full(len(array), fill, dtype=array.dtype)])
