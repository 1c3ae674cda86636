"""What tests of dialects share: describe, check the profile, decode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from campus_wire.quality import Quality
from device_profiles.dialects import DIALECTS, FoundDevice
from device_profiles.dialects.profiles import as_profile
from device_profiles.messages import MessageDecoder, encode_message_command
from device_profiles.model import MqttProfile


class Described(NamedTuple):
    """A found device with its profile and its decoder."""

    found: FoundDevice
    profile: MqttProfile
    decoder: MessageDecoder

    def values(self, topic: str, payload: bytes | str | dict[str, Any]) -> dict[str, Any]:
        """Return what a message says, numbers and texts by point; good values only."""
        told: dict[str, Any] = {}
        for saying in self.decoder.say(topic, as_bytes(payload)):
            told |= {one.point: one.text for one in saying.texts}
            told |= {one.point: one.value for one in saying.readings if one.quality is Quality.GOOD}
        return told

    def qualities(self, topic: str, payload: bytes | str | dict[str, Any]) -> dict[str, Quality]:
        """Return the qualities of what a message says."""
        readings = self.decoder.decode(topic, as_bytes(payload))
        return {reading.point: reading.quality for reading in readings}

    def command(self, point: str, value: float) -> tuple[str, Any]:
        """Return topic and payload of a command, JSON decoded where it is JSON."""
        found = self.profile.find(point)
        assert found is not None, point
        topic, payload = encode_message_command(self.profile, found, value, self.found.topic)
        try:
            return topic, orjson.loads(payload)
        except orjson.JSONDecodeError:
            return topic, payload.decode()


def as_bytes(payload: bytes | str | object) -> bytes:
    """Return a payload as it is published."""
    if isinstance(payload, bytes):
        return payload
    return payload.encode() if isinstance(payload, str) else orjson.dumps(payload)


def describe(dialect: str, heard: Mapping[str, bytes | str | object]) -> list[Described]:
    """Return the devices of a dialect, each with a valid profile."""
    plain = {topic: as_bytes(payload) for topic, payload in heard.items()}
    described = []
    for found in DIALECTS[dialect].describe(plain):
        profile = as_profile(found.profile)
        described.append(Described(found, profile, MessageDecoder(profile, found.topic)))
    return described


def only(dialect: str, heard: Mapping[str, bytes | str | object]) -> Described:
    """Return the one device of a dialect."""
    [one] = describe(dialect, heard)
    return one


def one_entity(component: str, config: dict[str, Any], name: str = "thing") -> Described:
    return only("homeassistant", {f"homeassistant/{component}/{name}/config": config})
