"""What is written when the controller is lost."""

import asyncio
from typing import Any

import pytest

from campus_wire.batch import Sample
from device_profiles.library import Library
from edge_agent import fallback
from edge_agent.config_check import find_mistakes
from edge_agent.fallback import Fallback
from edge_agent.interlocks import Interlocks
from edge_agent.ports import WriteResult
from tests.edge.fakes import (
    FakeActuator,
    FakeClock,
    RecordingEvents,
    edge_config,
    modbus_device,
    site,
)

RELAY = modbus_device("relay", "waveshare-modbus-rtu-relay-8ch", unit=2)
GAS = modbus_device("gas", "elt-mb-350u-c", unit=3)
WRITES = {
    "after_s": 300,
    "writes": [
        {"device": "relay", "point": "relay_1", "value": 0},
        {"device": "relay", "point": "relay_2", "value": 1},
    ],
}
FAN = {
    "id": "co-fan",
    "when": {"device": "gas", "point": "co", "at_or_above": 25},
    "then": {"device": "relay", "point": "relay_1", "value": 1},
    "on_sensor_lost": "hold",
}


class Rig:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.events = RecordingEvents()
        self.actuator = FakeActuator()
        config = edge_config(RELAY, GAS, fallback=WRITES, interlocks=[FAN])
        self.inventory = site(config)
        actuators = {"bus": self.actuator}
        self.interlocks = Interlocks(
            config.interlocks,
            self.inventory,
            actuators=actuators,
            clock=self.clock,
            events=self.events,
        )
        self.fallback = Fallback(
            config.fallback,
            self.inventory,
            actuators=actuators,
            interlocks=self.interlocks,
            clock=self.clock,
            events=self.events,
        )

    async def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            await self.fallback.look()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "RETRY_S", 0.0)


async def test_safe_values_are_written_once_when_the_controller_is_lost() -> None:
    rig = Rig()
    await rig.pass_time(299)
    assert rig.actuator.writes == []
    await rig.pass_time(1000)

    assert rig.actuator.writes == [("relay", "relay_1", 0), ("relay", "relay_2", 1)]
    assert rig.events.kinds == ["controller_lost", "fallback_written", "fallback_written"]


async def test_a_controller_that_is_heard_is_not_lost_and_can_be_lost_again() -> None:
    rig = Rig()
    for _ in range(10):
        await rig.pass_time(200)
        rig.fallback.heard()
    assert rig.actuator.writes == []

    await rig.pass_time(300)
    rig.fallback.heard()
    await rig.pass_time(300)
    assert len(rig.actuator.writes) == 4
    assert rig.events.kinds.count("controller_lost") == 2
    assert rig.events.kinds.count("controller_back") == 1


async def test_a_write_that_fails_is_tried_a_few_times() -> None:
    rig = Rig()
    rig.actuator.results = [WriteResult("failed", reason="not_connected")] * 4
    await rig.pass_time(300)
    assert rig.events.kinds.count("fallback_written") == 2

    rig.fallback.heard()
    rig.actuator.results = [WriteResult("failed", reason="not_connected")] * 100
    await rig.pass_time(300)
    failed = [event for event in rig.events.events if event.kind == "fallback_failed"]
    assert [event.attributes["reason"] for event in failed] == ["not_connected"] * 2


async def test_what_an_interlock_holds_is_left_to_it() -> None:
    rig = Rig()
    gas = rig.inventory.device("gas")
    assert gas is not None
    sample = Sample(gas.index, (gas.point_indices["co"],), rig.clock.now_ns(), (30,), (0,))
    rig.interlocks.observe([sample])
    await rig.pass_time(300)
    await asyncio.sleep(0)

    assert [point for _, point, _ in rig.actuator.writes] == ["relay_2"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"device": "rely"}, "there is no device rely"),
        ({"point": "relay_9"}, "relay_9"),
        ({"value": 2}, "takes 0, 1"),
    ],
)
def test_a_mistake_in_the_configuration_is_found(changes: dict[str, Any], words: str) -> None:
    wanted = {"device": "relay", "point": "relay_1", "value": 0} | changes
    config = edge_config(RELAY, fallback={"writes": [wanted]})

    [finding] = find_mistakes(config, Library.builtin())
    assert words in finding.message
    assert finding.key[:3] == ("fallback", "writes", 0)
