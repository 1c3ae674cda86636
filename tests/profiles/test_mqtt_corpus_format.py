"""The format says what real devices send: printed messages and frames, with minimal profiles."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from ruamel.yaml import YAML

from campus_wire.quality import Quality
from device_profiles.messages import MessageDecoder, topic_parameters
from device_profiles.model import MqttProfile
from device_profiles.reading import Saying
from tests.profiles import build

FOLDER = Path(__file__).parent / "mqtt_cases"
FRAMES = YAML(typ="safe").load(FOLDER / "lorawan.yaml")
MESSAGES = YAML(typ="safe").load(FOLDER / "messages.yaml")
UNSEEN = YAML(typ="safe").load(FOLDER / "unseen.yaml")
NOW_NS = 1_790_000_000_000_000_000


def profile(case: dict[str, Any]) -> MqttProfile:
    points = [{"labels": build.LABELS, **point} for point in case["points"]]
    document = {**build.head("mqtt"), "mqtt": case["mqtt"], "points": points}
    text = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
    return MqttProfile.model_validate_json(text)


def messages() -> Iterator[Any]:
    for case in (*MESSAGES, *UNSEEN):
        for number, message in enumerate(case.get("messages", ())):
            yield pytest.param(case, message, id=f"{case['name']}-{number}")


@pytest.mark.parametrize(("case", "message"), list(messages()))
def test_a_printed_message_says_what_its_document_says(
    case: dict[str, Any], message: dict[str, Any]
) -> None:
    made = profile(case)
    parameters = topic_parameters(made, message["topic"])
    assert parameters is not None
    decoder = MessageDecoder(made, parameters | case.get("parameters", {}))

    sayings = decoder.say(message["topic"], message["payload"].encode(), NOW_NS)

    values, texts, times = said_now(sayings)
    assert values.items() >= message["values"].items()
    assert texts.items() >= message.get("texts", {}).items()
    assert not values.keys() & set(message.get("absent", ()))
    if "time" in message:
        [time_ns] = times
        assert time_ns == pytest.approx(message["time"] * 1e9, abs=1_000)


def frames() -> Iterator[Any]:
    for case in (*FRAMES, *UNSEEN):
        for number, frame in enumerate(case.get("frames", ())):
            for form in FORMS:
                yield pytest.param(case, frame, form, id=f"{case['name']}-{number}-{form}")


def chirpstack_4(frame: bytes, port: int) -> tuple[str, Any]:
    return "application/a1/device/0101010101010101/event/up", {
        "time": "2022-07-18T09:34:15.775023242+00:00",
        "deviceInfo": {"deviceName": "one", "devEui": "0101010101010101"},
        "fPort": port,
        "data": base64.b64encode(frame).decode(),
        "rxInfo": [{"rssi": -36, "snr": 10.5}],
    }


def chirpstack_3(frame: bytes, port: int) -> tuple[str, Any]:
    return "application/1/device/0101010101010101/event/up", {
        "applicationID": "1",
        "devEUI": "AQEBAQEBAQE=",
        "rxInfo": [{"rssi": -60, "loRaSNR": 7}],
        "fPort": port,
        "data": base64.b64encode(frame).decode(),
        "objectJSON": '{"anything":1}',
    }


def things_stack(frame: bytes, port: int) -> tuple[str, Any]:
    return "v3/app1@tenant/devices/dev1/up", {
        "end_device_ids": {"device_id": "dev1", "dev_eui": "0004A30B001C0530"},
        "received_at": "2020-02-12T15:15:46.014773143Z",
        "uplink_message": {
            "f_port": port,
            "frm_payload": base64.b64encode(frame).decode(),
            "rx_metadata": [{"rssi": -35, "snr": 5}],
        },
    }


BARE = "application/a1/device/0101010101010101/event/up"
FORMS: dict[str, Any] = {
    "chirpstack-4": chirpstack_4,
    "chirpstack-3": chirpstack_3,
    "things-stack": things_stack,
    "hex": lambda frame, _: (BARE, frame.hex().upper().encode()),
    "base64": lambda frame, _: (BARE, base64.b64encode(frame)),
    "bytes": lambda frame, _: (BARE, frame),
}


@pytest.mark.parametrize(("case", "frame", "form"), list(frames()))
def test_a_printed_frame_says_what_its_document_says(
    case: dict[str, Any], frame: dict[str, Any], form: str
) -> None:
    made = profile(case)
    data = bytes.fromhex(str(frame["hex"]))
    topic, carried = FORMS[form](data, case.get("port", 1))
    payload = carried if isinstance(carried, bytes) else json.dumps(carried).encode()
    parameters = topic_parameters(made, topic)
    assert parameters is not None

    sayings = MessageDecoder(made, parameters).say(topic, payload, NOW_NS)

    values, texts, _ = said_now(sayings)
    assert values == frame.get("values", {})
    assert texts == frame.get("texts", {})
    history = [
        {"time": one.time_ns / 1e9, "values": {each.point: each.value for each in one.readings}}
        for one in sayings
        if one.is_history and one.time_ns is not None
    ]
    assert history == frame.get("history", [])


def said_now(sayings: list[Saying]) -> tuple[dict[str, float | None], dict[str, str], list[Any]]:
    now = [one for one in sayings if not one.is_history]
    for saying in now:
        for reading in saying.readings:
            assert (reading.value is None) == (reading.quality is Quality.INVALID_MARKER)
            assert reading.quality in (Quality.GOOD, Quality.INVALID_MARKER)
    values = {reading.point: reading.value for one in now for reading in one.readings}
    texts = {text.point: text.text for one in now for text in one.texts}
    return values, texts, [one.time_ns for one in now]


def test_all_recorded_devices_are_here() -> None:
    names = [case["name"] for case in (*FRAMES, *MESSAGES)]

    assert len(set(names)) == len(names) == 39


def test_more_devices_than_the_format_was_made_for_are_here() -> None:
    names = [case["name"] for case in UNSEEN]

    assert len(set(names)) == len(names) >= 30
