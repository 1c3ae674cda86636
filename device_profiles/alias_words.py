"""Words of Home Assistant and Telegraf for values, turned into ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from device_profiles.registers import DataType, Kind, kind, register_count

Plain = Any
"""A value as JSON would hold it."""

TEXT_PLACES: Final = {"lower": "low_byte", "upper": "high_byte", "both": "two_per_register"}
"""Telegraf's `string_register_location`."""
WRITE_TYPES: Final = {"coil": 5, "holding": 6, "coils": 15, "holdings": 16}
"""Home Assistant's `write_type`, as function codes."""
PARITIES: Final = {"none": "N", "even": "E", "odd": "O"}
SWAPS: Final = ("none", "byte", "word", "word_byte")
VAGUE_ORDERS: Final = (
    "big",
    "little",
    "big-endian",
    "little-endian",
    "big_endian",
    "little_endian",
)
"""Of bytes, of registers? Makers mean different things by them."""

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0}
_LETTERS: Final = "ABCDEFGH"


class RefusedWord(ValueError):  # noqa: N818 - a word, told as a mistake of the file
    """A word that cannot be taken over.

    Args:
        message: what is wrong with it.
        remedy: what to write.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def data_type(value: Plain, holder: Mapping[str, Plain]) -> Plain:
    """`INT16` is `int16`; `BIT` is a boolean, or nothing where `bit` says which of a register."""
    if not isinstance(value, str):
        return value
    if value.lower() == "bit":
        return None if "bit" in holder else "bool"
    return value.lower() if value.isupper() else value


def byte_order(value: Plain, _: Mapping[str, Plain]) -> Plain:
    """Refuse words that do not tell the order of bytes from that of registers."""
    if isinstance(value, str) and value.lower() in VAGUE_ORDERS:
        message = f"{value} does not say in which order the registers come"
        raise RefusedWord(message, "write the letters: ABCD, CDAB, BADC or DCBA")
    return value


def swapped(value: Plain, holder: Mapping[str, Plain]) -> Plain:
    """Return the letters for `swap: none | byte | word | word_byte`."""
    if value not in SWAPS:
        raise RefusedWord(f"must be {', '.join(SWAPS)}, not {value!r}", "or give byte_order")
    try:
        of_type = DataType(holder.get("data_type") or "uint16")
    except ValueError:  # which is a mistake of its own
        return None
    if kind(of_type) is Kind.SPAN and value in ("word", "word_byte"):
        raise RefusedWord(f"the registers of a {of_type} cannot be swapped")
    letters = _LETTERS[: 2 * register_count(of_type)]
    words = [letters[at : at + 2] for at in range(0, len(letters), 2)]
    if value in ("word", "word_byte"):
        words.reverse()
    if value in ("byte", "word_byte"):
        words = [word[::-1] for word in words]
    return "".join(words)


def length(value: Plain, holder: Mapping[str, Plain]) -> Plain:
    """Take `count` as the registers of a text; for numbers it must be what the type takes."""
    try:
        of_type = DataType(holder.get("data_type") or "")
    except ValueError:
        return value
    if kind(of_type) is Kind.SPAN:
        return value
    if value != register_count(of_type):
        raise RefusedWord(f"a {of_type} takes {register_count(of_type)} registers")
    return None


def text_place(value: Plain, _: Mapping[str, Plain]) -> Plain:
    """Return our `text` for Telegraf's `string_register_location`."""
    return {"form": _word(value, TEXT_PLACES)}


def write_function(value: Plain, _: Mapping[str, Plain]) -> Plain:
    """Return the function code of Home Assistant's `write_type`."""
    return _word(value, WRITE_TYPES)


def parity(value: Plain, _: Mapping[str, Plain]) -> Plain:
    """`even` is `E`; letters may be small."""
    if not isinstance(value, str):
        return value
    ours = PARITIES.get(value.lower(), value.upper())
    return ours if ours in PARITIES.values() else value


def milliseconds(value: Plain, _: Mapping[str, Plain]) -> Plain:
    """Return seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedWord("must be a number of milliseconds")
    return value / 1000


def seconds(value: Plain, _: Mapping[str, Plain]) -> Plain:
    """Return seconds of a number or of Telegraf's `100ms`."""
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if found is None:
            raise RefusedWord(f"{value!r} is no time such as 100ms", "give a number of seconds")
        return round(float(found[1]) * _UNIT_S[found[2]], 6)
    return value


def _word(value: Plain, words: Mapping[str, Plain]) -> Plain:
    if not isinstance(value, str) or value not in words:
        raise RefusedWord(f"must be {', '.join(words)}, not {value!r}")
    return words[value]
