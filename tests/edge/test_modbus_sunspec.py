"""SunSpec models that are looked for, and answers of every kind while a device is got to know."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.modbus.errors import (
    GarbledError,
    ModbusError,
    NoAnswerError,
    NotConnectedError,
    device_exception,
)
from edge_agent.modbus.requests import Request
from firmware_sims.from_profile import Choice
from tests.edge.fakes import modbus_device, registers
from tests.edge.simulated_rig import SimulatedRig, address, failing, library, thermometer
from tests.profiles.build import model, point, register
from tests.sims.edge_reader import simulated


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


# --- whatever comes ----------------------------------------------------------------------------

ERRORS: list[Callable[[], ModbusError]] = [
    lambda: NoAnswerError("no answer in time"),
    lambda: GarbledError("noise"),
    lambda: NotConnectedError("reset"),
    lambda: device_exception(2),
    lambda: device_exception(4),
    lambda: device_exception(6),
    lambda: device_exception(11),
]


@pytest.mark.parametrize("seed", range(12))
async def test_no_answer_whatever_ends_the_bus(seed: int) -> None:
    """Random registers, exceptions, silence and noise, for every kind of profile."""
    chance = random.Random(seed)

    def behave(request: Request) -> Sequence[int]:
        if chance.random() < 0.3:
            make = chance.choice(ERRORS)
            raise make()
        if request.function in (5, 6, 15, 16):
            return ()
        count = int.from_bytes(request.pdu[3:5], "big")
        if request.function in (1, 2):
            return [chance.randrange(2) for _ in range(count)]
        if count == 2 and chance.random() < 0.5:
            return chance.choice([[0x5375, 0x6E53], [103, 50], [1, 66], [0xFFFF, 0], [802, 9]])
        return [chance.choice([0, 1, 2, 0xFFFF, chance.randrange(65536)]) for _ in range(count)]

    of_the_library = [library("onokom-air-md-vrf-mb-b"), library("ss-aerasgard-rftm-lq-ps-co2")]
    for profile in (inverter(), thermometer(), *of_the_library):
        rig = SimulatedRig(profile, simulated(profile))
        rig.line.units[1] = behave
        await rig.run(120.0)
        assert rig.sink.samples
        told = [pair for sample in rig.sink.of(0) for pair in zip(sample.values, sample.qualities)]  # noqa: B905
        assert all((value is None) == (quality >= 64) for value, quality in told)
