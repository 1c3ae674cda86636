"""Every recorded message and frame of a sensor with a shipped profile, through that profile.

LoRaWAN frames come in the envelope of each network server; what the sensor said is the same.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from device_profiles.library import Library
from device_profiles.model import MqttProfile
from device_profiles.trying import Outcome, try_message

HERE = Path(__file__).parent
CORPUS = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((HERE / "corpus" / "mqtt").glob("*.json"))
]
# Our standard words for what a record calls otherwise; null: not a value of the device.
NAMES: dict[str, dict[str, str | None]] = json.loads(
    (HERE / "corpus_mqtt_names.json").read_text(encoding="utf-8")
)
# What the words of a record are as numbers; the profile's labels say the same.
WORDS = {
    "trigger": 1,
    "short press": 1,
    "open": 1,
    "leak": 1,
    "normal": 0,
    "dark": 0,
    "on": 1,
    "yes": 1,
    "no": 0,
    "OK": 0,
    "read failed": 1,
    "Temperature Sensor": 1,
    "BATTERY_NOT_FULL": 1,
    "RECEIVER_LOW_BATTERY": 1,
}
# The vendor's table contradicts its sample: 1 is uninstalled. The profile takes the table.
OWN_WORDS = {("milesight-ws301", "installed"): 1}
DEV_EUI = "24e124136b502217"
PROJECT = "c3t7p26j4a2g00de1sng"
LIBRARY = Library.builtin()


def chirpstack(message: dict[str, Any]) -> tuple[str, bytes]:
    document = {
        "deviceInfo": {"devEui": DEV_EUI},
        "fPort": message.get("f_port", 85),
        "data": base64.b64encode(bytes.fromhex(message["payload_hex"])).decode(),
    }
    return f"application/a1/device/{DEV_EUI}/event/up", orjson.dumps(document)


def things_stack(message: dict[str, Any]) -> tuple[str, bytes]:
    document = {
        "end_device_ids": {"device_id": "d1", "dev_eui": DEV_EUI.upper()},
        "uplink_message": {
            "f_port": message.get("f_port", 85),
            "frm_payload": base64.b64encode(bytes.fromhex(message["payload_hex"])).decode(),
        },
    }
    return "v3/a1@tenant/devices/d1/up", orjson.dumps(document)


def as_recorded(message: dict[str, Any]) -> tuple[str, bytes]:
    topic = message["topic"].replace("METER_ID", "33225544")
    return topic.replace("(bridge defined)", f"dt/{PROJECT}/events"), message["payload"].encode()


def cases() -> Iterator[Any]:
    for facts in CORPUS:
        for number, message in enumerate(facts["messages"]):
            is_frame = "payload_hex" in message
            for wrap in (chirpstack, things_stack) if is_frame else (as_recorded,):
                name = f"{facts['id']}-{number}-{wrap.__name__}"
                yield pytest.param(facts["id"], message["expected"], *wrap(message), id=name)


@pytest.mark.parametrize(("device", "expected", "topic", "payload"), list(cases()))
def test_a_recorded_message_says_what_its_document_says(
    device: str, expected: list[dict[str, Any]], topic: str, payload: bytes
) -> None:
    profile = LIBRARY.get(device)
    assert isinstance(profile, MqttProfile)
    outcome = try_message(profile, topic, payload, captures_of(profile, payload))

    for entry in expected:
        assert_said(device, profile, entry, outcome)


def captures_of(profile: MqttProfile, payload: bytes) -> dict[str, str]:
    """What the configuration gives where the topic does not tell."""
    if profile.id != "disruptive-temperature":
        return {}
    return {"device": json.loads(payload)["targetName"].split("/")[-1]}


def assert_said(device: str, profile: MqttProfile, entry: dict[str, Any], outcome: Outcome) -> None:
    theirs, value = entry["name"], entry["value"]
    is_history = theirs.startswith("history[0].")
    theirs = theirs.removeprefix("history[0].")
    if theirs in ("time", "timestamp"):
        [time_ns] = {one.time_ns for one in outcome.values}
        assert time_ns == pytest.approx(seconds(value) * 1e9, abs=1_000)
        return
    name = NAMES.get(device, {}).get(theirs, NAMES[""].get(theirs, theirs))
    if name is None:
        return
    value = OWN_WORDS.get((device, value), WORDS.get(value, value))
    tried = outcome.value_of(name)
    assert tried is not None, f"nothing is said of {name}"
    assert (tried.value, tried.is_history) == (value, is_history)
    unit = entry.get("unit")
    if unit is not None:
        assert profile.points_by_name[name].unit == unit


def seconds(value: float | str) -> float:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value


def test_every_name_of_the_table_is_a_point() -> None:
    for device, names in NAMES.items():
        if device:
            points = LIBRARY.get(device).points_by_name
            assert {name for name in names.values() if name is not None} <= points.keys()


def test_another_frame_says_something_else() -> None:
    profile = LIBRARY.get("milesight-em300-th")
    assert isinstance(profile, MqttProfile)

    outcome = try_message(profile, *chirpstack({"payload_hex": "01755C03673501046865"}))

    tried = outcome.value_of("temperature")
    assert tried is not None
    assert tried.value == 30.9
