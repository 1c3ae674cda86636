"""Every way in which unknown registers can be meant, side by side (pure).

Orders are letters, A the most significant byte: see `device_profiles.registers`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from device_profiles.registers import PATTERNS, expand_pattern
from device_profiles.scaling import shortest_float32

_INTEGERS: Final = {
    1: (("uint16", "H"), ("int16", "h")),
    2: (("uint32", "I"), ("int32", "i")),
    4: (("uint64", "Q"), ("int64", "q")),
}
_FLOATS: Final = {1: ("float16", "e"), 2: ("float32", "f"), 4: ("float64", "d")}
_FLOAT_MIN, _FLOAT_MAX = 1e-3, 1e7
_INTEGER_MAX: Final = 10_000_000
_DIGITS_MAX: Final = 7


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One way of reading registers."""

    first: int
    """Which register it begins with, counted from the first one given."""
    registers: int
    data_type: str
    """As profiles have it, or `bcd`, `mod10k`, `text`, `bits`."""
    byte_order: str
    value: float | str
    plausible: bool

    @property
    def text(self) -> str:
        """The value as a person reads it."""
        if isinstance(self.value, float):
            return f"{self.value:.10g}"
        return str(self.value)


def interpret(words: Sequence[int]) -> list[Interpretation]:
    """Return all readings of some registers, by the register they begin with, then by width."""
    found: list[Interpretation] = []
    for first in range(len(words)):
        for count in (1, 2, 4):
            part = words[first : first + count]
            if len(part) == count:
                found += _numbers(first, part)
                found += _decimals(first, part)
    text = _text(words)
    if text is not None:
        found.append(text)
    return found


def _numbers(first: int, words: Sequence[int]) -> list[Interpretation]:
    count = len(words)
    found = []
    patterns = ("ABCD", "BADC") if count == 1 else PATTERNS
    for pattern in patterns:
        letters = expand_pattern(pattern, count)
        data = _ordered(words, letters)
        for data_type, code in _INTEGERS[count]:
            number = struct.unpack(f">{code}", data)[0]
            good = _plausible_integer(number, count)
            found.append(Interpretation(first, count, data_type, letters, number, good))
        data_type, code = _FLOATS[count]
        number = struct.unpack(f">{code}", data)[0]
        if count == 2 and math.isfinite(number):
            number = shortest_float32(number)
        good = _plausible_float(number)
        shown = number if math.isfinite(number) else str(number)
        found.append(Interpretation(first, count, data_type, letters, shown, good))
    return found


def _ordered(words: Sequence[int], letters: str) -> bytes:
    travelling = b"".join(word.to_bytes(2, "big") for word in words)
    return bytes(travelling[letters.index(letter)] for letter in sorted(letters))


def _plausible_integer(number: int, registers: int) -> bool:
    if registers == 1:
        return number not in (0, -1, 0x8000, 0x7FFF, 0xFFFF, -0x8000)
    # A wide integer that one register would hold shows nothing; neither does a huge one.
    return 0x8000 < abs(number) <= _INTEGER_MAX


def _plausible_float(number: float) -> bool:
    return math.isfinite(number) and _FLOAT_MIN <= abs(number) <= _FLOAT_MAX


def _decimals(first: int, words: Sequence[int]) -> list[Interpretation]:
    """Return the readings as binary-coded decimals and as digits in groups of four."""
    count = len(words)
    orders = (
        [("ABCD", list(words))]
        if count == 1
        else [
            ("ABCD", list(words)),
            ("CDAB", list(reversed(words))),
        ]
    )
    found = []
    for pattern, ordered in orders:
        letters = expand_pattern(pattern, count)
        digits = "".join(f"{word:04X}" for word in ordered)
        if digits.isdecimal() and any(ordered):
            value = int(digits)
            # Any register whose digits are all below A reads as one; say so only of the telling.
            good = (count == 1 and value > 99) or (count == 2 and value > 99_999)
            found.append(Interpretation(first, count, "bcd", letters, value, good))
        if count > 1 and all(word < 10_000 for word in ordered) and ordered[0]:
            value = 0
            for word in ordered:
                value = value * 10_000 + word
            found.append(Interpretation(first, count, "mod10k", letters, value, False))
    return found


def _text(words: Sequence[int]) -> Interpretation | None:
    for order in ("AB", "BA"):
        data = b"".join(
            word.to_bytes(2, "big" if order == "AB" else "little") for word in words
        ).rstrip(b"\0 ")
        if len(data) >= 2 and all(32 <= one < 127 for one in data):
            good = len(data) >= 4
            return Interpretation(0, len(words), "text", order, data.decode("ascii"), good)
    return None


def bits_text(word: int) -> str:
    """Return the numbers of the bits that are set, the highest first; `-` for none."""
    return " ".join(str(bit) for bit in range(15, -1, -1) if word >> bit & 1) or "-"
