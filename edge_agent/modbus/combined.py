"""Points that are made of several others: what was read is remembered until all of it is there.

A point is told with the requests that its own value, or the most frequent of its inputs, comes by;
what is read more rarely (a scale factor, a transformer's ratio) is remembered from its last good
reading. The time is that of the oldest input read for this value, never that of a remembered one.
A point whose rare inputs have not been asked for yet waits for them; one whose inputs could not be
read is bad, with their reason.

Devices without such points do not come here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.quality import Quality
from device_profiles.combining import Combiner
from device_profiles.decoding import Columns, Reading
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import Rhythm
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.plan import Part
from edge_agent.modbus.reads import RANKS, Reads
from edge_agent.modbus.unknown import Fit

_DID_NOT_SAY = frozenset(
    {
        *(Quality.NO_ANSWER, Quality.NOT_CONNECTED, Quality.GARBLED, Quality.EXCEPTION),
        *(Quality.BUSY, Quality.WRONG_UNIT, Quality.DEVICE_OFFLINE, Quality.NEVER_READ),
    }
)
"""Qualities that say nothing of the value itself: what was remembered of it stays true."""


def order_of(rhythm: Rhythm) -> float:
    """Return a number that is larger for what is read more rarely."""
    return 0.0 if rhythm is None else math.inf if rhythm == "once" else rhythm


class Memory:
    """What is known of one device's points.

    Args:
        profile: of the device, plain.
        points: those that are told and have a number.
        fit: tells whether the profile still is the right one; None: there is but one.
    """

    def __init__(
        self,
        profile: ModbusProfile,
        points: Sequence[ModbusPoint],
        fit: Fit | None = None,
    ) -> None:
        self._combiner = Combiner.of(profile, points)
        self._points = tuple(point.name for point in points)
        self._fit = fit
        self._wanted: dict[str, list[str]] = {}
        self._awaited: dict[str, frozenset[str]] = {}
        self._rarer: dict[str, frozenset[str]] = {}
        self._heard: dict[str, dict[str, int]] = {name: {} for name in self._points}
        self._held: dict[str, int] = {}
        self._known: dict[str, Reading] = {}
        self.needs = self._points if self._combiner is None else self._combiner.needs
        rhythms = {name: _rhythm(profile, name) for name in self.needs}
        self._once = frozenset(name for name, order in rhythms.items() if order == math.inf)
        self._rare = frozenset(name for name, order in rhythms.items() if order > 0)
        for name in self._points:
            self._sort(name, rhythms)

    def _sort(self, name: str, rhythms: Mapping[str, float]) -> None:
        """Find out with which of its inputs a point is told."""
        sources = frozenset({name} if self._combiner is None else self._combiner.sources(name))
        orders = [rhythms[source] for source in sources]
        home = rhythms[name] if name in sources else min(orders, default=0.0)
        awaited = frozenset(source for source in sources if rhythms[source] == home)
        self._awaited[name] = awaited
        self._rarer[name] = sources - awaited
        for source in sources:
            self._wanted.setdefault(source, []).append(name)

    def serves(self, names: Iterable[str]) -> set[str]:
        """Return the points that are made of these, among others."""
        return {wanted for name in names for wanted in self._wanted.get(name, ())}

    def remembered(self, name: str) -> Reading | None:
        """Return the last good reading of what is read rarely, None where there is none."""
        reading = self._known.get(name) if name in self._rare else None
        return reading if reading is not None and reading.value is not None else None

    def forget(self) -> None:
        """Forget what is read once: the device was away, and may be another one now."""
        for name in self._once:
            self._known.pop(name, None)

    def take(
        self, readings: Sequence[Reading], time_ns: int
    ) -> Iterator[tuple[int, list[Reading]]]:
        """Take what was just read; yield what can be told by it, with its time."""
        view = self._known | {one.point: one for one in readings}
        for one in readings:
            self._remember(one)
        fits = self._fit is None or self._fit.look_at(readings)
        told = self._complete(readings, time_ns, view)
        if not told:
            return
        if not fits:
            made = {name: Reading(name, None, Quality.NEVER_READ) for name in self._points}
        elif self._combiner is None:
            made = view
        else:
            made = {one.point: one for one in self._combiner.combine(view)}
        for moment in sorted(set(told.values())):
            yield moment, [made[name] for name, at in told.items() if at == moment]

    def _remember(self, one: Reading) -> None:
        before = self._known.get(one.point)
        keeps = (
            one.point in self._rare
            and one.quality in _DID_NOT_SAY
            and before is not None
            and before.value is not None
        )
        if not keeps:
            self._known[one.point] = one

    def _complete(
        self, readings: Sequence[Reading], time_ns: int, view: Mapping[str, Reading]
    ) -> dict[str, int]:
        """Return the points that all is there for now, each with the time of its oldest input."""
        touched: dict[str, None] = {}
        for one in readings:
            for name in self._wanted.get(one.point, ()):
                touched[name] = None
                if one.point in self._awaited[name]:
                    self._heard[name][one.point] = time_ns
        told: dict[str, int] = {}
        for name in touched:
            heard = self._heard[name]
            if len(heard) == len(self._awaited[name]):
                self._held[name] = min(heard.values())
                heard.clear()
            if name in self._held and all(source in view for source in self._rarer[name]):
                told[name] = self._held.pop(name)
        return told


def _rhythm(profile: ModbusProfile, name: str) -> float:
    point = profile.find(name)
    return order_of(None if point is None else point.interval_s)


class CombinedReads(Reads):
    """Requests whose answers go into a `Memory`, and the samples that come out of it."""

    __slots__ = ("_memory", "_names")

    def __init__(self, device: ModbusDevice, parts: Sequence[Part], memory: Memory) -> None:
        self._memory = memory
        super().__init__(device, parts)
        self._names = tuple(name for part in parts for name in part.points)

    @property
    def rank(self) -> int:
        """That of the most urgent point that is made of what is read here."""
        served = self._memory.serves(name for part in self.parts for name in part.points)
        classes = (point.point_class for point in self.device.points if point.name in served)
        return min((RANKS[one] for one in classes), default=2)

    def samples(
        self, columns: Sequence[Columns], time_ns: int
    ) -> Iterator[tuple[SampleClass, Sample]]:
        """Yield one sample for each class and time of what can be told now."""
        values = (value for one in columns for value in one[0])
        qualities = (quality for one in columns for quality in one[1])
        readings = list(map(Reading._make, zip(self._names, values, qualities, strict=True)))
        for moment, told in self._memory.take(readings, time_ns):
            yield from self.device.samples(told, moment)
