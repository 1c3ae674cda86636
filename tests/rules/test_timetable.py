"""Timetables in local time."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from campus_rules.timetable import Timetable

S = 1_000_000_000
SCHOOL_DAYS = ["mon", "tue", "wed", "thu", "fri"]


def ns(text: str, zone: str = "Asia/Shanghai") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * S


def table(*periods: dict[str, object], zone: str = "Asia/Shanghai") -> Timetable:
    return Timetable.model_validate_json(json.dumps({"timezone": zone, "periods": periods}))


LESSONS = table(
    {"days": SCHOOL_DAYS, "from": "07:30", "to": "12:00"},
    {"days": SCHOOL_DAYS, "from": "11:30", "to": "17:30"},
)
ALWAYS = table({"days": [*SCHOOL_DAYS, "sat", "sun"], "from": "00:00", "to": "24:00"})


@pytest.mark.parametrize(
    ("when", "occupied", "changes"),
    [
        ("2025-11-21T07:29:59", False, "2025-11-21T07:30:00"),  # a Friday
        ("2025-11-21T07:30:00", True, "2025-11-21T17:30:00"),  # overlapping periods are one
        ("2025-11-21T11:45:00", True, "2025-11-21T17:30:00"),
        ("2025-11-21T17:29:59", True, "2025-11-21T17:30:00"),
        ("2025-11-21T17:30:00", False, "2025-11-24T07:30:00"),  # over the weekend
        ("2025-11-22T12:00:00", False, "2025-11-24T07:30:00"),
    ],
)
def test_lessons(when: str, occupied: bool, changes: str) -> None:
    assert LESSONS.is_occupied(ns(when)) is occupied
    assert LESSONS.next_change_ns(ns(when)) == ns(changes)


def test_an_empty_table_and_a_full_one_never_change() -> None:
    when = ns("2025-11-21T12:00:00")

    assert (table().is_occupied(when), table().next_change_ns(when)) == (False, None)
    assert (ALWAYS.is_occupied(when), ALWAYS.next_change_ns(when)) == (True, None)


@pytest.mark.parametrize(
    ("when", "changes"),
    [
        # clocks go from 01:59:59 to 03:00 on 30 March 2025: 02:30 does not exist
        ("2025-03-30T01:00:00", "2025-03-30T01:30:00+00:00"),
        # and twice through 02:xx on 26 October; 02:30 is its first occurrence
        ("2025-10-26T01:00:00", "2025-10-26T00:30:00+00:00"),
    ],
)
def test_summer_time(when: str, changes: str) -> None:
    night = table({"days": ["sun"], "from": "02:30", "to": "05:00"}, zone="Europe/Berlin")
    expected = int(datetime.fromisoformat(changes).astimezone(UTC).timestamp()) * S

    assert night.next_change_ns(ns(when, "Europe/Berlin")) == expected


@pytest.mark.parametrize(
    "period",
    [
        {"days": ["mon"], "from": "12:00", "to": "12:00"},
        {"days": ["mon"], "from": "22:00", "to": "06:00"},
        {"days": ["mon"], "from": "7:30", "to": "12:00"},
        {"days": ["mon"], "from": "07:30", "to": "24:30"},
        {"days": ["funday"], "from": "07:30", "to": "12:00"},
        {"days": [], "from": "07:30", "to": "12:00"},
    ],
)
def test_a_wrong_period_is_refused(period: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        table(period)


def test_a_wrong_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="time zone"):
        table(zone="Asia/Atlantis")
