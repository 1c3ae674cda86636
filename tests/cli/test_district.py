"""The operator's commands against a running controller: tokens, alarms, the wire."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from campus_wire.topics import Up
from tests.cli.program import campus
from tests.controller.core.process import gateway
from tests.controller.core.samples import TOO_HOT, catalog, payload
from tests.support.controller_process import ControllerProcess
from tests.support.servers import Mosquitto

# A dozen processes one after the other: a busy machine takes its time.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

HOT_DEVICES = 3


@pytest.fixture
async def controller(
    tmp_path: Path, mosquitto: Mosquitto, gateway_id: str
) -> AsyncIterator[ControllerProcess]:
    """A controller to which one gateway has said that three rooms are too hot."""
    (tmp_path / "rules.yaml").write_text(TOO_HOT, encoding="utf-8")
    one = ControllerProcess(
        tmp_path, mosquitto, store="duckdb:///t.duckdb", more="rules: [rules.yaml]\n"
    )
    await asyncio.to_thread(one.start)
    of = catalog(gateway_id)
    try:
        async with gateway(mosquitto, of) as sender:
            now_ns = time.time_ns()
            await sender.introduce(time_ns=now_ns)
            await sender.publish(Up.BATCH, payload(of, 1, time_ns=now_ns, value=50.0))
            await sender.until(lambda: sender.stored == {1, 2, 3})
            yield one
            await sender.publish(Up.STATUS, b"", retain=True)
            await sender.publish(Up.CATALOG, b"", retain=True)
    finally:
        await asyncio.to_thread(one.stop)


async def test_an_operator_s_shift(controller: ControllerProcess, tmp_path: Path) -> None:
    await asyncio.to_thread(shift, controller, tmp_path)


def shift(controller: ControllerProcess, tmp_path: Path) -> None:
    config = controller.config
    made = campus("controller", "token", "create", "duty desk", "--role", "operator", "-c", config)
    assert made.returncode == 0
    seen = campus("controller", "token", "create", "wall", "-c", config, "--json")
    viewer = json.loads(seen.stdout)["token"]
    twice = campus("controller", "token", "create", "wall", "-c", config)
    assert twice.returncode == 1
    assert "wall" in twice.stderr

    operator_file = tmp_path / "operator.token"
    operator_file.write_text(made.stdout, encoding="utf-8")
    url = ("--url", f"http://127.0.0.1:{controller.port}")
    operator = (*url, "--token-file", operator_file)
    look_around(operator)
    acknowledge(url, operator, viewer)
    revoke(config, operator)


def look_around(operator: tuple[object, ...]) -> None:
    found = json.loads(campus("alarms", "list", *operator, "--json").stdout)
    assert len(found) == HOT_DEVICES
    assert {alarm["value"] for alarm in found} == {50.0}
    chinese = campus("alarms", "list", *operator)
    english = campus("alarms", "list", *operator, "--language", "en")
    assert "过热" in chinese.stdout
    assert "Too hot" in english.stdout
    assert "50 °C" in english.stdout
    nobody = campus("alarms", "list", *operator, "--school", "elsewhere", "--json")
    assert (nobody.returncode, json.loads(nobody.stdout)) == (0, [])


def acknowledge(url: tuple[str, str], operator: tuple[object, ...], viewer: str) -> None:
    alarm = json.loads(campus("alarms", "list", *operator, "--json").stdout)[0]["id"]
    refused = campus("alarms", "ack", alarm, *url, env={"CAMPUS_TOKEN": viewer})
    assert refused.returncode == 1
    assert "operator" in refused.stderr
    wrong = campus("alarms", "ack", alarm, *url, env={"CAMPUS_TOKEN": "wrong"})
    assert wrong.returncode == 1
    assert "unknown or revoked" in wrong.stderr

    done = campus("alarms", "ack", alarm[:12], *operator, "--note", "窗已开", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["acked_by"] == "duty desk"
    again = campus("alarms", "ack", alarm, *operator)
    assert again.returncode == 1
    assert "acknowledged" in again.stderr
    unknown = campus("alarms", "ack", "nothing-like-it", *operator)
    assert unknown.returncode == 1
    assert "nothing-like-it" in unknown.stderr


def revoke(config: Path, operator: tuple[object, ...]) -> None:
    assert campus("controller", "token", "revoke", "duty desk", "-c", config).returncode == 0
    shut = campus("alarms", "list", *operator)
    assert shut.returncode == 1
    assert "revoked" in shut.stderr
    unknown = campus("controller", "token", "revoke", "nobody", "-c", config)
    assert unknown.returncode == 1
    listed = campus("controller", "token", "list", "-c", config)
    assert all(name in listed.stdout for name in ("duty desk", "wall"))
    tokens = json.loads(campus("controller", "token", "list", "-c", config, "--json").stdout)
    assert [token["name"] for token in tokens if token["revoked_ns"]] == ["duty desk"]
    last = campus("controller", "token", "revoke", "first", "-c", config)
    assert last.returncode == 1
    assert "admin" in last.stderr


def test_a_configuration_without_a_controller(tmp_path: Path) -> None:
    """Checking starts nothing; the district's key is made once and its gateways' keys follow."""
    config = tmp_path / "controller.yaml"
    config.write_text("broker: {host: 127.0.0.1}\n", encoding="utf-8")

    checked = campus("controller", "check", "-c", config, "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["rules"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["controller.yaml"]

    keys = [
        campus("controller", "gateway-key", name, "-c", config).stdout
        for name in ("sunrise-1", "sunrise-1", "sunrise-2")
    ]
    assert keys[0] == keys[1] != keys[2]
    assert len(bytes.fromhex(keys[0].strip())) == 32
    assert stat.S_IMODE((tmp_path / "district.key").stat().st_mode) == 0o600
    assert campus("controller", "check", "-c", config).returncode == 0


async def test_the_wire_of_a_running_controller(
    controller: ControllerProcess, mosquitto: Mosquitto, gateway_id: str
) -> None:
    assert controller.is_running
    options = ("--port", mosquitto.port, "--gateway", gateway_id)
    text = await asyncio.to_thread(
        campus, "wire", "show", *options, "--kind", "catalog", "--count", 1, "--for", 20
    )
    assert text.returncode == 0, text.stderr
    assert gateway_id in text.stdout
    plain = await asyncio.to_thread(
        campus, "wire", "show", *options, "--kind", "status", "--count", 1, "--for", 20, "--json"
    )
    assert json.loads(plain.stdout)["message"]["state"] == "online"
