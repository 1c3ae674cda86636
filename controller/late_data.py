"""Samples that came too late for rules: how many, of when, and how many lay beyond a limit.

They page nobody. When a gateway's backlog has drained, one digest says what came in, so that a leak
that happened during an outage does not stay unseen in the history. Sums are kept in memory alone: a
digest that a restart interrupts speaks of what came after it.

Pure: time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from campus_rules.evaluator import initial_state
from campus_rules.quiet_band import ALL, meet, quiet_band
from campus_rules.signals import TransitionKind
from campus_rules.threshold import Threshold
from controller.frames import (
    BoolArray,
    CatalogTable,
    DeviceInfo,
    FloatArray,
    Frame,
    PointInfo,
)
from controller.outcome import LateData, Outcome, RuleTransition
from controller.rule_instances import InstancePlan
from controller.system_alarms import late_data

QUIET_NS: Final = 60_000_000_000
"""A backlog of which nothing came for so long has drained."""
_KEPT_MAX: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class _Limits:
    """(points, devices): values outside raise an alarm. Holds both tuples, so their ids stay."""

    devices: tuple[DeviceInfo, ...]
    points: tuple[PointInfo, ...]
    low: FloatArray
    high: FloatArray


class LateCounter:
    """Counts late samples against the limits of the rules."""

    def __init__(self) -> None:
        self._limits: dict[str, dict[tuple[str, str], tuple[float, float]]] = {}
        self._kept: dict[tuple[int, int], _Limits] = {}

    def set_plans(self, gateway: str, plans: Iterable[InstancePlan]) -> None:
        """Take over the rule instances of a gateway."""
        limits: dict[tuple[str, str], tuple[float, float]] = {}
        for plan in plans:
            if isinstance(plan.numbers, Threshold):
                band = quiet_band(plan.numbers, initial_state(plan.numbers))
                for key in plan.watches:
                    both = meet(ALL._replace(low=_low(limits, key), high=_high(limits, key)), band)
                    limits[key] = (both.low, both.high)
        self._limits[gateway] = limits
        self._kept.clear()

    def count(self, frame: Frame, late: BoolArray) -> LateData:
        """Return what is to be said of a frame's late samples, of which there is at least one."""
        times_ns = frame.time_ns[late]
        return LateData(
            frame.gateway,
            int(late.sum()),
            int(times_ns.min()),
            int(times_ns.max()),
            self._beyond(frame, late),
        )

    def _beyond(self, frame: Frame, late: BoolArray) -> int:
        if not self._limits.get(frame.gateway):
            return 0
        limits = self._limits_of(frame)
        values = frame.values[:, late]
        rows = frame.device_row[late]
        beyond = (values < limits.low[:, rows]) | (values > limits.high[:, rows])
        if frame.qualities is not None:
            beyond &= frame.qualities[:, late] == 0
        return int(beyond.any(axis=0).sum())

    def _limits_of(self, frame: Frame) -> _Limits:
        key = (id(frame.devices), id(frame.points))
        limits = self._kept.get(key)
        if limits is None:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            limits = self._kept[key] = self._tabulate(frame)
        return limits

    def _tabulate(self, frame: Frame) -> _Limits:
        known = self._limits[frame.gateway]
        pairs = [[(one.device, point.name) for one in frame.devices] for point in frame.points]
        low = np.array([[_low(known, pair) for pair in row] for row in pairs])
        high = np.array([[_high(known, pair) for pair in row] for row in pairs])
        return _Limits(frame.devices, frame.points, low, high)


def _low(limits: dict[tuple[str, str], tuple[float, float]], key: tuple[str, str]) -> float:
    return limits[key][0] if key in limits else -np.inf


def _high(limits: dict[tuple[str, str], tuple[float, float]], key: tuple[str, str]) -> float:
    return limits[key][1] if key in limits else np.inf


@dataclass(slots=True)
class _Sum:
    data: LateData
    heard_ns: int


class LateDigests:
    """Sums up what came late of each gateway, until nothing more comes."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sum] = {}

    def add(self, late: Iterable[LateData], *, now_ns: int) -> None:
        """Take in what came just now."""
        for one in late:
            known = self._sums.get(one.gateway)
            data = one if known is None else known.data + one
            self._sums[one.gateway] = _Sum(data, now_ns)

    def take_drained(self, *, now_ns: int) -> list[LateData]:
        """Remove and return the sums of gateways of which nothing late came for a while."""
        drained = [
            gateway
            for gateway, one in self._sums.items()
            if not 0 <= now_ns - one.heard_ns < QUIET_NS
        ]
        return [self._sums.pop(gateway).data for gateway in drained]


def outcome_of(data: LateData, table: CatalogTable | None, *, now_ns: int) -> Outcome:
    """Return the digest: an alarm that the book takes as over as soon as it is raised."""
    school = None if table is None else table.catalog.school
    about = late_data(
        data,
        school="" if school is None else school.id,
        school_name=None if school is None else school.name,
    )
    raised = RuleTransition(about, TransitionKind.RAISED, now_ns, data.first_ns)
    return Outcome(transitions=(raised,))
