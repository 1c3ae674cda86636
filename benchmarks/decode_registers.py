"""How long decoding a reply takes for each value.

    python -m benchmarks.decode_registers [SECONDS]

One device of 20 points, as scaled 16-bit integers, as 32-bit integers with swapped words, and as
32-bit floats; each as columns (what a busy gateway uses) and as readings.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Callable, Sequence

from device_profiles.decoding import ReplyDecoder
from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads

POINTS = 20


def profile_of(data_type: str, byte_order: str, scale: float) -> ModbusProfile:
    width = 1 if data_type.endswith("16") else 2
    document = {
        "id": "bench",
        "vendor": "bench",
        "model": "bench",
        "category": "other",
        "labels": {"zh": "基准", "en": "benchmark"},
        "evidence": "bench",
        "sources": [{"ref": "made up", "kind": "benchmark"}],
        "protocol": "modbus",
        "modbus": {"address_base": 0, "byte_order": byte_order},
        "points": [
            {
                "name": f"p{index}",
                "labels": {"zh": "值", "en": "value"},
                "minimum": -1000,
                "maximum": 100000,
                "read": {
                    "input_type": "holding",
                    "address": index * width,
                    "data_type": data_type,
                    "scale": scale,
                },
            }
            for index in range(POINTS)
        ],
    }
    return ModbusProfile.model_validate_json(json.dumps(document))


def microseconds_per_value(
    decode: Callable[[Sequence[int]], object], raw: Sequence[int], values: int, seconds: float
) -> float:
    rounds = 0
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(1_000):
            decode(raw)
        best = min(best, time.perf_counter() - start)
        rounds += 1
    return best / 1_000 / values * 1e6


def registers_of(data_type: str) -> list[int]:
    numbers = [200 + 3 * index for index in range(POINTS)]
    if data_type == "int16":
        return numbers
    code = "f" if data_type == "float32" else "I"
    values = [number + 0.1 for number in numbers] if code == "f" else numbers
    packed = struct.pack(f">{POINTS}{code}", *values)
    return list(struct.unpack(f">{2 * POINTS}H", packed))


def swapped(registers: list[int]) -> list[int]:
    return [word for i in range(0, len(registers), 2) for word in reversed(registers[i : i + 2])]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    cases = [
        ("20 x int16 / 10", profile_of("int16", "ABCD", 0.1), registers_of("int16")),
        ("20 x uint32 CDAB / 1000", profile_of("uint32", "CDAB", 0.001), registers_of("uint32")),
        ("20 x float32", profile_of("float32", "ABCD", 1.0), registers_of("float32")),
    ]
    cases[1] = (cases[1][0], cases[1][1], swapped(cases[1][2]))
    meter = Library.builtin().get("pzem-016")
    assert isinstance(meter, ModbusProfile)
    reply = [0x0898, 0x03E8, 0, 0x0898, 0, 0, 0, 0x01F4, 0x0064, 0]
    cases.append(("pzem-016 (7 values)", meter, reply))
    for name, profile, raw in cases:
        [request] = plan_reads(profile, profile.points)
        decoder = ReplyDecoder(profile, request)
        values = len(decoder.points)
        columns = microseconds_per_value(decoder.decode, raw, values, seconds)
        readings = microseconds_per_value(decoder.readings, raw, values, seconds)
        print(f"{name:28} {columns:6.3f} µs/value as columns {readings:6.3f} as readings")


if __name__ == "__main__":
    main()
