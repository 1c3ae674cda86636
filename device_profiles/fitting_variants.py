"""Whether a Modbus profile fits together with each of its variants, and what they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pydantic_core import PydanticCustomError

from campus_wire.config_model import mistake_at
from device_profiles.copies import copied
from device_profiles.fitting import Mistakes, in_the_file, point_mistakes, unknown
from device_profiles.fitting_modbus import overlap_mistakes, register_mistakes, section_mistakes
from device_profiles.making_effects import FIXED_KEYS, Effects
from device_profiles.model_groups import ModbusGroup
from device_profiles.model_modbus import ModbusPoint
from device_profiles.model_section import ModbusSection
from device_profiles.model_variants import Variant, VariantCondition
from device_profiles.placing import Key, Placed
from device_profiles.variant_effects import Effect


def plain_mistakes(
    section: ModbusSection, placed: Placed[ModbusPoint]
) -> list[PydanticCustomError]:
    """Return what is wrong with points and section, variants left aside."""
    points = placed.points
    found = [*point_mistakes(points), *register_mistakes(section, points)]
    if not found:
        found += overlap_mistakes(section, points)
    found += section_mistakes(section, {point.name: point for point in points})
    return in_the_file(found, placed)


def variant_mistakes(
    section: ModbusSection, placed: Placed[ModbusPoint], made: Effects
) -> Mistakes:
    """Yield what is wrong in the profile as each variant makes it; it is right without them."""
    for index, effect in enumerate(made.effects):
        head: tuple[Key, ...] = ("variants", index)
        view = _as_in(effect, head, placed, made.patterns[index])
        changed = copied(section, effect.section) if effect.section else section
        for error in plain_mistakes(changed, view):
            yield from _at_variant(error, head)


def _as_in(
    effect: Effect,
    head: tuple[Key, ...],
    placed: Placed[ModbusPoint],
    patterns: Mapping[str, str],
) -> Placed[ModbusPoint]:
    view: Placed[ModbusPoint] = Placed(siblings=placed.siblings)
    for point, key in zip(placed.points, placed.keys, strict=True):
        if point.name in effect.removed:
            continue
        change = effect.points.get(point.name)
        if change is None:
            view.add(point, key)
        else:
            view.add(change.applied(point), (*head, "points", patterns[point.name]))
    for index, point in enumerate(effect.added):
        view.add(point, (*head, "add", index))
    return view


def _at_variant(error: PydanticCustomError, head: tuple[Key, ...]) -> Mistakes:
    for one in (error.context or {})["mistakes"]:
        key, said = tuple(one["key"]), one["said"]
        if key[0] == "modbus":
            key = (*head, *key)
        elif key[0] != "variants":
            said = f"in this variant, {'.'.join(map(str, key))}: {said}"
            key = head
        yield mistake_at(key, said, suggestion=one["suggestion"], remedy=one["remedy"])


def added_mistakes(points: Iterable[ModbusPoint], variants: Sequence[Variant]) -> Mistakes:
    """Yield points that are not the same thing in all variants that have them."""
    first = {point.name: point for point in points}
    for number, variant in enumerate(variants):
        for index, point in enumerate(variant.add):
            other = first.setdefault(point.name, point)
            for name in FIXED_KEYS:
                attribute = "point_class" if name == "class" else name
                if getattr(point, attribute) != getattr(other, attribute):
                    message = f"is another one than that of {point.name} elsewhere"
                    yield mistake_at(("variants", number, "add", index, name), message)


def selector_mistakes(
    by_name: Mapping[str, ModbusPoint], groups: Sequence[ModbusGroup], variants: Sequence[Variant]
) -> Mistakes:
    """Yield where what decides about a device cannot be read before anything is decided."""
    key: tuple[Key, ...]
    for number, group in enumerate(groups):
        if group.count_from is not None:
            key = ("groups", number, "count_from")
            yield from _selector(key, group.count_from, by_name, wants_text=False)
        if group.present_from is not None:
            key = ("groups", number, "present_from")
            yield from _presence(key, group, by_name)
    for number, variant in enumerate(variants):
        for index, condition in enumerate(variant.conditions):
            key = ("variants", number, "when")
            key = key if isinstance(variant.when, VariantCondition) else (*key, index)
            wants_text = _wants_text(condition)
            yield from _selector((*key, "point"), condition.point, by_name, wants_text=wants_text)


def _presence(
    key: tuple[Key, ...], group: ModbusGroup, by_name: Mapping[str, ModbusPoint]
) -> Mistakes:
    assert group.present_from is not None
    for instance in group.repeat.instances:
        name = group.told_by(instance) or ""
        if name in by_name or "{n}" in group.present_from:
            yield from _selector(key, name, by_name, wants_text=False)
        else:
            siblings = [point.name for point in group.points]
            yield unknown(key, group.present_from, siblings)


def _wants_text(condition: VariantCondition) -> bool:
    facts = [condition.equals, *condition.one_of, condition.at_least, condition.below]
    return condition.starts_with is not None or any(isinstance(one, str) for one in facts)


def _selector(
    key: tuple[Key, ...], name: str, by_name: Mapping[str, ModbusPoint], *, wants_text: bool
) -> Mistakes:
    point = by_name.get(name)
    if point is None:
        yield unknown(key, name, by_name)
    elif point.read is None or point.read.factors:
        message = f"{name} must be read from a register as it is"
        yield mistake_at(key, message, remedy="no compute, scale_factor, multiplier or divisor")
    elif point.is_text != wants_text:
        kinds = ("text", "a number")
        has, needs = kinds if point.is_text else kinds[::-1]
        yield mistake_at(key, f"{name} is {has}, and is compared with {needs}")
