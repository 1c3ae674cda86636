"""Timetables: when a room is occupied, in the school's local time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from campus_wire.config_file import ConfigModel, mistake_at

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NS: Final = 1_000_000_000
_MINUTE_NS: Final = 60 * _NS
_REMEMBERED_MAX: Final = 1_000
_LOOK_AHEAD_DAYS: Final = 8
_MIDNIGHT_MIN: Final = 24 * 60


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone, such as Asia/Shanghai") from None
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]
Clock = Annotated[str, Field(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
"""A time of the day, `07:30`; `24:00` is the end of the day."""


def minutes(clock: str) -> int:
    """Return the minutes since midnight of `HH:MM`."""
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


class Period(ConfigModel):
    """From `from` (included) to `to` (excluded) on each of `days`."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]
    start: Clock = Field(alias="from")
    end: Clock = Field(alias="to")

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if minutes(self.end) <= minutes(self.start):
            raise mistake_at(("to",), "must be later than from; split a period at midnight")
        return self


class Timetable(ConfigModel):
    """When a room is occupied. Periods may touch and overlap."""

    timezone: TimeZone = "Asia/Shanghai"
    periods: Annotated[tuple[Period, ...], Field(max_length=100)] = ()

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @cached_property
    def _minutes_by_day(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        return tuple(
            _merged([(minutes(p.start), minutes(p.end)) for p in self.periods if day in p.days])
            for day in _DAYS
        )

    def is_occupied(self, time_ns: int) -> bool:
        """Say whether `time_ns` lies in a period."""
        local = self._local(time_ns)
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self._minutes_by_day[local.weekday()])

    def next_change_ns(self, time_ns: int) -> int | None:
        """Return the first time after `time_ns` at which occupancy changes; None if it never does.

        Where clocks are set back, a local time means its first occurrence.
        """
        # Local time changes offset and periods begin at whole minutes only.
        minute = time_ns // _MINUTE_NS
        if minute not in self._changes_ns:
            if len(self._changes_ns) >= _REMEMBERED_MAX:
                self._changes_ns.clear()
            self._changes_ns[minute] = self._find_change_ns(minute * _MINUTE_NS)
        return self._changes_ns[minute]

    @cached_property
    def _changes_ns(self) -> dict[int, int | None]:
        return {}

    def _find_change_ns(self, time_ns: int) -> int | None:
        today = self._local(time_ns).date()
        bounds = sorted(
            bound
            for offset in range(-1, _LOOK_AHEAD_DAYS + 1)
            for bound in self._bounds_ns(today + timedelta(days=offset))
        )
        occupied = self.is_occupied(time_ns)
        later = (bound for bound in bounds if bound > time_ns)
        return next((bound for bound in later if self.is_occupied(bound) is not occupied), None)

    def _bounds_ns(self, day: date) -> list[int]:
        return [
            self._utc_ns(day, minute)
            for period in self._minutes_by_day[day.weekday()]
            for minute in period
        ]

    def _local(self, time_ns: int) -> datetime:
        return datetime.fromtimestamp(time_ns // _NS, tz=self._zone)

    def _utc_ns(self, day: date, minute: int) -> int:
        if minute == _MIDNIGHT_MIN:
            day, minute = day + timedelta(days=1), 0
        local = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=self._zone)
        return int(local.astimezone(UTC).timestamp()) * _NS


def _merged(periods: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(periods):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    assert all(before[1] < after[0] for before, after in pairwise(merged))
    return tuple(merged)
