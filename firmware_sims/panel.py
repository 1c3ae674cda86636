"""What a device's registers hold, and what a reader without mistakes makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from firmware_sims.codec import Encoding
from firmware_sims.derived import Computed, Factor, exact, factor_of, in_order
from firmware_sims.registers import RegisterImage, RegisterPoint
from firmware_sims.texts import TextForm


@dataclass(frozen=True, slots=True)
class Relations:
    """How points hang together.

    Args:
        factors: what multiplies or divides a point.
        computed: points that a reader works out; they stand in no register.
        driven: parts of computed points that these may set; others hold what they hold.
        wraps: where counters begin again, in the point's unit.
    """

    factors: Mapping[str, Sequence[Factor]] = field(default_factory=dict)
    computed: Sequence[Computed] = ()
    driven: frozenset[str] = frozenset()
    wraps: Mapping[str, float] = field(default_factory=dict)


class Panel:
    """The numbers and texts of a device, in its registers.

    Args:
        points: the map.
        image: the tables.
        relations: how points hang together.

    `shown` has the number of each point as a reader gets it, None where there is none; `texts` the
    texts.
    """

    def __init__(
        self, points: Sequence[RegisterPoint], image: RegisterImage, relations: Relations
    ) -> None:
        self.shown: dict[str, float | None] = {}
        self.texts: dict[str, str] = {}
        self.image = image
        self._relations = relations
        self._points = {point.name: point for point in points}
        self._held: dict[str, float | None] = {}
        self._computed = {one.name: one for one in in_order(relations.computed)}
        self._scaled_by: dict[str, list[str]] = {}
        for name, factors in relations.factors.items():
            for factor in factors:
                self._scaled_by.setdefault(factor.point, []).append(name)
        self._beside = _sharing(points)
        self._special = self._computed.keys() | relations.wraps.keys() | relations.factors.keys()
        self._is_lone = not (self.has_relations or self._beside)

    @property
    def computed(self) -> Mapping[str, Computed]:
        """Points that stand in no register, each after its parts."""
        return self._computed

    @property
    def has_relations(self) -> bool:
        """Whether what a point shows can depend on another one."""
        return bool(self._computed or self._relations.factors)

    def put(self, name: str, number: float) -> bool:
        """Let a point show a number; return whether anything changed."""
        if name in self._special:
            return self._put_special(name, number)
        return self._put_plain(name, number)

    def _put_special(self, name: str, number: float) -> bool:
        computed = self._computed.get(name)
        if computed is not None:
            free = self._relations.driven & set(computed.inputs)
            computed.spread(number, self.shown, frozenset(free), self._show_part)
            return True
        wraps_at = self._relations.wraps.get(name)
        if wraps_at is not None:
            number %= wraps_at
        factors = self._relations.factors.get(name)
        factor = factor_of(factors, self.shown) if factors else None
        return self._put_plain(name, number / float(factor) if factor else number)

    def _put_plain(self, name: str, held: float) -> bool:
        """The common case, which runs for every live point all the time."""
        if math.isnan(held):
            return False
        point = self._points[name]
        encoding = point.encoding
        assert not isinstance(encoding, TextForm)
        shown = encoding.shown(held)
        if self._held.get(name, math.nan) == shown:
            return False
        self.image.put(point, held)
        if self._is_lone:
            self._held[name] = self.shown[name] = shown
        else:
            self._note(name, shown)
            self._take_beside(name)
        return True

    def _take_beside(self, name: str) -> None:
        """See what others show whose registers have just been changed with this point's."""
        beside = self._beside.get(name)
        if beside:
            self.take(other for other in beside if other in self._held)

    def _show_part(self, name: str, number: float) -> float:
        self.put(name, number)
        return self.shown[name] or 0.0

    def put_text(self, name: str, text: str) -> None:
        """Let a point show a text."""
        self.texts[name] = self.image.put_text(self._points[name], text)

    def put_invalid(self, name: str) -> None:
        """Let a point say that it has no reading."""
        computed = self._computed.get(name)
        if computed is not None:
            for part in computed.inputs:
                if part in self._relations.driven:
                    self.put_invalid(part)
            return
        self._note(name, self.image.put_invalid(self._points[name]))
        self._take_beside(name)

    def take(self, names: Iterable[str]) -> None:
        """See what the registers of these points hold after somebody wrote there."""
        for name in names:
            point = self._points[name]
            if point.is_text:
                continue
            held = self.image.get(point)
            self._note(name, None if math.isnan(held) or self._is_marker(point) else held)

    def _is_marker(self, point: RegisterPoint) -> bool:
        if not isinstance(point.encoding, Encoding) or point.encoding.invalid is None:
            return False
        return self.image.holds(point, point.encoding.invalid)

    def _note(self, name: str, held: float | None) -> None:
        """Keep what a register shows, and with it all that depends on it."""
        self._held[name] = held
        self.shown[name] = self._scaled(name, self.shown)
        if not self.has_relations:
            return
        for other in self._scaled_by.get(name, ()):
            if other in self._held:
                self.shown[other] = self._scaled(other, self.shown)
        for computed in self._computed.values():
            self.shown[computed.name] = computed.value(self.shown)

    def _scaled(self, name: str, numbers: Mapping[str, float | None]) -> float | None:
        held = self._held[name]
        factors = self._relations.factors.get(name)
        if held is None or not factors:
            return held
        factor = factor_of(factors, numbers)
        return None if factor is None else float(exact(held) * factor)

    def factor(self, name: str) -> Fraction | None:
        """What a point's registers are multiplied by; None where by nothing."""
        factors = self._relations.factors.get(name)
        return factor_of(factors, self.shown) if factors else None

    def forget(self, name: str) -> None:
        """Let the next `put` write, whatever is shown now."""
        self._held.pop(name, None)

    def derived_by(
        self, names: Iterable[str], served: Mapping[str, float | None]
    ) -> dict[str, float | None]:
        """What a reader can work out who just got these points and has `served` from before."""
        got = set(names)
        numbers = {**self.shown, **served}
        values: dict[str, float | None] = {}
        for computed in self._computed.values():
            if got & set(computed.inputs):
                values[computed.name] = numbers[computed.name] = computed.value(numbers)
                got.add(computed.name)
        return values


def _sharing(points: Sequence[RegisterPoint]) -> dict[str, list[str]]:
    """For each point, the others that stand in some of its registers."""
    at: dict[tuple[str, int | None, int], list[str]] = {}
    for point in points:
        for address in range(point.address, point.end):
            at.setdefault((point.table, point.page, address), []).append(point.name)
    sharing: dict[str, list[str]] = {}
    for names in at.values():
        if len(names) > 1:
            for name in names:
                known = sharing.setdefault(name, [])
                known += [other for other in names if other != name and other not in known]
    return sharing
