"""The default store: one DuckDB file, nothing to install.

A value is a row (device, point, time). Writing deletes what the same rows held before and inserts
them as whole columns, in one transaction: rewriting a sample overwrites it. There is no primary key
on purpose: its index doubled the cost of a value four times over (2.3 µs against 0.55), took 13
times the room on disk, and has to be held in memory. A commit is on disk when it returns.

One thread writes and one reads, because a DuckDB connection is not to be shared between threads.
For people, the view `readings` has names in place of numbers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import numpy as np

from controller.errors import StoreRejectedError, StoreUnavailableError
from controller.frames import Frame
from controller.telemetry.base import Aggregate, HistoryQuery, HistoryResult
from controller.telemetry.duckdb_keys import KeyTables
from controller.telemetry.duckdb_rows import KeyCache, rows_of

_log: Final = logging.getLogger(__name__)
T = TypeVar("T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS devices (
    key INTEGER PRIMARY KEY, gateway VARCHAR, device VARCHAR, school VARCHAR, building VARCHAR,
    area VARCHAR, category VARCHAR, profile VARCHAR);
CREATE TABLE IF NOT EXISTS points (key INTEGER PRIMARY KEY, name VARCHAR);
CREATE TABLE IF NOT EXISTS epochs (key INTEGER PRIMARY KEY, epoch VARCHAR);
CREATE TABLE IF NOT EXISTS samples (
    device INTEGER, point INTEGER, time_ns BIGINT, value DOUBLE, quality UTINYINT, seq BIGINT,
    epoch INTEGER);
CREATE VIEW IF NOT EXISTS readings AS
SELECT d.school, d.building, d.area, d.gateway, d.device, d.category, p.name AS point,
       make_timestamp_ns(s.time_ns) AS time, s.time_ns, s.value, s.quality, s.seq, e.epoch
FROM samples s JOIN devices d ON d.key = s.device JOIN points p ON p.key = s.point
     JOIN epochs e ON e.key = s.epoch;
"""
_SETTINGS: Final = {"memory_limit": "1GB", "preserve_insertion_order": "false"}
# The times as plain numbers let DuckDB skip whole row groups by their smallest and largest time.
_DELETE: Final = """
DELETE FROM samples USING incoming
WHERE samples.time_ns >= ? AND samples.time_ns <= ? AND samples.device = incoming.device
  AND samples.point = incoming.point AND samples.time_ns = incoming.time_ns
"""
_INSERT: Final = """
INSERT INTO samples
SELECT device, point, time_ns, CASE WHEN isnan(value) THEN NULL ELSE value END, quality, seq, epoch
FROM incoming
"""
_AGGREGATES: Final = {
    Aggregate.MEAN: "avg(value)",
    Aggregate.MIN: "min(value)",
    Aggregate.MAX: "max(value)",
    Aggregate.LAST: "arg_max(value, time_ns)",
    Aggregate.COUNT: "count(value)",
    Aggregate.SUM: "sum(value)",
}


class DuckDBStore:
    """Samples in one file.

    Args:
        path: the file; made when missing, in a directory that exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="duckdb-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="duckdb-reader")
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._tables: KeyTables | None = None
        self._keys: KeyCache | None = None
        self._is_started = False

    async def start(self) -> None:
        """Open the file. Raises StoreUnavailableError where it cannot be opened."""
        await self._run(self._writer, self._open)
        self._is_started = True

    async def write(self, frames: Sequence[Frame]) -> None:
        """Write frames in one transaction. Raises as `TelemetryStore.write`."""
        await self._run(self._writer, lambda: self._write(frames))

    async def history(self, query: HistoryQuery) -> HistoryResult:
        """Answer a query. Raises as `TelemetryStore.history`."""
        return await self._run(self._reader, lambda: self._history(query))

    async def close(self) -> None:
        """Close the file."""
        self._is_started = False
        await self._run(self._writer, self._close)
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.to_thread(self._reader.shutdown)

    async def _run(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        # Shielded: a cancelled caller must not leave a transaction in doubt.
        return await asyncio.shield(loop.run_in_executor(thread, work))

    # --- in the writer's thread ----------------------------------------------------------------

    def _open(self) -> None:
        self._close()
        with _translated(self._path):
            connection = duckdb.connect(str(self._path), config=dict(_SETTINGS))
            connection.execute(_SCHEMA)
        self._connection = connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        self._forget_keys()
        if connection is not None:
            connection.close()

    def _forget_keys(self) -> None:
        self._tables = self._keys = None

    @property
    def _open_connection(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StoreUnavailableError("store_closed", "not open", place=str(self._path))
        return self._connection

    def _write(self, frames: Sequence[Frame]) -> None:
        if self._connection is None and self._is_started:
            self._open()  # given up after an error that DuckDB does not outlive
        connection = self._open_connection
        try:
            with _translated(self._path):
                self._replace(connection, frames)
        except StoreUnavailableError:
            _log.warning("opening %s anew for the next write", self._path)
            self._close()
            raise

    def _replace(self, connection: duckdb.DuckDBPyConnection, frames: Sequence[Frame]) -> None:
        if self._tables is None or self._keys is None:
            self._tables = KeyTables.read(connection)
            self._keys = KeyCache(
                device_key=self._tables.device_key,
                point_key=self._tables.points.key,
                epoch_key=self._tables.epochs.key,
            )
        incoming = rows_of(frames, self._keys)
        times_ns = incoming["time_ns"]
        if not len(times_ns):
            return
        connection.execute("BEGIN")
        try:
            self._tables.flush(connection)
            connection.register("incoming", incoming)
            connection.execute(_DELETE, [int(times_ns.min()), int(times_ns.max())])
            connection.execute(_INSERT)
            connection.unregister("incoming")
            connection.execute("COMMIT")
        except BaseException:
            self._forget_keys()  # new ones may not be in the file
            _roll_back(connection)
            raise

    # --- in the reader's thread ----------------------------------------------------------------

    def _history(self, query: HistoryQuery) -> HistoryResult:
        with _translated(self._path), self._open_connection.cursor() as cursor:
            devices = _found_keys(
                cursor,
                "SELECT key FROM devices WHERE gateway = ? AND device = ?",
                [query.device.gateway, query.device.device],
            )
            points = [
                next(iter(_found_keys(cursor, "SELECT key FROM points WHERE name = ?", [name])), 0)
                for name in query.points
            ]
            if not devices:
                return HistoryResult([], tuple([] for _ in points))
            rows = cursor.execute(_select(query, devices, points)).fetchnumpy()
        times = rows["time_ns"][: query.limit]
        columns = tuple(_column(rows[f"c{i}"][: query.limit]) for i in range(len(points)))
        return HistoryResult(times.tolist(), columns, len(rows["time_ns"]) > query.limit)


def _found_keys(cursor: duckdb.DuckDBPyConnection, select: str, values: list[str]) -> list[int]:
    return [int(key) for (key,) in cursor.execute(select, values).fetchall()]


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error as error:  # the first error says more, and there is nothing left to undo
        _log.debug("no rollback: %s", error)


def _select(query: HistoryQuery, devices: Sequence[int], points: Sequence[int]) -> str:
    """Return a statement with one column per point. All that varies in it are whole numbers."""
    window_ns = query.window_ns
    time = "time_ns" if window_ns is None else f"(time_ns // {window_ns}) * {window_ns}"
    inner = "any_value(value)" if query.aggregate is None else _AGGREGATES[query.aggregate]
    columns = [f"{inner} FILTER (WHERE point = {key}) AS c{i}" for i, key in enumerate(points)]
    only_numbers = "" if query.aggregate is None else "AND value IS NOT NULL"
    device_list, point_list = ", ".join(map(str, devices)), ", ".join(map(str, points))
    return f"""
        SELECT {time} AS time_ns, {", ".join(columns)}
        FROM samples
        WHERE device IN ({device_list}) AND point IN ({point_list})
          AND samples.time_ns >= {query.from_ns} AND samples.time_ns < {query.to_ns} {only_numbers}
        GROUP BY 1 ORDER BY 1 LIMIT {query.limit + 1}
    """  # noqa: S608


def _column(values: Any) -> list[float | None]:
    masked = np.ma.masked_invalid(np.ma.asarray(values, dtype=np.float64))
    column: list[float | None] = masked.tolist()
    return column


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors into ours: only what it says of the data itself is permanent."""
    try:
        yield
    except (duckdb.DataError, duckdb.IntegrityError) as error:
        raise StoreRejectedError("store_rejected", str(error)[:300], place=str(path)) from error
    except duckdb.Error as error:
        raise StoreUnavailableError("store_failing", str(error)[:300], place=str(path)) from error
