"""The areas of a school, and what surrounds them, from the described school."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from firmware_sims.behaviours import seed_of
from firmware_sims.errors import SchoolError
from firmware_sims.school import SchoolPlan
from firmware_sims.school_file import AreaEntry, LessonEntry
from firmware_sims.signals import noise
from firmware_sims.world.area import Area, Surroundings
from firmware_sims.world.chemical_store import ChemicalStore, StoreShape
from firmware_sims.world.clock import WorldClock
from firmware_sims.world.outdoor import Outdoor
from firmware_sims.world.room import Room, RoomShape
from firmware_sims.world.timetable import Lesson, Timetable

_SHAPES: Mapping[str, RoomShape] = {
    "classroom": RoomShape(),
    "chemistry_lab": RoomShape(volume_m3=280.0, floor_m2=90.0, seats=36, air_changes_per_h=5.0),
    "gym": RoomShape(volume_m3=6000.0, floor_m2=800.0, seats=80, thermal_mass_j_k=6e7),
    "canteen": RoomShape(volume_m3=1600.0, floor_m2=400.0, seats=200, thermal_mass_j_k=3e7),
    "dormitory": RoomShape(volume_m3=70.0, floor_m2=25.0, seats=6),
    "corridor": RoomShape(volume_m3=300.0, floor_m2=100.0, seats=4),
}
_EMPTY = RoomShape(seats=0)
_STORE = "chemical_store"


def build_areas(plan: SchoolPlan, *, seed: int) -> dict[str, Area]:
    """Make all areas.

    Raises:
        SchoolError: an entry's physics names what a room does not have.
    """
    file = plan.file
    surroundings = Surroundings(
        clock=WorldClock(file.start, file.compression),
        outdoor=Outdoor(file.outdoor.mean_c, file.outdoor.swing_c, file.outdoor.relative_humidity),
        timetable=Timetable(_lessons(file.timetable)) if file.timetable else Timetable(),
    )
    return {entry.id: _area(entry, surroundings, seed) for entry in plan.areas}


def _lessons(entries: tuple[LessonEntry, ...]) -> list[Lesson]:
    lessons = [Lesson(_second(e.begin), _second(e.end), e.occupancy) for e in entries]
    return sorted(lessons, key=lambda lesson: lesson.begin_s)


def _second(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def _area(entry: AreaEntry, surroundings: Surroundings, seed: int) -> Area:
    kind = entry.kind.replace("-", "_")
    if kind == _STORE:
        return ChemicalStore(surroundings, _store_shape(entry))
    usual = _varied(_SHAPES.get(kind, _EMPTY), seed, entry.id)
    return Room(surroundings, _shaped(usual, entry.physics, entry.id))


def _varied(shape: RoomShape, seed: int, area: str) -> RoomShape:
    """No two rooms are built quite alike."""
    loss, air, warmth = (noise(seed_of(seed, area, "shape"), step) for step in range(3))
    return replace(
        shape,
        heat_loss_w_k=shape.heat_loss_w_k * (1 + 0.2 * loss),
        air_changes_per_h=shape.air_changes_per_h * (1 + 0.3 * air),
        initial_c=shape.initial_c + 1.5 * warmth,
    )


def _store_shape(entry: AreaEntry) -> StoreShape:
    usual = StoreShape()
    own = dict(entry.physics)
    return StoreShape(
        leak_ppm_per_s=own.pop("leak_ppm_per_s", usual.leak_ppm_per_s),
        fan_air_changes_per_h=own.pop("fan_air_changes_per_h", usual.fan_air_changes_per_h),
        background_ppm=own.pop("background_ppm", usual.background_ppm),
        room=_shaped(usual.room, own, entry.id),
    )


def _shaped(shape: RoomShape, physics: Mapping[str, float], area: str) -> RoomShape:
    known = {one.name for one in fields(RoomShape)}
    for name in physics:
        if name not in known:
            raise SchoolError("physics", f"a room has no {name}", place=f"area {area}")
    return replace(shape, **physics)
