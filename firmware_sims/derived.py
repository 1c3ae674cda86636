"""Points that are made of others: factors held elsewhere, and sums, ratios and percentages.

The truth of such a point is worked out forwards, from what its parts show. For a number that it
shall show, its parts are found backwards, so that a reader who puts them together gets it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Numbers = Mapping[str, float | None]
Show = Callable[[str, float], float]
"""What a point shows when it is let hold a number."""

FactorKind = Literal["power_of_ten", "times", "over"]
Operation = Literal["sum", "difference", "product", "ratio", "percent_of"]


@dataclass(frozen=True, slots=True)
class Factor:
    """Another point whose number scales this one: SunSpec's scale factor, a transformer's ratio."""

    kind: FactorKind
    point: str


def exact(number: float) -> Fraction:
    """A float as the decimal that it is written as."""
    return Fraction(repr(float(number)))


def factor_of(factors: Iterable[Factor], numbers: Numbers) -> Fraction | None:
    """The product of all factors; None while one of them has no number, or divides by 0."""
    product = Fraction(1)
    for factor in factors:
        number = numbers.get(factor.point)
        if number is None or not math.isfinite(number):
            return None
        if factor.kind == "power_of_ten":
            product *= Fraction(10) ** round(number)
        elif factor.kind == "times":
            product *= exact(number)
        elif number == 0:
            return None
        else:
            product /= exact(number)
    return product


@dataclass(frozen=True, slots=True)
class Computed:
    """A point that a reader works out of others.

    Args:
        terms: the parts, each with the number that it is multiplied by.
        scale, offset: applied to the result.
        constants: parts that hold what they hold when the others are found backwards.
    """

    name: str
    operation: Operation
    terms: Sequence[tuple[str, float]]
    scale: float = 1.0
    offset: float = 0.0
    constants: frozenset[str] = frozenset()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the parts."""
        return tuple(name for name, _ in self.terms)

    def value(self, numbers: Numbers) -> float | None:
        """What a reader gets; None where a part has no number."""
        parts: list[Fraction] = []
        for name, scale in self.terms:
            number = numbers.get(name)
            if number is None or not math.isfinite(number):
                return None
            parts.append(exact(number) * exact(scale))
        result = self._result(parts)
        if result is None:
            return None
        return float(result * exact(self.scale) + exact(self.offset))

    def _result(self, parts: list[Fraction]) -> Fraction | None:
        match self.operation:
            case "sum":
                return sum(parts, Fraction(0))
            case "difference":
                return parts[0] - parts[1]
            case "product":
                return math.prod(parts, start=Fraction(1))
            case "percent_of":
                return parts[0] * parts[1] / 100
            case _:
                return parts[0] / parts[1] if parts[1] else None

    def spread(self, target: float, numbers: Numbers, free: frozenset[str], show: Show) -> None:
        """Let the free parts show numbers that make `target`.

        Args:
            target: what the point shall show.
            numbers: what all parts show now.
            free: parts that nothing else decides about.
            show: lets a part hold a number.
        """
        wanted = (target - self.offset) / self.scale
        if self.operation == "sum":
            self._spread_sum(wanted, numbers, free, show)
            return
        name = self._main(free)
        if name is None:
            return
        index = self.inputs.index(name)
        scale = self.terms[index][1]
        others = [
            (numbers.get(one) or 0.0) * by for at, (one, by) in enumerate(self.terms) if at != index
        ]
        number = self._solved(wanted, index, others)
        if number is not None:
            show(name, number / scale)

    def _main(self, free: frozenset[str]) -> str | None:
        """The part that is found: the first free one that is no constant, else the first free."""
        candidates = [name for name in self.inputs if name in free]
        moving = [name for name in candidates if name not in self.constants]
        return next(iter(moving or candidates), None)

    def _solved(self, wanted: float, index: int, others: list[float]) -> float | None:
        if self.operation == "difference":
            return wanted + others[0] if index == 0 else others[0] - wanted
        if self.operation == "ratio":
            return wanted * others[0] if index == 0 else _by(others[0], wanted)
        product = math.prod(others)
        if self.operation == "percent_of":
            product /= 100
        return _by(wanted, product)

    def _spread_sum(
        self, wanted: float, numbers: Numbers, free: frozenset[str], show: Show
    ) -> None:
        """Coarse parts take whole steps, the finest takes the rest, as split counters do."""
        rest = wanted
        parts = []
        for name, scale in self.terms:
            if name in free:
                parts.append((name, scale))
            else:
                rest -= (numbers.get(name) or 0.0) * scale
        parts.sort(key=lambda part: -abs(part[1]))
        while parts:
            scale = parts[0][1]
            alike = [part for part in parts if part[1] == scale]
            parts = parts[len(alike) :]
            for index, (name, _) in enumerate(alike):
                share = rest / scale / (len(alike) - index)
                last = not parts and index == len(alike) - 1
                # a little is added so that 3 steps do not become 2 by the rounding of floats
                number = share if last else math.floor(share + 1e-9)
                rest -= show(name, float(number)) * scale


def _by(number: float, divisor: float) -> float | None:
    return None if divisor == 0 else number / divisor


def in_order(computed: Iterable[Computed]) -> list[Computed]:
    """Computed points so that each comes after those that it is made of."""
    waiting = {one.name: one for one in computed}
    ordered: list[Computed] = []
    while waiting:
        ready = [one for one in waiting.values() if not set(one.inputs) & waiting.keys()]
        if not ready:
            raise ValueError(f"{', '.join(sorted(waiting))}: computed from each other")
        ordered += ready
        for one in ready:
            del waiting[one.name]
    return ordered
