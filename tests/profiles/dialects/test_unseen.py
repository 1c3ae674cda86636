"""Devices that the dialects were not written around, as their firmware or bridge describes them."""

from __future__ import annotations

from typing import Any

import pytest

from campus_wire.quality import Quality
from tests.profiles.dialects.heard import Described, only

PLUS_HT = "shellyplusht-c049ef8bc088"
# https://github.com/enesbcs/Shelly_MQTT/pull/99, shortened
HT_STATUS: dict[str, Any] = {
    "src": PLUS_HT,
    "dst": f"{PLUS_HT}/events",
    "method": "NotifyFullStatus",
    "params": {
        "ts": 1669541352.21,
        "ble": {},
        "cloud": {"connected": False},
        "devicepower:0": {
            "id": 0,
            "battery": {"V": 0.43, "percent": 0},
            "external": {"present": True},
        },
        "ht_ui": {},
        "humidity:0": {"id": 0, "rh": 57.6},
        "sys": {"mac": "C049EF8BC088", "time": None, "unixtime": None, "uptime": 0},
        "temperature:0": {"id": 0, "tC": 19.0, "tF": 66.2},
        "wifi": {"sta_ip": "192.168.1.43", "status": "got ip", "rssi": -60},
    },
}


def test_shelly_plus_ht_says_all_at_once() -> None:
    device = only("shelly", {f"{PLUS_HT}/events/rpc": HT_STATUS})

    told = device.values(f"{PLUS_HT}/events/rpc", HT_STATUS)
    assert (told["temperature"], told["relative_humidity"], told["battery"]) == (19.0, 57.6, 0)
    assert device.found.category == "temperature_humidity"


def test_shelly_buttons_tell_their_pushes() -> None:
    # https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Input: state is null for
    # inputs of type button; NotifyEvent tells the pushes
    i4 = "shellyplusi4-a8032ab636ec"
    params = {
        "ts": 1.0,
        "input:0": {"id": 0, "state": None},
        "input:1": {"id": 1, "state": True},
        "input:2": {"id": 2, "percent": 45.5},
        "sys": {"mac": "A8032AB636EC"},
    }
    status = {"src": i4, "method": "NotifyFullStatus", "params": params}
    device = only("shelly", {f"{i4}/events/rpc": status})

    def pushed(component: str, event: str) -> dict[str, Any]:
        events = [{"component": component, "id": 0, "event": event, "ts": 1631267962.4}]
        said = {
            "src": i4,
            "method": "NotifyEvent",
            "params": {"ts": 1631267962.4, "events": events},
        }
        return device.values(f"{i4}/events/rpc", said)

    assert device.values(f"{i4}/events/rpc", status) == {"input_2": 1, "percent_3": 45.5}
    assert pushed("input:0", "single_push") == {"button_event": 0}
    assert pushed("input:0", "long_push") == {"button_event": 3}
    assert pushed("input:1", "single_push") == {}


def test_shelly_virtual_and_bluetooth_components() -> None:
    # https://github.com/iobroker-community-adapters/ioBroker.shelly/issues/1257 (boolean:200)
    prefix = "st1820-8cbfeaa6eba0"
    params = {
        "ts": 1759928007.86,
        "boolean:200": {"id": 200, "value": False},
        "number:201": {"id": 201, "value": 21.5},
        "presence:0": {"id": 0, "num_objects": 2},
        "sys": {"mac": "8CBFEAA6EBA0"},
    }
    said = {"src": prefix, "method": "NotifyFullStatus", "params": params}
    device = only("shelly", {f"{prefix}/events/rpc": said})

    assert device.values(f"{prefix}/events/rpc", said) == {
        "state_200": 0, "value_201": 21.5, "people_count": 2,
    }  # fmt: skip


def test_shelly_radiator_thermostat_of_the_first_kind() -> None:
    # https://shelly-api-docs.shelly.cloud/gen1/#shelly-trv-mqtt
    topic = "shellies/shellytrv-8CF681A1F9A6/info"
    head = {
        "pos": 12.0,
        "target_t": {"enabled": True, "value": 18.0, "units": "C"},
        "tmp": {"value": 19.6, "units": "C", "is_valid": True},
    }
    said = {"thermostats": [head], "bat": {"value": 99, "voltage": 4.1}}
    device = only("shelly", {topic: said})

    assert device.values(topic, said) == {
        "temperature": 19.6, "temperature_setpoint": 18.0, "valve_opening": 12.0, "battery": 99,
    }  # fmt: skip
    head["tmp"] = {"value": 0, "units": "C", "is_valid": False}
    assert device.qualities(topic, said)["temperature"] is Quality.INVALID_MARKER
    assert device.command("temperature_setpoint", 20.5) == (
        "shellies/shellytrv-8CF681A1F9A6/thermostat/0/command/target_t",
        20.5,
    )


def test_tasmota_smart_meter_and_the_chip_that_reads_it() -> None:
    # https://github.com/arendst/Tasmota/issues/17260: a key twice, an empty key, the chip's heat
    topic = "tele/tasmota_8BD1DC/SENSOR"
    payload = (
        '{"Time":"2022-12-03T21:57:41","SML":{"Verbrauch_T1":0.0000000,"Total_in":12.5000,"":0,'
        '"Watt_L1":1.50,"Power_curr":3,"Power_curr":3,"Volt_L1":230.1,'
        '"ID":"0801000851030001d7e2"},"ESP32":{"Temperature":65.6},"TempUnit":"C"}'
    )
    device = only("tasmota", {topic: payload})

    told = device.values(topic, payload)
    assert (told["total_in"], told["volt_l1"]) == (12.5, 230.1)
    assert told["device_temperature"] == 65.6
    assert "temperature" not in told


def feature(kind: str, name: str, access: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "property": name, "access": access, **more}


def zigbee(name: str, *exposes: dict[str, Any]) -> Described:
    definition = {"model": name, "vendor": "made up", "exposes": list(exposes)}
    listed = {"ieee_address": "0x1", "friendly_name": name, "definition": definition}
    return only("zigbee2mqtt", {"zigbee2mqtt/bridge/devices": [listed]})


def test_zigbee_thermostats_switch_more_than_relays() -> None:
    # https://www.zigbee2mqtt.io/devices/TRVZB.html and others: lock and switch of their own keys
    climate = {
        "type": "climate",
        "features": [
            feature(
                "numeric", "occupied_heating_setpoint", 7, value_min=4, value_max=35, unit="°C"
            ),
            feature("numeric", "local_temperature", 5, unit="°C"),
        ],
    }
    lock = feature("binary", "state", 3, value_on="LOCK", value_off="UNLOCK")
    frost = feature("binary", "state", 3, value_on="ON", value_off="OFF")
    device = zigbee(
        "trv",
        climate,
        {"type": "lock", "features": [{**lock, "property": "child_lock"}]},
        {"type": "switch", "features": [{**frost, "property": "frost_protection"}]},
    )

    names = {point.name for point in device.profile.points}
    assert {"child_lock", "frost_protection", "temperature_setpoint", "temperature"} <= names
    assert not {"relay", "lock"} & names
    assert device.found.category == "thermostat"
    assert device.values("zigbee2mqtt/trv", {"child_lock": "LOCK"}) == {"child_lock": 1}
    assert device.command("child_lock", 1) == ("zigbee2mqtt/trv/set", {"child_lock": "LOCK"})


def test_zigbee_relays_of_several_gangs_stay_relays() -> None:
    state = feature("binary", "state", 7, value_on="ON", value_off="OFF")
    gangs = [
        {"type": "switch", "endpoint": gang, "features": [{**state, "property": f"state_{gang}"}]}
        for gang in ("l1", "l2", "l3", "l4")
    ]
    device = zigbee("gang4", *gangs)

    assert device.found.category == "relay"
    told = device.values("zigbee2mqtt/gang4", {"state_l1": "ON", "state_l4": "OFF"})
    assert told == {"relay_l1": 1, "relay_l4": 0}


def sensor(topic: str, template: str) -> dict[str, Any]:
    return {
        "uniq_id": "one",
        "stat_t": topic,
        "val_tpl": template,
        "unit_of_meas": "°C",
        "dev_cla": "temperature",
        "dev": {"ids": ["device"], "name": "device"},
    }


@pytest.mark.parametrize(
    ("topic", "template", "heard_on", "said"),
    [
        # https://docs.openmqttgateway.com/: a state topic of any gateway
        (
            "+/+/BTtoMQTT/C6C752663CBF",
            "{{ value_json.tempc | is_defined }}",
            "home/OMG/BTtoMQTT/C6C752663CBF",
            {"tempc": 17.6},
        ),
        # EMS-ESP: a stand-in where the value is missing, which is then no value
        (
            "ems-esp/boiler_data",
            "{{value_json.tempc if value_json.tempc is defined else 0}}",
            "ems-esp/boiler_data",
            {"tempc": 17.6},
        ),
        # https://github.com/danielkucera/esp-arduino-ebus/issues/100 (ebusd)
        (
            "ebusd/bai/mtn_StorageTempMax",
            '{{value_json["temp"].value}}',
            "ebusd/bai/mtn_StorageTempMax",
            {"temp": {"value": 17.6}},
        ),
    ],
)
def test_home_assistant_discovery_of_firmwares(
    topic: str, template: str, heard_on: str, said: dict[str, Any]
) -> None:
    config = {"homeassistant/sensor/device/one/config": sensor(topic, template)}
    device = only("homeassistant", config)

    assert device.values(heard_on, said) == {"temperature": 17.6}
    assert device.values(heard_on, {"other": 1}) == {}


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.a if value_json.b is defined else 0 }}",
        "{{ 'online' if value_json.a is defined else 'offline' }}",
        "{% if value_json.a is defined %}1{% else %}0{% endif %}",
    ],
)
def test_what_asks_for_the_presence_of_other_things_is_left_out(template: str) -> None:
    from device_profiles.dialects.ha_template import NotUnderstoodError, understand

    with pytest.raises(NotUnderstoodError):
        understand(template)
