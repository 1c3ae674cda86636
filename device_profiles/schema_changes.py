"""The part of the schema that variants need: points and sections of which only some keys are given.

A key may be null there, which takes it away.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from device_profiles.aliases import ALIASES
from device_profiles.making_effects import FIXED_KEYS

_DEFINITIONS: Final = "#/$defs/"
_CHANGED: Final = {
    "ModbusPoint": {"read": "ModbusRead", "write": "ModbusWrite"},
    "ModbusRead": {},
    "ModbusWrite": {},
    "ModbusSection": {},
}
"""Of which definitions a change can be given, and which of their keys are changed key by key."""
_WHOLE: Final = ("required", "if", "then", "else", "anyOf", "allOf")
"""What a definition asks of something that is given as a whole."""


def add_changes(definitions: dict[str, Any]) -> None:
    """Add the definitions of changes to those of a schema, in place."""
    for name, parts in _CHANGED.items():
        definitions[f"{name}Change"] = _change(name, definitions[name], parts)


def _change(name: str, whole: dict[str, Any], parts: dict[str, str]) -> dict[str, Any]:
    change = {key: deepcopy(value) for key, value in whole.items() if key not in _WHOLE}
    change["title"] = f"{name}Change"
    change["description"] = f"Some keys of a {name}; null takes a key away."
    properties: dict[str, Any] = change["properties"]
    if name == "ModbusPoint":
        aliases = [one for one, alias in ALIASES[name].items() if alias.canonical in FIXED_KEYS]
        for key in (*FIXED_KEYS, *aliases):
            del properties[key]
    for key, schema in properties.items():
        schema.pop("default", None)  # what is left out stays as it was
        part = {"$ref": f"{_DEFINITIONS}{parts[key]}Change"} if key in parts else schema
        properties[key] = {"anyOf": [part, {"type": "null"}]}
    return change
