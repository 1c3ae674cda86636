"""The default store: one DuckDB file, nothing to install.

A value is a row (device, point, time); its primary key makes rewriting a sample overwrite it. Rows
arrive as whole columns. One thread writes and one reads, because a DuckDB connection is not to be
shared between threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import numpy as np

from controller.errors import StoreRejectedError, StoreUnavailableError
from controller.frames import DeviceInfo, Frame
from controller.telemetry.base import Aggregate, HistoryQuery, HistoryResult

T = TypeVar("T")

_SCHEMA: Final = """
CREATE SEQUENCE IF NOT EXISTS device_keys;
CREATE SEQUENCE IF NOT EXISTS point_keys;
CREATE TABLE IF NOT EXISTS devices (
    key INTEGER PRIMARY KEY DEFAULT nextval('device_keys'),
    gateway VARCHAR, device VARCHAR, school VARCHAR, building VARCHAR, area VARCHAR,
    category VARCHAR, profile VARCHAR,
    UNIQUE (gateway, device, school, building, area, category, profile));
CREATE TABLE IF NOT EXISTS points (
    key INTEGER PRIMARY KEY DEFAULT nextval('point_keys'), name VARCHAR UNIQUE);
CREATE TABLE IF NOT EXISTS samples (
    device INTEGER, point INTEGER, time_ns BIGINT, value DOUBLE, quality UTINYINT, seq BIGINT,
    epoch VARCHAR, PRIMARY KEY (device, point, time_ns));
"""
_INSERT: Final = """
INSERT OR REPLACE INTO samples
SELECT device, point, time_ns, CASE WHEN isnan(value) THEN NULL ELSE value END, quality, seq, ?
FROM block
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
        self._device_keys: dict[DeviceInfo, int] = {}
        self._point_keys: dict[str, int] = {}

    async def start(self) -> None:
        """Open the file. Raises StoreUnavailableError where it cannot be opened."""
        await self._run(self._writer, self._open)

    async def write(self, frames: Sequence[Frame]) -> None:
        """Write frames in one transaction. Raises as `TelemetryStore.write`."""
        await self._run(self._writer, lambda: self._write(frames))

    async def history(self, query: HistoryQuery) -> HistoryResult:
        """Answer a query. Raises as `TelemetryStore.history`."""
        return await self._run(self._reader, lambda: self._history(query))

    async def close(self) -> None:
        """Close the file."""
        await self._run(self._writer, self._close)
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.to_thread(self._reader.shutdown)

    async def _run(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        # Shielded: a cancelled caller must not leave a transaction in doubt.
        return await asyncio.shield(loop.run_in_executor(thread, work))

    # --- in the writer's thread ----------------------------------------------------------------

    def _open(self) -> None:
        with _translated(self._path):
            self._connection = duckdb.connect(str(self._path))
            self._connection.execute(_SCHEMA)
            names = self._connection.execute("SELECT name, key FROM points").fetchall()
        self._point_keys = dict(names)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _open_connection(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StoreUnavailableError("store_closed", "not opened yet", place=str(self._path))
        return self._connection

    def _write(self, frames: Sequence[Frame]) -> None:
        connection = self._open_connection
        with _translated(self._path):
            for frame in frames:
                self._learn_keys(connection, frame)
            connection.execute("BEGIN")
            try:
                for epoch, block in _blocks(frames, self._device_keys, self._point_keys):
                    connection.register("block", block)
                    connection.execute(_INSERT, [epoch])
                    connection.unregister("block")
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def _learn_keys(self, connection: duckdb.DuckDBPyConnection, frame: Frame) -> None:
        for row in np.unique(frame.device_row):
            device = frame.devices[row]
            if device not in self._device_keys:
                self._device_keys[device] = _device_key(connection, device)
        for point in frame.points:
            if point.name not in self._point_keys:
                self._point_keys[point.name] = _point_key(connection, point.name)

    # --- in the reader's thread ----------------------------------------------------------------

    def _history(self, query: HistoryQuery) -> HistoryResult:
        with _translated(self._path), self._open_connection.cursor() as cursor:
            statement, parameters = _select(query)
            rows = cursor.execute(statement, parameters).fetchnumpy()
        times = rows["time_ns"][: query.limit]
        columns = tuple(_column(rows[f"c{i}"][: query.limit]) for i in range(len(query.points)))
        return HistoryResult(times.tolist(), columns, len(rows["time_ns"]) > query.limit)


def _blocks(
    frames: Sequence[Frame], device_keys: dict[DeviceInfo, int], point_keys: dict[str, int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (epoch, columns of values) for each frame, one value a row."""
    for frame in frames:
        width, height = len(frame.points), frame.sample_count
        keys = np.array([device_keys.get(device, -1) for device in frame.devices], dtype=np.int32)
        points = np.array([point_keys[point.name] for point in frame.points], dtype=np.int32)
        good = np.zeros(width * height, dtype=np.uint8)
        yield (
            frame.epoch,
            {
                "device": np.tile(keys[frame.device_row], width),
                "point": np.repeat(points, height),
                "time_ns": np.tile(frame.time_ns, width),
                "value": frame.values.ravel(),
                "quality": good if frame.qualities is None else frame.qualities.ravel(),
                "seq": np.tile(frame.seq, width),
            },
        )


def _device_key(connection: duckdb.DuckDBPyConnection, device: DeviceInfo) -> int:
    columns = ("gateway", "device", "school", "building", "area", "category", "profile")
    values = [getattr(device, column) for column in columns]
    marks = ", ".join("?" * len(columns))
    connection.execute(
        f"INSERT OR IGNORE INTO devices ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
        values,
    )
    same = " AND ".join(f"{column} = ?" for column in columns)
    statement = f"SELECT key FROM devices WHERE {same}"  # noqa: S608 - our own column names
    found = connection.execute(statement, values).fetchone()
    assert found is not None, "a row just inserted is there"
    return int(found[0])


def _point_key(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO points (name) VALUES (?)", [name])
    found = connection.execute("SELECT key FROM points WHERE name = ?", [name]).fetchone()
    assert found is not None, "a row just inserted is there"
    return int(found[0])


def _select(query: HistoryQuery) -> tuple[str, list[Any]]:
    """Return a statement with one column per point; names and numbers travel as parameters."""
    window_ns = query.window_ns
    time = "time_ns" if window_ns is None else f"(time_ns // {window_ns}) * {window_ns}"
    inner = "any_value(value)" if query.aggregate is None else _AGGREGATES[query.aggregate]
    columns = [f"{inner} FILTER (WHERE points.name = ?) AS c{i}" for i in range(len(query.points))]
    statement = f"""
        SELECT {time} AS time_ns, {", ".join(columns)}
        FROM samples
        JOIN devices ON devices.key = samples.device
        JOIN points ON points.key = samples.point
        WHERE devices.gateway = ? AND devices.device = ? AND list_contains(?, points.name)
          AND time_ns >= ? AND time_ns < ?
        GROUP BY 1 ORDER BY 1 LIMIT {query.limit + 1}
    """  # noqa: S608 - only our own words and whole numbers are in the text
    where = [query.device.gateway, query.device.device, list(query.points)]
    return statement, [*query.points, *where, query.from_ns, query.to_ns]


def _column(values: Any) -> list[float | None]:
    masked = np.ma.masked_invalid(np.ma.asarray(values, dtype=np.float64))
    column: list[float | None] = masked.tolist()
    return column


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn DuckDB's errors into ours: what the disk or a lock does may pass, a refusal may not."""
    try:
        yield
    except (duckdb.IOException, duckdb.TransactionException, duckdb.ConnectionException) as error:
        raise StoreUnavailableError("store_io", str(error)[:300], place=str(path)) from error
    except duckdb.InternalException as error:
        raise StoreUnavailableError("store_internal", str(error)[:300], place=str(path)) from error
    except duckdb.OutOfMemoryException as error:
        raise StoreUnavailableError("store_memory", str(error)[:300], place=str(path)) from error
    except duckdb.Error as error:
        raise StoreRejectedError("store_refused", str(error)[:300], place=str(path)) from error
