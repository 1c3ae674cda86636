"""Times as makers write them."""

from __future__ import annotations

import datetime as dt
import re

_UNITS_NS = {"unix_s": 1_000_000_000, "unix_ms": 1_000_000, "unix_us": 1_000, "unix_ns": 1}
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_TOKEN = re.compile("YYYY|YY|MMM|MM|DDD|DD|hh|mm|ss|AP|f|Z")


def offset_s(text: str) -> int:
    """Seconds ahead of UTC, of a text such as +08:00."""
    hours, _, minutes = text[1:].partition(":")
    size = int(hours) * 3600 + int(minutes or 0) * 60
    return -size if text[0] == "-" else size


def time_raw(time_ns: int, form: str, utc_offset: str) -> object:
    """An instant, written in a form: a number or a text."""
    if form in ("auto", "iso"):
        return written(time_ns, "YYYY-MM-DDThh:mm:ss.fZ", utc_offset)
    if form in ("unix", "senml"):
        return time_ns // 1_000_000_000
    if form in _UNITS_NS:
        return time_ns // _UNITS_NS[form]
    if form.startswith("age_"):
        return 0
    return written(time_ns, form, utc_offset)


def written(time_ns: int, pattern: str, utc_offset: str) -> str:
    """An instant in the letters of a pattern such as `DD.MM.YYYY hh:mm:ss`."""
    zone = dt.timezone(dt.timedelta(seconds=offset_s(utc_offset)))
    local = dt.datetime.fromtimestamp(time_ns // 1_000_000_000, zone)
    milliseconds = time_ns % 1_000_000_000 // 1_000_000
    is_half = "AP" in pattern
    hour = (local.hour % 12 or 12) if is_half else local.hour
    parts = {
        "YYYY": f"{local.year:04d}",
        "YY": f"{local.year % 100:02d}",
        "MMM": _MONTHS[local.month - 1],
        "MM": f"{local.month:02d}",
        "DDD": _DAYS[local.weekday()],
        "DD": f"{local.day:02d}",
        "hh": f"{hour:02d}",
        "mm": f"{local.minute:02d}",
        "ss": f"{local.second:02d}",
        "AP": "AM" if local.hour < 12 else "PM",
        "f": f"{milliseconds:03d}",
        "Z": utc_offset,
    }
    return _TOKEN.sub(lambda match: parts[match[0]], pattern)
