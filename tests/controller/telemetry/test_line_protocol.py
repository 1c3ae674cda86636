"""Frames → lines, read back by a parser that shares no code with the encoder."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import StoreRejectedError
from controller.telemetry.line_protocol import LineEncoder, bodies, series_key, stored_field
from tests.controller.telemetry.lines import parse
from tests.controller.telemetry.making import EPOCH, START_NS, device, frame

PICTURES = {chr(code): chr(0x2400 + code) for code in range(32)} | {"\x7f": "␡", "\\": "＼"}
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
awkward = st.text(alphabet=" ,=\\\n\"'#a中😀\t", min_size=1, max_size=12)


def pictured(text: str) -> str:
    return "".join(PICTURES.get(character, character) for character in text)


def test_a_sample_is_one_line() -> None:
    made = frame({"temperature": [21.5, 22.0], "humidity": [48.25, 50.0]}, first=7)

    series = (
        "climate_sensor,area=r101,building=b1,device=th-101,gateway=demo-school-1,profile=xy-md02,"
        "school=sunrise"
    )
    assert LineEncoder().encode(made) == [
        f"{series} temperature=21.5,humidity=48.25,seq=7i 1780000000000000000",
        f"{series} temperature=22.0,humidity=50.0,seq=8i 1780000001000000000",
    ]


def test_a_bad_value_leaves_its_reason_and_an_uncertain_one_both() -> None:
    made = frame(
        {"a": [1.0, None, 3.0, None], "b": [None, 2.0, 4.0, None]},
        qualities={"a": [2, 65, 0, 70], "b": [74, 0, 0, 127]},
    )

    fields = [parse(line).fields for line in LineEncoder().encode(made)]

    assert fields == [
        {"a": 1.0, "a_q": 2, "b_q": 74, "seq": 1},
        {"a_q": 65, "b": 2.0, "seq": 2},
        {"a": 3.0, "b": 4.0, "seq": 3},
        {"a_q": 70, "b_q": 127, "seq": 4},
    ]


@given(
    st.fixed_dictionaries(
        dict.fromkeys(
            ("category", "area", "device", "gateway", "profile", "school"), names | awkward
        )
    ),
    st.just("") | names | awkward,
)
def test_every_name_comes_back_as_it_is_or_as_its_picture(
    texts: dict[str, str], building: str
) -> None:
    info = replace(device(), **texts, building=building)  # type: ignore[arg-type]

    line = parse(LineEncoder().encode(frame({"x": [1.0]}, devices=(info,)))[0])

    category = pictured(texts["category"])
    assert line.measurement == ("＃" + category[1:] if category.startswith("#") else category)
    expected = {key: pictured(text) for key, text in texts.items() if key != "category"}
    assert line.tags == expected | ({"building": pictured(building)} if building else {})


@given(st.lists(names | awkward, min_size=1, max_size=6, unique_by=pictured))
def test_fields_keep_apart_whatever_points_are_called(points: list[str]) -> None:
    made = frame({name: [float(n), None] for n, name in enumerate(points)})

    good, bad = (parse(line) for line in LineEncoder().encode(made))

    assert good.fields == {stored_field(name): float(n) for n, name in enumerate(points)} | {
        "seq": 1
    }
    assert len(bad.fields) == len(points) + 1


@pytest.mark.parametrize(
    ("point", "field"),
    [
        ("temperature", "temperature"),
        ("seq", "seq_"),
        ("time", "time_"),
        ("device", "device_"),
        ("device_", "device__"),
        ("x_q", "x_q_"),
        ("x_q_", "x_q__"),
        ("x_", "x_"),
        ("100%s", "100%s"),
    ],
)
def test_points_do_not_take_the_names_of_our_own_columns(point: str, field: str) -> None:
    assert stored_field(point) == field
    line = parse(LineEncoder().encode(frame({point: [5.0]}))[0])
    assert line.fields == {field: 5.0, "seq": 1}


@given(
    st.lists(
        st.none() | st.floats(-1e300, 1e300) | st.integers(-(2**53), 2**53).map(float),
        min_size=1,
        max_size=30,
    )
)
def test_numbers_come_back_to_the_last_bit(values: list[float | None]) -> None:
    lines = [parse(line) for line in LineEncoder().encode(frame({"x": values}))]

    for number, (value, line) in enumerate(zip(values, lines, strict=True)):
        assert line.time_ns == START_NS + number * 10**9
        assert line.fields["seq"] == number + 1
        if value is None:
            assert line.fields["x_q"] == 65
        else:
            assert float(line.fields["x"]).hex() == float(value).hex()


def test_caches_do_not_mix_up_catalogs() -> None:
    encoder = LineEncoder()
    first = (device("a"), device("b"))
    second = (device("c"), device("d"))
    for devices, names_ in ((first, ["b", "a"]), (second, ["d", "c"]), (first, ["b", "a"])):
        made = frame({"x": [1.0, 2.0]}, devices=devices, rows=[1, 0])
        assert [parse(line).tags["device"] for line in encoder.encode(made)] == names_
    del first, devices
    for number in range(200):  # ids of tuples that were let go come back
        made = frame({"x": [1.0]}, devices=(device(f"n{number}"),))
        assert parse(encoder.encode(made)[0]).tags["device"] == f"n{number}"


def test_tags_over_the_limit_of_a_series_key_are_refused() -> None:
    with pytest.raises(StoreRejectedError):
        series_key(device("x" * 65_536))
    assert len(series_key(device("x" * 50_000))) > 50_000


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 120))
def test_bodies_keep_order_and_size(sizes: list[int], bytes_max: int) -> None:
    lines = [chr(97 + n % 26) * size for n, size in enumerate(sizes)]

    groups = list(bodies(lines, bytes_max=bytes_max))

    assert [line for group in groups for line in group] == lines
    assert all(len(group) == 1 or len("\n".join(group)) <= bytes_max for group in groups)


def test_non_contiguous_columns_are_read_right() -> None:
    made = frame({"a": [1.0, 2.0, 3.0, 4.0], "b": [5.0, 6.0, 7.0, 8.0]})
    every_other = made.select(np.array([True, False, True, False]))
    fields: list[Any] = [parse(line).fields for line in LineEncoder().encode(every_other)]

    assert fields == [{"a": 1.0, "b": 5.0, "seq": 1}, {"a": 3.0, "b": 7.0, "seq": 3}]
    assert not math.isnan(fields[0]["a"])
    assert made.epoch == EPOCH
