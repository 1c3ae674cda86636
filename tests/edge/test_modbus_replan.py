"""Devices that come, change, go, are busy or lost; points at rhythms of their own."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.inventory import ModbusDevice, build_inventory
from edge_agent.modbus.errors import NoAnswerError, device_exception
from edge_agent.modbus.requests import Request
from tests.edge.fakes import S, edge_config, modbus_device, registers, silent, site
from tests.edge.modbus_rig import Rig
from tests.edge.test_modbus_learning import One
from tests.profiles import build

TH = "xy-md02"


def devices_of(*devices: dict[str, Any]) -> tuple[ModbusDevice, ...]:
    return site(edge_config(*devices)).on_bus("bus")


def three() -> Rig:
    return Rig(
        *(modbus_device(f"th-{unit}", TH, unit=unit) for unit in (1, 2, 3)),
        units={unit: registers(0, 200 + unit, 500) for unit in (1, 2, 3, 4)},
    )


async def test_others_miss_no_sample_while_devices_come_and_go() -> None:
    rig = three()
    for _ in range(10):
        await rig.run(3.3)
        rig.bus.replan(
            devices_of(*(modbus_device(f"th-{unit}", TH, unit=unit) for unit in (1, 2, 4)))
        )
        await rig.run(3.3)
        rig.bus.replan(
            devices_of(*(modbus_device(f"th-{unit}", TH, unit=unit) for unit in (1, 2, 3)))
        )

    for device in (0, 1):
        times = [sample.time_ns for sample in rig.sink.of(device)]
        assert len(times) >= 65
        assert {round((after - before) / S, 6) for before, after in pairwise(times)} <= {
            *(0.95, 1.0, 1.05),
        }
    assert {sample.values for sample in rig.sink.of(0)} == {(20.1, 50.0)}


async def test_a_removed_device_is_asked_no_more_and_an_added_one_is() -> None:
    rig = three()
    await rig.run(2.0)
    rig.bus.replan(devices_of(*(modbus_device(f"th-{unit}", TH, unit=unit) for unit in (4, 2))))
    rig.line.asked.clear()
    rig.sink.samples.clear()
    await rig.run(5.0)

    assert set(rig.line.units_asked) == {2, 4}
    assert {sample.values[0] for sample in rig.sink.of(0)} == {20.4}
    assert {sample.values[0] for sample in rig.sink.of(1)} == {20.2}
    assert (await rig.bus.write("th-1", "temperature", 1, timeout_s=1)).reason == "unknown_device"


async def test_a_device_with_another_interval_keeps_to_the_new_one() -> None:
    rig = three()
    await rig.run(3.0)
    changed = [modbus_device(f"th-{unit}", TH, unit=unit) for unit in (1, 2)]
    rig.bus.replan(devices_of(*changed, modbus_device("th-3", TH, unit=3, interval_s=5.0)))
    rig.sink.samples.clear()
    await rig.run(20.0)

    assert 3 <= len(rig.sink.of(2)) <= 5
    assert len(rig.sink.of(0)) >= 19


async def test_samples_of_the_poll_under_way_carry_the_new_places() -> None:
    rig = three()
    await rig.run(0.5)
    rig.sink.samples.clear()
    before = devices_of(*(modbus_device(f"th-{unit}", TH, unit=unit) for unit in (1, 2, 3)))
    moved = [replace(device, index=device.index + 10) for device in before]
    rig.line.during = lambda _request: rig.bus.rebind(moved)
    await rig.run(2.0)

    assert {sample.device for _, sample in rig.sink.samples} <= {10, 11, 12}


async def test_what_is_just_read_of_a_device_that_was_removed_is_dropped() -> None:
    rig = three()
    left = devices_of(modbus_device("th-2", TH, unit=2))

    def remove(request: Request) -> None:
        if request.unit == 1:
            rig.bus.replan(left)

    rig.line.during = remove
    await rig.run(5.0)

    values = {sample.values[0] for sample in rig.sink.of(0)}
    assert 20.1 not in values
    assert 20.2 in values


# --- busy devices ---------------------------------------------------------------------------------


async def test_others_are_served_while_a_busy_device_is_waited_for() -> None:
    answers: list[Exception | None] = [device_exception(6), device_exception(5), None]
    good = registers(0, 215, 564)

    def busy(request: Request) -> Sequence[int]:
        error = answers.pop(0) if answers else None
        if error is not None:
            raise error
        return good(request)

    rig = Rig(
        modbus_device("busy", TH, unit=1, interval_s=10.0),
        *(modbus_device(f"th-{unit}", TH, unit=unit, interval_s=0.2) for unit in (2, 3)),
        units={1: busy, 2: good, 3: good},
    )
    await rig.run(1.0)

    asked = rig.line.units_asked
    first, again = [at for at, unit in enumerate(asked) if unit == 1][:2]
    assert again - first > 1
    assert rig.sink.of(0)[0].values == (21.5, 56.4)


async def test_a_device_that_stays_busy_is_busy_before_its_next_poll() -> None:
    def busy(_request: Request) -> Sequence[int]:
        raise device_exception(6)

    rig = Rig(modbus_device("busy", TH, unit=1, interval_s=1.0), units={1: busy})
    await rig.run(30.0)

    qualities = [sample.qualities for sample in rig.sink.of(0)]
    assert set(qualities) == {(Quality.BUSY,) * 2}
    assert len(qualities) >= 25


# --- the dead and their return --------------------------------------------------------------------


async def test_a_lost_device_is_asked_by_its_cheapest_request() -> None:
    points = [build.point(f"p{at}", read=build.register(at)) for at in range(60)]
    rig = Rig(
        modbus_device("meter", "made-up", unit=1),
        units={1: silent},
        profiles=One(build.modbus(points)),
        reopens=False,
    )
    await rig.run(100.0)
    counts = [int.from_bytes(request.pdu[3:5], "big") for request in rig.line.asked]
    assert set(counts[2:]) == {1}

    rig.line.units[1] = registers(*range(60))
    await rig.run(61.0)
    assert rig.qualities()[-1] == (Quality.GOOD,) * 60


async def test_neighbours_of_a_device_that_returns_are_asked_soon() -> None:
    """After a power cut everybody answers again, whatever the back-off of each was."""
    rig = Rig(
        *(modbus_device(f"th-{unit}", TH, unit=unit) for unit in range(1, 9)),
        units=dict.fromkeys(range(1, 9), silent),
        reopens=False,
    )
    await rig.run(600.0)
    for unit in range(1, 9):
        rig.line.units[unit] = registers(0, 200, 500)
    await rig.run(90.0)
    back = [
        next(sample.time_ns for sample in rig.sink.of(at) if not any(sample.qualities))
        for at in range(8)
    ]

    assert max(back) - min(back) <= 10 * S


# --- points with a rhythm of their own ------------------------------------------------------------


def metered(**more: Any) -> ModbusProfile:
    points = [
        build.point("power", read=build.register(0)),
        build.point("serial", read=build.register(1), interval_s="once"),
        build.point("energy", read=build.register(2), interval_s=60),
    ]
    return build.modbus(points, **more)


async def test_points_are_read_at_their_own_rhythm() -> None:
    rig = Rig(
        modbus_device("meter", "made-up", unit=1),
        units={1: registers(7, 8, 9)},
        profiles=One(metered()),
    )
    await rig.run(179.0)

    asked = [request.pdu[2] for request in rig.line.asked]
    assert asked.count(1) == 1
    assert asked.count(2) == 3
    assert asked.count(0) >= 178
    assert {sample.values for sample in rig.sink.of(0)} == {(7,), (8,), (9,)}


async def test_what_is_read_once_is_read_again_after_the_device_was_lost() -> None:
    rig = Rig(
        modbus_device("meter", "made-up", unit=1),
        units={1: registers(7, 8, 9)},
        profiles=One(metered()),
        reopens=False,
    )
    await rig.run(10.0)
    rig.line.units[1] = silent
    await rig.run(20.0)
    rig.line.units[1] = registers(7, 8, 9)
    await rig.run(60.0)

    answered = [request.pdu[2] for request in rig.line.asked]
    assert answered.count(1) == 2


async def test_what_is_read_once_is_tried_again_until_it_is_there() -> None:
    tries = []

    def late(request: Request) -> Sequence[int]:
        if request.pdu[2] == 1:
            tries.append(1)
            if len(tries) < 3:
                raise NoAnswerError("not yet")
        return registers(7, 8, 9)(request)

    rig = Rig(
        modbus_device("meter", "made-up", unit=1),
        units={1: late},
        profiles=One(metered()),
        reopens=False,
    )
    await rig.run(120.0)

    assert len(tries) == 3
    assert rig.sink.of(0)[-1].values == (7,)
    assert (8,) in {sample.values for sample in rig.sink.of(0)}


async def test_a_device_added_to_a_bus_that_rests_is_read() -> None:
    rig = Rig(units={1: registers(0, 200, 500)})
    task = asyncio.create_task(rig.bus.run())
    await asyncio.sleep(0)
    rig.bus.replan(devices_of(modbus_device("th-1", TH, unit=1)))
    async with asyncio.timeout(10):
        while not rig.sink.samples:
            await asyncio.sleep(0)
            rig.clock.advance(0.01)
            rig.bus._wake_up()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert rig.sink.of(0)[0].values == (20.0, 50.0)


def test_inventories_of_two_configurations_compare() -> None:
    one = build_inventory(edge_config(modbus_device("a", "made-up", unit=1)), One(metered()))
    two = build_inventory(edge_config(modbus_device("a", "made-up", unit=1)), One(metered()))
    rig = Rig(modbus_device("a", "made-up", unit=1), units={}, profiles=One(metered()))
    [polled] = rig.bus._polled.values()

    assert polled.reads_like(one.on_bus("bus")[0])
    assert polled.reads_like(two.on_bus("bus")[0])
    other = build_inventory(
        edge_config(modbus_device("a", "made-up", unit=1)),
        One(metered(pause_between_requests_s=0.1)),
    )
    assert not polled.reads_like(other.on_bus("bus")[0])
