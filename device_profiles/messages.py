"""MQTT messages into readings, and values into command messages.

A `MessageDecoder` knows the topics of one device and decodes what arrives on them. A message that
lacks a point says nothing about it: devices send partial updates. Null says that the device has no
value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson
from pydantic import JsonValue

from campus_wire.quality import Quality
from device_profiles.errors import MessageRefusedError, WriteRefusedError
from device_profiles.json_path import ABSENT, Step, look_up, parse_path
from device_profiles.model import MqttProfile
from device_profiles.model_mqtt import VALUE_MARK, Availability, MqttPoint, MqttRead, MqttWrite
from device_profiles.reading import Reading
from device_profiles.scaling import Bounds, Linear
from device_profiles.topics import captures, compile_pattern, fill
from device_profiles.writing import allowed_write

PAYLOAD_BYTES_MAX: Final = 64 * 1024
DEPTH_MAX: Final = 32
TEXT_CHARS_MAX: Final = 200
"""Longer words stand for no value."""

__all__ = [
    "MessageDecoder",
    "Reading",
    "decode_message",
    "encode_message_command",
    "topic_parameters",
]

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NOT_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[^"\[\]{}]+', re.DOTALL)


class _Source(NamedTuple):
    """How one point is read from the payloads of its topic."""

    point: str
    steps: tuple[Step, ...] | None
    words: Mapping[str, float]
    markers: frozenset[object]
    linear: Linear
    bounds: Bounds


class MessageDecoder:
    """Decodes the messages of one device.

    Args:
        profile: of the device.
        topic_parameters: what stands for the captures of its topics.

    Raises:
        TopicParameterError: a parameter is missing.
    """

    def __init__(self, profile: MqttProfile, topic_parameters: Mapping[str, str]) -> None:
        self._sources: dict[str, list[_Source]] = {}
        self._availability: dict[str, Availability] = {
            fill(one.topic, topic_parameters): one for one in profile.mqtt.availability
        }
        self._points = tuple(point.name for point in profile.points if point.is_readable)
        for point in profile.points:
            if point.read is not None:
                topic = fill(point.read.topic or profile.mqtt.topic, topic_parameters)
                self._sources.setdefault(topic, []).append(_source(point, point.read))

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to subscribe to."""
        return tuple(dict.fromkeys((*self._sources, *self._availability)))

    def decode(self, topic: str, payload: bytes) -> list[Reading]:
        """Return what a message says, possibly nothing.

        Word that the device is offline makes all its points bad; word that it is online says
        nothing, as values follow.

        Raises:
            MessageRefusedError: the topic is not of this device, or the payload cannot be read.
        """
        sources = self._sources.get(topic)
        availability = self._availability.get(topic)
        if sources is None and availability is None:
            raise MessageRefusedError("topic", "is no topic of this device", place=topic[:200])
        if len(payload) > PAYLOAD_BYTES_MAX:
            message = f"{len(payload)} bytes, where {PAYLOAD_BYTES_MAX} are allowed"
            raise MessageRefusedError("too_large", message, place=topic)
        if availability is not None:
            return self._offline(availability, topic, payload)
        return _read(sources or [], topic, payload)

    def _offline(self, availability: Availability, topic: str, payload: bytes) -> list[Reading]:
        if _availability_word(availability, topic, payload) != availability.offline:
            return []
        return [Reading(point, None, Quality.DEVICE_OFFLINE) for point in self._points]


def decode_message(profile: MqttProfile, topic: str, payload: bytes) -> list[Reading]:
    """Decode a single message of whichever device of this profile its topic names.

    Raises:
        MessageRefusedError: as `MessageDecoder.decode` does.
    """
    parameters = topic_parameters(profile, topic)
    if parameters is None:
        raise MessageRefusedError("topic", "is no topic of this profile", place=topic[:200])
    return MessageDecoder(profile, parameters).decode(topic, payload)


def topic_parameters(profile: MqttProfile, topic: str) -> dict[str, str] | None:
    """Return what the captures of a topic of this profile stand for, or None for another topic."""
    for pattern in _patterns(profile):
        match = compile_pattern(pattern).fullmatch(topic)
        if match is not None and set(captures(pattern)) == set(profile.topic_parameters):
            return match.groupdict()
    return None


def encode_message_command(
    profile: MqttProfile, point: MqttPoint, value: float, topic_parameters: Mapping[str, str]
) -> tuple[str, bytes]:
    """Return topic and payload of the message that writes a value.

    Raises:
        WriteRefusedError: the profile does not allow it.
        TopicParameterError: a parameter is missing.
    """
    allowed_write(profile, point, value)
    write = point.write
    if write is None:
        raise WriteRefusedError("read_only", "cannot be written", place=point.name)
    word: JsonValue = next((word for word, one in write.values.items() if one == value), None)
    if word is None and write.values:
        known = ", ".join(f"{one:g}" for one in write.values.values())
        message = f"there is no word for {value:g}"
        raise WriteRefusedError("not_a_state", message, place=point.name, remedy=f"one of {known}")
    sent = _json_word(word) if isinstance(word, str) else _plain_number(write, value)
    topic = fill(write.topic, topic_parameters)
    if write.template == VALUE_MARK:
        return topic, _as_text(sent).encode()
    return topic, orjson.dumps(_filled(write.template, sent))


def _patterns(profile: MqttProfile) -> list[str]:
    patterns = [one.topic for one in profile.mqtt.availability]
    patterns += [point.read.topic for point in profile.points if point.read and point.read.topic]
    return [*patterns, profile.mqtt.topic]


def _source(point: MqttPoint, read: MqttRead) -> _Source:
    return _Source(
        point=point.name,
        steps=None if read.path is None else parse_path(read.path),
        words=read.values or {"true": 1, "false": 0},
        markers=frozenset(read.nan_value),
        linear=Linear.of(read.scale, read.offset),
        bounds=Bounds.of(point.minimum, point.maximum, frozenset(point.states)),
    )


def _read(sources: Iterable[_Source], topic: str, payload: bytes) -> list[Reading]:
    document: Any = ABSENT
    readings: list[Reading] = []
    for source in sources:
        if source.steps is None:
            found: Any = _text(topic, payload)
        else:
            if document is ABSENT:
                document = _parse(topic, payload)
            found = look_up(document, source.steps)
        if found is not ABSENT:
            readings.append(_reading(source, found))
    return readings


def _reading(source: _Source, found: Any) -> Reading:
    value, quality = _value(source, found)
    if value is not None:
        quality = source.bounds.judge(value)
        value = None if quality is Quality.OUT_OF_RANGE else value
    return Reading(source.point, value, quality)


def _value(source: _Source, found: Any) -> tuple[float | None, Quality]:
    """Return the number that a piece of a payload stands for."""
    if found is None or (not isinstance(found, bool | dict | list) and found in source.markers):
        return None, Quality.INVALID_MARKER
    word = _word(found)
    if word is not None and word in source.words:
        return source.words[word], Quality.GOOD
    number = _number(found)
    if number is None:
        return None, Quality.UNDECODABLE
    if isinstance(number, int):
        return source.linear.of_int(number), Quality.GOOD
    return source.linear.of_float(number), Quality.GOOD


def _word(found: Any) -> str | None:
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else None


def _number(found: Any) -> float | None:
    if isinstance(found, str):
        text = found.strip()
        if len(text) > TEXT_CHARS_MAX or not _NUMBER.fullmatch(text):
            return None
        found = int(text) if text.lstrip("+-").isdecimal() and len(text) < 16 else float(text)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return found


def _text(topic: str, payload: bytes) -> str:
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise MessageRefusedError("not_text", "is not UTF-8 text", place=topic) from None


def _parse(topic: str, payload: bytes) -> Any:
    # only what holds many brackets can be deep, and only then is it worth a look
    if payload.count(b"[") + payload.count(b"{") > DEPTH_MAX:
        _check_depth(topic, payload)
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise MessageRefusedError("not_json", f"is not JSON: {error}", place=topic) from None


def _check_depth(topic: str, payload: bytes) -> None:
    depth = 0
    for bracket in _NOT_BRACKETS.sub(b"", payload):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            message = f"is nested deeper than {DEPTH_MAX} levels"
            raise MessageRefusedError("too_deep", message, place=topic)


def _availability_word(availability: Availability, topic: str, payload: bytes) -> str:
    if availability.path is not None and payload.lstrip()[:1] == b"{":
        found = look_up(_parse(topic, payload), parse_path(availability.path))
        return _word(found) or str(found)
    return _text(topic, payload)


def _json_word(word: str) -> JsonValue:
    return {"true": True, "false": False}.get(word, word)


def _plain_number(write: MqttWrite, value: float) -> JsonValue:
    raw = Linear.of(write.scale, write.offset).raw_of(value)
    return int(raw) if raw.denominator == 1 else float(raw)


def _as_text(sent: JsonValue) -> str:
    return sent if isinstance(sent, str) else orjson.dumps(sent).decode()


def _filled(template: JsonValue, sent: JsonValue) -> JsonValue:
    if isinstance(template, dict):
        return {key: _filled(one, sent) for key, one in template.items()}
    if isinstance(template, list):
        return [_filled(one, sent) for one in template]
    return sent if template == VALUE_MARK else template
