"""The local broker as a source: times of their own, history, texts, shared topics, reload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.quality import Quality
from device_profiles.library import Library
from edge_agent.clock import BUILD_NS
from edge_agent.inventory import build_inventory
from edge_agent.mqtt_listener import TEXTS_BURST
from edge_agent.mqtt_source import MqttSource
from tests.edge.fakes import (
    FakeClock,
    RecordingEvents,
    RecordingSink,
    S,
    edge_config,
    mqtt_device,
)

HEAD = """
vendor: test
model: made up
category: other
labels: {zh: 测试, en: test}
evidence: bench
sources: [{ref: made up, kind: test}]
protocol: mqtt
"""
METER = (
    "id: meter"
    + HEAD
    + """
mqtt:
  topic: m/{name}
  time: {path: ts}
  messages:
    - {name: log, topic: "m/{name}/log", records: {path: r, time: {path: ts}}}
    - {name: old, topic: "m/{name}/old", format: hex, codec: {tlv: {entries: [
        {header: "01", time: {data_type: uint32}, fields: [{name: t, at: 4, data_type: int8}]}]}}}
points:
  - name: temperature
    unit: °C
    labels: {zh: 温度, en: temperature}
    read: {path: t, also: [{message: log, path: t}, {message: old, path: t}]}
  - name: fault
    class: safety
    labels: {zh: 故障, en: fault}
    read: {path: f}
  - name: uid
    labels: {zh: 卡号, en: card}
    read: {path: uid, data_type: string}
  - name: firmware
    labels: {zh: 固件, en: firmware}
    read: {path: fw, data_type: string, on_change: true}
"""
)
BEACON = (
    "id: beacon"
    + HEAD
    + """
mqtt: {topic: "gw/+/beacons", captures: [mac]}
points:
  - name: temperature
    unit: °C
    labels: {zh: 温度, en: temperature}
    read: {path: "[mac={mac}].t"}
"""
)


@dataclass
class DatedRecorder:
    samples: list[tuple[SampleClass, Sample, bool]] = field(default_factory=list)

    def accept_dated(
        self, samples: Sequence[Sample], sample_class: SampleClass, *, is_fresh: bool
    ) -> None:
        self.samples += [(sample_class, sample, is_fresh) for sample in samples]


class Rig:
    def __init__(self, folder: Path, *devices: dict[str, Any]) -> None:
        (folder / "meter.yaml").write_text(METER, encoding="utf-8")
        (folder / "beacon.yaml").write_text(BEACON, encoding="utf-8")
        self.library = Library.builtin(folder)
        self.clock = FakeClock()
        self.sink = RecordingSink()
        self.dated = DatedRecorder()
        self.events = RecordingEvents()
        devices = devices or (mqtt_device("m-1", "meter", name="one"),)
        config = edge_config(mqtt=devices)
        self.inventory = build_inventory(config, self.library)
        self.source = MqttSource(
            config.mqtt_sources[0],
            self.inventory.on_mqtt_source("broker"),
            sink=self.sink,
            clock=self.clock,
            dated=self.dated,
            events=self.events,
        )
        self.source._down_since_s = None  # as if connected

    @property
    def now_s(self) -> int:
        return self.clock.now_ns() // S

    async def say(self, topic: str = "m/one", *, retained: bool = False, **values: Any) -> None:
        await self.source.on_message(topic, orjson.dumps(values), retained)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.2)):
            self.clock.advance(0.2)
            self.source.look()

    def said(self) -> list[tuple[int, float | None, int, bool]]:
        """Dated samples: how old they are in s, value, quality, whether they are fresh."""
        return [
            (self.now_s - sample.time_ns // S, sample.values[0], sample.qualities[0], is_fresh)
            for _, sample, is_fresh in self.dated.samples
        ]

    def texts(self) -> list[tuple[Any, Any]]:
        return [(one.attributes["point"], one.attributes["text"]) for one in self.events.events]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_a_sample_has_the_time_that_its_device_says(rig: Rig) -> None:
    await rig.say(t=21, ts=rig.now_s - 3)

    assert rig.said() == [(3, 21, 0, True)]
    assert rig.sink.samples == []


@pytest.mark.parametrize("ahead_s", [1, 599, 601, 86_400, 10**9])
async def test_a_time_ahead_of_now_is_the_time_of_receipt(rig: Rig, ahead_s: int) -> None:
    await rig.say(t=21, ts=rig.now_s + ahead_s)

    [(_, sample)] = rig.sink.samples
    assert (sample.time_ns, sample.values, sample.qualities) == (rig.clock.now_ns(), (21,), (0,))


@pytest.mark.parametrize("ts", [0, -5, 12, 2**31, 2**63, BUILD_NS // S - 1, "x", None])
async def test_an_impossible_time_is_the_time_of_receipt(rig: Rig, ts: Any) -> None:
    await rig.say(t=21, ts=ts)

    [(_, sample)] = rig.sink.samples
    assert (sample.time_ns, sample.values, sample.qualities) == (rig.clock.now_ns(), (21,), (0,))


async def test_before_the_clock_is_synced_the_time_of_receipt_counts(rig: Rig) -> None:
    rig.clock.is_synced = False
    await rig.say(t=21, ts=rig.now_s - 3)

    assert [sample.time_ns for _, sample in rig.sink.samples] == [rig.clock.now_ns()]


async def test_two_messages_of_one_second_are_two_samples(rig: Rig) -> None:
    ts = rig.now_s - 3
    for value in (21, 22, 22):
        await rig.say(t=value, f=0, ts=ts)

    times = [sample.time_ns for _, sample, _ in rig.dated.samples]
    assert len(set(times)) == len(times) == 6
    assert max(times) - min(times) < S // 10


async def test_what_was_measured_long_ago_is_not_fresh_and_proves_no_life(rig: Rig) -> None:
    await rig.say(t=21, ts=rig.now_s - 3_600)
    assert rig.said() == [(3_600, 21, 0, False)]
    assert await rig.source.read("m-1", "temperature", timeout_s=1) is None

    rig.pass_time(200)
    assert {quality for _, one in rig.sink.samples for quality in one.qualities} == {
        Quality.DEVICE_OFFLINE
    }


async def test_a_slow_device_lives_by_what_interlocks_are_not_shown(tmp_path: Path) -> None:
    rig = Rig(tmp_path, mqtt_device("m-1", "meter", name="one", interval_s=3_600))
    await rig.say(t=21, ts=rig.now_s - 3_000)

    assert rig.said() == [(3_000, 21, 0, False)]
    assert await rig.source.read("m-1", "temperature", timeout_s=1) == 21


async def test_records_are_late_samples_and_the_newest_is_what_is_said_now(rig: Rig) -> None:
    now_s = rig.now_s
    records = [{"ts": now_s - age, "t": age} for age in (120, 60, 2)]
    await rig.say("m/one/log", r=records)

    assert rig.said() == [(120, 120, 0, False), (60, 60, 0, False), (2, 2, 0, True)]
    assert await rig.source.read("m-1", "temperature", timeout_s=1) == 2


async def test_history_alone_proves_no_life(rig: Rig) -> None:
    payload = b"01" + (rig.now_s - 60).to_bytes(4, "big").hex().encode() + b"15"
    for _ in range(5):
        await rig.source.on_message("m/one/old", payload, False)
        rig.pass_time(50)

    assert {(value, fresh) for _, value, _, fresh in rig.said()} == {(21, False)}
    assert rig.sink.samples[0][1].qualities == (Quality.DEVICE_OFFLINE,)
    assert await rig.source.read("m-1", "temperature", timeout_s=1) is None


async def test_a_record_sent_again_is_the_same_sample(rig: Rig) -> None:
    payload = b"01" + (rig.now_s - 60).to_bytes(4, "big").hex().encode() + b"15"
    for _ in range(2):
        await rig.source.on_message("m/one/old", payload, False)

    assert len({sample.time_ns for _, sample, _ in rig.dated.samples}) == 1


@pytest.mark.parametrize("ts", [0, BUILD_NS // S - 1, 2**31])
async def test_a_record_of_an_impossible_time_is_left_out(rig: Rig, ts: int) -> None:
    await rig.source.on_message("m/one/old", b"01%08x15" % ts, False)

    assert not rig.dated.samples
    assert not rig.sink.samples


async def test_history_waits_until_the_clock_is_synced(rig: Rig) -> None:
    rig.clock.is_synced = False
    payload = b"01" + (rig.now_s - 60).to_bytes(4, "big").hex().encode() + b"15"
    await rig.source.on_message("m/one/old", payload, False)
    rig.source.look()
    assert rig.dated.samples == []

    rig.clock.is_synced = True
    rig.source.look()
    assert rig.said() == [(60, 21, 0, False)]


async def test_a_retained_message_keeps_its_own_time_and_proves_no_life(rig: Rig) -> None:
    await rig.say(t=21, ts=rig.now_s - 30, retained=True)

    assert rig.said() == [(30, 21, Quality.REPEATED, True)]
    assert await rig.source.read("m-1", "temperature", timeout_s=1) is None


async def test_a_retained_message_that_had_to_wait_is_still_a_retained_one(rig: Rig) -> None:
    for _ in range(30):
        await rig.say(t=21, retained=True)
    rig.pass_time(5)

    assert {quality for _, one in rig.sink.samples for quality in one.qualities} == {
        Quality.REPEATED
    }
    assert await rig.source.read("m-1", "temperature", timeout_s=1) is None


# --- texts --------------------------------------------------------------------------------------


async def test_a_text_is_an_event_each_time(rig: Rig) -> None:
    for uid in ("0042", "0042", "1e5"):
        await rig.say(uid=uid)

    assert rig.texts() == [("uid", "0042"), ("uid", "0042"), ("uid", "1e5")]
    assert {(one.kind, one.device) for one in rig.events.events} == {("text", "m-1")}
    assert rig.sink.samples == []


async def test_a_repeated_text_is_told_when_it_changes(rig: Rig) -> None:
    for firmware in ("1.0", "1.0", "1.1", "1.1"):
        await rig.say(fw=firmware, t=21)

    assert rig.texts() == [("firmware", "1.0"), ("firmware", "1.1")]
    assert len(rig.sink.samples) == 4


async def test_a_retained_text_is_told_once(rig: Rig) -> None:
    await rig.say(uid="0042", retained=True)
    await rig.say(uid="0042", retained=True)
    await rig.say(uid="0042")

    assert rig.texts() == [("uid", "0042")] * 2


async def test_texts_are_bounded(rig: Rig) -> None:
    for number in range(1_000):
        await rig.say(uid=str(number))
        rig.clock.advance(0.25)

    assert TEXTS_BURST <= len(rig.events.events) <= TEXTS_BURST + 251
    assert rig.source.dropped + len(rig.events.events) == 1_000


async def test_a_device_that_is_offline_has_bad_numbers_and_no_bad_texts(rig: Rig) -> None:
    await rig.say(t=21, uid="1")
    rig.pass_time(200)

    names = [point.name for point in rig.inventory.catalog.points]
    assert "uid" not in names
    bad = [one for _, one in rig.sink.samples if one.qualities == (Quality.DEVICE_OFFLINE,)]
    assert sorted(names[one.points[0]] for one in bad) == ["fault", "temperature"]


# --- many devices on one topic ------------------------------------------------------------------


def beacons(count: int) -> list[dict[str, Any]]:
    return [mqtt_device(f"b-{number}", "beacon", mac=f"M{number}") for number in range(count)]


async def test_one_message_carries_many_devices(tmp_path: Path) -> None:
    rig = Rig(tmp_path, *beacons(3))
    payload = orjson.dumps([{"mac": "M0", "t": 20}, {"mac": "M2", "t": 22}, {"mac": "X", "t": 1}])
    await rig.source.on_message("gw/roof/beacons", payload, False)

    assert [(one.device, one.values) for _, one in rig.sink.samples] == [(0, (20,)), (2, (22,))]


async def test_messages_of_neighbours_cost_a_device_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, *beacons(2))
    for _ in range(500):
        await rig.source.on_message("gw/roof/beacons", b'[{"mac":"M1","t":1}]', False)
    await rig.source.on_message("gw/roof/beacons", b'[{"mac":"M0","t":7}]', False)

    assert [one.values for one in rig.sink.of(0)] == [(7,)]
    rig.pass_time(200)
    assert rig.sink.of(0)[-1].qualities == (Quality.DEVICE_OFFLINE,)


async def test_garbage_on_a_shared_topic_is_nobodys(tmp_path: Path) -> None:
    rig = Rig(tmp_path, *beacons(2))
    for payload in (b"{", b"\xff", b"[" * 99, b"x" * 100_000):
        await rig.source.on_message("gw/roof/beacons", payload, False)
    await rig.source.on_message("gw/cellar/beacons", b'[{"mac":"M0","t":7}]', False)

    assert [(one.device, one.values) for _, one in rig.sink.samples] == [(0, (7,))]


# --- another configuration ----------------------------------------------------------------------


async def test_other_devices_come_and_go_without_harm_to_those_that_stay(tmp_path: Path) -> None:
    rig = Rig(tmp_path, *beacons(2))
    await rig.source.on_message("gw/x/beacons", b'[{"mac":"M0","t":7},{"mac":"M1","t":8}]', False)
    changed = edge_config(mqtt=[*beacons(1), mqtt_device("m-1", "meter", name="one")])
    inventory = build_inventory(changed, rig.library)

    rig.source.rebind(inventory.on_mqtt_source("broker"))

    assert await rig.source.read("b-0", "temperature", timeout_s=1) == 7
    assert await rig.source.read("b-1", "temperature", timeout_s=1) is None
    rig.sink.samples.clear()
    await rig.source.on_message("gw/x/beacons", b'[{"mac":"M0","t":9},{"mac":"M1","t":8}]', False)
    await rig.say(t=5)
    assert [one.values for _, one in rig.sink.samples] == [(9,), (5,)]
    assert dict(rig.source._session._subscriptions) == {
        "gw/+/beacons": 1,
        "m/one": 1,
        "m/one/log": 1,
        "m/one/old": 1,
    }
