"""What the edge agent keeps in memory: with one device, with the demo's, and with hundreds.

    python -m benchmarks.edge_memory [--devices 500] [--seconds 10] [--json]

Simulators in another process, a mosquitto of its own, and the agent as `campus edge run` starts it.
Nobody acks, so that everything stays in the spool and is sent again, as in an outage. Resident
memory (VmRSS, in units of 2**20 bytes) is read when the agent says that it runs, and for SECONDS
more, of which the highest counts; devices are read every 2 s. `peak` (VmHWM) is the most since the
agent began to run; `sockets` are all it has open, one for each Modbus TCP endpoint and a few more.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from campus_cli import demo
from tests.support.servers import Mosquitto

ENDPOINTS: Final = 100
LOOK_S: Final = 0.5
START_S: Final = 60.0
_NAME: Final = {"zh": "基准", "en": "benchmark"}
_AREAS: Final = [{"id": "r1", "kind": "classroom", "name": _NAME}]
_PROFILES: Final = ("pzem-016", "dfrobot-sen0644", "elt-mb-350u-c", "haier-ycj-a002", "xy-md02")

Figures = dict[str, float]
Json = dict[str, Any]


def school_of(devices: int, endpoints: int) -> Json:
    """A described school: so many devices of several kinds behind so many TCP endpoints."""
    buses = []
    for bus in range(endpoints):
        numbers = range(bus, devices, endpoints)
        buses.append(
            {
                "id": f"bus-{bus}",
                "modbus": {"transport": "tcp"},
                "devices": [_device(number, unit) for unit, number in enumerate(numbers, start=1)],
            }
        )
    return {
        "school": {"id": "bench", "name": _NAME},
        "areas": _AREAS,
        "gateways": [{"id": "bench-1", "buses": buses}],
    }


def _device(number: int, unit: int) -> Json:
    return {
        "id": f"d-{number}",
        "profile": _PROFILES[number % len(_PROFILES)],
        "area": "r1",
        "name": _NAME,
        "unit_id": unit,
        "interval_s": 2.0,
    }


@contextmanager
def running_school(folder: Path, school: Path, broker: Mosquitto) -> Iterator[list[Path]]:
    """Run the simulators of a school; yield the configuration of each of its gateways."""
    folder.mkdir()
    address = f"{broker.host}:{broker.port}"
    command = [sys.executable, "-m", "campus_cli.main", "sims", "run", str(school)]
    command += ["--print-edge-config", str(folder), "--uplink", address, "--broker", address]
    command += ["--lines", str(folder / "lines"), "--json"]
    sims = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sims.stdout is not None
    try:
        json.loads(sims.stdout.readline())  # they run, and the configurations are written
        yield sorted(folder.glob("*.yaml"))
    finally:
        sims.terminate()
        sims.communicate(timeout=20)


def memory_of(config: Path, seconds: float) -> Figures:
    """Run one agent and take its figures."""
    log_path = config.with_suffix(".log")
    command = [sys.executable, "-m", "campus_cli.main", "edge", "run", "-c", str(config)]
    with log_path.open("w", encoding="utf-8") as log:
        agent = subprocess.Popen(command, stderr=log)
    try:
        devices = _wait_until_it_runs(log_path)
        at_start = running = status_mb(agent.pid)["VmRSS"]
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            time.sleep(LOOK_S)
            running = max(running, status_mb(agent.pid)["VmRSS"])
        last = status_mb(agent.pid)
        sockets = _sockets(agent.pid)
    finally:
        agent.terminate()
        agent.wait(timeout=20)
    return {
        "devices": devices,
        "sockets": sockets,
        "start_mb": at_start,
        "running_mb": running,
        "anonymous_mb": last["RssAnon"],
        "files_mb": last["RssFile"],
        "peak_mb": last["VmHWM"],
    }


def _wait_until_it_runs(log: Path) -> int:
    """Return how many devices the agent says it has."""
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        found = re.search(r"runs: (\d+) devices", log.read_text(encoding="utf-8"))
        if found is not None:
            return int(found[1])
        time.sleep(0.05)
    raise TimeoutError(f"the agent does not run: {log.read_text(encoding='utf-8')[-500:]}")


def status_mb(pid: int) -> Figures:
    """Return the sizes in /proc/PID/status."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return {
        name: round(int(kilobytes) / 1024, 1)
        for name, kilobytes in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
    }


def _sockets(pid: int) -> int:
    files = Path(f"/proc/{pid}/fd").iterdir()
    return sum(str(file.readlink()).startswith("socket:") for file in files)


def measure(devices: int, seconds: float) -> dict[str, Figures]:
    """Return the figures of every case."""
    rows: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cases = {
            "one device": _write(folder / "one.yaml", school_of(1, 1)),
            "demo": Path(demo.__file__).parent / "school.yaml",
            f"{devices} devices": _write(folder / "many.yaml", school_of(devices, ENDPOINTS)),
        }
        with Mosquitto(folder / "mosquitto") as broker:
            for number, (case, school) in enumerate(cases.items()):
                with running_school(folder / f"run-{number}", school, broker) as configs:
                    for config in configs:
                        name = case if len(configs) == 1 else f"{case}, {config.stem}"
                        rows[name] = memory_of(config, seconds)
    return rows


def _write(path: Path, school: Json) -> Path:
    path.write_text(json.dumps(school), encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.devices, options.seconds)
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'':22}", *(f"{one:>13}" for one in next(iter(rows.values()))), sep="")
    for case, figures in rows.items():
        print(f"{case:22}", *(f"{value:13}" for value in figures.values()), sep="")


if __name__ == "__main__":
    main()
