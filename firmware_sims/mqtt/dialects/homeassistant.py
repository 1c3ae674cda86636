"""Home Assistant's discovery, as ESPHome uses it: a topic for each value, as plain text.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery and
https://esphome.io/components/mqtt.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from campus_wire.session import Will
from firmware_sims.message import Message
from firmware_sims.mqtt.dialects.hubs import Hubs, Kit, OwnConnection, PlainVoice
from firmware_sims.mqtt.dialects.quantities import Quantity
from firmware_sims.mqtt.notations import json_text, plain
from firmware_sims.mqtt.voice import Heard, Numbers, Texts

_DEVICE_CLASSES: Final[Mapping[str, tuple[str, str]]] = {
    "temperature": ("temperature", "°C"),
    "relative_humidity": ("humidity", "%"),
    "air_pressure": ("atmospheric_pressure", "hPa"),
    "co2": ("carbon_dioxide", "ppm"),
    "pm2_5": ("pm25", "µg/m³"),
    "illuminance": ("illuminance", "lx"),
    "noise": ("sound_pressure", "dB"),
    "soil_moisture": ("moisture", "%"),
    "battery": ("battery", "%"),
    "active_power": ("power", "W"),
    "voltage": ("voltage", "V"),
    "current": ("current", "A"),
    "active_energy": ("energy", "kWh"),
}
_BINARY_CLASSES: Final = {
    "open": "door",
    "occupancy": "occupancy",
    "water_leak": "moisture",
    "smoke": "smoke",
    "gas_alarm": "gas",
    "vibration": "vibration",
}
_SWITCHES: Final = {"relay": "switch", "light": "light"}


class Node(PlainVoice):
    """An ESPHome node."""

    def __init__(self, kit: Kit, base: str) -> None:
        will = Will(f"{base}/status", b"offline", retain=True)
        super().__init__(kit, OwnConnection(will))
        known = [*_DEVICE_CLASSES, *_BINARY_CLASSES, *_SWITCHES, "temperature_setpoint"]
        kit.known(known, "homeassistant")
        self._base = base
        self.filters = [f"{self._at(one)}/command" for one in self.quantities if one.is_set]

    def _at(self, one: Quantity) -> str:
        return f"{self._base}/{_component(one)}/{one.name}"

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """Its entities; the broker keeps them."""
        del numbers, time_ns
        node = self._base.replace("/", "-")
        return [
            Message(
                f"homeassistant/{_component(one)}/{node}/{one.name}/config",
                json_text(self._entity(one, node)).encode(),
                is_retained=True,
            )
            for one in self.quantities
        ]

    def _entity(self, one: Quantity, node: str) -> dict[str, object]:
        entity: dict[str, object] = {
            "name": one.name.replace("_", " ").capitalize(),
            "stat_t": f"{self._at(one)}/state",
            "avty_t": f"{self._base}/status",
            "uniq_id": f"ESP{_component(one)}{node}{one.name}",
            "dev": {
                "ids": self.kit.mac.lower(),
                "name": node,
                "sw": "esphome v2024.6.4",
                "mdl": "esp32dev",
                "mf": "espressif",
            },
        }
        if one.name in _DEVICE_CLASSES:
            device_class, unit = _DEVICE_CLASSES[one.name]
            entity |= {"dev_cla": device_class, "unit_of_meas": unit, "stat_cla": "measurement"}
        elif one.name in _BINARY_CLASSES:
            entity["dev_cla"] = _BINARY_CLASSES[one.name]
        if one.is_set:
            entity["cmd_t"] = f"{self._at(one)}/command"
        if not one.states and one.is_set:
            entity |= {
                "min": one.minimum,
                "max": one.maximum,
                "step": one.step,
                "unit_of_meas": one.unit,
            }
        return entity

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """A message for each value."""
        del texts, time_ns
        said = []
        for one in self.quantities:
            number = one.rounded(numbers.get(one.name))
            text = plain(number) if number is not None else "nan"
            if one.states and number is not None:
                text = "ON" if number else "OFF"
            topic = f"{self._at(one)}/state"
            said.append(Message(topic, text.encode(), {one.name: number}, is_retained=True))
        return said

    def availability(self, *, there: bool) -> list[Message]:
        """Whether it is there; the broker keeps it."""
        payload = b"online" if there else b"offline"
        return [Message(f"{self._base}/status", payload, is_retained=True)]

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """The entity whose command it is."""
        del time_ns
        for one in self.quantities:
            if one.is_set and topic == f"{self._at(one)}/command":
                number = _number(one, payload)
                return Heard({} if number is None else {one.name: number})
        return Heard()


def home_assistant(kit: Kit, hubs: Hubs) -> Node:
    """A node that describes itself; `topic` names its `base`."""
    del hubs
    return Node(kit, kit.place("base"))


def _component(one: Quantity) -> str:
    if one.name in _SWITCHES:
        return _SWITCHES[one.name]
    if one.is_set:
        return "number"
    return "binary_sensor" if one.states else "sensor"


def _number(one: Quantity, payload: bytes) -> float | None:
    text = payload.decode("utf-8", "replace").strip()
    if one.states:
        return {"ON": 1.0, "OFF": 0.0}.get(text.upper())
    try:
        number = float(text)
    except ValueError:
        return None
    assert one.minimum is not None
    assert one.maximum is not None
    return number if one.minimum <= number <= one.maximum else None
