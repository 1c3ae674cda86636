"""Threshold rules: decision tables, and laws over random streams."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_rules.evaluator import step as any_step
from campus_rules.quiet_band import quiet_band
from campus_rules.signals import Observation, Tick, Transition, TransitionKind
from campus_rules.state_text import dump_state, parse_state
from campus_rules.threshold import Threshold, ThresholdState, step
from campus_wire.quality import Quality

S = 1_000_000_000
UP, DOWN = TransitionKind.RAISED, TransitionKind.CLEARED
BAD, UNSURE = Quality.NO_ANSWER, Quality.UNCERTAIN

Seen = tuple[int, float | None] | tuple[int, float | None, int] | int
"""(second, value[, quality]), or a second alone for a tick."""


def events(seen: list[Seen]) -> list[Observation | Tick]:
    return [
        Tick(one * S) if isinstance(one, int) else Observation(one[0] * S, *one[1:]) for one in seen
    ]


def run(
    rule: Threshold, those: list[Observation | Tick], state: ThresholdState | None = None
) -> tuple[ThresholdState, list[Transition]]:
    state = state or ThresholdState()
    happened: list[Transition] = []
    for event in those:
        result = step(rule, state, event)
        state = result.state
        happened += result.transitions
    return state, happened


def told(transitions: list[Transition]) -> list[tuple[TransitionKind, int]]:
    return [(one.kind, one.time_ns // S) for one in transitions]


PLAIN = Threshold(limit=25, release=20)
DELAYED = Threshold(limit=25, release=20, on_delay_ns=10 * S, off_delay_ns=5 * S, gap_ns=30 * S)
STRICT = Threshold(limit=25, release=25, limit_included=False)
BELOW = Threshold(limit=16, release=17, above=False)


@pytest.mark.parametrize(
    ("rule", "seen", "expected"),
    [
        # the limit itself belongs to `at or above`, and the release value to the release side
        (PLAIN, [(1, 24.9), (2, 25), (3, 20.1), (4, 20)], [(UP, 2), (DOWN, 4)]),
        # in the deadband nothing happens, whichever way it was entered
        (PLAIN, [(1, 22), (2, 26), (3, 21), (4, 24), (5, 26)], [(UP, 2)]),
        # without a deadband, a strict limit: the limit itself clears
        (STRICT, [(1, 25), (2, 25.1), (3, 25)], [(UP, 2), (DOWN, 3)]),
        # without a deadband, an included limit: the limit itself holds
        (Threshold(limit=25, release=25), [(1, 25), (2, 25), (3, 24.9)], [(UP, 1), (DOWN, 3)]),
        # the mirror image
        (BELOW, [(1, 16.1), (2, 16), (3, 16.9), (4, 17)], [(UP, 2), (DOWN, 4)]),
        # the delay ends at its deadline, not at the next sample
        (DELAYED, [(1, 30), (15, 30)], [(UP, 11)]),
        (DELAYED, [(1, 30), 10, 11, 12], [(UP, 11)]),
        # a moment off the limit's side begins it anew, also in the deadband
        (DELAYED, [(1, 30), (6, 22), (7, 30), 16, 17], [(UP, 17)]),
        # the release delay likewise
        (DELAYED, [(1, 30), 11, (12, 19), (14, 21), (15, 19), 19, 20], [(UP, 11), (DOWN, 20)]),
        # a bad value stops the clock of a delay; what it hid is not held against anybody
        (DELAYED, [(1, 30), (5, None, BAD), 20], []),
        (DELAYED, [(1, 30), (5, None, BAD), (20, 30)], [(UP, 20)]),
        (DELAYED, [(1, 30), (5, math.nan), (20, 22), (21, 30), 31], [(UP, 31)]),
        # but not for longer than the gap
        (DELAYED, [(1, 30), (5, None, BAD), (32, 30), 41, 42], [(UP, 42)]),
        # silence beyond the gap likewise
        (replace(DELAYED, on_delay_ns=60 * S), [(1, 30), (29, 30), (70, 30), 129, 130], []),
        (replace(DELAYED, on_delay_ns=60 * S), [(1, 30), (29, 30), (50, 30), 61], [(UP, 61)]),
        # bad values neither raise nor clear
        (PLAIN, [(1, 30), (2, None, BAD), (3, None, BAD)], [(UP, 1)]),
        # an uncertain value may raise but never clears
        (PLAIN, [(1, 30, UNSURE), (2, 10, UNSURE), (3, 10)], [(UP, 1), (DOWN, 3)]),
        # equal and older times change nothing
        (PLAIN, [(5, 10), (5, 30), (4, 30), (6, 10)], []),
    ],
)
def test_decision_table(
    rule: Threshold, seen: list[Seen], expected: list[tuple[TransitionKind, int]]
) -> None:
    _, happened = run(rule, events(seen))

    assert told(happened) == expected


def test_a_transition_tells_since_when_and_what() -> None:
    _, happened = run(DELAYED, events([(1, 30), (5, 31.5), 11]))

    assert happened == [Transition(UP, 11 * S, condition_ns=1 * S, value=31.5)]


def test_a_wrong_release_is_refused() -> None:
    with pytest.raises(ValueError, match="limit's side"):
        Threshold(limit=25, release=26)


numbers = st.sampled_from([0.0, 10.0, 19.9, 20.0, 20.1, 24.9, 25.0, 25.1, 30.0])
values = st.one_of(numbers, st.none(), st.just(math.nan))
observations = st.builds(
    Observation,
    time_ns=st.integers(0, 200).map(lambda s: s * S),
    value=values,
    quality=st.sampled_from([0, 0, 0, UNSURE, BAD]),
)
ticks = st.builds(Tick, st.integers(0, 220).map(lambda s: s * S))
delays = st.sampled_from([0, 1 * S, 10 * S, 45 * S])


@st.composite
def thresholds(draw: st.DrawFn) -> Threshold:
    above = draw(st.booleans())
    return Threshold(
        limit=25.0 if above else 20.0,
        release=draw(st.sampled_from([20.0, 25.0])),
        above=above,
        limit_included=draw(st.booleans()),
        on_delay_ns=draw(delays),
        off_delay_ns=draw(delays),
        gap_ns=draw(st.sampled_from([None, 5 * S, 30 * S])),
    )


streams = st.lists(st.one_of(observations, ticks), max_size=40)


def ascending(stream: list[Observation | Tick]) -> list[Observation | Tick]:
    return sorted(stream, key=lambda event: event.time_ns)


@given(thresholds(), streams)
def test_repeating_every_event_changes_nothing(
    rule: Threshold, stream: list[Observation | Tick]
) -> None:
    twice = [event for event in stream for _ in range(2)]

    assert run(rule, twice)[1] == run(rule, stream)[1]


@given(thresholds(), streams)
def test_transitions_alternate_and_never_go_back_in_time(
    rule: Threshold, stream: list[Observation | Tick]
) -> None:
    _, happened = run(rule, ascending(stream))

    assert [one.kind for one in happened] == [UP, DOWN] * (len(happened) // 2) + [UP] * (
        len(happened) % 2
    )
    assert [one.time_ns for one in happened] == sorted(one.time_ns for one in happened)
    assert all(one.condition_ns <= one.time_ns for one in happened)


@given(thresholds(), streams)
def test_asking_for_ticks_is_enough(rule: Threshold, stream: list[Observation | Tick]) -> None:
    """Ticking every second brings no more than ticking when asked to."""
    sparse = [event for event in ascending(stream) if isinstance(event, Observation)]
    dense: list[Observation | Tick] = [Tick(second * S) for second in range(300)]
    # observations come before a tick of the same moment, as samples do in the engine
    both = sorted([*sparse, *dense], key=lambda event: (event.time_ns, isinstance(event, Tick)))
    state = ThresholdState()
    asked: list[Transition] = []
    wake_ns: int | None = None
    last: list[Observation | Tick] = [*sparse, Tick(299 * S)]
    for event in last:
        if wake_ns is not None and wake_ns < event.time_ns:
            result = step(rule, state, Tick(wake_ns))
            state = result.state
            asked += result.transitions
        result = step(rule, state, event)
        state, wake_ns = result.state, result.wake_at_ns
        asked += result.transitions

    assert told(asked) == told(run(rule, both)[1])


@given(thresholds(), streams, st.integers(0, 40))
def test_a_state_survives_being_written_down(
    rule: Threshold, stream: list[Observation | Tick], cut: int
) -> None:
    halfway, before = run(rule, stream[:cut])
    restored = parse_state(dump_state(halfway))
    assert isinstance(restored, ThresholdState)

    assert restored == halfway
    assert before + run(rule, stream[cut:], restored)[1] == run(rule, stream)[1]


@given(thresholds(), streams, st.one_of(numbers, st.floats(allow_nan=False, allow_infinity=False)))
def test_nothing_happens_in_the_quiet_band(
    rule: Threshold, stream: list[Observation | Tick], value: float
) -> None:
    state, _ = run(rule, stream)
    band = quiet_band(rule, state)
    result = any_step(rule, state, Observation(state.last_ns + S, value))
    assert isinstance(result.state, ThresholdState)
    same = (result.state.active, result.state.since_ns) == (state.active, state.since_ns)

    if band.low <= value <= band.high:
        assert same
        assert result.transitions == ()
    elif state.since_ns is None:
        assert not same or result.transitions  # the band is as wide as can be
