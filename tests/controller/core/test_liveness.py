"""Who is silent, by a clock that is an argument."""

import random

import pytest

from campus_rules.signals import TransitionKind
from controller.config import LivenessSettings
from controller.inventory import GatewayRecord
from controller.liveness import Change, Liveness, outcome_of
from controller.system_alarms import GATEWAY_SILENT
from tests.controller.core.samples import NOW_NS, SECOND


def at(seconds: float) -> int:
    return NOW_NS + int(seconds * SECOND)


def gateway(name: str = "gw-1", *, seen_s: float = 0, state: str = "online") -> GatewayRecord:
    return GatewayRecord(name, state=state, state_since_ns=at(seen_s), last_seen_ns=at(seen_s))


def watch(liveness: Liveness, one: GatewayRecord, *, from_s: float, to_s: float) -> list[Change]:
    changes = []
    for tenth in range(int(from_s * 10), int(to_s * 10) + 1, 30):
        changes += liveness.check([one], now_ns=at(tenth / 10))
    return changes


@pytest.fixture
def liveness() -> Liveness:
    liveness = Liveness(LivenessSettings())
    liveness.begin(at(0))
    return liveness


def test_a_gateway_that_says_nothing_is_silent_within_90_s(liveness: Liveness) -> None:
    one = gateway()

    assert watch(liveness, one, from_s=0, to_s=75) == []
    [change] = watch(liveness, one, from_s=78, to_s=90)
    assert change == Change("gw-1", silent=True, since_ns=at(0))
    assert watch(liveness, one, from_s=93, to_s=300) == []


def test_a_clock_set_back_hides_no_silent_gateway(liveness: Liveness) -> None:
    one = gateway(seen_s=3_000)  # as it was before the clock was set back by an hour

    assert watch(liveness, one, from_s=0, to_s=75) == []
    assert [change.silent for change in watch(liveness, one, from_s=78, to_s=90)] == [True]


def test_a_last_will_counts_after_a_minute(liveness: Liveness) -> None:
    one = gateway(state="offline")
    one.last_seen_ns = at(20)

    assert watch(liveness, one, from_s=0, to_s=57) == []
    assert [change.silent for change in watch(liveness, one, from_s=60, to_s=66)] == [True]


def test_a_reconnect_in_time_is_no_alarm(liveness: Liveness) -> None:
    one = gateway(state="offline")
    assert watch(liveness, one, from_s=0, to_s=54) == []
    one.state, one.state_since_ns, one.last_seen_ns = "online", at(55), at(55)

    assert watch(liveness, one, from_s=57, to_s=120) == []


def test_it_clears_when_the_gateway_is_heard_again(liveness: Liveness) -> None:
    one = gateway()
    watch(liveness, one, from_s=0, to_s=90)
    one.last_seen_ns = at(91)

    assert [change.silent for change in watch(liveness, one, from_s=93, to_s=99)] == [False]
    assert liveness.silent == frozenset()


def test_while_the_broker_is_lost_nobody_is_judged(liveness: Liveness) -> None:
    one = gateway()
    liveness.end()
    assert watch(liveness, one, from_s=0, to_s=300) == []

    liveness.begin(at(300))

    assert watch(liveness, one, from_s=303, to_s=375) == []
    assert [change.silent for change in watch(liveness, one, from_s=378, to_s=393)] == [True]


@pytest.mark.parametrize("jump_s", [120, 3600, -3600])
def test_a_stopped_process_or_a_set_clock_alarms_nobody(liveness: Liveness, jump_s: int) -> None:
    one = gateway()
    watch(liveness, one, from_s=0, to_s=9)

    assert liveness.check([one], now_ns=at(9 + jump_s)) == []


def test_a_restart_neither_repeats_nor_forgets(liveness: Liveness) -> None:
    one = gateway()
    [change] = watch(liveness, one, from_s=0, to_s=90)
    kept = outcome_of(change, None, now_ns=at(90)).states
    again = Liveness(LivenessSettings())
    again.restore(kept)
    again.begin(at(100))

    assert watch(again, one, from_s=100, to_s=300) == []
    one.last_seen_ns = at(301)
    assert [one.silent for one in watch(again, one, from_s=303, to_s=306)] == [False]


def test_packet_loss_alone_makes_no_alarm() -> None:
    """A day of messages each second, 5 % of them lost, and reconnects of up to half a minute."""
    dice = random.Random(20260101)
    liveness = Liveness(LivenessSettings())
    liveness.begin(at(0))
    one = gateway()
    changes: list[Change] = []
    offline_until_s = 0.0
    for second in range(0, 86_400, 3):
        if dice.random() < 0.001:
            offline_until_s = second + dice.uniform(1, 30)
            one.state, one.state_since_ns = "offline", at(second)
        if second >= offline_until_s and dice.random() > 0.05:
            one.state, one.last_seen_ns = "online", at(second)
        changes += liveness.check([one], now_ns=at(second))

    assert changes == []


def test_the_alarm_is_of_the_gateway() -> None:
    raised = outcome_of(Change("gw-1", silent=True, since_ns=at(0)), None, now_ns=at(90))

    [transition] = raised.transitions
    assert transition.kind is TransitionKind.RAISED
    assert (transition.about.rule, transition.about.instance) == (GATEWAY_SILENT, "gw-1")
    assert transition.condition_ns == at(0)
