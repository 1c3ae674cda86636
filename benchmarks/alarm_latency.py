"""From a change of a gas value at the device to the notice at the webhook, amid other traffic.

A simulated gas detector on Modbus TCP, polled by a real edge agent; mosquitto; the controller with
rules and a real InfluxDB; a webhook receiver. Other gateways publish through the same broker and
controller meanwhile. The value jumps above its limit and back at random moments of the polling
interval; each jump is noted by the simulator at its instant, each notice by the receiver.

    python -m benchmarks.alarm_latency [--changes 60] [--rate 5000] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.alarm_load import DEVICES
from campus_cli.demo.accounts import Account
from tests.support.process import wait_until
from tests.support.school_run import SchoolRun
from tests.support.webhook_sink import Sink

HERE: Final = Path(__file__).parent
GAS: Final = "gas-1"
HIGH_PPM: Final = 90
LOW_PPM: Final = 8
POLL_INTERVAL_S: Final = 0.5
GOAL_BEYOND_POLL_MS: Final = 100
NOTICE_S_MAX: Final = 15.0
VALUES_A_GATEWAY: Final = 50
"""16 devices of `district`: 10 with three values, 4 with four, 2 with two, once a second."""
PAUSE_S: Final = (0.2, 0.7)
SECONDS_A_CHANGE: Final = 1.3
"""How much traffic to make for each change: waits, latency and some to spare."""


@dataclass
class Change:
    """A jump of the value: which notice it must cause, and when it came, in ns."""

    kind: str
    changed_ns: int
    noticed_ns: int | None = None


def measure(*, changes: int, rate: int, directory: Path) -> dict[str, Any]:
    """Run everything; return the figures."""
    guest = Account("load", secrets.token_urlsafe(16), ("campus/1/up/#",), ())
    school = SchoolRun(
        directory, HERE / "alarm_school.yaml", HERE / "alarm_rules.yaml", guests=[guest]
    )
    sink = Sink(
        school.layout.ports.sink,
        secret=school.layout.sink_secret.read_bytes().strip(),
        log=school.layout.sink_log,
        hangs_up=lambda: False,
    )
    try:
        with sink:
            school.start()
            wait_until(lambda: len(school.api("/devices?limit=100")["devices"]) > 0, what="devices")
            return _measure_amid_traffic(school, guest, changes=changes, rate=rate)
    finally:
        school.stop()


def _measure_amid_traffic(
    school: SchoolRun, guest: Account, *, changes: int, rate: int
) -> dict[str, Any]:
    gateways = max(1, round(rate / VALUES_A_GATEWAY))
    seconds = int(5 + SECONDS_A_CHANGE * changes)
    load = subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmarks.alarm_load", str(school.broker.port)),
            *(guest.name, guest.password, str(gateways), str(seconds)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert load.stdout is not None
    try:
        load.stdout.readline()
        before = school.metric("campus_controller_values_stored_total")
        wait_until(
            lambda: school.metric("campus_controller_values_stored_total") > before + rate,
            what="the other traffic in the store",
        )
        started_s, before = time.monotonic(), _stored(school)
        made = _jump(school, changes)
        reached = (_stored(school) - before) / (time.monotonic() - started_s)
        sent = json.loads(load.stdout.readline())
    finally:
        load.kill()
        load.wait()
        load.stdout.close()
    return {
        "devices_of_others": gateways * DEVICES,
        "values_per_s_stored": round(reached),
        "load_late_s_max": sent["late_s_max"],
        **_figures(made),
    }


def _stored(school: SchoolRun) -> float:
    return school.metric("campus_controller_values_stored_total")


def _jump(school: SchoolRun, changes: int) -> list[Change]:
    dice = random.Random(1)
    made: list[Change] = []
    for number in range(changes):
        time.sleep(dice.uniform(*PAUSE_S))
        kind, ppm = ("cleared", LOW_PPM) if number % 2 else ("raised", HIGH_PPM)
        asked_ns = time.time_ns()
        school.order(do="set", device=GAS, point="concentration", value=ppm)
        # Between asking and the answer lies the change itself; the truth log holds its instant.
        changed_ns = _changed_ns(school, asked_ns)
        made.append(Change(kind, changed_ns, _noticed_ns(school, kind, changed_ns)))
    return made


def _changed_ns(school: SchoolRun, asked_ns: int) -> int:
    def found() -> list[int]:
        lines = [json.loads(line) for line in _tail(school.layout.truth)]
        return [
            line["t"]
            for line in lines
            if line["device"] == GAS and "change" in line and line["t"] >= asked_ns
        ]

    wait_until(lambda: bool(found()), what="the change in the simulators' log", timeout_s=5)
    return found()[0]


def _noticed_ns(school: SchoolRun, kind: str, changed_ns: int) -> int | None:
    def found() -> list[int]:
        lines = [json.loads(line) for line in _tail(school.layout.sink_log)]
        return [
            line["t"]
            for line in lines
            if line["t"] >= changed_ns
            and line["notice"]["kind"] == kind
            and line["notice"]["device"] == GAS
        ]

    try:
        wait_until(lambda: bool(found()), what="the notice", timeout_s=NOTICE_S_MAX)
    except TimeoutError:
        return None
    return found()[0]


def _tail(path: Path, limit_bytes: int = 64 * 1024) -> list[bytes]:
    """Return the last whole lines of a file."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - limit_bytes))
        lines = file.read().split(b"\n")
    return lines[1:-1] if size > limit_bytes else lines[:-1]


def _figures(made: list[Change]) -> dict[str, Any]:
    delays_ms = sorted(
        (one.noticed_ns - one.changed_ns) / 1e6 for one in made if one.noticed_ns is not None
    )
    goal_ms = POLL_INTERVAL_S * 1000 + GOAL_BEYOND_POLL_MS
    figures: dict[str, Any] = {
        "changes": len(made),
        "notices": len(delays_ms),
        "poll_interval_ms": round(POLL_INTERVAL_S * 1000),
        "goal_p99_ms": round(goal_ms),
    }
    if delays_ms:
        figures |= {
            "p50_ms": round(delays_ms[len(delays_ms) // 2]),
            "p99_ms": round(delays_ms[min(len(delays_ms) - 1, int(len(delays_ms) * 0.99))]),
            "max_ms": round(delays_ms[-1]),
        }
        figures["goal_met"] = figures["p99_ms"] <= goal_ms and len(delays_ms) == len(made)
    return figures


def main() -> int:
    """Measure and print; 1 when a notice never came."""
    parser = argparse.ArgumentParser(description="latency of an alarm")
    parser.add_argument("--changes", type=int, default=60)
    parser.add_argument("--rate", type=int, default=5000, help="values a second of other gateways")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="campus-alarm-") as directory:
        figures = measure(changes=options.changes, rate=options.rate, directory=Path(directory))
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0 if figures["notices"] == figures["changes"] else 1


if __name__ == "__main__":
    sys.exit(main())
