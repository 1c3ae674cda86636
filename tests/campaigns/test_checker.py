"""The checker is tried on planted violations: a judge that finds nothing proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.campaigns.checker import Evidence, Intervals, check
from tests.campaigns.evidence import (
    Dated,
    Span,
    StoredRow,
    Trace,
    acks_in,
    json_lines,
    read_heard,
)

SECOND_NS = 1_000_000_000


def _row(seq: int, **changes: object) -> StoredRow:
    row = StoredRow("gas_detector", "gas-1", seq * SECOND_NS, seq, {"concentration": float(seq)})
    return row._replace(**changes)  # type: ignore[arg-type]


def _gone(first: int, last: int, *, at_s: int) -> Dated:
    return Dated(at_s * SECOND_NS, "epoch-1", Span(first, last))


@pytest.fixture
def clean() -> Evidence:
    truth = [
        {"t": seq * SECOND_NS, "device": "gas-1", "values": {"concentration": float(seq)}}
        for seq in range(1, 11)
    ]
    truth.append({"t": 5 * SECOND_NS, "device": "fan-1", "written": {"relay_1": 7.0}})
    everything = {"epoch-1": [Span(1, 10)]}
    return Evidence(
        truth=truth,
        stored=[_row(seq) for seq in range(1, 11) if seq != 4],
        device_gateway={"gas-1": "gw-1"},
        traces={
            "gw-1": Trace(
                everything,
                {"epoch-1": [Span(1, 3), Span(5, 6)]},
                [_gone(1, 3, at_s=21), _gone(5, 6, at_s=26)],
            )
        },
        gaps={"gw-1": {"epoch-1": [Span(4, 4)]}},
        acked={"gw-1": [_gone(1, 3, at_s=20), _gone(5, 8, at_s=25)]},
        transitions=[{"id": 1, "kind": "raised", "rule": "nh3", "place": "store-1"}],
        outbox=[{"id": 1, "transition": 1, "channel": "hook", "key": "k1", "state": "sent"}],
        notices=[{"key": "k1"}],
        commands=[
            {"id": "c1", "device": "fan-1", "point": "relay_1", "value": 7, "outcome": "succeeded"}
        ],
        crossings={"nh3/store-1": 1},
    )


def test_check_finds_nothing_in_a_clean_run(clean: Evidence) -> None:
    assert check(clean) == []


def _without(evidence: Evidence, seq: int) -> list[StoredRow]:
    return [row for row in evidence.stored if row.seq != seq]


def _deleted(evidence: Evidence, span: Span) -> dict[str, Trace]:
    return {"gw-1": Trace(evidence.traces["gw-1"].committed, {"epoch-1": [span]})}


def _command(evidence: Evidence, outcome: str) -> Evidence:
    return replace(evidence, commands=[{**evidence.commands[0], "outcome": outcome}])


_LOST_ROW: Final = {"id": 2, "kind": "cleared", "rule": "nh3", "place": "store-1"}

PLANTED: Final[dict[str, Callable[[Evidence], Evidence]]] = {
    "1 no loss": lambda e: replace(e, stored=_without(e, 9)),
    "2 no silent gap": lambda e: replace(e, gaps={}),
    "3 no duplicates": lambda e: replace(e, stored=[*e.stored, _row(3, time_ns=3_000_000_001)]),
    "4 no phantoms: gas-1.concentration = 99": lambda e: replace(
        e, stored=[*_without(e, 2), _row(2, values={"concentration": 99.0})]
    ),
    "4 no phantoms: gas-1.concentration = 2.0 at 7": lambda e: replace(
        e, stored=[*_without(e, 2), _row(2, time_ns=7 * SECOND_NS)]
    ),
    "5 ack means durable": lambda e: replace(
        e, acked={"gw-1": [*e.acked["gw-1"], _gone(1, 11, at_s=30)]}
    ),
    "6 delete means acked": lambda e: replace(e, traces=_deleted(e, Span(10, 12))),
    "6 delete means acked: gw-1: 1–3 deleted before any ack": lambda e: replace(
        e, acked={"gw-1": [_gone(1, 3, at_s=24), _gone(5, 8, at_s=25)]}
    ),
    "11: transition 1 has 2 rows": lambda e: replace(
        e, outbox=[*e.outbox, {**e.outbox[0], "id": 2}]
    ),
    "11: transition 2": lambda e: replace(e, transitions=[*e.transitions, _LOST_ROW]),
    "11: nh3/store-1 truly came true 2": lambda e: replace(e, crossings={"nh3/store-1": 2}),
    "12: outbox row 1 says sent": lambda e: replace(e, notices=[]),
    "12: outbox row 1 was never delivered": lambda e: replace(
        e, outbox=[{**e.outbox[0], "state": "dead"}]
    ),
    "16: fan-1.relay_1 = 9": lambda e: replace(
        e, truth=[*e.truth, {**e.truth[-1], "written": {"relay_1": 9.0}}]
    ),
    "16: command c1": lambda e: replace(e, truth=[*e.truth, e.truth[-1]]),
    "17": lambda e: _command(e, "expired"),
    "19: command c1 succeeded and never acted": lambda e: replace(e, truth=e.truth[:-1]),
    "19: command c1 never ended": lambda e: _command(e, "sent"),
}


@pytest.mark.parametrize("how", PLANTED)
def test_check_finds_a_planted_violation(clean: Evidence, how: str) -> None:
    found = check(PLANTED[how](clean))
    assert any(violation.startswith(how) for violation in found), found


def test_an_ack_that_the_dying_broker_took_along_is_no_violation(clean: Evidence) -> None:
    deaf = replace(clean, acked={"gw-1": [_gone(5, 8, at_s=25)]})
    assert check(deaf) == ["6 delete means acked: gw-1: 1–3 deleted before any ack"]
    assert check(replace(deaf, broker_kills_ns=[22 * SECOND_NS])) == []
    assert check(replace(deaf, broker_kills_ns=[40 * SECOND_NS])) != []


def test_acks_are_read_from_what_the_witness_wrote(tmp_path: Path) -> None:
    log = tmp_path / "witness.log"
    ack = b'{"v":1,"epoch":"e","stored":[{"first":1,"last":3}]}'
    log.write_text(f"1.5 campus/1/down/gw-1/ack {ack.hex()}\n2.5 campus/1/up/gw-1/status \n3.")
    assert acks_in(read_heard(log)) == {"gw-1": [Dated(1_500_000_000, "e", Span(1, 3))]}


def test_intervals_name_what_the_other_lacks() -> None:
    have = Intervals([Span(1, 5), Span(6, 6), Span(9, 12)])
    assert have.spans == [Span(1, 6), Span(9, 12)]
    other = Intervals([Span(2, 3), Span(11, 20)])
    assert have.missing_from(other) == [Span(1, 1), Span(4, 6), Span(9, 10)]


def test_json_lines_survives_the_tear_a_kill_leaves(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"a": 1}\n{"b": {"c"{"d": 4}\n{"e": 5}\n{"f"')
    assert list(json_lines(log)) == [{"a": 1}, {"d": 4}, {"e": 5}]
