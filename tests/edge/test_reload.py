"""A configuration that changes while the agent runs: what stays is read on as if nothing was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from edge_agent.app import EdgeAgent
from edge_agent.errors import ReloadRefusedError
from edge_agent.handover import Handover
from tests.edge.fakes import mqtt_device
from tests.edge.kit import eventually
from tests.edge.reload_rig import Site, a_site, counted, device_id, running, sensor, truth_of
from tests.support import servers

pytestmark = pytest.mark.integration

RELOADS = 20
Device = dict[str, Any]


async def polls(site: Site, agent: EdgeAgent, count: int) -> None:
    """Wait until every device has been polled so often once more, on average."""
    wanted = agent.pipeline.samples + count * len(agent._inventory.devices)
    async with asyncio.timeout(20):
        while agent.pipeline.samples < wanted:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.01)
    del site


def truth_by_device() -> dict[str, tuple[float, float]]:
    return {device_id(bus, unit): truth_of(bus, unit) for bus in range(3) for unit in range(1, 7)}


def changed(random: Random, devices: list[Device]) -> list[Device]:
    """Add, change or remove one device of the first bus, and so move the places of all others."""
    present = {device["unit_id"] for device in devices}
    absent = sorted({1, 2, 3, 4, 5, 6} - present)
    kinds = (["add"] if absent else []) + (["change", "remove"] if len(devices) > 1 else [])
    match random.choice(kinds):
        case "add":
            return [sensor(0, random.choice(absent)), *devices]
        case "remove":
            return [*devices[:-1]] if random.random() < 0.5 else devices[1:]
        case _:
            at = random.randrange(len(devices))
            other = {**devices[at], "interval_s": random.choice([0.1, 0.15, 0.2])}
            if random.random() < 0.5:
                other["points"] = ["temperature"]
            else:
                other.pop("points", None)
            return [*devices[:at], other, *devices[at + 1 :]]


async def test_changing_one_bus_costs_the_others_nothing(tmp_path: Path, free_port: int) -> None:
    random = Random(7)
    first = [sensor(0, 1), sensor(0, 2)]
    others = [[sensor(bus, unit) for unit in (1, 2, 3)] for bus in (1, 2)]
    async with a_site(tmp_path, free_port) as site:
        async with running(site.handover(first, *others)) as agent:
            await polls(site, agent, 2)
            for _ in range(RELOADS):
                first = changed(random, first)
                await agent.apply(site.handover(first, *others))
                await polls(site, agent, 2)
        answers, told = site.answers(), site.told()

    truth = truth_by_device()
    for one in told:
        expected = dict(zip(("temperature", "relative_humidity"), truth[one.device], strict=True))
        assert one.values == tuple(expected[name] for name in one.points), one.device
    stored = counted(told)
    for bus in (1, 2):
        for unit in (1, 2, 3):
            name = device_id(bus, unit)
            # The last answer may have come when the agent had ended already.
            assert answers[name] - stored[name] in {0, 1}, name
            times = [one.time_ns for one in told if one.device == name]
            assert len(set(times)) == len(times)
    assert {one.device for one in told} >= {device_id(0, 1), device_id(0, 2)}


async def test_devices_come_go_and_move_between_buses(tmp_path: Path, free_port: int) -> None:
    async with a_site(tmp_path, free_port) as site:
        async with running(site.handover([sensor(0, 1)], [sensor(1, 1)])) as agent:
            await polls(site, agent, 2)
            plan = await agent.apply(site.handover([sensor(0, 1)], [], [sensor(2, 5)]))
            assert (plan.begun, plan.replanned) == (("bus-2",), ("bus-1",))
            assert (plan.added, plan.removed) == ((device_id(2, 5),), (device_id(1, 1),))
            await polls(site, agent, 3)
            gone = site.answers()[device_id(1, 1)]
            plan = await agent.apply(site.handover([sensor(0, 1)]))
            assert plan.ended == ("bus-1", "bus-2")
            await polls(site, agent, 3)
            assert list(agent._sources.by_id) == ["bus-0"]
        answers, stored = site.answers(), counted(site.told())

    assert answers[device_id(1, 1)] == gone
    assert stored[device_id(2, 5)] > 0
    assert stored[device_id(0, 1)] >= 6


async def test_a_changed_connection_restarts_its_bus_alone(tmp_path: Path, free_port: int) -> None:
    async with a_site(tmp_path, free_port) as site:
        first, second = [sensor(0, 1)], [sensor(1, 1)]
        async with running(site.handover(first, second)) as agent:
            await polls(site, agent, 2)
            bus = agent._sources.by_id["bus-1"]
            handover = site.handover(first, second)
            buses = list(handover.config.buses)
            link = buses[0].modbus.model_copy(update={"timeout_s": 1.5})
            buses[0] = buses[0].model_copy(update={"modbus": link})
            config = handover.config.model_copy(update={"buses": tuple(buses)})
            plan = await agent.apply(type(handover)(config, handover.inventory, {}))
            assert (plan.ended, plan.begun, plan.kept) == (("bus-0",), ("bus-0",), ("bus-1",))
            assert agent._sources.by_id["bus-1"] is bus
            await polls(site, agent, 3)
        answers, stored = site.answers(), counted(site.told())

    assert answers[device_id(1, 1)] - stored[device_id(1, 1)] in {0, 1}
    assert stored[device_id(0, 1)] >= 4


async def test_what_cannot_change_while_it_runs_is_named(tmp_path: Path, free_port: int) -> None:
    async with a_site(tmp_path, free_port, buses=1) as site:
        handover = site.handover([sensor(0, 1)])
        async with running(handover) as agent:
            other = site.handover(
                [sensor(0, 2)],
                gateway="gw-other",
                spool={"path": "elsewhere.db"},
                uplink={"broker": {"host": "controller.example", "tls": {}}},
            )
            with pytest.raises(ReloadRefusedError) as caught:
                await agent.apply(other)
            await polls(site, agent, 2)
    said = str(caught.value)

    assert caught.value.reason == "needs_restart"
    assert all(key in said for key in ("gateway", "spool.path", "uplink.broker", "restart"))
    assert {one.device for one in site.told()} == {device_id(0, 1)}


async def test_a_missing_key_file_changes_nothing(tmp_path: Path, free_port: int) -> None:
    async with a_site(tmp_path, free_port, buses=1) as site:
        broker = {"host": "127.0.0.1", "port": free_port}
        uplink = {"broker": broker, "command_key_file": str(tmp_path / "none.key")}
        other = site.handover([sensor(0, 2)], uplink=uplink)
        async with running(site.handover([sensor(0, 1)])) as agent:
            with pytest.raises(ReloadRefusedError, match="command key"):
                await agent.apply(other)
            await polls(site, agent, 2)

    assert {one.device for one in site.told()} == {device_id(0, 1)}


@asynccontextmanager
async def a_publisher(settings: MqttSettings) -> AsyncIterator[MqttSession]:
    async def ignore(_topic: str, _payload: bytes, _retained: bool) -> None:
        return

    session = MqttSession(settings, subscriptions=[], will=None, on_message=ignore)
    task = asyncio.create_task(session.run())
    try:
        await eventually(lambda: session.connected, "the publisher")
        yield session
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def door(name: str, topic: str) -> Device:
    return mqtt_device(name, "z2m-door-contact", interval_s=3600, friendly_name=topic)


async def test_sensors_of_a_local_broker_come_and_go(
    tmp_path: Path, mosquitto: servers.Mosquitto, gateway_id: str
) -> None:
    names = [f"{gateway_id}-{number}" for number in range(3)]
    first, second, third = (door(f"door-{at}", topic) for at, topic in enumerate(names))
    settings = MqttSettings(host=mosquitto.host, port=mosquitto.port)

    def with_doors(site: Site, *doors: Device) -> Handover:
        broker = {"host": mosquitto.host, "port": mosquitto.port}
        local = {"id": "zigbee", "broker": broker, "devices": doors}
        return site.handover([sensor(0, 1)], mqtt_sources=[local])

    async def say(publisher: MqttSession, topic: str, battery: int) -> None:
        text = f'{{"contact": true, "battery": {battery}, "voltage": 3000}}'
        await publisher.publish(f"zigbee2mqtt/{topic}", text.encode())

    async with (
        a_site(tmp_path, mosquitto.port, buses=1) as site,
        a_publisher(settings) as publisher,
    ):
        async with running(with_doors(site, first, second)) as agent:
            session = agent._sources._brokers["zigbee"]._session
            await eventually(lambda: session.connected, "subscribed")
            for at in (0, 1):
                await say(publisher, names[at], 10 + at)
            await eventually(lambda: agent._sources._brokers["zigbee"]._listeners["door-1"].seen)
            plan = await agent.apply(with_doors(site, third, second))
            assert plan.replanned == ("zigbee",)
            await eventually(lambda: any(names[2] in one for one, _ in session._subscribed))
            for battery in range(20, 30):  # the broker may still be subscribing
                for at in (0, 1, 2):
                    await say(publisher, names[at], battery + at)
                await asyncio.sleep(0.05)
            listeners = agent._sources._brokers["zigbee"]._listeners
            assert listeners["door-2"].seen
            assert listeners["door-1"].seen
        told = site.told()

    batteries: dict[str, list[float | None]] = {"door-0": [], "door-1": [], "door-2": []}
    for one in told:
        if "battery" in one.points:
            batteries[one.device].append(one.values[one.points.index("battery")])
    assert batteries["door-0"] == [10]
    assert batteries["door-1"] == [11, *range(21, 31)]
    assert set(batteries["door-2"]) <= set(range(22, 32))
    assert 31 in batteries["door-2"]
