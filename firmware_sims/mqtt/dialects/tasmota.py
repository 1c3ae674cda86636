"""Tasmota: discovery, `tele`, `stat` and `cmnd`.

https://tasmota.github.io/docs/MQTT/ and, for discovery,
arendst/Tasmota:tasmota/tasmota_xdrv_driver/xdrv_12_discovery.ino.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from campus_wire.session import Will
from firmware_sims.message import Message
from firmware_sims.mqtt.clock_text import written
from firmware_sims.mqtt.dialects.hubs import Hubs, Kit, OwnConnection, PlainVoice
from firmware_sims.mqtt.notations import json_text
from firmware_sims.mqtt.voice import Heard, Numbers, Texts

_PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "temperature": ("AM2301", "Temperature"),
    "relative_humidity": ("AM2301", "Humidity"),
    "air_pressure": ("BMP280", "Pressure"),
    "co2": ("MHZ19B", "CarbonDioxide"),
    "pm2_5": ("PMS5003", "PM2.5"),
    "illuminance": ("BH1750", "Illuminance"),
    "active_power": ("ENERGY", "Power"),
    "voltage": ("ENERGY", "Voltage"),
    "current": ("ENERGY", "Current"),
    "active_energy": ("ENERGY", "Total"),
}
_BEIJING: Final = "+08:00"


class Tasmota(PlainVoice):
    """One device with Tasmota on it."""

    def __init__(self, kit: Kit, topic: str) -> None:
        self._topic = topic
        super().__init__(kit, OwnConnection(Will(self._tele("LWT"), b"Offline", retain=True)))
        kit.known([*_PLACES, "relay"], "tasmota")
        self._numbers: dict[str, float | None] = {}
        if "relay" in kit.names:
            self.filters = [f"cmnd/{topic}/POWER", f"cmnd/{topic}/POWER1"]

    def _tele(self, last: str) -> str:
        return f"tele/{self._topic}/{last}"

    def greeting(self, numbers: Numbers, time_ns: int) -> list[Message]:
        """Its discovery; the broker keeps it."""
        base = f"tasmota/discovery/{self.kit.mac}"
        sensors = {"sn": self._sensors(numbers, time_ns)[0], "ver": 1}
        return [
            Message(f"{base}/config", json_text(self._config()).encode(), is_retained=True),
            Message(f"{base}/sensors", json_text(sensors).encode(), is_retained=True),
        ]

    def _config(self) -> dict[str, Any]:
        relays = [1 if index == 0 and "relay" in self.numbers else 0 for index in range(8)]
        return {
            "ip": "192.168.0.17",
            "dn": self._topic,
            "fn": [self._topic],
            "hn": self._topic,
            "mac": self.kit.mac,
            "md": "Sonoff Pow R2" if "active_power" in self.numbers else "Generic",
            "ty": 0,
            "if": 0,
            "ofln": "Offline",
            "onln": "Online",
            "state": ["OFF", "ON", "TOGGLE", "HOLD"],
            "sw": "14.2.0",
            "t": self._topic,
            "ft": "%prefix%/%topic%/",
            "tp": ["cmnd", "stat", "tele"],
            "rl": relays,
            "swc": [-1] * 8,
            "swn": [None] * 8,
            "btn": [0] * 8,
            "so": {"4": 0, "11": 0, "13": 0, "17": 0, "20": 0, "30": 0, "68": 0, "73": 0},
            "lk": 0,
            "lt_st": 0,
            "ver": 1,
        }

    def _sensors(
        self, numbers: Numbers, time_ns: int
    ) -> tuple[dict[str, Any], dict[str, float | None]]:
        said: dict[str, Any] = {"Time": _time(time_ns)}
        shown: dict[str, float | None] = {}
        for one in self.quantities:
            if one.name in _PLACES:
                sensor, key = _PLACES[one.name]
                shown[one.name] = one.rounded(numbers.get(one.name))
                said.setdefault(sensor, {})[key] = shown[one.name]
        if any(name in shown for name in ("temperature", "air_pressure")):
            said |= {"TempUnit": "C", "PressureUnit": "hPa"}
        return said, shown

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """`SENSOR` with what is measured, `STATE` with the relay."""
        del texts
        self._numbers = dict(numbers)
        said, shown = self._sensors(numbers, time_ns)
        messages = []
        if shown:
            messages.append(Message(self._tele("SENSOR"), json_text(said).encode(), shown))
        state: dict[str, Any] = {"Time": _time(time_ns), "UptimeSec": time_ns // 10**9 % 10**7}
        relay: dict[str, float | None] = {}
        if "relay" in self.numbers:
            relay["relay"] = float((numbers.get("relay") or 0) >= 0.5)
            state["POWER"] = _word(relay["relay"])
        state["Wifi"] = {"AP": 1, "SSId": "school", "RSSI": 62, "Signal": -69}
        messages.append(Message(self._tele("STATE"), json_text(state).encode(), relay))
        return messages

    def availability(self, *, there: bool) -> list[Message]:
        """Whether it is there; the broker keeps it."""
        payload = b"Online" if there else b"Offline"
        return [Message(self._tele("LWT"), payload, is_retained=True)]

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """The relay's command; without a payload it asks for the state."""
        del topic, time_ns
        word = payload.decode("utf-8", "replace").strip().upper()
        was = self._numbers.get("relay") or 0.0
        wanted = {"ON": 1.0, "1": 1.0, "OFF": 0.0, "0": 0.0, "TOGGLE": 1.0 - was, "2": 1.0 - was}
        number = wanted.get(word, was)
        self._numbers["relay"] = number
        shown: dict[str, float | None] = {"relay": number}
        stat = f"stat/{self._topic}"
        answers = [
            Message(f"{stat}/RESULT", json_text({"POWER": _word(number)}).encode(), shown),
            Message(f"{stat}/POWER", _word(number).encode(), shown),
        ]
        return Heard({"relay": number} if word in wanted else {}, answers)


def tasmota(kit: Kit, hubs: Hubs) -> Tasmota:
    """A device with Tasmota; `topic` names its `topic`."""
    del hubs
    return Tasmota(kit, kit.place("topic"))


def _word(number: float | None) -> str:
    return "ON" if number else "OFF"


def _time(time_ns: int) -> str:
    return written(time_ns, "YYYY-MM-DDThh:mm:ss", _BEIJING)
