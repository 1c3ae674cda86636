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
CREATE SEQUENCE IF NOT EXISTS epoch_keys;
CREATE TABLE IF NOT EXISTS epochs (
    key INTEGER PRIMARY KEY DEFAULT nextval('epoch_keys'), name VARCHAR UNIQUE);
CREATE TABLE IF NOT EXISTS samples (
    device INTEGER, point INTEGER, time_ns BIGINT, value DOUBLE, quality UTINYINT, seq BIGINT,
    epoch INTEGER, PRIMARY KEY (device, point, time_ns));
"""
_INSERT: Final = """
INSERT OR REPLACE INTO samples
SELECT device, point, time_ns, CASE WHEN isnan(value) THEN NULL ELSE value END, quality, seq, epoch
FROM block
"""
_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {"threads": 1, "memory_limit": "512MB"}
"""Small writes gain nothing from more threads, and the file's cache must not eat the machine."""
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
        self._epoch_keys: dict[str, int] = {}

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
            self._connection = duckdb.connect(str(self._path), config=_SETTINGS)
            self._connection.execute(_SCHEMA)

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
        if not frames:
            return
        connection = self._open_connection
        with _translated(self._path):
            for frame in frames:
                self._learn_keys(connection, frame)
            blocks = [self._columns(frame) for frame in frames]
            # One statement for all: each costs a millisecond, however little it inserts.
            block = {name: np.concatenate([one[name] for one in blocks]) for name in blocks[0]}
            connection.register("block", block)
            try:
                connection.execute(_INSERT)
            finally:
                connection.unregister("block")

    def _learn_keys(self, connection: duckdb.DuckDBPyConnection, frame: Frame) -> None:
        for row in np.unique(frame.device_row):
            device = frame.devices[row]
            if device not in self._device_keys:
                self._device_keys[device] = _device_key(connection, device)
        for point in frame.points:
            if point.name not in self._point_keys:
                self._point_keys[point.name] = _key(connection, "points", name=point.name)
        if frame.epoch not in self._epoch_keys:
            self._epoch_keys[frame.epoch] = _key(connection, "epochs", name=frame.epoch)

    def _columns(self, frame: Frame) -> dict[str, Any]:
        """Return the frame with one value a row, point by point."""
        width, height = len(frame.points), frame.sample_count
        devices = [self._device_keys.get(device, -1) for device in frame.devices]
        points = [self._point_keys[point.name] for point in frame.points]
        good = np.zeros(width * height, dtype=np.uint8)
        return {
            "device": np.tile(np.array(devices, dtype=np.int32)[frame.device_row], width),
            "point": np.repeat(np.array(points, dtype=np.int32), height),
            "time_ns": np.tile(frame.time_ns, width),
            "value": frame.values.ravel(),
            "quality": good if frame.qualities is None else frame.qualities.ravel(),
            "seq": np.tile(frame.seq, width),
            "epoch": np.full(width * height, self._epoch_keys[frame.epoch], dtype=np.int32),
        }

    # --- in the reader's thread ----------------------------------------------------------------

    def _history(self, query: HistoryQuery) -> HistoryResult:
        with _translated(self._path), self._open_connection.cursor() as cursor:
            statement, parameters = _select(query)
            rows = cursor.execute(statement, parameters).fetchnumpy()
        times = rows["time_ns"][: query.limit]
        columns = tuple(_column(rows[f"c{i}"][: query.limit]) for i in range(len(query.points)))
        return HistoryResult(times.tolist(), columns, len(rows["time_ns"]) > query.limit)


def _device_key(connection: duckdb.DuckDBPyConnection, device: DeviceInfo) -> int:
    columns = ("gateway", "device", "school", "building", "area", "category", "profile")
    return _key(connection, "devices", **{name: getattr(device, name) for name in columns})


def _key(connection: duckdb.DuckDBPyConnection, table: str, **row: str) -> int:
    """Return the key of a row in a table of ours, inserted when it is new."""
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    values = [*row.values()]
    insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
    connection.execute(insert, values)
    same = " AND ".join(f"{column} = ?" for column in row)
    select = f"SELECT key FROM {table} WHERE {same}"  # noqa: S608 - our own names
    # All rows at once: a result that is not read to its end blocks the next statement.
    [[key]] = connection.execute(select, values).fetchall()
    return int(key)


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
