"""The judge of the garbage campaign is tried on planted violations; its plan meets everything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from tests.campaigns.evidence import StoredRow
from tests.campaigns.garbage_checker import SECOND_NS, Evidence, Vitals, judge
from tests.campaigns.garbage_school import BROKEN_CONNECTION, plan, school

END_S: Final = 40
HEALTHY: Final = Vitals(50_000, 30, 4)


def _reading(at_s: float, value: float | None, **more: object) -> dict[str, Any]:
    values = {"temperature": value, "humidity": 55.0}
    return {"t": int(at_s * SECOND_NS), "device": "th", "values": values, **more}


def _change(at_s: float, *, active: bool, **more: object) -> dict[str, Any]:
    change = {"fault": "silence", "active": active, "value": 0.0, **more}
    return {"t": int(at_s * SECOND_NS), "device": "th", "change": change}


def _row(at_s: float, **values: float) -> StoredRow:
    seq = int(at_s * 10)
    return StoredRow("temperature_humidity", "th", int(at_s * SECOND_NS), seq, values)


def _sound(at_s: float) -> StoredRow:
    return _row(at_s, temperature=20.0 + at_s, humidity=55.0)


@pytest.fixture
def clean() -> Evidence:
    """Silent from 10 s to 12 s; what is told meanwhile is bad."""
    answered = [at_s for at_s in range(END_S) if not 10 <= at_s < 14]
    return Evidence(
        truth=[
            *(_reading(at_s, 20.0 + at_s) for at_s in answered),
            _change(10, active=True),
            _change(12, active=False),
        ],
        stored=[*map(_sound, answered), _row(11, temperature_q=514, humidity_q=514)],
        devices=["th"],
        begin_ns=0,
        end_ns=END_S * SECOND_NS,
        vitals=(HEALTHY, HEALTHY),
    )


def _with(evidence: Evidence, *rows: StoredRow) -> Evidence:
    return replace(evidence, stored=[*evidence.stored, *rows])


def _violations(evidence: Evidence) -> list[str]:
    return judge(evidence).violations


def test_a_clean_run_has_no_violation(clean: Evidence) -> None:
    verdict = judge(clean)

    assert verdict.violations == []
    assert verdict.good_values == 2 * 36
    assert verdict.bad_values == 2
    assert verdict.troubles == {"silence": 1}
    assert verdict.recoveries_s == [2.0]


def test_a_value_that_nobody_showed_is_found(clean: Evidence) -> None:
    [found] = _violations(_with(clean, _row(5.5, temperature=57.25, humidity=55.0)))

    assert "th temperature = 57.25" in found


def test_a_wrong_value_of_bad_quality_is_no_value(clean: Evidence) -> None:
    assert not _violations(_with(clean, _row(5.5, temperature=57.25, temperature_q=512)))


def test_a_true_value_under_another_time_is_found(clean: Evidence) -> None:
    """A stale value that is told as new."""
    [found] = _violations(_with(clean, _row(8.5, temperature=21.0, humidity=55.0)))

    assert "th temperature = 21.0" in found


def test_a_value_of_another_device_is_found(clean: Evidence) -> None:
    assert _violations(_with(clean, _sound(5)._replace(device="th-2")))


def test_what_was_spoilt_on_its_way_proves_nothing(clean: Evidence) -> None:
    broken = replace(clean, truth=[*clean.truth, _reading(5.4, 57.25, broken="bad_crc")])

    assert _violations(_with(broken, _row(5.5, temperature=57.25, humidity=55.0)))


def test_a_number_in_place_of_no_reading_is_found(clean: Evidence) -> None:
    silent = replace(clean, truth=[*clean.truth, _reading(5.4, None)])

    assert _violations(_with(silent, _row(5.5, temperature=0.0, humidity=55.0)))


def test_a_device_that_comes_back_too_late_is_found(clean: Evidence) -> None:
    late = [row for row in clean.stored if not 12 <= row.time_ns / SECOND_NS < 22]

    [found] = _violations(replace(clean, stored=late))

    assert "not heard for 10.0 s after its trouble" in found


def test_who_was_not_heard_between_two_troubles_may_take_longer(clean: Evidence) -> None:
    before = [_change(6, active=True), _change(9, active=False)]
    late = [row for row in clean.stored if not 6 <= row.time_ns / SECOND_NS < 20]

    patient = judge(replace(clean, truth=[*before, *clean.truth], stored=late))

    assert patient.violations == []
    assert patient.cut_short == 1


def test_a_device_that_comes_back_too_late_is_found_though_more_trouble_follows(
    clean: Evidence,
) -> None:
    more = [*clean.truth, _change(21, active=True), _change(22, active=False)]
    late = [row for row in clean.stored if not 12 <= row.time_ns / SECOND_NS < 23]

    assert len(_violations(replace(clean, truth=more, stored=late))) == 1


def test_a_recovery_cut_short_is_no_violation_and_is_counted(clean: Evidence) -> None:
    more = [*clean.truth, _change(13, active=True), _change(13.5, active=False)]

    verdict = judge(replace(clean, truth=more))

    assert verdict.violations == []
    assert verdict.cut_short == 1


def test_a_device_that_is_gone_at_the_end_is_found(clean: Evidence) -> None:
    gone = [row for row in clean.stored if row.time_ns < 30 * SECOND_NS]

    assert _violations(replace(clean, stored=gone))
    assert _violations(replace(clean, devices=["th", "never-heard"]))


def test_a_steady_device_that_pauses_is_found(clean: Evidence) -> None:
    steady = [_sound(at_s / 2) for at_s in range(2 * END_S)]
    gapless = replace(clean, truth=[], stored=steady, devices=[], steady=["th"])
    pausing = replace(gapless, stored=[*steady[:20], *steady[26:]])

    assert not [one for one in _violations(gapless) if "wrong value" not in one]
    assert [one for one in _violations(pausing) if "wrong value" not in one] == [
        "th was not heard for 3.5 s"
    ]


def test_a_fault_without_an_end_is_found(clean: Evidence) -> None:
    assert _violations(replace(clean, truth=[*clean.truth, _change(30, active=True)]))


@pytest.mark.parametrize(
    "after", [Vitals(90_000, 30, 4), Vitals(50_000, 60, 4), Vitals(50_000, 30, 20)]
)
def test_what_grows_is_found(clean: Evidence, after: Vitals) -> None:
    assert _violations(replace(clean, vitals=(HEALTHY, after)))


def test_what_the_campaign_noticed_counts(clean: Evidence) -> None:
    assert _violations(replace(clean, problems=["a traceback is in garbage-gw.log"]))


# --- the plan -----------------------------------------------------------------------------------


def test_a_seed_gives_the_same_plan_again() -> None:
    plans = [plan(7, school(7), length_s=60, for_s=3) for _ in range(2)]

    assert plans[0] == plans[1]
    assert plans[0] != plan(8, school(8), length_s=60, for_s=3)


def test_every_device_meets_every_fault_in_time() -> None:
    document = school(7)
    whole = plan(7, document, length_s=420, for_s=3)
    [gateway] = document["gateways"]
    met: dict[str, set[tuple[str, float | None]]] = {}
    for trouble in whole:
        met.setdefault(trouble.place, set()).add((trouble.kind, trouble.value))

    for bus in gateway["buses"]:
        if "tcp" in bus["modbus"]["transport"]:
            assert {kind for kind, _ in met[bus["id"]]} == set(BROKEN_CONNECTION)
        for device in bus["devices"]:
            kinds = met[device["id"]]
            assert {("exception", float(code)) for code in range(1, 12)} <= kinds
            assert len(kinds) >= 32
    assert all(one.at_s >= 0 and one.at_s + one.for_s <= 420 for one in whole)


def test_every_number_of_the_meters_is_the_only_one_of_its_kind() -> None:
    [gateway] = school(7)["gateways"]
    devices = [one for bus in gateway["buses"] for one in bus["devices"] if "values" in one]
    numbers = [
        value
        for device in devices
        for point, value in device["values"].items()
        if "coil" not in point
    ]

    assert len(devices) == 12
    assert len(set(numbers)) == len(numbers)
