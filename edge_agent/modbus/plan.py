"""Points of a profile into requests with their decoders, shared by all devices that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from campus_wire.quality import Quality
from device_profiles.decoding import Columns, ReplyDecoder
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import NO_LIMITS, ReadLimits, ReadRequest, plan_reads
from edge_agent.modbus.health import Health
from edge_agent.modbus.requests import Request, read_request

VARIANTS_MAX: Final = 8
"""So many forms of one profile are remembered: it may have been changed, or have variants."""


class PlannedRead(NamedTuple):
    """What devices of one profile share: one request, and how to decode its reply."""

    asked: ReadRequest
    decoder: ReplyDecoder


Plan = tuple[PlannedRead, ...]
_Key = tuple[tuple[str, ...], float, ReadLimits]
_Shape = tuple[tuple[str, int, int, tuple[str, ...]], ...]


@dataclass(slots=True)
class _Plans:
    """The plans of one form of a profile; equal ones are one."""

    profile: ModbusProfile
    by_key: dict[_Key, Plan] = field(default_factory=dict)
    by_shape: dict[_Shape, Plan] = field(default_factory=dict)


class ReadPlanner:
    """Plans reads, once for all devices that are read alike; hundreds of meters need one plan."""

    def __init__(self) -> None:
        self._profiles: dict[str, list[_Plans]] = {}

    def plan(
        self,
        profile: ModbusProfile,
        points: Sequence[ModbusPoint],
        *,
        bridge_registers: float = 0,
        limits: ReadLimits = NO_LIMITS,
    ) -> Plan:
        """Return the reads of these points; see `device_profiles.planning.plan_reads`."""
        plans = self._plans_of(profile)
        key = (tuple(point.name for point in points), bridge_registers, limits)
        plan = plans.by_key.get(key)
        if plan is None:
            asked = plan_reads(profile, points, bridge_registers=bridge_registers, limits=limits)
            shape = tuple(
                (one.table, one.address, one.count, tuple(point.name for point in one.points))
                for one in asked
            )
            plan = plans.by_shape.get(shape)
            if plan is None:
                plan = tuple(PlannedRead(one, ReplyDecoder(profile, one)) for one in asked)
                plans.by_shape[shape] = plan
            plans.by_key[key] = plan
        return plan

    def _plans_of(self, profile: ModbusProfile) -> _Plans:
        forms = self._profiles.setdefault(profile.id, [])
        for plans in forms:
            if plans.profile is profile:
                return plans
        for plans in forms:
            if plans.profile == profile:
                return plans
        forms.append(_Plans(profile))
        del forms[:-VARIANTS_MAX]
        return forms[-1]


class Part:
    """One request of a device, and how to read its reply."""

    __slots__ = (
        *("asked", "decode", "health", "page", "points", "proven", "registers", "request"),
        "texts",
    )

    def __init__(self, unit_id: int, planned: PlannedRead) -> None:
        asked, decoder = planned
        self.asked = asked
        self.health = Health()
        self.points = decoder.points
        self.decode = decoder.decode
        self.texts = decoder.texts if decoder.text_points else None
        """Decodes what is said in words; None: nothing is."""
        self.page = asked.page
        self.registers = asked.registers
        self.proven = False
        """Whether it was answered before."""
        self.request: Request = read_request(
            unit_id, asked.table, address=asked.address, count=asked.count
        )

    def bad(self, quality: Quality) -> Columns:
        """Return no value and this quality for every point."""
        count = len(self.points)
        return [None] * count, (quality,) * count
