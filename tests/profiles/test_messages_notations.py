"""Notations, texts, times and records of messages."""

from __future__ import annotations

from typing import Any

import pytest

from campus_wire.quality import Quality
from device_profiles.errors import MessageRefusedError
from device_profiles.messages import PAYLOAD_BYTES_MAX
from tests.profiles.message_kit import LPP, T0, T16, say, texts, value

# --- notations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "section", "read", "expected"),
    [
        (b"21.5,40,ON", {"format": "csv"}, {"path": "[0]"}, 21.5),
        (b"21.5,40,ON", {"format": "csv"}, {"path": "[-1]", "values": {"ON": 1}}, 1),
        (b"T=21.5;H=40", {"format": "key_value"}, {"path": "H"}, 40),
        (
            b"Temp:21.5C,Hum:45%",
            {"format": "key_value"},
            {"path": "Temp", "decimal": "point"},
            21.5,
        ),
        (b"21.5", {"format": "text"}, {}, 21.5),
        (
            "温度：21.5".encode("gb18030"),
            {"format": "text", "text_encoding": "gb18030"},
            {"decimal": "point"},
            21.5,
        ),
        ('{"开":"21"}'.encode("gb18030"), {"text_encoding": "gb18030"}, {"path": "开"}, 21),
        (b"00EB0131", {"format": "hex", "codec": T16}, {"path": "t"}, 23.5),
        (b"AOsBMQ==", {"format": "base64", "codec": T16}, {"path": "t"}, 23.5),
        (b"\x00\xeb", {"format": "bytes", "codec": T16}, {"path": "t"}, 23.5),
        (
            b"T=21.5 C, H=40 %",
            {"format": "text", "steps": [{"as": "pattern", "pattern": "T={t} C, H={h} %"}]},
            {"path": "h"},
            40,
        ),
        (
            b"a\n1;2\n3;4\n",
            {
                "format": "text",
                "steps": [
                    {"as": "lines"},
                    {"path": "[-1]"},
                    {"as": "csv", "separator": ";", "columns": ["t", "h"]},
                ],
            },
            {"path": "h"},
            4,
        ),
        (
            {"DevEUI_uplink": {"payload_hex": "00eb"}},
            {"steps": [{"path": "DevEUI_uplink.payload_hex"}, {"as": "hex"}], "codec": T16},
            {"path": "t"},
            23.5,
        ),
        (
            {"data": '{"t":[21]}'},
            {"steps": [{"path": "data"}, {"as": "json"}]},
            {"path": "t[0]"},
            21,
        ),
        (
            {"data": '{"t":[21]}'},
            {},
            {"path": "data", "steps": [{"as": "json"}, {"path": "t[0]"}]},
            21,
        ),
        (
            {"data": "MjEuNQ=="},
            {},
            {"path": "data", "steps": [{"as": "base64"}, {"as": "text"}]},
            21.5,
        ),
        (
            {"p": "1.2 kW"},
            {},
            {"path": "p", "steps": [{"as": "number", "units": {"kW": 1000, "W": 1}}]},
            1200,
        ),
        ({"t": "00EB"}, {}, {"path": "t", "steps": [{"as": "hex_number"}], "scale": 0.1}, 23.5),
        ({"at": "2024-03-03T18:37:00Z"}, {}, {"path": "at", "steps": [{"as": "time"}]}, 1709491020),
        ({"a": {"b": [5]}}, {"steps": [{"path": "a"}]}, {"path": "$.a.b[0]"}, 5),
    ],
)
def test_notations(
    payload: Any, section: dict[str, Any], read: dict[str, Any], expected: float
) -> None:
    assert value(payload, read, **section) == expected


@pytest.mark.parametrize(
    ("payload", "section", "reason"),
    [
        (b"0G", {"format": "hex", **LPP}, "not_hex"),
        (b"*", {"format": "base64", **LPP}, "not_base64"),
        (b"00" * 9_000, {"format": "hex", **LPP}, "too_large"),
        (bytes(2_000), {"format": "bytes", **LPP}, "too_large"),
        (b"\xff", {"format": "csv"}, "not_text"),
        (
            b"\xff",
            {"format": "text", "text_encoding": "gb18030", "steps": [{"as": "lines"}]},
            "not_text",
        ),
        (b'{"d":"{"}', {"steps": [{"path": "d"}, {"as": "json"}]}, "unreadable"),
        (b'{"d":[]}', {"steps": [{"path": "d"}, {"as": "json"}]}, "unreadable"),
        (b'{"d":5}', {"steps": [{"path": "d"}, {"as": "base64"}], **LPP}, "unreadable"),
        (b"," * 3_000, {"format": "csv", "steps": [{"path": "[0]"}]}, "unreadable"),
        (b"{}", {"envelope": "lorawan", **LPP}, "envelope"),
        (b'{"deviceInfo":{},"data":"*"}', {"envelope": "lorawan", **LPP}, "not_base64"),
        (b'{"deviceInfo":', {"envelope": "lorawan", **LPP}, "not_json"),
        (b"x", {"format": "sparkplug_b"}, "sparkplug"),
        (b" " * (PAYLOAD_BYTES_MAX + 1), {"format": "csv"}, "too_large"),
    ],
)
def test_messages_refused_as_a_whole(payload: bytes, section: dict[str, Any], reason: str) -> None:
    with pytest.raises(MessageRefusedError) as caught:
        say(payload, {"read": {"path": "t"}}, **section)

    assert caught.value.reason == reason


def test_a_text_that_does_not_fit_says_nothing() -> None:
    steps = [{"as": "pattern", "pattern": "T={} C"}, {"path": "[0]"}]

    assert value(b"T=21.5 C", {"steps": steps}, format="text") == 21.5
    assert say(b"H=40 %", {"read": {"steps": steps}}, format="text") == []


def test_a_step_that_cannot_be_taken_makes_the_value_undecodable() -> None:
    [saying] = say({"d": "{"}, {"read": {"path": "d", "steps": [{"as": "json"}]}})

    assert saying.readings[0].quality is Quality.UNDECODABLE


# --- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("BA839D07", ["BA839D07"]),
        ("0012345678", ["0012345678"]),
        ("12345678901234567890123", ["12345678901234567890123"]),
        ("1e5", ["1e5"]),
        (12345678901, ["12345678901"]),
        (True, ["true"]),
        (" two\nlines\x00 ", ["two lines"]),
        ("x" * 5_000, ["x" * 1_000]),
        ("张三", ["张三"]),
        ("", []),
        (None, []),
        ({"a": 1}, []),
        ("none", []),
    ],
)
def test_a_text_stays_text(sent: Any, expected: list[str]) -> None:
    assert texts({"uid": sent}, {"path": "uid", "nan_value": "none"}) == expected


def test_a_plain_payload_may_be_a_text() -> None:
    assert texts(b"0042", {}, format="text") == ["0042"]


# --- time ---------------------------------------------------------------------------------------


def test_a_message_says_when_it_was_measured() -> None:
    points = ({"read": {"path": "t"}},)
    section: dict[str, Any] = {"time": {"path": "ts", "format": "unix"}}

    assert say({"t": 1, "ts": T0}, *points, **section)[0].time_ns == T0 * 10**9
    impossible: Any
    for impossible in (0, -1, None, "x", 2**63, T0 * 10**12, [1], {}):
        [saying] = say({"t": 1, "ts": impossible}, *points, **section)
        assert saying.time_ns is None
        assert saying.readings[0] == ("x0", 1, Quality.GOOD)
    assert say({"t": 1}, *points, **section)[0].time_ns is None


def test_date_and_time_in_two_fields() -> None:
    section: dict[str, Any] = {
        "time": {"path": ["d", "h"], "format": "DD.MM.YYYY hh:mm:ss", "utc_offset": "+00:00"}
    }

    [saying] = say({"t": 1, "d": "21.09.2026", "h": "13:33:20"}, {"read": {"path": "t"}}, **section)

    assert saying.time_ns == 1_789_997_600 * 10**9


def test_a_value_may_have_a_time_of_its_own() -> None:
    points = [
        {"read": {"path": f"{name}.value", "time": {"path": f"{name}.time"}}} for name in ("a", "b")
    ]

    sayings = say({"a": {"value": 1, "time": T0}, "b": {"value": 2, "time": T0 + 5}}, *points)

    assert [(one.time_ns, one.readings[0].value) for one in sayings] == [
        (T0 * 10**9, 1),
        ((T0 + 5) * 10**9, 2),
    ]


def records(document: Any, **keys: Any) -> list[tuple[int | None, float | None, bool]]:
    sayings = say(document, {"read": {"path": "v"}}, records=keys)
    return [
        (
            None if one.time_ns is None else one.time_ns // 10**9 - T0,
            one.readings[0].value,
            one.is_history,
        )
        for one in sayings
    ]


def test_lines_of_a_table_may_be_records() -> None:
    lines = b"at,t\n2026-09-21 21:33:20,20\n2026-09-21 21:33:30,21\n"
    section: dict[str, Any] = {
        "format": "text",
        "steps": [{"as": "lines"}],
        "records": {
            "steps": [{"as": "csv", "columns": ["at", "t"]}],
            "time": {"path": "at"},
        },
    }

    sayings = say(lines, {"read": {"path": "t"}}, **section)

    assert [(one.readings[0].value, one.is_history) for one in sayings] == [(20, True), (21, False)]
    assert sayings[1].time_ns == (1_789_997_600 + 10) * 10**9


def test_records_of_a_message() -> None:
    both = [{"t": T0 + 5, "v": 2}, {"t": T0, "v": 1}]

    assert records({"r": both}, path="r", time={"path": "t"}) == [(0, 1, True), (5, 2, False)]
    for whole in ({}, {"path": "$"}):
        assert records(both, **whole, time={"path": "t"}) == [(0, 1, True), (5, 2, False)]
    assert records({"r": both[0]}, path="r", time={"path": "t"}) == [(5, 2, False)]
    assert records({"r": [{"v": 1}, {"v": 2}]}, path="r") == [(None, 2, False)]
    assert records({"r": [{"v": 1}, {"v": 2}]}, path="r", newest="first") == [(None, 1, False)]
    assert records({"r": [{"v": 1}, {"t": T0, "v": 2}]}, path="r", time={"path": "t"}) == [
        (0, 2, False)
    ]
    assert records({"r": [{"v": 1}, {"v": 2}]}, path="r", time={"path": "t"}) == [(None, 2, False)]
    assert records({"r": []}, path="r") == []
    assert records({"r": 5}, path="r") == []
    assert records({}, path="r") == []
    assert records({"r": [{"v": 1}, {"v": 2}]}, path="r", every_s=60) == [
        (40, 1, True),
        (100, 2, False),
    ]


# --- topics, nearly JSON, points made of others ---------------------------------------------------


def test_the_topic_itself_may_be_the_value() -> None:
    read = {"path": "$topic[-1]", "values": {"open": 1, "closed": 0}}
    section: dict[str, Any] = {"topic": "doors/{device}/+", "format": "text"}

    for word, expected in (("open", 1), ("closed", 0)):
        [saying] = say(b"badge 5", {"read": read}, on=f"doors/one/{word}", **section)
        assert saying.readings[0].value == expected


def test_of_other_topics_not_even_the_payload_is_looked_at() -> None:
    section: dict[str, Any] = {
        "topic": "base/{device}/+",
        "when": {"path": "$topic[2]", "equals": "data"},
    }

    [saying] = say({"t": 5}, {"read": {"path": "t"}}, on="base/one/data", **section)
    assert saying.readings[0].value == 5
    assert say(b"no JSON", {"read": {"path": "t"}}, on="base/one/log", **section) == []


@pytest.mark.parametrize(
    "payload",
    [
        b'{"t": 21.5}\0',
        b'\xef\xbb\xbf{"t": 21.5}',
        b'{"t": 21.5, "h": NaN}',
        b'{"t": 21.5, "h": -Infinity}\0\0',
    ],
)
def test_what_firmware_sends_around_its_json_is_left_out(payload: bytes) -> None:
    assert value(payload, {"path": "t"}) == 21.5


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"9" * 400])
def test_numbers_that_are_none_are_undecodable(number: bytes) -> None:
    [saying] = say(b'{"t": ' + number + b', "n": NaN}', {"read": {"path": "t"}})

    assert saying.readings[0].quality in (Quality.UNDECODABLE, Quality.OUT_OF_RANGE)


def test_points_may_be_made_of_others_of_the_same_message() -> None:
    points: list[dict[str, Any]] = [
        {"name": "went_in", "read": {"path": "in"}},
        {"name": "went_out", "read": {"path": "out"}},
        {"name": "inside", "compute": {"difference": ["went_in", "went_out"]}},
        {"name": "share", "compute": {"ratio": ["inside", "went_in"]}, "maximum": 1},
    ]

    [saying] = say({"in": 12, "out": 3}, *points)
    assert {one.point: one.value for one in saying.readings} == {
        "went_in": 12, "went_out": 3, "inside": 9, "share": 0.75,
    }  # fmt: skip
    [saying] = say({"in": 12}, *points)
    assert [one.point for one in saying.readings] == ["went_in"]
    [saying] = say({"in": 0, "out": None}, *points)
    assert [one.quality for one in saying.readings[2:]] == [Quality.INVALID_MARKER] * 2
