"""The points of a profile as a person wants to see them: those of a group once (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from campus_wire.catalog import Label
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_groups import Group, GroupRepeat, Instance, ModbusGroup
from device_profiles.model_location import Table
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_point import Point

NAMES_SHOWN_MAX = 4


class Shown(NamedTuple):
    """One row: a point, or the same point of all instances of a group."""

    name: str
    """Of a group: `indoor_{1…64}_mode`."""
    labels: Label
    point: Point
    """Of a group: that of its first instance."""
    repeated: str = ""
    """Where the next instances are: `then every 100, 64 times`."""


def shown_points(profile: ModbusProfile | MqttProfile) -> list[Shown]:
    """Return the points, in the order of the file; those that only variants add come last."""
    collapsed = {
        name: shown for group in profile.groups for name, shown in _names_of(profile, group)
    }
    rows: dict[str, Shown] = {}
    for point in profile.points:
        shown = collapsed.get(point.name, Shown(point.name, point.labels, point))
        rows.setdefault(shown.name, shown)
    return list(rows.values())


def _names_of(profile: ModbusProfile | MqttProfile, group: Group) -> Iterator[tuple[str, Shown]]:
    """Yield every point of a group by name, with the row that stands for it."""
    first, *others = group.repeat.instances
    which = _which(group.repeat)
    for stated in _stated_names(group):
        point = profile.find(group.point_name(first, stated))
        if point is None:
            continue
        labels = _labels(group, first, which, point)
        name = group.point_name(Instance(0, f"{{{which}}}", None), stated)
        shown = Shown(name, labels, point, _distance(group, point) if others else "")
        for instance in (first, *others):
            yield group.point_name(instance, stated), shown


def _stated_names(group: Group) -> list[str]:
    if isinstance(group, ModbusGroup):
        return [point.name for point in group.points]
    return [str(point["name"]) for point in getattr(group, "points", ())]


def _which(repeat: GroupRepeat) -> str:
    names = [instance.name for instance in repeat.instances]
    if repeat.count is None and len(names) <= NAMES_SHOWN_MAX:
        return ", ".join(names)
    return names[0] if len(names) == 1 else f"{names[0]}…{names[-1]}"


def _labels(group: Group, first: Instance, which: str, point: Point) -> Label:
    """Return the labels of the first instance with all numbers or names in its place."""
    if point.stated_labels is None:
        return point.labels
    # a sign that no label has, in the place of the point's own
    own = group.label(first, Label(zh="∎", en="∎"))
    every = group.label(Instance(0, which, None), Label(zh="∎", en="∎"))
    return Label(
        zh=_replaced(point.labels.zh, own.zh, every.zh),
        en=_replaced(point.labels.en, own.en, every.en),
    )


def _replaced(label: str, own: str, every: str) -> str:
    before, after = own.split("∎")
    text = label.removeprefix(before).removesuffix(after)
    return every.replace("∎", text)


def _distance(group: Group, point: Point) -> str:
    repeat = group.repeat
    times = f"{repeat.size} times"
    if not isinstance(point, ModbusPoint):
        return times
    part = point.read if point.read is not None else point.write
    if part is None:
        return times
    if repeat.bit_stride and part.bit is not None:
        return f"then every {repeat.bit_stride} bits, {times}"
    table = point.read.input_type if point.read is not None else Table.HOLDING
    return f"then every {repeat.stride_of(table)}, {times}"
