"""Devices that are not known yet, and whether one still is what it was known as (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.quality import Quality
from device_profiles.decoding import Columns, Reading
from device_profiles.model import ModbusProfile
from device_profiles.reading import TextReading
from device_profiles.resolving import Facts, resolve
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.reads import RANKS, Reads


class UnknownReads(Reads):
    """The reads of a device that is not known yet: none, and samples that say why."""

    __slots__ = ()

    def __init__(self, device: ModbusDevice) -> None:
        super().__init__(device, ())

    @property
    def rank(self) -> int:
        """That of its most urgent point."""
        return min((RANKS[point.point_class] for point in self.device.readable), default=2)

    def bad(self, quality: Quality) -> list[Columns]:
        """Return no value and this quality for every point that the device may have."""
        count = len(self.device.readable)
        return [([None] * count, (quality,) * count)]

    def samples(
        self, columns: Sequence[Columns], time_ns: int
    ) -> Iterator[tuple[SampleClass, Sample]]:
        """Yield one sample for each class."""
        [(values, qualities)] = columns
        names = (point.name for point in self.device.readable)
        readings = list(map(Reading._make, zip(names, values, qualities, strict=True)))
        yield from self.device.samples(readings, time_ns)


class Fit:
    """Whether a device still says of itself what its profile was chosen by.

    Args:
        base: the profile of the model.
        profile: the one that fits the device.
        facts: what it said.
    """

    def __init__(self, base: ModbusProfile, profile: ModbusProfile, facts: Facts) -> None:
        self._base = base
        self._profile = profile
        self._facts = facts
        self.is_lost = False
        """Whether the device is to be asked anew."""

    @property
    def names(self) -> tuple[str, ...]:
        """The points it was told by."""
        return (*self._facts.numbers, *self._facts.texts)

    def look_at(self, readings: Iterable[Reading]) -> bool:
        """Look at what was just read; False where another profile would fit."""
        numbers = self._facts.numbers
        changed = {
            one.point: one.value
            for one in readings
            if one.value is not None and numbers.get(one.point, one.value) != one.value
        }
        if changed:
            self._judge(Facts({**numbers, **changed}, self._facts.texts, self._facts.blocks))
        return not self.is_lost

    def look_at_texts(self, readings: Iterable[TextReading]) -> None:
        """Look at texts that were just read."""
        texts = self._facts.texts
        changed = {
            one.point: one.text for one in readings if texts.get(one.point, one.text) != one.text
        }
        if changed:
            self._judge(Facts(self._facts.numbers, {**texts, **changed}, self._facts.blocks))

    def _judge(self, facts: Facts) -> None:
        if resolve(self._base, facts) is self._profile:
            self._facts = facts
        else:
            self.is_lost = True
