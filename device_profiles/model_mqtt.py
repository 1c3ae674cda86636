"""Where a point stands in the messages of an MQTT device, and how commands to it look."""

from __future__ import annotations

from collections.abc import Iterator
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
from campus_wire.ids import PointName
from device_profiles.json_path import JsonPath
from device_profiles.model_codec import Downlink, Encode
from device_profiles.model_message import (
    Conditions,
    Decimal,
    MessageShape,
    MessageTime,
    Steps,
    Word,
    Words,
    as_word,
)
from device_profiles.model_numbers import Finite, Scale
from device_profiles.model_point import Point, WriteLimits
from device_profiles.topics import TopicFilter, TopicPattern

VALUE_MARK: Final = "$value"
"""Stands in a command's template where the value goes."""
TEMPLATE_DEPTH_MAX: Final = 8
LORAWAN_TOPICS: Final = (
    "application/{application}/device/{dev_eui}/event/+",
    "v3/{application}/devices/{device_id}/up",
)
"""ChirpStack v3 and v4; The Things Stack, whose `application` is `app1@tenant`."""
_LAST_KIND: Final = 32


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
    return template.count(VALUE_MARK) if isinstance(template, str) else 0


def _word_keys(values: object) -> object:
    if isinstance(values, dict):
        return {as_word(key): value for key, value in values.items()}
    return values


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
WordValues = Annotated[dict[Word, Finite], BeforeValidator(_word_keys), Field(max_length=256)]


class MqttPlace(ConfigModel):
    """Where and how a point is read: `value = number * scale + offset`."""

    topic: TopicFilter | None = None
    """The section's topic when left out."""
    message: PointName | None = None
    """The name of one of the section's `messages`."""
    path: JsonPath | None = None
    """Into the document; when left out the whole payload is the value, as plain text."""
    steps: Steps = ()
    """From what stands at the path to the value: other notations, further paths."""
    when: Conditions = ()
    """The point stands there only in such messages."""
    values: WordValues = Field(default_factory=dict)
    """What words mean: `{open: 1, closed: 0, true: 1}`. Numbers need none, nor text such as
    "37.00"; without `values`, true is 1 and false is 0."""
    other_values: Finite | None = None
    """What every word or number that is not in `values` means."""
    valid_when: Conditions = ()
    """In other messages the value is there, but invalid: a fault flag or quality beside it."""
    time: MessageTime | None = None
    """When this value was measured, where it has a time of its own in the message."""
    decimal: Decimal | None = None
    """The value is text with a number in it and perhaps a unit, `23.5 °C`: which sign stands before
    the decimals."""
    bit: Annotated[int, Field(ge=0, le=63)] | None = None
    """Bits of a whole number: the lowest one, counted from the least significant as 0."""
    bit_count: Annotated[int, Field(ge=1, le=63)] = 1
    scale: Scale = 1.0
    offset: Finite = 0.0
    nan_value: Markers = ()
    """Words or numbers by which the device says it has no value; null always says so."""

    @model_validator(mode="after")
    def _one_message(self) -> Self:
        if self.topic is not None and self.message is not None:
            raise mistake_at(("message",), "has a topic of its own")
        return self


class MqttRead(MqttPlace):
    """How a point is read."""

    data_type: Literal["number", "string", "int8", "int16", "int32"] = "number"
    """`string`: the point is a text (a badge, a serial number), also where it looks like a number.
    Telemetry is numbers: a text travels as an event. `int16`: a whole number that was sent without
    its sign, 65531 for -5; so `int8` and `int32`."""
    on_change: bool = False
    """Of a text: the device repeats it with every message, so it is only told when it changes."""
    absent_value: Finite | None = None
    """The value when a message that could hold the point does not: some makers leave out 0, false
    and empty ones."""
    also: tuple[MqttPlace, ...] = Field((), max_length=16)
    """Further places of the same point: another topic, another path. Keys that are not given there
    (but `topic`, `message`, `path`, `steps`, `when`, `valid_when` and `time`) are those here."""

    @property
    def places(self) -> tuple[MqttPlace, ...]:
        """Every place where the point stands, with all its keys."""
        shared = {
            name: getattr(self, name)
            for name in MqttPlace.model_fields
            if name in self.model_fields_set and name not in _OF_ONE_PLACE
        }
        further = (
            one.model_copy(
                update={k: v for k, v in shared.items() if k not in one.model_fields_set}
            )
            for one in self.also
        )
        return (self, *further)

    @model_validator(mode="after")
    def _texts_are_no_numbers(self) -> Self:
        if self.data_type == "string":
            numeric = ("values", "other_values", "decimal", "bit", "scale", "offset", "valid_when")
            for name in (*numeric, "absent_value"):
                if name in self.model_fields_set:
                    raise mistake_at((name,), "goes with numbers, not with data_type: string")
        elif self.on_change:
            raise mistake_at(("on_change",), "goes with data_type: string")
        return self


_OF_ONE_PLACE: Final = frozenset(
    {"topic", "message", "path", "steps", "when", "valid_when", "time"}
)


class MqttWrite(WriteLimits):
    """The message that writes a point."""

    topic: TopicPattern | None = None
    """May be left out with `downlink`."""
    template: Annotated[JsonValue, AfterValidator(_bounded)] = VALUE_MARK
    """JSON with `$value` in the place of the value; just `$value` sends it as plain text. Texts may
    hold captures, and `$value` among other text."""
    values: WordValues = Field(default_factory=dict)
    """The word to send for a number: `{"ON": 1, "OFF": 0}`; with `encode`, whole frames in
    hexadecimal: `{"080100FF": 1, "080000FF": 0}`."""
    scale: Scale = 1.0
    offset: Finite = 0.0
    encode: Encode | None = None
    """The value is sent as bytes."""
    downlink: Downlink | None = None
    """A LoRaWAN downlink: topic and template are those of the network server."""
    qos: Literal[0, 1, 2] = 1

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.downlink is not None:
            for name in ("topic", "template"):
                if name in self.model_fields_set:
                    raise mistake_at((name,), "is the network server's: leave it out")
        elif self.topic is None:
            raise mistake_at(("topic",), "is missing")
        elif "template" not in self.model_fields_set:
            raise mistake_at(("template",), "is missing")
        if self.encode is not None:
            for word in self.values:
                try:
                    bytes.fromhex(word)
                except ValueError:
                    message = f"{word!r} is no frame in hexadecimal"
                    raise mistake_at(("values", word), message) from None
        return self


class MqttPoint(Point):
    """A point of an MQTT device."""

    read: MqttRead | None = None
    write: MqttWrite | None = None


class Availability(ConfigModel):
    """A topic that tells whether the device is there."""

    topic: TopicFilter
    path: JsonPath | None = None
    """Into the payload where that is a JSON object; other payloads are taken as plain text."""
    online: Words = ("online",)
    """One word or several."""
    offline: Words = ("offline",)

    @model_validator(mode="after")
    def _different_words(self) -> Self:
        if set(self.online) & set(self.offline):
            raise mistake_at(("offline",), "is the same word as online")
        return self


class Ask(ConfigModel):
    """A message that makes the device speak."""

    topic: TopicPattern
    payload: Annotated[str, Field(max_length=1_000)] = ""
    """As it is sent; captures are filled in."""
    every_s: Annotated[float, Field(ge=10, le=86_400, allow_inf_nan=False)] | None = None
    """Sent again and again; without it, once after each connection to the broker."""


class MessageKind(MessageShape):
    """Messages of a kind of their own; points name it in `read.message`."""

    name: PointName
    topic: TopicFilter | None = None
    """The section's topic when left out: then `when`, or the codec, tells the kinds apart."""


class MqttSection(MessageShape):
    """What the messages of the device have in common."""

    topic: TopicFilter = LORAWAN_TOPICS[0]
    """With captures for what tells devices apart: `zigbee2mqtt/{friendly_name}`. May be left out
    with `envelope: lorawan`."""
    other_topics: Annotated[tuple[TopicFilter, ...], Field(max_length=8)] = ()
    """In place of `topic` where the configuration gives their captures instead."""
    captures: Annotated[tuple[PointName, ...], Field(max_length=8)] = ()
    """Further captures, which stand in paths and conditions only: many devices on one topic."""
    availability: tuple[Availability, ...] = Field((), max_length=4)
    ask: Annotated[tuple[Ask, ...], Field(max_length=4)] = ()
    """What the device wants to be sent before it speaks, or goes on speaking."""
    messages: tuple[MessageKind, ...] = Field((), max_length=_LAST_KIND)
    """Messages of further kinds."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topic, and those that may stand in its place."""
        if self.envelope is not None and "topic" not in self.model_fields_set:
            return (*LORAWAN_TOPICS, *self.other_topics)
        return (self.topic, *self.other_topics)

    @model_validator(mode="after")
    def _has_topics_and_names(self) -> Self:
        if self.envelope is None and "topic" not in self.model_fields_set:
            raise mistake_at(("topic",), "is missing")
        seen: set[str] = set()
        for index, kind in enumerate(self.messages):
            if kind.name in seen:
                raise mistake_at(("messages", index, "name"), f"{kind.name} is given twice")
            seen.add(kind.name)
        return self

    def kind(self, name: str) -> MessageKind | None:
        """Return the further kind of that name, or None."""
        return next((one for one in self.messages if one.name == name), None)

    def shapes(self) -> Iterator[tuple[tuple[str | int, ...], MessageShape]]:
        """Yield the section itself and every further kind, each with its key."""
        yield (), self
        for index, kind in enumerate(self.messages):
            yield ("messages", index), kind
