"""The keys of Home Assistant's MQTT discovery, whole and abbreviated.

https://www.home-assistant.io/integrations/mqtt/#supported-abbreviations-in-mqtt-discovery-messages;
only those that are understood here are listed.
"""

from __future__ import annotations

from typing import Any, Final

_PARTS: Final = {
    "act": "action",
    "avty": "availability",
    "bri": "brightness",
    "clr": "color",
    "cla": "class",
    "cls": "close",
    "clsd": "closed",
    "cmd": "command",
    "cmps": "components",
    "curr": "current",
    "dev": "device",
    "ent_cat": "entity_category",
    "evt": "event",
    "hum": "humidity",
    "max_hum": "max_humidity",
    "min_hum": "min_humidity",
    "mode_stat": "mode_state",
    "osc": "oscillation",
    "pct": "percentage",
    "pl": "payload",
    "pos": "position",
    "pow": "power",
    "pr": "preset",
    "stat": "state",
    "t": "topic",
    "temp": "temperature",
    "tpl": "template",
    "val": "value",
}
_WHOLE: Final = {
    "avty_mode": "availability_mode",
    "bri_scl": "brightness_scale",
    "cmps": "components",
    "cmp": "components",
    "cns": "connections",
    "curr_hum_t": "current_humidity_topic",
    "curr_hum_tpl": "current_humidity_template",
    "dev_cla": "device_class",
    "ent_cat": "entity_category",
    "evt_typ": "event_types",
    "exp_aft": "expire_after",
    "hum_cmd_t": "target_humidity_command_topic",
    "hum_cmd_tpl": "target_humidity_command_template",
    "hum_stat_t": "target_humidity_state_topic",
    "hum_state_tpl": "target_humidity_state_template",
    "ids": "identifiers",
    "max_hum": "max_humidity",
    "max_temp": "max_temp",
    "min_hum": "min_humidity",
    "min_temp": "min_temp",
    "mdl": "model",
    "mdl_id": "model_id",
    "mf": "manufacturer",
    "name": "name",
    "o": "origin",
    "obj_id": "object_id",
    "def_ent_id": "default_entity_id",
    "ops": "options",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_cls": "payload_close",
    "pl_not_avail": "payload_not_available",
    "pl_prs": "payload_press",
    "pl_rst": "payload_reset",
    "pl_unlk": "payload_unlock",
    "pos_clsd": "position_closed",
    "pos_open": "position_open",
    "pr_modes": "preset_modes",
    "precision": "precision",
    "schema": "schema",
    "spd_rng_max": "speed_range_max",
    "spd_rng_min": "speed_range_min",
    "stat_cla": "state_class",
    "swing_mode_stat_t": "swing_mode_state_topic",
    "temp_hi_stat_t": "temperature_high_state_topic",
    "temp_lo_stat_t": "temperature_low_state_topic",
    "temp_hi_stat_tpl": "temperature_high_state_template",
    "temp_lo_stat_tpl": "temperature_low_state_template",
    "temp_hi_cmd_t": "temperature_high_command_topic",
    "temp_lo_cmd_t": "temperature_low_command_topic",
    "temp_hi_cmd_tpl": "temperature_high_command_template",
    "temp_lo_cmd_tpl": "temperature_low_command_template",
    "temp_step": "temp_step",
    "temp_unit": "temperature_unit",
    "tilt_status_t": "tilt_status_topic",
    "tilt_status_tpl": "tilt_status_template",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
}


def whole_key(key: str) -> str:
    """Return a key as it is written out.

    >>> whole_key("stat_t"), whole_key("pct_cmd_tpl"), whole_key("state_topic")
    ('state_topic', 'percentage_command_template', 'state_topic')
    """
    if key in _WHOLE:
        return _WHOLE[key]
    return "_".join(_PARTS.get(part, part) for part in key.split("_"))


def written_out(config: dict[str, Any], depth: int = 5) -> dict[str, Any]:
    """Return a discovery message with its keys written out."""
    told: dict[str, Any] = {}
    for key, value in config.items():
        whole = whole_key(key)
        if whole == "components" and isinstance(value, dict):
            # their names are the maker's own: `temp` and `temperature` may be two of them
            told[whole] = {name: _inner(one, depth - 2) for name, one in value.items()}
        else:
            told[whole] = _inner(value, depth - 1)
    return told


def _inner(value: Any, depth: int) -> Any:
    if depth <= 0:
        return value
    if isinstance(value, dict):
        return written_out(value, depth)
    if isinstance(value, list):
        return [_inner(one, depth) for one in value]
    return value


def with_base(config: dict[str, Any]) -> dict[str, Any]:
    """Return a discovery message with its base topic `~` filled in."""
    base = config.get("~")
    return _filled(config, base) if isinstance(base, str) and base else config


def _filled(value: Any, base: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _topic(one, base) if key.endswith("topic") else _filled(one, base)
            for key, one in value.items()
        }
    return [_filled(one, base) for one in value] if isinstance(value, list) else value


def _topic(value: Any, base: str) -> Any:
    if not isinstance(value, str):
        return value
    if value.startswith("~"):
        value = base + value[1:]
    return value[:-1] + base if value.endswith("~") else value
