"""The simulated world's time: a local date that runs at its own speed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from firmware_sims.world.timetable import seconds_since_monday


@dataclass(frozen=True, slots=True)
class WorldClock:
    """Where the world is after so many seconds of the run.

    Args:
        start: local date and time at which the run begins.
        compression: simulated seconds in one real second.
    """

    start: dt.datetime
    compression: float = 1.0

    def world_s(self, elapsed_s: float) -> float:
        """Seconds of the world since the run began."""
        return elapsed_s * self.compression

    def local_s(self, elapsed_s: float) -> float:
        """Seconds after the midnight before the first week's Monday."""
        return seconds_since_monday(self.start) + self.world_s(elapsed_s)

    def local(self, elapsed_s: float) -> dt.datetime:
        """The local date and time."""
        return self.start + dt.timedelta(seconds=self.world_s(elapsed_s))
