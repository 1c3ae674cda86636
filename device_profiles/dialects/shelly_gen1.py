"""Shelly Gen1: a topic for each value, as plain text.

https://shelly-api-docs.shelly.cloud/gen1/#mqtt-support and the page of each model. The topics that
were heard are what the device has; `announce` adds its model. Commands: `on` and `off` to
`…/relay/<n>/command`, `open`, `close`, `stop` and a position to rollers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from device_profiles.dialects.device import About, device
from device_profiles.dialects.documents import number, read_object, text
from device_profiles.dialects.found import FoundDevice
from device_profiles.dialects.naming import topic_level
from device_profiles.dialects.points import Draft, Part, Points
from device_profiles.dialects.shelly_keys import GEN1, GEN1_STATES, Key

_TOPIC: Final = re.compile(r"shellies/(?P<id>[^/]+)/(?P<rest>.+)")
_CHANNEL: Final = re.compile(r"(?P<kind>[a-z_]+)/(?P<channel>\d{1,2})(?P<tail>/[a-z_/]+)?")
_ROLLER: Final = ("close", "open", "stop")
_INPUT_EVENTS: Final = ("S", "L", "SS", "SSS", "SL", "LS")
"""Short, long, twice short and so on."""
_EVENT_LABELS: Final = {"zh": "按键事件", "en": "button event"}

_ONLINE: Final = {"topic": "shellies/{device}/online", "online": "true", "offline": "false"}
"""Not of those that run on a battery: they sleep, and say so with their last will."""

_SOURCES: Final = (
    (
        "https://shelly-api-docs.shelly.cloud/gen1/",
        "maker's documentation of topics and commands; the points are the topics heard",
    ),
)


def describe(heard: Mapping[str, bytes]) -> list[FoundDevice]:
    """Return the devices that spoke."""
    devices: dict[str, dict[str, bytes]] = {}
    for topic, payload in heard.items():
        match = _TOPIC.fullmatch(topic)
        if match is not None and match["id"] not in ("announce", "command", "events"):
            devices.setdefault(match["id"], {})[match["rest"]] = payload
    announced = _announced(heard)
    found = (_device(id_, said, announced.get(id_, {})) for id_, said in devices.items())
    return [one for one in found if one is not None]


def _announced(heard: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    by_id: dict[str, dict[str, Any]] = {}
    for topic, payload in heard.items():
        if topic == "shellies/announce" or re.fullmatch(r"shellies/[^/]+/(announce|info)", topic):
            document = read_object(payload)
            id_ = text(document.get("id")) or topic.split("/")[1]
            by_id[id_] = {**by_id.get(id_, {}), **document}
    return by_id


def _device(id_: str, said: Mapping[str, bytes], about: Mapping[str, Any]) -> FoundDevice | None:
    if not topic_level(id_) or not all(topic_level(rest) for rest in said):
        return None
    points = Points()
    for rest in sorted(said):
        _add(points, rest, said[rest])
    model = text(about.get("model")) or id_.rpartition("-")[0] or id_
    # of which the readings count, not the one relay for the contactor
    is_meter = any(rest.startswith("emeter/") for rest in said)
    metered = is_meter or any(rest.endswith("/power") for rest in said)
    switched = "relay/0" in said
    category = "electricity_meter" if is_meter else "smart_plug" if metered and switched else ""
    return device(
        About(
            "shelly",
            text(about.get("mac"), id_),
            id_,
            "Shelly",
            model,
            "shellies/{device}/online",
            {"device": id_},
            _SOURCES,
            () if "sensor/battery" in said else (_ONLINE,),
            category=category,
        ),
        points,
    )


def _add(points: Points, rest: str, payload: bytes) -> None:
    match = _CHANNEL.fullmatch(rest)
    kind = match["kind"] if match else rest
    number_of = int(match["channel"]) if match else 0
    what = f"{kind}{match['tail'] or ''}" if match else rest
    topic = f"shellies/{{device}}/{rest}"
    channel = _channel(kind, number_of)
    if what in GEN1:
        points.number(_number(GEN1[what], topic, channel, what))
    elif what in GEN1_STATES:
        words = GEN1_STATES[what]
        labels = {"zh": words.zh, "en": words.en} if words.zh else {}
        write = _command(topic) if kind in ("relay", "light", "color", "white") else None
        category = {"relay": "relay", "light": "lighting_controller"}.get(words.quantity, "")
        points.binary(
            Draft(
                words.quantity, {"topic": topic}, write, channel, labels=labels, category=category
            ),
            on=words.on,
            off=words.off,
        )
    elif what == "roller":
        labels = {"zh": "卷帘动作", "en": "roller"}
        draft = Draft("cover_state", {"topic": topic}, _command(topic), channel, labels=labels)
        points.enumeration(draft, _ROLLER, standard=_ROLLER)
    elif what == "input_event":
        read: Part = {"topic": topic, "path": "event", "nan_value": [""]}
        draft = Draft("button_event", read, None, channel, labels=_EVENT_LABELS)
        points.enumeration(draft, _INPUT_EVENTS, standard=tuple(map(str.lower, _INPUT_EVENTS)))
    elif what == "info":
        _add_thermostats(points, topic, read_object(payload))
    elif what.endswith("/status"):
        _add_light(points, topic, read_object(payload), channel)


def _number(key: Key, topic: str, channel: str, what: str) -> Draft:
    write: Part | None = None
    if what == "roller/pos":
        write = {
            "topic": topic.removesuffix("/pos") + "/command/pos",
            "template": "$value",
            "minimum": 0.0,
            "maximum": 100.0,
            "step": 1.0,
        }
    read: Part = {"topic": topic}
    if what in ("roller/pos", "temperature", "ext_temperature"):
        read["nan_value"] = ["-1", "999", "999.0"]
    return Draft(
        key.quantity,
        read,
        write,
        channel,
        unit=key.unit,
        labels={"zh": key.zh, "en": key.en} if key.zh else {},
        category="curtain" if what == "roller/pos" else "",
    )


def _channel(kind: str, number_of: int) -> str:
    if kind == "emeter":
        return f"L{number_of + 1}"
    # the first bears no number, whether or not others were heard yet
    return str(number_of + 1) if number_of else ""


def _command(topic: str) -> Part:
    return {"topic": f"{topic}/command", "template": "$value"}


def _add_light(points: Points, topic: str, document: dict[str, Any], channel: str) -> None:
    """Add what a dimmer's JSON status says; the other values of colour lights are left out."""
    if number(document.get("brightness")) is None:
        return
    write: Part = {
        "topic": topic.removesuffix("/status") + "/set",
        "template": {"brightness": "$value"},
        "minimum": 0.0,
        "maximum": 100.0,
        "step": 1.0,
    }
    read: Part = {"topic": topic, "path": "brightness"}
    points.number(Draft("brightness", read, write, channel, unit="%"))


def _add_thermostats(points: Points, topic: str, document: dict[str, Any]) -> None:
    """Add what a radiator thermostat (TRV) says, which has no topics for its values."""
    heads = document.get("thermostats")
    if not isinstance(heads, list) or not heads or not isinstance(heads[0], dict):
        return
    command = topic.removesuffix("info") + "thermostat/0/command/"
    setpoint: Part = {
        "topic": f"{command}target_t",
        "template": "$value",
        "minimum": 5.0,
        "maximum": 30.0,
        "step": 0.5,
    }
    valid: Part = {"path": "thermostats[0].tmp.is_valid", "equals": "true"}
    room: Part = {"topic": topic, "path": "thermostats[0].tmp.value", "valid_when": valid}
    target: Part = {"topic": topic, "path": "thermostats[0].target_t.value"}
    valve: Part = {"topic": topic, "path": "thermostats[0].pos", "nan_value": [-1]}
    battery: Part = {"topic": topic, "path": "bat.value"}
    points.number(Draft("temperature", room, unit="°C", category="thermostat"))
    points.number(Draft("temperature_setpoint", target, setpoint, unit="°C", category="thermostat"))
    labels = {"zh": "阀门开度", "en": "valve opening"}
    points.number(Draft("valve_opening", valve, unit="%", labels=labels, category="thermostat"))
    points.number(Draft("battery", battery, unit="%"))
