"""Whether a device answers, and when a silent one is asked again (pure: time is an argument).

One missed answer can be noise on the line and changes nothing. From the second on the device counts
as lost: it is asked ever more rarely, so that it costs its bus next to nothing, and what it would
have said is of bad quality meanwhile. One answer brings it back at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from campus_wire.quality import Quality

FAILURES_UNTIL_LOST: Final = 2
BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 60.0
BACKOFF_MAX_EACH_S: Final = 10.0
"""Where many devices of a bus are lost, they share its time: one is asked every so often."""
_DOUBLINGS_MAX: Final = 16


class Change(StrEnum):
    """What an answer or its absence changed; each is said once in the log."""

    LOST = "lost"
    BACK = "back"


@dataclass(slots=True)
class Health:
    """The health of one device."""

    failures: int = 0
    quality: Quality = Quality.NEVER_READ
    """Why it is lost."""
    next_try_s: float = 0.0

    @property
    def is_lost(self) -> bool:
        """Whether it failed so often that it is asked more rarely."""
        return self.failures >= FAILURES_UNTIL_LOST

    def may_ask(self, now_s: float) -> bool:
        """Say whether it is time to ask."""
        return not self.is_lost or now_s >= self.next_try_s

    def answered(self) -> Change | None:
        """Note that it answered, be it with an exception."""
        change = Change.BACK if self.is_lost else None
        self.failures = 0
        return change

    def failed(self, quality: Quality, now_s: float, *, others_lost: int = 0) -> Change | None:
        """Note that it did not answer."""
        self.failures += 1
        self.quality = quality
        doublings = min(max(self.failures - FAILURES_UNTIL_LOST, 0), _DOUBLINGS_MAX)
        longest_s = max(BACKOFF_MAX_S, BACKOFF_MAX_EACH_S * others_lost)
        self.next_try_s = now_s + min(BACKOFF_FIRST_S * 2**doublings, longest_s)
        return Change.LOST if self.failures == FAILURES_UNTIL_LOST else None

    def hasten(self, try_s: float) -> None:
        """Ask it again at `try_s` if it was to be asked later."""
        self.next_try_s = min(self.next_try_s, try_s)
