"""Home Assistant's discovery, with messages as published in public documents."""

from __future__ import annotations

from typing import Any

import pytest

from campus_wire.quality import Quality
from tests.profiles.dialects.heard import describe, one_entity, only

# https://github.com/esphome/issues/issues/4632, what ESPHome publishes for an ADC sensor
ESPHOME_DEVICE = {
    "identifiers": "6055f97b55e0",
    "name": "c3-debug-7b55e0",
    "sw_version": "esphome v2023.6.2 Jun 28 2023, 07:57:41",
    "model": "airm2m_core_esp32c3",
    "manufacturer": "espressif",
}
ESPHOME = {
    "homeassistant/sensor/c3-debug-7b55e0/pressure_voltage/config": {
        "device_class": "voltage",
        "unit_of_measurement": "V",
        "state_class": "measurement",
        "name": "Pressure voltage",
        "state_topic": "c3-debug/sensor/pressure_voltage/state",
        "availability_topic": "c3-debug/status",
        "unique_id": "ESPsensorpressure_voltage",
        "device": ESPHOME_DEVICE,
    },
    "homeassistant/switch/c3-debug-7b55e0/pump/config": {
        "name": "Pump",
        "state_topic": "c3-debug/switch/pump/state",
        "command_topic": "c3-debug/switch/pump/command",
        "availability_topic": "c3-debug/status",
        "device": ESPHOME_DEVICE,
    },
}

# https://github.com/arendst/Tasmota/issues/7097, abbreviated, with a base topic
TASMOTA = {
    f"homeassistant/sensor/522851_ENERGY_{which}/config": {
        "name": f"Tasmota ENERGY {which}",
        "stat_t": "~SENSOR",
        "avty_t": "~LWT",
        "pl_avail": "Online",
        "pl_not_avail": "Offline",
        "uniq_id": f"522851_ENERGY_{which}",
        "device": {"identifiers": ["522851"], "connections": [["mac", "84:0D:8E:52:28:51"]]},
        "~": "tasmota01/tele/",
        "unit_of_meas": "kWh",
        "val_tpl": f"{{{{value_json['ENERGY'].{which}}}}}",
        "dev_cla": "power",
    }
    for which in ("Yesterday", "Today")
}

# https://github.com/jomjol/AI-on-the-edge-device/issues/1133
WATER_METER = {
    "~": "watermeter",
    "name": "Meter-Water - Counter",
    "unit_of_meas": "m³",
    "icon": "mdi:water",
    "state_topic": "~/main/json",
    "value_template": "{{ value_json.value}}",
    "json_attributes_topic": "~/main/json",
    "unique_id": "smartmeter.watertotal.total",
    "availability_topic": "~/connection",
    "payload_available": "connected",
    "payload_not_available": "connection lost",
    "device": {
        "identifiers": ["12345678"],
        "name": "Total water meter",
        "model": "M100",
        "manufacturer": "aquamess",
    },
}


def test_esphome_describes_itself_through_discovery() -> None:
    device = only("homeassistant", ESPHOME)

    assert device.found.id == "6055f97b55e0"
    assert device.found.topic == {"base": "c3-debug"}
    assert device.values("c3-debug/sensor/pressure_voltage/state", "1.234") == {"voltage": 1.234}
    assert device.values("c3-debug/switch/pump/state", "ON") == {"relay": 1}
    assert device.command("relay", 0) == ("c3-debug/switch/pump/command", "OFF")


def test_esphome_status_topic_is_its_availability() -> None:
    device = only("homeassistant", ESPHOME)

    assert device.qualities("c3-debug/status", "online") == {}
    gone = device.qualities("c3-debug/status", "offline")
    assert set(gone.values()) == {Quality.DEVICE_OFFLINE}


def test_devices_of_one_model_share_a_profile() -> None:
    twin = {
        topic.replace("7b55e0", "aaaaaa"): _renamed(config) for topic, config in ESPHOME.items()
    }

    one, two = describe("homeassistant", ESPHOME | twin)

    assert one.found.profile == two.found.profile
    assert [one.found.topic, two.found.topic] == [{"base": "c3-debug"}, {"base": "other"}]


def _renamed(config: dict[str, Any]) -> dict[str, Any]:
    told = {key: str(value).replace("c3-debug/", "other/") for key, value in config.items()}
    return told | {"device": ESPHOME_DEVICE | {"identifiers": "aaaaaa"}}


def test_base_topic_and_abbreviations_are_written_out() -> None:
    device = only("homeassistant", TASMOTA)

    payload = {"ENERGY": {"Yesterday": 5.34, "Today": 0.954}}
    assert device.values("tasmota01/tele/SENSOR", payload) == {
        "energy_yesterday": 5.34,
        "energy_today": 0.954,
    }
    units = {point.name: point.unit for point in device.profile.points}
    assert units == {"energy_yesterday": "kWh", "energy_today": "kWh"}


def test_availability_words_may_be_any() -> None:
    device = only("homeassistant", {"homeassistant/sensor/watermeter/config": WATER_METER})

    assert list(device.values("watermeter/main/json", {"value": 523.9}).values()) == [523.9]
    assert [point.unit for point in device.profile.points] == ["m³"]
    gone = device.qualities("watermeter/connection", "connection lost")
    assert set(gone.values()) == {Quality.DEVICE_OFFLINE}


def test_binary_sensor_is_a_state_of_its_class() -> None:
    device = one_entity(
        "binary_sensor",
        {
            "state_topic": "garden/leak",
            "device_class": "moisture",
            "payload_on": "wet",
            "payload_off": "dry",
        },
    )

    point = device.profile.points_by_name["water_leak"]
    assert point.point_class == "safety"
    assert device.values("garden/leak", "wet") == {"water_leak": 1}


def test_choice_of_two_words_is_data() -> None:
    device = one_entity(
        "binary_sensor",
        {
            "state_topic": "door",
            "device_class": "door",
            "value_template": "{{ 'ON' if value_json.state == 'open' else 'OFF' }}",
        },
    )

    assert device.values("door", {"state": "open"}) == {"open": 1}
    assert device.values("door", {"state": "ajar"}) == {"open": 0}


def test_truth_of_json_is_a_word_of_the_template() -> None:
    config = {"state_topic": "door", "value_template": "{{ value_json.contact }}"}
    words = {"payload_on": False, "payload_off": True, "device_class": "door"}
    device = one_entity("binary_sensor", config | words)

    assert device.values("door", {"contact": False}) == {"open": 1}


def test_template_with_a_factor_scales_in_its_unit() -> None:
    device = one_entity(
        "sensor",
        {
            "state_topic": "boiler",
            "device_class": "temperature",
            "unit_of_measurement": "°F",
            "value_template": "{{ (value_json.t | float / 10) | round(1) }}",
        },
    )

    assert device.values("boiler", {"t": 2120})["temperature"] == pytest.approx(100.0)


@pytest.mark.parametrize(
    "template",
    [
        "{{ now() }}",
        "{{ states('sensor.other') }}",
        "{% set x = value_json.a %}{{ x }}",
        "{{ value_json.a + value_json.b }}",
        "{{ value_json[value_json.key] }}",
        "{{ value.split(',')[2] }}",
        "{{ value_json.a if value_json.a > 3 else 0 }}",
        "{{",
    ],
)
def test_template_that_computes_is_named_and_left_out(template: str) -> None:
    config = {"state_topic": "a/b", "unit_of_measurement": "°C", "device_class": "temperature"}
    heard = {
        "homeassistant/sensor/n/one/config": {**config, "val_tpl": template, "dev": {"ids": "x"}},
        "homeassistant/sensor/n/two/config": {**config, "dev": {"ids": "x"}},
    }

    device = only("homeassistant", heard)

    assert [point.name for point in device.profile.points] == ["temperature"]
    assert any("one.value_template is not understood" in note for note in device.found.notes)


def test_temperatures_of_one_device_are_told_apart_whatever_comes_first() -> None:
    def config(name: str, unit: str) -> dict[str, Any]:
        return {
            "name": name,
            "device_class": "temperature",
            "unit_of_measurement": unit,
            "state_topic": f"node/{name}",
            "device": {"identifiers": ["n"]},
        }

    heard: dict[str, Any] = {
        "homeassistant/sensor/n/temperature/config": config("room", "°C"),
        "homeassistant/sensor/n/cpu_temperature/config": config("cpu", "°C"),
    }
    backwards = dict(reversed(heard.items()))

    names = [
        {point.name for point in only("homeassistant", one).profile.points}
        for one in (heard, backwards)
    ]
    assert names == [{"temperature", "temperature_cpu"}] * 2


def test_description_of_a_whole_device() -> None:
    # the form of https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
    config = {
        "dev": {"ids": "ea334450945afc", "name": "Kitchen", "mf": "Bla electronics", "mdl": "xya"},
        "o": {"name": "bla2mqtt", "sw": "2.1"},
        "cmps": {
            "some_unique_component_id1": {
                "p": "sensor",
                "device_class": "temperature",
                "unit_of_measurement": "°C",
                "value_template": "{{ value_json.temperature}}",
                "unique_id": "temp01ae_t",
            },
            "some_unique_id2": {
                "p": "sensor",
                "device_class": "humidity",
                "unit_of_measurement": "%",
                "value_template": "{{ value_json.humidity}}",
                "unique_id": "temp01ae_h",
            },
        },
        "state_topic": "sensorBedroom/state",
        "qos": 2,
    }

    device = only("homeassistant", {"homeassistant/device/0AFFD2/config": config})

    assert device.found.name == "Kitchen"
    assert device.profile.category == "temperature_humidity"
    told = device.values("sensorBedroom/state", {"temperature": 23.2, "humidity": 43.7})
    assert told == {"temperature": 23.2, "relative_humidity": 43.7}


def test_names_of_components_are_the_makers_own() -> None:
    def component(which: str) -> dict[str, str]:
        return {"p": "sensor", "unit_of_meas": "V", "val_tpl": f"{{{{ value_json.{which} }}}}"}

    config = {
        "dev": {"ids": "x"},
        "stat_t": "x/s",
        "cmps": {"t": component("a"), "topic": component("b")},
    }

    device = only("homeassistant", {"homeassistant/device/x/config": config})

    assert device.values("x/s", {"a": 1, "b": 2}) == {"t": 1, "topic": 2}


def test_garbage_describes_nothing() -> None:
    heard: dict[str, Any] = {
        "homeassistant/sensor/a/config": b"\xff\xfe",
        "homeassistant/sensor/b/config": b"[]",
        "homeassistant/sensor/c/config": {"state_topic": 5},
        "homeassistant/sensor/d/config": {"state_topic": "a/#", "unit_of_meas": "V"},
        "homeassistant/sensor/e/config": {"stat_t": "{x}", "unit_of_meas": "V"},
        "homeassistant/device/f/config": {"cmps": [1, 2], "dev": "x"},
        "homeassistant/vacuum/g/config": {"command_topic": "x"},
        "homeassistant/climate/h/config": {"modes": "cool", "mode_cmd_t": "x", "min_temp": "a"},
        "homeassistant/sensor/i/config": {"~": "x"},
    }

    names = {point.name for one in describe("homeassistant", heard) for point in one.profile.points}
    assert names == {"mode"}
