"""Dates and times spread over registers, as a device's own clock shows them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from firmware_sims.patterns import Form, pattern_of, raw_of_pattern

Part = Literal["year", "month", "day", "hour", "minute", "second", "millisecond"]


@dataclass(frozen=True, slots=True)
class MomentField:
    """One part of a date or time.

    Args:
        register: counted from the first of the value.
        shift, width: its bits in the register.
        plus: what is added to the number in the register (2000 for years of two digits).
        form: `bcd` or plain.
    """

    part: Part
    register: int
    shift: int = 0
    width: int = 16
    plus: int = 0
    form: Form = "plain"


@dataclass(frozen=True)
class MomentForm:
    """How a moment stands in registers; its number is Unix seconds.

    Args:
        length: registers.
        fields: the parts that the device shows; what is missing is the least there is.
        utc_offset_s: how far the device's clock is ahead of UTC.
        swapped: the second byte of each register comes first.
    """

    length: int
    fields: Sequence[MomentField]
    utc_offset_s: int = 8 * 3600
    swapped: bool = False

    @property
    def register_count(self) -> int:
        """Registers of two bytes."""
        return self.length

    @property
    def _zone(self) -> dt.timezone:
        return dt.timezone(dt.timedelta(seconds=self.utc_offset_s))

    def shown(self, number: float) -> float:
        """The number that a reader without mistakes gets."""
        return self.from_bytes(self.to_bytes(number))

    def to_bytes(self, number: float) -> bytes:
        """The registers that show a moment; what is in none of the parts is 0."""
        local = dt.datetime.fromtimestamp(number, self._zone)
        words = [0] * self.length
        for field in self.fields:
            value = self._part_of(local, field.part) - field.plus
            pattern = pattern_of(max(0, value), field.form, field.width)
            words[field.register] |= (pattern & ((1 << field.width) - 1)) << field.shift
        return self._bytes(words)

    @staticmethod
    def _part_of(local: dt.datetime, part: Part) -> int:
        if part == "millisecond":
            return local.microsecond // 1000
        value: int = getattr(local, part)
        return value

    def from_bytes(self, wire: bytes) -> float:
        """The moment that registers show; NaN where that is no date."""
        words = self._words(wire)
        parts: dict[str, int] = {"year": 1970, "month": 1, "day": 1}
        for field in self.fields:
            pattern = (words[field.register] >> field.shift) & ((1 << field.width) - 1)
            value = raw_of_pattern(pattern, field.form, field.width)
            if value is None:
                return math.nan
            parts[field.part] = value + field.plus
        milliseconds = parts.pop("millisecond", 0)
        try:
            whole = dt.datetime(**parts, tzinfo=self._zone).timestamp()
        except ValueError:
            return math.nan
        return whole + milliseconds / 1000

    def _bytes(self, words: Sequence[int]) -> bytes:
        order: Literal["little", "big"] = "little" if self.swapped else "big"
        return b"".join(word.to_bytes(2, order) for word in words)

    def _words(self, wire: bytes) -> list[int]:
        order: Literal["little", "big"] = "little" if self.swapped else "big"
        return [int.from_bytes(wire[at : at + 2], order) for at in range(0, len(wire), 2)]
