"""Climate rules: decision tables, and a room that must never be driven wrongly."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_rules import climate
from campus_rules.climate import Climate, ClimateState, Limits, Mode, OnLost, step
from campus_rules.quiet_band import quiet_band
from campus_rules.signals import Observation, Tick, Write
from campus_rules.state_text import dump_state, parse_state
from campus_rules.timetable import Period, Timetable
from campus_wire.quality import Quality

S = 1_000_000_000
NOON = int(datetime(2025, 11, 21, 12, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * S  # a Friday
RULE = Climate(
    timetable=Timetable(
        periods=(
            Period.model_validate({"days": ("fri",), "from": "07:30", "to": "17:30"}, strict=False),
        )
    ),
    occupied=Limits(20, 26),
    unoccupied=Limits(12, 35),
    hysteresis_k=0.5,
    min_on_ns=300 * S,
    min_off_ns=300 * S,
    heartbeat_ns=900 * S,
    lost_after_ns=120 * S,
    on_lost=OnLost.OFF,
    hold_ns=0,
    off=(("power", 0.0),),
    heat=(("mode", 4.0), ("setpoint", None), ("power", 1.0)),
    cool=(("mode", 2.0), ("setpoint", None), ("power", 1.0)),
)
HEAT = (Write("mode", 4.0), Write("setpoint", 20.0), Write("power", 1.0))
COOL = (Write("mode", 2.0), Write("setpoint", 26.0), Write("power", 1.0))
SETBACK = (Write("mode", 4.0), Write("setpoint", 12.0), Write("power", 1.0))
OFF = (Write("power", 0.0),)

Seen = tuple[int, float | None] | int
"""(second after noon, temperature; None is bad), or a second alone for a tick."""


def event(seen: Seen) -> Observation | Tick:
    if isinstance(seen, int):
        return Tick(NOON + seen * S)
    second, value = seen
    return Observation(NOON + second * S, value, 0 if value is not None else Quality.NO_ANSWER)


def run(rule: Climate, seen: list[Seen], state: ClimateState | None = None) -> list[object]:
    """Return (second, writes) of every event that brought writes."""
    state = state or ClimateState()
    told: list[object] = []
    for one in seen:
        result = step(rule, state, event(one))
        state = result.state
        if result.writes:
            told.append((one if isinstance(one, int) else one[0], result.writes))
    return told


@pytest.mark.parametrize(
    ("rule", "seen", "expected"),
    [
        # the first temperature decides; in the band that is off
        (RULE, [(0, 22.0)], [(0, OFF)]),
        (RULE, [(0, 20.0)], [(0, HEAT)]),
        (RULE, [(0, 26.0)], [(0, COOL)]),
        # nothing is written before the first temperature, nor again while nothing changes
        (RULE, [0, (1, None), 2, (3, 22.0), (4, 22.5), (5, 21.0)], [(3, OFF)]),
        # hysteresis, once the least time is over
        (RULE, [(0, 19.0), (310, 20.4), (320, 20.5)], [(0, HEAT), (320, OFF)]),
        (RULE, [(0, 27.0), (310, 25.6), (320, 25.5)], [(0, COOL), (320, OFF)]),
        # least times count from the commanded change
        (RULE, [(0, 19.0), (60, 21.0), 299, (299, 21.0), (300, 21.0)], [(0, HEAT), (300, OFF)]),
        (RULE, [(0, 22.0), (10, 19.0), (299, 19.0), (300, 19.0)], [(0, OFF), (300, HEAT)]),
        # a lost sensor does not restart them (a boiler once ran away so)
        (
            RULE,
            [(0, 19.0), (60, None), (100, 21.0), (200, None), (300, 21.0)],
            [(0, HEAT), (300, OFF)],
        ),
        # from heating to cooling the way leads through off
        (
            RULE,
            [(0, 19.0), (300, 27.0), (301, 27.0), (599, 27.0), (600, 27.0)],
            [(0, HEAT), (300, OFF), (600, COOL)],
        ),
        # the heartbeat repeats, and does not bypass the least times
        (
            RULE,
            [(0, 22.0), (899, 22.0), (900, 22.0), (901, 19.0)],
            [(0, OFF), (900, OFF), (901, HEAT)],
        ),
        # sensor lost: off, but not before the least time is over
        (RULE, [(0, 19.0), 120, 299, 300], [(0, HEAT), (300, OFF)]),
        (RULE, [(0, 22.0), 120, 899], [(0, OFF)]),
        # sensor lost: hold, then off
        (
            replace(RULE, on_lost=OnLost.HOLD, hold_ns=600 * S),
            [(0, 19.0), 120, 300, 719, 720],
            [(0, HEAT), (720, OFF)],
        ),
        # sensor lost: the set-point of an empty room
        (
            replace(RULE, on_lost=OnLost.SETBACK),
            [(0, 19.0), 119, 120, 121],
            [(0, HEAT), (120, SETBACK)],
        ),
        # and found again
        (
            replace(RULE, on_lost=OnLost.SETBACK),
            [(0, 19.0), 120, (200, 19.0)],
            [
                (0, HEAT),
                (120, SETBACK),
                (200, HEAT),
            ],
        ),
        # a rule without heating only cools
        (replace(RULE, heat=None), [(0, 10.0), (400, 27.0)], [(0, OFF), (400, COOL)]),
        # at half past five the room is empty: at once its set-point, and off when it may be
        (
            RULE,
            [(19_700, 19.0), (19_799, 19.0), (19_800, 19.0), (20_000, 19.0)],
            [
                (19_700, HEAT),
                (19_800, SETBACK),
                (20_000, OFF),
            ],
        ),
    ],
)
def test_decision_table(rule: Climate, seen: list[Seen], expected: list[object]) -> None:
    assert run(rule, seen) == expected


def test_uncertain_temperatures_are_none() -> None:
    result = step(RULE, ClimateState(), Observation(NOON, 10.0, Quality.CLOCK_UNSYNCED))

    assert result.writes == ()


def test_a_restart_keeps_the_least_times_and_waits_for_a_temperature() -> None:
    before = step(RULE, ClimateState(), event((0, 19.0))).state
    restored = parse_state(dump_state(before))
    assert isinstance(restored, ClimateState)
    after = climate.restarted(restored, NOON + 60 * S)

    assert run(RULE, [61, 100, (150, 21.0), (299, 21.0), (300, 21.0)], after) == [(300, OFF)]


temperatures = st.one_of(
    st.none(), st.floats(10, 32), st.sampled_from([20.0, 20.5, 25.5, 26.0, 12.0, 35.0])
)
gaps = st.integers(1, 400)
streams = st.lists(st.tuples(gaps, st.one_of(st.just("tick"), temperatures)), max_size=60)
rules = st.builds(
    replace,
    st.just(RULE),
    on_lost=st.sampled_from(OnLost),
    hold_ns=st.sampled_from([60 * S, 600 * S]),
    heat=st.sampled_from([RULE.heat, None]),
)


def timed(stream: list[tuple[int, object]], start: int = 19_000) -> list[Observation | Tick]:
    """Around the end of lessons, so that occupancy changes on the way."""
    second, made = start, []
    for gap, what in stream:
        second += gap
        seen: Seen = second if what == "tick" else (second, what)  # type: ignore[assignment]
        made.append(event(seen))
    return made


@given(rules, streams)
def test_a_room_is_never_driven_wrongly(rule: Climate, stream: list[tuple[int, object]]) -> None:
    state, changed_ns, known_ns = ClimateState(), None, None
    for one in timed(stream):
        before = state
        result = step(rule, state, one)
        state = result.state
        if isinstance(one, Observation) and one.value is not None:
            known_ns = one.time_ns
        assert not (result.writes and known_ns is None), "written before any temperature"
        assert state.mode is not Mode.HEAT or rule.heat is not None
        if state.mode is before.mode:
            continue
        assert Mode.OFF in {state.mode, before.mode}, "heating and cooling met"
        least_ns = rule.min_off_ns if before.mode is Mode.OFF else rule.min_on_ns
        assert changed_ns is None or one.time_ns - changed_ns >= least_ns
        if state.mode is not Mode.OFF:
            assert known_ns is not None
            assert one.time_ns - known_ns < rule.lost_after_ns, "switched on from a stale value"
        changed_ns = one.time_ns


@given(rules, streams)
def test_repeats_change_nothing(rule: Climate, stream: list[tuple[int, object]]) -> None:
    def writes(those: list[Observation | Tick]) -> list[Write]:
        state, told = ClimateState(), list[Write]()
        for one in those:
            result = step(rule, state, one)
            state = result.state
            told += result.writes
        return told

    those = timed(stream)
    assert writes([one for one in those for _ in range(2)]) == writes(those)


@given(rules, streams, st.floats(5, 40), st.integers(1, 119))
def test_nothing_happens_in_the_quiet_band(
    rule: Climate, stream: list[tuple[int, object]], value: float, later: int
) -> None:
    state = ClimateState()
    time_ns = NOON + 19_000 * S
    for one in timed(stream):
        state, time_ns = step(rule, state, one).state, one.time_ns
    band = quiet_band(rule, state)
    seen = Observation(time_ns + later * S, value)
    result = step(rule, state, seen)

    if band.low <= value <= band.high and (band.until_ns is None or seen.time_ns < band.until_ns):
        assert result.writes == ()
        assert (result.state.mode, result.state.setpoint_c) == (state.mode, state.setpoint_c)
