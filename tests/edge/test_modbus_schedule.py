from hypothesis import given
from hypothesis import strategies as st

from campus_wire.quality import Quality
from edge_agent.modbus.health import BACKOFF_MAX_S, FAILURES_UNTIL_LOST, Change, Health
from edge_agent.modbus.schedule import Entry, Schedule, stagger


def schedule_of(*entries: Entry[str]) -> Schedule[str]:
    schedule: Schedule[str] = Schedule()
    for entry in entries:
        schedule.add(entry, first_due_s=0.0)
    return schedule


def run(schedule: Schedule[str], *, seconds: float, cost_s: float) -> list[str]:
    """Poll for a while; each poll takes `cost_s`. Returns who was polled."""
    now_s = 0.0
    polled: list[str] = []
    while now_s < seconds:
        entry = schedule.take(now_s)
        if entry is None:
            due_s = schedule.next_due_s()
            assert due_s is not None
            now_s = due_s
            continue
        polled.append(entry.item)
        now_s += cost_s
        schedule.done(entry, now_s)
    return polled


def test_who_has_been_due_longest_goes_first() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add(Entry("late", 1.0, 0), first_due_s=0.5)
    schedule.add(Entry("early", 1.0, 0), first_due_s=0.2)

    assert schedule.take(0.1) is None
    assert schedule.next_due_s() == 0.2
    first, second = schedule.take(1.0), schedule.take(1.0)
    assert (first and first.item, second and second.item) == ("early", "late")


def test_the_more_urgent_class_goes_first_when_the_bus_is_short_of_time() -> None:
    classroom = [Entry(f"classroom-{number}", 1.0, 1) for number in range(20)]
    lab = Entry("lab", 1.0, 0)

    polled = run(schedule_of(*classroom, lab), seconds=30, cost_s=0.1)

    assert polled[0] == "lab"
    assert lab.missed == 0
    assert 29 <= lab.polls <= 31
    assert min(entry.polls for entry in classroom) >= 8  # late, but nobody is silent


def test_missed_polls_are_counted_and_not_made_up_for() -> None:
    slow = Entry("slow", 1.0, 0)
    schedule = schedule_of(slow)

    taken = schedule.take(0.0)
    assert taken is slow
    schedule.done(slow, 5.5)

    assert (slow.missed, schedule.missed, slow.due_s) == (5, 5, 6.0)
    assert schedule.take(5.9) is None


def test_a_full_bus_serves_even_the_least_urgent_now_and_then() -> None:
    urgent = [Entry(f"urgent-{number}", 1.0, 0) for number in range(20)]
    humble = Entry("humble", 1.0, 2)

    run(schedule_of(*urgent, humble), seconds=60, cost_s=0.1)

    assert humble.polls >= 5
    assert min(entry.polls for entry in urgent) >= 15


@given(
    st.lists(st.tuples(st.floats(0.1, 10), st.integers(0, 2)), min_size=1, max_size=12),
    st.floats(0.001, 0.5),
)
def test_nobody_is_polled_before_its_beat_and_nobody_is_lost(
    devices: list[tuple[float, int]], cost_s: float
) -> None:
    entries = [Entry(str(at), interval_s, rank) for at, (interval_s, rank) in enumerate(devices)]
    polled = run(schedule_of(*entries), seconds=40, cost_s=cost_s)

    for entry in entries:
        assert entry.polls == polled.count(entry.item)
        assert entry.polls + entry.missed <= 41 / entry.interval_s + 2
        load = cost_s * sum(1 / interval_s for interval_s, _ in devices)
        if load < 0.5:
            assert entry.polls >= 40 / entry.interval_s * 0.4 - 1


def test_first_polls_are_spread_over_the_interval() -> None:
    assert stagger(4, 2.0) == [0.0, 0.5, 1.0, 1.5]


def test_one_missed_answer_changes_nothing_and_the_second_loses_the_device() -> None:
    health = Health()

    assert health.failed(Quality.NO_ANSWER, 0.0) is None
    assert health.may_ask(0.0)
    assert health.failed(Quality.NO_ANSWER, 1.0) is Change.LOST
    assert not health.may_ask(1.5)
    assert health.failed(Quality.NO_ANSWER, 2.0) is None
    assert health.answered() is Change.BACK
    assert health.answered() is None
    assert health.may_ask(2.0)


def test_a_dead_device_is_asked_ever_more_rarely_up_to_a_cap() -> None:
    health = Health()
    now_s = 0.0
    waits = []
    for _ in range(50):
        health.failed(Quality.NO_ANSWER, now_s)
        waits.append(health.next_try_s - now_s)
        now_s = health.next_try_s

    assert waits == sorted(waits)
    assert waits[FAILURES_UNTIL_LOST] == 2 * waits[FAILURES_UNTIL_LOST - 1]
    assert waits[-1] == BACKOFF_MAX_S
