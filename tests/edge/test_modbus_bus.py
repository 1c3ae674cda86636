"""One bus on a fake line and a fake clock: who is asked what, when, and what is delivered."""

import logging
from collections.abc import Sequence
from itertools import pairwise

import pytest

from campus_wire.catalog import SampleClass
from campus_wire.quality import Quality
from edge_agent.modbus.errors import (
    GarbledError,
    NoAnswerError,
    NotConnectedError,
    WrongUnitError,
    device_exception,
)
from edge_agent.modbus.requests import Request
from tests.edge.fakes import (
    S,
    modbus_device,
    registers,
    silent,
)
from tests.edge.modbus_rig import Rig

TH = "xy-md02"
AC = "haier-ycj-a002"


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

    assert Quality.EXCEPTION not in {quality for one in rig.qualities() for quality in one}
    # The whole, two halves, the hole between them; from then on two requests a poll.
    assert len(rig.line.asked) == 4 + 2 * (len(rig.sink.samples) - 1)
