"""What stands in a message for a number, and what a reader without mistakes makes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Raw = object
"""What JSON can hold: a number, a text, a truth value, or None."""

_WORD_OTHERWISE = "other"


def raw_of_word(word: str) -> Raw:
    """A word of a profile as JSON has it: its own words and numbers stand without quotation."""
    known = {"true": True, "false": False, "null": None}
    if word in known:
        return known[word]
    number = _number(word)
    return word if number is None else number


def _number(text: str) -> float | int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    is_as_written = not text.startswith("+") and text.strip() == text and "_" not in text
    if not is_as_written or not math.isfinite(number):
        return None
    return int(number) if number == int(number) else number


def _same(one: Raw, other: Raw) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other


@dataclass(frozen=True, slots=True)
class Meaning:
    """The way from a number to what stands in the message, and back.

    Args:
        scale, offset: number = raw * scale + offset.
        decimals: digits after the point of what is sent.
        words: the number of each word.
        other: the number of every other word.
        markers: words that say that there is no value.
        bit, bit_count: the number is in these bits of a whole number.
        unsigned_bits: a negative number is sent without its sign, in so many bits.
        decimal: the number stands in a text, with this sign before its decimals.
        unit: written behind a number in a text.
        is_boolean: true and false are sent.
    """

    scale: float = 1.0
    offset: float = 0.0
    decimals: int = 2
    words: Mapping[str, float] = field(default_factory=dict)
    other: float | None = None
    markers: Sequence[str] = ()
    bit: int | None = None
    bit_count: int = 1
    unsigned_bits: int | None = None
    decimal: Literal["point", "comma"] | None = None
    unit: str = ""
    is_boolean: bool = False

    def raw(self, number: float | None) -> Raw:
        """What is sent for a number; None is no reading."""
        if number is None or number != number:  # noqa: PLR0124 - NaN differs from itself
            return raw_of_word(self.markers[0]) if self.markers else None
        if self.words:
            return self._word_for(number)
        if self.is_boolean:
            return number >= 0.5
        raw = round((number - self.offset) / self.scale, self.decimals)
        whole = int(raw) if raw == int(raw) else raw
        if self.bit is not None:
            return max(0, min(int(raw), (1 << self.bit_count) - 1)) << self.bit
        if self.unsigned_bits is not None:
            return int(raw) & ((1 << self.unsigned_bits) - 1)
        return whole if self.decimal is None else self._text(whole)

    def number(self, raw: Raw) -> float | None:
        """What a reader makes of what was sent; None is no reading."""
        if raw is None or any(_same(raw, raw_of_word(marker)) for marker in self.markers):
            return None
        if self.bit is not None:
            raw = int(_as_number(raw)) >> self.bit & ((1 << self.bit_count) - 1)
        for word, number in self.words.items():
            if _same(raw, raw_of_word(word)):
                return number
        if self.other is not None:
            return self.other
        plain = _as_number(self._plain(raw) if self.decimal is not None else raw)
        if self.unsigned_bits is not None and plain >= 1 << (self.unsigned_bits - 1):
            plain -= 1 << self.unsigned_bits
        return round(plain * self.scale + self.offset, 9)

    def _word_for(self, number: float) -> Raw:
        candidates: list[tuple[float, Raw]] = [
            (one, raw_of_word(word)) for word, one in self.words.items()
        ]
        if self.other is not None:
            candidates.append((self.other, self._some_other()))
        raw = min(candidates, key=lambda pair: abs(pair[0] - number))[1]
        return raw if self.bit is None else int(_as_number(raw)) << self.bit

    def _some_other(self) -> Raw:
        raws = [raw_of_word(word) for word in self.words]
        numbers = [one for one in raws if isinstance(one, int | float)]
        if len(numbers) < len(raws):
            return _WORD_OTHERWISE
        return next(one for one in range(len(numbers) + 1) if one not in numbers)

    def _text(self, number: float) -> str:
        text = repr(number)
        if self.decimal == "comma":
            text = text.replace(".", ",")
        return f"{text} {self.unit}".rstrip()

    def _plain(self, raw: Raw) -> Raw:
        text = str(raw).partition(" ")[0]
        return text.replace(",", ".") if self.decimal == "comma" else text


def _as_number(raw: Raw) -> float:
    if isinstance(raw, bool | int | float):
        return float(raw)
    return float(str(raw))
