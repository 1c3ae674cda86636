"""Rules written once for a kind → one instance for each device or room of a catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from campus_rules.evaluator import Numbers
from campus_rules.load import AnyRule
from campus_rules.model import (
    AlarmClass,
    AlarmRule,
    ClimateRule,
    NoDataRule,
    Severity,
    ThresholdRule,
)
from campus_rules.selectors import Subject
from campus_wire.catalog import Label
from controller.frames import CatalogTable, DeviceInfo, PointInfo
from controller.outcome import About


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """One instance of a rule.

    `watches` are the (device, point) whose values it needs. A no-data instance without any watches
    its whole device. `about` is None for climate rules, which command and raise nothing.
    """

    rule: str
    key: str
    numbers: Numbers
    gateway: str
    device: str
    watches: tuple[tuple[str, str], ...]
    about: About | None


def rule_ids(rules: Sequence[AnyRule]) -> list[str]:
    """Return every rule id that instances of these rules can have, in states and in alarms."""
    enabled = [rule for rule in rules if rule.enabled]
    own = [rule.id for rule in enabled]
    return own + [_silence_id(rule) for rule in enabled if _is_safety(rule)]


def plan_instances(rules: Sequence[AnyRule], table: CatalogTable) -> list[InstancePlan]:
    """Return the instances of all enabled rules for one gateway's catalog."""
    enabled = [rule for rule in rules if rule.enabled]
    devices = [_Candidate.of(table, index) for index in range(len(table.devices))]
    plans: list[InstancePlan] = []
    for rule in enabled:
        if isinstance(rule, ThresholdRule):
            plans += _thresholds(rule, table, devices)
        elif isinstance(rule, ClimateRule):
            plans += _rooms(rule, devices)
    safety = _safety_points(enabled, plans)
    plans += _silences(enabled, table, devices, safety)
    return plans


@dataclass(frozen=True, slots=True)
class _Candidate:
    info: DeviceInfo
    points: tuple[PointInfo, ...]
    subject: Subject

    @classmethod
    def of(cls, table: CatalogTable, index: int) -> _Candidate:
        info = table.devices[index]
        points = tuple(table.points[i] for i in table.catalog.devices[index].points)
        subject = Subject(
            gateway=info.gateway,
            device=info.device,
            category=info.category,
            profile=info.profile,
            school=info.school,
            areas=frozenset(area.id for area in info.area_path),
            area_kinds=frozenset(area.kind for area in info.area_path),
        )
        return cls(info, points, subject)


def _thresholds(
    rule: ThresholdRule, table: CatalogTable, devices: Iterable[_Candidate]
) -> Iterator[InstancePlan]:
    for one in devices:
        if not rule.applies_to.selects(one.subject):
            continue
        for point in one.points:
            if rule.applies_to.selects_point(point.name):
                about = _about(rule, table, one.info, point)
                yield InstancePlan(
                    rule=rule.id,
                    key=about.instance,
                    numbers=rule.numbers(interval_s=one.info.interval_s),
                    gateway=one.info.gateway,
                    device=one.info.device,
                    watches=((one.info.device, point.name),),
                    about=about,
                )


def _rooms(rule: ClimateRule, devices: Sequence[_Candidate]) -> Iterator[InstancePlan]:
    numbers = rule.numbers()
    for unit in devices:
        if unit.info.category not in rule.actuator.categories:
            continue
        if not rule.applies_to.selects(unit.subject):
            continue
        sensors = tuple(
            (other.info.device, rule.sensor.point)
            for other in devices
            if other.info.area == unit.info.area
            and other.info.category in rule.sensor.categories
            and any(point.name == rule.sensor.point for point in other.points)
        )
        if sensors:
            yield InstancePlan(
                rule=rule.id,
                key=f"{unit.info.gateway}/{unit.info.device}",
                numbers=numbers,
                gateway=unit.info.gateway,
                device=unit.info.device,
                watches=sensors,
                about=None,
            )


def _safety_points(
    rules: Sequence[AnyRule], plans: Sequence[InstancePlan]
) -> dict[str, dict[str, ThresholdRule]]:
    """Return device → point → the safety rule that watches it."""
    by_id = {
        rule.id: rule for rule in rules if isinstance(rule, ThresholdRule) and _is_safety(rule)
    }
    found: dict[str, dict[str, ThresholdRule]] = {}
    for plan in plans:
        rule = by_id.get(plan.rule)
        if rule is not None:
            [(device, point)] = plan.watches
            found.setdefault(device, {}).setdefault(point, rule)
    return found


def _silences(
    rules: Sequence[AnyRule],
    table: CatalogTable,
    devices: Iterable[_Candidate],
    safety: dict[str, dict[str, ThresholdRule]],
) -> Iterator[InstancePlan]:
    """Return the no-data instances.

    A device with points under a safety rule counts as heard only while all of these are, and it
    gets a no-data alarm even where no rule asks for one: a blind gas detector must not look like
    clean air.
    """
    explicit = [rule for rule in rules if isinstance(rule, NoDataRule)]
    for one in devices:
        guarded = safety.get(one.info.device, {})
        chosen = [rule for rule in explicit if rule.applies_to.selects(one.subject)]
        if guarded and not chosen:
            chosen = [_silence_of_safety(next(iter(guarded.values())))]
        for rule in chosen:
            wanted = rule.applies_to.points
            names = guarded if wanted is None else wanted
            watches = tuple(
                (one.info.device, point.name) for point in one.points if point.name in names
            )
            if wanted is None or watches:
                about = _about(rule, table, one.info, None)
                yield InstancePlan(
                    rule=rule.id,
                    key=about.instance,
                    numbers=rule.numbers(interval_s=one.info.interval_s),
                    gateway=one.info.gateway,
                    device=one.info.device,
                    watches=watches,
                    about=about,
                )


def _is_safety(rule: AnyRule) -> bool:
    return isinstance(rule, ThresholdRule) and rule.alarm_class is AlarmClass.SAFETY


def _silence_id(rule: AnyRule) -> str:
    return f"{rule.id[:55]}.no-data"


def _silence_of_safety(rule: ThresholdRule) -> NoDataRule:
    return NoDataRule(
        id=_silence_id(rule),
        kind="no_data",
        name=Label(zh=f"{rule.name.zh}：无数据", en=f"{rule.name.en}: no data"),
        applies_to=rule.applies_to,
        severity=Severity.CRITICAL,
        alarm_class=AlarmClass.DIAGNOSTIC,
        consequence=Label(
            zh="设备无法监测危险，发生险情时不会报警。",
            en="The device cannot see the danger; it would not raise an alarm.",
        ),
        action=Label(
            zh="按有险情处理现场，检查设备供电、接线和传感器，必要时更换。",
            en="Treat the place as dangerous; check the device's power, wiring and sensor, "
            "and replace it if need be.",
        ),
    )


def _about(
    rule: AlarmRule, table: CatalogTable, info: DeviceInfo, point: PointInfo | None
) -> About:
    key = f"{info.gateway}/{info.device}"
    limit = rule.limit if isinstance(rule, ThresholdRule) else None
    return About(
        rule=rule.id,
        instance=key if point is None else f"{key}/{point.name}",
        severity=rule.severity,
        alarm_class=rule.alarm_class,
        name=rule.name,
        consequence=rule.consequence,
        action=rule.action,
        gateway=info.gateway,
        school=info.school,
        building=info.building,
        area=info.area,
        device=info.device,
        point="" if point is None else point.name,
        category=info.category,
        school_name=table.catalog.school.name,
        area_names=tuple(area.name for area in info.area_path),
        device_name=info.name,
        point_label=None if point is None else point.label,
        unit="" if point is None else point.unit,
        states=() if point is None else point.states,
        limit=limit,
        above=rule.is_above if isinstance(rule, ThresholdRule) else True,
        basis=rule.basis,
    )
