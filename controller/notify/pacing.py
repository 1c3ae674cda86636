"""Pacing: how fast a channel may be used, and when to try again. Pure; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

_NS: Final = 1_000_000_000
_FIRST_RETRY_S: Final = 1.0
RETRY_CAP_S: Final = 30.0
"""So that 60 s after a channel works again everything is on its way."""
RETRY_AFTER_CAP_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket. `reserved` of its tokens are kept for safety notices.

    Robots of DingTalk and WeCom take 20 messages a minute; DingTalk's then stay deaf for ten.
    """

    per_minute: float
    burst: int
    reserved: int


ROBOT_RATE: Final = Rate(per_minute=10.0, burst=10, reserved=4)
"""A full burst and all that refills within its minute make 20."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens of a channel at `time_ns`."""

    rate: Rate
    tokens: float
    time_ns: int

    @classmethod
    def full(cls, rate: Rate, time_ns: int) -> Bucket:
        """Return a bucket that nobody has drawn from."""
        return cls(rate, float(rate.burst), time_ns)

    def at(self, time_ns: int) -> Bucket:
        """Return the bucket as it is later."""
        passed_s = max(0, time_ns - self.time_ns) / _NS
        tokens = min(float(self.rate.burst), self.tokens + passed_s * self.rate.per_minute / 60)
        return replace(self, tokens=tokens, time_ns=max(time_ns, self.time_ns))

    def available(self, *, safety: bool) -> int:
        """Return how many messages may go now."""
        return max(0, int(self.tokens - (0 if safety else self.rate.reserved) + 1e-9))

    def draw(self) -> Bucket:
        """Return the bucket after one message."""
        return replace(self, tokens=self.tokens - 1)

    def wait_s(self, *, safety: bool) -> float:
        """Return how long until one message may go."""
        missing = 1 + (0 if safety else self.rate.reserved) - self.tokens
        return max(0.0, missing * 60 / self.rate.per_minute)


def retry_delay_s(failures: int, *, jitter: float, retry_after_s: float | None = None) -> float:
    """Return how long to leave a channel alone after `failures` in a row; `jitter` is in [0, 1)."""
    delay_s = min(RETRY_CAP_S, _FIRST_RETRY_S * 2.0 ** min(failures - 1, 16))
    delay_s *= 0.5 + jitter / 2
    return max(delay_s, min(retry_after_s or 0.0, RETRY_AFTER_CAP_S))
