"""Where a point's number comes from: an area's quantity, a pattern in time, or what was written.

Every signal is a function of time and seed alone, so that a run shows the same numbers whoever
asks, and however often.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

_MASK = (1 << 64) - 1


class Signal(Protocol):
    """A number that changes with time."""

    def value(self, now_s: float) -> float:
        """The number at `now_s` seconds of the simulated world."""


class QuantitySource(Protocol):
    """Something with physics: a room, a store, a load."""

    def advance(self, now_s: float) -> None:
        """Bring the state up to this time."""

    def quantity(self, name: str) -> float:
        """A quantity of the present state."""

    def control(self, name: str, value: float) -> None:
        """Let a device act on it."""


def noise(seed: int, step: int) -> float:
    """A number in [-1, 1) that looks random and depends on its arguments only.

    The mixing function is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014).
    """
    x = (seed + step * 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) / (1 << 63) - 1.0


@dataclass(slots=True)
class Follow:
    """An area's quantity, times `factor`, with noise that changes each `noise_step_s`."""

    source: QuantitySource
    quantity: str
    factor: float = 1.0
    noise_amplitude: float = 0.0
    seed: int = 0
    noise_step_s: float = 1.0

    def value(self, now_s: float) -> float:
        """The quantity now."""
        self.source.advance(now_s)
        number = self.source.quantity(self.quantity) * self.factor
        if self.noise_amplitude:
            number += self.noise_amplitude * noise(self.seed, int(now_s / self.noise_step_s))
        return number


@dataclass(slots=True)
class Wave:
    """A slow swing around a mean: what a quantity without physics of its own does."""

    mean: float
    amplitude: float
    period_s: float
    seed: int = 0
    noise_amplitude: float = 0.0

    def value(self, now_s: float) -> float:
        """The swing's value now; each seed has a phase of its own."""
        phase = noise(self.seed, 0) * math.pi
        number = self.mean + self.amplitude * math.sin(math.tau * now_s / self.period_s + phase)
        if self.noise_amplitude:
            number += self.noise_amplitude * noise(self.seed, int(now_s) + 1)
        return number


@dataclass(slots=True)
class Count:
    """A counter that runs at a steady rate."""

    start: float
    rate_per_s: float

    def value(self, now_s: float) -> float:
        """What it has counted."""
        return float(math.floor(self.start + self.rate_per_s * now_s))
