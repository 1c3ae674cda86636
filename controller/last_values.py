"""The last value of every point of a gateway, as arrays that whole frames are written into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from campus_wire.quality import Quality
from controller.frames import ByteArray, CatalogTable, FloatArray, Frame, IntArray, PointInfo

_SETS_MAX: Final = 256
"""Sets of points remembered per gateway; only one that cuts them anew each time has more."""


@dataclass(frozen=True, slots=True)
class LastValue:
    """What a point showed last; `value` is None where that was bad, `time_ns` 0 if never seen."""

    value: float | None
    quality: int
    time_ns: int


NEVER_SEEN: Final = LastValue(None, Quality.NEVER_READ, 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Set:
    """The last samples that carried one set of points: a column per device of the catalog."""

    points: tuple[PointInfo, ...]
    values: FloatArray
    qualities: ByteArray
    times_ns: IntArray

    @classmethod
    def of(cls, points: tuple[PointInfo, ...], devices: int) -> _Set:
        return cls(
            points=points,
            values=np.full((len(points), devices), np.nan),
            qualities=np.full((len(points), devices), Quality.NEVER_READ, dtype=np.uint8),
            times_ns=np.zeros(devices, dtype=np.int64),
        )

    def at(self, row: int, device: int) -> LastValue:
        value = float(self.values[row, device])
        return LastValue(
            value=None if np.isnan(value) else value,
            quality=int(self.qualities[row, device]),
            time_ns=int(self.times_ns[device]),
        )


class LastValues:
    """Last values of all points of one catalog."""

    def __init__(self, table: CatalogTable) -> None:
        self._table = table
        # By identity of a frame's `points`, whose tuple the entry keeps alive.
        self._sets: dict[int, _Set] = {}
        self._singles: dict[int, tuple[PointInfo, ...]] = {}

    def observe(self, frame: Frame) -> None:
        """Take over what is newer than what is known. The frame belongs to this catalog."""
        known = self._set_of(frame.points)
        newer = frame.time_ns >= known.times_ns[frame.device_row]
        if not newer.all():
            frame = frame.select(newer)
        if (frame.time_ns[1:] < frame.time_ns[:-1]).any():
            frame = frame.select(np.argsort(frame.time_ns, kind="stable"))
        # Where a device occurs twice the later assignment stays, which is the later sample.
        rows = frame.device_row
        known.times_ns[rows] = frame.time_ns
        known.values[:, rows] = frame.values
        known.qualities[:, rows] = Quality.GOOD if frame.qualities is None else frame.qualities

    def of_device(self, row: int) -> dict[str, LastValue]:
        """Return the last values of the device at this position of the catalog, by point."""
        points = self._table.catalog.devices[row].points
        found = {self._table.points[index].name: NEVER_SEEN for index in points}
        for one in self._sets.values():
            if not one.times_ns[row]:
                continue
            for index, point in enumerate(one.points):
                last = one.at(index, row)
                if last.time_ns >= found[point.name].time_ns:
                    found[point.name] = last
        return found

    def last_time_ns(self, row: int) -> int:
        """Return when a device was last heard of, 0 if never."""
        return max((int(one.times_ns[row]) for one in self._sets.values()), default=0)

    def take_over(self, older: LastValues) -> None:
        """Copy what the same points of the same devices showed under an older catalog."""
        rows = {device.id: row for row, device in enumerate(older._table.catalog.devices)}
        for row, device in enumerate(self._table.catalog.devices):
            if device.id not in rows:
                continue
            known = older.of_device(rows[device.id])
            for index in device.points:
                last = known.get(self._table.points[index].name, NEVER_SEEN)
                if last.time_ns:
                    self._put(index, row, last)

    def _put(self, index: int, row: int, last: LastValue) -> None:
        one = self._set_of(self._singles.setdefault(index, (self._table.points[index],)))
        one.values[0, row] = np.nan if last.value is None else last.value
        one.qualities[0, row] = last.quality
        one.times_ns[row] = last.time_ns

    def _set_of(self, points: tuple[PointInfo, ...]) -> _Set:
        known = self._sets.get(id(points))
        if known is None:
            while len(self._sets) >= _SETS_MAX:
                del self._sets[next(iter(self._sets))]
            known = self._sets[id(points)] = _Set.of(points, len(self._table.devices))
        return known
