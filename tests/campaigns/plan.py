"""What a kill campaign will do, drawn from a seed before anything starts.

A campaign is a row of rounds. In each, every part dies once, some a second time while they come up
again, all within a few seconds, so that deaths overlap; then everything heals. Gas begins or ends
to leak at a random moment among the deaths, so that each leak, and each pause between two, lasts
over a whole healing and is longer than any outage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

KILLING_S: Final = 6.0
"""Length of the part of a round in which first deaths fall."""
_DOWN_S: Final = (0.1, 2.5)
_SECOND_AFTER_S: Final = (0.2, 2.0)
_SECOND_CHANCE: Final = 0.3
_STORM_EVERY: Final = 3
_STORM_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Kill:
    """A part dies at `at_s` of its round and is started again after `down_s`."""

    part: str
    at_s: float
    down_s: float


@dataclass(frozen=True, slots=True)
class Valve:
    """Gas begins or ends to leak at a detector."""

    detector: str
    at_s: float
    opens: bool


@dataclass(frozen=True, slots=True)
class Round:
    """One round; kills in order of time for each part."""

    kills: tuple[Kill, ...]
    valves: tuple[Valve, ...]

    def of(self, part: str) -> list[Kill]:
        """Return the deaths of one part in order."""
        return sorted((one for one in self.kills if one.part == part), key=lambda one: one.at_s)


def make_plan(
    seed: int, *, rounds: int, parts: Sequence[str], detectors: Sequence[str]
) -> list[Round]:
    """Return a campaign's rounds; the same seed gives the same ones.

    Args:
        seed: any number.
        rounds: how many; every part dies at least so often.
        parts: what is killed.
        detectors: where gas leaks: the first in rounds 0, 2, 4…, the next in 1, 3, 5….
    """
    random = Random(seed)
    return [
        Round(
            tuple(_kills(random, parts, is_storm=number % _STORM_EVERY == 1)),
            tuple(_valves(random, number, detectors)),
        )
        for number in range(rounds)
    ]


def _kills(random: Random, parts: Sequence[str], *, is_storm: bool) -> list[Kill]:
    storm_at_s = random.uniform(0.0, KILLING_S)
    kills: list[Kill] = []
    for part in parts:
        at_s = random.uniform(0.0, KILLING_S)
        if is_storm:
            at_s = storm_at_s + random.uniform(0.0, _STORM_S)
        first = Kill(part, at_s, random.uniform(*_DOWN_S))
        kills.append(first)
        if random.random() < _SECOND_CHANCE:
            again_s = first.at_s + first.down_s + random.uniform(*_SECOND_AFTER_S)
            kills.append(Kill(part, again_s, random.uniform(*_DOWN_S)))
    return kills


def _valves(random: Random, number: int, detectors: Sequence[str]) -> list[Valve]:
    return [
        Valve(detector, random.uniform(0.0, KILLING_S), opens=(number - place) % 2 == 0)
        for place, detector in enumerate(detectors)
        if number >= place
    ]
