"""What is asked of one device: its points as few requests, their health, and their samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.quality import Quality
from device_profiles.decoding import Columns, ReplyDecoder
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import ReadRequest, plan_reads
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.health import Health
from edge_agent.modbus.requests import Request, read_request

_RANKS: Final = {SampleClass.SAFETY: 0, SampleClass.NORMAL: 1, SampleClass.SLOW: 2}

_ONLY: Final = (0,)


class PlannedRead(NamedTuple):
    """What devices of one profile share: one request, and how to decode its reply."""

    asked: ReadRequest
    decoder: ReplyDecoder


class ReadPlanner:
    """Plans reads, once for all devices that are read alike; hundreds of meters need one plan."""

    def __init__(self) -> None:
        self._plans: dict[tuple[str, tuple[str, ...], int], tuple[PlannedRead, ...]] = {}

    def plan(
        self, profile: ModbusProfile, points: Sequence[ModbusPoint], *, bridge_registers: int = 0
    ) -> tuple[PlannedRead, ...]:
        """Return the reads of these points; see `device_profiles.planning.plan_reads`."""
        key = (profile.id, tuple(point.name for point in points), bridge_registers)
        plan = self._plans.get(key)
        if plan is None:
            asked = plan_reads(profile, points, bridge_registers=bridge_registers)
            plan = tuple(PlannedRead(one, ReplyDecoder(profile, one)) for one in asked)
            self._plans[key] = plan
        return plan


class Part:
    """One request of a device, and how to read its reply."""

    __slots__ = ("decode", "health", "points", "request")

    def __init__(self, unit_id: int, planned: PlannedRead) -> None:
        asked, decoder = planned
        self.health = Health()
        self.points = decoder.points
        self.decode = decoder.decode
        self.request: Request = read_request(
            unit_id, asked.table, address=asked.address, count=asked.count
        )

    def bad(self, quality: Quality) -> Columns:
        """Return no value and this quality for every point."""
        count = len(self.points)
        return [None] * count, (quality,) * count


class _Split(NamedTuple):
    """The points of one class: where they are in the columns, and in the catalog."""

    sample_class: SampleClass
    positions: tuple[int, ...]
    point_indices: tuple[int, ...]


class PolledDevice:
    """One device with its requests; `seen` says that it has answered since the start."""

    __slots__ = (
        *("_bridges", "_planner", "_splits", "device", "health", "parts", "profile", "seen"),
        "unit_id",
    )

    def __init__(
        self, device: ModbusDevice, planner: ReadPlanner, *, bridge_registers: int = 0
    ) -> None:
        self._planner = planner
        self.device = device
        self.profile = device.profile
        self.unit_id = device.config.unit_id
        self.health = Health()
        self.seen = False
        self._bridges = bridge_registers
        self._plan()

    @property
    def id(self) -> str:
        """The device's id."""
        return self.device.id

    def _plan(self) -> None:
        points = [self.profile.find(point.name) for point in self.device.readable]
        wanted = [point for point in points if point is not None]
        plan = self._planner.plan(self.profile, wanted, bridge_registers=self._bridges)
        self.parts = tuple(Part(self.unit_id, planned) for planned in plan)
        self._splits = tuple(self._split(wanted))

    def _split(self, points: Sequence[ModbusPoint]) -> Iterator[_Split]:
        classes = {point.name: point.point_class for point in points}
        indices = self.device.point_indices
        names = [name for part in self.parts for name in part.points]
        for wanted in SampleClass:
            positions = tuple(at for at, name in enumerate(names) if classes[name] is wanted)
            if positions:
                yield _Split(wanted, positions, tuple(indices[names[at]] for at in positions))

    def part_for(self, point: ModbusPoint) -> Part:
        """Return a request for one point alone."""
        [planned] = self._planner.plan(self.profile, [point])
        return Part(self.unit_id, planned)

    def stop_bridging(self) -> bool:
        """Plan anew without reading over holes; False when none was."""
        if not self._bridges:
            return False
        self._bridges = 0
        self._plan()
        return True

    @property
    def rank(self) -> int:
        """0 for a device with a safety point, 1 for an ordinary one, 2 for one of slow points."""
        return min((_RANKS[split.sample_class] for split in self._splits), default=2)

    def in_order_of_trust(self) -> Sequence[int]:
        """Return the positions of the parts, those that answered last time first.

        While the device is doubtful each poll begins with another part, so that one block which it
        never answers does not make it look dead.
        """
        count = len(self.parts)
        if count == 1:
            return _ONLY
        turned = [(start + self.health.failures) % count for start in range(count)]
        return sorted(turned, key=lambda position: self.parts[position].health.failures)

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
        if len(self._splits) == 1:
            sample_class, _, points = self._splits[0]
            yield sample_class, Sample(index, points, time_ns, tuple(values), tuple(qualities))
            return
        for sample_class, positions, points in self._splits:
            chosen = tuple([values[at] for at in positions])
            grades = tuple([qualities[at] for at in positions])
            yield sample_class, Sample(index, points, time_ns, chosen, grades)

    def samples_of(
        self, part: Part, columns: Columns, time_ns: int
    ) -> Iterator[tuple[SampleClass, Sample]]:
        """Yield one sample for each class, from the columns of one request alone."""
        values, qualities = columns
        indices = [self.device.point_indices.get(name) for name in part.points]
        for sample_class, _, points in self._splits:
            chosen = [at for at, index in enumerate(indices) if index in points]
            if chosen:
                yield (
                    sample_class,
                    Sample(
                        self.device.index,
                        tuple(index for index in indices if index is not None and index in points),
                        time_ns,
                        tuple(values[at] for at in chosen),
                        tuple(qualities[at] for at in chosen),
                    ),
                )
