"""The comparison: one pymodbus request per point, as tutorials and many gateways do it.

    python -m benchmarks.edge_naive_poller PORTS_JSON SECONDS [asyncio|uvloop]

Every device has one pymodbus client, and a task that reads each of its 20 points each second by a
request of its own, decodes it with pymodbus, scales it and keeps the reading as a dictionary.
Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence

import uvloop
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.edge_points import NAIVE_POINTS
from benchmarks.process_figures import cpu_s, rss_mb

INTERVAL_S = 1.0


async def _device(number: int, port: int, end_s: float, last: dict[str, object]) -> int:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=3, retries=0)
    await client.connect()
    values = 0
    beat_s = time.monotonic()
    while beat_s < end_s:
        for name, address, count, kind, scale in NAIVE_POINTS:
            if time.monotonic() >= end_s:
                break
            reply = await client.read_holding_registers(address, count=count, device_id=1)
            if reply.isError():
                continue
            number_read = client.convert_from_registers(list(reply.registers), kind)
            assert isinstance(number_read, int | float)
            last[f"{number}.{name}"] = {
                "device": number,
                "point": name,
                "value": number_read * scale,
                "time": time.time(),
            }
            values += 1
        beat_s += INTERVAL_S
        await asyncio.sleep(max(0.0, beat_s - time.monotonic()))
    client.close()
    return values


async def _poll(ports: Sequence[int], seconds: float) -> None:
    last: dict[str, object] = {}
    before_s = cpu_s()
    started_s = time.monotonic()
    counts = await asyncio.gather(
        *(_device(number, port, started_s + seconds, last) for number, port in enumerate(ports))
    )
    figures = {
        "values": sum(counts),
        "seconds": time.monotonic() - started_s,
        "cpu_s": cpu_s() - before_s,
        "rss_mb": rss_mb(),
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    _run = uvloop.run if sys.argv[3:] == ["uvloop"] else asyncio.run
    _run(_poll(json.loads(sys.argv[1]), float(sys.argv[2])))
