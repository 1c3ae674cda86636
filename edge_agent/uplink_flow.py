"""Which batch may be published next: live first, then the backlog within its bounds (pure).

A batch that the spool holds is in one of these places:

- live: stored just now, waits for its first publish;
- in flight: published, waits for its ack;
- backlog: everything else. The spool tells what is there; a cursor for each class says how far this
  round has come. Whatever falls out of flight moves the cursor back.

A batch that gets no ack while younger ones do is ignored for a reason: after a few times it becomes
a suspect, to be looked at before it is sent again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from campus_wire.messages import Ack
from edge_agent.spool.ranges import merged
from edge_agent.spool.records import Rank, StoredBatch

_LIVE_MAX: Final = 64
_SAFETY_ROOM: Final = 16
"""Backlog batches of class safety that may be published although the window is full."""
_IGNORED_TIMES_MAX: Final = 3
_IGNORED_MAX: Final = 1_000
_S: Final = 1_000_000_000


@dataclass(slots=True)
class _Flight:
    """A batch on its way; `sent_ns` is None while it waits in line."""

    last: int
    rank: Rank
    is_backlog: bool
    sent_ns: int | None = None


class Flow:
    """What is on its way to the controller.

    Args:
        ack_timeout_s: a batch without ack for so long is sent again.
        safety_ack_timeout_s: the same for class safety; it doubles with each try up to
            `ack_timeout_s`, so that a controller without its store is not flooded.
        backlog_window: how many backlog batches may be in flight.
        live_max: how many live batches may wait; the oldest on top becomes backlog.
    """

    def __init__(
        self,
        *,
        ack_timeout_s: float,
        backlog_window: int,
        safety_ack_timeout_s: float | None = None,
        live_max: int = _LIVE_MAX,
    ) -> None:
        self._timeout_ns = round(ack_timeout_s * _S)
        safety_s = ack_timeout_s if safety_ack_timeout_s is None else safety_ack_timeout_s
        self._safety_timeout_ns = min(round(safety_s * _S), self._timeout_ns)
        self._window = backlog_window
        self._live_max = live_max
        self._live: dict[bool, deque[StoredBatch]] = {True: deque(), False: deque()}
        self._flights: dict[int, _Flight] = {}
        self._cursors = dict.fromkeys(Rank, 0)
        self._tries: dict[int, int] = {}
        """Safety batches: how often they had no ack in time."""
        self._ignored: dict[int, int] = {}
        """Batches: how often they had none while one published later had."""
        self._acked_sent_ns = -1
        self._suspects: list[int] = []

    # --- live ----------------------------------------------------------------------------------

    @property
    def live_count(self) -> int:
        """How many live batches wait."""
        return sum(map(len, self._live.values()))

    @property
    def in_flight(self) -> int:
        """How many batches wait for a publish or an ack."""
        return len(self._flights)

    @property
    def remembered(self) -> int:
        """How many failures are remembered; bounded."""
        return len(self._tries) + len(self._ignored)

    def offer(self, batches: Iterable[StoredBatch]) -> None:
        """Take batches that were stored just now, while the link is up."""
        for batch in batches:
            if batch.is_held:
                self._to_backlog(batch.first, batch.rank)
                continue
            self._flights[batch.first] = _Flight(batch.last, batch.rank, is_backlog=False)
            self._live[batch.rank is Rank.SAFETY].append(batch)
            if self.live_count > self._live_max:
                self._drop_oldest_live()

    def _drop_oldest_live(self) -> None:
        dropped = (self._live[False] or self._live[True]).popleft()
        self.fell_out(dropped.first)

    def next_live(self, limit: int, *, now_ns: int) -> list[StoredBatch]:
        """Take the next live batches to publish, safety first."""
        taken: list[StoredBatch] = []
        for line in (self._live[True], self._live[False]):
            while line and len(taken) < limit:
                taken.append(line.popleft())
        for batch in taken:
            self._flights[batch.first].sent_ns = now_ns
        return taken

    # --- backlog -------------------------------------------------------------------------------

    def backlog_room(self, rank: Rank = Rank.NORMAL) -> int:
        """How many backlog batches of a class may be published now."""
        used = sum(flight.is_backlog for flight in self._flights.values())
        extra = _SAFETY_ROOM if rank is Rank.SAFETY else 0
        return max(0, self._window + extra - used)

    def cursor(self, rank: Rank) -> int:
        """Ask the spool for batches of this class that begin after this."""
        return self._cursors[rank]

    def take_backlog(self, batches: Sequence[StoredBatch], *, now_ns: int) -> list[StoredBatch]:
        """Return what of the spool's answer is to be published; the rest is in flight already."""
        chosen: list[StoredBatch] = []
        for batch in batches:
            self._cursors[batch.rank] = max(self._cursors[batch.rank], batch.first)
            if batch.first not in self._flights:
                self._flights[batch.first] = _Flight(
                    batch.last, batch.rank, is_backlog=True, sent_ns=now_ns
                )
                chosen.append(batch)
        return chosen

    # --- what becomes of them ------------------------------------------------------------------

    def acked(self, ack: Ack) -> None:
        """Forget what an ack of this epoch covers; a batch covered in part stays."""
        parts = merged((one.first, one.last) for one in (*ack.stored, *ack.refused))
        done = [
            first
            for first, flight in self._flights.items()
            if any(low <= first and flight.last <= high for low, high in parts)
        ]
        for first in done:
            sent_ns = self._flights.pop(first).sent_ns
            if sent_ns is not None:
                self._acked_sent_ns = max(self._acked_sent_ns, sent_ns)
            self._forgive(first)

    def fell_out(self, first: int) -> None:
        """A batch was not published, or its time is over: it is backlog now."""
        flight = self._flights.pop(first, None)
        if flight is not None:
            self._to_backlog(first, flight.rank)

    def gone(self, first: int) -> None:
        """A batch is not in the spool any more."""
        self._flights.pop(first, None)
        self._forgive(first)

    def expire(self, now_ns: int) -> int:
        """Turn what had no ack for too long into backlog; return how many."""
        late = [
            first
            for first, flight in self._flights.items()
            if flight.sent_ns is not None
            and now_ns - flight.sent_ns >= self._patience_ns(first, flight)
        ]
        for first in late:
            self._note_late(first, self._flights[first])
            self.fell_out(first)
        return len(late)

    def take_suspects(self) -> list[int]:
        """Return the first numbers of batches that had no ack several times while others had."""
        suspects, self._suspects = self._suspects, []
        return suspects

    def _patience_ns(self, first: int, flight: _Flight) -> int:
        if flight.rank is not Rank.SAFETY:
            return self._timeout_ns
        return min(self._safety_timeout_ns << self._tries.get(first, 0), self._timeout_ns)

    def _note_late(self, first: int, flight: _Flight) -> None:
        if flight.rank is Rank.SAFETY:
            _count(self._tries, first)
        if flight.sent_ns is None or self._acked_sent_ns < flight.sent_ns:
            return
        if _count(self._ignored, first) >= _IGNORED_TIMES_MAX:
            del self._ignored[first]
            self._suspects.append(first)

    def _forgive(self, first: int) -> None:
        self._tries.pop(first, None)
        self._ignored.pop(first, None)

    def reset(self) -> None:
        """Begin a connection: everything in the spool is backlog."""
        for line in self._live.values():
            line.clear()
        self._flights.clear()
        self._cursors = dict.fromkeys(Rank, 0)

    def _to_backlog(self, first: int, rank: Rank) -> None:
        self._cursors[rank] = min(self._cursors[rank], first - 1)


def _count(times: dict[int, int], first: int) -> int:
    """Count once more for a batch; the one that was counted first is forgotten for want of room."""
    if first not in times and len(times) >= _IGNORED_MAX:
        del times[next(iter(times))]
    times[first] = times.get(first, 0) + 1
    return times[first]
