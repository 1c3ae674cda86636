"""From a raw number to what it stands for and back, where that is no plain scale and offset.

The way back is found by search, not by algebra: of all raw numbers that a field can hold, the one
whose number is nearest. That is slower than what a reader does, and shares nothing with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol

_GRID_POINTS = 512
_HALVINGS = 80


class Conversion(Protocol):
    """What a raw number stands for."""

    def number(self, raw: float) -> float | None:
        """The number; None where the raw number means none."""

    def raw(self, number: float, low: float, high: float, *, whole: bool) -> float:
        """The raw number from `low` to `high` that stands for the nearest number."""


def _exact(number: float) -> Fraction:
    return Fraction(repr(float(number)))


@dataclass(frozen=True)
class ValueMap:
    """Single raw numbers with a meaning of their own.

    Args:
        by_raw: number by raw number.
        other: what any other raw number means; None is nothing.
        otherwise: how other raw numbers are converted, in place of `other`.
    """

    by_raw: Mapping[int, float]
    other: float | None = None
    otherwise: Conversion | None = None

    def number(self, raw: float) -> float | None:
        """The number; None where the raw number means none."""
        known = self.by_raw.get(int(raw))
        if known is not None:
            return known
        return self.other if self.otherwise is None else self.otherwise.number(raw)

    def raw(self, number: float, low: float, high: float, *, whole: bool) -> float:
        """The raw number that stands for the nearest of the numbers."""
        candidates = [(raw, one) for raw, one in self.by_raw.items() if low <= raw <= high]
        if self.otherwise is not None:
            scaled = int(self.otherwise.raw(number, low, high, whole=whole))
            meant = self.number(scaled)
            if meant is not None:
                candidates.append((scaled, meant))
        elif self.other is not None:
            candidates.append((self._some_other(low), self.other))
        return min(candidates, key=lambda pair: abs(pair[1] - number))[0]

    def _some_other(self, low: float) -> int:
        raw = max(0, int(low))
        while raw in self.by_raw:
            raw += 1
        return raw


@dataclass(frozen=True)
class Scaled:
    """number = raw * scale + offset."""

    scale: float
    offset: float

    def number(self, raw: float) -> float:
        """The number."""
        return float(_exact(raw) * _exact(self.scale) + _exact(self.offset))

    def raw(self, number: float, low: float, high: float, *, whole: bool) -> float:
        """The raw number that stands for the nearest number."""
        raw = max(low, min(high, (number - self.offset) / self.scale))
        return float(round(raw)) if whole else raw


@dataclass(frozen=True)
class Polynomial:
    """number = c0 + c1 raw + c2 raw² and so on."""

    coefficients: Sequence[float]

    @cached_property
    def _exact_coefficients(self) -> list[Fraction]:
        return [_exact(one) for one in self.coefficients]

    def number(self, raw: float) -> float:
        """The number."""
        powers = (c * _exact(raw) ** n for n, c in enumerate(self._exact_coefficients))
        return float(sum(powers, Fraction(0)))

    def _quick(self, raw: float) -> float:
        number = 0.0
        for coefficient in reversed(self.coefficients):
            number = number * raw + coefficient
        return number

    def raw(self, number: float, low: float, high: float, *, whole: bool) -> float:
        """The raw number that stands for the nearest number."""
        return _nearest(self._quick, number, (low, high), whole=whole)


@dataclass(frozen=True)
class Curve:
    """Straight lines between (raw, number) pairs, in the order of raw; nothing outside."""

    pairs: Sequence[tuple[float, float]]

    @cached_property
    def _raws(self) -> list[float]:
        return [raw for raw, _ in self.pairs]

    def number(self, raw: float) -> float | None:
        """The number; None outside the curve."""
        if not self._raws[0] <= raw <= self._raws[-1]:
            return None
        at = min(bisect_right(self._raws, raw), len(self.pairs) - 1)
        (x0, y0), (x1, y1) = self.pairs[at - 1], self.pairs[at]
        slope = (_exact(y1) - _exact(y0)) / (_exact(x1) - _exact(x0))
        return float(_exact(y0) + slope * (_exact(raw) - _exact(x0)))

    def raw(self, number: float, low: float, high: float, *, whole: bool) -> float:
        """The raw number on the curve that stands for the nearest number."""
        best, error = self._raws[0], float("inf")
        for (x0, y0), (x1, y1) in zip(self.pairs, self.pairs[1:], strict=False):
            part = 0.0 if y1 == y0 else max(0.0, min(1.0, (number - y0) / (y1 - y0)))
            raw = max(low, min(high, x0 + part * (x1 - x0)))
            raw = float(round(raw)) if whole else raw
            shown = self.number(max(self._raws[0], min(self._raws[-1], raw)))
            if shown is not None and abs(shown - number) < error:
                best, error = raw, abs(shown - number)
        return best


def _nearest(
    function: Callable[[float], float], number: float, span: tuple[float, float], *, whole: bool
) -> float:
    """Look on a grid for the cell in which `function` passes `number`, and halve it."""
    low, high = span
    step = (high - low) / _GRID_POINTS
    grid = [low + index * step for index in range(_GRID_POINTS + 1)]
    differences = [function(one) - number for one in grid]
    best = min(range(len(grid)), key=lambda index: abs(differences[index]))
    begin, end = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    for a, b in ((best - 1, best), (best, best + 1)):
        inside = a >= 0 and b < len(grid)
        if inside and (
            differences[a] <= 0 <= differences[b] or differences[b] <= 0 <= differences[a]
        ):
            begin, end = grid[a], grid[b]
            break
    raw = _halved(function, number, begin, end)
    if not whole:
        return raw
    nearby = {max(low, min(high, float(round(raw) + n))) for n in (-1, 0, 1)}
    return min(sorted(nearby), key=lambda one: abs(function(one) - number))


def _halved(function: Callable[[float], float], number: float, begin: float, end: float) -> float:
    rising = function(end) >= function(begin)
    for _ in range(_HALVINGS):
        middle = (begin + end) / 2
        if (function(middle) < number) == rising:
            begin = middle
        else:
            end = middle
    return begin if abs(function(begin) - number) <= abs(function(end) - number) else end
