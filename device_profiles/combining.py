"""Values that are made of several points.

A decoder knows one reply; a SunSpec value waits for its scale factor, a meter's for the ratio of
its current transformer, a sum for both of its registers. A `Combiner` finishes such points from
the readings of all that they rest upon. Factors that are read once are given again and again.

Results are exact as `scaling` is: numbers are the decimals they are shown as, and a result is
rounded once. What rests on a bad reading has its quality; what rests on an uncertain one is
uncertain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Final, NamedTuple, Protocol, Self

from campus_wire.quality import Quality
from device_profiles.conversions import bounds_of
from device_profiles.model import ModbusProfile
from device_profiles.model_compute import Compute, Operation
from device_profiles.model_modbus import ModbusPoint, ModbusRead
from device_profiles.reading import Reading
from device_profiles.references import in_order_of_inputs, inputs_of
from device_profiles.scaling import EXACT_INT_MAX, Bounds, Linear, exact

EXPONENT_MAX: Final = 20
"""Of a scale factor; SunSpec has -10 to 10."""

Known = Mapping[str, Reading]


class _Recipe(Protocol):
    """How one point is made."""

    def make(self, known: Known) -> Reading:
        """Return the point's reading from those of its inputs, and its own before factors."""
        ...


class Combiner:
    """Finishes the points of one device; make it with `Combiner.of`.

    `points` are the wanted ones that are numbers; `needs` are all points to be read for them, in
    the order of the profile, themselves and texts included.
    """

    def __init__(self, profile: ModbusProfile, wanted: Sequence[ModbusPoint]) -> None:
        by_name = {**profile.points_by_name, **{point.name: point for point in wanted}}
        order = in_order_of_inputs(by_name, [point.name for point in wanted])
        used = [one for name in order if isinstance(one := by_name[name], ModbusPoint)]
        self.points = tuple(point.name for point in wanted if _is_number(point))
        read = {point.name for point in used if point.read is not None}
        self.needs = tuple(name for name in by_name if name in read)
        self._recipes = tuple((one.name, _recipe(one)) for one in used if inputs_of(one))
        self._inputs = {one.name: inputs_of(one) for one in used}
        self._read = read

    @classmethod
    def of(cls, profile: ModbusProfile, points: Iterable[ModbusPoint]) -> Self | None:
        """Return a combiner for these points, or None where each is made of its reply alone."""
        wanted = list(points)
        if not any(inputs_of(point) for point in wanted):
            return None
        return cls(profile, wanted)

    def sources(self, point: str) -> frozenset[str]:
        """Return the points read for this one: the oldest of them gives its time."""
        found: set[str] = set()
        waiting = [point]
        while waiting:
            name = waiting.pop()
            if name in self._read:
                found.add(name)
            waiting.extend(self._inputs.get(name, ()))
        return frozenset(found)

    def combine(self, known: Known) -> list[Reading]:
        """Return the readings of `points`, in their order.

        Args:
            known: what decoders made of the newest replies, by name. What is missing was never
                read.
        """
        made = dict(known)
        for name, recipe in self._recipes:
            made[name] = recipe.make(made)
        return [made.get(name) or _bad(name, Quality.NEVER_READ) for name in self.points]


def _is_number(point: ModbusPoint) -> bool:
    return point.is_readable and not point.is_text


def _recipe(point: ModbusPoint) -> _Recipe:
    if point.compute is not None:
        return Computed(point.name, point.compute, bounds_of(point))
    assert point.read is not None, f"{point.name} is neither read nor computed"
    return _Multiplied(point.name, point.read, bounds_of(point))


class _Multiplied:
    """A value that other points multiply or divide."""

    def __init__(self, name: str, read: ModbusRead, bounds: Bounds) -> None:
        self._name = name
        self._bounds = bounds
        self._inputs = read.factors
        self._factor_of = factor_of(read)
        # factors hardly ever change, so what the last ones make is kept
        self._seen: list[Reading | None] = []
        self._linear: Linear | None = None
        self._quality = Quality.NEVER_READ

    def make(self, known: Known) -> Reading:
        own = known.get(self._name)
        if own is None or own.value is None:
            return own or _bad(self._name, Quality.NEVER_READ)
        factors = [known.get(name) for name in self._inputs]
        if factors != self._seen:
            self._look_at(known)
            self._seen = factors
        linear = self._linear
        if linear is None:
            return _bad(self._name, self._quality)
        value = own.value
        result = linear.of_int(value) if isinstance(value, int) else linear.of_float(value)
        quality = self._quality if own.quality is Quality.GOOD else own.quality
        return _judged(self._name, result, quality, self._bounds)

    def _look_at(self, known: Known) -> None:
        values, self._quality = _inputs(known, self._inputs)
        self._linear = None
        if values is not None:
            factor = self._factor_of(values)
            if factor is None:
                self._quality = Quality.UNDECODABLE
            else:
                self._linear = Linear.exactly(factor, Fraction(0))


def factor_of(read: ModbusRead) -> Callable[[Sequence[float]], Fraction | None]:
    """Return what makes one factor of the values of `read.factors`.

    It returns None where there is none: a divisor of 0, an exponent that is no whole number or too
    large.
    """
    has_exponent = read.scale_factor is not None
    divisors_at = len(read.factors) - len(read.divisor)

    def factor(values: Sequence[float]) -> Fraction | None:
        result = Fraction(1)
        if has_exponent:
            exponent = values[0]
            if exponent != int(exponent) or abs(exponent) > EXPONENT_MAX:
                return None
            result = Fraction(10) ** int(exponent)
        result *= prod(map(exact, values[has_exponent:divisors_at]), start=Fraction(1))
        below = prod(map(exact, values[divisors_at:]), start=Fraction(1))
        return result / below if below else None

    return factor


class Computed(NamedTuple):
    """A value that is computed of others."""

    name: str
    compute: Compute
    bounds: Bounds

    def make(self, known: Known) -> Reading:
        """Return its reading, from those of the points it is made of."""
        values, quality = _inputs(known, self.compute.points)
        if values is None:
            return _bad(self.name, quality)
        terms = [
            exact(value) * exact(term.scale)
            for value, term in zip(values, self.compute.terms, strict=True)
        ]
        result = _operate(self.compute.operation, terms)
        if result is None:
            return _bad(self.name, Quality.UNDECODABLE)
        result = result * exact(self.compute.scale) + exact(self.compute.offset)
        return _judged(self.name, _number(result), quality, self.bounds)


def _operate(operation: Operation, terms: Sequence[Fraction]) -> Fraction | None:
    match operation:
        case Operation.SUM:
            return sum(terms, start=Fraction(0))
        case Operation.DIFFERENCE:
            return terms[0] - terms[1]
        case Operation.PRODUCT:
            return prod(terms, start=Fraction(1))
        case Operation.RATIO:
            return terms[0] / terms[1] if terms[1] else None
        case Operation.PERCENT_OF:
            return terms[0] * terms[1] / 100


def _number(result: Fraction) -> float:
    if result.denominator == 1 and abs(result) <= EXACT_INT_MAX:
        return int(result)
    try:
        return float(result)
    except OverflowError:
        return float("inf")


def _inputs(known: Known, names: Sequence[str]) -> tuple[tuple[float, ...] | None, Quality]:
    """Return the values of these points and the quality of what is made of them.

    The values are None where one of them has none.
    """
    values: list[float] = []
    worst = Quality.GOOD
    for name in names:
        reading = known.get(name)
        if reading is None:
            return None, Quality.NEVER_READ
        if reading.value is None:
            return None, reading.quality
        if reading.quality is not Quality.GOOD and worst is Quality.GOOD:
            worst = reading.quality
        values.append(reading.value)
    return tuple(values), worst


def _judged(name: str, value: float, quality: Quality, bounds: Bounds) -> Reading:
    judged = bounds.judge(value)
    if judged is Quality.OUT_OF_RANGE:
        return _bad(name, judged)
    return Reading(name, value, quality if judged is Quality.GOOD else judged)


def _bad(name: str, quality: Quality) -> Reading:
    return Reading(name, None, quality)
