"""Every recorded message of a device that a dialect covers, from description to values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device_profiles.model_mqtt import MqttPoint
from tests.profiles.dialects.heard import Described, describe

CORPUS = Path(__file__).parent / "corpus"
RECORDS = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(CORPUS.glob("*-*.json"))]
ZIGBEE = json.loads((CORPUS / "zigbee2mqtt_devices.json").read_text(encoding="utf-8"))["devices"]

# Our standard words for what a record calls otherwise.
NAMES = {
    "": {
        "humidity": "relative_humidity",
        "power": "active_power",
        "apower": "active_power",
        "factor": "power_factor",
        "total": "active_energy",
        "today": "energy_today",
        "freq": "frequency",
        "linkquality": "link_quality",
        "pressure": "air_pressure",
        "output": "relay",
        "energy_total": "active_energy",
        "switch:0.aenergy.total": "active_energy",
        "probe 00000566CC39": "temperature_00000566cc39",
        "probe 0000059352D4": "temperature_0000059352d4",
        "probe 000005937C90": "temperature_000005937c90",
        "OPENTHERM.TB": "boiler_temperature",
        "uid": "badge",
        "type": "badge_type",
    },
    "zigbee2mqtt-xiaomi-smoke": {"voltage": "battery_voltage"},
    "zigbee2mqtt-aqara-water-leak": {"voltage": "battery_voltage"},
    "zigbee2mqtt-xiaomi-weather": {"voltage": "battery_voltage"},
    "zigbee2mqtt-ms-108zr": {"state": "cover_state"},
    "shelly-plus-1pm": {"temperature": "device_temperature"},
    "tasmota-rg15": {
        "active": "rain",
        "event": "rain_event",
        "total": "rain_total",
        "flow_rate": "rain_rate",
    },
    "shelly-em3-gen1": {
        f"{theirs}_l{phase}": f"{ours}_l{phase}"
        for phase in (1, 2, 3)
        for theirs, ours in (("power", "active_power"), ("pf", "power_factor"))
    },
    "shelly-pro-3em": {
        "a_voltage": "voltage_l1",
        "a_current": "current_l1",
        "a_act_power": "active_power_l1",
        "a_pf": "power_factor_l1",
        "total_act_power": "active_power",
        "n_current": "neutral_current",
        "total_act": "active_energy",
        "total_act_ret": "returned_energy",
    },
}

# Not a value of the device: its time, or whether it is there.
NO_POINTS = {("shelly-plus-1pm", "ts"), ("tasmota-relay-two-channel", "availability")}


def heard_of(record: dict[str, Any]) -> dict[str, str]:
    heard: dict[str, str] = {}
    for message in record["messages"]:
        heard.setdefault(message["topic"], message["payload"])
    if record["dialect"] != "zigbee2mqtt":
        return heard
    by_attribute = any(topic.count("/") == 2 for topic in heard)
    names = {topic.split("/")[1] for topic in heard}
    definition = ZIGBEE[record["id"]]
    listed = [
        {"ieee_address": f"0x{at:016x}", "type": "EndDevice", "friendly_name": name}
        | {"definition": definition}
        for at, name in enumerate(sorted(names))
    ]
    heard["zigbee2mqtt/bridge/devices"] = json.dumps(listed)
    info = {"config": {"advanced": {"last_seen": "epoch", "output": "json"}}}
    heard["zigbee2mqtt/bridge/info"] = json.dumps(info)
    assert not by_attribute or record["id"] == "zigbee2mqtt-aqara-water-leak"
    return heard


def described(record: dict[str, Any], message: dict[str, Any]) -> Described:
    heard = heard_of(record)
    if record["dialect"] == "zigbee2mqtt" and message["topic"].count("/") == 2:
        info = {"config": {"advanced": {"output": "attribute"}}}
        heard["zigbee2mqtt/bridge/info"] = json.dumps(info)
    fitting = [
        one for one in describe(record["dialect"], heard) if message["topic"] in one.decoder.topics
    ]
    assert len(fitting) == 1, f"{len(fitting)} devices listen to {message['topic']}"
    return fitting[0]


def messages() -> Iterator[Any]:
    for record in RECORDS:
        for number, message in enumerate(record["messages"]):
            yield pytest.param(record, message, id=f"{record['id']}-{number}")


@pytest.mark.parametrize(("record", "message"), list(messages()))
def test_recorded_message_decodes_as_described(
    record: dict[str, Any], message: dict[str, Any]
) -> None:
    device = described(record, message)

    values = device.values(message["topic"], message["payload"])

    names = NAMES[""] | NAMES.get(record["id"], {})
    compared = 0
    for expected in message["expected"]:
        theirs = expected["name"]
        if (record["id"], theirs) in NO_POINTS:
            continue
        name = names.get(theirs, theirs)
        compared += 1
        if expected["value"] == "absent" or expected["value"] is None:
            assert name not in values
            continue
        point = device.profile.find(name)
        assert point is not None, f"{name} is none of {list(device.profile.points_by_name)}"
        ours = as_ours(point, expected["value"])
        assert values[name] == (ours if isinstance(ours, str) else pytest.approx(ours, rel=1e-12))
        if expected.get("unit", "ms") != "ms":
            assert point.unit == expected["unit"]
    assert compared or message["expected"] == [] or record["id"] == "tasmota-relay-two-channel"


def as_ours(point: MqttPoint, value: Any) -> Any:
    """What a recorded value is with us: words have numbers, milliseconds are seconds."""
    assert point.read is not None
    if point.read.data_type == "string":
        return value
    if isinstance(value, str):
        return point.read.values[value]
    if point.name == "last_seen":
        return value / 1000
    return float(value)


@pytest.mark.parametrize("record", RECORDS, ids=[record["id"] for record in RECORDS])
def test_description_leaves_nothing_out(record: dict[str, Any]) -> None:
    allowed = ("options_hand_open", "selftest")  # an option within a group, and a mere press
    for device in describe(record["dialect"], heard_of(record)):
        assert [note for note in device.found.notes if not note.startswith(allowed)] == []


def test_alarms_go_first() -> None:
    record = next(one for one in RECORDS if one["id"] == "zigbee2mqtt-xiaomi-smoke")
    device = described(record, record["messages"][0])

    assert device.profile.category == "smoke_fire"
    assert device.profile.points_by_name["smoke"].point_class == "safety"
