"""What the keys of an MQTT profile say of each other: captures, kinds of messages, names of codecs.

Each function yields mistakes that point at their key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pydantic import JsonValue
from pydantic_core import PydanticCustomError

from campus_wire.config_model import mistake_at
from campus_wire.suggest import suggest
from device_profiles.json_path import ROOT, JsonPath, parse_path
from device_profiles.model_codec import Codec
from device_profiles.model_message import Condition, MessageShape, Step
from device_profiles.model_mqtt import VALUE_MARK, MqttPlace, MqttPoint, MqttSection, MqttWrite
from device_profiles.references import reference_mistakes
from device_profiles.topics import captures

Mistakes = Iterator[PydanticCustomError]
Key = tuple[str | int, ...]

_HOLD_BYTES: Final = ("hex", "base64", "bytes")
_OFFERED: Final = ("lorawan", "object")
"""What an envelope adds to a document."""


def message_mistakes(section: MqttSection, points: Sequence[MqttPoint]) -> Mistakes:
    """Yield the mistakes of the section, then those of the points."""
    yield from _unknown_captures(section, points)
    yield from reference_mistakes(points)
    for key, shape in section.shapes():
        yield from _shape_mistakes(("mqtt", *key), shape)
    for index, point in enumerate(points):
        yield from _point_mistakes(("points", index), section, point)


# --- captures ------------------------------------------------------------------------------------


def _unknown_captures(section: MqttSection, points: Sequence[MqttPoint]) -> Mistakes:
    known = list(section.captures)
    for topic in section.topics:
        known += captures(topic)
    for key, text in (*_section_texts(section), *_point_texts(points)):
        for name in captures(text):
            if name not in known:
                message = f"{{{name}}} is not captured by the section's topic"
                meant = suggest(name, known)
                remedy = "" if meant else "name it in the section's captures"
                yield mistake_at(key, message, suggestion=meant, remedy=remedy)


Texts = Iterator[tuple[Key, str]]


def _section_texts(section: MqttSection) -> Texts:
    for index, availability in enumerate(section.availability):
        yield ("mqtt", "availability", index, "topic"), availability.topic
        if availability.path is not None:
            yield ("mqtt", "availability", index, "path"), availability.path
    for index, ask in enumerate(section.ask):
        yield ("mqtt", "ask", index, "topic"), ask.topic
        yield ("mqtt", "ask", index, "payload"), ask.payload
    for index, kind in enumerate(section.messages):
        if kind.topic is not None:
            yield ("mqtt", "messages", index, "topic"), kind.topic
    for at, shape in section.shapes():
        yield from _shape_texts(("mqtt", *at), shape)


def _shape_texts(key: Key, shape: MessageShape) -> Texts:
    yield from _condition_texts((*key, "when"), shape.when)
    yield from _step_texts(key, shape.steps)
    if shape.records is not None:
        if shape.records.path is not None:
            yield (*key, "records", "path"), shape.records.path
        yield from _step_texts((*key, "records"), shape.records.steps)
        if shape.records.time is not None:
            for one in shape.records.time.path:
                yield (*key, "records", "time", "path"), one
    if shape.time is not None:
        for one in shape.time.path:
            yield (*key, "time", "path"), one


def _point_texts(points: Sequence[MqttPoint]) -> Texts:
    for index, point in enumerate(points):
        if point.read is not None:
            yield from _place_texts(("points", index, "read"), point.read)
            for number, place in enumerate(point.read.also):
                yield from _place_texts(("points", index, "read", "also", number), place)
        if point.write is not None:
            if point.write.topic is not None:
                yield ("points", index, "write", "topic"), point.write.topic
            for text in template_texts(point.write.template):
                yield ("points", index, "write", "template"), text


def _place_texts(key: Key, place: MqttPlace) -> Texts:
    if place.topic is not None:
        yield (*key, "topic"), place.topic
    if place.path is not None:
        yield (*key, "path"), place.path
    yield from _condition_texts((*key, "when"), place.when)
    yield from _condition_texts((*key, "valid_when"), place.valid_when)
    yield from _step_texts(key, place.steps)
    if place.time is not None:
        for one in place.time.path:
            yield (*key, "time", "path"), one


def _condition_texts(key: Key, conditions: Iterable[Condition]) -> Texts:
    for index, condition in enumerate(conditions):
        yield (*key, index, "path"), condition.path
        for word in condition.equals or ():
            yield (*key, index, "equals"), word


def _step_texts(key: Key, steps: Iterable[Step]) -> Texts:
    for index, step in enumerate(steps):
        for name in ("path", "names", "values"):
            text = getattr(step, name)
            if text is not None:
                yield (*key, "steps", index, name), text


def template_texts(template: JsonValue) -> Iterator[str]:
    """Yield every text of a command's template, keys included."""
    if isinstance(template, str):
        yield template
    elif isinstance(template, list):
        for one in template:
            yield from template_texts(one)
    elif isinstance(template, dict):
        for name, one in template.items():
            yield name
            yield from template_texts(one)


# --- documents -----------------------------------------------------------------------------------


def _shape_mistakes(key: Key, shape: MessageShape) -> Mistakes:
    if shape.codec is not None and not _leads_to_bytes(shape):
        remedy = "use format hex, base64 or bytes, an envelope, or a last step as: hex or base64"
        yield mistake_at((*key, "codec"), "there are no bytes here", remedy=remedy)
    if shape.codec is not None and shape.codec.ports and shape.envelope is None:
        yield mistake_at((*key, "codec", "ports"), "only an envelope tells the port")
    if shape.envelope is not None and shape.steps:
        yield mistake_at((*key, "steps"), "the envelope leads to the bytes")


def _leads_to_bytes(shape: MessageShape) -> bool:
    if shape.envelope is not None:
        return True
    if shape.steps:
        return shape.steps[-1].to in ("hex", "base64")
    return shape.format in _HOLD_BYTES


def _point_mistakes(key: Key, section: MqttSection, point: MqttPoint) -> Mistakes:
    if point.interval_s is not None:
        yield mistake_at((*key, "interval_s"), "such a device speaks when it wants to")
    if point.read is not None:
        yield from _place_mistakes((*key, "read"), section, point.read)
        for number, place in enumerate(point.read.also):
            yield from _place_mistakes((*key, "read", "also", number), section, place)
    if point.write is not None:
        yield from _write_mistakes((*key, "write"), section, point.write)


def _place_mistakes(key: Key, section: MqttSection, place: MqttPlace) -> Mistakes:
    shape: MessageShape | None = section if place.topic is None else None
    if place.message is not None:
        shape = section.kind(place.message)
        if shape is None:
            names = [kind.name for kind in section.messages]
            message = f"there is no message {place.message}"
            meant = suggest(place.message, names)
            yield mistake_at((*key, "message"), message, suggestion=meant)
            return
    if shape is None:
        return
    if place.path is None:
        if _is_document(shape):
            yield mistake_at((*key, "path"), "is needed to say which value of the message")
    elif shape.codec is not None:
        yield from _name_mistakes((*key, "path"), place.path, shape.codec, shape)


def _is_document(shape: MessageShape) -> bool:
    """Say whether the message is more than a text that can be a value itself."""
    is_text = shape.format in ("json", "text") and shape.envelope is None
    return not is_text or bool(shape.steps) or shape.records is not None


def _name_mistakes(key: Key, path: JsonPath, codec: Codec, shape: MessageShape) -> Mistakes:
    first = parse_path(path)[0]
    known = [*codec_names(codec), *(_OFFERED if shape.envelope is not None else ())]
    if codec.cayenne_lpp or first == ROOT or "{" in path or not isinstance(first, str):
        return
    if first not in known:
        message = f"the codec has no field {first}"
        yield mistake_at(key, message, suggestion=suggest(first, known))


def codec_names(codec: Codec) -> tuple[str, ...]:
    """Return the names of everything a codec makes, but for those of Cayenne LPP."""
    fields = [*codec.fields, *(codec.records.fields if codec.records is not None else ())]
    if codec.tlv is not None:
        fields += [field for entry in codec.tlv.entries for field in entry.all_fields]
    return tuple(name for field in fields for name in field.names)


def _write_mistakes(key: Key, section: MqttSection, write: MqttWrite) -> Mistakes:
    if write.downlink is not None and section.envelope is None:
        yield mistake_at((*key, "downlink"), "goes with envelope: lorawan")
    if write.downlink is not None and write.encode is None:
        yield mistake_at((*key, "encode"), "is needed to say what the bytes of the frame are")
    if write.encode is not None and write.encode.write_as == "bytes":
        if write.downlink is not None:
            yield mistake_at((*key, "encode", "as"), "a downlink carries base64")
        elif write.template != VALUE_MARK:
            yield mistake_at((*key, "template"), f"bytes can only be all of it: {VALUE_MARK}")


__all__ = ["codec_names", "message_mistakes", "template_texts"]
