"""Every example that a public document gives for a device of the library, through our decoder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campus_wire.quality import Quality
from device_profiles.decoding import decode_reply
from device_profiles.library import Library
from device_profiles.messages import decode_message
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import ReadRequest, plan_reads

CORPUS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "corpus").glob("*.json"))
}
LIBRARY = Library.builtin()

# Our standard words for what a source calls otherwise.
NAMES: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "corpus_names.json").read_text(encoding="utf-8")
)

# Where a profile says another thing than its source, and why stands in its note.
OTHERWISE = {
    ("saifuli-mtdx62-mb", "Illuminance"),
    ("sokol-m", "Pressure"),
    *(
        ("stiebel-eltron-isg", name)
        for name in (
            "storage_tank_temperature",
            "hot_water_temperature",
            "solar_collector_temperature",
            "hot_gas_temperature_1",
            "source_temperature",
            "room_temperature_fek",
        )
    ),
    ("itron-cf-echo-ii", "flow"),
    ("heidelberg-energy-control", "watchdog_timeout"),
}

# What a source calls true our point may call 0.
VALUES = {("z2m-door-contact", "contact", True): 0}


def modbus_profile(device: str) -> ModbusProfile:
    profile = LIBRARY.get(device)
    assert isinstance(profile, ModbusProfile)
    return profile


def mqtt_profile(device: str) -> MqttProfile:
    profile = LIBRARY.get(device)
    assert isinstance(profile, MqttProfile)
    return profile


def our_name(device: str, theirs: str) -> str:
    return NAMES.get(device, {}).get(theirs, theirs)


def register_examples() -> Iterator[Any]:
    for device, facts in CORPUS.items():
        for entry in facts.get("points", []):
            for number, example in enumerate(entry.get("examples", [])):
                yield pytest.param(device, entry, example, id=f"{device}-{entry['name']}-{number}")


@pytest.mark.parametrize(("device", "entry", "example"), list(register_examples()))
def test_registers_of_a_document_decode_to_its_value(
    device: str, entry: dict[str, Any], example: dict[str, Any]
) -> None:
    profile = modbus_profile(device)
    point = profile.find(our_name(device, entry["name"]))
    assert point is not None
    [request] = plan_reads(profile, [point])

    [reading] = decode_reply(profile, request, [int(word, 16) for word in example["raw"]])

    assert reading.value == example["value"]
    assert reading.quality is Quality.GOOD


def frames() -> Iterator[Any]:
    for device, facts in CORPUS.items():
        for number, frame in enumerate(facts.get("frames", [])):
            yield pytest.param(device, frame, id=f"{device}-{number}")


@pytest.mark.parametrize(("device", "frame"), list(frames()))
def test_frame_of_a_document_is_asked_for_and_decodes(device: str, frame: dict[str, Any]) -> None:
    profile = modbus_profile(device)
    wanted = {our_name(device, name): value for name, value in frame["meaning"].items()}
    asked = bytes.fromhex(frame["request"])
    answered = bytes.fromhex(frame["response"])

    [request] = plan_reads(profile, [found(profile, name) for name in wanted])
    pdu = bytes([request.function]) + request.address.to_bytes(2, "big")
    assert asked[1:6] == pdu + request.count.to_bytes(2, "big")

    data = answered[3 : 3 + answered[2]]
    raw = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    readings = decode_reply(profile, request, raw)
    assert {reading.point: reading.value for reading in readings} == wanted


def found(profile: ModbusProfile, name: str) -> ModbusPoint:
    point = profile.find(name)
    assert point is not None, name
    return point


def entries() -> Iterator[Any]:
    for device, facts in CORPUS.items():
        for entry in facts.get("points", []):
            point = LIBRARY.get(device).points_by_name.get(our_name(device, entry["name"]))
            if point is not None and (device, entry["name"]) not in OTHERWISE:
                yield pytest.param(device, entry, id=f"{device}-{entry['name']}")


@pytest.mark.parametrize(("device", "entry"), list(entries()))
def test_point_lies_where_the_document_says(device: str, entry: dict[str, Any]) -> None:
    profile = modbus_profile(device)
    point = found(profile, our_name(device, entry["name"]))
    place = profile.read_location(point) if point.read else profile.write_location(point)

    assert (place.table, place.address) == (entry["table"], entry["address"])
    assert place.count == entry["count"]
    if entry.get("scale") is not None:
        assert place.scale == entry["scale"]
    if entry["type"] == "bits":
        assert (place.bit, place.bit_count) == (entry["bit_offset"], entry["bit_width"])
    else:
        # half a register is, of its two bytes, the low one
        assert place.data_type == {"uint8": "uint8l"}.get(entry["type"], entry["type"])
    if entry.get("word_order") == "little":
        assert place.byte_order == "CDAB"


def messages() -> Iterator[Any]:
    for device, facts in CORPUS.items():
        for number, message in enumerate(facts.get("messages", [])):
            yield pytest.param(device, message, id=f"{device}-{number}")


@pytest.mark.parametrize(("device", "message"), list(messages()))
def test_message_of_a_document_decodes(device: str, message: dict[str, Any]) -> None:
    profile = mqtt_profile(device)

    readings = decode_message(profile, message["topic"], message["payload"].encode())

    values = {reading.point: reading.value for reading in readings}
    for expected in message["expected"]:
        name = our_name(device, expected["name"])
        if expected["value"] == "absent":
            assert name not in values
            continue
        value = VALUES.get((device, expected["name"], expected["value"]), expected["value"])
        assert values[name] == value
        if "unit" in expected:
            assert profile.points_by_name[name].unit == expected["unit"]
    assert all(reading.quality is Quality.GOOD for reading in readings)


def test_every_device_of_the_corpus_has_a_profile() -> None:
    assert set(CORPUS) <= set(LIBRARY.ids)


def test_a_wrong_address_would_be_noticed() -> None:
    profile = modbus_profile("pzem-016")
    [request] = plan_reads(profile, profile.points)
    shifted = ReadRequest(request.table, request.address + 1, request.count, request.points)

    readings = decode_reply(profile, shifted, [0x0898, 0x03E8, 0, 0x0898, 0, 0, 0, 500, 100, 0])

    assert readings[0].value != 220.0
