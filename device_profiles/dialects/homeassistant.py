"""Home Assistant's MQTT discovery: `homeassistant/<component>/[<node>/]<object>/config`.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery. Devices of ESPHome, of
OpenMQTTGateway and of many others describe themselves so. One message describes one entity, or with
the component `device` a whole device; entities that name the same device become the points of one
profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from device_profiles.dialects.device import About, device
from device_profiles.dialects.documents import number, objects, read_object, text
from device_profiles.dialects.found import FoundDevice
from device_profiles.dialects.ha_components import COMPONENTS
from device_profiles.dialects.ha_entity import Entity
from device_profiles.dialects.ha_keys import with_base, written_out
from device_profiles.dialects.ha_template import NotUnderstoodError, understand
from device_profiles.dialects.naming import path
from device_profiles.dialects.points import Part, Points

_CONFIG: Final = re.compile(
    r"homeassistant/(?P<component>[a-z_]+)/(?:(?P<node>[^/]+)/)?(?P<object>[^/]+)/config"
)
_AVAILABILITIES_MAX: Final = 4
_SOURCES: Final = (
    (
        "https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery",
        "documentation of the discovery; the points are what the device says of itself",
    ),
)


@dataclass(slots=True)
class _Device:
    id: str
    about: Mapping[str, Any]
    entities: list[Entity] = field(default_factory=list)


def describe(heard: Mapping[str, bytes]) -> list[FoundDevice]:
    """Return the devices whose entities were described."""
    devices: dict[str, _Device] = {}
    for topic in sorted(heard):
        match = _CONFIG.fullmatch(topic)
        config = with_base(written_out(read_object(heard[topic]))) if match else {}
        if match is None or not config:
            continue
        fallback = match["node"] or match["object"]
        about = config.get("device")
        about = about if isinstance(about, dict) else {}
        id_ = _identity(about) or text(config.get("unique_id"), fallback)
        made = devices.setdefault(id_, _Device(id_, about))
        own = _without(match["object"], (id_, match["node"] or "", text(about.get("name"))))
        made.entities += _entities(match["component"], own, config)
    found = (_found(made) for made in devices.values())
    return [one for one in found if one is not None]


def _identity(about: Mapping[str, Any]) -> str:
    identifiers = about.get("identifiers")
    if isinstance(identifiers, str):
        return identifiers.strip()
    if isinstance(identifiers, list) and identifiers:
        return str(identifiers[0])
    connections = about.get("connections")
    if isinstance(connections, list) and connections and isinstance(connections[0], list):
        return str(connections[0][-1]) if connections[0] else ""
    return ""


def _entities(component: str, object_: str, config: dict[str, Any]) -> Iterator[Entity]:
    if component != "device":
        yield Entity(component, object_, config)
        return
    shared: dict[str, Any] = {key: config[key] for key in _SHARED if key in config}
    components = config.get("components")
    for key, one in components.items() if isinstance(components, dict) else ():
        if isinstance(one, dict):
            kind = text(one.get("platform"))
            yield Entity(kind, str(key), {**shared, **one})


def _without(object_: str, prefixes: tuple[str, ...]) -> str:
    """Return what an entity is called, without the device's own name before it."""
    for prefix in prefixes:
        rest = object_.removeprefix(prefix)
        if prefix and rest != object_ and rest[:1] in ("_", "-", ".", " "):
            return rest.lstrip("_-. ") or object_
    return object_


_SHARED: Final = (
    *("state_topic", "command_topic", "availability", "availability_topic", "availability_mode"),
    *("availability_template", "payload_available", "payload_not_available"),
)
"""What a description of a whole device may say once for all its entities."""


def _found(made: _Device) -> FoundDevice | None:
    points = Points()
    for entity in made.entities:
        adder = COMPONENTS.get(entity.component)
        if adder is None:
            points.leave_out(entity.object, f"is of the component {entity.component or 'none'}")
        else:
            adder(entity, points)
        expires = number(entity.config.get("expire_after"))
        if expires:
            points.notes.append(f"{entity.object} counts for {expires:g} s (expire_after)")
    parts = points.parts()
    base = _common_base([place["topic"] for part in parts for place in _places(part)])
    for part in parts:
        for place in _places(part):
            place["topic"] = _with_capture(place["topic"], base)
    if not parts:
        return None
    names = text(made.about.get("name")) or made.id
    return device(
        About(
            "homeassistant",
            made.id,
            names,
            text(made.about.get("manufacturer"), "MQTT"),
            text(made.about.get("model")) or names,
            next(place["topic"] for part in parts for place in _places(part)),
            {"base": base} if base else {},
            _SOURCES,
            tuple(_availability(made.entities, points, base)),
        ),
        points,
        parts,
    )


def _places(part: Part) -> list[Part]:
    return [part[key] for key in ("read", "write") if key in part]


def _common_base(topics: list[str]) -> str:
    """Return the first levels that all topics share: they tell devices of one model apart."""
    split = [topic.split("/") for topic in topics]
    if not split:
        return ""
    shared = []
    for levels in zip(*split, strict=False):
        if len(set(levels)) > 1 or levels[0] == "+":
            break
        shared.append(levels[0])
    return "/".join(shared)


def _with_capture(topic: str, base: str) -> str:
    if not base:
        return topic
    return "{base}" if topic == base else "{base}" + topic[len(base) :]


def _availability(entities: list[Entity], points: Points, base: str) -> Iterator[Part]:
    """Yield the availability that all entities share: of one alone it says nothing of the rest."""
    each = [{part["topic"]: part for part in _said(entity, points)} for entity in entities]
    shared = [topic for topic in each[0] if all(topic in said for said in each)]
    if any(said.keys() - set(shared) for said in each):
        points.notes.append("availability of single entities is left out")
    if len(shared) > 1 and entities[0].config.get("availability_mode", "latest") == "any":
        points.notes.append("availability_mode any is left out")
        return
    for topic in shared[:_AVAILABILITIES_MAX]:
        part = each[0][topic]
        if topic == base or topic.startswith(f"{base}/"):
            part = {**part, "topic": _with_capture(topic, base)}
        yield part


def _said(entity: Entity, points: Points) -> Iterator[Part]:
    listed = objects(entity.config.get("availability"))
    alone = entity.config.get("availability_topic")
    if isinstance(alone, str):
        template = entity.config.get("availability_template")
        shared = ("payload_available", "payload_not_available")
        words = {key: entity.config[key] for key in shared if key in entity.config}
        listed = [*listed, {"topic": alone, "value_template": template, **words}]
    for one in listed:
        topic = text(one.get("topic"))
        if not topic or re.search(r"[#+{}]", topic):
            continue
        words_of = Entity(entity.component, entity.object, one)
        online = words_of.word("payload_available", "online")
        offline = words_of.word("payload_not_available", "offline")
        try:
            found = understand(words_of.word("value_template"))
        except NotUnderstoodError as error:
            points.leave_out("availability", f"is not understood: its template {error}")
            continue
        where = path(*found.steps) if found.is_json and found.steps else None
        if online == offline or found.words or (found.is_json and where is None):
            points.leave_out("availability", "is not understood")
            continue
        yield {
            "topic": topic,
            **({"path": where} if where is not None else {}),
            "online": online,
            "offline": offline,
        }
