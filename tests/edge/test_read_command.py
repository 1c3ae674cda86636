"""`campus edge read` against devices on real sockets and a real serial line."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from tests.support.modbus_script import Send, mbap, registers, rtu, scripted_serial, scripted_tcp
from tests.support.servers import SerialPair

RUNNER = CliRunner()


async def climate(request: bytes, send: Send) -> None:
    """An XY-MD02 at 21.5 °C and 56.4 %RH; silent for every unit but 1."""
    is_tcp = request[2:4] == b"\0\0" and len(request) == 12
    unit = request[6] if is_tcp else request[0]
    if unit == 1:
        send((mbap if is_tcp else rtu)(request, registers(215, 564, function=4)))


@contextmanager
def in_thread(make: object, *arguments: object) -> Iterator[int]:
    """Serve a scripted device from another thread, as the command runs a loop of its own."""
    started, ports = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with make(*arguments) as device:  # type: ignore[operator]
            ports.append(getattr(device, "port", 0))
            started.set()
            await stop.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def test_reads_a_device_over_tcp() -> None:
    with in_thread(scripted_tcp, climate) as port:
        result = RUNNER.invoke(app, ["read", "xy-md02", "--tcp", f"127.0.0.1:{port}", "--json"])

    assert result.exit_code == 0, result.output
    [device] = orjson.loads(result.stdout)
    assert device["points"] == [
        {
            "point": "temperature",
            "value": 21.5,
            "unit": "°C",
            "quality": "good",
            "raw": [215],
            "place": "input 1",
            "problem": None,
        },
        {
            "point": "relative_humidity",
            "value": 56.4,
            "unit": "%RH",
            "quality": "good",
            "raw": [564],
            "place": "input 2",
            "problem": None,
        },
    ]


@pytest.mark.parametrize(("language", "words"), [("zh", "温度"), ("en", "temperature")])
def test_shows_a_table_in_either_language(
    serial_pair: SerialPair, language: str, words: str
) -> None:
    port = str(serial_pair.gateway_port)
    with in_thread(scripted_serial, serial_pair.device_port, climate):
        result = RUNNER.invoke(
            app,
            ["read", "xy-md02", "--serial", port, "--language", language],
            env={"COLUMNS": "160"},
        )

    assert result.exit_code == 0, result.output
    for text in (words, "21.5 °C", "00D7", "input 1"):
        assert text in result.stdout


def test_a_silent_device_is_shown_as_such() -> None:
    with in_thread(scripted_tcp, climate) as port:
        result = RUNNER.invoke(
            app,
            f"read xy-md02 --tcp 127.0.0.1:{port} --unit 9 --timeout 0.1 --language en".split(),
            env={"COLUMNS": "160"},
        )

    assert result.exit_code == 1
    assert "no answer" in result.stdout


def test_reads_the_devices_of_a_configuration(tmp_path: Path) -> None:
    with in_thread(scripted_tcp, climate) as port:
        path = tmp_path / "edge.yaml"
        path.write_text(CONFIG.replace("PORT", str(port)), encoding="utf-8")
        every = RUNNER.invoke(app, ["read", "--config", str(path), "--json"])
        one = RUNNER.invoke(app, ["read", "--config", str(path), "th-1", "--json"])
        unknown = RUNNER.invoke(app, ["read", "--config", str(path), "th-9"])

    assert every.exit_code == 1  # th-2 is silent
    assert [device["device"] for device in orjson.loads(every.stdout)] == ["th-1", "th-2"]
    assert orjson.loads(every.stdout)[1]["points"][0]["quality"] == "no_answer"
    assert one.exit_code == 0
    assert unknown.exit_code == 2
    assert "known: th-1, th-2" in unknown.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which profile"),
        (["xy-md02"], "--tcp"),
        (["xy-md02", "--tcp", "h", "--serial", "p"], "either"),
        (["xy-md20", "--tcp", "h"], "xy-md02"),
        (["z2m-door-contact", "--tcp", "h"], "MQTT"),
        (["xy-md02", "--tcp", "host:port"], "HOST:PORT"),
        (["xy-md02", "--tcp", "h", "--unit", "256"], "unit"),
        (["xy-md02", "--serial", "p", "--parity", "X"], "parity"),
    ],
)
def test_what_cannot_be_tried_says_why(arguments: list[str], words: str) -> None:
    result = RUNNER.invoke(app, ["read", *arguments])

    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


SMALL = (
    """
id: small
vendor: Maker
model: small
category: other
labels: {zh: 表, en: meter}
evidence: datasheet
sources: [{ref: https://example.org, kind: test}]
protocol: modbus
modbus: {address_base: 0}
points:
"""
    + "".join(
        f"  - {{name: r_{n}, labels: {{zh: 值, en: value}}, "
        f"read: {{input_type: holding, address: {n}, data_type: uint16}}}}\n"
        for n in range(25)
    )
    + """
  - {name: both, labels: {zh: 和, en: sum}, compute: {sum: [r_1, r_2]}}
  - name: name
    labels: {zh: 名, en: name}
    read: {input_type: holding, address: 16706, data_type: string, length: 1}
"""
)

CONFIG = """
gateway: gw-read
school: {id: s1, name: {zh: 学校, en: School}}
areas: [{id: r1, kind: classroom, name: {zh: 教室, en: Room}}]
uplink: {broker: {host: 127.0.0.1}}
spool: {path: spool.db}
buses:
  - id: b1
    modbus: {transport: tcp, host: 127.0.0.1, port: PORT, timeout_s: 0.1}
    devices:
      - {id: th-1, profile: xy-md02, unit_id: 1, area: r1, name: {zh: 一, en: one}, interval_s: 5}
      - {id: th-2, profile: xy-md02, unit_id: 2, area: r1, name: {zh: 二, en: two}, interval_s: 5}
"""


async def small_meter(request: bytes, send: Send) -> None:
    """Ten registers at a time; register n holds n. Every third request finds it busy."""
    first, count = int.from_bytes(request[8:10]), int.from_bytes(request[10:12])
    small_meter.asked += 1  # type: ignore[attr-defined]
    if small_meter.asked % 3 == 1:  # type: ignore[attr-defined]
        send(mbap(request, bytes([0x83, 6])))
    elif count > 10:
        send(mbap(request, bytes([0x83, 3])))
    else:
        send(mbap(request, registers(*range(first, first + count), function=3)))


def test_what_is_refused_at_once_is_read_in_parts(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    small_meter.asked = 0  # type: ignore[attr-defined]
    with in_thread(scripted_tcp, small_meter) as port:
        link = ["--tcp", f"127.0.0.1:{port}", "--profiles", str(tmp_path), "--json"]
        result = RUNNER.invoke(app, ["read", "small", *link])

    [device] = orjson.loads(result.stdout)
    seen = {point["point"]: point["value"] for point in device["points"]}
    assert seen == {**{f"r_{n}": n for n in range(25)}, "both": 3, "name": "AB"}
    assert result.exit_code == 0
