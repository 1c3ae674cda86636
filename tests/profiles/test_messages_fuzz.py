"""Damaged messages: nothing but the typed refusal, and no quality that the value belies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from campus_wire.quality import Grade, grade
from device_profiles.errors import MessageRefusedError
from device_profiles.messages import MessageDecoder, topic_parameters
from tests.profiles.message_kit import NOW_NS, say
from tests.profiles.test_mqtt_corpus_format import FRAMES, MESSAGES
from tests.profiles.test_mqtt_corpus_format import profile as profile_of

SAMPLES = [
    (case, message["topic"], message["payload"].encode())
    for case in MESSAGES
    for message in case["messages"]
]
SAMPLES += [
    (case, "application/a/device/b/event/up", bytes.fromhex(str(frame["hex"])))
    for case in FRAMES
    for frame in case["frames"]
]
JUNK = [b"\x00", b'"', b"{", b"[", b"1e400", b"-0.0", b"null", b"\xff", b"\xef\xbb\xbf", b"9" * 40]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damaged_message_raises_anything_else_or_lies_about_quality(data: st.DataObject) -> None:
    case, topic, payload = data.draw(st.sampled_from(SAMPLES))
    at = data.draw(st.integers(0, len(payload)))
    until = data.draw(st.integers(at, min(len(payload), at + 30)))
    junk = data.draw(st.sampled_from(JUNK) | st.binary(max_size=8))
    made = profile_of(case)
    parameters = topic_parameters(made, topic)
    assert parameters is not None
    decoder = MessageDecoder(made, parameters | case.get("parameters", {}))
    try:
        sayings = decoder.say(topic, payload[:at] + junk + payload[until:], NOW_NS)
    except MessageRefusedError:
        return
    for saying in sayings:
        for reading in saying.readings:
            assert (reading.value is None) == (grade(reading.quality) is Grade.BAD)


HEADS = ["deviceInfo", "devEUI", "end_device_ids", "data", "fPort", "rxInfo", "uplink_message"]
HEADS += ["objectJSON", "time", "received_at"]
INNER = [*HEADS, "frm_payload", "f_port", "object", "rssi", "a"]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(document=st.dictionaries(st.sampled_from(HEADS), ANY_JSON))
def test_no_envelope_raises_anything_else(document: dict[str, Any]) -> None:
    points = [{"read": {"path": "lorawan.rssi"}}, {"read": {"path": "temperature_1"}}]
    try:
        say(orjson.dumps(document), *points, envelope="lorawan", codec={"cayenne_lpp": True})
    except (MessageRefusedError, orjson.JSONEncodeError):
        return


def test_a_message_with_many_keys_is_searched_in_time() -> None:
    document = {f"k{number}": {"a": number} for number in range(3_000)}
    point = {"read": {"path": "*.*.*.b"}}

    assert say(document, *[point] * 20) == []


def test_cases_are_found() -> None:
    assert len(SAMPLES) > 60
    assert Path(__file__).with_name("mqtt_cases").is_dir()
