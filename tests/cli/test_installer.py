"""An installer at work: devices that answer, a checked configuration, values that are read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import CAMPUS, campus, environment
from tests.sims.schools import described, device, tcp_bus
from tests.support.servers import wait_until

# A dozen processes one after the other: a busy machine takes its time.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Running = tuple[subprocess.Popen[str], Path]


@pytest.fixture
def sims(tmp_path: Path) -> Iterator[Running]:
    """A school of two devices on one Modbus TCP gateway, and the folder of its run."""
    climate, gas = device("th-1", "xy-md02"), device("gas-1", "copeland-c-series", "store-1")
    text = json.dumps(described(tcp_bus(climate, gas)))  # JSON is YAML
    (tmp_path / "school.yaml").write_text(text, encoding="utf-8")
    options = ("--control", "orders.json", "--print-edge-config", "edge", "--json", "--seed", "7")
    process = subprocess.Popen(
        [*CAMPUS, "sims", "run", "school.yaml", *options],
        cwd=tmp_path,
        env=environment(),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_until((tmp_path / "orders.json").exists, what="the simulated school")
        yield process, tmp_path
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_devices_are_read_as_they_are(sims: Running) -> None:
    process, folder = sims
    config = ("--config", folder / "edge" / "test-1.yaml")
    checked = campus("edge", "check", *config, "--json")
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["gateway"] == "test-1"

    values, code = read(*config, "th-1")
    assert code == 0
    assert values["temperature"]["quality"] == "good"
    assert values["temperature"]["unit"] == "°C"
    table = campus("edge", "read", *config, "--language", "zh")
    assert table.returncode == 0, table.stdout
    assert "温度" in table.stdout
    unknown = campus("edge", "read", *config, "th-2")
    assert unknown.returncode == 2
    assert "known: th-1, gas-1" in unknown.stderr

    order(folder, {"do": "set", "device": "th-1", "point": "temperature", "value": 31.5})
    values, code = read(*config, "th-1")
    assert (code, values["temperature"]["value"]) == (0, 31.5)
    order(folder, {"do": "fault", "device": "th-1", "kind": "exception"})
    values, code = read(*config, "th-1")
    assert (code, values["temperature"]["value"]) == (1, None)
    assert values["temperature"]["quality"] == "exception"

    refused = campus("sims", "order", folder / "orders.json", '{"do": "clear", "device": "th-9"}')
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["ok"] is False
    assert order(folder, {"do": "stop"})["ok"]
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert json.loads(out.splitlines()[-1])["readings"] >= 4


def read(*arguments: object) -> tuple[dict[str, Any], int]:
    result = campus("edge", "read", *arguments, "--json")
    [found] = json.loads(result.stdout)
    return {point["point"]: point for point in found["points"]}, result.returncode


def order(folder: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    result = campus("sims", "order", folder / "orders.json", json.dumps(wanted))
    assert result.returncode == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_a_single_device_is_read_without_a_configuration(sims: Running) -> None:
    _, folder = sims
    state = campus("sims", "order", folder / "orders.json", '{"do": "state"}')
    port = json.loads(state.stdout)["ports"]["tcp-1"]

    result = campus(
        "edge", "read", "xy-md02", "--tcp", f"127.0.0.1:{port}", "--unit", "1", "--json"
    )

    assert result.returncode == 0, result.stderr
    [found] = json.loads(result.stdout)
    assert found["profile"] == "xy-md02"
    assert all(point["raw"] for point in found["points"])
