"""Air conditioners, thermostats and heaters of Home Assistant's discovery.

https://www.home-assistant.io/integrations/climate.mqtt/.
"""

from __future__ import annotations

from typing import Final

from device_profiles.dialects.documents import text
from device_profiles.dialects.ha_entity import Entity
from device_profiles.dialects.orders import ACTIVITIES, FAN_SPEEDS, MODES
from device_profiles.dialects.points import Part, Points, numbered

_MODES: Final = ("auto", "off", "cool", "heat", "dry", "fan_only")
_FAN_MODES: Final = ("auto", "low", "medium", "high")
_SWING_MODES: Final = ("on", "off")
_ACTIONS: Final = ("off", "heating", "cooling", "drying", "idle", "fan", "preheating", "defrosting")
_ACTION: Final = {"zh": "运行状态", "en": "activity"}
_MODE: Final = {"zh": "运行模式", "en": "mode"}
_FAN_MODE: Final = {"zh": "风速", "en": "fan speed"}
_SWING_MODE: Final = {"zh": "摆风", "en": "swing"}
_PRESET: Final = {"zh": "预设", "en": "preset"}
_POWER: Final = {"zh": "电源", "en": "power"}


def add_climate(entity: Entity, points: Points) -> None:
    """Add the points of a climate entity."""
    modes = _words(entity, "modes", _MODES)
    cools = {"cool", "dry"} & {mode.lower() for mode in modes}
    category = "air_conditioner" if cools else "thermostat"
    unit = "°F" if text(entity.config.get("temperature_unit")).upper() == "F" else "°C"
    read = entity.read_number(points, "current_temperature_topic", "current_temperature_template")
    if read is not None:
        points.number(entity.draft("temperature", read, unit=unit, category=category))
    read = entity.read_number(points, "current_humidity_topic", "current_humidity_template")
    if read is not None:
        points.number(entity.draft("relative_humidity", read, unit="%RH", category=category))
    for which, key in (
        ("temperature", "temperature_setpoint"),
        ("temperature_low", "heating_setpoint"),
        ("temperature_high", "cooling_setpoint"),
    ):
        limits = entity.limits(
            "min_temp",
            "max_temp",
            "temp_step",
            default=(44.6, 95.0) if unit == "°F" else (7.0, 35.0),
        )
        _add_number(entity, points, which, limits, key=key, unit=unit, category=category)
    limits = entity.limits("min_humidity", "max_humidity", "", default=(30.0, 99.0))
    _add_number(
        entity,
        points,
        "target_humidity",
        limits,
        key="humidity_setpoint",
        unit="%RH",
        category=category,
    )
    for key, labels, words, standard in (
        ("mode", _MODE, modes, MODES),
        ("fan_mode", _FAN_MODE, _words(entity, "fan_modes", _FAN_MODES), FAN_SPEEDS),
        ("swing_mode", _SWING_MODE, _words(entity, "swing_modes", _SWING_MODES), ("off", "on")),
        ("preset_mode", _PRESET, _words(entity, "preset_modes", ()), ("none",)),
    ):
        template = "preset_mode_value_template" if key == "preset_mode" else f"{key}_state_template"
        values = numbered(words, standard)
        read = entity.read_words(points, values, f"{key}_state_topic", template)
        write = entity.write(points, f"{key}_command_topic", f"{key}_command_template")
        if words and (read is not None or write is not None):
            draft = entity.draft(key, read, write, labels=labels, category=category)
            points.enumeration(draft, words, standard=standard)
    _add_action_and_power(entity, points, category)


def _words(entity: Entity, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    said = entity.config.get(key)
    return tuple(str(one) for one in said) if isinstance(said, list) else default


def _add_number(
    entity: Entity,
    points: Points,
    which: str,
    limits: Part,
    *,
    key: str,
    unit: str,
    category: str,
) -> None:
    read = entity.read_number(points, f"{which}_state_topic", f"{which}_state_template")
    write = entity.write(points, f"{which}_command_topic", f"{which}_command_template")
    if read is None and write is None:
        return
    write = None if write is None else write | limits
    points.number(entity.draft(key, read, write, unit=unit, category=category))


def _add_action_and_power(entity: Entity, points: Points, category: str) -> None:
    values = numbered(_ACTIONS, ACTIVITIES)
    read = entity.read_words(points, values, "action_topic", "action_template")
    if read is not None:
        draft = entity.draft("activity", read, labels=_ACTION, category=category)
        points.enumeration(draft, _ACTIONS, standard=ACTIVITIES)
    write = entity.write(points, "power_command_topic", "power_command_template")
    if write is not None:
        on, off = entity.word("payload_on", "ON"), entity.word("payload_off", "OFF")
        draft = entity.draft("power_on", None, write, labels=_POWER, category=category)
        points.state(draft, write_values={off: 0, on: 1})
