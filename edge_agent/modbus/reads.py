"""The requests that make one poll of a device, and the samples that their answers make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.quality import Quality
from device_profiles.decoding import Columns
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.plan import Part

RANKS: Final = {SampleClass.SAFETY: 0, SampleClass.NORMAL: 1, SampleClass.SLOW: 2}


class _Split(NamedTuple):
    """The points of one class: where they are in the columns, and in the catalog."""

    sample_class: SampleClass
    positions: tuple[int, ...]
    point_indices: tuple[int, ...]


class Reads:
    """Requests of one device that are polled together.

    Args:
        device: whose places in the catalog the samples carry.
        parts: its requests.
    """

    __slots__ = ("_classes", "_splits", "device", "parts")

    def __init__(self, device: ModbusDevice, parts: Sequence[Part]) -> None:
        self.device = device
        self.parts = tuple(parts)
        self._splits = tuple(self._split())

    def rebind(self, device: ModbusDevice) -> None:
        """Give samples the places that the same device has in another catalog."""
        self.device = device
        self._splits = tuple(self._split())

    def _split(self) -> Iterator[_Split]:
        classes = {point.name: point.point_class for point in self.device.points}
        indices: Mapping[str, int] = self.device.point_indices
        names = [name for part in self.parts for name in part.points]
        for wanted in SampleClass:
            at = tuple(at for at, name in enumerate(names) if classes.get(name) is wanted)
            if at:
                yield _Split(wanted, at, tuple(indices[names[one]] for one in at))

    @property
    def rank(self) -> int:
        """0 where a safety point is among them, 1 where an ordinary one is, 2 for slow points."""
        return min((RANKS[split.sample_class] for split in self._splits), default=2)

    def bad(self, quality: Quality) -> list[Columns]:
        """Return no value and this quality for every point of every part."""
        return [part.bad(quality) for part in self.parts]

    def samples(
        self, columns: Sequence[Columns], time_ns: int
    ) -> Iterator[tuple[SampleClass, Sample]]:
        """Yield one sample for each class, from the columns of all parts in their order."""
        index = self.device.index
        if len(columns) == 1:
            values, qualities = columns[0]
        else:
            values = list(chain.from_iterable(one[0] for one in columns))
            qualities = tuple(chain.from_iterable(one[1] for one in columns))
        if len(self._splits) == 1 and len(self._splits[0].positions) == len(values):
            sample_class, _, points = self._splits[0]
            yield sample_class, Sample(index, points, time_ns, tuple(values), tuple(qualities))
            return
        for sample_class, positions, points in self._splits:
            chosen = tuple([values[at] for at in positions])
            grades = tuple([qualities[at] for at in positions])
            yield sample_class, Sample(index, points, time_ns, chosen, grades)
