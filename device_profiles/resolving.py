"""From the profile of a model to the profile of one device of it.

Which variant a device is, how many indoor units hang on a gateway and where its SunSpec models
begin is known only when it was asked. `introduction` says what to ask first; `resolve` makes of
the answers a profile without variants, counts and models, which everything else works with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from device_profiles.copies import copied
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import ModbusPoint, ModbusRead, ModbusWrite
from device_profiles.model_section import ModbusSection
from device_profiles.references import inputs_of
from device_profiles.sunspec_walk import Block
from device_profiles.variant_effects import Effect

__all__ = ["Block", "Facts", "Introduction", "introduction", "resolve"]

RESOLVED_MAX: Final = 256
"""Different profiles kept of one model; devices that differ more share none."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a device said about itself."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    """By the name of the point."""
    texts: Mapping[str, str] = field(default_factory=dict)
    blocks: Mapping[int, Block] = field(default_factory=dict)
    """By the model's number: the first of each."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What has to be known of a device before its points can be read."""

    points: tuple[str, ...]
    """To be read first. Where they lie in SunSpec models, `resolve` with the blocks alone finds
    them."""
    walks_sunspec: bool
    """Whether the chain of SunSpec models has to be walked, before the points."""


def introduction(profile: ModbusProfile) -> Introduction | None:
    """Return what to ask a device first, or None where all devices of the model are alike."""
    if profile.is_plain:
        return None
    conditions = [one.point for effect in profile.effects for one in effect.conditions]
    names = dict.fromkeys([*conditions, *_asked_for_groups(profile)])
    return Introduction(tuple(names), walks_sunspec=profile.has_blocks)


def _asked_for_groups(profile: ModbusProfile) -> Iterator[str]:
    for group in profile.groups:
        if group.count_from is not None:
            yield group.count_from
        for instance in group.repeat.instances if group.present_from is not None else ():
            yield group.told_by(instance) or ""


def resolve(profile: ModbusProfile, facts: Facts) -> ModbusProfile:
    """Return the profile of the devices that say these things of themselves.

    A variant applies when its conditions hold; a condition on what was not said does not hold.
    Instances of a group stay where the device did not say how many or which there are. Points of
    SunSpec models that the device does not have, or that end before the point does, are left out.

    Devices alike share one profile.
    """
    if profile.is_plain:
        return profile
    chosen = tuple(
        index
        for index, effect in enumerate(profile.effects)
        if effect.holds(facts.numbers, facts.texts)
    )
    absent = frozenset(_absent(profile, facts.numbers))
    blocks = tuple(sorted(facts.blocks.items())) if profile.has_blocks else ()
    key = (chosen, absent, blocks)
    known: dict[object, ModbusProfile] = vars(profile).setdefault("_resolved", {})
    if key not in known:
        if len(known) >= RESOLVED_MAX:
            known.clear()
        effects = tuple(profile.effects[index] for index in chosen)
        known[key] = _plain_profile(profile, effects, absent, facts.blocks)
    return known[key]


def _plain_profile(
    profile: ModbusProfile,
    effects: tuple[Effect, ...],
    absent: frozenset[str],
    blocks: Mapping[int, Block],
) -> ModbusProfile:
    section = profile.modbus
    points = {one.name: one for one in profile.common_points if one.name not in absent}
    for effect in effects:
        for name in effect.removed:
            points.pop(name, None)
        for name, change in effect.points.items():
            if name in points:
                points[name] = change.applied(points[name])
        for point in effect.added:
            points[point.name] = point
        if effect.section:
            section = copied(section, effect.section)
    placed = (_in_its_model(section, point, blocks) for point in points.values())
    plain = _with_all_inputs([point for point in placed if point is not None])
    changes = {"modbus": section, "stated_points": plain, "groups": (), "variants": ()}
    return copied(profile, changes)


def _absent(profile: ModbusProfile, numbers: Mapping[str, float]) -> Iterator[str]:
    """Yield the points of instances that the device does not have."""
    for group in profile.groups:
        if group.count_from is None and group.present_from is None:
            continue
        count = numbers.get(group.count_from or "", math.inf)
        for instance in group.repeat.instances:
            names = [group.point_name(instance, point.name) for point in group.points]
            if instance.position >= count:
                yield from names
            elif numbers.get(told_by := group.told_by(instance) or "") == 0:
                yield from (name for name in names if name != told_by)


def _in_its_model(
    section: ModbusSection, point: ModbusPoint, blocks: Mapping[int, Block]
) -> ModbusPoint | None:
    """Return the point with addresses of the device itself, or None where the model is absent."""
    read, write = point.read, point.write
    changes: dict[str, object] = {}
    if read is not None and read.block:
        moved = _moved_read(section, read, blocks)
        if moved is None:
            return None
        changes["read"] = moved
    if write is not None and (write.block or (read is not None and read.block)):
        target = _moved_write(section, write, read, blocks)
        if target is None:
            return None
        changes["write"] = target
    return copied(point, changes) if changes else point


def _moved_read(
    section: ModbusSection, read: ModbusRead, blocks: Mapping[int, Block]
) -> ModbusRead | None:
    block = _first_present(read.block, blocks, read.address + read.registers)
    if block is None:
        return None
    address = section.printed_address(read.input_type, block.address + read.address)
    return copied(read, {"address": address, "block": ()})


def _moved_write(
    section: ModbusSection,
    write: ModbusWrite,
    read: ModbusRead | None,
    blocks: Mapping[int, Block],
) -> ModbusWrite | None:
    if write.address is None:  # it is where it is read
        return copied(write, {"block": ()})
    models = write.block or (read.block if read is not None else ())
    block = _first_present(models, blocks, write.address + 1)
    if block is None:
        return None
    address = section.printed_address(write.table, block.address + write.address)
    return copied(write, {"address": address, "block": ()})


def _first_present(models: tuple[int, ...], blocks: Mapping[int, Block], end: int) -> Block | None:
    """Return the first of the models that is there, if it is long enough."""
    block = next((blocks[model] for model in models if model in blocks), None)
    # the registers of id and length come before what the length counts
    return block if block is not None and end <= block.length + 2 else None


def _with_all_inputs(points: list[ModbusPoint]) -> tuple[ModbusPoint, ...]:
    """Leave out points that are made of absent ones, and names of absent ones in writes."""
    names = {point.name for point in points}
    while incomplete := {one.name for one in points if not names.issuperset(inputs_of(one))}:
        names -= incomplete
        points = [point for point in points if point.name in names]
    return tuple(_without_absent(point, names) for point in points)


def _without_absent(point: ModbusPoint, names: set[str]) -> ModbusPoint:
    write = point.write
    if write is None or names.issuperset((write.read_back or point.name, *write.also_writes)):
        return point
    changes: dict[str, object] = {
        "read_back": write.read_back if write.read_back in names else None,
        "also_writes": tuple(name for name in write.also_writes if name in names),
    }
    return copied(point, {"write": copied(write, changes)})
