"""What requests cost: the formula, what is measured of it, and the break-even hole."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.modbus.turnaround import (
    BRIDGE_MAX,
    BRIDGE_ON_TCP,
    FIRST_LOOKS,
    LEVELS,
    LineCost,
    Median,
    Turnaround,
)


def line(baud: int) -> LineCost:
    character_s = 11 / baud
    return LineCost(character_s, 3.5 * character_s if baud <= 19_200 else 0.00175)


@pytest.mark.parametrize(
    ("baud", "times_ms", "holes"),
    [
        (9_600, (30, 51, 314), (12.7, 18.7)),
        (19_200, (18, 28, 160), (14.4, 27.5)),
        (115_200, (10, 12, 34), (51.0, BRIDGE_MAX)),
    ],
)
def test_requests_take_what_the_formula_says(
    baud: int, times_ms: tuple[int, ...], holes: tuple[float, float]
) -> None:
    cost = line(baud)

    assert tuple(round(1000 * cost.request_s(k)) for k in (1, 10, 125)) == times_ms
    assert (cost.break_even(0.005), cost.break_even(0.020)) == tuple(int(hole) for hole in holes)


def test_a_running_median_is_not_led_astray_by_single_values() -> None:
    median = Median()
    for _ in range(30):
        median.see(0.010)
    median.see(5.0)

    assert median.value == pytest.approx(0.010, rel=0.05)


@given(st.floats(1e-4, 1.0), st.floats(1e-4, 1.0))
def test_a_running_median_comes_to_what_it_sees(first: float, then: float) -> None:
    median = Median()
    median.see(first)
    for _ in range(400):
        median.see(then)

    assert median.value == pytest.approx(then, rel=0.05)


def test_the_hole_follows_what_the_device_takes_to_answer() -> None:
    turnaround = Turnaround(line(9_600))
    assert turnaround.bridge == 12

    changes = 0
    for _ in range(30):
        changes += turnaround.note(line(9_600).request_s(10, turnaround_s=0.035), 10)

    assert turnaround.turnaround_s == pytest.approx(0.035, rel=0.05)
    assert turnaround.bridge == 22  # the level below 25
    assert changes <= 6


def test_noise_does_not_make_the_hole_sway() -> None:
    """Turnarounds from 3 to 9 ms, and now and then one of 200 ms."""
    chance = random.Random(4)
    turnaround = Turnaround(line(19_200))
    changes = []
    for number in range(2_000):
        answer_s = 0.2 if chance.random() < 0.02 else chance.uniform(0.003, 0.009)
        if turnaround.note(line(19_200).request_s(10, turnaround_s=answer_s), 10):
            changes.append(number)

    assert len(changes) <= 4


def test_over_tcp_short_answers_and_long_ones_tell_what_a_register_costs() -> None:
    """A gateway with a line of 9,600 baud behind it looks like any TCP endpoint."""
    turnaround = Turnaround(LineCost())
    behind = line(9_600)
    assert turnaround.bridge == 0

    for _ in range(FIRST_LOOKS):
        turnaround.note(behind.request_s(2), 2)
    assert turnaround.bridge == max(level for level in LEVELS if level <= BRIDGE_ON_TCP)
    for _ in range(FIRST_LOOKS):
        turnaround.note(behind.request_s(40), 40)

    assert turnaround.register_s == pytest.approx(behind.register_s, rel=0.01)
    assert turnaround.bridge == 12


def test_a_hole_that_was_configured_is_not_measured() -> None:
    turnaround = Turnaround(LineCost(), fixed=50)

    assert not any(turnaround.note(1.0, 2) for _ in range(20))
    assert turnaround.bridge == 50


def test_a_tcp_map_of_wide_holes_alone_is_bridged_too_where_that_is_quicker() -> None:
    turnaround = Turnaround(LineCost())

    def poll() -> int:
        """One device with registers at 0 and 40, which answers in 6 ms whatever is asked."""
        bridged = turnaround.bridge >= 39
        for registers in [41] if bridged else [1, 1]:
            turnaround.note(0.006, registers)
        return 1 if bridged else 2

    assert [poll() for _ in range(20)][-1] == 1


def test_wide_holes_are_left_again_where_a_slow_line_is_behind_the_endpoint() -> None:
    turnaround = Turnaround(LineCost())

    def poll() -> int:
        bridged = turnaround.bridge >= 39
        for registers in [41] if bridged else [1, 1]:
            turnaround.note(0.020 + 0.0023 * registers, registers)
        return 1 if bridged else 2

    assert [poll() for _ in range(40)][-20:] == [2] * 20
