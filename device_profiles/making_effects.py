"""The effects of variants, made and checked once when a profile is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue, ValidationError
from pydantic_core import PydanticCustomError, to_json

from campus_wire.config_mistakes import errors_below
from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.suggest import suggest
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_section import ModbusSection
from device_profiles.model_variants import NamePattern, Variant
from device_profiles.placing import Key
from device_profiles.variant_effects import Effect, PointEffect

FIXED_KEYS: Final = ("name", "unit", "labels", "class")
"""What a point is, whichever variant: catalogs and rules are made before a device is asked."""
_NESTED: Final = ("read", "write")


@dataclass(slots=True)
class Effects:
    """The effects of all variants, and what is wrong with them."""

    effects: list[Effect] = field(default_factory=list)
    patterns: list[dict[str, str]] = field(default_factory=list)
    """Of each variant: by which key of `points` each changed point is named."""
    mistakes: list[PydanticCustomError] = field(default_factory=list)


def effects_of(
    variants: Sequence[Variant], points: Sequence[ModbusPoint], section: ModbusSection
) -> Effects:
    """Return what the variants do to these points and their section."""
    made = Effects()
    by_name = {point.name: point for point in points}
    for index, variant in enumerate(variants):
        _Maker(made, ("variants", index), variant, by_name).make(section)
    return made


class _Maker:
    """Makes the effect of one variant."""

    def __init__(
        self,
        made: Effects,
        key: tuple[Key, ...],
        variant: Variant,
        by_name: Mapping[str, ModbusPoint],
    ) -> None:
        self._made = made
        self._key = key
        self._variant = variant
        self._by_name = by_name
        self._patterns: dict[str, str] = {}

    def make(self, section: ModbusSection) -> None:
        variant = self._variant
        points: dict[str, PointEffect] = {}
        for pattern, change in variant.points.items():
            points |= self._changed(pattern, change)
        removed = frozenset(
            name
            for index, pattern in enumerate(variant.remove)
            for name in self._named(pattern, ("remove", index))
        )
        self._check_added(removed)
        self._made.patterns.append(self._patterns)
        self._made.effects.append(
            Effect(
                name=variant.name,
                conditions=variant.conditions,
                points=points,
                removed=removed,
                added=variant.add,
                section=self._section(section),
            )
        )

    def _wrong(self, key: tuple[Key, ...], message: str, **more: str) -> None:
        self._made.mistakes.append(mistake_at((*self._key, *key), message, **more))

    def _named(self, pattern: NamePattern, key: tuple[Key, ...]) -> list[str]:
        """Return the names of the points that are meant."""
        if "*" not in pattern:
            if pattern in self._by_name:
                return [pattern]
            meant = suggest(pattern, self._by_name)
            self._wrong(key, f"{pattern} is no point of this profile", suggestion=meant)
            return []
        expression = re.compile(re.escape(pattern).replace(r"\*", ".*"))
        found = [name for name in self._by_name if expression.fullmatch(name)]
        if not found:
            self._wrong(key, f"no point's name looks like {pattern}")
        return found

    def _changed(self, pattern: str, change: dict[str, JsonValue]) -> dict[str, PointEffect]:
        key: tuple[Key, ...] = ("points", pattern)
        fixed = [name for name in FIXED_KEYS if name in change]
        for given in fixed:
            message = f"{given} cannot change, as catalogs are made before a device is asked"
            self._wrong((*key, given), message, remedy="give the variant a point of its own")
        names = self._named(pattern, key)
        if len(names) > 1 and self._gives_an_address(key, change):
            return {}
        effects: dict[str, PointEffect] = {}
        for name in () if fixed else names:
            self._patterns[name] = pattern
            effect = self._point_effect((*self._key, *key), self._by_name[name], change)
            if effect is None:
                break  # the other instances have the same mistakes
            effects[name] = effect
        return effects

    def _gives_an_address(self, key: tuple[Key, ...], change: dict[str, JsonValue]) -> bool:
        for part in _NESTED:
            below = change.get(part)
            if isinstance(below, dict) and "address" in below:
                self._wrong((*key, part, "address"), "would be the same for several points")
                return True
        return False

    def _point_effect(
        self, key: tuple[Key, ...], point: ModbusPoint, change: dict[str, JsonValue]
    ) -> PointEffect | None:
        merged = _plain(point)
        for name, value in change.items():
            before = merged.get(name)
            nested = name in _NESTED and isinstance(value, dict) and isinstance(before, dict)
            merged[name] = _merged(before, value) if nested else value
        merged = {name: value for name, value in merged.items() if value is not None}
        try:
            changed = ModbusPoint.model_validate_json(to_json(merged))
        except ValidationError as error:
            self._made.mistakes += errors_below(ModbusPoint, merged, error, key=key)
            return None
        fields = {one: getattr(changed, one) for one in _fields(ModbusPoint, change)}
        below: dict[str, dict[str, Any]] = {}
        for part in _NESTED:
            given, after = change.get(part), getattr(changed, part)
            if isinstance(given, dict) and getattr(point, part) is not None and after is not None:
                below[part] = {one: getattr(after, one) for one in _fields(type(after), given)}
                del fields[part]
        return PointEffect(fields, below)

    def _section(self, section: ModbusSection) -> dict[str, Any]:
        change = self._variant.modbus
        if not change:
            return {}
        merged = _merged(_plain(section), change)
        try:
            changed = ModbusSection.model_validate_json(to_json(merged))
        except ValidationError as error:
            key = (*self._key, "modbus")
            self._made.mistakes += errors_below(ModbusSection, merged, error, key=key)
            return {}
        return {one: getattr(changed, one) for one in _fields(ModbusSection, change)}

    def _check_added(self, removed: frozenset[str]) -> None:
        for index, point in enumerate(self._variant.add):
            if point.name in self._by_name and point.name not in removed:
                message = f"{point.name} is a point of every device"
                self._wrong(("add", index, "name"), message, remedy="change it under points")


def _plain(model: ConfigModel) -> dict[str, JsonValue]:
    plain: dict[str, JsonValue] = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return plain


def _merged(before: JsonValue, change: JsonValue) -> dict[str, JsonValue]:
    assert isinstance(before, dict)
    assert isinstance(change, dict)
    return {name: value for name, value in (before | change).items() if value is not None}


def _fields(model: type[ConfigModel], change: Mapping[str, JsonValue]) -> list[str]:
    """Return the fields of a model that a change in its file's words touches."""
    return [name for name, info in model.model_fields.items() if (info.alias or name) in change]
