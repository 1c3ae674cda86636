"""Groups of MQTT points written out: every instance with its own number in topics and paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue, ValidationError
from pydantic_core import to_json

from campus_wire.config_mistakes import errors_below
from campus_wire.config_model import mistake_at
from device_profiles.model_groups import Instance, MqttGroup
from device_profiles.model_mqtt import MqttPoint
from device_profiles.placing import Key, Placed, place, stated
from device_profiles.renaming import renamed

INSTANCE_MARKS: Final = ("n", "i")
"""In braces: the number or name of an instance, and its position."""


def expand_mqtt(points: Sequence[MqttPoint], groups: Sequence[MqttGroup]) -> Placed[MqttPoint]:
    """Return the points of an MQTT profile, groups written out after the others."""
    placed = stated(points, groups)
    if placed.mistakes:
        return placed
    for number, group in enumerate(groups):
        for name in ("stride", "bit_stride"):
            if name in group.repeat.model_fields_set:
                message = "belongs to registers; write {n} or {i} into topics and paths"
                placed.mistakes.append(mistake_at(("groups", number, "repeat", name), message))
        for name in ("count_from", "present_from"):
            if name in group.model_fields_set:
                message = "belongs to registers; messages lack what is not there"
                placed.mistakes.append(mistake_at(("groups", number, name), message))
        _expand(placed, ("groups", number, "points"), group)
    return placed


def _expand(placed: Placed[MqttPoint], key: tuple[Key, ...], group: MqttGroup) -> None:
    for instance in group.repeat.instances:
        made: list[tuple[int, MqttPoint]] = []
        for index, raw in enumerate(group.points):
            point = _checked(placed, (*key, index), _filled(raw, instance))
            if point is not None:
                made.append((index, point))
        if len(made) < len(group.points):
            return  # every other instance has the same mistakes
        names = {one.name: group.point_name(instance, one.name) for _, one in made}
        placed.siblings[key[:2]] = tuple(names)
        for index, point in made:
            place(placed, (*key, index), group, instance, renamed(point, names))


def _checked(
    placed: Placed[MqttPoint], key: tuple[Key, ...], plain: dict[str, JsonValue]
) -> MqttPoint | None:
    try:
        return MqttPoint.model_validate_json(to_json(plain))
    except ValidationError as error:
        placed.mistakes += errors_below(MqttPoint, plain, error, key=key)
        return None


def _filled(raw: dict[str, JsonValue], instance: Instance) -> dict[str, JsonValue]:
    return {
        key: _with_marks(value, instance) if key in ("read", "write") else value
        for key, value in raw.items()
    }


def _with_marks(value: JsonValue, instance: Instance) -> JsonValue:
    if isinstance(value, str):
        return value.replace("{n}", instance.name).replace("{i}", str(instance.position))
    if isinstance(value, list):
        return [_with_marks(one, instance) for one in value]
    if isinstance(value, dict):
        return {
            str(_with_marks(key, instance)): _with_marks(one, instance)
            for key, one in value.items()
        }
    return value
