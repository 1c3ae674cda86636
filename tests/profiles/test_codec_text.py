from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.codec_text import (
    UNREADABLE,
    TextPattern,
    cells,
    hex_number,
    lines,
    number_in_text,
    pairs,
)
from device_profiles.json_path import ABSENT


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("23.5 °C", "point", 23.5),
        ("23.5°C", "point", 23.5),
        ("-5", "point", -5),
        ("−5 °C", "point", -5),
        ("T: +21.0C", "point", 21),
        ("1,234.5 W", "point", 1234.5),
        ("1'234.5", "point", 1234.5),
        ("12,345,678", "point", 12345678),
        ("23,5 °C", "comma", 23.5),
        ("1.234,5 kWh", "comma", 1234.5),
        ("1 234,5".replace(" ", "\u00a0"), "comma", 1234.5),
        ("1.5e3 W", "point", 1500),
        (".5", "point", 0.5),
        ("PM2.5: 12 µg/m³", "point", 12),
        ("CO2=400ppm", "point", 400),
        ("湿度：40.5％", "point", 40.5),
    ],
)
def test_the_number_in_a_text(text: str, decimal: str, expected: float) -> None:
    assert number_in_text(text, decimal, {}) == expected


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("", "point"),
        ("no number", "point"),
        ("--", "point"),
        ("1,234.5", "comma"),
        ("3,5", "point"),
        ("1.2.3", "point"),
        ("192.168.1.7", "point"),
        ("12,34,56", "point"),
        ("1 234", "point"),
        ("21 400 ppm", "point"),
        ("９", "point"),
        ("x" * 300 + " 5", "point"),
    ],
)
def test_what_could_mean_several_numbers_is_none(text: str, decimal: str) -> None:
    assert number_in_text(text, decimal, {}) is UNREADABLE


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.2 kW", 1200), ("800W", 800), ("1.2 MW", UNREADABLE), ("1.2", UNREADABLE)],
)
def test_units_multiply(text: str, expected: Any) -> None:
    assert number_in_text(text, "point", {"W": 1, "kW": 1000}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("00EB", 235), ("0x1f", 31), (" ff ", 255), ("", None), ("xyz", None), ("f" * 17, None)],
)
def test_hexadecimal_numbers(text: str, expected: int | None) -> None:
    assert hex_number(text) == (UNREADABLE if expected is None else expected)


def test_cells() -> None:
    assert cells("\n21.5, 40 ,ON\n22,41,OFF", ",", ()) == ["21.5", "40", "ON"]
    assert cells('a;"b;c";', ";", ()) == ["a", "b;c", ""]
    assert cells("1::2", "::", ("t", "h")) == {"t": "1", "h": "2"}
    assert cells("1", ",", ("t", "h")) == {"t": "1"}
    assert cells("1,2,3", ",", ("t",)) == {"t": "1"}
    assert cells("," * 5_000, ",", ()) is UNREADABLE
    assert cells("", ",", ()) == []


def test_pairs() -> None:
    assert pairs("T=21.5;H=40", None, None) == {"T": "21.5", "H": "40"}
    assert pairs("T:21.5, H:40\nP:1", None, None) == {"T": "21.5", "H": "40", "P": "1"}
    assert pairs("T=21,5;H=40", ";", None) == {"T": "21,5", "H": "40"}
    assert pairs("url=http://x;=5;alone", ";", "=") == {"url": "http://x"}
    assert pairs("a=1;" * 2_000, None, None) is UNREADABLE


def test_lines() -> None:
    assert lines("a\r\n\n b \n") == ["a", "b"]
    assert lines("a\n" * 5_000) is UNREADABLE


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("T={} C", "T=21.5 C", ["21.5"]),
        ("T={} C, H={} %", "T=21.5 C, H=40 %", ["21.5", "40"]),
        ("T={t}C H={h}%", " T=21.5C H=40%\n", {"t": "21.5", "h": "40"}),
        ("{} km", "7 km", ["7"]),
        ("[{a}]", "[x[y]]", {"a": "x[y]"}),
        ("{_}1-0:1.8.1({e}*kWh){_}", "/ISk5\n1-0:1.8.1(000671.578*kWh)\n!", {"e": "000671.578"}),
        ("a.*b={}", "a.*b=1", ["1"]),
        ("T={} C", "H=40 %", None),
        ("T={} C", "T=21.5 F", None),
        ("T={}T=", "T=", None),
    ],
)
def test_patterns_are_literal(pattern: str, text: str, expected: Any) -> None:
    assert TextPattern.of(pattern).match(text) == (ABSENT if expected is None else expected)


@pytest.mark.parametrize("pattern", ["{}{}", "{a}{b}", "{a} {}", "{a} {a}", "{", "{{}}"])
def test_patterns_that_mean_nothing_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"braces|between|name"):
        TextPattern.of(pattern)


WORD = st.text("abc .-", min_size=1, max_size=5).map(str.strip).filter(bool)


@given(first=WORD, second=WORD)
def test_what_stands_in_the_places_comes_back(first: str, second: str) -> None:
    assert TextPattern.of("<{x}|{y}>").match(f"<{first}|{second}>") == {"x": first, "y": second}


@given(text=st.text(max_size=300), decimal=st.sampled_from(["point", "comma"]))
def test_no_text_raises(text: str, decimal: str) -> None:
    number = number_in_text(text, decimal, {})
    assert number is UNREADABLE or abs(number) >= 0
    cells(text, ";", ())
    pairs(text, None, None)
    TextPattern.of("{} a {}").match(text)


@pytest.mark.parametrize("text", ["1" * 200, "1," * 100, "1.1" * 66, "'" * 200, "- " * 100])
def test_no_text_takes_long(text: str) -> None:
    number_in_text(text * 300, "point", {})
    TextPattern.of("{_}x{_}y{_}z{_}").match(text * 300)
