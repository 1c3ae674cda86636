from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.quality import Grade, Quality, grade
from device_profiles.errors import MessageRefusedError, TopicParameterError, WriteRefusedError
from device_profiles.library import Library
from device_profiles.messages import (
    DEPTH_MAX,
    PAYLOAD_BYTES_MAX,
    MessageDecoder,
    Reading,
    decode_message,
    encode_message_command,
    topic_parameters,
)
from device_profiles.model import MqttProfile
from tests.profiles import build

TOPIC = "base/one"


def read(payload: Any, **read_keys: Any) -> Reading | None:
    point_keys = read_keys.pop("point_keys", {})
    profile = build.mqtt([build.point("x", **point_keys, read=read_keys)])
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    readings = decode_message(profile, TOPIC, text)
    return readings[0] if readings else None


def value(payload: Any, **read_keys: Any) -> float | None:
    reading = read(payload, **read_keys)
    assert reading is not None
    assert (reading.value is None) == (grade(reading.quality) is Grade.BAD)
    return reading.value


def quality(payload: Any, **read_keys: Any) -> Quality:
    reading = read(payload, **read_keys)
    assert reading is not None
    return reading.quality


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        ({"a": 1}, "a", 1),
        ({"a": {"b": {"c": 2.5}}}, "a.b.c", 2.5),
        ({"a": [{"v": 1}, {"v": 2}]}, "a[1].v", 2),
        ([[1, 2], [3, 4]], "[1][0]", 3),
        ({"a.b": {"c:d": 7}}, '["a.b"]["c:d"]', 7),
        ({"Küche 1": 4}, "Küche 1", 4),
    ],
)
def test_paths(document: Any, path: str, expected: float) -> None:
    assert value(document, path=path) == expected


@pytest.mark.parametrize("path", ["b", "a.b", "a[0]", "a.b.c", "c[5]", "c.x"])
def test_what_a_message_does_not_hold_it_says_nothing_about(path: str) -> None:
    assert read({"a": 1, "c": [1]}, path=path) is None


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a[", "a[x]", "a]b", 'a["]', "a..b", "*b*"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"path|star"):
        build.mqtt([build.point("x", read={"path": path})])


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (24.59, 24.59),
        ("37.00", 37),
        (" 21 ", 21),
        ("-0.5", -0.5),
        ("1e3", 1000),
        (True, 1),
        (False, 0),
        ("true", 1),
        (12345678901234567890, 12345678901234567890.0),
        ("12345678901234567890", 12345678901234567890.0),
    ],
)
def test_numbers_however_they_are_sent(sent: Any, expected: float) -> None:
    assert value({"v": sent}, path="v") == expected


@pytest.mark.parametrize(
    "sent", ["", "open", "21 °C", "0x10", "1_000", "nan", "inf", {}, [], {"v": 1}, "9" * 300, "１"]
)
def test_what_is_no_number_is_undecodable(sent: Any) -> None:
    assert quality({"v": sent}, path="v") is Quality.UNDECODABLE


@pytest.mark.parametrize("sent", [1e308, -1e308, "1e308", 1e301])
def test_what_the_wire_cannot_carry_is_out_of_range(sent: Any) -> None:
    assert quality({"v": sent}, path="v", scale=100) is Quality.OUT_OF_RANGE
    assert quality({"v": sent}, path="v") is Quality.OUT_OF_RANGE


def test_a_switch_is_no_number_of_the_markers() -> None:
    assert value({"v": True}, path="v", nan_value=1) == 1


def test_null_is_no_value() -> None:
    assert read({"v": None}, path="v") == ("x", None, Quality.INVALID_MARKER)


@pytest.mark.parametrize("sent", [-999, "unavailable", -999.0])
def test_stand_in_values_are_no_value(sent: Any) -> None:
    markers = [-999, "unavailable"]

    assert quality({"v": sent}, path="v", nan_value=markers) is Quality.INVALID_MARKER
    assert value({"v": -998}, path="v", nan_value=markers) == -998


@pytest.mark.parametrize(("word", "expected"), [("OPEN", 1), ("CLOSED", 0), (True, 5), ("7", 70)])
def test_words_mean_what_the_profile_says(word: Any, expected: float) -> None:
    words = {"OPEN": 1, "CLOSED": 0, "true": 5, "7": 70}

    assert value({"v": word}, path="v", values=words) == expected


def test_scale_ranges_and_states() -> None:
    limits = {"minimum": 0, "maximum": 50}

    assert value({"v": 215}, path="v", scale=0.1) == 21.5
    assert value({"v": 21.5}, path="v", scale=0.1, offset=-1) == 1.15
    assert quality({"v": 51}, path="v", point_keys=limits) is Quality.OUT_OF_RANGE
    states = {"states": {0: build.LABELS, 1: build.LABELS}}
    assert quality({"v": 2}, path="v", point_keys=states) is Quality.UNCERTAIN


@pytest.mark.parametrize(("payload", "expected"), [(b"21.5", 21.5), (b"ON\n", 1), (b"OFF", 0)])
def test_plain_payloads(payload: bytes, expected: float) -> None:
    assert value(payload, values={"ON": 1, "OFF": 0}) == expected


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("other/one", b"{}", "topic"),
        ("base/one/more", b"{}", "topic"),
        (TOPIC, b"{" + b" " * PAYLOAD_BYTES_MAX + b"}", "too_large"),
        (TOPIC, b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "too_deep"),
        (TOPIC, b"{", "not_json"),
        (TOPIC, b"", "not_json"),
        (TOPIC, b'{"v": nan}', "not_json"),
        (TOPIC, b"\xff\xfe", "not_json"),
    ],
)
def test_messages_refused_as_a_whole(topic: str, payload: bytes, reason: str) -> None:
    profile = build.mqtt([build.point("x", read={"path": "v"})])

    with pytest.raises(MessageRefusedError) as caught:
        decode_message(profile, topic, payload)

    assert caught.value.reason == reason


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert value({"v": 7, "list": [[]] * 100, "text": "[" * 100}, path="v") == 7


@pytest.mark.parametrize("depth", [DEPTH_MAX, 900, 20_000])
def test_text_that_holds_brackets_hides_no_depth(depth: int) -> None:
    profile = build.mqtt([build.point("x", read={"path": "v"})])
    payload = b'[1,"[",' + b"[" * depth + b"]" * depth + b',1,"]"]'

    with pytest.raises(MessageRefusedError) as caught:
        decode_message(profile, TOPIC, payload)

    assert caught.value.reason == "too_deep"


def test_plain_text_must_be_text() -> None:
    with pytest.raises(MessageRefusedError) as caught:
        read(b"\xff\xfe")

    assert caught.value.reason == "not_text"


@given(payload=st.binary(max_size=200))
def test_no_payload_raises_anything_else(payload: bytes) -> None:
    profile = build.mqtt([build.point("x", read={"path": "v"}), build.point("y", read={})])
    try:
        readings = decode_message(profile, TOPIC, payload)
    except MessageRefusedError:
        return
    for reading in readings:
        assert (reading.value is None) == (grade(reading.quality) is Grade.BAD)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@given(sent=JSON)
def test_no_json_raises_anything_else(sent: Any) -> None:
    profile = build.mqtt([build.point("x", read={"path": "v", "values": {"on": 1}})])
    try:
        readings = decode_message(profile, TOPIC, json.dumps({"v": sent}).encode())
    except MessageRefusedError:
        return
    [reading] = readings
    assert (reading.value is None) == (grade(reading.quality) is Grade.BAD)


def z2m() -> MqttProfile:
    profile = Library.builtin().get("z2m-door-contact")
    assert isinstance(profile, MqttProfile)
    return profile


@pytest.mark.parametrize("payload", [b"offline", b'{"state":"offline"}', b' {"state": "offline"}'])
def test_offline_makes_every_point_bad(payload: bytes) -> None:
    readings = decode_message(z2m(), "zigbee2mqtt/door/availability", payload)

    assert [reading.point for reading in readings] == [point.name for point in z2m().points]
    assert {reading[1:] for reading in readings} == {(None, Quality.DEVICE_OFFLINE)}


@pytest.mark.parametrize("payload", [b"online", b'{"state":"online"}', b"{}", b""])
def test_online_says_nothing(payload: bytes) -> None:
    assert decode_message(z2m(), "zigbee2mqtt/door/availability", payload) == []


def test_a_decoder_knows_the_topics_of_its_device() -> None:
    decoder = MessageDecoder(z2m(), {"friendly_name": "floor 1/door"})

    assert decoder.topics == ("zigbee2mqtt/floor 1/door", "zigbee2mqtt/floor 1/door/availability")
    assert decoder.decode("zigbee2mqtt/floor 1/door", b'{"contact":false}') == [
        ("open", 1, Quality.GOOD)
    ]


def test_points_on_topics_of_their_own() -> None:
    profile = build.mqtt(
        [
            build.point("a", read={"path": "a"}),
            build.point("b", read={"topic": "base/{device}/b"}),
        ]
    )

    assert decode_message(profile, "base/one/b", b"7") == [("b", 7, Quality.GOOD)]
    assert decode_message(profile, "base/one", b'{"a":1}') == [("a", 1, Quality.GOOD)]
    assert topic_parameters(profile, "base/one/b") == {"device": "one"}
    assert topic_parameters(profile, "base") is None


@pytest.mark.parametrize("parameters", [{}, {"friendly_name": ""}, {"friendly_name": "a/+/b"}])
def test_a_topic_needs_its_parameters(parameters: dict[str, str]) -> None:
    with pytest.raises(TopicParameterError) as caught:
        MessageDecoder(z2m(), parameters)

    assert caught.value.reason == "topic_parameter"


def commanded(template: Any, sent: float, **write: Any) -> tuple[str, bytes]:
    limits = {"topic": "base/{device}/set", "minimum": 0, "maximum": 100}
    point = build.point("x", write=limits | write | {"template": template})
    profile = build.mqtt([point])
    return encode_message_command(profile, profile.points[0], sent, {"device": "one"})


@pytest.mark.parametrize(
    ("template", "write", "sent", "payload"),
    [
        ({"position": "$value"}, {}, 40, b'{"position":40}'),
        ({"position": "$value"}, {}, 40.5, b'{"position":40.5}'),
        ({"a": [{"b": "$value", "c": 1}]}, {"scale": 0.1}, 2.5, b'{"a":[{"b":25,"c":1}]}'),
        ({"state": "$value"}, {"values": {"ON": 1, "OFF": 0}}, 1, b'{"state":"ON"}'),
        ({"on": "$value"}, {"values": {"true": 1, "false": 0}}, 0, b'{"on":false}'),
        ("$value", {"values": {"ON": 1, "OFF": 0}}, 0, b"OFF"),
        ("$value", {}, 7, b"7"),
    ],
)
def test_commands(template: Any, write: dict[str, Any], sent: float, payload: bytes) -> None:
    assert commanded(template, sent, **write) == ("base/one/set", payload)


@pytest.mark.parametrize(
    ("sent", "write", "reason"),
    [
        (-1, {}, "below_minimum"),
        (101, {}, "above_maximum"),
        (2, {"values": {"ON": 1, "OFF": 0}}, "not_a_state"),
        (1.5, {"step": 1}, "off_step"),
    ],
)
def test_commands_refused(sent: float, write: dict[str, Any], reason: str) -> None:
    with pytest.raises(WriteRefusedError) as caught:
        commanded("$value", sent, **write)

    assert caught.value.reason == reason


@pytest.mark.parametrize("template", [{"a": 1}, {"a": "$value", "b": "$value"}, "value", []])
def test_a_template_holds_the_value_once(template: Any) -> None:
    with pytest.raises(ValueError, match="exactly once"):
        commanded(template, 1)


def test_measurements_are_read_only() -> None:
    with pytest.raises(WriteRefusedError) as caught:
        encode_message_command(z2m(), z2m().points[0], 1, {"friendly_name": "door"})

    assert caught.value.reason in ("read_only", "unknown_point")


def test_orjson_and_json_agree_on_what_we_send() -> None:
    _, payload = commanded({"x": "$value"}, 0.1)

    assert json.loads(payload) == orjson.loads(payload) == {"x": 0.1}
