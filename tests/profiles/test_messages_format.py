"""What profiles can say of messages beyond plain JSON: paths, topics, values, kinds."""

from __future__ import annotations

from typing import Any

import pytest

from campus_wire.quality import Quality
from device_profiles.errors import MessageRefusedError, TopicParameterError
from device_profiles.messages import Message, MessageDecoder, decode_message, topic_parameters
from tests.profiles import build
from tests.profiles.message_kit import numbers, say, value

# --- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        ([1, 2, 3], "[-1]", 3),
        ({"a": [1, 2]}, "a[-2]", 1),
        ([{"mac": "A", "t": 1}, {"mac": "B", "t": 2}], "[mac=B].t", 2),
        ({"s": [{"id": 5, "t": 1}, {"id": 6, "t": 2}]}, "s[id=6].t", 2),
        ({"s": [{"on": True, "t": 1}, {"on": False, "t": 2}]}, "s[on=false].t", 2),
        ({"s": [{"i": {"id": "x"}, "t": 1}]}, "s[i.id=x].t", 1),
        ({"s": [{"k": "a]b=c", "t": 1}]}, 's[k="a]b=c"].t', 1),
        ([{"a": 1, "b": 1, "t": 7}, {"a": 1, "b": 2, "t": 8}], "[a=1][b=2].t", 8),
        ([{"mac": "A"}, {"mac": "A", "t": 2}], "[mac=A].t", 2),
        ({"0x00": {"t": 4}}, "*.t", 4),
        ({"x": 1, "probe-7": {"t": 4}}, "*.t", 4),
        ({"DS18B20-1": {"Id": "A", "T": 1}, "DS18B20-2": {"Id": "B", "T": 2}}, "DS*[Id=B].T", 2),
        ({"t_in": 1, "t_out": 2}, "*_out", 2),
        ({"a*": 1, "ab": 2}, '["a*"]', 1),
        ({'a"b': 1}, "['a\"b']", 1),
        ([[1], [2, 3]], "*[1]", 3),
        ({"5": {"1": 8}}, "5.1", 8),
    ],
)
def test_paths(document: Any, path: str, expected: float) -> None:
    assert value(document, {"path": path}) == expected


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([1], "[-2]"),
        ({"a": 1}, "*.b"),
        ([{"mac": "A", "t": 1}], "[mac=B].t"),
        ([1, "x", None, []], "[mac=B].t"),
        ({"mac": "B"}, "[mac=A].t"),
        ("text", "*"),
    ],
)
def test_paths_that_lead_nowhere(document: Any, path: str) -> None:
    assert say(document, {"read": {"path": path}}) == []


def test_captures_in_paths_pick_the_own_device_of_many() -> None:
    section = {"topic": "gw/devices", "captures": ["mac"]}
    listed = [{"mac": "AC.1", "t": 20}, {"mac": "AC.2", "t": 21}]
    keyed = {"AC.1": {"t": 20}, "AC.2": {"t": 21}}
    for mac, expected in (("AC.1", 20), ("AC.2", 21)):
        for document, path in (
            (listed, "[mac={mac}].t"),
            (keyed, "{mac}.t"),
            (keyed, '["{mac}"].t'),
        ):
            said = say(
                document,
                {"read": {"path": path}},
                on="gw/devices",
                parameters={"mac": mac},
                **section,
            )
            assert numbers(said) == [expected]


def test_a_message_of_another_device_on_a_shared_topic_says_nothing() -> None:
    section = {
        "topic": "rtl/{host}/events",
        "captures": ["id"],
        "when": [{"path": "model", "equals": "Acurite"}, {"path": "id", "equals": "{id}"}],
    }
    point = {"read": {"path": "temperature_C"}}
    for id_, model, expected in ((1234, "Acurite", [21.5]), (9, "Acurite", []), (1234, "X", [])):
        said = say(
            {"model": model, "id": id_, "temperature_C": 21.5},
            point,
            on="rtl/h1/events",
            parameters={"host": "h1", "id": "1234"},
            **section,
        )
        assert numbers(said) == expected


def test_captures_that_no_topic_holds_have_to_be_given() -> None:
    section = {"topic": "gw/{device}", "captures": ["mac"]}
    profile = build.mqtt([build.point("x", read={"path": "[mac={mac}].t"})], **section)

    assert profile.topic_parameters == ("device", "mac")
    assert topic_parameters(profile, "gw/1") == {"device": "1"}
    assert decode_message(profile, "gw/1", b'[{"mac":"A","t":5}]', {"mac": "A"})[0].value == 5
    with pytest.raises(TopicParameterError):
        MessageDecoder(profile, {"device": "1"})


# --- topics -------------------------------------------------------------------------------------


def test_captures_inside_a_level() -> None:
    profile = build.mqtt([build.point("x", read={})], topic="shellies/shellyem3-{id}/relay/0")
    decoder = MessageDecoder(profile, {"id": "68C6"})

    assert decoder.topics == ("shellies/shellyem3-68C6/relay/0",)
    assert topic_parameters(profile, "shellies/shellyem3-68C6/relay/0") == {"id": "68C6"}


def test_a_level_that_nobody_needs_to_know() -> None:
    profile = build.mqtt([build.point("x", read={"path": "t"})], topic="gw/+/sensor/{device}")
    decoder = MessageDecoder(profile, {"device": "one"})

    assert decoder.topics == ("gw/+/sensor/one",)
    for gateway in ("g1", "g2"):
        assert decoder.decode(f"gw/{gateway}/sensor/one", b'{"t":1}')[0].value == 1
    for other in ("gw/g1/sensor/two", "gw/g1/x/sensor/one"):
        with pytest.raises(MessageRefusedError):
            decoder.decode(other, b'{"t":1}')


def test_a_topic_may_stand_in_the_place_of_another() -> None:
    section = {"topic": "a/{device}", "other_topics": ["b/{house}/{room}"]}
    profile = build.mqtt([build.point("x", read={"path": "t"})], **section)

    assert profile.parameter_sets == (("device",), ("house", "room"))
    decoder = MessageDecoder(profile, {"house": "h", "room": "r"})
    assert decoder.topics == ("b/h/r",)
    assert topic_parameters(profile, "b/h/r") == {"house": "h", "room": "r"}


def test_one_point_on_several_topics_and_paths() -> None:
    read = {
        "path": "POWER",
        "values": {"ON": 1, "OFF": 0},
        "also": [{"path": "POWER1"}, {"topic": "stat/{device}/POWER"}],
    }
    assert value({"POWER": "ON"}, read) == 1
    assert value({"POWER1": "OFF"}, read) == 0
    assert value({"POWER": "ON", "POWER1": "OFF"}, read) == 1
    [number] = numbers(say(b"ON", {"read": read}, on="stat/one/POWER"))
    assert number == 1


def test_a_unit_that_stands_beside_the_value() -> None:
    read = {
        "path": "T",
        "when": {"path": "Unit", "equals": "C"},
        "also": [
            {"path": "T", "when": {"path": "Unit", "equals": "F"}, "scale": 0.5, "offset": -16}
        ],
    }

    assert value({"T": 20, "Unit": "C"}, read) == 20
    assert value({"T": 72, "Unit": "F"}, read) == 20
    assert say({"T": 72, "Unit": "K"}, {"read": read}) == []


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(1, 10), ("1", 10), (1.0, 10), (2, 20), (True, 5), ("open", 7), (3, -1), ("else", -1)],
)
def test_numbers_and_words_that_mean_something(sent: Any, expected: float) -> None:
    read = {"path": "v", "values": {1: 10, "2": 20, "true": 5, "open": 7}, "other_values": -1}

    assert value({"v": sent}, read) == expected


def test_numbers_that_the_profile_does_not_name_stay_numbers() -> None:
    assert value({"v": 30}, {"path": "v", "values": {255: 0}, "scale": 0.1}) == 3


@pytest.mark.parametrize(
    ("sent", "read", "expected"),
    [
        ("23.5 °C", {"decimal": "point"}, 23.5),
        ("1.234,5 kWh", {"decimal": "comma"}, 1234.5),
        (23.5, {"decimal": "comma"}, 23.5),
        (3221225472, {"bit": 30}, 1),
        (0b1101_0000, {"bit": 4, "bit_count": 3}, 0b101),
        (-1, {"bit": 0}, None),
        (1.5, {"bit": 0}, None),
        (65531, {"data_type": "int16", "scale": 0.1}, -0.5),
        (-5, {"data_type": "int16"}, -5),
        (65536, {"data_type": "int16"}, None),
        ("255", {"data_type": "int8"}, -1),
        ("--", {"nan_value": "--", "decimal": "point"}, None),
    ],
)
def test_numbers(sent: Any, read: dict[str, Any], expected: float | None) -> None:
    assert value({"v": sent}, {"path": "v", **read}) == expected


def test_what_is_left_out_may_mean_something() -> None:
    read = {"path": "leak", "absent_value": 0}

    assert value({"battery": 90}, read) == 0
    assert value({"leak": True}, read) == 1
    assert say({"leak": 1}, {"read": read}, when={"path": "kind", "equals": "up"}) == []


def test_a_fault_beside_a_value_makes_it_invalid() -> None:
    read = {"path": "ppm", "valid_when": {"path": "q", "equals": 192}}

    assert value({"ppm": 12, "q": 192}, read) == 12
    for document in ({"ppm": 12, "q": 0}, {"ppm": 12}):
        [saying] = say(document, {"read": read})
        assert saying.readings[0][1:] == (None, Quality.INVALID_MARKER)


@pytest.mark.parametrize(
    ("when", "document", "holds"),
    [
        ({"path": "a"}, {"a": None}, True),
        ({"path": "a"}, {}, False),
        ({"path": "a", "present": False}, {}, True),
        ({"path": "a", "present": False}, {"a": 1}, False),
        ({"path": "a", "equals": [1, "x"]}, {"a": "x"}, True),
        ({"path": "a", "equals": [1, "x"]}, {"a": 1.0}, True),
        ({"path": "a", "equals": True}, {"a": True}, True),
        ({"path": "a", "equals": True}, {"a": 1}, False),
        ({"path": "a", "equals": "null"}, {"a": None}, True),
        ({"path": "a", "equals": "x"}, {"a": ["x"]}, False),
        ([{"path": "a"}, {"path": "b"}], {"a": 1}, False),
    ],
)
def test_conditions(when: Any, document: dict[str, Any], *, holds: bool) -> None:
    said = say({"v": 1} | document, {"read": {"path": "v"}}, when=when)

    assert bool(said) is holds


# --- several kinds of messages ------------------------------------------------------------------


KINDS: dict[str, Any] = {
    "topic": "dev/{device}",
    "when": {"path": "type", "equals": "data"},
    "messages": [
        {"name": "boot", "when": {"path": "type", "equals": "boot"}},
        {"name": "raw", "topic": "dev/{device}/raw", "format": "csv"},
    ],
}


def test_kinds_of_messages_are_told_apart_by_topic_and_condition() -> None:
    points = [
        {"name": "t", "read": {"path": "t"}},
        {"name": "boots", "read": {"message": "boot", "path": "count"}},
        {"name": "raw", "read": {"message": "raw", "path": "[1]"}},
    ]

    def said(document: Any, topic: str = "dev/one") -> dict[str, float | None]:
        sayings = say(document, *points, on=topic, **KINDS)
        return {one.point: one.value for saying in sayings for one in saying.readings}

    assert said({"type": "data", "t": 1, "count": 9}) == {"t": 1}
    assert said({"type": "boot", "t": 1, "count": 9}) == {"boots": 9}
    assert said({"type": "else", "t": 1, "count": 9}) == {}
    assert said(b"7,8", "dev/one/raw") == {"raw": 8}


def test_availability_has_words() -> None:
    section = {
        "availability": [
            {"topic": "homie/{device}/$state", "online": ["ready"], "offline": ["lost", "init"]},
            {"topic": "{device}/online", "online": True, "offline": False},
        ]
    }
    for topic, word, gone in (
        ("homie/one/$state", b"lost", True),
        ("homie/one/$state", b"init", True),
        ("homie/one/$state", b"ready", False),
        ("homie/one/$state", b"sleeping", False),
        ("one/online", b"false", True),
        ("one/online", b"true", False),
    ):
        sayings = say(word, {"read": {"path": "t"}}, on=topic, **section)
        assert bool(sayings) is gone
        if gone:
            assert sayings[0].readings[0].quality is Quality.DEVICE_OFFLINE


def test_a_topic_may_tell_availability_and_values() -> None:
    section: dict[str, Any] = {
        "availability": [{"topic": "base/{device}", "path": "state", "offline": "lost"}]
    }
    point = {"read": {"path": "t"}}

    assert numbers(say({"state": "ok", "t": 5}, point, **section)) == [5]
    assert numbers(say({"state": "lost", "t": 5}, point, **section)) == [None]


def test_a_message_is_parsed_once_for_many_devices() -> None:
    profile = build.mqtt(
        [build.point("x", read={"path": "[mac={mac}].t"})], topic="gw", captures=["mac"]
    )
    message = Message("gw", b'[{"mac":"A","t":1},{"mac":"B","t":2}]')

    said = [
        MessageDecoder(profile, {"mac": mac}).say_message(message)[0].readings[0].value
        for mac in ("A", "B")
    ]

    assert said == [1, 2]
    assert message.json() is message.json()
