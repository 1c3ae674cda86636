"""What every telemetry store promises, and the questions it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from controller.errors import RefusedError, StoreRejectedError, StoreUnavailableError
from controller.frames import DeviceInfo, Frame

__all__ = [
    "Aggregate",
    "HistoryQuery",
    "HistoryResult",
    "StoreRejectedError",
    "StoreUnavailableError",
    "TelemetryStore",
]

ROWS_MAX: Final = 100_000
POINTS_MAX: Final = 64


class Aggregate(StrEnum):
    """What becomes of the good and uncertain values of one window."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    LAST = "last"
    COUNT = "count"
    SUM = "sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Values of one device's points from `from_ns` (included) to `to_ns` (excluded).

    With `window_s` each row is a window, named by its beginning; windows begin at whole multiples
    since 1970. Without, each row is a sample.

    Raises:
        RefusedError: no or too many points, a time that ends before it begins, a window without
            aggregate or the other way round, more windows than `limit`.
    """

    device: DeviceInfo
    points: tuple[str, ...]
    from_ns: int
    to_ns: int
    window_s: float | None = None
    aggregate: Aggregate | None = None
    limit: int = 10_000

    def __post_init__(self) -> None:
        if not 0 < len(self.points) <= POINTS_MAX:
            raise RefusedError("history_points", f"a query names 1 to {POINTS_MAX} points")
        if not 0 <= self.from_ns < self.to_ns:
            raise RefusedError("history_time", "the time asked for ends before it begins")
        if not 0 < self.limit <= ROWS_MAX:
            raise RefusedError("history_limit", f"a query returns 1 to {ROWS_MAX} rows")
        if (self.window_s is None) != (self.aggregate is None):
            raise RefusedError("history_window", "window and aggregate belong together")
        if self.window_s is not None and self.window_s < 1:
            raise RefusedError("history_window", "a window lasts at least a second")

    @property
    def window_ns(self) -> int | None:
        """The window in nanoseconds."""
        return None if self.window_s is None else int(self.window_s * 1e9)


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """Rows in order of time, as columns.

    `columns[i]` holds the values of the query's i-th point, None where a row has none or a bad one.
    `truncated` says that there were more rows than the limit.
    """

    times_ns: Sequence[int]
    columns: tuple[Sequence[float | None], ...]
    truncated: bool = False


class TelemetryStore(Protocol):
    """Keeps samples. Writing a sample again overwrites it, so that redelivery is harmless."""

    async def start(self) -> None:
        """Open the store.

        Raises:
            StoreUnavailableError: it cannot be reached now.
            StoreRejectedError: it never will with these settings.
        """

    async def write(self, frames: Sequence[Frame]) -> None:
        """Return when all samples of the frames are durable.

        Raises:
            StoreUnavailableError: unknown how much of it was kept; write it again.
            StoreRejectedError: something in it will never be kept.
        """

    async def history(self, query: HistoryQuery) -> HistoryResult:
        """Answer a query. Raises as `start`."""

    async def close(self) -> None:
        """Let go of the store; what was written stays."""
