"""What is tried, in which order, and how long it takes."""

import pytest

from edge_agent.finding.hosts import Endpoint, endpoints
from edge_agent.finding.settings import (
    Progress,
    SerialSetting,
    duration,
    likely_settings,
    ordered_units,
    parse_units,
)


def test_the_likeliest_settings_come_first() -> None:
    texts = [one.text for one in likely_settings()]

    assert texts[0] == "9600 8N1"
    assert set(texts[:5]) >= {"9600 8E1", "19200 8N1", "19200 8E1"}
    assert len(set(texts)) == len(texts) == 32


def test_what_the_user_fixes_is_kept_to() -> None:
    assert likely_settings(baud_rates=[4800], parities=["O"], stop_bits=[2]) == [
        SerialSetting(4800, "O", 2)
    ]
    assert {one.baud_rate for one in likely_settings(baud_rates=[2400])} == {2400}
    assert {one.parity for one in likely_settings(parities=["E"])} == {"E"}


def test_the_usual_units_come_first_and_none_is_lost() -> None:
    units = ordered_units(range(1, 248))

    assert units[:3] == [1, 2, 3]
    assert units.index(247) < units.index(30)
    assert sorted(units) == list(range(1, 248))


@pytest.mark.parametrize(("text", "units"), [("1-3,9", [1, 2, 3, 9]), ("5,5", [5])])
def test_units(text: str, units: list[int]) -> None:
    assert parse_units(text) == units


@pytest.mark.parametrize("text", ["", "3-1", "248", "a", "1-", "-1"])
def test_units_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="unit id"):
        parse_units(text)


def test_an_absent_unit_costs_its_request_and_the_time_out() -> None:
    # 8 characters of 10 bits and two silences of 3.5 at 9600 baud: 8.3 ms and 7.3 ms
    assert SerialSetting(9600).absent_s(0.1) == pytest.approx(0.1156, abs=0.0002)


def test_the_estimate_counts_silence_and_answers() -> None:
    progress = Progress(total=100, absent_s=0.1)
    assert progress.left_s() == pytest.approx(10.0)

    progress.done, progress.found, progress.found_s = 40, 5, 5.0
    assert progress.left_s() == pytest.approx(60 * (0.9 * 0.1 + 0.1 * 1.0))


@pytest.mark.parametrize(("seconds", "text"), [(3, "3 s"), (200, "3 min"), (7200, "2.0 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.1.2.0/30", [Endpoint("10.1.2.1"), Endpoint("10.1.2.2")]),
        ("10.1.2.8-9", [Endpoint("10.1.2.8"), Endpoint("10.1.2.9")]),
        ("meter.lan:1502", [Endpoint("meter.lan", 1502)]),
        ("[fd00::1]:503,10.0.0.1", [Endpoint("fd00::1", 503), Endpoint("10.0.0.1")]),
    ],
)
def test_endpoints(text: str, found: list[Endpoint]) -> None:
    assert endpoints([text]) == found


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.1.2.9-3", "a b", "h:0", "10.1.2.0/33"])
def test_endpoints_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        endpoints([text])
