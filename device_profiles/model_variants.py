"""Variants: what is different about some devices of a model, told by what they say themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import Discriminator, Field, JsonValue, Tag, WithJsonSchema, model_validator

from campus_wire.config_model import ConfigModel, mistake_at
from campus_wire.ids import PointName
from device_profiles.model_groups import SHAPE
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_numbers import Finite
from device_profiles.model_point import Note

VARIANTS_MAX: Final = 32

Word = Annotated[str, Field(min_length=1, max_length=200)]
Fact = Finite | Word
NamePattern = Annotated[str, Field(pattern=r"^[a-z*][a-z0-9_*]{0,63}$")]
"""The name of a point; `*` stands for anything, for the same point of all instances of a group."""

_OPERATIONS: Final = ("equals", "one_of", "at_least", "below", "starts_with")
_DIGITS: Final = re.compile(r"[0-9]+")


class VariantCondition(ConfigModel):
    """What a point of the device must say; exactly one comparison."""

    point: PointName
    equals: Fact | None = None
    one_of: tuple[Fact, ...] = Field((), max_length=64)
    at_least: Fact | None = None
    """A number, or for texts such as a firmware's version each number in it: 1.10 is above 1.9."""
    below: Fact | None = None
    starts_with: Word | None = None

    def holds(self, numbers: Mapping[str, float], texts: Mapping[str, str]) -> bool:
        """Say whether the device said so; what it did not say holds nothing."""
        said: float | str | None = numbers.get(self.point, texts.get(self.point))
        if said is None:
            return False
        if self.equals is not None:
            return said == self.equals
        if self.one_of:
            return said in self.one_of
        if self.starts_with is not None:
            return isinstance(said, str) and said.startswith(self.starts_with)
        if self.at_least is not None:
            return _ordered(said) >= _ordered(self.at_least)
        assert self.below is not None
        return _ordered(said) < _ordered(self.below)

    @model_validator(mode="after")
    def _one_comparison(self) -> Self:
        given = [name for name in _OPERATIONS if getattr(self, name) not in (None, ())]
        if not given:
            raise mistake_at((), f"says nothing of it; give one of {', '.join(_OPERATIONS)}")
        if len(given) > 1:
            raise mistake_at((given[1],), f"{given[0]} is given, too; make a list of two")
        return self


def _ordered(fact: float | str) -> tuple[float, ...]:
    if isinstance(fact, str):
        return tuple(float(one) for one in _DIGITS.findall(fact))
    return (fact,)


def _one_or_list(value: object) -> str:
    return "list" if isinstance(value, list | tuple) else "one"


Conditions = Annotated[
    Annotated[VariantCondition, Tag("one")]
    | Annotated[tuple[VariantCondition, ...], Field(min_length=1, max_length=16), Tag("list")],
    Discriminator(_one_or_list),
]

PointChange = Annotated[dict[str, JsonValue], WithJsonSchema({SHAPE: "ModbusPointChange"})]
SectionChange = Annotated[dict[str, JsonValue], WithJsonSchema({SHAPE: "ModbusSectionChange"})]


class Variant(ConfigModel):
    """Changes to the points, for devices that say what `when` asks for.

    All variants whose conditions hold apply, in the order of the file.
    """

    name: PointName
    note: Note | None = None
    when: Conditions
    """One condition, or a list of which all must hold."""
    points: dict[NamePattern, PointChange] = Field(default_factory=dict, max_length=500)
    """What is different about points, key by key; null takes a key away. What a point is (name,
    unit, labels, class) cannot change."""
    remove: tuple[NamePattern, ...] = Field((), max_length=500)
    """Points that such a device does not have."""
    add: tuple[ModbusPoint, ...] = Field((), max_length=500)
    """Points that only such a device has."""
    modbus: SectionChange = Field(default_factory=dict)
    """What is different about the section."""

    @property
    def conditions(self) -> tuple[VariantCondition, ...]:
        """What must hold."""
        return (self.when,) if isinstance(self.when, VariantCondition) else self.when

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not (self.points or self.remove or self.add or self.modbus):
            raise mistake_at((), "changes nothing; give points, remove, add or modbus")
        return self
