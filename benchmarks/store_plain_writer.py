"""How fast an InfluxDB 1.x takes ready-made lines: the yardstick for the controller.

Lines are made beforehand; then plain threads with one connection each post them to `/write` and do
nothing else. One line is one sample: three values (which count) and its sequence number.

    python -m benchmarks.store_plain_writer [--values N] [--connections N] [--json]
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import psutil

from benchmarks.store_frames import frames
from controller.telemetry.line_protocol import LineEncoder
from tests.support.servers import InfluxDB

LINES_A_BODY: Final = 5_000
_HTTP_TIMEOUT_S: Final = 30


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run took."""

    what: str
    values: int
    wall_s: float
    values_per_s: int
    client_cpu_s: float
    server_cpu_s: float
    client_us_a_value: float
    server_us_a_value: float

    @classmethod
    def of(
        cls, what: str, values: int, *, wall_s: float, client_cpu_s: float, server_cpu_s: float
    ) -> Figures:
        """Round and relate."""
        return cls(
            what,
            values,
            round(wall_s, 3),
            round(values / wall_s),
            round(client_cpu_s, 3),
            round(server_cpu_s, 3),
            round(client_cpu_s / values * 1e6, 3),
            round(server_cpu_s / values * 1e6, 3),
        )


def server_cpu_s(server: InfluxDB) -> float:
    """CPU seconds of the server so far."""
    used = psutil.Process(server.pid).cpu_times()
    return float(used.user + used.system)


def bodies_of(values: int) -> list[bytes]:
    """Make bodies of lines for about so many values."""
    encoder = LineEncoder()
    lines = [line for frame in frames(values) for line in encoder.encode(frame)]
    return [
        "\n".join(lines[start : start + LINES_A_BODY]).encode()
        for start in range(0, len(lines), LINES_A_BODY)
    ]


def write_plainly(server: InfluxDB, bodies: Iterable[bytes], *, connections: int) -> None:
    """Post all bodies; returns when each was answered with 204."""
    waiting: SimpleQueue[bytes] = SimpleQueue()
    for body in bodies:
        waiting.put(body)
    failures: list[str] = []

    def work() -> None:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=_HTTP_TIMEOUT_S)
        while not failures:
            try:
                body = waiting.get_nowait()
            except Empty:
                break
            connection.request("POST", f"/write?db={server.database}&precision=ns", body)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != http.HTTPStatus.NO_CONTENT:
                failures.append(f"{answer.status} {text[:200]!r}")
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(failures[0])


def measure(server: InfluxDB, bodies: Sequence[bytes], *, values: int, connections: int) -> Figures:
    """Write the bodies and say what it took."""
    cpu_before_s, server_before_s = time.process_time(), server_cpu_s(server)
    started_s = time.perf_counter()
    write_plainly(server, bodies, connections=connections)
    return Figures.of(
        f"plain writer, {connections} connections",
        values,
        wall_s=time.perf_counter() - started_s,
        client_cpu_s=time.process_time() - cpu_before_s,
        server_cpu_s=server_cpu_s(server) - server_before_s,
    )


def main() -> None:
    """Measure on a server of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--values", type=int, default=600_000)
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    bodies = bodies_of(chosen.values)
    values = 3 * sum(body.count(b"\n") + 1 for body in bodies)
    with tempfile.TemporaryDirectory() as directory, InfluxDB(Path(directory)) as server:
        figures = measure(server, bodies, values=values, connections=chosen.connections)
    if chosen.json:
        print(json.dumps({"benchmark": "store_plain_writer", **asdict(figures)}, indent=2))
    else:
        print("  ".join(f"{key} {value}" for key, value in asdict(figures).items()))


if __name__ == "__main__":
    main()
