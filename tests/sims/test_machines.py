"""Machines obey their balances, and act on their areas."""

import datetime as dt

import pytest

from firmware_sims.world.alarms import FirePanel, GasDetector
from firmware_sims.world.area import Surroundings
from firmware_sims.world.basins import Pool
from firmware_sims.world.clock import WorldClock
from firmware_sims.world.cold import Refrigerator
from firmware_sims.world.electric import Load
from firmware_sims.world.fittings import Curtain, Exerciser
from firmware_sims.world.heating import WATER_WH_M3_K, Heating
from firmware_sims.world.indoor_units import IndoorUnits
from firmware_sims.world.lab import FumeHood
from firmware_sims.world.lights import Lamps
from firmware_sims.world.machine import Machine
from firmware_sims.world.outdoor import Outdoor
from firmware_sims.world.outside import Soil
from firmware_sims.world.pump import PumpDrive
from firmware_sims.world.room import Room, RoomShape
from firmware_sims.world.sources import BatterySupply, SolarInverter
from firmware_sims.world.timetable import DAY_S, Lesson, Timetable
from firmware_sims.world.traffic import Charger, Lift, PeopleCounter
from firmware_sims.world.ventilation import VentilationUnit
from firmware_sims.world.water import WaterSupply

HOUR_S = 3600.0
FULL = Timetable([Lesson(0, DAY_S)])
NOBODY = Timetable([])
NOON = dt.datetime(2026, 3, 2, 12, 0)  # noqa: DTZ001
COMPRESSION = 10.0


def room(timetable: Timetable = FULL, *, start: dt.datetime = NOON, mean_c: float = 10.0) -> Room:
    around = Surroundings(WorldClock(start, COMPRESSION), Outdoor(mean_c, 0.0), timetable)
    return Room(around, RoomShape())


def after(machine: Machine, world_s: float) -> Machine:
    machine.advance(world_s / COMPRESSION)
    return machine


# --- electricity -------------------------------------------------------------------------------


def test_a_meters_numbers_fit_together() -> None:
    meter = Load(room(), 1)
    before = after(meter, HOUR_S).table()["energy_wh"]
    table = after(meter, 2 * HOUR_S).table()
    phases = [meter.part("current_a", phase) for phase in (1, 2, 3)]

    assert sum(phases) == pytest.approx(table["current_a"])
    assert table["apparent_va"] == pytest.approx(table["voltage_v"] * table["current_a"])
    assert table["apparent_va"] ** 2 == pytest.approx(
        table["power_w"] ** 2 + table["reactive_var"] ** 2
    )
    assert table["power_w"] == pytest.approx(table["apparent_va"] * table["power_factor"])
    assert table["energy_wh"] - before == pytest.approx(table["power_w"], rel=0.1)  # one hour


def test_a_panel_feeds_in_by_day_alone() -> None:
    by_day = after(SolarInverter(room(), 1), 600).table()
    by_night = after(SolarInverter(room(start=NOON.replace(hour=1)), 1), 600).table()

    assert by_day["ac_w"] > 5000
    assert by_day["dc_v"] * by_day["dc_a"] == pytest.approx(by_day["dc_w"])
    assert by_night["ac_w"] == 0
    assert by_night["today_wh"] == 0


def test_a_supply_runs_down_without_mains_and_recovers() -> None:
    area = room()
    supply = BatterySupply(area, 1)
    after(supply, 60)
    area.control("mains", 0)
    first = after(supply, 660).table()
    later = after(supply, 1260).table()
    area.control("mains", 1)
    recovered = after(supply, 1260 + 4 * HOUR_S).table()

    assert first["input_v"] == 0
    assert first["output_v"] == 230
    assert later["charge_percent"] < first["charge_percent"] < 95
    assert first["charge_percent"] - later["charge_percent"] == pytest.approx(
        600 / 9 / 2.4, rel=0.2
    )
    assert recovered["charge_percent"] > later["charge_percent"]


# --- water and heat ----------------------------------------------------------------------------


def test_heat_is_flow_times_spread() -> None:
    heating = Heating(room(), 1)
    begin = after(heating, HOUR_S).table()
    end = after(heating, 2 * HOUR_S).table()

    expected_w = WATER_WH_M3_K * end["flow_m3_h"] * (end["flow_c"] - end["return_c"])
    assert end["heat_w"] == pytest.approx(expected_w)
    assert end["heat_wh"] - begin["heat_wh"] == pytest.approx(end["heat_w"], rel=0.05)
    assert end["volume_m3"] - begin["volume_m3"] == pytest.approx(end["flow_m3_h"])
    assert end["flow_c"] > end["return_c"] > end["room_c"]


def test_a_boiler_that_is_switched_off_cools() -> None:
    heating = Heating(room(), 1)
    warm = after(heating, HOUR_S).table()["flow_c"]
    heating.control("is_on", 0)

    off = after(heating, 2 * HOUR_S).table()
    assert off["flow_c"] < warm - 3
    assert off["heat_w"] == 0


def test_water_sums_up_and_stops_at_a_closed_valve() -> None:
    water = WaterSupply(room(), 1)
    first = after(water, HOUR_S).table()
    water.control("valve", 0)
    closed = after(water, HOUR_S + 60).table()
    later = after(water, 2 * HOUR_S).table()

    assert first["flow_m3_h"] > 0
    assert closed["flow_m3_h"] == 0
    assert later["volume_m3"] == closed["volume_m3"]


def test_a_drive_ramps_and_its_current_follows() -> None:
    drive = PumpDrive(room(), 1)
    drive.control("setpoint_hz", 25.0)
    half = after(drive, 60).table()
    drive.control("setpoint_hz", 50.0)
    full = after(drive, 70).table()
    later = after(drive, 120).table()
    drive.control("is_on", 0)
    stopped = after(drive, 240).table()

    assert half["frequency_hz"] == pytest.approx(25)
    assert half["frequency_hz"] < full["frequency_hz"] <= later["frequency_hz"] == 50
    assert later["current_a"] > half["current_a"] > stopped["current_a"] == 0
    assert later["power_w"] == pytest.approx(8 * half["power_w"])
    assert stopped["is_running"] == 0


# --- air and cold ------------------------------------------------------------------------------


def test_more_fan_means_less_co2() -> None:
    low, high = room(), room()
    slow, fast = VentilationUnit(low, 1), VentilationUnit(high, 1)
    slow.control("stage", 0)
    fast.control("stage", 3)
    after(slow, 3 * HOUR_S)
    after(fast, 3 * HOUR_S)

    assert high.quantity("co2") < low.quantity("co2") - 300
    assert fast.table()["flow_m3_h"] == pytest.approx(1200, rel=0.01)
    assert fast.table()["filter_pa"] > slow.table()["filter_pa"]


@pytest.mark.parametrize(("sense", "setpoint_c", "warms"), [(1, 28, True), (-1, 28, False)])
def test_indoor_units_act_on_their_area(sense: int, setpoint_c: float, *, warms: bool) -> None:
    idle, area = room(NOBODY), room(NOBODY)
    after(IndoorUnits(idle, 1), HOUR_S)
    units = IndoorUnits(area, 1)
    units.mode_means(3, sense)
    units.control("power#3", 1)
    units.control("setpoint_c#3", setpoint_c)
    after(units, HOUR_S)

    difference = area.quantity("temperature") - idle.quantity("temperature")
    assert (difference > 1) == warms
    assert units.part("heating_percent", 3) > 0 or not warms
    assert units.part("heating_percent", 2) == 0


def test_a_refrigerator_goes_to_and_fro_about_its_setpoint() -> None:
    fridge = Refrigerator(room(), 4)
    after(fridge, 4 * HOUR_S)
    seen = [after(fridge, 4 * HOUR_S + 30 * n).table() for n in range(600)]
    shut = [one["air_c"] for one in seen if not one["is_defrosting"]]

    assert {one["is_cooling"] for one in seen} == {0.0, 1.0}
    assert any(one["is_open"] for one in seen)
    assert 3.0 < sum(shut) / len(shut) < 7.0


# --- light, traffic, laboratory ----------------------------------------------------------------


def test_lamps_light_their_area_by_level() -> None:
    area = room(start=NOON.replace(hour=1))
    lamps = Lamps(area, 1)
    lamps.control("level#1", 254)
    lamps.control("level#2", 0)
    after(lamps, 60)

    assert area.quantity("light") == pytest.approx(250)
    assert lamps.part("percent", 1) == 100
    assert lamps.part("status", 2) == 0


def test_a_car_charges_at_what_it_is_allowed_and_not_below_six_amperes() -> None:
    charger = Charger(room(), 1)
    full = after(charger, 300).table()
    charger.control("limit_a", 8)
    less = after(charger, 600).table()
    charger.control("limit_a", 5)
    none = after(charger, 900).table()

    assert (full["current_a"], less["current_a"]) == pytest.approx((16, 8))
    assert none["current_a"] == pytest.approx(0, abs=0.01)
    assert less["session_wh"] > full["session_wh"] > 0
    assert charger.words("state")[0] == "connected"


def test_a_lift_travels_and_opens_its_door() -> None:
    lift = Lift(room(), 1)
    seen = [after(lift, 10 * n).table() for n in range(400)]

    assert {one["floor"] for one in seen} >= {1, 3, 5}
    assert {one["door"] for one in seen} == {0, 1}
    assert all(one["door"] == 0 for one in seen if one["state"])
    assert seen[-1]["trips"] > seen[0]["trips"]


def test_who_comes_in_is_counted() -> None:
    counter = PeopleCounter(room(Timetable([Lesson(12 * 3600, 13 * 3600)])), 1)
    during = after(counter, HOUR_S / 2).table()
    afterwards = after(counter, 2 * HOUR_S).table()

    assert during == {"entered": 40, "left": 0, "people": 40}
    assert afterwards == {"entered": 40, "left": 40, "people": 0}


def test_a_fume_hood_holds_its_velocity_until_its_fan_is_off() -> None:
    hood = FumeHood(room(), 1)
    held = after(hood, 300).table()
    hood.control("fan", 0)
    off = after(hood, 600).table()

    assert held["velocity_m_s"] == pytest.approx(0.5, abs=0.05)
    assert held["is_low"] == 0
    assert off["is_low"] == 1


def test_smoke_alarms_until_it_is_reset() -> None:
    area = room()
    panel = FirePanel(area, 1)
    assert after(panel, 60).table()["alarm"] == 0
    area.control("fire", 1)
    assert after(panel, 300).table()["alarm"] == 1
    area.control("fire", 0)
    assert after(panel, 900).table()["alarm"] == 1
    panel.control("reset", 1)
    assert after(panel, 910).table()["alarm"] == 0


def test_a_detector_in_clean_air_sees_next_to_nothing() -> None:
    table = after(GasDetector(room(), 1), 60).table()

    assert table["gas_ppm"] < 2
    assert table["is_low"] == 0


# --- outside and sports ------------------------------------------------------------------------


def test_watered_soil_is_wetter() -> None:
    dry, wet = Soil(room(), 1), Soil(room(), 1)
    wet.control("valve#2", 1)
    after(dry, 2 * HOUR_S)
    after(wet, 2 * HOUR_S)

    assert wet.table()["moisture_percent"] > dry.table()["moisture_percent"] + 5
    assert wet.table()["volume_m3"] - dry.table()["volume_m3"] == pytest.approx(1.8)


def test_a_pool_loses_chlorine_without_its_pump_and_the_redox_potential_follows() -> None:
    area = room()
    pool = Pool(area, 1)
    pool.control("pump", 0)
    early = after(pool, 60).table()
    late = after(pool, 2 * HOUR_S).table()
    pool.control("pump", 1)
    dosed = after(pool, 4 * HOUR_S).table()

    assert late["chlorine_mg_l"] < early["chlorine_mg_l"] - 0.2 < dosed["chlorine_mg_l"]
    assert late["orp_v"] < dosed["orp_v"]


def test_a_treadmill_counts_while_it_is_used() -> None:
    used, idle = Exerciser(room(), 1), Exerciser(room(NOBODY), 1)
    before, begin = used.table(), idle.table()
    after(used, HOUR_S)
    after(idle, HOUR_S)

    assert used.table()["distance_m"] > before["distance_m"] + 1000
    assert idle.table()["distance_m"] == begin["distance_m"]


def test_a_curtain_takes_its_time() -> None:
    curtain = Curtain(room(), 1)
    curtain.control("target_percent", 0)
    moving = after(curtain, 10).table()
    still = after(curtain, 60).table()

    assert moving == {"percent": pytest.approx(100 - 100 / 3), "is_moving": 1}
    assert still == {"percent": 0, "is_moving": 0}
