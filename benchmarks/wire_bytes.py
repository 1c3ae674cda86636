"""Bytes a value on the wire, and what a value costs to encode and to decode.

Batches are made as the edge makes them: every second each device is read once, three values each
(temperature to 0.1 °C, humidity to 0.1 %RH, CO2 to 1 ppm, each a random walk from a start drawn
over the range of a school: 18–26 °C, 35–65 %RH, 420–1400 ppm), and a batch closes after one second
or 500 values.

- `17 devices`: one serial line at 9,600 baud, read in turn, 49–53 ms apart; 51 values a batch.
- `500 devices on 30 lines`: the same, lines interleaved as their answers come.
- `500 devices over TCP`: answers 1–2 ms apart in the order of the catalog.

    python -m benchmarks.wire_bytes [--json]
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from campus_wire.batch import Batch, Sample, blocks_of, decode_batch, encode_batch

VALUES_MAX: Final = 500
POINTS: Final = (0, 1, 2)
SECONDS: Final = 40
SECOND_NS: Final = 1_000_000_000
REPEATS: Final = 5
TOPIC: Final = "campus/1/up/demo-school-1/batch"
_EPOCH: Final = "0b9f6a2e-8c1d-4a56-9d9c-3f4e5a6b7c8d"
_CATALOG: Final = "5f0c1b2a3d4e5f60"
_START_MS: Final = 1_780_000_000_123


class Case(NamedTuple):
    """A school: how many devices on how many lines, and the limit to keep."""

    name: str
    devices: int
    lines: int
    gap_ms: tuple[int, int]
    bytes_a_value_max: float


CASES: Final = (
    Case("17 devices", 17, 1, (49, 53), 5.0),
    Case("500 devices on 30 lines", 500, 30, (49, 53), 3.0),
    Case("500 devices over TCP", 500, 1, (1, 2), 3.0),
)


class Room:
    """Three quantities that walk at random."""

    def __init__(self, noise: random.Random) -> None:
        self._noise = noise
        self._temperature = noise.uniform(18, 26)
        self._humidity = noise.uniform(35, 65)
        self._co2 = noise.uniform(420, 1400)

    def read(self) -> tuple[float, float, float]:
        """Walk one second and return the rounded readings."""
        self._temperature += self._noise.gauss(0, 0.05)
        self._humidity += self._noise.gauss(0, 0.2)
        self._co2 += self._noise.gauss(0, 6)
        return round(self._temperature, 1), round(self._humidity, 1), float(round(self._co2))


def batches(case: Case, seed: int = 7) -> Iterator[Batch]:
    """Make the batches of `SECONDS` seconds."""
    noise = random.Random(seed)
    rooms = [Room(noise) for _ in range(case.devices)]
    first = 48_213
    held: list[Sample] = []
    for second in range(SECONDS):
        for sample in sorted(_second(case, rooms, noise, second), key=lambda one: one.time_ns):
            if held and sample.time_ns - held[0].time_ns >= SECOND_NS:
                yield Batch(_EPOCH, first, _CATALOG, blocks_of(held))
                first, held = first + len(held), []
            held.append(sample)
            if (len(held) + 1) * len(POINTS) > VALUES_MAX:
                yield Batch(_EPOCH, first, _CATALOG, blocks_of(held))
                first, held = first + len(held), []


def _second(case: Case, rooms: list[Room], noise: random.Random, second: int) -> Iterator[Sample]:
    a_line = -(-case.devices // case.lines)
    for line in range(case.lines):
        at_ms = _START_MS + 1_000 * second + noise.randrange(30)
        for device in range(line * a_line, min(case.devices, (line + 1) * a_line)):
            yield Sample(device, POINTS, at_ms * 1_000_000, rooms[device].read(), (0, 0, 0))
            at_ms += noise.randint(*case.gap_ms)


def measure(case: Case) -> dict[str, float | str]:
    """Encode and decode; times are the best of `REPEATS` runs, in CPU time of this process."""
    made = list(batches(case))
    values = sum(batch.value_count for batch in made)
    payloads: list[bytes] = []
    encode_s = decode_s = float("inf")
    for _ in range(REPEATS):
        started_s = time.process_time()
        payloads = [encode_batch(batch) for batch in made]
        encode_s = min(encode_s, time.process_time() - started_s)
        started_s = time.process_time()
        for payload in payloads:
            decode_batch(payload)
        decode_s = min(decode_s, time.process_time() - started_s)
    size = sum(map(len, payloads))
    # PUBLISH: 1 byte, remaining length, topic with its length, packet id (MQTT 3.1.1, 3.3)
    headers = sum(1 + (1 if len(p) < 90 else 2) + 2 + len(TOPIC) + 2 for p in payloads)
    return {
        "case": case.name,
        "batches": len(made),
        "values_a_batch": round(values / len(made), 1),
        "bytes_a_value": round(size / values, 2),
        "bytes_a_value_max": case.bytes_a_value_max,
        "bytes_a_value_with_mqtt": round((size + headers) / values, 2),
        "encode_us_a_value": round(encode_s / values * 1e6, 3),
        "decode_us_a_value": round(decode_s / values * 1e6, 3),
    }


def main() -> int:
    """Measure, print, and say by the exit code whether the limits are kept."""
    results = [measure(case) for case in CASES]
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": "wire_bytes", "results": results}, indent=2))
    else:
        print(__doc__)
        for result in results:
            print("  ".join(f"{key} {value}" for key, value in result.items()))
    kept = [case.bytes_a_value_max >= float(r["bytes_a_value"])
            for case, r in zip(CASES, results, strict=True)]  # fmt: skip
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
