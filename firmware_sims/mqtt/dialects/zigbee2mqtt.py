"""Zigbee2MQTT: the list of all devices with what they expose, their states, and `set`.

https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html and
https://www.zigbee2mqtt.io/guide/usage/exposes.html.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from campus_wire.session import Will
from firmware_sims.message import Message
from firmware_sims.mqtt.dialects.hubs import Hubs, Kit, PlainVoice
from firmware_sims.mqtt.dialects.quantities import Quantity
from firmware_sims.mqtt.notations import json_text
from firmware_sims.mqtt.voice import Heard, Numbers, Texts

_PUBLISHED, _ALL = 1, 7
_BASE: Final = "zigbee2mqtt"
_LINK_QUALITY: Final = 105
_NUMBERS: Final[Mapping[str, tuple[str, str]]] = {
    "temperature": ("temperature", "°C"),
    "relative_humidity": ("humidity", "%"),
    "air_pressure": ("pressure", "hPa"),
    "co2": ("co2", "ppm"),
    "pm2_5": ("pm25", "µg/m³"),
    "illuminance": ("illuminance", "lx"),
    "noise": ("noise", "dB"),
    "soil_moisture": ("soil_moisture", "%"),
    "battery": ("battery", "%"),
    "active_power": ("power", "W"),
    "voltage": ("voltage", "V"),
    "current": ("current", "A"),
    "active_energy": ("energy", "kWh"),
}
_STATES: Final[Mapping[str, tuple[str, object, object]]] = {
    "open": ("contact", False, True),  # the contact is closed
    "occupancy": ("occupancy", True, False),
    "water_leak": ("water_leak", True, False),
    "smoke": ("smoke", True, False),
    "gas_alarm": ("gas", True, False),
    "panic": ("sos", True, False),
    "vibration": ("vibration", True, False),
}
_SWITCHES: Final = {"relay": "switch", "light": "light"}
_SPECIFIC: Final = {"position": "cover", "temperature_setpoint": "climate"}
_PROPERTIES: Final = {
    "relay": "state",
    "light": "state",
    "position": "position",
    "temperature_setpoint": "current_heating_setpoint",
}


class Bridge:
    """The bridge: it lists what is behind it."""

    connects = False

    def __init__(self, base: str) -> None:
        self._base = base
        self.devices: list[Zigbee] = []

    def will(self) -> Will | None:
        """The publisher keeps the bridge's state."""
        return None

    def opening(self, time_ns: int) -> list[Message]:
        """Who is there, which the broker keeps."""
        del time_ns
        listed = [_COORDINATOR, *(device.description for device in self.devices)]
        info = {
            "version": "1.40.2",
            "config": {"advanced": {"last_seen": "disable", "output": "json"}},
            "permit_join": False,
        }
        return [
            Message(f"{self._base}/bridge/info", json_text(info).encode(), is_retained=True),
            Message(f"{self._base}/bridge/devices", json_text(listed).encode(), is_retained=True),
        ]


_COORDINATOR: Final = {
    "ieee_address": "0x00124b0018ed3ddf",
    "type": "Coordinator",
    "friendly_name": "Coordinator",
    "definition": None,
    "supported": True,
}


class Zigbee(PlainVoice):
    """One device behind the bridge."""

    def __init__(self, kit: Kit, bridge: Bridge, base: str) -> None:
        super().__init__(kit, bridge)
        kit.known([*_NUMBERS, *_STATES, *_PROPERTIES], "zigbee2mqtt")
        self._name = kit.place("friendly_name")
        self._topic = f"{base}/{self._name}"
        self.filters = [f"{self._topic}/set"]

    @property
    def description(self) -> dict[str, Any]:
        """Its entry in the bridge's list."""
        parts = [_exposed(one) for one in self.quantities]
        parts.append(_numeric("linkquality", "lqi", value_min=0, value_max=255))
        return {
            "ieee_address": f"0x00158d00{self.kit.mac[-8:].lower()}",
            "type": "EndDevice" if "battery" in self.kit.names else "Router",
            "network_address": int(self.kit.mac[-4:], 16),
            "friendly_name": self._name,
            "supported": True,
            "disabled": False,
            "interview_completed": True,
            "model_id": f"sim.{self.quantities[0].category}",
            "definition": {
                "vendor": "Campus",
                "model": f"SIM-{self.quantities[0].category.upper()}",
                "description": self.quantities[0].category,
                "exposes": parts,
                "options": [],
            },
        }

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """Its state, all in one message."""
        del texts, time_ns
        state: dict[str, object] = {}
        shown: dict[str, float | None] = {}
        for one in self.quantities:
            shown[one.name] = one.rounded(numbers.get(one.name))
            key, value = _said(one, shown[one.name])
            state[key] = value
        state["linkquality"] = _LINK_QUALITY
        return [Message(self._topic, json_text(state).encode(), shown)]

    def availability(self, *, there: bool) -> list[Message]:
        """What the bridge knows of it; the broker keeps it."""
        state = "online" if there else "offline"
        payload = json_text({"state": state}).encode()
        return [Message(f"{self._topic}/availability", payload, is_retained=True)]

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """Every property that the message sets."""
        del topic, time_ns
        try:
            document = json.loads(payload)
        except ValueError:
            return Heard()
        values = {}
        for one in self.quantities:
            key = _PROPERTIES.get(one.name)
            if one.is_set and isinstance(document, dict) and key in document:
                number = _number(one, document[key])
                if number is not None:
                    values[one.name] = number
        return Heard(values)


def zigbee2mqtt(kit: Kit, hubs: Hubs) -> Zigbee:
    """A device behind Zigbee2MQTT; `topic` names its `friendly_name`."""
    base = kit.places.get("base", _BASE)
    bridge = hubs.get(f"zigbee2mqtt {base}", lambda: Bridge(base))
    device = Zigbee(kit, bridge, base)
    bridge.devices.append(device)
    return device


def _numeric(name: str, unit: str, **more: object) -> dict[str, Any]:
    return {
        "type": "numeric",
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "property": name,
        "unit": unit,
        "access": _PUBLISHED,
        **more,
    }


def _exposed(one: Quantity) -> dict[str, Any]:
    if one.name in _NUMBERS:
        name, unit = _NUMBERS[one.name]
        return _numeric(name, unit)
    if one.name in _STATES:
        name, on, off = _STATES[one.name]
        return {
            "type": "binary",
            "name": name,
            "property": name,
            "value_on": on,
            "value_off": off,
            "access": _PUBLISHED,
        }
    if one.name in _SWITCHES:
        state = {
            "type": "binary",
            "name": "state",
            "property": "state",
            "value_on": "ON",
            "value_off": "OFF",
            "value_toggle": "TOGGLE",
            "access": _ALL,
        }
        return {"type": _SWITCHES[one.name], "features": [state]}
    limits = {"value_min": one.minimum, "value_max": one.maximum, "value_step": one.step}
    feature = _numeric(_PROPERTIES[one.name], one.unit, **limits) | {"access": _ALL}
    return {"type": _SPECIFIC[one.name], "features": [feature]}


def _said(one: Quantity, number: float | None) -> tuple[str, object]:
    if one.name in _STATES:
        key, on, off = _STATES[one.name]
        return key, None if number is None else on if number else off
    if one.name in _SWITCHES:
        return "state", None if number is None else "ON" if number else "OFF"
    return (_PROPERTIES.get(one.name) or _NUMBERS[one.name][0]), number


def _number(one: Quantity, given: object) -> float | None:
    if one.states:
        return {"ON": 1.0, "OFF": 0.0}.get(str(given).upper())
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    low, high = one.minimum, one.maximum
    is_allowed = (low is None or given >= low) and (high is None or given <= high)
    return float(given) if is_allowed else None
