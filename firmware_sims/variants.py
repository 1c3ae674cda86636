"""Which of a model's variants a simulated device is, and what it must say to be taken for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_section import ModbusSection
from device_profiles.model_variants import Variant, VariantCondition
from firmware_sims.errors import SchoolError

_TRIES_MAX = 20_000
Fact = float | str


@dataclass(frozen=True, slots=True)
class Chosen:
    """One variant of a model.

    Args:
        points: with all changes; those of other variants are not among them.
        section: with all changes.
        facts: what points must say so that a reader takes the device for this variant.
    """

    points: Sequence[ModbusPoint]
    section: ModbusSection
    facts: Mapping[str, Fact]


def choose(profile: ModbusProfile, names: Sequence[str] = ()) -> Chosen:
    """The variant that has these names, in the order of the profile; none is the base.

    Raises:
        SchoolError: the profile has no such variant, or nothing that a device can say tells it from
            the others.
    """
    variants: Sequence[Variant] = profile.variants
    known = [variant.name for variant in variants]
    for name in names:
        if name not in known:
            raise SchoolError("variant", f"{profile.id} has the variants {known}, no {name}")
    points = {point.name: point for point in profile.common_points}
    section = profile.modbus
    for variant in variants:
        if variant.name in names:
            section = _section(section, variant)
            points = _points(points, variant)
    return Chosen(list(points.values()), section, _facts(profile, names))


def _section(section: ModbusSection, variant: Variant) -> ModbusSection:
    if not variant.modbus:
        return section
    return ModbusSection.model_validate(_merged(_said(section), variant.modbus), strict=False)


def _points(points: Mapping[str, ModbusPoint], variant: Variant) -> dict[str, ModbusPoint]:
    changed = dict(points)
    for pattern, change in variant.points.items():
        for name in _matching(pattern, points):
            said = _merged(_said(changed[name]), change)
            changed[name] = ModbusPoint.model_validate(said, strict=False)
    for pattern in variant.remove:
        for name in _matching(pattern, points):
            del changed[name]
    return changed | {point.name: point for point in variant.add}


def _matching(pattern: str, names: Iterable[str]) -> list[str]:
    expression = re.escape(pattern).replace(r"\*", ".*")
    return [name for name in names if re.fullmatch(expression, name)]


def _said(model: Any) -> dict[str, Any]:
    said: dict[str, Any] = model.model_dump(by_alias=True, exclude_defaults=True)
    return said


def _merged(said: Any, change: Any) -> Any:
    """Objects key by key; null takes a key away."""
    if not (isinstance(said, dict) and isinstance(change, dict)):
        return change
    merged = dict(said)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


# --- what the device says ----------------------------------------------------------------------


def _facts(profile: ModbusProfile, names: Sequence[str]) -> dict[str, Fact]:
    variants = profile.variants
    conditions = [one for variant in variants for one in variant.conditions]
    if not conditions:
        return {}
    choices: dict[str, list[Fact]] = {}
    for one in conditions:
        point = profile.find(one.point)
        is_text = point is not None and point.is_text
        choices.setdefault(one.point, ["0"] if is_text else [0.0, 1.0, 2.0])
        choices[one.point] += _candidates(one, is_text=is_text)
    for point_name, facts in choices.items():
        point = profile.find(point_name)
        if point is not None and point.states:
            choices[point_name] = [fact for fact in facts if fact in point.states]
    for combination in islice(product(*choices.values()), _TRIES_MAX):
        tried: dict[str, Fact] = dict(zip(choices, combination, strict=True))
        holding = [v.name for v in variants if all(_holds(one, tried) for one in v.conditions)]
        if set(holding) == set(names):
            return tried
    raise SchoolError("variant", f"nothing tells {list(names) or 'the base'} of {profile.id} apart")


def _candidates(condition: VariantCondition, *, is_text: bool) -> list[Fact]:
    given: list[Fact] = [
        fact
        for fact in (
            condition.equals,
            *condition.one_of,
            condition.at_least,
            condition.below,
            condition.starts_with,
        )
        if fact is not None
    ]
    near: list[Fact] = []
    for fact in given:
        if isinstance(fact, str):
            near += [fact, f"{fact}.1", _version_before(fact)]
        elif is_text:
            near += [str(fact), str(fact + 1)]
        else:
            near += [fact, fact - 1, fact + 1]
    return near


def _version_before(text: str) -> str:
    """A version that is lower in its first number that can be lower."""
    for match in re.finditer(r"\d+", text):
        if int(match.group()) > 0:
            return f"{text[: match.start()]}{int(match.group()) - 1}"
    return "0"


def _holds(condition: VariantCondition, facts: Mapping[str, Fact]) -> bool:
    said = facts[condition.point]
    if condition.equals is not None:
        return said == condition.equals
    if condition.one_of:
        return said in condition.one_of
    if condition.starts_with is not None:
        return str(said).startswith(condition.starts_with)
    if condition.at_least is not None:
        return _rank(said) >= _rank(condition.at_least)
    return condition.below is not None and _rank(said) < _rank(condition.below)


def _rank(fact: Fact) -> list[float]:
    """Numbers as they are, versions by each number in them."""
    return [float(one) for one in re.findall(r"\d+", fact)] if isinstance(fact, str) else [fact]
