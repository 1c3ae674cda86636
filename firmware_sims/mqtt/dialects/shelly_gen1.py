"""Shelly Gen1: a topic for each value, as plain text.

https://shelly-api-docs.shelly.cloud/gen1/#mqtt-support. Energies are in watt-minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from campus_wire.session import Will
from firmware_sims.message import Message
from firmware_sims.mqtt.dialects.hubs import Hubs, Kit, OwnConnection, PlainVoice
from firmware_sims.mqtt.dialects.quantities import Quantity
from firmware_sims.mqtt.notations import json_text, plain
from firmware_sims.mqtt.voice import Heard, Numbers, Texts

_WATT_MINUTES_PER_WH: Final = 60
_TOPICS: Final[Mapping[str, str]] = {
    "relay": "relay/0",
    "active_power": "relay/0/power",
    "active_energy": "relay/0/energy",
    "temperature": "sensor/temperature",
    "relative_humidity": "sensor/humidity",
    "illuminance": "sensor/lux",
    "battery": "sensor/battery",
    "open": "sensor/state",
    "water_leak": "sensor/flood",
    "smoke": "sensor/smoke",
}
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "relay": ("off", "on"),
    "open": ("close", "open"),
    "water_leak": ("false", "true"),
    "smoke": ("false", "true"),
}


def in_wh(quantities: Sequence[Quantity]) -> list[Quantity]:
    """The quantities as Shelly devices measure them: energies in Wh."""
    return [
        replace(one, unit="Wh", decimals=1) if one.name == "active_energy" else one
        for one in quantities
    ]


class ShellyGen1(PlainVoice):
    """One device of the first generation."""

    def __init__(self, kit: Kit, device: str) -> None:
        self._base = f"shellies/{device}"
        self._device = device
        self._is_on_battery = "battery" in kit.names
        will = Will(f"{self._base}/online", b"false", retain=True)
        super().__init__(kit, OwnConnection(will))
        kit.known(_TOPICS, "shelly of generation 1")
        self.quantities = in_wh(self.quantities)
        self._numbers: dict[str, float | None] = {}
        self.filters = [f"{self._base}/relay/0/command"] if "relay" in kit.names else []

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """Its announcement."""
        del numbers, time_ns
        about = {
            "id": self._device,
            "model": "SHPLG-S" if "relay" in self.numbers else "SHHT-1",
            "mac": self.kit.mac,
            "ip": "192.168.0.21",
            "new_fw": False,
            "fw_ver": "20230913-113421/v1.14.0-gcb84623",
        }
        payload = json_text(about).encode()
        return [
            Message(topic, payload) for topic in ("shellies/announce", f"{self._base}/announce")
        ]

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """A message for each value."""
        del texts, time_ns
        self._numbers = dict(numbers)
        return [self._message(one, numbers.get(one.name)) for one in self.quantities]

    def _message(self, one: Quantity, number: float | None) -> Message:
        topic = f"{self._base}/{_TOPICS[one.name]}"
        shown = one.rounded(number)
        if shown is None:
            return Message(topic, b"", {})
        text = plain(shown)
        if one.name in _WORDS:
            text = _WORDS[one.name][int(shown)]
        elif one.name == "active_energy":
            minutes = round(shown * _WATT_MINUTES_PER_WH)
            text, shown = str(minutes), minutes / _WATT_MINUTES_PER_WH
        return Message(topic, text.encode(), {one.name: shown})

    def availability(self, *, there: bool) -> list[Message]:
        """Whether it is there; those on a battery sleep, and say nothing of it."""
        if self._is_on_battery:
            return []
        payload = b"true" if there else b"false"
        return [Message(f"{self._base}/online", payload, is_retained=True)]

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """The relay's command."""
        del topic, time_ns
        word = payload.decode("utf-8", "replace").strip().lower()
        was = self._numbers.get("relay") or 0.0
        number = {"on": 1.0, "off": 0.0, "toggle": 1.0 - was}.get(word)
        return Heard({} if number is None else {"relay": number})


def shelly_gen1(kit: Kit, hubs: Hubs) -> ShellyGen1:
    """A device of the first generation; `topic` names its `device`."""
    del hubs
    return ShellyGen1(kit, kit.place("device"))
