"""When which device of a bus is polled (pure: time is an argument, in seconds of any one clock).

Of the devices that are due, those of the most urgent class go first, and within a class the one
whose next poll would be due first: earliest deadline first. A device that comes late skips the
polls it missed: they are counted, never queued. On a bus that has too much to do intervals stretch
by class (`stretching`). Every fourth turn goes to one that has waited many intervals because more
urgent ones fill the bus, so that a full bus is late for everybody and silent for nobody.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from edge_agent.modbus.stretching import NONE, Stretches, stretched

T = TypeVar("T")

STARVED_INTERVALS: Final = 5.0
STARVED_TURN_EVERY: Final = 4
LOOK_EVERY_S: Final = 5.0
"""How often the load is looked at."""
_COST_WEIGHT: Final = 0.2


@dataclass(slots=True)
class Entry(Generic[T]):
    """One thing to do again and again. `rank` 0 is the most urgent class."""

    item: T
    interval_s: float
    """Infinite for what is done once."""
    rank: int
    due_s: float = 0.0
    polls: int = 0
    missed: float = 0.0
    cost_s: float = 0.0
    """Bus time of one turn, on average."""
    spent_s: float = 0.0
    """Bus time of the turn under way, which may come in several pieces."""
    pending: Any = None
    """What was begun and waits to be gone on with, None otherwise."""
    gone: bool = field(default=False, repr=False)


_Slot = tuple[float, int, Entry[T]]
"""By what it is ordered, a number that no other has (so that entries are never compared), who."""


class Schedule(Generic[T]):
    """The devices of one bus."""

    def __init__(self) -> None:
        self._waiting: list[_Slot[T]] = []
        self._due: list[list[_Slot[T]]] = [[], [], []]
        self._order = 0
        self._turns = 0
        self._missed = 0.0
        self._loads = [0.0, 0.0, 0.0]
        self._next_look_s = 0.0
        self.stretches: Stretches = NONE

    @property
    def missed(self) -> int:
        """How many polls were left out because the bus was short of time."""
        return int(self._missed)

    @property
    def load(self) -> float:
        """Which part of the bus's time all intervals together ask for."""
        return sum(self._loads)

    def add(self, entry: Entry[T], *, first_due_s: float) -> None:
        """Put a device on the schedule."""
        entry.due_s = first_due_s
        self._wait(entry, first_due_s)

    def remove(self, entry: Entry[T]) -> None:
        """Take a device off the schedule, also one whose turn it is."""
        entry.gone = True
        entry.pending = None
        self._weigh(entry, 0.0)

    def hasten(self, entry: Entry[T], due_s: float) -> None:
        """Make a waiting device due at `due_s` if that is earlier."""
        if due_s < entry.due_s and not entry.gone:
            entry.due_s = due_s
            self._wait(entry, due_s)

    def _wait(self, entry: Entry[T], until_s: float) -> None:
        if until_s < math.inf and not entry.gone:
            self._order += 1
            heapq.heappush(self._waiting, (until_s, self._order, entry))

    def take(self, now_s: float) -> Entry[T] | None:
        """Return the device to poll now, or None. Whoever takes it puts it back."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now_s:
            until_s, order, entry = heapq.heappop(waiting)
            if entry.gone or (until_s != entry.due_s and entry.pending is None):
                continue  # it was taken off or made due at another time
            deadline_s = entry.due_s + entry.interval_s * self.stretches[entry.rank]
            heapq.heappush(self._due[entry.rank], (deadline_s, order, entry))
        while True:
            ready = [heap for heap in self._due if heap]
            if not ready:
                return None
            self._turns += 1
            if len(ready) > 1 and self._turns % STARVED_TURN_EVERY == 0:
                ready.sort(key=lambda heap: not _starves(heap[0], now_s))
            entry = heapq.heappop(ready[0])[2]
            if not entry.gone:
                return entry

    def later(self, entry: Entry[T], until_s: float, *, cost_s: float) -> None:
        """Put a device back whose turn is to go on at `until_s`; others go first meanwhile."""
        entry.spent_s += cost_s
        self._wait(entry, until_s)

    def done(self, entry: Entry[T], now_s: float, *, cost_s: float | None = 0.0) -> None:
        """Put a polled device back: due next at the first of its beats after `now_s`.

        Args:
            entry: that `take` returned.
            now_s: the time.
            cost_s: the bus time that this turn took, or its last piece; None where it was not
                what turns usually take, such as waiting for a device that is lost.
        """
        entry.pending = None
        spent_s, entry.spent_s = entry.spent_s, 0.0
        entry.polls += 1
        if entry.gone:
            return
        if entry.interval_s == math.inf:
            entry.due_s = math.inf
            return
        if cost_s is not None:
            weight = _COST_WEIGHT if entry.cost_s else 1.0
            self._weigh(entry, entry.cost_s + (spent_s + cost_s - entry.cost_s) * weight)
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + LOOK_EVERY_S
            self.stretches = stretched(self._loads, self.stretches)
        passed_s = entry.interval_s * self.stretches[entry.rank]
        if now_s - entry.due_s >= passed_s:
            # Late already, so on the first beat from now: the stretch follows the load by steps.
            passed_s = (int((now_s - entry.due_s) // entry.interval_s) + 1) * entry.interval_s
        left_out = passed_s / entry.interval_s - 1
        entry.missed += left_out
        self._missed += left_out
        entry.due_s += passed_s
        self._wait(entry, entry.due_s)

    def _weigh(self, entry: Entry[T], cost_s: float) -> None:
        if entry.interval_s < math.inf:
            load = self._loads[entry.rank] + (cost_s - entry.cost_s) / entry.interval_s
            self._loads[entry.rank] = max(load, 0.0)
            entry.cost_s = cost_s

    def next_due_s(self) -> float | None:
        """Return when something is due; a time in the past when something is already."""
        for heap in self._due:
            if heap:
                return heap[0][2].due_s
        return self._waiting[0][0] if self._waiting else None


def _starves(slot: _Slot[T], now_s: float) -> bool:
    entry = slot[2]
    return now_s - entry.due_s > STARVED_INTERVALS * entry.interval_s


def stagger(count: int, interval_s: float) -> list[float]:
    """Return first due times that spread `count` devices of one interval evenly over it."""
    return [index * interval_s / count for index in range(count)]
