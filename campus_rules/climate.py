"""A room's temperature kept in a band by its air conditioner: the scalar evaluator.

Semantics:

- Heating starts at or below the band's `heating_c` and stops `hysteresis_k` above it; cooling
  starts at or above `cooling_c` and stops `hysteresis_k` below it. From one to the other the way
  leads through off.
- `min_on_ns` and `min_off_ns` count from the commanded change. Nothing resets them: neither a
  lost sensor nor a heartbeat.
- Writes come on a change of mode or set-point, and again each `heartbeat_ns`.
- Nothing is decided from a temperature older than `lost_after_ns`; from then on the sensor is lost
  and `on_lost` decides. Nothing is written before the first usable temperature.
- Bad and uncertain temperatures are no temperatures. Observations no newer than the last one
  change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from campus_rules.signals import NEVER_NS, Event, Observation, Write
from campus_rules.timetable import Timetable
from campus_wire.quality import Grade


class Mode(StrEnum):
    """What the air conditioner was told to do."""

    OFF = "off"
    HEAT = "heat"
    COOL = "cool"


class OnLost(StrEnum):
    """What to do without a temperature."""

    OFF = "off"
    SETBACK = "setback"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Limits:
    """Heat at or below `heating_c`, cool at or above `cooling_c`."""

    heating_c: float
    cooling_c: float


Setting = tuple[tuple[str, float | None], ...]
"""Point and value, in the order of writing; None stands for the set-point."""


@dataclass(frozen=True, slots=True)
class Climate:
    """The numbers of one climate rule; a mode without a setting is never used."""

    timetable: Timetable
    occupied: Limits
    unoccupied: Limits
    hysteresis_k: float
    min_on_ns: int
    min_off_ns: int
    heartbeat_ns: int
    lost_after_ns: int
    on_lost: OnLost
    hold_ns: int
    off: Setting
    heat: Setting | None = None
    cool: Setting | None = None

    def limits(self, *, occupied: bool) -> Limits:
        """Return the band that holds."""
        return self.occupied if occupied else self.unoccupied


@dataclass(frozen=True, slots=True)
class ClimateState:
    """Where one room stands.

    `mode` and `setpoint_c` are what was last commanded, `changed_ns` when the mode was last
    changed and `written_ns` when it was last written. `temperature_c` was known at `known_ns`,
    which is also set when listening begins; `decided_occupied` is the occupancy of the last
    decision.
    """

    mode: Mode = Mode.OFF
    setpoint_c: float | None = None
    changed_ns: int = NEVER_NS
    written_ns: int = NEVER_NS
    temperature_c: float | None = None
    known_ns: int = NEVER_NS
    last_ns: int = NEVER_NS
    occupied: bool = False


@dataclass(frozen=True, slots=True)
class ClimateStep:
    """The state after an event, what to write, and when to send the next tick."""

    state: ClimateState
    writes: tuple[Write, ...] = ()
    wake_at_ns: int | None = None


_NO_TEMPERATURE: Final = "nothing is decided before the first temperature"


def step(rule: Climate, state: ClimateState, event: Event) -> ClimateStep:
    """Return what `event` makes of `state`."""
    now_ns = event.time_ns
    if isinstance(event, Observation):
        if now_ns <= state.last_ns:
            return ClimateStep(state, (), wake_at_ns(rule, state, now_ns))
        state = replace(state, last_ns=now_ns)
        if event.value is not None and event.grade is Grade.GOOD:
            state = replace(state, temperature_c=event.value, known_ns=now_ns)
    if state.known_ns == NEVER_NS:
        state = replace(state, known_ns=now_ns)
    state, writes = _decide(rule, state, now_ns)
    return ClimateStep(state, writes, wake_at_ns(rule, state, now_ns))


def restarted(state: ClimateState, now_ns: int) -> ClimateState:
    """Return a restored state as it should go on: listening begins anew, minimum times go on."""
    return replace(state, temperature_c=None, known_ns=now_ns)


def is_lost(rule: Climate, state: ClimateState, now_ns: int) -> bool:
    """Say whether the temperature is older than may be decided from."""
    return now_ns - state.known_ns >= rule.lost_after_ns


def wanted(rule: Climate, state: ClimateState, *, occupied: bool) -> Mode:
    """Return the mode that the known temperature asks for, minimum times left aside."""
    assert state.temperature_c is not None, _NO_TEMPERATURE
    limits = rule.limits(occupied=occupied)
    t = state.temperature_c
    if state.mode is Mode.HEAT and t < limits.heating_c + rule.hysteresis_k:
        return Mode.HEAT
    if state.mode is Mode.COOL and t > limits.cooling_c - rule.hysteresis_k:
        return Mode.COOL
    if state.mode is Mode.OFF:
        if t <= limits.heating_c and rule.heat is not None:
            return Mode.HEAT
        if t >= limits.cooling_c and rule.cool is not None:
            return Mode.COOL
    return Mode.OFF


def _decide(
    rule: Climate, state: ClimateState, now_ns: int
) -> tuple[ClimateState, tuple[Write, ...]]:
    occupied = rule.timetable.is_occupied(now_ns)
    if is_lost(rule, state, now_ns):
        return _decide_blindly(rule, state, now_ns)
    if state.temperature_c is None:
        return state, ()
    state = replace(state, occupied=occupied)
    mode = _allowed(rule, state, wanted(rule, state, occupied=occupied), now_ns)
    return _command(rule, state, mode, now_ns, occupied=occupied)


def _decide_blindly(
    rule: Climate, state: ClimateState, now_ns: int
) -> tuple[ClimateState, tuple[Write, ...]]:
    if state.written_ns == NEVER_NS:
        return state, ()
    if rule.on_lost is OnLost.SETBACK:
        # The unit's own thermostat goes on, with the set-point of an empty room.
        return _command(rule, state, state.mode, now_ns, occupied=False)
    lost_ns = state.known_ns + rule.lost_after_ns
    if rule.on_lost is OnLost.HOLD and now_ns < lost_ns + rule.hold_ns:
        return state, ()
    mode = _allowed(rule, state, Mode.OFF, now_ns)
    return _command(rule, state, mode, now_ns, occupied=state.occupied)


def _allowed(rule: Climate, state: ClimateState, mode: Mode, now_ns: int) -> Mode:
    """Return `mode`, or the one that has to go on until its minimum time is over."""
    return mode if now_ns >= _free_ns(rule, state) else state.mode


def _free_ns(rule: Climate, state: ClimateState) -> int:
    if state.changed_ns == NEVER_NS:
        return NEVER_NS
    least_ns = rule.min_off_ns if state.mode is Mode.OFF else rule.min_on_ns
    return state.changed_ns + least_ns


def _command(
    rule: Climate, state: ClimateState, mode: Mode, now_ns: int, *, occupied: bool
) -> tuple[ClimateState, tuple[Write, ...]]:
    limits = rule.limits(occupied=occupied)
    setpoint_c = {Mode.HEAT: limits.heating_c, Mode.COOL: limits.cooling_c}.get(mode)
    first = state.written_ns == NEVER_NS
    changed = mode is not state.mode or setpoint_c != state.setpoint_c
    if not (first or changed or now_ns - state.written_ns >= rule.heartbeat_ns):
        return state, ()
    setting = {Mode.OFF: rule.off, Mode.HEAT: rule.heat, Mode.COOL: rule.cool}[mode] or rule.off
    filled = ((point, setpoint_c if value is None else value) for point, value in setting)
    writes = tuple(Write(point, value) for point, value in filled if value is not None)
    mode_changed_ns = now_ns if mode is not state.mode or first else state.changed_ns
    state = replace(
        state, mode=mode, setpoint_c=setpoint_c, changed_ns=mode_changed_ns, written_ns=now_ns
    )
    return state, writes


def wake_at_ns(rule: Climate, state: ClimateState, now_ns: int) -> int | None:
    """Return the first time after `now_ns` at which a tick may change something."""
    if state.temperature_c is None and state.written_ns == NEVER_NS:
        return None
    lost_ns = state.known_ns + rule.lost_after_ns
    candidates = [
        lost_ns,
        lost_ns + rule.hold_ns,
        state.written_ns + rule.heartbeat_ns,
        _free_ns(rule, state),
    ]
    change_ns = rule.timetable.next_change_ns(now_ns)
    if change_ns is not None:
        candidates.append(change_ns)
    return min((time_ns for time_ns in candidates if time_ns > now_ns), default=None)
