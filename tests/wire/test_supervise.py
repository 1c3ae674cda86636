"""The back-off policy, and the loop around it."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus_wire.errors import PermanentError, TransientError
from campus_wire.supervise import Backoff, supervise

QUICK = Backoff(first_s=0.001, cap_s=0.002)


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_a_delay_lies_in_the_upper_half_below_the_cap(failures: int, chance: float) -> None:
    backoff = Backoff(first_s=0.5, cap_s=30)

    delay_s = backoff.delay_s(failures, chance)

    assert 0.25 <= delay_s <= 30
    assert delay_s >= backoff.delay_s(1, 0)


@pytest.mark.parametrize(
    ("failures", "chance", "delay_s"),
    [(1, 0.0, 0.25), (1, 1.0, 0.5), (2, 1.0, 1.0), (4, 0.0, 2.0), (7, 1.0, 30.0), (99, 0.0, 15.0)],
)
def test_delays_double_up_to_the_cap(failures: int, chance: float, delay_s: float) -> None:
    assert Backoff(first_s=0.5, cap_s=30).delay_s(failures, chance) == delay_s


def test_work_that_ran_long_enough_starts_over() -> None:
    backoff = Backoff(settle_s=60)

    assert backoff.failures(5, lasted_s=59.9) == 6
    assert backoff.failures(5, lasted_s=60) == 1


async def test_work_is_started_again_until_it_returns(caplog: pytest.LogCaptureFixture) -> None:
    reasons = iter(["lost", "lost", "lost", "full", "lost"])
    failures: list[TransientError] = []
    starts = 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        reason = next(reasons, None)
        if reason is not None:
            raise TransientError(reason, f"attempt {starts}")

    with caplog.at_level(logging.WARNING):
        await supervise("bus", work, backoff=QUICK, on_failure=failures.append, chance=lambda: 0.5)

    assert starts == 6
    assert [error.reason for error in failures] == ["lost", "lost", "lost", "full", "lost"]
    assert len(caplog.records) == 3  # said when the reason differs, not each time


@pytest.mark.parametrize("error", [PermanentError("broken", "for good"), ZeroDivisionError()])
async def test_any_other_error_passes(error: Exception) -> None:
    async def work() -> None:
        raise error

    with pytest.raises(type(error)):
        await supervise("bus", work, backoff=QUICK)
