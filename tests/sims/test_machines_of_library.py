"""Machines are the same in each run, and every device of the library shows one that fits."""

import datetime as dt

import pytest

from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from firmware_sims.build import World, build_world
from firmware_sims.machines import MACHINES, is_said
from firmware_sims.world.area import Surroundings
from firmware_sims.world.clock import WorldClock
from firmware_sims.world.machine import Machine, found, unit_factor, words_of
from firmware_sims.world.outdoor import Outdoor
from firmware_sims.world.room import Room, RoomShape
from firmware_sims.world.timetable import DAY_S, Lesson, Timetable
from tests.sims.schools import described, device, plan, tcp_bus

KINDS: list[type[Machine]] = sorted(set(MACHINES.values()), key=str)
NOON = dt.datetime(2026, 3, 2, 12, 0)  # noqa: DTZ001
FULL = Timetable([Lesson(0, DAY_S)])
COMPRESSION = 10.0


def room() -> Room:
    around = Surroundings(WorldClock(NOON, COMPRESSION), Outdoor(10.0, 0.0), FULL)
    return Room(around, RoomShape())


# --- the same in each run ----------------------------------------------------------------------


@pytest.mark.parametrize("made", KINDS)
def test_a_machine_does_not_depend_on_who_asks_how_often(made: type[Machine]) -> None:
    asked, alone = made(room(), 5), made(room(), 5)
    for now_s in (0.4, 1.0, 3.3, 17.0, 17.5, 40.0):
        asked.advance(now_s)
        asked.table()
    alone.advance(40.0)

    assert asked.table() == alone.table()
    assert made(room(), 5).table().keys() == alone.table().keys()


@pytest.mark.parametrize("made", KINDS)
def test_everything_that_a_machine_is_said_to_show_it_has(made: type[Machine]) -> None:
    machine = made(room(), 5)
    machine.advance(5)
    for quantity, _ in made.shows.values():
        assert machine.quantity(quantity) == machine.quantity(quantity), quantity
        assert machine.quantity(f"{quantity}#2") is not None
    for name, _ in made.obeys.values():
        machine.control(name, 1.0)
    with pytest.raises(KeyError):
        machine.control("nothing_of_the_kind", 1.0)


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words", "index"),
    [
        ("indoor_3_power", {"indoor", "power"}, 3),
        ("voltage_l2", {"voltage"}, 2),
        ("current_b", {"current"}, 2),
        ("pm2_5", {"pm25"}, 0),
        ("active_power", {"active", "power"}, 0),
    ],
)
def test_the_words_of_a_name(name: str, words: set[str], index: int) -> None:
    assert words_of(name) == (frozenset(words), index)


def test_the_rule_with_most_words_is_taken_in_a_unit_that_fits() -> None:
    rules = {"power": ("a", "W"), "active power": ("b", "W"), "energy": ("c", "Wh")}

    answer = found(rules, "active_power_l1", "kW")
    assert answer is not None
    assert (answer.quantity, answer.factor) == ("b#1", 0.001)
    assert found(rules, "active_power", "V") is None
    assert unit_factor("m³/h", "l/s") == pytest.approx(1 / 3.6)


@pytest.mark.parametrize(
    ("word", "label", "said"),
    [
        ("charging", "Float charging", True),
        ("charging", "discharging", False),
        ("c", "C", True),
        ("c", "connected", False),
        ("clos", "close", True),
    ],
)
def test_whether_a_label_says_a_word(word: str, label: str, *, said: bool) -> None:
    assert is_said(word, label) == said


# --- the whole library -------------------------------------------------------------------------

LIBRARY = Library.builtin()
MODBUS = [profile for profile in LIBRARY if isinstance(profile, ModbusProfile)]


@pytest.fixture(scope="module")
def world() -> World:
    """One device of each model, each in a room of its own, two hours into a school day."""
    areas = [
        {"id": "b1", "kind": "building", "name": {"zh": "楼", "en": "building"}},
        *(
            {"id": one.id, "kind": "classroom", "parent": "b1", "name": {"zh": "室", "en": "room"}}
            for one in MODBUS
        ),
    ]
    buses = [
        tcp_bus(device(one.id, one.id, one.id), bus_id=f"bus-{number}")
        for number, one in enumerate(MODBUS)
    ]
    made = build_world(plan(described(*buses, areas=areas, compression=60.0)), LIBRARY, seed=3)
    for area in made.areas.values():
        area.advance(120.0)
    return made


@pytest.mark.parametrize("profile", MODBUS, ids=lambda profile: profile.id)
def test_every_device_shows_what_its_profile_allows(profile: ModbusProfile, world: World) -> None:
    made = world.modbus[profile.id]
    made.refresh(120.0)
    for point in profile.points:
        shown = made.shown.get(point.name)
        if point.is_text or point.name not in made.names:
            continue
        assert shown is not None, point.name
        assert point.minimum is None or shown >= point.minimum, point.name
        assert point.maximum is None or shown <= point.maximum, point.name
        assert not point.states or shown in point.states, point.name
