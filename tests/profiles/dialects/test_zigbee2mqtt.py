"""Zigbee2MQTT's list of devices, in the form of its documentation."""

from __future__ import annotations

from typing import Any

import pytest

from campus_wire.quality import Quality
from tests.profiles.dialects.heard import Described, describe, only


def listed(*exposes: dict[str, Any], name: str = "thing", **more: Any) -> dict[str, Any]:
    device = {
        "ieee_address": "0x00158d0001",
        "type": "EndDevice",
        "friendly_name": name,
        "definition": {"model": "M-1", "vendor": "Maker", "exposes": list(exposes)},
    }
    return {"zigbee2mqtt/bridge/devices": [device | more]}


def of(*exposes: dict[str, Any], name: str = "thing") -> Described:
    return only("zigbee2mqtt", listed(*exposes, name=name))


def expose(kind: str, name: str, access: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "property": name, "access": access, **more}


# https://www.zigbee2mqtt.io/devices/TS0601_thermostat.html and like thermostats
CLIMATE = {
    "type": "climate",
    "features": [
        expose("numeric", "current_heating_setpoint", 7, unit="°C")
        | {"value_min": 5, "value_max": 35, "value_step": 0.5},
        expose("numeric", "local_temperature", 5, unit="°C"),
        expose("enum", "system_mode", 7, values=["off", "auto", "heat"]),
        expose("enum", "running_state", 5, values=["idle", "heat"]),
        expose("enum", "preset", 7, values=["schedule", "boost"]),
    ],
}


def test_thermostat() -> None:
    device = of(CLIMATE, expose("binary", "child_lock", 7, value_on="LOCK", value_off="UNLOCK"))

    said = {
        "current_heating_setpoint": 21.5,
        "local_temperature": 19.9,
        "system_mode": "heat",
        "running_state": "heat",
        "preset": "boost",
        "child_lock": "UNLOCK",
    }
    assert device.values("zigbee2mqtt/thing", said) == {
        "temperature_setpoint": 21.5,
        "temperature": 19.9,
        "system_mode": 2,
        "running_state": 1,
        "preset": 1,
        "child_lock": 0,
    }
    assert device.profile.category == "thermostat"
    assert device.command("temperature_setpoint", 22.0) == (
        "zigbee2mqtt/thing/set",
        {"current_heating_setpoint": 22},
    )
    assert device.command("system_mode", 0) == ("zigbee2mqtt/thing/set", {"system_mode": "off"})


def test_light_with_levels_and_colour() -> None:
    light = {
        "type": "light",
        "features": [
            expose("binary", "state", 7, value_on="ON", value_off="OFF", value_toggle="TOGGLE"),
            expose("numeric", "brightness", 7, value_min=0, value_max=254),
            {"type": "composite", "name": "color_xy", "property": "color", "access": 7}
            | {"features": [expose("numeric", "x", 7), expose("numeric", "y", 7)]},
        ],
    }
    device = of(light)

    said = {"state": "ON", "brightness": 127, "color": {"x": 0.3, "y": 0.4}}
    assert device.values("zigbee2mqtt/thing", said) == {
        "light": 1,
        "brightness": 127,
        "color_x": 0.3,
        "color_y": 0.4,
    }
    assert device.command("brightness", 254) == ("zigbee2mqtt/thing/set", {"brightness": 254})
    assert not device.profile.points_by_name["color_x"].is_writable
    assert device.profile.category == "lighting_controller"


def test_endpoints_are_channels() -> None:
    def switch(endpoint: str) -> dict[str, Any]:
        feature = {"type": "binary", "name": "state", "property": f"state_{endpoint}", "access": 7}
        words = {"value_on": "ON", "value_off": "OFF", "endpoint": endpoint}
        return {"type": "switch", "endpoint": endpoint, "features": [feature | words]}

    device = of(switch("l1"), switch("l2"))

    told = device.values("zigbee2mqtt/thing", {"state_l1": "ON", "state_l2": "OFF"})

    assert told == {"relay_l1": 1, "relay_l2": 0}
    assert device.command("relay_l2", 1) == ("zigbee2mqtt/thing/set", {"state_l2": "ON"})


def test_lock() -> None:
    lock = {
        "type": "lock",
        "features": [
            expose("binary", "state", 7, value_on="LOCK", value_off="UNLOCK"),
            expose("enum", "lock_state", 1, values=["not_fully_locked", "locked", "unlocked"]),
        ],
    }
    device = of(lock)

    told = device.values("zigbee2mqtt/thing", {"state": "LOCK", "lock_state": "locked"})

    assert told == {"lock": 1, "lock_state": 0}
    assert device.command("lock", 0) == ("zigbee2mqtt/thing/set", {"state": "UNLOCK"})
    assert device.profile.category == "access_control"


def test_alarms_are_of_class_safety() -> None:
    device = of(
        *(expose("binary", name) for name in ("smoke", "gas", "carbon_monoxide", "water_leak")),
        expose("binary", "sos"),
        expose("binary", "tamper"),
        expose("enum", "action", values=["emergency", "disarm"]),
    )

    classes = {point.name: point.point_class for point in device.profile.points}
    assert classes.pop("link_quality") == "slow"
    assert classes.pop("tamper") == "normal"
    assert set(classes.values()) == {"safety"}
    assert len(classes) == 6


@pytest.mark.parametrize("on", [False, True])
def test_contact_tells_whether_it_is_open(*, on: bool) -> None:
    device = of(expose("binary", "contact", value_on=on, value_off=not on))

    assert device.values("zigbee2mqtt/thing", {"contact": True}) == {"open": 0}
    assert device.values("zigbee2mqtt/thing", {"contact": False}) == {"open": 1}


def test_button_that_is_released_says_nothing() -> None:
    device = of(expose("enum", "action", values=["single", "double"]))

    assert device.values("zigbee2mqtt/thing", {"action": "double"}) == {"action": 1}
    assert device.qualities("zigbee2mqtt/thing", {"action": ""}) == {
        "action": Quality.INVALID_MARKER
    }


def test_bridge_that_is_offline_takes_its_devices_along() -> None:
    device = of(expose("numeric", "temperature", unit="°C"))

    for topic in ("zigbee2mqtt/bridge/state", "zigbee2mqtt/thing/availability"):
        assert device.qualities(topic, {"state": "online"}) == {}
        assert set(device.qualities(topic, "offline").values()) == {Quality.DEVICE_OFFLINE}


def test_names_in_folders_and_other_base_topics() -> None:
    heard = listed(expose("numeric", "temperature", unit="°C"), name="lab/公共 1")
    device = only("zigbee2mqtt", {"school/zb/bridge/devices": heard.popitem()[1]})

    assert device.found.topic == {"friendly_name": "lab/公共 1"}
    assert device.values("school/zb/lab/公共 1", {"temperature": 20}) == {"temperature": 20}


def test_unknown_keys_keep_the_makers_name_with_a_chinese_one() -> None:
    device = of(
        expose("numeric", "calibration_time", unit="s"),
        expose("numeric", "frobnicate"),
        expose("numeric", "foo", unit="furlong"),
    )

    labels = {point.name: point.labels for point in device.profile.points}
    assert (labels["calibration_time"].zh, labels["calibration_time"].en) == (
        "校准时间",
        "calibration time",
    )
    assert labels["frobnicate"].zh == "厂家项 frobnicate"
    assert device.found.notes == ("foo has the unit 'furlong', which is left out",)


def test_what_can_be_set_without_limits_is_only_read() -> None:
    device = of(expose("numeric", "power_on_delay", 7))

    assert not device.profile.points_by_name["power_on_delay"].is_writable
    assert any("within what limits" in note for note in device.found.notes)


@pytest.mark.parametrize(
    "heard",
    [
        {"zigbee2mqtt/bridge/devices": b"\xff"},
        {"zigbee2mqtt/bridge/devices": {"a": 1}},
        {"zigbee2mqtt/bridge/devices": [1, None, "x", [], {}]},
        listed(name="a/+/b"),
        listed(type="Coordinator"),
        listed(definition=None),
        listed(
            {"type": "numeric"}, {"features": 3}, {"type": "list"}, {"type": "climate"}, name=""
        ),
        {"zb{x}/bridge/devices": [{"friendly_name": "a", "definition": {}}]},
    ],
)
def test_garbage_describes_nothing(heard: dict[str, Any]) -> None:
    assert describe("zigbee2mqtt", heard) == []
