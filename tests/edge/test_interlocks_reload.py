"""Interlocks while the configuration changes: what is held stays held."""

from typing import Any

import pytest

from edge_agent.config import EdgeConfig
from tests.edge.fakes import edge_config, modbus_device, site
from tests.edge.test_interlocks import FAN as PLAIN_FAN
from tests.edge.test_interlocks import GAS, RELAY, Rig, settle

FAN: dict[str, Any] = {**PLAIN_FAN}
OTHER = modbus_device("other", "xy-md02", unit=9)


def other_config(*interlocks: dict[str, Any], devices: tuple[dict[str, Any], ...]) -> EdgeConfig:
    return edge_config(*devices, interlocks=interlocks)


async def rebind(rig: Rig, *interlocks: dict[str, Any], **more: Any) -> None:
    """Other interlocks; by default with one more device, so that all places move."""
    config = other_config(*interlocks, devices=more.get("devices", (OTHER, GAS, RELAY)))
    rig.inventory = site(config)
    rig.interlocks.rebind(config.interlocks, rig.inventory)
    await settle()


async def test_one_that_stays_goes_on_holding_and_releases_as_ever() -> None:
    rig = Rig()
    async with rig.running():
        rig.see(30)
        await settle()
        await rebind(rig, FAN)
        assert rig.interlocks.holder("relay", "relay_1") == "co-fan"
        assert rig.actuator.values == [1]
        rig.see(0, device="relay", point="relay_1")  # somebody switched it by hand
        await settle()
        assert rig.actuator.values == [1, 1]
        await rig.pass_time(70, see=5)

    assert rig.actuator.values == [1, 1, 0]
    assert rig.events.kinds.count("interlock_tripped") == 1


async def test_other_limits_apply_to_what_is_held_already() -> None:
    rig = Rig()
    async with rig.running():
        rig.see(30)
        await settle()
        when = FAN["when"] | {"at_or_above": 50, "release_below": 40, "release_after_s": 0}
        await rebind(rig, FAN | {"when": when})
        assert rig.interlocks.holder("relay", "relay_1") == "co-fan"
        assert not rig.interlocks.is_checked("relay", "relay_1")
        rig.see(30)
        await settle()

    assert rig.actuator.values == [1, 0]
    assert rig.interlocks.is_checked("relay", "relay_1")


async def test_one_that_is_taken_away_writes_nothing_more() -> None:
    rig = Rig()
    async with rig.running():
        rig.see(30)
        await settle()
        await rebind(rig)
        rig.see(40)
        rig.see(0, device="relay", point="relay_1")
        await rig.pass_time(70, see=5)
        assert rig.interlocks.holder("relay", "relay_1") is None
        await rebind(rig, FAN)
        rig.see(30)
        await settle()

    assert rig.actuator.values == [1, 1]


async def test_a_new_one_acts_and_a_new_target_has_its_own_task() -> None:
    rig = Rig()
    second = FAN | {
        "id": "second",
        "then": {"device": "relay", "point": "relay_2", "value": 1},
    }
    async with rig.running():
        await rebind(rig, FAN, second)
        rig.see(30)
        await settle()

    assert sorted(rig.actuator.writes) == [("relay", "relay_1", 1), ("relay", "relay_2", 1)]


async def test_another_interlock_on_the_same_target_takes_over() -> None:
    rig = Rig()
    always = FAN | {"id": "always", "when": FAN["when"] | {"at_or_above": 20, "release_below": 10}}
    async with rig.running():
        await rebind(rig, FAN, always)
        rig.see(30)
        await settle()
        assert rig.interlocks.holder("relay", "relay_1") == "co-fan"
        await rebind(rig, always)
        assert rig.interlocks.holder("relay", "relay_1") == "always"
        await rig.pass_time(5, see=15)

    assert rig.actuator.values == [1]


@pytest.mark.parametrize("writes_before", [0, 1])
async def test_a_release_under_way_is_finished(writes_before: int) -> None:
    rig = Rig()
    async with rig.running():
        rig.see(30)
        await settle()
        if writes_before:
            await rig.pass_time(70, see=5)
            assert rig.actuator.values == [1, 0]
        await rebind(rig, FAN)
        await rig.pass_time(70, see=5)

    assert rig.actuator.values == [1, 0]
