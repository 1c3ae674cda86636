"""What a device measured while nobody heard it: records in its frames, with their own time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from device_profiles.model import MqttProfile
from firmware_sims.message import Message
from firmware_sims.mqtt.frames import history_frame
from firmware_sims.mqtt.from_profile import frame_meanings, own_topic
from firmware_sims.mqtt.lorawan import Clock, EnvelopeNotation
from firmware_sims.mqtt.meaning import Meaning, Raw
from firmware_sims.mqtt.notations import json_text
from firmware_sims.mqtt.voice import Numbers

HistoryWriter = Callable[[Sequence[tuple[int, Numbers]]], list[Message]]
RECORDS_MAX = 16
_S = 1_000_000_000
_Meanings = Mapping[str, tuple[str, Meaning]]


def history_writer(profile: MqttProfile, places: Mapping[str, str]) -> HistoryWriter | None:
    """How records of before are sent; None where the profile has none, or no LoRaWAN envelope."""
    section = profile.mqtt
    codec = section.codec
    if section.envelope is None or codec is None or history_frame(codec, []) is None:
        return None
    meanings = frame_meanings(profile)
    topic = own_topic(section, places)
    clock = Clock()
    envelope = EnvelopeNotation(codec, places, clock)

    def write(records: Sequence[tuple[int, Numbers]]) -> list[Message]:
        kept = records[-RECORDS_MAX:]
        if not kept:
            return []
        members: list[tuple[int, dict[str, Raw]]] = [
            (
                time_ns,
                {
                    path: meaning.raw(numbers[name])
                    for name, (path, meaning) in meanings.items()
                    if name in numbers
                },
            )
            for time_ns, numbers in kept
        ]
        made = history_frame(codec, members)
        assert made is not None
        frame, shown = made
        clock.time_ns = kept[-1][0]
        payload = json_text(envelope.document(frame, {})).encode()
        past = [
            (time_ns // _S * _S, _numbers(meanings, found))
            for (time_ns, _), found in zip(kept, shown, strict=True)
        ]
        return [Message(topic, payload, past=past)]

    return write


def _numbers(meanings: _Meanings, found: Mapping[str, Raw]) -> dict[str, float | None]:
    return {
        name: meaning.number(found[path])
        for name, (path, meaning) in meanings.items()
        if path in found
    }
