"""What devices need beside their polls: setup, heartbeat, pages, unlocking, bits that are kept."""

from collections.abc import Iterable
from typing import Any

from campus_wire.quality import Quality
from device_profiles.model import ModbusProfile
from edge_agent.modbus.asking import Asker
from edge_agent.modbus.bus import ModbusBus
from edge_agent.modbus.errors import DeviceBusyError, NoAnswerError, device_exception
from edge_agent.modbus.polled import PolledDevice
from edge_agent.modbus.polling import Chore
from edge_agent.modbus.requests import write_request
from tests.edge.fakes import modbus_device, registers, silent
from tests.edge.modbus_rig import Rig
from tests.edge.simulated_rig import SimulatedRig, address, library, memory_rig, written
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


async def test_what_an_interlock_holds_is_not_set_up_until_it_lets_go() -> None:
    asked: list[tuple[str, str, float]] = []
    may = [False]

    def may_set(device: str, name: str, value: float) -> bool:
        asked.append((device, name, value))
        return may[0]

    rig, unit = memory_rig(setup_profile(), may_set=may_set)
    await rig.run(60.0)
    assert unit.writes == [(104, 7)]
    assert set(asked) == {("device", "unit", 2)}

    may[0] = True
    await rig.run(15.0)
    assert unit.writes == [(104, 7), (5, 2)]


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
