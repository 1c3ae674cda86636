"""Devices that describe themselves: kept, joined with the configuration, taken up while running."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from campus_wire.catalog import decode_catalog
from campus_wire.config_file import ConfigFileError
from campus_wire.session import MqttSession
from campus_wire.settings import MqttSettings
from device_profiles.sparkplug.payload import Metric, Payload, encode_payload
from edge_agent.config_check import LoadedConfig, load_config
from edge_agent.dialect_store import descriptions_path, load_descriptions, save_descriptions
from edge_agent.dialect_watch import DialectWatch
from edge_agent.inventory import build_inventory
from tests.edge.kit import FakeController, eventually
from tests.support import servers

NAME = {"zh": "测试", "en": "test"}
BRIDGE = "zigbee2mqtt/bridge/devices"


def zigbee(*names: str, unit: str = "°C") -> bytes:
    exposes = [
        {"type": "numeric", "name": "temperature", "property": "temperature", "access": 1}
        | {"unit": unit},
        {"type": "binary", "name": "smoke", "property": "smoke", "access": 1}
        | {"value_on": True, "value_off": False},
        {"type": "binary", "name": "alarm", "property": "alarm", "access": 7}
        | {"value_on": "ON", "value_off": "OFF"},
    ]
    definition = {"model": "M-1", "vendor": "Maker", "exposes": exposes}
    return json.dumps(
        [
            {"ieee_address": f"0x{at}", "friendly_name": name, "definition": definition}
            for at, name in enumerate(names)
        ]
    ).encode()


def device(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "profile": "dialect:zigbee2mqtt",
        "area": "r1",
        "name": NAME,
        "interval_s": 60,
        "topic": {"friendly_name": name},
    } | more


class Site:
    """A configuration in a folder, with what was heard on its broker."""

    def __init__(self, folder: Path, port: int = 1883, gateway: str = "gw-test") -> None:
        self.folder = folder
        self.port = port
        self.gateway = gateway
        self.spool = folder / "spool.db"

    @property
    def path(self) -> Path:
        return self.folder / "edge.yaml"

    def write(self, *devices: dict[str, Any], **more: Any) -> Path:
        broker = {"host": "127.0.0.1", "port": self.port}
        plain = {
            "gateway": self.gateway,
            "school": {"id": "s1", "name": NAME},
            "areas": [{"id": "r1", "kind": "classroom", "name": NAME}],
            "uplink": {"broker": broker},
            "spool": {"path": str(self.spool), "max_mb": 8, "disk_reserve_mb": 0},
            "clock": {"source": "system"},
            "mqtt_sources": [{"id": "zb", "broker": broker, "devices": list(devices)}],
        }
        self.path.write_text(json.dumps(plain | more), encoding="utf-8")
        return self.path

    def heard(self, messages: dict[str, bytes]) -> None:
        save_descriptions(descriptions_path(self.spool, "zb"), messages)

    def load(self) -> LoadedConfig:
        return load_config(self.path)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


# --- the file ------------------------------------------------------------------------------------


def test_descriptions_outlive_a_restart_whatever_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    heard = {BRIDGE: "[室]".encode(), "spBv1.0/g/NBIRTH/n": b"\x08\xff\x00"}

    save_descriptions(path, heard)

    assert load_descriptions(path) == heard
    assert [one.name for one in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"v": 2, "heard": {}}', b'{"v": 1, "heard": {"a": 3}}']
)
def test_a_damaged_file_is_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)

    assert load_descriptions(path) == {}
    assert load_descriptions(tmp_path / "missing.json") == {}


# --- the configuration ---------------------------------------------------------------------------


def test_a_described_device_has_its_profile(site: Site) -> None:
    site.write(device("lab"))
    site.heard({BRIDGE: zigbee("lab")})

    loaded = site.load()

    assert loaded.waiting == ()
    [one] = build_inventory(loaded.config, loaded.library).mqtt
    assert one.config.topic == {"friendly_name": "lab"}
    assert {point.name for point in one.points} == {"temperature", "smoke", "alarm", "link_quality"}
    assert one.profile.id == "zigbee2mqtt-M-1"


def test_a_renamed_device_is_found_by_its_id(site: Site) -> None:
    site.write(device("lab", topic={"id": "0x1"}))
    site.heard({BRIDGE: zigbee("other", "now called so")})

    [source] = site.load().config.mqtt_sources
    assert source.devices[0].topic == {"friendly_name": "now called so"}


def test_devices_that_say_the_same_share_the_catalogs_points(site: Site) -> None:
    site.write(device("a"), device("b"), device("c"))
    first, second = json.loads(zigbee("a", "b"))
    [third] = json.loads(zigbee("c", unit="°F"))
    site.heard({BRIDGE: json.dumps([first, second, third]).encode()})

    loaded = site.load()
    catalog = build_inventory(loaded.config, loaded.library).catalog

    assert catalog.devices[0].points == catalog.devices[1].points
    assert not set(catalog.devices[0].points) & set(catalog.devices[2].points)
    assert {one.profile for one in catalog.devices} == {"zigbee2mqtt-M-1"}


def test_who_was_not_described_yet_waits_and_the_others_run(site: Site) -> None:
    site.write(
        device("lab"),
        device("store"),
        interlocks=[
            {
                "id": "extract",
                "when": {"device": "store", "point": "smoke", "at_or_above": 1},
                "then": {"device": "lab", "point": "alarm", "value": 1},
                "on_sensor_lost": "hold",
            }
        ],
    )
    site.heard({BRIDGE: zigbee("lab")})

    loaded = site.load()

    assert [one.id for one in loaded.config.mqtt_sources[0].devices] == ["lab"]
    assert loaded.config.mqtt_sources[0].dialects == ("zigbee2mqtt",)
    assert loaded.config.interlocks == ()
    assert [str(one) for one in loaded.waiting] == [
        "device store waits: store has not described itself to zigbee2mqtt yet",
        "interlock extract waits: store has not described itself yet",
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"profile": "dialect:zigbee2mqt"}, "there is no dialect zigbee2mqt"),
        ({"profile": "zigbee2mqtt"}, "is a dialect, not a profile.*dialect:zigbee2mqtt"),
        ({"topic": {}}, "says which device"),
        ({"points": ["humidity"]}, "there is no point humidity"),
    ],
)
def test_mistakes_are_told(site: Site, more: dict[str, Any], message: str) -> None:
    site.write(device("lab", **more))
    site.heard({BRIDGE: zigbee("lab")})

    with pytest.raises(ConfigFileError, match=message):
        site.load()


def test_two_devices_of_one_name_are_told(site: Site) -> None:
    site.write(device("lab"))
    site.heard({BRIDGE: zigbee("lab"), f"second/{BRIDGE}": zigbee("lab")})

    with pytest.raises(ConfigFileError, match="fits 2 devices: 0x0, 0x0"):
        site.load()


def test_a_sparkplug_node_is_not_taken_for_its_devices(site: Site) -> None:
    payload = encode_payload(Payload(metrics=(Metric("Level", datatype=9, value=1.0),)))
    node = {"group_id": "g", "edge_node_id": "n"}
    more = {"profile": "dialect:sparkplug", "topic": node}
    site.write(device("node", **more))
    site.heard({"spBv1.0/g/NBIRTH/n": payload, "spBv1.0/g/DBIRTH/n/d": payload})

    [source] = site.load().config.mqtt_sources
    assert source.devices[0].topic == node


def test_a_configuration_without_dialects_is_as_before(site: Site) -> None:
    site.write(device("lab", profile="z2m-door-contact"))

    loaded = site.load()

    assert loaded.config.mqtt_sources[0].dialects == ()
    assert loaded.config.mqtt_sources[0].devices[0].profile == "z2m-door-contact"


# --- listening -----------------------------------------------------------------------------------


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


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[servers.Mosquitto]:
    with servers.Mosquitto(tmp_path / "broker") as one:  # what is retained is this test's own
        yield one


@pytest.mark.integration
async def test_what_is_heard_is_kept_and_said_once(
    broker: servers.Mosquitto, tmp_path: Path
) -> None:
    settings = MqttSettings(host=broker.host, port=broker.port)
    path = tmp_path / "heard.json"
    calls: list[int] = []

    async def on_described() -> None:
        calls.append(len(load_descriptions(path)))

    watch = DialectWatch(
        "zb",
        settings,
        ("zigbee2mqtt", "homeassistant", "tasmota"),
        path=path,
        on_described=on_described,
        settle_s=0.2,
        lift_s=0.2,
    )
    config = "homeassistant/sensor/a/config"
    async with a_publisher(settings) as publisher:
        await publisher.publish(BRIDGE, zigbee("lab"), retain=True)
        task = asyncio.create_task(watch.run())
        try:
            await eventually(lambda: calls == [1], "the retained list")
            await publisher.publish(config, b'{"stat_t":"a"}', retain=True)
            await eventually(lambda: calls == [1, 2], "another description")
            await publisher.publish(BRIDGE, zigbee("lab"), retain=True)
            for value in range(5):
                said = f'{{"AM2301":{{"Temperature":{value}}},"TempUnit":"C"}}'
                await publisher.publish("tele/t/SENSOR", said.encode())
            await eventually(lambda: calls == [1, 2, 3], "the form of an ordinary message")
            await publisher.publish(config, b"", retain=True)
            await eventually(lambda: calls == [1, 2, 3, 2], "a description taken back")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    assert json.loads(load_descriptions(path)["tele/t/SENSOR"])["AM2301"] == {"Temperature": 0}


@pytest.mark.integration
async def test_a_device_runs_once_it_has_described_itself(
    broker: servers.Mosquitto, tmp_path: Path, gateway_id: str
) -> None:
    site = Site(tmp_path, broker.port, gateway_id)
    site.write(device("lab"))
    settings = MqttSettings(host=broker.host, port=broker.port)
    controller = FakeController(settings, gateway_id)

    def devices() -> list[str]:
        if not controller.catalogs:
            return []
        return [one.id for one in decode_catalog(controller.catalogs[-1][0])[1].devices]

    async with asyncio.TaskGroup() as group, a_publisher(settings) as publisher:
        listening = group.create_task(controller.run())
        await eventually(lambda: controller.connected, "the controller")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "campus_cli.main", "edge", "run", "-c", str(site.path)),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await eventually(lambda: bool(controller.catalogs), "the agent without devices")
            assert devices() == []
            await publisher.publish(BRIDGE, zigbee("lab"), retain=True)
            await eventually(lambda: devices() == ["lab"], "the described device", timeout_s=40)
            while not controller.batches:
                await publisher.publish("zigbee2mqtt/lab", b'{"temperature":21.5,"smoke":false}')
                await asyncio.sleep(0.2)
        finally:
            process.terminate()
            await process.wait()
            listening.cancel()

    values = [
        value
        for _, batch in controller.batches
        for block in batch.blocks
        for column in block.columns
        for value in column
    ]
    assert values
    assert set(values) <= {21.5, 0.0}
