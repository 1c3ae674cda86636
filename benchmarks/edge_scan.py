"""A scan of one serial line: how long beside what it must take, and who is recognised.

    python -m benchmarks.edge_scan [--baud 9600] [--devices 32] [--models 12] [--units 247] [--json]

A pseudo-terminal on which bytes take their real time carries simulated devices of as many models as
asked for, spread over the unit ids; only every other model tells its name when asked. Time is
compared with the sum of what each request takes on the wire, with its answer's turnaround or its
time-out. A device counts as identified when its profile is the first one proposed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from edge_agent.finding.matching import Matcher
from edge_agent.finding.scan import ScanResult, SerialScan, scan_serial
from edge_agent.finding.settings import SILENT_S, SerialSetting, ordered_units
from firmware_sims.build import build_world
from firmware_sims.device import Answer
from firmware_sims.modbus.serial import LineTiming, SerialLine
from firmware_sims.modbus.service import ServiceContext, UnitService
from firmware_sims.school import plan_school
from firmware_sims.school_file import SchoolFile
from firmware_sims.truth import TruthLog

TURNAROUND_S = 0.01
_NAME = {"zh": "设备", "en": "device"}


def chosen_models(count: int, *, seed: int = 1) -> list[str]:
    """Return so many models that a simulator can be made of, spread over the categories."""
    profiles = [one for one in Library.builtin() if isinstance(one, ModbusProfile)]
    dice = random.Random(seed)
    dice.shuffle(profiles)
    first = list({one.category: one for one in reversed(profiles)}.values())
    rest = [one for one in profiles if one not in first]
    usable = [one.id for one in [*first, *rest] if not one.id.startswith("generic")]
    return usable[:count]


def planted(models: list[str], devices: int, units: int, *, seed: int = 1) -> dict[int, str]:
    """Return which model is at which unit id."""
    dice = random.Random(seed)
    places = sorted(dice.sample(range(1, units + 1), devices))
    return {unit: models[at % len(models)] for at, unit in enumerate(places)}


async def serve(plants: dict[int, str], baud: int) -> None:
    """Answer on a pseudo-terminal; print its path, end with standard input."""
    entries = [
        {"id": f"d{unit}", "profile": model, "unit_id": unit, "area": "r1", "name": _NAME}
        for unit, model in plants.items()
    ]
    file = {
        "school": {"id": "test", "name": _NAME},
        "areas": [{"id": "r1", "kind": "classroom", "name": _NAME}],
        "gateways": [
            {
                "id": "test-1",
                "buses": [
                    {"id": "line", "modbus": {"transport": "rtu"}, "devices": entries},
                ],
            }
        ],
    }
    plan = plan_school(SchoolFile.model_validate_json(orjson.dumps(file)), Path())
    world = build_world(plan, Library.builtin(), seed=7)
    begun_s = time.monotonic()
    models = sorted(set(plants.values()))
    for device in world.modbus.values():
        if models.index(plants[device.unit_id]) % 2:
            _silence_identity(device)
    context = ServiceContext(lambda: 60.0 + time.monotonic() - begun_s, TruthLog(None))
    service = UnitService(world.modbus.values(), context, framing="rtu")
    timing = LineTiming(baud, real_byte_times=True, turnaround_s=TURNAROUND_S)
    line = SerialLine(service, timing=timing)
    await line.start()
    print(line.device_path, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await line.stop()


def _silence_identity(device: Any) -> None:
    """Make it refuse 43/14 and 17, as most cheap devices do."""
    answer = device.respond

    def respond(pdu: bytes, now_s: float) -> Any:
        if pdu[0] in (17, 43):
            return Answer(bytes([pdu[0] | 0x80, 1]))
        return answer(pdu, now_s)

    device.respond = respond


@contextmanager
def devices_on_a_line(plants: dict[int, str], baud: int) -> Iterator[str]:
    """Start them as a process of their own; yield the path of the line."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmarks.edge_scan"),
            *("--serve", json.dumps(plants), "--baud", str(baud)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)


def slow_turnaround_s(model: str) -> float:
    """Return what a simulated device takes to answer: half of what its maker says to wait."""
    profile = Library.builtin().get(model)
    assert isinstance(profile, ModbusProfile)
    stated_s = profile.modbus.response_timeout_s
    return TURNAROUND_S if stated_s is None else max(TURNAROUND_S, stated_s / 2)


def ideal_s(result: ScanResult, setting: SerialSetting, plants: dict[int, str]) -> float:
    """Return what the requests cost at the least: bytes, silences, turnarounds and time-outs."""
    traffic = result.traffic
    answered = traffic.requests - traffic.silent
    slow_s = sum(
        (slow_turnaround_s(plants[one.unit]) - TURNAROUND_S) * (1 + one.print_.requests)
        for one in result.found
    )
    return slow_s + (
        (traffic.bytes_sent + traffic.bytes_received) * setting.character_s
        + 2 * setting.silence_s * traffic.requests
        + answered * TURNAROUND_S
        + traffic.waited_in_vain_s
    )


def run(*, baud: int, devices: int, models: int, units: int, seed: int = 1) -> dict[str, Any]:
    """Scan once and return the figures."""
    plants = planted(chosen_models(models, seed=seed), devices, units, seed=seed)
    setting = SerialSetting(baud)
    matcher = Matcher(one for one in Library.builtin() if isinstance(one, ModbusProfile))
    result = ScanResult()
    with devices_on_a_line(plants, baud) as port:
        plan = SerialScan(port, (setting,), tuple(ordered_units(range(1, units + 1))))
        began_cpu_s = time.process_time()
        asyncio.run(scan_serial(plan, matcher, result, lambda _: None))
        cpu_s = time.process_time() - began_cpu_s
    named = {one.unit: [p.profile for p in one.print_.proposals] for one in result.found}
    wrong = {
        unit: {"is": model, "proposed": named.get(unit)}
        for unit, model in plants.items()
        if named.get(unit, [None])[:1] != [model]
    }
    least_s = ideal_s(result, setting, plants)
    first_pass_s = units * setting.absent_s(SILENT_S) - devices * SILENT_S
    return {
        "baud_rate": baud,
        "units": units,
        "devices": devices,
        "models": len(set(plants.values())),
        "slow_models": sorted(
            one for one in set(plants.values()) if slow_turnaround_s(one) > TURNAROUND_S
        ),
        "profiles": len(matcher.candidates),
        "found": len(result.found),
        "identified": devices - len(wrong),
        "not_identified": wrong,
        "requests": result.traffic.requests,
        "requests_per_device": round(
            sum(one.print_.requests for one in result.found) / max(1, len(result.found)), 1
        ),
        "took_s": round(result.took_s, 2),
        "least_s": round(least_s, 2),
        "ratio": round(result.took_s / least_s, 3),
        "ratio_to_one_request_a_unit": round(result.took_s / first_pass_s, 3),
        "cpu_s": round(cpu_s, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baud", type=int, default=9600)
    parser.add_argument("--devices", type=int, default=32)
    parser.add_argument("--models", type=int, default=12)
    parser.add_argument("--units", type=int, default=247)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        plants = {int(unit): model for unit, model in json.loads(options.serve).items()}
        asyncio.run(serve(plants, options.baud))
        return
    figures = run(
        baud=options.baud,
        devices=options.devices,
        models=options.models,
        units=options.units,
        seed=options.seed,
    )
    print(json.dumps(figures, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
