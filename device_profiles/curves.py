"""Scalings that are no straight line: polynomials, and lines from point to point.

Exact as `scaling.Linear` is: coefficients are the decimals they are written as, and the result is
rounded once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from device_profiles.scaling import Linear, exact


class Polynomial(NamedTuple):
    """`value = (c0 + c1 * raw + c2 * raw² + …) / c`, in whole numbers."""

    coefficients: tuple[int, ...]
    """The highest power first."""
    c: int

    @classmethod
    def of(cls, coefficients: Sequence[float]) -> Polynomial:
        """Return the exact form of coefficients given from the constant upwards."""
        decimals = [exact(one) for one in coefficients]
        c = math.lcm(*(one.denominator for one in decimals))
        return cls(tuple(int(one * c) for one in reversed(decimals)), c)

    def of_int(self, raw: int) -> float:
        """Return the value of a whole number; infinity for what no float can hold."""
        number = 0
        for coefficient in self.coefficients:
            number = number * raw + coefficient
        try:
            return number / self.c
        except OverflowError:
            return math.inf

    def of_float(self, raw: float) -> float:
        """Return the value of a float, taken as its shortest decimal; infinity as in `of_int`."""
        decimal, number = exact(raw), Fraction(0)
        for coefficient in self.coefficients:
            number = number * decimal + coefficient
        try:
            return float(number / self.c)
        except OverflowError:
            return math.inf


class Curve(NamedTuple):
    """Straight lines from point to point, with raw numbers that rise."""

    raws: tuple[float, ...]
    values: tuple[float, ...]
    lines: tuple[Linear, ...]
    """One between each point and the next."""

    @classmethod
    def of(cls, points: Sequence[Sequence[float]]) -> Curve:
        """Return the exact form of points `(raw, value)`, in the order of their raw numbers."""
        raws, values = tuple(one[0] for one in points), tuple(one[1] for one in points)
        x, y = list(map(exact, raws)), list(map(exact, values))
        lines = []
        for at in range(len(points) - 1):
            slope = (y[at + 1] - y[at]) / (x[at + 1] - x[at])
            lines.append(Linear.exactly(slope, y[at] - x[at] * slope))
        return cls(raws, values, tuple(lines))

    def of_int(self, raw: int) -> float:
        """Return the value of a whole number; infinity outside the curve."""
        line = self._line(raw)
        return math.inf if line is None else line.of_int(raw)

    def of_float(self, raw: float) -> float:
        """Return the value of a float, taken as its shortest decimal; infinity outside."""
        line = self._line(raw)
        return math.inf if line is None else line.of_float(raw)

    def _line(self, raw: float) -> Linear | None:
        if not self.raws[0] <= raw <= self.raws[-1]:
            return None
        return self.lines[min(bisect_right(self.raws, raw), len(self.lines)) - 1]

    @property
    def can_be_turned_round(self) -> bool:
        """Whether every value on it has one raw number."""
        rises = [
            after > before for before, after in zip(self.values, self.values[1:], strict=False)
        ]
        falls = [
            after < before for before, after in zip(self.values, self.values[1:], strict=False)
        ]
        return all(rises) or all(falls)

    def raw_of(self, value: float | Fraction) -> Fraction | None:
        """Return the raw number that stands for a value, exactly; None outside the curve."""
        for at, line in enumerate(self.lines):
            low, high = sorted(self.values[at : at + 2])
            if low <= value <= high:
                return line.raw_of(value)
        return None


Scaling = Linear | Polynomial | Curve


def scaling_of(
    scale: float,
    offset: float,
    *,
    polynomial: Sequence[float] | None = None,
    curve: Sequence[Sequence[float]] | None = None,
) -> Scaling:
    """Return how raw numbers become values: by curve or polynomial, else by scale and offset."""
    if curve is not None:
        return Curve.of(curve)
    if polynomial is not None:
        if not any(polynomial[2:]):
            return Linear.of(polynomial[1], polynomial[0])
        return Polynomial.of(polynomial)
    return Linear.of(scale, offset)
