"""Which intervals give way on a bus that cannot keep up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.modbus.schedule import Entry, Schedule
from edge_agent.modbus.stretching import CAPACITY, NONE, STRETCH_MAX, needed, stretched

LOADS = st.tuples(*[st.floats(0, 20)] * 3)


def test_what_fits_is_left_alone() -> None:
    assert needed((0.3, 0.3, 0.3), 0.95) == NONE


def test_slow_devices_give_way_first_then_normal_ones_and_safety_last() -> None:
    assert needed((0.3, 0.4, 0.8), 1.0) == pytest.approx((1.0, 1.0, 0.8 / 0.3))
    assert needed((0.3, 0.9, 1.0), 1.0) == pytest.approx((1.0, 0.9 / 0.6, STRETCH_MAX))
    assert needed((1.8, 1.0, 1.0), 1.0) == (2.0, 20.0, 20.0)


@given(LOADS)
def test_what_is_stretched_fits(loads: tuple[float, float, float]) -> None:
    factors = needed(loads, CAPACITY)

    assert all(factor >= 1 for factor in factors)
    asked = sum(load / factor for load, factor in zip(loads, factors, strict=True))
    assert asked <= CAPACITY * (1 + 1e-9)
    if factors[0] > 1:
        assert min(factors[1:]) >= STRETCH_MAX


@given(LOADS, st.lists(st.floats(0.99, 1.01), min_size=2, max_size=20))
def test_a_load_that_sways_a_little_moves_no_interval(
    loads: tuple[float, float, float], sways: list[float]
) -> None:
    """Once they have stretched for the most of a load that sways by 2 %, intervals stay."""
    factors = stretched(tuple(1.01 * load for load in loads), NONE)
    for sway in sways:
        again = stretched(tuple(sway * load for load in loads), factors)
        assert again == pytest.approx(factors)


def run(
    schedule: Schedule[str], costs: dict[str, float], seconds: float
) -> list[tuple[str, float]]:
    now_s = 0.0
    polled: list[tuple[str, float]] = []
    while now_s < seconds:
        entry = schedule.take(now_s)
        if entry is None:
            due_s = schedule.next_due_s()
            assert due_s is not None
            now_s = max(due_s, now_s)
            continue
        polled.append((entry.item, now_s))
        now_s += costs[entry.item]
        schedule.done(entry, now_s, cost_s=costs[entry.item])
    return polled


def test_an_overloaded_bus_keeps_safety_intervals_and_a_steady_pace_for_the_rest() -> None:
    """Half of its time for safety, 180 % for normal devices, 40 % for slow ones."""
    entries = [Entry(f"safety-{n}", 1.0, 0) for n in range(5)]
    entries += [Entry(f"normal-{n}", 1.0, 1) for n in range(18)]
    entries += [Entry(f"slow-{n}", 1.0, 2) for n in range(4)]
    schedule: Schedule[str] = Schedule()
    for at, entry in enumerate(entries):
        schedule.add(entry, first_due_s=at / len(entries))

    polled = run(schedule, dict.fromkeys([one.item for one in entries], 0.1), 200)

    late = [one for one in polled if one[1] > 100]
    counts = {one.item: sum(name == one.item for name, _ in late) for one in entries}
    assert min(counts[f"safety-{n}"] for n in range(5)) >= 97
    normal = [counts[f"normal-{n}"] for n in range(18)]
    assert min(normal) >= 20  # 46 % of the time, shared by 18
    assert max(normal) <= 1.5 * min(normal)
    assert min(counts[f"slow-{n}"] for n in range(4)) >= 5
    assert schedule.stretches[0] == 1.0
    assert schedule.stretches[2] == STRETCH_MAX


def test_intervals_come_back_when_the_load_is_gone() -> None:
    entries = [Entry(f"normal-{n}", 1.0, 1) for n in range(20)]
    schedule: Schedule[str] = Schedule()
    for entry in entries:
        schedule.add(entry, first_due_s=0.0)
    costs = dict.fromkeys([one.item for one in entries], 0.1)
    run(schedule, costs, 60)
    assert schedule.stretches[1] == pytest.approx(2.0, rel=0.1)
    for entry in entries[8:]:
        schedule.remove(entry)

    run(schedule, costs, 120)

    assert schedule.stretches == NONE
    assert schedule.load == pytest.approx(0.8)


def test_a_poll_that_is_gone_on_with_later_keeps_its_beat() -> None:
    schedule: Schedule[str] = Schedule()
    entry = Entry("busy", 1.0, 1)
    schedule.add(entry, first_due_s=0.0)
    schedule.add(Entry("other", 1.0, 1), first_due_s=0.05)

    taken = schedule.take(0.0)
    assert taken is entry
    entry.pending = "half"
    schedule.later(entry, 0.1, cost_s=0.02)
    other = schedule.take(0.06)
    assert other is not None
    assert other.item == "other"
    assert schedule.take(0.06) is None
    assert schedule.take(0.11) is entry
    schedule.done(entry, 0.12, cost_s=0.01)

    assert entry.due_s == 1.0
    assert entry.cost_s == pytest.approx(0.03)
