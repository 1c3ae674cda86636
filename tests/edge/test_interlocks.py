"""Interlocks: when they trip and release, what they write, and that nobody overrides them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.batch import Sample
from campus_wire.quality import Quality
from edge_agent.config import InterlockConfig
from edge_agent.interlock_rule import InterlockRule, Turn
from edge_agent.interlocks import Interlocks
from edge_agent.ports import WriteResult
from tests.edge.fakes import (
    FakeActuator,
    FakeClock,
    RecordingEvents,
    S,
    edge_config,
    modbus_device,
    site,
)

GAS = modbus_device("gas", "elt-mb-350u-c", unit=1)
RELAY = modbus_device("relay", "waveshare-modbus-rtu-relay-8ch", unit=2)
FAN = {
    "id": "co-fan",
    "when": {
        "device": "gas",
        "point": "co",
        "at_or_above": 25,
        "release_below": 20,
        "release_after_s": 60,
    },
    "then": {"device": "relay", "point": "relay_1", "value": 1},
    "otherwise": {"value": 0},
    "on_sensor_lost": "act",
}


def interlock(**changes: Any) -> InterlockConfig:
    when = FAN["when"] | changes.pop("when", {})
    return InterlockConfig.model_validate(FAN | changes | {"when": when})


# --- the rule -----------------------------------------------------------------------------------


class Rule:
    """A rule with its clock; the sensor is read each second."""

    def __init__(self, **changes: Any) -> None:
        self.now_ns = 0
        self.rule = InterlockRule(interlock(**changes), interval_s=1.0, start_ns=0)
        self.turns: list[Turn] = []

    def see(self, value: float | None, quality: int = 0, *, after_s: float = 1.0) -> None:
        self.now_ns += round(after_s * S)
        changes = self.rule.observe(value, quality, self.now_ns)
        self.turns += [change.turn for change in changes]

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)
        self.turns += [change.turn for change in self.rule.tick(self.now_ns)]


def test_trips_at_the_limit_and_releases_below_after_its_delay() -> None:
    rule = Rule()
    rule.see(24.9)
    assert rule.turns == []
    rule.see(25)
    assert rule.turns == [Turn.TRIPPED]
    for value in (22, 19.9, *[19] * 59):
        rule.see(value)
    assert rule.rule.is_active
    rule.see(19)
    assert rule.turns == [Turn.TRIPPED, Turn.RELEASED]


def test_a_limit_below() -> None:
    rule = Rule(
        when={
            "at_or_above": None,
            "release_below": None,
            "at_or_below": 10,
            "release_above": 12,
            "release_after_s": 0,
        }
    )
    for value in (10.1, 10, 12, 12.1):
        rule.see(value)
    assert rule.turns == [Turn.TRIPPED, Turn.RELEASED]


def test_without_release_value_it_releases_as_soon_as_it_is_below() -> None:
    rule = Rule(when={"release_below": None, "release_after_s": 0})
    for value in (25, 25, 24.99):
        rule.see(value)
    assert rule.turns == [Turn.TRIPPED, Turn.RELEASED]


def test_a_limit_must_last_when_it_says_so() -> None:
    rule = Rule(when={"act_after_s": 3})
    for value in (30, 30, 10, 30, 30, 30):
        rule.see(value)
    assert rule.turns == []
    rule.wait(1)
    assert rule.turns == [Turn.TRIPPED]


@pytest.mark.parametrize(
    ("policy", "turns"),
    [
        ("act", [Turn.SENSOR_LOST, Turn.TRIPPED]),
        ("release", [Turn.SENSOR_LOST]),
        ("hold", [Turn.SENSOR_LOST]),
    ],
)
def test_a_lost_sensor(policy: str, turns: list[Turn]) -> None:
    rule = Rule(on_sensor_lost=policy)
    rule.see(5)
    for _ in range(2):
        rule.see(None, Quality.NO_ANSWER)
    assert rule.turns == []
    rule.see(None, Quality.NO_ANSWER)
    assert rule.turns == turns
    rule.see(None, Quality.NO_ANSWER)
    assert rule.turns == turns


@pytest.mark.parametrize(("policy", "stays"), [("act", True), ("hold", True), ("release", False)])
def test_a_sensor_lost_while_tripped(policy: str, stays: bool) -> None:
    rule = Rule(on_sensor_lost=policy)
    rule.see(30)
    rule.wait(3)
    assert rule.rule.is_active is stays


def test_a_sensor_that_comes_back_releases_by_the_usual_rule() -> None:
    rule = Rule()
    rule.wait(3)
    assert rule.turns == [Turn.SENSOR_LOST, Turn.TRIPPED]
    rule.see(5)
    assert rule.turns[2:] == [Turn.SENSOR_BACK]
    for _ in range(60):
        rule.see(5)
    assert rule.turns[3:] == [Turn.RELEASED]


def test_nothing_is_judged_before_the_first_good_value() -> None:
    rule = Rule()
    checked = [rule.rule.is_checked]
    for value in (None, 3):
        rule.see(value, Quality.GOOD if value else Quality.NO_ANSWER)
        checked.append(rule.rule.is_checked)
    assert checked == [False, False, True]
    assert not rule.rule.is_active


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(0, 50)),
            st.sampled_from([Quality.GOOD, Quality.UNCERTAIN, Quality.NO_ANSWER]),
            st.floats(0.1, 4),
        ),
        max_size=60,
    )
)
def test_a_good_value_over_the_limit_always_leaves_it_active(
    stream: list[tuple[float | None, Quality, float]],
) -> None:
    rule = Rule()
    for value, quality, after_s in stream:
        rule.see(value, quality, after_s=after_s)
        if value is not None and value >= 25 and quality is Quality.GOOD:
            assert rule.rule.is_active
        if value is not None and value < 20 and not rule.rule.is_active:
            assert rule.turns.count(Turn.TRIPPED) == rule.turns.count(Turn.RELEASED)


# --- what is written ----------------------------------------------------------------------------


class Rig:
    def __init__(self, *interlocks: dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.events = RecordingEvents()
        self.actuator = FakeActuator()
        config = edge_config(GAS, RELAY, interlocks=interlocks or [FAN])
        self.inventory = site(config)
        self.interlocks = Interlocks(
            config.interlocks,
            self.inventory,
            actuators={"bus": self.actuator},
            clock=self.clock,
            events=self.events,
        )

    def see(self, value: float | None, *, device: str = "gas", point: str = "co") -> None:
        found = self.inventory.device(device)
        assert found is not None
        quality = Quality.GOOD if value is not None else Quality.NO_ANSWER
        points = (found.point_indices[point],)
        sample = Sample(found.index, points, self.clock.now_ns(), (value,), (quality,))
        self.clock.advance(0.01)
        self.interlocks.observe([sample])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.interlocks.run())
        try:
            await settle()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def pass_time(self, seconds: float, *, see: float | None = None) -> None:
        for _ in range(round(seconds / 0.25)):
            self.clock.advance(0.25)
            if see is not None:
                self.see(see)
            for target in self.interlocks._targets.values():
                target._wake.set()  # in place of the timer that the fake clock does not drive
            await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_tripping_writes_at_once_and_release_writes_the_other_value() -> None:
    rig = Rig()
    async with rig.running():
        rig.see(10)
        await settle()
        assert rig.actuator.writes == []
        rig.see(30)
        await settle()
        assert rig.actuator.writes == [("relay", "relay_1", 1)]
        assert rig.interlocks.holder("relay", "relay_1") == "co-fan"
        await rig.pass_time(70, see=5)

    assert rig.actuator.values == [1, 0]
    assert rig.interlocks.holder("relay", "relay_1") is None
    assert rig.events.kinds == [
        "interlock_tripped",
        "interlock_written",
        "interlock_released",
        "interlock_written",
    ]
    tripped = rig.events.events[0]
    assert tripped.device == "gas"
    assert tripped.attributes["value"] == 30
    assert tripped.attributes["limit"] == 25
    assert tripped.attributes["first_out"] == "co-fan"


async def test_a_failed_write_is_tried_until_it_holds_and_said_once() -> None:
    rig = Rig()
    rig.actuator.results = [WriteResult("failed", reason="not_connected")] * 5
    async with rig.running():
        rig.see(30)
        await rig.pass_time(60, see=30)

    assert len(rig.actuator.writes) == 6
    assert rig.events.kinds == ["interlock_tripped", "interlock_write_failed", "interlock_written"]


async def test_what_somebody_else_switched_is_switched_back() -> None:
    rig = Rig()
    async with rig.running():
        rig.see(30)
        await settle()
        rig.see(1, device="relay", point="relay_1")
        await settle()
        assert rig.actuator.values == [1]

        rig.see(0, device="relay", point="relay_1")  # by hand, at the cabinet
        await settle()
        assert rig.actuator.values == [1, 1]

        rig.interlocks.recheck("relay", "relay_1")
        await settle()
        assert rig.actuator.values == [1, 1, 1]


async def test_after_release_the_target_is_left_alone() -> None:
    rig = Rig()
    async with rig.running():
        rig.see(30)
        await settle()
        await rig.pass_time(70, see=5)
        rig.see(1, device="relay", point="relay_1")
        rig.interlocks.recheck("relay", "relay_1")
        await settle()

    assert rig.actuator.values == [1, 0]


async def test_two_interlocks_on_one_target_release_only_together() -> None:
    other = {
        **FAN,
        "id": "co2-fan",
        "when": {"device": "gas", "point": "co2", "at_or_above": 2000, "lost_after_s": 3600},
    }
    rig = Rig({**FAN, "when": {**FAN["when"], "release_after_s": 0}}, other)  # type: ignore[dict-item]
    async with rig.running():
        rig.see(2500, point="co2")
        rig.see(30)
        await settle()
        rig.see(5)
        await settle()
        assert rig.interlocks.holder("relay", "relay_1") == "co2-fan"
        assert rig.actuator.values == [1]
        rig.see(400, point="co2")
        await settle()

    assert rig.actuator.values == [1, 0]
    tripped = [event for event in rig.events.events if event.kind == "interlock_tripped"]
    assert [event.attributes["first_out"] for event in tripped] == ["co2-fan", "co2-fan"]


async def test_a_sensor_that_never_answers_trips_after_three_intervals() -> None:
    rig = Rig()
    async with rig.running():
        assert not rig.interlocks.is_checked("relay", "relay_1")
        await rig.pass_time(2)
        assert rig.actuator.writes == []
        await rig.pass_time(2)

    assert rig.actuator.values == [1]
    assert rig.interlocks.is_checked("relay", "relay_1")
    assert rig.events.kinds[:2] == ["interlock_sensor_lost", "interlock_tripped"]
    assert rig.events.events[1].attributes["cause"] == "sensor_lost"


async def test_a_target_on_a_dead_bus_delays_no_other() -> None:
    second = {**FAN, "id": "second", "then": {"device": "relay", "point": "relay_2", "value": 1}}
    rig = Rig(FAN, second)
    rig.actuator.wait = asyncio.Event()
    async with rig.running():
        rig.see(30)
        await settle()

        assert sorted(rig.actuator.writes) == [("relay", "relay_1", 1), ("relay", "relay_2", 1)]


async def test_released_while_it_is_being_written_ends_with_the_released_value() -> None:
    rig = Rig({**FAN, "when": {**FAN["when"], "release_after_s": 0}})  # type: ignore[dict-item]
    rig.actuator.wait = asyncio.Event()
    async with rig.running():
        rig.see(30)
        await settle()
        rig.see(5)
        rig.actuator.wait.set()
        await settle()

    assert rig.actuator.values == [1, 0]


async def test_other_points_are_not_held() -> None:
    rig = Rig()

    assert rig.interlocks.holder("relay", "relay_5") is None
    assert not rig.interlocks.forbids("relay", "relay_5", 0)
    assert rig.interlocks.is_checked("relay", "relay_5")
    rig.interlocks.recheck("relay", "relay_5")


async def test_a_switch_for_all_relays_is_held_with_the_one_that_is() -> None:
    rig = Rig(FAN)
    assert not rig.interlocks.is_checked("relay", "all_relays")
    async with rig.running():
        rig.see(30)
        await settle()
        assert rig.interlocks.forbids("relay", "all_relays", 0)
        assert not rig.interlocks.forbids("relay", "all_relays", 1)
        assert not rig.interlocks.forbids("relay", "relay_5", 0)
        assert rig.interlocks.holder("relay", "all_relays") == "co-fan"


async def test_one_relay_is_held_with_the_switch_for_all() -> None:
    rig = Rig({**FAN, "then": {"device": "relay", "point": "all_relays", "value": 1}})
    async with rig.running():
        rig.see(30)
        await settle()
        assert rig.interlocks.forbids("relay", "relay_5", 0)
