"""Devices that publish to a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from firmware_sims.control import Controller
from firmware_sims.faults import FaultKind
from tests.sims.schools import described, device, plan, running
from tests.support.servers import Mosquitto

pytestmark = pytest.mark.integration


class Listener:
    """Everything published below a topic."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []

    async def take(self, topic: str, payload: bytes, retained: bool) -> None:
        self.heard.append((topic, payload, retained))

    def of(self, topic: str) -> list[bytes]:
        return [payload for heard, payload, _ in self.heard if heard == topic]


@asynccontextmanager
async def listening(port: int, topic: str) -> AsyncIterator[Listener]:
    listener = Listener()
    up = asyncio.Event()

    async def on_up() -> None:
        up.set()

    session = MqttSession(
        MqttSettings(host="127.0.0.1", port=port),
        subscriptions=[(topic, 1)],
        will=None,
        on_message=listener.take,
        on_up=on_up,
    )
    task = asyncio.create_task(session.run())
    try:
        async with asyncio.timeout(10):
            await up.wait()
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Any, timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what it waits for is in another process
            await asyncio.sleep(0.02)


def school(broker_port: int, name: str, *, interval_s: float = 0.2) -> dict[str, Any]:
    devices = [
        device(
            f"door-{name}",
            "z2m-door-contact",
            topic={"friendly_name": f"door-{name}"},
            interval_s=3600,
        ),
        device(
            f"weather-{name}",
            "zigbee2mqtt-xiaomi-weather",
            topic={"friendly_name": f"weather-{name}"},
            interval_s=interval_s,
            sequence_point="link_quality",
        ),
    ]
    source = {
        "id": "zigbee",
        "broker": {"host": "127.0.0.1", "port": broker_port},
        "bridge": f"bridge-{name}",
        "devices": devices,
    }
    return described(sources=(source,))


async def test_devices_publish_and_are_logged(mosquitto: Mosquitto, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    weather, door = "zigbee2mqtt/weather-m1", "zigbee2mqtt/door-m1"
    async with listening(mosquitto.port, "zigbee2mqtt/#") as listener:
        async with running(plan(school(mosquitto.port, "m1")), tmp_path, truth=truth):
            await until(lambda: len(listener.of(weather)) >= 5 and listener.of(door))
        heard = [json.loads(payload) for payload in listener.of(weather)]

    assert heard[0].keys() == {
        "temperature",
        "humidity",
        "pressure",
        "battery",
        "voltage",
        "linkquality",
    }
    assert [one["linkquality"] for one in heard] == list(range(1, len(heard) + 1))
    assert isinstance(json.loads(listener.of(door)[0])["contact"], bool)
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    logged = [line for line in lines if line["device"] == "weather-m1" and line.get("sure", True)]
    assert {line["how"] for line in logged} == {"mqtt"}
    # logged upon PUBACK: each logged message was heard (and perhaps one more)
    assert len(heard) - len(logged) in (0, 1)
    for line, message in zip(logged, heard, strict=False):
        assert line["values"]["temperature"] == message["temperature"]
        assert line["values"]["link_quality"] == message["linkquality"]


async def test_availability_and_bridge_are_retained(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with running(plan(school(mosquitto.port, "m2")), tmp_path) as one:
        await until(lambda: one.truth.readings > 0)
        async with (
            listening(mosquitto.port, "zigbee2mqtt/+/availability") as devices,
            listening(mosquitto.port, "bridge-m2/bridge/state") as bridge,
        ):
            topic = "zigbee2mqtt/door-m2/availability"
            await until(lambda: bridge.heard and devices.of(topic))

    assert bridge.heard[0] == ("bridge-m2/bridge/state", b'{"state":"online"}', True)
    assert devices.of(topic) == [b'{"state":"online"}']


async def test_a_device_that_is_gone_is_said_to_be(mosquitto: Mosquitto, tmp_path: Path) -> None:
    topic = "zigbee2mqtt/weather-m6"
    data = plan(school(mosquitto.port, "m6", interval_s=0.1))
    async with listening(mosquitto.port, f"{topic}/#") as listener, running(data, tmp_path) as one:
        await until(lambda: listener.of(topic))
        one.begin_fault("weather-m6", FaultKind.OFFLINE)
        availability = f"{topic}/availability"
        await until(lambda: listener.of(availability)[-1] == b'{"state":"offline"}')
        listener.heard.clear()
        await asyncio.sleep(0.5)
        assert listener.heard == []
        one.end_fault("weather-m6")
        await until(lambda: listener.of(topic))
        await until(lambda: listener.of(availability) == [b'{"state":"online"}'])


async def test_a_door_that_opens_is_published_at_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    topic = "zigbee2mqtt/door-m3"
    data = plan(school(mosquitto.port, "m3"))
    async with listening(mosquitto.port, topic) as listener, running(data, tmp_path) as one:
        one.control_area("r1", "door", 0)
        await until(lambda: listener.of(topic))
        one.control_area("r1", "door", 1)
        await until(lambda: json.loads(listener.of(topic)[-1])["contact"] is False)

    assert json.loads(listener.of(topic)[0])["contact"] is True
    assert len(listener.of(topic)) == 2


@pytest.mark.parametrize("kind", ["silence", "flood", "malformed", "stuck", "invalid"])
async def test_faults(mosquitto: Mosquitto, tmp_path: Path, kind: str) -> None:
    topic = f"zigbee2mqtt/weather-{kind}"
    data = plan(school(mosquitto.port, kind, interval_s=0.1))
    async with listening(mosquitto.port, topic) as listener, running(data, tmp_path) as one:
        controller = Controller(one, lambda: None)
        await until(lambda: listener.of(topic))
        order = {"do": "fault", "device": f"weather-{kind}", "kind": kind, "value": 500}
        assert controller.carry_out(json.dumps(order).encode())["ok"]
        await asyncio.sleep(0.2)
        listener.heard.clear()
        await asyncio.sleep(1.0)
        during = listener.of(topic)
        controller.carry_out(json.dumps({"do": "clear", "device": f"weather-{kind}"}).encode())
        await asyncio.sleep(0.3)
        listener.heard.clear()
        await until(lambda: listener.of(topic))
        assert "temperature" in json.loads(listener.of(topic)[-1])

    if kind == "silence":
        assert during == []
    elif kind == "flood":
        assert len(during) > 100
    elif kind == "malformed":
        assert len(set(during)) > 3
    elif kind == "stuck":
        assert len({json.loads(one)["temperature"] for one in during}) == 1
    else:
        assert all(json.loads(one)["temperature"] is None for one in during)


async def test_what_the_broker_never_confirmed_is_marked(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    topic = "zigbee2mqtt/weather-m5"
    with Mosquitto(tmp_path / "broker") as broker:
        data = school(broker.port, "m5", interval_s=0.1)
        data["gateways"][0]["mqtt_sources"][0]["broker"]["timeout_s"] = 0.3
        data["gateways"][0]["mqtt_sources"][0]["broker"]["keepalive_s"] = 1
        async with running(plan(data), tmp_path, truth=truth) as one:
            await until(lambda: one.truth.readings > 3)
            broker.pause()
            await asyncio.sleep(1.0)
            broker.resume()
            before = one.truth.readings
            await until(lambda: one.truth.readings > before + 3)
            async with listening(broker.port, topic) as listener:
                await until(lambda: listener.of(topic))

    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    assert [line for line in lines if line.get("sure") is False]
    assert [line for line in lines if "sure" not in line]
