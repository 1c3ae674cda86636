"""Durations as makers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1T20:17:42", 159_462),
        ("1d 03:22:10", 98_530),
        ("3 days, 3:22:10", 271_330),
        ("14天 00:00:01", 1_209_601),
        ("03:22", 12_120),
        ("100:00:00.5", 360_000.5),
        ("PT1H5M", 3_900),
        ("P1DT0.5S", 86_400.5),
        ("P2W", 1_209_600),
        ("1w 2d 3h 4m 5s", 788_645),
        ("2 h 30 min", 9_000),
        ("3小时5分", 11_100),
        ("250ms", 0.25),
        ("1.5 hours", 5_400),
    ],
)
def test_forms(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "12", "P1M", "P1Y", "1h 2h", "1 fortnight", "1:60", "-1:00", "1h x", "9" * 80],
)
def test_other_texts_are_none(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 9_999), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_all_forms_agree(days: int, hours: int, minutes: int, seconds: int) -> None:
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds

    assert parse_duration(f"{days}T{hours:02}:{minutes:02}:{seconds:02}") == expected
    assert parse_duration(f"P{days}DT{hours}H{minutes}M{seconds}S") == expected
    assert parse_duration(f"{days}d{hours}h {minutes} min, {seconds}s") == expected


@given(st.text(max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    seconds = parse_duration(text)

    assert seconds is None or seconds >= 0
