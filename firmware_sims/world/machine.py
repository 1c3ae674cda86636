"""Machines: things with physics of their own that stand in an area and act on it.

A machine goes on in its area's steps, so its state too depends on the seed and on what was written
alone. What a point of a device shows is told by the words in its name: each machine says which
quantity answers to which words, and in which unit.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from firmware_sims.signals import noise
from firmware_sims.world.area import Area

# Units of one kind of quantity, each with its size.
_SIZES: tuple[Mapping[str, float], ...] = (
    {"W": 1, "kW": 1e3},
    {"Wh": 1, "kWh": 1e3, "MWh": 1e6, "GJ": 1e9 / 3600},
    {"var": 1, "kvar": 1e3},
    {"varh": 1, "kvarh": 1e3},
    {"VA": 1, "kVA": 1e3},
    {"V": 1, "mV": 1e-3},
    {"A": 1, "mA": 1e-3, "µA": 1e-6},
    {"Pa": 1, "hPa": 100, "kPa": 1e3, "bar": 1e5, "MPa": 1e6},
    {"m³/h": 1, "l/s": 3.6, "l/min": 0.06, "l/h": 1e-3},
    {"m³": 1, "l": 1e-3},
    {"m": 1, "cm": 0.01, "mm": 1e-3},
    {"s": 1, "min": 60, "h": 3600, "d": 86_400},
    {"kg": 1, "g": 1e-3},
    {"ppm": 1, "ppb": 1e-3},
    {"mg/m³": 1, "µg/m³": 1e-3},
)
_PHASES = {"l1": 1, "l2": 2, "l3": 3, "a": 1, "b": 2, "c": 3}


@dataclass(frozen=True, slots=True)
class Answer:
    """Which quantity a point shows or sets.

    Args:
        quantity: its name, with `#n` for the n-th of several.
        factor: from the machine's unit to the point's.
    """

    quantity: str
    factor: float


def unit_factor(given: str, wanted: str) -> float | None:
    """From one unit to another; None where they measure different things."""
    if given == wanted:
        return 1.0
    for sizes in _SIZES:
        if given in sizes and wanted in sizes:
            return sizes[given] / sizes[wanted]
    return None


def words_of(name: str) -> tuple[frozenset[str], int]:
    """The words of a point's name, and which of several it is (0: the only one).

    >>> words_of("indoor_3_power")[1], words_of("voltage_l2")[1], words_of("pm2_5")[1]
    (3, 2, 0)
    """
    parts = re.sub(r"pm(\d+)_(\d)(?!\d)", r"pm\1\2", name).split("_")
    numbers = [
        _PHASES.get(part) or int(part) for part in parts if part in _PHASES or part.isdigit()
    ]
    words = frozenset(part for part in parts if part not in _PHASES and not part.isdigit())
    return words, (numbers[0] if numbers else 0)


def found(rules: Mapping[str, tuple[str, str]], name: str, unit: str) -> Answer | None:
    """The rule whose words are most of those in a point's name, in a unit that fits.

    Args:
        rules: quantity and its unit by words that must be in the name.
        name: of the point.
        unit: of the point.
    """
    words, index = words_of(name)
    best: tuple[int, Answer] | None = None
    for text, (quantity, given) in rules.items():
        wanted = set(text.split())
        factor = unit_factor(given, unit)
        if factor is None or not wanted <= words:
            continue
        if best is None or len(wanted) > best[0]:
            best = len(wanted), Answer(f"{quantity}#{index}" if index else quantity, factor)
    return best[1] if best else None


class Machine(ABC):
    """Something with a state that goes on with its area."""

    shows: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Quantity and unit by the words of a point's name."""
    obeys: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """The same for what a written point sets."""
    begins: ClassVar[Mapping[str, float]] = {}
    """What of that is set at first, in the machine's unit."""

    def __init__(self, room: Area, seed: int) -> None:
        self.room = room
        self.seed = seed
        self._steps = 0
        room.attach(self)

    def advance(self, now_s: float) -> None:
        """Go on with the area."""
        self.room.advance(now_s)

    def go_on(self, local_s: float, step_s: float) -> None:
        """Take one step of the area."""
        self._steps += 1
        self.step(local_s, step_s)

    def quantity(self, name: str) -> float:
        """A quantity of the present state, `name#n` the n-th of several."""
        base, _, index = name.partition("#")
        return self.part(base, int(index)) if index else self.table()[base]

    def part(self, name: str, index: int) -> float:
        """The n-th of several; by default all are like the whole."""
        del index
        return self.table()[name]

    def words(self, name: str) -> Sequence[str]:
        """What a state is called, the best word first; empty where it is a number."""
        del name
        return ()

    def shake(self, step: int = 0) -> float:
        """A number in [-1, 1) that is the same in each run; `step` tells several apart."""
        return noise(self.seed, 1_000_003 * step + self._steps)

    def drift(self, period_steps: int, which: int = 0) -> float:
        """A number in [-1, 1) that goes from one to the next over so many steps."""
        at, part = divmod(self._steps, period_steps)
        before, after = (noise(self.seed + which, at + one) for one in (0, 1))
        return before + (after - before) * part / period_steps

    @abstractmethod
    def step(self, local_s: float, step_s: float) -> None:
        """Go on by `step_s` seconds of the world, ending at `local_s`."""

    @abstractmethod
    def table(self) -> Mapping[str, float]:
        """All quantities of the present state."""

    def control(self, name: str, value: float) -> None:  # noqa: ARG002 - others take it
        """Take what was written; KeyError when nothing answers to it."""
        raise KeyError(name)


def towards(now: float, target: float, part: float) -> float:
    """A step of a quantity that goes to its target by a part of what is missing, at most all."""
    return now + (target - now) * min(1.0, max(0.0, part))
