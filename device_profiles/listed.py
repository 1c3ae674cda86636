"""Values that come as lists, into objects that paths can name: names beside values, SenML, Influx.

Each function returns ABSENT where there is nothing, and UNREADABLE where it is written otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from device_profiles.codec_text import UNREADABLE, plain_number
from device_profiles.json_path import ABSENT, as_word

ITEMS_MAX: Final = 4_096
_TRUE: Final = frozenset({"t", "T", "true", "True", "TRUE"})
_FALSE: Final = frozenset({"f", "F", "false", "False", "FALSE"})


def joined(names: Any, values: Any) -> Any:
    """Return names and values in two lists as one object; rows of values as a list of objects."""
    if names is ABSENT or values is ABSENT or values is None:
        return ABSENT
    if not isinstance(names, list) or not isinstance(values, list):
        return UNREADABLE
    words = [as_word(name) for name in names]
    if len(words) > ITEMS_MAX or len(values) > ITEMS_MAX:
        return UNREADABLE
    rows = values if values and all(isinstance(one, list) for one in values) else [values]
    # with one too many or too few nobody knows which value is whose
    if any(len(row) != len(words) for row in rows):
        return UNREADABLE
    objects = [dict(zip(words, row, strict=True)) for row in rows]
    return objects if rows is values else objects[0]


# --- SenML ---------------------------------------------------------------------------------------


def senml(found: Any) -> Any:
    """Return SenML records (RFC 8428) by their full names; of the same name the newest counts.

    Each has `v` (number, text or true and false), `s` (sum), `u` (unit) and `t`: seconds, below
    2**28 counted from the time of receipt (format `senml`).
    """
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or len(found) > ITEMS_MAX:
        return UNREADABLE
    base: dict[str, Any] = {}
    made: dict[str, dict[str, Any]] = {}
    for record in found:
        if not isinstance(record, dict):
            return UNREADABLE
        base.update({key: value for key, value in record.items() if key in _BASES})
        one = _resolved(record, base)
        if one is UNREADABLE:
            return UNREADABLE
        if one is not None:
            name = f"{base.get('bn', '')}{record.get('n', '')}"
            if name not in made or made[name]["t"] <= one["t"]:
                made[name] = one
    return made


_BASES: Final = ("bn", "bt", "bu", "bv", "bs")
_VALUES: Final = ("v", "vs", "vb", "vd")


def _resolved(record: dict[str, Any], base: dict[str, Any]) -> Any:
    """Return a record without base fields, None where it holds no value."""
    has_value = [key for key in _VALUES if key in record]
    if not has_value and "s" not in record:
        return None
    numbers = [_number(base.get("bt", 0)), _number(record.get("t", 0))]
    if None in numbers:
        return UNREADABLE
    one: dict[str, Any] = {"t": sum(number for number in numbers if number is not None)}
    unit = record.get("u", base.get("bu"))
    if unit is not None:
        one["u"] = unit
    if has_value:
        one["v"] = _plus(record[has_value[0]], base.get("bv") if has_value[0] == "v" else None)
    if "s" in record:
        one["s"] = _plus(record["s"], base.get("bs"))
    return one


def _plus(value: Any, more: Any) -> Any:
    if more is None or _number(value) is None or _number(more) is None:
        return value
    return value + more


def _number(found: Any) -> float | None:
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if is_number else None


# --- InfluxDB line protocol ----------------------------------------------------------------------


def influx_lines(text: str) -> Any:
    """Return lines of InfluxDB's line protocol: measurement, tags, fields, time (as it is given).

    A line that is none is left out; where none is one, UNREADABLE.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not 0 < len(lines) <= ITEMS_MAX:
        return UNREADABLE
    made = [one for one in map(_influx_line, lines) if one is not None]
    return made or UNREADABLE


def _influx_line(line: str) -> dict[str, Any] | None:
    parts = list(_split(line.strip(), " "))
    if len(parts) not in (2, 3):
        return None
    measurement, *tags = _split(parts[0], ",")
    fields = dict(_influx_pair(one) for one in _split(parts[1], ","))
    if not fields or "" in fields:
        return None
    made: dict[str, Any] = {
        "measurement": _unescaped(measurement),
        "tags": {key: _unescaped(value) for key, value in map(_cut, tags)},
        "fields": {key: _influx_value(value) for key, value in fields.items()},
    }
    if len(parts) == 3:
        made["time"] = parts[2]
    return made


def _split(text: str, separator: str) -> Iterator[str]:
    """Split at a sign that is neither escaped nor within quotation marks."""
    start = 0
    quoted = escaped = False
    for at, sign in enumerate(text):
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == '"':
            quoted = not quoted
        elif sign == separator and not quoted:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _cut(pair: str) -> tuple[str, str]:
    key, *rest = _split(pair, "=")
    return _unescaped(key), "=".join(rest)


def _influx_pair(pair: str) -> tuple[str, str]:
    key, value = _cut(pair)
    return (key, value) if value else ("", "")


def _influx_value(text: str) -> Any:
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    whole = text[:-1] if text[-1:] in ("i", "u") else text
    number = plain_number(whole)
    return text if number is None else number


def _unescaped(text: str) -> str:
    return re.sub(r"\\([, =])", r"\1", text)
