"""The last value of every point of a gateway, as flat arrays that whole frames are written into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campus_wire.quality import Quality
from controller.frames import CatalogTable, Frame, IntArray, PointInfo


@dataclass(frozen=True, slots=True)
class LastValue:
    """What a point showed last; `value` is None where that was bad, `time_ns` 0 if never seen."""

    value: float | None
    quality: int
    time_ns: int


NEVER_SEEN = LastValue(None, Quality.NEVER_READ, 0)


class LastValues:
    """Last values of all points of one catalog.

    A device's points lie side by side, in the order its catalog entry lists them.
    """

    def __init__(self, table: CatalogTable) -> None:
        devices = table.catalog.devices
        widths = [len(device.points) for device in devices]
        self._table = table
        self._starts = np.cumsum([0, *widths], dtype=np.int64)
        size = int(self._starts[-1])
        self._values = np.full(size, np.nan)
        self._qualities = np.full(size, Quality.NEVER_READ, dtype=np.uint8)
        self._times_ns = np.zeros(size, dtype=np.int64)
        # By identity of a frame's `points`, whose tuple the entry keeps alive.
        self._slots: dict[int, tuple[tuple[PointInfo, ...], IntArray]] = {}

    def observe(self, frame: Frame) -> None:
        """Take over what is newer than what is known. The frame belongs to this catalog."""
        slots = self._slots_of(frame)[:, frame.device_row]
        times_ns = np.broadcast_to(frame.time_ns, slots.shape)
        newer = times_ns >= self._times_ns[slots]
        if not newer.all():
            order = np.argsort(times_ns[newer], kind="stable")
            slots, times_ns = slots[newer][order], times_ns[newer][order]
            values = frame.values[newer][order]
            qualities = None if frame.qualities is None else frame.qualities[newer][order]
        else:
            values, qualities = frame.values, frame.qualities
        # Where a device occurs twice the later assignment stays, which is the later sample.
        self._values[slots] = values
        self._times_ns[slots] = times_ns
        self._qualities[slots] = Quality.GOOD if qualities is None else qualities

    def of_device(self, row: int) -> dict[str, LastValue]:
        """Return the last values of the device at this position of the catalog, by point."""
        start = int(self._starts[row])
        points = self._table.catalog.devices[row].points
        return {
            self._table.points[index].name: self._at(start + offset)
            for offset, index in enumerate(points)
        }

    def last_time_ns(self, row: int) -> int:
        """Return when a device was last heard of, 0 if never."""
        start, end = int(self._starts[row]), int(self._starts[row + 1])
        return int(self._times_ns[start:end].max())

    def take_over(self, older: LastValues) -> None:
        """Copy what the same points of the same devices showed under an older catalog."""
        rows = {device.id: row for row, device in enumerate(older._table.catalog.devices)}
        for row, device in enumerate(self._table.catalog.devices):
            if device.id not in rows:
                continue
            known = older.of_device(rows[device.id])
            for offset, index in enumerate(device.points):
                last = known.get(self._table.points[index].name, NEVER_SEEN)
                if last.time_ns:
                    self._put(int(self._starts[row]) + offset, last)

    def _put(self, slot: int, last: LastValue) -> None:
        self._values[slot] = np.nan if last.value is None else last.value
        self._qualities[slot] = last.quality
        self._times_ns[slot] = last.time_ns

    def _at(self, slot: int) -> LastValue:
        value = float(self._values[slot])
        return LastValue(
            value=None if value != value else value,  # noqa: PLR0124  # NaN differs from itself
            quality=int(self._qualities[slot]),
            time_ns=int(self._times_ns[slot]),
        )

    def _slots_of(self, frame: Frame) -> IntArray:
        known = self._slots.get(id(frame.points))
        if known is not None and known[0] is frame.points:
            return known[1]
        devices = self._table.catalog.devices
        slots = np.full((len(frame.points), len(devices)), -1, dtype=np.int64)
        wanted = {int(column): row for row, column in enumerate(frame.point_columns)}
        for device_row, device in enumerate(devices):
            for offset, index in enumerate(device.points):
                if index in wanted:
                    slots[wanted[index], device_row] = self._starts[device_row] + offset
        self._slots[id(frame.points)] = (frame.points, slots)
        return slots
