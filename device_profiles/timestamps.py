"""Times as makers write them, into nanoseconds since 1970 (UTC).

A time that cannot be (0, negative, milliseconds where seconds are meant, the year 1970 of a clock
that was never set, 2262) is no time: the value it stands beside then has the time of receipt.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, Field

S: Final = 1_000_000_000
EARLIEST_NS: Final = int(datetime(2001, 1, 1, tzinfo=UTC).timestamp()) * S
"""Clocks that were never set begin in 1970 or 2000."""
LATEST_NS: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * S
CHINA: Final = "+08:00"

_AHEAD: Final = timedelta(minutes=10)
_TEXT_CHARS_MAX: Final = 64
_UNITS: Final = {"unix_s": S, "unix_ms": 1_000_000, "unix_us": 1_000, "unix_ns": 1}
_AGES: Final = {"age_s": S, "age_ms": 1_000_000, "age_min": 60 * S}
_RELATIVE_BELOW: Final = 1 << 28
NAMED_FORMATS: Final = ("auto", "iso", "unix", *_UNITS, *_AGES, "senml")
"""`senml`: seconds; below 2**28 (RFC 8428, 4.5.3), and negative, from the time of receipt."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,24}(?:\.[0-9]{0,24})?(?:[eE]\+?[0-9]{1,2})?")
_ISO: Final = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d{2})(?P=dash)(?P<day>\d{2})"
    r"(?:[Tt ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})"
    r"(?:[.,](?P<fraction>\d{1,30}))?)?)?)?"
    r"\s?(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})?", re.ASCII)
_TOKENS: Final = {
    "YYYY": "year", "YY": "year", "MMM": "month_name", "MM": "month", "DDD": "weekday",
    "DD": "day", "hh": "hour", "mm": "minute", "ss": "second", "f": "fraction", "AP": "half",
    "Z": "zone",
}  # fmt: skip
_TOKEN: Final = re.compile("|".join(_TOKENS))
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")  # fmt: skip  # noqa: E501
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TimeForm(NamedTuple):
    """How a time is written."""

    format: str = "auto"
    """One of NAMED_FORMATS, or a pattern such as `DD.MM.YYYY hh:mm:ss`."""
    utc_offset: str = CHINA
    """Of times that do not say theirs."""


def parse_time(found: Any, form: TimeForm, now_ns: int | None = None) -> int | None:
    """Return the instant that stands in a message, or None where it says none that can be.

    Args:
        found: a number or a text.
        form: how it is written.
        now_ns: the time of receipt; ages, and times of day without a date, need it.
    """
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    instant_ns = _read(found, form, now_ns)
    return instant_ns if instant_ns is not None and _can_be(instant_ns) else None


def _can_be(instant_ns: int) -> bool:
    return EARLIEST_NS <= instant_ns < LATEST_NS


def _read(found: str | float, form: TimeForm, now_ns: int | None) -> int | None:
    if isinstance(found, str):
        found = found.strip()
        if not found or len(found) > _TEXT_CHARS_MAX:
            return None
    if form.format not in NAMED_FORMATS:
        return _by_pattern(str(found), form, now_ns)
    number = None if form.format == "iso" else _as_number(found)
    if number is None:
        may_be_iso = form.format in ("auto", "iso") and isinstance(found, str)
        return _by_iso(str(found), form.utc_offset) if may_be_iso else None
    if form.format in _AGES:
        is_age = now_ns is not None and number >= 0
        return now_ns - int(number * _AGES[form.format]) if is_age and now_ns is not None else None
    if form.format == "senml" and number < _RELATIVE_BELOW:
        return None if now_ns is None else now_ns + int(number * S)
    return int(number * (_UNITS.get(form.format) or _unit_by_magnitude(number)))


def _as_number(found: str | float) -> Decimal | None:
    if isinstance(found, str) and not _NUMBER.fullmatch(found):
        return None
    try:
        number = Decimal(found if isinstance(found, str) else repr(found))
    except InvalidOperation:
        return None
    # larger than any time in ns, and not worth computing with
    return number if number.is_finite() and abs(number) < Decimal(10) ** 20 else None


def _unit_by_magnitude(number: Decimal) -> int:
    """Return ns in the unit of a number: the one that makes a year between 1973 and 5138 of it."""
    for above, unit in ((10**17, 1), (10**14, 1_000), (10**11, 1_000_000)):
        if abs(number) >= above:
            return unit
    return S


# --- ISO 8601 ------------------------------------------------------------------------------------


def _by_iso(text: str, utc_offset: str) -> int | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    parts = {name: int(match[name] or 0) for name in ("hour", "minute", "second")}
    parts |= {name: int(match[name]) for name in ("year", "month", "day")}
    return _instant(parts, match["fraction"] or "", match["zone"] or utc_offset)


def _instant(parts: dict[str, int], fraction: str, zone: str) -> int | None:
    # a leap second is told as the 60th; it becomes the first of the next minute
    leap = parts["second"] == 60
    try:
        moment = datetime(
            parts["year"], parts["month"], parts["day"],
            parts["hour"], parts["minute"], 59 if leap else parts["second"], tzinfo=offset(zone),
        )  # fmt: skip
        since = moment - _EPOCH
    except (ValueError, OverflowError):
        return None
    seconds = since.days * 86_400 + since.seconds + leap
    return seconds * S + int(fraction[:9].ljust(9, "0"))


def offset(text: str) -> timezone:
    """Return the zone of `+08:00`, `-0330`, `+01` or `Z`.

    Raises:
        ValueError: it is none.
    """
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no offset such as +08:00")
    away = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-away if match[1] == "-" else away)


# --- patterns ------------------------------------------------------------------------------------


def split_pattern(pattern: str) -> list[tuple[str, str]]:
    """Return the parts of a pattern: (name of what stands there, token), or ("", literal text).

    Raises:
        ValueError: it names something twice, or half a date.
    """
    parts: list[tuple[str, str]] = []
    end = 0
    for match in _TOKEN.finditer(pattern):
        if match.start() > end:
            parts.append(("", pattern[end : match.start()]))
        parts.append((_TOKENS[match[0]], match[0]))
        end = match.end()
    if end < len(pattern):
        parts.append(("", pattern[end:]))
    names = [name for name, _ in parts if name]
    if len(set(names)) != len(names):
        raise ValueError(f"{pattern!r} names something twice")
    date = {"month" if name == "month_name" else name for name in names}
    if (found := date & {"year", "month", "day"}) and len(found) != 3:
        raise ValueError(f"{pattern!r} names half a date: YYYY, MM and DD belong together")
    if not found and "hour" not in names:
        raise ValueError(
            f"{pattern!r} is neither one of {', '.join(NAMED_FORMATS)} nor a pattern such as"
            " YYYY-MM-DD hh:mm:ss"
        )
    return parts


def _by_pattern(text: str, form: TimeForm, now_ns: int | None) -> int | None:
    said = _match(split_pattern(form.format), text)
    if said is None:
        return None
    zone = said.pop("zone", form.utc_offset)
    fraction = said.pop("fraction", "")
    half = said.pop("half", "").upper()
    said.pop("weekday", None)
    month = said.pop("month_name", "").lower()[:3]
    try:
        parts = {name: int(value) for name, value in said.items()}
        if month:
            parts["month"] = _MONTHS.index(month) + 1
        zoned = offset(zone)
    except ValueError:
        return None
    parts = {"hour": 0, "minute": 0, "second": 0} | parts
    if half:
        parts["hour"] = parts["hour"] % 12 + (12 if half == "PM" else 0)
    if 0 <= parts.get("year", 2000) < 100:
        parts["year"] = parts.get("year", 0) + 2000
    if "day" not in parts:
        return _today(parts, fraction, zoned, zone, now_ns)
    return _instant(parts, fraction, zone)


def _today(
    parts: dict[str, int], fraction: str, zoned: timezone, zone: str, now_ns: int | None
) -> int | None:
    """Return the latest instant with this time of day that is not in the future."""
    if now_ns is None:
        return None
    latest = _EPOCH + timedelta(seconds=now_ns // S) + _AHEAD
    for day in (latest, latest - timedelta(days=1)):
        local = day.astimezone(zoned)
        date = {"year": local.year, "month": local.month, "day": local.day}
        instant_ns = _instant(parts | date, fraction, zone)
        if instant_ns is not None and instant_ns <= now_ns + int(_AHEAD.total_seconds()) * S:
            return instant_ns
    return None


def _match(parts: list[tuple[str, str]], text: str) -> dict[str, str] | None:
    """Return what stands for each part of a pattern, or None where the text is another one."""
    said: dict[str, str] = {}
    at = 0
    for number, (name, written) in enumerate(parts):
        if not name:
            if not text.startswith(written, at):
                return None
            at += len(written)
            continue
        runs_on = number + 1 < len(parts) and bool(parts[number + 1][0])
        taken = _take(name, written, text[at:], runs_on=runs_on)
        if not taken:
            return None
        said[name] = taken
        at += len(taken)
    return said if at == len(text) else None


def _take(name: str, written: str, text: str, *, runs_on: bool) -> str:
    """Return the beginning of a text that a token stands for, or nothing."""
    if name == "zone":
        match = re.match(r"[Zz]|UTC|GMT|[+-]\d{2}:?(?:\d{2})?", text, re.ASCII)
        return match[0] if match else ""
    if name in ("month_name", "weekday", "half"):
        match = re.match(r"[A-Za-z]+", text, re.ASCII)
        return match[0] if match else ""
    longest = 30 if name == "fraction" else len(written)
    match = re.match(rf"\d{{1,{longest}}}", text, re.ASCII)
    digits = match[0] if match else ""
    # digits without anything between them are told apart by their number; a year has all of them
    exact = (runs_on or written == "YYYY") and name != "fraction"
    return digits if not exact or len(digits) == longest else ""


# --- in profiles ---------------------------------------------------------------------------------


def _checked_format(text: str) -> str:
    if text not in NAMED_FORMATS:
        split_pattern(text)
    return text


def _checked_offset(text: str) -> str:
    offset(text)
    return text


TimeFormat = Annotated[str, Field(max_length=64), AfterValidator(_checked_format)]
UtcOffset = Annotated[str, Field(max_length=6), AfterValidator(_checked_offset)]
