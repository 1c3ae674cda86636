"""Pacing, grouping and muting: decisions without a clock."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_rules.model import AlarmClass
from controller.notify.grouping import message_of, plan
from controller.notify.muting import Mute, muted_until_ns
from controller.notify.outbox import Row
from controller.notify.pacing import RETRY_CAP_S, ROBOT_RATE, Bucket, Rate, retry_delay_s
from controller.notify.texts import Style
from tests.controller.notify.samples import RAISED, T0, S, about

RATE = Rate(per_minute=60, burst=6, reserved=2)


def rows(count: int, alarm_class: AlarmClass, first: int = 0) -> list[Row]:
    notice = replace(RAISED, about=about(alarm_class=alarm_class))
    return [Row(n, f"k{n}", notice, 0, T0) for n in range(first, first + count)]


@pytest.mark.parametrize(
    ("comfort", "safety", "tokens", "sizes"),
    [
        (3, 0, 6, [1, 1, 1]),
        (4, 0, 6, [1, 1, 1, 1]),
        (5, 0, 6, [5]),  # more than the four that are not reserved: one digest
        (5, 2, 6, [1, 1, 5]),
        (0, 6, 6, [1] * 6),
        (0, 9, 6, [1] * 5 + [4]),  # safety is split up as far as it goes
        (5, 0, 2, []),  # only the reserve is left
        (5, 1, 2, [1]),
        (0, 3, 0, []),
    ],
)
def test_grouping(comfort: int, safety: int, tokens: int, sizes: list[int]) -> None:
    waiting = rows(comfort, AlarmClass.COMFORT) + rows(safety, AlarmClass.SAFETY, first=100)
    planned = plan(waiting, Bucket(RATE, tokens, T0))

    assert [len(group) for group in planned.groups] == sizes
    assert planned.bucket is not None
    assert planned.bucket.tokens == tokens - len(sizes)


def test_without_a_rate_each_notice_is_a_message() -> None:
    assert len(plan(rows(50, AlarmClass.COMFORT), None).groups) == 50


def test_a_digest_keeps_its_key_on_retry() -> None:
    waiting = rows(3, AlarmClass.COMFORT)

    assert message_of(waiting, Style()).key == message_of(waiting, Style()).key
    assert message_of(waiting, Style()).key != message_of(waiting[:2], Style()).key


@given(st.lists(st.tuples(st.integers(0, 30_000), st.booleans()), max_size=300))
def test_no_minute_holds_more_than_a_robot_takes(script: list[tuple[int, bool]]) -> None:
    bucket, now_ns, sent = Bucket.full(ROBOT_RATE, T0), T0, list[int]()
    for wait_ms, safety in script:
        now_ns += wait_ms * 1_000_000
        bucket = bucket.at(now_ns)
        if bucket.available(safety=safety):
            bucket = bucket.draw()
            sent.append(now_ns)

    for start in sent:
        assert sum(start <= time_ns < start + 60 * S for time_ns in sent) <= 20


@given(st.floats(0, 6), st.booleans())
def test_waiting_as_long_as_told_is_enough(tokens: float, safety: bool) -> None:
    bucket = Bucket(RATE, tokens, T0)
    later = bucket.at(T0 + int(bucket.wait_s(safety=safety) * S) + 1)

    assert later.available(safety=safety) >= 1


@given(st.integers(1, 10_000), st.floats(0, 0.999))
def test_retries_grow_to_the_cap(failures: int, jitter: float) -> None:
    assert 0.5 <= retry_delay_s(failures, jitter=jitter) <= RETRY_CAP_S
    assert retry_delay_s(failures, jitter=jitter, retry_after_s=90.0) == 90.0


@pytest.mark.parametrize(
    ("mute", "alarm_class", "until"),
    [
        (Mute(T0 + 5, "王", ""), AlarmClass.COMFORT, T0 + 5),
        (Mute(T0 + 5, "王", ""), AlarmClass.SAFETY, None),
        (Mute(T0, "王", ""), AlarmClass.COMFORT, None),  # over
        (Mute(T0 + 5, "王", "", area="chem"), AlarmClass.COMFORT, T0 + 5),
        (Mute(T0 + 5, "王", "", area="lab"), AlarmClass.COMFORT, None),
        (Mute(T0 + 5, "王", "", school="sunrise", device="gas-2"), AlarmClass.COMFORT, None),
    ],
)
def test_muting(mute: Mute, alarm_class: AlarmClass, until: int | None) -> None:
    notice = replace(RAISED, about=about(alarm_class=alarm_class))

    assert muted_until_ns(notice, [mute], T0) == until
