"""Writes on a bus: ahead of polls, sent once, read back."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from edge_agent.modbus.errors import (
    NoAnswerError,
    device_exception,
)
from edge_agent.modbus.requests import Request
from tests.edge.fakes import (
    modbus_device,
    registers,
    silent,
)
from tests.edge.modbus_rig import Rig

TH = "xy-md02"
AC = "haier-ycj-a002"


class Relay:
    """Eight coils that remember what is written to them."""

    def __init__(self) -> None:
        self.coils = [0] * 8
        self.writes = 0
        self.errors: list[Exception] = []

    def __call__(self, request: Request) -> Sequence[int]:
        address = int.from_bytes(request.pdu[1:3], "big")
        if request.function == 5:
            error = self.errors.pop(0) if self.errors else None
            if error is not None:
                raise error
            self.writes += 1
            self.coils[address] = int(request.pdu[3] == 0xFF)
            return ()
        count = int.from_bytes(request.pdu[3:5], "big")
        return self.coils[address : address + count]


def give_way(rig: Rig) -> None:
    """Let other tasks run while a request is under way, as a real line does."""
    original = rig.line.execute

    async def execute(request: Request, timeout_s: float | None = None) -> Sequence[int]:
        raw = await original(request, timeout_s)
        await asyncio.sleep(0)
        return raw

    rig.line.execute = execute  # type: ignore[method-assign]


RELAY = modbus_device("relay", "waveshare-modbus-rtu-relay-8ch", unit=9)


async def serve(rig: Rig, work: asyncio.Task[Any]) -> Any:
    """Let the bus serve urgent requests until the work is done."""
    while not work.done():
        await asyncio.sleep(0)
        if rig.bus._urgent:
            await rig.bus.step()
    return await work


async def write(rig: Rig, value: float, *, timeout_s: float = 1.0) -> Any:
    work = asyncio.create_task(rig.bus.write("relay", "relay_2", value, timeout_s=timeout_s))
    return await serve(rig, work)


async def test_a_write_is_read_back() -> None:
    relay = Relay()
    rig = Rig(RELAY, units={9: relay})
    await rig.run(0.5)

    result = await write(rig, 1)

    assert (result.outcome, result.value_read) == ("succeeded", 1)
    assert relay.coils == [0, 1, 0, 0, 0, 0, 0, 0]
    assert [request.function for request in rig.line.asked[-2:]] == [5, 1]


async def test_a_read_back_is_a_sample_like_any_other() -> None:
    rig = Rig(RELAY, units={9: Relay()})
    await rig.run(0.5)
    polls = len(rig.sink.samples)

    await write(rig, 1)

    [(_, sample)] = rig.sink.samples[polls:]
    assert (sample.values, sample.qualities) == ((1,), (0,))
    assert len(sample.points) == 1


async def test_what_was_read_before_a_write_is_told_before_it() -> None:
    """A device of two requests is half read when a write to it comes between them."""
    coils = [0]

    def ac(request: Request) -> Sequence[int]:
        if request.function == 5:
            coils[0] = 1
            return ()
        if request.function == 1:
            return coils
        return [20] * int.from_bytes(request.pdu[3:5], "big")

    rig = Rig(modbus_device("ac", AC, unit=3), units={3: ac})
    await rig.run(0.5)
    rig.sink.samples.clear()
    works: list[asyncio.Task[Any]] = []

    def ask_for_write(request: Request) -> None:
        if request.function == 1 and not works:
            works.append(asyncio.create_task(rig.bus.write("ac", "power_on", 1, timeout_s=1.0)))

    give_way(rig)
    rig.line.during = ask_for_write
    await rig.run(3.0)
    await serve(rig, works[0])

    [index] = {
        sample.points[sample.values.index(0)]
        for _, sample in rig.sink.samples
        if 0 in sample.values
    }
    shown = [
        sample.values[sample.points.index(index)]
        for _, sample in rig.sink.samples
        if index in sample.points
    ]
    assert shown[:2] == [0, 1]
    assert 0 not in shown[1:]


async def test_a_write_waits_for_at_most_the_request_under_way() -> None:
    relay = Relay()
    devices = [modbus_device(f"ac-{unit}", AC, unit=unit) for unit in range(1, 9)]
    rig = Rig(RELAY, *devices, units={9: relay} | {unit: registers(1) for unit in range(1, 9)})
    await rig.run(3.0)
    rig.line.asked.clear()
    works: list[asyncio.Task[Any]] = []

    def ask_for_write(request: Request) -> None:
        """While the first request of a device's three is under way, a write comes in."""
        if request.unit == 5 and not works:
            works.append(asyncio.create_task(rig.bus.write("relay", "relay_1", 1, timeout_s=1.0)))

    give_way(rig)
    rig.line.during = ask_for_write
    await rig.run(3.0)
    await serve(rig, works[0])

    order = [(request.unit, request.function) for request in rig.line.asked]
    at = order.index((5, 1))
    assert order[at + 1] == (9, 5)
    assert relay.coils[0] == 1


async def test_nothing_is_written_before_the_device_has_answered() -> None:
    relay = Relay()
    rig = Rig(RELAY, units={9: silent})

    result = await write(rig, 1)
    assert (result.outcome, result.reason) == ("failed", "no_valid_reading")
    assert all(request.function == 1 for request in rig.line.asked)

    rig.line.units[9] = relay
    result = await write(rig, 1)
    assert result.outcome == "succeeded"
    assert [request.function for request in rig.line.asked[1:]] == [1, 5, 1]


async def test_a_write_without_answer_is_not_sent_twice_and_reading_back_tells() -> None:
    relay = Relay()
    rig = Rig(RELAY, units={9: relay})
    await rig.run(0.5)

    relay.errors = [NoAnswerError("lost on the way")]
    lost = await write(rig, 1, timeout_s=0.05)
    assert (lost.outcome, lost.reason, lost.value_read) == ("failed", "read_back_differs", 0)

    relay.coils[1] = 1  # it had acted, only its answer was lost
    relay.errors = [NoAnswerError("lost on the way back")]
    acted = await write(rig, 1)
    assert acted.outcome == "succeeded"
    assert relay.writes == 0


async def test_a_write_that_nobody_can_read_back_is_unknown() -> None:
    relay = Relay()
    rig = Rig(RELAY, units={9: relay})
    await rig.run(0.5)

    def deaf_after_write(request: Request) -> Sequence[int]:
        if request.function == 5:
            return relay(request)
        raise NoAnswerError("gone")

    rig.line.units[9] = deaf_after_write
    result = await write(rig, 1, timeout_s=0.05)

    assert (result.outcome, result.reason) == ("unknown", "no_answer")


async def test_a_busy_device_is_written_to_again_and_a_refusing_one_is_not() -> None:
    relay = Relay()
    rig = Rig(RELAY, units={9: relay})
    await rig.run(0.5)

    relay.errors = [device_exception(6), device_exception(6)]
    assert (await write(rig, 1)).outcome == "succeeded"
    assert relay.writes == 1

    relay.errors = [device_exception(3)]
    refused = await write(rig, 0)
    assert (refused.outcome, refused.reason) == ("failed", "exception")
    assert relay.writes == 1


async def test_an_acknowledged_write_is_only_read_back() -> None:
    relay = Relay()
    rig = Rig(RELAY, units={9: relay})
    await rig.run(0.5)
    relay.errors = [device_exception(5)]
    relay.coils[1] = 1

    assert (await write(rig, 1)).outcome == "succeeded"
    assert relay.writes == 0


@pytest.mark.parametrize(
    ("device", "point", "value", "reason"),
    [
        ("nobody", "relay_1", 1, "unknown_device"),
        ("relay", "relay_99", 1, "unknown_point"),
        ("relay", "relay_1", 7, "not_a_state"),
        ("relay", "relay_1", float("nan"), "not_finite"),
    ],
)
async def test_what_the_profile_does_not_allow_is_refused_unsent(
    device: str, point: str, value: float, reason: str
) -> None:
    rig = Rig(RELAY, units={9: Relay()})

    result = await rig.bus.write(device, point, value, timeout_s=1.0)

    assert (result.outcome, result.reason) == ("failed", reason)
    assert rig.bus.refusal(device, point, value) == reason
    assert rig.line.asked == []


async def test_a_write_to_an_unreachable_bus_fails_and_certainly_did_not_act() -> None:
    rig = Rig(RELAY, units={9: Relay()})
    await rig.run(0.5)
    rig.line.close()
    rig.line.reachable = False

    result = await write(rig, 1)

    assert (result.outcome, result.reason) == ("failed", "not_connected")


async def test_a_write_nobody_waits_for_any_more_is_not_sent() -> None:
    relay = Relay()
    rig = Rig(RELAY, units={9: relay})
    await rig.run(0.5)

    result = await rig.bus.write("relay", "relay_1", 1, timeout_s=0.01)  # the bus stands still
    while rig.bus._urgent:
        await rig.bus.step()

    assert (result.outcome, result.reason) == ("failed", "timeout")
    assert relay.writes == 0


async def test_a_point_is_read_ahead_of_polls() -> None:
    relay = Relay()
    relay.coils[2] = 1
    rig = Rig(RELAY, units={9: relay})

    work = asyncio.create_task(rig.bus.read("relay", "relay_3", timeout_s=1.0))
    assert await serve(rig, work) == 1
    rig.line.units[9] = silent
    work = asyncio.create_task(rig.bus.read("relay", "relay_3", timeout_s=1.0))
    assert await serve(rig, work) is None
    assert await rig.bus.read("relay", "all_relays", timeout_s=1.0) is None


async def test_the_task_polls_and_writes_by_itself_and_ends_when_cancelled() -> None:
    relay = Relay()
    rig = Rig(RELAY, units={9: relay})
    task = asyncio.create_task(rig.bus.run())
    await asyncio.sleep(0)

    result = await rig.bus.write("relay", "relay_1", 1, timeout_s=5.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert result.outcome == "succeeded"
    after = await rig.bus.write("relay", "relay_1", 0, timeout_s=5.0)
    assert (after.outcome, after.reason) == ("failed", "not_connected")
    assert relay.coils[0] == 1
