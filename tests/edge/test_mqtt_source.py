"""The local broker as a source: decoding, rate, silence; and with a real broker, end to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import orjson
import pytest

from campus_wire.quality import Quality
from device_profiles.library import Library
from edge_agent.inventory import build_inventory
from edge_agent.mqtt_listener import MESSAGES_BURST, MESSAGES_PER_S
from edge_agent.mqtt_source import BROKER_GRACE_S, MqttSource
from tests.edge.fakes import LIBRARY, FakeClock, RealClock, RecordingSink, edge_config, mqtt_device
from tests.support.servers import Mosquitto

CLIMATE = "zigbee2mqtt-xiaomi-weather"
TOPIC = "zigbee2mqtt/th-1"


class Rig:
    def __init__(
        self,
        *devices: dict[str, Any],
        port: int = 1883,
        clock: Any = None,
        library: Library = LIBRARY,
    ) -> None:
        self.clock = clock or FakeClock()
        self.sink = RecordingSink()
        config = edge_config(
            mqtt=devices or [mqtt_device("th-1", CLIMATE, friendly_name="th-1")], mqtt_port=port
        )
        self.inventory = build_inventory(config, library)
        self.source = MqttSource(
            config.mqtt_sources[0],
            self.inventory.on_mqtt_source("broker"),
            sink=self.sink,
            clock=self.clock,
        )
        self.source._down_since_s = None  # as if connected

    async def say(self, topic: str = TOPIC, *, retained: bool = False, **values: Any) -> None:
        await self.source.on_message(topic, orjson.dumps(values), retained)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.2)):
            self.clock.advance(0.2)
            self.source.look()

    def said(self, device: int = 0) -> list[dict[str, tuple[float | None, int]]]:
        """What was delivered, by the names of the points."""
        names = [point.name for point in self.inventory.catalog.points]
        return [
            {
                names[point]: (value, quality)
                for point, value, quality in zip(
                    sample.points, sample.values, sample.qualities, strict=True
                )
            }
            for sample in self.sink.of(device)
        ]


async def test_a_message_becomes_a_sample_of_each_class() -> None:
    rig = Rig()
    await rig.say(temperature=21.5, humidity=40, battery=90)

    assert rig.said() == [
        {"temperature": (21.5, 0), "relative_humidity": (40, 0)},
        {"battery": (90, 0)},
    ]
    assert {sample.time_ns for _, sample in rig.sink.samples} == {rig.clock.now_ns()}


async def test_a_partial_message_says_nothing_of_the_other_points() -> None:
    rig = Rig()
    await rig.say(temperature=21.5)
    await rig.say(unknown=1)

    assert rig.said() == [{"temperature": (21.5, 0)}]


async def test_a_retained_value_is_uncertain_and_proves_no_life() -> None:
    rig = Rig()
    await rig.say(retained=True, temperature=21.5)
    assert rig.said() == [{"temperature": (21.5, Quality.REPEATED)}]

    rig.pass_time(200)
    assert rig.said()[-1] == dict.fromkeys(
        ("battery", "battery_voltage", "link_quality"), (None, Quality.DEVICE_OFFLINE)
    )


async def test_what_waited_while_the_process_stood_still_has_no_sure_time() -> None:
    rig = Rig()
    rig.source.beat()
    rig.clock.advance(120)
    await rig.say(temperature=21.5)
    rig.source.beat()
    await rig.say(temperature=22.0)
    rig.clock.advance(1.5)
    rig.source.beat()
    await rig.say(temperature=23.0)

    assert [one["temperature"] for one in rig.said()] == [
        (21.5, Quality.UNCERTAIN),
        (22.0, Quality.UNCERTAIN),
        (23.0, Quality.GOOD),
    ]


async def test_a_silent_device_is_bad_once_and_good_with_its_next_message() -> None:
    rig = Rig()
    await rig.say(temperature=21.5)
    rig.pass_time(170)
    assert len(rig.sink.samples) == 1

    rig.pass_time(600)
    offline = [quality for one in rig.said()[1:] for _, quality in one.values()]
    assert len(offline) == 6  # every point once
    assert set(offline) == {Quality.DEVICE_OFFLINE}

    await rig.say(temperature=22.0)
    assert rig.said()[-1] == {"temperature": (22.0, 0)}


async def test_word_of_absence_counts_at_once_and_once() -> None:
    rig = Rig()
    await rig.say(temperature=21.5)
    await rig.source.on_message(f"{TOPIC}/availability", b'{"state":"offline"}', True)
    await rig.source.on_message(f"{TOPIC}/availability", b"offline", False)

    assert sum(len(one) for one in rig.said()) == 7
    assert rig.said()[-1]["battery"] == (None, Quality.DEVICE_OFFLINE)
    await rig.source.on_message(f"{TOPIC}/availability", b"online", False)
    assert sum(len(one) for one in rig.said()) == 7


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff\xfe", b"[" * 10_000, b"null", b"x" * 100_000, b'{"temperature":'],
    ids=lambda payload: f"{payload[:8]!r}",
)
async def test_a_broken_message_is_refused_and_the_next_good_one_counts(payload: bytes) -> None:
    rig = Rig()
    await rig.source.on_message(TOPIC, payload, False)
    await rig.say(temperature=21.5)

    assert rig.said()[-1] == {"temperature": (21.5, 0)}
    before = [quality for one in rig.said()[:-1] for _, quality in one.values()]
    assert set(before) <= {Quality.GARBLED}


@pytest.mark.parametrize("value", [None, "nonsense", True, [1], {"a": 1}, 1e400, "NaN", 999])
async def test_a_value_that_is_none_is_bad(value: Any) -> None:
    rig = Rig()
    text = b"1e400" if value == 1e400 else orjson.dumps(value)
    await rig.source.on_message(TOPIC, b'{"temperature":' + text + b"}", False)

    for one in rig.said():
        for number, quality in one.values():
            assert (number is None) == (quality >= Quality.BAD)
    await rig.say(temperature=21.5)
    assert rig.said()[-1] == {"temperature": (21.5, 0)}


async def test_a_flood_of_one_device_is_thinned_to_its_newest_values() -> None:
    flood = mqtt_device("th-1", CLIMATE, friendly_name="th-1")
    calm = mqtt_device("th-2", CLIMATE, friendly_name="th-2")
    rig = Rig(flood, calm)
    sent = 0
    for _ in range(100):  # 10 s of 1,000 messages a second
        for _ in range(100):
            sent += 1
            await rig.say(temperature=sent % 80)
        await rig.say("zigbee2mqtt/th-2", temperature=sent % 80)
        rig.pass_time(0.2)  # looks every 0.2 s: 20 s in all
    rig.pass_time(1.0)

    assert len(rig.sink.of(1)) == 100
    assert len(rig.sink.of(0)) <= MESSAGES_BURST + MESSAGES_PER_S * 21 + 1
    assert rig.said(0)[-1] == {"temperature": (sent % 80, 0)}
    assert rig.source.dropped + len(rig.sink.of(0)) == sent


async def test_a_lost_broker_turns_values_bad_after_its_grace() -> None:
    rig = Rig()
    await rig.say(temperature=21.5)
    await rig.source._on_down()
    rig.pass_time(BROKER_GRACE_S - 1)
    assert len(rig.sink.samples) == 1

    rig.pass_time(5)
    qualities = [quality for one in rig.said()[1:] for _, quality in one.values()]
    assert qualities == [Quality.NOT_CONNECTED] * 6
    await rig.source._on_up()
    await rig.say(temperature=21.0)
    assert rig.said()[-1] == {"temperature": (21.0, 0)}


@pytest.mark.parametrize(
    ("device", "point", "reason"),
    [
        ("nobody", "x", "unknown_device"),
        ("th-1", "x", "unknown_point"),
        ("th-1", "temperature", "read_only"),
    ],
)
async def test_what_the_profile_does_not_allow_is_refused(
    device: str, point: str, reason: str
) -> None:
    rig = Rig()

    assert rig.source.refusal(device, point, 1) == reason
    result = await rig.source.write(device, point, 1, timeout_s=0.1)
    assert (result.outcome, result.reason) == ("failed", reason)


# --- a real broker ------------------------------------------------------------------------------


@asynccontextmanager
async def running(source: MqttSource) -> AsyncIterator[None]:
    task = asyncio.create_task(source.run())
    try:
        while not source._session.connected:  # noqa: ASYNC110 - the session tells nobody
            await asyncio.sleep(0.01)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.integration
async def test_values_come_through_a_real_broker(mosquitto: Mosquitto) -> None:
    rig = Rig(port=mosquitto.port)
    async with running(rig.source), aiomqtt.Client("127.0.0.1", mosquitto.port) as device:
        await device.publish(TOPIC, b'{"temperature": 19.5}', qos=1)
        while not rig.sink.samples:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    assert rig.said() == [{"temperature": (19.5, 0)}]
    assert await rig.source.read("th-1", "temperature", timeout_s=1) == 19.5


# --- commands -----------------------------------------------------------------------------------

PLUG = """
id: plug
vendor: test
model: smart plug
category: other
labels: {zh: 插座, en: plug}
evidence: bench
sources: [{ref: made up, kind: test}]
protocol: mqtt
mqtt: {topic: "z/{name}"}
points:
  - name: state
    labels: {zh: 开关, en: switch}
    states: {0: {zh: 关, en: off}, 1: {zh: 开, en: on}}
    read: {path: state, values: {"ON": 1, "OFF": 0}}
    write: {topic: "z/{name}/set", template: {state: $value}, values: {"ON": 1, "OFF": 0}}
"""


def plug_rig(folder: Path, port: int) -> Rig:
    (folder / "plug.yaml").write_text(PLUG, encoding="utf-8")
    return Rig(
        mqtt_device("plug-1", "plug", name="plug-1"),
        port=port,
        clock=RealClock(),
        library=Library.builtin(folder),
    )


@pytest.mark.integration
@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (b'{"state":"ON"}', "succeeded", ""),
        (b'{"state":"OFF"}', "failed", "read_back_differs"),
        (None, "unknown", "no_answer"),
    ],
)
async def test_a_write_is_published_once_and_read_back_from_the_next_message(
    mosquitto: Mosquitto, tmp_path: Path, answer: bytes | None, outcome: str, reason: str
) -> None:
    rig = plug_rig(tmp_path, mosquitto.port)
    heard: list[bytes] = []

    async def be_a_plug(device: aiomqtt.Client) -> None:
        await device.subscribe("z/plug-1/set", qos=1)
        await device.publish("z/plug-1", b'{"state":"OFF"}', qos=1)
        async for message in device.messages:
            assert isinstance(message.payload, bytes)
            heard.append(message.payload)
            if answer is not None:
                await device.publish("z/plug-1", answer, qos=1)
            return

    async with running(rig.source), aiomqtt.Client("127.0.0.1", mosquitto.port) as device:
        before = await rig.source.write("plug-1", "state", 1, timeout_s=0.1)
        plug = asyncio.create_task(be_a_plug(device))
        while not rig.sink.samples:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        result = await rig.source.write("plug-1", "state", 1, timeout_s=0.7)
        await plug

    assert (before.outcome, before.reason) == ("failed", "no_valid_reading")
    assert (result.outcome, result.reason) == (outcome, reason)
    assert heard == [b'{"state":"ON"}']


async def test_a_write_without_broker_fails_and_certainly_did_not_act(
    tmp_path: Path, free_port: int
) -> None:
    rig = plug_rig(tmp_path, free_port)
    await rig.say("z/plug-1", state="OFF")

    result = await rig.source.write("plug-1", "state", 1, timeout_s=0.1)

    assert (result.outcome, result.reason) == ("failed", "not_connected")
