"""Sparkplug B over a real broker: a node that speaks by Google's library, and our source."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from campus_wire.quality import Quality
from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from edge_agent.config import EdgeConfig
from edge_agent.dialect_devices import DescribedLibrary, describe_devices
from edge_agent.inventory import Inventory, build_inventory
from edge_agent.mqtt_source import MqttSource
from tests.edge.fakes import LIBRARY, NAME, RealClock, RecordingSink
from tests.edge.kit import eventually
from tests.profiles.sparkplug.google_payload import GooglePayload
from tests.support import servers

pytestmark = pytest.mark.integration

T0 = time.time_ns() // 1_000_000
FLOAT, BOOLEAN, INT64 = 9, 11, 4


class Node:
    """An edge node with one device; it answers requests as a device would."""

    def __init__(self, settings: MqttSettings) -> None:
        self.seq = 0
        self.births = 0
        self.relay = False
        self.session = MqttSession(
            settings,
            subscriptions=[("spBv1.0/g/NCMD/n", 1), ("spBv1.0/g/DCMD/n/d", 1)],
            will=None,
            on_message=self._on_command,
        )

    async def _on_command(self, _topic: str, payload: bytes, _retained: bool) -> None:
        [metric] = GooglePayload.FromString(payload).metrics
        if metric.name == "Node Control/Rebirth" and metric.boolean_value:
            await self.be_born()
        elif metric.name == "Outputs/Relay":
            self.relay = metric.boolean_value
            await self.say(lambda one: _fill(one.metrics.add(alias=2), boolean_value=self.relay))

    async def be_born(self) -> None:
        self.births += 1
        self.seq = -1
        await self._publish("NBIRTH/n", lambda one: _named(one, "bdSeq", INT64, long_value=1))
        await self._publish("DBIRTH/n/d", self._device)

    def _device(self, payload: Any) -> None:
        _named(payload, "Inputs/Temperature", FLOAT, alias=1, float_value=21.5)
        _named(payload, "Outputs/Relay", BOOLEAN, alias=2, boolean_value=self.relay)

    async def say(self, fill: Callable[[Any], None], *, lose: int = 0) -> None:
        self.seq += lose
        await self._publish("DDATA/n/d", fill)

    async def die(self) -> None:
        will = GooglePayload()
        _named(will, "bdSeq", INT64, long_value=1)
        await self.session.publish("spBv1.0/g/NDEATH/n", will.SerializeToString())

    async def _publish(self, tail: str, fill: Callable[[Any], None]) -> None:
        self.seq = (self.seq + 1) % 256
        payload = GooglePayload(timestamp=T0, seq=self.seq)
        fill(payload)
        await self.session.publish(f"spBv1.0/g/{tail}", payload.SerializeToString())


def _named(payload: Any, name: str, datatype: int, **more: Any) -> None:
    payload.metrics.add(name=name, datatype=datatype, timestamp=T0, **more)


def _fill(metric: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(metric, name, value)


def birth() -> bytes:
    payload = GooglePayload(timestamp=T0, seq=1)
    _named(payload, "Inputs/Temperature", FLOAT, alias=1, float_value=21.5)
    _named(payload, "Outputs/Relay", BOOLEAN, alias=2, boolean_value=False)
    data: bytes = payload.SerializeToString()
    return data


def configured(tmp_path: Path, settings: MqttSettings) -> tuple[EdgeConfig, Inventory]:
    broker = {"host": settings.host, "port": settings.port}
    plain = {
        "gateway": "gw-test",
        "school": {"id": "s1", "name": NAME},
        "areas": [{"id": "r1", "kind": "classroom", "name": NAME}],
        "uplink": {"broker": broker},
        "spool": {"path": str(tmp_path / "spool.db")},
        "mqtt_sources": [
            {
                "id": "plc",
                "broker": broker,
                "devices": [
                    {
                        "id": "press",
                        "profile": "dialect:sparkplug",
                        "area": "r1",
                        "name": NAME,
                        "interval_s": 60,
                        "topic": {"id": "g/n/d"},
                    }
                ],
            }
        ],
    }
    config = EdgeConfig.model_validate_json(orjson.dumps(plain))
    described = describe_devices(config, lambda _source: {"spBv1.0/g/DBIRTH/n/d": birth()})
    library = DescribedLibrary(LIBRARY, described.profiles)
    return described.config, build_inventory(described.config, library)


@asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_births_data_loss_death_and_commands(
    mosquitto: servers.Mosquitto, tmp_path: Path
) -> None:
    settings = MqttSettings(host=mosquitto.host, port=mosquitto.port)
    config, inventory = configured(tmp_path, settings)
    sink = RecordingSink()
    source = MqttSource(config.mqtt_sources[0], inventory.mqtt, sink=sink, clock=RealClock())
    node = Node(settings)
    names = {at: name for name, at in inventory.mqtt[0].point_indices.items()}

    def told() -> list[dict[str, Any]]:
        samples = [sample for _, sample in sink.samples]
        return [
            dict(zip((names[at] for at in one.points), one.values, strict=True)) for one in samples
        ]

    def qualities() -> set[int]:
        _, sample = sink.samples[-1]
        return set(sample.qualities)

    async with running(node.session):
        await eventually(lambda: node.session.connected, "the node")
        async with running(source):
            await eventually(lambda: node.births == 1, "asked to be born as soon as it listens")
            await eventually(lambda: {"temperature": 21.5, "relay": 0} in told(), "its birth")

            await node.say(lambda one: _fill(one.metrics.add(alias=1), float_value=22.5))
            await eventually(lambda: {"temperature": 22.5} in told(), "data by alias")

            result = await source.write("press", "relay", 1, timeout_s=10)
            assert result.outcome == "succeeded"
            assert node.relay

            await node.say(lambda one: _fill(one.metrics.add(alias=1), float_value=99.0), lose=1)
            await node.die()
            await eventually(lambda: qualities() == {Quality.DEVICE_OFFLINE}, "its death")
            assert {"temperature": 99.0} not in told()
