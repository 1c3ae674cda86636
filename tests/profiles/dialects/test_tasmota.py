"""Tasmota: its discovery and its messages, as captured from devices."""

from __future__ import annotations

from typing import Any

import pytest

from campus_wire.quality import Quality
from tests.profiles.dialects.heard import describe, only

# https://github.com/enesbcs/shellyteacher4domo/issues/42, shortened where lists repeat themselves
CONFIG: dict[str, Any] = {
    "ip": "192.168.0.7",
    "dn": "CV-Ruimte",
    "fn": ["Door", "Relais1", "Relais2", "Relais3", None, None, None, None],
    "hn": "cv-ruimte-5830",
    "mac": "DC4F220756C6",
    "md": "Technische Ruimte",
    "ofln": "Offline",
    "onln": "Online",
    "state": ["OFF", "ON", "TOGGLE", "HOLD"],
    "sw": "13.4.0",
    "t": "cv-ruimte",
    "ft": "%prefix%/%topic%/",
    "tp": ["cmnd", "stat", "tele"],
    "rl": [1, 1, 1, 1, 0, 0, 0, 0],
    "ver": 1,
}
SENSORS: dict[str, Any] = {
    "sn": {
        "Time": "2024-03-31T08:46:17",
        "Switch1": "ON",
        "DS18B20-1": {"Id": "3CCCE3810022", "Temperature": 18.4},
        "DS18B20-2": {"Id": "3CF0E381CD74", "Temperature": 17.7},
        "TempUnit": "C",
    },
    "ver": 1,
}
DISCOVERY = {
    "tasmota/discovery/DC4F220756C6/config": CONFIG,
    "tasmota/discovery/DC4F220756C6/sensors": SENSORS,
}


def test_discovery_describes_relays_and_sensors() -> None:
    device = only("tasmota", DISCOVERY)

    assert (device.found.id, device.found.name) == ("DC4F220756C6", "CV-Ruimte")
    assert device.found.topic == {"topic": "cv-ruimte"}
    assert device.values("tele/cv-ruimte/SENSOR", SENSORS["sn"]) == {
        "switch1": 1,
        "temperature_3ccce3810022": 18.4,
        "temperature_3cf0e381cd74": 17.7,
    }
    assert device.values("stat/cv-ruimte/RESULT", {"POWER3": "ON"}) == {"relay_3": 1}
    assert device.values("tele/cv-ruimte/STATE", {"POWER1": "OFF"}) == {"relay_1": 0}
    assert device.values("stat/cv-ruimte/POWER4", "ON") == {"relay_4": 1}
    assert device.command("relay_2", 1) == ("cmnd/cv-ruimte/POWER2", "ON")


def test_a_probe_is_known_by_its_id_whatever_its_number() -> None:
    device = only("tasmota", DISCOVERY)
    swapped = {
        "DS18B20-1": {"Id": "3CF0E381CD74", "Temperature": 17.7},
        "DS18B20-2": {"Id": "3CCCE3810022", "Temperature": 18.4},
    }

    told = device.values("tele/cv-ruimte/SENSOR", swapped)

    assert told == {"temperature_3ccce3810022": 18.4, "temperature_3cf0e381cd74": 17.7}


def test_last_will_makes_it_offline() -> None:
    device = only("tasmota", DISCOVERY)

    assert device.qualities("tele/cv-ruimte/LWT", "Online") == {}
    gone = device.qualities("tele/cv-ruimte/LWT", "Offline")
    assert set(gone.values()) == {Quality.DEVICE_OFFLINE}


def test_other_topic_orders_and_words() -> None:
    config = CONFIG | {"ft": "home/%topic%/%prefix%/", "tp": ["c", "s", "t"], "rl": [1]}
    config |= {"state": ["uit", "aan", "x", "y"], "onln": "on", "ofln": "off"}
    device = only("tasmota", {"tasmota/discovery/DC4F220756C6/config": config})

    assert device.values("home/cv-ruimte/s/POWER", "aan") == {"relay": 1}
    assert device.command("relay", 0) == ("home/cv-ruimte/c/POWER", "uit")
    assert device.qualities("home/cv-ruimte/t/LWT", "off") != {}


def test_temperature_in_fahrenheit_is_told_in_celsius() -> None:
    payload = {"AM2301": {"Temperature": 212.0, "Humidity": 5}, "TempUnit": "F"}
    device = only("tasmota", {"tele/kiln/SENSOR": payload})

    told = device.values("tele/kiln/SENSOR", payload)

    assert told["temperature"] == pytest.approx(100.0)
    assert device.profile.points_by_name["temperature"].unit == "°C"


def test_three_phases_are_three_channels() -> None:
    # the form of https://tasmota.github.io/docs/SDM630/
    payload = {
        "Time": "2022-01-01T00:00:00",
        "ENERGY": {
            "Total": [1.5, 2.5, 3.5],
            "Power": [120, 240, 360],
            "Voltage": [230, 231, 232],
            "Frequency": 50,
        },
    }
    device = only("tasmota", {"tele/meter/SENSOR": payload})

    told = device.values("tele/meter/SENSOR", payload)

    assert told == {
        **{f"active_energy_l{at}": at + 0.5 for at in (1, 2, 3)},
        **{f"active_power_l{at}": at * 120 for at in (1, 2, 3)},
        **{f"voltage_l{at}": 229 + at for at in (1, 2, 3)},
        "frequency": 50,
    }


@pytest.mark.parametrize(
    ("sensor", "said", "expected"),
    [
        # https://tasmota.github.io/docs/ has a page for each
        ("SR04", {"Distance": 16.754}, {"distance": 16.754}),
        ("SDS0X1", {"PM2.5": 4.1, "PM10": 9.7}, {"pm2_5": 4.1, "pm10": 9.7}),
        (
            "PMS5003",
            {"CF1": 3, "CF2.5": 4, "CF10": 4, "PM1": 3, "PM2.5": 4, "PM10": 4, "PB0.3": 681},
            {
                "pm1_factory": 3,
                "pm2_5_factory": 4,
                "pm10_factory": 4,
                "pm1": 3,
                "pm2_5": 4,
                "pm10": 4,
                "particles_0_3": 681,
            },
        ),
        (
            "BME680",
            {"Temperature": 24.5, "Humidity": 33.0, "DewPoint": 7.1, "Pressure": 987.7}
            | {"Gas": 1086.43},
            {
                "temperature": 24.5,
                "relative_humidity": 33.0,
                "dew_point": 7.1,
                "air_pressure": 987.7,
                "gas_resistance": 1_086_430,
            },
        ),
    ],
)
def test_known_sensors(sensor: str, said: dict[str, Any], expected: dict[str, float]) -> None:
    payload = {"Time": "2020-01-01T00:00:00", sensor: said, "PressureUnit": "hPa", "TempUnit": "C"}
    device = only("tasmota", {"tele/x/SENSOR": payload})

    assert device.values("tele/x/SENSOR", payload) == pytest.approx(expected)


def test_two_sensors_of_a_kind_keep_their_names_when_others_come() -> None:
    one = {"BME280": {"Temperature": 20.0}, "SHT3X": {"Temperature": 21.0}, "TempUnit": "C"}
    two = {"AM2301": {"Temperature": 19.0}, **one}

    names = [
        {point.name for point in only("tasmota", {"tele/x/SENSOR": said}).profile.points}
        for said in (one, two)
    ]

    assert names[0] == {"temperature_bme280", "temperature_sht3x"}
    assert names[0] < names[1]


def test_state_tells_the_radio() -> None:
    state = {"UptimeSec": 120, "Wifi": {"RSSI": 78, "Signal": -61}, "POWER": "ON", "Heap": 27}
    device = only("tasmota", {"tele/plug/STATE": state})

    told = device.values("tele/plug/STATE", state)

    assert told == {"uptime": 120, "wifi_quality": 78, "signal_strength": -61, "relay": 1}


def test_outputs_keep_their_numbers_beside_shutters() -> None:
    config = CONFIG | {"rl": [3, 3, 1, 2, 0, 0]}
    heard = {
        "tasmota/discovery/DC4F220756C6/config": config,
        "stat/cv-ruimte/RESULT": {"POWER4": "ON"},
        "tele/cv-ruimte/SENSOR": {"Shutter1": {"Position": 20, "Direction": 0, "Target": 20}},
        "tele/cv-ruimte/STATE": {"Dimmer": 40, "POWER4": "ON"},
    }
    device = only("tasmota", heard)

    assert {"relay_3", "relay_4"} <= set(device.profile.points_by_name)
    assert "relay_1" not in device.profile.points_by_name
    assert device.values("tele/cv-ruimte/SENSOR", {"Shutter1": {"Position": 35}}) == {
        "position": 35
    }
    assert device.command("position", 60) == ("cmnd/cv-ruimte/ShutterPosition1", 60)
    assert device.values("stat/cv-ruimte/RESULT", {"Dimmer": 55}) == {"brightness": 55}
    assert device.command("brightness", 10) == ("cmnd/cv-ruimte/Dimmer", 10)


def test_garbage_describes_nothing() -> None:
    heard: dict[str, Any] = {
        "tasmota/discovery/DC4F220756C6/config": b"\xff",
        "tasmota/discovery/DC4F220756C7/config": {"t": "a/#", "rl": [1]},
        "tasmota/discovery/DC4F220756C8/config": {"t": "x", "ft": "%prefix%/+/", "rl": [1]},
        "tasmota/discovery/DC4F220756C9/config": {"t": "y", "rl": ["a", None, {}], "tp": 3},
        "tele/z/SENSOR": {"A": {"B": {"C": {"D": {"E": {"F": 1}}}}}, "": 3, 'a"b': {"x": 1}},
    }

    assert describe("tasmota", heard) == []
