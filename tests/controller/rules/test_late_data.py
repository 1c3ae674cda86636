"""What came too late for rules: counted, summed up, told once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from campus_rules.model import Severity
from campus_wire.quality import Quality
from controller.alarms import AlarmBook, AlarmQuery, find
from controller.late_data import QUIET_NS, LateDigests, outcome_of
from controller.notify.outbox import due
from controller.notify.texts import Style, render_in
from controller.outcome import LateData
from controller.state.database import visit
from controller.state.schema import outbox
from controller.system_alarms import LATE_DATA
from tests.controller.rules.school import T0, S
from tests.controller.rules.test_engine import AIR, GAS, School

NOW = 400
"""By when what happened in the first seconds is late."""


@dataclass(frozen=True)
class Desk:
    id: str = "desk"
    severities: tuple[str, ...] = ("critical", "warning", "info")


BOOK = AlarmBook([Desk()])


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Connection]:
    with visit(f"sqlite:///{tmp_path / 'state.db'}") as connection:
        yield connection


def test_late_samples_are_counted_against_the_limits_of_rules() -> None:
    school = School()
    air = school.make.frame(
        AIR,
        [
            ("th-1", T0 + S, (31.0, 50.0)),
            ("th-2", T0 + 2 * S, (15.0, 50.0)),
            ("th-1", T0 + 11 * S, (30.0, 50.0)),
            ("th-2", T0 + 12 * S, (99.0, 50.0)),
            ("th-1", T0 + NOW * S, (99.0, 50.0)),
        ],
        flaws={(3, 0): Quality.OUT_OF_RANGE},
    )
    gas = school.make.frame(GAS, [("gas-1", T0 + 3 * S, (25.0, 0)), ("gas-1", T0 + 4 * S, (9, 1))])

    outcome = school.engine.evaluate([air, gas], now_ns=T0 + NOW * S)

    assert outcome.late == (
        LateData("gw-1", 4, T0 + S, T0 + 12 * S, beyond=2),
        LateData("gw-1", 2, T0 + 3 * S, T0 + 4 * S, beyond=1),
    )


def test_what_live_samples_overtook_is_told_only_where_it_was_beyond_a_limit() -> None:
    school = School()
    school.gas(60, 5.0)

    assert school.gas(30, 10.0, at=61).late == ()
    outcome = school.gas(31, 60.0, at=62)

    assert outcome.transitions == ()
    assert outcome.late == (LateData("gw-1", 1, T0 + 31 * S, T0 + 31 * S, beyond=1),)


def test_the_same_sample_again_is_not_late() -> None:
    school = School()
    school.gas(60, 60.0)

    assert school.gas(60, 60.0).late == ()


def test_a_backlog_makes_one_digest_when_it_has_drained() -> None:
    digests = LateDigests()
    for second in range(0, 300, 30):
        part = LateData("gw-1", 500, T0 + second * S, T0 + (second + 30) * S, beyond=second // 100)
        digests.add([part], now_ns=T0 + (1000 + second) * S)
        assert digests.take_drained(now_ns=T0 + (1029 + second) * S) == []

    end_ns = T0 + 1270 * S + QUIET_NS
    assert digests.take_drained(now_ns=end_ns) == [
        LateData("gw-1", 5000, T0, T0 + 300 * S, beyond=9)
    ]
    assert digests.take_drained(now_ns=end_ns) == []


def test_a_digest_is_one_notice_and_no_open_alarm_but_for_the_look_at_it(
    state: Connection,
) -> None:
    for number in (1, 2):
        data = LateData("gw-1", 7200, T0, T0 + 7200 * S, beyond=number)
        BOOK.record(state, outcome_of(data, None, now_ns=T0 + 9000 * S * number), T0)
        assert state.scalar(select(func.count()).select_from(outbox)) == number

    [alarm] = find(state, AlarmQuery(rule=LATE_DATA))
    assert not alarm.life.active
    assert alarm.about.severity is Severity.WARNING
    assert alarm.life.occurrence == 2


@pytest.mark.parametrize(
    ("beyond", "zh", "en"),
    [
        (0, "均未超过报警限值", "none of them was beyond"),
        (3, "3 个样本超过报警限值", "3 of them were"),
    ],
)
def test_a_digest_in_words(state: Connection, beyond: int, zh: str, en: str) -> None:
    data = LateData("gw-1", 7200, T0, T0 + 7200 * S, beyond=beyond)
    BOOK.record(state, outcome_of(data, None, now_ns=T0 + 9000 * S), T0)

    [row] = due(state, "desk", now_ns=T0 + 9000 * S, limit=9).rows

    body = {language: render_in(row.notice, language, Style()).body for language in ("zh", "en")}
    assert zh in body["zh"]
    assert "7200 个样本，时间跨度 120 分钟" in body["zh"]
    assert en in body["en"]
    assert "7200 samples of 120 min" in body["en"]
