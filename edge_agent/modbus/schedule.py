"""When which device of a bus is polled (pure: time is an argument, in seconds of any one clock).

Of the devices that are due, those of the most urgent class go first, and within a class the one
that has been due longest. A device that comes late skips the polls it missed: they are counted,
never queued. Every fourth turn goes to one that has waited many intervals because more urgent ones
fill the bus, so that a full bus is late for everybody and silent for nobody.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

STARVED_INTERVALS: Final = 5.0
STARVED_TURN_EVERY: Final = 4


@dataclass(slots=True)
class Entry(Generic[T]):
    """One device on the schedule. `rank` 0 is the most urgent class."""

    item: T
    interval_s: float
    rank: int
    due_s: float = 0.0
    polls: int = 0
    missed: int = 0


_Slot = tuple[float, int, Entry[T]]
"""When it is due, a number that no other has (so that entries are never compared), and who."""


class Schedule(Generic[T]):
    """The devices of one bus."""

    def __init__(self) -> None:
        self._waiting: list[_Slot[T]] = []
        self._due: list[list[_Slot[T]]] = []
        self._order = 0
        self._turns = 0
        self.missed = 0

    def add(self, entry: Entry[T], *, first_due_s: float) -> None:
        """Put a device on the schedule."""
        while len(self._due) <= entry.rank:
            self._due.append([])
        entry.due_s = first_due_s
        self._push(entry)

    def _push(self, entry: Entry[T]) -> None:
        self._order += 1
        heapq.heappush(self._waiting, (entry.due_s, self._order, entry))

    def take(self, now_s: float) -> Entry[T] | None:
        """Return the device to poll now, or None. Whoever takes it puts it back with `done`."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now_s:
            slot = heapq.heappop(waiting)
            heapq.heappush(self._due[slot[2].rank], slot)
        ready = [heap for heap in self._due if heap]
        if not ready:
            return None
        self._turns += 1
        if len(ready) > 1 and self._turns % STARVED_TURN_EVERY == 0:
            ready.sort(key=lambda heap: not _starves(heap[0], now_s))
        return heapq.heappop(ready[0])[2]

    def done(self, entry: Entry[T], now_s: float) -> None:
        """Put a polled device back: due next at the first of its beats after `now_s`."""
        beats = max(1, int((now_s - entry.due_s) // entry.interval_s) + 1)
        entry.polls += 1
        entry.missed += beats - 1
        self.missed += beats - 1
        entry.due_s += beats * entry.interval_s
        self._push(entry)

    def next_due_s(self) -> float | None:
        """Return when the next device is due; a time in the past when one is already."""
        firsts = [heap[0][0] for heap in (self._waiting, *self._due) if heap]
        return min(firsts, default=None)


def _starves(slot: _Slot[T], now_s: float) -> bool:
    due_s, _, entry = slot
    return now_s - due_s > STARVED_INTERVALS * entry.interval_s


def stagger(count: int, interval_s: float) -> list[float]:
    """Return first due times that spread `count` devices of one interval evenly over it."""
    return [index * interval_s / count for index in range(count)]
