"""Durations as devices write them, into seconds: `1T20:17:42`, `1d 03:22`, `PT1H30M`, `3小时`."""

from __future__ import annotations

import re
from typing import Final

_CHARS_MAX: Final = 64
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WORDS: Final = {
    "ms": "ms",
    **dict.fromkeys(("w", "week", "weeks", "周"), "w"),
    **dict.fromkeys(("d", "day", "days", "t", "天", "日"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "时", "小时"), "h"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "分", "分钟"), "m"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒"), "s"),
}
_CLOCK: Final = re.compile(
    r"(?:(?P<d>\d{1,6})\s*(?:[dT天日]|days?)[,\s]*)?"
    r"(?P<h>\d{1,6}):(?P<m>[0-5]?\d)(?::(?P<s>[0-5]?\d(?:\.\d{1,9})?))?",
    re.ASCII | re.IGNORECASE,
)
_ISO: Final = re.compile(
    r"P(?:(?P<w>\d{1,6})W)?(?:(?P<d>\d{1,6})D)?"
    r"(?:T(?:(?P<h>\d{1,9})H)?(?:(?P<m>\d{1,9})M)?(?:(?P<s>\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)
_PART: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([^\W\d_]+)[,;\s]*")


def parse_duration(text: str) -> float | None:
    """Return the seconds of a duration, or None for another text.

    Two numbers with a colon are hours and minutes; months and years have no fixed length.

    >>> parse_duration("1T20:17:42"), parse_duration("PT5M"), parse_duration("2 h 30 min")
    (159462, 300, 9000)
    """
    text = text.strip()
    if not text or len(text) > _CHARS_MAX:
        return None
    match = _CLOCK.fullmatch(text) or _ISO.fullmatch(text)
    if match is not None:
        parts = {unit: one for unit, one in match.groupdict().items() if one is not None}
        return (
            _whole(sum(float(one) * _SECONDS[unit] for unit, one in parts.items()))
            if parts
            else None
        )
    return _of_parts(text)


def _of_parts(text: str) -> float | None:
    """Return the seconds of numbers that each have a unit, every unit once at most."""
    total = 0.0
    seen: set[str] = set()
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        unit = _WORDS.get(match[2].lower()) if match is not None else None
        if match is None or unit is None or unit in seen:
            return None
        seen.add(unit)
        total += float(match[1]) / 1_000 if unit == "ms" else float(match[1]) * _SECONDS[unit]
        at = match.end()
    return _whole(total)


def _whole(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds
