"""Threshold with hysteresis and delays: the scalar evaluator, on the edge and in the controller.

Semantics, for a limit above (below is the mirror image):

- The rule is raised when the value has been on the limit's side for `on_delay_ns` without a break,
  and clears when it has been on the release side for `off_delay_ns` without a break. Between limit
  and release lies the deadband, where neither delay runs.
- A delay runs in event time, and ends at its deadline even when no sample arrives at it.
- Truth has three values. A bad value is unknown: nothing is raised or cleared, and a running delay
  stands still. An uncertain value may raise but never clears.
- A delay survives unknown values and silence for `gap_ns`; after a longer gap it begins anew.
- Observations no newer than the last one change nothing, so repeats are harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from campus_rules.signals import (
    NEVER_NS,
    Event,
    Observation,
    Tick,
    Transition,
    TransitionKind,
)
from campus_wire.quality import Grade


class _Side(Enum):
    LIMIT = auto()
    DEADBAND = auto()
    RELEASE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Threshold:
    """The numbers of one threshold, in the point's unit and in nanoseconds.

    Args:
        limit: where the limit's side begins.
        release: where the release side begins: not above `limit` when `above`, else not below it.
        above: whether the limit's side is the one of larger values.
        limit_included: whether the limit itself is on the limit's side.
        release_included: whether the release value itself is on the release side.
        on_delay_ns: how long the value must stay on the limit's side before the rule is raised.
        off_delay_ns: how long it must stay on the release side before the rule clears.
        gap_ns: how long a delay survives without a known value; None for ever.
    """

    limit: float
    release: float
    above: bool = True
    limit_included: bool = True
    release_included: bool = True
    on_delay_ns: int = 0
    off_delay_ns: int = 0
    gap_ns: int | None = None

    def __post_init__(self) -> None:
        wrong = self.release > self.limit if self.above else self.release < self.limit
        if wrong:
            raise ValueError("the release value lies on the limit's side")

    def is_over(self, value: float) -> bool:
        """Say whether `value` is on the limit's side."""
        if value == self.limit:
            return self.limit_included
        return (value > self.limit) is self.above

    def is_released(self, value: float) -> bool:
        """Say whether `value` is on the release side; never so while it is over the limit."""
        if value == self.release:
            return self.release_included and not self.is_over(value)
        return (value < self.release) is self.above


@dataclass(frozen=True, slots=True)
class ThresholdState:
    """Where one instance of a threshold stands.

    `since_ns` is when the running delay began, None when none runs; `frozen` says that it stands
    still because the last value was unknown. `known_ns` is the time of the last known value.
    """

    active: bool = False
    since_ns: int | None = None
    frozen: bool = False
    last_ns: int = NEVER_NS
    known_ns: int = NEVER_NS
    value: float | None = None


@dataclass(frozen=True, slots=True)
class ThresholdStep:
    """The state after an event, what happened, and when to send the next tick."""

    state: ThresholdState
    transitions: tuple[Transition, ...] = ()
    wake_at_ns: int | None = None


def step(rule: Threshold, state: ThresholdState, event: Event) -> ThresholdStep:
    """Return what `event` makes of `state`."""
    if isinstance(event, Observation) and event.time_ns <= state.last_ns:
        return ThresholdStep(state, wake_at_ns=wake_at_ns(rule, state))
    transitions: list[Transition] = []
    state = _expire(rule, state, event.time_ns, transitions)
    if not isinstance(event, Tick):
        state = _observe(rule, state, event)
        state = _expire(rule, state, event.time_ns, transitions)
    return ThresholdStep(state, tuple(transitions), wake_at_ns(rule, state))


def wake_at_ns(rule: Threshold, state: ThresholdState) -> int | None:
    """Return when the running delay ends, or None when none runs or it cannot end in silence."""
    if state.since_ns is None or state.frozen:
        return None
    deadline_ns = state.since_ns + (rule.off_delay_ns if state.active else rule.on_delay_ns)
    if rule.gap_ns is not None and deadline_ns > state.known_ns + rule.gap_ns:
        return None
    return deadline_ns


def _expire(
    rule: Threshold, state: ThresholdState, until_ns: int, transitions: list[Transition]
) -> ThresholdState:
    deadline_ns = wake_at_ns(rule, state)
    if state.since_ns is None or deadline_ns is None or deadline_ns > until_ns:
        return state
    # A delay that stood still may be over since long; it ended with the value that showed so.
    time_ns = max(deadline_ns, state.known_ns)
    kind = TransitionKind.CLEARED if state.active else TransitionKind.RAISED
    transitions.append(Transition(kind, time_ns, state.since_ns, state.value))
    return replace(state, active=not state.active, since_ns=None)


def _observe(rule: Threshold, state: ThresholdState, seen: Observation) -> ThresholdState:
    side = _side(rule, seen)
    if side is _Side.UNKNOWN:
        return replace(state, last_ns=seen.time_ns, frozen=state.since_ns is not None)
    return ThresholdState(
        active=state.active,
        since_ns=_since_ns(rule, state, side, seen.time_ns),
        last_ns=seen.time_ns,
        known_ns=seen.time_ns,
        value=seen.value,
    )


def _since_ns(rule: Threshold, state: ThresholdState, side: _Side, time_ns: int) -> int | None:
    if side is not (_Side.RELEASE if state.active else _Side.LIMIT):
        return None
    too_long = rule.gap_ns is not None and time_ns - state.known_ns > rule.gap_ns
    return time_ns if state.since_ns is None or too_long else state.since_ns


def _side(rule: Threshold, seen: Observation) -> _Side:
    grade = seen.grade
    if seen.value is None or grade is Grade.BAD:
        return _Side.UNKNOWN
    if rule.is_over(seen.value):
        return _Side.LIMIT
    if grade is Grade.UNCERTAIN:
        return _Side.UNKNOWN
    return _Side.RELEASE if rule.is_released(seen.value) else _Side.DEADBAND
