"""What devices need beside their polls: setup, heartbeat, pages, unlocking, bits that are kept."""

import asyncio
from collections.abc import Iterable
from typing import Any

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.modbus.asking import Asker
from edge_agent.modbus.bus import ModbusBus
from edge_agent.modbus.errors import DeviceBusyError, NoAnswerError, device_exception
from edge_agent.modbus.polled import PolledDevice
from edge_agent.modbus.polling import Chore
from edge_agent.modbus.requests import Request, write_request
from tests.edge.fakes import LIBRARY, modbus_device, registers, silent
from tests.edge.modbus_rig import Rig
from tests.edge.simulated_rig import SimulatedRig
from tests.edge.test_modbus_learning import One
from tests.profiles import build
from tests.sims.edge_reader import simulated


class Recorder:
    """An upkeep that notes what it is asked to do."""

    def __init__(self, *, heartbeat_s: float | None = None) -> None:
        self.calls: list[str] = []
        self.heartbeat_s = heartbeat_s
        self.failure: Exception | None = None
        self.bus: ModbusBus | None = None
        self.profile: ModbusProfile | None = None

    async def before_poll(self, polled: PolledDevice, asker: Asker) -> float:
        del asker
        self.calls.append("before")
        if self.failure is not None:
            raise self.failure
        if self.profile is not None and self.bus is not None:
            profile, self.profile = self.profile, None
            self.bus.read_by(polled, profile)
        return 0.0

    def after_poll(self, polled: PolledDevice, *, answered: bool, is_valid: bool) -> None:
        del polled
        self.calls.append(f"after {answered} {is_valid}")

    def chores(self, polled: PolledDevice) -> Iterable[Chore]:
        async def beat(asker: Asker) -> float | None:
            beat = write_request(polled.unit_id, 6, address=20, values=[1])
            await asker.execute(polled, beat)
            return None

        if self.heartbeat_s is not None:
            yield Chore(polled, self.heartbeat_s, 1, beat)


def profile(*addresses: int, **read: Any) -> ModbusProfile:
    return build.modbus(
        [build.point(f"p{at}", read=build.register(at, **read)) for at in addresses]
    )


def rig_of(upkeep: Recorder, *addresses: int) -> Rig:
    return Rig(
        modbus_device("meter", "made-up", unit=1),
        units={1: registers(7, 8, 9)},
        profiles=One(profile(*addresses)),
        upkeep=upkeep,
        reopens=False,
    )


async def test_it_is_asked_before_polls_and_told_how_they_ended() -> None:
    upkeep = Recorder()
    rig = rig_of(upkeep, 0, 2)
    await rig.run(1.0)

    assert upkeep.calls == ["before", "after True True"]


async def test_a_failure_before_a_poll_is_the_polls_own() -> None:
    upkeep = Recorder()
    upkeep.failure = NoAnswerError("no answer in time")
    rig = rig_of(upkeep, 0)
    await rig.run(3.0)
    assert set(rig.qualities()) == {(Quality.NO_ANSWER,)}
    assert rig.line.asked == []

    upkeep.failure = DeviceBusyError(6)
    await rig.run(60.0)
    assert rig.qualities()[-1] == (Quality.BUSY,)
    upkeep.failure = None
    await rig.run(60.0)
    assert rig.qualities()[-1] == (Quality.GOOD,)


async def test_a_chore_is_done_at_its_rhythm_while_the_device_answers() -> None:
    upkeep = Recorder(heartbeat_s=5.0)
    rig = rig_of(upkeep, 0)
    await rig.run(50.0)
    beats = sum(request.function == 6 for request in rig.line.asked)
    assert beats == 10

    rig.line.units[1] = silent
    await rig.run(10.0)
    rig.line.asked.clear()
    await rig.run(50.0)
    assert not [request for request in rig.line.asked if request.function == 6]


async def test_a_device_may_be_read_by_another_form_of_its_profile_from_then_on() -> None:
    upkeep = Recorder()
    upkeep.profile = profile(0, scale=0.1)
    rig = rig_of(upkeep, 0)
    upkeep.bus = rig.bus
    await rig.run(3.0)

    assert {sample.values for sample in rig.sink.of(0)} == {(0.7,)}
    assert len(rig.sink.of(0)) == 3


# --- setup -------------------------------------------------------------------------------------

EKC = "danfoss-ekc-202b"
FC51 = "danfoss-fc51"


def library(name: str) -> ModbusProfile:
    found = LIBRARY.get(name)
    assert isinstance(found, ModbusProfile)
    return found


def written(rig: SimulatedRig) -> list[tuple[int, int, int]]:
    """Function, address and word of what was written, in order."""
    return [
        (one.function, address(one), int.from_bytes(one.pdu[3:5], "big"))
        for one in rig.line.asked
        if one.function in (5, 6)
    ]


def address(request: Request) -> int:
    return int.from_bytes(request.pdu[1:3], "big")


def setup_profile() -> ModbusProfile:
    return build.modbus(
        [
            build.point("x", read=build.register(0)),
            build.point(
                "unit",
                hidden=True,
                read=build.register(5),
                write={"function": 6, "minimum": 0, "maximum": 3},
            ),
        ],
        setup=[
            {"function": 6, "address": 104, "value": 7},
            {"point": "unit", "value": 2},
        ],
    )


class Memory:
    """A unit whose registers remember what is written to them."""

    def __init__(self, **errors: Exception) -> None:
        self.words: dict[int, int] = {}
        self.errors = errors
        self.writes: list[tuple[int, int]] = []

    def __call__(self, request: Request) -> list[int]:
        at, word = address(request), int.from_bytes(request.pdu[3:5], "big")
        error = self.errors.get(f"f{request.function}_{at}")
        if error is not None:
            raise error
        if request.function == 6:
            self.words[at] = word
            self.writes.append((at, word))
            return []
        return [self.words.get(one, 0) for one in range(at, at + word)]


def memory_rig(
    profile: ModbusProfile, *others: dict[str, Any], **more: Any
) -> tuple[SimulatedRig, Memory]:
    rig = SimulatedRig(profile, simulated(profile), *others, **more)
    unit = Memory()
    rig.line.units[1] = unit
    return rig, unit


async def test_a_device_is_set_up_after_its_first_reading_and_that_is_told() -> None:
    rig, unit = memory_rig(setup_profile())
    await rig.run(5.0)

    assert unit.writes == [(104, 7), (5, 2)]
    functions = [request.function for request in rig.line.asked]
    assert functions.index(3) < functions.index(6)
    assert [(one.kind, one.device, one.attributes) for one in rig.events.events] == [
        ("device_setup", "device", {"address": 104, "value": 7}),
        ("device_setup", "device", {"address": 5, "value": 2, "point": "unit"}),
    ]
    await rig.run(60.0)
    assert len(unit.writes) == 2


async def test_a_point_that_has_its_value_is_not_written() -> None:
    rig, unit = memory_rig(setup_profile())
    unit.words[5] = 2
    await rig.run(5.0)

    assert unit.writes == [(104, 7)]


async def test_nothing_is_set_up_before_a_valid_reading() -> None:
    rig, unit = memory_rig(setup_profile())
    rig.line.units[1] = silent
    await rig.run(30.0)
    unit.errors = {"f3_0": device_exception(4)}
    rig.line.units[1] = unit
    await rig.run(120.0)
    assert unit.writes == []  # it answers, but no value of it is valid yet

    unit.errors = {}
    await rig.run(70.0)
    assert unit.writes == [(104, 7), (5, 2)]


async def test_a_device_that_was_away_is_set_up_again() -> None:
    rig, unit = memory_rig(setup_profile())
    await rig.run(5.0)
    rig.line.units[1] = silent
    await rig.run(30.0)
    unit.words.clear()
    unit.writes.clear()
    rig.line.units[1] = unit
    await rig.run(70.0)
    assert unit.writes == [(104, 7), (5, 2)]

    unit.writes.clear()  # and after its connection was lost
    rig.line.connected = rig.line.reachable = False
    await rig.run(30.0)
    rig.line.reachable = True
    await rig.run(70.0)
    assert unit.writes == [(104, 7)]


async def test_a_setup_that_is_refused_is_told_and_polls_go_on() -> None:
    rig, unit = memory_rig(setup_profile())
    unit.errors = {"f6_104": device_exception(2)}
    await rig.run(20.0)

    assert unit.writes == [(5, 2)]
    assert rig.events.kinds == ["device_setup_failed", "device_setup"]
    assert rig.events.events[0].attributes == {"address": 104, "reason": "exception"}
    assert len(rig.told) == 20
    assert rig.latest()["x"] == (0, 0)


async def test_a_setup_without_answer_is_tried_a_few_times_and_polls_go_on() -> None:
    rig, unit = memory_rig(setup_profile())
    unit.errors = {"f6_104": NoAnswerError("no answer in time")}
    await rig.run(200.0)

    assert sum(1 for one in rig.line.asked if (one.function, address(one)) == (6, 104)) == 5
    assert rig.events.kinds == ["device_setup_failed", "device_setup"]
    assert rig.latest()["x"] == (0, 0)
    assert len(rig.told) > 180


async def test_a_danfoss_controller_is_set_to_celsius() -> None:
    profile = library(EKC)
    rig = SimulatedRig(profile, simulated(profile))
    await rig.run(10.0)

    assert written(rig) == [(6, 104, 0)]
    assert rig.events.kinds == ["device_setup"]


# --- heartbeat ---------------------------------------------------------------------------------


def beating() -> ModbusProfile:
    return build.modbus(
        [build.point("x", read=build.register(0))],
        heartbeat={"function": 6, "address": 20, "values": [1, 0], "every_s": 4},
    )


async def test_a_heartbeat_gives_its_values_in_turn_while_the_device_answers() -> None:
    rig, unit = memory_rig(beating(), config={"interval_s": 30.0})
    await rig.run(42.0)
    assert [word for _, word in unit.writes][:4] == [1, 0, 1, 0]
    assert 9 <= len(unit.writes) <= 11
    assert rig.events.kinds == []

    rig.line.units[1] = silent
    await rig.run(70.0)
    rig.line.asked.clear()
    await rig.run(100.0)
    assert not rig.asked(6)

    rig.line.units[1] = unit
    unit.writes.clear()
    await rig.run(200.0)
    assert len(unit.writes) > 20


async def test_a_heartbeat_that_fails_stops_no_poll() -> None:
    rig, unit = memory_rig(beating())
    unit.errors = {"f6_20": device_exception(1)}
    await rig.run(30.0)

    assert len(rig.told) == 30
    assert rig.latest()["x"] == (0, 0)
    assert not rig.bus._polled["device"].health.is_lost


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


NEXT = {"next": profile(0)}


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
