"""Rooms and stores obey their balances."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sims.signals import noise
from firmware_sims.world.area import Surroundings
from firmware_sims.world.chemical_store import ChemicalStore, StoreShape
from firmware_sims.world.clock import WorldClock
from firmware_sims.world.outdoor import CO2_OUTDOOR_PPM, Outdoor, saturation_humidity_g_m3
from firmware_sims.world.room import AcMode, Room, RoomShape
from firmware_sims.world.timetable import DAY_S, Lesson, Timetable, seconds_since_monday

MONDAY = dt.datetime(2026, 3, 2)  # noqa: DTZ001
HOUR_S = 3600.0
FULL_ALL_DAY = Timetable([Lesson(0, DAY_S)])
NOBODY = Timetable([])
STEADY = Outdoor(mean_c=10.0, swing_c=0.0)


def surroundings(
    timetable: Timetable = NOBODY, *, compression: float = 60.0, outdoor: Outdoor = STEADY
) -> Surroundings:
    return Surroundings(WorldClock(MONDAY, compression), outdoor, timetable)


def room(timetable: Timetable = NOBODY, **shape: float) -> Room:
    return Room(surroundings(timetable), RoomShape(**shape))


def after(area: Room, world_s: float) -> Room:
    area.advance(world_s / area.surroundings.clock.compression)
    return area


def test_an_empty_room_goes_to_what_is_outside() -> None:
    area = after(room(initial_c=25.0), 48 * HOUR_S)

    assert area.quantity("temperature") == pytest.approx(10.0, abs=0.05)
    assert area.quantity("co2") == pytest.approx(CO2_OUTDOOR_PPM, abs=1)
    assert area.quantity("humidity") == pytest.approx(65.0, abs=1)
    assert area.quantity("people") == 0


def test_an_empty_room_cools_without_swinging() -> None:
    area = room(initial_c=25.0)
    seen = [after(area, hour * HOUR_S).quantity("temperature") for hour in range(12)]

    assert seen == sorted(seen, reverse=True)


def test_people_raise_co2_to_the_balance_of_breath_and_air() -> None:
    area = after(room(FULL_ALL_DAY, seats=40, air_changes_per_h=3.0, volume_m3=190.0), 5 * HOUR_S)

    # C = C_out + N·g/Q with Q = 570 m³/h and g = 18 l/h
    assert area.quantity("co2") == pytest.approx(CO2_OUTDOOR_PPM + 40 * 18_000 / 570, rel=0.001)


def test_co2_follows_the_exact_solution() -> None:
    area = after(room(FULL_ALL_DAY, seats=30, air_changes_per_h=2.0), 600.0)
    above = 1e6 * 30 * 0.018 / (2.0 * 190.0)

    expected = CO2_OUTDOOR_PPM + above * (1 - math.exp(-2.0 * 600 / 3600))
    assert area.quantity("co2") == pytest.approx(expected, rel=1e-6)


def test_more_air_means_less_co2() -> None:
    closed = after(room(FULL_ALL_DAY, air_changes_per_h=1.0), HOUR_S)
    aired = after(room(FULL_ALL_DAY, air_changes_per_h=6.0), HOUR_S)

    assert aired.quantity("co2") < closed.quantity("co2") - 500


def test_people_warm_and_moisten_a_room() -> None:
    full, empty = after(room(FULL_ALL_DAY), 2 * HOUR_S), after(room(), 2 * HOUR_S)

    assert full.quantity("temperature") > empty.quantity("temperature") + 1
    assert full._humidity_g_m3 > empty._humidity_g_m3 + 1


@pytest.mark.parametrize(
    ("mode", "begin_c", "setpoint_c"),
    [(AcMode.HEAT, 12.0, 20.0), (AcMode.COOL, 30.0, 24.0), (AcMode.AUTO, 12.0, 20.0)],
)
def test_an_air_conditioner_brings_a_room_towards_its_set_point(
    mode: AcMode, begin_c: float, setpoint_c: float
) -> None:
    outdoor = Outdoor(mean_c=begin_c, swing_c=0.0)
    area = Room(surroundings(outdoor=outdoor), RoomShape(initial_c=begin_c))
    area.control("ac_power", 1)
    area.control("ac_mode", mode)
    area.control("ac_setpoint", setpoint_c)
    after(area, 4 * HOUR_S)

    assert area.quantity("temperature") == pytest.approx(setpoint_c, abs=1.0)
    assert area.quantity("power") > 100


@pytest.mark.parametrize("mode", [AcMode.FAN, AcMode.COOL, AcMode.DRY])
def test_a_mode_that_does_not_heat_does_not_heat(mode: AcMode) -> None:
    idle, area = room(initial_c=15.0), room(initial_c=15.0)
    area.control("ac_power", 1)
    area.control("ac_mode", mode)
    area.control("ac_setpoint", 28.0)

    expected = after(idle, HOUR_S).quantity("temperature")
    assert after(area, HOUR_S).quantity("temperature") == expected


def test_energy_is_power_over_time() -> None:
    area = after(room(), HOUR_S)

    assert area.quantity("energy") == pytest.approx(40.0, rel=0.02)  # what stands by
    assert after(area, 2 * HOUR_S).quantity("energy") == pytest.approx(80.0, rel=0.02)


def test_lamps_burn_when_somebody_is_there() -> None:
    night_class = after(room(Timetable([Lesson(0, 6 * 3600)])), HOUR_S)

    assert night_class.quantity("light") == pytest.approx(420.0)
    assert after(room(), HOUR_S).quantity("light") == 0


def test_the_door_stands_open_between_lessons() -> None:
    timetable = Timetable([Lesson(0, 3600), Lesson(3600, 4200, 0.4)])
    area = room(timetable)

    assert after(area, 1800).quantity("door_open") == 0
    assert after(area, 3900).quantity("door_open") == 1
    assert after(area, 3900).quantity("door_closed") == 0
    assert after(area, 7200).quantity("door_open") == 0


def test_a_step_may_be_of_any_length() -> None:
    fine = Room(surroundings(FULL_ALL_DAY, compression=1.0), RoomShape())
    coarse = Room(surroundings(FULL_ALL_DAY, compression=600.0), RoomShape())
    fine.advance(2 * HOUR_S)
    coarse.advance(2 * HOUR_S / 600)

    for name in ("temperature", "co2", "humidity"):
        assert fine.quantity(name) == pytest.approx(coarse.quantity(name), rel=0.01)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_the_state_does_not_depend_on_who_asks_how_often(times: list[float]) -> None:
    asked, alone = room(FULL_ALL_DAY), room(FULL_ALL_DAY)
    for now_s in sorted(times):
        asked.advance(now_s)
    alone.advance(max(times))

    assert asked.table() == alone.table()


# --- the store ---------------------------------------------------------------------------------


def store() -> ChemicalStore:
    return ChemicalStore(surroundings(compression=10.0), StoreShape())


def test_a_leak_rises_at_once_in_real_time() -> None:
    area = store()
    area.advance(10.0)
    assert area.quantity("gas") == pytest.approx(1.0)

    area.control("gas_leak", 12.0)
    area.advance(13.0)
    assert area.quantity("gas") == pytest.approx(37, abs=1)


def test_the_fan_holds_a_leak_down_and_clears_it_when_it_ends() -> None:
    area = store()
    area.control("gas_leak", 12.0)
    area.advance(20.0)
    without_fan = area.quantity("gas")
    area.control("fan", 1.0)
    area.advance(60.0)
    with_fan = area.quantity("gas")
    area.control("gas_leak", 0.0)
    area.advance(100.0)

    assert without_fan > 200
    assert with_fan < 125  # 12 ppm/s over 0.1 air changes a second
    assert area.quantity("gas") < 5


def test_without_a_fan_gas_stays_for_long() -> None:
    area = store()
    area.control("gas_leak", 12.0)
    area.advance(10.0)
    area.control("gas_leak", 0.0)
    area.advance(70.0)

    assert area.quantity("gas") > 100


# --- the parts ---------------------------------------------------------------------------------


def test_saturated_air_holds_what_tables_say() -> None:
    assert saturation_humidity_g_m3(20.0) == pytest.approx(17.3, abs=0.1)
    assert saturation_humidity_g_m3(0.0) == pytest.approx(4.85, abs=0.05)


def test_a_day_is_warmest_in_the_afternoon_and_dark_at_night() -> None:
    outdoor = Outdoor(mean_c=12, swing_c=5)

    assert outdoor.temperature_c(15 * HOUR_S) == pytest.approx(17)
    assert outdoor.temperature_c(3 * HOUR_S) == pytest.approx(7)
    assert outdoor.daylight_lx(12 * HOUR_S) == pytest.approx(40_000)
    assert outdoor.daylight_lx(2 * HOUR_S) == 0


@pytest.mark.parametrize(
    ("day", "hour", "minute", "occupancy"),
    [(0, 8, 30, 1.0), (4, 14, 10, 1.0), (0, 12, 30, 0.0), (5, 8, 30, 0.0), (0, 8, 55, 0.4)],
)
def test_the_usual_week(day: int, hour: int, minute: int, occupancy: float) -> None:
    local_s = day * DAY_S + hour * 3600 + minute * 60

    assert Timetable().occupancy(local_s) == occupancy


def test_a_week_begins_on_monday() -> None:
    assert seconds_since_monday(MONDAY) == 0
    wednesday = dt.datetime(2026, 3, 4, 1)  # noqa: DTZ001
    assert seconds_since_monday(wednesday) == 2 * DAY_S + 3600


def test_noise_depends_on_seed_and_step_alone_and_fills_its_range() -> None:
    first = [noise(1, step) for step in range(2000)]

    assert first == [noise(1, step) for step in range(2000)]
    assert first != [noise(2, step) for step in range(2000)]
    assert all(-1 <= one < 1 for one in first)
    assert abs(sum(first) / 2000) < 0.05
    assert min(first) < -0.99
    assert max(first) > 0.99
