"""What a variant does to points and section, ready to be put in place.

`making_effects` makes them when a profile is loaded; a gateway parses and checks nothing again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_profiles.copies import copied
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_variants import VariantCondition


@dataclass(frozen=True, slots=True)
class PointEffect:
    """New values of a point's fields, and of those below `read` and `write`."""

    fields: Mapping[str, Any]
    below: Mapping[str, Mapping[str, Any]]

    def applied(self, point: ModbusPoint) -> ModbusPoint:
        """Return the point as it is in the variant."""
        changes = dict(self.fields)
        for key, nested in self.below.items():
            part = getattr(point, key)
            if part is not None:
                changes[key] = copied(part, nested)
        return copied(point, changes)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a variant does, and when."""

    name: str
    conditions: tuple[VariantCondition, ...]
    points: Mapping[str, PointEffect]
    removed: frozenset[str]
    added: tuple[ModbusPoint, ...]
    section: Mapping[str, Any]

    def holds(self, numbers: Mapping[str, float], texts: Mapping[str, str]) -> bool:
        """Say whether a device that said these things is such a one."""
        return all(one.holds(numbers, texts) for one in self.conditions)
