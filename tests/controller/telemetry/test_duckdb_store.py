"""What is particular to the DuckDB file: durability, sharing, errors."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest

from campus_wire.errors import PermanentError, TransientError
from controller.errors import ControllerError, StoreRejectedError, StoreUnavailableError
from controller.telemetry.base import HistoryQuery
from controller.telemetry.duckdb_store import DuckDBStore, _translated
from tests.controller.telemetry.making import SECOND_NS, START_NS, device, frame

ALL = HistoryQuery(device=device(), points=("a",), from_ns=START_NS, to_ns=START_NS + 10**15)

WRITER = """
import asyncio, sys
from pathlib import Path
from controller.telemetry.duckdb_store import DuckDBStore
from tests.controller.telemetry.making import SECOND_NS, START_NS, frame

async def main():
    store = DuckDBStore(Path(sys.argv[1]))
    await store.start()
    for n in range(10**9):
        await store.write([frame({"a": [float(n)] * 50}, start_ns=START_NS + 50 * n * SECOND_NS)])
        print(n, flush=True)

asyncio.run(main())
"""


def write_until_killed(path: Path, *, writes: int) -> int:
    """Run a writer, kill it after so many confirmed writes, return the last confirmed one."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == writes:
                os.kill(process.pid, signal.SIGKILL)
                break
        return max([writes, *map(int, process.stdout.read().split())])


async def test_what_was_written_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.duckdb"
    kills = [await asyncio.to_thread(write_until_killed, path, writes=n) for n in (10, 25, 40)]
    confirmed = max(kills)

    store = DuckDBStore(path)
    await store.start()
    found = await store.history(ALL)
    await store.close()

    values = found.columns[0]
    for number in range(confirmed + 1):
        assert values[50 * number : 50 * number + 50] == [float(number)] * 50


async def test_people_may_look_at_readings_with_names(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "t.duckdb")
    await store.start()
    await store.write([frame({"a": [1.5, None]})])
    await store.close()

    with duckdb.connect(str(tmp_path / "t.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT gateway, area, device, point, value, quality, seq FROM readings ORDER BY seq"
        ).fetchall()

    assert rows == [
        ("demo-school-1", "r101", "th-101", "a", 1.5, 0, 1),
        ("demo-school-1", "r101", "th-101", "a", None, 65, 2),
    ]


async def test_reading_and_writing_at_the_same_time(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "t.duckdb")
    await store.start()

    async def write() -> None:
        for n in range(20):
            made = frame({"a": [float(n)] * 200}, start_ns=START_NS + 200 * n * SECOND_NS)
            await store.write([made])

    async def read() -> None:
        for _ in range(20):
            found = await store.history(ALL)
            assert len(found.times_ns) % 200 == 0  # whole transactions only

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(read())
    await store.close()


async def test_a_cancelled_write_leaves_the_store_usable(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "t.duckdb")
    await store.start()
    for n in range(5):
        task = asyncio.create_task(store.write([frame({"a": [float(n)] * 5_000})]))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.write([frame({"a": [7.0]})])

    assert (await store.history(ALL)).columns[0][0] == 7
    await store.close()


async def test_a_file_that_cannot_be_opened_is_unavailable_until_it_can(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "t.duckdb"
    store = DuckDBStore(path)
    with pytest.raises(StoreUnavailableError):
        await store.start()
    with pytest.raises(StoreUnavailableError):
        await store.write([frame({"a": [1.0]})])
    path.parent.mkdir()
    await store.start()
    await store.write([frame({"a": [1.0]})])
    await store.close()


async def test_a_file_of_another_kind_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "t.duckdb"
    path.write_bytes(b"not a database at all" * 1000)
    store = DuckDBStore(path)

    with pytest.raises(StoreUnavailableError, match="DuckDB database file"):
        await store.start()
    await store.close()


async def test_after_a_fatal_error_the_file_is_opened_anew(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "t.duckdb")
    await store.start()
    await store.write([frame({"a": [1.0]})])
    assert store._connection is not None
    store._connection.close()  # as good as dead
    with pytest.raises(StoreUnavailableError):
        await store.write([frame({"a": [2.0]})])
    await store.write([frame({"a": [3.0]})])

    assert (await store.history(ALL)).columns == ([3],)
    await store.close()


@pytest.mark.parametrize(
    "kind",
    [
        one
        for one in vars(duckdb).values()
        if isinstance(one, type) and issubclass(one, duckdb.Error)
    ],
)
def test_every_error_of_the_library_is_mapped(kind: type[duckdb.Error]) -> None:
    with pytest.raises(ControllerError) as caught, _translated(Path("t.duckdb")):
        raise kind("x")

    assert isinstance(caught.value, PermanentError) != isinstance(caught.value, TransientError)
    is_of_the_data = issubclass(kind, duckdb.DataError | duckdb.IntegrityError)
    assert isinstance(caught.value, StoreRejectedError) == is_of_the_data
