from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.timestamps import (
    EARLIEST_NS,
    LATEST_NS,
    NAMED_FORMATS,
    S,
    TimeForm,
    parse_time,
    split_pattern,
)

NOW_NS = int(datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC).timestamp()) * S


def ns(*parts: int, fraction_ns: int = 0) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * S + fraction_ns  # type: ignore[misc, arg-type]


def read(found: Any, form: str = "auto", utc_offset: str = "+08:00") -> int | None:
    return parse_time(found, TimeForm(form, utc_offset), NOW_NS)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("2022-07-18T09:34:15.775023242+00:00", ns(2022, 7, 18, 9, 34, 15, fraction_ns=775023242)),
        ("2020-02-12T15:15:46.014773143Z", ns(2020, 2, 12, 15, 15, 46, fraction_ns=14773143)),
        ("2018-02-15T17:37:10", ns(2018, 2, 15, 9, 37, 10)),
        ("2018-02-15 17:37", ns(2018, 2, 15, 9, 37)),
        ("2018-02-15 17:37:10 +0530", ns(2018, 2, 15, 12, 7, 10)),
        ("2018-02-15T17:37:10,5-03", ns(2018, 2, 15, 20, 37, 10, fraction_ns=S // 2)),
        ("20151212T121212Z", ns(2015, 12, 12, 12, 12, 12)),
        ("2022-12-10", ns(2022, 12, 9, 16)),
        ("2016-12-31T23:59:60Z", ns(2017, 1, 1)),
        (1573393389, ns(2019, 11, 10, 13, 43, 9)),
        (1573393389829, ns(2019, 11, 10, 13, 43, 9, fraction_ns=829_000_000)),
        (1573393389829123, ns(2019, 11, 10, 13, 43, 9, fraction_ns=829_123_000)),
        (1573393389829123456, ns(2019, 11, 10, 13, 43, 9, fraction_ns=829_123_456)),
        (1632666420.17, ns(2021, 9, 26, 14, 27, fraction_ns=170_000_000)),
        ("1573393389829", ns(2019, 11, 10, 13, 43, 9, fraction_ns=829_000_000)),
        (" 1573393389 ", ns(2019, 11, 10, 13, 43, 9)),
        ("1.573393389e9", ns(2019, 11, 10, 13, 43, 9)),
        (2**31 - 1, ns(2038, 1, 19, 3, 14, 7)),
    ],
)
def test_times_tell_their_form_themselves(found: Any, expected: int) -> None:
    assert read(found) == expected


@pytest.mark.parametrize(
    ("found", "form", "expected"),
    [
        ("15.02.2018 17:37:10", "DD.MM.YYYY hh:mm:ss", ns(2018, 2, 15, 9, 37, 10)),
        ("15.2.2018 7:05", "DD.MM.YYYY hh:mm", ns(2018, 2, 14, 23, 5)),
        ("2018/02/15-17:37:10.25", "YYYY/MM/DD-hh:mm:ss.f", ns(2018, 2, 15, 9, 37, 10) + S // 4),
        ("240303183700", "YYMMDDhhmmss", ns(2024, 3, 3, 10, 37)),
        (240303183700, "YYMMDDhhmmss", ns(2024, 3, 3, 10, 37)),
        ("3/2/2024 1:05:09 PM", "MM/DD/YYYY hh:mm:ss AP", ns(2024, 3, 2, 5, 5, 9)),
        ("3/2/2024 12:05:09 am", "MM/DD/YYYY hh:mm:ss AP", ns(2024, 3, 1, 16, 5, 9)),
        ("Wed, 6 Nov 2024 08:49:37 GMT", "DDD, DD MMM YYYY hh:mm:ss Z", ns(2024, 11, 6, 8, 49, 37)),
        ("2024-03-03T18:37:00+0100", "YYYY-MM-DDThh:mm:ssZ", ns(2024, 3, 3, 17, 37)),
        ("2024年3月3日 18:37", "YYYY年MM月DD日 hh:mm", ns(2024, 3, 3, 10, 37)),
        ("2024-03-03", "YYYY-MM-DD", ns(2024, 3, 2, 16)),
        ("11:02", "hh:mm", ns(2026, 5, 4, 3, 2)),
        ("11:30", "hh:mm", ns(2026, 5, 3, 3, 30)),
        ("23:59:59", "hh:mm:ss", ns(2026, 5, 3, 15, 59, 59)),
        (90, "age_s", NOW_NS - 90 * S),
        ("1500", "age_ms", NOW_NS - 1_500_000_000),
        (2, "age_min", NOW_NS - 120 * S),
        (1573393389, "unix_s", ns(2019, 11, 10, 13, 43, 9)),
        (1573393389829, "unix_ms", ns(2019, 11, 10, 13, 43, 9, fraction_ns=829_000_000)),
        (1573393389829123456, "unix_ns", ns(2019, 11, 10, 13, 43, 9, fraction_ns=829_123_456)),
    ],
)  # fmt: skip
def test_times_of_a_form_that_the_profile_says(found: Any, form: str, expected: int) -> None:
    assert read(found, form) == expected


@pytest.mark.parametrize(
    ("found", "form"),
    [
        (0, "auto"),
        (-1, "auto"),
        (-1573393389829, "auto"),
        (12, "auto"),
        (2**63, "auto"),
        (2**63 - 1, "unix_ns"),  # 2262
        (2**64, "unix_s"),
        (1573393389829, "unix_s"),
        (1573393389, "unix_ms"),
        (1573393389829123456, "unix_ms"),
        (math.nan, "auto"),
        (math.inf, "auto"),
        (1e300, "auto"),
        ("1e99", "auto"),
        ("9" * 60, "auto"),
        ("9" * 60_000, "auto"),
        ("1970-01-01T00:00:12Z", "auto"),
        ("2000-01-01 00:00:12", "auto"),
        ("2024-13-01T00:00:00Z", "auto"),
        ("2024-02-30T00:00:00Z", "auto"),
        ("2024-02-03T24:30:00Z", "auto"),
        ("0000-00-00T00:00:00Z", "auto"),
        ("9999-12-31T23:59:59Z", "auto"),
        ("2024-02-03T12:00:00+99:99", "auto"),
        ("yesterday", "auto"),
        ("", "auto"),
        ("１５７３３９３３８９", "auto"),
        (True, "auto"),
        (None, "auto"),
        ([1573393389], "auto"),
        ({"a": 1}, "auto"),
        (1573393389, "iso"),
        ("2024-02-03T12:00:00Z", "unix"),
        ("32.01.2024 12:00", "DD.MM.YYYY hh:mm"),
        ("01.01.24 12:00", "DD.MM.YYYY hh:mm"),
        ("01.01.2024 12:00 and more", "DD.MM.YYYY hh:mm"),
        ("01 Foo 2024 12:00", "DD MMM YYYY hh:mm"),
        ("25:00", "hh:mm"),
        (-5, "age_s"),
        (1e19, "age_s"),
    ],
)
def test_what_cannot_be_a_time_is_none(found: Any, form: str) -> None:
    assert read(found, form) is None


@pytest.mark.parametrize("form", ["age_s", "hh:mm"])
def test_without_the_time_of_receipt_some_times_mean_nothing(form: str) -> None:
    assert parse_time("12:00" if ":" in form else 12, TimeForm(form)) is None


@pytest.mark.parametrize("pattern", ["MM-DD hh:mm", "YYYY", "ss", "YYYY-MM-DD MM", "soon", ""])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"names|neither"):
        split_pattern(pattern)


MOMENTS = st.datetimes(datetime(2001, 1, 2), datetime(2099, 12, 30))  # noqa: DTZ001 - zones follow
MINUTES = st.integers(-14 * 60, 14 * 60)


@given(moment=MOMENTS, minutes=MINUTES)
def test_every_moment_comes_back_from_iso(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    whole, part = divmod(zoned - datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1))

    assert read(zoned.isoformat()) == whole * S + part // timedelta(microseconds=1) * 1_000


@given(moment=MOMENTS)
def test_a_pattern_and_iso_agree(moment: datetime) -> None:
    text = moment.strftime("%d.%m.%Y %H:%M:%S")

    assert read(text, "DD.MM.YYYY hh:mm:ss") == read(moment.replace(microsecond=0).isoformat())


@given(
    found=st.integers() | st.floats() | st.text(max_size=30) | st.booleans() | st.none(),
    form=st.sampled_from([*NAMED_FORMATS, "YYYY-MM-DD hh:mm:ss", "hh:mm", "YYMMDD"]),
)
def test_nothing_raises_and_every_time_can_be(found: Any, form: str) -> None:
    instant_ns = read(found, form)

    assert instant_ns is None or EARLIEST_NS <= instant_ns < LATEST_NS
