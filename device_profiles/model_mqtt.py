"""Where a point stands in the messages of an MQTT device, and how commands to it look."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    WithJsonSchema,
    model_validator,
)

from campus_wire.config_model import ConfigModel, mistake_at
from device_profiles.json_path import JsonPath
from device_profiles.model_modbus import Scale
from device_profiles.model_point import Finite, Point, WriteLimits
from device_profiles.topics import TopicPattern

VALUE_MARK: Final = "$value"
"""Stands in a command's template where the value goes."""

Word = Annotated[str, Field(max_length=200)]
"""A word of a payload; true, false and null are written as words too."""
TEMPLATE_DEPTH_MAX: Final = 8


def _as_tuple(value: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str | int | float) else value


def _bounded(template: JsonValue) -> JsonValue:
    if _count_marks(template, TEMPLATE_DEPTH_MAX) != 1:
        raise ValueError(f"must hold {VALUE_MARK} exactly once")
    return template


def _count_marks(template: JsonValue, depth: int) -> int:
    if depth == 0:
        raise ValueError(f"is nested deeper than {TEMPLATE_DEPTH_MAX} levels")
    if isinstance(template, dict):
        return sum(_count_marks(one, depth - 1) for one in template.values())
    if isinstance(template, list):
        return sum(_count_marks(one, depth - 1) for one in template)
    return int(template == VALUE_MARK)


_ONE_MARKER: Final = {"anyOf": [{"type": "string"}, {"type": "number"}]}
_ONE_OR_MORE_MARKERS: Final = {
    "anyOf": [*_ONE_MARKER["anyOf"], {"type": "array", "items": _ONE_MARKER, "maxItems": 16}]
}
Markers = Annotated[
    tuple[Word | int | float, ...],
    BeforeValidator(_as_tuple),
    Field(max_length=16),
    WithJsonSchema(_ONE_OR_MORE_MARKERS),
]


class MqttRead(ConfigModel):
    """Where and how a point is read: `value = number * scale + offset`."""

    topic: TopicPattern | None = None
    """The section's topic when left out."""
    path: JsonPath | None = None
    """Into the JSON document; when left out the whole payload is the value, as plain text."""
    values: dict[Word, Finite] = Field(default_factory=dict, max_length=256)
    """What words mean: `{open: 1, closed: 0, true: 1}`. Numbers need none, nor text such as
    "37.00"; without `values`, true is 1 and false is 0."""
    scale: Scale = 1.0
    offset: Finite = 0.0
    nan_value: Markers = ()
    """Words or numbers by which the device says it has no value; null always says so."""


class MqttWrite(WriteLimits):
    """The message that writes a point."""

    topic: TopicPattern
    template: Annotated[JsonValue, AfterValidator(_bounded)]
    """JSON with `$value` in the place of the value; just `$value` sends it as plain text."""
    values: dict[Word, Finite] = Field(default_factory=dict, max_length=256)
    """The word to send for a number: `{"ON": 1, "OFF": 0}`."""
    scale: Scale = 1.0
    offset: Finite = 0.0
    qos: Literal[0, 1, 2] = 1


class MqttPoint(Point):
    """A point of an MQTT device."""

    read: MqttRead | None = None
    write: MqttWrite | None = None


class Availability(ConfigModel):
    """A topic that tells whether the device is there."""

    topic: TopicPattern
    path: JsonPath | None = None
    """Into the payload where that is a JSON object; other payloads are taken as plain text."""
    online: Word = "online"
    offline: Word = "offline"

    @model_validator(mode="after")
    def _two_words(self) -> Self:
        if self.online == self.offline:
            raise mistake_at(("offline",), "is the same word as online")
        return self


class MqttSection(ConfigModel):
    """What the messages of the device have in common."""

    topic: TopicPattern
    """With captures for what tells devices apart: `zigbee2mqtt/{friendly_name}`."""
    availability: tuple[Availability, ...] = Field((), max_length=4)
