"""No-data rules."""

import pytest

from campus_rules.no_data import NoData, NoDataState, step
from campus_rules.signals import Observation, Tick, TransitionKind
from campus_wire.quality import Quality

S = 1_000_000_000
RULE = NoData(silence_ns=30 * S)
UP, DOWN = TransitionKind.RAISED, TransitionKind.CLEARED
Seen = Observation | Tick


def value(second: int) -> Observation:
    return Observation(second * S, 21.0)


def bad(second: int) -> Observation:
    return Observation(second * S, None, Quality.NO_ANSWER)


def tick(second: int) -> Tick:
    return Tick(second * S)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([value(0), tick(29)], []),
        ([value(0), tick(30)], [(UP, 30, 0)]),
        # said once
        ([value(0), tick(30), tick(60), tick(90)], [(UP, 30, 0)]),
        # bad values are silence
        ([value(0), bad(10), bad(20), tick(30)], [(UP, 30, 0)]),
        ([value(0), tick(30), bad(31)], [(UP, 30, 0)]),
        ([value(0), tick(30), value(31), tick(60)], [(UP, 30, 0), (DOWN, 31, 31)]),
        # listening begins with the first event, so a start raises nothing at once
        ([tick(1000), tick(1029)], []),
        ([tick(1000), tick(1030)], [(UP, 1030, 1000)]),
        # a silence that nobody saw while it lasted was none
        ([value(0), value(100)], []),
    ],
)
def test_decision_table(seen: list[Seen], expected: list[tuple[TransitionKind, int, int]]) -> None:
    state, happened = NoDataState(), []
    for event in seen:
        result = step(RULE, state, event)
        state = result.state
        happened += [(t.kind, t.time_ns // S, t.condition_ns // S) for t in result.transitions]

    assert happened == expected


def test_it_asks_for_the_tick_it_needs() -> None:
    first = step(RULE, NoDataState(), value(5))
    assert first.wake_at_ns == 35 * S

    assert step(RULE, first.state, tick(35)).transitions != ()
