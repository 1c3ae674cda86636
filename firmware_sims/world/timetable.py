"""When a school's rooms are full: pure functions of the local time."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

DAY_S = 86_400
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Lesson:
    """A span of a school day, in seconds after midnight, and which part of the seats is taken."""

    begin_s: int
    end_s: int
    occupancy: float = 1.0


def _at(hour: int, minute: int) -> int:
    return hour * 3600 + minute * 60


USUAL_DAY: tuple[Lesson, ...] = (
    Lesson(_at(7, 50), _at(8, 10), 0.5),
    Lesson(_at(8, 10), _at(8, 50)),
    Lesson(_at(8, 50), _at(9, 0), 0.4),
    Lesson(_at(9, 0), _at(9, 40)),
    Lesson(_at(9, 40), _at(10, 10), 0.2),
    Lesson(_at(10, 10), _at(10, 50)),
    Lesson(_at(11, 0), _at(11, 40)),
    Lesson(_at(14, 0), _at(14, 40)),
    Lesson(_at(14, 50), _at(15, 30)),
    Lesson(_at(15, 40), _at(16, 20), 0.6),
)
"""Seven lessons of 40 minutes with breaks, as in a Chinese primary school."""


@dataclass(frozen=True)
class Timetable:
    """The lessons of a weekday; weekends are empty. Spans are in order and do not overlap."""

    lessons: Sequence[Lesson] = USUAL_DAY

    @cached_property
    def _begins(self) -> list[int]:
        return [lesson.begin_s for lesson in self.lessons]

    def occupancy(self, local_s: float) -> float:
        """The part of the seats taken, 0..1, `local_s` seconds after a Monday's midnight."""
        day, second = divmod(local_s, DAY_S)
        if int(day) % 7 >= _SATURDAY:
            return 0.0
        index = bisect_right(self._begins, second) - 1
        if index < 0 or second >= self.lessons[index].end_s:
            return 0.0
        return self.lessons[index].occupancy


def seconds_since_monday(when: dt.datetime) -> float:
    """Where in its week a local time is."""
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
    return when.weekday() * DAY_S + (when - midnight).total_seconds()
