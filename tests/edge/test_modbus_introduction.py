"""Devices that are asked what they are before they are read: variants, counts, SunSpec models."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from campus_wire.quality import Quality
from device_profiles.reading import Reading
from device_profiles.resolving import Facts, resolve
from edge_agent.modbus.errors import (
    device_exception,
)
from edge_agent.modbus.requests import Request
from edge_agent.modbus.unknown import Fit
from firmware_sims.from_profile import Choice
from tests.edge.fakes import registers, silent
from tests.edge.simulated_rig import (
    SimulatedRig,
    address,
    answering,
    failing,
    library,
    thermometer,
)
from tests.profiles.build import model, point, register
from tests.sims.edge_reader import simulated

ERASGARD = "ss-aerasgard-rftm-lq-ps-co2"
ONOKOM = "onokom-air-md-vrf-mb-b"


# --- variants ----------------------------------------------------------------------------------


def thermometer_rig(*, fahrenheit: bool = False, **more: Any) -> SimulatedRig:
    profile = thermometer()
    rig = SimulatedRig(profile, simulated(profile), **more)
    rig.line.units[1] = registers(212, 450, *[0] * 48, int(fahrenheit))
    return rig


async def test_a_device_is_read_as_the_variant_that_it_says_it_is() -> None:
    rig = thermometer_rig()
    await rig.run(3.0)
    assert rig.values == {"temperature": 21.2, "humidity": 45}

    rig = thermometer_rig(fahrenheit=True)
    await rig.run(3.0)
    assert [told.keys() for told in rig.told] == [{"temperature"}] * len(rig.told)
    value = rig.values["temperature"]
    assert value is not None
    assert abs(value + 6) < 0.01  # 21.2 °F


async def test_its_first_request_asks_what_it_is() -> None:
    rig = thermometer_rig()
    await rig.run(1.0)

    assert address(rig.line.asked[0]) == 50
    assert address(rig.line.asked[1]) == 0


async def test_no_sample_is_missed_or_bad_where_it_says_so_at_once() -> None:
    rig = thermometer_rig()
    await rig.run(10.0)

    assert len(rig.told) == 10
    assert all(quality == 0 for one in rig.judged for quality in one.values())


async def test_a_device_that_turns_into_another_variant_gives_no_wrong_value() -> None:
    rig = thermometer_rig()
    await rig.run(5.0)
    rig.sink.samples.clear()
    rig.line.units[1] = registers(702, 450, *[0] * 48, 1)  # 70.2 °F, that are 21.22 °C
    await rig.run(5.0)

    temperatures = [one["temperature"] for one in rig.told]
    assert temperatures.count(None) <= 1
    assert all(value is None or abs(value - 21.22) < 0.01 for value in temperatures)
    assert [one["temperature"] for one in rig.judged if one["temperature"]] == [Quality.NEVER_READ]
    assert "humidity" not in rig.told[-1]


async def test_a_lost_device_is_asked_anew_before_it_is_read() -> None:
    rig = thermometer_rig()
    await rig.run(5.0)
    rig.line.units[1] = silent
    await rig.run(60.0)
    assert rig.latest()["temperature"] == (None, Quality.NO_ANSWER)
    rig.sink.samples.clear()
    rig.line.asked.clear()
    rig.line.units[1] = registers(702, 450, *[0] * 48, 1)  # another one was put in its place
    await rig.run(90.0)

    good = [one["temperature"] for one in rig.told if one["temperature"] is not None]
    assert len(good) > 20
    assert all(abs(value - 21.22) < 0.01 for value in good)


async def test_points_are_bad_with_the_reason_while_nobody_knows_what_it_is() -> None:
    rig = thermometer_rig()
    original = rig.line.units[1]
    rig.line.units[1] = silent
    await rig.run(10.0)
    assert len(rig.told) >= 5
    assert set(rig.judged[-1].items()) == {
        ("temperature", Quality.NO_ANSWER),
        ("humidity", Quality.NO_ANSWER),
    }

    rig.line.units[1] = original
    failing(rig, device_exception(4), when=lambda request: address(request) == 50)
    await rig.run(60.0)
    assert rig.latest()["temperature"] == (None, Quality.EXCEPTION)
    assert {address(request) for request in rig.line.asked} == {50}

    rig.line.units[1] = original
    await rig.run(60.0)
    assert rig.latest()["temperature"] == (21.2, 0)


async def test_a_device_without_the_register_that_tells_variants_is_the_common_one() -> None:
    rig = thermometer_rig()
    failing(rig, device_exception(2), when=lambda request: address(request) == 50)
    await rig.run(5.0)

    assert rig.values == {"temperature": 21.2, "humidity": 45}


async def test_nothing_is_written_to_a_device_before_it_is_known() -> None:
    profile = model(
        [
            point("on", read=register(0), write={"function": 6, "minimum": 0, "maximum": 1}),
            point("kind", hidden=True, read=register(50)),
        ],
        variants=[
            {
                "name": "inverted",
                "when": {"point": "kind", "equals": 1},
                "points": {"on": {"write": {"values": {"0": 1, "1": 0}}}},
            }
        ],
    )
    rig = SimulatedRig(profile, simulated(profile, kind=1))
    result = await rig.served(rig.bus.write("device", "on", 1, timeout_s=1.0))
    assert (result.outcome, result.reason) == ("failed", "no_valid_reading")
    assert not rig.line.asked

    await rig.run(2.0)
    await rig.served(rig.bus.write("device", "on", 1, timeout_s=0.1))
    assert rig.asked(6)[0].pdu[3:] == b"\0\0"


async def test_erasgard_is_read_in_the_units_that_its_coil_says() -> None:
    profile = library(ERASGARD)
    choices: list[tuple[str, ...]] = [(), ("imperial",)]
    for variants in choices:
        device = simulated(profile, Choice(variants))
        rig = SimulatedRig(profile, device)
        device.hold("temperature", 20.0)
        await rig.run(5.0)
        value = rig.values["temperature"]
        assert value is not None
        assert abs(value - 20) < 0.06
        assert rig.values["unit_system"] == len(variants)


# --- counts ------------------------------------------------------------------------------------


async def test_a_gateway_is_asked_for_the_indoor_units_that_it_has() -> None:
    profile = library(ONOKOM)
    device = simulated(profile, Choice(counts={"unit_count": 3}))
    rig = SimulatedRig(profile, device, config={"interval_s": 10.0})
    await rig.run(60.0)

    names = rig.latest()
    assert {name.split("_")[1] for name in names if name.startswith("indoor_")} == {"1", "2", "3"}
    assert names["unit_count"][0] == 3
    assert address(rig.line.asked[0]) == 100


async def test_an_added_indoor_unit_is_found_when_the_count_is_read_again() -> None:
    profile = library(ONOKOM)
    rig = SimulatedRig(profile, simulated(profile, Choice(counts={"unit_count": 2})))
    await rig.run(30.0)
    assert "indoor_3_power" not in rig.latest()

    rig.line.units[1] = answering(simulated(profile, Choice(counts={"unit_count": 3})), rig.clock)
    await rig.run(3_700.0)
    assert rig.latest()["indoor_3_power"][1] == 0
    assert rig.latest()["unit_count"] == (3, 0)


async def test_a_device_that_is_read_rarely_is_got_to_know_soon_all_the_same() -> None:
    rig = thermometer_rig(config={"interval_s": 3600.0})
    original = rig.line.units[1]
    rig.line.units[1] = silent
    await rig.run(15.0)
    rig.line.units[1] = original
    await rig.run(60.0)

    assert rig.latest()["temperature"] == (21.2, 0)


@given(registers_=st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=2), end=st.integers(0, 5))
def test_fit_never_raises(registers_: list[int], end: int) -> None:
    profile = thermometer()
    facts = Facts({"in_fahrenheit": end})
    fit = Fit(profile, resolve(profile, facts), facts)
    fit.look_at([Reading("in_fahrenheit", registers_[0], Quality.GOOD)])
    assert fit.is_lost == ((registers_[0] == 1) != (end == 1))


# --- another configuration ---------------------------------------------------------------------


async def test_a_known_device_stays_known_when_its_place_in_the_catalog_changes() -> None:
    rig = thermometer_rig(fahrenheit=True)
    await rig.run(5.0)
    polled = rig.bus._polled["device"]
    shifted = {name: index + 7 for name, index in polled.device.point_indices.items()}
    rig.line.asked.clear()
    rig.sink.samples.clear()
    rig.bus.rebind([replace(polled.device, index=3, point_indices=shifted, _splits={})])
    await rig.run(5.0)

    assert not rig.sink.of(0)
    assert {sample.points for sample in rig.sink.of(3)} == {(shifted["temperature"],)}
    assert address(rig.line.asked[0]) == 0


async def test_a_device_that_is_changed_while_it_is_got_to_know_is_asked_anew() -> None:
    rig = thermometer_rig()
    await rig.run(5.0)
    polled = rig.bus._polled["device"]
    config = polled.device.config.model_copy(update={"interval_s": 2.0})
    rig.line.asked.clear()
    rig.bus.replan([replace(polled.device, config=config)])
    await rig.run(5.0)

    assert rig.bus._polled["device"] is not polled
    assert address(rig.line.asked[0]) == 50
    assert rig.values == {"temperature": 21.2, "humidity": 45}


async def test_a_device_that_is_removed_while_it_is_got_to_know_says_nothing_more() -> None:
    rig = thermometer_rig()

    def remove(request: Request) -> None:
        del request
        rig.bus.replan([])

    rig.line.during = remove
    await rig.run(5.0)
    assert len(rig.line.asked) == 1
    assert not rig.sink.samples
