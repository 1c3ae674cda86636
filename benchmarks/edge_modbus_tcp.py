"""1,000 Modbus TCP devices x 20 points each second: the edge, and a naive poller.

    python -m benchmarks.edge_modbus_tcp [--devices 1000] [--seconds 4] [--json]

The devices run in a process of their own. Measured on one core, one after the other: the edge's bus
layer (one bus a device, samples counted by a sink); the whole agent as `campus edge run` starts it,
spool and all, publishing to a mosquitto of its own, values counted by who subscribes there; and a
poller that makes one pymodbus request per point, on both event loops.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiomqtt

from benchmarks import edge_points
from campus_wire.batch import decode_batch
from tests.support.servers import Mosquitto

POINTS_PER_DEVICE = 20
SETTLE_S = 4.0
_NAME = {"zh": "电表", "en": "meter"}

Figures = dict[str, float]


def write_site(folder: Path, ports: Sequence[int], *, broker_port: int) -> None:
    """Write `edge.yaml` for one bus a port, and the profile of the devices there."""
    (folder / "profiles").mkdir(exist_ok=True)
    profile = folder / "profiles" / "benchmark-meter.yaml"
    profile.write_text(json.dumps(edge_points.profile()), encoding="utf-8")
    config = {
        "gateway": "benchmark",
        "school": {"id": "s", "name": _NAME},
        "areas": [{"id": "r", "kind": "classroom", "name": _NAME}],
        "profiles": str(folder / "profiles"),
        "uplink": {"broker": {"host": "127.0.0.1", "port": broker_port}},
        "spool": {"path": str(folder / "spool.db")},
        "clock": {"source": "system"},
        "buses": [_bus(number, port) for number, port in enumerate(ports)],
    }
    (folder / "edge.yaml").write_text(json.dumps(config), encoding="utf-8")


def _bus(number: int, port: int) -> dict[str, Any]:
    device = {
        "id": f"meter-{number}",
        "profile": "benchmark-meter",
        "unit_id": 1,
        "area": "r",
        "name": _NAME,
        "interval_s": 1.0,
    }
    modbus = {"transport": "tcp", "host": "127.0.0.1", "port": port}
    return {"id": f"bus-{number}", "modbus": modbus, "devices": [device]}


@contextmanager
def device_farm(devices: int) -> Iterator[list[int]]:
    """Start the devices; yield their ports."""
    farm = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.device_farm", str(devices)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert farm.stdin is not None
    assert farm.stdout is not None
    try:
        yield json.loads(farm.stdout.readline())
    finally:
        farm.stdin.close()
        farm.wait(timeout=10)
        farm.stdout.close()


def _on_one_core(code: str, *arguments: str) -> list[str]:
    """The command that runs some code as if it were the main program, held on one core."""
    pin = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})"
    return [sys.executable, "-c", f"{pin}; {code}", *arguments]


def _poller(module: str, *arguments: str) -> Figures:
    """Run a module that prints its own figures."""
    done = subprocess.run(
        _on_one_core(
            f"import runpy; runpy.run_module({module!r}, run_name='__main__')", *arguments
        ),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    figures: Figures = json.loads(done.stdout)
    return figures


def _agent(folder: Path, seconds: float, broker_port: int) -> Figures:
    """Run the whole agent; take its figures from outside."""
    config = str(folder / "edge.yaml")
    command = _on_one_core("from campus_cli.main import main; main()", "edge", "run", "-c", config)
    with (folder / "agent.log").open("w") as log:
        agent = subprocess.Popen(command, stderr=log)
    try:
        time.sleep(SETTLE_S)
        before_s = _cpu_s(agent.pid)
        values, elapsed_s = asyncio.run(_count_values(broker_port, seconds))
        used_s = _cpu_s(agent.pid) - before_s
        pages = int(Path(f"/proc/{agent.pid}/statm").read_text(encoding="ascii").split()[1])
        rss_mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    finally:
        agent.terminate()
        agent.wait(timeout=15)
    return {"values": values, "seconds": elapsed_s, "cpu_s": used_s, "rss_mb": rss_mb}


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _count_values(broker_port: int, seconds: float) -> tuple[int, float]:
    values = 0
    started_s = time.monotonic()
    async with aiomqtt.Client("127.0.0.1", broker_port) as client:
        await client.subscribe("campus/1/up/benchmark/batch")
        try:
            async with asyncio.timeout(seconds):
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    values += decode_batch(message.payload).value_count
        except TimeoutError:
            pass
    return values, time.monotonic() - started_s


def compare(devices: int, seconds: float) -> dict[str, Any]:
    """Run everything against the same devices."""
    with tempfile.TemporaryDirectory() as name, device_farm(devices) as ports:
        folder = Path(name)
        with Mosquitto(folder / "mosquitto") as broker:
            write_site(folder, ports, broker_port=broker.port)
            rows = {
                "bus layer": _poller("benchmarks.edge_bus_process", name, str(seconds)),
                "whole agent": _agent(folder, seconds, broker.port),
            }
        for loop in ("asyncio", "uvloop"):
            arguments = (json.dumps(ports), str(seconds), loop)
            rows[f"naive, {loop}"] = _poller("benchmarks.edge_naive_poller", *arguments)
    for one in rows.values():
        one["values_per_cpu_s"] = one["values"] / one["cpu_s"]
        one["kept_up"] = one["values"] / (devices * POINTS_PER_DEVICE * one["seconds"])
        one["devices_kept_up"] = min(round(one["kept_up"] * devices), devices)
    return {"devices": devices, "rows": rows}


def show(result: dict[str, Any]) -> None:
    """Print the figures as a table."""
    rows = result["rows"]
    naive = {loop: rows[f"naive, {loop}"]["values_per_cpu_s"] for loop in ("asyncio", "uvloop")}
    print(f"{result['devices']} devices x {POINTS_PER_DEVICE} points each second, one core")
    print(
        f"{'':16}{'kept up':>9}{'devices':>9}{'cores':>7}{'CPU s/M':>9}{'RSS MB':>8}",
        *naive,
        sep="  x ",
    )
    for name, one in rows.items():
        times = [f"{one['values_per_cpu_s'] / other:9.1f}" for other in naive.values()]
        print(
            f"{name:16}{one['kept_up']:9.1%}{one['devices_kept_up']:9}"
            f"{one['cpu_s'] / one['seconds']:7.2f}"
            f"{1e6 / one['values_per_cpu_s']:9.2f}{one['rss_mb']:8.1f}",
            *times,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = compare(options.devices, options.seconds)
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        show(result)


if __name__ == "__main__":
    main()
