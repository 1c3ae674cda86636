"""Which batch may be published next: live first, then the backlog within its bounds (pure).

A batch that the spool holds is in one of these places:

- live: stored just now, waits for its first publish;
- in flight: published, waits for its ack;
- backlog: everything else. The spool tells what is there; a cursor for each class says how far this
  round has come. Whatever falls out of flight moves the cursor back.
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
        backlog_window: how many backlog batches may be in flight.
        live_max: how many live batches may wait; the oldest on top becomes backlog.
    """

    def __init__(
        self, *, ack_timeout_s: float, backlog_window: int, live_max: int = _LIVE_MAX
    ) -> None:
        self._timeout_ns = round(ack_timeout_s * _S)
        self._window = backlog_window
        self._live_max = live_max
        self._live: dict[bool, deque[StoredBatch]] = {True: deque(), False: deque()}
        self._flights: dict[int, _Flight] = {}
        self._cursors = dict.fromkeys(Rank, 0)

    # --- live ----------------------------------------------------------------------------------

    @property
    def live_count(self) -> int:
        """How many live batches wait."""
        return sum(map(len, self._live.values()))

    @property
    def in_flight(self) -> int:
        """How many batches wait for a publish or an ack."""
        return len(self._flights)

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

    def backlog_room(self) -> int:
        """How many backlog batches may be published now."""
        used = sum(flight.is_backlog for flight in self._flights.values())
        return max(0, self._window - used)

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
            del self._flights[first]

    def fell_out(self, first: int) -> None:
        """A batch was not published, or its time is over: it is backlog now."""
        flight = self._flights.pop(first, None)
        if flight is not None:
            self._to_backlog(first, flight.rank)

    def gone(self, first: int) -> None:
        """A batch is not in the spool any more."""
        self._flights.pop(first, None)

    def expire(self, now_ns: int) -> int:
        """Turn what had no ack for too long into backlog; return how many."""
        late = [
            first
            for first, flight in self._flights.items()
            if flight.sent_ns is not None and now_ns - flight.sent_ns >= self._timeout_ns
        ]
        for first in late:
            self.fell_out(first)
        return len(late)

    def reset(self) -> None:
        """Begin a connection: everything in the spool is backlog."""
        for line in self._live.values():
            line.clear()
        self._flights.clear()
        self._cursors = dict.fromkeys(Rank, 0)

    def _to_backlog(self, first: int, rank: Rank) -> None:
        self._cursors[rank] = min(self._cursors[rank], first - 1)
