"""`campus wire show` as a program, on a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import paho.mqtt.publish
import pytest

from tests.support import good_payloads as good
from tests.support.servers import Mosquitto, free_port

pytestmark = pytest.mark.integration
UP = "campus/1/up/demo-school-1"


def show(broker: Mosquitto | int, *options: str) -> subprocess.CompletedProcess[str]:
    port = broker if isinstance(broker, int) else broker.port
    command = [sys.executable, "-m", "campus_cli.main", "wire", "show", "--port", str(port)]
    return subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=50, check=False
    )


@pytest.fixture
def filled(tmp_path: Path) -> Any:
    """A broker that holds a good catalog and a broken status, retained."""
    with Mosquitto(tmp_path) as broker:
        messages: list[Any] = [
            (f"{UP}/catalog", orjson.dumps(good.catalog_message()), 1, True),
            (f"{UP}/status", b"not JSON", 1, True),
            ("campus/1/up/other-school/status", b"{}", 1, True),
            (f"{UP}/batch", orjson.dumps(good.batch()), 1, True),
        ]
        paho.mqtt.publish.multiple(messages, hostname=broker.host, port=broker.port)
        yield broker


def test_it_prints_what_passes(filled: Mosquitto) -> None:
    result = show(filled, "--gateway", "demo-school-1", "--count", "3")

    assert result.returncode == 0, result.stderr
    assert "Sunrise Primary" in result.stdout
    assert "refused (json)" in result.stdout
    assert "3 samples, 5 values" in result.stdout
    assert "other-school" not in result.stdout


def test_json_is_one_object_a_line(filled: Mosquitto) -> None:
    result = show(filled, "--json", "--kind", "status", "--kind", "batch", "--count", "3")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, result.stderr
    by_kind = {(line["gateway"], line["kind"]): line for line in lines}
    assert by_kind["demo-school-1", "status"]["refused"] == "json"
    assert by_kind["other-school", "status"]["refused"] == "schema"
    assert by_kind["demo-school-1", "batch"]["message"]["last"] == 103


def test_it_ends_in_time_and_says_when_nothing_was_reached(filled: Mosquitto) -> None:
    assert show(filled, "--for", "1").returncode == 0
    assert show(filled, "--kind", "receipt", "--count", "1", "--for", "1").returncode == 1
    unreachable = show(free_port(), "--for", "1")
    assert unreachable.returncode == 1
    assert "(refused)" in unreachable.stderr
    assert "Traceback" not in unreachable.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--username", "u", "--host", "192.0.2.1", "--password-file", "p"], "unencrypted"),
        (["--kind", "telemetry"], "telemetry"),
        (["--gateway", "+", "--for", "1"], "no gateway id"),
    ],
)
def test_wrong_options_are_explained(options: list[str], message: str) -> None:
    result = show(free_port(), *options)

    assert result.returncode in {1, 2}
    assert message in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr
