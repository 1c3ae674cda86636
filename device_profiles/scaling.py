"""Raw numbers to values and back, rounded once and correctly.

Scale and offset are taken as the decimals they are written as: 215 with a scale of 0.1 is
21.5, and 3 is 0.3, not 0.30000000000000004. `raw * scale + offset` becomes `(raw * a + b) / c` in
whole numbers, which Python divides with a single rounding. Where c is 1 the result stays a whole
number.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Final, NamedTuple

from campus_wire.limits import VALUE_ABS_MAX
from campus_wire.quality import Quality

EXACT_INT_MAX: Final = 2**53
"""Larger whole numbers become floats, as every reader of JSON would read them."""

_HALF_ULP32: Final = 2.0**28
_THREE_DECIMALS_BELOW: Final = 8192.0
"""Below, at most one number of three decimals stands for the same 32-bit float, and it is found
three times as fast as by way of text."""


def exact(number: float) -> Fraction:
    """Return the decimal a float was written as.

    >>> exact(0.1)
    Fraction(1, 10)
    """
    return Fraction(repr(number))


class Linear(NamedTuple):
    """`value = (raw * a + b) / c`, in whole numbers."""

    a: int
    b: int
    c: int

    @classmethod
    def of(cls, scale: float, offset: float) -> Linear:
        """Return the exact form of `raw * scale + offset`."""
        return cls.exactly(exact(scale), exact(offset))

    @classmethod
    def exactly(cls, by: Fraction, plus: Fraction) -> Linear:
        """Return the form of `raw * by + plus`."""
        c = math.lcm(by.denominator, plus.denominator)
        return cls(int(by * c), int(plus * c), c)

    def of_int(self, raw: int) -> float:
        """Return the value of a whole number; infinity for what no float can hold."""
        number = raw * self.a + self.b
        try:
            if self.c != 1:
                return number / self.c
            return number if -EXACT_INT_MAX <= number <= EXACT_INT_MAX else float(number)
        except OverflowError:
            return math.inf

    def of_float(self, raw: float) -> float:
        """Return the value of a float, taken as its shortest decimal; infinity as in `of_int`."""
        if self == IDENTITY:
            return raw
        try:
            return float((exact(raw) * self.a + self.b) / self.c)
        except OverflowError:
            return math.inf

    def raw_of(self, value: float | Fraction) -> Fraction:
        """Return the raw number that stands for a value, exactly."""
        decimal = value if isinstance(value, Fraction) else exact(value)
        return (decimal * self.c - self.b) / self.a


IDENTITY: Final = Linear(1, 0, 1)


def shortest_float32(number: float) -> float:
    """Return a decimal as short as possible (bar exact ties) that still is this 32-bit float.

    A meter that computes 230.1 in 32 bits sends 230.10000610351562; 230.1 is what it shows.
    """
    # the same 32-bit float: within half its last place, which lies 29 bits above that of 64 bits
    enough = math.ulp(number) * _HALF_ULP32
    if -_THREE_DECIMALS_BELOW < number < _THREE_DECIMALS_BELOW:
        short = round(number * 1000) / 1000
        if abs(short - number) < enough:
            return short
    short = float(f"{number:.7g}")
    if abs(short - number) < enough:
        return short
    short = float(f"{number:.8g}")
    return short if abs(short - number) < enough else float(f"{number:.9g}")


def shortest_float16(number: float) -> float:
    """Return a decimal as short as possible that still is this 16-bit float.

    Whole numbers stay as they are: 10008 is the nearest to 10010, too, but shows as it was sent.
    """
    if number.is_integer():
        return number
    same = struct.pack(">e", number)
    for digits in range(1, 5):
        short = float(f"{number:.{digits}g}")
        if struct.pack(">e", short) == same:
            return short
    return float(f"{number:.5g}")


class Bounds(NamedTuple):
    """What values a point may have."""

    minimum: float
    maximum: float
    states: frozenset[int]

    @classmethod
    def of(
        cls, minimum: float | None, maximum: float | None, states: frozenset[int] = frozenset()
    ) -> Bounds:
        """Return the bounds of a point; None is bounded by what the wire carries."""
        return cls(
            -VALUE_ABS_MAX if minimum is None else minimum,
            VALUE_ABS_MAX if maximum is None else maximum,
            states,
        )

    def judge(self, value: float) -> Quality:
        """Return the quality of a value.

        A number that is none of the states is uncertain, not bad: the device may know more states
        than its manual.
        """
        if not self.minimum <= value <= self.maximum:
            return Quality.OUT_OF_RANGE
        if self.states and value not in self.states:
            return Quality.UNCERTAIN
        return Quality.GOOD
