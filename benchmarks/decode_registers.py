"""How long decoding a reply takes for each value.

    python -m benchmarks.decode_registers [SECONDS]

One device of 20 points, as scaled 16-bit integers, as 32-bit integers with swapped words, as 32-bit
floats, as decimal digits, and as lines from point to point; each as columns (what a busy gateway
uses) and as readings. Then 20 SunSpec points with a scale factor each, finished from readings.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from campus_wire.quality import Quality
from device_profiles.combining import Combiner
from device_profiles.decoding import ReplyDecoder
from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from device_profiles.reading import Reading

POINTS = 20
CURVE = [[0, 0], [220, 50], [1000, 100]]


def document_of(data_type: str, byte_order: str, **keys: Any) -> dict[str, Any]:
    width = 1 if data_type.endswith("16") else 2
    return {
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
                    **keys,
                },
            }
            for index in range(POINTS)
        ],
    }


def profile_of(data_type: str, byte_order: str, **keys: Any) -> ModbusProfile:
    document = document_of(data_type, byte_order, **keys)
    return ModbusProfile.model_validate_json(json.dumps(document))


def microseconds_per_value(
    decode: Callable[[Any], object], raw: object, values: int, seconds: float
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


def digits() -> list[int]:
    return [word for index in range(POINTS) for word in (0, int(str(2000 + 3 * index), 16))]


def swapped(registers: list[int]) -> list[int]:
    return [word for i in range(0, len(registers), 2) for word in reversed(registers[i : i + 2])]


def with_scale_factors() -> tuple[Callable[[Any], object], dict[str, Reading]]:
    document = document_of("int16", "ABCD")
    for index, point in enumerate(list(document["points"])):
        read = {"input_type": "holding", "address": POINTS + index, "data_type": "int16"}
        factor = {"name": f"sf{index}", "hidden": True, "read": read}
        point["read"]["scale_factor"] = factor["name"]
        document["points"].append(factor)
    profile = ModbusProfile.model_validate_json(json.dumps(document))
    combiner = Combiner.of(profile, profile.points[:POINTS])
    assert combiner is not None
    values = {point.name: -1 if point.hidden else 2301 for point in profile.points}
    known = {name: Reading(name, value, Quality.GOOD) for name, value in values.items()}
    return combiner.combine, known


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    words = swapped(registers_of("uint32"))
    cases = [
        ("20 x int16 / 10", profile_of("int16", "ABCD", scale=0.1), registers_of("int16")),
        ("20 x uint32 CDAB / 1000", profile_of("uint32", "CDAB", scale=0.001), words),
        ("20 x float32", profile_of("float32", "ABCD"), registers_of("float32")),
        ("20 x uint32 BCD", profile_of("uint32", "ABCD", encoding="bcd"), digits()),
        ("20 x int16 on a curve", profile_of("int16", "ABCD", curve=CURVE), registers_of("int16")),
    ]
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
    combine, known = with_scale_factors()
    finished = microseconds_per_value(combine, known, POINTS, seconds)
    print(f"{'20 x int16, scale factors':28} {finished:6.3f} µs/value to finish readings")


if __name__ == "__main__":
    main()
