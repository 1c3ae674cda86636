from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.quality import Quality
from device_profiles.decoding import Reading, decode_reply
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from tests.profiles import build

CHINA = timezone(timedelta(hours=8))
HALVES = [
    {"part": "year", "register": 0, "half": "high", "plus": 2000},
    {"part": "month", "register": 0, "half": "low"},
    {"part": "day", "register": 1, "half": "high"},
    {"part": "hour", "register": 1, "half": "low"},
    {"part": "minute", "register": 2, "half": "high"},
    {"part": "second", "register": 2, "half": "low"},
]
WORDS = [
    {"part": part, "register": at}
    for at, part in enumerate(["year", "month", "day", "hour", "minute", "second", "millisecond"])
]


def dated(
    fields: list[dict[str, Any]], length: int, *, section: dict[str, Any] | None = None, **read: Any
) -> ModbusProfile:
    read = {**build.register(0, "datetime"), "length": length, "fields": fields, **read}
    return build.modbus([build.point("clock", unit="s", read=read)], **(section or {}))


def decode(profile: ModbusProfile, raw: list[int]) -> Reading:
    [request] = plan_reads(profile, profile.points)
    [reading] = decode_reply(profile, request, raw)
    return reading


moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001


@given(moment=moments)
def test_one_register_for_each_part(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=CHINA)
    raw = [*moment.timetuple()[:6], moment.microsecond // 1000]

    reading = decode(dated(WORDS, 7), raw)

    assert reading == ("clock", moment.timestamp(), Quality.GOOD)


@given(moment=moments)
def test_digits_in_half_registers(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=CHINA)
    digits = moment.strftime("%y%m%d%H%M%S")
    raw = [int(digits[at : at + 4], 16) for at in (0, 4, 8)]
    fields = [field | {"encoding": "bcd"} for field in HALVES]

    assert decode(dated(fields, 3), raw).value == moment.timestamp()


def test_parts_among_bits() -> None:
    fields = [
        {"part": "year", "register": 0, "bit": 9, "bit_count": 7, "plus": 1980},
        {"part": "month", "register": 0, "bit": 5, "bit_count": 4},
        {"part": "day", "register": 0, "bit": 0, "bit_count": 5},
    ]
    raw = [(2026 - 1980) << 9 | 11 << 5 | 21]

    expected = datetime(2026, 11, 21, tzinfo=CHINA).timestamp()
    assert decode(dated(fields, 1), raw).value == expected


def test_the_clock_has_the_offset_of_its_section() -> None:
    raw = [2026, 11, 21, 12, 0, 0, 0]
    east, west = "+09:30", "-03:30"

    first = decode(dated(WORDS, 7, section={"utc_offset": east}), raw).value
    second = decode(dated(WORDS, 7, section={"utc_offset": west}), raw).value

    assert first is not None
    assert second == first + 13 * 3600


def test_milliseconds_may_count_the_seconds_too() -> None:
    fields = [*WORDS[:5], {"part": "millisecond", "register": 5}]

    reading = decode(dated(fields, 6), [2026, 11, 21, 12, 0, 59_999])

    assert reading.value == datetime(2026, 11, 21, 12, 0, 59, 999_000, tzinfo=CHINA).timestamp()
    assert decode(dated(fields, 6), [2026, 11, 21, 12, 0, 60_000]).value is None


def test_swapped_bytes() -> None:
    profile = dated(HALVES, 3, byte_order="BA")

    expected = datetime(2026, 11, 21, 12, 13, 14, tzinfo=CHINA).timestamp()
    assert decode(profile, [0x0B1A, 0x0C15, 0x0E0D]).value == expected


@pytest.mark.parametrize(
    "raw",
    [
        [2026, 2, 29, 0, 0, 0, 0],
        [2026, 4, 31, 0, 0, 0, 0],
        [2026, 13, 1, 0, 0, 0, 0],
        [2026, 1, 1, 24, 0, 0, 0],
        [2026, 1, 1, 0, 60, 0, 0],
        [2026, 1, 1, 0, 0, 60, 0],
        [2026, 1, 1, 0, 0, 0, 1000],
        [0, 0, 0, 0, 0, 0, 0],
        [65_535] * 7,
    ],
)
def test_what_is_no_date_is_undecodable(raw: list[int]) -> None:
    assert decode(dated(WORDS, 7), raw) == ("clock", None, Quality.UNDECODABLE)


def test_a_digit_that_is_none_is_undecodable() -> None:
    fields = [field | {"encoding": "bcd"} for field in HALVES]

    assert decode(dated(fields, 3), [0x261A, 0x2112, 0]).quality is Quality.UNDECODABLE


def test_a_clock_that_was_never_set_may_be_marked() -> None:
    profile = dated(HALVES, 3, nan_value=0)

    assert decode(profile, [0, 0, 0]).quality is Quality.INVALID_MARKER


@given(raw=st.lists(st.integers(0, 65_535), min_size=7, max_size=7))
def test_any_registers_give_a_date_or_none(raw: list[int]) -> None:
    reading = decode(dated(WORDS, 7), raw)

    assert (reading.value is None) == (reading.quality is Quality.UNDECODABLE)
