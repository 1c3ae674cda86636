"""Scans of real pseudo-terminals and sockets."""

import asyncio
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from edge_agent.cli import app
from edge_agent.finding.asks import READ_ONLY_FUNCTIONS
from edge_agent.finding.hosts import Endpoint
from edge_agent.finding.matching import Matcher
from edge_agent.finding.scan import ScanResult, SerialScan, scan_serial
from edge_agent.finding.scan_tcp import TcpScan, scan_tcp
from edge_agent.finding.settings import Progress, SerialSetting, likely_settings
from tests.edge.finding.line_rig import (
    ScriptedLine,
    Unit,
    line_in_thread,
    refuses,
    registers,
    serving,
    silent,
)
from tests.support.modbus_script import Send, mbap, scripted_tcp

RUNNER = CliRunner()
CLIMATE = registers({1: 215, 2: 564}, function=4)
QUICK_S = 0.1


def identified(vendor: str, model: str) -> Unit:
    """A device that says who it is and refuses all else."""

    def answer(pdu: bytes) -> bytes:
        if pdu[0] != 43:
            return bytes([pdu[0] | 0x80, 2])
        objects = b"".join(
            bytes([number, len(text)]) + text.encode()
            for number, text in enumerate((vendor, model))
        )
        return bytes([43, 14, 1, 1, 0, 0, 2]) + objects

    return answer


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(one for one in Library.builtin() if isinstance(one, ModbusProfile))


async def scanned(
    line: ScriptedLine,
    matcher: Matcher,
    units: range,
    *settings: SerialSetting,
    timeout_s: float = QUICK_S,
    **more: object,
) -> ScanResult:
    result = ScanResult()
    plan = SerialScan(
        line.path,
        settings or (SerialSetting(9600),),
        tuple(units),
        timeout_s=timeout_s,
        **more,  # type: ignore[arg-type]
    )
    await scan_serial(plan, matcher, result, lambda _: None)
    return result


async def test_finds_who_answers_and_who_refuses(matcher: Matcher) -> None:
    units = {3: CLIMATE, 7: refuses(2), 9: identified("Peacefair", "PZEM-016")}
    async with serving(ScriptedLine(units)) as line:
        result = await scanned(line, matcher, range(1, 12))

    assert {one.unit for one in result.found} == {3, 7, 9}
    best = {one.unit: one.print_.proposals[:1] for one in result.found}
    assert best[3][0].profile == "xy-md02"
    assert best[9][0].profile == "pzem-016"
    assert result.finished


async def test_nothing_that_writes_ever_leaves(matcher: Matcher) -> None:
    """Whatever devices answer, only functions that read are sent."""
    units = {unit: identified("Acme", str(unit)) for unit in range(1, 4)}
    units |= {4: CLIMATE, 5: refuses(1), 6: registers(dict.fromkeys(range(200), 7))}
    async with serving(ScriptedLine(units)) as line:
        await scanned(line, matcher, range(1, 9), thorough=True)

    sent = {pdu[0] for _, pdu in line.sent}
    assert sent <= READ_ONLY_FUNCTIONS
    assert sent >= {1, 3, 4, 17, 43}
    assert all(pdu[1] == 14 for _, pdu in line.sent if pdu[0] == 43)


async def test_finds_the_setting_of_a_line(matcher: Matcher) -> None:
    line = ScriptedLine({5: CLIMATE, 22: CLIMATE}, baud_rate=19200)
    settings = likely_settings(baud_rates=[9600, 19200], parities=["N"], stop_bits=[1])
    async with serving(line):
        result = await scanned(line, matcher, range(3, 24), *settings)

    assert [one.unit for one in result.found] == [5, 22]
    assert {one.setting.text for one in result.found if one.setting} == {"19200 8N1"}


async def test_a_late_answer_is_its_own_units(matcher: Matcher) -> None:
    """It comes while the next unit is asked, and must not be taken for that one's."""
    line = ScriptedLine({3: CLIMATE}, delay_s={3: 0.25})
    async with serving(line):
        result = await scanned(line, matcher, range(2, 6), timeout_s=0.2)

    assert [one.unit for one in result.found] == [3]
    assert "late" in {one.kind for one in result.hints}


async def test_a_late_answer_between_those_of_another(matcher: Matcher) -> None:
    """It comes while somebody else is looked at closely."""
    line = ScriptedLine({2: CLIMATE, 3: CLIMATE}, delay_s={2: 0.25, 3: 0.03})
    async with serving(line):
        result = await scanned(line, matcher, range(2, 6))

    assert {one.unit: one.print_.proposals[0].profile for one in result.found} == {
        2: "xy-md02",
        3: "xy-md02",
    }


async def test_a_device_that_wants_a_pause_gets_one(matcher: Matcher) -> None:
    """It ignores what comes within 100 ms of its last answer, as its manual says."""
    loop = asyncio.get_running_loop()
    answered_s = loop.time()

    def needs_a_rest(pdu: bytes) -> bytes:
        nonlocal answered_s
        if loop.time() < answered_s + 0.1:
            return b""
        answered_s = loop.time()
        return CLIMATE(pdu)

    async with serving(ScriptedLine({2: needs_a_rest})) as line:
        result = await scanned(line, matcher, range(1, 3))

    [found] = result.found
    assert found.print_.proposals[0].profile == "xy-md02"


async def test_the_last_unit_may_be_slow_too(matcher: Matcher) -> None:
    async with serving(ScriptedLine({5: CLIMATE}, delay_s={5: 0.4})) as line:
        result = await scanned(line, matcher, range(3, 6))

    [found] = result.found
    assert found.unit == 5
    assert found.print_.proposals[0].profile == "xy-md02"


async def test_noise_is_a_hint_and_nobody(matcher: Matcher) -> None:
    line = ScriptedLine({3: CLIMATE}, spoil={3: lambda frame: frame[:-1] + b"\0"})
    async with serving(line):
        result = await scanned(line, matcher, range(1, 5))

    assert result.found == []
    assert {(one.kind, one.unit) for one in result.hints} == {("garbled", 3)}


async def test_an_echo_is_seen_through(matcher: Matcher) -> None:
    async with serving(ScriptedLine({3: CLIMATE}, echo=True)) as line:
        result = await scanned(line, matcher, range(1, 5))

    assert [one.unit for one in result.found] == [3]
    assert "echo" in {one.kind for one in result.hints}


async def test_a_stopped_scan_keeps_what_it_found(matcher: Matcher) -> None:
    result = ScanResult()
    async with serving(ScriptedLine({1: CLIMATE})) as line:
        plan = SerialScan(line.path, (SerialSetting(),), tuple(range(1, 248)), timeout_s=0.2)
        found = asyncio.Event()

        def tell(progress: Progress) -> None:
            if progress.found:
                found.set()

        running = asyncio.create_task(scan_serial(plan, matcher, result, tell))
        await found.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    assert [one.unit for one in result.found] == [1]
    assert not result.finished


def tcp_device(unit: Unit, *ids: int) -> object:
    async def answer(request: bytes, send: Send) -> None:
        if not ids or request[6] in ids:
            pdu = unit(request[7:])
            if pdu:
                send(mbap(request, pdu))

    return answer


async def test_a_device_that_ignores_the_unit_id_is_one(matcher: Matcher) -> None:
    async with scripted_tcp(tcp_device(CLIMATE)) as device:  # type: ignore[arg-type]
        result = ScanResult()
        plan = TcpScan((Endpoint("127.0.0.1", device.port),), tuple(range(1, 40)), timeout_s=0.1)
        await scan_tcp(plan, matcher, result, lambda _: None)

    [found] = result.found
    assert found.unit == 1
    assert found.also == (2, 3, 4)
    assert found.print_.proposals[0].profile == "xy-md02"


async def test_units_behind_a_gateway_are_told_apart(matcher: Matcher) -> None:
    async def gateway(request: bytes, send: Send) -> None:
        unit = request[6]
        pdu = CLIMATE(request[7:]) if unit in (2, 5) else bytes([request[7] | 0x80, 11])
        send(mbap(request, pdu))

    async with scripted_tcp(gateway) as device:
        result = ScanResult()
        plan = TcpScan((Endpoint("127.0.0.1", device.port),), tuple(range(1, 8)), timeout_s=0.2)
        await scan_tcp(plan, matcher, result, lambda _: None)

    assert [one.unit for one in result.found] == [2, 5]


async def test_addresses_where_nobody_listens_are_passed_over(matcher: Matcher) -> None:
    result = ScanResult()
    plan = TcpScan((Endpoint("127.0.0.1", 1), Endpoint("127.0.0.2", 1)))

    await scan_tcp(plan, matcher, result, lambda _: None)

    assert result.finished
    assert result.found == []


# --- the command ---------------------------------------------------------------------------------


def test_the_command_prints_and_writes_what_it_found(tmp_path: Path) -> None:
    piece = tmp_path / "found.yaml"
    with line_in_thread(ScriptedLine({3: CLIMATE, 5: refuses()})) as line:
        arguments = [
            *("scan", "--port", line.path, "--baud", "9600", "--parity", "N", "--stop-bits", "1"),
            *("--units", "1-6", "--timeout", "0.15", "--json", "--output", str(piece)),
        ]
        result = RUNNER.invoke(app, arguments)

    assert result.exit_code == 0, result.output
    found = orjson.loads(result.stdout)
    assert [one["unit_id"] for one in found["found"]] == [3, 5]
    assert found["found"][0]["proposals"][0]["profile"] == "xy-md02"
    assert found["found"][0]["proposals"][0]["reasons"][0]["zh"]
    text = piece.read_text()
    assert "profile: xy-md02" in text
    assert "unit 5: no profile fits" in text


def test_a_file_is_overwritten_only_after_asking(tmp_path: Path) -> None:
    piece = tmp_path / "found.yaml"
    piece.write_text("mine")
    with line_in_thread(ScriptedLine({1: CLIMATE})) as line:
        arguments = [
            *("scan", "--port", line.path, "--baud", "9600", "--parity", "N", "--stop-bits", "1"),
            *("--units", "1", "--timeout", "0.15", "--output", str(piece)),
        ]
        refused = RUNNER.invoke(app, arguments, input="n\n")
        kept = piece.read_text()
        agreed = RUNNER.invoke(app, arguments, input="y\n")

    assert refused.exit_code == 1
    assert kept == "mine"
    assert agreed.exit_code == 0
    assert "xy-md02" in piece.read_text()


def test_nothing_found_is_another_exit_code() -> None:
    with line_in_thread(ScriptedLine({1: silent})) as line:
        arguments = [
            *("scan", "--port", line.path, "--baud", "9600", "--parity", "N", "--stop-bits", "1"),
            *("--units", "1-2", "--timeout", "0.15"),
        ]
        result = RUNNER.invoke(app, arguments)

    assert result.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--port", "/dev/x", "--host", "h"],
        ["--port", "/dev/x", "--parity", "Q"],
        ["--port", "/dev/x", "--units", "0-300"],
        ["--host", "10.0.0.0/8"],
    ],
)
def test_wrong_options(arguments: list[str]) -> None:
    assert RUNNER.invoke(app, ["scan", *arguments]).exit_code == 2


def test_a_port_that_is_not_there() -> None:
    result = RUNNER.invoke(app, ["scan", "--port", "/dev/not-there"])

    assert result.exit_code == 1
    assert "not-there" in result.output
