"""Controller ingest: gateways through a real mosquitto into a real InfluxDB, rules on.

Runs on the same machine, each into an empty database of the same InfluxDB 1.x, each warmed
by the first batch of every gateway, which makes its series and is not counted:

- a plain writer posts the very lines, made beforehand, as fast as they are taken: one request
  after the other (`plain`), and two at a time as the controller does (`plain_two`);
- the controller takes the same samples as batches over MQTT, evaluates rules and stores them;
- a naive controller (`controller_naive`) does the same with fewer of them.

    python -m benchmarks.controller_ingest [--gateways 200] [--batches 20] [--json FILE]
"""

from __future__ import annotations

import argparse
import http.client
import json
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.district import Load, make_loads
from campus_wire.batch import decode_batch
from controller.frames import CatalogTable
from controller.telemetry.line_protocol import LineEncoder
from tests.support.controller_process import ControllerProcess
from tests.support.servers import InfluxDB, Mosquitto

LINES_VALUES = 10_000
RUN_S_MAX = 60.0
IDLE_CPU_S = 0.1
RULES = """
rules:
  - id: too-hot
    kind: threshold
    name: {zh: 过热, en: Too hot}
    severity: warning
    alarm_class: comfort
    applies_to: {categories: [climate], points: [temperature]}
    above: 60
    deadband: 1
    consequence: {zh: 太热, en: It is too hot}
    action: {zh: 开窗, en: Open a window}
  - id: bad-air
    kind: threshold
    name: {zh: 空气差, en: Bad air}
    severity: info
    alarm_class: comfort
    applies_to: {categories: [climate], points: [co2]}
    above: 1500
    deadband: 100
    on_delay_s: 300
    consequence: {zh: 头晕, en: People get tired}
    action: {zh: 开窗, en: Open a window}
  - id: ammonia
    kind: threshold
    name: {zh: 氨气, en: Ammonia}
    severity: critical
    alarm_class: safety
    applies_to: {categories: [gas_detector], points: [concentration]}
    at_or_above: 45
    deadband: 5
    consequence: {zh: 中毒, en: People are harmed}
    action: {zh: 撤离, en: Leave the room}
  - id: overload
    kind: threshold
    name: {zh: 过载, en: Overload}
    severity: warning
    alarm_class: maintenance
    applies_to: {categories: [electricity_meter], points: [current]}
    above: 63
    deadband: 3
    consequence: {zh: 跳闸, en: The breaker trips}
    action: {zh: 减负荷, en: Switch something off}
  - id: silent
    kind: no_data
    name: {zh: 无数据, en: No data}
    severity: info
    alarm_class: diagnostic
    applies_to: {categories: [climate, gas_detector, electricity_meter]}
    consequence: {zh: 看不见, en: It is not seen}
    action: {zh: 检查, en: Check it}
"""


class Cpu:
    """CPU seconds of processes, between two looks."""

    def __init__(self, **pids: int) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self.restart()

    def restart(self) -> None:
        """Look for the first time again."""
        self._before = self._now()

    def used(self) -> dict[str, float]:
        """Return what each process has used since."""
        now = self._now()
        return {name: round(now[name] - self._before[name], 2) for name in now}

    def wait_until_idle(self, name: str) -> None:
        """Wait until a process has nearly nothing to do for a second."""
        while True:
            before_s = self._now()[name]
            time.sleep(1.0)
            if self._now()[name] - before_s < IDLE_CPU_S:
                return

    def _now(self) -> dict[str, float]:
        times = {name: one.cpu_times() for name, one in self._processes.items()}
        return {name: one.user + one.system for name, one in times.items()}


def lines_of(loads: list[Load], indices: range) -> Iterator[list[str]]:
    """Yield what the store's encoder makes of batches, in the order they are published."""
    encoder = LineEncoder()
    tables = {load.gateway: CatalogTable.of(load.catalog) for load in loads}
    for index in indices:
        for load in loads:
            frames = tables[load.gateway].frames_of(decode_batch(load.payloads[index]))
            yield [line for frame in frames for line in encoder.encode(frame)]


def bodies_of(loads: list[Load], indices: range) -> list[bytes]:
    """Return the bodies of a plain writer's requests for these batches of each gateway."""
    per_batch = loads[0].values // len(loads[0].payloads)
    together = max(1, LINES_VALUES // per_batch)
    bodies, lines = [], []
    for number, some in enumerate(lines_of(loads, indices), start=1):
        lines += some
        if number % together == 0:
            bodies.append("\n".join(lines).encode())
            lines = []
    if lines:
        bodies.append("\n".join(lines).encode())
    return bodies


def plain_writer(influx: InfluxDB, bodies: list[bytes], *, writers: int) -> float:
    """Post all bodies, so many at a time; return the seconds it took."""
    waiting = list(reversed(bodies))

    def work() -> None:
        connection = http.client.HTTPConnection(influx.host, influx.port)
        while waiting:
            try:
                body = waiting.pop()
            except IndexError:
                break
            connection.request("POST", f"/write?db={influx.database}&precision=ns", body)
            response = connection.getresponse()
            response.read()
            assert response.status == http.HTTPStatus.NO_CONTENT, response.status
        connection.close()

    started_s = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started_s


def run_load(broker: Mosquitto, loads: list[Load], directory: Path, cpu: Cpu) -> dict[str, Any]:
    """Publish all batches from a process of their own; return its figures and all CPU used."""
    path = directory / "loads.pickle"
    path.write_bytes(pickle.dumps(loads))
    command = [sys.executable, "-m", "benchmarks.controller_load", str(broker.port), str(path)]
    process = subprocess.Popen(
        [*command, str(RUN_S_MAX)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    cpu.wait_until_idle("controller")  # the catalogs have passed through
    cpu.restart()
    process.stdin.write("go\n")
    process.stdin.flush()
    figures: dict[str, Any] = json.loads(process.stdout.readline())
    figures["load_cpu_s"] = figures.pop("cpu_s")
    figures |= {f"{name}_cpu_s": used for name, used in cpu.used().items()}
    process.wait(10)
    return figures


def stored_samples(influx: InfluxDB) -> int:
    """Return how many samples the database holds."""
    return sum(row["count"] for row in influx.query("SELECT count(seq) FROM /.*/"))


def run_plain(influx: InfluxDB, loads: list[Load], *, writers: int) -> dict[str, Any]:
    count = len(loads[0].payloads)
    warm, bodies = bodies_of(loads, range(1)), bodies_of(loads, range(1, count))
    influx.create_database(influx.database)
    plain_writer(influx, warm, writers=1)
    cpu = Cpu(influxdb=influx.pid)
    took_s = plain_writer(influx, bodies, writers=writers)
    return {"took_s": took_s, "influxdb_cpu_s": cpu.used()["influxdb"]}


def run_controller(
    influx: InfluxDB, broker: Mosquitto, loads: list[Load], directory: Path
) -> dict[str, Any]:
    influx.create_database(influx.database)
    store = f"influxdb://{influx.host}:{influx.port}/{influx.database}?version=1"
    controller = ControllerProcess(directory, broker, store=store, more="rules: [rules.yaml]\n")
    directory.mkdir()
    (directory / "rules.yaml").write_text(RULES, encoding="utf-8")
    with controller:
        cpu = Cpu(influxdb=influx.pid, controller=controller.pid, broker=broker.pid)
        figures = run_load(broker, loads, directory, cpu)
        figures["controller_rss_mb"] = round(psutil.Process(controller.pid).memory_info().rss / 1e6)
    return figures


def run_naive(
    influx: InfluxDB, broker: Mosquitto, loads: list[Load], directory: Path
) -> dict[str, Any]:
    influx.create_database(influx.database)
    command = [sys.executable, "-m", "benchmarks.controller_naive", str(broker.port)]
    process = subprocess.Popen(
        [*command, influx.http_url, influx.database], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        cpu = Cpu(influxdb=influx.pid, controller=process.pid, broker=broker.pid)
        directory.mkdir()
        return run_load(broker, loads, directory, cpu)
    finally:
        process.kill()
        process.wait()


def finish(figures: dict[str, Any], influx: InfluxDB, loads: list[Load]) -> dict[str, Any]:
    """Add rates and what is missing; empty the database."""
    count = len(loads[0].payloads)
    values = sum(load.values * (count - 1) // count for load in loads)
    samples = sum(decode_batch(load.payloads[-1]).last for load in loads)
    figures |= {"values": values, "values_per_s": round(values / figures["took_s"])}
    figures["missing_samples"] = samples - stored_samples(influx)
    if "controller_cpu_s" in figures:
        figures["values_per_cpu_s"] = round(values / figures["controller_cpu_s"])
        figures["cpu_to_influxdb"] = round(
            figures["controller_cpu_s"] / figures["influxdb_cpu_s"], 3
        )
    influx.drop_database(influx.database)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, default=200)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--devices", type=int, default=160, help="3.1 values each")
    parser.add_argument("--naive-batches", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="of plain writer and controller")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    start_ns = time.time_ns() - options.batches * 1_000_000_000
    loads = make_loads(
        gateways=options.gateways,
        devices=options.devices,
        batches=options.batches,
        start_ns=start_ns,
    )
    few = [
        Load(one.gateway, one.catalog, one.payloads[: options.naive_batches], 0) for one in loads
    ]
    few = [
        Load(
            one.gateway,
            one.catalog,
            one.payloads,
            sum(decode_batch(payload).value_count for payload in one.payloads),
        )
        for one in few
    ]
    report: dict[str, Any] = {"plain": [], "plain_two": [], "controller": []}
    with tempfile.TemporaryDirectory() as root, InfluxDB(Path(root) / "influx") as influx:
        directory = Path(root)
        for number in range(options.rounds):
            for name, writers in (("plain", 1), ("plain_two", 2)):
                figures = run_plain(influx, loads, writers=writers)
                report[name].append(finish(figures, influx, loads))
            with Mosquitto(directory / f"broker-{number}") as broker:
                figures = run_controller(influx, broker, loads, directory / f"run-{number}")
            report["controller"].append(finish(figures, influx, loads))
        if options.naive_batches:
            with Mosquitto(directory / "broker-naive") as broker:
                figures = run_naive(influx, broker, few, directory / "naive")
            report["naive"] = finish(figures, influx, few)
    report |= summary(report)
    text = json.dumps(report, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that are promised, over all rounds."""
    plain_s, two_s = (sum(one["took_s"] for one in report[name]) for name in ("plain", "plain_two"))
    controller_s = sum(one["took_s"] for one in report["controller"])
    used_s = sum(one["controller_cpu_s"] for one in report["controller"])
    influx_s = sum(one["influxdb_cpu_s"] for one in report["controller"])
    values = sum(one["values"] for one in report["controller"])
    result = {
        "rate_to_plain_writer": round(plain_s / controller_s, 3),
        "rate_to_two_plain_writers": round(two_s / controller_s, 3),
        "cpu_to_influxdb": round(used_s / influx_s, 3),
        "values_per_cpu_s": round(values / used_s),
    }
    if "naive" in report:
        naive = report["naive"]["values_per_cpu_s"]
        result["values_per_cpu_s_to_naive"] = round(values / used_s / naive, 1)
    return result


if __name__ == "__main__":
    sys.exit(main())
