"""A device that speaks as its profile says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from device_profiles.model import MqttProfile
from device_profiles.model_mqtt import MqttPoint
from firmware_sims.derived import Computed, in_order
from firmware_sims.message import Message
from firmware_sims.mqtt.commands import command_readers
from firmware_sims.mqtt.from_profile import fill_topic, message_writers, usual_numbers
from firmware_sims.mqtt.history import history_writer
from firmware_sims.mqtt.voice import Heard, Hub, Numbers, Texts


class ProfileVoice:
    """Speaks as a profile says.

    Args:
        profile: of the device.
        places: what stands for the captures of topics and paths.

    Raises:
        SchoolError: a topic's capture is not given.
        UnsupportedPointError: a message has a form that is not known here.
    """

    hub: Hub | None = None
    """It is behind a bridge or a network server."""

    def __init__(self, profile: MqttProfile, places: Mapping[str, str]) -> None:
        self._writers = message_writers(profile, places)
        self._readers = [(one, one.topic) for one in command_readers(profile, places)]
        self._history = history_writer(profile, places)
        self._computed = in_order(
            Computed(
                point.name,
                point.compute.operation.value,
                [(term.point, term.scale) for term in point.compute.terms],
                point.compute.scale,
                point.compute.offset,
                frozenset(usual_numbers(profile)),
            )
            for point in profile.points
            if point.compute is not None
        )
        self._hidden = frozenset(point.name for point in profile.points if point.hidden)
        self._shown: dict[str, float | None] = {}
        self._asked = [(fill_topic(one.topic, places)) for one in profile.mqtt.ask]
        self.numbers = [point.name for point in profile.points if not point.is_text]
        self.texts = [point.name for point in profile.points if point.is_text]
        self._availability = [
            (
                fill_topic(one.topic, places),
                _availability(one.path, one.online[0]),
                _availability(one.path, one.offline[0]),
            )
            for one in profile.mqtt.availability
        ]

    @property
    def filters(self) -> Sequence[str]:
        """The topics of its commands, and of the requests to speak."""
        return sorted({*self._asked, *(topic for _, topic in self._readers)})

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """One message of each kind."""
        spread = self._spread(numbers)
        said = [writer.message(spread, texts, time_ns) for writer in self._writers]
        return [self._with_computed(one) for one in said] if self._computed else said

    def _spread(self, numbers: Numbers) -> Numbers:
        """The numbers, with hidden parts of computed points that make what those shall show."""
        if not self._computed:
            return numbers
        parts = dict(numbers)

        def show(name: str, number: float) -> float:
            parts[name] = number
            return number

        for one in reversed(self._computed):
            target = parts.get(one.name)
            if target is not None:
                one.spread(target, parts, self._hidden & frozenset(one.inputs), show)
        return parts

    def _with_computed(self, message: Message) -> Message:
        """The message with what a reader works out of it and of what was said before."""
        shown = dict(message.shown)
        self._shown |= shown
        for one in self._computed:
            if set(one.inputs) & shown.keys() and self._shown.keys() >= set(one.inputs):
                self._shown[one.name] = shown[one.name] = one.value(self._shown)
        return replace(message, shown=shown)

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """Nothing: a profile describes the device."""
        del numbers, time_ns
        return []

    def availability(self, *, there: bool) -> list[Message]:
        """What tells that it is there, or gone; the broker keeps it."""
        return [
            Message(topic, online if there else offline, is_retained=True)
            for topic, online, offline in self._availability
        ]

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """Every point that the message sets, within its limits."""
        del time_ns
        values = {}
        for reader, own in self._readers:
            number = reader.number(payload) if own == topic else None
            if number is not None and _is_allowed(reader.point, number):
                values[reader.point.name] = number
        return Heard(values, speaks=topic in self._asked)

    def history(self, records: Sequence[tuple[int, Numbers]]) -> list[Message]:
        """What it measured while nobody heard it, where the profile has records of before."""
        return [] if self._history is None else self._history(records)


def _is_allowed(point: MqttPoint, number: float) -> bool:
    write = point.write
    assert write is not None
    lowest = point.minimum if write.minimum is None else write.minimum
    highest = point.maximum if write.maximum is None else write.maximum
    if point.states and number not in point.states:
        return False
    return (lowest is None or number >= lowest) and (highest is None or number <= highest)


def _availability(path: str | None, word: str) -> bytes:
    return f'{{"{path}":"{word}"}}'.encode() if path else word.encode()
