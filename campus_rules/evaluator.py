"""One `step` for every kind of rule: pure, and safe to repeat.

`step(rule, state, event)` takes a rule's numbers (`ThresholdRule.numbers(…)` and its like), the
state that `initial_state` or the last step returned, and an observation or a tick. It returns the
next state, what happened, what to write, and the time at which it wants a tick if nothing comes
before. Equal or older observations change nothing, and ticks may come at any time, also too early
or twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from campus_rules import climate, no_data, threshold
from campus_rules.climate import Climate, ClimateState
from campus_rules.no_data import NoData, NoDataState
from campus_rules.signals import Event, Transition, Write
from campus_rules.state_text import State
from campus_rules.threshold import Threshold, ThresholdState

Numbers = Threshold | NoData | Climate


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a rule."""

    state: State
    transitions: tuple[Transition, ...] = ()
    commands: tuple[Write, ...] = ()
    wake_at_ns: int | None = None


def initial_state(rule: Numbers) -> State:
    """Return the state of an instance that has seen nothing yet."""
    if isinstance(rule, Threshold):
        return ThresholdState()
    return NoDataState() if isinstance(rule, NoData) else ClimateState()


def step(rule: Numbers, state: State, event: Event) -> Step:
    """Return what `event` makes of `state`.

    Raises:
        TypeError: the state belongs to another kind of rule.
    """
    match rule, state:
        case Threshold(), ThresholdState():
            limit = threshold.step(rule, state, event)
            return Step(limit.state, limit.transitions, (), limit.wake_at_ns)
        case NoData(), NoDataState():
            silence = no_data.step(rule, state, event)
            return Step(silence.state, silence.transitions, (), silence.wake_at_ns)
        case Climate(), ClimateState():
            room = climate.step(rule, state, event)
            return Step(room.state, (), room.writes, room.wake_at_ns)
    raise TypeError(f"{type(state).__name__} is no state of {type(rule).__name__}")


def wake_at_ns(rule: Numbers, state: State) -> int | None:
    """Return when a state that was kept wants its first tick, or None."""
    match rule, state:
        case Threshold(), ThresholdState():
            return threshold.wake_at_ns(rule, state)
        case NoData(), NoDataState():
            return None if state.active else state.heard_ns + rule.silence_ns
        case Climate(), ClimateState():
            return climate.wake_at_ns(rule, state, state.known_ns)
    raise TypeError(f"{type(state).__name__} is no state of {type(rule).__name__}")
