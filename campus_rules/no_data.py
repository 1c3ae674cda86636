"""Silence of a device: the scalar evaluator of no-data rules.

Bad values count as silence. Silence is found by a tick while it lasts; one that ended before any
tick was never there. The caller chooses the clock: times only have to go forward, and where the
device's gateway itself is silent no ticks should come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from campus_rules.signals import NEVER_NS, Event, Tick, Transition, TransitionKind
from campus_wire.quality import Grade


@dataclass(frozen=True, slots=True)
class NoData:
    """How long silence may last."""

    silence_ns: int


@dataclass(frozen=True, slots=True)
class NoDataState:
    """`heard_ns` is when the last usable value came, or when listening began."""

    active: bool = False
    heard_ns: int = NEVER_NS


@dataclass(frozen=True, slots=True)
class NoDataStep:
    """The state after an event, what happened, and when to send the next tick."""

    state: NoDataState
    transitions: tuple[Transition, ...] = ()
    wake_at_ns: int | None = None


def step(rule: NoData, state: NoDataState, event: Event) -> NoDataStep:
    """Return what `event` makes of `state`; listening begins with the first event of all."""
    if state.heard_ns == NEVER_NS:
        state = replace(state, heard_ns=event.time_ns)
    kind = None
    since_ns = event.time_ns
    if isinstance(event, Tick):
        if not state.active and event.time_ns - state.heard_ns >= rule.silence_ns:
            kind, since_ns = TransitionKind.RAISED, state.heard_ns
            state = replace(state, active=True)
    elif event.grade is not Grade.BAD and event.time_ns >= state.heard_ns:
        kind = TransitionKind.CLEARED if state.active else None
        state = NoDataState(active=False, heard_ns=event.time_ns)
    happened = () if kind is None else (Transition(kind, event.time_ns, since_ns),)
    wake_at_ns = None if state.active else state.heard_ns + rule.silence_ns
    return NoDataStep(state, happened, wake_at_ns)
