"""InfluxStore on real servers: InfluxDB 1.6 by /write and VictoriaMetrics by the v2 API."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.errors import SamplesRejectedError, StoreUnavailableError
from controller.frames import DeviceInfo
from controller.telemetry.base import HistoryQuery
from controller.telemetry.influx_store import InfluxStore
from controller.telemetry.influx_url import parse_influx_url
from tests.controller.telemetry.making import SECOND_NS, START_NS, device, frame
from tests.support.servers import InfluxDB, VictoriaMetrics

pytestmark = pytest.mark.integration
DAY_NS = 86_400 * SECOND_NS


@asynccontextmanager
async def opened(
    server: InfluxDB | VictoriaMetrics, query: str = "", *, user: str = "", **options: Any
) -> AsyncIterator[InfluxStore]:
    database = server.database if isinstance(server, InfluxDB) else "campus"
    url = f"influxdb://{user}{server.host}:{server.port}/{database}{query}"
    store = InfluxStore(parse_influx_url(url), **options)
    try:
        await store.start()
        yield store
    finally:
        await store.close()


def asking(
    *points: str,
    info: DeviceInfo | None = None,
    seconds: int = 3600,
    **changes: Any,
) -> HistoryQuery:
    return HistoryQuery(
        device=info or device(),
        points=points,
        from_ns=START_NS,
        to_ns=START_NS + seconds * SECOND_NS,
        **changes,
    )


async def test_rewriting_changes_nothing(influx: InfluxDB) -> None:
    made = frame({"a": [1.0, 2.0, None]})
    async with opened(influx) as store:
        for _ in range(3):
            await store.write([made])

    rows = influx.query('SELECT * FROM "climate_sensor"')
    assert [(row["a"], row["a_q"], row["seq"]) for row in rows] == [
        (1, None, 1),
        (2, None, 2),
        (None, 65, 3),
    ]
    assert {row["device"] for row in rows} == {"th-101"}
    assert rows[0] | {"school": "sunrise", "building": "b1", "area": "r101"} == rows[0]


@pytest.mark.parametrize(
    "text",
    ["a b", "a,b", "a=b", 'a"b', "a'b", "教室 一", "😀", "a\\b", "a\\", "a\nb", "#x", "x" * 9_000],
)
async def test_awkward_names_survive_the_real_server(influx: InfluxDB, text: str) -> None:
    info = replace(device(text), category=text, area=text, building=text, gateway=text)
    made = frame({"x": [1.0, None], text: [2.0, 3.0]}, devices=(info,))
    async with opened(influx) as store:
        await store.write([made])
        found = await store.history(asking("x", text, info=info))

    assert list(found.columns) == [[1, None], [2, 3]]
    assert len(influx.query("SHOW SERIES")) == 1


async def test_refused_samples_are_named_and_their_neighbours_stored(influx: InfluxDB) -> None:
    influx.write("climate_sensor a=1i 1")  # an integer, with which floats of this field conflict
    devices = (device("x"), device("y"))
    good = frame({"other": [float(n) for n in range(100)]})
    bad = frame({"a": [1.5, 2.5]}, devices=devices, rows=[0, 1], start_ns=1)
    nothing = good.select(np.zeros(100, dtype=bool))
    async with opened(influx) as store:
        with pytest.raises(SamplesRejectedError) as caught:
            await store.write([good, nothing, bad, nothing])

    assert [(index, row) for index, row, _ in caught.value.samples] == [(2, 0), (2, 1)]
    assert "conflict" in caught.value.samples[0][2]
    assert len(influx.query('SELECT "other" FROM "climate_sensor"')) == 100


async def test_samples_beyond_the_retention_are_refused_in_few_requests(
    influx: InfluxDB,
) -> None:
    influx.query('CREATE RETENTION POLICY "short" ON "campus" DURATION 1h REPLICATION 1 DEFAULT')
    async with opened(influx) as store:
        old = frame({"a": [float(n) for n in range(2_000)]}, start_ns=START_NS - 900 * DAY_NS)
        with pytest.raises(SamplesRejectedError) as caught:
            await store.write([old])

    assert len(caught.value.samples) == 2_000


async def test_a_retention_policy_of_its_own(influx: InfluxDB) -> None:
    influx.query('CREATE RETENTION POLICY "kept" ON "campus" DURATION INF REPLICATION 1')
    url = f"influxdb://{influx.host}:{influx.port}/campus/kept"
    store = InfluxStore(parse_influx_url(url))
    await store.start()
    await store.write([frame({"a": [1.0]})])
    found = await store.history(asking("a"))
    await store.close()

    assert list(found.columns) == [[1]]
    assert influx.query('SELECT a FROM "autogen"."climate_sensor"') == []


async def test_large_writes_go_in_several_bodies_also_compressed(influx: InfluxDB) -> None:
    noise = np.random.default_rng(1).uniform(0, 100, 20_000)
    made = frame({"a": list(noise)}, step_ns=1_000_000)
    async with opened(influx, "?gzip=yes") as store:
        await store.write([made])

    [row] = influx.query('SELECT COUNT("a") FROM "climate_sensor"')
    assert row["count"] == 20_000


async def test_a_missing_database_is_said_and_heals(influx: InfluxDB) -> None:
    influx.drop_database("campus")
    async with opened(influx) as store:
        for attempt in (store.write([frame({"a": [1.0]})]), store.history(asking("a"))):
            with pytest.raises(StoreUnavailableError) as caught:
                await attempt
            assert caught.value.reason == "store_missing"
            assert "create" in caught.value.remedy
        influx.create_database("campus")
        await store.write([frame({"a": [1.0]})])
        assert (await store.history(asking("a"))).columns == ([1],)


async def test_accounts(tmp_path: Path) -> None:
    with InfluxDB(tmp_path, auth=True) as server:
        server.query("CREATE USER \"controller\" WITH PASSWORD 'right'")
        server.query('GRANT ALL ON "campus" TO "controller"')
        server.query("CREATE USER \"reports\" WITH PASSWORD 'right'")
        for user, secret, is_let_in in (
            ("controller@", "right", True),
            ("controller@", "wrong", False),
            ("reports@", "right", False),
            ("", None, False),
        ):
            async with opened(server, user=user, secret=secret) as store:
                if is_let_in:
                    await store.write([frame({"a": [1.0]})])
                    assert (await store.history(asking("a"))).columns == ([1],)
                    continue
                with pytest.raises(StoreUnavailableError) as caught:
                    await store.write([frame({"a": [1.0]})])
                assert caught.value.reason == "store_login"
                assert caught.value.remedy


async def test_a_server_that_is_killed_is_unavailable_until_it_is_back(tmp_path: Path) -> None:
    with InfluxDB(tmp_path) as server:
        async with opened(server, timeout_s=1.0) as store:
            await store.write([frame({"a": [1.0]})])
            await asyncio.to_thread(server.kill)
            with pytest.raises(StoreUnavailableError) as caught:
                await store.write([frame({"a": [2.0]}, first=2)])
            assert caught.value.reason == "store_unreachable"
            with pytest.raises(StoreUnavailableError):
                await store.history(asking("a"))
            await asyncio.to_thread(server.start)
            await store.write([frame({"a": [2.0]}, start_ns=START_NS + SECOND_NS)])
            server.pause()
            with pytest.raises(StoreUnavailableError) as caught:
                await store.write([frame({"a": [3.0]}, start_ns=START_NS + 2 * SECOND_NS)])
            assert caught.value.reason == "store_timeout"
            server.resume()
            found = await store.history(asking("a"))

    assert found.columns[0][:2] == [1, 2]  # what was answered with 204 outlives a kill


# --- the v2 API -------------------------------------------------------------------------------


def exported(victoria: VictoriaMetrics, school: str) -> dict[tuple[str, str], list[float]]:
    return {
        (series["metric"]["__name__"], series["metric"]["device"]): series["values"]
        for series in victoria.export(f'{{school="{school}"}}')
    }


@pytest.mark.parametrize(
    "query", ["?version=1.8", "?version=2&org=district", "?version=3&gzip=yes"]
)
async def test_the_v2_api_writes_the_same_samples(victoria: VictoriaMetrics, query: str) -> None:
    school = f"school{len(query)}"
    devices = (device("a b,c", school=school), device("教室", school=school))
    made = frame(
        {"t": [1.5, 2.5, None, 4.5], "h": [1.0, None, 3.0, 4.0]}, devices=devices, rows=[0, 0, 1, 1]
    )
    async with opened(victoria, query, secret="any-token") as store:
        assert store._v2 is not None
        await store.write([made])

    assert exported(victoria, school) == {
        ("climate_sensor_t", "a b,c"): [1.5, 2.5],
        ("climate_sensor_h", "a b,c"): [1],
        ("climate_sensor_h_q", "a b,c"): [65],
        ("climate_sensor_seq", "a b,c"): [1, 2],
        ("climate_sensor_t", "教室"): [4.5],
        ("climate_sensor_t_q", "教室"): [65],
        ("climate_sensor_h", "教室"): [3, 4],
        ("climate_sensor_seq", "教室"): [3, 4],
    }


def test_the_v2_client_is_loaded_only_for_a_v2_server(influx: InfluxDB) -> None:
    program = f"""
import asyncio, sys
from controller.telemetry.influx_store import InfluxStore
from controller.telemetry.influx_url import parse_influx_url
store = InfluxStore(parse_influx_url("influxdb://{influx.host}:{influx.port}/campus"))
async def run():
    await store.start()
    await store.close()
asyncio.run(run())
print([name for name in sys.modules if name.split(".")[0] in ("influxdb_client", "aiohttp")])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )

    assert result.stdout.strip() == "[]"
