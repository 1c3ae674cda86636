"""One bus on a fake line and a fake clock: who is asked what, when, and what is delivered."""

import asyncio
import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from campus_wire.catalog import SampleClass
from campus_wire.quality import Quality
from edge_agent.modbus.bus import ModbusBus
from edge_agent.modbus.errors import (
    GarbledError,
    NoAnswerError,
    NotConnectedError,
    WrongUnitError,
    device_exception,
)
from edge_agent.modbus.requests import Request
from tests.edge.fakes import (
    Behaviour,
    FakeClock,
    FakeLine,
    RecordingSink,
    S,
    edge_config,
    modbus_device,
    registers,
    silent,
    site,
)

TH = "xy-md02"
AC = "haier-ycj-a002"


class Rig:
    """A bus with fakes on both sides."""

    def __init__(self, *devices: dict[str, Any], units: dict[int, Behaviour], **more: Any) -> None:
        self.clock = FakeClock()
        self.line = FakeLine(self.clock, units)
        self.sink = RecordingSink()
        inventory = site(edge_config(*devices))
        self.bus = ModbusBus(
            "bus",
            self.line,
            inventory.on_bus("bus"),
            sink=self.sink,
            clock=self.clock,
            chance=lambda: 0.0,
            sleep=self.clock.sleep,
            **more,
        )

    async def run(self, seconds: float) -> None:
        """Let the bus work for some time, skipping the time in which nothing is due."""
        end_ns = self.clock.passed_ns + round(seconds * S)
        while self.clock.passed_ns < end_ns:
            if not await self.bus.step():
                due_s = self.bus._schedule.next_due_s()
                if due_s is None or due_s * S >= end_ns:
                    self.clock.passed_ns = end_ns
                else:
                    self.clock.passed_ns = max(self.clock.passed_ns, int(due_s * S) + 1)

    def qualities(self, device: int = 0) -> list[tuple[int, ...]]:
        return [tuple(sample.qualities) for sample in self.sink.of(device)]


async def test_one_poll_makes_one_sample_at_the_time_of_the_answer() -> None:
    rig = Rig(modbus_device("th", TH, unit=3), units={3: registers(0, 215, 564)})
    await rig.run(1.0)

    [(sample_class, sample)] = rig.sink.samples
    assert sample_class is SampleClass.NORMAL
    assert sample.values == (21.5, 56.4)
    assert sample.qualities == (0, 0)
    assert sample.points == (0, 1)
    assert sample.time_ns == rig.clock.now_ns() - round(0.95 * S)
    assert len(rig.line.asked) == 1


async def test_a_device_is_polled_at_its_interval() -> None:
    rig = Rig(modbus_device("th", TH, unit=3, interval_s=2.0), units={3: registers()})
    await rig.run(20.0)

    times = [sample.time_ns for sample in rig.sink.of(0)]
    assert {round((after - before) / S, 6) for before, after in pairwise(times)} == {2.0}


async def test_several_requests_of_a_poll_make_one_sample() -> None:
    rig = Rig(modbus_device("ac", AC, unit=1), units={1: registers(1, 2, 3)})
    await rig.run(1.0)

    assert len(rig.line.asked) == 3  # coils, holding and input registers
    [sample] = rig.sink.of(0)
    assert len(sample.values) == 6
    assert set(sample.qualities) <= {Quality.GOOD, Quality.UNCERTAIN, Quality.OUT_OF_RANGE}


async def test_a_dead_device_gives_bad_values_at_its_interval_and_is_asked_rarely() -> None:
    rig = Rig(modbus_device("th", TH, unit=3), units={3: silent}, reopens=False)
    await rig.run(120.0)

    samples = rig.sink.of(0)
    assert len(samples) >= 100
    assert {sample.values for sample in samples} == {(None, None)}
    assert {sample.qualities for sample in samples} == {(Quality.NO_ANSWER,) * 2}
    assert len(rig.line.asked) <= 10


async def test_a_dead_device_does_not_slow_the_others() -> None:
    devices = [modbus_device(f"th-{unit}", TH, unit=unit) for unit in range(1, 9)]
    alive = {unit: registers(0, 200, 500) for unit in range(1, 8)}
    rig = Rig(*devices, units=alive, reopens=False)
    await rig.run(300.0)

    polls = [rig.line.units_asked.count(unit) for unit in range(1, 9)]
    assert min(polls[:7]) >= 280  # 300 without the dead one
    assert polls[7] <= 15


async def test_loss_and_return_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="edge_agent")
    rig = Rig(modbus_device("th", TH, unit=3), units={3: silent})
    await rig.run(100.0)
    rig.line.units[3] = registers(0, 200, 500)
    await rig.run(100.0)

    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said == [
        ("WARNING", "th on bus bus is lost: no answer in time"),
        ("INFO", "th on bus bus answers again"),
    ]
    assert rig.qualities()[-1] == (0, 0)


@pytest.mark.parametrize(
    ("error", "quality"),
    [
        (NoAnswerError("x"), Quality.NO_ANSWER),
        (NotConnectedError("x"), Quality.NOT_CONNECTED),
        (GarbledError("x"), Quality.GARBLED),
        (WrongUnitError("x"), Quality.WRONG_UNIT),
        (device_exception(2), Quality.EXCEPTION),
        (device_exception(6), Quality.BUSY),
        (device_exception(10), Quality.NOT_CONNECTED),
        (device_exception(11), Quality.NO_ANSWER),
    ],
    ids=lambda one: getattr(one, "reason", str(one)),
)
async def test_every_failure_is_a_quality_and_the_next_good_answer_a_value(
    error: Exception, quality: Quality
) -> None:
    def fail(_request: Request) -> Sequence[int]:
        raise error

    rig = Rig(modbus_device("th", TH, unit=3), units={3: fail})
    await rig.run(5.0)
    rig.line.units[3] = registers(0, 215, 564)
    await rig.run(70.0)

    assert rig.qualities()[0] == (quality, quality)
    assert rig.sink.of(0)[-1].values == (21.5, 56.4)


async def test_one_block_that_is_never_answered_does_not_make_the_device_look_dead() -> None:
    good = registers(1, 2, 3)

    def no_coils(request: Request) -> Sequence[int]:
        return silent(request) if request.function == 1 else good(request)

    rig = Rig(modbus_device("ac", AC, unit=1, interval_s=5.0), units={1: no_coils}, reopens=False)
    await rig.run(600.0)

    asked = [request.function for request in rig.line.asked]
    last = rig.sink.of(0)[-1]
    assert asked.count(3) >= 110
    assert asked.count(1) <= 20
    assert list(last.qualities).count(Quality.NO_ANSWER) == 1


async def test_a_busy_device_is_asked_again() -> None:
    answers = [device_exception(6), device_exception(5), None]
    good = registers(0, 215, 564)

    def busy(request: Request) -> Sequence[int]:
        error = answers.pop(0)
        if error is not None:
            raise error
        return good(request)

    rig = Rig(modbus_device("th", TH, unit=3, interval_s=10.0), units={3: busy})
    await rig.run(5.0)

    assert rig.sink.of(0)[0].values == (21.5, 56.4)
    assert len(rig.line.asked) == 3


async def test_a_reply_spoilt_by_noise_is_asked_for_once_more() -> None:
    answers = [GarbledError("noise"), None, GarbledError("noise"), GarbledError("noise")]
    good = registers(0, 215, 564)

    def noisy(request: Request) -> Sequence[int]:
        error = answers.pop(0)
        if error is not None:
            raise error
        return good(request)

    rig = Rig(modbus_device("th", TH, unit=3, interval_s=10.0), units={3: noisy})
    await rig.run(15.0)

    assert rig.qualities() == [(0, 0), (Quality.GARBLED, Quality.GARBLED)]


async def test_without_connection_every_poll_gives_bad_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="edge_agent")
    rig = Rig(
        *(modbus_device(f"th-{unit}", TH, unit=unit) for unit in (1, 2, 3)),
        units={unit: registers(0, 200, 500) for unit in (1, 2, 3)},
    )
    rig.line.reachable = False
    await rig.run(100.0)

    assert len(rig.sink.samples) >= 290
    assert {sample.qualities for _, sample in rig.sink.samples} == {(Quality.NOT_CONNECTED,) * 2}
    assert rig.line.connects <= 20

    rig.line.reachable = True
    await rig.run(60.0)
    assert [rig.qualities(device)[-1] for device in range(3)] == [(0, 0)] * 3
    said = [record.getMessage() for record in caplog.records]
    assert said == ["bus bus is not connected: refused", "bus bus is connected again"]


async def test_reset_storms_are_met_with_patience() -> None:
    def reset(_request: Request) -> Sequence[int]:
        raise NotConnectedError("reset by peer")

    rig = Rig(modbus_device("th", TH, unit=3), units={3: reset})
    await rig.run(100.0)

    assert rig.line.connects <= 20
    assert set(rig.qualities()) == {(Quality.NOT_CONNECTED,) * 2}


async def test_a_connection_on_which_nobody_answers_is_made_anew() -> None:
    rig = Rig(modbus_device("th", TH, unit=3), units={3: silent}, reopens=True)
    await rig.run(30.0)

    assert rig.line.closes >= 1
    assert rig.line.connects >= 2


async def test_a_device_that_refuses_reads_over_holes_is_read_without() -> None:
    good = registers(1, 26, 300)

    def no_holes(request: Request) -> Sequence[int]:
        if int.from_bytes(request.pdu[3:5], "big") > 2:
            raise device_exception(2)
        return good(request)

    device = modbus_device("ac", AC, unit=1, points=["temperature_setpoint", "fan_speed"])
    rig = Rig(device, units={1: no_holes}, bridge_registers=8)
    await rig.run(3.0)

    assert rig.qualities()[0] == (Quality.EXCEPTION,) * 2
    assert Quality.EXCEPTION not in rig.qualities()[1]
    assert len(rig.line.asked) == 1 + 2 * (len(rig.sink.samples) - 1)


# --- writes -------------------------------------------------------------------------------------


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

    original = rig.line.execute

    async def execute(request: Request) -> Sequence[int]:
        raw = await original(request)
        await asyncio.sleep(0)
        return raw

    rig.line.execute = execute  # type: ignore[method-assign]
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
