"""One device of a bus: its groups of requests, its health, what was measured and learnt of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from device_profiles.decoding import Columns, Reading, ReplyDecoder
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import NO_LIMITS, ReadRequest, Rhythm, plan_cost
from device_profiles.references import inputs_of
from edge_agent.inventory import ModbusDevice
from edge_agent.modbus.health import Health
from edge_agent.modbus.learning import Learned, Places
from edge_agent.modbus.plan import Part, PlannedRead, ReadPlanner
from edge_agent.modbus.reads import Reads
from edge_agent.modbus.turnaround import Turnaround

if TYPE_CHECKING:
    from edge_agent.modbus.combined import Memory
    from edge_agent.modbus.unknown import Fit

WORTH_IT: Final = 0.97
"""A plan takes the place of another when it costs less than this part of it."""
CHEAP_REGISTERS: Final = 16
"""A device that needs but one request, no larger than this, is asked that to see if it lives."""

_ONLY: Final = (0,)


class ReadGroup:
    """What is read of one device at one rhythm: one entry of the bus's schedule.

    `reads` is replaced as a whole when plans change; a poll under way keeps those it began with.
    """

    __slots__ = ("interval_s", "polled", "reads", "rhythm")

    def __init__(self, polled: PolledDevice, rhythm: Rhythm, reads: Reads) -> None:
        self.polled = polled
        self.rhythm = rhythm
        self.reads = reads
        own_s = polled.device.config.interval_s
        # Every poll finds out whether the device lives, so none may be more frequent than its own.
        self.interval_s = (
            own_s if rhythm is None else math.inf if rhythm == "once" else max(rhythm, own_s)
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its requests as planned now."""
        return self.reads.parts

    @property
    def rank(self) -> int:
        """0 is the most urgent class."""
        return self.reads.rank

    def in_order_of_trust(self) -> Sequence[int]:
        """Return the positions of the parts, those that answered last time first.

        While the device is doubtful each poll begins with another part, so that one block which it
        never answers does not make it look dead.
        """
        parts = self.parts
        count = len(parts)
        if count == 1:
            return _ONLY
        failures = self.polled.health.failures
        turned = [(start + failures) % count for start in range(count)]
        return sorted(turned, key=lambda position: parts[position].health.failures)


class PolledDevice:
    """One device with its requests; `seen` says that it has answered since the start.

    Args:
        device: as configured.
        planner: shared by devices that are alike.
        turnaround: measures what requests to it cost.
        learned: what it was found to refuse.
    """

    __slots__ = (
        *("_planner", "_read", "device", "fit", "gone", "groups", "health", "learned", "memory"),
        *("profile", "returns", "seen", "timeout_s", "turnaround", "unit_id", "is_tended"),
        "was_cut",
    )

    def __init__(
        self,
        device: ModbusDevice,
        planner: ReadPlanner,
        *,
        turnaround: Turnaround,
        learned: Learned,
    ) -> None:
        self._planner = planner
        self.device = device
        self.profile: ModbusProfile = device.profile
        self.unit_id = device.config.unit_id
        self.turnaround = turnaround
        self.learned = learned
        self.timeout_s: float | None = None
        """How long it may take to answer; None: as long as any device of its bus."""
        self.health = Health()
        self.seen = False
        self.gone = False
        """Whether it was taken off the bus: what it still says is dropped."""
        self.is_tended = False
        """Whether anything is done for it beside its polls."""
        self.returns = 0
        """How often it answered again after it, or its connection, was lost."""
        self.was_cut = False
        """Whether it, or its connection, was lost since it answered last."""
        self.fit: Fit | None = None
        """Tells whether `profile` still is the right one; None: there is but one."""
        self.memory: Memory | None = None
        """Puts points together that are made of several; None: there are none."""
        self._read = self._points_to_read()
        self.groups = tuple(self._make_groups())

    @property
    def id(self) -> str:
        """The device's id."""
        return self.device.id

    @property
    def needs_upkeep(self) -> bool:
        """Whether devices of its model need anything beside their polls."""
        profile = self.device.profile
        section = profile.modbus
        return not profile.is_plain or bool(section.setup) or section.heartbeat is not None

    @property
    def is_known(self) -> bool:
        """Whether it was found out which variant of its model it is, where there are several."""
        if self.fit is None:
            return self.profile.is_plain
        return not (self.fit.is_lost or self.was_cut or self.health.is_lost)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The requests of all groups."""
        return tuple(part for group in self.groups for part in group.parts)

    def _points_to_read(self) -> tuple[ModbusPoint, ...]:
        """Return what is read of the device, and make the memory for what is not told as read."""
        profile = self.profile
        used = (*self.device.readable, *self.device.texts)
        found = [point for one in used if (point := profile.find(one.name)) is not None]
        self.memory = None
        if not profile.is_plain:
            return ()
        if self.fit is None and not any(inputs_of(point) for point in found):
            return tuple(found)
        from edge_agent.modbus.combined import Memory  # noqa: PLC0415

        numbers = [point for point in found if not point.is_text]
        self.memory = Memory(profile, numbers, self.fit)
        names = [point.name for point in found]
        told_by = () if self.fit is None else self.fit.names
        needed = [profile.find(name) for name in (*names, *self.memory.needs, *told_by)]
        points = {point.name: point for point in needed if point is not None}
        return tuple(point for point in points.values() if point.read is not None)

    def _make_groups(self) -> Iterator[ReadGroup]:
        if not self.profile.is_plain:
            from edge_agent.modbus.unknown import UnknownReads  # noqa: PLC0415

            yield ReadGroup(self, None, UnknownReads(self.device))
            return
        by_rhythm: dict[Rhythm, list[PlannedRead]] = {}
        for planned in self._plan(self._read):
            by_rhythm.setdefault(planned.asked.interval_s, []).append(planned)
        for rhythm, plan in by_rhythm.items():
            yield ReadGroup(self, rhythm, self._reads(plan))

    def _plan(self, points: Sequence[ModbusPoint]) -> tuple[PlannedRead, ...]:
        return self._planner.plan(
            self.profile,
            points,
            bridge_registers=self.turnaround.bridge,
            limits=NO_LIMITS if self.learned.is_empty else self.learned.limits,
        )

    def _reads(self, plan: Iterable[PlannedRead]) -> Reads:
        return self._reads_of([Part(self.unit_id, planned) for planned in plan])

    def _reads_of(self, parts: Sequence[Part]) -> Reads:
        if self.memory is None:
            return Reads(self.device, parts)
        from edge_agent.modbus.combined import CombinedReads  # noqa: PLC0415

        return CombinedReads(self.device, parts, self.memory)

    # --- one request more -----------------------------------------------------------------------

    def part_for(self, point: ModbusPoint) -> Part:
        """Return a request for one point alone."""
        [planned] = self._planner.plan(self.profile, [point])
        return Part(self.unit_id, planned)

    def part_of(self, asked: ReadRequest) -> Part:
        """Return a part for any request to this device."""
        return Part(self.unit_id, PlannedRead(asked, ReplyDecoder(self.profile, asked)))

    def cheap_part(self, group: ReadGroup) -> Part | None:
        """Return a small request that shows whether the device lives; None: its own is small."""
        parts = group.parts
        if not parts:
            return None
        if len(parts) == 1 and parts[0].registers <= CHEAP_REGISTERS:
            return None
        trusted = parts[group.in_order_of_trust()[0]]
        points = trusted.asked.points
        return self.part_for(min(points, key=lambda one: self.profile.read_location(one).count))

    def places(self, asked: ReadRequest) -> Places:
        """Return where the points of a request lie."""
        spans = {}
        for point in asked.points:
            place = self.profile.read_location(point)
            spans[point.name] = (place.address, place.address + place.count)
        return Places(spans)

    # --- plans that change ----------------------------------------------------------------------

    def tune(self) -> bool:
        """Plan anew for what requests were measured to cost, if that is worth it."""
        return self._replan(worth_it=WORTH_IT)

    def relearn(self) -> bool:
        """Plan anew for what the device was found to refuse."""
        return self._replan(worth_it=math.inf)

    def _replan(self, *, worth_it: float) -> bool:
        """Plan every group anew; a part that stays as it was keeps its health."""
        changed = False
        bridge = self.turnaround.bridge
        points: dict[Rhythm, list[PlannedRead]] = {}
        for planned in self._plan(self._read):
            points.setdefault(planned.asked.interval_s, []).append(planned)
        for group in self.groups:
            plan = points.get(group.rhythm, [])
            now = [part.asked for part in group.parts]
            best = [planned.asked for planned in plan]
            if best == now:
                continue
            cost_now = plan_cost(now, bridge_registers=bridge)
            if plan_cost(best, bridge_registers=bridge) >= cost_now * worth_it:
                continue
            reads = self._reads(plan)
            known = {_span(part.asked): part for part in group.parts}
            for part in reads.parts:
                before = known.get(_span(part.asked))
                if before is not None:
                    part.health, part.proven = before.health, before.proven
            group.reads = reads
            changed = True
        return changed

    def use_profile(self, profile: ModbusProfile, fit: Fit | None = None) -> None:
        """Read by another form of the profile; the groups are made anew."""
        self.profile = profile
        self.fit = fit
        self._read = self._points_to_read()
        self.groups = tuple(self._make_groups())

    def allow_time(self, usual_s: float) -> None:
        """Let it have as long for an answer as its profile asks for, if that is longer."""
        own_s = self.profile.modbus.response_timeout_s
        self.timeout_s = own_s if own_s is not None and own_s > usual_s else None

    def rebind(self, device: ModbusDevice) -> None:
        """Be the same device at other places of the catalog."""
        self.device = device
        for group in self.groups:
            group.reads.rebind(device)

    def reads_like(self, device: ModbusDevice) -> bool:
        """Say whether another configuration of this device is read just as this one."""
        own = self.device
        return (
            own.config.unit_id == device.config.unit_id
            and own.config.interval_s == device.config.interval_s
            and [point.name for point in own.points] == [point.name for point in device.points]
            and [point.name for point in own.texts] == [point.name for point in device.texts]
            and (own.profile is device.profile or own.profile == device.profile)
        )

    def samples_of(
        self, part: Part, columns: Columns, time_ns: int
    ) -> Iterator[tuple[SampleClass, Sample]]:
        """Yield one sample for each class, from the columns of one request alone."""
        return self._reads_of((part,)).samples((columns,), time_ns)

    def returned(self) -> None:
        """Note that it answers again: it may have been switched off, or be another one."""
        self.was_cut = False
        self.returns += 1
        if self.memory is not None:
            self.memory.forget()

    def remembered(self, point: str) -> Reading | None:
        """Return the last good reading of what is read rarely, None where there is none."""
        return None if self.memory is None else self.memory.remembered(point)


def _span(asked: ReadRequest) -> tuple[str, int, int, int | None]:
    return asked.table, asked.address, asked.count, asked.page
