"""The values at which nothing can happen.

For a rule in a given state there is an interval of good values that leave its process as it is: no
transition, no command, no timer started or stopped. A caller may keep such values from the
evaluator, as long as it tells the evaluator the last one before any tick. Where a timer runs there
is no such interval.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from campus_rules import climate
from campus_rules.climate import Climate, ClimateState, Mode
from campus_rules.evaluator import Numbers
from campus_rules.signals import NEVER_NS
from campus_rules.state_text import State
from campus_rules.threshold import Threshold, ThresholdState


class QuietBand(NamedTuple):
    """Values from `low` to `high`, both included; for samples before `until_ns` if that is set.

    Nothing is quiet where `low` is larger than `high`.
    """

    low: float
    high: float
    until_ns: int | None = None


ALL: Final = QuietBand(-math.inf, math.inf)
NONE: Final = QuietBand(math.inf, -math.inf)


def quiet_band(rule: Numbers, state: State) -> QuietBand:
    """Return the band of values that change nothing in a rule that watches one series."""
    if isinstance(rule, Threshold) and isinstance(state, ThresholdState):
        return _of_threshold(rule, state)
    if isinstance(rule, Climate) and isinstance(state, ClimateState):
        return _of_climate(rule, state)
    return ALL  # no-data rules watch times, not values


def meet(one: QuietBand, other: QuietBand) -> QuietBand:
    """Return the values that are quiet in both."""
    untils = [band.until_ns for band in (one, other) if band.until_ns is not None]
    return QuietBand(max(one.low, other.low), min(one.high, other.high), min(untils, default=None))


def _of_threshold(rule: Threshold, state: ThresholdState) -> QuietBand:
    if state.since_ns is not None:
        return NONE
    if state.active:
        # everything that does not release; the limit's own side never does
        edge, outside = rule.release, rule.is_released(rule.release)
        return _at_least(edge, open_=outside) if rule.above else _at_most(edge, open_=outside)
    edge, outside = rule.limit, rule.limit_included
    return _at_most(edge, open_=outside) if rule.above else _at_least(edge, open_=outside)


def _of_climate(rule: Climate, state: ClimateState) -> QuietBand:
    limits = rule.limits(occupied=state.occupied)
    setpoint_c = {Mode.HEAT: limits.heating_c, Mode.COOL: limits.cooling_c}.get(state.mode)
    if (
        state.written_ns == NEVER_NS
        or state.temperature_c is None
        or state.setpoint_c != setpoint_c
        or climate.wanted(rule, state, occupied=state.occupied) is not state.mode
    ):
        return NONE
    until_ns = state.written_ns + rule.heartbeat_ns
    change_ns = rule.timetable.next_change_ns(state.known_ns)
    if change_ns is not None:
        until_ns = min(until_ns, change_ns)
    if state.mode is Mode.HEAT:
        low, high = -math.inf, limits.heating_c + rule.hysteresis_k
    elif state.mode is Mode.COOL:
        low, high = limits.cooling_c - rule.hysteresis_k, math.inf
    else:
        low = -math.inf if rule.heat is None else limits.heating_c
        high = math.inf if rule.cool is None else limits.cooling_c
    return meet(_at_least(low, open_=True), _at_most(high, open_=True))._replace(until_ns=until_ns)


def _at_least(edge: float, *, open_: bool) -> QuietBand:
    return QuietBand(math.nextafter(edge, math.inf) if open_ else edge, math.inf)


def _at_most(edge: float, *, open_: bool) -> QuietBand:
    return QuietBand(-math.inf, math.nextafter(edge, -math.inf) if open_ else edge)
