"""Values into command messages: JSON from templates, words, bytes, LoRaWAN downlinks."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import orjson
from pydantic import JsonValue

from device_profiles.errors import WriteRefusedError
from device_profiles.model import MqttProfile
from device_profiles.model_codec import SIZES, Downlink, Encode
from device_profiles.model_mqtt import VALUE_MARK, MqttPoint, MqttWrite
from device_profiles.scaling import Linear
from device_profiles.topics import captures, fill, fill_text
from device_profiles.writing import allowed_write

CHIRPSTACK_DOWN: Final = "application/{application}/device/{dev_eui}/command/down"
"""chirpstack/chirpstack-docs:src/chirpstack/integrations/mqtt.md"""
THINGS_STACK_DOWN: Final = "v3/{application}/devices/{device_id}/down/push"
"""TheThingsIndustries/lorawan-stack-docs:doc/content/integrations/mqtt"""


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
    word = _word(point, write, value)
    if write.encode is None:
        sent = _json_word(word) if word is not None else _plain_number(write, value)
        return _message(write, sent, topic_parameters)
    frame = bytes.fromhex(word) if word is not None else _frame(point, write, write.encode, value)
    if write.downlink is not None:
        return _downlink(write.downlink, frame, topic_parameters)
    if write.encode.write_as == "bytes":
        return fill(write.topic or "", topic_parameters), frame
    text = frame.hex() if write.encode.write_as == "hex" else base64.b64encode(frame).decode()
    return _message(write, text, topic_parameters)


def _word(point: MqttPoint, write: MqttWrite, value: float) -> str | None:
    """Return the word for a value, None where the write has no words."""
    word = next((word for word, one in write.values.items() if one == value), None)
    if word is None and write.values:
        known = ", ".join(f"{one:g}" for one in write.values.values())
        message = f"there is no word for {value:g}"
        raise WriteRefusedError("not_a_state", message, place=point.name, remedy=f"one of {known}")
    return word


def _message(
    write: MqttWrite, sent: JsonValue, topic_parameters: Mapping[str, str]
) -> tuple[str, bytes]:
    topic = fill(write.topic or "", topic_parameters)
    if isinstance(write.template, str):
        filled = _filled_text(write.template, sent, topic_parameters)
        return topic, _as_text(filled).encode()
    return topic, orjson.dumps(_filled(write.template, sent, topic_parameters))


def _json_word(word: str) -> JsonValue:
    return {"true": True, "false": False}.get(word, word)


def _plain_number(write: MqttWrite, value: float) -> JsonValue:
    raw = Linear.of(write.scale, write.offset).raw_of(value)
    return int(raw) if raw.denominator == 1 else float(raw)


def _as_text(sent: JsonValue) -> str:
    return sent if isinstance(sent, str) else orjson.dumps(sent).decode()


def _filled(template: JsonValue, sent: JsonValue, parameters: Mapping[str, str]) -> JsonValue:
    if isinstance(template, dict):
        return {
            fill_text(key, parameters): _filled(one, sent, parameters)
            for key, one in template.items()
        }
    if isinstance(template, list):
        return [_filled(one, sent, parameters) for one in template]
    return _filled_text(template, sent, parameters) if isinstance(template, str) else template


def _filled_text(text: str, sent: JsonValue, parameters: Mapping[str, str]) -> JsonValue:
    if text == VALUE_MARK:
        return sent
    before, mark, after = text.partition(VALUE_MARK)
    value = _as_text(sent) if mark else ""
    return fill_text(before, parameters) + value + fill_text(after, parameters)


# --- bytes ---------------------------------------------------------------------------------------


def _frame(point: MqttPoint, write: MqttWrite, encode: Encode, value: float) -> bytes:
    raw = Linear.of(write.scale, write.offset).raw_of(value)
    packed = _packed(point, encode, raw)
    if encode.byte_order == "little":
        packed = packed[::-1]
    return bytes.fromhex(encode.before or "") + packed + bytes.fromhex(encode.after or "")


def _packed(point: MqttPoint, encode: Encode, raw: Fraction) -> bytes:
    """Return a raw value, the most significant byte first."""
    try:
        if encode.data_type == "float32":
            return struct.pack(">f", float(raw))
        if raw.denominator == 1:
            is_signed = encode.data_type.startswith("int")
            return int(raw).to_bytes(SIZES[encode.data_type], "big", signed=is_signed)
    except OverflowError:
        pass  # said below, as for what is no whole number
    message = f"{float(raw):g} is no {encode.data_type}"
    raise WriteRefusedError("unrepresentable", message, place=point.name)


def _downlink(downlink: Downlink, frame: bytes, parameters: Mapping[str, str]) -> tuple[str, bytes]:
    data = base64.b64encode(frame).decode()
    if set(captures(THINGS_STACK_DOWN)) <= set(parameters):
        one = {
            "f_port": downlink.port,
            "frm_payload": data,
            "confirmed": downlink.confirmed,
            "priority": "NORMAL",
        }
        return fill(THINGS_STACK_DOWN, parameters), orjson.dumps({"downlinks": [one]})
    command = {
        "devEui": parameters.get("dev_eui", ""),
        "confirmed": downlink.confirmed,
        "fPort": downlink.port,
        "data": data,
    }
    return fill(CHIRPSTACK_DOWN, parameters), orjson.dumps(command)


__all__ = ["encode_message_command"]
