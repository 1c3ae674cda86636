"""Sensors heard on a broker."""

import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from device_profiles.library import Library
from device_profiles.model import MqttProfile
from edge_agent.cli import app
from edge_agent.finding.heard import TOPICS_MAX, Heard, HeardDevice, devices_in, fits
from tests.support.mosquitto import Mosquitto

RUNNER = CliRunner()
DOOR = b'{"contact":false,"battery":97,"linkquality":120,"voltage":3005}'
ENERGY = b'{"Time":"2026-03-02T08:00:00","ENERGY":{"Power":21,"Voltage":230,"Current":0.1}}'


@pytest.fixture(scope="module")
def profiles() -> list[MqttProfile]:
    return [one for one in Library.builtin() if isinstance(one, MqttProfile)]


def found_in(profiles: list[MqttProfile], **messages: bytes) -> dict[str, HeardDevice]:
    heard = Heard()
    for topic, payload in messages.items():
        heard.add(topic, payload)
    return {one.name: one for one in devices_in(heard, profiles)}


def test_a_profile_whose_topic_and_points_fit(profiles: list[MqttProfile]) -> None:
    found = found_in(profiles, **{"zigbee2mqtt/door-101": DOOR})

    [door] = found.values()
    best = door.ways[0]
    assert (best.profile, best.topic) == ("z2m-door-contact", {"friendly_name": "door-101"})
    assert ("open", 1, "") in best.values
    assert door.category == "door_contact"


def test_an_invented_profile_is_never_proposed(profiles: list[MqttProfile]) -> None:
    invented = [one for one in profiles if one.evidence == "none"]
    copied = profiles[0].model_copy(update={"evidence": "none"})
    for profile in [*invented, copied]:
        assert all(
            way.profile != profile.id
            for device in found_in([profile], **{"zigbee2mqtt/door-101": DOOR}).values()
            for way in device.ways
        )


def test_a_dialect_by_what_its_messages_look_like(profiles: list[MqttProfile]) -> None:
    found = found_in(profiles, **{"tele/plug-1/SENSOR": ENERGY})

    assert found["plug-1"].kind == "tasmota"
    assert found["plug-1"].ways[0].profile == "dialect:tasmota"
    assert ("active_power", 21, "W") in found["plug-1"].ways[0].values


def test_a_bridge_that_describes_its_devices(profiles: list[MqttProfile]) -> None:
    description = [
        {
            "ieee_address": "0x00158d0001",
            "friendly_name": "th-1",
            "type": "EndDevice",
            "definition": {
                "vendor": "Xiaomi",
                "model": "WSDCGQ11LM",
                "description": "Temperature sensor",
                "exposes": [
                    {
                        "type": "numeric",
                        "name": "temperature",
                        "property": "temperature",
                        "unit": "°C",
                        "access": 1,
                    }
                ],
            },
        }
    ]
    found = found_in(
        profiles,
        **{
            "zigbee2mqtt/bridge/devices": orjson.dumps(description),
            "zigbee2mqtt/th-1": b'{"temperature":21.5}',
        },
    )

    way = found["th-1"].ways[0]
    assert way.profile == "dialect:zigbee2mqtt"
    assert ("temperature", 21.5, "°C") in way.values
    assert len(found) == 1


def test_what_nobody_knows_is_shown_as_it_is(profiles: list[MqttProfile]) -> None:
    found = found_in(profiles, **{"misc/thing": b'{"a":1,"b":{"c.d":[2]}}', "misc/raw": b"\xff"})

    assert found["misc/thing"].plain == {"a": 1, 'b["c.d"][0]': 2}
    assert found["misc/raw"].kind == "unknown"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(min_size=1, max_size=20), st.binary(max_size=60), max_size=5))
def test_no_message_breaks_it(profiles: list[MqttProfile], messages: dict[str, bytes]) -> None:
    heard = Heard()
    for topic, payload in messages.items():
        heard.add(topic, payload)

    found = devices_in(heard, profiles)

    assert {topic for one in found for topic in one.topics} <= messages.keys()


def test_what_is_kept_is_bounded() -> None:
    heard = Heard()
    for number in range(TOPICS_MAX + 5):
        heard.add(f"t/{number}", b"1")
    heard.add("large", b"x" * 10_000_000)

    assert len(heard.payloads) == TOPICS_MAX
    assert heard.dropped == 6


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("+/b", "a/b/c", False),
        ("#", "$SYS/x", False),
        ("a/b", "a/b", True),
    ],
)
def test_filters(topic_filter: str, topic: str, expected: bool) -> None:
    assert fits(topic_filter, topic) is expected


@pytest.mark.integration
def test_listening_on_a_broker_publishes_nothing(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "mosquitto") as broker:
        found, topics = _listened(str(broker.port))

    assert {one["name"] for one in found["devices"]} == {"door-101", "plug-1"}
    assert set(topics) == {"zigbee2mqtt/door-101", "tele/plug-1/SENSOR"}


def _listened(port: str) -> tuple[dict[str, Any], list[str]]:
    """What the command says, and the topics that anybody published on meanwhile."""
    stop = threading.Event()

    def sensors() -> None:
        while not stop.is_set():
            for topic, payload in (("zigbee2mqtt/door-101", DOOR), ("tele/plug-1/SENSOR", ENERGY)):
                subprocess.run(
                    ["mosquitto_pub", "-p", port, "-t", topic, "-m", payload.decode()], check=False
                )
            time.sleep(0.2)

    witness = subprocess.Popen(
        ["mosquitto_sub", "-p", port, "-t", "#", "-F", "%t"], stdout=subprocess.PIPE, text=True
    )
    thread = threading.Thread(target=sensors)
    thread.start()
    try:
        result = RUNNER.invoke(
            app, ["scan", "--watch-mqtt", f"127.0.0.1:{port}", "--for", "2.5", "--json"]
        )
    finally:
        stop.set()
        thread.join(10)
        witness.terminate()
        topics, _ = witness.communicate(timeout=10)

    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout), topics.split()


def test_no_broker_is_an_error() -> None:
    result = RUNNER.invoke(app, ["scan", "--watch-mqtt", "127.0.0.1:1", "--for", "0.5"])

    assert result.exit_code == 1
    assert "cannot be reached" in result.output
