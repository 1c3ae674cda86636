"""Alarms in a real state database."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from campus_rules.signals import TransitionKind
from controller.alarms import (
    AlarmBook,
    AlarmQuery,
    count_open,
    find,
    get,
    load_states,
    transitions_of,
)
from controller.errors import RefusedError
from controller.notify.notice import parse_notice
from controller.outcome import About, Outcome, RuleTransition, StateChange
from controller.state.database import visit
from controller.state.schema import outbox
from controller.system_alarms import GATEWAY_SILENT, gateway_silent
from tests.controller.notify.samples import ABOUT, T0, S, about

UP, DOWN = TransitionKind.RAISED, TransitionKind.CLEARED


@dataclass(frozen=True)
class Route:
    id: str
    severities: tuple[str, ...] = ("critical", "warning", "info")


BOOK = AlarmBook([Route("ops"), Route("duty", ("critical",))])


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Connection]:
    with visit(f"sqlite:///{tmp_path / 'state.db'}") as connection:
        yield connection


def change(
    kind: TransitionKind, second: int, subject: About = ABOUT, value: float = 42.0
) -> Outcome:
    time_ns = T0 + second * S
    return Outcome(transitions=(RuleTransition(subject, kind, time_ns, time_ns - S, value),))


def outbox_count(state: Connection) -> int:
    return state.execute(select(func.count()).select_from(outbox)).scalar_one()


def test_each_transition_makes_one_row_a_channel(state: Connection) -> None:
    assert BOOK.record(state, change(UP, 1), T0 + S) == 2
    assert BOOK.record(state, change(UP, 1), T0 + S) == 0  # recorded again
    assert BOOK.record(state, change(UP, 9), T0 + 9 * S) == 0  # a repeat
    assert BOOK.record(state, change(DOWN, 20), T0 + 20 * S) == 2
    assert BOOK.record(state, change(DOWN, 21), T0 + 21 * S) == 0

    assert outbox_count(state) == 4


def test_an_alarm_from_first_to_last(state: Connection) -> None:
    BOOK.record(state, change(UP, 1), T0 + 2 * S)
    [alarm] = find(state, AlarmQuery(open_only=True))
    seen = BOOK.acknowledge(state, alarm.id, "王老师", "已开窗", T0 + 10 * S)
    BOOK.record(state, change(DOWN, 20, value=12.0), T0 + 20 * S)

    assert seen.state == "active_acknowledged"
    last = get(state, alarm.id)
    assert (last.state, last.value, last.about) == ("closed", 12.0, ABOUT)
    life = last.life
    times = (life.condition_ns, life.raised_ns, life.acked_ns, life.cleared_ns)
    assert times == (T0, T0 + S, T0 + 10 * S, T0 + 20 * S)
    steps = transitions_of(state, alarm.id)
    assert [(one.kind, one.by, one.note) for one in steps] == [
        ("raised", None, None),
        ("acknowledged", "王老师", "已开窗"),
        ("cleared", None, None),
    ]
    assert [one.recorded_ns for one in steps] == [T0 + 2 * S, T0 + 10 * S, T0 + 20 * S]
    assert find(state, AlarmQuery(open_only=True)) == []
    assert outbox_count(state) == 6


def test_a_closed_alarm_that_comes_again_is_a_new_one(state: Connection) -> None:
    BOOK.record(state, change(UP, 1), T0)
    [first] = find(state, AlarmQuery())
    BOOK.acknowledge(state, first.id, "王", None, T0)
    BOOK.record(state, change(DOWN, 2), T0)
    BOOK.record(state, change(UP, 3), T0)

    assert [one.life.occurrence for one in find(state, AlarmQuery())] == [1, 1]


def test_one_not_yet_acknowledged_counts_up_and_tells_again(state: Connection) -> None:
    BOOK.record(state, change(UP, 1), T0)
    BOOK.record(state, change(DOWN, 2), T0)
    assert BOOK.record(state, change(UP, 3), T0) == 2

    [alarm] = find(state, AlarmQuery())
    assert (alarm.life.occurrence, alarm.state) == (2, "active_unacknowledged")
    bodies = state.scalars(select(outbox.c.body).where(outbox.c.channel == "ops"))
    assert [parse_notice(body).key for body in bodies] == [
        f"{alarm.id}.1.raised",
        f"{alarm.id}.1.cleared",
        f"{alarm.id}.2.raised",
    ]


def test_acknowledging_twice_is_refused_and_says_by_whom(state: Connection) -> None:
    BOOK.record(state, change(UP, 1), T0)
    [alarm] = find(state, AlarmQuery())
    BOOK.acknowledge(state, alarm.id, "王老师", None, T0)

    with pytest.raises(RefusedError, match="王老师") as caught:
        BOOK.acknowledge(state, alarm.id, "李老师", None, T0)
    assert caught.value.reason == "already_acknowledged"


def test_an_unknown_alarm_is_refused(state: Connection) -> None:
    with pytest.raises(RefusedError) as caught:
        BOOK.acknowledge(state, "nothing", "王", None, T0)
    assert caught.value.reason == "alarm_unknown"


def test_what_is_rolled_back_leaves_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"

    class CutError(Exception):
        pass

    def cut() -> None:
        with visit(url) as connection:
            BOOK.record(connection, change(UP, 1), T0)
            raise CutError

    with pytest.raises(CutError):
        cut()
    with visit(url) as connection:
        assert find(connection, AlarmQuery()) == []
        assert BOOK.record(connection, change(UP, 1), T0) == 2


def test_rule_states_are_kept_and_replaced(state: Connection) -> None:
    for body in ("{}", '{"a":1}'):
        BOOK.record(state, Outcome(states=(StateChange("r", "i", body),)), T0)

    assert load_states(state) == [StateChange("r", "i", '{"a":1}')]


def test_alarms_of_the_system_go_the_same_way(state: Connection) -> None:
    silent = gateway_silent("gw-1", school="sunrise")
    assert BOOK.raise_system(state, silent, T0, T0 - 80 * S) == 2
    assert BOOK.raise_system(state, silent, T0 + S) == 0
    assert BOOK.clear_system(state, silent, T0 + 60 * S) == 2
    assert BOOK.clear_system(state, silent, T0 + 61 * S) == 0

    [alarm] = find(state, AlarmQuery(rule=GATEWAY_SILENT))
    assert (alarm.life.condition_ns, alarm.life.cleared_ns) == (T0 - 80 * S, T0 + 60 * S)


def test_alarms_of_rules_that_are_no_more_are_cleared(state: Connection) -> None:
    BOOK.record(state, change(UP, 1), T0)
    BOOK.record(state, change(UP, 1, about(rule="kept")), T0)
    BOOK.raise_system(state, gateway_silent("gw-1"), T0)

    assert BOOK.retire(state, ["kept"], T0 + S) == 2
    active = [one.about.rule for one in find(state, AlarmQuery()) if one.life.active]
    assert sorted(active) == ["kept", GATEWAY_SILENT]


def test_finding(state: Connection) -> None:
    for number in range(5):
        subject = about(instance=f"gw-1/gas-{number}/nh3", school=f"school-{number % 2}")
        BOOK.record(state, change(UP, number, subject), T0)

    first = find(state, AlarmQuery(limit=2))
    assert [one.life.raised_ns for one in first] == [T0 + 4 * S, T0 + 3 * S]
    rest = find(state, AlarmQuery(before=(first[-1].life.raised_ns, first[-1].id)))
    assert [one.life.raised_ns for one in rest] == [T0 + 2 * S, T0 + S, T0]
    assert len(find(state, AlarmQuery(school="school-1"))) == 2
    assert len(find(state, AlarmQuery(schools=("school-0",)))) == 3
    assert find(state, AlarmQuery(schools=())) == []
    assert find(state, AlarmQuery(severity="info")) == []
    assert count_open(state) == {("critical", "active_unacknowledged"): 5}
