"""Restart work that failed for a passing reason.

`Backoff` is the policy and is pure; `supervise` is the loop around it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from campus_wire.errors import TransientError

_log: Final = logging.getLogger(__name__)

Chance = Callable[[], float]
"""A source of numbers from 0 up to 1: `random.random`, or a test's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before which attempt.

    Delays double up to a cap, and each is drawn from its upper half: processes that failed at the
    same moment come back at different ones, and none comes back at once.
    """

    first_s: float = 0.5
    factor: float = 2.0
    cap_s: float = 30.0
    settle_s: float = 60.0
    """Work that ran this long was sound: the next failure counts as the first."""

    def delay_s(self, failures: int, chance: float) -> float:
        """Return the delay after so many failures in a row (1 or more); `chance` from 0 up to 1."""
        # A power beyond the cap would overflow a float after a thousand failures.
        doublings = min(failures - 1, 64)
        full_s: float = min(self.cap_s, self.first_s * self.factor**doublings)
        return full_s * (0.5 + 0.5 * chance)

    def failures(self, before: int, *, lasted_s: float) -> int:
        """Return the failures in a row, after work that ran for `lasted_s` failed once more."""
        return 1 if lasted_s >= self.settle_s else before + 1


async def supervise(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    backoff: Backoff,
    on_failure: Callable[[TransientError], None] | None = None,
    chance: Chance = random.random,
) -> None:
    """Run `work` until it returns; start it again whenever it raises a `TransientError`.

    A failure is logged when its reason differs from the last one's. Any other exception passes,
    and so ends the task group and the process.

    Args:
        name: What to call the work in the log.
        work: Called anew for each attempt.
        backoff: How long to wait between attempts.
        on_failure: Told of each failure, for counting.
        chance: The source of the jitter.
    """
    failures = 0
    said = ""
    while True:
        started_s = time.monotonic()
        try:
            await work()
        except TransientError as error:
            failures = backoff.failures(failures, lasted_s=time.monotonic() - started_s)
            delay_s = backoff.delay_s(failures, chance())
            if failures == 1 or error.reason != said:
                _log.warning("%s failed (%s): %s; starting it again", name, error.reason, error)
            said = error.reason
            if on_failure is not None:
                on_failure(error)
            await asyncio.sleep(delay_s)
        else:
            return
