"""Values in lists: names beside values, SenML, lines of InfluxDB."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.codec_text import UNREADABLE
from device_profiles.json_path import ABSENT
from device_profiles.listed import influx_lines, joined, senml


@pytest.mark.parametrize(
    ("names", "values", "expected"),
    [
        (["a", "b"], [1, 2], {"a": 1, "b": 2}),
        (["a", "b"], [[1, 2], [3, 4]], [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
        ([1, 2], [5, 6], {"1": 5, "2": 6}),
        (["a", "b"], [1], UNREADABLE),
        (["a", "b"], [[1, 2], [3]], UNREADABLE),
        (["a"], [[1, 2]], UNREADABLE),
        ("a", [1], UNREADABLE),
        (["a"] * 5_000, [1] * 5_000, UNREADABLE),
        (ABSENT, [1], ABSENT),
        (["a"], None, ABSENT),
    ],
)
def test_names_beside_values(names: Any, values: Any, expected: Any) -> None:
    assert joined(names, values) == expected


def test_senml_bases_count_from_where_they_stand() -> None:
    # RFC 8428, 4.1: base fields are for this record and those that follow
    pack = [
        {"bn": "urn:a:", "bt": 1_790_000_000, "bu": "Cel", "bv": 20, "n": "t", "v": 1.5},
        {"n": "on", "vb": True, "u": "/"},
        {"n": "id", "vs": "x"},
        {"bn": "urn:b:", "n": "t", "t": 5, "v": 0, "s": 7},
    ]

    assert senml(pack) == {
        "urn:a:t": {"t": 1_790_000_000, "u": "Cel", "v": 21.5},
        "urn:a:on": {"t": 1_790_000_000, "u": "/", "v": True},
        "urn:a:id": {"t": 1_790_000_000, "u": "Cel", "v": "x"},
        "urn:b:t": {"t": 1_790_000_005, "u": "Cel", "v": 20, "s": 7},
    }


def test_of_senml_records_of_one_name_the_newest_counts() -> None:
    pack = [{"n": "t", "t": -5, "v": 1}, {"n": "t", "t": -1, "v": 3}, {"n": "t", "t": -3, "v": 2}]

    assert senml(pack) == {"t": {"t": -1, "v": 3}}


@pytest.mark.parametrize("found", ["x", 5, [5], [{"n": "a", "t": "x", "v": 1}], [{}] * 5_000])
def test_what_is_no_senml(found: Any) -> None:
    assert senml(found) is UNREADABLE


def test_lines_of_influx() -> None:
    # https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
    text = (
        "weather,location=us-midwest,season=summer temperature=82,hot=t 1465839830100400200\n"
        "# a comment\n"
        'wea\\,ther,loc\\ ation=us\\,midwest text="too \\"hot\\", = ",count=-3i,n=4u\n'
        "no line at all\n"
    )

    assert influx_lines(text) == [
        {
            "measurement": "weather",
            "tags": {"location": "us-midwest", "season": "summer"},
            "fields": {"temperature": 82, "hot": True},
            "time": "1465839830100400200",
        },
        {
            "measurement": "wea,ther",
            "tags": {"loc ation": "us,midwest"},
            "fields": {"text": 'too "hot", = ', "count": -3, "n": 4},
        },
    ]
    assert influx_lines("{}") is UNREADABLE
    assert influx_lines("") is UNREADABLE


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.text("abc ,=\\", min_size=1))
def test_influx_gives_back_what_was_written(value: float, tag: str) -> None:
    tag = tag.rstrip("\\") or "x"
    escaped = tag.replace("\\", "").replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")
    if not escaped:
        return

    [line] = influx_lines(f"m,t={escaped} v={value!r}")

    assert math.isclose(line["fields"]["v"], value)
    assert line["tags"]["t"] == tag.replace("\\", "")


@given(st.text(max_size=200))
def test_no_text_breaks_the_lines(text: str) -> None:
    found = influx_lines(text)

    assert found is UNREADABLE or isinstance(found, list)
