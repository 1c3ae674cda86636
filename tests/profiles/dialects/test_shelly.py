"""Shelly devices of both kinds."""

from __future__ import annotations

from typing import Any

import pytest

from campus_wire.quality import Quality
from tests.profiles.dialects.heard import describe, only

# the form of https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Shelly#shellygetstatus
PLUS = "shellyplus2pm-a8032ab11964"
STATUS: dict[str, Any] = {
    "cover:0": {
        "id": 0,
        "source": "limit_switch",
        "state": "open",
        "apower": 0.0,
        "voltage": 233.0,
        "current": 0.0,
        "pf": 0.0,
        "freq": 50.0,
        "aenergy": {"total": 62.1, "by_minute": [0, 0, 0], "minute_ts": 1654511972},
        "temperature": {"tC": 50.7, "tF": 123.3},
        "pos_control": True,
        "current_pos": 100,
    },
    "input:0": {"id": 0, "state": False},
    "input:1": {"id": 1, "state": True},
    "sys": {"mac": "A8032AB11964", "uptime": 11081, "time": "16:06", "ram_free": 146328},
    "wifi": {"sta_ip": "10.33.55.170", "status": "got ip", "ssid": "lab", "rssi": -64},
}


def test_answer_to_get_status_describes_all_components() -> None:
    answer = {"id": 1, "src": PLUS, "dst": f"campus/{PLUS}", "result": STATUS}
    device = only("shelly", {f"campus/{PLUS}/rpc": answer})

    assert device.found.id == "A8032AB11964"
    told = device.values(f"campus/{PLUS}/rpc", answer)
    assert told["position"] == 100
    assert told["cover_state"] == 1
    assert (told["input"], told["input_2"]) == (0, 1)
    assert told["signal_strength"] == -64
    assert told["active_energy"] == 62.1
    topic, request = device.command("position", 40)
    assert topic == f"{PLUS}/rpc"
    assert request["method"] == "Cover.GoToPosition"
    assert request["params"] == {"id": 0, "pos": 40}


def test_partial_and_full_notifications_and_status_say_the_same_points() -> None:
    full = {"src": PLUS, "method": "NotifyFullStatus", "params": {"ts": 1.5, **STATUS}}
    device = only("shelly", {f"{PLUS}/events/rpc": full})

    changed = {"ts": 2.5, "cover:0": {"id": 0, "current_pos": 55}}
    part = {"src": PLUS, "method": "NotifyStatus", "params": changed}

    assert device.values(f"{PLUS}/events/rpc", part) == {"position": 55}
    assert device.values(f"{PLUS}/status/input:1", {"id": 1, "state": False}) == {"input_2": 0}


def test_events_of_buttons_say_nothing_of_the_status() -> None:
    device = only("shelly", {f"{PLUS}/status/input:0": {"id": 0, "state": False}})
    event = {"method": "NotifyEvent", "params": {"ts": 1, "events": [{"component": "input:0"}]}}

    assert device.values(f"{PLUS}/events/rpc", event) == {}


def test_switch_is_set_by_request() -> None:
    device = only("shelly", {"plug/status/switch:0": {"id": 0, "output": False, "apower": 3.1}})

    topic, request = device.command("relay", 1)

    assert topic == "plug/rpc"
    assert (request["method"], request["params"]) == ("Switch.Set", {"id": 0, "on": True})
    assert device.profile.category == "smart_plug"


def test_last_will_of_gen2() -> None:
    device = only("shelly", {"plug/status/switch:0": {"id": 0, "output": False}})

    assert device.qualities("plug/online", "true") == {}
    assert device.qualities("plug/online", "false") == {"relay": Quality.DEVICE_OFFLINE}


def test_sensor_that_is_not_fitted_has_no_value() -> None:
    status = {"id": 100, "tC": None, "tF": None}
    device = only("shelly", {"addon/status/temperature:100": status})

    assert device.profile.points_by_name["temperature_100"].unit == "°C"
    assert device.qualities("addon/status/temperature:100", status) == {
        "temperature_100": Quality.INVALID_MARKER
    }


GEN1 = {
    # https://shelly-api-docs.shelly.cloud/gen1/#shelly2-5-mqtt
    "shellies/announce": {
        "id": "shellyswitch25-B929CC",
        "model": "SHSW-25",
        "mac": "98F4ABB929CC",
        "ip": "192.168.1.9",
        "new_fw": False,
        "fw_ver": "20210710-130145/v1.11.0-g12a9327-master",
    },
    "shellies/shellyswitch25-B929CC/relay/0": "off",
    "shellies/shellyswitch25-B929CC/relay/1": "on",
    "shellies/shellyswitch25-B929CC/relay/0/power": "12.5",
    "shellies/shellyswitch25-B929CC/relay/0/energy": "600",
    "shellies/shellyswitch25-B929CC/temperature": "45.1",
    "shellies/shellyswitch25-B929CC/overtemperature": "0",
    "shellies/shellyswitch25-B929CC/input/0": "1",
    "shellies/shellyswitch25-B929CC/input_event/0": {"event": "S", "event_cnt": 2},
    "shellies/shellyswitch25-B929CC/relay/0/command": "on",
}


def test_gen1_is_described_by_its_topics() -> None:
    device = only("shelly", GEN1)
    base = "shellies/shellyswitch25-B929CC"

    assert (device.found.id, device.profile.model) == ("98F4ABB929CC", "SHSW-25")
    assert device.values(f"{base}/relay/1", "on") == {"relay_2": 1}
    assert device.values(f"{base}/relay/0/energy", "600") == pytest.approx({"active_energy": 10})
    assert device.values(f"{base}/input_event/0", {"event": "L", "event_cnt": 3}) == {
        "button_event": 1
    }
    assert device.command("relay", 1) == (f"{base}/relay/0/command", "on")
    assert device.profile.points_by_name["overheat"].point_class == "safety"
    assert device.qualities(f"{base}/online", "false") != {}


def test_names_do_not_depend_on_what_was_heard_yet() -> None:
    some = {topic: GEN1[topic] for topic in list(GEN1)[:2]}

    names = [
        {point.name for point in only("shelly", heard).profile.points} for heard in (some, GEN1)
    ]

    assert names[0] == {"relay"}
    assert names[0] < names[1]


def test_gen1_roller_and_battery_sensors() -> None:
    heard = {
        "shellies/shellyswitch25-1/roller/0": "stop",
        "shellies/shellyswitch25-1/roller/0/pos": "30",
        "shellies/shellyflood-2/sensor/temperature": "21.5",
        "shellies/shellyflood-2/sensor/flood": "true",
        "shellies/shellyflood-2/sensor/battery": "87",
        "shellies/shellydw2-3/sensor/state": "open",
        "shellies/shellydw2-3/sensor/lux": "120",
    }
    roller, flood, door = describe("shelly", heard)

    assert roller.command("position", 55) == ("shellies/shellyswitch25-1/roller/0/command/pos", 55)
    assert roller.command("cover_state", 1) == (
        "shellies/shellyswitch25-1/roller/0/command",
        "open",
    )
    assert roller.qualities("shellies/shellyswitch25-1/roller/0/pos", "-1") == {
        "position": Quality.INVALID_MARKER
    }
    assert flood.profile.category == "water_leak"
    assert flood.values("shellies/shellyflood-2/sensor/flood", "true") == {"water_leak": 1}
    assert door.values("shellies/shellydw2-3/sensor/state", "open") == {"open": 1}


def test_sleepers_on_batteries_are_not_offline() -> None:
    heard: dict[str, Any] = {
        "ht/status/temperature:0": {"id": 0, "tC": 21.3, "tF": 70.4},
        "ht/status/devicepower:0": {"id": 0, "battery": {"V": 5.9, "percent": 90}},
        "shellies/shellyht-1/sensor/temperature": "21.5",
        "shellies/shellyht-1/sensor/battery": "80",
    }
    devices = describe("shelly", heard)

    assert [device.profile.mqtt.availability for device in devices] == [(), ()]
    told = devices[1].values("ht/status/devicepower:0", heard["ht/status/devicepower:0"])
    assert told == {"battery": 90, "battery_voltage": 5.9}


def test_garbage_describes_nothing() -> None:
    heard: dict[str, Any] = {
        "x/status/switch:0": b"\xff",
        "x/status/foo:0": {"output": True},
        "x/status/switch:zz": {"output": True},
        "x/events/rpc": {"params": [1, 2]},
        "campus/x/rpc": {"result": None},
        "shellies/a/unknown": "1",
        "shellies/announce": b"[]",
    }

    assert describe("shelly", heard) == []
