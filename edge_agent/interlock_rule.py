"""One interlock: a threshold that a lost sensor can trip too (pure: time is an argument).

Times are of the monotonic clock in ns, so that a step of the wall clock neither trips nor delays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from campus_rules.signals import Observation, Tick, TransitionKind
from campus_rules.threshold import Threshold, ThresholdState, step, wake_at_ns
from campus_wire.quality import Grade
from edge_agent.config import InterlockConfig, InterlockWhen

_NS: Final = 1_000_000_000
LOST_AFTER_INTERVALS: Final = 3


class Turn(StrEnum):
    """What happened to an interlock."""

    TRIPPED = "tripped"
    RELEASED = "released"
    SENSOR_LOST = "sensor_lost"
    SENSOR_BACK = "sensor_back"


@dataclass(frozen=True, slots=True)
class Change:
    """A turn, with the last known value of the sensor."""

    turn: Turn
    value: float | None


class InterlockRule:
    """The state of one interlock.

    Losing the sensor sets the state outright, as `on_sensor_lost` says; once it is back, release
    follows its usual limit and delay.

    Args:
        config: the interlock.
        interval_s: how often its sensor is read.
        start_ns: the time now; a sensor that never answers is lost from here on counted.
    """

    def __init__(self, config: InterlockConfig, *, interval_s: float, start_ns: int) -> None:
        when = config.when
        lost_after_s = when.lost_after_s or LOST_AFTER_INTERVALS * interval_s
        self.config = config
        self.interval_s = interval_s
        self.is_lost = False
        self.is_checked = False
        """Whether there was a good value, or the sensor has been given up."""
        self._lost_after_ns = int(lost_after_s * _NS)
        self._known_ns = start_ns
        self._threshold = threshold(when, gap_ns=self._lost_after_ns)
        self._state = ThresholdState()

    def inherit(self, former: InterlockRule) -> None:
        """Take over what a former form of the same interlock holds; limits may have moved."""
        self.is_lost = former.is_lost
        self._known_ns = former._known_ns
        self._state = replace(former._state, since_ns=None)

    def is_released_by(self, former: InterlockRule, value: float) -> bool:
        """Say whether this is a later form of `former` and writes the same value on release."""
        otherwise = self.config.otherwise
        is_later = self.config.id == former.config.id and not self.is_active
        return is_later and otherwise is not None and otherwise.value == value

    @property
    def is_active(self) -> bool:
        """Whether it holds its target."""
        return self._state.active

    def observe(self, value: float | None, quality: int, now_ns: int) -> tuple[Change, ...]:
        """Take a value of the sensor."""
        seen = Observation(now_ns, value, quality)
        changes = [*self._feed(seen)]
        if seen.grade is not Grade.BAD:
            self._known_ns = now_ns
            self.is_checked = True
            if self.is_lost:
                self.is_lost = False
                changes.append(Change(Turn.SENSOR_BACK, value))
        return (*changes, *self._lose(now_ns))

    def tick(self, now_ns: int) -> tuple[Change, ...]:
        """Let time pass."""
        return (*self._feed(Tick(now_ns)), *self._lose(now_ns))

    def wake_at_ns(self) -> int | None:
        """Return when the next tick matters."""
        times = [wake_at_ns(self._threshold, self._state)]
        if not self.is_lost:
            times.append(self._known_ns + self._lost_after_ns)
        return min((time_ns for time_ns in times if time_ns is not None), default=None)

    def _feed(self, event: Observation | Tick) -> Iterator[Change]:
        result = step(self._threshold, self._state, event)
        self._state = result.state
        for transition in result.transitions:
            raised = transition.kind is TransitionKind.RAISED
            yield Change(Turn.TRIPPED if raised else Turn.RELEASED, transition.value)

    def _lose(self, now_ns: int) -> Iterator[Change]:
        if self.is_lost or now_ns < self._known_ns + self._lost_after_ns:
            return
        self.is_lost = self.is_checked = True
        value = self._state.value
        yield Change(Turn.SENSOR_LOST, value)
        policy = self.config.on_sensor_lost
        if policy == "hold" or (policy == "act") == self._state.active:
            return
        self._state = replace(self._state, active=policy == "act", since_ns=None, frozen=False)
        yield Change(Turn.TRIPPED if policy == "act" else Turn.RELEASED, value)


def threshold(when: InterlockWhen, *, gap_ns: int) -> Threshold:
    """Return the numbers for the evaluator."""
    above = when.at_or_above is not None
    limit = when.at_or_above if when.at_or_above is not None else when.at_or_below
    assert limit is not None, "the configuration has exactly one of them"
    release = when.release_below if above else when.release_above
    return Threshold(
        limit=limit,
        release=limit if release is None else release,
        above=above,
        release_included=False,
        on_delay_ns=int(when.act_after_s * _NS),
        off_delay_ns=int(when.release_after_s * _NS),
        gap_ns=gap_ns,
    )
