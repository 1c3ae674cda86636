"""The demo's count of readings: every kind of mistake has to show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_cli.demo.ledger import Count, Value, count, read_truth

MS = 1_000_000
KEY = ("gas-1", "concentration")


def _at(ms: int, number: float) -> Value:
    return Value(ms * MS, number)


SHOWN = [_at(1000, 1.0), _at(2000, 1.0), _at(3000, 2.5)]


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ([_at(1001, 1.0), _at(2003, 1.0), _at(3000, 2.5)], Count(3, 3)),
        ([_at(1001, 1.0), _at(3000, 2.5)], Count(3, 2, missing=1)),
        ([_at(1001, 1.0), _at(2003, 1.0), _at(2003, 1.0), _at(3000, 2.5)], Count(3, 3, 0, 1)),
        ([_at(500, 1.0), _at(1001, 1.0), _at(2003, 1.0), _at(3000, 2.5)], Count(3, 4, phantom=1)),
        ([_at(1001, 1.0), _at(2003, 1.5), _at(3000, 2.5)], Count(3, 3, missing=1, phantom=1)),
        ([], Count(3, 0, missing=3)),
    ],
    ids=["all there", "one lost", "one twice", "one never shown", "one altered", "nothing"],
)
def test_count_tells_what_became_of_each_reading(stored: list[Value], wanted: Count) -> None:
    assert count({KEY: SHOWN}, {KEY: stored}) == wanted


def test_count_forgives_what_was_shown_before_anybody_listened() -> None:
    stored = [_at(2003, 1.0), _at(3000, 2.5)]
    assert count({KEY: SHOWN}, {KEY: stored}, since_ns=1500 * MS) == Count(2, 2)
    assert count({KEY: SHOWN}, {KEY: stored}, since_ns=1000 * MS) == Count(3, 2, missing=1)


def test_count_keeps_apart_what_was_read_twice_at_once() -> None:
    shown = [_at(1000, 1.0), _at(1002, 1.0), _at(2000, 1.0)]
    stored = [_at(1003, 1.0), _at(1004, 1.0), _at(2001, 1.0)]
    assert count({KEY: shown}, {KEY: stored}) == Count(3, 3)
    assert count({KEY: shown}, {KEY: stored[1:]}) == Count(3, 2, missing=1)


def test_count_finds_a_whole_series_missing_and_one_too_many() -> None:
    found = count({KEY: SHOWN}, {("other", "concentration"): SHOWN})
    assert found == Count(produced=3, stored=3, missing=3, phantom=3)


@given(
    gaps_ms=st.lists(st.integers(10, 5_000), max_size=50),
    delays_ms=st.lists(st.integers(0, 4), min_size=50, max_size=50),
)
def test_count_of_a_faithful_store_is_clean(gaps_ms: list[int], delays_ms: list[int]) -> None:
    shown, at_ms = [], 0
    for number, gap_ms in enumerate(gaps_ms):
        at_ms += gap_ms
        shown.append(_at(at_ms, float(number % 3)))
    stored = [
        Value(value.time_ns + delay_ms * MS, value.number)
        for value, delay_ms in zip(shown, delays_ms, strict=False)
    ]
    total = len(shown)
    assert count({KEY: shown}, {KEY: stored}) == Count(produced=total, stored=total)


def test_read_truth_takes_readings_and_leaves_changes_and_writes(tmp_path: Path) -> None:
    log = tmp_path / "truth.jsonl"
    lines = [
        {"t": 2, "device": "a", "values": {"x": 1, "y": 2.5}, "how": "modbus"},
        {"t": 1, "device": "a", "values": {"x": 0}, "how": "modbus"},
        {"t": 1, "device": "a", "change": {"x": 9}},
        {"t": 3, "device": "b", "written": {"relay_1": 1}},
        {"t": 4, "device": "b", "values": {"x": 1}, "how": "modbus", "broken": "bad_crc"},
        {"t": 5, "device": "b", "values": {"x": None}, "how": "modbus"},
    ]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert read_truth(log) == {("a", "x"): [(1, 0), (2, 1)], ("a", "y"): [(2, 2.5)]}
