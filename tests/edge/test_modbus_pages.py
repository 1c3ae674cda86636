"""Pages, and what belongs to a write: unlocking, bits that are kept, time to answer."""

import asyncio
from typing import Any

import pytest

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.modbus.errors import NoAnswerError, device_exception
from edge_agent.modbus.requests import Request
from tests.edge.fakes import modbus_device, registers, silent
from tests.edge.simulated_rig import SimulatedRig, address, failing, library, memory_rig, written
from tests.profiles import build
from tests.sims.edge_reader import simulated

FC51 = "danfoss-fc51"


# --- pages -------------------------------------------------------------------------------------


def paged() -> ModbusProfile:
    return build.modbus(
        [
            build.point("common", read=build.register(50)),
            build.point(
                "first",
                read=build.register(10, page=1),
                write={"function": 6, "minimum": 0, "maximum": 100},
            ),
            build.point("second", read=build.register(10, page=2)),
        ],
        page={"function": 6, "address": 99},
    )


async def test_pages_are_selected_before_reads_and_writes() -> None:
    profile = paged()
    rig = SimulatedRig(profile, simulated(profile))
    for name, number in {"common": 5, "first": 11, "second": 22}.items():
        rig.device.hold(name, number)
    await rig.run(3.0)
    assert rig.values == {"common": 5, "first": 11, "second": 22}

    result = await rig.served(rig.bus.write("device", "first", 33, timeout_s=1.0))
    assert (result.outcome, result.value_read) == ("succeeded", 33)
    assert written(rig)[-2:] == [(6, 99, 1), (6, 10, 33)]
    await rig.run(3.0)
    assert rig.values == {"common": 5, "first": 33, "second": 22}


async def test_a_page_is_selected_once_while_nothing_changes_it() -> None:
    profile = paged()
    rig = SimulatedRig(profile, simulated(profile), config={"points": ["common", "first"]})
    await rig.run(10.0)
    assert written(rig) == [(6, 99, 1)]

    rig.line.connected = False  # a new connection may be to a device that began anew
    await rig.run(10.0)
    assert written(rig) == [(6, 99, 1)] * 2

    unit = rig.line.units[1]
    rig.line.units[1] = silent
    await rig.run(30.0)
    rig.line.units[1] = unit
    rig.line.asked.clear()
    await rig.run(70.0)
    assert written(rig)[0] == (6, 99, 1)


async def test_a_page_that_cannot_be_selected_makes_no_wrong_value() -> None:
    profile = paged()
    rig = SimulatedRig(profile, simulated(profile))
    for name, number in {"common": 5, "first": 11, "second": 22}.items():
        rig.device.hold(name, number)
    unit = rig.line.units[1]

    def stuck(request: Request) -> Any:
        if (request.function, address(request)) == (6, 99):
            raise device_exception(4)
        return unit(request)

    rig.line.units[1] = stuck
    await rig.run(10.0)
    assert rig.latest()["common"] == (5, 0)
    assert rig.latest()["first"] == (None, Quality.EXCEPTION)
    assert rig.latest()["second"] == (None, Quality.EXCEPTION)


# --- what belongs to a write -------------------------------------------------------------------


async def test_a_locked_point_is_unlocked_before_each_command() -> None:
    profile = build.modbus(
        [
            build.point(
                "on",
                read=build.register(3),
                write={"function": 6, "minimum": 0, "maximum": 1, "unlock": True},
            )
        ],
        unlock=[
            {"function": 6, "address": 10, "value": 0x5A5A},
            {"function": 6, "address": 11, "value": 1},
        ],
    )
    rig = SimulatedRig(profile, simulated(profile))
    await rig.run(2.0)
    for value in (1, 0):
        result = await rig.served(rig.bus.write("device", "on", value, timeout_s=1.0))
        assert result.outcome == "succeeded"

    assert written(rig) == [(6, 10, 0x5A5A), (6, 11, 1), (6, 3, 1), *written(rig)[:2], (6, 3, 0)]


async def test_a_command_whose_unlocking_fails_has_failed_and_not_acted() -> None:
    profile = build.modbus(
        [
            build.point(
                "on",
                read=build.register(3),
                write={"function": 6, "minimum": 0, "maximum": 1, "unlock": True},
            )
        ],
        unlock=[{"function": 6, "address": 10, "value": 1}],
    )
    rig, unit = memory_rig(profile)
    await rig.run(2.0)
    for error in (device_exception(4), NoAnswerError("no answer in time")):
        unit.errors = {"f6_10": error}
        result = await rig.served(rig.bus.write("device", "on", 1, timeout_s=5.0))
        assert result.outcome == "failed"
    assert unit.writes == []


def staged(**write: Any) -> ModbusProfile:
    write = {"function": 6, "minimum": 0, "maximum": 9, **write}
    then = [{"function": 6, "address": 10, "value": 0xAA}]
    return build.modbus(
        [build.point("level", read=build.register(3), write={**write, "then": then})]
    )


async def test_the_command_that_a_write_wants_follows_it() -> None:
    profile = staged()
    rig = SimulatedRig(profile, simulated(profile))
    await rig.run(2.0)
    result = await rig.served(rig.bus.write("device", "level", 7, timeout_s=1.0))

    assert (result.outcome, result.value_read) == ("succeeded", 7)
    assert written(rig) == [(6, 3, 7), (6, 10, 0xAA)]


@pytest.mark.parametrize(
    "error", [device_exception(2), device_exception(6), NoAnswerError("no answer in time")]
)
async def test_a_value_that_is_shown_but_was_not_confirmed_is_unknown(error: Exception) -> None:
    rig, unit = memory_rig(staged())
    await rig.run(2.0)
    unit.errors = {"f6_10": error}
    result = await rig.served(rig.bus.write("device", "level", 7, timeout_s=1.0))

    assert (result.outcome, result.value_read, result.reason) == ("unknown", 7, "not_confirmed")
    assert unit.writes == [(3, 7)]  # once, whatever the command said


async def test_a_value_that_waits_for_a_command_that_failed_has_failed() -> None:
    profile = staged()
    rig = SimulatedRig(profile, simulated(profile))
    await rig.run(2.0)
    failing(
        rig,
        NoAnswerError("no answer in time"),
        when=lambda request: request.function == 6 and address(request) == 10,
    )
    result = await rig.served(rig.bus.write("device", "level", 7, timeout_s=0.3))

    assert (result.outcome, result.value_read, result.reason) == ("failed", 0, "read_back_differs")


async def test_an_acknowledged_command_counts_as_followed() -> None:
    rig, unit = memory_rig(staged())
    await rig.run(2.0)
    unit.errors = {"f6_10": device_exception(5)}
    result = await rig.served(rig.bus.write("device", "level", 7, timeout_s=1.0))

    assert result.outcome == "succeeded"


def kept_bits() -> ModbusProfile:
    return build.modbus(
        [
            build.point(
                "fan",
                read=build.register(3, bit=4),
                write={"function": 6, "minimum": 0, "maximum": 1, "rest": "keep"},
            ),
            build.point("other", read=build.register(3, bit=0)),
        ]
    )


async def test_bits_beside_are_read_right_before_and_written_as_they_are() -> None:
    rig, unit = memory_rig(kept_bits())
    await rig.run(2.0)
    unit.words[3] = 0xA00F  # changed by somebody since it was polled
    rig.line.asked.clear()

    result = await rig.served(rig.bus.write("device", "fan", 1, timeout_s=1.0))
    assert result.outcome == "succeeded"
    assert unit.words[3] == 0xA01F
    assert [one.function for one in rig.line.asked] == [3, 6, 3]


async def test_nothing_comes_between_reading_bits_and_writing_them() -> None:
    rig, _ = memory_rig(kept_bits(), modbus_device("next", "next", unit=2), profiles=NEXT)
    rig.line.units[2] = registers(1)
    await rig.run(2.0)
    works: list[asyncio.Task[Any]] = []

    def ask(request: Request) -> None:
        if request.unit == 2 and len(works) < 3:
            for value in (1, 0, 1):
                work = rig.bus.write("device", "fan", value, timeout_s=0.2)
                works.append(asyncio.create_task(work))

    original = rig.line.execute

    async def execute(request: Request, timeout_s: float | None = None) -> Any:
        raw = await original(request, timeout_s)
        await asyncio.sleep(0)
        return raw

    rig.line.execute = execute  # type: ignore[method-assign]
    rig.line.during = ask
    rig.line.asked.clear()
    await rig.run(3.0)
    for work in works:
        await rig.served(work)

    order = [(one.unit, one.function) for one in rig.line.asked]
    writes = [at for at, one in enumerate(order) if one == (1, 6)]
    assert len(writes) == 3
    assert all(order[at - 1] == (1, 3) for at in writes)


NEXT = {"next": build.modbus([build.point("p0", read=build.register(0))])}


async def test_bits_that_cannot_be_read_are_not_written() -> None:
    rig, unit = memory_rig(kept_bits())
    await rig.run(2.0)
    unit.errors = {"f3_3": device_exception(4)}
    result = await rig.served(rig.bus.write("device", "fan", 1, timeout_s=1.0))

    assert (result.outcome, result.reason) == ("failed", "exception")
    assert unit.writes == []


async def test_kept_bits_whose_write_got_lost_are_not_sent_twice() -> None:
    rig, unit = memory_rig(kept_bits())
    await rig.run(2.0)

    def deaf(request: Request) -> Any:
        if request.function == 6:
            rig.line.units[1] = silent
            raise NoAnswerError("no answer in time")
        return unit(request)

    rig.line.units[1] = deaf
    result = await rig.served(rig.bus.write("device", "fan", 1, timeout_s=0.1))
    assert (result.outcome, result.reason) == ("unknown", "no_answer")
    assert len(rig.asked(6)) == 1


async def test_a_drive_is_started_by_one_bit_of_its_control_word() -> None:
    profile = library(FC51)
    rig = SimulatedRig(profile, simulated(profile))
    await rig.run(5.0)
    work = asyncio.create_task(rig.bus.write("device", "start", 1, timeout_s=0.2))
    while not rig.asked(6):
        await asyncio.sleep(0)
        await rig.bus.step()
    work.cancel()

    assert written(rig) == [(6, 49999, 1084 | 1 << 6)]


async def test_a_device_may_have_as_long_as_its_profile_says() -> None:
    profile = build.modbus(
        [
            build.point(
                "x",
                read=build.register(0),
                write={"function": 6, "minimum": 0, "maximum": 9},
            )
        ],
        response_timeout_s=3.0,
    )
    rig, _ = memory_rig(profile)
    allowed: set[float | None] = set()
    original = rig.line.execute

    async def execute(request: Request, timeout_s: float | None = None) -> Any:
        allowed.add(timeout_s)
        return await original(request, timeout_s)

    rig.line.execute = execute  # type: ignore[method-assign]
    await rig.run(2.0)
    assert (await rig.served(rig.bus.write("device", "x", 5, timeout_s=1.0))).outcome == "succeeded"
    assert allowed == {3.0}
