"""`campus sims` as a program."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_sims.cli import app
from firmware_sims.control import send_order
from tests.sims.client import connected, read_pdu
from tests.sims.schools import DEMO, described, device, tcp_bus
from tests.support.servers import free_port, wait_until

PROGRAM = [sys.executable, "-c", "from firmware_sims.cli import app; app()"]
runner = CliRunner()


def small(tmp_path: Path) -> Path:
    path = tmp_path / "school.yaml"
    devices = (device("th-1", "xy-md02"), device("gas-1", "copeland-c-series", "store-1"))
    path.write_text(json.dumps(described(tcp_bus(*devices))))  # JSON is YAML
    return path


def test_check_counts_devices() -> None:
    result = runner.invoke(app, ["check", str(DEMO), "--json"])

    assert result.exit_code == 0
    counts = json.loads(result.stdout)["devices"]
    assert sum(counts.values()) >= 60
    assert len(counts) == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [("areas: [", "school.yaml:1"), ("seed: -1\n", "seed"), ("{}", "school")],
)
def test_a_bad_file_is_told_without_a_traceback(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "school.yaml"
    path.write_text(text)

    for command in ("check", "run"):
        result = runner.invoke(app, [command, str(path)])
        assert result.exit_code == 1
        assert message in result.stderr
        assert "Traceback" not in result.output


def test_a_missing_profile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "school.yaml"
    path.write_text(json.dumps(described(tcp_bus(device("th-1", "nothing")))))

    result = runner.invoke(app, ["run", str(path)])

    assert result.exit_code == 1
    assert "there is no profile 'nothing'" in result.stderr


@pytest.mark.parametrize("text", ["{", "[]"])
def test_an_order_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    assert runner.invoke(app, ["order", str(tmp_path / "x"), text]).exit_code == 2


def test_an_order_to_nobody_says_so(tmp_path: Path) -> None:
    result = runner.invoke(app, ["order", str(tmp_path / "x"), '{"do": "state"}'])

    assert result.exit_code == 1


@pytest.mark.integration
async def test_a_run_from_outside(tmp_path: Path) -> None:
    control, truth = tmp_path / "control.json", tmp_path / "truth.jsonl"
    arguments = ["run", str(small(tmp_path)), "--json", "--seed", "5"]
    arguments += ["--truth", str(truth), "--control", str(control)]
    arguments += ["--print-edge-config", str(tmp_path / "edge")]
    process = subprocess.Popen(  # noqa: ASYNC220 - its pipes are read in threads
        [*PROGRAM, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        started = json.loads(await asyncio.to_thread(process.stdout.readline))
        await asyncio.to_thread(wait_until, control.exists, what="the control file")
        async with connected(started["ports"]["tcp-1"]) as client:
            assert len(await client.ask(1, read_pdu(4, 1, 2))) == 6

        process.stdin.write('{"do": "fault", "device": "th-1", "kind": "exception"}\n')
        process.stdin.flush()
        assert json.loads(await asyncio.to_thread(process.stdout.readline)) == {"ok": True}
        async with connected(started["ports"]["tcp-1"]) as client:
            assert (await client.ask(1, read_pdu(4, 1, 2))).hex() == "8404"

        assert (await send_order(control, {"do": "stop"}))["ok"]
        out, errors = await asyncio.to_thread(process.communicate, timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()

    assert process.returncode == 0, errors
    ended = json.loads(out.splitlines()[-1])
    assert (ended["ended"], ended["readings"]) == ("test", 1)
    assert not control.exists()
    assert [json.loads(line)["device"] for line in truth.read_text().splitlines()] == [
        "th-1",
        "th-1",
    ]
    assert (tmp_path / "edge" / "test-1.yaml").exists()


@pytest.mark.integration
def test_a_run_for_some_seconds_shows_where_to_find_it(tmp_path: Path) -> None:
    arguments = ["run", str(DEMO), "--for", "1", "--broker", f"127.0.0.1:{free_port()}"]
    result = subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"COLUMNS": "160", "PATH": "/usr/bin:/bin"},
    )

    assert result.returncode == 0, result.stderr
    assert "sunrise-lab" in result.stdout
    assert "rtu" in result.stdout
    assert "ended:" in result.stdout
    assert "Traceback" not in result.stderr
