"""The kill campaign, shortened: three rounds of deaths instead of twenty."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.kill import Campaign
from tests.campaigns.plan import make_plan

ROUNDS = 3
SEED = 7
PARTS = ("broker", "store", "controller", "gw-1", "gw-2")


@pytest.mark.integration
@pytest.mark.alone
@pytest.mark.timeout(240)
def test_nothing_is_lost_or_done_twice_when_every_part_is_killed(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "run", SEED, ROUNDS)

    violations = campaign.run()

    assert violations == []
    summary = campaign.summary()
    assert all(count >= ROUNDS for count in summary["deaths"].values()), summary
    assert summary["samples_stored"] > 100, summary
    assert summary["commands_succeeded"] > 5, summary
    assert summary["notices_kept"] >= 2, summary


def test_a_seed_gives_the_same_plan_again() -> None:
    plans = [make_plan(SEED, rounds=20, parts=PARTS, detectors=("gas-1",)) for _ in range(2)]

    assert plans[0] == plans[1]
    assert plans[0] != make_plan(SEED + 1, rounds=20, parts=PARTS, detectors=("gas-1",))


def test_every_part_dies_in_every_round_and_deaths_overlap() -> None:
    plan = make_plan(SEED, rounds=20, parts=PARTS, detectors=("gas-1",))

    assert all({kill.part for kill in one.kills} == set(PARTS) for one in plan)
    overlapping = [
        one
        for one in plan
        if any(
            a.part != b.part and a.at_s <= b.at_s < a.at_s + a.down_s
            for a in one.kills
            for b in one.kills
        )
    ]
    assert len(overlapping) >= 15


def test_a_part_is_never_killed_while_it_is_down() -> None:
    for seed in range(20):
        for one in make_plan(seed, rounds=5, parts=PARTS, detectors=()):
            for part in PARTS:
                kills = one.of(part)
                ends = [kill.at_s + kill.down_s for kill in kills]
                assert all(end < after.at_s for end, after in zip(ends, kills[1:], strict=False))


def test_valves_open_and_close_in_turn() -> None:
    plan = make_plan(SEED, rounds=6, parts=PARTS, detectors=("gas-1", "gas-2"))
    turns = [
        [v.opens for one in plan for v in one.valves if v.detector == d] for d in ("gas-1", "gas-2")
    ]

    assert turns == [[True, False] * 3, [True, False, True, False, True]]
