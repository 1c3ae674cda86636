"""MQTT messages into readings, and values into command messages.

A `MessageDecoder` knows the topics of one device and decodes what arrives on them. A message that
lacks a point says nothing about it: devices send partial updates. Null says that the device has no
value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from campus_wire.quality import Quality
from device_profiles.errors import MessageRefusedError
from device_profiles.json_depth import DEPTH_MAX
from device_profiles.json_path import as_word, fill_path, look_up, parse_path
from device_profiles.message_commands import encode_message_command
from device_profiles.message_kinds import Kind
from device_profiles.message_payload import Message
from device_profiles.message_values import Source, prepare_source
from device_profiles.model import MqttProfile
from device_profiles.model_message import MessageShape
from device_profiles.model_mqtt import Availability, MqttSection
from device_profiles.reading import Reading, Saying, TextReading
from device_profiles.references import in_order_of_inputs
from device_profiles.topics import captures, compile_pattern, fill, fill_text, matches

if TYPE_CHECKING:
    from device_profiles.combining import Computed

PAYLOAD_BYTES_MAX: Final = 64 * 1024

__all__ = [
    "DEPTH_MAX",
    "PAYLOAD_BYTES_MAX",
    "Message",
    "MessageDecoder",
    "Reading",
    "Request",
    "Saying",
    "TextReading",
    "decode_message",
    "encode_message_command",
    "topic_parameters",
]


class Request(NamedTuple):
    """A message that makes a device speak."""

    topic: str
    payload: bytes
    every_s: float | None
    """None: once after each connection."""


class _Heard(NamedTuple):
    """What one topic is for."""

    availability: Availability | None
    kinds: list[Kind]


class MessageDecoder:
    """Decodes the messages of one device.

    Args:
        profile: of the device.
        topic_parameters: what stands for the captures of its topics and paths.

    Raises:
        TopicParameterError: a parameter is missing.
    """

    def __init__(self, profile: MqttProfile, topic_parameters: Mapping[str, str]) -> None:
        section = profile.mqtt
        self._parameters = dict(topic_parameters)
        self._own_topic = fill(_topic_in_use(section, topic_parameters), topic_parameters)
        self._points = tuple(
            point.name for point in profile.points if point.is_readable and not point.is_text
        )
        self._topics: dict[str, _Heard] = {}
        for topic, kind in self._kinds(profile):
            self._topics.setdefault(topic, _Heard(None, [])).kinds.append(kind)
        for one in section.availability:
            topic = fill(one.topic, topic_parameters)
            read = self._topics[topic].kinds if topic in self._topics else []
            self._topics[topic] = _Heard(one, read)
        self._computed = _computed(profile)
        self._quick = {
            topic: heard.kinds[0]
            for topic, heard in self._topics.items()
            if heard.availability is None
            and len(heard.kinds) == 1
            and heard.kinds[0].is_quick
            and not self._computed
        }
        self._filters = [topic for topic in self._topics if "+" in topic]
        self._shares_topics = bool(section.captures)
        self._requests = tuple(
            Request(
                fill(ask.topic, topic_parameters),
                fill_text(ask.payload, topic_parameters).encode(),
                ask.every_s,
            )
            for ask in section.ask
        )

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to subscribe to; some may be filters with `+` levels."""
        return tuple(self._topics)

    @property
    def requests(self) -> tuple[Request, ...]:
        """What the device is to be sent so that it speaks."""
        return self._requests

    @property
    def shares_topics(self) -> bool:
        """Whether messages on its topics may be about other devices."""
        return self._shares_topics

    def decode(self, topic: str, payload: bytes) -> list[Reading]:
        """Return what a message says of now, possibly nothing.

        Word that the device is offline makes all its points bad; word that it is online says
        nothing, as values follow.

        Raises:
            MessageRefusedError: the topic is not of this device, or the payload cannot be read.
        """
        message = Message(topic, payload)
        quick = self._quick.get(topic)
        if quick is not None and len(payload) <= PAYLOAD_BYTES_MAX:
            return quick.read(message)
        sayings = self.say_message(message)
        return [one for saying in sayings if not saying.is_history for one in saying.readings]

    def say(self, topic: str, payload: bytes, now_ns: int | None = None) -> list[Saying]:
        """Return what a message says, of now and of before, possibly nothing.

        Args:
            topic: of the message.
            payload: of the message.
            now_ns: the time of receipt, for times such as "30 s ago" or "12:05".

        Raises:
            MessageRefusedError: the topic is not of this device, or the payload cannot be read.
        """
        return self.say_message(Message(topic, payload), now_ns)

    def say_message(self, message: Message, now_ns: int | None = None) -> list[Saying]:
        """Do as `say` with a message that several devices share: it is parsed once for all."""
        topic, payload = message.topic, message.payload
        quick = self._quick.get(topic)
        if quick is not None and len(payload) <= PAYLOAD_BYTES_MAX:
            readings = quick.read(message)
            return [Saying(None, tuple(readings))] if readings else []
        heard = self._heard(topic)
        if heard is None:
            raise MessageRefusedError("topic", "is no topic of this device", place=topic[:200])
        if len(payload) > PAYLOAD_BYTES_MAX:
            text = f"{len(payload)} bytes, where {PAYLOAD_BYTES_MAX} are allowed"
            raise MessageRefusedError("too_large", text, place=topic)
        if heard.availability is not None and self._is_offline(heard.availability, message):
            gone = [Reading(point, None, Quality.DEVICE_OFFLINE) for point in self._points]
            return [Saying(None, tuple(gone))]
        if len(heard.kinds) == 1:
            return self._with_computed(heard.kinds[0].say(message, now_ns))
        said = [one for kind in heard.kinds for one in kind.say(message, now_ns)]
        return self._with_computed(_merged(said))

    def _with_computed(self, sayings: list[Saying]) -> list[Saying]:
        """Add the points that are made of others, where one message says all of those."""
        return [self._completed(saying) for saying in sayings] if self._computed else sayings

    def _completed(self, saying: Saying) -> Saying:
        known = {reading.point: reading for reading in saying.readings}
        for one in self._computed:
            if all(name in known for name in one.compute.points):
                known[one.name] = one.make(known)
        return saying._replace(readings=tuple(known.values()))

    def say_document(
        self, document: Mapping[str, Any], time_ns: int | None, *, is_history: bool = False
    ) -> list[Saying]:
        """Return what a document says that another decoder made of a message (Sparkplug B).

        Args:
            document: what paths look into.
            time_ns: of the values, None where it is not known.
            is_history: whether it was measured before what was said already.
        """
        said = _merged(
            [
                saying
                for heard in self._topics.values()
                for kind in heard.kinds
                for saying in kind.say_document(document, time_ns, is_history=is_history)
            ]
        )
        return self._with_computed(said)

    def _heard(self, topic: str) -> _Heard | None:
        heard = self._topics.get(topic)
        if heard is None and self._filters:
            known = next((one for one in self._filters if matches(one, topic)), None)
            return self._topics[known] if known is not None else None
        return heard

    def _is_offline(self, availability: Availability, message: Message) -> bool:
        if availability.path is not None and message.payload.lstrip()[:1] == b"{":
            path = fill_path(parse_path(availability.path), self._parameters)
            found = look_up(message.json(), path)
            return (as_word(found) or str(found)) in availability.offline
        return message.text() in availability.offline

    def _kinds(self, profile: MqttProfile) -> Iterator[tuple[str, Kind]]:
        """Yield each kind of message that holds points, with its topic."""
        section = profile.mqtt
        sources: dict[tuple[str, str], list[Source]] = {}
        for point in profile.points:
            for place in point.read.places if point.read is not None else ():
                assert point.read is not None, "only then it has places"
                key = (place.message or "", place.topic or "")
                source = prepare_source(point, point.read, place, self._parameters)
                sources.setdefault(key, []).append(source)
        for (name, topic), its_points in sources.items():
            shape, where = self._shape(section, name, topic)
            yield where, Kind(shape, its_points, self._parameters)

    def _shape(self, section: MqttSection, name: str, topic: str) -> tuple[MessageShape, str]:
        """Return the shape of a kind of messages, and their topic."""
        if topic:
            # a topic of its own has the section's notation and time, and nothing else of it
            plain = MessageShape(
                format=section.format, text_encoding=section.text_encoding, time=section.time
            )
            return plain, fill(topic, self._parameters)
        kind = section.kind(name) if name else None
        if kind is None:
            return section, self._own_topic
        where = self._own_topic if kind.topic is None else fill(kind.topic, self._parameters)
        return kind, where


def _merged(sayings: list[Saying]) -> list[Saying]:
    """Join what several kinds say of the same instant; of a point said twice the first counts."""
    merged: dict[tuple[int | None, bool], Saying] = {}
    for saying in sayings:
        key = (saying.time_ns, saying.is_history)
        before = merged.get(key)
        if before is None:
            merged[key] = saying
            continue
        said = {one.point for one in before.readings}
        told = {one.point for one in before.texts}
        readings = [one for one in saying.readings if one.point not in said]
        texts = [one for one in saying.texts if one.point not in told]
        merged[key] = before._replace(
            readings=(*before.readings, *readings), texts=(*before.texts, *texts)
        )
    return list(merged.values())


def _computed(profile: MqttProfile) -> list[Computed]:
    """Return the points that are made of others, each after those it is made of."""
    if not any(point.compute is not None for point in profile.points):
        return []
    # only who has such points needs what Modbus devices need all the time
    from device_profiles.combining import Computed  # noqa: PLC0415
    from device_profiles.conversions import bounds_of  # noqa: PLC0415

    by_name = profile.points_by_name
    order = in_order_of_inputs(by_name, by_name)
    return [
        Computed(name, compute, bounds_of(by_name[name]))
        for name in order
        if (compute := by_name[name].compute) is not None
    ]


def _topic_in_use(section: MqttSection, parameters: Mapping[str, str]) -> str:
    """Return the topic whose captures are given; the first one when none is."""
    for topic in section.topics:
        if all(parameters.get(name) for name in captures(topic)):
            return topic
    return section.topics[0]


def decode_message(
    profile: MqttProfile, topic: str, payload: bytes, further: Mapping[str, str] | None = None
) -> list[Reading]:
    """Decode a single message of whichever device of this profile its topic names.

    Args:
        profile: of the device.
        topic: of the message.
        payload: of the message.
        further: captures that the topic does not hold.

    Raises:
        MessageRefusedError: as `MessageDecoder.decode` does.
        TopicParameterError: a capture that the topic does not hold is not given.
    """
    parameters = topic_parameters(profile, topic)
    if parameters is None:
        raise MessageRefusedError("topic", "is no topic of this profile", place=topic[:200])
    return MessageDecoder(profile, parameters | dict(further or {})).decode(topic, payload)


def topic_parameters(profile: MqttProfile, topic: str) -> dict[str, str] | None:
    """Return what the captures of a topic of this profile stand for, or None for another topic.

    Captures that no topic holds (the section's `captures`) are not among them.
    """
    further = set(profile.mqtt.captures)
    wanted = [set(names) - further for names in profile.parameter_sets]
    for pattern in _patterns(profile):
        match = compile_pattern(pattern).fullmatch(topic)
        if match is not None and set(captures(pattern)) - further in wanted:
            return match.groupdict()
    return None


def _patterns(profile: MqttProfile) -> list[str]:
    section = profile.mqtt
    patterns = [one.topic for one in section.availability]
    patterns += [kind.topic for kind in section.messages if kind.topic is not None]
    places = [place for point in profile.points if point.read for place in point.read.places]
    patterns += [place.topic for place in places if place.topic is not None]
    return [*patterns, *section.topics]
