"""Points and where each stands in the file; the common part of writing groups out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from pydantic_core import PydanticCustomError

from campus_wire.config_model import mistake_at
from campus_wire.ids import POINT_PATTERN
from campus_wire.limits import LABEL_CHARS_MAX
from device_profiles.copies import copied
from device_profiles.model_groups import POINTS_MAX, Group, Instance, ModbusGroup, MqttGroup
from device_profiles.model_point import Point

Key = str | int
P = TypeVar("P", bound=Point)
_POINT_NAME: Final = re.compile(POINT_PATTERN)


@dataclass(slots=True)
class Placed(Generic[P]):
    """Points, with the place of each in the file, and what is wrong with them."""

    points: list[P] = field(default_factory=list)
    keys: list[tuple[Key, ...]] = field(default_factory=list)
    mistakes: list[PydanticCustomError] = field(default_factory=list)
    siblings: dict[tuple[Key, ...], tuple[str, ...]] = field(default_factory=dict)
    """The names that points of a group have in the file, by the key of the group."""

    def add(self, point: P, key: tuple[Key, ...]) -> None:
        """Take one point."""
        self.points.append(point)
        self.keys.append(key)


def stated(points: Sequence[P], groups: Sequence[ModbusGroup | MqttGroup]) -> Placed[P]:
    """Return the points outside of groups; a mistake says when groups make too many of them."""
    placed: Placed[P] = Placed()
    for index, point in enumerate(points):
        placed.add(point, ("points", index))
    size = len(points)
    for number, group in enumerate(groups):
        size += group.repeat.size * len(group.points)
        if size > POINTS_MAX:
            message = f"makes {size:,} points; a profile may hold {POINTS_MAX:,}"
            placed.mistakes.append(mistake_at(("groups", number, "repeat"), message))
            break
    return placed


def place(
    placed: Placed[P], key: tuple[Key, ...], group: Group, instance: Instance, point: P
) -> None:
    """Take a point under the name and label of its instance."""
    name = group.point_name(instance, point.name)
    if _POINT_NAME.fullmatch(name) is None:
        message = f"{name} is no name: snake case, at most 64 characters"
        placed.mistakes.append(mistake_at((*key, "name"), message))
        return
    changes: dict[str, object] = {"name": name}
    if point.stated_labels is not None:
        longest = max(len(point.labels.zh), len(point.labels.en))
        if longest + _label_room(group, instance) > LABEL_CHARS_MAX:
            message = f"is longer than {LABEL_CHARS_MAX} characters with the group's"
            placed.mistakes.append(mistake_at((*key, "labels"), message))
            return
        changes["stated_labels"] = group.label(instance, point.labels)
    placed.add(copied(point, changes), key)


def _label_room(group: Group, instance: Instance) -> int:
    parts = [one for one in (group.labels, instance.label) if one is not None]
    return sum(max(len(one.zh), len(one.en)) + 1 for one in parts) + len(instance.name) + 1
