"""What every store promises, on each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.frames import DeviceInfo
from controller.telemetry.base import Aggregate, HistoryQuery, TelemetryStore
from controller.telemetry.duckdb_store import DuckDBStore
from controller.telemetry.influx_store import InfluxStore
from controller.telemetry.influx_url import parse_influx_url
from tests.controller.telemetry.making import SECOND_NS, START_NS, device, frame
from tests.support.servers import InfluxDB

pytestmark = pytest.mark.integration


@pytest.fixture(params=["duckdb", "influx"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TelemetryStore]:
    opened: TelemetryStore
    if request.param == "duckdb":
        opened = DuckDBStore(tmp_path / "telemetry.duckdb")
    else:
        server: InfluxDB = request.getfixturevalue("influx")
        url = f"influxdb://{server.host}:{server.port}/{server.database}"
        opened = InfluxStore(parse_influx_url(url))
    await opened.start()
    yield opened
    await opened.close()


def asking(
    *points: str, info: DeviceInfo | None = None, seconds: int = 3600, **changes: Any
) -> HistoryQuery:
    return HistoryQuery(
        device=info or device(),
        points=points,
        from_ns=START_NS,
        to_ns=START_NS + seconds * SECOND_NS,
        **changes,
    )


async def test_samples_come_back_as_they_were(store: TelemetryStore) -> None:
    await store.write([frame({"a": [1.5, None, -3.25, 1e300], "b": [5.0, 6.0, None, None]})])

    found = await store.history(asking("b", "a"))

    assert found.times_ns == [START_NS + n * SECOND_NS for n in range(4)]
    assert found.columns == ([5, 6, None, None], [1.5, None, -3.25, 1e300])
    assert not found.truncated


async def test_the_end_of_a_time_is_excluded(store: TelemetryStore) -> None:
    await store.write([frame({"a": [float(n) for n in range(10)]})])

    found = await store.history(asking("a", seconds=3))

    assert found.columns == ([0, 1, 2],)


async def test_rewriting_overwrites_also_within_one_write(store: TelemetryStore) -> None:
    made = frame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    amended = frame({"a": [1.0, 20.0], "b": [3.0, 4.0]})
    await store.write([made, made])
    await store.write([made])
    await store.write([made, amended])

    found = await store.history(asking("a", "b", window_s=3600.0, aggregate=Aggregate.COUNT))
    rows = await store.history(asking("a"))

    assert list(found.columns) == [[2], [2]]
    assert list(rows.columns) == [[1, 20]]


async def test_frames_of_many_kinds_in_one_write(store: TelemetryStore) -> None:
    devices = (device("x"), device("y", category="gas_detector", area="lab"))
    await store.write(
        [
            frame({"a": [1.0, 2.0]}, devices=devices, rows=[0, 1]),
            frame({"b": [3.0]}, devices=devices, rows=[0], start_ns=START_NS + 5),
            frame({"a": [9.0]}, devices=(device("z"),)),
            frame({"a": [1.0]}).select(np.zeros(1, dtype=bool)),
        ]
    )
    await store.write([])

    assert (await store.history(asking("a", "b", info=devices[0]))).columns == (
        [1, None],
        [None, 3],
    )
    assert (await store.history(asking("a", info=devices[1]))).columns == ([2],)
    assert (await store.history(asking("a", info=device("z")))).columns == ([9],)


async def test_a_device_that_moved_keeps_its_history(store: TelemetryStore) -> None:
    moved = device(area="r102", building="b2")
    await store.write([frame({"a": [1.0]})])
    await store.write([frame({"a": [2.0]}, devices=(moved,), start_ns=START_NS + SECOND_NS)])

    assert (await store.history(asking("a", info=moved))).columns == ([1, 2],)


async def test_two_gateways_may_use_one_device_id(store: TelemetryStore) -> None:
    mine, theirs = device(), device(gateway="demo-school-2")
    await store.write([frame({"a": [1.0]}, devices=(mine,))])
    await store.write([frame({"a": [2.0]}, devices=(theirs,))])

    assert (await store.history(asking("a", info=mine))).columns == ([1],)
    assert (await store.history(asking("a", info=theirs))).columns == ([2],)


@pytest.mark.parametrize(
    ("aggregate", "column"),
    [
        (Aggregate.MEAN, [4.5, 130 / 9]),
        (Aggregate.MIN, [0, 10]),
        (Aggregate.MAX, [9, 19]),
        (Aggregate.LAST, [9, 19]),
        (Aggregate.COUNT, [10, 9]),
        (Aggregate.SUM, [45, 130]),
    ],
)
async def test_windows(store: TelemetryStore, aggregate: Aggregate, column: list[float]) -> None:
    values: list[float | None] = [float(n) for n in range(20)]
    values[15] = None
    start_ns = START_NS - START_NS % (10 * SECOND_NS)
    await store.write([frame({"a": values}, start_ns=start_ns)])
    await store.write([frame({"a": [None]}, start_ns=start_ns + 40 * SECOND_NS)])

    query = replace(asking("a"), from_ns=start_ns, window_s=10.0, aggregate=aggregate)
    found = await store.history(query)

    assert found.times_ns == [start_ns, start_ns + 10 * SECOND_NS]
    assert found.columns[0] == pytest.approx(column)


async def test_answers_are_bounded_and_say_so(store: TelemetryStore) -> None:
    await store.write([frame({"a": [float(n) for n in range(50)]})])

    cut = await store.history(asking("a", limit=20))
    whole = await store.history(asking("a", limit=50))

    assert (len(cut.times_ns), cut.truncated) == (20, True)
    assert (len(whole.times_ns), whole.truncated) == (50, False)


async def test_what_was_never_written_is_empty(store: TelemetryStore) -> None:
    await store.write([frame({"a": [1.0]})])

    for query in (
        asking("a", info=device("other")),
        asking("a", "b", info=device("other", category="none")),
        replace(asking("a"), from_ns=1, to_ns=2),
    ):
        found = await store.history(query)
        assert list(found.times_ns) == []
        assert [list(column) for column in found.columns] == [[] for _ in query.points]
    assert (await store.history(asking("a", "never"))).columns == ([1], [None])


@pytest.mark.parametrize("text", ["x' OR 'a'='a", "x'; DROP TABLE samples; --", 'x" OR 1=1', "\\'"])
async def test_a_name_cannot_break_out_of_a_query(store: TelemetryStore, text: str) -> None:
    await store.write([frame({"a": [1.0]})])

    await store.history(asking(text, info=replace(device(text), category=text)))

    assert (await store.history(asking("a"))).columns == ([1],)
