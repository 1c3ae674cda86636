"""Time as the agent stamps it: from the monotonic clock, corrected only by a trusted wall clock.

Between two looks at the wall clock, time goes on by the monotonic clock, so a wall clock that
somebody sets by hand moves no sample. Before the first sync, times rest on a guess and are marked;
the spool corrects them later by the difference of two origins (`edge_agent.spool.records.Stamp`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from campus_wire.messages import ClockState
from edge_agent.clock_source import Reading, WallClock
from edge_agent.spool.records import Stamp

_log: Final = logging.getLogger(__name__)

BUILD_NS: Final = 1_767_225_600 * 1_000_000_000
"""2026-01-01 UTC. No gateway with this program lived before; an earlier wall clock is not set. The
controller refuses older samples for good (its `ingest.not_before`)."""

_MS: Final = 1_000_000
_S: Final = 1_000_000_000
_STEP_NS: Final = _S // 2
_CONFIRM_NS: Final = 10 * _S
_LOOK_S: Final = 1.0


class ClockChange(StrEnum):
    """What a look at the wall clock has shown."""

    SYNCED = "synced"
    STEPPED = "stepped"
    LOST = "lost"


@dataclass(slots=True)
class _Step:
    """A jump of the wall clock that waits to be believed."""

    error_ns: int
    since_ns: int


class Clock:
    """The agent's time.

    Args:
        boot: the id of the machine's boot.
        origin_ns: the wall time at which the monotonic clock would have stood at zero, as well as
            it is known before the first sync.
        monotonic_ns: tells monotonic time.
        holdover_s: how long to trust the time after the wall clock is no longer trusted.
    """

    def __init__(
        self,
        *,
        boot: str,
        origin_ns: int,
        monotonic_ns: Callable[[], int],
        holdover_s: float = 86_400.0,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._origin_ns = origin_ns
        self._holdover_ns = round(holdover_s * _S)
        self._synced_at_ns: int | None = None
        self._step: _Step | None = None
        self.boot = boot
        self.stamp = Stamp(ClockState.UNSYNCED, boot, origin_ns)
        """How times are made now; a new object whenever that changes."""

    @property
    def is_synced(self) -> bool:
        """Whether the time can be trusted."""
        return self.stamp.state is not ClockState.UNSYNCED

    @property
    def origin_ns(self) -> int:
        """The wall time at which the monotonic clock would have stood at zero."""
        return self._origin_ns

    def monotonic_ns(self) -> int:
        """Time since some moment, never stepped."""
        return self._monotonic_ns()

    def now_ns(self) -> int:
        """Wall time in whole ms, as ns."""
        return (self._origin_ns + self._monotonic_ns()) // _MS * _MS

    def look(self, reading: Reading) -> ClockChange | None:
        """Take in a look at the wall clock; return what changed by it."""
        if not reading.is_trusted or reading.wall_ns < BUILD_NS:
            self._step = None
            return self._hold_over(reading.monotonic_ns)
        error_ns = reading.wall_ns - reading.monotonic_ns - self._origin_ns
        if not self.is_synced:
            return self._accept(error_ns, reading.monotonic_ns, ClockChange.SYNCED)
        if abs(error_ns) < _STEP_NS:
            self._step = None
            self._origin_ns += error_ns
            self._synced_at_ns = reading.monotonic_ns
            return None
        return self._consider(error_ns, reading.monotonic_ns)

    def _consider(self, error_ns: int, now_ns: int) -> ClockChange | None:
        """Believe a jump only when it stays: a clock that was set wrong is often set again."""
        step = self._step
        if step is None or abs(step.error_ns - error_ns) >= _STEP_NS:
            self._step = _Step(error_ns, now_ns)
            return None
        if now_ns - step.since_ns < _CONFIRM_NS:
            return None
        return self._accept(error_ns, now_ns, ClockChange.STEPPED)

    def _accept(self, error_ns: int, now_ns: int, change: ClockChange) -> ClockChange:
        self._step = None
        self._origin_ns += error_ns
        self._synced_at_ns = now_ns
        self.stamp = Stamp(ClockState.SYNCED, self.boot, self._origin_ns)
        return change

    def _hold_over(self, now_ns: int) -> ClockChange | None:
        if not self.is_synced or self._synced_at_ns is None:
            return None
        if now_ns - self._synced_at_ns <= self._holdover_ns:
            return None
        self.stamp = Stamp(ClockState.UNSYNCED, self.boot, self._origin_ns)
        return ClockChange.LOST


def guess_origin_ns(*, wall_ns: int, monotonic_ns: int, last_time_ns: int) -> int:
    """Return the origin to begin with: never before the build date or what was stored last."""
    return max(wall_ns, last_time_ns + _MS, BUILD_NS) - monotonic_ns


async def keep_looking(
    clock: Clock, wall: WallClock, *, on_change: Callable[[ClockChange], None]
) -> None:
    """Look at the wall clock once a second, and say what changes."""
    while True:
        change = clock.look(wall.read())
        if change is not None:
            _say(change)
            on_change(change)
        await asyncio.sleep(_LOOK_S)


def _say(change: ClockChange) -> None:
    match change:
        case ClockChange.SYNCED:
            _log.info("clock synced")
        case ClockChange.STEPPED:
            _log.warning("the wall clock was stepped, and stays there: time follows it")
        case ClockChange.LOST:
            _log.warning("clock no longer synced: samples are marked until it is again")
