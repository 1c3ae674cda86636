"""Devices on a real broker that obey, and keep what nobody heard."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from device_profiles.library import Library
from device_profiles.messages import MessageDecoder
from device_profiles.model import MqttProfile
from firmware_sims.faults import FaultKind
from tests.sims.schools import described, device, plan, running
from tests.sims.test_mqtt import listening, until
from tests.support.servers import Mosquitto

pytestmark = pytest.mark.integration


def source(port: int, *devices: dict[str, Any]) -> dict[str, Any]:
    broker = {"host": "127.0.0.1", "port": port}
    return {"id": "local", "broker": broker, "bridge": None, "devices": list(devices)}


async def publish(port: int, topic: str, payload: object) -> None:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    process = await asyncio.create_subprocess_exec(
        "mosquitto_pub", "-p", str(port), "-t", topic, "-s", stdin=asyncio.subprocess.PIPE
    )
    await process.communicate(data)


def uplinks(heard: list[bytes]) -> list[str]:
    return [base64.b64decode(json.loads(one)["data"]).hex() for one in heard]


async def test_a_downlink_switches_a_plug(mosquitto: Mosquitto, tmp_path: Path) -> None:
    places = {"application": "a1", "dev_eui": "24e124148b000001"}
    base = "application/a1/device/24e124148b000001"
    plug = device("plug-1", "milesight-ws523", topic=places, interval_s=3600)
    data = plan(described(sources=(source(mosquitto.port, plug),)))
    truth = tmp_path / "truth.jsonl"
    async with (
        listening(mosquitto.port, f"{base}/event/up") as listener,
        running(data, tmp_path, truth=truth) as school,
    ):
        await until(lambda: listener.of(f"{base}/event/up"))
        down = {"devEui": places["dev_eui"], "confirmed": False, "fPort": 85}
        frame = base64.b64encode(bytes.fromhex("080000FF")).decode()
        await publish(mosquitto.port, f"{base}/command/down", {**down, "data": frame, "fPort": 9})
        await publish(mosquitto.port, f"{base}/command/down", b"\xff{")
        await publish(mosquitto.port, f"{base}/command/down", {**down, "data": frame})
        await until(lambda: len(listener.of(f"{base}/event/up")) >= 2)
        shown = dict(school.device("plug-1").shown)

    frames = uplinks(listener.of(f"{base}/event/up"))
    assert "087001" in frames[0]
    assert "087000" in frames[1]
    assert shown["switch"] == 0
    written = [json.loads(line) for line in truth.read_text().splitlines() if "written" in line]
    assert [one["written"] for one in written] == [{"switch": 0}]


async def test_a_setpoint_changes_the_room(mosquitto: Mosquitto, tmp_path: Path) -> None:
    valve = device(
        "valve-1",
        "dialect:zigbee2mqtt",
        quantities=["temperature_setpoint", "temperature"],
        topic={"friendly_name": "valve-1"},
        interval_s=3600,
    )
    data = described(sources=(source(mosquitto.port, valve),), compression=600)
    topic = "zigbee2mqtt/valve-1"
    async with (
        listening(mosquitto.port, "zigbee2mqtt/#") as listener,
        running(plan(data), tmp_path) as school,
    ):
        await until(lambda: listener.of(topic))
        for wanted in ({"current_heating_setpoint": 99}, {"current_heating_setpoint": "warm"}, 5):
            await publish(mosquitto.port, f"{topic}/set", wanted)
        await publish(mosquitto.port, f"{topic}/set", {"current_heating_setpoint": 28})
        await until(lambda: len(listener.of(topic)) >= 2)
        [before, after] = [json.loads(one) for one in listener.of(topic)[:2]]
        room = school.world.areas["r1"]
        first_c = room.quantity("temperature")
        await until(lambda: room.quantity("temperature") > first_c + 0.5)

    assert before["current_heating_setpoint"] != 28
    assert after["current_heating_setpoint"] == 28
    listed = json.loads(listener.of("zigbee2mqtt/bridge/devices")[0])
    assert [one["friendly_name"] for one in listed] == ["Coordinator", "valve-1"]


async def test_what_nobody_heard_is_told_afterwards(mosquitto: Mosquitto, tmp_path: Path) -> None:
    places = {"application": "a1", "device_id": "em300-1"}
    topic = "v3/a1/devices/em300-1/up"
    sensor = device("em-1", "milesight-em300-th", topic=places, interval_s=0.5)
    data = plan(described(sources=(source(mosquitto.port, sensor),)))
    truth = tmp_path / "truth.jsonl"
    async with (
        listening(mosquitto.port, topic) as listener,
        running(data, tmp_path, truth=truth) as school,
    ):
        await until(lambda: listener.of(topic))
        school.begin_fault("em-1", FaultKind.SILENCE)
        await asyncio.sleep(2.2)
        listener.heard.clear()
        school.end_fault("em-1")
        await until(lambda: len(listener.of(topic)) >= 2)

    profile = Library.builtin().get("milesight-em300-th")
    assert isinstance(profile, MqttProfile)
    [past, *_] = [
        MessageDecoder(profile, places).say(topic, payload) for payload in listener.of(topic)
    ]
    assert len(past) >= 2
    assert all(saying.is_history for saying in past)
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    for saying in past:
        values = {one.point: pytest.approx(one.value) for one in saying.readings}
        assert any(line["t"] == saying.time_ns and line["values"] == values for line in lines)


async def test_devices_with_a_connection_of_their_own_have_a_will(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    plug = device(
        "plug-1",
        "dialect:tasmota",
        quantities=["relay", "active_power"],
        topic={"topic": "plug-1"},
        interval_s=1,
    )
    other = {**plug, "id": "plug-2", "topic": {"topic": "plug-2"}}
    data = plan(described(sources=(source(mosquitto.port, plug, other),)))
    async with listening(mosquitto.port, "#") as listener, running(data, tmp_path) as school:
        assert len(school.publishers[0].publishers) == 2
        await until(lambda: listener.of("tele/plug-1/STATE") and listener.of("tele/plug-2/LWT"))
        await publish(mosquitto.port, "cmnd/plug-1/POWER", b"TOGGLE")
        await until(lambda: listener.of("stat/plug-1/RESULT"))
        school.begin_fault("plug-2", FaultKind.OFFLINE)
        await until(lambda: b"Offline" in listener.of("tele/plug-2/LWT"))
        listener.heard.clear()
        school.end_fault("plug-2")
        await until(lambda: listener.of("tele/plug-2/LWT") == [b"Online"])
