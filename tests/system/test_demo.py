"""`campus demo` unattended: everything the devices showed is stored once, and the story is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.alone]

RUN_TIMEOUT_S = 150
SECONDS = 45
EDGE_MB_MAX = 60  # what an edge agent may hold resident, with ten times as many devices
OUTCOMES = {"succeeded", "failed", "rejected", "expired", "unknown"}
Json = dict[str, Any]


def demo(directory: Path, *options: str) -> tuple[Json, str]:
    """Run the demo to its end and return its report and what it printed."""
    report = directory / "report.json"
    command = [sys.executable, "-m", "campus_cli.main", "demo", "--for", str(SECONDS)]
    result = subprocess.run(
        [*command, "--report", str(report), "--keep", str(directory / "run"), *options],
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"COLUMNS": "120"},
    )
    assert "Traceback" not in result.stdout + result.stderr
    assert report.exists(), result.stdout + result.stderr
    found: Json = json.loads(report.read_text(encoding="utf-8"))
    assert result.returncode == 0, (found["shortfalls"], found["samples"])
    return found, result.stdout


@pytest.mark.timeout(RUN_TIMEOUT_S + 10)
@pytest.mark.parametrize(
    ("broker", "store"), [("embedded", "duckdb"), ("mosquitto", "influxdb")], ids=lambda one: one
)
def test_demo(tmp_path: Path, broker: str, store: str) -> None:
    options = ["--broker", broker, "--store", store] if broker == "mosquitto" else []

    report, page = demo(tmp_path, *options)

    assert (report["broker"], report["store"]) == (broker, store)
    assert report["devices"] >= 60
    assert_all_is_stored(report["samples"])
    assert_the_story_was_told(report)
    assert_notices_arrived(report)
    assert_commands_ended(report["commands"])
    assert_processes_are_told(report["processes"], store=store)
    assert_it_was_told_to_people(page)
    assert_it_leaves_nothing_behind(tmp_path)


def assert_all_is_stored(samples: Json) -> None:
    assert samples["missing"] == samples["duplicated"] == samples["phantom"] == 0
    assert samples["produced"] == samples["stored"] > 1000


def assert_the_story_was_told(report: Json) -> None:
    [leak] = [alarm for alarm in report["alarms"] if alarm["rule"] == "ammonia-high"]
    steps = [datetime.fromisoformat(leak[step]) for step in ("raised", "acknowledged", "cleared")]
    assert steps == sorted(steps)
    assert leak["place"]
    latency = report["latency_ms"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]


def assert_notices_arrived(report: Json) -> None:
    alarms = {alarm["id"] for alarm in report["alarms"]}
    assert {"raised", "acknowledged", "cleared"} <= {one["kind"] for one in report["notices"]}
    for notice in report["notices"]:
        assert notice["alarm"] in alarms
        assert notice["channel"] == "sink"
        assert notice["sent"]
        assert notice["accepted"]


def assert_commands_ended(commands: list[Json]) -> None:
    assert {command["outcome"] for command in commands} <= OUTCOMES
    [asked] = [command for command in commands if command["device"] == "relay-1"]
    assert asked["outcome"] == "succeeded"
    assert asked["value_read"] == asked["value"] == 1
    assert any(command["by"].startswith("rule:") for command in commands)


def assert_processes_are_told(processes: Json, *, store: str) -> None:
    names = {"broker", "sink", "controller", "sims", "sunrise-class", "sunrise-lab"}
    assert processes.keys() == names | ({"influxdb"} if store == "influxdb" else set())
    for name, usage in processes.items():
        assert usage["cpu_s"] > 0, name
        assert 0 < usage["rss_mb"] <= usage["rss_max_mb"], name
    for edge in ("sunrise-class", "sunrise-lab"):
        assert processes[edge]["rss_max_mb"] <= EDGE_MB_MAX


def assert_it_was_told_to_people(page: str) -> None:
    for words in (
        "泄漏",
        "alarm",
        "acknowledged",
        "Alarms 报警",
        "Commands 命令",
        "nothing missing",
    ):
        assert words in page


def assert_it_leaves_nothing_behind(directory: Path) -> None:
    left = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any(str(directory) in word for word in process.info["cmdline"] or ())
    ]
    assert left == []
    logs = sorted((directory / "run").glob("*.log"))
    assert len(logs) >= len(("controller", "sims", "sink", "broker", "two", "edges"))
    for log in logs:
        assert "Traceback" not in log.read_text(encoding="utf-8", errors="replace"), log
