"""A small checker of JSON schemas, to compare what the published schema and the loader take.

It knows the words that the schema uses and refuses any other, so that none goes unheeded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_NOTES = {"$defs", "$id", "$schema", "default", "description", "discriminator", "title"}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "null": lambda value: value is None,
    "number": _is_number,
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


class SchemaChecker:
    """Says whether a document fits a schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._root = schema

    def takes(self, value: Any, schema: Any = None) -> bool:
        if schema is None:
            schema = self._root
        if isinstance(schema, bool):
            return schema
        return all(
            self._word(word, wanted, value, schema)
            for word, wanted in schema.items()
            if word not in _NOTES
        )

    def _word(self, word: str, wanted: Any, value: Any, schema: dict[str, Any]) -> bool:
        check = getattr(self, f"_{word.strip('$')}", None)
        if check is not None:
            return bool(check(wanted, value, schema))
        if word in _LIMITS:
            kind, holds = _LIMITS[word]
            return not _TYPES[kind](value) or holds(value, wanted)
        raise AssertionError(f"the schema says {word}, which this checker does not know")

    def _ref(self, wanted: str, value: Any, _: Any) -> bool:
        at: Any = self._root
        for part in wanted.removeprefix("#/").split("/"):
            at = at[part]
        return self.takes(value, at)

    def _type(self, wanted: str, value: Any, _: Any) -> bool:
        return _TYPES[wanted](value)

    def _enum(self, wanted: list[Any], value: Any, _: Any) -> bool:
        return any(_same(one, value) for one in wanted)

    def _const(self, wanted: Any, value: Any, _: Any) -> bool:
        return _same(wanted, value)

    def _anyOf(self, wanted: list[Any], value: Any, _: Any) -> bool:  # noqa: N802 - JSON schema's
        return any(self.takes(value, one) for one in wanted)

    def _oneOf(self, wanted: list[Any], value: Any, _: Any) -> bool:  # noqa: N802 - JSON schema's
        return sum(self.takes(value, one) for one in wanted) == 1

    def _allOf(self, wanted: list[Any], value: Any, _: Any) -> bool:  # noqa: N802 - JSON schema's
        return all(self.takes(value, one) for one in wanted)

    def _not(self, wanted: Any, value: Any, _: Any) -> bool:
        return not self.takes(value, wanted)

    def _if(self, wanted: Any, value: Any, schema: dict[str, Any]) -> bool:
        return self.takes(value, schema.get("then" if self.takes(value, wanted) else "else", True))

    def _then(self, *_: Any) -> bool:
        return True  # heeded with `if`

    _else = _then

    def _required(self, wanted: list[str], value: Any, _: Any) -> bool:
        return not isinstance(value, dict) or set(wanted) <= value.keys()

    def _items(self, wanted: Any, value: Any, _: Any) -> bool:
        return not isinstance(value, list) or all(self.takes(one, wanted) for one in value)

    def _properties(self, wanted: dict[str, Any], value: Any, _: Any) -> bool:
        if not isinstance(value, dict):
            return True
        return all(self.takes(value[key], one) for key, one in wanted.items() if key in value)

    def _propertyNames(self, wanted: Any, value: Any, _: Any) -> bool:  # noqa: N802
        return not isinstance(value, dict) or all(self.takes(key, wanted) for key in value)

    def _patternProperties(self, wanted: dict[str, Any], value: Any, _: Any) -> bool:  # noqa: N802
        if not isinstance(value, dict):
            return True
        return all(
            self.takes(one, schema)
            for pattern, schema in wanted.items()
            for key, one in value.items()
            if re.search(pattern, key)
        )

    def _additionalProperties(self, wanted: Any, value: Any, schema: Any) -> bool:  # noqa: N802
        return all(self.takes(one, wanted) for one in _others(value, schema))


def _others(value: Any, schema: dict[str, Any]) -> Iterator[Any]:
    for key, one in value.items() if isinstance(value, dict) else ():
        named = key in schema.get("properties", {})
        if not named and not any(re.search(p, key) for p in schema.get("patternProperties", {})):
            yield one


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


_LIMITS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("number", lambda value, limit: value >= limit),
    "maximum": ("number", lambda value, limit: value <= limit),
    "exclusiveMinimum": ("number", lambda value, limit: value > limit),
    "exclusiveMaximum": ("number", lambda value, limit: value < limit),
    "minLength": ("string", lambda value, limit: len(value) >= limit),
    "maxLength": ("string", lambda value, limit: len(value) <= limit),
    "pattern": ("string", lambda value, pattern: re.search(pattern, value) is not None),
    "minItems": ("array", lambda value, limit: len(value) >= limit),
    "maxItems": ("array", lambda value, limit: len(value) <= limit),
    "minProperties": ("object", lambda value, limit: len(value) >= limit),
    "maxProperties": ("object", lambda value, limit: len(value) <= limit),
}
