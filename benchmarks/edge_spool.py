"""The edge's spool: values a second as one blob a batch, against rows, on the same disk.

    python -m benchmarks.edge_spool [--seconds 3] [--folder DIRECTORY]

Both write with `synchronous=FULL`, 500 values a commit, and both end with a payload that can be
published: the spool numbers, encodes and stores a batch as it will travel; the other way stores one
row a value and reads the rows back to encode them. They take turns, because other work on the same
disk changes the time of an fsync by a factor of three within seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from campus_wire.batch import Batch, Sample, blocks_of, encode_batch
from campus_wire.catalog import SampleClass
from campus_wire.messages import ClockState
from edge_agent.spool.records import Draft, SpoolLimits, Stamp
from edge_agent.spool.store import SpoolStore

ROUNDS: Final = 10
VALUES: Final = 500
POINTS: Final = 5
BOOT: Final = "11111111-1111-4111-8111-111111111111"
START_NS: Final = 1_790_000_000_000_000_000
MS: Final = 1_000_000


def readings(number: int) -> list[Sample]:
    """A second of 100 devices with five points each, in the short decimals of real sensors."""
    time_ns = START_NS + number * 1000 * MS
    return [
        Sample(
            device=device,
            points=tuple(range(POINTS)),
            time_ns=time_ns + device * MS,
            values=(
                20 + (device * 7 + number) % 80 / 10,
                40 + (device * 3 + number) % 200 / 10,
                400 + (device * 11 + number * 3) % 900,
                float((device + number) % 2),
                220 + (device * 13 + number * 7) % 150 / 10,
            ),
            qualities=(0,) * POINTS,
        )
        for device in range(VALUES // POINTS)
    ]


READY: Final = [readings(number) for number in range(64)]


def spool_writer(folder: Path, *, drafts_at_once: int) -> Callable[[int], None]:
    """Return what writes batches into a spool."""
    store = SpoolStore(
        folder / f"spool-{drafts_at_once}.db",
        limits=SpoolLimits(max_bytes=2 * 1024**3),
        boot=BOOT,
        run="benchmark",
        wall_ns=time.time_ns,
        monotonic_ns=time.monotonic_ns,
    )
    stamp = Stamp(ClockState.SYNCED, BOOT, 0)

    def write(number: int) -> None:
        store.commit(
            [
                Draft(READY[(number + at) % len(READY)], SampleClass.NORMAL, stamp, "0" * 16)
                for at in range(drafts_at_once)
            ]
        )

    return write


def row_writer(folder: Path) -> Callable[[int], None]:
    """Return what writes one row a value, 500 rows a commit."""
    connection = apsw.Connection(str(folder / "rows.db"))
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    connection.execute(
        "CREATE TABLE readings(seq INTEGER PRIMARY KEY, device INTEGER, point INTEGER,"
        " time_ns INTEGER, value REAL, quality INTEGER)"
    )

    def write(number: int) -> None:
        samples = READY[number % len(READY)]
        rows = [
            (one.device, point, one.time_ns, value, quality)
            for one in samples
            for point, value, quality in zip(one.points, one.values, one.qualities, strict=True)
        ]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO readings(device, point, time_ns, value, quality) VALUES(?, ?, ?, ?, ?)",
            rows,
        )
        connection.execute("COMMIT")
        publish_rows(connection, number)

    return write


def publish_rows(connection: apsw.Connection, number: int) -> bytes:
    """Read the last 500 rows back and encode them."""
    rows: list[Any] = connection.execute(
        "SELECT device, time_ns, value, quality FROM readings WHERE seq > ? ORDER BY seq",
        (number * VALUES,),
    ).fetchall()
    samples = [
        Sample(
            device=rows[at][0],
            points=tuple(range(POINTS)),
            time_ns=rows[at][1],
            values=tuple(row[2] for row in rows[at : at + POINTS]),
            qualities=tuple(row[3] for row in rows[at : at + POINTS]),
        )
        for at in range(0, len(rows), POINTS)
    ]
    return encode_batch(Batch(epoch=BOOT, first=1, catalog="0" * 16, blocks=blocks_of(samples)))


@dataclass
class Contender:
    """One way to write, and what it has done so far."""

    name: str
    write: Callable[[int], None]
    batches: int = 1
    commits: int = 0
    took_s: float = 0.0
    cpu_s: float = 0.0

    def run(self, seconds: float) -> None:
        """Write for so long."""
        cpu_before_s = time.process_time()
        started_s = time.perf_counter()
        while time.perf_counter() - started_s < seconds:
            self.write(self.commits)
            self.commits += 1
        self.took_s += time.perf_counter() - started_s
        self.cpu_s += time.process_time() - cpu_before_s

    @property
    def values(self) -> int:
        """How many it has written."""
        return self.commits * self.batches * VALUES

    def report(self) -> None:
        """Print its rates."""
        print(
            f"{self.name:28s} {self.commits / self.took_s:7,.0f} commits/s "
            f"{self.values / self.took_s:11,.0f} values/s "
            f"{self.values / self.cpu_s:11,.0f} values a CPU-second"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each way of writing")
    parser.add_argument("--folder", type=Path, help="on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        contenders = [
            Contender("spool, 1 batch a commit", spool_writer(folder, drafts_at_once=1)),
            Contender("spool, 8 batches a commit", spool_writer(folder, drafts_at_once=8), 8),
            Contender("500 rows a commit", row_writer(folder)),
        ]
        for _ in range(ROUNDS):
            for contender in contenders:
                contender.run(options.seconds / ROUNDS)
    for contender in contenders:
        contender.report()


if __name__ == "__main__":
    main()
