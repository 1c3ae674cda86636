"""Zigbee2MQTT: `<base>/bridge/devices` lists every device with what it exposes.

Exposes and their access bits: https://www.zigbee2mqtt.io/guide/usage/exposes.html, topics:
https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html. `<base>/bridge/info` tells
whether values come in one JSON message or in a topic each, and whether with a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from device_profiles.dialects.device import About, device
from device_profiles.dialects.documents import number, objects, read_json, read_object, text
from device_profiles.dialects.found import FoundDevice
from device_profiles.dialects.naming import path, topic_level
from device_profiles.dialects.orders import BY_KEY, COVER
from device_profiles.dialects.points import Draft, Part, Points

DEVICES: Final = "/bridge/devices"
INFO: Final = "/bridge/info"
_PUBLISHED, _SET = 1, 2
_DEPTH_MAX: Final = 4

_SOURCES: Final = (
    (
        "https://www.zigbee2mqtt.io/guide/usage/exposes.html",
        "documentation of the bridge; the points are what it says that the device exposes",
    ),
    (
        "https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html",
        "documentation of the bridge: topics, availability, commands",
    ),
)
_CATEGORIES: Final = {
    "light": "lighting_controller",
    "switch": "relay",
    "cover": "curtain",
    "lock": "access_control",
    "climate": "thermostat",
    "fan": "ventilation",
}
_STATE_NAMES: Final = {"light": "light", "switch": "relay", "lock": "lock", "fan": "fan"}
_STATE_LABELS: Final = {
    "light": {"zh": "灯", "en": "light"},
    "switch": {"zh": "继电器", "en": "relay"},
    "lock": {"zh": "门锁", "en": "lock"},
    "fan": {"zh": "风机", "en": "fan"},
    "cover": {"zh": "窗帘动作", "en": "cover"},
}
_LIMITS: Final = {"brightness": (0.0, 254.0), "position": (0.0, 100.0), "tilt": (0.0, 100.0)}
"""Of specific types whose limits the documentation gives, where a device leaves them out."""


@dataclass(frozen=True, slots=True)
class _Bridge:
    base: str
    by_attribute: bool = False
    """Each value comes in a topic of its own, as plain text."""
    epoch: bool = False
    """Messages say when the device was last heard, in ms since 1970."""


def describe(heard: Mapping[str, bytes]) -> list[FoundDevice]:
    """Return the devices of all bridges that listed theirs."""
    found = []
    for topic, payload in heard.items():
        if not topic.endswith(DEVICES):
            continue
        base = topic[: -len(DEVICES)]
        bridge = _bridge(base, read_object(heard.get(base + INFO, b"")))
        for one in objects(read_json(payload)):
            made = _device(bridge, one)
            if made is not None:
                found.append(made)
    return found


def _bridge(base: str, info: dict[str, Any]) -> _Bridge:
    config = info.get("config")
    advanced = config.get("advanced") if isinstance(config, dict) else None
    if not isinstance(advanced, dict):
        return _Bridge(base)
    return _Bridge(
        base, advanced.get("output") == "attribute", advanced.get("last_seen") == "epoch"
    )


def _device(bridge: _Bridge, one: dict[str, Any]) -> FoundDevice | None:
    definition = one.get("definition")
    name = text(one.get("friendly_name"))
    if one.get("type") == "Coordinator" or not isinstance(definition, dict):
        return None
    if not topic_level(name) or not topic_level(bridge.base) or "{" in bridge.base:
        return None
    points = Points()
    for part in objects(definition.get("exposes")):
        _expose(bridge, points, part, where=())
    if "link_quality" not in points:
        points.number(Draft("linkquality", _read(bridge, ("linkquality",))))
    if bridge.epoch:
        seconds = {**(_read(bridge, ("last_seen",)) or {}), "scale": 0.001}
        labels = {"zh": "上次上报时间", "en": "last seen"}
        points.number(Draft("last_seen", seconds, unit="s", slow=True, labels=labels))
    base = bridge.base
    return device(
        About(
            "zigbee2mqtt",
            text(one.get("ieee_address"), name),
            name,
            text(definition.get("vendor"), "Zigbee"),
            text(definition.get("model")) or text(one.get("model_id"), "device"),
            f"{base}/{{friendly_name}}",
            {"friendly_name": name},
            _SOURCES,
            availability=(
                {"topic": f"{base}/{{friendly_name}}/availability", "path": "state"},
                {"topic": f"{base}/bridge/state", "path": "state"},
            ),
        ),
        points,
    )


def _expose(bridge: _Bridge, points: Points, part: dict[str, Any], where: tuple[str, ...]) -> None:
    kind = text(part.get("type"))
    if kind in _CATEGORIES:
        for feature in _features(part):
            _feature(bridge, points, feature, kind, where)
    elif kind == "composite":
        inner = (*where, text(part.get("property"))) if part.get("property") else where
        if len(inner) > _DEPTH_MAX:
            points.leave_out(text(part.get("name"), "composite"), "is nested too deep")
            return
        for feature in _features(part):
            # a part of a composite alone is no command
            _expose(bridge, points, {**feature, "access": _access(feature) & ~_SET}, inner)
    elif kind in ("binary", "numeric", "enum", "text"):
        _point(points, part, _draft(bridge, part, where))
    else:
        points.leave_out(text(part.get("name"), "?"), f"of the type {kind or 'none'}")


def _feature(
    bridge: _Bridge, points: Points, part: dict[str, Any], kind: str, where: tuple[str, ...]
) -> None:
    draft = replace(_draft(bridge, part, where), category=_CATEGORIES[kind])
    name = text(part.get("name"))
    stands_at = text(part.get("property"), name)
    if name == "state" and kind in ("lock", "switch") and not stands_at.startswith("state"):
        # the maker's switch for something else: child_lock, frost_protection
        draft = replace(draft, key=stands_at, label="", category="")
    elif name == "state":
        draft = replace(
            draft, name=_STATE_NAMES.get(kind, "cover_state"), labels=_STATE_LABELS[kind]
        )
    if part.get("type") == "composite":
        _expose(bridge, points, part, where)
        return
    _point(points, part, draft)


def _features(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for feature in objects(part.get("features")):
        endpoint = part.get("endpoint")
        yield {"endpoint": endpoint, **feature} if endpoint else feature


def _access(part: dict[str, Any]) -> int:
    access = part.get("access")
    return access if isinstance(access, int) and not isinstance(access, bool) else _PUBLISHED


def _draft(bridge: _Bridge, part: dict[str, Any], where: tuple[str, ...]) -> Draft:
    name = text(part.get("name"))
    steps = (*where, text(part.get("property"), name))
    access = _access(part)
    inner = [step for step in where if step != name]
    return Draft(
        key="_".join((*inner, name)),
        label=text(part.get("label")) if not inner else "",
        read=_read(bridge, steps) if access & _PUBLISHED else None,
        write=_write(bridge, part, steps) if access & _SET else None,
        channel=text(part.get("endpoint")),
        slow=part.get("category") in ("config", "diagnostic"),
    )


def _read(bridge: _Bridge, steps: tuple[str, ...]) -> Part | None:
    if bridge.by_attribute:
        level = "-".join(steps)
        is_topic = topic_level(level) and "{" not in level
        return {"topic": f"{bridge.base}/{{friendly_name}}/{level}"} if is_topic else None
    where = path(*steps)
    return {"path": where} if where is not None else None


def _write(bridge: _Bridge, part: dict[str, Any], steps: tuple[str, ...]) -> Part:
    template: Any = "$value"
    for step in reversed(steps):
        template = {step: template}
    write: Part = {"topic": f"{bridge.base}/{{friendly_name}}/set", "template": template}
    if part.get("type") == "numeric":
        low, high = number(part.get("value_min")), number(part.get("value_max"))
        if low is None or high is None:
            low, high = _LIMITS.get(text(part.get("name")), (None, None))
        width = number(part.get("value_step"))
        write |= {"minimum": low, "maximum": high}
        if width is not None and width > 0:
            write["step"] = width
    return write


def _point(points: Points, part: dict[str, Any], draft: Draft) -> None:
    kind = part.get("type")
    if draft.read is None and draft.write is None:
        points.leave_out(draft.key or "?", "can neither be read nor set")
    elif kind == "numeric":
        points.number(_with_unit(part, draft))
    elif kind == "binary":
        on, off = part.get("value_on", True), part.get("value_off", False)
        if draft.key == "contact" and on is True:
            on, off = off, on  # true is closed for the bridge, and people ask whether it is open
        points.binary(draft, on=on, off=off)
    elif kind == "enum":
        values = part.get("values")
        words = [str(one) for one in values] if isinstance(values, list) else []
        standard = COVER if draft.name == "cover_state" else BY_KEY.get(draft.key, ())
        if draft.key == "action" and draft.read is not None:
            draft = replace(draft, read={"nan_value": [""], **draft.read})
        points.enumeration(draft, words, standard=standard)
    else:
        points.text(draft)


def _with_unit(part: dict[str, Any], draft: Draft) -> Draft:
    unit = part.get("unit")
    if draft.key == "brightness" and not unit:
        return replace(draft, unit="")  # steps of 1/254, no percentage
    return replace(draft, unit=unit if isinstance(unit, str) and unit else None)
