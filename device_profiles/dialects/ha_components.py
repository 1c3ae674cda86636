"""The components of Home Assistant's discovery that become points.

https://www.home-assistant.io/integrations/mqtt/ has a page for each with its keys and defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from device_profiles.dialects.documents import number, text
from device_profiles.dialects.ha_climate import add_climate
from device_profiles.dialects.ha_entity import Entity
from device_profiles.dialects.orders import COVER, COVER_STATES, FAN_SPEEDS
from device_profiles.dialects.points import Points, numbered
from device_profiles.dialects.quantities import known_number, known_state
from device_profiles.dialects.units import convert
from device_profiles.dialects.words import chinese_name

_TEXT_CLASSES: Final = frozenset({"timestamp", "date"})
_RELAY: Final = {"zh": "继电器", "en": "relay"}
_LIGHT: Final = {"zh": "灯", "en": "light"}
_LOCK: Final = {"zh": "门锁", "en": "lock"}
_FAN: Final = {"zh": "风机", "en": "fan"}
_COVER_COMMAND: Final = {"zh": "窗帘动作", "en": "cover command"}
_POSITIONS: Final = {
    "position": ("position", "set_position"),
    "tilt_position": ("tilt_status", "tilt_command"),
}
_COVER_STATE: Final = {"zh": "窗帘状态", "en": "cover state"}


def _sensor(entity: Entity, points: Points) -> None:
    key = _key(entity)
    options = entity.config.get("options")
    unit = entity.config.get("unit_of_measurement")
    if isinstance(options, list) and options:
        words = [str(one) for one in options]
        read = entity.read_words(points, numbered(words, ()))
        if read is not None:
            points.enumeration(entity.draft(key, read), words)
        return
    is_number = isinstance(unit, str) or "state_class" in entity.config
    is_number = is_number or known_number(entity.device_class, None) is not None
    if not is_number or entity.device_class in _TEXT_CLASSES:
        said = entity.found(points, "state_topic", "value_template")
        if said is not None and not said[1].words and (said[1].scale, said[1].offset) == (1, 0):
            points.text(entity.draft(key, said[0]))
        return
    read = entity.read_number(points)
    if read is not None:
        _number_in_its_unit(entity, points, key, unit if isinstance(unit, str) else None, read)


def _number_in_its_unit(
    entity: Entity, points: Points, key: str, unit: str | None, read: dict[str, Any]
) -> None:
    conversion = convert(unit) if unit is not None else None
    if conversion is not None and ("scale" in read or "offset" in read):
        scale, offset = read.get("scale", 1.0), read.get("offset", 0.0)
        read = read | {
            "scale": scale * conversion.scale,
            "offset": offset * conversion.scale + conversion.offset,
        }
    points.number(entity.draft(key, read, unit=unit))


def _binary_sensor(entity: Entity, points: Points) -> None:
    words = {entity.word("payload_off", "OFF"): 0, entity.word("payload_on", "ON"): 1}
    read = entity.read_words(points, words)
    if read is not None:
        key = entity.device_class if known_state(entity.device_class) else _key(entity)
        points.state(entity.draft(key, read))


def _switch(entity: Entity, points: Points) -> None:
    on, off = entity.word("payload_on", "ON"), entity.word("payload_off", "OFF")
    said = {entity.word("state_off", off): 0, entity.word("state_on", on): 1}
    labels = _labels(_RELAY, entity.label)
    minor = entity.is_minor
    draft = entity.draft(
        "relay" if not minor else entity.object,
        entity.read_words(points, said),
        entity.write(points),
        labels=labels,
        category="" if minor else "relay",
    )
    points.state(draft, write_values={off: 0, on: 1})


def _labels(kind: Mapping[str, str], own: str) -> dict[str, str]:
    """Return what a thing is, with what the people there call it."""
    if not own:
        return dict(kind)
    if chinese_name(own) == own:
        return {"zh": own, "en": kind["en"]}
    return {"zh": f"{kind['zh']} {own}", "en": own}


def _light(entity: Entity, points: Points) -> None:
    schema = text(entity.config.get("schema"), "basic")
    if schema == "json":
        _json_light(entity, points)
        return
    if schema != "basic":
        points.leave_out(entity.object, f"is a light with the schema {schema}")
        return
    on, off = entity.word("payload_on", "ON"), entity.word("payload_off", "OFF")
    read = entity.read_words(points, {off: 0, on: 1}, template_key="state_value_template")
    draft = entity.draft(
        "light",
        read,
        entity.write(points, template_key="no_template"),
        labels=_LIGHT,
        category="lighting_controller",
    )
    points.state(draft, write_values={off: 0, on: 1})
    read = entity.read_number(points, "brightness_state_topic", "brightness_value_template")
    write = entity.write(points, "brightness_command_topic", "brightness_command_template")
    _brightness(entity, points, read, write)


def _json_light(entity: Entity, points: Points) -> None:
    topic, command = text(entity.config.get("state_topic")), entity.write(points)
    write = None if command is None else command | {"template": {"state": "$value"}}
    read = {"topic": topic, "path": "state", "values": {"OFF": 0, "ON": 1}} if topic else None
    labels, category = _LIGHT, "lighting_controller"
    draft = entity.draft("light", read, write, labels=labels, category=category)
    points.state(draft, write_values={"OFF": 0, "ON": 1})
    if entity.config.get("brightness") or entity.config.get("supported_color_modes"):
        write = None if command is None else command | {"template": {"brightness": "$value"}}
        _brightness(
            entity, points, {"topic": topic, "path": "brightness"} if topic else None, write
        )


def _brightness(
    entity: Entity, points: Points, read: dict[str, Any] | None, write: dict[str, Any] | None
) -> None:
    if read is None and write is None:
        return
    most = number(entity.config.get("brightness_scale")) or 255.0
    scale = 100.0 / most
    if read is not None:
        read = read | {"scale": read.get("scale", 1.0) * scale}
    if write is not None:
        write = write | {"minimum": 0.0, "maximum": 100.0, "scale": scale}
    points.number(entity.draft("brightness", read, write, unit="%"))


def _cover(entity: Entity, points: Points) -> None:
    words = (
        *(entity.word("state_closed", "closed"), entity.word("state_open", "open")),
        *(entity.word("state_opening", "opening"), entity.word("state_closing", "closing")),
        entity.word("state_stopped", "stopped"),
    )
    read = entity.read_words(points, numbered(words, COVER_STATES))
    if read is not None:
        draft = entity.draft("cover_state", read, labels=_COVER_STATE, category="curtain")
        points.enumeration(draft, words, standard=COVER_STATES)
    write = entity.write(points, template_key="no_template")
    if write is not None:
        commands = (
            *(entity.word("payload_close", "CLOSE"), entity.word("payload_open", "OPEN")),
            entity.word("payload_stop", "STOP"),
        )
        draft = entity.draft("cover_command", None, write, labels=_COVER_COMMAND)
        points.enumeration(draft, commands, standard=COVER)
    _position(entity, points, "position", ends=("position_closed", "position_open"))
    _position(entity, points, "tilt_position", ends=("tilt_min", "tilt_max"))


def _position(entity: Entity, points: Points, key: str, *, ends: tuple[str, str]) -> None:
    state, command = _POSITIONS[key]
    read = entity.read_number(points, f"{state}_topic", f"{state}_template")
    write = entity.write(points, f"{command}_topic", f"{command}_template")
    closed, opened = (number(entity.config.get(end)) for end in ends)
    closed, opened = closed or 0.0, 100.0 if opened is None else opened
    if opened == closed or (read is None and write is None):
        return
    scale = 100.0 / (opened - closed)
    linear = {"scale": scale, "offset": -closed * scale} if (closed, opened) != (0, 100) else {}
    if write is not None:
        write = write | linear | {"minimum": 0.0, "maximum": 100.0}
    points.number(entity.draft(key, None if read is None else read | linear, write, unit="%"))


def _number_setting(entity: Entity, points: Points) -> None:
    unit = entity.config.get("unit_of_measurement")
    read, write = entity.read_number(points), entity.write(points)
    if write is not None:
        write |= entity.limits("min", "max", "step", default=(1.0, 100.0))
        write |= {key: read[key] for key in ("scale", "offset") if read is not None and key in read}
    unit = unit if isinstance(unit, str) else None
    points.number(entity.draft(_key(entity), read, write, unit=unit))


def _select(entity: Entity, points: Points) -> None:
    options = entity.config.get("options")
    words = [str(one) for one in options] if isinstance(options, list) else []
    read = entity.read_words(points, numbered(words, ()))
    points.enumeration(entity.draft(_key(entity), read, entity.write(points)), words)


def _button(entity: Entity, points: Points) -> None:
    write = entity.write(points)
    press = entity.word("payload_press", "PRESS")
    if write is not None:
        points.enumeration(entity.draft(_key(entity), None, write), [press])


def _event(entity: Entity, points: Points) -> None:
    types = entity.config.get("event_types")
    words = [str(one) for one in types] if isinstance(types, list) else []
    said = entity.found(points, "state_topic", "value_template")
    if said is None or said[1].words:
        return
    if said[1].steps:
        points.leave_out(entity.object, "is an event within a larger message")
        return
    read = {"topic": said[0]["topic"], "path": "event_type"}
    points.enumeration(entity.draft(_key(entity), read), words)


def _lock(entity: Entity, points: Points) -> None:
    said = {entity.word("state_unlocked", "UNLOCKED"): 0, entity.word("state_locked", "LOCKED"): 1}
    told = {entity.word("payload_unlock", "UNLOCK"): 0, entity.word("payload_lock", "LOCK"): 1}
    draft = entity.draft(
        "lock",
        entity.read_words(points, said),
        entity.write(points),
        labels=_LOCK,
        category="access_control",
    )
    points.state(draft, write_values=told)


def _fan(entity: Entity, points: Points) -> None:
    on, off = entity.word("payload_on", "ON"), entity.word("payload_off", "OFF")
    read = entity.read_words(points, {off: 0, on: 1}, template_key="state_value_template")
    write = entity.write(points)
    draft = entity.draft("fan", read, write, labels=_FAN, category="ventilation")
    points.state(draft, write_values={off: 0, on: 1})
    read = entity.read_number(points, "percentage_state_topic", "percentage_value_template")
    write = entity.write(points, "percentage_command_topic", "percentage_command_template")
    if read is not None or write is not None:
        limits = entity.limits("speed_range_min", "speed_range_max", "", default=(1.0, 100.0))
        scale = 100.0 / limits["maximum"] if limits["maximum"] > 0 else 1.0
        linear = {"scale": scale} if scale != 1.0 else {}
        if write is not None:
            write |= linear | {"minimum": 0.0, "maximum": 100.0}
        read = None if read is None else read | linear
        points.number(entity.draft("fan_percent", read, write, unit="%"))
    modes = entity.config.get("preset_modes")
    words = [str(one) for one in modes] if isinstance(modes, list) else []
    values = numbered(words, FAN_SPEEDS)
    read = entity.read_words(
        points, values, "preset_mode_state_topic", "preset_mode_value_template"
    )
    write = entity.write(points, "preset_mode_command_topic", "preset_mode_command_template")
    if words and (read is not None or write is not None):
        points.enumeration(entity.draft("preset", read, write), words, standard=FAN_SPEEDS)


def _key(entity: Entity) -> str:
    """Return what tells the quantity: the class where the unit fits it, else what it is called."""
    device_class, unit = entity.device_class, entity.config.get("unit_of_measurement")
    conversion = convert(unit) if isinstance(unit, str) else None
    known = known_number(device_class, conversion.unit if conversion is not None else None)
    if device_class and known is not None:
        return device_class
    return entity.object or entity.label or entity.component


Adder = Callable[[Entity, Points], None]

COMPONENTS: Final[Mapping[str, Adder]] = MappingProxyType(
    {
        "binary_sensor": _binary_sensor,
        "button": _button,
        "climate": add_climate,
        "cover": _cover,
        "event": _event,
        "fan": _fan,
        "light": _light,
        "lock": _lock,
        "number": _number_setting,
        "select": _select,
        "sensor": _sensor,
        "siren": _switch,
        "switch": _switch,
    }
)
