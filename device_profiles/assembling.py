"""A profile put together from its file: groups written out, variants made, everything checked.

Only who loads files needs this; a gateway at work is handed profiles that are put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from campus_wire.config_model import mistake_at, raise_all
from device_profiles.expanding import expand_modbus
from device_profiles.expanding_mqtt import INSTANCE_MARKS, expand_mqtt
from device_profiles.fitting import Mistakes, in_the_file, point_mistakes
from device_profiles.fitting_variants import (
    added_mistakes,
    plain_mistakes,
    selector_mistakes,
    variant_mistakes,
)
from device_profiles.making_effects import effects_of
from device_profiles.model_groups import POINTS_MAX, ModbusGroup, MqttGroup
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_mqtt import MqttPoint, MqttSection
from device_profiles.model_point import Point
from device_profiles.model_section import ModbusSection
from device_profiles.model_variants import Variant
from device_profiles.mqtt_checks import message_mistakes
from device_profiles.placing import Placed
from device_profiles.topics import captures
from device_profiles.variant_effects import Effect

P = TypeVar("P", bound=Point)


def assemble_modbus(
    section: ModbusSection,
    points: Sequence[ModbusPoint],
    groups: Sequence[ModbusGroup],
    variants: Sequence[Variant],
) -> tuple[tuple[ModbusPoint, ...], tuple[Effect, ...]]:
    """Return the points of every device, groups written out, and what the variants do.

    Raises:
        PydanticCustomError: with all mistakes, for a validator of the profile.
    """
    placed = _some(expand_modbus(points, groups))
    found = plain_mistakes(section, placed)
    made = effects_of(variants, placed.points, section)
    found += made.mistakes
    by_name = {point.name: point for point in placed.points}
    found += in_the_file(selector_mistakes(by_name, groups, variants), placed)
    found += added_mistakes(placed.points, variants)
    added = sum(len(variant.add) for variant in variants)
    if len(placed.points) + added > POINTS_MAX:
        message = f"make more than {POINTS_MAX:,} points with the others"
        found.append(mistake_at(("variants",), message))
    if not found:
        found += variant_mistakes(section, placed, made)
    raise_all(found)
    return tuple(placed.points), tuple(made.effects)


def assemble_mqtt(
    section: MqttSection, points: Sequence[MqttPoint], groups: Sequence[MqttGroup]
) -> tuple[MqttPoint, ...]:
    """Return all points, groups written out.

    Raises:
        PydanticCustomError: with all mistakes, for a validator of the profile.
    """
    placed = _some(expand_mqtt(points, groups))
    found = [*point_mistakes(placed.points), *message_mistakes(section, placed.points)]
    marks = list(_mark_mistakes(section)) if groups else []
    raise_all([*in_the_file(found, placed), *marks])
    return tuple(placed.points)


def _some(placed: Placed[P]) -> Placed[P]:
    raise_all(in_the_file(placed.mistakes, placed))
    if not placed.points:
        raise mistake_at(("points",), "missing", remedy="a profile has at least one point")
    return placed


def _mark_mistakes(section: MqttSection) -> Mistakes:
    for name in INSTANCE_MARKS:
        if any(name in captures(topic) for topic in section.topics) or name in section.captures:
            message = f"{{{name}}} stands for the instance of a group here"
            yield mistake_at(("mqtt", "topic"), message, remedy="give the capture another name")
