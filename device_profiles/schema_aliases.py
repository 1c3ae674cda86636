"""The part of the schema that tells the other names of keys, and other words for values."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from device_profiles.aliases import ALIASES, Alias
from device_profiles.registers import DataType

_TYPE_WORDS: Final = [*DataType, *(one.upper() for one in DataType), "bit", "BIT"]
_PARITY_WORDS: Final = ["N", "E", "O", "n", "e", "o", "none", "even", "odd"]


def add_aliases(definitions: dict[str, Any]) -> None:
    """Add other names and words to the definitions of a schema, in place."""
    definitions["DataType"]["enum"] = [str(word) for word in _TYPE_WORDS]
    definitions["ModbusLink"]["properties"]["parity"]["enum"] = _PARITY_WORDS
    for name, aliases in ALIASES.items():
        _add_names(definitions[name], aliases)


def _add_names(definition: dict[str, Any], aliases: Any) -> None:
    properties: dict[str, Any] = definition["properties"]
    by_canonical: dict[str, list[str]] = {}
    for name, alias in aliases.items():
        properties[name] = _described(alias, properties[alias.canonical])
        by_canonical.setdefault(alias.canonical, []).append(name)
    rules = [
        rule
        for canonical, names in by_canonical.items()
        for rule in _only_one(definition, canonical, names)
    ]
    definition.setdefault("allOf", []).extend(rules)


def _described(alias: Alias, canonical: dict[str, Any]) -> dict[str, Any]:
    schema = deepcopy(dict(alias.schema)) if alias.schema is not None else deepcopy(canonical)
    schema.pop("default", None)
    schema["description"] = f"{alias.origin}'s name of `{alias.canonical}`."
    return schema


def _only_one(definition: dict[str, Any], canonical: str, names: list[str]) -> list[dict[str, Any]]:
    """Return the rules that a key is given under one of its names only, and once if needed."""
    choices = [{"required": [name]} for name in (canonical, *names)]
    required: list[str] = definition.get("required", [])
    if canonical in required:
        required.remove(canonical)
        return [{"oneOf": choices}]
    return [{"oneOf": [*choices, {"not": {"anyOf": choices}}]}]
