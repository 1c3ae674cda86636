"""The doctor on real pseudo-terminals and sockets, with faults."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.finding.asks import READ_ONLY_FUNCTIONS
from tests.edge.finding.line_rig import ScriptedLine, Unit, line_in_thread, registers
from tests.edge.finding.threads import in_thread
from tests.support.modbus_script import Send, crc16, mbap, scripted_tcp

RUNNER = CliRunner()
CLIMATE = registers({1: 215, 2: 564}, function=4)
Diagnosed = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def diagnosed(tmp_path: Path) -> Diagnosed:
    def run(link: dict[str, Any], *unit_ids: int) -> list[dict[str, Any]]:
        name = {"zh": "名", "en": "name"}
        devices = [
            {
                "id": f"th-{unit}",
                "profile": "xy-md02",
                "unit_id": unit,
                "area": "r",
                "name": name,
                "interval_s": 10,
            }
            for unit in unit_ids
        ]
        config = {
            "gateway": "test-gateway",
            "school": {"id": "s", "name": name},
            "areas": [{"id": "r", "kind": "classroom", "name": name}],
            "uplink": {"broker": {"host": "127.0.0.1", "port": 1}},
            "spool": {"path": str(tmp_path / "spool.db")},
            "buses": [{"id": "line-1", "modbus": link, "devices": devices}],
        }
        path = tmp_path / "edge.yaml"
        path.write_text(json.dumps(config))
        result = RUNNER.invoke(app, ["doctor", "--config", str(path), "--json"])
        assert result.exit_code in (0, 1), result.output
        [bus] = orjson.loads(result.stdout)
        assert (result.exit_code == 0) is (not bus["findings"])
        return list(bus["findings"])

    return run


def serial(line: ScriptedLine, **more: Any) -> dict[str, Any]:
    return {"transport": "rtu", "port": line.path, "baud_rate": 9600, "timeout_s": 0.06} | more


def test_all_is_well(diagnosed: Diagnosed) -> None:
    with line_in_thread(ScriptedLine({1: CLIMATE, 2: CLIMATE})) as line:
        assert diagnosed(serial(line), 1, 2) == []

    assert {pdu[0] for _, pdu in line.sent} <= READ_ONLY_FUNCTIONS


def test_a_switch_set_wrong(diagnosed: Diagnosed) -> None:
    with line_in_thread(ScriptedLine({1: CLIMATE, 4: CLIMATE})) as line:
        first = diagnosed(serial(line), 1, 3)[0]

    assert (first["kind"], first["likelihood"]) == ("address_switch", 94)
    assert "unit 4" in first["what"]["en"]


def test_noise_around_good_answers_is_no_second_device(diagnosed: Diagnosed) -> None:
    def noisy(frame: bytes) -> bytes:
        return b"\x55\xaa" + frame + b"\x13\x37\x99"

    with line_in_thread(ScriptedLine({1: CLIMATE, 2: CLIMATE}, spoil={2: noisy})) as line:
        findings = diagnosed(serial(line), 1, 2)

    assert findings
    assert findings[0]["kind"] != "duplicate_address"


def test_two_units_with_one_address(diagnosed: Diagnosed) -> None:
    def twice(frame: bytes) -> bytes:
        other = bytes([frame[0], 4, len(frame) - 5]) + bytes(len(frame) - 5)
        return frame + other + crc16(other)

    with line_in_thread(ScriptedLine({1: CLIMATE, 2: CLIMATE}, spoil={2: twice})) as line:
        first = diagnosed(serial(line), 1, 2)[0]

    assert first["kind"] == "duplicate_address"
    assert first["devices"] == ["th-2 (unit 2)"]


def test_checksum_noise_on_all(diagnosed: Diagnosed) -> None:
    calls: dict[int, int] = {}

    def sometimes(frame: bytes) -> bytes:
        calls[frame[0]] = calls.get(frame[0], 0) + 1
        broken = calls[frame[0]] == 2
        return frame[:-1] + bytes([frame[-1] ^ 0x55]) if broken else frame

    spoil = dict.fromkeys((1, 2, 3), sometimes)
    units: dict[int, Unit] = dict.fromkeys((1, 2, 3), CLIMATE)
    with line_in_thread(ScriptedLine(units, spoil=spoil)) as line:
        first = diagnosed(serial(line), 1, 2, 3)[0]

    assert first["kind"] == "noise"


def test_another_baud_rate(diagnosed: Diagnosed) -> None:
    with line_in_thread(ScriptedLine({1: CLIMATE, 2: CLIMATE}, baud_rate=19200)) as line:
        first = diagnosed(serial(line), 1, 2)[0]

    assert first["kind"] == "serial_settings"
    assert "19200" in first["what"]["zh"]


def test_nobody_there(diagnosed: Diagnosed) -> None:
    with line_in_thread(ScriptedLine({})) as line:
        found = diagnosed(serial(line), 1, 2)

    assert [one["kind"] for one in found][:2] == ["ab_swapped", "no_power_or_cable"]


def test_only_an_echo(diagnosed: Diagnosed) -> None:
    with line_in_thread(ScriptedLine({}, echo=True)) as line:
        assert diagnosed(serial(line), 1)[0]["kind"] == "echo"


def test_an_echo_beside_answers_is_no_trouble(diagnosed: Diagnosed) -> None:
    with line_in_thread(ScriptedLine({1: CLIMATE}, echo=True)) as line:
        [found] = diagnosed(serial(line), 1)

    assert (found["kind"], found["likelihood"]) == ("echo", 30)


def test_a_port_that_is_not_there(diagnosed: Diagnosed) -> None:
    link = {"transport": "rtu", "port": "/dev/not-there"}

    assert diagnosed(link, 1)[0]["kind"] == "port_not_opened"


def tcp(port: int, **more: Any) -> dict[str, Any]:
    return {"transport": "tcp", "host": "127.0.0.1", "port": port, "timeout_s": 0.1} | more


def test_a_converter_taken_for_a_gateway(diagnosed: Diagnosed) -> None:
    async def rtu_only(request: bytes, send: Send) -> None:
        if crc16(request[:-2]) == request[-2:] and request[0] == 1:
            body = bytes([1]) + CLIMATE(request[1:-2])
            send(body + crc16(body))

    with in_thread(lambda: scripted_tcp(rtu_only)) as device:
        first = diagnosed(tcp(device.port), 1)[0]

    assert first["kind"] == "wrong_protocol"
    assert "rtu_over_tcp" in first["check"]["en"]


def test_a_unit_id_that_the_device_does_not_have(diagnosed: Diagnosed) -> None:
    async def only_255(request: bytes, send: Send) -> None:
        if request[6] == 255:
            send(mbap(request, CLIMATE(request[7:])))

    with in_thread(lambda: scripted_tcp(only_255)) as device:
        first = diagnosed(tcp(device.port), 7)[0]

    assert first["kind"] == "unit_id_tcp"


def test_a_gateway_that_gives_up(diagnosed: Diagnosed) -> None:
    calls = 0

    async def gateway(request: bytes, send: Send) -> None:
        nonlocal calls
        calls += 1
        refused = bytes([request[7] | 0x80, 11])
        send(mbap(request, CLIMATE(request[7:]) if calls % 3 == 1 else refused))

    with in_thread(lambda: scripted_tcp(gateway)) as device:
        assert diagnosed(tcp(device.port), 1)[0]["kind"] == "gateway_timeout"


def test_a_bus_that_is_not_configured(tmp_path: Path, diagnosed: Diagnosed) -> None:
    with line_in_thread(ScriptedLine({1: CLIMATE})) as line:
        diagnosed(serial(line), 1)

    path = tmp_path / "edge.yaml"
    result = RUNNER.invoke(app, ["doctor", "--config", str(path), "--bus", "line-9"])

    assert result.exit_code == 2
    assert "known: line-1" in result.output
