"""Shelly Gen2 and later: components with a JSON status each.

https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt: a component's full status on
`<prefix>/status/<component>`, changes of it on `<prefix>/events/rpc` (`NotifyStatus`, and all of it
as `NotifyFullStatus`), the last will on `<prefix>/online`, requests on `<prefix>/rpc` whose answers
come on `<src>/rpc`. The prefix is the device's id unless somebody changed it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from device_profiles.dialects.device import About, device
from device_profiles.dialects.documents import number, read_object, text
from device_profiles.dialects.found import FoundDevice
from device_profiles.dialects.naming import path, topic_level
from device_profiles.dialects.points import Draft, Part, Points, said_by
from device_profiles.dialects.shelly_keys import (
    GEN2,
    GEN2_STATES,
    PHASE_ENERGIES,
    PHASE_KEYS,
    PHASES,
    Key,
)

ASKED_BY: Final = "campus"
"""Who asks: answers to requests come on `campus/<prefix>/rpc`."""

_STATUS: Final = re.compile(r"(?P<device>.+)/status/(?P<component>[a-z0-9_]+(?::\d{1,3})?)")
_EVENTS: Final = re.compile(r"(?P<device>.+)/events/rpc")
_ANSWER: Final = re.compile(rf"{ASKED_BY}/(?P<device>.+)/rpc")
_COMPONENT: Final = re.compile(r"(?P<kind>[a-z0-9_]+)(?::(?P<id>\d{1,3}))?")
_KINDS: Final = frozenset(
    (
        *("switch", "cover", "light", "rgb", "rgbw", "cct", "input", "em", "emdata", "em1"),
        *("em1data", "pm1", "temperature", "humidity", "illuminance", "voltmeter", "smoke"),
        *("flood", "devicepower", "thermostat", "wifi", "sys", "presence"),
        *("bthomesensor", "number", "boolean"),
    )
)
_LIGHTS: Final = {"light": "Light", "rgb": "RGB", "rgbw": "RGBW", "cct": "CCT"}
_METHODS: Final = {"switch": "Switch", **_LIGHTS}
DEPTH_MAX: Final = 4
_COVER_STATES: Final = ("closed", "open", "opening", "closing", "stopped", "calibrating")
_COVER_LABELS: Final = {"zh": "窗帘状态", "en": "cover state"}
_PUSHES: Final = ("single_push", "double_push", "triple_push", "long_push", "btn_down", "btn_up")
"""Events of an input that is a push button: its state is null, and NotifyEvent tells."""
_PUSH_LABELS: Final = {"zh": "按键事件", "en": "button event"}

_ONLINE: Final = {"topic": "{device}/online", "online": "true", "offline": "false"}
"""Not of those that run on a battery: they sleep, and say so with their last will."""

_SOURCES: Final = (
    (
        "https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt",
        "maker's documentation of topics",
    ),
    (
        "https://shelly-api-docs.shelly.cloud/gen2/",
        "maker's documentation of components; the points are what the device says",
    ),
)

Components = dict[str, dict[str, Any]]


def describe(heard: Mapping[str, bytes]) -> list[FoundDevice]:
    """Return the devices that spoke."""
    devices: dict[str, Components] = {}
    for topic, payload in heard.items():
        for prefix, component, status in _statuses(topic, payload):
            match = _COMPONENT.fullmatch(component)
            if match is not None and match["kind"] in _KINDS and topic_level(prefix):
                known = devices.setdefault(prefix, {}).setdefault(component, {})
                _merge(known, status)
    found = (_device(prefix, components) for prefix, components in devices.items())
    return [one for one in found if one is not None]


def _statuses(topic: str, payload: bytes) -> Iterator[tuple[str, str, dict[str, Any]]]:
    match = _STATUS.fullmatch(topic)
    if match is not None:
        yield match["device"], match["component"], read_object(payload)
        return
    for pattern, key in ((_EVENTS, "params"), (_ANSWER, "result")):
        match = pattern.fullmatch(topic)
        if match is not None:
            said = read_object(payload).get(key)
            for component, status in said.items() if isinstance(said, dict) else ():
                if isinstance(status, dict):
                    yield match["device"], component, status


def _merge(known: dict[str, Any], status: Mapping[str, Any]) -> None:
    for key, value in status.items():
        inner = known.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            _merge(inner, value)
        elif value is not None or key not in known:
            known[key] = value


def _device(prefix: str, components: Components) -> FoundDevice | None:
    points = Points()
    for component in sorted(components):
        about = _component(component)
        for steps, value in _leaves(components[component], ()):
            _add(points, about, steps, value)
    system = components.get("sys", {})
    model = prefix.rpartition("/")[2].rpartition("-")[0] or prefix
    switched = any(one.startswith("switch:") for one in components)
    metered = "active_power" in points
    is_meter = any(one.startswith(("em:", "em1:", "pm1:")) for one in components)
    category = "electricity_meter" if is_meter else "smart_plug" if switched and metered else ""
    return device(
        About(
            "shelly",
            text(system.get("mac"), prefix),
            prefix,
            "Shelly",
            model,
            "{device}/events/rpc",
            {"device": prefix},
            _SOURCES,
            () if "devicepower:0" in components else (_ONLINE,),
            category=category,
        ),
        points,
    )


@dataclass(frozen=True, slots=True)
class _Component:
    name: str
    kind: str
    id: int
    channel: str


def _component(name: str) -> _Component:
    kind, _, said = name.partition(":")
    id_ = int(said or 0)
    # the first bears no number, whether or not others were heard yet; add-ons count from 100
    return _Component(name, kind, id_, "" if not id_ else said if id_ >= 100 else str(id_ + 1))


def _leaves(value: object, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and len(steps) < DEPTH_MAX:
        for key, inner in value.items():
            yield from _leaves(inner, (*steps, str(key)))
    elif not isinstance(value, dict | list):
        yield steps, value


def _add(points: Points, component: _Component, steps: tuple[str, ...], value: object) -> None:
    key, read = ".".join(steps), _read(component.name, steps)
    if read is None:
        return
    phase = PHASES.get(key[:1]) if key[1:2] == "_" else None
    if phase is not None and key[2:] in (*PHASE_KEYS, *PHASE_ENERGIES):
        known = GEN2[key[2:]]
        points.number(Draft(known.quantity, read, channel=phase, unit=known.unit))
    elif key in GEN2 and (value is None or number(value) is not None):
        points.number(_number(GEN2[key], component, key, read))
    elif isinstance(value, bool):
        _add_binary(points, component, key, read)
    elif component.kind == "input" and key == "state":
        where = f'params.events[component="{component.name}"].event'
        read = {"topic": "{device}/events/rpc", "path": where}
        draft = Draft("button_event", read, None, component.channel, labels=_PUSH_LABELS)
        points.enumeration(draft, _PUSHES, standard=_PUSHES)
    elif component.kind == "cover" and key == "state":
        labels = _COVER_LABELS
        draft = Draft("cover_state", read, None, component.channel, labels=labels)
        points.enumeration(draft, _COVER_STATES, standard=_COVER_STATES)


def _number(quantity: Key, component: _Component, key: str, read: Part) -> Draft:
    return Draft(
        quantity.quantity,
        read,
        _write_number(component, key),
        component.channel,
        apart=component.name.replace(":", "_"),
        unit=quantity.unit,
        labels={"zh": quantity.zh, "en": quantity.en} if quantity.zh else {},
        slow=quantity.slow or component.kind in ("sys", "wifi"),
    )


def _read(component: str, steps: tuple[str, ...]) -> Part | None:
    inner, params, result = (
        path(*steps),
        path("params", component, *steps),
        path("result", component, *steps),
    )
    if inner is None or params is None or result is None:
        return None
    return said_by(
        {"topic": f"{{device}}/status/{component}", "path": inner},
        {"topic": "{device}/events/rpc", "path": params},
        {"topic": f"{ASKED_BY}/{{device}}/rpc", "path": result},
    )


def _rpc(method: str, params: dict[str, Any]) -> Part:
    request = {"id": 1, "src": ASKED_BY, "method": method, "params": params}
    return {"topic": "{device}/rpc", "template": request}


def _write_number(component: _Component, key: str) -> Part | None:
    kind, id_ = component.kind, component.id
    limits = {"minimum": 0.0, "maximum": 100.0, "step": 1.0}
    if kind == "cover" and key == "current_pos":
        return {**_rpc("Cover.GoToPosition", {"id": id_, "pos": "$value"}), **limits}
    if key == "brightness" and kind in _LIGHTS:
        return {**_rpc(f"{_LIGHTS[kind]}.Set", {"id": id_, "brightness": "$value"}), **limits}
    if kind == "thermostat" and key == "target_C":
        limits = {"minimum": 5.0, "maximum": 35.0, "step": 0.5}
        params = {"id": id_, "config": {"target_C": "$value"}}
        return {**_rpc("Thermostat.SetConfig", params), **limits}
    return None


def _add_binary(points: Points, component: _Component, key: str, read: Part) -> None:
    kind = component.kind
    state = GEN2_STATES.get((kind, key)) or GEN2_STATES.get(("", key))
    if state is None:
        return
    write = None
    if key == "output" and kind in _METHODS:
        write = _rpc(f"{_METHODS[kind]}.Set", {"id": component.id, "on": "$value"})
    points.binary(
        Draft(
            state.quantity,
            read,
            write,
            component.channel,
            labels={"zh": state.zh, "en": state.en} if state.zh else {},
            category=state.category,
        )
    )
