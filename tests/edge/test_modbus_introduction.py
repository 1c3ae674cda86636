"""Devices that are asked what they are before they are read: variants, counts, SunSpec models."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.modbus.errors import ModbusError, NoAnswerError, device_exception
from edge_agent.modbus.requests import Request
from firmware_sims.from_profile import Choice
from tests.edge.fakes import LIBRARY, modbus_device, registers, silent
from tests.edge.simulated_rig import SimulatedRig, answering
from tests.profiles.build import model, point, register
from tests.sims.edge_reader import simulated

ERASGARD = "ss-aerasgard-rftm-lq-ps-co2"
ONOKOM = "onokom-air-md-vrf-mb-b"


def library(name: str) -> ModbusProfile:
    profile = LIBRARY.get(name)
    assert isinstance(profile, ModbusProfile)
    return profile


def address(request: Request) -> int:
    return int.from_bytes(request.pdu[1:3], "big")


def failing(rig: SimulatedRig, error: ModbusError, *, when: Callable[[Request], bool]) -> None:
    original = rig.line.units[1]

    def behave(request: Request) -> Sequence[int]:
        if when(request):
            raise error
        return original(request)

    rig.line.units[1] = behave


# --- variants ----------------------------------------------------------------------------------


def thermometer() -> ModbusProfile:
    """Degrees in Celsius, or in Fahrenheit where register 50 says 1; humidity only in Celsius."""
    return model(
        [
            point("temperature", unit="°C", read=register(0, "int16", scale=0.1)),
            point("humidity", unit="%", read=register(1, scale=0.1)),
            point("in_fahrenheit", hidden=True, read=register(50)),
        ],
        variants=[
            {
                "name": "fahrenheit",
                "when": {"point": "in_fahrenheit", "equals": 1},
                "points": {
                    "temperature": {"read": {"scale": 0.0555555555556, "offset": -17.7777777778}}
                },
                "remove": ["humidity"],
            }
        ],
    )


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


# --- SunSpec -----------------------------------------------------------------------------------


def inverter(**section: Any) -> ModbusProfile:
    return model(
        [
            point(
                "power",
                unit="W",
                read=register(14, "int16", block=[101, 103], scale_factor="power_sf"),
            ),
            point(
                "power_sf",
                hidden=True,
                interval_s="once",
                read=register(15, "int16", block=[101, 103]),
            ),
            point("battery", unit="%", read=register(2, block=802)),
            point("maker", read=register(2, "string", length=16, block=1), interval_s="once"),
        ],
        sunspec={"marker_addresses": [40000, 50000, 0], **section},
    )


def inverter_rig(**more: Any) -> SimulatedRig:
    profile = inverter()
    device = simulated(profile, Choice(blocks=(103,)), power_sf=1)
    device.hold("power", 1230)
    return SimulatedRig(profile, device, **more)


async def test_models_are_found_and_read_with_their_scale_factors() -> None:
    rig = inverter_rig()
    await rig.run(5.0)

    assert rig.latest()["power"] == (1230, 0)
    assert "battery" not in rig.values  # it has no such model
    assert rig.events.kinds == ["text"]
    assert rig.events.events[0].attributes["point"] == "maker"


async def test_markers_that_are_refused_or_not_answered_are_passed_over() -> None:
    for error in (device_exception(2), NoAnswerError("no answer in time")):
        profile = inverter(marker_addresses=[0, 40000])
        made = inverter(marker_addresses=[40000])
        device = simulated(made, Choice(blocks=(101,)), power_sf=0)
        device.hold("power", 77)
        rig = SimulatedRig(profile, device)
        failing(rig, error, when=lambda request: address(request) < 40000)
        await rig.run(30.0)
        assert rig.latest()["power"] == (77, 0)


async def test_a_device_without_models_is_bad_and_asked_again_more_and_more_rarely() -> None:
    profile = inverter()
    rig = SimulatedRig(profile, simulated(profile, Choice(blocks=(103,))))
    rig.line.units[1] = lambda request: [7] * int.from_bytes(request.pdu[3:5], "big")
    await rig.run(600.0)

    assert rig.latest()["power"] == (None, Quality.UNDECODABLE)
    assert rig.latest()["battery"] == (None, Quality.UNDECODABLE)
    assert 590 < len(rig.told) <= 601
    assert len(rig.line.asked) < 80


async def test_others_on_the_bus_miss_nothing_while_a_long_chain_is_walked() -> None:
    """The chain has 60 models; the line is slow; a meter next to it is read each second."""
    profile = inverter()
    chain = [0x5375, 0x6E53]
    for number in range(60):
        chain += [600 + number, 1, 7]
    chain += [103, 50, *[0] * 50, 0xFFFF, 0]
    behave = registers(*chain)
    rig = SimulatedRig(
        inverter(marker_addresses=[0]),
        simulated(profile, Choice(blocks=(103,))),
        modbus_device("meter", "meter", unit=2),
        units={2: registers(5)},
        profiles={"meter": model([point("x", read=register(0))])},
    )
    rig.line.units[1] = behave
    rig.line._answer_s = 0.2
    await rig.run(60.0)

    meter = [sample.time_ns for sample in rig.sink.of(1)]
    assert len(meter) >= 58
    assert max(b - a for a, b in pairwise(meter)) <= 1.5e9
    assert rig.latest()["power"] == (0, 0)
    early = [one["power"] for one in rig.judged[:5]]
    assert set(early) == {Quality.NEVER_READ}


async def test_a_chain_that_is_cut_by_silence_is_walked_anew() -> None:
    rig = inverter_rig()
    original = rig.line.units[1]
    failing(rig, NoAnswerError("no answer in time"), when=lambda request: address(request) > 40060)
    await rig.run(20.0)
    assert rig.latest()["power"] == (None, Quality.NO_ANSWER)

    rig.line.units[1] = original
    await rig.run(70.0)
    assert rig.latest()["power"] == (1230, 0)
