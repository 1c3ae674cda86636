"""What a device makes of messages to it: the way back of a profile's write templates."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from device_profiles.model import MqttProfile
from device_profiles.model_codec import Encode
from device_profiles.model_mqtt import VALUE_MARK, MqttPoint, MqttWrite
from firmware_sims.mqtt.from_profile import fill_topic
from firmware_sims.mqtt.lorawan import downlink_topic, downlinks
from firmware_sims.mqtt.packing import width_of
from firmware_sims.mqtt.tree import fill

_NOTHING = object()


@dataclass(frozen=True)
class CommandReader:
    """Understands the commands to one point.

    Args:
        point: that is written.
        write: how.
        places: what stands for captures.
    """

    point: MqttPoint
    write: MqttWrite
    places: Mapping[str, str]

    @property
    def topic(self) -> str:
        """Where its commands come."""
        if self.write.downlink is not None:
            return downlink_topic(self.places)
        return fill_topic(self.write.topic or "", self.places)

    def number(self, payload: bytes) -> float | None:
        """What a message sets the point to; None where it is no such command."""
        if self.write.downlink is not None:
            port = self.write.downlink.port
            numbers = [self._of_frame(frame) for to, frame in downlinks(payload) if to == port]
            return next((number for number in numbers if number is not None), None)
        encode = self.write.encode
        if encode is not None and encode.write_as == "bytes":
            return self._of_frame(payload)
        sent = self._sent(payload)
        if sent is _NOTHING:
            return None
        if encode is None:
            return self._of_value(sent)
        unwrapped = _unwrapped(sent, encode)
        return None if unwrapped is None else self._of_frame(unwrapped)

    def _sent(self, payload: bytes) -> object:
        """What stands in the place of the value."""
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            return _NOTHING
        template = self.write.template
        if isinstance(template, str):
            return self._in_text(template, text)
        try:
            return self._in_document(template, json.loads(text))
        except ValueError:
            return _NOTHING

    def _in_text(self, template: str, text: object) -> object:
        if template == VALUE_MARK:
            return text
        before, _, after = fill(template, self.places).partition(VALUE_MARK)
        if not isinstance(text, str) or not text.startswith(before) or not text.endswith(after):
            return _NOTHING
        return text[len(before) : len(text) - len(after)]

    def _in_document(self, template: object, given: object) -> object:
        """The value in a document like the template; what the template does not name is free."""
        if isinstance(template, str) and VALUE_MARK in template:
            return self._in_text(template, given)
        pairs = self._pairs(template, given)
        found: object = _NOTHING
        for one, other in pairs:
            if VALUE_MARK in json.dumps(one):
                found = self._in_document(one, other)
            elif _plain(one, self.places) != other and not isinstance(one, dict | list):
                return _NOTHING
        return found

    def _pairs(self, template: object, given: object) -> list[tuple[object, object]]:
        """Parts of the template with what stands in their places; none where it does not fit."""
        if isinstance(template, dict) and isinstance(given, dict):
            filled = {fill(key, self.places): one for key, one in template.items()}
            if filled.keys() <= given.keys():
                return [(one, given[key]) for key, one in filled.items()]
        if isinstance(template, list) and isinstance(given, list) and len(given) == len(template):
            return list(zip(template, given, strict=True))
        return []

    def _of_value(self, sent: object) -> float | None:
        for word, number in self.write.values.items():
            if sent == {"true": True, "false": False}.get(word, word) or str(sent) == word:
                return number
        if self.write.values:
            return None
        try:
            raw = float(sent) if isinstance(sent, bool | int | float) else float(str(sent))
        except ValueError:
            return None
        return round(raw * self.write.scale + self.write.offset, 9)

    def _of_frame(self, frame: bytes) -> float | None:
        for word, number in self.write.values.items():
            if frame == bytes.fromhex(word):
                return number
        encode = self.write.encode
        if self.write.values or encode is None:
            return None
        before, after = (bytes.fromhex(one or "") for one in (encode.before, encode.after))
        size = width_of(encode.data_type) // 8
        if len(frame) != len(before) + size + len(after):
            return None
        if not frame.startswith(before) or not frame.endswith(after):
            return None
        raw = _unpacked(frame[len(before) : len(before) + size], encode)
        return round(raw * self.write.scale + self.write.offset, 9)


def _plain(one: object, places: Mapping[str, str]) -> object:
    return fill(one, places) if isinstance(one, str) else one


def _unwrapped(sent: object, encode: Encode) -> bytes | None:
    try:
        if encode.write_as == "hex":
            return bytes.fromhex(str(sent))
        return base64.b64decode(str(sent), validate=True)
    except (ValueError, binascii.Error):
        return None


def _unpacked(data: bytes, encode: Encode) -> float:
    big = data[::-1] if encode.byte_order == "little" else data
    if encode.data_type == "float32":
        number: float = struct.unpack(">f", big)[0]
        return number
    return int.from_bytes(big, "big", signed=encode.data_type.startswith("int"))


def command_readers(profile: MqttProfile, places: Mapping[str, str]) -> Sequence[CommandReader]:
    """One for every point that can be written."""
    return [
        CommandReader(point, point.write, places)
        for point in profile.points
        if point.write is not None
    ]
