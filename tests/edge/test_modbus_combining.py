"""Points that are made of several: factors read once, sums, ratios, and what their time is."""

from collections.abc import Sequence
from typing import Any

import pytest

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.modbus.errors import NoAnswerError, device_exception
from edge_agent.modbus.requests import Request
from edge_agent.modbus.urgent import UrgentJob
from tests.edge.fakes import Behaviour, S, silent
from tests.edge.simulated_rig import SimulatedRig
from tests.profiles.build import modbus, point, register
from tests.sims.edge_reader import simulated


def meter(**ratio: Any) -> ModbusProfile:
    """Power times a ratio that is read once, and energy in two registers."""
    return modbus(
        [
            point("power", unit="W", read=register(0, "int16", multiplier="ratio")),
            point("energy", unit="Wh", compute={"sum": ["high", {"point": "low", "scale": 0.001}]}),
            point("high", hidden=True, read=register(2)),
            point("low", hidden=True, read=register(10)),
            point("ratio", hidden=True, interval_s="once", read=register(20), **ratio),
        ]
    )


def rig_of(profile: ModbusProfile, **more: Any) -> SimulatedRig:
    return SimulatedRig(profile, simulated(profile), **more)


def address(request: Request) -> int:
    return int.from_bytes(request.pdu[1:3], "big")


def meter_rig(*, ratio: int = 40) -> SimulatedRig:
    rig = rig_of(meter())
    rig.device.hold("ratio", ratio)
    rig.device.hold("power", 100 * ratio)
    rig.device.hold("high", 7)
    rig.device.hold("low", 250)
    return rig


async def test_a_ratio_is_read_once_and_finishes_every_value() -> None:
    rig = meter_rig()
    await rig.run(10.0)

    assert rig.values == {"power": 4000, "energy": 7.25}
    assert {tuple(told) for told in rig.told[3:]} == {("power", "energy")}
    assert len([one for one in rig.line.asked if address(one) == 20]) == 1
    assert all(quality == 0 for told in rig.judged for quality in told.values())


async def test_the_first_values_wait_for_what_they_are_made_of_and_are_told_once() -> None:
    rig = meter_rig()
    await rig.run(0.9)

    powers = [told["power"] for told in rig.told if "power" in told]
    assert powers == [4000]
    assert len([told for told in rig.told if "energy" in told]) == 1


async def test_what_is_combined_has_the_time_of_its_own_reading_not_of_a_remembered_one() -> None:
    rig = meter_rig()
    await rig.run(30.0)

    samples = rig.sink.of(0)
    assert len(samples) >= 30
    assert samples[-1].time_ns - samples[0].time_ns >= 28 * S
    now_ns = rig.clock.now_ns()
    assert now_ns - samples[-1].time_ns < 1.2 * S


def failing(rig: SimulatedRig, *addresses: int, error: Exception) -> None:
    """Let requests that begin at these addresses fail."""
    original = rig.line.units[1]

    def behave(request: Request) -> Sequence[int]:
        if address(request) in addresses:
            raise error
        return original(request)

    rig.line.units[1] = behave


async def test_a_ratio_that_cannot_be_read_makes_its_values_bad_until_it_can() -> None:
    rig = meter_rig()
    original: Behaviour = rig.line.units[1]
    failing(rig, 20, error=device_exception(4))
    await rig.run(5.0)

    assert rig.latest()["power"] == (None, Quality.EXCEPTION)
    assert rig.latest()["energy"] == (7.25, Quality.GOOD)

    rig.line.units[1] = original
    await rig.run(15.0)
    assert rig.latest()["power"] == (4000, Quality.GOOD)


async def test_a_ratio_is_asked_for_until_it_is_given() -> None:
    rig = meter_rig()
    original = rig.line.units[1]
    failing(rig, 20, error=NoAnswerError("no answer in time"))
    await rig.run(60.0)
    assert rig.latest()["power"][0] is None

    rig.line.units[1] = original
    await rig.run(60.0)
    assert rig.latest()["power"] == (4000, Quality.GOOD)


async def test_another_ratio_after_the_device_was_away_is_never_mixed_with_the_old_one() -> None:
    rig = meter_rig()
    await rig.run(5.0)
    original = rig.line.units[1]
    rig.line.units[1] = silent
    await rig.run(20.0)
    assert rig.latest()["power"][0] is None

    rig.device.hold("ratio", 10)  # another transformer: the same reading is a quarter
    rig.device.hold("power", 1000)
    rig.sink.samples.clear()
    rig.line.units[1] = original
    await rig.run(80.0)

    powers = [told["power"] for told in rig.told if told.get("power") is not None]
    assert powers
    assert set(powers) == {1000}


async def test_a_bad_input_makes_the_sum_bad() -> None:
    rig = meter_rig()
    await rig.run(3.0)
    failing(rig, 10, error=device_exception(2))
    await rig.run(10.0)

    assert rig.latest()["energy"] == (None, Quality.EXCEPTION)
    assert rig.latest()["power"] == (4000, Quality.GOOD)


async def test_a_sum_whose_halves_are_told_apart_is_told_once_when_both_are_there() -> None:
    rig = meter_rig()
    await rig.run(2.0)
    polls = len(rig.sink.samples)

    async def nothing(_job: UrgentJob) -> Sequence[int]:
        return ()

    def come_between(request: Request) -> None:
        if address(request) in (0, 2):  # before the halves, and between them
            rig.bus._urgent.put(nothing)

    rig.line.during = come_between
    await rig.run(1.0)

    told = rig.told[polls:]
    assert [one["energy"] for one in told if "energy" in one] == [7.25]
    assert [one["power"] for one in told if "power" in one] == [4000]
    assert len(told) == 2


async def test_an_unused_combined_point_costs_no_request() -> None:
    profile = modbus(
        [
            point("a", read=register(0)),
            point("b", read=register(100, multiplier="ratio")),
            point("ratio", hidden=True, interval_s="once", read=register(200)),
        ]
    )
    rig = rig_of(profile, config={"points": ["a"]})
    await rig.run(5.0)

    assert {address(request) for request in rig.line.asked} == {0}
    assert rig.bus._polled["device"].memory is None


async def test_a_read_command_makes_a_combined_point_of_fresh_readings() -> None:
    rig = meter_rig()
    await rig.run(2.0)
    rig.device.hold("high", 9)

    assert await rig.served(rig.bus.read("device", "energy", timeout_s=1.0)) == 9.25
    assert await rig.served(rig.bus.read("device", "power", timeout_s=1.0)) == 4000


async def test_a_write_is_divided_by_a_ratio_that_is_read_first_and_read_back_times_it() -> None:
    profile = modbus(
        [
            point(
                "limit",
                unit="W",
                read=register(0, multiplier="ratio"),
                write={"function": 6, "minimum": 0, "maximum": 100_000},
            ),
            point("ratio", hidden=True, interval_s="once", read=register(20)),
        ]
    )
    rig = rig_of(profile)
    rig.device.hold("ratio", 40)
    await rig.run(2.0)

    result = await rig.served(rig.bus.write("device", "limit", 4000, timeout_s=1.0))
    assert (result.outcome, result.value_read) == ("succeeded", 4000)
    assert rig.asked(6)[0].pdu[3:] == (100).to_bytes(2, "big")
    result = await rig.served(rig.bus.write("device", "limit", 4001, timeout_s=1.0))
    assert (result.outcome, result.reason) == ("failed", "off_step")
    assert len(rig.asked(6)) == 1


@pytest.mark.parametrize("count", [1, 3])
async def test_scale_factors_of_their_own_serve_many_points(count: int) -> None:
    points = [
        point(f"v{at}", unit="V", read=register(at, "int16", scale_factor="sf"))
        for at in range(count)
    ]
    profile = modbus(
        [*points, point("sf", hidden=True, interval_s=3600, read=register(9, "int16"))]
    )
    rig = rig_of(profile)
    rig.device.hold("sf", -1)
    for at in range(count):
        rig.device.hold(f"v{at}", 230 + at)
    await rig.run(4.0)

    assert rig.values == {f"v{at}": 230 + at for at in range(count)}
