"""Frames → the columns of one DuckDB insert: one value a row, sorted, none twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from controller.frames import DeviceInfo, Frame, PointInfo

COLUMNS: Final = ("device", "point", "time_ns", "value", "quality", "seq", "epoch")
_DEVICES_MAX: Final = 500_000
_CACHES_MAX: Final = 16_384

Keys = NDArray[np.int32]
Rows = dict[str, NDArray[Any]]


class KeyCache:
    """The numbers of devices and points, by the identity of the tuples that frames share.

    Args:
        device_key: Looks the number of a device up, or gives it one.
        point_key: The same for a point's name.
        epoch_key: The same for an epoch.
    """

    def __init__(
        self,
        *,
        device_key: Callable[[DeviceInfo], int],
        point_key: Callable[[str], int],
        epoch_key: Callable[[str], int],
    ) -> None:
        self._device_key = device_key
        self._point_key = point_key
        self._epoch_key = epoch_key
        self._devices: dict[int, tuple[tuple[DeviceInfo, ...], Keys]] = {}
        self._held_devices = 0
        self._points: dict[int, tuple[tuple[PointInfo, ...], Keys]] = {}
        self._epochs: dict[str, int] = {}

    def devices(self, frame: Frame) -> Keys:
        """Return the (n,) numbers of the frame's devices."""
        if id(frame.devices) not in self._devices:
            self._held_devices += len(frame.devices)
            if self._held_devices > _DEVICES_MAX:
                self._devices.clear()
                self._held_devices = len(frame.devices)
            self._devices[id(frame.devices)] = (
                frame.devices,
                np.zeros(len(frame.devices), dtype=np.int32),
            )
        devices, keys = self._devices[id(frame.devices)]
        for row in np.unique(frame.device_row[keys[frame.device_row] == 0]).tolist():
            keys[row] = self._device_key(devices[row])
        return keys[frame.device_row]

    def points(self, frame: Frame) -> Keys:
        """Return the (m,) numbers of the frame's points."""
        if id(frame.points) not in self._points:
            _make_room(self._points)
            keys = np.array([self._point_key(p.name) for p in frame.points], dtype=np.int32)
            self._points[id(frame.points)] = (frame.points, keys)
        return self._points[id(frame.points)][1]

    def epoch(self, frame: Frame) -> int:
        """Return the number of the frame's epoch."""
        if frame.epoch not in self._epochs:
            _make_room(self._epochs)
            self._epochs[frame.epoch] = self._epoch_key(frame.epoch)
        return self._epochs[frame.epoch]


def _make_room(cache: dict[Any, Any]) -> None:
    if len(cache) >= _CACHES_MAX:
        cache.clear()


def rows_of(frames: Sequence[Frame], keys: KeyCache) -> Rows:
    """Return the rows of all frames, by device, point and time; of equal ones the last."""
    parts = [_columns(frame, keys) for frame in frames if frame.sample_count]
    if not parts:
        return {name: np.zeros(0) for name in COLUMNS}
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    device, point, time_ns = joined[:3]
    order = np.lexsort((time_ns, point, device))  # stable: later frames stay behind earlier ones
    ordered = [column[order] for column in joined]
    same = np.ones(len(order) - 1, dtype=bool)
    for column in ordered[:3]:
        same &= column[1:] == column[:-1]
    if same.any():
        keep = np.append(~same, True)  # the last row is nobody's earlier self
        ordered = [column[keep] for column in ordered]
    return dict(zip(COLUMNS, ordered, strict=True))


def _columns(frame: Frame, keys: KeyCache) -> tuple[NDArray[Any], ...]:
    width, height = len(frame.points), frame.sample_count
    if frame.qualities is None:
        quality = np.zeros(width * height, dtype=np.uint8)
    else:
        quality = frame.qualities.ravel()
    return (
        np.tile(keys.devices(frame), width),
        np.repeat(keys.points(frame), height),
        np.tile(frame.time_ns, width),
        frame.values.ravel(),
        quality,
        np.tile(frame.seq, width),
        np.full(width * height, keys.epoch(frame), dtype=np.int32),
    )
