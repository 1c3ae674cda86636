"""The life of an alarm, event by event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.alarm_life import AlarmState, Life, acknowledged, cleared, raised

A, B, C, D = (
    AlarmState.CLOSED,
    AlarmState.ACTIVE_UNACKNOWLEDGED,
    AlarmState.ACTIVE_ACKNOWLEDGED,
    AlarmState.CLEARED_UNACKNOWLEDGED,
)


def life_of(state: AlarmState) -> Life:
    return Life(
        active=state in {B, C},
        acked=state in {A, C},
        condition_ns=1,
        raised_ns=2,
        acked_ns=3 if state in {A, C} else None,
        acked_by="王" if state in {A, C} else None,
    )


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (B, "raised", None),  # a repeat
        (B, "cleared", D),
        (B, "acknowledged", C),
        (C, "raised", None),
        (C, "cleared", A),
        (C, "acknowledged", None),
        (D, "raised", B),
        (D, "cleared", None),
        (D, "acknowledged", A),
    ],
)
def test_table(state: AlarmState, event: str, after: AlarmState | None) -> None:
    life = life_of(state)
    changed = {
        "raised": lambda: raised(life, condition_ns=9, time_ns=10),
        "cleared": lambda: cleared(life, time_ns=10),
        "acknowledged": lambda: acknowledged(life, by="李", time_ns=10),
    }[event]()

    assert (None if changed is None else changed.state) == after


def test_the_first_time() -> None:
    life = raised(None, condition_ns=5, time_ns=7)

    assert life is not None
    assert (life.state, life.condition_ns, life.raised_ns, life.occurrence) == (B, 5, 7, 1)
    assert cleared(None, time_ns=1) is None


def test_coming_again_counts_and_needs_a_new_acknowledgement() -> None:
    life = raised(life_of(D), condition_ns=9, time_ns=10)

    assert life is not None
    assert (life.occurrence, life.condition_ns, life.raised_ns) == (2, 9, 10)
    assert (life.cleared_ns, life.acked_by) == (None, None)


def test_all_four_times_are_kept() -> None:
    life = raised(None, condition_ns=5, time_ns=7)
    assert life is not None
    acked = acknowledged(life, by="王", time_ns=9)
    assert acked is not None
    gone = cleared(acked, time_ns=11)
    assert gone is not None

    assert (gone.condition_ns, gone.raised_ns, gone.acked_ns, gone.cleared_ns) == (5, 7, 9, 11)
    assert (gone.acked_by, gone.state) == ("王", A)


@given(st.lists(st.sampled_from(["raised", "cleared", "acknowledged"])))
def test_an_acknowledgement_holds_until_the_alarm_comes_again(script: list[str]) -> None:
    life: Life | None = None
    for event in script:
        if life is not None and life.state is A:
            life = None
        after: Life | None = None
        if event == "raised":
            after = raised(life, condition_ns=0, time_ns=1)
        elif event == "cleared":
            after = cleared(life, time_ns=1)
        elif life is not None:
            after = acknowledged(life, by="x", time_ns=1)
        if after is not None:
            assert life is None or not life.acked or after.acked or event == "raised"
            life = after
