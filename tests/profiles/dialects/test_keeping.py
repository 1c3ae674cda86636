"""What is kept of what is heard: descriptions anew, messages as they add up, all of it bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.dialects import DIALECTS, keeping
from device_profiles.dialects.keeping import Kept
from device_profiles.sparkplug.payload import Metric, Payload, encode_payload

ALL = tuple(DIALECTS.values())


def test_a_description_takes_the_place_of_the_older_one() -> None:
    kept = Kept(ALL, {})
    topic = "homeassistant/sensor/a/config"

    assert kept.take(topic, b'{"stat_t":"a"}')
    assert not kept.take(topic, b'{"stat_t":"a"}')
    assert kept.take(topic, b'{"stat_t":"b"}')
    assert kept.take(topic, b"")
    assert kept.messages == {}
    assert not kept.take(topic, b"")


def test_messages_add_up_and_values_do_not_count() -> None:
    kept = Kept(ALL, {})
    topic = "plug/events/rpc"

    assert kept.take(topic, b'{"params":{"switch:0":{"apower":1}}}')
    assert not kept.take(topic, b'{"params":{"switch:0":{"apower":2}}}')
    assert kept.take(topic, b'{"params":{"switch:0":{"output":null}}}')
    assert kept.take(topic, b'{"params":{"switch:0":{"output":true}}}')
    assert not kept.take(topic, b'{"params":{"switch:0":{"output":null}}}')
    assert json.loads(kept.messages[topic]) == {
        "params": {"switch:0": {"apower": 1, "output": True}}
    }


def test_units_in_messages_count_by_their_value() -> None:
    kept = Kept(ALL, {})
    kept.take("tele/a/SENSOR", b'{"AM2301":{"Temperature":1},"TempUnit":"C"}')

    assert kept.take("tele/a/SENSOR", b'{"AM2301":{"Temperature":1},"TempUnit":"F"}')


def test_one_phase_that_becomes_three_counts() -> None:
    kept = Kept(ALL, {})
    kept.take("tele/a/SENSOR", b'{"ENERGY":{"Power":1}}')

    assert kept.take("tele/a/SENSOR", b'{"ENERGY":{"Power":[1,2,3]}}')
    assert not kept.take("tele/a/SENSOR", b'{"ENERGY":{"Power":[4,5,6]}}')


def test_a_bridge_that_repeats_itself_says_nothing_new() -> None:
    kept = Kept(ALL, {})
    device = {"ieee_address": "0x1", "friendly_name": "a", "network_address": 7}
    topic = "zigbee2mqtt/bridge/devices"

    assert kept.take(topic, json.dumps([device]).encode())
    assert not kept.take(topic, json.dumps([device | {"network_address": 8}]).encode())
    assert kept.take(topic, json.dumps([device | {"friendly_name": "b"}]).encode())
    info = {"version": "1", "config": {"advanced": {"output": "json", "channel": 11}}}
    assert kept.take("zigbee2mqtt/bridge/info", json.dumps(info).encode())
    assert kept.messages["zigbee2mqtt/bridge/info"] == b'{"config":{"advanced":{"output":"json"}}}'


def test_a_birth_repeated_with_other_values_says_nothing_new() -> None:
    def birth(value: float, name: str = "x") -> bytes:
        metric = Metric(name, 1, round(value), 9, value, properties={"engUnit": "°C"})
        return encode_payload(Payload(round(value), 0, (metric,)))

    kept = Kept(ALL, {})
    topic = "spBv1.0/g/NBIRTH/n"

    assert kept.take(topic, birth(1.0))
    assert not kept.take(topic, birth(2.0))
    assert kept.take(topic, birth(2.0, "y"))
    [found] = DIALECTS["sparkplug"].describe(kept.messages)
    assert found.profile["points"][0]["unit"] == "°C"


def test_shellies_announce_themselves_on_one_topic() -> None:
    kept = Kept(ALL, {})
    one, two = (json.dumps({"id": name, "model": "M"}).encode() for name in ("a", "b"))

    assert kept.take("shellies/announce", one)
    assert kept.take("shellies/announce", two)
    assert not kept.take("shellies/announce", one)
    assert set(kept.messages) == {"shellies/a/announce", "shellies/b/announce"}


def test_what_no_dialect_listens_for_is_not_kept() -> None:
    kept = Kept([DIALECTS["tasmota"]], {"zigbee2mqtt/bridge/devices": b"[]", "tele/a/STATE": b"{}"})

    assert set(kept.messages) == {"tele/a/STATE"}
    assert not kept.take("any/topic", b"1")


def test_room_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "TOPICS_MAX", 3)
    monkeypatch.setattr(keeping, "BYTES_MAX", 100)
    kept = Kept([DIALECTS["homeassistant"]], {})

    for number in range(5):
        kept.take(f"homeassistant/sensor/{number}/config", b'{"a":1}')
    assert len(kept.messages) == 3
    assert kept.dropped == 2
    assert not kept.take("homeassistant/sensor/1/config", b"x" * 200)
    assert kept.take("homeassistant/sensor/1/config", b"")
    assert kept.take("homeassistant/sensor/9/config", b"{}")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "tele/a/SENSOR",
                    "p/status/switch:0",
                    "zigbee2mqtt/bridge/info",
                    "shellies/announce",
                ]
            ),
            st.binary(max_size=40)
            | st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3))
            .map(json.dumps)
            .map(str.encode),
        ),
        max_size=12,
    )
)
def test_hearing_all_of_it_again_changes_nothing(messages: list[tuple[str, bytes]]) -> None:
    kept = Kept(ALL, {})
    for topic, payload in messages:
        kept.take(topic, payload)
    again = Kept(ALL, kept.messages)

    assert again.messages == kept.messages
