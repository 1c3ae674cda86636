"""Signs that two agents run with one identity (pure).

A broker lets the newer of two connections with one client id win, so two agents throw each other
out for ever; and each sees acks for an epoch that is not its own.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_S: Final = 1_000_000_000
_WINDOW_NS: Final = 120 * _S
_SHORT_NS: Final = 30 * _S
_SHORT_MAX: Final = 4
_FOREIGN_MAX: Final = 10


class TakeoverWatch:
    """Counts the signs; each method says once that there are enough."""

    def __init__(self) -> None:
        self._up_ns: int | None = None
        self._short: deque[int] = deque(maxlen=_SHORT_MAX)
        self._foreign: deque[int] = deque(maxlen=_FOREIGN_MAX)
        self._is_said = False

    def link_up(self, now_ns: int) -> None:
        """The broker took the connection."""
        self._up_ns = now_ns

    def link_down(self, now_ns: int) -> bool:
        """Note the end of a connection; true when too many were too short."""
        if self._up_ns is not None and now_ns - self._up_ns < _SHORT_NS:
            self._short.append(now_ns)
        self._up_ns = None
        return self._judge(self._short, now_ns)

    def foreign_acks(self, count: int, now_ns: int) -> bool:
        """Note acks for another epoch; true when there are too many.

        A few are harmless: they follow a new spool.
        """
        self._foreign.extend([now_ns] * min(count, _FOREIGN_MAX))
        return self._judge(self._foreign, now_ns)

    def _judge(self, times: deque[int], now_ns: int) -> bool:
        enough = len(times) == times.maxlen and now_ns - times[0] <= _WINDOW_NS
        if not enough or self._is_said:
            return False
        self._is_said = True
        return True
