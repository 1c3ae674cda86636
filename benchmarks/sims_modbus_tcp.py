"""What one process of simulated Modbus TCP devices serves, and what it costs.

    python -m benchmarks.sims_modbus_tcp [DEVICES]

DEVICES (400) devices with 20 live points each, every one behind a port of its own, with physics and
truth log. Once at the pace of a school (each device is asked once a second, so each answer is made
anew) and once as fast as it goes on 20 connections. Figures are of the simulators' process alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import uvloop

POINTS = 20
PACED_S = 5.0
FLAT_OUT_S = 3.0
FLAT_OUT_CONNECTIONS = 20
PIPELINED = 20
REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, POINTS)
ANSWER_BYTES = 9 + 2 * POINTS


def write_school(folder: Path, devices: int) -> Path:
    """A school of meters with 20 numbers each that all move."""
    points = [
        {
            "name": f"temperature_{n}",
            "unit": "°C",
            "labels": {"zh": "温度", "en": "temperature"},
            "read": {"input_type": "holding", "address": n, "data_type": "int16", "scale": 0.1},
        }
        for n in range(POINTS)
    ]
    profile = {
        "id": "bench-20",
        "vendor": "bench",
        "model": "bench",
        "category": "other",
        "labels": {"zh": "基准", "en": "benchmark"},
        "evidence": "bench",
        "sources": [{"ref": "made up", "kind": "benchmark"}],
        "protocol": "modbus",
        "modbus": {"address_base": 0},
        "points": points,
    }
    (folder / "profiles").mkdir()
    (folder / "profiles" / "bench-20.yaml").write_text(json.dumps(profile), encoding="utf-8")
    name = {"zh": "基准", "en": "benchmark"}
    device = {"id": "d-{n0}", "profile": "bench-20", "area": "r1", "name": name, "unit_id": 1}
    bus = {
        "repeat": {"n0": list(range(devices))},
        "id": "b-{n0}",
        "modbus": {"transport": "tcp"},
        "devices": [device],
    }
    school = {
        "school": {"id": "bench", "name": name},
        "profiles": "profiles",
        "areas": [{"id": "r1", "kind": "classroom", "name": name}],
        "gateways": [{"id": "bench-1", "buses": [bus]}],
    }
    path = folder / "school.yaml"
    path.write_text(json.dumps(school), encoding="utf-8")
    return path


async def ask(port: int, *, count: int, pause_s: float, until_s: float) -> int:
    """Ask one device for all its points, `count` requests at once; return how many."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = 0
    while time.monotonic() < until_s:
        writer.write(REQUEST * count)
        answer = await reader.readexactly(ANSWER_BYTES * count)
        assert answer[7] == 3
        asked += count
        await asyncio.sleep(pause_s)
    writer.close()
    return asked


async def measure(ports: list[int], process: psutil.Process, **load: float) -> dict[str, float]:
    """Put a load on the devices; return what the process did with it."""
    seconds = load["for_s"]
    until_s = time.monotonic() + seconds
    before = process.cpu_times()
    asked = await asyncio.gather(
        *(
            ask(port, count=int(load["count"]), pause_s=load["pause_s"], until_s=until_s)
            for port in ports
        )
    )
    after = process.cpu_times()
    cpu_s = after.user + after.system - before.user - before.system
    return {
        "requests_per_s": round(sum(asked) / seconds),
        "cpu_percent": round(100 * cpu_s / seconds, 1),
        "requests_per_cpu_s": round(sum(asked) / max(cpu_s, 0.01)),
        "values_per_cpu_s": round(POINTS * sum(asked) / max(cpu_s, 0.01)),
    }


async def load(ports: list[int], pid: int) -> dict[str, object]:
    """Both loads, one after the other."""
    process = psutil.Process(pid)
    paced = await measure(ports, process, count=1, pause_s=1.0, for_s=PACED_S)
    few = ports[:FLAT_OUT_CONNECTIONS]
    flat_out = await measure(few, process, count=PIPELINED, pause_s=0.0, for_s=FLAT_OUT_S)
    rss_mb = round(process.memory_info().rss / 2**20, 1)
    return {"devices": len(ports), "paced": paced, "flat_out": flat_out, "rss_mb": rss_mb}


def main() -> None:
    devices = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        school = write_school(folder, devices)
        command = [sys.executable, "-c", "from firmware_sims.cli import app; app()", "run"]
        command += [str(school), "--json", "--truth", str(folder / "truth.jsonl")]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        try:
            assert process.stdout is not None
            started = json.loads(process.stdout.readline())
            figures = uvloop.run(load(list(started["ports"].values()), process.pid))
        finally:
            process.terminate()
            process.wait(20)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
