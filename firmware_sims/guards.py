"""What keeps a device from obeying at once: a lock on writes, and a watchdog over its master."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

UNLOCKED_FOR_S = 10.0


@dataclass(frozen=True, slots=True)
class RawWrite:
    """A write as it comes: table, first address, and the bytes that the table holds."""

    table: str
    address: int
    data: bytes


@dataclass(slots=True)
class Lock:
    """Writes that have to come in this order before a locked point may be written.

    It opens for one write, or for `UNLOCKED_FOR_S`.
    """

    sequence: Sequence[RawWrite] = ()
    _reached: int = 0
    _open_until_s: float = -1.0

    def notice(self, write: RawWrite, now_s: float) -> None:
        """Take a write that may belong to the sequence."""
        if not self.sequence:
            return
        if write == self.sequence[self._reached]:
            self._reached += 1
        else:
            self._reached = int(write == self.sequence[0])
        if self._reached == len(self.sequence):
            self._reached = 0
            self._open_until_s = now_s + UNLOCKED_FOR_S

    def is_open(self, now_s: float) -> bool:
        """Whether a locked point may be written."""
        return not self.sequence or now_s <= self._open_until_s

    def close(self) -> None:
        """The write that the lock was opened for has come."""
        self._open_until_s = -1.0


@dataclass(slots=True)
class Waiting:
    """Numbers that were written and wait for the command that makes the device take them."""

    _numbers: dict[str, tuple[float, Lock]] = field(default_factory=dict)

    def add(self, name: str, number: float, sequence: Sequence[RawWrite]) -> None:
        """Keep a number until this sequence comes; it takes the place of an older one."""
        self._numbers[name] = number, Lock(sequence)

    def notice(self, write: RawWrite, now_s: float) -> dict[str, float]:
        """Take a write that may be a command; return the numbers to be taken by it."""
        for _, lock in self._numbers.values():
            lock.notice(write, now_s)
        due = {name: one for name, (one, lock) in self._numbers.items() if lock.is_open(now_s)}
        for name in due:
            del self._numbers[name]
        return due


@dataclass(slots=True)
class Watchdog:
    """Makes a device fall back when nobody has cared for it long enough.

    Args:
        timeout_s: how long; called each time, because a point may hold it. 0 or less is never.
        by_heartbeat: only the heartbeat's write keeps it; else any request does.
        fallbacks: numbers that points fall back to; called when that happens.
    """

    timeout_s: Callable[[], float]
    fallbacks: Callable[[], Mapping[str, float]]
    by_heartbeat: bool = False
    _kept_s: float = field(default=0.0)
    _has_fallen: bool = False

    def keep(self, now_s: float, *, is_heartbeat: bool) -> None:
        """Somebody cares."""
        if is_heartbeat or not self.by_heartbeat:
            self._kept_s = now_s
            self._has_fallen = False

    def fallen(self, now_s: float) -> Mapping[str, float] | None:
        """What to fall back to, once; None while somebody cares."""
        timeout_s = self.timeout_s()
        if self._has_fallen or timeout_s <= 0 or now_s - self._kept_s <= timeout_s:
            return None
        self._has_fallen = True
        return self.fallbacks()


@dataclass(frozen=True, slots=True)
class WatchdogPlan:
    """A watchdog before its device is made.

    Args:
        timeout: seconds, or the point that holds them.
        falls_back: for each point that falls back: a number, or the point that holds it.
        by_heartbeat: only the heartbeat's write keeps it.
    """

    timeout: float | str
    falls_back: Mapping[str, float | str]
    by_heartbeat: bool = False

    def watchdog(self, shown: Mapping[str, float | None]) -> Watchdog:
        """The watchdog of a device that shows these numbers."""

        def number(one: float | str) -> float:
            return (shown.get(one) or 0.0) if isinstance(one, str) else one

        return Watchdog(
            timeout_s=lambda: number(self.timeout),
            fallbacks=lambda: {name: number(one) for name, one in self.falls_back.items()},
            by_heartbeat=self.by_heartbeat,
        )
