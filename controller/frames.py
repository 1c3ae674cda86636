"""Frames: one decoded block of a batch, joined to its devices, as columns.

Rules and stores work on frames and never on single values. What belongs to a catalog is made once
and shared by identity: every frame of one catalog holds the same `devices` tuple, every frame of
one set of points the same `points` tuple, and frames of the same devices in the same order mostly
share their `device_row` too. So whatever is derived from them (series prefixes, rule bindings) may
be cached by `id` as long as the object is kept alive beside the cache entry. Nobody writes into
the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from campus_wire.batch import Batch, Block
from campus_wire.catalog import Area, Catalog, Device, Label, Point, SampleClass, State
from campus_wire.errors import MalformedError
from campus_wire.quality import Quality
from campus_wire.samples import ClockState

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float64]
ByteArray: TypeAlias = NDArray[np.uint8]
BoolArray: TypeAlias = NDArray[np.bool_]

_BUILDING: Final = "building"
_POINT_SETS_MAX: Final = 4_096
_ROWS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device with its place; one object per device and catalog.

    A device is known across catalogs by `(gateway, device)`. `building` is the id of the outermost
    area of that kind around it, or empty; `area` is the area the device stands in.
    """

    gateway: str
    school: str
    building: str
    area: str
    area_kind: str
    device: str
    category: str
    profile: str
    interval_s: float
    name: Label
    area_path: tuple[Area, ...]


@dataclass(frozen=True, slots=True)
class PointInfo:
    """A point; one object per point and catalog."""

    name: str
    unit: str
    sample_class: SampleClass
    label: Label
    writable: bool
    minimum: float | None
    maximum: float | None
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The samples of one block: n samples (columns of the arrays), m points (their rows).

    Attributes:
        gateway: Who sent it.
        epoch: The life of the spool that `seq` counts in.
        devices: All devices of the catalog; `device_row` points into it.
        device_row: (n,) int64.
        points: (m,) the points that every sample here carries.
        point_columns: (m,) the same points as positions in the catalog.
        time_ns: (n,) int64, nanoseconds since 1970 in UTC.
        seq: (n,) int64, the number of each sample in its epoch.
        values: (m, n) float64, NaN exactly where a value is bad.
        qualities: (m, n) uint8 codes of `campus_wire.quality`, or None where all are good.
        sample_class: The class the batch travelled in.
    """

    gateway: str
    epoch: str
    devices: tuple[DeviceInfo, ...]
    device_row: IntArray
    points: tuple[PointInfo, ...]
    point_columns: IntArray
    time_ns: IntArray
    seq: IntArray
    values: FloatArray
    qualities: ByteArray | None = None
    sample_class: SampleClass = SampleClass.NORMAL

    @property
    def sample_count(self) -> int:
        """How many samples."""
        return len(self.seq)

    @property
    def value_count(self) -> int:
        """How many values, bad ones included."""
        return self.values.size

    def select(self, keep: BoolArray | IntArray) -> Frame:
        """Return the frame of some samples: an (n,) mask, or their positions in a new order."""
        return replace(
            self,
            device_row=self.device_row[keep],
            time_ns=self.time_ns[keep],
            seq=self.seq[keep],
            values=self.values[:, keep],
            qualities=None if self.qualities is None else self.qualities[:, keep],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _PointSet:
    points: tuple[PointInfo, ...]
    columns: IntArray
    carried: BoolArray
    """(devices,) whether a device carries all of these points."""
    rows: dict[bytes, IntArray] = field(default_factory=dict)
    """Checked rows by their bytes: a gateway reads the same devices in the same order for ever."""

    def device_row(self, devices: Sequence[int]) -> IntArray:
        row = np.array(devices, dtype=np.int64)
        key = row.tobytes()
        known = self.rows.get(key)
        if known is not None:
            return known
        if row.max() >= len(self.carried) or not self.carried[row].all():
            raise _mismatch("a device the catalog does not hold, or without these points")
        if len(self.rows) >= _ROWS_MAX:
            self.rows.clear()
        self.rows[key] = row
        return row


@dataclass(frozen=True, slots=True, eq=False)
class CatalogTable:
    """A catalog made ready for joining: made once per revision, shared by all its frames."""

    gateway: str
    revision: str
    catalog: Catalog
    devices: tuple[DeviceInfo, ...]
    points: tuple[PointInfo, ...]
    _sets: dict[tuple[int, ...], _PointSet] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, catalog: Catalog, *, revision: str | None = None) -> CatalogTable:
        """Build the table; `revision` is the gateway's word where it differs from the digest."""
        return cls(
            gateway=catalog.gateway,
            revision=revision or catalog.revision,
            catalog=catalog,
            devices=tuple(_device_info(catalog, device) for device in catalog.devices),
            points=tuple(_point_info(point) for point in catalog.points),
        )

    def frames_of(self, batch: Batch) -> list[Frame]:
        """Join a batch of this catalog, a frame per block, in order of sequence numbers.

        Values that were good but whose time is in doubt (`clock` unsynced) become uncertain.

        Raises:
            MalformedError: the batch names devices or points the catalog does not hold
                (reason `catalog_mismatch`).
        """
        first = batch.first
        frames = []
        for block in batch.blocks:
            frames.append(self._frame(batch, block, first))
            first += len(block.devices)
        return frames

    def _frame(self, batch: Batch, block: Block, first: int) -> Frame:
        point_set = self._sets.get(block.points) or self._add_set(block.points)
        return Frame(
            gateway=self.gateway,
            epoch=batch.epoch,
            devices=self.devices,
            device_row=point_set.device_row(block.devices),
            points=point_set.points,
            point_columns=point_set.columns,
            time_ns=np.array(block.times_ns, dtype=np.int64),
            seq=np.arange(first, first + len(block.devices), dtype=np.int64),
            values=np.array(block.columns, dtype=np.float64),
            qualities=_qualities(block, unsynced=batch.clock is ClockState.UNSYNCED),
            sample_class=batch.sample_class,
        )

    def _add_set(self, indices: tuple[int, ...]) -> _PointSet:
        if max(indices) >= len(self.points):
            raise _mismatch("a point the catalog does not hold")
        wanted = set(indices)
        point_set = _PointSet(
            points=tuple(self.points[index] for index in indices),
            columns=np.array(indices, dtype=np.int64),
            carried=np.array([wanted <= set(d.points) for d in self.catalog.devices], dtype=bool),
        )
        if len(self._sets) >= _POINT_SETS_MAX:  # only a hostile publisher makes so many
            self._sets.clear()
        self._sets[indices] = point_set
        return point_set


def _qualities(block: Block, *, unsynced: bool) -> ByteArray | None:
    if not block.flaws and not unsynced:
        return None
    good = Quality.CLOCK_UNSYNCED if unsynced else Quality.GOOD
    qualities = np.full((len(block.points), len(block.devices)), good, dtype=np.uint8)
    if block.flaws:
        rows, columns, codes = np.array(block.flaws, dtype=np.int64).T
        qualities[columns, rows] = codes
    return qualities


def _mismatch(what: str) -> MalformedError:
    return MalformedError("catalog_mismatch", f"the batch names {what}")


def _device_info(catalog: Catalog, device: Device) -> DeviceInfo:
    path = catalog.path(device.area)
    buildings = [area.id for area in path if area.kind == _BUILDING]
    return DeviceInfo(
        gateway=catalog.gateway,
        school=catalog.school.id,
        building=buildings[0] if buildings else "",
        area=device.area,
        area_kind=path[-1].kind,
        device=device.id,
        category=device.category,
        profile=device.profile,
        interval_s=device.interval_s,
        name=device.name,
        area_path=path,
    )


def _point_info(point: Point) -> PointInfo:
    return PointInfo(
        name=point.name,
        unit=point.unit,
        sample_class=point.sample_class,
        label=point.label,
        writable=point.writable,
        minimum=point.minimum,
        maximum=point.maximum,
        states=point.states,
    )
