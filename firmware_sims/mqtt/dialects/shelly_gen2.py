"""Shelly Gen2 and later: components with a status each, notifications, and RPC.

https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from campus_wire.session import Will
from firmware_sims.message import Message
from firmware_sims.mqtt.dialects.hubs import Hubs, Kit, OwnConnection, PlainVoice
from firmware_sims.mqtt.dialects.shelly_gen1 import in_wh
from firmware_sims.mqtt.notations import json_text
from firmware_sims.mqtt.voice import Heard, Numbers, Texts

_PLACES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "relay": ("switch:0", ("output",)),
    "active_power": ("switch:0", ("apower",)),
    "voltage": ("switch:0", ("voltage",)),
    "current": ("switch:0", ("current",)),
    "active_energy": ("switch:0", ("aenergy", "total")),
    "temperature": ("temperature:0", ("tC",)),
    "relative_humidity": ("humidity:0", ("rh",)),
    "illuminance": ("illuminance:0", ("lux",)),
    "battery": ("devicepower:0", ("battery", "percent")),
    "water_leak": ("flood:0", ("alarm",)),
    "smoke": ("smoke:0", ("alarm",)),
    "position": ("cover:0", ("current_pos",)),
}
_NOT_THERE: Final = 404


class ShellyGen2(PlainVoice):
    """One device of the second generation."""

    def __init__(self, kit: Kit, device: str) -> None:
        self._device = device
        will = Will(f"{device}/online", b"false", retain=True)
        super().__init__(kit, OwnConnection(will))
        kit.known(_PLACES, "shelly of generation 2")
        self.quantities = in_wh(self.quantities)
        self._numbers: dict[str, float | None] = {}
        self._said: dict[str, Any] = {}
        self.filters = [f"{device}/rpc"]

    def _components(self, numbers: Numbers) -> tuple[dict[str, Any], dict[str, float | None]]:
        components: dict[str, Any] = {}
        shown: dict[str, float | None] = {}
        for one in self.quantities:
            component, path = _PLACES[one.name]
            shown[one.name] = number = one.rounded(numbers.get(one.name))
            value: object = bool(number) if one.states and number is not None else number
            here = components.setdefault(component, {"id": int(component.partition(":")[2])})
            for name in path[:-1]:
                here = here.setdefault(name, {})
            here[path[-1]] = value
        return components, shown

    def messages(self, numbers: Numbers, texts: Texts, time_ns: int) -> list[Message]:
        """The status of each component, and a notification of what has changed."""
        del texts
        self._numbers = dict(numbers)
        components, shown = self._components(numbers)
        messages = []
        for component, status in components.items():
            mine = {name: one for name, one in shown.items() if _PLACES[name][0] == component}
            topic = f"{self._device}/status/{component}"
            messages.append(Message(topic, json_text(status).encode(), mine))
        changed = {name: one for name, one in components.items() if self._said.get(name) != one}
        if changed:
            mine = {name: one for name, one in shown.items() if _PLACES[name][0] in changed}
            messages.append(self._notification(changed, mine, time_ns))
        self._said = components
        return messages

    def _notification(
        self, changed: Mapping[str, Any], shown: Mapping[str, float | None], time_ns: int
    ) -> Message:
        document = {
            "src": self._device,
            "dst": f"{self._device}/events",
            "method": "NotifyStatus",
            "params": {"ts": round(time_ns / 1e9, 2), **changed},
        }
        return Message(f"{self._device}/events/rpc", json_text(document).encode(), shown)

    def availability(self, *, there: bool) -> list[Message]:
        """Whether it is there; the broker keeps it."""
        payload = b"true" if there else b"false"
        return [Message(f"{self._device}/online", payload, is_retained=True)]

    def hear(self, topic: str, payload: bytes, time_ns: int) -> Heard:
        """An RPC request; the answer goes to who asked."""
        del topic, time_ns
        try:
            request = json.loads(payload)
            method, asker = str(request["method"]), str(request["src"])
        except (ValueError, KeyError, TypeError):
            return Heard()
        given = request.get("params")
        values, result, shown = self._done(method, given if isinstance(given, dict) else {})
        answer: dict[str, Any] = {"id": request.get("id"), "src": self._device, "dst": asker}
        if result is None:
            answer["error"] = {"code": _NOT_THERE, "message": f"No handler for {method}"}
        else:
            answer["result"] = result
        said = Message(f"{asker}/rpc", json_text(answer).encode(), shown)
        return Heard(values, [said])

    def _done(
        self, method: str, given: Mapping[str, Any]
    ) -> tuple[dict[str, float], dict[str, Any] | None, dict[str, float | None]]:
        """What a request sets, what it is answered with, and what the answer shows."""
        if method == "Shelly.GetStatus":
            components, shown = self._components(self._numbers)
            return {}, {**components, "sys": {"mac": self.kit.mac, "uptime": 3600}}, shown
        if method == "Shelly.GetDeviceInfo":
            about = {"id": self._device, "mac": self.kit.mac, "model": "SNPL-00112EU", "gen": 2}
            return {}, about, {}
        if method == "Switch.Set" and "relay" in self.numbers and isinstance(given.get("on"), bool):
            was = bool(self._numbers.get("relay"))
            return {"relay": float(given["on"])}, {"was_on": was}, {}
        if method == "Cover.GoToPosition" and "position" in self.numbers:
            wanted = given.get("pos")
            if isinstance(wanted, int | float) and 0 <= wanted <= 100:
                return {"position": float(wanted)}, {}, {}
        return {}, None, {}


def shelly_gen2(kit: Kit, hubs: Hubs) -> ShellyGen2:
    """A device of the second generation; `topic` names its `device`."""
    del hubs
    return ShellyGen2(kit, kit.place("device"))
