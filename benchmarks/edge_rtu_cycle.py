"""32 devices x 10 registers on a serial line with real byte times: how near the optimum a poll is.

    python -m benchmarks.edge_rtu_cycle [--quick] [--seconds 5] [--json]

The line is a pseudo-terminal whose other end takes the time that bytes and devices take
(`paced_line`, a process of its own): 9,600, 19,200 and 115,200 baud 8N2, devices that answer after
5 and 20 ms, registers side by side (dense) and scattered (sparse). The bus is polled as fast as it
can be, and the cycle is how long it takes to have every device once. The optimum is the least sum
of T(k) that any plan has, with T(k) = 8 Tc + Tslave + (5 + 2k) Tc + 2 T3.5.

Then: the sparse map at 9,600 baud with holes bridged up to a fixed 50 registers; one dead device of
32, after its back-off; and how long after the call a write is complete at its device during all
this, beside the longest request that was planned.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from edge_agent.config import EdgeConfig
from edge_agent.inventory import build_inventory
from edge_agent.modbus.build import line_cost, make_bus
from edge_agent.modbus.bus import ModbusBus

DEVICES = 32
DEAD_UNIT = 17
BITS = 11  # 8N2; 8E1, as long, cannot be set on a pseudo-terminal
DENSE = tuple(range(10))
SPARSE = (0, 1, 40, 44, 90, 92, 140, 190, 191, 240)
MAPS = {"dense": DENSE, "sparse": SPARSE}
CASES = [(baud, s) for baud in (9_600, 19_200, 115_200) for s in (0.005, 0.020)]
QUICK_CASES = [(9_600, 0.005), (115_200, 0.020)]
SETTLE_CYCLES = 1
SETTLE_S = 2.0
BACK_OFF_S = 20.0
WRITES = 20
_NAME = {"zh": "传感器", "en": "sensor"}

Row = dict[str, Any]


def profile(addresses: Sequence[int]) -> ModbusProfile:
    """A device with one value in each of these registers; the first can be written."""
    points = [
        {
            "name": f"value_{address}",
            "unit": "",
            "labels": _NAME,
            "read": {"input_type": "holding", "address": address, "data_type": "uint16"},
        }
        for address in addresses
    ]
    points[0] |= {"write": {"function": 6, "minimum": 0, "maximum": 65_535}}
    plain = {
        "id": "benchmark-sensor",
        "vendor": "none",
        "model": "benchmark",
        "category": "temperature_humidity",
        "labels": _NAME,
        "evidence": "bench",
        "sources": [{"ref": "benchmarks/edge_rtu_cycle.py", "kind": "made up"}],
        "protocol": "modbus",
        "modbus": {"address_base": 0},
        "points": points,
    }
    return ModbusProfile.model_validate_json(json.dumps(plain))


class _Library:
    def __init__(self, one: ModbusProfile) -> None:
        self._one = one

    def get(self, _id: str, /) -> ModbusProfile:
        return self._one


class _Sink:
    """Counts good values of devices."""

    def __init__(self) -> None:
        self.polls = 0
        self.bad = 0

    def accept(self, samples: Sequence[Sample], sample_class: SampleClass) -> None:
        del sample_class
        for sample in samples:
            if any(sample.qualities):
                self.bad += 1
            elif len(sample.values) > 1:
                self.polls += 1


class _Clock:
    is_synced = True
    now_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)


@contextmanager
def paced_line(baud: int, turnaround_s: float, *dead: int) -> Iterator[tuple[str, Row]]:
    """Start a line; yield its path, and a dictionary that holds what it counted afterwards."""
    command = [sys.executable, "-m", "benchmarks.paced_line", str(baud), str(BITS)]
    command += [str(turnaround_s), str(DEVICES), *map(str, dead)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    counted: Row = {}
    try:
        yield process.stdout.readline().strip(), counted
    finally:
        process.stdin.close()
        counted |= json.loads(process.stdout.readline())
        process.stdout.close()
        process.wait(timeout=10)


def _config(port: str, baud: int, bridge: int | None) -> EdgeConfig:
    modbus = {"transport": "rtu", "port": port, "baud_rate": baud, "stop_bits": 2}
    if bridge is not None:
        modbus["bridge_registers"] = bridge
    devices = [
        {
            "id": f"sensor-{unit}",
            "profile": "benchmark-sensor",
            "unit_id": unit,
            "area": "r",
            "name": _NAME,
            "interval_s": 0.1,
        }
        for unit in range(1, DEVICES + 1)
    ]
    plain = {
        "gateway": "benchmark",
        "school": {"id": "s", "name": _NAME},
        "areas": [{"id": "r", "kind": "classroom", "name": _NAME}],
        "uplink": {"broker": {"host": "127.0.0.1"}},
        "spool": {"path": "spool.db"},
        "buses": [{"id": "line", "modbus": modbus, "devices": devices}],
    }
    return EdgeConfig.model_validate_json(json.dumps(plain))


@asynccontextmanager
async def running(
    port: str, baud: int, addresses: Sequence[int], *, bridge: int | None = None
) -> AsyncIterator[tuple[ModbusBus, _Sink]]:
    """Poll the line as fast as it can be polled."""
    config = _config(port, baud, bridge)
    inventory = build_inventory(config, _Library(profile(addresses)))
    sink = _Sink()
    bus = make_bus(config.buses[0], inventory.on_bus("line"), sink=sink, clock=_Clock())
    task = asyncio.create_task(bus.run())
    try:
        yield bus, sink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def optimum_s(baud: int, turnaround_s: float, addresses: Sequence[int]) -> tuple[float, float]:
    """Return the least sum of T(k) that reads all devices once, and its longest T(k)."""
    one = profile(addresses)
    line = line_cost(_config("none", baud, None).buses[0].modbus, [one])
    bridge = line.overhead_s(turnaround_s) / line.register_s
    plan = plan_reads(one, one.points, bridge_registers=bridge)
    times = [line.request_s(request.count, turnaround_s=turnaround_s) for request in plan]
    return DEVICES * sum(times), max(times)


async def _cycle_s(sink: _Sink, seconds: float, *, alive: int = DEVICES) -> float:
    before, started_s = sink.polls, time.monotonic()
    await asyncio.sleep(seconds)
    return (time.monotonic() - started_s) * alive / max(sink.polls - before, 1)


async def _write_latencies(bus: ModbusBus, seconds: float) -> list[tuple[int, int, float]]:
    """Write now and then; return unit, value and the moment of each call."""
    calls = []
    for number in range(WRITES):
        await asyncio.sleep(random.uniform(0.5, 1.5) * seconds / WRITES)
        unit = random.randint(1, DEVICES)
        calls.append((unit, 1_000 + number, time.monotonic()))
        await bus.write(f"sensor-{unit}", "value_0", 1_000 + number, timeout_s=2.0)
    return calls


def measure(baud: int, turnaround_s: float, kind: str, seconds: float) -> Row:
    """Poll one map at one speed, then write during it."""
    addresses = MAPS[kind]
    best_s, longest_s = optimum_s(baud, turnaround_s, addresses)

    async def run(port: str) -> tuple[float, list[tuple[int, int, float]]]:
        async with running(port, baud, addresses) as (bus, sink):
            await asyncio.sleep(SETTLE_S + SETTLE_CYCLES * best_s)
            cycle_s = await _cycle_s(sink, max(seconds, 2 * best_s))
            return cycle_s, await _write_latencies(bus, seconds)

    with paced_line(baud, turnaround_s) as (port, counted):
        cycle_s, calls = asyncio.run(run(port))
    at_device = {(unit, value): end_s for unit, _, value, end_s in counted["writes"]}
    late_s = [at_device[unit, value] - called_s for unit, value, called_s in calls]
    return {
        "baud": baud,
        "turnaround_ms": 1000 * turnaround_s,
        "map": kind,
        "optimum_s": best_s,
        "cycle_s": cycle_s,
        "ratio": cycle_s / best_s,
        "write_ms_max": 1000 * max(late_s),
        "write_bound_ms": 1000 * longest_s + 20,
        "early": counted["early"],
    }


def measure_fixed(seconds: float) -> float:
    """Return the cycle of the sparse map at 9,600 baud and 5 ms with a fixed bridge of 50."""

    async def run(port: str) -> float:
        async with running(port, 9_600, SPARSE, bridge=50) as (_, sink):
            await asyncio.sleep(SETTLE_S)
            return await _cycle_s(sink, max(seconds, 34.0))

    with paced_line(9_600, 0.005) as (port, _):
        return asyncio.run(run(port))


def measure_dead(seconds: float) -> float:
    """Return the cycle of the dense map at 9,600 baud and 5 ms with one device dead."""

    async def run(port: str) -> float:
        async with running(port, 9_600, DENSE) as (_, sink):
            await asyncio.sleep(BACK_OFF_S)
            return await _cycle_s(sink, max(4 * seconds, 20.0), alive=DEVICES - 1)

    with paced_line(9_600, 0.005, DEAD_UNIT) as (port, _):
        return asyncio.run(run(port))


def compare(*, quick: bool, seconds: float) -> Row:
    """Run everything."""
    rows = []
    for baud, turnaround_s in QUICK_CASES if quick else CASES:
        for kind in MAPS:
            rows.append(measure(baud, turnaround_s, kind, seconds))
            _show_row(rows[-1])
    by_case = {(row["baud"], row["turnaround_ms"], row["map"]): row for row in rows}
    fixed_s = measure_fixed(seconds)
    dead_s = measure_dead(seconds)
    return {
        "rows": rows,
        "fixed_50_cycle_s": fixed_s,
        "faster_than_fixed_50": fixed_s / by_case[9_600, 5.0, "sparse"]["cycle_s"],
        "dead_cycle_s": dead_s,
        "dead_ratio": dead_s / by_case[9_600, 5.0, "dense"]["cycle_s"],
    }


def _show_row(row: Row) -> None:
    print(
        f"{row['baud']:>8}{row['turnaround_ms']:>6.0f} ms  {row['map']:8}"
        f"{row['optimum_s']:10.3f}{row['cycle_s']:10.3f}{row['ratio']:8.3f}"
        f"{row['write_ms_max']:12.1f}{row['write_bound_ms']:8.1f}{row['early']:7}",
        file=sys.stderr,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two speeds instead of six")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(
        f"{'baud':>8}{'answer':>9}  {'map':8}{'optimum s':>10}{'cycle s':>10}{'ratio':>8}"
        f"{'write ms':>12}{'bound':>8}{'early':>7}",
        file=sys.stderr,
    )
    result = compare(quick=options.quick, seconds=options.seconds)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print(
        f"sparse at 9600 baud: {result['faster_than_fixed_50']:.2f} x as fast as bridging a fixed "
        f"50 registers ({result['fixed_50_cycle_s']:.2f} s)\n"
        f"one dead of {DEVICES} after back-off: {result['dead_ratio']:.3f} x the cycle of all alive"
    )


if __name__ == "__main__":
    main()
