"""What stands in texts: cells, pairs, numbers among words, known patterns.

Nothing here is built from a profile but plain comparisons of text, so no profile and no payload can
make it slow: each function goes over its text once for each part of the pattern at most.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from device_profiles.json_path import ABSENT

CELLS_MAX: Final = 1_024
NUMBER_CHARS_MAX: Final = 200
"""Longer texts stand for no number."""
LINES_MAX: Final = 4_096


ANYTHING: Final = "_"
"""The name of a place in a pattern whose text nobody needs."""


class _Unreadable:
    """What cannot be read as the profile says."""

    def __repr__(self) -> str:
        return "UNREADABLE"


UNREADABLE: Final = _Unreadable()

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
# a number that letters run into is part of a name: CO2, PM2.5
_IN_TEXT: Final = re.compile(
    r"(?<![\w.,])[+\-−]?(?:[0-9](?:[0-9.,'’\u00a0\u202f]*[0-9])?|[.,][0-9]+)"
    r"(?P<exponent>[eE][+-]?[0-9]{1,3}(?![0-9]))?"
)
_MAY_GO_ON: Final = re.compile(r" [0-9]{3}(?![0-9])")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:([.,'’\u00a0\u202f])[0-9]{3})(?:\1[0-9]{3})*")
_UNIT: Final = re.compile(r"\s*([^\s0-9,;|]{1,16})")
_BETWEEN_PAIRS: Final = re.compile(r"[;,&\s]+")
_KEY_END: Final = re.compile(r"[=:]")


def plain_number(text: str) -> float | None:
    """Return the number a text is, as makers of JSON send it in quotation marks; None for others.

    >>> plain_number("37.00"), plain_number(" 21 "), plain_number("21 C")
    (37.0, 21, None)
    """
    text = text.strip()
    if len(text) > NUMBER_CHARS_MAX or not _NUMBER.fullmatch(text):
        return None
    is_short_integer = len(text) < 16 and text.lstrip("+-").isdecimal()
    number = int(text) if is_short_integer else float(text)
    return number if math.isfinite(number) else None


def number_in_text(text: str, decimal: str, units: Mapping[str, float]) -> Any:
    """Return the first number in a text, or UNREADABLE.

    Args:
        text: `23.5 °C`, `T: -1,234.5`.
        decimal: `point` or `comma`; the other sign, apostrophes and hard blanks group thousands.
            A blank could as well stand between two numbers: `1 234` is refused.
        units: what a unit behind the number multiplies it by; another unit is refused.
    """
    match = _IN_TEXT.search(text[:NUMBER_CHARS_MAX])
    if match is None or _MAY_GO_ON.match(text, match.end()):
        return UNREADABLE
    number = _ungrouped(match[0], match["exponent"] or "", decimal)
    if number is None:
        return UNREADABLE
    if not units:
        return number
    unit = _UNIT.match(text, match.end())
    factor = units.get(unit[1]) if unit is not None else None
    return UNREADABLE if factor is None else number * factor


def _ungrouped(text: str, exponent: str, decimal: str) -> float | None:
    text = text.removesuffix(exponent).replace("−", "-")
    whole, mark, fraction = text.partition("." if decimal == "point" else ",")
    sign = whole[:1] if whole[:1] in ("+", "-") else ""
    digits = whole[len(sign) :]
    if not digits.isdecimal():
        if digits and not _GROUPED.fullmatch(digits):
            return None
        digits = re.sub(r"[^0-9]", "", digits)
    return plain_number(sign + digits + ("." if mark else "") + fraction + exponent)


def hex_number(text: str) -> Any:
    """Return the number that a text is in hexadecimal (`00EB`, `0x1f`), or UNREADABLE."""
    text = text.strip().lower().removeprefix("0x")
    if not 0 < len(text) <= 16 or any(one not in "0123456789abcdef" for one in text):
        return UNREADABLE
    return int(text, 16)


def cells(text: str, separator: str, columns: Sequence[str]) -> Any:
    """Return the cells of the first line that is not empty: a list, or by name with `columns`."""
    line = next((one for one in text.splitlines() if one.strip()), "")
    if len(separator) > 1:
        found = line.split(separator)
    else:
        try:
            found = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        except (csv.Error, TypeError, ValueError):
            return UNREADABLE
    if len(found) > CELLS_MAX:
        return UNREADABLE
    found = [cell.strip() for cell in found]
    return dict(zip(columns, found, strict=False)) if columns else found


def lines(text: str) -> Any:
    """Return the lines that are not empty."""
    found = [line.strip() for line in text.splitlines() if line.strip()]
    return found if len(found) <= LINES_MAX else UNREADABLE


def pairs(text: str, separator: str | None, assign: str | None) -> Any:
    """Return `T=21.5;H=40` as {"T": "21.5", "H": "40"}."""
    parts = text.split(separator) if separator is not None else _BETWEEN_PAIRS.split(text)
    if len(parts) > CELLS_MAX:
        return UNREADABLE
    found: dict[str, str] = {}
    for part in parts:
        key, value = _pair(part, assign)
        if key:
            found[key] = value
    return found


def _pair(part: str, assign: str | None) -> tuple[str, str]:
    if assign is not None:
        key, mark, value = part.partition(assign)
        return (key.strip(), value.strip()) if mark else ("", "")
    match = _KEY_END.search(part)
    if match is None:
        return "", ""
    return part[: match.start()].strip(), part[match.end() :].strip()


class TextPattern(NamedTuple):
    """Literal texts with places between them: one text more than places."""

    literals: tuple[str, ...]
    names: tuple[str, ...]
    """Of the places; empty ones have none."""

    @classmethod
    def of(cls, pattern: str) -> TextPattern:
        """Take a pattern such as `T={t} C` apart.

        Raises:
            ValueError: places touch, or some have names and others none.
        """
        literals: list[str] = []
        names: list[str] = []
        rest = pattern
        while "{" in rest:
            literal, _, rest = rest.partition("{")
            name, closed, rest = rest.partition("}")
            if not closed or "{" in name:
                raise ValueError("braces stand for values: {} or {name}")
            if names and not literal:
                raise ValueError("nothing stands between two values")
            literals.append(literal)
            names.append(name.strip())
        wanted = [name for name in names if name != ANYTHING]
        if any(wanted) and not all(wanted):
            raise ValueError("name all values or none")
        if len(set(wanted)) != len(wanted) and any(wanted):
            raise ValueError("names a value twice")
        return cls((*literals, rest), tuple(names))

    def match(self, text: str) -> Any:
        """Return what stands in the places: a list, or by name; ABSENT for another text."""
        text = text.strip()
        first, *others = self.literals
        if not text.startswith(first.lstrip()):
            return ABSENT
        at = len(first.lstrip())
        found: list[str] = []
        named: dict[str, str] = {}
        for number, (name, literal) in enumerate(zip(self.names, others, strict=True), 1):
            is_last = number == len(others)
            wanted = literal.rstrip() if is_last else literal
            end = self._end(text, wanted, at, is_last=is_last)
            if end < 0:
                return ABSENT
            if name and name != ANYTHING:
                named[name] = text[at:end].strip()
            elif not name:
                found.append(text[at:end].strip())
            at = end + len(wanted)
        return named or found

    @staticmethod
    def _end(text: str, literal: str, at: int, *, is_last: bool) -> int:
        if not is_last:
            return text.find(literal, at)
        end = len(text) - len(literal)
        return end if end >= at and text.endswith(literal) else -1
