"""What a value costs on its way into each store, beside a plain writer of the same lines.

Frames are made beforehand (`benchmarks.store_frames`). InfluxDB 1.x is filled once by the plain
writer and once, in a database of its own on the same server, by the store with two writes in
flight; then the DuckDB file is filled, and all frames are made into lines without sending them.

    python -m benchmarks.store_write [--values N] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.store_frames import VALUES_A_FRAME, frames
from benchmarks.store_plain_writer import Figures, bodies_of, measure, server_cpu_s
from controller.frames import Frame
from controller.telemetry.base import TelemetryStore
from controller.telemetry.duckdb_store import DuckDBStore
from controller.telemetry.influx_store import InfluxStore
from controller.telemetry.influx_url import parse_influx_url
from controller.telemetry.line_protocol import LineEncoder
from tests.support.servers import InfluxDB

WRITE_VALUES: Final = 15_000
IN_FLIGHT: Final = 2


async def fill(store: TelemetryStore, made: Sequence[Frame]) -> float:
    """Write all frames and return the seconds it took."""
    await store.start()
    left = iter(made)
    started_s = time.perf_counter()

    async def work() -> None:
        while group := list(islice(left, WRITE_VALUES // VALUES_A_FRAME)):
            await store.write(group)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(work())
    took_s = time.perf_counter() - started_s
    await store.close()
    return took_s


def fill_influx(server: InfluxDB, made: Sequence[Frame], *, values: int) -> Figures:
    """Fill a database of its own through the store."""
    server.create_database("ours")
    store = InfluxStore(parse_influx_url(f"influxdb://{server.host}:{server.port}/ours"))
    cpu_before_s, server_before_s = time.process_time(), server_cpu_s(server)
    wall_s = asyncio.run(fill(store, made))
    return Figures.of(
        "InfluxDB store",
        values,
        wall_s=wall_s,
        client_cpu_s=time.process_time() - cpu_before_s,
        server_cpu_s=server_cpu_s(server) - server_before_s,
    )


def fill_duckdb(path: Path, made: Sequence[Frame], *, values: int) -> Figures:
    """Fill a file."""
    cpu_before_s = time.process_time()
    wall_s = asyncio.run(fill(DuckDBStore(path), made))
    return Figures.of(
        "DuckDB store",
        values,
        wall_s=wall_s,
        client_cpu_s=time.process_time() - cpu_before_s,
        server_cpu_s=0,
    )


def make_lines(made: Sequence[Frame], *, values: int) -> Figures:
    """Encode only."""
    encoder = LineEncoder()
    cpu_before_s, started_s = time.process_time(), time.perf_counter()
    for frame in made:
        "\n".join(encoder.encode(frame)).encode()
    return Figures.of(
        "line protocol alone",
        values,
        wall_s=time.perf_counter() - started_s,
        client_cpu_s=time.process_time() - cpu_before_s,
        server_cpu_s=0,
    )


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--values", type=int, default=450_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    made = list(frames(chosen.values))
    values = len(made) * VALUES_A_FRAME
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        with InfluxDB(root / "influx") as server:
            plain = measure(server, bodies_of(chosen.values), values=values, connections=IN_FLIGHT)
            ours = fill_influx(server, made, values=values)
        figures = [plain, ours, fill_duckdb(root / "telemetry.duckdb", made, values=values)]
        figures.append(make_lines(made, values=values))
    if chosen.json:
        results = [asdict(one) for one in figures]
        print(json.dumps({"benchmark": "store_write", "results": results}, indent=2))
        return
    for one in figures:
        print("  ".join(f"{key} {value}" for key, value in asdict(one).items()))
    print(f"store / plain writer: {ours.values_per_s / plain.values_per_s:.2f}")


if __name__ == "__main__":
    main()
