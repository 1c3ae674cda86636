"""A device that speaks as its profile says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from campus_wire.session import Will
from device_profiles.model import MqttProfile
from device_profiles.model_mqtt import MqttPoint
from firmware_sims.message import Message
from firmware_sims.mqtt.commands import command_readers
from firmware_sims.mqtt.from_profile import fill_topic, message_writers
from firmware_sims.mqtt.history import history_writer
from firmware_sims.mqtt.voice import Heard, Numbers, Texts


class ProfileVoice:
    """Speaks as a profile says.

    Args:
        profile: of the device.
        places: what stands for the captures of topics and paths.

    Raises:
        SchoolError: a topic's capture is not given.
        UnsupportedPointError: a message has a form that is not known here.
    """

    def __init__(self, profile: MqttProfile, places: Mapping[str, str]) -> None:
        self._writers = message_writers(profile, places)
        self._readers = [(one, one.topic) for one in command_readers(profile, places)]
        self._history = history_writer(profile, places)
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
        """The topics of its commands."""
        return sorted({topic for _, topic in self._readers})

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """One message of each kind."""
        return [writer.message(numbers, texts, time_ns) for writer in self._writers]

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """Nothing: a profile describes the device."""
        return []

    def availability(self, *, there: bool) -> list[Message]:
        """What tells that it is there, or gone; the broker keeps it."""
        return [
            Message(topic, online if there else offline, is_retained=True)
            for topic, online, offline in self._availability
        ]

    def will(self) -> Will | None:
        """None: it is behind a bridge or a network server."""
        return None

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """Every point that the message sets, within its limits."""
        values = {}
        for reader, own in self._readers:
            number = reader.number(payload) if own == topic else None
            if number is not None and _is_allowed(reader.point, number):
                values[reader.point.name] = number
        return Heard(values)

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
