"""What all areas with physics share: steps of equal length, and quantities by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from firmware_sims.world.clock import WorldClock
from firmware_sims.world.outdoor import Outdoor
from firmware_sims.world.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a school's areas have in common."""

    clock: WorldClock
    outdoor: Outdoor
    timetable: Timetable


class Fixture(Protocol):
    """Something in an area that goes on with it."""

    def go_on(self, local_s: float, step_s: float) -> None:
        """Take one step of the area."""


class Area(ABC):
    """A place whose state goes on in steps of `step_s` real seconds.

    The state after a step depends on the steps before and on what was controlled in them, never on
    who asked how often. Asking for a quantity after a long pause takes the missed steps first.
    """

    step_s: float = 1.0

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._steps = 0
        self._values: dict[str, float] = {}
        self._fixtures: list[Fixture] = []
        self._influences: dict[tuple[str, int], float] = {}

    def attach(self, fixture: Fixture) -> None:
        """Let something go on with the area."""
        self._fixtures.append(fixture)

    def influence(self, kind: str, source: int, amount: float) -> None:
        """Let a fixture act on the area: `heat_w`, `air_m3_h`, `light_lx`, `power_w`; they add."""
        self._influences[kind, source] = amount

    def influences(self, kind: str) -> float:
        """What all fixtures together do."""
        return sum(amount for (one, _), amount in self._influences.items() if one == kind)

    def advance(self, now_s: float) -> None:
        """Take all whole steps up to `now_s` seconds of the run."""
        target = int(now_s / self.step_s)
        if target <= self._steps:
            return
        while self._steps < target:
            self._steps += 1
            elapsed_s = self._steps * self.step_s
            clock = self.surroundings.clock
            local_s, step_s = clock.local_s(elapsed_s), clock.world_s(self.step_s)
            self.step(local_s, step_s)
            if self._fixtures:
                self._values = self.table()
                for fixture in self._fixtures:
                    fixture.go_on(local_s, step_s)
        self._values = self.table()

    def quantity(self, name: str) -> float:
        """A quantity of the present state; KeyError when there is none of this name."""
        return self._values[name]

    def quantities(self) -> tuple[str, ...]:
        """The names that `quantity` knows."""
        return tuple(self._values)

    @abstractmethod
    def step(self, local_s: float, step_s: float) -> None:
        """Go on by `step_s` seconds of the world, ending at `local_s`."""

    @abstractmethod
    def table(self) -> dict[str, float]:
        """All quantities of the present state."""

    @abstractmethod
    def control(self, name: str, value: float) -> None:
        """Set an actuator or a cause; KeyError when there is none of this name."""

    @abstractmethod
    def controls(self) -> tuple[str, ...]:
        """The names that `control` knows."""
