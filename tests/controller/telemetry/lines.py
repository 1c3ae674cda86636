"""A parser of line protocol of its own, written from InfluxDB's reference and nothing else."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """One parsed line."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | int]
    time_ns: int


def parse(line: str) -> Line:
    """Parse one line; ValueError where it is none."""
    if "\n" in line or line.startswith("#"):
        raise ValueError(f"more than a line, or a comment: {line!r}")
    key, fields, time_ns = _split(line, " ")
    name, *tags = _split(key, ",")
    pairs = [_pair(tag) for tag in tags]
    if len(dict(pairs)) != len(pairs) or not all(value for _, value in pairs):
        raise ValueError(f"a tag is empty or given twice: {line!r}")
    numbers = [_pair(field) for field in _split(fields, ",")]
    if len(dict(numbers)) != len(numbers):
        raise ValueError(f"a field is given twice: {line!r}")
    return Line(_unescape(name), dict(pairs), {k: _number(v) for k, v in numbers}, int(time_ns))


def _split(text: str, separator: str) -> list[str]:
    parts = [""]
    at = 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            parts[-1] += text[at : at + 2]  # InfluxDB skips whatever follows a backslash
            at += 2
            continue
        if text[at] == separator:
            parts.append("")
        else:
            parts[-1] += text[at]
        at += 1
    return parts


def _pair(text: str) -> tuple[str, str]:
    key, value = _split(text, "=")
    return _unescape(key), _unescape(value)


def _unescape(text: str) -> str:
    for character in ", =":
        text = text.replace(f"\\{character}", character)
    return text


def _number(text: str) -> float | int:
    return int(text[:-1]) if text.endswith("i") else float(text)
