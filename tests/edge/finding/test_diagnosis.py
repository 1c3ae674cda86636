"""From evidence to words."""

from collections import Counter

import pytest

from edge_agent.finding.diagnosis import diagnose
from edge_agent.finding.evidence import BusEvidence, BusKind, UnitEvidence


def unit(number: int, **seen: object) -> UnitEvidence:
    found = UnitEvidence(number, f"d{number}", "xy-md02", asked=3)
    for name, value in seen.items():
        setattr(found, name, value)
    return found


def fine(number: int) -> UnitEvidence:
    return unit(number, answered=3, slowest_s=0.02)


def silent(number: int) -> UnitEvidence:
    return unit(number, silent=3)


def bus(*units: UnitEvidence, kind: BusKind = "serial", **more: object) -> BusEvidence:
    seen = BusEvidence("line-1", kind, "/dev/ttyUSB0", "9600 8N1", units=list(units))
    for name, value in more.items():
        setattr(seen, name, value)
    return seen


CASES: dict[str, tuple[BusEvidence, str, str]] = {
    "no port": (bus(not_connected="no such file"), "port_not_opened", "by-id"),
    "no host": (bus(kind="tcp", not_connected="refused"), "endpoint_not_reached", "502"),
    "swapped": (bus(silent(1), silent(2)), "ab_swapped", "Swap A and B"),
    "other baud": (
        bus(silent(1), silent(2), answering_settings=["19200 8E1"]),
        "serial_settings",
        "19200 8E1",
    ),
    "all garbled": (
        bus(unit(1, garbled=3), unit(2, garbled=3)),
        "serial_settings",
        "parity",
    ),
    "one switch": (bus(fine(1), silent(2), fine(3)), "address_switch", "power"),
    "moved": (
        bus(fine(1), silent(2), fine(3), strangers={12: "xy-md02"}),
        "address_switch",
        "Set the device to 2",
    ),
    "cut": (bus(fine(1), fine(2), silent(3), silent(4)), "cable_cut", "d2"),
    "twins": (bus(fine(1), unit(2, answered=2, two_answers=2)), "duplicate_address", "Disconnect"),
    "collision": (bus(fine(1), fine(3), unit(2, garbled=3)), "duplicate_address", "Disconnect"),
    "far end": (
        bus(fine(1), fine(2), unit(3, answered=1, garbled=2), unit(4, garbled=2, answered=1)),
        "termination",
        "120",
    ),
    "noise": (
        bus(unit(1, answered=2, garbled=1), fine(2), unit(3, answered=2, garbled=1)),
        "noise",
        "shield",
    ),
    "other master": (bus(fine(1), unasked_bytes=16, unasked_frames=2), "second_master", "Stop"),
    "gateway gives up": (
        bus(
            unit(1, answered=1, refused=Counter({11: 2}), slowest_s=0.05),
            fine(2),
            kind="tcp",
        ),
        "gateway_timeout",
        "500 ms",
    ),
    "no path": (bus(unit(1, refused=Counter({10: 3})), kind="tcp"), "gateway_path", "address"),
    "wrong protocol": (bus(silent(1), kind="tcp", answers_rtu=True), "wrong_protocol", "rtu_over"),
    "plain tcp": (bus(silent(1), kind="converter", answers_tcp=True), "wrong_protocol", "tcp"),
    "unit on tcp": (bus(silent(1), kind="tcp", strangers={255: ""}), "unit_id_tcp", "255"),
    "closed": (bus(silent(1), kind="tcp", closed=3), "connection_closed", "one connection"),
    "echo only": (bus(silent(1), echoed=True), "echo", "A/B"),
    "other model": (bus(unit(1, refused=Counter({2: 3}))), "wrong_profile", "campus edge scan"),
    "late": (
        bus(fine(1), unit(2, wrong_units=Counter({1: 2}), silent=1)),
        "late_answers",
        "timeout_s",
    ),
    "mapping": (bus(unit(2, wrong_units=Counter({9: 3}))), "wrong_unit", "mapping"),
    "weak": (bus(fine(1), unit(2, answered=1, silent=2)), "weak_line", "120"),
    "tight": (bus(unit(1, answered=3, slowest_s=0.9)), "timeout_tight", "timeout_s"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_likeliest_cause_comes_first(name: str) -> None:
    seen, kind, words = CASES[name]

    found = diagnose(seen)

    assert found[0].kind == kind
    assert words in found[0].check.en + found[0].what.en
    assert all(one.what.zh and one.check.zh for one in found)
    likelihoods = [one.likelihood for one in found]
    assert likelihoods == sorted(likelihoods, reverse=True)


def test_nothing_is_wrong_where_all_answer() -> None:
    assert diagnose(bus(fine(1), fine(2))) == []


def test_a_device_that_is_alone_and_silent_may_have_no_power() -> None:
    assert diagnose(bus(silent(1)))[0].kind == "no_power_or_cable"
