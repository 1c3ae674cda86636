"""The edge's bus layer in a process of its own, with a sink that counts; see `edge_modbus_tcp`.

    python -m benchmarks.edge_bus_process FOLDER SECONDS

FOLDER holds `edge.yaml`. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.process_figures import cpu_s, rss_mb
from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from edge_agent.config_check import load_config
from edge_agent.inventory import build_inventory
from edge_agent.modbus.build import make_bus
from edge_agent.modbus.plan import ReadPlanner

SETTLE_S = 2.0


class _CountingSink:
    """Counts what is delivered."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0

    def accept(self, samples: Sequence[Sample], sample_class: SampleClass) -> None:
        del sample_class
        for sample in samples:
            if any(sample.qualities):
                self.bad += len(sample.values)
            else:
                self.good += len(sample.values)


class _Clock:
    is_synced = True
    now_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)


async def _run(path: Path, seconds: float) -> None:
    loaded = load_config(path)
    inventory = build_inventory(loaded.config, loaded.library)
    sink, clock, planner = _CountingSink(), _Clock(), ReadPlanner()
    buses = [
        make_bus(bus, inventory.on_bus(bus.id), sink=sink, clock=clock, planner=planner)
        for bus in loaded.config.buses
    ]
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    await asyncio.sleep(SETTLE_S)  # connecting is not what is measured
    before_s, good, bad = cpu_s(), sink.good, sink.bad
    missed = sum(bus.missed_polls for bus in buses)
    started_s = time.monotonic()
    await asyncio.sleep(seconds)
    figures = {
        "values": sink.good - good,
        "bad_values": sink.bad - bad,
        "missed_polls": sum(bus.missed_polls for bus in buses) - missed,
        "seconds": time.monotonic() - started_s,
        "cpu_s": cpu_s() - before_s,
        "rss_mb": rss_mb(),
    }
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    uvloop.run(_run(Path(sys.argv[1]) / "edge.yaml", float(sys.argv[2])))
